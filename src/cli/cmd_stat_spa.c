/* cli/cmd_stat_spa.c -- `quantlab stat spa`: which of many models beat the benchmark. */
#include "stat/spa.h"

#include "base/alloc.h"
#include "base/decimal.h"
#include "cli/cmd_stat.h"

#include <math.h>
#include <string.h>

enum { FEWEST_ROWS = 16 };

typedef struct opts {
    const char *input, *block;
    int64_t replications;
} opts;

static void init(void *at)
{
    opts *o = at;
    o->block = "auto";
    o->replications = 2000;
}

static json_t *model_of(const char *name, const qlab_spa *m)
{
    json_t *o = json_object();
    qlab_stat_put_text(o, "column", name);
    qlab_stat_put(o, "p_adjusted", m->p);
    qlab_stat_put(o, "p_alone", m->p_alone);
    qlab_stat_put(o, "t", m->t);
    qlab_stat_put(o, "mean", m->mean);
    qlab_stat_put(o, "standard_error", m->se);
    json_object_set_new(o, "recentred", json_boolean(m->recentred));
    return o;
}

static json_t *result_of(const opts *o, const qlab_stat_table *t, const qlab_spa_in *in,
                         const qlab_spa *model, size_t n_dropped)
{
    size_t best = 0, n_tested = 0, n_recentred = 0;
    json_t *models = json_array();
    for (size_t m = 0; m < in->n_models; m++) {
        n_tested += isnan(model[m].t) ? 0 : 1;
        n_recentred += model[m].recentred;
        best = model[m].t > model[best].t || isnan(model[best].t) ? m : best;
        json_array_append_new(models, model_of(t->names[m], model + m));
    }
    json_t *r = qlab_stat_result("spa", model[best].p); /* the smallest p: that of the set */
    qlab_stat_put_text(r, "form", "studentised, consistent recentring, step-down");
    qlab_stat_put_text(r, "controls", "family-wise error rate");
    qlab_stat_put_text(r, "best", t->names[best]);
    qlab_stat_put(r, "statistic_of_best", model[best].t);
    qlab_stat_put_count(r, "n", in->n_rows);
    qlab_stat_put_count(r, "dropped_rows", n_dropped);
    qlab_stat_put_count(r, "tested", n_tested);
    qlab_stat_put_count(r, "recentred", n_recentred);
    qlab_stat_put(r, "block", in->block);
    qlab_stat_put_text(r, "block_from", strcmp(o->block, "auto") == 0 ? "auto" : "given");
    qlab_stat_put_count(r, "replications", in->n_replications);
    json_object_set_new(r, "seed", json_integer((json_int_t)in->seed));
    json_object_set_new(r, "models", models);
    return r;
}

static qlab_code check(const opts *o, double *block, qlab_err *err)
{
    *block = NAN;
    if (o->replications < 1 || o->replications > 10000000)
        return qlab_fail(err, QLAB_E_USAGE, "--replications was %lld, not from 1 to 10000000",
                         (long long)o->replications);
    if (strcmp(o->block, "auto") != 0 &&
        (!qlab_decimal_parse_text(o->block, block) || !(*block >= 1.0)))
        return qlab_fail(err, QLAB_E_USAGE, "--block was \"%s\", not auto or a length from 1",
                         o->block);
    return QLAB_OK;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_stat_table t = {0};
    qlab_spa *model = NULL;
    double block;

    qlab_code rc = check(o, &block, err);
    if (rc == QLAB_OK)
        rc = qlab_stat_table_read(o->input, &t, err);
    if (rc == QLAB_OK && t.n_cols == 0)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s had no column beside the date", o->input);
    if (rc != QLAB_OK)
        goto done;
    const size_t n_dropped = qlab_stat_table_complete(&t);
    if (t.n_rows < FEWEST_ROWS) {
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s had %zu complete rows; at least %d are needed",
                       o->input, t.n_rows, FEWEST_ROWS);
        goto done;
    }
    const double *const *excess = (const double *const *)t.col;
    if (isnan(block))
        block = qlab_spa_block(excess, t.n_cols, t.n_rows);
    const qlab_spa_in in = {excess, t.n_cols,     t.n_rows,
                            block,  cx->env.seed, (size_t)o->replications};
    model = qlab_alloc(t.n_cols, sizeof *model);
    if ((rc = qlab_spa_test(&in, cx->env.pool, model, err)) == QLAB_OK)
        qlab_stat_print(cx, result_of(o, &t, &in, model, n_dropped));
done:
    qlab_free(model);
    qlab_stat_table_free(&t);
    return rc;
}

static const qlab_opt OPTIONS[] = {
    QLAB_STR_REQ(opts, input, "input", "CSV", "one column of differences to the benchmark a model"),
    QLAB_I64_OPT(opts, replications, "replications", "B", "else 2000"),
    QLAB_STR_OPT(opts, block, "block", "L|auto", "mean block length in periods; else auto"),
    QLAB_OPTS_END,
};

const qlab_cmd qlab_cmd_stat_spa = {
    .name = "stat spa",
    .summary = "which of many models truly beat the benchmark",
    .help = "Step-down test for superior predictive ability (Romano and Wolf 2005 on Hansen's 2005 "
            "studentised statistic) by stationary bootstrap. The main value is the p of the best "
            "model, which is that of the whole set; reject a model where its adjusted p is at most "
            "the wanted rate. Rows with an empty cell are left out. --seed is the common option; "
            "threads change no byte.\n"
            "\n"
            "example:\n"
            "  quantlab stat spa --input differences.csv --replications 2000\n",
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run,
};
