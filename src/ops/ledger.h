/* ops/ledger.h -- what the daily runs cost and made: <root>/ops/daily_backbone_metrics.ndjson.
 *
 * One line a run of the backbone (ingest, snapshot, features) in an append-only chain
 * (ops/chain.h), failed and empty runs included.  It holds times, so it is no result and no id
 * covers it; guard/drift.h learns thresholds from it, guard/record.h writes it.
 * Format: docs/formats/ops.md.
 *
 * Threads: as ops/chain.h.
 */
#ifndef QLAB_OPS_LEDGER_H
#define QLAB_OPS_LEDGER_H

#include "base/env.h"
#include "ops/chain.h"

#define QLAB_LEDGER_SCHEMA "daily_backbone_metrics/1"

typedef enum qlab_ledger_state {
    QLAB_LEDGER_DONE,
    QLAB_LEDGER_EMPTY,   /* there was nothing to do */
    QLAB_LEDGER_REFUSED, /* ran to the end with a negative verdict (exit 1) */
    QLAB_LEDGER_FAILED,
    QLAB_LEDGER_STATES
} qlab_ledger_state;
const char *qlab_ledger_state_name(qlab_ledger_state s); /* "done" */

/* One run.  Objects are borrowed and may be NULL.  A step: {"refs": {...ids of what it made},
 * "metrics": {...names and numbers, seconds and peak_rss_bytes among them}}. */
typedef struct qlab_ledger_run {
    qlab_ledger_state state;
    const char *reason; /* what it failed with; NULL */
    const json_t *ingest, *snapshot, *features;
} qlab_ledger_run;
/* Appends its line.  With env->dry_run nothing is done. */
qlab_code qlab_ledger_put(const qlab_env *env, const qlab_ledger_run *run,
                          qlab_err *err) QLAB_MUST_USE;

char *qlab_ledger_path(const qlab_env *env); /* owned by the caller */
qlab_code qlab_ledger_read(const qlab_env *env, qlab_chain *out, qlab_err *err) QLAB_MUST_USE;

#endif
