#include "base/alloc.h"
#include "base/date.h"
#include "num/roll.h"
#include "snapshot/state.h"
#include <assert.h>
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

/* ---- actions of one asset -------------------------------------------------------------------- */

typedef struct closes_of {
    const qlab_bars *bars;
    size_t first, last;
    int32_t border;
    const qlab_state_at *st; /* NULL: the bars are all there are */
} closes_of;

/* What bars before the border say of an ex-date; false = nothing is kept of it. */
static bool closes_before_border(const closes_of *c, int32_t ex_date, double *before, double *at)
{
    for (uint32_t i = 0; i < c->st->asset->n_closes; i++)
        if (c->st->closes[i].ex_date == ex_date) {
            *before = c->st->closes[i].before;
            *at = c->st->closes[i].at;
            return true;
        }
    return false;
}

static void scan_closes(const closes_of *c, int32_t ex_date, double *before, double *at)
{
    size_t i = c->first;
    for (; i < c->last && c->bars->date[i] < ex_date; i++)
        if (c->bars->close[i] > 0.0)
            *before = c->bars->close[i];
    for (; i < c->last && isnan(*at); i++)
        if (c->bars->close[i] > 0.0)
            *at = c->bars->close[i];
}

static bool closes_around(void *ctx, uint32_t asset_ix, int32_t ex_date, double *before, double *at)
{
    (void)asset_ix;
    const closes_of *c = ctx;
    *before = *at = NAN;
    if (c->st != NULL && ex_date >= c->border)
        *before = c->st->asset->last_close;
    if (c->st == NULL || ex_date >= c->border || closes_before_border(c, ex_date, before, at))
        scan_closes(c, ex_date, before, at);
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
                            qlab_action **rows, qlab_action_finding **findings, size_t *n_findings)
{
    size_t first = b->fact_first[ix], last = b->fact_first[ix + 1], n = 0;
    while (first + n < last && b->facts[first + n].ex_date <= asof)
        n++;
    *rows = qlab_alloc(n, sizeof **rows);
    for (size_t i = 0; i < n; i++) {
        (*rows)[i] = b->facts[first + i];
        (*rows)[i].known_seq = (uint32_t)(first + i); /* resolving moves rows: remember which */
    }
    return qlab_actions_resolve(*rows, n, b->view->price_basis, closes_around, closes, findings,
                                n_findings);
}

static void found_actions(uint32_t ix, const qlab_action *rows, size_t n,
                          const qlab_action_finding *findings, size_t n_findings, qlab_found *out)
{
    qlab_grow((void **)&out->applied, &out->cap_applied, out->n_applied + n, sizeof *out->applied);
    for (size_t i = 0; i < n; i++)
        out->applied[out->n_applied++] =
            (qlab_applied){rows[i].known_seq, rows[i].in_basis, rows[i].d};
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
}

static qlab_digest resolved_digest(const qlab_action *rows, size_t n, int32_t upto)
{
    qlab_sha256 *h = qlab_sha256_new();
    for (size_t i = 0; i < n && rows[i].ex_date <= upto; i++) {
        qlab_sha256_put_i32(h, rows[i].ex_date);
        qlab_sha256_put_u32(h, rows[i].type);
        qlab_sha256_put_u32(h, rows[i].source);
        qlab_sha256_put_u32(h, rows[i].in_basis);
        qlab_sha256_put_f64(h, rows[i].r);
        qlab_sha256_put_f64(h, rows[i].d);
        qlab_sha256_put_f64(h, rows[i].c);
    }
    qlab_digest d = qlab_sha256_end(h);
    qlab_sha256_free(h);
    return d;
}

qlab_digest qlab_walk_resolved(const qlab_walk *w, const qlab_bars *bars, size_t a,
                               const qlab_state_at *st)
{
    closes_of closes = {bars, bars->first[a], bars->first[a + 1], w->b->border, st};
    qlab_action *rows = NULL;
    qlab_action_finding *findings = NULL;
    size_t n_findings = 0;
    size_t n =
        resolve_asset(w->b, bars->asset_ix[a], w->asof, &closes, &rows, &findings, &n_findings);
    qlab_digest d = resolved_digest(rows, n, st->asset->carry.date);
    qlab_free(findings);
    qlab_free(rows);
    return d;
}

/* ---- counting -------------------------------------------------------------------------------- */

void qlab_walk_begin(qlab_walk *w, const qlab_build *b, int32_t asof, qlab_found *out)
{
    *w = (qlab_walk){.b = b,
                     .asof = asof,
                     .out = out,
                     .n_eligible = qlab_alloc_zero(b->n_exchanges, sizeof(uint32_t *))};
}

void qlab_walk_end(qlab_walk *w)
{
    qlab_found *out = w->out;
    for (uint32_t e = 0; e < w->b->n_exchanges; e++) {
        if (w->n_eligible[e] == NULL)
            continue;
        for (uint32_t i = 0; i < w->b->days[e].n_sessions; i++)
            if (w->n_eligible[e][i] > 0) {
                qlab_grow((void **)&out->counts, &out->cap_counts, out->n_counts + 1,
                          sizeof *out->counts);
                out->counts[out->n_counts++] = (qlab_eligible_count){e, i, w->n_eligible[e][i]};
            }
        qlab_free(w->n_eligible[e]);
    }
    qlab_free(w->n_eligible);
    out->lives = w->found.lives;
    out->n_lives = w->found.n_lives;
    out->steps = w->found.steps;
    out->n_steps = w->found.n_steps;
    out->years = w->found.years;
    out->n_years = w->found.n_years;
    qlab_free(w->reason);
    qlab_series_free(&w->series);
}

static void count_run(qlab_walk *w, uint32_t exchange, qlab_state_run run)
{
    if (w->n_eligible[exchange] == NULL)
        w->n_eligible[exchange] =
            qlab_alloc_zero(w->b->days[exchange].n_sessions, sizeof(uint32_t));
    const size_t end = (size_t)run.first_session + run.n;
    assert(end <= w->b->days[exchange].n_sessions);
    for (size_t i = run.first_session; i < end; i++)
        w->n_eligible[exchange][i]++;
}

/* The eligible run that begins at row i (which is eligible) and ends before row `to`. */
static qlab_state_run run_at(const qlab_series *s, const uint8_t *reason, size_t i, size_t to)
{
    qlab_state_run run = {s->session_ix[i], 1};
    while (++i < to && reason[i] == QLAB_ELIGIBLE && s->session_ix[i] == run.first_session + run.n)
        run.n++;
    return run;
}

static void sum_rows(const qlab_series *s, const uint8_t *reason, size_t from, size_t to,
                     qlab_state_sum *sum)
{
    for (size_t i = from; i < to; i++) {
        sum->totals.reason[reason[i]]++;
        for (unsigned bit = 0; bit < QLAB_FLAG_BITS; bit++)
            sum->totals.flag[bit] += s->flags[i] >> bit & 1u;
        if (reason[i] != QLAB_ELIGIBLE)
            continue;
        if (sum->entry_date == QLAB_DATE_NONE)
            sum->entry_date = s->date[i];
        sum->exit_date = s->date[i];
        sum->n_eligible_days++;
    }
    sum->totals.n_valid += to - from;
    if (sum->first_date == QLAB_DATE_NONE && to > from)
        sum->first_date = s->date[from];
}

/* Mean money volume of the last adv_bars bars up to the last row, as the feature column computes
 * it: rows `from` on are new, those before are in the record. */
static double money_volume(const qlab_series *s, size_t from, const qlab_state_at *st,
                           uint32_t adv_bars)
{
    if (adv_bars == 0 || s->bars_seen[s->n - 1] < adv_bars)
        return NAN;
    double *money = qlab_alloc(adv_bars, sizeof *money), *mean = qlab_alloc(adv_bars, sizeof *mean);
    const size_t n_new = s->n - from < adv_bars ? s->n - from : adv_bars, n_old = adv_bars - n_new;
    for (size_t k = 0; k < n_old; k++)
        money[k] = st->money[st->asset->n_money - n_old + k];
    for (size_t k = 0; k < n_new; k++)
        money[n_old + k] = s->close[s->n - n_new + k] * s->volume[s->n - n_new + k];
    qlab_roll_mean((qlab_f64v){money, adv_bars}, adv_bars, (qlab_f64w){mean, adv_bars});
    double adv = mean[adv_bars - 1];
    qlab_free(money);
    qlab_free(mean);
    return adv;
}

static void add_universe_row(qlab_walk *w, uint32_t ix, size_t from, const qlab_state_at *st,
                             const qlab_state_sum *sum)
{
    const qlab_build *b = w->b;
    const qlab_series *s = &w->series;
    const uint8_t asset_class = (uint8_t)b->view->assets[ix].asset_class;
    qlab_universe_row u = {.asset_ix = ix,
                           .first_date = sum->first_date,
                           .last_date = s->n ? s->date[s->n - 1] : QLAB_DATE_NONE,
                           .entry_date = sum->entry_date,
                           .exit_date = sum->exit_date,
                           .n_lives = s->n ? s->life_no[s->n - 1] : 0,
                           .n_bars = (uint32_t)sum->totals.n_valid,
                           .n_eligible_days = sum->n_eligible_days,
                           .n_void_close = (uint32_t)sum->totals.n_void_close,
                           .n_void_phantom = (uint32_t)sum->totals.n_void_phantom,
                           .adv20 = NAN};
    /* Judged on the last session of its exchange. */
    const qlab_exchange_days *days = &b->days[b->exchange_of[ix]];
    int32_t judged = days->n_sessions > 0 ? days->session[days->n_sessions - 1] : QLAB_DATE_NONE;
    if (s->n > 0 && s->date[s->n - 1] == judged) {
        u.reason = s->n > from ? w->reason[s->n - 1] : (uint8_t)st->asset->last_reason;
        u.adv20 = money_volume(s, from, st, b->o.rule.adv_bars);
    } else if (!(b->o.rule.class_mask & (1u << asset_class))) {
        u.reason = QLAB_INELIGIBLE_CLASS;
    } else if (s->n == 0 || s->bars_seen[s->n - 1] < b->o.rule.min_bars) {
        u.reason = QLAB_INELIGIBLE_FEW_BARS;
    } else {
        u.reason = QLAB_INELIGIBLE_NO_BAR;
    }
    qlab_grow((void **)&w->out->universe, &w->out->cap_universe, w->out->n_universe + 1,
              sizeof *w->out->universe);
    w->out->universe[w->out->n_universe++] = u;
}

/* ---- the record of what the bars before the border left ---------------------------------------
 */

/* Rows that discover found of this asset begin here. */
typedef struct found_first {
    size_t lives, steps, years;
} found_first;

/* Field by field into zeros: the rows are stored as they lie, padding included. */
static void put_life(qlab_life *to, const qlab_life *from)
{
    memset(to, 0, sizeof *to);
    to->asset_ix = from->asset_ix;
    to->life_no = from->life_no;
    to->first_date = from->first_date;
    to->last_date = from->last_date;
    to->n_bars = from->n_bars;
}

static void put_step(qlab_step *to, const qlab_step *from)
{
    memset(to, 0, sizeof *to);
    to->asset_ix = from->asset_ix;
    to->life_no = from->life_no;
    to->ex_date = from->ex_date;
    to->split_step = from->split_step;
    to->signal_step = from->signal_step;
    to->accounting_step = from->accounting_step;
    to->untyped = from->untyped;
}

static void put_year(qlab_asset_year *to, const qlab_asset_year *from)
{
    memset(to, 0, sizeof *to);
    to->asset_ix = from->asset_ix;
    to->life_no = from->life_no;
    to->year = from->year;
    to->first_date = from->first_date;
    to->lead_date = from->lead_date;
    to->n_valid_before = from->n_valid_before;
    to->n_valid = from->n_valid;
    to->ago_ohlc = from->ago_ohlc;
    to->ago_jump = from->ago_jump;
    to->ago_stale = from->ago_stale;
    to->stale_run = from->stale_run;
}

static void record_lists(qlab_walk *w, const found_first *first, qlab_state_asset *r)
{
    qlab_state *n = w->next;
    const qlab_series_found *f = &w->found;
    for (size_t i = first->lives; i < f->n_lives; i++) {
        if (f->lives[i].life_no >= r->carry.life_no)
            break;
        qlab_grow((void **)&n->lives, &n->cap_lives, n->n_lives + 1, sizeof *n->lives);
        put_life(&n->lives[n->n_lives++], &f->lives[i]);
        r->n_lives++;
    }
    for (size_t i = first->steps; i < f->n_steps && f->steps[i].ex_date <= r->carry.date; i++) {
        qlab_grow((void **)&n->steps, &n->cap_steps, n->n_steps + 1, sizeof *n->steps);
        put_step(&n->steps[n->n_steps++], &f->steps[i]);
        r->n_steps++;
    }
    for (size_t i = first->years; i < f->n_years && f->years[i].first_date < w->b->border; i++) {
        qlab_grow((void **)&n->years, &n->cap_years, n->n_years + 1, sizeof *n->years);
        put_year(&n->years[n->n_years++], &f->years[i]);
        r->n_years++;
    }
}

static void record_closes(qlab_walk *w, uint32_t ix, const closes_of *closes, qlab_state_asset *r)
{
    const qlab_build *b = w->b;
    closes_of before = *closes;
    while (before.last > before.first && before.bars->date[before.last - 1] >= b->border)
        before.last--;
    double ignored = NAN;
    r->last_close = NAN;
    scan_closes(&before, b->border, &r->last_close, &ignored);
    for (size_t i = b->fact_first[ix]; i < b->fact_first[ix + 1]; i++) {
        const int32_t ex_date = b->facts[i].ex_date;
        if (ex_date >= b->border)
            break;
        if (i > b->fact_first[ix] && b->facts[i - 1].ex_date == ex_date)
            continue;
        qlab_grow((void **)&w->next->closes, &w->next->cap_closes, w->next->n_closes + 1,
                  sizeof *w->next->closes);
        qlab_state_close c = {ex_date, 0, NAN, NAN};
        scan_closes(&before, ex_date, &c.before, &c.at);
        w->next->closes[w->next->n_closes++] = c;
        r->n_closes++;
    }
}

/* Void bars among the rows before the border, of which the first `cut` of the series are valid. */
static void record_voids(const qlab_walk *w, const closes_of *closes, uint32_t exchange,
                         qlab_bar_totals *t)
{
    const qlab_exchange_days *days = &w->b->days[exchange];
    for (size_t i = closes->first; i < closes->last; i++) {
        const int32_t date = closes->bars->date[i];
        if (date >= w->b->border)
            break;
        t->n_bars++;
        size_t at = qlab_session_lower_bound(days->session, days->n_sessions, date);
        if (at == days->n_sessions || days->session[at] != date)
            t->n_void_phantom++;
        else if (!(closes->bars->close[i] > 0.0))
            t->n_void_close++;
    }
}

static void record_money(qlab_walk *w, size_t cut, qlab_state_asset *r)
{
    const qlab_series *s = &w->series;
    uint32_t n = w->b->o.rule.adv_bars;
    n = n < r->carry.bars_seen ? n : r->carry.bars_seen;
    qlab_grow((void **)&w->next->money, &w->next->cap_money, w->next->n_money + n + 1,
              sizeof *w->next->money);
    for (size_t i = cut - n; i < cut; i++)
        w->next->money[w->next->n_money++] = s->close[i] * s->volume[i];
    r->n_money = n;
}

static void record_asset(qlab_walk *w, uint32_t ix, const closes_of *closes,
                         const qlab_action *actions, size_t n_actions, const found_first *first,
                         const qlab_digest *key)
{
    const qlab_series *s = &w->series;
    qlab_state *n = w->next;
    qlab_state_asset r;
    size_t cut = 0;
    while (cut < s->n && s->date[cut] < w->b->border)
        cut++;
    memset(&r, 0, sizeof r);
    r.key = *key;
    r.sum.first_date = r.sum.entry_date = r.sum.exit_date = QLAB_DATE_NONE;
    record_voids(w, closes, w->b->exchange_of[ix], &r.sum.totals);
    sum_rows(s, w->reason, 0, cut, &r.sum);
    r.has_valid = cut > 0;
    if (cut > 0) {
        qlab_series_carry_at(s, cut, &r.carry);
        r.last_reason = w->reason[cut - 1];
        r.resolved = resolved_digest(actions, n_actions, r.carry.date);
        record_money(w, cut, &r);
        record_lists(w, first, &r);
    }
    for (size_t i = 0; i < cut; i++) {
        if (w->reason[i] != QLAB_ELIGIBLE)
            continue;
        qlab_state_run run = run_at(s, w->reason, i, cut);
        qlab_grow((void **)&n->runs, &n->cap_runs, n->n_runs + 1, sizeof *n->runs);
        n->runs[n->n_runs++] = run;
        r.n_runs++;
        i += run.n - 1;
    }
    record_closes(w, ix, closes, &r);
    qlab_grow((void **)&n->assets, &n->cap_assets, n->n_assets + 1, sizeof *n->assets);
    n->assets[n->n_assets++] = r;
}

/* ---- one asset ------------------------------------------------------------------------------- */

static void found_before(qlab_series_found *f, const qlab_state_at *st)
{
    const qlab_state_asset *a = st->asset;
#define TAKE(list)                                                                                 \
    do {                                                                                           \
        qlab_grow((void **)&f->list, &f->cap_##list, f->n_##list + a->n_##list + 1,                \
                  sizeof *f->list);                                                                \
        if (a->n_##list > 0)                                                                       \
            memcpy(f->list + f->n_##list, st->list, a->n_##list * sizeof *f->list);                \
        f->n_##list += a->n_##list;                                                                \
    } while (0)
    TAKE(lives);
    TAKE(steps);
    TAKE(years);
#undef TAKE
}

static qlab_series_truth truth_of(const qlab_walk *w, uint32_t ix, const qlab_action *actions,
                                  size_t n_actions)
{
    const qlab_build *b = w->b;
    const qlab_exchange_days *days = &b->days[b->exchange_of[ix]];
    const qlab_delisting *gone = b->delistings ? b->delistings + b->delisting_first[ix] : NULL;
    size_t n_gone = b->delisting_first[ix + 1] - b->delisting_first[ix];
    while (n_gone > 0 && gone[n_gone - 1].delist_date > w->asof)
        n_gone--;
    return (qlab_series_truth){.session = days->session,
                               .n_sessions = days->n_sessions,
                               .actions = actions,
                               .n_actions = n_actions,
                               .lives =
                                   b->given_lives ? b->given_lives + b->given_life_first[ix] : NULL,
                               .n_lives = b->given_life_first[ix + 1] - b->given_life_first[ix],
                               .delistings = gone,
                               .n_delistings = n_gone};
}

/* Fills series and reasons; returns the first row that is not carried. */
static size_t make_series(qlab_walk *w, const qlab_bars *bars, size_t a, const qlab_state_at *st,
                          const qlab_series_truth *truth)
{
    const bool resumes = st != NULL && st->asset->has_valid;
    const uint8_t asset_class = (uint8_t)w->b->view->assets[bars->asset_ix[a]].asset_class;
    if (resumes)
        qlab_series_resume(bars, a, truth, &st->asset->carry, &w->series, &w->found);
    else
        qlab_series_discover(bars, a, truth, &w->series, &w->found);
    qlab_grow((void **)&w->reason, &w->cap_reason, w->series.n + 1, 1);
    if (resumes)
        qlab_eligible_resume(&w->series, asset_class, &w->b->o.rule, &st->asset->carry, w->reason);
    else
        qlab_eligible_mark(&w->series, asset_class, &w->b->o.rule, NULL, 0, w->reason);
    return resumes ? 1 : 0;
}

void qlab_walk_asset(qlab_walk *w, const qlab_bars *bars, size_t a, const qlab_state_at *st,
                     const qlab_digest *key)
{
    const uint32_t ix = bars->asset_ix[a], exchange = w->b->exchange_of[ix];
    closes_of closes = {bars, bars->first[a], bars->first[a + 1], w->b->border, st};
    qlab_action *actions = NULL;
    qlab_action_finding *findings = NULL;
    size_t n_findings = 0;
    size_t n_actions = resolve_asset(w->b, ix, w->asof, &closes, &actions, &findings, &n_findings);
    found_actions(ix, actions, n_actions, findings, n_findings, w->out);
    qlab_state_sum sum = {
        .first_date = QLAB_DATE_NONE, .entry_date = QLAB_DATE_NONE, .exit_date = QLAB_DATE_NONE};
    if (st != NULL) {
        sum = st->asset->sum;
        for (uint32_t i = 0; i < st->asset->n_runs; i++)
            count_run(w, exchange, st->runs[i]);
        found_before(&w->found, st);
    }
    const found_first first = {w->found.n_lives, w->found.n_steps, w->found.n_years};
    const qlab_series_truth truth = truth_of(w, ix, actions, n_actions);
    const size_t from = make_series(w, bars, a, st, &truth);
    sum_rows(&w->series, w->reason, from, w->series.n, &sum);
    sum.totals.n_bars += closes.last - closes.first;
    sum.totals.n_void_close += w->series.n_void_close;
    sum.totals.n_void_phantom += w->series.n_void_phantom;
    for (size_t i = from; i < w->series.n; i++)
        if (w->reason[i] == QLAB_ELIGIBLE) {
            qlab_state_run run = run_at(&w->series, w->reason, i, w->series.n);
            count_run(w, exchange, run);
            i += run.n - 1;
        }
    add_universe_row(w, ix, from, st, &sum);
    qlab_bar_totals_add(&w->out->totals, &sum.totals);
    if (w->next != NULL && st != NULL)
        qlab_state_copy(w->next, st);
    else if (w->next != NULL)
        record_asset(w, ix, &closes, actions, n_actions, &first, key);
    qlab_free(findings);
    qlab_free(actions);
}
