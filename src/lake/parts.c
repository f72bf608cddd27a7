#include "lake/lake_int.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- one part ---------------------------------------------------------------------------------
 */

/* Writes columns as <root>/<folder>/<sha16>.parquet and fills *out (kind, class, year, bucket and
 * dates are the caller's to set before or after). */
static qlab_code put_part(const qlab_env *env, qlab_conn *conn, const char *folder,
                          const qlab_col *cols, size_t n_cols, size_t n_rows, qlab_part *out,
                          qlab_err *err)
{
    char *final = qlab_asprintf("%s/%s/%%.parquet", env->root, folder);
    qlab_written w;
    const qlab_code rc =
        qlab_conn_put_parquet(conn, cols, n_cols, n_rows, QLAB_CODEC_ZSTD, final, &w, err);
    qlab_free(final);
    if (rc != QLAB_OK)
        return rc;
    out->path = qlab_asprintf("%s/%s", folder, qlab_path_base(w.path));
    memcpy(out->sha256, w.sha256, sizeof out->sha256);
    out->n_bytes = w.n_bytes;
    out->n_rows = w.n_rows;
    qlab_free(w.path);
    return QLAB_OK;
}

static void bucket_name(char *to, size_t n, int32_t bucket)
{
    if (bucket < 0)
        snprintf(to, n, "bucket=all");
    else
        snprintf(to, n, "bucket=%04" PRId32, bucket);
}

static void blank(qlab_part *p, qlab_part_kind kind, int32_t bucket)
{
    memset(p, 0, sizeof *p);
    p->kind = kind;
    p->asset_class = p->year = -1;
    p->bucket = bucket;
    p->min_date = p->max_date = QLAB_DATE_NONE;
}

qlab_code qlab_lake_write_table(const qlab_env *env, qlab_conn *conn, qlab_part_kind kind,
                                int32_t bucket, const qlab_col *cols, size_t n_cols, size_t n_rows,
                                qlab_part *out, qlab_err *err)
{
    char folder[64], name[32];
    bucket_name(name, sizeof name, bucket);
    snprintf(folder, sizeof folder, "lake/%s%s%s", qlab_part_kind_name(kind), bucket < 0 ? "" : "/",
             bucket < 0 ? "" : name);
    blank(out, kind, bucket);
    return put_part(env, conn, folder, cols, n_cols, n_rows, out, err);
}

/* ---- bars -------------------------------------------------------------------------------------
 */

/* Rows [first, first+n) of one asset in one year partition. */
typedef struct run {
    size_t first, n;
    uint32_t asset; /* position in the bars */
    int32_t asset_class, year;
} run;

static int cmp_run(const void *a, const void *b)
{
    const run *x = a, *y = b;
    if (x->asset_class != y->asset_class)
        return x->asset_class < y->asset_class ? -1 : 1;
    if (x->year != y->year)
        return x->year < y->year ? -1 : 1;
    return (x->asset > y->asset) - (x->asset < y->asset);
}

/* Whether row i may follow the one before it: versions of a bar stand by the commit that brought
 * them. */
static bool follows(const qlab_bars *b, size_t i, bool versions)
{
    return b->date[i] > b->date[i - 1] ||
           (versions && b->date[i] == b->date[i - 1] && b->known_seq[i] > b->known_seq[i - 1]);
}

static qlab_code find_runs(const qlab_bars *b, uint32_t base, const qlab_asset *assets,
                           bool versions, run **runs, size_t *n_runs, qlab_err *err)
{
    size_t cap = 0;
    *runs = NULL;
    *n_runs = 0;
    for (size_t a = 0; a < b->n_assets; a++) {
        if (a > 0 && b->asset_ix[a] <= b->asset_ix[a - 1])
            return qlab_fail(err, QLAB_E_INTERNAL,
                             "bars to write: asset number %" PRIu32 " came after %" PRIu32,
                             b->asset_ix[a], b->asset_ix[a - 1]);
        for (size_t i = b->first[a]; i < b->first[a + 1];) {
            const int32_t year = qlab_lake_partition_year(b->date[i]);
            int32_t begin, end;
            run r = {i, 0, (uint32_t)a, (int32_t)assets[b->asset_ix[a] - base].asset_class, year};
            qlab_lake_partition_days(year, &begin, &end);
            for (; i < b->first[a + 1] && b->date[i] <= end; i++)
                if (i > b->first[a] && !follows(b, i, versions)) {
                    char day[QLAB_DATE_BYTES];
                    return qlab_fail(
                        err, QLAB_E_INTERNAL, "bars to write: %s had dates out of order at %s",
                        assets[b->asset_ix[a] - base].asset_id, qlab_date_format(b->date[i], day));
                }
            r.n = i - r.first;
            qlab_grow((void **)runs, &cap, *n_runs + 1, sizeof **runs);
            (*runs)[(*n_runs)++] = r;
        }
    }
    if (*n_runs)
        qsort(*runs, *n_runs, sizeof **runs, cmp_run);
    return QLAB_OK;
}

/* The columns of one part, gathered from its runs.  Owns its arrays. */
typedef struct gathered {
    size_t n;
    qlab_str *ids; /* one a run */
    uint32_t *code, *asset_ix, *known_seq;
    int32_t *date;
    double *f64[6];
    uint8_t *provenance;
} gathered;

static void gathered_free(gathered *g)
{
    void *all[] = {g->ids, g->code, g->asset_ix, g->known_seq, g->date, g->provenance};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        qlab_free(all[i]);
    for (size_t c = 0; c < 6; c++)
        qlab_free(g->f64[c]);
}

static void gather(const qlab_bars *b, const run *runs, size_t n_runs, uint32_t base,
                   const qlab_asset *assets, uint32_t known_seq, gathered *g)
{
    const double *from[6] = {b->open, b->high, b->low, b->close, b->volume, b->adjusted_close};
    memset(g, 0, sizeof *g);
    for (size_t r = 0; r < n_runs; r++)
        g->n += runs[r].n;
    g->ids = qlab_alloc(n_runs, sizeof *g->ids);
    g->code = qlab_alloc(g->n, sizeof *g->code);
    g->asset_ix = qlab_alloc(g->n, sizeof *g->asset_ix);
    g->known_seq = qlab_alloc(g->n, sizeof *g->known_seq);
    g->date = qlab_alloc(g->n, sizeof *g->date);
    g->provenance = qlab_alloc_zero(g->n, sizeof *g->provenance);
    for (size_t c = 0; c < 6; c++)
        g->f64[c] = qlab_alloc(g->n, sizeof(double));

    size_t at = 0;
    for (size_t r = 0; r < n_runs; r++) {
        const uint32_t ix = b->asset_ix[runs[r].asset];
        const size_t first = runs[r].first, n = runs[r].n;
        g->ids[r] = qlab_str_of(assets[ix - base].asset_id);
        for (size_t i = 0; i < n; i++) {
            g->code[at + i] = (uint32_t)r;
            g->asset_ix[at + i] = ix;
            g->known_seq[at + i] = b->known_seq ? b->known_seq[first + i] : known_seq;
        }
        memcpy(g->date + at, b->date + first, n * sizeof *g->date);
        if (b->provenance)
            memcpy(g->provenance + at, b->provenance + first, n);
        for (size_t c = 0; c < 6; c++)
            for (size_t i = 0; i < n; i++)
                g->f64[c][at + i] = from[c] ? from[c][first + i] : NAN;
        at += n;
    }
}

static qlab_code write_group(const qlab_env *env, qlab_conn *conn, qlab_part_kind kind,
                             int32_t bucket, const qlab_bars *b, const run *runs, size_t n_runs,
                             uint32_t base, const qlab_asset *assets, uint32_t known_seq,
                             qlab_part *out, qlab_err *err)
{
    gathered g;
    char folder[128], name[32];
    gather(b, runs, n_runs, base, assets, known_seq, &g);
    const qlab_col cols[] = {{"asset_id", QLAB_T_DICT, g.code, NULL, g.ids},
                             {"asset_ix", QLAB_T_U32, g.asset_ix, NULL, NULL},
                             {"date", QLAB_T_DATE, g.date, NULL, NULL},
                             {"open", QLAB_T_F64, g.f64[0], NULL, NULL},
                             {"high", QLAB_T_F64, g.f64[1], NULL, NULL},
                             {"low", QLAB_T_F64, g.f64[2], NULL, NULL},
                             {"close", QLAB_T_F64, g.f64[3], NULL, NULL},
                             {"volume", QLAB_T_F64, g.f64[4], NULL, NULL},
                             {"adjusted_close", QLAB_T_F64, g.f64[5], NULL, NULL},
                             {"known_seq", QLAB_T_U32, g.known_seq, NULL, NULL},
                             {"provenance", QLAB_T_U8, g.provenance, NULL, NULL}};

    blank(out, kind, bucket);
    out->asset_class = runs[0].asset_class;
    out->year = runs[0].year;
    out->min_date = INT32_MAX;
    out->max_date = INT32_MIN;
    for (size_t i = 0; i < g.n; i++) {
        out->min_date = g.date[i] < out->min_date ? g.date[i] : out->min_date;
        out->max_date = g.date[i] > out->max_date ? g.date[i] : out->max_date;
        out->n_tombstones += (g.provenance[i] & QLAB_PROV_TOMBSTONE) != 0;
    }
    bucket_name(name, sizeof name, bucket);
    snprintf(folder, sizeof folder, "lake/%s/asset_class=%s/year=%04" PRId32 "/%s",
             qlab_part_kind_name(kind), qlab_asset_class_name((qlab_asset_class)out->asset_class),
             out->year, name);
    const qlab_code rc =
        put_part(env, conn, folder, cols, sizeof cols / sizeof *cols, g.n, out, err);
    gathered_free(&g);
    return rc;
}

qlab_code qlab_lake_write_rows(const qlab_env *env, qlab_conn *conn, qlab_part_kind kind,
                               uint32_t bucket, const qlab_bars *rows,
                               const qlab_asset *assets_of_bucket, uint32_t known_seq,
                               qlab_part **parts, size_t *n_parts, size_t *cap_parts, qlab_err *err)
{
    const bool all = bucket == QLAB_LAKE_ALL_BUCKETS;
    const uint32_t base = all ? 0 : bucket * QLAB_LAKE_BUCKET_ASSETS;
    run *runs = NULL;
    size_t n_runs = 0;

    qlab_code rc = find_runs(rows, base, assets_of_bucket, kind == QLAB_PART_BARS_HISTORY, &runs,
                             &n_runs, err);
    for (size_t r = 0; r < n_runs && rc == QLAB_OK;) {
        size_t end = r + 1;
        while (end < n_runs && runs[end].asset_class == runs[r].asset_class &&
               runs[end].year == runs[r].year)
            end++;
        qlab_grow((void **)parts, cap_parts, *n_parts + 1, sizeof **parts);
        rc = write_group(env, conn, kind, all ? -1 : (int32_t)bucket, rows, runs + r, end - r, base,
                         assets_of_bucket, known_seq, &(*parts)[*n_parts], err);
        *n_parts += rc == QLAB_OK;
        r = end;
    }
    qlab_free(runs);
    return rc;
}

qlab_code qlab_lake_write_bars(const qlab_env *env, qlab_conn *conn, uint32_t bucket,
                               const qlab_bars *rows, const qlab_asset *assets_of_bucket,
                               uint32_t known_seq, qlab_part **parts, size_t *n_parts,
                               size_t *cap_parts, qlab_err *err)
{
    return qlab_lake_write_rows(env, conn, QLAB_PART_BARS, bucket, rows, assets_of_bucket,
                                known_seq, parts, n_parts, cap_parts, err);
}

/* ---- the asset master -------------------------------------------------------------------------
 */

qlab_code qlab_lake_write_master(const qlab_env *env, qlab_conn *conn, const qlab_asset *assets,
                                 size_t n, uint32_t known_seq, qlab_part *out, qlab_err *err)
{
    enum { TEXTS = 11 };
    static const char *const NAMES[TEXTS] = {
        "asset_id", "asset_class", "symbol",          "exchange", "mic",  "name",
        "currency", "country",     "provider_symbol", "pack",     "extra"};
    uint32_t *ix = qlab_alloc(n, sizeof *ix), *seq = qlab_alloc(n, sizeof *seq);
    qlab_str *texts = qlab_alloc(n * TEXTS, sizeof *texts);
    qlab_col cols[TEXTS + 2];

    for (size_t i = 0; i < n; i++) {
        const qlab_asset *a = &assets[i];
        const char *from[TEXTS] = {a->asset_id,
                                   qlab_asset_class_name(a->asset_class),
                                   a->symbol,
                                   a->exchange,
                                   a->mic,
                                   a->name,
                                   a->currency,
                                   a->country,
                                   a->provider_symbol,
                                   a->pack,
                                   a->extra};
        for (size_t c = 0; c < TEXTS; c++)
            texts[c * n + i] = qlab_str_of(from[c] ? from[c] : "");
        ix[i] = a->asset_ix;
        seq[i] = known_seq;
    }
    cols[0] = (qlab_col){NAMES[0], QLAB_T_STR, texts, NULL, NULL};
    cols[1] = (qlab_col){"asset_ix", QLAB_T_U32, ix, NULL, NULL};
    for (size_t c = 1; c < TEXTS; c++)
        cols[c + 1] = (qlab_col){NAMES[c], QLAB_T_STR, texts + c * n, NULL, NULL};
    cols[TEXTS + 1] = (qlab_col){"known_seq", QLAB_T_U32, seq, NULL, NULL};

    const qlab_code rc =
        qlab_lake_write_table(env, conn, QLAB_PART_MASTER, -1, cols, TEXTS + 2, n, out, err);
    qlab_free(texts);
    qlab_free(seq);
    qlab_free(ix);
    return rc;
}

/* ---- reading a table --------------------------------------------------------------------------
 */

static qlab_code empty_table(const qlab_type *types, size_t n_cols, qlab_conn *conn,
                             qlab_table *out, qlab_err *err)
{
    static const char *const SQL_NAMES[] = {
        [QLAB_T_F64] = "DOUBLE",   [QLAB_T_I32] = "INTEGER", [QLAB_T_U32] = "UINTEGER",
        [QLAB_T_I64] = "BIGINT",   [QLAB_T_U8] = "UTINYINT", [QLAB_T_U16] = "USMALLINT",
        [QLAB_T_BOOL] = "BOOLEAN", [QLAB_T_DATE] = "DATE",   [QLAB_T_STR] = "VARCHAR",
        [QLAB_T_DICT] = "VARCHAR", [QLAB_T_BLOB] = "BLOB"};
    qlab_buf sql = QLAB_BUF_INIT;
    for (size_t c = 0; c < n_cols; c++)
        qlab_buf_putf(&sql, "%s NULL::%s AS c%zu", c ? "," : "SELECT", SQL_NAMES[types[c]], c);
    qlab_buf_puts(&sql, " WHERE false");
    const qlab_code rc = qlab_conn_query(conn, sql.at, types, n_cols, out, err);
    qlab_buf_free(&sql);
    return rc;
}

qlab_code qlab_lake_read_table(const qlab_lake_view *v, qlab_conn *conn, const qlab_lake_query *q,
                               const qlab_type *types, size_t n_cols, qlab_table *out,
                               qlab_err *err)
{
    qlab_buf sql = QLAB_BUF_INIT;
    size_t n = 0;
    bool several = false; /* commits: a key may then occur more than once */
    uint32_t seq = 0;

    qlab_buf_putf(&sql, "SELECT %s FROM (SELECT * FROM read_parquet([", q->select);
    for (size_t i = 0; i < v->n_parts; i++) {
        if (v->parts[i].kind != q->kind)
            continue;
        char *path = qlab_path_join(v->root, v->parts[i].path);
        qlab_buf_puts(&sql, n++ ? "," : "");
        qlab_sql_quote(&sql, path);
        qlab_free(path);
        several = several || (seq && seq != v->parts[i].seq);
        seq = v->parts[i].seq;
    }
    if (n == 0) {
        qlab_buf_free(&sql);
        return empty_table(types, n_cols, conn, out, err);
    }
    qlab_buf_puts(&sql, "], hive_partitioning=false, union_by_name=true)");
    if (q->key && several)
        qlab_buf_putf(&sql,
                      " QUALIFY row_number() OVER (PARTITION BY %s ORDER BY known_seq DESC) = 1",
                      q->key);
    qlab_buf_puts(&sql, ") AS t");
    if (q->where)
        qlab_buf_putf(&sql, " WHERE %s", q->where);
    if (q->order_by)
        qlab_buf_putf(&sql, " ORDER BY %s", q->order_by);
    const qlab_code rc = qlab_conn_query(conn, sql.at, types, n_cols, out, err);
    qlab_buf_free(&sql);
    return rc == QLAB_OK ? rc : qlab_err_prefix(err, "lake/%s", qlab_part_kind_name(q->kind));
}
