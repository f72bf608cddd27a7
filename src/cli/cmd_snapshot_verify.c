/* cli/cmd_snapshot_verify.c -- `quantlab snapshot verify`: is the snapshot what its id says? */
#include "base/alloc.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "snapshot/snapshot.h"

typedef struct opts {
    const char *id;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_ARG_OPT(opts, id, "ID", "a snapshot, a unique beginning of its id, or latest (default)"),
    QLAB_OPTS_END,
};

typedef struct teller {
    const qlab_ctx *cx;
    json_t *list;
} teller;

static void tell(void *ctx, const char *finding)
{
    const teller *t = ctx;
    if (t->cx->json)
        json_array_append_new(t->list, json_string(finding));
    else
        fprintf(t->cx->out, "%s\n", finding);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    teller t = {cx, json_array()};
    size_t n = 0;
    char *id = NULL;

    qlab_code rc = qlab_snapshot_resolve(&cx->env, o->id ? o->id : "latest", &id, err);
    if (rc == QLAB_OK)
        rc = qlab_snapshot_verify(&cx->env, id, tell, &t, &n, err);
    if (rc == QLAB_OK && cx->json) {
        json_t *doc = json_object();
        json_object_set_new(doc, "snapshot_id", json_string(id));
        json_object_set(doc, "findings", t.list);
        json_object_set_new(doc, "verdict", json_string(n ? "FAIL" : "PASS"));
        qlab_cmd_print_json(cx, doc);
        json_decref(doc);
    } else if (rc == QLAB_OK && n == 0) {
        fprintf(cx->out, "snapshot %s: its files, its id, its commit and its bars are as stated\n",
                id);
    }
    json_decref(t.list);
    if (rc == QLAB_OK && n > 0)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "snapshot %s had %zu finding%s", id, n,
                       n == 1 ? "" : "s");
    qlab_free(id);
    return rc;
}

const qlab_cmd qlab_cmd_snapshot_verify = {
    .name = "snapshot verify",
    .summary = "re-hash a snapshot and the bars it stands on",
    .help = "Each finding is one line that names the file and the datum; with any finding the exit "
            "code is 3.\n"
            "\n"
            "example:\n"
            "  quantlab snapshot verify latest\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
