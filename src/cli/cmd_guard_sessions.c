/* cli/cmd_guard_sessions.c -- `quantlab guard sessions`: the expected sessions of an exchange. */
#include "base/alloc.h"
#include "base/date.h"
#include "cli/cmd.h"
#include "guard/freshness.h"

typedef struct opts {
    const char *exchange;
    int32_t from, to;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_REQ(opts, exchange, "exchange", "NAME", "as registries call it (US), or a code: XNYS"),
    QLAB_DATE_OPT(opts, from, "from", "first date (default: 1 January of --to's year)"),
    QLAB_DATE_OPT(opts, to, "to", "last date (default: --now)"),
    QLAB_OPTS_END,
};

static json_t *list_sessions(const qlab_holidays *h, const char *exchange, int32_t from, int32_t to,
                             const qlab_session_override *o, size_t n)
{
    char text[QLAB_DATE_BYTES];
    json_t *list = json_array();
    for (int32_t date = from; date <= to; date++)
        if (qlab_guard_is_expected(h, exchange, o, n, date))
            json_array_append_new(list, json_string(qlab_date_format(date, text)));
    return list;
}

static void print(const qlab_ctx *cx, const opts *o, const qlab_holidays *h, json_t *list)
{
    json_t *day;
    size_t i;
    if (!cx->json) {
        json_array_foreach(list, i, day) fprintf(cx->out, "%s\n", json_string_value(day));
        return;
    }
    json_t *doc = json_object();
    json_object_set_new(doc, "exchange", json_string(o->exchange));
    json_object_set_new(doc, "calendar", h ? json_string(qlab_holidays_name(h)) : json_null());
    json_object_set(doc, "sessions", list);
    qlab_cmd_print_json(cx, doc);
    json_decref(doc);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    const int32_t to = o->to != QLAB_DATE_NONE ? o->to : cx->env.now;
    const int32_t from =
        o->from != QLAB_DATE_NONE ? o->from : qlab_date_make(qlab_date_year(to), 1, 1);
    const qlab_holidays *h = qlab_holidays_of_exchange(o->exchange);
    qlab_session_override *overrides = NULL;
    size_t n = 0;
    qlab_code rc = QLAB_OK;
    if (h == NULL)
        h = qlab_holidays_of_mic(o->exchange);
    if (from > to)
        return qlab_fail(err, QLAB_E_USAGE, "--from lay after --to");
    char *path = qlab_config_path(cx->config, cx->config->universe.overrides_sessions);
    if (path != NULL)
        rc = qlab_session_overrides_load(path, &overrides, &n, err);
    if (rc == QLAB_OK) {
        json_t *list = list_sessions(h, o->exchange, from, to, overrides, n);
        print(cx, o, h, list);
        json_decref(list);
    }
    qlab_free(overrides);
    qlab_free(path);
    return rc;
}

const qlab_cmd qlab_cmd_guard_sessions = {
    .name = "guard sessions",
    .summary = "the expected sessions of an exchange, by rule",
    .help = "One date a line: weekdays less the shipped holiday rules, with\n"
            "universe.overrides_sessions applied. An exchange without rules expects each weekday.\n"
            "\n"
            "example:\n"
            "  quantlab guard sessions --exchange US --from 2024-12-20 --to 2025-01-10\n",
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
