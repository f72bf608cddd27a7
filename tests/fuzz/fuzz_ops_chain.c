/* The hash-chained ledger: bytes that are accepted hold a whole chain. */
#include "base/json.h"
#include "ops/chain.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_chain c, again;
    if (qlab_chain_parse("f", (const char *)data, size, &c, &err) != QLAB_OK)
        return 0;
    if (c.n_bytes > size)
        abort();
    if (qlab_chain_parse("f", (const char *)data, c.n_bytes, &again, &err) != QLAB_OK ||
        strcmp(again.head, c.head) != 0 || !json_equal(again.lines, c.lines))
        abort();
    qlab_chain_free(&again);
    qlab_chain_free(&c);
    return 0;
}
