/* ingest/ingest.h -- from a vendor folder to one commit of the lake.
 *
 *   plan    registry, pointers, numbers for new assets, which packs are read, units = buckets
 *   unit    packs of a bucket -> rows -> what differs from the lake -> parts, leaves, actions,
 *           records of what was not taken; kept as a job record, so that a killed ingest resumes
 *   finish  asset master, delta parts, account, manifest, one commit, the run folder
 *
 * Nothing is visible before the commit.  An ingest that finds nothing to do leaves no commit and
 * no run.  Row accounting (in = inserted + revised + known + duplicate + quarantined + not asked
 * for) holds for every pack and in total, or the ingest fails with QLAB_E_INTERNAL.
 *
 * Basis: what the vendor's prices and volumes are adjusted for, and the close that factors of the
 * adjusted close divide by; declared, kept in every commit; a change on a lake that has one is
 * QLAB_E_USAGE.
 *
 * Ownership: results own what they hold (qlab_ingest_result_free).  Threads: called outside the
 * pool; uses env->pool and env->duck.
 */
#ifndef QLAB_INGEST_INGEST_H
#define QLAB_INGEST_INGEST_H

#include "base/env.h"
#include "base/json.h"
#include "lake/lake.h"
#include "truth/derive.h"
#include "vendor/csv.h"

typedef enum qlab_ingest_adapter { QLAB_INGEST_V7, QLAB_INGEST_CSV } qlab_ingest_adapter;

typedef struct qlab_ingest_options {
    const char *vendor_dir;
    qlab_ingest_adapter adapter;
    const qlab_csv_style *csv; /* of the CSV adapter; else NULL */
    const char *const *types;  /* "STOCK", ... in either case; n_types 0 = all */
    size_t n_types;
    qlab_basis price_basis, volume_basis;
    qlab_factor_convention convention;
    bool recipes; /* v7: packs of a synthetic market may be recipes (synth/recipe.h) */
    bool rehash;  /* believe no time stamp: read every pack's bytes */
} qlab_ingest_options;

typedef struct qlab_ingest_result {
    bool nothing_to_do;
    uint32_t commit;       /* made, or the one that stands */
    char *run_id;          /* NULL when there was nothing to do */
    json_t *counts;        /* FORMATS 4, and by_reason with packs and registry lines */
    json_t *packs_refused; /* array of {path, reason, detail}; sidecars too */
    json_t *changes;       /* what changed, with examples (docs/formats/ingest.md) */
    size_t n_packs_refused, n_sidecars_refused;
    size_t n_packs, n_packs_read, n_sidecars_read, n_assets; /* packs read whole */
    uint64_t bytes_read;                                     /* compressed */
    double seconds;
} qlab_ingest_result;

/* QLAB_E_CORRUPT or QLAB_E_NOT_FOUND where nothing could be read at all (exit 3).  With
 * env->dry_run it plans, says what it would read and writes nothing. */
qlab_code qlab_ingest_run(const qlab_env *env, const qlab_ingest_options *options,
                          qlab_ingest_result *out, qlab_err *err) QLAB_MUST_USE;
void qlab_ingest_result_free(qlab_ingest_result *r);

/* Deletions of the last ingest that wait for `quantlab ack held:<asset_id>`: appended to all as
 * {id, digest, asset_id, reason, rows_deleted, rows_visible, summary, acknowledged}. */
#define QLAB_INGEST_HELD_PREFIX "held:"
qlab_code qlab_ingest_waiting(const qlab_env *env, json_t *all, qlab_err *err) QLAB_MUST_USE;

#endif
