/* ops/ack.h -- what a person agreed to: <root>/ops/acks.ndjson, append-only and chained.
 *
 * Some steps wait for a person: a deletion that is too large (ingest), an invalidation (guard).
 * Each such thing has an id ("held:US:ABC") and a digest of exactly what would happen; an
 * acknowledgement names both, so one that was given for another state releases nothing.  A line is
 * ops/chain.h's with schema "ack/1", id, digest, note, now, and `what` as it was shown.
 *
 * Ownership: json_t are new references.  Threads and processes: as ops/chain.h.
 * Fails: QLAB_E_CORRUPT where a line was edited, taken out or put in.
 */
#ifndef QLAB_OPS_ACK_H
#define QLAB_OPS_ACK_H

#include "base/env.h"
#include "base/err.h"
#include <jansson.h>

/* Appends one line.  what: has the members id and digest; note may be NULL. */
qlab_code qlab_ack_put(const qlab_env *env, json_t *what, const char *note,
                       qlab_err *err) QLAB_MUST_USE;
/* Digests acknowledged for ids that begin with prefix: an object digest -> id. */
qlab_code qlab_acks_load(const char *root, const char *prefix, json_t **digests,
                         qlab_err *err) QLAB_MUST_USE;

#endif
