#include "ingest/delta.h"

#include "base/alloc.h"
#include "base/date.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void qlab_delta_free(qlab_delta *d)
{
    qlab_free(d->asset_ix);
    qlab_free(d->date);
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++)
        qlab_free(d->v[f]);
    qlab_free(d->provenance);
    qlab_free(d->leaves);
    qlab_free(d->actions);
    *d = (qlab_delta){0};
}

static void reserve(qlab_delta *d, size_t need)
{
    if (need <= d->cap)
        return;
    size_t cap = d->cap < 1024 ? 1024 : d->cap;
    while (cap < need)
        cap *= 2;
    d->asset_ix = qlab_realloc(d->asset_ix, cap, sizeof *d->asset_ix);
    d->date = qlab_realloc(d->date, cap, sizeof *d->date);
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++)
        d->v[f] = qlab_realloc(d->v[f], cap, sizeof *d->v[f]);
    d->provenance = qlab_realloc(d->provenance, cap, 1);
    d->cap = cap;
}

/* The columns of bars in the order of the fields. */
static void columns_of(const qlab_bars *b, const double *v[QLAB_N_FIELDS])
{
    v[QLAB_FIELD_OPEN] = b->open;
    v[QLAB_FIELD_HIGH] = b->high;
    v[QLAB_FIELD_LOW] = b->low;
    v[QLAB_FIELD_CLOSE] = b->close;
    v[QLAB_FIELD_VOLUME] = b->volume;
    v[QLAB_FIELD_ADJUSTED] = b->adjusted_close;
}

/* row of b, or a row without values where b is NULL. */
static void put_row(qlab_delta *d, uint32_t asset_ix, int32_t date, const qlab_bars *b, size_t row,
                    uint8_t provenance)
{
    const double *v[QLAB_N_FIELDS];

    reserve(d, d->n + 1);
    if (b != NULL)
        columns_of(b, v);
    d->asset_ix[d->n] = asset_ix;
    d->date[d->n] = date;
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++)
        d->v[f][d->n] = b != NULL ? v[f][row] : (double)NAN;
    d->provenance[d->n++] = provenance;
}

/* ---- which years changed --------------------------------------------------------------------- */

/* One (asset, year) whose leaf is not the visible one's. */
typedef struct qlab_changed_year {
    int32_t year;
    uint32_t slot;
    size_t first, n; /* delivered rows */
} qlab_changed_year;

typedef struct qlab_finding {
    const qlab_ingest *g;
    uint32_t bucket;
    const qlab_bars *now;
    qlab_asset_tally *tally;
    qlab_delta *out;
    qlab_leaf *old; /* all visible leaves of the bucket, by (asset_ix, period) */
    size_t n_old;
    int32_t months_from;
    qlab_changed_year *changed;
    size_t n_changed, cap_changed;
} qlab_finding;

static uint32_t slot_of(uint32_t asset_ix)
{
    return asset_ix % QLAB_LAKE_BUCKET_ASSETS;
}

static bool is_year(const qlab_leaf *l)
{
    return l->period < 10000;
}

/* Leaves of an asset: [*from, *to). */
static void leaves_of_asset(const qlab_finding *f, uint32_t asset_ix, size_t *from, size_t *to)
{
    size_t low = 0, high = f->n_old;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (f->old[mid].asset_ix < asset_ix)
            low = mid + 1;
        else
            high = mid;
    }
    *from = low;
    while (low < f->n_old && f->old[low].asset_ix == asset_ix)
        low++;
    *to = low;
}

static const qlab_leaf *find_leaf(const qlab_finding *f, uint32_t asset_ix, int32_t period)
{
    size_t from, to;

    leaves_of_asset(f, asset_ix, &from, &to);
    for (size_t i = from; i < to; i++) {
        if (f->old[i].period == period)
            return &f->old[i];
    }
    return NULL;
}

static void put_changed(qlab_finding *f, int32_t year, uint32_t slot, size_t first, size_t n)
{
    qlab_grow((void **)&f->changed, &f->cap_changed, f->n_changed + 1, sizeof *f->changed);
    f->changed[f->n_changed++] = (qlab_changed_year){year, slot, first, n};
}

static size_t end_of_year(const qlab_bars *b, size_t row, size_t end)
{
    const int year = qlab_date_year(b->date[row]);
    const int32_t stop = qlab_date_make(year, 12, 31);

    while (row < end && b->date[row] <= stop)
        row++;
    return row;
}

/* Delivered years against visible ones of asset number a of now. */
static void compare_years(qlab_finding *f, size_t a)
{
    const qlab_bars *b = f->now;
    const uint32_t ix = b->asset_ix[a], slot = slot_of(ix);
    qlab_asset_tally *t = &f->tally[slot];
    size_t from, to, at;

    leaves_of_asset(f, ix, &from, &to);
    for (size_t i = from; i < to; i++)
        t->visible += is_year(&f->old[i]) ? f->old[i].n_rows : 0;
    at = from;
    for (size_t row = b->first[a], end; row < b->first[a + 1]; row = end) {
        const int32_t year = qlab_date_year(b->date[row]);
        end = end_of_year(b, row, b->first[a + 1]);
        for (; at < to && is_year(&f->old[at]) && f->old[at].period < year; at++)
            put_changed(f, f->old[at].period, slot, row, 0); /* a year that is gone */
        const bool there = at < to && is_year(&f->old[at]) && f->old[at].period == year;
        const qlab_digest leaf = qlab_lake_leaf(b, row, end - row);
        if (there && qlab_digest_cmp(&leaf, &f->old[at].digest) == 0)
            t->known += end - row;
        else
            put_changed(f, year, slot, row, end - row);
        at += there;
    }
    for (; at < to && is_year(&f->old[at]); at++)
        put_changed(f, f->old[at].period, slot, b->first[a + 1], 0);
}

static int cmp_changed(const void *a, const void *b)
{
    const qlab_changed_year *x = a, *y = b;

    if (x->year != y->year)
        return x->year < y->year ? -1 : 1;
    return (x->slot > y->slot) - (x->slot < y->slot);
}

/* ---- which rows ------------------------------------------------------------------------------ */

static bool same_value(double x, double y)
{
    return x == y || (isnan(x) && isnan(y));
}

static bool same_ohlcv(const qlab_bars *a, size_t i, const qlab_bars *b, size_t j)
{
    return same_value(a->open[i], b->open[j]) && same_value(a->high[i], b->high[j]) &&
           same_value(a->low[i], b->low[j]) && same_value(a->close[i], b->close[j]) &&
           same_value(a->volume[i], b->volume[j]);
}

static bool has_later_year(const qlab_finding *f, uint32_t asset_ix, int32_t year)
{
    size_t from, to;

    leaves_of_asset(f, asset_ix, &from, &to);
    for (size_t i = from; i < to && is_year(&f->old[i]); i++) {
        if (f->old[i].period > year)
            return true;
    }
    return false;
}

/* Rows of one changed year: vis[v, v_end) is what the lake shows of it. */
static void compare_rows(qlab_finding *f, const qlab_changed_year *c, const qlab_bars *vis,
                         size_t v, size_t v_end)
{
    const qlab_bars *b = f->now;
    const uint32_t ix = f->bucket * QLAB_LAKE_BUCKET_ASSETS + c->slot;
    qlab_asset_tally *t = &f->tally[c->slot];
    const bool later_year = has_later_year(f, ix, c->year);
    size_t i = c->first;
    const size_t end = c->first + c->n;

    while (i < end || v < v_end) {
        if (v == v_end || (i < end && b->date[i] < vis->date[v])) {
            const uint8_t late = later_year || v < v_end ? QLAB_PROV_LATE : 0;
            const uint8_t was = b->provenance != NULL ? b->provenance[i] : 0;
            put_row(f->out, ix, b->date[i], b, i, (uint8_t)(was | late));
            t->inserted++;
            i++;
        } else if (i == end || vis->date[v] < b->date[i]) {
            put_row(f->out, ix, vis->date[v], NULL, 0, QLAB_PROV_TOMBSTONE);
            t->tombstoned++;
            v++;
        } else {
            if (same_ohlcv(b, i, vis, v)) {
                t->known++;
                t->adj_restated += !same_value(b->adjusted_close[i], vis->adjusted_close[v]);
            } else {
                const uint8_t was = b->provenance != NULL ? b->provenance[i] : 0;
                put_row(f->out, ix, b->date[i], b, i, (uint8_t)(was | QLAB_PROV_REVISED));
                t->revised++;
            }
            i++;
            v++;
        }
    }
}

/* Changed years [from, to) of one calendar year. */
static qlab_code compare_one_year(qlab_finding *f, qlab_conn *conn, size_t from, size_t to,
                                  qlab_err *err)
{
    const int32_t year = f->changed[from].year;
    qlab_bars vis = {0};
    const qlab_code rc =
        qlab_lake_read_bars(f->g->view, conn, f->bucket, qlab_date_make(year, 1, 1),
                            qlab_date_make(year, 12, 31), QLAB_BARS_ADJUSTED, &vis, err);

    for (size_t k = from; k < to && rc == QLAB_OK; k++) {
        const uint32_t slot = f->changed[k].slot;
        const bool there = slot < vis.n_assets; /* an asset that is new has no rows there */
        compare_rows(f, &f->changed[k], &vis, there ? vis.first[slot] : 0,
                     there ? vis.first[slot + 1] : 0);
    }
    qlab_bars_free(&vis);
    return rc;
}

/* ---- holding, order -------------------------------------------------------------------------- */

/* True where an asset would lose too much at once. */
static bool hold(const qlab_asset_tally *t)
{
    return t->tombstoned > 5 && t->tombstoned * 100 > t->visible;
}

static bool is_held(const qlab_finding *f, uint32_t slot)
{
    return f->tally[slot].would_tombstone > 0;
}

static void hold_deletions(qlab_finding *f)
{
    qlab_delta *d = f->out;
    size_t kept = 0;

    for (size_t a = 0; a < f->now->n_assets; a++) {
        qlab_asset_tally *t = &f->tally[slot_of(f->now->asset_ix[a])];
        if (hold(t))
            *t = (qlab_asset_tally){.held = f->now->first[a + 1] - f->now->first[a],
                                    .would_tombstone = t->tombstoned,
                                    .visible = t->visible};
    }
    for (size_t i = 0; i < d->n; i++) {
        if (is_held(f, slot_of(d->asset_ix[i])))
            continue;
        d->asset_ix[kept] = d->asset_ix[i];
        d->date[kept] = d->date[i];
        for (unsigned k = 0; k < QLAB_N_FIELDS; k++)
            d->v[k][kept] = d->v[k][i];
        d->provenance[kept++] = d->provenance[i];
    }
    d->n = kept;
}

typedef struct qlab_place {
    uint32_t asset_ix;
    int32_t date;
    size_t row;
} qlab_place;

static int cmp_place(const void *a, const void *b)
{
    const qlab_place *x = a, *y = b;

    if (x->asset_ix != y->asset_ix)
        return x->asset_ix < y->asset_ix ? -1 : 1;
    return (x->date > y->date) - (x->date < y->date);
}

static void sort_rows(qlab_delta *d)
{
    qlab_place *p = qlab_alloc(d->n, sizeof *p);
    double *column = qlab_alloc(d->n, sizeof *column);
    uint8_t *bits = qlab_alloc(d->n, 1);

    for (size_t i = 0; i < d->n; i++)
        p[i] = (qlab_place){d->asset_ix[i], d->date[i], i};
    if (d->n > 1)
        qsort(p, d->n, sizeof *p, cmp_place);
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++) {
        for (size_t i = 0; i < d->n; i++)
            column[i] = d->v[f][p[i].row];
        if (d->n > 0)
            memcpy(d->v[f], column, d->n * sizeof *column);
    }
    for (size_t i = 0; i < d->n; i++)
        bits[i] = d->provenance[p[i].row];
    for (size_t i = 0; i < d->n; i++) {
        d->provenance[i] = bits[i];
        d->asset_ix[i] = p[i].asset_ix;
        d->date[i] = p[i].date;
    }
    qlab_free(bits);
    qlab_free(column);
    qlab_free(p);
}

/* ---- leaves ---------------------------------------------------------------------------------- */

static void put_leaf(qlab_delta *d, uint32_t asset_ix, int32_t period, const qlab_bars *b,
                     size_t first, size_t n)
{
    qlab_leaf leaf = {.asset_ix = asset_ix, .period = period, .n_rows = (uint32_t)n};

    if (n > 0)
        leaf.digest = qlab_lake_leaf(b, first, n);
    qlab_grow((void **)&d->leaves, &d->cap_leaves, d->n_leaves + 1, sizeof *d->leaves);
    d->leaves[d->n_leaves++] = leaf;
}

/* The leaf of a changed year and those of its months, where months are kept or were. */
static void put_leaves(qlab_finding *f, const qlab_changed_year *c)
{
    const uint32_t ix = f->bucket * QLAB_LAKE_BUCKET_ASSETS + c->slot;
    const qlab_bars *b = f->now;
    size_t row = c->first;
    const size_t end = c->first + c->n;
    bool months = c->year >= f->months_from;

    put_leaf(f->out, ix, c->year, b, c->first, c->n);
    for (int32_t m = 1; m <= 12 && !months; m++)
        months = find_leaf(f, ix, 100 * c->year + m) != NULL;
    for (int32_t m = 1; m <= 12 && months; m++) {
        const int32_t stop = m < 12 ? qlab_date_make(c->year, m + 1, 1) : INT32_MAX;
        const size_t first = row;
        while (row < end && b->date[row] < stop)
            row++;
        if (row > first || find_leaf(f, ix, 100 * c->year + m) != NULL)
            put_leaf(f->out, ix, 100 * c->year + m, b, first, row - first);
    }
}

static int cmp_leaf(const void *a, const void *b)
{
    const qlab_leaf *x = a, *y = b;

    if (x->asset_ix != y->asset_ix)
        return x->asset_ix < y->asset_ix ? -1 : 1;
    return (x->period > y->period) - (x->period < y->period);
}

/* ---- actions --------------------------------------------------------------------------------- */

static bool same_key(const qlab_action *a, const qlab_action *b)
{
    return a->ex_date == b->ex_date && a->type == b->type &&
           strcmp(a->source_id, b->source_id) == 0;
}

static bool same_fact(const qlab_action *a, const qlab_action *b)
{
    return a->confidence == b->confidence && a->in_basis == b->in_basis && same_value(a->r, b->r) &&
           same_value(a->d, b->d) && same_value(a->c, b->c) && same_value(a->c_low, b->c_low) &&
           same_value(a->c_high, b->c_high) && strcmp(a->currency, b->currency) == 0;
}

static void put_action(qlab_delta *d, const qlab_action *a, bool withdrawn)
{
    qlab_grow((void **)&d->actions, &d->cap_actions, d->n_actions + 1, sizeof *d->actions);
    d->actions[d->n_actions] = *a;
    d->actions[d->n_actions++].withdrawn = withdrawn;
}

/* Derived facts of the lake about an asset: [*from, *to) of g->actions. */
static void facts_of(const qlab_ingest *g, uint32_t asset_ix, size_t *from, size_t *to)
{
    size_t low = 0, high = g->n_actions;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (g->actions[mid].asset_ix < asset_ix)
            low = mid + 1;
        else
            high = mid;
    }
    *from = low;
    while (low < g->n_actions && g->actions[low].asset_ix == asset_ix)
        low++;
    *to = low;
}

static void compare_actions(qlab_finding *f, const qlab_action *fresh, size_t n, uint32_t asset_ix)
{
    const qlab_ingest *g = f->g;
    size_t from, to;

    facts_of(g, asset_ix, &from, &to);
    for (size_t i = 0; i < n; i++) {
        size_t k = from;
        while (k < to && !same_key(&g->actions[k], &fresh[i]))
            k++;
        if (k == to || !same_fact(&g->actions[k], &fresh[i]))
            put_action(f->out, &fresh[i], false);
    }
    for (size_t k = from; k < to; k++) {
        size_t i = 0;
        while (i < n && !same_key(&g->actions[k], &fresh[i]))
            i++;
        if (i == n)
            put_action(f->out, &g->actions[k], true);
    }
}

static void find_actions(qlab_finding *f)
{
    const qlab_bars *b = f->now;
    qlab_action *fresh = NULL;
    size_t cap = 0;

    for (size_t a = 0; a < b->n_assets; a++) {
        const size_t first = b->first[a], end = b->first[a + 1];
        size_t n = 0, any = first;
        while (any < end && isnan(b->adjusted_close[any]))
            any++;
        if (any == end || is_held(f, slot_of(b->asset_ix[a])))
            continue; /* not a vintage: it says nothing about actions */
        qlab_vintage v = qlab_ingest_vintage(f->g, b, a);
        qlab_derive_actions(&v, &fresh, &n, &cap);
        compare_actions(f, fresh, n, b->asset_ix[a]);
    }
    qlab_free(fresh);
}

/* ---- all of it ------------------------------------------------------------------------------- */

qlab_code qlab_delta_find(const qlab_ingest *g, qlab_conn *conn, uint32_t bucket,
                          const qlab_bars *now, qlab_asset_tally *tally, qlab_delta *out,
                          qlab_err *err)
{
    qlab_finding f = {.g = g, .bucket = bucket, .now = now, .tally = tally, .out = out};
    qlab_code rc =
        qlab_lake_read_leaves(g->view, conn, bucket, QLAB_LEAVES_ALL, &f.old, &f.n_old, err);

    f.months_from = qlab_lake_months_from(now);
    for (size_t i = 0; i < f.n_old && rc == QLAB_OK; i++) {
        if (is_year(&f.old[i]) &&
            (f.months_from == INT32_MAX || f.old[i].period - 3 > f.months_from))
            f.months_from = f.old[i].period - 3;
    }
    for (size_t a = 0; a < now->n_assets && rc == QLAB_OK; a++)
        compare_years(&f, a);
    if (f.n_changed > 1)
        qsort(f.changed, f.n_changed, sizeof *f.changed, cmp_changed);
    for (size_t from = 0, to; from < f.n_changed && rc == QLAB_OK; from = to) {
        for (to = from + 1; to < f.n_changed && f.changed[to].year == f.changed[from].year;)
            to++;
        rc = compare_one_year(&f, conn, from, to, err);
    }
    if (rc == QLAB_OK) {
        hold_deletions(&f);
        sort_rows(out);
        for (size_t k = 0; k < f.n_changed; k++) {
            if (!is_held(&f, f.changed[k].slot))
                put_leaves(&f, &f.changed[k]);
        }
        if (out->n_leaves > 1)
            qsort(out->leaves, out->n_leaves, sizeof *out->leaves, cmp_leaf);
        find_actions(&f);
    }
    qlab_free(f.old);
    qlab_free(f.changed);
    return rc;
}
