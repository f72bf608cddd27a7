/* Probability of backtest overfitting: by hand, against a slow loop, and at its edges. */
#include "stat/pbo.h"

#include "num/math.h"
#include "stat/cpcv.h"
#include "stat/moments.h"
#include "support/t.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_MODELS = 12, MOST_ROWS = 700 };

static double x[MOST_MODELS][MOST_ROWS];
static const double *column[MOST_MODELS];

static void noise(size_t n_models, size_t n_rows, uint64_t seed)
{
    for (size_t m = 0; m < n_models; m++) {
        column[m] = x[m];
        for (size_t t = 0; t < n_rows; t++)
            x[m][t] = 0.01 * qlab_num_normal(seed, m, t);
    }
}

/* Four rows in two blocks.  In the first block a has ratio 2/sqrt(2), b has -1/sqrt(2); in the
 * second a has 1/sqrt(2) and b 3/sqrt(2).  Block 1 inside: a is chosen and is the worse of two
 * outside, w = 1/3; block 2 inside: b, likewise.  So both logits are ln(1/2). */
T_TEST(by_hand)
{
    const double a[] = {1, 3, 0, 2}, b[] = {-2, 0, 2, 4}, *both[] = {a, b};
    uint64_t chosen[2];
    const qlab_pbo p = qlab_pbo_of(both, 2, 4, 2, chosen);
    T_CHECK(p.n_halves == 2 && chosen[0] == 1 && chosen[1] == 1);
    T_NEAR(p.pbo, 1.0, 0.0);
    T_NEAR(p.mean_logit, -0.69314718055994531, 1e-15);
    T_NEAR(p.prob_loss, 0.5, 0.0); /* b in the first block */
    /* (in, out) = (2, 1)/sqrt 2 and (3, -1)/sqrt 2 */
    T_NEAR(p.slope, -2.0, 1e-12);
    T_NEAR(p.intercept, 5.0 / sqrt(2.0), 1e-12);
    T_NEAR(p.mean_is, 2.5 / sqrt(2.0), 1e-14);
    T_NEAR(p.mean_oos, 0.0, 1e-14);
}

static double half_ratio(const double *v, size_t n_rows, size_t n_blocks, uint32_t mask)
{
    static double part[MOST_ROWS];
    size_t n = 0;
    for (size_t b = 0; b < n_blocks; b++) {
        size_t from, to;
        qlab_cpcv_group(n_rows, (uint32_t)n_blocks, (uint32_t)b, &from, &to);
        for (; mask >> b & 1 && from < to; from++)
            part[n++] = v[from];
    }
    const qlab_moments m = qlab_moments_of((qlab_f64v){part, n});
    return m.std > 0.0 ? m.mean / m.std : 0.0;
}

static qlab_pbo slow(size_t n_models, size_t n_rows, size_t n_blocks)
{
    qlab_pbo r = {0};
    double is_is = 0.0, is_oos = 0.0;
    const uint32_t all = (1u << n_blocks) - 1;
    for (uint32_t mask = 0; mask <= all; mask++) {
        double in[MOST_MODELS] = {0}, out[MOST_MODELS] = {0}, rank = 0.5;
        size_t best = 0;
        if ((size_t)__builtin_popcount(mask) != n_blocks / 2)
            continue;
        for (size_t m = 0; m < n_models; m++) {
            in[m] = half_ratio(x[m], n_rows, n_blocks, mask);
            out[m] = half_ratio(x[m], n_rows, n_blocks, all ^ mask);
            best = in[m] > in[best] ? m : best;
        }
        for (size_t m = 0; m < n_models; m++)
            rank += out[m] < out[best] ? 1.0 : out[m] == out[best] ? 0.5 : 0.0;
        const double w = rank / (double)(n_models + 1), logit = log(w / (1.0 - w));
        r.n_halves++;
        r.pbo += w <= 0.5;
        r.prob_loss += out[best] < 0.0;
        r.mean_logit += logit;
        r.mean_is += in[best];
        r.mean_oos += out[best];
        is_is += in[best] * in[best];
        is_oos += in[best] * out[best];
    }
    const double n = (double)r.n_halves;
    r.pbo /= n;
    r.prob_loss /= n;
    r.mean_logit /= n;
    r.mean_is /= n;
    r.mean_oos /= n;
    r.slope = (is_oos / n - r.mean_is * r.mean_oos) / (is_is / n - r.mean_is * r.mean_is);
    return r;
}

T_TEST(the_same_as_a_slow_loop)
{
    static const size_t shape[][3] = {{5, 100, 6}, {12, 233, 8}, {2, 40, 4}, {7, 640, 10}};
    for (size_t i = 0; i < 4; i++) {
        noise(shape[i][0], shape[i][1], 10 + i);
        if (i == 1)
            memcpy(x[3], x[2], sizeof x[2]); /* ties */
        const qlab_pbo want = slow(shape[i][0], shape[i][1], shape[i][2]);
        const qlab_pbo got = qlab_pbo_of(column, shape[i][0], shape[i][1], shape[i][2], NULL);
        T_CHECK(got.n_halves == want.n_halves);
        T_NEAR(got.pbo, want.pbo, 1e-15);
        T_NEAR(got.prob_loss, want.prob_loss, 1e-15);
        T_NEAR(got.mean_logit, want.mean_logit, 1e-12);
        T_NEAR(got.slope, want.slope, 1e-9);
        T_NEAR(got.mean_is, want.mean_is, 1e-12);
        T_NEAR(got.mean_oos, want.mean_oos, 1e-12);
    }
}

T_TEST(noise_is_a_coin_and_skill_is_not)
{
    double sum = 0.0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        noise(MOST_MODELS, 320, 100 + seed);
        sum += qlab_pbo_of(column, MOST_MODELS, 320, 8, NULL).pbo;
    }
    /* One dataset's PBO has a standard deviation of 0.22. */
    T_NEAR(sum / 60.0, 0.5, 0.1);
    for (size_t t = 0; t < 320; t++)
        x[4][t] += 0.01;
    const qlab_pbo p = qlab_pbo_of(column, MOST_MODELS, 320, 8, NULL);
    T_NEAR(p.pbo, 0.0, 0.0);
    T_NEAR(p.prob_loss, 0.0, 0.0);
}

T_TEST(level_costs_no_digits_and_flat_halves_have_no_ratio)
{
    noise(4, 160, 7);
    for (size_t t = 0; t < 160; t++)
        x[1][t] = 0.3; /* never varies */
    for (size_t t = 0; t < 80; t++)
        x[2][t] = 0.1; /* not before the second half: it must not look sure */
    const qlab_pbo want = slow(4, 160, 4), got = qlab_pbo_of(column, 4, 160, 4, NULL);
    T_NEAR(got.pbo, want.pbo, 0.0);
    T_NEAR(got.mean_logit, want.mean_logit, 1e-13);
    T_NEAR(got.mean_oos, want.mean_oos, 1e-13);
    for (size_t m = 0; m < 4; m++) /* all the same: every rank is the middle */
        for (size_t t = 0; t < 160; t++)
            x[m][t] = 0.1;
    const qlab_pbo flat = qlab_pbo_of(column, 4, 160, 4, NULL);
    T_NEAR(flat.pbo, 1.0, 0.0);
    T_NEAR(flat.mean_logit, 0.0, 0.0);
    T_CHECK(isnan(flat.slope) && isnan(flat.intercept) && flat.prob_loss == 0.0);
}

T_TEST(the_degenerate_is_null)
{
    noise(3, 100, 1);
    T_CHECK(isnan(qlab_pbo_of(column, 1, 100, 4, NULL).pbo));
    T_CHECK(isnan(qlab_pbo_of(column, 3, 7, 4, NULL).pbo));
    T_CHECK(!isnan(qlab_pbo_of(column, 3, 8, 4, NULL).pbo));
    T_CHECK(isnan(qlab_pbo_of(column, 0, 0, 4, NULL).prob_loss));
    T_CHECK(qlab_pbo_of(column, 3, 100, 16, NULL).n_halves == 12870);
}

T_MAIN(T_CASE(by_hand), T_CASE(the_same_as_a_slow_loop), T_CASE(noise_is_a_coin_and_skill_is_not),
       T_CASE(level_costs_no_digits_and_flat_halves_have_no_ratio), T_CASE(the_degenerate_is_null))
