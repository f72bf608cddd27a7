#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "snapshot/state.h"
#include <stdlib.h>
#include <string.h>

/* ---- a file of arrays ------------------------------------------------------------------------ */

void qlab_put_array(qlab_buf *out, const void *at, size_t n, size_t size)
{
    const uint64_t head[2] = {n, size};
    qlab_buf_put(out, head, sizeof head);
    if (n > 0)
        qlab_buf_put(out, at, n * size);
}

bool qlab_take_array(const qlab_buf *in, size_t *pos, void **at, size_t *n, size_t *cap,
                     size_t size)
{
    uint64_t head[2];
    if (in->n - *pos < sizeof head)
        return false;
    memcpy(head, in->at + *pos, sizeof head);
    *pos += sizeof head;
    if (head[1] != size || head[0] > (in->n - *pos) / size)
        return false;
    size_t add = (size_t)head[0];
    qlab_grow(at, cap, *n + add + 1, size);
    if (add > 0)
        memcpy((char *)*at + *n * size, in->at + *pos, add * size);
    *n += add;
    *pos += add * size;
    return true;
}

static char *piece_path(const qlab_job *job, const char *pass, size_t bucket)
{
    return qlab_asprintf("%s/%s-%05zu.piece", qlab_job_dir(job), pass, bucket);
}

static qlab_code save_piece(const qlab_job *job, const char *pass, size_t bucket,
                            const qlab_buf *bytes, uint64_t n_read, json_t **result, qlab_err *err)
{
    char *path = piece_path(job, pass, bucket);
    qlab_code code = qlab_file_write(path, bytes->at, bytes->n, err);
    qlab_free(path);
    if (code != QLAB_OK)
        return code;
    char hex[QLAB_HEX_BYTES];
    *result = json_object();
    json_object_set_new(*result, "sha256",
                        json_string(qlab_hex(qlab_sha256_of(bytes->at, bytes->n), hex)));
    json_object_set_new(*result, "bars_read", json_integer((json_int_t)n_read));
    return QLAB_OK;
}

static qlab_code load_piece(const qlab_job *job, const char *pass, size_t bucket, qlab_buf *bytes,
                            uint64_t *n_read, qlab_err *err)
{
    int64_t n = 0;
    char *path = piece_path(job, pass, bucket), hex[QLAB_HEX_BYTES];
    const char *want = NULL;
    bytes->n = 0;
    qlab_code code = qlab_json_get_str(qlab_job_result(job, bucket), path, "sha256", &want, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(qlab_job_result(job, bucket), path, "bars_read", &n, err);
    *n_read += (uint64_t)n;
    if (code == QLAB_OK)
        code = qlab_file_read(path, bytes, err);
    if (code == QLAB_OK && strcmp(want, qlab_hex(qlab_sha256_of(bytes->at, bytes->n), hex)) != 0)
        code = qlab_fail(err, QLAB_E_CORRUPT, "%s did not match the hash in its record", path);
    qlab_free(path);
    return code;
}

static qlab_digest unit_key(const char *pass, size_t bucket, int32_t asof)
{
    char *text = qlab_asprintf("snapshot %s bucket %zu asof %ld", pass, bucket, (long)asof);
    qlab_digest key = qlab_sha256_of(text, strlen(text));
    qlab_free(text);
    return key;
}

/* ---- pass 1: bars per (exchange, date) ------------------------------------------------------- */

typedef struct day_pass {
    const qlab_build *b;
    const qlab_job *job;
} day_pass;

static int compare_day(const void *pa, const void *pb)
{
    const qlab_day_count *a = pa, *b = pb;
    if (a->exchange != b->exchange)
        return a->exchange < b->exchange ? -1 : 1;
    return (a->date > b->date) - (a->date < b->date);
}

/* Sorts and adds up equal (exchange, date); returns the new length. */
static size_t merge_days(qlab_day_count *d, size_t n)
{
    size_t kept = 0;
    if (n > 1)
        qsort(d, n, sizeof *d, compare_day);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && compare_day(&d[kept - 1], &d[i]) == 0)
            d[kept - 1].n_bars += d[i].n_bars;
        else
            d[kept++] = d[i];
    }
    return kept;
}

static qlab_digest day_key(void *ctx, size_t unit)
{
    (void)ctx;
    return unit_key("days", unit, 0);
}

static qlab_code day_unit(void *ctx, size_t unit, size_t worker, json_t **result,
                          uint64_t *n_counted, qlab_err *err)
{
    const day_pass *p = ctx;
    qlab_conn *conn = NULL;
    qlab_state_days days = {0};
    qlab_buf bytes = QLAB_BUF_INIT;
    qlab_code code = qlab_duck_conn(p->b->env->duck, worker, &conn, err);
    if (code == QLAB_OK)
        code = qlab_build_days(p->b, unit, conn, &days, n_counted, err);
    if (code == QLAB_OK) {
        qlab_put_array(&bytes, days.days, days.n_days, sizeof *days.days);
        code = save_piece(p->job, "days", unit, &bytes, *n_counted, result, err);
    }
    qlab_buf_free(&bytes);
    qlab_state_days_free(&days);
    return code;
}

static void give_days(qlab_build *b, const qlab_day_count *d, size_t n)
{
    b->days = qlab_alloc_zero(b->n_exchanges, sizeof *b->days);
    b->last_date = INT32_MIN;
    for (size_t e = 0, i = 0; e < b->n_exchanges; e++) {
        qlab_exchange_days *x = &b->days[e];
        size_t first = i;
        while (i < n && d[i].exchange == e)
            i++;
        x->exchange = qlab_strdup(b->exchange_names[e]);
        x->n = i - first;
        x->date = qlab_alloc(x->n, sizeof *x->date);
        x->n_bars = qlab_alloc(x->n, sizeof *x->n_bars);
        x->is_session = qlab_alloc_zero(x->n, 1);
        for (size_t k = 0; k < x->n; k++) {
            x->date[k] = d[first + k].date;
            x->n_bars[k] = d[first + k].n_bars;
        }
        if (x->n > 0 && x->date[x->n - 1] > b->last_date)
            b->last_date = x->date[x->n - 1];
    }
}

qlab_code qlab_build_pass_days(qlab_build *b, qlab_job *job, qlab_err *err)
{
    day_pass p = {b, job};
    const qlab_job_units units = {.step = "snapshot sessions",
                                  .counted = "bars",
                                  .n = qlab_lake_n_buckets(b->view),
                                  .key = day_key,
                                  .fn = day_unit,
                                  .ctx = &p};
    qlab_day_count *all = NULL;
    size_t n = 0, cap = 0;
    qlab_buf bytes = QLAB_BUF_INIT;
    qlab_code code = qlab_job_run(job, &units, err);
    for (size_t i = 0; i < units.n && code == QLAB_OK; i++) {
        size_t pos = 0;
        code = load_piece(job, "days", i, &bytes, &b->n_bars_read, err);
        if (code == QLAB_OK && !qlab_take_array(&bytes, &pos, (void **)&all, &n, &cap, sizeof *all))
            code = qlab_fail(err, QLAB_E_CORRUPT, "the session piece of bucket %zu was cut", i);
        n = merge_days(all, n);
    }
    if (code == QLAB_OK)
        give_days(b, all, n);
    qlab_buf_free(&bytes);
    qlab_free(all);
    return code;
}

/* ---- pass 2: the series ---------------------------------------------------------------------- */

typedef struct series_pass {
    const qlab_build *b;
    const qlab_job *job;
    int32_t asof;
} series_pass;

static qlab_digest series_key(void *ctx, size_t unit)
{
    const series_pass *p = ctx;
    return unit_key("series", unit, p->asof);
}

static void put_found(qlab_buf *out, const qlab_found *f)
{
    qlab_put_array(out, f->lives, f->n_lives, sizeof *f->lives);
    qlab_put_array(out, f->steps, f->n_steps, sizeof *f->steps);
    qlab_put_array(out, f->years, f->n_years, sizeof *f->years);
    qlab_put_array(out, f->applied, f->n_applied, sizeof *f->applied);
    qlab_put_array(out, f->findings, f->n_findings, sizeof *f->findings);
    qlab_put_array(out, f->universe, f->n_universe, sizeof *f->universe);
    qlab_put_array(out, f->counts, f->n_counts, sizeof *f->counts);
    qlab_put_array(out, &f->totals, 1, sizeof f->totals);
}

void qlab_bar_totals_add(qlab_bar_totals *to, const qlab_bar_totals *add)
{
    to->n_bars += add->n_bars;
    to->n_valid += add->n_valid;
    to->n_void_close += add->n_void_close;
    to->n_void_phantom += add->n_void_phantom;
    for (size_t i = 0; i < QLAB_FLAG_BITS; i++)
        to->flag[i] += add->flag[i];
    for (size_t i = 0; i < QLAB_ELIGIBILITY_COUNT; i++)
        to->reason[i] += add->reason[i];
}

static bool take_found(const qlab_buf *in, qlab_found *f)
{
    size_t pos = 0, n_totals = 0, cap_totals = 0;
    qlab_bar_totals *totals = NULL;
#define TAKE(name)                                                                                 \
    qlab_take_array(in, &pos, (void **)&f->name, &f->n_##name, &f->cap_##name, sizeof *f->name)
    bool ok = TAKE(lives) && TAKE(steps) && TAKE(years) && TAKE(applied) && TAKE(findings) &&
              TAKE(universe) && TAKE(counts) &&
              qlab_take_array(in, &pos, (void **)&totals, &n_totals, &cap_totals, sizeof *totals) &&
              n_totals == 1 && pos == in->n;
#undef TAKE
    if (ok)
        qlab_bar_totals_add(&f->totals, totals);
    qlab_free(totals);
    return ok;
}

static qlab_code series_unit(void *ctx, size_t unit, size_t worker, json_t **result,
                             uint64_t *n_counted, qlab_err *err)
{
    const series_pass *p = ctx;
    qlab_conn *conn = NULL;
    qlab_found found = {0};
    qlab_buf bytes = QLAB_BUF_INIT;
    qlab_code code = qlab_duck_conn(p->b->env->duck, worker, &conn, err);
    if (code == QLAB_OK)
        code = qlab_build_bucket(p->b, unit, p->asof, conn, &found, err);
    if (code == QLAB_OK) {
        put_found(&bytes, &found);
        code = save_piece(p->job, "series", unit, &bytes, found.n_bars_read, result, err);
        *n_counted = found.totals.n_bars;
    }
    qlab_buf_free(&bytes);
    qlab_found_free(&found);
    return code;
}

/* Bars, read and as a table, of one bucket: measured at about 75 bytes a row.  Where a state
 * stands, mostly the bars of the as-of's year alone are read. */
static size_t series_bytes(void *ctx, size_t unit)
{
    enum { ROW_BYTES = 80 };
    const series_pass *p = ctx;
    const qlab_lake_view *v = p->b->view;
    const int32_t border = p->b->border;
    const bool standing = qlab_state_stands(p->b, unit);
    size_t n_rows = 0;
    for (size_t i = 0; i < v->n_parts; i++)
        if (v->parts[i].kind == QLAB_PART_BARS && v->parts[i].bucket == (int32_t)unit &&
            !(standing && v->parts[i].max_date < border))
            n_rows += (size_t)v->parts[i].n_rows;
    return n_rows * ROW_BYTES;
}

qlab_code qlab_build_pass_series(qlab_build *b, qlab_job *job, int32_t asof, qlab_err *err)
{
    series_pass p = {b, job, asof};
    uint64_t total = 0;
    for (size_t e = 0; e < b->n_exchanges; e++)
        for (size_t i = 0; i < b->days[e].n; i++)
            total += b->days[e].n_bars[i];
    const qlab_job_units units = {.step = "snapshot series",
                                  .counted = "bars",
                                  .total = total,
                                  .n = qlab_lake_n_buckets(b->view),
                                  .key = series_key,
                                  .fn = series_unit,
                                  .bytes = series_bytes,
                                  .ctx = &p};
    qlab_buf bytes = QLAB_BUF_INIT;
    qlab_found_free(&b->found);
    qlab_code code = qlab_job_run(job, &units, err);
    for (size_t i = 0; i < units.n && code == QLAB_OK; i++) {
        code = load_piece(job, "series", i, &bytes, &b->n_bars_read, err);
        if (code == QLAB_OK && !take_found(&bytes, &b->found))
            code = qlab_fail(err, QLAB_E_CORRUPT, "the series piece of bucket %zu was cut", i);
    }
    qlab_buf_free(&bytes);
    return code;
}
