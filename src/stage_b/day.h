/* stage_b/day.h -- inside stage_b/: one session of the panel as strategy/score.h wants it.
 *
 * Ownership: a day owns its arrays and is used for one session after another; what it offers holds
 * until the next.  Zero-initialise.  Threads: one a worker.
 */
#ifndef QLAB_STAGE_B_DAY_H
#define QLAB_STAGE_B_DAY_H

#include "stage_a/inputs.h"

typedef struct qlab_b_day {
    size_t first_row, n_rows; /* of the xsec */
    qlab_score_xsec x;
    qlab_score_rows *spaces; /* one a universe of the library; n = 0 where it was not asked for */
    /* private */
    uint32_t **rows;
    size_t n_spaces, cap_rows, cap_cols;
    const double **col;
    uint8_t *asset_class;
    uint32_t *group[QLAB_GROUP_COUNT];
} qlab_b_day;

enum { QLAB_B_ALL_SPACES = -1 };

/* column[i]: place in the xsec of column i of the score plan.  space: the one wanted, or all. */
void qlab_b_day_enter(qlab_b_day *d, const qlab_library *lib, const qlab_asset_groups *assets,
                      const qlab_xsec *x, size_t day, const size_t *column, size_t n_columns,
                      int64_t space);
void qlab_b_day_free(qlab_b_day *d);

#endif
