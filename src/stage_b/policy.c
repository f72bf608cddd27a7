#include "stage_b/policy.h"

#include "base/alloc.h"
#include "base/yaml.h"
#include "stat/pbo.h"
#include "strategy/shipped.h"

#include <string.h>

/* One number of the policy: its section, key, place and range; the table is the parser, the JSON
 * that is hashed, and nothing else knows the keys. */
typedef struct number {
    const char *name;
    bool whole, required;
    size_t offset;
    double least, most;
} number;

#define IN(section, f) offsetof(qlab_stage_b_policy, section.f)
static const number DESIGN[] = {
    {"groups", true, true, IN(design, groups), 3, 64},
    {"test_groups", true, true, IN(design, test_groups), 1, 8},
    {"min_train_sessions", true, true, IN(design, min_train_sessions), 1, 1e5},
    {"embargo_sessions", true, false, IN(design, embargo_sessions), 0, 1000},
    {"embargo_share", false, false, IN(design, embargo_share), 0, 0.5},
    {"cscv_blocks", true, true, IN(design, cscv_blocks), 2, QLAB_PBO_MAX_BLOCKS},
    {"replications", true, true, IN(design, replications), 200, 1e6},
    {"placebos", true, true, IN(design, placebos), 0, 1e5},
};
static const number GATES[] = {
    {"psr", false, true, IN(gates, psr), 0, 1},
    {"dsr", false, true, IN(gates, dsr), 0, 1},
    {"spa_p", false, true, IN(gates, spa_p), 0, 1},
    {"share_negative", false, true, IN(gates, share_negative), 0, 1},
    {"worst_sharpe_annual", false, true, IN(gates, worst_sharpe_annual), -100, 100},
    {"max_drawdown", false, true, IN(gates, max_drawdown), 0, 1},
    {"turnover", false, true, IN(gates, turnover), 1e-9, 4},
    {"capacity", false, true, IN(gates, capacity), 0, 1e15},
    {"min_trl_confidence", false, true, IN(gates, min_trl_confidence), 0.5, 0.9999},
    {"stress_sharpe", false, true, IN(gates, stress_sharpe), -100, 100},
    {"presumed_gone", false, true, IN(gates, presumed_gone), 0, 1e9},
    {"run_pbo", false, true, IN(gates, run_pbo), 0, 1},
    {"run_prob_loss", false, true, IN(gates, run_prob_loss), 0, 1},
};
enum {
    N_DESIGN = sizeof DESIGN / sizeof DESIGN[0],
    N_GATES = sizeof GATES / sizeof GATES[0],
    MOST_KEYS = 16
};

static json_t *numbers_json(const qlab_stage_b_policy *p, const number *of, size_t n)
{
    json_t *o = json_object();

    for (size_t i = 0; i < n; i++) {
        const char *at = (const char *)p + of[i].offset;
        int64_t whole;
        double real;
        memcpy(&whole, at, sizeof whole);
        memcpy(&real, at, sizeof real);
        (void)json_object_set_new(o, of[i].name,
                                  of[i].whole ? json_integer(whole) : json_real(real));
    }
    return o;
}

json_t *qlab_stage_b_policy_json(const qlab_stage_b_policy *p)
{
    return json_pack("{s:s, s:I, s:{s:o, s:o, s:I}}", "name", p->name, "version", p->version,
                     "stage_b", "design", numbers_json(p, DESIGN, N_DESIGN), "gates",
                     numbers_json(p, GATES, N_GATES), "near_pass_gates", p->near_pass_gates);
}

static qlab_code read_numbers(const qlab_yaml *doc, const qlab_yaml_node *node, const char *section,
                              const number *of, size_t n, qlab_stage_b_policy *p, qlab_err *err)
{
    qlab_yaml_key keys[MOST_KEYS] = {{0}};

    for (size_t i = 0; i < n; i++)
        keys[i] = (qlab_yaml_key){of[i].name,    of[i].whole ? QLAB_YAML_I64 : QLAB_YAML_F64,
                                  of[i].offset,  of[i].least,
                                  of[i].most,    NULL,
                                  of[i].required};
    return qlab_yaml_read_map(doc, node, section, keys, p, err);
}

typedef struct sections {
    const char *name;
    int64_t version, near_pass_gates;
    const qlab_yaml_node *stage_a, *stage_b, *design, *gates;
} sections;

static const qlab_yaml_key FILE_KEYS[] = {
    {"name", QLAB_YAML_STR, offsetof(sections, name), 0, 0, NULL, true},
    {"version", QLAB_YAML_I64, offsetof(sections, version), 1, 1e6, NULL, true},
    {"stage_a", QLAB_YAML_MAP, offsetof(sections, stage_a), 0, 0, NULL, false},
    {"stage_b", QLAB_YAML_MAP, offsetof(sections, stage_b), 0, 0, NULL, true},
    {NULL, QLAB_YAML_STR, 0, 0, 0, NULL, false}};
static const qlab_yaml_key STAGE_KEYS[] = {
    {"design", QLAB_YAML_MAP, offsetof(sections, design), 0, 0, NULL, true},
    {"gates", QLAB_YAML_MAP, offsetof(sections, gates), 0, 0, NULL, true},
    {"near_pass_gates", QLAB_YAML_I64, offsetof(sections, near_pass_gates), 1, 20, NULL, false},
    {NULL, QLAB_YAML_STR, 0, 0, 0, NULL, false}};

static qlab_code check_values(const qlab_yaml *doc, const sections *s, const qlab_stage_b_policy *p,
                              qlab_err *err)
{
    if (p->design.test_groups >= p->design.groups)
        return qlab_yaml_fail(doc, s->design, err,
                              "design: %lld test groups of %lld left nothing to train on",
                              (long long)p->design.test_groups, (long long)p->design.groups);
    if (p->design.cscv_blocks % 2 != 0)
        return qlab_yaml_fail(doc, s->design, err, "design: cscv_blocks was %lld, and must be even",
                              (long long)p->design.cscv_blocks);
    return QLAB_OK;
}

qlab_code qlab_stage_b_policy_load(const char *name_or_path, qlab_stage_b_policy *out,
                                   qlab_err *err)
{
    qlab_stage_b_policy p = {.design = {.embargo_share = 0.01}};
    sections s = {.near_pass_gates = 2};
    qlab_yaml *doc = NULL;
    qlab_code rc;

    if ((rc = qlab_shipped_load("policies", name_or_path, &doc, err)) != QLAB_OK ||
        (rc = qlab_yaml_read_map(doc, qlab_yaml_root(doc), "policy", FILE_KEYS, &s, err)) !=
            QLAB_OK ||
        (rc = qlab_yaml_read_map(doc, s.stage_b, "stage_b", STAGE_KEYS, &s, err)) != QLAB_OK ||
        (rc = read_numbers(doc, s.design, "design", DESIGN, N_DESIGN, &p, err)) != QLAB_OK ||
        (rc = read_numbers(doc, s.gates, "gates", GATES, N_GATES, &p, err)) != QLAB_OK ||
        (rc = check_values(doc, &s, &p, err)) != QLAB_OK)
        goto done;
    p.name = qlab_strdup(s.name);
    p.version = s.version;
    p.near_pass_gates = s.near_pass_gates;
    json_t *values = qlab_stage_b_policy_json(&p);
    p.digest = qlab_json_digest(values);
    json_decref(values);
    *out = p;
done:
    qlab_yaml_free(doc);
    return rc;
}

void qlab_stage_b_policy_free(qlab_stage_b_policy *p)
{
    qlab_free(p->name);
    *p = (qlab_stage_b_policy){0};
}
