/* cli/cmd_features_build.c -- `quantlab features build` and `features update`. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "cli/features_print.h"
#include "cli/stage_a_args.h"
#include "feature/set.h"

#include <string.h>

typedef struct opts {
    const char *snapshot, *columns, *entry, *candidates;
    int32_t from, to;
    int64_t every;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, snapshot, "snapshot", "ID", "snapshot id, prefix, or latest (default)"),
    QLAB_DATE_OPT(opts, from, "from", "first date (default: the first session of the axis)"),
    QLAB_DATE_OPT(opts, to, "to", "last date (default: the snapshot's as-of)"),
    QLAB_I64_OPT(opts, every, "every", "N", "each N-th session of the axis only (default 1)"),
    QLAB_STR_OPT(opts, columns, "columns", "LIST", "comma-separated columns (default: all)"),
    QLAB_STR_OPT(opts, candidates, "candidates", "FILE", "and every column that this list uses"),
    QLAB_STR_OPT(opts, entry, "entry", "KIND", "labels enter at next_open (default) or next_close"),
    QLAB_OPTS_END,
};

static qlab_code entry_of(const char *text, qlab_entry *out, qlab_err *err)
{
    for (qlab_entry e = QLAB_LABEL_NEXT_OPEN; e <= QLAB_LABEL_NEXT_CLOSE; e++)
        if (strcmp(text, qlab_entry_name(e)) == 0) {
            *out = e;
            return QLAB_OK;
        }
    return qlab_fail(err, QLAB_E_USAGE, "--entry was '%s': give next_open or next_close", text);
}

/* The columns asked for ("all" where none were) and those of a list of candidates. */
static qlab_code columns_of(const opts *o, char **list, qlab_err *err)
{
    qlab_library *lib = NULL;
    const char *const *names;
    qlab_buf b = QLAB_BUF_INIT;
    const qlab_code rc = qlab_arg_library(o->candidates, &lib, err);

    if (rc != QLAB_OK)
        return rc;
    qlab_buf_puts(&b, o->columns ? o->columns : "all");
    for (size_t i = 0; i < qlab_expr_columns(lib->graph, &names); i++)
        qlab_buf_putf(&b, ",%s", names[i]);
    qlab_library_free(lib);
    *list = b.at;
    return QLAB_OK;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    char *list = NULL;
    const qlab_config_features *file = &cx->config->features;
    qlab_features_options b = qlab_features_options_default();
    if (o->snapshot)
        b.snapshot = o->snapshot;
    b.columns = o->columns;
    b.from = o->from != QLAB_DATE_NONE ? o->from : file->from;
    b.to = o->to != QLAB_DATE_NONE ? o->to : file->to;
    b.entry = (qlab_entry)file->entry;
    int64_t every = o->every != 0 ? o->every : file->every;
    if (every < 1 || every > 100000)
        return qlab_fail(err, QLAB_E_USAGE, "--every was %lld: give 1 to 100000", (long long)every);
    b.every = (uint32_t)every;
    qlab_code code = o->entry ? entry_of(o->entry, &b.entry, err) : QLAB_OK;
    qlab_features_made made;
    if (code == QLAB_OK && o->candidates != NULL) {
        code = columns_of(o, &list, err);
        b.columns = list;
    }
    if (code == QLAB_OK)
        code = qlab_features_build(&cx->env, &b, &made, err);
    qlab_free(list);
    if (code != QLAB_OK)
        return code;
    qlab_features_print_made(cx, &made);
    qlab_features_made_free(&made);
    return QLAB_OK;
}

const qlab_cmd qlab_cmd_features_build = {
    .name = "features build",
    .summary = "build a feature set: every column and label",
    .help = "Parts (one a month and bucket of 512 assets) are named by what they can reach; those\n"
            "that stand are taken up, so the same command after a stop goes on where it was.\n"
            "A function over an asset's past is a column too: ts_mean_20__ret_1d is what an\n"
            "expression writes as ts_mean(ret_1d, 20); --candidates adds those of a list.\n"
            "example:\n"
            "  quantlab features build --from 2015-01-01 --columns close,ret_5d,adv20_dollar\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
