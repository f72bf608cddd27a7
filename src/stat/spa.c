#include "stat/spa.h"

#include "base/alloc.h"
#include "num/math.h"
#include "num/simd.h"
#include "stat/bootstrap.h"
#include "stat/series.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
    LANES = 16,        /* models side by side in a tile */
    REPLICATIONS = 16, /* a unit of work: a tile stays in the cache for all of them */
    FEWEST_ROWS = 16,  /* ln ln n must be well above 0 */
    BOOTSTRAP_UNIT = 1 /* who draws, beside the seed */
};

typedef struct row {
    double of[LANES];
} row;

double qlab_spa_block(const double *const *excess, size_t n_models, size_t n_rows)
{
    double block = NAN;
    for (size_t m = 0; m < n_models; m++) {
        const double own = qlab_block_length_of((qlab_f64v){excess[m], n_rows}).stationary;
        if (!isnan(own) && !(block >= own))
            block = own;
    }
    const double most = (double)n_rows / 4.0;
    block = block > most ? most : block;
    return block < 1.0 ? 1.0 : block; /* NaN stays */
}

/* Weight of each lag in the variance under the stationary bootstrap; the middle ones vanish. */
static double *lag_weights(size_t n, double block)
{
    const double stay = 1.0 - 1.0 / block, whole = (double)n;
    double *power = qlab_alloc(n, sizeof *power), *weight = qlab_alloc(n, sizeof *weight);
    power[0] = weight[0] = 1.0;
    for (size_t i = 1; i < n; i++)
        power[i] = power[i - 1] * stay;
    for (size_t i = 1; i < n; i++) {
        const double lag = (double)i;
        weight[i] = (whole - lag) / whole * power[i] + lag / whole * power[n - i];
    }
    qlab_free(power);
    return weight;
}

/* Variances of sqrt(n) mean of the centred series in a tile, and those without any dependence. */
QLAB_SIMD static void variances(const row *restrict d, size_t n, const double *restrict weight,
                                double *restrict out, double *restrict plain)
{
    for (size_t k = 0; k < LANES; k++)
        out[k] = 0.0;
    for (size_t lag = 0; lag < n; lag++) {
        row acc = {{0.0}};
        if (weight[lag] < 1e-18)
            continue;
        for (size_t t = lag; t < n; t++)
            for (size_t k = 0; k < LANES; k++)
                acc.of[k] += d[t].of[k] * d[t - lag].of[k];
        const double w = (lag == 0 ? 1.0 : 2.0) * weight[lag] / (double)n;
        for (size_t k = 0; k < LANES; k++) {
            out[k] += w * acc.of[k];
            plain[k] = lag == 0 ? out[k] : plain[k];
        }
    }
}

/* mean, se, t, recentred of every model. */
static void studentise(const qlab_spa_in *in, qlab_spa *out)
{
    const size_t n = in->n_rows;
    const double root = sqrt((double)n);
    const double bad = -sqrt(2.0 * qlab_num_log(qlab_num_log((double)n)));
    double *weight = lag_weights(n, in->block);
    row *d = qlab_alloc(n, sizeof *d);

    for (size_t first = 0; first < in->n_models; first += LANES) {
        double w2[LANES], plain[LANES];
        for (size_t k = 0; k < LANES; k++) {
            const size_t m = first + k;
            size_t present = 0;
            if (m < in->n_models)
                out[m].mean = qlab_series_mean((qlab_f64v){in->excess[m], n}, &present);
            assert(m >= in->n_models || present == n);
            for (size_t t = 0; t < n; t++)
                d[t].of[k] = m < in->n_models ? in->excess[m][t] - out[m].mean : 0.0;
        }
        variances(d, n, weight, w2, plain);
        for (size_t k = 0; k < LANES && first + k < in->n_models; k++) {
            qlab_spa *o = out + first + k;
            if (!(w2[k] > 1e-12 * plain[k])) /* constant, or a sum of nothing but rounding */
                continue;
            o->se = sqrt(w2[k]) / root;
            o->t = o->mean / o->se;
            o->recentred = o->t >= bad;
        }
    }
    qlab_free(weight);
    qlab_free(d);
}

typedef struct ranked {
    double t;
    size_t model;
} ranked;

static int descending(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->t != y->t)
        return x->t < y->t ? 1 : -1;
    return (x->model > y->model) - (x->model < y->model);
}

typedef struct scratch {
    uint32_t *index;
    double *times;         /* REPLICATIONS of n_rows: how often a date was drawn */
    double *z;             /* REPLICATIONS of n_tiles * LANES */
    uint64_t *all, *alone; /* exceedances a place */
} scratch;

typedef struct work {
    const qlab_spa_in *in;
    ranked *at; /* models that have a t, descending */
    size_t n, n_tiles;
    row *y; /* n_tiles of n_rows: (excess - g) / (w sqrt n), places in the order of `at` */
    scratch *of_worker;
} work;

static void fill_tiles(work *w, const qlab_spa *model)
{
    const size_t n_rows = w->in->n_rows;
    w->y = qlab_alloc_zero(w->n_tiles * n_rows, sizeof *w->y);
    for (size_t j = 0; j < w->n; j++) {
        const qlab_spa *m = model + w->at[j].model;
        const double *x = w->in->excess[w->at[j].model], g = m->recentred ? m->mean : 0.0;
        const double scale = 1.0 / (m->se * (double)n_rows);
        row *tile = w->y + j / LANES * n_rows;
        for (size_t t = 0; t < n_rows; t++)
            tile[t].of[j % LANES] = (x[t] - g) * scale;
    }
}

QLAB_SIMD static void weighted_sum(const row *restrict y, const double *restrict times, size_t n,
                                   double *restrict out)
{
    row acc = {{0.0}};
    for (size_t t = 0; t < n; t++)
        for (size_t k = 0; k < LANES; k++)
            acc.of[k] += times[t] * y[t].of[k];
    for (size_t k = 0; k < LANES; k++)
        out[k] = acc.of[k];
}

static void count_replication(const work *w, const double *z, scratch *s)
{
    double greatest = 0.0;
    for (size_t j = w->n; j-- > 0;) {
        greatest = z[j] > greatest ? z[j] : greatest;
        s->all[j] += greatest >= w->at[j].t;
        s->alone[j] += (z[j] > 0.0 ? z[j] : 0.0) >= w->at[j].t;
    }
}

static qlab_code unit(void *ctx, size_t u, size_t worker, qlab_err *err)
{
    const work *w = ctx;
    scratch *s = w->of_worker + worker;
    const size_t n_rows = w->in->n_rows, from = u * REPLICATIONS, wide = w->n_tiles * LANES;
    size_t n = w->in->n_replications - from;
    n = n < REPLICATIONS ? n : REPLICATIONS;
    (void)err;

    for (size_t r = 0; r < n; r++) {
        double *times = s->times + r * n_rows;
        qlab_bootstrap_indices(n_rows, w->in->block, w->in->seed, BOOTSTRAP_UNIT, from + r,
                               s->index, n_rows);
        for (size_t t = 0; t < n_rows; t++)
            times[t] = 0.0;
        for (size_t t = 0; t < n_rows; t++)
            times[s->index[t]] += 1.0;
    }
    for (size_t tile = 0; tile < w->n_tiles; tile++)
        for (size_t r = 0; r < n; r++)
            weighted_sum(w->y + tile * n_rows, s->times + r * n_rows, n_rows,
                         s->z + r * wide + tile * LANES);
    for (size_t r = 0; r < n; r++)
        count_replication(w, s->z + r * wide, s);
    return QLAB_OK;
}

static qlab_code replicate(work *w, qlab_pool *pool, qlab_err *err)
{
    const size_t n_units = (w->in->n_replications + REPLICATIONS - 1) / REPLICATIONS;
    qlab_code rc = QLAB_OK;
    if (pool)
        return qlab_pool_run(pool, n_units, unit, w, err);
    for (size_t u = 0; u < n_units && rc == QLAB_OK; u++)
        rc = unit(w, u, 0, err);
    return rc;
}

/* Counts are whole numbers: their sum does not depend on who counted. */
static void judge(const work *w, size_t n_workers, qlab_spa *out)
{
    const double tries = (double)w->in->n_replications + 1.0;
    double p = 0.0;
    for (size_t j = 0; j < w->n; j++) {
        uint64_t all = 1, alone = 1;
        for (size_t i = 0; i < n_workers; i++) {
            all += w->of_worker[i].all[j];
            alone += w->of_worker[i].alone[j];
        }
        const double own = (double)all / tries;
        p = own > p ? own : p;
        out[w->at[j].model].p = p;
        out[w->at[j].model].p_alone = (double)alone / tries;
    }
}

qlab_code qlab_spa_test(const qlab_spa_in *in, qlab_pool *pool, qlab_spa *out, qlab_err *err)
{
    const size_t n_workers = pool ? qlab_pool_threads(pool) : 1;
    work w = {.in = in};

    assert(in->n_replications >= 1);
    for (size_t m = 0; m < in->n_models; m++)
        out[m] = (qlab_spa){NAN, NAN, NAN, NAN, NAN, false};
    if (in->n_rows < FEWEST_ROWS || !(in->block >= 1.0))
        return QLAB_OK;
    studentise(in, out);

    w.at = qlab_alloc(in->n_models, sizeof *w.at);
    for (size_t m = 0; m < in->n_models; m++)
        if (!isnan(out[m].t))
            w.at[w.n++] = (ranked){out[m].t, m};
    qsort(w.at, w.n, sizeof *w.at, descending);
    w.n_tiles = (w.n + LANES - 1) / LANES;
    fill_tiles(&w, out);
    w.of_worker = qlab_alloc(n_workers, sizeof *w.of_worker);
    for (size_t i = 0; i < n_workers; i++)
        w.of_worker[i] = (scratch){
            qlab_alloc(in->n_rows, sizeof(uint32_t)),
            qlab_alloc(REPLICATIONS * in->n_rows, sizeof(double)),
            qlab_alloc(REPLICATIONS * w.n_tiles * LANES, sizeof(double)),
            qlab_alloc_zero(w.n, sizeof(uint64_t)),
            qlab_alloc_zero(w.n, sizeof(uint64_t)),
        };
    const qlab_code rc = replicate(&w, pool, err);
    if (rc == QLAB_OK)
        judge(&w, n_workers, out);

    for (size_t i = 0; i < n_workers; i++) {
        qlab_free(w.of_worker[i].index);
        qlab_free(w.of_worker[i].times);
        qlab_free(w.of_worker[i].z);
        qlab_free(w.of_worker[i].all);
        qlab_free(w.of_worker[i].alone);
    }
    qlab_free(w.of_worker);
    qlab_free(w.y);
    qlab_free(w.at);
    return rc;
}
