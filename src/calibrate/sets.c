/* One market through both stages, and many of them on the pool. */
#include "calibrate/calibrate.h"

#include "base/alloc.h"
#include "base/cancel.h"
#include "stage_b/rehearse.h"
#include "stat/moments.h"

#include <math.h>
#include <string.h>

typedef struct policies {
    qlab_stage_a_policy a;
    qlab_stage_b_policy b;
} policies;

typedef struct work {
    const qlab_env *env;
    const qlab_calibrate_options *o;
    const policies *policy;
    qlab_pool **own; /* by worker: a pool of one, for what runs inside a set */
    qlab_calibrated_set *out;
} work;

/* ---- one set --------------------------------------------------------------------------------- */

typedef struct set {
    const work *k;
    qlab_sim sim;
    qlab_measure *m; /* [candidate * n_sessions + session] */
    qlab_fold_plan folds;
    double *ic; /* [(horizon * n_candidates + candidate) * n_open + session] */
    size_t n_open;
    qlab_calibrated_set *out;
} set;

static qlab_f64v ic_of(const set *s, size_t h, size_t c)
{
    return (qlab_f64v){s->ic + (h * s->sim.n_candidates + c) * s->n_open, s->n_open};
}

static void measure(set *s)
{
    const size_t n = s->sim.n_candidates;

    s->m = qlab_alloc(n * s->sim.n_sessions, sizeof *s->m);
    qlab_screen_span(&s->sim.screen, &s->sim.x, 0, qlab_env_unit_bytes(s->k->env), s->m, NULL);
    s->ic = qlab_alloc(QLAB_SCREEN_HORIZONS * n * s->n_open, sizeof *s->ic);
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++)
        for (size_t c = 0; c < n; c++)
            for (size_t t = 0; t < s->n_open; t++)
                s->ic[(h * n + c) * s->n_open + t] = s->m[c * s->sim.n_sessions + t].ic[h];
}

static double autocorrelation(const set *s, size_t c)
{
    double *x = qlab_alloc(s->n_open, sizeof *x);

    for (size_t t = 0; t < s->n_open; t++)
        x[t] = s->m[c * s->sim.n_sessions + t].autocorrelation;
    const double mean = qlab_moments_of((qlab_f64v){x, s->n_open}).mean;
    qlab_free(x);
    return mean;
}

static void judge_a(set *s)
{
    const size_t n = s->sim.n_candidates, first = s->folds.folds[0].test_first;
    const size_t end = s->folds.folds[s->folds.n_folds - 1].test_end, n_test = end - first;
    qlab_measure *tested = qlab_alloc(n * n_test, sizeof *tested);
    qlab_verdicts v;

    for (size_t c = 0; c < n; c++)
        memcpy(tested + c * n_test, s->m + c * s->sim.n_sessions + first, n_test * sizeof *tested);
    qlab_verdicts_make(s->sim.lib, &s->k->policy->a, &s->folds, 1, tested, n_test, &v);
    for (size_t c = 0; c < n; c++) {
        qlab_calibrated *one = &s->out->at[c];
        for (int g = 0; g < QLAB_GATE_COUNT; g++)
            one->a_gate[g] = v.at[c].gates[g].passed;
        one->a = v.at[c].passed;
        one->autocorrelation = autocorrelation(s, c);
        for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++)
            one->har_p[h] = qlab_har_mean(ic_of(s, h, c), qlab_screen_horizon[h]).p;
    }
    qlab_verdicts_free(&v);
    qlab_free(tested);
}

static void take_b(set *s, const qlab_b_verdicts *v)
{
    for (size_t c = 0; c < v->n; c++) {
        const qlab_b_verdict *from = &v->at[c];
        qlab_calibrated *one = &s->out->at[c];
        for (int g = 0; g < QLAB_B_GATE_COUNT; g++) {
            one->applies[g] = from->gates[g].result != QLAB_B_NOT_APPLICABLE;
            one->b_gate[g] = from->gates[g].result == QLAB_B_PASS;
        }
        one->b = from->passed;
        one->survives = from->survives;
        one->sharpe = from->sharpe.sr * sqrt(252.0);
        one->psr = from->psr;
        one->dsr = from->dsr;
        one->spa_p = from->spa.p;
    }
    s->out->pbo = v->pbo.pbo;
    s->out->prob_loss = v->pbo.prob_loss;
    s->out->n_clusters = v->field.n_clusters;
    s->out->selection_passed = v->selection_passed;
}

static qlab_code judge_b(set *s, const qlab_env *env, qlab_err *err)
{
    const size_t n = s->sim.n_candidates, h = qlab_screen_horizon_index(s->k->o->sim.horizon);
    qlab_arena arena = QLAB_ARENA_INIT;
    qlab_targets *targets = qlab_alloc(n, sizeof *targets);
    qlab_f64v *ic = qlab_alloc(n, sizeof *ic);
    bool *screened = qlab_alloc(n, sizeof *screened);
    qlab_market market = s->sim.market;
    const qlab_cpcv_axis axis = {s->sim.dates, s->sim.label_end, s->n_open,
                                 s->sim.axis.longest_horizon};
    qlab_b_verdicts v;

    market.n_sessions = s->n_open; /* what is sealed is not there */
    for (size_t c = 0; c < n; c++) {
        targets[c] = qlab_sim_targets(&s->sim, c, s->n_open, &arena);
        ic[c] = ic_of(s, h, c);
        screened[c] = s->out->at[c].a;
    }
    if (s->k->o->keep_net) {
        s->out->n_net = s->n_open - 1;
        s->out->net = qlab_alloc(n * s->out->n_net, sizeof *s->out->net);
    }
    const qlab_rehearsal r = {
        s->sim.lib, &market, &axis, targets, ic, screened, &s->k->policy->b, s->k->o->cost_scale};
    const qlab_code rc = qlab_stage_b_rehearse(env, &r, s->out->net, &v, err);
    if (rc == QLAB_OK) {
        take_b(s, &v);
        qlab_b_verdicts_free(&v);
    }
    qlab_arena_free(&arena);
    qlab_free(targets);
    qlab_free(ic);
    qlab_free(screened);
    return rc;
}

static qlab_code run_set(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    const work *k = ctx;
    set s = {.k = k, .out = &k->out[unit]};
    qlab_env env = *k->env;
    qlab_code rc = qlab_cancel_check(err);

    if (rc != QLAB_OK)
        return rc;
    env.pool = k->own[worker];
    env.seed = k->o->sim.seed + unit; /* another bootstrap for each set */
    qlab_sim_make(&k->o->sim, unit, &s.sim);
    *s.out = (qlab_calibrated_set){.n = s.sim.n_candidates};
    s.out->at = qlab_alloc_zero(s.out->n, sizeof *s.out->at);
    rc = qlab_folds_plan(&k->policy->a, &s.sim.axis, &s.folds, err);
    if (rc == QLAB_OK) {
        s.out->n_sessions = s.n_open = s.folds.n_usable;
        measure(&s);
        judge_a(&s);
        rc = judge_b(&s, &env, err);
    }
    qlab_fold_plan_free(&s.folds);
    qlab_free(s.m);
    qlab_free(s.ic);
    qlab_sim_free(&s.sim);
    return rc;
}

/* ---- many ------------------------------------------------------------------------------------ */

qlab_code qlab_calibrate_sets(const qlab_env *env, const qlab_calibrate_options *o,
                              qlab_calibrated_set *out, qlab_err *err)
{
    const char *name = o->policy != NULL ? o->policy : "strict";
    const size_t n_workers = qlab_pool_threads(env->pool);
    policies policy = {0};
    work k = {env, o, &policy, qlab_alloc(n_workers, sizeof(qlab_pool *)), out};
    qlab_code rc;

    memset(out, 0, o->n_sets * sizeof *out);
    for (size_t w = 0; w < n_workers; w++)
        k.own[w] = qlab_pool_new(1);
    if ((rc = qlab_stage_a_policy_load(name, &policy.a, err)) == QLAB_OK &&
        (rc = qlab_stage_b_policy_load(name, &policy.b, err)) == QLAB_OK)
        rc = qlab_pool_run(env->pool, o->n_sets, run_set, &k, err);
    for (size_t w = 0; w < n_workers; w++)
        qlab_pool_free(k.own[w]);
    qlab_free(k.own);
    qlab_stage_a_policy_free(&policy.a);
    qlab_stage_b_policy_free(&policy.b);
    if (rc != QLAB_OK)
        qlab_calibrated_sets_free(out, o->n_sets);
    return rc;
}

void qlab_calibrated_sets_free(qlab_calibrated_set *sets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        qlab_free(sets[i].at);
        qlab_free(sets[i].net);
        sets[i] = (qlab_calibrated_set){0};
    }
}
