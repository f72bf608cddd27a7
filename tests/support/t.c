#include "support/t.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void t_near(double a, double b, double tol, const char *what, const char *file, int line)
{
    if (isnan(a) && isnan(b))
        return;
    if (fabs(a - b) <= tol)
        return;
    fprintf(stderr, "%s:%d: %s = %.17g, wanted %.17g within %g\n", file, line, what, a, b, tol);
    _fail(file, line);
}

void t_contains(const char *text, const char *part, const char *file, int line)
{
    if (strstr(text, part))
        return;
    fprintf(stderr, "%s:%d: \"%s\" does not contain \"%s\"\n", file, line, text, part);
    _fail(file, line);
}

void t_ok(qlab_code code, qlab_err *err, const char *what, const char *file, int line)
{
    if (code == QLAB_OK)
        return;
    fprintf(stderr, "%s:%d: %s failed (%s): %s\n", file, line, what, qlab_code_name(code),
            err->text);
    _fail(file, line);
}

void t_fails(qlab_code want, qlab_code got, qlab_err *err, const char *what, const char *file,
             int line)
{
    if (want == got) {
        qlab_err_reset(err);
        return;
    }
    fprintf(stderr, "%s:%d: %s gave %s (%s), wanted %s\n", file, line, what, qlab_code_name(got),
            err->text, qlab_code_name(want));
    _fail(file, line);
}

char *t_tmpdir(void)
{
    const char *base = getenv("TMPDIR");
    char *path = qlab_asprintf("%s/qlab-test-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(path)) {
        perror(path);
        abort();
    }
    return path;
}

void t_rmdir(char *dir)
{
    qlab_err err = QLAB_ERR_INIT;
    if (qlab_dir_remove_tree(dir, &err) != QLAB_OK)
        fprintf(stderr, "t_rmdir: %s\n", err.text);
    qlab_free(dir);
}

void t_walk(uint64_t seed, double *x, size_t n)
{
    double level = 100.0;
    for (size_t i = 0; i < n; i++) {
        level *= 1.0 + 0.04 * (qlab_rng_uniform(seed, 0, i) - 0.5);
        x[i] = level;
    }
}
