/* stage_a/cross.h -- a panel's sessions as cross-sections that the scorer reads.
 *
 *   space   the rows of one universe of the library on one session, ascending
 *   group   codes by row of the panel: class, exchange, currency, sector
 *
 * One walk over the sessions of a span: qlab_cross_day moves to a session and selects its spaces.
 *
 * Ownership: borrows the span and the groups of the assets; owns its arrays.  Threads: one a
 * worker.  Nothing fails.
 */
#ifndef QLAB_STAGE_A_CROSS_H
#define QLAB_STAGE_A_CROSS_H

#include "feature/panel.h"
#include "strategy/candidate.h"
#include "strategy/score.h"

typedef struct qlab_cross_groups {
    const uint8_t *asset_class;              /* by asset, as group */
    const uint32_t *group[QLAB_GROUP_COUNT]; /* NULL where this panel has none */
    size_t n_groups[QLAB_GROUP_COUNT];
} qlab_cross_groups;

typedef struct qlab_cross {
    const qlab_library *lib;
    const qlab_xsec *x;
    const char *const *columns; /* of the span */
    size_t n_columns;
    size_t n_groups[QLAB_GROUP_COUNT];
    uint8_t *row_class;                    /* by row of the span */
    uint32_t *row_group[QLAB_GROUP_COUNT]; /* by row of the span */
    size_t n_max;                          /* most rows of a session, at least 1 */
    uint32_t **rows;                       /* by space: rows of the session at hand */
    qlab_score_rows *spaces;               /* by space, of the session at hand */
    const double **col;                    /* of the plan that was asked last */
    size_t cap_col;
} qlab_cross;

void qlab_cross_init(qlab_cross *c, const qlab_library *lib, const qlab_cross_groups *groups,
                     const qlab_xsec *x, const char *const *columns, size_t n_columns);
void qlab_cross_free(qlab_cross *c);
void qlab_cross_day(qlab_cross *c, size_t day);
/* The session as a plan wants it; borrowed until the next call.  Every column of the plan is among
 * the span's (asserted). */
qlab_score_xsec qlab_cross_for(qlab_cross *c, const qlab_score_plan *plan, size_t day);
/* Place of a column in the span; it must be there (asserted). */
size_t qlab_cross_column(const char *const *columns, size_t n_columns, const char *name);

#endif
