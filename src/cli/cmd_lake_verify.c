/* cli/cmd_lake_verify.c -- `quantlab lake verify`: is the lake what its commits say? */
#include "base/alloc.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "cli/commit_arg.h"
#include "lake/lake.h"

#include <inttypes.h>

typedef struct opts {
    const char *commit;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, commit, "commit", "N", "a number, or latest (default)"),
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
    uint32_t commit = 0;

    qlab_code rc = qlab_commit_arg_resolve(cx->env.root, o->commit, &commit, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_verify(&cx->env, commit, tell, &t, &n, err);
    if (rc == QLAB_OK && cx->json) {
        json_t *doc = json_object();
        json_object_set_new(doc, "commit", json_integer(commit));
        json_object_set(doc, "findings", t.list);
        json_object_set_new(doc, "verdict", json_string(n ? "FAIL" : "PASS"));
        qlab_cmd_print_json(cx, doc);
        json_decref(doc);
    } else if (rc == QLAB_OK && n == 0) {
        fprintf(cx->out,
                "commit %" PRIu32 ": every part, row order, key, count and leaf is as "
                "stated\n",
                commit);
    }
    json_decref(t.list);
    if (rc == QLAB_OK && n > 0)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "commit %" PRIu32 " of the lake had %zu finding%s",
                       commit, n, n == 1 ? "" : "s");
    return rc;
}

const qlab_cmd qlab_cmd_lake_verify = {
    .name = "lake verify",
    .summary = "re-hash the parts of a commit; check order and counts",
    .help = "Each finding is one line that names the file and the datum; with any finding the exit "
            "code is 3. The chain of commits is followed back to the first.\n"
            "\n"
            "example:\n"
            "  quantlab lake verify\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
