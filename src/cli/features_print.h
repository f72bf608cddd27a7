/* cli/features_print.h -- what `features build` and `features update` say. */
#ifndef QLAB_CLI_FEATURES_PRINT_H
#define QLAB_CLI_FEATURES_PRINT_H

#include "cli/cmd.h"
#include "feature/set.h"

void qlab_features_print_made(const qlab_ctx *cx, const qlab_features_made *made);

#endif
