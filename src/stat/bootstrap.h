/* stat/bootstrap.h -- stationary bootstrap of one series and its block length.
 *
 *   x          one value a period in date order; NaN is dropped, the rest is taken as adjacent
 *   block      mean block length L > 0 in periods; blocks are geometric with mean max(L, 1) and
 * wrap around the end of the series seed, unit who draws: replication r of (seed, unit) is a pure
 * function of (seed, unit, r), so threads, order and restarts change no bit
 *
 * Pure functions; what does not exist (fewer than two values, a constant series) is NaN.
 *
 * Sources: Politis and Romano, JASA 89 (1994); Politis and White, Econometric Reviews 23 (2004),
 * with the correction of Patton, Politis and White, Econometric Reviews 28 (2009).
 */
#ifndef QLAB_STAT_BOOTSTRAP_H
#define QLAB_STAT_BOOTSTRAP_H

#include "base/view.h"

typedef struct qlab_block_length {
    size_t n;
    size_t m_hat, m; /* first lag from which K autocorrelations are nothing; bandwidth */
    double stationary, circular; /* periods, at most ceil(min(3 sqrt(n), n/3)) */
} qlab_block_length;

qlab_block_length qlab_block_length_of(qlab_f64v x);

/* The n_index positions in [0, n) of replication r; a block starts at a place with probability 1/n
 * to within 2^-32, and is at most 23 L long. */
void qlab_bootstrap_indices(size_t n, double block, uint64_t seed, uint64_t unit, uint64_t r,
                            uint32_t *index, size_t n_index);

typedef enum qlab_bootstrap_of { QLAB_BOOTSTRAP_MEAN, QLAB_BOOTSTRAP_SHARPE } qlab_bootstrap_of;

/* Replications [from, to) of the statistic into out[0..to-from): the mean, or mean / std (ddof 1).
 */
void qlab_bootstrap(qlab_f64v x, double block, qlab_bootstrap_of of, uint64_t seed, uint64_t unit,
                    uint64_t from, uint64_t to, double *out);

/* Share-p quantile of v[0..n), by linear interpolation between order statistics at p (n - 1) (type
 * 7 of Hyndman and Fan 1996); NaN values are left out.  v is put in ascending order. */
double qlab_quantile(double *v, size_t n, double p);

#endif
