#include "stat/bootstrap.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "num/math.h"
#include "stat/series.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* The present values, less their first: owned by the caller. */
static double *compacted(qlab_f64v x, size_t *n, double *first)
{
    double *v = qlab_alloc(x.n, sizeof *v);
    *n = 0;
    *first = NAN;
    for (size_t i = 0; i < x.n; i++) {
        if (!qlab_series_has(x.at[i]))
            continue;
        if (*n == 0)
            *first = x.at[i];
        v[(*n)++] = x.at[i] - *first;
    }
    return v;
}

static double autocovariance(const double *d, size_t n, size_t lag)
{
    double sum = 0.0;
    for (size_t i = lag; i < n; i++)
        sum += d[i] * d[i - lag];
    return sum / (double)n;
}

/* First lag from which on `needed` autocorrelations in a row are below the bound; 0 = none. */
static size_t quiet_from(const double *acv, size_t m_max, size_t needed, double bound)
{
    size_t in_a_row = 0;
    for (size_t lag = 1; lag < m_max; lag++) {
        in_a_row = fabs(acv[lag]) < bound * acv[0] ? in_a_row + 1 : 0;
        if (in_a_row == needed)
            return lag + 1 - needed;
    }
    return 0;
}

static double cube_root(double v)
{
    return v > 0.0 ? qlab_num_exp(qlab_num_log(v) / 3.0) : 0.0;
}

qlab_block_length qlab_block_length_of(qlab_f64v x)
{
    qlab_block_length r = {0, 0, 0, NAN, NAN};
    double first, mean = 0.0, *d = compacted(x, &r.n, &first), *acv = NULL;
    const size_t n = r.n;
    if (n < 3)
        goto done;

    for (size_t i = 0; i < n; i++)
        mean += d[i];
    mean /= (double)n;
    for (size_t i = 0; i < n; i++)
        d[i] -= mean;

    const double log10_n = qlab_num_log((double)n) / qlab_num_log(10.0);
    const size_t needed = log10_n > 5.0 ? (size_t)log10_n : 5;
    size_t m_max = (size_t)ceil(sqrt((double)n)) + needed;
    m_max = m_max < n ? m_max : n - 1;
    acv = qlab_alloc(m_max + 1, sizeof *acv);
    for (size_t lag = 0; lag <= m_max; lag++)
        acv[lag] = autocovariance(d, n, lag);
    if (!(acv[0] > 0.0))
        goto done;

    r.m_hat = quiet_from(acv, m_max, needed, 2.0 * sqrt(log10_n / (double)n));
    r.m = r.m_hat > 0 ? 2 * r.m_hat : m_max;
    r.m = r.m < m_max ? r.m : m_max;
    double g = 0.0, spectrum = acv[0];
    for (size_t k = 1; k <= r.m; k++) {
        const double share = (double)k / (double)r.m;
        const double weight = share <= 0.5 ? 1.0 : 2.0 * (1.0 - share); /* flat top */
        g += 2.0 * weight * (double)k * acv[k];
        spectrum += 2.0 * weight * acv[k];
    }
    const double s2 = spectrum * spectrum, root_n = sqrt((double)n);
    const double most = ceil(3.0 * root_n < (double)n / 3.0 ? 3.0 * root_n : (double)n / 3.0);
    r.stationary = cube_root(2.0 * g * g / (2.0 * s2) * (double)n);
    r.circular = cube_root(2.0 * g * g / (4.0 / 3.0 * s2) * (double)n);
    r.stationary = r.stationary < most ? r.stationary : most;
    r.circular = r.circular < most ? r.circular : most;
done:
    qlab_free(d);
    qlab_free(acv);
    return r;
}

/* Blocks of one replication, one after the other. */
typedef struct walk {
    size_t n;
    double log_stay; /* ln(1 - 1/L); -inf where every block has length 1 */
    uint64_t seed, unit, draw;
} walk;

enum { DRAWS_BITS = 40 }; /* draws a replication may take */

static walk walk_of(size_t n, double block, uint64_t seed, uint64_t unit, uint64_t r)
{
    assert(n >= 1 && n <= UINT32_MAX && block > 0.0 && r < (uint64_t)1 << (64 - DRAWS_BITS));
    const double leave = block > 1.0 ? 1.0 / block : 1.0;
    return (walk){n, qlab_num_log1p(-leave), seed, unit, r << DRAWS_BITS};
}

/* Where the next block starts and how long it is: 1 + floor(ln u / ln(1 - p)), geometric. */
static size_t next_block(walk *w, size_t *start)
{
    *start = (size_t)qlab_rng_below(w->seed, w->unit, w->draw++, w->n);
    const double u = qlab_rng_uniform(w->seed, w->unit, w->draw++);
    const double more = floor(qlab_num_log(u) / w->log_stay);
    return 1 + (more < 1e15 ? (size_t)more : (size_t)1000000000000000);
}

void qlab_bootstrap_indices(size_t n, double block, uint64_t seed, uint64_t unit, uint64_t r,
                            uint32_t *index, size_t n_index)
{
    walk w = walk_of(n, block, seed, unit, r);
    for (size_t i = 0; i < n_index;) {
        size_t at, length = next_block(&w, &at);
        for (; length > 0 && i < n_index; length--) {
            index[i++] = (uint32_t)at;
            at = at + 1 == n ? 0 : at + 1;
        }
    }
}

static double statistic_of(const double *v, size_t n, double first, walk w, qlab_bootstrap_of of)
{
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < n;) {
        size_t at, length = next_block(&w, &at);
        for (; length > 0 && i < n; length--, i++) {
            sum += v[at];
            squares += v[at] * v[at];
            at = at + 1 == n ? 0 : at + 1;
        }
    }
    const double shifted = sum / (double)n, mean = first + shifted;
    if (of == QLAB_BOOTSTRAP_MEAN)
        return mean;
    const double ss = squares - sum * shifted;
    return ss > 0.0 ? mean / sqrt(ss / (double)(n - 1)) : NAN;
}

void qlab_bootstrap(qlab_f64v x, double block, qlab_bootstrap_of of, uint64_t seed, uint64_t unit,
                    uint64_t from, uint64_t to, double *out)
{
    size_t n;
    double first, *v = compacted(x, &n, &first);
    for (uint64_t r = from; r < to; r++)
        out[r - from] = n < 2 || !(block > 0.0)
                            ? NAN
                            : statistic_of(v, n, first, walk_of(n, block, seed, unit, r), of);
    qlab_free(v);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double qlab_quantile(double *v, size_t n, double p)
{
    size_t m = 0;
    assert(p >= 0.0 && p <= 1.0);
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i]))
            v[m++] = v[i];
    if (m == 0)
        return NAN;
    qsort(v, m, sizeof *v, ascending);
    const double place = p * (double)(m - 1), below = floor(place);
    const size_t k = (size_t)below;
    return k + 1 < m ? v[k] + (place - below) * (v[k + 1] - v[k]) : v[k];
}
