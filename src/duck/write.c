#include "duck/duck_int.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/sync.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Every chunk but the last is filled to exactly this: where row groups and pages end then follows
 * from the rows alone, whatever DuckDB's threads and memory. */
enum { CHUNK_ROWS = 2048, ROW_GROUP_ROWS = 32768 };

/* ---- the table function qlab_columns(worker) --------------------------------------------------
 */

static void source_bind(duckdb_bind_info info)
{
    qlab_duck *duck = duckdb_bind_get_extra_info(info);
    duckdb_value value = duckdb_bind_get_parameter(info, 0);
    const uint64_t worker = (uint64_t)duckdb_get_int64(value);
    duckdb_destroy_value(&value);

    if (worker >= duck->n_workers || !duck->conns[worker].source.cols) {
        duckdb_bind_set_error(info, "qlab_columns is for writing; no columns are being written");
        return;
    }
    const qlab_source *s = &duck->conns[worker].source;
    for (size_t c = 0; c < s->n_cols; c++) {
        duckdb_logical_type type = duckdb_create_logical_type(qlab_duck_sql_type(s->cols[c].type));
        duckdb_bind_add_result_column(info, s->cols[c].name, type);
        duckdb_destroy_logical_type(&type);
    }
    duckdb_bind_set_cardinality(info, s->n_rows, true);
    duckdb_bind_set_bind_data(info, &duck->conns[worker].source, NULL);
}

static void source_init(duckdb_init_info info)
{
    size_t *row = qlab_alloc_zero(1, sizeof *row);
    duckdb_init_set_max_threads(info, 1); /* one order of rows */
    duckdb_init_set_init_data(info, row, qlab_free);
}

static void set_null(duckdb_vector vector, uint64_t **valid, size_t i)
{
    if (!*valid) {
        duckdb_vector_ensure_validity_writable(vector);
        *valid = duckdb_vector_get_validity(vector);
    }
    (*valid)[i / 64] &= ~((uint64_t)1 << (i % 64));
}

/* DuckDB's string of our bytes; they outlive the COPY, so long ones are pointed to, not copied. */
static duckdb_string_t string_of(qlab_str s)
{
    duckdb_string_t out;
    memset(&out, 0, sizeof out);
    out.value.inlined.length = (uint32_t)s.n;
    if (s.n <= sizeof out.value.inlined.inlined) {
        memcpy(out.value.inlined.inlined, s.at, s.n);
    } else {
        memcpy(out.value.pointer.prefix, s.at, sizeof out.value.pointer.prefix);
        out.value.pointer.ptr = (char *)(uintptr_t)s.at; /* DuckDB only reads it */
    }
    return out;
}

static void fill_strings(const qlab_col *col, size_t first, size_t n, duckdb_vector vector,
                         uint64_t **valid)
{
    duckdb_string_t *to = duckdb_vector_get_data(vector);
    const qlab_str *str = col->data;
    const uint32_t *code = col->data;
    const bool dict = col->type == QLAB_T_DICT;

    for (size_t i = 0; i < n; i++) {
        const size_t row = first + i;
        qlab_str s = {NULL, 0};
        if (!dict)
            s = str[row];
        else if (code[row] != UINT32_MAX)
            s = col->dict[code[row]];
        if (s.at && dict && i > 0 && code[row] == code[row - 1]) {
            to[i] = to[i - 1];
            continue;
        }
        to[i] = string_of(s.at ? s : (qlab_str){"", 0});
        if (!s.at)
            set_null(vector, valid, i);
    }
}

static void fill_column(const qlab_col *col, size_t first, size_t n, duckdb_vector vector)
{
    uint64_t *valid = NULL;
    if (col->type == QLAB_T_STR || col->type == QLAB_T_DICT || col->type == QLAB_T_BLOB) {
        fill_strings(col, first, n, vector, &valid);
    } else {
        const size_t size = qlab_duck_value_bytes(col->type);
        memcpy(duckdb_vector_get_data(vector), (const char *)col->data + first * size, n * size);
        if (col->type == QLAB_T_F64) {
            const double *v = (const double *)col->data + first;
            for (size_t i = 0; i < n; i++)
                if (isnan(v[i]))
                    set_null(vector, &valid, i);
        } else if (col->type == QLAB_T_DATE) {
            const int32_t *v = (const int32_t *)col->data + first;
            for (size_t i = 0; i < n; i++)
                if (v[i] == QLAB_DATE_NONE)
                    set_null(vector, &valid, i);
        }
    }
    if (col->null_at)
        for (size_t i = 0; i < n; i++)
            if (col->null_at[first + i])
                set_null(vector, &valid, i);
}

static void source_fill(duckdb_function_info info, duckdb_data_chunk chunk)
{
    const qlab_source *s = duckdb_function_get_bind_data(info);
    size_t *row = duckdb_function_get_init_data(info);
    const size_t left = s->n_rows - *row;
    const size_t n = left < CHUNK_ROWS ? left : CHUNK_ROWS;

    for (size_t c = 0; c < s->n_cols && n > 0; c++)
        fill_column(&s->cols[c], *row, n, duckdb_data_chunk_get_vector(chunk, c));
    duckdb_data_chunk_set_size(chunk, n);
    *row += n;
}

qlab_code qlab_duck_register_source(qlab_duck *duck, duckdb_connection con, qlab_err *err)
{
    duckdb_table_function f = duckdb_create_table_function();
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);

    duckdb_table_function_set_name(f, "qlab_columns");
    duckdb_table_function_add_parameter(f, number);
    duckdb_table_function_set_extra_info(f, duck, NULL);
    duckdb_table_function_set_bind(f, source_bind);
    duckdb_table_function_set_init(f, source_init);
    duckdb_table_function_set_function(f, source_fill);
    const duckdb_state state = duckdb_register_table_function(con, f);
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_table_function(&f);
    if (state != DuckDBSuccess)
        return qlab_fail(err, QLAB_E_INTERNAL, "DuckDB refused the table function qlab_columns");
    return QLAB_OK;
}

/* ---- writing ----------------------------------------------------------------------------------
 */

static qlab_code check_text(const qlab_col *col, size_t row, qlab_str s, qlab_err *err)
{
    if (s.at && s.n > UINT32_MAX)
        return qlab_fail(err, QLAB_E_LIMIT, "column %s, row %zu: %zu bytes are too many", col->name,
                         row, s.n);
    if (s.at && col->type != QLAB_T_BLOB && !qlab_str_is_utf8(s))
        return qlab_fail(err, QLAB_E_INTERNAL, "column %s, row %zu: text was not UTF-8", col->name,
                         row);
    return QLAB_OK;
}

/* Before anything is written: what must never reach a file. */
static qlab_code check_column(const qlab_col *col, size_t n_rows, qlab_err *err)
{
    if (col->type == QLAB_T_F64) {
        const double *v = col->data;
        for (size_t i = 0; i < n_rows; i++)
            if (isinf(v[i]) && !(col->null_at && col->null_at[i]))
                return qlab_fail(err, QLAB_E_INTERNAL, "column %s, row %zu: the value was infinite",
                                 col->name, i);
    } else if (col->type == QLAB_T_STR || col->type == QLAB_T_BLOB) {
        const qlab_str *s = col->data;
        for (size_t i = 0; i < n_rows; i++) {
            if (i > 0 && s[i].at == s[i - 1].at && s[i].n == s[i - 1].n)
                continue;
            if (check_text(col, i, s[i], err) != QLAB_OK)
                return err->code;
        }
    } else if (col->type == QLAB_T_DICT) {
        const uint32_t *code = col->data;
        for (size_t i = 0; i < n_rows; i++) {
            if (code[i] == UINT32_MAX || (i > 0 && code[i] == code[i - 1]))
                continue;
            if (check_text(col, i, col->dict[code[i]], err) != QLAB_OK)
                return err->code;
        }
    }
    return QLAB_OK;
}

qlab_code qlab_conn_write_parquet(qlab_conn *conn, const qlab_col *cols, size_t n_cols,
                                  size_t n_rows, qlab_codec codec, const char *tmp_path,
                                  qlab_err *err)
{
    assert(n_cols > 0 && !conn->source.cols);
    for (size_t c = 0; c < n_cols; c++)
        if (check_column(&cols[c], n_rows, err) != QLAB_OK)
            return err->code;

    qlab_buf sql = QLAB_BUF_INIT;
    duckdb_result result;
    qlab_buf_putf(&sql, "COPY (SELECT * FROM qlab_columns(%zu)) TO ", conn->worker);
    qlab_sql_quote(&sql, tmp_path);
    qlab_buf_putf(&sql, " (FORMAT parquet, COMPRESSION %s, ROW_GROUP_SIZE %d, USE_TMP_FILE false)",
                  codec == QLAB_CODEC_ZSTD ? "zstd" : "lz4_raw", ROW_GROUP_ROWS);

    conn->source = (qlab_source){cols, n_cols, n_rows};
    qlab_code rc = qlab_duck_run(conn, sql.at, QLAB_SQL_OURS, NULL, &result, err);
    conn->source = (qlab_source){NULL, 0, 0};
    qlab_buf_free(&sql);
    if (rc == QLAB_OK) {
        duckdb_destroy_result(&result);
    } else { /* COPY leaves what it had; the first failure is the one to tell */
        qlab_err ignored = QLAB_ERR_INIT;
        if (qlab_file_remove(tmp_path, &ignored) != QLAB_OK)
            qlab_err_reset(&ignored);
    }
    return rc;
}

/* `path` with the '%' of its last component replaced by `with`. Owned by the caller. */
static char *with_hash(const char *path, const char *with)
{
    const char *base = qlab_path_base(path);
    const char *percent = strchr(base, '%');
    if (!percent)
        return qlab_strdup(path);
    return qlab_asprintf("%.*s%s%s", (int)(percent - path), path, with, percent + 1);
}

void qlab_conn_sync_behind(qlab_conn *conn, qlab_sync *sync)
{
    conn->sync = sync;
}

qlab_code qlab_conn_put_parquet(qlab_conn *conn, const qlab_col *cols, size_t n_cols, size_t n_rows,
                                qlab_codec codec, const char *final_path, qlab_written *out,
                                qlab_err *err)
{
    /* Two workers never share a temporary name, nor two files of one that wait to be synced. */
    char worker[64];
    snprintf(worker, sizeof worker, "w%zu-%" PRIu64, conn->worker, conn->n_put++);
    char *guess = with_hash(final_path, worker);
    char *tmp = qlab_file_tmp_name(guess);
    char *final = NULL;
    char *dir = qlab_strndup(final_path, (size_t)(qlab_path_base(final_path) - final_path));
    qlab_digest digest;
    char hex16[17];

    memset(out, 0, sizeof *out);
    qlab_code rc = !*dir        ? QLAB_OK
                   : conn->sync ? qlab_sync_make_folder(conn->sync, dir, err)
                                : qlab_dir_make(dir, err);
    if (rc == QLAB_OK)
        rc = qlab_conn_write_parquet(conn, cols, n_cols, n_rows, codec, tmp, err);
    if (rc != QLAB_OK)
        goto done;
    rc = qlab_sha256_file(tmp, &digest, &out->n_bytes, err);
    if (rc == QLAB_OK) {
        final = with_hash(final_path, qlab_hex_short(digest, 16, hex16));
        if (conn->sync)
            qlab_sync_put(conn->sync, tmp, final);
        else
            rc = qlab_file_put_in_place(tmp, final, err);
    }
    if (rc != QLAB_OK) {
        qlab_err ignored = QLAB_ERR_INIT;
        if (qlab_file_remove(tmp, &ignored) != QLAB_OK)
            qlab_err_reset(&ignored);
        goto done;
    }
    out->path = final;
    final = NULL;
    out->n_rows = n_rows;
    qlab_hex(digest, out->sha256);
done:
    qlab_free(final);
    qlab_free(dir);
    qlab_free(tmp);
    qlab_free(guess);
    return rc;
}
