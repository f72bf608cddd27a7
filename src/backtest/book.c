/* The tranche book; see book.h. */
#include "backtest/book.h"

#include <assert.h>
#include <math.h>
#include <string.h>

const qlab_book_options qlab_book_options_default = {
    .horizon = 5,
    .delay = 1,
    .capital = 1e6,
    .leg_gross = 1.0,
    .participation = 0.02,
    .fee = 1e-4,
    .eta = 1.0,
    .borrow = 0.005,
    .borrow_hard = 0.05,
    .cost_scale = 1.0,
    .adv_scale = 1.0,
    .gone_u = NAN,
    .shock_u = NAN,
    .floors = {.from = {100e6, 10e6, 1e6, 0.0}, .at = {2e-4, 5e-4, 15e-4, 50e-4}},
};

enum { SESSIONS_A_YEAR = 252 };

/* Units of each name held by tranches, with their total.  The count keeps the total exact: units
 * of a name that no tranche holds are 0, not what rounding left. */
typedef struct holding {
    double *tranche; /* [k * n_names + name] */
    double *total;
    uint32_t *holders;
} holding;

struct qlab_book_work {
    size_t n_names;
    uint32_t horizon;
    holding book, universe; /* universe.tranche is NULL in a long-short book */
    double *want;           /* units the tranche is on its way to */
    uint32_t *pending;      /* by tranche: names whose units are not what is wanted */
    size_t *n_pending;
    double *mark;  /* last value of a unit; NaN = never priced */
    double *since; /* profit of a name since it was flat */
    double *left;  /* money that may still be traded this session */
    double *traded;
    size_t *stamp; /* session + 1 in which left and traded were set */
};

static holding new_holding(size_t n, uint32_t horizon, qlab_arena *arena)
{
    return (holding){
        .tranche = qlab_arena_alloc(arena, n * horizon, sizeof(double)),
        .total = qlab_arena_alloc(arena, n, sizeof(double)),
        .holders = qlab_arena_alloc(arena, n, sizeof(uint32_t)),
    };
}

qlab_book_work *qlab_book_work_new(size_t n_names, uint32_t horizon, qlab_book_side side,
                                   qlab_arena *arena)
{
    qlab_book_work *w = qlab_arena_alloc(arena, 1, sizeof *w);

    assert(horizon >= 1);
    *w = (qlab_book_work){.n_names = n_names, .horizon = horizon};
    w->book = new_holding(n_names, horizon, arena);
    if (side == QLAB_BOOK_LONG_ONLY)
        w->universe = new_holding(n_names, horizon, arena);
    w->want = qlab_arena_alloc(arena, n_names * horizon, sizeof *w->want);
    w->pending = qlab_arena_alloc(arena, n_names * horizon, sizeof *w->pending);
    w->n_pending = qlab_arena_alloc(arena, horizon, sizeof *w->n_pending);
    w->mark = qlab_arena_alloc(arena, n_names, sizeof *w->mark);
    w->since = qlab_arena_alloc(arena, n_names, sizeof *w->since);
    w->left = qlab_arena_alloc(arena, n_names, sizeof *w->left);
    w->traded = qlab_arena_alloc(arena, n_names, sizeof *w->traded);
    w->stamp = qlab_arena_alloc(arena, n_names, sizeof *w->stamp);
    return w;
}

static void clear_holding(holding *h, size_t n, uint32_t horizon)
{
    memset(h->tranche, 0, n * horizon * sizeof *h->tranche);
    memset(h->total, 0, n * sizeof *h->total);
    memset(h->holders, 0, n * sizeof *h->holders);
}

static void clear_work(qlab_book_work *w)
{
    clear_holding(&w->book, w->n_names, w->horizon);
    if (w->universe.tranche)
        clear_holding(&w->universe, w->n_names, w->horizon);
    memset(w->want, 0, w->n_names * w->horizon * sizeof *w->want);
    memset(w->n_pending, 0, w->horizon * sizeof *w->n_pending);
    memset(w->since, 0, w->n_names * sizeof *w->since);
    memset(w->stamp, 0, w->n_names * sizeof *w->stamp);
    for (size_t i = 0; i < w->n_names; i++)
        w->mark[i] = NAN;
}

/* A run at session s. */
typedef struct run {
    const qlab_market *m;
    const qlab_targets *t;
    const qlab_book_options *o;
    qlab_book_work *w;
    qlab_book_series *out;
    size_t s;
    double borrow_due; /* money, for the time from s-1 to s */
} run;

static size_t name_at(const qlab_market *m, size_t place)
{
    return m->order ? m->order[place] : place;
}

/* ---- prices and what is known of a name ------------------------------------------------------ */

/* Value of a unit at session s; NaN where there is no price. */
static double value_at(const qlab_market *m, size_t s, size_t i)
{
    const size_t at = s * m->n_names + i;
    const double x = m->price[at];

    if (!(x > 0.0 && isfinite(x)))
        return NAN;
    return m->factor ? x * m->factor[at] : x;
}

static bool is_settled(const run *r, size_t i)
{
    return r->m->settle_session && r->m->settle_session[i] <= r->s;
}

/* The last value above 0 (or, for spreads, at or above it) before session s; NaN = none ever. */
static double last_known(const double *column, const run *r, size_t i, bool zero_counts)
{
    for (size_t s = r->s; s-- > 0;) {
        const double x = column[s * r->m->n_names + i];
        if (x > 0.0 || (zero_counts && x >= 0.0))
            return x;
    }
    return NAN;
}

static bool trades(const run *r, size_t i)
{
    const size_t at = r->s * r->m->n_names + i;

    if (is_settled(r, i) || isnan(value_at(r->m, r->s, i)))
        return false;
    return !r->m->volume || isnan(r->m->volume[at]) || r->m->volume[at] > 0.0;
}

static double settle_return(const run *r, size_t i)
{
    double u = r->m->settle_u[i];

    if (r->m->settle_gone[i] && !isnan(r->o->gone_u))
        u = r->o->gone_u;
    if (r->w->book.total[i] > 0.0 && u > r->o->shock_u)
        u = r->o->shock_u; /* a shock that pays a short is no stress */
    return u;
}

/* ---- holdings -------------------------------------------------------------------------------- */

static void set_units(holding *h, size_t n_names, uint32_t k, size_t i, double units)
{
    double *held = &h->tranche[k * n_names + i];

    h->total[i] += units - *held;
    h->holders[i] += (units != 0.0);
    h->holders[i] -= (*held != 0.0);
    *held = units;
    if (h->holders[i] == 0)
        h->total[i] = 0.0;
    else if (h->holders[i] == 1 && units != 0.0)
        h->total[i] = units;
}

static void wipe(qlab_book_work *w, size_t i)
{
    for (uint32_t k = 0; k < w->horizon; k++) {
        set_units(&w->book, w->n_names, k, i, 0.0);
        w->want[k * w->n_names + i] = 0.0;
        if (w->universe.tranche)
            set_units(&w->universe, w->n_names, k, i, 0.0);
    }
    w->since[i] = 0.0;
}

/* ---- 1. marks --------------------------------------------------------------------------------
 */

static void mark(run *r)
{
    const qlab_market *m = r->m;
    qlab_book_work *w = r->w;
    double profit = 0.0, universe = 0.0, gone = 0.0;

    for (size_t p = 0; p < m->n_names; p++) {
        const size_t i = name_at(m, p);
        const bool settles = m->settle_session && m->settle_session[i] == r->s;
        const double value = settles ? NAN : value_at(m, r->s, i);
        double now = value;
        if (settles)
            now = m->settle_value[i] * (1.0 + settle_return(r, i));
        if (isnan(now))
            continue;
        if (w->book.holders[i] > 0) {
            const double x = w->book.total[i] * (now - w->mark[i]);
            profit += x;
            w->since[i] += x;
        }
        if (w->universe.tranche && w->universe.holders[i] > 0)
            universe += w->universe.total[i] * (now - w->mark[i]);
        w->mark[i] = now;
        if (settles) {
            if (m->settle_gone[i])
                gone += w->since[i];
            wipe(w, i);
        }
    }
    r->out->universe[r->s] = universe / r->o->capital;
    r->out->gross[r->s] = (profit - universe) / r->o->capital;
    r->out->gone[r->s] = gone / r->o->capital;
}

/* ---- 3. trades ------------------------------------------------------------------------------- */

/* Opens the session's budget of a name; false where it cannot trade. */
static bool open_budget(run *r, size_t i)
{
    qlab_book_work *w = r->w;

    if (!trades(r, i))
        return false;
    if (w->stamp[i] != r->s + 1) {
        const double adv = last_known(r->m->adv, r, i, false) * r->o->adv_scale;
        if (isnan(adv) || isnan(last_known(r->m->vol, r, i, false)))
            return false;
        w->stamp[i] = r->s + 1;
        w->left[i] = r->o->participation * adv;
        w->traded[i] = 0.0;
    }
    return true;
}

/* Trades what tranche k still wants, as far as the budgets go; keeps the rest pending. */
static void trade(run *r, uint32_t k)
{
    qlab_book_work *w = r->w;
    uint32_t *list = w->pending + k * w->n_names;
    size_t n = 0;

    for (size_t j = 0; j < w->n_pending[k]; j++) {
        const size_t i = list[j], at = k * w->n_names + i;
        const double wanted = w->want[at], held = w->book.tranche[at];
        if (wanted == held)
            continue;
        if (!open_budget(r, i)) {
            list[n++] = (uint32_t)i;
            continue;
        }
        const double money = fabs(wanted - held) * w->mark[i];
        if (money <= w->left[i]) {
            w->left[i] -= money;
            w->traded[i] += money;
            set_units(&w->book, w->n_names, k, i, wanted);
        } else {
            const double part = w->left[i] / w->mark[i];
            w->traded[i] += w->left[i];
            w->left[i] = 0.0;
            list[n++] = (uint32_t)i;
            set_units(&w->book, w->n_names, k, i, wanted > held ? held + part : held - part);
        }
    }
    w->n_pending[k] = n;
}

/* What tranche k could not trade in its h sessions is given up. */
static double drop_orders(const run *r, uint32_t k)
{
    const qlab_book_work *w = r->w;
    double money = 0.0;

    for (size_t j = 0; j < w->n_pending[k]; j++) {
        const size_t i = w->pending[k * w->n_names + j], at = k * w->n_names + i;
        if (w->want[at] != w->book.tranche[at])
            money += fabs(w->want[at] - w->book.tranche[at]) * w->mark[i];
    }
    return money;
}

static void reform(run *r, uint32_t k)
{
    const qlab_market *m = r->m;
    const size_t decided = r->s - r->o->delay;
    const double leg = r->o->leg_gross * r->o->capital / (double)r->o->horizon;
    qlab_book_work *w = r->w;
    double *want = w->want + k * w->n_names;
    const double *held = w->book.tranche + k * w->n_names;
    uint32_t *list = w->pending + k * w->n_names;
    size_t n = 0;

    r->out->dropped[r->s] = drop_orders(r, k) / r->o->capital;
    memset(want, 0, w->n_names * sizeof *want);
    if (decided < r->t->n_sessions)
        for (size_t j = r->t->first[decided]; j < r->t->first[decided + 1]; j++) {
            const size_t i = r->t->name[j];
            if (w->mark[i] > 0.0 && !is_settled(r, i))
                want[i] = r->t->weight[j] * leg / w->mark[i];
        }
    for (size_t p = 0; p < m->n_names; p++) {
        const size_t i = name_at(m, p);
        if (want[i] != held[i])
            list[n++] = (uint32_t)i;
    }
    w->n_pending[k] = n;
}

/* The universe in equal weights at the prices of s: those in it at the decision that have one. */
static void reform_universe(run *r, uint32_t k)
{
    const qlab_market *m = r->m;
    const size_t decided = r->s - r->o->delay;
    const uint8_t *member = m->universe + decided * m->n_names;
    const bool flat =
        decided >= r->t->n_sessions || r->t->first[decided] == r->t->first[decided + 1];
    qlab_book_work *w = r->w;
    size_t n = 0;

    for (size_t i = 0; i < m->n_names; i++)
        n += member[i] && !is_settled(r, i) && !isnan(value_at(m, r->s, i));
    const double each =
        n > 0 && !flat ? r->o->leg_gross * r->o->capital / (double)r->o->horizon / (double)n : 0.0;
    for (size_t i = 0; i < m->n_names; i++) {
        const bool in = member[i] && !is_settled(r, i) && !isnan(value_at(m, r->s, i));
        set_units(&w->universe, w->n_names, k, i, in ? each / w->mark[i] : 0.0);
    }
}

/* ---- costs and exposure ---------------------------------------------------------------------- */

static void account(run *r)
{
    const qlab_market *m = r->m;
    const qlab_book_options *o = r->o;
    qlab_book_work *w = r->w;
    const size_t s = r->s;
    double spread = 0.0, impact = 0.0, traded = 0.0, longs = 0.0, shorts = 0.0, borrow = 0.0;
    uint32_t n_long = 0, n_short = 0;

    for (size_t p = 0; p < m->n_names; p++) {
        const size_t i = name_at(m, p);
        if (w->stamp[i] == s + 1 && w->traded[i] > 0.0) {
            const double q = w->traded[i], adv = last_known(m->adv, r, i, false) * o->adv_scale;
            const double estimate = m->half_spread ? last_known(m->half_spread, r, i, true) : NAN;
            traded += q;
            spread += q * qlab_spread_half(&o->floors, estimate, adv);
            impact += q * (o->eta * last_known(m->vol, r, i, false) * sqrt(q / adv));
        }
        if (w->book.holders[i] == 0) {
            w->since[i] = 0.0; /* flat after the session's trades */
            continue;
        }
        const double money = w->book.total[i] * w->mark[i];
        if (money > 0.0) {
            longs += money;
            n_long++;
        } else if (money < 0.0) {
            const bool hard = m->hard && s > 0 && m->hard[(s - 1) * m->n_names + i];
            shorts -= money;
            borrow -= money * (hard ? o->borrow_hard : o->borrow);
            n_short++;
        }
    }
    const double scale = o->cost_scale / o->capital;
    qlab_book_series *out = r->out;
    out->spread[s] = spread * scale;
    out->fee[s] = traded * o->fee * scale;
    out->impact[s] = impact * scale;
    out->borrow[s] = r->borrow_due * scale;
    out->turnover[s] = 0.5 * traded / o->capital;
    out->longs[s] = longs / o->capital;
    out->shorts[s] = shorts / o->capital;
    out->n_long[s] = n_long;
    out->n_short[s] = n_short;
    out->net[s] = out->gross[s] - (out->spread[s] + out->fee[s] + out->impact[s] + out->borrow[s]);
    r->borrow_due = borrow / SESSIONS_A_YEAR;
}

void qlab_book_run(const qlab_market *m, const qlab_targets *t, const qlab_book_options *o,
                   qlab_book_work *w, qlab_book_series *out)
{
    run r = {.m = m, .t = t, .o = o, .w = w, .out = out};

    assert(o->delay >= 1 && o->horizon == w->horizon && m->n_names == w->n_names);
    assert(out->n == m->n_sessions && t->n_names == m->n_names && o->capital > 0.0);
    assert(!w->universe.tranche == (t->rule.side == QLAB_BOOK_LONG_SHORT));
    assert(!w->universe.tranche || m->universe);
    clear_work(w);
    out->first = o->delay < out->n ? o->delay : out->n;
    for (r.s = 0; r.s < m->n_sessions; r.s++) {
        const uint32_t k = (uint32_t)(r.s % o->horizon);
        mark(&r);
        out->dropped[r.s] = 0.0;
        if (r.s >= o->delay) {
            for (uint32_t age = o->horizon - 1; age >= 1; age--)
                trade(&r, (k + o->horizon - age) % o->horizon);
            reform(&r, k);
            trade(&r, k);
            if (w->universe.tranche)
                reform_universe(&r, k);
        }
        account(&r);
    }
    qlab_book_drawdown(out->net, out->n, out->drawdown);
}

void qlab_book_positions(const qlab_book_work *w, const qlab_book_options *o, double *out)
{
    for (size_t i = 0; i < w->n_names; i++)
        out[i] = w->book.holders[i] > 0 ? w->book.total[i] * w->mark[i] / o->capital : 0.0;
}
