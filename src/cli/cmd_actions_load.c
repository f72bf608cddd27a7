/* cli/cmd_actions_load.c -- `quantlab actions load`: corporate actions from files. */
#include "cli/cmd.h"
#include "cli/feed_run.h"

typedef struct opts {
    const char *path, *format, *exchange;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_ARG(opts, path, "FILE|DIR", "NDJSON, CSV, a factor or map file; or a folder of them"),
    QLAB_STR_OPT(opts, format, "format", "NAME", "auto (default), rows, factor_file or map_file"),
    QLAB_STR_OPT(opts, exchange, "exchange", "NAME",
                 "whose symbols the tickers of factor and map files are (default: any)"),
    QLAB_OPTS_END,
};

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_feed_request request = {.path = o->path, .exchange = o->exchange};
    if (o->format != NULL && !qlab_feed_format_parse(qlab_str_of(o->format), &request.format))
        return qlab_fail(err, QLAB_E_USAGE,
                         "--format was %s; give auto, rows, factor_file or map_file", o->format);
    return qlab_feed_run(cx, &request, err);
}

const qlab_cmd qlab_cmd_actions_load = {
    .name = "actions load",
    .summary = "bring splits and dividends of a feed into the lake",
    .help = "Rows are {asset_id, ex_date, action_type, split_factor, dividend_cash, currency, "
            "source, source_id}, or {canonical_id, date, prev_date, prev_close, "
            "prev_adjusted_close}, or {canonical_id, date, dividend | split}. A row that is not "
            "taken is named with its line and reason. Loading a file again does nothing.\n"
            "\n"
            "A folder with factor_files/ and map_files/ gives splits and dividends by factor, and "
            "from the map files lives, renames and last trading days.\n"
            "\n"
            "example:\n"
            "  quantlab actions load corporate_actions.ndjson.gz\n"
            "  quantlab actions load equity/usa --exchange US\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
