/* feature/partkey.h -- the name of a panel part: a digest of every input that it can reach.
 *
 * Features and eligibility of (month, bucket): for each asset with bars in the month, in byte order
 * of asset_id: its groups; year leaves from the year of its lead date to the year before, month
 * leaves of the year through the month; the asset_years rows of the year, lives and factor steps
 * up to the month's end; its exchange's sessions over that stretch; catalogue version and columns
 * (features) or universe rule (eligibility); the dates asked for.
 * Labels of (month, bucket): month leaves from the month through the month of the last exit
 * session, and on through the first later month that surely holds a valid bar; factor steps and
 * endings of lives in that stretch; master and exchange sessions; the kind of entry. A change
 * outside that reach keeps the name, and so the part (METHODS 3 "Store").
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
#define QLAB_LABEL_VERSION       "3"
#define QLAB_ELIGIBILITY_VERSION "2"

typedef enum qlab_panel_kind {
    QLAB_PANEL_FEATURES,
    QLAB_PANEL_LABELS,
    QLAB_PANEL_ELIGIBILITY,
    QLAB_PANEL_KINDS
} qlab_panel_kind;
const char *qlab_panel_kind_name(qlab_panel_kind kind);

/* What a part reaches, by kind of input: a part that is made again differs in some of these from
 * the one it replaces, and that is why. */
typedef enum qlab_reach {
    QLAB_REACH_PLAN,      /* the dates asked for */
    QLAB_REACH_CATALOGUE, /* columns and versions; the kind of entry */
    QLAB_REACH_UNIVERSE,  /* the rule; which assets have bars, their groups, mic and sector */
    QLAB_REACH_BARS,      /* leaves, and what earlier bars left (asset_years) */
    QLAB_REACH_ACTIONS,   /* factor steps */
    QLAB_REACH_LIVES,     /* where lives begin and end */
    QLAB_REACH_DELISTINGS,
    QLAB_REACH_CALENDAR, /* sessions of the exchange and of the master */
    QLAB_REACH_FX,       /* rates of conversion */
    QLAB_REACHES
} qlab_reach;
const char *qlab_reach_name(qlab_reach r); /* "bars" */
typedef struct qlab_part_reach {
    uint64_t of[QLAB_REACHES]; /* the first 8 bytes of each digest, the first byte highest */
} qlab_part_reach;

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
                       qlab_digest *out, qlab_part_reach *reach, size_t *n_assets,
                       qlab_err *err) QLAB_MUST_USE;
/* The last master session that a label of the month can aim at, or the as-of. */
int32_t qlab_partkey_label_reach(const qlab_snapshot *snap, const qlab_month_plan *month);
/* asset_ix of the bucket in byte order of asset_id; borrowed. */
const uint32_t *qlab_partkeys_by_id(const qlab_partkeys *k);
/* Rows read from bars because an index of leaves was not there. */
uint64_t qlab_partkeys_rows_read(const qlab_partkeys *k);

#endif
