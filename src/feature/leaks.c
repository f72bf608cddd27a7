/* Recomputing a sample of rows without, and with another, future; see leaks.h. */
#include "feature/leaks.h"

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/date.h"
#include "base/json.h"
#include "base/rng.h"
#include "feature/compute.h"
#include "feature/manifest.h"
#include "feature/window.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PARTS = 24, FUTURE_DAYS = 60 };

typedef struct check {
    const qlab_env *env;
    qlab_conn *conn;
    qlab_snapshot *snap;
    const qlab_catalogue *catalogue;
    uint64_t columns; /* of the set, with a kernel */
    qlab_scratch *scratch;
    qlab_block block;
    qlab_leaks_report *out;
} check;

/* Stored rows of one part: asset_ix, date, then the columns as doubles. */
typedef struct stored {
    qlab_table t, elig;                     /* elig: asset_ix, date, reason_code, adv60_median */
    size_t place[QLAB_FEATURE_MAX_COLUMNS]; /* of catalogue column k in t */
} stored;

void qlab_leaks_report_free(qlab_leaks_report *r)
{
    qlab_free(r->id);
    r->id = NULL;
}

static qlab_code read_part(check *c, const qlab_panel_part *part, stored *out, qlab_err *err)
{
    qlab_type types[QLAB_FEATURE_MAX_COLUMNS + 2] = {QLAB_T_U32, QLAB_T_DATE};
    size_t n = 2;
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_buf_puts(&sql, "SELECT asset_ix, asof_date");
    for (size_t k = 0; k < c->catalogue->n; k++) {
        if (!(c->columns >> k & 1))
            continue;
        const qlab_feature *f = &c->catalogue->at[k];
        if (f->type == QLAB_T_DATE)
            qlab_buf_putf(&sql, ", (%s - DATE '1970-01-01')::DOUBLE", f->name);
        else
            qlab_buf_putf(&sql, ", %s::DOUBLE", f->name);
        out->place[k] = n;
        types[n++] = QLAB_T_F64;
    }
    qlab_buf_puts(&sql, " FROM read_parquet(");
    char *path = qlab_panel_part_path(c->env->root, part->name);
    qlab_sql_quote(&sql, path);
    qlab_buf_puts(&sql, ")");
    qlab_free(path);
    qlab_code code = qlab_conn_query(c->conn, sql.at, types, n, &out->t, err);
    qlab_buf_free(&sql);
    return code;
}

static qlab_code read_eligibility(check *c, const qlab_panel_part *part, stored *out, qlab_err *err)
{
    const qlab_type types[] = {QLAB_T_U32, QLAB_T_DATE, QLAB_T_F64, QLAB_T_F64, QLAB_T_F64};
    qlab_buf sql = QLAB_BUF_INIT;
    char *path = qlab_panel_part_path(c->env->root, part->name);
    qlab_buf_puts(&sql, "SELECT asset_ix, asof_date, reason_code::DOUBLE, adv60_median, "
                        "adv60_median_usd FROM read_parquet(");
    qlab_sql_quote(&sql, path);
    qlab_buf_puts(&sql, ")");
    qlab_code code = qlab_conn_query(c->conn, sql.at, types, 5, &out->elig, err);
    qlab_buf_free(&sql);
    qlab_free(path);
    return code;
}

/* ---- one asset with its future cut or replaced ------------------------------------------------
 */

/* Copies of what the snapshot tells about an asset, as it would be told on `date`. */
typedef struct past {
    qlab_bars bars;
    qlab_step *steps;
    qlab_life *lives;
    qlab_asset_year *years;
    qlab_delisting *delistings;
    qlab_asset_input in;
} past;

static void past_free(past *p)
{
    qlab_bars_free(&p->bars);
    qlab_free(p->steps);
    qlab_free(p->lives);
    qlab_free(p->years);
    qlab_free(p->delistings);
}

static double garbage(uint64_t seed, uint64_t unit, uint64_t draw)
{
    double u = qlab_rng_uniform(seed, unit, draw);
    return u < 0.05 ? NAN : u < 0.10 ? 0 : 1e3 * u;
}

static void take_bars(past *p, const qlab_bars *from, size_t a, int32_t date, bool keep_future,
                      uint64_t seed)
{
    size_t lo = from->first[a], n = 0;
    while (lo + n < from->first[a + 1] && (keep_future || from->date[lo + n] <= date))
        n++;
    qlab_bars_make(&p->bars, 1, n, 0);
    qlab_bars *b = &p->bars;
    b->asset_ix[0] = from->asset_ix[a];
    b->first[0] = 0;
    b->first[1] = n;
    memcpy(b->date, from->date + lo, n * sizeof *b->date);
    memcpy(b->open, from->open + lo, n * sizeof *b->open);
    memcpy(b->high, from->high + lo, n * sizeof *b->high);
    memcpy(b->low, from->low + lo, n * sizeof *b->low);
    memcpy(b->close, from->close + lo, n * sizeof *b->close);
    memcpy(b->volume, from->volume + lo, n * sizeof *b->volume);
    for (size_t i = 0; i < n; i++)
        if (b->date[i] > date) {
            uint64_t unit = (uint64_t)b->asset_ix[0] << 32 | (uint32_t)b->date[i];
            b->open[i] = garbage(seed, unit, 0);
            b->high[i] = garbage(seed, unit, 1);
            b->low[i] = garbage(seed, unit, 2);
            b->close[i] = garbage(seed, unit, 3);
            b->volume[i] = garbage(seed, unit, 4);
        }
}

static size_t count_until(const int32_t *dates, size_t n, int32_t date)
{
    while (n > 0 && dates[n - 1] > date)
        n--;
    return n;
}

static void take_truth(past *p, int32_t date, bool keep_future)
{
    qlab_series_truth *t = &p->in.truth;
    p->steps = qlab_alloc(t->n_steps, sizeof *p->steps);
    p->lives = qlab_alloc(t->n_lives, sizeof *p->lives);
    p->years = qlab_alloc(p->in.n_years, sizeof *p->years);
    p->delistings = qlab_alloc(t->n_delistings, sizeof *p->delistings);
    size_t n_steps = 0, n_lives = 0, n_years = 0;
    for (size_t i = 0; i < t->n_steps; i++) {
        bool future = t->steps[i].ex_date > date;
        if (future && !keep_future)
            continue;
        p->steps[n_steps] = t->steps[i];
        if (future)
            p->steps[n_steps].split_step = p->steps[n_steps].signal_step =
                p->steps[n_steps].accounting_step = 17;
        n_steps++;
    }
    for (size_t i = 0; i < t->n_lives; i++) {
        if (t->lives[i].first_date > date)
            continue;
        p->lives[n_lives] = t->lives[i];
        if (p->lives[n_lives].last_date > date)
            p->lives[n_lives].last_date = date;
        n_lives++;
    }
    for (size_t i = 0; i < p->in.n_years; i++)
        if (p->in.years[i].first_date <= date)
            p->years[n_years++] = p->in.years[i];
    t->steps = p->steps;
    t->n_steps = n_steps;
    t->lives = p->lives;
    t->n_lives = n_lives;
    t->n_sessions = keep_future ? t->n_sessions : count_until(t->session, t->n_sessions, date);
    size_t n_delistings = 0;
    for (size_t i = 0; i < t->n_delistings; i++) {
        bool future = t->delistings[i].delist_date > date;
        if (future && !keep_future)
            break;
        p->delistings[n_delistings] = t->delistings[i];
        if (future)
            p->delistings[n_delistings].delist_date = date + 1;
        n_delistings++;
    }
    t->delistings = p->delistings;
    t->n_delistings = n_delistings;
    p->in.years = p->years;
    p->in.n_years = n_years;
}

/* The asset as it was known at the close of `date`; what lies after is gone, or garbage. */
static void past_make(const check *c, const qlab_window *w, size_t a, int32_t date,
                      bool keep_future, past *p)
{
    memset(p, 0, sizeof *p);
    take_bars(p, &w->bars, a, date, keep_future, c->env->seed);
    qlab_asset_input_of(c->snap, &p->bars, 0, date, &p->in);
    take_truth(p, date, keep_future);
    p->in.asof = date;
    p->in.n_master = count_until(c->snap->master, c->snap->n_master, date);
}

/* ---- comparing --------------------------------------------------------------------------------
 */

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static void compare(check *c, const char *asset_id, int32_t date, const char *column,
                    const char *future, double stored_value, double recomputed)
{
    c->out->n_values++;
    if (same_bits(stored_value, recomputed))
        return;
    if (c->out->n_differences < QLAB_LEAKS_KEPT) {
        qlab_leak *l = &c->out->first[c->out->n_differences];
        snprintf(l->asset_id, sizeof l->asset_id, "%s", asset_id);
        snprintf(l->column, sizeof l->column, "%s", column);
        l->date = date;
        l->future = future;
        l->stored = stored_value;
        l->recomputed = recomputed;
    }
    c->out->n_differences++;
}

/* Eligibility is made by the same pass and must not know the future either. */
static void compare_eligibility(check *c, const stored *s, uint32_t ix, int32_t date,
                                const char *asset_id, const char *future)
{
    for (size_t i = 0; i < s->elig.n_rows; i++) {
        if (s->elig.cols[0].u32[i] != ix || s->elig.cols[1].i32[i] != date)
            continue;
        bool one = c->block.n_elig == 1;
        compare(c, asset_id, date, "reason_code", future, s->elig.cols[2].f64[i],
                one ? c->block.reason[0] : NAN);
        compare(c, asset_id, date, "adv60_median", future, s->elig.cols[3].f64[i],
                one ? c->block.adv60[0] : NAN);
        compare(c, asset_id, date, "adv60_median_usd", future, s->elig.cols[4].f64[i],
                one ? c->block.adv60_usd[0] : NAN);
    }
}

static void check_row(check *c, const qlab_window *w, const stored *s, size_t row)
{
    static const char *const futures[] = {"cut", "garbage"};
    uint32_t ix = s->t.cols[0].u32[row];
    int32_t date = s->t.cols[1].i32[row];
    const char *asset_id = c->snap->lake->assets[ix].asset_id;
    qlab_month_plan month = {qlab_date_month_index(date), date, date, NULL, 0};
    qlab_year_plan plan = {qlab_date_year(date), &month, 1};
    for (int f = 0; f < 2; f++) {
        past p;
        past_make(c, w, ix - w->first_ix, date, f == 1, &p);
        qlab_block_clear(&c->block);
        bool known = qlab_compute_asset(c->scratch, c->catalogue, c->columns, &p.in, &plan,
                                        QLAB_LABEL_NEXT_OPEN, &c->block);
        assert(known);
        (void)known;
        for (size_t k = 0; k < c->catalogue->n; k++)
            if (c->columns >> k & 1)
                compare(c, asset_id, date, c->catalogue->at[k].name, futures[f],
                        s->t.cols[s->place[k]].f64[row],
                        c->block.n == 1 ? c->block.col[k][0] : NAN);
        compare_eligibility(c, s, ix, date, asset_id, futures[f]);
        past_free(&p);
    }
    c->out->n_rows++;
}

/* ---- the sample -------------------------------------------------------------------------------
 */

static qlab_code check_part(check *c, const qlab_panel_part *part, const qlab_panel_part *elig,
                            size_t n_rows, uint64_t unit, qlab_err *err)
{
    stored s;
    memset(&s, 0, sizeof s);
    qlab_code code = read_part(c, part, &s, err);
    if (code == QLAB_OK)
        code = read_eligibility(c, elig, &s, err);
    if (code != QLAB_OK) {
        qlab_table_free(&s.t);
        return code;
    }
    qlab_window w;
    qlab_window_init(&w, c->snap, part->bucket);
    int32_t last = qlab_date_of_month_index(part->month + 1) - 1;
    int32_t year = qlab_date_year(last);
    code = qlab_window_advance(&w, c->conn, year, last + FUTURE_DAYS, err);
    for (size_t i = 0; i < n_rows && code == QLAB_OK && s.t.n_rows > 0; i++) {
        check_row(c, &w, &s, (size_t)qlab_rng_below(c->env->seed, unit, i, s.t.n_rows));
        code = qlab_cancel_check(err);
    }
    qlab_window_free(&w);
    qlab_table_free(&s.t);
    qlab_table_free(&s.elig);
    return code;
}

static qlab_code columns_of(check *c, const json_t *manifest, qlab_err *err)
{
    json_t *columns;
    size_t i;
    const json_t *column;
    qlab_code code = qlab_json_get_array(manifest, c->out->id, "columns", &columns, err);
    if (code != QLAB_OK)
        return code;
    json_array_foreach(columns, i, column)
    {
        const char *name = json_string_value(json_object_get(column, "name"));
        int k = name ? qlab_catalogue_find(c->catalogue, name) : -1;
        if (k < 0)
            return qlab_fail(err, QLAB_E_CORRUPT,
                             "%s held column '%s', which this program does not know", c->out->id,
                             name ? name : "");
        if (c->catalogue->at[k].kernel)
            c->columns |= UINT64_C(1) << k;
    }
    return QLAB_OK;
}

static qlab_code check_sample(check *c, const json_t *manifest, size_t n_rows, qlab_err *err)
{
    json_t *list;
    qlab_code code = qlab_json_get_array(manifest, c->out->id, "parts", &list, err);
    if (code != QLAB_OK)
        return code;
    qlab_panel_part *parts = qlab_alloc(json_array_size(list), sizeof *parts);
    size_t n = 0, n_all = json_array_size(list);
    qlab_panel_part *all = qlab_alloc(n_all, sizeof *all);
    for (size_t i = 0; i < n_all && code == QLAB_OK; i++) {
        code = qlab_set_manifest_part(json_array_get(list, i), c->out->id, &all[i], err);
        if (code == QLAB_OK && all[i].kind == QLAB_PANEL_FEATURES && all[i].n_rows > 0)
            parts[n++] = all[i];
    }
    size_t take = n < MAX_PARTS ? n : MAX_PARTS;
    for (size_t i = 0; i < take && code == QLAB_OK; i++) {
        /* one part out of each of `take` stretches of the list, so that all years are seen */
        size_t lo = i * n / take, hi = (i + 1) * n / take;
        size_t at = lo + (size_t)qlab_rng_below(c->env->seed, UINT64_MAX, i, hi - lo);
        size_t rows = (i + 1) * n_rows / take - i * n_rows / take;
        const qlab_panel_part *elig = all;
        while (elig < all + n_all &&
               (elig->kind != QLAB_PANEL_ELIGIBILITY || elig->month != parts[at].month ||
                elig->bucket != parts[at].bucket))
            elig++;
        if (elig == all + n_all)
            code = qlab_fail(err, QLAB_E_CORRUPT, "%s has features and no eligibility of a month",
                             c->out->id);
        else
            code = check_part(c, &parts[at], elig, rows, at, err);
    }
    qlab_free(all);
    qlab_free(parts);
    return code;
}

/* The table with the set's functions over the past. */
static qlab_code extend(const qlab_catalogue *base, const json_t *manifest, qlab_catalogue **out,
                        qlab_err *err)
{
    char *list = qlab_set_manifest_columns(manifest);
    const qlab_code code = qlab_catalogue_extend(base, list, out, err);
    qlab_free(list);
    return code;
}

qlab_code qlab_leaks_check(const qlab_env *env, const char *id, size_t n_rows,
                           const qlab_catalogue *catalogue, qlab_leaks_report *out, qlab_err *err)
{
    memset(out, 0, sizeof *out);
    check c = {.env = env, .out = out};
    qlab_catalogue *extended = NULL;
    json_t *manifest = NULL, *inputs, *snapshot;
    const char *snapshot_id;
    qlab_code code = qlab_features_resolve(env, id ? id : "latest", &out->id, err);
    if (code == QLAB_OK)
        code = qlab_features_manifest(env, out->id, &manifest, err);
    if (code == QLAB_OK)
        code = extend(catalogue ? catalogue : qlab_catalogue_builtin(), manifest, &extended, err);
    c.catalogue = extended;
    if (code == QLAB_OK)
        code = columns_of(&c, manifest, err);
    if (code == QLAB_OK)
        code = qlab_json_get_object(manifest, out->id, "inputs", &inputs, err);
    if (code == QLAB_OK)
        code = qlab_json_get_object(inputs, out->id, "snapshot", &snapshot, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(snapshot, out->id, "id", &snapshot_id, err);
    if (code == QLAB_OK)
        code = qlab_snapshot_open(env, snapshot_id, &c.snap, err);
    if (code == QLAB_OK)
        code = qlab_duck_conn(env->duck, 0, &c.conn, err);
    if (code == QLAB_OK) {
        c.scratch = qlab_scratch_new();
        qlab_block_init(&c.block, c.catalogue, c.columns);
        code = check_sample(&c, manifest, n_rows, err);
        qlab_block_free(&c.block);
        qlab_scratch_free(c.scratch);
    }
    if (c.snap)
        qlab_snapshot_close(c.snap);
    qlab_catalogue_free(extended);
    json_decref(manifest);
    if (code != QLAB_OK)
        qlab_leaks_report_free(out);
    return code;
}
