/* stat/har.h -- tests of a mean under serial correlation.
 *
 *   x        one value a session in date order; NaN is dropped and the rest is taken as adjacent
 *   horizon  h >= 1 in sessions: labels of neighbouring sessions overlap by h - 1
 *
 * Both are one-sided against mean <= 0.  Pure functions; they cannot fail: where the statistic does
 * not exist (too few values, zero variance) t and p are NaN.  No allocation.
 *
 * HAR  Lazarus, Lewis, Stock and Watson, "HAR Inference: Recommendations for Practice", JBES 36
 *      (2018), section 3: the long-run variance is the mean of B squared cosine coefficients
 *      L_j = sqrt(2/T) sum_t cos(pi j (t-1/2)/T) x_t, and t is Student with B degrees of freedom.
 *      B = max(4, min(floor(0.41 T^(2/3)), floor(T/(2h)))).
 * NW   Newey and West, Econometrica 55 (1987): Bartlett weights 1 - l/(L+1), autocovariances with
 *      divisor T, no small-sample correction; p from the normal.
 */
#ifndef QLAB_STAT_HAR_H
#define QLAB_STAT_HAR_H

#include "base/view.h"

typedef struct qlab_har {
    size_t n; /* values used */
    size_t b; /* cosine terms = degrees of freedom */
    double mean;
    double lrv;  /* long-run variance of one value */
    double t, p; /* p one-sided: P(T_b > t) */
} qlab_har;

/* Terms for n values; 0 when n < 5 (fewer values than terms + 1). */
size_t qlab_har_terms(size_t n, size_t horizon);
qlab_har qlab_har_mean(qlab_f64v x, size_t horizon);
/* The same with B given; 1 <= b < n. */
qlab_har qlab_har_mean_b(qlab_f64v x, size_t b);

typedef struct qlab_newey_west {
    size_t n, lag;
    double mean;
    double lrv;
    double t, p; /* p one-sided, normal */
} qlab_newey_west;

/* lag is cut to n - 1. */
qlab_newey_west qlab_newey_west_mean(qlab_f64v x, size_t lag);

#endif
