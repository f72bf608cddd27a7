/* stage_b/plan.h -- the splits: planned, written, then read back (METHODS 5, 8).
 *
 *   axis     the sessions that stage A left open: ascending dates, each with the nominal last date
 *            of its longest label; nothing sealed is among them
 *   group    adjacent sessions [group_first[g], group_first[g+1])
 *   split    test_groups of the groups; what is not tested trains, less what is purged (its label
 *            interval touches a test block's) and embargoed (it starts too soon after one)
 *   path     for each group one split that tests it: the j-th occurrence of a group, splits in
 *            lexicographic order, belongs to path j
 *
 * The plan is written to folds_manifest.json before anything is evaluated, and the evaluator takes
 * its groups and splits from that file.
 *
 * Ownership: a plan owns its arrays.  Threads: read only.
 * Errors: QLAB_E_USAGE for a design that the sessions cannot carry, naming the numbers and the
 * shipped policy that would fit; QLAB_E_CORRUPT for a manifest that is not of this axis.
 */
#ifndef QLAB_STAGE_B_PLAN_H
#define QLAB_STAGE_B_PLAN_H

#include "base/json.h"
#include "stage_b/policy.h"
#include "stat/cpcv.h"

typedef struct qlab_cpcv_axis {
    const int32_t *sessions;  /* dates */
    const int32_t *label_end; /* dates, of the longest label; >= the session */
    size_t n;
    uint32_t longest_horizon;
} qlab_cpcv_axis;

typedef struct qlab_cpcv_split {
    uint32_t *test; /* n_test groups, ascending */
    uint32_t *path; /* of each of them: the path that this split's scores of the group belong to */
    size_t n_train, n_purged, n_embargoed, n_tested; /* sessions */
} qlab_cpcv_split;

typedef struct qlab_cpcv_plan {
    uint32_t n_groups, n_test;
    size_t n_sessions, embargo;
    size_t *group_first; /* n_groups + 1 */
    qlab_cpcv_split *splits;
    size_t n_splits, n_paths;
    uint32_t *split_of; /* [path * n_groups + group] */
} qlab_cpcv_plan;

qlab_code qlab_cpcv_plan_make(const qlab_stage_b_policy *policy, const qlab_cpcv_axis *axis,
                              qlab_cpcv_plan *out, qlab_err *err) QLAB_MUST_USE;
void qlab_cpcv_plan_free(qlab_cpcv_plan *p);
/* What every session is to a split (qlab_row_use): use[n_sessions]. */
void qlab_cpcv_plan_use(const qlab_cpcv_plan *p, const qlab_cpcv_axis *axis, size_t split,
                        uint8_t *use);

/* Adds method, design, groups, splits and sessions to an artifact that qlab_artifact_begin made. */
void qlab_cpcv_plan_json(const qlab_cpcv_plan *p, const qlab_cpcv_axis *axis, json_t *artifact);
/* The plan in the file, held against the axis. */
qlab_code qlab_cpcv_plan_read(const char *path, const qlab_cpcv_axis *axis, qlab_cpcv_plan *out,
                              qlab_err *err) QLAB_MUST_USE;

#endif
