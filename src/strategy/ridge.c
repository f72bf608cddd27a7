#include "strategy/ridge.h"

#include <assert.h>
#include <math.h>

enum { YY = 1, XY = 2 }; /* places in the moments */

size_t qlab_ridge_width(size_t n_terms)
{
    return 2 + n_terms + n_terms * (n_terms + 1) / 2;
}

static void centre(double *x, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++)
        sum += x[i];
    for (size_t i = 0; i < n; i++)
        x[i] -= sum / (double)n;
}

/* Four running sums in one order, whatever the compiler makes of them. */
static double mean_product(const double *a, const double *b, size_t n)
{
    double s[4] = {0.0, 0.0, 0.0, 0.0};
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            s[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        s[0] += a[i] * b[i];
    return ((s[0] + s[1]) + (s[2] + s[3])) / (double)n;
}

void qlab_ridge_moments(const double *y, double *const *x, size_t n_terms, size_t n, double *out)
{
    double *xy = out + XY, *xx = out + XY + n_terms;

    assert(n > 0);
    out[0] = (double)n;
    out[YY] = mean_product(y, y, n);
    for (size_t a = 0; a < n_terms; a++) {
        centre(x[a], n);
        xy[a] = mean_product(x[a], y, n);
        for (size_t b = 0; b <= a; b++)
            *xx++ = mean_product(x[a], x[b], n);
    }
}

/* Row a of a lower triangle kept by rows. */
static double *row_of(double *l, size_t a)
{
    return l + a * (a + 1) / 2;
}

void qlab_ridge_solve(const double *moments, size_t n_terms, double weight, double penalty,
                      double *w, double *l)
{
    const double *xy = moments + XY, *xx = moments + XY + n_terms;

    assert(penalty > 0.0 && weight > 0.0);
    for (size_t a = 0; a < n_terms; a++)
        for (size_t b = 0; b <= a; b++) {
            double v = *xx++ / weight + (a == b ? penalty : 0.0);
            for (size_t k = 0; k < b; k++)
                v -= row_of(l, a)[k] * row_of(l, b)[k];
            /* G has no negative direction but for rounding, which is far below the penalty */
            row_of(l, a)[b] = a == b ? sqrt(v) : v / row_of(l, b)[b];
        }
    for (size_t a = 0; a < n_terms; a++) {
        w[a] = xy[a] / weight;
        for (size_t k = 0; k < a; k++)
            w[a] -= row_of(l, a)[k] * w[k];
        w[a] /= row_of(l, a)[a];
    }
    for (size_t a = n_terms; a-- > 0;) {
        for (size_t k = a + 1; k < n_terms; k++)
            w[a] -= row_of(l, k)[a] * w[k];
        w[a] /= row_of(l, a)[a];
    }
}

double qlab_ridge_error(const double *moments, size_t n_terms, const double *w)
{
    const double *xy = moments + XY, *xx = moments + XY + n_terms;
    double error = moments[YY];

    for (size_t a = 0; a < n_terms; a++) {
        error -= 2.0 * w[a] * xy[a];
        for (size_t b = 0; b <= a; b++)
            error += (a == b ? 1.0 : 2.0) * w[a] * w[b] * *xx++;
    }
    return error;
}
