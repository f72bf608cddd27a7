#include "num/math.h"

#include "num/math_tables.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* A value as the unevaluated sum of two doubles. */
typedef struct pair {
    double hi, lo;
} pair;

static uint64_t bits_of(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static double of_bits(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static pair two_sum(double a, double b)
{
    const double s = a + b, t = s - a;
    return (pair){s, (a - (s - t)) + (b - t)};
}

/* Upper 26 bits, so that the product of two such parts is exact. */
static double upper(double x)
{
    return of_bits(bits_of(x) & 0xfffffffff8000000u);
}

static pair two_product(double a, double b)
{
    const double p = a * b, ah = upper(a), bh = upper(b);
    const double al = a - ah, bl = b - bh;
    return (pair){p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

/* log of a positive finite number to about 68 bits: x = 2^k m, log x = k ln2 - ln c + log(1 + r)
 * with r = m c - 1 exact in two parts. */
static pair log_pair(double x)
{
    uint64_t u = bits_of(x);
    int64_t k = 0;
    if (u < 0x0010000000000000u) { /* subnormal */
        u = bits_of(x * 0x1p54);
        k = -54;
    }
    const size_t i = (size_t)(u >> 45) & 127;
    k += (int64_t)(u >> 52) - 1023 + (i >= 53);
    const uint64_t exponent = i >= 53 ? 1022 : 1023;
    const double m = of_bits((u & 0x000fffffffffffffu) | exponent << 52);
    const struct log_row *row = &LOG_TABLE[i];

    const double mh = upper(m);
    const pair r = two_sum(mh * row->c - 1.0, (m - mh) * row->c);

    /* -r^2/2 in two parts, the rest of the series in one: |r| < 2^-7. */
    const pair square = two_product(r.hi, r.hi);
    const double t = r.hi;
    const double tail =
        t * square.hi *
        (1.0 / 3 +
         t * (-1.0 / 4 +
              t * (1.0 / 5 +
                   t * (-1.0 / 6 +
                        t * (1.0 / 7 + t * (-1.0 / 8 + t * (1.0 / 9 - t * (1.0 / 10))))))));

    const double kd = (double)k;
    const pair a = two_sum(kd * LN2_HI + row->hi, r.hi);
    const pair b = two_sum(a.hi, -0.5 * square.hi);
    const double low =
        ((kd * LN2_LO + row->lo) + a.lo + b.lo) + ((r.lo - t * r.lo) - 0.5 * square.lo + tail);
    return two_sum(b.hi, low);
}

double qlab_num_log(double x)
{
    if (!(x > 0.0))
        return x == 0.0 ? -INFINITY : NAN;
    if (x == INFINITY)
        return x;
    return log_pair(x).hi;
}

void qlab_num_log_column(qlab_f64v in, qlab_f64w out)
{
    assert(out.n == in.n);
    for (size_t i = 0; i < in.n; i++)
        out.at[i] = in.at[i] > 0.0 && in.at[i] < INFINITY ? log_pair(in.at[i]).hi : NAN;
}

double qlab_num_log1p(double x)
{
    if (!(x > -1.0))
        return x == -1.0 ? -INFINITY : NAN;
    if (x == INFINITY || fabs(x) < 0x1p-54)
        return x;
    const pair s = two_sum(1.0, x);
    const pair l = log_pair(s.hi);
    return l.hi + (l.lo + s.lo / s.hi);
}

/* y * 2^k for y in [1/2, 4), rounded once more where the result is subnormal. */
static double scale(double y, int64_t k)
{
    if (k > 1000)
        return y * 0x1p1000 * of_bits((uint64_t)(k - 1000 + 1023) << 52);
    if (k < -1000)
        return y * of_bits((uint64_t)(k + 1000 + 1023) << 52) * 0x1p-1000;
    return y * of_bits((uint64_t)(k + 1023) << 52);
}

/* x = n ln2/128 + r, |r| < 2^-8.5. */
double qlab_num_exp_sum(double x, double low)
{
    if (isnan(x))
        return x;
    if (x > 709.8)
        return INFINITY;
    if (x < -745.2)
        return 0.0;
    const double n = floor(x * STEP_INV + 0.5);
    const double a = x - n * STEP_HI, w = n * STEP_LO - low;
    const double r = a - w, r_low = (a - r) - w;
    const int64_t whole = (int64_t)n;
    const struct exp_row *row = &EXP_TABLE[(uint64_t)whole & 127];
    const double p =
        r + (r_low +
             r * r * (0.5 + r * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120 + r * (1.0 / 720))))));
    return scale(row->hi + (row->lo + row->hi * p), (whole - (whole & 127)) / 128);
}

double qlab_num_exp(double x)
{
    return qlab_num_exp_sum(x, 0.0);
}

/* 0 not whole, 1 odd, 2 even. */
static int whole_kind(double y)
{
    if (floor(y) != y)
        return 0;
    if (fabs(y) >= 0x1p53)
        return 2;
    return (int64_t)fabs(y) & 1 ? 1 : 2;
}

static double pow_of_zero_or_inf(double x, double y)
{
    const bool odd = whole_kind(y) == 1;
    const bool large = (fabs(x) == INFINITY) == (y > 0.0);
    const double size = large ? INFINITY : 0.0;
    return odd && signbit(x) ? -size : size;
}

double qlab_num_pow(double x, double y)
{
    if (y == 0.0 || x == 1.0)
        return 1.0;
    if (isnan(x) || isnan(y))
        return NAN;
    if (fabs(y) == INFINITY) {
        if (fabs(x) == 1.0)
            return 1.0;
        return (fabs(x) > 1.0) == (y > 0.0) ? INFINITY : 0.0;
    }
    if (x == 0.0 || fabs(x) == INFINITY)
        return pow_of_zero_or_inf(x, y);
    const int kind = whole_kind(y);
    if (x < 0.0 && kind == 0)
        return NAN;
    const double sign = x < 0.0 && kind == 1 ? -1.0 : 1.0;

    const pair l = log_pair(fabs(x));
    /* Beyond 2^60 the product is past every limit unless the logarithm is 0; it also keeps
     * two_product in range. */
    const double yc = y > 0x1p60 ? 0x1p60 : y < -0x1p60 ? -0x1p60 : y;
    const pair p = two_product(yc, l.hi);
    return sign * qlab_num_exp_sum(p.hi, p.lo + yc * l.lo);
}

/* sin and cos of pi*a/b for 0 <= a/b <= 1/4: Taylor, enough for the last bit. */
static double cos_small(double t)
{
    const double s = t * t;
    const double rest =
        s * s *
        (1.0 / 24 -
         s * (1.0 / 720 -
              s * (1.0 / 40320 -
                   s * (1.0 / 3628800 - s * (1.0 / 479001600 -
                                             s * (1.0 / 87178291200.0 - s / 20922789888000.0))))));
    const double half = 0.5 * s, one = 1.0 - half;
    return one + (((1.0 - one) - half) + rest);
}

static double sin_small(double t)
{
    const double s = t * t;
    const double rest =
        s * (1.0 / 6 -
             s * (1.0 / 120 -
                  s * (1.0 / 5040 -
                       s * (1.0 / 362880 - s * (1.0 / 39916800 -
                                                s * (1.0 / 6227020800.0 - s / 1307674368000.0))))));
    return t - t * rest;
}

double qlab_num_cospi(int64_t num, int64_t den)
{
    static const double PI = 0x1.921fb54442d18p+1;
    assert(den > 0 && den < INT64_MAX / 4);

    int64_t a = num % (2 * den); /* period 2 */
    a = a < 0 ? -a : a;
    a = a > den ? 2 * den - a : a; /* even about pi */
    const double sign = 2 * a > den ? -1.0 : 1.0;
    a = 2 * a > den ? den - a : a; /* odd about pi/2 */
    if (4 * a <= den)
        return sign * cos_small(PI * (double)a / (double)den);
    return sign * sin_small(PI * (double)(den - 2 * a) / (double)(2 * den));
}

double qlab_num_sinpi(int64_t num, int64_t den)
{
    assert(den > 0 && den < INT64_MAX / 4);
    /* sin(pi u) = cos(pi (1/2 - u)) */
    return qlab_num_cospi(den - 2 * (num % (2 * den)), 2 * den);
}
