#include "stat/sharpe_diff.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "num/math.h"
#include "stat/bootstrap.h"
#include "stat/series.h"

#include <assert.h>
#include <math.h>

enum {
    FEWEST_PAIRS = 10,
    BOOTSTRAP_UNIT = 2, /* who draws, beside the seed */
    DRAWS_BITS = 40
};

/* Both series less their means: the level costs the squares no digits. */
typedef struct pairs {
    size_t n;
    double *d[2];
    double mean[2], std[2]; /* divisor n */
} pairs;

static pairs pairs_of(qlab_f64v a, qlab_f64v b)
{
    pairs p = {.d = {qlab_alloc(a.n, sizeof(double)), qlab_alloc(a.n, sizeof(double))}};
    assert(a.n == b.n);
    for (size_t t = 0; t < a.n; t++)
        if (qlab_series_has(a.at[t]) && qlab_series_has(b.at[t])) {
            p.d[0][p.n] = a.at[t];
            p.d[1][p.n++] = b.at[t];
        }
    for (size_t k = 0; k < 2; k++) {
        size_t n;
        double squares = 0.0;
        p.mean[k] = qlab_series_mean((qlab_f64v){p.d[k], p.n}, &n);
        for (size_t t = 0; t < p.n; t++) {
            p.d[k][t] -= p.mean[k];
            squares += p.d[k][t] * p.d[k][t];
        }
        p.std[k] = sqrt(squares / (double)p.n);
    }
    return p;
}

static void pairs_free(pairs *p)
{
    qlab_free(p->d[0]);
    qlab_free(p->d[1]);
}

/* One series' part of Andrews's alpha(2) for a kernel of the Parzen kind, from an AR(1) fit by
 * least squares with a constant. */
static void add_ar1(const double *x, size_t n, double *above, double *below)
{
    const size_t m = n - 1;
    double from = 0.0, to = 0.0, ff = 0.0, ft = 0.0, rest = 0.0;
    for (size_t t = 0; t < m; t++) {
        from += x[t];
        to += x[t + 1];
    }
    from /= (double)m;
    to /= (double)m;
    for (size_t t = 0; t < m; t++) {
        ff += (x[t] - from) * (x[t] - from);
        ft += (x[t] - from) * (x[t + 1] - to);
    }
    double rho = ff > 0.0 ? ft / ff : 0.0;
    rho = rho > 0.97 ? 0.97 : rho < -0.97 ? -0.97 : rho;
    for (size_t t = 0; t < m; t++) {
        const double e = x[t + 1] - to - rho * (x[t] - from);
        rest += e * e;
    }
    const double s4 = rest / (double)m * (rest / (double)m), gap2 = (1.0 - rho) * (1.0 - rho);
    *above += 4.0 * rho * rho * s4 / (gap2 * gap2 * gap2 * gap2);
    *below += s4 / (gap2 * gap2);
}

static double bandwidth_of(const pairs *p)
{
    double above = 0.0, below = 0.0, *square = qlab_alloc(p->n, sizeof *square);
    for (size_t k = 0; k < 2; k++) {
        add_ar1(p->d[k], p->n, &above, &below);
        for (size_t t = 0; t < p->n; t++) {
            const double r = p->mean[k] + p->d[k][t];
            square[t] = r * r;
        }
        add_ar1(square, p->n, &above, &below);
    }
    qlab_free(square);
    return above > 0.0 ? 2.6614 * qlab_num_pow(above / below * (double)p->n, 0.2) : 0.0;
}

static double parzen(double x)
{
    return x <= 0.5 ? 1.0 - 6.0 * x * x * (1.0 - x) : 2.0 * (1.0 - x) * (1.0 - x) * (1.0 - x);
}

static double long_run_variance(const double *u, size_t n, double bandwidth)
{
    double sum = 0.0;
    for (size_t lag = 0; lag < n && (lag == 0 || (double)lag < bandwidth); lag++) {
        double g = 0.0;
        for (size_t t = lag; t < n; t++)
            g += u[t] * u[t - lag];
        sum += (lag == 0 ? 1.0 : 2.0 * parzen((double)lag / bandwidth)) * g / (double)n;
    }
    return sum * (double)n / (double)(n - 4);
}

static double influence(double d, double mean, double std)
{
    const double z = d / std;
    return z - 0.5 * (mean / std) * (z * z - 1.0);
}

static qlab_sharpe_diff hac_of(const pairs *p)
{
    qlab_sharpe_diff r = {p->n, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    if (p->n < FEWEST_PAIRS)
        return r;
    const double n = (double)p->n, ddof = sqrt((n - 1.0) / n);
    r.sr_a = p->std[0] > 0.0 ? p->mean[0] / p->std[0] * ddof : NAN;
    r.sr_b = p->std[1] > 0.0 ? p->mean[1] / p->std[1] * ddof : NAN;
    r.diff = r.sr_a - r.sr_b;
    if (isnan(r.diff))
        return r;

    double *u = qlab_alloc(p->n, sizeof *u);
    for (size_t t = 0; t < p->n; t++)
        u[t] = influence(p->d[0][t], p->mean[0], p->std[0]) -
               influence(p->d[1][t], p->mean[1], p->std[1]);
    r.bandwidth = bandwidth_of(p);
    r.se = sqrt(long_run_variance(u, p->n, r.bandwidth) / n) * ddof;
    qlab_free(u);
    if (r.se > 1e-12 * (fabs(r.sr_a) + fabs(r.sr_b) + 1.0) / sqrt(n)) { /* else rounding */
        r.t = r.diff / r.se;
        r.p = qlab_num_norm_sf(r.t);
        r.p_two = 2.0 * qlab_num_norm_sf(fabs(r.t));
    }
    return r;
}

qlab_sharpe_diff qlab_sharpe_diff_hac(qlab_f64v a, qlab_f64v b)
{
    pairs p = pairs_of(a, b);
    const qlab_sharpe_diff r = hac_of(&p);
    pairs_free(&p);
    return r;
}

static size_t automatic_block(const pairs *p)
{
    double *apart = qlab_alloc(p->n, sizeof *apart), block = 1.0;
    for (size_t t = 0; t < p->n; t++)
        apart[t] = p->d[0][t] - p->d[1][t];
    const double *const of[] = {p->d[0], p->d[1], apart};
    for (size_t k = 0; k < 3; k++) {
        const double own = qlab_block_length_of((qlab_f64v){of[k], p->n}).circular;
        block = own > block ? own : block; /* NaN is not greater */
    }
    qlab_free(apart);
    const size_t most = p->n / 10, rounded = (size_t)(block + 0.5);
    return rounded < most ? rounded : most;
}

/* Sums of one series over the blocks of a replication. */
typedef struct drawn {
    double *sum, *square; /* a block each */
    double shift, std, ratio;
} drawn;

static void draw(const pairs *p, size_t k, const size_t *start, size_t n_blocks, size_t block,
                 drawn *out)
{
    const double *d = p->d[k], n = (double)(n_blocks * block);
    double sum = 0.0, square = 0.0;
    for (size_t j = 0; j < n_blocks; j++) {
        size_t at = start[j];
        out->sum[j] = out->square[j] = 0.0;
        for (size_t i = 0; i < block; i++) {
            out->sum[j] += d[at];
            out->square[j] += d[at] * d[at];
            at = at + 1 == p->n ? 0 : at + 1;
        }
        sum += out->sum[j];
        square += out->square[j];
    }
    out->shift = sum / n;
    const double rest = square / n - out->shift * out->shift;
    out->std = rest > 1e-12 * square / n ? sqrt(rest) : NAN; /* below: one value again and again */
    out->ratio = (p->mean[k] + out->shift) / out->std;
}

/* Sum of the influence over block j, all from the moments of the replication. */
static double block_influence(const drawn *s, size_t j, double block)
{
    const double about = s->square[j] - 2.0 * s->shift * s->sum[j] + block * s->shift * s->shift;
    return (s->sum[j] - block * s->shift) / s->std -
           0.5 * s->ratio * (about / (s->std * s->std) - block);
}

/* (diff* - diff) / se*; NaN where the replication has none. */
static double studentised(const drawn *s, size_t n_blocks, size_t block, double diff)
{
    double squares = 0.0;
    for (size_t j = 0; j < n_blocks; j++) {
        const double u =
            block_influence(s, j, (double)block) - block_influence(s + 1, j, (double)block);
        squares += u * u;
    }
    const double n = (double)(n_blocks * block);
    return (s[0].ratio - s[1].ratio - diff) / (sqrt(squares) / n);
}

qlab_sharpe_diff_bootstrap qlab_sharpe_diff_resample(qlab_f64v a, qlab_f64v b, size_t block,
                                                     uint64_t seed, size_t n_replications,
                                                     double confidence)
{
    assert(n_replications >= 1 && confidence > 0.0 && confidence < 1.0);
    pairs p = pairs_of(a, b);
    qlab_sharpe_diff_bootstrap r = {hac_of(&p), 0, 0, NAN, NAN, NAN};
    if (isnan(r.hac.t))
        goto done;
    r.block = block > 0 ? block : automatic_block(&p);
    r.block = r.block < p.n / 2 ? r.block : p.n / 2;
    r.n_blocks = p.n / r.block;

    size_t *start = qlab_alloc(r.n_blocks, sizeof *start), one = 1, two = 1;
    double *sums = qlab_alloc(4 * r.n_blocks, sizeof *sums);
    double *z = qlab_alloc(n_replications, sizeof *z);
    drawn s[2] = {{.sum = sums, .square = sums + r.n_blocks},
                  {.sum = sums + 2 * r.n_blocks, .square = sums + 3 * r.n_blocks}};
    const double diff = p.mean[0] / p.std[0] - p.mean[1] / p.std[1]; /* divisor n, as in s */
    for (uint64_t i = 0; i < n_replications; i++) {
        for (uint64_t j = 0; j < r.n_blocks; j++)
            start[j] = (size_t)qlab_rng_below(seed, BOOTSTRAP_UNIT, (i << DRAWS_BITS) | j, p.n);
        draw(&p, 0, start, r.n_blocks, r.block, s);
        draw(&p, 1, start, r.n_blocks, r.block, s + 1);
        z[i] = studentised(s, r.n_blocks, r.block, diff);
        one += z[i] < r.hac.t ? 0 : 1; /* a replication without a value speaks against */
        two += fabs(z[i]) < fabs(r.hac.t) ? 0 : 1;
    }
    r.p = (double)one / ((double)n_replications + 1.0);
    r.p_two = (double)two / ((double)n_replications + 1.0);
    r.lower = r.hac.diff - r.hac.se * qlab_quantile(z, n_replications, confidence);
    qlab_free(start);
    qlab_free(sums);
    qlab_free(z);
done:
    pairs_free(&p);
    return r;
}
