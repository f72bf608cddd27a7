/* Cross-section transforms against their definitions; groups against one group at a time. */
#include "num/xsec.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "num/math.h"
#include "support/t.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 600, SEED = 5, N_GROUPS = 7 };

static double x[N], u[N], v[N], out[N], part[N], sorted[N];
static uint32_t group[N];

static qlab_f64v view(const double *p, size_t n)
{
    return (qlab_f64v){p, n};
}

static qlab_f64w to(double *p, size_t n)
{
    return (qlab_f64w){p, n};
}

static void *scratch_of(size_t n, size_t regressors)
{
    return qlab_alloc(1, qlab_xsec_scratch_bytes(n, N_GROUPS, regressors));
}

static void fill(uint64_t stream)
{
    for (size_t i = 0; i < N; i++) {
        x[i] = qlab_num_normal(SEED, stream, i);
        if (i % 10 == 3)
            x[i] *= 40.0; /* outliers */
        if (i % 17 == 0)
            x[i] = NAN;
        if (i == 100)
            x[i] = INFINITY;
        group[i] =
            (uint32_t)qlab_rng_below(SEED, stream + 1, i, N_GROUPS - 1); /* the last is empty */
        if (i % 50 == 7)
            group[i] = QLAB_XSEC_NO_GROUP;
    }
}

static int ascending(const void *a, const void *b)
{
    const double p = *(const double *)a, q = *(const double *)b;
    return (p > q) - (p < q);
}

static double slow_median(const double *p, size_t n, double centre, int distance)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(p[i]))
            sorted[m++] = distance ? fabs(p[i] - centre) : p[i];
    qsort(sorted, m, sizeof *sorted, ascending);
    return m ? 0.5 * sorted[(m - 1) / 2] + 0.5 * sorted[m / 2] : NAN;
}

T_TEST(median_and_mad_are_exact)
{
    double *scratch = qlab_alloc(N, sizeof *scratch);
    for (uint64_t round = 0; round < 300; round++) {
        const size_t n = (size_t)qlab_rng_below(SEED, 40, round, 60);
        const uint64_t kinds = 1 + qlab_rng_below(SEED, 41, round, 30);
        for (size_t i = 0; i < n; i++) {
            x[i] = round % 2 ? qlab_num_normal(SEED, 42 + round, i)
                             : (double)qlab_rng_below(SEED, 42 + round, i, kinds);
            if (round % 3 == 0 && i % 7 == 2)
                x[i] = NAN;
        }
        const double m = slow_median(x, n, 0.0, 0);
        T_NEAR(qlab_xsec_median(view(x, n), scratch), m, 0.0);
        T_NEAR(qlab_xsec_mad(view(x, n), m, scratch), slow_median(x, n, m, 1), 0.0);
    }
    qlab_free(scratch);
}

T_TEST(z_winsorises_then_standardises)
{
    void *scratch = scratch_of(N, 0);
    fill(1);
    qlab_xsec_z(view(x, N), NULL, 0, to(out, N), scratch);
    const double m = slow_median(x, N, 0.0, 0), reach = 5.0 * 1.4826 * slow_median(x, N, m, 1);
    long double sum = 0, ss = 0;
    size_t n = 0, cut = 0;
    for (size_t i = 0; i < N; i++) {
        if (!isfinite(x[i]))
            continue;
        part[n] = fmin(fmax(x[i], m - reach), m + reach);
        cut += part[n] != x[i];
        sum += part[n++];
    }
    T_CHECK(cut > 10);
    for (size_t i = 0; i < n; i++)
        ss += (part[i] - sum / n) * (part[i] - sum / n);
    for (size_t i = 0, k = 0; i < N; i++) {
        if (!isfinite(x[i])) {
            T_CHECK(isnan(out[i]));
            continue;
        }
        T_NEAR(out[i], (double)((part[k++] - sum / n) / sqrtl(ss / (n - 1))), 1e-13);
    }
    qlab_free(scratch);
}

T_TEST(rank_and_demean)
{
    void *scratch = scratch_of(N, 0);
    fill(2);
    x[5] = x[6] = x[8];
    qlab_xsec_rank(view(x, N), NULL, 0, to(out, N), scratch);
    size_t n = 0;
    long double sum = 0;
    for (size_t i = 0; i < N; i++) {
        n += isfinite(x[i]) ? 1 : 0;
        sum += isfinite(x[i]) ? x[i] : 0;
    }
    for (size_t i = 0; i < N; i++) {
        double below = 0, equal = 0;
        for (size_t k = 0; k < N; k++) {
            below += isfinite(x[k]) && x[k] < x[i];
            equal += isfinite(x[k]) && x[k] == x[i];
        }
        const double rank = below + 0.5 * (equal + 1.0);
        T_NEAR(out[i], isfinite(x[i]) ? (rank - 0.5) / (double)n : NAN, 1e-15);
    }
    qlab_xsec_demean(view(x, N), NULL, 0, to(out, N), scratch);
    for (size_t i = 0; i < N; i++)
        T_NEAR(out[i], isfinite(x[i]) ? (double)(x[i] - sum / n) : NAN, 1e-13);
    qlab_free(scratch);
}

typedef void transform(qlab_f64v in, const uint32_t *g, size_t n_groups, qlab_f64w o,
                       void *scratch);

static void neutral(qlab_f64v in, const uint32_t *g, size_t n_groups, qlab_f64w o, void *scratch)
{
    const qlab_f64v by[2] = {view(u, in.n), view(v, in.n)};
    qlab_xsec_neutralize(in, by, 2, g, n_groups, o, scratch);
}

T_TEST(a_group_is_a_cross_section_of_its_own)
{
    transform *const all[] = {qlab_xsec_z, qlab_xsec_rank, qlab_xsec_demean, neutral};
    void *scratch = scratch_of(N, 2);
    for (size_t t = 0; t < 4; t++) {
        fill(3);
        for (size_t i = 0; i < N; i++) {
            u[i] = qlab_num_normal(SEED, 70, i);
            v[i] = i % 29 ? qlab_num_normal(SEED, 71, i) : NAN;
        }
        all[t](view(x, N), group, N_GROUPS, to(out, N), scratch);
        double keep_x[N], keep_u[N], keep_v[N];
        memcpy(keep_x, x, sizeof x);
        memcpy(keep_u, u, sizeof u);
        memcpy(keep_v, v, sizeof v);
        for (uint32_t g = 0; g < N_GROUPS; g++) {
            size_t n = 0;
            for (size_t i = 0; i < N; i++) {
                if (group[i] != g)
                    continue;
                x[n] = keep_x[i];
                u[n] = keep_u[i];
                v[n++] = keep_v[i];
            }
            all[t](view(x, n), NULL, 0, to(part, n), scratch);
            for (size_t i = 0, k = 0; i < N; i++) {
                if (group[i] != g)
                    continue;
                T_CHECK(isnan(part[k]) ? isnan(out[i]) : part[k] == out[i]);
                k++;
            }
        }
        for (size_t i = 0; i < N; i++)
            T_CHECK(group[i] != QLAB_XSEC_NO_GROUP || isnan(out[i]));
        memcpy(x, keep_x, sizeof x); /* in place, the same bits */
        memcpy(u, keep_u, sizeof u);
        memcpy(v, keep_v, sizeof v);
        all[t](view(x, N), group, N_GROUPS, to(x, N), scratch);
        for (size_t i = 0; i < N; i++)
            T_CHECK(isnan(out[i]) ? isnan(x[i]) : out[i] == x[i]);
    }
    qlab_free(scratch);
}

static double covariance(const double *a, const double *b)
{
    long double ma = 0, mb = 0, ab = 0;
    size_t n = 0;
    for (size_t i = 0; i < N; i++) {
        if (isnan(out[i]))
            continue;
        ma += a[i];
        mb += b[i];
        n++;
    }
    for (size_t i = 0; i < N; i++)
        if (!isnan(out[i]))
            ab += (a[i] - ma / n) * (b[i] - mb / n);
    return (double)(ab / n);
}

T_TEST(a_residual_is_orthogonal_and_has_mean_zero)
{
    void *scratch = scratch_of(N, 4);
    fill(4);
    for (size_t i = 0; i < N; i++) {
        u[i] = 1e6 + qlab_num_normal(SEED, 80, i);
        v[i] = 1e-9 * (u[i] - 1e6) + 1e-12 * qlab_num_normal(SEED, 81, i); /* nearly the same */
        x[i] += 3.0 * u[i] - 2e9 * v[i];
    }
    const qlab_f64v by[4] = {view(u, N), view(v, N), view(u, N), view(v, N)};
    qlab_xsec_neutralize(view(x, N), by, 2, NULL, 0, to(out, N), scratch);
    const double one = sqrt(covariance(out, out));
    T_CHECK(one > 0.5 && one < 20.0);
    T_NEAR(covariance(out, u), 0.0, 1e-8);
    T_NEAR(covariance(out, v), 0.0, 1e-17);
    long double mean = 0;
    for (size_t i = 0; i < N; i++)
        mean += isnan(out[i]) ? 0 : out[i];
    T_NEAR((double)mean / N, 0.0, 1e-9);
    /* A regressor given twice, or a constant one, changes nothing. */
    qlab_xsec_neutralize(view(x, N), by, 4, NULL, 0, to(part, N), scratch);
    for (size_t i = 0; i < N; i++)
        T_NEAR(part[i], out[i], 0.0);
    for (size_t i = 0; i < N; i++)
        sorted[i] = 0.1;
    const qlab_f64v with_constant[3] = {view(sorted, N), view(u, N), view(v, N)};
    qlab_xsec_neutralize(view(x, N), with_constant, 3, NULL, 0, to(part, N), scratch);
    for (size_t i = 0; i < N; i++)
        T_NEAR(part[i], out[i], 0.0);
    qlab_free(scratch);
}

T_TEST(the_degenerate_is_null)
{
    void *scratch = scratch_of(N, 2);
    for (size_t i = 0; i < N; i++)
        x[i] = 0.1;
    qlab_xsec_z(view(x, N), NULL, 0, to(out, N), scratch);
    for (size_t i = 0; i < N; i++)
        T_CHECK(isnan(out[i]));
    qlab_xsec_demean(view(x, N), NULL, 0, to(out, N), scratch);
    for (size_t i = 0; i < N; i++)
        T_CHECK(out[i] == 0.0);
    /* More than half equal: MAD is 0, nothing is cut, the spread is real. */
    x[0] = 1e6;
    qlab_xsec_z(view(x, N), NULL, 0, to(out, N), scratch);
    T_NEAR(out[0], (N - 1) / sqrt(N), 1e-9);
    x[0] = 5.0;
    qlab_xsec_z(view(x, 1), NULL, 0, to(out, 1), scratch);
    T_CHECK(isnan(out[0]));
    qlab_xsec_rank(view(x, 1), NULL, 0, to(out, 1), scratch);
    T_CHECK(out[0] == 0.5);
    qlab_xsec_z(view(x, 0), NULL, 0, to(out, 0), scratch);
    /* Two names and one regressor leave nothing to estimate with. */
    u[0] = 1.0;
    u[1] = 2.0;
    const qlab_f64v by[1] = {view(u, 2)};
    qlab_xsec_neutralize(view(x, 2), by, 1, NULL, 0, to(out, 2), scratch);
    T_CHECK(isnan(out[0]) && isnan(out[1]));
    qlab_free(scratch);
}

T_MAIN(T_CASE(median_and_mad_are_exact), T_CASE(z_winsorises_then_standardises),
       T_CASE(rank_and_demean), T_CASE(a_group_is_a_cross_section_of_its_own),
       T_CASE(a_residual_is_orthogonal_and_has_mean_zero), T_CASE(the_degenerate_is_null))
