/* The Parquet files of a run.  Columns and units: docs/formats/stage-b.md. */
#include "stage_b/artifact.h"

#include "base/alloc.h"
#include "base/file.h"
#include "stage_b/figures.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { MOST_COLUMNS = 32 };

/* A file under construction: columns of its own. */
typedef struct file {
    qlab_col cols[MOST_COLUMNS];
    void *data[MOST_COLUMNS];
    size_t n_cols, n_rows;
} file;

static void *column(file *f, const char *name, qlab_type type, size_t size, const qlab_str *dict)
{
    assert(f->n_cols < MOST_COLUMNS);
    void *data = qlab_alloc_zero(f->n_rows + 1, size);
    f->data[f->n_cols] = data;
    f->cols[f->n_cols++] = (qlab_col){name, type, data, NULL, dict};
    return data;
}

static double *reals(file *f, const char *name)
{
    return column(f, name, QLAB_T_F64, sizeof(double), NULL);
}

static uint32_t *wholes(file *f, const char *name)
{
    return column(f, name, QLAB_T_U32, sizeof(uint32_t), NULL);
}

static uint32_t *words(file *f, const char *name, const qlab_str *dict)
{
    return column(f, name, QLAB_T_DICT, sizeof(uint32_t), dict);
}

static qlab_code finish(file *f, qlab_conn *conn, const char *dir, const char *name, qlab_err *err)
{
    char *path = qlab_path_join(dir, name);
    qlab_written w = {0};
    const qlab_code rc =
        qlab_conn_put_parquet(conn, f->cols, f->n_cols, f->n_rows, QLAB_CODEC_ZSTD, path, &w, err);

    for (size_t c = 0; c < f->n_cols; c++)
        qlab_free(f->data[c]);
    qlab_free(w.path);
    qlab_free(path);
    return rc;
}

static double finite_or_none(double v)
{
    return isinf(v) ? NAN : v;
}

/* What the writers share: names of the candidates by rank. */
typedef struct writer {
    const qlab_stage_b *b;
    const qlab_b_verdicts *v;
    const char *dir;
    qlab_conn *conn;
    qlab_str *id; /* in the library's order */
} writer;

/* ---- paths ----------------------------------------------------------------------------------- */

static size_t n_paths(const writer *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->v->n; i++)
        n += w->b->outcomes[i].n_paths;
    return n;
}

static double mean_of(const qlab_stage_b *b, const qlab_outcome *o, size_t path, qlab_daily c)
{
    const size_t n = b->feed.n_sessions, first = b->book.delay;
    const double *x = qlab_outcome_path(o, n, path, c);
    double sum = 0.0;

    for (size_t i = first; i < n; i++)
        sum += x[i];
    return sum / (double)(n - first);
}

static qlab_code write_paths(const writer *w, qlab_err *err)
{
    static const qlab_daily means[] = {QLAB_DAILY_GROSS,    QLAB_DAILY_NET,    QLAB_DAILY_SPREAD,
                                       QLAB_DAILY_FEE,      QLAB_DAILY_IMPACT, QLAB_DAILY_BORROW,
                                       QLAB_DAILY_TURNOVER, QLAB_DAILY_LONGS,  QLAB_DAILY_SHORTS};
    enum { N_MEANS = sizeof means / sizeof means[0] };
    const size_t n = w->b->feed.n_sessions, first = w->b->book.delay;
    file f = {.n_rows = n_paths(w)};
    uint32_t *id = words(&f, "candidate_id", w->id), *path = wholes(&f, "path");
    uint8_t *chosen = column(&f, "representative", QLAB_T_BOOL, 1, NULL);
    uint32_t *sessions = wholes(&f, "n_sessions");
    double *gross = reals(&f, "sharpe_gross_annual"), *net = reals(&f, "sharpe_net_annual");
    double *drawdown = reals(&f, "max_drawdown"), *mean[N_MEANS];
    size_t row = 0;

    for (size_t k = 0; k < N_MEANS; k++)
        mean[k] = reals(&f, qlab_daily_name[means[k]]);
    for (size_t r = 0; r < w->v->n; r++) {
        const uint32_t c = w->v->by_rank[r];
        const qlab_outcome *o = &w->b->outcomes[c];
        for (size_t p = 0; p < o->n_paths; p++, row++) {
            const double *x = qlab_outcome_path(o, n, p, QLAB_DAILY_NET) + first;
            id[row] = c;
            path[row] = (uint32_t)p;
            chosen[row] = p == o->representative;
            sessions[row] = (uint32_t)(n - first);
            net[row] = qlab_b_annual(qlab_b_sharpe(x, n - first));
            gross[row] = qlab_b_annual(
                qlab_b_sharpe(qlab_outcome_path(o, n, p, QLAB_DAILY_GROSS) + first, n - first));
            drawdown[row] = qlab_book_drawdown(x, n - first, NULL);
            for (size_t k = 0; k < N_MEANS; k++)
                mean[k][row] = mean_of(w->b, o, p, means[k]);
        }
    }
    return finish(&f, w->conn, w->dir, "paths.parquet", err);
}

/* ---- returns --------------------------------------------------------------------------------- */

enum { SCENARIO_BASE, N_SCENARIOS = 1 + QLAB_RERUN_COUNT };

static qlab_code write_returns(const writer *w, qlab_err *err)
{
    static const char *const names[N_SCENARIOS] = {"base", "adv_half", "one_session_later",
                                                   "presumed_gone", "delisting"};
    const size_t n = w->b->feed.n_sessions;
    qlab_str scenarios[N_SCENARIOS];
    file f = {.n_rows = (n_paths(w) + w->v->n * QLAB_RERUN_COUNT) * n};
    uint32_t *id = words(&f, "candidate_id", w->id), *scenario = words(&f, "scenario", scenarios);
    uint32_t *path = wholes(&f, "path");
    int32_t *date = column(&f, "date", QLAB_T_DATE, sizeof *date, NULL);
    double *daily[QLAB_DAILY_COUNT];
    size_t row = 0;

    for (size_t k = 0; k < N_SCENARIOS; k++)
        scenarios[k] = qlab_str_of(names[k]);
    for (int k = 0; k < QLAB_DAILY_COUNT; k++)
        daily[k] = reals(&f, qlab_daily_name[k]);
    for (size_t r = 0; r < w->v->n; r++) {
        const uint32_t c = w->v->by_rank[r];
        const qlab_outcome *o = &w->b->outcomes[c];
        for (size_t p = 0; p < o->n_paths + QLAB_RERUN_COUNT; p++)
            for (size_t s = 0; s < n; s++, row++) {
                const bool base = p < o->n_paths;
                id[row] = c;
                scenario[row] = (uint32_t)(base ? SCENARIO_BASE : 1 + p - o->n_paths);
                path[row] = (uint32_t)(base ? p : o->representative);
                date[row] = w->b->feed.session[s];
                for (int k = 0; k < QLAB_DAILY_COUNT; k++)
                    daily[k][row] = base ? qlab_outcome_path(o, n, p, (qlab_daily)k)[s]
                                    : k == QLAB_DAILY_NET ? o->rerun[(p - o->n_paths) * n + s]
                                                          : NAN;
            }
    }
    return finish(&f, w->conn, w->dir, "path_returns.parquet", err);
}

/* ---- gates, stresses, survivors -------------------------------------------------------------- */

static qlab_code write_gates(const writer *w, qlab_err *err)
{
    qlab_str gates[QLAB_B_GATE_COUNT], results[3], *reasons;
    file f = {.n_rows = w->v->n * QLAB_B_GATE_COUNT};
    uint32_t *id = words(&f, "candidate_id", w->id), *gate = words(&f, "gate", gates);
    double *value = reals(&f, "value"), *threshold = reals(&f, "threshold");
    double *distance = reals(&f, "distance");
    uint32_t *verdict = words(&f, "verdict", results);
    reasons = column(&f, "reason", QLAB_T_STR, sizeof *reasons, NULL);

    for (int g = 0; g < QLAB_B_GATE_COUNT; g++)
        gates[g] = qlab_str_of(qlab_b_gate_name((qlab_b_gate)g));
    for (int r = 0; r < 3; r++)
        results[r] = qlab_str_of(qlab_b_result_name((qlab_b_result)r));
    for (size_t i = 0; i < f.n_rows; i++) {
        const uint32_t c = w->v->by_rank[i / QLAB_B_GATE_COUNT];
        const qlab_b_judged *j = &w->v->at[c].gates[i % QLAB_B_GATE_COUNT];
        id[i] = c;
        gate[i] = (uint32_t)(i % QLAB_B_GATE_COUNT);
        value[i] = finite_or_none(j->value);
        threshold[i] = j->threshold;
        distance[i] = j->distance;
        verdict[i] = (uint32_t)j->result;
        reasons[i] = qlab_str_of(j->reason);
    }
    return finish(&f, w->conn, w->dir, "gates.parquet", err);
}

static qlab_code write_stress(const writer *w, qlab_err *err)
{
    qlab_str names[QLAB_B_STRESS_COUNT];
    file f = {.n_rows = w->v->n * QLAB_B_STRESS_COUNT};
    uint32_t *id = words(&f, "candidate_id", w->id), *stress = words(&f, "stress", names);
    double *base = reals(&f, "sharpe_net_annual"), *under = reals(&f, "stressed_sharpe_annual");

    for (int k = 0; k < QLAB_B_STRESS_COUNT; k++)
        names[k] = qlab_str_of(qlab_b_stress_name[k]);
    for (size_t i = 0; i < f.n_rows; i++) {
        const uint32_t c = w->v->by_rank[i / QLAB_B_STRESS_COUNT];
        id[i] = c;
        stress[i] = (uint32_t)(i % QLAB_B_STRESS_COUNT);
        base[i] = qlab_b_annual(w->v->at[c].sharpe.sr);
        under[i] = w->v->at[c].stress[i % QLAB_B_STRESS_COUNT];
    }
    return finish(&f, w->conn, w->dir, "stress.parquet", err);
}

static qlab_code write_survivors(const writer *w, qlab_arena *strings, qlab_err *err)
{
    file f = {.n_rows = w->v->n_survivors};
    uint32_t *id = words(&f, "candidate_id", w->id);
    qlab_str *trial = column(&f, "trial_id", QLAB_T_STR, sizeof *trial, NULL);
    uint32_t *rank = wholes(&f, "rank");
    double *sharpe = reals(&f, "sharpe_net_annual"), *dsr = reals(&f, "dsr");
    char hex[QLAB_HEX_BYTES];

    for (size_t i = 0; i < f.n_rows; i++) {
        const uint32_t c = w->v->by_rank[i]; /* survivors rank first */
        const qlab_b_verdict *v = &w->v->at[c];
        qlab_hex(v->trial, hex);
        id[i] = c;
        trial[i] = qlab_str_of(qlab_arena_strndup(strings, hex, strlen(hex)));
        rank[i] = (uint32_t)v->rank;
        sharpe[i] = qlab_b_annual(v->sharpe.sr);
        dsr[i] = v->dsr;
    }
    return finish(&f, w->conn, w->dir, "survivors_B.parquet", err);
}

qlab_code qlab_stage_b_write_tables(const qlab_stage_b *b, const qlab_b_verdicts *v,
                                    const char *dir, qlab_err *err)
{
    writer w = {.b = b, .v = v, .dir = dir};
    qlab_arena strings = QLAB_ARENA_INIT;
    qlab_code rc = qlab_duck_conn(b->env->duck, 0, &w.conn, err);

    if (rc != QLAB_OK)
        return rc;
    w.id = qlab_alloc(v->n + 1, sizeof *w.id);
    for (size_t i = 0; i < v->n; i++)
        w.id[i] = qlab_str_of(b->lib->candidates[i].id);
    if ((rc = write_paths(&w, err)) == QLAB_OK && (rc = write_returns(&w, err)) == QLAB_OK &&
        (rc = write_gates(&w, err)) == QLAB_OK && (rc = write_stress(&w, err)) == QLAB_OK)
        rc = write_survivors(&w, &strings, err);
    qlab_free(w.id);
    qlab_arena_free(&strings);
    return rc;
}
