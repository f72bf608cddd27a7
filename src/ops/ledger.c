#include "ops/ledger.h"

#include "base/alloc.h"
#include "base/json.h"
#include "ops/run.h"

#include <assert.h>

const char *qlab_ledger_state_name(qlab_ledger_state s)
{
    static const char *const NAMES[QLAB_LEDGER_STATES] = {"done", "empty", "refused", "failed"};
    return NAMES[s];
}

char *qlab_ledger_path(const qlab_env *env)
{
    return qlab_asprintf("%s/ops/daily_backbone_metrics.ndjson", env->root);
}

static void put_step(json_t *o, const char *name, const json_t *step)
{
    if (step != NULL)
        json_object_set(o, name, (json_t *)(uintptr_t)step);
    else
        json_object_set_new(o, name, json_null());
}

static json_t *line_of(const qlab_env *env, const qlab_ledger_run *run)
{
    json_t *o = json_object(), *record = qlab_run_record(env, 0);
    json_object_set_new(o, "schema", json_string(QLAB_LEDGER_SCHEMA));
    json_object_set_new(o, "results_version", json_integer(QLAB_RESULTS_VERSION));
    json_object_set_new(o, "state", json_string(qlab_ledger_state_name(run->state)));
    json_t *reason = run->reason != NULL ? json_string(run->reason) : NULL;
    json_object_set_new(o, "reason", reason != NULL ? reason : json_null());
    json_object_set(o, "now", json_object_get(record, "now"));
    json_object_set(o, "generated_at", json_object_get(record, "generated_at"));
    json_object_set(o, "program_commit", json_object_get(record, "program_commit"));
    put_step(o, "ingest", run->ingest);
    put_step(o, "snapshot", run->snapshot);
    put_step(o, "features", run->features);
    json_decref(record);
    return o;
}

qlab_code qlab_ledger_put(const qlab_env *env, const qlab_ledger_run *run, qlab_err *err)
{
    assert(run->state < QLAB_LEDGER_STATES);
    if (env->dry_run)
        return QLAB_OK;
    char *path = qlab_ledger_path(env);
    json_t *lines = json_array();
    json_array_append_new(lines, line_of(env, run));
    const qlab_code rc = qlab_chain_append(path, lines, env->log, NULL, err);
    json_decref(lines);
    qlab_free(path);
    return rc;
}

qlab_code qlab_ledger_read(const qlab_env *env, qlab_chain *out, qlab_err *err)
{
    char *path = qlab_ledger_path(env);
    const qlab_code rc = qlab_chain_read(path, out, err);
    qlab_free(path);
    return rc;
}
