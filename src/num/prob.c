#include "num/math.h"

#include "base/rng.h"
#include "num/math_tables.h"

#include <assert.h>
#include <math.h>

static const double ROOT_TWO_PI_INV = 0x1.9884533d43651p-2; /* 1/sqrt(2 pi) */
static const double LOG_ROOT_TWO_PI = 0x1.d67f1c864beb5p-1; /* ln sqrt(2 pi) */

/* exp(-z^2/2): the square is taken in two parts, for its rounding alone would cost |z|^2/2 ulps. */
static double bell(double z)
{
    if (!(fabs(z) < 40.0))
        return isnan(z) ? z : 0.0;
    const double upper = floor(fabs(z) * 0x1p20) * 0x1p-20, low = fabs(z) - upper;
    return qlab_num_exp_sum(-0.5 * upper * upper /* exact: 26 bits */, -low * (upper + 0.5 * low));
}

double qlab_num_norm_pdf(double z)
{
    return ROOT_TWO_PI_INV * bell(z);
}

/* The upper tail at x >= 1/2 as a share of bell(x): Mills' ratio over sqrt(2 pi). */
static double tail_share(double x)
{
    if (x >= 10.0) {
        double tail = x;
        for (int k = 16; k >= 1; k--)
            tail = x + (double)k / tail;
        return ROOT_TWO_PI_INV / tail;
    }
    const int j = (int)(2.0 * x);
    const double *c = TAIL_TABLE[j - 1], t = x - (0.5 * j + 0.25);
    double sum = c[14];
    for (int k = 13; k >= 0; k--)
        sum = c[k] + t * sum;
    return sum;
}

/* Phi(z) - 1/2 near 0, by the series of the density. */
static double centre(double z)
{
    static const double C[13] = {1.0,
                                 -1.0 / 6,
                                 1.0 / 40,
                                 -1.0 / 336,
                                 1.0 / 3456,
                                 -1.0 / 42240,
                                 1.0 / 599040,
                                 -1.0 / 9676800,
                                 1.0 / 175472640,
                                 -1.0 / 3530096640.0,
                                 1.0 / 78033715200.0,
                                 -1.0 / 1880240947200.0,
                                 1.0 / 49049981632512.0};
    const double s = z * z;
    double sum = C[12];
    for (int k = 11; k >= 0; k--)
        sum = C[k] + s * sum;
    return ROOT_TWO_PI_INV * z * sum;
}

double qlab_num_norm_cdf(double z)
{
    if (isnan(z))
        return z;
    if (fabs(z) < 0.5)
        return 0.5 + centre(z);
    const double x = fabs(z) < 40.0 ? fabs(z) : 40.0;
    const double tail = bell(x) * tail_share(x);
    return z < 0.0 ? tail : 1.0 - tail;
}

double qlab_num_norm_sf(double z)
{
    return qlab_num_norm_cdf(-z);
}

static double horner(const double *c, double t)
{
    double sum = c[7];
    for (int k = 6; k >= 0; k--)
        sum = sum * t + c[k];
    return sum;
}

/* Wichura's three rational approximations: numerator and denominator, constant term first. */
static const double CENTRAL[2][8] = {
    {3.3871328727963666080e0, 1.3314166789178437745e+2, 1.9715909503065514427e+3,
     1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
     3.3430575583588128105e+4, 2.5090809287301226727e+3},
    {1.0, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
     2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4,
     5.2264952788528545610e+3}};
static const double NEAR_TAIL[2][8] = {
    {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
     3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4},
    {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
     1.05075007164441684324e-9}};
static const double FAR_TAIL[2][8] = {
    {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
     2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
     2.71155556874348757815e-5, 2.01033439929228813265e-7},
    {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
     2.04426310338993978564e-15}};

/* Phi^-1 to about 7 ulps, 0 < p < 1. */
static double wichura(double p)
{
    const double q = p - 0.5;
    if (fabs(q) <= 0.425) {
        const double r = 0.180625 - q * q;
        return q * (horner(CENTRAL[0], r) / horner(CENTRAL[1], r));
    }
    const double r = sqrt(-qlab_num_log(q < 0.0 ? p : 1.0 - p));
    const double z = r <= 5.0 ? horner(NEAR_TAIL[0], r - 1.6) / horner(NEAR_TAIL[1], r - 1.6)
                              : horner(FAR_TAIL[0], r - 5.0) / horner(FAR_TAIL[1], r - 5.0);
    return q < 0.0 ? -z : z;
}

double qlab_num_norm_ppf(double p)
{
    if (!(p > 0.0 && p < 1.0))
        return p == 0.0 ? -INFINITY : p == 1.0 ? INFINITY : NAN;
    const double z = wichura(p), x = fabs(z);
    const double tail = p < 0.5 ? p : 1.0 - p;
    /* One step of Newton's method, where Phi has digits to spare over z. */
    if (x < 0.5)
        return z - (centre(z) - (p - 0.5)) / qlab_num_norm_pdf(z);
    if (tail < 0x1p-1000)
        return z;
    const double further = x + (bell(x) * tail_share(x) - tail) / qlab_num_norm_pdf(x);
    return z < 0.0 ? -further : further;
}

double qlab_num_normal(uint64_t seed, uint64_t unit, uint64_t draw)
{
    return wichura(qlab_rng_uniform(seed, unit, draw));
}

/* Stirling's remainder ln Gamma(x) - [(x - 1/2) ln x - x + ln sqrt(2 pi)], x >= 10. */
static double stirling_rest(double x)
{
    static const double C[8] = {1.0 / 12,   -1.0 / 360,      1.0 / 1260, -1.0 / 1680,
                                1.0 / 1188, -691.0 / 360360, 1.0 / 156,  -3617.0 / 122400};
    const double s = 1.0 / (x * x);
    return horner(C, s) / x;
}

double qlab_num_lgamma(double x)
{
    if (!(x > 0.0))
        return NAN;
    if (x == INFINITY)
        return x;
    double product = 1.0;
    while (x < 10.0)
        product *= x++;
    const double l = qlab_num_log(x);
    return ((x - 0.5) * l - x + LOG_ROOT_TWO_PI) + (stirling_rest(x) - qlab_num_log(product));
}

/* ln [Gamma(a + b) / Gamma(a)], without the cancellation of two large numbers when a is large. */
static double lgamma_step(double a, double b)
{
    if (a < 10.0)
        return qlab_num_lgamma(a + b) - qlab_num_lgamma(a);
    return (a - 0.5) * qlab_num_log1p(b / a) - b + b * qlab_num_log(a + b) +
           (stirling_rest(a + b) - stirling_rest(a));
}

/* ln B(a, b). */
static double lbeta(double a, double b)
{
    const double small = a < b ? a : b, large = a < b ? b : a;
    return qlab_num_lgamma(small) - lgamma_step(large, small);
}

/* The continued fraction of I_x(a, b) by Lentz's method; x <= (a + 1)/(a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0);
    d = 1.0 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m < 100000; m++) {
        const double k = (double)m;
        const double even = k * (b - k) * x / ((a + 2.0 * k - 1.0) * (a + 2.0 * k));
        d = 1.0 + even * d;
        c = 1.0 + even / c;
        d = 1.0 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        const double odd = -(a + k) * (a + b + k) * x / ((a + 2.0 * k) * (a + 2.0 * k + 1.0));
        d = 1.0 + odd * d;
        c = 1.0 + odd / c;
        d = 1.0 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        const double step = d * c;
        h *= step;
        if (fabs(step - 1.0) < 0x1p-52)
            break;
    }
    return h;
}

/* I_x(a, b), or its complement I_y(b, a), where x + y = 1 and both are known to the last bit. */
static double beta_tail(double a, double b, double x, double y, bool complement)
{
    if (x <= 0.0 || y <= 0.0)
        return (x <= 0.0) == complement ? 1.0 : 0.0;
    const double log_x = x < 0.5 ? qlab_num_log(x) : qlab_num_log1p(-y);
    const double log_y = y < 0.5 ? qlab_num_log(y) : qlab_num_log1p(-x);
    const double front = qlab_num_exp((a * log_x + b * log_y) - lbeta(a, b));
    const bool direct = x <= (a + 1.0) / (a + b + 2.0);
    const double part =
        direct ? front * beta_fraction(a, b, x) / a : front * beta_fraction(b, a, y) / b;
    return direct == complement ? 1.0 - part : part;
}

double qlab_num_beta_inc(double a, double b, double x)
{
    if (!(a > 0.0 && b > 0.0 && x >= 0.0 && x <= 1.0))
        return NAN;
    return beta_tail(a, b, x, 1.0 - x, false);
}

double qlab_num_t_sf(double t, double df)
{
    if (isnan(t) || !(df > 0.0))
        return NAN;
    if (df == INFINITY)
        return qlab_num_norm_sf(t);
    if (fabs(t) == INFINITY)
        return t > 0.0 ? 0.0 : 1.0;
    /* x = df/(df + t^2), written so that neither end overflows. */
    const double s = fabs(t) / sqrt(df), s2 = s * s;
    const double x = s < 1e150 ? 1.0 / (1.0 + s2) : 0.0;
    const double y = s < 1e150 ? s2 / (1.0 + s2) : 1.0;
    const double tail = 0.5 * beta_tail(0.5 * df, 0.5, x, y, false);
    return t >= 0.0 ? tail : 1.0 - tail;
}

double qlab_num_t_ppf(double p, double df)
{
    if (!(p > 0.0 && p < 1.0 && df > 0.0))
        return df > 0.0 && p == 0.0 ? -INFINITY : df > 0.0 && p == 1.0 ? INFINITY : NAN;
    if (p == 0.5)
        return 0.0;
    const double tail = p < 0.5 ? p : 1.0 - p;
    double lo = 0.0, hi = 1.0;
    while (hi < 1e300 && qlab_num_t_sf(hi, df) > tail)
        hi *= 2.0;
    for (int i = 0; i < 200; i++) { /* bisection: every step is safe, speed is of no matter */
        const double mid = lo + 0.5 * (hi - lo);
        if (mid <= lo || mid >= hi)
            break;
        if (qlab_num_t_sf(mid, df) > tail)
            lo = mid;
        else
            hi = mid;
    }
    return p < 0.5 ? -hi : hi;
}

double qlab_num_f_sf(double f, double d1, double d2)
{
    if (isnan(f) || !(d1 > 0.0 && d2 > 0.0))
        return NAN;
    if (f <= 0.0)
        return 1.0;
    const double r = d1 * f / d2;
    if (r > 1e300)
        return 0.0;
    return beta_tail(0.5 * d2, 0.5 * d1, 1.0 / (1.0 + r), r / (1.0 + r), false);
}
