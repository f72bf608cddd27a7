#include "base/alloc.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <string.h>
#include <unistd.h>

/* No flush and no atexit: nothing half-made may be finished on the way out. */
static void give_up(size_t count, size_t size)
{
    char line[128];
    const int n = snprintf(line, sizeof line, "error: out of memory (%zu x %zu bytes were asked)\n",
                           count, size);
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
        _exit(5);
    _exit(5);
}

static size_t bytes_of(size_t count, size_t size)
{
    if (size != 0 && count > (SIZE_MAX / 2) / size)
        give_up(count, size);
    const size_t bytes = count * size;
    return bytes ? bytes : 1;
}

void *qlab_alloc(size_t count, size_t size)
{
    void *p = malloc(bytes_of(count, size));
    if (!p)
        give_up(count, size);
    return p;
}

void *qlab_alloc_zero(size_t count, size_t size)
{
    void *p = calloc(1, bytes_of(count, size));
    if (!p)
        give_up(count, size);
    return p;
}

void *qlab_realloc(void *p, size_t count, size_t size)
{
    void *q = realloc(p, bytes_of(count, size));
    if (!q)
        give_up(count, size);
    return q;
}

char *qlab_strndup(const char *s, size_t n)
{
    char *copy = qlab_alloc(n + 1, 1);
    if (n)
        memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *qlab_strdup(const char *s)
{
    return qlab_strndup(s, strlen(s));
}

char *qlab_asprintf(const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(n >= 0);
    char *text = qlab_alloc((size_t)n + 1, 1);
    vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}

void qlab_free(void *p)
{
    free(p);
}

void qlab_grow(void **p, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return;
    size_t next = *cap ? *cap : 8;
    while (next < need)
        next = next > SIZE_MAX / 2 ? need : next * 2;
    *p = qlab_realloc(*p, next, size);
    *cap = next;
}

void qlab_alloc_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
