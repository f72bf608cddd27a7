#include "base/alloc.h"
#include "base/date.h"
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

static json_t *basis(qlab_basis b)
{
    return json_string(b == QLAB_BASIS_RAW ? "raw" : "split_adjusted");
}

static json_t *count_classes(const qlab_build *b)
{
    uint64_t n[QLAB_CLASS_COUNT] = {0}, eligible[QLAB_CLASS_COUNT] = {0};
    json_t *o = json_object();
    for (size_t i = 0; i < b->found.n_universe; i++) {
        const qlab_universe_row *u = &b->found.universe[i];
        n[b->view->assets[u->asset_ix].asset_class]++;
        eligible[b->view->assets[u->asset_ix].asset_class] += u->reason == QLAB_ELIGIBLE;
    }
    for (size_t c = 0; c < QLAB_CLASS_COUNT; c++)
        if (n[c] > 0) {
            json_t *k = json_object();
            json_object_set_new(k, "assets", whole(n[c]));
            json_object_set_new(k, "eligible", whole(eligible[c]));
            json_object_set_new(o, qlab_asset_class_name((qlab_asset_class)c), k);
        }
    return o;
}

static json_t *count_bars(const qlab_build *b)
{
    const qlab_bar_totals *t = &b->found.totals;
    json_t *o = json_object(), *flags = json_object(), *reasons = json_object();
    json_object_set_new(o, "stored", whole(t->n_bars));
    json_object_set_new(o, "valid", whole(t->n_valid));
    json_object_set_new(o, "void_close", whole(t->n_void_close));
    json_object_set_new(o, "session_phantom", whole(t->n_void_phantom));
    for (unsigned i = 0; i < QLAB_FLAG_BITS; i++)
        json_object_set_new(flags, qlab_flag_name(i), whole(t->flag[i]));
    for (uint8_t i = 0; i < QLAB_ELIGIBILITY_COUNT; i++)
        if (i != QLAB_INELIGIBLE_NO_BAR) /* a bar is there: it is what is counted */
            json_object_set_new(reasons, qlab_eligibility_name(i), whole(t->reason[i]));
    json_object_set_new(o, "flags", flags);
    json_object_set_new(o, "eligibility", reasons);
    return o;
}

static json_t *count_universe(const qlab_build *b)
{
    uint64_t n[QLAB_ELIGIBILITY_COUNT] = {0};
    json_t *o = json_object();
    for (size_t i = 0; i < b->found.n_universe; i++)
        n[b->found.universe[i].reason]++;
    for (uint8_t i = 0; i < QLAB_ELIGIBILITY_COUNT; i++)
        json_object_set_new(o, qlab_eligibility_name(i), whole(n[i]));
    return o;
}

static json_t *count_actions(const qlab_build *b)
{
    uint64_t n[QLAB_SOURCES][QLAB_ACTION_TYPES] = {{0}}, in_basis = 0, facts = 0;
    json_t *o = json_object(), *applied = json_object();
    for (size_t i = 0; i < b->found.n_applied; i++) {
        const qlab_action *a = &b->facts[b->found.applied[i].fact];
        n[a->source][a->type]++;
        in_basis += b->found.applied[i].in_basis;
    }
    for (size_t i = 0; i < b->n_facts; i++)
        facts += b->facts[i].ex_date <= b->asof;
    json_object_set_new(o, "facts", whole(facts));
    for (uint8_t s = 0; s < QLAB_SOURCES; s++) {
        json_t *k = json_object();
        for (uint8_t t = 0; t < QLAB_ACTION_TYPES; t++)
            json_object_set_new(k, qlab_action_type_name(t), whole(n[s][t]));
        json_object_set_new(applied, qlab_action_source_name(s), k);
    }
    json_object_set_new(o, "kept", applied);
    json_object_set_new(o, "in_basis", whole(in_basis));
    json_object_set_new(o, "steps", whole(b->found.n_steps));
    json_object_set_new(o, "findings", whole(b->found.n_findings));
    return o;
}

uint64_t qlab_build_n_delistings(const qlab_build *b)
{
    uint64_t n = 0;
    for (size_t i = 0; i < b->n_delistings; i++)
        n += b->delistings[i].delist_date <= b->asof;
    return n;
}

static json_t *count_calendar(const qlab_build *b)
{
    json_t *o = json_array();
    for (size_t e = 0; e < b->n_exchanges; e++) {
        const qlab_exchange_days *d = &b->days[e];
        json_t *k = json_object();
        json_object_set_new(k, "exchange", json_string(d->exchange));
        json_object_set_new(k, "dates", whole(d->n));
        json_object_set_new(k, "sessions", whole(d->n_sessions));
        json_object_set_new(k, "first_session",
                            day(d->n_sessions ? d->session[0] : QLAB_DATE_NONE));
        json_object_set_new(k, "last_session",
                            day(d->n_sessions ? d->session[d->n_sessions - 1] : QLAB_DATE_NONE));
        json_array_append_new(o, k);
    }
    return o;
}

json_t *qlab_build_inputs(const qlab_build *b, const qlab_content *content)
{
    json_t *inputs = json_object();
    json_object_set_new(inputs, "commit", whole(b->view->commit));
    json_object_set_new(inputs, "commit_sha256", json_string(b->commit_sha256));
    json_object_set_new(
        inputs, "content",
        qlab_content_json(content, b->asof, b->view->price_basis, b->view->volume_basis));
    return inputs;
}

static json_t *rule_of(const qlab_build *b)
{
    json_t *rule = qlab_eligible_rule_json(&b->o.rule);
    json_object_set_new(rule, "min_eligible", json_integer(b->o.min_eligible));
    return rule;
}

static json_t *basis_flags(const qlab_build *b)
{
    json_t *flags = json_array();
    if (b->view->price_basis != QLAB_BASIS_RAW)
        json_array_append_new(flags, json_string("PRICE_BASIS_ADJUSTED"));
    if (b->view->volume_basis != QLAB_BASIS_RAW)
        json_array_append_new(flags, json_string("VOLUME_BASIS_UNKNOWN"));
    return flags;
}

json_t *qlab_build_manifest(const qlab_build *b, const char *id, const qlab_content *content,
                            json_t *files)
{
    char hex[QLAB_HEX_BYTES];
    json_t *inputs = qlab_build_inputs(b, content), *hashed = json_object_get(inputs, "content");
    char *run_id = qlab_asprintf("snapshot_%s", id);
    json_t *m = qlab_artifact_begin("snapshot_manifest/1", run_id, inputs);
    qlab_free(run_id);
    json_object_set_new(m, "snapshot_id", json_string(id));
    json_object_set_new(m, "content_digest", json_string(qlab_hex(qlab_json_digest(hashed), hex)));
    json_object_set_new(m, "asof", day(b->asof));
    json_object_set_new(m, "universe_date", day(b->universe_date));
    json_object_set_new(m, "commit", whole(b->view->commit));
    json_object_set_new(m, "price_basis", basis(b->view->price_basis));
    json_object_set_new(m, "volume_basis", basis(b->view->volume_basis));
    json_object_set_new(m, "flags", basis_flags(b));
    json_object_set_new(m, "universe_rule", rule_of(b));
    json_object_set_new(m, "calendar", json_string(b->exchange_names[b->master_exchange]));
    json_object_set_new(m, "master_sessions", whole(b->days[b->master_exchange].n_sessions));
    json_object_set_new(m, "axis_sessions", whole(b->n_axis));
    json_object_set_new(m, "axis_first", day(b->n_axis ? b->axis[0] : QLAB_DATE_NONE));
    json_object_set_new(m, "axis_last", day(b->n_axis ? b->axis[b->n_axis - 1] : QLAB_DATE_NONE));
    json_object_set_new(m, "assets", whole(b->view->n_assets));
    json_object_set_new(m, "classes", count_classes(b));
    json_object_set_new(m, "universe", count_universe(b));
    json_object_set_new(m, "bars", count_bars(b));
    json_object_set_new(m, "exchanges", count_calendar(b));
    json_object_set_new(m, "lives", whole(b->found.n_lives));
    json_object_set_new(m, "actions", count_actions(b));
    json_object_set_new(m, "delistings", whole(qlab_build_n_delistings(b)));
    if (b->sectors.of != NULL)
        json_object_set_new(m, "sectors", whole(b->sectors.n_known));
    json_object_set(m, "files", files);
    json_decref(inputs);
    return m;
}

json_t *qlab_build_head(const qlab_build *b, const char *id, const qlab_content *content)
{
    uint64_t n_eligible = 0;
    for (size_t i = 0; i < b->found.n_universe; i++)
        n_eligible += b->found.universe[i].reason == QLAB_ELIGIBLE;
    json_t *inputs = qlab_build_inputs(b, content);
    char *run_id = qlab_asprintf("snapshot_%s", id);
    json_t *m = qlab_artifact_begin("snapshot_head/1", run_id, inputs);
    qlab_free(run_id);
    json_decref(inputs);
    json_object_set_new(m, "snapshot_id", json_string(id));
    json_object_set_new(m, "asof", day(b->asof));
    json_object_set_new(m, "commit", whole(b->view->commit));
    json_object_set_new(m, "assets", whole(b->view->n_assets));
    json_object_set_new(m, "eligible", whole(n_eligible));
    return m;
}
