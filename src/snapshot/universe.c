#include "base/alloc.h"
#include "base/date.h"
#include "num/roll.h"
#include "snapshot/internal.h"
#include "truth/settle.h"
#include <math.h>
#include <string.h>

void qlab_found_free(qlab_found *f)
{
    qlab_free(f->lives);
    qlab_free(f->steps);
    qlab_free(f->years);
    qlab_free(f->applied);
    qlab_free(f->findings);
    qlab_free(f->universe);
    qlab_free(f->counts);
    *f = (qlab_found){0};
}

const qlab_delisting *qlab_delisting_of(const qlab_delisting *d, size_t n, int32_t asof)
{
    for (size_t i = 0; i < n && d[i].delist_date <= asof; i++)
        if (qlab_settle_delisting(&d[i], "").settles)
            return &d[i];
    return NULL;
}

/* ---- actions of one asset -------------------------------------------------------------------- */

typedef struct closes_of {
    const qlab_bars *bars;
    size_t first, last;
} closes_of;

static bool closes_around(void *ctx, uint32_t asset_ix, int32_t ex_date, double *before, double *at)
{
    (void)asset_ix;
    const closes_of *c = ctx;
    size_t i = c->first;
    *before = *at = NAN;
    for (; i < c->last && c->bars->date[i] < ex_date; i++)
        if (c->bars->close[i] > 0.0)
            *before = c->bars->close[i];
    for (; i < c->last && isnan(*at); i++)
        if (c->bars->close[i] > 0.0)
            *at = c->bars->close[i];
    return !isnan(*before) && !isnan(*at);
}

static uint8_t finding_code(const char *code)
{
    return strcmp(code, "FACTOR_DISAGREES") == 0    ? 0
           : strcmp(code, "EX_DATE_DISAGREES") == 0 ? 1
                                                    : 2;
}

/* Resolves the facts of one asset; *rows (owned by the caller) are the applied ones. */
static size_t resolve_asset(const qlab_build *b, uint32_t ix, int32_t asof, closes_of *closes,
                            qlab_action **rows, qlab_found *out)
{
    size_t first = b->fact_first[ix], last = b->fact_first[ix + 1], n = 0;
    while (first + n < last && b->facts[first + n].ex_date <= asof)
        n++;
    *rows = qlab_alloc(n, sizeof **rows);
    for (size_t i = 0; i < n; i++) {
        (*rows)[i] = b->facts[first + i];
        (*rows)[i].known_seq = (uint32_t)(first + i); /* resolving moves rows: remember which */
    }
    qlab_action_finding *findings = NULL;
    size_t n_findings = 0;
    n = qlab_actions_resolve(*rows, n, b->view->price_basis, closes_around, closes, &findings,
                             &n_findings);
    qlab_grow((void **)&out->applied, &out->cap_applied, out->n_applied + n, sizeof *out->applied);
    for (size_t i = 0; i < n; i++)
        out->applied[out->n_applied++] =
            (qlab_applied){(*rows)[i].known_seq, (*rows)[i].in_basis, (*rows)[i].d};
    qlab_grow((void **)&out->findings, &out->cap_findings, out->n_findings + n_findings,
              sizeof *out->findings);
    for (size_t i = 0; i < n_findings; i++) {
        const qlab_action_finding *f = &findings[i];
        out->findings[out->n_findings++] = (qlab_finding_row){.asset_ix = ix,
                                                              .ex_date = f->ex_date,
                                                              .other_date = f->other_date,
                                                              .code = finding_code(f->code),
                                                              .kept_source = f->kept_source,
                                                              .other_source = f->other_source,
                                                              .kept = f->kept,
                                                              .other = f->other,
                                                              .other_low = f->other_low,
                                                              .other_high = f->other_high};
    }
    qlab_free(findings);
    return n;
}

/* ---- counting -------------------------------------------------------------------------------- */

typedef struct tally {
    uint32_t **n_valid, **n_eligible; /* [exchange][session]; NULL until an asset needs it */
} tally;

static void tally_asset(const qlab_build *b, const qlab_series *s, uint32_t exchange,
                        const uint8_t *reason, tally *t, qlab_found *out)
{
    size_t n_sessions = b->days[exchange].n_sessions;
    if (t->n_valid[exchange] == NULL) {
        t->n_valid[exchange] = qlab_alloc_zero(n_sessions, sizeof(uint32_t));
        t->n_eligible[exchange] = qlab_alloc_zero(n_sessions, sizeof(uint32_t));
    }
    for (size_t i = 0; i < s->n; i++) {
        t->n_valid[exchange][s->session_ix[i]]++;
        t->n_eligible[exchange][s->session_ix[i]] += reason[i] == QLAB_ELIGIBLE;
        out->totals.reason[reason[i]]++;
        for (unsigned bit = 0; bit < QLAB_FLAG_BITS; bit++)
            out->totals.flag[bit] += s->flags[i] >> bit & 1u;
    }
    out->totals.n_valid += s->n;
    out->totals.n_void_close += s->n_void_close;
    out->totals.n_void_phantom += s->n_void_phantom;
}

static void give_counts(const qlab_build *b, tally *t, qlab_found *out)
{
    for (uint32_t e = 0; e < b->n_exchanges; e++) {
        if (t->n_valid[e] == NULL)
            continue;
        for (uint32_t i = 0; i < b->days[e].n_sessions; i++)
            if (t->n_valid[e][i] > 0) {
                qlab_grow((void **)&out->counts, &out->cap_counts, out->n_counts + 1,
                          sizeof *out->counts);
                out->counts[out->n_counts++] =
                    (qlab_eligible_count){e, i, t->n_valid[e][i], t->n_eligible[e][i]};
            }
        qlab_free(t->n_valid[e]);
        qlab_free(t->n_eligible[e]);
    }
    qlab_free(t->n_valid);
    qlab_free(t->n_eligible);
}

/* Mean money volume of the last adv_bars bars up to row i, as the feature column computes it. */
static double money_volume(const qlab_series *s, size_t i, uint32_t adv_bars)
{
    if (adv_bars == 0 || s->bars_seen[i] < adv_bars)
        return NAN;
    double *money = qlab_alloc(adv_bars, sizeof *money), *mean = qlab_alloc(adv_bars, sizeof *mean);
    for (uint32_t k = 0; k < adv_bars; k++)
        money[k] = s->close[i + 1 - adv_bars + k] * s->volume[i + 1 - adv_bars + k];
    qlab_roll_mean((qlab_f64v){money, adv_bars}, adv_bars, (qlab_f64w){mean, adv_bars});
    double adv = mean[adv_bars - 1];
    qlab_free(money);
    qlab_free(mean);
    return adv;
}

static void add_universe_row(const qlab_build *b, const qlab_series *s, uint8_t asset_class,
                             const uint8_t *reason, qlab_found *out)
{
    qlab_universe_row u = {.asset_ix = s->asset_ix,
                           .first_date = s->n ? s->date[0] : QLAB_DATE_NONE,
                           .last_date = s->n ? s->date[s->n - 1] : QLAB_DATE_NONE,
                           .entry_date = QLAB_DATE_NONE,
                           .exit_date = QLAB_DATE_NONE,
                           .n_lives = s->n ? s->life_no[s->n - 1] : 0,
                           .n_bars = (uint32_t)s->n,
                           .n_void_close = (uint32_t)s->n_void_close,
                           .n_void_phantom = (uint32_t)s->n_void_phantom,
                           .adv20 = NAN};
    for (size_t i = 0; i < s->n; i++)
        if (reason[i] == QLAB_ELIGIBLE) {
            u.entry_date = u.entry_date == QLAB_DATE_NONE ? s->date[i] : u.entry_date;
            u.exit_date = s->date[i];
            u.n_eligible_days++;
        }
    /* Judged on the last session of its exchange. */
    const qlab_exchange_days *days = &b->days[b->exchange_of[s->asset_ix]];
    int32_t judged = days->n_sessions > 0 ? days->session[days->n_sessions - 1] : QLAB_DATE_NONE;
    size_t at = s->n;
    if (at > 0 && s->date[at - 1] == judged) {
        u.reason = reason[at - 1];
        u.adv20 = money_volume(s, at - 1, b->o.rule.adv_bars);
    } else if (!(b->o.rule.class_mask & (1u << asset_class))) {
        u.reason = QLAB_INELIGIBLE_CLASS;
    } else if (at == 0 || s->bars_seen[at - 1] < b->o.rule.min_bars) {
        u.reason = QLAB_INELIGIBLE_FEW_BARS;
    } else {
        u.reason = QLAB_INELIGIBLE_NO_BAR;
    }
    qlab_grow((void **)&out->universe, &out->cap_universe, out->n_universe + 1,
              sizeof *out->universe);
    out->universe[out->n_universe++] = u;
}

/* ---- one bucket ------------------------------------------------------------------------------ */

qlab_code qlab_build_bucket(const qlab_build *b, size_t bucket, int32_t asof, qlab_conn *conn,
                            qlab_found *out, qlab_err *err)
{
    qlab_bars bars = {0};
    qlab_code code =
        qlab_lake_read_bars(b->view, conn, (uint32_t)bucket, QLAB_DATE_NONE, asof, 0, &bars, err);
    if (code != QLAB_OK)
        return code;
    tally t = {qlab_alloc_zero(b->n_exchanges, sizeof(uint32_t *)),
               qlab_alloc_zero(b->n_exchanges, sizeof(uint32_t *))};
    qlab_series s = {0};
    qlab_series_found f = {0};
    uint8_t *reason = NULL;
    size_t cap_reason = 0;
    out->totals.n_bars += bars.n_rows;
    for (size_t a = 0; a < bars.n_assets; a++) {
        uint32_t ix = bars.asset_ix[a], exchange = b->exchange_of[ix];
        closes_of closes = {&bars, bars.first[a], bars.first[a + 1]};
        qlab_action *actions = NULL;
        size_t n_actions = resolve_asset(b, ix, asof, &closes, &actions, out);
        const qlab_delisting *gone =
            qlab_delisting_of(b->delistings + b->delisting_first[ix],
                              b->delisting_first[ix + 1] - b->delisting_first[ix], asof);
        const qlab_series_truth truth = {
            .session = b->days[exchange].session,
            .n_sessions = b->days[exchange].n_sessions,
            .actions = actions,
            .n_actions = n_actions,
            .lives = b->given_lives ? b->given_lives + b->given_life_first[ix] : NULL,
            .n_lives = b->given_life_first[ix + 1] - b->given_life_first[ix],
            .delist_date = gone ? gone->delist_date : QLAB_DATE_NONE};
        qlab_series_discover(&bars, a, &truth, &s, &f);
        qlab_grow((void **)&reason, &cap_reason, s.n + 1, 1);
        uint8_t asset_class = (uint8_t)b->view->assets[ix].asset_class;
        qlab_eligible_mark(&s, asset_class, &b->o.rule, NULL, 0, reason);
        tally_asset(b, &s, exchange, reason, &t, out);
        add_universe_row(b, &s, asset_class, reason, out);
        qlab_free(actions);
    }
    give_counts(b, &t, out);
    out->lives = f.lives;
    out->n_lives = f.n_lives;
    out->steps = f.steps;
    out->n_steps = f.n_steps;
    out->years = f.years;
    out->n_years = f.n_years;
    qlab_free(reason);
    qlab_series_free(&s);
    qlab_bars_free(&bars);
    return QLAB_OK;
}
