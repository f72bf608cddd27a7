/* cli/freshness_options.h -- what quantlab.yaml says of freshness. */
#ifndef QLAB_CLI_FRESHNESS_OPTIONS_H
#define QLAB_CLI_FRESHNESS_OPTIONS_H

#include "cli/cmd.h"
#include "guard/freshness.h"

/* Fills *out; the path of the overrides file is returned and owned by the caller (may be NULL). */
char *qlab_freshness_options_of(const qlab_ctx *cx, qlab_freshness_options *out);

#endif
