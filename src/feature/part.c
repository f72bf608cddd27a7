/* Writing and taking up panel parts; see part.h. */
#include "feature/part.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PART_SCHEMA "panel_part/1"

const char *qlab_panel_kind_name(qlab_panel_kind kind)
{
    static const char *const names[] = {"features", "labels", "eligibility"};
    return names[kind];
}

char *qlab_panel_parts_dir(const char *root)
{
    return qlab_path_join(root, "features/parts");
}

char *qlab_panel_part_path(const char *root, const char *name)
{
    return qlab_asprintf("%s/features/parts/%s.parquet", root, name);
}

char *qlab_panel_part_json_path(const char *root, const char *name)
{
    return qlab_asprintf("%s/features/parts/%s.json", root, name);
}

/* ---- counts -----------------------------------------------------------------------------------
 */

void qlab_panel_tally_free(qlab_panel_tally *t)
{
    qlab_free(t->days);
    t->days = NULL;
    t->n_days = t->cap_days = 0;
}

/* The day's place, made where it is not there. */
static qlab_panel_day *tally_day(qlab_panel_tally *t, int32_t date)
{
    size_t lo = 0, hi = t->n_days;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (t->days[mid].date < date)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < t->n_days && t->days[lo].date == date)
        return &t->days[lo];
    qlab_grow((void **)&t->days, &t->cap_days, t->n_days + 1, sizeof *t->days);
    memmove(t->days + lo + 1, t->days + lo, (t->n_days - lo) * sizeof *t->days);
    t->n_days++;
    memset(&t->days[lo], 0, sizeof t->days[lo]);
    t->days[lo].date = date;
    return &t->days[lo];
}

void qlab_panel_tally_merge(qlab_panel_tally *into, const qlab_panel_tally *from)
{
    for (size_t i = 0; i < QLAB_CLASS_COUNT; i++)
        into->rows_by_class[i] += from->rows_by_class[i];
    for (size_t k = 0; k < QLAB_FEATURE_MAX_COLUMNS; k++)
        for (size_t r = 0; r < QLAB_NULL_REASONS; r++)
            into->nulls[k][r] += from->nulls[k][r];
    for (size_t h = 0; h < QLAB_LABEL_HORIZONS; h++)
        for (size_t s = 0; s < QLAB_LABEL_STATES; s++)
            into->labels[h][s] += from->labels[h][s];
    for (size_t i = 0; i < from->n_days; i++) {
        qlab_panel_day *d = tally_day(into, from->days[i].date);
        d->n_rows += from->days[i].n_rows;
        for (size_t r = 0; r < QLAB_ELIGIBILITY_COUNT; r++)
            d->by_reason[r] += from->days[i].by_reason[r];
    }
}

static uint64_t count_of(const json_t *o, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(o, key));
    return v > 0 ? (uint64_t)v : 0;
}

static void tally_add_days(qlab_panel_tally *t, const json_t *days)
{
    size_t i;
    const json_t *day;
    json_array_foreach(days, i, day)
    {
        const char *text = json_string_value(json_object_get(day, "date"));
        int32_t date;
        if (!text || !qlab_date_parse(text, strlen(text), &date))
            continue;
        qlab_panel_day *d = tally_day(t, date);
        d->n_rows += count_of(day, "rows");
        const json_t *reasons = json_object_get(day, "bars_by_reason");
        for (uint8_t r = 0; r < QLAB_ELIGIBILITY_COUNT; r++)
            d->by_reason[r] += count_of(reasons, qlab_eligibility_name(r));
    }
}

/* Adds a part's counts, as its JSON states them. */
static void tally_add(qlab_panel_tally *t, const qlab_catalogue *c, const json_t *counts)
{
    const json_t *by_class = json_object_get(counts, "rows_by_class");
    for (size_t i = 0; i < QLAB_CLASS_COUNT; i++)
        t->rows_by_class[i] += count_of(by_class, qlab_asset_class_name((qlab_asset_class)i));
    const json_t *nulls = json_object_get(counts, "nulls");
    for (size_t k = 0; nulls && k < c->n; k++) {
        const json_t *reasons = json_object_get(nulls, c->at[k].name);
        for (size_t r = 0; reasons && r < QLAB_NULL_REASONS; r++)
            t->nulls[k][r] += count_of(reasons, qlab_null_reason_name((qlab_null_reason)r));
    }
    const json_t *labels = json_object_get(counts, "labels");
    for (size_t h = 0; labels && h < QLAB_LABEL_HORIZONS; h++) {
        char name[24];
        snprintf(name, sizeof name, "fwd_ret_%dd", qlab_label_horizons[h]);
        const json_t *states = json_object_get(labels, name);
        for (uint8_t s = 0; s < QLAB_LABEL_STATES; s++)
            t->labels[h][s] += count_of(states, qlab_label_state_name(s));
    }
    tally_add_days(t, json_object_get(counts, "days"));
}

/* ---- rows of a month in (date, asset_id) order ------------------------------------------------
 */

typedef struct order {
    uint32_t *at; /* rows of the block */
    size_t n;
} order;

/* The block's rows run asset after asset in byte order of asset_id: a stable count by date sorts.
 */
static order order_rows(const int32_t *date, size_t n, const qlab_month_plan *m)
{
    size_t first[33] = {0};
    order o = {NULL, 0};
    for (size_t i = 0; i < n; i++)
        if (date[i] >= m->first && date[i] <= m->last)
            first[date[i] - m->first + 1]++;
    for (size_t d = 1; d < 33; d++)
        first[d] += first[d - 1];
    o.n = first[32];
    o.at = qlab_alloc(o.n, sizeof *o.at);
    for (size_t i = 0; i < n; i++)
        if (date[i] >= m->first && date[i] <= m->last)
            o.at[first[date[i] - m->first]++] = (uint32_t)i;
    return o;
}

/* Columns being gathered for one file. */
typedef struct table {
    qlab_col cols[QLAB_FEATURE_MAX_COLUMNS + 8];
    size_t n_cols, n_rows;
    qlab_arena arena; /* all arrays */
} table;

static void *table_add(table *t, const char *name, qlab_type type, size_t size)
{
    assert(t->n_cols < sizeof t->cols / sizeof t->cols[0]);
    void *data = qlab_arena_alloc(&t->arena, t->n_rows, size);
    t->cols[t->n_cols++] = (qlab_col){name, type, data, NULL, NULL};
    return data;
}

static void gather_f64(table *t, const char *name, const double *from, const order *o)
{
    double *to = table_add(t, name, QLAB_T_F64, sizeof *to);
    for (size_t i = 0; i < o->n; i++)
        to[i] = from[o->at[i]];
}

static void gather_i32(table *t, const char *name, qlab_type type, const int32_t *from,
                       const order *o)
{
    int32_t *to = table_add(t, name, type, sizeof *to);
    for (size_t i = 0; i < o->n; i++)
        to[i] = from[o->at[i]];
}

static void gather_u8(table *t, const char *name, const uint8_t *from, const order *o)
{
    uint8_t *to = table_add(t, name, QLAB_T_U8, sizeof *to);
    for (size_t i = 0; i < o->n; i++)
        to[i] = from[o->at[i]];
}

/* A kernel's whole numbers as what the catalogue says they are. */
static void gather_whole(table *t, const qlab_feature *f, const double *from, const order *o)
{
    if (f->type == QLAB_T_DATE) {
        int32_t *to = table_add(t, f->name, QLAB_T_DATE, sizeof *to);
        for (size_t i = 0; i < o->n; i++)
            to[i] = (int32_t)from[o->at[i]];
    } else {
        uint32_t *to = table_add(t, f->name, QLAB_T_U32, sizeof *to);
        for (size_t i = 0; i < o->n; i++)
            to[i] = (uint32_t)from[o->at[i]];
    }
}

/* NULL or "" where the asset has no such name. */
static const char *group_text(const qlab_part_writer *w, uint32_t asset, const char *column)
{
    const qlab_asset *a = &w->snap->lake->assets[w->first_ix + asset];
    if (strcmp(column, "exchange") == 0)
        return a->exchange;
    if (strcmp(column, "currency") == 0)
        return a->currency;
    if (strcmp(column, "asset_class") == 0)
        return qlab_asset_class_name(a->asset_class);
    return w->snap->sector ? w->snap->sector[w->first_ix + asset] : NULL;
}

/* A column of names: one code an asset into a list of the different ones. */
static void gather_group(table *t, const qlab_part_writer *w, const char *name,
                         const uint32_t *asset, const order *o)
{
    uint32_t code[QLAB_LAKE_BUCKET_ASSETS];
    bool known[QLAB_LAKE_BUCKET_ASSETS] = {false};
    qlab_str *dict = qlab_arena_alloc(&t->arena, QLAB_LAKE_BUCKET_ASSETS, sizeof *dict);
    uint32_t n_dict = 0;
    uint32_t *to = table_add(t, name, QLAB_T_DICT, sizeof *to);
    t->cols[t->n_cols - 1].dict = dict;
    for (size_t i = 0; i < o->n; i++) {
        uint32_t a = asset[o->at[i]];
        if (!known[a]) {
            const char *text = group_text(w, a, name);
            qlab_str s = text && *text ? qlab_str_of(text) : (qlab_str){NULL, 0};
            uint32_t k = 0;
            while (s.at && k < n_dict && !qlab_str_eq(dict[k], s))
                k++;
            if (s.at && k == n_dict)
                dict[n_dict++] = s;
            code[a] = s.at ? k : UINT32_MAX;
            known[a] = true;
        }
        to[i] = code[a];
    }
}

static void gather_keys(table *t, const qlab_part_writer *w, const int32_t *date,
                        const uint32_t *asset, const order *o)
{
    const qlab_asset *assets = w->snap->lake->assets + w->first_ix;
    uint32_t *ids = table_add(t, "asset_id", QLAB_T_DICT, sizeof *ids);
    qlab_str *dict = qlab_arena_alloc(&t->arena, QLAB_LAKE_BUCKET_ASSETS, sizeof *dict);
    size_t n_assets = w->snap->lake->n_assets - w->first_ix;
    for (size_t a = 0; a < QLAB_LAKE_BUCKET_ASSETS; a++)
        dict[a] = a < n_assets ? qlab_str_of(assets[a].asset_id) : (qlab_str){"", 0};
    t->cols[t->n_cols - 1].dict = dict;
    gather_i32(t, "asof_date", QLAB_T_DATE, date, o);
    uint32_t *ix = table_add(t, "asset_ix", QLAB_T_U32, sizeof *ix);
    for (size_t i = 0; i < o->n; i++) {
        ids[i] = asset[o->at[i]];
        ix[i] = w->first_ix + asset[o->at[i]];
    }
}

/* ---- the three kinds --------------------------------------------------------------------------
 */

static void gather_features(table *t, const qlab_part_writer *w, const qlab_block *b,
                            const order *o)
{
    const qlab_catalogue *c = w->catalogue;
    gather_keys(t, w, b->date, b->asset, o);
    for (size_t k = 0; k < c->n; k++) {
        if (!(w->columns >> k & 1))
            continue;
        if (c->at[k].type == QLAB_T_STR)
            gather_group(t, w, c->at[k].name, b->asset, o);
        else if (c->at[k].type == QLAB_T_F64)
            gather_f64(t, c->at[k].name, b->col[k], o);
        else
            gather_whole(t, &c->at[k], b->col[k], o);
    }
}

static void gather_labels(table *t, const qlab_part_writer *w, const qlab_block *b, const order *o)
{
    static const char *const value[] = {"fwd_ret_1d", "fwd_ret_5d", "fwd_ret_20d"};
    static const char *const end[] = {"label_end_1d", "label_end_5d", "label_end_20d"};
    static const char *const state[] = {"label_state_1d", "label_state_5d", "label_state_20d"};
    gather_keys(t, w, b->date, b->asset, o);
    for (size_t h = 0; h < QLAB_LABEL_HORIZONS; h++)
        gather_f64(t, value[h], b->label.value[h], o);
    gather_i32(t, "label_start", QLAB_T_DATE, b->label.start, o);
    for (size_t h = 0; h < QLAB_LABEL_HORIZONS; h++)
        gather_i32(t, end[h], QLAB_T_DATE, b->label.end[h], o);
    for (size_t h = 0; h < QLAB_LABEL_HORIZONS; h++)
        gather_u8(t, state[h], b->label.state[h], o);
}

static void gather_eligibility(table *t, const qlab_part_writer *w, const qlab_block *b,
                               const order *o)
{
    gather_keys(t, w, b->elig_date, b->elig_asset, o);
    uint8_t *eligible = table_add(t, "eligible", QLAB_T_BOOL, 1);
    uint32_t *reason = table_add(t, "reason", QLAB_T_DICT, sizeof *reason);
    qlab_str *dict = qlab_arena_alloc(&t->arena, QLAB_ELIGIBILITY_COUNT, sizeof *dict);
    for (uint8_t r = 0; r < QLAB_ELIGIBILITY_COUNT; r++)
        dict[r] = qlab_str_of(qlab_eligibility_name(r));
    t->cols[t->n_cols - 1].dict = dict;
    for (size_t i = 0; i < o->n; i++) {
        reason[i] = b->reason[o->at[i]];
        eligible[i] = reason[i] == QLAB_ELIGIBLE;
    }
    gather_u8(t, "reason_code", b->reason, o);
    gather_f64(t, "adv60_median", b->adv60, o);
    gather_f64(t, "adv60_median_usd", b->adv60_usd, o);
}

/* ---- counts of one part -----------------------------------------------------------------------
 */

static json_t *class_counts(const qlab_part_writer *w, const uint32_t *asset, const order *o)
{
    uint64_t n[QLAB_CLASS_COUNT] = {0};
    for (size_t i = 0; i < o->n; i++)
        n[w->snap->lake->assets[w->first_ix + asset[o->at[i]]].asset_class]++;
    json_t *out = json_object();
    for (size_t k = 0; k < QLAB_CLASS_COUNT; k++)
        if (n[k] > 0)
            json_object_set_new(out, qlab_asset_class_name((qlab_asset_class)k),
                                json_integer((json_int_t)n[k]));
    return out;
}

/* Rows whose asset has no name in a group column. */
static uint64_t count_nameless(const qlab_part_writer *w, const qlab_block *b, const char *column,
                               const order *o)
{
    uint64_t n = 0;
    for (size_t i = 0; i < o->n; i++) {
        const char *text = group_text(w, b->asset[o->at[i]], column);
        n += !text || !*text;
    }
    return n;
}

static json_t *null_counts(const qlab_part_writer *w, const qlab_block *b, int32_t month,
                           const order *o)
{
    int y, m, d;
    qlab_date_split(qlab_date_of_month_index(month), &y, &m, &d);
    json_t *out = json_object();
    for (size_t k = 0; k < w->catalogue->n; k++) {
        json_t *reasons = json_object();
        if (w->columns >> k & 1 && w->catalogue->at[k].type == QLAB_T_STR) {
            uint64_t n = count_nameless(w, b, w->catalogue->at[k].name, o);
            if (n > 0)
                json_object_set_new(reasons, qlab_null_reason_name(QLAB_NULL_NO_REFERENCE),
                                    json_integer((json_int_t)n));
        }
        for (size_t r = 0; r < QLAB_NULL_REASONS; r++)
            if (w->columns >> k & 1 && b->nulls[m - 1][k][r] > 0)
                json_object_set_new(reasons, qlab_null_reason_name((qlab_null_reason)r),
                                    json_integer((json_int_t)b->nulls[m - 1][k][r]));
        if (json_object_size(reasons) > 0)
            json_object_set(out, w->catalogue->at[k].name, reasons);
        json_decref(reasons);
    }
    return out;
}

static json_t *label_counts(const qlab_block *b, const order *o)
{
    json_t *out = json_object();
    for (size_t h = 0; h < QLAB_LABEL_HORIZONS; h++) {
        uint64_t n[QLAB_LABEL_STATES] = {0};
        for (size_t i = 0; i < o->n; i++)
            n[b->label.state[h][o->at[i]]]++;
        json_t *states = json_object();
        for (uint8_t s = 0; s < QLAB_LABEL_STATES; s++)
            if (n[s] > 0)
                json_object_set_new(states, qlab_label_state_name(s),
                                    json_integer((json_int_t)n[s]));
        char name[24];
        snprintf(name, sizeof name, "fwd_ret_%dd", qlab_label_horizons[h]);
        json_object_set_new(out, name, states);
    }
    return out;
}

static json_t *day_counts(const int32_t *date, const uint8_t *reason, const order *o)
{
    json_t *out = json_array();
    for (size_t i = 0, j; i < o->n; i = j) {
        uint64_t n[QLAB_ELIGIBILITY_COUNT] = {0};
        for (j = i; j < o->n && date[o->at[j]] == date[o->at[i]]; j++)
            if (reason)
                n[reason[o->at[j]]]++;
        char text[QLAB_DATE_BYTES];
        json_t *day = json_object();
        json_object_set_new(day, "date", json_string(qlab_date_format(date[o->at[i]], text)));
        if (!reason)
            json_object_set_new(day, "rows", json_integer((json_int_t)(j - i)));
        else {
            json_t *reasons = json_object();
            for (uint8_t r = 0; r < QLAB_ELIGIBILITY_COUNT; r++)
                if (n[r] > 0)
                    json_object_set_new(reasons, qlab_eligibility_name(r),
                                        json_integer((json_int_t)n[r]));
            json_object_set_new(day, "bars_by_reason", reasons);
        }
        json_array_append_new(out, day);
    }
    return out;
}

static json_t *count_part(const qlab_part_writer *w, const qlab_block *b, qlab_panel_kind kind,
                          int32_t month, const order *o)
{
    json_t *counts = json_object();
    if (kind == QLAB_PANEL_FEATURES) {
        json_object_set_new(counts, "rows_by_class", class_counts(w, b->asset, o));
        json_object_set_new(counts, "nulls", null_counts(w, b, month, o));
        json_object_set_new(counts, "days", day_counts(b->date, NULL, o));
    } else if (kind == QLAB_PANEL_LABELS)
        json_object_set_new(counts, "labels", label_counts(b, o));
    else
        json_object_set_new(counts, "days", day_counts(b->elig_date, b->reason, o));
    return counts;
}

/* ---- writing and finding ----------------------------------------------------------------------
 */

static void part_begin(qlab_panel_part *p, qlab_panel_kind kind, int32_t month, uint32_t bucket,
                       qlab_digest key)
{
    memset(p, 0, sizeof *p);
    p->kind = kind;
    p->month = month;
    p->bucket = bucket;
    qlab_hex_short(key, 32, p->name);
}

static char *month_text(int32_t month, char out[QLAB_DATE_BYTES])
{
    qlab_date_format(qlab_date_of_month_index(month), out);
    out[7] = '\0';
    return out;
}

static qlab_code write_json(const qlab_part_writer *w, const qlab_panel_part *p, json_t *counts,
                            qlab_err *err)
{
    char month[QLAB_DATE_BYTES];
    json_t *o = json_object();
    json_object_set_new(o, "schema", json_string(PART_SCHEMA));
    json_object_set_new(o, "results_version", json_integer(QLAB_RESULTS_VERSION));
    json_object_set_new(o, "kind", json_string(qlab_panel_kind_name(p->kind)));
    json_object_set_new(o, "month", json_string(month_text(p->month, month)));
    json_object_set_new(o, "bucket", json_integer((json_int_t)p->bucket));
    json_object_set_new(o, "rows", json_integer((json_int_t)p->n_rows));
    json_object_set_new(o, "bytes", json_integer((json_int_t)p->n_bytes));
    json_object_set_new(o, "sha256", json_string(p->sha256));
    json_t *reach = json_object();
    for (qlab_reach r = 0; r < QLAB_REACHES; r++) {
        char hex[17];
        snprintf(hex, sizeof hex, "%016" PRIx64, p->reach.of[r]);
        json_object_set_new(reach, qlab_reach_name(r), json_string(hex));
    }
    json_object_set_new(o, "reach", reach);
    json_object_set(o, "counts", counts);
    char *path = qlab_panel_part_json_path(w->root, p->name);
    qlab_code code = qlab_json_write(path, o, err);
    qlab_free(path);
    json_decref(o);
    return code;
}

static qlab_code write_table(const qlab_part_writer *w, const table *t, qlab_panel_part *p,
                             qlab_err *err)
{
    qlab_written written;
    char *path = qlab_panel_part_path(w->root, p->name);
    qlab_code code = qlab_conn_put_parquet(w->conn, t->cols, t->n_cols, t->n_rows, QLAB_CODEC_ZSTD,
                                           path, &written, err);
    qlab_free(path);
    if (code != QLAB_OK)
        return code;
    p->n_rows = written.n_rows;
    p->n_bytes = written.n_bytes;
    memcpy(p->sha256, written.sha256, sizeof p->sha256);
    qlab_free(written.path);
    return QLAB_OK;
}

qlab_code qlab_panel_part_write(const qlab_part_writer *w, const qlab_block *block,
                                qlab_panel_kind kind, const qlab_month_plan *month, qlab_digest key,
                                const qlab_part_reach *reach, qlab_panel_part *out,
                                qlab_panel_tally *tally, qlab_err *err)
{
    bool elig = kind == QLAB_PANEL_ELIGIBILITY;
    order o =
        order_rows(elig ? block->elig_date : block->date, elig ? block->n_elig : block->n, month);
    table t = {.n_rows = o.n, .arena = QLAB_ARENA_INIT};
    part_begin(out, kind, month->month, w->bucket, key);
    out->made = true;
    out->reach = *reach;
    qlab_code code = QLAB_OK;
    if (o.n > 0) {
        if (kind == QLAB_PANEL_FEATURES)
            gather_features(&t, w, block, &o);
        else if (kind == QLAB_PANEL_LABELS)
            gather_labels(&t, w, block, &o);
        else
            gather_eligibility(&t, w, block, &o);
        code = write_table(w, &t, out, err);
    }
    if (code == QLAB_OK) {
        json_t *counts = count_part(w, block, kind, month->month, &o);
        code = write_json(w, out, counts, err);
        if (code == QLAB_OK)
            tally_add(tally, w->catalogue, counts);
        json_decref(counts);
    }
    qlab_arena_free(&t.arena);
    qlab_free(o.at);
    return code;
}

qlab_code qlab_panel_part_find(const char *root, const qlab_catalogue *c, qlab_panel_kind kind,
                               int32_t month, uint32_t bucket, qlab_digest key, bool *found,
                               qlab_panel_part *out, qlab_panel_tally *tally, qlab_err *err)
{
    part_begin(out, kind, month, bucket, key);
    *found = false;
    char *json_path = qlab_panel_part_json_path(root, out->name);
    char *path = qlab_panel_part_path(root, out->name);
    json_t *o = NULL;
    qlab_code code = QLAB_OK;
    if (!qlab_file_exists(json_path))
        goto done;
    code = qlab_json_load(json_path, &o, err);
    int64_t rows = 0, bytes = 0;
    const char *sha = "";
    json_t *counts = NULL;
    if (code == QLAB_OK)
        code = qlab_json_get_i64(o, json_path, "rows", &rows, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(o, json_path, "bytes", &bytes, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(o, json_path, "sha256", &sha, err);
    if (code == QLAB_OK)
        code = qlab_json_get_object(o, json_path, "counts", &counts, err);
    if (code != QLAB_OK)
        goto done;
    if (rows > 0) {
        qlab_file_info info;
        qlab_err ignored = QLAB_ERR_INIT;
        if (qlab_file_stat(path, &info, &ignored) != QLAB_OK || info.n_bytes != (uint64_t)bytes)
            goto done; /* lost or cut: made again */
    }
    out->n_rows = (uint64_t)rows;
    out->n_bytes = (uint64_t)bytes;
    snprintf(out->sha256, sizeof out->sha256, "%s", sha);
    tally_add(tally, c, counts);
    *found = true;
done:
    json_decref(o);
    qlab_free(path);
    qlab_free(json_path);
    return code;
}

qlab_code qlab_panel_part_reach(const char *root, const char *name, bool *found,
                                qlab_part_reach *out, qlab_err *err)
{
    char *path = qlab_panel_part_json_path(root, name);
    json_t *o = NULL;
    *found = false;
    qlab_code code = QLAB_OK;
    if (qlab_file_exists(path))
        code = qlab_json_load(path, &o, err);
    const json_t *reach = json_object_get(o, "reach");
    for (qlab_reach r = 0; reach != NULL && r < QLAB_REACHES; r++) {
        const char *text = json_string_value(json_object_get(reach, qlab_reach_name(r)));
        if (text == NULL || sscanf(text, "%16" SCNx64, &out->of[r]) != 1)
            reach = NULL;
    }
    *found = reach != NULL;
    json_decref(o);
    qlab_free(path);
    return code;
}
