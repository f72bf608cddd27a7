/* feature/leaks.h -- does any stored panel value know the future?
 *
 * A sample of (asset, date) rows is computed again from bars <= date alone, and once more with
 * every later bar, factor and delisting replaced by garbage.  Each value must equal the stored one
 * bit for bit; the eligibility of the row too.  Labels look forward by definition and are left out.
 *
 * Ownership: findings own nothing of the caller.  Threads: runs in the calling thread on worker
 * 0's connection.  Errors: those of reading; a difference is a finding, not an error.
 */
#ifndef QLAB_FEATURE_LEAKS_H
#define QLAB_FEATURE_LEAKS_H

#include "feature/catalogue.h"
#include "snapshot/snapshot.h"

typedef struct qlab_leak {
    char asset_id[64];
    int32_t date;
    char column[32];
    const char *future; /* "cut" or "garbage": what the future was in the recomputation */
    double stored, recomputed;
} qlab_leak;

enum { QLAB_LEAKS_KEPT = 50 };

typedef struct qlab_leaks_report {
    char *id;          /* of the set */
    uint64_t n_rows;   /* rows tried */
    uint64_t n_values; /* values compared, both futures */
    uint64_t n_differences;
    qlab_leak first[QLAB_LEAKS_KEPT];
} qlab_leaks_report;

/* n_rows: how many rows to try (at most as many as there are); env->seed chooses them. */
qlab_code qlab_leaks_check(const qlab_env *env, const char *id, size_t n_rows,
                           const qlab_catalogue *catalogue, qlab_leaks_report *out,
                           qlab_err *err) QLAB_MUST_USE;
void qlab_leaks_report_free(qlab_leaks_report *r);

#endif
