/* stage_a/run_int.h -- inside stage_a/: one run while it is made.
 *
 * Not for other modules.  Filled top to bottom by stage_a.c; units read it, each writes results of
 * its own.
 */
#ifndef QLAB_STAGE_A_RUN_INT_H
#define QLAB_STAGE_A_RUN_INT_H

#include "base/env.h"
#include "ops/job.h"
#include "stage_a/inputs.h"
#include "stage_a/screen.h"
#include "stage_a/verdict.h"

/* Test sessions [first, end) of the axis that lie in one calendar month. */
typedef struct qlab_month_unit {
    int32_t month; /* qlab_date_month_index */
    size_t first, end;
} qlab_month_unit;

typedef struct qlab_stage_a {
    const qlab_env *env;
    qlab_panel *panel;
    const qlab_snapshot *snap; /* of the panel */
    qlab_library *lib;
    qlab_expr_known known; /* numeric columns of the panel; names are borrowed from the catalogue */
    const char **known_names;
    qlab_stage_a_policy policy;
    const json_t *rule; /* who is eligible; the snapshot's */
    json_t *execution;  /* of trials: entry and every */

    qlab_axis axis;
    int32_t *label_end; /* owned; axis.label_end */
    qlab_fold_plan folds;
    size_t first_test, n_test; /* sessions of all folds are axis[first_test, first_test + n_test) */

    json_t *inputs;
    char *run_id;
    qlab_digest plan; /* of the job */

    qlab_screen screen;
    const char **columns; /* of the span; screen.columns */
    qlab_asset_groups assets;

    qlab_month_unit *months;
    size_t n_months;
    qlab_job *job;
    qlab_measure *measures; /* [candidate * n_test + session] */
    qlab_verdicts verdicts;
} qlab_stage_a;

/* stage_a/unit.c: months to measures, through files of the job. */
void qlab_stage_a_months(qlab_stage_a *a, size_t first, size_t end);
qlab_code qlab_stage_a_count_rows(qlab_stage_a *a, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_stage_a_measure(qlab_stage_a *a, qlab_err *err) QLAB_MUST_USE;

/* stage_a/artifact.c: the Parquet files of a run into `dir`. */
qlab_code qlab_stage_a_write_tables(const qlab_stage_a *a, const char *dir,
                                    qlab_err *err) QLAB_MUST_USE;

/* Identity of a candidate of this run as a trial, as 64 hex digits. */
char *qlab_stage_a_trial(const qlab_stage_a *a, const qlab_candidate *c, char out[QLAB_HEX_BYTES]);

/* stage_a/report.c: the report as JSON; new reference. */
json_t *qlab_stage_a_report(const qlab_stage_a *a);

#endif
