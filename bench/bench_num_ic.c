/* bench_num_ic -- rank ICs a second on one core: ours with both sides ranked, ours with the label
 * ranked once, a plain qsort peer, and the floor (reading both columns once).
 *
 *   bench_num_ic [names [rounds]]       30000 names, 9 rounds; medians, in one run, by turns
 */
#include "base/alloc.h"
#include "num/math.h"
#include "num/rank.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MAX_ROUNDS = 101, N_WAYS = 4, N_SHAPES = 4 };

typedef struct bench {
    size_t n, repeat;
    double *x, *y, *rank_x, *rank_y;
    uint32_t *rank2, *order;
    void *scratch;
    qlab_ranked label;
} bench;

/* Of this process alone: the machine may have other work. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The peer: qsort of (value, position), ranks by runs of equals, Pearson of the ranks. */
typedef struct item {
    double v;
    size_t at;
} item;

static int by_value(const void *a, const void *b)
{
    const item *x = a, *y = b;
    return (x->v > y->v) - (x->v < y->v);
}

static void peer_rank(const double *v, size_t n, item *items, double *rank)
{
    for (size_t i = 0; i < n; i++)
        items[i] = (item){v[i], i};
    qsort(items, n, sizeof *items, by_value);
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && items[end].v == items[i].v)
            end++;
        const double mean = 0.5 * (double)(i + 1 + end);
        for (; i < end; i++)
            rank[items[i].at] = mean;
    }
}

static double peer_spearman(bench *b)
{
    item *items = qlab_alloc(b->n, sizeof *items);
    double xy = 0, xx = 0, yy = 0;
    const double mean = 0.5 * ((double)b->n + 1.0);
    peer_rank(b->x, b->n, items, b->rank_x);
    peer_rank(b->y, b->n, items, b->rank_y);
    for (size_t i = 0; i < b->n; i++) {
        xy += (b->rank_x[i] - mean) * (b->rank_y[i] - mean);
        xx += (b->rank_x[i] - mean) * (b->rank_x[i] - mean);
        yy += (b->rank_y[i] - mean) * (b->rank_y[i] - mean);
    }
    qlab_free(items);
    return xy / sqrt(xx * yy);
}

static double read_once(const bench *b)
{
    double s = 0;
    for (size_t i = 0; i < b->n; i++)
        s += b->x[i] * b->y[i];
    return s;
}

static double once(bench *b, int way)
{
    switch (way) {
    case 0:
        return qlab_rank_spearman(b->x, b->y, b->n, b->scratch).rho;
    case 1:
        return qlab_rank_spearman_cached(b->x, &b->label, b->scratch).rho;
    case 2:
        return peer_spearman(b);
    default:
        return read_once(b);
    }
}

static void fill(bench *b, int shape)
{
    for (size_t i = 0; i < b->n; i++) {
        const double z = qlab_num_normal(1, 0, i);
        b->x[i] = shape == 1   ? qlab_num_exp(3.0 * z)
                  : shape == 2 ? floor(4.0 * z)
                  : shape == 3 ? 1e7 + 1e-3 * z
                               : z;
        b->y[i] = 0.02 * (qlab_num_normal(1, 1, i) + 0.05 * z);
    }
    qlab_rank_cache(b->y, b->n, b->rank2, b->order, b->scratch, &b->label);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static const char *const SHAPES[N_SHAPES] = {"normal", "lognormal", "few values", "narrow"};
    bench b = {.n = argc > 1 ? strtoul(argv[1], NULL, 10) : 30000};
    const size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 9;
    double t[N_WAYS][MAX_ROUNDS], sink = 0;

    if (b.n < 2 || b.n > 1000000 || rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: bench_num_ic [names (2 to 1000000) [rounds (1 to %d)]]\n",
                MAX_ROUNDS);
        return 2;
    }
    b.repeat = 1 + 600000 / b.n;
    b.x = qlab_alloc(b.n, sizeof(double));
    b.y = qlab_alloc(b.n, sizeof(double));
    b.rank_x = qlab_alloc(b.n, sizeof(double));
    b.rank_y = qlab_alloc(b.n, sizeof(double));
    b.rank2 = qlab_alloc(b.n, sizeof(uint32_t));
    b.order = qlab_alloc(b.n, sizeof(uint32_t));
    b.scratch = qlab_alloc(1, qlab_rank_scratch_bytes(b.n));

    printf("%zu names, one core, million pairs a second, median of %zu\n", b.n, rounds);
    printf("%-12s %12s %12s %12s %12s %14s\n", "scores", "both ranked", "label cached",
           "qsort peer", "read once", "ours / peer");
    for (int shape = 0; shape < N_SHAPES; shape++) {
        fill(&b, shape);
        for (size_t r = 0; r < rounds; r++) {
            for (int way = 0; way < N_WAYS; way++) {
                const size_t repeat = way == 2 ? 1 + b.repeat / 10 : b.repeat;
                const double start = seconds();
                for (size_t k = 0; k < repeat; k++)
                    sink += once(&b, way);
                t[way][r] = (seconds() - start) / (double)repeat;
            }
        }
        double rate[N_WAYS];
        for (int way = 0; way < N_WAYS; way++) {
            qsort(t[way], rounds, sizeof(double), ascending);
            rate[way] = (double)b.n / t[way][rounds / 2] / 1e6;
        }
        printf("%-12s %12.1f %12.1f %12.1f %12.1f %13.1fx\n", SHAPES[shape], rate[0], rate[1],
               rate[2], rate[3], rate[0] / rate[2]);
    }
    qlab_free(b.x);
    qlab_free(b.y);
    qlab_free(b.rank_x);
    qlab_free(b.rank_y);
    qlab_free(b.rank2);
    qlab_free(b.order);
    qlab_free(b.scratch);
    return sink == 0.0; /* keeps the work alive */
}
