/* cli/cmd_stat_sharpe.c -- `quantlab stat psr`, `stat mintrl`, `stat dsr`. */
#include "cli/cmd_stat.h"

#include <math.h>

typedef struct opts {
    qlab_stat_sharpe_opts sharpe;
    double benchmark, confidence, trial_variance;
    int64_t trials;
    const char *input;
} opts;

static void init(void *at)
{
    opts *o = at;
    o->sharpe.sr = o->sharpe.skew = o->sharpe.kurt = o->sharpe.rho = NAN;
    o->benchmark = 0.0;
    o->confidence = 0.95;
    o->trial_variance = NAN;
}

static qlab_code check_no_numbers(const opts *o, qlab_err *err)
{
    if (!isnan(o->sharpe.sr) || !isnan(o->sharpe.skew) || !isnan(o->sharpe.kurt) ||
        o->sharpe.t != 0)
        return qlab_fail(
            err, QLAB_E_USAGE,
            "--input gives --sr, --t, --skew and --kurt; give the file or the numbers");
    return QLAB_OK;
}

/* The statistics of a series; --rho, where given, in place of its own autocorrelation. */
static qlab_sharpe of_series(const opts *o, qlab_f64v x)
{
    qlab_sharpe s = qlab_sharpe_of(x);
    if (!isnan(o->sharpe.rho))
        s.rho = o->sharpe.rho;
    return s;
}

static json_t *psr(const opts *o, const qlab_sharpe *s, qlab_psr_form form)
{
    const double se = qlab_sharpe_se(s, o->benchmark, form);
    json_t *r = qlab_stat_result("psr", qlab_psr(s, o->benchmark, form));
    qlab_stat_put_sharpe(r, s, form);
    qlab_stat_put(r, "benchmark", o->benchmark);
    qlab_stat_put(r, "standard_error", se);
    qlab_stat_put(r, "z", (s->sr - o->benchmark) / se);
    qlab_stat_put_text(r, "unit", "per period");
    return r;
}

static qlab_code psr_column(const void *given, qlab_f64v x, json_t **out, qlab_err *err)
{
    const opts *o = given;
    qlab_psr_form form;
    const qlab_code rc = qlab_stat_form(o->sharpe.form, &form, err);
    if (rc != QLAB_OK)
        return rc;
    const qlab_sharpe s = of_series(o, x);
    *out = psr(o, &s, form);
    qlab_stat_put(*out, "acf1", qlab_sharpe_of(x).rho);
    qlab_stat_put(*out, "gate", qlab_psr_gate(&s, o->benchmark));
    return QLAB_OK;
}

static qlab_code run_psr(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_sharpe s;
    qlab_psr_form form;
    qlab_code rc = o->input ? check_no_numbers(o, err)
                            : qlab_stat_sharpe_given(&o->sharpe, true, &s, &form, err);
    if (rc != QLAB_OK)
        return rc;
    if (o->input)
        return qlab_stat_each_column(cx, o->input, psr_column, o, err);
    qlab_stat_print(cx, psr(o, &s, form));
    return QLAB_OK;
}

static json_t *min_trl(const opts *o, const qlab_sharpe *s, qlab_psr_form form)
{
    json_t *r = qlab_stat_result("mintrl", qlab_min_trl(s, o->benchmark, o->confidence, form));
    qlab_stat_put_sharpe(r, s, form);
    qlab_stat_put(r, "benchmark", o->benchmark);
    qlab_stat_put(r, "confidence", o->confidence);
    qlab_stat_put_text(r, "unit", "observations");
    if (s->sr <= o->benchmark)
        qlab_stat_put_text(r, "reason",
                           "the Sharpe ratio is not above the benchmark: no length is enough");
    return r;
}

static qlab_code min_trl_column(const void *given, qlab_f64v x, json_t **out, qlab_err *err)
{
    const opts *o = given;
    qlab_psr_form form;
    const qlab_code rc = qlab_stat_form(o->sharpe.form, &form, err);
    if (rc != QLAB_OK)
        return rc;
    const qlab_sharpe s = of_series(o, x);
    *out = min_trl(o, &s, form);
    return QLAB_OK;
}

static qlab_code run_mintrl(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_sharpe s;
    qlab_psr_form form;
    if (!(o->confidence > 0.0 && o->confidence < 1.0))
        return qlab_fail(err, QLAB_E_USAGE, "--confidence was %g, not between 0 and 1",
                         o->confidence);
    const qlab_code rc = o->input ? check_no_numbers(o, err)
                                  : qlab_stat_sharpe_given(&o->sharpe, false, &s, &form, err);
    if (rc != QLAB_OK)
        return rc;
    if (o->input)
        return qlab_stat_each_column(cx, o->input, min_trl_column, o, err);
    json_t *r = min_trl(o, &s, form);
    json_object_del(r, "n"); /* the length is the answer, not an input */
    qlab_stat_print(cx, r);
    return QLAB_OK;
}

static qlab_code run_dsr(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_sharpe s;
    qlab_psr_form form;
    const qlab_code rc = qlab_stat_sharpe_given(&o->sharpe, true, &s, &form, err);
    if (rc != QLAB_OK)
        return rc;
    if (o->trials < 1)
        return qlab_fail(err, QLAB_E_USAGE, "--trials was %lld; at least 1 is needed",
                         (long long)o->trials);
    if (o->trials > 1 && !(o->trial_variance >= 0.0))
        return qlab_fail(err, QLAB_E_USAGE,
                         "--trial-variance is needed (variance of SR across trials, ddof 1)");
    const double n = (double)o->trials;
    const double benchmark = qlab_dsr_benchmark(n, o->trial_variance);
    json_t *r = qlab_stat_result("dsr", qlab_psr(&s, benchmark, form));
    qlab_stat_put_sharpe(r, &s, form);
    qlab_stat_put(r, "benchmark", benchmark);
    qlab_stat_put_count(r, "trials", (size_t)o->trials);
    qlab_stat_put(r, "trial_variance", o->trials > 1 ? o->trial_variance : NAN);
    qlab_stat_put_count(r, "trial_variance_ddof", 1);
    qlab_stat_put(r, "expected_maximum", qlab_emax(n));
    qlab_stat_put_text(r, "expected_maximum_form", "approximate");
    qlab_stat_put(r, "standard_error", qlab_sharpe_se(&s, benchmark, form));
    qlab_stat_print(cx, r);
    return QLAB_OK;
}

static const qlab_opt PSR_OPTIONS[] = {
    QLAB_STAT_SHARPE_OPTS(opts),
    QLAB_I64_OPT(opts, sharpe.t, "t", "N", "observations"),
    QLAB_F64_OPT(opts, benchmark, "benchmark", "X", "Sharpe ratio to beat, per period; else 0"),
    QLAB_STR_OPT(opts, input, "input", "CSV",
                 "returns, one column a series, in place of the numbers"),
    QLAB_OPTS_END,
};

static const qlab_opt MINTRL_OPTIONS[] = {
    QLAB_STAT_SHARPE_OPTS(opts),
    QLAB_F64_OPT(opts, benchmark, "benchmark", "X", "Sharpe ratio to beat, per period; else 0"),
    QLAB_F64_OPT(opts, confidence, "confidence", "P", "else 0.95"),
    QLAB_STR_OPT(opts, input, "input", "CSV",
                 "returns, one column a series, in place of the numbers"),
    QLAB_OPTS_END,
};

static const qlab_opt DSR_OPTIONS[] = {
    QLAB_STAT_SHARPE_OPTS(opts),
    QLAB_I64_OPT(opts, sharpe.t, "t", "N", "observations"),
    QLAB_I64_OPT(opts, trials, "trials", "N", "independent trials"),
    QLAB_F64_OPT(opts, trial_variance, "trial-variance", "X",
                 "variance of the trials' Sharpe ratios, ddof 1"),
    QLAB_OPTS_END,
};

const qlab_cmd qlab_cmd_stat_psr = {
    .name = "stat psr",
    .summary = "probability that the true Sharpe beats a benchmark",
    .help = "Bailey and Lopez de Prado (2012), or the 2025 form, which allows for autocorrelation. "
            "The ratios are per period, never annual. With --input, \"gate\" is the smaller of "
            "both forms, the latter with rho = max(0, first autocorrelation).\n"
            "\n"
            "example:\n"
            "  quantlab stat psr --sr .458 --t 24 --skew -2.448 --kurt 10.164\n",
    .options = PSR_OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run_psr,
};

const qlab_cmd qlab_cmd_stat_mintrl = {
    .name = "stat mintrl",
    .summary = "observations needed before a Sharpe ratio is believed",
    .help = "Minimum track record length: the number of observations at which PSR reaches the "
            "confidence. null where the ratio is not above the benchmark.\n"
            "\n"
            "example:\n"
            "  quantlab stat mintrl --sr 1.14 --benchmark 1 --skew 0 --kurt 3 \\\n"
            "      --confidence .95\n",
    .options = MINTRL_OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run_mintrl,
};

const qlab_cmd qlab_cmd_stat_dsr = {
    .name = "stat dsr",
    .summary = "PSR against the best of N worthless trials",
    .help = "Deflated Sharpe ratio (Bailey and Lopez de Prado 2014): the benchmark is the expected "
            "maximum over the trials, sqrt(trial variance) * emax(N). N = 1 gives a benchmark of "
            "0.\n"
            "\n"
            "example:\n"
            "  quantlab stat dsr --sr .12 --t 1250 --skew 0 --kurt 4 \\\n"
            "      --trials 33 --trial-variance .0004\n",
    .options = DSR_OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run_dsr,
};
