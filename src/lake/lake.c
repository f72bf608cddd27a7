#include "lake/lake_int.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/date.h"
#include "base/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- small things -----------------------------------------------------------------------------
 */

static const char *const CLASS_NAMES[QLAB_CLASS_COUNT] = {"stock", "etf",   "fund",   "bond",
                                                          "index", "forex", "crypto", "other"};

const char *qlab_asset_class_name(qlab_asset_class c)
{
    return CLASS_NAMES[c];
}

bool qlab_asset_class_parse(qlab_str s, qlab_asset_class *out)
{
    for (int c = 0; c < QLAB_CLASS_COUNT; c++) {
        size_t i = 0;
        while (i < s.n && CLASS_NAMES[c][i] &&
               (s.at[i] >= 'A' && s.at[i] <= 'Z' ? s.at[i] - 'A' + 'a' : s.at[i]) ==
                   CLASS_NAMES[c][i])
            i++;
        if (i == s.n && !CLASS_NAMES[c][i]) {
            *out = (qlab_asset_class)c;
            return true;
        }
    }
    return false;
}

int32_t qlab_lake_partition_year(int32_t date)
{
    const int32_t year = qlab_date_year(date);
    return year < 2010 ? year - year % 5 : year;
}

void qlab_lake_partition_days(int32_t year, int32_t *first, int32_t *last)
{
    const int32_t end = year < 2010 ? year + 5 : year + 1;
    *first = qlab_date_make(year > 0 ? year : 1, 1, 1);
    *last = end > 9999 ? qlab_date_make(9999, 12, 31) : qlab_date_make(end, 1, 1) - 1;
}

void qlab_lake_put_scan(qlab_buf *sql, const char *root, const char *path)
{
    char *whole = qlab_path_join(root, path);
    qlab_buf_puts(sql, "read_parquet(");
    qlab_sql_quote(sql, whole);
    qlab_buf_puts(sql, ", hive_partitioning=false)");
    qlab_free(whole);
}

void qlab_bars_make(qlab_bars *b, size_t n_assets, size_t n_rows, unsigned what)
{
    memset(b, 0, sizeof *b);
    b->n_assets = n_assets;
    b->n_rows = b->cap_rows = n_rows;
    b->asset_ix = qlab_alloc_zero(n_assets, sizeof *b->asset_ix);
    b->first = qlab_alloc_zero(n_assets + 1, sizeof *b->first);
    b->date = qlab_alloc(n_rows, sizeof *b->date);
    double **columns[] = {&b->open, &b->high, &b->low, &b->close, &b->volume};
    for (size_t c = 0; c < 5; c++)
        *columns[c] = qlab_alloc(n_rows, sizeof(double));
    if (what & QLAB_BARS_ADJUSTED)
        b->adjusted_close = qlab_alloc(n_rows, sizeof(double));
    if (what & QLAB_BARS_PROVENANCE) {
        b->known_seq = qlab_alloc(n_rows, sizeof *b->known_seq);
        b->provenance = qlab_alloc(n_rows, sizeof *b->provenance);
    }
}

void qlab_bars_free(qlab_bars *b)
{
    void *all[] = {b->asset_ix, b->first,  b->date,           b->open,      b->high,      b->low,
                   b->close,    b->volume, b->adjusted_close, b->known_seq, b->provenance};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        qlab_free(all[i]);
    memset(b, 0, sizeof *b);
}

/* DuckDB takes these as patterns in file names, and has no way to quote them. */
static qlab_code check_root(const char *root, qlab_err *err)
{
    if (strpbrk(root, "*?["))
        return qlab_fail(err, QLAB_E_USAGE, "the root \"%s\" must not contain any of * ? [", root);
    return QLAB_OK;
}

qlab_code qlab_lake_lock(const qlab_env *env, const char *command, qlab_lock **out, qlab_err *err)
{
    char *lake = qlab_path_join(env->root, "lake");
    char *path = qlab_path_join(lake, ".lock");
    size_t n_swept = 0;

    *out = NULL;
    qlab_code rc = check_root(env->root, err);
    if (rc == QLAB_OK)
        rc = qlab_dir_make(lake, err);
    if (rc == QLAB_OK)
        rc = qlab_lock_take(path, command, out, err);
    if (rc == QLAB_OK)
        rc = qlab_file_sweep_tmp(lake, &n_swept, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_head_settle(env->root, err);
    if (rc != QLAB_OK && *out) {
        qlab_lock_release(*out);
        *out = NULL;
    }
    if (rc == QLAB_OK && n_swept && env->log)
        qlab_log_line(env->log, QLAB_LOG_INFO, "lake", "event=swept_temporary_files n=%zu",
                      n_swept);
    qlab_free(path);
    qlab_free(lake);
    return rc;
}

/* ---- the view ---------------------------------------------------------------------------------
 */

/* A part is missing: was it taken away on purpose? */
static qlab_code fail_missing(const qlab_lake_view *v, const qlab_part *p, qlab_err *err)
{
    uint32_t oldest = 0;
    qlab_err_reset(err);
    if (qlab_lake_oldest_kept(v->root, &oldest, err) != QLAB_OK)
        return err->code;
    if (v->commit < oldest)
        return qlab_fail(err, QLAB_E_NOT_FOUND,
                         "commit %" PRIu32
                         " can no longer be read: `lake gc` kept those from %" PRIu32 " on",
                         v->commit, oldest);
    return qlab_fail(err, QLAB_E_CORRUPT, "commit %" PRIu32 ": part %s was missing", v->commit,
                     p->path);
}

static qlab_code check_parts(const qlab_lake_view *v, qlab_err *err)
{
    for (size_t i = 0; i < v->n_parts; i++) {
        char *path = qlab_path_join(v->root, v->parts[i].path);
        qlab_file_info info;
        qlab_code rc = qlab_file_stat(path, &info, err);
        qlab_free(path);
        if (rc == QLAB_E_NOT_FOUND) {
            rc = fail_missing(v, &v->parts[i], err);
        } else if (rc == QLAB_OK && info.n_bytes != v->parts[i].n_bytes) {
            rc = qlab_fail(err, QLAB_E_CORRUPT,
                           "commit %" PRIu32 ": part %s had %" PRIu64 " bytes, not %" PRIu64,
                           v->commit, v->parts[i].path, info.n_bytes, v->parts[i].n_bytes);
        }
        if (rc != QLAB_OK)
            return rc;
    }
    return QLAB_OK;
}

static qlab_code read_basis(const json_t *doc, const char *key, qlab_basis *out, qlab_err *err)
{
    const char *text = NULL;
    if (qlab_json_get_str(doc, "commit", key, &text, err) != QLAB_OK)
        return err->code;
    if (strcmp(text, "raw") == 0)
        *out = QLAB_BASIS_RAW;
    else if (strcmp(text, "split_adjusted") == 0)
        *out = QLAB_BASIS_SPLIT_ADJUSTED;
    else
        return qlab_fail(err, QLAB_E_CORRUPT, "commit: %s was \"%s\"", key, text);
    return QLAB_OK;
}

static int cmp_asset_id(const void *a, const void *b)
{
    return strcmp((*(const qlab_asset *const *)a)->asset_id,
                  (*(const qlab_asset *const *)b)->asset_id);
}

static qlab_code index_assets(qlab_lake_view *v, qlab_err *err)
{
    const qlab_asset **sorted = qlab_alloc(v->n_assets, sizeof *sorted);
    qlab_code rc = QLAB_OK;
    v->by_id = qlab_alloc(v->n_assets, sizeof *v->by_id);
    v->id_rank = qlab_alloc(v->n_assets, sizeof *v->id_rank);
    for (size_t i = 0; i < v->n_assets; i++)
        sorted[i] = &v->assets[i];
    qsort(sorted, v->n_assets, sizeof *sorted, cmp_asset_id);
    for (size_t i = 0; i < v->n_assets && rc == QLAB_OK; i++) {
        v->by_id[i] = sorted[i]->asset_ix;
        v->id_rank[sorted[i]->asset_ix] = (uint32_t)i;
        if (i > 0 && strcmp(sorted[i - 1]->asset_id, sorted[i]->asset_id) == 0)
            rc = qlab_fail(err, QLAB_E_CORRUPT,
                           "asset master: %s had the numbers %" PRIu32 " and %" PRIu32,
                           sorted[i]->asset_id, sorted[i - 1]->asset_ix, sorted[i]->asset_ix);
    }
    qlab_free(sorted);
    return rc;
}

enum { MASTER_TEXTS = 11 };

/* Row i of the master's table to assets[i]; texts are those of the columns after asset_ix. */
static qlab_code take_asset(qlab_lake_view *v, const qlab_table *t, size_t i, qlab_err *err)
{
    qlab_asset *a = &v->assets[i];
    const char **to[MASTER_TEXTS] = {
        &a->asset_id, NULL,        &a->symbol,          &a->exchange, &a->mic,  &a->name,
        &a->currency, &a->country, &a->provider_symbol, &a->pack,     &a->extra};
    a->asset_ix = t->cols[0].u32[i];
    if (a->asset_ix != i)
        return qlab_fail(err, QLAB_E_CORRUPT,
                         "asset master: number %zu was missing (next was %" PRIu32 ")", i,
                         a->asset_ix);
    for (size_t c = 0; c < MASTER_TEXTS; c++) {
        const qlab_str s = t->cols[c + 1].str[i];
        if (to[c])
            *to[c] = s.at ? s.at : "";
        else if (!s.at || !qlab_asset_class_parse(s, &a->asset_class))
            return qlab_fail(err, QLAB_E_CORRUPT, "asset master: class of %s was \"%.*s\"",
                             a->asset_id, (int)s.n, s.at ? s.at : "");
    }
    return QLAB_OK;
}

static qlab_code read_master(const qlab_env *env, qlab_lake_view *v, qlab_err *err)
{
    static const qlab_lake_query QUERY = {
        QLAB_PART_MASTER,
        "asset_ix, asset_id, asset_class, symbol, exchange, mic, name, currency, country, "
        "provider_symbol, pack, extra",
        "asset_ix", NULL, "asset_ix"};
    static const qlab_type TYPES[MASTER_TEXTS + 1] = {
        QLAB_T_U32, QLAB_T_STR, QLAB_T_STR, QLAB_T_STR, QLAB_T_STR, QLAB_T_STR,
        QLAB_T_STR, QLAB_T_STR, QLAB_T_STR, QLAB_T_STR, QLAB_T_STR, QLAB_T_STR};
    qlab_table t = QLAB_TABLE_INIT;
    qlab_conn *conn = NULL;

    qlab_code rc = qlab_duck_conn(env->duck, 0, &conn, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_read_table(v, conn, &QUERY, TYPES, MASTER_TEXTS + 1, &t, err);
    if (rc != QLAB_OK)
        return rc;
    v->n_assets = t.n_rows;
    v->assets = qlab_alloc_zero(t.n_rows, sizeof *v->assets);
    for (size_t i = 0; i < t.n_rows && rc == QLAB_OK; i++)
        rc = take_asset(v, &t, i, err);
    v->strings = t.strings; /* the view keeps the bytes, the columns may go */
    t.strings = NULL;
    qlab_table_free(&t);
    return rc == QLAB_OK ? index_assets(v, err) : rc;
}

qlab_code qlab_lake_view_load(const qlab_env *env, uint32_t commit, bool check,
                              qlab_lake_view **out, qlab_err *err)
{
    qlab_lake_view *v = qlab_alloc_zero(1, sizeof *v);
    uint32_t *numbers = NULL;
    size_t n = 0;

    *out = NULL;
    v->root = qlab_strdup(env->root);
    qlab_code rc = check_root(env->root, err);
    if (rc == QLAB_OK && commit == QLAB_LAKE_LATEST) {
        rc = qlab_lake_commits(env->root, &numbers, &n, err);
        commit = n ? numbers[n - 1] : 0;
    }
    v->commit = commit;
    if (rc != QLAB_OK || commit == 0)
        goto done;
    rc = qlab_lake_resolve(env->root, commit, false, &v->parts, &v->n_parts, &v->doc, err);
    if (rc == QLAB_OK)
        rc = read_basis(v->doc, "price_basis", &v->price_basis, err);
    if (rc == QLAB_OK)
        rc = read_basis(v->doc, "volume_basis", &v->volume_basis, err);
    if (rc == QLAB_OK && check)
        rc = check_parts(v, err);
    if (rc == QLAB_OK && env->duck)
        rc = read_master(env, v, err);
done:
    qlab_free(numbers);
    if (rc != QLAB_OK) {
        qlab_lake_view_close(v);
        return rc;
    }
    *out = v;
    return QLAB_OK;
}

qlab_code qlab_lake_view_open(const qlab_env *env, uint32_t commit, qlab_lake_view **out,
                              qlab_err *err)
{
    return qlab_lake_view_load(env, commit, true, out, err);
}

void qlab_lake_view_close(qlab_lake_view *v)
{
    if (!v)
        return;
    qlab_parts_free(v->parts, v->n_parts);
    qlab_free(v->assets);
    qlab_free(v->by_id);
    qlab_free(v->id_rank);
    if (v->strings)
        qlab_arena_free(v->strings);
    qlab_free(v->strings);
    json_decref(v->doc);
    qlab_free(v->root);
    qlab_free(v);
}

size_t qlab_lake_n_buckets(const qlab_lake_view *v)
{
    return (v->n_assets + QLAB_LAKE_BUCKET_ASSETS - 1) / QLAB_LAKE_BUCKET_ASSETS;
}

int64_t qlab_lake_find_asset(const qlab_lake_view *v, qlab_str asset_id)
{
    size_t low = 0, high = v->n_assets;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const int c = qlab_str_cmp(qlab_str_of(v->assets[v->by_id[mid]].asset_id), asset_id);
        if (c == 0)
            return v->by_id[mid];
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return -1;
}
