/* snapshot/layers.c -- what the snapshot's layers are made of (truth/layers.h judges it). */
#include "base/alloc.h"
#include "base/date.h"
#include "ops/run.h"
#include "snapshot/internal.h"
#include "truth/settle.h"
#include <string.h>

enum { RECORD_SLACK_DAYS = 10, EXAMPLE_BYTES = 96 };

/* Facts of all layers and the text of their examples. */
typedef struct layer_table {
    qlab_layer_facts of[QLAB_LAYERS];
    char example[QLAB_LAYERS][EXAMPLE_BYTES];
} layer_table;

/* The first derived row of a layer: "US:ABC 2016-05-02". */
static void example(layer_table *t, const qlab_build *b, qlab_layer layer, uint32_t ix,
                    int32_t date)
{
    char day[QLAB_DATE_BYTES];
    if (t->of[layer].derived_example != NULL)
        return;
    snprintf(t->example[layer], EXAMPLE_BYTES, "%.60s %s", b->view->assets[ix].asset_id,
             qlab_date_format(date, day));
    t->of[layer].derived_example = t->example[layer];
}

static void count_bars(layer_table *t, const qlab_build *b)
{
    qlab_layer_facts *bars = &t->of[QLAB_LAYER_BARS], *assets = &t->of[QLAB_LAYER_ASSETS];
    *bars = (qlab_layer_facts){.source_mode = "vendor_bars",
                               .n_real = b->found.totals.n_bars,
                               .n_of = b->view->n_assets,
                               .covers = "assets with a valid bar",
                               .remedy = "run quantlab ingest"};
    *assets = (qlab_layer_facts){.source_mode = "vendor_registry",
                                 .n_real = b->view->n_assets,
                                 .n_of = b->view->n_assets,
                                 .covers = "assets with mic, currency and country",
                                 .remedy = "run quantlab ingest"};
    for (size_t i = 0; i < b->found.n_universe; i++)
        bars->n_covered += b->found.universe[i].n_bars > 0;
    for (size_t i = 0; i < b->view->n_assets; i++) {
        const qlab_asset *a = &b->view->assets[i];
        const bool known = a->mic[0] != '\0' && a->currency[0] != '\0' && a->country[0] != '\0';
        assets->n_covered += known;
        assets->n_confidence[known ? QLAB_CONFIDENCE_HIGH : QLAB_CONFIDENCE_MEDIUM]++;
    }
    bars->n_confidence[QLAB_CONFIDENCE_HIGH] = bars->n_real;
}

static void count_actions(layer_table *t, const qlab_build *b)
{
    qlab_layer_facts *f = &t->of[QLAB_LAYER_ACTIONS];
    uint32_t last = UINT32_MAX;
    f->covers = "assets with an applied action";
    f->n_of = b->view->n_assets;
    f->remedy = "load a feed: quantlab actions load FILE";
    for (size_t i = 0; i < b->found.n_applied; i++) {
        const qlab_action *a = &b->facts[b->found.applied[i].fact];
        const bool derived = a->source == QLAB_SOURCE_DERIVED;
        f->n_real += !derived;
        f->n_derived += derived;
        f->n_confidence[a->confidence]++;
        f->n_covered += a->asset_ix != last;
        last = a->asset_ix;
        if (derived)
            example(t, b, QLAB_LAYER_ACTIONS, a->asset_ix, a->ex_date);
    }
    f->source_mode = f->n_real && f->n_derived ? "provider_raw_and_derived"
                     : f->n_real               ? "provider_raw_corp_actions"
                     : f->n_derived            ? "derived_from_adjusted_close_factor"
                                               : "empty_contracted_placeholder";
}

/* A record of any code about the end of a life. */
static const qlab_delisting *record_of(const qlab_build *b, const qlab_life *life,
                                       const qlab_life *next)
{
    for (size_t i = b->delisting_first[life->asset_ix]; i < b->delisting_first[life->asset_ix + 1];
         i++) {
        const qlab_delisting *d = &b->delistings[i];
        if (d->delist_date > b->asof || (next != NULL && d->delist_date >= next->first_date))
            break;
        if (d->delist_date >= life->last_date - RECORD_SLACK_DAYS)
            return d;
    }
    return NULL;
}

/* Lives that ended, and whether a record says how: without one the ending is presumed. */
static void count_delistings(layer_table *t, const qlab_build *b)
{
    qlab_layer_facts *f = &t->of[QLAB_LAYER_DELISTINGS];
    const qlab_exchange_days *m = &b->days[b->master_exchange];
    f->covers = "lives that ended";
    f->remedy = "load a feed: quantlab delistings load FILE";
    f->n_real = qlab_build_n_delistings(b);
    for (size_t i = 0; i < b->found.n_lives; i++) {
        const qlab_life *life = &b->found.lives[i];
        const qlab_life *next =
            i + 1 < b->found.n_lives && life[1].asset_ix == life->asset_ix ? life + 1 : NULL;
        const qlab_exchange_days *x = &b->days[b->exchange_of[life->asset_ix]];
        const bool known = record_of(b, life, next) != NULL;
        if (!known && next == NULL &&
            qlab_settle_presumed_gone(life->last_date, b->asof, m->session, m->n_sessions,
                                      x->session, x->n_sessions, NULL) != QLAB_GONE_PRESUMED)
            continue;
        f->n_of++;
        f->n_covered += known;
        f->n_derived += !known;
        if (!known)
            example(t, b, QLAB_LAYER_DELISTINGS, life->asset_ix, life->last_date);
    }
    for (size_t i = 0; i < b->n_delistings; i++) {
        const qlab_delisting *d = &b->delistings[i];
        const qlab_settlement u = qlab_settle_delisting(d, b->view->assets[d->asset_ix].mic);
        if (d->delist_date <= b->asof)
            f->n_confidence[qlab_settle_confidence(d, &u)]++;
    }
    f->n_confidence[QLAB_CONFIDENCE_LOW] += f->n_derived;
    f->source_mode = f->n_real && f->n_derived ? "provider_raw_and_presumed_gone"
                     : f->n_real               ? "provider_raw_delistings"
                     : f->n_derived            ? "presumed_gone"
                                               : "empty_contracted_placeholder";
}

static void count_lives(layer_table *t, const qlab_build *b)
{
    qlab_layer_facts *f = &t->of[QLAB_LAYER_LIVES];
    f->covers = "assets with a life";
    f->n_of = b->view->n_assets;
    f->remedy = "give a map file: universe.lives";
    for (size_t i = 0; i < b->found.n_lives; i++) {
        const qlab_life *life = &b->found.lives[i];
        const uint32_t ix = life->asset_ix;
        const bool given = b->given_life_first[ix + 1] > b->given_life_first[ix];
        f->n_real += given;
        f->n_derived += !given;
        f->n_covered += life->life_no == 1 || i == 0 || life[-1].asset_ix != ix;
        f->n_confidence[given ? QLAB_CONFIDENCE_HIGH : QLAB_CONFIDENCE_MEDIUM]++;
        if (!given)
            example(t, b, QLAB_LAYER_LIVES, ix, life->first_date);
    }
    f->source_mode = f->n_real && f->n_derived ? "map_file_and_gap_rule"
                     : f->n_real               ? "map_file"
                     : f->n_derived            ? "gap_rule"
                                               : "empty_contracted_placeholder";
}

static bool overridden(const qlab_build *b, const qlab_exchange_days *x, int32_t date)
{
    for (size_t i = 0; i < b->n_overrides; i++)
        if (b->overrides[i].date == date && strcmp(b->overrides[i].exchange, x->exchange) == 0)
            return true;
    return false;
}

static void count_calendar(layer_table *t, const qlab_build *b)
{
    qlab_layer_facts *f = &t->of[QLAB_LAYER_CALENDAR];
    f->covers = "exchanges with a session";
    f->n_of = b->n_exchanges;
    f->remedy = "give every date of every exchange: universe.overrides_sessions";
    for (size_t e = 0; e < b->n_exchanges; e++) {
        const qlab_exchange_days *x = &b->days[e];
        f->n_covered += x->n_sessions > 0;
        for (size_t i = 0; i < x->n; i++) {
            const bool given = b->n_overrides > 0 && overridden(b, x, x->date[i]);
            f->n_real += given;
            f->n_derived += !given;
            if (!given && f->derived_example == NULL) {
                char day[QLAB_DATE_BYTES];
                snprintf(t->example[QLAB_LAYER_CALENDAR], EXAMPLE_BYTES, "%.60s %s", x->exchange,
                         qlab_date_format(x->date[i], day));
                f->derived_example = t->example[QLAB_LAYER_CALENDAR];
            }
        }
    }
    f->n_confidence[QLAB_CONFIDENCE_HIGH] = f->n_real;
    f->n_confidence[QLAB_CONFIDENCE_MEDIUM] = f->n_derived;
    f->source_mode = f->n_real ? "sessions_from_bars_and_overrides" : "sessions_from_bars";
}

/* Listing currencies of stocks and funds other than USD, and those of them with a rate. */
static uint64_t count_converted(const qlab_build *b, uint64_t *n_of)
{
    const char **seen = qlab_alloc(b->view->n_assets, sizeof *seen);
    uint64_t n = 0;
    *n_of = 0;
    for (size_t i = 0; i < b->view->n_assets; i++) {
        const char *currency = b->view->assets[i].currency;
        size_t k = 0;
        const qlab_fx_way way = qlab_fx_way_of(&b->fx, currency);
        if (currency[0] == '\0' || way.is_usd || b->view->assets[i].asset_class == QLAB_CLASS_FOREX)
            continue;
        while (k < *n_of && strcmp(seen[k], currency) != 0)
            k++;
        if (k < *n_of)
            continue;
        seen[(*n_of)++] = currency;
        n += way.series != NULL;
    }
    qlab_free(seen);
    return n;
}

static void count_layers(const qlab_build *b, layer_table *t)
{
    uint64_t n_currencies = 0;
    *t = (layer_table){0};
    count_bars(t, b);
    count_actions(t, b);
    count_delistings(t, b);
    count_lives(t, b);
    count_calendar(t, b);
    t->of[QLAB_LAYER_FX] = (qlab_layer_facts){
        .source_mode = b->fx.n > 0 ? "vendor_bars" : "empty_contracted_placeholder",
        .n_real = qlab_fx_n_rates(&b->fx),
        .n_covered = count_converted(b, &n_currencies),
        .n_of = n_currencies,
        .covers = "currencies with a rate",
        .remedy = "ingest currency pairs: quantlab ingest --types FOREX"};
}

qlab_code qlab_build_check_layers(const qlab_build *b, qlab_err *err)
{
    layer_table t;
    count_layers(b, &t);
    qlab_code code = qlab_layers_check(t.of, &b->o.layers, err);
    return code == QLAB_OK ? code : qlab_err_prefix(err, "commit %u", b->view->commit);
}

/* ---- the manifest ---------------------------------------------------------------------------- */

static json_t *day(int32_t date)
{
    char text[QLAB_DATE_BYTES];
    return date == QLAB_DATE_NONE ? json_null() : json_string(qlab_date_format(date, text));
}

static json_t *finding_json(const qlab_build *b, const qlab_finding_row *f)
{
    static const char *const codes[] = {"FACTOR_DISAGREES", "EX_DATE_DISAGREES", "FEEDS_DISAGREE"};
    json_t *o = json_object();
    json_object_set_new(o, "code", json_string(codes[f->code]));
    json_object_set_new(o, "asset_id", json_string(b->view->assets[f->asset_ix].asset_id));
    json_object_set_new(o, "ex_date", day(f->ex_date));
    json_object_set_new(o, "kept_source", json_string(qlab_action_source_name(f->kept_source)));
    json_object_set_new(o, "kept_factor", qlab_json_f64(f->kept));
    json_object_set_new(o, "other_source", json_string(qlab_action_source_name(f->other_source)));
    json_object_set_new(o, "other_date", day(f->other_date));
    json_object_set_new(o, "other_factor", qlab_json_f64(f->other));
    json_object_set_new(o, "other_low", qlab_json_f64(f->other_low));
    json_object_set_new(o, "other_high", qlab_json_f64(f->other_high));
    return o;
}

json_t *qlab_build_layers(const qlab_build *b, const char *id, const qlab_content *content)
{
    json_t *inputs = qlab_build_inputs(b, content), *layers = json_object();
    json_t *findings = json_array();
    char *run_id = qlab_asprintf("snapshot_%s", id);
    json_t *m = qlab_artifact_begin("contract_layers_manifest/2", run_id, inputs);
    qlab_free(run_id);
    json_decref(inputs);
    layer_table t;
    count_layers(b, &t);
    json_object_set_new(m, "snapshot_id", json_string(id));
    for (int i = 0; i < QLAB_LAYERS; i++)
        json_object_set_new(layers, qlab_layer_name((qlab_layer)i),
                            qlab_layer_json(&t.of[i], (qlab_layer)i));
    json_object_set_new(m, "layers", layers);
    json_object_set_new(m, "gates", qlab_layer_gates_json(t.of));
    if (b->sectors.of != NULL)
        json_object_set_new(m, "assets_with_sector", json_integer((json_int_t)b->sectors.n_known));
    for (size_t i = 0; i < b->found.n_findings; i++)
        json_array_append_new(findings, finding_json(b, &b->found.findings[i]));
    json_object_set_new(m, "action_findings", findings);
    return m;
}
