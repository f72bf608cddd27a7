/* guard/reconcile.h -- does what lies in the root add up, on values?
 *
 *   lake_hashes          every part re-hashed, order, keys and counts; leaves against the bars
 *   rows_in              rows in = inserted + revised + known + duplicate + quarantined + not asked
 *                        for, for each pack and in total, in every ingest up to the commit
 *   rows_in_parts        bars that a commit added = inserted + revised + tombstoned
 *   rows_after           rows before + inserted - tombstoned = rows after
 *   visible_keys         no (asset, date) twice at its newest known_seq
 *   future_dates         no bar after now
 *   history              runs, snapshots and the ops ledger name only commits that the lake has,
 *                        with the hashes that they had: nothing was taken back or replayed
 *   snapshot_hashes      the newest snapshot
 *   feature_hashes       the newest feature set on it
 *   features_exist       a panel row for every asset that is eligible at the snapshot's universe
 *                        date: with it every changed one
 *
 * Cost: lake_hashes reads every part once; snapshot_hashes re-hashes them; visible_keys reads the
 * key columns of years with more than one part a bucket; the others read manifests and leaves.
 *
 * Ownership: results are owned by the caller.  Threads: call outside the pool.  Errors: only where
 * checking itself was impossible; what is wrong with the data is a finding.  Source: METHODS 12.
 */
#ifndef QLAB_GUARD_RECONCILE_H
#define QLAB_GUARD_RECONCILE_H

#include "lake/lake.h"

typedef struct qlab_reconcile_options {
    uint32_t commit;       /* QLAB_LAKE_LATEST */
    bool require_features; /* a snapshot or feature set that is missing or behind is a finding */
} qlab_reconcile_options;

typedef struct qlab_reconciled {
    char *run_id, *path; /* of the report, relative to the root; NULL with env->dry_run */
    json_t *report;      /* reconciliation_report/1 */
    bool ok;
    bool corrupt; /* a hash, a part or the history failed: exit 3 rather than 1 */
} qlab_reconciled;
void qlab_reconciled_free(qlab_reconciled *r);

/* The report becomes runs/run_id=reconcile_<now>_<12 hex>/reconciliation_report.json. */
qlab_code qlab_guard_reconcile(const qlab_env *env, const qlab_reconcile_options *o,
                               qlab_reconciled *out, qlab_err *err) QLAB_MUST_USE;

#endif
