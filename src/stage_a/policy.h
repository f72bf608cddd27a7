/* stage_a/policy.h -- what the screen demands: design of the folds and thresholds of the gates.
 *
 * YAML, shipped (`strict`, `short-history`) or a file.  The hash of the values (not of the text) is
 * part of every run id; a change is a new version.  Units: sessions, shares, one-way turnover a
 * session.  Sources: METHODS 5, 6, 13; docs/methods/stage-a.md.
 *
 * Ownership: a policy owns its name.  Fails: QLAB_E_CONFIG with file:line:column.
 */
#ifndef QLAB_STAGE_A_POLICY_H
#define QLAB_STAGE_A_POLICY_H

#include "base/hash.h"
#include "base/json.h"

typedef struct qlab_stage_a_design {
    int64_t folds, test_sessions, min_train_sessions;
    int64_t embargo_sessions; /* at least; the rule takes the greatest of three */
    double embargo_share;
    int64_t sealed_sessions;
} qlab_stage_a_design;

typedef struct qlab_stage_a_gates {
    double mean_ic, worst_fold_ic, har_t; /* at least */
    double bh_q;                          /* at most */
    double share_folds_positive;          /* at least */
    double turnover;                      /* at most */
    double coverage;                      /* at least */
    double presumed_gone;                 /* at most */
} qlab_stage_a_gates;

typedef struct qlab_stage_a_policy {
    char *name;
    int64_t version;
    qlab_stage_a_design design;
    qlab_stage_a_gates gates;
    int64_t min_names;        /* a session with fewer has no IC */
    int64_t near_pass_gates;  /* failing at most so many is a near pass */
    int64_t doubtful_horizon; /* the t of this horizon and longer is marked; 0 = none */
    int64_t placebos;         /* permuted candidates through the same folds and gates; 0 = none */
    int64_t placebo_seed;
    qlab_digest digest;
} qlab_stage_a_policy;

/* name_or_path: "strict", "short-history" or a file. */
qlab_code qlab_stage_a_policy_load(const char *name_or_path, qlab_stage_a_policy *out,
                                   qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_stage_a_policy_parse(const char *name, const char *text, size_t n,
                                    qlab_stage_a_policy *out, qlab_err *err) QLAB_MUST_USE;
void qlab_stage_a_policy_free(qlab_stage_a_policy *p);
json_t *qlab_stage_a_policy_json(const qlab_stage_a_policy *p); /* new reference; what is hashed */

#endif
