/* cli/cmd_sql.c -- `quantlab sql`: a SELECT over the files of the root. */
#include "base/alloc.h"
#include "base/file.h"
#include "cli/cmd.h"
#include "cli/sql_views.h"
#include "duck/duck.h"

#include <string.h>

typedef struct opts {
    const char *sql, *format, *snapshot, *features, *run;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_ARG(opts, sql, "SELECT", "one statement that reads; `SHOW VIEWS` lists the views"),
    QLAB_STR_OPT(opts, format, "format", "F", "table (default), csv or json"),
    QLAB_STR_OPT(opts, snapshot, "snapshot", "ID", "snapshot of the views (default: the newest)"),
    QLAB_STR_OPT(opts, features, "features", "ID",
                 "feature set of panel (default: the largest of the snapshot)"),
    QLAB_STR_OPT(opts, run, "run", "ID", "stage A run of ic_series and the like (default: newest)"),
    QLAB_OPTS_END,
};

static qlab_code format_of(const qlab_ctx *cx, const char *text, qlab_format *out, qlab_err *err)
{
    *out = cx->json ? QLAB_FORMAT_JSON : QLAB_FORMAT_TABLE;
    if (!text || strcmp(text, "table") == 0)
        return QLAB_OK;
    if (strcmp(text, "csv") == 0)
        *out = QLAB_FORMAT_CSV;
    else if (strcmp(text, "json") == 0)
        *out = QLAB_FORMAT_JSON;
    else
        return qlab_fail(err, QLAB_E_USAGE, "--format was \"%s\": it is table, csv or json", text);
    return QLAB_OK;
}

/* From here on the database reads below the root and nowhere else, and writes nothing. */
static qlab_code close_doors(qlab_conn *conn, const char *root, qlab_err *err)
{
    qlab_buf sql = QLAB_BUF_INIT;
    char *below = qlab_asprintf("%s/", root);
    qlab_buf_puts(&sql, "SET allowed_directories = [");
    qlab_sql_quote(&sql, below);
    qlab_buf_puts(&sql, "]");
    qlab_code rc = qlab_conn_exec(conn, sql.at, err);
    if (rc == QLAB_OK)
        rc = qlab_conn_exec(conn, "SET enable_external_access = false", err);
    if (rc == QLAB_OK)
        rc = qlab_conn_exec(conn, "SET lock_configuration = true", err);
    qlab_free(below);
    qlab_buf_free(&sql);
    return rc;
}

static bool asks_for_views(const char *sql)
{
    static const char WORDS[] = "showviews";
    size_t n = 0;
    for (; *sql; sql++) {
        const char c = *sql >= 'A' && *sql <= 'Z' ? (char)(*sql - 'A' + 'a') : *sql;
        if (strchr(" \t\r\n;", c))
            continue;
        if (n >= sizeof WORDS - 1 || c != WORDS[n++])
            return false;
    }
    return n == sizeof WORDS - 1;
}

static char *views_query(void)
{
    qlab_buf sql = QLAB_BUF_INIT;
    const char *name, *summary = NULL;
    qlab_buf_puts(&sql, "SELECT * FROM (VALUES ");
    for (size_t i = 0; (name = qlab_sql_view_name(i, &summary)); i++) {
        qlab_buf_puts(&sql, i ? ", (" : "(");
        qlab_sql_quote(&sql, name);
        qlab_buf_puts(&sql, ", ");
        qlab_sql_quote(&sql, summary);
        qlab_buf_puts(&sql, ")");
    }
    qlab_buf_puts(&sql, ") AS views(\"view\", holds)");
    return sql.at;
}

/* A query that failed for want of a view says why there is none. */
static qlab_code explain(qlab_err *err, const qlab_buf *missing)
{
    if (err->code != QLAB_E_USAGE || missing->n == 0)
        return err->code;
    qlab_err_reset(err);
    return qlab_fail(err, QLAB_E_NOT_FOUND, "view %.*s", (int)(missing->n - 1), missing->at);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    const qlab_sql_choice choice = {o->snapshot, o->features, o->run};
    qlab_conn *conn = NULL;
    qlab_format format = QLAB_FORMAT_TABLE;
    qlab_buf missing = QLAB_BUF_INIT;
    char *views = asks_for_views(o->sql) ? views_query() : NULL;

    qlab_code rc = format_of(cx, o->format, &format, err);
    if (rc == QLAB_OK)
        rc = qlab_duck_conn(cx->env.duck, 0, &conn, err);
    if (rc == QLAB_OK && !views)
        rc = qlab_sql_views_make(&cx->env, conn, &choice, o->sql, &missing, err);
    if (rc == QLAB_OK)
        rc = close_doors(conn, cx->env.root, err);
    if (rc == QLAB_OK) {
        rc = qlab_conn_print(conn, views ? views : o->sql, format, cx->out, err);
        if (rc != QLAB_OK)
            rc = explain(err, &missing);
    }
    qlab_free(views);
    qlab_buf_free(&missing);
    return rc;
}

const qlab_cmd qlab_cmd_sql = {
    .name = "sql",
    .summary = "run a SELECT over the views of the root",
    .help = "One statement that reads, in DuckDB's SQL; files outside the root cannot be reached "
            "and nothing can be written. `quantlab sql 'SHOW VIEWS'` lists the views, `quantlab "
            "sql 'DESCRIBE panel'` the columns of one. Views belong to the newest snapshot unless "
            "--snapshot says otherwise; bars to the newest commit.\n"
            "\n"
            "example:\n"
            "  quantlab sql \"SELECT date, close FROM bars WHERE asset_id = 'US:AAPL'\" \\\n"
            "      --format csv\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
