/* A sector file: whatever is read names the assets that it should, and a refusal says why. */
#include "truth/sector.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    qlab_asset assets[3] = {{.asset_id = "A", .asset_ix = 0, .symbol = "a"},
                            {.asset_id = "B", .asset_ix = 1, .symbol = "b"},
                            {.asset_id = "C", .asset_ix = 2, .symbol = "b"}};
    uint32_t order[3] = {0, 1, 2};
    const qlab_lake_view view = {.assets = assets, .n_assets = 3, .by_id = order, .id_rank = order};
    qlab_buf text = QLAB_BUF_INIT;
    qlab_feed_file file;
    qlab_sectors s = {0};
    qlab_err err = QLAB_ERR_INIT;

    qlab_buf_put(&text, data, size);
    if (qlab_feed_open_text("f", text, &file, &err) != QLAB_OK)
        return err.text[0] != '\0' ? 0 : (abort(), 1);
    if (qlab_sectors_read("f", &view, &file, &s, &err) == QLAB_OK) {
        size_t n = 0;
        for (size_t i = 0; i < 3; i++) {
            n += s.of[i][0] != '\0';
            if (strlen(s.of[i]) > QLAB_SECTOR_BYTES)
                abort();
        }
        if (n == 0 || n != s.n_known || n + s.n_not_in_lake > s.n_rows)
            abort();
        (void)qlab_sectors_digest(&s, &view);
    } else if (err.text[0] == '\0' || s.of != NULL) {
        abort();
    }
    qlab_sectors_free(&s);
    qlab_feed_close(&file);
    return 0;
}
