/* The book on ten assets A..J, by hand.  Scores rise from A to J on every session; fifths: long I
 * and J, short A and B; h = 2, capital 1,000,000: a leg of a tranche is 500,000, a name of it
 * 250,000.  Sigma is 0.02; the first execution is session 1, of tranche 1. */
#include "backtest/book.h"
#include "support/t.h"

#include <math.h>
#include <string.h>

enum { S = 6, N = 10, A = 0, B = 1, I = 8, J = 9 };

typedef struct world {
    double price[S][N], factor[S][N], volume[S][N], adv[S][N], vol[S][N], score[S][N];
    uint8_t universe[S][N], hard[S][N];
    uint32_t settle_session[N];
    double settle_value[N], settle_u[N];
    uint8_t settle_gone[N];
    qlab_book_options options;
    qlab_target_rule rule;
    qlab_arena arena;
    qlab_book_series out;
} world;

static void begin(world *w, double adv)
{
    memset(w, 0, sizeof *w);
    for (size_t s = 0; s < S; s++)
        for (size_t i = 0; i < N; i++) {
            w->price[s][i] = 100.0;
            w->factor[s][i] = 1.0;
            w->volume[s][i] = 1e6;
            w->adv[s][i] = adv;
            w->vol[s][i] = 0.02;
            w->score[s][i] = (double)i;
            w->universe[s][i] = 1;
        }
    for (size_t i = 0; i < N; i++)
        w->settle_session[i] = QLAB_MARKET_ALIVE;
    w->options = qlab_book_options_default;
    w->options.horizon = 2;
    w->rule = qlab_target_rule_default;
    w->rule.n_quantiles = 5;
    w->rule.min_names = 10;
}

static qlab_market market_of(world *w, const double *half_spread)
{
    return (qlab_market){.n_sessions = S,
                         .n_names = N,
                         .price = w->price[0],
                         .factor = w->factor[0],
                         .volume = w->volume[0],
                         .adv = w->adv[0],
                         .vol = w->vol[0],
                         .half_spread = half_spread,
                         .hard = w->hard[0],
                         .universe = w->universe[0],
                         .settle_session = w->settle_session,
                         .settle_value = w->settle_value,
                         .settle_u = w->settle_u,
                         .settle_gone = w->settle_gone};
}

static qlab_targets targets_of(world *w)
{
    qlab_targets t = qlab_targets_new(&w->rule, N, S, &w->arena);

    for (size_t s = 0; s < S; s++)
        qlab_targets_add(&t, w->score[s], w->universe[s], w->vol[s], NULL);
    return t;
}

/* Spreads are known and 0, so that the floor of the ADV holds. */
static const double NO_SPREAD[S * N];

static void run(world *w)
{
    const qlab_market m = market_of(w, NO_SPREAD);
    const qlab_targets t = targets_of(w);
    qlab_book_work *work = qlab_book_work_new(N, w->options.horizon, w->rule.side, &w->arena);

    w->out = qlab_book_series_new(S, &w->arena);
    qlab_book_run(&m, &t, &w->options, work, &w->out);
}

static void end(world *w)
{
    qlab_arena_free(&w->arena);
}

T_TEST(marks_costs_and_borrow)
{
    world w;

    begin(&w, 1e12);
    for (size_t s = 2; s < S; s++) {
        w.price[s][J] = 110.0;
        w.price[s][A] = 90.0;
    }
    w.hard[1][B] = 1; /* dear to borrow after the trades of session 2 only (known at 1) */
    for (size_t s = 4; s < S; s++) { /* a split and a dividend are no profit */
        w.price[s][I] = 50.0;
        w.factor[s][I] = 2.0;
        w.price[s][B] = 80.0;
        w.factor[s][B] = 1.25;
    }
    run(&w);
    const qlab_book_series *o = &w.out;
    T_CHECK(o->first == 1);
    T_NEAR(o->net[0], 0, 0);
    /* s=1: 4 x 250,000 bought or sold.  Spread 2 bp of 1,000,000 = 200, fee 1 bp = 100; impact
     * rate 0.02 * sqrt(250,000 / 1e12) = 0.02 * 5e-4 = 1e-5: 10. */
    T_NEAR(o->gross[1], 0, 0);
    T_NEAR(o->turnover[1], 0.5, 1e-15);
    T_NEAR(o->spread[1], 200e-6, 1e-15);
    T_NEAR(o->fee[1], 100e-6, 1e-15);
    T_NEAR(o->impact[1], 10e-6, 1e-15);
    T_NEAR(o->borrow[1], 0, 0);
    T_NEAR(o->net[1], -310e-6, 1e-15);
    T_NEAR(o->longs[1], 0.5, 1e-15);
    T_NEAR(o->shorts[1], 0.5, 1e-15);
    T_CHECK(o->n_long[1] == 2 && o->n_short[1] == 2);
    /* s=2: J 100 -> 110: +25,000; A short 100 -> 90: +25,000.  Borrow of 500,000 at 50 bp for one
     * session.  Tranche 0 takes 4 x 250,000: J 275,000 + 250,000, A 225,000 + 250,000. */
    T_NEAR(o->gross[2], 0.05, 1e-15);
    T_NEAR(o->borrow[2], 500000 * 0.005 / 252 / 1e6, 1e-15);
    T_NEAR(o->turnover[2], 0.5, 1e-15);
    T_NEAR(o->longs[2], 1.025, 1e-14);
    T_NEAR(o->shorts[2], 0.975, 1e-14);
    /* s=3: tranche 1 brings J from 275,000 to 250,000 and A from 225,000 to 250,000; I and B stay.
     * Traded 50,000: spread 10, fee 5, impact 2 * 25,000 * 0.02 * sqrt(2.5e-8) = 0.1581138830.
     * Borrow: A 475,000 at 50 bp, B 500,000 at 500 bp. */
    T_NEAR(o->gross[3], 0, 1e-15);
    T_NEAR(o->turnover[3], 0.025, 1e-14);
    T_NEAR(o->spread[3], 10e-6, 1e-15);
    T_NEAR(o->fee[3], 5e-6, 1e-15);
    T_NEAR(o->impact[3], 0.1581138830e-6, 1e-15);
    T_NEAR(o->borrow[3], (475000 * 0.005 + 500000 * 0.05) / 252 / 1e6, 1e-15);
    T_NEAR(o->gross[4], 0, 1e-12);
    T_NEAR(o->turnover[4], 0, 1e-12);
    T_NEAR(o->longs[4], 1.0, 1e-12);
    T_NEAR(o->net[4], -o->borrow[4], 1e-12);
    /* Wealth after session 2: (1 - 0.00031)(1.05 - ...), the peak; then costs alone. */
    const double down = 1 - (1 + o->net[3]) * (1 + o->net[4]);
    T_NEAR(o->drawdown[1], 310e-6, 1e-15);
    T_NEAR(o->drawdown[2], 0, 0);
    T_NEAR(o->drawdown[4], down, 1e-14);

    const qlab_book_summary sum = qlab_book_summary_of(o, 1, 4);
    T_NEAR(sum.turnover, (0.5 + 0.5 + 0.025) / 3, 1e-14);
    T_NEAR(sum.mean_gross, 0.05 / 3, 1e-15);
    T_NEAR(sum.dropped, 0, 0);
    T_NEAR(sum.gone_share, 0, 0);
    end(&w);
}

T_TEST(cost_scale_scales_all_costs)
{
    world w, x;

    begin(&w, 1e9);
    begin(&x, 1e9);
    x.options.cost_scale = 3.0;
    run(&w);
    run(&x);
    for (size_t s = 0; s < S; s++) {
        T_NEAR(x.out.gross[s], w.out.gross[s], 0);
        T_NEAR(x.out.gross[s] - x.out.net[s], 3 * (w.out.gross[s] - w.out.net[s]), 1e-15);
    }
    end(&w);
    end(&x);
}

T_TEST(participation_carries_over)
{
    world w;

    /* ADV 10,000,000: 200,000 a name and session, half-spread 5 bp.
     * s=1: tranche 1 gets 200,000 of 250,000.
     * s=2: its 50,000 first (the older order), then 150,000 of tranche 0's 250,000.
     * s=3: tranche 0's 100,000; tranche 1 is re-formed to what it holds. */
    begin(&w, 1e7);
    run(&w);
    const qlab_book_series *o = &w.out;
    T_NEAR(o->turnover[1], 0.4, 1e-14);
    T_NEAR(o->turnover[2], 0.4, 1e-14);
    T_NEAR(o->turnover[3], 0.2, 1e-14);
    T_NEAR(o->turnover[4], 0.0, 1e-14);
    T_NEAR(o->spread[1], 800000 * 5e-4 / 1e6, 1e-15);
    /* impact: 4 x 200,000 x 0.02 x sqrt(0.02) = 2,262.741700; 4 x 100,000 x 0.02 x 0.1 = 800 */
    T_NEAR(o->impact[1], 2262.741699797e-6, 1e-12);
    T_NEAR(o->impact[2], 2262.741699797e-6, 1e-12);
    T_NEAR(o->impact[3], 800e-6, 1e-12);
    for (size_t s = 1; s < S; s++)
        T_NEAR(o->dropped[s], 0, 1e-14);
    end(&w);

    /* ADV 5,000,000: 100,000 a name and session.
     * s=1: t1 100.  s=2: t1 100 (holds 200), t0 0.  s=3: t0's order is older: 100; t1 gives up 50
     * a name (200,000 in all), wants 50 again, nothing left.  s=4: t1 50 first; t0 holds 100, gives
     * up 150 a name (600,000), wants 150, gets 50.  s=5: t0's 100 before t1, which has all. */
    begin(&w, 5e6);
    run(&w);
    o = &w.out;
    T_NEAR(o->longs[1], 0.2, 1e-14);
    T_NEAR(o->longs[2], 0.4, 1e-14);
    T_NEAR(o->longs[3], 0.6, 1e-14);
    T_NEAR(o->longs[4], 0.8, 1e-14);
    T_NEAR(o->longs[5], 1.0, 1e-14);
    T_NEAR(o->dropped[2], 0, 1e-14);
    T_NEAR(o->dropped[3], 0.2, 1e-14);
    T_NEAR(o->dropped[4], 0.6, 1e-14);
    T_NEAR(o->dropped[5], 0.0, 1e-14);
    /* dropped of all orders: 0.8 / (2 * 1.0 + 0.8) over sessions 1-5 */
    T_NEAR(qlab_book_summary_of(o, 1, S).dropped, 0.8 / 2.8, 1e-13);
    end(&w);
}

T_TEST(halts_do_not_trade)
{
    world w;

    /* J has no price at 2 and no volume at 3; it opens at 120 then.  s=2: tranche 1's J keeps
     * 250,000, tranche 0's order waits, sized at the last price of 100: 2,500 units.  s=3: marked
     * at 120, +50,000; nothing trades.  s=4: tranche 0 would be re-formed: the order is given up,
     * 2,500 * 120 = 300,000, and a new one of 250,000 at 120 is filled. */
    begin(&w, 1e12);
    w.price[2][J] = NAN;
    w.volume[3][J] = 0.0;
    for (size_t s = 3; s < S; s++)
        w.price[s][J] = 120.0;
    run(&w);
    const qlab_book_series *o = &w.out;
    T_NEAR(o->gross[2], 0, 0);
    T_NEAR(o->longs[2], 0.75, 1e-14); /* I 500,000, J 250,000 */
    T_NEAR(o->gross[3], 0.05, 1e-14);
    T_NEAR(o->longs[3], 0.80, 1e-14);
    T_NEAR(o->turnover[3], 0, 0);
    T_NEAR(o->dropped[4], 0.3, 1e-14);
    /* s=4: tranche 1's order of s=3, from 2,500 units to 250,000/120, is older: sells 50,000 */
    T_NEAR(o->turnover[4], (250000 + 50000) / 2e6, 1e-14);
    T_NEAR(o->longs[4], 1.0, 1e-14);
    end(&w);
}

static void lose_j(world *w, uint32_t session, double u, bool gone)
{
    begin(w, 1e12);
    w->price[2][J] = 110.0;
    for (size_t s = 3; s < S; s++) {
        w->price[s][J] = NAN;
        w->universe[s][J] = 0;
    }
    w->settle_session[J] = session;
    w->settle_value[J] = 108.0; /* the last close, after an execution at 110 */
    w->settle_u[J] = u;
    w->settle_gone[J] = gone;
}

T_TEST(delisting_settles_at_the_first_session)
{
    world w;

    /* s=2: J at 110: tranche 1 has 2,500 units, tranche 0 250,000/110 = 2,272.7273.
     * s=3: both at 108 * 0.7 = 75.6: 4,772.7273 * (75.6 - 110) = -164,181.8182; tranche 1's new
     * target of J (decided at 2) is void: I alone is long, 250,000 + 250,000. */
    lose_j(&w, 3, -0.30, false);
    run(&w);
    T_NEAR(w.out.gross[2], 0.025, 1e-15);
    T_NEAR(w.out.gross[3], -0.1641818181818, 1e-12);
    T_NEAR(w.out.longs[3], 0.5, 1e-14);
    T_NEAR(w.out.gone[3], 0, 0);
    T_CHECK(w.out.n_long[3] == 1);
    /* s=4: nine names are left at 3: one a fifth; I 500,000 in tranche 0, 250,000 in tranche 1. */
    w.rule.min_names = 9;
    run(&w);
    T_NEAR(w.out.longs[4], 0.75, 1e-14);
    end(&w);
}

T_TEST(presumed_gone_is_reported_and_stressed)
{
    world w;

    /* Known at 4: J is frozen at 110 at 3 and settles at 108 at 4: -2 * 4,772.7273 = -9,545.4545.
     * Its profit since it was flat: 25,000 - 9,545.4545 = 15,454.5455. */
    lose_j(&w, 4, 0.0, true);
    run(&w);
    T_NEAR(w.out.gross[3], 0, 0);
    T_NEAR(w.out.longs[3], 1.025, 1e-14);
    T_NEAR(w.out.gross[4], -0.0095454545454, 1e-12);
    T_NEAR(w.out.gone[4], 0.0154545454545, 1e-12);
    /* gross profit 25,000 - 9,545.4545 rests on it whole */
    T_NEAR(qlab_book_summary_of(&w.out, 1, S).gone_share, 1.0, 1e-12);
    w.options.gone_u = -0.30;
    run(&w);
    T_NEAR(w.out.gross[4], -0.1641818181818, 1e-12);
    T_NEAR(w.out.gone[4], 0.025 - 0.1641818181818, 1e-12);
    end(&w);

    /* The shock takes longs alone. */
    lose_j(&w, 3, 0.0, false);
    w.options.shock_u = -0.30;
    run(&w);
    T_NEAR(w.out.gross[3], -0.1641818181818, 1e-12);
    for (size_t s = 0; s < S; s++)
        w.score[s][J] = -1.0; /* now J is short with A, and I and H are long */
    run(&w);
    T_NEAR(w.out.gross[3], 2.0 * (2500.0 + 250000.0 / 110.0) / 1e6, 1e-12);
    end(&w);
}

T_TEST(long_only_against_the_universe)
{
    world w;

    /* s=2: J 100 -> 110, A 100 -> 80.  Long I and J: +25,000.  The universe's tranche holds 50,000
     * of each name: +5,000 - 10,000 = -5,000.  Gross 30,000; the book's own borrow is none. */
    begin(&w, 1e12);
    w.rule.side = QLAB_BOOK_LONG_ONLY;
    for (size_t s = 2; s < S; s++) {
        w.price[s][J] = 110.0;
        w.price[s][A] = 80.0;
    }
    run(&w);
    const qlab_book_series *o = &w.out;
    T_NEAR(o->turnover[1], 0.25, 1e-15);
    T_NEAR(o->universe[2], -0.005, 1e-15);
    T_NEAR(o->gross[2], 0.03, 1e-15);
    T_NEAR(o->borrow[2], 0, 0);
    T_NEAR(o->shorts[2], 0, 0);
    T_NEAR(o->longs[2], 1.025, 1e-14);
    T_NEAR(o->net[2], 0.03 - o->spread[2] - o->fee[2] - o->impact[2], 1e-15);
    end(&w);
}

T_TEST(inverse_volatility_weights)
{
    world w;

    /* I 0.01, J 0.03: weights 3/4 and 1/4; the cap of two names is 1/2 at the least, so equal; with
     * a cap of 0.7: 0.7 and 0.3. */
    begin(&w, 1e12);
    w.rule.weights = QLAB_BOOK_INVERSE_VOL;
    w.vol[0][I] = 0.01;
    w.vol[0][J] = 0.03;
    w.rule.cap = 0.7;
    qlab_targets t = targets_of(&w);
    T_CHECK(t.first[1] == 4 && t.name[0] == I && t.name[1] == J && t.name[2] == A &&
            t.name[3] == B);
    T_NEAR(t.weight[0], 0.7, 1e-15);
    T_NEAR(t.weight[1], 0.3, 1e-15);
    T_NEAR(t.weight[2], -0.5, 1e-15);
    w.rule.cap = 0.05;
    t = targets_of(&w);
    T_NEAR(t.weight[0], 0.5, 1e-15);
    w.rule.cap = 1.0;
    t = targets_of(&w);
    T_NEAR(t.weight[0], 0.75, 1e-15);
    /* A name without a volatility gets nothing. */
    w.vol[0][J] = NAN;
    t = targets_of(&w);
    T_CHECK(t.first[1] == 3 && t.name[0] == I);
    T_NEAR(t.weight[0], 1.0, 0);
    /* Fewer names than the rule asks for: no target. */
    w.rule.min_names = 11;
    t = targets_of(&w);
    T_CHECK(t.first[S] == 0);
    end(&w);
}

T_TEST(impossible_options_are_refused)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_book_options o = qlab_book_options_default;
    const char *const currency[] = {"USD", "USD", "EUR"};

    T_OK(qlab_book_check(&o, currency, 2, false, &err));
    T_OK(qlab_book_check(&o, currency, 3, true, &err));
    T_CHECK(qlab_book_check(&o, currency, 3, false, &err) == QLAB_E_USAGE);
    T_CONTAINS(err.text, "FX_REQUIRED: the names were in USD and EUR");
    qlab_err_reset(&err);
    o.horizon = 0;
    T_CHECK(qlab_book_check(&o, currency, 2, false, &err) == QLAB_E_USAGE);
    T_CONTAINS(err.text, "book: horizon 0 was not in [1, 252]");
    qlab_err_reset(&err);
    o = qlab_book_options_default;
    o.capital = NAN;
    T_CHECK(qlab_book_check(&o, currency, 2, false, &err) == QLAB_E_USAGE);
}

/* golden/vectors.md, "Indicators": max drawdown of the house price path, -0.188864078054. */
T_TEST(drawdown_of_the_house_path)
{
    double net[299];
    for (int i = 1; i <= 299; i++)
        net[i - 1] = ((i * i * 7919 + i * 104729) % 2001 - 1000) / 40000.0;
    T_NEAR(qlab_book_drawdown(net, 299, NULL), 0.188864078054, 1e-9);
}

T_MAIN(T_CASE(drawdown_of_the_house_path), T_CASE(marks_costs_and_borrow),
       T_CASE(cost_scale_scales_all_costs), T_CASE(participation_carries_over),
       T_CASE(halts_do_not_trade), T_CASE(delisting_settles_at_the_first_session),
       T_CASE(presumed_gone_is_reported_and_stressed), T_CASE(long_only_against_the_universe),
       T_CASE(inverse_volatility_weights), T_CASE(impossible_options_are_refused))
