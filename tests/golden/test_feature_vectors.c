/* golden/vectors.md, "Indicators", through the catalogue: the columns, not the kernels alone. */
#include "feature/kernels.h"
#include "num/math.h"
#include "support/t.h"

#include <math.h>

enum { N = 300 };

static double price[N], volume[N], money[N], usd[N], ret[N], logret[N], tmp[3][N];
static int32_t date[N];
static uint32_t session[N], flags[N];
static double values[QLAB_FEATURE_COUNT][N];
static double *columns[QLAB_FEATURE_COUNT];

/* The house price path as one asset's bars, all columns run over it. */
static void run_catalogue(void)
{
    const qlab_catalogue *c = qlab_catalogue_builtin();
    price[0] = 100.0;
    volume[0] = 1000.0;
    for (long i = 1; i < N; i++) {
        price[i] =
            price[i - 1] * (1.0 + (double)((i * i * 7919 + i * 104729) % 2001 - 1000) / 40000.0);
        volume[i] = 1000.0 + (double)((31 * i * i + 17 * i) % 977);
    }
    ret[0] = logret[0] = NAN;
    for (size_t i = 0; i < N; i++) {
        money[i] = price[i] * volume[i];
        usd[i] = 1.0;
        date[i] = 15000 + (int32_t)i;
        session[i] = (uint32_t)i;
        if (i > 0) {
            ret[i] = price[i] / price[i - 1] - 1;
            logret[i] = qlab_num_log(price[i]) - qlab_num_log(price[i - 1]);
        }
    }
    const qlab_frame f = {.n = N,
                          .date = date,
                          .open = price,
                          .high = price,
                          .low = price,
                          .close = price,
                          .volume = volume,
                          .money = money,
                          .ret_1d = ret,
                          .logret = logret,
                          .session = session,
                          .flags = flags,
                          .usd = usd,
                          .tmp = {tmp[0], tmp[1], tmp[2]}};
    for (size_t k = 0; k < c->n; k++)
        columns[k] = values[k];
    qlab_err err = QLAB_ERR_INIT;
    uint64_t all;
    T_OK(qlab_catalogue_select(c, NULL, &all, &err));
    qlab_catalogue_run(c, all, &f, 0, columns);
}

T_TEST(rsi_14)
{
    run_catalogue();
    T_NEAR(values[RSI_14][14], 57.192860804535, 57e-9);
    T_NEAR(values[RSI_14][15], 57.489766676074, 57e-9);
    T_CHECK(isnan(values[RSI_14][13]));
}

T_TEST(distance_to_vwap_20)
{
    run_catalogue();
    T_NEAR(values[DIST_VWAP_20][299], -0.013732734557, 1e-11);
}

T_TEST(momentum_252_21)
{
    run_catalogue();
    T_NEAR(values[MOM_252_21][299], -0.043897820896, 1e-12);
    T_CHECK(isnan(values[MOM_252_21][251]) && !isnan(values[MOM_252_21][252]));
}

/* The first row with a value is the lookback, for every column of numbers. */
T_TEST(lookback_is_what_the_table_says)
{
    run_catalogue();
    const qlab_catalogue *c = qlab_catalogue_builtin();
    for (size_t k = 0; k < c->n; k++) {
        if (!c->at[k].kernel)
            continue;
        for (size_t i = 0; i < N; i++)
            if (isnan(values[k][i]) != (i < c->at[k].lookback))
                fail_msg("%s at row %zu, lookback %u", c->at[k].name, i, c->at[k].lookback);
    }
}

T_MAIN(T_CASE(rsi_14), T_CASE(distance_to_vwap_20), T_CASE(momentum_252_21),
       T_CASE(lookback_is_what_the_table_says))
