/* ingest/delta_int.h -- what the files that find a delta share.  Not for others. */
#ifndef QLAB_INGEST_DELTA_INT_H
#define QLAB_INGEST_DELTA_INT_H

#include "ingest/delta.h"

/* One (asset, year) whose leaf is not the visible one's, or where sidecars have rows. */
typedef struct qlab_changed_year {
    int32_t year;
    uint32_t slot;
    bool visible;    /* the lake has rows there */
    size_t first, n; /* delivered rows */
} qlab_changed_year;

typedef struct qlab_finding {
    const qlab_ingest *g;
    uint32_t bucket;
    qlab_delivered *delivered;
    const qlab_bars *now; /* its bars */
    size_t from, to;      /* the assets of now that are compared at a time */
    qlab_asset_tally *tally;
    qlab_delta *out;
    qlab_delta_said *said;
    qlab_leaf *old; /* all visible leaves of the bucket, by (asset_ix, period) */
    size_t n_old;
    int32_t months_from;
    int32_t first_known[QLAB_LAKE_BUCKET_ASSETS]; /* least date that is as it was; INT32_MAX */
    qlab_changed_year *changed;
    size_t n_changed, cap_changed;
    qlab_bars state; /* scratch: the visible rows of one year under those of sidecars */
} qlab_finding;

static inline uint32_t qlab_slot_of(uint32_t asset_ix)
{
    return asset_ix % QLAB_LAKE_BUCKET_ASSETS;
}

static inline bool qlab_same_value(double x, double y)
{
    return x == y || (x != x && y != y);
}

/* Its changes wait: too many deletions at once. */
static inline bool qlab_is_held(const qlab_finding *f, uint32_t slot)
{
    return f->tally[slot].would_tombstone > 0;
}

/* delta.c */
void qlab_delta_move_row(qlab_delta *d, size_t to, size_t from);
void qlab_delta_compare_years(qlab_finding *f, size_t asset); /* fills f->changed */
qlab_code qlab_delta_compare_changed(qlab_finding *f, qlab_conn *conn, qlab_err *err) QLAB_MUST_USE;
/* delta_actions.c */
void qlab_delta_find_actions(qlab_finding *f);
/* delta_basis.c */
qlab_code qlab_delta_settle_basis(qlab_finding *f, qlab_conn *conn, qlab_err *err) QLAB_MUST_USE;

#endif
