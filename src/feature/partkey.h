/* feature/partkey.h -- the name of a panel part: a digest of every input that it can reach.
 *
 * Features and eligibility of (month, bucket): for each asset with bars in the month, in byte order
 * of asset_id: its groups; year leaves from the year of its lead date to the year before, month
 * leaves of the year through the month; the asset_years rows of the year, lives and factor steps
 * up to the month's end; its exchange's sessions over that stretch; catalogue version and columns
 * (features) or universe rule (eligibility); the dates asked for.
 * Labels of (month, bucket): month leaves from the month through the month of the last exit
 * session, and on through the first later month with bars; factor steps and endings of lives in
 * that stretch; master and exchange sessions; the kind of entry.
 * A change outside that reach keeps the name, and so the part (METHODS 3 "Store").
 *
 * Month leaves come from the lake's index (newest four years) and are computed from bars for older
 * years and for a month that the as-of cuts.
 *
 * Ownership: a qlab_partkeys owns its tables.  Threads: belongs to one worker.
 */
#ifndef QLAB_FEATURE_PARTKEY_H
#define QLAB_FEATURE_PARTKEY_H

#include "feature/catalogue.h"
#include "feature/label.h"
#include "snapshot/snapshot.h"

/* Bumped when labels or eligibility parts change for the same inputs. */
#define QLAB_LABEL_VERSION       "2"
#define QLAB_ELIGIBILITY_VERSION "1"

typedef enum qlab_panel_kind {
    QLAB_PANEL_FEATURES,
    QLAB_PANEL_LABELS,
    QLAB_PANEL_ELIGIBILITY,
    QLAB_PANEL_KINDS
} qlab_panel_kind;
const char *qlab_panel_kind_name(qlab_panel_kind kind);

/* What is asked for of one calendar month. */
typedef struct qlab_month_plan {
    int32_t month;       /* qlab_date_month_index */
    int32_t first, last; /* dates, inclusive: the month clipped to the range */
    const int32_t *only; /* with --every N: the as-of dates of the month; NULL = every date */
    size_t n_only;
} qlab_month_plan;

typedef struct qlab_partkeys qlab_partkeys;

qlab_code qlab_partkeys_open(const qlab_snapshot *snap, qlab_conn *conn, uint32_t bucket,
                             qlab_partkeys **out, qlab_err *err) QLAB_MUST_USE;
void qlab_partkeys_close(qlab_partkeys *k);
/* *n_assets: assets of the bucket with bars in the month; 0 means that there is no part.
 * features: the catalogue digest of the columns. */
qlab_code qlab_partkey(qlab_partkeys *k, qlab_conn *conn, qlab_panel_kind kind,
                       const qlab_month_plan *month, qlab_digest features, qlab_entry entry,
                       qlab_digest *out, size_t *n_assets, qlab_err *err) QLAB_MUST_USE;
/* asset_ix of the bucket in byte order of asset_id; borrowed. */
const uint32_t *qlab_partkeys_by_id(const qlab_partkeys *k);
/* Rows read from bars because an index of leaves was not there. */
uint64_t qlab_partkeys_rows_read(const qlab_partkeys *k);

#endif
