/* Spreads by hand, floors, borrow, weights of a leg. */
#include "backtest/book.h"
#include "num/rank.h"
#include "support/t.h"

#include <math.h>
#include <string.h>

enum { BARS = 24 };

T_TEST(abdi_ranaldo_by_hand)
{
    /* Closes alternate between ask and bid around 100 with a log half-spread s = 0.004, while
     * high and low are the same each day: e is constant, c - e = +s, -s, +s ...  Each pair gives
     * (c_t - e_t)(c_t - e_{t+1}) = s * s, so S = 2 s and half of it is s. */
    const double s = 0.004, high_of = 1.01;
    double high[BARS], low[BARS], close[BARS], scratch[BARS], out[BARS];
    qlab_f64v h = {high, BARS}, l = {low, BARS}, c = {close, BARS};
    qlab_f64w sc = {scratch, BARS}, o = {out, BARS};

    for (size_t i = 0; i < BARS; i++) {
        high[i] = 100.0 * high_of;
        low[i] = 100.0 / high_of;
        close[i] = 100.0 * exp(i % 2 ? -s : s);
    }
    qlab_spread_abdi_ranaldo(h, l, c, sc, o);
    for (size_t i = 0; i < BARS; i++)
        T_NEAR(out[i], i < 20 ? NAN : s, 1e-13);

    /* A market that runs away from each mid-range gives negative pairs: 0. */
    for (size_t i = 0; i < BARS; i++) {
        const double mid = 100.0 * exp(0.01 * (double)i);
        high[i] = mid * high_of;
        low[i] = mid / high_of;
        close[i] = mid * exp(0.005);
    }
    qlab_spread_abdi_ranaldo(h, l, c, sc, o);
    T_NEAR(out[20], 0.0, 0);
    T_CHECK(out[20] == 0.0);
}

T_TEST(abdi_ranaldo_missing_bars)
{
    double high[BARS], low[BARS], close[BARS], scratch[BARS], out[BARS];
    qlab_f64w sc = {scratch, BARS}, o = {out, BARS};

    for (size_t i = 0; i < BARS; i++) {
        high[i] = 101.0;
        low[i] = 99.0;
        close[i] = 100.0;
    }
    /* Bars 1, 3, 5, 7 broken: each takes two of the 20 pairs, 12 are left: a value.  Bar 9 too:
     * 10 are left: none. */
    high[1] = NAN;
    low[3] = 0.0;
    close[5] = INFINITY;
    high[7] = 98.0; /* below the low */
    qlab_spread_abdi_ranaldo((qlab_f64v){high, BARS}, (qlab_f64v){low, BARS},
                             (qlab_f64v){close, BARS}, sc, o);
    T_CHECK(!isnan(out[20]));
    low[9] = NAN;
    qlab_spread_abdi_ranaldo((qlab_f64v){high, BARS}, (qlab_f64v){low, BARS},
                             (qlab_f64v){close, BARS}, sc, o);
    T_CHECK(isnan(out[20]));
    T_CHECK(!isnan(out[22])); /* bar 1 has left the window */
}

T_TEST(floors_by_adv)
{
    const qlab_spread_floors *f = &qlab_spread_floors_default;

    T_NEAR(qlab_spread_floor(f, 1e8), 2e-4, 0);
    T_NEAR(qlab_spread_floor(f, 99e6), 5e-4, 0);
    T_NEAR(qlab_spread_floor(f, 1e7), 5e-4, 0);
    T_NEAR(qlab_spread_floor(f, 1e6), 15e-4, 0);
    T_NEAR(qlab_spread_floor(f, 999999.0), 50e-4, 0);
    T_NEAR(qlab_spread_floor(f, NAN), 50e-4, 0);
    T_NEAR(qlab_spread_half(f, 3e-4, 1e9), 3e-4, 0);
    T_NEAR(qlab_spread_half(f, 0.0, 1e9), 2e-4, 0);
    T_NEAR(qlab_spread_half(f, NAN, 1e9), 50e-4, 0); /* no estimate: the widest */
    T_CHECK(memcmp(f, &qlab_book_options_default.floors, sizeof *f) == 0);
}

T_TEST(hard_to_borrow_is_the_bottom_decile)
{
    double adv[22], x[22];
    uint8_t eligible[22], hard[22];
    uint32_t place[22];
    uint64_t scratch[4096];

    T_CHECK(qlab_rank_scratch_bytes(22) <= sizeof scratch);
    for (size_t i = 0; i < 22; i++) {
        adv[i] = 1e6 * (double)(22 - i);
        eligible[i] = 1;
    }
    eligible[21] = 0; /* the least liquid is out of the ranking, and hard */
    adv[0] = NAN;     /* and so is a name without an ADV */
    qlab_spread_hard_to_borrow(adv, eligible, NULL, 22, x, place, scratch, hard);
    for (size_t i = 0; i < 22; i++) /* 20 ranked: the two least are 20 and 19 */
        T_CHECK(hard[i] == (i == 0 || i >= 19));
}

T_TEST(cap_with_redistribution)
{
    /* 4 3 2 1, cap 0.3: 0.4 -> 0.3, the rest 0.7 over 6: 0.35, .2333, .1167; 0.35 -> 0.3, the rest
     * 0.4 over 3: 0.2667, 0.1333; none above. */
    double w[4] = {4, 3, 2, 1};

    qlab_targets_cap(w, 4, 0.3);
    T_NEAR(w[0], 0.3, 1e-15);
    T_NEAR(w[1], 0.3, 1e-15);
    T_NEAR(w[2], 0.8 / 3.0, 1e-15);
    T_NEAR(w[3], 0.4 / 3.0, 1e-15);
    /* A cap below 1/k is 1/k: the leg stays whole. */
    double v[4] = {4, 3, 2, 1};
    qlab_targets_cap(v, 4, 0.01);
    for (size_t i = 0; i < 4; i++)
        T_NEAR(v[i], 0.25, 1e-15);
    double one[1] = {7};
    qlab_targets_cap(one, 1, 0.05);
    T_NEAR(one[0], 1.0, 0);
}

T_MAIN(T_CASE(abdi_ranaldo_by_hand), T_CASE(abdi_ranaldo_missing_bars), T_CASE(floors_by_adv),
       T_CASE(hard_to_borrow_is_the_bottom_decile), T_CASE(cap_with_redistribution))
