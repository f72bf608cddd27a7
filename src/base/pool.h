/* base/pool.h -- one pool of workers, made in main, handed down.
 *
 * qlab_pool_run does units 0..n-1, each once, taken in order, by n_threads workers (the caller is
 * worker 0).  The unit of parallelism is a bucket, a date, a candidate or a path, never a slice of
 * a sum; results go to places of their own (one per unit), so order never matters.  After the
 * first failure, or when cancellation was asked, no new unit starts; the error of the LOWEST failed
 * unit is returned.  Not re-entrant: a unit must not call qlab_pool_run.
 */
#ifndef QLAB_BASE_POOL_H
#define QLAB_BASE_POOL_H

#include "base/err.h"
#include <stddef.h>

typedef struct qlab_pool qlab_pool;

/* unit 0..n-1; worker 0..n_threads-1 (for scratch space and connections). */
typedef qlab_code (*qlab_pool_fn)(void *ctx, size_t unit, size_t worker, qlab_err *err);

qlab_pool *qlab_pool_new(size_t n_threads); /* >= 1 */
void qlab_pool_free(qlab_pool *pool);
size_t qlab_pool_threads(const qlab_pool *pool);
qlab_code qlab_pool_run(qlab_pool *pool, size_t n, qlab_pool_fn fn, void *ctx,
                        qlab_err *err) QLAB_MUST_USE;

#endif
