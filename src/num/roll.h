/* num/roll.h -- rolling statistics over one column.
 *
 * Kernels: no allocation, no I/O, no locks, no globals; they cannot fail.
 * A broken precondition is a bug in the caller and is asserted.
 *
 *   in    borrowed, read only, oldest row first.  NaN and +-Inf mean "missing".
 *   win   window length in ROWS (not days); the window ends at the current row.
 *   out   borrowed, written in full, as long as in; must not overlap in.
 *
 * Causal        out[i] depends on in[0..i] only.
 * Window-local  the BITS of out[i] depend on in[i-win+1..i] only, so a column computed in slices
 *               equals the column computed in one go.
 * Missing       out[i] is NaN for i < win - 1, while a missing row is inside the window, and where
 *               the result is not a finite number; never any longer.
 * Sums          are taken over a tree of adjacent rows whose shape is a function of win alone:
 *               cost O(rows log win), error <= (2 + log2 win) half ulps of the sum of magnitudes.
 * Range         |x| < 1e150 for std, zscore; < 1e100 for skew (beyond, NaN).
 */
#ifndef QLAB_NUM_ROLL_H
#define QLAB_NUM_ROLL_H

#include "base/view.h"

enum { QLAB_ROLL_MAX_WIN = 2048 }; /* longest window; bounds the kernels' stack */

/* Rows before the first value: win - 1.  1 <= win <= QLAB_ROLL_MAX_WIN. */
size_t qlab_roll_lookback(size_t win);

void qlab_roll_sum(qlab_f64v in, size_t win, qlab_f64w out);
void qlab_roll_mean(qlab_f64v in, size_t win, qlab_f64w out);
void qlab_roll_max(qlab_f64v in, size_t win, qlab_f64w out);
void qlab_roll_min(qlab_f64v in, size_t win, qlab_f64w out);

/* Standard deviation, divisor win - 1.  win >= 2.  Exactly 0 for a constant window.  Deviations are
 * taken from a row of the window before they are squared, so no digits are lost to the level:
 * relative error <= 1e-13 * win. */
void qlab_roll_std(qlab_f64v in, size_t win, qlab_f64w out);
/* (last - mean) / std; NaN where std is 0.  win >= 2. */
void qlab_roll_zscore(qlab_f64v in, size_t win, qlab_f64w out);
/* g1 = m3 / m2^1.5 with biased moments.  NaN for a constant window.  win >= 3.
 * Error <= 1e-15 * win^1.5 * (1 + |g1|). */
void qlab_roll_skew(qlab_f64v in, size_t win, qlab_f64w out);

/* sum(num) / sum(den) of each window; NaN where sum(den) is 0. */
void qlab_roll_ratio(qlab_f64v num, qlab_f64v den, size_t win, qlab_f64w out);
/* sum(x*w) / sum(w); NaN where sum(w) is 0. */
void qlab_roll_weighted_mean(qlab_f64v x, qlab_f64v w, size_t win, qlab_f64w out);
/* Mean of the present rows of each window where at least min_present (and one) are.  The first
 * value may stand at row win - 1, as everywhere. */
void qlab_roll_mean_present(qlab_f64v in, size_t win, size_t min_present, qlab_f64w out);
/* Median of each window (mean of the two middle rows for an even win).  O(rows * win), small
 * constant. */
void qlab_roll_median(qlab_f64v in, size_t win, qlab_f64w out);

/* in[i] / in[i-k] - 1; NaN while i < k, a row is missing, or in[i-k] is 0.  k >= 1. */
void qlab_roll_change(qlab_f64v in, size_t k, qlab_f64w out);

#endif
