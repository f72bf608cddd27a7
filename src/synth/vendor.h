/* synth/vendor.h -- inside synth: the folder being made.
 *
 * A qlab_synth_vendor_plan says which asset goes into which pack; making a pack fills in what the
 * registry and the truth files need to know about it.
 *
 * Ownership: the plan owns all below it; the market is borrowed.  Threads: packs are made in
 * parallel, each by one worker, and touch only their own pack and assets.
 */
#ifndef QLAB_SYNTH_VENDOR_H
#define QLAB_SYNTH_VENDOR_H

#include "base/hash.h"
#include "base/json.h"
#include "synth/dirt.h"

typedef struct qlab_synth_fact {
    int32_t ex_date;
    double split;     /* 0: a dividend */
    int64_t dividend; /* 1e-4 */
} qlab_synth_fact;

typedef struct qlab_synth_life {
    int32_t first_date, last_date;
    uint64_t n_bars; /* neither void nor phantom */
} qlab_synth_life;

/* What is true of one asset. */
typedef struct qlab_synth_known {
    qlab_synth_asset asset;
    size_t pack;
    uint64_t n_bars; /* rows in the pack, dirt left out */
    uint64_t n_void, n_phantom;
    qlab_synth_life lives[2];
    qlab_synth_fact *facts;
    size_t n_facts;
} qlab_synth_known;

enum { QLAB_SYNTH_PATH_BYTES = 96 };

typedef struct qlab_synth_pack {
    char path[QLAB_SYNTH_PATH_BYTES]; /* relative to the vendor folder */
    bool is_recipe;
    size_t first, n; /* positions in the plan's order */
    char sha256[QLAB_HEX_BYTES];
    uint64_t n_bytes;
    qlab_synth_dirt_log dirt;
} qlab_synth_pack;

typedef struct qlab_synth_vendor_plan {
    const qlab_synth_market *market;
    const char *out;
    qlab_synth_known *assets; /* by number */
    uint32_t n_assets;
    uint32_t *order; /* numbers, pack after pack */
    uint32_t *by_id; /* numbers in byte order of id */
    qlab_synth_pack *packs;
    size_t n_packs;
    uint64_t n_bars_expected; /* weekdays of all lives: a few percent more than there are bars */
} qlab_synth_vendor_plan;

qlab_synth_vendor_plan *qlab_synth_plan_make(const qlab_synth_market *m, const char *out);
void qlab_synth_plan_free(qlab_synth_vendor_plan *plan);

/* What bars and events say about their asset. */
void qlab_synth_know_bars(qlab_synth_known *k, const qlab_synth_bar *bars, size_t n);
void qlab_synth_know_facts(qlab_synth_known *k, const qlab_synth_series *s);

typedef struct qlab_synth_worker qlab_synth_worker; /* scratch of one worker */
qlab_synth_worker *qlab_synth_worker_new(void);
void qlab_synth_worker_free(qlab_synth_worker *w);

/* Simulates, formats, compresses and writes one pack. */
qlab_code qlab_synth_pack_make(qlab_synth_vendor_plan *plan, size_t pack, qlab_synth_worker *w,
                               qlab_err *err) QLAB_MUST_USE;
/* Appends the line that stands for a pack (synth/recipe.h). */
void qlab_synth_put_recipe(const qlab_synth_vendor_plan *plan, size_t pack, qlab_buf *out);
/* Bytes as a gzip file without name or time, put in place at out/path. sha256 may be NULL. */
qlab_code qlab_synth_put_gzip(const char *out, const char *path, const qlab_buf *text,
                              char sha256[QLAB_HEX_BYTES], uint64_t *n_bytes,
                              qlab_err *err) QLAB_MUST_USE;

/* After all packs: the packs that must be refused (with dirt), the registry, the delistings feed;
 * then the truth. */
qlab_code qlab_synth_put_registry(qlab_synth_vendor_plan *plan, qlab_synth_dirt_log *log,
                                  qlab_err *err) QLAB_MUST_USE;
/* One line of the registry. */
void qlab_synth_put_asset(qlab_buf *out, const qlab_synth_known *k, const char *name,
                          const char *pack, const char *sha256);
/* sectors.csv, the reference file beside the packs. */
qlab_code qlab_synth_put_sectors(const qlab_synth_vendor_plan *plan, qlab_err *err) QLAB_MUST_USE;
/* One action, as the feed and the truth carry it. */
void qlab_synth_put_action(qlab_buf *out, const qlab_synth_asset *a, const qlab_synth_fact *f);
/* One record of delistings, as the feed and the truth carry it. */
void qlab_synth_put_delisting(qlab_buf *out, const qlab_synth_known *k);
qlab_code qlab_synth_put_truth(const qlab_synth_vendor_plan *plan,
                               const qlab_synth_dirt_log *registry_dirt, qlab_synth_result *result,
                               qlab_err *err) QLAB_MUST_USE;
/* The parameters as the manifest carries them: what makes two markets the same. New reference. */
json_t *qlab_synth_params_json(const qlab_synth_params *params);
/* The parameters of a manifest; QLAB_E_CORRUPT, naming `where`, for another generator's. */
qlab_code qlab_synth_params_read(const json_t *o, const char *where, qlab_synth_params *out,
                                 qlab_err *err) QLAB_MUST_USE;

#endif
