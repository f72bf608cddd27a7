/* tests/support/lake.h -- a lake in a temporary folder, and a slow model of what it should say.
 *
 * The model keeps every row of every commit in one array; what is visible at a commit is found by
 * looking at all of them.  Nothing here shares code with src/lake but the writing calls.
 */
#ifndef QLAB_TESTS_SUPPORT_LAKE_H
#define QLAB_TESTS_SUPPORT_LAKE_H

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/rng.h"
#include "lake/lake.h"
#include "support/t.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct t_bar {
    uint32_t ix, seq;
    int32_t date;
    double v[6]; /* O H L C V adjusted */
    uint8_t provenance;
} t_bar;

typedef struct t_lake {
    qlab_env env;
    qlab_log log;
    char *root;
    qlab_asset *assets;
    size_t n_assets;
    char (*ids)[24];
    t_bar *rows; /* the model */
    size_t n_rows, cap_rows;
    uint32_t commit;
} t_lake;

static inline void t_lake_open_at(t_lake *l, char *root, size_t n_assets, size_t n_threads)
{
    qlab_err err = QLAB_ERR_INIT;
    memset(l, 0, sizeof *l);
    l->root = root;
    l->log = (qlab_log){QLAB_LOG_WARN, 2};
    l->env.root = l->root;
    l->env.log = &l->log;
    l->env.pool = qlab_pool_new(n_threads);
    l->env.memory_limit_bytes = (size_t)512 << 20;
    l->env.quiet = true;
    T_OK(qlab_duck_open((size_t)128 << 20, NULL, n_threads, &l->env.duck, &err));
    l->n_assets = n_assets;
    l->ids = qlab_alloc(n_assets, sizeof *l->ids);
    l->assets = qlab_alloc_zero(n_assets, sizeof *l->assets);
    for (size_t i = 0; i < n_assets; i++) {
        /* byte order of ids is the reverse of the numbers, and lengths differ */
        snprintf(l->ids[i], sizeof *l->ids, "US:%05zu%s", 99999 - i, i % 3 ? "" : ".LONGER");
        qlab_asset *a = &l->assets[i];
        a->asset_id = l->ids[i];
        a->asset_ix = (uint32_t)i;
        a->asset_class = i % 4 == 3 ? QLAB_CLASS_ETF : QLAB_CLASS_STOCK;
        a->symbol = l->ids[i] + 3;
        a->exchange = "US";
        a->currency = "USD";
        a->extra = "{}";
    }
}

static inline void t_lake_open(t_lake *l, size_t n_assets, size_t n_threads)
{
    t_lake_open_at(l, t_tmpdir(), n_assets, n_threads);
}

/* Closes what is open; the folder stays where keep_root. */
static inline void t_lake_close(t_lake *l, bool keep_root)
{
    qlab_duck_close(l->env.duck);
    qlab_pool_free(l->env.pool);
    qlab_free(l->assets);
    qlab_free(l->ids);
    qlab_free(l->rows);
    if (!keep_root)
        t_rmdir(l->root);
}

static inline qlab_conn *t_lake_conn(t_lake *l)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_conn *conn = NULL;
    T_OK(qlab_duck_conn(l->env.duck, 0, &conn, &err));
    return conn;
}

/* A bar that depends on its arguments alone; about one value in 16 is missing, some are -0. */
static inline t_bar t_bar_make(uint32_t ix, int32_t date, uint32_t seq, uint64_t salt)
{
    t_bar b = {ix, seq, date, {0}, 0};
    for (int c = 0; c < 6; c++) {
        const uint64_t r = qlab_rng_u64(salt, (uint64_t)ix << 32 | (uint32_t)date, (uint64_t)c);
        b.v[c] = r % 16 == 0 ? NAN : r % 61 == 0 ? -0.0 : (double)(r % 100000) / 100.0;
    }
    return b;
}

static inline int t_bar_cmp(const void *a, const void *b)
{
    const t_bar *x = a, *y = b;
    if (x->ix != y->ix)
        return x->ix < y->ix ? -1 : 1;
    if (x->date != y->date)
        return x->date < y->date ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

/* Sorted rows to a qlab_bars over assets [base, base + n_assets). */
static inline void t_bars_of(const t_bar *rows, size_t n, uint32_t base, size_t n_assets,
                             qlab_bars *b)
{
    size_t k = 0;
    qlab_bars_make(b, n_assets, n, QLAB_BARS_PROVENANCE | QLAB_BARS_ADJUSTED);
    double *f64[6] = {b->open, b->high, b->low, b->close, b->volume, b->adjusted_close};
    for (size_t a = 0; a < n_assets; a++) {
        b->asset_ix[a] = base + (uint32_t)a;
        b->first[a] = k;
        for (; k < n && rows[k].ix == base + a; k++) {
            b->date[k] = rows[k].date;
            for (int c = 0; c < 6; c++)
                f64[c][k] = rows[k].v[c];
            b->known_seq[k] = rows[k].seq;
            b->provenance[k] = rows[k].provenance;
        }
    }
    b->first[n_assets] = k;
    T_CHECK(k == n);
}

/* What the model shows at a commit of assets [base, base + n) and dates [from, to], sorted; owned
 * by the caller. */
static inline t_bar *t_visible(const t_lake *l, uint32_t commit, uint32_t base, size_t n,
                               int32_t from, int32_t to, size_t *n_out)
{
    t_bar *all = qlab_alloc(l->n_rows, sizeof *all);
    size_t k = 0, kept = 0;
    for (size_t i = 0; i < l->n_rows; i++)
        if (l->rows[i].seq <= commit && l->rows[i].ix >= base && l->rows[i].ix < base + n &&
            l->rows[i].date >= from && l->rows[i].date <= to)
            all[k++] = l->rows[i];
    qsort(all, k, sizeof *all, t_bar_cmp);
    for (size_t i = 0; i < k; i++) {
        if (i + 1 < k && all[i + 1].ix == all[i].ix && all[i + 1].date == all[i].date)
            continue;
        if (!(all[i].provenance & QLAB_PROV_TOMBSTONE))
            all[kept++] = all[i];
    }
    *n_out = kept;
    return all;
}

/* Leaves to write for a commit of `rows`: of every (asset, year) that it touches, the whole year
 * as it stands then, with monthly leaves, and empty ones for what is gone. */
static inline void t_leaves(const t_lake *l, uint32_t commit, const t_bar *rows, size_t n,
                            uint32_t base, size_t n_assets, qlab_leaf **out, size_t *n_out)
{
    size_t n_visible = 0, n_real = 0, cap = 0;
    t_bar *visible = t_visible(l, commit, base, n_assets, INT32_MIN, INT32_MAX, &n_visible);
    qlab_bars b;
    qlab_leaf *real = NULL;
    t_bars_of(visible, n_visible, base, n_assets, &b);
    qlab_lake_leaves_of(&b, 0, &real, &n_real);
    *out = NULL;
    *n_out = 0;
    for (size_t i = 0; i < n; i++) {
        const int32_t year = qlab_date_year(rows[i].date);
        if (i > 0 && rows[i - 1].ix == rows[i].ix && qlab_date_year(rows[i - 1].date) == year)
            continue; /* rows are sorted */
        for (int month = 0; month <= 12; month++) {
            const int32_t period = month ? 100 * year + month : year;
            qlab_leaf leaf = {rows[i].ix, period, 0, {{0}}};
            for (size_t k = 0; k < n_real; k++)
                if (real[k].asset_ix == rows[i].ix && real[k].period == period)
                    leaf = real[k];
            qlab_grow((void **)out, &cap, *n_out + 1, sizeof **out);
            (*out)[(*n_out)++] = leaf;
        }
    }
    qlab_free(real);
    qlab_bars_free(&b);
    qlab_free(visible);
}

static inline qlab_code t_lake_write(t_lake *l, const t_bar *rows, size_t n, bool by_bucket,
                                     qlab_part **parts, size_t *n_parts, size_t *cap, qlab_err *err)
{
    const uint32_t seq = l->commit + 1;
    const size_t step = by_bucket ? QLAB_LAKE_BUCKET_ASSETS : l->n_assets;
    for (size_t base = 0, k = 0; base < l->n_assets; base += step) {
        const size_t n_assets = l->n_assets - base < step ? l->n_assets - base : step;
        const size_t first = k;
        while (k < n && rows[k].ix < base + n_assets)
            k++;
        if (k == first)
            continue;
        qlab_bars b;
        qlab_leaf *leaves = NULL;
        size_t n_leaves = 0;
        const uint32_t bucket =
            by_bucket ? (uint32_t)(base / QLAB_LAKE_BUCKET_ASSETS) : QLAB_LAKE_ALL_BUCKETS;
        t_bars_of(rows + first, k - first, (uint32_t)base, n_assets, &b);
        t_leaves(l, seq, rows + first, k - first, (uint32_t)base, n_assets, &leaves, &n_leaves);
        qlab_code rc = qlab_lake_write_bars(&l->env, t_lake_conn(l), bucket, &b, l->assets + base,
                                            seq, parts, n_parts, cap, err);
        if (rc == QLAB_OK) {
            qlab_grow((void **)parts, cap, *n_parts + 1, sizeof **parts);
            rc = qlab_lake_write_leaves(&l->env, t_lake_conn(l), bucket, leaves, n_leaves, seq,
                                        &(*parts)[*n_parts], err);
            *n_parts += rc == QLAB_OK;
        }
        qlab_free(leaves);
        qlab_bars_free(&b);
        if (rc != QLAB_OK)
            return rc;
    }
    return QLAB_OK;
}

/* Adds rows (sorted, seq = commit + 1) to the model and to the lake as the next commit; the first
 * commit brings the asset master too.  by_bucket: parts by bucket, else one for all of them. */
static inline qlab_code t_lake_try_commit(t_lake *l, const t_bar *rows, size_t n, bool by_bucket,
                                          qlab_err *err)
{
    qlab_part *parts = NULL;
    size_t n_parts = 0, cap = 0;
    qlab_grow((void **)&l->rows, &l->cap_rows, l->n_rows + n, sizeof *l->rows);
    memcpy(l->rows + l->n_rows, rows, n * sizeof *rows);
    l->n_rows += n;
    qlab_code rc = t_lake_write(l, rows, n, by_bucket, &parts, &n_parts, &cap, err);
    if (rc == QLAB_OK && l->commit == 0) {
        qlab_grow((void **)&parts, &cap, n_parts + 1, sizeof *parts);
        rc = qlab_lake_write_master(&l->env, t_lake_conn(l), l->assets, l->n_assets, 1,
                                    &parts[n_parts], err);
        n_parts += rc == QLAB_OK;
    }
    if (rc == QLAB_OK) {
        const qlab_commit_draft draft = {.parent = l->commit,
                                         .kind = "ingest",
                                         .added = parts,
                                         .n_added = n_parts,
                                         .run_id = "test"};
        uint32_t number = 0;
        rc = qlab_lake_commit(&l->env, &draft, &number, err);
        if (rc == QLAB_OK)
            l->commit = number;
    }
    if (rc != QLAB_OK)
        l->n_rows -= n;
    qlab_parts_free(parts, n_parts);
    return rc;
}

static inline void t_lake_commit(t_lake *l, const t_bar *rows, size_t n, bool by_bucket)
{
    qlab_err err = QLAB_ERR_INIT;
    T_OK(t_lake_try_commit(l, rows, n, by_bucket, &err));
}

static inline void t_same_f64(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        T_CHECK((isnan(a[i]) && isnan(b[i])) || memcmp(&a[i], &b[i], sizeof *a) == 0);
}

/* Everything that the lake says of one bucket at a commit equals the model. */
static inline void t_lake_check(t_lake *l, uint32_t commit, uint32_t bucket, int32_t from,
                                int32_t to)
{
    qlab_err err = QLAB_ERR_INIT;
    const uint32_t base = bucket * QLAB_LAKE_BUCKET_ASSETS;
    size_t n = 0;
    qlab_lake_view *v = NULL;
    qlab_bars got, want, dates;
    T_OK(qlab_lake_view_open(&l->env, commit, &v, &err));
    t_bar *rows = t_visible(l, commit, base, QLAB_LAKE_BUCKET_ASSETS, from, to, &n);
    const size_t left = l->n_assets - base;
    t_bars_of(rows, n, base, left < QLAB_LAKE_BUCKET_ASSETS ? left : QLAB_LAKE_BUCKET_ASSETS,
              &want);
    T_OK(qlab_lake_read_bars(v, t_lake_conn(l), bucket, from, to,
                             QLAB_BARS_PROVENANCE | QLAB_BARS_ADJUSTED, &got, &err));
    T_OK(qlab_lake_read_dates(v, t_lake_conn(l), bucket, from, to, &dates, &err));
    T_CHECK(got.n_assets == want.n_assets && got.n_rows == want.n_rows);
    T_CHECK(dates.n_assets == want.n_assets && dates.n_rows == want.n_rows && !dates.close);
    T_SAME_BITS(want.asset_ix, got.asset_ix, got.n_assets);
    T_SAME_BITS(want.first, got.first, got.n_assets + 1);
    T_SAME_BITS(want.first, dates.first, got.n_assets + 1);
    T_SAME_BITS(want.date, got.date, n);
    T_SAME_BITS(want.date, dates.date, n);
    T_SAME_BITS(want.known_seq, got.known_seq, n);
    T_SAME_BITS(want.provenance, got.provenance, n);
    t_same_f64(want.open, got.open, n);
    t_same_f64(want.high, got.high, n);
    t_same_f64(want.low, got.low, n);
    t_same_f64(want.close, got.close, n);
    t_same_f64(want.volume, got.volume, n);
    t_same_f64(want.adjusted_close, got.adjusted_close, n);
    qlab_bars_free(&dates);
    qlab_bars_free(&got);
    qlab_bars_free(&want);
    qlab_free(rows);
    qlab_lake_view_close(v);
}

#endif
