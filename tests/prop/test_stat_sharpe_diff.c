/* Difference of Sharpe ratios: its parts against a naive version, its size and power, its edges. */
#include "stat/sharpe_diff.h"

#include "num/math.h"
#include "stat/moments.h"
#include "support/t.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N = 300 };

static double a[N], b[N];

static void pair(uint64_t seed, double rho, double mean_a)
{
    double x = 0.0, y = 0.0;
    for (size_t t = 0; t < N; t++) {
        const double common = qlab_num_normal(seed, 0, t);
        x = rho * x + common + qlab_num_normal(seed, 1, t);
        y = rho * y + common + qlab_num_normal(seed, 2, t);
        a[t] = 0.01 * (x + mean_a);
        b[t] = 0.02 * y;
    }
}

static qlab_f64v of(const double *x)
{
    return (qlab_f64v){x, N};
}

T_TEST(two_ratios_and_their_order)
{
    pair(3, 0.2, 0.3);
    const qlab_moments ma = qlab_moments_of(of(a)), mb = qlab_moments_of(of(b));
    const qlab_sharpe_diff d = qlab_sharpe_diff_hac(of(a), of(b));
    const qlab_sharpe_diff back = qlab_sharpe_diff_hac(of(b), of(a));
    T_NEAR(d.sr_a, ma.mean / ma.std, 1e-14);
    T_NEAR(d.diff, ma.mean / ma.std - mb.mean / mb.std, 1e-14);
    T_NEAR(back.diff, -d.diff, 1e-15);
    T_NEAR(back.se, d.se, 1e-15);
    T_NEAR(back.p + d.p, 1.0, 1e-14);
    T_NEAR(d.p_two, 2.0 * (d.p < 0.5 ? d.p : back.p), 1e-14);
    for (size_t t = 0; t < N; t++)
        a[t] *= 7.0; /* leverage changes no ratio; it weighs in the bandwidth alone */
    T_NEAR(qlab_sharpe_diff_hac(of(a), of(b)).diff, d.diff, 1e-14);
}

/* For independent normal returns the variance of SR is (1 + SR^2/2)/n (Lo 2002). */
T_TEST(the_standard_error_of_independent_series_is_known)
{
    double sum = 0.0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        for (size_t t = 0; t < N; t++) {
            a[t] = 0.01 * (0.5 + qlab_num_normal(seed, 11, t));
            b[t] = 0.01 * (-0.2 + qlab_num_normal(seed, 12, t));
        }
        sum += qlab_sharpe_diff_hac(of(a), of(b)).se / 40.0;
    }
    T_NEAR(sum / sqrt((1.0 + 0.125 + 1.0 + 0.02) / N), 1.0, 0.03);
}

T_TEST(size_and_power)
{
    enum { DATASETS = 400, B = 199 };
    size_t hac = 0, boot = 0, covered = 0, found = 0;
    for (uint64_t seed = 0; seed < DATASETS; seed++) {
        pair(1000 + seed, 0.2, 0.0);
        const qlab_sharpe_diff_bootstrap d =
            qlab_sharpe_diff_resample(of(a), of(b), 5, seed, B, 0.95);
        hac += d.hac.p < 0.05;
        boot += d.p <= 0.05;
        covered += d.lower <= 0.0;
        pair(1000 + seed, 0.2, 0.35);
        found += qlab_sharpe_diff_resample(of(a), of(b), 5, seed, B, 0.95).p <= 0.05;
    }
    printf("equal ratios, 5 %%: HAC %zu, bootstrap %zu of %d; bound below in %zu; a true "
           "difference found in %zu\n",
           hac, boot, (int)DATASETS, covered, found);
    T_CHECK(boot >= 9 && boot <= 32); /* binomial 99 % interval of 400 at 5 % */
    T_CHECK(hac >= 9 && hac <= 36);
    T_CHECK(covered >= DATASETS - 32);
    T_CHECK(found > DATASETS / 2);
}

T_TEST(replications_are_a_function_of_the_seed)
{
    pair(5, 0.3, 0.1);
    const qlab_sharpe_diff_bootstrap x = qlab_sharpe_diff_resample(of(a), of(b), 0, 1, 300, 0.95);
    const qlab_sharpe_diff_bootstrap y = qlab_sharpe_diff_resample(of(a), of(b), 0, 1, 300, 0.95);
    const qlab_sharpe_diff_bootstrap z = qlab_sharpe_diff_resample(of(a), of(b), 0, 2, 300, 0.95);
    T_SAME_BITS(&x.lower, &y.lower, 1);
    T_CHECK(x.lower != z.lower && x.p == y.p);
    T_CHECK(x.block >= 1 && x.block <= N / 10 && x.n_blocks == N / x.block);
    T_CHECK(x.lower < x.hac.diff);
}

T_TEST(the_degenerate_is_null)
{
    pair(6, 0.0, 0.0);
    const qlab_sharpe_diff same = qlab_sharpe_diff_hac(of(a), of(a));
    T_CHECK(same.diff == 0.0 && isnan(same.t) && isnan(same.p));
    T_CHECK(isnan(qlab_sharpe_diff_resample(of(a), of(a), 0, 1, 9, 0.9).p));
    T_CHECK(isnan(qlab_sharpe_diff_hac((qlab_f64v){a, 9}, (qlab_f64v){b, 9}).diff));
    T_CHECK(isnan(qlab_sharpe_diff_hac((qlab_f64v){a, 0}, (qlab_f64v){b, 0}).diff));
    const qlab_sharpe_diff whole =
        qlab_sharpe_diff_hac((qlab_f64v){a + 1, N - 1}, (qlab_f64v){b + 1, N - 1});
    a[0] = NAN; /* the pair goes */
    const qlab_sharpe_diff gap = qlab_sharpe_diff_hac(of(a), of(b));
    T_CHECK(gap.n == N - 1);
    T_SAME_BITS(&gap.t, &whole.t, 1);
    for (size_t t = 0; t < N; t++)
        a[t] = 0.1;
    T_CHECK(isnan(qlab_sharpe_diff_hac(of(a), of(b)).diff));
    T_CHECK(isnan(qlab_sharpe_diff_hac(of(b), of(a)).t));
}

T_MAIN(T_CASE(two_ratios_and_their_order),
       T_CASE(the_standard_error_of_independent_series_is_known), T_CASE(size_and_power),
       T_CASE(replications_are_a_function_of_the_seed), T_CASE(the_degenerate_is_null))
