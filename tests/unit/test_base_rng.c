/* Philox 4x32-10 against the known answers of Random123 (kat_vectors), and what is made of it. */
#include "base/rng.h"
#include "support/t.h"

#include <math.h>

/* The first two words of the block; counter and key as four and two 32-bit words. */
static void answers(const uint32_t c[4], const uint32_t k[2], uint32_t w0, uint32_t w1)
{
    const uint64_t draw = (uint64_t)c[1] << 32 | c[0], unit = (uint64_t)c[3] << 32 | c[2];
    const uint64_t seed = (uint64_t)k[1] << 32 | k[0];
    T_CHECK(qlab_rng_u64(seed, unit, draw) == ((uint64_t)w1 << 32 | w0));
}

T_TEST(known_answers)
{
    answers((uint32_t[]){0, 0, 0, 0}, (uint32_t[]){0, 0}, 0x6627e8d5, 0xe169c58d);
    answers((uint32_t[]){0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
            (uint32_t[]){0xffffffff, 0xffffffff}, 0x408f276d, 0x41c83b0e);
    answers((uint32_t[]){0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
            (uint32_t[]){0xa4093822, 0x299f31d0}, 0xd16cfe09, 0x94fdcceb);
}

T_TEST(uniform_is_open_and_even)
{
    enum { N = 200000 };
    double sum = 0.0, squares = 0.0;
    for (uint64_t i = 0; i < N; i++) {
        const double u = qlab_rng_uniform(9, 3, i);
        T_CHECK(u > 0.0 && u < 1.0);
        sum += u;
        squares += u * u;
    }
    T_NEAR(sum / N, 0.5, 0.003); /* 4.6 standard errors */
    T_NEAR(squares / N, 1.0 / 3.0, 0.003);
}

T_TEST(below_is_even)
{
    enum { N = 300000, K = 7 };
    size_t count[K] = {0};
    for (uint64_t i = 0; i < N; i++)
        count[qlab_rng_below(11, 5, i, K)]++;
    double chi2 = 0.0;
    for (size_t k = 0; k < K; k++) {
        const double d = (double)count[k] - (double)N / K;
        chi2 += d * d * K / N;
    }
    T_CHECK(chi2 < 27.9); /* chi-squared of 6 degrees, p = 0.0001 */
    for (uint64_t i = 0; i < 100; i++)
        T_CHECK(qlab_rng_below(1, 1, i, 1) == 0);
    /* Where half of all tries are rejected the loop must go on and stay below n. */
    const uint64_t n = (UINT64_C(1) << 63) + 1;
    size_t high = 0;
    for (uint64_t i = 0; i < 20000; i++) {
        const uint64_t v = qlab_rng_below(2, 2, i, n);
        T_CHECK(v < n);
        high += v >= n / 2;
    }
    T_CHECK(high > 9700 && high < 10300);
    /* Without rejection every third value of 3 * 2^62 would come twice as often. */
    size_t third = 0;
    for (uint64_t i = 0; i < 30000; i++)
        third += qlab_rng_below(2, 3, i, UINT64_C(3) << 62) % 3 == 0;
    T_CHECK(third > 9600 && third < 10400);
}

T_MAIN(T_CASE(known_answers), T_CASE(uniform_is_open_and_even), T_CASE(below_is_even))
