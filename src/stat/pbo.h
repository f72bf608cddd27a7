/* stat/pbo.h -- probability of backtest overfitting by combinatorially symmetric cross-validation.
 *
 *   returns   n_models series of n_rows net returns per period, the same dates, in date order; no
 *             missing values (asserted)
 *   n_blocks  S, even, 2 to 20: the rows are cut into S blocks of floor(rows/S), the last takes the
 *             remainder
 *
 * Each of the C(S, S/2) choices of half the blocks is once in sample, the rest out of sample.  The
 * model with the greatest in-sample Sharpe ratio (mean / std, ddof 1; the first on a tie) has out
 * of sample the relative rank w = r/(N+1), r from 1 (worst) with average ranks on ties, and the
 * logit ln(w/(1-w)).  A model that does not vary over a half has the ratio 0 there.
 *
 * Pure functions of the input: no randomness, one thread.  What does not exist (fewer than two
 * models, fewer than 2 S rows) is NaN.  Memory: n_models * 2^(S/2) * 32 bytes.
 *
 * Source: Bailey, Borwein, Lopez de Prado and Zhu, "The Probability of Backtest Overfitting",
 * J. Computational Finance 20 (2017), sections 2 and 3.
 */
#ifndef QLAB_STAT_PBO_H
#define QLAB_STAT_PBO_H

#include "base/view.h"

enum { QLAB_PBO_MAX_BLOCKS = 20 };

typedef struct qlab_pbo {
    size_t n_rows, n_models, n_blocks;
    uint64_t n_halves;
    double pbo;       /* share of halves with logit <= 0 */
    double prob_loss; /* share of halves where the chosen model's ratio is < 0 out of sample */
    double slope, intercept; /* out-of-sample ratio of the chosen on its in-sample ratio, OLS */
    double mean_logit, mean_is, mean_oos; /* over halves; ratios of the chosen model, per period */
} qlab_pbo;

/* chosen: NULL, or n_models counts of the halves in which each was chosen. */
qlab_pbo qlab_pbo_of(const double *const *returns, size_t n_models, size_t n_rows, size_t n_blocks,
                     uint64_t *chosen);

#endif
