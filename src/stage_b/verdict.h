/* stage_b/verdict.h -- a candidate's books to figures, figures to gates, gates to a verdict.
 *
 *   T            sessions of the representative path from the first execution on
 *   sr           net, a session, ddof 1; `annual` = times sqrt(252), for display and for the gates
 *                whose name says so
 *   combination  the test groups of one split, each from the path that the split belongs to
 *   share, ...   shares; money in that of the capital
 * What does not exist is NaN, and a gate on it fails with the reason NO_VALUE.  A path gate of a
 * candidate that learned nothing is NOT_APPLICABLE, which is neither a pass nor a failure.
 *
 * Every draw is keyed by (seed, identity of the trial), and whatever is worked out over several
 * candidates takes them in order of their identities: order and threads change no bit.
 *
 * Sources: METHODS 8 and 13; stat/ for each statistic.
 * Ownership: qlab_b_verdicts owns its arrays.  Threads: uses env->pool; call it outside.
 */
#ifndef QLAB_STAGE_B_VERDICT_H
#define QLAB_STAGE_B_VERDICT_H

#include "stage_b/run_int.h"
#include "stat/pbo.h"
#include "stat/sharpe.h"
#include "stat/spa.h"
#include "stat/trials.h"

typedef enum qlab_b_stress {
    QLAB_B_STRESS_COSTS_2,
    QLAB_B_STRESS_COSTS_3,
    QLAB_B_STRESS_ADV_HALF,
    QLAB_B_STRESS_ONE_LATER,
    QLAB_B_STRESS_CORRELATION,
    QLAB_B_STRESS_WORST_WINDOWS,
    QLAB_B_STRESS_GONE,
    QLAB_B_STRESS_DELISTING,
    QLAB_B_STRESS_COUNT
} qlab_b_stress;
extern const char *const qlab_b_stress_name[QLAB_B_STRESS_COUNT]; /* "costs_x2" */

typedef enum qlab_b_gate {
    QLAB_B_GATE_PSR,
    QLAB_B_GATE_DSR,
    QLAB_B_GATE_SPA,
    QLAB_B_GATE_MIN_TRL,
    QLAB_B_GATE_SHARE_NEGATIVE,
    QLAB_B_GATE_WORST,
    QLAB_B_GATE_PATH_SHARE_NEGATIVE,
    QLAB_B_GATE_PATH_WORST,
    QLAB_B_GATE_DRAWDOWN,
    QLAB_B_GATE_TURNOVER,
    QLAB_B_GATE_CAPACITY,
    QLAB_B_GATE_STRESS, /* and the others of qlab_b_stress after it */
    QLAB_B_GATE_GONE = QLAB_B_GATE_STRESS + QLAB_B_STRESS_COUNT,
    QLAB_B_GATE_COUNT
} qlab_b_gate;
const char *qlab_b_gate_name(qlab_b_gate g); /* "dsr", "stress_costs_x2" */

typedef enum qlab_b_result { QLAB_B_PASS, QLAB_B_FAIL, QLAB_B_NOT_APPLICABLE } qlab_b_result;

typedef struct qlab_b_judged {
    double value, threshold;
    double distance; /* how far it was on the wrong side; 0 when passed, NaN without a value */
    qlab_b_result result;
    const char *reason; /* "OK", "NO_VALUE", "LEARNS_NOTHING", or what failed: "DSR_LOW" */
} qlab_b_judged;

/* p05, p50, p95 of bootstrap draws. */
typedef struct qlab_b_interval {
    double low, middle, high;
} qlab_b_interval;

/* A part of the sessions: a calendar year, or low and high volatility of the market. */
typedef struct qlab_b_bucket {
    char name[24];
    size_t n;
    double mean_net_annual, sharpe_annual; /* NaN below two sessions */
} qlab_b_bucket;
enum { QLAB_B_MOST_BUCKETS = 64 };

typedef struct qlab_b_verdict {
    qlab_digest trial;
    size_t n; /* T */
    int32_t first, last;
    qlab_sharpe sharpe;
    qlab_book_summary book; /* of the representative path */
    double psr_2012, psr_2025, psr, dsr_2012, dsr_2025, dsr, min_trl;
    qlab_spa spa;
    double combinations_negative, draws_negative; /* shares */
    double worst_combination;                     /* annual */
    size_t worst_split;
    double paths_negative, worst_path, median_path; /* annual */
    double block;
    qlab_b_interval bootstrap_sharpe, bootstrap_drawdown, bootstrap_ic; /* sharpe annual */
    double mean_ic;
    size_t n_ic;
    double stress[QLAB_B_STRESS_COUNT]; /* net Sharpe, annual */
    qlab_worst_window window[QLAB_STRESS_WINDOWS];
    size_t n_windows;
    double coverage;
    qlab_b_bucket bucket[QLAB_B_MOST_BUCKETS];
    size_t n_buckets;
    uint32_t n_looks;
    int32_t forward_from;
    double sharpe_before, sharpe_after; /* annual; of the sessions up to and after forward_from */
    size_t n_before, n_after;
    uint32_t cluster; /* among the run's candidates */
    bool is_cluster_head;

    size_t placebo_rank; /* by SR among the placebos and itself, from 1; 0: there were none */

    qlab_b_judged gates[QLAB_B_GATE_COUNT];
    size_t n_failed;
    qlab_b_gate first_failed; /* QLAB_B_GATE_COUNT when none */
    bool passed;              /* every gate */
    bool screened;            /* a stage A survivor */
    bool survives, near_pass;
    size_t rank; /* from 1 */
} qlab_b_verdict;

typedef struct qlab_b_verdicts {
    qlab_b_verdict *at; /* n, in the library's order */
    size_t n;
    uint32_t *by_trial, *by_rank; /* n */
    qlab_trial_field field;       /* N, V and b* over the whole ledger */
    qlab_chain_pin pin;
    qlab_pbo pbo;
    size_t n_clusters; /* of the run's candidates */
    bool selection_exists, selection_passed;
    double spa_block;
    size_t n_survivors;
    /* What luck passes: placebos that pass each of the gates that rest on the base book alone
     * (SIZE_MAX: another gate), and all of those. */
    size_t n_placebos, placebos_passed[QLAB_B_GATE_COUNT], placebos_passed_all;
} qlab_b_verdicts;

/* Net returns of the representative path from the first execution on; borrowed. */
qlab_f64v qlab_b_net(const qlab_stage_b *b, size_t candidate);

/* First and last step of qlab_b_verdicts_make: room, identities and their order; then everything
 * that rests on the books, on the ICs by session (by candidate) and on v->field. */
void qlab_b_verdicts_begin(const qlab_stage_b *b, qlab_b_verdicts *out);
qlab_code qlab_b_verdicts_judge(const qlab_stage_b *b, const qlab_f64v *ic, qlab_b_verdicts *v,
                                qlab_err *err) QLAB_MUST_USE;
/* Reads the ledger up to `pin`, which holds this run's own series. */
qlab_code qlab_b_verdicts_make(const qlab_stage_b *b, const qlab_chain_pin *pin,
                               qlab_b_verdicts *out, qlab_err *err) QLAB_MUST_USE;
void qlab_b_verdicts_free(qlab_b_verdicts *v);

#endif
