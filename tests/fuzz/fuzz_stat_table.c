/* The CSV of `quantlab stat`: any bytes are a table whose cells are finite or missing, or an error.
 */
#include "stat/table.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_stat_table t;
    if (qlab_stat_table_parse("f", (const char *)data, size, &t, &err) != QLAB_OK) {
        if (err.code == QLAB_OK || err.text[0] == '\0')
            abort();
        return 0;
    }
    for (size_t c = 0; c < t.n_cols; c++) {
        if (qlab_stat_table_find(&t, t.names[c]) != c)
            abort();
        for (size_t i = 0; i < t.n_rows; i++)
            if (isinf(t.col[c][i]))
                abort();
    }
    for (size_t i = 1; t.dates && i < t.n_rows; i++)
        if (t.dates[i] <= t.dates[i - 1])
            abort();
    qlab_stat_table_free(&t);
    return 0;
}
