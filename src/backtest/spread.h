/* backtest/spread.h -- what it costs to cross the market, from daily bars.
 *
 * Kernels: no allocation, no I/O; they cannot fail.
 *
 *   high, low, close   bars of ONE life, oldest first, on one basis through the window: times the
 *                      total-return factor, or the drop of an ex-date would be taken for a spread.
 *                      Any factor common to the window cancels.
 *   half-spread        share of the price paid on each side (0.0005 = 5 bp)
 *   adv                mean daily money volume, in the money of the capital
 *
 * Causal and window-local: out[i] depends on rows i-20..i alone.  A bar whose three prices are not
 * positive and finite, or whose high is below its low, has no mid-range; the pairs it belongs to
 * are left out.
 *
 * Source: Abdi and Ranaldo, "A Simple Estimation of Bid-Ask Spreads from Daily Close, High, and Low
 * Prices", Review of Financial Studies 30 (2017): the estimate over a period, negatives set to 0.
 */
#ifndef QLAB_BACKTEST_SPREAD_H
#define QLAB_BACKTEST_SPREAD_H

#include "base/view.h"

enum {
    QLAB_SPREAD_BARS = 21,      /* 20 pairs of neighbouring bars */
    QLAB_SPREAD_MIN_PAIRS = 12, /* fewer: NaN */
    QLAB_SPREAD_FLOORS = 4
};

/* out[i] = half of 2 sqrt(max(0, mean over the pairs (t, t+1) of (c_t - e_t)(c_t - e_{t+1}))), c
 * the log close and e the mean of log high and log low.  NaN for i < 20.  scratch as long as out.
 */
void qlab_spread_abdi_ranaldo(qlab_f64v high, qlab_f64v low, qlab_f64v close, qlab_f64w scratch,
                              qlab_f64w out);

/* A half-spread is at least at[b], b the first bucket with adv >= from[b]; the last bucket takes
 * the rest (its from is not read). */
typedef struct qlab_spread_floors {
    double from[QLAB_SPREAD_FLOORS]; /* descending */
    double at[QLAB_SPREAD_FLOORS];
} qlab_spread_floors;

/* 2, 5, 15, 50 bp from 100m, 10m, 1m and below. */
extern const qlab_spread_floors qlab_spread_floors_default;

double qlab_spread_floor(const qlab_spread_floors *f, double adv);
/* max(estimate, floor); the widest floor where there is no estimate. */
double qlab_spread_half(const qlab_spread_floors *f, double estimate, double adv);

/* hard[i] = 1 where a share is dear to borrow: the floor(m / 10) least liquid of the m eligible
 * names with an ADV, ties in the order of names, and every name that is not one of the m.
 * x and place hold n values, rank_scratch qlab_rank_scratch_bytes(n). */
void qlab_spread_hard_to_borrow(const double *adv, const uint8_t *eligible, const uint32_t *order,
                                size_t n, double *x, uint32_t *place, void *rank_scratch,
                                uint8_t *hard);

#endif
