/* feature/label.h -- forward returns of one asset: entry, exit, settlement, censoring.  Pure.
 *
 * The decision falls at the close of T.  Entry: the first master session after T, at its open (or
 * close).  Exit: h master sessions after the entry, at the same kind of price; without a valid
 * price there, at the next bar of the same life that has one.  The value is
 * X_exit * M / X_entry - 1, M the product of accounting steps with entry < ex_date <= exit, so a
 * dividend whose ex-date is the entry is not earned and one whose ex-date is the exit is.
 * A life that ends before the exit settles by its delisting record, or is presumed gone after 20
 * sessions.  What is not known at the as-of is null (censored).
 *
 *   label_start   date of the entry session
 *   label_end     last date that the value rests on: the exit's bar; the first session after the
 *                 last bar, or the first master session at or after the record's date if that is
 *                 later (delisting); the 20th session missed (presumed gone)
 *
 * Ownership: borrows all.  Threads: pure.  Nothing fails.  Source: METHODS 1, 3.
 */
#ifndef QLAB_FEATURE_LABEL_H
#define QLAB_FEATURE_LABEL_H

#include "truth/action.h"
#include "truth/series.h"

enum { QLAB_LABEL_HORIZONS = 3 };
extern const int qlab_label_horizons[QLAB_LABEL_HORIZONS]; /* 1, 5, 20 */

typedef enum qlab_entry { QLAB_LABEL_NEXT_OPEN, QLAB_LABEL_NEXT_CLOSE } qlab_entry;
const char *qlab_entry_name(qlab_entry e);

typedef enum qlab_label_state {
    QLAB_LABEL_OK,
    QLAB_LABEL_NO_ENTRY, /* no valid price at the entry session: null */
    QLAB_LABEL_CENSORED, /* not known at the as-of: null */
    QLAB_LABEL_DELISTED, /* settled by a delisting record */
    QLAB_LABEL_PRESUMED_GONE,
    QLAB_LABEL_STATES
} qlab_label_state;
const char *qlab_label_state_name(uint8_t state);

typedef struct qlab_label_source {
    const qlab_series *series; /* through loaded_to */
    const qlab_series_truth *truth;
    const int32_t *master; /* master sessions <= asof */
    size_t n_master;
    const qlab_delisting *delistings; /* of this asset */
    size_t n_delistings;
    const char *mic;
    int32_t asof;
    int32_t loaded_to; /* the series lacks no bar up to this date */
    qlab_entry entry;
} qlab_label_source;

/* Column arrays, one place a row. */
typedef struct qlab_label_out {
    double *value[QLAB_LABEL_HORIZONS];
    int32_t *start;
    int32_t *end[QLAB_LABEL_HORIZONS];
    uint8_t *state[QLAB_LABEL_HORIZONS];
} qlab_label_out;

/* Labels of series rows row[0..n-1] (ascending) to out[at..at+n-1].  Returns false where a bar
 * after loaded_to decides: load more and call again. */
bool qlab_label_rows(const qlab_label_source *src, const uint32_t *row, size_t n,
                     const qlab_label_out *out, size_t at);

/* The date on which a life that ended at last_date became presumed gone; QLAB_DATE_NONE when it
 * is not by the as-of. */
int32_t qlab_label_gone_date(int32_t last_date, int32_t asof, const int32_t *master,
                             size_t n_master, const int32_t *session, size_t n_sessions);

#endif
