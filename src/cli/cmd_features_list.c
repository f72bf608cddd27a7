/* cli/cmd_features_list.c -- `quantlab features list`: the feature sets of this root. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "feature/set.h"

#include <string.h>

static const qlab_opt OPTIONS[] = {QLAB_OPTS_END};

static json_t *line_of(const char *id, const json_t *m)
{
    static const char *const KEYS[] = {"asof_date", "catalogue_version", "parameters"};
    json_t *o = json_object();
    json_object_set_new(o, "feature_set_id", json_string(id));
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        json_t *v = json_object_get(m, KEYS[i]);
        if (v)
            json_object_set(o, KEYS[i], v);
    }
    json_t *snapshot = json_object_get(json_object_get(m, "inputs"), "snapshot");
    if (snapshot)
        json_object_set(o, "snapshot_id", json_object_get(snapshot, "id"));
    json_t *counts = json_object_get(m, "counts");
    if (counts)
        json_object_set(o, "counts", counts);
    return o;
}

static void print_text(const qlab_ctx *cx, const json_t *lines)
{
    size_t i;
    const json_t *o;
    if (json_array_size(lines) == 0)
        fprintf(cx->out, "no feature sets yet\n");
    else
        fprintf(cx->out, "%-24s %-10s %-10s %5s %4s %11s %9s\n", "feature set", "from", "to",
                "every", "cols", "rows", "MiB");
    json_array_foreach(lines, i, o)
    {
        const json_t *p = json_object_get(o, "parameters"), *c = json_object_get(o, "counts");
        const char *from = json_string_value(json_object_get(p, "from"));
        const char *to = json_string_value(json_object_get(p, "to"));
        const char *snapshot = json_string_value(json_object_get(o, "snapshot_id"));
        fprintf(cx->out,
                "%-24s %-10s %-10s %5" JSON_INTEGER_FORMAT " %4zu %11" JSON_INTEGER_FORMAT
                " %9.1f\n  of %s\n",
                json_string_value(json_object_get(o, "feature_set_id")), from ? from : "-",
                to ? to : "-", json_integer_value(json_object_get(p, "every")),
                json_array_size(json_object_get(p, "columns")),
                json_integer_value(json_object_get(c, "rows")),
                (double)json_integer_value(json_object_get(c, "part_bytes")) / 1048576.0,
                snapshot ? snapshot : "-");
    }
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    (void)given;
    char *folder = qlab_path_join(cx->env.root, "features/sets"), **names = NULL;
    size_t n = 0;
    qlab_code code = qlab_file_exists(folder) ? qlab_dir_list(folder, &names, &n, err) : QLAB_OK;
    json_t *lines = json_array();
    for (size_t i = 0; i < n && code == QLAB_OK; i++) {
        json_t *m = NULL;
        code = qlab_features_manifest(&cx->env, names[i], &m, err);
        if (code == QLAB_OK)
            json_array_append_new(lines, line_of(names[i], m));
        json_decref(m);
    }
    if (code == QLAB_OK && cx->json)
        qlab_cmd_print_json(cx, lines);
    else if (code == QLAB_OK)
        print_text(cx, lines);
    json_decref(lines);
    qlab_dir_list_free(names, n);
    qlab_free(folder);
    return code;
}

const qlab_cmd qlab_cmd_features_list = {
    .name = "features list",
    .summary = "list the feature sets of this root",
    .help = "example:\n"
            "  quantlab features list --json\n",
    .needs = QLAB_NEEDS_ROOT,
    .options = OPTIONS,
    .opts_size = 0,
    .run = run,
};
