/* stage_a/verdict.h -- a candidate's sessions to metrics, metrics to gates, gates to a verdict.
 *
 * Means over sessions weigh sessions equally and skip nulls.  Units: IC and rank autocorrelation
 * are correlations, decile means and spread are returns over the candidate's horizon, turnover is
 * one way a session, coverage and presumed_gone are shares.  What does not exist is NaN, and a gate
 * on it fails with the reason NO_VALUE.
 *
 * Sources: METHODS 6, 13; stat/har.h and stat/fdr.h for the tests.
 * Ownership: qlab_verdicts owns its arrays.  Pure; nothing fails.
 */
#ifndef QLAB_STAGE_A_VERDICT_H
#define QLAB_STAGE_A_VERDICT_H

#include "stage_a/folds.h"
#include "stage_a/screen.h"
#include "stat/har.h"
#include "stat/ic.h"

typedef struct qlab_metrics {
    size_t n_sessions;
    qlab_ic_summary ic; /* at the candidate's horizon */
    double mean_ic[QLAB_SCREEN_HORIZONS];
    qlab_har har;
    qlab_newey_west nw;
    double decile[QLAB_SCREEN_DECILES];
    double monotonicity; /* Spearman of decile number and mean label */
    double spread, turnover, autocorrelation, coverage, presumed_gone;
    uint64_t n_pairs, n_gone;
} qlab_metrics;

/* every: the axis holds every n-th master session; overlap of labels is counted in its steps. */
qlab_metrics qlab_metrics_of(const qlab_measure *m, size_t n, uint32_t horizon, uint32_t every);

typedef enum qlab_gate_id {
    QLAB_GATE_MEAN_IC,
    QLAB_GATE_WORST_FOLD_IC,
    QLAB_GATE_HAR_T,
    QLAB_GATE_BH_Q,
    QLAB_GATE_SHARE_FOLDS_POSITIVE,
    QLAB_GATE_TURNOVER,
    QLAB_GATE_COVERAGE,
    QLAB_GATE_PRESUMED_GONE,
    QLAB_GATE_COUNT
} qlab_gate_id;
const char *qlab_gate_name(qlab_gate_id g); /* "mean_ic" */

typedef struct qlab_gate {
    double value, threshold;
    double distance; /* how far the value was on the wrong side; 0 when passed, NaN without value */
    bool passed;
    const char *reason; /* "OK", "NO_VALUE", or what failed: "MEAN_IC_LOW" */
} qlab_gate;

typedef struct qlab_verdict {
    qlab_metrics all;
    qlab_metrics *folds; /* n_folds */
    double worst_fold_ic, share_folds_positive;
    double bh_p; /* adjusted over all candidates of the run */
    qlab_gate gates[QLAB_GATE_COUNT];
    size_t n_failed;
    qlab_gate_id first_failed; /* QLAB_GATE_COUNT when it passed */
    bool passed, near_pass;
    size_t rank; /* from 1: passing ones first, then by t of the mean IC, then id */
} qlab_verdict;

typedef struct qlab_verdicts {
    qlab_verdict *at; /* n, in the library's order */
    size_t n, n_folds;
    uint32_t *by_rank; /* n */
} qlab_verdicts;

/* m[c * n_sessions + s] over the test sessions; folds are [test_first, test_end) less first_test.
 */
void qlab_verdicts_make(const qlab_library *lib, const qlab_stage_a_policy *policy,
                        const qlab_fold_plan *folds, uint32_t every, const qlab_measure *m,
                        size_t n_sessions, qlab_verdicts *out);
/* One more candidate, judged as if it stood beside those of the run (its p is adjusted among
 * theirs; theirs stay).  m[n_sessions] as above; out->folds is owned by the caller. */
void qlab_verdict_beside(const qlab_verdicts *run, const qlab_stage_a_policy *policy,
                         const qlab_fold_plan *folds, uint32_t horizon, uint32_t every,
                         const qlab_measure *m, size_t n_sessions, qlab_verdict *out);
void qlab_verdicts_free(qlab_verdicts *v);

/* Measured size (share of false alarms) of the one-sided HAR test at 5 % for a persistent score at
 * horizon h and n sessions: the row of the table at or below n; NaN below the table. */
double qlab_har_measured_size(uint32_t horizon, size_t n, size_t *measured_at);

#endif
