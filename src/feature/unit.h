/* feature/unit.h -- one bucket of a feature build: plan its parts, make the missing ones.
 *
 * Threads: a unit runs on one worker and shares nothing.  Memory: the window of bars, the block of
 * rows (split by months where it would not fit qlab_env_unit_bytes) and one part being written.
 */
#ifndef QLAB_FEATURE_UNIT_H
#define QLAB_FEATURE_UNIT_H

#include "base/progress.h"
#include "feature/set.h"

typedef struct qlab_unit_plan {
    const qlab_env *env;
    const qlab_snapshot *snap;
    const qlab_catalogue *catalogue;
    uint64_t columns;
    qlab_digest features; /* qlab_catalogue_digest(columns) */
    qlab_entry entry;
    const qlab_range_plan *range;
    qlab_progress *progress; /* may be NULL */
} qlab_unit_plan;

/* What one bucket gave; parts by (month, kind). Zero-initialise. */
typedef struct qlab_unit_result {
    qlab_panel_part *parts;
    size_t n_parts, cap_parts;
    qlab_panel_tally tally;
    uint64_t n_rows_read;
} qlab_unit_result;
void qlab_unit_result_free(qlab_unit_result *r);

qlab_code qlab_unit_run(const qlab_unit_plan *p, uint32_t bucket, qlab_conn *conn,
                        qlab_unit_result *out, qlab_err *err) QLAB_MUST_USE;
/* Valid bars of the years that the range touches: what the progress line counts. */
uint64_t qlab_unit_total(const qlab_unit_plan *p);

#endif
