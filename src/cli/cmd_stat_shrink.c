/* cli/cmd_stat_shrink.c -- `quantlab stat shrink`: a covariance matrix that can be inverted. */
#include "base/alloc.h"
#include "cli/cmd_stat.h"
#include "stat/shrink.h"

#include <string.h>

enum { MOST_SERIES = 2000 };

typedef struct opts {
    const char *input, *target;
} opts;

static void init(void *at)
{
    opts *o = at;
    o->target = "identity";
}

static json_t *result_of(const opts *o, const qlab_stat_table *t, const qlab_shrunk *s,
                         const double *matrix, size_t n_dropped)
{
    json_t *r = qlab_stat_result("shrink", s->intensity), *rows = json_array();
    json_t *names = json_array();
    qlab_stat_put_text(r, "form", "Ledoit and Wolf 2004");
    qlab_stat_put_text(r, "target", o->target);
    qlab_stat_put_count(r, "ddof", 0);
    qlab_stat_put_count(r, "n", s->n);
    qlab_stat_put_count(r, "dropped_rows", n_dropped);
    qlab_stat_put_count(r, "series", s->p);
    qlab_stat_put(r, "mean_variance", s->mean_variance);
    qlab_stat_put(r, "mean_correlation", s->mean_correlation);
    for (size_t i = 0; i < s->p; i++) {
        json_t *row = json_array();
        for (size_t j = 0; j < s->p; j++)
            json_array_append_new(row, qlab_json_f64(matrix[i * s->p + j]));
        json_array_append_new(rows, row);
        json_array_append_new(names, json_string(t->names[i]));
    }
    json_object_set_new(r, "columns", names);
    json_object_set_new(r, "covariance", rows);
    return r;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_stat_table t = {0};
    double *matrix = NULL;
    const bool identity = strcmp(o->target, "identity") == 0;

    if (!identity && strcmp(o->target, "constant-correlation") != 0)
        return qlab_fail(err, QLAB_E_USAGE,
                         "--target was \"%s\", not identity or constant-correlation", o->target);
    qlab_code rc = qlab_stat_table_read(o->input, &t, err);
    if (rc == QLAB_OK && (t.n_cols == 0 || t.n_cols > MOST_SERIES))
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s had %zu columns, not from 1 to %d", o->input,
                       t.n_cols, MOST_SERIES);
    if (rc != QLAB_OK)
        goto done;
    const size_t n_dropped = qlab_stat_table_complete(&t);
    matrix = qlab_alloc(t.n_cols * t.n_cols, sizeof *matrix);
    const qlab_shrunk s =
        qlab_shrink((const double *const *)t.col, t.n_cols, t.n_rows,
                    identity ? QLAB_SHRINK_IDENTITY : QLAB_SHRINK_CONSTANT_CORRELATION, matrix);
    qlab_stat_print(cx, result_of(o, &t, &s, matrix, n_dropped));
done:
    qlab_free(matrix);
    qlab_stat_table_free(&t);
    return rc;
}

static const qlab_opt OPTIONS[] = {
    QLAB_STR_REQ(opts, input, "input", "CSV", "one column a series"),
    QLAB_STR_OPT(opts, target, "target", "identity|constant-correlation", "else identity"),
    QLAB_OPTS_END,
};

const qlab_cmd qlab_cmd_stat_shrink = {
    .name = "stat shrink",
    .summary = "covariance matrix shrunk towards a simple one",
    .help = "Ledoit and Wolf (2004): the main value is the weight of the target, estimated from "
            "the data; the matrix follows. Rows with an empty cell are left out.\n"
            "\n"
            "example:\n"
            "  quantlab stat shrink --input returns.csv --target constant-correlation\n",
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run,
};
