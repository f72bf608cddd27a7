/* synth/draw.h -- deviates of the synthetic market; pure functions of (seed, unit, draw). */
#ifndef QLAB_SYNTH_DRAW_H
#define QLAB_SYNTH_DRAW_H

#include "base/rng.h"

#include <math.h>

/* A number's stream: unit = number * QLAB_SYNTH_STREAMS + stream. */
typedef enum qlab_synth_stream {
    QLAB_SYNTH_S_ASSET,  /* what an asset is; draw counts its attributes */
    QLAB_SYNTH_S_SHOCK,  /* draw is the day in the streams below */
    QLAB_SYNTH_S_SHAPE,  /* open, high, low */
    QLAB_SYNTH_S_VOLUME, /* volume, volatility's step */
    QLAB_SYNTH_S_EVENT,  /* halts, splits, missing numbers */
    QLAB_SYNTH_S_DIRT,
    QLAB_SYNTH_S_ORDER, /* keyed by order_seed, never by seed */
    QLAB_SYNTH_STREAMS
} qlab_synth_stream;

/* Numbers above those of assets, for what belongs to the market as a whole. */
#define QLAB_SYNTH_UNIT_MARKET UINT64_C(0x100000000)
#define QLAB_SYNTH_UNIT_SECTOR UINT64_C(0x100000001) /* + sector */
#define QLAB_SYNTH_UNIT_DAY    UINT64_C(0x100000100) /* + day, for what a vendor does */

static inline uint64_t qlab_synth_u64(uint64_t seed, uint64_t number, qlab_synth_stream stream,
                                      uint64_t draw)
{
    return qlab_rng_u64(seed, number * QLAB_SYNTH_STREAMS + (uint64_t)stream, draw);
}

/* Field k (0..3) of 16 bits as a number in (0, 1). */
static inline double qlab_synth_u16(uint64_t bits, unsigned k)
{
    return ((double)(bits >> (16 * k) & 0xffff) + 0.5) * 0x1p-16;
}

/* Half k (0, 1) as a number in (0, 1). */
static inline double qlab_synth_u32(uint64_t bits, unsigned k)
{
    return ((double)(bits >> (32 * k) & 0xffffffff) + 0.5) * 0x1p-32;
}

/* Sum of four uniforms, standardised: bounded by 3.47, close to normal inside 2.5. */
static inline double qlab_synth_bell(uint64_t bits)
{
    const double sum = qlab_synth_u16(bits, 0) + qlab_synth_u16(bits, 1) + qlab_synth_u16(bits, 2) +
                       qlab_synth_u16(bits, 3);
    return (sum - 2.0) * 1.7320508075688772;
}

/* Student t with 4 degrees of freedom over its standard deviation (polar method). */
static inline double qlab_synth_student(uint64_t seed, uint64_t number, qlab_synth_stream stream,
                                        uint64_t draw)
{
    for (uint64_t attempt = 0;; attempt++) {
        const uint64_t bits = qlab_synth_u64(seed, number, stream, draw | attempt << 32);
        const double u = 2.0 * qlab_synth_u32(bits, 0) - 1.0,
                     v = 2.0 * qlab_synth_u32(bits, 1) - 1.0;
        const double w = u * u + v * v;
        if (w < 1.0)
            return u * sqrt(2.0 * (1.0 / sqrt(w) - 1.0) / w);
    }
}

#endif
