/* log, exp, pow, Phi, cos against long double, in units in the last place, on a few million points.
 */
#include "num/math.h"

#include "base/rng.h"
#include "support/t.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { N_POINTS = 150000, SEED = 20260101 };

static const long double PI_L = 3.14159265358979323846264338327950288L;
static const long double ROOT_HALF_L = 0.70710678118654752440084436210485L;

static double unit(uint64_t stream, uint64_t i)
{
    return qlab_rng_uniform(SEED, stream, i);
}

static double ulp(double v)
{
    int e;
    if (fabs(v) < 0x1p-1022)
        return 0x1p-1074;
    (void)frexp(fabs(v), &e);
    return ldexp(1.0, e - 53);
}

static double ulps_off(double got, long double want)
{
    const double near = (double)want;
    if (isnan(got) || isnan(near))
        return isnan(got) && isnan(near) ? 0.0 : INFINITY;
    if (isinf(got) || isinf(near))
        return got == near ? 0.0 : INFINITY;
    return (double)(fabsl((long double)got - want)) / ulp(near);
}

typedef struct args {
    double x, y;
} args;

static double worst(uint64_t stream, args (*draw)(uint64_t stream, uint64_t i), double (*f)(args a),
                    long double (*reference)(args a))
{
    double most = 0.0;
    for (uint64_t i = 0; i < N_POINTS; i++) {
        const args a = draw(stream, i);
        const double off = ulps_off(f(a), reference(a));
        if (!(off <= most))
            most = off;
    }
    return most;
}

/* Reference digits beyond the double: without them there is nothing to compare with. */
#define T_NEEDS_LONG_DOUBLE()                                                                      \
    if (LDBL_MANT_DIG < 64)                                                                        \
    skip()

static args any_positive(uint64_t s, uint64_t i)
{
    const uint64_t u = qlab_rng_u64(SEED, s, i) >> 1;
    args a = {0};
    memcpy(&a.x, &u, sizeof u);
    if (!(a.x > 0.0 && a.x < INFINITY))
        a.x = 1.0;
    return a;
}

static args around_one(uint64_t s, uint64_t i)
{
    return (args){1.0 + (unit(s, 2 * i) - 0.5) * ldexp(1.0, -(int)(i % 53)), 0.0};
}

static args subnormal(uint64_t s, uint64_t i)
{
    return (args){unit(s, i) * 0x1p-1022, 0.0};
}

static double f_log(args a)
{
    return qlab_num_log(a.x);
}

static long double r_log(args a)
{
    return logl(a.x);
}

T_TEST(log_is_within_an_ulp)
{
    T_NEEDS_LONG_DOUBLE();
    T_CHECK(worst(1, any_positive, f_log, r_log) <= 0.52);
    T_CHECK(worst(2, around_one, f_log, r_log) <= 0.52);
    T_CHECK(worst(3, subnormal, f_log, r_log) <= 0.52);
    for (uint64_t i = 0; i < 256; i++) { /* both sides of every edge of the table */
        const double edge = 1.0 + (double)i / 256.0;
        for (double x = nextafter(edge, 0.0); x <= nextafter(edge, 9.0); x = nextafter(x, 9.0))
            T_CHECK(ulps_off(qlab_num_log(x), logl(x)) <= 0.52);
    }
}

static args exp_range(uint64_t s, uint64_t i)
{
    return (args){1500.0 * unit(s, i) - 755.0, 0.0};
}

static args small_of_any_size(uint64_t s, uint64_t i)
{
    return (args){(2.0 * unit(s, i) - 1.0) * ldexp(1.0, -(int)(i % 64)), 0.0};
}

static double f_exp(args a)
{
    return qlab_num_exp(a.x);
}

static long double r_exp(args a)
{
    return expl(a.x);
}

T_TEST(exp_is_within_an_ulp)
{
    T_NEEDS_LONG_DOUBLE();
    T_CHECK(worst(4, exp_range, f_exp, r_exp) <= 1.0);
    T_CHECK(worst(5, small_of_any_size, f_exp, r_exp) <= 0.52);
}

static double f_log1p(args a)
{
    return qlab_num_log1p(a.x);
}

static long double r_log1p(args a)
{
    return log1pl(a.x);
}

T_TEST(log1p_is_within_two_ulps)
{
    T_NEEDS_LONG_DOUBLE();
    T_CHECK(worst(6, small_of_any_size, f_log1p, r_log1p) <= 2.0);
    T_CHECK(worst(7, any_positive, f_log1p, r_log1p) <= 2.0);
}

static args pow_range(uint64_t s, uint64_t i)
{
    return (args){exp(20.0 * unit(s, 2 * i) - 10.0), 120.0 * (unit(s, 2 * i + 1) - 0.5)};
}

static args pow_near_one(uint64_t s, uint64_t i)
{
    const args a = around_one(s, i);
    return (args){a.x, (unit(s, 2 * i + 1) - 0.5) * ldexp(1.0, (int)(i % 60))};
}

static args pow_whole(uint64_t s, uint64_t i)
{
    return (args){20.0 * (unit(s, i) - 0.5), (double)(i % 41) - 20.0};
}

static double f_pow(args a)
{
    return qlab_num_pow(a.x, a.y);
}

static long double r_pow(args a)
{
    return powl(a.x, a.y);
}

T_TEST(pow_is_within_an_ulp)
{
    T_NEEDS_LONG_DOUBLE();
    T_CHECK(worst(8, pow_range, f_pow, r_pow) <= 0.52);
    T_CHECK(worst(9, pow_near_one, f_pow, r_pow) <= 1.0);
    T_CHECK(worst(10, pow_whole, f_pow, r_pow) <= 0.52);
}

T_TEST(special_values_are_those_of_the_standard)
{
    static const double V[] = {0.0,  -0.0, 1.0,       -1.0, 2.0,   -2.0,   0.5,        -0.5,
                               3.0,  -3.0, 2.5,       NAN,  1e308, -1e308, 5e-324,     -5e-324,
                               1e17, -7.0, -INFINITY, 1e-9, 1e30,  0x1p53, 0x1p52 + 1, INFINITY};
    const size_t n = sizeof V / sizeof *V;
    for (size_t i = 0; i < n; i++) {
        T_CHECK(ulps_off(qlab_num_log(V[i]), log(V[i])) <= 1.0);
        T_CHECK(ulps_off(qlab_num_exp(V[i]), exp(V[i])) <= 1.0);
        for (size_t j = 0; j < n; j++) {
            const double got = qlab_num_pow(V[i], V[j]), want = pow(V[i], V[j]);
            T_CHECK(ulps_off(got, want) <= 2.0);
            T_CHECK(isnan(want) || signbit(got) == signbit(want));
        }
    }
    T_CHECK(qlab_num_exp(709.782712893384) < INFINITY);
    T_CHECK(qlab_num_exp(709.782712893385) == INFINITY);
    T_CHECK(qlab_num_exp(-745.13321910194) == 0x1p-1074);
    T_CHECK(qlab_num_exp(-745.1332191019412) == 0.0);
    T_CHECK(qlab_num_exp(0.0) == 1.0 && qlab_num_log(1.0) == 0.0);
    T_CHECK(isnan(qlab_num_norm_cdf(NAN)) && isnan(qlab_num_norm_ppf(NAN)));
    T_CHECK(qlab_num_norm_cdf(INFINITY) == 1.0 && qlab_num_norm_cdf(-INFINITY) == 0.0);
    T_CHECK(qlab_num_norm_ppf(0.0) == -INFINITY && qlab_num_norm_ppf(1.0) == INFINITY);
    T_CHECK(isnan(qlab_num_norm_ppf(-0.1)) && isnan(qlab_num_norm_ppf(1.1)));
    T_CHECK(qlab_num_norm_ppf(0.5) == 0.0 && qlab_num_norm_cdf(0.0) == 0.5);
}

static args lower_tail(uint64_t s, uint64_t i)
{
    return (args){-38.6 * unit(s, i), 0.0};
}

static args body(uint64_t s, uint64_t i)
{
    return (args){6.0 * unit(s, i) - 3.0, 0.0};
}

static double f_cdf(args a)
{
    return qlab_num_norm_cdf(a.x);
}

static long double r_cdf(args a)
{
    return 0.5L * erfcl(-(long double)a.x * ROOT_HALF_L);
}

static double f_sf(args a)
{
    return qlab_num_norm_sf(-a.x);
}

T_TEST(phi_is_within_four_ulps_in_both_tails)
{
    T_NEEDS_LONG_DOUBLE();
    T_CHECK(worst(11, lower_tail, f_cdf, r_cdf) <= 4.0);
    T_CHECK(worst(11, lower_tail, f_sf, r_cdf) <= 4.0);
    T_CHECK(worst(12, body, f_cdf, r_cdf) <= 4.0);
}

/* The quantile by Newton's method in long double, from the value to be judged. */
static long double quantile(double p, double start)
{
    const long double tail = p < 0.5 ? (long double)p : 1.0L - (long double)p;
    long double z = start < 0.0 ? start : -start;
    for (int i = 0; i < 4; i++) {
        const long double off = 0.5L * erfcl(-z * ROOT_HALF_L) - tail;
        z -= off / (expl(-0.5L * z * z) / sqrtl(2.0L * PI_L));
    }
    return p < 0.5 ? z : -z;
}

T_TEST(the_quantile_is_within_four_ulps)
{
    T_NEEDS_LONG_DOUBLE();
    double most = 0.0;
    for (uint64_t i = 0; i < N_POINTS; i++) {
        double p = unit(13, i);
        if (i % 3 == 1)
            p = exp(-700.0 * p);
        if (i % 3 == 2)
            p = 1.0 - exp(-34.0 * p);
        if (!(p > 0.0 && p < 1.0) || fabs(p - 0.5) < 1e-4) /* beside 1/2 Newton has no digits */
            continue;
        const double z = qlab_num_norm_ppf(p);
        const double off = ulps_off(z, quantile(p, z));
        most = off > most ? off : most;
    }
    T_CHECK(most <= 4.0);
    for (int k = 2; k < 50;
         k++) { /* beside 1/2: z = sqrt(2 pi) (p - 1/2) (1 + pi/3 (p-1/2)^2 ..) */
        const double d = ldexp(1e-4, -k);
        const long double q = (long double)(0.5 + d) - 0.5L;
        const long double want = sqrtl(2 * PI_L) * q * (1.0L + PI_L / 3.0L * q * q);
        T_CHECK(ulps_off(qlab_num_norm_ppf(0.5 + d), want) <= 4.0);
    }
}

T_TEST(cosines_of_ratios_of_pi)
{
    T_NEEDS_LONG_DOUBLE();
    double most = 0.0;
    for (uint64_t i = 0; i < N_POINTS; i++) {
        const int64_t den = 1 + (int64_t)qlab_rng_below(SEED, 14, 2 * i, 20000);
        const int64_t num = (int64_t)qlab_rng_below(SEED, 14, 2 * i + 1, 4000000) - 2000000;
        /* In eighths of a turn, so that the reference has its digits near the zeros as well. */
        const int64_t r = ((num % (2 * den)) + 2 * den) % (2 * den);
        const int64_t octant = 4 * r / den, rest = 4 * r - octant * den;
        const long double t = PI_L * (long double)rest / (4.0L * (long double)den);
        const long double c = cosl(t), s = sinl(t), h = ROOT_HALF_L;
        const long double cs[8] = {c,  h * (c - s),  -s, -h * (c + s),
                                   -c, -h * (c - s), s,  h * (c + s)};
        if (octant % 2 == 1 && fabsl(c - s) < 0.1L)
            continue; /* the reference cancels there; its mirror octant is tested */
        most = fmax(most, ulps_off(qlab_num_cospi(num, den), cs[octant]));
    }
    T_CHECK(most <= 3.0);
    T_CHECK(qlab_num_cospi(1, 2) == 0.0 && qlab_num_cospi(-3, 2) == 0.0);
    T_CHECK(qlab_num_cospi(0, 7) == 1.0 && qlab_num_cospi(7, 7) == -1.0);
    T_CHECK(qlab_num_sinpi(1, 2) == 1.0 && qlab_num_sinpi(5, 5) == 0.0 &&
            qlab_num_sinpi(3, 2) == -1.0);
    T_NEAR(qlab_num_sinpi(1, 6), 0.5, 2e-16);
    T_NEAR(qlab_num_sinpi(-7, 6), 0.5, 2e-16);
}

T_TEST(normal_deviates_have_the_moments_of_a_normal)
{
    double m = 0, v = 0, k = 0;
    const int n = 200000;
    for (int i = 0; i < n; i++) {
        const double z = qlab_num_normal(7, (uint64_t)(i % 3), (uint64_t)i);
        m += z / n;
        v += z * z / n;
        k += z * z * z * z / n;
    }
    T_NEAR(m, 0.0, 4.5 / sqrt(n));
    T_NEAR(v, 1.0, 4.5 * sqrt(2.0 / n));
    T_NEAR(k, 3.0, 4.5 * sqrt(96.0 / n));
    const double a = qlab_num_normal(7, 1, 5), b = qlab_num_normal(7, 1, 5);
    T_SAME_BITS(&a, &b, 1);
}

T_TEST(tails_of_t_and_f_meet_closed_forms)
{
    for (double t = -8.0; t <= 8.0; t += 0.37) {
        T_NEAR(qlab_num_t_sf(t, 1.0), 0.5 - atan(t) / (double)PI_L, 1e-14);
        T_NEAR(qlab_num_t_sf(t, 2.0), 0.5 - 0.5 * t / sqrt(2.0 + t * t), 1e-14);
        T_NEAR(qlab_num_t_sf(t, 1e9), qlab_num_norm_sf(t), 1e-9);
        T_NEAR(qlab_num_t_sf(t, 4.0) + qlab_num_t_sf(-t, 4.0), 1.0, 1e-15);
        /* T^2 is F(1, df) */
        T_NEAR(qlab_num_f_sf(t * t, 1.0, 7.0), 2.0 * qlab_num_t_sf(fabs(t), 7.0), 1e-13);
    }
    T_NEAR(qlab_num_t_sf(1e10, 3.0) / 1.10266e-30 - 1.0, 0.0, 1e-5);
    T_CHECK(isnan(qlab_num_t_sf(NAN, 3.0)) && isnan(qlab_num_t_sf(1.0, 0.0)));
    T_CHECK(qlab_num_t_sf(INFINITY, 3.0) == 0.0 && qlab_num_t_sf(-INFINITY, 3.0) == 1.0);
    for (double p = 0.0005; p < 1.0; p += 0.0371)
        T_NEAR(qlab_num_t_sf(-qlab_num_t_ppf(p, 5.0), 5.0), p, 1e-13);
    /* I_x(a, 1) = x^a, I_x(1, b) = 1 - (1-x)^b */
    T_NEAR(qlab_num_beta_inc(3.5, 1.0, 0.3), pow(0.3, 3.5), 1e-14);
    T_NEAR(qlab_num_beta_inc(1.0, 3.5, 0.3), 1.0 - pow(0.7, 3.5), 1e-14);
    T_CHECK(qlab_num_beta_inc(2.0, 3.0, 0.0) == 0.0 && qlab_num_beta_inc(2.0, 3.0, 1.0) == 1.0);
    double factorial = 1.0;
    for (int n = 1; n < 30; n++) {
        T_NEAR(qlab_num_lgamma(n), log(factorial), 1e-14 * (1.0 + log(factorial)));
        factorial *= n;
    }
}

T_MAIN(T_CASE(log_is_within_an_ulp), T_CASE(exp_is_within_an_ulp), T_CASE(log1p_is_within_two_ulps),
       T_CASE(pow_is_within_an_ulp), T_CASE(special_values_are_those_of_the_standard),
       T_CASE(phi_is_within_four_ulps_in_both_tails), T_CASE(the_quantile_is_within_four_ulps),
       T_CASE(cosines_of_ratios_of_pi), T_CASE(normal_deviates_have_the_moments_of_a_normal),
       T_CASE(tails_of_t_and_f_meet_closed_forms))
