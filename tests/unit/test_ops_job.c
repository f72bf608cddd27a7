/* Jobs: units once, resumed by key, redone when a record is damaged, the same with any threads. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "ops/job.h"
#include "support/t.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { N = 37 };

typedef struct work {
    uint64_t salt; /* of the keys */
    size_t fail_at;
    atomic_int n_run;
} work;

static qlab_digest key(void *ctx, size_t unit)
{
    const work *w = ctx;
    const uint64_t words[2] = {w->salt, unit};
    return qlab_sha256_of(words, sizeof words);
}

static qlab_code unit(void *ctx, size_t i, size_t worker, json_t **result, uint64_t *n,
                      qlab_err *err)
{
    work *w = ctx;
    (void)worker;
    if (i == w->fail_at)
        return qlab_fail(err, QLAB_E_CORRUPT, "unit %zu was bad", i);
    atomic_fetch_add(&w->n_run, 1);
    *n = 10;
    if (i != 5) /* a unit may give nothing */
        *result = json_pack("{s:I,s:f}", "unit", (json_int_t)i, "half", (double)i / 2.0);
    return QLAB_OK;
}

static const qlab_log QUIET = {QLAB_LOG_ERROR, 2};

static qlab_env env_of(const char *root, size_t threads)
{
    return (qlab_env){.root = root, .pool = qlab_pool_new(threads), .log = &QUIET, .quiet = true};
}

static qlab_job_units units_of(work *w)
{
    return (qlab_job_units){"test", "units", 10 * N, N, key, unit, w};
}

static void check_results(const qlab_job *job)
{
    qlab_err err = QLAB_ERR_INIT;
    for (size_t i = 0; i < N; i++) {
        const json_t *r = qlab_job_result(job, i);
        int64_t at;
        double half;
        if (i == 5) {
            T_CHECK(json_is_null(r));
            continue;
        }
        T_OK(qlab_json_get_i64(r, "result", "unit", &at, &err));
        T_OK(qlab_json_get_f64(r, "result", "half", &half, &err));
        T_CHECK((size_t)at == i && half == (double)i / 2.0);
    }
}

/* Fails at unit 20, then resumes with another number of threads, then has nothing left to do. */
T_TEST(resume)
{
    for (size_t threads = 1; threads <= 4; threads++) {
        qlab_err err = QLAB_ERR_INIT;
        char *root = t_tmpdir();
        qlab_env env = env_of(root, threads);
        const qlab_digest plan = qlab_sha256_of("plan", 4);
        qlab_job *job;
        work w = {.salt = 1, .fail_at = 20};
        qlab_job_units units = units_of(&w);
        T_OK(qlab_job_open(&env, "test", plan, &job, &err));
        assert_int_equal(qlab_job_run(job, &units, &err), QLAB_E_CORRUPT);
        T_STR(err.text, "unit 20 was bad");
        const int first = atomic_load(&w.n_run);
        T_CHECK(first >= 20 && first < 20 + (int)threads);
        qlab_job_close(job);
        qlab_pool_free(env.pool);
        qlab_err_reset(&err);

        env = env_of(root, 5 - threads);
        w.fail_at = N;
        T_OK(qlab_job_open(&env, "test", plan, &job, &err));
        T_OK(qlab_job_run(job, &units, &err));
        T_CHECK(atomic_load(&w.n_run) == N);
        T_CHECK((int)qlab_job_resumed(job) == first);
        check_results(job);
        T_OK(qlab_job_run(job, &units, &err));
        T_CHECK(atomic_load(&w.n_run) == N && qlab_job_resumed(job) == N);
        check_results(job);

        w.salt = 2; /* other inputs: other keys: nothing to resume */
        T_OK(qlab_job_run(job, &units, &err));
        T_CHECK(atomic_load(&w.n_run) == 2 * N && qlab_job_resumed(job) == 0);

        char *dir = qlab_strdup(qlab_job_dir(job));
        T_OK(qlab_job_finish(job, &err));
        T_CHECK(!qlab_file_exists(dir));
        qlab_free(dir);
        qlab_pool_free(env.pool);
        t_rmdir(root);
    }
}

static qlab_digest file_key(void *ctx, size_t unit)
{
    (void)ctx;
    return qlab_sha256_of(&unit, sizeof unit);
}

typedef struct filed {
    qlab_job *job;
    atomic_int n_run;
} filed;

static qlab_code file_unit(void *ctx, size_t unit, size_t worker, json_t **result,
                           uint64_t *n_counted, qlab_err *err)
{
    filed *f = ctx;
    char text[32], name[32], hex[QLAB_HEX_BYTES];
    (void)worker;
    (void)n_counted;
    atomic_fetch_add(&f->n_run, 1);
    snprintf(text, sizeof text, "rows of %zu", unit);
    snprintf(name, sizeof name, "unit-%zu.rows", unit);
    char *path = qlab_path_join(qlab_job_dir(f->job), name);
    const qlab_code rc = qlab_file_write(path, text, strlen(text), err);
    qlab_free(path);
    *result = json_pack("{s:{s:s, s:s}}", "rows", "file", name, "sha256",
                        qlab_hex(qlab_sha256_of(text, strlen(text)), hex));
    return rc;
}

/* Two of the files that records name are damaged: only their units are done again. */
T_TEST(files_that_records_name_are_made_again)
{
    qlab_err err = QLAB_ERR_INIT;
    char *root = t_tmpdir();
    qlab_env env = env_of(root, 2);
    const qlab_digest plan = qlab_sha256_of("files", 5);
    filed f = {.job = NULL};
    const qlab_job_units units = {
        .step = "file", .counted = "files", .n = 9, .key = file_key, .fn = file_unit, .ctx = &f};
    T_OK(qlab_job_open(&env, "test", plan, &f.job, &err));
    T_OK(qlab_job_run(f.job, &units, &err));
    T_CHECK(atomic_load(&f.n_run) == 9);
    char *cut = qlab_path_join(qlab_job_dir(f.job), "unit-3.rows");
    char *gone = qlab_path_join(qlab_job_dir(f.job), "unit-5.rows");
    T_OK(qlab_file_write(cut, "rows", 4, &err));
    T_OK(qlab_file_remove(gone, &err));
    T_OK(qlab_job_run(f.job, &units, &err));
    T_CHECK(atomic_load(&f.n_run) == 11 && qlab_job_resumed(f.job) == 7);
    T_CHECK(qlab_file_exists(gone));
    T_OK(qlab_job_run(f.job, &units, &err));
    T_CHECK(atomic_load(&f.n_run) == 11);
    qlab_free(cut);
    qlab_free(gone);
    T_OK(qlab_job_finish(f.job, &err));
    qlab_pool_free(env.pool);
    t_rmdir(root);
}

static void damage(const char *path, const char *text)
{
    qlab_err err = QLAB_ERR_INIT;
    T_OK(qlab_file_write(path, text, strlen(text), &err));
}

T_TEST(damaged_records_are_done_again)
{
    qlab_err err = QLAB_ERR_INIT;
    char *root = t_tmpdir(), *warnings = qlab_path_join(root, "warnings");
    qlab_env env = env_of(root, 2);
    const int fd = open(warnings, O_WRONLY | O_CREAT, 0600);
    T_CHECK(fd >= 0);
    const qlab_log log = {QLAB_LOG_WARN, fd};
    env.log = &log;
    qlab_job *job;
    work w = {.salt = 1, .fail_at = N};
    qlab_job_units units = units_of(&w);
    T_OK(qlab_job_open(&env, "test", qlab_sha256_of("p", 1), &job, &err));
    T_OK(qlab_job_run(job, &units, &err));
    char hex[QLAB_HEX_BYTES], *paths[4];
    for (size_t i = 0; i < 4; i++)
        paths[i] =
            qlab_asprintf("%s/%s.json", qlab_job_dir(job), qlab_hex_short(key(&w, i * 9), 32, hex));
    damage(paths[0], "{\"schema\":\"job_unit/1\",\"ke"); /* cut */
    damage(paths[1], "");
    damage(paths[2], "{\"key\":\"00\",\"result\":{\"unit\":18,\"half\":9.0}}"); /* another's */
    T_OK(qlab_file_remove(paths[3], &err));
    T_OK(qlab_job_run(job, &units, &err));
    T_CHECK(atomic_load(&w.n_run) == N + 4 && qlab_job_resumed(job) == N - 4);
    check_results(job);
    for (size_t i = 0; i < 4; i++)
        qlab_free(paths[i]);
    close(fd);

    qlab_buf text = QLAB_BUF_INIT;
    T_OK(qlab_file_read(warnings, &text, &err));
    size_t lines = 0;
    for (const char *p = text.at; (p = strstr(p, "warn ops job=test damaged_record=")); p++)
        lines++;
    T_CHECK(lines == 3);
    qlab_buf_free(&text);
    T_OK(qlab_job_finish(job, &err));
    qlab_free(warnings);
    qlab_pool_free(env.pool);
    t_rmdir(root);
}

T_TEST(one_process_a_plan)
{
    qlab_err err = QLAB_ERR_INIT;
    char *root = t_tmpdir();
    qlab_env env = env_of(root, 1);
    qlab_job *a, *b;
    T_OK(qlab_job_open(&env, "test", qlab_sha256_of("p", 1), &a, &err));
    assert_int_equal(qlab_job_open(&env, "test", qlab_sha256_of("p", 1), &b, &err), QLAB_E_LOCKED);
    qlab_err_reset(&err);
    T_OK(qlab_job_open(&env, "test", qlab_sha256_of("q", 1), &b, &err));
    qlab_job_close(a);
    qlab_job_close(b);
    qlab_job_close(NULL);
    T_OK(qlab_job_open(&env, "test", qlab_sha256_of("p", 1), &a, &err));
    qlab_job_close(a);

    /* A folder that belongs to another plan is never used. */
    char hex[QLAB_HEX_BYTES], *plan = NULL;
    plan = qlab_asprintf("%s/jobs/%s/plan.json", root,
                         qlab_hex_short(qlab_sha256_of("p", 1), 16, hex));
    damage(plan, "{\"plan\":\"abc\"}");
    assert_int_equal(qlab_job_open(&env, "test", qlab_sha256_of("p", 1), &a, &err), QLAB_E_CORRUPT);
    T_CONTAINS(err.text, "the folder belongs to plan abc, not to ");
    qlab_err_reset(&err);
    damage(plan, "{");
    T_OK(qlab_job_open(&env, "test", qlab_sha256_of("p", 1), &a, &err));
    qlab_job_close(a);
    T_OK(qlab_job_forget(&env, qlab_sha256_of("p", 1), &err));
    char *folder = qlab_strndup(plan, strlen(plan) - strlen("/plan.json"));
    T_CHECK(!qlab_file_exists(folder));
    T_OK(qlab_job_forget(&env, qlab_sha256_of("p", 1), &err)); /* none is fine */
    T_OK(qlab_job_open(&env, "test", qlab_sha256_of("p", 1), &a, &err));
    T_OK(qlab_job_forget(&env, qlab_sha256_of("p", 1), &err));
    T_CHECK(qlab_file_exists(folder)); /* somebody works there */
    qlab_job_close(a);
    qlab_free(folder);
    qlab_free(plan);
    qlab_pool_free(env.pool);
    t_rmdir(root);
}

T_MAIN(T_CASE(files_that_records_name_are_made_again), T_CASE(resume),
       T_CASE(damaged_records_are_done_again), T_CASE(one_process_a_plan))
