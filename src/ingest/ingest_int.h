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
#include "vendor/sidecar.h"
#include "vendor/touch.h"

/* Bumped when the same vendor bytes make another lake. */
enum { QLAB_INGEST_VERSION = 1 };
#define QLAB_NO_ASSET UINT32_MAX

/* What became of the rows of one pack, or of all. */
typedef struct qlab_tally {
    qlab_counts in; /* as the adapter counted them */
    uint64_t inserted, revised, known, tombstoned, held, adj_restated, basis_restated;
} qlab_tally;

/* What one file, pack or sidecar, gave when it was last read; zero where it was not. */
typedef struct qlab_outcome {
    bool known; /* by this ingest, or the last one's where it was not read */
    qlab_reason refused;
    const char *why;
    qlab_digest sha256;
    uint64_t n_file_bytes, n_bytes, n_lines, n_rows_in;
    int32_t first_future;
} qlab_outcome;

/* One sidecar: g->sidecars.at[i] and g->sides[i] are the same one. */
typedef struct qlab_ingest_side {
    uint32_t order;
    char *file;
    qlab_file_info info;
    bool read; /* this ingest reads it */
    qlab_outcome out;
} qlab_ingest_side;

/* One pack of the registry: registry->packs[i] and packs[i] are the same one. */
typedef struct qlab_ingest_pack {
    uint32_t order; /* sort number among all packs and the registry: key of the quarantine */
    char *file;     /* absolute path; NULL when the pointer led nowhere */
    qlab_file_info info;
    bool wanted;                /* an asset of an asked-for type points here */
    bool read;                  /* this ingest reads something of it: */
    bool whole;                 /* the pack and all its sidecars; else only sidecars with `read` */
    size_t first_side, n_sides; /* in g->sides, by date */
    uint32_t owner;             /* bucket that accounts for what is nobody's */
    qlab_digest assets;         /* of the ids and classes that point here */
    qlab_outcome out;
    bool parked;      /* holds rows that a change of the registry may set free */
    json_t *held;     /* deletions of its assets that wait: array, or NULL */
    json_t *basis;    /* changes of basis of its assets: array, or NULL */
    json_t *reasons;  /* rows by reason when it was last read whole; NULL */
    qlab_tally tally; /* with its sidecars */
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
    json_t *last_packs;   /* its packs by path; with last */
    json_t *seen;         /* files as the last ingest saw them; NULL */
    uint32_t last_number; /* the last ingest's commit; 0 */
    qlab_registry *registry;
    uint32_t registry_order;
    qlab_file_info registry_info;
    qlab_ingest_pack *packs;
    qlab_sidecars sidecars;
    qlab_ingest_side *sides;
    qlab_touch touch;      /* what the vendor says it touched: a hint that is only compared */
    json_t *acks;          /* digests of deletions that were acknowledged: object, never NULL */
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
    json_t *held;                            /* assets whose changes wait for an acknowledgement */
    json_t *basis_changes, *acked, *revised; /* what the units said, in their order */
    qlab_action
        *actions; /* derived facts of the parent, by asset_ix; where a bucket is not fresh */
    size_t n_actions;
    qlab_arena strings;
} qlab_ingest;

/* plan.c */
qlab_code qlab_ingest_ask_types(qlab_ingest *g, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_ingest_plan(qlab_ingest *g, qlab_err *err) QLAB_MUST_USE;
bool qlab_ingest_nothing_to_do(const qlab_ingest *g);
/* seen.c: what the last ingest knew about registry and packs */
qlab_code qlab_ingest_recall(qlab_ingest *g, qlab_err *err) QLAB_MUST_USE;
/* QLAB_E_USAGE where the last ingest was told another close that factors divide by. */
qlab_code qlab_ingest_check_factor_close(const qlab_ingest *g, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_ingest_choose_packs(qlab_ingest *g, qlab_err *err) QLAB_MUST_USE;
json_t *qlab_ingest_stat_json(const qlab_file_info *i); /* new */
/* What the last ingest knew about a pack, where it was asked for the same; NULL. */
const json_t *qlab_ingest_last_of(const qlab_ingest *g, const char *path);
bool qlab_ingest_registry_as_before(const qlab_ingest *g);
/* Members of a source: hash, refusal, first row of the future. */
void qlab_outcome_put(json_t *o, const qlab_outcome *out);
void qlab_outcome_take(qlab_ingest *g, const json_t *o, qlab_outcome *out);
/* sidecar.c */
qlab_code qlab_ingest_find_sidecars(qlab_ingest *g, qlab_err *err) QLAB_MUST_USE;
/* Of packs whose own bytes are as before: which sidecars are read, or whether all is. */
qlab_code qlab_ingest_choose_sidecars(qlab_ingest *g, qlab_err *err) QLAB_MUST_USE;
bool qlab_ingest_sides_as_seen(const qlab_ingest *g);
void qlab_ingest_sides_free(qlab_ingest *g);
json_t *qlab_ingest_side_sources(const qlab_ingest *g,
                                 const qlab_ingest_pack *p); /* new, or NULL */
/* SHA-256 over the pack's and its sidecars' dates and hashes. */
qlab_digest qlab_ingest_effective(const qlab_ingest *g, const qlab_ingest_pack *p);
/* overlay.c */
/* Rows of several segments a slot, in order of delivery, to one segment a slot in ascending slots:
 * of one date the latest delivered row stays, or the earlier where both are the same.
 * superseded: [slot], added to. */
void qlab_ingest_overlay(qlab_rows *r, qlab_segments *s, uint8_t *duplicate, uint64_t *superseded);
bool qlab_ingest_as_seen(const qlab_ingest *g);    /* every wanted pack has the stamps remembered */
json_t *qlab_ingest_sources(const qlab_ingest *g); /* new; part of the commit */
/* Stamps of the files beside a commit; without_commit: and the sources, which made no new one. */
qlab_code qlab_ingest_remember(const qlab_ingest *g, uint32_t commit, bool without_commit,
                               double seconds, qlab_err *err) QLAB_MUST_USE;
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
    struct qlab_delivered *now;
    struct qlab_asset_tally *tally;
    struct qlab_delta_said *said;
    qlab_part **parts;
    size_t *n_parts, *cap_parts;
    json_t *result; /* "delta" and "actions" are put into it */
} qlab_delta_unit;
qlab_code qlab_ingest_delta_unit(const qlab_delta_unit *u, qlab_err *err) QLAB_MUST_USE;
/* What is said of a unit, in its record: new objects and arrays. */
enum { QLAB_INGEST_EXAMPLES = 10 };
json_t *qlab_ingest_held_json(const qlab_ingest *g, uint32_t bucket, uint32_t slot,
                              const struct qlab_asset_tally *t);
json_t *qlab_ingest_acked_json(const qlab_ingest *g, uint32_t bucket,
                               const struct qlab_asset_tally *tally);
json_t *qlab_ingest_basis_json(const qlab_ingest *g, uint32_t pack,
                               const struct qlab_delta_said *said);
json_t *qlab_ingest_revised_json(const qlab_ingest *g, const struct qlab_delta_said *said);
/* The deltas of all units as parts over all buckets. */
qlab_code qlab_ingest_write_deltas(qlab_ingest *g, qlab_err *err) QLAB_MUST_USE;
/* finish.c */
qlab_code qlab_ingest_finish(qlab_ingest *g, qlab_ingest_result *out, qlab_err *err) QLAB_MUST_USE;
/* Renames a built run folder into place; one that is there already is as good. */
qlab_code qlab_ingest_publish(const qlab_env *env, const char *built, const char *run_id,
                              qlab_err *err) QLAB_MUST_USE;
/* report.c */
/* Fills in what is said of packs and rows; fails where no pack at all could be read. */
qlab_code qlab_ingest_sum_up(qlab_ingest *g, qlab_ingest_result *out, qlab_err *err) QLAB_MUST_USE;
json_t *qlab_ingest_manifest(const qlab_ingest *g, const char *run_id, json_t *inputs,
                             json_t *sources, uint64_t n_records); /* new */
json_t *qlab_ingest_left(const qlab_ingest *g);                    /* new: ids, VENDOR_REMOVED */
json_t *qlab_ingest_reasons(const qlab_ingest_pack *p);            /* new: rows by reason */
/* False where everything that was read is known already, in what was refused of it too. */
bool qlab_ingest_is_news(const qlab_ingest *g);
/* touch.c */
json_t *qlab_ingest_touch_json(const qlab_ingest *g); /* new */
/* heal.c */
/* Publishes the run folder of the last commit where a kill came between the two. */
qlab_code qlab_ingest_heal(qlab_ingest *g, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_ingest_sweep_jobs(const qlab_ingest *g, bool keep_plan, qlab_err *err) QLAB_MUST_USE;

#endif
