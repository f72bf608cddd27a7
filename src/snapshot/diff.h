/* snapshot/diff.h -- what a later snapshot says otherwise than an earlier one.
 *
 * Both stand in the same root, so an asset has one number in both; the earlier one may also be the
 * newer (then what was inserted reads as gone).  Bars are compared year by year: only a bucket's
 * years whose stored leaves differ are read.
 *
 *   new     a bar dated after the earlier snapshot's as-of
 *   late    a bar dated up to it that the earlier one did not have
 *   revised both have the bar, with other open, high, low, close or volume
 *   gone    the later one does not have the bar (a tombstone, or its as-of lies before the bar)
 *
 * Ownership: a qlab_diff owns its arrays; names are borrowed from the two snapshots, which must
 * outlive it.  Threads: uses env->pool and env->duck; call it outside the pool.
 * Errors: those of reading; QLAB_E_CORRUPT where an asset number has two ids.
 */
#ifndef QLAB_SNAPSHOT_DIFF_H
#define QLAB_SNAPSHOT_DIFF_H

#include "snapshot/snapshot.h"

typedef enum qlab_diff_kind {
    QLAB_DIFF_NEW,
    QLAB_DIFF_LATE,
    QLAB_DIFF_REVISED,
    QLAB_DIFF_GONE,
    QLAB_DIFF_KINDS
} qlab_diff_kind;
const char *qlab_diff_kind_name(qlab_diff_kind k); /* "new", "late", "revised", "gone" */

/* What changed of one asset. */
enum {
    QLAB_DIFF_ADDED = 1,   /* in the later master alone */
    QLAB_DIFF_REMOVED = 2, /* in the earlier master alone */
    QLAB_DIFF_MASTER = 4,  /* class, exchange, mic, currency, country or sector */
    QLAB_DIFF_NEW_BARS = 8,
    QLAB_DIFF_OLD_BARS = 16, /* late, revised or gone ones */
    QLAB_DIFF_ACTIONS = 32,
    QLAB_DIFF_DELISTINGS = 64,
    QLAB_DIFF_LIVES = 128, /* their number or where one begins */
    QLAB_DIFF_ELIGIBILITY = 256
};
typedef struct qlab_diff_asset {
    uint32_t asset_ix;
    unsigned what; /* QLAB_DIFF_* bits, never 0 */
    uint32_t n_bars[QLAB_DIFF_KINDS];
    int32_t bars_first, bars_last; /* dates of changed bars; QLAB_DATE_NONE */
    int32_t old_first, old_last;   /* those of late, revised and gone ones; QLAB_DATE_NONE */
    int32_t facts_first;           /* earliest date of a changed action, delisting or life */
    uint8_t was_reason, is_reason; /* qlab_eligibility in universe.parquet; 255 = not there */
} qlab_diff_asset;

typedef struct qlab_diff_bar { /* a sample */
    uint32_t asset_ix;
    int32_t date;
    double was[5], is[5]; /* O H L C V; NaN = missing, all NaN = no bar */
} qlab_diff_bar;

typedef struct qlab_diff_year {
    uint8_t asset_class; /* qlab_asset_class */
    int32_t year;
    uint64_t n[QLAB_DIFF_KINDS];
} qlab_diff_year;

/* A row of a fact table that one side lacks or says otherwise; NULL = that side has none. */
typedef struct qlab_diff_action {
    const qlab_action *was, *is;
} qlab_diff_action;
typedef struct qlab_diff_delisting {
    const qlab_delisting *was, *is;
} qlab_diff_delisting;
typedef struct qlab_diff_life {
    const qlab_life *was, *is;
} qlab_diff_life;

typedef struct qlab_diff_day {
    const char *exchange;
    int32_t date;
    uint8_t was, is; /* 1 session, 0 none, 255 date not in the calendar */
    bool is_new;     /* dated after the earlier as-of */
} qlab_diff_day;

typedef struct qlab_diff {
    qlab_diff_asset *assets; /* changed ones, by asset_ix */
    size_t n_assets, cap_assets;
    qlab_diff_bar *bars[QLAB_DIFF_KINDS]; /* the first bar of a kind an asset, by asset_id */
    size_t n_bars[QLAB_DIFF_KINDS];
    qlab_diff_year *years; /* by (class, year) */
    size_t n_years;
    qlab_diff_action *actions; /* by asset_ix, then ex_date */
    qlab_diff_delisting *delistings;
    qlab_diff_life *lives;
    size_t n_actions, cap_actions, n_delistings, cap_delistings, n_lives, cap_lives;
    qlab_diff_day *days; /* by exchange, date */
    size_t n_days, cap_days;
    uint64_t reasons[QLAB_ELIGIBILITY_COUNT + 1][QLAB_ELIGIBILITY_COUNT + 1]; /* [was][is]; the last
                                                                          place: not there */
    qlab_snapshot_actions was_actions, is_actions; /* what `actions` points into */
    uint64_t n_rows_read;                          /* bars */
} qlab_diff;
qlab_code qlab_snapshot_diff(const qlab_env *env, const qlab_snapshot *earlier,
                             const qlab_snapshot *later, qlab_diff *out,
                             qlab_err *err) QLAB_MUST_USE;
void qlab_diff_free(qlab_diff *d);
/* The changed asset, or NULL. */
const qlab_diff_asset *qlab_diff_find(const qlab_diff *d, uint32_t asset_ix);
/* The document of `snapshot diff`; at most n_samples of each list; new reference. */
json_t *qlab_diff_json(const qlab_diff *d, const qlab_snapshot *earlier, const qlab_snapshot *later,
                       size_t n_samples);

#endif
