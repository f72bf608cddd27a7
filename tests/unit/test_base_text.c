/* Errors, arenas, views, buffers, the log and the memory plan. */
#include "support/t.h"
#include "base/alloc.h"
#include "base/arena.h"
#include "base/env.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

T_TEST(errors)
{
    qlab_err err = QLAB_ERR_INIT;
    assert_int_equal(qlab_fail(&err, QLAB_E_CORRUPT, "bar %d was\nbad", 3), QLAB_E_CORRUPT);
    T_STR(err.text, "bar 3 was?bad"); /* one line */
    assert_int_equal(qlab_err_prefix(&err, "pack %s", "X"), QLAB_E_CORRUPT);
    T_STR(err.text, "pack X: bar 3 was?bad");
    assert_int_equal(qlab_fail(&err, QLAB_E_IO, "%s again", err.text), QLAB_E_IO);
    T_STR(err.text, "pack X: bar 3 was?bad again");

    char longer[3000];
    memset(longer, 'p', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    qlab_fail_errno(&err, ENOENT, "%s", longer);
    assert_int_equal(err.code, QLAB_E_NOT_FOUND);
    T_CONTAINS(err.text, "ppp: No such file or directory");
    qlab_fail(&err, QLAB_E_IO, "%s", longer);
    qlab_err_prefix(&err, "%s", longer);
    T_CHECK(strlen(err.text) == QLAB_ERR_TEXT_BYTES - 1);

    static const int exits[] = {0, 2, 2, 3, 3, 3, 3, 3, 4, 5, 75, 70};
    for (int c = QLAB_OK; c <= QLAB_E_INTERNAL; c++) {
        assert_int_equal(qlab_exit_code((qlab_code)c), exits[c]);
        for (int d = QLAB_OK; d < c; d++)
            T_CHECK(strcmp(qlab_code_name((qlab_code)c), qlab_code_name((qlab_code)d)) != 0);
    }
}

T_TEST(arenas)
{
    qlab_arena a = QLAB_ARENA_INIT;
    for (int round = 0; round < 3; round++) {
        unsigned char *pieces[500];
        for (size_t i = 0; i < 500; i++) {
            const size_t n = i % 50 == 49 ? 5000000 / (1 + i % 7) : i * 13;
            pieces[i] = qlab_arena_alloc(&a, n, 1);
            T_CHECK((uintptr_t)pieces[i] % 16 == 0);
            memset(pieces[i], (int)(i & 255), n);
        }
        for (size_t i = 0; i < 500; i++)
            if (i * 13 > 0 && i % 50 != 49)
                T_CHECK(pieces[i][0] == (i & 255) && pieces[i][i * 13 - 1] == (i & 255));
        T_CHECK(a.used_bytes > 0);
        qlab_arena_reset(&a);
        T_CHECK(a.used_bytes == 0);
    }
    T_STR(qlab_arena_printf(&a, "%s-%d", "x", 7), "x-7");
    T_STR(qlab_arena_strndup(&a, "abcdef", 3), "abc");
    qlab_arena_free(&a);
    T_CHECK(a.head == NULL);
}

T_TEST(out_of_memory_ends_the_process)
{
    int p[2];
    T_CHECK(pipe(p) == 0);
    const pid_t pid = fork();
    T_CHECK(pid >= 0);
    if (pid == 0) {
        dup2(p[1], STDERR_FILENO);
        void *volatile x = qlab_alloc((size_t)-1 / 2, 16);
        _exit(x ? 1 : 2);
    }
    close(p[1]);
    char text[256] = "";
    int status;
    T_CHECK(read(p[0], text, sizeof text - 1) > 0);
    T_CHECK(waitpid(pid, &status, 0) == pid);
    T_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    T_CHECK(strncmp(text, "error: out of memory (", 22) == 0);
    close(p[0]);
}

T_TEST(strings)
{
    T_CHECK(qlab_str_eq(qlab_str_of("ab"), QLAB_STR("ab")));
    T_CHECK(!qlab_str_eq(qlab_str_of("ab"), QLAB_STR("abc")));
    T_CHECK(qlab_str_cmp(QLAB_STR("ab"), QLAB_STR("abc")) < 0);
    T_CHECK(qlab_str_cmp(QLAB_STR("\xff"), QLAB_STR("a")) > 0);
    T_CHECK(qlab_str_cmp(QLAB_STR(""), QLAB_STR("")) == 0);

    static const char *const words[] = {"min_bars", "min_close", "classes", NULL};
    T_STR(qlab_str_nearest("min_barz", words), "min_bars");
    T_STR(qlab_str_nearest("mni_bars", words), "min_bars");
    T_STR(qlab_str_nearest("clases", words), "classes");
    T_CHECK(qlab_str_nearest("zzz", words) == NULL);
    T_CHECK(qlab_str_nearest("", words) == NULL);
}

T_TEST(utf8)
{
    static const char *const good[] = {"",
                                       "plain ascii text",
                                       "\xc3\xa9",
                                       "\xe2\x82\xac",
                                       "\xf0\x9f\x98\x80",
                                       "12345678\xc3\xa9",
                                       "\xf4\x8f\xbf\xbf",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80"};
    static const char *const bad[] = {
        "\xff",          "\xc3",         "\xc0\x80",         "\xc1\xbf",
        "\xe0\x80\x80",  "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\x80",          "12345678\x80", "\xe2\x82",         "\xf0\x8f\xbf\xbf",
        "\xc3\xa9\xc3(", "abcdefg\xff"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        T_CHECK(qlab_str_is_utf8(qlab_str_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        T_CHECK(!qlab_str_is_utf8(qlab_str_of(bad[i])));
    T_CHECK(qlab_str_is_utf8((qlab_str){"a\0b", 3}));
}

T_TEST(buffers)
{
    qlab_buf b = QLAB_BUF_INIT;
    for (int i = 0; i < 1000; i++)
        qlab_buf_putf(&b, "%d,", i);
    qlab_buf_puts(&b, "end");
    qlab_buf_put(&b, "", 0);
    T_CHECK(b.n == 3893 && b.at[b.n] == '\0');
    T_CONTAINS(b.at, "998,999,end");
    qlab_buf_free(&b);
    T_CHECK(b.at == NULL);
}

T_TEST(log_lines)
{
    int p[2];
    T_CHECK(pipe(p) == 0);
    const qlab_log log = {QLAB_LOG_INFO, p[1]};
    qlab_log_line(&log, QLAB_LOG_DEBUG, "base", "not=shown");
    qlab_log_line(&log, QLAB_LOG_WARN, "vendor", "pack=%s reason=%s n=%d", "a b.gz", "say \"x\"",
                  3);
    qlab_log_line(&log, QLAB_LOG_INFO, "lake", "path=/x/y empty= text=two\nlines");
    close(p[1]);
    char text[512] = "";
    T_CHECK(read(p[0], text, sizeof text - 1) > 0);
    T_STR(text, "warn vendor pack=\"a b.gz\" reason=\"say \\\"x\\\"\" n=3\n"
                "info lake path=/x/y empty=\"\" text=\"two\\x0alines\"\n");
    close(p[0]);
    qlab_log_line(NULL, QLAB_LOG_ERROR, "base", "nobody=listens");
}

T_TEST(memory_plan)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_pool *pool = qlab_pool_new(2);
    qlab_env env = {.pool = pool, .memory_limit_bytes = (size_t)512 << 20};
    T_OK(qlab_env_check(&env, &err));
    T_CHECK(qlab_env_duck_bytes(&env) == (size_t)128 << 20);
    T_CHECK(qlab_env_unit_bytes(&env) == (size_t)(512 - 128 - 96) / 2 << 20);
    env.memory_limit_bytes = (size_t)100 << 20;
    assert_int_equal(qlab_env_check(&env, &err), QLAB_E_LIMIT);
    T_STR(err.text, "the memory limit of 100 MiB was below the least that any command needs (256 "
                    "MiB): give --memory-limit 256MiB or more");
    env.memory_limit_bytes = (size_t)64 << 30;
    T_CHECK(qlab_env_duck_bytes(&env) == (size_t)1 << 30);
    qlab_pool_free(pool);
    T_CHECK(qlab_peak_rss_bytes() > 1000000);
}

T_MAIN(T_CASE(errors), T_CASE(arenas), T_CASE(out_of_memory_ends_the_process), T_CASE(strings),
       T_CASE(utf8), T_CASE(buffers), T_CASE(log_lines), T_CASE(memory_plan))
