/* Bars of one bucket, year by year; see window.h. */
#include "feature/window.h"

#include "base/alloc.h"
#include "base/date.h"
#include <assert.h>
#include <string.h>

/* 560 valid bars are about 812 days; names that trade nearly every session fit. */
enum { LEAD_DAYS = 850 };

void qlab_window_init(qlab_window *w, const qlab_snapshot *snap, uint32_t bucket)
{
    memset(w, 0, sizeof *w);
    w->snap = snap;
    w->bucket = bucket;
    w->first_ix = bucket * QLAB_LAKE_BUCKET_ASSETS;
    size_t left = snap->lake->n_assets - w->first_ix;
    w->n_assets = left < QLAB_LAKE_BUCKET_ASSETS ? left : QLAB_LAKE_BUCKET_ASSETS;
    w->cover_from = qlab_alloc(w->n_assets, sizeof *w->cover_from);
    for (size_t a = 0; a < w->n_assets; a++)
        w->cover_from[a] = INT32_MAX;
    w->loaded_to = QLAB_DATE_NONE;
}

void qlab_window_free(qlab_window *w)
{
    qlab_bars_free(&w->bars);
    qlab_free(w->cover_from);
    w->cover_from = NULL;
}

/* First row of asset a at or after `date`. */
static size_t row_from(const qlab_bars *b, size_t a, int32_t date)
{
    size_t lo = b->first[a], hi = b->first[a + 1];
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (b->date[mid] < date)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Lead date of the first (life, year) with year >= Y; *active: that year is Y. */
static int32_t need_of(const qlab_snapshot *snap, uint32_t ix, int32_t year, bool *active)
{
    size_t n;
    const qlab_asset_year *y = qlab_snapshot_years(snap, ix, &n);
    *active = false;
    for (size_t i = 0; i < n; i++) {
        if (y[i].year < year)
            continue;
        *active = y[i].year == year;
        return y[i].lead_date;
    }
    return INT32_MAX;
}

/* A stretch of rows to be joined into a new set of bars. */
typedef struct piece {
    const qlab_bars *from;
    size_t first, n;
} piece;

static void copy_piece(qlab_bars *to, size_t at, const piece *p)
{
    if (p->n == 0)
        return;
    const qlab_bars *b = p->from;
    memcpy(to->date + at, b->date + p->first, p->n * sizeof *to->date);
    memcpy(to->open + at, b->open + p->first, p->n * sizeof *to->open);
    memcpy(to->high + at, b->high + p->first, p->n * sizeof *to->high);
    memcpy(to->low + at, b->low + p->first, p->n * sizeof *to->low);
    memcpy(to->close + at, b->close + p->first, p->n * sizeof *to->close);
    memcpy(to->volume + at, b->volume + p->first, p->n * sizeof *to->volume);
}

/* pieces: three per asset, in order of date. */
static qlab_bars join_pieces(uint32_t first_ix, size_t n_assets, const piece *pieces)
{
    qlab_bars b;
    memset(&b, 0, sizeof b);
    b.n_assets = n_assets;
    b.asset_ix = qlab_alloc(n_assets, sizeof *b.asset_ix);
    b.first = qlab_alloc(n_assets + 1, sizeof *b.first);
    for (size_t a = 0; a < n_assets; a++) {
        b.asset_ix[a] = first_ix + (uint32_t)a;
        b.first[a] = b.n_rows;
        for (size_t k = 0; k < 3; k++)
            b.n_rows += pieces[3 * a + k].n;
    }
    b.first[n_assets] = b.n_rows;
    b.cap_rows = b.n_rows;
    b.date = qlab_alloc(b.n_rows, sizeof *b.date);
    b.open = qlab_alloc(b.n_rows, sizeof *b.open);
    b.high = qlab_alloc(b.n_rows, sizeof *b.high);
    b.low = qlab_alloc(b.n_rows, sizeof *b.low);
    b.close = qlab_alloc(b.n_rows, sizeof *b.close);
    b.volume = qlab_alloc(b.n_rows, sizeof *b.volume);
    for (size_t a = 0, at = 0; a < n_assets; a++)
        for (size_t k = 0; k < 3; k++) {
            copy_piece(&b, at, &pieces[3 * a + k]);
            at += pieces[3 * a + k].n;
        }
    return b;
}

static piece piece_of(const qlab_bars *b, size_t a, int32_t from, int32_t before)
{
    if (b->n_rows == 0 || from >= before)
        return (piece){b, 0, 0};
    size_t lo = row_from(b, a, from), hi = row_from(b, a, before);
    return (piece){b, lo, hi - lo};
}

/* Rows of the assets with need[a] < cover[a], dates [need[a], cover[a]), into *out.  Read in steps
 * of two years, so that the whole bucket's history is never held at once. */
static qlab_code read_thin(qlab_window *w, qlab_conn *conn, const int32_t *need,
                           const int32_t *cover, qlab_bars *out, qlab_err *err)
{
    int32_t from = INT32_MAX, before = INT32_MIN;
    for (size_t a = 0; a < w->n_assets; a++)
        if (need[a] < cover[a]) {
            from = need[a] < from ? need[a] : from;
            before = cover[a] > before ? cover[a] : before;
        }
    memset(out, 0, sizeof *out);
    if (from >= before)
        return QLAB_OK;
    piece *pieces = qlab_alloc_zero(3 * w->n_assets, sizeof *pieces);
    qlab_code code = QLAB_OK;
    for (int32_t step; from < before && code == QLAB_OK; from = step) {
        step = from + 731 < before ? from + 731 : before;
        qlab_bars some;
        memset(&some, 0, sizeof some);
        code = qlab_lake_read_bars(w->snap->lake, conn, w->bucket, from, step - 1, 0, &some, err);
        if (code == QLAB_OK) {
            w->n_rows_read += some.n_rows;
            for (size_t a = 0; a < w->n_assets; a++) {
                int32_t lo = need[a] > from ? need[a] : from;
                int32_t hi = cover[a] < step ? cover[a] : step;
                pieces[3 * a] = piece_of(out, a, INT32_MIN, INT32_MAX);
                pieces[3 * a + 1] = piece_of(&some, a, lo, hi);
                pieces[3 * a + 2] = (piece){out, 0, 0};
            }
            qlab_bars joined = join_pieces(w->first_ix, w->n_assets, pieces);
            qlab_bars_free(out);
            *out = joined;
        }
        qlab_bars_free(&some);
    }
    qlab_free(pieces);
    return code;
}

static int32_t common_from(const qlab_window *w, const int32_t *need, const bool *active,
                           int32_t year)
{
    int32_t floor = qlab_date_make(year, 1, 1) - LEAD_DAYS, from = INT32_MAX;
    for (size_t a = 0; a < w->n_assets; a++)
        if (active[a] && need[a] < from)
            from = need[a];
    return from < floor ? floor : from;
}

qlab_code qlab_window_advance(qlab_window *w, qlab_conn *conn, int32_t year, int32_t to,
                              qlab_err *err)
{
    const size_t n = w->n_assets;
    if (to > w->snap->asof)
        to = w->snap->asof;
    int32_t *need = qlab_alloc(n, sizeof *need), *thin_cover = qlab_alloc(n, sizeof *thin_cover);
    bool *active = qlab_alloc(n, sizeof *active);
    piece *pieces = qlab_alloc_zero(3 * n, sizeof *pieces);
    qlab_bars fresh, thin;
    memset(&fresh, 0, sizeof fresh);
    memset(&thin, 0, sizeof thin);
    for (size_t a = 0; a < n; a++)
        need[a] = need_of(w->snap, w->first_ix + (uint32_t)a, year, &active[a]);

    bool empty = w->loaded_to == QLAB_DATE_NONE;
    int32_t fresh_from = empty ? common_from(w, need, active, year) : w->loaded_to + 1;
    qlab_code code = QLAB_OK;
    if (fresh_from <= to) {
        code = qlab_lake_read_bars(w->snap->lake, conn, w->bucket, fresh_from, to, 0, &fresh, err);
        w->n_rows_read += fresh.n_rows;
    }
    if (code != QLAB_OK)
        goto done;
    for (size_t a = 0; a < n; a++) {
        if (empty)
            w->cover_from[a] = fresh_from;
        thin_cover[a] = active[a] ? w->cover_from[a] : INT32_MIN;
    }
    code = read_thin(w, conn, need, thin_cover, &thin, err);
    if (code != QLAB_OK)
        goto done;
    for (size_t a = 0; a < n; a++) {
        pieces[3 * a] = piece_of(&thin, a, INT32_MIN, INT32_MAX);
        pieces[3 * a + 1] = piece_of(&w->bars, a, need[a], INT32_MAX);
        pieces[3 * a + 2] = piece_of(&fresh, a, need[a], INT32_MAX);
        if (active[a] || need[a] > w->cover_from[a])
            w->cover_from[a] = need[a];
    }
    qlab_bars joined = join_pieces(w->first_ix, n, pieces);
    qlab_bars_free(&w->bars);
    w->bars = joined;
    if (to > w->loaded_to)
        w->loaded_to = to;
done:
    qlab_bars_free(&fresh);
    qlab_bars_free(&thin);
    qlab_free(need);
    qlab_free(thin_cover);
    qlab_free(active);
    qlab_free(pieces);
    return code;
}

qlab_code qlab_window_extend(const qlab_window *w, qlab_conn *conn, const uint8_t *wanted,
                             int32_t to, qlab_window *out, qlab_err *err)
{
    qlab_window_init(out, w->snap, w->bucket);
    if (to > w->snap->asof)
        to = w->snap->asof;
    piece *pieces = qlab_alloc_zero(3 * w->n_assets, sizeof *pieces);
    qlab_bars more;
    memset(&more, 0, sizeof more);
    qlab_code code =
        qlab_lake_read_bars(w->snap->lake, conn, w->bucket, w->loaded_to + 1, to, 0, &more, err);
    if (code == QLAB_OK) {
        out->n_rows_read = more.n_rows;
        for (size_t a = 0; a < w->n_assets; a++)
            if (wanted[a]) {
                pieces[3 * a] = piece_of(&w->bars, a, INT32_MIN, INT32_MAX);
                pieces[3 * a + 1] = piece_of(&more, a, INT32_MIN, INT32_MAX);
                out->cover_from[a] = w->cover_from[a];
            }
        out->bars = join_pieces(w->first_ix, w->n_assets, pieces);
        out->loaded_to = to;
    }
    qlab_bars_free(&more);
    qlab_free(pieces);
    if (code != QLAB_OK)
        qlab_window_free(out);
    return code;
}
