#include "ingest/delta_int.h"

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

void qlab_delta_move_row(qlab_delta *d, size_t to, size_t from)
{
    d->asset_ix[to] = d->asset_ix[from];
    d->date[to] = d->date[from];
    for (unsigned k = 0; k < QLAB_N_FIELDS; k++)
        d->v[k][to] = d->v[k][from];
    d->provenance[to] = d->provenance[from];
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

void qlab_delta_said_free(qlab_delta_said *s)
{
    qlab_free(s->revisions);
    qlab_free(s->basis);
    *s = (qlab_delta_said){0};
}

/* ---- which years changed --------------------------------------------------------------------- */

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

static bool same_leaf(const qlab_bars *b, size_t first, size_t n, const qlab_leaf *old)
{
    if (n != old->n_rows)
        return false;
    const qlab_digest leaf = qlab_lake_leaf(b, first, n);
    return qlab_digest_cmp(&leaf, &old->digest) == 0;
}

static void put_changed(qlab_finding *f, qlab_changed_year c)
{
    qlab_grow((void **)&f->changed, &f->cap_changed, f->n_changed + 1, sizeof *f->changed);
    f->changed[f->n_changed++] = c;
}

static size_t end_of_year(const qlab_bars *b, size_t row, size_t end)
{
    const int year = qlab_date_year(b->date[row]);
    const int32_t stop = qlab_date_make(year, 12, 31);

    while (row < end && b->date[row] <= stop)
        row++;
    return row;
}

static void keep_known(qlab_finding *f, uint32_t slot, int32_t date)
{
    if (date < f->first_known[slot])
        f->first_known[slot] = date;
}

/* Delivered years against visible ones of asset number a of now. */
void qlab_delta_compare_years(qlab_finding *f, size_t a)
{
    const qlab_bars *b = f->now;
    const uint32_t ix = b->asset_ix[a], slot = qlab_slot_of(ix);
    const bool partial = f->delivered->partial[slot];
    qlab_asset_tally *t = &f->tally[slot];
    size_t from, to, at;

    leaves_of_asset(f, ix, &from, &to);
    for (size_t i = from; i < to; i++)
        t->visible += is_year(&f->old[i]) ? f->old[i].n_rows : 0;
    at = from;
    for (size_t row = b->first[a], end; row < b->first[a + 1]; row = end) {
        const int32_t year = qlab_date_year(b->date[row]);
        end = end_of_year(b, row, b->first[a + 1]);
        for (; at < to && is_year(&f->old[at]) && f->old[at].period < year; at++) {
            if (!partial) /* a year that is gone */
                put_changed(f, (qlab_changed_year){f->old[at].period, slot, true, row, 0});
            else if (f->old[at].n_rows > 0) /* of which sidecars say nothing */
                keep_known(f, slot, qlab_date_make(f->old[at].period, 1, 1));
        }
        const bool there = at < to && is_year(&f->old[at]) && f->old[at].period == year;
        const bool same = there && same_leaf(b, row, end - row, &f->old[at]);
        if (same) {
            t->known += end - row;
            keep_known(f, slot, b->date[row]);
        } else {
            put_changed(f, (qlab_changed_year){year, slot, there, row, end - row});
        }
        at += there;
    }
    for (; at < to && is_year(&f->old[at]) && !partial; at++)
        put_changed(f, (qlab_changed_year){f->old[at].period, slot, true, b->first[a + 1], 0});
}

static int cmp_changed(const void *a, const void *b)
{
    const qlab_changed_year *x = a, *y = b;

    if (x->year != y->year)
        return x->year < y->year ? -1 : 1;
    return (x->slot > y->slot) - (x->slot < y->slot);
}

/* ---- which rows ------------------------------------------------------------------------------ */

static bool same_ohlcv(const qlab_bars *a, size_t i, const qlab_bars *b, size_t j)
{
    return qlab_same_value(a->open[i], b->open[j]) && qlab_same_value(a->high[i], b->high[j]) &&
           qlab_same_value(a->low[i], b->low[j]) && qlab_same_value(a->close[i], b->close[j]) &&
           qlab_same_value(a->volume[i], b->volume[j]);
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

static void values_of(const qlab_bars *b, size_t row, double out[5])
{
    const double v[5] = {b->open[row], b->high[row], b->low[row], b->close[row], b->volume[row]};
    memcpy(out, v, sizeof v);
}

static void put_revision(qlab_finding *f, uint32_t asset_ix, const qlab_bars *b, size_t i,
                         const qlab_bars *vis, size_t v)
{
    qlab_delta_said *s = f->said;

    qlab_grow((void **)&s->revisions, &s->cap_revisions, s->n_revisions + 1, sizeof *s->revisions);
    qlab_revision *r = &s->revisions[s->n_revisions++];
    r->asset_ix = asset_ix;
    r->date = b->date[i];
    values_of(vis, v, r->was);
    values_of(b, i, r->is);
}

/* The state's next row: row i of b. */
static void put_state(qlab_bars *to, const qlab_bars *b, size_t i)
{
    const size_t n = to->n_rows++;

    to->date[n] = b->date[i];
    to->open[n] = b->open[i];
    to->high[n] = b->high[i];
    to->low[n] = b->low[i];
    to->close[n] = b->close[i];
    to->volume[n] = b->volume[i];
}

/* A row that both have. */
static void compare_row(qlab_finding *f, uint32_t ix, size_t i, const qlab_bars *vis, size_t v)
{
    const qlab_bars *b = f->now;
    qlab_asset_tally *t = &f->tally[qlab_slot_of(ix)];

    if (same_ohlcv(b, i, vis, v)) {
        t->known++;
        t->adj_restated += !qlab_same_value(b->adjusted_close[i], vis->adjusted_close[v]);
        keep_known(f, qlab_slot_of(ix), b->date[i]);
        return;
    }
    const uint8_t was = b->provenance != NULL ? b->provenance[i] : 0;
    put_row(f->out, ix, b->date[i], b, i, (uint8_t)(was | QLAB_PROV_REVISED));
    put_revision(f, ix, b, i, vis, v);
    t->revised++;
}

/* Rows of one changed year: vis[v, v_end) is what the lake shows of it.  f->state becomes what it
 * will show. */
static void compare_rows(qlab_finding *f, const qlab_changed_year *c, const qlab_bars *vis,
                         size_t v, size_t v_end)
{
    const qlab_bars *b = f->now;
    const uint32_t ix = f->bucket * QLAB_LAKE_BUCKET_ASSETS + c->slot;
    const bool partial = f->delivered->partial[c->slot];
    qlab_asset_tally *t = &f->tally[c->slot];
    const bool later_year = has_later_year(f, ix, c->year);
    size_t i = c->first;
    const size_t end = c->first + c->n;

    f->state.n_rows = 0;
    while (i < end || v < v_end) {
        if (v == v_end || (i < end && b->date[i] < vis->date[v])) {
            const uint8_t late = later_year || v < v_end ? QLAB_PROV_LATE : 0;
            const uint8_t was = b->provenance != NULL ? b->provenance[i] : 0;
            put_row(f->out, ix, b->date[i], b, i, (uint8_t)(was | late));
            put_state(&f->state, b, i);
            t->inserted++;
            i++;
        } else if (i == end || vis->date[v] < b->date[i]) {
            if (partial) {
                put_state(&f->state, vis, v);
                keep_known(f, c->slot, vis->date[v]);
            } else {
                put_row(f->out, ix, vis->date[v], NULL, 0, QLAB_PROV_TOMBSTONE);
                t->tombstoned++;
            }
            v++;
        } else {
            compare_row(f, ix, i, vis, v);
            put_state(&f->state, b, i);
            i++;
            v++;
        }
    }
}

static void put_leaf(qlab_delta *d, uint32_t asset_ix, int32_t period, const qlab_bars *b,
                     size_t first, size_t n)
{
    qlab_leaf leaf = {.asset_ix = asset_ix, .period = period, .n_rows = (uint32_t)n};

    if (n > 0)
        leaf.digest = qlab_lake_leaf(b, first, n);
    qlab_grow((void **)&d->leaves, &d->cap_leaves, d->n_leaves + 1, sizeof *d->leaves);
    d->leaves[d->n_leaves++] = leaf;
}

/* The leaf of a changed year and those of its months, where months are kept or were; f->state holds
 * its rows. */
static void put_leaves(qlab_finding *f, const qlab_changed_year *c)
{
    const uint32_t ix = f->bucket * QLAB_LAKE_BUCKET_ASSETS + c->slot;
    const qlab_bars *b = &f->state;
    size_t row = 0;
    bool months = c->year >= f->months_from;

    put_leaf(f->out, ix, c->year, b, 0, b->n_rows);
    for (int32_t m = 1; m <= 12 && !months; m++)
        months = find_leaf(f, ix, 100 * c->year + m) != NULL;
    for (int32_t m = 1; m <= 12 && months; m++) {
        const int32_t stop = m < 12 ? qlab_date_make(c->year, m + 1, 1) : INT32_MAX;
        const size_t first = row;
        while (row < b->n_rows && b->date[row] < stop)
            row++;
        if (row > first || find_leaf(f, ix, 100 * c->year + m) != NULL)
            put_leaf(f->out, ix, 100 * c->year + m, b, first, row - first);
    }
}

/* What the lake shows of a year: of the whole bucket where most of it is wanted. */
static qlab_code read_visible(const qlab_finding *f, qlab_conn *conn, int32_t year,
                              const uint8_t *wanted, size_t n_wanted, qlab_bars *out, qlab_err *err)
{
    const int32_t first = qlab_date_make(year, 1, 1), last = qlab_date_make(year, 12, 31);

    if (n_wanted > QLAB_LAKE_BUCKET_ASSETS / 4)
        return qlab_lake_read_bars(f->g->view, conn, f->bucket, first, last, QLAB_BARS_ADJUSTED,
                                   out, err);
    return qlab_lake_read_bars_of(f->g->view, conn, f->bucket, wanted, first, last,
                                  QLAB_BARS_ADJUSTED, out, err);
}

/* Changed years [from, to) of one calendar year. */
static qlab_code compare_one_year(qlab_finding *f, qlab_conn *conn, size_t from, size_t to,
                                  qlab_err *err)
{
    const int32_t year = f->changed[from].year;
    uint8_t wanted[QLAB_LAKE_BUCKET_ASSETS] = {0};
    qlab_bars vis = {0};
    size_t n_wanted = 0;
    qlab_code rc = QLAB_OK;

    for (size_t k = from; k < to; k++) {
        if (!f->changed[k].visible)
            continue;
        wanted[f->changed[k].slot] = 1; /* an asset has one year of a number */
        n_wanted++;
    }
    if (n_wanted > 0)
        rc = read_visible(f, conn, year, wanted, n_wanted, &vis, err);
    for (size_t k = from; k < to && rc == QLAB_OK; k++) {
        const qlab_changed_year *c = &f->changed[k];
        const bool there = c->slot < vis.n_assets; /* an asset that is new has no rows there */
        const size_t n_rows = f->out->n;
        compare_rows(f, c, &vis, there ? vis.first[c->slot] : 0,
                     there ? vis.first[c->slot + 1] : 0);
        if (f->out->n > n_rows) /* sidecars may say nothing new */
            put_leaves(f, c);
    }
    qlab_bars_free(&vis);
    return rc;
}

/* ---- holding, order -------------------------------------------------------------------------- */

/* True where an asset would lose too much at once. */
static bool too_many(const qlab_asset_tally *t)
{
    return t->tombstoned > 5 && t->tombstoned * 100 > t->visible;
}

/* What an acknowledgement is of: this asset's rows of these dates, and no others.  Rows of an asset
 * stand by date in out, year after year. */
static void name_vanished(qlab_finding *f)
{
    const qlab_delta *d = f->out;
    qlab_sha256 **h = qlab_alloc_zero(QLAB_LAKE_BUCKET_ASSETS, sizeof *h);

    for (size_t a = f->from; a < f->to; a++) {
        const uint32_t slot = qlab_slot_of(f->now->asset_ix[a]);
        if (!too_many(&f->tally[slot]))
            continue;
        const char *id = f->g->assets[f->bucket * QLAB_LAKE_BUCKET_ASSETS + slot].asset_id;
        h[slot] = qlab_sha256_new();
        qlab_sha256_put_str(h[slot], id, strlen(id));
    }
    for (size_t i = 0; i < d->n; i++) {
        qlab_sha256 *of = h[qlab_slot_of(d->asset_ix[i])];
        if (of != NULL && (d->provenance[i] & QLAB_PROV_TOMBSTONE))
            qlab_sha256_put_i32(of, d->date[i]);
    }
    for (uint32_t slot = 0; slot < QLAB_LAKE_BUCKET_ASSETS; slot++) {
        if (h[slot] != NULL)
            f->tally[slot].vanished = qlab_sha256_end(h[slot]);
        qlab_sha256_free(h[slot]);
    }
    qlab_free(h);
}

static void hold_deletions(qlab_finding *f)
{
    qlab_delta *d = f->out;
    qlab_delta_said *s = f->said;
    size_t kept = 0;
    char hex[QLAB_HEX_BYTES];

    name_vanished(f);
    for (size_t a = f->from; a < f->to; a++) {
        qlab_asset_tally *t = &f->tally[qlab_slot_of(f->now->asset_ix[a])];
        if (!too_many(t))
            continue;
        t->acked = json_object_get(f->g->acks, qlab_hex(t->vanished, hex)) != NULL;
        if (!t->acked)
            *t = (qlab_asset_tally){.held = f->now->first[a + 1] - f->now->first[a],
                                    .would_tombstone = t->tombstoned,
                                    .visible = t->visible,
                                    .vanished = t->vanished};
    }
    for (size_t i = 0; i < d->n; i++) {
        if (!qlab_is_held(f, qlab_slot_of(d->asset_ix[i])))
            qlab_delta_move_row(d, kept++, i);
    }
    d->n = kept;
    kept = 0;
    for (size_t i = 0; i < d->n_leaves; i++) {
        if (!qlab_is_held(f, qlab_slot_of(d->leaves[i].asset_ix)))
            d->leaves[kept++] = d->leaves[i];
    }
    d->n_leaves = kept;
    kept = 0;
    for (size_t i = 0; i < s->n_revisions; i++) {
        if (!qlab_is_held(f, qlab_slot_of(s->revisions[i].asset_ix)))
            s->revisions[kept++] = s->revisions[i];
    }
    s->n_revisions = kept;
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

static int cmp_leaf(const void *a, const void *b)
{
    const qlab_leaf *x = a, *y = b;

    if (x->asset_ix != y->asset_ix)
        return x->asset_ix < y->asset_ix ? -1 : 1;
    return (x->period > y->period) - (x->period < y->period);
}

qlab_code qlab_delta_compare_changed(qlab_finding *f, qlab_conn *conn, qlab_err *err)
{
    qlab_code rc = QLAB_OK;

    if (f->n_changed > 1)
        qsort(f->changed, f->n_changed, sizeof *f->changed, cmp_changed);
    for (size_t from = 0, to; from < f->n_changed && rc == QLAB_OK; from = to) {
        for (to = from + 1; to < f->n_changed && f->changed[to].year == f->changed[from].year;)
            to++;
        rc = compare_one_year(f, conn, from, to, err);
    }
    f->n_changed = 0;
    return rc;
}

static void make_state(qlab_bars *b)
{
    enum { MOST_DAYS = 366 };

    qlab_bars_make(b, 0, MOST_DAYS, 0);
    b->n_rows = 0;
}

/* The newest years whose months are kept: those of what is delivered and of what is there. */
static int32_t months_from(const qlab_finding *f)
{
    int32_t from = qlab_lake_months_from(f->now);

    for (size_t i = 0; i < f->n_old; i++) {
        if (is_year(&f->old[i]) && (from == INT32_MAX || f->old[i].period - 3 > from))
            from = f->old[i].period - 3;
    }
    return from;
}

/* Assets of the slots [first, first + n), from their leaves to sorted rows. */
static qlab_code find_group(qlab_finding *f, qlab_conn *conn, uint32_t first, uint32_t n,
                            qlab_err *err)
{
    const qlab_bars *b = f->now;
    qlab_delta *out = f->out;

    for (f->from = f->to; f->to < b->n_assets && qlab_slot_of(b->asset_ix[f->to]) < first + n;)
        qlab_delta_compare_years(f, f->to++);
    qlab_code rc = qlab_delta_compare_changed(f, conn, err);
    if (rc == QLAB_OK)
        rc = qlab_delta_settle_basis(f, conn, err);
    if (rc != QLAB_OK)
        return rc;
    hold_deletions(f);
    sort_rows(out);
    if (out->n_leaves > 1)
        qsort(out->leaves, out->n_leaves, sizeof *out->leaves, cmp_leaf);
    qlab_delta_find_actions(f);
    if (f->said->n_revisions > QLAB_INGEST_EXAMPLES)
        f->said->n_revisions = QLAB_INGEST_EXAMPLES;
    return QLAB_OK;
}

qlab_code qlab_delta_find(const qlab_ingest *g, qlab_conn *conn, uint32_t bucket,
                          qlab_delivered *now, qlab_asset_tally *tally, const qlab_delta_sink *sink,
                          qlab_delta *out, qlab_delta_said *said, qlab_err *err)
{
    enum { GROUP = 128 };
    const uint32_t step =
        now->bars.n_rows > QLAB_DELTA_LARGE_ROWS ? GROUP : QLAB_LAKE_BUCKET_ASSETS;
    qlab_finding *f = qlab_alloc_zero(1, sizeof *f);

    *f = (qlab_finding){.g = g,
                        .bucket = bucket,
                        .delivered = now,
                        .now = &now->bars,
                        .tally = tally,
                        .out = out,
                        .said = said};
    make_state(&f->state);
    for (size_t slot = 0; slot < QLAB_LAKE_BUCKET_ASSETS; slot++)
        f->first_known[slot] = INT32_MAX;
    qlab_code rc =
        qlab_lake_read_leaves(g->view, conn, bucket, QLAB_LEAVES_ALL, &f->old, &f->n_old, err);
    f->months_from = months_from(f);
    for (uint32_t slot = 0; slot < QLAB_LAKE_BUCKET_ASSETS && rc == QLAB_OK; slot += step) {
        rc = find_group(f, conn, slot, step, err);
        if (rc == QLAB_OK && out->n > QLAB_DELTA_FLUSH_ROWS)
            rc = sink->take(sink->ctx, out, err);
    }
    qlab_bars_free(&f->state);
    qlab_free(f->old);
    qlab_free(f->changed);
    qlab_free(f);
    return rc;
}
