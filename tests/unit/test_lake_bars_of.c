/* Bars of some assets of a bucket: the same rows in the same order as reading all and leaving the
 * others out, for lists short and long (a long list is another plan in DuckDB). */
#include "support/lake.h"

enum { ASSETS = 200, DAYS = 120 };

static void compare(t_lake *l, const qlab_lake_view *v, const uint8_t *wanted)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_bars all, some;
    T_OK(qlab_lake_read_bars(v, t_lake_conn(l), 0, QLAB_DATE_NONE, INT32_MAX, 0, &all, &err));
    T_OK(qlab_lake_read_bars_of(v, t_lake_conn(l), 0, wanted, QLAB_DATE_NONE, INT32_MAX, 0, &some,
                                &err));
    assert_int_equal(some.n_assets, all.n_assets);
    for (size_t a = 0; a < all.n_assets; a++) {
        const size_t n = wanted[a] ? all.first[a + 1] - all.first[a] : 0;
        assert_int_equal(some.first[a + 1] - some.first[a], n);
        T_SAME_BITS(some.date + some.first[a], all.date + all.first[a], n);
        T_SAME_BITS(some.close + some.first[a], all.close + all.first[a], n);
    }
    qlab_bars_free(&all);
    qlab_bars_free(&some);
}

T_TEST(lists)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    qlab_lake_view *v = NULL;
    uint8_t wanted[ASSETS];
    t_bar *rows = qlab_alloc((size_t)ASSETS * DAYS, sizeof *rows);
    size_t n = 0;
    const int32_t first = qlab_date_make(2024, 1, 1);
    t_lake_open(&l, ASSETS, 1);
    for (uint32_t ix = 0; ix < ASSETS; ix++)
        for (int32_t d = 0; d < DAYS; d++)
            rows[n++] = t_bar_make(ix, first + d, 1, 0);
    t_lake_commit(&l, rows, n, true);
    for (uint32_t ix = 0; ix < ASSETS; ix++)
        rows[ix] = t_bar_make(ix, first + 7, 2, 5);
    t_lake_commit(&l, rows, ASSETS, false);
    T_OK(qlab_lake_view_open(&l.env, QLAB_LAKE_LATEST, &v, &err));
    for (uint64_t trial = 0; trial < 40; trial++) {
        const uint64_t share = 2 + trial % 30;
        size_t n_wanted = 0;
        for (size_t a = 0; a < ASSETS; a++) {
            const uint64_t key[2] = {trial, a};
            wanted[a] = qlab_xxh3(key, sizeof key, 0) % share == 0;
            n_wanted += wanted[a];
        }
        if (n_wanted > 0)
            compare(&l, v, wanted);
    }
    qlab_lake_view_close(v);
    qlab_free(rows);
    t_lake_close(&l, false);
}

T_MAIN(T_CASE(lists))
