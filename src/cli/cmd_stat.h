/* cli/cmd_stat.h -- private to the `stat` commands: CSV in, JSON out.
 *
 * Every result starts with "statistic" and "value" (the main number; null where it does not exist)
 * and names each convention it rests on (form, ddof, lag, n, rho).  All stat commands print JSON,
 * with or without --json.
 */
#ifndef QLAB_CLI_CMD_STAT_H
#define QLAB_CLI_CMD_STAT_H

#include "base/json.h"
#include "cli/cmd.h"
#include "stat/sharpe.h"
#include "stat/table.h"

/* {"statistic": ..., "value": ...}; NaN and infinities become null. */
json_t *qlab_stat_result(const char *statistic, double value);
void qlab_stat_put(json_t *o, const char *key, double value);
void qlab_stat_put_count(json_t *o, const char *key, size_t n);
void qlab_stat_put_text(json_t *o, const char *key, const char *text);
void qlab_stat_put_moments(json_t *o); /* "ddof": 1, "moments": "biased" */

/* One result a column of the CSV: that of the first, and where there are more, all of them under
 * "series", each with its "column".  Prints. */
typedef qlab_code (*qlab_stat_column)(const void *opts, qlab_f64v x, json_t **out, qlab_err *err);
qlab_code qlab_stat_each_column(qlab_ctx *cx, const char *path, qlab_stat_column f,
                                const void *opts, qlab_err *err) QLAB_MUST_USE;
/* Prints and frees. */
void qlab_stat_print(qlab_ctx *cx, json_t *result);

/* --sr --t --skew --kurt --rho --form as they were typed; NaN or NULL = not given. */
typedef struct qlab_stat_sharpe_opts {
    double sr, skew, kurt, rho;
    int64_t t;
    const char *form;
} qlab_stat_sharpe_opts;

/* Reads the form (default 2012) and checks the rest; names the missing one. */
qlab_code qlab_stat_sharpe_given(const qlab_stat_sharpe_opts *o, bool needs_t, qlab_sharpe *out,
                                 qlab_psr_form *form, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_stat_form(const char *text, qlab_psr_form *form, qlab_err *err) QLAB_MUST_USE;
/* form, rho (null under 2012), n, sr, skew, kurt, ddof, moments. */
void qlab_stat_put_sharpe(json_t *o, const qlab_sharpe *s, qlab_psr_form form);

#define QLAB_STAT_SHARPE_OPTS(S)                                                                   \
    QLAB_F64_OPT(S, sharpe.sr, "sr", "X", "Sharpe ratio per period (std with ddof 1)"),            \
        QLAB_F64_OPT(S, sharpe.skew, "skew", "X", "biased skewness; normal 0"),                    \
        QLAB_F64_OPT(S, sharpe.kurt, "kurt", "X", "biased kurtosis, not excess; normal 3"),        \
        QLAB_F64_OPT(S, sharpe.rho, "rho", "X", "first autocorrelation, for the 2025 form"),       \
        QLAB_STR_OPT(S, sharpe.form, "form", "2012|2025", "form of the variance; else 2012")

#endif
