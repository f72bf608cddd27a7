#include "base/alloc.h"
#include "base/date.h"
#include "snapshot/internal.h"
#include <math.h>
#include <string.h>

/* Content digests: rows in byte order of asset_id, then in the table's own order; texts by their
 * length and bytes.  asset_ix, commit numbers and layout never enter. */

static void put_text(qlab_sha256 *h, const char *s)
{
    qlab_sha256_put_str(h, s, strlen(s));
}

static void put_number(qlab_sha256 *h, double v)
{
    qlab_sha256_put_u32(h, isnan(v) ? 1u : 0u);
    qlab_sha256_put_f64(h, isnan(v) ? 0.0 : v == 0.0 ? 0.0 : v);
}

static void put_asset_id(qlab_sha256 *h, const qlab_build *b, uint32_t ix)
{
    put_text(h, b->view->assets[ix].asset_id);
}

static qlab_digest digest_actions(const qlab_build *b, qlab_sha256 *h)
{
    for (size_t k = 0; k < b->view->n_assets; k++) {
        uint32_t ix = b->view->by_id[k];
        for (size_t i = b->fact_first[ix]; i < b->fact_first[ix + 1]; i++) {
            const qlab_action *a = &b->facts[i];
            if (a->ex_date > b->asof)
                break;
            put_asset_id(h, b, ix);
            qlab_sha256_put_i32(h, a->ex_date);
            put_text(h, qlab_action_type_name(a->type));
            put_text(h, qlab_action_source_name(a->source));
            put_number(h, a->r);
            put_number(h, a->d);
            put_number(h, a->c);
            put_number(h, a->c_low);
            put_number(h, isinf(a->c_high) ? (double)NAN : a->c_high);
            put_text(h, a->currency);
            put_text(h, a->source_id);
        }
    }
    return qlab_sha256_end(h);
}

static qlab_digest digest_delistings(const qlab_build *b, qlab_sha256 *h)
{
    for (size_t k = 0; k < b->view->n_assets; k++) {
        uint32_t ix = b->view->by_id[k];
        for (size_t i = b->delisting_first[ix]; i < b->delisting_first[ix + 1]; i++) {
            const qlab_delisting *d = &b->delistings[i];
            if (d->delist_date > b->asof)
                break;
            put_asset_id(h, b, ix);
            qlab_sha256_put_i32(h, d->delist_date);
            put_text(h, qlab_delist_code_name(d->code));
            put_number(h, d->delist_return);
        }
    }
    return qlab_sha256_end(h);
}

static qlab_digest digest_lives(const qlab_build *b, qlab_sha256 *h)
{
    size_t *first = NULL;
    QLAB_FIRST_OF(b->found.lives, b->found.n_lives, b->view->n_assets, first);
    for (size_t k = 0; k < b->view->n_assets; k++) {
        uint32_t ix = b->view->by_id[k];
        for (size_t i = first[ix]; i < first[ix + 1]; i++) {
            put_asset_id(h, b, ix);
            qlab_sha256_put_u32(h, b->found.lives[i].life_no);
            qlab_sha256_put_i32(h, b->found.lives[i].first_date);
            qlab_sha256_put_i32(h, b->found.lives[i].last_date);
        }
    }
    qlab_free(first);
    return qlab_sha256_end(h);
}

static qlab_digest digest_assets(const qlab_build *b, qlab_sha256 *h)
{
    for (size_t k = 0; k < b->view->n_assets; k++) {
        const qlab_asset *a = &b->view->assets[b->view->by_id[k]];
        put_text(h, a->asset_id);
        put_text(h, qlab_asset_class_name(a->asset_class));
        put_text(h, a->exchange);
        put_text(h, a->mic);
        put_text(h, a->currency);
        put_text(h, a->country);
    }
    return qlab_sha256_end(h);
}

static qlab_digest digest_calendar(const qlab_build *b, qlab_sha256 *h)
{
    put_text(h, b->exchange_names[b->master_exchange]);
    for (size_t e = 0; e < b->n_exchanges; e++)
        for (size_t i = 0; i < b->days[e].n; i++) {
            put_text(h, b->exchange_names[e]);
            qlab_sha256_put_i32(h, b->days[e].date[i]);
            qlab_sha256_put_u32(h, b->days[e].is_session[i]);
        }
    return qlab_sha256_end(h);
}

static qlab_digest digest_rule(const qlab_build *b)
{
    json_t *o = qlab_eligible_rule_json(&b->o.rule);
    json_object_set_new(o, "min_eligible", json_integer(b->o.min_eligible));
    qlab_digest d = qlab_json_digest(o);
    json_decref(o);
    return d;
}

qlab_code qlab_build_content(const qlab_build *b, qlab_content *out, qlab_err *err)
{
    qlab_code code = qlab_lake_bars_digest(b->env, b->view, b->asof, &out->bars, err);
    if (code != QLAB_OK)
        return code;
    qlab_sha256 *h = qlab_sha256_new();
    out->actions = digest_actions(b, h);
    out->delistings = digest_delistings(b, h);
    out->lives = digest_lives(b, h);
    out->assets = digest_assets(b, h);
    out->calendar = digest_calendar(b, h);
    qlab_sha256_free(h);
    out->fx = qlab_fx_digest(&b->fx);
    out->rule = digest_rule(b);
    out->overrides = b->overrides_digest;
    out->has_sectors = b->sectors.of != NULL;
    if (out->has_sectors)
        out->sectors = qlab_sectors_digest(&b->sectors, b->view);
    return QLAB_OK;
}

static void set_digest(json_t *o, const char *key, qlab_digest d)
{
    char hex[QLAB_HEX_BYTES];
    json_object_set_new(o, key, json_string(qlab_hex(d, hex)));
}

static const char *basis_name(qlab_basis basis)
{
    return basis == QLAB_BASIS_RAW ? "raw" : "split_adjusted";
}

json_t *qlab_content_json(const qlab_content *c, int32_t asof, qlab_basis price, qlab_basis volume)
{
    char day[QLAB_DATE_BYTES];
    json_t *o = json_object();
    json_object_set_new(o, "asof", json_string(qlab_date_format(asof, day)));
    json_object_set_new(o, "price_basis", json_string(basis_name(price)));
    json_object_set_new(o, "volume_basis", json_string(basis_name(volume)));
    set_digest(o, "bars", c->bars);
    set_digest(o, "actions", c->actions);
    set_digest(o, "delistings", c->delistings);
    set_digest(o, "lives", c->lives);
    set_digest(o, "assets", c->assets);
    set_digest(o, "calendar", c->calendar);
    set_digest(o, "fx", c->fx);
    set_digest(o, "universe_rule", c->rule);
    set_digest(o, "overrides", c->overrides);
    if (c->has_sectors)
        set_digest(o, "sectors", c->sectors);
    return o;
}
