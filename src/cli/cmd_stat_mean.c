/* cli/cmd_stat_mean.c -- `quantlab stat nw`, `stat har`, `stat spearman`. */
#include "base/alloc.h"
#include "cli/cmd_stat.h"
#include "num/rank.h"
#include "stat/har.h"
#include "stat/ic.h"

#include <math.h>

typedef struct opts {
    const char *input;
    int64_t lag, horizon;
} opts;

static void init(void *at)
{
    opts *o = at;
    o->lag = -1;
    o->horizon = 1;
}

static qlab_code nw_column(const void *given, qlab_f64v x, json_t **out, qlab_err *err)
{
    const opts *o = given;
    (void)err;
    const qlab_newey_west w = qlab_newey_west_mean(x, (size_t)o->lag);
    const qlab_ic_summary s = qlab_ic_summarize(x);
    json_t *r = *out = qlab_stat_result("nw", w.t);
    qlab_stat_put_text(r, "form", "Bartlett, autocovariances with divisor n");
    qlab_stat_put_count(r, "lag", w.lag);
    qlab_stat_put_count(r, "n", w.n);
    qlab_stat_put(r, "mean", w.mean);
    qlab_stat_put(r, "long_run_variance", w.lrv);
    qlab_stat_put(r, "standard_error", sqrt(w.lrv / (double)w.n));
    qlab_stat_put(r, "p_one_sided", w.p);
    qlab_stat_put(r, "t_iid", s.icir * sqrt((double)s.n));
    qlab_stat_put_count(r, "t_iid_ddof", 1);
    return QLAB_OK;
}

static qlab_code run_nw(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    if (o->lag < 0)
        return qlab_fail(err, QLAB_E_USAGE, "--lag is needed and is not negative");
    return qlab_stat_each_column(cx, o->input, nw_column, o, err);
}

static qlab_code har_column(const void *given, qlab_f64v x, json_t **out, qlab_err *err)
{
    const opts *o = given;
    (void)err;
    const qlab_har h = qlab_har_mean(x, (size_t)o->horizon);
    json_t *r = *out = qlab_stat_result("har", h.t);
    qlab_stat_put_text(r, "form", "equal-weighted cosine");
    qlab_stat_put_count(r, "horizon", (size_t)o->horizon);
    qlab_stat_put_count(r, "terms", h.b);
    qlab_stat_put_count(r, "df", h.b);
    qlab_stat_put_count(r, "n", h.n);
    qlab_stat_put(r, "mean", h.mean);
    qlab_stat_put(r, "long_run_variance", h.lrv);
    qlab_stat_put(r, "standard_error", sqrt(h.lrv / (double)h.n));
    qlab_stat_put(r, "p_one_sided", h.p);
    return QLAB_OK;
}

static qlab_code run_har(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    if (o->horizon < 1)
        return qlab_fail(err, QLAB_E_USAGE, "--horizon was %lld; at least 1 session is needed",
                         (long long)o->horizon);
    return qlab_stat_each_column(cx, o->input, har_column, o, err);
}

static qlab_code run_spearman(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_stat_table t = {0};
    void *scratch = NULL;
    qlab_code rc = qlab_stat_table_read(o->input, &t, err);
    if (rc == QLAB_OK && t.n_cols != 2)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s had %zu columns; two are compared", o->input,
                       t.n_cols);
    if (rc == QLAB_OK && t.n_rows > 1000000)
        rc = qlab_fail(err, QLAB_E_LIMIT, "%s had %zu rows; 1000000 can be ranked", o->input,
                       t.n_rows);
    if (rc != QLAB_OK)
        goto done;
    scratch = qlab_alloc(1, qlab_rank_scratch_bytes(t.n_rows));
    const qlab_spearman s = qlab_rank_spearman(t.col[0], t.col[1], t.n_rows, scratch);
    json_t *r = qlab_stat_result("spearman", s.rho);
    qlab_stat_put_text(r, "form", "average ranks, Pearson of the ranks");
    qlab_stat_put_count(r, "n", s.n_common);
    qlab_stat_put_count(r, "rows", t.n_rows);
    qlab_stat_put_text(r, "x", t.names[0]);
    qlab_stat_put_text(r, "y", t.names[1]);
    qlab_stat_print(cx, r);
done:
    qlab_free(scratch);
    qlab_stat_table_free(&t);
    return rc;
}

static const qlab_opt NW_OPTIONS[] = {
    QLAB_STR_REQ(opts, input, "input", "CSV", "one column a series"),
    QLAB_I64_OPT(opts, lag, "lag", "L", "autocovariances beside the variance"),
    QLAB_OPTS_END,
};

static const qlab_opt HAR_OPTIONS[] = {
    QLAB_STR_REQ(opts, input, "input", "CSV", "one column a series"),
    QLAB_I64_OPT(opts, horizon, "horizon", "H", "sessions that a label spans; else 1"),
    QLAB_OPTS_END,
};

static const qlab_opt SPEARMAN_OPTIONS[] = {
    QLAB_STR_REQ(opts, input, "input", "CSV", "two columns"),
    QLAB_OPTS_END,
};

const qlab_cmd qlab_cmd_stat_nw = {
    .name = "stat nw",
    .summary = "t of a mean under autocorrelation (Newey and West)",
    .help = "One-sided p from the normal. It over-rejects with persistent series: see `stat har`.\n"
            "\n"
            "example:\n"
            "  quantlab stat nw --input ic.csv --lag 4\n",
    .options = NW_OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run_nw,
};

const qlab_cmd qlab_cmd_stat_har = {
    .name = "stat har",
    .summary = "t of a mean under autocorrelation (cosine HAR)",
    .help = "Lazarus, Lewis, Stock and Watson (2018): the t that stage A judges a mean IC by.\n"
            "\n"
            "example:\n"
            "  quantlab stat har --input ic.csv --horizon 5\n",
    .options = HAR_OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run_har,
};

const qlab_cmd qlab_cmd_stat_spearman = {
    .name = "stat spearman",
    .summary = "rank correlation of two columns, ties by average rank",
    .help = "Rows with a missing cell are left out; null where a column is constant.\n"
            "\n"
            "example:\n"
            "  quantlab stat spearman --input xy.csv\n",
    .options = SPEARMAN_OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run_spearman,
};
