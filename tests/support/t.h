/* tests/support/t.h -- thin macros over cmocka. */
#ifndef QLAB_TESTS_SUPPORT_T_H
#define QLAB_TESTS_SUPPORT_T_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four above first */
#include <cmocka.h>

#include "base/err.h"

#define T_CHECK(cond)          assert_true(cond)
#define T_NEAR(a, b, tol)      t_near((a), (b), (tol), #a, __FILE__, __LINE__)
#define T_SAME_BITS(a, b, n)   assert_memory_equal((a), (b), (n) * sizeof *(a))
#define T_STR(a, b)            assert_string_equal((a), (b))
#define T_CONTAINS(text, part) t_contains((text), (part), __FILE__, __LINE__)
#define T_OK(call)             t_ok((call), &err, #call, __FILE__, __LINE__) /* needs a qlab_err err */
#define T_FAILS(code_, call)   t_fails((code_), (call), &err, #call, __FILE__, __LINE__)
#define T_CASE(f)              cmocka_unit_test(f##_case)
/* T_TEST(name) { body } defines a case; list it with T_CASE(name). */
#define T_TEST(f)                                                                                  \
    static void f(void);                                                                           \
    static void f##_case(void **state)                                                             \
    {                                                                                              \
        (void)state;                                                                               \
        f();                                                                                       \
    }                                                                                              \
    static void f(void)
#define T_MAIN(...)                                                                                \
    int main(void)                                                                                 \
    {                                                                                              \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                           \
        return cmocka_run_group_tests(tests, NULL, NULL);                                          \
    }

void t_near(double a, double b, double tol, const char *what, const char *file,
            int line); /* |a-b| <= tol, NaN = NaN */
void t_contains(const char *text, const char *part, const char *file, int line);
void t_ok(qlab_code code, qlab_err *err, const char *what, const char *file, int line);
void t_fails(qlab_code want, qlab_code got, qlab_err *err, const char *what, const char *file,
             int line); /* resets err after a match */
/* A fresh folder below $TMPDIR or /tmp; removed by t_rmdir. Owned by the caller (free). */
char *t_tmpdir(void);
void t_rmdir(char *dir); /* removes the tree and frees */
/* A deterministic positive walk around 100 keyed by seed. */
void t_walk(uint64_t seed, double *x, size_t n);

#endif
