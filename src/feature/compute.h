/* feature/compute.h -- columns, labels and eligibility of one asset's calendar year.
 *
 * One pass per (asset, year): series (truth), frames per life, kernels of the catalogue, then the
 * rows of the wanted dates are appended to a qlab_block, asset after asset.  A block holds one
 * bucket's rows of some months; feature/part.h puts them in (date, asset_id) order and writes.
 *
 * Ownership: scratch and block own their arrays.  Threads: one of each a worker.
 * Nothing fails but the label look-ahead, which asks for more bars.
 */
#ifndef QLAB_FEATURE_COMPUTE_H
#define QLAB_FEATURE_COMPUTE_H

#include "feature/catalogue.h"
#include "feature/label.h"
#include "feature/partkey.h"
#include "snapshot/snapshot.h"

/* Rows of one bucket, asset after asset in byte order of asset_id, dates ascending. */
typedef struct qlab_block {
    uint64_t columns; /* filled ones */
    size_t n_columns; /* of the catalogue */
    size_t n, cap;    /* panel rows: bars_seen >= 200 */
    int32_t *date;
    uint32_t *asset; /* position in the bucket */
    double *col[QLAB_FEATURE_MAX_COLUMNS];
    qlab_label_out label;
    size_t n_elig, cap_elig; /* rows of valid bars */
    int32_t *elig_date;
    uint32_t *elig_asset;
    uint8_t *reason;
    double *adv60;     /* median of raw close * raw volume over 60 bars */
    double *adv60_usd; /* the same in US dollars of each bar's date; NaN without a rate */
    /* nulls[month of year 0..11][column][reason], counted while filling */
    uint64_t (*nulls)[QLAB_FEATURE_MAX_COLUMNS][QLAB_NULL_REASONS];
} qlab_block;

void qlab_block_init(qlab_block *b, const qlab_catalogue *c, uint64_t columns);
void qlab_block_clear(qlab_block *b); /* no rows, counts 0; keeps room */
void qlab_block_free(qlab_block *b);
/* Bytes that n panel rows take. */
size_t qlab_block_bytes(const qlab_catalogue *c, uint64_t columns, size_t n_rows);

typedef struct qlab_scratch qlab_scratch; /* of one worker */
qlab_scratch *qlab_scratch_new(void);
void qlab_scratch_free(qlab_scratch *s);

/* The dates wanted of a year: the months' plans, ascending. */
typedef struct qlab_year_plan {
    int32_t year;
    const qlab_month_plan *months;
    size_t n_months;
} qlab_year_plan;

typedef struct qlab_asset_input {
    const qlab_snapshot *snap; /* class, currency, rule, sessions, master */
    uint32_t asset_ix;
    const qlab_bars *bars;
    size_t asset;      /* position in bars */
    int32_t loaded_to; /* bars lack nothing up to here */
    qlab_series_truth truth;
    const qlab_asset_year *years;
    size_t n_years;
    const int32_t *master;
    size_t n_master;
    int32_t asof;
} qlab_asset_input;

/* The input as the snapshot tells it. */
void qlab_asset_input_of(const qlab_snapshot *snap, const qlab_bars *bars, size_t asset,
                         int32_t loaded_to, qlab_asset_input *out);

/* Appends the asset's rows.  Returns false where a label needs bars after loaded_to: those labels
 * are to be filled by qlab_compute_labels once more is loaded (its rows are the block's last ones).
 */
bool qlab_compute_asset(qlab_scratch *s, const qlab_catalogue *c, uint64_t columns,
                        const qlab_asset_input *in, const qlab_year_plan *plan, qlab_entry entry,
                        qlab_block *out);
/* Labels of the asset's rows again, into rows first.. of the block. */
bool qlab_compute_labels(qlab_scratch *s, const qlab_asset_input *in, const qlab_year_plan *plan,
                         qlab_entry entry, qlab_block *out, size_t first);

#endif
