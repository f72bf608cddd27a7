#include "stage_b/plan.h"

#include "base/alloc.h"
#include "base/date.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Last session of the axis that a session's label reaches, as a position. */
static size_t *reach_of(const qlab_cpcv_axis *axis)
{
    size_t *reach = qlab_alloc(axis->n + 1, sizeof *reach);

    for (size_t i = 0; i < axis->n; i++) {
        size_t j = i;
        while (j + 1 < axis->n && axis->sessions[j + 1] <= axis->label_end[i])
            j++;
        reach[i] = j;
    }
    return reach;
}

static void use_of(const qlab_cpcv_plan *p, const size_t *reach, size_t split, uint8_t *use)
{
    bool *is_test = qlab_alloc_zero(p->n_sessions + 1, sizeof *is_test);

    for (uint32_t k = 0; k < p->n_test; k++) {
        const uint32_t g = p->splits[split].test[k];
        for (size_t i = p->group_first[g]; i < p->group_first[g + 1]; i++)
            is_test[i] = true;
    }
    qlab_purge(reach, is_test, p->n_sessions, p->embargo, use);
    qlab_free(is_test);
}

void qlab_cpcv_plan_use(const qlab_cpcv_plan *p, const qlab_cpcv_axis *axis, size_t split,
                        uint8_t *use)
{
    size_t *reach = reach_of(axis);

    use_of(p, reach, split, use);
    qlab_free(reach);
}

void qlab_cpcv_plan_free(qlab_cpcv_plan *p)
{
    for (size_t i = 0; p->splits != NULL && i < p->n_splits; i++) {
        qlab_free(p->splits[i].test);
        qlab_free(p->splits[i].path);
    }
    qlab_free(p->splits);
    qlab_free(p->group_first);
    qlab_free(p->split_of);
    *p = (qlab_cpcv_plan){0};
}

/* ---- making ---------------------------------------------------------------------------------- */

static size_t embargo_of(const qlab_stage_b_design *d, const qlab_cpcv_axis *axis)
{
    const size_t share = (size_t)ceil(d->embargo_share * (double)axis->n);
    size_t e = (size_t)d->embargo_sessions;

    e = e > axis->longest_horizon ? e : axis->longest_horizon;
    return e > share ? e : share;
}

/* Paths follow from the splits' order alone. */
static void assign_paths(qlab_cpcv_plan *p)
{
    uint32_t *seen = qlab_alloc_zero(p->n_groups + 1, sizeof *seen);

    p->n_paths = (size_t)qlab_cpcv_paths(p->n_groups, p->n_test);
    p->split_of = qlab_alloc_zero(p->n_paths * p->n_groups, sizeof *p->split_of);
    for (size_t s = 0; s < p->n_splits; s++)
        for (uint32_t k = 0; k < p->n_test; k++) {
            const uint32_t g = p->splits[s].test[k];
            assert(seen[g] < p->n_paths);
            p->splits[s].path[k] = seen[g];
            p->split_of[seen[g]++ * p->n_groups + g] = (uint32_t)s;
        }
    qlab_free(seen);
}

static void make_splits(qlab_cpcv_plan *p)
{
    uint32_t test[QLAB_CPCV_MAX_GROUPS];

    p->n_splits = (size_t)qlab_cpcv_splits(p->n_groups, p->n_test);
    p->splits = qlab_alloc_zero(p->n_splits, sizeof *p->splits);
    qlab_cpcv_first(p->n_test, test);
    for (size_t s = 0; s < p->n_splits; s++) {
        p->splits[s].test = qlab_alloc(p->n_test, sizeof *test);
        p->splits[s].path = qlab_alloc(p->n_test, sizeof *test);
        memcpy(p->splits[s].test, test, p->n_test * sizeof *test);
        (void)qlab_cpcv_next(p->n_groups, p->n_test, test);
    }
    assign_paths(p);
}

static void count_use(qlab_cpcv_plan *p, const qlab_cpcv_axis *axis)
{
    size_t *reach = reach_of(axis);
    uint8_t *use = qlab_alloc(p->n_sessions + 1, 1);

    for (size_t s = 0; s < p->n_splits; s++) {
        size_t n[4] = {0};
        use_of(p, reach, s, use);
        for (size_t i = 0; i < p->n_sessions; i++)
            n[use[i]]++;
        p->splits[s].n_train = n[QLAB_ROW_TRAIN];
        p->splits[s].n_tested = n[QLAB_ROW_TEST];
        p->splits[s].n_purged = n[QLAB_ROW_PURGED];
        p->splits[s].n_embargoed = n[QLAB_ROW_EMBARGOED];
    }
    qlab_free(use);
    qlab_free(reach);
}

/* The split with the fewest train sessions. */
static const qlab_cpcv_split *poorest(const qlab_cpcv_plan *p)
{
    const qlab_cpcv_split *worst = &p->splits[0];

    for (size_t s = 1; s < p->n_splits; s++)
        if (p->splits[s].n_train < worst->n_train)
            worst = &p->splits[s];
    return worst;
}

/* False where the axis is too short to be cut at all; then *out is empty. */
static bool try_plan(const qlab_stage_b_policy *policy, const qlab_cpcv_axis *axis,
                     qlab_cpcv_plan *out)
{
    const qlab_stage_b_design *d = &policy->design;
    qlab_cpcv_plan p = {.n_groups = (uint32_t)d->groups,
                        .n_test = (uint32_t)d->test_groups,
                        .n_sessions = axis->n,
                        .embargo = embargo_of(d, axis)};

    *out = p;
    if (axis->n < 2 * (size_t)d->groups || axis->n < 2 * (size_t)d->cscv_blocks)
        return false;
    p.group_first = qlab_alloc(p.n_groups + 1, sizeof *p.group_first);
    for (uint32_t g = 0; g < p.n_groups; g++)
        qlab_cpcv_group(axis->n, p.n_groups, g, &p.group_first[g], &p.group_first[g + 1]);
    make_splits(&p);
    count_use(&p, axis);
    *out = p;
    return poorest(&p)->n_train >= (size_t)d->min_train_sessions;
}

static void put_fitting_policy(const qlab_stage_b_policy *asked, const qlab_cpcv_axis *axis,
                               qlab_buf *text)
{
    static const char *const shipped[] = {"strict", "short-history"};

    for (size_t i = 0; i < sizeof shipped / sizeof shipped[0]; i++) {
        qlab_stage_b_policy p;
        qlab_cpcv_plan plan;
        qlab_err ignored = QLAB_ERR_INIT;
        if (strcmp(shipped[i], asked->name) == 0 ||
            qlab_stage_b_policy_load(shipped[i], &p, &ignored) != QLAB_OK)
            continue;
        const bool fits = try_plan(&p, axis, &plan);
        qlab_cpcv_plan_free(&plan);
        qlab_stage_b_policy_free(&p);
        if (fits) {
            qlab_buf_putf(text, "; the shipped policy '%s' fits: --policy %s", shipped[i],
                          shipped[i]);
            return;
        }
    }
    qlab_buf_puts(text, "; no shipped policy fits");
}

static qlab_code fail_infeasible(const qlab_stage_b_policy *policy, const qlab_cpcv_axis *axis,
                                 const qlab_cpcv_plan *p, qlab_err *err)
{
    const qlab_stage_b_design *d = &policy->design;
    qlab_buf text = QLAB_BUF_INIT;

    qlab_buf_putf(&text,
                  "policy '%s' cuts the %zu open sessions into %lld groups, %lld of them tested, "
                  "and ",
                  policy->name, axis->n, (long long)d->groups, (long long)d->test_groups);
    if (p->splits == NULL)
        qlab_buf_putf(&text, "needs two sessions a group and %lld for its %lld CSCV blocks",
                      2 * (long long)d->cscv_blocks, (long long)d->cscv_blocks);
    else
        qlab_buf_putf(&text,
                      "the poorest split keeps %zu to train on (%zu tested, %zu purged for "
                      "%u-session labels, %zu embargoed), but it needs %lld",
                      poorest(p)->n_train, poorest(p)->n_tested, poorest(p)->n_purged,
                      axis->longest_horizon, poorest(p)->n_embargoed,
                      (long long)d->min_train_sessions);
    put_fitting_policy(policy, axis, &text);
    const qlab_code rc = qlab_fail(err, QLAB_E_USAGE, "%s", text.at);
    qlab_buf_free(&text);
    return rc;
}

qlab_code qlab_cpcv_plan_make(const qlab_stage_b_policy *policy, const qlab_cpcv_axis *axis,
                              qlab_cpcv_plan *out, qlab_err *err)
{
    qlab_code rc = QLAB_OK;

    if (!try_plan(policy, axis, out)) {
        rc = fail_infeasible(policy, axis, out, err);
        qlab_cpcv_plan_free(out);
    }
    return rc;
}

/* ---- the file -------------------------------------------------------------------------------- */

static json_t *date_json(int32_t date)
{
    char text[QLAB_DATE_BYTES];

    return json_string(qlab_date_format(date, text));
}

static json_t *numbers_json(const uint32_t *x, size_t n)
{
    json_t *a = json_array();

    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(a, json_integer(x[i]));
    return a;
}

static json_t *split_json(const qlab_cpcv_plan *p, size_t s)
{
    const qlab_cpcv_split *x = &p->splits[s];

    return json_pack("{s:I, s:o, s:o, s:I, s:I, s:I, s:I}", "split", (json_int_t)s, "test",
                     numbers_json(x->test, p->n_test), "paths", numbers_json(x->path, p->n_test),
                     "tested", (json_int_t)x->n_tested, "train", (json_int_t)x->n_train, "purged",
                     (json_int_t)x->n_purged, "embargoed", (json_int_t)x->n_embargoed);
}

void qlab_cpcv_plan_json(const qlab_cpcv_plan *p, const qlab_cpcv_axis *axis, json_t *artifact)
{
    json_t *groups = json_array(), *splits = json_array(), *sessions = json_array();

    for (uint32_t g = 0; g < p->n_groups; g++) {
        const size_t first = p->group_first[g], end = p->group_first[g + 1];
        (void)json_array_append_new(
            groups, json_pack("{s:I, s:I, s:o, s:o}", "group", (json_int_t)g, "sessions",
                              (json_int_t)(end - first), "first", date_json(axis->sessions[first]),
                              "last", date_json(axis->sessions[end - 1])));
    }
    for (size_t s = 0; s < p->n_splits; s++)
        (void)json_array_append_new(splits, split_json(p, s));
    for (size_t i = 0; i < axis->n; i++)
        (void)json_array_append_new(sessions, date_json(axis->sessions[i]));
    (void)json_object_set_new(artifact, "method", json_string("combinatorial_purged"));
    (void)json_object_set_new(artifact, "counts",
                              json_pack("{s:I, s:I, s:I, s:I, s:I}", "sessions",
                                        (json_int_t)axis->n, "groups", (json_int_t)p->n_groups,
                                        "test_groups", (json_int_t)p->n_test, "splits",
                                        (json_int_t)p->n_splits, "paths", (json_int_t)p->n_paths));
    (void)json_object_set_new(artifact, "longest_horizon", json_integer(axis->longest_horizon));
    (void)json_object_set_new(artifact, "embargo_sessions", json_integer((json_int_t)p->embargo));
    (void)json_object_set_new(artifact, "groups", groups);
    (void)json_object_set_new(artifact, "splits", splits);
    (void)json_object_set_new(artifact, "sessions", sessions);
}

static qlab_code get_count(const json_t *o, const char *path, const char *key, size_t most,
                           size_t *out, qlab_err *err)
{
    int64_t v;
    const qlab_code rc = qlab_json_get_i64(o, path, key, &v, err);

    if (rc == QLAB_OK && (v < 0 || (uint64_t)v > most))
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: '%s' was %lld, not from 0 to %zu", path, key,
                         (long long)v, most);
    *out = rc == QLAB_OK ? (size_t)v : 0;
    return rc;
}

static qlab_code read_groups(const json_t *doc, const char *path, qlab_cpcv_plan *p, qlab_err *err)
{
    json_t *groups;
    qlab_code rc = qlab_json_get_array(doc, path, "groups", &groups, err);

    if (rc == QLAB_OK && json_array_size(groups) != p->n_groups)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: %zu groups, %u were promised", path,
                       json_array_size(groups), p->n_groups);
    p->group_first = qlab_alloc_zero(p->n_groups + 1, sizeof *p->group_first);
    for (uint32_t g = 0; rc == QLAB_OK && g < p->n_groups; g++) {
        size_t n;
        rc = get_count(json_array_get(groups, g), path, "sessions", p->n_sessions, &n, err);
        p->group_first[g + 1] = p->group_first[g] + n;
    }
    if (rc == QLAB_OK && p->group_first[p->n_groups] != p->n_sessions)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: the groups hold %zu sessions of %zu", path,
                       p->group_first[p->n_groups], p->n_sessions);
    return rc;
}

/* expected: the groups that stand in this place of the lexicographic order. */
static qlab_code read_split(const json_t *o, const char *path, qlab_cpcv_plan *p, size_t s,
                            const uint32_t *expected, qlab_err *err)
{
    qlab_cpcv_split *x = &p->splits[s];
    json_t *test;
    qlab_code rc;

    x->test = qlab_alloc_zero(p->n_test, sizeof *x->test);
    x->path = qlab_alloc_zero(p->n_test, sizeof *x->path);
    if ((rc = qlab_json_get_array(o, path, "test", &test, err)) != QLAB_OK ||
        (rc = get_count(o, path, "tested", p->n_sessions, &x->n_tested, err)) != QLAB_OK ||
        (rc = get_count(o, path, "train", p->n_sessions, &x->n_train, err)) != QLAB_OK ||
        (rc = get_count(o, path, "purged", p->n_sessions, &x->n_purged, err)) != QLAB_OK ||
        (rc = get_count(o, path, "embargoed", p->n_sessions, &x->n_embargoed, err)) != QLAB_OK)
        return rc;
    for (uint32_t k = 0; k < p->n_test; k++) {
        const json_t *g = json_array_get(test, k);
        const json_int_t v = json_is_integer(g) ? json_integer_value(g) : -1;
        if (v != (json_int_t)expected[k])
            return qlab_fail(err, QLAB_E_CORRUPT, "%s: split %zu: test group %u was %lld, not %u",
                             path, s, k, (long long)v, expected[k]);
        x->test[k] = expected[k];
    }
    return QLAB_OK;
}

static qlab_code read_counts(const json_t *doc, const char *path, const qlab_cpcv_axis *axis,
                             qlab_cpcv_plan *p, qlab_err *err)
{
    json_t *counts;
    size_t n_groups = 0, n_test = 0;
    qlab_code rc;

    if ((rc = qlab_json_get_object(doc, path, "counts", &counts, err)) != QLAB_OK ||
        (rc = get_count(counts, path, "groups", QLAB_CPCV_MAX_GROUPS, &n_groups, err)) != QLAB_OK ||
        (rc = get_count(counts, path, "test_groups", n_groups, &n_test, err)) != QLAB_OK ||
        (rc = get_count(counts, path, "sessions", SIZE_MAX / 2, &p->n_sessions, err)) != QLAB_OK ||
        (rc = get_count(doc, path, "embargo_sessions", SIZE_MAX / 2, &p->embargo, err)) != QLAB_OK)
        return rc;
    if (n_test < 1 || n_test >= n_groups || p->n_sessions != axis->n)
        return qlab_fail(err, QLAB_E_CORRUPT,
                         "%s: %zu of %zu groups on %zu sessions, but the axis has %zu", path,
                         n_test, n_groups, p->n_sessions, axis->n);
    p->n_groups = (uint32_t)n_groups;
    p->n_test = (uint32_t)n_test;
    return QLAB_OK;
}

qlab_code qlab_cpcv_plan_read(const char *path, const qlab_cpcv_axis *axis, qlab_cpcv_plan *out,
                              qlab_err *err)
{
    qlab_cpcv_plan p = {0};
    uint32_t test[QLAB_CPCV_MAX_GROUPS];
    json_t *doc = NULL, *splits = NULL;
    qlab_code rc = qlab_json_load(path, &doc, err);

    *out = p;
    if (rc == QLAB_OK && (rc = read_counts(doc, path, axis, &p, err)) == QLAB_OK &&
        (rc = read_groups(doc, path, &p, err)) == QLAB_OK &&
        (rc = qlab_json_get_array(doc, path, "splits", &splits, err)) == QLAB_OK) {
        p.n_splits = (size_t)qlab_cpcv_splits(p.n_groups, p.n_test);
        p.splits = qlab_alloc_zero(p.n_splits, sizeof *p.splits);
        if (json_array_size(splits) != p.n_splits)
            rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: %zu splits, %zu were promised", path,
                           json_array_size(splits), p.n_splits);
    }
    if (rc == QLAB_OK)
        qlab_cpcv_first(p.n_test, test);
    for (size_t s = 0; rc == QLAB_OK && s < p.n_splits; s++) {
        rc = read_split(json_array_get(splits, s), path, &p, s, test, err);
        (void)qlab_cpcv_next(p.n_groups, p.n_test, test);
    }
    json_decref(doc);
    if (rc != QLAB_OK) {
        qlab_cpcv_plan_free(&p);
        return rc;
    }
    assign_paths(&p);
    *out = p;
    return QLAB_OK;
}
