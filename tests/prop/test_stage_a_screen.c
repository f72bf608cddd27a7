/* The screen on an in-memory panel, against slow loops; grouping of candidates, and how a span is
 * cut into units, change no bit. */
#include "stage_a/screen.h"
#include "support/t.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/rng.h"
#include "num/math.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_ASSETS = 90, N_DAYS = 9, N_COLS = 5 };

static const char *const COLUMNS[N_COLS] = {"a", "b", "fwd_ret_1d", "fwd_ret_5d", "fwd_ret_20d"};
static const char LIST[] =
    "version: 1\nname: t\ncandidates:\n"
    "  - {id: plain, family: F, score: a, horizon: 1}\n"
    "  - {id: coarse, family: F, score: 'rank(b, by=currency)', horizon: 5}\n"
    "  - {id: mixed, family: F, score: 'z(a) - 0.3*z(b, by=exchange)', horizon: 20}\n"
    "  - {id: stocks, family: F, score: a + b, universe: {classes: [stock]}}\n"
    "  - {id: liquid, family: F, score: a - b, universe: {top_liquid: 40}}\n"
    "  - {id: gone, family: F, score: 'if(a > 5, a, log(b - 3))', horizon: 1}\n";

/* A panel in memory, as panel.h gives it. */
typedef struct market {
    qlab_xsec x;
    uint8_t class[N_ASSETS];
    uint32_t group[QLAB_GROUP_COUNT][N_ASSETS];
    qlab_library *lib;
    qlab_screen screen;
} market;

static void *array(size_t size)
{
    return qlab_alloc_zero(N_ASSETS * N_DAYS, size);
}

static void add_row(qlab_xsec *x, uint32_t asset, size_t day)
{
    const size_t i = x->n_rows++;
    const uint64_t key = asset + 1000u * (uint64_t)day;

    x->asset[i] = asset;
    x->eligibility[i] = qlab_rng_uniform(5, key, 0) < 0.1 ? 3 : 0;
    x->adv_usd_or_ccy[i] = qlab_rng_uniform(5, asset, 77) < 0.05 ? NAN : 1e6 / (double)(asset + 1);
    x->col[0][i] = qlab_rng_uniform(5, key, 1) < 0.05
                       ? NAN
                       : qlab_num_normal(6, asset, 0) + 0.3 * qlab_num_normal(6, key, 1);
    x->col[1][i] = floor(4.0 * qlab_rng_uniform(5, asset, 2)); /* many ties */
    for (size_t h = 0; h < 3; h++) {
        const bool null = qlab_rng_uniform(7, key, h) < 0.08;
        x->col[2 + h][i] = null ? NAN : 0.02 * qlab_num_normal(8, key, h) + 0.01 * x->col[0][i];
        x->label_end[h][i] = null ? QLAB_DATE_NONE : x->dates[day] + 2 + 3 * (int32_t)h;
        x->presumed_gone[h][i] = !null && qlab_rng_uniform(9, key, h) < 0.03;
    }
}

static market *make_market(void)
{
    market *m = qlab_alloc_zero(1, sizeof *m);
    qlab_err err = QLAB_ERR_INIT;
    qlab_xsec *x = &m->x;

    x->n_dates = N_DAYS;
    x->n_cols = N_COLS;
    x->dates = array(sizeof *x->dates);
    x->first = qlab_alloc_zero(N_DAYS + 1, sizeof *x->first);
    x->asset = array(sizeof *x->asset);
    x->eligibility = array(1);
    x->adv_usd_or_ccy = array(sizeof(double));
    x->col = qlab_alloc_zero(N_COLS, sizeof *x->col);
    for (size_t c = 0; c < N_COLS; c++)
        x->col[c] = array(sizeof(double));
    for (size_t h = 0; h < 3; h++) {
        x->presumed_gone[h] = array(1);
        x->label_end[h] = array(sizeof(int32_t));
    }
    for (size_t d = 0; d < N_DAYS; d++) {
        x->dates[d] = 18000 + (int32_t)d;
        x->first[d] = x->n_rows;
        for (uint32_t a = 0; a < N_ASSETS; a++)
            if (qlab_rng_uniform(11, a, d) > 0.12 && d != 6) /* one session has no names at all */
                add_row(x, a, d);
    }
    x->first[N_DAYS] = x->n_rows;
    for (uint32_t a = 0; a < N_ASSETS; a++) {
        m->class[a] = a % 5 == 0 ? QLAB_CLASS_ETF : QLAB_CLASS_STOCK;
        m->group[QLAB_GROUP_CLASS][a] = m->class[a];
        m->group[QLAB_GROUP_EXCHANGE][a] = a % 3;
        m->group[QLAB_GROUP_CURRENCY][a] = a % 2;
    }
    T_OK(qlab_library_parse("t", LIST, sizeof LIST - 1, NULL, &m->lib, &err));
    m->screen = (qlab_screen){.lib = m->lib,
                              .columns = COLUMNS,
                              .n_columns = N_COLS,
                              .n_assets = N_ASSETS,
                              .asset_class = m->class,
                              .group = {m->group[0], m->group[1], m->group[2], NULL},
                              .n_groups = {QLAB_CLASS_COUNT, 3, 2, 0},
                              .min_names = 30,
                              .first_sealed = QLAB_DATE_NONE};
    return m;
}

static void free_market(market *m)
{
    qlab_library_free(m->lib);
    qlab_xsec_free(&m->x);
    qlab_free(m);
}

/* ---- slow: scores by asset, then everything by its definition -----------------------------------
 */

typedef struct day {
    double score[N_ASSETS], label[3][N_ASSETS];
    bool in[N_ASSETS], gone[3][N_ASSETS];
    int decile[N_ASSETS]; /* -1: none */
    size_t n_scored;
} day;

typedef struct taken {
    const market *m;
    const uint32_t *rows;
    size_t first;
    day *out;
} taken;

static void take(void *ctx, size_t root, uint32_t space, const double *score, size_t n)
{
    const taken *t = ctx;

    (void)root;
    (void)space;
    for (size_t i = 0; i < n; i++)
        t->out->score[t->m->x.asset[t->first + t->rows[i]]] = score[i];
}

static void slow_deciles(day *d)
{
    for (size_t a = 0; a < N_ASSETS; a++)
        d->n_scored += d->in[a] && !isnan(d->score[a]);
    for (size_t a = 0; a < N_ASSETS; a++) {
        size_t place = 0;
        d->decile[a] = -1;
        if (!d->in[a] || isnan(d->score[a]) || d->n_scored < 30)
            continue;
        for (size_t b = 0; b < N_ASSETS; b++)
            if (d->in[b] && (d->score[b] < d->score[a] ||
                             (b < a && !(d->score[b] < d->score[a]) && d->score[b] <= d->score[a])))
                place++;
        d->decile[a] = (int)(10 * place / d->n_scored);
    }
}

/* One candidate on one day, through a plan of its own. */
static void slow_day(const market *m, const qlab_candidate *c, size_t day_ix, day *out)
{
    const qlab_xsec *x = &m->x;
    const size_t first = x->first[day_ix], n = x->first[day_ix + 1] - first;
    uint8_t class[N_ASSETS];
    uint32_t group[3][N_ASSETS], rows[N_ASSETS];
    const double *col[2];
    const char *const *names;

    memset(out, 0, sizeof *out);
    for (size_t a = 0; a < N_ASSETS; a++)
        out->score[a] = NAN;
    for (size_t i = 0; i < n; i++) {
        class[i] = m->class[x->asset[first + i]];
        for (int g = 0; g < 3; g++)
            group[g][i] = m->group[g][x->asset[first + i]];
    }
    const qlab_universe_rows u = {
        n, x->eligibility + first, class, x->adv_usd_or_ccy + first, group[2], 2, false};
    const size_t n_in = qlab_universe_select(c->universe, &u, rows);
    qlab_score_plan *plan = qlab_score_plan_new(m->lib->graph, &c->root, 1);
    for (size_t i = 0; i < qlab_score_plan_columns(plan, &names); i++)
        col[i] = x->col[names[i][0] == 'a' ? 0 : 1] + first;
    qlab_score_rows spaces[8] = {{NULL, 0}};
    spaces[c->space] = (qlab_score_rows){rows, n_in};
    const qlab_score_xsec sx = {.n_rows = n,
                                .col = col,
                                .group = {group[0], group[1], group[2], NULL},
                                .n_groups = {QLAB_CLASS_COUNT, 3, 2, 0},
                                .spaces = spaces};
    taken t = {m, rows, first, out};
    qlab_score_work *work = qlab_score_work_new();
    qlab_score_run(plan, &sx, work, take, &t);
    qlab_score_work_free(work);
    qlab_score_plan_free(plan);
    for (size_t i = 0; i < n_in; i++) {
        const size_t r = first + rows[i], a = x->asset[r];
        out->in[a] = true;
        for (size_t h = 0; h < 3; h++) {
            const bool sealed = m->screen.first_sealed != QLAB_DATE_NONE &&
                                x->label_end[h][r] >= m->screen.first_sealed;
            out->label[h][a] = sealed ? NAN : x->col[2 + h][r];
            out->gone[h][a] = x->presumed_gone[h][r];
        }
    }
    slow_deciles(out);
}

static double slow_spearman(const day *d, const double *y, const bool *also, size_t *n)
{
    double r[2][N_ASSETS], mx = 0, my = 0, sxy = 0, sxx = 0, syy = 0;
    size_t who[N_ASSETS];

    *n = 0;
    for (size_t a = 0; a < N_ASSETS; a++)
        if (d->in[a] && (also == NULL || also[a]) && !isnan(d->score[a]) && !isnan(y[a]))
            who[(*n)++] = a;
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < *n; i++) {
            const double *v = side ? y : d->score;
            r[side][i] = 0.5;
            for (size_t k = 0; k < *n; k++)
                r[side][i] += v[who[k]] < v[who[i]] ? 1.0 : v[who[k]] > v[who[i]] ? 0.0 : 0.5;
        }
    for (size_t i = 0; i < *n; i++) {
        mx += r[0][i] / (double)*n;
        my += r[1][i] / (double)*n;
    }
    for (size_t i = 0; i < *n; i++) {
        sxy += (r[0][i] - mx) * (r[1][i] - my);
        sxx += (r[0][i] - mx) * (r[0][i] - mx);
        syy += (r[1][i] - my) * (r[1][i] - my);
    }
    return *n >= 30 && sxx > 1e-9 && syy > 1e-9 ? sxy / sqrt(sxx * syy) : NAN;
}

static double slow_turnover(const day *d, const day *before)
{
    double w[2][N_ASSETS] = {{0}}, sum = 0.0;
    const day *both[2] = {d, before};

    for (int k = 0; k < 2; k++) {
        double n[10] = {0};
        if (both[k]->n_scored < 30)
            return NAN;
        for (size_t a = 0; a < N_ASSETS; a++)
            if (both[k]->decile[a] >= 0)
                n[both[k]->decile[a]]++;
        for (size_t a = 0; a < N_ASSETS; a++)
            w[k][a] = both[k]->decile[a] == 9 ? 1 / n[9] : both[k]->decile[a] == 0 ? -1 / n[0] : 0;
    }
    for (size_t a = 0; a < N_ASSETS; a++)
        sum += fabs(w[0][a] - w[1][a]);
    return 0.5 * sum;
}

static void check_day(const market *m, const qlab_candidate *c, size_t day_ix,
                      const qlab_measure *got)
{
    day *d = qlab_alloc(1, sizeof *d), *before = qlab_alloc(1, sizeof *before);
    const size_t own = qlab_screen_horizon_index(c->horizon);
    size_t n_universe = 0, n_gone = 0, n;

    slow_day(m, c, day_ix, d);
    for (size_t a = 0; a < N_ASSETS; a++) {
        n_universe += d->in[a];
        n_gone += d->in[a] && d->gone[own][a] && !isnan(d->score[a]) && !isnan(d->label[own][a]);
    }
    T_CHECK(got->n_universe == n_universe && got->n_scored == d->n_scored && got->n_gone == n_gone);
    for (size_t h = 0; h < 3; h++) {
        T_NEAR(got->ic[h], slow_spearman(d, d->label[h], NULL, &n), 1e-12);
        T_CHECK(got->n_pairs[h] == n);
    }
    for (int k = 0; k < 10; k++) {
        double sum = 0.0, count = 0.0;
        for (size_t a = 0; a < N_ASSETS; a++)
            if (d->decile[a] == k && !isnan(d->label[own][a])) {
                sum += d->label[own][a];
                count++;
            }
        T_NEAR(got->decile[k], sum / count, 1e-14);
    }
    T_NEAR(got->spread, got->decile[9] - got->decile[0], 0);
    if (day_ix > 0) {
        slow_day(m, c, day_ix - 1, before);
        T_NEAR(got->autocorrelation, slow_spearman(d, before->score, before->in, &n), 1e-12);
        T_NEAR(got->turnover, slow_turnover(d, before), 1e-14);
    } else {
        T_CHECK(isnan(got->autocorrelation) && isnan(got->turnover));
    }
    qlab_free(d);
    qlab_free(before);
}

static void check_all(const market *m)
{
    qlab_measure *out = qlab_alloc(m->lib->n * N_DAYS, sizeof *out);

    qlab_screen_span(&m->screen, &m->x, 0, SIZE_MAX / 2, out, NULL);
    for (size_t c = 0; c < m->lib->n; c++)
        for (size_t d = 0; d < N_DAYS; d++)
            check_day(m, &m->lib->candidates[c], d, &out[c * N_DAYS + d]);
    qlab_free(out);
}

T_TEST(equals_the_definitions)
{
    market *m = make_market();

    check_all(m);
    m->screen.first_sealed = m->x.dates[8]; /* labels that end in the sealed stretch are unknown */
    check_all(m);
    free_market(m);
}

static void same_bits(const qlab_measure *a, const qlab_measure *b)
{
    T_SAME_BITS(a, b, 1);
}

T_TEST(grouping_changes_no_bit)
{
    market *m = make_market();
    qlab_candidate *many = qlab_alloc(60, sizeof *many), *own = m->lib->candidates;
    qlab_measure *a = qlab_alloc(60 * N_DAYS, sizeof *a), *b = qlab_alloc(60 * N_DAYS, sizeof *b);

    for (size_t i = 0; i < 60; i++)
        many[i] = own[i % m->lib->n];
    const size_t n = m->lib->n;
    m->lib->candidates = many;
    m->lib->n = 60;
    qlab_screen_span(&m->screen, &m->x, 0, SIZE_MAX / 2, a, NULL);
    qlab_screen_span(&m->screen, &m->x, 0, 1, b, NULL); /* groups of sixteen */
    for (size_t i = 0; i < 60 * N_DAYS; i++) {
        same_bits(&a[i], &b[i]);
        same_bits(&a[i], &a[i % (n * N_DAYS)]);
    }
    m->lib->candidates = own;
    m->lib->n = n;
    qlab_free(many);
    qlab_free(a);
    qlab_free(b);
    free_market(m);
}

/* Sessions [first, end) of the market as a span of its own. */
static qlab_xsec part_of(const qlab_xsec *x, size_t first, size_t end, size_t *firsts,
                         double **cols)
{
    qlab_xsec p = *x;
    const size_t row = x->first[first];

    p.n_dates = end - first;
    p.n_rows = x->first[end] - row;
    p.dates = x->dates + first;
    for (size_t d = 0; d <= p.n_dates; d++)
        firsts[d] = x->first[first + d] - row;
    p.first = firsts;
    p.asset += row;
    p.eligibility += row;
    p.adv_usd_or_ccy += row;
    for (size_t c = 0; c < N_COLS; c++)
        cols[c] = x->col[c] + row;
    p.col = cols;
    for (size_t h = 0; h < 3; h++) {
        p.presumed_gone[h] += row;
        p.label_end[h] += row;
    }
    return p;
}

T_TEST(a_unit_with_its_lead_equals_the_whole)
{
    market *m = make_market();
    const size_t n = m->lib->n;
    qlab_measure *whole = qlab_alloc(n * N_DAYS, sizeof *whole);
    qlab_measure *part = qlab_alloc(n * N_DAYS, sizeof *part);
    size_t firsts[N_DAYS + 1];
    double *cols[N_COLS];

    qlab_screen_span(&m->screen, &m->x, 0, SIZE_MAX / 2, whole, NULL);
    for (size_t cut = 1; cut < N_DAYS; cut++) {
        const qlab_xsec tail = part_of(&m->x, cut - 1, N_DAYS, firsts, cols);
        const size_t n_days = N_DAYS - cut;
        qlab_screen_span(&m->screen, &tail, 1, SIZE_MAX / 2, part, NULL);
        for (size_t c = 0; c < n; c++)
            for (size_t d = 0; d < n_days; d++)
                same_bits(&part[c * n_days + d], &whole[c * N_DAYS + cut + d]);
    }
    qlab_free(whole);
    qlab_free(part);
    free_market(m);
}

/* Nothing of a later session reaches an earlier measure. */
T_TEST(the_future_changes_nothing)
{
    market *m = make_market();
    const size_t n = m->lib->n, cut = 4;
    qlab_measure *before = qlab_alloc(n * N_DAYS, sizeof *before);
    qlab_measure *after = qlab_alloc(n * N_DAYS, sizeof *after);

    qlab_screen_span(&m->screen, &m->x, 0, SIZE_MAX / 2, before, NULL);
    for (size_t i = m->x.first[cut]; i < m->x.n_rows; i++) {
        for (size_t c = 0; c < N_COLS; c++)
            m->x.col[c][i] = 1e9 * qlab_num_normal(99, i, c);
        m->x.eligibility[i] = i % 2 == 0;
    }
    qlab_screen_span(&m->screen, &m->x, 0, SIZE_MAX / 2, after, NULL);
    for (size_t c = 0; c < n; c++)
        for (size_t d = 0; d < cut; d++)
            same_bits(&before[c * N_DAYS + d], &after[c * N_DAYS + d]);
    qlab_free(before);
    qlab_free(after);
    free_market(m);
}

T_MAIN(T_CASE(equals_the_definitions), T_CASE(grouping_changes_no_bit),
       T_CASE(a_unit_with_its_lead_equals_the_whole), T_CASE(the_future_changes_nothing))
