/* A month's rows lie in Parquet files of the job's folder until the run is complete; the unit's
 * record holds their hashes, so that a run taken up again trusts only whole files. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "stage_a/run_int.h"

#include <string.h>

static char *path_of(const qlab_stage_a *a, const char *name, const qlab_month_unit *m)
{
    char date[QLAB_DATE_BYTES];

    qlab_date_format(a->axis.sessions[m->first], date);
    return qlab_asprintf("%s/%s-%.7s.parquet", qlab_job_dir(a->job), name, date);
}

qlab_code qlab_stage_a_put_part(const qlab_stage_a *a, qlab_conn *conn, const char *name,
                                const qlab_month_unit *m, const qlab_col *cols, size_t n_cols,
                                size_t n_rows, json_t **record, qlab_err *err)
{
    char *path = path_of(a, name, m);
    qlab_written w = {0};
    const qlab_code rc =
        qlab_conn_put_parquet(conn, cols, n_cols, n_rows, QLAB_CODEC_ZSTD, path, &w, err);

    if (rc == QLAB_OK)
        *record = json_pack("{s:s, s:s, s:I}", "file", qlab_path_base(w.path), "sha256", w.sha256,
                            "rows", (json_int_t)w.n_rows);
    qlab_free(w.path);
    qlab_free(path);
    return rc;
}

static qlab_code check_hash(const json_t *record, const char *path, qlab_err *err)
{
    const char *promised;
    char hex[QLAB_HEX_BYTES];
    qlab_digest digest;
    qlab_code rc = qlab_json_get_str(record, path, "sha256", &promised, err);

    if (rc == QLAB_OK)
        rc = qlab_sha256_file(path, &digest, NULL, err);
    if (rc == QLAB_OK && strcmp(qlab_hex(digest, hex), promised) != 0)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: its bytes were not those that were written", path);
    return rc;
}

static qlab_code query(qlab_conn *conn, const char *path, const char *const *columns,
                       const qlab_type *types, size_t n_cols, qlab_table *out, qlab_err *err)
{
    qlab_buf sql = QLAB_BUF_INIT;

    for (size_t c = 0; c < n_cols; c++)
        qlab_buf_putf(&sql, "%s%s", c == 0 ? "SELECT " : ", ", columns[c]);
    qlab_buf_puts(&sql, " FROM read_parquet(");
    qlab_sql_quote(&sql, path);
    qlab_buf_puts(&sql, ")");
    const qlab_code rc = qlab_conn_query(conn, sql.at, types, n_cols, out, err);
    qlab_buf_free(&sql);
    return rc;
}

qlab_code qlab_stage_a_get_part(const qlab_stage_a *a, qlab_conn *conn, const char *name,
                                size_t unit, const char *const *columns, const qlab_type *types,
                                size_t n_cols, size_t n_rows, qlab_table *out, char **path,
                                qlab_err *err)
{
    json_t *record = NULL;
    int64_t promised = 0;

    *path = path_of(a, name, &a->months[unit]);
    qlab_code rc = qlab_json_get_object(qlab_job_result(a->job, unit), *path, name, &record, err);
    if (rc == QLAB_OK)
        rc = qlab_json_get_i64(record, *path, "rows", &promised, err);
    if (rc == QLAB_OK)
        rc = check_hash(record, *path, err);
    if (rc == QLAB_OK)
        rc = query(conn, *path, columns, types, n_cols, out, err);
    const size_t expected = n_rows == SIZE_MAX ? (size_t)promised : n_rows;
    if (rc == QLAB_OK && out->n_rows != expected)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: %zu rows, %zu were expected", *path, out->n_rows,
                       expected);
    return rc;
}
