/* guard/coverage.h -- how far the registry leads to bars, type by type.
 *
 * Of each type of the vendor's registry: assets in all, with a pointer to a history pack that is
 * there, without, with bars in the lake, with at least 200, and the first assets that lack a pack.
 * Bars are counted from yearly leaves: no bar is read.
 *
 * Ownership: results are owned by the caller.  Threads: call outside the pool.
 * Errors: those of reading registry and lake.  Source: FORMATS 2 (alt_assets_pointer_coverage).
 */
#ifndef QLAB_GUARD_COVERAGE_H
#define QLAB_GUARD_COVERAGE_H

#include "base/env.h"
#include "base/err.h"
#include <jansson.h>
#include <stddef.h>

enum { QLAB_COVERAGE_BARS = 200 };
typedef struct qlab_coverage_options {
    const char *vendor_dir;
    size_t n_samples; /* assets named a type and list; 15 */
} qlab_coverage_options;

/* The report becomes runs/run_id=coverage_<now>_<12 hex>/alt_assets_pointer_coverage.json (*path,
 * relative to the root; NULL with env->dry_run). */
qlab_code qlab_guard_coverage(const qlab_env *env, const qlab_coverage_options *o, json_t **report,
                              char **path, qlab_err *err) QLAB_MUST_USE;

#endif
