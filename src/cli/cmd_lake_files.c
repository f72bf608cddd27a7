/* cli/cmd_lake_files.c -- `quantlab lake files`: the parts that another engine should read. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "cli/commit_arg.h"
#include "lake/lake.h"

#include <inttypes.h>
#include <string.h>

typedef struct opts {
    const char *commit, *kind;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, commit, "commit", "N", "a number, or latest (default)"),
    QLAB_STR_OPT(
        opts, kind, "kind", "KIND",
        "bars (default), digests, master, actions, delistings, lives, bars_history or all"),
    QLAB_OPTS_END,
};

static json_t *part_json(const qlab_part *p)
{
    char day[QLAB_DATE_BYTES];
    json_t *o = json_object();
    json_object_set_new(o, "kind", json_string(qlab_part_kind_name(p->kind)));
    json_object_set_new(o, "path", json_string(p->path));
    json_object_set_new(o, "sha256", json_string(p->sha256));
    json_object_set_new(o, "bytes", json_integer((json_int_t)p->n_bytes));
    json_object_set_new(o, "rows", json_integer((json_int_t)p->n_rows));
    json_object_set_new(o, "tombstones", json_integer((json_int_t)p->n_tombstones));
    json_object_set_new(o, "seq", json_integer(p->seq));
    if (p->min_date != QLAB_DATE_NONE) {
        json_object_set_new(o, "min_date", json_string(qlab_date_format(p->min_date, day)));
        json_object_set_new(o, "max_date", json_string(qlab_date_format(p->max_date, day)));
    }
    return o;
}

static qlab_code wanted_kind(const char *text, int *kind, qlab_err *err)
{
    *kind = QLAB_PART_BARS;
    if (!text)
        return QLAB_OK;
    if (strcmp(text, "all") == 0) {
        *kind = -1;
        return QLAB_OK;
    }
    for (*kind = 0; *kind < QLAB_PART_KINDS; (*kind)++)
        if (strcmp(text, qlab_part_kind_name((qlab_part_kind)*kind)) == 0)
            return QLAB_OK;
    return qlab_fail(err, QLAB_E_USAGE,
                     "--kind was \"%s\": it is bars, digests, master, actions, delistings, lives, "
                     "bars_history or all",
                     text);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_lake_view *v = NULL;
    uint32_t commit = 0;
    int kind = 0;

    qlab_code rc = wanted_kind(o->kind, &kind, err);
    if (rc == QLAB_OK)
        rc = qlab_commit_arg_resolve(cx->env.root, o->commit, &commit, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_view_open(&cx->env, commit, &v, err);
    if (rc != QLAB_OK)
        return rc;
    json_t *list = json_array();
    for (size_t i = 0; i < v->n_parts; i++) {
        if (kind >= 0 && (int)v->parts[i].kind != kind)
            continue;
        if (cx->json)
            json_array_append_new(list, part_json(&v->parts[i]));
        else
            fprintf(cx->out, "%s\n", v->parts[i].path);
    }
    if (cx->json) {
        json_t *doc = json_object();
        json_object_set_new(doc, "commit", json_integer(commit));
        json_object_set(doc, "files", list);
        qlab_cmd_print_json(cx, doc);
        json_decref(doc);
    }
    json_decref(list);
    qlab_lake_view_close(v);
    return QLAB_OK;
}

const qlab_cmd qlab_cmd_lake_files = {
    .name = "lake files",
    .summary = "list the parts that another engine should read",
    .help = "One path a line, relative to the root. Of rows with the same (asset_id, date) the one "
            "with the greatest known_seq is the bar, and a tombstone (provenance bit 8) hides it; "
            "see docs/formats/lake.md.\n"
            "\n"
            "example:\n"
            "  quantlab lake files --commit 3 --json\n",
    .needs = QLAB_NEEDS_ROOT,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
