/* CSV text: records lie inside the text in order, and pieces make no difference. */
#include "base/alloc.h"
#include "vendor/csv_table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hear(void *ctx, const qlab_csv_record *r)
{
    qlab_buf *b = ctx;
    qlab_buf_putf(b, "%llu@%llu+%zu:%s", (unsigned long long)r->line, (unsigned long long)r->at,
                  r->text.n, r->bad != NULL ? r->bad : "");
    for (size_t i = 0; i < r->n_cells; i++) {
        qlab_buf_putf(b, "[%zu ", r->cells[i].n);
        qlab_buf_put(b, r->cells[i].at, r->cells[i].n);
    }
}

static void split(qlab_buf *out, const uint8_t *data, size_t size, size_t step)
{
    qlab_csv_table *t = qlab_alloc_zero(1, sizeof *t);
    t->record = hear;
    t->ctx = out;
    qlab_csv_table_restart(t);
    for (size_t at = 0; at < size; at += step) {
        const size_t n = size - at < step ? size - at : step;
        qlab_csv_table_put(t, (const char *)data + at, n, at + n == size);
    }
    qlab_csv_table_free(t);
    qlab_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    qlab_buf a = QLAB_BUF_INIT, b = QLAB_BUF_INIT;
    split(&a, data, size, size ? size : 1);
    split(&b, data, size, 7);
    if (a.n != b.n || (a.n && memcmp(a.at, b.at, a.n) != 0))
        abort();
    qlab_buf_free(&a);
    qlab_buf_free(&b);
    return 0;
}
