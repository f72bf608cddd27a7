/* calibrate/calibrate.h -- what the gates let through: simulated markets through both stages.
 *
 *   set      one simulated market (calibrate/sim.h) with its candidates, taken through the screen,
 *            the verdicts of stage A, books, figures, tests and gates of stage B by the functions
 *            that runs use
 *   rate     share of candidates, or of sets where the name says so
 *   sharpe   annual, net, of a candidate's book
 *
 * In sets of noise the books trade free of costs: costs would hide how often chance alone passes.
 * Planted sets pay them.  Sets are the units of the pool; a set is a pure function of (options,
 * number), so threads change no bit.
 *
 * Ownership: results own their arrays.  Threads: call outside the pool.
 * Errors: QLAB_E_USAGE where the policy's design does not fit the sessions, QLAB_E_CONFIG for a
 * policy; cancellation between sets.  Source: METHODS 8; docs/methods/calibration.md.
 */
#ifndef QLAB_CALIBRATE_CALIBRATE_H
#define QLAB_CALIBRATE_CALIBRATE_H

#include "base/env.h"
#include "base/json.h"
#include "calibrate/sim.h"
#include "stage_a/verdict.h"
#include "stage_b/verdict.h"
#include <stdio.h>

/* One candidate of one set. */
typedef struct qlab_calibrated {
    bool a_gate[QLAB_GATE_COUNT], b_gate[QLAB_B_GATE_COUNT]; /* passed */
    bool applies[QLAB_B_GATE_COUNT];
    bool a, b, survives;
    double har_p[QLAB_SCREEN_HORIZONS]; /* over all open sessions, at 1, 5 and 20 sessions */
    double sharpe, psr, dsr, spa_p;
    double autocorrelation; /* mean rank autocorrelation of its scores */
} qlab_calibrated;

typedef struct qlab_calibrated_set {
    qlab_calibrated *at;  /* by candidate */
    size_t n, n_sessions; /* n_sessions: open ones */
    double pbo, prob_loss;
    size_t n_clusters;
    bool selection_passed;
    double *net; /* by candidate and session of its book; NULL unless asked for */
    size_t n_net;
} qlab_calibrated_set;

typedef struct qlab_calibrate_options {
    qlab_sim_options sim;
    const char *policy; /* NULL = "strict" */
    size_t n_sets;
    double cost_scale;
    bool keep_net;
} qlab_calibrate_options;

/* Sets 0..n_sets-1; out has n_sets places. */
qlab_code qlab_calibrate_sets(const qlab_env *env, const qlab_calibrate_options *o,
                              qlab_calibrated_set *out, qlab_err *err) QLAB_MUST_USE;
void qlab_calibrated_sets_free(qlab_calibrated_set *sets, size_t n);

typedef struct qlab_calibrate_plan {
    qlab_sim_options sim; /* edge and n_planted are set below */
    const char *policy;
    size_t n_noise, n_planted; /* sets; of planted ones, so many for each edge */
    const double *edges;       /* ascending */
    size_t n_edges;
} qlab_calibrate_plan;

/* Noise, then planted sets with one planted candidate: {"noise": ..., "planted": [...],
 * "sharpe_at_half_power": ...}; new reference. */
qlab_code qlab_calibrate(const qlab_env *env, const qlab_calibrate_plan *p, json_t **report,
                         qlab_err *err) QLAB_MUST_USE;
/* For people: at most 80 columns. */
void qlab_calibrate_print(const json_t *report, FILE *out);

#endif
