/* duck/duck.h -- the only door to DuckDB: SQL to columns, columns to Parquet.
 *
 * One in-memory database a process, DuckDB's own `threads` at 1, one connection a worker.  Columns
 * are contiguous arrays.  Missing numbers are NaN in memory and NULL in Parquet; NaN and infinity
 * are never written.
 *
 * Nothing here reaches the network: extensions are neither installed nor loaded.
 *
 * Ownership: a qlab_table owns its columns (free with qlab_table_free); qlab_col borrows.
 * Threads: a qlab_conn belongs to one worker at a time; qlab_duck may be shared.
 * Errors: QLAB_E_CORRUPT for a file that DuckDB cannot read or that lacks a column,
 * QLAB_E_NOT_FOUND for one that is not there, QLAB_E_LIMIT for out of memory or disk, QLAB_E_IO
 * when the system refused, QLAB_E_CANCELLED when the user interrupted, QLAB_E_INTERNAL for SQL that
 * does not parse (QLAB_E_USAGE from qlab_conn_print, where the SQL is the user's).
 */
#ifndef QLAB_DUCK_DUCK_H
#define QLAB_DUCK_DUCK_H

#include "base/env.h"
#include "base/err.h"
#include "base/sync.h"
#include "base/view.h"
#include <stdint.h>
#include <stdio.h>

typedef struct qlab_duck qlab_duck;
typedef struct qlab_conn qlab_conn;

/* memory_limit_bytes: DuckDB's own share. temp_dir may be NULL (no spilling). */
qlab_code qlab_duck_open(size_t memory_limit_bytes, const char *temp_dir, size_t n_workers,
                         qlab_duck **out, qlab_err *err) QLAB_MUST_USE;
void qlab_duck_close(qlab_duck *duck);
/* The connection of a worker (0..n_workers-1), made on first use; borrowed. */
qlab_code qlab_duck_conn(qlab_duck *duck, size_t worker, qlab_conn **out,
                         qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_conn_exec(qlab_conn *conn, const char *sql, qlab_err *err) QLAB_MUST_USE;

typedef enum qlab_type {
    QLAB_T_F64,  /* double, NaN = null */
    QLAB_T_I32,  /* int32_t */
    QLAB_T_U32,  /* uint32_t */
    QLAB_T_I64,  /* int64_t */
    QLAB_T_U8,   /* uint8_t, UTINYINT */
    QLAB_T_U16,  /* uint16_t, USMALLINT */
    QLAB_T_BOOL, /* uint8_t 0/1, BOOLEAN */
    QLAB_T_DATE, /* int32_t days, QLAB_DATE_NONE = null */
    QLAB_T_STR,  /* qlab_str, at == NULL = null */
    QLAB_T_DICT, /* uint32_t code into dict[]; UINT32_MAX = null; write side only */
    QLAB_T_BLOB  /* qlab_str of any bytes, at == NULL = null */
} qlab_type;

/* ---- read: a materialised query into contiguous columns -------------------------------------- */

typedef struct qlab_column {
    char *name;
    qlab_type type;
    union {
        double *f64;
        int32_t *i32; /* also DATE */
        uint32_t *u32;
        int64_t *i64;
        uint8_t *u8; /* also BOOL */
        uint16_t *u16;
        qlab_str *str; /* bytes live in the table */
        void *any;
    };
} qlab_column;

typedef struct qlab_table {
    size_t n_rows, n_cols;
    qlab_column *cols;
    struct qlab_arena *strings; /* owned */
} qlab_table;

#define QLAB_TABLE_INIT                                                                            \
    {                                                                                              \
        0, 0, NULL, NULL                                                                           \
    }

/* Runs one SELECT; types[i] is what column i is wanted as.  The query must deliver exactly that SQL
 * type (DOUBLE, INTEGER, UINTEGER, BIGINT, UTINYINT, USMALLINT, BOOLEAN, DATE, VARCHAR, BLOB: write
 * `x::UINTEGER` where in doubt); another one, or another number of columns, is CORRUPT, and so is a
 * null in a column that cannot hold one.  On failure *out is empty. */
qlab_code qlab_conn_query(qlab_conn *conn, const char *sql, const qlab_type *types, size_t n_cols,
                          qlab_table *out, qlab_err *err) QLAB_MUST_USE;
void qlab_table_free(qlab_table *t);

/* ---- write: columns to one Parquet file ------------------------------------------------------ */

typedef struct qlab_col {
    const char *name;
    qlab_type type;
    const void *data;       /* n_rows values of the type; borrowed */
    const uint8_t *null_at; /* bytes, 1 = null; NULL = none beyond what the type itself says */
    const qlab_str *dict;   /* QLAB_T_DICT */
} qlab_col;

typedef enum qlab_codec { QLAB_CODEC_ZSTD, QLAB_CODEC_LZ4 } qlab_codec;

/* COPY to tmp_path (made by qlab_file_tmp_name); the caller puts it in place.  On failure the
 * partial file is removed.  Row groups of 32,768.  The bytes depend on the columns and the codec
 * alone.  An infinity, or text that is not UTF-8, is QLAB_E_INTERNAL and nothing is written. */
qlab_code qlab_conn_write_parquet(qlab_conn *conn, const qlab_col *cols, size_t n_cols,
                                  size_t n_rows, qlab_codec codec, const char *tmp_path,
                                  qlab_err *err) QLAB_MUST_USE;
/* The whole rule: folder made, temporary name, COPY, SHA-256 of the bytes, fsync, rename to
 * `final_path` ("%" in its last component is replaced by the first 16 hex digits of that hash),
 * fsync folder.  Workers may put files of one folder at the same time. */
typedef struct qlab_written {
    char *path; /* owned: qlab_free */
    uint64_t n_bytes, n_rows;
    char sha256[65];
} qlab_written;
qlab_code qlab_conn_put_parquet(qlab_conn *conn, const qlab_col *cols, size_t n_cols, size_t n_rows,
                                qlab_codec codec, const char *final_path, qlab_written *out,
                                qlab_err *err) QLAB_MUST_USE;

/* From now on qlab_conn_put_parquet of this connection hands files to `sync`: they are in place
 * once qlab_sync_wait says so.  NULL: in place before it returns, as at first. */
void qlab_conn_sync_behind(qlab_conn *conn, qlab_sync *sync);

/* ---- people: a SELECT printed as a table, CSV or JSON ---------------------------------------- */

typedef enum qlab_format { QLAB_FORMAT_TABLE, QLAB_FORMAT_CSV, QLAB_FORMAT_JSON } qlab_format;
/* One statement; anything but SELECT, EXPLAIN, DESCRIBE, SHOW and the like is QLAB_E_USAGE.
 * TABLE: columns aligned, numbers right and short; CSV (RFC 4180: null is nothing, empty text is
 * "") and JSON (an array with an object a line) are exact. */
qlab_code qlab_conn_print(qlab_conn *conn, const char *sql, qlab_format format, FILE *out,
                          qlab_err *err) QLAB_MUST_USE;
/* 'text' with quotes doubled, in single quotes, appended: for paths in SQL. */
void qlab_sql_quote(qlab_buf *sql, const char *text);

#endif
