/* cli/cmd_actions_show.c -- `quantlab actions show`: what every source says of an asset. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "cli/commit_arg.h"
#include "truth/action.h"

#include <math.h>
#include <string.h>

typedef struct opts {
    const char *asset, *commit;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_REQ(opts, asset, "asset", "ID", "the asset's id, as US:AAPL"),
    QLAB_STR_OPT(opts, commit, "commit", "N", "a number, or latest (default)"),
    QLAB_OPTS_END,
};

static json_t *action_json(const char *asset_id, const qlab_action *a)
{
    char day[QLAB_DATE_BYTES];
    json_t *o = json_object();
    json_object_set_new(o, "asset_id", json_string(asset_id));
    json_object_set_new(o, "ex_date", json_string(qlab_date_format(a->ex_date, day)));
    json_object_set_new(o, "action_type", json_string(qlab_action_type_name(a->type)));
    json_object_set_new(o, "split_factor", qlab_json_f64(a->r));
    json_object_set_new(o, "dividend_cash", qlab_json_f64(a->d));
    json_object_set_new(o, "currency", json_string(a->currency));
    json_object_set_new(o, "source", json_string(qlab_action_source_name(a->source)));
    json_object_set_new(o, "source_id", json_string(a->source_id));
    json_object_set_new(o, "c", qlab_json_f64(a->c));
    json_object_set_new(o, "c_low", qlab_json_f64(a->c_low));
    json_object_set_new(o, "c_high", qlab_json_f64(isinf(a->c_high) ? NAN : a->c_high));
    json_object_set_new(o, "confidence", json_string(qlab_confidence_name(a->confidence)));
    json_object_set_new(o, "known_seq", json_integer(a->known_seq));
    return o;
}

static void number(FILE *out, const char *format, double v)
{
    if (isnan(v) || isinf(v))
        fprintf(out, " %9s", "-");
    else
        fprintf(out, format, v);
}

/* Who says it, as a number for the legend; 0 = a derivation, or nobody was named. */
typedef struct origins {
    const char *at[9];
    size_t n;
} origins;

static size_t origin_of(origins *o, const qlab_action *a)
{
    const size_t length = strcspn(a->source_id, ":");
    if (length == 0)
        return 0;
    for (size_t i = 0; i < o->n; i++)
        if (strcspn(o->at[i], ":") == length && strncmp(o->at[i], a->source_id, length) == 0)
            return i + 1;
    if (o->n == sizeof o->at / sizeof o->at[0])
        return 0;
    o->at[o->n++] = a->source_id;
    return o->n;
}

static void print_row(FILE *out, const qlab_action *a, size_t origin)
{
    static const char *const types[QLAB_ACTION_TYPES] = {"split", "dividend", "untyped"};
    static const char *const sources[QLAB_SOURCES] = {"feed", "factor", "derived"};
    char day[QLAB_DATE_BYTES], source[16];
    if (origin > 0)
        snprintf(source, sizeof source, "%s %zu", sources[a->source], origin);
    else
        snprintf(source, sizeof source, "%s", sources[a->source]);
    fprintf(out, "%-10s %-8s %-8s", qlab_date_format(a->ex_date, day), types[a->type], source);
    number(out, " %9.6g", a->r);
    number(out, " %9.6g", a->d);
    number(out, " %9.6f", a->c);
    number(out, " %9.1e", 0.5 * (a->c_high - a->c_low));
    fprintf(out, " %-6s %4u\n", qlab_confidence_name(a->confidence), a->known_seq);
}

static void print_text(FILE *out, const char *asset_id, uint32_t commit, const qlab_action *rows,
                       size_t n)
{
    origins o = {.n = 0};
    fprintf(out, "%s at commit %u: %zu facts\n", asset_id, commit, n);
    if (n == 0)
        return;
    fprintf(out, "\n%-10s %-8s %-8s %9s %9s %9s %9s %-6s %4s\n", "ex-date", "type", "source",
            "split", "dividend", "factor", "+-", "conf.", "seq");
    for (size_t i = 0; i < n; i++)
        print_row(out, &rows[i], origin_of(&o, &rows[i]));
    for (size_t i = 0; i < o.n; i++)
        fprintf(out, "%s%zu = %.*s", i == 0 ? "\n" : ", ", i + 1, (int)strcspn(o.at[i], ":"),
                o.at[i]);
    if (o.n > 0)
        fputc('\n', out);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_lake_view *view = NULL;
    qlab_conn *conn = NULL;
    qlab_arena strings = QLAB_ARENA_INIT;
    qlab_action *rows = NULL;
    size_t n = 0, first = 0, last = 0;
    uint32_t commit = 0;
    qlab_code rc = qlab_commit_arg(o->commit, &commit, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_view_open(&cx->env, commit, &view, err);
    if (rc != QLAB_OK)
        return rc;
    int64_t ix = qlab_lake_find_asset(view, qlab_str_of(o->asset));
    if (ix < 0)
        rc = qlab_fail(err, QLAB_E_NOT_FOUND, "the lake had no asset %s", o->asset);
    if (rc == QLAB_OK)
        rc = qlab_duck_conn(cx->env.duck, 0, &conn, err);
    if (rc == QLAB_OK)
        rc = qlab_actions_read(view, conn, &strings, &rows, &n, err);
    if (rc == QLAB_OK) {
        while (first < n && rows[first].asset_ix < ix)
            first++;
        for (last = first; last < n && rows[last].asset_ix == ix;)
            last++;
    }
    if (rc == QLAB_OK && cx->json) {
        json_t *list = json_array();
        for (size_t i = first; i < last; i++)
            json_array_append_new(list, action_json(o->asset, &rows[i]));
        qlab_cmd_print_json(cx, list);
        json_decref(list);
    } else if (rc == QLAB_OK) {
        print_text(cx->out, o->asset, view->commit, rows + first, last - first);
    }
    qlab_free(rows);
    qlab_arena_free(&strings);
    qlab_lake_view_close(view);
    return rc;
}

const qlab_cmd qlab_cmd_actions_show = {
    .name = "actions show",
    .summary = "print what each source says of splits and dividends",
    .help = "Feeds and derivations stand side by side; a snapshot applies the feed where both "
            "speak. Split: new shares per old. Dividend: cash per share held before. Factor: "
            "return of the ex-date = factor * close / close before; +- is half of what the "
            "delivered decimals leave open. Seq: the commit that brought the fact.\n"
            "\n"
            "example:\n"
            "  quantlab actions show --asset US:AAPL\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
