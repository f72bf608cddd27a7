/* cli/cmd_stage_b_show.c -- `quantlab stage-b show`: the stored report of a run. */
#include "cli/cmd.h"
#include "stage_b/stage_b.h"

typedef struct opts {
    const char *run, *candidate;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_ARG(opts, run, "RUN", "a run's id, a beginning of one, or latest"),
    QLAB_STR_OPT(opts, candidate, "candidate", "ID", "all that the run says of one candidate"),
    QLAB_OPTS_END,
};

static qlab_code print_stability(qlab_ctx *cx, const json_t *report, qlab_err *err)
{
    json_t *stability = NULL;
    qlab_code rc = qlab_stage_b_stability(&cx->env, report, &stability, err);

    if (rc == QLAB_OK)
        rc = qlab_stage_b_print_stability(stability, cx->out, err);
    json_decref(stability);
    return rc;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    json_t *report = NULL;
    qlab_code rc = qlab_stage_b_load(&cx->env, o->run, &report, err);

    if (rc != QLAB_OK)
        return rc;
    if (cx->json)
        qlab_cmd_print_json(cx, report);
    else
        rc = qlab_stage_b_print(report, o->candidate, cx->out, err);
    if (rc == QLAB_OK && !cx->json && o->candidate == NULL)
        rc = print_stability(cx, report, err);
    json_decref(report);
    return rc;
}

const qlab_cmd qlab_cmd_stage_b_show = {
    .name = "stage-b show",
    .args = "RUN",
    .summary = "print the report of a stage B run",
    .help = "example:\n"
            "  quantlab stage-b show latest --candidate tsmom_20\n",
    .needs = QLAB_NEEDS_ROOT,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
