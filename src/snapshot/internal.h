/* snapshot/internal.h -- shared by the files of this module only.
 *
 * A build makes two passes over the buckets on the pool.  Pass 1 counts bars per (exchange, date);
 * pass 2 walks every asset's series.  Each unit leaves a piece: a file of plain arrays in the job's
 * folder, so that an interrupted build resumes.  Pieces are read back in order of the bucket.
 */
#ifndef QLAB_SNAPSHOT_INTERNAL_H
#define QLAB_SNAPSHOT_INTERNAL_H

#include "ops/job.h"
#include "snapshot/snapshot.h"

#define QLAB_SNAPSHOT_PREFIX "snapshot_id="

/* ---- pieces ---------------------------------------------------------------------------------- */

/* Bars of one exchange on one date. */
typedef struct qlab_day_count {
    uint32_t exchange;
    int32_t date;
    uint32_t n_bars;
} qlab_day_count;

/* Eligible bars of one exchange on one of its sessions. */
typedef struct qlab_eligible_count {
    uint32_t exchange, session; /* index into the exchange's sessions */
    uint32_t n_eligible;
} qlab_eligible_count;

/* One asset on the last session of its exchange up to the as-of. */
typedef struct qlab_universe_row {
    uint32_t asset_ix;
    uint8_t reason; /* qlab_eligibility */
    uint16_t n_lives;
    int32_t first_date, last_date; /* valid bars; QLAB_DATE_NONE when there is none */
    int32_t entry_date, exit_date; /* first and last date it was eligible; QLAB_DATE_NONE */
    uint32_t n_bars, n_eligible_days;
    uint32_t n_void_close, n_void_phantom;
    double adv20; /* on that session; NaN = unknown */
} qlab_universe_row;

/* An applied action: a fact of the lake by its position, and what resolving made of it. */
typedef struct qlab_applied {
    uint32_t fact;
    bool in_basis;
    double d;
} qlab_applied;

typedef struct qlab_finding_row {
    uint32_t asset_ix;
    int32_t ex_date, other_date;
    uint8_t code, kept_source, other_source;
    double kept, other, other_low, other_high;
} qlab_finding_row;

typedef struct qlab_bar_totals {
    uint64_t n_bars, n_valid, n_void_close, n_void_phantom;
    uint64_t flag[QLAB_FLAG_BITS];
    uint64_t reason[QLAB_ELIGIBILITY_COUNT]; /* of valid bars */
} qlab_bar_totals;

void qlab_bar_totals_add(qlab_bar_totals *to, const qlab_bar_totals *add);

/* Everything that pass 2 found; arrays by asset_ix. */
typedef struct qlab_found {
    qlab_life *lives;
    qlab_step *steps;
    qlab_asset_year *years;
    qlab_applied *applied;
    qlab_finding_row *findings;
    qlab_universe_row *universe;
    qlab_eligible_count *counts;
    size_t n_lives, n_steps, n_years, n_applied, n_findings, n_universe, n_counts;
    size_t cap_lives, cap_steps, cap_years, cap_applied, cap_findings, cap_universe, cap_counts;
    qlab_bar_totals totals;
    uint64_t n_bars_read; /* not in a piece: the unit's record has it */
} qlab_found;
void qlab_found_free(qlab_found *f);

/* ---- what a build knows ---------------------------------------------------------------------- */

typedef struct qlab_build {
    const qlab_env *env;
    qlab_snapshot_options o;
    qlab_lake_view *view;
    char commit_sha256[QLAB_HEX_BYTES];
    qlab_digest overrides_digest;
    qlab_session_override *overrides;
    size_t n_overrides;
    qlab_digest lives_digest; /* of the map file's bytes */
    qlab_life *given_lives;   /* of the map file, by asset_ix */
    size_t n_given_lives, *given_life_first;
    qlab_sectors sectors;       /* .of NULL without a file */
    qlab_digest sectors_digest; /* of the file's bytes */
    qlab_action *facts;         /* visible, by asset_ix; those of asset ix from fact_first[ix] */
    size_t n_facts, *fact_first;
    qlab_delisting *delistings;
    size_t n_delistings, *delisting_first;
    qlab_arena strings;
    char **exchange_names; /* sorted */
    size_t n_exchanges;
    uint32_t *exchange_of; /* by asset_ix */
    qlab_exchange_days *days;
    size_t master_exchange;
    int32_t last_date; /* of any bar in the lake */
    int32_t asof, universe_date;
    char *state_dir; /* see state.h */
    uint64_t n_bars_read;
    qlab_fx_rates fx;             /* rates up to the as-of */
    int32_t border;               /* 1 January of the year of the as-of being walked */
    qlab_digest *session_digests; /* by exchange: its sessions before the border */
    int32_t *axis;
    size_t n_axis;
    qlab_found found;
} qlab_build;

/* pieces.c: pass 1 and pass 2 over all buckets; fill b->days and b->found. */
qlab_code qlab_build_pass_days(qlab_build *b, qlab_job *job, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_build_pass_series(qlab_build *b, qlab_job *job, int32_t asof,
                                 qlab_err *err) QLAB_MUST_USE;
/* bucket.c: one bucket of pass 2. */
qlab_code qlab_build_bucket(const qlab_build *b, size_t bucket, int32_t asof, qlab_conn *conn,
                            qlab_found *out, qlab_err *err) QLAB_MUST_USE;

/* Native arrays as bytes: {count, size of one} and the values.  take appends to a growing one and
 * moves *pos; false when the bytes do not hold it. */
void qlab_put_array(qlab_buf *out, const void *at, size_t n, size_t size);
bool qlab_take_array(const qlab_buf *in, size_t *pos, void **at, size_t *n, size_t *cap,
                     size_t size);

/* Exchanges of the asset master sorted by bytes, and each asset's index into them; all owned by the
 * caller. */
void qlab_index_exchanges(const qlab_lake_view *v, char ***names, size_t *n, uint32_t **of);

/* ---- tables ---------------------------------------------------------------------------------- */

/* identity.c */
typedef struct qlab_content {
    qlab_digest bars, actions, delistings, lives, assets, calendar, fx, rule, overrides;
    bool has_sectors; /* else the member is absent */
    qlab_digest sectors;
} qlab_content;
qlab_code qlab_build_content(const qlab_build *b, qlab_content *out, qlab_err *err) QLAB_MUST_USE;
/* The object that is hashed to the id; new reference. */
json_t *qlab_content_json(const qlab_content *c, int32_t asof, qlab_basis price, qlab_basis volume);

/* tables.c: all Parquet files of a build into `dir`; `files` gets {name: {rows, bytes, sha256}}. */
qlab_code qlab_build_write_tables(const qlab_build *b, const char *dir, json_t *files,
                                  qlab_err *err) QLAB_MUST_USE;
/* manifest.c */
json_t *qlab_build_manifest(const qlab_build *b, const char *id, const qlab_content *content,
                            json_t *files);
/* The few members that a list shows, in a file of their own: listing reads no manifest. */
json_t *qlab_build_head(const qlab_build *b, const char *id, const qlab_content *content);
json_t *qlab_build_inputs(const qlab_build *b, const qlab_content *content);
uint64_t qlab_build_n_delistings(const qlab_build *b); /* records up to the as-of */
/* layers.c: contract layers of what was found; the check comes before anything is written. */
qlab_code qlab_build_check_layers(const qlab_build *b, qlab_err *err) QLAB_MUST_USE;
json_t *qlab_build_layers(const qlab_build *b, const char *id, const qlab_content *content);

/* fx.c: fills b->fx from the pairs' bars up to the as-of. */
qlab_code qlab_build_read_fx(qlab_build *b, qlab_err *err) QLAB_MUST_USE;
qlab_digest qlab_fx_digest(const qlab_fx_rates *fx);
uint64_t qlab_fx_n_rates(const qlab_fx_rates *fx);
/* currency, date, usd_per_unit of fx_rates.parquet, in that order. */
qlab_code qlab_snapshot_take_fx(qlab_snapshot *s, const qlab_table *t, qlab_err *err) QLAB_MUST_USE;

/* publish.c: true when this very plan made a snapshot that still stands; then out names it. */
bool qlab_build_find_memo(const qlab_env *env, qlab_digest plan, qlab_snapshot_made *out);
qlab_code qlab_build_write_memo(const qlab_env *env, qlab_digest plan, const char *id,
                                qlab_err *err) QLAB_MUST_USE;
/* Names the snapshot and puts its folder in place; one that stands is kept (and, with b->o.full,
 * compared). */
qlab_code qlab_build_publish(const qlab_build *b, const qlab_content *content, const qlab_job *job,
                             qlab_snapshot_made *out, qlab_err *err) QLAB_MUST_USE;

/* load.c: fills the tables of a snapshot whose manifest and lake view are there. */
qlab_code qlab_snapshot_load_tables(const qlab_env *env, qlab_snapshot *s,
                                    qlab_err *err) QLAB_MUST_USE;
/* universe.parquet's reason of each asset (by asset_ix, UINT8_MAX = not there); owned by the
 * caller. */
qlab_code qlab_snapshot_read_reasons(const qlab_snapshot *s, qlab_conn *conn, uint8_t **out,
                                     qlab_err *err) QLAB_MUST_USE;

/* first[ix] .. first[ix+1] for rows sorted by asset_ix; n_assets + 1 entries, owned by the caller.
 */
#define QLAB_FIRST_OF(rows, n, n_assets, out)                                                      \
    do {                                                                                           \
        size_t at_ = 0;                                                                            \
        (out) = qlab_alloc((n_assets) + 1, sizeof *(out));                                         \
        for (size_t ix_ = 0; ix_ <= (n_assets); ix_++) {                                           \
            while (at_ < (n) && (rows)[at_].asset_ix < ix_)                                        \
                at_++;                                                                             \
            (out)[ix_] = at_;                                                                      \
        }                                                                                          \
    } while (0)

#endif
