#include "stage_b/stress.h"

#include "base/alloc.h"
#include "num/math.h"
#include "stat/shrink.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS_A_YEAR = 252 };

/* ---- correlations ---------------------------------------------------------------------------- */

typedef struct position {
    double size; /* |weight| */
    uint32_t name;
} position;

static int by_size(const void *pa, const void *pb)
{
    const position *a = pa, *b = pb;

    if (a->size != b->size)
        return a->size > b->size ? -1 : 1;
    return (a->name > b->name) - (a->name < b->name);
}

static int by_name(const void *pa, const void *pb)
{
    const uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

    return (a > b) - (a < b);
}

/* The largest positions in order of names. */
static uint32_t *largest(const double *weight, size_t n_names, size_t *n)
{
    position *all = qlab_alloc(n_names + 1, sizeof *all);
    size_t k = 0;

    for (size_t i = 0; i < n_names; i++)
        if (weight[i] != 0.0)
            all[k++] = (position){fabs(weight[i]), (uint32_t)i};
    qsort(all, k, sizeof *all, by_size);
    *n = k < QLAB_STRESS_MOST_POSITIONS ? k : QLAB_STRESS_MOST_POSITIONS;
    uint32_t *names = qlab_alloc(*n + 1, sizeof *names);
    for (size_t i = 0; i < *n; i++)
        names[i] = all[i].name;
    qsort(names, *n, sizeof *names, by_name);
    qlab_free(all);
    return names;
}

/* Returns of one name over the last n_returns sessions; a session without a price has none. */
static void returns_of(const double *value, size_t n_names, size_t n_sessions, uint32_t name,
                       size_t n_returns, double *out)
{
    double before = NAN;

    for (size_t s = n_sessions - n_returns - 1; s < n_sessions; s++) {
        const double now = value[s * n_names + name];
        const bool known = !isnan(now) && !isnan(before);
        if (s + n_returns >= n_sessions)
            out[s + n_returns - n_sessions] = known ? now / before - 1.0 : 0.0;
        before = isnan(now) ? before : now;
    }
}

typedef struct variances {
    double as_is, together, hedge;
} variances;

static variances portfolio(const double *covariance, const double *w, size_t p)
{
    variances v = {0.0, 0.0, 0.0};

    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < p; j++) {
            const double c = covariance[i * p + j];
            const double most = sqrt(covariance[i * p + i] * covariance[j * p + j]);
            const bool across = w[i] * w[j] < 0.0;
            v.as_is += w[i] * w[j] * c;
            v.together += w[i] * w[j] * (i == j ? c : 0.5 * (c + most));
            v.hedge += w[i] * w[j] * (across ? 0.5 * c : c);
        }
    return v;
}

qlab_correlation_shock qlab_stress_correlation(const double *weight, const double *value,
                                               size_t n_names, size_t n_sessions)
{
    qlab_correlation_shock out = {.intensity = NAN,
                                  .mean_correlation = NAN,
                                  .vol_annual = NAN,
                                  .together = NAN,
                                  .hedge = NAN,
                                  .ratio = NAN};
    size_t p;
    uint32_t *names = largest(weight, n_names, &p);
    const size_t n = n_sessions > QLAB_STRESS_COVARIANCE_SESSIONS ? QLAB_STRESS_COVARIANCE_SESSIONS
                     : n_sessions > 0                             ? n_sessions - 1
                                                                  : 0;

    out.n_positions = p;
    out.n_returns = n;
    if (p >= 2 && n >= 2) {
        double *x = qlab_alloc(p * n, sizeof *x), *covariance = qlab_alloc(p * p, sizeof *x);
        double *w = qlab_alloc(p, sizeof *w);
        const double **series = qlab_alloc(p, sizeof *series);
        for (size_t i = 0; i < p; i++) {
            returns_of(value, n_names, n_sessions, names[i], n, x + i * n);
            series[i] = x + i * n;
            w[i] = weight[names[i]];
        }
        const qlab_shrunk s =
            qlab_shrink(series, p, n, QLAB_SHRINK_CONSTANT_CORRELATION, covariance);
        const variances v = portfolio(covariance, w, p);
        out.intensity = s.intensity;
        out.mean_correlation = s.mean_correlation;
        if (v.as_is > 0.0) {
            out.vol_annual = sqrt(v.as_is * SESSIONS_A_YEAR);
            out.together = sqrt(v.together / v.as_is);
            out.hedge = sqrt(v.hedge / v.as_is);
            out.ratio = out.together > out.hedge ? out.together : out.hedge;
            out.ratio = out.ratio > 1.0 ? out.ratio : 1.0;
        }
        qlab_free(x);
        qlab_free(covariance);
        qlab_free(w);
        qlab_free(series);
    }
    qlab_free(names);
    return out;
}

/* ---- windows --------------------------------------------------------------------------------- */

static bool overlaps(const qlab_worst_window *taken, size_t n_taken, size_t first)
{
    for (size_t i = 0; i < n_taken; i++)
        if (first < taken[i].first + QLAB_STRESS_WINDOW_SESSIONS &&
            taken[i].first < first + QLAB_STRESS_WINDOW_SESSIONS)
            return true;
    return false;
}

size_t qlab_stress_worst_windows(const double *net, size_t n,
                                 qlab_worst_window out[QLAB_STRESS_WINDOWS])
{
    size_t k = 0;

    for (; k < QLAB_STRESS_WINDOWS; k++) {
        qlab_worst_window worst = {SIZE_MAX, 0.0};
        for (size_t i = 0; i + QLAB_STRESS_WINDOW_SESSIONS <= n; i++) {
            double sum = 0.0;
            if (overlaps(out, k, i))
                continue;
            for (size_t j = 0; j < QLAB_STRESS_WINDOW_SESSIONS; j++)
                sum += net[i + j];
            if (worst.first == SIZE_MAX || sum < worst.net)
                worst = (qlab_worst_window){i, sum};
        }
        if (worst.first == SIZE_MAX)
            break;
        out[k] = worst;
    }
    return k;
}
