/* Functions over the past against slow loops; slices equal the whole, the future changes nothing,
 * and names read back. */
#include "support/t.h"
#include "num/past.h"

#include "base/rng.h"
#include "num/math.h"
#include <math.h>
#include <string.h>

enum { N = 400 };

static void make(uint64_t seed, double *x)
{
    for (size_t i = 0; i < N; i++) {
        const double u = qlab_rng_uniform(seed, 0, i);
        x[i] = u < 0.004 ? NAN
               : u < 0.3 ? floor(3 * qlab_num_normal(seed, 1, i)) /* ties */
                         : 1000 + qlab_num_normal(seed, 2, i);
        if (i >= 100 && i < 140)
            x[i] = 7.25; /* a constant stretch */
    }
}

static double slow(qlab_past_op op, size_t k, const double *a, const double *b, size_t i)
{
    const bool back = op == QLAB_PAST_LAG || op == QLAB_PAST_DELTA;
    const size_t first = back ? i - k : i + 1 - k;
    double mean = 0, mb = 0, ss = 0, sb = 0, ab = 0, low = INFINITY, high = -INFINITY, r = 0;

    if (back ? i < k : i + 1 < k)
        return NAN;
    if (op == QLAB_PAST_LAG)
        return a[first];
    if (op == QLAB_PAST_DELTA)
        return a[i] - a[first];
    for (size_t j = first; j <= i; j++) {
        if (isnan(a[j]) || (op == QLAB_PAST_CORR && isnan(b[j])))
            return NAN;
        mean += a[j] / (double)k;
        mb += b[j] / (double)k;
        low = a[j] < low ? a[j] : low;
        high = a[j] > high ? a[j] : high;
        r += a[j] < a[i] ? 1.0 : a[j] > a[i] ? 0.0 : 0.5;
    }
    for (size_t j = first; j <= i; j++) {
        ss += (a[j] - mean) * (a[j] - mean);
        sb += (b[j] - mb) * (b[j] - mb);
        ab += (a[j] - mean) * (b[j] - mb);
    }
    switch (op) {
    case QLAB_PAST_MEAN:
        return mean;
    case QLAB_PAST_STD:
        return sqrt(ss / (double)(k - 1));
    case QLAB_PAST_MIN:
        return low;
    case QLAB_PAST_MAX:
        return high;
    case QLAB_PAST_RANK:
        return r / (double)k;
    default:
        return ss > 1e-9 && sb > 1e-9 ? ab / sqrt(ss * sb) : NAN;
    }
}

static const uint32_t BARS[] = {1, 2, 3, 5, 20, 60, 252};
enum { N_BARS = sizeof BARS / sizeof BARS[0] };

T_TEST(equal_slow_loops)
{
    double a[N], b[N], out[N];
    size_t n_values = 0;

    make(1, a);
    make(2, b);
    for (int op = 0; op < QLAB_PAST_OPS; op++)
        for (size_t j = 0; j < N_BARS; j++) {
            if (BARS[j] < qlab_past_min_bars((qlab_past_op)op))
                continue;
            qlab_past_run((qlab_past_op)op, BARS[j], (qlab_f64v){a, N}, (qlab_f64v){b, N},
                          (qlab_f64w){out, N});
            for (size_t i = 0; i < N; i++) {
                const double want = slow((qlab_past_op)op, BARS[j], a, b, i);
                T_NEAR(out[i], want, 1e-9 * (1.0 + fabs(want)));
                n_values += isnan(want) ? 0 : 1;
            }
        }
    T_CHECK(n_values > 5000);
}

T_TEST(slices_equal_the_whole_and_the_future_changes_nothing)
{
    double a[N], b[N], c[N], d[N], whole[N], part[N];

    make(3, a);
    make(4, b);
    for (int op = 0; op < QLAB_PAST_OPS; op++)
        for (size_t j = 0; j < N_BARS; j++) {
            const uint32_t k = BARS[j];
            if (k < qlab_past_min_bars((qlab_past_op)op))
                continue;
            qlab_past_run((qlab_past_op)op, k, (qlab_f64v){a, N}, (qlab_f64v){b, N},
                          (qlab_f64w){whole, N});
            const size_t lead = qlab_past_lead((qlab_past_op)op, k);
            for (size_t first = lead; first < N; first += 37) {
                const size_t from = first - lead, n = N - from;
                qlab_past_run((qlab_past_op)op, k, (qlab_f64v){a + from, n},
                              (qlab_f64v){b + from, n}, (qlab_f64w){part, n});
                for (size_t i = first; i < N; i++)
                    T_CHECK(isnan(whole[i]) ? isnan(part[i - from])
                                            : memcmp(&whole[i], &part[i - from], 8) == 0);
            }
            for (size_t cut = 50; cut < N; cut += 83) {
                for (size_t i = 0; i < N; i++) {
                    c[i] = i <= cut ? a[i] : 1e30;
                    d[i] = i <= cut ? b[i] : NAN;
                }
                qlab_past_run((qlab_past_op)op, k, (qlab_f64v){c, N}, (qlab_f64v){d, N},
                              (qlab_f64w){part, N});
                for (size_t i = 0; i <= cut; i++)
                    T_CHECK(isnan(whole[i]) ? isnan(part[i]) : memcmp(&whole[i], &part[i], 8) == 0);
            }
        }
}

T_TEST(names)
{
    static const struct {
        const char *name, *first, *second;
        qlab_past_op op;
        uint32_t bars;
    } good[] = {
        {"ts_mean_20__ret_1d", "ret_1d", "", QLAB_PAST_MEAN, 20},
        {"lag_252__close", "close", "", QLAB_PAST_LAG, 252},
        {"delta_1__a", "a", "", QLAB_PAST_DELTA, 1},
        {"ts_corr_60__ret_1d__turnover_ratio", "ret_1d", "turnover_ratio", QLAB_PAST_CORR, 60}};
    static const char *const bad[] = {"close",
                                      "ts_mean",
                                      "ts_mean_20",
                                      "ts_mean_20__",
                                      "ts_mean__ret_1d",
                                      "ts_mean_020__close",
                                      "ts_mean_1__close",
                                      "ts_mean_253__close",
                                      "ts_mean_20_close",
                                      "ts_mean_20__a__b",
                                      "ts_corr_20__a",
                                      "ts_median_20__a",
                                      "lag_0__a",
                                      "lag_99999999999__a",
                                      "xlag_5__a"};
    char name[QLAB_PAST_NAME_BYTES];
    qlab_past p;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        T_CHECK(qlab_past_parse(qlab_str_of(good[i].name), &p));
        T_CHECK(p.op == good[i].op && p.bars == good[i].bars);
        T_CHECK(qlab_str_eq(p.column[0], qlab_str_of(good[i].first)));
        T_CHECK(qlab_str_eq(p.column[1], qlab_str_of(good[i].second)));
        T_CHECK(qlab_past_name(&p, name));
        T_STR(name, good[i].name);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        T_CHECK(!qlab_past_parse(qlab_str_of(bad[i]), &p));
}

T_MAIN(T_CASE(equal_slow_loops), T_CASE(slices_equal_the_whole_and_the_future_changes_nothing),
       T_CASE(names))
