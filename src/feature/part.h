/* feature/part.h -- one part of a panel: features, labels or eligibility of (month, bucket).
 *
 * features/parts/<32 hex>.parquet, named by the digest of what it can reach (feature/partkey.h),
 * rows by (asof_date, asset_id); beside it <32 hex>.json with its hash and counts.  The JSON comes
 * second: where it stands, the part is complete.  A part without rows has the JSON alone.
 * Formats: docs/formats/panel.md.
 *
 * Ownership: see each type.  Threads: one part is written by one worker; names never collide.
 */
#ifndef QLAB_FEATURE_PART_H
#define QLAB_FEATURE_PART_H

#include "feature/compute.h"

typedef struct qlab_panel_part {
    qlab_panel_kind kind;
    int32_t month; /* qlab_date_month_index */
    uint32_t bucket;
    char name[33];   /* 32 hex digits of its key */
    char sha256[65]; /* of the file; "" without rows */
    uint64_t n_rows, n_bytes;
    bool made;             /* by this build; false: it stood already */
    qlab_part_reach reach; /* where made */
} qlab_panel_part;

/* Counts of many parts; zero-initialise, free with qlab_panel_tally_free. */
typedef struct qlab_panel_day {
    int32_t date;
    uint64_t n_rows;                            /* panel rows */
    uint64_t by_reason[QLAB_ELIGIBILITY_COUNT]; /* valid bars by first failing reason */
} qlab_panel_day;
typedef struct qlab_panel_tally {
    uint64_t rows_by_class[QLAB_CLASS_COUNT];
    uint64_t nulls[QLAB_FEATURE_MAX_COLUMNS][QLAB_NULL_REASONS];
    uint64_t labels[QLAB_LABEL_HORIZONS][QLAB_LABEL_STATES];
    qlab_panel_day *days; /* ascending */
    size_t n_days, cap_days;
} qlab_panel_tally;
void qlab_panel_tally_free(qlab_panel_tally *t);
void qlab_panel_tally_merge(qlab_panel_tally *into, const qlab_panel_tally *from);

/* <root>/features/parts; owned by the caller. */
char *qlab_panel_parts_dir(const char *root);
/* Paths of a part; owned by the caller. */
char *qlab_panel_part_path(const char *root, const char *name);
char *qlab_panel_part_json_path(const char *root, const char *name);

/* Takes up a part that stands complete: *found, and its numbers and counts. */
qlab_code qlab_panel_part_find(const char *root, const qlab_catalogue *c, qlab_panel_kind kind,
                               int32_t month, uint32_t bucket, qlab_digest key, bool *found,
                               qlab_panel_part *out, qlab_panel_tally *tally,
                               qlab_err *err) QLAB_MUST_USE;

/* What a part that stands was made from, as its JSON says; *found false where it is not there or
 * does not say. */
qlab_code qlab_panel_part_reach(const char *root, const char *name, bool *found,
                                qlab_part_reach *out, qlab_err *err) QLAB_MUST_USE;

/* What all parts of a bucket share. */
typedef struct qlab_part_writer {
    const char *root;
    const qlab_snapshot *snap;
    const qlab_catalogue *catalogue;
    uint64_t columns; /* of feature parts */
    uint32_t bucket, first_ix;
    qlab_conn *conn;
} qlab_part_writer;

/* Writes the rows of the block that fall on the plan's dates. */
qlab_code qlab_panel_part_write(const qlab_part_writer *w, const qlab_block *block,
                                qlab_panel_kind kind, const qlab_month_plan *month, qlab_digest key,
                                const qlab_part_reach *reach, qlab_panel_part *out,
                                qlab_panel_tally *tally, qlab_err *err) QLAB_MUST_USE;

#endif
