/* Files of series: the dated values of one batch of trials. */
#include "base/alloc.h"
#include "base/file.h"
#include "registry/trials_int.h"

#include <inttypes.h>
#include <string.h>

qlab_digest qlab_series_digest(const int32_t *dates, const double *values, size_t n)
{
    qlab_sha256 *h = qlab_sha256_new();

    for (size_t i = 0; i < n; i++) {
        qlab_sha256_put_i32(h, dates[i]);
        qlab_sha256_put_f64(h, values[i]);
    }
    const qlab_digest d = qlab_sha256_end(h);
    qlab_sha256_free(h);
    return d;
}

const int32_t *qlab_series_dates(const qlab_series_file *f)
{
    return f->table.cols[1].i32;
}

const double *qlab_series_values(const qlab_series_file *f)
{
    return f->table.cols[2].f64;
}

void qlab_series_file_free(qlab_series_file *f)
{
    qlab_table_free(&f->table);
    qlab_free(f->spans);
    *f = (qlab_series_file){.table = QLAB_TABLE_INIT};
}

static qlab_code make_spans(qlab_series_file *f, const char *file, qlab_err *err)
{
    const qlab_table *t = &f->table;
    size_t cap = 0;

    for (size_t i = 0; i < t->n_rows; i++) {
        const qlab_str hex = t->cols[0].str[i];
        if (i > 0 && qlab_str_eq(hex, t->cols[0].str[i - 1])) {
            f->spans[f->n_spans - 1].to = i + 1;
            continue;
        }
        qlab_grow((void **)&f->spans, &cap, f->n_spans + 1, sizeof *f->spans);
        qlab_trial_span *s = &f->spans[f->n_spans++];
        s->from = i;
        s->to = i + 1;
        if (qlab_digest_parse(hex.at, hex.n, &s->trial) != 0)
            return qlab_fail(err, QLAB_E_CORRUPT, "%s: row %zu was of trial '%.*s'", file, i,
                             (int)(hex.n < 80 ? hex.n : 80), hex.at ? hex.at : "");
    }
    return QLAB_OK;
}

qlab_code qlab_series_file_read(const qlab_env *env, const char *file, qlab_series_file *out,
                                qlab_err *err)
{
    static const qlab_type TYPES[] = {QLAB_T_STR, QLAB_T_DATE, QLAB_T_F64};
    char *path = qlab_path_join(env->root, file);
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_conn *conn;

    *out = (qlab_series_file){.table = QLAB_TABLE_INIT};
    qlab_buf_puts(&sql, "SELECT trial, date, value FROM read_parquet(");
    qlab_sql_quote(&sql, path);
    qlab_buf_puts(&sql, ") ORDER BY trial, date");
    qlab_code rc = qlab_duck_conn(env->duck, 0, &conn, err);
    if (rc == QLAB_OK)
        rc = qlab_conn_query(conn, sql.at, TYPES, 3, &out->table, err);
    if (rc == QLAB_OK)
        rc = make_spans(out, file, err);
    if (rc != QLAB_OK)
        qlab_series_file_free(out);
    qlab_buf_free(&sql);
    qlab_free(path);
    return rc;
}

qlab_code qlab_series_file_find(const qlab_series_file *f, const qlab_trial_line *l, size_t *from,
                                qlab_err *err)
{
    char hex[QLAB_HEX_BYTES], got[QLAB_HEX_BYTES];

    *from = 0;
    for (size_t i = 0; i < f->n_spans; i++) {
        const qlab_trial_span *s = &f->spans[i];
        if (qlab_digest_cmp(&s->trial, &l->trial) != 0)
            continue;
        const qlab_digest d = qlab_series_digest(qlab_series_dates(f) + s->from,
                                                 qlab_series_values(f) + s->from, s->to - s->from);
        *from = s->from;
        if (s->to - s->from == l->n && qlab_digest_cmp(&d, &l->series) == 0)
            return QLAB_OK;
        return qlab_fail(err, QLAB_E_CORRUPT,
                         "%s: the series of trial %s had %zu values with the digest %s, not those "
                         "that line %zu of the ledger promised",
                         l->file, qlab_hex(l->trial, hex), s->to - s->from, qlab_hex(d, got),
                         l->line + 1);
    }
    return qlab_fail(err, QLAB_E_CORRUPT,
                     "%s: it had no series of trial %s, which line %zu of the ledger promised",
                     l->file, qlab_hex(l->trial, hex), l->line + 1);
}
