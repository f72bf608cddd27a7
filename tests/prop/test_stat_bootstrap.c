/* Stationary bootstrap: the law of its blocks, the spread it should find, and its determinism. */
#include "stat/bootstrap.h"

#include "base/rng.h"
#include "num/math.h"
#include "stat/moments.h"
#include "support/t.h"

#include <math.h>
#include <string.h>

enum { N = 500, B = 4000 };

static double x[N], out[B], again[B];
static uint32_t index_[20000];

static void ar1(double rho, uint64_t seed)
{
    x[0] = qlab_num_normal(seed, 0, 0);
    for (size_t i = 1; i < N; i++)
        x[i] = rho * x[i - 1] + qlab_num_normal(seed, 0, i);
}

T_TEST(blocks_are_geometric_wrap_and_start_anywhere)
{
    size_t breaks = 0, wraps = 0, steps = 0, hits[10] = {0};
    for (uint64_t r = 0; r < 40; r++) {
        qlab_bootstrap_indices(50, 8.0, 3, 4, r, index_, 5000);
        for (size_t i = 0; i < 5000; i++) {
            T_CHECK(index_[i] < 50);
            hits[index_[i] / 5]++;
            if (i == 0)
                continue;
            steps++;
            const uint32_t next = index_[i - 1] == 49 ? 0 : index_[i - 1] + 1;
            breaks += index_[i] != next;
            wraps += index_[i] == 0 && index_[i - 1] == 49;
        }
    }
    /* A new block begins with probability 1/8, and one in fifty of them by chance goes on. */
    const double rate = (double)breaks / (double)steps, want = 1.0 / 8.0 * 49.0 / 50.0;
    T_NEAR(rate, want, 5.0 * sqrt(want * (1.0 - want) / (double)steps));
    T_CHECK(wraps > 1000);
    for (size_t k = 0; k < 10; k++)
        T_NEAR((double)hits[k] / 200000.0, 0.1, 0.01);
}

T_TEST(the_spread_of_an_independent_mean_is_known)
{
    ar1(0.0, 5);
    const qlab_moments m = qlab_moments_of((qlab_f64v){x, N});
    qlab_bootstrap((qlab_f64v){x, N}, 1.0, QLAB_BOOTSTRAP_MEAN, 1, 0, 0, B, out);
    const qlab_moments b = qlab_moments_of((qlab_f64v){out, B});
    T_NEAR(b.mean, m.mean, 5.0 * m.std / sqrt((double)N * B));
    T_NEAR(b.std / (m.std / sqrt(N)), 1.0, 0.06);
    qlab_bootstrap((qlab_f64v){x, N}, 1.0, QLAB_BOOTSTRAP_SHARPE, 1, 0, 0, B, out);
    T_NEAR(qlab_moments_of((qlab_f64v){out, B}).std, sqrt(1.0 / N), 0.1 * sqrt(1.0 / N));
}

T_TEST(blocks_find_the_spread_of_a_dependent_mean)
{
    /* True standard error of the mean of an AR(1) 0.6: 2.5/sqrt(n); without blocks about half. */
    double blocks = 0.0, single = 0.0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        ar1(0.6, 100 + seed);
        const double length = qlab_block_length_of((qlab_f64v){x, N}).stationary;
        T_CHECK(length > 3.0 && length < 67.0);
        qlab_bootstrap((qlab_f64v){x, N}, length, QLAB_BOOTSTRAP_MEAN, 2, seed, 0, 500, out);
        blocks += qlab_moments_of((qlab_f64v){out, 500}).std / 20.0;
        qlab_bootstrap((qlab_f64v){x, N}, 1.0, QLAB_BOOTSTRAP_MEAN, 2, seed, 0, 500, out);
        single += qlab_moments_of((qlab_f64v){out, 500}).std / 20.0;
    }
    T_NEAR(blocks * sqrt(N), 2.5, 0.45);
    T_CHECK(single * sqrt(N) < 1.5);
}

T_TEST(a_replication_does_not_depend_on_its_neighbours)
{
    ar1(0.3, 6);
    qlab_bootstrap((qlab_f64v){x, N}, 7.5, QLAB_BOOTSTRAP_SHARPE, 9, 1, 0, 200, out);
    qlab_bootstrap((qlab_f64v){x, N}, 7.5, QLAB_BOOTSTRAP_SHARPE, 9, 1, 120, 200, again);
    T_SAME_BITS(out + 120, again, 80);
    qlab_bootstrap((qlab_f64v){x, N}, 7.5, QLAB_BOOTSTRAP_SHARPE, 9, 2, 0, 200, again);
    T_CHECK(memcmp(out, again, sizeof(double) * 200) != 0);
}

T_TEST(the_statistic_is_that_of_the_indices)
{
    static const double BLOCK[] = {0.5, 1.0, 3.7, 64.0, 64.5, 400.0, 1e7};
    uint64_t pair[2];
    qlab_rng_pair(4, 5, 6, pair);
    T_CHECK(pair[0] == qlab_rng_u64(4, 5, 6) && pair[1] != pair[0]);
    ar1(0.3, 8);
    for (size_t k = 0; k < sizeof BLOCK / sizeof *BLOCK; k++) {
        size_t breaks = 0;
        qlab_bootstrap((qlab_f64v){x, N}, BLOCK[k], QLAB_BOOTSTRAP_SHARPE, 3, 4, 0, 100, out);
        for (uint64_t r = 0; r < 100; r++) {
            qlab_bootstrap_indices(N, BLOCK[k], 3, 4, r, index_, N);
            for (size_t i = 0; i < N; i++) {
                again[i] = x[index_[i]];
                breaks += i > 0 && index_[i] != (index_[i - 1] + 1) % N;
            }
            const qlab_moments m = qlab_moments_of((qlab_f64v){again, N});
            T_NEAR(out[r], m.mean / m.std, 1e-11);
        }
        const double n = 100.0 * (N - 1), rate = BLOCK[k] > 1.0 ? 1.0 / BLOCK[k] : 1.0;
        T_NEAR((double)breaks / n, rate * (1.0 - 1.0 / N), 5.0 * sqrt(rate / n));
    }
}

T_TEST(the_degenerate_is_null)
{
    const double flat[] = {.1, .1, .1, .1, .1, .1}, one[] = {1.0}, gaps[] = {NAN, 1, NAN, 2, 4, 3};
    T_CHECK(isnan(qlab_block_length_of((qlab_f64v){flat, 6}).stationary));
    T_CHECK(isnan(qlab_block_length_of((qlab_f64v){one, 1}).stationary));
    qlab_bootstrap((qlab_f64v){one, 1}, 2.0, QLAB_BOOTSTRAP_MEAN, 1, 0, 0, 2, out);
    T_CHECK(isnan(out[0]));
    qlab_bootstrap((qlab_f64v){flat, 6}, 2.0, QLAB_BOOTSTRAP_MEAN, 1, 0, 0, 2, out);
    T_CHECK(out[0] == .1);
    qlab_bootstrap((qlab_f64v){flat, 6}, 2.0, QLAB_BOOTSTRAP_SHARPE, 1, 0, 0, 2, out);
    T_CHECK(isnan(out[0]));
    T_CHECK(qlab_block_length_of((qlab_f64v){gaps, 6}).n == 4);
    double v[] = {3, NAN, 1, 2, 4};
    T_NEAR(qlab_quantile(v, 5, 0.5), 2.5, 0.0);
    T_NEAR(qlab_quantile(v, 4, 0.0), 1.0, 0.0);
    T_NEAR(qlab_quantile(v, 4, 1.0), 4.0, 0.0);
    T_CHECK(isnan(qlab_quantile(v, 0, 0.5)));
}

T_MAIN(T_CASE(blocks_are_geometric_wrap_and_start_anywhere),
       T_CASE(the_spread_of_an_independent_mean_is_known),
       T_CASE(blocks_find_the_spread_of_a_dependent_mean),
       T_CASE(a_replication_does_not_depend_on_its_neighbours),
       T_CASE(the_statistic_is_that_of_the_indices), T_CASE(the_degenerate_is_null))
