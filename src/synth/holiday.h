/* synth/holiday.h -- on which weekdays the synthetic exchanges trade.
 *
 * The rules of the real ones, without their one-off closures.  Dates are days since 1970-01-01.
 * Threads: pure functions.  Nothing fails.
 * Source of Easter: the anonymous Gregorian algorithm (Nature, 20 April 1876, p. 487).
 */
#ifndef QLAB_SYNTH_HOLIDAY_H
#define QLAB_SYNTH_HOLIDAY_H

#include <stdbool.h>
#include <stdint.h>

typedef enum qlab_synth_exchange {
    QLAB_SYNTH_US,
    QLAB_SYNTH_LSE,
    QLAB_SYNTH_XETRA,
    QLAB_SYNTH_OTC_WORLD, /* everything else: trades on each weekday */
    QLAB_SYNTH_EXCHANGES
} qlab_synth_exchange;

int32_t qlab_synth_easter_sunday(int year);
bool qlab_synth_is_weekday(int32_t date);
/* A weekday that is not a holiday of the exchange. */
bool qlab_synth_is_session(qlab_synth_exchange exchange, int32_t date);

#endif
