#include "cli/commit_arg.h"

#include "base/alloc.h"
#include "lake/lake.h"

#include <string.h>

qlab_code qlab_commit_arg(const char *text, uint32_t *commit, qlab_err *err)
{
    uint64_t v = 0;
    *commit = QLAB_LAKE_LATEST;
    if (!text || strcmp(text, "latest") == 0)
        return QLAB_OK;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9' || v > UINT32_MAX / 10)
            return qlab_fail(err, QLAB_E_USAGE, "\"%s\" is not a commit: give a number or `latest`",
                             text);
        v = v * 10 + (uint64_t)(*c - '0');
    }
    if (v == 0 || v > UINT32_MAX)
        return qlab_fail(err, QLAB_E_USAGE, "\"%s\" is not a commit: they are counted from 1",
                         text);
    *commit = (uint32_t)v;
    return QLAB_OK;
}

qlab_code qlab_commit_arg_resolve(const char *root, const char *text, uint32_t *commit,
                                  qlab_err *err)
{
    uint32_t *numbers = NULL;
    size_t n = 0;
    qlab_code rc = qlab_commit_arg(text, commit, err);
    if (rc != QLAB_OK || *commit != QLAB_LAKE_LATEST)
        return rc;
    rc = qlab_lake_commits(root, &numbers, &n, err);
    if (rc == QLAB_OK && n == 0)
        rc = qlab_fail(err, QLAB_E_NOT_FOUND,
                       "the lake under %s has no commit yet; see `quantlab "
                       "ingest`",
                       root);
    if (rc == QLAB_OK)
        *commit = numbers[n - 1];
    qlab_free(numbers);
    return rc;
}
