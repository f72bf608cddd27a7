/* The gate on the selection process (METHODS 8: fails when PBO > 0.20 and the probability of loss >
 * 0.10) on what it must tell apart: 33 models with a true annual Sharpe ratio of 2 and correlation
 * 0.9, which hardly differ, so that PBO alone would condemn them; and 33 worthless ones. */
#include "num/math.h"
#include "stat/pbo.h"
#include "support/t.h"

#include <math.h>
#include <stdio.h>

enum { N_MODELS = 33, N_ROWS = 1250, DATASETS = 100 };

static double x[N_MODELS][N_ROWS];

typedef struct outcome {
    size_t rejected, pbo_alone;
    double pbo, loss;
} outcome;

static outcome judge(uint64_t seed, double annual_sharpe, double correlation)
{
    const double *column[N_MODELS], drift = annual_sharpe / sqrt(252.0);
    outcome r = {0};
    for (uint64_t d = 0; d < DATASETS; d++) {
        for (size_t m = 0; m < N_MODELS; m++) {
            column[m] = x[m];
            for (size_t t = 0; t < N_ROWS; t++)
                x[m][t] =
                    drift +
                    sqrt(correlation) * qlab_num_normal(seed, d * (N_MODELS + 1) + N_MODELS, t) +
                    sqrt(1.0 - correlation) * qlab_num_normal(seed, d * (N_MODELS + 1) + m, t);
        }
        const qlab_pbo p = qlab_pbo_of(column, N_MODELS, N_ROWS, 16, NULL);
        r.rejected += p.pbo > 0.20 && p.prob_loss > 0.10;
        r.pbo_alone += p.pbo > 0.20;
        r.pbo += p.pbo / DATASETS;
        r.loss += p.prob_loss / DATASETS;
    }
    return r;
}

static void tell(const char *what, const outcome *o)
{
    printf("%s: rejected in %zu of %d datasets (by PBO alone %zu), mean PBO %.3f, mean probability "
           "of loss %.3f\n",
           what, o->rejected, (int)DATASETS, o->pbo_alone, o->pbo, o->loss);
}

T_TEST(good_and_alike_is_not_worthless)
{
    const outcome good = judge(1, 2.0, 0.9), noise = judge(2, 0.0, 0.0);
    tell("Sharpe 2, correlation 0.9", &good);
    tell("noise", &noise);
    T_CHECK(good.rejected <= 2);
    T_CHECK(good.pbo_alone > DATASETS / 2); /* why the gate asks for both */
    T_CHECK(noise.rejected >= 9 * DATASETS / 10);
    T_NEAR(noise.pbo, 0.5, 0.07); /* standard error of the mean about 0.02 */
}

T_MAIN(T_CASE(good_and_alike_is_not_worthless))
