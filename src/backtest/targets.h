/* backtest/targets.h -- scores of a session to the weights that a tranche is re-formed to.
 *
 *   score      one value a name, NaN = none; names without a score or not in the universe are not
 *              held
 *   universe   1 = may be held
 *   vol        ewma_vol_20 (inverse-volatility weights only; a name without one gets no weight)
 *   order      order[p] = the name in place p of the byte order of asset_id; NULL = the arrays are
 *              in that order.  Ties and sums follow it, so the order of the arrays changes no bit.
 *   weight     signed share of a leg: the longs of a session add up to 1, the shorts to -1
 *
 * With m scored names each leg holds k = floor(m / n_quantiles): the k greatest scores, the k
 * smallest.  Fewer than min_names: no target, and the tranche goes flat.  The cap of a leg is
 * max(cap, 1/k), so that equal weights are never capped and a leg is always whole; what is above
 * it goes to the names below it in proportion to their weights, until none is above.
 *
 * Made once a candidate and read by every run of its book (stresses, capacity).
 * Ownership: arrays lie in the caller's arena, sized for the most that can be added.
 * Threads: one writer; read only afterwards.  Nothing fails.  Source: METHODS 7.
 */
#ifndef QLAB_BACKTEST_TARGETS_H
#define QLAB_BACKTEST_TARGETS_H

#include "base/arena.h"
#include "base/view.h"

typedef enum qlab_book_side {
    QLAB_BOOK_LONG_SHORT, /* top quantile against bottom quantile */
    QLAB_BOOK_LONG_ONLY   /* top quantile; its return is taken against the universe's */
} qlab_book_side;

typedef enum qlab_book_weights { QLAB_BOOK_EQUAL, QLAB_BOOK_INVERSE_VOL } qlab_book_weights;

typedef struct qlab_target_rule {
    qlab_book_side side;
    qlab_book_weights weights;
    uint32_t n_quantiles; /* 10: deciles; >= 2 */
    uint32_t min_names;   /* 30 */
    double cap;           /* of a leg: 0.05 */
} qlab_target_rule;

extern const qlab_target_rule qlab_target_rule_default;

/* Targets decided at the close of session t: name[first[t]..first[t+1]), in byte order. */
typedef struct qlab_targets {
    qlab_target_rule rule;
    size_t n_names, n_sessions; /* sessions added so far */
    size_t cap_sessions, cap_rows;
    size_t *first;
    uint32_t *name;
    double *weight;
    /* scratch */
    double *x;
    uint32_t *place;
    uint8_t *leg;
    void *rank_scratch;
} qlab_targets;

qlab_targets qlab_targets_new(const qlab_target_rule *rule, size_t n_names, size_t n_sessions,
                              qlab_arena *arena);
/* The next session.  At most n_sessions calls. */
void qlab_targets_add(qlab_targets *t, const double *score, const uint8_t *universe,
                      const double *vol, const uint32_t *order);
/* Weights of one leg in place: w[0..k) > 0 in any scale to shares with sum 1 under the cap. */
void qlab_targets_cap(double *w, size_t k, double cap);

/* order[p] = position of the p-th id in byte order (equal ids: by position). */
void qlab_targets_order(const char *const *ids, size_t n, qlab_arena *arena, uint32_t *order);

#endif
