/* stage_b/feed.h -- from snapshot and panel to what a book reads (backtest/book.h).
 *
 *   session   consecutive master sessions [from, to]; nothing dated after `to` is read, and `to` is
 *             the as-of of every settlement: a delisting recorded later is not known, a name is
 *             presumed gone when its 20th missed session is among them
 *   name      one life that is eligible on a session; names lie in byte order of asset_id, lives of
 *             one asset in their order, so market.order is NULL
 *   price     X * M: open or close as the panel's labels are executed, times the life's accounting
 *             factor; factor is NULL
 *   adv, vol  adv20_dollar and ewma_vol_20 of the panel's rows (200 bars and more), NaN elsewhere
 *   half_spread  Abdi-Ranaldo over the 21 bars up to the session, on bars times M
 *   hard      by ADV20 among the names eligible on the session
 *
 * Money is the listing currency where all names share one, else US dollars at the rate of the
 * session (stage_b/fx.h).
 * Ownership: a feed owns its arrays; market borrows them.  Threads: built on the pool, then read
 * only.  Memory: 42 bytes a (session, name), and a bucket's window of bars a worker.
 * Errors: those of reading the lake and the panel; QLAB_E_USAGE for FX_REQUIRED; QLAB_E_LIMIT where
 * the arrays do not fit the memory limit.  Source: METHODS 1, 2, 7.
 */
#ifndef QLAB_STAGE_B_FEED_H
#define QLAB_STAGE_B_FEED_H

#include "backtest/book.h"
#include "feature/panel.h"
#include "stage_b/fx.h"

typedef struct qlab_feed {
    size_t n_sessions, n_names, n_assets;
    int32_t *session; /* dates */
    uint32_t *asset;  /* by name: rank of the asset_id */
    uint16_t *life_no;
    int32_t *life_first, *life_last; /* by name: dates of its first and last bar */
    size_t *name_first;              /* by rank of the asset: its names, n_assets + 1 */
    double *price, *volume, *adv, *vol, *half_spread; /* [session * n_names + name] */
    uint8_t *hard, *eligible;
    uint32_t *settle_session; /* by name */
    double *settle_value, *settle_u;
    uint8_t *settle_gone;
    size_t n_delisted, n_presumed_gone;
    qlab_fx fx;
    bool by_open;           /* executed at the open */
    uint32_t *name_of_life; /* by row of the snapshot's lives; UINT32_MAX = not in it */
    qlab_market market;
} qlab_feed;

/* Who is in it, on which sessions, in what money: what can be planned without reading bars.
 * by_open: execution at the open (next_open), else at the close. */
qlab_code qlab_feed_plan(const qlab_env *env, const qlab_panel *panel, bool by_open, int32_t from,
                         int32_t to, qlab_feed *out, qlab_err *err) QLAB_MUST_USE;
/* Fills a planned feed; on failure it stays as it was planned. */
qlab_code qlab_feed_fill(const qlab_env *env, const qlab_panel *panel, qlab_feed *f,
                         qlab_err *err) QLAB_MUST_USE;
void qlab_feed_free(qlab_feed *f);
size_t qlab_feed_bytes(const qlab_feed *f); /* of the arrays over sessions and names */
/* The name of an asset on a date; UINT32_MAX where it has none. */
uint32_t qlab_feed_name(const qlab_feed *f, uint32_t asset, int32_t date);
/* Position of a session's date; n_sessions where it is none. */
size_t qlab_feed_session(const qlab_feed *f, int32_t date);

#endif
