/* Step-down SPA: against a slow version, its variance against the bootstrap itself, its size on
 * noise, and its determinism. */
#include "stat/spa.h"

#include "base/alloc.h"
#include "num/math.h"
#include "stat/bootstrap.h"
#include "stat/moments.h"
#include "support/t.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_MODELS = 40, MOST_ROWS = 400, B = 500 };

static double x[MOST_MODELS][MOST_ROWS], z[B][MOST_MODELS], means[4000];
static const double *column[MOST_MODELS];
static qlab_spa got[MOST_MODELS], again[MOST_MODELS];

/* Models share a common part, and each is an AR(1). */
static void noise(size_t n_models, size_t n_rows, double rho, uint64_t seed)
{
    for (size_t m = 0; m < n_models; m++) {
        double state = 0.0;
        column[m] = x[m];
        for (size_t t = 0; t < n_rows; t++) {
            state = rho * state + qlab_num_normal(seed, m, t) + qlab_num_normal(seed, 1000, t);
            x[m][t] = 0.01 * state;
        }
    }
}

static qlab_spa_in in_of(size_t n_models, size_t n_rows, double block, uint64_t seed, size_t reps)
{
    return (qlab_spa_in){column, n_models, n_rows, block, seed, reps};
}

static void run(const qlab_spa_in *in, qlab_pool *pool, qlab_spa *out)
{
    qlab_err err = {0};
    T_OK(qlab_spa_test(in, pool, out, &err));
}

/* Steps down one model at a time, as the definition reads; mean and se are taken as given. */
static void slow(const qlab_spa_in *in, const qlab_spa *s, double *p)
{
    static uint32_t index[MOST_ROWS];
    bool left[MOST_MODELS];
    const double root = sqrt((double)in->n_rows), bad = -sqrt(2.0 * log(log((double)in->n_rows)));
    for (size_t r = 0; r < in->n_replications; r++) {
        qlab_bootstrap_indices(in->n_rows, in->block, in->seed, 1, r, index, in->n_rows);
        for (size_t m = 0; m < in->n_models; m++) {
            double sum = 0.0;
            for (size_t t = 0; t < in->n_rows; t++)
                sum += x[m][index[t]];
            const double own = s[m].mean / s[m].se;
            z[r][m] = root * (sum / (double)in->n_rows - (own >= bad ? s[m].mean : 0.0)) /
                      (s[m].se * root);
        }
    }
    double before = 0.0;
    memset(left, 1, sizeof left);
    for (size_t step = 0; step < in->n_models; step++) {
        size_t best = MOST_MODELS, count = 1;
        for (size_t m = 0; m < in->n_models; m++)
            if (left[m] && (best == MOST_MODELS || s[m].t > s[best].t))
                best = m;
        for (size_t r = 0; r < in->n_replications; r++) {
            double most = 0.0;
            for (size_t m = 0; m < in->n_models; m++)
                most = left[m] && z[r][m] > most ? z[r][m] : most;
            count += most >= s[best].t;
        }
        const double own = (double)count / ((double)in->n_replications + 1.0);
        p[best] = before = own > before ? own : before;
        left[best] = false;
    }
}

T_TEST(the_same_as_a_slow_step_down)
{
    static const struct {
        size_t n_models, n_rows;
        double block;
    } SHAPE[] = {{1, 60, 1.0}, {7, 100, 3.5}, {16, 250, 10.0}, {40, 400, 100.0}};
    for (size_t i = 0; i < 4; i++) {
        double p[MOST_MODELS];
        noise(SHAPE[i].n_models, SHAPE[i].n_rows, 0.2, 5 + i);
        for (size_t t = 0; i > 0 && t < SHAPE[i].n_rows; t++) {
            x[2][t] += 0.004;
            x[3][t] += 0.002;
            x[0][t] -= 0.02; /* clearly bad */
        }
        const qlab_spa_in in =
            in_of(SHAPE[i].n_models, SHAPE[i].n_rows, SHAPE[i].block, 3 + i, B - 3);
        run(&in, NULL, got);
        slow(&in, got, p);
        for (size_t m = 0; m < in.n_models; m++) {
            T_NEAR(got[m].mean, qlab_moments_of((qlab_f64v){x[m], in.n_rows}).mean, 1e-16);
            T_NEAR(got[m].p, p[m], 1e-12);
            T_CHECK(got[m].p_alone <= got[m].p);
            T_CHECK(got[m].mean > 0.0 || (got[m].p == 1.0 && got[m].p_alone == 1.0));
        }
        T_CHECK(i == 0 || i == 3 || !got[0].recentred);
    }
}

T_TEST(the_variance_is_that_of_the_bootstrap)
{
    static const double BLOCK[] = {1.0, 4.0, 20.0, 75.0};
    noise(1, 300, 0.5, 9);
    for (size_t i = 0; i < 4; i++) {
        const qlab_spa_in in = in_of(1, 300, BLOCK[i], 1, 1);
        run(&in, NULL, got);
        qlab_bootstrap((qlab_f64v){x[0], 300}, BLOCK[i], QLAB_BOOTSTRAP_MEAN, 4, 0, 0, 4000, means);
        const double sd = qlab_moments_of((qlab_f64v){means, 4000}).std;
        T_NEAR(got[0].se / sd, 1.0, 5.0 / sqrt(2.0 * 4000.0));
    }
}

/* Counts whose tails each hold at most 0.5 % under Binomial(n, p). */
static size_t upper_99(double n, double p)
{
    size_t hi = 0;
    while (qlab_num_beta_inc((double)hi + 1.0, n - (double)hi, p) > 0.005)
        hi++;
    return hi;
}

T_TEST(noise_is_seldom_called_skill_and_skill_is_found)
{
    enum { DATASETS = 300 };
    size_t any = 0, any_alone = 0, found = 0;
    for (uint64_t seed = 0; seed < DATASETS; seed++) {
        double least = 1.0, least_alone = 1.0;
        noise(20, 250, 0.0, 500 + seed);
        for (size_t t = 0; t < 250; t++) { /* half of them are bad: they must not mask */
            for (size_t m = 10; m < 20; m++)
                x[m][t] -= 0.01;
        }
        const qlab_spa_in in = in_of(20, 250, 3.0, seed, 199);
        run(&in, NULL, got);
        for (size_t m = 0; m < 20; m++) {
            least = got[m].p < least ? got[m].p : least;
            least_alone = got[m].p_alone < least_alone ? got[m].p_alone : least_alone;
        }
        any += least <= 0.05;
        any_alone += least_alone <= 0.05;
        for (size_t t = 0; t < 250; t++)
            x[4][t] += 0.004;
        run(&in, NULL, got);
        found += got[4].p <= 0.05;
    }
    printf("any of 20 worthless models rejected in %zu of %d datasets (at most %zu); without "
           "adjustment in %zu; a true one found in %zu\n",
           any, (int)DATASETS, upper_99(DATASETS, 0.05), any_alone, found);
    T_CHECK(any <= upper_99(DATASETS, 0.05));
    T_CHECK(any_alone > 2 * upper_99(DATASETS, 0.05)); /* many tests at once do matter */
    T_CHECK(found > DATASETS / 2);
}

T_TEST(threads_and_order_change_no_bit)
{
    qlab_pool *pool = qlab_pool_new(3);
    noise(37, 200, 0.3, 77);
    qlab_spa_in in = in_of(37, 200, 6.0, 8, 333);
    run(&in, NULL, got);
    run(&in, pool, again);
    for (size_t m = 0; m < 37; m++)
        T_CHECK(memcmp(&got[m].p, &again[m].p, sizeof(double)) == 0 && got[m].t == again[m].t);
    for (size_t m = 0; m < 37; m++)
        column[m] = x[36 - m];
    run(&in, pool, again);
    for (size_t m = 0; m < 37; m++) {
        T_SAME_BITS(&got[36 - m].p, &again[m].p, 1);
        T_SAME_BITS(&got[36 - m].t, &again[m].t, 1);
        T_SAME_BITS(&got[36 - m].p_alone, &again[m].p_alone, 1);
    }
    in.seed = 9;
    run(&in, pool, again);
    size_t same = 0;
    for (size_t m = 0; m < 37; m++)
        same += got[36 - m].p_alone == again[m].p_alone;
    T_CHECK(same < 37);
    qlab_pool_free(pool);
}

T_TEST(the_degenerate_is_null)
{
    noise(4, 100, 0.0, 3);
    for (size_t t = 0; t < 100; t++) {
        x[0][t] = 0.1; /* never varies */
        x[1][t] = x[2][t];
    }
    qlab_spa_in in = in_of(4, 100, 2.0, 1, 50);
    run(&in, NULL, got);
    T_CHECK(isnan(got[0].t) && isnan(got[0].p) && got[0].mean == 0.1 && !got[0].recentred);
    T_CHECK(got[1].p == got[2].p && !isnan(got[1].p));
    in.n_rows = 15;
    run(&in, NULL, got);
    T_CHECK(isnan(got[2].p) && isnan(got[2].mean));
    in.n_models = 0;
    run(&in, NULL, got);
    in = in_of(1, 100, 2.0, 1, 50);
    run(&in, NULL, got);
    T_CHECK(isnan(got[0].p));
    T_CHECK(isnan(qlab_spa_block(column, 1, 100)));
    const double block = qlab_spa_block(column, 4, 100);
    T_CHECK(block >= 1.0 && block <= 25.0);
    T_CHECK(qlab_spa_block(column, 4, 10) <= 2.5);
}

T_MAIN(T_CASE(the_same_as_a_slow_step_down), T_CASE(the_variance_is_that_of_the_bootstrap),
       T_CASE(noise_is_seldom_called_skill_and_skill_is_found),
       T_CASE(threads_and_order_change_no_bit), T_CASE(the_degenerate_is_null))
