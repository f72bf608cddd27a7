#include "stage_a/folds.h"

#include "base/alloc.h"
#include "base/date.h"
#include "strategy/shipped.h"

#include <math.h>
#include <string.h>

void qlab_fold_roles(const qlab_axis *axis, size_t n, size_t first, size_t end, size_t embargo,
                     bool expanding, uint8_t *role)
{
    const int32_t block_from = axis->sessions[first];
    const int32_t block_to = axis->label_end[end - 1];
    size_t after = end; /* the first session that no label of the block reaches */

    while (after < n && axis->sessions[after] <= block_to)
        after++;
    for (size_t i = 0; i < n; i++) {
        if (i >= first && i < end)
            role[i] = QLAB_ROLE_TEST;
        else if (expanding && i >= end)
            role[i] = QLAB_ROLE_UNUSED;
        else if (axis->label_end[i] >= block_from && i < after)
            role[i] = QLAB_ROLE_PURGED;
        else if (i >= after && i < after + embargo)
            role[i] = QLAB_ROLE_EMBARGOED;
        else
            role[i] = QLAB_ROLE_TRAIN;
    }
}

/* Sessions whose label touches a later session of the axis: it ends h sessions after the entry. */
static size_t n_touching(uint32_t horizon, uint32_t every)
{
    return (horizon + 1) / every;
}

/* Sessions whose label is not known: it touches the first sealed one, or ends after the as-of. */
static size_t n_unknown(const qlab_stage_a_design *d, uint32_t horizon, uint32_t every)
{
    return d->sealed_sessions > 0 ? n_touching(horizon, every) : (horizon + every) / every;
}

size_t qlab_folds_needed(const qlab_stage_a_design *d, uint32_t longest_horizon, uint32_t every)
{
    return (size_t)(d->folds * d->test_sessions + d->min_train_sessions + d->sealed_sessions) +
           n_touching(longest_horizon, every) + n_unknown(d, longest_horizon, every);
}

static void put_fitting_policy(const qlab_axis *axis, qlab_buf *out)
{
    static const char *const shipped[] = {"strict", "short-history"};

    for (size_t i = 0; i < sizeof shipped / sizeof shipped[0]; i++) {
        qlab_stage_a_policy p;
        qlab_err ignored = QLAB_ERR_INIT;
        if (qlab_stage_a_policy_load(shipped[i], &p, &ignored) != QLAB_OK)
            continue;
        const size_t needed = qlab_folds_needed(&p.design, axis->longest_horizon, axis->every);
        qlab_stage_a_policy_free(&p);
        if (needed <= axis->n) {
            qlab_buf_putf(out, "; the shipped policy '%s' needs %zu: --policy %s", shipped[i],
                          needed, shipped[i]);
            return;
        }
        if (i == 1)
            qlab_buf_putf(out, "; no shipped policy fits ('%s' needs %zu)", shipped[i], needed);
    }
}

static qlab_code fail_infeasible(const qlab_stage_a_policy *policy, const qlab_axis *axis,
                                 qlab_err *err)
{
    const qlab_stage_a_design *d = &policy->design;
    char from[QLAB_DATE_BYTES] = "none", to[QLAB_DATE_BYTES] = "none";
    qlab_buf fits = QLAB_BUF_INIT;

    if (axis->n > 0) {
        qlab_date_format(axis->sessions[0], from);
        qlab_date_format(axis->sessions[axis->n - 1], to);
    }
    put_fitting_policy(axis, &fits);
    const qlab_code rc = qlab_fail(
        err, QLAB_E_USAGE,
        "policy '%s' needs %zu sessions (%lld folds x %lld test + %lld train + %zu purged + %zu "
        "whose %u-session label is not known yet + %lld sealed), but the panel has %zu (%s to "
        "%s)%s",
        policy->name, qlab_folds_needed(d, axis->longest_horizon, axis->every), (long long)d->folds,
        (long long)d->test_sessions, (long long)d->min_train_sessions,
        n_touching(axis->longest_horizon, axis->every),
        n_unknown(d, axis->longest_horizon, axis->every), axis->longest_horizon,
        (long long)d->sealed_sessions, axis->n, from, to, fits.at == NULL ? "" : fits.at);
    qlab_buf_free(&fits);
    return rc;
}

static size_t embargo_of(const qlab_stage_a_design *d, const qlab_axis *axis)
{
    size_t e = (size_t)d->embargo_sessions;
    const size_t h = (axis->longest_horizon + axis->every - 1) / axis->every;
    const size_t share = (size_t)ceil(d->embargo_share * (double)axis->n);

    e = e > h ? e : h;
    return e > share ? e : share;
}

static void fill_fold(const qlab_axis *axis, size_t n_usable, size_t embargo, uint8_t *role,
                      qlab_fold *f)
{
    f->train_first = f->train_last = f->purged_first = f->purged_last = QLAB_DATE_NONE;
    f->n_train = f->n_purged = f->n_embargoed = 0;
    f->train_rows = f->purged_rows = f->test_rows = -1;
    qlab_fold_roles(axis, n_usable, f->test_first, f->test_end, embargo, true, role);
    for (size_t i = 0; i < n_usable; i++) {
        const int32_t date = axis->sessions[i];
        if (role[i] == QLAB_ROLE_TRAIN) {
            f->train_first = f->n_train++ == 0 ? date : f->train_first;
            f->train_last = date;
        } else if (role[i] == QLAB_ROLE_PURGED) {
            f->purged_first = f->n_purged++ == 0 ? date : f->purged_first;
            f->purged_last = date;
        } else if (role[i] == QLAB_ROLE_EMBARGOED) {
            f->n_embargoed++;
        }
    }
}

static size_t count_usable(const qlab_axis *axis, size_t n_open)
{
    const int32_t seal = n_open < axis->n ? axis->sessions[n_open] : INT32_MAX;
    size_t n = 0;

    while (n < n_open && axis->label_end[n] != QLAB_DATE_NONE && axis->label_end[n] < seal)
        n++;
    return n;
}

qlab_code qlab_folds_plan(const qlab_stage_a_policy *policy, const qlab_axis *axis,
                          qlab_fold_plan *out, qlab_err *err)
{
    const qlab_stage_a_design *d = &policy->design;
    const size_t n_test = (size_t)(d->folds * d->test_sessions);
    const size_t n_sealed = (size_t)d->sealed_sessions;

    if (axis->n <= n_sealed)
        return fail_infeasible(policy, axis, err);
    const size_t n_open = axis->n - n_sealed;
    qlab_fold_plan p = {.n_sessions = axis->n,
                        .n_sealed = n_sealed,
                        .n_usable = count_usable(axis, n_open),
                        .embargo = embargo_of(d, axis),
                        .first_sealed = n_sealed > 0 ? axis->sessions[n_open] : QLAB_DATE_NONE};
    if (p.n_usable <= n_test)
        return fail_infeasible(policy, axis, err);
    p.n_folds = (size_t)d->folds;
    p.folds = qlab_alloc_zero(p.n_folds, sizeof *p.folds);
    uint8_t *role = qlab_alloc(p.n_usable, 1);
    for (size_t k = 0; k < p.n_folds; k++) {
        p.folds[k].test_first = p.n_usable - n_test + k * (size_t)d->test_sessions;
        p.folds[k].test_end = p.folds[k].test_first + (size_t)d->test_sessions;
        fill_fold(axis, p.n_usable, p.embargo, role, &p.folds[k]);
    }
    qlab_free(role);
    if (p.folds[0].n_train < (size_t)d->min_train_sessions) {
        qlab_fold_plan_free(&p);
        return fail_infeasible(policy, axis, err);
    }
    *out = p;
    return QLAB_OK;
}

void qlab_fold_plan_free(qlab_fold_plan *p)
{
    qlab_free(p->folds);
    *p = (qlab_fold_plan){0};
}

/* ---- the file -------------------------------------------------------------------------------- */

static json_t *date_json(int32_t date)
{
    char text[QLAB_DATE_BYTES];

    return date == QLAB_DATE_NONE ? json_null() : json_string(qlab_date_format(date, text));
}

static json_t *rows_json(int64_t rows)
{
    return rows < 0 ? json_null() : json_integer(rows);
}

static json_t *fold_json(const qlab_fold *f, size_t k, const qlab_axis *axis)
{
    return json_pack(
        "{s:I, s:{s:I, s:o, s:o, s:o}, s:{s:I, s:o, s:o, s:o}, s:{s:I, s:o, s:o, s:o}, s:{s:I}}",
        "fold", (json_int_t)k, "train", "sessions", (json_int_t)f->n_train, "first",
        date_json(f->train_first), "last", date_json(f->train_last), "rows",
        rows_json(f->train_rows), "test", "sessions", (json_int_t)(f->test_end - f->test_first),
        "first", date_json(axis->sessions[f->test_first]), "last",
        date_json(axis->sessions[f->test_end - 1]), "rows", rows_json(f->test_rows), "purged",
        "sessions", (json_int_t)f->n_purged, "first", date_json(f->purged_first), "last",
        date_json(f->purged_last), "rows", rows_json(f->purged_rows), "embargoed", "sessions",
        (json_int_t)f->n_embargoed);
}

void qlab_folds_to_json(const qlab_fold_plan *p, const qlab_axis *axis, json_t *artifact)
{
    json_t *folds = json_array(), *sessions = json_array();

    for (size_t i = 0; i < axis->n; i++)
        (void)json_array_append_new(sessions, date_json(axis->sessions[i]));
    for (size_t k = 0; k < p->n_folds; k++)
        (void)json_array_append_new(folds, fold_json(&p->folds[k], k, axis));
    (void)json_object_set_new(artifact, "method", json_string("anchored_expanding_purged"));
    (void)json_object_set_new(artifact, "longest_horizon", json_integer(axis->longest_horizon));
    (void)json_object_set_new(artifact, "every", json_integer(axis->every));
    (void)json_object_set_new(artifact, "embargo_sessions", json_integer((json_int_t)p->embargo));
    (void)json_object_set_new(
        artifact, "counts",
        json_pack("{s:I, s:I, s:I, s:I, s:I}", "sessions", (json_int_t)p->n_sessions, "usable",
                  (json_int_t)p->n_usable, "sealed", (json_int_t)p->n_sealed, "unlabelled",
                  (json_int_t)(p->n_sessions - p->n_sealed - p->n_usable), "folds",
                  (json_int_t)p->n_folds));
    (void)json_object_set_new(artifact, "first_sealed", date_json(p->first_sealed));
    (void)json_object_set_new(artifact, "folds", folds);
    (void)json_object_set_new(artifact, "sessions", sessions);
}

static qlab_code get_date(const json_t *o, const char *where, const char *key, int32_t *date,
                          qlab_err *err)
{
    const json_t *v = json_object_get(o, key);

    if (json_is_null(v)) {
        *date = QLAB_DATE_NONE;
        return QLAB_OK;
    }
    if (!json_is_string(v) || !qlab_date_parse(json_string_value(v), json_string_length(v), date))
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: '%s' was no date", where, key);
    return QLAB_OK;
}

static qlab_code get_count(const json_t *o, const char *where, const char *key, size_t *n,
                           qlab_err *err)
{
    int64_t v;
    const qlab_code rc = qlab_json_get_i64(o, where, key, &v, err);

    if (rc == QLAB_OK && v < 0)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: '%s' was negative", where, key);
    *n = rc == QLAB_OK ? (size_t)v : 0;
    return rc;
}

/* {sessions, first, last, rows} */
static qlab_code get_span(const json_t *fold, const char *where, const char *key, size_t *n,
                          int32_t *first, int32_t *last, int64_t *rows, qlab_err *err)
{
    json_t *o;
    qlab_code rc;

    if ((rc = qlab_json_get_object(fold, where, key, &o, err)) != QLAB_OK ||
        (rc = get_count(o, where, "sessions", n, err)) != QLAB_OK ||
        (rc = get_date(o, where, "first", first, err)) != QLAB_OK ||
        (rc = get_date(o, where, "last", last, err)) != QLAB_OK)
        return rc;
    const json_t *r = json_object_get(o, "rows");
    *rows = json_is_integer(r) ? json_integer_value(r) : -1;
    return QLAB_OK;
}

static qlab_code read_fold(const json_t *o, const char *where, const qlab_axis *axis, qlab_fold *f,
                           qlab_err *err)
{
    size_t n_test = 0;
    int32_t first = 0, last = 0;
    json_t *embargoed;
    qlab_code rc;

    if ((rc = get_span(o, where, "train", &f->n_train, &f->train_first, &f->train_last,
                       &f->train_rows, err)) != QLAB_OK ||
        (rc = get_span(o, where, "purged", &f->n_purged, &f->purged_first, &f->purged_last,
                       &f->purged_rows, err)) != QLAB_OK ||
        (rc = get_span(o, where, "test", &n_test, &first, &last, &f->test_rows, err)) != QLAB_OK ||
        (rc = qlab_json_get_object(o, where, "embargoed", &embargoed, err)) != QLAB_OK ||
        (rc = get_count(embargoed, where, "sessions", &f->n_embargoed, err)) != QLAB_OK)
        return rc;
    while (f->test_first < axis->n && axis->sessions[f->test_first] < first)
        f->test_first++;
    f->test_end = f->test_first + n_test;
    if (n_test == 0 || f->test_end > axis->n || axis->sessions[f->test_first] != first ||
        axis->sessions[f->test_end - 1] != last)
        return qlab_fail(err, QLAB_E_CORRUPT,
                         "%s: a test block of %zu sessions was not on the panel's axis", where,
                         n_test);
    return QLAB_OK;
}

static qlab_code read_counts(const json_t *doc, const char *path, qlab_fold_plan *p, qlab_err *err)
{
    json_t *counts;
    qlab_code rc;

    if ((rc = qlab_json_get_object(doc, path, "counts", &counts, err)) != QLAB_OK ||
        (rc = get_count(counts, path, "sessions", &p->n_sessions, err)) != QLAB_OK ||
        (rc = get_count(counts, path, "usable", &p->n_usable, err)) != QLAB_OK ||
        (rc = get_count(counts, path, "sealed", &p->n_sealed, err)) != QLAB_OK ||
        (rc = get_count(doc, path, "embargo_sessions", &p->embargo, err)) != QLAB_OK)
        return rc;
    return get_date(doc, path, "first_sealed", &p->first_sealed, err);
}

qlab_code qlab_folds_read(const char *path, const qlab_axis *axis, qlab_fold_plan *out,
                          qlab_err *err)
{
    qlab_fold_plan p = {0};
    json_t *doc = NULL, *folds = NULL;
    qlab_code rc;

    if ((rc = qlab_json_load(path, &doc, err)) != QLAB_OK)
        return rc;
    if ((rc = read_counts(doc, path, &p, err)) == QLAB_OK &&
        (rc = qlab_json_get_array(doc, path, "folds", &folds, err)) == QLAB_OK) {
        p.n_folds = json_array_size(folds);
        p.folds = qlab_alloc_zero(p.n_folds, sizeof *p.folds);
    }
    for (size_t k = 0; rc == QLAB_OK && k < p.n_folds; k++)
        rc = read_fold(json_array_get(folds, k), path, axis, &p.folds[k], err);
    if (rc == QLAB_OK && (p.n_sessions != axis->n || p.n_folds == 0))
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: %zu folds on %zu sessions, but the panel has %zu",
                       path, p.n_folds, p.n_sessions, axis->n);
    json_decref(doc);
    if (rc != QLAB_OK) {
        qlab_fold_plan_free(&p);
        return rc;
    }
    *out = p;
    return QLAB_OK;
}
