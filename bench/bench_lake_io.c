/* bench/bench_lake_io.c -- the lake on one core: bars written, hashed and read a second, and the
 * time to open a commit of thousands of parts.  usage: bench_lake_io FOLDER [ASSETS [SESSIONS]] */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/rng.h"
#include "lake/lake.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void must(qlab_code rc, const qlab_err *err)
{
    if (rc == QLAB_OK)
        return;
    fprintf(stderr, "bench_lake_io: %s\n", err->text);
    exit(qlab_exit_code(rc));
}

/* Prices with cents that walk, volumes in whole shares: they pack as real bars do, or worse. */
static void make_bars(qlab_bars *b, size_t n_assets, size_t n_sessions)
{
    qlab_bars_make(b, n_assets, n_assets * n_sessions, QLAB_BARS_ADJUSTED);
    for (size_t a = 0; a < n_assets; a++) {
        double close = 20.0 + (double)(a % 300);
        b->asset_ix[a] = (uint32_t)a;
        b->first[a + 1] = (a + 1) * n_sessions;
        for (size_t i = 0; i < n_sessions; i++) {
            const size_t row = a * n_sessions + i;
            const double u = qlab_rng_uniform(1, a, 2 * i);
            b->date[row] = qlab_date_make(2017, 1, 2) + (int32_t)(i / 5 * 7 + i % 5);
            b->open[row] = close;
            close = floor(close * (1.0 + 0.03 * (u - 0.499)) * 100.0 + 0.5) / 100.0;
            b->close[row] = close;
            b->high[row] = floor(fmax(b->open[row], close) * 101.0 + 0.5) / 100.0;
            b->low[row] = floor(fmin(b->open[row], close) * 99.0 + 0.5) / 100.0;
            b->volume[row] = floor(1e6 * qlab_rng_uniform(1, a, 2 * i + 1));
            b->adjusted_close[row] = close;
        }
    }
}

static void name_assets(qlab_asset *assets, size_t n, char (*ids)[32])
{
    for (size_t i = 0; i < n; i++) {
        snprintf(ids[i], sizeof *ids, "US:A%05zu", i);
        assets[i] = (qlab_asset){.asset_id = ids[i], .asset_ix = (uint32_t)i, .extra = "{}"};
    }
}

/* Wall time, and the processor's: on a busy machine the second is the one to compare. */
typedef struct watch {
    double wall;
    clock_t cpu;
} watch;

static watch watch_begin(void)
{
    return (watch){qlab_monotonic_seconds(), clock()};
}

static void line(const char *what, size_t rows, watch w)
{
    const double wall = qlab_monotonic_seconds() - w.wall;
    const double cpu = (double)(clock() - w.cpu) / CLOCKS_PER_SEC;
    printf("%-36s %8.3f s %8.3f s cpu %8.2f million rows/s of cpu\n", what, wall, cpu,
           (double)rows / cpu * 1e-6);
    fflush(stdout);
}

/* The floor of reading: the same columns of the same parts through DuckDB, and nothing done. */
static void read_floor(const qlab_env *env, const qlab_lake_view *v, qlab_conn *conn)
{
    static const qlab_type TYPES[] = {QLAB_T_U32, QLAB_T_DATE, QLAB_T_F64, QLAB_T_F64,
                                      QLAB_T_F64, QLAB_T_F64,  QLAB_T_F64};
    qlab_err err = QLAB_ERR_INIT;
    for (size_t i = 0; i < v->n_parts; i++) {
        qlab_table t;
        if (v->parts[i].kind != QLAB_PART_BARS)
            continue;
        char *sql = qlab_asprintf("SELECT asset_ix, date, open, high, low, close, volume FROM "
                                  "read_parquet('%s/%s')",
                                  env->root, v->parts[i].path);
        must(qlab_conn_query(conn, sql, TYPES, 7, &t, &err), &err);
        qlab_table_free(&t);
        qlab_free(sql);
    }
}

typedef struct parts {
    qlab_part *at;
    size_t n, cap;
} parts;

static void commit(const qlab_env *env, uint32_t parent, const parts *p)
{
    qlab_err err = QLAB_ERR_INIT;
    uint32_t number = 0;
    const qlab_commit_draft draft = {
        .parent = parent, .kind = "bench", .added = p->at, .n_added = p->n, .run_id = "bench"};
    must(qlab_lake_commit(env, &draft, &number, &err), &err);
}

static void write_all(const qlab_env *env, qlab_conn *conn, const qlab_bars *b,
                      const qlab_asset *assets, parts *p)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_leaf *leaves = NULL;
    size_t n_leaves = 0;
    watch w = watch_begin();
    must(qlab_lake_write_bars(env, conn, 0, b, assets, 1, &p->at, &p->n, &p->cap, &err), &err);
    line("write parts, hash and sync", b->n_rows, w);

    w = watch_begin();
    qlab_lake_leaves_of(b, qlab_lake_months_from(b), &leaves, &n_leaves);
    line("leaves, yearly and monthly", b->n_rows, w);
    qlab_grow((void **)&p->at, &p->cap, p->n + 2, sizeof *p->at);
    must(qlab_lake_write_leaves(env, conn, 0, leaves, n_leaves, 1, &p->at[p->n++], &err), &err);
    must(qlab_lake_write_master(env, conn, assets, b->n_assets, 1, &p->at[p->n++], &err), &err);
    qlab_free(leaves);
}

/* Commit 2 adds thousands of one-row parts, so that opening it has something to do. */
static void open_many(const qlab_env *env, qlab_conn *conn, size_t n)
{
    qlab_err err = QLAB_ERR_INIT;
    parts many = {qlab_alloc(n, sizeof(qlab_part)), n, n};
    qlab_lake_view *v = NULL;
    for (size_t i = 0; i < n; i++) {
        const uint32_t key = (uint32_t)i, seq = 2;
        const qlab_col cols[] = {{"key", QLAB_T_U32, &key, NULL, NULL},
                                 {"known_seq", QLAB_T_U32, &seq, NULL, NULL}};
        must(qlab_lake_write_table(env, conn, QLAB_PART_LIVES, (int32_t)i, cols, 2, 1, &many.at[i],
                                   &err),
             &err);
    }
    commit(env, 1, &many);
    const watch w = watch_begin();
    must(qlab_lake_view_open(env, QLAB_LAKE_LATEST, &v, &err), &err);
    line("open a commit of so many parts", v->n_parts, w);
    qlab_lake_view_close(v);
    qlab_parts_free(many.at, many.n);
}

int main(int argc, char **argv)
{
    qlab_err err = QLAB_ERR_INIT;
    if (argc < 2) {
        fprintf(stderr, "usage: bench_lake_io FOLDER [ASSETS [SESSIONS]]\n");
        return 2;
    }
    const size_t n_assets = argc > 2 ? (size_t)atol(argv[2]) : QLAB_LAKE_BUCKET_ASSETS;
    const size_t n_sessions = argc > 3 ? (size_t)atol(argv[3]) : 2000;
    const qlab_log log = {QLAB_LOG_WARN, 2};
    qlab_env env = {.root = argv[1], .log = &log, .pool = qlab_pool_new(1), .quiet = true};
    qlab_conn *conn = NULL;
    qlab_lake_view *v = NULL;
    qlab_bars b, got;
    parts p = {NULL, 0, 0};
    must(qlab_duck_open((size_t)512 << 20, NULL, 1, &env.duck, &err), &err);
    must(qlab_duck_conn(env.duck, 0, &conn, &err), &err);
    must(qlab_dir_make(env.root, &err), &err);

    char(*ids)[32] = qlab_alloc(n_assets, sizeof *ids);
    qlab_asset *assets = qlab_alloc(n_assets, sizeof *assets);
    name_assets(assets, n_assets, ids);
    make_bars(&b, n_assets, n_sessions);
    write_all(&env, conn, &b, assets, &p);
    commit(&env, 0, &p);
    must(qlab_lake_view_open(&env, QLAB_LAKE_LATEST, &v, &err), &err);
    for (int round = 0; round < 2; round++) {
        watch w = watch_begin();
        read_floor(&env, v, conn);
        line("floor: DuckDB alone reads them", b.n_rows, w);
        w = watch_begin();
        must(qlab_lake_read_bars(v, conn, 0, QLAB_DATE_NONE, INT32_MAX, 0, &got, &err), &err);
        line("read bars of a bucket", got.n_rows, w);
        qlab_bars_free(&got);
    }
    qlab_lake_view_close(v);
    open_many(&env, conn, 5000);

    qlab_parts_free(p.at, p.n);
    qlab_bars_free(&b);
    qlab_free(assets);
    qlab_free(ids);
    qlab_duck_close(env.duck);
    qlab_pool_free(env.pool);
    return 0;
}
