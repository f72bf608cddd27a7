/* strategy/learn_int.h -- inside strategy/: a learn plan and the look-up in a bank.
 *
 * Not for other modules.
 */
#ifndef QLAB_STRATEGY_LEARN_INT_H
#define QLAB_STRATEGY_LEARN_INT_H

#include "strategy/learn.h"

/* One learned candidate: where its parts stand among the scored roots and its values in a record.
 * oriented, family_best: one rank IC a part; ridge: moments (strategy/ridge.h). */
typedef struct qlab_learned {
    const qlab_candidate *candidate;
    size_t horizon;    /* index: 1, 5, 20 */
    size_t first_root; /* of its n_parts roots */
    size_t offset;     /* of its values */
} qlab_learned;

struct qlab_learn_plan {
    const qlab_library *lib;
    qlab_learned *learned;
    size_t n;
    size_t width;
    uint32_t min_names;
    uint32_t *roots;
    size_t n_roots;
    qlab_score_plan *scores;
    bool uses_horizon[QLAB_LEARN_HORIZONS];
};

/* The values of the rows with label_end < cut; NULL where the bank has no such session. */
const double *qlab_learn_find(const qlab_learn_bank *b, int32_t date, int32_t cut);

#endif
