/* stage_b/stage_b.h -- the narrow, costly confirmation: a screen's run to verdicts on books.
 *
 * A run plans its splits first and writes them, runs every candidate's books (one unit a candidate,
 * recorded, so that a killed run goes on), deposits every series in the trial ledger, judges by all
 * trials that the ledger then holds, and puts
 *
 *   runs/run_id=stage_b_<asof>_<12 hex>/ folds_manifest.json paths.parquet path_returns.parquet
 * stress.parquet gates.parquet survivors_B.parquet stage_b_report.json (trained_models.json)
 *
 * into place at once.  The plan comes from (stage A run, feature set, candidates, execution, seed,
 * policy, results version); the run id from the plan and the ledger's state at its first deposit,
 * so that the same run again does nothing and returns the stored report.
 *
 * Ownership: results are owned by the caller.  Threads: call outside the pool.
 * Errors: QLAB_E_USAGE for a design that the sessions cannot carry, a panel of every n-th session
 * and FX_REQUIRED (nothing was done), QLAB_E_CONFIG for candidates and policies, those of reading
 * the panel and the ledger and of writing files.
 */
#ifndef QLAB_STAGE_B_STAGE_B_H
#define QLAB_STAGE_B_STAGE_B_H

#include "base/env.h"
#include "base/json.h"
#include <stdbool.h>
#include <stdio.h>

typedef struct qlab_stage_b_options {
    const char *stage_a;    /* its run: id, prefix or "latest" */
    const char *candidates; /* the list it screened, where that is a file; NULL = the shipped one */
    const char *policy;     /* shipped policy or file; NULL = "strict" */
    /* Reads the sealed sessions too, once for each definition of the list: the ledger says so
     * before anything of them is read, and refuses a second plan (registry/trials.h). */
    bool open_sealed;
} qlab_stage_b_options;

typedef struct qlab_stage_b_made {
    char *run_id, *dir; /* NULL where it was only planned */
    bool existed;       /* the run stood complete; nothing was done */
    size_t n_survivors;
    json_t *report; /* stage_b_report.json; with env->dry_run the plan of the splits instead */
} qlab_stage_b_made;

qlab_code qlab_stage_b_run(const qlab_env *env, const qlab_stage_b_options *o,
                           qlab_stage_b_made *out, qlab_err *err) QLAB_MUST_USE;
void qlab_stage_b_made_free(qlab_stage_b_made *m);

/* The report of a run ("latest", a whole id or a unique beginning of one); new reference. */
qlab_code qlab_stage_b_load(const qlab_env *env, const char *run, json_t **report,
                            qlab_err *err) QLAB_MUST_USE;
/* How the candidates of a report did in the stage B runs of this root at earlier as-ofs: an array
 * of {id, runs, passed}, runs with the same trial and those of them in which it passed every gate;
 * candidates without such a run are left out.  No part of a run: other runs may come.  New
 * reference. */
qlab_code qlab_stage_b_stability(const qlab_env *env, const json_t *report, json_t **out,
                                 qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_stage_b_print_stability(const json_t *stability, FILE *out,
                                       qlab_err *err) QLAB_MUST_USE;
/* A report, and a plan of splits, for people: at most 80 columns.  candidate: only what the report
 * says of that one (QLAB_E_USAGE where it has none of that id); NULL: the verdict on all. */
qlab_code qlab_stage_b_print(const json_t *report, const char *candidate, FILE *out,
                             qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_stage_b_print_plan(const json_t *plan, FILE *out, qlab_err *err) QLAB_MUST_USE;

#endif
