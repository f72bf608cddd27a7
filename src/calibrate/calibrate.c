#include "calibrate/calibrate.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

/* ---- rates ----------------------------------------------------------------------------------- */

typedef struct tally {
    size_t n, n_sets;
    size_t a_gate[QLAB_GATE_COUNT], b_gate[QLAB_B_GATE_COUNT], b_applies[QLAB_B_GATE_COUNT];
    size_t a, b, survives;                               /* candidates */
    size_t sets_a, sets_b, sets_survive, sets_selection; /* sets with any */
    size_t sets_psr, sets_dsr, sets_spa, sets_bh;        /* any candidate over the level */
    size_t har[QLAB_SCREEN_HORIZONS], psr;
    double sharpe, autocorrelation, pbo, clusters;
} tally;

static void count_one(const qlab_calibrated *c, tally *t)
{
    t->n++;
    for (int g = 0; g < QLAB_GATE_COUNT; g++)
        t->a_gate[g] += c->a_gate[g];
    for (int g = 0; g < QLAB_B_GATE_COUNT; g++) {
        t->b_gate[g] += c->b_gate[g];
        t->b_applies[g] += c->applies[g];
    }
    t->a += c->a;
    t->b += c->b;
    t->survives += c->survives;
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++)
        t->har[h] += c->har_p[h] <= 0.05;
    t->psr += c->psr >= 0.95;
    t->sharpe += c->sharpe;
    t->autocorrelation += c->autocorrelation;
}

/* Candidates [from, to) of every set. */
static tally count_all(const qlab_calibrated_set *sets, size_t n, size_t from, size_t to)
{
    tally t = {.n_sets = n};

    for (size_t i = 0; i < n; i++) {
        bool a = false, b = false, survives = false, psr = false, dsr = false, spa = false;
        bool bh = false;
        for (size_t c = from; c < to; c++) {
            const qlab_calibrated *one = &sets[i].at[c];
            count_one(one, &t);
            a |= one->a;
            b |= one->b;
            survives |= one->survives;
            psr |= one->psr >= 0.95;
            dsr |= one->dsr >= 0.95;
            spa |= one->spa_p <= 0.05;
            bh |= one->a_gate[QLAB_GATE_BH_Q];
        }
        t.sets_a += a;
        t.sets_b += b;
        t.sets_survive += survives;
        t.sets_psr += psr;
        t.sets_dsr += dsr;
        t.sets_spa += spa;
        t.sets_bh += bh;
        t.sets_selection += sets[i].selection_passed;
        t.pbo += sets[i].pbo / (double)n;
        t.clusters += (double)sets[i].n_clusters / (double)n;
    }
    t.sharpe /= (double)t.n;
    t.autocorrelation /= (double)t.n;
    return t;
}

static void set_rate(json_t *o, const char *key, size_t k, size_t n)
{
    (void)json_object_set_new(o, key, n > 0 ? json_real((double)k / (double)n) : json_null());
}

static json_t *gates_json(const tally *t)
{
    json_t *list = json_array();

    for (int g = 0; g < QLAB_GATE_COUNT; g++) {
        json_t *o = json_pack("{s:s, s:s}", "stage", "A", "name", qlab_gate_name((qlab_gate_id)g));
        set_rate(o, "rate", t->a_gate[g], t->n);
        (void)json_array_append_new(list, o);
    }
    for (int g = 0; g < QLAB_B_GATE_COUNT; g++) {
        json_t *o = json_pack("{s:s, s:s}", "stage", "B", "name", qlab_b_gate_name((qlab_b_gate)g));
        set_rate(o, "rate", t->b_gate[g], t->b_applies[g]);
        (void)json_array_append_new(list, o);
    }
    return list;
}

static json_t *tests_json(const tally *t)
{
    json_t *o = json_object();

    set_rate(o, "har_p_at_5_percent_h1", t->har[0], t->n);
    set_rate(o, "har_p_at_5_percent_h5", t->har[1], t->n);
    set_rate(o, "har_p_at_5_percent_h20", t->har[2], t->n);
    set_rate(o, "psr_at_95_percent", t->psr, t->n);
    set_rate(o, "sets_any_bh", t->sets_bh, t->n_sets);
    set_rate(o, "sets_any_psr", t->sets_psr, t->n_sets);
    set_rate(o, "sets_any_dsr", t->sets_dsr, t->n_sets);
    set_rate(o, "sets_any_spa", t->sets_spa, t->n_sets);
    return o;
}

static json_t *tally_json(const tally *t)
{
    json_t *o = json_object();

    (void)json_object_set_new(o, "sets", json_integer((json_int_t)t->n_sets));
    (void)json_object_set_new(o, "candidates", json_integer((json_int_t)t->n));
    (void)json_object_set_new(o, "mean_sharpe_annual", json_real(t->sharpe));
    (void)json_object_set_new(o, "gates", gates_json(t));
    set_rate(o, "stage_a", t->a, t->n);
    set_rate(o, "stage_b", t->b, t->n);
    set_rate(o, "survives", t->survives, t->n);
    return o;
}

/* ---- noise and planted ----------------------------------------------------------------------- */

static qlab_code try_noise(const qlab_env *env, const qlab_calibrate_plan *p, json_t **out,
                           qlab_err *err)
{
    qlab_calibrate_options o = {p->sim, p->policy, p->n_noise, 0.0, false};
    qlab_calibrated_set *sets = qlab_alloc(p->n_noise + 1, sizeof *sets);

    o.sim.n_planted = 0;
    o.sim.edge = 0.0;
    const qlab_code rc = qlab_calibrate_sets(env, &o, sets, err);
    if (rc == QLAB_OK) {
        const tally t = count_all(sets, p->n_noise, 0, p->sim.n_candidates);
        *out = tally_json(&t);
        (void)json_object_set_new(*out, "sessions", json_integer((json_int_t)sets[0].n_sessions));
        (void)json_object_set_new(*out, "rank_autocorrelation", json_real(t.autocorrelation));
        (void)json_object_set_new(*out, "mean_pbo", qlab_json_f64(t.pbo));
        (void)json_object_set_new(*out, "mean_clusters", json_real(t.clusters));
        (void)json_object_set_new(*out, "tests", tests_json(&t));
        set_rate(*out, "sets_any_stage_a", t.sets_a, t.n_sets);
        set_rate(*out, "sets_any_stage_b", t.sets_b, t.n_sets);
        set_rate(*out, "sets_selection_passed", t.sets_selection, t.n_sets);
        set_rate(*out, "sets_any_survivor", t.sets_survive, t.n_sets);
        qlab_calibrated_sets_free(sets, p->n_noise);
    }
    qlab_free(sets);
    return rc;
}

static qlab_code try_edge(const qlab_env *env, const qlab_calibrate_plan *p, double edge,
                          json_t *list, qlab_err *err)
{
    qlab_calibrate_options o = {p->sim, p->policy, p->n_planted, 1.0, false};
    qlab_calibrated_set *sets = qlab_alloc(p->n_planted + 1, sizeof *sets);

    o.sim.n_planted = 1;
    o.sim.edge = edge;
    const qlab_code rc = qlab_calibrate_sets(env, &o, sets, err);
    if (rc == QLAB_OK) {
        const tally t = count_all(sets, p->n_planted, 0, 1);
        json_t *one = tally_json(&t);
        (void)json_object_set_new(one, "edge", json_real(edge));
        set_rate(one, "sets_selection_passed", t.sets_selection, t.n_sets);
        (void)json_array_append_new(list, one);
        qlab_calibrated_sets_free(sets, p->n_planted);
    }
    qlab_free(sets);
    return rc;
}

/* Where the share that survives crosses one half, between two neighbours of the grid. */
static json_t *half_power(const json_t *planted)
{
    double before_sharpe = NAN, before = NAN;

    for (size_t i = 0; i < json_array_size(planted); i++) {
        const json_t *o = json_array_get(planted, i);
        const double sharpe = json_number_value(json_object_get(o, "mean_sharpe_annual"));
        const double power = json_number_value(json_object_get(o, "survives"));
        if (power >= 0.5 && isnan(before))
            return json_null(); /* below the grid */
        if (power >= 0.5)
            return json_real(before_sharpe +
                             (sharpe - before_sharpe) * (0.5 - before) / (power - before));
        before_sharpe = sharpe;
        before = power;
    }
    return json_null();
}

static json_t *design_json(const qlab_env *env, const qlab_calibrate_plan *p)
{
    const qlab_sim_options *s = &p->sim;

    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:I}", "policy",
                     p->policy != NULL ? p->policy : "strict", "names", (json_int_t)s->n_names,
                     "sessions", (json_int_t)s->n_sessions, "candidates",
                     (json_int_t)s->n_candidates, "horizon", (json_int_t)s->horizon, "persistence",
                     s->persistence, "chase", s->chase, "common", s->common, "seed",
                     (json_int_t)env->seed);
}

qlab_code qlab_calibrate(const qlab_env *env, const qlab_calibrate_plan *p, json_t **report,
                         qlab_err *err)
{
    json_t *noise = NULL, *planted = json_array();
    qlab_code rc = p->n_noise > 0 ? try_noise(env, p, &noise, err) : QLAB_OK;

    for (size_t i = 0; rc == QLAB_OK && p->n_planted > 0 && i < p->n_edges; i++)
        rc = try_edge(env, p, p->edges[i], planted, err);
    if (rc == QLAB_OK) {
        json_t *o = json_object();
        (void)json_object_set_new(o, "statistic", json_string("calibrate"));
        (void)json_object_set_new(o, "value",
                                  noise ? json_incref(json_object_get(noise, "sets_any_survivor"))
                                        : json_null());
        (void)json_object_set_new(o, "design", design_json(env, p));
        (void)json_object_set_new(o, "noise", noise ? json_incref(noise) : json_null());
        (void)json_object_set(o, "planted", planted);
        (void)json_object_set_new(o, "sharpe_at_half_power", half_power(planted));
        *report = o;
    }
    json_decref(noise);
    json_decref(planted);
    return rc;
}
