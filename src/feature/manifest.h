/* feature/manifest.h -- feature_panel_manifest.json: what a set is made of, and its counts.
 *
 * Same inputs, same bytes: nothing about time, place or reuse is in it (that is in *.run.json).
 * Format: docs/formats/panel.md, schemas/feature_panel_manifest.schema.json.
 */
#ifndef QLAB_FEATURE_MANIFEST_H
#define QLAB_FEATURE_MANIFEST_H

#include "feature/set.h"

typedef struct qlab_set_facts {
    const char *id;
    const qlab_snapshot *snap;
    const qlab_catalogue *catalogue;
    uint64_t columns;
    json_t *parameters; /* borrowed */
    const qlab_range_plan *range;
    const qlab_panel_part *parts; /* by (month, kind, bucket) */
    size_t n_parts;
    const qlab_panel_tally *tally;
} qlab_set_facts;

json_t *qlab_set_manifest_make(const qlab_set_facts *f); /* new reference */
/* feature_set_head.json: inputs, parameters, versions and counts of the manifest; new reference. */
json_t *qlab_set_head_make(const qlab_set_facts *f, const json_t *manifest);
char *qlab_set_manifest_path(const char *root, const char *id); /* owned by the caller */

/* Names of its columns, comma-separated, for qlab_catalogue_extend; owned by the caller. */
char *qlab_set_manifest_columns(const json_t *manifest);
/* One entry of "parts". */
qlab_code qlab_set_manifest_part(const json_t *entry, const char *where, qlab_panel_part *out,
                                 qlab_err *err) QLAB_MUST_USE;
/* *stands: every file that it names is there with its size; fills n_parts and n_rows of `out`. */
qlab_code qlab_set_manifest_check(const char *root, const char *id, const json_t *manifest,
                                  bool *stands, qlab_features_made *out,
                                  qlab_err *err) QLAB_MUST_USE;

#endif
