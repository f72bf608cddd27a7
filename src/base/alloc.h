/* base/alloc.h -- the one checked allocator.
 *
 * A failed allocation ends the process with one line on stderr and exit 5; the write rules
 * (base/file.h) make that safe at any moment.  So nothing here returns NULL, n = 0 included.
 * Sizes are counts times element size, checked for overflow.  Threads: safe.
 */
#ifndef QLAB_BASE_ALLOC_H
#define QLAB_BASE_ALLOC_H

#include <stddef.h>

void *qlab_alloc(size_t count, size_t size); /* uninitialised */
void *qlab_alloc_zero(size_t count, size_t size);
void *qlab_realloc(void *p, size_t count, size_t size); /* p may be NULL */
char *qlab_strdup(const char *s);
char *qlab_strndup(const char *s, size_t n);
char *qlab_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void qlab_free(void *p);
/* Gives freed memory back to the system where the C library keeps it (glibc): after large units. */
void qlab_alloc_trim(void);

/* Grows *p so that it holds `need` elements (doubling); *cap is its capacity in elements. */
void qlab_grow(void **p, size_t *cap, size_t need, size_t size);

#endif
