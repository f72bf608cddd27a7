/* cli/cmd_features_check_leaks.c -- `quantlab features check-leaks`: does a value know the future?
 */
#include "base/date.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "feature/leaks.h"

#include <inttypes.h>

typedef struct opts {
    const char *id;
    int64_t rows;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, id, "features", "ID", "feature set id, prefix, or latest (default)"),
    QLAB_I64_OPT(opts, rows, "rows", "N", "rows to recompute (default 240); --seed chooses them"),
    QLAB_OPTS_END,
};

static void init(void *given)
{
    ((opts *)given)->rows = 240;
}

static size_t n_listed(const qlab_leaks_report *r)
{
    return r->n_differences < QLAB_LEAKS_KEPT ? (size_t)r->n_differences : QLAB_LEAKS_KEPT;
}

static void print_json(const qlab_ctx *cx, const qlab_leaks_report *r)
{
    char text[QLAB_DATE_BYTES];
    json_t *o = json_object(), *list = json_array();
    for (size_t i = 0; i < n_listed(r); i++) {
        const qlab_leak *l = &r->first[i];
        json_t *x = json_object();
        json_object_set_new(x, "asset_id", json_string(l->asset_id));
        json_object_set_new(x, "date", json_string(qlab_date_format(l->date, text)));
        json_object_set_new(x, "column", json_string(l->column));
        json_object_set_new(x, "future", json_string(l->future));
        json_object_set_new(x, "stored", qlab_json_f64(l->stored));
        json_object_set_new(x, "recomputed", qlab_json_f64(l->recomputed));
        json_array_append_new(list, x);
    }
    json_object_set_new(o, "feature_set_id", json_string(r->id));
    json_object_set_new(o, "verdict", json_string(r->n_differences == 0 ? "PASS" : "LEAK"));
    json_object_set_new(o, "rows", json_integer((json_int_t)r->n_rows));
    json_object_set_new(o, "values", json_integer((json_int_t)r->n_values));
    json_object_set_new(o, "differences", json_integer((json_int_t)r->n_differences));
    json_object_set_new(o, "first_differences", list);
    qlab_cmd_print_json(cx, o);
    json_decref(o);
}

static void print_text(const qlab_ctx *cx, const qlab_leaks_report *r)
{
    char text[QLAB_DATE_BYTES];
    for (size_t i = 0; i < n_listed(r); i++) {
        const qlab_leak *l = &r->first[i];
        fprintf(cx->out, "LEAK %s %s %s: stored %.17g, with the future %s %.17g\n", l->asset_id,
                qlab_date_format(l->date, text), l->column, l->stored, l->future, l->recomputed);
    }
    fprintf(cx->out,
            "%s feature set %s: %" PRIu64 " rows, %" PRIu64 " values recomputed, %" PRIu64
            " differences\n",
            r->n_differences == 0 ? "PASS" : "FAIL", r->id, r->n_rows, r->n_values,
            r->n_differences);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    if (o->rows < 1 || o->rows > 1000000)
        return qlab_fail(err, QLAB_E_USAGE, "--rows was %lld: give 1 to 1000000",
                         (long long)o->rows);
    qlab_leaks_report r;
    qlab_code code = qlab_leaks_check(&cx->env, o->id, (size_t)o->rows, NULL, &r, err);
    if (code != QLAB_OK)
        return code;
    if (cx->json)
        print_json(cx, &r);
    else
        print_text(cx, &r);
    cx->exit_code = r.n_differences == 0 ? 0 : 1;
    qlab_leaks_report_free(&r);
    return QLAB_OK;
}

const qlab_cmd qlab_cmd_features_check_leaks = {
    .name = "features check-leaks",
    .summary = "recompute rows without their future, compare bits",
    .help =
        "Each sampled row is computed again from bars up to its date, once with the later bars\n"
        "cut off and once with garbage in their place.  Exit 1 names what differs.\n"
        "example:\n"
        "  quantlab features check-leaks --rows 1000 --seed 7\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run,
};
