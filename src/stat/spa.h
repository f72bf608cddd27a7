/* stat/spa.h -- step-down test for superior predictive ability of many models at once.
 *
 *   excess    n_models series of n_rows differences to the benchmark per period (net returns where
 *             the benchmark is cash), the same dates, in date order; no missing values (asserted)
 *   block     mean block length of the stationary bootstrap, >= 1, one for all models
 *   seed      replication r is a pure function of (seed, r): threads and order change no bit
 *
 * Model k has t_k = sqrt(n) mean_k / w_k with w_k^2 the variance of sqrt(n) mean under the
 * stationary bootstrap in closed form (Hansen 2005, eq. after 11; kernel of Politis and Romano).
 * A replication draws one set of dates for all models and has
 *   z_k = sqrt(n) (mean*_k - g_k) / w_k,  g_k = mean_k where t_k >= -sqrt(2 ln ln n), else 0
 * (consistent recentring: a model that is clearly bad does not count as a competitor).  With the
 * models in descending order of t, the p of the j-th is
 *   (1 + number of replications whose max(0, z_j, z_(j+1), ...) >= t_j) / (B + 1),
 * made non-decreasing in j; it is adjusted for all models (family-wise error) and the first of them
 * is the p of Hansen's test for the whole set.  A model with mean <= 0 has p = 1; one that does not
 * vary has no t and no p (NaN) and is not among the models that are tested.
 *
 * Sources: Hansen, JBES 23 (2005); Romano and Wolf, Econometrica 73 (2005), and Statistics and
 * Probability Letters 113 (2016) for the adjusted p; Politis and Romano, JASA 89 (1994).
 */
#ifndef QLAB_STAT_SPA_H
#define QLAB_STAT_SPA_H

#include "base/pool.h"
#include "base/view.h"

typedef struct qlab_spa_in {
    const double *const *excess;
    size_t n_models, n_rows;
    double block;
    uint64_t seed;
    size_t n_replications; /* >= 1 */
} qlab_spa_in;

typedef struct qlab_spa {
    double mean; /* of the differences */
    double se;   /* w / sqrt(n) */
    double t;
    double p;       /* adjusted */
    double p_alone; /* the same for this model by itself */
    bool recentred; /* counts as a competitor */
} qlab_spa;

/* The largest automatic block length over the models, from 1 to n/4; NaN where none exists. */
double qlab_spa_block(const double *const *excess, size_t n_models, size_t n_rows);

/* out has n_models places.  Fewer than 16 rows: all NaN.  pool: NULL = the caller's thread.  Fails
 * only when the pool was cancelled.  Memory: a copy of the input and 16 replications a worker. */
qlab_code qlab_spa_test(const qlab_spa_in *in, qlab_pool *pool, qlab_spa *out,
                        qlab_err *err) QLAB_MUST_USE;

#endif
