/* A window of one calendar year gives the bits of the whole history, and nothing reads the future.
 */
#include "support/t.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/rng.h"
#include "truth/eligible.h"
#include "truth/session.h"

#include <math.h>
#include <string.h>

enum { N_SESSIONS = 2600, N_SEEDS = 40 };

typedef struct market {
    int32_t session[N_SESSIONS];
    qlab_bars bars; /* one asset */
    qlab_action actions[64];
    size_t n_actions;
    qlab_delisting delisting;
    size_t n_delistings;
} market;

static double draw(uint64_t seed, uint64_t i, uint64_t k)
{
    return qlab_rng_uniform(seed, i, k);
}

static void add_action(market *m, int32_t date, uint8_t type, uint8_t source, double v)
{
    if (m->n_actions == 64)
        return;
    m->actions[m->n_actions++] = (qlab_action){.ex_date = date,
                                               .type = type,
                                               .source = source,
                                               .r = type == QLAB_ACTION_SPLIT ? v : NAN,
                                               .d = v,
                                               .c = v,
                                               .currency = "",
                                               .source_id = ""};
}

/* Jumps, quiet stretches, zero closes, phantom dates, gaps, one gap long enough for a new life. */
static void make_market(market *m, uint64_t seed)
{
    double price = 20.0;
    size_t n = 0;
    int32_t date = qlab_date_make(2006, 3, 1);
    memset(m, 0, sizeof *m);
    m->delisting = (qlab_delisting){.delist_date = qlab_date_make(2015, 6, 1),
                                    .code = QLAB_DELIST_PERFORMANCE,
                                    .delist_return = NAN};
    m->n_delistings = seed % 3 == 0;
    qlab_bars_make(&m->bars, 1, N_SESSIONS, 0);
    size_t gap_at = 600 + (size_t)(draw(seed, 1, 0) * 900), gap = seed % 2 ? 300 : 40;
    for (size_t i = 0; i < N_SESSIONS; i++, date += i % 5 == 0 ? 3 : 1) {
        m->session[i] = date;
        bool skip = (i > gap_at && i < gap_at + gap) || draw(seed, i, 2) < 0.02;
        if (i == gap_at + gap)
            price *= seed % 4 == 1 ? 0.2 : 1.1;
        if (skip)
            continue;
        double move = 0.01 * (draw(seed, i, 3) - 0.5);
        if (draw(seed, i, 4) < 0.004)
            move = 0.6 * (draw(seed, i, 5) - 0.3);
        if (draw(seed, i, 6) < 0.006) {
            uint8_t type = (uint8_t)(draw(seed, i, 7) * 3.0);
            uint8_t source = draw(seed, i, 8) < 0.5 ? QLAB_SOURCE_FEED : QLAB_SOURCE_DERIVED;
            if (type == QLAB_ACTION_UNTYPED_FACTOR)
                source = QLAB_SOURCE_DERIVED;
            double v = type == QLAB_ACTION_SPLIT    ? 2.0
                       : source == QLAB_SOURCE_FEED ? 0.3
                                                    : 1.0 + 0.3 * draw(seed, i, 9);
            add_action(m, date - (draw(seed, i, 10) < 0.2), type, source, v);
            if (type == QLAB_ACTION_SPLIT)
                price /= 2.0;
        }
        bool quiet = i % 400 > 380;
        price = quiet ? price : price * (1.0 + move);
        qlab_bars *b = &m->bars;
        bool phantom = draw(seed, i, 11) < 0.003;
        b->date[n] = phantom ? date + 1000000 : date;
        b->close[n] = draw(seed, i, 12) < 0.003 ? 0.0 : price;
        b->open[n] = draw(seed, i, 13) < 0.004 ? NAN : price * 1.001;
        b->high[n] = price * 1.01;
        b->low[n] = price * 0.99;
        b->volume[n] = quiet ? 50.0 : draw(seed, i, 14) < 0.004 ? NAN : 1e6 * draw(seed, i, 15);
        n += !phantom; /* a phantom must not break the order of dates: left out here */
    }
    m->bars.asset_ix[0] = 7;
    m->bars.first[0] = 0;
    m->bars.first[1] = n;
    m->bars.n_rows = n;
}

static qlab_series_truth truth_of(const market *m)
{
    return (qlab_series_truth){.session = m->session,
                               .n_sessions = N_SESSIONS,
                               .actions = m->actions,
                               .n_actions = m->n_actions,
                               .delistings = &m->delisting,
                               .n_delistings = m->n_delistings};
}

static size_t index_of(const qlab_series *s, int32_t date)
{
    size_t i = 0;
    while (i < s->n && s->date[i] != date)
        i++;
    assert_true(i < s->n);
    return i;
}

static void same_bar(const qlab_series *a, size_t i, const qlab_series *b, size_t j)
{
    assert_int_equal(a->date[i], b->date[j]);
    T_SAME_BITS(&a->open[i], &b->open[j], 1);
    T_SAME_BITS(&a->close[i], &b->close[j], 1);
    T_SAME_BITS(&a->volume[i], &b->volume[j], 1);
    T_SAME_BITS(&a->split[i], &b->split[j], 1);
    T_SAME_BITS(&a->signal[i], &b->signal[j], 1);
    T_SAME_BITS(&a->acct[i], &b->acct[j], 1);
    assert_int_equal(a->life_no[i], b->life_no[j]);
    assert_int_equal(a->bars_seen[i], b->bars_seen[j]);
    assert_int_equal(a->session_ix[i], b->session_ix[j]);
    assert_int_equal(a->row[i], b->row[j]);
}

T_TEST(a_window_has_the_bits_of_the_history)
{
    static market m;
    uint64_t n_jumps = 0, n_lives = 0, n_stale = 0, n_bad = 0;
    for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
        make_market(&m, seed);
        qlab_series_truth truth = truth_of(&m);
        qlab_series all = {0}, part = {0};
        qlab_series_found f = {0};
        qlab_series_discover(&m.bars, 0, &truth, &all, &f);
        n_lives += f.n_lives;
        uint8_t *want = qlab_alloc(all.n, 1), *got = qlab_alloc(all.n, 1);
        const qlab_eligible_rule rule = qlab_eligible_rule_default();
        qlab_eligible_mark(&all, QLAB_CLASS_STOCK, &rule, NULL, 0, want);
        qlab_series_truth told = truth;
        told.actions = NULL;
        told.n_actions = 0;
        told.steps = f.steps;
        told.n_steps = f.n_steps;
        told.lives = f.lives;
        told.n_lives = f.n_lives;
        size_t n_seen = 0;
        for (int32_t year = 2006; year <= 2017; year++) {
            qlab_series_window(&m.bars, 0, &told, f.years, f.n_years, year, &part);
            qlab_eligible_mark(&part, QLAB_CLASS_STOCK, &rule, f.years, f.n_years, got);
            for (size_t i = part.year_first; i < part.year_last; i++, n_seen++) {
                size_t k = index_of(&all, part.date[i]);
                same_bar(&all, k, &part, i);
                assert_int_equal(all.flags[k], part.flags[i]);
                assert_int_equal(want[k], got[i]);
                n_jumps += (part.flags[i] & QLAB_FLAG_JUMP) != 0;
                n_stale += (part.flags[i] & QLAB_FLAG_STALE_RUN) != 0;
                n_bad += got[i] != QLAB_ELIGIBLE;
            }
            for (size_t i = part.year_last; i < part.n; i++)
                same_bar(&all, index_of(&all, part.date[i]), &part, i);
        }
        assert_int_equal(n_seen, all.n); /* every bar lies in one year */
        qlab_free(want);
        qlab_free(got);
        qlab_series_free(&all);
        qlab_series_free(&part);
        qlab_series_found_free(&f);
        qlab_bars_free(&m.bars);
    }
    /* The test means something only where these happen. */
    T_CHECK(n_jumps > 50 && n_lives > N_SEEDS + 5 && n_stale > 200 && n_bad > 1000);
}

/* The rows of `bars` from the first one dated `from` or later. */
static qlab_bars rows_from(const qlab_bars *b, int32_t from)
{
    qlab_bars out = *b;
    size_t at = 0;
    while (at < b->n_rows && b->date[at] < from)
        at++;
    out.first = qlab_alloc(2, sizeof *out.first);
    out.first[0] = at;
    out.first[1] = b->n_rows;
    return out;
}

/* What g found is the end of what `whole` found. */
static void same_found(const qlab_series_found *whole, const qlab_series_found *g)
{
    for (size_t i = 0; i < g->n_steps; i++) {
        const qlab_step *a = &whole->steps[whole->n_steps - g->n_steps + i], *b = &g->steps[i];
        T_CHECK(a->life_no == b->life_no && a->ex_date == b->ex_date && a->untyped == b->untyped);
        T_SAME_BITS(&a->split_step, &b->split_step, 1);
        T_SAME_BITS(&a->signal_step, &b->signal_step, 1);
        T_SAME_BITS(&a->accounting_step, &b->accounting_step, 1);
    }
    for (size_t i = 0; i < g->n_years; i++) {
        const qlab_asset_year *a = &whole->years[whole->n_years - g->n_years + i],
                              *b = &g->years[i];
        T_CHECK(a->life_no == b->life_no && a->year == b->year && a->first_date == b->first_date &&
                a->lead_date == b->lead_date && a->n_valid_before == b->n_valid_before &&
                a->n_valid == b->n_valid && a->ago_ohlc == b->ago_ohlc &&
                a->ago_jump == b->ago_jump && a->ago_stale == b->ago_stale &&
                a->stale_run == b->stale_run);
    }
    for (size_t i = 0; i < g->n_lives; i++) {
        const qlab_life *a = &whole->lives[whole->n_lives - g->n_lives + i], *b = &g->lives[i];
        T_CHECK(a->life_no == b->life_no && a->first_date == b->first_date &&
                a->last_date == b->last_date && a->n_bars == b->n_bars);
    }
}

T_TEST(going_on_from_a_border_has_the_bits_of_the_history)
{
    static market m;
    size_t n_seen = 0, n_new_life = 0, n_alone = 0;
    /* Every other market with lives of map files: numbered from 2, after whatever came before. */
    const qlab_life given[] = {{.life_no = 2, .first_date = qlab_date_make(2011, 5, 2)},
                               {.life_no = 3, .first_date = qlab_date_make(2014, 9, 1)}};
    for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
        make_market(&m, seed);
        qlab_series_truth truth = truth_of(&m);
        truth.lives = given;
        truth.n_lives = seed % 2 == 0 ? 2 : 0;
        qlab_series all = {0}, rest = {0};
        qlab_series_found f = {0};
        qlab_series_discover(&m.bars, 0, &truth, &all, &f);
        uint8_t *want = qlab_alloc(all.n, 1), *got = qlab_alloc(all.n + 1, 1);
        const qlab_eligible_rule rule = qlab_eligible_rule_default();
        qlab_eligible_mark(&all, QLAB_CLASS_STOCK, &rule, NULL, 0, want);
        /* resume speaks of one calendar year: the last one */
        for (int32_t year = 2007; year <= 2017; year++) {
            int32_t border = qlab_date_make(year, 1, 1), end = qlab_date_make(year + 1, 1, 1);
            qlab_series_found g = {0}, whole = {0};
            qlab_series_carry carry;
            size_t cut = 0, n_rows = m.bars.n_rows;
            while (m.bars.n_rows > 0 && m.bars.date[m.bars.n_rows - 1] >= end)
                m.bars.n_rows--;
            m.bars.first[1] = m.bars.n_rows;
            qlab_series_discover(&m.bars, 0, &truth, &all, &whole);
            while (cut < all.n && all.date[cut] < border)
                cut++;
            qlab_series_carry_at(&all, cut, &carry);
            qlab_bars after = rows_from(&m.bars, border);
            qlab_series_resume(&after, 0, &truth, &carry, &rest, &g);
            qlab_eligible_resume(&rest, QLAB_CLASS_STOCK, &rule, &carry, got);
            assert_int_equal(rest.n, all.n - cut + 1);
            for (size_t i = 1; i < rest.n; i++, n_seen++) {
                same_bar(&all, cut + i - 1, &rest, i);
                assert_int_equal(all.flags[cut + i - 1], rest.flags[i]);
                assert_int_equal(want[cut + i - 1], got[i]);
            }
            assert_true(g.n_steps <= whole.n_steps && g.n_years <= whole.n_years);
            same_found(&whole, &g);
            assert_int_equal(whole.lives[whole.n_lives - g.n_lives].life_no, carry.life_no);
            n_new_life += g.n_lives > 1;
            n_alone += rest.n == 1;
            m.bars.n_rows = m.bars.first[1] = n_rows;
            qlab_free(after.first);
            qlab_series_found_free(&g);
            qlab_series_found_free(&whole);
        }
        qlab_free(want);
        qlab_free(got);
        qlab_series_free(&all);
        qlab_series_free(&rest);
        qlab_series_found_free(&f);
        qlab_bars_free(&m.bars);
    }
    T_CHECK(n_seen > 10000 && n_new_life > 3 && n_alone > 0);
}

T_TEST(the_future_changes_nothing)
{
    static market m;
    for (uint64_t seed = 50; seed < 60; seed++) {
        make_market(&m, seed);
        qlab_series_truth truth = truth_of(&m);
        qlab_series all = {0}, cut = {0};
        qlab_series_discover(&m.bars, 0, &truth, &all, NULL);
        size_t keep = m.bars.n_rows / 2 + seed;
        for (size_t i = keep; i < m.bars.n_rows; i++)
            m.bars.close[i] = m.bars.open[i] = 1e9 * (double)(i % 3);
        int32_t last = m.bars.date[keep - 1];
        for (size_t i = 0; i < m.n_actions; i++)
            if (m.actions[i].ex_date > last)
                m.actions[i].r = m.actions[i].c = m.actions[i].d = 77.0;
        qlab_series_discover(&m.bars, 0, &truth, &cut, NULL);
        for (size_t i = 0; i < all.n && all.date[i] <= last; i++) {
            same_bar(&all, i, &cut, i);
            assert_int_equal(all.flags[i], cut.flags[i]);
        }
        qlab_series_free(&all);
        qlab_series_free(&cut);
        qlab_bars_free(&m.bars);
    }
}

T_MAIN(T_CASE(a_window_has_the_bits_of_the_history),
       T_CASE(going_on_from_a_border_has_the_bits_of_the_history),
       T_CASE(the_future_changes_nothing))
