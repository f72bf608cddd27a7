/* num/rank.h -- average ranks and Spearman's correlation of one cross-section.
 *
 * Kernels: no allocation, no I/O, no globals; they cannot fail.  Preconditions are asserted.
 *
 *   x, y      one value a name, in one order of names.  NaN and +-Inf are missing and never ranked;
 *             -0 ties with +0.  n <= 1,000,000.
 *   rank2     TWICE the average rank, 1-based: a whole number, so that every sum below is exact and
 *             no order of names or threads can change a bit.  0 marks a missing value.
 *   scratch   qlab_rank_scratch_bytes(n) bytes, 16-byte aligned, the caller's; one a worker; its
 *             content before and after is of no meaning.
 *
 * Sort: radix on the order-preserving bit pattern of a double; equal values share their mean rank.
 */
#ifndef QLAB_NUM_RANK_H
#define QLAB_NUM_RANK_H

#include "base/view.h"

size_t qlab_rank_scratch_bytes(size_t n);

/* Both return the number of present values. */
size_t qlab_rank_average2(const double *x, size_t n, uint32_t *rank2, void *scratch);
size_t qlab_rank_average(const double *x, size_t n, double *rank,
                         void *scratch); /* NaN = missing */

/* The present names by ascending value, ties in the order of names: `order` gets at most n entries;
 * returns how many. */
size_t qlab_rank_order(const double *x, size_t n, uint32_t *order, void *scratch);

typedef struct qlab_spearman {
    double rho;      /* NaN where n_common < 2 or either side is constant over the common names */
    size_t n_common; /* names with both values */
} qlab_spearman;

/* Spearman's rho over the names where both are present, ranked among themselves. */
qlab_spearman qlab_rank_spearman(const double *x, const double *y, size_t n, void *scratch);

/* One side (the label of a date) ranked once and used against many scores. */
typedef struct qlab_ranked {
    size_t n, n_present;
    uint64_t squares; /* sum of rank2^2 */
    uint32_t *rank2;  /* n, borrowed from the caller */
    uint32_t *order;  /* n, borrowed from the caller: the first n_present are set */
} qlab_ranked;

/* Fills out over the caller's two arrays of n. */
void qlab_rank_cache(const double *y, size_t n, uint32_t *rank2, uint32_t *order, void *scratch,
                     qlab_ranked *out);
/* The same bits as qlab_rank_spearman(x, y, ...), for about half the cost. */
qlab_spearman qlab_rank_spearman_cached(const double *x, const qlab_ranked *y, void *scratch);

#endif
