#include "lake/lake_int.h"

#include "base/alloc.h"
#include "base/date.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* How a read works.  Every part is sorted by (asset_ix, date).  The parts that matter are read one
 * after another, each asset's rows in a part are one run, and the runs of an asset are laid end to
 * end by (year, commit).  Mostly the dates then ascend and that is the answer; where they do not,
 * or a row is a tombstone, the asset is sorted by (date, known_seq) and the last row of a date
 * wins.  No window function, and no second copy: columns are freed as they are laid out. */

typedef struct part_run {
    uint32_t asset; /* within the bucket */
    uint32_t first, n;
} part_run;

typedef struct piece {
    const qlab_part *part;
    qlab_table t;
    part_run *runs;
    size_t n_runs;
} piece;

typedef struct reader {
    const qlab_lake_view *v;
    uint32_t bucket;
    int32_t from, to;
    bool values, adjusted, seq; /* columns wanted beside asset_ix and date */
    const uint8_t *only;        /* by asset of the bucket; NULL: all of them */
    const qlab_part **parts;
    size_t n_parts;
    piece *pieces;
} reader;

static int cmp_time(const void *a, const void *b)
{
    const qlab_part *x = *(const qlab_part *const *)a, *y = *(const qlab_part *const *)b;
    if (x->year != y->year)
        return x->year < y->year ? -1 : 1;
    if (x->seq != y->seq)
        return x->seq < y->seq ? -1 : 1;
    return strcmp(x->path, y->path);
}

/* Parts whose dates can match, in time order; true where keys can meet or rows can be hidden. */
static bool choose_parts(reader *r)
{
    bool merge = false;
    r->parts = qlab_alloc(r->v->n_parts, sizeof *r->parts);
    for (size_t i = 0; i < r->v->n_parts; i++) {
        const qlab_part *p = &r->v->parts[i];
        if (p->kind != QLAB_PART_BARS || (p->bucket >= 0 && (uint32_t)p->bucket != r->bucket) ||
            p->max_date < r->from || p->min_date > r->to)
            continue;
        r->parts[r->n_parts++] = p;
        merge = merge || p->n_tombstones;
    }
    qsort(r->parts, r->n_parts, sizeof *r->parts, cmp_time);
    /* Parts of different years share no key; neither do parts of one commit. */
    for (size_t i = 1; i < r->n_parts; i++)
        merge = merge || (r->parts[i]->year == r->parts[i - 1]->year &&
                          r->parts[i]->seq != r->parts[i - 1]->seq);
    return merge;
}

/* Columns of the query in this order; the index of each in `at` (-1: not asked). */
enum { IX, DAY, OPEN, HIGH, LOW, CLOSE, VOLUME, ADJUSTED, SEQ, PROVENANCE, N_COLUMNS };
static const char *const COLUMN_NAMES[N_COLUMNS] = {
    "asset_ix", "date",   "open",           "high",      "low",
    "close",    "volume", "adjusted_close", "known_seq", "provenance"};
static const qlab_type COLUMN_TYPES[N_COLUMNS] = {QLAB_T_U32, QLAB_T_DATE, QLAB_T_F64, QLAB_T_F64,
                                                  QLAB_T_F64, QLAB_T_F64,  QLAB_T_F64, QLAB_T_F64,
                                                  QLAB_T_U32, QLAB_T_U8};

static bool wanted(const reader *r, int c)
{
    if (c == ADJUSTED)
        return r->adjusted;
    if (c == SEQ || c == PROVENANCE)
        return r->seq;
    return c <= DAY || r->values;
}

/* Position of column c among the wanted ones. */
static size_t column_at(const reader *r, int c)
{
    size_t at = 0;
    for (int k = 0; k < c; k++)
        at += wanted(r, k);
    return at;
}

static size_t n_assets_of(const reader *r);

/* The wanted assets as runs of numbers: the least and the greatest choose row groups, the runs
 * rows. (Not as IN (...): of a long list DuckDB makes a join, and a join keeps no order.) */
static void put_only(qlab_buf *sql, const reader *r)
{
    const uint32_t base = r->bucket * QLAB_LAKE_BUCKET_ASSETS;
    const uint32_t n = (uint32_t)n_assets_of(r);
    uint32_t least = n, greatest = 0;

    for (uint32_t a = 0; a < n; a++) {
        if (!r->only[a])
            continue;
        least = least == n ? a : least;
        greatest = a;
    }
    qlab_buf_putf(sql, "asset_ix >= %" PRIu32 " AND asset_ix <= %" PRIu32, base + least,
                  base + greatest);
    const char *glue = " AND (";
    for (uint32_t a = least, end; a <= greatest; a = end) {
        for (end = a; end <= greatest && r->only[end];)
            end++;
        if (end > a)
            qlab_buf_putf(sql, "%sasset_ix BETWEEN %" PRIu32 " AND %" PRIu32, glue, base + a,
                          base + end - 1);
        glue = end > a ? " OR " : glue;
        end += end == a;
    }
    qlab_buf_puts(sql, ")");
}

static void put_filters(qlab_buf *sql, const reader *r, const qlab_part *p)
{
    const char *glue = " WHERE ";
    char day[QLAB_DATE_BYTES];
    if (r->only != NULL) {
        qlab_buf_puts(sql, glue);
        put_only(sql, r);
        glue = " AND ";
    } else if (p->bucket < 0) {
        const uint32_t base = r->bucket * QLAB_LAKE_BUCKET_ASSETS;
        qlab_buf_putf(sql, "%sasset_ix >= %" PRIu32 " AND asset_ix < %" PRIu32, glue, base,
                      base + QLAB_LAKE_BUCKET_ASSETS);
        glue = " AND ";
    }
    if (p->min_date < r->from) {
        qlab_buf_putf(sql, "%sdate >= DATE '%s'", glue, qlab_date_format(r->from, day));
        glue = " AND ";
    }
    if (p->max_date > r->to)
        qlab_buf_putf(sql, "%sdate <= DATE '%s'", glue, qlab_date_format(r->to, day));
}

static qlab_code read_piece(const reader *r, qlab_conn *conn, piece *out, qlab_err *err)
{
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_type types[N_COLUMNS];
    size_t n = 0;
    for (int c = 0; c < N_COLUMNS; c++) {
        if (!wanted(r, c))
            continue;
        qlab_buf_putf(&sql, "%s%s", n ? ", " : "SELECT ", COLUMN_NAMES[c]);
        types[n++] = COLUMN_TYPES[c];
    }
    qlab_buf_puts(&sql, " FROM ");
    qlab_lake_put_scan(&sql, r->v->root, out->part->path);
    put_filters(&sql, r, out->part);
    const qlab_code rc = qlab_conn_query(conn, sql.at, types, n, &out->t, err);
    qlab_buf_free(&sql);
    return rc == QLAB_OK ? rc : qlab_err_prefix(err, "%s", out->part->path);
}

/* Splits a piece into runs of one asset; its asset_ix column is not needed after that. */
static qlab_code find_runs(const reader *r, piece *p, qlab_err *err)
{
    const uint32_t *ix = p->t.cols[0].u32;
    const uint32_t base = r->bucket * QLAB_LAKE_BUCKET_ASSETS;
    size_t cap = 0;
    for (size_t i = 0; i < p->t.n_rows;) {
        size_t end = i + 1;
        while (end < p->t.n_rows && ix[end] == ix[i])
            end++;
        if (ix[i] < base || ix[i] - base >= QLAB_LAKE_BUCKET_ASSETS ||
            (r->v->n_assets && ix[i] >= r->v->n_assets))
            return qlab_fail(err, QLAB_E_CORRUPT, "%s: row %zu had the asset number %" PRIu32,
                             p->part->path, i, ix[i]);
        if (i > 0 && ix[i] < ix[i - 1])
            return qlab_fail(err, QLAB_E_CORRUPT,
                             "%s: row %zu: asset number %" PRIu32 " came after %" PRIu32,
                             p->part->path, i, ix[i], ix[i - 1]);
        qlab_grow((void **)&p->runs, &cap, p->n_runs + 1, sizeof *p->runs);
        p->runs[p->n_runs++] = (part_run){ix[i] - base, (uint32_t)i, (uint32_t)(end - i)};
        i = end;
    }
    qlab_free(p->t.cols[0].u32);
    p->t.cols[0].u32 = NULL;
    return QLAB_OK;
}

static size_t n_assets_of(const reader *r)
{
    const size_t base = (size_t)r->bucket * QLAB_LAKE_BUCKET_ASSETS;
    if (r->v->n_assets <= base)
        return 0;
    const size_t left = r->v->n_assets - base;
    return left < QLAB_LAKE_BUCKET_ASSETS ? left : QLAB_LAKE_BUCKET_ASSETS;
}

static void make_bars(const reader *r, qlab_bars *b)
{
    memset(b, 0, sizeof *b);
    b->n_assets = n_assets_of(r);
    b->asset_ix = qlab_alloc(b->n_assets, sizeof *b->asset_ix);
    b->first = qlab_alloc_zero(b->n_assets + 1, sizeof *b->first);
    for (size_t a = 0; a < b->n_assets; a++)
        b->asset_ix[a] = r->bucket * QLAB_LAKE_BUCKET_ASSETS + (uint32_t)a;
    for (size_t p = 0; p < r->n_parts; p++)
        for (size_t k = 0; k < r->pieces[p].n_runs; k++)
            b->first[r->pieces[p].runs[k].asset + 1] += r->pieces[p].runs[k].n;
    for (size_t a = 0; a < b->n_assets; a++)
        b->first[a + 1] += b->first[a];
    b->n_rows = b->cap_rows = b->first[b->n_assets];
}

static void **field_of(qlab_bars *b, int c)
{
    void *fields[N_COLUMNS] = {NULL,          &b->date,      &b->open,   &b->high,
                               &b->low,       &b->close,     &b->volume, &b->adjusted_close,
                               &b->known_seq, &b->provenance};
    return fields[c];
}

static size_t bytes_of(int c)
{
    return c == PROVENANCE ? 1 : c == DAY || c == SEQ ? 4 : 8;
}

/* Lays column c of all pieces out by asset, and frees it there. */
static void lay_out(const reader *r, qlab_bars *b, int c)
{
    const size_t at = column_at(r, c), size = bytes_of(c);
    size_t *next = qlab_alloc(b->n_assets, sizeof *next);
    char *to = qlab_alloc(b->n_rows, size);
    memcpy(next, b->first, b->n_assets * sizeof *next);
    for (size_t k = 0; k < r->n_parts; k++) {
        piece *p = &r->pieces[k];
        const char *from = p->t.cols[at].any;
        for (size_t i = 0; i < p->n_runs; i++) {
            const part_run *run = &p->runs[i];
            memcpy(to + next[run->asset] * size, from + run->first * size, run->n * size);
            next[run->asset] += run->n;
        }
        qlab_free(p->t.cols[at].any);
        p->t.cols[at].any = NULL;
    }
    qlab_free(next);
    /* The pointers of a qlab_bars differ in type only; copy, not cast, through the address. */
    memcpy(field_of(b, c), &to, sizeof to);
}

/* ---- the latest row of each date --------------------------------------------------------------
 */

typedef struct version {
    int32_t date;
    uint32_t seq;
    size_t row;
} version;

static int cmp_version(const void *a, const void *b)
{
    const version *x = a, *y = b;
    if (x->date != y->date)
        return x->date < y->date ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

/* Fills keep[] with the visible rows of one asset, by date; returns their number. */
static qlab_code choose_rows(const reader *r, const qlab_bars *b, size_t asset, version *scratch,
                             size_t *n_kept, qlab_err *err)
{
    const size_t first = b->first[asset], n = b->first[asset + 1] - first;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        scratch[i] = (version){b->date[first + i], b->known_seq[first + i], first + i};
    qsort(scratch, n, sizeof *scratch, cmp_version);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && scratch[i].date == scratch[i + 1].date) {
            if (scratch[i].seq == scratch[i + 1].seq) {
                char day[QLAB_DATE_BYTES];
                return qlab_fail(err, QLAB_E_CORRUPT,
                                 "the lake had two bars of %s on %s from commit %" PRIu32,
                                 r->v->assets[b->asset_ix[asset]].asset_id,
                                 qlab_date_format(scratch[i].date, day), scratch[i].seq);
            }
            continue; /* a later commit said otherwise */
        }
        if (!(b->provenance[scratch[i].row] & QLAB_PROV_TOMBSTONE))
            scratch[kept++] = scratch[i];
    }
    *n_kept = kept;
    return QLAB_OK;
}

static bool ascends(const qlab_bars *b, size_t first, size_t end)
{
    for (size_t i = first + 1; i < end; i++)
        if (b->date[i] <= b->date[i - 1])
            return false;
    return true;
}

static bool has_tombstone(const qlab_bars *b, size_t first, size_t end)
{
    for (size_t i = first; b->provenance && i < end; i++)
        if (b->provenance[i] & QLAB_PROV_TOMBSTONE)
            return true;
    return false;
}

/* Moves `n` chosen rows (or n rows from `first` where chosen is NULL) to row `to` of each column.
 */
static void move_rows(qlab_bars *b, size_t to, size_t first, const version *chosen, size_t n,
                      void *scratch)
{
    for (int c = DAY; c < N_COLUMNS; c++) {
        char *at = NULL;
        const size_t size = bytes_of(c);
        memcpy(&at, field_of(b, c), sizeof at);
        if (!at || n == 0)
            continue;
        if (!chosen) {
            memmove(at + to * size, at + first * size, n * size);
            continue;
        }
        for (size_t i = 0; i < n; i++)
            memcpy((char *)scratch + i * size, at + chosen[i].row * size, size);
        memcpy(at + to * size, scratch, n * size);
    }
}

static qlab_code resolve(const reader *r, qlab_bars *b, qlab_err *err)
{
    size_t most = 0, to = 0;
    for (size_t a = 0; a < b->n_assets; a++) {
        const size_t n = b->first[a + 1] - b->first[a];
        most = n > most ? n : most;
    }
    version *chosen = qlab_alloc(most, sizeof *chosen);
    void *scratch = qlab_alloc(most, sizeof(double));
    qlab_code rc = QLAB_OK;
    size_t first = 0;

    for (size_t a = 0; a < b->n_assets && rc == QLAB_OK; a++) {
        first = b->first[a];
        const size_t end = b->first[a + 1];
        size_t n = end - first;
        const bool clean = ascends(b, first, end) && !has_tombstone(b, first, end);
        if (!clean && !b->known_seq) {
            rc = qlab_fail(err, QLAB_E_CORRUPT, "the lake had bars of %s out of order or doubled",
                           r->v->assets[b->asset_ix[a]].asset_id);
            break;
        }
        if (!clean)
            rc = choose_rows(r, b, a, chosen, &n, err);
        if (rc == QLAB_OK && (!clean || to != first))
            move_rows(b, to, first, clean ? NULL : chosen, n, scratch);
        b->first[a] = to;
        to += n;
    }
    b->first[b->n_assets] = b->n_rows = to;
    qlab_free(scratch);
    qlab_free(chosen);
    return rc;
}

/* ---- entry points -----------------------------------------------------------------------------
 */

static qlab_code read_all(reader *r, qlab_conn *conn, unsigned what, qlab_bars *out, qlab_err *err)
{
    const bool merge = choose_parts(r);
    qlab_code rc = QLAB_OK;
    r->seq = merge || (what & QLAB_BARS_PROVENANCE);
    r->adjusted = (what & QLAB_BARS_ADJUSTED) != 0;
    r->pieces = qlab_alloc_zero(r->n_parts, sizeof *r->pieces);
    memset(out, 0, sizeof *out);
    for (size_t k = 0; k < r->n_parts && rc == QLAB_OK; k++) {
        r->pieces[k].part = r->parts[k];
        rc = read_piece(r, conn, &r->pieces[k], err);
        if (rc == QLAB_OK)
            rc = find_runs(r, &r->pieces[k], err);
    }
    if (rc == QLAB_OK) {
        make_bars(r, out);
        for (int c = DAY; c < N_COLUMNS; c++)
            if (wanted(r, c))
                lay_out(r, out, c);
        rc = resolve(r, out, err);
        if (!(what & QLAB_BARS_PROVENANCE)) {
            qlab_free(out->known_seq);
            qlab_free(out->provenance);
            out->known_seq = NULL;
            out->provenance = NULL;
        }
    }
    for (size_t k = 0; k < r->n_parts; k++) {
        qlab_table_free(&r->pieces[k].t);
        qlab_free(r->pieces[k].runs);
    }
    qlab_free(r->pieces);
    qlab_free(r->parts);
    if (rc != QLAB_OK)
        qlab_bars_free(out);
    return rc;
}

qlab_code qlab_lake_read_bars(const qlab_lake_view *v, qlab_conn *conn, uint32_t bucket,
                              int32_t from, int32_t to, unsigned what, qlab_bars *out,
                              qlab_err *err)
{
    reader r = {.v = v, .bucket = bucket, .from = from, .to = to, .values = true};
    return read_all(&r, conn, what, out, err);
}

qlab_code qlab_lake_read_bars_of(const qlab_lake_view *v, qlab_conn *conn, uint32_t bucket,
                                 const uint8_t *wanted, int32_t from, int32_t to, unsigned what,
                                 qlab_bars *out, qlab_err *err)
{
    reader r = {.v = v, .bucket = bucket, .from = from, .to = to, .values = true, .only = wanted};
    const size_t n = n_assets_of(&r);
    bool any = false;
    for (size_t a = 0; a < n; a++)
        any = any || wanted[a];
    if (!any)
        r.from = INT32_MAX; /* no part can match: the assets without rows */
    return read_all(&r, conn, what, out, err);
}

qlab_code qlab_lake_read_dates(const qlab_lake_view *v, qlab_conn *conn, uint32_t bucket,
                               int32_t from, int32_t to, qlab_bars *out, qlab_err *err)
{
    reader r = {.v = v, .bucket = bucket, .from = from, .to = to, .values = false};
    return read_all(&r, conn, 0, out, err);
}
