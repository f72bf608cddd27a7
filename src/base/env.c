#include "base/env.h"

#include "base/pool.h"

/* Fixed costs of the process: code, libduckdb's own heap before any query, stacks, the registry. */
static const size_t FIXED_BYTES = (size_t)96 << 20;

size_t qlab_env_duck_bytes(const qlab_env *env)
{
    /* A quarter, between 64 MiB and 1 GiB: DuckDB holds one row group a connection and a file's
     * metadata; our own arrays hold the rest. */
    const size_t low = (size_t)64 << 20, high = (size_t)1 << 30;
    const size_t quarter = env->memory_limit_bytes / 4;
    return quarter < low ? low : quarter > high ? high : quarter;
}

size_t qlab_env_unit_bytes(const qlab_env *env)
{
    const size_t taken = FIXED_BYTES + qlab_env_duck_bytes(env);
    const size_t left = env->memory_limit_bytes > taken ? env->memory_limit_bytes - taken : 0;
    const size_t threads = env->pool ? qlab_pool_threads(env->pool) : 1;
    const size_t share = left / threads;
    const size_t least = (size_t)8 << 20;
    return share < least ? least : share;
}

qlab_code qlab_env_check(const qlab_env *env, qlab_err *err)
{
    if (env->memory_limit_bytes < QLAB_ENV_MEMORY_MIN_BYTES)
        return qlab_fail(err, QLAB_E_LIMIT,
                         "the memory limit of %zu MiB was below the least that any command needs "
                         "(%d MiB): give --memory-limit 256MiB or more",
                         env->memory_limit_bytes >> 20, QLAB_ENV_MEMORY_MIN_BYTES >> 20);
    return QLAB_OK;
}
