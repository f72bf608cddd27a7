/* The path of one asset: see market.h for the model. */
#include "base/alloc.h"
#include "synth/attribute.h"
#include "synth/draw.h"
#include "synth/market.h"

#include <math.h>
#include <string.h>

enum {
    LOOKBACK = 20,      /* bars: the planted score is the return over these */
    DIVIDEND_EVERY = 63 /* bars */
};

/* Share of a day's return that happens before the open. */
static const double GAP_SHARE = 0.25;

typedef struct path {
    const qlab_synth_market *m;
    const qlab_synth_asset *a;
    qlab_synth_series *s;
    uint64_t seed;
    double beta, load, level, vol, money, yield;
    double price;            /* exact close of the last bar, in currency */
    double gross;            /* product of daily gross returns since the last trade */
    double market;           /* factor return over the same days */
    double kappa;            /* planted drift: -kappa*vol*score a day */
    double recent[LOOKBACK]; /* last returns over the market, by bar modulo LOOKBACK */
    size_t n_recent;
    double score;  /* standardised return over the last LOOKBACK bars */
    int64_t close; /* of the last bar, 1e-4 */
    bool has_close;
    size_t halted_until, n_life_bars, bars_to_dividend, n_forced;
    uint8_t life;
} path;

static double attribute(const path *p, qlab_synth_attribute which)
{
    return qlab_synth_u32(
        qlab_synth_u64(p->seed, p->a->number, QLAB_SYNTH_S_ASSET, (uint64_t)which), 0);
}

int64_t qlab_synth_tick(const qlab_synth_asset *a, double price)
{
    if (price >= 0.995 && a->min_decimals == 2)
        return (int64_t)floor(price * 100.0 + 0.5) * 100;
    const int64_t fine = (int64_t)floor(price * 10000.0 + 0.5);
    return fine < 1 ? 1 : fine;
}

/* kappa such that the score's rank IC with the label (next open to the open h sessions later) is
 * the stated one.  The drift k sessions ahead rests on a score that shares LOOKBACK - k of its bars
 * with today's.  The label holds the first day without its gap and the gap of the day after the
 * last.  The divisor is measured (docs/formats/synth.md): estimated volatility, ranks, bars without
 * a trade and, over 20 sessions, the reversal of what has reversed. */
static double planted_kappa(double ic, int horizon)
{
    const double kept = 1.0 - GAP_SHARE;
    double drift = 0.0, variance = 0.0;
    for (int k = 0; k <= horizon; k++) {
        const double share = k == 0 ? kept : k == horizon ? GAP_SHARE : 1.0;
        drift += share * (1.0 - (double)k / (double)LOOKBACK);
        variance += share * share;
    }
    const double measured = horizon == 1 ? 0.89 : horizon == 5 ? 0.86 : 0.80;
    return ic * sqrt(variance) / drift / measured;
}

static void path_begin(path *p, const qlab_synth_market *m, const qlab_synth_asset *a,
                       qlab_synth_series *s)
{
    *p = (path){.m = m, .a = a, .s = s, .seed = m->params.seed, .life = 1, .gross = 1.0};
    const bool is_stock = strcmp(a->type_norm, "STOCK") == 0;
    const bool is_etf = strcmp(a->type_norm, "ETF") == 0;
    const double vol = attribute(p, QLAB_SYNTH_A_VOL);
    p->beta = is_etf ? 1.0 : is_stock ? 0.7 + 0.6 * attribute(p, QLAB_SYNTH_A_BETA) : 0.2;
    p->load = is_etf ? 0.5 : is_stock ? 0.5 + attribute(p, QLAB_SYNTH_A_LOAD) : 0.0;
    p->level = is_etf ? 0.002 + 0.004 * vol : is_stock ? 0.010 + 0.020 * vol * vol : 0.005;
    p->vol = p->level;
    p->yield = 0.005 + 0.04 * attribute(p, QLAB_SYNTH_A_YIELD);
    p->bars_to_dividend = 1 + (size_t)(attribute(p, QLAB_SYNTH_A_PHASE) * DIVIDEND_EVERY);
    if (m->params.plant_ic != 0.0)
        p->kappa = planted_kappa(m->params.plant_ic, m->params.plant_horizon);
    /* Money a day: 10^5 to 10^9, thin names 10^3 to 10^4. */
    static const double DECADE[] = {1e5, 1e6, 1e7, 1e8};
    const size_t decade = (size_t)(4.0 * attribute(p, QLAB_SYNTH_A_MONEY));
    const double mantissa = 1.0 + 9.0 * attribute(p, QLAB_SYNTH_A_MONEY_MANTISSA);
    p->money = (a->is_thin ? 1e3 : DECADE[decade]) * mantissa;
    const double u = attribute(p, QLAB_SYNTH_A_PRICE);
    p->price = 8.0 + 120.0 * u * u;
    if (is_stock && attribute(p, QLAB_SYNTH_A_PENNY) < 0.02)
        p->price = 0.3 + 1.5 * u;
    if (a->min_decimals == 4)
        p->price = 1.0 + 0.4 * u;
}

static void grow_bars(qlab_synth_series *s)
{
    void *at = s->bars;
    qlab_grow(&at, &s->cap_bars, s->n_bars + 1, sizeof *s->bars);
    s->bars = at;
}

static void push_event(path *p, double split, int64_t dividend)
{
    qlab_synth_series *s = p->s;
    void *at = s->events;
    qlab_grow(&at, &s->cap_events, s->n_events + 1, sizeof *s->events);
    s->events = at;
    s->events[s->n_events++] = (qlab_synth_event){
        .bar = s->n_bars, .split = split, .dividend = dividend, .close_before = p->close};
}

/* The returns of the day join those since the last trade. */
static void advance(path *p, size_t day)
{
    const double factor = p->m->market[day];
    const double sector = p->m->sector[day * QLAB_SYNTH_SECTORS + p->a->sector];
    const double shock = qlab_synth_student(p->seed, p->a->number, QLAB_SYNTH_S_SHOCK, day);
    double g =
        1.0 + p->beta * factor + p->load * sector + p->vol * shock - p->kappa * p->vol * p->score;
    if (day >= p->a->fall_day && day < p->a->end_day)
        g -= 0.012; /* those that fail are seen to fail */
    g = g < 0.5 ? 0.5 : g > 2.0 ? 2.0 : g;
    p->gross *= g;
    p->market += factor;
    const double step =
        qlab_synth_bell(qlab_synth_u64(p->seed, p->a->number, QLAB_SYNTH_S_VOLUME, day));
    p->vol += p->vol * 0.05 * step + 0.03 * (p->level - p->vol);
    p->vol = p->vol < 0.4 * p->level   ? 0.4 * p->level
             : p->vol > 4.0 * p->level ? 4.0 * p->level
                                       : p->vol;
}

/* The score after a bar whose return over the market was `excess`. */
static void remember(path *p, double excess)
{
    double sum = 0.0;
    p->recent[p->n_recent++ % LOOKBACK] = excess;
    if (p->n_recent < LOOKBACK)
        return;
    for (size_t i = 0; i < LOOKBACK; i++)
        sum += p->recent[i];
    const double score = sum / (p->vol * sqrt((double)LOOKBACK));
    p->score = score < -4.0 ? -4.0 : score > 4.0 ? 4.0 : score;
}

/* A split or a dividend with this bar's date as ex-date, or neither. */
static void act(path *p, size_t day, uint64_t bits, double *split, int64_t *dividend)
{
    static const double FORWARD[] = {2.0, 2.0, 2.0, 3.0, 1.5, 4.0, 5.0, 7.0, 10.0, 4.0 / 3.0};
    static const double REVERSE[] = {0.1, 0.1, 0.2, 0.05, 0.25};
    const bool is_stock = strcmp(p->a->type_norm, "STOCK") == 0;
    const double u = qlab_synth_u32(bits, 1);
    const unsigned pick = (unsigned)(bits & 0xff);
    *split = 0.0;
    *dividend = 0;
    if (p->n_life_bars == 0)
        return;
    if (p->n_forced < p->a->n_forced && day >= p->a->forced[p->n_forced].day) {
        const unsigned at = (unsigned)(p->a->forced[p->n_forced++].bits & 0xff);
        *split = p->price > 20.0 ? FORWARD[at % 10] : REVERSE[at % 5];
    } else if (is_stock && p->price > 150.0 && u < 0.02)
        *split = FORWARD[pick % 10];
    else if (is_stock && p->price > 20.0 && u < 0.00008)
        *split = FORWARD[pick % 3 == 0 ? 4 : 0];
    else if (is_stock && p->price < 1.5 && u < 0.004)
        *split = REVERSE[pick % 5];
    if (*split != 0.0) {
        push_event(p, *split, 0);
        return;
    }
    if (!p->a->has_dividends || --p->bars_to_dividend > 0)
        return;
    p->bars_to_dividend = DIVIDEND_EVERY;
    const int64_t cash = (int64_t)floor(p->price * p->yield / 4.0 * 100.0 + 0.5) * 100;
    if (cash < 100 || cash * 1000 < p->close || cash * 10 > p->close)
        return; /* too small for any price of a vendor to show, or too large to be ordinary */
    *dividend = cash;
    push_event(p, 0.0, cash);
}

static int64_t shares(double money, double price, double busy, uint64_t bits)
{
    const double noise = (0.5 + qlab_synth_u16(bits, 2)) / (0.5 + qlab_synth_u16(bits, 3));
    const double n = floor(money / price * noise * busy);
    return n < 1.0 ? 1 : n > 9e15 ? (int64_t)9e15 : (int64_t)n;
}

/* What real packs show now and then: numbers that are missing, or outside their range. */
static void wear(path *p, uint64_t bits, qlab_synth_bar *bar)
{
    const double u = qlab_synth_u32(bits, 0) - 0.5; /* the ends are taken by session() */
    if (u < 0.0)
        return;
    if (u < 0.00002)
        bar->nulls = QLAB_SYNTH_NULL_OPEN;
    else if (u < 0.00004)
        bar->nulls = QLAB_SYNTH_NULL_HIGH | QLAB_SYNTH_NULL_LOW;
    else if (u < 0.00006)
        bar->nulls = QLAB_SYNTH_NULL_VOLUME;
    else if (u < 0.00009)
        bar->open = qlab_synth_tick(p->a, (double)bar->high * 1.02e-4);
}

static qlab_synth_bar flat_bar(const path *p, size_t day, int64_t volume)
{
    return (qlab_synth_bar){.date = p->m->date[day],
                            .life = p->life,
                            .open = p->close,
                            .high = p->close,
                            .low = p->close,
                            .close = p->close,
                            .volume = volume};
}

static void put(path *p, qlab_synth_bar bar)
{
    grow_bars(p->s);
    p->s->bars[p->s->n_bars++] = bar;
}

/* The bar of a session on which the asset trades. */
static void trade(path *p, size_t day, uint64_t event_bits)
{
    const uint64_t shape = qlab_synth_u64(p->seed, p->a->number, QLAB_SYNTH_S_SHAPE, day);
    double split;
    int64_t dividend;
    act(p, day, event_bits, &split, &dividend);
    const double r = split != 0.0 ? split : 1.0, cash = (double)dividend * 1e-4;
    const double before = (p->price - cash) / r;
    const double close = (p->price * p->gross - cash) / r;
    const double move = p->gross - 1.0;
    const double open =
        before * (1.0 + GAP_SHARE * move + 0.3 * p->vol * (qlab_synth_u16(shape, 0) - 0.5));
    p->price = close < 0.05 ? 0.05 : close;
    qlab_synth_bar bar = {.date = p->m->date[day], .life = p->life};
    bar.close = qlab_synth_tick(p->a, p->price);
    bar.open = qlab_synth_tick(p->a, open < 0.05 ? 0.05 : open);
    const double high = open > p->price ? open : p->price, low = open > p->price ? p->price : open;
    bar.high = qlab_synth_tick(p->a, high * (1.0 + 0.6 * p->vol * qlab_synth_u16(shape, 1)));
    bar.low = qlab_synth_tick(p->a, low * (1.0 - 0.5 * p->vol * qlab_synth_u16(shape, 2)));
    bar.high = bar.high < bar.open ? bar.open : bar.high;
    bar.high = bar.high < bar.close ? bar.close : bar.high;
    bar.low = bar.low > bar.open ? bar.open : bar.low;
    bar.low = bar.low > bar.close ? bar.close : bar.low;
    const double size = fabs(move) / p->vol;
    bar.volume = shares(p->money, p->price, 1.0 + 0.3 * (size > 3.0 ? 3.0 : size), shape);
    wear(p, event_bits, &bar);
    if (strcmp(p->a->type_norm, "INDEX") == 0)
        bar.nulls |= QLAB_SYNTH_NULL_VOLUME;
    put(p, bar);
    if (p->has_close)
        remember(p, move - p->market);
    p->close = bar.close;
    p->has_close = true;
    p->n_life_bars++;
    p->gross = 1.0;
    p->market = 0.0;
}

static void session(path *p, size_t day)
{
    const uint64_t bits = qlab_synth_u64(p->seed, p->a->number, QLAB_SYNTH_S_EVENT, day);
    const double u = qlab_synth_u16(bits, 1), v = qlab_synth_u16(bits, 0);
    if (day < p->halted_until)
        return;
    if (p->has_close && u < 0.0006) {
        /* One session without a bar, or a halt of up to 25 days. */
        p->halted_until = day + (v < 0.6 ? 1 : 3 + (size_t)(u / 0.0006 * 22.0));
        return;
    }
    if (p->has_close && p->a->is_thin && v < 0.35) {
        put(p, flat_bar(p, day, v < 0.2 ? 0 : (int64_t)(v * 200.0)));
        p->n_life_bars++;
        remember(p, 0.0);
        return;
    }
    if (p->has_close && u > 0.99997) {
        qlab_synth_bar bar = {.date = p->m->date[day], .life = p->life, .is_void = true};
        put(p, bar);
        return;
    }
    trade(p, day, bits);
}

/* A second company under the old ticker, at another price. */
static void reuse(path *p)
{
    const double u = attribute(p, QLAB_SYNTH_A_REUSE_PRICE);
    const double ratio = 2.6 + 2.0 * u;
    p->price = p->price > 40.0 ? p->price / ratio : p->price * ratio;
    p->life = 2;
    p->gross = 1.0;
    p->market = 0.0;
    p->score = 0.0;
    p->vol = p->level;
    p->n_recent = p->n_life_bars = p->halted_until = 0;
    p->has_close = false;
}

/* Previous-close factors, multiplied from the end; void bars keep a zero. */
void qlab_synth_series_adjust(const qlab_synth_asset *a, qlab_synth_series *s)
{
    const double scale = a->adjusted_decimals == 6 ? 1e6 : 1e4;
    double factor = 1.0;
    size_t e = s->n_events;
    for (size_t i = s->n_bars; i-- > 0;) {
        qlab_synth_bar *bar = &s->bars[i];
        bar->adjusted = (int64_t)floor((double)bar->close * 1e-4 * factor * scale + 0.5);
        for (; e > 0 && s->events[e - 1].bar == i; e--) {
            const qlab_synth_event *ev = &s->events[e - 1];
            factor *= ev->split != 0.0 ? 1.0 / ev->split
                                       : 1.0 - (double)ev->dividend / (double)ev->close_before;
        }
    }
}

void qlab_synth_series_make(const qlab_synth_market *m, const qlab_synth_asset *a,
                            qlab_synth_series *s)
{
    path p;
    s->n_bars = s->n_events = 0;
    path_begin(&p, m, a, s);
    const unsigned bit = 1u << a->calendar;
    for (size_t day = a->list_day; day < m->n_days; day++) {
        if (day >= a->end_day && (a->reuse_day == 0 || day < a->reuse_day))
            continue;
        if (day == a->reuse_day && day > 0)
            reuse(&p);
        advance(&p, day);
        if (m->session[day] & bit)
            session(&p, day);
        else if (m->phantom[day] & bit && p.has_close && day >= p.halted_until &&
                 qlab_synth_u64(p.seed, a->number, QLAB_SYNTH_S_EVENT, day) % 32 == 0) {
            qlab_synth_bar bar = flat_bar(&p, day, 100);
            bar.is_phantom = true;
            put(&p, bar);
        }
    }
    qlab_synth_series_adjust(a, s);
}

void qlab_synth_series_free(qlab_synth_series *s)
{
    qlab_free(s->bars);
    qlab_free(s->events);
    *s = (qlab_synth_series)QLAB_SYNTH_SERIES_INIT;
}
