#include "truth/quality.h"

#include <assert.h>

const char *qlab_flag_name(unsigned bit)
{
    static const char *const names[QLAB_FLAG_BITS] = {"OHLC_INCONSISTENT", "OUTSIDE_RANGE",
                                                      "MISSING_VOLUME",    "ZERO_VOLUME",
                                                      "STALE_RUN",         "JUMP",
                                                      "GAP_BEFORE",        "TICKER_REUSED",
                                                      "UNTYPED_FACTOR",    "BARS_AFTER_DELIST"};
    assert(bit < QLAB_FLAG_BITS);
    return names[bit];
}
