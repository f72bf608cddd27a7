#include "vendor/bar_parser.h"

#include "base/date.h"
#include "base/decimal.h"

#include <math.h>
#include <string.h>

enum { KEY_DATE = QLAB_N_FIELDS, KEY_UNKNOWN, MAX_KEY_BYTES = 14, MAX_NUMBER_TEXT = 512 };

static const double POW10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                               1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                               1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* A number at p.  Up to 18 digits with no exponent and a mantissa below 2^53 are one exact
 * division (Clinger 1990); everything else is base/decimal.h.  NULL: broken grammar. */
static inline const char *number(qlab_json_scan *s, const char *p, double *out, bool *bad)
{
    const char *first = p;
    const bool negative = *p == '-';
    uint64_t m = 0;

    p += negative;
    const char *digits = p;
    while ((unsigned char)(*p - '0') < 10)
        m = m * 10 + (unsigned char)(*p++ - '0');
    size_t n = (size_t)(p - digits), n_fraction = 0;
    if (*p == '.') {
        const char *point = ++p;
        while ((unsigned char)(*p - '0') < 10)
            m = m * 10 + (unsigned char)(*p++ - '0');
        n_fraction = (size_t)(p - point);
        if (n_fraction == 0)
            n = 0; /* the slow path says why */
    }
    if (n > 0 && n + n_fraction <= 18 && m <= (1ULL << 53) && (*p | 0x20) != 'e' &&
        (*digits != '0' || n == 1)) {
        const double v = (double)m / POW10[n_fraction];
        *out = negative && m != 0 ? -v : v;
        return p;
    }
    const char *end = qlab_json_scan_number(s, first);
    if (end == NULL)
        return NULL;
    size_t n_read;
    const qlab_decimal_status st =
        qlab_decimal_parse(first, (size_t)(end - first), out, &n_read, NULL);
    *bad = st != QLAB_DECIMAL_OK || n_read != (size_t)(end - first);
    if (*out == 0)
        *out = 0.0;
    return end;
}

bool qlab_cell_number(qlab_str cell, double *out)
{
    size_t n_read = 0;

    if (cell.n == 0 || qlab_decimal_parse(cell.at, cell.n, out, &n_read, NULL) != QLAB_DECIMAL_OK ||
        n_read != cell.n)
        return false;
    if (*out == 0)
        *out = 0.0;
    return true;
}

static unsigned key_of(qlab_str k)
{
    switch (k.n) {
    case 3:
        return memcmp(k.at, "low", 3) == 0 ? QLAB_FIELD_LOW : KEY_UNKNOWN;
    case 4:
        if (memcmp(k.at, "date", 4) == 0)
            return KEY_DATE;
        if (memcmp(k.at, "open", 4) == 0)
            return QLAB_FIELD_OPEN;
        return memcmp(k.at, "high", 4) == 0 ? QLAB_FIELD_HIGH : KEY_UNKNOWN;
    case 5:
        return memcmp(k.at, "close", 5) == 0 ? QLAB_FIELD_CLOSE : KEY_UNKNOWN;
    case 6:
        return memcmp(k.at, "volume", 6) == 0 ? QLAB_FIELD_VOLUME : KEY_UNKNOWN;
    case 14:
        return memcmp(k.at, "adjusted_close", 14) == 0 ? QLAB_FIELD_ADJUSTED : KEY_UNKNOWN;
    default:
        return KEY_UNKNOWN;
    }
}

static unsigned key_of_body(qlab_str body, bool escaped)
{
    char plain[6 * MAX_KEY_BYTES];

    if (!escaped)
        return key_of(body);
    if (body.n > sizeof plain)
        return KEY_UNKNOWN;
    const size_t n = qlab_json_scan_unescape(body, plain);
    return key_of((qlab_str){plain, n});
}

static const char *date_value(qlab_json_scan *s, const char *p, qlab_raw_bar *out)
{
    qlab_str body;
    bool escaped;
    char plain[6 * (QLAB_DATE_BYTES - 1)];

    if (*p != '"') {
        out->date_state = *p == 'n' ? QLAB_DATE_EMPTY : QLAB_DATE_BAD;
        return qlab_json_scan_value(s, p);
    }
    p = qlab_json_scan_string(s, p, &body, &escaped);
    if (p == NULL)
        return NULL;
    if (escaped && body.n <= sizeof plain)
        body = (qlab_str){plain, qlab_json_scan_unescape(body, plain)};
    if (body.n == 0)
        out->date_state = QLAB_DATE_EMPTY;
    else
        out->date_state =
            qlab_date_parse(body.at, body.n, &out->date) ? QLAB_DATE_GOOD : QLAB_DATE_BAD;
    return p;
}

/* The words that Python's json writes for what JSON cannot say. */
static size_t not_a_number_word(const char *p)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};

    if (*p != 'N' && *p != 'I' && !(*p == '-' && p[1] == 'I'))
        return 0;
    for (size_t i = 0; i < 3; i++) {
        const size_t n = strlen(words[i]);
        if (strncmp(p, words[i], n) == 0)
            return n;
    }
    return 0;
}

static const char *field_value(qlab_json_scan *s, const char *p, unsigned field, qlab_raw_bar *out)
{
    qlab_str body;
    bool escaped, bad = false;
    char plain[MAX_NUMBER_TEXT];
    const size_t word = not_a_number_word(p);

    if (word > 0) {
        out->bad_fields |= 1U << field;
        return p + word;
    }
    if (*p == '-' || (*p >= '0' && *p <= '9')) {
        p = number(s, p, &out->v[field], &bad);
    } else if (*p == '"') {
        p = qlab_json_scan_string(s, p, &body, &escaped);
        if (p == NULL)
            return NULL;
        bad = escaped && body.n > sizeof plain;
        if (escaped && !bad)
            body = (qlab_str){plain, qlab_json_scan_unescape(body, plain)};
        bad = bad || !qlab_cell_number(body, &out->v[field]);
    } else {
        bad = *p != 'n';
        p = qlab_json_scan_value(s, p);
    }
    if (bad)
        out->bad_fields |= 1U << field;
    return p;
}

static void clear(qlab_raw_bar *out)
{
    out->date_state = QLAB_DATE_EMPTY;
    out->date = QLAB_DATE_NONE;
    out->bad_fields = 0;
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++)
        out->v[f] = NAN;
}

const char *qlab_bar_parse_general(qlab_json_scan *s, const char *p, qlab_raw_bar *out)
{
    unsigned seen = 0;
    qlab_str body;
    bool escaped;

    clear(out);
    if (*p != '{')
        return qlab_json_scan_fail(s, p, "expected a bar");
    p = qlab_json_scan_space(p + 1);
    if (*p == '}')
        return p + 1;
    for (;;) {
        const char *key_at = p;
        if (*p != '"')
            return qlab_json_scan_fail(s, p, "expected a key");
        p = qlab_json_scan_string(s, p, &body, &escaped);
        if (p == NULL)
            return NULL;
        const unsigned key = key_of_body(body, escaped);
        if (key != KEY_UNKNOWN && (seen >> key & 1U))
            return qlab_json_scan_fail(s, key_at, "a key came twice in a bar");
        seen |= 1U << key;
        p = qlab_json_scan_space(p);
        if (*p != ':')
            return qlab_json_scan_fail(s, p, "expected ':'");
        p = qlab_json_scan_space(p + 1);
        if (key == KEY_DATE)
            p = date_value(s, p, out);
        else if (key == KEY_UNKNOWN)
            p = qlab_json_scan_value(s, p);
        else
            p = field_value(s, p, key, out);
        if (p == NULL)
            return NULL;
        p = qlab_json_scan_space(p);
        if (*p == '}')
            return p + 1;
        if (*p != ',')
            return qlab_json_scan_fail(s, p, "expected ',' or '}'");
        p = qlab_json_scan_space(p + 1);
    }
}

/* ---- the usual form -------------------------------------------------------------------------- */

static int two_digits(const char *p)
{
    const unsigned a = (unsigned char)(p[0] - '0'), b = (unsigned char)(p[1] - '0');
    return a < 10 && b < 10 ? (int)(a * 10 + b) : -1;
}

static bool date_fast(const char *p, qlab_month_memo *memo, int32_t *date)
{
    const int day = two_digits(p + 8);

    if (p[7] == '-' && memcmp(p, memo->text, 7) == 0 && day >= 1 && day <= memo->n_days) {
        *date = memo->first + day - 1;
        return true;
    }
    if (!qlab_date_parse(p, 10, date))
        return false;
    const int32_t month = qlab_date_month_index(*date);
    memcpy(memo->text, p, 7);
    memo->first = qlab_date_of_month_index(month);
    memo->n_days = *date - memo->first + 1;
    /* December 9999 has no month behind it; its days are then known one by one. */
    if (memo->text[0] != '9')
        memo->n_days = qlab_date_of_month_index(month + 1) - memo->first;
    return true;
}

/* `"name":` with an optional space before and after; NULL when it is not there. */
#define EXPECT(p, literal)                                                                         \
    do {                                                                                           \
        (p) += *(p) == ' ';                                                                        \
        if (memcmp((p), literal, sizeof(literal) - 1) != 0)                                        \
            return NULL;                                                                           \
        (p) += sizeof(literal) - 1;                                                                \
        (p) += *(p) == ' ';                                                                        \
    } while (0)

static inline const char *value_fast(qlab_json_scan *s, const char *p, double *out)
{
    bool bad = false;

    if ((unsigned char)(*p - '0') < 10 || *p == '-') {
        p = number(s, p, out, &bad);
        return bad ? NULL : p;
    }
    if (memcmp(p, "null", 4) != 0)
        return NULL;
    *out = NAN;
    return p + 4;
}

/* NULL: not the usual form (nothing is said about it being right or wrong). */
static const char *bar_fast(qlab_json_scan *s, const char *p, qlab_month_memo *memo,
                            qlab_raw_bar *out)
{
    if (*p++ != '{')
        return NULL;
    EXPECT(p, "\"date\":");
    if (*p != '"' || !date_fast(p + 1, memo, &out->date) || p[11] != '"')
        return NULL;
    p += 12;
#define FIELD(name, field)                                                                         \
    if (*p++ != ',')                                                                               \
        return NULL;                                                                               \
    EXPECT(p, "\"" name "\":");                                                                    \
    if ((p = value_fast(s, p, &out->v[field])) == NULL)                                            \
        return NULL;
    FIELD("open", QLAB_FIELD_OPEN)
    FIELD("high", QLAB_FIELD_HIGH)
    FIELD("low", QLAB_FIELD_LOW)
    FIELD("close", QLAB_FIELD_CLOSE)
    FIELD("volume", QLAB_FIELD_VOLUME)
    if (*p == '}') {
        out->v[QLAB_FIELD_ADJUSTED] = NAN;
    } else {
        FIELD("adjusted_close", QLAB_FIELD_ADJUSTED)
        if (*p != '}')
            return NULL;
    }
#undef FIELD
    out->date_state = QLAB_DATE_GOOD;
    out->bad_fields = 0;
    return p + 1;
}

const char *qlab_bar_parse(qlab_json_scan *s, const char *p, qlab_month_memo *memo,
                           qlab_raw_bar *out)
{
    const char *q = bar_fast(s, p, memo, out);

    return q != NULL ? q : qlab_bar_parse_general(s, p, out);
}
