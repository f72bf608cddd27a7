#include "duck/duck_int.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/date.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Strings are copied out of the chunk; a run of equal ones (ids in a sorted file) shares a copy. */
static void copy_strings(qlab_arena *arena, duckdb_string_t *from, const uint64_t *valid, size_t n,
                         qlab_str *to)
{
    qlab_str last = {NULL, 0};
    for (size_t i = 0; i < n; i++) {
        if (valid && !(valid[i / 64] >> (i % 64) & 1)) {
            to[i] = (qlab_str){NULL, 0};
            continue;
        }
        const size_t len = duckdb_string_t_length(from[i]);
        const char *at = duckdb_string_t_data(&from[i]);
        if (!last.at || last.n != len || memcmp(last.at, at, len) != 0)
            last = (qlab_str){qlab_arena_strndup(arena, at, len), len};
        to[i] = last;
    }
}

/* Null rows of a fixed-width column; false where the type has no way to say null. */
static bool put_nulls(qlab_type type, const uint64_t *valid, size_t n, void *to)
{
    for (size_t i = 0; i < n; i++) {
        if (valid[i / 64] == UINT64_MAX && i % 64 == 0) {
            i += 63;
            continue;
        }
        if (valid[i / 64] >> (i % 64) & 1)
            continue;
        if (type == QLAB_T_F64)
            ((double *)to)[i] = NAN;
        else if (type == QLAB_T_DATE)
            ((int32_t *)to)[i] = QLAB_DATE_NONE;
        else
            return false;
    }
    return true;
}

static qlab_code copy_chunk(duckdb_data_chunk chunk, size_t n, qlab_table *t, qlab_err *err)
{
    for (size_t c = 0; c < t->n_cols; c++) {
        qlab_column *col = &t->cols[c];
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, c);
        void *from = duckdb_vector_get_data(vector);
        const uint64_t *valid = duckdb_vector_get_validity(vector);
        if (col->type == QLAB_T_STR || col->type == QLAB_T_BLOB) {
            copy_strings(t->strings, from, valid, n, col->str + t->n_rows);
            continue;
        }
        const size_t size = qlab_duck_value_bytes(col->type);
        void *to = (char *)col->any + t->n_rows * size;
        memcpy(to, from, n * size);
        if (valid && !put_nulls(col->type, valid, n, to))
            return qlab_fail(err, QLAB_E_CORRUPT, "column %s had a null where none is allowed",
                             col->name);
    }
    return QLAB_OK;
}

static qlab_code check_columns(duckdb_result *result, const qlab_type *types, size_t n_cols,
                               qlab_table *t, qlab_err *err)
{
    const idx_t n = duckdb_column_count(result);
    if (n != n_cols)
        return qlab_fail(err, QLAB_E_CORRUPT, "a query gave %llu columns, %zu were expected",
                         (unsigned long long)n, n_cols);
    for (size_t c = 0; c < n_cols; c++) {
        assert(types[c] != QLAB_T_DICT); /* write side only */
        const char *name = duckdb_column_name(result, c);
        if (duckdb_column_type(result, c) != qlab_duck_sql_type(types[c]))
            return qlab_fail(err, QLAB_E_CORRUPT, "column %s had DuckDB's type %d, %d was expected",
                             name, (int)duckdb_column_type(result, c),
                             (int)qlab_duck_sql_type(types[c]));
        t->cols[c].name = qlab_strdup(name);
        t->cols[c].type = types[c];
    }
    return QLAB_OK;
}

static void reserve(qlab_table *t, size_t *cap, size_t need)
{
    if (need <= *cap)
        return;
    size_t to = *cap ? *cap * 2 : 4096;
    while (to < need)
        to *= 2;
    for (size_t c = 0; c < t->n_cols; c++)
        t->cols[c].any = qlab_realloc(t->cols[c].any, to, qlab_duck_value_bytes(t->cols[c].type));
    *cap = to;
}

qlab_code qlab_conn_query(qlab_conn *conn, const char *sql, const qlab_type *types, size_t n_cols,
                          qlab_table *out, qlab_err *err)
{
    *out = (qlab_table)QLAB_TABLE_INIT;
    duckdb_result result;
    qlab_code rc = qlab_duck_run(conn, sql, QLAB_SQL_OURS, NULL, &result, err);
    if (rc != QLAB_OK)
        return rc;

    size_t cap = 0;
    out->n_cols = n_cols;
    out->cols = qlab_alloc_zero(n_cols, sizeof *out->cols);
    out->strings = qlab_alloc_zero(1, sizeof *out->strings);
    rc = check_columns(&result, types, n_cols, out, err);
    while (rc == QLAB_OK) {
        duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
        if (!chunk)
            break;
        const size_t n = duckdb_data_chunk_get_size(chunk);
        reserve(out, &cap, out->n_rows + n);
        rc = copy_chunk(chunk, n, out, err);
        out->n_rows += n;
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    if (rc != QLAB_OK) {
        qlab_table_free(out);
        return rc;
    }
    for (size_t c = 0; c < n_cols; c++)
        out->cols[c].any =
            qlab_realloc(out->cols[c].any, out->n_rows, qlab_duck_value_bytes(types[c]));
    return QLAB_OK;
}

void qlab_table_free(qlab_table *t)
{
    for (size_t c = 0; c < t->n_cols && t->cols; c++) {
        qlab_free(t->cols[c].name);
        qlab_free(t->cols[c].any);
    }
    qlab_free(t->cols);
    if (t->strings)
        qlab_arena_free(t->strings);
    qlab_free(t->strings);
    *t = (qlab_table)QLAB_TABLE_INIT;
}
