#include "stat/moments.h"

#include "stat/series.h"

#include <math.h>

qlab_moments qlab_moments_of(qlab_f64v x)
{
    qlab_moments r = {0, NAN, NAN, NAN, NAN, NAN, NAN};
    double s2 = 0.0, s3 = 0.0, s4 = 0.0;

    r.mean = qlab_series_mean(x, &r.n);
    for (size_t i = 0; i < x.n; i++) {
        if (!qlab_series_has(x.at[i]))
            continue;
        const double d = x.at[i] - r.mean, q = d * d;
        s2 += q;
        s3 += q * d;
        s4 += q * q;
    }
    if (r.n < 2)
        return r;
    const double n = (double)r.n;
    r.std = sqrt(s2 / (n - 1.0));
    const double m2 = s2 / n;
    if (!(m2 > 0.0))
        return r;
    r.skew = (s3 / n) / (m2 * sqrt(m2));
    r.kurt = (s4 / n) / (m2 * m2);
    if (r.n >= 3)
        r.skew_unbiased = r.skew * sqrt(n * (n - 1.0)) / (n - 2.0);
    if (r.n >= 4)
        r.kurt_unbiased =
            3.0 + (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * (r.kurt - 3.0) + 6.0);
    return r;
}

double qlab_autocorrelation(qlab_f64v x, size_t lag)
{
    size_t n;
    const double mean = qlab_series_mean(x, &n);
    if (n < 2 || lag >= n)
        return NAN;

    double all = 0.0, lagged = 0.0;
    size_t behind = 0, seen = 0;
    for (size_t i = 0; i < x.n; i++) {
        if (!qlab_series_has(x.at[i]))
            continue;
        const double d = x.at[i] - mean;
        all += d * d;
        if (seen++ < lag)
            continue;
        while (!qlab_series_has(x.at[behind]))
            behind++;
        lagged += d * (x.at[behind++] - mean);
    }
    return all > 0.0 ? lagged / all : NAN;
}
