/* golden/vectors.md, "Indicators": the house price path. */
#include "num/math.h"
#include "num/recur.h"
#include "num/roll.h"
#include "support/t.h"

#include <math.h>

enum { N = 300 };

static double p[N], volume[N], out[N], logret[N];

static void house_path(void)
{
    p[0] = 100.0;
    volume[0] = 1000.0;
    for (long i = 1; i < N; i++) {
        p[i] = p[i - 1] * (1.0 + (double)((i * i * 7919 + i * 104729) % 2001 - 1000) / 40000.0);
        volume[i] = 1000.0 + (double)((31 * i * i + 17 * i) % 977);
    }
}

static void relative(double got, double want, double tol)
{
    T_NEAR(got / want, 1.0, tol);
}

T_TEST(the_path_itself)
{
    house_path();
    relative(p[1], 98.98, 1e-9);
    relative(p[10], 101.223375245636, 1e-9);
    relative(p[299], 88.996609808188, 1e-9);
}

T_TEST(rsi_of_wilder)
{
    house_path();
    qlab_recur_rsi((qlab_f64v){p, N}, 14, (qlab_f64w){out, N});
    relative(out[14], 57.192860804535, 1e-9);
    relative(out[15], 57.489766676074, 1e-9);
}

T_TEST(momentum_and_vwap)
{
    house_path();
    T_NEAR(p[278] / p[47] - 1.0, -0.043897820896, 1e-12);
    qlab_roll_change((qlab_f64v){p, 279}, 231, (qlab_f64w){out, 279});
    T_NEAR(out[278], -0.043897820896, 1e-12);
    qlab_roll_weighted_mean((qlab_f64v){p, N}, (qlab_f64v){volume, N}, 20, (qlab_f64w){out, N});
    relative(out[299], 90.235794014943, 1e-9);
    T_NEAR(p[299] / out[299] - 1.0, -0.013732734557, 1e-11);
}

T_TEST(volatility_of_log_returns)
{
    house_path();
    logret[0] = NAN;
    for (size_t i = 1; i < N; i++)
        logret[i] = qlab_num_log(p[i] / p[i - 1]);
    qlab_roll_std((qlab_f64v){logret, N}, 21, (qlab_f64w){out, N});
    relative(out[299], 0.0147034075578467, 1e-9);
    T_CHECK(isnan(out[20]) && !isnan(out[21]));
}

T_TEST(a_level_of_1e7_costs_no_digits)
{
    const double three[] = {1e7 + 1, 1e7 + 2, 1e7 + 3};
    qlab_roll_std((qlab_f64v){three, 3}, 3, (qlab_f64w){out, 3});
    T_NEAR(out[2] * out[2] * 2.0 / 3.0, 2.0 / 3.0, 1e-16); /* population variance 2/3 */
    static double x[1001];
    for (size_t i = 0; i < 1001; i++)
        x[i] = i == 0 ? 1e7 + 0.2 : i % 2 ? 1e7 + 0.1 : 1e7 + 0.3;
    static double std[1001];
    qlab_roll_std((qlab_f64v){x, 1001}, 1001, (qlab_f64w){std, 1001});
    T_NEAR(std[1000], 0.1, 1e-8); /* 1e7 + 0.1 is itself rounded to 1e-9 */
    for (size_t i = 0; i < 1001; i++)
        x[i] = 1e7;
    qlab_roll_std((qlab_f64v){x, 1001}, 20, (qlab_f64w){std, 1001});
    for (size_t i = 19; i < 1001; i++)
        T_CHECK(std[i] == 0.0); /* running sums would go below zero here */
}

T_MAIN(T_CASE(the_path_itself), T_CASE(rsi_of_wilder), T_CASE(momentum_and_vwap),
       T_CASE(volatility_of_log_returns), T_CASE(a_level_of_1e7_costs_no_digits))
