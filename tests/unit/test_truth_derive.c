#include "support/t.h"

#include "base/alloc.h"
#include "base/date.h"
#include "truth/derive.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

T_TEST(decimals_are_found_from_the_doubles)
{
    bool image = true;
    T_CHECK(qlab_decimals_of(13.67, &image) == 2 && !image);
    T_CHECK(qlab_decimals_of(59.770931000000004, &image) == 6 && !image);
    T_CHECK(qlab_decimals_of(78.50856800000001, NULL) == 6);
    T_CHECK(qlab_decimals_of(13.670000076293945, &image) == 2 && image);
    T_CHECK(qlab_decimals_of((double)26.299288f, &image) == 6 && image);
    T_CHECK(qlab_decimals_of(100.0, &image) == 0 && !image);
    T_CHECK(qlab_decimals_of(0.0, NULL) == 0);
    T_CHECK(qlab_decimals_of(73.523423281972, NULL) == 12);
    T_CHECK(qlab_decimals_of(1.0 / 3.0, &image) == -1 && !image);
    T_CHECK(qlab_decimals_of(0.0213, NULL) == 4);
}

T_TEST(an_interval_is_half_a_unit_of_the_last_decimal)
{
    qlab_interval i = qlab_interval_of(13.67, 2, false);
    T_NEAR(i.low, 13.665, 1e-12);
    T_NEAR(i.high, 13.675, 1e-12);
    i = qlab_interval_of(16384.01, 2, true); /* binary32 spacing there: 2^-9 */
    T_NEAR(i.high - 16384.01, 0.005 + 0.001953125, 1e-9);
}

T_TEST(split_ratios_are_the_list_and_nothing_else)
{
    static const double listed[] = {
        2,   3,    7,        1000,    0.5,  0.1, 0.001, 1.5,     4.0 / 3,   1.25,      2.5, 1.2,
        1.1, 1.05, 10.0 / 7, 2.0 / 3, 0.75, 0.8, 0.4,   5.0 / 6, 10.0 / 11, 20.0 / 21, 0.7};
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
        T_NEAR(qlab_split_ratio_in(listed[i], listed[i] * 0.9999, listed[i] * 1.0001), listed[i],
               1e-15);
    static const double others[] = {1.0, 1.15, 1.7, 2.2, 0.45, 0.3, 1001.5};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        T_CHECK(qlab_split_ratio_in(others[i], others[i] * 0.9999, others[i] * 1.0001) == 0.0);
    /* The nearest of several inside. */
    T_NEAR(qlab_split_ratio_in(2.05, 1.9, 3.1), 2.0, 0);
    T_NEAR(qlab_split_ratio_in(1.0 / 98.7, 0.0100, 0.0103), 1.0 / 99, 1e-18);
}

T_TEST(a_factor_is_typed_by_the_rule)
{
    qlab_typed_factor t = qlab_type_factor(2.0, 1.999, 2.001, false, QLAB_BASIS_RAW);
    T_CHECK(t.type == QLAB_ACTION_SPLIT && t.r == 2.0 && t.confidence == QLAB_CONFIDENCE_HIGH);
    t = qlab_type_factor(1.0 / 3, 0.332, 0.334, false, QLAB_BASIS_RAW);
    T_CHECK(t.type == QLAB_ACTION_SPLIT && t.r == 1.0 / 3);
    /* Between 0.8 and 1.25 a listed ratio needs a second witness. */
    t = qlab_type_factor(1.1, 1.0999, 1.1001, false, QLAB_BASIS_RAW);
    T_CHECK(t.type == QLAB_ACTION_DIVIDEND_CASH && isnan(t.r));
    t = qlab_type_factor(1.1, 1.0999, 1.1001, true, QLAB_BASIS_RAW);
    T_CHECK(t.type == QLAB_ACTION_SPLIT && t.r == 1.1);
    t = qlab_type_factor(1.25, 1.2499, 1.2501, false, QLAB_BASIS_RAW);
    T_CHECK(t.type == QLAB_ACTION_SPLIT && t.r == 1.25);
    t = qlab_type_factor(1.18, 1.1799, 1.1801, false, QLAB_BASIS_RAW);
    T_CHECK(t.type == QLAB_ACTION_UNTYPED_FACTOR);
    t = qlab_type_factor(1.005, 1.004, 1.006, false, QLAB_BASIS_RAW);
    T_CHECK(t.type == QLAB_ACTION_DIVIDEND_CASH && t.confidence == QLAB_CONFIDENCE_MEDIUM);
    t = qlab_type_factor(0.97, 0.969, 0.971, false, QLAB_BASIS_RAW);
    T_CHECK(t.type == QLAB_ACTION_DIVIDEND_CASH && t.confidence == QLAB_CONFIDENCE_LOW);
    /* Split-adjusted prices hold no splits in their factors. */
    t = qlab_type_factor(2.0, 1.999, 2.001, true, QLAB_BASIS_SPLIT_ADJUSTED);
    T_CHECK(t.type == QLAB_ACTION_UNTYPED_FACTOR);
}

enum { N = 120 };

typedef struct path {
    int32_t date[N];
    double close[N], adjusted[N], volume[N];
} path;

static double to_decimals(double v, int k)
{
    char text[64];
    snprintf(text, sizeof text, "%.*f", k, v);
    return strtod(text, NULL);
}

/* A walk with a 2-for-1 split at row 40, a dividend of 0.30 at row 70, a reverse 1-for-10 at row
 * 90; adjusted closes as a vendor makes them, rounded to k decimals. */
static void make_path(path *p, int k, bool binary32)
{
    double f = 1.0;
    for (size_t i = 0; i < N; i++) {
        p->date[i] = qlab_date_make(2015, 1, 5) + (int32_t)i;
        double level = i < 40 ? 80.0 : i < 90 ? 40.0 : 400.0;
        p->close[i] = to_decimals(level + 0.37 * (double)((i * 7919) % 11), 2);
        p->volume[i] = 1e6 + 1e4 * (double)((i * 104729) % 13);
    }
    for (size_t i = N; i-- > 0;) {
        p->adjusted[i] = to_decimals(p->close[i] * f, k);
        if (binary32)
            p->adjusted[i] = (double)(float)p->adjusted[i];
        if (i == 40)
            f /= 2.0;
        if (i == 70)
            f *= 1.0 - 0.30 / p->close[69];
        if (i == 90)
            f *= 10.0;
    }
}

static void expect_path(const path *p, qlab_factor_convention convention)
{
    const qlab_vintage v = {.asset_ix = 7,
                            .n = N,
                            .date = p->date,
                            .close = p->close,
                            .adjusted_close = p->adjusted,
                            .volume = p->volume,
                            .convention = convention,
                            .currency = "USD"};
    qlab_action *a = NULL;
    size_t n = 0, cap = 0;
    qlab_derive_actions(&v, &a, &n, &cap);
    T_CHECK(n == 3);
    T_CHECK(a[0].ex_date == p->date[40] && a[0].type == QLAB_ACTION_SPLIT && a[0].r == 2.0);
    T_CHECK(a[1].ex_date == p->date[70] && a[1].type == QLAB_ACTION_DIVIDEND_CASH);
    T_NEAR(a[1].d, 0.30, convention == QLAB_FACTOR_ON_PREVIOUS ? 0.02 : 0.05);
    T_CHECK(a[2].ex_date == p->date[90] && a[2].type == QLAB_ACTION_SPLIT && a[2].r == 0.1);
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)(a[i].ex_date - p->date[0]);
        double c = p->adjusted[at] / p->close[at] / (p->adjusted[at - 1] / p->close[at - 1]);
        T_CHECK(a[i].asset_ix == 7 && a[i].source == QLAB_SOURCE_DERIVED && a[i].c == c);
        T_CHECK(a[i].c_low <= c && c <= a[i].c_high);
    }
    qlab_free(a);
}

T_TEST(actions_come_out_of_every_precision)
{
    path p;
    for (int k = 2; k <= 9; k++) {
        make_path(&p, k, false);
        expect_path(&p, QLAB_FACTOR_ON_PREVIOUS);
    }
    make_path(&p, 6, true);
    expect_path(&p, QLAB_FACTOR_ON_PREVIOUS);
    expect_path(&p, QLAB_FACTOR_ON_EX_DATE);
}

T_TEST(a_vintage_without_actions_gives_none)
{
    path p;
    make_path(&p, 6, false);
    for (size_t i = 0; i < N; i++)
        p.adjusted[i] = p.close[i];
    qlab_vintage v = {.n = N, .date = p.date, .close = p.close, .adjusted_close = p.adjusted};
    qlab_action *a = NULL;
    size_t n = 0, cap = 0;
    qlab_derive_actions(&v, &a, &n, &cap);
    T_CHECK(n == 0);
    /* Half a percent off by rounding alone is no action: cents on a price of 40. */
    for (size_t i = 0; i < N; i++)
        p.adjusted[i] = to_decimals(p.close[i] * 0.98765, 2);
    qlab_derive_actions(&v, &a, &n, &cap);
    T_CHECK(n == 0);
    v.n = 1;
    qlab_derive_actions(&v, &a, &n, &cap);
    v.n = 0;
    qlab_derive_actions(&v, &a, &n, &cap);
    T_CHECK(n == 0);
    qlab_free(a);
}

/* A vendor that rounds to cents, then sends doubles as they are, then rounds again. */
T_TEST(full_precision_may_come_and_go)
{
    static const size_t stretch[][2] = {{0, 50}, {50, N}, {0, 30}, {30, 60}, {0, 0}};
    for (size_t k = 0; k < sizeof stretch / sizeof *stretch; k++) {
        path p;
        qlab_action *a = NULL;
        size_t n = 0, cap = 0;
        make_path(&p, 2, false);
        for (size_t i = 0; i < N; i++) {
            double price = 37.0 + 5.0 * sin((double)i), f = 0.5 / 3.0;
            bool full = i >= stretch[k][0] && i < stretch[k][1];
            p.close[i] = full ? price : to_decimals(price, 2);
            p.adjusted[i] = full ? price * f : to_decimals(price * f, 2);
        }
        const qlab_vintage v = {
            .n = N, .date = p.date, .close = p.close, .adjusted_close = p.adjusted};
        qlab_derive_actions(&v, &a, &n, &cap);
        T_CHECK(n == 0); /* rounding alone is no action */
        qlab_interval in = {0};
        T_CHECK(qlab_derive_interval(&v, p.date[20], &in) && in.low <= 1.0 && in.high >= 1.0);
        T_CHECK(!qlab_derive_interval(&v, p.date[0], &in));
        T_CHECK(!qlab_derive_interval(&v, p.date[0] - 1, &in));
        qlab_free(a);
    }
}

T_TEST(rows_without_a_price_are_stepped_over)
{
    path p;
    make_path(&p, 6, false);
    p.close[39] = NAN;
    p.adjusted[12] = 0.0;
    p.close[90] = -1.0;
    qlab_vintage v = {.n = N,
                      .date = p.date,
                      .close = p.close,
                      .adjusted_close = p.adjusted,
                      .volume = p.volume,
                      .currency = "USD"};
    qlab_action *a = NULL;
    size_t n = 0, cap = 0;
    qlab_derive_actions(&v, &a, &n, &cap);
    T_CHECK(n == 3);
    T_CHECK(a[0].ex_date == p.date[40] && a[0].r == 2.0);
    T_CHECK(a[2].ex_date == p.date[91] && a[2].r == 0.1); /* the next row with a price */
    qlab_free(a);
}

T_TEST(volume_confirms_a_small_split)
{
    double volume[40];
    for (size_t i = 0; i < 40; i++)
        volume[i] = (i < 20 ? 1000.0 : 1200.0) * (1.0 + 0.02 * (double)((i * 7919) % 5));
    T_CHECK(qlab_volume_confirms(volume, 40, 20, 1.2));
    T_CHECK(!qlab_volume_confirms(volume, 40, 20, 1.0 / 1.2));
    for (size_t i = 20; i < 40; i++)
        volume[i] = volume[i - 20] * 1.001;
    T_CHECK(!qlab_volume_confirms(volume, 40, 20, 1.2)); /* no step there */
    for (size_t i = 20; i < 40; i++)
        volume[i] *= 1.2;
    T_CHECK(qlab_volume_confirms(volume, 40, 20, 1.2));
    for (size_t i = 0; i < 12; i++)
        volume[i] = NAN;
    T_CHECK(!qlab_volume_confirms(volume, 40, 20, 1.2)); /* too few rows left */
}

T_TEST(no_cap_on_the_number_of_actions)
{
    enum { ROWS = 4000 };
    static int32_t date[ROWS];
    static double close[ROWS], adjusted[ROWS];
    double f = 1.0;
    for (size_t i = ROWS; i-- > 0;) {
        date[i] = (int32_t)i;
        close[i] = to_decimals(50.01 + 0.13 * (double)((i * 37) % 17), 2);
        adjusted[i] = to_decimals(close[i] * f, 9);
        if (i % 4 == 0)
            f *= 0.998;
    }
    qlab_vintage v = {.n = ROWS, .date = date, .close = close, .adjusted_close = adjusted};
    qlab_action *a = NULL;
    size_t n = 0, cap = 0;
    qlab_derive_actions(&v, &a, &n, &cap);
    T_CHECK(n == ROWS / 4 - 1); /* row 0 has nothing before it */
    qlab_free(a);
}

T_MAIN(T_CASE(decimals_are_found_from_the_doubles),
       T_CASE(an_interval_is_half_a_unit_of_the_last_decimal),
       T_CASE(split_ratios_are_the_list_and_nothing_else), T_CASE(a_factor_is_typed_by_the_rule),
       T_CASE(actions_come_out_of_every_precision), T_CASE(a_vintage_without_actions_gives_none),
       T_CASE(full_precision_may_come_and_go), T_CASE(rows_without_a_price_are_stepped_over),
       T_CASE(volume_confirms_a_small_split), T_CASE(no_cap_on_the_number_of_actions))
