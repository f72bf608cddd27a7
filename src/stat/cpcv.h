/* stat/cpcv.h -- combinatorial purged cross-validation: groups, splits, paths, purging (METHODS 5,
 * 8).
 *
 *   N groups of adjacent rows (master sessions, in date order), k of them the test set of a split:
 *   C(N, k) splits in lexicographic order.  Each group is tested in C(N-1, k-1) of them; its j-th
 *   occurrence, in that order, belongs to path j: so many complete paths there are.
 *
 * Pure functions; preconditions are asserted.  Ranges are half-open.
 *
 * Source: Lopez de Prado, Advances in Financial Machine Learning (2018), ch. 7.4 and 12.
 */
#ifndef QLAB_STAT_CPCV_H
#define QLAB_STAT_CPCV_H

#include "base/view.h"

enum { QLAB_CPCV_MAX_GROUPS = 64 };

/* n! / (k! (n-k)!); UINT64_MAX where it does not fit. */
uint64_t qlab_binomial(uint32_t n, uint32_t k);
uint64_t qlab_cpcv_splits(uint32_t n_groups, uint32_t n_test); /* 1 <= n_test < n_groups */
uint64_t qlab_cpcv_paths(uint32_t n_groups, uint32_t n_test);

/* Rows of group g; the last group takes the remainder. */
void qlab_cpcv_group(size_t n_rows, uint32_t n_groups, uint32_t g, size_t *from, size_t *to);

/* test holds n_test groups, ascending.  next is false after the last split. */
void qlab_cpcv_first(uint32_t n_test, uint32_t *test);
bool qlab_cpcv_next(uint32_t n_groups, uint32_t n_test, uint32_t *test);

typedef enum qlab_row_use {
    QLAB_ROW_TRAIN,
    QLAB_ROW_TEST,
    QLAB_ROW_PURGED,
    QLAB_ROW_EMBARGOED
} qlab_row_use;

/* What becomes of each row when the rows with is_test are tested.
 *   label_end  last row whose information the row's label holds, >= the row itself
 *   embargo    rows after the information of a test block ends in which no train row may start
 * A block is a run of adjacent test rows; its information is [first row, largest label_end in it].
 * A row whose [row, label_end] touches that is purged; one that starts within the embargo after it,
 * and is not purged by any block, is embargoed. */
void qlab_purge(const size_t *label_end, const bool *is_test, size_t n_rows, size_t embargo,
                uint8_t *use);

#endif
