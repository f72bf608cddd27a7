/* The book against an obvious slow one, on random markets with halts, rests, dividends, delistings
 * and presumed-gone names.  The slow one follows METHODS 7 in money, not in units: every position
 * and every order of a tranche is an amount that grows with the name's return; quantiles by
 * counting who is ahead, caps by bisection, no lists, no budgets kept. */
#include "backtest/book.h"
#include "base/rng.h"
#include "num/rank.h"
#include "support/t.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { S = 70, N = 45, H_MOST = 6, COLUMNS = 12 };

typedef struct world {
    double price[S][N], factor[S][N], volume[S][N], adv[S][N], vol[S][N], half[S][N], score[S][N];
    uint8_t universe[S][N], hard[S][N];
    uint32_t settle_session[N];
    double settle_value[N], settle_u[N];
    uint8_t settle_gone[N];
    char id[N][8];
    uint32_t order[N];
} world;

typedef struct draws {
    uint64_t seed, at;
} draws;

static double draw(draws *d)
{
    return qlab_rng_uniform(d->seed, 1, d->at++);
}

/* The names' ids are a shuffle, so that byte order is not the order of the arrays. */
static void make_ids(world *w, draws *d)
{
    uint32_t v[N];

    for (uint32_t i = 0; i < N; i++)
        v[i] = i;
    for (uint32_t i = N - 1; i > 0; i--) {
        const uint32_t j = (uint32_t)(draw(d) * (i + 1));
        const uint32_t x = v[i];
        v[i] = v[j];
        v[j] = x;
    }
    for (uint32_t i = 0; i < N; i++) {
        snprintf(w->id[i], sizeof w->id[i], "X%02u", v[i]);
        w->order[v[i]] = i;
    }
}

static void make_name(world *w, draws *d, size_t i)
{
    const double adv = exp(11.0 + 8.0 * draw(d));
    double price = 20.0 + 80.0 * draw(d), factor = 1.0;
    const uint32_t last = draw(d) < 0.25 ? 10 + (uint32_t)(draw(d) * (S - 20)) : S;
    size_t rest = 0;

    w->settle_session[i] = QLAB_MARKET_ALIVE;
    for (uint32_t s = 0; s < S; s++) {
        price *= exp(0.06 * (draw(d) - 0.5));
        if (draw(d) < 0.02) { /* a split or a dividend */
            const double r = draw(d) < 0.5 ? 2.0 : 1.01;
            price /= r;
            factor *= r;
        }
        if (rest == 0 && draw(d) < 0.02)
            rest = 1 + (size_t)(6 * draw(d));
        const bool bar = s <= last && rest == 0;
        rest -= rest > 0;
        w->price[s][i] = bar ? price : NAN;
        w->factor[s][i] = factor;
        w->volume[s][i] = draw(d) < 0.02 ? 0.0 : draw(d) < 0.02 ? NAN : 1000.0;
        w->adv[s][i] = bar && s > 1 && draw(d) > 0.05 ? adv * (0.8 + 0.4 * draw(d)) : NAN;
        w->vol[s][i] = bar && draw(d) > 0.05 ? 0.01 + 0.02 * draw(d) : NAN;
        w->half[s][i] = bar && draw(d) > 0.1 ? 0.004 * draw(d) * (draw(d) > 0.3) : NAN;
        /* few distinct scores: ties */
        w->score[s][i] = draw(d) < 0.1 ? NAN : floor(12.0 * draw(d));
        w->universe[s][i] = bar && draw(d) > 0.1;
    }
    if (last < S) {
        w->settle_gone[i] = draw(d) < 0.5;
        w->settle_session[i] = last + (w->settle_gone[i] ? 7 : 1);
        w->settle_value[i] = price * factor;
        w->settle_u[i] = w->settle_gone[i] ? 0.0 : -0.3 * draw(d);
        w->settle_value[i] *= 0.9 + 0.2 * draw(d);
    }
}

static void make_world(world *w, uint64_t seed)
{
    draws d = {seed, 0};
    double x[N];
    uint32_t place[N];
    uint64_t scratch[4096];

    memset(w, 0, sizeof *w);
    T_CHECK(qlab_rank_scratch_bytes(N) <= sizeof scratch);
    make_ids(w, &d);
    for (size_t i = 0; i < N; i++)
        make_name(w, &d, i);
    for (size_t s = 0; s < S; s++) {
        if (s % 11 == 5) /* a session with too few names */
            memset(w->universe[s], 0, N - 3);
        qlab_spread_hard_to_borrow(w->adv[s], w->universe[s], w->order, N, x, place, scratch,
                                   w->hard[s]);
    }
}

static qlab_market market_of(const world *w)
{
    return (qlab_market){.n_sessions = S,
                         .n_names = N,
                         .order = w->order,
                         .price = w->price[0],
                         .factor = w->factor[0],
                         .volume = w->volume[0],
                         .adv = w->adv[0],
                         .vol = w->vol[0],
                         .half_spread = w->half[0],
                         .hard = w->hard[0],
                         .universe = w->universe[0],
                         .settle_session = w->settle_session,
                         .settle_value = w->settle_value,
                         .settle_u = w->settle_u,
                         .settle_gone = w->settle_gone};
}

static qlab_book_series fast(const world *w, const qlab_book_options *o,
                             const qlab_target_rule *rule, qlab_arena *arena)
{
    const qlab_market m = market_of(w);
    qlab_targets t = qlab_targets_new(rule, N, S, arena);
    qlab_book_series out = qlab_book_series_new(S, arena);

    for (size_t s = 0; s < S; s++)
        qlab_targets_add(&t, w->score[s], w->universe[s], w->vol[s], w->order);
    qlab_book_run(&m, &t, o, qlab_book_work_new(N, o->horizon, rule->side, arena), &out);
    return out;
}

/* ---- the slow one ---------------------------------------------------------------------------- */

typedef struct slow {
    const world *w;
    const qlab_book_options *o;
    const qlab_target_rule *rule;
    double value[H_MOST][N], goal[H_MOST][N], bench[H_MOST][N];
    double last[N], since[N], due;
} slow;

/* Is a before b in (score, id)? */
static bool behind(const world *w, size_t s, size_t a, size_t b)
{
    if (w->score[s][a] != w->score[s][b])
        return w->score[s][a] < w->score[s][b];
    return strcmp(w->id[a], w->id[b]) < 0;
}

static double capped_sum(const double *raw, double scale, double cap)
{
    double sum = 0.0;

    for (size_t i = 0; i < N; i++)
        sum += raw[i] * scale < cap ? raw[i] * scale : cap * (raw[i] > 0.0);
    return sum;
}

static void slow_leg(const slow *b, size_t t, const bool *in, double sign, double *weight)
{
    double raw[N] = {0}, low = 0.0, high = 1e9, k = 0.0;

    for (size_t i = 0; i < N; i++)
        if (in[i]) {
            raw[i] = b->rule->weights == QLAB_BOOK_EQUAL ? 1.0 : 1.0 / b->w->vol[t][i];
            raw[i] = isnan(raw[i]) ? 0.0 : raw[i];
            k += raw[i] > 0.0;
        }
    const double cap = b->rule->cap > 1.0 / k ? b->rule->cap : 1.0 / k;
    for (int step = 0; step < 200; step++) {
        const double middle = 0.5 * (low + high);
        if (capped_sum(raw, middle, cap) < 1.0 - 1e-15)
            low = middle;
        else
            high = middle;
    }
    for (size_t i = 0; i < N; i++)
        if (raw[i] > 0.0)
            weight[i] = sign * (raw[i] * high < cap ? raw[i] * high : cap);
}

static void slow_weights(const slow *b, size_t t, double *weight)
{
    const world *w = b->w;
    bool scored[N], top[N] = {0}, bottom[N] = {0};
    size_t m = 0;

    memset(weight, 0, N * sizeof *weight);
    for (size_t i = 0; i < N; i++) {
        scored[i] = w->universe[t][i] && !isnan(w->score[t][i]);
        m += scored[i];
    }
    if (m < b->rule->min_names)
        return;
    const size_t k = m / b->rule->n_quantiles;
    for (size_t i = 0; i < N; i++) {
        size_t n_behind = 0;
        for (size_t j = 0; j < N; j++)
            n_behind += scored[i] && scored[j] && behind(w, t, j, i);
        top[i] = scored[i] && n_behind >= m - k;
        bottom[i] = scored[i] && n_behind < k;
    }
    slow_leg(b, t, top, 1.0, weight);
    if (b->rule->side == QLAB_BOOK_LONG_SHORT)
        slow_leg(b, t, bottom, -1.0, weight);
}

static double before(const double (*x)[N], size_t s, size_t i, double least)
{
    while (s-- > 0)
        if (x[s][i] >= least)
            return x[s][i];
    return NAN;
}

static bool dead(const slow *b, size_t s, size_t i)
{
    return b->w->settle_session[i] <= s;
}

static bool has_price(const slow *b, size_t s, size_t i)
{
    return !dead(b, s, i) && b->w->price[s][i] > 0.0;
}

static double net_of(const slow *b, size_t i)
{
    double sum = 0.0;

    for (uint32_t k = 0; k < b->o->horizon; k++)
        sum += b->value[k][i];
    return sum;
}

static bool is_flat(const slow *b, size_t i)
{
    for (uint32_t k = 0; k < b->o->horizon; k++)
        if (b->value[k][i] != 0.0)
            return false;
    return true;
}

static void slow_mark(slow *b, size_t s, double *gross, double *bench, double *gone)
{
    const world *w = b->w;

    *gross = *bench = *gone = 0.0;
    for (size_t i = 0; i < N; i++) {
        const bool settles = w->settle_session[i] == s;
        double now = w->price[s][i] * w->factor[s][i];
        if (settles) {
            double u = w->settle_u[i];
            if (w->settle_gone[i] && !isnan(b->o->gone_u))
                u = b->o->gone_u;
            if (net_of(b, i) > 0.0 && !isnan(b->o->shock_u) && b->o->shock_u < u)
                u = b->o->shock_u;
            now = w->settle_value[i] * (1.0 + u);
        } else if (!has_price(b, s, i)) {
            continue;
        }
        const double ratio = isnan(b->last[i]) ? 1.0 : now / b->last[i];
        for (uint32_t k = 0; k < b->o->horizon; k++) {
            *gross += b->value[k][i] * (ratio - 1.0);
            b->since[i] += b->value[k][i] * (ratio - 1.0);
            *bench += b->bench[k][i] * (ratio - 1.0);
            b->value[k][i] *= ratio;
            b->goal[k][i] *= ratio;
            b->bench[k][i] *= ratio;
        }
        b->last[i] = now;
        if (settles) {
            *gone += w->settle_gone[i] ? b->since[i] : 0.0;
            for (uint32_t k = 0; k < b->o->horizon; k++)
                b->value[k][i] = b->goal[k][i] = b->bench[k][i] = 0.0;
        }
    }
}

/* Trades of a name by all tranches, oldest order first; returns the money that changed hands. */
static double slow_trade(slow *b, size_t s, size_t i)
{
    const world *w = b->w;
    const uint32_t h = b->o->horizon;
    const double adv = before(w->adv, s, i, 1e-300) * b->o->adv_scale;
    double traded = 0.0;

    if (!has_price(b, s, i) || w->volume[s][i] == 0.0 || isnan(adv) ||
        isnan(before(w->vol, s, i, 1e-300)))
        return 0.0;
    for (size_t age = h; age-- > 0;) {
        if (age > s)
            continue;
        const size_t k = (s - age) % h;
        const double wish = b->goal[k][i] - b->value[k][i];
        const double room = b->o->participation * adv - traded;
        if (fabs(wish) <= room) {
            traded += fabs(wish);
            b->value[k][i] = b->goal[k][i];
        } else {
            traded += room;
            b->value[k][i] += wish > 0.0 ? room : -room;
        }
    }
    return traded;
}

static void slow_reform(slow *b, size_t s, double *dropped)
{
    const size_t k = s % b->o->horizon, t = s - b->o->delay;
    const double leg = b->o->capital * b->o->leg_gross / b->o->horizon;
    double weight[N], n = 0.0, any = 0.0;

    slow_weights(b, t, weight);
    *dropped = 0.0;
    for (size_t i = 0; i < N; i++) {
        *dropped += fabs(b->goal[k][i] - b->value[k][i]);
        b->goal[k][i] = dead(b, s, i) || isnan(b->last[i]) ? 0.0 : weight[i] * leg;
        n += b->w->universe[t][i] && has_price(b, s, i);
        any += fabs(weight[i]);
    }
    for (size_t i = 0; i < N; i++)
        b->bench[k][i] = any > 0.0 && b->rule->side == QLAB_BOOK_LONG_ONLY &&
                                 b->w->universe[t][i] && has_price(b, s, i)
                             ? leg / n
                             : 0.0;
}

/* One session's row: gross net universe spread fee impact borrow turnover dropped longs shorts
 * gone. */
static void slow_session(slow *b, size_t s, double *row)
{
    const world *w = b->w;
    const qlab_book_options *o = b->o;
    double gross, bench, gone, dropped = 0.0, spread = 0.0, impact = 0.0, all = 0.0;
    double longs = 0.0, shorts = 0.0, due = 0.0;

    slow_mark(b, s, &gross, &bench, &gone);
    if (s >= o->delay)
        slow_reform(b, s, &dropped);
    for (size_t i = 0; i < N; i++) {
        const double q = s >= o->delay ? slow_trade(b, s, i) : 0.0;
        if (is_flat(b, i))
            b->since[i] = 0.0;
        if (q > 0.0) {
            const double adv = before(w->adv, s, i, 1e-300) * o->adv_scale;
            const double half = before(w->half, s, i, 0.0);
            const double least = adv >= 1e8 ? 2e-4 : adv >= 1e7 ? 5e-4 : adv >= 1e6 ? 15e-4 : 50e-4;
            spread += q * (isnan(half) ? 50e-4 : half > least ? half : least);
            impact += q * o->eta * before(w->vol, s, i, 1e-300) * sqrt(q / adv);
            all += q;
        }
        const double net = net_of(b, i);
        longs += net > 0.0 ? net : 0.0;
        shorts += net < 0.0 ? -net : 0.0;
        if (net < 0.0)
            due += -net * (s > 0 && w->hard[s - 1][i] ? o->borrow_hard : o->borrow) / 252.0;
    }
    const double c = o->cost_scale;
    const double costs = c * (spread + all * o->fee + impact + b->due);
    const double money[COLUMNS] = {gross - bench,
                                   gross - bench - costs,
                                   bench,
                                   c * spread,
                                   c * all * o->fee,
                                   c * impact,
                                   c * b->due,
                                   0.5 * all,
                                   dropped,
                                   longs,
                                   shorts,
                                   gone};
    for (size_t j = 0; j < COLUMNS; j++)
        row[j] = money[j] / o->capital;
    b->due = due;
}

static void slow_book(const world *w, const qlab_book_options *o, const qlab_target_rule *rule,
                      double out[S][COLUMNS])
{
    slow b = {.w = w, .o = o, .rule = rule};

    for (size_t i = 0; i < N; i++)
        b.last[i] = NAN;
    for (size_t s = 0; s < S; s++)
        slow_session(&b, s, out[s]);
}

/* ---- cases ----------------------------------------------------------------------------------- */

static const double *column_of(const qlab_book_series *s, size_t j)
{
    const double *const columns[COLUMNS] = {s->gross,   s->net,    s->universe, s->spread,
                                            s->fee,     s->impact, s->borrow,   s->turnover,
                                            s->dropped, s->longs,  s->shorts,   s->gone};
    return columns[j];
}

static void setting(uint64_t v, qlab_book_options *o, qlab_target_rule *rule)
{
    static const uint32_t horizons[] = {1, 2, 5, 6};

    *o = qlab_book_options_default;
    *rule = qlab_target_rule_default;
    rule->n_quantiles = 5;
    rule->min_names = 12;
    rule->cap = 0.2;
    o->horizon = horizons[v % 4];
    rule->side = v / 4 % 2 ? QLAB_BOOK_LONG_ONLY : QLAB_BOOK_LONG_SHORT;
    rule->weights = v / 8 % 2 ? QLAB_BOOK_INVERSE_VOL : QLAB_BOOK_EQUAL;
    o->delay = v / 16 % 2 ? 2 : 1;
    o->adv_scale = v / 16 % 2 ? 0.5 : 1.0;
    o->cost_scale = v / 16 % 2 ? 2.0 : 1.0;
    o->gone_u = v / 16 % 2 ? -0.3 : NAN;
    o->shock_u = v % 3 == 2 ? -0.3 : NAN;
}

static world the_world, other_world;
static double slow_rows[S][COLUMNS];

T_TEST(same_as_the_slow_book)
{
    double seen[COLUMNS] = {0};

    for (uint64_t v = 0; v < 96; v++) {
        qlab_arena arena = QLAB_ARENA_INIT;
        qlab_book_options o;
        qlab_target_rule rule;
        setting(v % 32, &o, &rule);
        make_world(&the_world, v + 1);
        slow_book(&the_world, &o, &rule, slow_rows);
        const qlab_book_series s = fast(&the_world, &o, &rule, &arena);
        for (size_t t = 0; t < S; t++)
            for (size_t j = 0; j < COLUMNS; j++) {
                T_NEAR(column_of(&s, j)[t], slow_rows[t][j], 1e-12);
                seen[j] += fabs(slow_rows[t][j]);
            }
        qlab_arena_free(&arena);
    }
    for (size_t j = 0; j < COLUMNS; j++) /* every column is put to the test */
        T_CHECK(seen[j] > 1e-3);
}

static void swap_names(const world *w, world *out)
{
    *out = *w;
    for (size_t i = 0; i < N; i++) {
        const size_t j = (i * 7 + 3) % N; /* 7 and 45 have no common factor */
        for (size_t s = 0; s < S; s++) {
            out->price[s][j] = w->price[s][i];
            out->factor[s][j] = w->factor[s][i];
            out->volume[s][j] = w->volume[s][i];
            out->adv[s][j] = w->adv[s][i];
            out->vol[s][j] = w->vol[s][i];
            out->half[s][j] = w->half[s][i];
            out->score[s][j] = w->score[s][i];
            out->universe[s][j] = w->universe[s][i];
            out->hard[s][j] = w->hard[s][i];
        }
        out->settle_session[j] = w->settle_session[i];
        out->settle_value[j] = w->settle_value[i];
        out->settle_u[j] = w->settle_u[i];
        out->settle_gone[j] = w->settle_gone[i];
        memcpy(out->id[j], w->id[i], sizeof w->id[i]);
    }
}

T_TEST(order_of_the_arrays_changes_no_bit)
{
    for (uint64_t v = 0; v < 32; v++) {
        qlab_arena arena = QLAB_ARENA_INIT;
        qlab_book_options o;
        qlab_target_rule rule;
        const char *ids[N];
        setting(v, &o, &rule);
        make_world(&the_world, 500 + v);
        swap_names(&the_world, &other_world);
        for (size_t i = 0; i < N; i++)
            ids[i] = other_world.id[i];
        qlab_targets_order(ids, N, &arena, other_world.order);
        T_CHECK(memcmp(the_world.order, other_world.order, sizeof the_world.order) != 0);
        const qlab_book_series a = fast(&the_world, &o, &rule, &arena);
        const qlab_book_series b = fast(&other_world, &o, &rule, &arena);
        for (size_t j = 0; j < COLUMNS; j++)
            T_SAME_BITS(column_of(&a, j), column_of(&b, j), S);
        T_SAME_BITS(a.drawdown, b.drawdown, S);
        T_SAME_BITS(a.n_long, b.n_long, S);
        qlab_arena_free(&arena);
    }
}

/* Everything of the world from session `cut` on is other; execution prices, volume and settlements
 * of `cut` itself stay where asked. */
static void graft(const world *w, const world *future, size_t cut, bool scores_only, world *out)
{
    *out = *w;
    for (size_t s = cut; s < S; s++) {
        memcpy(out->score[s], future->score[s], sizeof w->score[s]);
        if (scores_only)
            continue;
        memcpy(out->adv[s], future->adv[s], sizeof w->adv[s]);
        memcpy(out->vol[s], future->vol[s], sizeof w->vol[s]);
        memcpy(out->half[s], future->half[s], sizeof w->half[s]);
        memcpy(out->universe[s], future->universe[s], sizeof w->universe[s]);
        memcpy(out->hard[s], future->hard[s], sizeof w->hard[s]);
        if (s > cut) {
            memcpy(out->price[s], future->price[s], sizeof w->price[s]);
            memcpy(out->volume[s], future->volume[s], sizeof w->volume[s]);
        }
    }
}

T_TEST(no_look_ahead)
{
    static world future;

    for (uint64_t v = 0; v < 32; v++) {
        qlab_arena arena = QLAB_ARENA_INIT;
        qlab_book_options o;
        qlab_target_rule rule;
        setting(v, &o, &rule);
        make_world(&the_world, 900 + v);
        make_world(&future, 5000 + v);
        const qlab_book_series a = fast(&the_world, &o, &rule, &arena);
        const size_t cut = 20 + v; /* T + 1: the first session whose scores change */
        graft(&the_world, &future, cut, true, &other_world);
        const qlab_book_series b = fast(&other_world, &o, &rule, &arena);
        bool later = false;
        for (size_t j = 0; j < COLUMNS; j++) {
            T_SAME_BITS(column_of(&a, j), column_of(&b, j), cut + o.delay);
            later |= memcmp(column_of(&a, j), column_of(&b, j), S * sizeof(double)) != 0;
        }
        T_CHECK(later);
        /* the profit of T + 2 is that of positions taken at T + 1 */
        T_SAME_BITS(a.gross, b.gross, cut + o.delay + 1);
        /* All that is known only at the close of T + 1, and all after it. */
        graft(&the_world, &future, cut, false, &other_world);
        const qlab_book_series c = fast(&other_world, &o, &rule, &arena);
        for (size_t j = 0; j < COLUMNS; j++)
            T_SAME_BITS(column_of(&a, j), column_of(&c, j), cut + 1);
        qlab_arena_free(&arena);
    }
}

T_TEST(a_run_leaves_nothing_to_the_next)
{
    qlab_arena arena = QLAB_ARENA_INIT;
    qlab_book_options o;
    qlab_target_rule rule;

    setting(6, &o, &rule);
    make_world(&the_world, 77);
    const qlab_market m = market_of(&the_world);
    qlab_targets t = qlab_targets_new(&rule, N, S, &arena);
    for (size_t s = 0; s < S; s++)
        qlab_targets_add(&t, the_world.score[s], the_world.universe[s], the_world.vol[s],
                         the_world.order);
    qlab_book_work *work = qlab_book_work_new(N, o.horizon, rule.side, &arena);
    qlab_book_series a = qlab_book_series_new(S, &arena), b = qlab_book_series_new(S, &arena);
    qlab_book_run(&m, &t, &o, work, &a);
    const size_t used = arena.used_bytes;
    o.capital = 5e8;
    qlab_book_run(&m, &t, &o, work, &b);
    o.capital = 1e6;
    qlab_book_run(&m, &t, &o, work, &b);
    T_CHECK(arena.used_bytes == used); /* a run allocates nothing */
    for (size_t j = 0; j < COLUMNS; j++)
        T_SAME_BITS(column_of(&a, j), column_of(&b, j), S);
    double held[N], longs = 0.0, shorts = 0.0;
    qlab_book_positions(work, &o, held);
    for (size_t i = 0; i < N; i++) {
        longs += held[i] > 0.0 ? held[i] : 0.0;
        shorts -= held[i] < 0.0 ? held[i] : 0.0;
    }
    T_NEAR(longs, b.longs[S - 1], 1e-13);
    T_NEAR(shorts, b.shorts[S - 1], 1e-13);
    qlab_arena_free(&arena);
}

/* Two names without limits: net = gross - fixed - impact(capital), so the capital at which the
 * ratio halves can be searched for in small steps. */
T_TEST(capacity_is_where_the_net_ratio_halves)
{
    qlab_arena arena = QLAB_ARENA_INIT;
    qlab_book_options o;
    qlab_target_rule rule;

    setting(1, &o, &rule);
    make_world(&the_world, 4);
    for (size_t s = 0; s < S; s++) /* scores that know the future: a ratio above 0 */
        for (size_t i = 0; i < N; i++)
            if (s + 3 < S)
                the_world.score[s][i] = the_world.price[s + 3][i] * the_world.factor[s + 3][i] /
                                        (the_world.price[s][i] * the_world.factor[s][i]);
    const qlab_market m = market_of(&the_world);
    qlab_targets t = qlab_targets_new(&rule, N, S, &arena);
    for (size_t s = 0; s < S; s++)
        qlab_targets_add(&t, the_world.score[s], the_world.universe[s], the_world.vol[s],
                         the_world.order);
    qlab_book_work *work = qlab_book_work_new(N, o.horizon, rule.side, &arena);
    qlab_book_series s = qlab_book_series_new(S, &arena);
    o.capital = 1e4;
    o.participation = 1.0; /* the limit alone would cap the trades, and with them the impact */
    const qlab_capacity c = qlab_book_capacity(&m, &t, &o, work, &s);
    T_CHECK(c.sharpe > 0.1 && !c.unbounded && c.capital > 1e4);
    for (int side = 0; side < 2; side++) {
        o.capital = c.capital * (side ? 1.011 : 0.999);
        qlab_book_run(&m, &t, &o, work, &s);
        const qlab_book_summary sum = qlab_book_summary_of(&s, s.first, S);
        T_CHECK(side ? sum.sharpe_net < 0.5 * c.sharpe : sum.sharpe_net > 0.5 * c.sharpe);
    }
    /* Free trading has no end; a book that loses has no capacity. */
    o.capital = 1e4;
    o.eta = 0.0;
    o.participation = 1e6;
    T_CHECK(qlab_book_capacity(&m, &t, &o, work, &s).unbounded);
    for (size_t i = 0; i < t.first[S]; i++)
        t.weight[i] = -t.weight[i];
    const qlab_capacity none = qlab_book_capacity(&m, &t, &o, work, &s);
    T_CHECK(isnan(none.capital) && none.sharpe < 0.0 && none.n_runs == 1);
    qlab_arena_free(&arena);
}

T_MAIN(T_CASE(same_as_the_slow_book), T_CASE(order_of_the_arrays_changes_no_bit),
       T_CASE(no_look_ahead), T_CASE(a_run_leaves_nothing_to_the_next),
       T_CASE(capacity_is_where_the_net_ratio_halves))
