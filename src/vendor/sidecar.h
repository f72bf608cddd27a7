/* vendor/sidecar.h -- the files of <vendor>/history-deltas and the packs that they amend (v7).
 *
 *   history-deltas/<pack path>.delta-<YYYY-MM-DD>.ndjson.gz
 *
 * <pack path> is a pack of the registry, relative to the vendor folder or to its history/, with or
 * without ".ndjson.gz".  Its lines are those of a pack, with new or changed bars alone.  The
 * delivered state of an asset is its pack overlaid with the sidecars of that pack in order of
 * (date, path).
 *
 * Refused: PATH_ESCAPES_ROOT (a symbolic link out of the vendor folder), SIDECAR_BAD_NAME
 * (".delta-" without a day of the calendar behind it, or another ending), SIDECAR_UNKNOWN_PACK (no
 * asset of the registry points to that pack).  Files without ".delta-" in their name are no
 * sidecars.
 *
 * Ownership: a list owns its strings.  Threads: read only once made.
 */
#ifndef QLAB_VENDOR_SIDECAR_H
#define QLAB_VENDOR_SIDECAR_H

#include "vendor/registry.h"

typedef struct qlab_sidecar {
    const char *path; /* relative to the vendor folder, '/'-separated */
    uint32_t pack_no; /* index into the registry's packs; QLAB_NO_PACK */
    int32_t date;     /* of the name; QLAB_DATE_NONE */
    qlab_reason refused;
    const char *why;
} qlab_sidecar;

typedef struct qlab_sidecars {
    qlab_sidecar *at; /* by (pack_no, date, path) */
    size_t n, cap;
    qlab_arena strings;
} qlab_sidecars;

typedef enum qlab_sidecar_name_is {
    QLAB_SIDECAR_NAME_OTHER, /* no sidecar */
    QLAB_SIDECAR_NAME_BAD,
    QLAB_SIDECAR_NAME_GOOD
} qlab_sidecar_name_is;
/* A path below history-deltas/: *n_stem bytes of it name the pack. */
qlab_sidecar_name_is qlab_sidecar_name(qlab_str path, size_t *n_stem, int32_t *date);

/* All sidecars of the registry's folder; none where it has no history-deltas/.  Fails where a
 * folder could not be listed. */
qlab_code qlab_sidecars_find(const qlab_registry *r, qlab_sidecars *out,
                             qlab_err *err) QLAB_MUST_USE;
void qlab_sidecars_free(qlab_sidecars *s);

#endif
