#include "num/xsec.h"

#include "num/rank.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const double MAD_TO_SIGMA = 1.4826; /* MAD of a normal to its standard deviation */
static const double WINSOR_SIGMAS = 5.0;
static const double DEPENDENT = 1e-10;

static bool present(double v)
{
    return v - v == 0.0;
}

/* The names of a cross-section put together by group: member[first[g]..first[g+1]) in the order
 * given. */
typedef struct layout {
    size_t n_groups;
    size_t *first;    /* n_groups + 1 */
    uint32_t *member; /* n */
    double *a, *b;    /* n doubles each, free */
    void *rest;       /* scratch of the rank kernels, or the regressors */
} layout;

static size_t rounded(size_t bytes)
{
    return (bytes + 15) / 16 * 16;
}

size_t qlab_xsec_scratch_bytes(size_t n, size_t n_groups, size_t n_regressors)
{
    const size_t rank = rounded(qlab_rank_scratch_bytes(n));
    const size_t columns = rounded(n * n_regressors * sizeof(double));
    return rounded((n_groups + 2) * sizeof(size_t)) + rounded(n * sizeof(uint32_t)) +
           2 * rounded(n * sizeof(double)) + (rank > columns ? rank : columns);
}

/* Names without a group are left out and get NaN. */
static layout layout_of(size_t n, const uint32_t *group, size_t n_groups, qlab_f64w out,
                        void *scratch)
{
    layout l = {.n_groups = group ? n_groups : 1};
    char *at = scratch;
    l.first = (size_t *)(void *)at;
    at += rounded((l.n_groups + 2) * sizeof(size_t));
    l.member = (uint32_t *)(void *)at;
    at += rounded(n * sizeof(uint32_t));
    l.a = (double *)(void *)at;
    at += rounded(n * sizeof(double));
    l.b = (double *)(void *)at;
    at += rounded(n * sizeof(double));
    l.rest = at;

    memset(l.first, 0, (l.n_groups + 2) * sizeof(size_t));
    /* first[g + 2] counts group g; summed up, first[g + 1] is where it starts and, once its members
     * are laid down, where it ends: that is first[g] of the finished array. */
    for (size_t i = 0; i < n; i++) {
        const uint32_t g = group ? group[i] : 0;
        if (g == QLAB_XSEC_NO_GROUP)
            continue;
        assert(g < l.n_groups);
        l.first[g + 2]++;
    }
    for (size_t g = 2; g < l.n_groups + 2; g++)
        l.first[g] += l.first[g - 1];
    for (size_t i = 0; i < n; i++) {
        const uint32_t g = group ? group[i] : 0;
        if (g == QLAB_XSEC_NO_GROUP)
            out.at[i] = NAN;
        else
            l.member[l.first[g + 1]++] = (uint32_t)i;
    }
    return l;
}

/* The k-th smallest of v[0..n) (Hoare's selection); v is put in another order. */
static double select_kth(double *v, size_t n, size_t k)
{
    size_t lo = 0, hi = n - 1;
    while (lo < hi) {
        /* Median of three as pivot. */
        const double x = v[lo], y = v[lo + (hi - lo) / 2], z = v[hi];
        const double pivot = x < y ? (y < z ? y : (x < z ? z : x)) : (x < z ? x : (y < z ? z : y));
        size_t i = lo, j = hi;
        for (;;) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i >= j)
                break;
            const double swap = v[i];
            v[i++] = v[j];
            v[j--] = swap;
        }
        if (i == j && k == i)
            return pivot;
        /* v[lo..i) <= pivot <= v(j..hi], and i = j (then v[i] is the pivot) or i = j + 1. */
        if (k < i)
            hi = i - 1;
        else
            lo = j + 1;
    }
    return v[k];
}

static double middle(double *v, size_t n)
{
    if (n == 0)
        return NAN;
    const double upper = select_kth(v, n, n / 2);
    if (n % 2)
        return upper;
    double lower = v[0]; /* the largest of the lower half, which selection put in front */
    for (size_t i = 1; i < n / 2; i++)
        lower = v[i] > lower ? v[i] : lower;
    return 0.5 * lower + 0.5 * upper;
}

double qlab_xsec_median(qlab_f64v x, double *scratch)
{
    size_t n = 0;
    for (size_t i = 0; i < x.n; i++)
        if (present(x.at[i]))
            scratch[n++] = x.at[i];
    return middle(scratch, n);
}

double qlab_xsec_mad(qlab_f64v x, double centre, double *scratch)
{
    size_t n = 0;
    for (size_t i = 0; i < x.n; i++)
        if (present(x.at[i]))
            scratch[n++] = fabs(x.at[i] - centre);
    return middle(scratch, n);
}

/* The present values of group g into l->a, in order; how many. */
static size_t gather(const layout *l, size_t g, qlab_f64v x)
{
    size_t n = 0;
    for (size_t k = l->first[g]; k < l->first[g + 1]; k++)
        if (present(x.at[l->member[k]]))
            l->a[n++] = x.at[l->member[k]];
    return n;
}

static double mean_of(const double *v, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += v[i] - v[0]; /* a constant stays exactly constant */
    return v[0] + sum / (double)n;
}

/* Standardises v in place; false where there is no spread. */
static bool standardize(double *v, size_t n, double *spare)
{
    if (n < 2)
        return false;
    memcpy(spare, v, n * sizeof *v);
    const double median = middle(spare, n);
    for (size_t i = 0; i < n; i++)
        spare[i] = fabs(v[i] - median);
    const double reach = WINSOR_SIGMAS * MAD_TO_SIGMA * middle(spare, n);
    if (reach > 0.0) {
        const double lo = median - reach, hi = median + reach;
        for (size_t i = 0; i < n; i++)
            v[i] = v[i] < lo ? lo : v[i] > hi ? hi : v[i];
    }
    const double mean = mean_of(v, n);
    double ss = 0.0;
    for (size_t i = 0; i < n; i++) {
        v[i] -= mean;
        ss += v[i] * v[i];
    }
    const double std = sqrt(ss / (double)(n - 1));
    if (!(std > 0.0 && std < INFINITY))
        return false;
    for (size_t i = 0; i < n; i++)
        v[i] /= std;
    return true;
}

/* Values of l->a, one for each present name of group g, to their places; NaN to the others. */
static void scatter(const layout *l, size_t g, qlab_f64v x, bool exists, qlab_f64w out)
{
    size_t n = 0;
    for (size_t k = l->first[g]; k < l->first[g + 1]; k++) {
        const uint32_t i = l->member[k];
        const bool here = present(x.at[i]);
        out.at[i] = here && exists ? l->a[n] : NAN;
        n += here;
    }
}

void qlab_xsec_z(qlab_f64v x, const uint32_t *group, size_t n_groups, qlab_f64w out, void *scratch)
{
    assert(out.n == x.n);
    const layout l = layout_of(x.n, group, n_groups, out, scratch);
    for (size_t g = 0; g < l.n_groups; g++) {
        const size_t n = gather(&l, g, x);
        scatter(&l, g, x, standardize(l.a, n, l.b), out);
    }
}

void qlab_xsec_rank(qlab_f64v x, const uint32_t *group, size_t n_groups, qlab_f64w out,
                    void *scratch)
{
    assert(out.n == x.n);
    const layout l = layout_of(x.n, group, n_groups, out, scratch);
    for (size_t g = 0; g < l.n_groups; g++) {
        const size_t n = gather(&l, g, x);
        uint32_t *rank2 = (uint32_t *)(void *)l.b;
        (void)qlab_rank_average2(l.a, n, rank2, l.rest);
        for (size_t k = 0; k < n; k++)
            l.a[k] = (0.5 * (double)rank2[k] - 0.5) / (double)n;
        scatter(&l, g, x, n > 0, out);
    }
}

void qlab_xsec_demean(qlab_f64v x, const uint32_t *group, size_t n_groups, qlab_f64w out,
                      void *scratch)
{
    assert(out.n == x.n);
    const layout l = layout_of(x.n, group, n_groups, out, scratch);
    for (size_t g = 0; g < l.n_groups; g++) {
        const size_t n = gather(&l, g, x);
        const double mean = n > 0 ? mean_of(l.a, n) : NAN;
        for (size_t k = 0; k < n; k++)
            l.a[k] -= mean;
        scatter(&l, g, x, n > 0, out);
    }
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void take_mean_off(double *v, size_t n)
{
    const double mean = mean_of(v, n);
    for (size_t i = 0; i < n; i++)
        v[i] -= mean;
}

/* Takes from v its part along each of the n_basis orthonormal columns of q. */
static void take_basis_off(double *v, const double *q, size_t n_basis, size_t n)
{
    for (size_t b = 0; b < n_basis; b++) {
        const double *e = q + b * n, along = dot(v, e, n);
        for (size_t i = 0; i < n; i++)
            v[i] -= along * e[i];
    }
}

/* Puts v, made orthogonal to the constant and to q, behind q as a unit column; false when nothing
 * of it was left. */
static bool extend_basis(double *v, const double *q, size_t n_basis, size_t n)
{
    double largest = 0.0;
    for (size_t i = 0; i < n; i++)
        largest = fabs(v[i]) > largest ? fabs(v[i]) : largest;
    if (!(largest > 0.0))
        return false;
    for (size_t i = 0; i < n; i++)
        v[i] /= largest; /* no square over- or underflows */
    take_mean_off(v, n);
    const double spread = sqrt(dot(v, v, n));
    for (int pass = 0; pass < 2; pass++) { /* twice is enough: Kahan and Parlett */
        take_basis_off(v, q, n_basis, n);
        take_mean_off(v, n);
    }
    const double left = sqrt(dot(v, v, n));
    /* Values of size 1 carry rounding of 2^-53 each: less spread than that is a constant. */
    if (!(left > DEPENDENT * spread && left > 0x1p-50 * sqrt((double)n)))
        return false;
    for (size_t i = 0; i < n; i++)
        v[i] /= left;
    return true;
}

void qlab_xsec_neutralize(qlab_f64v y, const qlab_f64v *x, size_t n_x, const uint32_t *group,
                          size_t n_groups, qlab_f64w out, void *scratch)
{
    assert(out.n == y.n);
    const layout l = layout_of(y.n, group, n_groups, out, scratch);
    double *q = l.rest;

    for (size_t g = 0; g < l.n_groups; g++) {
        uint32_t *names = l.member + l.first[g];
        const size_t n_members = l.first[g + 1] - l.first[g];
        size_t n = 0;
        for (size_t k = 0; k < n_members; k++) {
            const uint32_t i = names[k];
            bool whole = present(y.at[i]);
            for (size_t c = 0; c < n_x; c++)
                whole = whole && present(x[c].at[i]);
            if (whole)
                names[n++] = i;
            else
                l.a[k - n] = (double)i; /* names that get NaN, once nothing more is read */
        }
        const size_t n_out = n_members - n;
        size_t n_basis = 0;
        for (size_t c = 0; c < n_x && n > 0; c++) {
            double *column = q + n_basis * n;
            for (size_t k = 0; k < n; k++)
                column[k] = x[c].at[names[k]];
            n_basis += extend_basis(column, q, n_basis, n);
        }
        const bool enough = n >= n_basis + 2;
        for (size_t k = 0; k < n; k++)
            l.b[k] = y.at[names[k]];
        if (enough) {
            for (int pass = 0; pass < 2; pass++) {
                take_mean_off(l.b, n);
                take_basis_off(l.b, q, n_basis, n);
            }
        }
        for (size_t k = 0; k < n; k++)
            out.at[names[k]] = enough && present(l.b[k]) ? l.b[k] : NAN;
        for (size_t k = 0; k < n_out; k++)
            out.at[(size_t)l.a[k]] = NAN;
    }
}
