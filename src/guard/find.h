/* guard/find.h -- the newest things of a root.
 *
 * Ownership: strings and documents are owned by the caller.  Threads: no shared state.
 */
#ifndef QLAB_GUARD_FIND_H
#define QLAB_GUARD_FIND_H

#include "base/env.h"
#include "base/err.h"
#include <jansson.h>
#include <stdint.h>

/* The snapshot with the greatest as-of, then commit, among those of commits [from, to]; *id NULL
 * where there is none. */
qlab_code qlab_guard_find_snapshot(const qlab_env *env, uint32_t from, uint32_t to, char **id,
                                   uint32_t *commit, qlab_err *err) QLAB_MUST_USE;
/* The feature set on a snapshot with the most dates, of equals the first by id; *id NULL where
 * there is none.  *manifest is a new reference. */
qlab_code qlab_guard_find_set(const qlab_env *env, const char *snapshot_id, char **id,
                              json_t **manifest, qlab_err *err) QLAB_MUST_USE;

#endif
