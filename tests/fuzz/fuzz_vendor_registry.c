/* Registry text: every line becomes an asset or a finding; assets are sorted and found again. */
#include "vendor/registry.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_registry *r = NULL;
    if (qlab_registry_parse("r.ndjson", data, size, &r, &err) != QLAB_OK)
        return 0;
    if (r->n_assets + r->n_findings != r->n_lines)
        abort();
    for (size_t i = 0; i < r->n_assets; i++) {
        const char *id = r->assets[i].asset_id;
        if (qlab_registry_find(r, qlab_str_of(id)) != (int64_t)i)
            abort();
        if (i > 0 && strcmp(r->assets[i - 1].asset_id, id) >= 0)
            abort();
    }
    qlab_registry_free(r);
    return 0;
}
