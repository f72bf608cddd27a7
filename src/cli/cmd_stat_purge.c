/* cli/cmd_stat_purge.c -- `quantlab stat purge`: what may train beside a test set. */
#include "base/alloc.h"
#include "cli/cmd_stat.h"
#include "stat/cpcv.h"

#include <math.h>

typedef struct opts {
    const char *input;
    int64_t embargo;
} opts;

typedef struct rows {
    size_t n;
    size_t *label_end;
    bool *is_test;
    uint8_t *use;
} rows;

static qlab_code read_rows(const char *path, const qlab_stat_table *t, rows *r, qlab_err *err)
{
    const size_t end = qlab_stat_table_find(t, "label_end");
    const size_t test = qlab_stat_table_find(t, "test");

    if (end == t->n_cols || test == t->n_cols)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s had no column \"%s\"", path,
                         end == t->n_cols ? "label_end" : "test");
    r->n = t->n_rows;
    for (size_t i = 0; i < r->n; i++) {
        const double last = t->col[end][i], tested = t->col[test][i];
        if (!(last >= (double)i && last <= 1e15 && floor(last) == last))
            return qlab_fail(err, QLAB_E_CORRUPT,
                             "%s: row %zu: label_end was %g, not a row from %zu on", path, i, last,
                             i);
        if (tested != 0.0 && tested != 1.0)
            return qlab_fail(err, QLAB_E_CORRUPT, "%s: row %zu: test was %g, not 0 or 1", path, i,
                             tested);
        r->label_end[i] = (size_t)last;
        r->is_test[i] = tested != 0.0;
    }
    return QLAB_OK;
}

/* Pairs of a train and a test row whose intervals have a row in common: measured, not assumed. */
static size_t count_overlaps(const rows *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; r->use[i] == QLAB_ROW_TRAIN && k < r->n; k++)
            n += r->use[k] == QLAB_ROW_TEST && i <= r->label_end[k] && k <= r->label_end[i];
    return n;
}

static json_t *rows_with(const rows *r, qlab_row_use use)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->n; i++)
        if (r->use[i] == use)
            json_array_append_new(list, json_integer((json_int_t)i));
    return list;
}

static void print_result(qlab_ctx *cx, const opts *o, const rows *r)
{
    json_t *train = rows_with(r, QLAB_ROW_TRAIN), *doc = qlab_stat_result("purge", 0.0);

    json_object_set_new(doc, "value", json_integer((json_int_t)json_array_size(train)));
    qlab_stat_put_text(doc, "form", "train rows left");
    qlab_stat_put_count(doc, "n", r->n);
    qlab_stat_put_count(doc, "embargo", (size_t)o->embargo);
    qlab_stat_put_text(doc, "embargo_after", "the last label of each test block");
    qlab_stat_put_count(doc, "overlapping_pairs", count_overlaps(r));
    json_object_set_new(doc, "train_rows", train);
    json_object_set_new(doc, "test_rows", rows_with(r, QLAB_ROW_TEST));
    json_object_set_new(doc, "purged_rows", rows_with(r, QLAB_ROW_PURGED));
    json_object_set_new(doc, "embargoed_rows", rows_with(r, QLAB_ROW_EMBARGOED));
    qlab_stat_print(cx, doc);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_stat_table t = {0};
    rows r = {0};

    if (o->embargo < 0)
        return qlab_fail(err, QLAB_E_USAGE, "--embargo was %lld", (long long)o->embargo);
    qlab_code rc = qlab_stat_table_read(o->input, &t, err);
    if (rc != QLAB_OK)
        return rc;
    r.label_end = qlab_alloc(t.n_rows + 1, sizeof *r.label_end);
    r.is_test = qlab_alloc(t.n_rows + 1, sizeof *r.is_test);
    r.use = qlab_alloc(t.n_rows + 1, 1);
    if ((rc = read_rows(o->input, &t, &r, err)) == QLAB_OK) {
        qlab_purge(r.label_end, r.is_test, r.n, (size_t)o->embargo, r.use);
        print_result(cx, o, &r);
    }
    qlab_free(r.label_end);
    qlab_free(r.is_test);
    qlab_free(r.use);
    qlab_stat_table_free(&t);
    return rc;
}

static const qlab_opt OPTIONS[] = {
    QLAB_STR_REQ(opts, input, "input", "CSV", "columns label_end (a row, from 0) and test (0, 1)"),
    QLAB_I64_OPT(opts, embargo, "embargo", "E",
                 "rows kept free after the labels of a test block; else 0"),
    QLAB_OPTS_END,
};

const qlab_cmd qlab_cmd_stat_purge = {
    .name = "stat purge",
    .summary = "what may train beside a test set",
    .help = "A row holds information from itself to its label_end (labels of halted names end "
            "late: any row from itself on). What touches a test block's information is purged; "
            "what starts too soon after it is embargoed. The value is the number of train rows; "
            "overlapping_pairs is measured afterwards and is 0.\n"
            "\n"
            "example:\n"
            "  quantlab stat purge --input rows.csv --embargo 5\n",
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
