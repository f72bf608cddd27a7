/* guard/causes.h -- the kinds of change between two snapshots.  Not for others. */
#ifndef QLAB_GUARD_CAUSES_H
#define QLAB_GUARD_CAUSES_H

#include "base/env.h"
#include "base/err.h"
#include "base/hash.h"
#include <jansson.h>

typedef enum qlab_cause_kind {
    QLAB_CAUSE_REVISED,
    QLAB_CAUSE_GONE,
    QLAB_CAUSE_LATE,
    QLAB_CAUSE_ACTION,
    QLAB_CAUSE_DELISTING,
    QLAB_CAUSE_LIFE,
    QLAB_CAUSE_KINDS
} qlab_cause_kind;
const char *qlab_cause_kind_name(qlab_cause_kind k); /* "BAR_REVISED" */
unsigned qlab_cause_weight(qlab_cause_kind k);

enum { QLAB_CAUSE_SAMPLES = 10 };
typedef struct qlab_cause {
    qlab_cause_kind kind;
    uint64_t n_items, n_assets;
    int32_t first_date; /* the earliest that it reaches */
    json_t *samples;    /* of {asset_id, date} */
    qlab_digest digest; /* of kind and both snapshots */
} qlab_cause;

/* Causes that occur, at [kind]; n_items 0 where it does not.  Owned by the caller. */
qlab_code qlab_causes_between(const qlab_env *env, const char *earlier, const char *later,
                              qlab_cause out[QLAB_CAUSE_KINDS], qlab_err *err) QLAB_MUST_USE;
void qlab_causes_free(qlab_cause c[QLAB_CAUSE_KINDS]);

#endif
