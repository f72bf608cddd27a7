/* guard/record.h -- one line a run of the backbone into the ops ledger (ops/ledger.h).
 *
 * Gathered from what the steps left: the newest ingest commit with its run, the newest snapshot
 * since, the feature set on it, each with rows, packs, bytes, seconds and peak memory.  A run that
 * the ledger's last line tells of already adds none.
 *
 * Threads: call outside the pool (counts changed assets on worker 0's connection).
 * Errors: QLAB_E_NOT_FOUND where there is no ingest; those of reading manifests and the ledger.
 */
#ifndef QLAB_GUARD_RECORD_H
#define QLAB_GUARD_RECORD_H

#include "ops/ledger.h"

typedef struct qlab_recorded {
    json_t *ingest, *snapshot, *features; /* steps as the line has them; NULL where none */
    qlab_ledger_state state;
    bool known; /* the last line tells of it: nothing was appended */
} qlab_recorded;
void qlab_recorded_free(qlab_recorded *r);

/* failed: what the run failed with; NULL = it did not (then its state is done, refused where a pack
 * was refused, or empty where no row changed). */
qlab_code qlab_guard_record(const qlab_env *env, const char *failed, qlab_recorded *out,
                            qlab_err *err) QLAB_MUST_USE;

#endif
