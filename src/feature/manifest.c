/* The manifest of a feature set; see manifest.h. */
#include "feature/manifest.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "ops/run.h"
#include "truth/session.h"
#include <stdio.h>
#include <string.h>

#define MANIFEST_SCHEMA "feature_panel_manifest/1"

static json_t *u64(uint64_t v)
{
    return json_integer((json_int_t)v);
}

static json_t *date_json(int32_t date)
{
    char text[QLAB_DATE_BYTES];
    return date == QLAB_DATE_NONE ? json_null() : json_string(qlab_date_format(date, text));
}

static json_t *column_list(const qlab_set_facts *f)
{
    json_t *out = json_array();
    for (size_t k = 0; k < f->catalogue->n; k++) {
        const qlab_feature *x = &f->catalogue->at[k];
        if (!(f->columns >> k & 1))
            continue;
        uint64_t n_null = 0;
        json_t *nulls = json_object();
        for (size_t r = 0; r < QLAB_NULL_REASONS; r++)
            if (f->tally->nulls[k][r] > 0) {
                n_null += f->tally->nulls[k][r];
                json_object_set_new(nulls, qlab_null_reason_name((qlab_null_reason)r),
                                    u64(f->tally->nulls[k][r]));
            }
        json_t *o = json_object();
        json_object_set_new(o, "name", json_string(x->name));
        json_object_set_new(o, "unit", json_string(qlab_unit_name(x->unit)));
        json_object_set_new(o, "lookback_bars", u64(x->lookback));
        json_object_set_new(o, "recursive", json_boolean(x->recursive));
        json_object_set_new(o, "nulls", u64(n_null));
        json_object_set_new(o, "nulls_by_reason", nulls);
        json_array_append_new(out, o);
    }
    return out;
}

static json_t *label_list(const qlab_set_facts *f)
{
    json_t *out = json_array();
    for (size_t h = 0; h < QLAB_LABEL_HORIZONS; h++) {
        char name[24];
        snprintf(name, sizeof name, "fwd_ret_%dd", qlab_label_horizons[h]);
        json_t *states = json_object();
        for (uint8_t s = 0; s < QLAB_LABEL_STATES; s++)
            json_object_set_new(states, qlab_label_state_name(s), u64(f->tally->labels[h][s]));
        json_t *o = json_object();
        json_object_set_new(o, "name", json_string(name));
        json_object_set_new(o, "horizon_sessions", json_integer(qlab_label_horizons[h]));
        json_object_set_new(o, "rows_by_state", states);
        json_array_append_new(out, o);
    }
    return out;
}

static json_t *class_rows(const qlab_panel_tally *t)
{
    json_t *out = json_object();
    for (size_t i = 0; i < QLAB_CLASS_COUNT; i++)
        if (t->rows_by_class[i] > 0)
            json_object_set_new(out, qlab_asset_class_name((qlab_asset_class)i),
                                u64(t->rows_by_class[i]));
    return out;
}

static json_t *reason_counts(const uint64_t *by_reason)
{
    json_t *out = json_object();
    for (uint8_t r = 1; r < QLAB_ELIGIBILITY_COUNT; r++)
        if (by_reason[r] > 0)
            json_object_set_new(out, qlab_eligibility_name(r), u64(by_reason[r]));
    return out;
}

/* Per date: valid bars = eligible + excluded (by first failing reason); panel rows beside. */
static json_t *day_list(const qlab_set_facts *f)
{
    json_t *out = json_array();
    for (size_t i = 0; i < f->tally->n_days; i++) {
        const qlab_panel_day *d = &f->tally->days[i];
        uint64_t bars = 0;
        for (size_t r = 0; r < QLAB_ELIGIBILITY_COUNT; r++)
            bars += d->by_reason[r];
        size_t at = qlab_session_lower_bound(f->range->dates, f->range->n_dates, d->date);
        json_t *o = json_object();
        json_object_set_new(o, "date", date_json(d->date));
        json_object_set_new(o, "on_axis",
                            json_boolean(at < f->range->n_dates && f->range->dates[at] == d->date));
        json_object_set_new(o, "rows", u64(d->n_rows));
        json_object_set_new(o, "bars", u64(bars));
        json_object_set_new(o, "eligible", u64(d->by_reason[QLAB_ELIGIBLE]));
        json_object_set_new(o, "excluded", reason_counts(d->by_reason));
        json_array_append_new(out, o);
    }
    return out;
}

static json_t *counts_of(const qlab_set_facts *f)
{
    uint64_t rows = 0, bars = 0, by_reason[QLAB_ELIGIBILITY_COUNT] = {0}, bytes = 0;
    for (size_t i = 0; i < f->tally->n_days; i++) {
        rows += f->tally->days[i].n_rows;
        for (size_t r = 0; r < QLAB_ELIGIBILITY_COUNT; r++) {
            by_reason[r] += f->tally->days[i].by_reason[r];
            bars += f->tally->days[i].by_reason[r];
        }
    }
    for (size_t i = 0; i < f->n_parts; i++)
        bytes += f->parts[i].n_bytes;
    json_t *o = json_object();
    json_object_set_new(o, "dates_on_axis", u64(f->range->n_dates));
    json_object_set_new(o, "dates_with_bars", u64(f->tally->n_days));
    json_object_set_new(o, "rows", u64(rows));
    json_object_set_new(o, "rows_by_class", class_rows(f->tally));
    json_object_set_new(o, "bars", u64(bars));
    json_object_set_new(o, "eligible", u64(by_reason[QLAB_ELIGIBLE]));
    json_object_set_new(o, "excluded_by_reason", reason_counts(by_reason));
    json_object_set_new(o, "parts", u64(f->n_parts));
    json_object_set_new(o, "part_bytes", u64(bytes));
    return o;
}

static json_t *part_list(const qlab_set_facts *f)
{
    json_t *out = json_array();
    for (size_t i = 0; i < f->n_parts; i++) {
        const qlab_panel_part *p = &f->parts[i];
        char month[QLAB_DATE_BYTES];
        qlab_date_format(qlab_date_of_month_index(p->month), month);
        month[7] = '\0';
        json_t *o = json_object();
        json_object_set_new(o, "kind", json_string(qlab_panel_kind_name(p->kind)));
        json_object_set_new(o, "month", json_string(month));
        json_object_set_new(o, "bucket", u64(p->bucket));
        json_object_set_new(o, "name", json_string(p->name));
        json_object_set_new(o, "rows", u64(p->n_rows));
        json_object_set_new(o, "bytes", u64(p->n_bytes));
        json_object_set_new(o, "sha256", json_string(p->sha256));
        json_array_append_new(out, o);
    }
    return out;
}

json_t *qlab_set_manifest_make(const qlab_set_facts *f)
{
    const qlab_snapshot *s = f->snap;
    json_t *snapshot = json_object(), *inputs = json_object();
    json_object_set_new(snapshot, "id", json_string(s->id));
    json_object_set_new(snapshot, "digest", json_string(s->digest));
    json_object_set_new(inputs, "snapshot", snapshot);
    json_t *m = qlab_artifact_begin(MANIFEST_SCHEMA, f->id, inputs);
    json_decref(inputs);
    json_object_set_new(m, "feature_set_id", json_string(f->id));
    json_object_set_new(m, "asof_date", date_json(s->asof));
    json_object_set_new(m, "master_exchange",
                        json_string(s->exchanges[s->master_exchange].exchange));
    json_object_set_new(m, "catalogue_version", json_string(f->catalogue->version));
    json_object_set(m, "parameters", f->parameters);
    json_object_set_new(m, "universe_rule", qlab_eligible_rule_json(&s->rule));
    json_object_set_new(m, "lookback_bars",
                        u64(qlab_catalogue_lookback(
                            f->catalogue, qlab_catalogue_closure(f->catalogue, f->columns))));
    json_object_set_new(m, "warmup_bars", u64(QLAB_FEATURE_WARMUP_BARS));
    json_object_set_new(m, "counts", counts_of(f));
    json_object_set_new(m, "columns", column_list(f));
    json_object_set_new(m, "labels", label_list(f));
    json_t *dates = json_array();
    for (size_t i = 0; i < f->range->n_dates; i++)
        json_array_append_new(dates, date_json(f->range->dates[i]));
    json_object_set_new(m, "dates", dates);
    json_object_set_new(m, "days", day_list(f));
    json_object_set_new(m, "parts", part_list(f));
    return m;
}

json_t *qlab_set_head_make(const qlab_set_facts *f, const json_t *manifest)
{
    static const char *const KEYS[] = {"feature_set_id", "asof_date", "catalogue_version",
                                       "parameters", "counts"};
    json_t *m =
        qlab_artifact_begin("feature_set_head/1", f->id, json_object_get(manifest, "inputs"));
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++)
        json_object_set(m, KEYS[i], json_object_get(manifest, KEYS[i]));
    json_object_set_new(m, "label_version", json_string(QLAB_LABEL_VERSION));
    json_object_set_new(m, "eligibility_version", json_string(QLAB_ELIGIBILITY_VERSION));
    return m;
}

qlab_code qlab_set_manifest_part(const json_t *entry, const char *where, qlab_panel_part *out,
                                 qlab_err *err)
{
    const char *kind, *month, *name, *sha;
    int64_t bucket, rows, bytes;
    memset(out, 0, sizeof *out);
    qlab_code code = qlab_json_get_str(entry, where, "kind", &kind, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(entry, where, "month", &month, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(entry, where, "name", &name, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(entry, where, "sha256", &sha, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(entry, where, "bucket", &bucket, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(entry, where, "rows", &rows, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(entry, where, "bytes", &bytes, err);
    if (code != QLAB_OK)
        return code;
    char day[16];
    int32_t date;
    snprintf(day, sizeof day, "%.7s-01", month);
    while (out->kind < QLAB_PANEL_KINDS && strcmp(kind, qlab_panel_kind_name(out->kind)) != 0)
        out->kind++;
    if (out->kind == QLAB_PANEL_KINDS || !qlab_date_parse(day, strlen(day), &date) ||
        strlen(name) != 32 || strspn(name, "0123456789abcdef") != 32 || bucket < 0 ||
        bucket > UINT32_MAX || rows < 0 || bytes < 0)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s named a part that cannot be: kind %s, month %s",
                         where, kind, month);
    out->month = qlab_date_month_index(date);
    out->bucket = (uint32_t)bucket;
    snprintf(out->name, sizeof out->name, "%s", name);
    snprintf(out->sha256, sizeof out->sha256, "%s", sha);
    out->n_rows = (uint64_t)rows;
    out->n_bytes = (uint64_t)bytes;
    return QLAB_OK;
}

char *qlab_set_manifest_path(const char *root, const char *id)
{
    return qlab_asprintf("%s%sfeatures/sets/%s/feature_panel_manifest.json", root, *root ? "/" : "",
                         id);
}

qlab_code qlab_set_manifest_check(const char *root, const char *id, const json_t *manifest,
                                  bool *stands, qlab_features_made *out, qlab_err *err)
{
    json_t *parts;
    *stands = false;
    qlab_code code = qlab_json_get_array(manifest, id, "parts", &parts, err);
    for (size_t i = 0; code == QLAB_OK && i < json_array_size(parts); i++) {
        qlab_panel_part p;
        code = qlab_set_manifest_part(json_array_get(parts, i), id, &p, err);
        if (code != QLAB_OK)
            return code;
        out->n_parts++;
        out->n_rows += p.kind == QLAB_PANEL_FEATURES ? p.n_rows : 0;
        if (p.n_rows == 0)
            continue;
        char *path = qlab_panel_part_path(root, p.name);
        qlab_file_info info;
        qlab_err ignored = QLAB_ERR_INIT;
        bool there = qlab_file_stat(path, &info, &ignored) == QLAB_OK && info.n_bytes == p.n_bytes;
        qlab_free(path);
        if (!there)
            return QLAB_OK;
    }
    *stands = code == QLAB_OK;
    return code;
}

char *qlab_set_manifest_columns(const json_t *manifest)
{
    qlab_buf list = QLAB_BUF_INIT;
    size_t i;
    const json_t *column;

    qlab_buf_puts(&list, "");
    json_array_foreach(json_object_get(manifest, "columns"), i, column)
    {
        const char *name = json_string_value(json_object_get(column, "name"));
        qlab_buf_putf(&list, "%s%s", i > 0 ? "," : "", name ? name : "");
    }
    return list.at;
}
