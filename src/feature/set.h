/* feature/set.h -- a feature set: a manifest that names panel parts; building, listing, updating.
 *
 * features/sets/<asof>_<12 hex>/feature_panel_manifest.json; the id is the digest of (snapshot
 * content, catalogue version and columns, dates, entry, universe rule).  Building plans every part
 * by its name, makes those that do not stand yet (bucket by bucket, year by year, inside the memory
 * limit), and writes the manifest last.  The same command after a kill goes on where it was.
 *
 * Ownership: results are owned by the caller.  Threads: call outside the pool; units are buckets.
 * Errors: QLAB_E_USAGE for a range or column that cannot be; QLAB_E_LOCKED while another build
 * runs; those of reading the lake and writing files.
 */
#ifndef QLAB_FEATURE_SET_H
#define QLAB_FEATURE_SET_H

#include "feature/part.h"

typedef struct qlab_features_options {
    const char *snapshot; /* id, prefix or "latest" */
    int32_t from, to;     /* QLAB_DATE_NONE: first axis session; the snapshot's as-of */
    uint32_t every;       /* 1: every date; N > 1: each N-th axis session from `from` */
    const char *columns;  /* comma-separated; NULL: all */
    qlab_entry entry;
    const qlab_catalogue *catalogue; /* NULL: the built-in one */
} qlab_features_options;
qlab_features_options qlab_features_options_default(void);

typedef struct qlab_features_made {
    char *id, *path; /* of the manifest, relative to the root */
    bool existed;    /* the set stood complete; nothing was done */
    uint64_t n_parts, n_parts_made, n_rows, n_rows_read;
    double seconds;
    json_t *manifest;   /* of a set that update found: its head (inputs, counts) */
    json_t *recomputed; /* of an update that made parts: see feature/reasons.h; else NULL */
} qlab_features_made;
qlab_code qlab_features_build(const qlab_env *env, const qlab_features_options *o,
                              qlab_features_made *out, qlab_err *err) QLAB_MUST_USE;
/* The newest snapshot with the parameters of set `id` ("latest"): a range that ended at the
 * as-of ends at the new one.  Where the set was built on that very content, its folder is all that
 * is looked at: neither snapshot nor parts are opened (a part that was lost is made by build). */
qlab_code qlab_features_update(const qlab_env *env, const char *id, const char *snapshot,
                               qlab_features_made *out, qlab_err *err) QLAB_MUST_USE;
void qlab_features_made_free(qlab_features_made *m);

/* As build; parts that are made again are held to those of the set from_set (a whole id), and
 * out->recomputed says why. */
qlab_code qlab_features_build_from(const qlab_env *env, const qlab_features_options *o,
                                   const char *from_set, qlab_features_made *out,
                                   qlab_err *err) QLAB_MUST_USE;

/* Whole id for a prefix or "latest" (the greatest as-of, then made last); owned by the caller. */
qlab_code qlab_features_resolve(const qlab_env *env, const char *id, char **out,
                                qlab_err *err) QLAB_MUST_USE;
/* The manifest of a whole id; new reference. */
qlab_code qlab_features_manifest(const qlab_env *env, const char *id, json_t **out,
                                 qlab_err *err) QLAB_MUST_USE;

/* Months and dates of a range, for whoever recomputes parts. Owns its arrays. */
typedef struct qlab_range_plan {
    qlab_month_plan *months;
    size_t n_months;
    int32_t *dates; /* axis sessions inside the range; every N-th where asked */
    size_t n_dates;
} qlab_range_plan;
void qlab_range_plan_make(const qlab_snapshot *snap, int32_t from, int32_t to, uint32_t every,
                          qlab_range_plan *out);
void qlab_range_plan_free(qlab_range_plan *p);

#endif
