/* Against calendars as the exchanges published them. */
#include "base/date.h"
#include "support/t.h"
#include "synth/holiday.h"

#include <stdbool.h>

static int sessions_of(qlab_synth_exchange e, int year)
{
    int n = 0;
    const int32_t end = qlab_date_make(year + 1, 1, 1);
    for (int32_t date = qlab_date_make(year, 1, 1); date < end; date++)
        n += qlab_synth_is_session(e, date);
    return n;
}

T_TEST(easter)
{
    static const int KNOWN[][3] = {{1961, 4, 2},  {1990, 4, 15}, {2000, 4, 23}, {2008, 3, 23},
                                   {2011, 4, 24}, {2016, 3, 27}, {2019, 4, 21}, {2024, 3, 31},
                                   {2025, 4, 20}, {2038, 4, 25}};
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++)
        assert_int_equal(qlab_synth_easter_sunday(KNOWN[i][0]),
                         qlab_date_make(KNOWN[i][0], KNOWN[i][1], KNOWN[i][2]));
}

T_TEST(us_years)
{
    /* Years without a one-off closure. */
    assert_int_equal(sessions_of(QLAB_SYNTH_US, 2016), 252);
    assert_int_equal(sessions_of(QLAB_SYNTH_US, 2017), 251);
    assert_int_equal(sessions_of(QLAB_SYNTH_US, 2019), 252);
    assert_int_equal(sessions_of(QLAB_SYNTH_US, 2020), 253);
    assert_int_equal(sessions_of(QLAB_SYNTH_US, 2021), 252);
    assert_int_equal(sessions_of(QLAB_SYNTH_US, 2022), 251);
    assert_int_equal(sessions_of(QLAB_SYNTH_US, 2023), 250);
    assert_int_equal(sessions_of(QLAB_SYNTH_US, 2024), 252);
}

static bool open_on(qlab_synth_exchange e, int year, int month, int day)
{
    return qlab_synth_is_session(e, qlab_date_make(year, month, day));
}

T_TEST(days)
{
    T_CHECK(open_on(QLAB_SYNTH_US, 2021, 12, 31)); /* a Saturday's new year is not kept before it */
    T_CHECK(!open_on(QLAB_SYNTH_US, 2023, 1, 2));
    T_CHECK(open_on(QLAB_SYNTH_US, 2021, 6, 18));
    T_CHECK(!open_on(QLAB_SYNTH_US, 2022, 6, 20));
    T_CHECK(!open_on(QLAB_SYNTH_US, 2020, 7, 3));
    T_CHECK(!open_on(QLAB_SYNTH_US, 2024, 11, 28));
    T_CHECK(!open_on(QLAB_SYNTH_LSE, 2021, 12, 27));
    T_CHECK(!open_on(QLAB_SYNTH_LSE, 2021, 12, 28));
    T_CHECK(open_on(QLAB_SYNTH_LSE, 2021, 12, 29));
    T_CHECK(!open_on(QLAB_SYNTH_LSE, 2022, 12, 27));
    T_CHECK(!open_on(QLAB_SYNTH_LSE, 2022, 1, 3));
    T_CHECK(!open_on(QLAB_SYNTH_LSE, 2020, 12, 28));
    T_CHECK(open_on(QLAB_SYNTH_LSE, 2024, 7, 4));
    T_CHECK(!open_on(QLAB_SYNTH_XETRA, 2024, 12, 24));
    T_CHECK(!open_on(QLAB_SYNTH_XETRA, 2024, 5, 1));
    T_CHECK(open_on(QLAB_SYNTH_XETRA, 2024, 12, 27));
    T_CHECK(open_on(QLAB_SYNTH_OTC_WORLD, 2024, 12, 25));
    T_CHECK(!open_on(QLAB_SYNTH_OTC_WORLD, 2024, 12, 28)); /* a Saturday */
}

T_MAIN(T_CASE(easter), T_CASE(us_years), T_CASE(days))
