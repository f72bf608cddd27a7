#include "vendor/utf8.h"

#include <string.h>

static size_t ascii_run(const char *s, size_t n)
{
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        uint64_t w[4];
        memcpy(w, s + i, sizeof w);
        if ((w[0] | w[1] | w[2] | w[3]) & 0x8080808080808080ULL)
            break;
    }
    while (i < n && (unsigned char)s[i] < 0x80)
        i++;
    return i;
}

/* Unicode 15, table 3-7: what may follow a leading byte. */
static bool lead(qlab_utf8 *u, unsigned char c)
{
    u->low = 0x80;
    u->high = 0xbf;
    if (c >= 0xc2 && c <= 0xdf) {
        u->n_left = 1;
    } else if (c >= 0xe0 && c <= 0xef) {
        u->n_left = 2;
        if (c == 0xe0)
            u->low = 0xa0;
        if (c == 0xed)
            u->high = 0x9f;
    } else if (c >= 0xf0 && c <= 0xf4) {
        u->n_left = 3;
        if (c == 0xf0)
            u->low = 0x90;
        if (c == 0xf4)
            u->high = 0x8f;
    } else {
        return false;
    }
    return true;
}

size_t qlab_utf8_feed(qlab_utf8 *u, const char *bytes, size_t n)
{
    size_t i = 0;

    while (i < n) {
        const unsigned char c = (unsigned char)bytes[i];
        if (u->n_left > 0) {
            if (c < u->low || c > u->high)
                return i;
            u->n_left--;
            u->low = 0x80;
            u->high = 0xbf;
            i++;
        } else if (c < 0x80) {
            i += ascii_run(bytes + i, n - i);
        } else {
            if (!lead(u, c))
                return i;
            i++;
        }
    }
    return n;
}
