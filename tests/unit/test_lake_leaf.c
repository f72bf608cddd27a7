/* A leaf is the SHA-256 of exactly these bytes (DESIGN 4), written out by hand. */
#include "base/alloc.h"
#include "base/date.h"
#include "lake/lake.h"
#include "support/t.h"

#include <math.h>
#include <string.h>

static void make_row(qlab_bars *b, size_t row, int32_t date, const double v[5])
{
    double *columns[5] = {b->open, b->high, b->low, b->close, b->volume};
    b->date[row] = date;
    for (int c = 0; c < 5; c++)
        columns[c][row] = v[c];
}

T_TEST(a_leaf_hashes_45_bytes_a_row)
{
    /* 1970-01-02 and 1969-12-31; high is missing in the first, volume is -0; in the second
     * everything but the close (1.5 = 0x3ff8000000000000) is missing */
    static const uint8_t bytes[90] = {
        1,    0,    0,    0,    0x02,                /* date 1, null mask: high */
        0,    0,    0,    0,    0,    0, 0xf0, 0x3f, /* open 1.0 */
        0,    0,    0,    0,    0,    0, 0,    0,    /* high null */
        0,    0,    0,    0,    0,    0, 0xe0, 0x3f, /* low 0.5 */
        0,    0,    0,    0,    0,    0, 0x00, 0xc0, /* close -2.0 */
        0,    0,    0,    0,    0,    0, 0,    0,    /* volume -0 as +0 */
        0xff, 0xff, 0xff, 0xff, 0x17,                /* date -1, all but the close */
        0,    0,    0,    0,    0,    0, 0,    0,
        0,    0,    0,    0,    0,    0, 0,    0, /* open, high */
        0,    0,    0,    0,    0,    0, 0,    0,
        0,    0,    0,    0,    0,    0, 0xf8, 0x3f, /* low, close 1.5 */
        0,    0,    0,    0,    0,    0, 0,    0};   /* volume */
    qlab_bars b;
    qlab_bars_make(&b, 1, 2, 0);
    make_row(&b, 0, 1, (double[]){1.0, NAN, 0.5, -2.0, -0.0});
    make_row(&b, 1, -1, (double[]){NAN, -NAN, NAN, 1.5, NAN});
    const qlab_digest both = qlab_sha256_of(bytes, 90), second = qlab_sha256_of(bytes + 45, 45);
    const qlab_digest got = qlab_lake_leaf(&b, 0, 2), got_second = qlab_lake_leaf(&b, 1, 1);
    T_CHECK(qlab_digest_cmp(&both, &got) == 0);
    T_CHECK(qlab_digest_cmp(&second, &got_second) == 0);
    qlab_bars_free(&b);
}

T_TEST(leaves_come_by_asset_year_and_month)
{
    static const struct {
        int32_t year, month, day;
    } days[] = {{2011, 12, 31}, {2012, 1, 1}, {2014, 5, 6},
                {2014, 5, 7},   {2014, 6, 1}, {2015, 2, 28}};
    enum { N = sizeof days / sizeof *days };
    qlab_bars b;
    qlab_leaf *leaves = NULL;
    size_t n = 0;
    qlab_bars_make(&b, 3, N, 0); /* the middle asset has them all */
    for (size_t i = 0; i < N; i++)
        make_row(&b, i, qlab_date_make(days[i].year, days[i].month, days[i].day),
                 (double[]){1, 2, 1, (double)i, 9});
    for (uint32_t a = 0; a < 3; a++)
        b.asset_ix[a] = 40 + a;
    b.first[2] = b.first[3] = N;
    T_CHECK(qlab_lake_months_from(&b) == 2012);
    qlab_lake_leaves_of(&b, qlab_lake_months_from(&b), &leaves, &n);
    static const int32_t periods[] = {2011, 2012, 2014, 2015, 201201, 201405, 201406, 201502};
    static const uint32_t rows[] = {1, 1, 3, 1, 1, 2, 1, 1};
    T_CHECK(n == 8);
    for (size_t i = 0; i < n; i++) {
        T_CHECK(leaves[i].asset_ix == 41 && leaves[i].period == periods[i]);
        T_CHECK(leaves[i].n_rows == rows[i]);
    }
    const qlab_digest year = qlab_lake_leaf(&b, 2, 3), month = qlab_lake_leaf(&b, 2, 2);
    T_CHECK(qlab_digest_cmp(&leaves[2].digest, &year) == 0);
    T_CHECK(qlab_digest_cmp(&leaves[5].digest, &month) == 0);
    qlab_free(leaves);
    b.first[2] = b.first[3] = b.n_rows = 0;
    T_CHECK(qlab_lake_months_from(&b) == INT32_MAX);
    qlab_lake_leaves_of(&b, INT32_MAX, &leaves, &n);
    T_CHECK(n == 0);
    qlab_free(leaves);
    qlab_bars_free(&b);
}

/* 100*year + month of the year 1 would be the year 101. */
T_TEST(months_of_the_first_hundred_years_have_no_leaf)
{
    qlab_bars b;
    qlab_leaf *leaves = NULL;
    size_t n = 0;
    qlab_bars_make(&b, 1, 2, 0);
    make_row(&b, 0, qlab_date_make(1, 1, 1), (double[]){1, 2, 1, 1, 9});
    make_row(&b, 1, qlab_date_make(100, 2, 1), (double[]){1, 2, 1, 1, 9});
    b.asset_ix[0] = 0;
    b.first[1] = 2;
    qlab_lake_leaves_of(&b, 1, &leaves, &n);
    T_CHECK(n == 3 && leaves[0].period == 1 && leaves[1].period == 100);
    T_CHECK(leaves[2].period == 10002);
    qlab_free(leaves);
    qlab_bars_free(&b);
}

T_MAIN(T_CASE(a_leaf_hashes_45_bytes_a_row), T_CASE(leaves_come_by_asset_year_and_month),
       T_CASE(months_of_the_first_hundred_years_have_no_leaf))
