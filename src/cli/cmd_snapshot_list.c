/* cli/cmd_snapshot_list.c -- `quantlab snapshot list`: all snapshots of a root. */
#include "base/date.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "snapshot/snapshot.h"

#include <inttypes.h>

typedef struct opts {
    char none;
} opts;

static const qlab_opt OPTIONS[] = {QLAB_OPTS_END};

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    (void)given;
    qlab_snapshot_row *rows = NULL;
    size_t n = 0;
    char day[QLAB_DATE_BYTES];
    qlab_code rc = qlab_snapshot_list(&cx->env, &rows, &n, err);
    if (rc != QLAB_OK)
        return rc;
    if (cx->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < n; i++) {
            json_t *o = json_object();
            json_object_set_new(o, "snapshot_id", json_string(rows[i].id));
            json_object_set_new(o, "asof", json_string(qlab_date_format(rows[i].asof, day)));
            json_object_set_new(o, "commit", json_integer(rows[i].commit));
            json_object_set_new(o, "assets", json_integer((json_int_t)rows[i].n_assets));
            json_object_set_new(o, "eligible", json_integer((json_int_t)rows[i].n_eligible));
            json_array_append_new(list, o);
        }
        qlab_cmd_print_json(cx, list);
        json_decref(list);
    } else {
        fprintf(cx->out, "%-25s %-10s %7s %8s %9s\n", "snapshot", "as-of", "commit", "assets",
                "eligible");
        for (size_t i = 0; i < n; i++)
            fprintf(cx->out, "%-25s %-10s %7" PRIu32 " %8" PRIu64 " %9" PRIu64 "\n", rows[i].id,
                    qlab_date_format(rows[i].asof, day), rows[i].commit, rows[i].n_assets,
                    rows[i].n_eligible);
    }
    qlab_snapshot_list_free(rows, n);
    return QLAB_OK;
}

const qlab_cmd qlab_cmd_snapshot_list = {
    .name = "snapshot list",
    .summary = "list all snapshots with as-of, commit and eligible names",
    .help = "example:\n"
            "  quantlab snapshot list --json\n",
    .needs = QLAB_NEEDS_ROOT,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
