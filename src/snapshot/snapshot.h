/* snapshot/snapshot.h -- a frozen view: lake commit + truth + universe + calendar, one id.
 *
 * snapshots/snapshot_id=<asof>_<12 hex>/ holds snapshot_manifest.json, universe.parquet,
 * calendar.parquet, corp_actions.parquet, delistings.parquet, tri_steps.parquet, lives.parquet,
 * asset_years.parquet and contract_layers_manifest.json; no bars.  The id is the SHA-256 of
 * canonical JSON of content digests alone (DESIGN 4): two roots with the same content agree.
 *
 * Ownership: a qlab_snapshot owns everything below it.  Threads: read only, may be shared.
 * Errors: QLAB_E_NOT_FOUND for an id nobody has, QLAB_E_USAGE for an ambiguous prefix,
 * QLAB_E_CORRUPT for a file that does not match its hash or schema.
 */
#ifndef QLAB_SNAPSHOT_SNAPSHOT_H
#define QLAB_SNAPSHOT_SNAPSHOT_H

#include "lake/lake.h"
#include "truth/action.h"
#include "truth/eligible.h"
#include "truth/fx.h"
#include "truth/layers.h"
#include "truth/sector.h"
#include "truth/series.h"
#include "truth/session.h"

typedef struct qlab_snapshot {
    char *id;        /* "2017-03-31_0123456789ab" */
    char digest[65]; /* the whole hash */
    char *dir;       /* absolute or relative to where root is */
    int32_t asof;
    int32_t universe_date; /* the last master session up to asof: the T of universe.parquet */
    uint32_t commit;
    uint32_t min_eligible;
    qlab_lake_view *lake; /* at `commit`; bars up to `asof` count */
    bool price_basis_adjusted, volume_basis_unknown;
    qlab_eligible_rule rule;
    json_t *manifest;

    /* Exchanges in byte order of name; exchange_of[asset_ix] is an index into them. */
    qlab_exchange_days *exchanges;
    size_t n_exchanges;
    uint32_t *exchange_of;
    size_t master_exchange;
    const int32_t *master; /* sessions of the master exchange up to asof; borrowed from it */
    size_t n_master;
    const char **sector; /* by asset_ix, "" = not known; NULL: built without a sector file */
    qlab_fx_rates fx;    /* rates of conversion; none without currency pairs */
    int32_t *axis;       /* master sessions with >= 30 eligible names */
    size_t n_axis;

    /* Tables by asset_ix: rows first[ix] .. first[ix+1]-1 (each first has n_assets + 1). */
    qlab_delisting *delistings;
    qlab_step *steps;       /* by (life_no, ex_date) */
    qlab_life *lives;       /* by life_no */
    qlab_asset_year *years; /* by (year, life_no) */
    size_t *delisting_first, *step_first, *life_first, *year_first;
    qlab_arena strings;
} qlab_snapshot;

/* id: whole, a unique prefix, or "latest" (the greatest as-of, then generated last). */
qlab_code qlab_snapshot_open(const qlab_env *env, const char *id, qlab_snapshot **out,
                             qlab_err *err) QLAB_MUST_USE;
void qlab_snapshot_close(qlab_snapshot *s);
/* The applied actions by (asset_ix, ex_date): by far the largest table, read apart because what
 * follows from it lies in the steps.  Owns its rows. */
typedef struct qlab_snapshot_actions {
    qlab_action *at;
    size_t *first; /* rows first[ix] .. first[ix+1]-1 */
    qlab_arena strings;
} qlab_snapshot_actions;
qlab_code qlab_snapshot_actions_read(const qlab_env *env, const qlab_snapshot *s,
                                     qlab_snapshot_actions *out, qlab_err *err) QLAB_MUST_USE;
void qlab_snapshot_actions_free(qlab_snapshot_actions *a);
/* What qlab_series_window needs of one asset (so no actions); borrows from the snapshot. */
void qlab_snapshot_truth(const qlab_snapshot *s, uint32_t asset_ix, qlab_series_truth *out);
/* Rows of asset_years of one asset. */
const qlab_asset_year *qlab_snapshot_years(const qlab_snapshot *s, uint32_t asset_ix, size_t *n);

typedef struct qlab_snapshot_options {
    int32_t asof;          /* QLAB_DATE_NONE: the last master session with >= 30 eligible names */
    uint32_t commit;       /* QLAB_LAKE_LATEST */
    const char *calendar;  /* exchange whose sessions are master; NULL or "": most eligible names */
    const char *overrides; /* session overrides file; NULL or "" */
    const char *lives;     /* map file of lives; NULL or "" */
    const char *sectors;   /* reference file (truth/sector.h); NULL or "" */
    uint32_t min_eligible; /* names that a session of the axis must have; 30 */
    bool full;             /* read the whole history, and hold the result to what stands */
    qlab_eligible_rule rule;
    qlab_layer_policies layers; /* what each contract layer must be: else nothing is written */
} qlab_snapshot_options;
qlab_snapshot_options qlab_snapshot_options_default(void);

typedef struct qlab_snapshot_made {
    char *id, *dir;       /* owned by the caller */
    bool existed;         /* it stood already */
    uint64_t n_bars_read; /* rows of bars: their dates and their values count alike */
    json_t *manifest;     /* new reference */
} qlab_snapshot_made;
qlab_code qlab_snapshot_build(const qlab_env *env, const qlab_snapshot_options *o,
                              qlab_snapshot_made *out, qlab_err *err) QLAB_MUST_USE;
void qlab_snapshot_made_free(qlab_snapshot_made *m);

/* All snapshots, ascending by id.  A row is what the folder's manifest says; owned by the caller.
 */
typedef struct qlab_snapshot_row {
    char *id;
    int32_t asof;
    uint32_t commit;
    uint64_t n_assets, n_eligible;
} qlab_snapshot_row;
qlab_code qlab_snapshot_list(const qlab_env *env, qlab_snapshot_row **rows, size_t *n,
                             qlab_err *err) QLAB_MUST_USE;
void qlab_snapshot_list_free(qlab_snapshot_row *rows, size_t n);
/* Whole id for a prefix or "latest"; owned by the caller. */
qlab_code qlab_snapshot_resolve(const qlab_env *env, const char *id, char **out,
                                qlab_err *err) QLAB_MUST_USE;

/* Re-hashes files, parts of its lake commit and the id; each finding is one line to `say`. */
qlab_code qlab_snapshot_verify(const qlab_env *env, const char *id,
                               void (*say)(void *ctx, const char *finding), void *ctx,
                               size_t *n_findings, qlab_err *err) QLAB_MUST_USE;

#endif
