/* cli/cmd_actions_load.c -- `quantlab actions load`: corporate actions from a file. */
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
    return qlab_feed_run(cx, "actions", ((const opts *)given)->file, qlab_actions_load, err);
}

const qlab_cmd qlab_cmd_actions_load = {
    .name = "actions load",
    .summary = "bring splits and dividends of a feed into the lake",
    .help = "Rows are {asset_id, ex_date, action_type, split_factor, dividend_cash, currency, "
            "source, source_id}, or {canonical_id, date, prev_date, prev_close, "
            "prev_adjusted_close}, or {canonical_id, date, dividend | split}. A row that is not "
            "taken is named with its line and reason. Loading a file again does nothing.\n"
            "\n"
            "example:\n"
            "  quantlab actions load corporate_actions.ndjson.gz\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
