/* Series, summary, checks and capacity of a book; see book.h. */
#include "backtest/book.h"

#include "stat/moments.h"

#include <math.h>
#include <string.h>

qlab_book_series qlab_book_series_new(size_t n, qlab_arena *arena)
{
    qlab_book_series s = {.n = n};
    double **columns[] = {&s.gross,  &s.net,    &s.universe, &s.spread,  &s.fee,
                          &s.impact, &s.borrow, &s.turnover, &s.dropped, &s.longs,
                          &s.shorts, &s.gone,   &s.drawdown};

    for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++)
        *columns[c] = qlab_arena_alloc(arena, n, sizeof(double));
    s.n_long = qlab_arena_alloc(arena, n, sizeof *s.n_long);
    s.n_short = qlab_arena_alloc(arena, n, sizeof *s.n_short);
    return s;
}

double qlab_book_drawdown(const double *net, size_t n, double *out)
{
    double wealth = 1.0, peak = 1.0, worst = 0.0;

    for (size_t i = 0; i < n; i++) {
        wealth *= net[i] > -1.0 ? 1.0 + net[i] : 0.0;
        if (wealth > peak)
            peak = wealth;
        const double d = 1.0 - wealth / peak;
        if (d > worst)
            worst = d;
        if (out)
            out[i] = d;
    }
    return worst;
}

static double sum_of(const double *x, size_t from, size_t to)
{
    double sum = 0.0;

    for (size_t i = from; i < to; i++)
        sum += x[i];
    return sum;
}

static double sharpe_of(const qlab_moments *m)
{
    return m->std > 0.0 ? m->mean / m->std : NAN;
}

qlab_book_summary qlab_book_summary_of(const qlab_book_series *s, size_t from, size_t to)
{
    const size_t n = to > from ? to - from : 0;
    const double each = n > 0 ? 1.0 / (double)n : NAN;
    const qlab_moments gross = qlab_moments_of((qlab_f64v){s->gross + from, n});
    const qlab_moments net = qlab_moments_of((qlab_f64v){s->net + from, n});
    const double traded = 2.0 * sum_of(s->turnover, from, to);
    const double dropped = sum_of(s->dropped, from, to);
    const double profit = fabs(sum_of(s->gross, from, to));

    return (qlab_book_summary){
        .n_sessions = n,
        .sharpe_gross = sharpe_of(&gross),
        .sharpe_net = sharpe_of(&net),
        .mean_gross = gross.mean,
        .mean_net = net.mean,
        .std_net = net.std,
        .turnover = 0.5 * traded * each,
        .longs = sum_of(s->longs, from, to) * each,
        .shorts = sum_of(s->shorts, from, to) * each,
        .spread = sum_of(s->spread, from, to) * each,
        .fee = sum_of(s->fee, from, to) * each,
        .impact = sum_of(s->impact, from, to) * each,
        .borrow = sum_of(s->borrow, from, to) * each,
        .dropped = traded + dropped > 0.0 ? dropped / (traded + dropped) : 0.0,
        .max_drawdown = qlab_book_drawdown(s->net + from, n, NULL),
        .gone_share = profit > 0.0 ? fabs(sum_of(s->gone, from, to)) / profit : NAN,
    };
}

/* ---- checks ----------------------------------------------------------------------------------
 */

qlab_code qlab_book_check(const qlab_book_options *o, const char *const *currency, size_t n_names,
                          bool has_fx, qlab_err *err)
{
    const struct {
        const char *name;
        double value, least, most;
    } range[] = {
        {"horizon", (double)o->horizon, 1, 252},
        {"delay", (double)o->delay, 1, 252},
        {"capital", o->capital, 1, 1e15},
        {"leg_gross", o->leg_gross, 1e-6, 10},
        {"participation", o->participation, 0, 1},
        {"fee", o->fee, 0, 1},
        {"eta", o->eta, 0, 100},
        {"borrow", o->borrow, 0, 10},
        {"borrow_hard", o->borrow_hard, 0, 10},
        {"cost_scale", o->cost_scale, 0, 100},
        {"adv_scale", o->adv_scale, 1e-6, 100},
    };

    for (size_t i = 0; i < sizeof range / sizeof range[0]; i++)
        if (!(range[i].value >= range[i].least && range[i].value <= range[i].most))
            return qlab_fail(err, QLAB_E_USAGE, "book: %s %g was not in [%g, %g]", range[i].name,
                             range[i].value, range[i].least, range[i].most);
    for (size_t i = 1; i < n_names && !has_fx; i++)
        if (strcmp(currency[i], currency[0]) != 0)
            return qlab_fail(err, QLAB_E_USAGE,
                             "FX_REQUIRED: the names were in %s and %s, and there was no FX to "
                             "bring them to the currency of the capital",
                             currency[0][0] ? currency[0] : "an unknown currency",
                             currency[i][0] ? currency[i] : "an unknown currency");
    return QLAB_OK;
}

/* ---- capacity --------------------------------------------------------------------------------
 */

#define CAPACITY_MOST 1e13
#define CAPACITY_STEP 1.01

static double sharpe_at(const qlab_market *m, const qlab_targets *t, qlab_book_options *o,
                        double capital, qlab_book_work *w, qlab_book_series *out, qlab_capacity *c)
{
    o->capital = capital;
    c->n_runs++;
    qlab_book_run(m, t, o, w, out);
    const qlab_moments x = qlab_moments_of((qlab_f64v){out->net + out->first, out->n - out->first});
    return sharpe_of(&x);
}

qlab_capacity qlab_book_capacity(const qlab_market *m, const qlab_targets *t,
                                 const qlab_book_options *o, qlab_book_work *w,
                                 qlab_book_series *scratch)
{
    qlab_book_options at = *o;
    qlab_capacity c = {.capital = NAN};

    c.sharpe = sharpe_at(m, t, &at, o->capital, w, scratch, &c);
    if (!(c.sharpe > 0.0))
        return c;
    const double half = 0.5 * c.sharpe;
    double low = o->capital, high = 2.0 * o->capital;
    while (high <= CAPACITY_MOST && sharpe_at(m, t, &at, high, w, scratch, &c) > half) {
        low = high;
        high *= 2.0;
    }
    if (high > CAPACITY_MOST) {
        c.capital = low;
        c.unbounded = true;
        return c;
    }
    while (high > low * CAPACITY_STEP) {
        const double middle = sqrt(low * high);
        if (sharpe_at(m, t, &at, middle, w, scratch, &c) > half)
            low = middle;
        else
            high = middle;
    }
    c.capital = low; /* the side where the ratio still stood */
    return c;
}
