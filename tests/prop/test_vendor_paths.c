/* Different ways through the vendor code must give the same: fast and general bars, whole and
 * stepwise packs; and bars read as an independent reader (jansson, strtod) reads them. */
#include "base/rng.h"
#include "support/vendor.h"
#include "vendor/bar_parser.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

typedef struct dice {
    uint64_t seed, n;
} dice;

static uint32_t roll(dice *d, uint32_t sides)
{
    d->n++;
    return (uint32_t)(qlab_xxh3(&d->n, sizeof d->n, d->seed) % sides);
}

static const char *pick(dice *d, const char *const *of, size_t n)
{
    return of[roll(d, (uint32_t)n)];
}

static void put_number(dice *d, qlab_buf *b)
{
    static const char *const odd[] = {"null",     "0",       "-0.0", "1e400",     "NaN",
                                      "\"12.5\"", "\"x\"",   "true", "-1.25",     "1E-3",
                                      "5e-324",   "\"\"",    "[]",   "{\"a\":1}", "01",
                                      "1.",       "\"1e2\"", "-",    "Infinity"};
    if (roll(d, 8) == 0) {
        qlab_buf_puts(b, pick(d, odd, sizeof odd / sizeof *odd));
        return;
    }
    const uint32_t digits = roll(d, 21), point = roll(d, 22);
    qlab_buf_putf(b, "%s%u", roll(d, 9) == 0 ? "-" : "", 1 + roll(d, 9));
    for (uint32_t i = 0; i < digits; i++)
        qlab_buf_putf(b, "%s%u", i == point ? "." : "", roll(d, 10));
    if (roll(d, 30) == 0)
        qlab_buf_putf(b, "e%d", (int)roll(d, 60) - 30);
}

static void put_date(dice *d, qlab_buf *b)
{
    static const char *const odd[] = {"null",           "\"\"",           "\"2019-02-29\"",
                                      "\"2019-1-02\"",  "20190102",       "\"2019-01-02 \"",
                                      "\"0000-01-01\"", "\"9999-12-31\"", "\"2019\\u002d01-02\""};
    if (roll(d, 12) == 0)
        qlab_buf_puts(b, pick(d, odd, sizeof odd / sizeof *odd));
    else
        qlab_buf_putf(b, "\"%04u-%02u-%02u\"", 1990 + roll(d, 30), 1 + roll(d, 12),
                      1 + roll(d, 31));
}

static void put_bar(dice *d, qlab_buf *b)
{
    static const char *const names[] = {"date",   "open",           "high",  "low",       "close",
                                        "volume", "adjusted_close", "extra", "\\u006fpen"};
    const char *gap = roll(d, 3) == 0 ? " " : "";
    const bool usual = roll(d, 3) != 0;
    const size_t n = usual ? 6 + roll(d, 2) : roll(d, 9);
    qlab_buf_puts(b, "{");
    for (size_t i = 0; i < n; i++) {
        const size_t k = usual && roll(d, 60) != 0 ? i : roll(d, 9);
        qlab_buf_putf(b, "%s\"%s\":%s", i > 0 ? "," : "", names[k], gap);
        if (i > 0 && roll(d, 200) == 0)
            qlab_buf_puts(b, ",");
        if (k == 0)
            put_date(d, b);
        else
            put_number(d, b);
        if (roll(d, 100) == 0)
            qlab_buf_puts(b, "\t");
    }
    qlab_buf_puts(b, roll(d, 100) == 0 ? "" : "}");
}

static void same_bar(const qlab_raw_bar *a, const qlab_raw_bar *b)
{
    assert_int_equal(a->date_state, b->date_state);
    if (a->date_state == QLAB_DATE_GOOD)
        assert_int_equal(a->date, b->date);
    assert_int_equal(a->bad_fields, b->bad_fields);
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++) {
        if (!(a->bad_fields >> f & 1U))
            T_CHECK(isnan(a->v[f]) ? isnan(b->v[f]) : memcmp(&a->v[f], &b->v[f], 8) == 0);
    }
}

/* Every number that jansson calls a number must be the double that strtod makes of it. */
static void as_jansson(const char *text, const qlab_raw_bar *b, size_t *n_compared)
{
    json_error_t e;
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &e);
    for (unsigned f = 0; o != NULL && f < QLAB_N_FIELDS; f++) {
        const json_t *v = json_object_get(o, qlab_field_name(f));
        if (!json_is_real(v))
            continue;
        T_CHECK(!(b->bad_fields >> f & 1U));
        T_NEAR(b->v[f], json_real_value(v), 0.0);
        ++*n_compared;
    }
    json_decref(o);
}

T_TEST(fast_and_general_agree)
{
    dice d = {11, 0};
    size_t n_good = 0, n_compared = 0;
    qlab_month_memo memo = {{0}, 0, 0};
    for (int i = 0; i < 60000; i++) {
        qlab_buf text = QLAB_BUF_INIT;
        put_bar(&d, &text);
        const size_t n = text.n;
        qlab_buf_reserve(&text, QLAB_JSON_SCAN_PAD);
        memset(text.at + n, 0, QLAB_JSON_SCAN_PAD);
        qlab_json_scan s = {text.at + n, NULL, NULL}, t = s;
        qlab_raw_bar a, b;
        const char *p = qlab_bar_parse(&s, text.at, &memo, &a);
        const char *q = qlab_bar_parse_general(&t, text.at, &b);
        T_CHECK(p == q);
        if (p != NULL) {
            same_bar(&a, &b);
            n_good++;
            as_jansson(text.at, &a, &n_compared);
        } else {
            T_CHECK(s.bad_at == t.bad_at && s.why == t.why);
        }
        qlab_buf_free(&text);
    }
    T_CHECK(n_good > 30000 && n_compared > 60000); /* the dice must reach both sides */
}

/* ---- packs ----------------------------------------------------------------------------------- */

static void put_line(dice *d, qlab_buf *b)
{
    static const char *const ids[] = {"US:A",    "US:B",     "US:C", "US:OUT",
                                      "US:BOND", "US:OTHER", "US:NO"};
    const char *id = pick(d, ids, 7);
    const bool id_first = roll(d, 4) != 0;
    const uint32_t n = roll(d, 30);
    if (roll(d, 12) == 0) {
        static const char *const junk[] = {
            "nonsense", "{}",  "  ", "", "{\"canonical_id\":\"US:A\"}", "{\"x\":\"\xe2\x82\"}",
            "\xff",     "[1,2"};
        qlab_buf_puts(b, pick(d, junk, 8));
    } else {
        qlab_buf_puts(b, "{");
        if (id_first)
            qlab_buf_putf(b, "\"canonical_id\":\"%s\",", id);
        if (roll(d, 5) == 0)
            qlab_buf_puts(b, "\"note\":[1,{\"bars\":\"\xc3\xa9\"}],");
        qlab_buf_puts(b, "\"bars\":[");
        for (uint32_t i = 0; i < n; i++) {
            qlab_buf_puts(b, i > 0 ? "," : "");
            if (roll(d, 60) == 0)
                put_bar(d, b);
            else
                qlab_buf_putf(b,
                              "{\"date\":\"2019-%02u-%02u\",\"open\":1,\"high\":2,\"low\":1,"
                              "\"close\":%u.5,\"volume\":7}",
                              1 + roll(d, 12), 1 + roll(d, 28), roll(d, 3));
        }
        qlab_buf_puts(b, "]");
        if (!id_first)
            qlab_buf_putf(b, ",\"canonical_id\":\"%s\"", id);
        qlab_buf_puts(b, roll(d, 15) == 0 ? "" : "}");
        if (roll(d, 20) == 0)
            qlab_buf_puts(b, " \xc2");
    }
    qlab_buf_puts(b, roll(d, 5) == 0 ? "\r\n" : "\n");
}

static void same_read(const vendor_read *a, const vendor_read *b)
{
    assert_memory_equal(&a->result.counts, &b->result.counts, sizeof a->result.counts);
    assert_int_equal(a->rows.n, b->rows.n);
    assert_int_equal(a->result.n_lines, b->result.n_lines);
    assert_int_equal(a->segments.n, b->segments.n);
    for (size_t i = 0; i < a->segments.n; i++) {
        const qlab_segment *x = &a->segments.at[i], *y = &b->segments.at[i];
        T_CHECK(x->slot == y->slot && x->first == y->first && x->n == y->n);
    }
    if (a->rows.n > 0) {
        T_SAME_BITS(a->rows.date, b->rows.date, a->rows.n);
        T_SAME_BITS(a->rows.at, b->rows.at, a->rows.n);
        T_SAME_BITS(a->duplicate, b->duplicate, a->rows.n);
        for (unsigned f = 0; f < QLAB_N_FIELDS; f++) {
            for (size_t i = 0; i < a->rows.n; i++)
                T_NEAR(a->rows.v[f][i], b->rows.v[f][i], 0.0);
        }
    }
    assert_int_equal(a->quarantine.n, b->quarantine.n);
    for (size_t i = 0; i < a->quarantine.n; i++) {
        char *x = vendor_record(a, i), *y = vendor_record(b, i);
        T_STR(x, y);
        qlab_free(x);
        qlab_free(y);
    }
}

/* Bytes put piece by piece, the pieces of random length, against all at once. */
T_TEST(whole_and_steps_agree)
{
    dice d = {12, 0};
    for (int i = 0; i < 300; i++) {
        qlab_buf text = QLAB_BUF_INIT;
        vendor_read a, b, c;
        const uint32_t n = 1 + roll(&d, 40);
        for (uint32_t k = 0; k < n; k++)
            put_line(&d, &text);
        const bool not_owner = roll(&d, 3) == 0;
        const vendor_how whole = {.not_owner = not_owner},
                         steps = {.not_owner = not_owner,
                                  .whole_max_bytes = 1,
                                  .step_bytes = 16 + roll(&d, 200)},
                         pieces = {.not_owner = not_owner,
                                   .name = "p.ndjson",
                                   .step_bytes = 16 + roll(&d, 300)};
        vendor_read_text(&a, text.at, text.n, whole);
        vendor_read_text(&b, text.at, text.n, steps);
        vendor_read_bytes(&c, text.at, text.n, pieces);
        same_read(&a, &b);
        same_read(&a, &c);
        vendor_read_free(&a);
        vendor_read_free(&b);
        vendor_read_free(&c);
        qlab_buf_free(&text);
    }
}

T_MAIN(T_CASE(fast_and_general_agree), T_CASE(whole_and_steps_agree))
