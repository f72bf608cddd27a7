/* Any JSON as a feature set's manifest: entries of parts are taken or refused, never misread. */
#include "base/json.h"
#include "feature/manifest.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    qlab_err err = QLAB_ERR_INIT;
    json_t *o = NULL;
    if (qlab_json_parse("fuzz", (const char *)data, n, &o, &err) != QLAB_OK)
        return 0;
    qlab_panel_part part;
    if (qlab_set_manifest_part(o, "fuzz", &part, &err) == QLAB_OK &&
        (part.name[32] != '\0' || part.kind >= QLAB_PANEL_KINDS))
        __builtin_trap();
    bool stands;
    qlab_features_made made = {0};
    qlab_err_reset(&err);
    if (qlab_set_manifest_check("/nonexistent", "fuzz", o, &stands, &made, &err) == QLAB_OK &&
        stands && made.n_rows > 0)
        __builtin_trap();
    json_decref(o);
    return 0;
}
