/* truth/steps.h -- the steps of one asset's adjustment factors: all that a snapshot keeps of TRI.
 *
 * A pure function of the asset's resolved actions and of its valid bars (date, close, life), and of
 * nothing else: an asset whose actions and bars stand keeps its steps, to the bit, so that a new
 * snapshot may take them over from the one before.  Adjustment runs forward from the first bar of
 * a life; a later action never changes an earlier step.
 *
 * Units: steps are dimensionless factors; closes in listing currency.
 * Ownership: *out is grown with qlab_grow and owned by the caller.
 * Threads: pure.  Nothing fails.  Source: METHODS 1.
 */
#ifndef QLAB_TRUTH_STEPS_H
#define QLAB_TRUTH_STEPS_H

#include "truth/action.h"

/* What happens to the factors on one ex-date, all actions of the date together.  For a date
 * without a bar the step acts on the next valid bar of the life. */
typedef struct qlab_step {
    uint32_t asset_ix;
    uint16_t life_no;
    int32_t ex_date;
    double split_step;      /* product of r */
    double signal_step;     /* split_step, times c of untyped factors */
    double accounting_step; /* r*(1 + d/(r*C_t)) delivered; c derived */
    bool untyped;
} qlab_step;

/* Appends the steps by (life_no, ex_date).  actions: resolved, ascending by ex_date; those
 * in_basis, and those that act on the first bar of a life or after the last bar, make none.
 * date, close, life_no: the n valid bars. */
void qlab_steps_make(const qlab_action *actions, size_t n_actions, uint32_t asset_ix,
                     const int32_t *date, const double *close, const uint16_t *life_no, size_t n,
                     qlab_step **out, size_t *n_out, size_t *cap_out);

#endif
