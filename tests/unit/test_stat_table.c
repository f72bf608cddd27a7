/* The CSV of `quantlab stat`: what it accepts, and what each bad input is answered with. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "stat/moments.h"
#include "stat/table.h"
#include "support/t.h"

#include <math.h>
#include <string.h>

T_TEST(reads_numbers_gaps_quotes_and_line_ends)
{
    const char *text = "\xef\xbb\xbf"
                       "a,\"b \"\"x\"\", y\",c\r\n1,,.5\r\n+2,-3e2,\"4\"\n,,\n7,8,9\n\n";
    qlab_err err = QLAB_ERR_INIT;
    qlab_stat_table t;
    T_OK(qlab_stat_table_parse("t.csv", text, strlen(text), &t, &err));
    T_CHECK(t.n_rows == 4 && t.n_cols == 3 && t.dates == NULL);
    T_STR(t.names[1], "b \"x\", y");
    T_CHECK(t.col[0][0] == 1.0 && isnan(t.col[1][0]) && t.col[2][0] == 0.5);
    T_CHECK(t.col[0][1] == 2.0 && t.col[1][1] == -300.0 && t.col[2][1] == 4.0);
    T_CHECK(isnan(t.col[0][2]) && t.col[2][3] == 9.0);
    T_CHECK(qlab_stat_table_find(&t, "c") == 2 && qlab_stat_table_find(&t, "z") == 3);
    T_CHECK(qlab_stat_table_series(&t, 2).n == 4);
    qlab_stat_table_free(&t);
    qlab_stat_table_free(&t);
}

T_TEST(an_empty_line_inside_one_column_is_a_missing_row)
{
    const char *text = "x\n1\n\n3\n";
    qlab_err err = QLAB_ERR_INIT;
    qlab_stat_table t;
    T_OK(qlab_stat_table_parse("t.csv", text, strlen(text), &t, &err));
    T_CHECK(t.n_rows == 3 && isnan(t.col[0][1]));
    qlab_stat_table_free(&t);
}

T_TEST(unsorted_dates_change_no_bit) /* golden/vectors.md, traps */
{
    const char *sorted = "date,r\n2020-01-02,.1\n2020-01-03,-.3\n2020-01-06,.7\n";
    const char *shuffled = "r,date\n.7,2020-01-06\n.1,2020-01-02\n-.3,2020-01-03\n";
    qlab_err err = QLAB_ERR_INIT;
    qlab_stat_table a, b;
    T_OK(qlab_stat_table_parse("a", sorted, strlen(sorted), &a, &err));
    T_OK(qlab_stat_table_parse("b", shuffled, strlen(shuffled), &b, &err));
    T_CHECK(a.n_rows == 3 && b.n_rows == 3 && a.n_cols == 1);
    T_SAME_BITS(a.col[0], b.col[0], 3);
    T_SAME_BITS(a.dates, b.dates, 3);
    T_CHECK(a.dates[0] == qlab_date_make(2020, 1, 2));
    T_CHECK(qlab_autocorrelation(qlab_stat_table_series(&a, 0), 1) ==
            qlab_autocorrelation(qlab_stat_table_series(&b, 0), 1));
    qlab_stat_table_free(&a);
    qlab_stat_table_free(&b);
}

T_TEST(bad_inputs_are_named)
{
    static const struct {
        const char *text, *message;
    } BAD[] = {
        {"", "t.csv was empty; a header line was wanted"},
        {",b\n", "t.csv:1: column 1 had no name"},
        {"a,a\n", "t.csv:1: column 2: \"a\" was named twice"},
        {"date,date\n", "t.csv:1: column 2: \"date\" was named twice"},
        {"a\n1\nx\n", "t.csv:3: column 1: \"x\" was not a number"},
        {"a\n1e400\n", "t.csv:2: column 1: \"1e400\" was not a number"},
        {"a\nNaN\n", "t.csv:2: column 1: \"NaN\" was not a number"},
        {"a,b\n1\n", "t.csv:2: 1 fields where the header has 2"},
        {"a\n1,2\n", "t.csv:2: more fields than the header's 1"},
        {"a\n\"1\n", "t.csv:2: column 1: \"1\" had no closing quote"},
        {"a\n\"1\"2\n",
         "t.csv:2: column 1: \"1\" was followed by neither a comma nor the end of the line"},
        {"a,date\n1,2020-02-30\n", "t.csv:2: column 2: \"2020-02-30\" was not a date (YYYY-MM-DD)"},
        {"date,a\n2020-02-03,1\n2020-02-03,2\n", "t.csv: date 2020-02-03 came twice"},
    };
    qlab_err err = QLAB_ERR_INIT;
    qlab_stat_table t;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        T_CHECK(qlab_stat_table_parse("t.csv", BAD[i].text, strlen(BAD[i].text), &t, &err) ==
                QLAB_E_CORRUPT);
        T_STR(err.text, BAD[i].message);
        qlab_err_reset(&err);
    }
    T_CHECK(qlab_stat_table_parse("t.csv", "a\n1\0002\n", 6, &t, &err) == QLAB_E_CORRUPT);
    T_STR(err.text, "t.csv:2: column 1: \"1\" held a NUL byte");
    qlab_err_reset(&err);
    T_CHECK(qlab_stat_table_read("/no/such/file.csv", &t, &err) == QLAB_E_NOT_FOUND);
    qlab_stat_table_free(&t);
}

T_TEST(only_complete_rows_stay)
{
    static const char text[] = "date,a,b\n2020-01-03,5,6\n2020-01-02,,4\n2020-01-01,1,2\n"
                               "2020-01-04,7,\n";
    qlab_err err = QLAB_ERR_INIT;
    qlab_stat_table t;
    T_OK(qlab_stat_table_parse("t.csv", text, sizeof text - 1, &t, &err));
    T_CHECK(qlab_stat_table_complete(&t) == 2 && t.n_rows == 2);
    T_CHECK(t.col[0][0] == 1 && t.col[1][0] == 2 && t.col[0][1] == 5 && t.col[1][1] == 6);
    T_CHECK(t.dates[1] == t.dates[0] + 2);
    T_CHECK(qlab_stat_table_complete(&t) == 0 && t.n_rows == 2);
    qlab_stat_table_free(&t);
}

T_MAIN(T_CASE(only_complete_rows_stay), T_CASE(reads_numbers_gaps_quotes_and_line_ends),
       T_CASE(an_empty_line_inside_one_column_is_a_missing_row),
       T_CASE(unsorted_dates_change_no_bit), T_CASE(bad_inputs_are_named))
