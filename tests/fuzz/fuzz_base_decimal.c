/* Decimals: never past the end, the same as strtod, and the text written reads back. */
#include "base/decimal.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size ? size : 1); /* a byte past the end is seen by ASan */
    if (!exact)
        return 0;
    memcpy(exact, data, size);
    double v = 0.0;
    size_t n_read = 0;
    int n_decimals = 0;
    const qlab_decimal_status s = qlab_decimal_parse(exact, size, &v, &n_read, &n_decimals);
    if (n_read > size || n_decimals < 0)
        abort();
    if (s != QLAB_DECIMAL_BAD && n_read < 4000) {
        char text[4001], out[QLAB_DECIMAL_BYTES];
        memcpy(text, exact, n_read);
        text[n_read] = '\0';
        const double want = strtod(text, NULL);
        if (s == QLAB_DECIMAL_RANGE ? !isinf(want) : memcmp(&v, &want, sizeof v) != 0)
            abort();
        if (s == QLAB_DECIMAL_OK) {
            const size_t n = qlab_decimal_format(v, out);
            double back;
            if (qlab_decimal_parse(out, n, &back, &n_read, NULL) != QLAB_DECIMAL_OK ||
                n_read != n || memcmp(&back, &v, sizeof v) != 0)
                abort();
        }
    }
    free(exact);
    return 0;
}
