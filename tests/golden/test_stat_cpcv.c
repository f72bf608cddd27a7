/* golden/vectors.md, "Splits"; paths; purging and embargo by hand. */
#include "stat/cpcv.h"
#include "support/t.h"

#include <string.h>

T_TEST(counts_of_splits_and_paths)
{
    static const struct {
        uint32_t n, k;
        uint64_t splits, paths;
    } WANT[] = {{6, 2, 15, 5},    {10, 2, 45, 9},       {10, 8, 45, 36},
                {12, 3, 220, 55}, {16, 8, 12870, 6435}, {20, 10, 184756, 92378}};
    for (size_t i = 0; i < sizeof WANT / sizeof *WANT; i++) {
        T_CHECK(qlab_cpcv_splits(WANT[i].n, WANT[i].k) == WANT[i].splits);
        T_CHECK(qlab_cpcv_paths(WANT[i].n, WANT[i].k) == WANT[i].paths);
    }
    T_CHECK(qlab_binomial(64, 32) == 1832624140942590534u);
    T_CHECK(qlab_binomial(200, 100) == UINT64_MAX && qlab_binomial(3, 4) == 0);
}

T_TEST(splits_are_lexicographic_and_every_group_fills_every_path)
{
    uint32_t test[3], before[3] = {0}, seen[12] = {0};
    uint64_t n = 0;
    qlab_cpcv_first(3, test);
    do {
        T_CHECK(test[0] < test[1] && test[1] < test[2] && test[2] < 12);
        if (n > 0) {
            const uint32_t a = before[0] * 144 + before[1] * 12 + before[2];
            T_CHECK(a < test[0] * 144 + test[1] * 12 + test[2]);
        }
        for (int i = 0; i < 3; i++)
            seen[test[i]]++;
        memcpy(before, test, sizeof test);
        n++;
    } while (qlab_cpcv_next(12, 3, test));
    T_CHECK(n == 220);
    for (int g = 0; g < 12; g++)
        T_CHECK(seen[g] == 55); /* so the j-th occurrence of each group makes path j complete */
}

T_TEST(the_last_group_takes_the_remainder)
{
    size_t from, to, end = 0;
    for (uint32_t g = 0; g < 10; g++) {
        qlab_cpcv_group(1259, 10, g, &from, &to);
        T_CHECK(from == end && to - from == (g == 9 ? 134 : 125));
        end = to;
    }
    T_CHECK(end == 1259);
}

/* 12 rows in 3 groups of 4: T test, . train, p purged, e embargoed. */
static void twelve(size_t purge, size_t embargo, const char *tested, const char *want)
{
    size_t label_end[12];
    bool is_test[12];
    uint8_t use[12];
    char got[13] = {0};
    for (size_t i = 0; i < 12; i++) {
        label_end[i] = i + purge;
        is_test[i] = tested[i / 4] == 'T';
    }
    qlab_purge(label_end, is_test, 12, embargo, use);
    for (size_t i = 0; i < 12; i++)
        got[i] = ".Tpe"[use[i]];
    T_STR(got, want);
}

T_TEST(twelve_rows_by_hand)
{
    twelve(0, 0, "TT.", "TTTTTTTT....");
    twelve(0, 0, "T.T", "TTTT....TTTT");
    twelve(0, 0, ".TT", "....TTTTTTTT");
    twelve(1, 0, "TT.", "TTTTTTTTp...");
    twelve(1, 0, "T.T", "TTTTp..pTTTT");
    twelve(1, 0, ".TT", "...pTTTTTTTT");
    twelve(0, 1, "TT.", "TTTTTTTTe...");
    twelve(0, 1, "T.T", "TTTTe...TTTT");
    twelve(0, 1, ".TT", "....TTTTTTTT");
    twelve(1, 1, "TT.", "TTTTTTTTpe..");
    twelve(1, 1, "T.T", "TTTTpe.pTTTT");
    twelve(1, 1, ".TT", "...pTTTTTTTT");
    twelve(1, 2, "T.T", "TTTTpeepTTTT"); /* purged before embargoed */
    twelve(20, 0, ".T.", "ppppTTTTpppp");
}

T_TEST(no_train_label_touches_a_test_label_on_irregular_horizons)
{
    enum { N = 200 };
    size_t label_end[N];
    bool is_test[N];
    uint8_t use[N];
    for (uint32_t round = 0; round < 50; round++) {
        for (size_t i = 0; i < N; i++) { /* halts: labels reach 1 to 30 rows ahead */
            label_end[i] = i + 1 + (i * i * 31 + round * 17) % 30;
            is_test[i] = (i / (5 + round % 7)) % 4 == round % 4;
        }
        qlab_purge(label_end, is_test, N, round % 5, use);
        for (size_t i = 0; i < N; i++) {
            for (size_t j = 0; j < N; j++)
                if (use[i] == QLAB_ROW_TRAIN && use[j] == QLAB_ROW_TEST)
                    T_CHECK(label_end[i] < j || label_end[j] < i);
            T_CHECK((use[i] == QLAB_ROW_TEST) == is_test[i]);
        }
    }
}

T_MAIN(T_CASE(counts_of_splits_and_paths),
       T_CASE(splits_are_lexicographic_and_every_group_fills_every_path),
       T_CASE(the_last_group_takes_the_remainder), T_CASE(twelve_rows_by_hand),
       T_CASE(no_train_label_touches_a_test_label_on_irregular_horizons))
