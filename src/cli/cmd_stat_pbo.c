/* cli/cmd_stat_pbo.c -- `quantlab stat pbo`: how often choosing the best in sample goes wrong. */
#include "stat/pbo.h"

#include "base/alloc.h"
#include "cli/cmd_stat.h"

typedef struct opts {
    const char *input;
    int64_t blocks;
} opts;

static void init(void *at)
{
    opts *o = at;
    o->blocks = 16;
}

static json_t *result_of(const qlab_stat_table *t, const uint64_t *chosen, const qlab_pbo *p,
                         size_t n_dropped)
{
    json_t *r = qlab_stat_result("pbo", p->pbo), *counts = json_object();
    qlab_stat_put_text(r, "form", "combinatorially symmetric cross-validation");
    qlab_stat_put_text(r, "ratio", "mean / std, per period");
    qlab_stat_put_count(r, "ddof", 1);
    qlab_stat_put_count(r, "n", p->n_rows);
    qlab_stat_put_count(r, "dropped_rows", n_dropped);
    qlab_stat_put_count(r, "models", p->n_models);
    qlab_stat_put_count(r, "blocks", p->n_blocks);
    qlab_stat_put_count(r, "halves", p->n_halves);
    qlab_stat_put(r, "probability_of_loss", p->prob_loss);
    qlab_stat_put(r, "degradation_slope", p->slope);
    qlab_stat_put(r, "degradation_intercept", p->intercept);
    qlab_stat_put(r, "mean_logit", p->mean_logit);
    qlab_stat_put(r, "mean_ratio_in_sample", p->mean_is);
    qlab_stat_put(r, "mean_ratio_out_of_sample", p->mean_oos);
    for (size_t m = 0; m < t->n_cols; m++)
        if (chosen[m] > 0)
            json_object_set_new(counts, t->names[m], json_integer((json_int_t)chosen[m]));
    json_object_set_new(r, "chosen", counts);
    return r;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_stat_table t = {0};
    uint64_t *chosen = NULL;

    if (o->blocks < 2 || o->blocks > QLAB_PBO_MAX_BLOCKS || o->blocks % 2 != 0)
        return qlab_fail(err, QLAB_E_USAGE, "--blocks was %lld, not an even number from 2 to %d",
                         (long long)o->blocks, QLAB_PBO_MAX_BLOCKS);
    qlab_code rc = qlab_stat_table_read(o->input, &t, err);
    if (rc == QLAB_OK && t.n_cols < 2)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s had %zu columns; at least 2 models are compared",
                       o->input, t.n_cols);
    if (rc != QLAB_OK)
        goto done;
    const size_t n_dropped = qlab_stat_table_complete(&t), blocks = (size_t)o->blocks;
    if (t.n_rows < 2 * blocks) {
        rc =
            qlab_fail(err, QLAB_E_CORRUPT, "%s had %zu complete rows; %zu blocks need at least %zu",
                      o->input, t.n_rows, blocks, 2 * blocks);
        goto done;
    }
    chosen = qlab_alloc(t.n_cols, sizeof *chosen);
    const qlab_pbo p =
        qlab_pbo_of((const double *const *)t.col, t.n_cols, t.n_rows, blocks, chosen);
    qlab_stat_print(cx, result_of(&t, chosen, &p, n_dropped));
done:
    qlab_free(chosen);
    qlab_stat_table_free(&t);
    return rc;
}

static const qlab_opt OPTIONS[] = {
    QLAB_STR_REQ(opts, input, "input", "CSV", "one column of returns a model"),
    QLAB_I64_OPT(opts, blocks, "blocks", "S", "blocks of rows, even; else 16"),
    QLAB_OPTS_END,
};

const qlab_cmd qlab_cmd_stat_pbo = {
    .name = "stat pbo",
    .summary = "how often the best in sample fails out of sample",
    .help = "Probability of backtest overfitting (Bailey, Borwein, Lopez de Prado and Zhu 2017): "
            "the share of halves of the rows in which the model that was best in one half ranks "
            "in the lower half of the models in the other. Rows with an empty cell are left out.\n"
            "\n"
            "example:\n"
            "  quantlab stat pbo --input returns.csv --blocks 16\n",
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run,
};
