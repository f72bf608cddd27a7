/* A whole prefix delivered in another basis (METHODS 1).
 *
 * Each revised row allows an interval of ratios, delivered/kept, as wide as the last decimal that
 * is delivered.  Rows whose intervals share a point, for all prices and for volume, are one
 * stretch. */
#include "base/alloc.h"
#include "ingest/delta_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEAST_ROWS = 20, /* fewer are corrections */
    LEAST_NEXT = 2,  /* behind a stretch: between two splits there may be few */
    MOST_ODD = 5,    /* rows in a row that do not fit: the stretch is over */
    ONE_ODD_IN = 20  /* at most one row in so many does not fit */
};

/* Half a unit of the most decimals that the delivered closes show. */
static double half_unit(const qlab_revision *r, size_t n)
{
    int most = 0;

    for (size_t i = 0; i < n; i++) {
        const int k = qlab_decimals_of(r[i].is[3], NULL);
        most = k < 0 ? 9 : k > most ? k : most;
    }
    double half = 0.5;
    for (int k = 0; k < most; k++)
        half /= 10;
    return half;
}

/* Narrows *ratio to what one value allows; false where nothing is left of it. */
static bool narrow(double was, double is, double half, qlab_interval *ratio)
{
    if (isnan(was) || isnan(is))
        return isnan(was) && isnan(is);
    if (was == 0 || is == 0)
        return was == is;
    const double noise = half + fabs(is) * 1e-9;
    const double low = (is - noise) / was, high = (is + noise) / was;
    ratio->low = low > ratio->low ? low : ratio->low;
    ratio->high = high < ratio->high ? high : ratio->high;
    return ratio->low <= ratio->high;
}

static bool narrow_row(const qlab_revision *r, double half, qlab_interval *price,
                       qlab_interval *volume)
{
    qlab_interval p = *price, v = *volume;

    for (size_t k = 0; k < 4; k++) {
        if (!narrow(r->was[k], r->is[k], half, &p))
            return false;
    }
    if (!narrow(r->was[4], r->is[4], 0.5, &v))
        return false;
    *price = p;
    *volume = v;
    return true;
}

/* The ratio that an interval stands for: 1, a listed split, or its middle. */
static double ratio_of(const qlab_interval *i)
{
    if (i->low <= 1 && i->high >= 1)
        return 1;
    const double middle = (i->low + i->high) / 2,
                 split = qlab_split_ratio_in(middle, i->low, i->high);
    return split > 0 ? split : middle;
}

bool qlab_basis_explains(const qlab_basis_change *c, const qlab_revision *r)
{
    qlab_interval price = c->price, volume = c->volume;
    return narrow_row(r, c->half, &price, &volume);
}

/* The stretch that begins at row 0 of r; its end, or 0 where there is none. */
static size_t stretch(const qlab_revision *r, size_t n, double half, size_t least,
                      qlab_basis_change *c)
{
    const qlab_interval all = {0, HUGE_VAL};
    size_t end = 0, fit = 0;

    *c = (qlab_basis_change){.half = half, .price = all, .volume = all};
    for (size_t i = 0; i < n && i < end + MOST_ODD; i++) {
        if (narrow_row(&r[i], half, &c->price, &c->volume)) {
            end = i + 1;
            fit++;
        }
    }
    if (fit < least || (end - fit) * ONE_ODD_IN > fit)
        return 0;
    c->price_ratio = ratio_of(&c->price);
    c->volume_ratio = c->volume.high < HUGE_VAL ? ratio_of(&c->volume) : 1;
    if (c->price_ratio == 1 && c->volume_ratio == 1)
        return 0; /* fewer decimals are no other basis */
    c->asset_ix = r[0].asset_ix;
    c->from = r[0].date;
    c->through = r[end - 1].date;
    c->n_rows = fit;
    c->n_odd = end - fit;
    return end;
}

void qlab_basis_find(const qlab_revision *r, size_t n, qlab_delta_said *said)
{
    size_t least = LEAST_ROWS;

    for (size_t at = 0; n - at >= least; least = LEAST_NEXT) {
        const double half = half_unit(r + at, n - at);
        qlab_basis_change c;
        size_t end = 0, skip = 0;
        for (; end == 0 && skip < 3; skip++) /* the first row itself may be the odd one */
            end = stretch(r + at + skip, n - at - skip, half, least, &c);
        if (end == 0)
            return;
        c.n_odd += skip - 1;
        c.from = r[at].date;
        qlab_grow((void **)&said->basis, &said->cap_basis, said->n_basis + 1, sizeof *said->basis);
        said->basis[said->n_basis++] = c;
        at += skip - 1 + end;
    }
}

static int cmp_revision(const void *a, const void *b)
{
    const qlab_revision *x = a, *y = b;

    if (x->asset_ix != y->asset_ix)
        return x->asset_ix < y->asset_ix ? -1 : 1;
    return (x->date > y->date) - (x->date < y->date);
}

/* Takes everything that was found of the marked assets back. */
static void forget_assets(qlab_finding *f, const uint8_t *marked)
{
    qlab_delta *d = f->out;
    qlab_delta_said *s = f->said;
    size_t kept = 0;

    for (size_t i = 0; i < d->n; i++) {
        if (!marked[qlab_slot_of(d->asset_ix[i])])
            qlab_delta_move_row(d, kept++, i);
    }
    d->n = kept;
    kept = 0;
    for (size_t i = 0; i < d->n_leaves; i++) {
        if (!marked[qlab_slot_of(d->leaves[i].asset_ix)])
            d->leaves[kept++] = d->leaves[i];
    }
    d->n_leaves = kept;
    kept = 0;
    for (size_t i = 0; i < s->n_revisions; i++) {
        if (!marked[qlab_slot_of(s->revisions[i].asset_ix)])
            s->revisions[kept++] = s->revisions[i];
    }
    s->n_revisions = kept;
    for (uint32_t slot = 0; slot < QLAB_LAKE_BUCKET_ASSETS; slot++) {
        if (marked[slot]) {
            f->tally[slot] = (qlab_asset_tally){.visible = 0};
            f->first_known[slot] = INT32_MAX;
        }
    }
}

/* Delivered rows of asset number a back to the lake's basis: exactly to what it has where the
 * change explains them, else divided by the ratio. */
static uint64_t de_adjust(qlab_finding *f, size_t a, const qlab_basis_change *c, size_t n_changes,
                          const qlab_revision *r, size_t n)
{
    qlab_bars *b = &f->delivered->bars;
    uint64_t n_restated = 0;
    size_t k = 0, at = 0;

    for (size_t row = b->first[a]; row < b->first[a + 1]; row++) {
        while (k < n_changes && b->date[row] > c[k].through)
            k++;
        if (k == n_changes)
            break;
        while (at < n && r[at].date < b->date[row])
            at++;
        if (at < n && r[at].date == b->date[row] && qlab_basis_explains(&c[k], &r[at])) {
            b->open[row] = r[at].was[0];
            b->high[row] = r[at].was[1];
            b->low[row] = r[at].was[2];
            b->close[row] = r[at].was[3];
            b->volume[row] = r[at].was[4];
            n_restated++;
            continue;
        }
        b->open[row] /= c[k].price_ratio;
        b->high[row] /= c[k].price_ratio;
        b->low[row] /= c[k].price_ratio;
        b->close[row] /= c[k].price_ratio;
        b->volume[row] /= c[k].volume_ratio;
    }
    return n_restated;
}

static void sort_revisions(qlab_delta_said *s)
{
    if (s->n_revisions > 1)
        qsort(s->revisions, s->n_revisions, sizeof *s->revisions, cmp_revision);
}

/* Revisions of one asset before its first row that is as it was: [*from, *to) of all. */
static void prefix_of(const qlab_finding *f, uint32_t asset_ix, size_t *from, size_t *to)
{
    const qlab_delta_said *s = f->said;

    while (*from < s->n_revisions && s->revisions[*from].asset_ix < asset_ix)
        (*from)++;
    *to = *from;
    while (*to < s->n_revisions && s->revisions[*to].asset_ix == asset_ix &&
           s->revisions[*to].date < f->first_known[qlab_slot_of(asset_ix)])
        (*to)++;
}

/* Looks for changes of basis; in a lake of raw prices the assets that have one are compared again,
 * de-adjusted. */
qlab_code qlab_delta_settle_basis(qlab_finding *f, qlab_conn *conn, qlab_err *err)
{
    qlab_delta_said *s = f->said;
    const qlab_bars *b = f->now;
    uint64_t *restated = qlab_alloc_zero(QLAB_LAKE_BUCKET_ASSETS, sizeof *restated);
    uint8_t marked[QLAB_LAKE_BUCKET_ASSETS] = {0};
    qlab_code rc = QLAB_OK;

    sort_revisions(s);
    for (size_t a = f->from, from = 0, to = 0; a < f->to; a++, from = to) {
        const uint32_t slot = qlab_slot_of(b->asset_ix[a]);
        const size_t n_before = s->n_basis;
        prefix_of(f, b->asset_ix[a], &from, &to);
        if (to > from) /* a sidecar may hold a whole prefix */
            qlab_basis_find(s->revisions + from, to - from, s);
        if (s->n_basis == n_before || f->g->options->price_basis != QLAB_BASIS_RAW)
            continue;
        restated[slot] = de_adjust(f, a, s->basis + n_before, s->n_basis - n_before,
                                   s->revisions + from, to - from);
        marked[slot] = 1;
    }
    forget_assets(f, marked);
    for (size_t a = f->from; a < f->to; a++) {
        if (marked[qlab_slot_of(b->asset_ix[a])])
            qlab_delta_compare_years(f, a);
    }
    rc = qlab_delta_compare_changed(f, conn, err);
    for (uint32_t slot = 0; slot < QLAB_LAKE_BUCKET_ASSETS; slot++) {
        if (marked[slot])
            f->tally[slot].basis_restated = restated[slot];
    }
    sort_revisions(s);
    qlab_free(restated);
    return rc;
}
