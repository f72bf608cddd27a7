/* Candidates to books.  A candidate's daily rows lie in one Parquet file of the job's folder until
 * the run is complete; its record holds the file's hash, so that a run taken up again trusts only
 * whole files. */
#include "base/alloc.h"
#include "base/file.h"
#include "stage_b/run_int.h"
#include "stat/moments.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const qlab_daily_name[QLAB_DAILY_COUNT] = {
    "gross",    "net",     "universe", "spread", "fee",  "impact", "borrow",
    "turnover", "dropped", "longs",    "shorts", "gone", "n_long", "n_short"};

qlab_book_options qlab_stage_b_book_of(const qlab_stage_b *b, const qlab_candidate *c)
{
    qlab_book_options o = b->book;

    o.horizon = c->horizon;
    return o;
}

static qlab_book_options rerun_of(const qlab_book_options *base, qlab_rerun which)
{
    qlab_book_options o = *base;

    switch (which) {
    case QLAB_RERUN_ADV_HALF:
        o.adv_scale = 0.5;
        break;
    case QLAB_RERUN_ONE_LATER:
        o.delay = base->delay + 1;
        break;
    case QLAB_RERUN_GONE:
        o.gone_u = -0.30;
        break;
    case QLAB_RERUN_DELISTING:
        o.shock_u = -0.30;
        break;
    case QLAB_RERUN_COUNT:
        break;
    }
    return o;
}

/* ---- one candidate --------------------------------------------------------------------------- */

typedef struct books {
    const qlab_stage_b *b;
    const qlab_candidate *candidate;
    const uint32_t *root;
    qlab_conn *conn;
    qlab_arena arena; /* targets of the lanes at hand */
    qlab_arena fixed; /* what lives as long as the unit */
    qlab_book_work *work;
    qlab_book_series series;
    qlab_book_options options;
    qlab_market market; /* with the candidate's universe */
    uint8_t *member;
    qlab_lane *lanes;
    size_t first_lane, n_lanes; /* whose targets are at hand */
    qlab_outcome *out;
} books;

static size_t n_paths_of(const qlab_stage_b *b, const qlab_candidate *c)
{
    return c->kind_id == QLAB_KIND_FIXED ? 1 : b->plan.n_paths;
}

static qlab_target_rule rule_of(const qlab_stage_b *b, const qlab_candidate *c)
{
    qlab_target_rule r = b->rule;

    r.side = c->side == QLAB_SIDE_LONG_ONLY ? QLAB_BOOK_LONG_ONLY : QLAB_BOOK_LONG_SHORT;
    return r;
}

static size_t lane_bytes(const qlab_stage_b *b)
{
    const size_t rows = b->feed.n_sessions * 2 * (b->feed.n_names / b->rule.n_quantiles);

    return rows * (sizeof(uint32_t) + sizeof(double)) + b->feed.n_sessions * sizeof(size_t);
}

/* Targets of paths [first, first + n). */
static qlab_code score_lanes(books *k, size_t first, size_t n, qlab_err *err)
{
    const qlab_stage_b *b = k->b;
    const qlab_target_rule rule = rule_of(b, k->candidate);
    const qlab_lanes_in in = {b->panel, b->lib,   &b->assets,  &b->feed,
                              &b->axis, &b->plan, k->candidate};
    qlab_lanes_count count;

    qlab_arena_free(&k->arena);
    k->arena = (qlab_arena)QLAB_ARENA_INIT;
    for (size_t i = 0; i < n; i++)
        k->lanes[i] = (qlab_lane){
            .root = k->root + (first + i) * b->plan.n_groups,
            .targets = qlab_targets_new(&rule, b->feed.n_names, b->feed.n_sessions, &k->arena)};
    k->first_lane = first;
    k->n_lanes = n;
    const qlab_code rc = qlab_lanes_score(&in, k->conn, k->lanes, n, k->member, &count, err);
    k->out->n_universe = count.n_universe;
    k->out->n_scored = count.n_scored;
    return rc;
}

static void run_book(books *k, size_t lane, const qlab_book_options *o)
{
    qlab_book_run(&k->market, &k->lanes[lane - k->first_lane].targets, o, k->work, &k->series);
}

void qlab_stage_b_keep(const qlab_book_series *s, double *to)
{
    const double *const from[QLAB_DAILY_N_LONG] = {
        [QLAB_DAILY_GROSS] = s->gross,       [QLAB_DAILY_NET] = s->net,
        [QLAB_DAILY_UNIVERSE] = s->universe, [QLAB_DAILY_SPREAD] = s->spread,
        [QLAB_DAILY_FEE] = s->fee,           [QLAB_DAILY_IMPACT] = s->impact,
        [QLAB_DAILY_BORROW] = s->borrow,     [QLAB_DAILY_TURNOVER] = s->turnover,
        [QLAB_DAILY_DROPPED] = s->dropped,   [QLAB_DAILY_LONGS] = s->longs,
        [QLAB_DAILY_SHORTS] = s->shorts,     [QLAB_DAILY_GONE] = s->gone};

    for (size_t c = 0; c < QLAB_DAILY_N_LONG; c++)
        memcpy(to + c * s->n, from[c], s->n * sizeof *to);
    for (size_t i = 0; i < s->n; i++) {
        to[QLAB_DAILY_N_LONG * s->n + i] = s->n_long[i];
        to[QLAB_DAILY_N_SHORT * s->n + i] = s->n_short[i];
    }
}

static void keep_path(const books *k, size_t path)
{
    qlab_stage_b_keep(&k->series, k->out->path + path * QLAB_DAILY_COUNT * k->series.n);
}

typedef struct ranked {
    double sharpe;
    size_t path;
} ranked;

static int by_sharpe(const void *pa, const void *pb)
{
    const ranked *a = pa, *b = pb;

    if (isnan(a->sharpe) || isnan(b->sharpe) || a->sharpe == b->sharpe) {
        if (isnan(a->sharpe) != isnan(b->sharpe))
            return isnan(a->sharpe) ? -1 : 1;
        return (a->path > b->path) - (a->path < b->path);
    }
    return a->sharpe < b->sharpe ? -1 : 1;
}

static size_t representative_of(const qlab_outcome *o, size_t n_sessions, size_t first)
{
    ranked *all = qlab_alloc(o->n_paths, sizeof *all);

    for (size_t p = 0; p < o->n_paths; p++) {
        const qlab_moments m = qlab_moments_of((qlab_f64v){
            qlab_outcome_path(o, n_sessions, p, QLAB_DAILY_NET) + first, n_sessions - first});
        all[p] = (ranked){m.std > 0.0 ? m.mean / m.std : NAN, p};
    }
    qsort(all, o->n_paths, sizeof *all, by_sharpe);
    const size_t middle = all[(o->n_paths - 1) / 2].path;
    qlab_free(all);
    return middle;
}

static qlab_code run_paths(books *k, qlab_err *err)
{
    qlab_outcome *o = k->out;
    const size_t share = qlab_env_unit_bytes(&k->b->inner) / 2, fit = share / lane_bytes(k->b);
    const size_t most = fit < 1 ? 1 : fit < o->n_paths ? fit : o->n_paths;
    qlab_code rc = QLAB_OK;

    k->lanes = qlab_alloc(most, sizeof *k->lanes);
    for (size_t first = 0; rc == QLAB_OK && first < o->n_paths; first += most) {
        const size_t n = o->n_paths - first < most ? o->n_paths - first : most;
        rc = score_lanes(k, first, n, err);
        for (size_t p = first; rc == QLAB_OK && p < first + n; p++) {
            run_book(k, p, &k->options);
            keep_path(k, p);
        }
    }
    if (rc != QLAB_OK)
        return rc;
    o->representative = representative_of(o, k->series.n, k->options.delay);
    if (o->representative < k->first_lane || o->representative >= k->first_lane + k->n_lanes)
        rc = score_lanes(k, o->representative, 1, err);
    return rc;
}

static void run_stresses(books *k)
{
    const qlab_feed *f = &k->b->feed;
    qlab_outcome *o = k->out;
    const size_t lane = o->representative;
    double *weight = qlab_alloc(f->n_names + 1, sizeof *weight);

    for (int r = 0; r < QLAB_RERUN_COUNT; r++) {
        const qlab_book_options options = rerun_of(&k->options, (qlab_rerun)r);
        run_book(k, lane, &options);
        memcpy(o->rerun + (size_t)r * f->n_sessions, k->series.net,
               f->n_sessions * sizeof *o->rerun);
    }
    o->capacity = qlab_book_capacity(&k->market, &k->lanes[lane - k->first_lane].targets,
                                     &k->options, k->work, &k->series);
    run_book(k, lane, &k->options);
    qlab_book_positions(k->work, &k->options, weight);
    o->correlation = qlab_stress_correlation(weight, f->price, f->n_names, f->n_sessions);
    qlab_free(weight);
}

static size_t n_placebos_of(const qlab_stage_b *b, size_t candidate)
{
    size_t n = 0;

    for (size_t p = 0; p < b->n_placebos; p++)
        n += b->placebo_candidate[p] == candidate;
    return n;
}

static void run_placebos(books *k, size_t candidate)
{
    const qlab_targets *targets = &k->lanes[k->out->representative - k->first_lane].targets;
    size_t n = 0;

    for (size_t p = 0; p < k->b->n_placebos; p++)
        if (k->b->placebo_candidate[p] == candidate)
            qlab_stage_b_placebo(k->b, p, &k->market, targets, &k->options, k->work, &k->series,
                                 &k->out->placebo[n++]);
}

static void outcome_room(const qlab_stage_b *b, const qlab_candidate *c, qlab_outcome *o)
{
    o->n_paths = n_paths_of(b, c);
    o->path = qlab_alloc(o->n_paths * QLAB_DAILY_COUNT * b->feed.n_sessions, sizeof *o->path);
    o->rerun = qlab_alloc((size_t)QLAB_RERUN_COUNT * b->feed.n_sessions, sizeof *o->rerun);
    o->n_placebos = n_placebos_of(b, (size_t)(c - b->lib->candidates));
    o->placebo = qlab_alloc_zero(o->n_placebos + 1, sizeof *o->placebo);
}

static qlab_code run_candidate(const qlab_stage_b *b, size_t unit, qlab_conn *conn,
                               qlab_outcome *out, qlab_err *err)
{
    const qlab_candidate *c = &b->lib->candidates[unit];
    books k = {.b = b,
               .candidate = c,
               .root = b->root[unit],
               .conn = conn,
               .arena = QLAB_ARENA_INIT,
               .fixed = QLAB_ARENA_INIT,
               .options = qlab_stage_b_book_of(b, c),
               .market = b->feed.market,
               .out = out};
    const qlab_target_rule rule = rule_of(b, c);

    outcome_room(b, c, out);
    if (rule.side == QLAB_BOOK_LONG_ONLY) {
        k.member = qlab_alloc_zero(b->feed.n_sessions * b->feed.n_names + 1, 1);
        k.market.universe = k.member;
    }
    k.work = qlab_book_work_new(b->feed.n_names, k.options.horizon, rule.side, &k.fixed);
    k.series = qlab_book_series_new(b->feed.n_sessions, &k.fixed);
    const qlab_code rc = run_paths(&k, err);
    if (rc == QLAB_OK) {
        run_stresses(&k);
        run_placebos(&k, unit);
    }
    qlab_free(k.member);
    qlab_free(k.lanes);
    qlab_arena_free(&k.arena);
    qlab_arena_free(&k.fixed);
    return rc;
}

void qlab_stage_b_outcome(const qlab_stage_b *b, const qlab_candidate *c,
                          const qlab_targets *targets, qlab_outcome *out)
{
    qlab_lane lane = {.targets = *targets};
    books k = {.b = b,
               .candidate = c,
               .fixed = QLAB_ARENA_INIT,
               .options = qlab_stage_b_book_of(b, c),
               .market = b->feed.market,
               .lanes = &lane,
               .n_lanes = 1,
               .out = out};

    outcome_room(b, c, out);
    assert(out->n_paths == 1);
    k.work = qlab_book_work_new(b->feed.n_names, k.options.horizon, targets->rule.side, &k.fixed);
    k.series = qlab_book_series_new(b->feed.n_sessions, &k.fixed);
    run_book(&k, 0, &k.options);
    keep_path(&k, 0);
    out->representative = 0;
    run_stresses(&k);
    qlab_arena_free(&k.fixed);
}

/* ---- files ----------------------------------------------------------------------------------- */

enum { COL_KIND, COL_INDEX, COL_SESSION, N_KEYS, N_COLS = N_KEYS + QLAB_DAILY_COUNT };
enum { KIND_PATH, KIND_RERUN };

static const char *column_name(size_t c)
{
    static const char *const keys[N_KEYS] = {"kind", "index_no", "session"};

    return c < N_KEYS ? keys[c] : qlab_daily_name[c - N_KEYS];
}

/* Named by the trial, not by its place in the list. */
static char *unit_path(const qlab_stage_b *b, size_t unit)
{
    char hex[QLAB_HEX_BYTES];

    return qlab_asprintf("%s/books-%.32s.parquet", qlab_job_dir(b->job),
                         qlab_hex(b->trial[unit], hex));
}

/* Where the value of a row and column lies in an outcome; NULL: a rerun keeps net alone. */
static double *cell(const qlab_outcome *o, size_t n_sessions, size_t row, size_t column)
{
    const size_t series = row / n_sessions, s = row % n_sessions;

    if (series < o->n_paths)
        return o->path + (series * QLAB_DAILY_COUNT + column) * n_sessions + s;
    return column == QLAB_DAILY_NET ? o->rerun + (series - o->n_paths) * n_sessions + s : NULL;
}

static size_t n_rows_of(const qlab_stage_b *b, const qlab_outcome *o)
{
    return (o->n_paths + QLAB_RERUN_COUNT) * b->feed.n_sessions;
}

static uint32_t key_value(const qlab_stage_b *b, const qlab_outcome *o, size_t row, size_t c)
{
    const size_t series = row / b->feed.n_sessions;
    const bool rerun = series >= o->n_paths;

    if (c == COL_KIND)
        return rerun ? KIND_RERUN : KIND_PATH;
    if (c == COL_INDEX)
        return (uint32_t)(rerun ? series - o->n_paths : series);
    return (uint32_t)(row % b->feed.n_sessions);
}

static qlab_code write_unit(const qlab_stage_b *b, size_t unit, qlab_conn *conn,
                            const qlab_outcome *o, qlab_written *w, qlab_err *err)
{
    const size_t n = n_rows_of(b, o);
    qlab_col cols[N_COLS];
    void *data[N_COLS];
    char *path = unit_path(b, unit);

    for (size_t c = 0; c < N_COLS; c++) {
        data[c] = qlab_alloc(n + 1, c < N_KEYS ? sizeof(uint32_t) : sizeof(double));
        cols[c] =
            (qlab_col){column_name(c), c < N_KEYS ? QLAB_T_U32 : QLAB_T_F64, data[c], NULL, NULL};
        for (size_t i = 0; i < n; i++) {
            if (c < N_KEYS) {
                ((uint32_t *)data[c])[i] = key_value(b, o, i, c);
                continue;
            }
            const double *at = cell(o, b->feed.n_sessions, i, c - N_KEYS);
            ((double *)data[c])[i] = at != NULL ? *at : NAN;
        }
    }
    const qlab_code rc =
        qlab_conn_put_parquet(conn, cols, N_COLS, n, QLAB_CODEC_ZSTD, path, w, err);
    for (size_t c = 0; c < N_COLS; c++)
        qlab_free(data[c]);
    qlab_free(path);
    return rc;
}

static qlab_code take_rows(const qlab_stage_b *b, qlab_outcome *o, const qlab_table *t,
                           const char *path, qlab_err *err)
{
    if (t->n_rows != n_rows_of(b, o))
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: %zu rows, %zu were expected", path, t->n_rows,
                         n_rows_of(b, o));
    for (size_t i = 0; i < t->n_rows; i++) {
        for (size_t c = 0; c < N_KEYS; c++)
            if (t->cols[c].u32[i] != key_value(b, o, i, c))
                return qlab_fail(err, QLAB_E_CORRUPT, "%s: row %zu: %s was %u, not %u", path, i,
                                 column_name(c), t->cols[c].u32[i], key_value(b, o, i, c));
        for (size_t c = 0; c < QLAB_DAILY_COUNT; c++) {
            double *at = cell(o, b->feed.n_sessions, i, c);
            if (at != NULL)
                *at = t->cols[N_KEYS + c].f64[i];
        }
    }
    return QLAB_OK;
}

static qlab_code read_rows(const qlab_stage_b *b, size_t unit, qlab_conn *conn, qlab_outcome *o,
                           qlab_err *err)
{
    char *path = unit_path(b, unit), hex[QLAB_HEX_BYTES];
    qlab_type types[N_COLS];
    qlab_table t = QLAB_TABLE_INIT;
    qlab_buf sql = QLAB_BUF_INIT;
    const char *promised;
    qlab_digest digest;

    for (size_t c = 0; c < N_COLS; c++) {
        types[c] = c < N_KEYS ? QLAB_T_U32 : QLAB_T_F64;
        qlab_buf_putf(&sql, "%s%s", c == 0 ? "SELECT " : ", ", column_name(c));
    }
    qlab_buf_puts(&sql, " FROM read_parquet(");
    qlab_sql_quote(&sql, path);
    qlab_buf_puts(&sql, ")");
    qlab_code rc = qlab_json_get_str(qlab_job_result(b->job, unit), path, "sha256", &promised, err);
    if (rc == QLAB_OK)
        rc = qlab_sha256_file(path, &digest, NULL, err);
    if (rc == QLAB_OK && strcmp(qlab_hex(digest, hex), promised) != 0)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: its bytes were not those that were written", path);
    if (rc == QLAB_OK)
        rc = qlab_conn_query(conn, sql.at, types, N_COLS, &t, err);
    if (rc == QLAB_OK)
        rc = take_rows(b, o, &t, path, err);
    qlab_table_free(&t);
    qlab_buf_free(&sql);
    qlab_free(path);
    return rc;
}

/* ---- records --------------------------------------------------------------------------------- */

static json_t *placebos_json(const qlab_outcome *o)
{
    json_t *all = json_array();

    for (size_t p = 0; p < o->n_placebos; p++) {
        json_t *one = json_array();
        for (size_t i = 0; i < QLAB_B_PLACEBO_FIGURES; i++) {
            const double v = o->placebo[p].figure[i];
            (void)json_array_append_new(one, isinf(v) ? json_string("inf") : qlab_json_f64(v));
        }
        (void)json_array_append_new(all, one);
    }
    return all;
}

static json_t *record_json(const qlab_outcome *o, const qlab_written *w)
{
    const qlab_correlation_shock *c = &o->correlation;

    return json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:{s:o, s:o, s:b, s:I}, s:{s:I, s:I, s:o, s:o, s:o, s:o, "
        "s:o, s:o}, s:o}",
        "file", qlab_path_base(w->path), "sha256", w->sha256, "paths", (json_int_t)o->n_paths,
        "representative", (json_int_t)o->representative, "n_universe", (json_int_t)o->n_universe,
        "n_scored", (json_int_t)o->n_scored, "capacity", "capital",
        qlab_json_f64(o->capacity.capital), "sharpe", qlab_json_f64(o->capacity.sharpe),
        "unbounded", o->capacity.unbounded, "runs", (json_int_t)o->capacity.n_runs, "correlation",
        "positions", (json_int_t)c->n_positions, "returns", (json_int_t)c->n_returns, "intensity",
        qlab_json_f64(c->intensity), "mean_correlation", qlab_json_f64(c->mean_correlation),
        "vol_annual", qlab_json_f64(c->vol_annual), "together", qlab_json_f64(c->together), "hedge",
        qlab_json_f64(c->hedge), "ratio", qlab_json_f64(c->ratio), "placebos", placebos_json(o));
}

static qlab_code get_whole(const json_t *o, const char *where, const char *key, uint64_t most,
                           uint64_t *out, qlab_err *err)
{
    int64_t v;
    const qlab_code rc = qlab_json_get_i64(o, where, key, &v, err);

    if (rc == QLAB_OK && (v < 0 || (uint64_t)v > most))
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: %s was %lld", where, key, (long long)v);
    *out = rc == QLAB_OK ? (uint64_t)v : 0;
    return rc;
}

static qlab_code get_reals(const json_t *o, const char *where, const char *const *keys,
                           double *const *to, size_t n, qlab_err *err)
{
    qlab_code rc = QLAB_OK;

    for (size_t i = 0; rc == QLAB_OK && i < n; i++)
        rc = qlab_json_get_f64(o, where, keys[i], to[i], err);
    return rc;
}

static qlab_code take_placebos(const json_t *r, const char *where, qlab_outcome *o, qlab_err *err)
{
    json_t *all;
    const qlab_code rc = qlab_json_get_array(r, where, "placebos", &all, err);

    if (rc != QLAB_OK)
        return rc;
    for (size_t p = 0; p < o->n_placebos; p++)
        for (size_t i = 0; i < QLAB_B_PLACEBO_FIGURES; i++) {
            const json_t *v = json_array_get(json_array_get(all, p), i);
            if (!json_is_number(v) && !json_is_null(v) && !json_is_string(v))
                return qlab_fail(err, QLAB_E_CORRUPT, "%s: figure %zu of placebo %zu was missing",
                                 where, i, p);
            o->placebo[p].figure[i] = json_is_number(v)   ? json_number_value(v)
                                      : json_is_string(v) ? INFINITY
                                                          : NAN;
        }
    return QLAB_OK;
}

static qlab_code take_record(const json_t *r, const char *where, qlab_outcome *o, qlab_err *err)
{
    qlab_correlation_shock *c = &o->correlation;
    static const char *const capacity_keys[] = {"capital", "sharpe"};
    static const char *const shock_keys[] = {
        "intensity", "mean_correlation", "vol_annual", "together", "hedge", "ratio"};
    double *const capacity_at[] = {&o->capacity.capital, &o->capacity.sharpe};
    double *const shock_at[] = {
        &c->intensity, &c->mean_correlation, &c->vol_annual, &c->together, &c->hedge, &c->ratio};
    json_t *capacity, *shock;
    uint64_t representative = 0, runs = 0, positions = 0, returns = 0;
    qlab_code rc;

    if ((rc = get_whole(r, where, "representative", o->n_paths - 1, &representative, err)) !=
            QLAB_OK ||
        (rc = get_whole(r, where, "n_universe", UINT64_MAX, &o->n_universe, err)) != QLAB_OK ||
        (rc = get_whole(r, where, "n_scored", UINT64_MAX, &o->n_scored, err)) != QLAB_OK ||
        (rc = qlab_json_get_object(r, where, "capacity", &capacity, err)) != QLAB_OK ||
        (rc = get_whole(capacity, where, "runs", UINT32_MAX, &runs, err)) != QLAB_OK ||
        (rc = get_reals(capacity, where, capacity_keys, capacity_at, 2, err)) != QLAB_OK ||
        (rc = qlab_json_get_object(r, where, "correlation", &shock, err)) != QLAB_OK ||
        (rc = get_whole(shock, where, "positions", UINT64_MAX, &positions, err)) != QLAB_OK ||
        (rc = get_whole(shock, where, "returns", UINT64_MAX, &returns, err)) != QLAB_OK ||
        (rc = get_reals(shock, where, shock_keys, shock_at, 6, err)) != QLAB_OK ||
        (rc = take_placebos(r, where, o, err)) != QLAB_OK)
        return rc;
    o->representative = (size_t)representative;
    o->capacity.n_runs = (uint32_t)runs;
    o->capacity.unbounded = json_is_true(json_object_get(capacity, "unbounded"));
    c->n_positions = (size_t)positions;
    c->n_returns = (size_t)returns;
    return QLAB_OK;
}

/* ---- units ----------------------------------------------------------------------------------- */

static qlab_digest unit_key(void *ctx, size_t unit)
{
    const qlab_stage_b *b = ctx;
    qlab_sha256 *h = qlab_sha256_new();

    qlab_sha256_put(h, b->job_plan.at, sizeof b->job_plan.at);
    qlab_sha256_put_str(h, "books", 5);
    qlab_sha256_put(h, b->trial[unit].at, sizeof b->trial[unit].at);
    const qlab_digest d = qlab_sha256_end(h);
    qlab_sha256_free(h);
    return d;
}

static void outcome_free(qlab_outcome *o)
{
    qlab_free(o->path);
    qlab_free(o->rerun);
    qlab_free(o->placebo);
    *o = (qlab_outcome){0};
}

static qlab_code unit_fn(void *ctx, size_t unit, size_t worker, json_t **result,
                         uint64_t *n_counted, qlab_err *err)
{
    const qlab_stage_b *b = ctx;
    qlab_outcome out = {0};
    qlab_written w = {0};
    qlab_conn *conn;
    qlab_code rc = qlab_duck_conn(b->env->duck, worker, &conn, err);

    if (rc == QLAB_OK)
        rc = run_candidate(b, unit, conn, &out, err);
    if (rc == QLAB_OK)
        rc = write_unit(b, unit, conn, &out, &w, err);
    if (rc == QLAB_OK)
        *result = record_json(&out, &w);
    *n_counted = out.n_paths + QLAB_RERUN_COUNT + out.capacity.n_runs + out.n_placebos;
    outcome_free(&out);
    qlab_free(w.path);
    return rc;
}

static size_t unit_bytes(void *ctx, size_t unit)
{
    const qlab_stage_b *b = ctx;
    const qlab_candidate *c = &b->lib->candidates[unit];
    const size_t lanes = lane_bytes(b) * n_paths_of(b, c),
                 share = qlab_env_unit_bytes(&b->inner) / 2;
    const size_t work = b->feed.n_names * (size_t)c->horizon * 32;
    const size_t member = c->side == QLAB_SIDE_LONG_ONLY ? b->feed.n_names * b->feed.n_sessions : 0;

    return (lanes < share ? lanes : share) + work + member;
}

qlab_code qlab_stage_b_books(qlab_stage_b *b, qlab_err *err)
{
    const qlab_job_units units = {.step = "stage B",
                                  .counted = "books",
                                  .n = b->lib->n,
                                  .key = unit_key,
                                  .fn = unit_fn,
                                  .ctx = b,
                                  .bytes = unit_bytes};
    qlab_conn *conn;
    qlab_code rc = qlab_job_run(b->job, &units, err);

    if (rc == QLAB_OK)
        rc = qlab_duck_conn(b->env->duck, 0, &conn, err);
    b->outcomes = qlab_alloc_zero(b->lib->n, sizeof *b->outcomes);
    for (size_t i = 0; rc == QLAB_OK && i < b->lib->n; i++) {
        outcome_room(b, &b->lib->candidates[i], &b->outcomes[i]);
        rc =
            take_record(qlab_job_result(b->job, i), b->lib->candidates[i].id, &b->outcomes[i], err);
        if (rc == QLAB_OK)
            rc = read_rows(b, i, conn, &b->outcomes[i], err);
    }
    return rc;
}

void qlab_stage_b_outcomes_free(qlab_stage_b *b)
{
    for (size_t i = 0; b->outcomes != NULL && i < b->lib->n; i++)
        outcome_free(&b->outcomes[i]);
    qlab_free(b->outcomes);
    b->outcomes = NULL;
}
