/* stage_b/rehearse.h -- stage B on a market in memory: the same books, figures, tests and gates as
 * a run, without panel, job, ledger or files.  For calibration (calibrate/calibrate.h).
 *
 * The candidates' own series are all the trials there are: N and V of the DSR come from them alone.
 *
 * Ownership: the input is borrowed during the call; verdicts are the caller's
 * (qlab_b_verdicts_free).  Threads: env->pool is used; call it outside.
 * Errors: QLAB_E_USAGE for a design that the sessions cannot carry; cancellation.
 */
#ifndef QLAB_STAGE_B_REHEARSE_H
#define QLAB_STAGE_B_REHEARSE_H

#include "stage_b/verdict.h"

typedef struct qlab_rehearsal {
    const qlab_library *lib;   /* fixed candidates */
    const qlab_market *market; /* its sessions are those of the axis */
    const qlab_cpcv_axis *axis;
    const qlab_targets *targets; /* by candidate: one a session */
    const qlab_f64v *ic;         /* by candidate: rank ICs by session */
    const bool *screened;        /* by candidate: stage A let it through */
    const qlab_stage_b_policy *policy;
    double cost_scale; /* of the base book: 1; 0 = free of costs */
} qlab_rehearsal;

/* net (may be NULL): by candidate and session from the first execution on, [candidate * (n - 1) +
 * session]; room for lib->n times one less than the market's sessions. */
qlab_code qlab_stage_b_rehearse(const qlab_env *env, const qlab_rehearsal *r, double *net,
                                qlab_b_verdicts *out, qlab_err *err) QLAB_MUST_USE;

#endif
