#include "stat/pbo.h"

#include "base/alloc.h"
#include "num/math.h"
#include "num/simd.h"
#include "stat/cpcv.h"
#include "stat/series.h"

#include <assert.h>
#include <math.h>

/* A half is a choice among the lower S/2 blocks and one among the upper S/2.  The sums over every
 * choice of each side are made once, so that a half costs one addition a model and no half carries
 * the rounding of another. */
typedef struct sides {
    size_t n_models, n_blocks, n_choices; /* choices a side, 2^(S/2) */
    double *sum[2], *square[2];           /* n_choices rows of n_models */
    double *mean;                         /* of a model over all rows, taken off before the sums */
    size_t *n_rows[2];                    /* rows in a choice */
} sides;

static void block_sums(const double *const *returns, size_t n_models, size_t n_rows,
                       size_t n_blocks, sides *s)
{
    const size_t a_side = n_blocks / 2;
    for (size_t m = 0; m < n_models; m++) {
        size_t n;
        const double mean = s->mean[m] = qlab_series_mean((qlab_f64v){returns[m], n_rows}, &n);
        assert(n == n_rows);
        for (size_t b = 0; b < n_blocks; b++) {
            const size_t row = ((size_t)1 << b % a_side) * n_models + m;
            size_t from, to;
            double sum = 0.0, square = 0.0;
            qlab_cpcv_group(n_rows, (uint32_t)n_blocks, (uint32_t)b, &from, &to);
            for (size_t t = from; t < to; t++) {
                const double d = returns[m][t] - mean; /* the level would cost digits of squares */
                sum += d;
                square += d * d;
            }
            s->sum[b / a_side][row] = sum;
            s->square[b / a_side][row] = square;
            s->n_rows[b / a_side][(size_t)1 << b % a_side] = to - from;
        }
    }
}

/* Rows of several blocks: the lowest block's row and that of the rest. */
static void fill_choices(sides *s)
{
    for (size_t side = 0; side < 2; side++)
        for (size_t c = 1; c < s->n_choices; c++) {
            const size_t rest = c & (c - 1), one = c ^ rest;
            if (rest == 0)
                continue;
            s->n_rows[side][c] = s->n_rows[side][one] + s->n_rows[side][rest];
            for (size_t m = 0; m < s->n_models; m++) {
                const size_t to = c * s->n_models + m, x = one * s->n_models + m,
                             y = rest * s->n_models + m;
                s->sum[side][to] = s->sum[side][x] + s->sum[side][y];
                s->square[side][to] = s->square[side][x] + s->square[side][y];
            }
        }
}

static sides sides_of(const double *const *returns, size_t n_models, size_t n_rows, size_t n_blocks)
{
    sides s = {n_models, n_blocks, (size_t)1 << n_blocks / 2, {NULL}, {NULL}, NULL, {NULL}};
    for (size_t i = 0; i < 2; i++) {
        s.sum[i] = qlab_alloc_zero(s.n_choices * n_models, sizeof(double));
        s.square[i] = qlab_alloc_zero(s.n_choices * n_models, sizeof(double));
        s.n_rows[i] = qlab_alloc_zero(s.n_choices, sizeof(size_t));
    }
    s.mean = qlab_alloc(n_models, sizeof *s.mean);
    block_sums(returns, n_models, n_rows, n_blocks, &s);
    fill_choices(&s);
    return s;
}

static void sides_free(sides *s)
{
    for (size_t i = 0; i < 2; i++) {
        qlab_free(s->sum[i]);
        qlab_free(s->square[i]);
        qlab_free(s->n_rows[i]);
    }
    qlab_free(s->mean);
}

/* Sharpe ratios of one half. */
QLAB_SIMD static void ratios(const double *restrict sum0, const double *restrict square0,
                             const double *restrict sum1, const double *restrict square1,
                             const double *restrict mean, size_t n_models, double n_rows,
                             double *restrict out)
{
    const double share = 1.0 / n_rows, root = sqrt(n_rows - 1.0);
    for (size_t m = 0; m < n_models; m++) {
        const double sum = sum0[m] + sum1[m], square = square0[m] + square1[m];
        const double rest = square - sum * (sum * share);
        const double ratio = (mean[m] + sum * share) * root / sqrt(rest);
        out[m] = rest > 1e-12 * square ? ratio : 0.0; /* below: constant but for rounding */
    }
}

static void half_ratios(const sides *s, size_t low, size_t high, double *out)
{
    const size_t a = low * s->n_models, b = high * s->n_models;
    ratios(s->sum[0] + a, s->square[0] + a, s->sum[1] + b, s->square[1] + b, s->mean, s->n_models,
           (double)(s->n_rows[0][low] + s->n_rows[1][high]), out);
}

static size_t greatest(const double *v, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (v[i] > v[best])
            best = i;
    return best;
}

/* Twice the average rank of v[of], from 2 (worst) to 2 n. */
static size_t twice_rank(const double *v, size_t n, size_t of)
{
    size_t below = 0, same = 0;
    for (size_t i = 0; i < n; i++) {
        below += v[i] < v[of];
        same += v[i] == v[of];
    }
    return 2 * below + same + 1;
}

typedef struct tally {
    uint64_t n, overfit, loss;
    double is, oos, is_is, is_oos, logit;
    double is_first, oos_first; /* taken off, so that sums of squares keep their digits */
    uint64_t *chosen;
} tally;

static void count_half(tally *t, const double *inside, const double *outside, size_t n_models)
{
    const size_t best = greatest(inside, n_models), rank2 = twice_rank(outside, n_models, best);
    if (t->n++ == 0) {
        t->is_first = inside[best];
        t->oos_first = outside[best];
    }
    const double is = inside[best] - t->is_first, oos = outside[best] - t->oos_first;
    t->overfit += rank2 <= n_models + 1;
    t->loss += outside[best] < 0.0;
    t->logit += qlab_num_log((double)rank2 / (double)(2 * (n_models + 1) - rank2));
    t->is += is;
    t->oos += oos;
    t->is_is += is * is;
    t->is_oos += is * oos;
    if (t->chosen)
        t->chosen[best]++;
}

static void finish(const tally *t, qlab_pbo *r)
{
    const double n = (double)t->n, is = t->is / n, oos = t->oos / n;
    const double spread = t->is_is - n * is * is;
    r->n_halves = t->n;
    r->pbo = (double)t->overfit / n;
    r->prob_loss = (double)t->loss / n;
    r->mean_logit = t->logit / n;
    r->mean_is = t->is_first + is;
    r->mean_oos = t->oos_first + oos;
    if (spread > 1e-12 * t->is_is) {
        r->slope = (t->is_oos - n * is * oos) / spread;
        r->intercept = r->mean_oos - r->slope * r->mean_is;
    }
}

qlab_pbo qlab_pbo_of(const double *const *returns, size_t n_models, size_t n_rows, size_t n_blocks,
                     uint64_t *chosen)
{
    assert(n_blocks >= 2 && n_blocks <= QLAB_PBO_MAX_BLOCKS && n_blocks % 2 == 0);
    qlab_pbo r = {n_rows, n_models, n_blocks, 0, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    for (size_t m = 0; chosen && m < n_models; m++)
        chosen[m] = 0;
    if (n_models < 2 || n_rows < 2 * n_blocks)
        return r;

    sides s = sides_of(returns, n_models, n_rows, n_blocks);
    double *inside = qlab_alloc(2 * n_models, sizeof *inside), *outside = inside + n_models;
    tally t = {.chosen = chosen};
    /* Block 0 is inside: the complement is the other half of the pair. */
    const size_t all = s.n_choices - 1;
    for (size_t low = 1; low <= all; low += 2)
        for (size_t high = 0; high <= all; high++) {
            if ((size_t)(__builtin_popcountll(low) + __builtin_popcountll(high)) != n_blocks / 2)
                continue;
            half_ratios(&s, low, high, inside);
            half_ratios(&s, all ^ low, all ^ high, outside);
            count_half(&t, inside, outside, n_models);
            count_half(&t, outside, inside, n_models);
        }
    finish(&t, &r);
    qlab_free(inside);
    sides_free(&s);
    return r;
}
