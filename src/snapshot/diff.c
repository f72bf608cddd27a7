/* What a later snapshot says otherwise; see diff.h. */
#include "snapshot/diff.h"

#include "base/alloc.h"
#include "base/date.h"
#include "snapshot/diff_int.h"
#include "snapshot/internal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NOT_THERE = QLAB_ELIGIBILITY_COUNT };

const char *qlab_diff_kind_name(qlab_diff_kind k)
{
    static const char *const names[QLAB_DIFF_KINDS] = {"new", "late", "revised", "gone"};
    return names[k];
}

void qlab_diff_free(qlab_diff *d)
{
    for (size_t k = 0; k < QLAB_DIFF_KINDS; k++)
        qlab_free(d->bars[k]);
    qlab_free(d->assets);
    qlab_free(d->years);
    qlab_free(d->actions);
    qlab_free(d->delistings);
    qlab_free(d->lives);
    qlab_free(d->days);
    qlab_snapshot_actions_free(&d->was_actions);
    qlab_snapshot_actions_free(&d->is_actions);
    *d = (qlab_diff){0};
}

const qlab_diff_asset *qlab_diff_find(const qlab_diff *d, uint32_t ix)
{
    size_t lo = 0, hi = d->n_assets;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (d->assets[mid].asset_ix < ix)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < d->n_assets && d->assets[lo].asset_ix == ix ? &d->assets[lo] : NULL;
}

qlab_diff_year *qlab_diff_count_year(qlab_diff_year **years, size_t *n, size_t *cap,
                                     uint8_t asset_class, int32_t year)
{
    size_t at = 0;
    while (at < *n && ((*years)[at].asset_class < asset_class ||
                       ((*years)[at].asset_class == asset_class && (*years)[at].year < year)))
        at++;
    if (at < *n && (*years)[at].asset_class == asset_class && (*years)[at].year == year)
        return &(*years)[at];
    qlab_grow((void **)years, cap, *n + 1, sizeof **years);
    memmove(*years + at + 1, *years + at, (*n - at) * sizeof **years);
    (*n)++;
    (*years)[at] = (qlab_diff_year){.asset_class = asset_class, .year = year};
    return &(*years)[at];
}

/* ---- the two sides ----------------------------------------------------------------------------
 */

typedef struct differ {
    const qlab_env *env;
    const qlab_snapshot *was, *is;
    size_t n_assets; /* of the larger master */
    qlab_diff_asset *all;
    qlab_diff_part *parts; /* one a bucket */
    qlab_diff *out;
} differ;

static void note_fact(differ *d, uint32_t ix, unsigned what, int32_t date)
{
    qlab_diff_asset *a = &d->all[ix];
    a->what |= what;
    if (a->facts_first == QLAB_DATE_NONE || date < a->facts_first)
        a->facts_first = date;
}

static bool differs(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") != 0;
}

static const char *sector_of(const qlab_snapshot *s, uint32_t ix)
{
    return s->sector != NULL ? s->sector[ix] : "";
}

static qlab_code compare_masters(differ *d, qlab_err *err)
{
    const qlab_lake_view *a = d->was->lake, *b = d->is->lake;
    for (uint32_t ix = 0; ix < d->n_assets; ix++) {
        qlab_diff_asset *x = &d->all[ix];
        if (ix >= a->n_assets) {
            x->what |= QLAB_DIFF_ADDED;
            continue;
        }
        if (ix >= b->n_assets) {
            x->what |= QLAB_DIFF_REMOVED;
            continue;
        }
        const qlab_asset *p = &a->assets[ix], *q = &b->assets[ix];
        if (strcmp(p->asset_id, q->asset_id) != 0)
            return qlab_fail(err, QLAB_E_CORRUPT, "asset number %u was %s in %s and %s in %s", ix,
                             p->asset_id, d->was->id, q->asset_id, d->is->id);
        if (p->asset_class != q->asset_class || differs(p->exchange, q->exchange) ||
            differs(p->mic, q->mic) || differs(p->currency, q->currency) ||
            differs(p->country, q->country) || differs(sector_of(d->was, ix), sector_of(d->is, ix)))
            x->what |= QLAB_DIFF_MASTER;
    }
    return QLAB_OK;
}

/* ---- facts ------------------------------------------------------------------------------------
 */

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static int cmp_int(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static bool same_action(const qlab_action *a, const qlab_action *b)
{
    return qlab_action_same_values(a, b) && a->in_basis == b->in_basis;
}

static int cmp_delisting(const qlab_delisting *a, const qlab_delisting *b)
{
    return cmp_int(a->delist_date, b->delist_date);
}

static bool same_delisting(const qlab_delisting *a, const qlab_delisting *b)
{
    return a->code == b->code && same_number(a->delist_return, b->delist_return);
}

/* Lives grow with every bar: only where one begins is compared. */
static int cmp_life(const qlab_life *a, const qlab_life *b)
{
    return cmp_int(a->life_no, b->life_no);
}

static bool same_life(const qlab_life *a, const qlab_life *b)
{
    return a->first_date == b->first_date;
}

/* Rows of one asset in two sorted tables: those that only one has, or that differ. */
#define COMPARE_FACTS(name, type, table, a_rows, a_first, b_rows, b_first, cmp, same, date, bit)   \
    static void compare_##name(differ *d, uint32_t ix)                                             \
    {                                                                                              \
        const qlab_snapshot *a = d->was, *b = d->is;                                               \
        size_t i = 0, i_end = 0, j = 0, j_end = 0;                                                 \
        if (ix < a->lake->n_assets) {                                                              \
            i = (a_first)[ix];                                                                     \
            i_end = (a_first)[ix + 1];                                                             \
        }                                                                                          \
        if (ix < b->lake->n_assets) {                                                              \
            j = (b_first)[ix];                                                                     \
            j_end = (b_first)[ix + 1];                                                             \
        }                                                                                          \
        while (i < i_end || j < j_end) {                                                           \
            const type *p = i < i_end ? &(a_rows)[i] : NULL;                                       \
            const type *q = j < j_end ? &(b_rows)[j] : NULL;                                       \
            int c = p == NULL ? 1 : q == NULL ? -1 : cmp(p, q);                                    \
            i += c <= 0;                                                                           \
            j += c >= 0;                                                                           \
            if (c == 0 && same(p, q))                                                              \
                continue;                                                                          \
            qlab_grow((void **)&d->out->table, &d->out->cap_##table, d->out->n_##table + 1,        \
                      sizeof *d->out->table);                                                      \
            d->out->table[d->out->n_##table].was = c <= 0 ? p : NULL;                              \
            d->out->table[d->out->n_##table++].is = c >= 0 ? q : NULL;                             \
            int32_t on = c <= 0 ? p->date : q->date;                                               \
            if (c == 0 && q->date < on)                                                            \
                on = q->date;                                                                      \
            note_fact(d, ix, bit, on);                                                             \
        }                                                                                          \
    }

COMPARE_FACTS(action, qlab_action, actions, d->out->was_actions.at, d->out->was_actions.first,
              d->out->is_actions.at, d->out->is_actions.first, qlab_action_cmp, same_action,
              ex_date, QLAB_DIFF_ACTIONS)
COMPARE_FACTS(delisting, qlab_delisting, delistings, a->delistings, a->delisting_first,
              b->delistings, b->delisting_first, cmp_delisting, same_delisting, delist_date,
              QLAB_DIFF_DELISTINGS)
COMPARE_FACTS(life, qlab_life, lives, a->lives, a->life_first, b->lives, b->life_first, cmp_life,
              same_life, first_date, QLAB_DIFF_LIVES)

/* ---- calendar ---------------------------------------------------------------------------------
 */

static const qlab_exchange_days *days_of(const qlab_snapshot *s, const char *exchange)
{
    for (size_t e = 0; e < s->n_exchanges; e++)
        if (strcmp(s->exchanges[e].exchange, exchange) == 0)
            return &s->exchanges[e];
    return NULL;
}

static void compare_days(differ *d, const char *exchange)
{
    const qlab_exchange_days *a = days_of(d->was, exchange), *b = days_of(d->is, exchange);
    size_t i = 0, j = 0, n = a ? a->n : 0, m = b ? b->n : 0;
    while (i < n || j < m) {
        const bool take_a = j == m || (i < n && a->date[i] <= b->date[j]);
        const bool take_b = i == n || (j < m && b->date[j] <= a->date[i]);
        qlab_diff_day x = {.exchange = exchange,
                           .date = take_a ? a->date[i] : b->date[j],
                           .was = take_a ? a->is_session[i] : UINT8_MAX,
                           .is = take_b ? b->is_session[j] : UINT8_MAX};
        x.is_new = x.date > d->was->asof;
        i += take_a;
        j += take_b;
        if (x.was == x.is)
            continue;
        qlab_grow((void **)&d->out->days, &d->out->cap_days, d->out->n_days + 1,
                  sizeof *d->out->days);
        d->out->days[d->out->n_days++] = x;
    }
}

static void compare_calendars(differ *d)
{
    size_t i = 0, j = 0;
    const qlab_snapshot *a = d->was, *b = d->is;
    while (i < a->n_exchanges || j < b->n_exchanges) { /* both in byte order */
        int c = i == a->n_exchanges   ? 1
                : j == b->n_exchanges ? -1
                                      : strcmp(a->exchanges[i].exchange, b->exchanges[j].exchange);
        compare_days(d, c <= 0 ? a->exchanges[i].exchange : b->exchanges[j].exchange);
        i += c <= 0;
        j += c >= 0;
    }
}

/* ---- eligibility ------------------------------------------------------------------------------
 */

static qlab_code compare_universes(differ *d, qlab_err *err)
{
    uint8_t *was = NULL, *is = NULL;
    qlab_conn *conn = NULL;
    qlab_code code = qlab_duck_conn(d->env->duck, 0, &conn, err);
    if (code == QLAB_OK)
        code = qlab_snapshot_read_reasons(d->was, conn, &was, err);
    if (code == QLAB_OK)
        code = qlab_snapshot_read_reasons(d->is, conn, &is, err);
    for (uint32_t ix = 0; code == QLAB_OK && ix < d->n_assets; ix++) {
        qlab_diff_asset *a = &d->all[ix];
        a->was_reason = ix < d->was->lake->n_assets ? was[ix] : UINT8_MAX;
        a->is_reason = ix < d->is->lake->n_assets ? is[ix] : UINT8_MAX;
        d->out->reasons[a->was_reason == UINT8_MAX ? NOT_THERE : a->was_reason]
                       [a->is_reason == UINT8_MAX ? NOT_THERE : a->is_reason]++;
        if (a->was_reason != a->is_reason && a->was_reason != UINT8_MAX &&
            a->is_reason != UINT8_MAX)
            a->what |= QLAB_DIFF_ELIGIBILITY;
    }
    qlab_free(was);
    qlab_free(is);
    return code;
}

/* ---- all of it --------------------------------------------------------------------------------
 */

static qlab_code bucket_unit(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    differ *d = ctx;
    qlab_conn *conn = NULL;
    qlab_code code = qlab_duck_conn(d->env->duck, worker, &conn, err);
    if (code == QLAB_OK)
        code = qlab_diff_bucket(d->was, d->is, (uint32_t)unit, conn, &d->parts[unit], err);
    return code;
}

static void join_part(differ *d, qlab_diff_part *p)
{
    qlab_diff *out = d->out;
    size_t cap = out->n_years;
    for (size_t i = 0; i < p->n_years; i++) {
        qlab_diff_year *y = qlab_diff_count_year(&out->years, &out->n_years, &cap,
                                                 p->years[i].asset_class, p->years[i].year);
        for (size_t k = 0; k < QLAB_DIFF_KINDS; k++)
            y->n[k] += p->years[i].n[k];
    }
    for (size_t k = 0; k < QLAB_DIFF_KINDS; k++) {
        if (p->n_bars[k] > 0) {
            out->bars[k] =
                qlab_realloc(out->bars[k], out->n_bars[k] + p->n_bars[k], sizeof *out->bars[k]);
            memcpy(out->bars[k] + out->n_bars[k], p->bars[k], p->n_bars[k] * sizeof *p->bars[k]);
            out->n_bars[k] += p->n_bars[k];
        }
        qlab_free(p->bars[k]);
    }
    out->n_rows_read += p->n_rows_read;
    qlab_free(p->years);
}

static qlab_code compare_bars(differ *d, size_t n_buckets, qlab_err *err)
{
    d->parts = qlab_alloc_zero(n_buckets, sizeof *d->parts);
    for (size_t i = 0; i < n_buckets; i++)
        d->parts[i].assets = d->all + i * QLAB_LAKE_BUCKET_ASSETS;
    qlab_code code = qlab_pool_run(d->env->pool, n_buckets, bucket_unit, d, err);
    for (size_t i = 0; i < n_buckets; i++)
        join_part(d, &d->parts[i]);
    qlab_free(d->parts);
    return code;
}

/* The first bar of a kind an asset, in byte order of asset_id: years come in order, so the first
 * noted is the earliest. */
static void sort_samples(differ *d)
{
    const qlab_lake_view *v =
        d->is->lake->n_assets >= d->was->lake->n_assets ? d->is->lake : d->was->lake;
    for (size_t k = 0; k < QLAB_DIFF_KINDS; k++) {
        qlab_diff_bar *sorted = qlab_alloc(d->out->n_bars[k], sizeof *sorted);
        size_t *at = qlab_alloc(v->n_assets, sizeof *at), n = 0;
        memset(at, 0xff, v->n_assets * sizeof *at);
        for (size_t i = 0; i < d->out->n_bars[k]; i++)
            at[v->id_rank[d->out->bars[k][i].asset_ix]] = i;
        for (size_t r = 0; r < v->n_assets; r++)
            if (at[r] != SIZE_MAX)
                sorted[n++] = d->out->bars[k][at[r]];
        qlab_free(at);
        qlab_free(d->out->bars[k]);
        d->out->bars[k] = sorted;
    }
}

static void keep_changed(differ *d)
{
    for (size_t i = 0; i < d->n_assets; i++)
        if (d->all[i].what != 0) {
            qlab_grow((void **)&d->out->assets, &d->out->cap_assets, d->out->n_assets + 1,
                      sizeof *d->out->assets);
            d->out->assets[d->out->n_assets++] = d->all[i];
        }
}

qlab_code qlab_snapshot_diff(const qlab_env *env, const qlab_snapshot *earlier,
                             const qlab_snapshot *later, qlab_diff *out, qlab_err *err)
{
    differ d = {.env = env, .was = earlier, .is = later, .out = out};
    *out = (qlab_diff){0};
    d.n_assets = earlier->lake->n_assets > later->lake->n_assets ? earlier->lake->n_assets
                                                                 : later->lake->n_assets;
    const size_t n_buckets = (d.n_assets + QLAB_LAKE_BUCKET_ASSETS - 1) / QLAB_LAKE_BUCKET_ASSETS;
    d.all = qlab_alloc_zero(n_buckets * QLAB_LAKE_BUCKET_ASSETS, sizeof *d.all);
    for (size_t i = 0; i < n_buckets * QLAB_LAKE_BUCKET_ASSETS; i++)
        d.all[i] = (qlab_diff_asset){.asset_ix = (uint32_t)i,
                                     .bars_first = QLAB_DATE_NONE,
                                     .bars_last = QLAB_DATE_NONE,
                                     .old_first = QLAB_DATE_NONE,
                                     .old_last = QLAB_DATE_NONE,
                                     .facts_first = QLAB_DATE_NONE};
    qlab_code code = compare_masters(&d, err);
    if (code == QLAB_OK)
        code = compare_bars(&d, n_buckets, err);
    if (code == QLAB_OK)
        code = compare_universes(&d, err);
    if (code == QLAB_OK)
        code = qlab_snapshot_actions_read(env, earlier, &out->was_actions, err);
    if (code == QLAB_OK)
        code = qlab_snapshot_actions_read(env, later, &out->is_actions, err);
    if (code == QLAB_OK) {
        for (uint32_t ix = 0; ix < d.n_assets; ix++) {
            compare_action(&d, ix);
            compare_delisting(&d, ix);
            compare_life(&d, ix);
        }
        compare_calendars(&d);
        sort_samples(&d);
        keep_changed(&d);
    }
    qlab_free(d.all);
    if (code != QLAB_OK)
        qlab_diff_free(out);
    return code;
}
