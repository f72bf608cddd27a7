#include "base/date.h"

#include <assert.h>
#include <string.h>
#include <time.h>

/* Days and civil dates after H. Hinnant, "chrono-compatible low-level date algorithms" (years
 * start in March, eras of 400 years). */
enum { DAYS_TO_1970 = 719468, ERA_DAYS = 146097 };

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const signed char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static bool is_real(int year, int month, int day)
{
    return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days_in_month(year, month);
}

static int32_t days_of(int year, int month, int day)
{
    const int y = month <= 2 ? year - 1 : year; /* >= 0 */
    const int era = y / 400;
    const int year_of_era = y - era * 400;
    const int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + day_of_era - DAYS_TO_1970;
}

int32_t qlab_date_make(int year, int month, int day)
{
    assert(is_real(year, month, day));
    return days_of(year, month, day);
}

void qlab_date_split(int32_t date, int *year, int *month, int *day)
{
    assert(date != QLAB_DATE_NONE);
    const int z = date + DAYS_TO_1970;
    const int era = (z >= 0 ? z : z - (ERA_DAYS - 1)) / ERA_DAYS;
    const int day_of_era = z - era * ERA_DAYS;
    const int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int mp = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

int qlab_date_year(int32_t date)
{
    int y, m, d;
    qlab_date_split(date, &y, &m, &d);
    return y;
}

int32_t qlab_date_month_index(int32_t date)
{
    int y, m, d;
    qlab_date_split(date, &y, &m, &d);
    return (y - 1970) * 12 + m - 1;
}

int32_t qlab_date_of_month_index(int32_t month_index)
{
    int year = 1970 + month_index / 12, month = month_index % 12;
    if (month < 0) {
        month += 12;
        year--;
    }
    return qlab_date_make(year, month + 1, 1);
}

bool qlab_date_parse(const char *s, size_t n, int32_t *date)
{
    if (n != 10 || s[4] != '-' || s[7] != '-')
        return false;
    static const signed char places[] = {0, 1, 2, 3, 5, 6, 8, 9};
    int digit[8];
    for (int i = 0; i < 8; i++) {
        const unsigned v = (unsigned)(unsigned char)s[places[i]] - '0';
        if (v > 9)
            return false;
        digit[i] = (int)v;
    }
    const int year = ((digit[0] * 10 + digit[1]) * 10 + digit[2]) * 10 + digit[3];
    const int month = digit[4] * 10 + digit[5], day = digit[6] * 10 + digit[7];
    if (!is_real(year, month, day))
        return false;
    *date = days_of(year, month, day);
    return true;
}

char *qlab_date_format(int32_t date, char out[QLAB_DATE_BYTES])
{
    int y, m, d;
    qlab_date_split(date, &y, &m, &d);
    assert(y >= 1 && y <= 9999);
    memcpy(out, "0000-00-00", QLAB_DATE_BYTES);
    for (int i = 3; i >= 0; i--, y /= 10)
        out[i] = (char)('0' + y % 10);
    out[5] = (char)('0' + m / 10);
    out[6] = (char)('0' + m % 10);
    out[8] = (char)('0' + d / 10);
    out[9] = (char)('0' + d % 10);
    return out;
}

int qlab_date_weekday(int32_t date)
{
    const int32_t w = (date % 7 + 7 + 3) % 7; /* 1970-01-01 was a Thursday */
    return (int)w;
}

int32_t qlab_date_today(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return 0;
    int64_t days = (int64_t)now.tv_sec / 86400;
    if ((int64_t)now.tv_sec % 86400 < 0)
        days--;
    return (int32_t)days;
}
