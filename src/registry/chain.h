/* registry/chain.h -- a ledger of batches: one JSON object a line, each carrying the hash of the
 * line before.
 *
 *   <root>/registry/ledgers/<name>.ndjson      the lines, canonical JSON: "line" counts from 1,
 *                                              "prev" is the hash of the line before (64 zeros)
 *   <root>/registry/ledgers/<name>.head.json   how many lines and bytes count, and the last hash
 *
 * A batch of lines is appended and synced first, the head file is replaced second: the head is the
 * commit.  (ops/chain.h has the same lines without a head: its unit is a line, here it is a batch.)
 * Bytes behind the head's length are what a kill left; readers do not see them and the
 * next append cuts them off.  So a crash leaves the ledger before or after a whole batch.
 *
 *   pin    how many lines and the hash of the last: whoever uses a ledger records it, so that a
 * tail that is cut or edited afterwards is seen
 *
 * Ownership: a chain owns its lines.  Threads: a chain belongs to one thread; one writer a root.
 * Fails: QLAB_E_CORRUPT with the line and what was wrong; QLAB_E_LOCKED where another process
 * kept the writer's lock for 20 s.
 */
#ifndef QLAB_REGISTRY_CHAIN_H
#define QLAB_REGISTRY_CHAIN_H

#include "base/env.h"
#include "base/hash.h"
#include "base/json.h"

typedef struct qlab_chain_pin {
    uint64_t n_lines;
    qlab_digest head; /* zeros where there is no line */
} qlab_chain_pin;

/* {"lines": 12, "head": "<64 hex>"}: "trials.ledger" of a report that used the trial ledger
 * (`registry verify` looks there); new reference. */
json_t *qlab_chain_pin_json(const qlab_chain_pin *pin);
qlab_code qlab_chain_pin_from_json(const json_t *o, const char *where, qlab_chain_pin *out,
                                   qlab_err *err) QLAB_MUST_USE;

typedef struct qlab_rchain qlab_rchain;

/* Reads every line up to the head and checks every link; a ledger never written is empty. */
qlab_code qlab_rchain_open(const char *root, const char *name, qlab_rchain **out,
                           qlab_err *err) QLAB_MUST_USE;
/* The same, holding the writer's lock until the close. */
qlab_code qlab_rchain_open_to_write(const qlab_env *env, const char *name, qlab_rchain **out,
                                    qlab_err *err) QLAB_MUST_USE;
void qlab_rchain_close(qlab_rchain *c); /* NULL is fine */

/* Line i from 0, borrowed. */
size_t qlab_rchain_lines(const qlab_rchain *c);
const json_t *qlab_rchain_line(const qlab_rchain *c, size_t i);
/* State after the first n_lines. */
qlab_chain_pin qlab_chain_pin_at(const qlab_rchain *c, size_t n_lines);
/* QLAB_E_CORRUPT where the ledger is not what it was when the pin was taken. */
qlab_code qlab_chain_holds(const qlab_rchain *c, const qlab_chain_pin *pin,
                           qlab_err *err) QLAB_MUST_USE;

/* Adds n objects as one batch: all or none.  Takes the references; "line" and "prev" are added. */
qlab_code qlab_rchain_append(qlab_rchain *c, json_t *const *lines, size_t n,
                             qlab_err *err) QLAB_MUST_USE;

/* Text of a ledger to lines; name is used in messages.  For readers of files and for tests. */
qlab_code qlab_rchain_parse(const char *name, const char *text, size_t n, qlab_rchain **out,
                            qlab_err *err) QLAB_MUST_USE;

#endif
