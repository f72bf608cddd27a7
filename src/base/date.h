/* base/date.h -- dates are int32_t days since 1970-01-01 (proleptic Gregorian).
 *
 * Years 0001 to 9999.  Nothing here reads a clock except qlab_date_today, which only main calls
 * for the default of --now.
 */
#ifndef QLAB_BASE_DATE_H
#define QLAB_BASE_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QLAB_DATE_BYTES = 11 }; /* "YYYY-MM-DD" and its NUL */
#define QLAB_DATE_NONE INT32_MIN

int32_t qlab_date_make(int year, int month, int day); /* must be a real date; asserted */
void qlab_date_split(int32_t date, int *year, int *month, int *day);
int qlab_date_year(int32_t date);
/* Months since 1970-01 (January 1970 is 0), and the first day of such a month. */
int32_t qlab_date_month_index(int32_t date);
int32_t qlab_date_of_month_index(int32_t month_index);
/* Strict "YYYY-MM-DD" of exactly n bytes and a real day; false otherwise. */
bool qlab_date_parse(const char *s, size_t n, int32_t *date);
char *qlab_date_format(int32_t date, char out[QLAB_DATE_BYTES]); /* returns out */
int qlab_date_weekday(int32_t date);                             /* 0 Monday .. 6 Sunday */
int32_t qlab_date_today(void);                                   /* UTC */

#endif
