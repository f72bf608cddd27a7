/* cli/cmd_stat_cpcv.c -- `quantlab stat cpcv`: the splits of combinatorial purged cross-validation.
 */
#include "base/alloc.h"
#include "cli/cmd_stat.h"
#include "stat/cpcv.h"

#include <string.h>

enum { MOST_LISTED = 50000 };

typedef struct opts {
    int64_t groups, test, rows, purge, embargo;
} opts;

static qlab_code check(const opts *o, qlab_err *err)
{
    if (o->groups < 2 || o->groups > QLAB_CPCV_MAX_GROUPS)
        return qlab_fail(err, QLAB_E_USAGE, "--groups was %lld, not from 2 to %d",
                         (long long)o->groups, QLAB_CPCV_MAX_GROUPS);
    if (o->test < 1 || o->test >= o->groups)
        return qlab_fail(err, QLAB_E_USAGE, "--test was %lld, not from 1 to %lld",
                         (long long)o->test, (long long)o->groups - 1);
    if (o->rows != 0 && (o->rows < o->groups || o->rows > 1000000))
        return qlab_fail(err, QLAB_E_USAGE,
                         "--rows was %lld, not from %lld (the groups) to 1000000",
                         (long long)o->rows, (long long)o->groups);
    if (o->purge < 0 || o->embargo < 0)
        return qlab_fail(err, QLAB_E_USAGE, "--purge and --embargo are not negative");
    return QLAB_OK;
}

static json_t *rows_with(const uint8_t *use, size_t n, uint8_t wanted)
{
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++)
        if (use[i] == wanted)
            json_array_append_new(a, json_integer((json_int_t)i));
    return a;
}

typedef struct plan {
    const opts *o;
    size_t n_rows;
    size_t *label_end;
    bool *is_test;
    uint8_t *use;
    uint64_t seen[QLAB_CPCV_MAX_GROUPS]; /* occurrences of a group so far */
} plan;

static json_t *split(plan *p, const uint32_t *test)
{
    json_t *s = json_object(), *groups = json_array(), *paths = json_array();
    for (int64_t i = 0; i < p->o->test; i++) {
        json_array_append_new(groups, json_integer(test[i]));
        json_array_append_new(paths, json_integer((json_int_t)p->seen[test[i]]++));
    }
    json_object_set_new(s, "test_groups", groups);
    json_object_set_new(s, "path_ids", paths);
    if (p->n_rows == 0)
        return s;

    memset(p->is_test, 0, p->n_rows * sizeof *p->is_test);
    for (int64_t i = 0; i < p->o->test; i++) {
        size_t from, to;
        qlab_cpcv_group(p->n_rows, (uint32_t)p->o->groups, test[i], &from, &to);
        for (; from < to; from++)
            p->is_test[from] = true;
    }
    qlab_purge(p->label_end, p->is_test, p->n_rows, (size_t)p->o->embargo, p->use);
    json_object_set_new(s, "train_rows", rows_with(p->use, p->n_rows, QLAB_ROW_TRAIN));
    json_object_set_new(s, "test_rows", rows_with(p->use, p->n_rows, QLAB_ROW_TEST));
    json_object_set_new(s, "purged_rows", rows_with(p->use, p->n_rows, QLAB_ROW_PURGED));
    json_object_set_new(s, "embargoed_rows", rows_with(p->use, p->n_rows, QLAB_ROW_EMBARGOED));
    return s;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    uint32_t test[QLAB_CPCV_MAX_GROUPS];
    plan p = {.o = o, .n_rows = (size_t)o->rows};
    const qlab_code rc = check(o, err);
    if (rc != QLAB_OK)
        return rc;

    const uint32_t n = (uint32_t)o->groups, k = (uint32_t)o->test;
    const uint64_t n_splits = qlab_cpcv_splits(n, k);
    json_t *r = qlab_stat_result("cpcv", (double)qlab_cpcv_paths(n, k));
    json_object_set_new(r, "value", json_integer((json_int_t)qlab_cpcv_paths(n, k)));
    json_object_set_new(r, "paths", json_integer((json_int_t)qlab_cpcv_paths(n, k)));
    json_object_set_new(r, "n_splits", json_integer((json_int_t)n_splits));
    json_object_set_new(r, "groups", json_integer(n));
    json_object_set_new(r, "test", json_integer(k));
    if (o->rows != 0) {
        json_object_set_new(r, "rows", json_integer((json_int_t)o->rows));
        json_object_set_new(r, "purge", json_integer((json_int_t)o->purge));
        json_object_set_new(r, "embargo", json_integer((json_int_t)o->embargo));
        qlab_stat_put_text(r, "embargo_after", "the last label of the test block");
    }
    if (n_splits > MOST_LISTED || n_splits * (uint64_t)o->rows > 20000000) {
        qlab_stat_put_text(r, "splits", "too many to list");
    } else {
        json_t *splits = json_array();
        p.label_end = qlab_alloc(p.n_rows, sizeof *p.label_end);
        p.is_test = qlab_alloc(p.n_rows, sizeof *p.is_test);
        p.use = qlab_alloc(p.n_rows, sizeof *p.use);
        for (size_t i = 0; i < p.n_rows; i++)
            p.label_end[i] = i + (size_t)o->purge;
        qlab_cpcv_first(k, test);
        do
            json_array_append_new(splits, split(&p, test));
        while (qlab_cpcv_next(n, k, test));
        json_object_set_new(r, "splits", splits);
        qlab_free(p.label_end);
        qlab_free(p.is_test);
        qlab_free(p.use);
    }
    qlab_stat_print(cx, r);
    return QLAB_OK;
}

static const qlab_opt OPTIONS[] = {
    QLAB_I64_OPT(opts, groups, "groups", "N", "groups of adjacent rows, 2 to 64"),
    QLAB_I64_OPT(opts, test, "test", "K", "groups in a test set"),
    QLAB_I64_OPT(opts, rows, "rows", "R", "rows; the last group takes the remainder"),
    QLAB_I64_OPT(opts, purge, "purge", "P", "rows that a label reaches ahead; else 0"),
    QLAB_I64_OPT(opts, embargo, "embargo", "E",
                 "rows kept free after the labels of a test block; else 0"),
    QLAB_OPTS_END,
};

const qlab_cmd qlab_cmd_stat_cpcv = {
    .name = "stat cpcv",
    .summary = "splits and paths of combinatorial purged CV",
    .help =
        "The value is the number of complete paths. Splits come in lexicographic order; the j-th "
        "time that a group is tested belongs to path j. With --rows each split lists its train, "
        "test, purged and embargoed rows, counted from 0.\n"
        "\n"
        "example:\n"
        "  quantlab stat cpcv --groups 6 --test 2 --rows 12 --purge 1 --embargo 1\n",
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
