/* tests/support/market.h -- a small market in a lake: enough dirt to reach the odd branches.
 *
 * Weekdays from 2012-01-02.  Asset kinds by number: every 7th trades one day in three (thin), every
 * 5th is listed late, every 11th ends early, every 13th pauses for 300 weekdays and comes back at
 * another price (a second life), some bars lack a price or a volume.
 */
#ifndef QLAB_TESTS_SUPPORT_MARKET_H
#define QLAB_TESTS_SUPPORT_MARKET_H

#include "base/rng.h"
#include "snapshot/snapshot.h"
#include "support/lake.h"
#include "truth/action.h"

enum { T_MARKET_FIRST = 15341 /* 2012-01-02, a Monday */ };

static inline int32_t t_market_day(size_t i)
{
    return T_MARKET_FIRST + (int32_t)(i / 5 * 7 + i % 5);
}

static inline bool t_market_has(uint32_t ix, size_t day, size_t n_days)
{
    if (ix % 7 == 3 && qlab_rng_u64(5, ix, day) % 3 != 0)
        return false;
    if (ix % 5 == 4 && day < n_days / 3)
        return false;
    if (ix % 11 == 10 && day > 3 * n_days / 5)
        return false;
    if (ix % 13 == 12 && day >= 200 && day < 500)
        return false;
    if (ix % 19 == 18 && day >= 300 && day < 470)
        return false;
    return qlab_rng_u64(6, ix, day) % 200 != 0;
}

static inline t_bar t_market_bar(uint32_t ix, size_t day, double close, uint32_t seq)
{
    t_bar b = {ix, seq, t_market_day(day), {0}, 0};
    double u[4];
    for (uint64_t k = 0; k < 4; k++)
        u[k] = qlab_rng_uniform(7, (uint64_t)ix << 32 | day, k);
    b.v[3] = close;
    b.v[0] = close * (1 + 0.02 * (u[0] - 0.5));
    double top = b.v[0] > close ? b.v[0] : close, low = b.v[0] < close ? b.v[0] : close;
    b.v[1] = top * (1 + 0.01 * u[1]);
    b.v[2] = low * (1 - 0.01 * u[2]);
    b.v[4] = (double)(uint64_t)(u[3] * 1e5);
    b.v[5] = close;
    uint64_t r = qlab_rng_u64(8, ix, day);
    if (r % 300 == 0)
        b.v[r / 300 % 3] = NAN;
    else if (r % 300 == 1)
        b.v[4] = NAN;
    else if (r % 300 == 2)
        b.v[4] = 0;
    else if (r % 300 == 3 && day % 2)
        b.v[0] = 0;
    else if (r % 2000 == 4)
        b.v[3] = 0; /* void */
    return b;
}

/* Bars of days [from, to) of the market, sorted; owned by the caller. */
static inline t_bar *t_market_bars(size_t n_assets, size_t n_days, size_t from, size_t to,
                                   uint32_t seq, size_t *n)
{
    t_bar *rows = qlab_alloc(n_assets * n_days, sizeof *rows);
    *n = 0;
    for (uint32_t ix = 0; ix < n_assets; ix++) {
        double close = 20 + (double)(ix % 40);
        bool flat = ix % 17 == 16;
        for (size_t day = 0; day < n_days; day++) {
            double u = qlab_rng_uniform(9, ix, day) + qlab_rng_uniform(10, ix, day) - 1;
            if (!flat || day % 97 == 0)
                close *= 1 + 0.03 * u;
            if (ix % 13 == 12 && day == 500)
                close *= 5;
            if (ix % 3 == 1 && day == 401)
                close /= 2; /* the split of t_market_actions */
            if (day >= from && day < to && t_market_has(ix, day, n_days))
                rows[(*n)++] = t_market_bar(ix, day, close, seq);
        }
    }
    return rows;
}

static inline const char *t_market_id(const void *ctx, uint32_t ix)
{
    return ((const t_lake *)ctx)->assets[ix].asset_id;
}

/* One commit with the market's actions: 2-for-1 on day 401, dividends every 63 days. */
static inline void t_market_actions(t_lake *l, size_t n_days)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_action *a = qlab_alloc(l->n_assets * (n_days / 63 + 2), sizeof *a);
    size_t n = 0;
    for (uint32_t ix = 0; ix < l->n_assets; ix++) {
        if (ix % 3 == 1)
            a[n++] = (qlab_action){.asset_ix = ix,
                                   .ex_date = t_market_day(401),
                                   .type = QLAB_ACTION_SPLIT,
                                   .source = QLAB_SOURCE_FEED,
                                   .r = 2,
                                   .d = NAN,
                                   .c = NAN,
                                   .c_low = NAN,
                                   .c_high = NAN,
                                   .currency = "USD",
                                   .source_id = "t"};
        for (size_t day = 30 + ix % 20; ix % 2 == 0 && day < n_days; day += 63)
            a[n++] = (qlab_action){.asset_ix = ix,
                                   .ex_date = t_market_day(day),
                                   .type = QLAB_ACTION_DIVIDEND_CASH,
                                   .source = QLAB_SOURCE_FEED,
                                   .r = NAN,
                                   .d = 0.25,
                                   .c = NAN,
                                   .c_low = NAN,
                                   .c_high = NAN,
                                   .currency = "USD",
                                   .source_id = "t"};
    }
    qlab_part part;
    T_OK(qlab_actions_write(&l->env, t_lake_conn(l), -1, a, n, t_market_id, l, l->commit + 1, &part,
                            &err));
    const qlab_commit_draft draft = {
        .parent = l->commit, .kind = "actions", .added = &part, .n_added = 1, .run_id = "test"};
    T_OK(qlab_lake_commit(&l->env, &draft, &l->commit, &err));
    qlab_free(part.path);
    qlab_free(a);
}

/* The lake of the first `to` days of a market of n_days, with actions. */
static inline void t_market_open(t_lake *l, char *root, size_t n_assets, size_t n_days, size_t to,
                                 size_t n_threads)
{
    t_lake_open_at(l, root, n_assets, n_threads);
    size_t n;
    t_bar *rows = t_market_bars(n_assets, n_days, 0, to, 1, &n);
    t_lake_commit(l, rows, n, true);
    t_market_actions(l, n_days);
    qlab_free(rows);
}

/* A snapshot at the newest commit; owned by the caller (free with qlab_free). */
static inline char *t_market_snapshot(t_lake *l)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_snapshot_options o = qlab_snapshot_options_default();
    qlab_snapshot_made made;
    T_OK(qlab_snapshot_build(&l->env, &o, &made, &err));
    char *id = qlab_strdup(made.id);
    qlab_snapshot_made_free(&made);
    return id;
}

#endif
