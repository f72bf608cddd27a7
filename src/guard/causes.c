#include "guard/causes.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/json.h"
#include "snapshot/diff.h"

#include <stdlib.h>
#include <string.h>

const char *qlab_cause_kind_name(qlab_cause_kind k)
{
    static const char *const NAMES[QLAB_CAUSE_KINDS] = {"BAR_REVISED",       "BAR_GONE",
                                                        "BAR_LATE",          "ACTION_CHANGED",
                                                        "DELISTING_CHANGED", "LIFE_CHANGED"};
    return NAMES[k];
}

unsigned qlab_cause_weight(qlab_cause_kind k)
{
    static const unsigned WEIGHTS[QLAB_CAUSE_KINDS] = {1, 1, 0, 2, 2, 2};
    return WEIGHTS[k];
}

void qlab_causes_free(qlab_cause c[QLAB_CAUSE_KINDS])
{
    for (size_t k = 0; k < QLAB_CAUSE_KINDS; k++) {
        json_decref(c[k].samples);
        c[k] = (qlab_cause){0};
    }
}

typedef struct collector {
    const qlab_snapshot *later;
    qlab_cause *c;
    uint32_t last_asset[QLAB_CAUSE_KINDS];
} collector;

/* Items of a kind come asset by asset. */
static void put(collector *k, qlab_cause_kind kind, uint32_t asset_ix, int32_t date, uint64_t n)
{
    qlab_cause *c = &k->c[kind];
    if (c->samples == NULL) {
        c->samples = json_array();
        c->first_date = date;
    }
    c->n_assets += c->n_items == 0 || k->last_asset[kind] != asset_ix;
    k->last_asset[kind] = asset_ix;
    c->n_items += n;
    c->first_date = date < c->first_date ? date : c->first_date;
    if (json_array_size(c->samples) < QLAB_CAUSE_SAMPLES) {
        char day[QLAB_DATE_BYTES];
        json_t *o = json_object();
        json_object_set_new(o, "asset_id", json_string(k->later->lake->assets[asset_ix].asset_id));
        json_object_set_new(o, "date", json_string(qlab_date_format(date, day)));
        json_array_append_new(c->samples, o);
    }
}

/* Facts and lives dated after the earlier as-of are news, not changes. */
static void put_fact(collector *k, qlab_cause_kind kind, uint32_t asset_ix, int32_t date,
                     int32_t known_to)
{
    if (date <= known_to)
        put(k, kind, asset_ix, date, 1);
}

static void collect(collector *k, const qlab_diff *d, int32_t known_to)
{
    static const struct {
        qlab_diff_kind of;
        qlab_cause_kind to;
    } BARS[] = {{QLAB_DIFF_REVISED, QLAB_CAUSE_REVISED},
                {QLAB_DIFF_GONE, QLAB_CAUSE_GONE},
                {QLAB_DIFF_LATE, QLAB_CAUSE_LATE}};
    for (size_t b = 0; b < sizeof BARS / sizeof *BARS; b++)
        for (size_t i = 0; i < d->n_bars[BARS[b].of]; i++) {
            const qlab_diff_bar *bar = &d->bars[BARS[b].of][i];
            const qlab_diff_asset *a = qlab_diff_find(d, bar->asset_ix);
            put(k, BARS[b].to, bar->asset_ix, bar->date, a != NULL ? a->n_bars[BARS[b].of] : 1);
        }
    for (size_t i = 0; i < d->n_actions; i++) {
        const qlab_action *x = d->actions[i].is != NULL ? d->actions[i].is : d->actions[i].was;
        put_fact(k, QLAB_CAUSE_ACTION, x->asset_ix, x->ex_date, known_to);
    }
    for (size_t i = 0; i < d->n_delistings; i++) {
        const qlab_delisting *x =
            d->delistings[i].is != NULL ? d->delistings[i].is : d->delistings[i].was;
        put_fact(k, QLAB_CAUSE_DELISTING, x->asset_ix, x->delist_date, known_to);
    }
    for (size_t i = 0; i < d->n_lives; i++) {
        const qlab_life *x = d->lives[i].was != NULL ? d->lives[i].was : d->lives[i].is;
        put_fact(k, QLAB_CAUSE_LIFE, x->asset_ix, x->first_date, known_to);
    }
}

static void name_cause(qlab_cause *c, const char *earlier, const char *later)
{
    json_t *o = json_object();
    json_object_set_new(o, "kind", json_string(qlab_cause_kind_name(c->kind)));
    json_object_set_new(o, "from", json_string(earlier));
    json_object_set_new(o, "to", json_string(later));
    c->digest = qlab_json_digest(o);
    json_decref(o);
}

qlab_code qlab_causes_between(const qlab_env *env, const char *earlier, const char *later,
                              qlab_cause out[QLAB_CAUSE_KINDS], qlab_err *err)
{
    qlab_snapshot *a = NULL, *b = NULL;
    qlab_diff d = {0};
    memset(out, 0, QLAB_CAUSE_KINDS * sizeof *out);
    qlab_code rc = qlab_snapshot_open(env, earlier, &a, err);
    if (rc == QLAB_OK)
        rc = qlab_snapshot_open(env, later, &b, err);
    if (rc == QLAB_OK)
        rc = qlab_snapshot_diff(env, a, b, &d, err);
    if (rc == QLAB_OK) {
        collector k = {.later = b, .c = out};
        collect(&k, &d, a->asof);
        for (unsigned i = 0; i < QLAB_CAUSE_KINDS; i++) {
            out[i].kind = (qlab_cause_kind)i;
            name_cause(&out[i], earlier, later);
        }
        qlab_diff_free(&d);
    }
    qlab_snapshot_close(b);
    qlab_snapshot_close(a);
    return rc;
}
