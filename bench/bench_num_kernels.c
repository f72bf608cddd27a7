/* bench_num_kernels -- rows a second of the kernels over one long column, beside the obvious loop.
 *
 *   bench_num_kernels [rows [rounds]]       1000000 rows, 7 rounds; medians, in one run, by turns
 */
#include "base/alloc.h"
#include "num/math.h"
#include "num/recur.h"
#include "num/roll.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MAX_ROUNDS = 101, N_KERNELS = 12 };

typedef struct column {
    size_t n;
    double *close, *high, *low, *volume, *logret, *out, *more;
} column;

/* Of this process alone: the machine may have other work. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void plain_std(const column *c, size_t win)
{
    for (size_t i = win - 1; i < c->n; i++) {
        const double *x = c->close + (i + 1 - win);
        double mean = 0, ss = 0;
        for (size_t k = 0; k < win; k++)
            mean += x[k] / (double)win;
        for (size_t k = 0; k < win; k++)
            ss += (x[k] - mean) * (x[k] - mean);
        c->out[i] = sqrt(ss / (double)(win - 1));
    }
}

static void run(const column *c, int kernel)
{
    const qlab_f64v close = {c->close, c->n}, high = {c->high, c->n}, low = {c->low, c->n},
                    volume = {c->volume, c->n}, logret = {c->logret, c->n};
    const qlab_f64w out = {c->out, c->n}, more = {c->more, c->n};
    switch (kernel) {
    case 0:
        qlab_recur_rsi(close, 14, out);
        break;
    case 1:
        qlab_recur_ema(close, 26, out);
        break;
    case 2:
        qlab_recur_ewma_vol(logret, 20, out);
        break;
    case 3:
        qlab_recur_atr(high, low, close, 14, out);
        break;
    case 4:
        qlab_recur_macd(close, 12, 26, 9, out, more);
        break;
    case 5:
        qlab_roll_std(close, 20, out);
        break;
    case 6:
        plain_std(c, 20);
        break;
    case 7:
        qlab_roll_mean(close, 200, out);
        break;
    case 8:
        qlab_roll_max(close, 252, out);
        break;
    case 9:
        qlab_roll_skew(logret, 60, out);
        break;
    case 10:
        qlab_roll_weighted_mean(close, volume, 20, out);
        break;
    default:
        qlab_num_log_column(close, out);
    }
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static column made(size_t n)
{
    column c = {.n = n};
    double **const all[] = {&c.close, &c.high, &c.low, &c.volume, &c.logret, &c.out, &c.more};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        *all[k] = qlab_alloc(n, sizeof(double));
    double level = 100.0;
    for (size_t i = 0; i < n; i++) {
        c.logret[i] = 0.02 * qlab_num_normal(1, 0, i);
        level = 100.0 + 0.99 * (level - 100.0) + level * c.logret[i];
        c.close[i] = level;
        c.high[i] = level * 1.01;
        c.low[i] = level * 0.99;
        c.volume[i] = 1e5 * (1.0 + (double)(i % 17));
    }
    return c;
}

int main(int argc, char **argv)
{
    static const char *const NAMES[N_KERNELS] = {"rsi 14",
                                                 "ema 26",
                                                 "ewma_vol 20",
                                                 "atr 14",
                                                 "macd 12 26 9",
                                                 "std 20",
                                                 "std 20, plain loop",
                                                 "mean 200",
                                                 "max 252",
                                                 "skew 60",
                                                 "vwap 20",
                                                 "log"};
    const size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    const size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 7;
    double t[N_KERNELS][MAX_ROUNDS], sink = 0;

    if (n < 1000 || rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: bench_num_kernels [rows (from 1000) [rounds (1 to %d)]]\n",
                MAX_ROUNDS);
        return 2;
    }
    const column c = made(n);
    for (size_t r = 0; r < rounds; r++) {
        for (int k = 0; k < N_KERNELS; k++) {
            const double start = seconds();
            run(&c, k);
            t[k][r] = seconds() - start;
            sink += c.out[n - 1];
        }
    }
    printf("%zu rows, one core, million rows a second, median of %zu\n", n, rounds);
    for (int k = 0; k < N_KERNELS; k++) {
        qsort(t[k], rounds, sizeof(double), ascending);
        printf("  %-20s %8.1f\n", NAMES[k], (double)n / t[k][rounds / 2] / 1e6);
    }
    double *const all[] = {c.close, c.high, c.low, c.volume, c.logret, c.out, c.more};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        qlab_free(all[k]);
    return isnan(sink); /* keeps the work alive */
}
