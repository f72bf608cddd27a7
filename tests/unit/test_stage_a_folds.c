/* Policies and folds: the shipped values, purging by hand and by definition, what is infeasible. */
#include "stage_a/folds.h"
#include "support/t.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/rng.h"
#include "ops/run.h"
#include <stdio.h>
#include <string.h>

static qlab_stage_a_policy shipped(const char *name)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_stage_a_policy p;

    T_OK(qlab_stage_a_policy_load(name, &p, &err));
    return p;
}

T_TEST(shipped_policies)
{
    qlab_stage_a_policy strict = shipped("strict"), brief = shipped("short-history");

    T_STR(strict.name, "strict");
    T_STR(brief.name, "short-history");
    T_CHECK(strict.design.folds == 5 && strict.design.test_sessions == 63);
    T_CHECK(strict.design.min_train_sessions == 252 && strict.design.sealed_sessions == 252);
    T_CHECK(brief.design.folds == 3 && brief.design.test_sessions == 21);
    T_CHECK(brief.design.min_train_sessions == 126 && brief.design.sealed_sessions == 0);
    T_CHECK(strict.doubtful_horizon == 0 && brief.doubtful_horizon == 20);
    for (int i = 0; i < 2; i++) {
        const qlab_stage_a_policy *p = i ? &brief : &strict;
        T_NEAR(p->gates.mean_ic, 0.01, 0);
        T_NEAR(p->gates.worst_fold_ic, -0.02, 0);
        T_NEAR(p->gates.har_t, 2.0, 0);
        T_NEAR(p->gates.bh_q, 0.10, 0);
        T_NEAR(p->gates.share_folds_positive, 0.6, 0);
        T_NEAR(p->gates.turnover, 0.60, 0);
        T_NEAR(p->gates.coverage, 0.80, 0);
        T_NEAR(p->gates.presumed_gone, 0.02, 0);
        T_NEAR(p->design.embargo_share, 0.01, 0);
        T_CHECK(p->min_names == 30 && p->version == 1);
    }
    T_CHECK(qlab_digest_cmp(&strict.digest, &brief.digest) != 0);
    qlab_stage_a_policy_free(&strict);
    qlab_stage_a_policy_free(&brief);
}

#define GATES                                                                                      \
    "  gates: {mean_ic: 0.01, worst_fold_ic: 0, har_t: 2, bh_q: 0.1, share_folds_positive: 0.6,\n" \
    "    turnover: 0.6, coverage: 0.8, presumed_gone: 0.02}\n"
#define DESIGN                                                                                     \
    "  design: {folds: 3, test_sessions: 10, min_train_sessions: 20, sealed_sessions: 7}\n"

static const struct {
    const char *text, *message;
} BAD[] = {
    {"name: x\nversion: 1\nstage_a:\n" DESIGN, "p.yaml:4:3: stage_a.gates is missing"},
    {"name: x\nversion: 1\nstage_a:\n" GATES, "p.yaml:4:3: stage_a.design is missing"},
    {"name: x\nversion: 1\nstage_a:\n" DESIGN GATES "  gate: {}\n",
     "p.yaml:7:3: unknown key \"gate\" in stage_a; did you mean \"gates\"?"},
    {"name: x\nversion: 1\nstage_c: {}\nstage_a:\n" DESIGN GATES, "p.yaml:3:1: unknown key"},
    {"name: x\nversion: 1\nstage_a:\n  design: {folds: 1, test_sessions: 10, "
     "min_train_sessions: 20, sealed_sessions: 7}\n" GATES,
     "p.yaml:4:19: design.folds was 1; it must lie in [2, 100]"},
    {"name: x\nstage_a:\n" DESIGN GATES, "p.yaml:1:1: policy.version is missing"},
};

T_TEST(bad_policies)
{
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        qlab_err err = QLAB_ERR_INIT;
        qlab_stage_a_policy p;
        T_CHECK(qlab_stage_a_policy_parse("p.yaml", BAD[i].text, strlen(BAD[i].text), &p, &err) ==
                QLAB_E_CONFIG);
        T_CONTAINS(err.text, BAD[i].message);
    }
}

/* The hash is of values: comments and layout do not count, a threshold does. */
T_TEST(identity_of_a_policy)
{
    static const char *const texts[] = {
        "name: x\nversion: 1\nstage_a:\n" DESIGN GATES,
        "# a remark\nversion: 1\nname: x\nstage_a:\n" GATES DESIGN "  min_names: 30\n",
        "name: x\nversion: 1\nstage_a:\n" DESIGN GATES "  min_names: 40\n"};
    qlab_err err = QLAB_ERR_INIT;
    qlab_stage_a_policy p[3];

    for (size_t i = 0; i < 3; i++)
        T_OK(qlab_stage_a_policy_parse("p", texts[i], strlen(texts[i]), &p[i], &err));
    T_CHECK(qlab_digest_cmp(&p[0].digest, &p[1].digest) == 0);
    T_CHECK(qlab_digest_cmp(&p[0].digest, &p[2].digest) != 0);
    for (size_t i = 0; i < 3; i++)
        qlab_stage_a_policy_free(&p[i]);
}

/* ---- folds ------------------------------------------------------------------------------------
 */

enum { MOST = 1200 };
typedef struct calendar {
    int32_t session[MOST], label_end[MOST];
    qlab_axis axis;
} calendar;

/* Sessions on weekdays with holes; a label ends h sessions after the entry on the next one. */
static void make_calendar(calendar *c, size_t n, uint32_t h, uint64_t seed)
{
    int32_t day = 10000;

    for (size_t i = 0; i < n; i++) {
        day += 1 + (i % 5 == 4 ? 2 : 0) + (qlab_rng_uniform(seed, 0, i) < 0.03 ? 4 : 0);
        c->session[i] = day;
    }
    for (size_t i = 0; i < n; i++)
        c->label_end[i] = i + 1 + h < n ? c->session[i + 1 + h] : INT32_MIN;
    c->axis = (qlab_axis){c->session, c->label_end, n, h, 1};
}

/* Twelve sessions, label of one session: it ends two sessions on. */
T_TEST(roles_by_hand)
{
    static const char letters[] = {'.', 'T', 'p', 'e', 'u'}; /* by qlab_fold_role */
    calendar *c = qlab_alloc(1, sizeof *c);
    uint8_t role[12];
    char got[13] = "";

    make_calendar(c, 14, 1, 1);
    /* Block 6..8, whose last label ends at session 10: 4 and 5 reach into it, 9 and 10 start inside
     * its labels, 11 starts within the embargo after them. */
    qlab_fold_roles(&c->axis, 12, 6, 9, 3, false, role);
    for (size_t i = 0; i < 12; i++)
        got[i] = letters[role[i]];
    T_STR(got, "....ppTTTppe");
    qlab_fold_roles(&c->axis, 12, 6, 9, 0, false, role);
    for (size_t i = 0; i < 12; i++)
        got[i] = letters[role[i]];
    T_STR(got, "....ppTTTpp.");
    qlab_fold_roles(&c->axis, 12, 6, 9, 3, true, role);
    for (size_t i = 0; i < 12; i++)
        got[i] = letters[role[i]];
    T_STR(got, "....ppTTTuuu");
    qlab_free(c);
}

/* By definition, on calendars with holes: no train label overlaps a test label; only those that do
 * are purged; only those within the embargo are embargoed. */
T_TEST(no_train_label_touches_a_test_label)
{
    calendar *c = qlab_alloc(1, sizeof *c);
    uint8_t role[MOST];

    for (uint64_t seed = 1; seed <= 30; seed++) {
        const uint32_t h = (uint32_t[]){1, 5, 20}[seed % 3];
        make_calendar(c, 300, h, seed);
        const size_t n = 300 - h - 1, first = 100 + seed, end = first + 21, embargo = seed % 25;
        qlab_fold_roles(&c->axis, n, first, end, embargo, false, role);
        for (size_t i = 0; i < n; i++) {
            bool touches = false, embargoed = false;
            for (size_t t = first; t < end; t++)
                touches = touches ||
                          (c->session[i] <= c->label_end[t] && c->session[t] <= c->label_end[i]);
            size_t after = 0; /* sessions since the last label of the block ended */
            for (size_t t = end; t <= i; t++)
                after += c->session[t] > c->label_end[end - 1];
            embargoed = after >= 1 && after <= embargo;
            T_CHECK((role[i] == QLAB_ROLE_TEST) == (i >= first && i < end));
            if (role[i] == QLAB_ROLE_TRAIN)
                T_CHECK(!touches && !embargoed);
            if (role[i] == QLAB_ROLE_PURGED)
                T_CHECK(touches);
            if (role[i] == QLAB_ROLE_EMBARGOED)
                T_CHECK(!touches && embargoed);
        }
    }
    qlab_free(c);
}

T_TEST(strict_design)
{
    qlab_stage_a_policy p = shipped("strict");
    calendar *c = qlab_alloc(1, sizeof *c);
    qlab_err err = QLAB_ERR_INIT;
    qlab_fold_plan plan;

    T_CHECK(qlab_folds_needed(&p.design, 20, 1) == 861);
    make_calendar(c, 861, 20, 3);
    T_OK(qlab_folds_plan(&p, &c->axis, &plan, &err));
    T_CHECK(plan.n_folds == 5 && plan.n_sealed == 252 && plan.n_usable == 588);
    T_CHECK(plan.first_sealed == c->session[609] && plan.embargo == 20);
    T_CHECK(c->label_end[587] < plan.first_sealed && c->label_end[588] >= plan.first_sealed);
    for (size_t k = 0; k < 5; k++) {
        const qlab_fold *f = &plan.folds[k];
        T_CHECK(f->test_first == 588 - 315 + 63 * k && f->test_end == f->test_first + 63);
        T_CHECK(f->n_train == f->test_first - 21 && f->n_purged == 21 && f->n_embargoed == 0);
        T_CHECK(f->train_first == c->session[0] && f->train_last == c->session[f->n_train - 1]);
    }
    T_CHECK(plan.folds[0].n_train == 252);
    qlab_fold_plan_free(&plan);
    make_calendar(c, 1200, 20, 3);
    T_OK(qlab_folds_plan(&p, &c->axis, &plan, &err));
    T_CHECK(plan.embargo == 20 && plan.folds[4].test_end == 1200 - 252 - 21);
    p.design.embargo_share = 0.05;
    qlab_fold_plan_free(&plan);
    T_OK(qlab_folds_plan(&p, &c->axis, &plan, &err));
    T_CHECK(plan.embargo == 60);
    qlab_fold_plan_free(&plan);
    qlab_stage_a_policy_free(&p);
    qlab_free(c);
}

static void fails_with(size_t n, const char *policy, const char *message)
{
    qlab_stage_a_policy p = shipped(policy);
    calendar *c = qlab_alloc(1, sizeof *c);
    qlab_err err = QLAB_ERR_INIT;
    qlab_fold_plan plan;

    make_calendar(c, n, 20, 3);
    T_CHECK(qlab_folds_plan(&p, &c->axis, &plan, &err) == QLAB_E_USAGE);
    T_CONTAINS(err.text, message);
    qlab_stage_a_policy_free(&p);
    qlab_free(c);
}

T_TEST(infeasible_designs_name_the_numbers)
{
    fails_with(860, "strict",
               "policy 'strict' needs 861 sessions (5 folds x 63 test + 252 train + 21 purged + 21 "
               "whose 20-session label is not known yet + 252 sealed), but the panel has 860 (");
    fails_with(860, "strict",
               "); the shipped policy 'short-history' needs 231: --policy short-history");
    fails_with(231, "strict", "; the shipped policy 'short-history' needs 231");
    fails_with(230, "strict", "; no shipped policy fits ('short-history' needs 231)");
    fails_with(230, "short-history", "policy 'short-history' needs 231 sessions");
    fails_with(0, "short-history", "but the panel has 0 (none to none)");
    fails_with(252, "strict", "but the panel has 252");
    fails_with(300, "strict", "but the panel has 300");
}

/* An axis of every fifth session: what a design is said to need is what it needs. */
T_TEST(a_thinned_axis_needs_what_is_said)
{
    static const char *const names[] = {"strict", "short-history"};
    int32_t session[1000], label_end[1000];

    for (size_t k = 0; k < 2; k++) {
        qlab_stage_a_policy p = shipped(names[k]);
        const size_t needed = qlab_folds_needed(&p.design, 20, 5);
        T_CHECK(needed == (k == 0 ? 5 * 63 + 252 + 4 + 4 + 252 : 3 * 21 + 126 + 4 + 5));
        for (size_t n = needed - 1; n <= needed; n++) {
            const int32_t last = (int32_t)(n - 1) * 5;
            for (size_t i = 0; i < n; i++) {
                session[i] = (int32_t)i * 5;
                label_end[i] = session[i] + 21 <= last ? session[i] + 21 : QLAB_DATE_NONE;
            }
            const qlab_axis axis = {session, label_end, n, 20, 5};
            qlab_err err = QLAB_ERR_INIT;
            qlab_fold_plan plan = {0};
            const qlab_code rc = qlab_folds_plan(&p, &axis, &plan, &err);
            T_CHECK(rc == (n == needed ? QLAB_OK : QLAB_E_USAGE));
            if (rc == QLAB_OK)
                T_CHECK(plan.folds[0].n_purged == 4);
            qlab_fold_plan_free(&plan);
        }
        qlab_stage_a_policy_free(&p);
    }
}

T_TEST(the_file_is_read_back)
{
    qlab_stage_a_policy p = shipped("short-history");
    calendar *c = qlab_alloc(1, sizeof *c);
    char *dir = t_tmpdir(), *path = qlab_path_join(dir, "folds_manifest.json");
    json_t *inputs = json_object(), *o = qlab_artifact_begin("folds_manifest/1", "x", inputs);
    qlab_err err = QLAB_ERR_INIT;
    qlab_fold_plan plan, read;

    make_calendar(c, 300, 20, 5);
    T_OK(qlab_folds_plan(&p, &c->axis, &plan, &err));
    plan.folds[1].train_rows = 123456;
    qlab_folds_to_json(&plan, &c->axis, o);
    T_OK(qlab_json_write(path, o, &err));
    T_OK(qlab_folds_read(path, &c->axis, &read, &err));
    T_CHECK(read.n_folds == plan.n_folds && read.n_usable == plan.n_usable &&
            read.embargo == plan.embargo && read.first_sealed == plan.first_sealed);
    for (size_t k = 0; k < plan.n_folds; k++)
        T_CHECK(memcmp(&read.folds[k], &plan.folds[k], sizeof *read.folds) == 0);
    qlab_fold_plan_free(&read);
    c->session[290]++; /* not a test session, and the panel is still another one */
    c->session[plan.folds[2].test_first]++;
    T_FAILS(QLAB_E_CORRUPT, qlab_folds_read(path, &c->axis, &read, &err));
    c->session[plan.folds[2].test_first]--;
    c->axis.n = 299;
    T_FAILS(QLAB_E_CORRUPT, qlab_folds_read(path, &c->axis, &read, &err));
    qlab_fold_plan_free(&plan);
    qlab_stage_a_policy_free(&p);
    json_decref(o);
    json_decref(inputs);
    qlab_free(path);
    t_rmdir(dir);
    qlab_free(c);
}

T_MAIN(T_CASE(shipped_policies), T_CASE(bad_policies), T_CASE(identity_of_a_policy),
       T_CASE(roles_by_hand), T_CASE(no_train_label_touches_a_test_label), T_CASE(strict_design),
       T_CASE(infeasible_designs_name_the_numbers), T_CASE(a_thinned_axis_needs_what_is_said),
       T_CASE(the_file_is_read_back))
