/* cli/cmd_guard_invalidate.c -- `quantlab guard invalidate`: what must be made again, and why. */
#include "cli/cmd.h"
#include "guard/invalidate.h"

typedef struct opts {
    char none;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_OPTS_END,
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "-";
}

static long long whole_of(const json_t *o, const char *key)
{
    return (long long)json_integer_value(json_object_get(o, key));
}

static void print_text(FILE *out, const json_t *r)
{
    json_t *x;
    size_t i;
    json_array_foreach(json_object_get(r, "open"), i, x)
    {
        const json_t *cause = json_object_get(x, "cause");
        const json_t *sample = json_array_get(json_object_get(cause, "samples"), 0);
        fprintf(out, "%-8s %s  %s\n", text_of(x, "severity"), text_of(x, "id"),
                text_of(x, "artifact"));
        fprintf(out, "         %s: %lld of %lld assets from %s, as %s; commit %lld\n",
                text_of(cause, "kind"), whole_of(cause, "items"), whole_of(cause, "assets"),
                text_of(cause, "first_date"), text_of(sample, "asset_id"),
                whole_of(cause, "commit"));
    }
    fprintf(out, "%lld snapshots compared, %lld opened, %lld closed, %lld superseded: %s\n",
            whole_of(r, "snapshots_scanned"), whole_of(r, "opened"), whole_of(r, "closed"),
            whole_of(r, "superseded"), text_of(r, "verdict"));
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    json_t *report = NULL;
    bool critical = false;
    (void)given;
    const qlab_code rc = qlab_guard_invalidate(&cx->env, &report, &critical, err);
    if (rc != QLAB_OK)
        return rc;
    if (cx->json)
        qlab_cmd_print_json(cx, report);
    else
        print_text(cx->out, report);
    cx->exit_code = critical ? 1 : 0;
    json_decref(report);
    return QLAB_OK;
}

const qlab_cmd qlab_cmd_guard_invalidate = {
    .name = "guard invalidate",
    .summary = "list what rests on data that turned out otherwise",
    .help =
        "Compares each snapshot once with the one before: bars revised, gone or late, actions,\n"
        "delistings and lives changed. What rests on older ones is listed once a cause, until\n"
        "it is made again on a newer snapshot or acknowledged (`quantlab ack ID`). The list\n"
        "is ops/invalidation_queue.ndjson. Exit 1: something critical is open (a verdict\n"
        "over a changed action, delisting or life).\n"
        "\n"
        "example:\n"
        "  quantlab guard invalidate\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
