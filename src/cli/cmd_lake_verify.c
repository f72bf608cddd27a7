/* cli/cmd_lake_verify.c -- `quantlab lake verify`: is the lake what its commits say? */
#include "base/alloc.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "cli/commit_arg.h"
#include "cli/lake_pins.h"
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

/* Files that nothing names: information, never a finding. */
static void tell_strays(const qlab_ctx *cx, const qlab_strays *s, json_t *list)
{
    static const char *const WHAT[] = {"no commit names",
                                       "a write that did not end:", "not of the lake:"};
    static const char *const NAMES[] = {"part", "temporary", "foreign"};
    for (size_t i = 0; i < s->n; i++) {
        const qlab_stray_file *f = &s->at[i];
        if (cx->json)
            json_array_append_new(list, json_pack("{s:s,s:s,s:I}", "path", f->path, "what",
                                                  NAMES[f->what], "bytes", (json_int_t)f->n_bytes));
        else
            fprintf(cx->out, "note: %s %s (%" PRIu64 " bytes)\n", WHAT[f->what], f->path,
                    f->n_bytes);
    }
}

/* A lake with findings may not say what it names; its findings are told all the same. */
static qlab_code look_for_strays(const qlab_ctx *cx, bool whole, json_t *list, qlab_err *err)
{
    qlab_lake_pin *pins = NULL;
    qlab_strays strays = {NULL, 0, 0};
    size_t n_pins = 0;
    qlab_code rc = qlab_lake_pins(&cx->env, &pins, &n_pins, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_strays(&cx->env, pins, n_pins, &strays, err);
    if (rc == QLAB_OK)
        tell_strays(cx, &strays, list);
    qlab_strays_free(&strays);
    qlab_lake_pins_free(pins, n_pins);
    if (rc != QLAB_OK && !whole) {
        qlab_err_reset(err);
        rc = QLAB_OK;
    }
    return rc;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    teller t = {cx, json_array()};
    json_t *strays = json_array();
    size_t n = 0;
    uint32_t commit = 0;

    qlab_code rc = qlab_commit_arg_resolve(cx->env.root, o->commit, &commit, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_verify(&cx->env, commit, tell, &t, &n, err);
    if (rc == QLAB_OK && !cx->json && n == 0)
        fprintf(cx->out,
                "commit %" PRIu32 ": every part, row order, key, count and leaf is as "
                "stated\n",
                commit);
    if (rc == QLAB_OK)
        rc = look_for_strays(cx, n == 0, strays, err);
    if (rc == QLAB_OK && cx->json) {
        json_t *doc = json_object();
        json_object_set_new(doc, "commit", json_integer(commit));
        json_object_set(doc, "findings", t.list);
        json_object_set(doc, "unnamed", strays);
        json_object_set_new(doc, "verdict", json_string(n ? "FAIL" : "PASS"));
        qlab_cmd_print_json(cx, doc);
        cx->told = true;
        json_decref(doc);
    }
    json_decref(strays);
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
            "code is 3. The chain of commits is followed back to the first. Files under lake/ that "
            "no commit, snapshot or unfinished job names are notes, not findings: `lake gc` "
            "removes them.\n"
            "\n"
            "example:\n"
            "  quantlab lake verify\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
