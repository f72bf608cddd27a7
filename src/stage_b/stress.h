/* stage_b/stress.h -- what happens to a book when the world turns against it (METHODS 8).
 *
 * Pure functions; what does not exist is NaN.  docs/methods/stress.md says what each one asks.
 *
 *   weight   value of a position / capital, signed
 *   value    price times the accounting factor, [session * n_names + name]; NaN = none: the name
 *            keeps its last value
 */
#ifndef QLAB_STAGE_B_STRESS_H
#define QLAB_STAGE_B_STRESS_H

#include "backtest/book.h"

enum {
    QLAB_STRESS_WINDOWS = 5,
    QLAB_STRESS_WINDOW_SESSIONS = 21,
    QLAB_STRESS_COVARIANCE_SESSIONS = 252,
    QLAB_STRESS_MOST_POSITIONS = 500
};

/* Volatility of the last positions under two shocks of their correlations, relative to that under
 * the covariance as estimated (Ledoit and Wolf, constant correlation).
 *   together   every correlation goes half of the way to 1
 *   hedge      correlations between a long and a short are halved
 * Both keep the matrix positive semidefinite. */
typedef struct qlab_correlation_shock {
    size_t n_positions, n_returns; /* that were looked at: the largest, the newest */
    double intensity, mean_correlation;
    double vol_annual;             /* of these positions, as estimated */
    double together, hedge, ratio; /* ratio: the worst of both and 1 */
} qlab_correlation_shock;
qlab_correlation_shock qlab_stress_correlation(const double *weight, const double *value,
                                               size_t n_names, size_t n_sessions);

/* The windows of 21 sessions with the least sum of net returns, none overlapping another: the worst
 * one, then the worst of what is left.  Returns how many there are. */
typedef struct qlab_worst_window {
    size_t first; /* session */
    double net;   /* sum over the window */
} qlab_worst_window;
size_t qlab_stress_worst_windows(const double *net, size_t n,
                                 qlab_worst_window out[QLAB_STRESS_WINDOWS]);

#endif
