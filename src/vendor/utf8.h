/* vendor/utf8.h -- UTF-8 checked in pieces: the state between two pieces is a few bytes.
 *
 * Strict (no surrogates, no overlong forms, nothing above U+10FFFF).  Zero-initialise at the start
 * of a line.  Threads: pure.
 */
#ifndef QLAB_VENDOR_UTF8_H
#define QLAB_VENDOR_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct qlab_utf8 {
    uint8_t n_left;    /* continuation bytes that must follow */
    uint8_t low, high; /* what the next of them may be */
} qlab_utf8;

/* Returns n, or the position of the first byte that cannot be there. */
size_t qlab_utf8_feed(qlab_utf8 *u, const char *bytes, size_t n);
/* False: the piece before ended inside a character. */
static inline bool qlab_utf8_at_border(const qlab_utf8 *u)
{
    return u->n_left == 0;
}

#endif
