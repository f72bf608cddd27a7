/* cli/cmd_features_update.c -- `quantlab features update`: the newest snapshot, as last time. */
#include "cli/cmd.h"
#include "cli/features_print.h"
#include "feature/set.h"

typedef struct opts {
    const char *id, *snapshot;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, id, "features", "ID", "set whose parameters to take (default: latest)"),
    QLAB_STR_OPT(opts, snapshot, "snapshot", "ID", "snapshot to build on (default: latest)"),
    QLAB_OPTS_END,
};

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_features_made made;
    qlab_code code = qlab_features_update(&cx->env, o->id, o->snapshot, &made, err);
    if (code != QLAB_OK)
        return code;
    qlab_features_print_made(cx, &made);
    qlab_features_made_free(&made);
    return QLAB_OK;
}

const qlab_cmd qlab_cmd_features_update = {
    .name = "features update",
    .summary = "build the newest snapshot as an earlier set was built",
    .help = "A range that ended at the as-of ends at the new one.\n"
            "example:\n"
            "  quantlab features update\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
