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
#include "strategy/learn.h"

/* Test sessions [first, end) of the axis that lie in one calendar month. */
typedef struct qlab_month_unit {
    int32_t month; /* qlab_date_month_index */
    size_t first, end;
} qlab_month_unit;

/* What the learned candidates of a run learn, fold by fold. */
typedef struct qlab_lessons {
    qlab_learn_plan *plan;
    const char **columns; /* of the spans that train: what the plan scores, then the three labels */
    size_t n_columns;
    qlab_learn_split *splits; /* by fold */
    bool *trains;             /* by fold and usable session; so cut and block */
    int32_t *cut;
    uint16_t *block;
    int32_t *cuts; /* of all folds */
    size_t n_cuts;
    qlab_trained *trained; /* [learned * n_folds + fold] */
    size_t n_folds;
} qlab_lessons;

/* A run's placebos: which, what they measured, how they fared. */
typedef struct qlab_placebos {
    size_t n;
    uint32_t *candidate;            /* by placebo */
    uint32_t *source;               /* [placebo * n_assets + asset] */
    qlab_placebo_measure *measures; /* [placebo * n_test + session] */
    qlab_verdict *verdicts;         /* n; rank is not set */
} qlab_placebos;

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

    qlab_lessons lessons;
    uint32_t *root;      /* [candidate * n_folds + fold] */
    int32_t *fold_first; /* dates */
    qlab_placebos placebos;
    uint32_t *by_id;   /* candidates in byte order of id: the order of rows in artifacts */
    uint32_t *cluster; /* by candidate */
    size_t n_clusters;
} qlab_stage_a;

/* stage_a/unit.c: months to measures, through files of the job. */
void qlab_stage_a_months(qlab_stage_a *a, size_t first, size_t end);
qlab_code qlab_stage_a_count_rows(qlab_stage_a *a, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_stage_a_measure(qlab_stage_a *a, qlab_err *err) QLAB_MUST_USE;
/* Key of unit `unit` of the step `what`: the run and the sessions of the month. */
qlab_digest qlab_stage_a_key(const qlab_stage_a *a, const char *what, size_t unit);

/* stage_a/parts.c: a month's rows in one Parquet file of the job's folder,
 * <name>-<YYYY-MM>.parquet. Its record {file, sha256, rows} goes into the unit's, under the same
 * name. */
qlab_code qlab_stage_a_put_part(const qlab_stage_a *a, qlab_conn *conn, const char *name,
                                const qlab_month_unit *m, const qlab_col *cols, size_t n_cols,
                                size_t n_rows, json_t **record, qlab_err *err) QLAB_MUST_USE;
/* n_rows: how many it must have; SIZE_MAX = as many as its record says.  *path is owned by the
 * caller, for messages. */
qlab_code qlab_stage_a_get_part(const qlab_stage_a *a, qlab_conn *conn, const char *name,
                                size_t unit, const char *const *columns, const qlab_type *types,
                                size_t n_cols, size_t n_rows, qlab_table *out, char **path,
                                qlab_err *err) QLAB_MUST_USE;

/* stage_a/lessons.c: before the screen.  Plans what is learned, learns it on the train rows of
 * every fold, and sets root and fold_first. */
void qlab_stage_a_plan_lessons(qlab_stage_a *a);
qlab_code qlab_stage_a_learn(qlab_stage_a *a, qlab_err *err) QLAB_MUST_USE;
/* learned.json into `dir`. */
qlab_code qlab_stage_a_write_lessons(const qlab_stage_a *a, const char *dir,
                                     qlab_err *err) QLAB_MUST_USE;
/* Of one candidate, fold by fold; NULL where it learns nothing.  New reference. */
json_t *qlab_stage_a_lessons_json(const qlab_stage_a *a, size_t candidate);
void qlab_stage_a_forget_lessons(qlab_stage_a *a);

/* stage_a/placebos.c */
qlab_code qlab_stage_a_draw_placebos(qlab_stage_a *a, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_stage_a_put_placebos(const qlab_stage_a *a, qlab_conn *conn,
                                    const qlab_month_unit *m, const qlab_placebo_measure *rows,
                                    json_t **record, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_stage_a_get_placebos(qlab_stage_a *a, qlab_conn *conn, qlab_err *err) QLAB_MUST_USE;
void qlab_stage_a_judge_placebos(qlab_stage_a *a);
/* Placebos with a t of at least the candidate's, and one: its rank among them. */
size_t qlab_stage_a_placebo_rank(const qlab_stage_a *a, const qlab_verdict *v);
json_t *qlab_stage_a_placebos_json(const qlab_stage_a *a); /* new reference */
void qlab_stage_a_free_placebos(qlab_stage_a *a);

/* stage_a/artifact.c: the Parquet files of a run into `dir`. */
qlab_code qlab_stage_a_write_tables(const qlab_stage_a *a, const char *dir,
                                    qlab_err *err) QLAB_MUST_USE;

/* Identity of a candidate of this run as a trial, as 64 hex digits. */
char *qlab_stage_a_trial(const qlab_stage_a *a, const qlab_candidate *c, char out[QLAB_HEX_BYTES]);

/* stage_a/report.c: the report as JSON; new reference. */
json_t *qlab_stage_a_report(const qlab_stage_a *a);

#endif
