/* cli/cmd_ack.c -- `quantlab ack`: agree to what waits for a person. */
#include "base/json.h"
#include "cli/cmd.h"
#include "guard/invalidate.h"
#include "ingest/ingest.h"
#include "ops/ack.h"

#include <string.h>

typedef struct opts {
    const char *id, *note;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_ARG_OPT(opts, id, "ID", "what to agree to; without it: list what waits"),
    QLAB_STR_OPT(opts, note, "note", "TEXT", "why; kept with the acknowledgement"),
    QLAB_OPTS_END,
};

/* Who lets things wait.  Each appends objects {id, digest, summary, acknowledged, ...} to all. */
typedef struct ack_kind {
    const char *prefix;
    qlab_code (*waiting)(const qlab_env *env, json_t *all, qlab_err *err);
} ack_kind;

static const ack_kind KINDS[] = {{QLAB_INGEST_HELD_PREFIX, qlab_ingest_waiting},
                                 {QLAB_INVALIDATION_PREFIX, qlab_guard_invalidations}};

static qlab_code waiting(const qlab_env *env, json_t *all, qlab_err *err)
{
    qlab_code rc = QLAB_OK;

    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS && rc == QLAB_OK; i++)
        rc = KINDS[i].waiting(env, all, err);
    return rc;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

static json_t *find(const json_t *all, const char *id)
{
    json_t *o;
    size_t i;

    json_array_foreach(all, i, o)
    {
        if (strcmp(text_of(o, "id"), id) == 0)
            return o;
    }
    return NULL;
}

static void print_one(const qlab_ctx *cx, const json_t *o)
{
    fprintf(cx->out, "%s  %s  %s%s\n", text_of(o, "id"), text_of(o, "reason"),
            text_of(o, "summary"),
            json_is_true(json_object_get(o, "acknowledged")) ? "  (acknowledged)" : "");
}

static void print_list(qlab_ctx *cx, json_t *all)
{
    json_t *o;
    size_t i;

    if (cx->json) {
        json_t *out = json_object();
        json_object_set(out, "waiting", all);
        qlab_cmd_print_json(cx, out);
        json_decref(out);
        return;
    }
    if (json_array_size(all) == 0)
        fprintf(cx->out, "nothing waits\n");
    json_array_foreach(all, i, o) print_one(cx, o);
}

static qlab_code agree(qlab_ctx *cx, const json_t *all, const opts *o, qlab_err *err)
{
    json_t *it = find(all, o->id);

    if (it == NULL)
        return qlab_fail(err, QLAB_E_USAGE,
                         "nothing waits under the id %s; `quantlab ack` lists what does", o->id);
    const bool before = json_is_true(json_object_get(it, "acknowledged"));
    json_object_del(it, "acknowledged");
    if (!before && !cx->env.dry_run) {
        const qlab_code rc = qlab_ack_put(&cx->env, it, o->note, err);
        if (rc != QLAB_OK)
            return rc;
    }
    json_object_set_new(it, "acknowledged", json_boolean(before || !cx->env.dry_run));
    if (cx->json)
        qlab_cmd_print_json(cx, it);
    else
        print_one(cx, it);
    return QLAB_OK;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    json_t *all = json_array();

    qlab_code rc = waiting(&cx->env, all, err);
    if (rc == QLAB_OK && o->id == NULL)
        print_list(cx, all);
    else if (rc == QLAB_OK)
        rc = agree(cx, all, o, err);
    json_decref(all);
    return rc;
}

const qlab_cmd qlab_cmd_ack = {
    .name = "ack",
    .args = "[ID]",
    .summary = "agree to what waits for a person; without ID list it",
    .help = "A delivery that would delete more than max(5, 1 %) of an asset's bars at once is\n"
            "held: nothing of the asset is applied. Its id is held:<asset id>. After ack the\n"
            "next ingest applies exactly that deletion; another one waits again. What guard\n"
            "invalidate lists is acknowledged by its id, inv:...: the next one closes it.\n"
            "Acknowledgements are appended to ops/acks.ndjson, chained line by line.\n"
            "\n"
            "  quantlab ack --root DIR\n"
            "  quantlab ack held:US:ABC --root DIR --note \"delisted, history moved\"\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
