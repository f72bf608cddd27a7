/* num/recur.h -- exponential averages: the value of a row comes from the value of the row before.
 *
 * Kernels: no allocation, no I/O, no globals; they cannot fail.  Preconditions are asserted.
 *
 *   in    borrowed, oldest row first.  ROW 0 IS WHERE THE RECURSION STARTS: the caller chooses it
 *         (METHODS 3: 560 valid bars before the calendar year, or the life's first bar) and so
 *         makes the bits independent of chunking.
 *   n     the period; the seed is the plain mean of the first n present values (summed oldest
 *         first), and stands at the row of the n-th of them.
 *   out   borrowed, written in full, as long as in; must not overlap in.
 *
 * Causal. Rows before the seed are NaN.  A missing row (NaN, +-Inf) gives NaN at that row and
 * leaves the state as it was; the recursion goes on at the next present row.
 * Step: y = (1 - a)*y + a*x, a rounded once.  O(rows).
 */
#ifndef QLAB_NUM_RECUR_H
#define QLAB_NUM_RECUR_H

#include "base/view.h"
#include <stdint.h>

/* Exponential moving average, a = 2/(n+1).  First value at row n - 1. */
void qlab_recur_ema(qlab_f64v in, size_t n, qlab_f64w out);

/* Wilder's average, a = 1/n.  First value at row n - 1. */
void qlab_recur_wilder(qlab_f64v in, size_t n, qlab_f64w out);

/* macd = EMA_fast - EMA_slow of close; signal = EMA_sig of macd, seeded with the mean of macd's
 * first sig values.  The slow average is computed in macd, the fast one in signal, then replaced.
 */
void qlab_recur_macd(qlab_f64v close, size_t fast, size_t slow, size_t sig, qlab_f64w macd,
                     qlab_f64w signal);

/* Relative strength index, 0..100 (Wilder 1978).  Changes start at row 1, so the first value is at
 * row n.  100 where the average loss is 0, 50 where both averages are. */
void qlab_recur_rsi(qlab_f64v close, size_t n, qlab_f64w out);

/* Wilder's average of the true range max(H, C1) - min(L, C1), C1 the close before.  Row 0 has no
 * close before and so no true range: the seed is the mean over rows 1..n, the first value at row n.
 */
void qlab_recur_atr(qlab_f64v high, qlab_f64v low, qlab_f64v close, size_t n, qlab_f64w out);

/* sqrt of the exponential average (a = 2/(n+1)) of logret^2, not centred, per row (not annualised).
 * Row 0 usually has no return (NaN); then the first value is at row n. */
void qlab_recur_ewma_vol(qlab_f64v logret, size_t n, qlab_f64w out);

/* The same from where an earlier stretch ended: the bits of both stretches at once.  {0, 0} is the
 * start; *state is left after the last row, with the same n each time. */
typedef struct qlab_recur_state {
    double y;      /* the average, or the sum of what came before the seed */
    uint64_t seen; /* present values, up to n */
} qlab_recur_state;
void qlab_recur_ewma_vol_on(qlab_recur_state *state, qlab_f64v logret, size_t n, qlab_f64w out);

#endif
