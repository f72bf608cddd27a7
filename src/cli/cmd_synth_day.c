/* cli/cmd_synth_day.c -- `quantlab synth day`: a synthetic vendor delivers another session. */
#include "base/json.h"
#include "cli/cmd.h"
#include "synth/day.h"

#include <string.h>

typedef struct opts {
    const char *vendor, *mode;
    int64_t days, events;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_ARG(opts, vendor, "VENDOR", "a folder that `quantlab synth` made, without --dirt"),
    QLAB_I64_OPT(opts, days, "days", "N", "sessions to add (1)"),
    QLAB_STR_OPT(opts, mode, "mode", "MODE",
                 "how changed packs are delivered: packs (written anew), sidecar (only their new "
                 "and changed bars, wherever that can be said), mixed (the default)"),
    QLAB_I64_OPT(opts, events, "events", "N",
                 "odd things a day (one for every 50 assets); 0: new bars alone"),
    QLAB_OPTS_END,
};

static void init(void *at)
{
    opts *o = at;
    o->mode = "mixed";
    o->days = 1;
    o->events = -1;
}

static qlab_code parse_mode(const char *text, qlab_synth_day_mode *out, qlab_err *err)
{
    for (int m = 0; m < QLAB_SYNTH_DAY_MODES; m++)
        if (strcmp(text, qlab_synth_day_mode_name((qlab_synth_day_mode)m)) == 0) {
            *out = (qlab_synth_day_mode)m;
            return QLAB_OK;
        }
    return qlab_fail(err, QLAB_E_USAGE, "--mode was '%s': give packs, sidecar or mixed", text);
}

static json_t *day_json(const qlab_synth_day_result *r)
{
    return json_pack("{s:I,s:s,s:I,s:I,s:I,s:I,s:b}", "day", (json_int_t)r->day, "date", r->date,
                     "events", (json_int_t)r->n_events, "packs", (json_int_t)r->n_packs, "sidecars",
                     (json_int_t)r->n_sidecars, "bars", (json_int_t)r->n_bars,
                     "touch_report_is_wrong", r->is_report_wrong);
}

static void print_day(const qlab_ctx *cx, const qlab_synth_day_result *r)
{
    if (cx->env.dry_run)
        fprintf(cx->out, "day %u, %s: would be added\n", r->day, r->date);
    else
        fprintf(cx->out,
                "day %u, %s: %llu new or changed bars in %llu packs and %llu sidecars; %llu odd "
                "things\n",
                r->day, r->date, (unsigned long long)r->n_bars, (unsigned long long)r->n_packs,
                (unsigned long long)r->n_sidecars, (unsigned long long)r->n_events);
}

static qlab_code run(qlab_ctx *cx, const void *at, qlab_err *err)
{
    const opts *o = at;
    qlab_synth_day_options options = {.n_odd = o->events};
    if (o->days < 1 || o->days > 2000)
        return qlab_fail(err, QLAB_E_USAGE, "--days was %lld: give 1 to 2000", (long long)o->days);
    if (o->events > 10000)
        return qlab_fail(err, QLAB_E_USAGE, "--events was %lld: give 0 to 10000",
                         (long long)o->events);
    qlab_code code = parse_mode(o->mode, &options.mode, err);
    json_t *days = json_array();
    const int64_t n_days = cx->env.dry_run ? 1 : o->days;
    for (int64_t d = 0; code == QLAB_OK && d < n_days; d++) {
        qlab_synth_day_result r;
        code = qlab_synth_day(&cx->env, &options, o->vendor, &r, err);
        if (code == QLAB_OK && cx->json)
            json_array_append_new(days, day_json(&r));
        else if (code == QLAB_OK)
            print_day(cx, &r);
    }
    json_t *doc = json_pack("{s:s,s:O}", "vendor", o->vendor, "days", days);
    if (code == QLAB_OK && cx->json)
        qlab_cmd_print_json(cx, doc);
    json_decref(doc);
    json_decref(days);
    return code;
}

const qlab_cmd qlab_cmd_synth_day = {
    .name = "synth day",
    .args = "VENDOR",
    .summary = "let a synthetic vendor deliver another session",
    .help =
        "Adds a session to a folder that `quantlab synth` made: new bars, corrections, late and\n"
        "lost bars, splits, dividends with the whole adjusted close restated, delistings,\n"
        "renamings, new listings, reused tickers, duplicates, rows of the future, packs moved and\n"
        "delivered anew, by pack or by sidecar.  truth/events.ndjson says what happened.  The\n"
        "bytes follow from the folder's seed, the number of the day and these options.\n\n"
        "  quantlab synth out/market --assets 100 --sessions 500\n"
        "  quantlab synth day out/market --days 5 --mode sidecar\n",
    .needs = QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run,
};
