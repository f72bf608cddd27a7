/* Pack text: whatever the bytes are, the account balances, and the steps in which they come make no
 * difference. */
#include "base/alloc.h"
#include "vendor/pack.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static qlab_who who(void *ctx, qlab_str id, uint32_t *slot)
{
    (void)ctx;
    *slot = id.n > 0 ? (uint32_t)(unsigned char)id.at[id.n - 1] % 4 : 0;
    return id.n % 5 == 0 ? QLAB_WHO_MINE : (qlab_who)(id.n % 5);
}

static qlab_str id_of(void *ctx, uint32_t slot)
{
    static const char *const names[] = {"A", "B", "C", "D"};
    (void)ctx;
    return qlab_str_of(names[slot]);
}

typedef struct reading {
    qlab_rows rows;
    qlab_segments segments;
    uint8_t *duplicate;
    size_t cap;
    qlab_quarantine quarantine;
    qlab_pack_result result;
} reading;

static void read_with(reading *v, size_t step, const uint8_t *data, size_t size)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_pack_reader *r = qlab_pack_reader_new_stepping(1, step, 4096);
    const qlab_pack_job job = {.pack = QLAB_STR("p"),
                               .path = "p",
                               .owner = true,
                               .now = 20000,
                               .who = who,
                               .asset_id_of = id_of};
    *v = (reading){.cap = 0};
    if (qlab_pack_read_bytes(r, &job, data, size, &v->rows, &v->segments, &v->duplicate, &v->cap,
                             &v->quarantine, &v->result, &err) != QLAB_OK ||
        !qlab_counts_balance(&v->result.counts))
        abort();
    qlab_quarantine_sort(&v->quarantine);
    qlab_pack_reader_free(r);
}

static void release(reading *v)
{
    qlab_rows_free(&v->rows);
    qlab_free(v->segments.at);
    qlab_free(v->duplicate);
    qlab_quarantine_free(&v->quarantine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    reading a, b;
    if (size >= 2 && data[0] == 0x1f && data[1] == 0x8b) /* fuzz_vendor_gzip's */
        return 0;
    read_with(&a, QLAB_INFLATE_STEP_BYTES, data, size);
    read_with(&b, 16 + size % 61, data, size);
    if (memcmp(&a.result.counts, &b.result.counts, sizeof a.result.counts) != 0 ||
        a.rows.n != b.rows.n || a.segments.n != b.segments.n || a.quarantine.n != b.quarantine.n ||
        a.quarantine.text.n != b.quarantine.text.n)
        abort();
    if (a.quarantine.n > 0 &&
        memcmp(a.quarantine.text.at, b.quarantine.text.at, a.quarantine.text.n))
        abort();
    for (size_t i = 0; i < a.rows.n; i++) {
        if (a.rows.date[i] != b.rows.date[i] || a.rows.at[i] != b.rows.at[i])
            abort();
    }
    release(&a);
    release(&b);
    return 0;
}
