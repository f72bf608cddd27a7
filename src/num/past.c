#include "num/past.h"

#include "num/roll.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct op_row {
    const char *name;
    uint32_t min_bars;
    bool counts_current; /* the current bar is one of the k */
} OPS[QLAB_PAST_OPS] = {
    [QLAB_PAST_LAG] = {"lag", 1, false},     [QLAB_PAST_DELTA] = {"delta", 1, false},
    [QLAB_PAST_MEAN] = {"ts_mean", 2, true}, [QLAB_PAST_STD] = {"ts_std", 2, true},
    [QLAB_PAST_MIN] = {"ts_min", 2, true},   [QLAB_PAST_MAX] = {"ts_max", 2, true},
    [QLAB_PAST_RANK] = {"ts_rank", 2, true}, [QLAB_PAST_CORR] = {"ts_corr", 3, true},
};

const char *qlab_past_op_name(qlab_past_op op)
{
    return OPS[op].name;
}

bool qlab_past_find(qlab_str word, qlab_past_op *op)
{
    for (int i = 0; i < QLAB_PAST_OPS; i++)
        if (qlab_str_eq(word, qlab_str_of(OPS[i].name))) {
            *op = (qlab_past_op)i;
            return true;
        }
    return false;
}

size_t qlab_past_n_columns(qlab_past_op op)
{
    return op == QLAB_PAST_CORR ? 2 : 1;
}

uint32_t qlab_past_min_bars(qlab_past_op op)
{
    return OPS[op].min_bars;
}

uint32_t qlab_past_lead(qlab_past_op op, uint32_t bars)
{
    return OPS[op].counts_current ? bars - 1 : bars;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* "_20__" at *at; moves behind it. */
static bool take_bars(qlab_str name, size_t *at, uint32_t *bars)
{
    size_t i = *at + 1;

    if (*at >= name.n || name.at[*at] != '_')
        return false;
    for (*bars = 0; i < name.n && name.at[i] >= '0' && name.at[i] <= '9' && *bars < 100000; i++)
        *bars = 10 * *bars + (uint32_t)(name.at[i] - '0');
    if (i == *at + 1 || name.at[*at + 1] == '0' || i + 2 >= name.n || name.at[i] != '_' ||
        name.at[i + 1] != '_')
        return false;
    *at = i + 2;
    return true;
}

bool qlab_past_parse(qlab_str name, qlab_past *out)
{
    for (int i = 0; i < QLAB_PAST_OPS; i++) {
        size_t at = strlen(OPS[i].name);
        if (name.n <= at || memcmp(name.at, OPS[i].name, at) != 0 ||
            !take_bars(name, &at, &out->bars))
            continue;
        qlab_str rest = {name.at + at, name.n - at};
        size_t split = rest.n;
        for (size_t k = 0; k + 2 < rest.n && split == rest.n; k++)
            split = rest.at[k] == '_' && rest.at[k + 1] == '_' && k > 0 ? k : split;
        out->op = (qlab_past_op)i;
        out->column[0] = (qlab_str){rest.at, split};
        out->column[1] = split < rest.n ? (qlab_str){rest.at + split + 2, rest.n - split - 2}
                                        : (qlab_str){rest.at, 0};
        return (out->column[1].n > 0) == (qlab_past_n_columns(out->op) == 2) &&
               out->bars >= OPS[i].min_bars && out->bars <= QLAB_PAST_MAX_BARS;
    }
    return false;
}

bool qlab_past_name(const qlab_past *p, char out[QLAB_PAST_NAME_BYTES])
{
    const bool two = qlab_past_n_columns(p->op) == 2;
    const int n = snprintf(out, QLAB_PAST_NAME_BYTES, "%s_%u__%.*s%s%.*s", OPS[p->op].name, p->bars,
                           (int)p->column[0].n, p->column[0].at, two ? "__" : "",
                           two ? (int)p->column[1].n : 0, two ? p->column[1].at : "");

    return n > 0 && n < QLAB_PAST_NAME_BYTES;
}

/* ---- kernels --------------------------------------------------------------------------------- */

static double present(double v)
{
    return isfinite(v) ? v : NAN;
}

/* (r - 0.5)/k of the last of k values. */
static double rank_of_last(const double *x, size_t k)
{
    size_t below = 0, equal = 0;

    for (size_t i = 0; i < k; i++) {
        if (!isfinite(x[i]))
            return NAN;
        below += x[i] < x[k - 1];
        equal += x[i] <= x[k - 1] && x[i] >= x[k - 1];
    }
    return ((double)below + 0.5 * (double)equal) / (double)k;
}

/* Deviations are taken from the first row of the window first, so that the level costs no digits.
 */
static double correlation(const double *a, const double *b, size_t k)
{
    double sa = 0.0, sb = 0.0, ab = 0.0, aa = 0.0, bb = 0.0;

    for (size_t i = 0; i < k; i++) {
        if (!isfinite(a[i]) || !isfinite(b[i]))
            return NAN;
        sa += a[i] - a[0];
        sb += b[i] - b[0];
    }
    const double ma = sa / (double)k, mb = sb / (double)k;
    for (size_t i = 0; i < k; i++) {
        const double da = a[i] - a[0] - ma, db = b[i] - b[0] - mb;
        ab += da * db;
        aa += da * da;
        bb += db * db;
    }
    if (!(aa > 0.0 && bb > 0.0))
        return NAN;
    const double r = ab / (sqrt(aa) * sqrt(bb));
    return r > 1.0 ? 1.0 : r < -1.0 ? -1.0 : present(r);
}

static void run_each(qlab_past_op op, size_t k, qlab_f64v a, qlab_f64v b, qlab_f64w out)
{
    for (size_t i = 0; i < a.n; i++) {
        if (op == QLAB_PAST_LAG)
            out.at[i] = i >= k ? present(a.at[i - k]) : NAN;
        else if (op == QLAB_PAST_DELTA)
            out.at[i] = i >= k ? present(a.at[i] - a.at[i - k]) : NAN;
        else if (i + 1 < k)
            out.at[i] = NAN;
        else if (op == QLAB_PAST_RANK)
            out.at[i] = rank_of_last(a.at + i + 1 - k, k);
        else
            out.at[i] = correlation(a.at + i + 1 - k, b.at + i + 1 - k, k);
    }
}

void qlab_past_run(qlab_past_op op, uint32_t bars, qlab_f64v a, qlab_f64v b, qlab_f64w out)
{
    assert(bars >= OPS[op].min_bars && bars <= QLAB_PAST_MAX_BARS && out.n == a.n);
    assert(op != QLAB_PAST_CORR || b.n == a.n);
    switch (op) {
    case QLAB_PAST_MEAN:
        qlab_roll_mean(a, bars, out);
        return;
    case QLAB_PAST_STD:
        qlab_roll_std(a, bars, out);
        return;
    case QLAB_PAST_MIN:
        qlab_roll_min(a, bars, out);
        return;
    case QLAB_PAST_MAX:
        qlab_roll_max(a, bars, out);
        return;
    default:
        run_each(op, bars, a, b, out);
        return;
    }
}
