/* Months to measures.  A month's rows lie in one Parquet file of the job's folder until the run is
 * complete; its record holds the file's hash, so that a run taken up again trusts only whole files.
 */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "stage_a/run_int.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void qlab_stage_a_months(qlab_stage_a *a, size_t first, size_t end)
{
    qlab_free(a->months);
    a->months = qlab_alloc(end - first + 1, sizeof *a->months);
    a->n_months = 0;
    for (size_t i = first; i < end; i++) {
        const int32_t month = qlab_date_month_index(a->axis.sessions[i]);
        if (a->n_months == 0 || a->months[a->n_months - 1].month != month)
            a->months[a->n_months++] = (qlab_month_unit){month, i, i};
        a->months[a->n_months - 1].end = i + 1;
    }
}

qlab_digest qlab_stage_a_key(const qlab_stage_a *a, const char *what, size_t unit)
{
    const qlab_month_unit *m = &a->months[unit];
    qlab_sha256 *h = qlab_sha256_new();

    qlab_sha256_put(h, a->plan.at, sizeof a->plan.at);
    qlab_sha256_put_str(h, what, strlen(what));
    qlab_sha256_put_i32(h, a->axis.sessions[m->first]);
    qlab_sha256_put_i32(h, a->axis.sessions[m->end - 1]);
    const qlab_digest d = qlab_sha256_end(h);
    qlab_sha256_free(h);
    return d;
}

/* ---- rows of the folds ----------------------------------------------------------------------- */

static qlab_digest rows_key(void *ctx, size_t unit)
{
    return qlab_stage_a_key(ctx, "rows", unit);
}

typedef struct row_counts {
    json_int_t train, purged, test;
} row_counts;

/* The session may train and one of its rows still not: a halted name's label ends later than the
 * session's nominal one. */
static void count_session(const qlab_stage_a *a, const qlab_fold *f, const qlab_xsec *x, size_t d,
                          uint8_t role, row_counts *n)
{
    const int32_t block_from = a->axis.sessions[f->test_first];

    for (size_t i = x->first[d]; i < x->first[d + 1]; i++) {
        const int32_t end = x->label_end[QLAB_SCREEN_HORIZONS - 1][i];
        if (x->eligibility[i] != 0 || end == QLAB_DATE_NONE)
            continue;
        n->test += role == QLAB_ROLE_TEST;
        n->purged += role == QLAB_ROLE_PURGED || (role == QLAB_ROLE_TRAIN && end >= block_from);
        n->train += role == QLAB_ROLE_TRAIN && end < block_from;
    }
}

static qlab_code rows_unit(void *ctx, size_t unit, size_t worker, json_t **result,
                           uint64_t *n_counted, qlab_err *err)
{
    const qlab_stage_a *a = ctx;
    const qlab_month_unit *m = &a->months[unit];
    const size_t n_usable = a->folds.n_usable;
    qlab_conn *conn;
    qlab_xsec x;
    qlab_code rc;

    if ((rc = qlab_duck_conn(a->env->duck, worker, &conn, err)) != QLAB_OK ||
        (rc = qlab_panel_load_dates(
             a->panel, conn, a->axis.sessions[m->first], a->axis.sessions[m->end - 1] + 1,
             &qlab_screen_label[QLAB_SCREEN_HORIZONS - 1], 1, &x, err)) != QLAB_OK)
        return rc;
    assert(x.n_dates == m->end - m->first);
    uint8_t *role = qlab_alloc(n_usable, 1);
    *result = json_array();
    for (size_t k = 0; k < a->folds.n_folds; k++) {
        const qlab_fold *f = &a->folds.folds[k];
        row_counts n = {0, 0, 0};
        qlab_fold_roles(&a->axis, n_usable, f->test_first, f->test_end, a->folds.embargo, true,
                        role);
        for (size_t d = 0; d < x.n_dates; d++)
            count_session(a, f, &x, d, role[m->first + d], &n);
        (void)json_array_append_new(*result, json_pack("[I, I, I]", n.train, n.purged, n.test));
    }
    *n_counted = x.n_rows;
    qlab_free(role);
    qlab_xsec_free(&x);
    return QLAB_OK;
}

qlab_code qlab_stage_a_count_rows(qlab_stage_a *a, qlab_err *err)
{
    const qlab_job_units units = {.step = "folds",
                                  .counted = "asset-sessions",
                                  .n = a->n_months,
                                  .key = rows_key,
                                  .fn = rows_unit,
                                  .ctx = a};
    const qlab_code rc = qlab_job_run(a->job, &units, err);

    for (size_t k = 0; rc == QLAB_OK && k < a->folds.n_folds; k++) {
        int64_t n[3] = {0, 0, 0};
        for (size_t i = 0; i < a->n_months; i++) {
            const json_t *row = json_array_get(qlab_job_result(a->job, i), k);
            for (size_t j = 0; j < 3; j++)
                n[j] += json_integer_value(json_array_get(row, j));
        }
        a->folds.folds[k].train_rows = n[0];
        a->folds.folds[k].purged_rows = n[1];
        a->folds.folds[k].test_rows = n[2];
    }
    return rc;
}

/* ---- measures -------------------------------------------------------------------------------- */

enum { N_COLS = 24 };
static const char *const COLUMNS[N_COLS] = {
    "candidate",  "session",  "n_universe", "n_scored", "n_pairs_1", "n_pairs_5",
    "n_pairs_20", "n_gone",   "ic_1",       "ic_5",     "ic_20",     "decile_1",
    "decile_2",   "decile_3", "decile_4",   "decile_5", "decile_6",  "decile_7",
    "decile_8",   "decile_9", "decile_10",  "spread",   "turnover",  "autocorrelation"};
enum { N_COUNTS = 8 }; /* the first ones are U32, the rest F64 */

/* Where each column of a row lies in a measure. */
static uint32_t *count_of(qlab_measure *m, size_t column)
{
    uint32_t *const at[N_COUNTS - 2] = {&m->n_universe, &m->n_scored,   &m->n_pairs[0],
                                        &m->n_pairs[1], &m->n_pairs[2], &m->n_gone};

    return at[column - 2];
}

static double *value_of(qlab_measure *m, size_t column)
{
    const size_t i = column - N_COUNTS;

    if (i < QLAB_SCREEN_HORIZONS)
        return &m->ic[i];
    if (i < QLAB_SCREEN_HORIZONS + QLAB_SCREEN_DECILES)
        return &m->decile[i - QLAB_SCREEN_HORIZONS];
    double *const at[3] = {&m->spread, &m->turnover, &m->autocorrelation};
    return at[i - QLAB_SCREEN_HORIZONS - QLAB_SCREEN_DECILES];
}

/* Rows by candidate (its place by id, which a shuffled list does not change), then session. */
static qlab_code write_unit(const qlab_stage_a *a, qlab_conn *conn, const qlab_month_unit *m,
                            qlab_measure *rows, json_t **record, qlab_err *err)
{
    const size_t n_days = m->end - m->first, n = a->lib->n * n_days;
    qlab_col cols[N_COLS];
    void *data[N_COLS];

    for (size_t c = 0; c < N_COLS; c++) {
        data[c] = qlab_alloc(n + 1, c < N_COUNTS ? sizeof(uint32_t) : sizeof(double));
        cols[c] =
            (qlab_col){COLUMNS[c], c < N_COUNTS ? QLAB_T_U32 : QLAB_T_F64, data[c], NULL, NULL};
        for (size_t i = 0; i < n; i++) {
            if (c == 0)
                ((uint32_t *)data[c])[i] = (uint32_t)(i / n_days);
            else if (c == 1)
                ((uint32_t *)data[c])[i] = (uint32_t)(m->first - a->first_test + i % n_days);
            else if (c < N_COUNTS)
                ((uint32_t *)data[c])[i] =
                    *count_of(&rows[a->by_id[i / n_days] * n_days + i % n_days], c);
            else
                ((double *)data[c])[i] =
                    *value_of(&rows[a->by_id[i / n_days] * n_days + i % n_days], c);
        }
    }
    const qlab_code rc =
        qlab_stage_a_put_part(a, conn, "measures", m, cols, N_COLS, n, record, err);
    for (size_t c = 0; c < N_COLS; c++)
        qlab_free(data[c]);
    return rc;
}

static qlab_digest measure_key(void *ctx, size_t unit)
{
    return qlab_stage_a_key(ctx, "measures", unit);
}

static qlab_code measure_unit(void *ctx, size_t unit, size_t worker, json_t **result,
                              uint64_t *n_counted, qlab_err *err)
{
    const qlab_stage_a *a = ctx;
    const qlab_month_unit *m = &a->months[unit];
    const size_t lead = m->first > 0 ? 1 : 0, n_days = m->end - m->first;
    json_t *measures = NULL, *placebos = NULL;
    qlab_conn *conn;
    qlab_xsec x;
    qlab_code rc;

    if ((rc = qlab_duck_conn(a->env->duck, worker, &conn, err)) != QLAB_OK ||
        (rc = qlab_panel_load_dates(a->panel, conn, a->axis.sessions[m->first - lead],
                                    a->axis.sessions[m->end - 1] + 1, a->screen.columns,
                                    a->screen.n_columns, &x, err)) != QLAB_OK)
        return rc;
    assert(x.n_dates == n_days + lead);
    qlab_measure *rows = qlab_alloc(a->lib->n * n_days, sizeof *rows);
    qlab_placebo_measure *null_rows = qlab_alloc(a->screen.n_placebos * n_days, sizeof *null_rows);
    qlab_screen_span(&a->screen, &x, lead, qlab_env_unit_bytes(a->env) / 2, rows, null_rows);
    *n_counted = (x.first[x.n_dates] - x.first[lead]) * (a->lib->n + a->screen.n_placebos);
    qlab_xsec_free(&x);
    rc = write_unit(a, conn, m, rows, &measures, err);
    if (rc == QLAB_OK)
        rc = qlab_stage_a_put_placebos(a, conn, m, null_rows, &placebos, err);
    if (rc == QLAB_OK)
        *result = json_pack("{s:O, s:O}", "measures", measures, "placebos", placebos);
    json_decref(measures);
    json_decref(placebos);
    qlab_free(null_rows);
    qlab_free(rows);
    return rc;
}

static qlab_code take_rows(qlab_stage_a *a, const qlab_table *t, const char *path, qlab_err *err)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        const size_t c = t->cols[0].u32[i], s = t->cols[1].u32[i];
        if (c >= a->lib->n || s >= a->n_test)
            return qlab_fail(err, QLAB_E_CORRUPT, "%s: row %zu was of candidate %zu, session %zu",
                             path, i, c, s);
        qlab_measure *m = &a->measures[a->by_id[c] * a->n_test + s];
        for (size_t k = 2; k < N_COUNTS; k++)
            *count_of(m, k) = t->cols[k].u32[i];
        for (size_t k = N_COUNTS; k < N_COLS; k++)
            *value_of(m, k) = t->cols[k].f64[i];
    }
    return QLAB_OK;
}

static qlab_code read_unit(qlab_stage_a *a, qlab_conn *conn, size_t unit, qlab_err *err)
{
    const qlab_month_unit *m = &a->months[unit];
    qlab_type types[N_COLS];
    qlab_table t = QLAB_TABLE_INIT;
    char *path = NULL;

    for (size_t c = 0; c < N_COLS; c++)
        types[c] = c < N_COUNTS ? QLAB_T_U32 : QLAB_T_F64;
    qlab_code rc = qlab_stage_a_get_part(a, conn, "measures", unit, COLUMNS, types, N_COLS,
                                         a->lib->n * (m->end - m->first), &t, &path, err);
    if (rc == QLAB_OK)
        rc = take_rows(a, &t, path, err);
    qlab_table_free(&t);
    qlab_free(path);
    return rc;
}

qlab_code qlab_stage_a_measure(qlab_stage_a *a, qlab_err *err)
{
    const qlab_job_units units = {.step = "stage A",
                                  .counted = "scores",
                                  .n = a->n_months,
                                  .key = measure_key,
                                  .fn = measure_unit,
                                  .ctx = a};
    qlab_conn *conn;
    qlab_code rc = qlab_job_run(a->job, &units, err);

    if (rc == QLAB_OK)
        rc = qlab_duck_conn(a->env->duck, 0, &conn, err);
    a->measures = qlab_alloc_zero(a->lib->n * a->n_test, sizeof *a->measures);
    for (size_t i = 0; rc == QLAB_OK && i < a->n_months; i++)
        rc = read_unit(a, conn, i, err);
    return rc == QLAB_OK ? qlab_stage_a_get_placebos(a, conn, err) : rc;
}
