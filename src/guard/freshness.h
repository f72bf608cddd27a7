/* guard/freshness.h -- does the lake hold the bars that an exchange must have had by now?
 *
 * One verdict a class and exchange, on expected sessions (base/holiday.h, overrides): weekdays less
 * the shipped holiday rules up to now - publish_days, never derived from the bars judged.  The lag
 * of an asset is the number of expected sessions after its newest bar; the lag of a group is the
 * smallest one that at least min_share of its live assets keep.  Live: a bar within the last
 * live_sessions expected sessions, and no delisting on record.  Fail-closed: a group whose assets
 * are all silent, or a type asked for that the lake does not hold, is stale.
 *
 * Ownership: the report is a new reference.  Threads: call outside the pool; units are buckets.
 * Errors: QLAB_E_NOT_FOUND where there is no lake; those of reading it.  Staleness is no error
 * here.  Source: METHODS 2 and 12; docs/methods/freshness.md.
 */
#ifndef QLAB_GUARD_FRESHNESS_H
#define QLAB_GUARD_FRESHNESS_H

#include "base/holiday.h"
#include "lake/lake.h"
#include "truth/session.h"

typedef struct qlab_freshness_options {
    uint32_t commit;       /* QLAB_LAKE_LATEST */
    const char *overrides; /* session overrides file; NULL or "" */
    const char *const *types;
    size_t n_types;           /* types that must be there ("STOCK"); 0: those that are */
    int64_t publish_days;     /* calendar days until a session's bars are expected */
    int64_t max_lag_sessions; /* that a fresh group may have */
    int64_t live_sessions;
    double min_share; /* of live assets, in (0, 1] */
} qlab_freshness_options;
qlab_freshness_options qlab_freshness_options_default(void);

/* *report: freshness_report/1; *fresh: every group is. */
qlab_code qlab_guard_freshness(const qlab_env *env, const qlab_freshness_options *o,
                               json_t **report, bool *fresh, qlab_err *err) QLAB_MUST_USE;

/* Is `date` an expected session of an exchange: its holidays, then the overrides. */
bool qlab_guard_is_expected(const qlab_holidays *h, const char *exchange,
                            const qlab_session_override *o, size_t n_overrides, int32_t date);

#endif
