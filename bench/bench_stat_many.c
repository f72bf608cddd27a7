/* bench_stat_many -- the tests of many models at once, and the bootstrap of one series; processor
 * seconds of one core, the best of some rounds.
 *
 *   bench_stat_many [models [rows [rounds]]]       1000 models, 1250 rows, 3 rounds
 */
#include "base/alloc.h"
#include "num/math.h"
#include "stat/bootstrap.h"
#include "stat/pbo.h"
#include "stat/spa.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { REPLICATIONS = 2000, SERIES = 2000, SERIES_REPLICATIONS = 10000 };

typedef struct bench {
    const double **column;
    size_t n_models, n_rows;
    qlab_spa *spa;
    double *out;
} bench;

/* Of this process alone: the machine may have other work. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double run_pbo(bench *b)
{
    return qlab_pbo_of(b->column, b->n_models, b->n_rows, 16, NULL).pbo;
}

static double run_spa(bench *b)
{
    qlab_err err = QLAB_ERR_INIT;
    const qlab_spa_in in = {b->column, b->n_models,
                            b->n_rows, qlab_spa_block(b->column, b->n_models, b->n_rows),
                            1,         REPLICATIONS};
    return qlab_spa_test(&in, NULL, b->spa, &err) == QLAB_OK ? b->spa[0].p : -1.0;
}

static double run_bootstrap(bench *b)
{
    static double x[SERIES];
    for (size_t i = 0; i < SERIES; i++)
        x[i] = b->column[0][i % b->n_rows];
    qlab_bootstrap((qlab_f64v){x, SERIES}, 10.0, QLAB_BOOTSTRAP_SHARPE, 1, 0, 0,
                   SERIES_REPLICATIONS, b->out);
    return b->out[0];
}

static void report(const char *what, double (*f)(bench *), bench *b, int rounds)
{
    double best = 1e300, result = 0.0;
    for (int i = 0; i < rounds; i++) {
        const double start = seconds();
        result = f(b);
        const double took = seconds() - start;
        best = took < best ? took : best;
    }
    printf("%-44s %8.4f s   (%.6g)\n", what, best, result);
}

int main(int argc, char **argv)
{
    bench b = {.n_models = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000,
               .n_rows = argc > 2 ? strtoul(argv[2], NULL, 10) : 1250};
    const int rounds = argc > 3 ? atoi(argv[3]) : 3;
    if (b.n_models < 2 || b.n_rows < 32)
        return 2;
    b.column = qlab_alloc(b.n_models, sizeof *b.column);
    for (size_t m = 0; m < b.n_models; m++) {
        double *x = qlab_alloc(b.n_rows, sizeof *x);
        for (size_t t = 0; t < b.n_rows; t++)
            x[t] = 0.01 * qlab_num_normal(1, m, t);
        b.column[m] = x;
    }
    b.spa = qlab_alloc(b.n_models, sizeof *b.spa);
    b.out = qlab_alloc(SERIES_REPLICATIONS, sizeof *b.out);
    printf("%zu models, %zu rows\n", b.n_models, b.n_rows);
    report("CSCV, 12,870 halves", run_pbo, &b, rounds);
    report("step-down SPA, 2,000 replications", run_spa, &b, rounds);
    report("bootstrap, one series of 2,000, 10,000 times", run_bootstrap, &b, rounds);
    for (size_t m = 0; m < b.n_models; m++)
        qlab_free((void *)b.column[m]);
    qlab_free(b.column);
    qlab_free(b.spa);
    qlab_free(b.out);
    return 0;
}
