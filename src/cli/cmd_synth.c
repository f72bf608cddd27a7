/* cli/cmd_synth.c -- `quantlab synth`: a synthetic vendor folder whose truth is known. */
#include "base/date.h"
#include "base/decimal.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "synth/synth.h"

#include <string.h>

typedef struct opts {
    const char *out, *plant, *scale, *packs;
    int64_t assets, sessions, order_seed;
    int32_t first_date;
    bool dirt;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_ARG(opts, out, "OUT",
             "the folder to make; one that holds this very market is left as it is"),
    QLAB_STR_OPT(opts, scale, "scale", "NAME",
                 "full: 95,000 assets from 1990 to 2026-06, 292 million bars, most listed late; "
                 "with --assets N a share of it"),
    QLAB_I64_OPT(opts, assets, "assets", "N", "assets of all classes together (1000)"),
    QLAB_I64_OPT(opts, sessions, "sessions", "N", "sessions of the exchange US (2016: 8 years)"),
    QLAB_STR_OPT(opts, packs, "packs", "SHARE",
                 "share of the packs that are written; the others are recipes, which `ingest "
                 "--recipes` takes (1; with --scale 0.02)"),
    QLAB_DATE_OPT(opts, first_date, "first-date",
                  "begin here; otherwise the last session is 2024-12-31"),
    QLAB_STR_OPT(opts, plant, "plant", "IC:HORIZON",
                 "plant a reversal of this rank IC over 1, 5 or 20 sessions"),
    QLAB_FLAG(opts, dirt, "dirt", "add bad rows, lines and packs of every reason code"),
    QLAB_I64_OPT(opts, order_seed, "order-seed", "N",
                 "permute assets among packs and rename the packs; the content stays"),
    QLAB_OPTS_END,
};

enum { NOT_GIVEN = INT32_MIN };

static void init(void *at)
{
    opts *o = at;
    o->assets = o->sessions = NOT_GIVEN;
}

static qlab_code parse_plant(const char *text, qlab_synth_params *p, qlab_err *err)
{
    const char *colon = strchr(text, ':');
    size_t n_read = 0, n_left = 0;
    double horizon = 0.0;
    if (!colon ||
        qlab_decimal_parse(text, (size_t)(colon - text), &p->plant_ic, &n_read, NULL) !=
            QLAB_DECIMAL_OK ||
        n_read != (size_t)(colon - text) ||
        qlab_decimal_parse(colon + 1, strlen(colon + 1), &horizon, &n_left, NULL) !=
            QLAB_DECIMAL_OK ||
        colon[1 + n_left] != '\0' || !(horizon == 1.0 || horizon == 5.0 || horizon == 20.0) ||
        p->plant_ic == 0.0)
        return qlab_fail(err, QLAB_E_USAGE,
                         "--plant was '%s': give IC:HORIZON, such as 0.03:5 (horizon 1, 5 or 20)",
                         text);
    p->plant_horizon = (int)horizon;
    return QLAB_OK;
}

/* The market of a scale; flags given by hand stay.  Of these many sessions the last is 2026-06-30.
 */
static qlab_code fill_scale(const opts *o, qlab_synth_params *p, qlab_err *err)
{
    enum { FULL_ASSETS = 95000, FULL_SESSIONS = 9193, ASSETS = 1000, SESSIONS = 2016 };
    const bool full = o->scale != NULL && strcmp(o->scale, "full") == 0;
    const int64_t assets = o->assets != NOT_GIVEN ? o->assets : full ? FULL_ASSETS : ASSETS;
    const int64_t sessions = o->sessions != NOT_GIVEN ? o->sessions
                             : full                   ? FULL_SESSIONS
                                                      : SESSIONS;
    double share = full ? 0.02 : 1.0;
    size_t n_read = 0;

    if (o->scale != NULL && !full)
        return qlab_fail(err, QLAB_E_USAGE, "--scale was %s: give full", o->scale);
    if (assets < 1 || assets > UINT32_MAX || sessions < 1 || sessions > UINT32_MAX)
        return qlab_fail(err, QLAB_E_USAGE, "--assets and --sessions must be whole numbers from 1");
    if (o->packs != NULL &&
        (qlab_decimal_parse(o->packs, strlen(o->packs), &share, &n_read, NULL) != QLAB_DECIMAL_OK ||
         n_read != strlen(o->packs)))
        return qlab_fail(err, QLAB_E_USAGE, "--packs was '%s': give a share from 0 to 1", o->packs);
    p->n_assets = (uint32_t)assets;
    p->n_sessions = (uint32_t)sessions;
    p->recipe_share = 1.0 - share;
    p->grows = full;
    if (full && p->first_date == QLAB_DATE_NONE)
        p->first_date = qlab_date_make(1990, 1, 2);
    return QLAB_OK;
}

static void print_json(qlab_ctx *cx, const opts *o, const qlab_synth_result *r)
{
    json_t *doc =
        json_pack("{s:s,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "vendor", o->out, "was_there",
                  r->was_there, "assets", (json_int_t)r->n_assets, "packs", (json_int_t)r->n_packs,
                  "recipes", (json_int_t)r->n_recipes, "bars", (json_int_t)r->n_bars, "bytes",
                  (json_int_t)r->n_bytes, "actions", (json_int_t)r->n_actions, "delistings",
                  (json_int_t)r->n_delistings, "dirt", (json_int_t)r->n_dirt);
    qlab_cmd_print_json(cx, doc);
    json_decref(doc);
}

static qlab_code run(qlab_ctx *cx, const void *at, qlab_err *err)
{
    const opts *o = at;
    qlab_synth_params p = {.seed = cx->env.seed,
                           .first_date = o->first_date,
                           .dirt = o->dirt,
                           .order_seed = (uint64_t)o->order_seed};
    qlab_synth_result r;
    qlab_code code = fill_scale(o, &p, err);
    if (code == QLAB_OK && o->plant != NULL)
        code = parse_plant(o->plant, &p, err);
    if (code != QLAB_OK)
        return code;
    code = qlab_synth_vendor(&cx->env, &p, o->out, &r, err);
    if (code != QLAB_OK)
        return code;
    if (cx->json) {
        print_json(cx, o, &r);
    } else if (r.was_there) {
        fprintf(cx->out, "%s: this market is there already; nothing was written\n", o->out);
    } else if (cx->env.dry_run) {
        fprintf(cx->out, "%s: would be made\n", o->out);
    } else {
        fprintf(cx->out, "%s: %llu assets, %llu bars in %llu packs (%.1f MB)\n", o->out,
                (unsigned long long)r.n_assets, (unsigned long long)r.n_bars,
                (unsigned long long)r.n_packs, (double)r.n_bytes / 1e6);
        if (r.n_recipes > 0)
            fprintf(cx->out, "  %llu of the packs are recipes: read them by `ingest --recipes`\n",
                    (unsigned long long)r.n_recipes);
        fprintf(cx->out, "  %llu actions, %llu delistings, %llu faults planted; %.0f bars/s\n",
                (unsigned long long)r.n_actions, (unsigned long long)r.n_delistings,
                (unsigned long long)r.n_dirt,
                (double)r.n_bars / (r.seconds > 0.0 ? r.seconds : 1.0));
        fprintf(cx->out, "  what is true of it lies in %s/truth\n", o->out);
    }
    return QLAB_OK;
}

const qlab_cmd qlab_cmd_synth = {
    .name = "synth",
    .args = "OUT",
    .summary = "make a synthetic vendor folder whose truth is known",
    .help =
        "Writes a market of any size in the vendor layout: factors and fat tails, listings and\n"
        "delistings, splits, dividends, halts, thin names, reused tickers, three exchanges.\n"
        "The same options and --seed give the same bytes.  truth/ beside the packs says what a\n"
        "pipeline should find in them.\n\n"
        "  quantlab synth out/market --assets 1000 --sessions 2016 --plant 0.05:5 --dirt\n"
        "  quantlab synth out/full --scale full\n",
    .needs = QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run,
};
