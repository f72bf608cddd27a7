/* vendor/rows.h -- rows as delivered, the rules they must pass, and their sorted, unique form.
 *
 * Shared by every adapter: an adapter makes qlab_raw_bar from its bytes, qlab_raw_bar_check says
 * the first reason against it, good rows go into qlab_rows (columns), and at the end of a pack
 * qlab_rows_settle sorts each asset's rows by date and resolves dates delivered twice.
 *
 * Prices in listing currency as delivered, volume in shares, dates days; NaN = missing; -0 is
 * stored as +0.  `at` is the byte offset of the row in its inflated pack.
 *
 * Ownership: qlab_rows and qlab_segments own their arrays.  Threads: none shared.
 */
#ifndef QLAB_VENDOR_ROWS_H
#define QLAB_VENDOR_ROWS_H

#include "base/view.h"
#include "vendor/quarantine.h"
#include "vendor/reason.h"

enum {
    QLAB_FIELD_OPEN,
    QLAB_FIELD_HIGH,
    QLAB_FIELD_LOW,
    QLAB_FIELD_CLOSE,
    QLAB_FIELD_VOLUME,
    QLAB_FIELD_ADJUSTED,
    QLAB_N_FIELDS
};
const char *qlab_field_name(unsigned field); /* "adjusted_close" */

typedef enum qlab_date_state { QLAB_DATE_EMPTY, QLAB_DATE_BAD, QLAB_DATE_GOOD } qlab_date_state;

typedef struct qlab_raw_bar {
    qlab_date_state date_state;
    int32_t date;
    double v[QLAB_N_FIELDS]; /* NaN = null or absent */
    unsigned bad_fields;     /* bit f: field f was no number, or out of the range of a double */
} qlab_raw_bar;

/* The first reason against a row, or NONE.  now: a later date is FUTURE_DATE. */
qlab_reason qlab_raw_bar_check(const qlab_raw_bar *bar, int32_t now);
enum { QLAB_DETAIL_BYTES = 160 };
/* What was wrong, in words: "high 9.1 was below low 9.4". */
void qlab_raw_bar_explain(const qlab_raw_bar *bar, qlab_reason reason, int32_t now,
                          char out[QLAB_DETAIL_BYTES]);

typedef struct qlab_rows {
    size_t n, cap;
    int32_t *date;
    double *v[QLAB_N_FIELDS];
    uint64_t *at;
} qlab_rows;

void qlab_rows_reserve(qlab_rows *r, size_t need); /* room for `need` rows in all */
void qlab_rows_free(qlab_rows *r);
/* Rows i and j have the same open, high, low, close and volume. */
bool qlab_rows_same(const qlab_rows *r, size_t i, size_t j);

/* Consecutive rows of one line of one asset. slot: the caller's number of the asset. */
typedef struct qlab_segment {
    uint32_t slot;
    uint64_t line;
    size_t first, n;
} qlab_segment;

typedef struct qlab_segments {
    qlab_segment *at;
    size_t n, cap;
} qlab_segments;

void qlab_segments_put(qlab_segments *s, uint32_t slot, uint64_t line, size_t first, size_t n);

typedef struct qlab_counts {
    uint64_t rows_in, rows_good; /* good: passed the rules and unique by (asset, date) */
    uint64_t rows_duplicate, rows_quarantined, rows_not_asked;
    uint64_t by_reason[QLAB_REASON_COUNT];
} qlab_counts;
void qlab_counts_add(qlab_counts *to, const qlab_counts *from);
/* rows_in == good + duplicate + quarantined + not_asked, and the reasons add up to them. */
bool qlab_counts_balance(const qlab_counts *c);

/* Of rows [first, r->n), made by segments [first_segment, s->n): sorts by (slot, date), keeps the
 * last delivered of each date, records the others (DUPLICATE where O, H, L, C and V are equal bits,
 * else DUPLICATE_CONFLICT with the winner), and leaves one segment a slot in ascending slots.
 * duplicate[i] (may be NULL; r->n entries from `first` on, set to 0 or 1): row i replaced another.
 * asset_id_of names a slot for the records. */
typedef struct qlab_settle {
    uint32_t pack_no;
    qlab_str pack;
    qlab_str (*asset_id_of)(void *ctx, uint32_t slot);
    void *ctx;
    qlab_quarantine *quarantine;
    qlab_counts *counts;
} qlab_settle;
void qlab_rows_settle(qlab_rows *r, qlab_segments *s, size_t first, size_t first_segment,
                      uint8_t **duplicate, size_t *cap_duplicate, const qlab_settle *how);

#endif
