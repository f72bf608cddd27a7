#include "lake/lake_int.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Findings of one unit, kept until they can be told in order. */
typedef struct findings {
    qlab_buf text; /* NUL after each */
    size_t n;
} findings;

static void finding(findings *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void finding(findings *f, const char *fmt, ...)
{
    char line[QLAB_ERR_TEXT_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    qlab_buf_put(&f->text, line, strlen(line) + 1);
    f->n++;
}

typedef struct verify_job {
    const qlab_env *env;
    const qlab_lake_view *v;
    findings *of_part;   /* n_parts */
    bool *bad;           /* n_parts: other bytes than the commit names */
    findings *of_bucket; /* n_buckets */
} verify_job;

/* What DuckDB says of a damaged file is a finding; being stopped or out of memory is not. */
static qlab_code as_finding(findings *f, const char *what, qlab_err *err)
{
    if (err->code != QLAB_E_CORRUPT && err->code != QLAB_E_NOT_FOUND && err->code != QLAB_E_IO &&
        err->code != QLAB_E_INTERNAL)
        return err->code;
    finding(f, "%s: %s", what, err->text);
    qlab_err_reset(err);
    return QLAB_OK;
}

/* ---- one part ---------------------------------------------------------------------------------
 */

static qlab_code check_bytes(const verify_job *j, const qlab_part *p, findings *f, bool *bad,
                             qlab_err *err)
{
    char *path = qlab_path_join(j->v->root, p->path);
    char hex[QLAB_HEX_BYTES];
    qlab_digest digest;
    uint64_t n_bytes = 0;
    qlab_code rc = qlab_sha256_file(path, &digest, &n_bytes, err);
    qlab_free(path);
    if (rc != QLAB_OK) {
        *bad = true;
        return as_finding(f, p->path, err);
    }
    if (strcmp(qlab_hex(digest, hex), p->sha256) != 0) {
        *bad = true;
        finding(f, "%s: its bytes hashed to %.16s..., the commit says %.16s...", p->path, hex,
                p->sha256);
    }
    return QLAB_OK;
}

typedef struct bar_check {
    const verify_job *j;
    const qlab_part *p;
    findings *f;
    const qlab_table *t; /* asset_ix, date, known_seq, provenance */
} bar_check;

static void say_row(const bar_check *c, size_t row, const char *what)
{
    char day[QLAB_DATE_BYTES];
    const uint32_t ix = c->t->cols[0].u32[row];
    finding(c->f, "%s: row %zu (%s on %s): %s", c->p->path, row,
            ix < c->j->v->n_assets ? c->j->v->assets[ix].asset_id : "an unknown asset",
            qlab_date_format(c->t->cols[1].i32[row], day), what);
}

static const char *wrong_row(const bar_check *c, size_t i)
{
    const uint32_t *ix = c->t->cols[0].u32, *seq = c->t->cols[2].u32;
    const int32_t *date = c->t->cols[1].i32;
    const qlab_part *p = c->p;
    if (ix[i] >= c->j->v->n_assets)
        return "its asset number is not in the asset master";
    if (p->bucket >= 0 && ix[i] / QLAB_LAKE_BUCKET_ASSETS != (uint32_t)p->bucket)
        return "its asset belongs to another bucket";
    if (qlab_lake_partition_year(date[i]) != p->year)
        return "its date belongs to another year's partition";
    if (date[i] < p->min_date || date[i] > p->max_date)
        return "its date is outside the range that the commit states";
    if (seq[i] == 0 || seq[i] > c->j->v->commit)
        return "its known_seq is later than the commit";
    if (i == 0 || ix[i] > ix[i - 1])
        return NULL;
    if (ix[i] < ix[i - 1] || date[i] < date[i - 1])
        return "it is out of order";
    if (date[i] == date[i - 1] && (p->kind == QLAB_PART_BARS || seq[i] <= seq[i - 1]))
        return "its key occurs twice";
    return NULL;
}

static qlab_code check_bars(const verify_job *j, const qlab_part *p, qlab_conn *conn, findings *f,
                            qlab_err *err)
{
    static const qlab_type TYPES[] = {QLAB_T_U32, QLAB_T_DATE, QLAB_T_U32, QLAB_T_U8};
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_table t;
    qlab_buf_puts(&sql, "SELECT asset_ix, date, known_seq, provenance FROM ");
    qlab_lake_put_scan(&sql, j->v->root, p->path);
    const qlab_code rc = qlab_conn_query(conn, sql.at, TYPES, 4, &t, err);
    qlab_buf_free(&sql);
    if (rc != QLAB_OK)
        return as_finding(f, p->path, err);

    const bar_check c = {j, p, f, &t};
    uint64_t tombstones = 0;
    size_t told = 0;
    if (t.n_rows != p->n_rows)
        finding(f, "%s: it had %zu rows, the commit says %" PRIu64, p->path, t.n_rows, p->n_rows);
    for (size_t i = 0; i < t.n_rows; i++) {
        const char *what = wrong_row(&c, i);
        tombstones += (t.cols[3].u8[i] & QLAB_PROV_TOMBSTONE) != 0;
        if (what && told++ < 10)
            say_row(&c, i, what);
    }
    if (told > 10)
        finding(f, "%s: and %zu rows more", p->path, told - 10);
    if (tombstones != p->n_tombstones)
        finding(f, "%s: it had %" PRIu64 " tombstones, the commit says %" PRIu64, p->path,
                tombstones, p->n_tombstones);
    qlab_table_free(&t);
    return QLAB_OK;
}

/* asset_id is for people and other engines: it must say what asset_ix says. */
static qlab_code check_ids(const verify_job *j, const qlab_part *p, qlab_conn *conn, findings *f,
                           qlab_err *err)
{
    static const qlab_type TYPES[] = {QLAB_T_U32, QLAB_T_STR};
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_table t;
    qlab_buf_puts(&sql, "SELECT DISTINCT asset_ix, asset_id FROM ");
    qlab_lake_put_scan(&sql, j->v->root, p->path);
    qlab_buf_puts(&sql, " ORDER BY ALL");
    const qlab_code rc = qlab_conn_query(conn, sql.at, TYPES, 2, &t, err);
    qlab_buf_free(&sql);
    if (rc != QLAB_OK)
        return as_finding(f, p->path, err);
    for (size_t i = 0; i < t.n_rows; i++) {
        const uint32_t ix = t.cols[0].u32[i];
        const qlab_str id = t.cols[1].str[i];
        if (ix < j->v->n_assets &&
            (!id.at || !qlab_str_eq(id, qlab_str_of(j->v->assets[ix].asset_id))))
            finding(f, "%s: asset number %" PRIu32 " is called \"%.*s\", the master says %s",
                    p->path, ix, (int)id.n, id.at ? id.at : "", j->v->assets[ix].asset_id);
    }
    qlab_table_free(&t);
    return QLAB_OK;
}

static qlab_code check_count(const verify_job *j, const qlab_part *p, qlab_conn *conn, findings *f,
                             qlab_err *err)
{
    static const qlab_type TYPES[] = {QLAB_T_I64};
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_table t;
    qlab_buf_puts(&sql, "SELECT count(*) FROM ");
    qlab_lake_put_scan(&sql, j->v->root, p->path);
    const qlab_code rc = qlab_conn_query(conn, sql.at, TYPES, 1, &t, err);
    qlab_buf_free(&sql);
    if (rc != QLAB_OK)
        return as_finding(f, p->path, err);
    if (t.cols[0].i64[0] != (int64_t)p->n_rows)
        finding(f, "%s: it had %" PRId64 " rows, the commit says %" PRIu64, p->path,
                t.cols[0].i64[0], p->n_rows);
    qlab_table_free(&t);
    return QLAB_OK;
}

static qlab_code part_unit(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    verify_job *j = ctx;
    const qlab_part *p = &j->v->parts[unit];
    findings *f = &j->of_part[unit];
    qlab_conn *conn = NULL;
    qlab_code rc = qlab_duck_conn(j->env->duck, worker, &conn, err);
    if (rc == QLAB_OK)
        rc = check_bytes(j, p, f, &j->bad[unit], err);
    if (rc != QLAB_OK || j->bad[unit])
        return rc;
    if (p->kind != QLAB_PART_BARS && p->kind != QLAB_PART_BARS_HISTORY)
        return check_count(j, p, conn, f, err);
    rc = check_bars(j, p, conn, f, err);
    return rc == QLAB_OK ? check_ids(j, p, conn, f, err) : rc;
}

/* ---- leaves of one bucket ---------------------------------------------------------------------
 */

static void say_leaf(findings *f, const verify_job *j, const qlab_leaf *l, const char *what)
{
    if (l->period < 10000)
        finding(f, "leaf of %s, %" PRId32 ": %s", j->v->assets[l->asset_ix].asset_id, l->period,
                what);
    else
        finding(f, "leaf of %s, %" PRId32 "-%02" PRId32 ": %s", j->v->assets[l->asset_ix].asset_id,
                l->period / 100, l->period % 100, what);
}

static int cmp_leaf(const void *a, const void *b)
{
    const qlab_leaf *x = a, *y = b;
    if (x->asset_ix != y->asset_ix)
        return x->asset_ix < y->asset_ix ? -1 : 1;
    return (x->period > y->period) - (x->period < y->period);
}

static int32_t year_of(int32_t period)
{
    return period < 10000 ? period : period / 100;
}

/* Stored against recomputed leaves of the years [from, to]; both are sorted.  A monthly leaf that
 * is not stored is not missed, a yearly one is. */
static void compare_leaves(const verify_job *j, findings *f, const qlab_leaf *stored,
                           size_t n_stored, const qlab_leaf *real, size_t n_real, int32_t from,
                           int32_t to)
{
    size_t s = 0, r = 0;
    while (s < n_stored || r < n_real) {
        if (s < n_stored && (year_of(stored[s].period) < from || year_of(stored[s].period) > to)) {
            s++;
            continue;
        }
        const int c = s == n_stored ? 1 : r == n_real ? -1 : cmp_leaf(&stored[s], &real[r]);
        if (c < 0) {
            say_leaf(f, j, &stored[s++], "it is stored, but there are no such bars");
        } else if (c > 0) {
            if (real[r].period < 10000)
                say_leaf(f, j, &real[r], "there are bars, but no leaf is stored");
            r++;
        } else {
            if (stored[s].n_rows != real[r].n_rows)
                say_leaf(f, j, &real[r], "its number of rows differs from the bars");
            else if (qlab_digest_cmp(&stored[s].digest, &real[r].digest) != 0)
                say_leaf(f, j, &real[r], "its hash differs from that of the bars");
            s++;
            r++;
        }
    }
}

static bool concerns(const qlab_part *p, uint32_t bucket)
{
    return p->bucket < 0 || (uint32_t)p->bucket == bucket;
}

static qlab_code bucket_years(verify_job *j, uint32_t bucket, qlab_conn *conn,
                              const qlab_leaf *stored, size_t n_stored, qlab_err *err)
{
    findings *f = &j->of_bucket[bucket];
    int32_t last_year = INT32_MIN;
    /* Partition by partition, so that memory stays that of one; parts are sorted by class first. */
    for (int32_t year = INT32_MIN;;) {
        int32_t next = INT32_MAX, from, to;
        for (size_t i = 0; i < j->v->n_parts; i++)
            if (j->v->parts[i].kind == QLAB_PART_BARS && concerns(&j->v->parts[i], bucket) &&
                j->v->parts[i].year > year && j->v->parts[i].year < next)
                next = j->v->parts[i].year;
        if (next == INT32_MAX)
            break;
        year = next;
        qlab_lake_partition_days(year, &from, &to);
        qlab_bars b;
        qlab_leaf *real = NULL;
        size_t n_real = 0;
        if (qlab_lake_read_bars(j->v, conn, bucket, from, to, 0, &b, err) != QLAB_OK) {
            char what[64];
            snprintf(what, sizeof what, "bucket %" PRIu32 ", %" PRId32, bucket, year);
            if (as_finding(f, what, err) != QLAB_OK)
                return err->code;
            last_year = qlab_date_year(to);
            continue;
        }
        qlab_lake_leaves_of(&b, 0, &real, &n_real);
        /* Stored years between the partitions have no bars at all. */
        compare_leaves(j, f, stored, n_stored, real, n_real,
                       last_year == INT32_MIN ? INT32_MIN : last_year + 1, qlab_date_year(to));
        last_year = qlab_date_year(to);
        qlab_free(real);
        qlab_bars_free(&b);
    }
    if (last_year < INT32_MAX)
        compare_leaves(j, f, stored, n_stored, NULL, 0,
                       last_year == INT32_MIN ? INT32_MIN : last_year + 1, INT32_MAX);
    return QLAB_OK;
}

static qlab_code bucket_unit(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    verify_job *j = ctx;
    const uint32_t bucket = (uint32_t)unit;
    qlab_conn *conn = NULL;
    qlab_leaf *stored = NULL;
    size_t n_stored = 0;

    for (size_t i = 0; i < j->v->n_parts; i++)
        if (j->bad[i] && concerns(&j->v->parts[i], bucket) &&
            j->v->parts[i].kind == QLAB_PART_DIGESTS)
            return QLAB_OK; /* a finding already; its leaves say nothing about the bars */
    qlab_code rc = qlab_duck_conn(j->env->duck, worker, &conn, err);
    if (rc != QLAB_OK)
        return rc;
    rc = qlab_lake_read_leaves(j->v, conn, bucket, QLAB_LEAVES_ALL, &stored, &n_stored, err);
    if (rc != QLAB_OK)
        return as_finding(&j->of_bucket[bucket], "digests", err);
    rc = bucket_years(j, bucket, conn, stored, n_stored, err);
    qlab_free(stored);
    return rc;
}

/* ---- all of it --------------------------------------------------------------------------------
 */

typedef void (*say_fn)(void *ctx, const char *finding);

static void tell(findings *f, say_fn say, void *ctx, size_t *n)
{
    const char *line = f->text.at;
    for (size_t i = 0; i < f->n; i++) {
        say(ctx, line);
        line += strlen(line) + 1;
    }
    *n += f->n;
    qlab_buf_free(&f->text);
    *f = (findings){QLAB_BUF_INIT, 0};
}

static qlab_code run_units(verify_job *j, say_fn say, void *ctx, size_t *n, qlab_err *err)
{
    const size_t n_buckets = qlab_lake_n_buckets(j->v);
    j->of_part = qlab_alloc_zero(j->v->n_parts, sizeof *j->of_part);
    j->bad = qlab_alloc_zero(j->v->n_parts, sizeof *j->bad);
    j->of_bucket = qlab_alloc_zero(n_buckets, sizeof *j->of_bucket);
    qlab_code rc = qlab_pool_run(j->env->pool, j->v->n_parts, part_unit, j, err);
    if (rc == QLAB_OK)
        rc = qlab_pool_run(j->env->pool, n_buckets, bucket_unit, j, err);
    for (size_t i = 0; i < j->v->n_parts; i++)
        tell(&j->of_part[i], say, ctx, n);
    for (size_t i = 0; i < n_buckets; i++)
        tell(&j->of_bucket[i], say, ctx, n);
    qlab_free(j->of_bucket);
    qlab_free(j->bad);
    qlab_free(j->of_part);
    return rc;
}

/* The manifest that a commit's run wrote, where it still lies there. */
static qlab_code check_manifest(const char *root, uint32_t number, findings *f, qlab_err *err)
{
    char hex[QLAB_HEX_BYTES];
    qlab_digest digest;
    json_t *doc = NULL;
    qlab_code rc = qlab_lake_read_commit(root, number, &doc, NULL, err);

    if (rc != QLAB_OK)
        return rc;
    const json_t *m = json_object_get(doc, "manifest");
    const char *path = json_string_value(json_object_get(m, "path"));
    const char *want = json_string_value(json_object_get(m, "sha256"));
    if (path != NULL && want != NULL) {
        char *file = qlab_path_join(root, path);
        if (qlab_file_exists(file))
            rc = qlab_sha256_file(file, &digest, NULL, err);
        if (rc == QLAB_OK && qlab_file_exists(file) && strcmp(qlab_hex(digest, hex), want) != 0)
            finding(f, "%s: it hashed to %.16s..., commit %" PRIu32 " says %.16s...", path, hex,
                    number, want);
        qlab_free(file);
    }
    json_decref(doc);
    return rc;
}

static qlab_code check_manifests(const qlab_env *env, uint32_t commit, findings *f, qlab_err *err)
{
    qlab_code rc = QLAB_OK;

    for (uint32_t n = commit; n > 0 && rc == QLAB_OK; n--)
        rc = check_manifest(env->root, n, f, err);
    return rc;
}

qlab_code qlab_lake_verify(const qlab_env *env, uint32_t commit,
                           void (*say)(void *ctx, const char *finding), void *ctx,
                           size_t *n_findings, qlab_err *err)
{
    verify_job j = {.env = env};
    findings f = {QLAB_BUF_INIT, 0};
    qlab_lake_view *v = NULL;
    qlab_part *parts = NULL;
    size_t n_parts = 0;
    json_t *doc = NULL;

    *n_findings = 0;
    qlab_code rc = qlab_lake_head_check(env->root, err);
    if (rc != QLAB_OK) {
        rc = as_finding(&f, "the newest commit", err);
        tell(&f, say, ctx, n_findings);
        if (rc != QLAB_OK)
            return rc;
    }
    rc = qlab_lake_view_load(env, commit, false, &v, err);
    if (rc == QLAB_E_CORRUPT || rc == QLAB_E_IO ||
        (rc == QLAB_E_NOT_FOUND && commit == QLAB_LAKE_LATEST)) {
        rc = as_finding(&f, "the lake does not open", err);
        tell(&f, say, ctx, n_findings);
        return rc;
    }
    if (rc != QLAB_OK || v->commit == 0)
        goto done;
    rc = qlab_lake_resolve(env->root, v->commit, true, &parts, &n_parts, &doc, err);
    if (rc == QLAB_OK)
        rc = check_manifests(env, v->commit, &f, err);
    if (rc == QLAB_OK)
        tell(&f, say, ctx, n_findings);
    if (rc != QLAB_OK) { /* the chain breaks behind the last checkpoint */
        rc = as_finding(&f, "chain of commits", err);
        tell(&f, say, ctx, n_findings);
    }
    j.v = v;
    if (rc == QLAB_OK)
        rc = run_units(&j, say, ctx, n_findings, err);
done:
    json_decref(doc);
    qlab_parts_free(parts, n_parts);
    qlab_lake_view_close(v);
    return rc;
}
