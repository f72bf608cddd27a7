/* Facts derived from the newest vintage against those of the lake. */
#include "base/alloc.h"
#include "ingest/delta_int.h"

#include <string.h>

/* ---- actions --------------------------------------------------------------------------------- */

static bool same_key(const qlab_action *a, const qlab_action *b)
{
    return a->ex_date == b->ex_date && a->type == b->type &&
           strcmp(a->source_id, b->source_id) == 0;
}

static bool same_fact(const qlab_action *a, const qlab_action *b)
{
    return a->confidence == b->confidence && a->in_basis == b->in_basis &&
           qlab_same_value(a->r, b->r) && qlab_same_value(a->d, b->d) &&
           qlab_same_value(a->c, b->c) && qlab_same_value(a->c_low, b->c_low) &&
           qlab_same_value(a->c_high, b->c_high) && strcmp(a->currency, b->currency) == 0;
}

static void put_action(qlab_delta *d, const qlab_action *a, bool withdrawn)
{
    qlab_grow((void **)&d->actions, &d->cap_actions, d->n_actions + 1, sizeof *d->actions);
    d->actions[d->n_actions] = *a;
    d->actions[d->n_actions++].withdrawn = withdrawn;
}

/* Facts about an asset: [*from, *to) of those sorted by asset_ix. */
static void facts_of(const qlab_action *all, size_t n, uint32_t asset_ix, size_t *from, size_t *to)
{
    size_t low = 0, high = n;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (all[mid].asset_ix < asset_ix)
            low = mid + 1;
        else
            high = mid;
    }
    *from = low;
    while (low < n && all[low].asset_ix == asset_ix)
        low++;
    *to = low;
}

static void compare_actions(qlab_finding *f, const qlab_action *fresh, size_t n, uint32_t asset_ix)
{
    const qlab_ingest *g = f->g;
    size_t from, to;

    facts_of(g->actions, g->n_actions, asset_ix, &from, &to);
    for (size_t i = 0; i < n; i++) {
        size_t k = from;
        while (k < to && !same_key(&g->actions[k], &fresh[i]))
            k++;
        if (k == to || !same_fact(&g->actions[k], &fresh[i]))
            put_action(f->out, &fresh[i], false);
    }
    for (size_t k = from; k < to; k++) {
        size_t i = 0;
        while (i < n && !same_key(&g->actions[k], &fresh[i]))
            i++;
        if (i == n)
            put_action(f->out, &g->actions[k], true);
    }
}

/* De-adjusted closes are another vintage than the pack's own. */
static bool is_de_adjusted(const qlab_finding *f, uint32_t asset_ix)
{
    for (size_t i = 0; i < f->said->n_basis; i++) {
        if (f->said->basis[i].asset_ix == asset_ix)
            return f->g->options->price_basis == QLAB_BASIS_RAW;
    }
    return false;
}

void qlab_delta_find_actions(qlab_finding *f)
{
    const qlab_bars *b = f->now;
    qlab_action *own = NULL;
    size_t cap = 0;

    for (size_t a = f->from; a < f->to; a++) {
        const uint32_t ix = b->asset_ix[a], slot = qlab_slot_of(ix);
        size_t from, to, n = 0;
        if (!f->delivered->vintage[slot] || qlab_is_held(f, slot))
            continue; /* not a vintage: it says nothing about actions */
        if (is_de_adjusted(f, ix)) {
            const qlab_vintage v = qlab_ingest_vintage(f->g, b, a);
            qlab_derive_actions(&v, &own, &n, &cap);
            compare_actions(f, own, n, ix);
            continue;
        }
        facts_of(f->delivered->actions, f->delivered->n_actions, ix, &from, &to);
        compare_actions(f, to > from ? f->delivered->actions + from : NULL, to - from, ix);
    }
    qlab_free(own);
}
