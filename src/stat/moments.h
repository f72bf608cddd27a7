/* stat/moments.h -- moments and autocorrelation of one series.
 *
 *   x   one value a period in date order; NaN is skipped (moments) or breaks no order (acf:
 * dropped, the rest taken as adjacent)
 *
 * Pure functions, no allocation; what does not exist is NaN.  Two passes: the level costs no
 * digits.
 */
#ifndef QLAB_STAT_MOMENTS_H
#define QLAB_STAT_MOMENTS_H

#include "base/view.h"

typedef struct qlab_moments {
    size_t n;
    double mean;
    double std;           /* ddof 1 */
    double skew, kurt;    /* biased g1 and g4 (normal: 0 and 3, never excess); NaN when constant */
    double skew_unbiased; /* G1 = g1 sqrt(n(n-1))/(n-2); n >= 3 */
    double kurt_unbiased; /* G2 + 3; n >= 4 */
} qlab_moments;

qlab_moments qlab_moments_of(qlab_f64v x);
/* sum (x_t - m)(x_{t+lag} - m) / sum (x_t - m)^2; NaN when constant or lag >= n. */
double qlab_autocorrelation(qlab_f64v x, size_t lag);

#endif
