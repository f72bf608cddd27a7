/* stat/sharpe_diff.h -- is one Sharpe ratio greater than another?
 *
 *   a, b      two series of net returns per period, the same dates, in date order; a pair with a
 *             missing value is dropped and the rest is taken as adjacent
 *   ratios    mean / std, ddof 1, per period; diff = that of a less that of b
 *
 * The ratio is a smooth function of the means of r and r^2, so that diff is to first order the mean
 * of u_t = f(a_t) - f(b_t), f(r) = (r-m)/s - SR/2 ((r-m)^2/s^2 - 1), divisor n in m and s.
 *   HAC        long-run variance of u with the Parzen kernel, Andrews's automatic bandwidth from
 *              AR(1) fits to a, b, a^2, b^2 (|rho| cut at 0.97), factor n/(n-4), no prewhitening;
 *              p from the normal
 *   bootstrap  studentised circular block bootstrap: (diff* - diff)/se*, se* from the sums of u*
 *              over the drawn blocks; the original is studentised by the HAC se
 *
 * Pure functions; what does not exist (fewer than 10 pairs, a series that does not vary, se 0) is
 * NaN.  A replication is a pure function of (seed, replication).
 *
 * Sources: Ledoit and Wolf, "Robust performance hypothesis testing with the Sharpe ratio", J.
 * Empirical Finance 15 (2008), sections 3.1 and 3.2; Andrews, Econometrica 59 (1991), eq. 5.3, 6.4.
 */
#ifndef QLAB_STAT_SHARPE_DIFF_H
#define QLAB_STAT_SHARPE_DIFF_H

#include "base/view.h"

typedef struct qlab_sharpe_diff {
    size_t n; /* pairs */
    double sr_a, sr_b, diff;
    double bandwidth; /* lags below it have weight */
    double se, t;
    double p;     /* one-sided: diff > 0 */
    double p_two; /* two-sided */
} qlab_sharpe_diff;

/* a and b are of one length (asserted). */
qlab_sharpe_diff qlab_sharpe_diff_hac(qlab_f64v a, qlab_f64v b);

typedef struct qlab_sharpe_diff_bootstrap {
    qlab_sharpe_diff hac;
    size_t block, n_blocks; /* n_blocks = n / block a replication */
    double p, p_two;        /* (1 + exceedances) / (B + 1); two-sided is symmetric */
    double lower;           /* one-sided bound: the true difference is above it */
} qlab_sharpe_diff_bootstrap;

/* block 0: the largest automatic circular block length of a, b and a - b, rounded, 1 to n/10.
 * confidence of the lower bound in (0, 1), .95 say; n_replications >= 1. */
qlab_sharpe_diff_bootstrap qlab_sharpe_diff_resample(qlab_f64v a, qlab_f64v b, size_t block,
                                                     uint64_t seed, size_t n_replications,
                                                     double confidence);

#endif
