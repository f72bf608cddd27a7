/* stat/cluster.h -- how many independent trials were there: series that move together are one.
 *
 *   x        n_series rows of n_dates values on one axis of dates; NaN = no value on that date
 *   edge     two series are joined when they have at least min_common dates in common and the
 *            absolute value of their Pearson correlation over those is above `above`
 *   cluster  a connected component of the joined series; numbered from 0 in the order in which the
 *            first member stands, so that callers who sort their series by identity have the same
 *            numbers whatever was evaluated first
 *
 * Series with too few common dates stay apart: what cannot be compared counts as independent, which
 * is the cautious side (more trials, a higher bar).  A constant series stays alone.
 *
 * Pure; allocates scratch; cannot fail.  Cost: n_series^2 / 2 products of n_dates at most; pairs
 * that are joined already are not compared.  Source: METHODS 6 and 8.
 */
#ifndef QLAB_STAT_CLUSTER_H
#define QLAB_STAT_CLUSTER_H

#include "base/view.h"

#define QLAB_CLUSTER_ABOVE 0.9
enum { QLAB_CLUSTER_MIN_COMMON = 250 };

/* Writes the cluster of each series; returns how many there are. */
size_t qlab_cluster_series(const double *x, size_t n_series, size_t n_dates, double above,
                           size_t min_common, uint32_t *cluster);

#endif
