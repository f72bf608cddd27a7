#include "support/t.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "truth/session.h"

#include <string.h>

T_TEST(half_of_the_median_decides)
{
    uint32_t n_bars[30];
    uint8_t session[30];
    for (size_t i = 0; i < 30; i++)
        n_bars[i] = 100;
    n_bars[3] = 50; /* exactly half of the median: a session */
    n_bars[7] = 49; /* below it, among the first 20 */
    n_bars[25] = 50;
    n_bars[26] = 49;
    qlab_session_mark(n_bars, 30, session);
    for (size_t i = 0; i < 30; i++)
        T_CHECK(session[i] == (i != 7 && i != 26));
}

T_TEST(phantoms_count_in_the_median_too)
{
    /* 11 thin dates among the previous 20 pull the median down to 1. */
    uint32_t n_bars[31];
    uint8_t session[31];
    for (size_t i = 0; i < 31; i++)
        n_bars[i] = i >= 19 && i < 30 ? 1 : 100;
    n_bars[30] = 1;
    qlab_session_mark(n_bars, 31, session);
    T_CHECK(session[18] && !session[19] && session[30]);
}

T_TEST(short_lists_use_what_there_is)
{
    uint32_t n_bars[3] = {10, 4, 10};
    uint8_t session[3];
    qlab_session_mark(n_bars, 3, session);
    T_CHECK(session[0] && !session[1] && session[2]);
    qlab_session_mark(n_bars, 1, session);
    T_CHECK(session[0]);
    qlab_session_mark(n_bars, 0, session);
}

T_TEST(sessions_between_two_dates)
{
    const int32_t s[] = {10, 11, 12, 15, 16};
    T_CHECK(qlab_session_count_between(s, 5, 11, 15) == 1);
    T_CHECK(qlab_session_count_between(s, 5, 10, 16) == 3);
    T_CHECK(qlab_session_count_between(s, 5, 10, 11) == 0);
    T_CHECK(qlab_session_count_between(s, 5, 15, 15) == 0);
    T_CHECK(qlab_session_count_between(s, 5, 1, 99) == 5);
    T_CHECK(qlab_session_lower_bound(s, 5, 13) == 3 && qlab_session_lower_bound(s, 5, 17) == 5);
}

static qlab_code load(const char *text, qlab_session_override **o, size_t *n, qlab_err *out)
{
    qlab_err err = QLAB_ERR_INIT;
    char *dir = t_tmpdir(), *path = qlab_path_join(dir, "o.csv");
    T_OK(qlab_file_write(path, text, strlen(text), &err));
    qlab_code code = qlab_session_overrides_load(path, o, n, out);
    qlab_free(path);
    t_rmdir(dir);
    return code;
}

T_TEST(overrides_win_and_add_dates)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_session_override *o = NULL;
    size_t n = 0;
    T_OK(load("exchange,date,is_session\nUS,2016-01-05,0\nUS,2016-01-02,1\r\nXX,2016-01-04,0\n", &o,
              &n, &err));
    T_CHECK(n == 3 && o[0].date == qlab_date_make(2016, 1, 2));
    qlab_exchange_days d = {.exchange = qlab_strdup("US"), .n = 2};
    d.date = qlab_alloc(2, sizeof *d.date);
    d.n_bars = qlab_alloc(2, sizeof *d.n_bars);
    d.is_session = qlab_alloc(2, 1);
    d.date[0] = qlab_date_make(2016, 1, 4);
    d.date[1] = qlab_date_make(2016, 1, 5);
    d.n_bars[0] = d.n_bars[1] = 9;
    d.is_session[0] = d.is_session[1] = 1;
    qlab_session_override_apply(&d, o, n);
    qlab_session_index(&d);
    T_CHECK(d.n == 3 && d.n_bars[0] == 0 && d.n_sessions == 2);
    T_CHECK(d.session[0] == qlab_date_make(2016, 1, 2) &&
            d.session[1] == qlab_date_make(2016, 1, 4));
    qlab_exchange_days_free(&d);
    qlab_free(o);
}

T_TEST(bad_overrides_are_named_by_line)
{
    static const char *const bad[][2] = {
        {"date,exchange\n", ":1: header was not exchange,date,is_session"},
        {"exchange,date,is_session\nUS,2016-02-30,1\n", ":2: \"US,2016-02-30,1\" was not"},
        {"exchange,date,is_session\n,2016-02-01,1\n", ":2: exchange was empty"},
        {"exchange,date,is_session\nUS,2016-02-01,2\n", "was not exchange,YYYY-MM-DD,0 or 1"},
        {"exchange,date,is_session\nUS\n", ":2: exchange was empty"},
        {"exchange,date,is_session\nUS,2016-02-01,1\nUS,2016-02-01,0\n",
         "US 2016-02-01 was given twice"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        qlab_err err = QLAB_ERR_INIT;
        qlab_session_override *o = NULL;
        size_t n = 0;
        T_CHECK(load(bad[i][0], &o, &n, &err) == QLAB_E_CONFIG);
        T_CONTAINS(err.text, bad[i][1]);
        T_CHECK(o == NULL && n == 0);
    }
}

T_MAIN(T_CASE(half_of_the_median_decides), T_CASE(phantoms_count_in_the_median_too),
       T_CASE(short_lists_use_what_there_is), T_CASE(sessions_between_two_dates),
       T_CASE(overrides_win_and_add_dates), T_CASE(bad_overrides_are_named_by_line))
