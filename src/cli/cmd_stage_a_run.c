/* cli/cmd_stage_a_run.c -- `quantlab stage-a run`: every candidate through the screen. */
#include "base/alloc.h"
#include "cli/cmd.h"
#include "cli/stage_a_args.h"
#include "feature/set.h"
#include "stage_a/stage_a.h"

typedef struct opts {
    const char *features, *candidates, *policy;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, features, "features", "ID",
                 "feature set: an id, a beginning of one, latest; required"),
    QLAB_STR_OPT(opts, candidates, "candidates", "FILE", "a shipped list or a file (core24)"),
    QLAB_STR_OPT(opts, policy, "policy", "FILE", "strict, short-history or a file (strict)"),
    QLAB_OPTS_END,
};

/* A verdict names the panel it judges, so none is guessed; the newest stands ready to be copied. */
static qlab_code fail_no_features(const qlab_ctx *cx, qlab_err *err)
{
    char *newest = NULL;

    if (qlab_features_resolve(&cx->env, "latest", &newest, err) != QLAB_OK)
        return qlab_fail(err, QLAB_E_USAGE,
                         "--features ID is missing, and there is no feature set yet: quantlab "
                         "features build makes one");
    const qlab_code rc = qlab_fail(
        err, QLAB_E_USAGE, "--features ID is missing; the newest set is: --features %s", newest);
    qlab_free(newest);
    return rc;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;

    if (o->features == NULL)
        return fail_no_features(cx, err);
    char *candidates = qlab_arg_candidates(cx, o->candidates);
    char *policy = qlab_arg_policy(cx, o->policy);
    const qlab_stage_a_options options = {o->features, candidates, policy};
    qlab_stage_a_made made;
    qlab_code rc = qlab_stage_a_run(&cx->env, &options, &made, err);

    qlab_free(candidates);
    qlab_free(policy);
    if (rc != QLAB_OK)
        return rc;
    const bool planned = cx->env.dry_run && !made.existed;
    if (cx->json)
        qlab_cmd_print_json(cx, made.report);
    else if (planned)
        rc = qlab_stage_a_print_folds(made.report, cx->out, err);
    else
        rc = qlab_stage_a_print(made.report, cx->out, err);
    if (!planned && made.n_survivors == 0)
        cx->exit_code = 1;
    if (made.existed && !cx->json && !cx->env.quiet)
        fputs("(this run stood complete: nothing was done)\n", cx->out);
    qlab_stage_a_made_free(&made);
    return rc;
}

const qlab_cmd qlab_cmd_stage_a_run = {
    .name = "stage-a run",
    .summary = "screen candidates: rank IC, gates, verdicts",
    .help =
        "Plans the folds and writes them first, measures every candidate on every test session,\n"
        "and judges by the policy's gates. Ends with 0 when a candidate passes, 1 when none\n"
        "does, 2 when the panel is too short for the policy. The same run again does nothing.\n"
        "\n"
        "example:\n"
        "  quantlab stage-a run --features latest --policy short-history\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
