/* Against calendars as the exchanges published them; real bars: tests/real/test_base_holidays.py.
 */
#include "base/date.h"
#include "base/holiday.h"
#include "support/t.h"

#include <stdbool.h>

static const qlab_holidays *of(const char *mic)
{
    const qlab_holidays *h = qlab_holidays_of_mic(mic);
    T_CHECK(h != NULL);
    return h;
}

static int sessions_of(const char *mic, int year)
{
    int n = 0;
    const int32_t end = qlab_date_make(year + 1, 1, 1);
    for (int32_t date = qlab_date_make(year, 1, 1); date < end; date++)
        n += qlab_holidays_is_session(of(mic), date);
    return n;
}

T_TEST(easter)
{
    static const int KNOWN[][3] = {{1961, 4, 2},  {1990, 4, 15}, {2000, 4, 23}, {2008, 3, 23},
                                   {2011, 4, 24}, {2016, 3, 27}, {2019, 4, 21}, {2024, 3, 31},
                                   {2025, 4, 20}, {2038, 4, 25}};
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++)
        assert_int_equal(qlab_easter_sunday(KNOWN[i][0]),
                         qlab_date_make(KNOWN[i][0], KNOWN[i][1], KNOWN[i][2]));
}

/* Sessions of whole years, counted on an independent set of calendars. */
T_TEST(counts)
{
    static const struct {
        const char *mic;
        int year, n;
    } KNOWN[] = {
        {"XNYS", 1997, 253}, {"XNYS", 2001, 248}, {"XNYS", 2004, 252}, {"XNYS", 2007, 251},
        {"XNYS", 2012, 250}, {"XNYS", 2016, 252}, {"XNYS", 2017, 251}, {"XNYS", 2018, 251},
        {"XNYS", 2020, 253}, {"XNYS", 2021, 252}, {"XNYS", 2022, 251}, {"XNYS", 2023, 250},
        {"XNYS", 2024, 252}, {"XNYS", 2025, 250}, {"XLON", 2011, 251}, {"XLON", 2012, 252},
        {"XLON", 2020, 254}, {"XLON", 2022, 250}, {"XETR", 2017, 252}, {"XETR", 2021, 255},
        {"XETR", 2024, 254}, {"XPAR", 2024, 256}, {"XTSE", 2024, 252}, {"XTKS", 2019, 241},
        {"XTKS", 2024, 245}, {"XHKG", 2024, 246}, {"XASX", 2024, 254}, {"XSWX", 2024, 250},
    };
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        const int n = sessions_of(KNOWN[i].mic, KNOWN[i].year);
        if (n != KNOWN[i].n)
            print_error("%s %d: %d sessions\n", KNOWN[i].mic, KNOWN[i].year, n);
        assert_int_equal(n, KNOWN[i].n);
    }
}

static bool open_on(const char *mic, int year, int month, int day)
{
    return qlab_holidays_is_session(of(mic), qlab_date_make(year, month, day));
}

T_TEST(days)
{
    T_CHECK(open_on("XNYS", 2021, 12, 31)); /* a Saturday's new year is not kept before it */
    T_CHECK(!open_on("XNYS", 2023, 1, 2));
    T_CHECK(open_on("XNYS", 2021, 6, 18)); /* Juneteenth was not one yet */
    T_CHECK(!open_on("XNYS", 2022, 6, 20));
    T_CHECK(!open_on("XNYS", 2020, 7, 3));
    T_CHECK(!open_on("XNYS", 2024, 11, 28));
    T_CHECK(!open_on("XNYS", 2001, 9, 13));
    T_CHECK(open_on("XNYS", 2001, 9, 17));
    T_CHECK(!open_on("XNYS", 2012, 10, 29));
    T_CHECK(!open_on("XNYS", 2018, 12, 5));
    T_CHECK(!open_on("XNYS", 2025, 1, 9));
    T_CHECK(open_on("XNYS", 1997, 1, 20)); /* Martin Luther King's day came in 1998 */
    T_CHECK(!open_on("XNYS", 1998, 1, 19));
    T_CHECK(!open_on("XLON", 2021, 12, 27));
    T_CHECK(!open_on("XLON", 2021, 12, 28));
    T_CHECK(open_on("XLON", 2021, 12, 29));
    T_CHECK(!open_on("XLON", 2022, 12, 27));
    T_CHECK(!open_on("XLON", 2022, 1, 3));
    T_CHECK(!open_on("XLON", 2020, 12, 28));
    T_CHECK(open_on("XLON", 2020, 5, 4)); /* moved to the Friday */
    T_CHECK(!open_on("XLON", 2020, 5, 8));
    T_CHECK(!open_on("XLON", 2022, 9, 19));
    T_CHECK(open_on("XLON", 2024, 7, 4));
    T_CHECK(!open_on("XETR", 2024, 12, 24));
    T_CHECK(!open_on("XETR", 2021, 5, 24)); /* Whit Monday, for the last time */
    T_CHECK(open_on("XETR", 2022, 6, 6));
    T_CHECK(open_on("XPAR", 2024, 12, 24)); /* half a session is one */
    T_CHECK(!open_on("XTSE", 2024, 5, 20)); /* Victoria Day */
    T_CHECK(open_on("XTSE", 2007, 2, 19));
    T_CHECK(!open_on("XTSE", 2008, 2, 18)); /* Family Day */
    T_CHECK(!open_on("XTKS", 2015, 9, 22)); /* between two holidays */
    T_CHECK(!open_on("XTKS", 2009, 5, 6));
    T_CHECK(open_on("XTKS", 2021, 7, 19));
    T_CHECK(!open_on("XTKS", 2024, 9, 23)); /* the equinox was a Sunday */
    T_CHECK(!open_on("XHKG", 2024, 2, 12));
    T_CHECK(!open_on("XASX", 2010, 4, 26));
    T_CHECK(open_on("XASX", 2021, 4, 26)); /* Sunday's Anzac Day is lost */
    T_CHECK(!open_on("XSWX", 2024, 5, 9)); /* Ascension */
}

T_TEST(regular)
{
    const qlab_holidays *us = of("XNYS"), *london = of("XLON");
    T_CHECK(qlab_holidays_is_regular_session(us, qlab_date_make(2012, 10, 29)));
    T_CHECK(!qlab_holidays_is_regular_session(us, qlab_date_make(2012, 12, 25)));
    T_CHECK(!qlab_holidays_is_regular_session(london, qlab_date_make(2020, 5, 4)));
    T_CHECK(qlab_holidays_is_session(NULL, qlab_date_make(2024, 12, 25)));
    T_CHECK(!qlab_holidays_is_session(NULL, qlab_date_make(2024, 12, 28))); /* a Saturday */
}

T_TEST(names)
{
    int first, last;
    T_CHECK(qlab_holidays_of_mic("XNAS") == qlab_holidays_of_mic("XNYS"));
    T_CHECK(qlab_holidays_of_exchange("US") == qlab_holidays_of_mic("XASE"));
    T_CHECK(qlab_holidays_of_exchange("LSE") == qlab_holidays_of_mic("XLON"));
    T_CHECK(qlab_holidays_of_exchange("XETRA") == qlab_holidays_of_mic("XETR"));
    T_CHECK(qlab_holidays_of_mic("XKRX") == NULL);
    T_CHECK(qlab_holidays_of_exchange("") == NULL);
    T_STR(qlab_holidays_name(qlab_holidays_of_exchange("HK")), "XHKG");
    qlab_holidays_years(of("XHKG"), &first, &last);
    assert_int_equal(first, 2010);
    assert_int_equal(last, 2027);
}

T_MAIN(T_CASE(easter), T_CASE(counts), T_CASE(days), T_CASE(regular), T_CASE(names))
