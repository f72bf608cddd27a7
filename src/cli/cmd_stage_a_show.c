/* cli/cmd_stage_a_show.c -- `quantlab stage-a show`: the stored report of a run. */
#include "cli/cmd.h"
#include "stage_a/stage_a.h"

typedef struct opts {
    const char *run;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_ARG(opts, run, "RUN", "a run's id, a beginning of one, or latest"),
    QLAB_OPTS_END,
};

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    json_t *report = NULL;
    qlab_code rc = qlab_stage_a_load(&cx->env, o->run, &report, err);

    if (rc != QLAB_OK)
        return rc;
    if (cx->json)
        qlab_cmd_print_json(cx, report);
    else
        rc = qlab_stage_a_print(report, cx->out, err);
    json_decref(report);
    return rc;
}

const qlab_cmd qlab_cmd_stage_a_show = {
    .name = "stage-a show",
    .args = "RUN",
    .summary = "print the report of a stage A run",
    .help = "example:\n"
            "  quantlab stage-a show latest\n",
    .needs = QLAB_NEEDS_ROOT,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
