/* Decimals against strtod, which glibc rounds correctly: random, dense near ties, and known hard
 * cases; then the grammar, the range, the number of decimals and the way back. */
#include "base/decimal.h"
#include "base/rng.h"
#include "support/t.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void same_as_strtod(const char *text)
{
    double v = 0.0;
    size_t n_read = 0;
    const double want = strtod(text, NULL);
    const qlab_decimal_status s = qlab_decimal_parse(text, strlen(text), &v, &n_read, NULL);
    const bool same = isinf(want) ? s == QLAB_DECIMAL_RANGE
                                  : s == QLAB_DECIMAL_OK && memcmp(&v, &want, sizeof v) == 0;
    if (!same || n_read != strlen(text)) {
        fprintf(stderr, "\"%s\": status %d, %a, wanted %a\n", text, (int)s, v, want);
        T_CHECK(0);
    }
}

/* 1 to 25 digits with a point anywhere and often an exponent. */
T_TEST(random_texts)
{
    for (uint64_t i = 0; i < 600000; i++) {
        char text[80];
        size_t n = 0;
        const size_t n_digits = 1 + (size_t)qlab_rng_below(1, i, 0, 25);
        const size_t point = (size_t)qlab_rng_below(1, i, 1, n_digits + 1);
        if (qlab_rng_below(1, i, 2, 4) == 0)
            text[n++] = '-';
        if (point == 0)
            text[n++] = '0';
        for (size_t k = 0; k < n_digits; k++) {
            if (k == point)
                text[n++] = '.';
            const uint64_t digit = qlab_rng_below(1, i, 10 + k, 10);
            text[n++] = (char)('0' + (k == 0 && point > 0 && digit == 0 ? 7 : digit));
        }
        text[n] = '\0';
        if (qlab_rng_below(1, i, 3, 2) == 0) {
            const uint64_t span = qlab_rng_below(1, i, 4, 3);
            const int e = (int)qlab_rng_below(1, i, 5, span == 0 ? 700 : 80);
            snprintf(text + n, sizeof text - n, "e%d", e - (span == 0 ? 350 : 40));
        }
        same_as_strtod(text);
    }
}

/* Every power of the table with full 64-bit digits: the second word of the table matters here. */
T_TEST(each_power_of_the_table)
{
    for (int q = -34; q <= 34; q++)
        for (uint64_t i = 0; i < 12000; i++) {
            char text[64];
            uint64_t digits = qlab_rng_u64(2, i, (uint64_t)(q + 40));
            if (i % 3 == 0)
                digits >>= qlab_rng_below(3, i, 0, 60);
            snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, q);
            same_as_strtod(text);
        }
}

/* Exactly half way between two doubles, and one digit to either side. */
T_TEST(ties_go_to_even)
{
    for (uint64_t i = 0; i < 60000; i++) {
        const int shift = (int)(1 + qlab_rng_below(4, i, 0, 10));
        const uint64_t mantissa = (UINT64_C(1) << 52) | (qlab_rng_u64(4, i, 1) >> 12);
        const uint64_t tie = (mantissa << shift) + (UINT64_C(1) << (shift - 1));
        char text[64];
        for (int d = -1; d <= 1; d++) {
            snprintf(text, sizeof text, "%llu", (unsigned long long)(tie + (uint64_t)(int64_t)d));
            same_as_strtod(text);
        }
        snprintf(text, sizeof text, "%llu.000", (unsigned long long)tie);
        same_as_strtod(text);
        snprintf(text, sizeof text, "%llu.0000000000000000000000000001", (unsigned long long)tie);
        same_as_strtod(text);
        /* a binary fraction has an exact decimal one: 45-bit mantissas stay below 19 digits */
        const int places = 1 + (int)(i % 3);
        snprintf(text, sizeof text, "%.*f", places, ldexp((double)(mantissa >> 8), -places));
        same_as_strtod(text);
    }
}

T_TEST(hard_cases)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "0.0",
        "-0.0e5",
        "1",
        "10",
        "0.1",
        "0.3",
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        "2.2250738585072014e-308",
        "4.9e-324",
        "4.94065645841246544e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1e-400",
        "-1e-400",
        "5e-324",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "1e400",
        "-1e400",
        "1e309",
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "9007199254740994",
        "9007199254740995",
        "9007199254740993.0",
        "900719925474099.3",
        "900719925474099.25",
        "123456789012345678901234567890",
        "0.000000000000000000000000000001",
        "8.41e21",
        "9.5e-16",
        "3.5844466002796428e298",
        "6929495644600919.5",
        "3.7455744005952583e15",
        "1e23",
        "8e22",
        "1e22",
        "9.5367431640625e-7",
        "1.00000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203124",
        "1.00000000000000011102230246251565404236316680908203126",
        "0.500000000000000166533453693773481063544750213623046875",
        "7.2057594037927933e16",
        "1448997445238699",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999999999999999e-20",
        "0e999999999999999999999",
        "0.0000e-99999999999",
        "100000000000000000000000000000000000000000000000000e-50",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        same_as_strtod(texts[i]);

    /* Two thousand zeros, then a digit that breaks a tie. */
    char *text = malloc(3000);
    T_CHECK(text != NULL);
    strcpy(text, "9007199254740993.");
    memset(text + 17, '0', 2000);
    strcpy(text + 2017, "1");
    same_as_strtod(text);
    strcpy(text + 2017, "0");
    same_as_strtod(text);
    free(text);
}

T_TEST(grammar)
{
    static const struct {
        const char *text;
        qlab_decimal_status status;
        size_t n_read;
    } cases[] = {
        {"", QLAB_DECIMAL_BAD, 0},        {"-", QLAB_DECIMAL_BAD, 1},
        {"+1", QLAB_DECIMAL_BAD, 0},      {".5", QLAB_DECIMAL_BAD, 0},
        {"1.", QLAB_DECIMAL_BAD, 2},      {"1.x", QLAB_DECIMAL_BAD, 2},
        {"01", QLAB_DECIMAL_BAD, 1},      {"-012", QLAB_DECIMAL_BAD, 2},
        {"00", QLAB_DECIMAL_BAD, 1},      {"1e", QLAB_DECIMAL_BAD, 2},
        {"1e+", QLAB_DECIMAL_BAD, 3},     {"1ex", QLAB_DECIMAL_BAD, 2},
        {"NaN", QLAB_DECIMAL_BAD, 0},     {"inf", QLAB_DECIMAL_BAD, 0},
        {"0x10", QLAB_DECIMAL_OK, 1},     {"1,5", QLAB_DECIMAL_OK, 1},
        {"12.5}", QLAB_DECIMAL_OK, 4},    {"1e5,", QLAB_DECIMAL_OK, 3},
        {"1E-2 ", QLAB_DECIMAL_OK, 4},    {"0.01x", QLAB_DECIMAL_OK, 4},
        {"1e400", QLAB_DECIMAL_RANGE, 5}, {"-1e99999999999999999999", QLAB_DECIMAL_RANGE, 23},
        {"1-2", QLAB_DECIMAL_OK, 1},      {"1.5.2", QLAB_DECIMAL_OK, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double v;
        size_t n_read = 99;
        assert_int_equal(
            qlab_decimal_parse(cases[i].text, strlen(cases[i].text), &v, &n_read, NULL),
            cases[i].status);
        assert_int_equal(n_read, cases[i].n_read);
    }
    /* The length counts, not a NUL. */
    double v;
    size_t n_read;
    assert_int_equal(qlab_decimal_parse("123456", 3, &v, &n_read, NULL), QLAB_DECIMAL_OK);
    T_CHECK(v == 123.0 && n_read == 3);
}

T_TEST(decimals_delivered)
{
    static const struct {
        const char *text;
        int n;
    } cases[] = {{"5", 0},      {"5.0", 1},   {"1.50", 2},   {"1.5e3", 0},
                 {"1.5e-3", 4}, {"15e-1", 1}, {"1.2345", 4}, {"0.000", 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double v;
        size_t n_read;
        int n = -1;
        assert_int_equal(qlab_decimal_parse(cases[i].text, strlen(cases[i].text), &v, &n_read, &n),
                         QLAB_DECIMAL_OK);
        assert_int_equal(n, cases[i].n);
    }
}

T_TEST(format_reads_back)
{
    for (uint64_t i = 0; i < 200000; i++) {
        uint64_t bits = qlab_rng_u64(5, i, 0);
        double v, back;
        char text[QLAB_DECIMAL_BYTES];
        size_t n_read;
        if (i % 4 == 0)
            bits &= UINT64_C(0x800FFFFFFFFFFFFF); /* subnormals */
        memcpy(&v, &bits, sizeof v);
        if (i % 4 == 1)
            v = (double)qlab_rng_below(5, i, 1, 100000000) / 10000.0;
        if (isnan(v) || isinf(v))
            continue;
        const size_t n = qlab_decimal_format(v, text);
        assert_int_equal(n, strlen(text));
        assert_int_equal(qlab_decimal_parse(text, n, &back, &n_read, NULL), QLAB_DECIMAL_OK);
        T_CHECK(n_read == n);
        T_SAME_BITS(&back, &v, 1);
    }
}

T_TEST(format_is_short)
{
    static const struct {
        double v;
        const char *text;
    } cases[] = {{0.0, "0"},
                 {-0.0, "-0"},
                 {100.0, "100"},
                 {0.1, "0.1"},
                 {-67.7085, "-67.7085"},
                 {1e22, "1e22"},
                 {1e-7, "1e-7"},
                 {1.5e300, "1.5e300"},
                 {5e-324, "5e-324"},
                 {1e15, "1000000000000000"},
                 {0x1p53, "9007199254740992"},
                 {DBL_MAX, "1.7976931348623157e308"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {158168416.0, "158168416"},
                 {2.5e-5, "2.5e-5"}};
    char text[QLAB_DECIMAL_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        qlab_decimal_format(cases[i].v, text);
        T_STR(text, cases[i].text);
    }
    qlab_decimal_format(NAN, text);
    T_STR(text, "NaN");
    qlab_decimal_format(-INFINITY, text);
    T_STR(text, "-inf");
}

T_TEST(texts_and_sizes)
{
    double v;
    T_CHECK(qlab_decimal_parse_text(".05", &v) && v == 0.05);
    T_CHECK(qlab_decimal_parse_text("-.5", &v) && v == -0.5);
    T_CHECK(qlab_decimal_parse_text("+1", &v) && v == 1.0);
    T_CHECK(qlab_decimal_parse_text("-1e3", &v) && v == -1000.0);
    static const char *const bad[] = {"",   "+",  "-",   "--1",   "+-1", ".",  "0.01x", "1e400",
                                      "1 ", " 1", "nan", "1_000", "0x1", "+.", "-+1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        T_CHECK(!qlab_decimal_parse_text(bad[i], &v));

    size_t n;
    T_CHECK(qlab_decimal_parse_size("512MiB", &n) && n == (size_t)512 << 20);
    T_CHECK(qlab_decimal_parse_size("4GiB", &n) && n == (size_t)4 << 30);
    T_CHECK(qlab_decimal_parse_size("1.5 KiB", &n) && n == 1536);
    T_CHECK(qlab_decimal_parse_size("1000000", &n) && n == 1000000);
    T_CHECK(qlab_decimal_parse_size("2MB", &n) && n == 2000000);
    T_CHECK(!qlab_decimal_parse_size("4G", &n));
    T_CHECK(!qlab_decimal_parse_size("-1", &n));
    T_CHECK(!qlab_decimal_parse_size("", &n));
    T_CHECK(!qlab_decimal_parse_size("1e300", &n));
}

T_MAIN(T_CASE(random_texts), T_CASE(each_power_of_the_table), T_CASE(ties_go_to_even),
       T_CASE(hard_cases), T_CASE(grammar), T_CASE(decimals_delivered), T_CASE(format_reads_back),
       T_CASE(format_is_short), T_CASE(texts_and_sizes))
