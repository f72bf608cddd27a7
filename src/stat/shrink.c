#include "stat/shrink.h"

#include "base/alloc.h"
#include "stat/series.h"

#include <assert.h>
#include <math.h>

enum { LANES = 4 }; /* sums side by side: the order of summation is part of the result */

static double dot(const double *a, const double *b, size_t n)
{
    double sum[LANES] = {0.0};
    size_t t = 0;
    for (; t + LANES <= n; t += LANES)
        for (size_t k = 0; k < LANES; k++)
            sum[k] += a[t + k] * b[t + k];
    for (; t < n; t++)
        sum[0] += a[t] * b[t];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Centred series d, their squares q and products d q, each n values a series. */
typedef struct centred {
    size_t p, n;
    double *d, *q, *c;
} centred;

static centred centre(const double *const *x, size_t p, size_t n)
{
    centred v = {p, n, qlab_alloc(p * n, sizeof(double)), qlab_alloc(p * n, sizeof(double)),
                 qlab_alloc(p * n, sizeof(double))};
    for (size_t i = 0; i < p; i++) {
        size_t present;
        const double mean = qlab_series_mean((qlab_f64v){x[i], n}, &present);
        assert(present == n);
        for (size_t t = 0; t < n; t++) {
            const double d = x[i][t] - mean;
            v.d[i * n + t] = d;
            v.q[i * n + t] = d * d;
            v.c[i * n + t] = d * d * d;
        }
    }
    return v;
}

static void centred_free(centred *v)
{
    qlab_free(v->d);
    qlab_free(v->q);
    qlab_free(v->c);
}

static void covariance(const centred *v, double *s)
{
    for (size_t i = 0; i < v->p; i++)
        for (size_t j = 0; j <= i; j++)
            s[i * v->p + j] = s[j * v->p + i] =
                dot(v->d + i * v->n, v->d + j * v->n, v->n) / (double)v->n;
}

/* Mean over dates of (d_i d_j - s_ij)^2: n times the variance of s_ij. */
static double entry_variance(const centred *v, const double *s, size_t i, size_t j)
{
    const double sij = s[i * v->p + j];
    return dot(v->q + i * v->n, v->q + j * v->n, v->n) / (double)v->n - sij * sij;
}

static double identity_intensity(const centred *v, const double *s, double m)
{
    double apart = 0.0, noise = 0.0;
    for (size_t i = 0; i < v->p; i++)
        for (size_t j = 0; j <= i; j++) {
            const double e = s[i * v->p + j] - (i == j ? m : 0.0), twice = i == j ? 1.0 : 2.0;
            apart += twice * e * e;
            noise += twice * entry_variance(v, s, i, j);
        }
    noise /= (double)v->n;
    return !(apart > 0.0) || !(noise > 0.0) ? 0.0 : noise < apart ? noise / apart : 1.0;
}

static bool varies(const double *s, size_t p, size_t i)
{
    return s[i * p + i] > 0.0;
}

static double mean_correlation(const double *s, size_t p)
{
    double sum = 0.0;
    size_t n = 0;
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < i; j++)
            if (varies(s, p, i) && varies(s, p, j)) {
                sum += s[i * p + j] / (sqrt(s[i * p + i]) * sqrt(s[j * p + j]));
                n++;
            }
    return n > 0 ? sum / (double)n : NAN;
}

static double target_of(const double *s, size_t p, double r, size_t i, size_t j)
{
    return i == j || !varies(s, p, i) || !varies(s, p, j)
               ? s[i * p + j]
               : r * sqrt(s[i * p + i]) * sqrt(s[j * p + j]);
}

/* n times the covariance of s_ii and s_ij. */
static double entry_covariance(const centred *v, const double *s, size_t i, size_t j)
{
    return dot(v->c + i * v->n, v->d + j * v->n, v->n) / (double)v->n -
           s[i * v->p + i] * s[i * v->p + j];
}

static double correlation_intensity(const centred *v, const double *s, double r)
{
    const size_t p = v->p;
    double gamma = 0.0, excess = 0.0, size = 0.0; /* excess = pi - rho; the diagonals cancel */
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < i; j++) {
            const double e = target_of(s, p, r, i, j) - s[i * p + j];
            size += 2.0 * s[i * p + i] * s[j * p + j];
            if (!varies(s, p, i) || !varies(s, p, j))
                continue;
            const double ratio = sqrt(s[j * p + j]) / sqrt(s[i * p + i]);
            const double rho =
                r * 0.5 *
                (ratio * entry_covariance(v, s, i, j) + entry_covariance(v, s, j, i) / ratio);
            excess += 2.0 * (entry_variance(v, s, i, j) - rho);
            gamma += 2.0 * e * e;
        }
    if (!(gamma > 1e-28 * size)) /* the target but for rounding */
        return 0.0;
    const double k = excess / gamma / (double)v->n;
    return k > 1.0 ? 1.0 : k > 0.0 ? k : 0.0;
}

qlab_shrunk qlab_shrink(const double *const *x, size_t p, size_t n, qlab_shrink_target target,
                        double *out)
{
    qlab_shrunk r = {n, p, NAN, NAN, NAN};
    if (p == 0 || n < 2) {
        for (size_t i = 0; i < p * p; i++)
            out[i] = NAN;
        return r;
    }
    centred v = centre(x, p, n);
    covariance(&v, out);
    r.mean_variance = 0.0;
    for (size_t i = 0; i < p; i++)
        r.mean_variance += out[i * p + i];
    r.mean_variance /= (double)p;
    if (target == QLAB_SHRINK_CONSTANT_CORRELATION)
        r.mean_correlation = mean_correlation(out, p);
    r.intensity = target == QLAB_SHRINK_IDENTITY
                      ? identity_intensity(&v, out, r.mean_variance)
                      : correlation_intensity(&v, out, r.mean_correlation);
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < i; j++) {
            const double to =
                target == QLAB_SHRINK_IDENTITY ? 0.0 : target_of(out, p, r.mean_correlation, i, j);
            out[i * p + j] = out[j * p + i] =
                (1.0 - r.intensity) * out[i * p + j] + r.intensity * to;
        }
    for (size_t i = 0; target == QLAB_SHRINK_IDENTITY && i < p; i++)
        out[i * p + i] = (1.0 - r.intensity) * out[i * p + i] + r.intensity * r.mean_variance;
    centred_free(&v);
    return r;
}
