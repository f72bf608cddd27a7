/* Recursive kernels against the textbook recursion in long double; causality; missing rows. */
#include "num/recur.h"

#include "base/rng.h"
#include "support/t.h"

#include <math.h>
#include <string.h>

enum { N = 900 };

static double c[N], h[N], l[N], r[N], y[N], a[N], b[N], d[N];

static qlab_f64v v(const double *x, size_t n)
{
    return (qlab_f64v){x, n};
}

static qlab_f64w w(double *x, size_t n)
{
    return (qlab_f64w){x, n};
}

static void prices(uint64_t seed)
{
    t_walk(seed, c, N);
    for (size_t i = 0; i < N; i++) {
        h[i] = c[i] * (1.0 + 0.02 * qlab_rng_uniform(seed, 1, i));
        l[i] = c[i] * (1.0 - 0.02 * qlab_rng_uniform(seed, 2, i));
        r[i] = i ? log(c[i] / c[i - 1]) : NAN;
    }
}

/* x[from..): mean of the first n, then (1-a) y + a x. */
static void textbook(const long double *x, size_t from, size_t n, long double take,
                     long double *out)
{
    long double m = 0;
    for (size_t i = 0; i < N; i++) {
        out[i] = NAN;
        if (i < from)
            continue;
        if (i < from + n) {
            m += x[i] / (long double)n;
            if (i == from + n - 1)
                out[i] = m;
        } else {
            out[i] = (1 - take) * out[i - 1] + take * x[i];
        }
    }
}

static void near_all(const double *got, const long double *want, double tol)
{
    for (size_t i = 0; i < N; i++)
        T_NEAR(got[i], (double)want[i], tol);
}

static long double in_l[N], e1[N], e2[N], e3[N];

T_TEST(ema_and_macd)
{
    prices(1);
    for (size_t i = 0; i < N; i++)
        in_l[i] = c[i];
    textbook(in_l, 0, 12, 2.0L / 13, e1);
    textbook(in_l, 0, 26, 2.0L / 27, e2);
    qlab_recur_ema(v(c, N), 12, w(a, N));
    near_all(a, e1, 1e-11);
    T_CHECK(isnan(a[10]) && !isnan(a[11]));
    qlab_recur_macd(v(c, N), 12, 26, 9, w(a, N), w(b, N));
    for (size_t i = 0; i < N; i++)
        e1[i] -= e2[i];
    near_all(a, e1, 1e-11);
    textbook(e1, 25, 9, 0.2L, e3);
    near_all(b, e3, 1e-11);
    T_CHECK(isnan(b[32]) && !isnan(b[33]));
    qlab_recur_wilder(v(c, N), 14, w(a, N));
    textbook(in_l, 0, 14, 1.0L / 14, e1);
    near_all(a, e1, 1e-11);
}

T_TEST(rsi)
{
    prices(2);
    for (size_t i = 1; i < N; i++)
        in_l[i] = fmax(c[i] - c[i - 1], 0.0);
    textbook(in_l, 1, 14, 1.0L / 14, e1);
    for (size_t i = 1; i < N; i++)
        in_l[i] = fmax(c[i - 1] - c[i], 0.0);
    textbook(in_l, 1, 14, 1.0L / 14, e2);
    for (size_t i = 0; i < N; i++)
        e3[i] = 100.0L - 100.0L / (1.0L + e1[i] / e2[i]);
    qlab_recur_rsi(v(c, N), 14, w(a, N));
    near_all(a, e3, 1e-10);
    T_CHECK(isnan(a[13]) && !isnan(a[14]));

    double up[40], flat[40];
    for (size_t i = 0; i < 40; i++) {
        up[i] = 10.0 + 0.1 * (double)i;
        flat[i] = 0.1;
    }
    qlab_recur_rsi(v(up, 40), 14, w(a, 40));
    T_CHECK(a[14] == 100.0 && a[39] == 100.0);
    qlab_recur_rsi(v(flat, 40), 14, w(a, 40));
    T_CHECK(a[14] == 50.0 && a[39] == 50.0);
    for (size_t i = 0; i < 40; i++)
        up[i] = -up[i];
    qlab_recur_rsi(v(up, 40), 14, w(a, 40));
    T_CHECK(a[14] == 0.0 && a[39] == 0.0);
}

T_TEST(atr_and_ewma_vol)
{
    prices(3);
    for (size_t i = 1; i < N; i++)
        in_l[i] = fmax(h[i] - l[i], fmax(fabs(h[i] - c[i - 1]), fabs(l[i] - c[i - 1])));
    textbook(in_l, 1, 14, 1.0L / 14, e1);
    qlab_recur_atr(v(h, N), v(l, N), v(c, N), 14, w(a, N));
    near_all(a, e1, 1e-11);
    T_CHECK(isnan(a[13]) && !isnan(a[14]));

    for (size_t i = 1; i < N; i++)
        in_l[i] = (long double)r[i] * r[i];
    textbook(in_l, 1, 20, 2.0L / 21, e1);
    for (size_t i = 0; i < N; i++)
        e1[i] = sqrtl(e1[i]);
    qlab_recur_ewma_vol(v(r, N), 20, w(a, N));
    near_all(a, e1, 1e-13);
    T_CHECK(isnan(a[19]) && !isnan(a[20]));
}

static void run_all(double *out, size_t n)
{
    qlab_recur_ema(v(c, n), 20, w(out, n));
    qlab_recur_rsi(v(c, n), 14, w(a, n));
    for (size_t i = 0; i < n; i++)
        out[i] += a[i];
    qlab_recur_atr(v(h, n), v(l, n), v(c, n), 14, w(a, n));
    for (size_t i = 0; i < n; i++)
        out[i] += a[i];
    qlab_recur_ewma_vol(v(r, n), 20, w(a, n));
    for (size_t i = 0; i < n; i++)
        out[i] += a[i];
    qlab_recur_macd(v(c, n), 5, 9, 4, w(a, n), w(y, n));
    for (size_t i = 0; i < n; i++)
        out[i] += a[i] + y[i];
}

T_TEST(never_looks_ahead)
{
    prices(4);
    run_all(d, N);
    for (size_t cut = 30; cut < N; cut += 61) {
        prices(4);
        for (size_t i = cut; i < N; i++)
            c[i] = h[i] = l[i] = r[i] = i % 2 ? NAN : 1e9;
        run_all(b, N);
        T_SAME_BITS(d, b, cut);
        run_all(b, cut); /* and a shorter column is a prefix of the longer one */
        T_SAME_BITS(d, b, cut);
    }
}

T_TEST(a_missing_row_is_missing_and_passed_over)
{
    prices(5);
    qlab_recur_ema(v(c, N), 20, w(a, N));
    const size_t holes[] = {3, 100, 101};
    for (size_t i = 0, k = 0; i < N; i++) {
        const int hole = k < 3 && holes[k] == i;
        y[i] = hole ? (k == 1 ? INFINITY : NAN) : c[i - k];
        k += (size_t)hole;
    }
    qlab_recur_ema(v(y, N), 20, w(b, N));
    T_CHECK(isnan(b[3]) && isnan(b[100]) && isnan(b[101]));
    T_SAME_BITS(a + 20, b + 21, 79);
    T_SAME_BITS(a + 99, b + 102, 700);

    h[400] = NAN;
    qlab_recur_atr(v(h, N), v(l, N), v(c, N), 14, w(a, N));
    T_CHECK(isnan(a[400]) && !isnan(a[399]) && !isnan(a[401]));
    h[400] = c[400];
    c[400] = NAN;          /* the close before that is used is the last one present */
    l[401] = c[399] + 1.0; /* so that the true range reaches down to it */
    h[401] = c[399] + 2.0;
    qlab_recur_atr(v(h, N), v(l, N), v(c, N), 14, w(a, N));
    T_NEAR(a[401], a[400] * 13.0 / 14.0 + 2.0 / 14.0, 1e-12);
    qlab_recur_rsi(v(c, N), 14, w(a, N));
    T_CHECK(isnan(a[400]) && !isnan(a[401]));
}

T_TEST(a_start_560_rows_earlier_is_the_same_to_1e_8)
{
    /* What METHODS 3 relies on: the start fades away. */
    double long_c[700];
    t_walk(6, long_c, 700);
    qlab_recur_ema(v(long_c, 700), 26, w(a, 700));
    qlab_recur_ema(v(long_c + 139, 561), 26, w(b, 561));
    T_NEAR(a[699], b[560], 1e-8 * a[699]);
    qlab_recur_rsi(v(long_c, 700), 14, w(a, 700));
    qlab_recur_rsi(v(long_c + 139, 561), 14, w(b, 561));
    T_NEAR(a[699], b[560], 1e-8 * 100);
}

T_MAIN(T_CASE(ema_and_macd), T_CASE(rsi), T_CASE(atr_and_ewma_vol), T_CASE(never_looks_ahead),
       T_CASE(a_missing_row_is_missing_and_passed_over),
       T_CASE(a_start_560_rows_earlier_is_the_same_to_1e_8))
