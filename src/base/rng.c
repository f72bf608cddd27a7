#include "base/rng.h"

#include <assert.h>

/* Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3, SC11).
 * Counter: (draw low, draw high, unit low, unit high); key: (seed low, seed high). */
typedef struct philox_block {
    uint32_t at[4];
} philox_block;

static philox_block philox(philox_block c, uint32_t k0, uint32_t k1)
{
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = UINT64_C(0xD2511F53) * c.at[0];
        const uint64_t p1 = UINT64_C(0xCD9E8D57) * c.at[2];
        const philox_block next = {{(uint32_t)(p1 >> 32) ^ c.at[1] ^ k0, (uint32_t)p1,
                                    (uint32_t)(p0 >> 32) ^ c.at[3] ^ k1, (uint32_t)p0}};
        c = next;
        k0 += UINT32_C(0x9E3779B9);
        k1 += UINT32_C(0xBB67AE85);
    }
    return c;
}

static philox_block block_of(uint64_t seed, uint64_t unit, uint64_t draw)
{
    const philox_block c = {
        {(uint32_t)draw, (uint32_t)(draw >> 32), (uint32_t)unit, (uint32_t)(unit >> 32)}};
    return philox(c, (uint32_t)seed, (uint32_t)(seed >> 32));
}

uint64_t qlab_rng_u64(uint64_t seed, uint64_t unit, uint64_t draw)
{
    const philox_block b = block_of(seed, unit, draw);
    return (uint64_t)b.at[1] << 32 | b.at[0];
}

void qlab_rng_pair(uint64_t seed, uint64_t unit, uint64_t draw, uint64_t out[2])
{
    const philox_block b = block_of(seed, unit, draw);
    out[0] = (uint64_t)b.at[1] << 32 | b.at[0];
    out[1] = (uint64_t)b.at[3] << 32 | b.at[2];
}

double qlab_rng_uniform(uint64_t seed, uint64_t unit, uint64_t draw)
{
    /* Odd multiples of 2^-53: 52 random bits, never 0 and never 1, symmetric around a half. */
    const uint64_t bits = qlab_rng_u64(seed, unit, draw) >> 12;
    return ((double)bits * 2.0 + 1.0) * 0x1p-53;
}

/* High and low half of a * b. */
static uint64_t mul_high(uint64_t a, uint64_t b, uint64_t *low)
{
    const uint64_t a0 = a & UINT32_MAX, a1 = a >> 32, b0 = b & UINT32_MAX, b1 = b >> 32;
    const uint64_t mid = a1 * b0 + (a0 * b0 >> 32);
    const uint64_t mid2 = a0 * b1 + (mid & UINT32_MAX);
    *low = a * b;
    return a1 * b1 + (mid >> 32) + (mid2 >> 32);
}

uint64_t qlab_rng_below(uint64_t seed, uint64_t unit, uint64_t draw, uint64_t n)
{
    assert(n >= 1);
    /* Lemire 2019: accept while the low half is not below 2^64 mod n.  The further tries of one
     * draw come from other words of the same block, then from keys of their own, so that draws
     * stay independent of how often an earlier one was rejected. */
    const uint64_t floor_low = (0 - n) % n;
    philox_block b = block_of(seed, unit, draw);
    for (uint32_t try = 0;; try++) {
        const uint32_t *w = b.at + (try % 2 ? 2 : 0);
        uint64_t low;
        const uint64_t high = mul_high((uint64_t)w[1] << 32 | w[0], n, &low);
        if (low >= floor_low)
            return high;
        if (try % 2)
            b = philox(b, (uint32_t)seed ^ (try + 1), (uint32_t)(seed >> 32));
    }
}
