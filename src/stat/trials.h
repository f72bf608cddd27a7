/* stat/trials.h -- how high a Sharpe ratio must be after so many trials: N and V of the DSR.
 *
 *   series   one a trial, of one kind, by identity (callers sort): ascending dates and the value a
 *            date; present values only
 *   used     a trial whose Sharpe ratio exists (two values at least, and they vary); one without
 *            could never have been chosen, so it is neither in N nor in V, but it is counted
 *   sr       mean / std (ddof 1) a period, over all the trial's dates
 *   cluster  of the used trials: components of |correlation| > 0.9 on >= 250 common dates
 *            (stat/cluster.h), numbered in the order of identities
 *
 * N = number of clusters; V = variance (ddof 1) over clusters of the median sr of their members;
 * benchmark b* = sqrt(V) emax(N), 0 for N = 1 (stat/sharpe.h).  Everything is a period's figure,
 * never annualised.  Source: Bailey and Lopez de Prado, J. Portf. Manag. 40 (2014); METHODS 8.
 *
 * Ownership: the result owns its arrays.  Pure; cannot fail.  Cost and memory: stat/cluster.h, with
 * the union of all dates as axis.
 */
#ifndef QLAB_STAT_TRIALS_H
#define QLAB_STAT_TRIALS_H

#include "base/view.h"

typedef struct qlab_dated {
    const int32_t *dates;
    const double *values;
    size_t n;
} qlab_dated;

typedef struct qlab_trial_field {
    size_t n_trials, n_used;
    size_t n_clusters; /* N */
    double variance;   /* V; NaN where N < 2 */
    double benchmark;  /* b*; NaN where no trial was used */
    double *sr;        /* n_trials; NaN where it does not exist */
    uint32_t *cluster; /* n_trials; UINT32_MAX where not used */
    double *median_sr; /* n_clusters */
} qlab_trial_field;

void qlab_trial_field_of(const qlab_dated *series, size_t n, qlab_trial_field *out);
void qlab_trial_field_free(qlab_trial_field *f);

#endif
