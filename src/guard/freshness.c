#include "guard/freshness.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/date.h"
#include "ops/run.h"
#include "truth/action.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct group {
    qlab_asset_class asset_class;
    const char *exchange; /* NULL: the type is not in the lake at all */
    const qlab_holidays *holidays;
    bool rules_hold;
    int32_t *expected; /* the newest first; n of them */
    size_t n_expected;
    uint64_t n_assets, n_ended, n_live, n_future;
    uint64_t *by_lag; /* live assets, n_expected */
    int32_t newest;
    size_t lag;
    const char *verdict, *reason;
} group;

typedef struct judge {
    const qlab_env *env;
    const qlab_freshness_options *o;
    qlab_lake_view *v;
    qlab_session_override *overrides;
    size_t n_overrides;
    group *groups;
    size_t n_groups, cap_groups;
    uint32_t *group_of; /* asset_ix */
    int32_t *last;      /* asset_ix; QLAB_DATE_NONE */
    uint8_t *ended, *future;
    int32_t cutoff, from;
} judge;

qlab_freshness_options qlab_freshness_options_default(void)
{
    return (qlab_freshness_options){
        .publish_days = 1, .max_lag_sessions = 1, .live_sessions = 20, .min_share = 0.8};
}

bool qlab_guard_is_expected(const qlab_holidays *h, const char *exchange,
                            const qlab_session_override *o, size_t n_overrides, int32_t date)
{
    for (size_t i = 0; i < n_overrides; i++)
        if (o[i].date == date && strcmp(o[i].exchange, exchange) == 0)
            return o[i].is_session;
    return qlab_holidays_is_session(h, date);
}

/* ---- groups ---------------------------------------------------------------------------------- */

static int cmp_group(const void *a, const void *b)
{
    const group *x = a, *y = b;
    if (x->asset_class != y->asset_class)
        return x->asset_class < y->asset_class ? -1 : 1;
    if (x->exchange == NULL || y->exchange == NULL)
        return (x->exchange != NULL) - (y->exchange != NULL);
    return strcmp(x->exchange, y->exchange);
}

/* By the registry's exchange, else by the market codes of its assets where they all agree. */
static const qlab_holidays *holidays_of(const qlab_lake_view *v, const char *exchange)
{
    const qlab_holidays *found = qlab_holidays_of_exchange(exchange);
    if (found != NULL)
        return found;
    for (size_t i = 0; i < v->n_assets; i++) {
        if (strcmp(v->assets[i].exchange, exchange) != 0)
            continue;
        const qlab_holidays *h = qlab_holidays_of_mic(v->assets[i].mic);
        if (h == NULL || (found != NULL && h != found))
            return NULL;
        found = h;
    }
    return found;
}

static void expect_sessions(const judge *j, group *g)
{
    int first = 0, last = 0;
    const size_t want = (size_t)j->o->live_sessions;
    g->expected = qlab_alloc(want, sizeof *g->expected);
    /* An overrides file may close every day there is: a year too many and it stops. */
    for (int32_t date = j->cutoff;
         g->n_expected < want && date > j->cutoff - 366 - 3 * (int32_t)want; date--)
        if (qlab_guard_is_expected(g->holidays, g->exchange, j->overrides, j->n_overrides, date))
            g->expected[g->n_expected++] = date;
    g->by_lag = qlab_alloc_zero(g->n_expected, sizeof *g->by_lag);
    if (g->holidays != NULL)
        qlab_holidays_years(g->holidays, &first, &last);
    g->rules_hold = g->holidays != NULL && g->n_expected > 0 &&
                    qlab_date_year(g->expected[0]) <= last &&
                    qlab_date_year(g->expected[g->n_expected - 1]) >= first;
}

static size_t find_group(const judge *j, const group *key)
{
    const group *g = bsearch(key, j->groups, j->n_groups, sizeof *j->groups, cmp_group);
    assert(g != NULL);
    return (size_t)(g - j->groups);
}

static void make_groups(judge *j)
{
    const qlab_lake_view *v = j->v;
    j->group_of = qlab_alloc(v->n_assets, sizeof *j->group_of);
    for (size_t i = 0; i < v->n_assets; i++) {
        const group key = {.asset_class = v->assets[i].asset_class,
                           .exchange = v->assets[i].exchange};
        size_t g = j->n_groups;
        while (g > 0 && cmp_group(&j->groups[g - 1], &key) != 0)
            g--;
        if (g > 0)
            continue;
        qlab_grow((void **)&j->groups, &j->cap_groups, j->n_groups + 1, sizeof *j->groups);
        j->groups[j->n_groups++] = key;
    }
    qsort(j->groups, j->n_groups, sizeof *j->groups, cmp_group);
    j->from = INT32_MAX;
    for (size_t g = 0; g < j->n_groups; g++) {
        j->groups[g].newest = QLAB_DATE_NONE;
        j->groups[g].holidays = holidays_of(v, j->groups[g].exchange);
        expect_sessions(j, &j->groups[g]);
        const size_t n = j->groups[g].n_expected;
        if (n > 0 && j->groups[g].expected[n - 1] < j->from)
            j->from = j->groups[g].expected[n - 1];
    }
    for (size_t i = 0; i < v->n_assets; i++) {
        const group key = {.asset_class = v->assets[i].asset_class,
                           .exchange = v->assets[i].exchange};
        j->group_of[i] = (uint32_t)find_group(j, &key);
    }
}

/* ---- the newest bar of each asset ------------------------------------------------------------ */

static qlab_code bucket_unit(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    judge *j = ctx;
    qlab_conn *conn = NULL;
    qlab_bars b;
    qlab_code rc = qlab_duck_conn(j->env->duck, worker, &conn, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_read_dates(j->v, conn, (uint32_t)unit, j->from, INT32_MAX, &b, err);
    if (rc != QLAB_OK)
        return rc;
    for (size_t a = 0; a < b.n_assets; a++) {
        size_t end = b.first[a + 1];
        if (end > b.first[a] && b.date[end - 1] > j->env->now)
            j->future[b.asset_ix[a]] = 1;
        while (end > b.first[a] && b.date[end - 1] > j->env->now)
            end--;
        if (end > b.first[a])
            j->last[b.asset_ix[a]] = b.date[end - 1];
    }
    qlab_bars_free(&b);
    return QLAB_OK;
}

static qlab_code find_last_bars(judge *j, qlab_err *err)
{
    qlab_arena strings = QLAB_ARENA_INIT;
    qlab_delisting *rows = NULL;
    qlab_conn *conn = NULL;
    size_t n = 0;
    j->last = qlab_alloc(j->v->n_assets, sizeof *j->last);
    for (size_t i = 0; i < j->v->n_assets; i++)
        j->last[i] = QLAB_DATE_NONE;
    j->ended = qlab_alloc_zero(j->v->n_assets, 1);
    j->future = qlab_alloc_zero(j->v->n_assets, 1);
    qlab_code rc = qlab_duck_conn(j->env->duck, 0, &conn, err);
    if (rc == QLAB_OK)
        rc = qlab_delistings_read(j->v, conn, &strings, &rows, &n, err);
    for (size_t i = 0; rc == QLAB_OK && i < n; i++)
        if (rows[i].code != QLAB_DELIST_EXCHANGE_MOVE &&
            rows[i].code != QLAB_DELIST_SYMBOL_CHANGE && rows[i].delist_date <= j->cutoff)
            j->ended[rows[i].asset_ix] = 1;
    if (rc == QLAB_OK)
        rc = qlab_pool_run(j->env->pool, qlab_lake_n_buckets(j->v), bucket_unit, j, err);
    qlab_free(rows);
    qlab_arena_free(&strings);
    return rc;
}

/* Expected sessions after `last`; n_expected where it lies before all of them. */
static size_t lag_of(const group *g, int32_t last)
{
    size_t lag = 0;
    while (lag < g->n_expected && g->expected[lag] > last)
        lag++;
    return lag;
}

/* ---- verdicts -------------------------------------------------------------------------------- */

static void count(judge *j)
{
    for (size_t i = 0; i < j->v->n_assets; i++) {
        group *g = &j->groups[j->group_of[i]];
        const int32_t last = j->last[i];
        g->n_assets++;
        g->n_future += j->future[i];
        if (last != QLAB_DATE_NONE && last > g->newest)
            g->newest = last;
        if (j->ended[i]) {
            g->n_ended++;
            continue;
        }
        const size_t lag = last == QLAB_DATE_NONE ? g->n_expected : lag_of(g, last);
        if (lag == g->n_expected)
            continue;
        g->n_live++;
        g->by_lag[lag]++;
    }
}

static void decide(const judge *j, group *g)
{
    if (g->n_live == 0) {
        const bool ended = g->n_assets > 0 && g->n_ended == g->n_assets;
        g->lag = g->n_expected;
        g->verdict = ended ? "ENDED" : "STALE";
        g->reason = ended ? "ALL_DELISTED" : g->n_assets == 0 ? "ABSENT" : "SILENT";
        return;
    }
    uint64_t kept = 0;
    g->lag = 0;
    for (size_t lag = 0; lag < g->n_expected; lag++) {
        kept += g->by_lag[lag];
        g->lag = lag;
        if ((double)kept >= j->o->min_share * (double)g->n_live)
            break;
    }
    const bool fresh = (int64_t)g->lag <= j->o->max_lag_sessions;
    g->verdict = fresh ? "FRESH" : "STALE";
    g->reason = fresh ? "OK" : "LAG";
}

static void require_types(judge *j)
{
    for (size_t t = 0; t < j->o->n_types; t++) {
        qlab_asset_class c;
        bool there = false;
        if (!qlab_asset_class_parse(qlab_str_of(j->o->types[t]), &c))
            continue; /* said by check_options */
        for (size_t g = 0; g < j->n_groups; g++)
            there = there || j->groups[g].asset_class == c;
        if (there)
            continue;
        qlab_grow((void **)&j->groups, &j->cap_groups, j->n_groups + 1, sizeof *j->groups);
        j->groups[j->n_groups++] = (group){.asset_class = c, .newest = QLAB_DATE_NONE};
    }
    qsort(j->groups, j->n_groups, sizeof *j->groups, cmp_group);
}

/* ---- the report ------------------------------------------------------------------------------ */

static json_t *day(int32_t date)
{
    char text[QLAB_DATE_BYTES];
    return date == QLAB_DATE_NONE ? json_null() : json_string(qlab_date_format(date, text));
}

static json_t *group_json(const group *g)
{
    json_t *o = json_object();
    json_object_set_new(o, "asset_class", json_string(qlab_asset_class_name(g->asset_class)));
    json_object_set_new(o, "exchange", g->exchange ? json_string(g->exchange) : json_null());
    json_object_set_new(o, "calendar",
                        g->holidays ? json_string(qlab_holidays_name(g->holidays)) : json_null());
    json_object_set_new(o, "rules_hold", json_boolean(g->rules_hold));
    json_object_set_new(o, "last_expected_session",
                        day(g->n_expected > 0 ? g->expected[0] : QLAB_DATE_NONE));
    json_object_set_new(o, "newest_bar", day(g->newest));
    json_object_set_new(o, "assets", json_integer((json_int_t)g->n_assets));
    json_object_set_new(o, "assets_delisted", json_integer((json_int_t)g->n_ended));
    json_object_set_new(o, "assets_live", json_integer((json_int_t)g->n_live));
    json_object_set_new(o, "assets_current",
                        json_integer(g->n_expected > 0 ? (json_int_t)g->by_lag[0] : 0));
    json_object_set_new(o, "share_current",
                        g->n_live > 0 ? qlab_json_f64((double)g->by_lag[0] / (double)g->n_live)
                                      : json_null());
    json_object_set_new(o, "assets_with_future_bars", json_integer((json_int_t)g->n_future));
    json_object_set_new(o, "lag_sessions",
                        g->n_live > 0 ? json_integer((json_int_t)g->lag) : json_null());
    json_object_set_new(o, "verdict", json_string(g->verdict));
    json_object_set_new(o, "reason", json_string(g->reason));
    return o;
}

static json_t *inputs_json(const judge *j, const char *commit_sha256)
{
    json_t *o = json_object();
    json_object_set_new(o, "commit", json_integer(j->v->commit));
    json_object_set_new(o, "commit_sha256", json_string(commit_sha256));
    json_object_set_new(o, "now", day(j->env->now));
    json_t *overrides = json_array();
    for (size_t i = 0; i < j->n_overrides; i++) {
        json_t *x = json_object();
        json_object_set_new(x, "exchange", json_string(j->overrides[i].exchange));
        json_object_set_new(x, "date", day(j->overrides[i].date));
        json_object_set_new(x, "is_session", json_boolean(j->overrides[i].is_session));
        json_array_append_new(overrides, x);
    }
    char hex[QLAB_HEX_BYTES];
    json_object_set_new(o, "overrides_sha256",
                        json_string(qlab_hex(qlab_json_digest(overrides), hex)));
    json_decref(overrides);
    return o;
}

static json_t *policy_json(const qlab_freshness_options *o)
{
    json_t *p = json_object(), *types = json_array();
    for (size_t i = 0; i < o->n_types; i++)
        json_array_append_new(types, json_string(o->types[i]));
    json_object_set_new(p, "required_types", types);
    json_object_set_new(p, "publish_days", json_integer(o->publish_days));
    json_object_set_new(p, "max_lag_sessions", json_integer(o->max_lag_sessions));
    json_object_set_new(p, "live_sessions", json_integer(o->live_sessions));
    json_object_set_new(p, "min_share", qlab_json_f64(o->min_share));
    return p;
}

static json_t *report_json(const judge *j, const char *commit_sha256, bool fresh)
{
    json_t *inputs = inputs_json(j, commit_sha256), *policy = policy_json(j->o);
    const qlab_digest d = qlab_json_digest(policy);
    char *run_id = qlab_run_id("freshness", j->env->now, inputs, &d);
    json_t *r = qlab_artifact_begin("freshness_report/1", run_id, inputs), *groups = json_array();
    qlab_free(run_id);
    json_decref(inputs);
    json_object_set_new(r, "policy", policy);
    json_object_set_new(r, "verdict", json_string(fresh ? "FRESH" : "STALE"));
    for (size_t g = 0; g < j->n_groups; g++)
        json_array_append_new(groups, group_json(&j->groups[g]));
    json_object_set_new(r, "groups", groups);
    return r;
}

static qlab_code check_options(const qlab_freshness_options *o, qlab_err *err)
{
    qlab_asset_class c;
    for (size_t i = 0; i < o->n_types; i++)
        if (!qlab_asset_class_parse(qlab_str_of(o->types[i]), &c))
            return qlab_fail(err, QLAB_E_USAGE,
                             "type %s is not one of STOCK ETF FUND BOND INDEX "
                             "FOREX CRYPTO OTHER",
                             o->types[i]);
    if (o->publish_days < 0 || o->publish_days > 30 || o->max_lag_sessions < 0 ||
        o->live_sessions < 1 || o->live_sessions > 1000 ||
        o->max_lag_sessions >= o->live_sessions || !(o->min_share > 0 && o->min_share <= 1))
        return qlab_fail(err, QLAB_E_USAGE,
                         "freshness needs 0 <= publish_days <= 30, max_lag_sessions below "
                         "live_sessions (1 to 1000) and a share above 0 and up to 1");
    return QLAB_OK;
}

qlab_code qlab_guard_freshness(const qlab_env *env, const qlab_freshness_options *o,
                               json_t **report, bool *fresh, qlab_err *err)
{
    judge j = {.env = env, .o = o, .cutoff = env->now - (int32_t)o->publish_days};
    char sha256[QLAB_HEX_BYTES];
    json_t *doc = NULL;
    qlab_code rc = check_options(o, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_view_open(env, o->commit, &j.v, err);
    if (rc != QLAB_OK)
        return rc;
    if (j.v->commit == 0) {
        rc = qlab_fail(err, QLAB_E_NOT_FOUND, "%s holds no lake: ingest first", env->root);
        goto done;
    }
    rc = qlab_lake_read_commit(env->root, j.v->commit, &doc, sha256, err);
    if (rc == QLAB_OK && o->overrides != NULL && *o->overrides)
        rc = qlab_session_overrides_load(o->overrides, &j.overrides, &j.n_overrides, err);
    if (rc != QLAB_OK)
        goto done;
    make_groups(&j);
    rc = find_last_bars(&j, err);
    if (rc != QLAB_OK)
        goto done;
    count(&j);
    require_types(&j);
    *fresh = true;
    for (size_t g = 0; g < j.n_groups; g++) {
        decide(&j, &j.groups[g]);
        *fresh = *fresh && strcmp(j.groups[g].verdict, "STALE") != 0;
    }
    *report = report_json(&j, sha256, *fresh);
done:
    for (size_t g = 0; g < j.n_groups; g++) {
        qlab_free(j.groups[g].expected);
        qlab_free(j.groups[g].by_lag);
    }
    qlab_free(j.groups);
    qlab_free(j.group_of);
    qlab_free(j.last);
    qlab_free(j.ended);
    qlab_free(j.future);
    qlab_free(j.overrides);
    json_decref(doc);
    qlab_lake_view_close(j.v);
    return rc;
}
