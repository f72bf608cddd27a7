/* guard/publish.h -- one report becomes a run folder of its own.
 *
 * Ownership: *path is owned by the caller.  Threads: no shared state.
 */
#ifndef QLAB_GUARD_PUBLISH_H
#define QLAB_GUARD_PUBLISH_H

#include "base/env.h"
#include "base/err.h"
#include <jansson.h>

/* runs/run_id=<run_id>/<file>, relative to the root in *path, with its run record beside it; a run
 * that is there already is left as it stands. */
qlab_code qlab_guard_publish(const qlab_env *env, const char *run_id, const char *file,
                             const json_t *report, double seconds, char **path,
                             qlab_err *err) QLAB_MUST_USE;

#endif
