/* cli/commit_arg.h -- a commit named on the command line. */
#ifndef QLAB_CLI_COMMIT_ARG_H
#define QLAB_CLI_COMMIT_ARG_H

#include "base/err.h"
#include <stdint.h>

/* A number from 1, "latest", or NULL (latest) to what the lake calls it; QLAB_E_USAGE otherwise. */
qlab_code qlab_commit_arg(const char *text, uint32_t *commit, qlab_err *err) QLAB_MUST_USE;
/* The same with `latest` resolved to its number; an empty lake is QLAB_E_NOT_FOUND. */
qlab_code qlab_commit_arg_resolve(const char *root, const char *text, uint32_t *commit,
                                  qlab_err *err) QLAB_MUST_USE;

#endif
