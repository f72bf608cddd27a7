/* lake/lake.h -- the versioned, append-only bar store.
 *
 * A lake is a folder of immutable parts (Parquet) and commits (JSON) that name them.  A commit is
 * atomic and takes the next number by exclusive create; readers never lock; every read names a
 * commit through a qlab_lake_view.  One writer holds lake/.lock.
 *
 * Key of a bar: (asset_id, date).  asset_ix is the asset's 32-bit number in THIS lake: given once,
 * never reused, never part of an identity.  Bucket = asset_ix / 512.  Year partition: the year, or
 * before 2010 the first year of its five-year group (2005, 2000, ...).
 * known_seq: the number of the commit that brought a row.  Of rows with the same key a read sees
 * the one with the greatest known_seq up to its commit, and nothing where that is a tombstone.
 * Formats: docs/formats/lake.md.
 *
 * Ownership: see each type.  Threads: a view is read only and may be shared by workers.
 */
#ifndef QLAB_LAKE_LAKE_H
#define QLAB_LAKE_LAKE_H

#include "base/env.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/lock.h"
#include "duck/duck.h"
#include <jansson.h>

enum { QLAB_LAKE_BUCKET_ASSETS = 512 };
#define QLAB_LAKE_LATEST      0u         /* commit numbers start at 1 */
#define QLAB_LAKE_ALL_BUCKETS UINT32_MAX /* a delta part over all buckets */

typedef enum qlab_asset_class {
    QLAB_CLASS_STOCK,
    QLAB_CLASS_ETF,
    QLAB_CLASS_FUND,
    QLAB_CLASS_BOND,
    QLAB_CLASS_INDEX,
    QLAB_CLASS_FOREX,
    QLAB_CLASS_CRYPTO,
    QLAB_CLASS_OTHER,
    QLAB_CLASS_COUNT
} qlab_asset_class;
const char *qlab_asset_class_name(qlab_asset_class c);          /* "stock" */
bool qlab_asset_class_parse(qlab_str s, qlab_asset_class *out); /* either case */

typedef enum qlab_basis { QLAB_BASIS_RAW, QLAB_BASIS_SPLIT_ADJUSTED } qlab_basis;

/* One asset of the master.  Strings are borrowed from whoever made the struct; "" = unknown. */
typedef struct qlab_asset {
    const char *asset_id;
    uint32_t asset_ix;
    qlab_asset_class asset_class;
    const char *symbol, *exchange, *mic, *name, *currency, *country, *provider_symbol;
    const char *pack;  /* where its bars were read: a path relative to the vendor folder */
    const char *extra; /* unknown registry fields as canonical JSON, "{}" when none */
} qlab_asset;

/* Bars of some assets in memory, asset after asset in ascending asset_ix, dates ascending.
 * Bars of asset a are rows first[a] .. first[a+1]-1.  Owns its arrays. */
typedef struct qlab_bars {
    size_t n_assets, n_rows, cap_rows;
    uint32_t *asset_ix; /* n_assets */
    size_t *first;      /* n_assets + 1 */
    int32_t *date;
    double *open, *high, *low, *close, *volume, *adjusted_close; /* NaN = missing */
    uint32_t *known_seq;                                         /* NULL when not asked for */
    uint8_t *provenance; /* NULL when not asked for; bits below */
} qlab_bars;
enum {
    QLAB_PROV_DUPLICATE = 1,
    QLAB_PROV_LATE = 2,
    QLAB_PROV_REVISED = 4,
    QLAB_PROV_TOMBSTONE = 8
};
/* Room for n_assets (asset_ix and first zeroed) and n_rows; what: see below.  n_rows is set. */
enum { QLAB_BARS_PROVENANCE = 1, QLAB_BARS_ADJUSTED = 2 };
void qlab_bars_make(qlab_bars *b, size_t n_assets, size_t n_rows, unsigned what);
void qlab_bars_free(qlab_bars *b);

/* ---- one commit ------------------------------------------------------------------------------ */

typedef enum qlab_part_kind {
    QLAB_PART_BARS,
    QLAB_PART_DIGESTS,
    QLAB_PART_MASTER,
    QLAB_PART_ACTIONS,
    QLAB_PART_DELISTINGS,
    QLAB_PART_LIVES,
    QLAB_PART_BARS_HISTORY, /* superseded rows, after compaction: only --revisions reads them */
    QLAB_PART_KINDS
} qlab_part_kind;

typedef struct qlab_part {
    qlab_part_kind kind;
    char *path; /* relative to the root */
    char sha256[65];
    uint64_t n_bytes, n_rows;
    uint64_t n_tombstones;      /* rows that hide a bar */
    uint32_t seq;               /* the commit that added it; set by qlab_lake_commit */
    int32_t asset_class;        /* -1: not by class */
    int32_t year;               /* first year of the partition; -1 */
    int32_t bucket;             /* -1: all */
    int32_t min_date, max_date; /* QLAB_DATE_NONE where rows have no date */
} qlab_part;
const char *qlab_part_kind_name(qlab_part_kind kind); /* "bars": the folder under lake/ */
void qlab_parts_free(qlab_part *parts, size_t n);     /* paths and the array */

/* A commit resolved: all parts that a read at that commit sees.  Owns everything below it. */
typedef struct qlab_lake_view {
    char *root;
    uint32_t commit; /* 0: an empty lake */
    qlab_basis price_basis, volume_basis;
    qlab_part *parts;
    size_t n_parts;
    qlab_asset *assets; /* the asset master, by asset_ix: assets[i].asset_ix == i */
    size_t n_assets;
    uint32_t *by_id;   /* asset_ix in byte order of asset_id; position = id rank */
    uint32_t *id_rank; /* asset_ix -> id rank */
    json_t *doc;       /* the commit file */
    struct qlab_arena *strings;
} qlab_lake_view;

/* commit QLAB_LAKE_LATEST resolves to the newest.  No lake at all: an empty view, commit 0.
 * Checks the chain back to the last checkpoint (parent numbers and hashes) and each part's presence
 * and size.  The asset master is read where env->duck is open, on worker 0's connection: call it
 * outside the pool.  Without env->duck assets is NULL. */
qlab_code qlab_lake_view_open(const qlab_env *env, uint32_t commit, qlab_lake_view **out,
                              qlab_err *err) QLAB_MUST_USE;
void qlab_lake_view_close(qlab_lake_view *v);
size_t qlab_lake_n_buckets(const qlab_lake_view *v);
/* -1 when there is no such asset. */
int64_t qlab_lake_find_asset(const qlab_lake_view *v, qlab_str asset_id);

/* Numbers of all commits, ascending; owned by the caller (qlab_free). */
qlab_code qlab_lake_commits(const char *root, uint32_t **numbers, size_t *n,
                            qlab_err *err) QLAB_MUST_USE;
/* One commit file; *sha256 (may be NULL) of its bytes; new reference. */
qlab_code qlab_lake_read_commit(const char *root, uint32_t number, json_t **doc,
                                char sha256[QLAB_HEX_BYTES], qlab_err *err) QLAB_MUST_USE;

/* Visible bars of a bucket with from <= date <= to (QLAB_DATE_NONE, INT32_MAX: no border), all
 * classes; every asset of the bucket is there, with or without rows.  asset_ix, first, date, O..V
 * always; known_seq and provenance, and adjusted_close, where `what` asks for them (else NULL).
 * Peak memory is one column above the result.  Cost: the parts whose dates can match. */
qlab_code qlab_lake_read_bars(const qlab_lake_view *v, qlab_conn *conn, uint32_t bucket,
                              int32_t from, int32_t to, unsigned what, qlab_bars *out,
                              qlab_err *err) QLAB_MUST_USE;
/* The same for some assets of the bucket: wanted[i] is 1 for asset_ix = 512*bucket + i (a byte for
 * each asset of the bucket).  The others are there without rows; of parts that hold many assets
 * only the row groups that can hold a wanted one are read. */
qlab_code qlab_lake_read_bars_of(const qlab_lake_view *v, qlab_conn *conn, uint32_t bucket,
                                 const uint8_t *wanted, int32_t from, int32_t to, unsigned what,
                                 qlab_bars *out, qlab_err *err) QLAB_MUST_USE;
/* Only asset_ix, first and date are filled (others NULL): the cheap pass. */
qlab_code qlab_lake_read_dates(const qlab_lake_view *v, qlab_conn *conn, uint32_t bucket,
                               int32_t from, int32_t to, qlab_bars *out,
                               qlab_err *err) QLAB_MUST_USE;

/* ---- identity -------------------------------------------------------------------------------- */

/* Leaf over rows [first, first+n) of one asset: SHA-256 over, row by row, {int32 date, u8 null mask
 * (bit 0 open .. bit 4 volume), five little-endian doubles, null as 0, -0 as +0}: 45 bytes a row.
 */
qlab_digest qlab_lake_leaf(const qlab_bars *b, size_t first, size_t n);

/* A leaf as stored: period = year, or 100*year + month; n_rows 0 = no rows are left (a tombstone
 * of the leaf itself).  Yearly leaves for all years; monthly ones for the newest four calendar
 * years of the bucket at the time of writing.  The monthly leaves of an asset's year are complete
 * iff their n_rows add up to the yearly leaf's; otherwise recompute them from rows. */
typedef struct qlab_leaf {
    uint32_t asset_ix;
    int32_t period;
    uint32_t n_rows;
    qlab_digest digest;
} qlab_leaf;
/* Leaves of all rows in b, by (asset_ix, period), yearly before monthly; months of years >=
 * months_from (INT32_MAX: none) and >= 100.  *out is owned by the caller (qlab_free). */
void qlab_lake_leaves_of(const qlab_bars *b, int32_t months_from, qlab_leaf **out, size_t *n);
/* Newest year among the rows of b less 3; INT32_MAX when b has no rows. */
int32_t qlab_lake_months_from(const qlab_bars *b);
/* Visible leaves of a bucket (of each (asset, period) the latest; without n_rows 0), by (asset_ix,
 * period).  *out is owned by the caller (qlab_free). */
typedef enum qlab_leaf_what {
    QLAB_LEAVES_ALL,
    QLAB_LEAVES_YEARS,
    QLAB_LEAVES_MONTHS
} qlab_leaf_what;
qlab_code qlab_lake_read_leaves(const qlab_lake_view *v, qlab_conn *conn, uint32_t bucket,
                                qlab_leaf_what what, qlab_leaf **out, size_t *n,
                                qlab_err *err) QLAB_MUST_USE;
/* Content digest of all visible bars with date <= asof: asset node = SHA-256(u32 length, asset_id,
 * (int32 year, leaf)... by year), root = SHA-256 of the nodes in byte order of asset_id; assets
 * without such rows are left out.  Stored leaves for whole years; rows are read only for the year
 * of asof where the bucket has bars after it.  Uses env->pool and env->duck: call it outside the
 * pool. */
qlab_code qlab_lake_bars_digest(const qlab_env *env, const qlab_lake_view *v, int32_t asof,
                                qlab_digest *out, qlab_err *err) QLAB_MUST_USE;

/* ---- writing: everything of one ingest becomes one commit ------------------------------------ */

/* Takes lake/.lock (made with its folder), then sweeps temporary files that a killed writer left
 * and compares the newest commit with lake/head.json (QLAB_E_CORRUPT: nothing is built on it).
 * Everything below is called by the holder. */
qlab_code qlab_lake_lock(const qlab_env *env, const char *command, qlab_lock **out,
                         qlab_err *err) QLAB_MUST_USE;

/* Writes rows of one bucket (or QLAB_LAKE_ALL_BUCKETS), split by class and year partition, as parts
 * under lake/bars/; appends to *parts (owned by the caller; grown with qlab_grow).  Rows must be
 * sorted.  assets_of_bucket[i] is the asset with asset_ix = 512*bucket + i (i itself for all
 * buckets).  known_seq of each row is rows->known_seq where that is not NULL, else known_seq: the
 * number of the commit being made (parent + 1). */
qlab_code qlab_lake_write_bars(const qlab_env *env, qlab_conn *conn, uint32_t bucket,
                               const qlab_bars *rows, const qlab_asset *assets_of_bucket,
                               uint32_t known_seq, qlab_part **parts, size_t *n_parts,
                               size_t *cap_parts, qlab_err *err) QLAB_MUST_USE;
/* Leaves (by asset_ix, period) of a bucket or of QLAB_LAKE_ALL_BUCKETS, as a part of kind DIGESTS.
 * A delta writes the leaves that changed, in full. */
qlab_code qlab_lake_write_leaves(const qlab_env *env, qlab_conn *conn, uint32_t bucket,
                                 const qlab_leaf *leaves, size_t n, uint32_t known_seq,
                                 qlab_part *out, qlab_err *err) QLAB_MUST_USE;
/* Any other table as one part of a kind under lake/<kind>/; bucket -1: not by bucket.  The table
 * should have a column known_seq UINTEGER. */
qlab_code qlab_lake_write_table(const qlab_env *env, qlab_conn *conn, qlab_part_kind kind,
                                int32_t bucket, const qlab_col *cols, size_t n_cols, size_t n_rows,
                                qlab_part *out, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_lake_write_master(const qlab_env *env, qlab_conn *conn, const qlab_asset *assets,
                                 size_t n, uint32_t known_seq, qlab_part *out,
                                 qlab_err *err) QLAB_MUST_USE;

/* The rows of a kind visible at the view's commit.  With a key, of rows that agree in it only the
 * one with the greatest known_seq; `where` judges after that choice.  A kind without parts gives
 * a table without rows. */
typedef struct qlab_lake_query {
    qlab_part_kind kind;
    const char *select;   /* "asset_ix, ex_date, ..."; types as qlab_conn_query wants them */
    const char *key;      /* "asset_id, ex_date, source"; NULL: all rows */
    const char *where;    /* "NOT withdrawn"; NULL */
    const char *order_by; /* NULL: any order, so give one */
} qlab_lake_query;
qlab_code qlab_lake_read_table(const qlab_lake_view *v, qlab_conn *conn, const qlab_lake_query *q,
                               const qlab_type *types, size_t n_cols, qlab_table *out,
                               qlab_err *err) QLAB_MUST_USE;

typedef struct qlab_commit_draft {
    uint32_t parent;  /* what the writer saw; the commit becomes parent + 1 */
    const char *kind; /* "ingest", "actions", "delistings" */
    qlab_basis price_basis, volume_basis;
    const qlab_part *added;
    size_t n_added;
    const char *const *removed; /* paths of parts this commit no longer shows */
    size_t n_removed;
    json_t *counts;  /* borrowed; counts by reason */
    json_t *sources; /* borrowed; source packs with sha256 */
    const char *run_id;
    const char *manifest; /* path of the run's manifest below the root, once it is in place; NULL */
    const qlab_digest *manifest_sha256; /* of its bytes; with manifest */
} qlab_commit_draft;
/* Exclusive create of lake/commits/<parent + 1>.json: QLAB_E_EXISTS when another writer took the
 * number.  Every part must be in place.  Parts are recorded sorted, so their order in the draft
 * does not matter.  A removed path that the parent does not show is QLAB_E_INTERNAL. */
qlab_code qlab_lake_commit(const qlab_env *env, const qlab_commit_draft *draft, uint32_t *number,
                           qlab_err *err) QLAB_MUST_USE;

/* Checks the newest commit against lake/head.json, and one commit: the whole chain back to the
 * first, the manifest of its run where that lies there, every part's bytes against its hash, order,
 * unique keys, counts, dates and known_seq of its rows, and stored leaves against recomputed ones.
 * Each finding is one line to `say` that names file and datum; *n_findings counts them.  The result
 * is an error only where checking itself was impossible. */
qlab_code qlab_lake_verify(const qlab_env *env, uint32_t commit,
                           void (*say)(void *ctx, const char *finding), void *ctx,
                           size_t *n_findings, qlab_err *err) QLAB_MUST_USE;

/* ---- compaction ------------------------------------------------------------------------------ */

/* Delta parts: those that a fold takes away, which are all parts of bucket=all, every further part
 * of one (class, year, bucket), and one with tombstones.  Above this number in a class and year,
 * folding is offered. */
enum { QLAB_LAKE_COMPACT_ABOVE = 32 };
/* The most delta parts that any class and year (or the digests) of the view has. */
size_t qlab_lake_delta_parts(const qlab_lake_view *v);

/* What is folded: one class and year of bars, or (asset_class -1, year -1) the digests. */
typedef struct qlab_compact_group {
    int32_t asset_class, year;
    uint64_t n_delta;                  /* delta parts */
    uint64_t n_parts, n_rows, n_bytes; /* of all parts that are folded */
} qlab_compact_group;
typedef struct qlab_compacted {
    uint32_t commit;            /* 0: nothing to fold, or env->dry_run */
    qlab_compact_group *groups; /* owned; qlab_compacted_free */
    size_t n_groups;
    uint64_t n_parts_folded, n_rows_folded, n_bytes_folded; /* bars, their history, digests */
    uint64_t n_rows_visible, n_rows_history;                /* bars after it */
    uint64_t n_parts_written, n_bytes_written;              /* 0 with env->dry_run */
} qlab_compacted;
void qlab_compacted_free(qlab_compacted *c);

/* Folds the delta parts of each year in which a class has more than `above` of them: visible rows
 * to one part a class and bucket under lake/bars/, all others to one under lake/bars_history/, each
 * with the known_seq that it had; the digests likewise, without superseded leaves.  One commit of
 * kind "compact" over `v`, the newest commit; older commits keep naming the parts that they named.
 * Before anything is written each folded part is compared with its hash, and before the commit the
 * visible rows are compared with the stored leaves: QLAB_E_CORRUPT.  With env->dry_run all is done
 * but the writing.  The holder of the lock calls it (dry runs need none), outside the pool. */
qlab_code qlab_lake_compact(const qlab_env *env, const qlab_lake_view *v, uint32_t above,
                            const char *run_id, qlab_compacted *out, qlab_err *err) QLAB_MUST_USE;

/* ---- files that nothing names ---------------------------------------------------------------- */

typedef enum qlab_stray {
    QLAB_STRAY_PART,    /* a part that no commit kept, snapshot or unfinished job names */
    QLAB_STRAY_TMP,     /* a write that did not end */
    QLAB_STRAY_FOREIGN, /* not a file of a lake: named, never removed */
} qlab_stray;
typedef struct qlab_stray_file {
    qlab_stray what;
    char *path; /* relative to the root */
    uint64_t n_bytes;
    int64_t mtime_ns;
    bool removed; /* set by qlab_lake_gc */
} qlab_stray_file;
typedef struct qlab_strays {
    qlab_stray_file *at; /* in byte order of path */
    size_t n, cap;
} qlab_strays;
void qlab_strays_free(qlab_strays *s);

/* A commit that must stay readable, and what says so ("snapshot 2017-03-31_..."); borrowed. */
typedef struct qlab_lake_pin {
    uint32_t commit;
    const char *name;
} qlab_lake_pin;
/* Files under lake/ that nothing names.  Without the lock, what a writer is making is among them.
 * *out is owned by the caller. */
qlab_code qlab_lake_strays(const qlab_env *env, const qlab_lake_pin *pins, size_t n_pins,
                           qlab_strays *out, qlab_err *err) QLAB_MUST_USE;
typedef struct qlab_gc_done {
    uint32_t oldest; /* the oldest commit kept readable */
    size_t n_removed, n_too_new;
    uint64_t bytes_removed;
    qlab_strays files; /* what nothing names now; owned */
} qlab_gc_done;
void qlab_gc_done_free(qlab_gc_done *d);
/* Keeps the `keep` newest commits readable (0: all that are now) and removes the parts that only
 * older ones name, with stray parts and temporary files.  Commits themselves stay.  A part is left
 * that a pin or an unfinished job names, and a file that is not older than the lock.  QLAB_E_USAGE,
 * naming them, where `keep` would drop a pinned commit.  Takes the lock; with env->dry_run neither
 * that nor any change. */
qlab_code qlab_lake_gc(const qlab_env *env, uint32_t keep, const qlab_lake_pin *pins, size_t n_pins,
                       qlab_gc_done *out, qlab_err *err) QLAB_MUST_USE;

#endif
