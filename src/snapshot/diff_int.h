/* snapshot/diff_int.h -- shared by the files of the diff only: one bucket's share of it.
 *
 * Ownership: a qlab_diff_part owns its arrays.  Threads: one part is filled by one worker.
 */
#ifndef QLAB_SNAPSHOT_DIFF_INT_H
#define QLAB_SNAPSHOT_DIFF_INT_H

#include "snapshot/diff.h"

typedef struct qlab_diff_part {
    qlab_diff_asset *assets; /* all of the bucket, by place in it */
    qlab_diff_bar *bars[QLAB_DIFF_KINDS];
    size_t n_bars[QLAB_DIFF_KINDS], cap_bars[QLAB_DIFF_KINDS];
    qlab_diff_year *years;
    size_t n_years, cap_years;
    uint64_t n_rows_read;
} qlab_diff_part;

/* diff_bars.c: compares the bars of one bucket. */
qlab_code qlab_diff_bucket(const qlab_snapshot *was, const qlab_snapshot *is, uint32_t bucket,
                           qlab_conn *conn, qlab_diff_part *out, qlab_err *err) QLAB_MUST_USE;
/* The place of (class, year), made where it is not there; sorted. */
qlab_diff_year *qlab_diff_count_year(qlab_diff_year **years, size_t *n, size_t *cap,
                                     uint8_t asset_class, int32_t year);

#endif
