/* cli/cmd_delistings_load.c -- `quantlab delistings load`: delistings from a file. */
#include "cli/cmd.h"
#include "cli/feed_run.h"

typedef struct opts {
    const char *file;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_ARG(opts, file, "FILE", "NDJSON or CSV, plain or .gz"),
    QLAB_OPTS_END,
};

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const qlab_feed_request request = {.delistings = true, .path = ((const opts *)given)->file};
    return qlab_feed_run(cx, &request, err);
}

const qlab_cmd qlab_cmd_delistings_load = {
    .name = "delistings load",
    .summary = "bring delistings of a feed into the lake",
    .help = "Rows are {asset_id, delist_date, delist_code, delist_return, source}; delist_code is "
            "a word (merger, acquired_cash, exchange_move, symbol_change, performance, bankruptcy, "
            "liquidation, unknown) or a CRSP number. Loading a file again does nothing.\n"
            "\n"
            "example:\n"
            "  quantlab delistings load delistings.csv\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
