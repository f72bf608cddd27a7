/* num/past.h -- functions over an asset's own past: lag, delta, ts_mean ... ts_corr.
 *
 *   bar      a row: one valid bar of one life of an asset, oldest first; NaN and +-Inf are missing
 *   bars k   lag and delta look k bars back; the others look at the last k bars, the current among
 *            them
 *   name     of the panel column that holds it: "ts_mean_20__ret_1d", "lag_5__close",
 *            "ts_corr_60__ret_1d__turnover_ratio".  An expression writes ts_mean(ret_1d, 20)
 *
 * One missing row inside what is looked at makes the result missing.  std has ddof 1; rank is
 * (r - 0.5)/k with the average rank of the current value; corr is Pearson's, missing where a side
 * is constant.  Bits depend on the rows looked at alone, so a column computed in slices equals the
 * column computed in one go.
 *
 * Pure; no allocation; nothing fails.  Cost: O(rows * log k) for mean, std, min, max, else
 * O(rows * k).
 */
#ifndef QLAB_NUM_PAST_H
#define QLAB_NUM_PAST_H

#include "base/view.h"

typedef enum qlab_past_op {
    QLAB_PAST_LAG,
    QLAB_PAST_DELTA,
    QLAB_PAST_MEAN,
    QLAB_PAST_STD,
    QLAB_PAST_MIN,
    QLAB_PAST_MAX,
    QLAB_PAST_RANK,
    QLAB_PAST_CORR,
    QLAB_PAST_OPS
} qlab_past_op;

enum { QLAB_PAST_MAX_BARS = 252, QLAB_PAST_NAME_BYTES = 160 };

const char *qlab_past_op_name(qlab_past_op op); /* "ts_mean" */
bool qlab_past_find(qlab_str word, qlab_past_op *op);
size_t qlab_past_n_columns(qlab_past_op op); /* 2 for ts_corr, else 1 */
uint32_t qlab_past_min_bars(qlab_past_op op);
/* Bars before T that it looks at: k, or k - 1. */
uint32_t qlab_past_lead(qlab_past_op op, uint32_t bars);

typedef struct qlab_past {
    qlab_past_op op;
    uint32_t bars;
    qlab_str column[2]; /* borrowed from the name */
} qlab_past;
/* False for a name that is of no such column. */
bool qlab_past_parse(qlab_str name, qlab_past *out);
/* Writes the name, NUL-terminated; false where it is longer than QLAB_PAST_NAME_BYTES. */
bool qlab_past_name(const qlab_past *p, char out[QLAB_PAST_NAME_BYTES]);

/* out[i] for every row of a (and b, as long; read by ts_corr alone). */
void qlab_past_run(qlab_past_op op, uint32_t bars, qlab_f64v a, qlab_f64v b, qlab_f64w out);

#endif
