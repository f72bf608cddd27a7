/* stage_a/stage_a.h -- the wide, cheap screen: a panel and a list of candidates to verdicts.
 *
 * A run plans its folds first and writes them, learns what candidates learn on the train rows of
 * each fold, measures every candidate on every test session (one
 * unit a month, recorded, so that a killed run goes on), judges, and puts
 *
 *   runs/run_id=stage_a_<asof>_<12 hex>/ folds_manifest.json learned.json candidates.parquet
 * fold_metrics.parquet ic_series.parquet placebos.parquet survivors_A.parquet trials.parquet
 * stage_a_report.json
 *
 * into place at once.  The id comes from (feature set, candidates, policy, results version): the
 * same run again does nothing and returns the stored report.  Then every candidate that was
 * evaluated, passing or not, is deposited in the trial ledger (registry/trials.h); a run that
 * stands without a deposit, after a kill or from before the ledger, is deposited when it is asked
 * for again.
 *
 * Ownership: results are owned by the caller.  Threads: call outside the pool; units are months.
 * Errors: QLAB_E_USAGE for a design that the panel cannot carry (nothing was done), QLAB_E_CONFIG
 * for candidates and policies, those of reading the panel and writing files.
 */
#ifndef QLAB_STAGE_A_STAGE_A_H
#define QLAB_STAGE_A_STAGE_A_H

#include "base/env.h"
#include "base/json.h"
#include "registry/trials.h"
#include <stdio.h>

typedef struct qlab_stage_a_options {
    const char *features;   /* feature set: id, prefix or "latest" */
    const char *candidates; /* shipped list or file; NULL = "core24" */
    const char *policy;     /* shipped policy or file; NULL = "strict" */
} qlab_stage_a_options;

typedef struct qlab_stage_a_made {
    char *run_id, *dir;
    bool existed; /* the run stood complete; nothing was done */
    size_t n_survivors;
    qlab_trials_deposited deposited; /* not with env->dry_run */
    json_t *report; /* stage_a_report.json; with env->dry_run the plan of the folds instead */
} qlab_stage_a_made;

qlab_code qlab_stage_a_run(const qlab_env *env, const qlab_stage_a_options *o,
                           qlab_stage_a_made *out, qlab_err *err) QLAB_MUST_USE;
void qlab_stage_a_made_free(qlab_stage_a_made *m);

/* The report of a run ("latest", a whole id or a unique beginning of one); new reference. */
qlab_code qlab_stage_a_load(const qlab_env *env, const char *run, json_t **report,
                            qlab_err *err) QLAB_MUST_USE;
/* A report, and a plan of folds, for people: at most 80 columns. */
qlab_code qlab_stage_a_print(const json_t *report, FILE *out, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_stage_a_print_folds(const json_t *folds, FILE *out, qlab_err *err) QLAB_MUST_USE;

/* How a trial of this stage is executed: {"entry": "next_open", "every": 1}; new reference. */
json_t *qlab_stage_a_execution(const char *entry, uint32_t every);
/* Deposits the trials of a complete run (whole id); one that has deposited changes nothing. */
qlab_code qlab_stage_a_deposit(const qlab_env *env, const char *run_id, qlab_trials_deposited *out,
                               qlab_err *err) QLAB_MUST_USE;

typedef struct qlab_stage_a_replayed {
    size_t n_runs, n_deposited;
    size_t
        n_left; /* from before the ledger, and what they were made from is gone: said in the log */
} qlab_stage_a_replayed;
/* The same for every stage A run under the root, in byte order of ids: that of their as-ofs. */
qlab_code qlab_stage_a_replay(const qlab_env *env, qlab_stage_a_replayed *out,
                              qlab_err *err) QLAB_MUST_USE;

/* Numeric columns of the catalogue, which scores may use.  Array owned by the caller, names not. */
const char **qlab_stage_a_columns(size_t *n);

#endif
