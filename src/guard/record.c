#include "guard/record.h"

#include "base/alloc.h"
#include "base/file.h"
#include "feature/manifest.h"
#include "guard/find.h"
#include "lake/lake.h"
#include "ops/run.h"

#include <inttypes.h>
#include <string.h>

void qlab_recorded_free(qlab_recorded *r)
{
    json_decref(r->ingest);
    json_decref(r->snapshot);
    json_decref(r->features);
    *r = (qlab_recorded){0};
}

static json_t *step_of(json_t *refs, json_t *metrics)
{
    json_t *o = json_object();
    json_object_set_new(o, "refs", refs);
    json_object_set_new(o, "metrics", metrics);
    return o;
}

/* Seconds, memory and what else of `keys` stands in a *.run.json; absent ones are null. */
static qlab_code put_costs(json_t *metrics, const char *path, const char *const *keys,
                           qlab_err *err)
{
    json_t *record = NULL;
    qlab_code rc = QLAB_OK;
    if (qlab_file_exists(path))
        rc = qlab_json_load(path, &record, err);
    for (size_t i = 0; rc == QLAB_OK && keys[i] != NULL; i++) {
        json_t *v = json_object_get(record, keys[i]);
        json_object_set_new(metrics, keys[i], json_is_number(v) ? json_incref(v) : json_null());
    }
    json_decref(record);
    return rc;
}

/* ---- ingest ---------------------------------------------------------------------------------- */

static qlab_code newest_ingest(const qlab_env *env, uint32_t *number, json_t **doc, char *sha256,
                               qlab_err *err)
{
    uint32_t *numbers = NULL;
    size_t n = 0;
    *doc = NULL;
    qlab_code rc = qlab_lake_commits(env->root, &numbers, &n, err);
    for (size_t i = n; rc == QLAB_OK && i > 0 && *doc == NULL; i--) {
        rc = qlab_lake_read_commit(env->root, numbers[i - 1], doc, sha256, err);
        const char *kind = rc == QLAB_OK ? json_string_value(json_object_get(*doc, "kind")) : NULL;
        if (kind != NULL && strcmp(kind, "ingest") == 0) {
            *number = numbers[i - 1];
        } else {
            json_decref(*doc);
            *doc = NULL;
        }
    }
    if (rc == QLAB_OK && *doc == NULL)
        rc = qlab_fail(err, QLAB_E_NOT_FOUND, "%s holds no ingest yet", env->root);
    qlab_free(numbers);
    return rc;
}

/* Assets that the commit brought rows of; null where its parts are gone (folded, lake gc). */
static qlab_code put_changed_assets(const qlab_env *env, const json_t *doc, json_t *metrics,
                                    qlab_err *err)
{
    static const qlab_type TYPES[] = {QLAB_T_I64};
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_table t = QLAB_TABLE_INIT;
    qlab_conn *conn = NULL;
    json_t *part;
    size_t i, n = 0;
    bool there = true;
    qlab_code rc = QLAB_OK;
    qlab_buf_puts(&sql, "SELECT count(DISTINCT asset_ix) FROM read_parquet([");
    json_array_foreach(json_object_get(doc, "added"), i, part)
    {
        const char *kind = json_string_value(json_object_get(part, "kind"));
        const char *name = json_string_value(json_object_get(part, "path"));
        if (kind == NULL || name == NULL || strcmp(kind, "bars") != 0)
            continue;
        char *path = qlab_path_join(env->root, name);
        there = there && qlab_file_exists(path);
        qlab_buf_puts(&sql, n++ > 0 ? ", " : "");
        qlab_sql_quote(&sql, path);
        qlab_free(path);
    }
    qlab_buf_puts(&sql, "], hive_partitioning=false)");
    json_object_set_new(metrics, "assets_changed", there ? json_integer(0) : json_null());
    if (n > 0 && there) {
        rc = qlab_duck_conn(env->duck, 0, &conn, err);
        if (rc == QLAB_OK)
            rc = qlab_conn_query(conn, sql.at, TYPES, 1, &t, err);
        if (rc == QLAB_OK)
            json_object_set_new(metrics, "assets_changed", json_integer(t.cols[0].i64[0]));
    }
    qlab_table_free(&t);
    qlab_buf_free(&sql);
    return rc;
}

static qlab_code put_packs(const char *path, json_t *metrics, qlab_err *err)
{
    json_t *m = NULL, *pack;
    size_t i;
    json_int_t bytes = 0, refused = 0;
    if (!qlab_file_exists(path))
        return QLAB_OK;
    const qlab_code rc = qlab_json_load(path, &m, err);
    if (rc != QLAB_OK)
        return rc;
    json_t *packs = json_object_get(m, "packs");
    json_array_foreach(packs, i, pack)
    {
        bytes += json_integer_value(json_object_get(pack, "file_bytes"));
        refused += json_is_string(json_object_get(pack, "refused"));
    }
    json_object_set_new(metrics, "packs_read",
                        json_integer((json_int_t)json_array_size(packs) - refused));
    json_object_set_new(metrics, "packs_refused", json_integer(refused));
    json_object_set_new(metrics, "bytes_read", json_integer(bytes));
    json_decref(m);
    return QLAB_OK;
}

static qlab_code gather_ingest(const qlab_env *env, uint32_t *number, json_t **step, qlab_err *err)
{
    static const char *const COSTS[] = {"seconds", "peak_rss_bytes", NULL};
    char sha256[QLAB_HEX_BYTES], *dir = NULL, *path = NULL, *record = NULL;
    json_t *doc = NULL, *refs = json_object(), *metrics = json_object(), *n;
    const char *key;
    qlab_code rc = newest_ingest(env, number, &doc, sha256, err);
    if (rc != QLAB_OK)
        goto done;
    const char *run_id = json_string_value(json_object_get(doc, "run_id"));
    json_object_set_new(refs, "commit", json_integer(*number));
    json_object_set_new(refs, "commit_sha256", json_string(sha256));
    json_object_set(refs, "run_id", json_object_get(doc, "run_id"));
    json_object_foreach(json_object_get(doc, "counts"), key, n)
    {
        if (json_is_integer(n))
            json_object_set(metrics, key, n);
    }
    rc = put_changed_assets(env, doc, metrics, err);
    dir = qlab_run_dir(env, run_id != NULL ? run_id : "none");
    path = qlab_path_join(dir, "ingest_manifest.json");
    record = qlab_path_join(dir, "ingest_manifest.run.json");
    if (rc == QLAB_OK)
        rc = put_packs(path, metrics, err);
    if (rc == QLAB_OK)
        rc = put_costs(metrics, record, COSTS, err);
done:
    *step = step_of(refs, metrics);
    json_decref(doc);
    qlab_free(record);
    qlab_free(path);
    qlab_free(dir);
    return rc;
}

/* ---- snapshot and features ------------------------------------------------------------------- */

static qlab_code gather_snapshot(const qlab_env *env, uint32_t from, char **id, json_t **step,
                                 qlab_err *err)
{
    static const char *const COSTS[] = {"seconds", "peak_rss_bytes", NULL};
    static const char *const COUNTS[] = {"assets", "axis_sessions", "master_sessions"};
    uint32_t commit = 0;
    json_t *m = NULL;
    qlab_code rc = qlab_guard_find_snapshot(env, from, UINT32_MAX, id, &commit, err);
    if (rc != QLAB_OK || *id == NULL)
        return rc;
    char *dir = qlab_asprintf("%s/snapshots/snapshot_id=%s", env->root, *id);
    char *path = qlab_path_join(dir, "snapshot_manifest.json");
    char *record = qlab_path_join(dir, "snapshot_manifest.run.json");
    rc = qlab_json_load(path, &m, err);
    if (rc == QLAB_OK) {
        json_t *refs = json_object(), *metrics = json_object();
        json_object_set_new(refs, "snapshot_id", json_string(*id));
        json_object_set_new(refs, "commit", json_integer(commit));
        for (size_t i = 0; i < sizeof COUNTS / sizeof *COUNTS; i++)
            json_object_set(metrics, COUNTS[i], json_object_get(m, COUNTS[i]));
        json_object_set(metrics, "eligible",
                        json_object_get(json_object_get(m, "universe"), "ELIGIBLE"));
        rc = put_costs(metrics, record, COSTS, err);
        *step = step_of(refs, metrics);
    }
    json_decref(m);
    qlab_free(record);
    qlab_free(path);
    qlab_free(dir);
    return rc;
}

static qlab_code gather_features(const qlab_env *env, const char *snapshot, json_t **step,
                                 qlab_err *err)
{
    static const char *const COSTS[] = {"seconds", "peak_rss_bytes", "parts_made", "bars_read",
                                        NULL};
    static const char *const COUNTS[] = {"parts", "part_bytes", "rows", "eligible"};
    char *id = NULL;
    json_t *m = NULL;
    qlab_code rc = qlab_guard_find_set(env, snapshot, &id, &m, err);
    if (rc == QLAB_OK && id != NULL) {
        json_t *refs = json_object(), *metrics = json_object();
        char *path = qlab_set_manifest_path(env->root, id);
        char *record = qlab_asprintf("%.*s.run.json", (int)(strlen(path) - 5), path);
        json_object_set_new(refs, "feature_set_id", json_string(id));
        json_object_set_new(refs, "snapshot_id", json_string(snapshot));
        for (size_t i = 0; i < sizeof COUNTS / sizeof *COUNTS; i++)
            json_object_set(metrics, COUNTS[i],
                            json_object_get(json_object_get(m, "counts"), COUNTS[i]));
        rc = put_costs(metrics, record, COSTS, err);
        *step = step_of(refs, metrics);
        qlab_free(record);
        qlab_free(path);
    }
    json_decref(m);
    qlab_free(id);
    return rc;
}

/* ---- the line -------------------------------------------------------------------------------- */

static bool same_refs(const json_t *step, const json_t *line, const char *name)
{
    const json_t *was = json_object_get(json_object_get(line, name), "refs");
    const json_t *is = json_object_get(step, "refs");
    return was == NULL ? is == NULL : is != NULL && json_equal(was, is);
}

/* What the ledger's last line that did not fail tells of. */
static qlab_code is_known(const qlab_env *env, qlab_recorded *r, qlab_err *err)
{
    qlab_chain ledger = {0};
    const qlab_code rc = qlab_ledger_read(env, &ledger, err);
    for (size_t i = rc == QLAB_OK ? json_array_size(ledger.lines) : 0; i > 0; i--) {
        const json_t *line = json_array_get(ledger.lines, i - 1);
        const char *state = json_string_value(json_object_get(line, "state"));
        if (state == NULL || strcmp(state, qlab_ledger_state_name(QLAB_LEDGER_FAILED)) == 0)
            continue;
        r->known = same_refs(r->ingest, line, "ingest") &&
                   same_refs(r->snapshot, line, "snapshot") &&
                   same_refs(r->features, line, "features");
        break;
    }
    qlab_chain_free(&ledger);
    return rc;
}

static qlab_ledger_state state_of(const json_t *ingest)
{
    const json_t *m = json_object_get(ingest, "metrics");
    const json_int_t rows = json_integer_value(json_object_get(m, "rows_inserted")) +
                            json_integer_value(json_object_get(m, "rows_revised")) +
                            json_integer_value(json_object_get(m, "rows_tombstoned"));
    if (json_integer_value(json_object_get(m, "packs_refused")) > 0)
        return QLAB_LEDGER_REFUSED;
    return rows > 0 ? QLAB_LEDGER_DONE : QLAB_LEDGER_EMPTY;
}

qlab_code qlab_guard_record(const qlab_env *env, const char *failed, qlab_recorded *out,
                            qlab_err *err)
{
    uint32_t commit = 0;
    char *snapshot = NULL;
    *out = (qlab_recorded){0};
    qlab_code rc = gather_ingest(env, &commit, &out->ingest, err);
    if (rc == QLAB_OK)
        rc = gather_snapshot(env, commit, &snapshot, &out->snapshot, err);
    if (rc == QLAB_OK && snapshot != NULL)
        rc = gather_features(env, snapshot, &out->features, err);
    if (failed != NULL && rc == QLAB_E_NOT_FOUND) { /* the first run of a root may fail */
        qlab_err_reset(err);
        json_decref(out->ingest);
        out->ingest = NULL;
        rc = QLAB_OK;
    }
    if (rc == QLAB_OK && failed == NULL)
        rc = is_known(env, out, err);
    out->state = failed != NULL ? QLAB_LEDGER_FAILED : state_of(out->ingest);
    if (rc == QLAB_OK && !out->known) {
        const qlab_ledger_run run = {.state = out->state,
                                     .reason = failed,
                                     .ingest = out->ingest,
                                     .snapshot = out->snapshot,
                                     .features = out->features};
        rc = qlab_ledger_put(env, &run, err);
    }
    if (rc != QLAB_OK)
        qlab_recorded_free(out);
    qlab_free(snapshot);
    return rc;
}
