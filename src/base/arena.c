#include "base/arena.h"
#include "base/alloc.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_BLOCK_BYTES = 64 * 1024, LAST_BLOCK_BYTES = 4 * 1024 * 1024, ALIGN = 16 };

typedef struct qlab_arena_block {
    struct qlab_arena_block *next;
    size_t cap, used;
    _Alignas(ALIGN) unsigned char at[];
} block;

static block *add_block(qlab_arena *a, size_t need)
{
    size_t cap = a->head ? a->head->cap * 2 : FIRST_BLOCK_BYTES;
    if (cap > LAST_BLOCK_BYTES)
        cap = LAST_BLOCK_BYTES;
    if (cap < need)
        cap = need;
    block *b = qlab_alloc(sizeof *b + cap, 1);
    b->cap = cap;
    b->used = 0;
    if (a->head && need > LAST_BLOCK_BYTES) {
        /* A piece of its own size: keep filling the block that stands. */
        b->next = a->head->next;
        a->head->next = b;
    } else {
        b->next = a->head;
        a->head = b;
    }
    return b;
}

void *qlab_arena_alloc(qlab_arena *a, size_t count, size_t size)
{
    assert(size == 0 || count <= (SIZE_MAX / 4) / size);
    const size_t need = (count * size + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
    block *b = a->head;
    if (!b || b->cap - b->used < need)
        b = add_block(a, need);
    void *p = b->at + b->used;
    b->used += need;
    a->used_bytes += need;
    return p;
}

char *qlab_arena_strndup(qlab_arena *a, const char *s, size_t n)
{
    char *copy = qlab_arena_alloc(a, n + 1, 1);
    if (n)
        memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *qlab_arena_printf(qlab_arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(n >= 0);
    char *text = qlab_arena_alloc(a, (size_t)n + 1, 1);
    vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}

void qlab_arena_reset(qlab_arena *a)
{
    block *keep = NULL;
    for (block *b = a->head; b; b = b->next)
        if (!keep || b->cap > keep->cap)
            keep = b;
    for (block *b = a->head; b;) {
        block *next = b->next;
        if (b != keep)
            qlab_free(b);
        b = next;
    }
    if (keep) {
        keep->next = NULL;
        keep->used = 0;
    }
    a->head = keep;
    a->used_bytes = 0;
}

void qlab_arena_free(qlab_arena *a)
{
    for (block *b = a->head; b;) {
        block *next = b->next;
        qlab_free(b);
        b = next;
    }
    a->head = NULL;
    a->used_bytes = 0;
}
