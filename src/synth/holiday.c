#include "synth/holiday.h"

#include "base/date.h"

int32_t qlab_synth_easter_sunday(int year)
{
    const int a = year % 19, b = year / 100, c = year % 100, d = b / 4, e = b % 4;
    const int f = (b + 8) / 25, g = (b - f + 1) / 3, h = (19 * a + b - d - g + 15) % 30;
    const int i = c / 4, k = c % 4, l = (32 + 2 * e + 2 * i - h - k) % 7;
    const int m = (a + 11 * h + 22 * l) / 451, n = h + l - 7 * m + 114;
    return qlab_date_make(year, n / 31, n % 31 + 1);
}

bool qlab_synth_is_weekday(int32_t date)
{
    return qlab_date_weekday(date) < 5;
}

/* The n-th (1..4) weekday of a month, or the last one (n = 0). */
static int32_t nth_weekday(int year, int month, int weekday, int n)
{
    const int32_t first = qlab_date_make(year, month, 1);
    const int32_t at = first + (weekday - qlab_date_weekday(first) + 7) % 7;
    if (n > 0)
        return at + 7 * (n - 1);
    const int32_t next =
        month == 12 ? qlab_date_make(year + 1, 1, 1) : qlab_date_make(year, month + 1, 1);
    return at + (next - 1 - at) / 7 * 7;
}

/* A fixed date that is kept on Friday when it falls on a Saturday, on Monday after a Sunday. */
static int32_t observed_us(int year, int month, int day)
{
    const int32_t date = qlab_date_make(year, month, day);
    const int weekday = qlab_date_weekday(date);
    return weekday == 5 ? date - 1 : weekday == 6 ? date + 1 : date;
}

static bool is_holiday_us(int32_t date, int year)
{
    const int32_t new_year = qlab_date_make(year, 1, 1);
    /* A Saturday's new year is not kept on the Friday of the old year. */
    if (date == (qlab_date_weekday(new_year) == 6 ? new_year + 1 : new_year))
        return true;
    return date == nth_weekday(year, 1, 0, 3) || date == nth_weekday(year, 2, 0, 3) ||
           date == qlab_synth_easter_sunday(year) - 2 || date == nth_weekday(year, 5, 0, 0) ||
           (year >= 2022 && date == observed_us(year, 6, 19)) || date == observed_us(year, 7, 4) ||
           date == nth_weekday(year, 9, 0, 1) || date == nth_weekday(year, 11, 3, 4) ||
           date == observed_us(year, 12, 25);
}

static bool is_holiday_lse(int32_t date, int year)
{
    const int32_t new_year = qlab_date_make(year, 1, 1), christmas = qlab_date_make(year, 12, 25);
    const int new_year_on = qlab_date_weekday(new_year),
              christmas_on = qlab_date_weekday(christmas);
    const int32_t easter = qlab_synth_easter_sunday(year);
    if (date == (new_year_on >= 5 ? new_year + (7 - new_year_on) : new_year))
        return true;
    if (date == easter - 2 || date == easter + 1 || date == nth_weekday(year, 5, 0, 1) ||
        date == nth_weekday(year, 5, 0, 0) || date == nth_weekday(year, 8, 0, 0))
        return true;
    /* Christmas Day and Boxing Day, each moved to the next free weekday. */
    if (christmas_on == 4)
        return date == christmas || date == christmas + 3;
    if (christmas_on == 5)
        return date == christmas + 2 || date == christmas + 3;
    if (christmas_on == 6)
        return date == christmas + 1 || date == christmas + 2;
    return date == christmas || date == christmas + 1;
}

static bool is_holiday_xetra(int32_t date, int year, int month, int day)
{
    const int32_t easter = qlab_synth_easter_sunday(year);
    return (month == 1 && day == 1) || date == easter - 2 || date == easter + 1 ||
           (month == 5 && day == 1) || (month == 12 && (day == 24 || day == 25 || day == 26)) ||
           (month == 12 && day == 31);
}

bool qlab_synth_is_session(qlab_synth_exchange exchange, int32_t date)
{
    int year, month, day;
    if (!qlab_synth_is_weekday(date))
        return false;
    qlab_date_split(date, &year, &month, &day);
    switch (exchange) {
    case QLAB_SYNTH_US:
        return !is_holiday_us(date, year);
    case QLAB_SYNTH_LSE:
        return !is_holiday_lse(date, year);
    case QLAB_SYNTH_XETRA:
        return !is_holiday_xetra(date, year, month, day);
    case QLAB_SYNTH_OTC_WORLD:
    case QLAB_SYNTH_EXCHANGES:
        break;
    }
    return true;
}
