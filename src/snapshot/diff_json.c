/* The document of `snapshot diff`; see diff.h. */
#include "snapshot/diff.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/json.h"
#include "ops/run.h"
#include "snapshot/internal.h"
#include <string.h>

static json_t *whole(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *day(int32_t date)
{
    char text[QLAB_DATE_BYTES];
    return date == QLAB_DATE_NONE ? json_null() : json_string(qlab_date_format(date, text));
}

static json_t *named(const qlab_lake_view *v, uint32_t ix)
{
    json_t *o = json_object();
    json_object_set_new(o, "asset_id", json_string(v->assets[ix].asset_id));
    return o;
}

static json_t *input_of(const qlab_snapshot *s)
{
    json_t *o = json_object();
    json_object_set_new(o, "id", json_string(s->id));
    json_object_set_new(o, "digest", json_string(s->digest));
    json_object_set_new(o, "asof", day(s->asof));
    json_object_set_new(o, "commit", whole(s->commit));
    return o;
}

/* Members of the hashed content that the two say otherwise. */
static json_t *content_of(const qlab_snapshot *a, const qlab_snapshot *b)
{
    const char *key;
    json_t *v, *o = json_array(), *was, *is;
    was = json_object_get(json_object_get(a->manifest, "inputs"), "content");
    is = json_object_get(json_object_get(b->manifest, "inputs"), "content");
    json_object_foreach(is, key, v)
    {
        if (!json_equal(v, json_object_get(was, key)))
            json_array_append_new(o, json_string(key));
    }
    json_object_foreach(was, key, v)
    {
        if (json_object_get(is, key) == NULL)
            json_array_append_new(o, json_string(key));
    }
    return o;
}

static json_t *asset_lists(const qlab_diff *d, const qlab_lake_view *v, size_t n_samples)
{
    static const struct {
        const char *name;
        unsigned bit;
    } lists[] = {{"added", QLAB_DIFF_ADDED},
                 {"removed", QLAB_DIFF_REMOVED},
                 {"master_changed", QLAB_DIFF_MASTER}};
    json_t *out = json_object();
    for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++) {
        uint64_t n = 0;
        json_t *o = json_object(), *samples = json_array();
        for (size_t r = 0; r < v->n_assets; r++) { /* byte order of asset_id */
            const qlab_diff_asset *a = qlab_diff_find(d, v->by_id[r]);
            if (a == NULL || !(a->what & lists[k].bit))
                continue;
            if (n++ < n_samples)
                json_array_append_new(samples, json_string(v->assets[v->by_id[r]].asset_id));
        }
        json_object_set_new(o, "count", whole(n));
        json_object_set_new(o, "samples", samples);
        json_object_set_new(out, lists[k].name, o);
    }
    return out;
}

static json_t *row_json(const double v[5])
{
    static const char *const names[5] = {"open", "high", "low", "close", "volume"};
    json_t *o = json_object();
    for (int i = 0; i < 5; i++)
        json_object_set_new(o, names[i], qlab_json_f64(v[i]));
    return o;
}

static json_t *bars_json(const qlab_diff *d, const qlab_lake_view *v, size_t n_samples)
{
    json_t *out = json_object(), *years = json_array();
    for (size_t k = 0; k < QLAB_DIFF_KINDS; k++) {
        uint64_t n = 0;
        json_t *o = json_object(), *samples = json_array();
        for (size_t i = 0; i < d->n_years; i++)
            n += d->years[i].n[k];
        for (size_t i = 0; i < d->n_bars[k] && i < n_samples; i++) {
            const qlab_diff_bar *b = &d->bars[k][i];
            json_t *x = named(v, b->asset_ix);
            json_object_set_new(x, "date", day(b->date));
            json_object_set_new(x, "was",
                                k == QLAB_DIFF_NEW || k == QLAB_DIFF_LATE ? json_null()
                                                                          : row_json(b->was));
            json_object_set_new(x, "is", k == QLAB_DIFF_GONE ? json_null() : row_json(b->is));
            json_array_append_new(samples, x);
        }
        json_object_set_new(o, "count", whole(n));
        json_object_set_new(o, "assets", whole(d->n_bars[k]));
        json_object_set_new(o, "samples", samples);
        json_object_set_new(out, qlab_diff_kind_name((qlab_diff_kind)k), o);
    }
    for (size_t i = 0; i < d->n_years; i++) {
        const qlab_diff_year *y = &d->years[i];
        json_t *o = json_object();
        json_object_set_new(o, "asset_class",
                            json_string(qlab_asset_class_name((qlab_asset_class)y->asset_class)));
        json_object_set_new(o, "year", json_integer(y->year));
        for (size_t k = 0; k < QLAB_DIFF_KINDS; k++)
            json_object_set_new(o, qlab_diff_kind_name((qlab_diff_kind)k), whole(y->n[k]));
        json_array_append_new(years, o);
    }
    json_object_set_new(out, "by_class_and_year", years);
    return out;
}

/* ---- facts ------------------------------------------------------------------------------------
 */

static json_t *action_json(const qlab_action *a)
{
    if (a == NULL)
        return json_null();
    json_t *o = json_object();
    json_object_set_new(o, "type", json_string(qlab_action_type_name(a->type)));
    json_object_set_new(o, "source", json_string(qlab_action_source_name(a->source)));
    json_object_set_new(o, "split_factor", qlab_json_f64(a->r));
    json_object_set_new(o, "dividend_cash", qlab_json_f64(a->d));
    json_object_set_new(o, "c", qlab_json_f64(a->c));
    return o;
}

static json_t *delisting_json(const qlab_delisting *x)
{
    if (x == NULL)
        return json_null();
    json_t *o = json_object();
    json_object_set_new(o, "code", json_string(qlab_delist_code_name(x->code)));
    json_object_set_new(o, "delist_return", qlab_json_f64(x->delist_return));
    return o;
}

static json_t *life_json(const qlab_life *x)
{
    if (x == NULL)
        return json_null();
    json_t *o = json_object();
    json_object_set_new(o, "life_no", json_integer(x->life_no));
    json_object_set_new(o, "first_date", day(x->first_date));
    return o;
}

/* {added, removed, changed, samples}. */
#define FACTS_JSON(table, to_json, date)                                                           \
    static json_t *table##_json(const qlab_diff *d, const qlab_lake_view *v, size_t n_samples)     \
    {                                                                                              \
        uint64_t n[3] = {0};                                                                       \
        json_t *o = json_object(), *samples = json_array();                                        \
        for (size_t i = 0; i < d->n_##table; i++) {                                                \
            const bool had = d->table[i].was != NULL, has = d->table[i].is != NULL;                \
            n[had && has ? 2 : had ? 1 : 0]++;                                                     \
            if (i >= n_samples)                                                                    \
                continue;                                                                          \
            json_t *x = named(v, has ? d->table[i].is->asset_ix : d->table[i].was->asset_ix);      \
            json_object_set_new(x, "date",                                                         \
                                day(has ? d->table[i].is->date : d->table[i].was->date));          \
            json_object_set_new(x, "was", to_json(d->table[i].was));                               \
            json_object_set_new(x, "is", to_json(d->table[i].is));                                 \
            json_array_append_new(samples, x);                                                     \
        }                                                                                          \
        json_object_set_new(o, "added", whole(n[0]));                                              \
        json_object_set_new(o, "removed", whole(n[1]));                                            \
        json_object_set_new(o, "changed", whole(n[2]));                                            \
        json_object_set_new(o, "samples", samples);                                                \
        return o;                                                                                  \
    }

FACTS_JSON(actions, action_json, ex_date)
FACTS_JSON(delistings, delisting_json, delist_date)
FACTS_JSON(lives, life_json, first_date)

static json_t *session_json(uint8_t s)
{
    return s == UINT8_MAX ? json_null() : json_boolean(s);
}

static json_t *calendar_json(const qlab_diff *d, size_t n_samples)
{
    uint64_t n_new = 0, n_old = 0;
    json_t *o = json_object(), *samples = json_array();
    for (size_t i = 0; i < d->n_days; i++) {
        const qlab_diff_day *x = &d->days[i];
        n_new += x->is_new;
        n_old += !x->is_new;
        if (x->is_new || n_old > n_samples)
            continue;
        json_t *s = json_object();
        json_object_set_new(s, "exchange", json_string(x->exchange));
        json_object_set_new(s, "date", day(x->date));
        json_object_set_new(s, "was_session", session_json(x->was));
        json_object_set_new(s, "is_session", session_json(x->is));
        json_array_append_new(samples, s);
    }
    json_object_set_new(o, "new_dates", whole(n_new));
    json_object_set_new(o, "changed_dates", whole(n_old));
    json_object_set_new(o, "samples", samples);
    return o;
}

static const char *reason_name(uint8_t reason)
{
    return reason == QLAB_ELIGIBILITY_COUNT ? "NOT_THERE" : qlab_eligibility_name(reason);
}

static json_t *universe_json(const qlab_diff *d, const qlab_lake_view *v, size_t n_samples)
{
    uint64_t n = 0;
    json_t *o = json_object(), *moves = json_array(), *samples = json_array();
    for (uint8_t a = 0; a <= QLAB_ELIGIBILITY_COUNT; a++)
        for (uint8_t b = 0; b <= QLAB_ELIGIBILITY_COUNT; b++) {
            if (a == b || d->reasons[a][b] == 0)
                continue;
            json_t *m = json_object();
            json_object_set_new(m, "was", json_string(reason_name(a)));
            json_object_set_new(m, "is", json_string(reason_name(b)));
            json_object_set_new(m, "assets", whole(d->reasons[a][b]));
            json_array_append_new(moves, m);
            n += d->reasons[a][b];
        }
    size_t n_shown = 0;
    for (size_t r = 0; r < v->n_assets && n_shown < n_samples; r++) {
        const qlab_diff_asset *a = qlab_diff_find(d, v->by_id[r]);
        if (a == NULL || !(a->what & QLAB_DIFF_ELIGIBILITY))
            continue;
        json_t *x = named(v, a->asset_ix);
        json_object_set_new(x, "was", json_string(reason_name(a->was_reason)));
        json_object_set_new(x, "is", json_string(reason_name(a->is_reason)));
        json_array_append_new(samples, x);
        n_shown++;
    }
    json_object_set_new(o, "changed", whole(n));
    json_object_set_new(o, "moves", moves);
    json_object_set_new(o, "samples", samples);
    return o;
}

json_t *qlab_diff_json(const qlab_diff *d, const qlab_snapshot *earlier, const qlab_snapshot *later,
                       size_t n_samples)
{
    const qlab_lake_view *v =
        later->lake->n_assets >= earlier->lake->n_assets ? later->lake : earlier->lake;
    json_t *inputs = json_object();
    json_object_set_new(inputs, "earlier", input_of(earlier));
    json_object_set_new(inputs, "later", input_of(later));
    char *run_id = qlab_asprintf("diff_%s_%s", earlier->id, later->id);
    json_t *m = qlab_artifact_begin("snapshot_diff/1", run_id, inputs);
    qlab_free(run_id);
    json_decref(inputs);
    json_object_set_new(m, "same_content",
                        json_boolean(strcmp(earlier->digest, later->digest) == 0));
    json_object_set_new(m, "content_changed", content_of(earlier, later));
    json_object_set_new(m, "assets", asset_lists(d, v, n_samples));
    json_object_set_new(m, "assets_touched", whole(d->n_assets));
    json_object_set_new(m, "bars", bars_json(d, v, n_samples));
    json_object_set_new(m, "actions", actions_json(d, v, n_samples));
    json_object_set_new(m, "delistings", delistings_json(d, v, n_samples));
    json_object_set_new(m, "lives", lives_json(d, v, n_samples));
    json_object_set_new(m, "calendar", calendar_json(d, n_samples));
    json_object_set_new(m, "universe", universe_json(d, v, n_samples));
    json_object_set_new(m, "bars_read", whole(d->n_rows_read));
    return m;
}
