/* num/xsec.h -- transforms of one cross-section: z-score, rank, demean, neutralise, each by group.
 *
 * Kernels: no allocation, no I/O, no globals; they cannot fail.  Preconditions are asserted.
 *
 *   x        one value a name, names in byte order of asset_id (sums run in the order given).
 *            NaN and +-Inf are missing: they take no part and give NaN.
 *   group    one code a name in [0, n_groups), or QLAB_XSEC_NO_GROUP (the name gets NaN);
 *            NULL = all names are one group (n_groups is then ignored).
 *   out      as long as x; may be the same array as x, else must not overlap.
 *   scratch  qlab_xsec_scratch_bytes(n, n_groups, n_regressors), 16-byte aligned, one a worker.
 *
 * A group in which the statistic does not exist gives NaN for all its names.
 */
#ifndef QLAB_NUM_XSEC_H
#define QLAB_NUM_XSEC_H

#include "base/view.h"

#define QLAB_XSEC_NO_GROUP UINT32_MAX

size_t qlab_xsec_scratch_bytes(size_t n, size_t n_groups, size_t n_regressors);

/* Winsorised at median +- 5 * 1.4826 * MAD where MAD > 0, then (x - mean) / std, ddof 1.  NaN where
 * fewer than two names are present or std is 0. */
void qlab_xsec_z(qlab_f64v x, const uint32_t *group, size_t n_groups, qlab_f64w out, void *scratch);
/* (r - 0.5) / n with average ranks r of the n present names: inside (0, 1). */
void qlab_xsec_rank(qlab_f64v x, const uint32_t *group, size_t n_groups, qlab_f64w out,
                    void *scratch);
void qlab_xsec_demean(qlab_f64v x, const uint32_t *group, size_t n_groups, qlab_f64w out,
                      void *scratch);
/* Residual of the least-squares fit of y on a constant and n_x regressors (each as long as y), over
 * the names where all are present; the others get NaN.  A regressor that the constant and those
 * before it explain to 1e-10 of its spread is left out (so a repeated one changes nothing).  Fewer
 * names than fitted coefficients + 1: NaN.  Orthogonalised twice (Householder-grade accuracy). */
void qlab_xsec_neutralize(qlab_f64v y, const qlab_f64v *x, size_t n_x, const uint32_t *group,
                          size_t n_groups, qlab_f64w out, void *scratch);

/* Exact order statistics of the present values (NaN when there is none); scratch: n doubles.
 * Even count: the mean of the two middle ones. */
double qlab_xsec_median(qlab_f64v x, double *scratch);
/* Median of |x - centre|, not scaled. */
double qlab_xsec_mad(qlab_f64v x, double centre, double *scratch);

#endif
