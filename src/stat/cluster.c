#include "stat/cluster.h"

#include "base/alloc.h"
#include "stat/ic.h"
#include "stat/series.h"

#include <math.h>
#include <string.h>

/* A series without a missing value, less its mean and over its length: a correlation of two such
 * is one product.  A constant series has no length and is never joined. */
typedef struct prepared {
    double *unit; /* n_series * n_dates; rows of incomplete series are not set */
    uint8_t *is_complete;
} prepared;

static void normalise(const double *x, size_t n, double *unit)
{
    size_t n_present;
    const double mean = qlab_series_mean((qlab_f64v){x, n}, &n_present);
    double squares = 0.0;

    for (size_t i = 0; i < n; i++) {
        unit[i] = x[i] - mean;
        squares += unit[i] * unit[i];
    }
    const double length = sqrt(squares);
    for (size_t i = 0; i < n; i++)
        unit[i] = length > 0.0 ? unit[i] / length : 0.0;
}

/* Four running sums in one order, whatever the compiler makes of them. */
static double product(const double *a, const double *b, size_t n)
{
    double s[4] = {0.0, 0.0, 0.0, 0.0};
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            s[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        s[0] += a[i] * b[i];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

static bool is_edge(const double *x, const prepared *p, size_t n_dates, size_t a, size_t b,
                    double above, size_t min_common)
{
    size_t n_common = n_dates;
    double r;

    if (p->is_complete[a] && p->is_complete[b])
        r = product(p->unit + a * n_dates, p->unit + b * n_dates, n_dates);
    else
        r = qlab_ic_correlation((qlab_f64v){x + a * n_dates, n_dates},
                                (qlab_f64v){x + b * n_dates, n_dates}, &n_common);
    return n_common >= min_common && fabs(r) > above;
}

static uint32_t top(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

size_t qlab_cluster_series(const double *x, size_t n_series, size_t n_dates, double above,
                           size_t min_common, uint32_t *cluster)
{
    prepared p = {qlab_alloc(n_series * n_dates + 1, sizeof *p.unit), qlab_alloc(n_series + 1, 1)};
    uint32_t *parent = qlab_alloc(n_series + 1, sizeof *parent);
    size_t n = 0;

    for (uint32_t a = 0; a < n_series; a++) {
        const qlab_f64v row = {x + a * n_dates, n_dates};
        parent[a] = a;
        p.is_complete[a] = qlab_series_count(row) == n_dates;
        if (p.is_complete[a])
            normalise(row.at, n_dates, p.unit + a * n_dates);
    }
    for (uint32_t a = 0; a < n_series; a++)
        for (uint32_t b = a + 1; b < n_series; b++) {
            const uint32_t ta = top(parent, a), tb = top(parent, b);
            if (ta != tb && is_edge(x, &p, n_dates, a, b, above, min_common))
                parent[ta < tb ? tb : ta] = ta < tb ? ta : tb;
        }
    for (uint32_t a = 0; a < n_series; a++) { /* a top is the smallest number of its component */
        const uint32_t t = top(parent, a);
        cluster[a] = t == a ? (uint32_t)n++ : cluster[t];
    }
    qlab_free(p.unit);
    qlab_free(p.is_complete);
    qlab_free(parent);
    return n;
}
