/* guard/rehearse.h -- what a delivery would change, found in a scratch root.
 *
 * The caller makes the scratch root (ops/scratch.h), ingests into it, and asks here: rows by what
 * became of them, the first samples, which snapshots, feature sets and runs of the real root rest
 * on dates that changed, freshness before and after, and whether the real root is as it was.
 *
 * Ownership: the report is a new reference.  Threads: call outside the pool.
 */
#ifndef QLAB_GUARD_REHEARSE_H
#define QLAB_GUARD_REHEARSE_H

#include "guard/freshness.h"
#include "ops/scratch.h"

typedef struct qlab_rehearsal {
    const char *scratch; /* folder; its env is the real one's with this root */
    const qlab_scratch *made;
    uint32_t commit;      /* that the ingest made there, or the one that stood */
    bool nothing_to_do;   /* it made none */
    const json_t *counts; /* of the ingest; borrowed */
    const qlab_freshness_options *freshness;
} qlab_rehearsal;
/* rehearsal_report/1, also written to <scratch>/rehearsal_report.json.  env: of the real root. */
qlab_code qlab_guard_rehearse(const qlab_env *env, const qlab_rehearsal *r, json_t **report,
                              qlab_err *err) QLAB_MUST_USE;

#endif
