/* stat/fdr.h -- many tests at once: adjusted p values.
 *
 *   p    in [0, 1]; NaN = the test does not exist: it is not counted among the tests and its
 *        adjusted value is NaN
 *   out  as long as p, may be the same array
 *
 * An adjusted value is compared with q (or alpha) as it stands: reject where out <= q.
 * Equal p values give equal adjusted ones, and the order of the tests changes no bit.
 *
 * BH  Benjamini and Hochberg, JRSS B 57 (1995): false discovery rate under independence or PRDS.
 * BY  Benjamini and Yekutieli, Ann. Stat. 29 (2001): under any dependence (times sum 1/i).
 * HOLM  Holm, Scand. J. Stat. 6 (1979): family-wise error rate, any dependence.
 */
#ifndef QLAB_STAT_FDR_H
#define QLAB_STAT_FDR_H

#include "base/view.h"

typedef enum qlab_adjust_method {
    QLAB_ADJUST_BH,
    QLAB_ADJUST_BY,
    QLAB_ADJUST_HOLM
} qlab_adjust_method;

/* Returns the number of tests (p present).  Values outside [0, 1] are a bug of the caller. */
size_t qlab_adjust_p(qlab_f64v p, qlab_adjust_method method, qlab_f64w out);

#endif
