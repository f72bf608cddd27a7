/* cli/cmd_lake_export.c -- `quantlab lake export`: the bars of one asset, with their history. */
#include "base/alloc.h"
#include "base/date.h"
#include "cli/cmd.h"
#include "cli/commit_arg.h"
#include "lake/lake.h"

#include <inttypes.h>
#include <string.h>

typedef struct opts {
    const char *asset, *commit, *format;
    int32_t from, to;
    bool revisions;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_REQ(opts, asset, "asset", "ID", "canonical id, as US:AAPL"),
    QLAB_STR_OPT(opts, commit, "commit", "N", "a number, or latest (default)"),
    QLAB_FLAG(opts, revisions, "revisions",
              "every version of a bar with the commit that brought it, not only the visible one"),
    QLAB_DATE_OPT(opts, from, "from", "first date"),
    QLAB_DATE_OPT(opts, to, "to", "last date"),
    QLAB_STR_OPT(opts, format, "format", "F", "csv, json or table (default)"),
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

/* Parts that can hold the asset's rows; false when there are none. */
static bool put_parts(qlab_buf *sql, const qlab_lake_view *v, uint32_t ix, bool history)
{
    const int32_t bucket = (int32_t)(ix / QLAB_LAKE_BUCKET_ASSETS);
    size_t n = 0;
    for (size_t i = 0; i < v->n_parts; i++) {
        const qlab_part *p = &v->parts[i];
        const bool kind =
            p->kind == QLAB_PART_BARS || (history && p->kind == QLAB_PART_BARS_HISTORY);
        if (!kind || (p->bucket >= 0 && p->bucket != bucket))
            continue;
        char *path = qlab_asprintf("%s/%s", v->root, p->path);
        qlab_buf_puts(sql, n++ ? "," : "read_parquet([");
        qlab_sql_quote(sql, path);
        qlab_free(path);
    }
    if (n)
        qlab_buf_puts(sql, "], hive_partitioning=false)");
    return n > 0;
}

static void put_dates(qlab_buf *sql, const opts *o)
{
    char day[QLAB_DATE_BYTES];
    if (o->from != QLAB_DATE_NONE)
        qlab_buf_putf(sql, " AND date >= DATE '%s'", qlab_date_format(o->from, day));
    if (o->to != QLAB_DATE_NONE)
        qlab_buf_putf(sql, " AND date <= DATE '%s'", qlab_date_format(o->to, day));
}

static bool make_sql(qlab_buf *sql, const qlab_lake_view *v, uint32_t ix, const opts *o)
{
    qlab_buf_puts(sql, "SELECT asset_id, date, open, high, low, close, volume, adjusted_close, "
                       "known_seq");
    if (o->revisions)
        qlab_buf_puts(sql, ", CASE WHEN provenance & 8 != 0 THEN 'tombstone' WHEN provenance & 4 "
                           "!= 0 THEN 'revised' ELSE 'inserted' END AS what, known_seq = "
                           "max(known_seq) OVER (PARTITION BY date) AND provenance & 8 = 0 AS "
                           "visible");
    qlab_buf_puts(sql, " FROM ");
    if (!put_parts(sql, v, ix, o->revisions))
        return false;
    qlab_buf_putf(sql, " WHERE asset_ix = %" PRIu32, ix);
    put_dates(sql, o);
    if (!o->revisions)
        qlab_buf_puts(sql, " QUALIFY row_number() OVER (PARTITION BY date ORDER BY known_seq DESC) "
                           "= 1 AND provenance & 8 = 0");
    qlab_buf_puts(sql, " ORDER BY date, known_seq");
    return true;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_lake_view *v = NULL;
    qlab_conn *conn = NULL;
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_format format = QLAB_FORMAT_TABLE;
    uint32_t commit = 0;

    qlab_code rc = format_of(cx, o->format, &format, err);
    if (rc == QLAB_OK)
        rc = qlab_commit_arg_resolve(cx->env.root, o->commit, &commit, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_view_open(&cx->env, commit, &v, err);
    if (rc == QLAB_OK)
        rc = qlab_duck_conn(cx->env.duck, 0, &conn, err);
    if (rc != QLAB_OK)
        goto done;
    const int64_t ix = qlab_lake_find_asset(v, qlab_str_of(o->asset));
    if (ix < 0 || !make_sql(&sql, v, (uint32_t)ix, o)) {
        rc = qlab_fail(err, QLAB_E_NOT_FOUND, "commit %" PRIu32 " of the lake %s %s", commit,
                       ix < 0 ? "has no asset" : "has no bars of", o->asset);
        goto done;
    }
    rc = qlab_conn_print(conn, sql.at, format, cx->out, err);
done:
    qlab_buf_free(&sql);
    qlab_lake_view_close(v);
    return rc;
}

const qlab_cmd qlab_cmd_lake_export = {
    .name = "lake export",
    .summary = "print the bars of one asset, or every version of them",
    .help = "example:\n"
            "  quantlab lake export --asset US:AAPL --revisions --from 2017-01-01\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
