/* Bars of two snapshots, bucket by bucket; see diff.h. */
#include "snapshot/diff_int.h"

#include "base/alloc.h"
#include "base/date.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct side {
    const qlab_snapshot *snap;
    qlab_leaf *leaves; /* by (asset_ix, year) */
    size_t n_leaves;
    qlab_bars bars; /* of one year */
} side;

typedef struct bucket_diff {
    side was, is;
    int32_t earlier_asof;
    qlab_diff_part *out;
} bucket_diff;

static bool has_bucket(const qlab_snapshot *s, uint32_t bucket)
{
    return bucket < qlab_lake_n_buckets(s->lake);
}

static int cmp_year(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void add_year(int32_t **years, size_t *n, size_t *cap, int32_t year)
{
    for (size_t i = 0; i < *n; i++)
        if ((*years)[i] == year)
            return;
    qlab_grow((void **)years, cap, *n + 1, sizeof **years);
    (*years)[(*n)++] = year;
}

/* Years in which the two sides can differ, ascending.  Leaves speak for whole years: where the
 * as-ofs differ, those from the first as-of's year on are always compared by their rows. */
static int32_t *years_to_read(const bucket_diff *b, size_t *n)
{
    const int32_t asof_was = b->was.snap->asof, asof_is = b->is.snap->asof;
    const int32_t first = asof_was < asof_is ? asof_was : asof_is;
    const int32_t rows_from = asof_was == asof_is ? INT32_MAX : qlab_date_year(first);
    int32_t *years = NULL;
    size_t cap = 0, i = 0, j = 0;
    *n = 0;
    while (i < b->was.n_leaves || j < b->is.n_leaves) {
        const qlab_leaf *x = i < b->was.n_leaves ? &b->was.leaves[i] : NULL;
        const qlab_leaf *y = j < b->is.n_leaves ? &b->is.leaves[j] : NULL;
        int c = x == NULL                    ? 1
                : y == NULL                  ? -1
                : x->asset_ix != y->asset_ix ? (x->asset_ix < y->asset_ix ? -1 : 1)
                                             : (x->period > y->period) - (x->period < y->period);
        int32_t year = c <= 0 ? x->period : y->period;
        if (c != 0 || year >= rows_from || qlab_digest_cmp(&x->digest, &y->digest) != 0)
            add_year(&years, n, &cap, year);
        i += c <= 0;
        j += c >= 0;
    }
    if (*n > 1)
        qsort(years, *n, sizeof *years, cmp_year);
    return years;
}

static void take_row(const qlab_bars *b, size_t row, double out[5])
{
    out[0] = b->open[row];
    out[1] = b->high[row];
    out[2] = b->low[row];
    out[3] = b->close[row];
    out[4] = b->volume[row];
}

static bool same_row(const double a[5], const double b[5])
{
    for (int i = 0; i < 5; i++)
        if (!(a[i] == b[i] || (isnan(a[i]) && isnan(b[i]))))
            return false;
    return true;
}

static void note_bar(bucket_diff *b, uint32_t ix, int32_t year, qlab_diff_kind kind, int32_t date,
                     const double was[5], const double is[5])
{
    qlab_diff_part *o = b->out;
    qlab_diff_asset *a = &o->assets[ix % QLAB_LAKE_BUCKET_ASSETS];
    a->what |= kind == QLAB_DIFF_NEW ? (unsigned)QLAB_DIFF_NEW_BARS : (unsigned)QLAB_DIFF_OLD_BARS;
    if (a->bars_first == QLAB_DATE_NONE || date < a->bars_first)
        a->bars_first = date;
    if (a->bars_last == QLAB_DATE_NONE || date > a->bars_last)
        a->bars_last = date;
    if (kind != QLAB_DIFF_NEW && (a->old_first == QLAB_DATE_NONE || date < a->old_first))
        a->old_first = date;
    if (kind != QLAB_DIFF_NEW && (a->old_last == QLAB_DATE_NONE || date > a->old_last))
        a->old_last = date;
    if (a->n_bars[kind]++ == 0) {
        qlab_grow((void **)&o->bars[kind], &o->cap_bars[kind], o->n_bars[kind] + 1,
                  sizeof *o->bars[kind]);
        qlab_diff_bar *x = &o->bars[kind][o->n_bars[kind]++];
        *x = (qlab_diff_bar){.asset_ix = ix, .date = date};
        memcpy(x->was, was, sizeof x->was);
        memcpy(x->is, is, sizeof x->is);
    }
    const qlab_snapshot *s = ix < b->is.snap->lake->n_assets ? b->is.snap : b->was.snap;
    qlab_diff_count_year(&o->years, &o->n_years, &o->cap_years,
                         (uint8_t)s->lake->assets[ix].asset_class, year)
        ->n[kind]++;
}

static void compare_asset(bucket_diff *b, uint32_t ix, size_t at, int32_t year)
{
    static const double none[5] = {NAN, NAN, NAN, NAN, NAN};
    const qlab_bars *x = &b->was.bars, *y = &b->is.bars;
    size_t i = at < x->n_assets ? x->first[at] : 0, i_end = at < x->n_assets ? x->first[at + 1] : 0;
    size_t j = at < y->n_assets ? y->first[at] : 0, j_end = at < y->n_assets ? y->first[at + 1] : 0;
    while (i < i_end || j < j_end) {
        double was[5], is[5];
        if (j == j_end || (i < i_end && x->date[i] < y->date[j])) {
            take_row(x, i, was);
            note_bar(b, ix, year, QLAB_DIFF_GONE, x->date[i++], was, none);
        } else if (i == i_end || y->date[j] < x->date[i]) {
            take_row(y, j, is);
            note_bar(b, ix, year, y->date[j] > b->earlier_asof ? QLAB_DIFF_NEW : QLAB_DIFF_LATE,
                     y->date[j], none, is);
            j++;
        } else {
            take_row(x, i++, was);
            take_row(y, j, is);
            if (!same_row(was, is))
                note_bar(b, ix, year, QLAB_DIFF_REVISED, y->date[j], was, is);
            j++;
        }
    }
}

static qlab_code read_side(side *s, qlab_conn *conn, uint32_t bucket, int32_t year,
                           uint64_t *n_read, qlab_err *err)
{
    int32_t to = qlab_date_make(year, 12, 31);
    memset(&s->bars, 0, sizeof s->bars);
    if (!has_bucket(s->snap, bucket))
        return QLAB_OK;
    qlab_code code = qlab_lake_read_bars(s->snap->lake, conn, bucket, qlab_date_make(year, 1, 1),
                                         to < s->snap->asof ? to : s->snap->asof, 0, &s->bars, err);
    *n_read += s->bars.n_rows;
    return code;
}

qlab_code qlab_diff_bucket(const qlab_snapshot *was, const qlab_snapshot *is, uint32_t bucket,
                           qlab_conn *conn, qlab_diff_part *out, qlab_err *err)
{
    bucket_diff b = {.was = {.snap = was}, .is = {.snap = is}, .out = out};
    size_t n_years = 0;
    int32_t *years = NULL;
    b.earlier_asof = was->asof;
    qlab_code code = QLAB_OK;
    if (has_bucket(was, bucket))
        code = qlab_lake_read_leaves(was->lake, conn, bucket, QLAB_LEAVES_YEARS, &b.was.leaves,
                                     &b.was.n_leaves, err);
    if (code == QLAB_OK && has_bucket(is, bucket))
        code = qlab_lake_read_leaves(is->lake, conn, bucket, QLAB_LEAVES_YEARS, &b.is.leaves,
                                     &b.is.n_leaves, err);
    if (code == QLAB_OK)
        years = years_to_read(&b, &n_years);
    for (size_t k = 0; k < n_years && code == QLAB_OK; k++) {
        code = read_side(&b.was, conn, bucket, years[k], &out->n_rows_read, err);
        if (code == QLAB_OK)
            code = read_side(&b.is, conn, bucket, years[k], &out->n_rows_read, err);
        for (size_t a = 0; code == QLAB_OK && a < QLAB_LAKE_BUCKET_ASSETS; a++)
            compare_asset(&b, bucket * QLAB_LAKE_BUCKET_ASSETS + (uint32_t)a, a, years[k]);
        qlab_bars_free(&b.was.bars);
        qlab_bars_free(&b.is.bars);
    }
    qlab_free(years);
    qlab_free(b.was.leaves);
    qlab_free(b.is.leaves);
    return code;
}
