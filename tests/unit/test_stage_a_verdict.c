/* Measures to metrics, gates and order: every gate passes and fails, unknown values fail, ranks. */
#include "support/t.h"
#include "stage_a/verdict.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "num/math.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_DAYS = 120, N_FOLDS = 3 };

static qlab_stage_a_policy policy(void)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_stage_a_policy p;

    T_OK(qlab_stage_a_policy_load("strict", &p, &err));
    return p;
}

static qlab_library *library(size_t n)
{
    qlab_buf text = QLAB_BUF_INIT;
    qlab_err err = QLAB_ERR_INIT;
    qlab_library *lib = NULL;

    qlab_buf_puts(&text, "version: 1\nname: t\ncandidates:\n");
    for (size_t i = 0; i < n; i++)
        qlab_buf_putf(&text, "  - {id: c%zu, family: F, score: a + %zu}\n", i, i + 1);
    T_OK(qlab_library_parse("t", text.at, text.n, NULL, &lib, &err));
    qlab_buf_free(&text);
    return lib;
}

/* Sessions of a good candidate: mean IC 0.04 with little noise. */
static void good(qlab_measure *m, uint64_t seed)
{
    for (size_t i = 0; i < N_DAYS; i++) {
        memset(&m[i], 0, sizeof m[i]);
        for (size_t h = 0; h < 3; h++)
            m[i].ic[h] = 0.04 + 0.02 * qlab_num_normal(seed, h, i);
        for (size_t d = 0; d < 10; d++)
            m[i].decile[d] = 0.001 * (double)d;
        m[i].spread = 0.009;
        m[i].turnover = 0.3;
        m[i].autocorrelation = 0.9;
        m[i].n_universe = 100;
        m[i].n_scored = 96;
        m[i].n_pairs[0] = m[i].n_pairs[1] = m[i].n_pairs[2] = 95;
        m[i].n_gone = 1;
    }
}

static const qlab_fold FOLDS[N_FOLDS] = {{.test_first = 50, .test_end = 90},
                                         {.test_first = 90, .test_end = 130},
                                         {.test_first = 130, .test_end = 170}};

static qlab_verdicts judge(const qlab_library *lib, const qlab_measure *m)
{
    const qlab_fold_plan folds = {.folds = (qlab_fold *)(uintptr_t)FOLDS, .n_folds = N_FOLDS};
    qlab_stage_a_policy p = policy();
    qlab_verdicts v;

    qlab_verdicts_make(lib, &p, &folds, 1, m, N_DAYS, &v);
    qlab_stage_a_policy_free(&p);
    return v;
}

T_TEST(metrics_of_a_series)
{
    qlab_measure m[N_DAYS];

    good(m, 1);
    m[7].ic[1] = NAN; /* a session without an IC is skipped */
    m[8].n_universe = 0;
    m[9].turnover = NAN;
    m[9].spread = NAN;
    const qlab_metrics got = qlab_metrics_of(m, N_DAYS, 5, 1);
    T_CHECK(got.n_sessions == N_DAYS && got.ic.n == N_DAYS - 1);
    T_NEAR(got.mean_ic[1], got.ic.mean, 1e-15);
    T_NEAR(got.turnover, 0.3, 1e-12);
    T_NEAR(got.spread, 0.009, 1e-12);
    T_NEAR(got.coverage, 0.95, 1e-12);
    T_NEAR(got.presumed_gone, 1.0 / 95.0, 1e-12);
    T_NEAR(got.monotonicity, 1.0, 1e-15);
    T_CHECK(got.har.b == 9 && got.nw.lag == 4); /* floor(.41*119^(2/3)) = 9, floor(119/10) = 11 */
    T_CHECK(qlab_metrics_of(m, N_DAYS, 20, 1).nw.lag == 19);
    T_CHECK(qlab_metrics_of(m, N_DAYS, 20, 5).nw.lag == 4); /* labels overlap in steps of five */
    T_CHECK(qlab_metrics_of(m, N_DAYS, 1, 1).nw.lag == 4);  /* the rule of thumb is longer */
    T_CHECK(qlab_metrics_of(m, N_DAYS, 20, 1).har.b == 4);
    const qlab_metrics none = qlab_metrics_of(m, 0, 5, 1);
    T_CHECK(isnan(none.ic.mean) && isnan(none.har.t) && isnan(none.coverage) &&
            isnan(none.presumed_gone) && isnan(none.monotonicity));
}

T_TEST(a_good_candidate_passes)
{
    qlab_library *lib = library(1);
    qlab_measure m[N_DAYS];

    good(m, 1);
    qlab_verdicts v = judge(lib, m);
    T_CHECK(v.at[0].passed && v.at[0].n_failed == 0 && v.at[0].first_failed == QLAB_GATE_COUNT);
    for (int g = 0; g < QLAB_GATE_COUNT; g++) {
        T_CHECK(v.at[0].gates[g].passed);
        T_STR(v.at[0].gates[g].reason, "OK");
        T_NEAR(v.at[0].gates[g].distance, 0.0, 0);
    }
    T_NEAR(v.at[0].bh_p, v.at[0].all.har.p, 0);
    qlab_verdicts_free(&v);
    qlab_library_free(lib);
}

/* Each way to fail fails its own gate, by the right distance. */
T_TEST(each_gate_fails_alone)
{
    static const char *const reasons[] = {"TURNOVER_HIGH", "COVERAGE_LOW", "PRESUMED_GONE_HIGH"};
    static const qlab_gate_id gates[] = {QLAB_GATE_TURNOVER, QLAB_GATE_COVERAGE,
                                         QLAB_GATE_PRESUMED_GONE};
    qlab_library *lib = library(1);
    qlab_measure m[N_DAYS];

    for (int k = 0; k < 3; k++) {
        good(m, 2);
        for (size_t i = 0; i < N_DAYS; i++) {
            m[i].turnover = k == 0 ? 0.7 : 0.3;
            m[i].n_pairs[1] = k == 1 ? 70 : 100;
            m[i].n_gone = k == 2 ? 5 : 1;
        }
        qlab_verdicts v = judge(lib, m);
        const qlab_gate *g = &v.at[0].gates[gates[k]];
        T_CHECK(!v.at[0].passed && v.at[0].n_failed == 1 && v.at[0].first_failed == gates[k]);
        T_CHECK(v.at[0].near_pass && !g->passed);
        T_STR(g->reason, reasons[k]);
        T_NEAR(g->distance, k == 0 ? 0.1 : k == 1 ? 0.1 : 0.03, 1e-12);
        qlab_verdicts_free(&v);
    }
    good(m, 2);
    for (size_t i = 0; i < 40; i++)
        m[i].ic[1] -= 0.08; /* the first fold is bad */
    qlab_verdicts v = judge(lib, m);
    T_STR(v.at[0].gates[QLAB_GATE_WORST_FOLD_IC].reason, "WORST_FOLD_IC_LOW");
    T_NEAR(v.at[0].worst_fold_ic, v.at[0].folds[0].ic.mean, 0);
    T_NEAR(v.at[0].share_folds_positive, 2.0 / 3.0, 1e-15);
    T_CHECK(v.at[0].gates[QLAB_GATE_SHARE_FOLDS_POSITIVE].passed);
    qlab_verdicts_free(&v);
    qlab_library_free(lib);
}

T_TEST(what_is_unknown_fails)
{
    qlab_library *lib = library(1);
    qlab_measure m[N_DAYS];

    good(m, 3);
    for (size_t i = 0; i < N_DAYS; i++) {
        m[i].ic[1] = NAN;
        m[i].turnover = NAN;
        m[i].n_universe = m[i].n_pairs[1] = 0;
    }
    qlab_verdicts v = judge(lib, m);
    T_CHECK(!v.at[0].passed && !v.at[0].near_pass && v.at[0].n_failed == QLAB_GATE_COUNT);
    for (int g = 0; g < QLAB_GATE_COUNT; g++)
        if (g != QLAB_GATE_SHARE_FOLDS_POSITIVE) {
            T_STR(v.at[0].gates[g].reason, "NO_VALUE");
            T_CHECK(isnan(v.at[0].gates[g].distance));
        }
    qlab_verdicts_free(&v);
    good(m, 3);
    for (size_t i = 0; i < 40; i++)
        m[i].ic[1] = NAN; /* one fold without any IC */
    v = judge(lib, m);
    T_CHECK(isnan(v.at[0].worst_fold_ic) && !v.at[0].passed);
    qlab_verdicts_free(&v);
    qlab_library_free(lib);
}

/* The false discovery rate is over all candidates of the run: company of noise makes it harder. */
T_TEST(fdr_over_the_run_and_order)
{
    enum { N = 40 };
    qlab_library *lib = library(N);
    qlab_measure *m = qlab_alloc(N * N_DAYS, sizeof *m);

    for (size_t c = 0; c < N; c++) {
        good(m + c * N_DAYS, 10 + c);
        for (size_t i = 0; i < N_DAYS; i++)
            m[c * N_DAYS + i].ic[1] = (c == 7   ? 0.016
                                       : c == 8 ? 0.2
                                                : 0.0) +
                                      0.08 * qlab_num_normal(20 + c, 0, i);
    }
    m[9 * N_DAYS].turnover =
        500.0; /* a strong one that fails comes after the weakest that passes */
    for (size_t i = 0; i < N_DAYS; i++)
        m[9 * N_DAYS + i].ic[1] += 0.4;
    qlab_verdicts v = judge(lib, m);
    T_CHECK(v.at[7].bh_p > v.at[7].all.har.p);
    T_CHECK(v.at[8].passed && v.at[8].rank == 1 && v.by_rank[0] == 8);
    T_CHECK(!v.at[9].passed && v.at[9].all.har.t > v.at[8].all.har.t && v.at[9].rank > 1);
    for (size_t r = 0; r < N; r++)
        T_CHECK(v.at[v.by_rank[r]].rank == r + 1);
    for (size_t r = 1; r < N; r++) {
        const qlab_verdict *a = &v.at[v.by_rank[r - 1]], *b = &v.at[v.by_rank[r]];
        T_CHECK(a->passed > b->passed || (a->passed == b->passed && a->all.har.t >= b->all.har.t));
    }
    qlab_verdicts_free(&v);
    qlab_free(m);
    qlab_library_free(lib);
}

/* One that gave no value was tried all the same: leaving it out would ease the test of the rest. */
T_TEST(fdr_counts_candidates_without_a_value)
{
    qlab_library *lib = library(2);
    qlab_measure m[2 * N_DAYS];

    good(m, 1);
    good(m + N_DAYS, 2);
    for (size_t i = 0; i < N_DAYS; i++)
        m[N_DAYS + i].ic[1] = NAN;
    qlab_verdicts v = judge(lib, m);
    T_NEAR(v.at[0].bh_p, 2.0 * v.at[0].all.har.p, 1e-18);
    T_CHECK(isnan(v.at[1].bh_p));
    T_STR(v.at[1].gates[QLAB_GATE_BH_Q].reason, "NO_VALUE");
    qlab_verdicts_free(&v);
    qlab_library_free(lib);
}

T_TEST(measured_size)
{
    size_t at;

    T_CHECK(isnan(qlab_har_measured_size(5, 62, &at)) && at == 0);
    T_CHECK(qlab_har_measured_size(20, 63, &at) > 0.08 && at == 63);
    T_CHECK(qlab_har_measured_size(20, 100000, &at) < 0.06 && at >= 630);
}

T_MAIN(T_CASE(metrics_of_a_series), T_CASE(a_good_candidate_passes), T_CASE(each_gate_fails_alone),
       T_CASE(what_is_unknown_fails), T_CASE(fdr_over_the_run_and_order),
       T_CASE(fdr_counts_candidates_without_a_value), T_CASE(measured_size))
