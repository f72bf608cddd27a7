/* vendor/reason.h -- why an input was not taken, as one closed list (FORMATS 1).
 *
 * Four scopes: a row (one bar, or all bars of an asset's line), a line of a pack (one row in, one
 * quarantined), a line of the registry, a whole pack.  Names are the words of the format.
 */
#ifndef QLAB_VENDOR_REASON_H
#define QLAB_VENDOR_REASON_H

#include <stdbool.h>

typedef enum qlab_reason {
    QLAB_REASON_NONE,
    /* rows, in the order in which they are looked for: the first that applies is the reason */
    QLAB_REASON_EMPTY_DATE,
    QLAB_REASON_BAD_DATE,
    QLAB_REASON_FUTURE_DATE,
    QLAB_REASON_BAD_NUMBER,
    QLAB_REASON_NULL_CLOSE,
    QLAB_REASON_NEGATIVE_PRICE,
    QLAB_REASON_HIGH_BELOW_LOW,
    QLAB_REASON_NEGATIVE_VOLUME,
    QLAB_REASON_DUPLICATE,
    QLAB_REASON_DUPLICATE_CONFLICT,
    QLAB_REASON_SUPERSEDED, /* a later sidecar has the same date: not wrong, no record */
    QLAB_REASON_UNKNOWN_ASSET,
    QLAB_REASON_OUTSIDE_POINTER,
    /* lines of a pack */
    QLAB_REASON_BAD_JSON,
    QLAB_REASON_TOO_LONG,
    QLAB_REASON_NOT_UTF8,
    /* lines of the registry */
    QLAB_REASON_REGISTRY_BAD_LINE,
    QLAB_REASON_REGISTRY_DUPLICATE,
    /* packs */
    QLAB_REASON_PACK_MISSING,
    QLAB_REASON_PACK_TRUNCATED,
    QLAB_REASON_PACK_BAD_GZIP,
    QLAB_REASON_PACK_HASH_MISMATCH,
    QLAB_REASON_PATH_ESCAPES_ROOT,
    /* sidecars that belong to nothing: never read */
    QLAB_REASON_SIDECAR_BAD_NAME,
    QLAB_REASON_SIDECAR_UNKNOWN_PACK,
    QLAB_REASON_COUNT
} qlab_reason;

const char *qlab_reason_name(qlab_reason reason); /* "HIGH_BELOW_LOW"; NONE is "" */
bool qlab_reason_parse(const char *name, qlab_reason *out);
bool qlab_reason_is_pack(qlab_reason reason); /* of a whole pack or sidecar */
bool qlab_reason_is_registry(qlab_reason reason);
/* DUPLICATE, DUPLICATE_CONFLICT, SUPERSEDED: counted as duplicates, not as quarantined. */
bool qlab_reason_is_duplicate(qlab_reason reason);

#endif
