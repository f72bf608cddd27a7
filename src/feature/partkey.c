/* Names of panel parts; see partkey.h. */
#include "feature/partkey.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/env.h"
#include "truth/session.h"
#include "truth/settle.h"
#include <stdlib.h>
#include <string.h>

enum { SESSION_CACHE = 64 };

/* Digest of an exchange's sessions in [from, to], asked for again and again. */
typedef struct session_digest {
    uint32_t exchange;
    int32_t from, to;
    qlab_digest digest;
} session_digest;

struct qlab_partkeys {
    const qlab_snapshot *snap;
    uint32_t bucket, first_ix;
    size_t n_assets;
    uint32_t *by_id;   /* asset_ix of the bucket in byte order of asset_id */
    qlab_leaf *leaves; /* by (asset_ix, period): year leaves (< 10000) before month leaves */
    size_t n_leaves, cap_leaves;
    bool asof_cuts;  /* the lake holds bars after the as-of */
    int32_t *filled; /* years whose month leaves were computed here */
    size_t n_filled, cap_filled;
    session_digest cache[SESSION_CACHE];
    size_t n_cache, next_cache;
    uint64_t n_rows_read;
    qlab_sha256 *inner; /* for session digests, while another hash runs */
    qlab_sha256 *of[QLAB_REACHES];
};

static int cmp_leaf(const void *a, const void *b)
{
    const qlab_leaf *x = a, *y = b;
    if (x->asset_ix != y->asset_ix)
        return x->asset_ix < y->asset_ix ? -1 : 1;
    return (x->period > y->period) - (x->period < y->period);
}

static int32_t period_of_month(int32_t month)
{
    int y, m, d;
    qlab_date_split(qlab_date_of_month_index(month), &y, &m, &d);
    return 100 * y + m;
}

/* Position of the first leaf of (ix, >= period). */
static size_t leaf_at(const qlab_partkeys *k, uint32_t ix, int32_t period)
{
    size_t lo = 0, hi = k->n_leaves;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const qlab_leaf *l = &k->leaves[mid];
        if (l->asset_ix < ix || (l->asset_ix == ix && l->period < period))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static const qlab_leaf *leaf_find(const qlab_partkeys *k, uint32_t ix, int32_t period)
{
    size_t at = leaf_at(k, ix, period);
    if (at < k->n_leaves && k->leaves[at].asset_ix == ix && k->leaves[at].period == period &&
        k->leaves[at].n_rows > 0)
        return &k->leaves[at];
    return NULL;
}

static bool lake_goes_beyond(const qlab_snapshot *snap, uint32_t bucket)
{
    for (size_t i = 0; i < snap->lake->n_parts; i++) {
        const qlab_part *p = &snap->lake->parts[i];
        if (p->kind == QLAB_PART_BARS && (p->bucket == -1 || p->bucket == (int32_t)bucket) &&
            p->max_date > snap->asof)
            return true;
    }
    return false;
}

static void sort_by_id(const qlab_snapshot *snap, uint32_t *ix, size_t n)
{
    /* Few hundred names: insertion by rank would do, but ranks sort in one call. */
    const uint32_t *rank = snap->lake->id_rank;
    for (size_t gap = n / 2; gap > 0; gap /= 2)
        for (size_t i = gap; i < n; i++) {
            uint32_t x = ix[i];
            size_t j = i;
            for (; j >= gap && rank[ix[j - gap]] > rank[x]; j -= gap)
                ix[j] = ix[j - gap];
            ix[j] = x;
        }
}

qlab_code qlab_partkeys_open(const qlab_snapshot *snap, qlab_conn *conn, uint32_t bucket,
                             qlab_partkeys **out, qlab_err *err)
{
    qlab_partkeys *k = qlab_alloc_zero(1, sizeof *k);
    k->snap = snap;
    k->bucket = bucket;
    k->first_ix = bucket * QLAB_LAKE_BUCKET_ASSETS;
    size_t left = snap->lake->n_assets - k->first_ix;
    k->n_assets = left < QLAB_LAKE_BUCKET_ASSETS ? left : QLAB_LAKE_BUCKET_ASSETS;
    k->by_id = qlab_alloc(k->n_assets, sizeof *k->by_id);
    for (size_t a = 0; a < k->n_assets; a++)
        k->by_id[a] = k->first_ix + (uint32_t)a;
    sort_by_id(snap, k->by_id, k->n_assets);
    k->asof_cuts = lake_goes_beyond(snap, bucket);
    k->inner = qlab_sha256_new();
    for (size_t r = 0; r < QLAB_REACHES; r++)
        k->of[r] = qlab_sha256_new();
    qlab_code code = qlab_lake_read_leaves(snap->lake, conn, bucket, QLAB_LEAVES_ALL, &k->leaves,
                                           &k->n_leaves, err);
    if (code != QLAB_OK) {
        qlab_partkeys_close(k);
        return code;
    }
    k->cap_leaves = k->n_leaves;
    qsort(k->leaves, k->n_leaves, sizeof *k->leaves, cmp_leaf);
    *out = k;
    return QLAB_OK;
}

void qlab_partkeys_close(qlab_partkeys *k)
{
    if (!k)
        return;
    qlab_free(k->by_id);
    qlab_free(k->leaves);
    qlab_free(k->filled);
    qlab_sha256_free(k->inner);
    for (size_t r = 0; r < QLAB_REACHES; r++)
        qlab_sha256_free(k->of[r]);
    qlab_free(k);
}

const uint32_t *qlab_partkeys_by_id(const qlab_partkeys *k)
{
    return k->by_id;
}

uint64_t qlab_partkeys_rows_read(const qlab_partkeys *k)
{
    return k->n_rows_read;
}

/* ---- month leaves that the lake does not keep -------------------------------------------------
 */

static bool year_is_there(const qlab_partkeys *k, int32_t year)
{
    if (k->asof_cuts && year == qlab_date_year(k->snap->asof))
        return false;
    /* Month leaves of a year are complete iff their rows add up to the year leaves'. */
    uint64_t by_month = 0, by_year = 0;
    for (size_t i = 0; i < k->n_leaves; i++) {
        by_month += k->leaves[i].period / 100 == year ? k->leaves[i].n_rows : 0;
        by_year += k->leaves[i].period == year ? k->leaves[i].n_rows : 0;
    }
    return by_month == by_year;
}

/* Drops leaves of the year's months, then adds those of the bars up to the as-of. */
static void put_month_leaves(qlab_partkeys *k, const qlab_bars *b, int32_t year)
{
    size_t kept = 0;
    for (size_t i = 0; i < k->n_leaves; i++)
        if (k->leaves[i].period / 100 != year)
            k->leaves[kept++] = k->leaves[i];
    k->n_leaves = kept;
    for (size_t a = 0; a < b->n_assets; a++)
        for (size_t i = b->first[a], j; i < b->first[a + 1]; i = j) {
            int32_t month = qlab_date_month_index(b->date[i]);
            for (j = i + 1; j < b->first[a + 1] && qlab_date_month_index(b->date[j]) == month;)
                j++;
            qlab_grow((void **)&k->leaves, &k->cap_leaves, k->n_leaves + 1, sizeof *k->leaves);
            k->leaves[k->n_leaves++] = (qlab_leaf){b->asset_ix[a], period_of_month(month),
                                                   (uint32_t)(j - i), qlab_lake_leaf(b, i, j - i)};
        }
    qsort(k->leaves, k->n_leaves, sizeof *k->leaves, cmp_leaf);
}

static qlab_code read_months(qlab_partkeys *k, qlab_conn *conn, int32_t year, qlab_err *err)
{
    qlab_bars b;
    memset(&b, 0, sizeof b);
    int32_t to = qlab_date_make(year, 12, 31);
    if (to > k->snap->asof)
        to = k->snap->asof;
    qlab_code code = qlab_lake_read_bars(k->snap->lake, conn, k->bucket, qlab_date_make(year, 1, 1),
                                         to, 0, &b, err);
    if (code == QLAB_OK) {
        k->n_rows_read += b.n_rows;
        put_month_leaves(k, &b, year);
    }
    qlab_bars_free(&b);
    return code;
}

static qlab_code need_months(qlab_partkeys *k, qlab_conn *conn, int32_t year, qlab_err *err)
{
    for (size_t i = 0; i < k->n_filled; i++)
        if (k->filled[i] == year)
            return QLAB_OK;
    qlab_code code = QLAB_OK;
    if (year <= qlab_date_year(k->snap->asof) && !year_is_there(k, year))
        code = read_months(k, conn, year, err);
    if (code == QLAB_OK) {
        qlab_grow((void **)&k->filled, &k->cap_filled, k->n_filled + 1, sizeof *k->filled);
        k->filled[k->n_filled++] = year;
    }
    return code;
}

/* ---- pieces of a key --------------------------------------------------------------------------
 */

static void put_text(qlab_sha256 *h, const char *s)
{
    qlab_sha256_put_str(h, s ? s : "", s ? strlen(s) : 0);
}

static void put_digest(qlab_sha256 *h, qlab_digest d)
{
    qlab_sha256_put(h, d.at, sizeof d.at);
}

static qlab_digest sessions_digest(qlab_partkeys *k, uint32_t exchange, int32_t from, int32_t to)
{
    for (size_t i = 0; i < k->n_cache; i++)
        if (k->cache[i].exchange == exchange && k->cache[i].from == from && k->cache[i].to == to)
            return k->cache[i].digest;
    const qlab_exchange_days *x = &k->snap->exchanges[exchange];
    size_t lo = qlab_session_lower_bound(x->session, x->n_sessions, from);
    size_t hi = qlab_session_lower_bound(x->session, x->n_sessions, to + 1);
    qlab_sha256_put_u64(k->inner, hi - lo);
    for (size_t i = lo; i < hi; i++)
        qlab_sha256_put_i32(k->inner, x->session[i]);
    session_digest s = {exchange, from, to, qlab_sha256_end(k->inner)};
    k->cache[k->next_cache] = s;
    k->next_cache = (k->next_cache + 1) % SESSION_CACHE;
    if (k->n_cache < SESSION_CACHE)
        k->n_cache++;
    return s.digest;
}

static void put_leaf(qlab_sha256 *h, const qlab_leaf *l)
{
    qlab_sha256_put_i32(h, l->period);
    put_digest(h, l->digest);
}

/* Leaves of ix with from <= period <= to. */
static void put_leaves(qlab_sha256 *h, const qlab_partkeys *k, uint32_t ix, int32_t from,
                       int32_t to)
{
    for (size_t i = leaf_at(k, ix, from);
         i < k->n_leaves && k->leaves[i].asset_ix == ix && k->leaves[i].period <= to; i++)
        if (k->leaves[i].n_rows > 0)
            put_leaf(h, &k->leaves[i]);
    qlab_sha256_put_i32(h, -1);
}

static void put_steps(qlab_sha256 *h, const qlab_snapshot *s, uint32_t ix, int32_t from, int32_t to)
{
    for (size_t i = s->step_first[ix]; i < s->step_first[ix + 1]; i++) {
        const qlab_step *x = &s->steps[i];
        if (x->ex_date < from || x->ex_date > to)
            continue;
        qlab_sha256_put_u32(h, x->life_no);
        qlab_sha256_put_i32(h, x->ex_date);
        qlab_sha256_put_f64(h, x->split_step);
        qlab_sha256_put_f64(h, x->signal_step);
        qlab_sha256_put_f64(h, x->accounting_step);
        qlab_sha256_put_u32(h, x->untyped);
    }
    qlab_sha256_put_u32(h, 0);
}

/* asset_years of the year whose life has begun by `last`; returns the earliest lead date. */
static int32_t put_years(qlab_sha256 *h, const qlab_snapshot *s, uint32_t ix, int32_t year,
                         int32_t last)
{
    size_t n;
    const qlab_asset_year *y = qlab_snapshot_years(s, ix, &n);
    int32_t lead = INT32_MAX;
    for (size_t i = 0; i < n; i++) {
        if (y[i].year != year || y[i].first_date > last)
            continue;
        lead = y[i].lead_date < lead ? y[i].lead_date : lead;
        qlab_sha256_put_u32(h, y[i].life_no);
        qlab_sha256_put_i32(h, y[i].first_date);
        qlab_sha256_put_i32(h, y[i].lead_date);
        qlab_sha256_put_u32(h, y[i].n_valid_before);
        uint8_t state[4] = {y[i].ago_ohlc, y[i].ago_jump, y[i].ago_stale, y[i].stale_run};
        qlab_sha256_put(h, state, sizeof state);
    }
    qlab_sha256_put_u32(h, 0);
    return lead;
}

static void put_lives(qlab_sha256 *h, const qlab_snapshot *s, uint32_t ix, int32_t last)
{
    for (size_t i = s->life_first[ix]; i < s->life_first[ix + 1]; i++)
        if (s->lives[i].first_date <= last) {
            qlab_sha256_put_u32(h, s->lives[i].life_no);
            qlab_sha256_put_i32(h, s->lives[i].first_date);
        }
    qlab_sha256_put_u32(h, 0);
}

/* Per life the date of the record that ended it: bars after it are flagged. */
static void put_delistings(qlab_sha256 *h, const qlab_snapshot *s, uint32_t ix, int32_t last)
{
    size_t first = s->delisting_first[ix], n = s->delisting_first[ix + 1] - first;
    for (size_t i = s->life_first[ix]; i < s->life_first[ix + 1]; i++) {
        if (s->lives[i].first_date > last)
            continue;
        const qlab_delisting *d =
            qlab_settle_end_of_life(s->delistings + first, n, s->lives[i].first_date);
        qlab_sha256_put_i32(h, d && d->delist_date <= last ? d->delist_date : QLAB_DATE_NONE);
    }
}

static void put_month(qlab_sha256 *h, const qlab_month_plan *m)
{
    qlab_sha256_put_i32(h, m->first);
    qlab_sha256_put_i32(h, m->last);
    qlab_sha256_put_u64(h, m->only ? m->n_only + 1 : 0);
    for (size_t i = 0; m->only && i < m->n_only; i++)
        qlab_sha256_put_i32(h, m->only[i]);
}

/* ---- features and eligibility -----------------------------------------------------------------
 */

/* Each reach gets a mark for the asset, so that no row of one reads as another's. */
static void begin_asset(qlab_partkeys *k, uint32_t ix)
{
    const char *id = k->snap->lake->assets[ix].asset_id;
    for (size_t r = QLAB_REACH_UNIVERSE; r < QLAB_REACHES; r++)
        put_text(k->of[r], id);
}

/* Rates that dates from..to can use, the last one before them included. */
static void put_rates(qlab_partkeys *k, uint32_t ix, int32_t from, int32_t to)
{
    const qlab_fx_way way = qlab_fx_way_of(&k->snap->fx, k->snap->lake->assets[ix].currency);
    const qlab_fx_series *s = way.series;
    if (s == NULL)
        return;
    for (size_t i = qlab_session_lower_bound(s->date, s->n, from - QLAB_FX_MAX_AGE_DAYS);
         i < s->n && s->date[i] <= to; i++) {
        qlab_sha256_put_i32(k->of[QLAB_REACH_FX], s->date[i]);
        qlab_sha256_put_f64(k->of[QLAB_REACH_FX], s->usd[i]);
    }
}

static void put_asset(qlab_partkeys *k, qlab_panel_kind kind, uint32_t ix, const qlab_month_plan *m)
{
    const qlab_snapshot *s = k->snap;
    const qlab_asset *a = &s->lake->assets[ix];
    qlab_sha256 *universe = k->of[QLAB_REACH_UNIVERSE], *bars = k->of[QLAB_REACH_BARS];
    int32_t year = qlab_date_year(m->first);
    qlab_sha256_put_u32(universe, a->asset_class);
    put_text(universe, a->exchange);
    put_text(universe, a->currency);
    if (kind == QLAB_PANEL_FEATURES && s->sector != NULL && s->sector[ix][0] != '\0') {
        put_text(universe, "sector");
        put_text(universe, s->sector[ix]);
    }
    int32_t lead = put_years(bars, s, ix, year, m->last);
    if (lead == INT32_MAX)
        return; /* no valid bar by the end of the month: no row */
    put_leaves(bars, k, ix, qlab_date_year(lead), year - 1);
    put_leaves(bars, k, ix, 100 * year + 1, period_of_month(m->month));
    put_lives(k->of[QLAB_REACH_LIVES], s, ix, m->last);
    put_steps(k->of[QLAB_REACH_ACTIONS], s, ix, INT32_MIN, m->last);
    int32_t session_from = qlab_date_make(qlab_date_year(lead), 1, 1);
    put_digest(k->of[QLAB_REACH_CALENDAR],
               sessions_digest(k, s->exchange_of[ix], session_from, m->last));
    put_delistings(k->of[QLAB_REACH_DELISTINGS], s, ix, m->last);
    put_rates(k, ix, session_from, m->last);
}

static void put_rule(qlab_partkeys *k)
{
    put_text(k->of[QLAB_REACH_CATALOGUE], QLAB_ELIGIBILITY_VERSION);
    json_t *o = qlab_eligible_rule_json(&k->snap->rule);
    put_digest(k->of[QLAB_REACH_UNIVERSE], qlab_json_digest(o));
    json_decref(o);
}

/* ---- labels -----------------------------------------------------------------------------------
 */

int32_t qlab_partkey_label_reach(const qlab_snapshot *s, const qlab_month_plan *m)
{
    size_t after = qlab_session_lower_bound(s->master, s->n_master, m->last + 1);
    size_t reach = after + (size_t)qlab_label_horizons[QLAB_LABEL_HORIZONS - 1];
    if (s->n_master == 0)
        return m->last;
    if (reach >= s->n_master)
        return s->asof;
    return s->master[reach];
}

static void put_records(qlab_sha256 *h, const qlab_snapshot *s, uint32_t ix)
{
    for (size_t d = s->delisting_first[ix]; d < s->delisting_first[ix + 1]; d++) {
        size_t seen =
            qlab_session_lower_bound(s->master, s->n_master, s->delistings[d].delist_date);
        qlab_sha256_put_i32(h, s->delistings[d].delist_date);
        qlab_sha256_put_i32(h, seen < s->n_master ? s->master[seen] : QLAB_DATE_NONE);
        qlab_sha256_put_u32(h, s->delistings[d].code);
        qlab_sha256_put_f64(h, s->delistings[d].delist_return);
    }
}

static void put_endings(qlab_partkeys *k, uint32_t ix, int32_t from, int32_t to)
{
    const qlab_snapshot *s = k->snap;
    const qlab_exchange_days *x = &s->exchanges[s->exchange_of[ix]];
    qlab_sha256 *h = k->of[QLAB_REACH_LIVES];
    for (size_t i = s->life_first[ix]; i < s->life_first[ix + 1]; i++) {
        const qlab_life *l = &s->lives[i];
        if (l->first_date > to)
            continue;
        qlab_sha256_put_u32(h, l->life_no);
        qlab_sha256_put_i32(h, l->first_date < from ? from : l->first_date);
        if (l->last_date < from || l->last_date > to)
            continue;
        qlab_sha256_put_i32(h, l->last_date);
        qlab_sha256_put_i32(h, qlab_label_gone_date(l->last_date, s->asof, s->master, s->n_master,
                                                    x->session, x->n_sessions));
        size_t at = qlab_session_lower_bound(x->session, x->n_sessions, l->last_date + 1);
        qlab_sha256_put_i32(h, at < x->n_sessions ? x->session[at] : QLAB_DATE_NONE);
        qlab_sha256_put_u32(k->of[QLAB_REACH_DELISTINGS], l->life_no);
        put_records(k->of[QLAB_REACH_DELISTINGS], s, ix);
    }
    qlab_sha256_put_u32(h, 0);
}

/* Which bars of the month have 200 bars before them hangs on the year up to the month, unless the
 * life was old enough when the year began. */
static void put_row_choice(qlab_partkeys *k, uint32_t ix, int32_t year, const qlab_month_plan *m)
{
    size_t n;
    const qlab_asset_year *y = qlab_snapshot_years(k->snap, ix, &n);
    qlab_sha256 *h = k->of[QLAB_REACH_BARS];
    bool young = false;
    for (size_t i = 0; i < n; i++)
        young |= y[i].year == year && y[i].n_valid_before + 1 < QLAB_FEATURE_MIN_BARS;
    qlab_sha256_put_u32(h, young);
    if (young) {
        put_years(h, k->snap, ix, year, m->last);
        put_leaves(h, k, ix, 100 * year + 1, period_of_month(m->month));
    }
}

/* Whether a month with a leaf surely holds a valid bar: it has more bars than the year has void
 * ones, or the year's first valid one lies in it.  False: it may hold void bars alone, and a label
 * that waits for a price waits on. */
static bool surely_valid(const qlab_partkeys *k, uint32_t ix, int32_t month)
{
    const int32_t period = period_of_month(month), year = period / 100;
    uint64_t n_rows = 0, n_valid = 0;
    size_t n;
    const qlab_asset_year *y = qlab_snapshot_years(k->snap, ix, &n);
    for (size_t i = leaf_at(k, ix, 100 * year + 1);
         i < k->n_leaves && k->leaves[i].asset_ix == ix && k->leaves[i].period <= 100 * year + 12;
         i++)
        n_rows += k->leaves[i].n_rows;
    for (size_t i = 0; i < n; i++) {
        if (y[i].year != year)
            continue;
        n_valid += y[i].n_valid;
        if (qlab_date_month_index(y[i].first_date) == month)
            return true;
    }
    return leaf_find(k, ix, period)->n_rows > n_rows - n_valid;
}

/* Leaves from the month on through the last exit, and through the month of the next valid bar
 * after it; *end: the last month taken. */
static qlab_code put_label_bars(qlab_partkeys *k, qlab_conn *conn, uint32_t ix, int32_t first,
                                int32_t reach_month, int32_t *end, qlab_err *err)
{
    const int32_t last_month = qlab_date_month_index(k->snap->asof);
    *end = first;
    for (int32_t month = first; month <= last_month; month++) {
        if (month > first && period_of_month(month) % 100 == 1) {
            int32_t year = period_of_month(month) / 100;
            if (!leaf_find(k, ix, year)) {
                month += 11; /* no bar in the whole year */
                continue;
            }
            qlab_code code = need_months(k, conn, year, err);
            if (code != QLAB_OK)
                return code;
        }
        const qlab_leaf *l = leaf_find(k, ix, period_of_month(month));
        if (!l)
            continue;
        put_leaf(k->of[QLAB_REACH_BARS], l);
        *end = month;
        if (month > reach_month && surely_valid(k, ix, month))
            break; /* the next bar after a halt */
    }
    qlab_sha256_put_i32(k->of[QLAB_REACH_BARS], -1);
    return QLAB_OK;
}

static qlab_code put_label_asset(qlab_partkeys *k, qlab_conn *conn, uint32_t ix,
                                 const qlab_month_plan *m, int32_t reach, qlab_err *err)
{
    const qlab_snapshot *s = k->snap;
    int32_t end = m->month;
    put_text(k->of[QLAB_REACH_UNIVERSE], s->lake->assets[ix].mic);
    put_row_choice(k, ix, qlab_date_year(m->first), m);
    qlab_code code = put_label_bars(k, conn, ix, m->month, qlab_date_month_index(reach), &end, err);
    if (code != QLAB_OK)
        return code;
    int32_t to = qlab_date_of_month_index(end + 1) - 1;
    to = to > reach ? to : reach;
    put_endings(k, ix, m->first, to);
    put_steps(k->of[QLAB_REACH_ACTIONS], s, ix, m->first, to);
    put_digest(k->of[QLAB_REACH_CALENDAR], sessions_digest(k, s->exchange_of[ix], m->first, reach));
    return QLAB_OK;
}

/* ---- the key ----------------------------------------------------------------------------------
 */

static void put_kind(qlab_partkeys *k, qlab_panel_kind kind, qlab_digest features, qlab_entry entry,
                     const qlab_month_plan *m, int32_t reach)
{
    qlab_sha256 *catalogue = k->of[QLAB_REACH_CATALOGUE];
    qlab_sha256_put_u32(catalogue, QLAB_RESULTS_VERSION);
    if (kind == QLAB_PANEL_FEATURES)
        put_digest(catalogue, features);
    else if (kind == QLAB_PANEL_ELIGIBILITY)
        put_rule(k);
    else {
        put_text(catalogue, QLAB_LABEL_VERSION);
        put_text(catalogue, qlab_entry_name(entry));
        put_digest(k->of[QLAB_REACH_CALENDAR],
                   sessions_digest(k, (uint32_t)k->snap->master_exchange, m->first, reach));
    }
}

/* The digest of the digests; each hash is left ready for the next part. */
static qlab_digest end_key(qlab_partkeys *k, qlab_panel_kind kind, qlab_part_reach *reach)
{
    put_text(k->inner, qlab_panel_kind_name(kind));
    for (size_t r = 0; r < QLAB_REACHES; r++) {
        const qlab_digest d = qlab_sha256_end(k->of[r]);
        put_digest(k->inner, d);
        reach->of[r] = 0;
        for (int i = 0; i < 8; i++)
            reach->of[r] = reach->of[r] << 8 | d.at[i];
    }
    return qlab_sha256_end(k->inner);
}

qlab_code qlab_partkey(qlab_partkeys *k, qlab_conn *conn, qlab_panel_kind kind,
                       const qlab_month_plan *m, qlab_digest features, qlab_entry entry,
                       qlab_digest *out, qlab_part_reach *reach, size_t *n_assets, qlab_err *err)
{
    *n_assets = 0;
    qlab_code code = need_months(k, conn, qlab_date_year(m->first), err);
    if (code != QLAB_OK)
        return code;
    const int32_t last = qlab_partkey_label_reach(k->snap, m);
    put_month(k->of[QLAB_REACH_PLAN], m);
    put_kind(k, kind, features, entry, m, last);
    for (size_t i = 0; i < k->n_assets && code == QLAB_OK; i++) {
        uint32_t ix = k->by_id[i];
        if (!leaf_find(k, ix, period_of_month(m->month)))
            continue;
        ++*n_assets;
        begin_asset(k, ix);
        if (kind == QLAB_PANEL_LABELS)
            code = put_label_asset(k, conn, ix, m, last, err);
        else
            put_asset(k, kind, ix, m);
    }
    *out = end_key(k, kind, reach);
    return code;
}
