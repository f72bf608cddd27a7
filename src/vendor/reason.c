#include "vendor/reason.h"

#include <assert.h>
#include <string.h>

static const char *const NAMES[QLAB_REASON_COUNT] = {
    [QLAB_REASON_NONE] = "",
    [QLAB_REASON_EMPTY_DATE] = "EMPTY_DATE",
    [QLAB_REASON_BAD_DATE] = "BAD_DATE",
    [QLAB_REASON_FUTURE_DATE] = "FUTURE_DATE",
    [QLAB_REASON_BAD_NUMBER] = "BAD_NUMBER",
    [QLAB_REASON_NULL_CLOSE] = "NULL_CLOSE",
    [QLAB_REASON_NEGATIVE_PRICE] = "NEGATIVE_PRICE",
    [QLAB_REASON_HIGH_BELOW_LOW] = "HIGH_BELOW_LOW",
    [QLAB_REASON_NEGATIVE_VOLUME] = "NEGATIVE_VOLUME",
    [QLAB_REASON_DUPLICATE] = "DUPLICATE",
    [QLAB_REASON_DUPLICATE_CONFLICT] = "DUPLICATE_CONFLICT",
    [QLAB_REASON_SUPERSEDED] = "SUPERSEDED",
    [QLAB_REASON_UNKNOWN_ASSET] = "UNKNOWN_ASSET",
    [QLAB_REASON_OUTSIDE_POINTER] = "OUTSIDE_POINTER",
    [QLAB_REASON_BAD_JSON] = "BAD_JSON",
    [QLAB_REASON_TOO_LONG] = "TOO_LONG",
    [QLAB_REASON_NOT_UTF8] = "NOT_UTF8",
    [QLAB_REASON_REGISTRY_BAD_LINE] = "REGISTRY_BAD_LINE",
    [QLAB_REASON_REGISTRY_DUPLICATE] = "REGISTRY_DUPLICATE",
    [QLAB_REASON_PACK_MISSING] = "PACK_MISSING",
    [QLAB_REASON_PACK_TRUNCATED] = "PACK_TRUNCATED",
    [QLAB_REASON_PACK_BAD_GZIP] = "PACK_BAD_GZIP",
    [QLAB_REASON_PACK_HASH_MISMATCH] = "PACK_HASH_MISMATCH",
    [QLAB_REASON_PATH_ESCAPES_ROOT] = "PATH_ESCAPES_ROOT",
    [QLAB_REASON_SIDECAR_BAD_NAME] = "SIDECAR_BAD_NAME",
    [QLAB_REASON_SIDECAR_UNKNOWN_PACK] = "SIDECAR_UNKNOWN_PACK",
};

const char *qlab_reason_name(qlab_reason reason)
{
    assert((unsigned)reason < QLAB_REASON_COUNT);
    return NAMES[reason];
}

bool qlab_reason_parse(const char *name, qlab_reason *out)
{
    for (unsigned r = 1; r < QLAB_REASON_COUNT; r++) {
        if (strcmp(name, NAMES[r]) == 0) {
            *out = (qlab_reason)r;
            return true;
        }
    }
    return false;
}

bool qlab_reason_is_pack(qlab_reason reason)
{
    return reason >= QLAB_REASON_PACK_MISSING && reason <= QLAB_REASON_SIDECAR_UNKNOWN_PACK;
}

bool qlab_reason_is_registry(qlab_reason reason)
{
    return reason == QLAB_REASON_REGISTRY_BAD_LINE || reason == QLAB_REASON_REGISTRY_DUPLICATE;
}

bool qlab_reason_is_duplicate(qlab_reason reason)
{
    return reason >= QLAB_REASON_DUPLICATE && reason <= QLAB_REASON_SUPERSEDED;
}
