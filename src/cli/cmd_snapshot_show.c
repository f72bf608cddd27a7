/* cli/cmd_snapshot_show.c -- `quantlab snapshot show`: what one snapshot holds. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "snapshot/snapshot.h"

#include <string.h>

typedef struct opts {
    const char *id;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_ARG_OPT(opts, id, "ID", "a snapshot, a unique beginning of its id, or latest (default)"),
    QLAB_OPTS_END,
};

/* Members of a document as indented "key value" lines; arrays are counted. */
static void print_members(FILE *out, const json_t *o, int indent)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        if (json_is_object(v)) {
            fprintf(out, "%*s%s\n", indent, "", key);
            print_members(out, v, indent + 2);
        } else if (json_is_array(v)) {
            fprintf(out, "%*s%-24s %zu entries\n", indent, "", key, json_array_size(v));
        } else if (json_is_string(v)) {
            fprintf(out, "%*s%-24s %s\n", indent, "", key, json_string_value(v));
        } else if (json_is_integer(v)) {
            fprintf(out, "%*s%-24s %lld\n", indent, "", key, (long long)json_integer_value(v));
        } else if (json_is_real(v)) {
            fprintf(out, "%*s%-24s %.6g\n", indent, "", key, json_real_value(v));
        }
    }
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    char *id = NULL, *path = NULL;
    json_t *manifest = NULL;
    qlab_code rc = qlab_snapshot_resolve(&cx->env, o->id ? o->id : "latest", &id, err);
    if (rc == QLAB_OK) {
        path =
            qlab_asprintf("%s/snapshots/snapshot_id=%s/snapshot_manifest.json", cx->env.root, id);
        rc = qlab_json_load(path, &manifest, err);
    }
    if (rc == QLAB_OK && cx->json)
        qlab_cmd_print_json(cx, manifest);
    else if (rc == QLAB_OK)
        print_members(cx->out, manifest, 0);
    json_decref(manifest);
    qlab_free(path);
    qlab_free(id);
    return rc;
}

const qlab_cmd qlab_cmd_snapshot_show = {
    .name = "snapshot show",
    .summary = "print one manifest: counts, reasons, digests, files",
    .help = "example:\n"
            "  quantlab snapshot show latest\n",
    .needs = QLAB_NEEDS_ROOT,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
