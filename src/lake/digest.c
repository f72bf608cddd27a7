#include "lake/lake_int.h"

#include "base/alloc.h"
#include "base/date.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- leaves -----------------------------------------------------------------------------------
 */

enum { ROW_BYTES = 45, BLOCK_ROWS = 320 };

static void put_u64(uint8_t *to, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(v >> (8 * i));
}

static void pack_row(const qlab_bars *b, size_t row, uint8_t *to)
{
    const double values[5] = {b->open[row], b->high[row], b->low[row], b->close[row],
                              b->volume[row]};
    const uint32_t date = (uint32_t)b->date[row];
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(date >> (8 * i));
    to[4] = 0;
    for (int c = 0; c < 5; c++) {
        double v = values[c];
        uint64_t bits;
        if (isnan(v)) {
            to[4] |= (uint8_t)(1u << c);
            v = 0.0;
        }
        v += 0.0; /* -0 becomes +0 */
        memcpy(&bits, &v, sizeof bits);
        put_u64(to + 5 + 8 * c, bits);
    }
}

static qlab_digest hash_rows(qlab_sha256 *h, const qlab_bars *b, size_t first, size_t n)
{
    uint8_t block[BLOCK_ROWS * ROW_BYTES];
    for (size_t done = 0; done < n;) {
        const size_t k = n - done < BLOCK_ROWS ? n - done : BLOCK_ROWS;
        for (size_t i = 0; i < k; i++)
            pack_row(b, first + done + i, block + i * ROW_BYTES);
        qlab_sha256_put(h, block, k * ROW_BYTES);
        done += k;
    }
    return qlab_sha256_end(h);
}

qlab_digest qlab_lake_leaf(const qlab_bars *b, size_t first, size_t n)
{
    qlab_sha256 *h = qlab_sha256_new();
    const qlab_digest d = hash_rows(h, b, first, n);
    qlab_sha256_free(h);
    return d;
}

int32_t qlab_lake_months_from(const qlab_bars *b)
{
    int32_t newest = INT32_MIN;
    for (size_t a = 0; a < b->n_assets; a++)
        if (b->first[a + 1] > b->first[a] && b->date[b->first[a + 1] - 1] > newest)
            newest = b->date[b->first[a + 1] - 1];
    return newest == INT32_MIN ? INT32_MAX : qlab_date_year(newest) - 3;
}

typedef struct leaf_list {
    qlab_leaf *at;
    size_t n, cap;
} leaf_list;

static void add_leaf(leaf_list *list, uint32_t asset_ix, int32_t period, size_t n_rows,
                     qlab_digest digest)
{
    qlab_grow((void **)&list->at, &list->cap, list->n + 1, sizeof *list->at);
    list->at[list->n++] = (qlab_leaf){asset_ix, period, (uint32_t)n_rows, digest};
}

/* First row at or after `row` (below end) that is dated `day` or later. */
static size_t row_of_day(const qlab_bars *b, size_t row, size_t end, int32_t day)
{
    while (row < end && b->date[row] < day)
        row++;
    return row;
}

static int32_t year_end(int32_t year)
{
    return qlab_date_make(year, 12, 31) + 1;
}

void qlab_lake_leaves_of(const qlab_bars *b, int32_t months_from, qlab_leaf **out, size_t *n)
{
    leaf_list list = {NULL, 0, 0};
    qlab_sha256 *h = qlab_sha256_new();
    for (size_t a = 0; a < b->n_assets; a++) {
        const size_t first = b->first[a], end = b->first[a + 1];
        for (size_t row = first; row < end;) {
            const int32_t year = qlab_date_year(b->date[row]);
            const size_t next = row_of_day(b, row, end, year_end(year));
            add_leaf(&list, b->asset_ix[a], year, next - row, hash_rows(h, b, row, next - row));
            row = next;
        }
        if (months_from > 9999)
            continue;
        /* Before the year 100 the number of a month would be that of a later year. */
        const int32_t from = months_from > 100 ? months_from : 100;
        size_t row = row_of_day(b, first, end, qlab_date_make(from, 1, 1));
        while (row < end) {
            int year, month, day;
            qlab_date_split(b->date[row], &year, &month, &day);
            const int32_t after = qlab_date_of_month_index(qlab_date_month_index(b->date[row]) + 1);
            const size_t next = row_of_day(b, row, end, after);
            add_leaf(&list, b->asset_ix[a], 100 * year + month, next - row,
                     hash_rows(h, b, row, next - row));
            row = next;
        }
    }
    qlab_sha256_free(h);
    *out = list.at;
    *n = list.n;
}

/* ---- stored leaves ----------------------------------------------------------------------------
 */

/* A stored leaf and the commit that brought it. */
typedef struct stored_leaf {
    qlab_leaf leaf;
    uint32_t seq;
} stored_leaf;

static qlab_code put_leaves(const qlab_env *env, qlab_conn *conn, uint32_t bucket,
                            const stored_leaf *leaves, size_t n, qlab_part *out, qlab_err *err)
{
    uint32_t *ix = qlab_alloc(n, sizeof *ix), *rows = qlab_alloc(n, sizeof *rows);
    uint32_t *seq = qlab_alloc(n, sizeof *seq);
    int32_t *period = qlab_alloc(n, sizeof *period);
    qlab_str *digest = qlab_alloc(n, sizeof *digest);
    for (size_t i = 0; i < n; i++) {
        const qlab_leaf *leaf = &leaves[i].leaf;
        ix[i] = leaf->asset_ix;
        period[i] = leaf->period;
        rows[i] = leaf->n_rows;
        seq[i] = leaves[i].seq;
        digest[i] = (qlab_str){(const char *)leaf->digest.at, QLAB_SHA256_BYTES};
    }
    const qlab_col cols[] = {{"asset_ix", QLAB_T_U32, ix, NULL, NULL},
                             {"period", QLAB_T_I32, period, NULL, NULL},
                             {"n_rows", QLAB_T_U32, rows, NULL, NULL},
                             {"digest", QLAB_T_BLOB, digest, NULL, NULL},
                             {"known_seq", QLAB_T_U32, seq, NULL, NULL}};
    const int32_t b = bucket == QLAB_LAKE_ALL_BUCKETS ? -1 : (int32_t)bucket;
    const qlab_code rc =
        qlab_lake_write_table(env, conn, QLAB_PART_DIGESTS, b, cols, 5, n, out, err);
    qlab_free(digest);
    qlab_free(period);
    qlab_free(seq);
    qlab_free(rows);
    qlab_free(ix);
    return rc;
}

qlab_code qlab_lake_write_leaves(const qlab_env *env, qlab_conn *conn, uint32_t bucket,
                                 const qlab_leaf *leaves, size_t n, uint32_t known_seq,
                                 qlab_part *out, qlab_err *err)
{
    stored_leaf *rows = qlab_alloc(n, sizeof *rows);
    for (size_t i = 0; i < n; i++)
        rows[i] = (stored_leaf){leaves[i], known_seq};
    const qlab_code rc = put_leaves(env, conn, bucket, rows, n, out, err);
    qlab_free(rows);
    return rc;
}

static int cmp_stored(const void *a, const void *b)
{
    const stored_leaf *x = a, *y = b;
    if (x->leaf.asset_ix != y->leaf.asset_ix)
        return x->leaf.asset_ix < y->leaf.asset_ix ? -1 : 1;
    if (x->leaf.period != y->leaf.period)
        return x->leaf.period < y->leaf.period ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

typedef struct stored_list {
    stored_leaf *at;
    size_t n, cap;
} stored_list;

static qlab_code read_digest_part(const qlab_lake_view *v, qlab_conn *conn, const qlab_part *p,
                                  uint32_t bucket, qlab_leaf_what what, stored_list *to,
                                  qlab_err *err)
{
    static const qlab_type TYPES[] = {QLAB_T_U32, QLAB_T_I32, QLAB_T_U32, QLAB_T_BLOB, QLAB_T_U32};
    const uint32_t base = bucket * QLAB_LAKE_BUCKET_ASSETS;
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_table t;

    qlab_buf_puts(&sql, "SELECT asset_ix, period, n_rows, digest, known_seq FROM ");
    qlab_lake_put_scan(&sql, v->root, p->path);
    qlab_buf_putf(&sql, " WHERE asset_ix >= %" PRIu32 " AND asset_ix < %" PRIu32, base,
                  base + QLAB_LAKE_BUCKET_ASSETS);
    if (what != QLAB_LEAVES_ALL)
        qlab_buf_puts(&sql,
                      what == QLAB_LEAVES_YEARS ? " AND period < 10000" : " AND period >= 10000");
    qlab_code rc = qlab_conn_query(conn, sql.at, TYPES, 5, &t, err);
    qlab_buf_free(&sql);
    if (rc != QLAB_OK)
        return qlab_err_prefix(err, "%s", p->path);

    qlab_grow((void **)&to->at, &to->cap, to->n + t.n_rows, sizeof *to->at);
    for (size_t i = 0; i < t.n_rows && rc == QLAB_OK; i++) {
        stored_leaf *s = &to->at[to->n];
        const qlab_str digest = t.cols[3].str[i];
        if (!digest.at || digest.n != QLAB_SHA256_BYTES) {
            rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: row %zu: the digest had %zu bytes, not 32",
                           p->path, i, digest.n);
            break;
        }
        s->leaf.asset_ix = t.cols[0].u32[i];
        s->leaf.period = t.cols[1].i32[i];
        s->leaf.n_rows = t.cols[2].u32[i];
        memcpy(s->leaf.digest.at, digest.at, QLAB_SHA256_BYTES);
        s->seq = t.cols[4].u32[i];
        to->n++;
    }
    qlab_table_free(&t);
    return rc;
}

/* The visible leaves of a bucket, sorted; *n_read: before the choice. */
static qlab_code read_stored(const qlab_lake_view *v, qlab_conn *conn, uint32_t bucket,
                             qlab_leaf_what what, stored_list *list, size_t *n_read, qlab_err *err)
{
    qlab_code rc = QLAB_OK;
    for (size_t i = 0; i < v->n_parts && rc == QLAB_OK; i++) {
        const qlab_part *p = &v->parts[i];
        if (p->kind == QLAB_PART_DIGESTS && (p->bucket < 0 || (uint32_t)p->bucket == bucket))
            rc = read_digest_part(v, conn, p, bucket, what, list, err);
    }
    if (rc != QLAB_OK)
        return rc;
    if (list->n)
        qsort(list->at, list->n, sizeof *list->at, cmp_stored);
    size_t kept = 0;
    *n_read = list->n;
    for (size_t i = 0; i < list->n; i++) {
        const stored_leaf l = list->at[i];
        const bool superseded = i + 1 < list->n &&
                                list->at[i + 1].leaf.asset_ix == l.leaf.asset_ix &&
                                list->at[i + 1].leaf.period == l.leaf.period;
        if (!superseded && l.leaf.n_rows > 0)
            list->at[kept++] = l;
    }
    list->n = kept;
    return QLAB_OK;
}

qlab_code qlab_lake_read_leaves(const qlab_lake_view *v, qlab_conn *conn, uint32_t bucket,
                                qlab_leaf_what what, qlab_leaf **out, size_t *n, qlab_err *err)
{
    stored_list list = {NULL, 0, 0};
    size_t n_read = 0;
    *out = NULL;
    *n = 0;
    const qlab_code rc = read_stored(v, conn, bucket, what, &list, &n_read, err);
    if (rc == QLAB_OK) {
        *out = qlab_alloc(list.n, sizeof **out);
        for (size_t i = 0; i < list.n; i++)
            (*out)[i] = list.at[i].leaf;
        *n = list.n;
    }
    qlab_free(list.at);
    return rc;
}

qlab_code qlab_lake_fold_leaves(const qlab_env *env, const qlab_lake_view *v, qlab_conn *conn,
                                uint32_t bucket, bool write, qlab_part *out, uint64_t *n_kept,
                                uint64_t *n_dropped, qlab_err *err)
{
    stored_list list = {NULL, 0, 0};
    size_t n_read = 0;
    memset(out, 0, sizeof *out);
    qlab_code rc = read_stored(v, conn, bucket, QLAB_LEAVES_ALL, &list, &n_read, err);
    if (rc == QLAB_OK) {
        *n_kept = list.n;
        *n_dropped = n_read - list.n;
        if (write && list.n > 0)
            rc = put_leaves(env, conn, bucket, list.at, list.n, out, err);
    }
    qlab_free(list.at);
    return rc;
}

/* ---- the digest of bars up to a date ----------------------------------------------------------
 */

typedef struct digest_job {
    const qlab_env *env;
    const qlab_lake_view *v;
    int32_t asof;
    qlab_digest *nodes; /* by asset_ix */
    bool *has;
} digest_job;

/* Whether a bucket may have bars after asof in its year: then stored leaves of that year say too
 * much. */
static bool must_cut(const digest_job *j, uint32_t bucket)
{
    const int32_t end = year_end(qlab_date_year(j->asof));
    for (size_t i = 0; i < j->v->n_parts; i++) {
        const qlab_part *p = &j->v->parts[i];
        if (p->kind == QLAB_PART_BARS && (p->bucket < 0 || (uint32_t)p->bucket == bucket) &&
            p->max_date > j->asof && p->min_date < end)
            return true;
    }
    return false;
}

/* Nodes of one bucket from its leaves of whole years and those of asof's year (may be the same). */
static void make_nodes(const digest_job *j, const qlab_leaf *whole, size_t n_whole,
                       const qlab_leaf *cut, size_t n_cut, int32_t whole_before)
{
    qlab_sha256 *h = qlab_sha256_new();
    size_t w = 0, c = 0;
    while (w < n_whole || c < n_cut) {
        uint32_t ix = UINT32_MAX;
        if (w < n_whole)
            ix = whole[w].asset_ix;
        if (c < n_cut && cut[c].asset_ix < ix)
            ix = cut[c].asset_ix;
        const char *id = j->v->assets[ix].asset_id;
        bool any = false;
        qlab_sha256_put_str(h, id, strlen(id));
        for (; w < n_whole && whole[w].asset_ix == ix; w++) {
            if (whole[w].period >= whole_before)
                continue;
            qlab_sha256_put_i32(h, whole[w].period);
            qlab_sha256_put(h, whole[w].digest.at, QLAB_SHA256_BYTES);
            any = true;
        }
        for (; c < n_cut && cut[c].asset_ix == ix; c++) {
            qlab_sha256_put_i32(h, cut[c].period);
            qlab_sha256_put(h, cut[c].digest.at, QLAB_SHA256_BYTES);
            any = true;
        }
        j->nodes[ix] = qlab_sha256_end(h);
        j->has[ix] = any;
    }
    qlab_sha256_free(h);
}

static qlab_code digest_unit(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    digest_job *j = ctx;
    const uint32_t bucket = (uint32_t)unit;
    const int32_t year = qlab_date_year(j->asof);
    qlab_conn *conn = NULL;
    qlab_leaf *whole = NULL, *cut = NULL;
    size_t n_whole = 0, n_cut = 0;
    qlab_bars b = {0};

    qlab_code rc = qlab_duck_conn(j->env->duck, worker, &conn, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_read_leaves(j->v, conn, bucket, QLAB_LEAVES_YEARS, &whole, &n_whole, err);
    const bool cutting = rc == QLAB_OK && must_cut(j, bucket);
    if (cutting) {
        rc = qlab_lake_read_bars(j->v, conn, bucket, qlab_date_make(year, 1, 1), j->asof, 0, &b,
                                 err);
        if (rc == QLAB_OK)
            qlab_lake_leaves_of(&b, INT32_MAX, &cut, &n_cut);
    }
    if (rc == QLAB_OK)
        make_nodes(j, whole, n_whole, cut, n_cut, cutting ? year : year + 1);
    qlab_bars_free(&b);
    qlab_free(cut);
    qlab_free(whole);
    return rc;
}

qlab_code qlab_lake_bars_digest(const qlab_env *env, const qlab_lake_view *v, int32_t asof,
                                qlab_digest *out, qlab_err *err)
{
    digest_job j = {env, v, asof, NULL, NULL};
    j.nodes = qlab_alloc(v->n_assets, sizeof *j.nodes);
    j.has = qlab_alloc_zero(v->n_assets, sizeof *j.has);
    const qlab_code rc = qlab_pool_run(env->pool, qlab_lake_n_buckets(v), digest_unit, &j, err);
    if (rc == QLAB_OK) {
        qlab_sha256 *h = qlab_sha256_new();
        for (size_t i = 0; i < v->n_assets; i++)
            if (j.has[v->by_id[i]])
                qlab_sha256_put(h, j.nodes[v->by_id[i]].at, QLAB_SHA256_BYTES);
        *out = qlab_sha256_end(h);
        qlab_sha256_free(h);
    }
    qlab_free(j.has);
    qlab_free(j.nodes);
    return rc;
}
