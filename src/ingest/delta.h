/* ingest/delta.h -- what one bucket's delivery changes in the lake, found by leaves and kept on
 * disk.
 *
 * The delivered state of an asset (all its good rows: its pack overlaid with its sidecars) is
 * compared with the visible one.  Of sidecars alone only their own dates are compared, in the years
 * that they touch; nothing is tombstoned.  Years
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
 * A prefix of a whole delivery that differs by one ratio is a change of basis: in a lake of raw
 * prices the delivered values are de-adjusted by it before they are compared; in a split-adjusted
 * lake they are stored as delivered.  Both are said as one event.
 *
 * Derived actions follow the newest vintage, a whole pack (sidecars are none): facts that it
 * changes are written anew, facts that it no longer holds are withdrawn.
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
    uint64_t inserted, revised, known, tombstoned, held, adj_restated, basis_restated;
    uint64_t would_tombstone; /* of a held asset */
    uint64_t visible;         /* rows before */
    qlab_digest vanished;     /* of the rows that are or would be tombstoned, where they are many */
    bool acked;               /* they are many, and someone agreed */
} qlab_asset_tally;

/* What one bucket's assets were delivered with: those whose line was read, with or without rows.
 * Values may be de-adjusted in place. */
typedef struct qlab_delivered {
    qlab_bars bars;
    const uint8_t *partial;     /* [slot]: sidecars alone; what is not among the rows stays */
    const uint8_t *vintage;     /* [slot]: a whole pack with adjusted closes was read */
    const qlab_action *actions; /* derived from those, by qlab_action_cmp */
    size_t n_actions;
} qlab_delivered;

/* One revised bar, as it was and as it is. */
typedef struct qlab_revision {
    uint32_t asset_ix;
    int32_t date;
    double was[5], is[5]; /* open, high, low, close, volume */
} qlab_revision;

/* A stretch of an asset's history that was delivered in another basis (METHODS 1). */
typedef struct qlab_basis_change {
    uint32_t asset_ix;
    int32_t from, through;            /* dates, both among it */
    double price_ratio, volume_ratio; /* delivered = ratio * kept */
    qlab_interval price, volume;      /* what all rows that fit allow for the two */
    double half;                      /* half a unit of the last decimal delivered */
    uint64_t n_rows, n_odd;           /* rows that the ratio explains, and that it does not */
} qlab_basis_change;

/* What is said of a comparison beside the delta itself. */
typedef struct qlab_delta_said {
    qlab_revision *revisions; /* by (asset_ix, date) */
    size_t n_revisions, cap_revisions;
    qlab_basis_change *basis; /* by (asset_ix, from) */
    size_t n_basis, cap_basis;
} qlab_delta_said;
void qlab_delta_said_free(qlab_delta_said *s);

/* Takes rows and leaves that are done out of a delta that has become large. */
typedef struct qlab_delta_sink {
    void *ctx;
    qlab_code (*take)(void *ctx, qlab_delta *d, qlab_err *err);
} qlab_delta_sink;

/* tally: one a slot of the bucket.  The assets of a large delivery (QLAB_DELTA_LARGE_ROWS) are
 * compared in groups, so that memory holds one group's changes: above QLAB_DELTA_FLUSH_ROWS they go
 * to the sink, asset after asset; what is left stays in *out.  said holds the first
 * QLAB_INGEST_EXAMPLES revisions. */
enum { QLAB_DELTA_LARGE_ROWS = 1000000, QLAB_DELTA_FLUSH_ROWS = 100000 };
qlab_code qlab_delta_find(const qlab_ingest *g, qlab_conn *conn, uint32_t bucket,
                          qlab_delivered *now, qlab_asset_tally *tally, const qlab_delta_sink *sink,
                          qlab_delta *out, qlab_delta_said *said, qlab_err *err) QLAB_MUST_USE;
/* basis.c: stretches of one basis among an asset's revisions [r, r + n), by date; appended. */
void qlab_basis_find(const qlab_revision *r, size_t n, qlab_delta_said *said);
/* Whether one revision is what the change says, within the decimals delivered. */
bool qlab_basis_explains(const qlab_basis_change *c, const qlab_revision *r);

/* Rows and leaves as a file of this program's own; actions are not in it. */
qlab_code qlab_delta_save(const qlab_delta *d, const char *path, qlab_err *err) QLAB_MUST_USE;
/* Appends a saved delta to d. */
qlab_code qlab_delta_load(const char *path, qlab_delta *d, qlab_err *err) QLAB_MUST_USE;
/* The rows as bars, asset after asset: owned by *out, d keeps leaves and actions. */
void qlab_delta_to_bars(qlab_delta *d, qlab_bars *out);

#endif
