/* cli/cmd_stat_trials.c -- `quantlab stat emax`, `stat minbtl`: what many trials do by chance. */
#include "cli/cmd_stat.h"

#include <math.h>

typedef struct opts {
    int64_t n;
    bool exact;
    double sr;
} opts;

static void init(void *at)
{
    opts *o = at;
    o->sr = NAN;
}

static qlab_code check_n(const opts *o, qlab_err *err)
{
    if (o->n < 1)
        return qlab_fail(err, QLAB_E_USAGE, "--n was %lld; at least 1 trial is needed",
                         (long long)o->n);
    return QLAB_OK;
}

static qlab_code run_emax(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    const qlab_code rc = check_n(o, err);
    if (rc != QLAB_OK)
        return rc;
    const double n = (double)o->n;
    json_t *r = qlab_stat_result("emax", o->exact ? qlab_emax_exact(n) : qlab_emax(n));
    qlab_stat_put_text(r, "form", o->exact ? "exact" : "approximate");
    qlab_stat_put_count(r, "n", (size_t)o->n);
    qlab_stat_put(r, "approximate", qlab_emax(n));
    qlab_stat_put(r, "exact", qlab_emax_exact(n));
    qlab_stat_print(cx, r);
    return QLAB_OK;
}

static qlab_code run_minbtl(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    const qlab_code rc = check_n(o, err);
    if (rc != QLAB_OK)
        return rc;
    if (!(o->sr > 0.0))
        return qlab_fail(err, QLAB_E_USAGE, "--sr was %g; an annual Sharpe ratio above 0 is needed",
                         o->sr);
    json_t *r = qlab_stat_result("minbtl", qlab_min_btl_years((double)o->n, o->sr));
    qlab_stat_put_text(r, "form", "approximate expected maximum");
    qlab_stat_put_count(r, "n", (size_t)o->n);
    qlab_stat_put(r, "sr", o->sr);
    qlab_stat_put(r, "expected_maximum", qlab_emax((double)o->n));
    qlab_stat_put_text(r, "unit", "years");
    qlab_stat_print(cx, r);
    return QLAB_OK;
}

static const qlab_opt EMAX_OPTIONS[] = {
    QLAB_I64_OPT(opts, n, "n", "N", "independent trials"),
    QLAB_FLAG(opts, exact, "exact", "by quadrature in place of the approximation"),
    QLAB_OPTS_END,
};

static const qlab_opt MINBTL_OPTIONS[] = {
    QLAB_I64_OPT(opts, n, "n", "N", "independent trials"),
    QLAB_F64_OPT(opts, sr, "sr", "X", "annual Sharpe ratio of the best trial"),
    QLAB_OPTS_END,
};

const qlab_cmd qlab_cmd_stat_emax = {
    .name = "stat emax",
    .summary = "expected maximum of N standard normals",
    .help =
        "The approximation (1-g) Z(1-1/N) + g Z(1-1/(N e)), which the deflated Sharpe ratio "
        "uses, or the exact value. Both are in the result; --exact says which is the main one.\n"
        "\n"
        "example:\n"
        "  quantlab stat emax --n 100 --exact\n",
    .options = EMAX_OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run_emax,
};

const qlab_cmd qlab_cmd_stat_minbtl = {
    .name = "stat minbtl",
    .summary = "years below which worthless trials show this Sharpe",
    .help = "Minimum backtest length (Bailey, Borwein, Lopez de Prado and Zhu 2014).\n"
            "\n"
            "example:\n"
            "  quantlab stat minbtl --n 45 --sr 1\n",
    .options = MINBTL_OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run_minbtl,
};
