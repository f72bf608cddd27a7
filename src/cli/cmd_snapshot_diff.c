/* cli/cmd_snapshot_diff.c -- `quantlab snapshot diff`: what a later snapshot says otherwise. */
#include "base/date.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "snapshot/diff.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct opts {
    const char *earlier, *later;
    int64_t samples;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_ARG(opts, earlier, "ID", "the earlier snapshot: id, unique beginning, or latest"),
    QLAB_ARG(opts, later, "ID2", "the later one"),
    QLAB_I64_OPT(opts, samples, "samples", "N", "at most N rows of each list (default 5)"),
    QLAB_OPTS_END,
};

static void init(void *given)
{
    ((opts *)given)->samples = 5;
}

static long long count(const json_t *o, const char *key)
{
    return (long long)json_integer_value(json_object_get(o, key));
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "-";
}

static void print_names(FILE *out, const char *title, const json_t *list)
{
    size_t i;
    const json_t *name;
    if (count(list, "count") == 0)
        return;
    fprintf(out, "%s %lld\n", title, count(list, "count"));
    json_array_foreach(json_object_get(list, "samples"), i, name)
        fprintf(out, "  %.76s\n", json_string_value(name));
}

static double value(const json_t *row, const char *key)
{
    const json_t *v = json_object_get(row, key);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

/* One sample a line: the first value that differs, or the close. */
static void print_bar(FILE *out, const json_t *x)
{
    static const char *const keys[] = {"close", "open", "high", "low", "volume"};
    const json_t *was = json_object_get(x, "was"), *is = json_object_get(x, "is");
    fprintf(out, "  %-28.28s %s", text(x, "asset_id"), text(x, "date"));
    if (!json_is_object(was) || !json_is_object(is)) {
        fprintf(out, " close %.8g\n", value(json_is_object(is) ? is : was, "close"));
        return;
    }
    size_t k = 0;
    while (k + 1 < sizeof keys / sizeof *keys &&
           json_equal(json_object_get(was, keys[k]), json_object_get(is, keys[k])))
        k++;
    fprintf(out, " %s %.8g -> %.8g\n", keys[k], value(was, keys[k]), value(is, keys[k]));
}

static void print_bars(FILE *out, const json_t *bars)
{
    size_t i;
    const json_t *x;
    fprintf(out, "%-8s %-6s %12s %12s %12s %12s\n", "bars", "year", "new", "late", "revised",
            "gone");
    json_array_foreach(json_object_get(bars, "by_class_and_year"), i, x) fprintf(
        out, "%-8s %-6lld %12lld %12lld %12lld %12lld\n", text(x, "asset_class"), count(x, "year"),
        count(x, "new"), count(x, "late"), count(x, "revised"), count(x, "gone"));
    for (int k = QLAB_DIFF_LATE; k < QLAB_DIFF_KINDS; k++) {
        const json_t *list = json_object_get(bars, qlab_diff_kind_name((qlab_diff_kind)k));
        if (count(list, "count") == 0)
            continue;
        fprintf(out, "%s: %lld bars of %lld assets\n", qlab_diff_kind_name((qlab_diff_kind)k),
                count(list, "count"), count(list, "assets"));
        json_array_foreach(json_object_get(list, "samples"), i, x) print_bar(out, x);
    }
}

static void print_facts(FILE *out, const char *title, const json_t *facts)
{
    size_t i;
    const json_t *x;
    fprintf(out, "%-11s %8lld added %8lld removed %8lld changed\n", title, count(facts, "added"),
            count(facts, "removed"), count(facts, "changed"));
    json_array_foreach(json_object_get(facts, "samples"), i, x)
    {
        const bool had = json_is_object(json_object_get(x, "was"));
        const bool has = json_is_object(json_object_get(x, "is"));
        fprintf(out, "  %-28.28s %s %s\n", text(x, "asset_id"), text(x, "date"),
                had && has ? "changed"
                : had      ? "removed"
                           : "added");
    }
}

static void print_rest(FILE *out, const json_t *m)
{
    size_t i;
    const json_t *x, *calendar = json_object_get(m, "calendar");
    fprintf(out, "%-11s %8lld new dates %8lld changed\n", "calendar", count(calendar, "new_dates"),
            count(calendar, "changed_dates"));
    json_array_foreach(json_object_get(calendar, "samples"), i, x)
        fprintf(out, "  %-28.28s %s session %s -> %s\n", text(x, "exchange"), text(x, "date"),
                json_is_true(json_object_get(x, "was_session")) ? "yes" : "no",
                json_is_true(json_object_get(x, "is_session")) ? "yes" : "no");
    json_array_foreach(json_object_get(json_object_get(m, "universe"), "moves"), i, x)
        fprintf(out, "universe    %8lld assets %s -> %s\n", count(x, "assets"), text(x, "was"),
                text(x, "is"));
}

static void print_text(FILE *out, const json_t *m)
{
    const json_t *inputs = json_object_get(m, "inputs"), *assets = json_object_get(m, "assets");
    fprintf(out, "earlier     %s\nlater       %s\n", text(json_object_get(inputs, "earlier"), "id"),
            text(json_object_get(inputs, "later"), "id"));
    if (json_is_true(json_object_get(m, "same_content"))) {
        fprintf(out, "same content\n");
        return;
    }
    fprintf(out, "%lld assets touched\n", count(m, "assets_touched"));
    print_names(out, "assets added", json_object_get(assets, "added"));
    print_names(out, "assets removed", json_object_get(assets, "removed"));
    print_names(out, "assets with another master row", json_object_get(assets, "master_changed"));
    print_bars(out, json_object_get(m, "bars"));
    print_facts(out, "actions", json_object_get(m, "actions"));
    print_facts(out, "delistings", json_object_get(m, "delistings"));
    print_facts(out, "lives", json_object_get(m, "lives"));
    print_rest(out, m);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_snapshot *earlier = NULL, *later = NULL;
    qlab_diff d = {0};
    if (o->samples < 0 || o->samples > 1000000)
        return qlab_fail(err, QLAB_E_USAGE, "--samples was %lld: give 0 to 1000000",
                         (long long)o->samples);
    qlab_code code = qlab_snapshot_open(&cx->env, o->earlier, &earlier, err);
    if (code == QLAB_OK)
        code = qlab_snapshot_open(&cx->env, o->later, &later, err);
    if (code == QLAB_OK)
        code = qlab_snapshot_diff(&cx->env, earlier, later, &d, err);
    if (code == QLAB_OK) {
        json_t *m = qlab_diff_json(&d, earlier, later, (size_t)o->samples);
        if (cx->json)
            qlab_cmd_print_json(cx, m);
        else
            print_text(cx->out, m);
        json_decref(m);
    }
    qlab_diff_free(&d);
    qlab_snapshot_close(earlier);
    qlab_snapshot_close(later);
    return code;
}

const qlab_cmd qlab_cmd_snapshot_diff = {
    .name = "snapshot diff",
    .summary = "what a later snapshot says otherwise, with both values",
    .help =
        "Assets, bars (new ones; late, revised and gone ones up to the earlier as-of), actions,\n"
        "delistings, lives, sessions and eligibility.  Reads the years whose content differs.\n"
        "example:\n"
        "  quantlab snapshot diff 2017-03-30 latest --samples 20\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run,
};
