/* duck/duck_int.h -- what the files of this module share.  Not for others. */
#ifndef QLAB_DUCK_DUCK_INT_H
#define QLAB_DUCK_DUCK_INT_H

#define DUCKDB_API_NO_DEPRECATED
#include "duck/duck.h"
#include <duckdb.h>

/* The columns that a COPY is taking from us; one slot a worker, reached by number from SQL. */
typedef struct qlab_source {
    const qlab_col *cols;
    size_t n_cols, n_rows;
} qlab_source;

struct qlab_conn {
    qlab_duck *duck;
    size_t worker;
    duckdb_connection con;
    qlab_source source; /* cols is NULL while nothing is written */
    qlab_sync *sync;    /* NULL: files are in place when put_parquet returns */
    uint64_t n_put;     /* files so far: part of their temporary names */
};

struct qlab_duck {
    duckdb_database db;
    size_t n_workers;
    qlab_conn *conns; /* n_workers; con is NULL until first use */
};

/* DuckDB's type and the bytes of one value in memory for each of our types. */
duckdb_type qlab_duck_sql_type(qlab_type type);
size_t qlab_duck_value_bytes(qlab_type type);

/* Whose SQL failed decides what the reader of the message should do. */
typedef enum qlab_sql_by { QLAB_SQL_OURS, QLAB_SQL_USERS } qlab_sql_by;

/* DuckDB's text to one of our codes. */
qlab_code qlab_duck_fail(qlab_err *err, qlab_sql_by by, const char *what, const char *message);
/* Prepares and runs one statement in slices, stopping between them when cancellation was asked.
 * allowed (may be NULL) judges the statement's type before it runs.  On QLAB_OK the caller destroys
 * *out; otherwise nothing is owned. */
qlab_code qlab_duck_run(qlab_conn *conn, const char *sql, qlab_sql_by by,
                        bool (*allowed)(duckdb_statement_type type), duckdb_result *out,
                        qlab_err *err) QLAB_MUST_USE;
/* Registers qlab_columns(worker) with the database. */
qlab_code qlab_duck_register_source(qlab_duck *duck, duckdb_connection con,
                                    qlab_err *err) QLAB_MUST_USE;

#endif
