/* golden/vectors.md: Sharpe family; rank, IC and HAC; adjusted p values; the traps. */
#include "base/alloc.h"
#include "base/rng.h"
#include "num/rank.h"
#include "stat/fdr.h"
#include "stat/har.h"
#include "stat/ic.h"
#include "stat/moments.h"
#include "stat/sharpe.h"
#include "support/t.h"

#include <math.h>
#include <string.h>

static const double IC20[] = {.05, .03, -.01, .04,  .06, .02, 0,   -.02, .01, .05,
                              .07, .03, .02,  -.01, 0,   .04, .05, .06,  .01, -.03};

static double house[60];

static void relative(double got, double want, double tol)
{
    T_NEAR(got / want, 1.0, tol);
}

static void house_returns(void)
{
    for (long i = 1; i <= 60; i++)
        house[i - 1] = (double)((i * i * 7919 + i * 104729) % 2001 - 900) / 100000.0;
}

T_TEST(psr_and_its_standard_error)
{
    const qlab_sharpe normal = {.sr = .458, .n_obs = 24, .skew = 0, .kurt = 3};
    relative(qlab_psr(&normal, 0, QLAB_PSR_2012), 0.98167492, 1e-8);
    const qlab_sharpe fat = {.sr = .458, .n_obs = 24, .skew = -2.448, .kurt = 10.164};
    relative(qlab_psr(&fat, 0, QLAB_PSR_2012), 0.91336108, 1e-8);
    const qlab_sharpe exact = {.sr = .036 / .079, .n_obs = 24, .skew = -2.448, .kurt = 10.164};
    relative(qlab_psr(&exact, 0, QLAB_PSR_2012), 0.912709339595, 1e-9);
    relative(qlab_psr(&exact, 0, QLAB_PSR_2025), 0.987207261261, 1e-9);
    const qlab_sharpe close = {.sr = 1.14, .n_obs = 250, .skew = 0, .kurt = 3};
    relative(qlab_psr(&close, 1, QLAB_PSR_2012), 0.95727788, 1e-8);
    const qlab_sharpe se = {.sr = .7079, .n_obs = 134, .skew = -.2250, .kurt = 2.9570};
    relative(qlab_sharpe_se(&se, 0, QLAB_PSR_2012), 0.10276082, 1e-7);
}

T_TEST(min_trl)
{
    const qlab_sharpe daily = {.sr = 2 / sqrt(250), .n_obs = 250, .skew = 0, .kurt = 3};
    relative(qlab_min_trl(&daily, 1 / sqrt(250), .95, QLAB_PSR_2012) / 250, 2.7311878017, 1e-9);
    const qlab_sharpe s = {.sr = 1.14, .n_obs = 250, .skew = 0, .kurt = 3};
    relative(qlab_min_trl(&s, 1, .95, QLAB_PSR_2012), 228.73497911, 1e-9);
    T_CHECK(qlab_min_trl(&s, 1.14, .95, QLAB_PSR_2012) == INFINITY);
}

T_TEST(expected_maximum)
{
    relative(qlab_emax(5), 1.192594001, 1e-9);
    relative(qlab_emax(10), 1.574598301, 1e-9);
    relative(qlab_emax(45), 2.235640178, 1e-9);
    relative(qlab_emax(100), 2.5306028932016846, 1e-12);
    relative(qlab_emax(1000), 3.255121514, 1e-9);
    relative(qlab_emax(1e6), 4.867860038, 1e-9);
    relative(qlab_emax_exact(2), 0.5641895835477, 1e-12);
    relative(qlab_emax_exact(10), 1.5387527308351, 1e-12);
    relative(qlab_emax_exact(100), 2.5075936364417, 1e-12);
    relative(qlab_min_btl_years(45, 1), 4.998087004, 1e-9);
    T_CHECK(qlab_emax(1) == 0.0 && qlab_emax_exact(1) == 0.0);
}

T_TEST(house_series)
{
    house_returns();
    const qlab_f64v r = {house, 60};
    const qlab_moments m = qlab_moments_of(r);
    relative(m.mean, .000600833333333, 1e-9);
    relative(m.std, .00523055115600, 1e-9);
    relative(m.skew, .0272044392, 1e-8);
    relative(m.kurt, 2.0364733806, 1e-9);
    relative(qlab_autocorrelation(r, 1), -.141061577864, 1e-9);
    const qlab_sharpe s = qlab_sharpe_of(r);
    relative(s.sr, .114869985096, 1e-9);
    relative(qlab_psr(&s, 0, QLAB_PSR_2012), .811166579851, 1e-9);
    relative(qlab_min_trl(&s, 0, .95, QLAB_PSR_2012), 206.101624937, 1e-9);
    qlab_sharpe unbiased = s;
    unbiased.skew = m.skew_unbiased;
    unbiased.kurt = m.kurt_unbiased;
    relative(qlab_psr(&unbiased, 0, QLAB_PSR_2012), .811167673622, 1e-9);
    T_CHECK(qlab_psr_gate(&s, 0) <= qlab_psr(&s, 0, QLAB_PSR_2012));
}

T_TEST(spearman_with_ties)
{
    const double x[] = {1, 2, 2, 3, 5, 8, 13, 21}, y[] = {2, 1, 4, 4, 7, 6, 9, 9};
    void *scratch = qlab_alloc(1, qlab_rank_scratch_bytes(8));
    const qlab_spearman s = qlab_rank_spearman(x, y, 8, scratch);
    relative(s.rho, 0.9151683228048982, 1e-15);
    T_CHECK(fabs(s.rho - .91667) > 1e-3); /* the 6 d^2 shortcut is wrong under ties */
    T_CHECK(s.n_common == 8);
    qlab_free(scratch);
}

T_TEST(newey_west_on_20_ics)
{
    const qlab_f64v ic = {IC20, 20};
    const qlab_ic_summary s = qlab_ic_summarize(ic);
    relative(s.mean, .0235, 1e-12);
    relative(s.icir * sqrt(20), 3.615384615, 1e-9); /* iid, ddof 1 */
    T_NEAR(s.hit, 14 / 20.0, 0);
    relative(qlab_newey_west_mean(ic, 0).t, 3.709306350, 1e-9);
    relative(qlab_newey_west_mean(ic, 1).t, 3.248901829, 1e-9);
    relative(qlab_newey_west_mean(ic, 2).t, 3.530177714, 1e-9);
    relative(qlab_newey_west_mean(ic, 3).t, 4.370202593, 1e-9);
    /* HAR on the same, by numpy and scipy. */
    relative(qlab_har_mean(ic, 1).t, 7.0433441828338, 1e-12);
    relative(qlab_har_mean(ic, 1).p, 0.00107099039137763, 1e-12);
}

T_TEST(holm_bh_and_by)
{
    const double p[] = {.01, .02, .5, .9};
    double q[4];
    T_CHECK(qlab_adjust_p((qlab_f64v){p, 4}, QLAB_ADJUST_HOLM, (qlab_f64w){q, 4}) == 4);
    const double holm[] = {.04, .06, 1, 1};
    for (int i = 0; i < 4; i++)
        T_NEAR(q[i], holm[i], 1e-15);
    T_CHECK(qlab_adjust_p((qlab_f64v){p, 4}, QLAB_ADJUST_BH, (qlab_f64w){q, 4}) == 4);
    const double bh[] = {.04, .04, 2 / 3.0, .9};
    for (int i = 0; i < 4; i++)
        T_NEAR(q[i], bh[i], 1e-15);
    (void)qlab_adjust_p((qlab_f64v){p, 4}, QLAB_ADJUST_BY, (qlab_f64w){q, 4});
    for (int i = 0; i < 4; i++)
        T_NEAR(q[i], fmin(1.0, bh[i] * 25 / 12.0), 1e-15);
}

/* Traps. */

T_TEST(trap_ddof_across_trials)
{
    /* Trials with SR 3.5, 1.01, 1.02: ddof 1 gives one verdict, ddof 0 another.  Ours is 1. */
    const double trials[] = {3.5, 1.01, 1.02};
    const qlab_moments m = qlab_moments_of((qlab_f64v){trials, 3});
    relative(m.std * m.std, 2.0584333333333333, 1e-12);
    relative(qlab_dsr_benchmark(3, m.std * m.std), m.std * qlab_emax(3), 1e-15);
    const double with_ddof_0 = sqrt(m.std * m.std * 2 / 3) * qlab_emax(3);
    T_CHECK(with_ddof_0 < 0.82 * qlab_dsr_benchmark(3, m.std * m.std));
    T_CHECK(qlab_dsr_benchmark(1, NAN) == 0.0);
}

T_TEST(trap_kurtosis_is_raw_and_moments_biased)
{
    const qlab_sharpe s = {.sr = .458, .n_obs = 24, .skew = 0, .kurt = 3};
    qlab_sharpe excess = s;
    excess.kurt = 0;
    T_CHECK(fabs(qlab_psr(&s, 0, QLAB_PSR_2012) - qlab_psr(&excess, 0, QLAB_PSR_2012)) > 1e-3);
    /* A large alternating series has kurtosis 1: the smallest there is, not -2. */
    double x[1000];
    for (int i = 0; i < 1000; i++)
        x[i] = i % 2 ? 1.0 : -1.0;
    T_NEAR(qlab_moments_of((qlab_f64v){x, 1000}).kurt, 1.0, 1e-15);
}

T_TEST(trap_overlapping_labels)
{
    /* h-day sums of noise: the plain t is about sqrt(h) too large, HAR is not. */
    enum { T = 2000, H = 20 };
    double noise[T + H], ic[T];
    double plain = 0, har = 0;
    for (uint64_t round = 0; round < 40; round++) {
        for (size_t i = 0; i < T + H; i++)
            noise[i] = qlab_rng_uniform(1, round, i) - 0.5;
        for (size_t i = 0; i < T; i++) {
            ic[i] = 0;
            for (size_t k = 0; k < H; k++)
                ic[i] += noise[i + k];
        }
        const qlab_ic_summary s = qlab_ic_summarize((qlab_f64v){ic, T});
        const qlab_har h = qlab_har_mean((qlab_f64v){ic, T}, H);
        plain += s.icir * s.icir * T / 40;
        har += h.t * h.t / 40;
    }
    T_CHECK(sqrt(plain) > 3.0 && sqrt(plain) < 6.5);
    T_CHECK(sqrt(har) > 0.7 && sqrt(har) < 1.5);
}

T_TEST(trap_the_defined_and_the_null)
{
    const double flat[] = {.1, .1, .1, .1, .1, .1, .1}, one[] = {.3}, none[] = {NAN, NAN};
    const qlab_f64v series[] = {{flat, 7}, {one, 1}, {none, 2}, {none, 0}};
    for (int i = 0; i < 4; i++) {
        T_CHECK(isnan(qlab_har_mean(series[i], 1).t) && isnan(qlab_har_mean(series[i], 1).p));
        T_CHECK(isnan(qlab_newey_west_mean(series[i], 3).t));
        T_CHECK(isnan(qlab_ic_summarize(series[i]).icir));
        T_CHECK(isnan(qlab_autocorrelation(series[i], 1)));
        const qlab_sharpe s = qlab_sharpe_of(series[i]);
        T_CHECK(isnan(s.sr) && isnan(qlab_psr(&s, 0, QLAB_PSR_2012)) &&
                isnan(qlab_psr_gate(&s, 0)));
        T_CHECK(isnan(qlab_min_trl(&s, 0, .95, QLAB_PSR_2012)));
    }
    T_CHECK(qlab_ic_summarize(series[0]).std == 0.0 && qlab_ic_summarize(series[0]).hit == 1.0);
    T_CHECK(qlab_ic_summarize(series[2]).n == 0 && isnan(qlab_ic_summarize(series[2]).hit));
    size_t n;
    T_CHECK(isnan(qlab_ic_correlation(series[0], series[0], &n)) && n == 7);
    const double up[] = {1, 2, NAN, 4}, down[] = {-1, -2, -3, -4};
    T_CHECK(qlab_ic_correlation((qlab_f64v){up, 4}, (qlab_f64v){up, 4}, &n) == 1.0 && n == 3);
    T_CHECK(qlab_ic_correlation((qlab_f64v){up, 4}, (qlab_f64v){down, 4}, &n) == -1.0);
    const double p[] = {NAN, .04, .01};
    double q[3];
    T_CHECK(qlab_adjust_p((qlab_f64v){p, 3}, QLAB_ADJUST_BH, (qlab_f64w){q, 3}) == 2);
    T_CHECK(isnan(q[0]));
    T_NEAR(q[1], .04, 1e-16);
    T_NEAR(q[2], .02, 1e-16);
}

T_TEST(missing_values_are_as_if_left_out)
{
    double gaps[40];
    for (size_t i = 0; i < 40; i++)
        gaps[i] = i % 2 ? IC20[i / 2] : NAN;
    const qlab_f64v with = {gaps, 40}, without = {IC20, 20};
    const qlab_newey_west a = qlab_newey_west_mean(with, 3), b = qlab_newey_west_mean(without, 3);
    T_CHECK(a.t == b.t && a.n == b.n);
    const qlab_har c = qlab_har_mean(with, 5), d = qlab_har_mean(without, 5);
    T_CHECK(c.t == d.t && c.p == d.p && c.n == 20);
    T_CHECK(qlab_autocorrelation(with, 2) == qlab_autocorrelation(without, 2));
    T_CHECK(qlab_moments_of(with).kurt == qlab_moments_of(without).kurt);
}

T_TEST(har_terms)
{
    /* floor(0.41 T^(2/3)) at a cube is exact; the overlap and the floor of 4 bind. */
    T_CHECK(qlab_har_terms(1000, 1) == 41 && qlab_har_terms(1000, 20) == 25);
    T_CHECK(qlab_har_terms(8000, 1) == 164 && qlab_har_terms(125, 1) == 10);
    T_CHECK(qlab_har_terms(63, 20) == 4 && qlab_har_terms(63, 1) == 6);
    T_CHECK(qlab_har_terms(5, 1) == 4 && qlab_har_terms(4, 1) == 0);
    for (size_t n = 5; n < 3000; n++) {
        const double exact = 0.41 * cbrt((double)n * (double)n);
        if (fabs(exact - floor(exact + 0.5)) > 1e-9 && floor(exact) > 4)
            T_CHECK(qlab_har_terms(n, 1) == (size_t)floor(exact));
    }
}

T_MAIN(T_CASE(psr_and_its_standard_error), T_CASE(min_trl), T_CASE(expected_maximum),
       T_CASE(house_series), T_CASE(spearman_with_ties), T_CASE(newey_west_on_20_ics),
       T_CASE(holm_bh_and_by), T_CASE(trap_ddof_across_trials),
       T_CASE(trap_kurtosis_is_raw_and_moments_biased), T_CASE(trap_overlapping_labels),
       T_CASE(trap_the_defined_and_the_null), T_CASE(missing_values_are_as_if_left_out),
       T_CASE(har_terms))
