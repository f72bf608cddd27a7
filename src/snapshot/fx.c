/* Rates of conversion of a snapshot: read from bars, written, digested and loaded. */
#include "base/alloc.h"
#include "base/date.h"
#include "snapshot/internal.h"
#include <math.h>
#include <string.h>

/* The pair of each currency: against USD before USD against it, then the first asset_id. */
static void choose_pairs(const qlab_build *b, qlab_fx_rates *fx, bool *inverse)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t k = 0; k < b->view->n_assets; k++) {
            const qlab_asset *a = &b->view->assets[b->view->by_id[k]];
            char currency[4];
            bool turned;
            if (a->asset_class != QLAB_CLASS_FOREX || !qlab_fx_pair(a->symbol, currency, &turned) ||
                turned != (pass == 1) || qlab_fx_way_of(fx, currency).series != NULL)
                continue;
            qlab_fx_add(fx, currency)->asset_ix = a->asset_ix;
            inverse[a->asset_ix] = turned;
        }
}

static qlab_code read_bucket(qlab_build *b, uint32_t bucket, const bool *inverse, qlab_conn *conn,
                             qlab_err *err)
{
    uint8_t wanted[QLAB_LAKE_BUCKET_ASSETS] = {0};
    qlab_bars bars = {0};
    bool any = false;
    for (size_t i = 0; i < b->fx.n; i++)
        if (b->fx.of[i].asset_ix / QLAB_LAKE_BUCKET_ASSETS == bucket)
            wanted[b->fx.of[i].asset_ix % QLAB_LAKE_BUCKET_ASSETS] = 1;
    for (size_t i = 0; i < QLAB_LAKE_BUCKET_ASSETS; i++)
        any = any || wanted[i];
    if (!any)
        return QLAB_OK;
    qlab_code code = qlab_lake_read_bars_of(b->view, conn, bucket, wanted, QLAB_DATE_NONE, b->asof,
                                            0, &bars, err);
    for (size_t i = 0; code == QLAB_OK && i < b->fx.n; i++) {
        qlab_fx_series *s = &b->fx.of[i];
        if (s->asset_ix / QLAB_LAKE_BUCKET_ASSETS != bucket)
            continue;
        const size_t a = s->asset_ix % QLAB_LAKE_BUCKET_ASSETS;
        for (size_t row = bars.first[a]; row < bars.first[a + 1]; row++) {
            const double c = bars.close[row], usd = inverse[s->asset_ix] ? 1.0 / c : c;
            if (c > 0.0 && usd > 0.0 && usd - usd == 0.0)
                qlab_fx_push(s, bars.date[row], usd);
        }
    }
    b->n_bars_read += bars.n_rows;
    qlab_bars_free(&bars);
    return code;
}

qlab_code qlab_build_read_fx(qlab_build *b, qlab_err *err)
{
    bool *inverse = qlab_alloc_zero(b->view->n_assets, sizeof *inverse);
    qlab_conn *conn = NULL;
    qlab_code code = qlab_duck_conn(b->env->duck, 0, &conn, err);
    choose_pairs(b, &b->fx, inverse);
    for (uint32_t k = 0; code == QLAB_OK && b->fx.n > 0 && k < qlab_lake_n_buckets(b->view); k++)
        code = read_bucket(b, k, inverse, conn, err);
    size_t kept = 0; /* a pair without a usable bar is none */
    for (size_t i = 0; i < b->fx.n; i++) {
        if (b->fx.of[i].n > 0)
            b->fx.of[kept++] = b->fx.of[i];
    }
    b->fx.n = kept;
    qlab_free(inverse);
    return code;
}

/* Without rates: the hash of nothing, so that a root without pairs keeps its ids. */
qlab_digest qlab_fx_digest(const qlab_fx_rates *fx)
{
    qlab_sha256 *h = qlab_sha256_new();
    for (size_t i = 0; i < fx->n; i++)
        for (size_t k = 0; k < fx->of[i].n; k++) {
            qlab_sha256_put_str(h, fx->of[i].currency, 3);
            qlab_sha256_put_i32(h, fx->of[i].date[k]);
            qlab_sha256_put_f64(h, fx->of[i].usd[k]);
        }
    qlab_digest d = qlab_sha256_end(h);
    qlab_sha256_free(h);
    return d;
}

uint64_t qlab_fx_n_rates(const qlab_fx_rates *fx)
{
    uint64_t n = 0;
    for (size_t i = 0; i < fx->n; i++)
        n += fx->of[i].n;
    return n;
}

qlab_code qlab_snapshot_take_fx(qlab_snapshot *s, const qlab_table *t, qlab_err *err)
{
    qlab_fx_series *of = NULL;
    for (size_t i = 0; i < t->n_rows; i++) {
        const qlab_str c = t->cols[0].str[i];
        char currency[4] = "";
        if (c.at != NULL && c.n == 3)
            memcpy(currency, c.at, 3);
        const bool same = of != NULL && strcmp(of->currency, currency) == 0;
        if (currency[0] == '\0' || !(t->cols[2].f64[i] > 0.0) ||
            (same && t->cols[1].i32[i] <= of->date[of->n - 1]) ||
            (!same && qlab_fx_way_of(&s->fx, currency).series != NULL))
            return qlab_fail(err, QLAB_E_CORRUPT, "fx_rates.parquet of %s: row %zu could not be",
                             s->id, i);
        if (!same)
            of = qlab_fx_add(&s->fx, currency);
        qlab_fx_push(of, t->cols[1].i32[i], t->cols[2].f64[i]);
    }
    return QLAB_OK;
}
