/* vendor/registry.h -- the vendor's list of assets and where their history lies (v7 layout).
 *
 * One JSON object a line (FORMATS 1).  canonical_id must be a string that is not empty; the fields
 * that the asset master has columns for must be strings or null; a line that fails this is
 * REGISTRY_BAD_LINE, an id that comes again makes its earlier line REGISTRY_DUPLICATE.  Every other
 * field is kept as canonical JSON.
 *
 * A pointer is resolved against <vendor>/ and <vendor>/history/.  One with a `..` part, an absolute
 * one, or one whose real path lies outside the vendor folder is refused (PATH_ESCAPES_ROOT); two
 * spellings of one file are one pack.
 *
 * Ownership: a registry owns all its strings.  Threads: read only once loaded.
 */
#ifndef QLAB_VENDOR_REGISTRY_H
#define QLAB_VENDOR_REGISTRY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/view.h"
#include "vendor/reason.h"
#include <stdint.h>

/* One asset as delivered; absent strings are "". */
typedef struct qlab_vendor_asset {
    const char *asset_id, *type_norm, *symbol, *exchange, *mic, *name, *currency, *country;
    const char *provider_symbol;
    const char *extra;       /* all other fields, canonical JSON, "{}" when none */
    const char *pointer;     /* as delivered; "" = none */
    const char *pack_sha256; /* as delivered; "" = none */
    uint32_t pack_no;        /* index into packs; QLAB_NO_PACK */
    uint64_t line;
} qlab_vendor_asset;
#define QLAB_NO_PACK UINT32_MAX

/* One file that pointers lead to, or one pointer that leads nowhere. */
typedef struct qlab_vendor_pack {
    const char *path; /* relative to the vendor folder, '/'-separated; the pointer when refused */
    qlab_reason refused; /* NONE, PATH_ESCAPES_ROOT, PACK_MISSING or PACK_HASH_MISMATCH (two
                            assets promise different hashes, or one that is no hash) */
    const char *why;
    bool has_sha256;
    qlab_digest sha256; /* promised */
} qlab_vendor_pack;

typedef struct qlab_registry_finding {
    qlab_reason reason;
    uint64_t line, byte_offset;
    const char *asset_id; /* NULL = unknown */
    const char *detail;
    qlab_str datum;
} qlab_registry_finding;

typedef struct qlab_registry {
    char *vendor_dir;   /* its real path */
    const char *path;   /* "registry/registry.ndjson.gz": which of the two was read */
    qlab_digest sha256; /* of that file */
    uint64_t n_lines;
    qlab_vendor_asset *assets; /* in byte order of asset_id */
    size_t n_assets;
    qlab_vendor_pack *packs; /* in byte order of path */
    size_t n_packs;
    qlab_registry_finding *findings; /* in order of lines */
    size_t n_findings;
    /* private */
    size_t cap_assets, cap_packs, cap_findings, n_folded;
    uint32_t *table; /* open addressing: asset index + 1 */
    size_t table_size;
    qlab_arena strings;
} qlab_registry;

/* QLAB_E_NOT_FOUND: no vendor folder or no registry in it.  QLAB_E_CORRUPT: the registry is not
 * gzip, is cut, or holds no asset at all. */
qlab_code qlab_registry_load(const char *vendor_dir, qlab_registry **out,
                             qlab_err *err) QLAB_MUST_USE;
void qlab_registry_free(qlab_registry *r);
/* Index of an asset, or -1. */
int64_t qlab_registry_find(const qlab_registry *r, qlab_str asset_id);
/* The registry's bytes alone, with no folder behind it and no pointer resolved (tests, fuzzing). */
qlab_code qlab_registry_parse(const char *name, const void *bytes, size_t n, qlab_registry **out,
                              qlab_err *err) QLAB_MUST_USE;
/* Builds assets (sorted) and the table out of assets put one by one; for other adapters. */
qlab_registry *qlab_registry_new(void);
qlab_code qlab_registry_set_folder(qlab_registry *r, const char *vendor_dir,
                                   qlab_err *err) QLAB_MUST_USE;
qlab_vendor_asset *qlab_registry_put(qlab_registry *r); /* zeroed strings are "" */
void qlab_registry_index(qlab_registry *r);             /* a repeated id: the last put wins */
void qlab_registry_resolve(qlab_registry *r);           /* pointers to packs; after the index */

#endif
