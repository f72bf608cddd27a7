/* stage_a/folds.h -- which sessions test and which may train: planned, written, then read back.
 *
 *   axis       master sessions with enough eligible names, ascending (dates)
 *   label_end  nominal last date of the longest label of each session (entry at the next master
 *              session, exit h sessions on); QLAB_DATE_NONE where the as-of comes first
 *
 * An observation at T holds information over [T, label_end(T)].  Sealed sessions are the newest;
 * the last test session is the last whose longest label ends before the first sealed one.  Test
 * blocks are adjacent and end there.  Anchored, expanding: a fold trains on sessions before its
 * block, less those purged because their label reaches the block.  Sessions after a block never
 * train here, so the embargo drops none in this design; its length is recorded all the same.
 *
 * The plan is written to folds_manifest.json before anything is evaluated, and the evaluator takes
 * its sessions from that file.  Source: METHODS 5; Lopez de Prado (2018), ch. 7.
 *
 * Ownership: a plan owns its arrays.  Pure but for the two file functions.
 */
#ifndef QLAB_STAGE_A_FOLDS_H
#define QLAB_STAGE_A_FOLDS_H

#include "base/json.h"
#include "stage_a/policy.h"

typedef struct qlab_axis {
    const int32_t *sessions;
    const int32_t *label_end;
    size_t n;
    uint32_t longest_horizon; /* sessions */
    uint32_t every;           /* the axis holds every n-th master session; 1 */
} qlab_axis;

/* What a session is to one fold. */
typedef enum qlab_fold_role {
    QLAB_ROLE_TRAIN,
    QLAB_ROLE_TEST,
    QLAB_ROLE_PURGED,    /* its label touches the test block */
    QLAB_ROLE_EMBARGOED, /* it starts within the embargo after the block's last label */
    QLAB_ROLE_UNUSED     /* after the block of an expanding fold */
} qlab_fold_role;

/* Roles of sessions [0, n) for the test block [first, end): the one purging rule of the program. */
void qlab_fold_roles(const qlab_axis *axis, size_t n, size_t first, size_t end, size_t embargo,
                     bool expanding, uint8_t *role);

typedef struct qlab_fold {
    size_t test_first, test_end; /* session indices */
    size_t n_train, n_purged, n_embargoed;
    int32_t train_first, train_last;            /* dates */
    int32_t purged_first, purged_last;          /* QLAB_DATE_NONE when none is */
    int64_t train_rows, purged_rows, test_rows; /* labelled, eligible; -1 = not counted */
} qlab_fold;

typedef struct qlab_fold_plan {
    qlab_fold *folds;
    size_t n_folds;
    size_t n_sessions;
    size_t n_usable; /* sessions whose longest label is known before the seal */
    size_t n_sealed;
    size_t embargo;
    int32_t first_sealed; /* date; QLAB_DATE_NONE when nothing is sealed */
} qlab_fold_plan;

/* Sessions that a design needs on an axis: folds x test + train + purged + unlabelled + sealed. */
size_t qlab_folds_needed(const qlab_stage_a_design *d, uint32_t longest_horizon, uint32_t every);
/* QLAB_E_USAGE when the axis is too short: the text names the numbers and the shipped policy that
 * would fit, if one would. */
qlab_code qlab_folds_plan(const qlab_stage_a_policy *policy, const qlab_axis *axis,
                          qlab_fold_plan *out, qlab_err *err) QLAB_MUST_USE;
void qlab_fold_plan_free(qlab_fold_plan *p);

/* Adds design, axis and folds to an artifact that qlab_artifact_begin made. */
void qlab_folds_to_json(const qlab_fold_plan *p, const qlab_axis *axis, json_t *artifact);
/* The plan in the file, held against the axis: QLAB_E_CORRUPT where they disagree. */
qlab_code qlab_folds_read(const char *path, const qlab_axis *axis, qlab_fold_plan *out,
                          qlab_err *err) QLAB_MUST_USE;

#endif
