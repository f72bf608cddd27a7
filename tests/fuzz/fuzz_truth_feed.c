/* Feed lines: the first byte chooses NDJSON or CSV; whatever parses has values in range. */
#include "truth/feed.h"

#include "base/date.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_row(const qlab_flat_row *row, qlab_arena *a)
{
    qlab_asset asset = {.asset_id = "US:AAA", .currency = "USD"};
    uint32_t zero = 0;
    const qlab_lake_view view = {.assets = &asset, .n_assets = 1, .by_id = &zero, .id_rank = &zero};
    qlab_feed_action f;
    qlab_delisting d;
    qlab_err err = QLAB_ERR_INIT;
    if (qlab_feed_parse_action(&view, row, a, &f, &err) == QLAB_FEED_OK) {
        const bool factor = f.a.source == QLAB_SOURCE_FACTOR_FEED;
        if (factor && !(f.a.c > 0.0 && f.a.c_low <= f.a.c && f.a.c <= f.a.c_high))
            abort();
        if (!factor && isnan(f.a.r) == isnan(f.a.d))
            abort();
        if (f.a.ex_date == QLAB_DATE_NONE || f.a.asset_ix != 0)
            abort();
    } else if (err.text[0] == '\0') {
        abort(); /* a rejected row always says why */
    }
    qlab_err_reset(&err);
    if (qlab_feed_parse_delisting(&view, row, a, &d, &err) == QLAB_FEED_OK) {
        if (d.code >= QLAB_DELIST_CODES || d.delist_return < -1.0)
            abort();
    } else if (err.text[0] == '\0') {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *exact = malloc(size); /* a byte past the end is seen by ASan */
    if (exact == NULL)
        return 0;
    memcpy(exact, data + 1, size - 1);
    qlab_arena a = QLAB_ARENA_INIT;
    qlab_flat_row header, row;
    qlab_err err = QLAB_ERR_INIT;
    const char *end = memchr(exact, '\n', size - 1);
    const size_t n_first = end != NULL ? (size_t)(end - exact) : size - 1;
    if (data[0] % 2 == 0) {
        if (qlab_flat_json((qlab_str){exact, size - 1}, &a, &row, &err) == QLAB_OK)
            try_row(&row, &a);
    } else if (qlab_flat_csv((qlab_str){exact, n_first}, NULL, &a, &header, &err) == QLAB_OK &&
               end != NULL &&
               qlab_flat_csv((qlab_str){end + 1, size - 1 - n_first - 1}, &header, &a, &row,
                             &err) == QLAB_OK) {
        try_row(&row, &a);
    }
    qlab_arena_free(&a);
    free(exact);
    return 0;
}
