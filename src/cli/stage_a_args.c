#include "cli/stage_a_args.h"

#include "base/alloc.h"
#include "stage_a/stage_a.h"
#include "strategy/shipped.h"

static char *arg(const qlab_ctx *cx, const char *kind, const char *flag, const char *file)
{
    if (flag != NULL)
        return qlab_strdup(flag);
    return qlab_shipped_find(kind, file) != NULL ? qlab_strdup(file)
                                                 : qlab_config_path(cx->config, file);
}

char *qlab_arg_candidates(const qlab_ctx *cx, const char *flag)
{
    return arg(cx, "candidates", flag, cx->config->stage_a.candidates);
}

char *qlab_arg_policy(const qlab_ctx *cx, const char *flag)
{
    return arg(cx, "policies", flag, cx->config->stage_a.policy);
}

char *qlab_arg_policy_b(const qlab_ctx *cx, const char *flag)
{
    return arg(cx, "policies", flag, cx->config->stage_b_policy);
}

qlab_code qlab_arg_library(const char *name_or_path, qlab_library **lib, qlab_err *err)
{
    size_t n;
    const char **names = qlab_stage_a_columns(&n);
    const qlab_expr_known known = {names, n};
    const qlab_code rc = qlab_library_load(name_or_path, &known, lib, err);

    qlab_free(names);
    return rc;
}
