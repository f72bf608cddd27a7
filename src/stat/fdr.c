#include "stat/fdr.h"

#include "base/alloc.h"
#include "stat/series.h"

#include <assert.h>
#include <stdlib.h>

typedef struct test {
    double p;
    size_t at;
} test;

static int by_p(const void *a, const void *b)
{
    const test *x = a, *y = b;
    if (x->p != y->p)
        return x->p < y->p ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static double at_most_one(double v)
{
    return v < 1.0 ? v : 1.0;
}

/* Step-up (BH, BY): the smallest of factor * m/i * p over this rank and those above. */
static void step_up(const test *t, size_t m, double factor, qlab_f64w out)
{
    double least = 1.0;
    for (size_t i = m; i > 0; i--) {
        const double v = at_most_one(factor * (t[i - 1].p * (double)m / (double)i));
        least = v < least ? v : least;
        out.at[t[i - 1].at] = least;
    }
}

/* Step-down (Holm): the largest of (m - i + 1) * p over this rank and those below. */
static void step_down(const test *t, size_t m, qlab_f64w out)
{
    double most = 0.0;
    for (size_t i = 0; i < m; i++) {
        const double v = at_most_one(t[i].p * (double)(m - i));
        most = v > most ? v : most;
        out.at[t[i].at] = most;
    }
}

size_t qlab_adjust_p(qlab_f64v p, qlab_adjust_method method, qlab_f64w out)
{
    assert(out.n == p.n);
    test *t = qlab_alloc(p.n, sizeof *t);
    size_t m = 0;

    for (size_t i = 0; i < p.n; i++) {
        if (!qlab_series_has(p.at[i])) {
            out.at[i] = NAN;
            continue;
        }
        assert(p.at[i] >= 0.0 && p.at[i] <= 1.0);
        t[m++] = (test){p.at[i], i};
    }
    if (m > 1)
        qsort(t, m, sizeof *t, by_p);

    double factor = 1.0;
    if (method == QLAB_ADJUST_BY) {
        factor = 0.0;
        for (size_t i = m; i > 0; i--)
            factor += 1.0 / (double)i;
    }
    if (method == QLAB_ADJUST_HOLM)
        step_down(t, m, out);
    else
        step_up(t, m, factor, out);
    qlab_free(t);
    return m;
}
