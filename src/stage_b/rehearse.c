#include "stage_b/rehearse.h"

#include "base/alloc.h"
#include "strategy/candidate.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Identities without an execution: nothing outside this call ever sees them. */
static void identify(qlab_stage_b *b)
{
    json_t *none = json_object();

    b->trial = qlab_alloc(b->lib->n + 1, sizeof *b->trial);
    for (size_t i = 0; i < b->lib->n; i++) {
        json_t *c = qlab_candidate_json(&b->lib->candidates[i]);
        b->trial[i] = qlab_trial_id(c, none, none);
        json_decref(c);
    }
    json_decref(none);
}

static json_t *survivors_of(const qlab_rehearsal *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->lib->n; i++)
        if (r->screened[i])
            (void)json_array_append_new(list, json_string(r->lib->candidates[i].id));
    return json_pack("{s:o}", "survivors", list);
}

static void lend(const qlab_env *env, const qlab_rehearsal *r, qlab_stage_b *b)
{
    const qlab_market *m = r->market;

    *b = (qlab_stage_b){.env = env,
                        .lib = (qlab_library *)(uintptr_t)r->lib,
                        .policy = *r->policy,
                        .book = qlab_book_options_default,
                        .rule = qlab_target_rule_default,
                        .axis = *r->axis};
    b->book.cost_scale = r->cost_scale;
    b->feed.n_sessions = m->n_sessions;
    b->feed.n_names = m->n_names;
    b->feed.session = (int32_t *)(uintptr_t)r->axis->sessions;
    b->feed.price = (double *)(uintptr_t)m->price;
    b->feed.market = *m;
    b->market_vol = qlab_alloc(m->n_sessions, sizeof *b->market_vol);
    for (size_t s = 0; s < m->n_sessions; s++)
        b->market_vol[s] = NAN;
    b->market_vol_split = NAN;
    b->screen = survivors_of(r);
    identify(b);
}

typedef struct booking {
    qlab_stage_b *b;
    const qlab_rehearsal *r;
} booking;

static qlab_code book_unit(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    const booking *k = ctx;

    (void)worker;
    (void)err;
    qlab_stage_b_outcome(k->b, &k->b->lib->candidates[unit], &k->r->targets[unit],
                         &k->b->outcomes[unit]);
    return QLAB_OK;
}

/* N and V from the candidates themselves, in order of identities. */
static void field_of(const qlab_stage_b *b, qlab_b_verdicts *v)
{
    qlab_dated *series = qlab_alloc(v->n + 1, sizeof *series);

    for (size_t i = 0; i < v->n; i++) {
        const qlab_f64v net = qlab_b_net(b, v->by_trial[i]);
        series[i] = (qlab_dated){b->feed.session + b->book.delay, net.at, net.n};
    }
    qlab_trial_field_of(series, v->n, &v->field);
    qlab_free(series);
}

static void keep_net(const qlab_stage_b *b, double *net)
{
    for (size_t i = 0; i < b->lib->n; i++) {
        const qlab_f64v x = qlab_b_net(b, i);
        memcpy(net + i * x.n, x.at, x.n * sizeof *net);
    }
}

qlab_code qlab_stage_b_rehearse(const qlab_env *env, const qlab_rehearsal *r, double *net,
                                qlab_b_verdicts *out, qlab_err *err)
{
    qlab_stage_b b;
    booking k = {&b, r};
    qlab_code rc;

    assert(r->market->n_sessions == r->axis->n);
    lend(env, r, &b);
    qlab_b_verdicts_begin(&b, out);
    if ((rc = qlab_cpcv_plan_make(&b.policy, &b.axis, &b.plan, err)) != QLAB_OK)
        goto done;
    b.outcomes = qlab_alloc_zero(b.lib->n + 1, sizeof *b.outcomes);
    if ((rc = qlab_pool_run(env->pool, b.lib->n, book_unit, &k, err)) != QLAB_OK)
        goto done;
    field_of(&b, out);
    if (net != NULL)
        keep_net(&b, net);
    rc = qlab_b_verdicts_judge(&b, r->ic, out, err);
done:
    qlab_stage_b_outcomes_free(&b);
    qlab_cpcv_plan_free(&b.plan);
    json_decref(b.screen);
    qlab_free(b.market_vol);
    qlab_free(b.trial);
    if (rc != QLAB_OK)
        qlab_b_verdicts_free(out);
    return rc;
}
