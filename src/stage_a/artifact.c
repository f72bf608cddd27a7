/* The Parquet files of a run.  Columns and units: docs/formats/stage-a.md. */
#include "base/alloc.h"
#include "base/file.h"
#include "registry/trials.h"
#include "stage_a/run_int.h"
#include "stat/moments.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_COLS = 64, NAME_BYTES = 24 };

/* A table under construction: columns of its own, filled by row. */
typedef struct builder {
    qlab_col cols[MAX_COLS];
    void *data[MAX_COLS];
    char names[MAX_COLS][NAME_BYTES];
    size_t n_cols, n_rows, at; /* at: the column that the next value goes to */
    qlab_arena strings;
} builder;

static size_t size_of(qlab_type type)
{
    switch (type) {
    case QLAB_T_F64:
        return sizeof(double);
    case QLAB_T_STR:
        return sizeof(qlab_str);
    case QLAB_T_BOOL:
        return 1;
    default:
        return sizeof(uint32_t);
    }
}

/* The place of the next column in `row`; the first row makes the columns. */
static void *next(builder *b, size_t row, const char *name, qlab_type type)
{
    const size_t c = b->at++;

    assert(c < MAX_COLS);
    if (c == b->n_cols) {
        assert(row == 0 && strlen(name) < NAME_BYTES);
        (void)snprintf(b->names[c], NAME_BYTES, "%s", name);
        b->data[c] = qlab_alloc_zero(b->n_rows + 1, size_of(type));
        b->cols[c] = (qlab_col){b->names[c], type, b->data[c], NULL, NULL};
        b->n_cols++;
    }
    assert(b->cols[c].type == type && strcmp(b->names[c], name) == 0);
    return (char *)b->data[c] + row * size_of(type);
}

static void put_f64(builder *b, size_t row, const char *name, double v)
{
    *(double *)next(b, row, name, QLAB_T_F64) = v;
}

static void put_u32(builder *b, size_t row, const char *name, size_t v)
{
    *(uint32_t *)next(b, row, name, QLAB_T_U32) = (uint32_t)v;
}

static void put_date(builder *b, size_t row, const char *name, int32_t v)
{
    *(int32_t *)next(b, row, name, QLAB_T_DATE) = v;
}

static void put_bool(builder *b, size_t row, const char *name, bool v)
{
    *(uint8_t *)next(b, row, name, QLAB_T_BOOL) = v;
}

/* Borrowed text. */
static void put_str(builder *b, size_t row, const char *name, const char *v)
{
    *(qlab_str *)next(b, row, name, QLAB_T_STR) = qlab_str_of(v);
}

static qlab_code finish(builder *b, qlab_conn *conn, const char *dir, const char *file,
                        qlab_err *err)
{
    char *path = qlab_path_join(dir, file);
    qlab_written w = {0};
    const qlab_code rc =
        qlab_conn_put_parquet(conn, b->cols, b->n_cols, b->n_rows, QLAB_CODEC_ZSTD, path, &w, err);

    for (size_t c = 0; c < b->n_cols; c++)
        qlab_free(b->data[c]);
    qlab_arena_free(&b->strings);
    qlab_free(w.path);
    qlab_free(path);
    return rc;
}

/* A table without rows still has its columns: one row is filled and not written. */
static size_t rows_to_fill(const builder *b)
{
    return b->n_rows > 0 ? b->n_rows : 1;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void put_candidate(builder *b, size_t row, const qlab_candidate *c)
{
    qlab_buf universe = QLAB_BUF_INIT;

    qlab_universe_print(c->universe, &universe);
    put_str(b, row, "candidate_id", c->id);
    put_str(b, row, "family", c->family);
    put_str(b, row, "kind", c->kind);
    put_str(b, row, "definition", c->definition);
    put_u32(b, row, "horizon", c->horizon);
    put_str(b, row, "universe", qlab_arena_strndup(&b->strings, universe.at, universe.n));
    put_str(b, row, "side", qlab_side_name(c->side));
    qlab_buf_free(&universe);
}

static void put_metrics(builder *b, size_t row, const qlab_metrics *m)
{
    char name[NAME_BYTES];

    put_u32(b, row, "n_sessions", m->n_sessions);
    put_u32(b, row, "n_ic", m->ic.n);
    put_f64(b, row, "mean_ic", m->ic.mean);
    put_f64(b, row, "std_ic", m->ic.std);
    put_f64(b, row, "icir", m->ic.icir);
    put_f64(b, row, "hit_rate", m->ic.hit);
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++) {
        (void)snprintf(name, sizeof name, "mean_ic_%u", qlab_screen_horizon[h]);
        put_f64(b, row, name, m->mean_ic[h]);
    }
    put_f64(b, row, "har_t", m->har.t);
    put_u32(b, row, "har_df", m->har.b);
    put_f64(b, row, "har_p", m->har.p);
    put_f64(b, row, "nw_t", m->nw.t);
    put_u32(b, row, "nw_lag", m->nw.lag);
    put_f64(b, row, "nw_p", m->nw.p);
    for (size_t d = 0; d < QLAB_SCREEN_DECILES; d++) {
        (void)snprintf(name, sizeof name, "decile_%zu", d + 1);
        put_f64(b, row, name, m->decile[d]);
    }
    put_f64(b, row, "monotonicity", m->monotonicity);
    put_f64(b, row, "top_minus_bottom", m->spread);
    put_f64(b, row, "turnover", m->turnover);
    put_f64(b, row, "rank_autocorrelation", m->autocorrelation);
    put_f64(b, row, "coverage", m->coverage);
    put_f64(b, row, "presumed_gone", m->presumed_gone);
}

static void put_folds(builder *b, size_t row, const qlab_verdict *v)
{
    put_f64(b, row, "worst_fold_ic", v->worst_fold_ic);
    put_f64(b, row, "share_folds_positive", v->share_folds_positive);
    put_f64(b, row, "bh_p", v->bh_p);
}

static void put_verdict(const qlab_stage_a *a, builder *b, size_t row, size_t candidate)
{
    const qlab_verdict *v = &a->verdicts.at[candidate];

    b->at = 0;
    put_candidate(b, row, &a->lib->candidates[candidate]);
    put_u32(b, row, "rank", v->rank);
    put_bool(b, row, "passed", v->passed);
    put_bool(b, row, "near_pass", v->near_pass);
    put_u32(b, row, "n_failed", v->n_failed);
    put_str(b, row, "first_failed", v->passed ? "" : qlab_gate_name(v->first_failed));
    put_metrics(b, row, &v->all);
    put_folds(b, row, v);
    put_u32(b, row, "cluster", a->cluster[candidate]);
    const size_t placebo_rank = qlab_stage_a_placebo_rank(a, v);
    put_u32(b, row, "placebo_rank", placebo_rank);
    put_f64(b, row, "placebo_p", (double)placebo_rank / (double)(a->placebos.n + 1));
}

/* One row a placebo: the candidate that it permutes, and what its gates saw. */
static qlab_code write_placebos(const qlab_stage_a *a, qlab_conn *conn, const char *dir,
                                qlab_err *err)
{
    static const qlab_verdict none;
    builder b = {.n_rows = a->placebos.n};

    for (size_t i = 0; i < rows_to_fill(&b); i++) {
        const qlab_verdict *v = i < b.n_rows ? &a->placebos.verdicts[i] : &none;
        b.at = 0;
        put_u32(&b, i, "placebo", i);
        put_str(&b, i, "candidate_id",
                i < b.n_rows ? a->lib->candidates[a->placebos.candidate[i]].id : "");
        put_bool(&b, i, "passed", v->passed);
        put_u32(&b, i, "n_failed", v->n_failed);
        put_str(&b, i, "first_failed", v->passed ? "" : qlab_gate_name(v->first_failed));
        put_u32(&b, i, "n_ic", v->all.ic.n);
        put_f64(&b, i, "mean_ic", v->all.ic.mean);
        put_f64(&b, i, "std_ic", v->all.ic.std);
        put_f64(&b, i, "har_t", v->all.har.t);
        put_u32(&b, i, "har_df", v->all.har.b);
        put_f64(&b, i, "har_p", v->all.har.p);
        put_f64(&b, i, "turnover", v->all.turnover);
        put_f64(&b, i, "coverage", v->all.coverage);
        put_f64(&b, i, "presumed_gone", v->all.presumed_gone);
        put_folds(&b, i, v);
    }
    return finish(&b, conn, dir, "placebos.parquet", err);
}

/* Candidates by rank; the survivors are the first of them. */
static qlab_code write_verdicts(const qlab_stage_a *a, qlab_conn *conn, const char *dir,
                                const char *file, size_t n, qlab_err *err)
{
    builder b = {.n_rows = n};

    for (size_t i = 0; i < rows_to_fill(&b); i++)
        put_verdict(a, &b, i, a->verdicts.by_rank[i]);
    return finish(&b, conn, dir, file, err);
}

static qlab_code write_folds(const qlab_stage_a *a, qlab_conn *conn, const char *dir, qlab_err *err)
{
    builder b = {.n_rows = a->lib->n * a->folds.n_folds};

    for (size_t i = 0; i < b.n_rows; i++) {
        const size_t c = a->by_id[i / a->folds.n_folds], k = i % a->folds.n_folds;
        b.at = 0;
        put_str(&b, i, "candidate_id", a->lib->candidates[c].id);
        put_u32(&b, i, "fold", k);
        put_date(&b, i, "test_first", a->axis.sessions[a->folds.folds[k].test_first]);
        put_date(&b, i, "test_last", a->axis.sessions[a->folds.folds[k].test_end - 1]);
        put_metrics(&b, i, &a->verdicts.at[c].folds[k]);
    }
    return finish(&b, conn, dir, "fold_metrics.parquet", err);
}

static size_t fold_of(const qlab_stage_a *a, size_t session)
{
    size_t k = 0;

    while (session >= a->folds.folds[k].test_end)
        k++;
    return k;
}

static qlab_code write_series(const qlab_stage_a *a, qlab_conn *conn, const char *dir,
                              qlab_err *err)
{
    builder b = {.n_rows = a->lib->n * a->n_test};

    for (size_t i = 0; i < b.n_rows; i++) {
        const uint32_t at = a->by_id[i / a->n_test];
        const qlab_candidate *c = &a->lib->candidates[at];
        const qlab_measure *m = &a->measures[at * a->n_test + i % a->n_test];
        const size_t session = a->first_test + i % a->n_test;
        const size_t own = qlab_screen_horizon_index(c->horizon);
        b.at = 0;
        put_str(&b, i, "candidate_id", c->id);
        put_date(&b, i, "date", a->axis.sessions[session]);
        put_u32(&b, i, "fold", fold_of(a, session));
        put_f64(&b, i, "ic", m->ic[own]);
        put_f64(&b, i, "ic_1", m->ic[0]);
        put_f64(&b, i, "ic_5", m->ic[1]);
        put_f64(&b, i, "ic_20", m->ic[2]);
        put_u32(&b, i, "n_universe", m->n_universe);
        put_u32(&b, i, "n_scored", m->n_scored);
        put_u32(&b, i, "n_pairs", m->n_pairs[own]);
        put_u32(&b, i, "n_presumed_gone", m->n_gone);
        put_f64(&b, i, "top_minus_bottom", m->spread);
        put_f64(&b, i, "turnover", m->turnover);
        put_f64(&b, i, "rank_autocorrelation", m->autocorrelation);
    }
    return finish(&b, conn, dir, "ic_series.parquet", err);
}

char *qlab_stage_a_trial(const qlab_stage_a *a, const qlab_candidate *c, char out[QLAB_HEX_BYTES])
{
    json_t *o = qlab_candidate_json(c);

    qlab_hex(qlab_trial_id(o, a->rule, a->execution), out);
    json_decref(o);
    return out;
}

/* One row a candidate evaluated, passing or not: what the trial ledger takes over. */
static qlab_code write_trials(const qlab_stage_a *a, qlab_conn *conn, const char *dir,
                              qlab_err *err)
{
    builder b = {.n_rows = a->lib->n};
    double *series = qlab_alloc(a->n_test + 1, sizeof *series);
    qlab_buf rule = QLAB_BUF_INIT, execution = QLAB_BUF_INIT;
    char hex[QLAB_HEX_BYTES];

    qlab_json_canonical(a->rule, &rule);
    qlab_json_canonical(a->execution, &execution);

    for (size_t i = 0; i < b.n_rows; i++) {
        const uint32_t at = a->by_id[i];
        const qlab_candidate *c = &a->lib->candidates[at];
        for (size_t s = 0; s < a->n_test; s++)
            series[s] = a->measures[at * a->n_test + s].spread;
        const qlab_moments m = qlab_moments_of((qlab_f64v){series, a->n_test});
        b.at = 0;
        qlab_stage_a_trial(a, c, hex);
        put_str(&b, i, "trial_id", qlab_arena_strndup(&b.strings, hex, strlen(hex)));
        put_candidate(&b, i, c);
        put_str(&b, i, "rule", rule.at);
        put_str(&b, i, "execution", execution.at);
        put_str(&b, i, "stage", "A");
        put_str(&b, i, "series", "top_minus_bottom");
        put_str(&b, i, "features_id", qlab_panel_id(a->panel));
        put_date(&b, i, "first_session", a->axis.sessions[a->first_test]);
        put_date(&b, i, "last_session", a->axis.sessions[a->first_test + a->n_test - 1]);
        put_u32(&b, i, "n_observations", m.n);
        put_f64(&b, i, "mean", m.mean);
        put_f64(&b, i, "std", m.std);
        put_f64(&b, i, "skewness", m.skew);
        put_f64(&b, i, "kurtosis", m.kurt);
        put_bool(&b, i, "passed", a->verdicts.at[at].passed);
    }
    const qlab_code rc = finish(&b, conn, dir, "trials.parquet", err);
    qlab_buf_free(&rule);
    qlab_buf_free(&execution);
    qlab_free(series);
    return rc;
}

qlab_code qlab_stage_a_write_tables(const qlab_stage_a *a, const char *dir, qlab_err *err)
{
    size_t n_survivors = 0;
    qlab_conn *conn;
    qlab_code rc;

    for (size_t i = 0; i < a->verdicts.n; i++)
        n_survivors += a->verdicts.at[i].passed;
    if ((rc = qlab_duck_conn(a->env->duck, 0, &conn, err)) != QLAB_OK ||
        (rc = write_verdicts(a, conn, dir, "candidates.parquet", a->lib->n, err)) != QLAB_OK ||
        (rc = write_verdicts(a, conn, dir, "survivors_A.parquet", n_survivors, err)) != QLAB_OK ||
        (rc = write_folds(a, conn, dir, err)) != QLAB_OK ||
        (rc = write_placebos(a, conn, dir, err)) != QLAB_OK ||
        (rc = write_series(a, conn, dir, err)) != QLAB_OK)
        return rc;
    return write_trials(a, conn, dir, err);
}
