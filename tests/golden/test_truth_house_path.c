/* The house path and hand-made cases of METHODS 1: steps, indices, settlement, typing by feed. */
#include "support/t.h"

#include "base/alloc.h"
#include "base/date.h"
#include "truth/series.h"
#include "truth/settle.h"

#include <math.h>
#include <string.h>

enum { N = 5 };

static void make_bars(qlab_bars *b, const double *close, size_t n)
{
    qlab_bars_make(b, 1, n, 0);
    b->asset_ix[0] = 3;
    b->first[0] = 0;
    b->first[1] = n;
    for (size_t i = 0; i < n; i++) {
        b->date[i] = 100 + (int32_t)i;
        b->open[i] = b->high[i] = b->low[i] = b->close[i] = close[i];
        b->volume[i] = 1000.0;
    }
}

static void walk(const double *close, size_t n, const qlab_action *a, size_t n_actions,
                 qlab_series *s, qlab_series_found *f)
{
    int32_t session[16];
    qlab_bars b;
    make_bars(&b, close, n);
    for (size_t i = 0; i < n; i++)
        session[i] = 100 + (int32_t)i;
    const qlab_series_truth truth = {
        .session = session, .n_sessions = n, .actions = a, .n_actions = n_actions};
    qlab_series_discover(&b, 0, &truth, s, f);
    qlab_bars_free(&b);
}

static qlab_action split(int32_t day, double r, uint8_t source)
{
    return (qlab_action){.ex_date = 100 + day,
                         .type = QLAB_ACTION_SPLIT,
                         .source = source,
                         .r = r,
                         .d = NAN,
                         .c = r,
                         .c_low = r,
                         .c_high = r,
                         .currency = "",
                         .source_id = ""};
}

static qlab_action dividend(int32_t day, double d, double c, uint8_t source)
{
    return (qlab_action){.ex_date = 100 + day,
                         .type = QLAB_ACTION_DIVIDEND_CASH,
                         .source = source,
                         .r = NAN,
                         .d = d,
                         .c = c,
                         .c_low = c,
                         .c_high = c,
                         .currency = "",
                         .source_id = ""};
}

/* 100, 101, 50.8, 51, 50.5: 2-for-1 on day 2, 0.25 on day 3, base 100. */
T_TEST(house_path)
{
    static const double close[N] = {100, 101, 50.8, 51, 50.5};
    const qlab_action a[] = {split(2, 2.0, QLAB_SOURCE_FEED),
                             dividend(3, 0.25, NAN, QLAB_SOURCE_FEED)};
    qlab_series s = {0};
    qlab_series_found f = {0};
    walk(close, N, a, 2, &s, &f);
    T_CHECK(s.n == N && f.n_steps == 2 && f.n_lives == 1 && f.n_years == 1);
    double index = 100.0 * (s.close[4] * s.acct[4]) / (s.close[0] * s.acct[0]);
    T_NEAR(index, 101.49509803921568, 1e-13);
    T_NEAR(s.close[4] * s.signal[4], 101.0, 0.0);
    T_NEAR(s.acct[0], 1.0, 0.0);
    T_NEAR(f.steps[0].split_step, 2.0, 0.0);
    T_NEAR(f.steps[1].accounting_step, 1.0 + 0.25 / 51.0, 0.0);
    /* R_t = (r*C_t + d)/C_{t-1} */
    T_NEAR(s.close[3] * s.acct[3] / (s.close[2] * s.acct[2]), 51.25 / 50.8, 1e-15);
    qlab_series_free(&s);
    qlab_series_found_free(&f);
}

/* Steps belong to one asset: its own actions and bars give them, whatever else is walked. */
T_TEST(steps_of_an_asset_stand_alone)
{
    static const double close[N] = {100, 101, 50.8, 51, 50.5};
    static const int32_t date[N] = {100, 101, 102, 103, 104};
    static const uint16_t life[N] = {1, 1, 1, 1, 1};
    const qlab_action a[] = {split(2, 2.0, QLAB_SOURCE_FEED),
                             dividend(3, 0.25, NAN, QLAB_SOURCE_FEED)};
    qlab_series s = {0};
    qlab_series_found f = {0};
    qlab_step *steps = NULL;
    size_t n = 0, cap = 0;
    walk(close, N, a, 2, &s, &f);
    qlab_steps_make(a, 2, 3, date, close, life, N, &steps, &n, &cap);
    T_CHECK(n == f.n_steps && memcmp(steps, f.steps, n * sizeof *steps) == 0);
    qlab_steps_make(a, 2, 3, date, close, life, 3, &steps, &n, &cap); /* fewer bars: a prefix */
    T_CHECK(n == 3 && memcmp(&steps[2], &f.steps[0], sizeof *steps) == 0);
    qlab_free(steps);
    qlab_series_free(&s);
    qlab_series_found_free(&f);
}

T_TEST(split_and_dividend_of_one_date)
{
    static const double close[N] = {100, 101, 50.8, 51, 50.5};
    const qlab_action a[] = {split(2, 2.0, QLAB_SOURCE_FEED),
                             dividend(2, 1.5, NAN, QLAB_SOURCE_FEED)};
    qlab_series s = {0};
    qlab_series_found f = {0};
    walk(close, N, a, 2, &s, &f);
    T_CHECK(f.n_steps == 1);
    T_NEAR(s.close[2] * s.acct[2] / (s.close[1] * s.acct[1]), (2 * 50.8 + 1.5) / 101, 1e-15);
    qlab_series_free(&s);
    qlab_series_found_free(&f);
}

T_TEST(derived_returns_are_c_times_the_ratio)
{
    static const double close[N] = {100, 101, 50.8, 51, 50.5};
    qlab_action a[] = {split(2, 2.0, QLAB_SOURCE_DERIVED),
                       dividend(3, 0.25, 1.0049, QLAB_SOURCE_DERIVED)};
    a[0].c = 2.0003;
    qlab_series s = {0};
    qlab_series_found f = {0};
    walk(close, N, a, 2, &s, &f);
    T_NEAR(f.steps[0].split_step, 2.0, 0.0);
    T_NEAR(f.steps[0].accounting_step, 2.0003, 0.0);
    T_NEAR(f.steps[1].accounting_step, 1.0049, 0.0);
    T_NEAR(f.steps[1].split_step, 1.0, 0.0);
    qlab_series_free(&s);
    qlab_series_found_free(&f);
}

T_TEST(an_untyped_factor_enters_both_indices)
{
    static const double close[N] = {100, 101, 50.8, 51, 50.5};
    qlab_action a = split(2, NAN, QLAB_SOURCE_DERIVED);
    a.type = QLAB_ACTION_UNTYPED_FACTOR;
    a.c = 1.97;
    qlab_series s = {0};
    qlab_series_found f = {0};
    walk(close, N, &a, 1, &s, &f);
    T_CHECK(f.steps[0].untyped && (s.flags[2] & QLAB_FLAG_UNTYPED_FACTOR));
    T_NEAR(s.split[4], 1.0, 0.0);
    T_NEAR(s.signal[4], 1.97, 0.0);
    T_NEAR(s.acct[4], 1.97, 0.0);
    qlab_series_free(&s);
    qlab_series_found_free(&f);
}

T_TEST(actions_before_and_on_the_first_bar_do_not_act)
{
    static const double close[N] = {100, 101, 50.8, 51, 50.5};
    const qlab_action a[] = {split(-5, 3.0, QLAB_SOURCE_FEED), split(0, 4.0, QLAB_SOURCE_FEED),
                             split(9, 5.0, QLAB_SOURCE_FEED)};
    qlab_series s = {0};
    qlab_series_found f = {0};
    walk(close, N, a, 3, &s, &f);
    T_CHECK(f.n_steps == 0 && s.split[4] == 1.0);
    qlab_series_free(&s);
    qlab_series_found_free(&f);
}

/* ---- resolving ------------------------------------------------------------------------------- */

static bool closes(void *ctx, uint32_t ix, int32_t ex_date, double *before, double *at)
{
    (void)ctx, (void)ix, (void)ex_date;
    *before = 50.0;
    *at = 49.5;
    return true;
}

T_TEST(a_feed_wins_and_disagreement_is_kept)
{
    qlab_action a[] = {
        dividend(3, 0.5, NAN, QLAB_SOURCE_FEED), dividend(3, 0.5, 1.0101, QLAB_SOURCE_DERIVED),
        dividend(9, 0.5, NAN, QLAB_SOURCE_FEED), dividend(9, 0.9, 1.02, QLAB_SOURCE_DERIVED),
        dividend(30, 0.9, 1.02, QLAB_SOURCE_DERIVED)};
    a[1].c_low = 1.010;
    a[1].c_high = 1.0102;
    a[3].c_low = 1.019;
    a[3].c_high = 1.021;
    qlab_action_finding *f = NULL;
    size_t n = 0;
    size_t kept = qlab_actions_resolve(a, 5, QLAB_BASIS_RAW, closes, NULL, &f, &n);
    T_CHECK(kept == 3 && a[0].source == QLAB_SOURCE_FEED && a[1].source == QLAB_SOURCE_FEED &&
            a[2].source == QLAB_SOURCE_DERIVED);
    T_CHECK(n == 1);
    T_STR(f[0].code, "FACTOR_DISAGREES");
    T_NEAR(f[0].kept, 1.0 / (1.0 - 0.5 / 50.0), 1e-15);
    T_NEAR(f[0].other, 1.02, 0.0);
    qlab_free(f);
}

T_TEST(the_same_event_a_day_apart_is_one)
{
    qlab_action a[] = {split(3, 2.0, QLAB_SOURCE_FEED), split(4, 2.0, QLAB_SOURCE_DERIVED),
                       split(20, 2.0, QLAB_SOURCE_FEED), split(24, 3.0, QLAB_SOURCE_DERIVED)};
    qlab_action_finding *f = NULL;
    size_t n = 0;
    size_t kept = qlab_actions_resolve(a, 4, QLAB_BASIS_RAW, closes, NULL, &f, &n);
    T_CHECK(kept == 3 && a[1].ex_date == 120 && a[2].ex_date == 124);
    T_CHECK(n == 1);
    T_STR(f[0].code, "EX_DATE_DISAGREES");
    T_CHECK(f[0].ex_date == 103 && f[0].other_date == 104);
    qlab_free(f);
}

static qlab_action said_by(qlab_action a, const char *source_id)
{
    a.source_id = source_id;
    return a;
}

T_TEST(two_feeds_of_one_event_apply_it_once)
{
    const qlab_action two = split(9, 2.0, QLAB_SOURCE_FEED);
    const qlab_action half = dividend(3, 0.5, NAN, QLAB_SOURCE_FEED);
    const qlab_action more = dividend(3, 0.6, NAN, QLAB_SOURCE_FEED);
    qlab_action a[] = {said_by(half, "alpha:1"), said_by(half, "alpha:2"),  said_by(half, "beta:1"),
                       said_by(more, "beta:9"),  said_by(two, "alpha-x:7"), said_by(two, "alpha:7"),
                       said_by(two, "beta")};
    qlab_action_finding *f = NULL;
    size_t n = 0;
    size_t kept = qlab_actions_resolve(a, 7, QLAB_BASIS_RAW, closes, NULL, &f, &n);
    T_CHECK(kept == 3); /* a feed's own two dividends of one day add up */
    T_STR(a[0].source_id, "alpha:1");
    T_STR(a[1].source_id, "alpha:2");
    T_STR(a[2].source_id, "alpha:7");
    T_CHECK(n == 1);
    T_STR(f[0].code, "FEEDS_DISAGREE");
    T_CHECK(f[0].ex_date == 103 && f[0].kept == 0.5 && f[0].other == 0.6);
    qlab_free(f);
    qlab_action c[] = {said_by(split(9, 2.0, QLAB_SOURCE_FACTOR_FEED), "beta"),
                       said_by(dividend(9, NAN, 1.99, QLAB_SOURCE_FACTOR_FEED), "alpha")};
    kept = qlab_actions_resolve(c, 2, QLAB_BASIS_RAW, closes, NULL, &f, &n);
    T_CHECK(kept == 1 && n == 1 && c[0].c == 1.99);
    qlab_free(f);
}

T_TEST(splits_inside_the_basis_are_not_applied_again)
{
    static const double close[N] = {50, 50.5, 50.8, 51, 50.5};
    qlab_action a[] = {dividend(1, 1.0, NAN, QLAB_SOURCE_FEED), split(2, 2.0, QLAB_SOURCE_FEED),
                       dividend(3, 0.5, NAN, QLAB_SOURCE_FEED)};
    size_t kept = qlab_actions_resolve(a, 3, QLAB_BASIS_SPLIT_ADJUSTED, NULL, NULL, NULL, NULL);
    T_CHECK(kept == 3 && a[1].in_basis);
    T_NEAR(a[0].d, 0.5, 0.0); /* per share of the prices as they are stored */
    T_NEAR(a[2].d, 0.5, 0.0);
    qlab_series s = {0};
    qlab_series_found f = {0};
    walk(close, N, a, kept, &s, &f);
    T_NEAR(s.split[4], 1.0, 0.0);
    T_CHECK(f.n_steps == 2);
    qlab_series_free(&s);
    qlab_series_found_free(&f);
}

/* ---- settlement ------------------------------------------------------------------------------ */

static qlab_settlement settle(uint8_t code, double ret, const char *mic)
{
    const qlab_delisting d = {.code = code, .delist_return = ret, .source = "", .source_code = ""};
    return qlab_settle_delisting(&d, mic);
}

T_TEST(delisting_returns)
{
    T_NEAR(settle(QLAB_DELIST_PERFORMANCE, NAN, "XNYS").u, -0.30, 0.0);
    T_NEAR(settle(QLAB_DELIST_PERFORMANCE, NAN, "XASE").u, -0.30, 0.0);
    T_NEAR(settle(QLAB_DELIST_BANKRUPTCY, NAN, "XNAS").u, -0.55, 0.0);
    T_CHECK(!settle(QLAB_DELIST_BANKRUPTCY, NAN, "OTCM").assumed);
    T_NEAR(settle(QLAB_DELIST_PERFORMANCE, NAN, "").u, -0.55, 0.0);
    T_CHECK(settle(QLAB_DELIST_PERFORMANCE, NAN, "").assumed);
    T_NEAR(settle(QLAB_DELIST_PERFORMANCE, 0.07, "XNYS").u, 0.07, 0.0);
    T_NEAR(settle(QLAB_DELIST_MERGER, NAN, "XNYS").u, 0.0, 0.0);
    T_NEAR(settle(QLAB_DELIST_ACQUIRED_CASH, NAN, "").u, 0.0, 0.0);
    T_CHECK(!settle(QLAB_DELIST_MERGER, NAN, "").assumed);
    T_CHECK(settle(QLAB_DELIST_LIQUIDATION, NAN, "XNYS").assumed);
    T_NEAR(settle(QLAB_DELIST_LIQUIDATION, -0.2, "XNYS").u, -0.2, 0.0);
    T_CHECK(!settle(QLAB_DELIST_EXCHANGE_MOVE, -0.2, "XNYS").settles);
    T_CHECK(!settle(QLAB_DELIST_SYMBOL_CHANGE, NAN, "XNYS").settles);
    static const struct {
        uint8_t code;
        double ret;
        const char *mic;
        uint8_t confidence;
    } sure[] = {{QLAB_DELIST_PERFORMANCE, NAN, "XNYS", QLAB_CONFIDENCE_HIGH},
                {QLAB_DELIST_PERFORMANCE, NAN, "", QLAB_CONFIDENCE_MEDIUM},
                {QLAB_DELIST_UNKNOWN, NAN, "XNYS", QLAB_CONFIDENCE_LOW},
                {QLAB_DELIST_UNKNOWN, -0.9, "", QLAB_CONFIDENCE_HIGH},
                {QLAB_DELIST_LIQUIDATION, NAN, "", QLAB_CONFIDENCE_MEDIUM}};
    for (size_t i = 0; i < sizeof sure / sizeof *sure; i++) {
        const qlab_delisting d = {.code = sure[i].code, .delist_return = sure[i].ret};
        const qlab_settlement s = qlab_settle_delisting(&d, sure[i].mic);
        T_CHECK(qlab_settle_confidence(&d, &s) == sure[i].confidence);
    }
}

T_TEST(crsp_codes)
{
    static const struct {
        const char *text;
        uint8_t code;
    } map[] = {{"merger", QLAB_DELIST_MERGER},     {"BANKRUPTCY", QLAB_DELIST_BANKRUPTCY},
               {"200", QLAB_DELIST_MERGER},        {"299", QLAB_DELIST_MERGER},
               {"331", QLAB_DELIST_EXCHANGE_MOVE}, {"400", QLAB_DELIST_LIQUIDATION},
               {"500", QLAB_DELIST_PERFORMANCE},   {"501", QLAB_DELIST_UNKNOWN},
               {"519", QLAB_DELIST_UNKNOWN},       {"520", QLAB_DELIST_PERFORMANCE},
               {"574", QLAB_DELIST_BANKRUPTCY},    {"584", QLAB_DELIST_PERFORMANCE},
               {"585", QLAB_DELIST_UNKNOWN},       {"100", QLAB_DELIST_UNKNOWN}};
    for (size_t i = 0; i < sizeof map / sizeof *map; i++) {
        uint8_t code = 99;
        T_CHECK(qlab_delist_code_parse(qlab_str_of(map[i].text), &code) && code == map[i].code);
    }
    uint8_t code;
    T_CHECK(!qlab_delist_code_parse(QLAB_STR("gone"), &code));
    T_CHECK(!qlab_delist_code_parse(QLAB_STR("57"), &code));
    T_CHECK(!qlab_delist_code_parse(QLAB_STR(""), &code));
}

T_TEST(presumed_gone_after_twenty_sessions_of_both)
{
    int32_t master[60], own[60];
    for (int32_t i = 0; i < 60; i++)
        master[i] = own[i] = i;
    int32_t date = 0;
    T_CHECK(qlab_settle_presumed_gone(30, 30, master, 60, own, 60, &date) == QLAB_GONE_ALIVE);
    T_CHECK(date == QLAB_DATE_NONE);
    T_CHECK(qlab_settle_presumed_gone(30, 49, master, 60, own, 60, &date) == QLAB_GONE_CENSORED);
    T_CHECK(date == 31);
    T_CHECK(qlab_settle_presumed_gone(30, 50, master, 60, own, 60, &date) == QLAB_GONE_PRESUMED);
    /* A closed exchange does not count against its names. */
    T_CHECK(qlab_settle_presumed_gone(30, 59, master, 60, own, 45, NULL) == QLAB_GONE_CENSORED);
}

/* A ticker that comes back after its company was delisted is another life: its bars are not late.
 */
T_TEST(bars_after_a_delisting_are_those_of_its_own_life)
{
    enum { N_BARS = 8 };
    static const double close[N_BARS] = {10, 10, 10, 9, 40, 41, 42, 43};
    int32_t session[600];
    qlab_bars b;
    qlab_series s = {0};
    make_bars(&b, close, N_BARS);
    for (size_t i = 0; i < 600; i++)
        session[i] = 100 + (int32_t)i;
    for (size_t i = 4; i < N_BARS; i++)
        b.date[i] += 300; /* a gap and four times the price */
    const qlab_delisting gone[] = {
        {.delist_date = 50,
         .code = QLAB_DELIST_BANKRUPTCY,
         .delist_return = NAN}, /* of nobody here */
        {.delist_date = 101, .code = QLAB_DELIST_SYMBOL_CHANGE, .delist_return = NAN},
        {.delist_date = 102, .code = QLAB_DELIST_BANKRUPTCY, .delist_return = NAN},
        {.delist_date = 406, .code = QLAB_DELIST_MERGER, .delist_return = NAN}};
    const qlab_series_truth truth = {
        .session = session, .n_sessions = 600, .delistings = gone, .n_delistings = 4};
    qlab_series_discover(&b, 0, &truth, &s, NULL);
    T_CHECK(s.life_no[3] == 1 && s.life_no[4] == 2);
    for (size_t i = 0; i < N_BARS; i++)
        T_CHECK(((s.flags[i] & QLAB_FLAG_BARS_AFTER_DELIST) != 0) == (i == 3 || i == 7));
    qlab_series_free(&s);
    qlab_bars_free(&b);
}

/* A map file that begins with the second company says nothing of the bars before it. */
T_TEST(bars_before_a_given_life_follow_the_gap_rule)
{
    enum { N_BARS = 9 };
    static const double close[N_BARS] = {10, 10, 40, 41, 41, 42, 42, 43, 43};
    static const uint16_t want[N_BARS] = {1, 1, 2, 2, 3, 3, 3, 4, 4};
    int32_t session[900];
    qlab_bars b;
    qlab_series s = {0};
    make_bars(&b, close, N_BARS);
    for (size_t i = 0; i < 900; i++)
        session[i] = 100 + (int32_t)i;
    for (size_t i = 2; i < N_BARS; i++)
        b.date[i] += 300;
    const qlab_life given[] = {{.asset_ix = 3, .life_no = 2, .first_date = 404},
                               {.asset_ix = 3, .life_no = 3, .first_date = 407}};
    qlab_series_truth truth = {.session = session, .n_sessions = 900, .lives = given, .n_lives = 2};
    qlab_series_discover(&b, 0, &truth, &s, NULL);
    T_CHECK(s.n == N_BARS);
    for (size_t i = 0; i < N_BARS; i++)
        T_CHECK(s.life_no[i] == want[i]);
    const qlab_life from_one[] = {{.asset_ix = 3, .life_no = 1, .first_date = 404},
                                  {.asset_ix = 3, .life_no = 2, .first_date = 407}};
    truth.lives = from_one; /* a file that numbers from 1 is all there is */
    qlab_series_discover(&b, 0, &truth, &s, NULL);
    T_CHECK(s.life_no[0] == 1 && s.life_no[6] == 1 && s.life_no[7] == 2);
    const qlab_life early[] = {{.asset_ix = 3, .life_no = 2, .first_date = 50}};
    truth.lives = early; /* no bar before it: the first life */
    truth.n_lives = 1;
    qlab_series_discover(&b, 0, &truth, &s, NULL);
    T_CHECK(s.life_no[0] == 1 && s.life_no[8] == 1);
    qlab_series_free(&s);
    qlab_bars_free(&b);
}

T_MAIN(T_CASE(house_path), T_CASE(steps_of_an_asset_stand_alone),
       T_CASE(split_and_dividend_of_one_date), T_CASE(derived_returns_are_c_times_the_ratio),
       T_CASE(an_untyped_factor_enters_both_indices),
       T_CASE(actions_before_and_on_the_first_bar_do_not_act),
       T_CASE(a_feed_wins_and_disagreement_is_kept), T_CASE(the_same_event_a_day_apart_is_one),
       T_CASE(two_feeds_of_one_event_apply_it_once),
       T_CASE(splits_inside_the_basis_are_not_applied_again), T_CASE(delisting_returns),
       T_CASE(crsp_codes), T_CASE(presumed_gone_after_twenty_sessions_of_both),
       T_CASE(bars_after_a_delisting_are_those_of_its_own_life),
       T_CASE(bars_before_a_given_life_follow_the_gap_rule))
