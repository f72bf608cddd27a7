/* cli/stage_a_args.h -- which candidates and which policy a command means.
 *
 * A flag wins over quantlab.yaml, that over the built-in value.  A shipped name is itself; a path
 * of the file is relative to the file.  Returned texts are owned by the caller.
 */
#ifndef QLAB_CLI_STAGE_A_ARGS_H
#define QLAB_CLI_STAGE_A_ARGS_H

#include "cli/cmd.h"
#include "strategy/candidate.h"

char *qlab_arg_candidates(const qlab_ctx *cx, const char *flag);
char *qlab_arg_policy(const qlab_ctx *cx, const char *flag);
char *qlab_arg_policy_b(const qlab_ctx *cx, const char *flag); /* stage_b.policy */
/* The library of a name or path, scores checked against the catalogue's columns. */
qlab_code qlab_arg_library(const char *name_or_path, qlab_library **lib,
                           qlab_err *err) QLAB_MUST_USE;

#endif
