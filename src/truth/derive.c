#include "truth/derive.h"

#include "base/alloc.h"
#include "num/math.h"
#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum {
    MAX_DECIMALS = 12,
    FULL_PRECISION = 15, /* stands for "no number of decimals explains it" in comparisons */
    MIN_SIDE_ROWS = 20,  /* fewer rows say little about their side */
    MIN_IMAGES = 20,
    LONG_DECIMALS = 6,
    CONFIRM_ROWS = 20,
    MIN_CONFIRM_ROWS = 10,
    MAX_SPLIT = 1000
};

static const double power10[MAX_DECIMALS + 1] = {1e0, 1e1, 1e2, 1e3,  1e4,  1e5, 1e6,
                                                 1e7, 1e8, 1e9, 1e10, 1e11, 1e12};

/* Distance between binary32 neighbours at v >= 2^-100: 2^(exponent - 23). */
static double binary32_spacing(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint64_t exponent = bits >> 52 & 0x7FF;
    bits = (exponent > 23 ? exponent - 23 : 0) << 52;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* v > 0 is a k-decimal number up to `noise`; v * 10^k is far below 2^62 where this is asked. */
static bool has_decimals(double v, int k, double noise)
{
    double scaled = v * power10[k];
    return fabs((double)(int64_t)(scaled + 0.5) - scaled) <= noise * power10[k];
}

/* k decimals of v can be told from arithmetic noise. */
static bool can_tell(int k, double noise)
{
    return k <= MAX_DECIMALS && 1.0 > 8.0 * noise * power10[k];
}

/* hint: the number that the value before had, -1 = none. */
static int find_decimals(double v, int hint, bool *binary32)
{
    double noise = 4.0 * DBL_EPSILON * v;
    if (hint > 0 && can_tell(hint, noise) && has_decimals(v, hint, noise) &&
        !has_decimals(v, hint - 1, noise))
        return hint; /* a number of fewer decimals has more of them too */
    for (int k = 0; can_tell(k, noise); k++)
        if (has_decimals(v, k, noise))
            return k;
    if ((double)(float)v == v)
        for (int k = 0; k <= 9 && v * power10[k] < 1e18; k++)
            if ((float)((double)(int64_t)(v * power10[k] + 0.5) / power10[k]) == (float)v) {
                *binary32 = true;
                return k;
            }
    return -1;
}

int qlab_decimals_of(double v, bool *binary32)
{
    bool ignored;
    bool *image = binary32 != NULL ? binary32 : &ignored;
    *image = false;
    v = fabs(v);
    if (!isfinite(v) || v == 0.0)
        return 0;
    return find_decimals(v, -1, image);
}

/* n_roundings: how often the vendor may have rounded to binary32 on the way. */
static double half_width(double v, int k, bool binary32, size_t n_roundings)
{
    static const double half_unit[MAX_DECIMALS + 1] = {5e-1, 5e-2, 5e-3,  5e-4,  5e-5,  5e-6, 5e-7,
                                                       5e-8, 5e-9, 5e-10, 5e-11, 5e-12, 5e-13};
    double w = 4.0 * DBL_EPSILON * v * (double)(1 + n_roundings);
    if (k >= 0 && k <= MAX_DECIMALS)
        w += half_unit[k];
    if (binary32)
        w += 0.5 * binary32_spacing(v) * (double)(2 + n_roundings);
    return w;
}

qlab_interval qlab_interval_of(double v, int k, bool binary32)
{
    double w = half_width(fabs(v), k, binary32, 0);
    return (qlab_interval){v - w, v + w};
}

static const double small_ratios[][2] = {{3, 2}, {4, 3},   {5, 4},   {5, 2},
                                         {6, 5}, {11, 10}, {21, 20}, {10, 7}};

static void offer_ratio(double ratio, double c, double low, double high, double *best)
{
    if (ratio < low || ratio > high)
        return;
    double distance = ratio > c ? ratio / c : c / ratio;
    double best_distance = *best > c ? *best / c : c / *best;
    if (*best == 0.0 || distance < best_distance)
        *best = ratio;
}

double qlab_split_ratio_in(double c, double low, double high)
{
    assert(c > 0.0 && low <= high);
    double best = 0.0;
    /* Whole numbers near c and near 1/c; the nearest one inside is enough. */
    for (int inverse = 0; inverse < 2; inverse++) {
        double n = floor((inverse ? 1.0 / c : c) + 0.5);
        if (!(n <= MAX_SPLIT + 1.0)) /* far above, m + 1 would be m */
            continue;
        for (double m = n - 1.0; m <= n + 1.0; m += 1.0)
            if (m >= 2.0 && m <= MAX_SPLIT)
                offer_ratio(inverse ? 1.0 / m : m, c, low, high, &best);
    }
    for (size_t i = 0; i < sizeof small_ratios / sizeof small_ratios[0]; i++) {
        offer_ratio(small_ratios[i][0] / small_ratios[i][1], c, low, high, &best);
        offer_ratio(small_ratios[i][1] / small_ratios[i][0], c, low, high, &best);
    }
    return best;
}

qlab_typed_factor qlab_type_factor(double c, double low, double high, bool confirmed,
                                   qlab_basis price_basis)
{
    double r = price_basis == QLAB_BASIS_RAW ? qlab_split_ratio_in(c, low, high) : 0.0;
    bool near_one = c > 0.8 && c < 1.25;
    if (r != 0.0 && (!near_one || confirmed))
        return (qlab_typed_factor){QLAB_ACTION_SPLIT,
                                   near_one ? QLAB_CONFIDENCE_MEDIUM : QLAB_CONFIDENCE_HIGH, r};
    if (fabs(c - 1.0) > 0.15)
        return (qlab_typed_factor){QLAB_ACTION_UNTYPED_FACTOR, QLAB_CONFIDENCE_LOW, NAN};
    return (qlab_typed_factor){QLAB_ACTION_DIVIDEND_CASH,
                               c > 1.0 ? QLAB_CONFIDENCE_MEDIUM : QLAB_CONFIDENCE_LOW, NAN};
}

static double median_in_place(double *x, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        double v = x[i];
        size_t j = i;
        for (; j > 0 && x[j - 1] > v; j--)
            x[j] = x[j - 1];
        x[j] = v;
    }
    return n % 2 ? x[n / 2] : 0.5 * (x[n / 2 - 1] + x[n / 2]);
}

/* Log volumes of rows [from, to) that traded; returns how many. */
static size_t log_volumes(const double *volume, size_t from, size_t to, double *out)
{
    size_t n = 0;
    for (size_t i = from; i < to; i++)
        if (volume[i] > 0.0)
            out[n++] = qlab_num_log(volume[i]);
    return n;
}

bool qlab_volume_confirms(const double *volume, size_t n, size_t at, double r)
{
    assert(at <= n && r > 0.0);
    double side[2][CONFIRM_ROWS], spread[2 * CONFIRM_ROWS], centre[2];
    size_t from = at < CONFIRM_ROWS ? 0 : at - CONFIRM_ROWS;
    size_t to = n - at < CONFIRM_ROWS ? n : at + CONFIRM_ROWS;
    size_t n_side[2] = {log_volumes(volume, from, at, side[0]),
                        log_volumes(volume, at, to, side[1])};
    if (n_side[0] < MIN_CONFIRM_ROWS || n_side[1] < MIN_CONFIRM_ROWS)
        return false;
    size_t n_spread = 0;
    for (int s = 0; s < 2; s++) {
        centre[s] = median_in_place(side[s], n_side[s]);
        for (size_t i = 0; i < n_side[s]; i++)
            spread[n_spread++] = fabs(side[s][i] - centre[s]);
    }
    /* Standard error of a median of normal values: 1.2533 sigma / sqrt(n); sigma from the MAD. */
    double sigma = 1.4826 * median_in_place(spread, n_spread);
    double error =
        1.2533141373155003 * sigma * sqrt(1.0 / (double)n_side[0] + 1.0 / (double)n_side[1]);
    double step = centre[1] - centre[0];
    return fabs(step) >= 2.0 * error && fabs(step - qlab_num_log(r)) <= 2.0 * error;
}

/* ---- a vintage --------------------------------------------------------------------------------
 */

typedef struct column {
    const double *at;
    int8_t *k; /* decimals; FULL_PRECISION where none */
    int8_t k_max;
    bool binary32; /* the vendor kept this column in binary32 */
} column;

static void measure_column(column *c, size_t n)
{
    size_t n_images = 0, n_asked = 0;
    int k = -1;
    c->k_max = 0;
    for (size_t i = 0; i < n; i++) {
        double v = c->at[i];
        bool image = false;
        k = find_decimals(v, k, &image);
        c->k[i] = (int8_t)(k < 0 ? FULL_PRECISION : k);
        if (c->k[i] > c->k_max)
            c->k_max = c->k[i];
        double spacing = binary32_spacing(v);
        if (image) { /* exact binary32, printed in full */
            n_images++;
            n_asked++;
        } else if (k > 0 && spacing * power10[k] > 1.5) {
            /* More decimals than binary32 holds: is it a binary32 printed to k of them?  By chance
             * at most two in three are. */
            n_asked++;
            n_images += fabs((double)(float)v - v) <= 0.5001 / power10[k];
        }
    }
    /* Many decimals and nothing that speaks against it: the wider interval costs nothing there. */
    bool likely = n_asked >= MIN_IMAGES || c->k_max >= LONG_DECIMALS;
    c->binary32 = likely && n_images * 20 >= n_asked * 19;
}

/* A value in full precision tells of itself alone: no zeros are hidden in the others by it. */
static int8_t rounded(int8_t k)
{
    return k == FULL_PRECISION ? 0 : k;
}

/* Every rounded row of the column has the most decimals that a rounded one shows. */
static void level_decimals(column *c, size_t n)
{
    int8_t best = 0;
    for (size_t i = 0; i < n; i++)
        best = rounded(c->k[i]) > best ? c->k[i] : best;
    for (size_t i = 0; i < n; i++)
        c->k[i] = c->k[i] == FULL_PRECISION ? c->k[i] : best;
}

/* A trailing zero hides a decimal, and a vendor may have changed its decimals once: a row has the
 * most decimals that are seen on whichever side of it has fewer.  Full precision may come and go:
 * it is judged row by row. */
static void spread_decimals(column *c, size_t n)
{
    int8_t *after = qlab_alloc(n, 1), best = 0;
    for (size_t i = n; i-- > 0;) {
        best = rounded(c->k[i]) > best ? c->k[i] : best;
        after[i] = best;
    }
    best = 0;
    for (size_t i = 0; i < n; i++) {
        best = rounded(c->k[i]) > best ? c->k[i] : best;
        if (c->k[i] == FULL_PRECISION)
            continue;
        bool before_tells = i + 1 >= MIN_SIDE_ROWS, after_tells = n - i >= MIN_SIDE_ROWS;
        if (before_tells && after_tells)
            c->k[i] = best < after[i] ? best : after[i];
        else if (before_tells || after_tells)
            c->k[i] = before_tells ? best : after[i];
        else
            c->k[i] = best > after[i] ? best : after[i];
    }
    qlab_free(after);
}

typedef struct vintage_rows {
    size_t n;
    const int32_t *date;
    const double *volume;
    column close, adjusted;
    void *owned[6];
    size_t n_owned;
} vintage_rows;

static void *own(vintage_rows *r, void *p)
{
    r->owned[r->n_owned++] = p;
    return p;
}

/* Rows with both prices; copies only where some row lacks one. */
static void take_rows(const qlab_vintage *v, vintage_rows *r)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        n += v->close[i] > 0.0 && v->adjusted_close[i] > 0.0;
    *r = (vintage_rows){.n = n};
    r->date = v->date;
    r->volume = v->volume;
    r->close.at = v->close;
    r->adjusted.at = v->adjusted_close;
    if (n < v->n) {
        int32_t *date = own(r, qlab_alloc(n, sizeof *date));
        double *close = own(r, qlab_alloc(n, sizeof *close));
        double *adjusted = own(r, qlab_alloc(n, sizeof *adjusted));
        double *volume = v->volume == NULL ? NULL : own(r, qlab_alloc(n, sizeof *volume));
        for (size_t i = 0, j = 0; i < v->n; i++) {
            if (!(v->close[i] > 0.0 && v->adjusted_close[i] > 0.0))
                continue;
            date[j] = v->date[i];
            close[j] = v->close[i];
            adjusted[j] = v->adjusted_close[i];
            if (volume != NULL)
                volume[j] = v->volume[i];
            j++;
        }
        r->date = date;
        r->volume = volume;
        r->close.at = close;
        r->adjusted.at = adjusted;
    }
    r->close.k = own(r, qlab_alloc(n, 1));
    r->adjusted.k = own(r, qlab_alloc(n, 1));
}

/* f of a row and how far off its two prices may be. */
typedef struct row_factor {
    double f, wide_adjusted, wide_close;
    double relative; /* both half widths over their prices */
} row_factor;

/* n_after: actions later in the vintage, each one rounding more. */
static row_factor factor_of(const vintage_rows *r, size_t i, size_t n_after)
{
    double a = r->adjusted.at[i], p = r->close.at[i];
    row_factor x = {.f = a / p};
    x.wide_adjusted = half_width(a, r->adjusted.k[i], r->adjusted.binary32, n_after);
    x.wide_close = half_width(p, r->close.k[i], r->close.binary32, 0);
    x.relative = (x.wide_adjusted * p + x.wide_close * a) / (a * p);
    return x;
}

/* [low, high] of f at row i. */
static qlab_interval factor_interval(const vintage_rows *r, size_t i, const row_factor *x)
{
    double a = r->adjusted.at[i], p = r->close.at[i];
    double low = a > x->wide_adjusted ? (a - x->wide_adjusted) / (p + x->wide_close) : 0.0;
    double high = p > x->wide_close ? (a + x->wide_adjusted) / (p - x->wide_close) : INFINITY;
    return (qlab_interval){low, high};
}

/* [c_low, c_high] of row i against row i-1. */
static qlab_interval step_interval(const vintage_rows *r, size_t i, const row_factor *x0,
                                   const row_factor *x1)
{
    qlab_interval f0 = factor_interval(r, i - 1, x0), f1 = factor_interval(r, i, x1);
    return (qlab_interval){f1.low / f0.high, f0.low > 0.0 ? f1.high / f0.low : INFINITY};
}

static qlab_action make_action(const qlab_vintage *v, const vintage_rows *r, size_t i, double c,
                               qlab_interval in)
{
    double ratio = qlab_split_ratio_in(c, in.low, in.high);
    bool confirmed =
        ratio != 0.0 && r->volume != NULL && qlab_volume_confirms(r->volume, r->n, i, ratio);
    qlab_typed_factor t = qlab_type_factor(c, in.low, in.high, confirmed, v->price_basis);
    qlab_action a = {.asset_ix = v->asset_ix,
                     .ex_date = r->date[i],
                     .type = t.type,
                     .source = QLAB_SOURCE_DERIVED,
                     .confidence = t.confidence,
                     .r = t.r,
                     .d = NAN,
                     .c = c,
                     .c_low = in.low,
                     .c_high = in.high,
                     .currency = v->currency != NULL ? v->currency : "",
                     .source_id = ""};
    if (t.type == QLAB_ACTION_DIVIDEND_CASH)
        a.d = v->convention == QLAB_FACTOR_ON_PREVIOUS ? r->close.at[i - 1] * (1.0 - 1.0 / c)
                                                       : r->close.at[i] * (c - 1.0);
    return a;
}

static void open_rows(const qlab_vintage *v, vintage_rows *r)
{
    take_rows(v, r);
    measure_column(&r->close, r->n);
    measure_column(&r->adjusted, r->n);
    /* A close in cents is exact where the column can show more; an adjusted close never is. */
    level_decimals(&r->close, r->n);
    spread_decimals(&r->adjusted, r->n);
}

static void close_rows(vintage_rows *r)
{
    for (size_t i = 0; i < r->n_owned; i++)
        qlab_free(r->owned[i]);
}

bool qlab_derive_interval(const qlab_vintage *v, int32_t date, qlab_interval *out)
{
    vintage_rows r;
    size_t i = 0;
    open_rows(v, &r);
    while (i < r.n && r.date[i] < date)
        i++;
    const bool found = i > 0 && i < r.n && r.date[i] == date;
    if (found) {
        const row_factor x0 = factor_of(&r, i - 1, 0), x1 = factor_of(&r, i, 0);
        *out = step_interval(&r, i, &x0, &x1);
    }
    close_rows(&r);
    return found;
}

void qlab_derive_actions(const qlab_vintage *v, qlab_action **out, size_t *n, size_t *cap)
{
    vintage_rows r;
    open_rows(v, &r);
    size_t begin = *n;
    /* Backwards: a vendor that multiplies in binary32 rounded once for every later action. */
    row_factor x1 = {0};
    if (r.n > 0)
        x1 = factor_of(&r, r.n - 1, 0);
    for (size_t i = r.n; i-- > 1;) {
        row_factor x0 = factor_of(&r, i - 1, *n - begin);
        double c = x1.f / x0.f;
        /* Well inside the interval, most often; only then is the interval itself not needed. */
        double wide = x0.relative + x1.relative;
        if (fabs(c - 1.0) > 0.5 * (wide < 1.0 ? wide : 1.0)) {
            qlab_interval in = step_interval(&r, i, &x0, &x1);
            if (in.low > 1.0 || in.high < 1.0) {
                qlab_grow((void **)out, cap, *n + 1, sizeof **out);
                (*out)[(*n)++] = make_action(v, &r, i, c, in);
                x0 = factor_of(&r, i - 1, *n - begin);
            }
        }
        x1 = x0;
    }
    for (size_t a = begin, b = *n; a + 1 < b; a++) {
        qlab_action swap = (*out)[a];
        (*out)[a] = (*out)[--b];
        (*out)[b] = swap;
    }
    close_rows(&r);
}
