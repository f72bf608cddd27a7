/* Rolling kernels: the definition in long double, no look-ahead, slices equal the whole, missing
 * rows. */
#include "num/roll.h"

#include "base/rng.h"
#include "support/t.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 1400, N_KERNELS = 12 };

static const size_t WINDOWS[] = {1, 2, 3, 5, 20, 21, 60, 200, 252, 511, 513};
enum { N_WINDOWS = sizeof WINDOWS / sizeof *WINDOWS };

typedef void kernel(const double *x, const double *w, size_t n, size_t win, double *out);

static qlab_f64v v(const double *x, size_t n)
{
    return (qlab_f64v){x, n};
}

static qlab_f64w w_(double *x, size_t n)
{
    return (qlab_f64w){x, n};
}

#define KERNEL(name, call)                                                                         \
    static void name(const double *x, const double *w, size_t n, size_t win, double *out)          \
    {                                                                                              \
        (void)w;                                                                                   \
        call;                                                                                      \
    }
KERNEL(k_sum, qlab_roll_sum(v(x, n), win, w_(out, n)))
KERNEL(k_mean, qlab_roll_mean(v(x, n), win, w_(out, n)))
KERNEL(k_max, qlab_roll_max(v(x, n), win, w_(out, n)))
KERNEL(k_min, qlab_roll_min(v(x, n), win, w_(out, n)))
KERNEL(k_std, qlab_roll_std(v(x, n), win, w_(out, n)))
KERNEL(k_zscore, qlab_roll_zscore(v(x, n), win, w_(out, n)))
KERNEL(k_skew, qlab_roll_skew(v(x, n), win, w_(out, n)))
KERNEL(k_ratio, qlab_roll_ratio(v(x, n), v(w, n), win, w_(out, n)))
KERNEL(k_weighted, qlab_roll_weighted_mean(v(x, n), v(w, n), win, w_(out, n)))
KERNEL(k_present, qlab_roll_mean_present(v(x, n), win, (3 * win + 3) / 4, w_(out, n)))
KERNEL(k_median, qlab_roll_median(v(x, n), win, w_(out, n)))
KERNEL(k_change, qlab_roll_change(v(x, n), win, w_(out, n)))

/* The value at the last row of a window, in long double; NaN as the header says. */
static long double mean_l(const double *x, size_t win)
{
    long double s = 0;
    for (size_t i = 0; i < win; i++)
        s += x[i];
    return s / (long double)win;
}

/* x[i] - mean; from the first row on, for long double has its limits too. */
static long double apart(const double *x, size_t win, size_t i)
{
    long double s = 0;
    for (size_t k = 0; k < win; k++)
        s += (long double)x[k] - x[0];
    return ((long double)x[i] - x[0]) - s / (long double)win;
}

static long double central(const double *x, size_t win, int power)
{
    const long double first = apart(x, win, 0);
    long double s = 0;
    for (size_t i = 0; i < win; i++)
        s += powl(((long double)x[i] - x[0]) + first, power);
    return s;
}

typedef double definition(const double *x, const double *w, size_t win);

static double d_sum(const double *x, const double *w, size_t win)
{
    (void)w;
    return (double)(mean_l(x, win) * (long double)win);
}

static double d_mean(const double *x, const double *w, size_t win)
{
    (void)w;
    return (double)mean_l(x, win);
}

static double d_extreme(const double *x, size_t win, double sign)
{
    double best = sign * x[0];
    for (size_t i = 0; i < win; i++) {
        if (!isfinite(x[i]))
            return NAN;
        best = fmax(best, sign * x[i]);
    }
    return sign * best;
}

static double d_max(const double *x, const double *w, size_t win)
{
    (void)w;
    return d_extreme(x, win, 1.0);
}

static double d_min(const double *x, const double *w, size_t win)
{
    (void)w;
    return d_extreme(x, win, -1.0);
}

static double d_std(const double *x, const double *w, size_t win)
{
    (void)w;
    return (double)sqrtl(central(x, win, 2) / (long double)(win - 1));
}

static double d_zscore(const double *x, const double *w, size_t win)
{
    const double s = d_std(x, w, win);
    return s > 0 ? (double)(apart(x, win, win - 1) / s) : NAN;
}

static double d_skew(const double *x, const double *w, size_t win)
{
    (void)w;
    const long double n = (long double)win, m2 = central(x, win, 2) / n;
    return m2 > 0 ? (double)(central(x, win, 3) / n / (m2 * sqrtl(m2))) : NAN;
}

static double d_ratio(const double *x, const double *w, size_t win)
{
    return (double)(mean_l(x, win) / mean_l(w, win));
}

static double d_weighted(const double *x, const double *w, size_t win)
{
    long double s = 0;
    for (size_t i = 0; i < win; i++)
        s += (long double)x[i] * w[i];
    return (double)(s / (mean_l(w, win) * (long double)win));
}

static double d_present(const double *x, const double *w, size_t win)
{
    long double s = 0;
    size_t n = 0;
    (void)w;
    for (size_t i = 0; i < win; i++) {
        if (isfinite(x[i])) {
            s += x[i];
            n++;
        }
    }
    return n >= (3 * win + 3) / 4 ? (double)(s / (long double)n) : NAN;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double d_median(const double *x, const double *w, size_t win)
{
    double s[2048];
    (void)w;
    for (size_t i = 0; i < win; i++) {
        if (!isfinite(x[i]))
            return NAN;
        s[i] = x[i];
    }
    qsort(s, win, sizeof *s, ascending);
    return 0.5 * s[(win - 1) / 2] + 0.5 * s[win / 2];
}

static const struct row {
    kernel *run;
    definition *define;
    size_t win_min;
    double tol;     /* of the magnitude of the values, times the scale below */
    int scale_free; /* result has no unit: tolerance absolute */
} K[N_KERNELS] = {
    {k_sum, d_sum, 1, 1e-14, 0},
    {k_mean, d_mean, 1, 1e-14, 0},
    {k_max, d_max, 1, 0, 0},
    {k_min, d_min, 1, 0, 0},
    {k_std, d_std, 2, 1e-13, 0},
    {k_zscore, d_zscore, 2, 1e-11, 1},
    {k_skew, d_skew, 3, 1e-10, 1},
    {k_ratio, d_ratio, 1, 1e-14, 0},
    {k_weighted, d_weighted, 1, 1e-14, 0},
    {k_present, d_present, 1, 1e-14, 0},
    {k_median, d_median, 1, 0, 0},
    {k_change, NULL, 1, 0, 0},
};

static double x[N], y[N], vol[N], a[N], b[N];

static void volumes(double *out)
{
    for (size_t i = 0; i < N; i++)
        out[i] = 100.0 + 1e5 * qlab_rng_uniform(3, 1, i);
}

static void compare_with_definition(double scale, double noise)
{
    t_walk(1, x, N);
    volumes(vol);
    for (size_t i = 0; i < N; i++)
        x[i] = scale * (noise > 0 ? 1e7 + noise * (x[i] - 100.0) : x[i]);
    for (size_t k = 0; k < N_KERNELS - 1; k++) {
        for (size_t j = 0; j < N_WINDOWS; j++) {
            const size_t win = WINDOWS[j];
            if (win < K[k].win_min)
                continue;
            K[k].run(x, vol, N, win, a);
            for (size_t i = 0; i < N; i++) {
                if (i + 1 < win) {
                    T_CHECK(isnan(a[i]));
                    continue;
                }
                const double want = K[k].define(x + i + 1 - win, vol + i + 1 - win, win);
                const double size = K[k].scale_free ? 1.0 : fabs(want) + 1e-300;
                T_NEAR(a[i], want, K[k].tol * size);
            }
        }
    }
}

T_TEST(matches_the_definition)
{
    compare_with_definition(1.0, 0.0);
    compare_with_definition(1e-90, 0.0);
    compare_with_definition(1e90, 0.0);
    compare_with_definition(1.0, 0.5); /* small steps on a level of 1e7 keep their digits */
}

T_TEST(never_looks_ahead)
{
    t_walk(2, x, N);
    volumes(vol);
    for (size_t k = 0; k < N_KERNELS; k++) {
        K[k].run(x, vol, N, 20, a);
        for (size_t cut = 0; cut < N; cut += 37) {
            memcpy(y, x, sizeof y);
            for (size_t i = cut + 1; i < N; i++)
                y[i] = i % 3 ? -1e6 * (double)i : NAN;
            K[k].run(y, vol, N, 20, b);
            T_SAME_BITS(a, b, cut + 1);
        }
    }
}

T_TEST(slices_equal_the_whole)
{
    t_walk(3, x, N);
    volumes(vol);
    x[100] = NAN;
    for (size_t k = 0; k < N_KERNELS; k++) {
        for (size_t j = 0; j < N_WINDOWS; j++) {
            const size_t win = WINDOWS[j];
            if (win < K[k].win_min)
                continue;
            K[k].run(x, vol, N, win, a);
            for (size_t from = 0; from + win + 1 < N; from += 1 + from / 5) {
                const size_t n = (from % 3 ? N : (N + from + win) / 2) - from;
                const size_t lead = k == N_KERNELS - 1 ? win : win - 1;
                K[k].run(x + from, vol + from, n, win, b);
                if (n > lead)
                    T_SAME_BITS(a + from + lead, b + lead, n - lead);
            }
        }
    }
}

T_TEST(a_missing_row_reaches_its_windows_and_no_further)
{
    const double holes[] = {NAN, INFINITY, -INFINITY};
    volumes(vol);
    for (size_t h = 0; h < 3; h++) {
        t_walk(4, x, N);
        x[50] = holes[h];
        x[700] = holes[h];
        for (size_t k = 0; k < N_KERNELS - 1; k++) {
            if (K[k].run == k_present)
                continue;
            K[k].run(x, vol, N, 20, a);
            for (size_t i = 19; i < N; i++)
                T_CHECK(isnan(a[i]) == ((i >= 50 && i < 70) || (i >= 700 && i < 720)));
        }
        k_present(x, vol, N, 20, a);
        for (size_t i = 19; i < N; i++)
            T_NEAR(a[i], d_present(x + i - 19, vol, 20), 1e-12);
        for (size_t i = 300; i < 320; i++)
            x[i] = i % 2 ? NAN : x[i]; /* ten of twenty: fewer than three quarters */
        k_present(x, vol, N, 20, a);
        T_CHECK(isnan(a[319]) && !isnan(a[305]));
    }
}

T_TEST(a_constant_has_no_spread)
{
    for (size_t j = 0; j < N_WINDOWS; j++) {
        const size_t win = WINDOWS[j];
        for (size_t i = 0; i < N; i++)
            x[i] = 0.1; /* not a binary number: naive code finds a spread */
        if (win < 3)
            continue;
        k_std(x, vol, N, win, a);
        k_skew(x, vol, N, win, b);
        k_zscore(x, vol, N, win, y);
        for (size_t i = win - 1; i < N; i++)
            T_CHECK(a[i] == 0.0 && isnan(b[i]) && isnan(y[i]));
    }
}

T_TEST(the_level_costs_no_digits)
{
    /* NIST NumAcc style: 1e7 + {1,2,3}; 1e7 + .2, then .1 and .3 by turns. */
    const double three[] = {1e7 + 1, 1e7 + 2, 1e7 + 3};
    qlab_roll_std(v(three, 3), 3, w_(a, 3));
    T_CHECK(a[2] == 1.0);
    for (size_t i = 0; i < 1001; i++)
        x[i] = i == 0 ? 10000000.2 : i % 2 ? 10000000.1 : 10000000.3;
    qlab_roll_std(v(x, 1001), 1001, w_(a, 1001));
    T_NEAR(a[1000] / d_std(x, NULL, 1001), 1.0, 1e-12);
    T_NEAR(a[1000], 0.1, 1e-8); /* the data are not exact */
}

T_TEST(short_and_empty_columns)
{
    t_walk(5, x, N);
    for (size_t k = 0; k < N_KERNELS; k++) {
        for (size_t n = 0; n < 6; n++) {
            for (size_t i = 0; i < 6; i++)
                a[i] = 7.0;
            K[k].run(x, vol, n, 5, a);
            for (size_t i = 0; i < n; i++)
                T_CHECK(isnan(a[i]) == (i < (k == N_KERNELS - 1 ? 5 : 4)));
            T_CHECK(a[n] == 7.0);
        }
    }
    const double zero[] = {0.0, 0.0, 0.0};
    qlab_roll_ratio(v(x, 3), v(zero, 3), 2, w_(a, 3));
    T_CHECK(isnan(a[1]) && isnan(a[2]));
    qlab_roll_change(v(x, 6), 2, w_(a, 6));
    for (size_t i = 2; i < 6; i++)
        T_NEAR(a[i], x[i] / x[i - 2] - 1.0, 0.0);
    qlab_roll_change(v(zero, 3), 1, w_(a, 3));
    T_CHECK(isnan(a[1]) && isnan(a[2]));
}

T_MAIN(T_CASE(matches_the_definition), T_CASE(never_looks_ahead), T_CASE(slices_equal_the_whole),
       T_CASE(a_missing_row_reaches_its_windows_and_no_further), T_CASE(a_constant_has_no_spread),
       T_CASE(the_level_costs_no_digits), T_CASE(short_and_empty_columns))
