/* Labels by hand: every way in, every way out. */
#include "feature/label.h"
#include "support/t.h"
#include "truth/settle.h"

#include "base/date.h"
#include <math.h>
#include <string.h>

enum { DAYS = 60 };

/* A market of DAYS sessions numbered 100, 101, ...; one asset with a bar on each unless cut out. */
typedef struct market {
    int32_t session[DAYS];
    int32_t date[DAYS];
    double open[DAYS], close[DAYS];
    uint16_t life_no[DAYS];
    qlab_step steps[4];
    qlab_life lives[2];
    qlab_delisting delisting;
    qlab_series series;
    qlab_series_truth truth;
    qlab_label_source src;
    double value[3][DAYS];
    int32_t start[DAYS], end[3][DAYS];
    uint8_t state[3][DAYS];
    qlab_label_out out;
} market;

static void market_make(market *m)
{
    memset(m, 0, sizeof *m);
    for (int i = 0; i < DAYS; i++)
        m->session[i] = 100 + i;
    m->lives[0] = (qlab_life){.life_no = 1};
    m->src = (qlab_label_source){.series = &m->series,
                                 .truth = &m->truth,
                                 .master = m->session,
                                 .n_master = DAYS,
                                 .mic = "XNYS",
                                 .asof = 100 + DAYS - 1,
                                 .loaded_to = 100 + DAYS - 1};
    m->truth = (qlab_series_truth){.session = m->session,
                                   .n_sessions = DAYS,
                                   .steps = m->steps,
                                   .lives = m->lives,
                                   .n_lives = 1};
    m->series.date = m->date;
    m->series.open = m->open;
    m->series.close = m->close;
    m->series.life_no = m->life_no;
    for (int h = 0; h < 3; h++) {
        m->out.value[h] = m->value[h];
        m->out.end[h] = m->end[h];
        m->out.state[h] = m->state[h];
    }
    m->out.start = m->start;
}

/* Bars of sessions [from, to): close 1000 + session, open 0.5 less. */
static void add_bars(market *m, int from, int to)
{
    for (int i = from; i < to; i++) {
        size_t j = m->series.n++;
        m->date[j] = 100 + i;
        m->close[j] = 1000 + i;
        m->open[j] = 999.5 + i;
        m->life_no[j] = 1;
    }
    m->lives[0].first_date = m->date[0];
    m->lives[0].last_date = m->date[m->series.n - 1];
    m->lives[0].n_bars = (uint32_t)m->series.n;
}

static bool run(market *m)
{
    uint32_t rows[DAYS];
    for (uint32_t i = 0; i < m->series.n; i++)
        rows[i] = i;
    return qlab_label_rows(&m->src, rows, m->series.n, &m->out, 0);
}

T_TEST(entry_is_the_next_open_and_exit_h_sessions_later)
{
    market m;
    market_make(&m);
    add_bars(&m, 0, DAYS);
    T_CHECK(run(&m));
    T_NEAR(m.value[0][10], 1011.5 / 1010.5 - 1, 0);
    T_NEAR(m.value[1][10], 1015.5 / 1010.5 - 1, 0);
    T_NEAR(m.value[2][10], 1030.5 / 1010.5 - 1, 0);
    T_CHECK(m.start[10] == 111 && m.end[0][10] == 112 && m.end[2][10] == 131);
    m.src.entry = QLAB_LABEL_NEXT_CLOSE;
    T_CHECK(run(&m));
    T_NEAR(m.value[1][10], 1016.0 / 1011.0 - 1, 0);
}

T_TEST(near_the_as_of_labels_are_censored)
{
    market m;
    market_make(&m);
    add_bars(&m, 0, DAYS);
    T_CHECK(run(&m));
    T_CHECK(m.state[2][DAYS - 22] == QLAB_LABEL_OK);
    T_CHECK(m.state[2][DAYS - 21] == QLAB_LABEL_CENSORED && isnan(m.value[2][DAYS - 21]));
    T_CHECK(m.state[0][DAYS - 3] == QLAB_LABEL_OK && m.state[0][DAYS - 2] == QLAB_LABEL_CENSORED);
    T_CHECK(m.start[DAYS - 1] == QLAB_DATE_NONE && m.end[0][DAYS - 2] == QLAB_DATE_NONE);
}

T_TEST(a_dividend_counts_after_the_entry_through_the_exit)
{
    market m;
    market_make(&m);
    add_bars(&m, 0, DAYS);
    m.steps[0] = (qlab_step){.life_no = 1, .ex_date = 111, .accounting_step = 1.01};
    m.steps[1] = (qlab_step){.life_no = 1, .ex_date = 112, .accounting_step = 1.02};
    m.truth.n_steps = 2;
    T_CHECK(run(&m));
    T_NEAR(m.value[0][10], 1011.5 * 1.02 / 1010.5 - 1, 0); /* entry 111: not earned; exit 112: is */
    T_NEAR(m.value[0][9], 1010.5 * 1.01 / 1009.5 - 1, 0);
    T_NEAR(m.value[1][9], 1014.5 * (1.01 * 1.02) / 1009.5 - 1, 0);
    T_NEAR(m.value[0][11], 1012.5 / 1011.5 - 1, 0);
}

T_TEST(without_a_price_at_the_entry_there_is_no_entry)
{
    market m;
    market_make(&m);
    add_bars(&m, 0, 20);
    add_bars(&m, 21, DAYS); /* no bar on session 20 */
    m.open[29] = 0;         /* session 30 */
    m.open[39] = NAN;       /* session 40 */
    T_CHECK(run(&m));
    for (size_t i = 19; i <= 38; i += i == 19 ? 9 : 10) { /* sessions 19, 29, 39 */
        T_CHECK(m.state[0][i] == QLAB_LABEL_NO_ENTRY && m.state[2][i] == QLAB_LABEL_NO_ENTRY);
        T_CHECK(isnan(m.value[0][i]) && m.start[i] == m.date[i] + 1);
    }
}

T_TEST(without_a_price_at_the_exit_the_next_bar_is_taken)
{
    market m;
    market_make(&m);
    add_bars(&m, 0, 12);
    add_bars(&m, 30, DAYS); /* a halt of 18 sessions, reversed by a later bar */
    m.open[12] = NAN;       /* session 30 has no open */
    T_CHECK(run(&m));
    T_NEAR(m.value[0][10], 1030.5 / 1010.5 - 1, 0); /* entered at 11, exit at 31's open */
    T_CHECK(m.state[0][10] == QLAB_LABEL_OK && m.end[0][10] == 131);
}

T_TEST(a_delisting_settles_at_the_first_session_after_the_last_bar)
{
    market m;
    market_make(&m);
    add_bars(&m, 0, 15);
    m.delisting =
        (qlab_delisting){.delist_date = 115, .code = QLAB_DELIST_PERFORMANCE, .delist_return = NAN};
    m.src.delistings = &m.delisting;
    m.src.n_delistings = 1;
    T_CHECK(run(&m));
    T_CHECK(m.state[1][10] == QLAB_LABEL_DELISTED && m.end[1][10] == 115);
    T_NEAR(m.value[1][10], 1014.0 * 0.7 / 1010.5 - 1, 1e-15); /* XNYS: -0.30 */
    T_CHECK(m.state[0][12] == QLAB_LABEL_OK && m.state[0][13] == QLAB_LABEL_DELISTED);
    T_CHECK(m.state[0][14] == QLAB_LABEL_NO_ENTRY);
    m.delisting.delist_return = -1;
    T_CHECK(run(&m));
    T_NEAR(m.value[1][10], -1, 0);
    m.delisting.code = QLAB_DELIST_EXCHANGE_MOVE; /* no delisting: presumed gone */
    T_CHECK(run(&m));
    T_CHECK(m.state[1][10] == QLAB_LABEL_PRESUMED_GONE);
}

T_TEST(a_delisting_is_known_no_sooner_than_its_record)
{
    market m;
    market_make(&m);
    add_bars(&m, 0, 15); /* last bar on 114 */
    int32_t master[DAYS];
    size_t n = 0;
    for (int i = 0; i < DAYS; i++)
        if (i != 40)
            master[n++] = 100 + i; /* the master rests on 140 */
    m.src.master = master;
    m.src.n_master = n;
    m.delisting =
        (qlab_delisting){.delist_date = 140, .code = QLAB_DELIST_PERFORMANCE, .delist_return = NAN};
    m.src.delistings = &m.delisting;
    m.src.n_delistings = 1;
    T_CHECK(run(&m));
    T_CHECK(m.state[1][10] == QLAB_LABEL_DELISTED && m.end[1][10] == 141);
    T_NEAR(m.value[1][10], 1014.0 * 0.7 / 1010.5 - 1, 1e-15); /* the value stays */
    T_CHECK(m.state[0][5] == QLAB_LABEL_OK && m.end[0][5] == 107);
    m.delisting.delist_date = 139;
    T_CHECK(run(&m) && m.end[1][10] == 139);
    m.delisting.delist_date = 112; /* before the last bar: the session after it */
    T_CHECK(run(&m) && m.end[1][10] == 115);
    m.delisting.delist_date = 140; /* as-of 140, the record's session is 141: not known yet */
    m.src.n_master = 40;
    m.src.asof = m.src.loaded_to = 140;
    T_CHECK(run(&m));
    T_CHECK(m.state[1][10] == QLAB_LABEL_CENSORED && isnan(m.value[1][10]));
    T_CHECK(m.end[1][10] == QLAB_DATE_NONE);
}

T_TEST(a_record_of_a_later_life_settles_nothing_earlier)
{
    market m;
    market_make(&m);
    add_bars(&m, 0, 15);
    m.lives[1] = (qlab_life){.life_no = 2, .first_date = 140, .last_date = 145};
    m.truth.n_lives = 2;
    m.delisting =
        (qlab_delisting){.delist_date = 146, .code = QLAB_DELIST_BANKRUPTCY, .delist_return = NAN};
    m.src.delistings = &m.delisting;
    m.src.n_delistings = 1;
    T_CHECK(run(&m));
    T_CHECK(m.state[1][10] == QLAB_LABEL_PRESUMED_GONE);
}

T_TEST(presumed_gone_after_twenty_sessions_and_not_before)
{
    market m;
    market_make(&m);
    add_bars(&m, 0, 15); /* last bar on 114; the 20th session missed is 134 */
    T_CHECK(run(&m));
    T_CHECK(m.state[1][10] == QLAB_LABEL_PRESUMED_GONE && m.end[1][10] == 134);
    T_NEAR(m.value[1][10], 1014.0 / 1010.5 - 1, 0);
    m.src.n_master = 34; /* as-of 133: 19 missed */
    m.truth.n_sessions = 34;
    m.src.asof = m.src.loaded_to = 133;
    T_CHECK(run(&m));
    T_CHECK(m.state[1][10] == QLAB_LABEL_CENSORED && isnan(m.value[1][10]));
}

T_TEST(bars_beyond_what_is_loaded_are_asked_for)
{
    market m;
    market_make(&m);
    add_bars(&m, 0, 30);
    m.lives[0].last_date = 100 + DAYS - 1; /* the life goes on, the window does not */
    m.src.loaded_to = 129;
    T_CHECK(!run(&m));
    T_CHECK(m.state[0][20] == QLAB_LABEL_OK); /* what can be known is filled */
    uint32_t row = 5;
    T_CHECK(qlab_label_rows(&m.src, &row, 1, &m.out, 5));
}

T_MAIN(T_CASE(entry_is_the_next_open_and_exit_h_sessions_later),
       T_CASE(near_the_as_of_labels_are_censored),
       T_CASE(a_dividend_counts_after_the_entry_through_the_exit),
       T_CASE(without_a_price_at_the_entry_there_is_no_entry),
       T_CASE(without_a_price_at_the_exit_the_next_bar_is_taken),
       T_CASE(a_delisting_settles_at_the_first_session_after_the_last_bar),
       T_CASE(a_delisting_is_known_no_sooner_than_its_record),
       T_CASE(a_record_of_a_later_life_settles_nothing_earlier),
       T_CASE(presumed_gone_after_twenty_sessions_and_not_before),
       T_CASE(bars_beyond_what_is_loaded_are_asked_for))
