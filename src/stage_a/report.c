/* The report of a run as JSON.  Schema: docs/formats/schemas/stage_a_report.schema.json. */
#include "base/alloc.h"
#include "base/date.h"
#include "ops/run.h"
#include "stage_a/run_int.h"
#include "stat/cluster.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void set(json_t *o, const char *key, json_t *v)
{
    (void)json_object_set_new(o, key, v);
}

static void set_f64(json_t *o, const char *key, double v)
{
    set(o, key, qlab_json_f64(v));
}

static void set_n(json_t *o, const char *key, size_t n)
{
    set(o, key, json_integer((json_int_t)n));
}

static json_t *date_json(int32_t date)
{
    char text[QLAB_DATE_BYTES];

    return date == QLAB_DATE_NONE ? json_null() : json_string(qlab_date_format(date, text));
}

static json_t *metrics_json(const qlab_metrics *m)
{
    json_t *o = json_object(), *by_horizon = json_object(), *deciles = json_array();
    char key[16];

    set_n(o, "n_sessions", m->n_sessions);
    set_n(o, "n_ic", m->ic.n);
    set_f64(o, "mean_ic", m->ic.mean);
    set_f64(o, "std_ic", m->ic.std);
    set_f64(o, "icir", m->ic.icir);
    set_f64(o, "hit_rate", m->ic.hit);
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++) {
        (void)snprintf(key, sizeof key, "%u", qlab_screen_horizon[h]);
        set_f64(by_horizon, key, m->mean_ic[h]);
    }
    set(o, "mean_ic_by_horizon", by_horizon);
    json_t *har = json_object();
    set_f64(har, "t", m->har.t);
    set_n(har, "df", m->har.b);
    set_f64(har, "p", m->har.p);
    set(o, "har", har);
    json_t *nw = json_object();
    set_f64(nw, "t", m->nw.t);
    set_n(nw, "lag", m->nw.lag);
    set_f64(nw, "p", m->nw.p);
    set(o, "newey_west", nw);
    for (size_t d = 0; d < QLAB_SCREEN_DECILES; d++)
        (void)json_array_append_new(deciles, qlab_json_f64(m->decile[d]));
    set(o, "mean_label_by_decile", deciles);
    set_f64(o, "monotonicity", m->monotonicity);
    set_f64(o, "top_minus_bottom", m->spread);
    set_f64(o, "turnover", m->turnover);
    set_f64(o, "rank_autocorrelation", m->autocorrelation);
    set_f64(o, "coverage", m->coverage);
    set_f64(o, "presumed_gone", m->presumed_gone);
    return o;
}

static json_t *gate_json(const qlab_verdict *v, qlab_gate_id g)
{
    json_t *o = json_object();

    set(o, "name", json_string(qlab_gate_name(g)));
    set_f64(o, "value", v->gates[g].value);
    set_f64(o, "threshold", v->gates[g].threshold);
    set(o, "verdict", json_string(v->gates[g].passed ? "PASS" : "FAIL"));
    set(o, "reason", json_string(v->gates[g].reason));
    set_f64(o, "distance", v->gates[g].distance);
    return o;
}

static json_t *gates_json(const qlab_verdict *v)
{
    json_t *gates = json_array();

    for (int g = 0; g < QLAB_GATE_COUNT; g++)
        (void)json_array_append_new(gates, gate_json(v, (qlab_gate_id)g));
    return gates;
}

static json_t *candidate_json(const qlab_stage_a *a, uint32_t c)
{
    const qlab_candidate *k = &a->lib->candidates[c];
    const qlab_verdict *v = &a->verdicts.at[c];
    json_t *o = qlab_candidate_json(k), *folds = json_array();
    char hex[QLAB_HEX_BYTES];

    set(o, "trial_id", json_string(qlab_stage_a_trial(a, k, hex)));
    set_n(o, "rank", v->rank);
    set(o, "verdict", json_string(v->passed ? "PASS" : "FAIL"));
    set(o, "near_pass", json_boolean(v->near_pass));
    set_n(o, "n_failed", v->n_failed);
    set(o, "first_failed", v->passed ? json_null() : json_string(qlab_gate_name(v->first_failed)));
    set(o, "doubtful_t",
        json_boolean(a->policy.doubtful_horizon > 0 && k->horizon >= a->policy.doubtful_horizon));
    set_f64(o, "worst_fold_ic", v->worst_fold_ic);
    set_f64(o, "share_folds_positive", v->share_folds_positive);
    set_f64(o, "bh_p", v->bh_p);
    set_n(o, "cluster", a->cluster[c]);
    const size_t placebo_rank = qlab_stage_a_placebo_rank(a, v);
    set(o, "placebo_rank",
        a->placebos.n > 0 ? json_integer((json_int_t)placebo_rank) : json_null());
    set_f64(o, "placebo_p",
            a->placebos.n > 0 ? (double)placebo_rank / (double)(a->placebos.n + 1) : NAN);
    set(o, "all", metrics_json(&v->all));
    for (size_t f = 0; f < a->verdicts.n_folds; f++)
        (void)json_array_append_new(folds, metrics_json(&v->folds[f]));
    set(o, "folds", folds);
    set(o, "gates", gates_json(v));
    json_t *learned = qlab_stage_a_lessons_json(a, c);
    set(o, "learned", learned != NULL ? learned : json_null());
    return o;
}

/* ---- what the whole run says ----------------------------------------------------------------- */

static json_t *counts_json(const qlab_stage_a *a)
{
    size_t n_passed = 0, n_near = 0;
    uint64_t n_pairs = 0;
    json_t *o = json_object();

    for (size_t c = 0; c < a->verdicts.n; c++) {
        n_passed += a->verdicts.at[c].passed;
        n_near += a->verdicts.at[c].near_pass;
        n_pairs += a->verdicts.at[c].all.n_pairs;
    }
    set_n(o, "candidates_total", a->lib->n);
    set_n(o, "effective_trials_total", a->n_clusters);
    set_n(o, "survivors_A_total", n_passed);
    set_n(o, "near_pass_total", n_near);
    set_n(o, "folds_total", a->folds.n_folds);
    set_n(o, "test_sessions_total", a->n_test);
    set_n(o, "score_label_pairs_total", (size_t)n_pairs);
    return o;
}

static json_t *fail_counts_json(const qlab_stage_a *a, bool by_first)
{
    json_t *o = json_object();

    for (int g = 0; g < QLAB_GATE_COUNT; g++) {
        size_t n = 0;
        for (size_t c = 0; c < a->verdicts.n; c++)
            n += by_first ? a->verdicts.at[c].first_failed == (qlab_gate_id)g
                          : !a->verdicts.at[c].gates[g].passed;
        set_n(o, qlab_gate_name((qlab_gate_id)g), n);
    }
    return o;
}

typedef struct near {
    const qlab_verdict *v;
    uint32_t candidate;
} near;

/* Fewest failed gates first; by_rank order, which is total, decides among equals. */
static int nearer(const void *pa, const void *pb)
{
    const near *a = pa, *b = pb;

    if (a->v->n_failed != b->v->n_failed)
        return a->v->n_failed < b->v->n_failed ? -1 : 1;
    return a->v->rank < b->v->rank ? -1 : a->v->rank > b->v->rank;
}

static json_t *near_json(const qlab_stage_a *a)
{
    near *all = qlab_alloc(a->verdicts.n + 1, sizeof *all);
    json_t *list = json_array();
    size_t n = 0;

    for (uint32_t c = 0; c < a->verdicts.n; c++)
        if (a->verdicts.at[c].near_pass)
            all[n++] = (near){&a->verdicts.at[c], c};
    qsort(all, n, sizeof *all, nearer);
    for (size_t i = 0; i < n; i++) {
        json_t *o = json_object(), *failed = json_array();
        set(o, "id", json_string(a->lib->candidates[all[i].candidate].id));
        for (int g = 0; g < QLAB_GATE_COUNT; g++)
            if (!all[i].v->gates[g].passed)
                (void)json_array_append_new(failed, gate_json(all[i].v, (qlab_gate_id)g));
        set(o, "failed", failed);
        (void)json_array_append_new(list, o);
    }
    qlab_free(all);
    return list;
}

/* The measured size of the test at this run's own number of sessions, for the horizons in use.  It
 * was measured on panels of every session: nothing is known of others. */
static json_t *size_json(const qlab_stage_a *a)
{
    json_t *list = json_array();

    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++) {
        bool used = false;
        size_t at = 0;
        for (size_t c = 0; c < a->lib->n; c++)
            used = used || a->lib->candidates[c].horizon == qlab_screen_horizon[h];
        if (!used)
            continue;
        const size_t n = a->axis.every == 1 ? a->n_test : 0;
        const double size = qlab_har_measured_size(qlab_screen_horizon[h], n, &at);
        json_t *o = json_object();
        set_n(o, "horizon", qlab_screen_horizon[h]);
        set_n(o, "sessions", a->n_test);
        set_f64(o, "nominal", 0.05);
        set_f64(o, "measured", size);
        set_n(o, "measured_at_sessions", at);
        set(o, "doubtful",
            json_boolean(a->policy.doubtful_horizon > 0 &&
                         qlab_screen_horizon[h] >= (uint32_t)a->policy.doubtful_horizon));
        (void)json_array_append_new(list, o);
    }
    return list;
}

static json_t *folds_json(const qlab_stage_a *a)
{
    json_t *list = json_array();

    for (size_t k = 0; k < a->folds.n_folds; k++) {
        const qlab_fold *f = &a->folds.folds[k];
        json_t *o = json_object();
        set_n(o, "fold", k);
        set(o, "test_first", date_json(a->axis.sessions[f->test_first]));
        set(o, "test_last", date_json(a->axis.sessions[f->test_end - 1]));
        set_n(o, "test_sessions", f->test_end - f->test_first);
        set_n(o, "train_sessions", f->n_train);
        set_n(o, "purged_sessions", f->n_purged);
        set_n(o, "embargoed_sessions", f->n_embargoed);
        (void)json_array_append_new(list, o);
    }
    return list;
}

static bool ranks_by_liquidity(const qlab_library *lib)
{
    for (size_t i = 0; i < lib->n; i++)
        if (lib->candidates[i].universe.top_liquid > 0)
            return true;
    return false;
}

/* Clusters in the order of their numbers, members by id. */
static json_t *clusters_json(const qlab_stage_a *a)
{
    json_t *members = json_array();

    for (size_t k = 0; k < a->n_clusters; k++) {
        json_t *ids = json_array();
        for (size_t i = 0; i < a->lib->n; i++)
            if (a->cluster[a->by_id[i]] == k)
                (void)json_array_append_new(ids, json_string(a->lib->candidates[a->by_id[i]].id));
        (void)json_array_append_new(members, ids);
    }
    return json_pack("{s:f, s:I, s:I, s:o}", "correlation_above", QLAB_CLUSTER_ABOVE,
                     "min_common_sessions", (json_int_t)QLAB_CLUSTER_MIN_COMMON, "clusters_total",
                     (json_int_t)a->n_clusters, "members", members);
}

static json_t *conventions_json(const qlab_stage_a *a)
{
    json_t *o = json_object();

    set(o, "ic", json_string("Spearman, average ranks, over names with score and label"));
    set_n(o, "ic_min_names", (size_t)a->policy.min_names);
    set(o, "har", json_string("equal-weighted cosine, Student t, one-sided mean IC > 0"));
    set(o, "newey_west", json_string("Bartlett, normal, one-sided, beside the gate"));
    set(o, "fdr", json_string("Benjamini-Hochberg over all candidates of the run"));
    set(o, "std", json_string("ddof 1"));
    set(o, "deciles", json_string("scored names by (score, asset_id)"));
    set(o, "turnover", json_string("half the sum of |w_t - w_t-1| over both decile legs"));
    set(o, "execution", json_incref(json_object_get(a->execution, "entry")));
    set_n(o, "every", a->axis.every);
    if (ranks_by_liquidity(a->lib))
        set(o, "liquidity",
            json_string(qlab_panel_snapshot(a->panel)->fx.n > 0
                            ? "money volume in US dollars on dates where every name has a rate, "
                              "else its percentile within the listing currency"
                            : "percentile of money volume within the listing currency"));
    return o;
}

json_t *qlab_stage_a_report(const qlab_stage_a *a)
{
    json_t *o = qlab_artifact_begin("stage_a_report/1", a->run_id, a->inputs);
    json_t *candidates = json_array(), *survivors = json_array();
    char hex[QLAB_HEX_BYTES];

    for (size_t i = 0; i < a->verdicts.n; i++) {
        const uint32_t c = a->verdicts.by_rank[i];
        (void)json_array_append_new(candidates, candidate_json(a, c));
        if (a->verdicts.at[c].passed)
            (void)json_array_append_new(survivors, json_string(a->lib->candidates[c].id));
    }
    set(o, "verdict", json_string(json_array_size(survivors) > 0 ? "SURVIVORS" : "NO_SURVIVOR"));
    set(o, "counts", counts_json(a));
    set(o, "asof", date_json(a->snap->asof));
    set(o, "first_session", date_json(a->axis.sessions[a->first_test]));
    set(o, "last_session", date_json(a->axis.sessions[a->first_test + a->n_test - 1]));
    set(o, "first_sealed", date_json(a->folds.first_sealed));
    set(o, "policy", qlab_stage_a_policy_json(&a->policy));
    set(o, "policy_sha256", json_string(qlab_hex(a->policy.digest, hex)));
    set(o, "candidates_list", json_string(a->lib->name));
    set(o, "conventions", conventions_json(a));
    set(o, "folds", folds_json(a));
    set(o, "test_size", size_json(a));
    set(o, "clusters", clusters_json(a));
    set(o, "placebos", qlab_stage_a_placebos_json(a));
    set(o, "survivors", survivors);
    set(o, "fail_reason_counts", fail_counts_json(a, false));
    set(o, "first_fail_counts", fail_counts_json(a, true));
    set(o, "near_pass_candidates", near_json(a));
    set(o, "candidates", candidates);
    return o;
}
