/* The bits of every kernel on one fixed input.  They are the same with gcc and clang, optimised or
 * not, with wide registers or without, under sanitizers and on any processor: a difference means
 * that results have changed, and CHANGELOG.md has to say so. */
#include "num/math.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "num/recur.h"
#include "num/roll.h"
#include "num/xsec.h"
#include "support/t.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N = 3000 };

static double close[N], high[N], low[N], volume[N], ret[N], out[N], more[N];
static uint32_t group[N];
static const qlab_f64v CLOSE = {close, N}, HIGH = {high, N}, LOW = {low, N}, VOLUME = {volume, N},
                       RET = {ret, N};
static const qlab_f64w OUT = {out, N}, MORE = {more, N};

static uint64_t fold(uint64_t h, const double *x)
{
    for (size_t i = 0; i < N; i++) {
        uint64_t u = 0x7ff8000000000000u; /* any NaN is the one NaN */
        if (!isnan(x[i]))
            memcpy(&u, &x[i], sizeof u);
        for (int b = 0; b < 64; b += 8)
            h = (h ^ ((u >> b) & 255)) * 0x100000001b3u; /* FNV-1a */
    }
    return h;
}

static uint64_t digest(void)
{
    return fold(0xcbf29ce484222325u, out);
}

static void make_input(void)
{
    double level = 100.0;
    for (size_t i = 0; i < N; i++) {
        const double u = qlab_rng_uniform(9, 0, i), v = qlab_rng_uniform(9, 1, i);
        ret[i] = i == 0 ? NAN : 0.04 * (u - 0.5) * (v < 0.02 ? 8.0 : 1.0);
        level *= i == 0 ? 1.0 : 1.0 + ret[i];
        close[i] = level;
        high[i] = level * (1.0 + 0.01 * v);
        low[i] = level * (1.0 - 0.01 * u);
        volume[i] = 1e5 * v;
        group[i] = (uint32_t)(i % 11);
    }
    close[1500] = NAN;
    volume[700] = NAN;
}

static void same(const char *what, uint64_t want)
{
    const uint64_t got = digest();
    if (got != want)
        fprintf(stderr, "    same(\"%s\", 0x%016" PRIx64 "u);\n", what, got);
    T_CHECK(got == want);
}

static void all_rolls(int step)
{
    switch (step) {
    case 0:
        qlab_roll_mean(CLOSE, 200, OUT);
        break;
    case 1:
        qlab_roll_std(CLOSE, 20, OUT);
        break;
    case 2:
        qlab_roll_zscore(CLOSE, 21, OUT);
        break;
    case 3:
        qlab_roll_skew(RET, 60, OUT);
        break;
    case 4:
        qlab_roll_max(CLOSE, 252, OUT);
        break;
    case 5:
        qlab_roll_weighted_mean(CLOSE, VOLUME, 20, OUT);
        break;
    case 6:
        qlab_roll_mean_present(CLOSE, 20, 15, OUT);
        break;
    default:
        qlab_roll_median(VOLUME, 60, OUT);
    }
}

T_TEST(rolling)
{
    static const uint64_t WANT[8] = {0xbf6fada4f2887c15u, 0x942f900d9a98921cu, 0xb155e824aee1d2adu,
                                     0xe49235788697aa6fu, 0xf2738e9154ec4942u, 0x86bd5c526cc99c3bu,
                                     0x7b054b8b89ba077fu, 0xf13186def2915456u};
    make_input();
    for (int step = 0; step < 8; step++) {
        char what[32];
        snprintf(what, sizeof what, "roll %d", step);
        all_rolls(step);
        same(what, WANT[step]);
    }
}

T_TEST(recursive)
{
    make_input();
    qlab_recur_rsi(CLOSE, 14, OUT);
    same("rsi", 0x5de251de8898af7au);
    qlab_recur_atr(HIGH, LOW, CLOSE, 14, OUT);
    same("atr", 0x54c0e0ab6388e26fu);
    qlab_recur_ewma_vol(RET, 60, OUT);
    same("ewma_vol", 0x369c1192d72ffa58u);
    qlab_recur_macd(CLOSE, 12, 26, 9, MORE, OUT);
    same("macd signal", 0x40c396af5afe141eu);
}

T_TEST(cross_section)
{
    void *scratch = qlab_alloc(1, qlab_xsec_scratch_bytes(N, 11, 2));
    const qlab_f64v by[2] = {VOLUME, HIGH};
    make_input();
    qlab_xsec_z(RET, group, 11, OUT, scratch);
    same("z", 0x0a0b60900174483bu);
    qlab_xsec_rank(VOLUME, NULL, 0, OUT, scratch);
    same("rank", 0x69c567399e878d08u);
    qlab_xsec_neutralize(RET, by, 2, group, 11, OUT, scratch);
    same("neutralize", 0x3aad0a6f980a3748u);
    qlab_free(scratch);
}

T_TEST(functions)
{
    make_input();
    for (size_t i = 0; i < N; i++)
        out[i] = qlab_num_log(volume[i]) + qlab_num_log1p(ret[i]) + qlab_num_pow(high[i], ret[i]);
    same("log log1p pow", 0x48dc63afdc80eaa5u);
    for (size_t i = 0; i < N; i++)
        out[i] = qlab_num_exp(100.0 * ret[i]) + qlab_num_cospi((int64_t)i * 7, 1001);
    same("exp cospi", 0x01ee71f95bfadcb1u);
    for (size_t i = 0; i < N; i++)
        out[i] = qlab_num_norm_cdf(50.0 * ret[i]) + qlab_num_norm_ppf(volume[i] * 1e-5);
    same("Phi and its inverse", 0xafe36200ce5d0779u);
    for (size_t i = 0; i < N; i++)
        out[i] = qlab_num_t_sf(80.0 * ret[i], (double)(i % 50 + 1)) + qlab_num_normal(1, 2, i);
    same("Student, normal deviates", 0x752a4f5a95facb2cu);
}

T_MAIN(T_CASE(rolling), T_CASE(recursive), T_CASE(cross_section), T_CASE(functions))
