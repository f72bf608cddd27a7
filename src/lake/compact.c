#include "lake/lake_int.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The unit of a fold is (year, bucket) over all classes: an asset's class may have changed, so a
 * bar and its revision can lie in two classes, but never in two years or buckets. */

typedef struct unit {
    int32_t year; /* -1: the digests */
    uint32_t bucket;
    qlab_part *made;
    size_t n_made, cap_made;
    uint64_t n_visible, n_hidden; /* rows of bars */
} unit;

typedef struct fold {
    const qlab_env *env;
    const qlab_lake_view *v;
    bool *in; /* n_parts: is folded */
    unit *units;
    size_t n_units, cap_units;
} fold;

static bool of_bars(const qlab_part *p)
{
    return p->kind == QLAB_PART_BARS || p->kind == QLAB_PART_BARS_HISTORY;
}

static bool foldable(const qlab_part *p)
{
    return of_bars(p) || p->kind == QLAB_PART_DIGESTS;
}

/* Parts are sorted by kind, class, year, bucket, commit. */
static bool is_delta(const qlab_lake_view *v, size_t i)
{
    const qlab_part *p = &v->parts[i], *q = i ? &v->parts[i - 1] : NULL;
    if (p->kind != QLAB_PART_BARS && p->kind != QLAB_PART_DIGESTS)
        return false;
    if (p->bucket < 0 || p->n_tombstones > 0)
        return true;
    return q && q->kind == p->kind && q->asset_class == p->asset_class && q->year == p->year &&
           q->bucket == p->bucket;
}

/* Delta parts of the class and year (or of the digests) that part i belongs to. */
static size_t delta_parts_of(const qlab_lake_view *v, const qlab_part *like)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n_parts; i++) {
        const qlab_part *p = &v->parts[i];
        if (p->kind == like->kind && p->asset_class == like->asset_class && p->year == like->year)
            n += is_delta(v, i);
    }
    return n;
}

/* Whether part i is the first of its class and year among parts of its kind. */
static bool begins_group(const qlab_lake_view *v, size_t i)
{
    const qlab_part *p = &v->parts[i], *q = i ? &v->parts[i - 1] : NULL;
    return (p->kind == QLAB_PART_BARS || p->kind == QLAB_PART_DIGESTS) &&
           !(q && q->kind == p->kind && q->asset_class == p->asset_class && q->year == p->year);
}

size_t qlab_lake_delta_parts(const qlab_lake_view *v)
{
    size_t most = 0;
    for (size_t i = 0; i < v->n_parts; i++) {
        const size_t n = begins_group(v, i) ? delta_parts_of(v, &v->parts[i]) : 0;
        most = n > most ? n : most;
    }
    return most;
}

/* ---- what to fold -----------------------------------------------------------------------------
 */

static int32_t group_year(const qlab_part *p)
{
    return p->kind == QLAB_PART_DIGESTS ? -1 : p->year;
}

/* Years (-1: digests) in which a class has more than `above` delta parts, ascending. */
static int32_t *choose_years(const qlab_lake_view *v, uint32_t above, size_t *n)
{
    int32_t *years = qlab_alloc(v->n_parts, sizeof *years);
    *n = 0;
    for (size_t i = 0; i < v->n_parts; i++) {
        if (!begins_group(v, i) || delta_parts_of(v, &v->parts[i]) <= above)
            continue;
        const int32_t year = group_year(&v->parts[i]);
        size_t at = 0;
        while (at < *n && years[at] < year)
            at++;
        if (at < *n && years[at] == year)
            continue;
        memmove(years + at + 1, years + at, (*n - at) * sizeof *years);
        years[at] = year;
        (*n)++;
    }
    return years;
}

static bool in_year(const qlab_part *p, int32_t year)
{
    return foldable(p) && group_year(p) == year;
}

/* Sets touched[bucket] for every bucket that the delta parts of a year have rows of. */
static qlab_code find_touched(const fold *f, int32_t year, bool *touched, size_t n_buckets,
                              qlab_err *err)
{
    static const qlab_type TYPES[] = {QLAB_T_U32};
    qlab_conn *conn = NULL;
    qlab_buf sql = QLAB_BUF_INIT;
    size_t n_all = 0;
    qlab_table t = QLAB_TABLE_INIT;

    for (size_t i = 0; i < f->v->n_parts; i++) {
        const qlab_part *p = &f->v->parts[i];
        if (!in_year(p, year) || !is_delta(f->v, i))
            continue;
        if (p->bucket >= 0) {
            if ((size_t)p->bucket < n_buckets)
                touched[p->bucket] = true;
            continue;
        }
        qlab_buf_puts(&sql, n_all++ ? " UNION " : "");
        qlab_buf_puts(&sql, "SELECT DISTINCT (asset_ix // 512)::UINTEGER AS b FROM ");
        qlab_lake_put_scan(&sql, f->v->root, p->path);
    }
    qlab_code rc = n_all ? qlab_duck_conn(f->env->duck, 0, &conn, err) : QLAB_OK;
    if (rc == QLAB_OK && n_all)
        rc = qlab_conn_query(conn, sql.at, TYPES, 1, &t, err);
    for (size_t i = 0; i < t.n_rows && rc == QLAB_OK; i++) {
        if (t.cols[0].u32[i] >= n_buckets)
            rc = qlab_fail(err, QLAB_E_CORRUPT,
                           "delta parts of %" PRId32 ": bucket %" PRIu32
                           " is not in the asset master",
                           year, t.cols[0].u32[i]);
        else
            touched[t.cols[0].u32[i]] = true;
    }
    qlab_table_free(&t);
    qlab_buf_free(&sql);
    return rc;
}

static qlab_code plan_year(fold *f, int32_t year, qlab_err *err)
{
    const size_t n_buckets = qlab_lake_n_buckets(f->v);
    bool *touched = qlab_alloc_zero(n_buckets, sizeof *touched);
    const qlab_code rc = find_touched(f, year, touched, n_buckets, err);
    for (size_t b = 0; b < n_buckets && rc == QLAB_OK; b++) {
        if (!touched[b])
            continue;
        qlab_grow((void **)&f->units, &f->cap_units, f->n_units + 1, sizeof *f->units);
        f->units[f->n_units++] = (unit){.year = year, .bucket = (uint32_t)b};
    }
    for (size_t i = 0; i < f->v->n_parts && rc == QLAB_OK; i++) {
        const qlab_part *p = &f->v->parts[i];
        if (in_year(p, year) && (p->bucket < 0 || touched[p->bucket]))
            f->in[i] = true;
    }
    qlab_free(touched);
    return rc;
}

/* ---- one unit ---------------------------------------------------------------------------------
 */

enum { IX, DAY, FIRST_VALUE, SEQ = FIRST_VALUE + 6, PROVENANCE, N_COLUMNS };

static qlab_code read_versions(const fold *f, const unit *u, qlab_conn *conn, qlab_table *out,
                               qlab_err *err)
{
    static const qlab_type TYPES[N_COLUMNS] = {QLAB_T_U32, QLAB_T_DATE, QLAB_T_F64, QLAB_T_F64,
                                               QLAB_T_F64, QLAB_T_F64,  QLAB_T_F64, QLAB_T_F64,
                                               QLAB_T_U32, QLAB_T_U8};
    const uint32_t base = u->bucket * QLAB_LAKE_BUCKET_ASSETS;
    qlab_buf sql = QLAB_BUF_INIT;
    size_t n = 0;

    for (size_t i = 0; i < f->v->n_parts; i++) {
        const qlab_part *p = &f->v->parts[i];
        if (!f->in[i] || !in_year(p, u->year) ||
            (p->bucket >= 0 && (uint32_t)p->bucket != u->bucket))
            continue;
        char *path = qlab_path_join(f->v->root, p->path);
        qlab_buf_puts(&sql, n++ ? ","
                                : "SELECT asset_ix, date, open, high, low, close, volume, "
                                  "adjusted_close, known_seq, provenance FROM read_parquet([");
        qlab_sql_quote(&sql, path);
        qlab_free(path);
    }
    qlab_buf_putf(&sql,
                  "], hive_partitioning=false) WHERE asset_ix >= %" PRIu32
                  " AND asset_ix < %" PRIu32 " ORDER BY asset_ix, date, known_seq",
                  base, base + QLAB_LAKE_BUCKET_ASSETS);
    const qlab_code rc = qlab_conn_query(conn, sql.at, TYPES, N_COLUMNS, out, err);
    qlab_buf_free(&sql);
    return rc;
}

/* Row i is what a read sees: the last version of its date, and no tombstone. */
static bool is_visible(const qlab_table *t, size_t i)
{
    const uint32_t *ix = t->cols[IX].u32;
    const int32_t *day = t->cols[DAY].i32;
    const bool last = i + 1 == t->n_rows || ix[i + 1] != ix[i] || day[i + 1] != day[i];
    return last && !(t->cols[PROVENANCE].u8[i] & QLAB_PROV_TOMBSTONE);
}

/* Rows that are, or are not, visible, of the assets of the bucket. */
static void pick(const fold *f, const unit *u, const qlab_table *t, bool visible, size_t n,
                 qlab_bars *b)
{
    const uint32_t base = u->bucket * QLAB_LAKE_BUCKET_ASSETS;
    const size_t left = f->v->n_assets - base;
    const size_t n_assets = left < QLAB_LAKE_BUCKET_ASSETS ? left : QLAB_LAKE_BUCKET_ASSETS;
    size_t row = 0, k = 0;
    qlab_bars_make(b, n_assets, n, QLAB_BARS_PROVENANCE | QLAB_BARS_ADJUSTED);
    double *values[6] = {b->open, b->high, b->low, b->close, b->volume, b->adjusted_close};
    for (size_t a = 0; a < n_assets; a++) {
        b->asset_ix[a] = base + (uint32_t)a;
        b->first[a] = k;
        for (; row < t->n_rows && t->cols[IX].u32[row] == b->asset_ix[a]; row++) {
            if (is_visible(t, row) != visible)
                continue;
            b->date[k] = t->cols[DAY].i32[row];
            for (size_t c = 0; c < 6; c++)
                values[c][k] = t->cols[FIRST_VALUE + c].f64[row];
            b->known_seq[k] = t->cols[SEQ].u32[row];
            b->provenance[k++] = t->cols[PROVENANCE].u8[row];
        }
    }
    b->first[n_assets] = k;
    assert(k == n);
}

/* The years that the fold made must have the leaves that are stored: nothing a read sees changed.
 */
static qlab_code check_leaves(const fold *f, const unit *u, qlab_conn *conn, const qlab_bars *b,
                              qlab_err *err)
{
    qlab_leaf *stored = NULL, *real = NULL;
    size_t n_stored = 0, n_real = 0, s = 0, r = 0;
    int32_t first, last;
    qlab_lake_partition_days(u->year, &first, &last);
    const int32_t from = qlab_date_year(first), to = qlab_date_year(last);
    qlab_code rc =
        qlab_lake_read_leaves(f->v, conn, u->bucket, QLAB_LEAVES_YEARS, &stored, &n_stored, err);
    if (rc != QLAB_OK)
        return rc;
    qlab_lake_leaves_of(b, INT32_MAX, &real, &n_real);
    while (rc == QLAB_OK && (s < n_stored || r < n_real)) {
        if (s < n_stored && (stored[s].period < from || stored[s].period > to)) {
            s++;
            continue;
        }
        const qlab_leaf *x = s < n_stored ? &stored[s] : NULL, *y = r < n_real ? &real[r] : NULL;
        if (!x || !y || x->asset_ix != y->asset_ix || x->period != y->period ||
            x->n_rows != y->n_rows || qlab_digest_cmp(&x->digest, &y->digest) != 0) {
            const qlab_leaf *l = y ? y : x;
            rc = qlab_fail(err, QLAB_E_CORRUPT,
                           "leaf of %s, %" PRId32 ": it differs from the bars; see lake verify",
                           f->v->assets[l->asset_ix].asset_id, l->period);
        }
        s++;
        r++;
    }
    qlab_free(real);
    qlab_free(stored);
    return rc;
}

static qlab_code check_rows(const fold *f, const qlab_table *t, qlab_err *err)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        const uint32_t ix = t->cols[IX].u32[i];
        char day[QLAB_DATE_BYTES];
        if (ix >= f->v->n_assets)
            return qlab_fail(err, QLAB_E_CORRUPT,
                             "lake/bars: asset number %" PRIu32 " is not in the asset master", ix);
        if (i > 0 && ix == t->cols[IX].u32[i - 1] &&
            t->cols[DAY].i32[i] == t->cols[DAY].i32[i - 1] &&
            t->cols[SEQ].u32[i] == t->cols[SEQ].u32[i - 1])
            return qlab_fail(err, QLAB_E_CORRUPT,
                             "the lake had two bars of %s on %s from commit %" PRIu32,
                             f->v->assets[ix].asset_id, qlab_date_format(t->cols[DAY].i32[i], day),
                             t->cols[SEQ].u32[i]);
    }
    return QLAB_OK;
}

static qlab_code fold_bars(const fold *f, unit *u, qlab_conn *conn, qlab_err *err)
{
    const qlab_asset *assets = f->v->assets + (size_t)u->bucket * QLAB_LAKE_BUCKET_ASSETS;
    qlab_table t = QLAB_TABLE_INIT;
    qlab_bars seen = {0}, hidden = {0};

    qlab_code rc = read_versions(f, u, conn, &t, err);
    if (rc == QLAB_OK)
        rc = check_rows(f, &t, err);
    if (rc != QLAB_OK)
        goto done;
    for (size_t i = 0; i < t.n_rows; i++)
        u->n_visible += is_visible(&t, i);
    u->n_hidden = t.n_rows - u->n_visible;
    pick(f, u, &t, true, u->n_visible, &seen);
    pick(f, u, &t, false, u->n_hidden, &hidden);
    qlab_table_free(&t);
    t = (qlab_table)QLAB_TABLE_INIT;
    rc = check_leaves(f, u, conn, &seen, err);
    if (rc == QLAB_OK && !f->env->dry_run)
        rc = qlab_lake_write_rows(f->env, conn, QLAB_PART_BARS, u->bucket, &seen, assets, 0,
                                  &u->made, &u->n_made, &u->cap_made, err);
    if (rc == QLAB_OK && !f->env->dry_run)
        rc = qlab_lake_write_rows(f->env, conn, QLAB_PART_BARS_HISTORY, u->bucket, &hidden, assets,
                                  0, &u->made, &u->n_made, &u->cap_made, err);
done:
    qlab_bars_free(&hidden);
    qlab_bars_free(&seen);
    qlab_table_free(&t);
    return rc;
}

static qlab_code fold_digests(const fold *f, unit *u, qlab_conn *conn, qlab_err *err)
{
    uint64_t kept = 0, dropped = 0;
    qlab_part part;
    const qlab_code rc = qlab_lake_fold_leaves(f->env, f->v, conn, u->bucket, !f->env->dry_run,
                                               &part, &kept, &dropped, err);
    if (rc == QLAB_OK && part.path) {
        qlab_grow((void **)&u->made, &u->cap_made, u->n_made + 1, sizeof *u->made);
        u->made[u->n_made++] = part;
    }
    return rc;
}

static qlab_code do_unit(void *ctx, size_t i, size_t worker, qlab_err *err)
{
    fold *f = ctx;
    unit *u = &f->units[i];
    qlab_conn *conn = NULL;
    const qlab_code rc = qlab_duck_conn(f->env->duck, worker, &conn, err);
    if (rc != QLAB_OK)
        return rc;
    return u->year < 0 ? fold_digests(f, u, conn, err) : fold_bars(f, u, conn, err);
}

/* A part that is not what the commit says must not become one that is. */
static qlab_code check_part(void *ctx, size_t i, size_t worker, qlab_err *err)
{
    const fold *f = ctx;
    const qlab_part *p = &f->v->parts[i];
    char hex[QLAB_HEX_BYTES];
    qlab_digest digest;
    (void)worker;
    if (!f->in[i])
        return QLAB_OK;
    char *path = qlab_path_join(f->v->root, p->path);
    qlab_code rc = qlab_sha256_file(path, &digest, NULL, err);
    if (rc == QLAB_OK && strcmp(qlab_hex(digest, hex), p->sha256) != 0)
        rc = qlab_fail(err, QLAB_E_CORRUPT,
                       "%s: its bytes hashed to %.16s..., the commit says %.16s...", p->path, hex,
                       p->sha256);
    qlab_free(path);
    return rc;
}

/* ---- the commit -------------------------------------------------------------------------------
 */

static void sum_up(const fold *f, qlab_compacted *out)
{
    size_t cap = 0;
    for (size_t i = 0; i < f->v->n_parts; i++) {
        const qlab_part *p = &f->v->parts[i];
        if (!f->in[i])
            continue;
        out->n_parts_folded++;
        out->n_rows_folded += p->n_rows;
        out->n_bytes_folded += p->n_bytes;
        qlab_compact_group g = {p->asset_class, group_year(p), 0, 0, 0, 0};
        size_t at = 0;
        while (at < out->n_groups &&
               (out->groups[at].asset_class != g.asset_class || out->groups[at].year != g.year))
            at++;
        if (at == out->n_groups) {
            qlab_grow((void **)&out->groups, &cap, at + 1, sizeof *out->groups);
            out->groups[out->n_groups++] = g;
        }
        out->groups[at].n_delta += is_delta(f->v, i);
        out->groups[at].n_parts++;
        out->groups[at].n_rows += p->n_rows;
        out->groups[at].n_bytes += p->n_bytes;
    }
    for (size_t i = 0; i < f->n_units; i++) {
        out->n_rows_visible += f->units[i].n_visible;
        out->n_rows_history += f->units[i].n_hidden;
    }
}

static void set_count(json_t *o, const char *key, uint64_t n)
{
    json_object_set_new(o, key, json_integer((json_int_t)n));
}

static json_t *counts_of(const qlab_compacted *c)
{
    json_t *o = json_object();
    set_count(o, "parts_folded", c->n_parts_folded);
    set_count(o, "rows_folded", c->n_rows_folded);
    set_count(o, "bytes_folded", c->n_bytes_folded);
    set_count(o, "rows_visible", c->n_rows_visible);
    set_count(o, "rows_history", c->n_rows_history);
    set_count(o, "parts_written", c->n_parts_written);
    set_count(o, "bytes_written", c->n_bytes_written);
    return o;
}

/* A part that the fold made again as it was stays as it is; it neither goes nor comes. */
static bool stays(fold *f, const qlab_part *made)
{
    for (size_t i = 0; i < f->v->n_parts; i++)
        if (f->in[i] && strcmp(f->v->parts[i].path, made->path) == 0) {
            f->in[i] = false;
            return true;
        }
    return false;
}

static qlab_code commit_fold(fold *f, const char *run_id, qlab_compacted *out, qlab_err *err)
{
    qlab_part *added = NULL;
    size_t n_added = 0, cap = 0, n_removed = 0;
    const char **removed = qlab_alloc(f->v->n_parts, sizeof *removed);
    for (size_t u = 0; u < f->n_units; u++)
        for (size_t k = 0; k < f->units[u].n_made; k++) {
            if (stays(f, &f->units[u].made[k]))
                continue;
            qlab_grow((void **)&added, &cap, n_added + 1, sizeof *added);
            added[n_added++] = f->units[u].made[k];
            out->n_bytes_written += f->units[u].made[k].n_bytes;
        }
    out->n_parts_written = n_added;
    for (size_t i = 0; i < f->v->n_parts; i++)
        if (f->in[i])
            removed[n_removed++] = f->v->parts[i].path;
    json_t *counts = counts_of(out);
    const qlab_commit_draft draft = {.parent = f->v->commit,
                                     .kind = "compact",
                                     .price_basis = f->v->price_basis,
                                     .volume_basis = f->v->volume_basis,
                                     .added = added,
                                     .n_added = n_added,
                                     .removed = removed,
                                     .n_removed = n_removed,
                                     .counts = counts,
                                     .run_id = run_id};
    const qlab_code rc = qlab_lake_commit(f->env, &draft, &out->commit, err);
    json_decref(counts);
    qlab_free(removed);
    qlab_free(added); /* the paths are the units' */
    return rc;
}

void qlab_compacted_free(qlab_compacted *c)
{
    qlab_free(c->groups);
    *c = (qlab_compacted){0};
}

qlab_code qlab_lake_compact(const qlab_env *env, const qlab_lake_view *v, uint32_t above,
                            const char *run_id, qlab_compacted *out, qlab_err *err)
{
    fold f = {.env = env, .v = v};
    size_t n_years = 0;
    int32_t *years = choose_years(v, above, &n_years);
    qlab_code rc = QLAB_OK;

    *out = (qlab_compacted){0};
    f.in = qlab_alloc_zero(v->n_parts, sizeof *f.in);
    for (size_t i = 0; i < n_years && rc == QLAB_OK; i++)
        rc = plan_year(&f, years[i], err);
    if (rc == QLAB_OK)
        rc = qlab_pool_run(env->pool, v->n_parts, check_part, &f, err);
    if (rc == QLAB_OK)
        rc = qlab_pool_run(env->pool, f.n_units, do_unit, &f, err);
    if (rc == QLAB_OK) {
        sum_up(&f, out);
        if (!env->dry_run && out->n_parts_folded > 0)
            rc = commit_fold(&f, run_id, out, err);
    }
    for (size_t i = 0; i < f.n_units; i++)
        qlab_parts_free(f.units[i].made, f.units[i].n_made);
    qlab_free(f.units);
    qlab_free(f.in);
    qlab_free(years);
    if (rc != QLAB_OK)
        qlab_compacted_free(out);
    return rc;
}
