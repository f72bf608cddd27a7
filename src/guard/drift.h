/* guard/drift.h -- is this run like the others?
 *
 * History: the last `window` lines of the ops ledger whose state is done (ran, and rows changed),
 * without the run that is judged.  A figure is judged where `runs_needed` of them have it: its
 * ratio to their median must lie in [low, high].  Figures that depend on the machine (seconds,
 * memory) and counts of rare things are told, never judged.
 *
 * Ownership: reports are new references.  Threads: no shared state.  Errors: QLAB_E_NOT_FOUND where
 * the ledger is empty; those of reading it.  Source: METHODS 12 and 13; docs/methods/drift.md.
 */
#ifndef QLAB_GUARD_DRIFT_H
#define QLAB_GUARD_DRIFT_H

#include "base/env.h"
#include "base/err.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct qlab_drift_policy {
    int64_t window, runs_needed;
    double low, high;
} qlab_drift_policy;
qlab_drift_policy qlab_drift_policy_default(void);

/* thresholds_recommended/1, written to <root>/ops/thresholds_recommended.json (not with
 * env->dry_run). */
qlab_code qlab_guard_thresholds(const qlab_env *env, const qlab_drift_policy *policy,
                                json_t **report, qlab_err *err) QLAB_MUST_USE;
/* drift_report/1 of the ledger's last line; *drifted: a judged figure lies outside its band. */
qlab_code qlab_guard_drift(const qlab_env *env, const qlab_drift_policy *policy, json_t **report,
                           bool *drifted, qlab_err *err) QLAB_MUST_USE;

#endif
