/* The gzip front: whole and stepwise give the same verdict and the same bytes. */
#include "base/alloc.h"
#include "vendor/inflate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_BYTES = 1 << 22 };

static qlab_code put(void *ctx, char *bytes, size_t n, bool last, qlab_err *err)
{
    (void)last;
    if (((qlab_buf *)ctx)->n + n > MOST_BYTES)
        return qlab_fail(err, QLAB_E_LIMIT, "more than a fuzzer wants");
    qlab_buf_put(ctx, bytes, n);
    return QLAB_OK;
}

static void restart(void *ctx)
{
    ((qlab_buf *)ctx)->n = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    qlab_buf a = QLAB_BUF_INIT, b = QLAB_BUF_INIT;
    const qlab_inflate_sink to_a = {&a, put, restart}, to_b = {&b, put, restart};
    qlab_inflated in_a, in_b;
    qlab_err err = QLAB_ERR_INIT;
    qlab_inflater *whole = qlab_inflater_new(MOST_BYTES, QLAB_INFLATE_STEP_BYTES);
    qlab_inflater *steps = qlab_inflater_new(0, 64);
    const qlab_code x = qlab_inflate_bytes(whole, "p.gz", data, size, &to_a, &in_a, &err);
    const qlab_code y = qlab_inflate_bytes(steps, "p.gz", data, size, &to_b, &in_b, &err);
    if (x != y)
        abort();
    if (x == QLAB_OK) {
        if (in_a.verdict != in_b.verdict || qlab_digest_cmp(&in_a.sha256, &in_b.sha256) != 0)
            abort();
        if (in_a.verdict == QLAB_INFLATE_OK &&
            (a.n != b.n || (a.n && memcmp(a.at, b.at, a.n) != 0)))
            abort();
    }
    qlab_inflater_free(whole);
    qlab_inflater_free(steps);
    qlab_buf_free(&a);
    qlab_buf_free(&b);
    return 0;
}
