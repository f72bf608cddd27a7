/* Every day of the years 0001 to 9999, counted one by one. */
#include "base/date.h"
#include "support/t.h"

#include <stdio.h>
#include <string.h>

static int days_of_month(int y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return days[m - 1] + (m == 2 && leap);
}

T_TEST(every_day)
{
    int32_t date = -719162; /* 0001-01-01 */
    int weekday = 0;        /* a Monday */
    for (int y = 1; y <= 9999; y++)
        for (int m = 1; m <= 12; m++)
            for (int d = 1; d <= days_of_month(y, m); d++, date++, weekday = (weekday + 1) % 7) {
                int yy, mm, dd;
                int32_t back;
                char text[QLAB_DATE_BYTES], want[32];
                T_CHECK(qlab_date_make(y, m, d) == date);
                qlab_date_split(date, &yy, &mm, &dd);
                T_CHECK(yy == y && mm == m && dd == d);
                T_CHECK(qlab_date_weekday(date) == weekday);
                qlab_date_format(date, text);
                T_CHECK(qlab_date_parse(text, 10, &back) && back == date);
                if (d == 1) {
                    snprintf(want, sizeof want, "%04d-%02d-%02d", y, m, d);
                    T_STR(text, want);
                    const int32_t index = qlab_date_month_index(date);
                    T_CHECK(index == (y - 1970) * 12 + m - 1);
                    T_CHECK(qlab_date_of_month_index(index) == date);
                }
            }
    T_CHECK(date == 2932897); /* the day after 9999-12-31 */
}

T_TEST(known_days)
{
    int32_t d;
    T_CHECK(qlab_date_make(1970, 1, 1) == 0);
    T_CHECK(qlab_date_make(2000, 2, 29) == 11016);
    T_CHECK(qlab_date_make(2024, 12, 31) == 20088);
    T_CHECK(qlab_date_weekday(qlab_date_make(2026, 11, 23)) == 0);
    T_CHECK(qlab_date_year(qlab_date_make(1969, 12, 31)) == 1969);
    T_CHECK(qlab_date_month_index(-1) == -1);
    T_CHECK(qlab_date_parse("2013-02-08xx", 10, &d) && d == qlab_date_make(2013, 2, 8));
    T_CHECK(qlab_date_today() > qlab_date_make(2020, 1, 1));
}

T_TEST(bad_texts)
{
    static const char *const bad[] = {
        "",           "2013-02-8",  "2013-2-08",  "20130208",    "2013-02-30",
        "2013-13-01", "2013-00-01", "2013-01-00", "0000-01-01",  "2013/02/08",
        "2013-02-0x", "-013-02-08", "2100-02-29", "2013-02-08 ", "2013-02-08T00:00:00",
        "+013-02-08", "2013-04-31", "1900-02-29"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int32_t d = 77;
        T_CHECK(!qlab_date_parse(bad[i], strlen(bad[i]), &d));
        T_CHECK(d == 77);
    }
}

T_MAIN(T_CASE(every_day), T_CASE(known_days), T_CASE(bad_texts))
