/* The pool: each unit once, in order, the lowest error, the same results with any threads. */
#include "base/cancel.h"
#include "base/pool.h"
#include "support/t.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { N = 2000 };

typedef struct work {
    atomic_int runs[N];
    double out[N];
    size_t n_threads;
    size_t fail_from; /* units >= this fail when their number is odd */
    atomic_size_t started;
} work;

static qlab_code unit(void *ctx, size_t i, size_t worker, qlab_err *err)
{
    work *w = ctx;
    T_CHECK(worker < w->n_threads);
    atomic_fetch_add(&w->started, 1);
    atomic_fetch_add(&w->runs[i], 1);
    double x = (double)i;
    for (size_t k = 0; k < 200 + (i * 37) % 400; k++)
        x = x * 0.999 + 1.0;
    w->out[i] = x;
    if (i >= w->fail_from && i % 2 == 1)
        return qlab_fail(err, QLAB_E_CORRUPT, "unit %zu was bad", i);
    return QLAB_OK;
}

T_TEST(each_unit_once_and_the_same_results)
{
    static work one, many;
    qlab_err err = QLAB_ERR_INIT;
    for (size_t threads = 1; threads <= 8; threads *= 2) {
        work *w = threads == 1 ? &one : &many;
        qlab_pool *pool = qlab_pool_new(threads);
        T_CHECK(qlab_pool_threads(pool) == threads);
        for (int round = 0; round < 20; round++) {
            memset(w, 0, sizeof *w);
            w->n_threads = threads;
            w->fail_from = N;
            T_OK(qlab_pool_run(pool, N, unit, w, &err));
            for (size_t i = 0; i < N; i++)
                T_CHECK(atomic_load(&w->runs[i]) == 1);
        }
        if (threads > 1)
            T_SAME_BITS(one.out, many.out, N);
        T_OK(qlab_pool_run(pool, 0, unit, w, &err));
        qlab_pool_free(pool);
    }
    qlab_pool_free(NULL);
}

T_TEST(the_lowest_error_wins)
{
    static work w;
    qlab_err err = QLAB_ERR_INIT;
    qlab_pool *pool = qlab_pool_new(4);
    for (size_t round = 0; round < 300; round++) {
        memset(&w, 0, sizeof w);
        w.n_threads = 4;
        w.fail_from = round * 3;
        char want[64];
        snprintf(want, sizeof want, "unit %zu was bad", w.fail_from | 1);
        assert_int_equal(qlab_pool_run(pool, N, unit, &w, &err), QLAB_E_CORRUPT);
        T_STR(err.text, want);
        T_CHECK(atomic_load(&w.started) < w.fail_from + 2 + 8); /* no new unit after it */
        for (size_t i = 0; i < w.fail_from; i++)
            T_CHECK(atomic_load(&w.runs[i]) == 1);
        qlab_err_reset(&err);
    }
    qlab_pool_free(pool);
}

static qlab_code ask_at_ten(void *ctx, size_t i, size_t worker, qlab_err *err)
{
    (void)worker;
    (void)err;
    ++*(size_t *)ctx;
    if (i == 10)
        raise(SIGINT);
    return QLAB_OK;
}

/* Last: what was asked once stays asked. */
T_TEST(cancel_stops_at_a_unit)
{
    qlab_err err = QLAB_ERR_INIT;
    size_t n_done = 0;
    qlab_pool *pool = qlab_pool_new(1);
    qlab_cancel_install();
    T_CHECK(!qlab_cancel_asked());
    T_OK(qlab_cancel_check(&err));
    assert_int_equal(qlab_pool_run(pool, 1000, ask_at_ten, &n_done, &err), QLAB_E_CANCELLED);
    T_STR(err.text, "interrupted; run the same command again to resume");
    T_CHECK(n_done == 11);
    T_CHECK(qlab_cancel_asked());
    T_FAILS(QLAB_E_CANCELLED, qlab_cancel_check(&err));
    qlab_pool_free(pool);
}

T_MAIN(T_CASE(each_unit_once_and_the_same_results), T_CASE(the_lowest_error_wins),
       T_CASE(cancel_stops_at_a_unit))
