/* cli/cmd_lake_log.c -- `quantlab lake log`: the commits of the lake, newest first. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "lake/lake.h"

#include <inttypes.h>
#include <string.h>

typedef struct opts {
    int64_t n;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_I64_OPT(opts, n, "n", "N", "show at most N commits (default: all)"),
    QLAB_OPTS_END,
};

/* "2026-11-23T08:12:29Z" of the commit's *.run.json; "" where there is none. */
static char *made_at(const char *root, uint32_t number)
{
    qlab_err ignored = QLAB_ERR_INIT;
    char *path = qlab_asprintf("%s/lake/commits/%08" PRIu32 ".run.json", root, number);
    json_t *o = NULL;
    const char *at = "";
    if (qlab_file_exists(path) && qlab_json_load(path, &o, &ignored) == QLAB_OK &&
        qlab_json_get_str(o, path, "generated_at", &at, &ignored) != QLAB_OK)
        at = "";
    char *copy = qlab_strdup(at);
    json_decref(o);
    qlab_free(path);
    return copy;
}

static json_int_t count_of(const json_t *doc, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(doc, "counts"), name));
}

static const char *text_of(const json_t *doc, const char *name)
{
    const char *s = json_string_value(json_object_get(doc, name));
    return s ? s : "";
}

/* Rows of the bars parts that a commit added: known for every kind of commit. */
static uint64_t bars_added(const json_t *doc)
{
    json_t *part;
    size_t i;
    uint64_t n = 0;
    json_array_foreach(json_object_get(doc, "added"), i, part)
    {
        if (strcmp(text_of(part, "kind"), "bars") == 0)
            n += (uint64_t)json_integer_value(json_object_get(part, "rows"));
    }
    return n;
}

static json_t *line_json(const json_t *doc, uint32_t number, const char *sha256, const char *at)
{
    json_t *o = json_object();
    json_object_set_new(o, "commit", json_integer(number));
    json_object_set_new(o, "kind", json_string(text_of(doc, "kind")));
    json_object_set_new(o, "run_id", json_string(text_of(doc, "run_id")));
    json_object_set_new(o, "sha256", json_string(sha256));
    json_object_set_new(o, "generated_at", *at ? json_string(at) : json_null());
    json_object_set_new(o, "bars_rows_added", json_integer((json_int_t)bars_added(doc)));
    json_object_set_new(o, "parts_added",
                        json_integer((json_int_t)json_array_size(json_object_get(doc, "added"))));
    json_object_set_new(o, "parts_removed",
                        json_integer((json_int_t)json_array_size(json_object_get(doc, "removed"))));
    json_object_set(o, "counts", json_object_get(doc, "counts"));
    return o;
}

static void line_text(const qlab_ctx *cx, const json_t *doc, uint32_t number, const char *sha256,
                      const char *at)
{
    fprintf(cx->out,
            "%8" PRIu32 "  %-12.12s  %-20s  %-10s %12" PRIu64 " %9" JSON_INTEGER_FORMAT
            " %9" JSON_INTEGER_FORMAT " %6zu  %s\n",
            number, sha256, *at ? at : "-", text_of(doc, "kind"), bars_added(doc),
            count_of(doc, "rows_revised"), count_of(doc, "rows_quarantined"),
            json_array_size(json_object_get(doc, "added")), text_of(doc, "run_id"));
}

static qlab_code print_commits(qlab_ctx *cx, const uint32_t *numbers, size_t n, size_t max,
                               qlab_err *err)
{
    json_t *list = json_array();
    qlab_code rc = QLAB_OK;
    if (!cx->json && n == 0)
        fprintf(cx->out, "the lake is empty\n");
    if (!cx->json && n > 0)
        fprintf(cx->out, "%8s  %-12s  %-20s  %-10s %12s %9s %9s %6s  %s\n", "commit", "sha256",
                "made at", "kind", "bars rows", "revised", "quarant.", "parts", "run");
    for (size_t i = n; i-- > 0 && n - i <= max && rc == QLAB_OK;) {
        char sha256[QLAB_HEX_BYTES];
        json_t *doc = NULL;
        rc = qlab_lake_read_commit(cx->env.root, numbers[i], &doc, sha256, err);
        if (rc != QLAB_OK)
            break;
        char *at = made_at(cx->env.root, numbers[i]);
        if (cx->json)
            json_array_append_new(list, line_json(doc, numbers[i], sha256, at));
        else
            line_text(cx, doc, numbers[i], sha256, at);
        qlab_free(at);
        json_decref(doc);
    }
    if (cx->json && rc == QLAB_OK) {
        json_t *o = json_object();
        json_object_set(o, "commits", list);
        qlab_cmd_print_json(cx, o);
        json_decref(o);
    }
    json_decref(list);
    return rc;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    uint32_t *numbers = NULL;
    size_t n = 0;
    if (o->n < 0)
        return qlab_fail(err, QLAB_E_USAGE, "-n was %" PRId64 ", it must not be negative", o->n);
    qlab_code rc = qlab_lake_commits(cx->env.root, &numbers, &n, err);
    if (rc == QLAB_OK)
        rc = print_commits(cx, numbers, n, o->n ? (size_t)o->n : SIZE_MAX, err);
    qlab_free(numbers);
    return rc;
}

const qlab_cmd qlab_cmd_lake_log = {
    .name = "lake log",
    .summary = "list the commits of the lake, newest first",
    .help = "A commit is one atomic change of the lake. Every read names one; `latest` is the "
            "newest.\n"
            "\n"
            "example:\n"
            "  quantlab lake log -n 10\n",
    .needs = QLAB_NEEDS_ROOT,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
