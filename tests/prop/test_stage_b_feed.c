/* The inputs of a book against a slow build of its own: whole histories instead of windows, one
 * cell at a time, the truth of the lake instead of the snapshot's steps. */
#include "feature/set.h"
#include "num/math.h"
#include "stage_b/feed.h"
#include "support/market.h"
#include "truth/settle.h"

enum { N_ASSETS = 70, N_DAYS = 800, FROM = 260, TO = 760 };

/* Records: asset 32 (ends early) went bankrupt, 21 was bought; 10 and 54 stay without one. */
static void put_delistings(t_lake *l)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_delisting d[] = {
        {.asset_ix = 32,
         .delist_date = t_market_day(3 * N_DAYS / 5 + 3),
         .code = QLAB_DELIST_BANKRUPTCY,
         .delist_return = NAN,
         .source = "t",
         .source_code = "574"},
        {.asset_ix = 21,
         .delist_date = t_market_day(3 * N_DAYS / 5 + 2),
         .code = QLAB_DELIST_ACQUIRED_CASH,
         .delist_return = 0.125,
         .source = "t",
         .source_code = "cash"},
        /* known only after the book ends: it counts as gone */
        {.asset_ix = 43,
         .delist_date = t_market_day(TO + 5),
         .code = QLAB_DELIST_ACQUIRED_CASH,
         .delist_return = 0.5,
         .source = "t",
         .source_code = "cash"},
    };
    qlab_part part;
    qlab_lake_view *view;
    T_OK(qlab_lake_view_open(&l->env, QLAB_LAKE_LATEST, &view, &err));
    T_OK(qlab_delistings_write(&l->env, t_lake_conn(l), d, sizeof d / sizeof *d, view,
                               l->commit + 1, &part, &err));
    qlab_lake_view_close(view);
    const qlab_commit_draft draft = {
        .parent = l->commit, .kind = "delistings", .added = &part, .n_added = 1, .run_id = "test"};
    T_OK(qlab_lake_commit(&l->env, &draft, &l->commit, &err));
    qlab_free(part.path);
}

static char *build_panel(t_lake *l, size_t n_threads)
{
    qlab_err err = QLAB_ERR_INIT;
    t_market_open(l, t_tmpdir(), N_ASSETS, N_DAYS, N_DAYS, n_threads);
    put_delistings(l);
    qlab_free(t_market_snapshot(l));
    qlab_features_options o = qlab_features_options_default();
    qlab_features_made made;
    T_OK(qlab_features_build(&l->env, &o, &made, &err));
    char *id = qlab_strdup(made.id);
    qlab_features_made_free(&made);
    return id;
}

/* All bars of an asset, one life's factor from its own first bar. */
typedef struct slow_asset {
    qlab_series series;
    qlab_bars bars;
} slow_asset;

static void slow_load(t_lake *l, const qlab_snapshot *s, uint32_t ix, slow_asset *out)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_series_truth truth;
    qlab_snapshot_actions actions;
    memset(out, 0, sizeof *out);
    T_OK(qlab_lake_read_bars(s->lake, t_lake_conn(l), ix / QLAB_LAKE_BUCKET_ASSETS, QLAB_DATE_NONE,
                             s->asof, 0, &out->bars, &err));
    qlab_snapshot_truth(s, ix, &truth);
    T_OK(qlab_snapshot_actions_read(&l->env, s, &actions, &err));
    truth.actions = actions.at + actions.first[ix];
    truth.n_actions = actions.first[ix + 1] - actions.first[ix];
    truth.steps = NULL;
    truth.n_steps = 0;
    truth.lives = NULL;
    truth.n_lives = 0;
    qlab_series_discover(&out->bars, ix % QLAB_LAKE_BUCKET_ASSETS, &truth, &out->series, NULL);
    qlab_snapshot_actions_free(&actions);
}

static double slow_half_spread(const qlab_series *x, size_t row)
{
    double sum = 0;
    size_t n = 0;
    if (row < 20)
        return NAN;
    for (size_t i = row - 20; i <= row; i++)
        if (x->life_no[i] != x->life_no[row])
            return NAN;
    for (size_t i = row - 20; i < row; i++) {
        double c, e[2];
        bool whole = true;
        for (size_t k = 0; k < 2; k++) {
            const size_t j = i + k;
            whole &= x->high[j] > 0 && x->low[j] > 0 && x->close[j] > 0 && x->high[j] >= x->low[j];
            e[k] = 0.5 *
                   (qlab_num_log(x->high[j] * x->acct[j]) + qlab_num_log(x->low[j] * x->acct[j]));
        }
        c = qlab_num_log(x->close[i] * x->acct[i]);
        if (!whole)
            continue;
        sum += (c - e[0]) * (c - e[1]);
        n++;
    }
    return n < QLAB_SPREAD_MIN_PAIRS ? NAN : sqrt(sum > 0 ? sum / (double)n : 0);
}

static void near(double a, double b)
{
    T_CHECK(isnan(a) == isnan(b));
    if (!isnan(a) && !(fabs(a - b) <= 1e-12 * (fabs(b) > 1 ? fabs(b) : 1)))
        fail_msg("%.17g was not %.17g", a, b);
}

/* Prices, volumes and spreads of one name; `n` counts cells with a price. */
static void check_bars(const qlab_feed *f, const slow_asset *slow, size_t name, size_t *n)
{
    const qlab_series *x = &slow->series;
    for (size_t s = 0; s < f->n_sessions; s++) {
        const size_t at = s * f->n_names + name;
        size_t row = 0;
        while (row < x->n && x->date[row] != f->session[s])
            row++;
        const bool has = row < x->n && x->life_no[row] == f->life_no[name];
        const double open = has ? x->open[row] : NAN;
        near(f->price[at], open > 0 ? open * x->acct[row] : NAN);
        near(f->volume[at], has ? x->volume[row] : NAN);
        near(f->half_spread[at], has ? slow_half_spread(x, row) : NAN);
        *n += open > 0;
    }
}

/* How a life ends, by the rules of METHODS 1 on the dates alone. */
static void check_end(const qlab_feed *f, const qlab_snapshot *s, const slow_asset *slow,
                      uint32_t ix, size_t name, size_t counts[3])
{
    const qlab_series *x = &slow->series;
    size_t last = 0, missed = 0, session = 0;
    for (size_t i = 0; i < x->n; i++)
        if (x->life_no[i] == f->life_no[name])
            last = i;
    while (session < f->n_sessions && f->session[session] <= x->date[last])
        session++;
    const double value = x->close[last] * x->acct[last];
    if (ix == 32 || ix == 21) {
        T_CHECK(f->settle_session[name] == session && !f->settle_gone[name]);
        near(f->settle_u[name], ix == 32 ? -0.55 : 0.125);
        near(f->settle_value[name], value);
        counts[0]++;
        return;
    }
    const qlab_exchange_days *days = &s->exchanges[s->exchange_of[ix]];
    for (; session < f->n_sessions && missed < 20; session++)
        for (size_t i = 0; i < days->n_sessions; i++)
            missed += days->session[i] == f->session[session];
    if (missed == 20) {
        T_CHECK(f->settle_session[name] == session - 1 && f->settle_gone[name]);
        near(f->settle_u[name], 0);
        near(f->settle_value[name], value);
        counts[1]++;
    } else {
        T_CHECK(f->settle_session[name] == QLAB_MARKET_ALIVE);
        counts[2]++;
    }
}

/* adv, vol, eligible and hard of every cell, row by row of the panel. */
static void check_panel(t_lake *l, const qlab_panel *panel, const qlab_feed *f)
{
    static const char *const columns[] = {"adv20_dollar", "ewma_vol_20"};
    qlab_err err = QLAB_ERR_INIT;
    qlab_xsec x;
    double *adv = qlab_alloc(f->n_names, sizeof *adv), *vol = qlab_alloc(f->n_names, sizeof *vol);
    uint8_t *eligible = qlab_alloc(f->n_names, 1);
    size_t n = 0, n_hard = 0;
    T_OK(qlab_panel_load_dates(panel, t_lake_conn(l), f->session[0],
                               f->session[f->n_sessions - 1] + 1, columns, 2, &x, &err));
    for (size_t s = 0; s < f->n_sessions; s++) {
        size_t n_known = 0;
        for (size_t i = 0; i < f->n_names; i++)
            adv[i] = vol[i] = NAN;
        memset(eligible, 0, f->n_names);
        for (size_t d = 0; d < x.n_dates; d++)
            for (size_t i = x.first[d]; x.dates[d] == f->session[s] && i < x.first[d + 1]; i++)
                for (size_t k = 0; k < f->n_names; k++)
                    if (f->asset[k] == x.asset[i] && f->life_first[k] <= x.dates[d] &&
                        f->life_last[k] >= x.dates[d]) {
                        adv[k] = x.col[0][i];
                        vol[k] = x.col[1][i];
                        eligible[k] = x.eligibility[i] == 0;
                        n++;
                    }
        t_same_f64(adv, f->adv + s * f->n_names, f->n_names);
        t_same_f64(vol, f->vol + s * f->n_names, f->n_names);
        T_SAME_BITS(eligible, f->eligible + s * f->n_names, f->n_names);
        for (size_t i = 0; i < f->n_names; i++)
            n_known += eligible[i] && !isnan(adv[i]);
        for (size_t i = 0; i < f->n_names; i++) {
            size_t below = 0; /* of the eligible; ties go by name */
            for (size_t k = 0; k < f->n_names; k++)
                below += eligible[k] && (adv[k] < adv[i] || (adv[k] == adv[i] && k < i));
            const bool hard = !eligible[i] || isnan(adv[i]) || below < n_known / 10;
            T_CHECK(f->hard[s * f->n_names + i] == hard);
            n_hard += hard;
        }
    }
    T_CHECK(n > 10000 && n_hard > 1000);
    qlab_xsec_free(&x);
    qlab_free(adv);
    qlab_free(vol);
    qlab_free(eligible);
}

static void same_feed(const qlab_feed *a, const qlab_feed *b)
{
    const size_t n = a->n_sessions * a->n_names;
    T_CHECK(a->n_sessions == b->n_sessions && a->n_names == b->n_names);
    T_SAME_BITS(a->asset, b->asset, a->n_names);
    t_same_f64(a->price, b->price, n);
    t_same_f64(a->volume, b->volume, n);
    t_same_f64(a->adv, b->adv, n);
    t_same_f64(a->vol, b->vol, n);
    t_same_f64(a->half_spread, b->half_spread, n);
    T_SAME_BITS(a->hard, b->hard, n);
    T_SAME_BITS(a->settle_session, b->settle_session, a->n_names);
    t_same_f64(a->settle_value, b->settle_value, a->n_names);
    t_same_f64(a->settle_u, b->settle_u, a->n_names);
}

static qlab_code build_feed(t_lake *l, const qlab_panel *panel, qlab_feed *f, qlab_err *err)
{
    qlab_code rc =
        qlab_feed_plan(&l->env, panel, true, t_market_day(FROM), t_market_day(TO), f, err);
    if (rc == QLAB_OK && (rc = qlab_feed_fill(&l->env, panel, f, err)) != QLAB_OK)
        qlab_feed_free(f);
    return rc;
}

static void check_threads(t_lake *l, const qlab_panel *panel, const qlab_feed *f)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_feed again;
    qlab_pool *two = l->env.pool;
    l->env.pool = qlab_pool_new(1);
    T_OK(build_feed(l, panel, &again, &err));
    same_feed(f, &again);
    qlab_feed_free(&again);
    l->env.memory_limit_bytes = (size_t)64 << 20;
    T_CHECK(build_feed(l, panel, &again, &err) == QLAB_E_LIMIT);
    T_CONTAINS(err.text, "raise --memory-limit");
    qlab_pool_free(l->env.pool);
    l->env.pool = two;
}

T_TEST(the_feed_is_what_a_slow_build_of_each_cell_says)
{
    t_lake l;
    qlab_err err = QLAB_ERR_INIT;
    qlab_panel *panel;
    qlab_feed f;
    char *id = build_panel(&l, 2);
    const qlab_asset *const *assets;
    size_t n_prices = 0, counts[3] = {0}, n_second = 0;
    T_OK(qlab_panel_open(&l.env, id, &panel, &err));
    (void)qlab_panel_assets(panel, &assets);
    T_OK(build_feed(&l, panel, &f, &err));
    T_CHECK(f.n_sessions == TO - FROM + 1 && f.n_names > 40);
    for (size_t i = 0; i < f.n_names; i++) {
        const uint32_t ix = assets[f.asset[i]]->asset_ix;
        slow_asset slow;
        slow_load(&l, qlab_panel_snapshot(panel), ix, &slow);
        check_bars(&f, &slow, i, &n_prices);
        check_end(&f, qlab_panel_snapshot(panel), &slow, ix, i, counts);
        n_second += f.life_no[i] > 1;
        qlab_series_free(&slow.series);
        qlab_bars_free(&slow.bars);
    }
    T_CHECK(n_prices > 10000 && counts[0] == 2 && counts[1] >= 2 && counts[2] > 20 && n_second > 0);
    T_CHECK(f.n_delisted == counts[0] && f.n_presumed_gone == counts[1]);
    check_panel(&l, panel, &f);
    check_threads(&l, panel, &f);
    qlab_feed_free(&f);
    qlab_panel_close(panel);
    qlab_free(id);
    t_lake_close(&l, false);
}

T_MAIN(T_CASE(the_feed_is_what_a_slow_build_of_each_cell_says))
