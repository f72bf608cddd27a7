#include "ops/job.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/progress.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PLAN_FILE   "plan.json"
#define PLAN_SCHEMA "job_plan/1"
#define UNIT_SCHEMA "job_unit/1"

enum { DIR_HEX = 16, KEY_HEX = 32 };

struct qlab_job {
    const qlab_env *env;
    char *name, *dir;
    qlab_lock *lock;
    size_t n; /* of the last run */
    json_t **results;
    size_t n_resumed;
    double seconds;
};

static char *folder_of_plan(const qlab_env *env, qlab_digest plan)
{
    char hex[DIR_HEX + 1];
    return qlab_asprintf("%s/jobs/%s", env->root, qlab_hex_short(plan, DIR_HEX, hex));
}

static qlab_code check_plan_file(qlab_job *job, qlab_digest plan, qlab_err *err)
{
    char hex[QLAB_HEX_BYTES];
    qlab_hex(plan, hex);
    char *path = qlab_path_join(job->dir, PLAN_FILE);
    json_t *o = NULL;
    const char *seen = NULL;
    qlab_code rc = QLAB_OK;
    if (qlab_file_exists(path) && qlab_json_load(path, &o, err) == QLAB_OK &&
        qlab_json_get_str(o, path, "plan", &seen, err) == QLAB_OK) {
        if (strcmp(seen, hex) != 0)
            rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: the folder belongs to plan %s, not to %s",
                           job->dir, seen, hex);
    } else {
        /* None, or damaged: the records carry their own keys, so nothing hangs on this file. */
        qlab_err_reset(err);
        json_t *fresh = json_object();
        json_object_set_new(fresh, "schema", json_string(PLAN_SCHEMA));
        json_object_set_new(fresh, "name", json_string(job->name));
        json_object_set_new(fresh, "plan", json_string(hex));
        rc = qlab_json_write(path, fresh, err);
        json_decref(fresh);
    }
    json_decref(o);
    qlab_free(path);
    return rc;
}

qlab_code qlab_job_open(const qlab_env *env, const char *name, qlab_digest plan, qlab_job **out,
                        qlab_err *err)
{
    qlab_job *job = qlab_alloc_zero(1, sizeof *job);
    job->env = env;
    job->name = qlab_strdup(name);
    job->dir = folder_of_plan(env, plan);
    char *lock_path = qlab_path_join(job->dir, "lock");
    qlab_code rc = qlab_dir_make(job->dir, err);
    if (rc == QLAB_OK)
        rc = qlab_lock_take(lock_path, name, &job->lock, err);
    if (rc == QLAB_OK)
        rc = qlab_file_sweep_tmp(job->dir, NULL, err);
    if (rc == QLAB_OK)
        rc = check_plan_file(job, plan, err);
    qlab_free(lock_path);
    if (rc != QLAB_OK) {
        qlab_job_close(job);
        return rc;
    }
    *out = job;
    return QLAB_OK;
}

/* ---- records --------------------------------------------------------------------------------- */

static char *record_path(const qlab_job *job, qlab_digest key)
{
    char hex[KEY_HEX + 1];
    return qlab_asprintf("%s/%s.json", job->dir, qlab_hex_short(key, KEY_HEX, hex));
}

/* A result may name files of the job's folder as {"file": name, "sha256": hex}, at any depth: they
 * stand with their bytes, or the unit does not. */
static qlab_code check_files(const qlab_job *job, const json_t *result, qlab_err *err)
{
    const char *file = json_string_value(json_object_get(result, "file"));
    const char *promised = json_string_value(json_object_get(result, "sha256"));
    char hex[QLAB_HEX_BYTES];
    qlab_digest d;
    const char *key;
    json_t *v;
    qlab_code rc = QLAB_OK;

    if (file != NULL && promised != NULL) {
        char *path = qlab_path_join(job->dir, qlab_path_base(file));
        rc = qlab_sha256_file(path, &d, NULL, err);
        if (rc == QLAB_OK && strcmp(qlab_hex(d, hex), promised) != 0)
            rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: its bytes were not those that were written",
                           path);
        qlab_free(path);
    }
    json_object_foreach((json_t *)(uintptr_t)result, key, v)
    {
        if (rc == QLAB_OK && json_is_object(v))
            rc = check_files(job, v, err);
    }
    return rc;
}

/* The result of a record that stands, else NULL. */
static json_t *read_record(const qlab_job *job, qlab_digest key)
{
    qlab_err err = QLAB_ERR_INIT;
    json_t *o = NULL, *result = NULL;
    const char *seen;
    char hex[QLAB_HEX_BYTES];
    char *path = record_path(job, key);
    if (!qlab_file_exists(path))
        goto done;
    if (qlab_json_load(path, &o, &err) == QLAB_OK &&
        qlab_json_get_str(o, path, "key", &seen, &err) == QLAB_OK) {
        result = json_object_get(o, "result");
        if (!result || strcmp(seen, qlab_hex(key, hex)) != 0)
            qlab_fail(&err, QLAB_E_CORRUPT, "%s: not the record of this unit", path);
        else
            (void)check_files(job, result, &err); /* what is wrong is in err */
    }
    if (err.code != QLAB_OK) {
        qlab_log_line(job->env->log, QLAB_LOG_WARN, "ops",
                      "job=%s damaged_record=%s the unit is done again", job->name, err.text);
        result = NULL;
    }
    json_incref(result);
done:
    json_decref(o);
    qlab_free(path);
    return result;
}

static qlab_code write_record(const qlab_job *job, qlab_digest key, json_t *result, qlab_err *err)
{
    char hex[QLAB_HEX_BYTES];
    char *path = record_path(job, key);
    json_t *o = json_object();
    json_object_set_new(o, "schema", json_string(UNIT_SCHEMA));
    json_object_set_new(o, "key", json_string(qlab_hex(key, hex)));
    json_object_set(o, "result", result);
    const qlab_code rc = qlab_json_write(path, o, err);
    json_decref(o);
    qlab_free(path);
    return rc;
}

/* ---- running --------------------------------------------------------------------------------- */

typedef struct run_state {
    qlab_job *job;
    const qlab_job_units *units;
    qlab_digest *keys;
    size_t *todo; /* units without a record */
    qlab_progress *progress;
    /* Admission by weight: what the running units hold, of what they may hold together. */
    pthread_mutex_t lock;
    pthread_cond_t left;
    size_t held_bytes, limit_bytes;
} run_state;

static void must(int rc)
{
    assert(rc == 0);
}

static size_t enter(run_state *s, size_t unit)
{
    const size_t bytes = s->units->bytes ? s->units->bytes(s->units->ctx, unit) : 0;
    must(pthread_mutex_lock(&s->lock));
    while (s->held_bytes > 0 && bytes > 0 && s->held_bytes + bytes > s->limit_bytes)
        must(pthread_cond_wait(&s->left, &s->lock));
    s->held_bytes += bytes;
    must(pthread_mutex_unlock(&s->lock));
    return bytes;
}

static void leave(run_state *s, size_t bytes)
{
    if (bytes > 0)
        qlab_alloc_trim(); /* another worker's arena must not keep what the next unit needs */
    must(pthread_mutex_lock(&s->lock));
    s->held_bytes -= bytes;
    must(pthread_cond_broadcast(&s->left));
    must(pthread_mutex_unlock(&s->lock));
}

static qlab_code do_unit(void *ctx, size_t at, size_t worker, qlab_err *err)
{
    run_state *s = ctx;
    const size_t unit = s->todo[at];
    json_t *result = NULL;
    uint64_t n_counted = 0;
    const size_t bytes = enter(s, unit);
    qlab_code rc = s->units->fn(s->units->ctx, unit, worker, &result, &n_counted, err);
    leave(s, bytes);
    if (!result)
        result = json_null();
    if (rc == QLAB_OK)
        rc = write_record(s->job, s->keys[unit], result, err);
    if (rc != QLAB_OK) {
        json_decref(result);
        return rc;
    }
    s->job->results[unit] = result;
    qlab_progress_add(s->progress, n_counted);
    return QLAB_OK;
}

static int cmp_digests(const void *a, const void *b)
{
    return qlab_digest_cmp(a, b);
}

static bool has_doubles(const qlab_digest *keys, size_t n)
{
    bool doubled = false;
    qlab_digest *sorted = qlab_alloc(n, sizeof *sorted);
    if (n)
        memcpy(sorted, keys, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, cmp_digests);
    for (size_t i = 1; i < n; i++)
        doubled = doubled || qlab_digest_cmp(&sorted[i - 1], &sorted[i]) == 0;
    qlab_free(sorted);
    return doubled;
}

static void forget_results(qlab_job *job)
{
    for (size_t i = 0; i < job->n; i++)
        json_decref(job->results[i]);
    qlab_free(job->results);
    job->results = NULL;
    job->n = 0;
}

qlab_code qlab_job_run(qlab_job *job, const qlab_job_units *units, qlab_err *err)
{
    forget_results(job);
    job->n = units->n;
    job->n_resumed = 0;
    job->results = qlab_alloc_zero(units->n, sizeof *job->results);

    run_state s = {.job = job,
                   .units = units,
                   .keys = qlab_alloc(units->n, sizeof *s.keys),
                   .todo = qlab_alloc(units->n, sizeof *s.todo),
                   .limit_bytes =
                       qlab_env_unit_bytes(job->env) * qlab_pool_threads(job->env->pool)};
    must(pthread_mutex_init(&s.lock, NULL));
    must(pthread_cond_init(&s.left, NULL));
    size_t n_todo = 0;
    for (size_t i = 0; i < units->n; i++)
        s.keys[i] = units->key(units->ctx, i);
    assert(!has_doubles(s.keys, units->n)); /* one record cannot stand for two units */
    for (size_t i = 0; i < units->n; i++) {
        job->results[i] = read_record(job, s.keys[i]);
        if (job->results[i])
            job->n_resumed++;
        else
            s.todo[n_todo++] = i;
    }
    if (job->n_resumed > 0)
        qlab_log_line(job->env->log, QLAB_LOG_INFO, "ops", "job=%s resumed_units=%zu of=%zu",
                      job->name, job->n_resumed, units->n);
    s.progress = qlab_progress_begin(units->step, units->counted, units->total, job->env->quiet);
    const qlab_code rc = qlab_pool_run(job->env->pool, n_todo, do_unit, &s, err);
    job->seconds = qlab_progress_end(s.progress);
    must(pthread_cond_destroy(&s.left));
    must(pthread_mutex_destroy(&s.lock));
    qlab_free(s.todo);
    qlab_free(s.keys);
    return rc;
}

const json_t *qlab_job_result(const qlab_job *job, size_t unit)
{
    assert(unit < job->n && job->results[unit]);
    return job->results[unit];
}

size_t qlab_job_resumed(const qlab_job *job)
{
    return job->n_resumed;
}

double qlab_job_seconds(const qlab_job *job)
{
    return job->seconds;
}

const char *qlab_job_dir(const qlab_job *job)
{
    return job->dir;
}

void qlab_job_close(qlab_job *job)
{
    if (!job)
        return;
    forget_results(job);
    qlab_lock_release(job->lock);
    qlab_free(job->name);
    qlab_free(job->dir);
    qlab_free(job);
}

qlab_code qlab_job_folder_remove(const char *dir, qlab_err *err)
{
    char **names = NULL;
    size_t n = 0;
    qlab_code rc = qlab_dir_list(dir, &names, &n, err);
    if (rc != QLAB_OK)
        return rc;
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        char *path = qlab_path_join(dir, names[i]);
        if (strcmp(names[i], PLAN_FILE) != 0)
            rc = qlab_dir_remove_tree(path, err);
        qlab_free(path);
    }
    qlab_dir_list_free(names, n);
    return rc == QLAB_OK ? qlab_dir_remove_tree(dir, err) : rc;
}

qlab_code qlab_job_finish(qlab_job *job, qlab_err *err)
{
    const qlab_code rc = qlab_job_folder_remove(job->dir, err);
    qlab_job_close(job);
    return rc;
}

qlab_code qlab_job_forget(const qlab_env *env, qlab_digest plan, qlab_err *err)
{
    qlab_code rc = QLAB_OK;
    qlab_job *job = NULL;
    char *dir = folder_of_plan(env, plan);
    if (qlab_file_exists(dir)) {
        rc = qlab_job_open(env, "forget", plan, &job, err);
        if (rc == QLAB_OK)
            rc = qlab_job_finish(job, err);
        else if (rc == QLAB_E_LOCKED) {
            qlab_err_reset(err);
            rc = QLAB_OK;
        }
    }
    qlab_free(dir);
    return rc;
}
