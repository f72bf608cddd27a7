/* Windows and correlation shocks by hand; rates of currencies from a lake. */
#include "stage_b/fx.h"
#include "stage_b/stress.h"
#include "support/lake.h"

T_TEST(worst_windows_do_not_overlap_and_come_worst_first)
{
    double net[140];
    qlab_worst_window w[QLAB_STRESS_WINDOWS];
    for (size_t i = 0; i < 140; i++)
        net[i] = 0.001;
    net[50] = -0.5;
    net[70] = -0.3; /* 50 and 70 lie in one window of 21: [50, 71) */
    net[110] = -0.2;
    T_CHECK(qlab_stress_worst_windows(net, 140, w) == 5);
    T_CHECK(w[0].first == 50);
    T_NEAR(w[0].net, -0.5 - 0.3 + 19 * 0.001, 1e-12);
    T_CHECK(w[1].first >= 90 && w[1].first <= 110);
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < i; k++)
            T_CHECK(w[i].first >= w[k].first + 21 || w[k].first >= w[i].first + 21);
    T_CHECK(qlab_stress_worst_windows(net, 20, w) == 0);
    T_CHECK(qlab_stress_worst_windows(net, 42, w) == 2);
}

/* Two names with returns of exactly opposite sign: correlation -1, equal variances. */
T_TEST(correlations_are_shocked_as_written)
{
    enum { N = 101 };
    double value[2 * N], weight[2] = {1.0, 1.0};
    value[0] = value[1] = 100.0;
    for (size_t s = 1; s < N; s++) {
        const double r = s % 2 == 0 ? 0.01 : -0.01;
        value[2 * s] = value[2 * (s - 1)] * (1.0 + r);
        value[2 * s + 1] = value[2 * (s - 1) + 1] * (1.0 - r);
    }
    /* long and short of opposite names: variance 4 s^2; together: correlation 0, so 2 s^2; hedge:
     * correlation -1/2, so 3 s^2.  Neither is worse than as it is. */
    weight[1] = -1.0;
    qlab_correlation_shock c = qlab_stress_correlation(weight, value, 2, N);
    T_CHECK(c.n_positions == 2 && c.n_returns == N - 1);
    T_NEAR(c.together, sqrt(2.0 / 4.0), 1e-6);
    T_NEAR(c.hedge, sqrt(3.0 / 4.0), 1e-6);
    T_NEAR(c.ratio, 1.0, 0.0);
    T_NEAR(c.vol_annual, sqrt(4.0 * 252.0) * 0.01, 1e-3);
    /* long and short of names that move alike: the halved hedge is what hurts */
    for (size_t s = 0; s < N; s++)
        value[2 * s + 1] = value[2 * s] * (s % 3 == 0 ? 1.001 : 1.0);
    c = qlab_stress_correlation(weight, value, 2, N);
    T_CHECK(c.hedge > 5.0 && c.together < 1.0 && c.ratio == c.hedge);
    weight[1] = 0.0; /* one position has no correlation */
    c = qlab_stress_correlation(weight, value, 2, N);
    T_CHECK(c.n_positions == 1 && isnan(c.ratio));
}

static void load(t_lake *l, const qlab_snapshot *snap, const char *const *currency, size_t n,
                 qlab_code want, const char *text, qlab_fx *out)
{
    static const int32_t sessions[] = {1000, 1003, 1004};
    qlab_err err = QLAB_ERR_INIT;
    T_CHECK(qlab_fx_load(&l->env, snap, currency, n, sessions, 3, out, &err) == want);
    if (text != NULL)
        T_CONTAINS(err.text, text);
}

T_TEST(rates_are_the_last_close_known_and_their_want_is_named)
{
    t_lake l;
    qlab_err err = QLAB_ERR_INIT;
    qlab_fx f;
    t_lake_open(&l, 3, 1);
    l.assets[0].asset_class = l.assets[1].asset_class = QLAB_CLASS_FOREX;
    l.assets[0].symbol = "GBPUSD";
    l.assets[1].symbol = "USDJPY";
    t_bar rows[] = {{0, 1, 999, {0}, 0},
                    {0, 1, 1003, {0}, 0},
                    {0, 1, 1004, {0}, 0},
                    {1, 1, 1001, {0}, 0},
                    {2, 1, 1000, {0}, 0}};
    const double close[] = {1.5, 1.25, NAN, 100.0, 7.0};
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < 6; k++)
            rows[i].v[k] = close[i];
    t_lake_commit(&l, rows, 5, true);
    qlab_snapshot snap = {.asof = 1004};
    T_OK(qlab_lake_view_open(&l.env, QLAB_LAKE_LATEST, &snap.lake, &err));
    const char *one[] = {"GBP", "GBP"}, *two[] = {"USD", "GBP"}, *three[] = {"USD", "JPY"},
               *four[] = {"USD", "CHF"};
    load(&l, &snap, one, 2, QLAB_OK, NULL, &f);
    T_STR(f.currency, "GBP"); /* one currency needs no rate: the capital is in it */
    T_CHECK(f.n_pairs == 0 && qlab_fx_rate(&f, 1, 2) == 1.0);
    qlab_fx_free(&f);
    load(&l, &snap, two, 2, QLAB_OK, NULL, &f);
    T_STR(f.currency, "USD");
    T_STR(f.names[0], "GBPUSD");
    T_CHECK(qlab_fx_rate(&f, 0, 1) == 1.0 && qlab_fx_rate(&f, 1, 0) == 1.5 &&
            qlab_fx_rate(&f, 1, 1) == 1.25 && qlab_fx_rate(&f, 1, 2) == 1.25);
    qlab_fx_free(&f);
    load(&l, &snap, three, 2, QLAB_E_USAGE, "FX_REQUIRED: US:", &f); /* nothing up to 1000 yet */
    load(&l, &snap, four, 2, QLAB_E_USAGE,
         "FX_REQUIRED: names were in CHF among other currencies, and the snapshot had neither "
         "CHFUSD nor USDCHF: ingest currency pairs",
         &f);
    qlab_lake_view_close(snap.lake);
    t_lake_close(&l, false);
}

T_MAIN(T_CASE(worst_windows_do_not_overlap_and_come_worst_first),
       T_CASE(correlations_are_shocked_as_written),
       T_CASE(rates_are_the_last_close_known_and_their_want_is_named))
