/* registry/trials.h -- the trial ledger: everything that was ever tried, passing or not.
 *
 * One ledger a root (registry/ledgers/trials.ndjson).  A run deposits the candidates that it
 * evaluates with their dated series; later statistics deflate by all of them.
 *
 *   trial       identity: hash of definition, universe rule, horizon, side, execution (METHODS 9)
 *   definition  hash of kind and canonical text alone: what the seal and the forward clock watch
 *   kind        of series: stage A deposits the gross decile spread a session, stage B the daily
 *               net return of the book; kinds are never mixed in a statistic
 *   plan        who deposits: run id of a stage A run, plan digest of a stage B one.  A plan
 *               deposits once, all its trials in one batch; doing it again changes nothing
 *   look        how many plans have deposited the trial up to and with this one
 *   forward_from  forward clock: the newest as-of that this root had deposited when the definition
 *               was first deposited; only later sessions are truly out of sample for it
 *   series      union over the trial's deposits; a date keeps the value it was first deposited with
 *
 * Values lie in registry/series/<16 hex>.parquet (trial, date, value), one file a batch; each
 * ledger line pins its own by content.  Order of a deposit: series file, then lines, then the head.
 *
 * Ownership: results own what is below them.  Threads: one call at a time.
 * Fails: as registry/chain.h; QLAB_E_CORRUPT where a series is not what its line promised.
 */
#ifndef QLAB_REGISTRY_TRIALS_H
#define QLAB_REGISTRY_TRIALS_H

#include "base/arena.h"
#include "base/env.h"
#include "registry/chain.h"

#define QLAB_TRIALS_LEDGER "trials"

typedef enum qlab_trial_kind { QLAB_TRIAL_STAGE_A, QLAB_TRIAL_STAGE_B } qlab_trial_kind;
const char *qlab_trial_kind_name(qlab_trial_kind k); /* "stage_a" */

/* candidate: {id, family, kind, definition, horizon, universe, side} (qlab_candidate_json); id and
 * family do not count.  rule: who is eligible (qlab_eligible_rule_json).  execution: an object with
 * all else that decides the series: entry, every, for a book its costs and limits. */
qlab_digest qlab_trial_id(const json_t *candidate, const json_t *rule, const json_t *execution);
qlab_digest qlab_trial_definition(const json_t *candidate);

/* ---- writing ----------------------------------------------------------------------------------
 */

typedef struct qlab_trial_deposit {
    const json_t *candidate, *rule, *execution; /* borrowed */
    const int32_t *dates;                       /* ascending, no date twice (asserted) */
    const double *values;                       /* NaN: no value that day, not deposited */
    size_t n;
} qlab_trial_deposit;

typedef struct qlab_trial_batch {
    qlab_trial_kind kind;
    const char *plan;
    int32_t asof;
    const qlab_trial_deposit *at;
    size_t n; /* two of one identity are QLAB_E_USAGE */
} qlab_trial_batch;

typedef struct qlab_trials_deposited {
    qlab_chain_pin pin; /* right after this plan's batch, however long the ledger is by now: to be
                           recorded with the plan, and what its statistics read up to */
    bool existed;       /* the plan had deposited; nothing was written */
} qlab_trials_deposited;

/* Needs env->duck.  A plan that deposited something else before is QLAB_E_CORRUPT. */
qlab_code qlab_trials_deposit(const qlab_env *env, const qlab_trial_batch *batch,
                              qlab_trials_deposited *out, qlab_err *err) QLAB_MUST_USE;

/* Opens the sealed sessions for definitions, once each: the event is in the ledger before anything
 * sealed is read.  The same plan again does nothing; one that another plan opened before is
 * QLAB_E_USAGE and nothing is written.  first_sealed: date. */
qlab_code qlab_trials_open_sealed(const qlab_env *env, const char *plan, int32_t asof,
                                  int32_t first_sealed, const json_t *const *candidates, size_t n,
                                  qlab_chain_pin *out, qlab_err *err) QLAB_MUST_USE;

/* ---- reading ----------------------------------------------------------------------------------
 */

typedef struct qlab_trial {
    qlab_digest id, definition;
    const json_t *candidate, *rule, *execution; /* as first deposited; borrowed from the ledger */
    uint32_t n_looks;                           /* of this kind */
    int32_t forward_from, first_asof, last_asof;
    bool opened; /* its definition's sealed sessions were opened */
    int32_t *dates;
    double *values;
    size_t n; /* 0 where no deposit had a value */
} qlab_trial;

typedef struct qlab_trials {
    qlab_trial *at; /* by identity, ascending */
    size_t n;
    qlab_chain_pin pin; /* what was read */
    qlab_rchain *ledger;
} qlab_trials;

/* All trials of a kind up to `upto` (NULL: to the end).  Needs env->duck. */
qlab_code qlab_trials_read(const qlab_env *env, qlab_trial_kind kind, const qlab_chain_pin *upto,
                           qlab_trials *out, qlab_err *err) QLAB_MUST_USE;
void qlab_trials_free(qlab_trials *t);
const qlab_trial *qlab_trials_find(const qlab_trials *t, qlab_digest id); /* NULL: none */

/* Has the plan deposited?  *pin, where it has: the state right after its batch; may be NULL. */
qlab_code qlab_trials_has_plan(const char *root, const char *plan, bool *has, qlab_chain_pin *pin,
                               qlab_err *err) QLAB_MUST_USE;
/* Forward clock of a definition; QLAB_DATE_NONE where it was never deposited. */
qlab_code qlab_trials_forward_from(const char *root, qlab_digest definition,
                                   const qlab_chain_pin *upto, int32_t *out,
                                   qlab_err *err) QLAB_MUST_USE;

/* Reads everything: links, and every series against its line.  Each finding is one line to `say`;
 * a broken chain is one finding and ends the check. */
qlab_code qlab_trials_verify(const qlab_env *env, void (*say)(void *ctx, const char *finding),
                             void *ctx, size_t *n_findings, qlab_err *err) QLAB_MUST_USE;

#endif
