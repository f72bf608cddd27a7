#include "guard/publish.h"
#include "guard/reconcile_int.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/progress.h"
#include "ops/run.h"

#include <inttypes.h>
#include <string.h>

void qlab_reconciled_free(qlab_reconciled *r)
{
    qlab_free(r->run_id);
    qlab_free(r->path);
    json_decref(r->report);
    *r = (qlab_reconciled){0};
}

qlab_code qlab_reconcile_as_finding(qlab_check *c, const char *what, qlab_err *err)
{
    if (err->code != QLAB_E_CORRUPT && err->code != QLAB_E_NOT_FOUND && err->code != QLAB_E_IO &&
        err->code != QLAB_E_INTERNAL)
        return err->code;
    qlab_check_find(c, "%s%s%s", what, *what ? ": " : "", err->text);
    qlab_err_reset(err);
    return QLAB_OK;
}

static void say_hash(void *ctx, const char *finding)
{
    qlab_check_find(ctx, "%s", finding);
}

static qlab_code check_lake(qlab_reconcile *r, qlab_err *err)
{
    size_t n = 0;
    qlab_check c = qlab_check_begin("lake_hashes");
    const qlab_code rc = qlab_lake_verify(r->env, r->commit, say_hash, &c, &n, err);
    qlab_check_measure(&c, "commit", r->commit);
    r->corrupt = qlab_check_end(&c, r->checks) || r->corrupt;
    return rc;
}

/* The lake may be what is broken: a view that does not open leaves the checks that need none. */
static qlab_code open_view(qlab_reconcile *r, qlab_err *err)
{
    qlab_check none = qlab_check_begin("");
    qlab_code rc = qlab_lake_view_open(r->env, r->commit, &r->v, err);
    if (rc != QLAB_OK)
        rc = qlab_reconcile_as_finding(&none, "", err);
    json_decref(none.measured);
    json_decref(none.findings);
    return rc;
}

static qlab_code find_commit(qlab_reconcile *r, qlab_err *err)
{
    uint32_t *numbers = NULL;
    size_t n = 0;
    qlab_code rc = qlab_lake_commits(r->env->root, &numbers, &n, err);
    if (rc != QLAB_OK)
        return rc;
    r->newest = n > 0 ? numbers[n - 1] : 0;
    r->commit = r->o->commit == QLAB_LAKE_LATEST ? r->newest : r->o->commit;
    if (r->newest == 0)
        rc = qlab_fail(err, QLAB_E_NOT_FOUND, "%s holds no lake: ingest first", r->env->root);
    else if (r->commit > r->newest)
        rc = qlab_fail(err, QLAB_E_NOT_FOUND, "there was no commit %" PRIu32 " in the lake",
                       r->commit);
    qlab_free(numbers);
    return rc;
}

static json_t *text_or_null(const char *s)
{
    return s != NULL ? json_string(s) : json_null();
}

/* The checks are among the inputs: a root that was damaged is another question. */
static json_t *inputs_json(const qlab_reconcile *r)
{
    char hex[QLAB_HEX_BYTES], day[QLAB_DATE_BYTES];
    json_t *o = json_object();
    json_object_set_new(o, "commit", json_integer(r->commit));
    json_object_set_new(o, "commit_sha256", json_string(r->sha256[r->commit]));
    json_object_set_new(o, "snapshot_id", text_or_null(r->snapshot));
    json_object_set_new(o, "feature_set_id", text_or_null(r->features));
    json_object_set_new(o, "now", json_string(qlab_date_format(r->env->now, day)));
    json_object_set_new(o, "require_features", json_boolean(r->o->require_features));
    json_object_set_new(o, "observed_sha256",
                        json_string(qlab_hex(qlab_json_digest(r->checks), hex)));
    return o;
}

static void build_report(const qlab_reconcile *r, qlab_reconciled *out)
{
    json_t *check, *inputs = inputs_json(r), *failed = json_array();
    size_t i;
    out->ok = true;
    json_array_foreach(r->checks, i, check)
    {
        if (strcmp(json_string_value(json_object_get(check, "verdict")), "FAIL") != 0)
            continue;
        out->ok = false;
        json_array_append(failed, json_object_get(check, "name"));
    }
    out->run_id = qlab_run_id("reconcile", r->env->now, inputs, NULL);
    out->report = qlab_artifact_begin("reconciliation_report/1", out->run_id, inputs);
    json_object_set_new(out->report, "verdict", json_string(out->ok ? "PASS" : "FAIL"));
    json_object_set_new(out->report, "failed", failed);
    json_object_set(out->report, "checks", r->checks);
    out->corrupt = r->corrupt;
    json_decref(inputs);
}

qlab_code qlab_guard_reconcile(const qlab_env *env, const qlab_reconcile_options *o,
                               qlab_reconciled *out, qlab_err *err)
{
    const double begun = qlab_monotonic_seconds();
    qlab_reconcile r = {.env = env, .o = o, .checks = json_array()};
    *out = (qlab_reconciled){0};
    qlab_code rc = find_commit(&r, err);
    if (rc == QLAB_OK) {
        r.sha256 = qlab_alloc_zero((size_t)r.newest + 1, sizeof *r.sha256);
        r.run_of = qlab_alloc_zero((size_t)r.newest + 1, sizeof *r.run_of);
        r.changes = qlab_alloc_zero((size_t)r.newest + 1, sizeof *r.changes);
        rc = check_lake(&r, err);
    }
    if (rc == QLAB_OK)
        rc = open_view(&r, err);
    if (rc == QLAB_OK)
        rc = qlab_reconcile_accounts(&r, err);
    if (rc == QLAB_OK)
        rc = qlab_reconcile_keys(&r, err);
    if (rc == QLAB_OK)
        rc = qlab_reconcile_derived(&r, err);
    if (rc == QLAB_OK) {
        build_report(&r, out);
        if (!env->dry_run)
            rc = qlab_guard_publish(env, out->run_id, "reconciliation_report.json", out->report,
                                    qlab_monotonic_seconds() - begun, &out->path, err);
    }
    if (rc != QLAB_OK)
        qlab_reconciled_free(out);
    for (size_t k = 0; r.run_of != NULL && k <= r.newest; k++)
        qlab_free(r.run_of[k]);
    qlab_free(r.run_of);
    qlab_free(r.changes);
    qlab_free(r.sha256);
    qlab_free(r.snapshot);
    qlab_free(r.features);
    json_decref(r.checks);
    qlab_lake_view_close(r.v);
    return rc;
}
