#include "truth/eligible.h"

#include "base/json.h"
#include <assert.h>
#include <math.h>
#include <string.h>

const char *qlab_eligibility_name(uint8_t reason)
{
    static const char *const names[QLAB_ELIGIBILITY_COUNT] = {
        "ELIGIBLE", "CLASS_NOT_ASKED", "FEW_BARS", "NO_BAR",   "LOW_PRICE",
        "NO_ADV",   "BAD_OHLC",        "JUMP",     "STALE_RUN"};
    assert(reason < QLAB_ELIGIBILITY_COUNT);
    return names[reason];
}

qlab_eligible_rule qlab_eligible_rule_default(void)
{
    return (qlab_eligible_rule){.class_mask = (1u << QLAB_CLASS_STOCK) | (1u << QLAB_CLASS_ETF),
                                .min_bars = 200,
                                .min_close = 1.0,
                                .adv_bars = 20,
                                .flag_bars = 20};
}

json_t *qlab_eligible_rule_json(const qlab_eligible_rule *r)
{
    json_t *classes = json_array();
    for (unsigned c = 0; c < QLAB_CLASS_COUNT; c++)
        if (r->class_mask & (1u << c))
            json_array_append_new(classes, json_string(qlab_asset_class_name((qlab_asset_class)c)));
    json_t *o = json_object();
    json_object_set_new(o, "classes", classes);
    json_object_set_new(o, "min_bars", json_integer(r->min_bars));
    json_object_set_new(o, "min_close", json_real(r->min_close));
    json_object_set_new(o, "adv_bars", json_integer(r->adv_bars));
    json_object_set_new(o, "flag_bars", json_integer(r->flag_bars));
    return o;
}

static qlab_code get_u32(const json_t *o, const char *where, const char *key, uint32_t *out,
                         qlab_err *err)
{
    int64_t v = 0;
    qlab_code code = qlab_json_get_i64(o, where, key, &v, err);
    if (code != QLAB_OK)
        return code;
    if (v < 0 || v > 100000)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: %s was %lld, outside 0..100000", where, key,
                         (long long)v);
    *out = (uint32_t)v;
    return QLAB_OK;
}

qlab_code qlab_eligible_rule_from_json(const json_t *o, const char *where, qlab_eligible_rule *out,
                                       qlab_err *err)
{
    json_t *classes = NULL;
    qlab_eligible_rule r = {0};
    qlab_code code = qlab_json_get_array(o, where, "classes", &classes, err);
    if (code == QLAB_OK)
        code = get_u32(o, where, "min_bars", &r.min_bars, err);
    if (code == QLAB_OK)
        code = qlab_json_get_f64(o, where, "min_close", &r.min_close, err);
    if (code == QLAB_OK)
        code = get_u32(o, where, "adv_bars", &r.adv_bars, err);
    if (code == QLAB_OK)
        code = get_u32(o, where, "flag_bars", &r.flag_bars, err);
    for (size_t i = 0; code == QLAB_OK && i < json_array_size(classes); i++) {
        const char *name = json_string_value(json_array_get(classes, i));
        qlab_asset_class c;
        if (name == NULL || !qlab_asset_class_parse(qlab_str_of(name), &c))
            return qlab_fail(err, QLAB_E_CORRUPT, "%s: class %zu was not a class of assets", where,
                             i);
        r.class_mask |= 1u << c;
    }
    if (code == QLAB_OK)
        *out = r;
    return code;
}

/* Bars since the last bad one, capped well above any window. */
typedef struct recent {
    uint32_t ohlc, jump, stale, volume; /* 0 = at this bar; FAR = never */
} recent;
enum { FAR = 1u << 30 };

static void step_recent(recent *r, uint32_t flags, double volume)
{
    r->ohlc = flags & QLAB_FLAG_OHLC_INCONSISTENT ? 0 : r->ohlc + (r->ohlc < FAR);
    r->jump = flags & QLAB_FLAG_JUMP ? 0 : r->jump + (r->jump < FAR);
    r->stale = flags & QLAB_FLAG_STALE_RUN ? 0 : r->stale + (r->stale < FAR);
    r->volume = isnan(volume) ? 0 : r->volume + (r->volume < FAR);
}

static uint8_t first_reason(const qlab_series *s, size_t i, const recent *r,
                            const qlab_eligible_rule *rule)
{
    if (s->bars_seen[i] < rule->min_bars)
        return QLAB_INELIGIBLE_FEW_BARS;
    if (s->close[i] < rule->min_close)
        return QLAB_INELIGIBLE_LOW_PRICE;
    if (s->bars_seen[i] < rule->adv_bars || r->volume < rule->adv_bars)
        return QLAB_INELIGIBLE_NO_ADV;
    if (r->ohlc < rule->flag_bars)
        return QLAB_INELIGIBLE_BAD_OHLC;
    if (r->jump < rule->flag_bars)
        return QLAB_INELIGIBLE_JUMP;
    if (r->stale < rule->flag_bars)
        return QLAB_INELIGIBLE_STALE;
    return QLAB_ELIGIBLE;
}

static uint32_t carried(uint8_t ago)
{
    return ago == 0 || ago == UINT8_MAX ? FAR : (uint32_t)ago - 1;
}

void qlab_eligible_mark(const qlab_series *s, uint8_t asset_class, const qlab_eligible_rule *rule,
                        const qlab_asset_year *years, size_t n_years, uint8_t *reason)
{
    size_t from = years == NULL ? 0 : s->year_first, to = years == NULL ? s->n : s->year_last;
    memset(reason, QLAB_ELIGIBILITY_COUNT, s->n);
    if (!(rule->class_mask & (1u << asset_class))) {
        memset(reason + from, QLAB_INELIGIBLE_CLASS, to - from);
        return;
    }
    recent r = {FAR, FAR, FAR, FAR};
    for (size_t i = 0; i < to; i++) {
        if (i == 0 || s->life_no[i] != s->life_no[i - 1])
            r = (recent){FAR, FAR, FAR, FAR};
        if (i == from && years != NULL)
            for (size_t y = 0; y < n_years; y++)
                if (years[y].first_date == s->date[i] && years[y].life_no == s->life_no[i]) {
                    r.ohlc = carried(years[y].ago_ohlc);
                    r.jump = carried(years[y].ago_jump);
                    r.stale = carried(years[y].ago_stale);
                }
        step_recent(&r, s->flags[i], s->volume[i]);
        if (i >= from)
            reason[i] = first_reason(s, i, &r, rule);
    }
}

static uint32_t since(uint32_t rows)
{
    return rows == 0 ? FAR : rows - 1;
}

void qlab_eligible_resume(const qlab_series *s, uint8_t asset_class, const qlab_eligible_rule *rule,
                          const qlab_series_carry *carry, uint8_t *reason)
{
    reason[0] = QLAB_ELIGIBILITY_COUNT;
    if (!(rule->class_mask & (1u << asset_class))) {
        memset(reason + 1, QLAB_INELIGIBLE_CLASS, s->n - 1);
        return;
    }
    recent r = {since(carry->since_ohlc), since(carry->since_jump), since(carry->since_stale),
                since(carry->since_no_volume)};
    for (size_t i = 1; i < s->n; i++) {
        if (s->life_no[i] != s->life_no[i - 1])
            r = (recent){FAR, FAR, FAR, FAR};
        step_recent(&r, s->flags[i], s->volume[i]);
        reason[i] = first_reason(s, i, &r, rule);
    }
}
