/* strategy/score.h -- the one scoring function: expressions over one date's cross-section.
 *
 * Stage A, stage B and the portfolio all score through here, so that the same candidate on the same
 * rows has the same bits everywhere.
 *
 *   plan   which nodes of a graph are worked out, in which order and in which arrays: each part
 * once, its array given on as soon as nobody needs it.  Made from any choice of roots; the bits of
 * a score do not depend on the other roots. xsec   one date: columns over the date's rows, rows in
 * byte order of asset_id; NaN = null. space  the rows of one universe (ascending); a score has one
 * value for each of them.
 *
 * Ownership: a plan borrows its graph; a work owns scratch arrays and belongs to one worker.
 * Threads: a finished plan is read only and may be shared.  Scoring cannot fail.
 */
#ifndef QLAB_STRATEGY_SCORE_H
#define QLAB_STRATEGY_SCORE_H

#include "strategy/expr.h"

typedef struct qlab_score_plan qlab_score_plan;
typedef struct qlab_score_work qlab_score_work;

qlab_score_plan *qlab_score_plan_new(const qlab_expr_graph *g, const uint32_t *roots,
                                     size_t n_roots);
void qlab_score_plan_free(qlab_score_plan *p);
/* Columns to load, in the order of qlab_score_xsec.col. */
size_t qlab_score_plan_columns(const qlab_score_plan *p, const char *const **names);
bool qlab_score_plan_uses_group(const qlab_score_plan *p, qlab_group g);
size_t qlab_score_plan_steps(const qlab_score_plan *p);  /* parts worked out a date */
size_t qlab_score_plan_arrays(const qlab_score_plan *p); /* arrays of n doubles held at once */

typedef struct qlab_score_rows {
    const uint32_t *at; /* rows of the xsec, ascending */
    size_t n;
} qlab_score_rows;

typedef struct qlab_score_xsec {
    size_t n_rows;
    const double *const *col; /* one array of n_rows a column of the plan */
    /* Group codes of the rows, in [0, n_groups[g]); NULL where the plan does not use them. */
    const uint32_t *group[QLAB_GROUP_COUNT];
    size_t n_groups[QLAB_GROUP_COUNT];
    const qlab_score_rows *spaces; /* one a space of the graph that the plan uses */
} qlab_score_xsec;

/* Is told each root's score once, in the order the plan finishes them (fixed by the plan). `score`
 * has spaces[space].n values and is borrowed until the call returns. */
typedef void (*qlab_score_sink)(void *ctx, size_t root, uint32_t space, const double *score,
                                size_t n);

qlab_score_work *qlab_score_work_new(void);
void qlab_score_work_free(qlab_score_work *w);
void qlab_score_run(const qlab_score_plan *p, const qlab_score_xsec *x, qlab_score_work *w,
                    qlab_score_sink sink, void *ctx);

#endif
