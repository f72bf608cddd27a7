/* ops/job.h -- a plan: units keyed by the hash of their inputs, run on the pool, each once.
 *
 * A job has a folder, <root>/jobs/<16 hex of the plan digest>.  When a unit has succeeded, its
 * record <32 hex of its key>.json is put in place there (base/file.h rule), holding the JSON that
 * the unit gave.  Resume is planning again: a unit whose record stands is not run, its JSON is
 * handed back.  A damaged record is a warning in the log and the unit is done again, so a unit must
 * be idempotent; and so is one whose result names files of the folder, as {"file": name, "sha256":
 * hex} at any depth, that are gone or hold other bytes.  A unit puts its files in place first; its
 * record comes second: a kill between costs one unit, never a record without its files.
 *
 * plan digest  everything that decides what the job makes: parent ids, parameters, versions.
 * key          everything that decides what one unit makes; different for each unit of a run.
 *
 * Ownership: the job owns its results; they live until the next run or the close.
 * Threads: open, run, close on one thread; the unit function runs on the pool's workers.
 * Fails: QLAB_E_LOCKED where another process runs the same plan; what a unit failed with;
 * QLAB_E_CANCELLED at a unit border after SIGINT (the records stand).
 */
#ifndef QLAB_OPS_JOB_H
#define QLAB_OPS_JOB_H

#include "base/env.h"
#include "base/err.h"
#include "base/hash.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

typedef struct qlab_job qlab_job;

typedef struct qlab_job_units {
    const char *step;    /* what the progress line says: "ingest" */
    const char *counted; /* what it counts: "bars" */
    uint64_t total;      /* of what is counted, resumed units included; 0 = unknown */
    size_t n;
    qlab_digest (*key)(void *ctx, size_t unit);
    /* Does one unit. *result: new reference or NULL (recorded as null); *n_counted adds to the
     * progress line. */
    qlab_code (*fn)(void *ctx, size_t unit, size_t worker, json_t **result, uint64_t *n_counted,
                    qlab_err *err);
    void *ctx;
    /* What a unit holds in memory, roughly, in bytes; NULL: little.  A unit waits while those that
     * run leave it too little of the memory limit; alone it always runs. */
    size_t (*bytes)(void *ctx, size_t unit);
} qlab_job_units;

/* Makes or takes up the folder, takes its lock and sweeps what a kill left. */
qlab_code qlab_job_open(const qlab_env *env, const char *name, qlab_digest plan, qlab_job **out,
                        qlab_err *err) QLAB_MUST_USE;
/* Runs the units whose record does not stand. May be called several times with further units. */
qlab_code qlab_job_run(qlab_job *job, const qlab_job_units *units, qlab_err *err) QLAB_MUST_USE;
/* Result of unit i of the last run, borrowed; never NULL (JSON null where the unit gave none). */
const json_t *qlab_job_result(const qlab_job *job, size_t unit);
/* Units of the last run that were taken from their records, and seconds that the last run took. */
size_t qlab_job_resumed(const qlab_job *job);
double qlab_job_seconds(const qlab_job *job);
/* The folder, for files of the work in progress; borrowed. */
const char *qlab_job_dir(const qlab_job *job);
/* Lets go of the job and keeps its folder (to be resumed); NULL is fine. */
void qlab_job_close(qlab_job *job);
/* The job is done and its results are elsewhere: removes the folder and closes, also on failure. */
qlab_code qlab_job_finish(qlab_job *job, qlab_err *err) QLAB_MUST_USE;
/* Removes a job's folder, plan.json last: what a kill leaves of it still says whose it is. */
qlab_code qlab_job_folder_remove(const char *dir, qlab_err *err) QLAB_MUST_USE;
/* Removes the folder of a plan whose product stands already: a kill between putting the product in
 * place and qlab_job_finish leaves it.  None is fine; one that another process holds stays. */
qlab_code qlab_job_forget(const qlab_env *env, qlab_digest plan, qlab_err *err) QLAB_MUST_USE;

#endif
