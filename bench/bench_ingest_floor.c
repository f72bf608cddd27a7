/* The floor under ingest: what the packs and DuckDB cost whoever reads the one and writes the
 * other.
 *
 *   bench_ingest_floor VENDOR SCRATCH THREADS floor     inflate every pack with libdeflate, and
 * write the same rows as zstd Parquet through DuckDB bench_ingest_floor VENDOR SCRATCH THREADS
 * ndjson    the same rows out of DuckDB's read_ndjson
 *
 * Reading the rows into memory is not timed in `floor`.  Prints one line of JSON. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/progress.h"
#include "duck/duck.h"
#include "vendor/pack.h"
#include "vendor/registry.h"

#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ASSETS_A_FILE = 512 };

typedef struct floor_ctx {
    const qlab_registry *registry;
    uint32_t *packs; /* those that are readable */
    size_t n_packs;
    qlab_buf *gz; /* their bytes */
    qlab_rows rows;
    qlab_segments segments;
    uint32_t pack;
    qlab_duck *duck;
    const char *scratch;
} floor_ctx;

static qlab_who who(void *ctx, qlab_str id, uint32_t *slot)
{
    const floor_ctx *f = ctx;
    const int64_t at = qlab_registry_find(f->registry, id);
    if (at < 0 || f->registry->assets[at].pack_no != f->pack)
        return QLAB_WHO_UNKNOWN;
    *slot = (uint32_t)at;
    return QLAB_WHO_MINE;
}

static qlab_str id_of(void *ctx, uint32_t slot)
{
    return qlab_str_of(((const floor_ctx *)ctx)->registry->assets[slot].asset_id);
}

/* Of all threads: what the work costs whatever else the machine does. */
static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void must(qlab_code rc, const qlab_err *err)
{
    if (rc != QLAB_OK) {
        fprintf(stderr, "%s\n", err->text);
        exit(1);
    }
}

/* Rows and bytes of every pack that can be read, in memory. */
static void load(floor_ctx *f)
{
    const qlab_registry *reg = f->registry;
    qlab_pack_reader *reader = qlab_pack_reader_new((size_t)64 << 20);
    qlab_quarantine q = QLAB_QUARANTINE_INIT;
    qlab_err err = QLAB_ERR_INIT;

    f->packs = qlab_alloc(reg->n_packs, sizeof *f->packs);
    f->gz = qlab_alloc_zero(reg->n_packs, sizeof *f->gz);
    for (f->pack = 0; f->pack < reg->n_packs; f->pack++) {
        if (reg->packs[f->pack].refused != QLAB_REASON_NONE)
            continue;
        char *path = qlab_path_join(reg->vendor_dir, reg->packs[f->pack].path);
        const qlab_pack_job job = {.pack = qlab_str_of(path),
                                   .path = path,
                                   .owner = true,
                                   .now = qlab_date_make(2100, 1, 1),
                                   .who = who,
                                   .asset_id_of = id_of,
                                   .ctx = f};
        qlab_pack_result r;
        must(qlab_pack_read(reader, &job, &f->rows, &f->segments, NULL, NULL, &q, &r, &err), &err);
        if (r.refused == QLAB_REASON_NONE) {
            must(qlab_file_read(path, &f->gz[f->n_packs], &err), &err);
            f->packs[f->n_packs++] = f->pack;
        }
        qlab_free(path);
    }
    qlab_quarantine_free(&q);
    qlab_pack_reader_free(reader);
}

static qlab_code inflate_one(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    const floor_ctx *f = ctx;
    const qlab_buf *gz = &f->gz[unit];
    const unsigned char *in = (const unsigned char *)gz->at;
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    size_t cap = 80 << 20, at = 0;
    char *out = qlab_alloc(cap, 1);

    (void)worker;
    while (at < gz->n) {
        size_t n_read = 0, made = 0;
        if (libdeflate_gzip_decompress_ex(d, in + at, gz->n - at, out, cap, &n_read, &made) !=
            LIBDEFLATE_SUCCESS)
            return qlab_fail(err, QLAB_E_CORRUPT, "pack %zu did not inflate", unit);
        at += n_read;
    }
    qlab_free(out);
    libdeflate_free_decompressor(d);
    return QLAB_OK;
}

/* Segments are asset after asset in the order of packs: 512 of them make a file. */
static qlab_code write_one(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    floor_ctx *f = ctx;
    const size_t from = unit * ASSETS_A_FILE;
    const size_t to = from + ASSETS_A_FILE < f->segments.n ? from + ASSETS_A_FILE : f->segments.n;
    const size_t first = f->segments.at[from].first;
    const size_t n = f->segments.at[to - 1].first + f->segments.at[to - 1].n - first;
    qlab_str *names = qlab_alloc(to - from, sizeof *names);
    uint32_t *code = qlab_alloc(n, sizeof *code);
    qlab_conn *conn = NULL;
    char *path = qlab_asprintf("%s/floor-%04zu.parquet", f->scratch, unit);

    for (size_t s = from, k = 0; s < to; s++) {
        names[s - from] = id_of(f, f->segments.at[s].slot);
        for (size_t i = 0; i < f->segments.at[s].n; i++)
            code[k++] = (uint32_t)(s - from);
    }
    const qlab_col cols[] = {
        {"asset_id", QLAB_T_DICT, code, NULL, names},
        {"date", QLAB_T_DATE, f->rows.date + first, NULL, NULL},
        {"open", QLAB_T_F64, f->rows.v[0] + first, NULL, NULL},
        {"high", QLAB_T_F64, f->rows.v[1] + first, NULL, NULL},
        {"low", QLAB_T_F64, f->rows.v[2] + first, NULL, NULL},
        {"close", QLAB_T_F64, f->rows.v[3] + first, NULL, NULL},
        {"volume", QLAB_T_F64, f->rows.v[4] + first, NULL, NULL},
        {"adjusted_close", QLAB_T_F64, f->rows.v[5] + first, NULL, NULL},
    };
    qlab_code rc = qlab_duck_conn(f->duck, worker, &conn, err);
    if (rc == QLAB_OK)
        rc = qlab_conn_write_parquet(conn, cols, 8, n, QLAB_CODEC_ZSTD, path, err);
    qlab_free(path);
    qlab_free(names);
    qlab_free(code);
    return rc;
}

static void run_floor(floor_ctx *f, qlab_pool *pool)
{
    qlab_err err = QLAB_ERR_INIT;
    uint64_t gz_bytes = 0;

    load(f);
    for (size_t i = 0; i < f->n_packs; i++)
        gz_bytes += f->gz[i].n;
    const double t0 = qlab_monotonic_seconds(), c0 = cpu_seconds();
    must(qlab_pool_run(pool, f->n_packs, inflate_one, f, &err), &err);
    const double t1 = qlab_monotonic_seconds();
    const size_t files = (f->segments.n + ASSETS_A_FILE - 1) / ASSETS_A_FILE;
    must(qlab_pool_run(pool, files, write_one, f, &err), &err);
    const double t2 = qlab_monotonic_seconds();
    printf("{\"rows\": %zu, \"pack_bytes\": %llu, \"inflate_seconds\": %.4f, "
           "\"write_seconds\": %.4f, \"seconds\": %.4f, \"cpu_seconds\": %.4f}\n",
           f->rows.n, (unsigned long long)gz_bytes, t1 - t0, t2 - t1, t2 - t0, cpu_seconds() - c0);
}

static void run_ndjson(floor_ctx *f)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_conn *conn = NULL;
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_table t = QLAB_TABLE_INIT;
    static const qlab_type types[] = {QLAB_T_I64, QLAB_T_F64};

    must(qlab_duck_conn(f->duck, 0, &conn, &err), &err);
    qlab_buf_puts(&sql, "SELECT count(*)::BIGINT, sum(b.close) FROM (SELECT unnest(bars) AS b "
                        "FROM read_ndjson([");
    size_t n = 0;
    for (size_t i = 0; i < f->registry->n_packs; i++) {
        if (f->registry->packs[i].refused != QLAB_REASON_NONE)
            continue;
        char *path = qlab_path_join(f->registry->vendor_dir, f->registry->packs[i].path);
        qlab_buf_puts(&sql, n++ > 0 ? "," : "");
        qlab_sql_quote(&sql, path);
        qlab_free(path);
    }
    qlab_buf_puts(&sql,
                  "], columns={canonical_id: 'VARCHAR', bars: 'STRUCT(date DATE, open DOUBLE, "
                  "high DOUBLE, low DOUBLE, close DOUBLE, volume DOUBLE, adjusted_close "
                  "DOUBLE)[]'}, maximum_object_size=268435456))");
    const double t0 = qlab_monotonic_seconds(), c0 = cpu_seconds();
    must(qlab_conn_query(conn, sql.at, types, 2, &t, &err), &err);
    printf("{\"rows\": %lld, \"seconds\": %.4f, \"cpu_seconds\": %.4f}\n",
           (long long)t.cols[0].i64[0], qlab_monotonic_seconds() - t0, cpu_seconds() - c0);
    qlab_table_free(&t);
    qlab_buf_free(&sql);
}

int main(int argc, char **argv)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_registry *registry = NULL;
    floor_ctx f = {0};

    if (argc != 5) {
        fprintf(stderr, "usage: bench_ingest_floor VENDOR SCRATCH THREADS floor|ndjson\n");
        return 2;
    }
    must(qlab_registry_load(argv[1], &registry, &err), &err);
    f.registry = registry;
    f.scratch = argv[2];
    const size_t threads = (size_t)strtoul(argv[3], NULL, 10);
    must(qlab_duck_open((size_t)4 << 30, NULL, threads, &f.duck, &err), &err);
    qlab_pool *pool = qlab_pool_new(threads);
    if (strcmp(argv[4], "floor") == 0)
        run_floor(&f, pool);
    else
        run_ndjson(&f);
    return 0; /* the process ends: nothing is taken down */
}
