/* synth/day_int.h -- inside synth: one day being written (synth/day.h). */
#ifndef QLAB_SYNTH_DAY_INT_H
#define QLAB_SYNTH_DAY_INT_H

#include "synth/day.h"
#include "synth/days.h"

/* What became of a pack today. */
typedef struct qlab_synth_day_pack {
    bool is_whole, is_touched;
    uint64_t n_assets, n_bars;                /* touched; new or changed */
    char sidecar[QLAB_SYNTH_PATH_BYTES + 64]; /* "" = none */
} qlab_synth_day_pack;

typedef struct qlab_synth_day_job {
    const qlab_env *env;
    const char *out;
    qlab_synth_day_options options;
    qlab_synth_params params; /* of the folder, with today among its days */
    uint32_t day;
    uint32_t *n_odd; /* [day] */
    char **past;     /* [day-1]: lines of truth/days.ndjson */
    qlab_synth_market *market;
    qlab_synth_vendor_plan *plan;
    qlab_synth_schedule *schedule;
    uint32_t *members, *first_member; /* assets pack after pack; [n_packs + 1] */
    qlab_synth_day_pack *packs;
    bool *is_touched; /* by asset */
    qlab_synth_day_result *result;
} qlab_synth_day_job;

/* day_state.c: what the truth files say of the days before, and what they say after today */
qlab_code qlab_synth_day_recall(qlab_synth_day_job *j, qlab_err *err) QLAB_MUST_USE;
/* SHA-256 of packs as they lie, for those that nobody wrote today. */
qlab_code qlab_synth_day_recall_packs(qlab_synth_day_job *j, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_synth_day_remember(qlab_synth_day_job *j, qlab_err *err) QLAB_MUST_USE;
/* day_pack.c: one pack or its sidecar */
typedef struct qlab_synth_day_worker qlab_synth_day_worker;
qlab_synth_day_worker *qlab_synth_day_worker_new(void);
void qlab_synth_day_worker_free(qlab_synth_day_worker *w);
qlab_code qlab_synth_day_pack_do(qlab_synth_day_job *j, size_t pack, qlab_synth_day_worker *w,
                                 qlab_err *err) QLAB_MUST_USE;
/* day_feed.c: registry, feeds, touch report */
qlab_code qlab_synth_day_feeds(qlab_synth_day_job *j, qlab_err *err) QLAB_MUST_USE;

/* Makes the folders above out/path. */
qlab_code qlab_synth_make_above(const char *out, const char *path, qlab_err *err) QLAB_MUST_USE;

#endif
