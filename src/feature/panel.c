/* Reading a feature set; see panel.h. */
#include "feature/panel.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "feature/manifest.h"
#include "truth/session.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

struct qlab_panel {
    char *root, *id;
    qlab_snapshot *snap;
    json_t *manifest;
    qlab_panel_part *parts; /* with rows, by (month, kind, bucket) */
    size_t n_parts;
    int32_t *dates, *months;
    size_t n_dates, n_months;
    const qlab_asset **assets; /* by id rank */
};

enum { N_LABEL_COLUMNS = 10 };
static const char *const label_columns[N_LABEL_COLUMNS] = {
    "fwd_ret_1d",   "fwd_ret_5d",    "fwd_ret_20d",    "label_start",    "label_end_1d",
    "label_end_5d", "label_end_20d", "label_state_1d", "label_state_5d", "label_state_20d"};

/* ---- opening ----------------------------------------------------------------------------------
 */

static qlab_code take_parts(qlab_panel *p, qlab_err *err)
{
    json_t *parts, *dates;
    qlab_code code = qlab_json_get_array(p->manifest, p->id, "parts", &parts, err);
    if (code == QLAB_OK)
        code = qlab_json_get_array(p->manifest, p->id, "dates", &dates, err);
    if (code != QLAB_OK)
        return code;
    size_t n = json_array_size(parts);
    p->parts = qlab_alloc(n, sizeof *p->parts);
    p->months = qlab_alloc(n, sizeof *p->months);
    for (size_t i = 0; i < n; i++) {
        qlab_panel_part *x = &p->parts[p->n_parts];
        code = qlab_set_manifest_part(json_array_get(parts, i), p->id, x, err);
        if (code != QLAB_OK)
            return code;
        if (x->n_rows == 0)
            continue;
        if (p->n_months > 0 && x->month < p->months[p->n_months - 1])
            return qlab_fail(err, QLAB_E_CORRUPT, "%s: parts were not in order of months", p->id);
        if (p->n_months == 0 || x->month > p->months[p->n_months - 1])
            p->months[p->n_months++] = x->month;
        p->n_parts++;
    }
    n = json_array_size(dates);
    p->dates = qlab_alloc(n, sizeof *p->dates);
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(dates, i));
        if (!text || !qlab_date_parse(text, strlen(text), &p->dates[i]) ||
            (i > 0 && p->dates[i] <= p->dates[i - 1]))
            return qlab_fail(err, QLAB_E_CORRUPT, "%s: date %zu was not a date in order", p->id, i);
    }
    p->n_dates = n;
    return QLAB_OK;
}

static qlab_code take_snapshot(qlab_panel *p, const qlab_env *env, qlab_err *err)
{
    json_t *inputs, *snapshot;
    const char *id, *digest;
    qlab_code code = qlab_json_get_object(p->manifest, p->id, "inputs", &inputs, err);
    if (code == QLAB_OK)
        code = qlab_json_get_object(inputs, p->id, "snapshot", &snapshot, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(snapshot, p->id, "id", &id, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(snapshot, p->id, "digest", &digest, err);
    if (code == QLAB_OK)
        code = qlab_snapshot_open(env, id, &p->snap, err);
    if (code != QLAB_OK)
        return code;
    if (strcmp(p->snap->digest, digest) != 0)
        return qlab_fail(err, QLAB_E_CORRUPT,
                         "feature set %s was built on snapshot content %.12s, but %s has %.12s",
                         p->id, digest, id, p->snap->digest);
    const qlab_lake_view *lake = p->snap->lake;
    p->assets = qlab_alloc(lake->n_assets, sizeof *p->assets);
    for (size_t r = 0; r < lake->n_assets; r++)
        p->assets[r] = &lake->assets[lake->by_id[r]];
    return QLAB_OK;
}

qlab_code qlab_panel_open(const qlab_env *env, const char *id, qlab_panel **out, qlab_err *err)
{
    qlab_panel *p = qlab_alloc_zero(1, sizeof *p);
    p->root = qlab_strdup(env->root);
    qlab_code code = qlab_features_resolve(env, id ? id : "latest", &p->id, err);
    if (code == QLAB_OK)
        code = qlab_features_manifest(env, p->id, &p->manifest, err);
    if (code == QLAB_OK)
        code = take_parts(p, err);
    if (code == QLAB_OK)
        code = take_snapshot(p, env, err);
    if (code != QLAB_OK) {
        qlab_panel_close(p);
        return code;
    }
    *out = p;
    return QLAB_OK;
}

void qlab_panel_close(qlab_panel *p)
{
    if (!p)
        return;
    if (p->snap)
        qlab_snapshot_close(p->snap);
    json_decref(p->manifest);
    qlab_free(p->assets);
    qlab_free(p->parts);
    qlab_free(p->dates);
    qlab_free(p->months);
    qlab_free(p->root);
    qlab_free(p->id);
    qlab_free(p);
}

const char *qlab_panel_id(const qlab_panel *p)
{
    return p->id;
}

const char *qlab_panel_snapshot_id(const qlab_panel *p)
{
    return p->snap->id;
}

const qlab_snapshot *qlab_panel_snapshot(const qlab_panel *p)
{
    return p->snap;
}

const json_t *qlab_panel_manifest(const qlab_panel *p)
{
    return p->manifest;
}

size_t qlab_panel_sessions(const qlab_panel *p, const int32_t **dates)
{
    *dates = p->dates;
    return p->n_dates;
}

size_t qlab_panel_months(const qlab_panel *p, const int32_t **months)
{
    *months = p->months;
    return p->n_months;
}

size_t qlab_panel_assets(const qlab_panel *p, const qlab_asset *const **assets)
{
    *assets = p->assets;
    return p->snap->lake->n_assets;
}

static bool is_label(const char *name)
{
    for (size_t i = 0; i < N_LABEL_COLUMNS; i++)
        if (strcmp(name, label_columns[i]) == 0)
            return true;
    return false;
}

static bool is_group(const char *name)
{
    int k = qlab_catalogue_find(qlab_catalogue_builtin(), name);
    return k >= 0 && qlab_catalogue_builtin()->at[k].type == QLAB_T_STR;
}

bool qlab_panel_has_column(const qlab_panel *p, const char *name)
{
    if (is_label(name))
        return true;
    if (is_group(name))
        return false;
    size_t i;
    const json_t *column;
    json_array_foreach(json_object_get(p->manifest, "columns"), i, column)
    {
        const char *have = json_string_value(json_object_get(column, "name"));
        if (have && strcmp(have, name) == 0)
            return true;
    }
    return false;
}

/* ---- a span of sessions -----------------------------------------------------------------------
 */

/* Dates from <= date < to. */
typedef struct span {
    int32_t from, to;
} span;

/* SELECT asset_ix, date, <columns> over the span's parts of a kind, month after month and bucket
 * after bucket. */
static bool span_sql(const qlab_panel *p, qlab_panel_kind kind, span days, const char *columns,
                     qlab_buf *sql)
{
    char from[QLAB_DATE_BYTES], to[QLAB_DATE_BYTES];
    const int32_t first = qlab_date_month_index(days.from);
    const int32_t last = qlab_date_month_index(days.to - 1);
    bool any = false;
    qlab_buf_putf(sql, "SELECT asset_ix, asof_date%s FROM read_parquet([", columns);
    for (size_t i = 0; i < p->n_parts; i++) {
        if (p->parts[i].month < first || p->parts[i].month > last || p->parts[i].kind != kind)
            continue;
        char *path = qlab_panel_part_path(p->root, p->parts[i].name);
        if (any)
            qlab_buf_puts(sql, ", ");
        qlab_sql_quote(sql, path);
        qlab_free(path);
        any = true;
    }
    qlab_buf_putf(sql, "]) WHERE asof_date >= DATE '%s' AND asof_date < DATE '%s'",
                  qlab_date_format(days.from, from), qlab_date_format(days.to, to));
    return any;
}

/* A column as DOUBLE, dates as days. */
static void put_column(qlab_buf *b, const char *name)
{
    bool date = strcmp(name, "feature_date") == 0 || strcmp(name, "label_start") == 0 ||
                strncmp(name, "label_end_", 10) == 0;
    if (date)
        qlab_buf_putf(b, ", (%s - DATE '1970-01-01')::DOUBLE", name);
    else
        qlab_buf_putf(b, ", %s::DOUBLE", name);
}

static qlab_code query_kind(const qlab_panel *p, qlab_conn *conn, qlab_panel_kind kind, span days,
                            const char *columns, const qlab_type *types, size_t n, qlab_table *out,
                            qlab_err *err)
{
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_code code = QLAB_OK;
    if (span_sql(p, kind, days, columns, &sql))
        code = qlab_conn_query(conn, sql.at, types, n, out, err);
    else
        *out = (qlab_table)QLAB_TABLE_INIT;
    qlab_buf_free(&sql);
    return code;
}

/* Rows of a table that fall on the set's dates, by (date, id rank). */
typedef struct sorted {
    uint32_t *row; /* of the table */
    size_t *first; /* of each date; n_dates + 1 */
    size_t n;
} sorted;

static sorted sort_rows(const qlab_panel *p, const qlab_table *t, const int32_t *dates,
                        size_t n_dates)
{
    const uint32_t *rank = p->snap->lake->id_rank;
    const size_t n_assets = p->snap->lake->n_assets;
    sorted s = {NULL, qlab_alloc_zero(n_dates + 1, sizeof(size_t)), 0};
    if (t->n_rows == 0)
        return s;
    const uint32_t *ix = t->cols[0].u32;
    const int32_t *date = t->cols[1].i32;
    uint32_t *by_rank = qlab_alloc(t->n_rows, sizeof *by_rank);
    size_t *place = qlab_alloc_zero(n_assets + 1, sizeof *place);
    for (size_t i = 0; i < t->n_rows; i++)
        place[rank[ix[i]] + 1]++;
    for (size_t r = 0; r < n_assets; r++)
        place[r + 1] += place[r];
    for (size_t i = 0; i < t->n_rows; i++)
        by_rank[place[rank[ix[i]]]++] = (uint32_t)i;
    uint32_t *day = qlab_alloc(t->n_rows, sizeof *day); /* date's position, n_dates = not wanted */
    for (size_t i = 0; i < t->n_rows; i++) {
        size_t at = qlab_session_lower_bound(dates, n_dates, date[i]);
        day[i] = (uint32_t)(at < n_dates && dates[at] == date[i] ? at : n_dates);
        if (day[i] < n_dates)
            s.first[day[i] + 1]++;
    }
    for (size_t d = 0; d < n_dates; d++)
        s.first[d + 1] += s.first[d];
    s.n = s.first[n_dates];
    s.row = qlab_alloc(s.n, sizeof *s.row);
    size_t *next = qlab_alloc(n_dates + 1, sizeof *next);
    memcpy(next, s.first, (n_dates + 1) * sizeof *next);
    for (size_t i = 0; i < t->n_rows; i++)
        if (day[by_rank[i]] < n_dates)
            s.row[next[day[by_rank[i]]]++] = by_rank[i];
    qlab_free(next);
    qlab_free(day);
    qlab_free(place);
    qlab_free(by_rank);
    return s;
}

static void sorted_free(sorted *s)
{
    qlab_free(s->row);
    qlab_free(s->first);
}

/* What a request asks of each kind. */
typedef struct request {
    qlab_buf features, labels; /* column lists */
    size_t n_features, n_labels;
    size_t state_at[3]; /* column of the label table with label_state */
    size_t end_at[3];   /* with label_end */
} request;

static void request_make(const char *const *columns, size_t n, request *r)
{
    memset(r, 0, sizeof *r);
    qlab_buf_puts(&r->features, "");
    qlab_buf_puts(&r->labels, "");
    for (size_t i = 0; i < n; i++)
        if (is_label(columns[i])) {
            put_column(&r->labels, columns[i]);
            r->n_labels++;
        } else {
            put_column(&r->features, columns[i]);
            r->n_features++;
        }
    for (size_t h = 0; r->n_labels > 0 && h < 3; h++) {
        r->state_at[h] = 2 + r->n_labels + h;
        qlab_buf_putf(&r->labels, ", %s::DOUBLE", label_columns[7 + h]);
    }
    for (size_t h = 0; r->n_labels > 0 && h < 3; h++) {
        r->end_at[h] = 2 + r->n_labels + 3 + h;
        put_column(&r->labels, label_columns[4 + h]);
    }
}

static void request_free(request *r)
{
    qlab_buf_free(&r->features);
    qlab_buf_free(&r->labels);
}

static qlab_code load_kind(const qlab_panel *p, qlab_conn *conn, qlab_panel_kind kind, span days,
                           const char *columns, size_t n_columns, qlab_table *out, qlab_err *err)
{
    qlab_type *types = qlab_alloc(2 + n_columns, sizeof *types);
    types[0] = QLAB_T_U32;
    types[1] = QLAB_T_DATE;
    for (size_t i = 0; i < n_columns; i++)
        types[2 + i] = QLAB_T_F64;
    qlab_code code = query_kind(p, conn, kind, days, columns, types, 2 + n_columns, out, err);
    for (size_t i = 0; code == QLAB_OK && i < out->n_rows; i++)
        if (out->cols[0].u32[i] >= p->snap->lake->n_assets)
            code = qlab_fail(err, QLAB_E_CORRUPT, "%s: a part named asset_ix %u of %zu", p->id,
                             out->cols[0].u32[i], p->snap->lake->n_assets);
    qlab_free(types);
    return code;
}

static void gather(double *to, const qlab_table *t, size_t column, const sorted *s)
{
    for (size_t i = 0; i < s->n; i++)
        to[i] = t->cols[column].f64[s->row[i]];
}

/* A date is compared in US dollars where every name with a known money volume has it in dollars. */
static void use_dollars(qlab_xsec *x, const double *usd)
{
    for (size_t d = 0; d < x->n_dates; d++) {
        const size_t first = x->first[d], n = x->first[d + 1] - first;
        bool all = true;
        for (size_t i = first; i < first + n; i++)
            all = all && isnan(usd[i]) == isnan(x->adv_usd_or_ccy[i]);
        x->liquidity_usd[d] = all;
        if (all)
            memcpy(x->adv_usd_or_ccy + first, usd + first, n * sizeof *usd);
    }
}

/* Eligibility and liquidity of each panel row: both sides run by (date, rank). */
static qlab_code join_eligibility(const qlab_panel *p, const qlab_table *t, const sorted *s,
                                  qlab_xsec *x, qlab_err *err)
{
    const uint32_t *rank = p->snap->lake->id_rank;
    double *usd = qlab_alloc(x->n_rows, sizeof *usd);
    for (size_t d = 0; d < x->n_dates; d++) {
        size_t j = s->first[d];
        for (size_t i = x->first[d]; i < x->first[d + 1]; i++) {
            while (j < s->first[d + 1] && rank[t->cols[0].u32[s->row[j]]] < x->asset[i])
                j++;
            if (j == s->first[d + 1] || rank[t->cols[0].u32[s->row[j]]] != x->asset[i]) {
                qlab_free(usd);
                return qlab_fail(err, QLAB_E_CORRUPT, "%s: %s had a panel row and no eligibility",
                                 p->id, p->assets[x->asset[i]]->asset_id);
            }
            x->eligibility[i] = (uint8_t)t->cols[2].f64[s->row[j]];
            x->adv_usd_or_ccy[i] = t->cols[3].f64[s->row[j]];
            usd[i] = t->cols[4].f64[s->row[j]];
        }
    }
    use_dollars(x, usd);
    qlab_free(usd);
    return QLAB_OK;
}

static void xsec_make(const qlab_panel *p, const int32_t *dates, size_t n_dates, const sorted *s,
                      const qlab_table *t, size_t n_columns, bool labels, qlab_xsec *x)
{
    memset(x, 0, sizeof *x);
    x->n_dates = n_dates;
    x->n_rows = s->n;
    x->n_cols = n_columns;
    x->dates = qlab_alloc(n_dates, sizeof *x->dates);
    memcpy(x->dates, dates, n_dates * sizeof *x->dates);
    x->first = qlab_alloc(n_dates + 1, sizeof *x->first);
    memcpy(x->first, s->first, (n_dates + 1) * sizeof *x->first);
    x->asset = qlab_alloc(s->n, sizeof *x->asset);
    for (size_t i = 0; i < s->n; i++)
        x->asset[i] = p->snap->lake->id_rank[t->cols[0].u32[s->row[i]]];
    x->eligibility = qlab_alloc(s->n, 1);
    x->adv_usd_or_ccy = qlab_alloc(s->n, sizeof(double));
    x->liquidity_usd = qlab_alloc_zero(n_dates, 1);
    x->col = qlab_alloc_zero(n_columns, sizeof *x->col);
    for (size_t c = 0; c < n_columns; c++)
        x->col[c] = qlab_alloc(s->n, sizeof(double));
    for (size_t h = 0; labels && h < 3; h++)
        x->presumed_gone[h] = qlab_alloc(s->n, 1);
    for (size_t h = 0; labels && h < 3; h++)
        x->label_end[h] = qlab_alloc(s->n, sizeof *x->label_end[h]);
}

/* Labels stand row by row beside the features. */
static qlab_code same_rows(const qlab_panel *p, const qlab_table *f, const qlab_table *l,
                           qlab_err *err)
{
    if (f->n_rows == l->n_rows &&
        (f->n_rows == 0 ||
         (memcmp(f->cols[0].u32, l->cols[0].u32, f->n_rows * sizeof(uint32_t)) == 0 &&
          memcmp(f->cols[1].i32, l->cols[1].i32, f->n_rows * sizeof(int32_t)) == 0)))
        return QLAB_OK;
    return qlab_fail(err, QLAB_E_CORRUPT, "%s: %zu feature rows and %zu label rows did not match",
                     p->id, f->n_rows, l->n_rows);
}

static void fill_columns(const request *r, const char *const *columns, const qlab_table *features,
                         const qlab_table *labels, const sorted *s, qlab_xsec *x)
{
    size_t next_feature = 2, next_label = 2;
    for (size_t c = 0; c < x->n_cols; c++)
        if (s->n == 0)
            continue;
        else if (is_label(columns[c]))
            gather(x->col[c], labels, next_label++, s);
        else
            gather(x->col[c], features, next_feature++, s);
    for (size_t h = 0; r->n_labels > 0 && h < 3; h++)
        for (size_t i = 0; i < s->n; i++) {
            const double end = labels->cols[r->end_at[h]].f64[s->row[i]];
            x->presumed_gone[h][i] =
                labels->cols[r->state_at[h]].f64[s->row[i]] == (double)QLAB_LABEL_PRESUMED_GONE;
            x->label_end[h][i] = isnan(end) ? QLAB_DATE_NONE : (int32_t)end;
        }
}

qlab_code qlab_panel_load_month(const qlab_panel *p, qlab_conn *conn, int32_t month,
                                const char *const *columns, size_t n_columns, qlab_xsec *out,
                                qlab_err *err)
{
    return qlab_panel_load_dates(p, conn, qlab_date_of_month_index(month),
                                 qlab_date_of_month_index(month + 1), columns, n_columns, out, err);
}

qlab_code qlab_panel_load_dates(const qlab_panel *p, qlab_conn *conn, int32_t from, int32_t to,
                                const char *const *columns, size_t n_columns, qlab_xsec *out,
                                qlab_err *err)
{
    const span days = {from, to};
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < n_columns; i++)
        if (!qlab_panel_has_column(p, columns[i]))
            return qlab_fail(err, QLAB_E_USAGE, "feature set %s has no %s '%s'", p->id,
                             is_group(columns[i]) ? "number in column" : "column", columns[i]);
    qlab_table features = QLAB_TABLE_INIT, labels = QLAB_TABLE_INIT, elig = QLAB_TABLE_INIT;
    sorted rows = {NULL, NULL, 0}, elig_rows = {NULL, NULL, 0};
    request r;
    request_make(columns, n_columns, &r);
    size_t lo = qlab_session_lower_bound(p->dates, p->n_dates, from);
    size_t hi = qlab_session_lower_bound(p->dates, p->n_dates, to);
    const int32_t *dates = p->dates + lo;
    qlab_code code =
        load_kind(p, conn, QLAB_PANEL_FEATURES, days, r.features.at, r.n_features, &features, err);
    if (code == QLAB_OK && r.n_labels > 0)
        code =
            load_kind(p, conn, QLAB_PANEL_LABELS, days, r.labels.at, r.n_labels + 6, &labels, err);
    if (code == QLAB_OK && r.n_labels > 0)
        code = same_rows(p, &features, &labels, err);
    if (code == QLAB_OK)
        code = load_kind(p, conn, QLAB_PANEL_ELIGIBILITY, days,
                         ", reason_code::DOUBLE, adv60_median, adv60_median_usd", 3, &elig, err);
    if (code != QLAB_OK)
        goto done;
    rows = sort_rows(p, &features, dates, hi - lo);
    elig_rows = sort_rows(p, &elig, dates, hi - lo);
    xsec_make(p, dates, hi - lo, &rows, &features, n_columns, r.n_labels > 0, out);
    code = join_eligibility(p, &elig, &elig_rows, out, err);
    if (code == QLAB_OK)
        fill_columns(&r, columns, &features, &labels, &rows, out);
    else
        qlab_xsec_free(out);
done:
    sorted_free(&rows);
    sorted_free(&elig_rows);
    qlab_table_free(&features);
    qlab_table_free(&labels);
    qlab_table_free(&elig);
    request_free(&r);
    return code;
}

void qlab_xsec_free(qlab_xsec *x)
{
    for (size_t c = 0; c < x->n_cols; c++)
        qlab_free(x->col[c]);
    qlab_free(x->col);
    for (size_t h = 0; h < 3; h++)
        qlab_free(x->presumed_gone[h]);
    for (size_t h = 0; h < 3; h++)
        qlab_free(x->label_end[h]);
    qlab_free(x->dates);
    qlab_free(x->first);
    qlab_free(x->asset);
    qlab_free(x->eligibility);
    qlab_free(x->adv_usd_or_ccy);
    qlab_free(x->liquidity_usd);
    memset(x, 0, sizeof *x);
}
