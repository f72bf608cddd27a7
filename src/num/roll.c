#include "num/roll.h"

#include "num/simd.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* A window of win rows is cut into blocks of powers of two, smallest first from its first row.
 * Blocks of one size are made for every start at once from two of half the size, in place: value j
 * of a level belongs to the block that starts at row j.  Each value therefore comes from the rows
 * of its own block alone, whatever slice of the column is at hand.  Tiles keep the levels in cache.
 */
enum { TILE = 512, MAX_WIN = QLAB_ROLL_MAX_WIN };

size_t qlab_roll_lookback(size_t win)
{
    return win - 1;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static double finite_or_nan(double v)
{
    return v - v == 0.0 ? v : NAN;
}

static void check(size_t n_in, size_t win, size_t win_min, qlab_f64w out)
{
    assert(out.n == n_in);
    assert(win >= win_min && win <= MAX_WIN);
    for (size_t i = 0; i < min_size(win - 1, out.n); i++)
        out.at[i] = NAN;
}

/* level holds n_out + win - 1 rows and is used up; acc[j] = sum of the win rows from j. */
QLAB_SIMD static void tree_sum(double *restrict level, size_t win, double *restrict acc,
                               size_t n_out)
{
    size_t n = n_out + win - 1, covered = 0;

    for (size_t block = 1;; block *= 2) {
        if (win & block) {
            if (covered == 0)
                memcpy(acc, level, n_out * sizeof *acc);
            else
                for (size_t j = 0; j < n_out; j++)
                    acc[j] += level[j + covered];
            covered += block;
        }
        if (covered == win)
            return;
        n -= block;
        const double *next = level + block;
        QLAB_INDEPENDENT
        for (size_t j = 0; j < n; j++)
            level[j] += next[j];
    }
}

QLAB_SIMD static void tree_max(double *restrict level, size_t win, double *restrict acc,
                               size_t n_out)
{
    size_t n = n_out + win - 1, covered = 0;

    for (size_t block = 1;; block *= 2) {
        if (win & block) {
            if (covered == 0)
                memcpy(acc, level, n_out * sizeof *acc);
            else
                for (size_t j = 0; j < n_out; j++)
                    acc[j] = acc[j] > level[j + covered] ? acc[j] : level[j + covered];
            covered += block;
        }
        if (covered == win)
            return;
        n -= block;
        const double *next = level + block;
        QLAB_INDEPENDENT
        for (size_t j = 0; j < n; j++)
            level[j] = level[j] > next[j] ? level[j] : next[j];
    }
}

static void sum_scaled(qlab_f64v in, size_t win, double divisor, qlab_f64w out)
{
    double level[TILE + MAX_WIN], acc[TILE];

    check(in.n, win, 1, out);
    for (size_t i = win - 1; i < in.n; i += TILE) {
        const size_t n = min_size(TILE, in.n - i);
        memcpy(level, in.at + (i + 1 - win), (n + win - 1) * sizeof *level);
        tree_sum(level, win, acc, n);
        for (size_t j = 0; j < n; j++)
            out.at[i + j] = finite_or_nan(acc[j] / divisor);
    }
}

void qlab_roll_sum(qlab_f64v in, size_t win, qlab_f64w out)
{
    sum_scaled(in, win, 1.0, out);
}

void qlab_roll_mean(qlab_f64v in, size_t win, qlab_f64w out)
{
    sum_scaled(in, win, (double)win, out);
}

/* sign = -1 gives the minimum.  A missing row becomes +inf, so that it wins every window. */
static void extreme(qlab_f64v in, size_t win, double sign, qlab_f64w out)
{
    double level[TILE + MAX_WIN], acc[TILE];

    check(in.n, win, 1, out);
    for (size_t i = win - 1; i < in.n; i += TILE) {
        const size_t n = min_size(TILE, in.n - i);
        const double *x = in.at + (i + 1 - win);
        for (size_t j = 0; j < n + win - 1; j++)
            level[j] = x[j] - x[j] == 0.0 ? sign * x[j] : INFINITY;
        tree_max(level, win, acc, n);
        for (size_t j = 0; j < n; j++)
            out.at[i + j] = finite_or_nan(sign * acc[j]);
    }
}

void qlab_roll_max(qlab_f64v in, size_t win, qlab_f64w out)
{
    extreme(in, win, 1.0, out);
}

void qlab_roll_min(qlab_f64v in, size_t win, qlab_f64w out)
{
    extreme(in, win, -1.0, out);
}

/* Power sums of the deviations from a block's own first row.  Because that row is a member of the
 * window, n (mean - first)^2 <= (n - 1) * sum of squares about the mean: taking the mean off
 * afterwards costs at most a factor 2n in accuracy, never the digits of the level. */
typedef struct powers {
    double s[TILE + MAX_WIN], q[TILE + MAX_WIN], c[TILE + MAX_WIN]; /* levels */
    double as[TILE], aq[TILE], ac[TILE];                            /* windows */
} powers;

/* The block that starts at row j + gap, taken about row j instead and added to what stands there.
 * with_cubes is a constant in each caller. */
static inline __attribute__((always_inline)) void add_shifted(double d, double nb, const powers *p,
                                                              size_t from, double *s, double *q,
                                                              double *c, int with_cubes)
{
    const double sb = p->s[from], qb = p->q[from], nd = nb * d;
    const double moved = sb + nd;
    if (with_cubes)
        *c += p->c[from] + d * (3.0 * qb + d * (2.0 * sb + moved));
    *q += qb + d * (sb + moved);
    *s += moved;
}

static inline __attribute__((always_inline)) void
tree_powers(const double *restrict x, size_t win, powers *restrict p, size_t n_out, int with_cubes)
{
    size_t n = n_out + win - 1, covered = 0;

    memset(p->s, 0, n * sizeof *p->s);
    memset(p->q, 0, n * sizeof *p->q);
    if (with_cubes)
        memset(p->c, 0, n * sizeof *p->c);
    for (size_t block = 1;; block *= 2) {
        const double nb = (double)block;
        if (win & block) {
            if (covered == 0) {
                memcpy(p->as, p->s, n_out * sizeof *p->as);
                memcpy(p->aq, p->q, n_out * sizeof *p->aq);
                if (with_cubes)
                    memcpy(p->ac, p->c, n_out * sizeof *p->ac);
            } else {
                for (size_t j = 0; j < n_out; j++)
                    add_shifted(x[j + covered] - x[j], nb, p, j + covered, &p->as[j], &p->aq[j],
                                &p->ac[j], with_cubes);
            }
            covered += block;
        }
        if (covered == win)
            return;
        n -= block;
        QLAB_INDEPENDENT
        for (size_t j = 0; j < n; j++)
            add_shifted(x[j + block] - x[j], nb, p, j + block, &p->s[j], &p->q[j], &p->c[j],
                        with_cubes);
    }
}

QLAB_SIMD static void tree_squares(const double *x, size_t win, powers *p, size_t n_out)
{
    tree_powers(x, win, p, n_out, 0);
}

QLAB_SIMD static void tree_cubes(const double *x, size_t win, powers *p, size_t n_out)
{
    tree_powers(x, win, p, n_out, 1);
}

QLAB_SIMD static void std_of(const powers *p, double n_win, double *restrict out, size_t n)
{
    /* Divisions take as long as all the rest together. */
    const double per_row = 1.0 / n_win, per_degree = 1.0 / (n_win - 1.0);
    for (size_t j = 0; j < n; j++) {
        const double ss = p->aq[j] - p->as[j] * p->as[j] * per_row;
        out[j] = finite_or_nan(sqrt((ss < 0.0 ? 0.0 : ss) * per_degree));
    }
}

/* out holds std; last and first are the window's last and first rows. */
QLAB_SIMD static void zscore_of(const powers *p, double n_win, const double *restrict first,
                                const double *restrict last, double *restrict out, size_t n)
{
    const double per_row = 1.0 / n_win;
    for (size_t j = 0; j < n; j++) {
        const double z = ((last[j] - first[j]) - p->as[j] * per_row) / out[j];
        out[j] = out[j] > 0.0 ? finite_or_nan(z) : NAN;
    }
}

static void deviation(qlab_f64v in, size_t win, bool zscore, qlab_f64w out)
{
    const double n_win = (double)win;
    powers p;

    check(in.n, win, 2, out);
    for (size_t i = win - 1; i < in.n; i += TILE) {
        const size_t n = min_size(TILE, in.n - i);
        const double *x = in.at + (i + 1 - win);
        tree_squares(x, win, &p, n);
        std_of(&p, n_win, out.at + i, n);
        if (zscore)
            zscore_of(&p, n_win, x, in.at + i, out.at + i, n);
    }
}

void qlab_roll_std(qlab_f64v in, size_t win, qlab_f64w out)
{
    deviation(in, win, false, out);
}

void qlab_roll_zscore(qlab_f64v in, size_t win, qlab_f64w out)
{
    deviation(in, win, true, out);
}

QLAB_SIMD static void skew_of(const powers *p, double n_win, double *restrict out, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        const double m = p->as[j] / n_win, q = p->aq[j] / n_win, c = p->ac[j] / n_win;
        const double m2 = q - m * m;
        const double m3 = c - m * (3.0 * q - 2.0 * m * m);
        const double g1 = m3 / (m2 * sqrt(m2));
        out[j] = m2 > 0.0 ? finite_or_nan(g1) : NAN;
    }
}

void qlab_roll_skew(qlab_f64v in, size_t win, qlab_f64w out)
{
    powers p;

    check(in.n, win, 3, out);
    for (size_t i = win - 1; i < in.n; i += TILE) {
        const size_t n = min_size(TILE, in.n - i);
        tree_cubes(in.at + (i + 1 - win), win, &p, n);
        skew_of(&p, (double)win, out.at + i, n);
    }
}

/* sum(f(a, b)) / sum(b) of each window, f = a or a*b. */
static void ratio(qlab_f64v a, qlab_f64v b, size_t win, int weighted, qlab_f64w out)
{
    double level[TILE + MAX_WIN], top[TILE], bottom[TILE];

    assert(a.n == b.n);
    check(a.n, win, 1, out);
    for (size_t i = win - 1; i < a.n; i += TILE) {
        const size_t n = min_size(TILE, a.n - i), n_rows = n + win - 1;
        const double *pa = a.at + (i + 1 - win), *pb = b.at + (i + 1 - win);
        for (size_t j = 0; j < n_rows; j++)
            level[j] = weighted ? pa[j] * pb[j] : pa[j];
        tree_sum(level, win, top, n);
        memcpy(level, pb, n_rows * sizeof *level);
        tree_sum(level, win, bottom, n);
        for (size_t j = 0; j < n; j++)
            out.at[i + j] = finite_or_nan(top[j] / bottom[j]);
    }
}

void qlab_roll_ratio(qlab_f64v num, qlab_f64v den, size_t win, qlab_f64w out)
{
    ratio(num, den, win, 0, out);
}

void qlab_roll_weighted_mean(qlab_f64v x, qlab_f64v w, size_t win, qlab_f64w out)
{
    ratio(x, w, win, 1, out);
}

void qlab_roll_mean_present(qlab_f64v in, size_t win, size_t min_present, qlab_f64w out)
{
    double level[TILE + MAX_WIN], total[TILE], count[TILE];
    const double least = min_present > 0 ? (double)min_present : 1.0;

    check(in.n, win, 1, out);
    for (size_t i = win - 1; i < in.n; i += TILE) {
        const size_t n = min_size(TILE, in.n - i), n_rows = n + win - 1;
        const double *x = in.at + (i + 1 - win);
        for (size_t j = 0; j < n_rows; j++)
            level[j] = x[j] - x[j] == 0.0 ? x[j] : 0.0;
        tree_sum(level, win, total, n);
        for (size_t j = 0; j < n_rows; j++)
            level[j] = x[j] - x[j] == 0.0 ? 1.0 : 0.0;
        tree_sum(level, win, count, n);
        for (size_t j = 0; j < n; j++)
            out.at[i + j] = count[j] >= least ? finite_or_nan(total[j] / count[j]) : NAN;
    }
}

/* First place in sorted[0..n) whose value is not below v. */
static size_t place(const double *sorted, size_t n, double v)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if (sorted[mid] < v)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void qlab_roll_median(qlab_f64v in, size_t win, qlab_f64w out)
{
    double sorted[MAX_WIN];
    size_t n = 0; /* present rows of the window, ascending */

    check(in.n, win, 1, out);
    for (size_t i = 0; i < in.n; i++) {
        if (i >= win && in.at[i - win] - in.at[i - win] == 0.0) {
            const size_t at = place(sorted, n, in.at[i - win]);
            memmove(sorted + at, sorted + at + 1, (n - at - 1) * sizeof *sorted);
            n--;
        }
        if (in.at[i] - in.at[i] == 0.0) {
            const double v = in.at[i] + 0.0; /* -0 would make the bits depend on what left */
            const size_t at = place(sorted, n, v);
            memmove(sorted + at + 1, sorted + at, (n - at) * sizeof *sorted);
            sorted[at] = v;
            n++;
        }
        if (i + 1 >= win)
            out.at[i] =
                n < win
                    ? NAN
                    : finite_or_nan(win % 2 ? sorted[win / 2]
                                            : 0.5 * sorted[win / 2 - 1] + 0.5 * sorted[win / 2]);
    }
}

void qlab_roll_change(qlab_f64v in, size_t k, qlab_f64w out)
{
    assert(out.n == in.n && k >= 1);
    for (size_t i = 0; i < min_size(k, in.n); i++)
        out.at[i] = NAN;
    for (size_t i = k; i < in.n; i++)
        out.at[i] = finite_or_nan(in.at[i] / in.at[i - k] - 1.0);
}
