/* The t of the mean IC on pure noise: 1,000 candidates, 1,000 sessions, daily rank autocorrelation
 * 0.98, labels of h = 1, 5, 20 sessions.  The share of p < 0.05 must lie inside the binomial 99 %
 * interval.  The share under Newey-West is printed beside it (it over-rejects at h > 1).
 *
 * The table of docs/methods/har.md and of stage_a/size.c is what this program prints with
 * QLAB_HAR_CANDIDATES=8000: the first 63, 126, ... sessions of each series are a shorter one.
 *
 * A market serves ten candidates and there are a hundred: given one market's labels the candidates'
 * ICs are independent of each other, but the size then depends a little on that market. */
#include "base/alloc.h"
#include "num/math.h"
#include "num/rank.h"
#include "stat/har.h"
#include "support/t.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    N_NAMES = 40,
    N_SESSIONS = 1000,
    N_CANDIDATES = 1000,
    PER_MARKET = 10,
    N_HORIZONS = 3,
    N_LENGTHS = 5,
    LONGEST = 20
};

static const size_t LENGTH[N_LENGTHS] = {63, 126, 315, 630, N_SESSIONS};

static const size_t HORIZON[N_HORIZONS] = {1, 5, 20};
static const double RANK_AUTOCORRELATION = 0.98;
static const uint64_t SEED = 1;

typedef struct market {
    qlab_ranked label[N_HORIZONS][N_SESSIONS];
    uint32_t rank2[N_HORIZONS][N_SESSIONS][N_NAMES], order[N_HORIZONS][N_SESSIONS][N_NAMES];
    double score[N_NAMES], label_sum[N_NAMES];
    double returns[N_SESSIONS + LONGEST][N_NAMES];
    double ic[N_HORIZONS][N_SESSIONS];
    void *scratch;
} market;

static void make_labels(market *m, uint64_t which)
{
    for (size_t t = 0; t < N_SESSIONS + LONGEST; t++)
        for (size_t a = 0; a < N_NAMES; a++)
            m->returns[t][a] = qlab_num_normal(SEED + 1, which, t * N_NAMES + a);
    for (size_t h = 0; h < N_HORIZONS; h++) {
        for (size_t t = 0; t < N_SESSIONS; t++) {
            for (size_t a = 0; a < N_NAMES; a++) {
                m->label_sum[a] = 0.0;
                for (size_t k = 0; k < HORIZON[h]; k++)
                    m->label_sum[a] += m->returns[t + k][a];
            }
            qlab_rank_cache(m->label_sum, N_NAMES, m->rank2[h][t], m->order[h][t], m->scratch,
                            &m->label[h][t]);
        }
    }
}

/* Pearson's r of a Gaussian pair whose Spearman's rho over n names is 0.98 on average:
 * E rho = 6/(pi (n+1)) [asin r + (n-2) asin(r/2)] (Moran 1948). */
static double pearson_for(double rho, double n)
{
    double lo = 0.0, hi = 1.0;
    for (int i = 0; i < 60; i++) {
        const double r = 0.5 * (lo + hi);
        const double mean =
            6.0 / (3.14159265358979323846 * (n + 1.0)) * (asin(r) + (n - 2.0) * asin(0.5 * r));
        if (mean < rho)
            lo = r;
        else
            hi = r;
    }
    return lo;
}

/* Scores are Gaussian AR(1), independent across names. */
static void make_ics(market *m, uint64_t candidate, double *rank_autocorrelation)
{
    const double r = pearson_for(RANK_AUTOCORRELATION, N_NAMES), fresh = sqrt(1.0 - r * r);
    double before[N_NAMES];

    for (size_t t = 0; t < N_SESSIONS; t++) {
        for (size_t a = 0; a < N_NAMES; a++) {
            const double z = qlab_num_normal(SEED, candidate, t * N_NAMES + a);
            before[a] = m->score[a];
            m->score[a] = t == 0 ? z : r * m->score[a] + fresh * z;
        }
        for (size_t h = 0; h < N_HORIZONS; h++)
            m->ic[h][t] = qlab_rank_spearman_cached(m->score, &m->label[h][t], m->scratch).rho;
        if (candidate <= 10 && t > 0)
            *rank_autocorrelation += qlab_rank_spearman(m->score, before, N_NAMES, m->scratch).rho /
                                     (10.0 * (N_SESSIONS - 1));
    }
}

/* Counts whose lower and upper tails each hold at most 0.5 % under Binomial(n, p). */
static void interval_99(double n, double p, size_t *lo, size_t *hi)
{
    *lo = 0;
    while (1.0 - qlab_num_beta_inc((double)*lo + 1.0, n - (double)*lo, p) < 0.005)
        (*lo)++; /* P(X <= lo) = 1 - I_p(lo + 1, n - lo) */
    *hi = *lo;
    while (qlab_num_beta_inc((double)*hi + 1.0, n - (double)*hi, p) > 0.005)
        (*hi)++; /* P(X > hi) */
}

T_TEST(size_of_the_t_of_the_mean_ic)
{
    market *m = qlab_alloc(1, sizeof *m);
    size_t har[N_LENGTHS][N_HORIZONS] = {{0}}, nw[N_LENGTHS][N_HORIZONS] = {{0}}, lo, hi;
    const char *asked = getenv("QLAB_HAR_CANDIDATES");
    const uint64_t n = asked ? (uint64_t)strtoul(asked, NULL, 10) : N_CANDIDATES;
    const size_t *at_full = har[N_LENGTHS - 1];
    double autocorrelation = 0.0;

    m->scratch = qlab_alloc(1, qlab_rank_scratch_bytes(N_NAMES));
    for (uint64_t c = 1; c <= n; c++) {
        if (c % PER_MARKET == 1)
            make_labels(m, c);
        make_ics(m, c, &autocorrelation);
        for (size_t l = 0; l < N_LENGTHS; l++)
            for (size_t h = 0; h < N_HORIZONS; h++) {
                const qlab_f64v ic = {m->ic[h], LENGTH[l]};
                har[l][h] += qlab_har_mean(ic, HORIZON[h]).p < 0.05;
                nw[l][h] += qlab_newey_west_mean(ic, HORIZON[h] - 1).p < 0.05;
            }
    }
    interval_99((double)n, 0.05, &lo, &hi);
    printf("rank autocorrelation %.4f; p < 0.05 in %d candidates, 99 %% interval %zu to %zu\n",
           autocorrelation, (int)n, lo, hi);
    for (size_t l = 0; l < N_LENGTHS; l++)
        for (size_t h = 0; h < N_HORIZONS; h++)
            printf("  T = %4zu, h = %2zu: HAR %zu (%.4f), Newey-West (lag h-1) %zu (%.4f)\n",
                   LENGTH[l], HORIZON[h], har[l][h], (double)har[l][h] / (double)n, nw[l][h],
                   (double)nw[l][h] / (double)n);
    T_NEAR(autocorrelation, RANK_AUTOCORRELATION, 0.002);
    for (size_t h = 0; h < N_HORIZONS; h++)
        T_CHECK(at_full[h] >= lo && at_full[h] <= hi);
    qlab_free(m->scratch);
    qlab_free(m);
}

T_MAIN(T_CASE(size_of_the_t_of_the_mean_ic))
