/* vendor/json_scan.h -- strict JSON, token by token, over bytes that stay where they are.
 *
 * Nothing is allocated and nothing is copied.  Every function takes the place of the next byte and
 * returns the place behind the token, or NULL after setting scan->bad_at and scan->why.
 *
 * The text must end in a byte that no token can hold (a line feed or a 0) with
 * QLAB_JSON_SCAN_PAD - 1 more readable bytes behind it; so no function looks at a length, and a
 * token that runs into the end fails there.  Strictness: RFC 8259 with no extension; \u escapes
 * must form whole characters; nesting at most QLAB_JSON_SCAN_DEPTH.  UTF-8 is the caller's to
 * check. Threads: pure.
 */
#ifndef QLAB_VENDOR_JSON_SCAN_H
#define QLAB_VENDOR_JSON_SCAN_H

#include "base/view.h"

enum { QLAB_JSON_SCAN_PAD = 64, QLAB_JSON_SCAN_DEPTH = 64 };

typedef struct qlab_json_scan {
    const char *end;    /* the closing byte described above */
    const char *bad_at; /* where it failed */
    const char *why;    /* a literal: "expected ':'" */
} qlab_json_scan;

/* Sets bad_at and why; returns NULL. */
const char *qlab_json_scan_fail(qlab_json_scan *s, const char *at, const char *why);

static inline const char *qlab_json_scan_space(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\r')
        p++;
    return p;
}

/* p at '"'.  *body is what lies between the quotes, *escaped whether a backslash is in it. */
const char *qlab_json_scan_string(qlab_json_scan *s, const char *p, qlab_str *body, bool *escaped);
/* The characters that an escaped body stands for, into out (room for body.n bytes); their number.
 */
size_t qlab_json_scan_unescape(qlab_str body, char *out);
/* p at '-' or a digit: the grammar of a number alone. */
const char *qlab_json_scan_number(qlab_json_scan *s, const char *p);
/* Any value. */
const char *qlab_json_scan_value(qlab_json_scan *s, const char *p);

#endif
