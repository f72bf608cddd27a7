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

enum {
    DRAWS_BITS = 40,      /* draws a replication may take */
    TABLE_BLOCK = 64,     /* longest mean length whose law is tabled */
    TABLE_ENTRIES = 1536, /* then (1 - 1/L)^k < 2^-32 */
    GUIDE_BITS = 8
};

/* Lengths of blocks by inversion of 32 random bits u: 1 + number of k with u < 2^32 (1 - 1/L)^k.
 * Counting starts where the first bits of u say. */
typedef struct lengths {
    double log_stay; /* ln(1 - 1/L); used where the table would be too long */
    bool tabled;
    uint32_t above[TABLE_ENTRIES]; /* descending, ends with 0 */
    uint16_t guide[1 << GUIDE_BITS];
} lengths;

static void lengths_of(double block, lengths *l)
{
    assert(block > 0.0);
    const double stay = block > 1.0 ? 1.0 - 1.0 / block : 0.0;
    size_t k = 0;
    l->tabled = block <= TABLE_BLOCK;
    if (!l->tabled) {
        l->log_stay = qlab_num_log1p(-1.0 / block);
        return;
    }
    for (double p = stay * 0x1p32; k + 1 < TABLE_ENTRIES && p >= 1.0; p *= stay)
        l->above[k++] = (uint32_t)p;
    l->above[k] = 0;
    k = 0;
    for (size_t h = 1 << GUIDE_BITS; h-- > 0;) {
        const uint32_t largest = (uint32_t)((h + 1) << (32 - GUIDE_BITS)) - 1;
        while (largest < l->above[k])
            k++;
        l->guide[h] = (uint16_t)k;
    }
}

static size_t length_of(const lengths *l, uint32_t u)
{
    if (!l->tabled) {
        const double more = floor(qlab_num_log(((double)u + 0.5) * 0x1p-32) / l->log_stay);
        return 1 + (more < 1e15 ? (size_t)more : (size_t)1000000000000000);
    }
    size_t k = l->guide[u >> (32 - GUIDE_BITS)];
    while (u < l->above[k])
        k++;
    return k + 1;
}

/* Blocks of one replication, one after the other; a draw has the bits of two. */
typedef struct walk {
    const lengths *lengths;
    uint64_t n, seed, unit, draw, bits[2];
} walk;

static walk walk_of(const lengths *l, size_t n, uint64_t seed, uint64_t unit, uint64_t r)
{
    assert(n >= 1 && n <= UINT32_MAX && r < (uint64_t)1 << (64 - 1 - DRAWS_BITS));
    return (walk){l, n, seed, unit, r << (DRAWS_BITS + 1), {0, 0}};
}

/* Where the next block starts and how long it is.  A place comes up with probability 1/n to within
 * 2^-32. */
static size_t next_block(walk *w, size_t *start)
{
    if (w->draw % 2 == 0)
        qlab_rng_pair(w->seed, w->unit, w->draw / 2, w->bits);
    const uint64_t bits = w->bits[w->draw++ % 2];
    *start = (size_t)((bits >> 32) * w->n >> 32);
    return length_of(w->lengths, (uint32_t)bits);
}

void qlab_bootstrap_indices(size_t n, double block, uint64_t seed, uint64_t unit, uint64_t r,
                            uint32_t *index, size_t n_index)
{
    lengths l;
    lengths_of(block, &l);
    walk w = walk_of(&l, n, seed, unit, r);
    for (size_t i = 0; i < n_index;) {
        size_t at, length = next_block(&w, &at);
        for (; length > 0 && i < n_index; length--) {
            index[i++] = (uint32_t)at;
            at = at + 1 == n ? 0 : at + 1;
        }
    }
}

/* Sums of the values and their squares up to a place, the series twice around. */
typedef struct running {
    double sum, square;
} running;

static running *running_of(const double *v, size_t n)
{
    running *s = qlab_alloc(2 * n + 1, sizeof *s);
    s[0] = (running){0.0, 0.0};
    for (size_t i = 0; i < 2 * n; i++) {
        const double x = v[i < n ? i : i - n];
        s[i + 1] = (running){s[i].sum + x, s[i].square + x * x};
    }
    return s;
}

static double statistic_of(const running *s, size_t n, double first, walk w, qlab_bootstrap_of of)
{
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < n;) {
        size_t at, length = next_block(&w, &at);
        length = length < n - i ? length : n - i;
        sum += s[at + length].sum - s[at].sum;
        squares += s[at + length].square - s[at].square;
        i += length;
    }
    const double shifted = sum / (double)n, mean = first + shifted;
    if (of == QLAB_BOOTSTRAP_MEAN)
        return mean;
    const double ss = squares - sum * shifted;
    return ss > 1e-12 * squares ? mean / sqrt(ss / (double)(n - 1)) : NAN; /* else rounding */
}

void qlab_bootstrap(qlab_f64v x, double block, qlab_bootstrap_of of, uint64_t seed, uint64_t unit,
                    uint64_t from, uint64_t to, double *out)
{
    size_t n;
    double first, *v = compacted(x, &n, &first);
    if (n < 2 || !(block > 0.0)) {
        for (uint64_t r = from; r < to; r++)
            out[r - from] = NAN;
        qlab_free(v);
        return;
    }
    lengths l;
    lengths_of(block, &l);
    running *s = running_of(v, n);
    for (uint64_t r = from; r < to; r++)
        out[r - from] = statistic_of(s, n, first, walk_of(&l, n, seed, unit, r), of);
    qlab_free(s);
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
