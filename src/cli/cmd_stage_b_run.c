/* cli/cmd_stage_b_run.c -- `quantlab stage-b run`: the candidates of a screen through their books.
 */
#include "base/alloc.h"
#include "cli/cmd.h"
#include "cli/stage_a_args.h"
#include "stage_a/stage_a.h"
#include "stage_b/stage_b.h"

typedef struct opts {
    const char *stage_a, *candidates, *policy;
    bool open_sealed;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, stage_a, "stage-a", "RUN",
                 "stage A run: an id, a beginning of one, latest; required"),
    QLAB_STR_OPT(opts, candidates, "candidates", "FILE", "the list it screened, where not shipped"),
    QLAB_STR_OPT(opts, policy, "policy", "FILE", "strict, short-history or a file (strict)"),
    QLAB_FLAG(opts, open_sealed, "open-sealed",
              "read the sealed sessions too: once for each definition"),
    QLAB_OPTS_END,
};

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;

    if (o->stage_a == NULL)
        return qlab_fail(err, QLAB_E_USAGE,
                         "--stage-a RUN is missing: a verdict names the screen that it confirms "
                         "(--stage-a latest takes the newest)");
    char *policy = qlab_arg_policy_b(cx, o->policy);
    const qlab_stage_b_options options = {o->stage_a, o->candidates, policy, o->open_sealed};
    qlab_stage_b_made made;
    qlab_code rc = qlab_stage_b_run(&cx->env, &options, &made, err);

    qlab_free(policy);
    if (rc != QLAB_OK)
        return rc;
    const bool planned = cx->env.dry_run && !made.existed;
    if (cx->json)
        qlab_cmd_print_json(cx, made.report);
    else if (planned)
        rc = qlab_stage_b_print_plan(made.report, cx->out, err);
    else
        rc = qlab_stage_b_print(made.report, NULL, cx->out, err);
    if (!planned && made.n_survivors == 0)
        cx->exit_code = 1;
    if (made.existed && !cx->json && !cx->env.quiet)
        fputs("(this run stood complete: nothing was done)\n", cx->out);
    qlab_stage_b_made_free(&made);
    return rc;
}

const qlab_cmd qlab_cmd_stage_b_run = {
    .name = "stage-b run",
    .summary = "confirm a screen on books: costs, stresses, all trials",
    .help =
        "Takes the candidates of a stage A run through investable books after costs, over the\n"
        "sessions that are not sealed. Plans the purged splits and writes them first, deposits\n"
        "every series in the trial ledger, then judges by the policy's gates, deflated by all\n"
        "trials of this root. A survivor passes every gate, survived stage A, and was chosen by\n"
        "a process that does not overfit. Ends with 0 when one does, 1 when none does, 2 when\n"
        "the sessions are too few for the policy. The same run again does nothing.\n"
        "--open-sealed reads the newest sessions, which are kept from every other run, for\n"
        "each definition of the list: the trial ledger records it first, and refuses it a\n"
        "second time.\n"
        "\n"
        "example:\n"
        "  quantlab stage-b run --stage-a latest --policy short-history\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
