/* lake/lake.h -- the versioned, append-only bar store.
 *
 * A lake is a folder of immutable parts (Parquet) and commits (JSON) that name them.  A commit is
 * atomic and takes the next number by exclusive create; readers never lock; every read names a
 * commit through a qlab_lake_view.  One writer holds lake/.lock.
 *
 * Key of a bar: (asset_id, date).  asset_ix is the asset's 32-bit number in THIS lake: given once,
 * never reused, never part of an identity.  Bucket = asset_ix / 512.  Year partition: the year, or
 * from 1990 to 2009 (and before) the first year of its five-year group.
 * known_seq: the number of the commit that brought a row.
 *
 * Ownership: see each type.  Threads: a view is read only and may be shared by workers.
 */
#ifndef QLAB_LAKE_LAKE_H
#define QLAB_LAKE_LAKE_H

#include "base/env.h"
#include "base/hash.h"
#include "duck/duck.h"
#include <jansson.h>

enum { QLAB_LAKE_BUCKET_ASSETS = 512 };
#define QLAB_LAKE_LATEST 0u /* commit numbers start at 1 */

typedef enum qlab_asset_class {
    QLAB_CLASS_STOCK, QLAB_CLASS_ETF, QLAB_CLASS_FUND, QLAB_CLASS_BOND,
    QLAB_CLASS_INDEX, QLAB_CLASS_FOREX, QLAB_CLASS_CRYPTO, QLAB_CLASS_OTHER, QLAB_CLASS_COUNT
} qlab_asset_class;
const char *qlab_asset_class_name(qlab_asset_class c);               /* "stock" */
bool qlab_asset_class_parse(qlab_str s, qlab_asset_class *out);      /* either case */

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
    uint32_t *known_seq;  /* NULL when not asked for */
    uint8_t *provenance;  /* NULL when not asked for; bits below */
} qlab_bars;
enum { QLAB_PROV_DUPLICATE = 1, QLAB_PROV_LATE = 2, QLAB_PROV_REVISED = 4, QLAB_PROV_TOMBSTONE = 8 };
void qlab_bars_free(qlab_bars *b);

/* ---- one commit ------------------------------------------------------------------------------ */

typedef enum qlab_part_kind {
    QLAB_PART_BARS, QLAB_PART_DIGESTS, QLAB_PART_MASTER, QLAB_PART_ACTIONS, QLAB_PART_DELISTINGS,
    QLAB_PART_LIVES, QLAB_PART_KINDS
} qlab_part_kind;

typedef struct qlab_part {
    qlab_part_kind kind;
    char *path; /* relative to the root */
    char sha256[65];
    uint64_t n_bytes, n_rows;
    int32_t asset_class; /* -1: not by class */
    int32_t year;        /* first year of the partition; -1 */
    int32_t bucket;      /* -1: all */
    int32_t min_date, max_date;
} qlab_part;

/* A commit resolved: all parts that a read at that commit sees.  Owns everything below it. */
typedef struct qlab_lake_view {
    char *root;
    uint32_t commit; /* 0: an empty lake */
    qlab_basis price_basis, volume_basis;
    qlab_part *parts;
    size_t n_parts;
    qlab_asset *assets; /* the asset master, by asset_ix: assets[i].asset_ix == i */
    size_t n_assets;
    uint32_t *by_id;    /* asset_ix in byte order of asset_id; position = id rank */
    uint32_t *id_rank;  /* asset_ix -> id rank */
    json_t *doc;        /* the commit file */
    struct qlab_arena *strings;
} qlab_lake_view;

/* commit QLAB_LAKE_LATEST resolves to the newest.  No lake at all: an empty view, commit 0.
 * Checks the chain (parent numbers and hashes) and each part's presence and size. */
qlab_code qlab_lake_view_open(const qlab_env *env, uint32_t commit, qlab_lake_view **out,
                              qlab_err *err) QLAB_MUST_USE;
void qlab_lake_view_close(qlab_lake_view *v);
size_t qlab_lake_n_buckets(const qlab_lake_view *v);
/* -1 when there is no such asset. */
int64_t qlab_lake_find_asset(const qlab_lake_view *v, qlab_str asset_id);

/* Visible bars of a bucket with from <= date <= to, all classes; every asset of the bucket is
 * there, with or without rows. */
enum { QLAB_BARS_PROVENANCE = 1, QLAB_BARS_ADJUSTED = 2 };
qlab_code qlab_lake_read_bars(const qlab_lake_view *v, qlab_conn *conn, uint32_t bucket,
                              int32_t from, int32_t to, unsigned what, qlab_bars *out,
                              qlab_err *err) QLAB_MUST_USE;
/* Only asset_ix, first and date are filled (others NULL): the cheap pass. */
qlab_code qlab_lake_read_dates(const qlab_lake_view *v, qlab_conn *conn, uint32_t bucket,
                               int32_t from, int32_t to, qlab_bars *out, qlab_err *err) QLAB_MUST_USE;

/* ---- identity -------------------------------------------------------------------------------- */

/* Leaf over rows [first, first+n) of one asset: {int32 date, u8 null mask O..V bits 0-4, five
 * little-endian doubles, null as 0, -0 as +0} (DESIGN 4). */
qlab_digest qlab_lake_leaf(const qlab_bars *b, size_t first, size_t n);

/* Digest rows as stored by a commit and bucket: yearly leaves for all years, monthly leaves for the
 * newest four calendar years of the lake; period = year, or 100*year + month. */
typedef struct qlab_leaf {
    uint32_t asset_ix;
    int32_t period;
    uint32_t n_rows;
    qlab_digest digest;
} qlab_leaf;
qlab_code qlab_lake_read_leaves(const qlab_lake_view *v, qlab_conn *conn, uint32_t bucket,
                                qlab_leaf **out, size_t *n, qlab_err *err) QLAB_MUST_USE;
/* Root over all assets from their yearly leaves with period <= through_year; `override` (may be
 * NULL) replaces leaves of one year. */

/* ---- writing: everything of one ingest becomes one commit ------------------------------------ */

/* Writes rows of one bucket, split by class and year partition, as parts under lake/bars/; appends
 * to *parts (owned by the caller; grown with qlab_grow).  Rows must be sorted; class by asset_ix. */
qlab_code qlab_lake_write_bars(const qlab_env *env, qlab_conn *conn, uint32_t bucket,
                               const qlab_bars *rows, const qlab_asset *assets_of_bucket,
                               uint32_t known_seq, qlab_part **parts, size_t *n_parts,
                               size_t *cap_parts, qlab_err *err) QLAB_MUST_USE;
/* Any other table as one part of a kind under lake/<kind>/. */
qlab_code qlab_lake_write_table(const qlab_env *env, qlab_conn *conn, qlab_part_kind kind,
                                int32_t bucket, const qlab_col *cols, size_t n_cols, size_t n_rows,
                                qlab_part *out, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_lake_write_master(const qlab_env *env, qlab_conn *conn, const qlab_asset *assets,
                                 size_t n, uint32_t known_seq, qlab_part *out,
                                 qlab_err *err) QLAB_MUST_USE;

typedef struct qlab_commit_draft {
    uint32_t parent;       /* what the writer saw; the commit becomes parent + 1 */
    const char *kind;      /* "ingest", "actions", "delistings" */
    qlab_basis price_basis, volume_basis;
    const qlab_part *added;
    size_t n_added;
    const char *const *removed; /* paths of parts this commit no longer shows */
    size_t n_removed;
    json_t *counts;        /* borrowed; counts by reason */
    json_t *sources;       /* borrowed; source packs with sha256 */
    const char *run_id;
} qlab_commit_draft;
/* QLAB_E_LOCKED-free exclusive create: QLAB_E_EXISTS when another writer took the number. */
qlab_code qlab_lake_commit(const qlab_env *env, const qlab_commit_draft *draft, uint32_t *number,
                           qlab_err *err) QLAB_MUST_USE;

/* Re-hashes every part of a commit, checks order, keys, counts and digests; each finding is one
 * line to `say`; *n_findings counts them. */
qlab_code qlab_lake_verify(const qlab_env *env, uint32_t commit,
                           void (*say)(void *ctx, const char *finding), void *ctx,
                           size_t *n_findings, qlab_err *err) QLAB_MUST_USE;

#endif
