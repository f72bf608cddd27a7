#include "stat/har.h"

#include "num/math.h"
#include "stat/series.h"

#include <assert.h>
#include <math.h>

/* floor(0.41 n^(2/3)) in whole numbers: the largest b with (100 b)^3 <= 41^3 n^2.  A power function
 * would be off by one wherever n is a cube (n = 1000). */
static size_t rate_terms(size_t n)
{
    __extension__ typedef unsigned __int128 wide;
    const wide limit = (wide)68921 * n * n;
    size_t lo = 0, hi = n + 1;
    while (hi - lo > 1) {
        const size_t mid = lo + (hi - lo) / 2;
        if ((wide)1000000 * mid * mid * mid <= limit)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

size_t qlab_har_terms(size_t n, size_t horizon)
{
    assert(horizon >= 1 && n < ((size_t)1 << 32));
    if (n < 5)
        return 0;
    const size_t by_rate = rate_terms(n), by_overlap = n / (2 * horizon);
    const size_t b = by_rate < by_overlap ? by_rate : by_overlap;
    return b > 4 ? b : 4;
}

qlab_har qlab_har_mean_b(qlab_f64v x, size_t b)
{
    qlab_har r = {.b = b, .lrv = NAN, .t = NAN, .p = NAN};
    r.mean = qlab_series_mean(x, &r.n);
    if (b < 1 || b >= r.n)
        return r;

    const double n = (double)r.n;
    double sum_squares = 0.0;
    for (size_t j = 1; j <= b; j++) {
        double c = 0.0;
        int64_t angle = (int64_t)j; /* j (2t - 1), in units of pi/(2n) */
        for (size_t i = 0; i < x.n; i++) {
            if (!qlab_series_has(x.at[i]))
                continue;
            c += qlab_num_cospi(angle, 2 * (int64_t)r.n) * (x.at[i] - r.mean);
            angle += 2 * (int64_t)j;
        }
        sum_squares += c * c;
    }
    r.lrv = sum_squares * (2.0 / n) / (double)b;
    if (r.lrv > 0.0 && r.lrv < INFINITY) {
        r.t = r.mean / sqrt(r.lrv / n);
        r.p = qlab_num_t_sf(r.t, (double)b);
    }
    return r;
}

qlab_har qlab_har_mean(qlab_f64v x, size_t horizon)
{
    return qlab_har_mean_b(x, qlab_har_terms(qlab_series_count(x), horizon));
}

/* sum of (x_t - mean)(x_{t-lag} - mean) over the present values taken as adjacent. */
static double cross_sum(qlab_f64v x, double mean, size_t lag)
{
    double sum = 0.0;
    size_t behind = 0, ahead = 0;
    for (size_t left = lag; ahead < x.n; ahead++) { /* to the value number `lag` */
        if (qlab_series_has(x.at[ahead]) && left-- == 0)
            break;
    }
    for (; ahead < x.n; ahead++) {
        if (!qlab_series_has(x.at[ahead]))
            continue;
        while (!qlab_series_has(x.at[behind]))
            behind++;
        sum += (x.at[ahead] - mean) * (x.at[behind++] - mean);
    }
    return sum;
}

qlab_newey_west qlab_newey_west_mean(qlab_f64v x, size_t lag)
{
    qlab_newey_west r = {.lag = lag, .lrv = NAN, .t = NAN, .p = NAN};
    r.mean = qlab_series_mean(x, &r.n);
    if (r.n < 2)
        return r;
    if (lag > r.n - 1)
        r.lag = lag = r.n - 1;

    const double n = (double)r.n;
    r.lrv = cross_sum(x, r.mean, 0) / n;
    for (size_t l = 1; l <= lag; l++) {
        const double weight = 1.0 - (double)l / ((double)lag + 1.0);
        r.lrv += 2.0 * weight * (cross_sum(x, r.mean, l) / n);
    }
    if (r.lrv > 0.0 && r.lrv < INFINITY) {
        r.t = r.mean / sqrt(r.lrv / n);
        r.p = qlab_num_norm_sf(r.t);
    }
    return r;
}
