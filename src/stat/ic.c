#include "stat/ic.h"

#include "stat/series.h"

#include <assert.h>
#include <math.h>

qlab_ic_summary qlab_ic_summarize(qlab_f64v ic)
{
    qlab_ic_summary r = {0, NAN, NAN, NAN, NAN};
    double ss = 0.0;
    size_t above = 0;

    r.mean = qlab_series_mean(ic, &r.n);
    for (size_t i = 0; i < ic.n; i++) {
        if (!qlab_series_has(ic.at[i]))
            continue;
        const double d = ic.at[i] - r.mean;
        ss += d * d;
        above += ic.at[i] > 0.0;
    }
    if (r.n > 0)
        r.hit = (double)above / (double)r.n;
    if (r.n > 1)
        r.std = sqrt(ss / (double)(r.n - 1));
    if (r.std > 0.0)
        r.icir = r.mean / r.std;
    return r;
}

double qlab_ic_correlation(qlab_f64v a, qlab_f64v b, size_t *n_common)
{
    assert(a.n == b.n);
    double a0 = NAN, b0 = NAN, sa = 0.0, sb = 0.0;
    size_t n = 0;

    for (size_t i = 0; i < a.n; i++) {
        if (!qlab_series_has(a.at[i]) || !qlab_series_has(b.at[i]))
            continue;
        if (n++ == 0) {
            a0 = a.at[i];
            b0 = b.at[i];
        }
        sa += a.at[i] - a0;
        sb += b.at[i] - b0;
    }
    *n_common = n;
    if (n < 2)
        return NAN;
    const double ma = a0 + sa / (double)n, mb = b0 + sb / (double)n;
    double ab = 0.0, aa = 0.0, bb = 0.0;
    for (size_t i = 0; i < a.n; i++) {
        if (!qlab_series_has(a.at[i]) || !qlab_series_has(b.at[i]))
            continue;
        const double da = a.at[i] - ma, db = b.at[i] - mb;
        ab += da * db;
        aa += da * da;
        bb += db * db;
    }
    if (!(aa > 0.0 && bb > 0.0))
        return NAN;
    const double r = ab / (sqrt(aa) * sqrt(bb));
    return r > 1.0 ? 1.0 : r < -1.0 ? -1.0 : r;
}
