/* A ridge on pure noise: terms that hardly move from session to session, labels of five sessions
 * that overlap.  Purged train rows forecast nothing; a naive shuffled split shows an edge that is
 * not there, because the label of a train session is four fifths that of its neighbour under test.
 */
#include "strategy/learn.h"
#include "support/t.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "num/math.h"
#include "num/rank.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_DATA = 120, N_DAYS = 200, N_NAMES = 60, N_TERMS = 5, H = 5, MIN_NAMES = 30, EMBARGO = 5 };
static const char *const COLUMNS[N_TERMS] = {"a", "b", "c", "d", "e"};
static const qlab_expr_known KNOWN = {COLUMNS, N_TERMS};
static const char TEXT[] = "version: 1\nname: n\ncandidates:\n"
                           "  - {id: mix, family: R, kind: ridge, terms: [a, b, c, d, e]}\n";

typedef struct noise {
    int32_t session[N_DAYS], end[N_DAYS], row_end[N_DAYS][N_NAMES];
    double term[N_DAYS][N_TERMS][N_NAMES], label[N_DAYS][N_NAMES];
} noise;

static void make_noise(uint64_t seed, noise *x)
{
    for (size_t d = 0; d < N_DAYS; d++) {
        x->session[d] = 10000 + (int32_t)d;
        x->end[d] = x->session[d] + H;
        for (size_t i = 0; i < N_NAMES; i++) {
            x->row_end[d][i] = x->end[d];
            for (size_t k = 0; k < N_TERMS; k++) {
                const double step = qlab_num_normal(seed, d * N_TERMS + k, i);
                x->term[d][k][i] = d == 0 ? step : 0.98 * x->term[d - 1][k][i] + 0.199 * step;
            }
            x->label[d][i] = 0.0;
            for (size_t j = 1; j <= H; j++)
                x->label[d][i] += qlab_num_normal(seed + 1, d + j, i);
        }
    }
}

typedef struct fixture {
    qlab_library *lib;
    qlab_learn_plan *plan;
    qlab_learn_work *work;
    qlab_score_work *score;
    uint32_t all[N_NAMES];
    void *scratch;
} fixture;

static void bind_columns(const qlab_score_plan *plan, const noise *x, size_t day,
                         const double **col)
{
    const char *const *names;

    for (size_t i = 0; i < qlab_score_plan_columns(plan, &names); i++)
        for (size_t k = 0; k < N_TERMS; k++)
            if (strcmp(names[i], COLUMNS[k]) == 0)
                col[i] = x->term[day][k];
}

typedef struct tested {
    const fixture *f;
    const double *label;
    double ic;
} tested;

static void take(void *ctx, size_t root, uint32_t space, const double *score, size_t n)
{
    tested *t = ctx;

    (void)root;
    (void)space;
    t->ic = qlab_rank_spearman(score, t->label, n, t->f->scratch).rho;
}

/* Trains on the sessions that train, and returns the mean IC over those under test. */
static double test_ic(const fixture *f, const noise *x, const bool *is_test, const bool *trains,
                      const int32_t *cut)
{
    const qlab_score_rows rows = {f->all, N_NAMES};
    const double *col[N_TERMS];
    const qlab_score_xsec session = {.n_rows = N_NAMES, .col = col, .spaces = &rows};
    uint16_t block[N_DAYS];
    qlab_learn_bank bank = {0};
    qlab_trained t;
    int32_t *cuts;
    size_t n_cuts, n = 0;
    double sum = 0.0;

    for (size_t d = 0; d < N_DAYS; d++)
        block[d] = (uint16_t)(d * 5 / N_DAYS);
    const qlab_learn_split split = {.n = N_DAYS,
                                    .sessions = x->session,
                                    .label_end = x->end,
                                    .trains = trains,
                                    .cut = cut,
                                    .block = block,
                                    .embargo = EMBARGO};
    qlab_learn_cuts(&split, 1, &cuts, &n_cuts);
    for (size_t d = 0; d < N_DAYS; d++) {
        qlab_learn_day day = {.date = x->session[d], .x = &session};
        day.label[1] = x->label[d];
        day.label_end[1] = x->row_end[d];
        bind_columns(qlab_learn_scores(f->plan), x, d, col);
        qlab_learn_add(f->plan, &day, cuts, n_cuts, f->work, &bank);
    }
    qlab_learn_bank_sort(&bank);
    qlab_learn_train(f->plan, 0, &bank, &split, &t);
    T_CHECK(t.is_known);
    const uint32_t root = qlab_trained_root(f->lib->graph, &t);
    qlab_score_plan *plan = qlab_score_plan_new(f->lib->graph, &root, 1);
    for (size_t d = 0; d < N_DAYS; d++) {
        tested of = {f, x->label[d], NAN};
        if (!is_test[d])
            continue;
        bind_columns(plan, x, d, col);
        qlab_score_run(plan, &session, f->score, take, &of);
        sum += of.ic;
        n++;
    }
    qlab_score_plan_free(plan);
    qlab_trained_free(&t);
    qlab_learn_bank_free(&bank);
    qlab_free(cuts);
    return sum / (double)n;
}

/* t of the mean over datasets, which are independent. */
static double t_of(const double *v, double *mean)
{
    double ss = 0.0;

    *mean = 0.0;
    for (size_t i = 0; i < N_DATA; i++)
        *mean += v[i] / N_DATA;
    for (size_t i = 0; i < N_DATA; i++)
        ss += (v[i] - *mean) * (v[i] - *mean);
    return *mean / sqrt(ss / (N_DATA - 1) / N_DATA);
}

T_TEST(purged_rows_forecast_nothing_and_shuffled_ones_seem_to)
{
    fixture f = {.work = qlab_learn_work_new(), .score = qlab_score_work_new()};
    noise *x = qlab_alloc(1, sizeof *x);
    double ours[N_DATA], naive[N_DATA], mean;
    bool is_test[N_DAYS], trains[N_DAYS];
    int32_t cut[N_DAYS];
    qlab_err err = QLAB_ERR_INIT;

    T_OK(qlab_library_parse("n", TEXT, sizeof TEXT - 1, &KNOWN, &f.lib, &err));
    f.plan = qlab_learn_plan_new(f.lib, MIN_NAMES);
    f.scratch = qlab_alloc(qlab_rank_scratch_bytes(N_NAMES), 1);
    for (uint32_t i = 0; i < N_NAMES; i++)
        f.all[i] = i;
    for (uint64_t s = 0; s < N_DATA; s++) {
        make_noise(1000 + 2 * s, x);
        for (size_t d = 0; d < N_DAYS; d++)
            is_test[d] = d >= 80 && d < 120;
        qlab_learn_next_test(x->session, is_test, N_DAYS, cut);
        for (size_t d = 0; d < N_DAYS; d++)
            trains[d] = d < 80 ? x->end[d] < x->session[80]
                               : d >= 120 && x->session[d] > x->end[119] + EMBARGO;
        ours[s] = test_ic(&f, x, is_test, trains, cut);
        for (size_t d = 0; d < N_DAYS; d++) {
            is_test[d] = qlab_rng_below(77, s, d, 2) == 0;
            trains[d] = !is_test[d];
            cut[d] = INT32_MAX;
        }
        naive[s] = test_ic(&f, x, is_test, trains, cut);
    }
    const double t_ours = t_of(ours, &mean);
    printf("purged: mean IC %+.4f, t %+.2f\n", mean, t_ours);
    T_CHECK(fabs(t_ours) < 3.5);
    const double t_naive = t_of(naive, &mean);
    printf("shuffled: mean IC %+.4f, t %+.2f\n", mean, t_naive);
    T_CHECK(t_naive > 8.0 && mean > 0.02);
    qlab_learn_plan_free(f.plan);
    qlab_library_free(f.lib);
    qlab_learn_work_free(f.work);
    qlab_score_work_free(f.score);
    qlab_free(f.scratch);
    qlab_free(x);
}

T_MAIN(T_CASE(purged_rows_forecast_nothing_and_shuffled_ones_seem_to))
