/* What every synthetic market promises, over the bars themselves. */
#include "support/t.h"
#include "base/alloc.h"
#include "base/date.h"
#include "synth/market.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static qlab_synth_market *market(uint32_t n_assets, uint32_t n_sessions, int32_t first, double ic)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_synth_market *m = NULL;
    const qlab_synth_params p = {.n_assets = n_assets,
                                 .n_sessions = n_sessions,
                                 .seed = 7,
                                 .first_date = first,
                                 .plant_ic = ic,
                                 .plant_horizon = 5};
    T_OK(qlab_synth_market_make(&p, &m, &err));
    return m;
}

T_TEST(calendar_has_its_sessions)
{
    qlab_synth_market *m = market(10, 500, QLAB_DATE_NONE, 0.0);
    size_t n = 0;
    for (size_t d = 0; d < m->n_days; d++) {
        n += m->session[d] & 1u << QLAB_SYNTH_US ? 1 : 0;
        T_CHECK((m->session[d] & m->phantom[d]) == 0);
        T_CHECK(d == 0 || m->date[d] > m->date[d - 1]);
    }
    assert_int_equal(n, 500);
    assert_int_equal(m->date[m->n_days - 1], qlab_date_make(2024, 12, 31));
    qlab_synth_market_free(m);
}

static void check_bar(const qlab_synth_market *m, const qlab_synth_asset *a,
                      const qlab_synth_bar *bar)
{
    const unsigned bit = 1u << a->calendar;
    size_t day = 0;
    while (m->date[day] != bar->date)
        day++;
    T_CHECK(bar->is_phantom ? m->phantom[day] & bit : m->session[day] & bit);
    if (bar->is_void) {
        T_CHECK(bar->close == 0);
        return;
    }
    T_CHECK(bar->close > 0 && bar->low > 0);
    T_CHECK(bar->low <= bar->close && bar->close <= bar->high);
    T_CHECK(bar->low <= bar->high);
    T_CHECK(bar->volume >= 0);
    /* Two decimals from 1.00 up. */
    if (a->min_decimals == 2 && bar->close >= 10000)
        T_CHECK(bar->close % 100 == 0);
}

T_TEST(bars_are_in_order)
{
    qlab_synth_market *m = market(200, 1500, QLAB_DATE_NONE, 0.05);
    qlab_synth_series s = QLAB_SYNTH_SERIES_INIT;
    size_t n_events = 0, n_second = 0, n_odd_open = 0;
    for (uint32_t i = 0; i < 200; i++) {
        qlab_synth_asset a;
        qlab_synth_asset_make(m, i, &a);
        qlab_synth_series_make(m, &a, &s);
        n_events += s.n_events;
        for (size_t b = 0; b < s.n_bars; b++) {
            check_bar(m, &a, &s.bars[b]);
            T_CHECK(b == 0 || s.bars[b].date > s.bars[b - 1].date);
            n_odd_open += s.bars[b].open > s.bars[b].high;
            if (b == 0 || s.bars[b].life == s.bars[b - 1].life)
                continue;
            /* A reused ticker: more than 252 sessions and more than twice the price apart. */
            const double ratio = (double)s.bars[b].close / (double)s.bars[b - 1].close;
            size_t sessions = 0;
            for (size_t d = 0; d < m->n_days; d++)
                sessions += m->date[d] > s.bars[b - 1].date && m->date[d] < s.bars[b].date &&
                            m->session[d] & 1u << a.calendar;
            T_CHECK(sessions > 252);
            T_CHECK(ratio > 2.0 || ratio < 0.5);
            n_second++;
        }
        for (size_t e = 0; e < s.n_events; e++) {
            T_CHECK((s.events[e].split != 0.0) != (s.events[e].dividend != 0));
            T_CHECK(s.events[e].bar > 0);
            T_CHECK(!s.bars[s.events[e].bar].is_phantom && !s.bars[s.events[e].bar].is_void);
        }
    }
    T_CHECK(n_events > 200);
    T_CHECK(n_second >= 1);
    T_CHECK(n_odd_open < 50);
    qlab_synth_series_free(&s);
    qlab_synth_market_free(m);
}

/* The adjusted close from the events alone, forward instead of backward. */
T_TEST(adjusted_closes_follow_the_events)
{
    qlab_synth_market *m = market(120, 1500, QLAB_DATE_NONE, 0.0);
    qlab_synth_series s = QLAB_SYNTH_SERIES_INIT;
    for (uint32_t i = 0; i < 120; i++) {
        qlab_synth_asset a;
        qlab_synth_asset_make(m, i, &a);
        qlab_synth_series_make(m, &a, &s);
        for (size_t b = 0; b < s.n_bars; b += 7) {
            double factor = 1.0;
            for (size_t e = 0; e < s.n_events; e++) {
                const qlab_synth_event *ev = &s.events[e];
                if (ev->bar <= b)
                    continue;
                size_t before = ev->bar - 1;
                while (s.bars[before].is_void)
                    before--;
                factor *= ev->split != 0.0
                              ? 1.0 / ev->split
                              : 1.0 - (double)ev->dividend / (double)s.bars[before].close;
            }
            const double unit = a.adjusted_decimals == 6 ? 1e-6 : 1e-4;
            const double want = (double)s.bars[b].close * 1e-4 * factor;
            T_NEAR((double)s.bars[b].adjusted * unit, want, 0.5 * unit + 1e-9 * want);
        }
    }
    qlab_synth_series_free(&s);
    qlab_synth_market_free(m);
}

/* Raw bars of a longer market begin with those of a shorter one where nothing depends on the span
 * of listings: assets that are there from the first day. */
T_TEST(longer_begins_with_shorter)
{
    const int32_t first = qlab_date_make(2015, 1, 2);
    qlab_synth_market *a = market(60, 400, first, 0.03), *b = market(60, 700, first, 0.03);
    qlab_synth_series s = QLAB_SYNTH_SERIES_INIT, t = QLAB_SYNTH_SERIES_INIT;
    size_t n = 0;
    for (uint32_t i = 0; i < 60; i++) {
        qlab_synth_asset x, y;
        qlab_synth_asset_make(a, i, &x);
        qlab_synth_asset_make(b, i, &y);
        if (x.list_day != 0 || y.list_day != 0)
            continue;
        qlab_synth_series_make(a, &x, &s);
        qlab_synth_series_make(b, &y, &t);
        T_CHECK(s.n_bars <= t.n_bars);
        for (size_t k = 0; k < s.n_bars; k++) {
            T_CHECK(s.bars[k].date == t.bars[k].date && s.bars[k].open == t.bars[k].open &&
                    s.bars[k].high == t.bars[k].high && s.bars[k].low == t.bars[k].low &&
                    s.bars[k].close == t.bars[k].close && s.bars[k].volume == t.bars[k].volume);
            n++;
        }
    }
    T_CHECK(n > 5000);
    qlab_synth_series_free(&s);
    qlab_synth_series_free(&t);
    qlab_synth_market_free(a);
    qlab_synth_market_free(b);
}

/* Tails are fatter than normal, and the shocks have their scale. */
T_TEST(returns_have_fat_tails)
{
    qlab_synth_market *m = market(60, 1500, QLAB_DATE_NONE, 0.0);
    qlab_synth_series s = QLAB_SYNTH_SERIES_INIT;
    double m2 = 0.0, m4 = 0.0, n = 0.0;
    for (uint32_t i = 0; i < 50; i++) {
        qlab_synth_asset a;
        qlab_synth_asset_make(m, i, &a);
        if (strcmp(a.type_norm, "STOCK") != 0 || a.is_thin)
            continue;
        qlab_synth_series_make(m, &a, &s);
        for (size_t b = 1; b < s.n_bars; b++) {
            if (s.bars[b].is_void || s.bars[b - 1].is_void || s.bars[b].life != s.bars[b - 1].life)
                continue;
            const double r = (double)s.bars[b].adjusted / (double)s.bars[b - 1].adjusted - 1.0;
            m2 += r * r;
            m4 += r * r * r * r;
            n += 1.0;
        }
    }
    const double sd = sqrt(m2 / n), kurtosis = m4 / n / (m2 / n * (m2 / n));
    T_CHECK(sd > 0.012 && sd < 0.03);
    T_CHECK(kurtosis > 5.0);
    qlab_synth_series_free(&s);
    qlab_synth_market_free(m);
}

T_TEST(parameters_out_of_range)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_synth_market *m = NULL;
    qlab_synth_params p = {.n_assets = 0, .n_sessions = 10, .first_date = QLAB_DATE_NONE};
    T_FAILS(QLAB_E_USAGE, qlab_synth_market_make(&p, &m, &err));
    p.n_assets = 10;
    p.n_sessions = 20001;
    T_FAILS(QLAB_E_USAGE, qlab_synth_market_make(&p, &m, &err));
    p.n_sessions = 10;
    p.plant_ic = 0.9;
    p.plant_horizon = 5;
    T_FAILS(QLAB_E_USAGE, qlab_synth_market_make(&p, &m, &err));
    p.plant_ic = 0.05;
    p.plant_horizon = 7;
    T_CHECK(qlab_synth_market_make(&p, &m, &err) == QLAB_E_USAGE);
    T_CONTAINS(err.text, "horizon 7: give 1, 5 or 20");
}

T_MAIN(T_CASE(calendar_has_its_sessions), T_CASE(bars_are_in_order),
       T_CASE(adjusted_closes_follow_the_events), T_CASE(longer_begins_with_shorter),
       T_CASE(returns_have_fat_tails), T_CASE(parameters_out_of_range))
