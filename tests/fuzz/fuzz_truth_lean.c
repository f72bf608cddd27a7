/* Lines of factor and map files: what parses has values in range, what does not says why. */
#include "truth/lean.h"

#include "base/date.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size + (size == 0)); /* a byte past the end is seen by ASan */
    if (exact == NULL)
        return 0;
    if (size > 0)
        memcpy(exact, data, size);
    const qlab_str line = {exact, size};
    qlab_factor_line f;
    qlab_map_line m;
    qlab_err err = QLAB_ERR_INIT;
    qlab_feed_format format = qlab_lean_recognise_line(line);
    if (format == QLAB_FEED_AUTO || format >= QLAB_FEED_FORMATS)
        abort();
    if (qlab_lean_parse_factor(line, &f, &err) == QLAB_FEED_OK) {
        if (!(f.price > 0.0 && f.split > 0.0) || !(isnan(f.close) || f.close >= 0.0) ||
            f.date == QLAB_DATE_NONE || format != QLAB_FEED_FACTOR_FILE)
            abort();
        qlab_feed_action row = {0};
        qlab_feed_set_factor(&row, f.price, qlab_feed_interval(f.price, f.k_price), f.split,
                             qlab_feed_interval(f.split, f.k_split));
        if (!(row.a.c > 0.0 && row.a.c_low <= row.a.c && row.a.c <= row.a.c_high))
            abort();
    } else if (err.text[0] == '\0') {
        abort();
    }
    qlab_err_reset(&err);
    if (qlab_lean_parse_map(line, &m, &err) == QLAB_FEED_OK) {
        if (m.ticker.n == 0 || m.ticker.at < exact || m.ticker.at + m.ticker.n > exact + size ||
            m.date == QLAB_DATE_NONE)
            abort();
    } else if (err.text[0] == '\0') {
        abort();
    }
    free(exact);
    return 0;
}
