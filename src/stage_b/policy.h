/* stage_b/policy.h -- what the confirmation demands: design of the splits and thresholds.
 *
 * The section `stage_b` of a policy file (strategy/shipped.h: `strict`, `short-history`, or a
 * path); the section of the other stage is left unread.  The hash of the values is part of every
 * run id.  Units: sessions, shares, one-way turnover a session, money of the capital; Sharpe ratios
 * annual (252 sessions) where the name says so.  Sources: METHODS 5, 8, 13;
 * docs/methods/stage-b.md.
 *
 * Ownership: a policy owns its name.  Fails: QLAB_E_CONFIG with file:line:column.
 */
#ifndef QLAB_STAGE_B_POLICY_H
#define QLAB_STAGE_B_POLICY_H

#include "base/hash.h"
#include "base/json.h"

typedef struct qlab_stage_b_design {
    int64_t groups, test_groups;
    int64_t min_train_sessions; /* of every split, after purging and embargo */
    int64_t embargo_sessions;   /* at least; the rule takes the greatest of three */
    double embargo_share;
    int64_t cscv_blocks;
    int64_t replications; /* of bootstrap and SPA */
    int64_t placebos;
} qlab_stage_b_design;

typedef struct qlab_stage_b_gates {
    double psr, dsr;               /* at least */
    double spa_p;                  /* at most */
    double share_negative;         /* at most: of combinations and of bootstrap draws */
    double worst_sharpe_annual;    /* at least */
    double max_drawdown;           /* at most */
    double turnover;               /* at most */
    double capacity;               /* at least */
    double min_trl_confidence;     /* MinTRL(0) at this confidence is at most T */
    double stress_sharpe;          /* at least, of every stress */
    double presumed_gone;          /* at most */
    double run_pbo, run_prob_loss; /* the run fails where both are exceeded */
} qlab_stage_b_gates;

typedef struct qlab_stage_b_policy {
    char *name;
    int64_t version;
    qlab_stage_b_design design;
    qlab_stage_b_gates gates;
    int64_t near_pass_gates;
    qlab_digest digest;
} qlab_stage_b_policy;

qlab_code qlab_stage_b_policy_load(const char *name_or_path, qlab_stage_b_policy *out,
                                   qlab_err *err) QLAB_MUST_USE;
void qlab_stage_b_policy_free(qlab_stage_b_policy *p);
json_t *qlab_stage_b_policy_json(const qlab_stage_b_policy *p); /* new reference; what is hashed */

#endif
