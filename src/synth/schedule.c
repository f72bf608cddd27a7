#include "base/alloc.h"
#include "synth/attribute.h"
#include "synth/days.h"
#include "synth/draw.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    TRIES = 200,     /* draws for an asset that a thing can happen to */
    DEAD_DAYS = 290, /* market days: more than 252 sessions */
    DRAWS_A_THING = 256,
    FEED_AFTER = 1,   /* days from a last bar to the feed, at least */
    REMOVED_AFTER = 4 /* days from a last bar to the registry, at least */
};

static const char *const NAMES[QLAB_SYNTH_KINDS] = {
    "correct_new", "correct_old", "late",      "gap_fill", "drop",    "mass",  "purge",
    "basis",       "future",      "duplicate", "bad_row",  "phantom", "split", "delist",
    "rename",      "list",        "cover",     "reuse",    "move",    "repack"};

const char *qlab_synth_kind_name(qlab_synth_kind kind)
{
    return NAMES[kind];
}

uint64_t qlab_synth_day_draw(const qlab_synth_market *m, uint32_t day, uint64_t draw)
{
    return qlab_synth_u64(m->params.seed, QLAB_SYNTH_UNIT_DAY + day, QLAB_SYNTH_S_EVENT, draw);
}

static size_t below(uint64_t bits, size_t n)
{
    return (size_t)(qlab_synth_u32(bits, 1) * (double)n);
}

bool qlab_synth_in_registry(const qlab_synth_schedule *s, uint32_t asset, uint32_t day)
{
    const qlab_synth_fate *f = &s->fates[asset];
    return f->born <= day && (f->removed == 0 || day < f->removed);
}

int32_t qlab_synth_day_date(const qlab_synth_schedule *s, uint32_t day)
{
    return s->market->date[s->day_end[day] - 1];
}

bool qlab_synth_is_alive(const qlab_synth_schedule *s, uint32_t asset, uint32_t day)
{
    const qlab_synth_asset *a = &s->plan->assets[asset].asset;
    const size_t before = s->day_end[day - 1], end = s->day_end[day];
    return qlab_synth_in_registry(s, asset, day) && a->list_day < before &&
           (a->end_day >= end || (a->reuse_day > 0 && a->reuse_day < before));
}

static bool is_listed(const qlab_synth_asset *a)
{
    return strcmp(a->type_norm, "STOCK") == 0 || strcmp(a->type_norm, "ETF") == 0;
}

static bool is_stock(const qlab_synth_asset *a)
{
    return strcmp(a->type_norm, "STOCK") == 0;
}

/* Whether a thing of this kind can happen to the asset on the day. */
static bool suits(const qlab_synth_schedule *s, uint32_t asset, qlab_synth_kind kind, uint32_t day)
{
    const qlab_synth_asset *a = &s->plan->assets[asset].asset;
    if (!is_listed(a))
        return false;
    if (kind == QLAB_SYNTH_K_REUSE)
        return qlab_synth_in_registry(s, asset, day) && a->is_delisted && a->reuse_day == 0 &&
               s->fates[asset].renamed == 0 && a->end_day + DEAD_DAYS < s->day_end[day - 1];
    if (!qlab_synth_is_alive(s, asset, day))
        return false;
    if (kind == QLAB_SYNTH_K_DELIST)
        return is_stock(a) && a->reuse_day == 0;
    if (kind == QLAB_SYNTH_K_SPLIT)
        return is_stock(a);
    if (kind == QLAB_SYNTH_K_RENAME || kind == QLAB_SYNTH_K_MOVE)
        return s->fates[asset].born < day && s->plan->n_packs > 1;
    if (kind == QLAB_SYNTH_K_MASS || kind == QLAB_SYNTH_K_PURGE)
        return a->list_day + 100 < s->day_end[day - 1];
    return true;
}

/* ---- things happen --------------------------------------------------------------------------- */

/* A stock that nobody has seen: the next number whose draws make it one. */
static uint32_t add_stock(qlab_synth_schedule *s, uint32_t day, size_t list_day)
{
    qlab_synth_vendor_plan *plan = s->plan;
    const uint32_t at = plan->n_assets++;
    plan->assets = qlab_realloc(plan->assets, plan->n_assets, sizeof *plan->assets);
    s->fates = qlab_realloc(s->fates, plan->n_assets, sizeof *s->fates);
    s->fates[at] = (qlab_synth_fate){.born = day};
    plan->assets[at] = (qlab_synth_known){0};
    qlab_synth_asset *a = &plan->assets[at].asset;
    do
        qlab_synth_asset_make(s->market, s->next_number++, a);
    while (!is_stock(a));
    a->list_day = list_day;
    a->end_day = s->market->n_days;
    a->reuse_day = 0;
    a->fall_day = SIZE_MAX;
    a->is_delisted = false;
    a->delist_code = "";
    a->delist_return = NAN;
    return at;
}

static size_t pack_of_exchange(const qlab_synth_schedule *s, const char *exchange, uint64_t bits)
{
    char start[32];
    size_t n = 0;
    snprintf(start, sizeof start, "history/%s/", exchange);
    for (size_t i = 0; i < s->plan->n_packs; i++)
        n += strncmp(s->plan->packs[i].path, start, strlen(start)) == 0;
    size_t wanted = n > 0 ? below(bits, n) : 0;
    for (size_t i = 0; i < s->plan->n_packs; i++)
        if (strncmp(s->plan->packs[i].path, start, strlen(start)) == 0 && wanted-- == 0)
            return i;
    return below(bits, s->plan->n_packs);
}

static void rename_asset(qlab_synth_schedule *s, qlab_synth_happening *e)
{
    qlab_synth_asset *a = &s->plan->assets[e->asset].asset;
    memcpy(e->was, a->id, sizeof e->was);
    qlab_synth_symbol(s->next_number++, a->symbol); /* so that none comes twice */
    snprintf(a->id, sizeof a->id, "%s:%s", a->exchange, a->symbol);
    s->fates[e->asset].renamed = e->day;
}

static void delist(qlab_synth_schedule *s, const qlab_synth_happening *e)
{
    qlab_synth_asset *a = &s->plan->assets[e->asset].asset;
    const size_t fall_day = a->fall_day; /* what was delivered stands */
    qlab_synth_asset_end(s->market, a, s->day_end[e->day]);
    a->fall_day = fall_day;
    a->reuse_day = 0;
}

static void force_split(qlab_synth_schedule *s, const qlab_synth_happening *e)
{
    qlab_synth_fate *f = &s->fates[e->asset];
    f->forced = qlab_realloc(f->forced, f->n_forced + 1, sizeof *f->forced);
    f->forced[f->n_forced++] = (qlab_synth_forced){.day = s->day_end[e->day - 1], .bits = e->bits};
}

static void apply(qlab_synth_schedule *s, qlab_synth_happening *e)
{
    qlab_synth_vendor_plan *plan = s->plan;
    const size_t today = s->day_end[e->day - 1];
    switch (e->kind) {
    case QLAB_SYNTH_K_LIST:
    case QLAB_SYNTH_K_COVER: {
        const bool is_new = e->kind == QLAB_SYNTH_K_LIST;
        e->asset = add_stock(s, e->day, is_new ? today : below(e->bits, s->market->base_days / 2));
        e->pack = pack_of_exchange(s, plan->assets[e->asset].asset.exchange, e->bits >> 7);
        plan->assets[e->asset].pack = e->pack;
        break;
    }
    case QLAB_SYNTH_K_REUSE:
        plan->assets[e->asset].asset.reuse_day = today;
        break;
    case QLAB_SYNTH_K_PHANTOM:
        e->date = qlab_synth_day_date(s, e->day);
        e->date -= 2 + qlab_date_weekday(e->date); /* the Saturday before */
        break;
    case QLAB_SYNTH_K_SPLIT:
        force_split(s, e);
        break;
    case QLAB_SYNTH_K_DELIST:
        delist(s, e);
        break;
    case QLAB_SYNTH_K_RENAME:
        rename_asset(s, e);
        break;
    case QLAB_SYNTH_K_MOVE:
        s->fates[e->asset].moved = e->day;
        s->fates[e->asset].pack_before = plan->assets[e->asset].pack;
        e->pack = (e->pack + 1 + below(e->bits, plan->n_packs - 1)) % plan->n_packs;
        plan->assets[e->asset].pack = e->pack;
        break;
    default:
        break;
    }
}

/* The asset of an event, or false where nobody suits. */
static bool choose(const qlab_synth_schedule *s, qlab_synth_happening *e, uint64_t draw)
{
    for (uint64_t i = 1; i <= TRIES; i++) {
        const uint64_t bits = qlab_synth_day_draw(s->market, e->day, draw + i);
        const uint32_t asset = (uint32_t)below(bits, s->plan->n_assets);
        if (!suits(s, asset, e->kind, e->day))
            continue;
        e->asset = asset;
        e->pack = s->plan->assets[asset].pack;
        return true;
    }
    return false;
}

/* Days that a thing lasts: 1 to 3, where it does not last for good. */
static uint32_t until(const qlab_synth_happening *e)
{
    switch (e->kind) {
    case QLAB_SYNTH_K_CORRECT_NEW:
    case QLAB_SYNTH_K_LATE:
    case QLAB_SYNTH_K_GAP_FILL:
    case QLAB_SYNTH_K_MASS:
    case QLAB_SYNTH_K_BASIS:
        return e->day + 1 + (uint32_t)(e->bits >> 20 & 0xff) % 3;
    default:
        return 0;
    }
}

static void happen(qlab_synth_schedule *s, uint32_t day, uint32_t k, qlab_synth_kind kind)
{
    const uint64_t draw = (uint64_t)k * DRAWS_A_THING;
    qlab_synth_happening e = {.kind = kind,
                              .day = day,
                              .asset = QLAB_SYNTH_NOBODY,
                              .bits = qlab_synth_day_draw(s->market, day, draw),
                              .date = QLAB_DATE_NONE};
    e.until = until(&e);
    if (kind == QLAB_SYNTH_K_REPACK)
        e.pack = below(e.bits, s->plan->n_packs);
    else if (kind != QLAB_SYNTH_K_PHANTOM && kind != QLAB_SYNTH_K_LIST &&
             kind != QLAB_SYNTH_K_COVER && !choose(s, &e, draw))
        return;
    apply(s, &e);
    s->events[s->n_events++] = e;
}

/* Each kind comes once before any comes again, in an order of the seed's. */
static qlab_synth_kind kind_of(const qlab_synth_market *m, uint64_t count)
{
    qlab_synth_kind order[QLAB_SYNTH_KINDS];
    const uint32_t round = (uint32_t)(count / QLAB_SYNTH_KINDS);
    for (size_t i = 0; i < QLAB_SYNTH_KINDS; i++)
        order[i] = (qlab_synth_kind)i;
    for (size_t i = QLAB_SYNTH_KINDS; i-- > 1;) {
        const size_t j = below(qlab_synth_day_draw(m, 0, (uint64_t)round * 64 + i), i + 1);
        const qlab_synth_kind kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    return order[count % QLAB_SYNTH_KINDS];
}

static void make_day_ends(qlab_synth_schedule *s)
{
    const qlab_synth_market *m = s->market;
    uint32_t day = 0;
    s->day_end[0] = m->base_days;
    for (size_t i = m->base_days; i < m->n_days; i++)
        if (m->session[i] & 1u << QLAB_SYNTH_US && day < s->n_days)
            s->day_end[++day] = i + 1;
}

/* When the feed and the registry follow those that ended on an added day. */
static void follow_ends(qlab_synth_schedule *s, uint32_t day)
{
    for (uint32_t i = 0; i < s->plan->n_assets; i++) {
        const qlab_synth_asset *a = &s->plan->assets[i].asset;
        qlab_synth_fate *f = &s->fates[i];
        if (!a->is_delisted || a->end_day <= s->day_end[day - 1] || a->end_day > s->day_end[day])
            continue;
        const uint64_t bits = qlab_synth_u64(s->market->params.seed, i, QLAB_SYNTH_S_EVENT, day);
        f->fed = day + FEED_AFTER + (uint32_t)(bits & 0xff) % 3;
        f->removed = day + REMOVED_AFTER + (uint32_t)(bits >> 8 & 0xff) % 3;
        f->keeps_line = (bits >> 16 & 1) != 0;
    }
}

qlab_synth_schedule *qlab_synth_schedule_make(const qlab_synth_market *market,
                                              qlab_synth_vendor_plan *plan, const uint32_t *n_odd,
                                              uint32_t n_days)
{
    qlab_synth_schedule *s = qlab_alloc_zero(1, sizeof *s);
    uint64_t count = 0, n = 0;
    s->market = market;
    s->plan = plan;
    s->n_days = n_days;
    s->day_end = qlab_alloc_zero((size_t)n_days + 1, sizeof *s->day_end);
    s->fates = qlab_alloc_zero(plan->n_assets, sizeof *s->fates);
    for (uint32_t day = 0; day < n_days; day++)
        n += n_odd[day];
    s->events = qlab_alloc_zero((size_t)n, sizeof *s->events);
    s->next_number = market->params.n_assets;
    for (uint32_t i = 0; i < plan->n_assets; i++)
        qlab_synth_asset_make(market, i, &plan->assets[i].asset);
    plan->market = market;
    make_day_ends(s);
    for (uint32_t day = 1; day <= n_days; day++) {
        for (uint32_t k = 0; k < n_odd[day - 1]; k++)
            happen(s, day, k, kind_of(market, count++));
        follow_ends(s, day);
    }
    for (uint32_t i = 0; i < plan->n_assets; i++) {
        plan->assets[i].asset.forced = s->fates[i].forced;
        plan->assets[i].asset.n_forced = s->fates[i].n_forced;
    }
    return s;
}

void qlab_synth_schedule_free(qlab_synth_schedule *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->plan->n_assets; i++)
        qlab_free(s->fates[i].forced);
    qlab_free(s->day_end);
    qlab_free(s->fates);
    qlab_free(s->events);
    qlab_free(s);
}
