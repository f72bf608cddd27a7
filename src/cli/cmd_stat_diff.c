/* cli/cmd_stat_diff.c -- `quantlab stat sharpediff`: is one Sharpe ratio greater than another? */
#include "base/decimal.h"
#include "cli/cmd_stat.h"
#include "stat/sharpe_diff.h"

#include <math.h>
#include <string.h>

typedef struct opts {
    const char *input, *block;
    int64_t replications;
    double confidence;
} opts;

static void init(void *at)
{
    opts *o = at;
    o->block = "auto";
    o->replications = 2000;
    o->confidence = 0.95;
}

static qlab_code check(const opts *o, size_t *block, qlab_err *err)
{
    double length = 0.0;
    if (o->replications < 1 || o->replications > 10000000)
        return qlab_fail(err, QLAB_E_USAGE, "--replications was %lld, not from 1 to 10000000",
                         (long long)o->replications);
    if (!(o->confidence > 0.0 && o->confidence < 1.0))
        return qlab_fail(err, QLAB_E_USAGE, "--confidence was %g, not between 0 and 1",
                         o->confidence);
    if (strcmp(o->block, "auto") != 0 &&
        (!qlab_decimal_parse_text(o->block, &length) || !(length >= 1.0 && length <= 1e6) ||
         length != floor(length)))
        return qlab_fail(err, QLAB_E_USAGE,
                         "--block was \"%s\", not auto or a whole number from 1 to 1000000",
                         o->block);
    *block = (size_t)length;
    return QLAB_OK;
}

static json_t *result_of(const opts *o, const qlab_stat_table *t,
                         const qlab_sharpe_diff_bootstrap *d, uint64_t seed)
{
    json_t *r = qlab_stat_result("sharpediff", d->hac.diff);
    qlab_stat_put_text(r, "a", t->names[0]);
    qlab_stat_put_text(r, "b", t->names[1]);
    qlab_stat_put(r, "sr_a", d->hac.sr_a);
    qlab_stat_put(r, "sr_b", d->hac.sr_b);
    qlab_stat_put_count(r, "ddof", 1);
    qlab_stat_put_count(r, "n", d->hac.n);
    qlab_stat_put_text(r, "form", "Parzen kernel, automatic bandwidth, no prewhitening");
    qlab_stat_put(r, "bandwidth", d->hac.bandwidth);
    qlab_stat_put(r, "standard_error", d->hac.se);
    qlab_stat_put(r, "t", d->hac.t);
    qlab_stat_put(r, "p_one_sided", d->hac.p);
    qlab_stat_put(r, "p_two_sided", d->hac.p_two);
    json_t *b = json_object();
    qlab_stat_put_text(b, "form", "studentised circular blocks");
    qlab_stat_put_count(b, "block", d->block);
    qlab_stat_put_text(b, "block_from", strcmp(o->block, "auto") == 0 ? "auto" : "given");
    qlab_stat_put_count(b, "replications", (size_t)o->replications);
    json_object_set_new(b, "seed", json_integer((json_int_t)seed));
    qlab_stat_put(b, "p_one_sided", d->p);
    qlab_stat_put(b, "p_two_sided", d->p_two);
    qlab_stat_put(b, "confidence", o->confidence);
    qlab_stat_put(b, "lower_bound", d->lower);
    json_object_set_new(r, "bootstrap", b);
    return r;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_stat_table t = {0};
    size_t block = 0;
    qlab_code rc = check(o, &block, err);
    if (rc == QLAB_OK)
        rc = qlab_stat_table_read(o->input, &t, err);
    if (rc == QLAB_OK && t.n_cols != 2)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s had %zu columns; two are compared", o->input,
                       t.n_cols);
    if (rc != QLAB_OK)
        goto done;
    const qlab_sharpe_diff_bootstrap d =
        qlab_sharpe_diff_resample(qlab_stat_table_series(&t, 0), qlab_stat_table_series(&t, 1),
                                  block, cx->env.seed, (size_t)o->replications, o->confidence);
    qlab_stat_print(cx, result_of(o, &t, &d, cx->env.seed));
done:
    qlab_stat_table_free(&t);
    return rc;
}

static const qlab_opt OPTIONS[] = {
    QLAB_STR_REQ(opts, input, "input", "CSV", "two columns of returns"),
    QLAB_I64_OPT(opts, replications, "replications", "B", "else 2000"),
    QLAB_STR_OPT(opts, block, "block", "L|auto", "block length in periods; else auto"),
    QLAB_F64_OPT(opts, confidence, "confidence", "X", "of the lower bound; else .95"),
    QLAB_OPTS_END,
};

const qlab_cmd qlab_cmd_stat_sharpediff = {
    .name = "stat sharpediff",
    .summary = "is one Sharpe ratio greater than another",
    .help =
        "Ledoit and Wolf (2008): the difference of the ratio of the first column and that of "
        "the second, per period, with a standard error that allows for heavy tails and "
        "autocorrelation, and p values and a lower bound by studentised bootstrap. Rows with an "
        "empty cell are left out. --seed is the common option.\n"
        "\n"
        "example:\n"
        "  quantlab stat sharpediff --input champion_and_challenger.csv\n",
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run,
};
