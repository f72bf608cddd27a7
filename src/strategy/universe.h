/* strategy/universe.h -- which names of a date a candidate ranks.
 *
 * All eligible names unless a candidate asks for classes or for the N most liquid.  Liquidity is
 * the median over 60 sessions of money volume; without FX it is compared as the percentile within
 * the listing currency (METHODS 2), and a report says so.  Ties by asset_id. Pure; rows are in byte
 * order of asset_id.
 */
#ifndef QLAB_STRATEGY_UNIVERSE_H
#define QLAB_STRATEGY_UNIVERSE_H

#include "base/err.h"
#include "base/view.h"

typedef struct qlab_universe {
    uint32_t class_mask; /* bit qlab_asset_class */
    uint32_t top_liquid; /* 0 = all */
} qlab_universe;

qlab_universe qlab_universe_default(void); /* stocks and ETFs, all of them */
bool qlab_universe_eq(qlab_universe a, qlab_universe b);
/* "stock+etf" or "stock+etf, 500 most liquid", appended. */
void qlab_universe_print(qlab_universe u, qlab_buf *out);

typedef struct qlab_universe_rows {
    size_t n;
    const uint8_t *eligibility; /* 0 = eligible */
    const uint8_t *asset_class; /* qlab_asset_class */
    const double *liquidity;    /* NaN = unknown: never among the most liquid */
    const uint32_t *currency;   /* codes in [0, n_currencies) */
    size_t n_currencies;
    bool liquidity_in_usd; /* one unit for all: no percentiles */
} qlab_universe_rows;

/* The rows of u, ascending, into rows (room for n); returns how many. */
size_t qlab_universe_select(qlab_universe u, const qlab_universe_rows *x, uint32_t *rows);

#endif
