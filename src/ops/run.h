/* ops/run.h -- immutable folders that come into being at once, and what is said beside them.
 *
 * A folder (run, snapshot) is built elsewhere under the root, below a job's folder, and renamed
 * into place last.  What depends on time, host, paths or threads lives only in `*.run.json` files;
 * everything else has the same bytes for the same inputs.
 *
 * run_id = <kind>_<asof>_<12 hex>, the hex of canonical JSON {inputs, policy, results_version}.
 *
 * Ownership: returned strings are owned by the caller (qlab_free).  Threads: no shared state.
 */
#ifndef QLAB_OPS_RUN_H
#define QLAB_OPS_RUN_H

#include "base/env.h"
#include "base/err.h"
#include "base/hash.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* inputs: object of ids and content digests; policy: NULL where none counts. asof may be
 * QLAB_DATE_NONE: then "none" stands for it. */
char *qlab_run_id(const char *kind, int32_t asof, const json_t *inputs, const qlab_digest *policy);
/* <root>/runs/run_id=<id> */
char *qlab_run_dir(const qlab_env *env, const char *run_id);
/* True where the run stands complete (its folder is there: it came into place whole). */
bool qlab_run_exists(const qlab_env *env, const char *run_id);
/* The first four members of every JSON artifact: schema, results_version, run_id, inputs (takes a
 * new reference of inputs). New object. run_id may be NULL (then it is left out). */
json_t *qlab_artifact_begin(const char *schema, const char *run_id, json_t *inputs);

/* Syncs every file below `built` and its folders, then renames it to `final_dir` (parents are
 * made).  QLAB_E_EXISTS where final_dir is there already: then `built` is left to the caller. */
qlab_code qlab_folder_publish(const char *built, const char *final_dir,
                              qlab_err *err) QLAB_MUST_USE;

/* What *.run.json holds: schema, generated_at, command_line, host, program_version, program_commit,
 * results_version, now, seconds, threads, memory_limit_bytes, peak_rss_bytes. New object; callers
 * may add members (rates, step seconds). */
json_t *qlab_run_record(const qlab_env *env, double seconds);
/* The commit that the program was built from, as *.run.json has it. */
const char *qlab_program_commit(void);
/* Writes `record` beside an artifact: "x/stage_a_report.json" gives "x/stage_a_report.run.json". */
qlab_code qlab_run_record_write(const char *artifact_path, const json_t *record,
                                qlab_err *err) QLAB_MUST_USE;

/* Finds one entry "<prefix><id>" of a folder: `text` is an id, a unique beginning of one, or
 * "latest" (qlab_id_latest).  what: "snapshot", for messages.
 * *id is without the prefix.  None: QLAB_E_NOT_FOUND; several: QLAB_E_USAGE, naming them. */
qlab_code qlab_id_resolve(const char *folder, const char *prefix, const char *what,
                          const char *text, char **id, qlab_err *err) QLAB_MUST_USE;

/* What "latest" is everywhere, of the entries that begin with prefix: the greatest as-of; of those,
 * the one generated last, as its *.run.json says (equal seconds: the folder's time; names in byte
 * order after that).  *found is one of names; NULL: none. */
qlab_code qlab_id_latest(const char *folder, char *const *names, size_t n, const char *prefix,
                         const char **found, qlab_err *err) QLAB_MUST_USE;

#endif
