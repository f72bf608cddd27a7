#include "strategy/placebo.h"

#include "base/alloc.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct ranked {
    double liquidity;
    uint32_t currency, asset;
} ranked;

static int by_liquidity(const void *pa, const void *pb)
{
    const ranked *a = pa, *b = pb;

    if (a->currency != b->currency)
        return a->currency < b->currency ? -1 : 1;
    if (a->liquidity < b->liquidity || a->liquidity > b->liquidity)
        return a->liquidity < b->liquidity ? -1 : 1;
    return a->asset < b->asset ? -1 : a->asset > b->asset;
}

void qlab_placebo_rank(const uint32_t *currency, const double *liquidity, size_t n_assets,
                       uint8_t *quintile)
{
    ranked *r = qlab_alloc(n_assets + 1, sizeof *r);
    size_t n = 0;

    for (uint32_t i = 0; i < n_assets; i++)
        if (!isnan(liquidity[i]))
            r[n++] = (ranked){liquidity[i], currency[i], i};
    qsort(r, n, sizeof *r, by_liquidity);
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first; end < n && r[end].currency == r[first].currency; end++)
            ;
        for (size_t i = first; i < end; i++)
            if (quintile[r[i].asset] == QLAB_PLACEBO_UNRANKED)
                quintile[r[i].asset] =
                    (uint8_t)((i - first) * QLAB_PLACEBO_QUINTILES / (end - first));
    }
    qlab_free(r);
}

/* Assets by stratum, ascending within: place[stratum] .. place[stratum + 1] of `asset`. */
static void group_assets(const uint32_t *currency, size_t n_currencies, const uint8_t *quintile,
                         size_t n_assets, uint32_t *asset, size_t *place)
{
    const size_t n_strata = n_currencies * (QLAB_PLACEBO_QUINTILES + 1);

    memset(place, 0, (n_strata + 2) * sizeof *place);
    for (size_t i = 0; i < n_assets; i++)
        place[currency[i] * (QLAB_PLACEBO_QUINTILES + 1) + quintile[i] + 2]++;
    for (size_t s = 1; s < n_strata + 2; s++)
        place[s] += place[s - 1];
    for (uint32_t i = 0; i < n_assets; i++)
        asset[place[currency[i] * (QLAB_PLACEBO_QUINTILES + 1) + quintile[i] + 1]++] = i;
}

void qlab_placebo_permute(uint64_t seed, uint64_t p, const uint32_t *currency, size_t n_currencies,
                          const uint8_t *quintile, size_t n_assets, uint32_t *source)
{
    const size_t n_strata = n_currencies * (QLAB_PLACEBO_QUINTILES + 1);
    uint32_t *asset = qlab_alloc(n_assets + 1, sizeof *asset);
    uint32_t *cycle = qlab_alloc(n_assets + 1, sizeof *cycle);
    size_t *place = qlab_alloc(n_strata + 2, sizeof *place);

    group_assets(currency, n_currencies, quintile, n_assets, asset, place);
    memcpy(cycle, asset, n_assets * sizeof *cycle);
    for (size_t s = 0; s < n_strata; s++) {
        const size_t first = place[s], n = place[s + 1] - place[s];
        for (size_t i = n; i-- > 1;) { /* Sattolo: the partner is never the element itself */
            const size_t k = (size_t)qlab_rng_below(seed, p, asset[first + i], i);
            const uint32_t kept = cycle[first + i];
            cycle[first + i] = cycle[first + k];
            cycle[first + k] = kept;
        }
        for (size_t i = 0; i < n; i++)
            source[asset[first + i]] = n > 1 ? cycle[first + i] : QLAB_PLACEBO_NONE;
    }
    qlab_free(asset);
    qlab_free(cycle);
    qlab_free(place);
}

typedef struct identified {
    qlab_digest id;
    uint32_t candidate;
} identified;

/* What the candidate does, whatever it is called. */
static qlab_digest identity_of(const qlab_candidate *c)
{
    json_t *o = qlab_candidate_json(c);

    (void)json_object_del(o, "id");
    (void)json_object_del(o, "family");
    const qlab_digest d = qlab_json_digest(o);
    json_decref(o);
    return d;
}

static int by_identity(const void *pa, const void *pb)
{
    return qlab_digest_cmp(&((const identified *)pa)->id, &((const identified *)pb)->id);
}

void qlab_placebo_candidates(const qlab_library *lib, size_t n_placebos, uint32_t *candidate)
{
    identified *all = qlab_alloc(lib->n + 1, sizeof *all);

    for (uint32_t c = 0; c < lib->n; c++)
        all[c] = (identified){identity_of(&lib->candidates[c]), c};
    qsort(all, lib->n, sizeof *all, by_identity);
    for (size_t p = 0; p < n_placebos; p++)
        candidate[p] = all[p % lib->n].candidate;
    qlab_free(all);
}
