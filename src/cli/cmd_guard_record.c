/* cli/cmd_guard_record.c -- `quantlab guard record`: the ledger's line of the latest run. */
#include "cli/cmd.h"
#include "guard/record.h"

#include <string.h>

typedef struct opts {
    const char *failed;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, failed, "failed", "TEXT", "the run failed: with what"),
    QLAB_OPTS_END,
};

static long long metric(const json_t *step, const char *name)
{
    return (long long)json_integer_value(json_object_get(json_object_get(step, "metrics"), name));
}

static const char *ref(const json_t *step, const char *name)
{
    const char *s = json_string_value(json_object_get(json_object_get(step, "refs"), name));
    return s != NULL ? s : "-";
}

static void print_text(FILE *out, const qlab_recorded *r, bool dry_run)
{
    fprintf(out, "%s: %s\n", qlab_ledger_state_name(r->state),
            r->known  ? "the ledger tells of it already"
            : dry_run ? "would be recorded"
                      : "recorded");
    if (r->ingest != NULL)
        fprintf(out, "  ingest    commit %lld: %lld rows in, %lld inserted, %lld revised\n",
                (long long)json_integer_value(
                    json_object_get(json_object_get(r->ingest, "refs"), "commit")),
                metric(r->ingest, "rows_in"), metric(r->ingest, "rows_inserted"),
                metric(r->ingest, "rows_revised"));
    if (r->snapshot != NULL)
        fprintf(out, "  snapshot  %s: %lld eligible of %lld\n", ref(r->snapshot, "snapshot_id"),
                metric(r->snapshot, "eligible"), metric(r->snapshot, "assets"));
    if (r->features != NULL)
        fprintf(out, "  features  %s: %lld rows in %lld parts\n",
                ref(r->features, "feature_set_id"), metric(r->features, "rows"),
                metric(r->features, "parts"));
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_recorded r;
    const qlab_code rc = qlab_guard_record(&cx->env, o->failed, &r, err);
    if (rc != QLAB_OK)
        return rc;
    if (cx->json) {
        json_t *doc = json_object();
        json_object_set_new(doc, "state", json_string(qlab_ledger_state_name(r.state)));
        json_object_set_new(doc, "known", json_boolean(r.known));
        json_object_set_new(doc, "dry_run", json_boolean(cx->env.dry_run));
        json_object_set(doc, "ingest", r.ingest);
        json_object_set(doc, "snapshot", r.snapshot);
        json_object_set(doc, "features", r.features);
        qlab_cmd_print_json(cx, doc);
        json_decref(doc);
    } else {
        print_text(cx->out, &r, cx->env.dry_run);
    }
    qlab_recorded_free(&r);
    return QLAB_OK;
}

const qlab_cmd qlab_cmd_guard_record = {
    .name = "guard record",
    .summary = "write the latest run of the backbone into the ops ledger",
    .help = "One line of ops/daily_backbone_metrics.ndjson: the newest ingest, the snapshot since\n"
            "and the features on it, with rows, packs, bytes, seconds and memory. Lines are\n"
            "chained by hash and never change. A run that is in the ledger adds none.\n"
            "\n"
            "example:\n"
            "  quantlab guard record\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
