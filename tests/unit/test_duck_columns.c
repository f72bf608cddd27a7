/* Columns to Parquet and back: every type, nulls, chunk and row group borders, errors. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/hash.h"
#include "duck/duck.h"
#include "support/t.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static qlab_duck *open_duck(size_t memory, const char *temp, qlab_conn **conn)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_duck *duck = NULL;
    T_OK(qlab_duck_open(memory, temp, 2, &duck, &err));
    T_OK(qlab_duck_conn(duck, 0, conn, &err));
    return duck;
}

/* ---- every type, with and without nulls ------------------------------------------------------ */

enum { N_COLS = 11 };
static const qlab_type TYPES[N_COLS] = {QLAB_T_F64, QLAB_T_I32, QLAB_T_U32,  QLAB_T_I64,
                                        QLAB_T_U8,  QLAB_T_U16, QLAB_T_BOOL, QLAB_T_DATE,
                                        QLAB_T_STR, QLAB_T_STR, QLAB_T_BLOB};

typedef struct frame {
    size_t n;
    double *f64;
    int32_t *i32, *date;
    uint32_t *u32, *code;
    int64_t *i64;
    uint8_t *u8, *flag, *null_u8;
    uint16_t *u16;
    qlab_str *str, *blob;
    qlab_str dict[3];
    qlab_col cols[N_COLS];
} frame;

static const char *const WORDS[] = {"",
                                    "US:AAPL",
                                    "exactly12byt",
                                    "thirteen byte",
                                    "a text that is much longer than DuckDB's inline strings",
                                    "gr\xc3\xbc\xc3\x9f"};

static void frame_make(frame *f, size_t n)
{
    f->n = n;
    f->f64 = qlab_alloc(n, sizeof *f->f64);
    f->i32 = qlab_alloc(n, sizeof *f->i32);
    f->date = qlab_alloc(n, sizeof *f->date);
    f->u32 = qlab_alloc(n, sizeof *f->u32);
    f->code = qlab_alloc(n, sizeof *f->code);
    f->i64 = qlab_alloc(n, sizeof *f->i64);
    f->u8 = qlab_alloc(n, 1);
    f->flag = qlab_alloc(n, 1);
    f->null_u8 = qlab_alloc(n, 1);
    f->u16 = qlab_alloc(n, sizeof *f->u16);
    f->str = qlab_alloc(n, sizeof *f->str);
    f->blob = qlab_alloc(n, sizeof *f->blob);
    f->dict[0] = QLAB_STR("US:A");
    f->dict[1] = QLAB_STR("a name of more than twelve bytes");
    f->dict[2] = QLAB_STR("");
    for (size_t i = 0; i < n; i++) {
        f->f64[i] = i % 7 == 3 ? NAN : (double)i * 0.1 - 50.0;
        f->i32[i] = (int32_t)i - 1000;
        f->date[i] = i % 11 == 5 ? QLAB_DATE_NONE : (int32_t)i - 20000;
        f->u32[i] = UINT32_MAX - (uint32_t)i;
        f->code[i] = i % 13 == 12 ? UINT32_MAX : (uint32_t)(i / 100 % 3);
        f->i64[i] = INT64_MIN + (int64_t)i;
        f->u8[i] = (uint8_t)i;
        f->flag[i] = i % 3 == 0;
        f->null_u8[i] = 0;
        f->u16[i] = (uint16_t)(i * 7);
        f->str[i] = i % 5 == 4 ? (qlab_str){NULL, 0} : qlab_str_of(WORDS[i % 6]);
        f->blob[i] =
            i % 9 == 8 ? (qlab_str){NULL, 0} : (qlab_str){"\x00\xff\x80\x01 zero inside", 17};
    }
    const qlab_col cols[N_COLS] = {
        {"f64", QLAB_T_F64, f->f64, NULL, NULL},    {"i32", QLAB_T_I32, f->i32, NULL, NULL},
        {"u32", QLAB_T_U32, f->u32, NULL, NULL},    {"i64", QLAB_T_I64, f->i64, NULL, NULL},
        {"u8", QLAB_T_U8, f->u8, NULL, NULL},       {"u16", QLAB_T_U16, f->u16, NULL, NULL},
        {"flag", QLAB_T_BOOL, f->flag, NULL, NULL}, {"date", QLAB_T_DATE, f->date, NULL, NULL},
        {"str", QLAB_T_STR, f->str, NULL, NULL},    {"dict", QLAB_T_DICT, f->code, NULL, f->dict},
        {"blob", QLAB_T_BLOB, f->blob, NULL, NULL}};
    memcpy(f->cols, cols, sizeof cols);
}

static void frame_free(frame *f)
{
    void *all[] = {f->f64, f->i32,  f->date,    f->u32, f->code, f->i64,
                   f->u8,  f->flag, f->null_u8, f->u16, f->str,  f->blob};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        qlab_free(all[i]);
}

static void same_str(qlab_str a, qlab_str b)
{
    T_CHECK(!a.at == !b.at);
    if (a.at)
        T_CHECK(qlab_str_eq(a, b));
}

static void same_as(const frame *f, const qlab_table *t)
{
    T_CHECK(t->n_rows == f->n && t->n_cols == N_COLS);
    for (size_t i = 0; i < f->n; i++) {
        T_CHECK(isnan(f->f64[i]) ? isnan(t->cols[0].f64[i]) != 0
                                 : memcmp(&f->f64[i], &t->cols[0].f64[i], 8) == 0);
        T_CHECK(f->flag[i] == t->cols[6].u8[i]);
        same_str(f->str[i], t->cols[8].str[i]);
        same_str(f->code[i] == UINT32_MAX ? (qlab_str){NULL, 0} : f->dict[f->code[i]],
                 t->cols[9].str[i]);
        same_str(f->blob[i], t->cols[10].str[i]);
    }
    T_SAME_BITS(f->i32, t->cols[1].i32, f->n);
    T_SAME_BITS(f->u32, t->cols[2].u32, f->n);
    T_SAME_BITS(f->i64, t->cols[3].i64, f->n);
    T_SAME_BITS(f->u8, t->cols[4].u8, f->n);
    T_SAME_BITS(f->u16, t->cols[5].u16, f->n);
    T_SAME_BITS(f->date, t->cols[7].i32, f->n);
}

static char *select_from(const char *what, const char *path)
{
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_buf_putf(&sql, "SELECT %s FROM read_parquet(", what);
    qlab_sql_quote(&sql, path);
    qlab_buf_puts(&sql, ")");
    return sql.at;
}

static void round_trip(size_t n, qlab_codec codec)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_conn *conn = NULL;
    qlab_duck *duck = open_duck(512 << 20, NULL, &conn);
    char *dir = t_tmpdir();
    char *path = qlab_path_join(dir, "it's/%.parquet"); /* a quote, a missing folder */
    frame f;
    qlab_written w;
    qlab_table t;

    frame_make(&f, n);
    T_OK(qlab_conn_put_parquet(conn, f.cols, N_COLS, n, codec, path, &w, &err));
    T_CHECK(w.n_rows == n);

    /* the name is the first 16 digits of the bytes' hash, and no temporary file is left */
    qlab_digest digest;
    uint64_t n_bytes = 0;
    char hex[QLAB_HEX_BYTES];
    T_OK(qlab_sha256_file(w.path, &digest, &n_bytes, &err));
    T_STR(w.sha256, qlab_hex(digest, hex));
    T_CHECK(n_bytes == w.n_bytes);
    T_CHECK(strncmp(qlab_path_base(w.path), hex, 16) == 0);

    char *sql = select_from("*", w.path);
    T_OK(qlab_conn_query(conn, sql, TYPES, N_COLS, &t, &err));
    same_as(&f, &t);
    T_STR(t.cols[3].name, "i64");

    qlab_table_free(&t);
    qlab_free(sql);
    qlab_free(w.path);
    qlab_free(path);
    frame_free(&f);
    qlab_duck_close(duck);
    t_rmdir(dir);
}

T_TEST(every_type_survives_a_round_trip)
{
    round_trip(1, QLAB_CODEC_ZSTD);
    round_trip(2047, QLAB_CODEC_ZSTD);
    round_trip(2048, QLAB_CODEC_LZ4);
    round_trip(2049, QLAB_CODEC_ZSTD);
    round_trip(32768, QLAB_CODEC_ZSTD);
    round_trip(70001, QLAB_CODEC_LZ4);
}

T_TEST(an_empty_table_is_a_file_with_columns)
{
    round_trip(0, QLAB_CODEC_ZSTD);
}

T_TEST(row_groups_are_of_32768_rows)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_conn *conn = NULL;
    qlab_duck *duck = open_duck(512 << 20, NULL, &conn);
    char *dir = t_tmpdir();
    char *path = qlab_path_join(dir, "x.parquet");
    enum { N = 3 * 32768 + 17 };
    uint32_t *u = qlab_alloc(N, sizeof *u);
    for (uint32_t i = 0; i < N; i++)
        u[i] = i * 2654435761u;
    const qlab_col col = {"u", QLAB_T_U32, u, NULL, NULL};
    T_OK(qlab_conn_write_parquet(conn, &col, 1, N, QLAB_CODEC_ZSTD, path, &err));

    qlab_buf sql = QLAB_BUF_INIT;
    qlab_table t;
    qlab_buf_puts(&sql, "SELECT row_group_num_rows FROM parquet_metadata(");
    qlab_sql_quote(&sql, path);
    qlab_buf_puts(&sql, ") ORDER BY row_group_id");
    T_OK(qlab_conn_query(conn, sql.at, (qlab_type[]){QLAB_T_I64}, 1, &t, &err));
    const int64_t want[] = {32768, 32768, 32768, 17};
    T_CHECK(t.n_rows == 4);
    T_SAME_BITS(want, t.cols[0].i64, 4);
    qlab_table_free(&t);
    qlab_buf_free(&sql);
    qlab_free(u);
    qlab_free(path);
    qlab_duck_close(duck);
    t_rmdir(dir);
}

T_TEST(null_at_makes_nulls_of_any_type)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_conn *conn = NULL;
    qlab_duck *duck = open_duck(512 << 20, NULL, &conn);
    char *dir = t_tmpdir();
    char *path = qlab_path_join(dir, "x.parquet");
    const int64_t v[3] = {1, 2, 3};
    const uint8_t null_at[3] = {0, 1, 0};
    const qlab_col col = {"v", QLAB_T_I64, v, null_at, NULL};
    qlab_table t;

    T_OK(qlab_conn_write_parquet(conn, &col, 1, 3, QLAB_CODEC_ZSTD, path, &err));
    char *sql = select_from("count(*), count(v)", path);
    T_OK(qlab_conn_query(conn, sql, (qlab_type[]){QLAB_T_I64, QLAB_T_I64}, 2, &t, &err));
    T_CHECK(t.cols[0].i64[0] == 3 && t.cols[1].i64[0] == 2);
    qlab_table_free(&t);
    qlab_free(sql);

    sql = select_from("v", path);
    T_FAILS(QLAB_E_CORRUPT, qlab_conn_query(conn, sql, (qlab_type[]){QLAB_T_I64}, 1, &t, &err));
    T_CHECK(t.n_rows == 0 && !t.cols);
    qlab_free(sql);
    qlab_free(path);
    qlab_duck_close(duck);
    t_rmdir(dir);
}

/* ---- what must not be written, what cannot be read --------------------------------------------
 */

T_TEST(infinity_and_broken_text_are_refused_before_anything_is_written)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_conn *conn = NULL;
    qlab_duck *duck = open_duck(512 << 20, NULL, &conn);
    char *dir = t_tmpdir();
    char *path = qlab_path_join(dir, "x.parquet");
    const double inf[2] = {1.0, -INFINITY};
    const qlab_str bad[2] = {QLAB_STR("ok"), QLAB_STR("\xff")};
    const qlab_col a = {"a", QLAB_T_F64, inf, NULL, NULL}, b = {"b", QLAB_T_STR, bad, NULL, NULL};

    qlab_code rc = qlab_conn_write_parquet(conn, &a, 1, 2, QLAB_CODEC_ZSTD, path, &err);
    T_CHECK(rc == QLAB_E_INTERNAL);
    T_STR(err.text, "column a, row 1: the value was infinite");
    qlab_err_reset(&err);
    rc = qlab_conn_write_parquet(conn, &b, 1, 2, QLAB_CODEC_ZSTD, path, &err);
    T_CHECK(rc == QLAB_E_INTERNAL);
    T_STR(err.text, "column b, row 1: text was not UTF-8");
    T_CHECK(!qlab_file_exists(path));
    qlab_free(path);
    qlab_duck_close(duck);
    t_rmdir(dir);
}

static void fails_with(qlab_conn *conn, const char *sql, qlab_code code, const char *part)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_table t;
    const qlab_code got = qlab_conn_query(conn, sql, (qlab_type[]){QLAB_T_I64}, 1, &t, &err);
    if (got != code)
        fprintf(stderr, "%s: %s\n", qlab_code_name(got), err.text);
    T_CHECK(got == code);
    T_CONTAINS(err.text, part);
    T_CHECK(!strchr(err.text, '\n'));
    T_CHECK(!t.cols && t.n_rows == 0);
}

T_TEST(errors_say_what_to_do_next)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_conn *conn = NULL;
    qlab_duck *duck = open_duck(512 << 20, NULL, &conn);
    char *dir = t_tmpdir();
    char *path = qlab_path_join(dir, "x.parquet");

    T_OK(qlab_file_write(path, "not parquet at all, but long enough", 35, &err));
    char *sql = select_from("v", path);
    fails_with(conn, sql, QLAB_E_CORRUPT, "x.parquet");
    qlab_free(sql);

    T_OK(qlab_file_remove(path, &err));
    sql = select_from("v", path);
    fails_with(conn, sql, QLAB_E_NOT_FOUND, "x.parquet");
    qlab_free(sql);

    fails_with(conn, "SELEC 1", QLAB_E_INTERNAL, "syntax");
    fails_with(conn, "SELECT 1::INTEGER AS x", QLAB_E_CORRUPT, "column x had DuckDB's type 4, 5");
    fails_with(conn, "SELECT 1::BIGINT, 2::BIGINT", QLAB_E_CORRUPT, "2 columns, 1 were expected");
    fails_with(conn, "SELECT 1; SELECT 2", QLAB_E_INTERNAL, "2 SQL statements");
    fails_with(conn, "SELECT * FROM qlab_columns(0)", QLAB_E_CORRUPT, "no columns");

    /* a folder that is not there: nothing is left, and the code is the system's */
    const double v[1] = {1.0};
    const qlab_col col = {"v", QLAB_T_F64, v, NULL, NULL};
    char *nowhere = qlab_path_join(dir, "no/such/x.parquet");
    const qlab_code rc = qlab_conn_write_parquet(conn, &col, 1, 1, QLAB_CODEC_ZSTD, nowhere, &err);
    T_CHECK(rc == QLAB_E_NOT_FOUND);
    qlab_free(nowhere);
    qlab_free(path);
    qlab_duck_close(duck);
    t_rmdir(dir);
}

T_TEST(a_failed_call_leaves_the_connection_usable)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_conn *conn = NULL;
    qlab_duck *duck = open_duck(512 << 20, NULL, &conn);
    fails_with(conn, "SELECT 1 / 0 / 'x'", QLAB_E_CORRUPT, "");
    qlab_table t;
    T_OK(qlab_conn_query(conn, "SELECT 42::BIGINT", (qlab_type[]){QLAB_T_I64}, 1, &t, &err));
    T_CHECK(t.cols[0].i64[0] == 42);
    qlab_table_free(&t);
    qlab_duck_close(duck);
}

T_TEST(too_little_memory_is_a_limit)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_conn *conn = NULL;
    qlab_duck *duck = open_duck(8 << 20, NULL, &conn);
    qlab_table t;
    const qlab_code rc = qlab_conn_query(
        conn, "SELECT (range * 7919 % 1000003)::BIGINT AS x FROM range(20000000) ORDER BY x",
        (qlab_type[]){QLAB_T_I64}, 1, &t, &err);
    T_CHECK(rc == QLAB_E_LIMIT);
    qlab_duck_close(duck);
}

T_MAIN(T_CASE(every_type_survives_a_round_trip), T_CASE(an_empty_table_is_a_file_with_columns),
       T_CASE(row_groups_are_of_32768_rows), T_CASE(null_at_makes_nulls_of_any_type),
       T_CASE(infinity_and_broken_text_are_refused_before_anything_is_written),
       T_CASE(errors_say_what_to_do_next), T_CASE(a_failed_call_leaves_the_connection_usable),
       T_CASE(too_little_memory_is_a_limit))
