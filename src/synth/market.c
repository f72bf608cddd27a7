#include "synth/market.h"

#include "base/alloc.h"
#include "base/holiday.h"
#include "synth/attribute.h"
#include "synth/draw.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Without --first-date the last session is this one, so that a result never depends on today. */
enum { LAST_YEAR = 2024, LAST_MONTH = 12, LAST_DAY = 31 };

static qlab_code check_params(const qlab_synth_params *p, qlab_err *err)
{
    if (p->n_assets < 1 || p->n_assets > 400000)
        return qlab_fail(err, QLAB_E_USAGE, "--assets was %u: give 1 to 400000", p->n_assets);
    if (p->n_sessions < 1 || p->n_sessions > 20000)
        return qlab_fail(err, QLAB_E_USAGE, "--sessions was %u: give 1 to 20000", p->n_sessions);
    if (p->first_date != QLAB_DATE_NONE &&
        (qlab_date_year(p->first_date) < 1950 || qlab_date_year(p->first_date) > 2090))
        return qlab_fail(err, QLAB_E_USAGE, "--first-date lay outside 1950 to 2090");
    if (!(p->recipe_share >= 0.0 && p->recipe_share <= 1.0))
        return qlab_fail(err, QLAB_E_USAGE, "--packs was %g: give a share from 0 to 1",
                         1.0 - p->recipe_share);
    if (p->dirt && p->recipe_share > 0.0)
        return qlab_fail(err, QLAB_E_USAGE,
                         "--packs was %g: faults (--dirt) lie in packs, so all are needed",
                         1.0 - p->recipe_share);
    if (p->plant_ic == 0.0)
        return QLAB_OK;
    if (!(p->plant_ic >= 0.001 && p->plant_ic <= 0.5))
        return qlab_fail(err, QLAB_E_USAGE, "--plant had IC %g: give 0.001 to 0.5", p->plant_ic);
    if (p->plant_horizon != 1 && p->plant_horizon != 5 && p->plant_horizon != 20)
        return qlab_fail(err, QLAB_E_USAGE, "--plant had horizon %d: give 1, 5 or 20",
                         p->plant_horizon);
    return QLAB_OK;
}

static bool has_session(qlab_synth_exchange exchange, int32_t date)
{
    static const char *const MICS[QLAB_SYNTH_EXCHANGES] = {"XNYS", "XLON", "XETR", NULL};
    const char *mic = MICS[exchange];
    return qlab_holidays_is_regular_session(mic != NULL ? qlab_holidays_of_mic(mic) : NULL, date);
}

static int32_t first_date_of(const qlab_synth_params *p)
{
    if (p->first_date != QLAB_DATE_NONE)
        return p->first_date;
    int32_t date = qlab_date_make(LAST_YEAR, LAST_MONTH, LAST_DAY) + 1;
    for (uint32_t left = p->n_sessions; left > 0;)
        if (has_session(QLAB_SYNTH_US, --date))
            left--;
    return date;
}

/* The weekdays from the first date until the exchange US has had its sessions. */
static void make_calendar(qlab_synth_market *m)
{
    const size_t cap = ((size_t)m->params.n_sessions + m->params.days) * 11 / 10 + 64;
    m->date = qlab_alloc(cap, sizeof *m->date);
    m->session = qlab_alloc_zero(cap, sizeof *m->session);
    m->phantom = qlab_alloc_zero(cap, sizeof *m->phantom);
    uint32_t left = m->params.n_sessions + m->params.days;
    for (int32_t date = first_date_of(&m->params); left > 0 && m->n_days < cap; date++) {
        if (!qlab_is_weekday(date))
            continue;
        const size_t day = m->n_days++;
        m->date[day] = date;
        for (unsigned e = 0; e < QLAB_SYNTH_EXCHANGES; e++) {
            const unsigned bit = 1u << e;
            if (has_session((qlab_synth_exchange)e, date))
                m->session[day] = (uint8_t)(m->session[day] | bit);
            else if (qlab_synth_u64(m->params.seed, QLAB_SYNTH_UNIT_MARKET, QLAB_SYNTH_S_EVENT,
                                    (uint64_t)day * QLAB_SYNTH_EXCHANGES + e) %
                         4 ==
                     0)
                m->phantom[day] = (uint8_t)(m->phantom[day] | bit);
        }
        if (m->session[day] & 1u << QLAB_SYNTH_US && --left == m->params.days)
            m->base_days = m->n_days;
    }
}

/* One factor: t shocks times a volatility that wanders around `level`. */
static void make_factor(const qlab_synth_market *m, uint64_t unit, double level, double drift,
                        double *out, size_t stride)
{
    const uint64_t seed = m->params.seed;
    double vol = level;
    for (size_t day = 0; day < m->n_days; day++) {
        const double shock = qlab_synth_student(seed, unit, QLAB_SYNTH_S_SHOCK, day);
        const double step = qlab_synth_bell(qlab_synth_u64(seed, unit, QLAB_SYNTH_S_VOLUME, day));
        const double r = drift + vol * shock;
        out[day * stride] = r < -0.12 ? -0.12 : r > 0.12 ? 0.12 : r;
        vol += vol * 0.08 * step + 0.03 * (level - vol);
        vol = vol < 0.3 * level ? 0.3 * level : vol > 5.0 * level ? 5.0 * level : vol;
    }
}

qlab_code qlab_synth_market_make(const qlab_synth_params *params, qlab_synth_market **out,
                                 qlab_err *err)
{
    const qlab_code code = check_params(params, err);
    if (code != QLAB_OK)
        return code;
    qlab_synth_market *m = qlab_alloc_zero(1, sizeof *m);
    m->params = *params;
    make_calendar(m);
    m->market = qlab_alloc(m->n_days, sizeof *m->market);
    m->sector = qlab_alloc(m->n_days * QLAB_SYNTH_SECTORS, sizeof *m->sector);
    make_factor(m, QLAB_SYNTH_UNIT_MARKET, 0.007, 0.0003, m->market, 1);
    for (size_t k = 0; k < QLAB_SYNTH_SECTORS; k++)
        make_factor(m, QLAB_SYNTH_UNIT_SECTOR + k, 0.004, 0.0, m->sector + k, QLAB_SYNTH_SECTORS);
    *out = m;
    return QLAB_OK;
}

void qlab_synth_market_free(qlab_synth_market *m)
{
    if (!m)
        return;
    qlab_free(m->date);
    qlab_free(m->session);
    qlab_free(m->phantom);
    qlab_free(m->market);
    qlab_free(m->sector);
    qlab_free(m);
}

/* ---- what an asset is ---------------------------------------------------------------------- */

static double attribute(const qlab_synth_market *m, uint32_t number, qlab_synth_attribute which)
{
    return qlab_synth_u32(
        qlab_synth_u64(m->params.seed, number, QLAB_SYNTH_S_ASSET, (uint64_t)which), 0);
}

typedef struct type_row {
    double upto;
    const char *type_norm, *exchange, *mic, *currency, *country;
} type_row;

/* Of the assets that are neither stocks nor ETFs; quantlab is not asked for them. */
static const type_row OTHERS[] = {
    {0.945, "FUND", "EUFUND", "", "EUR", "Luxembourg"},
    {0.960, "BOND", "BOND", "", "USD", "USA"},
    {0.975, "INDEX", "INDX", "", "USD", "USA"},
    {0.990, "CRYPTO", "CC", "", "USD", ""},
    {1.001, "OTHER", "MISC", "", "USD", ""},
};

static const char *const SECTORS[QLAB_SYNTH_SECTORS] = {"Communication Services",
                                                        "Consumer Discretionary",
                                                        "Consumer Staples",
                                                        "Energy",
                                                        "Financials",
                                                        "Health Care",
                                                        "Industrials",
                                                        "Information Technology",
                                                        "Materials",
                                                        "Real Estate",
                                                        "Utilities"};

static void place_listed(const qlab_synth_market *m, qlab_synth_asset *a)
{
    const double where = attribute(m, a->number, QLAB_SYNTH_A_EXCHANGE);
    const double mic = attribute(m, a->number, QLAB_SYNTH_A_MIC);
    if (where < 0.72) {
        a->calendar = QLAB_SYNTH_US;
        a->exchange = "US";
        a->mic = mic < 0.50 ? "XNYS" : mic < 0.92 ? "XNAS" : mic < 0.97 ? "XASE" : "OTCM";
        a->currency = "USD";
        a->country = "USA";
    } else if (where < 0.87) {
        a->calendar = QLAB_SYNTH_LSE;
        a->exchange = "LSE";
        a->mic = "XLON";
        a->currency = "GBP";
        a->country = "UK";
    } else {
        a->calendar = QLAB_SYNTH_XETRA;
        a->exchange = "XETRA";
        a->mic = "XETR";
        a->currency = "EUR";
        a->country = "Germany";
    }
}

void qlab_synth_symbol(uint32_t number, char out[QLAB_SYNTH_SYMBOL_BYTES])
{
    /* 7919 is prime to 26^4, so that symbols are a permutation and letters are spread. */
    uint64_t code = (uint64_t)number * 7919 % 456976;
    for (size_t i = 4; i-- > 0; code /= 26)
        out[i] = (char)('A' + code % 26);
    out[4] = '\0';
}

static void place(const qlab_synth_market *m, qlab_synth_asset *a)
{
    const double class = attribute(m, a->number, QLAB_SYNTH_A_CLASS);
    /* Two exchange rates close the list, so that money can be converted. */
    const uint32_t rate = m->params.n_assets - 1 - a->number;
    a->min_decimals = 2;
    if (m->params.n_assets >= 50 && rate < 2) {
        a->calendar = QLAB_SYNTH_OTC_WORLD;
        a->type_norm = "FOREX";
        a->exchange = "FOREX";
        a->mic = "";
        a->currency = "USD";
        a->country = "";
        a->min_decimals = 4;
        snprintf(a->symbol, sizeof a->symbol, "%s", rate == 0 ? "EURUSD" : "GBPUSD");
        return;
    }
    qlab_synth_symbol(a->number, a->symbol);
    if (class < 0.86 || class >= 1.0) {
        a->type_norm = "STOCK";
        place_listed(m, a);
    } else if (class < 0.93) {
        a->type_norm = "ETF";
        place_listed(m, a);
    } else {
        size_t k = 0;
        while (class >= OTHERS[k].upto)
            k++;
        a->calendar = QLAB_SYNTH_OTC_WORLD;
        a->type_norm = OTHERS[k].type_norm;
        a->exchange = OTHERS[k].exchange;
        a->mic = OTHERS[k].mic;
        a->currency = OTHERS[k].currency;
        a->country = OTHERS[k].country;
    }
}

static size_t scaled_day(double u, size_t from, size_t span)
{
    return from + (size_t)(u * (double)span);
}

void qlab_synth_asset_end(const qlab_synth_market *m, qlab_synth_asset *a, size_t end_day)
{
    const double u = attribute(m, a->number, QLAB_SYNTH_A_DELIST_CODE);
    const double part = attribute(m, a->number, QLAB_SYNTH_A_DELIST_RETURN);
    a->is_delisted = true;
    a->delist_return = NAN;
    if (u < 0.45) {
        a->delist_code = "merger";
    } else if (u < 0.65) {
        a->delist_code = "acquired_cash";
    } else if (u < 0.80) {
        a->delist_code = "performance";
    } else if (u < 0.88) {
        a->delist_code = "bankruptcy";
    } else if (u < 0.94) {
        a->delist_code = "liquidation";
        a->delist_return = -0.9 * floor(part * 100.0) / 100.0;
    } else {
        a->delist_code = "unknown";
    }
    a->is_feed_silent = attribute(m, a->number, QLAB_SYNTH_A_FEED) < 0.15;
    a->end_day = end_day;
    if (strcmp(a->delist_code, "performance") == 0 || strcmp(a->delist_code, "bankruptcy") == 0)
        a->fall_day = end_day < 40 ? 0 : end_day - 40;
    /* What was delivered before the first added session stands. */
    if (end_day > m->base_days && a->fall_day < m->base_days)
        a->fall_day = m->base_days;
}

/* Of a growing market: share of the listings that come evenly; the others come the more often the
 * later it is. */
static const double GROWTH = 0.43;

/* Listing, first life and second life.  Draws by day only, so that a longer market of the same
 * first date and listing span begins with the shorter one. */
static void live(const qlab_synth_market *m, qlab_synth_asset *a)
{
    const bool is_stock = strcmp(a->type_norm, "STOCK") == 0;
    const uint32_t span = m->params.n_sessions;
    const double listed = attribute(m, a->number, QLAB_SYNTH_A_LIST_DAY);
    if (m->params.grows && strcmp(a->type_norm, "FOREX") != 0)
        a->list_day = scaled_day(GROWTH * listed + (1.0 - GROWTH) * sqrt(listed), 0, span);
    else if (attribute(m, a->number, QLAB_SYNTH_A_LISTED) > 0.70 && is_stock)
        a->list_day = scaled_day(listed, 1, (size_t)span * 9 / 10);
    a->end_day = m->n_days;
    if (!is_stock)
        return;
    const double life = attribute(m, a->number, QLAB_SYNTH_A_LIFE);
    if (attribute(m, a->number, QLAB_SYNTH_A_REUSE) < 0.04) {
        const double u = attribute(m, a->number, QLAB_SYNTH_A_REUSE_DAY);
        const size_t end = scaled_day(life, a->list_day + 120, 600);
        const size_t again = scaled_day(u, end + 290, 110); /* more than 252 sessions */
        if (end < m->n_days)
            a->end_day = end;
        if (again < m->n_days)
            a->reuse_day = again;
        return;
    }
    const size_t end = scaled_day(life, a->list_day + 120, 40 * 252);
    qlab_synth_asset_end(m, a, end);
    if (end >= m->n_days) { /* not yet: but those that will fail may be seen to */
        a->end_day = m->n_days;
        a->is_delisted = false;
        a->delist_code = "";
        a->delist_return = NAN;
    }
}

void qlab_synth_asset_make(const qlab_synth_market *m, uint32_t number, qlab_synth_asset *out)
{
    *out = (qlab_synth_asset){
        .number = number, .delist_return = NAN, .delist_code = "", .fall_day = SIZE_MAX};
    place(m, out);
    snprintf(out->id, sizeof out->id, "%s:%s", out->exchange, out->symbol);
    out->sector = (uint32_t)(attribute(m, number, QLAB_SYNTH_A_SECTOR) * QLAB_SYNTH_SECTORS);
    const bool is_stock = strcmp(out->type_norm, "STOCK") == 0;
    const bool is_listed = is_stock || strcmp(out->type_norm, "ETF") == 0;
    out->sector_name = is_stock ? SECTORS[out->sector] : "";
    live(m, out);
    out->is_thin = is_stock && attribute(m, number, QLAB_SYNTH_A_THIN) < 0.04;
    out->has_dividends = is_listed && attribute(m, number, QLAB_SYNTH_A_DIVIDENDS) < 0.5;
    out->adjusted_decimals = attribute(m, number, QLAB_SYNTH_A_DECIMALS) < 0.8 ? 6 : 4;
}
