/* What was made of the lake: the newest snapshot and its feature set. */
#include "guard/find.h"
#include "guard/reconcile_int.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "feature/manifest.h"
#include "feature/part.h"

#include <inttypes.h>
#include <string.h>

typedef struct derived {
    qlab_reconcile *r;
    json_t *snapshot, *set; /* manifests; NULL */
    char *dir;              /* of the snapshot */
    const char *lacks;      /* why there is nothing to judge; NULL */
} derived;

/* ---- the snapshot ---------------------------------------------------------------------------- */

static qlab_code find_snapshot(derived *d, qlab_err *err)
{
    uint32_t commit = 0;
    const qlab_code rc =
        qlab_guard_find_snapshot(d->r->env, 0, d->r->commit, &d->r->snapshot, &commit, err);
    if (rc == QLAB_OK && d->r->snapshot == NULL)
        d->lacks = "NO_SNAPSHOT";
    for (uint32_t k = commit + 1; d->r->snapshot != NULL && k <= d->r->commit; k++)
        if (d->r->changes[k])
            d->lacks = "SNAPSHOT_BEHIND";
    return rc;
}

static qlab_code check_file(qlab_check *c, const char *dir, const char *name, const char *sha256,
                            qlab_err *err)
{
    char *path = qlab_path_join(dir, name), hex[QLAB_HEX_BYTES];
    qlab_digest digest;
    qlab_code rc = qlab_sha256_file(path, &digest, NULL, err);
    if (rc != QLAB_OK)
        rc = qlab_reconcile_as_finding(c, "", err);
    else if (sha256 == NULL || strcmp(qlab_hex(digest, hex), sha256) != 0)
        qlab_check_find(c, "%s: its bytes hashed to %.16s..., the manifest says %.16s...", path,
                        hex, sha256 != NULL ? sha256 : "nothing");
    qlab_free(path);
    return rc;
}

/* The bars that the snapshot froze are still what the lake shows at its commit. */
static qlab_code check_bars_digest(const derived *d, qlab_check *c, const json_t *content,
                                   qlab_err *err)
{
    const char *asof = json_string_value(json_object_get(content, "asof"));
    const char *bars = json_string_value(json_object_get(content, "bars"));
    const json_int_t commit = json_integer_value(json_object_get(d->snapshot, "commit"));
    qlab_lake_view *v = NULL;
    qlab_digest digest;
    char hex[QLAB_HEX_BYTES];
    int32_t date = 0;
    if (asof == NULL || bars == NULL || commit < 1 || commit > UINT32_MAX ||
        !qlab_date_parse(asof, strlen(asof), &date)) {
        qlab_check_find(c, "snapshot %s: its manifest lacks asof, bars or commit", d->r->snapshot);
        return QLAB_OK;
    }
    qlab_code rc = qlab_lake_view_open(d->r->env, (uint32_t)commit, &v, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_bars_digest(d->r->env, v, date, &digest, err);
    if (rc != QLAB_OK)
        rc = qlab_reconcile_as_finding(c, "bars digest", err);
    else if (strcmp(qlab_hex(digest, hex), bars) != 0)
        qlab_check_find(c, "snapshot %s froze bars %.16s..., commit %lld holds %.16s...",
                        d->r->snapshot, bars, (long long)commit, hex);
    qlab_lake_view_close(v);
    return rc;
}

static qlab_code check_snapshot(derived *d, qlab_check *c, qlab_err *err)
{
    char *path = NULL, hex[QLAB_HEX_BYTES];
    const char *name;
    json_t *file;
    if (d->r->snapshot == NULL) {
        qlab_check_skip(c, d->lacks);
        return QLAB_OK;
    }
    d->dir = qlab_asprintf("%s/snapshots/snapshot_id=%s", d->r->env->root, d->r->snapshot);
    path = qlab_path_join(d->dir, "snapshot_manifest.json");
    qlab_code rc = qlab_json_load(path, &d->snapshot, err);
    qlab_free(path);
    if (rc != QLAB_OK)
        return qlab_reconcile_as_finding(c, "", err);
    const json_t *content = json_object_get(json_object_get(d->snapshot, "inputs"), "content");
    const char *digest = json_string_value(json_object_get(d->snapshot, "content_digest"));
    qlab_hex(qlab_json_digest(content), hex);
    if (digest == NULL || strcmp(digest, hex) != 0 ||
        strncmp(hex, d->r->snapshot + strlen(d->r->snapshot) - 12, 12) != 0)
        qlab_check_find(c, "snapshot %s: its content hashes to %.12s, its manifest says %.12s",
                        d->r->snapshot, hex, digest != NULL ? digest : "nothing");
    json_object_foreach(json_object_get(d->snapshot, "files"), name, file)
    {
        if (rc == QLAB_OK)
            rc = check_file(c, d->dir, name, json_string_value(json_object_get(file, "sha256")),
                            err);
    }
    qlab_check_measure(c, "files",
                       (json_int_t)json_object_size(json_object_get(d->snapshot, "files")));
    return rc == QLAB_OK ? check_bars_digest(d, c, content, err) : rc;
}

/* ---- the feature set ------------------------------------------------------------------------- */

static qlab_code check_set(derived *d, qlab_check *c, qlab_err *err)
{
    json_t *entry;
    size_t i;
    if (d->snapshot == NULL) {
        qlab_check_skip(c, d->lacks != NULL ? d->lacks : "NO_SNAPSHOT");
        return QLAB_OK;
    }
    qlab_code rc = qlab_guard_find_set(d->r->env, d->r->snapshot, &d->r->features, &d->set, err);
    if (rc != QLAB_OK)
        rc = qlab_reconcile_as_finding(c, "", err);
    if (rc == QLAB_OK && d->set == NULL) {
        d->lacks = d->lacks != NULL ? d->lacks : "NO_FEATURES";
        qlab_check_skip(c, d->lacks);
        return QLAB_OK;
    }
    json_array_foreach(json_object_get(d->set, "parts"), i, entry)
    {
        qlab_panel_part p;
        if (rc != QLAB_OK)
            break;
        rc = qlab_set_manifest_part(entry, d->r->features, &p, err);
        if (rc != QLAB_OK) {
            rc = qlab_reconcile_as_finding(c, "", err);
            continue;
        }
        if (p.n_rows == 0)
            continue;
        char *path = qlab_panel_part_path(d->r->env->root, p.name);
        rc = check_file(c, "", path, p.sha256, err);
        qlab_free(path);
    }
    qlab_check_measure(c, "parts", (json_int_t)json_array_size(json_object_get(d->set, "parts")));
    return rc;
}

/* ---- one row for every eligible asset -------------------------------------------------------- */

/* Parts of the month of `date` and the one before. */
static void put_parts(const derived *d, int32_t date, const char **glue, qlab_buf *sql)
{
    json_t *entry;
    size_t i;
    char first[QLAB_DATE_BYTES];
    const int32_t month = qlab_date_month_index(date);
    qlab_date_format(qlab_date_of_month_index(month - 1), first);
    json_array_foreach(json_object_get(d->set, "parts"), i, entry)
    {
        const char *of = json_string_value(json_object_get(entry, "month"));
        const char *kind = json_string_value(json_object_get(entry, "kind"));
        const char *name = json_string_value(json_object_get(entry, "name"));
        if (of == NULL || kind == NULL || name == NULL || strncmp(of, first, 7) < 0 ||
            strcmp(kind, qlab_panel_kind_name(QLAB_PANEL_FEATURES)) != 0 ||
            json_integer_value(json_object_get(entry, "rows")) == 0)
            continue;
        char *path = qlab_panel_part_path(d->r->env->root, name);
        qlab_buf_puts(sql, *glue);
        qlab_sql_quote(sql, path);
        qlab_free(path);
        *glue = ", ";
    }
}

/* The last date on which an asset was eligible is one of its bars: the panel has its row. */
static void put_query(const derived *d, int32_t date, qlab_buf *sql)
{
    const char *glue = " AND (asset_id, eligible_exit) NOT IN (SELECT asset_id, asof_date FROM "
                       "read_parquet([";
    const char *from = json_string_value(json_array_get(json_object_get(d->set, "dates"), 0));
    char first[QLAB_DATE_BYTES];
    char *universe = qlab_path_join(d->dir, "universe.parquet");
    qlab_date_format(qlab_date_of_month_index(qlab_date_month_index(date) - 1), first);
    qlab_buf_puts(sql, "SELECT asset_id, eligible_exit FROM read_parquet(");
    qlab_sql_quote(sql, universe);
    qlab_buf_putf(sql, ") WHERE eligible AND eligible_exit >= DATE '%s'",
                  from != NULL && strcmp(from, first) > 0 ? from : first);
    qlab_free(universe);
    put_parts(d, date, &glue, sql);
    if (*glue == ',')
        qlab_buf_puts(sql, "]))");
    qlab_buf_puts(sql, " ORDER BY asset_id");
}

static qlab_code check_rows(const derived *d, qlab_check *c, qlab_err *err)
{
    static const qlab_type TYPES[] = {QLAB_T_STR, QLAB_T_DATE};
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_conn *conn = NULL;
    qlab_table t = QLAB_TABLE_INIT;
    char exit[QLAB_DATE_BYTES];
    int32_t date;
    const char *day = json_string_value(json_object_get(d->snapshot, "universe_date"));
    if (day == NULL || !qlab_date_parse(day, strlen(day), &date)) {
        qlab_check_skip(c, "NO_UNIVERSE_DATE");
        return QLAB_OK;
    }
    const json_t *dates = json_object_get(d->set, "dates");
    const char *last = json_string_value(json_array_get(dates, json_array_size(dates) - 1));
    const json_t *parameters = json_object_get(d->set, "parameters");
    if (last == NULL || strcmp(last, day) != 0 ||
        json_integer_value(json_object_get(parameters, "every")) != 1) {
        qlab_check_skip(c, "SET_LACKS_DATES"); /* ends earlier, or holds each N-th session */
        return QLAB_OK;
    }
    put_query(d, date, &sql);
    qlab_code rc = qlab_duck_conn(d->r->env->duck, 0, &conn, err);
    if (rc == QLAB_OK)
        rc = qlab_conn_query(conn, sql.at, TYPES, 2, &t, err);
    if (rc != QLAB_OK)
        rc = qlab_reconcile_as_finding(c, "panel", err);
    for (size_t i = 0; i < t.n_rows; i++)
        qlab_check_find(c, "%.*s is eligible on %s, but feature set %s has no row for it",
                        (int)t.cols[0].str[i].n, t.cols[0].str[i].at,
                        qlab_date_format(t.cols[1].i32[i], exit), d->r->features);
    qlab_check_measure(
        c, "eligible",
        json_integer_value(json_object_get(json_object_get(d->snapshot, "universe"), "ELIGIBLE")));
    qlab_table_free(&t);
    qlab_buf_free(&sql);
    return rc;
}

qlab_code qlab_reconcile_derived(qlab_reconcile *r, qlab_err *err)
{
    derived d = {.r = r};
    qlab_check snapshot = qlab_check_begin("snapshot_hashes"),
               set = qlab_check_begin("feature_hashes"), rows = qlab_check_begin("features_exist");
    qlab_code rc = find_snapshot(&d, err);
    if (rc == QLAB_OK)
        rc = check_snapshot(&d, &snapshot, err);
    if (rc == QLAB_OK)
        rc = check_set(&d, &set, err);
    if (rc == QLAB_OK && d.lacks != NULL) {
        qlab_check_skip(&rows, d.lacks);
        if (r->o->require_features)
            qlab_check_find(&rows, "%s: no features of commit %" PRIu32 " to judge", d.lacks,
                            r->commit);
    } else if (rc == QLAB_OK && d.set == NULL) {
        qlab_check_skip(&rows, "NO_FEATURES"); /* the snapshot's own files failed */
    } else if (rc == QLAB_OK) {
        rc = check_rows(&d, &rows, err);
    }
    r->corrupt = qlab_check_end(&snapshot, r->checks) || r->corrupt;
    r->corrupt = qlab_check_end(&set, r->checks) || r->corrupt;
    qlab_check_end(&rows, r->checks);
    json_decref(d.snapshot);
    json_decref(d.set);
    qlab_free(d.dir);
    return rc;
}
