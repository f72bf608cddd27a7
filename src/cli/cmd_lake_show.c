/* cli/cmd_lake_show.c -- `quantlab lake show`: one commit, and what a read at it sees. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "cli/commit_arg.h"
#include "lake/lake.h"

#include <inttypes.h>
#include <string.h>

typedef struct opts {
    const char *commit;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_ARG_OPT(opts, commit, "COMMIT", "a number, or latest (default)"),
    QLAB_OPTS_END,
};

typedef struct total {
    uint64_t n_parts, n_rows, n_bytes;
    int32_t min_date, max_date;
} total;

static void add(total *t, const qlab_part *p)
{
    t->n_parts++;
    t->n_rows += p->n_rows;
    t->n_bytes += p->n_bytes;
    if (p->min_date == QLAB_DATE_NONE)
        return;
    if (t->min_date == QLAB_DATE_NONE || p->min_date < t->min_date)
        t->min_date = p->min_date;
    if (t->max_date == QLAB_DATE_NONE || p->max_date > t->max_date)
        t->max_date = p->max_date;
}

static json_t *date_json(int32_t date)
{
    char day[QLAB_DATE_BYTES];
    return date == QLAB_DATE_NONE ? json_null() : json_string(qlab_date_format(date, day));
}

static json_t *total_json(const total *t)
{
    json_t *o = json_object();
    json_object_set_new(o, "parts", json_integer((json_int_t)t->n_parts));
    json_object_set_new(o, "rows", json_integer((json_int_t)t->n_rows));
    json_object_set_new(o, "bytes", json_integer((json_int_t)t->n_bytes));
    json_object_set_new(o, "min_date", date_json(t->min_date));
    json_object_set_new(o, "max_date", date_json(t->max_date));
    return o;
}

static void total_text(FILE *out, const char *name, const total *t)
{
    char from[QLAB_DATE_BYTES] = "-", to[QLAB_DATE_BYTES] = "-";
    if (t->n_parts == 0)
        return;
    if (t->min_date != QLAB_DATE_NONE) {
        qlab_date_format(t->min_date, from);
        qlab_date_format(t->max_date, to);
    }
    fprintf(out, "  %-14s %7" PRIu64 " %14" PRIu64 " %12.1f  %-10s  %-10s\n", name, t->n_parts,
            t->n_rows, (double)t->n_bytes / 1048576.0, from, to);
}

static void print_counts(FILE *out, const json_t *counts, int indent)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)counts, key, value)
    {
        if (json_is_integer(value))
            fprintf(out, "%*s%-*s %14" JSON_INTEGER_FORMAT "\n", indent, "", 26 - indent, key,
                    json_integer_value(value));
        else if (json_object_size(value)) {
            fprintf(out, "%*s%s\n", indent, "", key);
            print_counts(out, value, indent + 2);
        }
    }
}

static void print_text(const qlab_ctx *cx, const qlab_lake_view *v, const char *sha256,
                       const total *by_kind, const total *by_class)
{
    static const char *const KEYS[] = {"kind", "run_id", "price_basis", "volume_basis"};
    FILE *out = cx->out;
    fprintf(out, "commit %" PRIu32 "  %s\n", v->commit, sha256);
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        const char *text = json_string_value(json_object_get(v->doc, KEYS[i]));
        fprintf(out, "  %-24s %s\n", KEYS[i], text ? text : "-");
    }
    fprintf(out, "  %-24s %zu added, %zu removed\n", "parts",
            json_array_size(json_object_get(v->doc, "added")),
            json_array_size(json_object_get(v->doc, "removed")));
    fprintf(out, "  %-24s %zu\n", "sources", json_array_size(json_object_get(v->doc, "sources")));
    print_counts(out, json_object_get(v->doc, "counts"), 2);
    fprintf(out, "\na read at this commit sees\n  %-14s %7s %14s %12s  %-10s  %-10s\n", "", "parts",
            "rows", "MiB", "first", "last");
    for (int k = 0; k < QLAB_PART_KINDS; k++)
        total_text(out, qlab_part_kind_name((qlab_part_kind)k), &by_kind[k]);
    for (int c = 0; c < QLAB_CLASS_COUNT; c++) {
        char name[32];
        snprintf(name, sizeof name, "  bars %s", qlab_asset_class_name((qlab_asset_class)c));
        total_text(out, name, &by_class[c]);
    }
    const size_t n_delta = qlab_lake_delta_parts(v);
    if (n_delta > QLAB_LAKE_COMPACT_ABOVE)
        fprintf(out, "\n%zu delta parts in a class and year: `quantlab lake compact` folds them\n",
                n_delta);
}

static void print_json(const qlab_ctx *cx, const qlab_lake_view *v, const char *sha256,
                       const total *by_kind, const total *by_class)
{
    json_t *o = json_object(), *sees = json_object(), *classes = json_object();
    json_object_set_new(o, "commit", json_integer(v->commit));
    json_object_set_new(o, "sha256", json_string(sha256));
    json_object_set(o, "document", v->doc);
    for (int k = 0; k < QLAB_PART_KINDS; k++)
        if (by_kind[k].n_parts)
            json_object_set_new(sees, qlab_part_kind_name((qlab_part_kind)k),
                                total_json(&by_kind[k]));
    for (int c = 0; c < QLAB_CLASS_COUNT; c++)
        if (by_class[c].n_parts)
            json_object_set_new(classes, qlab_asset_class_name((qlab_asset_class)c),
                                total_json(&by_class[c]));
    json_object_set_new(o, "visible", sees);
    json_object_set_new(o, "most_delta_parts", json_integer((json_int_t)qlab_lake_delta_parts(v)));
    json_object_set_new(o, "visible_bars_by_class", classes);
    qlab_cmd_print_json(cx, o);
    json_decref(o);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    char sha256[QLAB_HEX_BYTES];
    qlab_lake_view *v = NULL;
    json_t *doc = NULL;
    uint32_t commit = 0;
    total by_kind[QLAB_PART_KINDS], by_class[QLAB_CLASS_COUNT];
    const total none = {0, 0, 0, QLAB_DATE_NONE, QLAB_DATE_NONE};

    qlab_code rc = qlab_commit_arg_resolve(cx->env.root, o->commit, &commit, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_read_commit(cx->env.root, commit, &doc, sha256, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_view_open(&cx->env, commit, &v, err);
    json_decref(doc);
    if (rc != QLAB_OK)
        return rc;
    for (int k = 0; k < QLAB_PART_KINDS; k++)
        by_kind[k] = none;
    for (int c = 0; c < QLAB_CLASS_COUNT; c++)
        by_class[c] = none;
    for (size_t i = 0; i < v->n_parts; i++) {
        add(&by_kind[v->parts[i].kind], &v->parts[i]);
        if (v->parts[i].kind == QLAB_PART_BARS && v->parts[i].asset_class >= 0)
            add(&by_class[v->parts[i].asset_class], &v->parts[i]);
    }
    if (cx->json)
        print_json(cx, v, sha256, by_kind, by_class);
    else
        print_text(cx, v, sha256, by_kind, by_class);
    qlab_lake_view_close(v);
    return QLAB_OK;
}

const qlab_cmd qlab_cmd_lake_show = {
    .name = "lake show",
    .summary = "print one commit: what it brought, what a read sees",
    .help = "example:\n"
            "  quantlab lake show 3\n",
    .needs = QLAB_NEEDS_ROOT,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
