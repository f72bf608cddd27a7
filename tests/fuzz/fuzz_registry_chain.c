/* Any bytes as a ledger: lines or a message, never more. */
#include "registry/trials_int.h"

#include "base/alloc.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_trial_line *lines = NULL;
    qlab_rchain *c = NULL;

    if (qlab_rchain_parse("fuzz", (const char *)data, n, &c, &err) != QLAB_OK) {
        assert(err.code != QLAB_OK && err.text[0] != '\0');
        return 0;
    }
    if (qlab_trial_lines_read(c, qlab_rchain_lines(c), &lines, &err) != QLAB_OK)
        assert(err.code == QLAB_E_CORRUPT);
    qlab_free(lines);
    qlab_rchain_close(c);
    return 0;
}
