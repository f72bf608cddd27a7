/* Any prices at all: derivation ends, and each action says what it must. */
#include "truth/derive.h"

#include "base/alloc.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { ROW_BYTES = 3 * sizeof(double) };
    const size_t n = size / ROW_BYTES;
    double *v = malloc((3 * n + 1) * sizeof *v);
    int32_t *date = malloc((n + 1) * sizeof *date);
    if (v == NULL || date == NULL)
        abort();
    memcpy(v, data, 3 * n * sizeof *v);
    for (size_t i = 0; i < n; i++)
        date[i] = (int32_t)i;
    for (size_t i = 0; i < 3 * n; i++)
        if (isinf(v[i]) || fabs(v[i]) > 1e15 || (v[i] > 0.0 && v[i] < 1e-12))
            v[i] = NAN; /* the readers let none of these through */
    const qlab_vintage vintage = {.n = n,
                                  .date = date,
                                  .close = v,
                                  .adjusted_close = v + n,
                                  .volume = v + 2 * n,
                                  .currency = ""};
    qlab_action *a = NULL;
    size_t n_actions = 0, cap = 0;
    qlab_derive_actions(&vintage, &a, &n_actions, &cap);
    for (size_t i = 0; i < n_actions; i++) {
        const qlab_action *x = &a[i];
        if (!(x->c > 0.0) || !(x->c_low <= x->c && x->c <= x->c_high))
            abort();
        if (x->c_low <= 1.0 && x->c_high >= 1.0)
            abort();
        if (i > 0 && a[i - 1].ex_date >= x->ex_date)
            abort();
        if ((x->type == QLAB_ACTION_SPLIT) != !isnan(x->r))
            abort();
    }
    qlab_free(a);
    free(date);
    free(v);
    return 0;
}
