#include "duck/duck_int.h"

#include "base/alloc.h"
#include "base/cancel.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct {
    duckdb_type sql;
    size_t n_bytes;
} TYPES[] = {
    [QLAB_T_F64] = {DUCKDB_TYPE_DOUBLE, 8},
    [QLAB_T_I32] = {DUCKDB_TYPE_INTEGER, 4},
    [QLAB_T_U32] = {DUCKDB_TYPE_UINTEGER, 4},
    [QLAB_T_I64] = {DUCKDB_TYPE_BIGINT, 8},
    [QLAB_T_U8] = {DUCKDB_TYPE_UTINYINT, 1},
    [QLAB_T_U16] = {DUCKDB_TYPE_USMALLINT, 2},
    [QLAB_T_BOOL] = {DUCKDB_TYPE_BOOLEAN, 1},
    [QLAB_T_DATE] = {DUCKDB_TYPE_DATE, 4},
    [QLAB_T_STR] = {DUCKDB_TYPE_VARCHAR, sizeof(qlab_str)},
    [QLAB_T_DICT] = {DUCKDB_TYPE_VARCHAR, 4},
    [QLAB_T_BLOB] = {DUCKDB_TYPE_BLOB, sizeof(qlab_str)},
};

duckdb_type qlab_duck_sql_type(qlab_type type)
{
    return TYPES[type].sql;
}

size_t qlab_duck_value_bytes(qlab_type type)
{
    return TYPES[type].n_bytes;
}

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool holds_any(const char *text, const char *const *parts)
{
    for (; *parts; parts++)
        if (strstr(text, *parts))
            return true;
    return false;
}

static qlab_code code_of(const char *m, qlab_sql_by by)
{
    static const char *const FULL[] = {"No space left", "Disk quota", "File too large", NULL};
    static const char *const ABSENT[] = {"No files found", "No such file", NULL};
    static const char *const SQL_KINDS[] = {"Parser Error",          "Syntax Error",
                                            "Not implemented Error", "Permission Error",
                                            "Parameter Error",       NULL};
    static const char *const NAME_KINDS[] = {"Binder Error",        "Catalog Error",
                                             "Conversion Error",    "Out of Range Error",
                                             "Mismatch Type Error", NULL};

    if (starts(m, "Out of Memory Error"))
        return QLAB_E_LIMIT;
    if (starts(m, "INTERRUPT Error"))
        return QLAB_E_CANCELLED;
    if (starts(m, "INTERNAL Error") || starts(m, "FATAL Error"))
        return QLAB_E_INTERNAL;
    if (holds_any(m, FULL))
        return QLAB_E_LIMIT;
    if (starts(m, "IO Error"))
        return holds_any(m, ABSENT) ? QLAB_E_NOT_FOUND : QLAB_E_IO;
    for (size_t i = 0; SQL_KINDS[i]; i++)
        if (starts(m, SQL_KINDS[i]))
            return by == QLAB_SQL_USERS ? QLAB_E_USAGE : QLAB_E_INTERNAL;
    for (size_t i = 0; NAME_KINDS[i]; i++)
        if (starts(m, NAME_KINDS[i])) /* our own SQL names what the file ought to have */
            return by == QLAB_SQL_USERS ? QLAB_E_USAGE : QLAB_E_CORRUPT;
    return QLAB_E_CORRUPT;
}

/* DuckDB says where in lines of their own ("LINE 1: ..." and a caret): put on one line. */
static void one_line(const char *message, char *to, size_t cap)
{
    size_t n = 0;
    for (const char *c = message; *c && n + 2 < cap; c++) {
        const bool blank = *c == ' ' || *c == '\n' || *c == '\t' || *c == '\r';
        if (blank && (n == 0 || to[n - 1] == ' '))
            continue;
        to[n++] = blank ? ' ' : *c;
    }
    while (n > 0 && (to[n - 1] == ' ' || to[n - 1] == '^'))
        n--;
    to[n] = '\0';
}

qlab_code qlab_duck_fail(qlab_err *err, qlab_sql_by by, const char *what, const char *message)
{
    if (!message)
        message = "no message";
    const qlab_code code = code_of(message, by);
    if (code == QLAB_E_CANCELLED)
        return qlab_fail(err, code, "interrupted; run the same command again to resume");
    char line[QLAB_ERR_TEXT_BYTES];
    one_line(message, line, sizeof line);
    return qlab_fail(err, code, "%s%s%s", what ? what : "", what ? ": " : "", line);
}

static qlab_code configure(duckdb_config config, const char *name, const char *value, qlab_err *err)
{
    if (duckdb_set_config(config, name, value) == DuckDBSuccess)
        return QLAB_OK;
    return qlab_fail(err, QLAB_E_INTERNAL, "DuckDB refused its setting %s = '%s'", name, value);
}

static qlab_code configure_all(duckdb_config config, size_t memory_limit_bytes,
                               const char *temp_dir, qlab_err *err)
{
    /* Our pool is the parallelism, so DuckDB's own threads are 1; file cache off, or memory grows
     * with every file that is read; nothing may be fetched. */
    static const char *const SETTINGS[][2] = {{"threads", "1"},
                                              {"enable_external_file_cache", "false"},
                                              {"preserve_insertion_order", "true"},
                                              {"autoinstall_known_extensions", "false"},
                                              {"autoload_known_extensions", "false"},
                                              {"allow_community_extensions", "false"}};
    for (size_t i = 0; i < sizeof SETTINGS / sizeof *SETTINGS; i++)
        if (configure(config, SETTINGS[i][0], SETTINGS[i][1], err) != QLAB_OK)
            return err->code;

    char limit[32];
    snprintf(limit, sizeof limit, "%zuB", memory_limit_bytes);
    if (configure(config, "memory_limit", limit, err) != QLAB_OK)
        return err->code;
    return configure(config, "temp_directory", temp_dir ? temp_dir : "", err);
}

qlab_code qlab_duck_open(size_t memory_limit_bytes, const char *temp_dir, size_t n_workers,
                         qlab_duck **out, qlab_err *err)
{
    assert(n_workers >= 1);
    *out = NULL;
    if (duckdb_vector_size() % 2048 != 0) /* the promise about bytes rests on it */
        return qlab_fail(err, QLAB_E_INTERNAL, "libduckdb %s has vectors of %llu rows, not 2048",
                         duckdb_library_version(), (unsigned long long)duckdb_vector_size());

    qlab_duck *duck = qlab_alloc_zero(1, sizeof *duck);
    duckdb_config config = NULL;
    char *message = NULL;
    qlab_code rc = QLAB_OK;

    duck->n_workers = n_workers;
    duck->conns = qlab_alloc_zero(n_workers, sizeof *duck->conns);
    if (duckdb_create_config(&config) != DuckDBSuccess) {
        rc = qlab_fail(err, QLAB_E_LIMIT, "DuckDB could not make a configuration");
        goto done;
    }
    rc = configure_all(config, memory_limit_bytes, temp_dir, err);
    if (rc != QLAB_OK)
        goto done;
    if (duckdb_open_ext(NULL, &duck->db, config, &message) != DuckDBSuccess) {
        rc = qlab_duck_fail(err, QLAB_SQL_OURS, "opening DuckDB", message);
        goto done;
    }
    /* The first connection carries the registration of the write source. */
    qlab_conn *first = NULL;
    rc = qlab_duck_conn(duck, 0, &first, err);
    if (rc == QLAB_OK)
        rc = qlab_duck_register_source(duck, first->con, err);
done:
    if (message)
        duckdb_free(message);
    duckdb_destroy_config(&config);
    if (rc != QLAB_OK) {
        qlab_duck_close(duck);
        return rc;
    }
    *out = duck;
    return QLAB_OK;
}

void qlab_duck_close(qlab_duck *duck)
{
    if (!duck)
        return;
    for (size_t w = 0; w < duck->n_workers; w++)
        if (duck->conns[w].con)
            duckdb_disconnect(&duck->conns[w].con);
    if (duck->db)
        duckdb_close(&duck->db);
    qlab_free(duck->conns);
    qlab_free(duck);
}

qlab_code qlab_duck_conn(qlab_duck *duck, size_t worker, qlab_conn **out, qlab_err *err)
{
    assert(worker < duck->n_workers);
    qlab_conn *conn = &duck->conns[worker]; /* touched by this worker alone: no lock */
    if (!conn->con) {
        if (duckdb_connect(duck->db, &conn->con) != DuckDBSuccess)
            return qlab_fail(err, QLAB_E_LIMIT, "DuckDB refused connection %zu", worker);
        conn->duck = duck;
        conn->worker = worker;
    }
    *out = conn;
    return QLAB_OK;
}

qlab_code qlab_conn_exec(qlab_conn *conn, const char *sql, qlab_err *err)
{
    duckdb_result result;
    qlab_code rc = QLAB_OK;
    if (duckdb_query(conn->con, sql, &result) != DuckDBSuccess)
        rc = qlab_duck_fail(err, QLAB_SQL_OURS, NULL, duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return rc;
}

static qlab_code run_pending(qlab_conn *conn, duckdb_pending_result pending, qlab_sql_by by,
                             duckdb_result *out, qlab_err *err)
{
    for (;;) {
        const duckdb_pending_state state = duckdb_pending_execute_task(pending);
        if (state == DUCKDB_PENDING_ERROR)
            return qlab_duck_fail(err, by, NULL, duckdb_pending_error(pending));
        if (state != DUCKDB_PENDING_RESULT_NOT_READY)
            break;
        if (qlab_cancel_asked()) {
            duckdb_interrupt(conn->con);
            return qlab_cancel_check(err);
        }
    }
    if (duckdb_execute_pending(pending, out) != DuckDBSuccess) {
        qlab_code rc = qlab_duck_fail(err, by, NULL, duckdb_result_error(out));
        duckdb_destroy_result(out);
        return rc;
    }
    return QLAB_OK;
}

qlab_code qlab_duck_run(qlab_conn *conn, const char *sql, qlab_sql_by by,
                        bool (*allowed)(duckdb_statement_type type), duckdb_result *out,
                        qlab_err *err)
{
    duckdb_extracted_statements all = NULL;
    duckdb_prepared_statement statement = NULL;
    duckdb_pending_result pending = NULL;
    qlab_code rc;

    const idx_t n = duckdb_extract_statements(conn->con, sql, &all);
    if (n == 0) {
        const char *message = duckdb_extract_statements_error(all);
        rc = message ? qlab_duck_fail(err, by, NULL, message)
                     : qlab_fail(err, by == QLAB_SQL_USERS ? QLAB_E_USAGE : QLAB_E_INTERNAL,
                                 "there was no SQL statement");
        goto done;
    }
    if (n > 1) {
        rc = qlab_fail(err, by == QLAB_SQL_USERS ? QLAB_E_USAGE : QLAB_E_INTERNAL,
                       "%llu SQL statements were given, one is allowed", (unsigned long long)n);
        goto done;
    }
    if (duckdb_prepare_extracted_statement(conn->con, all, 0, &statement) != DuckDBSuccess) {
        rc = qlab_duck_fail(err, by, NULL, duckdb_prepare_error(statement));
        goto done;
    }
    if (allowed && !allowed(duckdb_prepared_statement_type(statement))) {
        rc = qlab_fail(err, QLAB_E_USAGE,
                       "only statements that read are allowed (SELECT, "
                       "EXPLAIN, DESCRIBE, SHOW)");
        goto done;
    }
    if (duckdb_pending_prepared(statement, &pending) != DuckDBSuccess) {
        rc = qlab_duck_fail(err, by, NULL, duckdb_pending_error(pending));
        goto done;
    }
    rc = run_pending(conn, pending, by, out, err);
done:
    duckdb_destroy_pending(&pending);
    duckdb_destroy_prepare(&statement);
    duckdb_destroy_extracted(&all);
    return rc;
}

void qlab_sql_quote(qlab_buf *sql, const char *text)
{
    qlab_buf_put(sql, "'", 1);
    for (const char *c = text; *c; c++)
        qlab_buf_put(sql, *c == '\'' ? "''" : c, *c == '\'' ? 2 : 1);
    qlab_buf_put(sql, "'", 1);
}
