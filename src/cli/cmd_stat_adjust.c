/* cli/cmd_stat_adjust.c -- `quantlab stat adjust`: p values of many tests at once. */
#include "base/alloc.h"
#include "cli/cmd_stat.h"
#include "stat/fdr.h"

#include <math.h>
#include <string.h>

typedef struct opts {
    const char *input, *method;
} opts;

static const char *const NAMES[] = {"bh", "by", "holm"};

static qlab_code check(const char *path, qlab_f64v p, qlab_err *err)
{
    for (size_t i = 0; i < p.n; i++)
        if (p.at[i] < 0.0 || p.at[i] > 1.0)
            return qlab_fail(err, QLAB_E_CORRUPT, "%s: row %zu: p was %g, not between 0 and 1",
                             path, i + 1, p.at[i]);
    return QLAB_OK;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_stat_table t = {0};
    double *q = NULL;
    int method = 0;

    while (method < 3 && strcmp(o->method, NAMES[method]) != 0)
        method++;
    if (method == 3)
        return qlab_fail(err, QLAB_E_USAGE, "--method was \"%s\", not holm, bh or by", o->method);
    qlab_code rc = qlab_stat_table_read(o->input, &t, err);
    if (rc == QLAB_OK && t.n_cols != 1)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s had %zu columns; one of p values is needed",
                       o->input, t.n_cols);
    if (rc == QLAB_OK)
        rc = check(o->input, qlab_stat_table_series(&t, 0), err);
    if (rc != QLAB_OK)
        goto done;

    q = qlab_alloc(t.n_rows, sizeof *q);
    const size_t n = qlab_adjust_p(qlab_stat_table_series(&t, 0), (qlab_adjust_method)method,
                                   (qlab_f64w){q, t.n_rows});
    json_t *r = qlab_stat_result("adjust", NAN), *adjusted = json_array();
    for (size_t i = 0; i < t.n_rows; i++)
        json_array_append_new(adjusted, qlab_json_f64(q[i]));
    json_object_set_new(r, "value", adjusted); /* in the order of the rows */
    qlab_stat_put_text(r, "method", NAMES[method]);
    qlab_stat_put_text(r, "controls",
                       method == QLAB_ADJUST_HOLM ? "family-wise error rate"
                                                  : "false discovery rate");
    qlab_stat_put_count(r, "n", n);
    qlab_stat_print(cx, r);
done:
    qlab_free(q);
    qlab_stat_table_free(&t);
    return rc;
}

static const qlab_opt OPTIONS[] = {
    QLAB_STR_REQ(opts, input, "input", "CSV", "one column of p values; empty = no test"),
    QLAB_STR_REQ(opts, method, "method", "holm|bh|by", "how"),
    QLAB_OPTS_END,
};

const qlab_cmd qlab_cmd_stat_adjust = {
    .name = "stat adjust",
    .summary = "adjusted p values: Holm, BH, BY",
    .help = "Reject where the adjusted value is at most the wanted rate. The values stand in the "
            "order of the rows.\n"
            "\n"
            "example:\n"
            "  quantlab stat adjust --input p.csv --method bh\n",
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
