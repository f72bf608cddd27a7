/* stat/ic.h -- summary of a series of rank ICs (METHODS 6).
 *
 *   ic    one value a master session, in date order; NaN = null (fewer than 30 names) and is
 * skipped n     sessions that have a value
 *
 * Pure functions; they cannot fail: what does not exist is NaN.
 */
#ifndef QLAB_STAT_IC_H
#define QLAB_STAT_IC_H

#include "base/view.h"

typedef struct qlab_ic_summary {
    size_t n;
    double mean;
    double std;  /* ddof 1; NaN below two sessions */
    double icir; /* mean / std, per session, not annualised; NaN where std is 0 */
    double hit;  /* share of sessions with IC > 0 */
} qlab_ic_summary;

qlab_ic_summary qlab_ic_summarize(qlab_f64v ic);

/* Pearson correlation over the sessions where both are present; NaN where a side is constant. */
double qlab_ic_correlation(qlab_f64v a, qlab_f64v b, size_t *n_common);

#endif
