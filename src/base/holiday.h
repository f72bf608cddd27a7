/* base/holiday.h -- on which weekdays the large exchanges trade, by shipped rules.
 *
 * A calendar is a table: rules that return each year (a fixed date and what happens on a weekend,
 * the n-th Monday of a month, days from Easter), spells of years, and one-off days that were closed
 * or, where a holiday was moved, open.  Nothing is derived from bars.  Dates are days since
 * 1970-01-01.  Exchanges, years and sources: docs/methods/holidays.md.
 *
 * Threads: pure functions over constants.  Nothing fails.
 * Sources: Easter by the anonymous Gregorian algorithm (Nature, 20 April 1876, p. 487); equinoxes
 * by the approximation of the Japanese hydrographic office, good for 1980 to 2099.
 */
#ifndef QLAB_BASE_HOLIDAY_H
#define QLAB_BASE_HOLIDAY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct qlab_holidays qlab_holidays; /* one calendar; constant, never freed */

int32_t qlab_easter_sunday(int year);
bool qlab_is_weekday(int32_t date);

/* The calendar of a market identifier code ("XNYS") or of a registry's exchange ("US"); NULL where
 * none is shipped.  Upper case. */
const qlab_holidays *qlab_holidays_of_mic(const char *mic);
const qlab_holidays *qlab_holidays_of_exchange(const char *exchange);
const char *qlab_holidays_name(const qlab_holidays *h); /* "XNYS" */
/* First and last year that the rules hold for. */
void qlab_holidays_years(const qlab_holidays *h, int *first, int *last);

/* A weekday that is neither a holiday nor a one-off closure.  h NULL: each weekday.  Outside its
 * years a calendar knows only the rules that return each year. */
bool qlab_holidays_is_session(const qlab_holidays *h, int32_t date);
/* The rules that return each year alone, without spells and one-off days. */
bool qlab_holidays_is_regular_session(const qlab_holidays *h, int32_t date);

#endif
