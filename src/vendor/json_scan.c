#include "vendor/json_scan.h"

#include <string.h>

const char *qlab_json_scan_fail(qlab_json_scan *s, const char *at, const char *why)
{
    s->bad_at = at;
    s->why = at >= s->end ? "the line ended inside a value" : why;
    return NULL;
}

static int hex4(const char *p)
{
    int v = 0;

    for (int i = 0; i < 4; i++) {
        const char c = p[i];
        int d;
        if (c >= '0' && c <= '9')
            d = c - '0';
        else if (c >= 'a' && c <= 'f')
            d = c - 'a' + 10;
        else if (c >= 'A' && c <= 'F')
            d = c - 'A' + 10;
        else
            return -1;
        v = v * 16 + d;
    }
    return v;
}

/* p at the backslash; returns the place behind the escape, or NULL. */
static const char *escape(qlab_json_scan *s, const char *p)
{
    switch (p[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return p + 2;
    case 'u':
        break;
    default:
        return qlab_json_scan_fail(s, p, "bad escape in a string");
    }
    const int u = hex4(p + 2);
    if (u < 0)
        return qlab_json_scan_fail(s, p, "bad \\u escape in a string");
    if (u < 0xd800 || u > 0xdfff)
        return p + 6;
    const int low = u < 0xdc00 && p[6] == '\\' && p[7] == 'u' ? hex4(p + 8) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return qlab_json_scan_fail(s, p, "half a surrogate pair in a string");
    return p + 12;
}

const char *qlab_json_scan_string(qlab_json_scan *s, const char *p, qlab_str *body, bool *escaped)
{
    const char *first = ++p;

    *escaped = false;
    for (;;) {
        const unsigned char c = (unsigned char)*p;
        if (c == '"')
            break;
        if (c == '\\') {
            *escaped = true;
            p = escape(s, p);
            if (p == NULL)
                return NULL;
        } else if (c < 0x20) {
            return qlab_json_scan_fail(s, p, "control character in a string");
        } else {
            p++;
        }
    }
    *body = (qlab_str){first, (size_t)(p - first)};
    return p + 1;
}

static size_t put_utf8(int c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

size_t qlab_json_scan_unescape(qlab_str body, char *out)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    size_t n = 0;

    for (size_t i = 0; i < body.n;) {
        if (body.at[i] != '\\') {
            out[n++] = body.at[i++];
            continue;
        }
        const char c = body.at[i + 1];
        if (c != 'u') {
            const char *k = strchr(from, c);
            out[n++] = k != NULL ? to[k - from] : c;
            i += 2;
            continue;
        }
        int u = hex4(body.at + i + 2);
        i += 6;
        if (u >= 0xd800 && u <= 0xdfff) {
            u = 0x10000 + ((u - 0xd800) << 10) + (hex4(body.at + i + 2) - 0xdc00);
            i += 6;
        }
        n += put_utf8(u, out + n);
    }
    return n;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

const char *qlab_json_scan_number(qlab_json_scan *s, const char *p)
{
    if (*p == '-')
        p++;
    if (!is_digit(*p))
        return qlab_json_scan_fail(s, p, "expected a digit");
    if (*p == '0' && is_digit(p[1]))
        return qlab_json_scan_fail(s, p, "a number began with 0");
    while (is_digit(*p))
        p++;
    if (*p == '.') {
        p++;
        if (!is_digit(*p))
            return qlab_json_scan_fail(s, p, "expected a digit after the point");
        while (is_digit(*p))
            p++;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '+' || *p == '-')
            p++;
        if (!is_digit(*p))
            return qlab_json_scan_fail(s, p, "expected a digit in the exponent");
        while (is_digit(*p))
            p++;
    }
    return p;
}

static const char *literal(qlab_json_scan *s, const char *p, const char *word, size_t n)
{
    if (memcmp(p, word, n) != 0)
        return qlab_json_scan_fail(s, p, "expected a value");
    return p + n;
}

static const char *scalar(qlab_json_scan *s, const char *p)
{
    qlab_str body;
    bool escaped;

    switch (*p) {
    case '"':
        return qlab_json_scan_string(s, p, &body, &escaped);
    case 't':
        return literal(s, p, "true", 4);
    case 'f':
        return literal(s, p, "false", 5);
    case 'n':
        return literal(s, p, "null", 4);
    default:
        if (*p == '-' || is_digit(*p))
            return qlab_json_scan_number(s, p);
        return qlab_json_scan_fail(s, p, "expected a value");
    }
}

/* Behind '{' or ',' of an object: the key and its colon. */
static const char *member(qlab_json_scan *s, const char *p)
{
    qlab_str key;
    bool escaped;

    p = qlab_json_scan_space(p);
    if (*p != '"')
        return qlab_json_scan_fail(s, p, "expected a key");
    p = qlab_json_scan_string(s, p, &key, &escaped);
    if (p == NULL)
        return NULL;
    p = qlab_json_scan_space(p);
    if (*p != ':')
        return qlab_json_scan_fail(s, p, "expected ':'");
    return p + 1;
}

/* No recursion: open[d] is what the d-th open bracket must be closed by. */
const char *qlab_json_scan_value(qlab_json_scan *s, const char *p)
{
    char open[QLAB_JSON_SCAN_DEPTH];
    size_t depth = 0;

    for (;;) {
        p = qlab_json_scan_space(p);
        if (*p == '{' || *p == '[') {
            if (depth == QLAB_JSON_SCAN_DEPTH)
                return qlab_json_scan_fail(s, p, "nested deeper than 64");
            const char close = *p == '{' ? '}' : ']';
            p = qlab_json_scan_space(p + 1);
            if (*p != close) {
                open[depth++] = close;
                if (close == '}' && (p = member(s, p)) == NULL)
                    return NULL;
                continue;
            }
            p++;
        } else if ((p = scalar(s, p)) == NULL) {
            return NULL;
        }
        /* behind a value: close what closes, then the next member or element */
        for (;;) {
            if (depth == 0)
                return p;
            p = qlab_json_scan_space(p);
            if (*p == ',') {
                p++;
                if (open[depth - 1] == '}' && (p = member(s, p)) == NULL)
                    return NULL;
                break;
            }
            if (*p != open[depth - 1])
                return qlab_json_scan_fail(
                    s, p, open[depth - 1] == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
            depth--;
            p++;
        }
    }
}
