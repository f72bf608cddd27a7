#include "base/pool.h"
#include "base/alloc.h"
#include "base/cancel.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct pool_worker {
    qlab_pool *pool;
    size_t index;
    pthread_t thread;
} pool_worker;

/* All fields below `lock` are guarded by it. */
struct qlab_pool {
    size_t n_threads;
    pool_worker *workers; /* n_threads - 1: the caller is worker 0 */

    pthread_mutex_t lock;
    pthread_cond_t work_came, work_done;
    bool quit, running;
    uint64_t round; /* counts runs, so that a worker joins each once */
    qlab_pool_fn fn;
    void *ctx;
    size_t next, n;     /* units not yet taken: [next, n) */
    size_t n_busy;      /* workers inside the round, the caller not counted */
    size_t failed_unit; /* lowest failed, SIZE_MAX for none */
    qlab_err failure;
};

static void must(int code)
{
    assert(code == 0);
    (void)code;
}

static void note_failure(qlab_pool *pool, size_t unit, const qlab_err *err)
{
    if (unit < pool->failed_unit) {
        pool->failed_unit = unit;
        pool->failure = *err;
    }
    pool->next = pool->n; /* no new unit starts */
}

/* Takes units until none is left. Called and left with the lock held.
 * Units are taken in order and a taken unit is always finished, so the lowest unit that can fail
 * has been started whenever a higher one failed: the error does not depend on timing. */
static void do_units(qlab_pool *pool, size_t worker)
{
    while (pool->next < pool->n) {
        const size_t unit = pool->next++;
        qlab_err err = QLAB_ERR_INIT;
        must(pthread_mutex_unlock(&pool->lock));
        qlab_code rc = qlab_cancel_check(&err);
        if (rc == QLAB_OK)
            rc = pool->fn(pool->ctx, unit, worker, &err);
        must(pthread_mutex_lock(&pool->lock));
        if (rc != QLAB_OK) {
            if (err.code == QLAB_OK)
                err.code = rc;
            note_failure(pool, unit, &err);
        }
    }
}

static void *worker_main(void *arg)
{
    pool_worker *w = arg;
    qlab_pool *pool = w->pool;
    uint64_t seen = 0;
    must(pthread_mutex_lock(&pool->lock));
    for (;;) {
        while (!pool->quit && pool->round == seen)
            must(pthread_cond_wait(&pool->work_came, &pool->lock));
        if (pool->quit)
            break;
        seen = pool->round;
        pool->n_busy++;
        do_units(pool, w->index);
        if (--pool->n_busy == 0)
            must(pthread_cond_signal(&pool->work_done));
    }
    must(pthread_mutex_unlock(&pool->lock));
    return NULL;
}

qlab_pool *qlab_pool_new(size_t n_threads)
{
    assert(n_threads >= 1);
    qlab_pool *pool = qlab_alloc_zero(1, sizeof *pool);
    pool->n_threads = n_threads;
    pool->workers = qlab_alloc_zero(n_threads, sizeof *pool->workers);
    must(pthread_mutex_init(&pool->lock, NULL));
    must(pthread_cond_init(&pool->work_came, NULL));
    must(pthread_cond_init(&pool->work_done, NULL));
    for (size_t i = 1; i < n_threads; i++) {
        pool_worker *w = &pool->workers[i - 1];
        w->pool = pool;
        w->index = i;
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            fprintf(stderr, "error: could not start thread %zu of %zu\n", i + 1, n_threads);
            _Exit(5);
        }
    }
    return pool;
}

void qlab_pool_free(qlab_pool *pool)
{
    if (!pool)
        return;
    must(pthread_mutex_lock(&pool->lock));
    pool->quit = true;
    must(pthread_cond_broadcast(&pool->work_came));
    must(pthread_mutex_unlock(&pool->lock));
    for (size_t i = 0; i + 1 < pool->n_threads; i++)
        must(pthread_join(pool->workers[i].thread, NULL));
    must(pthread_cond_destroy(&pool->work_done));
    must(pthread_cond_destroy(&pool->work_came));
    must(pthread_mutex_destroy(&pool->lock));
    qlab_free(pool->workers);
    qlab_free(pool);
}

size_t qlab_pool_threads(const qlab_pool *pool)
{
    return pool->n_threads;
}

qlab_code qlab_pool_run(qlab_pool *pool, size_t n, qlab_pool_fn fn, void *ctx, qlab_err *err)
{
    must(pthread_mutex_lock(&pool->lock));
    assert(!pool->running); /* not re-entrant */
    pool->running = true;
    pool->fn = fn;
    pool->ctx = ctx;
    pool->next = 0;
    pool->n = n;
    pool->failed_unit = SIZE_MAX;
    qlab_err_reset(&pool->failure);
    pool->round++;
    if (n > 1)
        must(pthread_cond_broadcast(&pool->work_came));
    do_units(pool, 0);
    while (pool->n_busy > 0)
        must(pthread_cond_wait(&pool->work_done, &pool->lock));
    /* A worker that wakes only now finds next == n and does nothing. */
    pool->running = false;
    pool->fn = NULL;
    const bool failed = pool->failed_unit != SIZE_MAX;
    if (failed)
        *err = pool->failure;
    must(pthread_mutex_unlock(&pool->lock));
    return failed ? err->code : QLAB_OK;
}
