/* guard/reconcile_int.h -- what the files of reconciliation share.  Not for others. */
#ifndef QLAB_GUARD_RECONCILE_INT_H
#define QLAB_GUARD_RECONCILE_INT_H

#include "guard/check.h"
#include "guard/reconcile.h"

typedef struct qlab_reconcile {
    const qlab_env *env;
    const qlab_reconcile_options *o;
    uint32_t commit, newest;        /* judged; newest of the lake */
    qlab_lake_view *v;              /* NULL where it does not open */
    char (*sha256)[QLAB_HEX_BYTES]; /* of commit k at [k]; "" = unreadable */
    char **run_of;                  /* run_id of commit k; NULL */
    bool *changes;                  /* commit k changed what a snapshot reads */
    json_t *checks;
    bool corrupt;
    char *snapshot, *features; /* ids that were judged; NULL */
} qlab_reconcile;

/* accounts.c: rows_in, rows_in_parts, rows_after, history */
qlab_code qlab_reconcile_accounts(qlab_reconcile *r, qlab_err *err) QLAB_MUST_USE;
/* keys.c: visible_keys, future_dates */
qlab_code qlab_reconcile_keys(qlab_reconcile *r, qlab_err *err) QLAB_MUST_USE;
/* derived.c: snapshot_hashes, feature_hashes, features_exist */
qlab_code qlab_reconcile_derived(qlab_reconcile *r, qlab_err *err) QLAB_MUST_USE;

/* A damaged or missing file becomes a finding; being stopped or out of memory stays an error. */
qlab_code qlab_reconcile_as_finding(qlab_check *c, const char *what, qlab_err *err) QLAB_MUST_USE;

#endif
