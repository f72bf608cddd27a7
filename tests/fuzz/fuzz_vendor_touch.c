/* Touch reports: understood whole or said why not. */
#include "vendor/touch.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    qlab_touch t;
    qlab_touch_parse((const char *)data, size, &t);
    if (!t.there || (t.why != NULL && t.n > 0))
        abort();
    for (size_t i = 0; i < t.n; i++) {
        if (t.at[i].pack == NULL)
            abort();
    }
    qlab_touch_free(&t);
    return 0;
}
