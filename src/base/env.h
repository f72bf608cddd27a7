/* base/env.h -- what every long operation is handed: workers, limits, time, log.
 *
 * Built once in main from flags, file and built-in values; borrowed by everybody; read only.
 */
#ifndef QLAB_BASE_ENV_H
#define QLAB_BASE_ENV_H

#include "base/err.h"
#include "base/log.h"
#include "base/pool.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QLAB_VERSION "0.1.0"
/* Bumped when a result changes for the same inputs; part of every run id. */
#define QLAB_RESULTS_VERSION 1

typedef struct qlab_env {
    const char *root; /* the quant root */
    qlab_pool *pool;
    const qlab_log *log;
    size_t memory_limit_bytes; /* whole process, DuckDB included */
    int32_t now;               /* --now */
    uint64_t seed;             /* --seed */
    bool quiet, dry_run;
    int argc; /* the whole command line, for *.run.json */
    char **argv;
    struct qlab_duck *duck; /* opened by main where a command needs it; see duck/duck.h */
} qlab_env;

/* The share of the memory limit that one worker's unit may plan with (bytes), after the fixed
 * costs of the process and of DuckDB. */
size_t qlab_env_unit_bytes(const qlab_env *env);
/* The share of the limit that DuckDB is opened with: a quarter, at least 64 MiB, at most 1 GiB. */
size_t qlab_env_duck_bytes(const qlab_env *env);

enum { QLAB_ENV_MEMORY_MIN_BYTES = 256 << 20 };
/* QLAB_E_LIMIT where the memory limit is below what any command needs. */
qlab_code qlab_env_check(const qlab_env *env, qlab_err *err) QLAB_MUST_USE;

#endif
