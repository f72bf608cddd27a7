#include "base/decimal.h"
#include "base/alloc.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the text of one number says: +- digits * 10^exponent. */
typedef struct scanned {
    uint64_t digits;  /* the first 19 significant digits */
    bool many_digits; /* there were more */
    bool negative;
    int64_t exponent; /* of the last digit read into `digits` unless many_digits */
    int64_t n_after_point;
    int64_t exponent_given;
    const char *first, *last; /* mantissa: [first, last), with at most one point */
} scanned;

/* Exponents beyond this say "zero" or "out of range" whatever the digits are. */
static const int64_t EXPONENT_CAP = INT64_C(1000000000000000);
enum { MAX_EXACT_DIGITS = 19 };

/* A mantissa of more than 19 digits is counted again without its leading zeros ("0.000...01"). */
static void recount_digits(scanned *x)
{
    uint64_t digits = 0;
    int n = 0;
    x->many_digits = false;
    for (const char *p = x->first; p < x->last; p++) {
        if (*p == '.')
            continue;
        if (n == 0 && *p == '0')
            continue;
        if (++n > MAX_EXACT_DIGITS) {
            x->many_digits = true;
            return;
        }
        digits = digits * 10 + (uint64_t)(*p - '0');
    }
    x->digits = digits;
}

static inline bool is_digit(char c)
{
    return (unsigned)(unsigned char)c - '0' <= 9;
}

/* Returns the first byte that does not belong to the number; *ok says whether it is one. */
static const char *scan(const char *s, const char *end, scanned *x, bool *ok)
{
    const char *p = s;
    *ok = false;
    x->negative = p < end && *p == '-';
    p += x->negative;
    x->first = p;
    uint64_t digits = 0;
    while (p < end && is_digit(*p))
        digits = digits * 10 + (uint64_t)(*p++ - '0'); /* wraps after 19: recounted below */
    int64_t n_digits = p - x->first;
    if (n_digits == 0)
        return p;
    if (n_digits > 1 && *x->first == '0')
        return x->first + 1;
    x->n_after_point = 0;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        while (p < end && is_digit(*p))
            digits = digits * 10 + (uint64_t)(*p++ - '0');
        x->n_after_point = p - fraction;
        if (x->n_after_point == 0)
            return p;
        n_digits += x->n_after_point;
    }
    x->last = p;
    x->digits = digits;
    x->many_digits = false;
    x->exponent_given = 0;
    if (p < end && (*p == 'e' || *p == 'E')) {
        bool down = false;
        int64_t e = 0;
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            down = *p++ == '-';
        const char *first = p;
        for (; p < end && is_digit(*p); p++)
            if (e < EXPONENT_CAP)
                e = e * 10 + (*p - '0');
        if (p == first)
            return p;
        x->exponent_given = down ? -e : e;
    }
    x->exponent = x->exponent_given - x->n_after_point;
    if (n_digits > MAX_EXACT_DIGITS)
        recount_digits(x);
    *ok = true;
    return p;
}

static const double EXACT_POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { MAX_EXACT_POWER = 22, MAX_TABLE_POWER = 32 };

/* 5^q for q = -32..32 as 128-bit fractions with the top bit set: truncated for q >= 0, rounded up
 * for q < 0 (D. Lemire, Number parsing at a gigabyte per second, Softw. Pract. Exper. 2021, 5.1).
 * Prices and volumes lie in this range; all else takes the exact fallback. */
static const uint64_t POWERS_OF_FIVE[2 * MAX_TABLE_POWER + 1][2] = {
    {UINT64_C(0xcfb11ead453994ba), UINT64_C(0x67de18eda5814af2)}, /* 5^-32 */
    {UINT64_C(0x81ceb32c4b43fcf4), UINT64_C(0x80eacf948770ced7)}, /* 5^-31 */
    {UINT64_C(0xa2425ff75e14fc31), UINT64_C(0xa1258379a94d028d)}, /* 5^-30 */
    {UINT64_C(0xcad2f7f5359a3b3e), UINT64_C(0x096ee45813a04330)}, /* 5^-29 */
    {UINT64_C(0xfd87b5f28300ca0d), UINT64_C(0x8bca9d6e188853fc)}, /* 5^-28 */
    {UINT64_C(0x9e74d1b791e07e48), UINT64_C(0x775ea264cf55347e)}, /* 5^-27 */
    {UINT64_C(0xc612062576589dda), UINT64_C(0x95364afe032a819e)}, /* 5^-26 */
    {UINT64_C(0xf79687aed3eec551), UINT64_C(0x3a83ddbd83f52205)}, /* 5^-25 */
    {UINT64_C(0x9abe14cd44753b52), UINT64_C(0xc4926a9672793543)}, /* 5^-24 */
    {UINT64_C(0xc16d9a0095928a27), UINT64_C(0x75b7053c0f178294)}, /* 5^-23 */
    {UINT64_C(0xf1c90080baf72cb1), UINT64_C(0x5324c68b12dd6339)}, /* 5^-22 */
    {UINT64_C(0x971da05074da7bee), UINT64_C(0xd3f6fc16ebca5e04)}, /* 5^-21 */
    {UINT64_C(0xbce5086492111aea), UINT64_C(0x88f4bb1ca6bcf585)}, /* 5^-20 */
    {UINT64_C(0xec1e4a7db69561a5), UINT64_C(0x2b31e9e3d06c32e6)}, /* 5^-19 */
    {UINT64_C(0x9392ee8e921d5d07), UINT64_C(0x3aff322e62439fd0)}, /* 5^-18 */
    {UINT64_C(0xb877aa3236a4b449), UINT64_C(0x09befeb9fad487c3)}, /* 5^-17 */
    {UINT64_C(0xe69594bec44de15b), UINT64_C(0x4c2ebe687989a9b4)}, /* 5^-16 */
    {UINT64_C(0x901d7cf73ab0acd9), UINT64_C(0x0f9d37014bf60a11)}, /* 5^-15 */
    {UINT64_C(0xb424dc35095cd80f), UINT64_C(0x538484c19ef38c95)}, /* 5^-14 */
    {UINT64_C(0xe12e13424bb40e13), UINT64_C(0x2865a5f206b06fba)}, /* 5^-13 */
    {UINT64_C(0x8cbccc096f5088cb), UINT64_C(0xf93f87b7442e45d4)}, /* 5^-12 */
    {UINT64_C(0xafebff0bcb24aafe), UINT64_C(0xf78f69a51539d749)}, /* 5^-11 */
    {UINT64_C(0xdbe6fecebdedd5be), UINT64_C(0xb573440e5a884d1c)}, /* 5^-10 */
    {UINT64_C(0x89705f4136b4a597), UINT64_C(0x31680a88f8953031)}, /* 5^-9 */
    {UINT64_C(0xabcc77118461cefc), UINT64_C(0xfdc20d2b36ba7c3e)}, /* 5^-8 */
    {UINT64_C(0xd6bf94d5e57a42bc), UINT64_C(0x3d32907604691b4d)}, /* 5^-7 */
    {UINT64_C(0x8637bd05af6c69b5), UINT64_C(0xa63f9a49c2c1b110)}, /* 5^-6 */
    {UINT64_C(0xa7c5ac471b478423), UINT64_C(0x0fcf80dc33721d54)}, /* 5^-5 */
    {UINT64_C(0xd1b71758e219652b), UINT64_C(0xd3c36113404ea4a9)}, /* 5^-4 */
    {UINT64_C(0x83126e978d4fdf3b), UINT64_C(0x645a1cac083126ea)}, /* 5^-3 */
    {UINT64_C(0xa3d70a3d70a3d70a), UINT64_C(0x3d70a3d70a3d70a4)}, /* 5^-2 */
    {UINT64_C(0xcccccccccccccccc), UINT64_C(0xcccccccccccccccd)}, /* 5^-1 */
    {UINT64_C(0x8000000000000000), UINT64_C(0x0000000000000000)}, /* 5^0 */
    {UINT64_C(0xa000000000000000), UINT64_C(0x0000000000000000)}, /* 5^1 */
    {UINT64_C(0xc800000000000000), UINT64_C(0x0000000000000000)}, /* 5^2 */
    {UINT64_C(0xfa00000000000000), UINT64_C(0x0000000000000000)}, /* 5^3 */
    {UINT64_C(0x9c40000000000000), UINT64_C(0x0000000000000000)}, /* 5^4 */
    {UINT64_C(0xc350000000000000), UINT64_C(0x0000000000000000)}, /* 5^5 */
    {UINT64_C(0xf424000000000000), UINT64_C(0x0000000000000000)}, /* 5^6 */
    {UINT64_C(0x9896800000000000), UINT64_C(0x0000000000000000)}, /* 5^7 */
    {UINT64_C(0xbebc200000000000), UINT64_C(0x0000000000000000)}, /* 5^8 */
    {UINT64_C(0xee6b280000000000), UINT64_C(0x0000000000000000)}, /* 5^9 */
    {UINT64_C(0x9502f90000000000), UINT64_C(0x0000000000000000)}, /* 5^10 */
    {UINT64_C(0xba43b74000000000), UINT64_C(0x0000000000000000)}, /* 5^11 */
    {UINT64_C(0xe8d4a51000000000), UINT64_C(0x0000000000000000)}, /* 5^12 */
    {UINT64_C(0x9184e72a00000000), UINT64_C(0x0000000000000000)}, /* 5^13 */
    {UINT64_C(0xb5e620f480000000), UINT64_C(0x0000000000000000)}, /* 5^14 */
    {UINT64_C(0xe35fa931a0000000), UINT64_C(0x0000000000000000)}, /* 5^15 */
    {UINT64_C(0x8e1bc9bf04000000), UINT64_C(0x0000000000000000)}, /* 5^16 */
    {UINT64_C(0xb1a2bc2ec5000000), UINT64_C(0x0000000000000000)}, /* 5^17 */
    {UINT64_C(0xde0b6b3a76400000), UINT64_C(0x0000000000000000)}, /* 5^18 */
    {UINT64_C(0x8ac7230489e80000), UINT64_C(0x0000000000000000)}, /* 5^19 */
    {UINT64_C(0xad78ebc5ac620000), UINT64_C(0x0000000000000000)}, /* 5^20 */
    {UINT64_C(0xd8d726b7177a8000), UINT64_C(0x0000000000000000)}, /* 5^21 */
    {UINT64_C(0x878678326eac9000), UINT64_C(0x0000000000000000)}, /* 5^22 */
    {UINT64_C(0xa968163f0a57b400), UINT64_C(0x0000000000000000)}, /* 5^23 */
    {UINT64_C(0xd3c21bcecceda100), UINT64_C(0x0000000000000000)}, /* 5^24 */
    {UINT64_C(0x84595161401484a0), UINT64_C(0x0000000000000000)}, /* 5^25 */
    {UINT64_C(0xa56fa5b99019a5c8), UINT64_C(0x0000000000000000)}, /* 5^26 */
    {UINT64_C(0xcecb8f27f4200f3a), UINT64_C(0x0000000000000000)}, /* 5^27 */
    {UINT64_C(0x813f3978f8940984), UINT64_C(0x4000000000000000)}, /* 5^28 */
    {UINT64_C(0xa18f07d736b90be5), UINT64_C(0x5000000000000000)}, /* 5^29 */
    {UINT64_C(0xc9f2c9cd04674ede), UINT64_C(0xa400000000000000)}, /* 5^30 */
    {UINT64_C(0xfc6f7c4045812296), UINT64_C(0x4d00000000000000)}, /* 5^31 */
    {UINT64_C(0x9dc5ada82b70b59d), UINT64_C(0xf020000000000000)}, /* 5^32 */
};

static inline uint64_t mul_wide(uint64_t a, uint64_t b, uint64_t *low)
{
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 u128;
    const u128 p = (u128)a * b;
    *low = (uint64_t)p;
    return (uint64_t)(p >> 64);
#else
    const uint64_t a0 = a & UINT32_MAX, a1 = a >> 32, b0 = b & UINT32_MAX, b1 = b >> 32;
    const uint64_t mid = a1 * b0 + (a0 * b0 >> 32);
    const uint64_t mid2 = a0 * b1 + (mid & UINT32_MAX);
    *low = a * b;
    return a1 * b1 + (mid >> 32) + (mid2 >> 32);
#endif
}

/* Eisel-Lemire: digits * 10^q for digits > 0, |q| <= 32, correctly rounded (ties to even).  In
 * this range there are neither subnormals nor overflow. */
static double eisel_lemire(uint64_t digits, int q)
{
    const int n_leading = __builtin_clzll(digits);
    const uint64_t w = digits << n_leading;
    const uint64_t *five = POWERS_OF_FIVE[q + MAX_TABLE_POWER];
    uint64_t low, unused;
    uint64_t high = mul_wide(w, five[0], &low);
    if ((high & 0x1FF) == 0x1FF) { /* the bits below the 55 that count might still carry */
        const uint64_t more = mul_wide(w, five[1], &unused);
        low += more;
        high += low < more;
    }
    const int top = (int)(high >> 63);
    const int shift = top + 64 - 52 - 3;
    uint64_t mantissa = high >> shift;
    /* floor(log2(10^q)) = (217706 q) >> 16 for this range */
    int power = ((217706 * q) >> 16) + 63 + top - n_leading + 1023;
    /* Exactly half way between two doubles happens only for 5^q that divides 64 bits: to even. */
    if (low <= 1 && q >= -4 && q <= 23 && (mantissa & 3) == 1 && mantissa << shift == high)
        mantissa &= ~UINT64_C(1);
    mantissa = (mantissa + (mantissa & 1)) >> 1;
    if (mantissa >= UINT64_C(1) << 53) {
        mantissa = UINT64_C(1) << 52;
        power++;
    }
    const uint64_t bits = (mantissa & ~(UINT64_C(1) << 52)) | (uint64_t)power << 52;
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* Through strtod, which glibc and macOS round correctly at any length.  The copy has no decimal
 * point ("12.5e3" becomes "125e2"), so the locale does not matter. */
static double exact(const scanned *x)
{
    char small[512];
    const size_t n = (size_t)(x->last - x->first);
    char *text = n + 32 <= sizeof small ? small : qlab_alloc(n + 32, 1);
    size_t k = 0;
    for (const char *p = x->first; p < x->last; p++)
        if (*p != '.')
            text[k++] = *p;
    snprintf(text + k, 32, "e%lld", (long long)(x->exponent_given - x->n_after_point));
    const double v = strtod(text, NULL);
    if (text != small)
        qlab_free(text);
    return v;
}

/* What prices and volumes look like: at most 15 digits, perhaps a point, no exponent; both sides of
 * the one division are exact (Clinger 1990).  False: anything else, and what the scan must refuse.
 */
static inline bool parse_short(const char *s, const char *end, double *out, size_t *n_read,
                               int *n_decimals)
{
    const char *p = s;
    const bool negative = p < end && *p == '-';
    p += negative;
    const char *first = p;
    uint64_t digits = 0;
    while (p < end && is_digit(*p))
        digits = digits * 10 + (uint64_t)(*p++ - '0');
    const ptrdiff_t n_whole = p - first;
    ptrdiff_t n_fraction = 0;
    if (n_whole == 0 || (*first == '0' && n_whole > 1))
        return false;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        while (p < end && is_digit(*p))
            digits = digits * 10 + (uint64_t)(*p++ - '0');
        n_fraction = p - fraction;
        if (n_fraction == 0)
            return false;
    }
    if (n_whole + n_fraction > 15 || (p < end && (*p | 0x20) == 'e'))
        return false;
    const double v = (double)digits / EXACT_POWERS[n_fraction];
    *out = negative ? -v : v;
    *n_read = (size_t)(p - s);
    if (n_decimals)
        *n_decimals = (int)n_fraction;
    return true;
}

qlab_decimal_status qlab_decimal_parse(const char *s, size_t n, double *out, size_t *n_read,
                                       int *n_decimals)
{
    if (parse_short(s, s + n, out, n_read, n_decimals))
        return QLAB_DECIMAL_OK;
    scanned x;
    bool ok;
    const char *stop = scan(s, s + n, &x, &ok);
    *n_read = (size_t)(stop - s);
    if (!ok)
        return QLAB_DECIMAL_BAD;
    if (n_decimals) {
        const int64_t d = -x.exponent;
        *n_decimals = d < 0 ? 0 : d > INT32_MAX ? INT32_MAX : (int)d;
    }

    double v;
    if (!x.many_digits && x.digits == 0) {
        v = 0.0;
    } else if (!x.many_digits && x.digits <= UINT64_C(1) << 53 && x.exponent >= -MAX_EXACT_POWER &&
               x.exponent <= MAX_EXACT_POWER) {
        /* Clinger 1990: both sides are exact, so one operation rounds once. */
        v = (double)x.digits;
        v = x.exponent < 0 ? v / EXACT_POWERS[-x.exponent] : v * EXACT_POWERS[x.exponent];
    } else if (!x.many_digits && x.exponent >= -MAX_TABLE_POWER && x.exponent <= MAX_TABLE_POWER) {
        v = eisel_lemire(x.digits, (int)x.exponent);
    } else {
        v = exact(&x);
        if (isinf(v))
            return QLAB_DECIMAL_RANGE;
    }
    *out = x.negative ? -v : v;
    return QLAB_DECIMAL_OK;
}

/* "1.5e+07" to "1.5e7", and any locale's decimal comma to a point. */
static size_t tidy(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        if (*p == 'e') {
            *to++ = *p++;
            if (*p == '-')
                *to++ = '-';
            if (*p == '-' || *p == '+')
                p++;
            while (*p == '0' && p[1])
                p++;
        }
        *to++ = is_digit(*p) || *p == '-' ? *p : '.';
    }
    *to = '\0';
    return (size_t)(to - text);
}

size_t qlab_decimal_format(double v, char out[QLAB_DECIMAL_BYTES])
{
    if (isnan(v) || isinf(v)) {
        const char *word = isnan(v) ? "NaN" : v > 0.0 ? "inf" : "-inf";
        memcpy(out, word, strlen(word) + 1);
        return strlen(word);
    }
    if (fabs(v) <= 0x1p53 && floor(v) == v && !(v == 0.0 && signbit(v)))
        return (size_t)snprintf(out, QLAB_DECIMAL_BYTES, "%lld", (long long)v);
    /* 15 digits that read back are the shortest there are, once %g has taken the zeros off; a
     * subnormal may need fewer. */
    for (int digits = fabs(v) < 0x1p-1022 ? 1 : 15;; digits++) {
        snprintf(out, QLAB_DECIMAL_BYTES, "%.*g", digits, v);
        const size_t n = tidy(out);
        double back;
        size_t n_read;
        if (digits >= 17 ||
            (qlab_decimal_parse(out, n, &back, &n_read, NULL) == QLAB_DECIMAL_OK && back == v))
            return n;
    }
}

bool qlab_decimal_parse_text(const char *s, double *out)
{
    const bool negative = *s == '-';
    const char *digits = s + (*s == '-' || *s == '+');
    char with_zero[64];
    size_t n_read;
    if (*digits == '-' || *digits == '+')
        return false;
    if (*digits == '.' || *s == '+') {
        if (strlen(digits) > sizeof with_zero - 3)
            return false;
        snprintf(with_zero, sizeof with_zero, "%s%s%s", negative ? "-" : "",
                 *digits == '.' ? "0" : "", digits);
        s = with_zero;
    }
    const size_t n = strlen(s);
    return qlab_decimal_parse(s, n, out, &n_read, NULL) == QLAB_DECIMAL_OK && n_read == n;
}

bool qlab_decimal_parse_size(const char *s, size_t *bytes)
{
    static const struct {
        const char *name;
        double factor;
    } units[] = {{"", 1.0},
                 {"B", 1.0},
                 {"KiB", 1024.0},
                 {"MiB", 1048576.0},
                 {"GiB", 1073741824.0},
                 {"TiB", 1099511627776.0},
                 {"KB", 1e3},
                 {"MB", 1e6},
                 {"GB", 1e9},
                 {"TB", 1e12}};
    double v;
    size_t n_read;
    if (qlab_decimal_parse(s, strlen(s), &v, &n_read, NULL) != QLAB_DECIMAL_OK || v < 0.0)
        return false;
    while (s[n_read] == ' ')
        n_read++;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(s + n_read, units[i].name) != 0)
            continue;
        const double total = floor(v * units[i].factor);
        if (total >= 0x1p62)
            return false;
        *bytes = (size_t)total;
        return true;
    }
    return false;
}
