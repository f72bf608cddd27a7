/* Shrinkage: by hand, against the definition summed date by date, its purpose, its edges. */
#include "stat/shrink.h"

#include "num/math.h"
#include "support/t.h"

#include <math.h>

enum { MOST = 30, ROWS = 200 };

static double x[MOST][ROWS], got[MOST * MOST], s[MOST][MOST];
static const double *column[MOST];

static void noise(size_t p, size_t n, double common, uint64_t seed)
{
    for (size_t i = 0; i < p; i++) {
        column[i] = x[i];
        for (size_t t = 0; t < n; t++)
            x[i][t] = 5.0 + (0.01 + 0.002 * (double)i) * (qlab_num_normal(seed, i, t) +
                                                          common * qlab_num_normal(seed, 99, t));
    }
}

/* Rows (1,0) (-1,0) (0,1) (0,-1): S = I/2 = m I, nothing to shrink.  Rows (2,0) (-2,0) (0,1)
 * (0,-1): S = diag(2, 1/2), m = 5/4, ||S - m I||^2 = 2 (3/4)^2 = 9/8; sum_t ||x_t x_t' - S||^2 =
 * 2 (4 + 1/4) + 2 (4 + 1/4) = 17, over n^2: 17/16; intensity (17/16)/(9/8) = 17/18. */
T_TEST(identity_by_hand)
{
    const double a[] = {2, -2, 0, 0}, b[] = {0, 0, 1, -1}, *two[] = {a, b};
    const double c[] = {1, -1, 0, 0}, *even[] = {c, b};
    const qlab_shrunk r = qlab_shrink(two, 2, 4, QLAB_SHRINK_IDENTITY, got);
    T_NEAR(r.intensity, 17.0 / 18.0, 1e-15);
    T_NEAR(r.mean_variance, 1.25, 0.0);
    T_NEAR(got[0], 2.0 / 18.0 + 1.25 * 17.0 / 18.0, 1e-15);
    T_NEAR(got[1], 0.0, 0.0);
    T_NEAR(got[3], 0.5 / 18.0 + 1.25 * 17.0 / 18.0, 1e-15);
    T_NEAR(qlab_shrink(even, 2, 4, QLAB_SHRINK_IDENTITY, got).intensity, 0.0, 0.0);
    T_NEAR(got[0], 0.5, 0.0);
}

/* pi, rho, gamma as sums over dates. */
static double slow_intensity(size_t p, size_t n, qlab_shrink_target target)
{
    double mean[MOST], m = 0.0, r = 0.0, above = 0.0, apart = 0.0;
    for (size_t i = 0; i < p; i++) {
        mean[i] = 0.0;
        for (size_t t = 0; t < n; t++)
            mean[i] += x[i][t] / (double)n;
    }
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < p; j++) {
            s[i][j] = 0.0;
            for (size_t t = 0; t < n; t++)
                s[i][j] += (x[i][t] - mean[i]) * (x[j][t] - mean[j]) / (double)n;
        }
    for (size_t i = 0; i < p; i++)
        m += s[i][i] / (double)p;
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < p; j++)
            r += i == j ? 0.0 : s[i][j] / sqrt(s[i][i] * s[j][j]) / (double)(p * (p - 1));
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < p; j++) {
            const bool identity = target == QLAB_SHRINK_IDENTITY;
            const double to = identity ? (i == j ? m : 0.0)
                              : i == j ? s[i][i]
                                       : r * sqrt(s[i][i] * s[j][j]);
            apart += (s[i][j] - to) * (s[i][j] - to);
            for (size_t t = 0; t < n; t++) {
                const double di = x[i][t] - mean[i], dj = x[j][t] - mean[j];
                const double e = di * dj - s[i][j];
                above += e * e / (double)n;
                if (identity)
                    continue;
                above -= i == j ? e * e / (double)n
                                : r / 2.0 / (double)n * e *
                                      (sqrt(s[j][j] / s[i][i]) * (di * di - s[i][i]) +
                                       sqrt(s[i][i] / s[j][j]) * (dj * dj - s[j][j]));
            }
        }
    const double k = above / apart / (double)n;
    return k > 1.0 ? 1.0 : k > 0.0 ? k : 0.0;
}

T_TEST(the_same_as_the_definition)
{
    static const struct {
        size_t p, n;
        double common;
    } SHAPE[] = {{3, 50, 0.5}, {7, 33, 1.0}, {30, 20, 0.7}, {12, 200, 0.0}, {30, 199, 2.0}};
    for (size_t k = 0; k < 5; k++)
        for (int target = 0; target < 2; target++) {
            const size_t p = SHAPE[k].p;
            noise(p, SHAPE[k].n, SHAPE[k].common, k);
            const double want = slow_intensity(p, SHAPE[k].n, (qlab_shrink_target)target);
            const qlab_shrunk r =
                qlab_shrink(column, p, SHAPE[k].n, (qlab_shrink_target)target, got);
            T_NEAR(r.intensity, want, 1e-9);
            for (size_t i = 0; i < p; i++)
                for (size_t j = 0; j < p; j++) {
                    const double to = target == 0 ? (i == j ? r.mean_variance : 0.0)
                                      : i == j    ? s[i][i]
                                                  : r.mean_correlation * sqrt(s[i][i] * s[j][j]);
                    T_NEAR(got[i * p + j], (1.0 - want) * s[i][j] + want * to, 1e-12);
                    T_CHECK(got[i * p + j] == got[j * p + i]);
                }
        }
}

/* True covariance: that of noise(); squared error summed over entries. */
static double error_of(const double *c, size_t p, double common)
{
    double sum = 0.0;
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < p; j++) {
            const double a = 0.01 + 0.002 * (double)i, b = 0.01 + 0.002 * (double)j;
            const double e = c[i * p + j] - a * b * (common * common + (i == j ? 1.0 : 0.0));
            sum += e * e;
        }
    return sum;
}

T_TEST(the_shrunk_is_nearer_to_the_truth)
{
    double plain = 0.0, identity = 0.0, constant = 0.0;
    for (uint64_t seed = 0; seed < 30; seed++) {
        noise(MOST, 40, 1.0, 50 + seed);
        (void)slow_intensity(MOST, 40, QLAB_SHRINK_IDENTITY);
        plain += error_of(s[0], MOST, 1.0);
        qlab_shrink(column, MOST, 40, QLAB_SHRINK_IDENTITY, got);
        identity += error_of(got, MOST, 1.0);
        qlab_shrink(column, MOST, 40, QLAB_SHRINK_CONSTANT_CORRELATION, got);
        constant += error_of(got, MOST, 1.0);
    }
    T_CHECK(identity < plain);
    T_CHECK(constant < 0.9 * plain && constant < identity);
}

T_TEST(the_degenerate_is_defined)
{
    noise(3, 50, 0.5, 4);
    qlab_shrunk r = qlab_shrink(column, 1, 50, QLAB_SHRINK_CONSTANT_CORRELATION, got);
    T_CHECK(r.intensity == 0.0 && isnan(r.mean_correlation) && got[0] > 0.0);
    T_CHECK(qlab_shrink(column, 1, 50, QLAB_SHRINK_IDENTITY, got).intensity == 0.0);
    r = qlab_shrink(column, 3, 1, QLAB_SHRINK_IDENTITY, got);
    T_CHECK(isnan(r.intensity) && isnan(got[8]));
    T_CHECK(isnan(qlab_shrink(column, 0, 50, QLAB_SHRINK_IDENTITY, got).intensity));
    for (uint64_t seed = 0; seed < 20; seed++) { /* the only correlation is the mean one */
        noise(3, 50, 0.5, seed);
        r = qlab_shrink(column, 2, 50, QLAB_SHRINK_CONSTANT_CORRELATION, got);
        T_CHECK(r.intensity == 0.0);
    }
    const double alone = got[1];
    for (size_t t = 0; t < 50; t++)
        x[2][t] = 0.1; /* never varies */
    r = qlab_shrink(column, 3, 50, QLAB_SHRINK_CONSTANT_CORRELATION, got);
    T_CHECK(r.intensity == 0.0 && got[1] == alone && got[2] == 0.0 && got[8] == 0.0);
    r = qlab_shrink(column, 3, 50, QLAB_SHRINK_IDENTITY, got);
    T_CHECK(r.intensity > 0.0 && r.intensity < 1.0 && got[8] > 0.0);
    for (size_t i = 0; i < 3; i++)
        for (size_t t = 0; t < 50; t++)
            x[i][t] = 0.1;
    for (int target = 0; target < 2; target++) {
        r = qlab_shrink(column, 3, 50, (qlab_shrink_target)target, got);
        T_CHECK(r.intensity == 0.0 && got[0] == 0.0 && got[1] == 0.0);
    }
}

T_MAIN(T_CASE(identity_by_hand), T_CASE(the_same_as_the_definition),
       T_CASE(the_shrunk_is_nearer_to_the_truth), T_CASE(the_degenerate_is_defined))
