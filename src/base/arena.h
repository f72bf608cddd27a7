/* base/arena.h -- many small allocations that die together.
 *
 * Owns what is made in it; there is no free of one piece.  Blocks double from 64 KiB to 4 MiB.
 * Zero-initialise with QLAB_ARENA_INIT.  Threads: one arena belongs to one thread.
 */
#ifndef QLAB_BASE_ARENA_H
#define QLAB_BASE_ARENA_H

#include <stddef.h>

typedef struct qlab_arena {
    struct qlab_arena_block *head;
    size_t used_bytes; /* handed out since the last reset */
} qlab_arena;

#define QLAB_ARENA_INIT                                                                            \
    {                                                                                              \
        NULL, 0                                                                                    \
    }

void *qlab_arena_alloc(qlab_arena *a, size_t count, size_t size); /* aligned to 16, uninitialised */
char *qlab_arena_strndup(qlab_arena *a, const char *s, size_t n); /* NUL-terminated */
char *qlab_arena_printf(qlab_arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void qlab_arena_reset(qlab_arena *a); /* forgets all, keeps the largest block */
void qlab_arena_free(qlab_arena *a);

#endif
