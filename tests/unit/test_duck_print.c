/* SELECTs for people and programs: the exact text of every format and of refusals. */
#include "support/t.h"
#include "base/alloc.h"
#include "duck/duck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static qlab_conn *conn;

static void prints(const char *sql, qlab_format format, const char *want)
{
    qlab_err err = QLAB_ERR_INIT;
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    T_CHECK(out != NULL);
    T_OK(qlab_conn_print(conn, sql, format, out, &err));
    fclose(out);
    T_STR(text, want);
    free(text);
}

static void refuses(const char *sql, qlab_code code, const char *part)
{
    qlab_err err = QLAB_ERR_INIT;
    FILE *out = fopen("/dev/null", "w");
    T_CHECK(out != NULL);
    const qlab_code got = qlab_conn_print(conn, sql, QLAB_FORMAT_CSV, out, &err);
    if (got != code)
        fprintf(stderr, "%s: %s %s\n", sql, qlab_code_name(got), err.text);
    T_CHECK(got == code);
    T_CONTAINS(err.text, part);
    T_CHECK(!strchr(err.text, '\n'));
    fclose(out);
}

#define TYPES_QUERY                                                                                \
    "SELECT 1::TINYINT AS a, -2::SMALLINT b, 3::INTEGER c, '-9223372036854775808'::BIGINT d, "     \
    "255::UTINYINT e, 18446744073709551615::UBIGINT f, "                                           \
    "'-170141183460469231731687303715884105728'::HUGEINT g, 0.1::DOUBLE h, -1.50::DECIMAL(9,2) "   \
    "i, "                                                                                          \
    "DATE '1969-12-31' j, true k, 'x' l, '\\x00\\xff'::BLOB m, TIMESTAMP '2020-01-02 03:04:05.6' " \
    "n, 'up'::ENUM('down', 'up') o, [1, 2] p, {'q': 'r'} q, NULL r"

T_TEST(every_type_has_one_text)
{
    prints(TYPES_QUERY, QLAB_FORMAT_CSV,
           "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r\n"
           "1,-2,3,-9223372036854775808,255,18446744073709551615,"
           "-170141183460469231731687303715884105728,0.1,-1.50,1969-12-31,true,x,00ff,"
           "2020-01-02 03:04:05.600000,up,\"[1, 2]\",{'q': r},\n");
    prints("SELECT 0.05::DECIMAL(9,2) a, -0.05::DECIMAL(9,2) b, 0::DECIMAL(18,4) c, 100::HUGEINT d",
           QLAB_FORMAT_CSV, "a,b,c,d\n0.05,-0.05,0.0000,100\n");
    prints("SELECT 1e300 a, 1e-300 b, 123456789012345680::DOUBLE c, 0.1 + 0.2::DOUBLE d, "
           "'nan'::DOUBLE e, "
           "'-inf'::DOUBLE f",
           QLAB_FORMAT_CSV,
           "a,b,c,d,e,f\n1e300,1e-300,1.2345678901234568e17,0.30000000000000004,NaN,-inf\n");
}

T_TEST(csv_tells_null_from_empty_and_quotes_what_must_be)
{
    prints("SELECT NULL AS a, '' AS b, 'x,y' AS c, 'say \"hi\"' AS d, E'two\\nlines' AS e",
           QLAB_FORMAT_CSV, "a,b,c,d,e\n,\"\",\"x,y\",\"say \"\"hi\"\"\",\"two\nlines\"\n");
    prints("SELECT 1 AS \"a,b\" WHERE false", QLAB_FORMAT_CSV, "\"a,b\"\n");
}

T_TEST(json_is_an_array_with_an_object_a_line)
{
    prints(
        "SELECT i AS n, 'q\"' || i AS s, 'nan'::DOUBLE AS x, i = 1 AS t, NULL AS z FROM range(2) "
        "r(i)",
        QLAB_FORMAT_JSON,
        "[\n {\"n\": 0, \"s\": \"q\\\"0\", \"x\": null, \"t\": false, \"z\": null},\n"
        " {\"n\": 1, \"s\": \"q\\\"1\", \"x\": null, \"t\": true, \"z\": null}\n]\n");
    prints("SELECT 1 AS n WHERE false", QLAB_FORMAT_JSON, "[]\n");
    prints("SELECT chr(1) || chr(9) AS c", QLAB_FORMAT_JSON,
           "[\n {\"c\": \"\\u0001\\u0009\"}\n]\n");
}

T_TEST(a_table_is_aligned)
{
    prints("SELECT * FROM (VALUES ('US:A', 1.5, 10), (NULL, NULL, NULL), ('gr\xc3\xbc\xc3\x9f', "
           "0.333333333333333::DOUBLE, 2)) AS t(name, x, n)",
           QLAB_FORMAT_TABLE,
           "name           x   n\n"
           "----  ----------  --\n"
           "US:A         1.5  10\n"
           "-              -   -\n"
           "gr\xc3\xbc\xc3\x9f  0.33333333   2\n"
           "(3 rows)\n");
    prints("SELECT 1 AS n WHERE false", QLAB_FORMAT_TABLE, "n\n-\n(0 rows)\n");
    prints("SELECT repeat('x', 70) AS long, 1 AS n", QLAB_FORMAT_TABLE,
           "long                                                              n\n"
           "----------------------------------------------------------------  -\n"
           "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xe2\x80\xa6  1\n"
           "(1 row)\n");
}

T_TEST(a_long_table_goes_on_after_its_widths_are_known)
{
    qlab_err err = QLAB_ERR_INIT;
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    T_OK(qlab_conn_print(conn, "SELECT i, 'x' || i AS s FROM range(50000) r(i)", QLAB_FORMAT_TABLE,
                         out, &err));
    fclose(out);
    T_CONTAINS(text, "\n    0  x0\n");
    T_CONTAINS(text, "\n49999  x49999\n(50000 rows)\n");
    free(text);
}

T_TEST(only_what_reads_is_run)
{
    prints("DESCRIBE SELECT 1 AS a", QLAB_FORMAT_CSV,
           "column_name,column_type,null,key,default,extra\na,INTEGER,YES,,,\n");
    prints("FROM range(1) r(i)", QLAB_FORMAT_CSV, "i\n0\n");
    prints("WITH a AS (SELECT 2 AS x) SELECT x FROM a; ", QLAB_FORMAT_CSV, "x\n2\n");
    refuses("CREATE TABLE t (a INTEGER)", QLAB_E_USAGE, "only statements that read");
    refuses("COPY (SELECT 1) TO '/tmp/qlab-never.csv'", QLAB_E_USAGE, "only statements that read");
    refuses("SET threads = 2", QLAB_E_USAGE, "only statements that read");
    refuses("ATTACH '/tmp/qlab-never.db'", QLAB_E_USAGE, "only statements that read");
    refuses("INSTALL httpfs", QLAB_E_USAGE, "only statements that read");
    refuses("SELECT 1; SELECT 2", QLAB_E_USAGE, "2 SQL statements");
    refuses("", QLAB_E_USAGE, "no SQL statement");
    refuses("SELEC 1", QLAB_E_USAGE, "syntax error at or near \"SELEC\" LINE 1: SELEC 1");
    refuses("SELECT nope", QLAB_E_USAGE, "nope");
    refuses("SELECT 'x'::INTEGER", QLAB_E_USAGE, "Could not convert string 'x' to INT32");
    refuses("SELECT * FROM qlab_columns(0)", QLAB_E_USAGE, "no columns are being written");
    refuses("SELECT * FROM qlab_columns(-1)", QLAB_E_USAGE, "no columns are being written");
}

static int open_all(void **state)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_duck *duck = NULL;
    T_OK(qlab_duck_open((size_t)256 << 20, NULL, 1, &duck, &err));
    T_OK(qlab_duck_conn(duck, 0, &conn, &err));
    *state = duck;
    return 0;
}

static int close_all(void **state)
{
    qlab_duck_close(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {T_CASE(every_type_has_one_text),
                                       T_CASE(csv_tells_null_from_empty_and_quotes_what_must_be),
                                       T_CASE(json_is_an_array_with_an_object_a_line),
                                       T_CASE(a_table_is_aligned),
                                       T_CASE(a_long_table_goes_on_after_its_widths_are_known),
                                       T_CASE(only_what_reads_is_run)};
    return cmocka_run_group_tests(tests, open_all, close_all);
}
