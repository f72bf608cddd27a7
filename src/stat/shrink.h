/* stat/shrink.h -- shrunk covariance matrices (Ledoit and Wolf).
 *
 *   x      p series of n values, the same dates; no missing values (asserted)
 *   out    p * p, row-major, symmetric: (1 - intensity) S + intensity * target, S with divisor n
 *
 * IDENTITY              target m I, m the mean variance; intensity min(b^2, d^2)/d^2 with d^2 =
 *                       ||S - m I||^2/p and b^2 = sum_t ||x_t x_t' - S||^2/(n^2 p), Frobenius
 * CONSTANT_CORRELATION  target r sqrt(s_ii s_jj), r the mean correlation; intensity
 *                       (pi - rho)/(gamma n), cut to [0, 1].  A series that does not vary has no
 *                       correlation: its target is that of S
 *
 * Pure functions; n < 2 or p = 0 gives NaN.  Where S already is the target, the intensity is 0.
 * O(n p^2) time.
 *
 * Sources: Ledoit and Wolf, J. Multivariate Analysis 88 (2004), lemma 3.2-3.4 and eq. 14; the same,
 * "Honey, I shrunk the sample covariance matrix", J. Portf. Manag. 30 (2004), appendix B.
 */
#ifndef QLAB_STAT_SHRINK_H
#define QLAB_STAT_SHRINK_H

#include "base/view.h"

typedef enum qlab_shrink_target {
    QLAB_SHRINK_IDENTITY,
    QLAB_SHRINK_CONSTANT_CORRELATION
} qlab_shrink_target;

typedef struct qlab_shrunk {
    size_t n, p;
    double intensity;
    double mean_variance;    /* m */
    double mean_correlation; /* r, over pairs of series that vary; NaN under IDENTITY */
} qlab_shrunk;

qlab_shrunk qlab_shrink(const double *const *x, size_t p, size_t n, qlab_shrink_target target,
                        double *out);

#endif
