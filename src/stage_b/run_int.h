/* stage_b/run_int.h -- inside stage_b/: one run while it is made.
 *
 * Not for other modules.  Filled top to bottom by stage_b.c; units read it, each writes an outcome
 * of its own.
 */
#ifndef QLAB_STAGE_B_RUN_INT_H
#define QLAB_STAGE_B_RUN_INT_H

#include "base/env.h"
#include "ops/job.h"
#include "registry/trials.h"
#include "stage_b/lanes.h"
#include "stage_b/stress.h"

/* What is kept of a session of a book. */
typedef enum qlab_daily {
    QLAB_DAILY_GROSS,
    QLAB_DAILY_NET,
    QLAB_DAILY_UNIVERSE,
    QLAB_DAILY_SPREAD,
    QLAB_DAILY_FEE,
    QLAB_DAILY_IMPACT,
    QLAB_DAILY_BORROW,
    QLAB_DAILY_TURNOVER,
    QLAB_DAILY_DROPPED,
    QLAB_DAILY_LONGS,
    QLAB_DAILY_SHORTS,
    QLAB_DAILY_GONE,
    QLAB_DAILY_N_LONG,
    QLAB_DAILY_N_SHORT,
    QLAB_DAILY_COUNT
} qlab_daily;
extern const char *const qlab_daily_name[QLAB_DAILY_COUNT];

/* Books of the representative path that trade otherwise; the other stresses follow from the base
 * book's returns. */
typedef enum qlab_rerun {
    QLAB_RERUN_ADV_HALF,
    QLAB_RERUN_ONE_LATER,
    QLAB_RERUN_GONE,
    QLAB_RERUN_DELISTING,
    QLAB_RERUN_COUNT
} qlab_rerun;

/* What the book of a placebo says: figures of stage_b/verdict.h that follow from it alone. */
enum { QLAB_B_PLACEBO_FIGURES = 13 };
typedef struct qlab_b_placebo {
    /* sr, T, skew, kurtosis, acf1; MinTRL; combinations below 0, worst; drawdown; turnover; SR at
     * costs x2, x3, with the worst windows again */
    double figure[QLAB_B_PLACEBO_FIGURES];
} qlab_b_placebo;

/* What the units say of one candidate. */
typedef struct qlab_outcome {
    size_t n_paths, representative; /* the path with the (lower) median net Sharpe ratio */
    double *path;  /* [(path * QLAB_DAILY_COUNT + column) * n_sessions + session] */
    double *rerun; /* net, [rerun * n_sessions + session] */
    qlab_capacity capacity;
    qlab_correlation_shock correlation;
    uint64_t n_universe, n_scored;
    qlab_b_placebo *placebo; /* of the placebos that permute it, in the order of their numbers */
    size_t n_placebos;
} qlab_outcome;

typedef struct qlab_stage_b {
    const qlab_env *env;
    qlab_panel *panel;
    const qlab_snapshot *snap; /* of the panel */
    qlab_library *lib;
    qlab_expr_known known;
    const char **known_names;
    json_t *screen;   /* stage_a_report.json */
    char *screen_dir; /* its run folder */
    qlab_stage_b_policy policy;
    const char *entry;
    qlab_book_options book;
    qlab_target_rule rule;

    qlab_axis whole; /* the panel's */
    int32_t *label_end;
    qlab_cpcv_axis axis;  /* the open ones */
    qlab_fold_plan folds; /* of the screen */
    size_t n_sealed;
    int32_t first_sealed; /* QLAB_DATE_NONE: nothing */
    int32_t opened_from;  /* sealed for others, opened by this run; QLAB_DATE_NONE: nothing */
    qlab_cpcv_plan plan;

    json_t *inputs;
    char *plan_id; /* who deposits in the ledger: decides the series, not the verdict */
    qlab_digest job_plan;
    char *run_id; /* NULL until the ledger's state is known */
    qlab_job *job;

    qlab_asset_groups assets;
    qlab_env inner; /* env less the memory of the feed: what units may plan with */
    qlab_feed feed;
    double *market_vol;      /* by session: median ewma_vol_20 of the eligible names; NaN = none */
    double market_vol_split; /* its median: low is at most that */
    qlab_digest *trial;      /* by candidate */
    const json_t *rule_json; /* of a trial; borrowed from the snapshot */
    json_t *execution;
    json_t *trained; /* what was learned, by candidate and split; NULL: nothing */
    size_t n_placebos;
    uint32_t *placebo_candidate; /* by placebo: index into the list */
    uint32_t *placebo_heir;      /* [placebo * n_assets + asset]: who is given the asset's place */
    uint32_t **root;             /* by candidate: [path * n_groups + group] */
    qlab_outcome *outcomes;
} qlab_stage_b;

static inline const double *qlab_outcome_path(const qlab_outcome *o, size_t n_sessions, size_t path,
                                              qlab_daily column)
{
    return o->path + (path * QLAB_DAILY_COUNT + (size_t)column) * n_sessions;
}

/* stage_b/train.c: fills root and trained; makes nodes in the library's graph. */
qlab_code qlab_stage_b_train(qlab_stage_b *b, qlab_err *err) QLAB_MUST_USE;
/* stage_b/placebos.c: draws those of the policy, as stage A drew them; then one of them on the
 * targets of its candidate's book. */
qlab_code qlab_stage_b_draw_placebos(qlab_stage_b *b, const qlab_fold_plan *folds,
                                     qlab_err *err) QLAB_MUST_USE;
void qlab_stage_b_placebo(const qlab_stage_b *b, size_t placebo, const qlab_market *market,
                          const qlab_targets *targets, const qlab_book_options *options,
                          qlab_book_work *work, qlab_book_series *series, qlab_b_placebo *out);
/* stage_b/unit.c: every candidate through its books, each a unit of the job. */
qlab_code qlab_stage_b_books(qlab_stage_b *b, qlab_err *err) QLAB_MUST_USE;
/* A fixed candidate's books from its targets, without job or files: for a market in memory. */
void qlab_stage_b_outcome(const qlab_stage_b *b, const qlab_candidate *c,
                          const qlab_targets *targets, qlab_outcome *out);
/* The columns of one book: to[column * n_sessions + session]. */
void qlab_stage_b_keep(const qlab_book_series *s, double *to);
void qlab_stage_b_outcomes_free(qlab_stage_b *b);
qlab_book_options qlab_stage_b_book_of(const qlab_stage_b *b, const qlab_candidate *c);

#endif
