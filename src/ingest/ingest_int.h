/* ingest/ingest_int.h -- what the files of this module share.  Not for others. */
#ifndef QLAB_INGEST_INGEST_INT_H
#define QLAB_INGEST_INGEST_INT_H

#include "base/arena.h"
#include "base/file.h"
#include "base/sync.h"
#include "ingest/ingest.h"
#include "ops/job.h"
#include "ops/run.h"
#include "synth/recipe.h"
#include "truth/action.h"
#include "vendor/pack.h"
#include "vendor/quarantine.h"
#include "vendor/registry.h"

/* Bumped when the same vendor bytes make another lake. */
enum { QLAB_INGEST_VERSION = 1 };
#define QLAB_NO_ASSET UINT32_MAX

/* What became of the rows of one pack, or of all. */
typedef struct qlab_tally {
    qlab_counts in; /* as the adapter counted them */
    uint64_t inserted, revised, known, tombstoned, held, adj_restated;
} qlab_tally;

/* One pack of the registry: registry->packs[i] and packs[i] are the same one. */
typedef struct qlab_ingest_pack {
    uint32_t order; /* sort number among all packs and the registry: key of the quarantine */
    char *file;     /* absolute path; NULL when the pointer led nowhere */
    qlab_file_info info;
    bool wanted;        /* an asset of an asked-for type points here */
    bool read;          /* this ingest reads it */
    uint32_t owner;     /* bucket that accounts for what is nobody's */
    qlab_digest assets; /* of the ids and classes that point here */
    /* outcome of this ingest, or the last one's where it was not read */
    bool known_outcome;
    qlab_reason refused;
    const char *why;
    qlab_digest sha256;
    uint64_t n_file_bytes, n_bytes, n_lines;
    int32_t first_future;
    bool parked; /* holds rows that a change of the registry may set free */
    qlab_tally tally;
} qlab_ingest_pack;

typedef struct qlab_ingest_unit {
    uint32_t bucket;
    uint32_t *packs; /* indices of packs to read, ascending */
    size_t n_packs;
    bool fresh; /* the lake has no bars of this bucket */
} qlab_ingest_unit;

typedef struct qlab_ingest {
    const qlab_env *env;
    const qlab_ingest_options *options;
    qlab_lake_view *view; /* the parent */
    uint32_t parent, seq; /* commit numbers: the parent's, and that of the commit being made */
    char parent_sha256[QLAB_HEX_BYTES];
    json_t *last;         /* `sources` of the last ingest; NULL */
    json_t *seen;         /* files as the last ingest saw them; NULL */
    uint32_t last_number; /* the last ingest's commit; 0 */
    qlab_registry *registry;
    uint32_t registry_order;
    qlab_file_info registry_info;
    qlab_ingest_pack *packs;
    uint32_t *ix_of;       /* registry asset -> asset_ix, or QLAB_NO_ASSET: not asked for */
    uint32_t *registry_of; /* asset_ix -> registry asset, or QLAB_NO_ASSET: left the registry */
    qlab_asset *assets;    /* the new master, by asset_ix */
    size_t n_assets;
    qlab_asset *master_news; /* rows of the master that are new or differ */
    size_t n_master_news;
    bool refusals_changed; /* a pointer leads nowhere that did not so before */
    bool asked[QLAB_CLASS_COUNT];
    qlab_ingest_unit *units;
    size_t n_units;
    size_t n_read; /* packs */
    qlab_digest plan;
    qlab_job *job;
    qlab_pack_reader **readers; /* one a worker, made on first use */
    qlab_csv_reader **csv_readers;
    qlab_synth_book *book; /* of the vendor's market, with options->recipes; else NULL */
    struct qlab_recipe_reader **recipe_readers;
    qlab_sync **syncs;
    qlab_part *parts;
    size_t n_parts, cap_parts;
    qlab_tally total;
    int32_t max_date;
    json_t *counts;
    json_t *held; /* assets whose changes wait for an acknowledgement */
    qlab_action
        *actions; /* derived facts of the parent, by asset_ix; where a bucket is not fresh */
    size_t n_actions;
    qlab_arena strings;
} qlab_ingest;

/* plan.c */
qlab_code qlab_ingest_plan(qlab_ingest *g, qlab_err *err) QLAB_MUST_USE;
bool qlab_ingest_nothing_to_do(const qlab_ingest *g);
/* seen.c: what the last ingest knew about registry and packs */
qlab_code qlab_ingest_recall(qlab_ingest *g, qlab_err *err) QLAB_MUST_USE;
/* QLAB_E_USAGE where the last ingest was told another close that factors divide by. */
qlab_code qlab_ingest_check_factor_close(const qlab_ingest *g, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_ingest_choose_packs(qlab_ingest *g, qlab_err *err) QLAB_MUST_USE;
bool qlab_ingest_as_seen(const qlab_ingest *g);    /* every wanted pack has the stamps remembered */
json_t *qlab_ingest_sources(const qlab_ingest *g); /* new; part of the commit */
qlab_code qlab_ingest_remember(const qlab_ingest *g, uint32_t commit, double seconds,
                               qlab_err *err) QLAB_MUST_USE;
/* unit.c */
/* Rows of asset a of b as a vintage. */
qlab_vintage qlab_ingest_vintage(const qlab_ingest *g, const qlab_bars *b, size_t a);
qlab_code qlab_ingest_unit_do(void *ctx, size_t unit, size_t worker, json_t **result,
                              uint64_t *n_counted, qlab_err *err);
qlab_digest qlab_ingest_unit_key(void *ctx, size_t unit);
/* recipe.c */
typedef struct qlab_recipe_reader qlab_recipe_reader;
qlab_recipe_reader *qlab_recipe_reader_new(const qlab_synth_book *book);
void qlab_recipe_reader_free(qlab_recipe_reader *r);
/* As qlab_pack_read; a recipe of another market is QLAB_E_CORRUPT. */
qlab_code qlab_recipe_read(qlab_recipe_reader *r, const qlab_pack_job *job, qlab_rows *rows,
                           qlab_segments *segments, uint8_t **duplicate, size_t *cap_duplicate,
                           qlab_quarantine *quarantine, qlab_pack_result *out,
                           qlab_err *err) QLAB_MUST_USE;
/* tally.c */
const char *qlab_ingest_basis_name(qlab_basis b);
void qlab_tally_add(qlab_tally *to, const qlab_tally *from);
bool qlab_tally_balances(const qlab_tally *t);
json_t *qlab_tally_json(const qlab_tally *t);  /* new; FORMATS 4 names */
json_t *qlab_tally_store(const qlab_tally *t); /* new; for unit records */
qlab_code qlab_tally_load(const json_t *o, const char *where, qlab_tally *t,
                          qlab_err *err) QLAB_MUST_USE;
json_t *qlab_part_json(const qlab_part *p); /* new */
qlab_code qlab_part_of_json(const json_t *o, const char *where, qlab_part *p,
                            qlab_err *err) QLAB_MUST_USE;
/* delta_unit.c */
/* A bucket that has bars already: what its delivery changes, into parts or files of the job.
 * present: [slot]; tally: [slot], written. */
typedef struct qlab_delta_unit {
    qlab_ingest *g;
    qlab_conn *conn;
    uint32_t bucket;
    const qlab_bars *now;
    struct qlab_asset_tally *tally;
    qlab_part **parts;
    size_t *n_parts, *cap_parts;
    json_t *result; /* "delta", "actions", "held" are put into it */
} qlab_delta_unit;
qlab_code qlab_ingest_delta_unit(const qlab_delta_unit *u, qlab_err *err) QLAB_MUST_USE;
/* The deltas of all units as parts over all buckets. */
qlab_code qlab_ingest_write_deltas(qlab_ingest *g, qlab_err *err) QLAB_MUST_USE;
/* finish.c */
/* Fills in what is said of packs and rows; fails where no pack at all could be read. */
qlab_code qlab_ingest_sum_up(qlab_ingest *g, qlab_ingest_result *out, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_ingest_finish(qlab_ingest *g, qlab_ingest_result *out, qlab_err *err) QLAB_MUST_USE;
/* Renames a built run folder into place; one that is there already is as good. */
qlab_code qlab_ingest_publish(const qlab_env *env, const char *built, const char *run_id,
                              qlab_err *err) QLAB_MUST_USE;
/* heal.c */
/* Publishes the run folder of the last commit where a kill came between the two. */
qlab_code qlab_ingest_heal(qlab_ingest *g, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_ingest_sweep_jobs(const qlab_ingest *g, bool keep_plan, qlab_err *err) QLAB_MUST_USE;

#endif
