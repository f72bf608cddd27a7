#include "stage_a/verdict.h"

#include "base/alloc.h"
#include "num/math.h"
#include "num/rank.h"
#include "stat/fdr.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct gate_rule {
    const char *name, *failed;
    bool at_least;
} RULES[QLAB_GATE_COUNT] = {
    [QLAB_GATE_MEAN_IC] = {"mean_ic", "MEAN_IC_LOW", true},
    [QLAB_GATE_WORST_FOLD_IC] = {"worst_fold_ic", "WORST_FOLD_IC_LOW", true},
    [QLAB_GATE_HAR_T] = {"har_t", "HAR_T_LOW", true},
    [QLAB_GATE_BH_Q] = {"bh_q", "FDR_NOT_PASSED", false},
    [QLAB_GATE_SHARE_FOLDS_POSITIVE] = {"share_folds_positive", "FOLDS_POSITIVE_LOW", true},
    [QLAB_GATE_TURNOVER] = {"turnover", "TURNOVER_HIGH", false},
    [QLAB_GATE_COVERAGE] = {"coverage", "COVERAGE_LOW", true},
    [QLAB_GATE_PRESUMED_GONE] = {"presumed_gone", "PRESUMED_GONE_HIGH", false},
};

const char *qlab_gate_name(qlab_gate_id g)
{
    return RULES[g].name;
}

/* ---- metrics --------------------------------------------------------------------------------- */

typedef struct mean {
    double sum;
    size_t n;
} mean;

static void add(mean *m, double v)
{
    if (!isnan(v)) {
        m->sum += v;
        m->n++;
    }
}

static double value_of(mean m)
{
    return m.n > 0 ? m.sum / (double)m.n : NAN;
}

static double monotonicity(const double *decile)
{
    double number[QLAB_SCREEN_DECILES];
    void *scratch = qlab_alloc(qlab_rank_scratch_bytes(QLAB_SCREEN_DECILES), 1);

    for (size_t d = 0; d < QLAB_SCREEN_DECILES; d++)
        number[d] = (double)(d + 1);
    const qlab_spearman r = qlab_rank_spearman(number, decile, QLAB_SCREEN_DECILES, scratch);
    qlab_free(scratch);
    return r.n_common == QLAB_SCREEN_DECILES ? r.rho : NAN;
}

/* At least the overlap of the labels; the rule of thumb 4 (T/100)^(2/9) where that is longer. */
static size_t newey_west_lag(size_t n, size_t overlap)
{
    const size_t thumb = n == 0 ? 0 : (size_t)(4.0 * qlab_num_pow((double)n / 100.0, 2.0 / 9.0));

    return thumb > overlap ? thumb : overlap;
}

static void average_sessions(const qlab_measure *m, size_t n, size_t own, qlab_metrics *out)
{
    mean decile[QLAB_SCREEN_DECILES] = {{0.0, 0}}, ic[QLAB_SCREEN_HORIZONS] = {{0.0, 0}};
    mean spread = {0.0, 0}, turnover = {0.0, 0}, autocorrelation = {0.0, 0}, coverage = {0.0, 0};

    for (size_t i = 0; i < n; i++) {
        for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++)
            add(&ic[h], m[i].ic[h]);
        for (size_t d = 0; d < QLAB_SCREEN_DECILES; d++)
            add(&decile[d], m[i].decile[d]);
        add(&spread, m[i].spread);
        add(&turnover, m[i].turnover);
        add(&autocorrelation, m[i].autocorrelation);
        if (m[i].n_universe > 0)
            add(&coverage, (double)m[i].n_pairs[own] / (double)m[i].n_universe);
        out->n_pairs += m[i].n_pairs[own];
        out->n_gone += m[i].n_gone;
    }
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++)
        out->mean_ic[h] = value_of(ic[h]);
    for (size_t d = 0; d < QLAB_SCREEN_DECILES; d++)
        out->decile[d] = value_of(decile[d]);
    out->spread = value_of(spread);
    out->turnover = value_of(turnover);
    out->autocorrelation = value_of(autocorrelation);
    out->coverage = value_of(coverage);
    out->presumed_gone = out->n_pairs > 0 ? (double)out->n_gone / (double)out->n_pairs : NAN;
}

qlab_metrics qlab_metrics_of(const qlab_measure *m, size_t n, uint32_t horizon, uint32_t every)
{
    const size_t own = qlab_screen_horizon_index(horizon);
    const size_t steps = (horizon + every - 1) / every;
    double *series = qlab_alloc(n + 1, sizeof *series);
    qlab_metrics out;

    memset(&out, 0, sizeof out);
    out.n_sessions = n;
    for (size_t i = 0; i < n; i++)
        series[i] = m[i].ic[own];
    const qlab_f64v ic = {series, n};
    out.ic = qlab_ic_summarize(ic);
    out.har = qlab_har_mean(ic, steps);
    out.nw = qlab_newey_west_mean(ic, newey_west_lag(out.ic.n, steps - 1));
    qlab_free(series);
    average_sessions(m, n, own, &out);
    out.monotonicity = monotonicity(out.decile);
    return out;
}

/* ---- gates ----------------------------------------------------------------------------------- */

static qlab_gate judge(const struct gate_rule *rule, double value, double threshold)
{
    qlab_gate g = {value, threshold, NAN, false, "NO_VALUE"};

    if (isnan(value))
        return g;
    g.passed = rule->at_least ? value >= threshold : value <= threshold;
    g.distance = g.passed ? 0.0 : rule->at_least ? threshold - value : value - threshold;
    g.reason = g.passed ? "OK" : rule->failed;
    return g;
}

static void judge_all(const qlab_stage_a_policy *policy, qlab_verdict *v)
{
    const qlab_stage_a_gates *t = &policy->gates;
    const double values[QLAB_GATE_COUNT] = {
        v->all.ic.mean,          v->worst_fold_ic, v->all.har.t,    v->bh_p,
        v->share_folds_positive, v->all.turnover,  v->all.coverage, v->all.presumed_gone};
    const double thresholds[QLAB_GATE_COUNT] = {t->mean_ic,  t->worst_fold_ic,        t->har_t,
                                                t->bh_q,     t->share_folds_positive, t->turnover,
                                                t->coverage, t->presumed_gone};

    v->first_failed = QLAB_GATE_COUNT;
    for (int g = 0; g < QLAB_GATE_COUNT; g++) {
        v->gates[g] = judge(&RULES[g], values[g], thresholds[g]);
        if (!v->gates[g].passed && v->n_failed++ == 0)
            v->first_failed = (qlab_gate_id)g;
    }
    v->passed = v->n_failed == 0;
    v->near_pass = !v->passed && v->n_failed <= (size_t)policy->near_pass_gates;
}

static void measure_folds(const qlab_fold_plan *folds, const qlab_measure *m, uint32_t horizon,
                          uint32_t every, qlab_verdict *v)
{
    const size_t base = folds->folds[0].test_first;
    size_t n_positive = 0;
    bool all_known = true;

    v->folds = qlab_alloc(folds->n_folds, sizeof *v->folds);
    v->worst_fold_ic = INFINITY;
    for (size_t k = 0; k < folds->n_folds; k++) {
        const qlab_fold *f = &folds->folds[k];
        v->folds[k] = qlab_metrics_of(m + (f->test_first - base), f->test_end - f->test_first,
                                      horizon, every);
        const double ic = v->folds[k].ic.mean;
        all_known = all_known && !isnan(ic);
        if (ic < v->worst_fold_ic)
            v->worst_fold_ic = ic;
        n_positive += ic > 0.0;
    }
    if (!all_known)
        v->worst_fold_ic = NAN; /* a fold without an IC is no evidence of a good one */
    v->share_folds_positive = (double)n_positive / (double)folds->n_folds;
}

/* ---- order ----------------------------------------------------------------------------------- */

typedef struct placed {
    const qlab_verdict *v;
    const char *id;
    uint32_t candidate;
} placed;

static int better(const void *pa, const void *pb)
{
    const placed *a = pa, *b = pb;
    const double ta = isnan(a->v->all.har.t) ? -INFINITY : a->v->all.har.t;
    const double tb = isnan(b->v->all.har.t) ? -INFINITY : b->v->all.har.t;

    if (a->v->passed != b->v->passed)
        return a->v->passed ? -1 : 1;
    if (ta > tb || ta < tb)
        return ta > tb ? -1 : 1;
    return strcmp(a->id, b->id);
}

static void rank_all(const qlab_library *lib, qlab_verdicts *v)
{
    placed *p = qlab_alloc(v->n + 1, sizeof *p);

    for (size_t c = 0; c < v->n; c++)
        p[c] = (placed){&v->at[c], lib->candidates[c].id, (uint32_t)c};
    qsort(p, v->n, sizeof *p, better);
    v->by_rank = qlab_alloc(v->n + 1, sizeof *v->by_rank);
    for (size_t i = 0; i < v->n; i++) {
        v->by_rank[i] = p[i].candidate;
        v->at[p[i].candidate].rank = i + 1;
    }
    qlab_free(p);
}

/* A candidate without a value was tried all the same: it counts. */
static double counted_p(const qlab_verdict *v)
{
    return isnan(v->all.har.p) ? 1.0 : v->all.har.p;
}

void qlab_verdicts_make(const qlab_library *lib, const qlab_stage_a_policy *policy,
                        const qlab_fold_plan *folds, uint32_t every, const qlab_measure *m,
                        size_t n_sessions, qlab_verdicts *out)
{
    double *p = qlab_alloc(lib->n + 1, sizeof *p);

    *out = (qlab_verdicts){.n = lib->n, .n_folds = folds->n_folds};
    out->at = qlab_alloc_zero(lib->n, sizeof *out->at);
    for (size_t c = 0; c < lib->n; c++) {
        qlab_verdict *v = &out->at[c];
        const qlab_measure *own = m + c * n_sessions;
        v->all = qlab_metrics_of(own, n_sessions, lib->candidates[c].horizon, every);
        measure_folds(folds, own, lib->candidates[c].horizon, every, v);
        p[c] = counted_p(v);
    }
    (void)qlab_adjust_p((qlab_f64v){p, lib->n}, QLAB_ADJUST_BH, (qlab_f64w){p, lib->n});
    for (size_t c = 0; c < lib->n; c++) {
        out->at[c].bh_p = isnan(out->at[c].all.har.p) ? NAN : p[c];
        judge_all(policy, &out->at[c]);
    }
    qlab_free(p);
    rank_all(lib, out);
}

void qlab_verdict_beside(const qlab_verdicts *run, const qlab_stage_a_policy *policy,
                         const qlab_fold_plan *folds, uint32_t horizon, uint32_t every,
                         const qlab_measure *m, size_t n_sessions, qlab_verdict *out)
{
    double *p = qlab_alloc(run->n + 1, sizeof *p);

    *out = (qlab_verdict){.all = qlab_metrics_of(m, n_sessions, horizon, every)};
    measure_folds(folds, m, horizon, every, out);
    for (size_t c = 0; c < run->n; c++)
        p[c] = counted_p(&run->at[c]);
    p[run->n] = counted_p(out);
    (void)qlab_adjust_p((qlab_f64v){p, run->n + 1}, QLAB_ADJUST_BH, (qlab_f64w){p, run->n + 1});
    out->bh_p = isnan(out->all.har.p) ? NAN : p[run->n];
    judge_all(policy, out);
    qlab_free(p);
}

void qlab_verdicts_free(qlab_verdicts *v)
{
    for (size_t c = 0; c < v->n; c++)
        qlab_free(v->at[c].folds);
    qlab_free(v->at);
    qlab_free(v->by_rank);
    *v = (qlab_verdicts){0};
}
