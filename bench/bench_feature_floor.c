/* bench/bench_feature_floor.c -- what a feature build cannot avoid: decoding its input columns and
 * writing its output through DuckDB, with nothing in between; and DuckDB's own windows.
 *
 * usage: bench_feature_floor floor ROOT SET THREADS   seconds of wall and processor, as JSON
 *        bench_feature_floor sql ROOT SET THREADS     the columns that SQL can express, per bucket
 *
 * Rows of the set's parts are loaded untimed; only their writing counts.  Nothing is synced.
 */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "feature/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct bench {
    qlab_env env;
    qlab_snapshot *snap;
    qlab_panel_part *parts;
    size_t n_parts;
    int32_t from;                              /* first bar that the range needs */
    double *read_cpu, *write_cpu, *write_wall; /* per worker */
    uint64_t *n_bars, *n_rows;                 /* per worker */
} bench;

static void must(qlab_code rc, const qlab_err *err)
{
    if (rc == QLAB_OK)
        return;
    fprintf(stderr, "bench_feature_floor: %s\n", err->text);
    exit(qlab_exit_code(rc));
}

static double thread_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the floor --------------------------------------------------------------------------------
 */

static qlab_code read_unit(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    bench *b = ctx;
    qlab_conn *conn;
    qlab_code rc = qlab_duck_conn(b->env.duck, worker, &conn, err);
    const double t = thread_cpu();
    for (int32_t from = b->from; rc == QLAB_OK && from <= b->snap->asof; from += 366) {
        qlab_bars bars;
        memset(&bars, 0, sizeof bars);
        int32_t to = from + 365 < b->snap->asof ? from + 365 : b->snap->asof;
        rc = qlab_lake_read_bars(b->snap->lake, conn, (uint32_t)unit, from, to, 0, &bars, err);
        b->n_bars[worker] += bars.n_rows;
        qlab_bars_free(&bars);
    }
    b->read_cpu[worker] += thread_cpu() - t;
    return rc;
}

enum { MAX_COLS = 64 };

static size_t describe(qlab_conn *conn, const char *from, char (*names)[40], qlab_type *types,
                       qlab_buf *select, qlab_err *err)
{
    static const struct {
        const char *sql;
        qlab_type type;
    } TYPES[] = {{"DOUBLE", QLAB_T_F64},  {"DATE", QLAB_T_DATE},   {"UINTEGER", QLAB_T_U32},
                 {"VARCHAR", QLAB_T_STR}, {"UTINYINT", QLAB_T_U8}, {"BOOLEAN", QLAB_T_BOOL}};
    const qlab_type two[] = {QLAB_T_STR, QLAB_T_STR};
    qlab_table t = QLAB_TABLE_INIT;
    char *sql =
        qlab_asprintf("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM %s)", from);
    must(qlab_conn_query(conn, sql, two, 2, &t, err), err);
    qlab_free(sql);
    qlab_buf_puts(select, "SELECT ");
    for (size_t i = 0; i < t.n_rows; i++) {
        snprintf(names[i], sizeof names[i], "%.*s", (int)t.cols[0].str[i].n, t.cols[0].str[i].at);
        for (size_t k = 0; k < sizeof TYPES / sizeof *TYPES; k++)
            if (qlab_str_eq(t.cols[1].str[i], qlab_str_of(TYPES[k].sql)))
                types[i] = TYPES[k].type;
        qlab_buf_putf(select, "%s%s", i ? ", " : "", names[i]);
    }
    qlab_buf_putf(select, " FROM %s", from);
    size_t n = t.n_rows;
    qlab_table_free(&t);
    return n;
}

static qlab_code rewrite(bench *b, qlab_conn *conn, const qlab_panel_part *p, size_t worker,
                         qlab_err *err)
{
    char names[MAX_COLS][40];
    qlab_type types[MAX_COLS];
    qlab_col cols[MAX_COLS];
    qlab_buf from = QLAB_BUF_INIT, select = QLAB_BUF_INIT;
    char *path = qlab_panel_part_path(b->env.root, p->name);
    qlab_buf_puts(&from, "read_parquet(");
    qlab_sql_quote(&from, path);
    qlab_buf_puts(&from, ")");
    qlab_free(path);
    size_t n = describe(conn, from.at, names, types, &select, err);
    qlab_table t = QLAB_TABLE_INIT;
    qlab_code rc = qlab_conn_query(conn, select.at, types, n, &t, err);
    if (rc == QLAB_OK) {
        for (size_t i = 0; i < n; i++)
            cols[i] = (qlab_col){names[i], types[i], t.cols[i].any, NULL, NULL};
        char *tmp = qlab_asprintf("%s/features/parts/.tmp-bench-%zu.parquet", b->env.root, worker);
        const double cpu = thread_cpu(), wall = qlab_monotonic_seconds();
        rc = qlab_conn_write_parquet(conn, cols, n, t.n_rows, QLAB_CODEC_ZSTD, tmp, err);
        b->write_cpu[worker] += thread_cpu() - cpu;
        b->write_wall[worker] += qlab_monotonic_seconds() - wall;
        b->n_rows[worker] += p->kind == QLAB_PANEL_FEATURES ? t.n_rows : 0;
        remove(tmp);
        qlab_free(tmp);
    }
    qlab_table_free(&t);
    qlab_buf_free(&from);
    qlab_buf_free(&select);
    return rc;
}

static qlab_code write_unit(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    bench *b = ctx;
    qlab_conn *conn;
    qlab_code rc = qlab_duck_conn(b->env.duck, worker, &conn, err);
    for (size_t i = 0; rc == QLAB_OK && i < b->n_parts; i++)
        if (b->parts[i].bucket == unit && b->parts[i].n_rows > 0)
            rc = rewrite(b, conn, &b->parts[i], worker, err);
    return rc;
}

/* ---- DuckDB's windows -------------------------------------------------------------------------
 */

static const char WINDOWS[] =
    "SELECT asset_id, date AS asof_date, close, close / lag(close) OVER w - 1 AS ret_1d, "
    "close / lag(close, 5) OVER w - 1 AS ret_5d, close / lag(close, 20) OVER w - 1 AS ret_20d, "
    "ln(close) - ln(lag(close) OVER w) AS logret_1d, avg(close) OVER w20 AS sma_20, "
    "avg(close) OVER w50 AS sma_50, avg(close) OVER w200 AS sma_200, "
    "(close - avg(close) OVER w20) / nullif(stddev_samp(close) OVER w20, 0) AS boll_z_20, "
    "close / (sum(close * volume) OVER w20 / nullif(sum(volume) OVER w20, 0)) - 1 AS dist_vwap_20, "
    "avg(close * volume) OVER w20 AS adv20_dollar, "
    "avg(volume) OVER w20 / nullif(avg(volume) OVER w60, 0) AS turnover_ratio, "
    "(high - low) / close AS range_pct, open / lag(close) OVER w - 1 AS gap_open, "
    "lag(close, 21) OVER w / lag(close, 252) OVER w - 1 AS mom_252_21, "
    "close / max(close) OVER w252 AS high_252_prox, "
    "avg((volume = 0)::DOUBLE) OVER w20 AS zero_vol_share_20, "
    "(row_number() OVER w)::UINTEGER AS bars_seen FROM %s WHERE close > 0 "
    "WINDOW w AS (PARTITION BY asset_ix ORDER BY date), "
    "w20 AS (PARTITION BY asset_ix ORDER BY date ROWS 19 PRECEDING), "
    "w50 AS (PARTITION BY asset_ix ORDER BY date ROWS 49 PRECEDING), "
    "w60 AS (PARTITION BY asset_ix ORDER BY date ROWS 59 PRECEDING), "
    "w200 AS (PARTITION BY asset_ix ORDER BY date ROWS 199 PRECEDING), "
    "w252 AS (PARTITION BY asset_ix ORDER BY date ROWS 251 PRECEDING) QUALIFY bars_seen >= 200";

static qlab_code sql_unit(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    bench *b = ctx;
    qlab_conn *conn;
    qlab_code rc = qlab_duck_conn(b->env.duck, worker, &conn, err);
    qlab_buf files = QLAB_BUF_INIT;
    qlab_buf_puts(&files, "read_parquet([");
    size_t n = 0;
    for (size_t i = 0; i < b->snap->lake->n_parts; i++) {
        const qlab_part *p = &b->snap->lake->parts[i];
        if (p->kind != QLAB_PART_BARS || p->bucket != (int32_t)unit)
            continue;
        char *path = qlab_path_join(b->env.root, p->path);
        qlab_buf_puts(&files, n++ ? ", " : "");
        qlab_sql_quote(&files, path);
        qlab_free(path);
    }
    qlab_buf_puts(&files, "], hive_partitioning=false)");
    char *tmp = qlab_asprintf("%s/features/.tmp-sql-%zu.parquet", b->env.root, worker);
    char *windows = qlab_asprintf(WINDOWS, files.at);
    char *sql = qlab_asprintf("COPY (%s) TO '%s' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE "
                              "32768)",
                              windows, tmp);
    const double cpu = thread_cpu();
    if (rc == QLAB_OK && n > 0)
        rc = qlab_conn_exec(conn, sql, err);
    b->write_cpu[worker] += thread_cpu() - cpu;
    remove(tmp);
    qlab_free(sql);
    qlab_free(windows);
    qlab_free(tmp);
    qlab_buf_free(&files);
    return rc;
}

/* ---- */

static double total(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += x[i];
    return s;
}

static void open_set(bench *b, const char *id, qlab_err *err)
{
    char *whole;
    json_t *m, *list, *inputs, *snapshot;
    const char *snapshot_id;
    must(qlab_features_resolve(&b->env, id, &whole, err), err);
    must(qlab_features_manifest(&b->env, whole, &m, err), err);
    must(qlab_json_get_array(m, whole, "parts", &list, err), err);
    must(qlab_json_get_object(m, whole, "inputs", &inputs, err), err);
    must(qlab_json_get_object(inputs, whole, "snapshot", &snapshot, err), err);
    must(qlab_json_get_str(snapshot, whole, "id", &snapshot_id, err), err);
    must(qlab_snapshot_open(&b->env, snapshot_id, &b->snap, err), err);
    b->parts = qlab_alloc(json_array_size(list), sizeof *b->parts);
    for (b->n_parts = 0; b->n_parts < json_array_size(list); b->n_parts++)
        must(qlab_set_manifest_part(json_array_get(list, b->n_parts), whole, &b->parts[b->n_parts],
                                    err),
             err);
    int32_t first = b->n_parts ? qlab_date_year(qlab_date_of_month_index(b->parts[0].month)) : 1970;
    b->from = INT32_MAX;
    for (size_t i = 0; i < b->snap->year_first[b->snap->lake->n_assets]; i++)
        if (b->snap->years[i].year >= first && b->snap->years[i].lead_date < b->from)
            b->from = b->snap->years[i].lead_date;
    json_decref(m);
    qlab_free(whole);
}

int main(int argc, char **argv)
{
    qlab_err err = QLAB_ERR_INIT;
    if (argc != 5) {
        fprintf(stderr, "usage: bench_feature_floor floor|sql ROOT SET THREADS\n");
        return 2;
    }
    const size_t n = (size_t)strtoul(argv[4], NULL, 10);
    const qlab_log log = {QLAB_LOG_WARN, 2};
    bench b = {
        .env = {
            .root = argv[2], .log = &log, .memory_limit_bytes = (size_t)4 << 30, .quiet = true}};
    b.env.pool = qlab_pool_new(n);
    must(qlab_duck_open((size_t)1 << 30, NULL, n, &b.env.duck, &err), &err);
    b.read_cpu = qlab_alloc_zero(n, sizeof(double));
    b.write_cpu = qlab_alloc_zero(n, sizeof(double));
    b.write_wall = qlab_alloc_zero(n, sizeof(double));
    b.n_bars = qlab_alloc_zero(n, sizeof(uint64_t));
    b.n_rows = qlab_alloc_zero(n, sizeof(uint64_t));
    open_set(&b, argv[3], &err);
    const size_t n_buckets = qlab_lake_n_buckets(b.snap->lake);
    double t = qlab_monotonic_seconds();
    if (strcmp(argv[1], "sql") == 0) {
        must(qlab_pool_run(b.env.pool, n_buckets, sql_unit, &b, &err), &err);
        printf("{\"wall\": %.3f, \"cpu\": %.3f}\n", qlab_monotonic_seconds() - t,
               total(b.write_cpu, n));
    } else {
        must(qlab_pool_run(b.env.pool, n_buckets, read_unit, &b, &err), &err);
        const double read_wall = qlab_monotonic_seconds() - t;
        must(qlab_pool_run(b.env.pool, n_buckets, write_unit, &b, &err), &err);
        uint64_t bars = 0, rows = 0;
        for (size_t w = 0; w < n; w++) {
            bars += b.n_bars[w];
            rows += b.n_rows[w];
        }
        printf("{\"read_wall\": %.3f, \"read_cpu\": %.3f, \"write_wall\": %.3f, \"write_cpu\": "
               "%.3f, \"bars\": %llu, \"rows\": %llu}\n",
               read_wall, total(b.read_cpu, n), total(b.write_wall, n) / (double)n,
               total(b.write_cpu, n), (unsigned long long)bars, (unsigned long long)rows);
    }
    qlab_snapshot_close(b.snap);
    qlab_duck_close(b.env.duck);
    qlab_pool_free(b.env.pool);
    qlab_free(b.parts);
    qlab_free(b.read_cpu);
    qlab_free(b.write_cpu);
    qlab_free(b.write_wall);
    qlab_free(b.n_bars);
    qlab_free(b.n_rows);
    return 0;
}
