/* cli/cmd_actions_derive.c -- `quantlab actions derive`: derivation, and feeds against it. */
#include "base/alloc.h"
#include "base/cancel.h"
#include "base/date.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "cli/commit_arg.h"
#include "ops/run.h"
#include "truth/crosscheck.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct opts {
    const char *asset, *commit;
    int64_t vintage, examples;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, asset, "asset", "ID", "of one asset, event by event (default: all)"),
    QLAB_STR_OPT(opts, commit, "commit", "N", "a number, or latest (default)"),
    QLAB_I64_OPT(opts, vintage, "vintage", "N",
                 "derive anew from the rows that commit N brought (default: as ingest derived)"),
    QLAB_I64_OPT(opts, examples, "examples", "N", "events shown of each outcome (default 5)"),
    QLAB_OPTS_END,
};

static void init(void *at)
{
    ((opts *)at)->examples = 5;
}

typedef struct report {
    qlab_cross_event *events;
    size_t n, cap;
    uint64_t count[QLAB_CROSS_OUTCOMES][QLAB_ACTION_TYPES], why[QLAB_CROSS_WHYS];
    uint64_t n_assets; /* with a fact of either side */
} report;

typedef struct work {
    qlab_ctx *cx;
    const opts *o;
    const qlab_lake_view *view;
    qlab_conn *conn;
    qlab_action *facts;
    size_t n_facts;
    int64_t only; /* asset_ix or -1 */
    report r;
} work;

/* Rows [first, last) of b, those of one commit where a vintage is asked for. */
static qlab_vintage vintage_of(const work *w, qlab_bars *b, size_t a)
{
    size_t n = b->first[a], first = n, last = b->first[a + 1];
    for (size_t i = first; i < last; i++) {
        if (w->o->vintage != 0 && b->known_seq[i] != (uint32_t)w->o->vintage)
            continue;
        b->date[n] = b->date[i];
        b->close[n] = b->close[i];
        b->adjusted_close[n] = b->adjusted_close[i];
        b->volume[n++] = b->volume[i];
    }
    const qlab_asset *asset = &w->view->assets[b->asset_ix[a]];
    return (qlab_vintage){.asset_ix = asset->asset_ix,
                          .n = n - first,
                          .date = b->date + first,
                          .close = b->close + first,
                          .adjusted_close = b->adjusted_close + first,
                          .volume = b->volume + first,
                          .price_basis = w->view->price_basis,
                          .convention = w->cx->config->vendor.factor_close == QLAB_FACTOR_EX_DATE
                                            ? QLAB_FACTOR_ON_EX_DATE
                                            : QLAB_FACTOR_ON_PREVIOUS,
                          .currency = asset->currency};
}

/* Facts of the asset; with a vintage its derived ones are made from the bars. */
static size_t gather(const work *w, const qlab_vintage *v, size_t *at, qlab_action **rows,
                     size_t *cap)
{
    size_t n = 0;
    for (; *at < w->n_facts && w->facts[*at].asset_ix <= v->asset_ix; (*at)++) {
        const qlab_action *a = &w->facts[*at];
        if (a->asset_ix < v->asset_ix || (w->o->vintage && a->source == QLAB_SOURCE_DERIVED))
            continue;
        qlab_grow((void **)rows, cap, n + 1, sizeof **rows);
        (*rows)[n++] = *a;
    }
    if (w->o->vintage != 0)
        qlab_derive_actions(v, rows, &n, cap);
    if (n > 1)
        qsort(*rows, n, sizeof **rows, qlab_action_cmp);
    return n;
}

static void check_asset(work *w, qlab_bars *b, size_t a, size_t *at, qlab_action **rows,
                        size_t *cap)
{
    const qlab_vintage v = vintage_of(w, b, a);
    const size_t n = gather(w, &v, at, rows, cap);
    if (n == 0 || (w->only >= 0 && w->only != v.asset_ix))
        return;
    const size_t before = w->r.n;
    qlab_crosscheck(*rows, n, &v, &w->r.events, &w->r.n, &w->r.cap);
    w->r.n_assets++;
    for (size_t i = before; i < w->r.n; i++) {
        const qlab_cross_event *e = &w->r.events[i];
        w->r.count[e->outcome][e->type]++;
        w->r.why[e->why]++;
    }
}

static qlab_code check_all(work *w, qlab_err *err)
{
    qlab_action *rows = NULL;
    size_t cap = 0, at = 0;
    qlab_code rc = QLAB_OK;
    const size_t n = qlab_lake_n_buckets(w->view);
    for (size_t k = 0; k < n && rc == QLAB_OK; k++) {
        if (w->only >= 0 && (size_t)w->only / QLAB_LAKE_BUCKET_ASSETS != k)
            continue;
        qlab_bars b = {0};
        rc = qlab_lake_read_bars(w->view, w->conn, (uint32_t)k, QLAB_DATE_NONE, INT32_MAX,
                                 QLAB_BARS_ADJUSTED | QLAB_BARS_PROVENANCE, &b, err);
        for (size_t a = 0; rc == QLAB_OK && a < b.n_assets; a++)
            check_asset(w, &b, a, &at, &rows, &cap);
        qlab_bars_free(&b);
        rc = rc == QLAB_OK ? qlab_cancel_check(err) : rc;
    }
    qlab_free(rows);
    return rc;
}

/* ---- said ------------------------------------------------------------------------------------ */

static json_t *day_json(int32_t date)
{
    char day[QLAB_DATE_BYTES];
    return date == QLAB_DATE_NONE ? json_null() : json_string(qlab_date_format(date, day));
}

static json_t *event_json(const work *w, const qlab_cross_event *e)
{
    json_t *o = json_object();
    json_object_set_new(o, "asset_id", json_string(w->view->assets[e->asset_ix].asset_id));
    json_object_set_new(o, "outcome", json_string(qlab_cross_name(e->outcome)));
    json_object_set_new(o, "why", e->why ? json_string(qlab_cross_why_name(e->why)) : json_null());
    json_object_set_new(o, "action_type", json_string(qlab_action_type_name(e->type)));
    json_object_set_new(o, "ex_date", day_json(e->ex_date));
    json_object_set_new(o, "derived_date", day_json(e->derived_date));
    json_object_set_new(o, "fed", qlab_json_f64(e->fed));
    json_object_set_new(o, "fed_at_ex_close", qlab_json_f64(e->fed_at_ex));
    json_object_set_new(o, "derived", qlab_json_f64(e->derived));
    json_object_set_new(o, "derived_low", qlab_json_f64(e->low));
    json_object_set_new(o, "derived_high", qlab_json_f64(isinf(e->high) ? (double)NAN : e->high));
    return o;
}

static json_t *counts_json(const report *r)
{
    json_t *o = json_object(), *why = json_object();
    for (uint8_t i = 0; i < QLAB_CROSS_OUTCOMES; i++) {
        json_t *types = json_object();
        for (uint8_t t = 0; t < QLAB_ACTION_TYPES; t++)
            json_object_set_new(types, qlab_action_type_name(t),
                                json_integer((json_int_t)r->count[i][t]));
        json_object_set_new(o, qlab_cross_name(i), types);
    }
    for (uint8_t i = 1; i < QLAB_CROSS_WHYS; i++)
        json_object_set_new(why, qlab_cross_why_name(i), json_integer((json_int_t)r->why[i]));
    json_object_set_new(o, "why_only_feed", why);
    json_object_set_new(o, "assets", json_integer((json_int_t)r->n_assets));
    return o;
}

/* Whether event i is among the shown ones: the first few of each outcome, or all of one asset. */
static bool is_shown(const work *w, size_t i, int64_t *seen)
{
    return w->only >= 0 || seen[w->r.events[i].outcome]++ < w->o->examples;
}

static void print_json(const work *w, const char *sha256)
{
    json_t *inputs = json_object(), *events = json_array();
    int64_t seen[QLAB_CROSS_OUTCOMES] = {0};
    json_object_set_new(inputs, "commit", json_integer(w->view->commit));
    json_object_set_new(inputs, "commit_sha256", json_string(sha256));
    json_object_set_new(inputs, "vintage",
                        w->o->vintage ? json_integer(w->o->vintage) : json_null());
    json_t *o = qlab_artifact_begin("actions_crosscheck/1", NULL, inputs);
    json_object_set_new(o, "counts", counts_json(&w->r));
    for (size_t i = 0; i < w->r.n; i++)
        if (is_shown(w, i, seen))
            json_array_append_new(events, event_json(w, &w->r.events[i]));
    json_object_set_new(o, "events", events);
    qlab_cmd_print_json(w->cx, o);
    json_decref(inputs);
    json_decref(o);
}

static void number(FILE *out, double v)
{
    if (isnan(v) || isinf(v))
        fprintf(out, " %9s", "-");
    else
        fprintf(out, " %9.6f", v);
}

static void print_event(FILE *out, const work *w, const qlab_cross_event *e)
{
    char day[QLAB_DATE_BYTES];
    const int32_t date = e->ex_date != QLAB_DATE_NONE ? e->ex_date : e->derived_date;
    fprintf(out, "  %-14.14s %-10s", w->view->assets[e->asset_ix].asset_id,
            qlab_date_format(date, day));
    number(out, e->fed);
    if (e->why != QLAB_CROSS_WHY_NONE) {
        fprintf(out, "  %s\n", qlab_cross_why_name(e->why));
        return;
    }
    number(out, e->derived);
    number(out, e->low);
    number(out, e->high);
    if (e->outcome == QLAB_CROSS_EX_DATE_DIFFERS)
        fprintf(out, "  %s", qlab_date_format(e->derived_date, day));
    fputc('\n', out);
}

static void print_table(FILE *out, const report *r)
{
    fprintf(out, "%-16s %10s %14s %15s %10s\n", "outcome", "splits", "dividends", "untyped", "all");
    for (uint8_t i = 0; i < QLAB_CROSS_OUTCOMES; i++) {
        uint64_t all = 0;
        for (uint8_t t = 0; t < QLAB_ACTION_TYPES; t++)
            all += r->count[i][t];
        fprintf(out, "%-16s %10" PRIu64 " %14" PRIu64 " %15" PRIu64 " %10" PRIu64 "\n",
                qlab_cross_name(i), r->count[i][QLAB_ACTION_SPLIT],
                r->count[i][QLAB_ACTION_DIVIDEND_CASH], r->count[i][QLAB_ACTION_UNTYPED_FACTOR],
                all);
    }
}

static void print_text(const work *w)
{
    FILE *out = w->cx->out;
    fprintf(out, "commit %u: %" PRIu64 " assets with a feed or a derivation", w->view->commit,
            w->r.n_assets);
    if (w->o->vintage)
        fprintf(out, "; derived anew from the rows of commit %" PRId64, w->o->vintage);
    fprintf(out, "\n\n");
    print_table(out, &w->r);
    for (uint8_t i = 1; i < QLAB_CROSS_WHYS; i++)
        if (w->r.why[i] > 0)
            fprintf(out, "  only in a feed, %s: %" PRIu64 "\n", qlab_cross_why_name(i),
                    w->r.why[i]);
    for (uint8_t k = 0; k < QLAB_CROSS_OUTCOMES; k++) {
        int64_t seen[QLAB_CROSS_OUTCOMES] = {0};
        bool begun = false;
        for (size_t i = 0; i < w->r.n; i++) {
            if (w->r.events[i].outcome != k || !is_shown(w, i, seen))
                continue;
            if (!begun)
                fprintf(out, "\n%-16s %-10s %9s %9s %9s %9s\n", qlab_cross_name(k), "ex-date",
                        "feed", "derived", "low", "high");
            begun = true;
            print_event(out, w, &w->r.events[i]);
        }
    }
}

static qlab_code check_options(const opts *o, const qlab_lake_view *view, qlab_err *err)
{
    if (o->examples < 0)
        return qlab_fail(err, QLAB_E_USAGE, "--examples was %" PRId64 ", it must not be negative",
                         o->examples);
    if (o->vintage < 0 || o->vintage > view->commit)
        return qlab_fail(err, QLAB_E_USAGE, "--vintage was %" PRId64 "; commits are 1 to %u",
                         o->vintage, view->commit);
    return QLAB_OK;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    work w = {.cx = cx, .o = given, .only = -1};
    qlab_lake_view *view = NULL;
    qlab_arena strings = QLAB_ARENA_INIT;
    json_t *doc = NULL;
    char sha256[QLAB_HEX_BYTES];
    uint32_t commit = 0;
    qlab_code rc = qlab_commit_arg_resolve(cx->env.root, w.o->commit, &commit, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_view_open(&cx->env, commit, &view, err);
    if (rc != QLAB_OK)
        return rc;
    w.view = view;
    rc = check_options(w.o, view, err);
    if (rc == QLAB_OK && w.o->asset != NULL) {
        w.only = qlab_lake_find_asset(view, qlab_str_of(w.o->asset));
        if (w.only < 0)
            rc = qlab_fail(err, QLAB_E_NOT_FOUND, "the lake had no asset %s", w.o->asset);
    }
    if (rc == QLAB_OK)
        rc = qlab_lake_read_commit(cx->env.root, view->commit, &doc, sha256, err);
    if (rc == QLAB_OK)
        rc = qlab_duck_conn(cx->env.duck, 0, &w.conn, err);
    if (rc == QLAB_OK)
        rc = qlab_actions_read(view, w.conn, &strings, &w.facts, &w.n_facts, err);
    if (rc == QLAB_OK)
        rc = check_all(&w, err);
    if (rc == QLAB_OK && cx->json)
        print_json(&w, sha256);
    else if (rc == QLAB_OK)
        print_text(&w);
    json_decref(doc);
    qlab_free(w.r.events);
    qlab_free(w.facts);
    qlab_arena_free(&strings);
    qlab_lake_view_close(view);
    return rc;
}

const qlab_cmd qlab_cmd_actions_derive = {
    .name = "actions derive",
    .summary = "set what adjusted closes tell beside what feeds say",
    .help =
        "Ingest derives actions from the adjusted closes of each full delivery. Here they stand "
        "beside the feeds: matched, on another date, disagreeing beyond what the decimals allow, "
        "or known to one side only, and why. Nothing is written; a snapshot applies the feed "
        "where both speak. Factors are those of the ex-date: close before over adjusted close "
        "before.\n"
        "\n"
        "example:\n"
        "  quantlab actions derive\n"
        "  quantlab actions derive --asset US:AAPL --vintage 1\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run,
};
