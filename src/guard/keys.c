/* Keys of the bars: unique at their newest known_seq, and not after today. */
#include "guard/reconcile_int.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct key_scan {
    qlab_reconcile *r;
    int32_t *years; /* partitions, ascending */
    size_t n_years;
    qlab_check *of_bucket;
    uint64_t *rows;
} key_scan;

static bool concerns(const qlab_part *p, uint32_t bucket, int32_t year)
{
    return p->kind == QLAB_PART_BARS && p->year == year &&
           (p->bucket < 0 || (uint32_t)p->bucket == bucket);
}

static void put_scan(qlab_buf *sql, const qlab_reconcile *r, uint32_t bucket, int32_t year)
{
    const char *glue = "[";
    const uint32_t base = bucket * QLAB_LAKE_BUCKET_ASSETS;
    qlab_buf_puts(sql, "SELECT asset_ix, date, known_seq FROM read_parquet(");
    for (size_t i = 0; i < r->v->n_parts; i++) {
        if (!concerns(&r->v->parts[i], bucket, year))
            continue;
        char *path = qlab_path_join(r->env->root, r->v->parts[i].path);
        qlab_buf_puts(sql, glue);
        qlab_sql_quote(sql, path);
        glue = ", ";
        qlab_free(path);
    }
    qlab_buf_putf(sql,
                  "], hive_partitioning=false) WHERE asset_ix >= %" PRIu32
                  " AND asset_ix < %" PRIu32 " ORDER BY asset_ix, date, known_seq",
                  base, base + QLAB_LAKE_BUCKET_ASSETS);
}

static void look_for_twins(const key_scan *s, const qlab_table *t, qlab_check *c)
{
    const uint32_t *ix = t->cols[0].u32, *seq = t->cols[2].u32;
    const int32_t *date = t->cols[1].i32;
    char day[QLAB_DATE_BYTES];
    for (size_t i = 1; i < t->n_rows; i++) {
        if (ix[i] != ix[i - 1] || date[i] != date[i - 1] || seq[i] != seq[i - 1])
            continue;
        /* Rows that a later commit superseded are seen by older reads: they count too. */
        qlab_check_find(c, "%s on %s has two rows of commit %" PRIu32,
                        ix[i] < s->r->v->n_assets ? s->r->v->assets[ix[i]].asset_id
                                                  : "an unknown asset",
                        qlab_date_format(date[i], day), seq[i]);
    }
}

static qlab_code bucket_unit(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    static const qlab_type TYPES[] = {QLAB_T_U32, QLAB_T_DATE, QLAB_T_U32};
    key_scan *s = ctx;
    qlab_conn *conn = NULL;
    qlab_code rc = qlab_duck_conn(s->r->env->duck, worker, &conn, err);
    for (size_t y = 0; y < s->n_years && rc == QLAB_OK; y++) {
        size_t n_parts = 0;
        for (size_t i = 0; i < s->r->v->n_parts; i++)
            n_parts += concerns(&s->r->v->parts[i], (uint32_t)unit, s->years[y]);
        if (n_parts < 2)
            continue; /* keys of one part are judged by lake_hashes */
        qlab_buf sql = QLAB_BUF_INIT;
        qlab_table t;
        put_scan(&sql, s->r, (uint32_t)unit, s->years[y]);
        rc = qlab_conn_query(conn, sql.at, TYPES, 3, &t, err);
        qlab_buf_free(&sql);
        if (rc != QLAB_OK) {
            rc = qlab_reconcile_as_finding(&s->of_bucket[unit], "keys", err);
            continue;
        }
        look_for_twins(s, &t, &s->of_bucket[unit]);
        s->rows[unit] += t.n_rows;
        qlab_table_free(&t);
    }
    return rc;
}

static int cmp_i32(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void find_years(key_scan *s)
{
    const qlab_lake_view *v = s->r->v;
    s->years = qlab_alloc(v->n_parts, sizeof *s->years);
    for (size_t i = 0; i < v->n_parts; i++)
        if (v->parts[i].kind == QLAB_PART_BARS)
            s->years[s->n_years++] = v->parts[i].year;
    qsort(s->years, s->n_years, sizeof *s->years, cmp_i32);
    size_t n = 0;
    for (size_t i = 0; i < s->n_years; i++)
        if (n == 0 || s->years[n - 1] != s->years[i])
            s->years[n++] = s->years[i];
    s->n_years = n;
}

static qlab_code check_twins(qlab_reconcile *r, qlab_check *c, qlab_err *err)
{
    const size_t n = qlab_lake_n_buckets(r->v);
    key_scan s = {.r = r};
    json_t *text;
    size_t i;
    find_years(&s);
    s.of_bucket = qlab_alloc_zero(n, sizeof *s.of_bucket);
    s.rows = qlab_alloc_zero(n, sizeof *s.rows);
    for (size_t k = 0; k < n; k++)
        s.of_bucket[k] = qlab_check_begin("");
    const qlab_code rc = qlab_pool_run(r->env->pool, n, bucket_unit, &s, err);
    json_int_t rows = 0;
    for (size_t k = 0; k < n; k++) {
        qlab_check *b = &s.of_bucket[k];
        rows += (json_int_t)s.rows[k];
        json_array_foreach(b->findings, i, text) qlab_check_find(c, "%s", json_string_value(text));
        c->n_findings += b->n_findings - json_array_size(b->findings);
        json_decref(b->findings);
        json_decref(b->measured);
    }
    qlab_check_measure(c, "rows_compared", rows);
    qlab_free(s.of_bucket);
    qlab_free(s.rows);
    qlab_free(s.years);
    return rc;
}

/* The dates that commits state are held to the rows by lake_hashes. */
static qlab_code name_future_bar(const qlab_reconcile *r, const qlab_part *p, qlab_check *c,
                                 qlab_err *err)
{
    static const qlab_type TYPES[] = {QLAB_T_STR, QLAB_T_DATE};
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_conn *conn = NULL;
    qlab_table t = QLAB_TABLE_INIT;
    char day[QLAB_DATE_BYTES], now[QLAB_DATE_BYTES];
    char *path = qlab_path_join(r->env->root, p->path);
    qlab_buf_puts(&sql, "SELECT asset_id, date FROM read_parquet(");
    qlab_sql_quote(&sql, path);
    qlab_buf_putf(&sql, ", hive_partitioning=false) WHERE date > DATE '%s' ORDER BY date, asset_id",
                  qlab_date_format(r->env->now, now));
    qlab_code rc = qlab_duck_conn(r->env->duck, 0, &conn, err);
    if (rc == QLAB_OK)
        rc = qlab_conn_query(conn, sql.at, TYPES, 2, &t, err);
    if (rc != QLAB_OK)
        rc = qlab_reconcile_as_finding(c, p->path, err);
    for (size_t i = 0; i < t.n_rows; i++)
        qlab_check_find(c, "%.*s has a bar on %s, after %s (%s)", (int)t.cols[0].str[i].n,
                        t.cols[0].str[i].at, qlab_date_format(t.cols[1].i32[i], day), now, p->path);
    qlab_table_free(&t);
    qlab_buf_free(&sql);
    qlab_free(path);
    return rc;
}

qlab_code qlab_reconcile_keys(qlab_reconcile *r, qlab_err *err)
{
    qlab_check twins = qlab_check_begin("visible_keys"), future = qlab_check_begin("future_dates");
    qlab_code rc = QLAB_OK;
    if (r->v == NULL) {
        qlab_check_skip(&twins, "LAKE_DOES_NOT_OPEN");
        qlab_check_skip(&future, "LAKE_DOES_NOT_OPEN");
    } else {
        rc = check_twins(r, &twins, err);
        for (size_t i = 0; i < r->v->n_parts && rc == QLAB_OK; i++)
            if (r->v->parts[i].kind == QLAB_PART_BARS && r->v->parts[i].max_date > r->env->now)
                rc = name_future_bar(r, &r->v->parts[i], &future, err);
    }
    qlab_check_end(&twins, r->checks);
    qlab_check_end(&future, r->checks);
    return rc;
}
