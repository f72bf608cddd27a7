#include "truth/layers.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* `code`: the layer's name in the codes that operators know. */
static const struct {
    const char *name, *code;
} layer_names[QLAB_LAYERS] = {{"bars", "BARS"},
                              {"assets", "ASSET_MASTER"},
                              {"actions", "CORP_ACTIONS"},
                              {"delistings", "DELISTINGS"},
                              {"lives", "LIVES"},
                              {"calendar", "CALENDAR"},
                              {"fx", "FX"}};

const char *const qlab_layer_policy_names[QLAB_LAYER_POLICIES + 1] = {
    "placeholder_allowed", "derived_allowed", "real_required", NULL};

#define REASONS(CODE)                                                                              \
    {                                                                                              \
        NULL, "PLACEHOLDER_" CODE "_NOT_ALLOWED", "REQUIRE_REAL_" CODE "_NOT_MET"                  \
    }
static const char *const reasons[QLAB_LAYERS][QLAB_LAYER_POLICIES] = {
    REASONS("BARS"),       REASONS("ASSET_MASTER"), REASONS("CORP_ACTIONS"),
    REASONS("DELISTINGS"), REASONS("LIVES"),        REASONS("CALENDAR"),
    REASONS("FX")};

const char *qlab_layer_name(qlab_layer layer)
{
    assert(layer < QLAB_LAYERS);
    return layer_names[layer].name;
}

const char *qlab_layer_policy_name(qlab_layer_policy policy)
{
    assert(policy < QLAB_LAYER_POLICIES);
    return qlab_layer_policy_names[policy];
}

const char *qlab_layer_state_name(qlab_layer_state state)
{
    static const char *const names[] = {"PLACEHOLDER", "DERIVED", "MIXED", "REAL"};
    assert(state <= QLAB_LAYER_REAL);
    return names[state];
}

bool qlab_layer_parse(qlab_str s, qlab_layer *out)
{
    for (int i = 0; i < QLAB_LAYERS; i++)
        if (qlab_str_eq(s, qlab_str_of(layer_names[i].name))) {
            *out = (qlab_layer)i;
            return true;
        }
    return false;
}

bool qlab_layer_policy_parse(qlab_str s, qlab_layer_policy *out)
{
    for (int i = 0; i < QLAB_LAYER_POLICIES; i++)
        if (qlab_str_eq(s, qlab_str_of(qlab_layer_policy_names[i]))) {
            *out = (qlab_layer_policy)i;
            return true;
        }
    return false;
}

qlab_layer_policies qlab_layer_policies_default(void)
{
    return (qlab_layer_policies){{[QLAB_LAYER_BARS] = QLAB_LAYER_REAL_REQUIRED,
                                  [QLAB_LAYER_ASSETS] = QLAB_LAYER_REAL_REQUIRED,
                                  [QLAB_LAYER_ACTIONS] = QLAB_LAYER_PLACEHOLDER_ALLOWED,
                                  [QLAB_LAYER_DELISTINGS] = QLAB_LAYER_PLACEHOLDER_ALLOWED,
                                  [QLAB_LAYER_LIVES] = QLAB_LAYER_DERIVED_ALLOWED,
                                  [QLAB_LAYER_CALENDAR] = QLAB_LAYER_DERIVED_ALLOWED,
                                  [QLAB_LAYER_FX] = QLAB_LAYER_PLACEHOLDER_ALLOWED}};
}

qlab_code qlab_layer_policies_parse(const char *text, qlab_layer_policies *out, qlab_err *err)
{
    while (*text != '\0') {
        size_t n = strcspn(text, ",");
        const char *equals = memchr(text, '=', n);
        qlab_str name = {text, equals ? (size_t)(equals - text) : n};
        qlab_str word = {equals ? equals + 1 : "", equals ? n - name.n - 1 : 0};
        qlab_layer layer;
        qlab_layer_policy policy;
        if (!qlab_layer_parse(name, &layer))
            return qlab_fail(err, QLAB_E_USAGE,
                             "\"%.*s\" was no layer: give bars, assets, actions, delistings, "
                             "lives, calendar or fx",
                             (int)(name.n > 60 ? 60 : name.n), name.at);
        if (!qlab_layer_policy_parse(word, &policy))
            return qlab_fail(err, QLAB_E_USAGE,
                             "the policy of %s was \"%.*s\": give real_required, derived_allowed "
                             "or placeholder_allowed, as %s=real_required",
                             layer_names[layer].name, (int)(word.n > 60 ? 60 : word.n), word.at,
                             layer_names[layer].name);
        out->of[layer] = (uint8_t)policy;
        text += n + (text[n] == ',');
    }
    return QLAB_OK;
}

qlab_layer_state qlab_layer_state_of(const qlab_layer_facts *f)
{
    if (f->n_real > 0)
        return f->n_derived > 0 ? QLAB_LAYER_MIXED : QLAB_LAYER_REAL;
    return f->n_derived > 0 ? QLAB_LAYER_DERIVED : QLAB_LAYER_PLACEHOLDER;
}

bool qlab_layer_meets(qlab_layer_state state, qlab_layer_policy policy)
{
    switch (policy) {
    case QLAB_LAYER_REAL_REQUIRED:
        return state == QLAB_LAYER_REAL;
    case QLAB_LAYER_DERIVED_ALLOWED:
        return state != QLAB_LAYER_PLACEHOLDER;
    default:
        return true;
    }
}

const char *qlab_layer_reason(qlab_layer layer, qlab_layer_state state, qlab_layer_policy policy)
{
    assert(layer < QLAB_LAYERS && policy < QLAB_LAYER_POLICIES);
    return qlab_layer_meets(state, policy) ? NULL : reasons[layer][policy];
}

qlab_code qlab_layers_check(const qlab_layer_facts facts[QLAB_LAYERS],
                            const qlab_layer_policies *policies, qlab_err *err)
{
    for (int i = 0; i < QLAB_LAYERS; i++) {
        const qlab_layer_facts *f = &facts[i];
        const qlab_layer_policy policy = (qlab_layer_policy)policies->of[i];
        const char *reason = qlab_layer_reason((qlab_layer)i, qlab_layer_state_of(f), policy);
        if (reason == NULL)
            continue;
        return qlab_fail(err, QLAB_E_NOT_FOUND,
                         "%s: layer %s must be %s, but %" PRIu64 " of its %" PRIu64
                         " rows were delivered (%s)%s%s; %s, or allow it: --layers %s=%s",
                         reason, layer_names[i].name, qlab_layer_policy_names[policy], f->n_real,
                         f->n_real + f->n_derived, f->source_mode,
                         f->derived_example ? "; the first that was not: " : "",
                         f->derived_example ? f->derived_example : "", f->remedy,
                         layer_names[i].name,
                         f->n_derived > 0 ? "derived_allowed" : "placeholder_allowed");
    }
    return QLAB_OK;
}

static json_t *whole(uint64_t n)
{
    return json_integer((json_int_t)n);
}

json_t *qlab_layer_json(const qlab_layer_facts *f, qlab_layer layer)
{
    const qlab_layer_state state = qlab_layer_state_of(f);
    json_t *o = json_object(), *coverage = json_object(), *confidence = json_object();
    json_t *verdicts = json_object();
    json_object_set_new(o, "source_mode", json_string(f->source_mode));
    json_object_set_new(o, "state", json_string(qlab_layer_state_name(state)));
    json_object_set_new(o, "rows", whole(f->n_real + f->n_derived));
    json_object_set_new(o, "rows_real", whole(f->n_real));
    json_object_set_new(o, "rows_derived", whole(f->n_derived));
    json_object_set_new(coverage, "counts", json_string(f->covers));
    json_object_set_new(coverage, "covered", whole(f->n_covered));
    json_object_set_new(coverage, "of", whole(f->n_of));
    json_object_set_new(o, "coverage", coverage);
    json_object_set_new(confidence, "high", whole(f->n_confidence[0]));
    json_object_set_new(confidence, "medium", whole(f->n_confidence[1]));
    json_object_set_new(confidence, "low", whole(f->n_confidence[2]));
    json_object_set_new(o, "confidence", confidence);
    for (int p = 0; p < QLAB_LAYER_POLICIES; p++) {
        const char *reason = qlab_layer_reason(layer, state, (qlab_layer_policy)p);
        json_object_set_new(verdicts, qlab_layer_policy_names[p],
                            json_string(reason ? reason : "PASS"));
    }
    json_object_set_new(o, "verdicts", verdicts);
    return o;
}

static void warn(json_t *list, const char *code, const char *what)
{
    char text[80];
    snprintf(text, sizeof text, "CONTRACT_%s_%s", code, what);
    json_array_append_new(list, json_string(text));
}

json_t *qlab_layer_gates_json(const qlab_layer_facts facts[QLAB_LAYERS])
{
    json_t *o = json_object(), *placeholders = json_array(), *warnings = json_array();
    for (int i = 0; i < QLAB_LAYERS; i++) {
        const qlab_layer_state state = qlab_layer_state_of(&facts[i]);
        if (state == QLAB_LAYER_PLACEHOLDER)
            json_array_append_new(placeholders, json_string(layer_names[i].name));
        /* Lives, sessions and rates are derived by design; events are not. */
        if (i != QLAB_LAYER_ACTIONS && i != QLAB_LAYER_DELISTINGS)
            continue;
        if (state != QLAB_LAYER_REAL)
            warn(warnings, layer_names[i].code, "NOT_PROVIDER_RAW");
        if (state == QLAB_LAYER_DERIVED)
            warn(warnings, layer_names[i].code, "RAW_EMPTY_FALLBACK");
    }
    json_object_set_new(o, "placeholders", placeholders);
    json_object_set_new(o, "warnings", warnings);
    return o;
}

json_t *qlab_layer_verdicts_json(const json_t *layers, const qlab_layer_policies *policies)
{
    json_t *o = json_object();
    for (int i = 0; i < QLAB_LAYERS; i++) {
        const json_t *layer = json_object_get(layers, layer_names[i].name);
        const char *policy = qlab_layer_policy_names[policies->of[i]];
        const char *said =
            json_string_value(json_object_get(json_object_get(layer, "verdicts"), policy));
        if (said == NULL) /* written before layers were judged so */
            continue;
        const bool pass = strcmp(said, "PASS") == 0;
        json_t *v = json_object();
        json_object_set_new(v, "policy", json_string(policy));
        json_object_set(v, "state", json_object_get(layer, "state"));
        json_object_set_new(v, "verdict", json_string(pass ? "PASS" : "FAIL"));
        json_object_set_new(v, "reason", pass ? json_null() : json_string(said));
        json_object_set_new(o, layer_names[i].name, v);
    }
    return o;
}
