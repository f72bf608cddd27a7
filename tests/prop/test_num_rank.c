/* Ranks and Spearman against counting, on every kind of tie, gap and bit pattern. */
#include "num/rank.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "num/math.h"
#include "support/t.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { N_MAX = 3000, N_KINDS = 10, SEED = 11 };

static double x[N_MAX], y[N_MAX], got[N_MAX];
static uint32_t ra[N_MAX], order[N_MAX];

static double draw(int kind, uint64_t stream, size_t i)
{
    const uint64_t u = qlab_rng_u64(SEED, stream, i);
    double v;
    switch (kind) {
    case 0:
        return qlab_num_normal(SEED, stream, i);
    case 1: /* any bit pattern, NaN and infinities among them */
        memcpy(&v, &u, sizeof v);
        return v;
    case 2: /* few distinct values, zeros of both signs */
        return (double)((int)(u % 7) - 3) * (u >> 63 ? -0.0 : 1.0);
    case 3: /* agree in the upper 32 bits: long runs to be put right */
        return 1.0 + (double)(u % 100000) * DBL_EPSILON;
    case 4: /* the same, with gaps */
        return u % 5 ? 1e7 + (double)(u % 64) * 0x1p-29 : NAN;
    case 5: /* subnormal */
        return (double)(int64_t)(u % 1000 - 500) * 0x1p-1074;
    case 6: /* all equal */
        return 0.1;
    case 7: /* none */
        return u % 3 ? NAN : (u % 2 ? INFINITY : -INFINITY);
    case 8: /* one enormous value and a very small one among the others: the range is far too wide
             */
        return i == 5 ? 1e300 : i == 6 ? -1e-300 : 1e-3 * qlab_num_normal(SEED, stream, i);
    default: /* heavy tail, ties at the ends */
        v = qlab_num_exp(4.0 * qlab_num_normal(SEED, stream, i));
        return v > 50.0 ? 50.0 : v;
    }
}

/* Twice the average rank of i among the names that both masks show: by counting. */
static uint32_t counted(const double *v, const double *other, size_t n, size_t i)
{
    uint32_t below = 0, equal = 0;
    if (!isfinite(v[i]) || (other && !isfinite(other[i])))
        return 0;
    for (size_t k = 0; k < n; k++) {
        if (!isfinite(v[k]) || (other && !isfinite(other[k])))
            continue;
        below += v[k] < v[i];
        equal += v[k] == v[i];
    }
    return 2 * below + equal + 1;
}

static double slow_spearman(size_t n, size_t *m)
{
    long double sx = 0, sy = 0, xx = 0, yy = 0, xy = 0;
    *m = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t a = counted(x, y, n, i), b = counted(y, x, n, i);
        if (a == 0)
            continue;
        (*m)++;
        sx += a;
        sy += b;
        xx += (long double)a * a;
        yy += (long double)b * b;
        xy += (long double)a * b;
    }
    const long double k = (long double)*m;
    const long double vx = k * xx - sx * sx, vy = k * yy - sy * sy;
    return vx > 0 && vy > 0 ? (double)((k * xy - sx * sy) / sqrtl(vx * vy)) : NAN;
}

T_TEST(ranks_equal_counting)
{
    void *scratch = qlab_alloc(1, qlab_rank_scratch_bytes(N_MAX));
    const size_t sizes[] = {0, 1, 2, 3, 25, 26, 257, 700};
    for (int kind = 0; kind < N_KINDS; kind++) {
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            const size_t n = sizes[s];
            for (size_t i = 0; i < n; i++)
                x[i] = draw(kind, s, i);
            const size_t m = qlab_rank_average2(x, n, ra, scratch);
            size_t present = 0;
            for (size_t i = 0; i < n; i++) {
                T_CHECK(ra[i] == counted(x, NULL, n, i));
                present += isfinite(x[i]) ? 1 : 0;
            }
            T_CHECK(m == present);
            T_CHECK(qlab_rank_average(x, n, got, scratch) == m);
            for (size_t i = 0; i < n; i++)
                T_CHECK(ra[i] ? got[i] == 0.5 * ra[i] : isnan(got[i]));
            T_CHECK(qlab_rank_order(x, n, order, scratch) == m);
            for (size_t i = 1; i < m; i++) {
                T_CHECK(x[order[i - 1]] <= x[order[i]]);
                T_CHECK(x[order[i - 1]] < x[order[i]] || order[i - 1] < order[i]);
            }
        }
    }
    qlab_free(scratch);
}

T_TEST(spearman_equals_the_slow_one_and_the_cached_one)
{
    void *scratch = qlab_alloc(1, qlab_rank_scratch_bytes(N_MAX));
    for (int kx = 0; kx < N_KINDS; kx++) {
        for (int ky = 0; ky < N_KINDS; ky++) {
            const size_t n = 40 + 60 * (size_t)ky;
            for (size_t i = 0; i < n; i++) {
                x[i] = draw(kx, 100, i);
                y[i] = draw(ky, 101, i) + (kx == 0 && ky == 0 ? x[i] : 0.0);
            }
            size_t m;
            const double want = slow_spearman(n, &m);
            const qlab_spearman a = qlab_rank_spearman(x, y, n, scratch);
            T_CHECK(a.n_common == m);
            T_NEAR(a.rho, want, 1e-14);
            const qlab_spearman back = qlab_rank_spearman(y, x, n, scratch);
            T_SAME_BITS(&a.rho, &back.rho, 1);
            qlab_ranked label;
            qlab_rank_cache(y, n, ra, order, scratch, &label);
            const qlab_spearman b = qlab_rank_spearman_cached(x, &label, scratch);
            T_CHECK(b.n_common == m);
            T_CHECK(isnan(a.rho) ? isnan(b.rho) : a.rho == b.rho);
        }
    }
    qlab_free(scratch);
}

T_TEST(the_order_of_names_changes_no_bit)
{
    void *scratch = qlab_alloc(1, qlab_rank_scratch_bytes(N_MAX));
    for (size_t i = 0; i < N_MAX; i++) {
        x[i] = draw(9, 200, i);
        y[i] = draw(4, 201, i);
    }
    const double first = qlab_rank_spearman(x, y, N_MAX, scratch).rho;
    for (uint64_t round = 0; round < 20; round++) {
        for (size_t i = N_MAX; i > 1; i--) {
            const size_t j = (size_t)qlab_rng_below(SEED, 300 + round, i, i);
            const double sx = x[i - 1], sy = y[i - 1];
            x[i - 1] = x[j];
            y[i - 1] = y[j];
            x[j] = sx;
            y[j] = sy;
        }
        const double again = qlab_rank_spearman(x, y, N_MAX, scratch).rho;
        T_SAME_BITS(&first, &again, 1);
    }
    qlab_free(scratch);
}

T_TEST(exact_one_and_the_degenerate)
{
    void *scratch = qlab_alloc(1, qlab_rank_scratch_bytes(N_MAX));
    for (size_t i = 0; i < N_MAX; i++) {
        x[i] = draw(9, 400, i);
        y[i] = 3.0 + 2.0 * x[i];
        got[i] = -x[i];
    }
    T_CHECK(qlab_rank_spearman(x, y, N_MAX, scratch).rho == 1.0);
    T_CHECK(qlab_rank_spearman(x, got, N_MAX, scratch).rho == -1.0);
    T_CHECK(isnan(qlab_rank_spearman(x, y, 1, scratch).rho));
    T_CHECK(qlab_rank_spearman(x, y, 0, scratch).n_common == 0);
    for (size_t i = 0; i < N_MAX; i++)
        y[i] = 0.1;
    T_CHECK(isnan(qlab_rank_spearman(x, y, N_MAX, scratch).rho)); /* all ties: null, not 0 */
    y[1] = y[2] = NAN;
    x[5] = NAN;
    T_CHECK(qlab_rank_spearman(x, y, N_MAX, scratch).n_common == N_MAX - 3);
    qlab_free(scratch);
}

T_TEST(the_largest_cross_section_does_not_overflow)
{
    const size_t n = 1000000;
    double *a = qlab_alloc(n, sizeof *a), *b = qlab_alloc(n, sizeof *b);
    void *scratch = qlab_alloc(1, qlab_rank_scratch_bytes(n));
    for (size_t i = 0; i < n; i++) {
        a[i] = (double)((i * 7919) % n);
        b[i] = -a[i];
    }
    T_CHECK(qlab_rank_spearman(a, a, n, scratch).rho == 1.0);
    T_CHECK(qlab_rank_spearman(a, b, n, scratch).rho == -1.0);
    /* Sizes beside those at which the sort changes its way, gaps among them. */
    for (size_t m = 119000; m < 300000; m = 2 * m - 100000) {
        for (size_t i = 0; i < m; i++) {
            a[i] = i % 3 ? 1e-3 * qlab_num_normal(SEED, 9, i) : NAN;
            b[i] = -qlab_num_exp(200.0 * a[i]);
        }
        T_CHECK(qlab_rank_spearman(a, b, m, scratch).rho == -1.0);
    }
    qlab_free(a);
    qlab_free(b);
    qlab_free(scratch);
}

T_MAIN(T_CASE(ranks_equal_counting), T_CASE(spearman_equals_the_slow_one_and_the_cached_one),
       T_CASE(the_order_of_names_changes_no_bit), T_CASE(exact_one_and_the_degenerate),
       T_CASE(the_largest_cross_section_does_not_overflow))
