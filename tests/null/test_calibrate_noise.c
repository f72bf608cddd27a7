/* Both stages on markets of noise: the size of each test, what any candidate passes, PBO; and
 * broken variants that must fail the very same checks.
 *
 * QLAB_NULL_SETS=200 is the whole thing (33 candidates, 60 names: about ten minutes of one core);
 * without it a few smaller sets are looked at. */
#include "base/alloc.h"
#include "base/rng.h"
#include "calibrate/calibrate.h"
#include "num/math.h"
#include "stat/cpcv.h"
#include "stat/trials.h"
#include "support/t.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { FEW_SETS = 10 };

static size_t n_sets(void)
{
    const char *asked = getenv("QLAB_NULL_SETS");
    const size_t n = asked != NULL ? strtoul(asked, NULL, 10) : 0;

    return n > 0 ? n : FEW_SETS;
}

static qlab_sim_options options(void)
{
    qlab_sim_options o = qlab_sim_options_default;

    if (n_sets() == FEW_SETS) {
        o.n_candidates = 10;
        o.n_names = 40;
    }
    return o;
}

static qlab_env make_env(void)
{
    static const qlab_log log = {QLAB_LOG_WARN, 2};

    return (qlab_env){.root = "none",
                      .pool = qlab_pool_new(2),
                      .log = &log,
                      .memory_limit_bytes = (size_t)2 << 30,
                      .seed = 1,
                      .quiet = true};
}

/* P(X <= k), X binomial(n, p). */
static double at_most(size_t k, size_t n, double p)
{
    return k >= n ? 1.0 : 1.0 - qlab_num_beta_inc((double)k + 1.0, (double)(n - k), p);
}

/* Not more than a test of size p lets through by chance (0.1 % to go wrong). */
static bool not_above(size_t k, size_t n, double p)
{
    return k == 0 || 1.0 - at_most(k - 1, n, p) > 0.001;
}

/* Within the two-sided interval of 99.8 %. */
static bool within(size_t k, size_t n, double p)
{
    return not_above(k, n, p) && at_most(k, n, p) > 0.001;
}

static qlab_calibrated_set *noise(const qlab_sim_options *sim, size_t sets_wanted)
{
    qlab_err err = QLAB_ERR_INIT;
    const qlab_calibrate_options o = {*sim, "strict", sets_wanted, 0.0, false};
    qlab_calibrated_set *sets = qlab_alloc(o.n_sets, sizeof *sets);
    qlab_env env = make_env();

    T_OK(qlab_calibrate_sets(&env, &o, sets, &err));
    qlab_pool_free(env.pool);
    return sets;
}

typedef struct counts {
    size_t n, sets, har[QLAB_SCREEN_HORIZONS], psr;
    size_t any_psr, any_dsr, any_spa, any_bh, any_all, selected;
    double pbo;
} counts;

static counts count(const qlab_calibrated_set *sets, size_t n)
{
    counts k = {.sets = n};

    for (size_t i = 0; i < k.sets; i++) {
        bool psr = false, dsr = false, spa = false, bh = false, all = false;
        for (size_t c = 0; c < sets[i].n; c++, k.n++) {
            const qlab_calibrated *one = &sets[i].at[c];
            for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++)
                k.har[h] += one->har_p[h] <= 0.05;
            k.psr += one->psr >= 0.95;
            psr |= one->psr >= 0.95;
            dsr |= one->dsr >= 0.95;
            spa |= one->spa_p <= 0.05;
            bh |= one->a_gate[QLAB_GATE_BH_Q];
            all |= one->survives;
        }
        k.any_psr += psr;
        k.any_dsr += dsr;
        k.any_spa += spa;
        k.any_bh += bh;
        k.any_all += all;
        k.selected += sets[i].selection_passed;
        k.pbo += sets[i].pbo / (double)k.sets;
    }
    printf("  %zu sets, %zu candidates: har %zu %zu %zu, psr %zu; sets with any: psr %zu, dsr %zu, "
           "spa %zu, bh %zu, everything %zu; selection passed %zu; mean pbo %.3f\n",
           k.sets, k.n, k.har[0], k.har[1], k.har[2], k.psr, k.any_psr, k.any_dsr, k.any_spa,
           k.any_bh, k.any_all, k.selected, k.pbo);
    return k;
}

/* The check of the DSR: sets in which any candidate passes are at most its 5 %. */
static bool deflates(size_t any, size_t sets)
{
    return not_above(any, sets, 0.05);
}

T_TEST(noise_passes_as_often_as_it_may)
{
    const qlab_sim_options o = options();
    qlab_calibrated_set *sets = noise(&o, n_sets());
    const counts k = count(sets, n_sets());

    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++)
        T_CHECK(within(k.har[h], k.n, 0.05));
    T_CHECK(not_above(k.psr, k.n, 0.05));
    T_CHECK(not_above(k.any_bh, k.sets, 0.10));
    T_CHECK(not_above(k.any_spa, k.sets, 0.05));
    T_CHECK(deflates(k.any_dsr, k.sets));
    T_CHECK(not_above(k.any_all, k.sets, 0.01));
    /* a set's PBO has a standard deviation of about 0.25 around one half */
    T_CHECK(fabs(k.pbo - 0.5) < 3.3 * 0.25 / sqrt((double)k.sets));
    T_CHECK(not_above(k.selected, k.sets, 0.20));
    qlab_calibrated_sets_free(sets, k.sets);
    qlab_free(sets);
}

T_TEST(labels_one_session_early_are_found)
{
    qlab_sim_options o = options();
    const size_t n = n_sets() == FEW_SETS ? 4 : n_sets();
    o.early = true;
    qlab_calibrated_set *sets = noise(&o, n);
    const counts k = count(sets, n);

    T_CHECK(!within(k.har[0], k.n, 0.05) && !within(k.har[1], k.n, 0.05));
    qlab_calibrated_sets_free(sets, k.sets);
    qlab_free(sets);
}

/* 33 series of noise a set, and in every third set half of them nearly the same: the best of them
 * passes the DSR in at most 5 % of the sets.  With N = 1 (PSR), and with V = 0, it passes in most.
 */
T_TEST(the_best_of_many_is_deflated)
{
    enum { SETS = 200, TRIALS = 33, SESSIONS = 1000 };
    double *x = qlab_alloc((size_t)TRIALS * SESSIONS, sizeof *x);
    int32_t *dates = qlab_alloc(SESSIONS, sizeof *dates);
    qlab_dated series[TRIALS];
    size_t any_dsr = 0, any_one = 0, n_clusters = 0;

    for (int32_t t = 0; t < SESSIONS; t++)
        dates[t] = t;
    for (size_t d = 0; d < SETS; d++) {
        qlab_trial_field f;
        bool dsr = false, one = false;
        for (size_t c = 0; c < TRIALS; c++) {
            const double own = d % 3 == 0 && c < TRIALS / 2 ? 0.2 : 1.0, rest = sqrt(1 - own * own);
            for (size_t t = 0; t < SESSIONS; t++)
                x[c * SESSIONS + t] =
                    own * qlab_num_normal(7, d * TRIALS + c, t) + rest * qlab_num_normal(8, d, t);
            series[c] = (qlab_dated){dates, x + c * SESSIONS, SESSIONS};
        }
        qlab_trial_field_of(series, TRIALS, &f);
        for (size_t c = 0; c < TRIALS; c++) {
            const qlab_sharpe s = qlab_sharpe_of((qlab_f64v){x + c * SESSIONS, SESSIONS});
            dsr |= qlab_psr_gate(&s, f.benchmark) >= 0.95;
            one |= qlab_psr_gate(&s, qlab_dsr_benchmark(1.0, f.variance)) >= 0.95;
        }
        T_CHECK(f.n_clusters == (d % 3 == 0 ? TRIALS - TRIALS / 2 + 1 : TRIALS));
        n_clusters += f.n_clusters;
        any_dsr += dsr;
        any_one += one;
        qlab_trial_field_free(&f);
    }
    printf("  sets with any: dsr %zu, dsr with N = 1 %zu of %d; mean clusters %.1f\n", any_dsr,
           any_one, SETS, (double)n_clusters / SETS);
    T_CHECK(deflates(any_dsr, SETS));
    T_CHECK(!deflates(any_one, SETS)); /* broken */
    qlab_free(x);
    qlab_free(dates);
}

/* ---- a learner that remembers its neighbours ---------------------------------------------------
 */

enum { NEAR = 150, BORDER = 10 };

/* A train row, purged or not, within BORDER sessions. */
static bool is_at_border(const uint8_t *use, size_t n, size_t t)
{
    for (size_t u = t > BORDER ? t - BORDER : 0; u < n && u <= t + BORDER; u++)
        if (use[u] != QLAB_ROW_TEST)
            return true;
    return false;
}

/* The sign that the sessions with the most alike scores suggest: a learner that may be used, and
 * that finds every label which its train rows share with the test rows.  Its mean IC over test
 * sessions at a border of their block, where it has something to find.  weight: by distance. */
static double learned(const double *ic, const uint8_t *use, size_t n, const double *weight)
{
    double right = 0.0;
    size_t n_tested = 0;

    for (size_t t = 0; t < n; t++) {
        if (use[t] != QLAB_ROW_TEST || isnan(ic[t]) || !is_at_border(use, n, t))
            continue;
        double sum = 0.0;
        for (size_t u = t > NEAR ? t - NEAR : 0; u < n && u <= t + NEAR; u++)
            if (use[u] == QLAB_ROW_TRAIN && !isnan(ic[u]))
                sum += weight[t > u ? t - u : u - t] * ic[u];
        right += sum > 0.0 ? ic[t] : sum < 0.0 ? -ic[t] : 0.0;
        n_tested++;
    }
    return right / (double)n_tested;
}

typedef enum splitting { PURGED, NOT_PURGED, SHUFFLED, N_SPLITTINGS } splitting;

static double over_splits(const double *ic, size_t n, double persistence, splitting how,
                          uint64_t seed)
{
    enum { GROUPS = 10, TEST = 2, REACH = 21 };
    size_t *label_end = qlab_alloc(n, sizeof *label_end), n_splits = 0;
    bool *is_test = qlab_alloc(n, sizeof *is_test);
    uint8_t *use = qlab_alloc(n, 1);
    uint32_t test[TEST];
    double sum = 0.0, weight[NEAR + 1] = {1.0};

    for (size_t i = 1; i <= NEAR; i++)
        weight[i] = weight[i - 1] * persistence;

    for (size_t t = 0; t < n; t++)
        label_end[t] = how == PURGED ? t + REACH : t;
    qlab_cpcv_first(TEST, test);
    do {
        for (size_t t = 0; t < n; t++)
            is_test[t] = how == SHUFFLED && qlab_rng_below(seed, n_splits, t, GROUPS) < TEST;
        for (size_t g = 0; how != SHUFFLED && g < TEST; g++) {
            size_t from, to;
            qlab_cpcv_group(n, GROUPS, test[g], &from, &to);
            for (size_t t = from; t < to; t++)
                is_test[t] = true;
        }
        qlab_purge(label_end, is_test, n, how == PURGED ? REACH : 0, use);
        sum += learned(ic, use, n, weight);
        n_splits++;
    } while (n_splits < 9 && qlab_cpcv_next(GROUPS, TEST, test)); /* every group is tested */
    qlab_free(label_end);
    qlab_free(is_test);
    qlab_free(use);
    return sum / (double)n_splits;
}

T_TEST(what_purging_keeps_out)
{
    enum { CANDIDATES = 6 };
    qlab_sim_options o = options();
    const size_t sets = n_sets();
    double sum[N_SPLITTINGS] = {0}, squares[N_SPLITTINGS] = {0};

    o.n_candidates = CANDIDATES;
    for (size_t i = 0; i < sets; i++) {
        double set_mean[N_SPLITTINGS] = {0};
        qlab_sim s;
        qlab_sim_make(&o, i, &s);
        qlab_measure *m = qlab_alloc(s.n_candidates * s.n_sessions, sizeof *m);
        double *ic = qlab_alloc(s.n_sessions, sizeof *ic);
        qlab_screen_span(&s.screen, &s.x, 0, (size_t)1 << 30, m, NULL);
        for (size_t c = 0; c < CANDIDATES; c++) {
            for (size_t t = 0; t < s.n_sessions; t++)
                ic[t] = m[c * s.n_sessions + t].ic[2]; /* labels of 20 sessions */
            for (int k = 0; k < N_SPLITTINGS; k++)
                set_mean[k] +=
                    over_splits(ic, s.n_sessions, o.persistence, (splitting)k, i) / CANDIDATES;
        }
        for (int k = 0; k < N_SPLITTINGS; k++) {
            sum[k] += set_mean[k];
            squares[k] += set_mean[k] * set_mean[k];
        }
        qlab_free(ic);
        qlab_free(m);
        qlab_sim_free(&s);
    }
    double t[N_SPLITTINGS];
    for (int k = 0; k < N_SPLITTINGS; k++) {
        const double mean = sum[k] / (double)sets;
        const double variance = (squares[k] / (double)sets - mean * mean) / (double)(sets - 1);
        t[k] = mean / sqrt(variance);
        printf("  %s: IC out of sample %.4f, t %.1f\n",
               k == PURGED       ? "purged"
               : k == NOT_PURGED ? "not purged"
                                 : "shuffled",
               mean, t[k]);
    }
    T_CHECK(fabs(t[PURGED]) < 3.5);
    T_CHECK(!(fabs(t[NOT_PURGED]) < 3.5)); /* broken variants fail the check */
    T_CHECK(!(fabs(t[SHUFFLED]) < 3.5));
}

T_MAIN(T_CASE(what_purging_keeps_out), T_CASE(the_best_of_many_is_deflated),
       T_CASE(noise_passes_as_often_as_it_may), T_CASE(labels_one_session_early_are_found))
