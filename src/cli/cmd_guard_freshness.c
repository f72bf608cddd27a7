/* cli/cmd_guard_freshness.c -- `quantlab guard freshness`: are the bars of each exchange in? */
#include "base/alloc.h"
#include "base/date.h"
#include "cli/cmd.h"
#include "cli/commit_arg.h"
#include "cli/freshness_options.h"
#include "guard/freshness.h"

#include <string.h>

typedef struct opts {
    const char *commit;
    int64_t publish_days, max_lag;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, commit, "commit", "N", "a number, or latest (default)"),
    QLAB_I64_OPT(opts, publish_days, "publish-days", "N",
                 "calendar days until bars are expected (default: daily.publish_days)"),
    QLAB_I64_OPT(opts, max_lag, "max-lag", "N",
                 "sessions that a fresh group may lack (default: daily.max_lag_sessions)"),
    QLAB_OPTS_END,
};

static void init(void *given)
{
    opts *o = given;
    o->publish_days = o->max_lag = -1;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "-";
}

static long long whole_of(const json_t *o, const char *key)
{
    return (long long)json_integer_value(json_object_get(o, key));
}

/* class exchange calendar | expected newest | live current share | lag | verdict */
static void print_text(FILE *out, const json_t *r)
{
    json_t *g;
    size_t i;
    bool beyond = false;
    fprintf(out, "%-6s %-9s %-5s %-10s %-10s %7s %7s %4s %s\n", "class", "exchange", "rules",
            "expected", "newest", "live", "current", "lag", "verdict");
    json_array_foreach(json_object_get(r, "groups"), i, g)
    {
        char lag[32] = "-";
        const json_t *n = json_object_get(g, "lag_sessions");
        if (json_is_integer(n))
            snprintf(lag, sizeof lag, "%lld", (long long)json_integer_value(n));
        const bool ok = strcmp(text_of(g, "verdict"), "STALE") != 0;
        const bool hold = json_is_true(json_object_get(g, "rules_hold"));
        const bool has_rules = !json_is_null(json_object_get(g, "calendar"));
        beyond = beyond || (has_rules && !hold);
        fprintf(out, "%-6s %-9.9s %-4s%c %-10s %-10s %7lld %7lld %4s %s%s%s\n",
                text_of(g, "asset_class"), text_of(g, "exchange"), text_of(g, "calendar"),
                has_rules && !hold ? '*' : ' ', text_of(g, "last_expected_session"),
                text_of(g, "newest_bar"), whole_of(g, "assets_live"), whole_of(g, "assets_current"),
                lag, text_of(g, "verdict"), ok ? "" : " ", ok ? "" : text_of(g, "reason"));
    }
    if (beyond)
        fprintf(out, "* outside the years that the shipped rules hold for\n");
    const json_t *inputs = json_object_get(r, "inputs");
    fprintf(out, "commit %lld at %s: %s\n", whole_of(inputs, "commit"), text_of(inputs, "now"),
            text_of(r, "verdict"));
}

/* Names the groups that are stale, as many as fit a line. */
static qlab_code say_stale(const json_t *r, qlab_err *err)
{
    qlab_buf names = QLAB_BUF_INIT;
    json_t *g;
    size_t i, n = 0;
    json_array_foreach(json_object_get(r, "groups"), i, g)
    {
        if (strcmp(text_of(g, "verdict"), "STALE") != 0)
            continue;
        if (n++ < 5)
            qlab_buf_putf(&names, "%s%s %s (%s)", n > 1 ? ", " : "", text_of(g, "asset_class"),
                          text_of(g, "exchange"), text_of(g, "reason"));
    }
    if (n > 5)
        qlab_buf_putf(&names, " and %zu more", n - 5);
    const qlab_code rc = qlab_fail(err, QLAB_E_STALE, "the bars were stale: %s", names.at);
    qlab_buf_free(&names);
    return rc;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_freshness_options fo;
    char *overrides = qlab_freshness_options_of(cx, &fo);
    if (o->publish_days >= 0)
        fo.publish_days = o->publish_days;
    if (o->max_lag >= 0)
        fo.max_lag_sessions = o->max_lag;
    json_t *report = NULL;
    bool fresh = false;
    qlab_code rc = qlab_commit_arg(o->commit, &fo.commit, err);
    if (rc == QLAB_OK)
        rc = qlab_guard_freshness(&cx->env, &fo, &report, &fresh, err);
    if (rc == QLAB_OK) {
        if (cx->json)
            qlab_cmd_print_json(cx, report);
        else
            print_text(cx->out, report);
        cx->told = true;
        if (!fresh)
            rc = say_stale(report, err);
    }
    json_decref(report);
    qlab_free(overrides);
    return rc;
}

const qlab_cmd qlab_cmd_guard_freshness = {
    .name = "guard freshness",
    .summary = "one verdict a class and exchange: are the bars in?",
    .help =
        "Judges at --now on expected sessions: weekdays less the exchange's holiday rules, never\n"
        "the bars themselves. A session's bars are expected --publish-days calendar days after it\n"
        "(1: yesterday's are, today's are not). Lag: the expected sessions that even the best\n"
        "daily.min_share of the live names lack. Exit 0: all fresh or ended; 3: something is\n"
        "stale, missing or silent, and the line on stderr names it.\n"
        "\n"
        "example:\n"
        "  quantlab guard freshness --now 2024-03-04\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run,
};
