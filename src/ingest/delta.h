/* ingest/delta.h -- what one bucket's delivery changes in the lake, found by leaves and kept on
 * disk.
 *
 * The delivered state of an asset (all its good rows) is compared with the visible one.  Years
 * whose leaf digests agree are known as a whole and nothing of them is read back; of the others the
 * visible rows are read year by year and each date is known, inserted, revised or tombstoned:
 *
 *   equal open, high, low, close, volume   known (adj_restated counts those whose adjusted close
 *                                          differs, of the rows that were compared one by one)
 *   delivered alone                        inserted (LATE where the asset had a later bar)
 *   both, different                        revised
 *   visible alone                          tombstoned; more than max(5, 1 %) of an asset's visible
 *                                          rows at once: nothing of the asset is applied (held)
 *
 * Derived actions follow the newest vintage: facts that it changes are written anew, facts that it
 * no longer holds are withdrawn.
 *
 * Ownership: a delta owns its arrays.  Threads: one worker.
 */
#ifndef QLAB_INGEST_DELTA_H
#define QLAB_INGEST_DELTA_H

#include "ingest/ingest_int.h"
#include "truth/action.h"

/* Rows sorted by (asset_ix, date); leaves by (asset_ix, period). */
typedef struct qlab_delta {
    size_t n, cap;
    uint32_t *asset_ix;
    int32_t *date;
    double *v[QLAB_N_FIELDS];
    uint8_t *provenance;
    qlab_leaf *leaves;
    size_t n_leaves, cap_leaves;
    qlab_action *actions; /* their strings are borrowed from master and lake */
    size_t n_actions, cap_actions;
} qlab_delta;
void qlab_delta_free(qlab_delta *d);

/* What became of one asset's delivered rows. */
typedef struct qlab_asset_tally {
    uint64_t inserted, revised, known, tombstoned, held, adj_restated;
    uint64_t would_tombstone; /* of a held asset */
    uint64_t visible;         /* rows before */
} qlab_asset_tally;

/* now: delivered bars of the bucket's present assets (their line was read, with or without rows).
 * tally: one a slot of the bucket. */
qlab_code qlab_delta_find(const qlab_ingest *g, qlab_conn *conn, uint32_t bucket,
                          const qlab_bars *now, qlab_asset_tally *tally, qlab_delta *out,
                          qlab_err *err) QLAB_MUST_USE;

/* Rows and leaves as a file of this program's own; actions are not in it. */
qlab_code qlab_delta_save(const qlab_delta *d, const char *path, qlab_err *err) QLAB_MUST_USE;
/* Appends a saved delta to d. */
qlab_code qlab_delta_load(const char *path, qlab_delta *d, qlab_err *err) QLAB_MUST_USE;
/* The rows as bars, asset after asset: owned by *out, d keeps leaves and actions. */
void qlab_delta_to_bars(qlab_delta *d, qlab_bars *out);

#endif
