/* truth/quality.h -- quality flags of a valid bar: a bit field of its content alone.
 *
 * Provenance (revised, duplicate, late) is kept beside and never here.  Nothing is repaired.
 * Causal: the flags of bar t are a function of bars <= t of the same life.  Source: METHODS 2.
 */
#ifndef QLAB_TRUTH_QUALITY_H
#define QLAB_TRUTH_QUALITY_H

#include <stddef.h>
#include <stdint.h>

enum {
    QLAB_FLAG_OHLC_INCONSISTENT = 1u << 0, /* open, high or low missing or <= 0, or high < low */
    QLAB_FLAG_OUTSIDE_RANGE = 1u << 1,     /* open or close outside [low, high] */
    QLAB_FLAG_MISSING_VOLUME = 1u << 2,
    QLAB_FLAG_ZERO_VOLUME = 1u << 3,
    QLAB_FLAG_STALE_RUN =
        1u << 4, /* this and at least 4 bars before: equal close, volume <= 100 or missing */
    QLAB_FLAG_JUMP = 1u << 5, /* |log return| > 10 * ewma_vol_60 of the bar before, with splits and
                                 with all actions */
    QLAB_FLAG_GAP_BEFORE = 1u << 6,       /* sessions of the exchange passed without a valid bar */
    QLAB_FLAG_TICKER_REUSED = 1u << 7,    /* first bar of a second or later life */
    QLAB_FLAG_UNTYPED_FACTOR = 1u << 8,   /* an untyped factor is applied on this bar */
    QLAB_FLAG_BARS_AFTER_DELIST = 1u << 9 /* later than the delisting of its life */
};
enum { QLAB_FLAG_BITS = 10 };
const char *
qlab_flag_name(unsigned bit); /* of bit number 0..QLAB_FLAG_BITS-1: "OHLC_INCONSISTENT" */

enum {
    QLAB_QUALITY_STALE_BARS = 5,
    QLAB_QUALITY_EWMA_SPAN = 60,
    QLAB_QUALITY_WARMUP_BARS = 560 /* recursive columns start so many valid bars before the year */
};
#define QLAB_QUALITY_STALE_VOLUME 100.0
#define QLAB_QUALITY_JUMP_SIGMAS  10.0

#endif
