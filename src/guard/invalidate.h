/* guard/invalidate.h -- what must be made again because its data turned out otherwise.
 *
 * Each snapshot is compared once with the one frozen before it (snapshot/diff.h).  A cause is one
 * kind of change between the two, dated: bars revised, gone or late, actions, delistings, lives.
 * It reaches every artifact that rests on a snapshot frozen before the change was known whose as-of
 * is not before the change's date.  Of each line (guard/graph.h) the head is listed; what a newer
 * artifact of its line stands in for is counted.
 *
 *   severity   weight of the kind (action, delisting, life 2; revised, gone 1; late 0) + 1 for a
 *              run: 3 critical, 1 and 2 warning, 0 info
 *
 * <root>/ops/invalidation_queue.ndjson (chain of ops/chain.h): "scan" a snapshot was compared,
 * "open" an artifact is listed under a cause, "close" it was made again or acknowledged.
 * Formats: docs/formats/ops.md.
 *
 * Ownership: the report is a new reference.  Threads: call outside the pool.
 * Errors: those of reading snapshots, manifests and the queue.  Source: METHODS 12.
 */
#ifndef QLAB_GUARD_INVALIDATE_H
#define QLAB_GUARD_INVALIDATE_H

#include "base/env.h"
#include "base/err.h"
#include <jansson.h>
#include <stdbool.h>

#define QLAB_INVALIDATION_PREFIX "inv:"

/* Scans what is new, opens and closes, and tells what is open.  *critical: something critical is.
 * *report: invalidation_report/1.  With env->dry_run the queue is not written. */
qlab_code qlab_guard_invalidate(const qlab_env *env, json_t **report, bool *critical,
                                qlab_err *err) QLAB_MUST_USE;

/* What is open by the queue as it stands, for whoever acknowledges or promotes: appends objects
 * {id, digest, reason, summary, severity, artifact, acknowledged} to an array. */
qlab_code qlab_guard_invalidations(const qlab_env *env, json_t *all, qlab_err *err) QLAB_MUST_USE;

#endif
