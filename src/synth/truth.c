/* What a pipeline should find in the folder: truth/ (docs/formats/synth.md). */
#include "base/alloc.h"
#include "base/date.h"
#include "base/decimal.h"
#include "base/file.h"
#include "base/json.h"
#include "synth/text.h"
#include "synth/vendor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static qlab_code put_text(const qlab_synth_vendor_plan *plan, const char *path,
                          const qlab_buf *text, qlab_err *err)
{
    char *where = qlab_path_join(plan->out, path);
    const qlab_code code = qlab_file_write(where, text->n ? text->at : "", text->n, err);
    qlab_free(where);
    return code;
}

void qlab_synth_put_action(qlab_buf *out, const qlab_synth_asset *a, const qlab_synth_fact *f)
{
    char date[QLAB_DATE_BYTES], number[QLAB_DECIMAL_BYTES];
    qlab_date_format(f->ex_date, date);
    qlab_buf_putf(out, "{\"asset_id\":\"%s\",\"ex_date\":\"%s\",", a->id, date);
    if (f->split != 0.0) {
        qlab_decimal_format(f->split, number);
        qlab_buf_putf(out, "\"action_type\":\"split\",\"split_factor\":%s,", number);
    } else {
        qlab_buf_puts(out, "\"action_type\":\"dividend_cash\",\"dividend_cash\":");
        qlab_synth_put_price(out, a, f->dividend);
        qlab_buf_puts(out, ",");
    }
    qlab_buf_putf(out, "\"currency\":\"%s\",\"source\":\"synth\",\"source_id\":\"%s/%s\"}\n",
                  a->currency, a->id, date);
}

/* Every action of a large market is more text than should be held: written as it is made. */
static qlab_code put_actions(const qlab_synth_vendor_plan *plan, qlab_err *err)
{
    enum { HELD_BYTES = 1 << 20 };
    char *where = qlab_path_join(plan->out, "truth/actions.ndjson");
    char *tmp = qlab_file_tmp_name(where);
    qlab_buf text = QLAB_BUF_INIT;
    FILE *file = fopen(tmp, "wb");
    bool good = file != NULL;
    const uint32_t n = plan->n_assets;

    for (uint32_t i = 0; i < n && good; i++) {
        const qlab_synth_known *k = &plan->assets[plan->by_id[i]];
        for (size_t e = 0; e < k->n_facts; e++)
            qlab_synth_put_action(&text, &k->asset, &k->facts[e]);
        if (text.n < HELD_BYTES && i + 1 < n)
            continue;
        good = text.n == 0 || fwrite(text.at, 1, text.n, file) == text.n;
        text.n = 0;
    }
    qlab_code code = good ? QLAB_OK : qlab_fail_errno(err, errno, "%s could not be written", where);
    if (file != NULL && fclose(file) != 0 && code == QLAB_OK)
        code = qlab_fail_errno(err, errno, "%s could not be written", where);
    if (code == QLAB_OK)
        code = qlab_file_put_in_place(tmp, where, err);
    if (code != QLAB_OK) {
        qlab_err ignored = QLAB_ERR_INIT; /* the first failure is the one that is told */
        if (qlab_file_remove(tmp, &ignored) != QLAB_OK)
            qlab_err_reset(&ignored);
    }
    qlab_buf_free(&text);
    qlab_free(tmp);
    qlab_free(where);
    return code;
}

static void put_life(qlab_buf *out, const qlab_synth_known *k, int life_no)
{
    const qlab_synth_life *life = &k->lives[life_no - 1];
    char first[QLAB_DATE_BYTES], last[QLAB_DATE_BYTES];
    if (life->n_bars == 0)
        return;
    qlab_buf_putf(out,
                  "{\"asset_id\":\"%s\",\"life_no\":%d,\"first_date\":\"%s\",\"last_date\":\"%s\","
                  "\"n_bars\":%llu}\n",
                  k->asset.id, life_no, qlab_date_format(life->first_date, first),
                  qlab_date_format(life->last_date, last), (unsigned long long)life->n_bars);
}

static void put_calendar(qlab_buf *out, const qlab_synth_market *m)
{
    static const char *const NAMES[] = {"US", "LSE", "XETRA"};
    for (size_t e = 0; e < 3; e++)
        for (size_t day = 0; day < m->n_days; day++) {
            char date[QLAB_DATE_BYTES];
            const unsigned bit = 1u << e;
            if (!((m->session[day] | m->phantom[day]) & bit))
                continue;
            qlab_buf_putf(out, "{\"exchange\":\"%s\",\"date\":\"%s\",\"kind\":\"%s\"}\n", NAMES[e],
                          qlab_date_format(m->date[day], date),
                          m->session[day] & bit ? "session" : "phantom");
        }
}

static void put_planted(qlab_buf *out, const qlab_synth_params *p)
{
    char ic[QLAB_DECIMAL_BYTES];
    qlab_decimal_format(p->plant_ic, ic);
    qlab_buf_putf(out,
                  "# The signal that was planted: rank IC %s with the return of the next %d "
                  "session%s.\n"
                  "# What an asset has gained over the market in 20 bars, in units of its own\n"
                  "# volatility, reverses; see docs/formats/synth.md.\n"
                  "version: 1\n"
                  "name: planted\n"
                  "candidates:\n"
                  "  - id: planted_reversal\n"
                  "    family: MEANREV\n"
                  "    score: -z(ret_20d / ewma_vol_20)\n"
                  "    horizon: %d\n",
                  ic, p->plant_horizon, p->plant_horizon == 1 ? "" : "s", p->plant_horizon);
}

json_t *qlab_synth_params_json(const qlab_synth_params *p)
{
    char date[QLAB_DATE_BYTES];
    json_t *o = json_object();
    json_object_set_new(o, "generator", json_integer(QLAB_SYNTH_VERSION));
    json_object_set_new(o, "assets", json_integer(p->n_assets));
    json_object_set_new(o, "sessions", json_integer(p->n_sessions));
    json_object_set_new(o, "seed", json_sprintf("%llu", (unsigned long long)p->seed));
    json_object_set_new(o, "first_date",
                        p->first_date == QLAB_DATE_NONE
                            ? json_null()
                            : json_string(qlab_date_format(p->first_date, date)));
    json_object_set_new(o, "plant_ic", qlab_json_f64(p->plant_ic));
    json_object_set_new(o, "plant_horizon",
                        json_integer(p->plant_ic != 0.0 ? p->plant_horizon : 0));
    json_object_set_new(o, "dirt", json_boolean(p->dirt));
    json_object_set_new(o, "grows", json_boolean(p->grows));
    json_object_set_new(o, "recipe_share", qlab_json_f64(p->recipe_share));
    if (p->days > 0)
        json_object_set_new(o, "days", json_integer(p->days));
    json_object_set_new(o, "order_seed", json_sprintf("%llu", (unsigned long long)p->order_seed));
    return o;
}

qlab_code qlab_synth_params_read(const json_t *o, const char *where, qlab_synth_params *out,
                                 qlab_err *err)
{
    int64_t assets = 0, sessions = 0, horizon = 0;
    const char *seed = "", *order = "", *first = "";
    uint64_t *const whole[] = {&out->seed, &out->order_seed};

    *out = (qlab_synth_params){.first_date = QLAB_DATE_NONE};
    qlab_code code = qlab_json_get_i64(o, where, "assets", &assets, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(o, where, "sessions", &sessions, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(o, where, "plant_horizon", &horizon, err);
    if (code == QLAB_OK)
        code = qlab_json_get_f64(o, where, "plant_ic", &out->plant_ic, err);
    if (code == QLAB_OK)
        code = qlab_json_get_f64(o, where, "recipe_share", &out->recipe_share, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(o, where, "seed", &seed, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(o, where, "order_seed", &order, err);
    if (code == QLAB_OK && !json_is_null(json_object_get(o, "first_date")))
        code = qlab_json_get_str(o, where, "first_date", &first, err);
    if (code != QLAB_OK)
        return code;
    const char *const texts[] = {seed, order};
    for (size_t i = 0; i < 2; i++) {
        char *end = NULL;
        *whole[i] = strtoull(texts[i], &end, 10);
        if (end == texts[i] || *end != '\0')
            return qlab_fail(err, QLAB_E_CORRUPT, "%s: the seed %s was no whole number", where,
                             texts[i]);
    }
    if (*first != '\0' && !qlab_date_parse(first, strlen(first), &out->first_date))
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: first_date was %s", where, first);
    if (assets < 1 || assets > UINT32_MAX || sessions < 1 || sessions > UINT32_MAX)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: %lld assets over %lld sessions", where,
                         (long long)assets, (long long)sessions);
    out->n_assets = (uint32_t)assets;
    out->n_sessions = (uint32_t)sessions;
    out->plant_horizon = horizon == 1 || horizon == 5 || horizon == 20 ? (int)horizon : 0;
    out->grows = json_is_true(json_object_get(o, "grows"));
    out->dirt = json_is_true(json_object_get(o, "dirt"));
    out->days = (uint32_t)json_integer_value(json_object_get(o, "days"));
    json_t *again = qlab_synth_params_json(out);
    if (!json_equal(again, o))
        code = qlab_fail(err, QLAB_E_CORRUPT, "%s: its parameters are not those of this program",
                         where);
    json_decref(again);
    return code;
}

static void add_to(json_t *o, const char *key, uint64_t n)
{
    json_t *was = json_object_get(o, key);
    const json_int_t sum = (was ? json_integer_value(was) : 0) + (json_int_t)n;
    json_object_set_new(o, key, json_integer(sum));
}

/* Lines of a dirt log, counted by reason. */
static void count_dirt(json_t *by_reason, const qlab_buf *text)
{
    static const char KEY[] = "\"reason\":\"";
    if (text->n == 0)
        return;
    for (const char *p = text->at; (p = strstr(p, KEY)) != NULL;) {
        p += sizeof KEY - 1;
        char *name = qlab_strndup(p, strcspn(p, "\""));
        add_to(by_reason, name, 1);
        qlab_free(name);
    }
}

/* The summary by type: assets, bars, void and phantom bars, actions. */
static json_t *count_types(const qlab_synth_vendor_plan *plan, qlab_synth_result *result)
{
    json_t *types = json_object();
    for (uint32_t i = 0; i < plan->n_assets; i++) {
        const qlab_synth_known *k = &plan->assets[plan->by_id[i]];
        json_t *o = json_object_get(types, k->asset.type_norm);
        if (!o) {
            o = json_object();
            json_object_set_new(types, k->asset.type_norm, o);
        }
        add_to(o, "assets", 1);
        add_to(o, "bars", k->n_bars);
        add_to(o, "bars_void", k->n_void);
        add_to(o, "bars_phantom", k->n_phantom);
        add_to(o, "actions", k->n_facts);
        add_to(o, "delistings", k->asset.is_delisted && k->lives[0].n_bars > 0);
        add_to(o, "second_lives", k->lives[1].n_bars > 0);
        result->n_bars += k->n_bars;
        result->n_actions += k->n_facts;
        result->n_delistings += k->asset.is_delisted && k->lives[0].n_bars > 0;
    }
    return types;
}

static qlab_code put_manifest(const qlab_synth_vendor_plan *plan, json_t *by_reason,
                              qlab_synth_result *result, qlab_err *err)
{
    const qlab_synth_market *m = plan->market;
    char date[QLAB_DATE_BYTES];
    json_t *o = json_object(), *counts = json_object();
    json_object_set_new(o, "schema", json_string("synth_truth/1"));
    json_object_set_new(o, "params", qlab_synth_params_json(&m->params));
    json_object_set_new(o, "first_date", json_string(qlab_date_format(m->date[0], date)));
    json_object_set_new(o, "last_date",
                        json_string(qlab_date_format(m->date[m->n_days - 1], date)));
    json_object_set_new(counts, "by_type", count_types(plan, result));
    json_object_set_new(counts, "bars", json_integer((json_int_t)result->n_bars));
    json_object_set_new(counts, "packs", json_integer((json_int_t)plan->n_packs));
    json_object_set_new(counts, "dirt_by_reason", json_incref(by_reason));
    json_object_set_new(o, "counts", counts);
    char *where = qlab_path_join(plan->out, "truth/manifest.json");
    const qlab_code code = qlab_json_write(where, o, err);
    qlab_free(where);
    json_decref(o);
    return code;
}

qlab_code qlab_synth_put_truth(const qlab_synth_vendor_plan *plan,
                               const qlab_synth_dirt_log *registry_dirt, qlab_synth_result *result,
                               qlab_err *err)
{
    const qlab_synth_market *m = plan->market;
    qlab_buf delistings = QLAB_BUF_INIT, lives = QLAB_BUF_INIT;
    qlab_buf calendar = QLAB_BUF_INIT, dirt = QLAB_BUF_INIT, planted = QLAB_BUF_INIT;
    json_t *by_reason = json_object();
    for (uint32_t i = 0; i < plan->n_assets; i++) {
        const qlab_synth_known *k = &plan->assets[plan->by_id[i]];
        if (k->asset.is_delisted && k->lives[0].n_bars > 0)
            qlab_synth_put_delisting(&delistings, k);
        put_life(&lives, k, 1);
        put_life(&lives, k, 2);
    }
    put_calendar(&calendar, m);
    for (size_t i = 0; i < plan->n_packs; i++) {
        if (plan->packs[i].dirt.text.n > 0)
            qlab_buf_put(&dirt, plan->packs[i].dirt.text.at, plan->packs[i].dirt.text.n);
        result->n_bytes += plan->packs[i].n_bytes;
        result->n_recipes += plan->packs[i].is_recipe;
        result->n_dirt += plan->packs[i].dirt.n;
    }
    if (registry_dirt->text.n > 0)
        qlab_buf_put(&dirt, registry_dirt->text.at, registry_dirt->text.n);
    result->n_dirt += registry_dirt->n;
    count_dirt(by_reason, &dirt);
    qlab_code code = put_actions(plan, err);
    if (code == QLAB_OK)
        code = put_text(plan, "truth/delistings.ndjson", &delistings, err);
    if (code == QLAB_OK)
        code = put_text(plan, "truth/lives.ndjson", &lives, err);
    if (code == QLAB_OK)
        code = put_text(plan, "truth/calendar.ndjson", &calendar, err);
    if (code == QLAB_OK && m->params.dirt)
        code = put_text(plan, "truth/dirt.ndjson", &dirt, err);
    if (code == QLAB_OK && m->params.plant_ic != 0.0) {
        put_planted(&planted, &m->params);
        code = put_text(plan, "truth/planted.yaml", &planted, err);
    }
    if (code == QLAB_OK)
        code = put_manifest(plan, by_reason, result, err);
    json_decref(by_reason);
    qlab_buf_free(&delistings);
    qlab_buf_free(&lives);
    qlab_buf_free(&calendar);
    qlab_buf_free(&dirt);
    qlab_buf_free(&planted);
    return code;
}
