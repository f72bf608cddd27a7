#include "strategy/universe.h"

#include "base/alloc.h"
#include "lake/lake.h"
#include "num/xsec.h"

#include <math.h>
#include <stdlib.h>

qlab_universe qlab_universe_default(void)
{
    return (qlab_universe){(1u << QLAB_CLASS_STOCK) | (1u << QLAB_CLASS_ETF), 0};
}

bool qlab_universe_eq(qlab_universe a, qlab_universe b)
{
    return a.class_mask == b.class_mask && a.top_liquid == b.top_liquid;
}

void qlab_universe_print(qlab_universe u, qlab_buf *out)
{
    const char *plus = "";

    for (int c = 0; c < QLAB_CLASS_COUNT; c++)
        if (u.class_mask >> c & 1u) {
            qlab_buf_putf(out, "%s%s", plus, qlab_asset_class_name((qlab_asset_class)c));
            plus = "+";
        }
    if (u.top_liquid > 0)
        qlab_buf_putf(out, ", %u most liquid", u.top_liquid);
}

typedef struct ranked {
    double value;
    uint32_t row;
} ranked;

/* Most liquid first; ties by asset_id, which is the order of rows. */
static int more_liquid(const void *pa, const void *pb)
{
    const ranked *a = pa, *b = pb;

    if (a->value != b->value)
        return a->value > b->value ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static int by_row(const void *pa, const void *pb)
{
    const uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

    return a < b ? -1 : a > b;
}

static size_t most_liquid(const qlab_universe_rows *x, uint32_t *rows, size_t n, size_t wanted)
{
    double *value = qlab_alloc(n + 1, sizeof *value);
    uint32_t *currency = qlab_alloc(n + 1, sizeof *currency);
    ranked *r = qlab_alloc(n + 1, sizeof *r);
    size_t n_known = 0;

    for (size_t i = 0; i < n; i++) {
        value[i] = x->liquidity[rows[i]];
        currency[i] = x->currency[rows[i]];
    }
    if (!x->liquidity_in_usd) {
        void *scratch = qlab_alloc(qlab_xsec_scratch_bytes(n, x->n_currencies, 0) + 1, 1);
        qlab_xsec_rank((qlab_f64v){value, n}, currency, x->n_currencies, (qlab_f64w){value, n},
                       scratch);
        qlab_free(scratch);
    }
    for (size_t i = 0; i < n; i++)
        if (!isnan(value[i]))
            r[n_known++] = (ranked){value[i], rows[i]};
    qsort(r, n_known, sizeof *r, more_liquid);
    if (wanted > n_known)
        wanted = n_known;
    for (size_t i = 0; i < wanted; i++)
        rows[i] = r[i].row;
    qsort(rows, wanted, sizeof *rows, by_row);
    qlab_free(value);
    qlab_free(currency);
    qlab_free(r);
    return wanted;
}

size_t qlab_universe_select(qlab_universe u, const qlab_universe_rows *x, uint32_t *rows)
{
    size_t n = 0;

    for (size_t i = 0; i < x->n; i++)
        if (x->eligibility[i] == 0 && (u.class_mask >> x->asset_class[i] & 1u))
            rows[n++] = (uint32_t)i;
    return u.top_liquid > 0 ? most_liquid(x, rows, n, u.top_liquid) : n;
}
