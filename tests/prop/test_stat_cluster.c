/* Clusters of series against a slow search; order of the series, missing dates, and the edges of
 * the rule. */
#include "base/alloc.h"
#include "num/math.h"
#include "stat/cluster.h"
#include "support/t.h"

#include "base/rng.h"
#include <math.h>
#include <string.h>

enum { N_DATES = 300, N_SERIES = 40 };

/* Families of a common part and noise; every fifth series lacks dates, one is constant. */
static void make_series(uint64_t seed, double *x)
{
    for (size_t s = 0; s < N_SERIES; s++)
        for (size_t d = 0; d < N_DATES; d++) {
            const double common = qlab_num_normal(seed, s % 6, d);
            const double own = qlab_num_normal(seed + 1, s, d);
            const double v =
                (s % 4 == 3 ? -1.0 : 1.0) * common + (0.2 + 0.08 * (double)(s % 5)) * own;
            x[s * N_DATES + d] = s == 17                                                ? 0.25
                                 : s % 5 == 2 && qlab_rng_uniform(seed + 2, s, d) < 0.1 ? NAN
                                                                                        : v;
        }
}

/* Correlation as the textbook has it, over the dates that both have. */
static double slow_correlation(const double *a, const double *b, size_t *n_common)
{
    double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;

    *n_common = 0;
    for (size_t d = 0; d < N_DATES; d++) {
        if (isnan(a[d]) || isnan(b[d]))
            continue;
        sa += a[d], sb += b[d];
        saa += a[d] * a[d], sbb += b[d] * b[d], sab += a[d] * b[d];
        ++*n_common;
    }
    const double n = (double)*n_common;
    const double both = (saa - sa * sa / n) * (sbb - sb * sb / n);
    return both > 1e-9 ? (sab - sa * sb / n) / sqrt(both) : NAN; /* NAN: one is constant */
}

/* Spreads each number over its neighbours until nothing changes. */
static size_t slow_clusters(const double *x, double above, size_t min_common, uint32_t *cluster)
{
    bool changed = true;
    size_t n = 0;

    for (uint32_t a = 0; a < N_SERIES; a++)
        cluster[a] = a;
    while (changed) {
        changed = false;
        for (size_t a = 0; a < N_SERIES; a++)
            for (size_t b = 0; b < N_SERIES; b++) {
                size_t common;
                const double r = slow_correlation(x + a * N_DATES, x + b * N_DATES, &common);
                if (common >= min_common && fabs(r) > above && cluster[b] < cluster[a]) {
                    cluster[a] = cluster[b];
                    changed = true;
                }
            }
    }
    for (uint32_t a = 0; a < N_SERIES; a++) {
        bool seen = false;
        for (uint32_t b = 0; b < a; b++)
            seen = seen || cluster[b] == cluster[a];
        n += !seen;
    }
    return n;
}

T_TEST(equals_a_slow_search)
{
    double *x = qlab_alloc((size_t)N_SERIES * N_DATES, sizeof *x);
    uint32_t fast[N_SERIES], slow[N_SERIES];
    static const struct {
        double above;
        size_t min_common;
    } rules[] = {{0.9, 250}, {0.9, 265}, {0.9, 300}, {0.8, 250}, {0.97, 250}, {0.5, 1}};

    for (uint64_t seed = 1; seed <= 6; seed++)
        for (size_t r = 0; r < sizeof rules / sizeof rules[0]; r++) {
            make_series(seed, x);
            const size_t n = qlab_cluster_series(x, N_SERIES, N_DATES, rules[r].above,
                                                 rules[r].min_common, fast);
            T_CHECK(n == slow_clusters(x, rules[r].above, rules[r].min_common, slow));
            T_CHECK(n > 1 && n < N_SERIES + 1);
            for (size_t a = 0; a < N_SERIES; a++)
                for (size_t b = 0; b < N_SERIES; b++)
                    T_CHECK((fast[a] == fast[b]) == (slow[a] == slow[b]));
        }
    qlab_free(x);
}

/* The partition is the same whatever order the series stand in; numbers follow the order. */
T_TEST(order_of_series)
{
    double *x = qlab_alloc((size_t)N_SERIES * N_DATES, sizeof *x);
    double *y = qlab_alloc((size_t)N_SERIES * N_DATES, sizeof *y);
    uint32_t a[N_SERIES], b[N_SERIES], next = 0;

    make_series(3, x);
    for (size_t s = 0; s < N_SERIES; s++) /* 7 and 40 have no common divisor */
        memcpy(y + s * N_DATES, x + (s * 7 + 3) % N_SERIES * N_DATES, N_DATES * sizeof *x);
    const size_t n = qlab_cluster_series(x, N_SERIES, N_DATES, 0.9, 250, a);
    T_CHECK(n == qlab_cluster_series(y, N_SERIES, N_DATES, 0.9, 250, b));
    for (size_t s = 0; s < N_SERIES; s++)
        for (size_t t = 0; t < N_SERIES; t++)
            T_CHECK((b[s] == b[t]) == (a[(s * 7 + 3) % N_SERIES] == a[(t * 7 + 3) % N_SERIES]));
    for (size_t s = 0; s < N_SERIES; s++) {
        T_CHECK(a[s] <= next);
        next += a[s] == next;
    }
    T_CHECK(next == n);
    qlab_free(x);
    qlab_free(y);
}

T_TEST(edges_of_the_rule)
{
    double x[4 * 4] = {1, 2, 3, 4, /* */ -2, -4, -6, -8, /* */ 5, 5, 5, 5, /* */ 1, 2, NAN, 4};
    uint32_t c[4];

    T_CHECK(qlab_cluster_series(x, 4, 4, 0.9, 4, c) == 3); /* the opposite is the same bet */
    T_CHECK(c[0] == 0 && c[1] == 0 && c[2] == 1 && c[3] == 2);
    T_CHECK(qlab_cluster_series(x, 4, 4, 0.9, 3, c) == 2 && c[3] == 0);
    T_CHECK(qlab_cluster_series(x, 4, 4, 0.9, 5, c) == 4);
    T_CHECK(qlab_cluster_series(x, 1, 4, 0.9, 1, c) == 1 && c[0] == 0);
    T_CHECK(qlab_cluster_series(x, 0, 4, 0.9, 1, c) == 0);
}

T_MAIN(T_CASE(equals_a_slow_search), T_CASE(order_of_series), T_CASE(edges_of_the_rule))
