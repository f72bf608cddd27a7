#include "base/alloc.h"
#include "base/view.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

qlab_str qlab_str_of(const char *s)
{
    return (qlab_str){s, s ? strlen(s) : 0};
}

bool qlab_str_eq(qlab_str a, qlab_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.at, b.at, a.n) == 0);
}

int qlab_str_cmp(qlab_str a, qlab_str b)
{
    const size_t n = a.n < b.n ? a.n : b.n;
    const int c = n ? memcmp(a.at, b.at, n) : 0;
    if (c != 0)
        return c;
    return a.n < b.n ? -1 : a.n > b.n;
}

/* Bytes of the well-formed sequence at p (1..4), 0 if there is none (Unicode 15, table 3-7). */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
    const unsigned char c = p[0];
    size_t n;
    unsigned char low = 0x80, high = 0xBF; /* what the second byte may be */
    if (c < 0x80)
        return 1;
    if (c < 0xC2)
        return 0;
    if (c < 0xE0) {
        n = 2;
    } else if (c < 0xF0) {
        n = 3;
        if (c == 0xE0)
            low = 0xA0;
        if (c == 0xED)
            high = 0x9F;
    } else if (c < 0xF5) {
        n = 4;
        if (c == 0xF0)
            low = 0x90;
        if (c == 0xF4)
            high = 0x8F;
    } else {
        return 0;
    }
    if (left < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t k = 2; k < n; k++)
        if ((p[k] & 0xC0) != 0x80)
            return 0;
    return n;
}

bool qlab_str_is_utf8(qlab_str s)
{
    const unsigned char *p = (const unsigned char *)s.at;
    size_t left = s.n;
    while (left > 0) {
        /* Packs are nearly all ASCII: eight bytes a step. */
        uint64_t eight;
        while (left >= sizeof eight) {
            memcpy(&eight, p, sizeof eight);
            if (eight & UINT64_C(0x8080808080808080))
                break;
            p += sizeof eight;
            left -= sizeof eight;
        }
        if (left == 0)
            break;
        const size_t n = utf8_sequence(p, left);
        if (n == 0)
            return false;
        p += n;
        left -= n;
    }
    return true;
}

enum { WORD_BYTES = 64 };

/* Edit distance with swaps of neighbours; words of up to WORD_BYTES bytes. */
static size_t edit_distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t d[WORD_BYTES + 1][WORD_BYTES + 1];
    for (size_t i = 0; i <= na; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= nb; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= na; i++)
        for (size_t j = 1; j <= nb; j++) {
            size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[na][nb];
}

const char *qlab_str_nearest(const char *word, const char *const *words)
{
    const size_t n = strlen(word);
    const char *best = NULL;
    if (n > WORD_BYTES)
        return NULL;
    size_t least = (n < 6 ? 1 : n / 3) + 1; /* must be below */
    for (; *words; words++) {
        const size_t m = strlen(*words);
        if (m > WORD_BYTES)
            continue;
        const size_t distance = edit_distance(word, n, *words, m);
        if (distance < least) {
            least = distance;
            best = *words;
        }
    }
    return best;
}

void qlab_buf_reserve(qlab_buf *b, size_t extra)
{
    assert(extra < SIZE_MAX / 4);
    const size_t need = b->n + extra + 1;
    if (need <= b->cap)
        return;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need)
        cap *= 2;
    b->at = qlab_realloc(b->at, cap, 1);
    b->cap = cap;
}

void qlab_buf_put(qlab_buf *b, const void *bytes, size_t n)
{
    qlab_buf_reserve(b, n);
    if (n)
        memcpy(b->at + b->n, bytes, n);
    b->n += n;
    b->at[b->n] = '\0';
}

void qlab_buf_puts(qlab_buf *b, const char *s)
{
    qlab_buf_put(b, s, strlen(s));
}

void qlab_buf_putf(qlab_buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(n >= 0);
    qlab_buf_reserve(b, (size_t)n);
    vsnprintf(b->at + b->n, (size_t)n + 1, fmt, again);
    va_end(again);
    b->n += (size_t)n;
}

void qlab_buf_free(qlab_buf *b)
{
    qlab_free(b->at);
    b->at = NULL;
    b->n = b->cap = 0;
}
