/* The report of a run as JSON.  Schema: docs/formats/schemas/stage_b_report.schema.json. */
#include "base/alloc.h"
#include "base/date.h"
#include "ops/run.h"
#include "stage_b/artifact.h"
#include "stage_b/figures.h"

#include <math.h>
#include <string.h>

enum { SESSIONS_A_YEAR = 252 };

const char *qlab_b_result_name(qlab_b_result r)
{
    return r == QLAB_B_PASS ? "PASS" : r == QLAB_B_FAIL ? "FAIL" : "NOT_APPLICABLE";
}

static void set(json_t *o, const char *key, json_t *v)
{
    (void)json_object_set_new(o, key, v);
}

/* Infinity (a track record that no length would do) is null too: its gate says why. */
static void set_f64(json_t *o, const char *key, double v)
{
    set(o, key, isfinite(v) ? qlab_json_f64(v) : json_null());
}

static void set_n(json_t *o, const char *key, size_t n)
{
    set(o, key, json_integer((json_int_t)n));
}

static json_t *day_json(int32_t date)
{
    char text[QLAB_DATE_BYTES];

    return date == QLAB_DATE_NONE ? json_null() : json_string(qlab_date_format(date, text));
}

/* ---- one candidate --------------------------------------------------------------------------- */

static json_t *gate_json(const qlab_b_judged *j, qlab_b_gate g)
{
    json_t *o = json_object();

    set(o, "name", json_string(qlab_b_gate_name(g)));
    set_f64(o, "value", j->value);
    set_f64(o, "threshold", j->threshold);
    set(o, "verdict", json_string(qlab_b_result_name(j->result)));
    set(o, "reason", json_string(j->reason));
    set_f64(o, "distance", j->distance);
    return o;
}

static json_t *book_json(const qlab_b_verdict *v)
{
    const qlab_book_summary *s = &v->book;
    json_t *o = json_object(), *costs = json_object();

    set_f64(o, "sharpe_gross_annual", qlab_b_annual(s->sharpe_gross));
    set_f64(o, "sharpe_net_annual", qlab_b_annual(s->sharpe_net));
    set_f64(o, "gross_annual", s->mean_gross * SESSIONS_A_YEAR);
    set_f64(o, "net_annual", s->mean_net * SESSIONS_A_YEAR);
    set_f64(o, "vol_annual", qlab_b_annual(s->std_net));
    set_f64(costs, "spread", s->spread * SESSIONS_A_YEAR);
    set_f64(costs, "fee", s->fee * SESSIONS_A_YEAR);
    set_f64(costs, "impact", s->impact * SESSIONS_A_YEAR);
    set_f64(costs, "borrow", s->borrow * SESSIONS_A_YEAR);
    set(o, "costs_annual", costs);
    set_f64(o, "turnover", s->turnover);
    set_f64(o, "longs", s->longs);
    set_f64(o, "shorts", s->shorts);
    set_f64(o, "dropped", s->dropped);
    set_f64(o, "max_drawdown", s->max_drawdown);
    set_f64(o, "presumed_gone_share", s->gone_share);
    set_f64(o, "coverage", v->coverage);
    return o;
}

/* Every statistic with its form, ddof, T, N and rho. */
static json_t *statistics_json(const qlab_b_verdict *v, const qlab_b_verdicts *all)
{
    json_t *o = json_object(), *psr = json_object(), *dsr = json_object(), *spa = json_object();
    const double rho = qlab_b_clipped(&v->sharpe).rho;

    set_n(o, "n_observations", v->n);
    set_f64(o, "sharpe_per_session", v->sharpe.sr);
    set_n(o, "ddof", 1);
    set_f64(o, "skew", v->sharpe.skew);
    set_f64(o, "kurtosis", v->sharpe.kurt);
    set_f64(o, "acf1", v->sharpe.rho);
    set_f64(psr, "value", v->psr);
    set(psr, "form", json_string("min(2012, 2025)"));
    set_f64(psr, "benchmark", 0.0);
    set_f64(psr, "form_2012", v->psr_2012);
    set_f64(psr, "form_2025", v->psr_2025);
    set_f64(psr, "rho", rho);
    set(o, "psr", psr);
    set_f64(dsr, "value", v->dsr);
    set(dsr, "form", json_string("min(2012, 2025)"));
    set_f64(dsr, "benchmark", all->field.benchmark);
    set_n(dsr, "n", all->field.n_clusters);
    set_f64(dsr, "variance", all->field.variance);
    set_f64(dsr, "form_2012", v->dsr_2012);
    set_f64(dsr, "form_2025", v->dsr_2025);
    set_f64(dsr, "rho", rho);
    set(o, "dsr", dsr);
    set_f64(o, "min_trl", v->min_trl);
    set_f64(spa, "mean", v->spa.mean);
    set_f64(spa, "se", v->spa.se);
    set_f64(spa, "t", v->spa.t);
    set_f64(spa, "p_adjusted", v->spa.p);
    set_f64(spa, "p_alone", v->spa.p_alone);
    set(o, "spa", spa);
    return o;
}

static json_t *interval_json(const qlab_b_interval *i)
{
    json_t *o = json_object();

    set_f64(o, "p05", i->low);
    set_f64(o, "p50", i->middle);
    set_f64(o, "p95", i->high);
    return o;
}

static json_t *distribution_json(const qlab_b_verdict *v, const qlab_outcome *out)
{
    json_t *o = json_object();

    set_f64(o, "combinations_negative", v->combinations_negative);
    set_f64(o, "worst_combination_annual", v->worst_combination);
    set_n(o, "worst_split", v->worst_split);
    set_n(o, "paths", out->n_paths);
    set_n(o, "representative_path", out->representative);
    set_f64(o, "paths_negative", v->paths_negative);
    set_f64(o, "worst_path_annual", v->worst_path);
    set_f64(o, "median_path_annual", v->median_path);
    set_f64(o, "draws_negative", v->draws_negative);
    set_f64(o, "block_sessions", v->block);
    set(o, "bootstrap_sharpe_annual", interval_json(&v->bootstrap_sharpe));
    set(o, "bootstrap_drawdown", interval_json(&v->bootstrap_drawdown));
    set(o, "bootstrap_ic", interval_json(&v->bootstrap_ic));
    set_f64(o, "mean_ic", v->mean_ic);
    set_n(o, "n_ic", v->n_ic);
    return o;
}

static json_t *stress_json(const qlab_stage_b *b, const qlab_b_verdict *v, const qlab_outcome *out)
{
    json_t *o = json_object(), *windows = json_array(), *shock = json_object();
    json_t *by_name = json_object();
    const qlab_correlation_shock *c = &out->correlation;

    for (int k = 0; k < QLAB_B_STRESS_COUNT; k++)
        set_f64(by_name, qlab_b_stress_name[k], v->stress[k]);
    set(o, "sharpe_net_annual", by_name);
    for (size_t k = 0; k < v->n_windows; k++) {
        const size_t first = b->book.delay + v->window[k].first;
        json_t *w = json_object();
        set(w, "first", day_json(b->feed.session[first]));
        set(w, "last", day_json(b->feed.session[first + QLAB_STRESS_WINDOW_SESSIONS - 1]));
        set_f64(w, "net", v->window[k].net);
        (void)json_array_append_new(windows, w);
    }
    set(o, "worst_windows", windows);
    set_n(shock, "positions", c->n_positions);
    set_n(shock, "returns", c->n_returns);
    set_f64(shock, "intensity", c->intensity);
    set_f64(shock, "mean_correlation", c->mean_correlation);
    set_f64(shock, "vol_annual", c->vol_annual);
    set_f64(shock, "vol_ratio_together", c->together);
    set_f64(shock, "vol_ratio_hedge", c->hedge);
    set(o, "correlation", shock);
    return o;
}

static json_t *capacity_json(const qlab_capacity *c)
{
    json_t *o = json_object();

    set_f64(o, "capital", c->capital);
    set_f64(o, "sharpe_at_policy_capital", c->sharpe);
    set(o, "unbounded", json_boolean(c->unbounded));
    return o;
}

static json_t *buckets_json(const qlab_b_verdict *v)
{
    json_t *a = json_array();

    for (size_t k = 0; k < v->n_buckets; k++) {
        json_t *o = json_object();
        set(o, "bucket", json_string(v->bucket[k].name));
        set_n(o, "sessions", v->bucket[k].n);
        set_f64(o, "net_annual", v->bucket[k].mean_net_annual);
        set_f64(o, "sharpe_net_annual", v->bucket[k].sharpe_annual);
        (void)json_array_append_new(a, o);
    }
    return a;
}

static json_t *forward_json(const qlab_b_verdict *v)
{
    json_t *o = json_object();

    set(o, "from", day_json(v->forward_from));
    set_n(o, "sessions_before", v->n_before);
    set_f64(o, "sharpe_before_annual", v->sharpe_before);
    set_n(o, "sessions_after", v->n_after);
    set_f64(o, "sharpe_after_annual", v->sharpe_after);
    return o;
}

static json_t *candidate_json(const qlab_stage_b *b, const qlab_b_verdicts *all, uint32_t c)
{
    const qlab_b_verdict *v = &all->at[c];
    json_t *o = qlab_candidate_json(&b->lib->candidates[c]), *gates = json_array();
    char hex[QLAB_HEX_BYTES];

    set(o, "trial_id", json_string(qlab_hex(v->trial, hex)));
    set_n(o, "rank", v->rank);
    set(o, "verdict", json_string(v->survives ? "SURVIVES" : "FAILS"));
    set(o, "gates_passed", json_boolean(v->passed));
    set(o, "stage_a_survivor", json_boolean(v->screened));
    set(o, "near_pass", json_boolean(v->near_pass));
    set_n(o, "n_failed", v->n_failed);
    set(o, "first_failed",
        v->passed ? json_null() : json_string(qlab_b_gate_name(v->first_failed)));
    set_n(o, "cluster", v->cluster);
    set_n(o, "looks", v->n_looks);
    set(o, "placebo_rank",
        v->placebo_rank > 0 ? json_integer((json_int_t)v->placebo_rank) : json_null());
    set_f64(o, "placebo_p",
            v->placebo_rank > 0 ? (double)v->placebo_rank / (double)(all->n_placebos + 1) : NAN);
    set(o, "book", book_json(v));
    set(o, "statistics", statistics_json(v, all));
    set(o, "distribution", distribution_json(v, &b->outcomes[c]));
    set(o, "stress", stress_json(b, v, &b->outcomes[c]));
    set(o, "capacity", capacity_json(&b->outcomes[c].capacity));
    set(o, "attribution", buckets_json(v));
    set(o, "forward_clock", forward_json(v));
    for (int g = 0; g < QLAB_B_GATE_COUNT; g++)
        (void)json_array_append_new(gates, gate_json(&v->gates[g], (qlab_b_gate)g));
    set(o, "gates", gates);
    return o;
}

/* ---- what the whole run says ----------------------------------------------------------------- */

static json_t *counts_json(const qlab_stage_b *b, const qlab_b_verdicts *v)
{
    size_t n_passed = 0, n_near = 0, n_screened = 0;
    json_t *o = json_object();

    for (size_t i = 0; i < v->n; i++) {
        n_passed += v->at[i].passed;
        n_near += v->at[i].near_pass;
        n_screened += v->at[i].screened;
    }
    set_n(o, "candidates_total", v->n);
    set_n(o, "survivors_A_total", n_screened);
    set_n(o, "gates_passed_total", n_passed);
    set_n(o, "survivors_B_total", v->n_survivors);
    set_n(o, "near_pass_total", n_near);
    set_n(o, "clusters_total", v->n_clusters);
    set_n(o, "splits_total", b->plan.n_splits);
    set_n(o, "sessions_total", b->feed.n_sessions);
    set_n(o, "names_total", b->feed.n_names);
    set_n(o, "names_delisted", b->feed.n_delisted);
    set_n(o, "names_presumed_gone", b->feed.n_presumed_gone);
    return o;
}

static json_t *gate_summary_json(const qlab_b_verdicts *v)
{
    json_t *a = json_array();

    for (int g = 0; g < QLAB_B_GATE_COUNT; g++) {
        size_t n[3] = {0};
        json_t *o = json_object();
        for (size_t i = 0; i < v->n; i++)
            n[v->at[i].gates[g].result]++;
        set(o, "name", json_string(qlab_b_gate_name((qlab_b_gate)g)));
        set_n(o, "passed", n[QLAB_B_PASS]);
        set_n(o, "failed", n[QLAB_B_FAIL]);
        set_n(o, "not_applicable", n[QLAB_B_NOT_APPLICABLE]);
        (void)json_array_append_new(a, o);
    }
    return a;
}

static json_t *fail_counts_json(const qlab_b_verdicts *v)
{
    json_t *o = json_object();

    for (int g = 0; g < QLAB_B_GATE_COUNT; g++)
        for (size_t i = 0; i < v->n; i++) {
            const qlab_b_judged *j = &v->at[i].gates[g];
            if (j->result == QLAB_B_FAIL)
                set(o, j->reason,
                    json_integer(json_integer_value(json_object_get(o, j->reason)) + 1));
        }
    return o;
}

static json_t *near_json(const qlab_stage_b *b, const qlab_b_verdicts *v)
{
    json_t *a = json_array();

    for (size_t r = 0; r < v->n; r++) {
        const qlab_b_verdict *one = &v->at[v->by_rank[r]];
        json_t *o, *failed;
        if (!one->near_pass)
            continue;
        o = json_object();
        failed = json_array();
        for (int g = 0; g < QLAB_B_GATE_COUNT; g++)
            if (one->gates[g].result == QLAB_B_FAIL)
                (void)json_array_append_new(failed, gate_json(&one->gates[g], (qlab_b_gate)g));
        set(o, "id", json_string(b->lib->candidates[v->by_rank[r]].id));
        set(o, "failed", failed);
        (void)json_array_append_new(a, o);
    }
    return a;
}

static json_t *selection_json(const qlab_stage_b *b, const qlab_b_verdicts *v)
{
    json_t *o = json_object();

    set(o, "verdict",
        json_string(!v->selection_passed  ? "FAIL"
                    : v->selection_exists ? "PASS"
                                          : "NOT_APPLICABLE"));
    set(o, "reason",
        json_string(!v->selection_passed  ? "SELECTION_OVERFITS"
                    : v->selection_exists ? "OK"
                                          : "ONE_CLUSTER"));
    set_f64(o, "pbo", v->pbo.pbo);
    set_f64(o, "prob_loss", v->pbo.prob_loss);
    set_f64(o, "pbo_threshold", b->policy.gates.run_pbo);
    set_f64(o, "prob_loss_threshold", b->policy.gates.run_prob_loss);
    set_f64(o, "slope", v->pbo.slope);
    set_f64(o, "mean_in_sample_annual", qlab_b_annual(v->pbo.mean_is));
    set_f64(o, "mean_out_of_sample_annual", qlab_b_annual(v->pbo.mean_oos));
    set_n(o, "models", v->pbo.n_models);
    set_n(o, "blocks", v->pbo.n_blocks);
    set_n(o, "halves", (size_t)v->pbo.n_halves);
    return o;
}

static json_t *placebos_json(const qlab_b_verdicts *v)
{
    json_t *o = json_object(), *gates = json_array();

    set_n(o, "n", v->n_placebos);
    for (int g = 0; v->n_placebos > 0 && g < QLAB_B_GATE_COUNT; g++) {
        json_t *one;
        if (v->placebos_passed[g] == SIZE_MAX)
            continue;
        one = json_object();
        set(one, "name", json_string(qlab_b_gate_name((qlab_b_gate)g)));
        set_n(one, "passed", v->placebos_passed[g]);
        (void)json_array_append_new(gates, one);
    }
    set(o, "gates", gates);
    set_n(o, "passed_all_of_these", v->placebos_passed_all);
    return o;
}

static json_t *trials_json(const qlab_b_verdicts *v)
{
    json_t *o = json_object();

    set(o, "ledger", qlab_chain_pin_json(&v->pin));
    set_n(o, "trials", v->field.n_trials);
    set_n(o, "used", v->field.n_used);
    set_n(o, "n", v->field.n_clusters);
    set_f64(o, "variance", v->field.variance);
    set_f64(o, "benchmark_per_session", v->field.benchmark);
    set_f64(o, "benchmark_annual", qlab_b_annual(v->field.benchmark));
    return o;
}

static json_t *conditions_json(const qlab_stage_b *b, const qlab_b_verdicts *v)
{
    json_t *o = json_object();

    set(o, "first_session", day_json(b->feed.session[0]));
    set(o, "last_session", day_json(b->feed.session[b->feed.n_sessions - 1]));
    set_n(o, "sealed_sessions", b->n_sealed);
    set(o, "first_sealed", day_json(b->first_sealed));
    set(o, "opened_from", day_json(b->opened_from));
    set(o, "currency", json_string(b->feed.fx.currency));
    json_t *pairs = json_array();
    for (size_t k = 0; k < b->feed.fx.n_pairs; k++)
        (void)json_array_append_new(pairs, json_string(b->feed.fx.names[k]));
    set(o, "currency_pairs", pairs);
    set(o, "execution", json_incref(b->execution));
    set(o, "seed", json_integer((json_int_t)b->env->seed));
    set_n(o, "replications", (size_t)b->policy.design.replications);
    set_f64(o, "spa_block_sessions", v->spa_block);
    set(o, "market_vol",
        json_string("median ewma_vol_20 of the eligible names; low is at most "
                    "its median over the sessions"));
    set_f64(o, "market_vol_split", b->market_vol_split);
    return o;
}

json_t *qlab_stage_b_report(const qlab_stage_b *b, const qlab_b_verdicts *v)
{
    json_t *o = qlab_artifact_begin("stage_b_report/1", b->run_id, b->inputs);
    json_t *candidates = json_array(), *survivors = json_array();
    char hex[QLAB_HEX_BYTES];

    for (size_t r = 0; r < v->n; r++) {
        const uint32_t c = v->by_rank[r];
        (void)json_array_append_new(candidates, candidate_json(b, v, c));
        if (v->at[c].survives)
            (void)json_array_append_new(survivors, json_string(b->lib->candidates[c].id));
    }
    set(o, "verdict", json_string(v->n_survivors > 0 ? "SURVIVORS" : "NO_SURVIVOR"));
    set(o, "counts", counts_json(b, v));
    set(o, "policy", qlab_stage_b_policy_json(&b->policy));
    set(o, "policy_sha256", json_string(qlab_hex(b->policy.digest, hex)));
    set(o, "stage_a_run", json_incref(json_object_get(b->screen, "run_id")));
    set(o, "conditions", conditions_json(b, v));
    set(o, "selection", selection_json(b, v));
    set(o, "trials", trials_json(v));
    set(o, "placebos", placebos_json(v));
    set(o, "survivors", survivors);
    set(o, "gate_summary", gate_summary_json(v));
    set(o, "fail_reason_counts", fail_counts_json(v));
    set(o, "near_pass_candidates", near_json(b, v));
    set(o, "candidates", candidates);
    return o;
}
