#include "guard/rehearse.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "guard/graph.h"
#include "ops/run.h"

#include <string.h>

enum { SAMPLES = 20 };

static json_t *day(int32_t date)
{
    char text[QLAB_DATE_BYTES];
    return date == QLAB_DATE_NONE ? json_null() : json_string(qlab_date_format(date, text));
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* "new", "late", "revised" or "gone" by the provenance that ingest gave a row. */
#define KIND_SQL                                                                                   \
    "CASE WHEN provenance & 8 <> 0 THEN 'gone' WHEN provenance & 4 <> 0 THEN 'revised' "           \
    "WHEN provenance & 2 <> 0 THEN 'late' ELSE 'new' END"
_Static_assert(QLAB_PROV_TOMBSTONE == 8 && QLAB_PROV_REVISED == 4 && QLAB_PROV_LATE == 2,
               "the query above says them as numbers");

static size_t put_parts(const char *root, const json_t *commit, qlab_buf *sql)
{
    json_t *part;
    size_t i, n = 0;
    json_array_foreach(json_object_get(commit, "added"), i, part)
    {
        const char *kind = json_string_value(json_object_get(part, "kind"));
        const char *name = json_string_value(json_object_get(part, "path"));
        if (kind == NULL || name == NULL || strcmp(kind, "bars") != 0)
            continue;
        char *path = qlab_path_join(root, name);
        qlab_buf_puts(sql, n++ > 0 ? ", " : "");
        qlab_sql_quote(sql, path);
        qlab_free(path);
    }
    return n;
}

/* {kind: {rows, assets, first_date, last_date}}; *first: the earliest date that is not new. */
static qlab_code count_rows(qlab_conn *conn, const char *parts, json_t *out, int32_t *first,
                            qlab_err *err)
{
    static const qlab_type TYPES[] = {QLAB_T_STR, QLAB_T_I64, QLAB_T_I64, QLAB_T_DATE, QLAB_T_DATE};
    qlab_table t;
    char *sql = qlab_asprintf("SELECT " KIND_SQL " AS kind, count(*), count(DISTINCT asset_ix), "
                              "min(date), max(date) FROM read_parquet([%s], "
                              "hive_partitioning=false) GROUP BY kind ORDER BY kind",
                              parts);
    const qlab_code rc = qlab_conn_query(conn, sql, TYPES, 5, &t, err);
    qlab_free(sql);
    if (rc != QLAB_OK)
        return rc;
    for (size_t i = 0; i < t.n_rows; i++) {
        char kind[16];
        json_t *o = json_object();
        snprintf(kind, sizeof kind, "%.*s", (int)t.cols[0].str[i].n, t.cols[0].str[i].at);
        json_object_set_new(o, "rows", json_integer(t.cols[1].i64[i]));
        json_object_set_new(o, "assets", json_integer(t.cols[2].i64[i]));
        json_object_set_new(o, "first_date", day(t.cols[3].i32[i]));
        json_object_set_new(o, "last_date", day(t.cols[4].i32[i]));
        json_object_set_new(out, kind, o);
        if (strcmp(kind, "new") != 0 && (*first == QLAB_DATE_NONE || t.cols[3].i32[i] < *first))
            *first = t.cols[3].i32[i];
    }
    qlab_table_free(&t);
    return QLAB_OK;
}

static qlab_code take_samples(qlab_conn *conn, const char *parts, json_t *out, qlab_err *err)
{
    static const qlab_type TYPES[] = {QLAB_T_STR, QLAB_T_STR, QLAB_T_DATE, QLAB_T_F64};
    qlab_table t;
    char *sql = qlab_asprintf("SELECT " KIND_SQL " AS kind, asset_id, date, close FROM "
                              "read_parquet([%s], hive_partitioning=false) WHERE kind <> 'new' "
                              "ORDER BY date, asset_id LIMIT %d",
                              parts, SAMPLES);
    const qlab_code rc = qlab_conn_query(conn, sql, TYPES, 4, &t, err);
    qlab_free(sql);
    if (rc != QLAB_OK)
        return rc;
    for (size_t i = 0; i < t.n_rows; i++) {
        json_t *o = json_object();
        const qlab_str kind = t.cols[0].str[i], id = t.cols[1].str[i];
        json_object_set_new(o, "change", json_stringn(kind.at, kind.n));
        json_object_set_new(o, "asset_id", json_stringn(id.at, id.n));
        json_object_set_new(o, "date", day(t.cols[2].i32[i]));
        json_object_set_new(o, "close", qlab_json_f64(t.cols[3].f64[i]));
        json_array_append_new(out, o);
    }
    qlab_table_free(&t);
    return QLAB_OK;
}

static qlab_code look_at_rows(const qlab_env *env, const qlab_rehearsal *r, const json_t *commit,
                              json_t *report, int32_t *first, qlab_err *err)
{
    qlab_buf parts = QLAB_BUF_INIT;
    qlab_conn *conn = NULL;
    json_t *changes = json_object(), *samples = json_array();
    qlab_code rc = qlab_duck_conn(env->duck, 0, &conn, err);
    const size_t n = put_parts(r->scratch, commit, &parts);
    if (rc == QLAB_OK && n > 0)
        rc = count_rows(conn, parts.at, changes, first, err);
    if (rc == QLAB_OK && n > 0)
        rc = take_samples(conn, parts.at, samples, err);
    json_object_set_new(report, "changes", changes);
    json_object_set_new(report, "samples", samples);
    qlab_buf_free(&parts);
    return rc;
}

/* ---- what rests on it ------------------------------------------------------------------------ */

/* Heads of the real root that rest on a snapshot which holds the date. */
static qlab_code look_at_artifacts(const qlab_env *env, int32_t first, json_t *report,
                                   qlab_err *err)
{
    qlab_graph g;
    json_t *reached = json_object(), *heads = json_array();
    qlab_code rc = qlab_graph_load(env, &g, err);
    bool *hit = qlab_alloc_zero(g.n + 1, sizeof *hit);
    for (size_t i = 0; rc == QLAB_OK && first != QLAB_DATE_NONE && i < g.n; i++)
        hit[i] = i < g.n_snapshots && g.at[i].asof >= first;
    for (uint32_t depth = 2; rc == QLAB_OK && depth <= g.n + 1; depth++) {
        bool any = false;
        for (size_t i = g.n_snapshots; i < g.n; i++) {
            if (g.at[i].depth != depth)
                continue;
            any = true;
            for (size_t p = 0; p < g.at[i].n_parents; p++)
                hit[i] = hit[i] || hit[g.at[i].parents[p]];
        }
        if (!any)
            break;
    }
    for (size_t i = 0; rc == QLAB_OK && i < g.n; i++) {
        if (!hit[i])
            continue;
        const json_int_t n = json_integer_value(json_object_get(reached, g.at[i].kind));
        json_object_set_new(reached, g.at[i].kind, json_integer(n + 1));
        if (g.at[i].head)
            json_array_append_new(heads, json_string(g.at[i].id));
    }
    json_object_set_new(report, "artifacts_reached", reached);
    json_object_set_new(report, "heads_reached", heads);
    qlab_free(hit);
    if (rc == QLAB_OK)
        qlab_graph_free(&g);
    return rc;
}

/* The verdict of a root; null where it has no lake. */
static qlab_code freshness_of(const qlab_env *env, const qlab_freshness_options *o, json_t **out,
                              qlab_err *err)
{
    json_t *report = NULL;
    bool fresh = false;
    qlab_code rc = qlab_guard_freshness(env, o, &report, &fresh, err);
    if (rc == QLAB_E_NOT_FOUND) {
        qlab_err_reset(err);
        rc = QLAB_OK;
        *out = json_null();
    } else if (rc == QLAB_OK) {
        *out = json_incref(json_object_get(report, "verdict"));
    }
    json_decref(report);
    return rc;
}

static qlab_code look_at_freshness(const qlab_env *env, const qlab_env *there,
                                   const qlab_rehearsal *r, json_t *report, qlab_err *err)
{
    json_t *o = json_object(), *before = NULL, *after = NULL;
    qlab_code rc = freshness_of(env, r->freshness, &before, err);
    if (rc == QLAB_OK)
        rc = freshness_of(there, r->freshness, &after, err);
    if (rc == QLAB_OK) {
        json_object_set(o, "before", before);
        json_object_set(o, "after", after);
    }
    json_decref(before);
    json_decref(after);
    json_object_set_new(report, "freshness", o);
    return rc;
}

/* ---- the report ------------------------------------------------------------------------------ */

static json_t *inputs_json(const qlab_rehearsal *r, const json_t *commit)
{
    char hex[QLAB_HEX_BYTES];
    json_t *o = json_object();
    const json_t *parent = json_object_get(json_object_get(commit, "inputs"), "parent");
    json_object_set_new(o, "parent",
                        parent != NULL ? json_incref((json_t *)(uintptr_t)parent) : json_null());
    json_object_set_new(o, "commit", json_integer(r->commit));
    json_object_set_new(o, "commit_content", json_string(qlab_hex(qlab_json_digest(commit), hex)));
    return o;
}

qlab_code qlab_guard_rehearse(const qlab_env *env, const qlab_rehearsal *r, json_t **report,
                              qlab_err *err)
{
    qlab_env there = *env;
    qlab_digest now;
    json_t *commit = NULL, *inputs = NULL;
    int32_t first = QLAB_DATE_NONE;
    char *run_id = NULL, *path = qlab_path_join(r->scratch, "rehearsal_report.json");
    there.root = r->scratch;
    *report = NULL;
    qlab_code rc =
        r->commit > 0 ? qlab_lake_read_commit(r->scratch, r->commit, &commit, NULL, err) : QLAB_OK;
    if (rc != QLAB_OK)
        goto done;
    inputs = inputs_json(r, commit);
    run_id = qlab_run_id("rehearsal", env->now, inputs, NULL);
    *report = qlab_artifact_begin("rehearsal_report/1", run_id, inputs);
    json_object_set_new(*report, "nothing_to_do", json_boolean(r->nothing_to_do));
    json_object_set(*report, "counts", (json_t *)(uintptr_t)r->counts);
    rc = look_at_rows(env, r, r->nothing_to_do ? NULL : commit, *report, &first, err);
    if (rc == QLAB_OK)
        rc = look_at_artifacts(env, first, *report, err);
    if (rc == QLAB_OK)
        rc = look_at_freshness(env, &there, r, *report, err);
    if (rc == QLAB_OK)
        rc = qlab_scratch_root_state(env->root, &now, err);
    if (rc != QLAB_OK)
        goto done;
    json_object_set_new(*report, "root_untouched",
                        json_boolean(qlab_digest_cmp(&now, &r->made->root_state) == 0));
    json_object_set_new(*report, "files_linked", json_integer((json_int_t)r->made->n_linked));
    json_object_set_new(*report, "files_copied", json_integer((json_int_t)r->made->n_copied));
    rc = qlab_json_write(path, *report, err);
done:
    if (rc != QLAB_OK) {
        json_decref(*report);
        *report = NULL;
    }
    json_decref(inputs);
    json_decref(commit);
    qlab_free(run_id);
    qlab_free(path);
    return rc;
}
