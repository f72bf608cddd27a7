/* A run's placebos: drawn once, measured beside the candidates, judged by the same gates. */
#include "base/alloc.h"
#include "base/date.h"
#include "stage_a/run_int.h"
#include "strategy/placebo.h"

#include <math.h>
#include <string.h>

enum { N_COLS = 7, N_COUNTS = 5 }; /* the first are U32, the rest F64 */
static const char *const COLUMNS[N_COLS] = {"placebo", "session", "n_universe", "n_pairs",
                                            "n_gone",  "ic",      "turnover"};

/* ---- drawing --------------------------------------------------------------------------------- */

qlab_code qlab_stage_a_draw_placebos(qlab_stage_a *a, qlab_err *err)
{
    qlab_placebos *p = &a->placebos;
    const size_t n_assets = a->assets.n_assets;
    uint8_t *quintile = qlab_alloc(n_assets + 1, 1);
    qlab_code rc = QLAB_OK;

    p->n = (size_t)a->policy.placebos;
    p->candidate = qlab_alloc(p->n + 1, sizeof *p->candidate);
    p->source = qlab_alloc(p->n * n_assets + 1, sizeof *p->source);
    if (p->n > 0)
        rc = qlab_stage_quintiles(a->env, a->panel, &a->assets, &a->axis, &a->folds, quintile, err);
    if (rc == QLAB_OK) {
        qlab_placebo_candidates(a->lib, p->n, p->candidate);
        for (size_t i = 0; i < p->n; i++)
            qlab_placebo_permute((uint64_t)a->policy.placebo_seed, i,
                                 a->assets.group[QLAB_GROUP_CURRENCY],
                                 a->assets.n_groups[QLAB_GROUP_CURRENCY], quintile, n_assets,
                                 p->source + i * n_assets);
    }
    qlab_free(quintile);
    a->screen.n_placebos = p->n;
    a->screen.placebo_candidate = p->candidate;
    a->screen.placebo_source = p->source;
    return rc;
}

/* ---- a month's file -------------------------------------------------------------------------- */

qlab_code qlab_stage_a_put_placebos(const qlab_stage_a *a, qlab_conn *conn,
                                    const qlab_month_unit *m, const qlab_placebo_measure *rows,
                                    json_t **record, qlab_err *err)
{
    const size_t n_days = m->end - m->first, n = a->screen.n_placebos * n_days;
    uint32_t *count = qlab_alloc(n * N_COUNTS + 1, sizeof *count);
    double *value = qlab_alloc(n * (N_COLS - N_COUNTS) + 1, sizeof *value);
    qlab_col cols[N_COLS];

    for (size_t c = 0; c < N_COLS; c++)
        cols[c] = (qlab_col){COLUMNS[c], c < N_COUNTS ? QLAB_T_U32 : QLAB_T_F64,
                             c < N_COUNTS ? (void *)(count + c * n)
                                          : (void *)(value + (c - N_COUNTS) * n),
                             NULL, NULL};
    for (size_t i = 0; i < n; i++) {
        count[i] = (uint32_t)(i / n_days);
        count[n + i] = (uint32_t)(m->first - a->first_test + i % n_days);
        count[2 * n + i] = rows[i].n_universe;
        count[3 * n + i] = rows[i].n_pairs;
        count[4 * n + i] = rows[i].n_gone;
        value[i] = rows[i].ic;
        value[n + i] = rows[i].turnover;
    }
    const qlab_code rc =
        qlab_stage_a_put_part(a, conn, "placebos", m, cols, N_COLS, n, record, err);
    qlab_free(count);
    qlab_free(value);
    return rc;
}

static qlab_code read_month(qlab_stage_a *a, qlab_conn *conn, size_t unit, qlab_err *err)
{
    const qlab_month_unit *m = &a->months[unit];
    qlab_type types[N_COLS];
    qlab_table t = QLAB_TABLE_INIT;
    char *path = NULL;

    for (size_t c = 0; c < N_COLS; c++)
        types[c] = c < N_COUNTS ? QLAB_T_U32 : QLAB_T_F64;
    qlab_code rc = qlab_stage_a_get_part(a, conn, "placebos", unit, COLUMNS, types, N_COLS,
                                         a->placebos.n * (m->end - m->first), &t, &path, err);
    for (size_t i = 0; rc == QLAB_OK && i < t.n_rows; i++) {
        const size_t p = t.cols[0].u32[i], s = t.cols[1].u32[i];
        if (p >= a->placebos.n || s >= a->n_test)
            rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: row %zu was of placebo %zu, session %zu", path,
                           i, p, s);
        else
            a->placebos.measures[p * a->n_test + s] =
                (qlab_placebo_measure){.ic = t.cols[5].f64[i],
                                       .turnover = t.cols[6].f64[i],
                                       .n_universe = t.cols[2].u32[i],
                                       .n_pairs = t.cols[3].u32[i],
                                       .n_gone = t.cols[4].u32[i]};
    }
    qlab_table_free(&t);
    qlab_free(path);
    return rc;
}

qlab_code qlab_stage_a_get_placebos(qlab_stage_a *a, qlab_conn *conn, qlab_err *err)
{
    qlab_code rc = QLAB_OK;

    a->placebos.measures =
        qlab_alloc_zero(a->placebos.n * a->n_test + 1, sizeof *a->placebos.measures);
    for (size_t i = 0; rc == QLAB_OK && i < a->n_months; i++)
        rc = read_month(a, conn, i, err);
    return rc;
}

/* ---- judging --------------------------------------------------------------------------------- */

void qlab_stage_a_judge_placebos(qlab_stage_a *a)
{
    qlab_placebos *p = &a->placebos;
    qlab_measure *m = qlab_alloc_zero(a->n_test + 1, sizeof *m);

    p->verdicts = qlab_alloc_zero(p->n + 1, sizeof *p->verdicts);
    for (size_t i = 0; i < p->n; i++) {
        const uint32_t horizon = a->lib->candidates[p->candidate[i]].horizon;
        const size_t own = qlab_screen_horizon_index(horizon);
        for (size_t s = 0; s < a->n_test; s++) {
            const qlab_placebo_measure *x = &p->measures[i * a->n_test + s];
            m[s] = qlab_measure_null();
            m[s].ic[own] = x->ic;
            m[s].turnover = x->turnover;
            m[s].n_universe = x->n_universe;
            m[s].n_pairs[own] = x->n_pairs;
            m[s].n_gone = x->n_gone;
        }
        qlab_verdict_beside(&a->verdicts, &a->policy, &a->folds, horizon, a->axis.every, m,
                            a->n_test, &p->verdicts[i]);
    }
    qlab_free(m);
}

/* NaN is the least. */
static bool at_least(double a, double b)
{
    return !isnan(a) && (isnan(b) || a >= b);
}

size_t qlab_stage_a_placebo_rank(const qlab_stage_a *a, const qlab_verdict *v)
{
    size_t n = 1;

    for (size_t i = 0; i < a->placebos.n; i++)
        n += isnan(v->all.har.t) || at_least(a->placebos.verdicts[i].all.har.t, v->all.har.t);
    return n;
}

json_t *qlab_stage_a_placebos_json(const qlab_stage_a *a)
{
    const qlab_placebos *p = &a->placebos;
    json_t *gates = json_object(), *o = json_pack("{s:I, s:I}", "placebos_total", (json_int_t)p->n,
                                                  "seed", (json_int_t)a->policy.placebo_seed);
    size_t n_all = 0;

    for (size_t i = 0; i < p->n; i++)
        n_all += p->verdicts[i].passed;
    for (int g = 0; g < QLAB_GATE_COUNT; g++) {
        size_t n = 0;
        for (size_t i = 0; i < p->n; i++)
            n += p->verdicts[i].gates[g].passed;
        (void)json_object_set_new(gates, qlab_gate_name((qlab_gate_id)g),
                                  qlab_json_f64(p->n > 0 ? (double)n / (double)p->n : NAN));
    }
    (void)json_object_set_new(o, "passed_total", json_integer((json_int_t)n_all));
    (void)json_object_set_new(o, "pass_rate",
                              qlab_json_f64(p->n > 0 ? (double)n_all / (double)p->n : NAN));
    (void)json_object_set_new(o, "pass_rate_by_gate", gates);
    return o;
}

void qlab_stage_a_free_placebos(qlab_stage_a *a)
{
    qlab_placebos *p = &a->placebos;

    for (size_t i = 0; p->verdicts != NULL && i < p->n; i++)
        qlab_free(p->verdicts[i].folds);
    qlab_free(p->verdicts);
    qlab_free(p->measures);
    qlab_free(p->candidate);
    qlab_free(p->source);
    *p = (qlab_placebos){0};
}
