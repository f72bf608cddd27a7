#include "stat/trials.h"

#include "base/alloc.h"
#include "stat/cluster.h"
#include "stat/moments.h"
#include "stat/sharpe.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_date(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* All dates of the used series, once each; owned by the caller. */
static int32_t *union_of(const qlab_dated *s, size_t n, const double *sr, size_t *n_dates)
{
    size_t total = 0, kept = 0;

    for (size_t i = 0; i < n; i++)
        total += isnan(sr[i]) ? 0 : s[i].n;
    int32_t *dates = qlab_alloc(total + 1, sizeof *dates);
    for (size_t i = 0, at = 0; i < n; i++)
        if (!isnan(sr[i])) {
            memcpy(dates + at, s[i].dates, s[i].n * sizeof *dates);
            at += s[i].n;
        }
    if (total > 0)
        qsort(dates, total, sizeof *dates, by_date);
    for (size_t i = 0; i < total; i++)
        if (kept == 0 || dates[kept - 1] != dates[i])
            dates[kept++] = dates[i];
    *n_dates = kept;
    return dates;
}

static void spread_out(const qlab_dated *s, const int32_t *axis, size_t n_dates, double *row)
{
    for (size_t d = 0, i = 0; d < n_dates; d++) {
        const bool has = i < s->n && s->dates[i] == axis[d];
        row[d] = has ? s->values[i] : NAN;
        i += has;
    }
}

static void put_clusters(const qlab_dated *s, size_t n, qlab_trial_field *out)
{
    size_t n_dates, row = 0;
    int32_t *axis = union_of(s, n, out->sr, &n_dates);
    double *x = qlab_alloc(out->n_used * n_dates + 1, sizeof *x);
    uint32_t *of_row = qlab_alloc(out->n_used + 1, sizeof *of_row);

    for (size_t i = 0; i < n; i++)
        if (!isnan(out->sr[i]))
            spread_out(&s[i], axis, n_dates, x + row++ * n_dates);
    out->n_clusters = qlab_cluster_series(x, out->n_used, n_dates, QLAB_CLUSTER_ABOVE,
                                          QLAB_CLUSTER_MIN_COMMON, of_row);
    row = 0;
    for (size_t i = 0; i < n; i++)
        out->cluster[i] = isnan(out->sr[i]) ? UINT32_MAX : of_row[row++];
    qlab_free(of_row);
    qlab_free(x);
    qlab_free(axis);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, by_value);
    return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2.0;
}

static void put_medians(size_t n, qlab_trial_field *out)
{
    double *members = qlab_alloc(n + 1, sizeof *members);

    out->median_sr = qlab_alloc(out->n_clusters + 1, sizeof *out->median_sr);
    for (size_t c = 0; c < out->n_clusters; c++) {
        size_t k = 0;
        for (size_t i = 0; i < n; i++)
            if (out->cluster[i] == c)
                members[k++] = out->sr[i];
        out->median_sr[c] = median(members, k);
    }
    qlab_free(members);
}

void qlab_trial_field_of(const qlab_dated *s, size_t n, qlab_trial_field *out)
{
    *out = (qlab_trial_field){.n_trials = n, .variance = NAN, .benchmark = NAN};
    out->sr = qlab_alloc(n + 1, sizeof *out->sr);
    out->cluster = qlab_alloc(n + 1, sizeof *out->cluster);
    for (size_t i = 0; i < n; i++) {
        out->sr[i] = qlab_sharpe_of((qlab_f64v){s[i].values, s[i].n}).sr;
        out->n_used += isnan(out->sr[i]) ? 0 : 1;
    }
    put_clusters(s, n, out);
    put_medians(n, out);
    if (out->n_clusters == 0)
        return;
    if (out->n_clusters > 1) {
        const qlab_moments m = qlab_moments_of((qlab_f64v){out->median_sr, out->n_clusters});
        out->variance = m.std * m.std;
    }
    out->benchmark =
        out->n_clusters == 1 ? 0.0 : qlab_dsr_benchmark((double)out->n_clusters, out->variance);
}

void qlab_trial_field_free(qlab_trial_field *f)
{
    qlab_free(f->sr);
    qlab_free(f->cluster);
    qlab_free(f->median_sr);
    *f = (qlab_trial_field){0};
}
