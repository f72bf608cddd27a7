#include "stage_a/policy.h"

#include "base/alloc.h"
#include "strategy/shipped.h"

#include <string.h>

typedef struct file_section {
    const char *name;
    int64_t version;
    const qlab_yaml_node *stage_a, *stage_b;
} file_section;

static const qlab_yaml_key FILE_KEYS[] = {
    {"name", QLAB_YAML_STR, offsetof(file_section, name), 0, 0, NULL, true},
    {"version", QLAB_YAML_I64, offsetof(file_section, version), 1, 1e6, NULL, true},
    {"stage_a", QLAB_YAML_MAP, offsetof(file_section, stage_a), 0, 0, NULL, true},
    {"stage_b", QLAB_YAML_MAP, offsetof(file_section, stage_b), 0, 0, NULL, false}, /* not ours */
    {NULL, QLAB_YAML_STR, 0, 0, 0, NULL, false}};

typedef struct stage_section {
    const qlab_yaml_node *design, *gates;
    int64_t min_names, near_pass_gates, doubtful_horizon, placebos, placebo_seed;
} stage_section;

static const qlab_yaml_key STAGE_KEYS[] = {
    {"design", QLAB_YAML_MAP, offsetof(stage_section, design), 0, 0, NULL, true},
    {"gates", QLAB_YAML_MAP, offsetof(stage_section, gates), 0, 0, NULL, true},
    {"min_names", QLAB_YAML_I64, offsetof(stage_section, min_names), 10, 1e6, NULL, false},
    {"near_pass_gates", QLAB_YAML_I64, offsetof(stage_section, near_pass_gates), 1, 8, NULL, false},
    {"doubtful_horizon", QLAB_YAML_I64, offsetof(stage_section, doubtful_horizon), 0, 252, NULL,
     false},
    {"placebos", QLAB_YAML_I64, offsetof(stage_section, placebos), 0, 10000, NULL, false},
    {"placebo_seed", QLAB_YAML_I64, offsetof(stage_section, placebo_seed), 0, 1e15, NULL, false},
    {NULL, QLAB_YAML_STR, 0, 0, 0, NULL, false}};

#define DESIGN(f) offsetof(qlab_stage_a_design, f)
static const qlab_yaml_key DESIGN_KEYS[] = {
    {"folds", QLAB_YAML_I64, DESIGN(folds), 2, 100, NULL, true},
    {"test_sessions", QLAB_YAML_I64, DESIGN(test_sessions), 5, 10000, NULL, true},
    {"min_train_sessions", QLAB_YAML_I64, DESIGN(min_train_sessions), 1, 10000, NULL, true},
    {"embargo_sessions", QLAB_YAML_I64, DESIGN(embargo_sessions), 0, 1000, NULL, false},
    {"embargo_share", QLAB_YAML_F64, DESIGN(embargo_share), 0, 0.5, NULL, false},
    {"sealed_sessions", QLAB_YAML_I64, DESIGN(sealed_sessions), 0, 10000, NULL, true},
    {NULL, QLAB_YAML_STR, 0, 0, 0, NULL, false}};

#define GATE(f) offsetof(qlab_stage_a_gates, f)
static const qlab_yaml_key GATE_KEYS[] = {
    {"mean_ic", QLAB_YAML_F64, GATE(mean_ic), -1, 1, NULL, true},
    {"worst_fold_ic", QLAB_YAML_F64, GATE(worst_fold_ic), -1, 1, NULL, true},
    {"har_t", QLAB_YAML_F64, GATE(har_t), -100, 100, NULL, true},
    {"bh_q", QLAB_YAML_F64, GATE(bh_q), 1e-9, 1, NULL, true},
    {"share_folds_positive", QLAB_YAML_F64, GATE(share_folds_positive), 0, 1, NULL, true},
    {"turnover", QLAB_YAML_F64, GATE(turnover), 1e-9, 2, NULL, true},
    {"coverage", QLAB_YAML_F64, GATE(coverage), 0, 1, NULL, true},
    {"presumed_gone", QLAB_YAML_F64, GATE(presumed_gone), 0, 1, NULL, true},
    {NULL, QLAB_YAML_STR, 0, 0, 0, NULL, false}};

json_t *qlab_stage_a_policy_json(const qlab_stage_a_policy *p)
{
    const qlab_stage_a_design *d = &p->design;
    const qlab_stage_a_gates *g = &p->gates;
    json_t *design = json_pack("{s:I, s:I, s:I, s:I, s:f, s:I}", "folds", d->folds, "test_sessions",
                               d->test_sessions, "min_train_sessions", d->min_train_sessions,
                               "embargo_sessions", d->embargo_sessions, "embargo_share",
                               d->embargo_share, "sealed_sessions", d->sealed_sessions);
    json_t *gates =
        json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "mean_ic", g->mean_ic,
                  "worst_fold_ic", g->worst_fold_ic, "har_t", g->har_t, "bh_q", g->bh_q,
                  "share_folds_positive", g->share_folds_positive, "turnover", g->turnover,
                  "coverage", g->coverage, "presumed_gone", g->presumed_gone);

    return json_pack("{s:s, s:I, s:{s:o, s:o, s:I, s:I, s:I, s:I, s:I}}", "name", p->name,
                     "version", p->version, "stage_a", "design", design, "gates", gates,
                     "min_names", p->min_names, "near_pass_gates", p->near_pass_gates,
                     "doubtful_horizon", p->doubtful_horizon, "placebos", p->placebos,
                     "placebo_seed", p->placebo_seed);
}

static qlab_code read_document(const qlab_yaml *doc, qlab_stage_a_policy *out, qlab_err *err)
{
    file_section f = {0};
    stage_section s = {NULL, NULL, 30, 2, 0, 200, 1};
    qlab_stage_a_policy p = {0};
    qlab_code rc;

    p.design.embargo_share = 0.01;
    if ((rc = qlab_yaml_read_map(doc, qlab_yaml_root(doc), "policy", FILE_KEYS, &f, err)) !=
            QLAB_OK ||
        (rc = qlab_yaml_read_map(doc, f.stage_a, "stage_a", STAGE_KEYS, &s, err)) != QLAB_OK ||
        (rc = qlab_yaml_read_map(doc, s.design, "design", DESIGN_KEYS, &p.design, err)) !=
            QLAB_OK ||
        (rc = qlab_yaml_read_map(doc, s.gates, "gates", GATE_KEYS, &p.gates, err)) != QLAB_OK)
        return rc;
    if (s.design == NULL || s.gates == NULL || f.name == NULL)
        return qlab_yaml_fail(
            doc, qlab_yaml_root(doc), err,
            "a policy needs a name, a version, and stage_a with design and gates");
    p.name = qlab_strdup(f.name);
    p.version = f.version;
    p.min_names = s.min_names;
    p.near_pass_gates = s.near_pass_gates;
    p.doubtful_horizon = s.doubtful_horizon;
    p.placebos = s.placebos;
    p.placebo_seed = s.placebo_seed;
    json_t *values = qlab_stage_a_policy_json(&p);
    p.digest = qlab_json_digest(values);
    json_decref(values);
    *out = p;
    return QLAB_OK;
}

qlab_code qlab_stage_a_policy_load(const char *name_or_path, qlab_stage_a_policy *out,
                                   qlab_err *err)
{
    qlab_yaml *doc = NULL;
    qlab_code rc = qlab_shipped_load("policies", name_or_path, &doc, err);

    if (rc == QLAB_OK)
        rc = read_document(doc, out, err);
    qlab_yaml_free(doc);
    return rc;
}

qlab_code qlab_stage_a_policy_parse(const char *name, const char *text, size_t n,
                                    qlab_stage_a_policy *out, qlab_err *err)
{
    qlab_yaml *doc = NULL;
    qlab_code rc = qlab_yaml_parse(name, text, n, &doc, err);

    if (rc == QLAB_OK)
        rc = read_document(doc, out, err);
    qlab_yaml_free(doc);
    return rc;
}

void qlab_stage_a_policy_free(qlab_stage_a_policy *p)
{
    qlab_free(p->name);
    *p = (qlab_stage_a_policy){0};
}
