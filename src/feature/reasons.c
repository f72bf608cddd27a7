/* Why parts were made again; see reasons.h. */
#include "feature/reasons.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/json.h"
#include "feature/manifest.h"
#include "snapshot/diff.h"
#include <stdlib.h>
#include <string.h>

typedef enum reason {
    NEW_SESSION,
    BARS_CHANGED,
    ACTION,
    DELISTING,
    LIFE,
    CALENDAR,
    UNIVERSE,
    FX,
    CATALOGUE,
    RANGE,
    LOST,
    NO_RECORD,
    REASONS
} reason;

static const char *const NAMES[REASONS] = {"NEW_SESSION", "BARS_CHANGED", "ACTION",   "DELISTING",
                                           "LIFE",        "CALENDAR",     "UNIVERSE", "FX",
                                           "CATALOGUE",   "RANGE",        "LOST",     "NO_RECORD"};

enum { N_SAMPLES = 3 };

const char *qlab_reach_name(qlab_reach r)
{
    static const char *const names[QLAB_REACHES] = {"plan",       "catalogue", "universe",
                                                    "bars",       "actions",   "lives",
                                                    "delistings", "calendar",  "fx"};
    return names[r];
}

typedef struct asker {
    const qlab_env *env;
    const qlab_snapshot *snap;
    const qlab_range_plan *range;
    qlab_panel_part *before; /* of the earlier set, by (kind, month, bucket) */
    size_t n_before;
    qlab_snapshot *was; /* NULL: it is gone */
    qlab_diff diff;
    int32_t was_asof;
    bool days_changed, rule_changed, fx_changed;
    uint64_t count[REASONS];
} asker;

static int cmp_place(const void *a, const void *b)
{
    const qlab_panel_part *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->month != y->month)
        return x->month < y->month ? -1 : 1;
    return (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

static qlab_code take_parts(asker *k, const json_t *manifest, const char *id, qlab_err *err)
{
    json_t *parts;
    qlab_code code = qlab_json_get_array(manifest, id, "parts", &parts, err);
    if (code != QLAB_OK)
        return code;
    k->before = qlab_alloc(json_array_size(parts), sizeof *k->before);
    for (size_t i = 0; i < json_array_size(parts) && code == QLAB_OK; i++) {
        code = qlab_set_manifest_part(json_array_get(parts, i), id, &k->before[i], err);
        k->n_before += code == QLAB_OK;
    }
    if (k->n_before > 1)
        qsort(k->before, k->n_before, sizeof *k->before, cmp_place);
    return code;
}

static bool content_differs(const asker *k, const char *member)
{
    const json_t *a = json_object_get(json_object_get(k->was->manifest, "inputs"), "content");
    const json_t *b = json_object_get(json_object_get(k->snap->manifest, "inputs"), "content");
    return !json_equal(json_object_get(a, member), json_object_get(b, member));
}

static qlab_code take_snapshot(asker *k, const json_t *manifest, const char *id, qlab_err *err)
{
    json_t *inputs, *snapshot;
    const char *was = NULL, *asof = NULL;
    qlab_code code = qlab_json_get_object(manifest, id, "inputs", &inputs, err);
    if (code == QLAB_OK)
        code = qlab_json_get_object(inputs, id, "snapshot", &snapshot, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(snapshot, id, "id", &was, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(manifest, id, "asof_date", &asof, err);
    if (code == QLAB_OK && !qlab_date_parse(asof, strlen(asof), &k->was_asof))
        code = qlab_fail(err, QLAB_E_CORRUPT, "%s: asof_date was \"%s\", no date", id, asof);
    if (code != QLAB_OK)
        return code;
    code = qlab_snapshot_open(k->env, was, &k->was, err);
    if (code == QLAB_E_NOT_FOUND) { /* removed since: what parts reach is all there is to ask */
        qlab_log_line(k->env->log, QLAB_LOG_WARN, "features",
                      "event=snapshot_gone snapshot=%s detail=\"reasons come without samples\"",
                      was);
        qlab_err_reset(err);
        return QLAB_OK;
    }
    if (code == QLAB_OK)
        code = qlab_snapshot_diff(k->env, k->was, k->snap, &k->diff, err);
    if (code != QLAB_OK)
        return code;
    for (size_t i = 0; i < k->diff.n_days; i++)
        k->days_changed |= !k->diff.days[i].is_new;
    k->rule_changed = content_differs(k, "universe_rule");
    k->fx_changed = content_differs(k, "fx");
    return QLAB_OK;
}

/* ---- one part ---------------------------------------------------------------------------------
 */

/* The dates of bars that can change a part. */
static void span_of(const qlab_snapshot *snap, qlab_panel_kind kind, const qlab_month_plan *m,
                    int32_t *from, int32_t *to)
{
    /* 560 bars before the year, of names that trade nearly every session. */
    *from =
        kind == QLAB_PANEL_LABELS ? m->first : qlab_date_make(qlab_date_year(m->first) - 3, 1, 1);
    *to = kind == QLAB_PANEL_LABELS ? qlab_partkey_label_reach(snap, m) : m->last;
}

/* What the bucket's changed assets did, as far as it can reach dates [from, to]. */
typedef struct evidence {
    bool new_bars, old_bars, actions, delistings, lives, assets;
    uint32_t sample[N_SAMPLES];
    size_t n_samples;
} evidence;

static evidence look(const asker *k, uint32_t bucket, int32_t from, int32_t to)
{
    evidence e = {0};
    const uint32_t first = bucket * QLAB_LAKE_BUCKET_ASSETS;
    size_t i = 0, hi = k->diff.n_assets;
    while (i < hi) {
        const size_t mid = i + (hi - i) / 2;
        if (k->diff.assets[mid].asset_ix < first)
            i = mid + 1;
        else
            hi = mid;
    }
    for (; i < k->diff.n_assets && k->diff.assets[i].asset_ix < first + QLAB_LAKE_BUCKET_ASSETS;
         i++) {
        const qlab_diff_asset *a = &k->diff.assets[i];
        const bool facts = a->facts_first != QLAB_DATE_NONE && a->facts_first <= to;
        e.new_bars |= (a->what & QLAB_DIFF_NEW_BARS) != 0;
        e.actions |= (a->what & QLAB_DIFF_ACTIONS) && facts;
        e.delistings |= (a->what & QLAB_DIFF_DELISTINGS) && facts;
        e.lives |= (a->what & QLAB_DIFF_LIVES) && facts;
        e.assets |= (a->what & (QLAB_DIFF_ADDED | QLAB_DIFF_MASTER)) != 0;
        if (!(a->what & QLAB_DIFF_OLD_BARS) || a->old_first > to || a->old_last < from)
            continue;
        e.old_bars = true;
        if (e.n_samples < N_SAMPLES)
            e.sample[e.n_samples++] = a->asset_ix;
    }
    return e;
}

/* The reasons of a part whose predecessor reached otherwise in the kinds of `differs`. */
static unsigned reasons_of(const asker *k, unsigned differs, const evidence *e, int32_t to)
{
#define DIFFERS(r) ((differs >> QLAB_REACH_##r & 1u) != 0)
    const unsigned bars = DIFFERS(BARS), lives = DIFFERS(LIVES);
    unsigned out = 0;
    if (to > k->was_asof && (DIFFERS(PLAN) || DIFFERS(CALENDAR) || (bars && e->new_bars)))
        out |= 1u << NEW_SESSION;
    else if (DIFFERS(PLAN))
        out |= 1u << RANGE;
    out |= bars && e->old_bars ? 1u << BARS_CHANGED : 0;
    if (out == 0 && ((bars && e->new_bars) || (lives && !e->lives)) && k->snap->asof > k->was_asof)
        out |= 1u << NEW_SESSION; /* a label that waited for a price, or for a name to be gone */
    out |= DIFFERS(ACTIONS) && e->actions ? 1u << ACTION : 0;
    out |= DIFFERS(DELISTINGS) && e->delistings ? 1u << DELISTING : 0;
    out |= lives && e->lives ? 1u << LIFE : 0;
    out |= DIFFERS(CALENDAR) && k->days_changed ? 1u << CALENDAR : 0;
    out |= DIFFERS(UNIVERSE) && (e->assets || k->rule_changed) ? 1u << UNIVERSE : 0;
    out |= DIFFERS(FX) && k->fx_changed ? 1u << FX : 0;
    out |= DIFFERS(CATALOGUE) ? 1u << CATALOGUE : 0;
    if (out != 0)
        return out;
    /* Nothing in the difference of the snapshots speaks of it: name what is hashed otherwise. */
    out |= bars ? 1u << BARS_CHANGED : 0;
    out |= DIFFERS(ACTIONS) ? 1u << ACTION : 0;
    out |= DIFFERS(DELISTINGS) ? 1u << DELISTING : 0;
    out |= lives ? 1u << LIFE : 0;
    out |= DIFFERS(CALENDAR) ? 1u << CALENDAR : 0;
    out |= DIFFERS(UNIVERSE) ? 1u << UNIVERSE : 0;
    return out;
#undef DIFFERS
}

static const qlab_month_plan *plan_of(const asker *k, int32_t month)
{
    for (size_t i = 0; i < k->range->n_months; i++)
        if (k->range->months[i].month == month)
            return &k->range->months[i];
    return NULL;
}

static qlab_code ask_part(asker *k, const qlab_panel_part *p, json_t *made, qlab_err *err)
{
    const qlab_panel_part *old =
        k->n_before > 0 ? bsearch(p, k->before, k->n_before, sizeof *k->before, cmp_place) : NULL;
    const qlab_month_plan *plan = plan_of(k, p->month);
    int32_t from = QLAB_DATE_NONE, to = INT32_MAX;
    if (plan != NULL)
        span_of(k->snap, p->kind, plan, &from, &to);
    evidence e = look(k, p->bucket, from, to);
    if (p->kind == QLAB_PANEL_LABELS && !e.old_bars) { /* an exit may wait for a later bar */
        const evidence later = look(k, p->bucket, from, k->snap->asof);
        e.old_bars = later.old_bars;
        e.n_samples = later.n_samples;
        memcpy(e.sample, later.sample, sizeof e.sample);
    }
    qlab_part_reach was;
    bool found = false;
    unsigned reasons = 0;
    if (old == NULL) {
        reasons = plan != NULL && plan->last > k->was_asof ? 1u << NEW_SESSION
                  : e.assets                               ? 1u << UNIVERSE
                  : e.old_bars                             ? 1u << BARS_CHANGED
                                                           : 1u << RANGE;
    } else if (strcmp(old->name, p->name) == 0) {
        reasons = 1u << LOST;
    } else {
        qlab_code code = qlab_panel_part_reach(k->env->root, old->name, &found, &was, err);
        if (code != QLAB_OK)
            return code;
        unsigned differs = 0;
        for (size_t r = 0; found && r < QLAB_REACHES; r++)
            differs |= was.of[r] != p->reach.of[r] ? 1u << r : 0;
        reasons = found ? reasons_of(k, differs, &e, to) : 1u << NO_RECORD;
    }
    char month[QLAB_DATE_BYTES];
    qlab_date_format(qlab_date_of_month_index(p->month), month);
    month[7] = '\0';
    json_t *o = json_object(), *list = json_array();
    json_object_set_new(o, "kind", json_string(qlab_panel_kind_name(p->kind)));
    json_object_set_new(o, "month", json_string(month));
    json_object_set_new(o, "bucket", json_integer((json_int_t)p->bucket));
    json_object_set_new(o, "name", json_string(p->name));
    for (size_t r = 0; r < REASONS; r++)
        if (reasons >> r & 1u) {
            json_array_append_new(list, json_string(NAMES[r]));
            k->count[r]++;
        }
    json_object_set_new(o, "reasons", list);
    if (reasons >> BARS_CHANGED & 1u) {
        json_t *assets = json_array();
        for (size_t i = 0; i < e.n_samples; i++)
            json_array_append_new(assets, json_string(k->snap->lake->assets[e.sample[i]].asset_id));
        json_object_set_new(o, "assets", assets);
    }
    json_array_append_new(made, o);
    return QLAB_OK;
}

qlab_code qlab_reasons_make(const qlab_env *env, const qlab_snapshot *snap, const char *from_set,
                            const qlab_range_plan *range, const qlab_panel_part *parts,
                            size_t n_parts, json_t **out, qlab_err *err)
{
    asker k = {.env = env, .snap = snap, .range = range};
    json_t *manifest = NULL, *made = json_array(), *by_reason = json_object();
    qlab_code code = qlab_features_manifest(env, from_set, &manifest, err);
    if (code == QLAB_OK)
        code = take_parts(&k, manifest, from_set, err);
    if (code == QLAB_OK)
        code = take_snapshot(&k, manifest, from_set, err);
    for (size_t i = 0; i < n_parts && code == QLAB_OK; i++)
        if (parts[i].made)
            code = ask_part(&k, &parts[i], made, err);
    if (code == QLAB_OK) {
        *out = json_object();
        json_object_set_new(*out, "from_set", json_string(from_set));
        json_object_set(
            *out, "from_snapshot",
            json_object_get(json_object_get(json_object_get(manifest, "inputs"), "snapshot"),
                            "id"));
        for (size_t r = 0; r < REASONS; r++)
            if (k.count[r] > 0)
                json_object_set_new(by_reason, NAMES[r], json_integer((json_int_t)k.count[r]));
        json_object_set_new(*out, "parts", json_integer((json_int_t)json_array_size(made)));
        json_object_set(*out, "by_reason", by_reason);
        json_object_set(*out, "made", made);
    }
    json_decref(by_reason);
    json_decref(made);
    json_decref(manifest);
    qlab_diff_free(&k.diff);
    qlab_snapshot_close(k.was);
    qlab_free(k.before);
    return code;
}
