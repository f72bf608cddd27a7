/* One asset's year; see compute.h. */
#include "feature/compute.h"

#include "base/alloc.h"
#include "base/date.h"
#include "num/roll.h"
#include <assert.h>
#include <math.h>
#include <string.h>

enum { FRAME_ARRAYS = 11, ADV_MEDIAN_BARS = 60 };

struct qlab_scratch {
    qlab_series series;
    size_t cap;                  /* rows that the arrays below hold */
    double *frame[FRAME_ARRAYS]; /* o h l c v money ret tmp0 tmp1 tmp2 usd */
    double *col[QLAB_FEATURE_MAX_COLUMNS];
    uint8_t *reason;
    uint32_t *rows; /* series rows wanted */
    double *adv60, *adv60_usd;
};

qlab_scratch *qlab_scratch_new(void)
{
    return qlab_alloc_zero(1, sizeof(qlab_scratch));
}

void qlab_scratch_free(qlab_scratch *s)
{
    if (!s)
        return;
    qlab_series_free(&s->series);
    for (size_t i = 0; i < FRAME_ARRAYS; i++)
        qlab_free(s->frame[i]);
    for (size_t k = 0; k < QLAB_FEATURE_MAX_COLUMNS; k++)
        qlab_free(s->col[k]);
    qlab_free(s->reason);
    qlab_free(s->rows);
    qlab_free(s->adv60);
    qlab_free(s->adv60_usd);
    qlab_free(s);
}

static void scratch_reserve(qlab_scratch *s, size_t n, uint64_t columns)
{
    if (n > s->cap) {
        size_t cap = n + n / 2 + 64;
        for (size_t i = 0; i < FRAME_ARRAYS; i++)
            s->frame[i] = qlab_realloc(s->frame[i], cap, sizeof(double));
        for (size_t k = 0; k < QLAB_FEATURE_MAX_COLUMNS; k++) {
            qlab_free(s->col[k]);
            s->col[k] = NULL;
        }
        s->reason = qlab_realloc(s->reason, cap, sizeof *s->reason);
        s->rows = qlab_realloc(s->rows, cap, sizeof *s->rows);
        s->adv60 = qlab_realloc(s->adv60, cap, sizeof *s->adv60);
        s->adv60_usd = qlab_realloc(s->adv60_usd, cap, sizeof *s->adv60_usd);
        s->cap = cap;
    }
    for (size_t k = 0; k < QLAB_FEATURE_MAX_COLUMNS; k++)
        if (columns >> k & 1 && !s->col[k])
            s->col[k] = qlab_alloc(s->cap, sizeof(double));
}

/* ---- block ------------------------------------------------------------------------------------
 */

void qlab_block_init(qlab_block *b, const qlab_catalogue *c, uint64_t columns)
{
    memset(b, 0, sizeof *b);
    b->n_columns = c->n;
    for (size_t k = 0; k < c->n; k++)
        if (columns >> k & 1 && c->at[k].kernel)
            b->columns |= UINT64_C(1) << k;
    b->nulls = qlab_alloc_zero(12, sizeof *b->nulls);
}

void qlab_block_clear(qlab_block *b)
{
    b->n = b->n_elig = 0;
    memset(b->nulls, 0, 12 * sizeof *b->nulls);
}

void qlab_block_free(qlab_block *b)
{
    for (size_t k = 0; k < b->n_columns; k++)
        qlab_free(b->col[k]);
    for (size_t h = 0; h < QLAB_LABEL_HORIZONS; h++) {
        qlab_free(b->label.value[h]);
        qlab_free(b->label.end[h]);
        qlab_free(b->label.state[h]);
    }
    qlab_free(b->label.start);
    qlab_free(b->date);
    qlab_free(b->asset);
    qlab_free(b->elig_date);
    qlab_free(b->elig_asset);
    qlab_free(b->reason);
    qlab_free(b->adv60);
    qlab_free(b->adv60_usd);
    qlab_free(b->nulls);
    memset(b, 0, sizeof *b);
}

size_t qlab_block_bytes(const qlab_catalogue *c, uint64_t columns, size_t n_rows)
{
    size_t n = 0;
    for (size_t k = 0; k < c->n; k++)
        n += columns >> k & 1 && c->at[k].kernel;
    return n_rows * (n * sizeof(double) + 8 + QLAB_LABEL_HORIZONS * 13 + 4 + 17);
}

static void block_reserve(qlab_block *b, size_t n, size_t n_elig)
{
    if (n > b->cap) {
        b->cap = n + n / 4 + 256;
        for (size_t k = 0; k < b->n_columns; k++)
            if (b->columns >> k & 1)
                b->col[k] = qlab_realloc(b->col[k], b->cap, sizeof(double));
        for (size_t h = 0; h < QLAB_LABEL_HORIZONS; h++) {
            b->label.value[h] = qlab_realloc(b->label.value[h], b->cap, sizeof(double));
            b->label.end[h] = qlab_realloc(b->label.end[h], b->cap, sizeof(int32_t));
            b->label.state[h] = qlab_realloc(b->label.state[h], b->cap, 1);
        }
        b->label.start = qlab_realloc(b->label.start, b->cap, sizeof(int32_t));
        b->date = qlab_realloc(b->date, b->cap, sizeof *b->date);
        b->asset = qlab_realloc(b->asset, b->cap, sizeof *b->asset);
    }
    if (n_elig > b->cap_elig) {
        b->cap_elig = n_elig + n_elig / 4 + 256;
        b->elig_date = qlab_realloc(b->elig_date, b->cap_elig, sizeof *b->elig_date);
        b->elig_asset = qlab_realloc(b->elig_asset, b->cap_elig, sizeof *b->elig_asset);
        b->reason = qlab_realloc(b->reason, b->cap_elig, sizeof *b->reason);
        b->adv60 = qlab_realloc(b->adv60, b->cap_elig, sizeof *b->adv60);
        b->adv60_usd = qlab_realloc(b->adv60_usd, b->cap_elig, sizeof *b->adv60_usd);
    }
}

/* ---- one life's frame -------------------------------------------------------------------------
 */

/* Rows [first, end) of the series, all of one life. */
static qlab_frame make_frame(qlab_scratch *s, const qlab_asset_input *in, size_t first, size_t end)
{
    const qlab_series *x = &s->series;
    const size_t n = end - first;
    double *o = s->frame[0], *h = s->frame[1], *l = s->frame[2], *c = s->frame[3];
    double *v = s->frame[4], *money = s->frame[5], *ret = s->frame[6];
    for (size_t i = 0; i < n; i++) {
        double f = x->split[first + i];
        o[i] = x->open[first + i] * f;
        h[i] = x->high[first + i] * f;
        l[i] = x->low[first + i] * f;
        c[i] = x->close[first + i] * f;
        v[i] = x->volume[first + i] / f;
        money[i] = x->close[first + i] * x->volume[first + i];
    }
    for (size_t i = n; i-- > 1;)
        ret[i] = c[i] / c[i - 1] - 1;
    if (n > 0)
        ret[0] = NAN;
    qlab_fx_fill(qlab_fx_way_of(&in->snap->fx, in->snap->lake->assets[in->asset_ix].currency),
                 x->date + first, n, s->frame[10]);
    return (qlab_frame){.n = n,
                        .date = x->date + first,
                        .open = o,
                        .high = h,
                        .low = l,
                        .close = c,
                        .volume = v,
                        .money = money,
                        .ret_1d = ret,
                        .logret = x->logret + first,
                        .session = x->session_ix + first,
                        .flags = x->flags + first,
                        .bars_before = n > 0 ? x->bars_seen[first] - 1 : 0,
                        .usd = s->frame[10],
                        .tmp = {s->frame[7], s->frame[8], s->frame[9]}};
}

/* ---- which rows -------------------------------------------------------------------------------
 */

static bool date_wanted(const qlab_year_plan *plan, int32_t date, size_t *month)
{
    while (*month < plan->n_months && plan->months[*month].last < date)
        ++*month;
    if (*month == plan->n_months || date < plan->months[*month].first)
        return false;
    const qlab_month_plan *m = &plan->months[*month];
    if (!m->only)
        return true;
    size_t lo = 0, hi = m->n_only;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (m->only[mid] < date)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < m->n_only && m->only[lo] == date;
}

/* Series rows of the year at wanted dates, into s->rows; returns how many. */
static size_t wanted_rows(qlab_scratch *s, const qlab_year_plan *plan)
{
    size_t n = 0, month = 0;
    for (size_t i = s->series.year_first; i < s->series.year_last; i++)
        if (date_wanted(plan, s->series.date[i], &month))
            s->rows[n++] = (uint32_t)i;
    return n;
}

static size_t drop_young(const qlab_series *x, const uint32_t *rows, size_t n, uint32_t *old)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (x->bars_seen[rows[i]] >= QLAB_FEATURE_MIN_BARS)
            old[kept++] = rows[i];
    return kept;
}

/* ---- filling the block ------------------------------------------------------------------------
 */

static void put_eligibility(qlab_scratch *s, const qlab_asset_input *in, const uint32_t *rows,
                            size_t n, const qlab_frame *f, size_t frame_first, qlab_block *out)
{
    size_t from = rows[0] - frame_first;
    size_t lead = from > ADV_MEDIAN_BARS - 1 ? from - (ADV_MEDIAN_BARS - 1) : 0;
    qlab_roll_median((qlab_f64v){f->money + lead, f->n - lead}, ADV_MEDIAN_BARS,
                     (qlab_f64w){s->adv60 + lead, f->n - lead});
    for (size_t i = lead; i < f->n; i++)
        f->tmp[0][i] = f->money[i] * f->usd[i];
    qlab_roll_median((qlab_f64v){f->tmp[0] + lead, f->n - lead}, ADV_MEDIAN_BARS,
                     (qlab_f64w){s->adv60_usd + lead, f->n - lead});
    for (size_t i = 0; i < n; i++) {
        size_t at = out->n_elig + i;
        out->elig_date[at] = s->series.date[rows[i]];
        out->elig_asset[at] = (uint32_t)in->asset;
        out->reason[at] = s->reason[rows[i]];
        out->adv60[at] = s->adv60[rows[i] - frame_first];
        out->adv60_usd[at] = s->adv60_usd[rows[i] - frame_first];
    }
    out->n_elig += n;
}

static void count_nulls(const qlab_catalogue *c, size_t k, const qlab_frame *f, size_t row,
                        qlab_block *out)
{
    int y, m, d;
    qlab_date_split(f->date[row], &y, &m, &d);
    out->nulls[m - 1][k][qlab_catalogue_null_reason(c, k, f, row)]++;
}

static void put_features(qlab_scratch *s, const qlab_catalogue *c, uint64_t columns,
                         const qlab_asset_input *in, const uint32_t *rows, size_t n,
                         const qlab_frame *f, size_t frame_first, qlab_block *out)
{
    for (size_t i = 0; i < n; i++) {
        out->date[out->n + i] = s->series.date[rows[i]];
        out->asset[out->n + i] = (uint32_t)in->asset;
    }
    for (size_t k = 0; k < c->n; k++) {
        if (!((columns & out->columns) >> k & 1))
            continue;
        const double *from = s->col[k];
        double *to = out->col[k] + out->n;
        size_t n_null = 0;
        for (size_t i = 0; i < n; i++) {
            to[i] = from[rows[i] - frame_first];
            n_null += isnan(to[i]) ? 1 : 0;
        }
        for (size_t i = 0; n_null > 0 && i < n; i++)
            if (isnan(to[i]))
                count_nulls(c, k, f, rows[i] - frame_first, out);
    }
    out->n += n;
}

/* Rows rows[0..n) lie in one life. */
static void compute_life(qlab_scratch *s, const qlab_catalogue *c, uint64_t columns,
                         const qlab_asset_input *in, const uint32_t *rows, size_t n,
                         qlab_block *out)
{
    const qlab_series *x = &s->series;
    size_t first = rows[0];
    while (first > 0 && x->life_no[first - 1] == x->life_no[rows[0]])
        first--;
    qlab_frame f = make_frame(s, in, first, rows[n - 1] + 1);
    put_eligibility(s, in, rows, n, &f, first, out);
    size_t young = 0;
    while (young < n && x->bars_seen[rows[young]] < QLAB_FEATURE_MIN_BARS)
        young++;
    if (young == n)
        return;
    qlab_catalogue_run(c, qlab_catalogue_closure(c, columns), &f, rows[young] - first, s->col);
    put_features(s, c, columns, in, rows + young, n - young, &f, first, out);
}

static bool fill_labels(qlab_scratch *s, const qlab_asset_input *in, qlab_entry entry,
                        const uint32_t *rows, size_t n, qlab_block *out, size_t at)
{
    size_t n_delistings =
        in->snap->delisting_first[in->asset_ix + 1] - in->snap->delisting_first[in->asset_ix];
    const qlab_delisting *d =
        n_delistings > 0 ? in->snap->delistings + in->snap->delisting_first[in->asset_ix] : NULL;
    qlab_label_source src = {&s->series,
                             &in->truth,
                             in->master,
                             in->n_master,
                             d,
                             n_delistings,
                             in->snap->lake->assets[in->asset_ix].mic,
                             in->asof,
                             in->loaded_to,
                             entry};
    return qlab_label_rows(&src, rows, n, &out->label, at);
}

static void prepare(qlab_scratch *s, uint64_t columns, const qlab_asset_input *in,
                    const qlab_year_plan *plan)
{
    qlab_series_window(in->bars, in->asset, &in->truth, in->years, in->n_years, plan->year,
                       &s->series);
    scratch_reserve(s, s->series.n, columns);
}

bool qlab_compute_asset(qlab_scratch *s, const qlab_catalogue *c, uint64_t columns,
                        const qlab_asset_input *in, const qlab_year_plan *plan, qlab_entry entry,
                        qlab_block *out)
{
    prepare(s, qlab_catalogue_closure(c, columns), in, plan);
    size_t n = wanted_rows(s, plan);
    if (n == 0)
        return true;
    const qlab_asset *asset = &in->snap->lake->assets[in->asset_ix];
    qlab_eligible_mark(&s->series, (uint8_t)asset->asset_class, &in->snap->rule, in->years,
                       in->n_years, s->reason);
    size_t first_row = out->n;
    block_reserve(out, out->n + n, out->n_elig + n);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && s->series.life_no[s->rows[j]] == s->series.life_no[s->rows[i]];)
            j++;
        compute_life(s, c, columns, in, s->rows + i, j - i, out);
    }
    size_t n_old = drop_young(&s->series, s->rows, n, s->rows);
    assert(out->n == first_row + n_old);
    return fill_labels(s, in, entry, s->rows, n_old, out, first_row);
}

bool qlab_compute_labels(qlab_scratch *s, const qlab_asset_input *in, const qlab_year_plan *plan,
                         qlab_entry entry, qlab_block *out, size_t first)
{
    prepare(s, 0, in, plan);
    size_t n = drop_young(&s->series, s->rows, wanted_rows(s, plan), s->rows);
    return fill_labels(s, in, entry, s->rows, n, out, first);
}

void qlab_asset_input_of(const qlab_snapshot *snap, const qlab_bars *bars, size_t asset,
                         int32_t loaded_to, qlab_asset_input *out)
{
    memset(out, 0, sizeof *out);
    out->snap = snap;
    out->asset_ix = bars->asset_ix[asset];
    out->bars = bars;
    out->asset = asset;
    out->loaded_to = loaded_to;
    qlab_snapshot_truth(snap, out->asset_ix, &out->truth);
    out->years = qlab_snapshot_years(snap, out->asset_ix, &out->n_years);
    out->master = snap->master;
    out->n_master = snap->n_master;
    out->asof = snap->asof;
}
