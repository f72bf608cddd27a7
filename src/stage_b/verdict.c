#include "stage_b/verdict.h"

#include "base/alloc.h"
#include "base/date.h"
#include "stage_b/figures.h"
#include "stat/cluster.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const qlab_b_stress_name[QLAB_B_STRESS_COUNT] = {
    "costs_x2",    "costs_x3",      "adv_half",      "one_session_later",
    "correlation", "worst_windows", "presumed_gone", "delisting"};

static const struct gate_rule {
    const char *name, *failed;
    bool at_least;
} RULES[QLAB_B_GATE_COUNT] = {
    [QLAB_B_GATE_PSR] = {"psr", "PSR_LOW", true},
    [QLAB_B_GATE_DSR] = {"dsr", "DSR_LOW", true},
    [QLAB_B_GATE_SPA] = {"spa_p", "SPA_NOT_PASSED", false},
    [QLAB_B_GATE_MIN_TRL] = {"min_trl", "TRACK_RECORD_SHORT", false},
    [QLAB_B_GATE_SHARE_NEGATIVE] = {"share_negative", "SHARE_NEGATIVE_HIGH", false},
    [QLAB_B_GATE_WORST] = {"worst_combination", "WORST_COMBINATION_LOW", true},
    [QLAB_B_GATE_PATH_SHARE_NEGATIVE] = {"path_share_negative", "PATHS_NEGATIVE_HIGH", false},
    [QLAB_B_GATE_PATH_WORST] = {"path_worst", "WORST_PATH_LOW", true},
    [QLAB_B_GATE_DRAWDOWN] = {"max_drawdown", "DRAWDOWN_HIGH", false},
    [QLAB_B_GATE_TURNOVER] = {"turnover", "TURNOVER_HIGH", false},
    [QLAB_B_GATE_CAPACITY] = {"capacity", "CAPACITY_LOW", true},
    [QLAB_B_GATE_STRESS + QLAB_B_STRESS_COSTS_2] = {"stress_costs_x2", "STRESS_COSTS_X2", true},
    [QLAB_B_GATE_STRESS + QLAB_B_STRESS_COSTS_3] = {"stress_costs_x3", "STRESS_COSTS_X3", true},
    [QLAB_B_GATE_STRESS + QLAB_B_STRESS_ADV_HALF] = {"stress_adv_half", "STRESS_ADV_HALF", true},
    [QLAB_B_GATE_STRESS +
        QLAB_B_STRESS_ONE_LATER] = {"stress_one_session_later", "STRESS_ONE_SESSION_LATER", true},
    [QLAB_B_GATE_STRESS +
        QLAB_B_STRESS_CORRELATION] = {"stress_correlation", "STRESS_CORRELATION", true},
    [QLAB_B_GATE_STRESS +
        QLAB_B_STRESS_WORST_WINDOWS] = {"stress_worst_windows", "STRESS_WORST_WINDOWS", true},
    [QLAB_B_GATE_STRESS +
        QLAB_B_STRESS_GONE] = {"stress_presumed_gone", "STRESS_PRESUMED_GONE", true},
    [QLAB_B_GATE_STRESS + QLAB_B_STRESS_DELISTING] = {"stress_delisting", "STRESS_DELISTING", true},
    [QLAB_B_GATE_GONE] = {"presumed_gone_share", "PRESUMED_GONE_HIGH", false},
};

const char *qlab_b_gate_name(qlab_b_gate g)
{
    return RULES[g].name;
}

qlab_f64v qlab_b_net(const qlab_stage_b *b, size_t candidate)
{
    const qlab_outcome *o = &b->outcomes[candidate];
    const size_t n = b->feed.n_sessions, first = b->book.delay;

    return (qlab_f64v){qlab_outcome_path(o, n, o->representative, QLAB_DAILY_NET) + first,
                       n - first};
}

/* ---- the screen's series --------------------------------------------------------------------- */

/* ICs of all candidates as stage A measured them, by (candidate_id, date). */
static qlab_code read_ic(const qlab_stage_b *b, qlab_table *out, qlab_err *err)
{
    static const qlab_type types[] = {QLAB_T_STR, QLAB_T_F64};
    char *path = qlab_asprintf("%s/ic_series.parquet", b->screen_dir);
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_conn *conn;
    qlab_code rc = qlab_duck_conn(b->env->duck, 0, &conn, err);

    qlab_buf_puts(&sql, "SELECT candidate_id, ic FROM read_parquet(");
    qlab_sql_quote(&sql, path);
    qlab_buf_puts(&sql, ") ORDER BY candidate_id, date");
    if (rc == QLAB_OK)
        rc = qlab_conn_query(conn, sql.at, types, 2, out, err);
    qlab_buf_free(&sql);
    qlab_free(path);
    return rc;
}

static qlab_f64v ic_of(const qlab_table *t, const char *id)
{
    const qlab_str name = qlab_str_of(id);
    size_t from = 0, to;

    while (from < t->n_rows && !qlab_str_eq(t->cols[0].str[from], name))
        from++;
    for (to = from; to < t->n_rows && qlab_str_eq(t->cols[0].str[to], name); to++) {
    }
    return (qlab_f64v){t->cols[1].f64 + from, to - from};
}

typedef struct figuring {
    const qlab_stage_b *b;
    const qlab_f64v *ic; /* by candidate */
    qlab_b_verdicts *v;
} figuring;

static qlab_code figures_unit(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    const figuring *f = ctx;

    (void)worker;
    (void)err;
    qlab_b_figures(f->b, unit, f->ic[unit], &f->v->at[unit]);
    return QLAB_OK;
}

/* ---- over all candidates --------------------------------------------------------------------- */

/* Net series in order of identities. */
static const double **series_by_trial(const qlab_stage_b *b, const qlab_b_verdicts *v)
{
    const double **x = qlab_alloc(v->n + 1, sizeof *x);

    for (size_t i = 0; i < v->n; i++)
        x[i] = qlab_b_net(b, v->by_trial[i]).at;
    return x;
}

static qlab_code test_spa(const qlab_stage_b *b, qlab_b_verdicts *v, qlab_err *err)
{
    const double **x = series_by_trial(b, v);
    const size_t n = b->feed.n_sessions - b->book.delay;
    qlab_spa *out = qlab_alloc(v->n + 1, sizeof *out);

    v->spa_block = qlab_spa_block(x, v->n, n);
    const qlab_spa_in in = {.excess = x,
                            .n_models = v->n,
                            .n_rows = n,
                            .block = v->spa_block >= 1.0 ? v->spa_block : 1.0,
                            .seed = b->env->seed,
                            .n_replications = (size_t)b->policy.design.replications};
    const qlab_code rc = qlab_spa_test(&in, b->env->pool, out, err);
    for (size_t i = 0; rc == QLAB_OK && i < v->n; i++)
        v->at[v->by_trial[i]].spa = out[i];
    qlab_free(out);
    qlab_free(x);
    return rc;
}

/* PBO over one candidate of each cluster, the first in order of identities: chosen by nothing that
 * was measured.  With one cluster there is nothing to select from. */
static void judge_selection(const qlab_stage_b *b, qlab_b_verdicts *v)
{
    const size_t n = b->feed.n_sessions - b->book.delay;
    const double **x = series_by_trial(b, v), **heads = qlab_alloc(v->n + 1, sizeof *heads);
    double *all = qlab_alloc(v->n * n + 1, sizeof *all);
    uint32_t *cluster = qlab_alloc(v->n + 1, sizeof *cluster);
    size_t n_heads = 0;

    for (size_t i = 0; i < v->n; i++)
        memcpy(all + i * n, x[i], n * sizeof *all);
    v->n_clusters =
        qlab_cluster_series(all, v->n, n, QLAB_CLUSTER_ABOVE, QLAB_CLUSTER_MIN_COMMON, cluster);
    for (size_t i = 0; i < v->n; i++) {
        qlab_b_verdict *one = &v->at[v->by_trial[i]];
        one->cluster = cluster[i];
        one->is_cluster_head = cluster[i] == n_heads;
        if (one->is_cluster_head)
            heads[n_heads++] = x[i];
    }
    v->pbo = qlab_pbo_of(heads, n_heads, n, (size_t)b->policy.design.cscv_blocks, NULL);
    v->selection_exists = n_heads >= 2 && !isnan(v->pbo.pbo);
    v->selection_passed =
        n_heads < 2 || (v->selection_exists && !(v->pbo.pbo > b->policy.gates.run_pbo &&
                                                 v->pbo.prob_loss > b->policy.gates.run_prob_loss));
    qlab_free(x);
    qlab_free(heads);
    qlab_free(all);
    qlab_free(cluster);
}

/* Net Sharpe of the sessions up to and after the as-of at which the definition first existed. */
static void forward_clock(const qlab_stage_b *b, size_t candidate, qlab_b_verdict *v)
{
    const qlab_f64v net = qlab_b_net(b, candidate);
    const int32_t *date = b->feed.session + b->book.delay;

    v->n_before = 0;
    while (v->n_before < net.n && date[v->n_before] <= v->forward_from)
        v->n_before++;
    v->n_after = net.n - v->n_before;
    v->sharpe_before = qlab_b_annual(qlab_b_sharpe(net.at, v->n_before));
    v->sharpe_after = qlab_b_annual(qlab_b_sharpe(net.at + v->n_before, v->n_after));
}

static qlab_code read_ledger(const qlab_stage_b *b, const qlab_chain_pin *pin, qlab_b_verdicts *v,
                             qlab_err *err)
{
    qlab_trials all = {0};
    qlab_code rc = qlab_trials_read(b->env, QLAB_TRIAL_STAGE_B, pin, &all, err);

    if (rc != QLAB_OK)
        return rc;
    v->pin = all.pin;
    qlab_dated *series = qlab_alloc(all.n + 1, sizeof *series);
    for (size_t i = 0; i < all.n; i++)
        series[i] = (qlab_dated){all.at[i].dates, all.at[i].values, all.at[i].n};
    qlab_trial_field_of(series, all.n, &v->field);
    qlab_free(series);
    for (size_t i = 0; rc == QLAB_OK && i < v->n; i++) {
        qlab_b_verdict *one = &v->at[i];
        const qlab_trial *t = qlab_trials_find(&all, one->trial);
        if (t == NULL) {
            rc = qlab_fail(err, QLAB_E_CORRUPT, "candidate '%s' was not in the trial ledger",
                           b->lib->candidates[i].id);
            break;
        }
        one->n_looks = t->n_looks;
        one->forward_from = t->forward_from;
        forward_clock(b, i, one);
    }
    qlab_trials_free(&all);
    return rc;
}

static void deflate(qlab_b_verdicts *v)
{
    for (size_t i = 0; i < v->n; i++) {
        qlab_b_verdict *one = &v->at[i];
        const qlab_sharpe s = qlab_b_clipped(&one->sharpe);
        one->dsr_2012 = qlab_psr(&s, v->field.benchmark, QLAB_PSR_2012);
        one->dsr_2025 = qlab_psr(&s, v->field.benchmark, QLAB_PSR_2025);
        one->dsr = qlab_psr_gate(&one->sharpe, v->field.benchmark);
    }
}

/* ---- gates ----------------------------------------------------------------------------------- */

static void judge(qlab_b_verdict *v, qlab_b_gate g, double value, double threshold)
{
    qlab_b_judged *j = &v->gates[g];
    const double by = RULES[g].at_least ? threshold - value : value - threshold;

    *j = (qlab_b_judged){value, threshold, by > 0.0 ? by : 0.0, QLAB_B_PASS, "OK"};
    if (isnan(value) || isnan(threshold)) {
        j->result = QLAB_B_FAIL;
        j->reason = "NO_VALUE";
        j->distance = NAN;
    } else if (by > 0.0) {
        j->result = QLAB_B_FAIL;
        j->reason = RULES[g].failed;
        j->distance = isfinite(by) ? by : NAN; /* no track record would be long enough */
    }
}

static void judge_path(qlab_b_verdict *v, qlab_b_gate g, double value, double threshold,
                       bool learned)
{
    judge(v, g, value, threshold);
    if (!learned)
        v->gates[g] = (qlab_b_judged){NAN, threshold, NAN, QLAB_B_NOT_APPLICABLE, "LEARNS_NOTHING"};
}

static void judge_candidate(const qlab_stage_b *b, size_t candidate, qlab_b_verdict *v)
{
    const qlab_stage_b_gates *g = &b->policy.gates;
    const qlab_outcome *o = &b->outcomes[candidate];
    const bool learned = b->lib->candidates[candidate].kind_id != QLAB_KIND_FIXED;
    const bool drawn_more = v->draws_negative > v->combinations_negative;

    judge(v, QLAB_B_GATE_PSR, v->psr, g->psr);
    judge(v, QLAB_B_GATE_DSR, v->dsr, g->dsr);
    judge(v, QLAB_B_GATE_SPA, v->spa.p, g->spa_p);
    judge(v, QLAB_B_GATE_MIN_TRL, v->min_trl, (double)v->n);
    judge(v, QLAB_B_GATE_SHARE_NEGATIVE,
          isnan(v->draws_negative) ? NAN
          : drawn_more             ? v->draws_negative
                                   : v->combinations_negative,
          g->share_negative);
    judge(v, QLAB_B_GATE_WORST, v->worst_combination, g->worst_sharpe_annual);
    judge_path(v, QLAB_B_GATE_PATH_SHARE_NEGATIVE, v->paths_negative, g->share_negative, learned);
    judge_path(v, QLAB_B_GATE_PATH_WORST, v->worst_path, g->worst_sharpe_annual, learned);
    judge(v, QLAB_B_GATE_DRAWDOWN, v->book.max_drawdown, g->max_drawdown);
    judge(v, QLAB_B_GATE_TURNOVER, v->book.turnover, g->turnover);
    judge(v, QLAB_B_GATE_CAPACITY, o->capacity.capital, g->capacity);
    for (int k = 0; k < QLAB_B_STRESS_COUNT; k++)
        judge(v, (qlab_b_gate)(QLAB_B_GATE_STRESS + k), v->stress[k], g->stress_sharpe);
    judge(v, QLAB_B_GATE_GONE, v->book.gone_share, g->presumed_gone);
    v->first_failed = QLAB_B_GATE_COUNT;
    v->n_failed = 0;
    for (int k = QLAB_B_GATE_COUNT; k-- > 0;)
        if (v->gates[k].result == QLAB_B_FAIL) {
            v->n_failed++;
            v->first_failed = (qlab_b_gate)k;
        }
    v->passed = v->n_failed == 0;
    v->near_pass = !v->passed && v->n_failed <= (size_t)b->policy.near_pass_gates;
}

static bool is_screened(const qlab_stage_b *b, const char *id)
{
    const json_t *survivors = json_object_get(b->screen, "survivors");

    for (size_t i = 0; i < json_array_size(survivors); i++) {
        const char *s = json_string_value(json_array_get(survivors, i));
        if (s != NULL && strcmp(s, id) == 0)
            return true;
    }
    return false;
}

/* ---- order ----------------------------------------------------------------------------------- */

typedef struct placed {
    const qlab_b_verdict *v;
    const char *id;
    uint32_t at;
} placed;

static int by_trial(const void *pa, const void *pb)
{
    const placed *a = pa, *b = pb;

    return memcmp(a->v->trial.at, b->v->trial.at, sizeof a->v->trial.at);
}

/* Survivors, then those that passed their gates, then by DSR, then id. */
static int by_rank(const void *pa, const void *pb)
{
    const placed *a = pa, *b = pb;
    const double x = a->v->dsr, y = b->v->dsr;

    if (a->v->survives != b->v->survives)
        return a->v->survives ? -1 : 1;
    if (a->v->passed != b->v->passed)
        return a->v->passed ? -1 : 1;
    if (isnan(x) != isnan(y))
        return isnan(x) ? 1 : -1;
    if (!isnan(x) && x != y)
        return x > y ? -1 : 1;
    return strcmp(a->id, b->id);
}

static uint32_t *order_by(const qlab_stage_b *b, const qlab_b_verdicts *v,
                          int (*cmp)(const void *, const void *))
{
    placed *list = qlab_alloc(v->n + 1, sizeof *list);
    uint32_t *order = qlab_alloc(v->n + 1, sizeof *order);

    for (size_t i = 0; i < v->n; i++)
        list[i] = (placed){&v->at[i], b->lib->candidates[i].id, (uint32_t)i};
    qsort(list, v->n, sizeof *list, cmp);
    for (size_t i = 0; i < v->n; i++)
        order[i] = list[i].at;
    qlab_free(list);
    return order;
}

/* ---- placebos -------------------------------------------------------------------------------- */

static double figure(const qlab_b_placebo *p, size_t i)
{
    return p->figure[i];
}

static const qlab_b_gate PLACEBO_GATES[] = {QLAB_B_GATE_PSR,
                                            QLAB_B_GATE_DSR,
                                            QLAB_B_GATE_MIN_TRL,
                                            QLAB_B_GATE_SHARE_NEGATIVE,
                                            QLAB_B_GATE_WORST,
                                            QLAB_B_GATE_DRAWDOWN,
                                            QLAB_B_GATE_TURNOVER,
                                            QLAB_B_GATE_STRESS + QLAB_B_STRESS_COSTS_2,
                                            QLAB_B_GATE_STRESS + QLAB_B_STRESS_COSTS_3,
                                            QLAB_B_GATE_STRESS + QLAB_B_STRESS_WORST_WINDOWS};
enum { N_PLACEBO_GATES = sizeof PLACEBO_GATES / sizeof PLACEBO_GATES[0] };

/* The gates of one placebo, as a candidate's. */
static void judge_placebo(const qlab_stage_b *b, const qlab_b_placebo *p, qlab_b_verdicts *v)
{
    const qlab_stage_b_gates *g = &b->policy.gates;
    const qlab_sharpe s = {figure(p, 0), figure(p, 1), figure(p, 2), figure(p, 3), figure(p, 4)};
    qlab_b_verdict one;
    bool all = true;

    judge(&one, QLAB_B_GATE_PSR, qlab_psr_gate(&s, 0.0), g->psr);
    judge(&one, QLAB_B_GATE_DSR, qlab_psr_gate(&s, v->field.benchmark), g->dsr);
    judge(&one, QLAB_B_GATE_MIN_TRL, figure(p, 5), figure(p, 1));
    judge(&one, QLAB_B_GATE_SHARE_NEGATIVE, figure(p, 6), g->share_negative);
    judge(&one, QLAB_B_GATE_WORST, figure(p, 7), g->worst_sharpe_annual);
    judge(&one, QLAB_B_GATE_DRAWDOWN, figure(p, 8), g->max_drawdown);
    judge(&one, QLAB_B_GATE_TURNOVER, figure(p, 9), g->turnover);
    judge(&one, QLAB_B_GATE_STRESS + QLAB_B_STRESS_COSTS_2, figure(p, 10), g->stress_sharpe);
    judge(&one, QLAB_B_GATE_STRESS + QLAB_B_STRESS_COSTS_3, figure(p, 11), g->stress_sharpe);
    judge(&one, QLAB_B_GATE_STRESS + QLAB_B_STRESS_WORST_WINDOWS, figure(p, 12), g->stress_sharpe);
    for (size_t k = 0; k < N_PLACEBO_GATES; k++) {
        const bool passed = one.gates[PLACEBO_GATES[k]].result == QLAB_B_PASS;
        v->placebos_passed[PLACEBO_GATES[k]] += passed;
        all &= passed;
    }
    v->placebos_passed_all += all;
}

/* A placebo without a Sharpe ratio is below everybody. */
static size_t placebos_at_least(const qlab_stage_b *b, double sr)
{
    size_t n = 0;

    for (size_t c = 0; c < b->lib->n; c++)
        for (size_t p = 0; p < b->outcomes[c].n_placebos; p++)
            n += figure(&b->outcomes[c].placebo[p], 0) >= sr;
    return n;
}

static void judge_placebos(const qlab_stage_b *b, qlab_b_verdicts *v)
{
    for (int g = 0; g < QLAB_B_GATE_COUNT; g++)
        v->placebos_passed[g] = SIZE_MAX;
    for (size_t k = 0; k < N_PLACEBO_GATES; k++)
        v->placebos_passed[PLACEBO_GATES[k]] = 0;
    for (size_t c = 0; c < b->lib->n; c++)
        for (size_t p = 0; p < b->outcomes[c].n_placebos; p++, v->n_placebos++)
            judge_placebo(b, &b->outcomes[c].placebo[p], v);
    for (size_t c = 0; v->n_placebos > 0 && c < b->lib->n; c++)
        v->at[c].placebo_rank = 1 + placebos_at_least(b, v->at[c].sharpe.sr);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void decide(const qlab_stage_b *b, qlab_b_verdicts *v)
{
    for (size_t i = 0; i < v->n; i++) {
        qlab_b_verdict *one = &v->at[i];
        judge_candidate(b, i, one);
        one->screened = is_screened(b, b->lib->candidates[i].id);
        one->survives = one->passed && one->screened && v->selection_passed;
        v->n_survivors += one->survives;
    }
    v->by_rank = order_by(b, v, by_rank);
    for (size_t i = 0; i < v->n; i++)
        v->at[v->by_rank[i]].rank = i + 1;
}

void qlab_b_verdicts_begin(const qlab_stage_b *b, qlab_b_verdicts *out)
{
    *out = (qlab_b_verdicts){.n = b->lib->n};
    out->at = qlab_alloc_zero(out->n + 1, sizeof *out->at);
    for (size_t i = 0; i < out->n; i++)
        out->at[i].trial = b->trial[i];
    out->by_trial = order_by(b, out, by_trial);
}

qlab_code qlab_b_verdicts_judge(const qlab_stage_b *b, const qlab_f64v *ic, qlab_b_verdicts *v,
                                qlab_err *err)
{
    figuring f = {b, ic, v};
    qlab_code rc;

    if ((rc = qlab_pool_run(b->env->pool, v->n, figures_unit, &f, err)) != QLAB_OK)
        return rc;
    deflate(v);
    if ((rc = test_spa(b, v, err)) != QLAB_OK)
        return rc;
    judge_selection(b, v);
    judge_placebos(b, v);
    decide(b, v);
    return QLAB_OK;
}

qlab_code qlab_b_verdicts_make(const qlab_stage_b *b, const qlab_chain_pin *pin,
                               qlab_b_verdicts *out, qlab_err *err)
{
    qlab_table table = QLAB_TABLE_INIT;
    qlab_f64v *ic = qlab_alloc(b->lib->n + 1, sizeof *ic);
    qlab_code rc;

    qlab_b_verdicts_begin(b, out);
    if ((rc = read_ic(b, &table, err)) != QLAB_OK ||
        (rc = read_ledger(b, pin, out, err)) != QLAB_OK)
        goto done;
    for (size_t i = 0; i < out->n; i++)
        ic[i] = ic_of(&table, b->lib->candidates[i].id);
    rc = qlab_b_verdicts_judge(b, ic, out, err);
done:
    qlab_table_free(&table);
    qlab_free(ic);
    return rc;
}

void qlab_b_verdicts_free(qlab_b_verdicts *v)
{
    qlab_trial_field_free(&v->field);
    qlab_free(v->at);
    qlab_free(v->by_trial);
    qlab_free(v->by_rank);
    *v = (qlab_b_verdicts){0};
}
