/* The bytes of a Parquet file follow from its columns: not from memory, threads, or who writes. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/pool.h"
#include "base/rng.h"
#include "duck/duck.h"
#include "support/t.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N = 250001, WORKERS = 4 };

typedef struct frame {
    uint32_t *code;
    int32_t *date;
    double *value;
    qlab_str ids[64];
    char names[64][24];
    qlab_col cols[3];
} frame;

static void frame_make(frame *f)
{
    f->code = qlab_alloc(N, sizeof *f->code);
    f->date = qlab_alloc(N, sizeof *f->date);
    f->value = qlab_alloc(N, sizeof *f->value);
    for (size_t k = 0; k < 64; k++) {
        snprintf(f->names[k], sizeof f->names[k], "US:NAME%zu%s", k, k % 2 ? ".LONGER-ONE" : "");
        f->ids[k] = qlab_str_of(f->names[k]);
    }
    for (size_t i = 0; i < N; i++) {
        f->code[i] = (uint32_t)(i / 4000 % 64);
        f->date[i] = (int32_t)(i % 4000);
        const uint64_t r = qlab_rng_u64(1, 0, i);
        f->value[i] = r % 50 == 0 ? NAN : (double)(r % 1000000) / 100.0;
    }
    const qlab_col cols[] = {{"asset_id", QLAB_T_DICT, f->code, NULL, f->ids},
                             {"date", QLAB_T_DATE, f->date, NULL, NULL},
                             {"value", QLAB_T_F64, f->value, NULL, NULL}};
    memcpy(f->cols, cols, sizeof cols);
}

static void frame_free(frame *f)
{
    qlab_free(f->code);
    qlab_free(f->date);
    qlab_free(f->value);
}

static void write_with(const frame *f, size_t memory, const char *setting, qlab_codec codec,
                       char hex[QLAB_HEX_BYTES])
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_duck *duck = NULL;
    qlab_conn *conn = NULL;
    qlab_written w;
    char *dir = t_tmpdir(), *path = qlab_path_join(dir, "x.parquet");
    T_OK(qlab_duck_open(memory, NULL, 1, &duck, &err));
    T_OK(qlab_duck_conn(duck, 0, &conn, &err));
    if (setting)
        T_OK(qlab_conn_exec(conn, setting, &err));
    T_OK(qlab_conn_put_parquet(conn, f->cols, 3, N, codec, path, &w, &err));
    memcpy(hex, w.sha256, QLAB_HEX_BYTES);
    qlab_free(w.path);
    qlab_free(path);
    qlab_duck_close(duck);
    t_rmdir(dir);
}

T_TEST(any_memory_and_any_threads_give_the_same_bytes)
{
    static const qlab_codec CODECS[] = {QLAB_CODEC_ZSTD, QLAB_CODEC_LZ4};
    char first[QLAB_HEX_BYTES], other[QLAB_HEX_BYTES], last[QLAB_HEX_BYTES] = "";
    frame f;
    frame_make(&f);
    for (int c = 0; c < 2; c++) {
        write_with(&f, (size_t)1 << 30, NULL, CODECS[c], first);
        write_with(&f, (size_t)24 << 20, NULL, CODECS[c], other);
        T_STR(first, other);
        write_with(&f, (size_t)1 << 30, "SET threads = 4", CODECS[c], other);
        T_STR(first, other);
        T_CHECK(strcmp(first, last) != 0); /* the codecs do differ */
        memcpy(last, first, sizeof last);
    }
    frame_free(&f);
}

typedef struct job {
    const frame *f;
    qlab_duck *duck;
    const char *dir;
    char hex[16][QLAB_HEX_BYTES];
} job;

static qlab_code unit(void *ctx, size_t i, size_t worker, qlab_err *err)
{
    job *j = ctx;
    qlab_conn *conn = NULL;
    qlab_written w;
    /* all of one final name until the hash is known, and a quarter of them truly the same */
    char *path = qlab_path_join(j->dir, "%.parquet");
    qlab_code rc = qlab_duck_conn(j->duck, worker, &conn, err);
    if (rc == QLAB_OK)
        rc = qlab_conn_put_parquet(conn, j->f->cols, 3, N - i / 4, QLAB_CODEC_ZSTD, path, &w, err);
    if (rc == QLAB_OK) {
        memcpy(j->hex[i], w.sha256, QLAB_HEX_BYTES);
        qlab_free(w.path);
    }
    qlab_free(path);
    return rc;
}

T_TEST(workers_that_write_into_one_folder_do_not_meet)
{
    qlab_err err = QLAB_ERR_INIT;
    frame f;
    job j[2] = {{0}};
    frame_make(&f);
    for (size_t k = 0; k < 2; k++) {
        const size_t n_workers = k ? WORKERS : 1;
        char *dir = t_tmpdir(), **names = NULL;
        size_t n = 0;
        qlab_pool *pool = qlab_pool_new(n_workers);
        j[k].f = &f;
        j[k].dir = dir;
        T_OK(qlab_duck_open((size_t)256 << 20, NULL, n_workers, &j[k].duck, &err));
        T_OK(qlab_pool_run(pool, 16, unit, &j[k], &err));
        T_OK(qlab_dir_list(dir, &names, &n, &err));
        T_CHECK(n == 4);
        qlab_dir_list_free(names, n);
        qlab_duck_close(j[k].duck);
        qlab_pool_free(pool);
        t_rmdir(dir);
    }
    T_SAME_BITS(j[0].hex[0], j[1].hex[0], sizeof j[0].hex);
    frame_free(&f);
}

T_MAIN(T_CASE(any_memory_and_any_threads_give_the_same_bytes),
       T_CASE(workers_that_write_into_one_folder_do_not_meet))
