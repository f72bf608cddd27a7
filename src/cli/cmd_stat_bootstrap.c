/* cli/cmd_stat_bootstrap.c -- `quantlab stat blocklength`, `stat bootstrap`. */
#include "base/alloc.h"
#include "base/decimal.h"
#include "cli/cmd_stat.h"
#include "stat/bootstrap.h"
#include "stat/moments.h"

#include <math.h>
#include <string.h>

typedef struct opts {
    const char *input, *of, *block;
    int64_t replications;
    uint64_t seed; /* filled by run */
} opts;

static void init(void *at)
{
    opts *o = at;
    o->of = "mean";
    o->block = "auto";
    o->replications = 2000;
}

static qlab_code length_column(const void *given, qlab_f64v x, json_t **out, qlab_err *err)
{
    (void)given;
    (void)err;
    const qlab_block_length b = qlab_block_length_of(x);
    json_t *r = *out = qlab_stat_result("blocklength", b.stationary);
    qlab_stat_put_text(r, "form", "Politis and White 2004, corrected 2009");
    qlab_stat_put_count(r, "n", b.n);
    qlab_stat_put(r, "stationary", b.stationary);
    qlab_stat_put(r, "circular", b.circular);
    qlab_stat_put_count(r, "m_hat", b.m_hat);
    qlab_stat_put_count(r, "m", b.m);
    return QLAB_OK;
}

static qlab_code run_length(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    return qlab_stat_each_column(cx, o->input, length_column, o, err);
}

static qlab_code bootstrap_column(const void *given, qlab_f64v x, json_t **out, qlab_err *err)
{
    const opts *o = given;
    const bool sharpe = strcmp(o->of, "sharpe") == 0;
    const qlab_bootstrap_of of = sharpe ? QLAB_BOOTSTRAP_SHARPE : QLAB_BOOTSTRAP_MEAN;
    const size_t n = (size_t)o->replications;
    double block, *v;

    if (strcmp(o->block, "auto") == 0)
        block = qlab_block_length_of(x).stationary;
    else if (!qlab_decimal_parse_text(o->block, &block) || !(block >= 1.0))
        return qlab_fail(err, QLAB_E_USAGE, "--block was \"%s\", not auto or a length from 1",
                         o->block);
    block = block < 1.0 ? 1.0 : block;
    v = qlab_alloc(n, sizeof *v);
    qlab_bootstrap(x, block, of, o->seed, 0, 0, n, v);
    const qlab_moments spread = qlab_moments_of((qlab_f64v){v, n}), m = qlab_moments_of(x);
    const double value = !sharpe ? m.mean : m.std > 0.0 ? m.mean / m.std : NAN;
    json_t *r = *out = qlab_stat_result("bootstrap", value);
    qlab_stat_put_text(r, "of", o->of);
    qlab_stat_put_text(r, "form", "stationary, percentile interval");
    qlab_stat_put_count(r, "n", m.n);
    qlab_stat_put_count(r, "ddof", 1);
    qlab_stat_put(r, "block", block);
    qlab_stat_put_text(r, "block_from", strcmp(o->block, "auto") == 0 ? "auto" : "given");
    qlab_stat_put_count(r, "replications", n);
    json_object_set_new(r, "seed", json_integer((json_int_t)o->seed));
    qlab_stat_put(r, "standard_error", spread.std);
    qlab_stat_put(r, "lower_2.5", qlab_quantile(v, n, 0.025));
    qlab_stat_put(r, "upper_97.5", qlab_quantile(v, n, 0.975));
    qlab_free(v);
    return QLAB_OK;
}

static qlab_code run_bootstrap(qlab_ctx *cx, const void *given, qlab_err *err)
{
    opts o = *(const opts *)given;
    if (strcmp(o.of, "mean") != 0 && strcmp(o.of, "sharpe") != 0)
        return qlab_fail(err, QLAB_E_USAGE, "--of was \"%s\", not mean or sharpe", o.of);
    if (o.replications < 2 || o.replications > 10000000)
        return qlab_fail(err, QLAB_E_USAGE, "--replications was %lld, not from 2 to 10000000",
                         (long long)o.replications);
    o.seed = cx->env.seed;
    return qlab_stat_each_column(cx, o.input, bootstrap_column, &o, err);
}

static const qlab_opt LENGTH_OPTIONS[] = {
    QLAB_STR_REQ(opts, input, "input", "CSV", "one column a series"),
    QLAB_OPTS_END,
};

static const qlab_opt BOOTSTRAP_OPTIONS[] = {
    QLAB_STR_REQ(opts, input, "input", "CSV", "one column a series"),
    QLAB_STR_OPT(opts, of, "of", "mean|sharpe", "else mean"),
    QLAB_I64_OPT(opts, replications, "replications", "B", "else 2000"),
    QLAB_STR_OPT(opts, block, "block", "L|auto", "mean block length in periods; else auto"),
    QLAB_OPTS_END,
};

const qlab_cmd qlab_cmd_stat_blocklength = {
    .name = "stat blocklength",
    .summary = "block length that suits the dependence of a series",
    .help = "The automatic choice of Politis and White (2004), corrected 2009, for the stationary "
            "(the main value) and the circular bootstrap.\n"
            "\n"
            "example:\n"
            "  quantlab stat blocklength --input returns.csv\n",
    .options = LENGTH_OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run_length,
};

const qlab_cmd qlab_cmd_stat_bootstrap = {
    .name = "stat bootstrap",
    .summary = "interval of a mean or Sharpe ratio by resampling blocks",
    .help = "Stationary bootstrap (Politis and Romano 1994). --seed is the common option; the same "
            "seed gives the same bytes with any number of threads.\n"
            "\n"
            "example:\n"
            "  quantlab stat bootstrap --input returns.csv --of sharpe --replications 10000\n",
    .options = BOOTSTRAP_OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run_bootstrap,
};
