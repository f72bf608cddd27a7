/* One bar object: what it becomes, or where and why it fails; both paths. */
#include "base/date.h"
#include "support/t.h"
#include "vendor/bar_parser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The text with the padding that the scanner demands. */
static char *padded(const char *text)
{
    const size_t n = strlen(text);
    char *p = calloc(n + QLAB_JSON_SCAN_PAD + 1, 1);
    assert_non_null(p);
    memcpy(p, text, n);
    return p;
}

typedef struct good_case {
    const char *text;
    qlab_date_state state;
    const char *date; /* NULL: none */
    double v[QLAB_N_FIELDS];
    unsigned bad;
} good_case;

#define O (1U << QLAB_FIELD_OPEN)
#define C (1U << QLAB_FIELD_CLOSE)
#define V (1U << QLAB_FIELD_VOLUME)

static const good_case GOOD[] = {
    {"{\"date\":\"2013-02-08\",\"open\":67.7,\"high\":68.4,\"low\":66.9,\"close\":67.9,\"volume\":"
     "158168416,\"adjusted_close\":60.1}",
     QLAB_DATE_GOOD,
     "2013-02-08",
     {67.7, 68.4, 66.9, 67.9, 158168416, 60.1},
     0},
    {"{\"date\": \"2013-02-08\", \"open\": 67.7, \"high\": 68.4, \"low\": 66.9, \"close\": 67.9, "
     "\"volume\": 158168416}",
     QLAB_DATE_GOOD,
     "2013-02-08",
     {67.7, 68.4, 66.9, 67.9, 158168416, NAN},
     0},
    {"{\"volume\":1,\"close\":2,\"low\":3,\"high\":4,\"open\":5,\"date\":\"2000-02-29\"}",
     QLAB_DATE_GOOD,
     "2000-02-29",
     {5, 4, 3, 2, 1, NAN},
     0},
    {"{\"date\":\"2013-02-08\",\"open\":\"67.7\",\"close\":\"1e3\",\"x\":{\"a\":[1,{}]},\"y\":[]}",
     QLAB_DATE_GOOD,
     "2013-02-08",
     {67.7, NAN, NAN, 1000, NAN, NAN},
     0},
    {"{\"date\":\"2013-02-08\",\"open\":null,\"high\":null,\"low\":null,\"close\":null,\"volume\":"
     "null,\"adjusted_close\":null}",
     QLAB_DATE_GOOD,
     "2013-02-08",
     {NAN, NAN, NAN, NAN, NAN, NAN},
     0},
    {"{ \"d\\u0061te\" : \"2013\\u002d02-08\" ,\t\"close\"\r:\"\\u0031.5\" }",
     QLAB_DATE_GOOD,
     "2013-02-08",
     {NAN, NAN, NAN, 1.5, NAN, NAN},
     0},
    {"{\"date\":\"2013-02-08\",\"close\":NaN}",
     QLAB_DATE_GOOD,
     "2013-02-08",
     {NAN, NAN, NAN, NAN, NAN, NAN},
     C},
    {"{\"date\":\"2013-02-08\",\"open\":-Infinity,\"close\":1e400}",
     QLAB_DATE_GOOD,
     "2013-02-08",
     {NAN, NAN, NAN, NAN, NAN, NAN},
     O | C},
    {"{\"date\":\"2013-02-08\",\"open\":true,\"close\":[1],\"volume\":\"1,000\"}",
     QLAB_DATE_GOOD,
     "2013-02-08",
     {NAN, NAN, NAN, NAN, NAN, NAN},
     O | C | V},
    {"{\"date\":\"2013-02-08\",\"open\":\"\",\"close\":\" 1\",\"volume\":\"NaN\"}",
     QLAB_DATE_GOOD,
     "2013-02-08",
     {NAN, NAN, NAN, NAN, NAN, NAN},
     O | C | V},
    {"{\"date\":\"2013-02-08\",\"open\":-0.0,\"close\":-0}",
     QLAB_DATE_GOOD,
     "2013-02-08",
     {0, NAN, NAN, 0, NAN, NAN},
     0},
    {"{\"date\":\"2013-02-30\",\"close\":1}", QLAB_DATE_BAD, NULL, {NAN, NAN, NAN, 1, NAN, NAN}, 0},
    {"{\"date\":\"2013-02-08T00:00\",\"close\":1}",
     QLAB_DATE_BAD,
     NULL,
     {NAN, NAN, NAN, 1, NAN, NAN},
     0},
    {"{\"date\":20130208,\"close\":1}", QLAB_DATE_BAD, NULL, {NAN, NAN, NAN, 1, NAN, NAN}, 0},
    {"{\"date\":\"\",\"close\":1}", QLAB_DATE_EMPTY, NULL, {NAN, NAN, NAN, 1, NAN, NAN}, 0},
    {"{\"date\":null,\"close\":1}", QLAB_DATE_EMPTY, NULL, {NAN, NAN, NAN, 1, NAN, NAN}, 0},
    {"{\"close\":1}", QLAB_DATE_EMPTY, NULL, {NAN, NAN, NAN, 1, NAN, NAN}, 0},
    {"{}", QLAB_DATE_EMPTY, NULL, {NAN, NAN, NAN, NAN, NAN, NAN}, 0},
};

static void check_good(const good_case *c, const qlab_raw_bar *b, const char *end, const char *text)
{
    int32_t date = QLAB_DATE_NONE;

    if (c->date != NULL)
        T_CHECK(qlab_date_parse(c->date, strlen(c->date), &date));
    T_CHECK(end == text + strlen(c->text));
    assert_int_equal(b->date_state, c->state);
    if (c->state == QLAB_DATE_GOOD)
        assert_int_equal(b->date, date);
    assert_int_equal(b->bad_fields, c->bad);
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++) {
        if (c->bad >> f & 1U)
            continue;
        T_NEAR(b->v[f], c->v[f], 0.0);
        T_CHECK(!(b->v[f] == 0 && signbit(b->v[f])));
    }
}

T_TEST(reads_every_form)
{
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        char *text = padded(GOOD[i].text);
        qlab_json_scan s = {text + strlen(text), NULL, NULL};
        qlab_month_memo memo = {{0}, 0, 0};
        qlab_raw_bar b;
        check_good(&GOOD[i], &b, qlab_bar_parse(&s, text, &memo, &b), text);
        check_good(&GOOD[i], &b, qlab_bar_parse(&s, text, &memo, &b), text); /* with the memo */
        check_good(&GOOD[i], &b, qlab_bar_parse_general(&s, text, &b), text);
        free(text);
    }
}

typedef struct bad_case {
    const char *text;
    size_t at;
    const char *why;
} bad_case;

/* 65 brackets */
#define DEEP8 "[[[[[[[["
#define DEEP  DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 "["

static const bad_case BAD[] = {
    {"[]", 0, "expected a bar"},
    {"{\"date\"}", 7, "expected ':'"},
    {"{\"date\":\"2013-02-08\",}", 21, "expected a key"},
    {"{\"close\":1 \"open\":2}", 11, "expected ',' or '}'"},
    {"{\"close\":1,\"close\":2}", 11, "a key came twice in a bar"},
    {"{\"date\":\"2013-02-08\",\"d\\u0061te\":\"2013-02-08\"}", 21, "a key came twice in a bar"},
    {"{\"close\":01}", 9, "a number began with 0"},
    {"{\"close\":1.}", 11, "expected a digit after the point"},
    {"{\"close\":1e}", 11, "expected a digit in the exponent"},
    {"{\"close\":-}", 10, "expected a digit"},
    {"{\"close\":+1}", 9, "expected a value"},
    {"{\"close\":.5}", 9, "expected a value"},
    {"{\"close\":nul}", 9, "expected a value"},
    {"{\"x\":NaN}", 5, "expected a value"},
    {"{'close':1}", 1, "expected a key"},
    {"{\"a\tb\":1}", 3, "control character in a string"},
    {"{\"x\":\"\\q\"}", 6, "bad escape in a string"},
    {"{\"x\":\"\\u12g4\"}", 6, "bad \\u escape in a string"},
    {"{\"x\":\"\\ud800\"}", 6, "half a surrogate pair in a string"},
    {"{\"x\":\"\\udc00\"}", 6, "half a surrogate pair in a string"},
    {"{\"x\":[1,]}", 8, "expected a value"},
    {"{\"x\":[1}", 7, "expected ',' or ']'"},
    {"{\"x\":{\"a\":1,}}", 12, "expected a key"},
    {"{\"close\":1", 10, "the line ended inside a value"},
    {"{\"close", 7, "the line ended inside a value"},
    {"{\"x\":" DEEP "1", 69, "nested deeper than 64"},
};

T_TEST(names_place_and_fault)
{
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        char *text = padded(BAD[i].text);
        qlab_json_scan s = {text + strlen(text), NULL, NULL};
        qlab_month_memo memo = {{0}, 0, 0};
        qlab_raw_bar b;
        if (qlab_bar_parse(&s, text, &memo, &b) != NULL)
            fail_msg("%s was accepted", BAD[i].text);
        T_STR(s.why, BAD[i].why);
        assert_int_equal(s.bad_at - text, BAD[i].at);
        free(text);
    }
}

typedef struct rule_case {
    const char *text;
    qlab_reason reason;
    const char *detail;
} rule_case;

static const rule_case RULES[] = {
    {"{\"date\":\"\",\"close\":null}", QLAB_REASON_EMPTY_DATE, "date was empty"},
    {"{\"date\":\"8 Feb 2013\",\"close\":1}", QLAB_REASON_BAD_DATE,
     "date was not a day as YYYY-MM-DD"},
    {"{\"date\":\"2020-01-02\",\"close\":NaN}", QLAB_REASON_FUTURE_DATE,
     "date was after 2020-01-01"},
    {"{\"date\":\"2020-01-01\",\"close\":1,\"volume\":\"x\"}", QLAB_REASON_BAD_NUMBER,
     "volume was not a finite number"},
    {"{\"date\":\"2020-01-01\",\"adjusted_close\":1e400,\"close\":1}", QLAB_REASON_BAD_NUMBER,
     "adjusted_close was not a finite number"},
    {"{\"date\":\"2020-01-01\",\"open\":-1}", QLAB_REASON_NULL_CLOSE, "close was null"},
    {"{\"date\":\"2020-01-01\",\"low\":-0.5,\"close\":1}", QLAB_REASON_NEGATIVE_PRICE,
     "low -0.5 was negative"},
    {"{\"date\":\"2020-01-01\",\"high\":9.1,\"low\":9.4,\"close\":9}", QLAB_REASON_HIGH_BELOW_LOW,
     "high 9.1 was below low 9.4"},
    {"{\"date\":\"2020-01-01\",\"close\":9,\"volume\":-3}", QLAB_REASON_NEGATIVE_VOLUME,
     "volume -3 was negative"},
    /* flags, not rejections */
    {"{\"date\":\"2020-01-01\",\"close\":0}", QLAB_REASON_NONE, ""},
    {"{\"date\":\"2020-01-01\",\"open\":99,\"high\":2,\"low\":1,\"close\":1.5}", QLAB_REASON_NONE,
     ""},
    {"{\"date\":\"2020-01-01\",\"close\":1,\"adjusted_close\":-1}", QLAB_REASON_NONE, ""},
};

T_TEST(rejects_by_the_first_rule)
{
    int32_t now;
    T_CHECK(qlab_date_parse("2020-01-01", 10, &now));
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++) {
        char *text = padded(RULES[i].text), detail[QLAB_DETAIL_BYTES];
        qlab_json_scan s = {text + strlen(text), NULL, NULL};
        qlab_month_memo memo = {{0}, 0, 0};
        qlab_raw_bar b;
        T_CHECK(qlab_bar_parse(&s, text, &memo, &b) != NULL);
        const qlab_reason r = qlab_raw_bar_check(&b, now);
        T_STR(qlab_reason_name(r), qlab_reason_name(RULES[i].reason));
        qlab_raw_bar_explain(&b, r, now, detail);
        T_STR(detail, RULES[i].detail);
        free(text);
    }
}

T_TEST(knows_every_reason_by_name)
{
    for (unsigned r = 1; r < QLAB_REASON_COUNT; r++) {
        qlab_reason back;
        T_CHECK(qlab_reason_parse(qlab_reason_name((qlab_reason)r), &back) && back == r);
    }
    qlab_reason none;
    T_CHECK(!qlab_reason_parse("", &none) && !qlab_reason_parse("NO_SUCH", &none));
}

T_MAIN(T_CASE(reads_every_form), T_CASE(names_place_and_fault), T_CASE(rejects_by_the_first_rule),
       T_CASE(knows_every_reason_by_name))
