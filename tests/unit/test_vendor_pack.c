/* Packs: lines, gzip, encodings, accounting, and the exact record of everything not taken. */
#include "support/vendor.h"
#include "vendor/utf8.h"

#include <math.h>
#include <stdio.h>

#define BAR(day, close)                                                                            \
    "{\"date\":\"" day "\",\"open\":1,\"high\":9,\"low\":1,\"close\":" close ",\"volume\":5}"
#define LINE(id, bars) "{\"canonical_id\":\"" id "\",\"bars\":[" bars "]}\n"

static void read_text(vendor_read *v, const char *text)
{
    vendor_read_text(v, text, strlen(text), (vendor_how){0});
}

static void expect_counts(const vendor_read *v, uint64_t in, uint64_t good, uint64_t duplicate,
                          uint64_t quarantined, uint64_t not_asked)
{
    const qlab_counts *c = &v->result.counts;
    assert_int_equal(c->rows_in, in);
    assert_int_equal(c->rows_good, good);
    assert_int_equal(c->rows_duplicate, duplicate);
    assert_int_equal(c->rows_quarantined, quarantined);
    assert_int_equal(c->rows_not_asked, not_asked);
    T_CHECK(qlab_counts_balance(c));
}

/* ---- one bad line between two good ones ------------------------------------------------------ */

typedef struct line_case {
    const char *line; /* with its LF */
    const char *record;
} line_case;

#define REC(offset, id, reason, detail, datum)                                                     \
    "{\"pack\":\"p.ndjson.gz\",\"line\":2,\"byte_offset\":" offset ",\"asset_id\":" id             \
    ",\"date\":null,\"reason\":\"" reason "\",\"detail\":\"" detail "\",\"datum\":\"" datum "\"}"

/* The first line is 102 bytes. */
static const char FIRST[] = LINE("US:A", BAR("2019-01-02", "2"));
static const char LAST[] = LINE("US:C", BAR("2019-01-02", "3"));

static const line_case LINES[] = {
    {"not json\n", REC("102", "null", "BAD_JSON", "expected '{'", "not json")},
    {"[]\n", REC("102", "null", "BAD_JSON", "expected '{'", "[]")},
    {"{}\n", REC("102", "null", "BAD_JSON", "canonical_id was missing", "")},
    {"{\"canonical_id\":\"US:B\"}\n", REC("102", "\"US:B\"", "BAD_JSON", "bars was missing", "")},
    {"{\"canonical_id\":7,\"bars\":[]}\n",
     REC("118", "null", "BAD_JSON", "canonical_id was not a string", "7,\\\"bars\\\":[]}")},
    {"{\"canonical_id\":\"\",\"bars\":[]}\n",
     REC("118", "null", "BAD_JSON", "canonical_id was empty", "\\\"\\\",\\\"bars\\\":[]}")},
    {"{\"canonical_id\":\"US:B\",\"bars\":null}\n",
     REC("132", "\"US:B\"", "BAD_JSON", "bars was not an array", "null}")},
    {"{\"canonical_id\":\"US:B\",\"bars\":[],\"bars\":[]}\n",
     REC("135", "\"US:B\"", "BAD_JSON", "bars came twice", "\\\"bars\\\":[]}")},
    {"{\"canonical_id\":\"US:B\",\"canonical_id\":\"US:B\",\"bars\":[]}\n",
     REC("125", "\"US:B\"", "BAD_JSON", "canonical_id came twice",
         "\\\"canonical_id\\\":\\\"US:B\\\",\\\"bars\\\":[]}")},
    {"{\"canonical_id\":\"US:B\",\"bars\":[]}}\n",
     REC("135", "\"US:B\"", "BAD_JSON", "bytes followed the object", "}")},
    {"{\"canonical_id\":\"US:B\",\"bars\":[" BAR("2019-01-02", "2") ",]}\n",
     REC("202", "\"US:B\"", "BAD_JSON", "expected a bar", "]}")},
    {"{\"canonical_id\":\"US:B\",\"bars\":[null]}\n",
     REC("133", "\"US:B\"", "BAD_JSON", "expected a bar", "null]}")},
    {"{\"canonical_id\":\"US:B\",\"bars\":[" BAR("2019-01-02", "2") "\n",
     REC("201", "\"US:B\"", "BAD_JSON", "the line ended inside a value", "")},
    {"{\"canonical_id\":\"US:B\",\"bars\":[],\"x\":\"\xff\"}\n",
     REC("140", "\"US:B\"", "NOT_UTF8", "a byte was not UTF-8", "\xef\xbf\xbd\\\"}")},
    {"{\"canonical_id\":\"US:B\",\"x\":\"\xc3\n",
     REC("131", "\"US:B\"", "NOT_UTF8", "a byte was not UTF-8", "")},
    {"\xe2\x82{}\n", REC("104", "null", "NOT_UTF8", "a byte was not UTF-8", "{}")},
};

T_TEST(bad_line_is_alone)
{
    assert_int_equal(sizeof FIRST - 1, 102);
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        qlab_buf text = QLAB_BUF_INIT;
        vendor_read v;
        qlab_buf_puts(&text, FIRST);
        qlab_buf_puts(&text, LINES[i].line);
        qlab_buf_puts(&text, LAST);
        vendor_read_text(&v, text.at, text.n, (vendor_how){0});
        expect_counts(&v, 3, 2, 0, 1, 0);
        assert_int_equal(v.quarantine.n, 1);
        char *record = vendor_record(&v, 0);
        T_STR(record, LINES[i].record);
        qlab_free(record);
        assert_int_equal(v.segments.n, 2);
        vendor_read_free(&v);
        qlab_buf_free(&text);
    }
}

/* ---- forms that are fine --------------------------------------------------------------------- */

T_TEST(takes_every_form_of_text)
{
    static const char *const forms[] = {
        LINE("US:A", BAR("2019-01-02", "2") "," BAR("2019-01-03", "3")),
        "\xef\xbb\xbf" LINE("US:A", BAR("2019-01-02", "2") "," BAR("2019-01-03", "3")),
        "{\"canonical_id\":\"US:A\",\"bars\":[" BAR("2019-01-02", "2") "," BAR("2019-01-03",
                                                                               "3") "]}",
        "{\"canonical_id\":\"US:A\",\"bars\":[" BAR("2019-01-02", "2") "," BAR("2019-01-03",
                                                                               "3") "]}\r\n\r\n \n",
        " {\t\"x\":{\"bars\":[1]} , \"bars\" : [ " BAR("2019-01-02", "2") " , " BAR(
            "2019-01-03", "3") " ] , \"canonical_id\" : \"US:\\u0041\" } \n",
        LINE("US:A", BAR("2019-01-03", "3") "," BAR("2019-01-02", "2")),
        LINE("US:A", BAR("2019-01-03", "3")) "\n" LINE("US:A", BAR("2019-01-02", "2")),
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        vendor_read v;
        read_text(&v, forms[i]);
        expect_counts(&v, 2, 2, 0, 0, 0);
        assert_int_equal(v.segments.n, 1);
        assert_int_equal(v.segments.at[0].slot, 0);
        assert_int_equal(v.segments.at[0].n, 2);
        assert_int_equal(v.rows.date[0] + 1, v.rows.date[1]);
        T_NEAR(v.rows.v[QLAB_FIELD_CLOSE][0], 2, 0);
        T_NEAR(v.rows.v[QLAB_FIELD_CLOSE][1], 3, 0);
        T_CHECK(isnan(v.rows.v[QLAB_FIELD_ADJUSTED][0]));
        vendor_read_free(&v);
    }
}

T_TEST(sorts_assets_and_keeps_their_rows)
{
    vendor_read v;
    read_text(&v, LINE("US:C", BAR("2019-01-02", "7")) LINE("US:A", BAR("2019-01-02", "5")));
    assert_int_equal(v.segments.n, 2);
    assert_int_equal(v.segments.at[0].slot, 0);
    T_NEAR(v.rows.v[QLAB_FIELD_CLOSE][v.segments.at[0].first], 5, 0);
    assert_int_equal(v.segments.at[1].slot, 2);
    T_NEAR(v.rows.v[QLAB_FIELD_CLOSE][v.segments.at[1].first], 7, 0);
    vendor_read_free(&v);
}

/* ---- whose rows ------------------------------------------------------------------------------ */

T_TEST(accounts_for_rows_that_are_nobodys)
{
    static const char text[] = LINE("US:A", BAR("2019-01-02", "2"))
        LINE("US:OUT", BAR("2019-01-02", "2") "," BAR("2019-01-02", "x\"")) //
        LINE("US:OUT", BAR("2019-01-02", "2") "," BAR("2018-13-02", "2"))
            LINE("US:WHO", BAR("2019-01-02", "2")) LINE("US:BOND", BAR("2019-01-02", "2"))
                LINE("US:OTHER", BAR("2019-01-02", "2") "," BAR("2019-01-03", "2"));
    vendor_read v;
    read_text(&v, text);
    /* the first US:OUT line is broken: one row; the second counts both of its bars */
    expect_counts(&v, 1 + 1 + 2 + 1 + 1, 1, 0, 1 + 2 + 1, 1);
    assert_int_equal(v.result.counts.by_reason[QLAB_REASON_OUTSIDE_POINTER], 2);
    assert_int_equal(v.result.counts.by_reason[QLAB_REASON_UNKNOWN_ASSET], 1);
    assert_int_equal(v.result.counts.by_reason[QLAB_REASON_BAD_JSON], 1);
    assert_int_equal(v.quarantine.n, 3);
    char *r = vendor_record(&v, 1);
    T_CONTAINS(r, "\"reason\":\"OUTSIDE_POINTER\",\"bars\":2,");
    qlab_free(r);
    vendor_read_free(&v);

    /* Not the owner: only its own assets. */
    vendor_read_text(&v, text, sizeof text - 1, (vendor_how){.not_owner = true});
    expect_counts(&v, 1, 1, 0, 0, 0);
    assert_int_equal(v.quarantine.n, 0);
    vendor_read_free(&v);
}

T_TEST(keeps_the_last_of_a_date)
{
    vendor_read v;
    read_text(&v, LINE("US:A", BAR("2019-01-02", "2") "," BAR("2019-01-02", "2") "," //
                       BAR("2019-01-03", "4") "," BAR("2019-01-02", "3"))            //
              LINE("US:A", BAR("2019-01-03", "4")));
    expect_counts(&v, 5, 2, 3, 0, 0);
    assert_int_equal(v.result.counts.by_reason[QLAB_REASON_DUPLICATE], 1);
    assert_int_equal(v.result.counts.by_reason[QLAB_REASON_DUPLICATE_CONFLICT], 2);
    T_NEAR(v.rows.v[QLAB_FIELD_CLOSE][0], 3, 0);
    T_NEAR(v.rows.v[QLAB_FIELD_CLOSE][1], 4, 0);
    T_CHECK(v.duplicate[0] == 1 && v.duplicate[1] == 1);
    /* two losers and their winner, then the equal one */
    assert_int_equal(v.quarantine.n, 4);
    char *lost = vendor_record(&v, 0), *equal = vendor_record(&v, 2), *won = vendor_record(&v, 3);
    T_CONTAINS(lost, "\"reason\":\"DUPLICATE_CONFLICT\",\"detail\":\"the row at line 1 byte 238 "
                     "came later and was kept\"");
    T_CONTAINS(equal,
               "\"reason\":\"DUPLICATE\",\"detail\":\"the row at line 2 byte 340 came later");
    T_CONTAINS(won, "\"reason\":\"DUPLICATE_CONFLICT\",\"kept\":true,");
    T_CONTAINS(won,
               "\"datum\":\"{\\\"date\\\":\\\"2019-01-02\\\",\\\"open\\\":1,\\\"high\\\":9,"
               "\\\"low\\\":1,\\\"close\\\":3,\\\"volume\\\":5,\\\"adjusted_close\\\":null}\"");
    qlab_free(lost);
    qlab_free(equal);
    qlab_free(won);
    vendor_read_free(&v);
}

T_TEST(compares_rows_by_five_fields)
{
    static const char *const other[] = {
        "\"open\":2,\"high\":9,\"low\":1,\"close\":2,\"volume\":5",
        "\"open\":1,\"high\":8,\"low\":1,\"close\":2,\"volume\":5",
        "\"open\":1,\"high\":9,\"low\":0,\"close\":2,\"volume\":5",
        "\"open\":1,\"high\":9,\"low\":1,\"close\":3,\"volume\":5",
        "\"open\":1,\"high\":9,\"low\":1,\"close\":2,\"volume\":6",
        "\"open\":null,\"high\":9,\"low\":1,\"close\":2,\"volume\":5",
        "\"open\":1,\"high\":9,\"low\":1,\"close\":2,\"volume\":5,\"adjusted_close\":7",
    };
    for (size_t i = 0; i < 7; i++) {
        qlab_buf text = QLAB_BUF_INIT;
        vendor_read v;
        qlab_buf_putf(&text,
                      "{\"canonical_id\":\"US:A\",\"bars\":[%s,{\"date\":\"2019-01-02\",%s}]}",
                      BAR("2019-01-02", "2"), other[i]);
        vendor_read_text(&v, text.at, text.n, (vendor_how){0});
        assert_int_equal(v.result.counts.by_reason[QLAB_REASON_DUPLICATE], i == 6);
        assert_int_equal(v.result.counts.by_reason[QLAB_REASON_DUPLICATE_CONFLICT], i != 6);
        vendor_read_free(&v);
        qlab_buf_free(&text);
    }
}

T_TEST(counts_bytes_from_the_mark)
{
    vendor_read v;
    read_text(&v, "\xef\xbb\xbf"
                  "junk\n");
    char *r = vendor_record(&v, 0);
    T_CONTAINS(r, "\"line\":1,\"byte_offset\":3,");
    qlab_free(r);
    vendor_read_free(&v);
}

/* Every string of three bytes from a set that holds all borders, against base's own judgement. */
T_TEST(knows_utf8)
{
    static const unsigned char b[] = {0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                      0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
                                      0xee, 0xef, 0xf0, 0xf4, 0xf5, 0xff};
    enum { N = sizeof b };
    for (size_t i = 0; i < N * N * N * N; i++) {
        const char s[4] = {(char)b[i % N], (char)b[i / N % N], (char)b[i / N / N % N],
                           (char)b[i / N / N / N]};
        for (size_t cut = 0; cut < 4; cut += 3) {
            qlab_utf8 u = {0};
            bool good = qlab_utf8_feed(&u, s, cut) == cut;
            good =
                good && qlab_utf8_feed(&u, s + cut, 4 - cut) == 4 - cut && qlab_utf8_at_border(&u);
            T_CHECK(good == qlab_str_is_utf8((qlab_str){s, 4}));
        }
    }
}

/* ---- gzip ------------------------------------------------------------------------------------ */

typedef struct gz_case {
    const char *what;
    qlab_reason refused;
    const char *why;
} gz_case;

static void check_gz(const qlab_buf *gz, const char *name, qlab_reason refused, const char *why,
                     size_t whole)
{
    vendor_read v;
    vendor_read_bytes(&v, gz->at, gz->n, (vendor_how){.whole_max_bytes = whole, .name = name});
    T_STR(qlab_reason_name(v.result.refused), qlab_reason_name(refused));
    T_STR(v.result.why, why);
    if (refused == QLAB_REASON_NONE) {
        expect_counts(&v, 2, 2, 0, 0, 0);
    } else {
        expect_counts(&v, 0, 0, 0, 0, 0);
        assert_int_equal(v.rows.n, 0);
        assert_int_equal(v.quarantine.n, 1);
        char *r = vendor_record(&v, 0);
        T_CONTAINS(r, "\"line\":0,\"byte_offset\":0,\"asset_id\":null,\"date\":null");
        T_CONTAINS(r, why);
        qlab_free(r);
    }
    vendor_read_free(&v);
}

/* Both ways through memory must say the same. */
static void check_both(const qlab_buf *gz, const char *name, qlab_reason refused, const char *why)
{
    check_gz(gz, name, refused, why, (size_t)64 << 20);
    check_gz(gz, name, refused, why, 1);
}

T_TEST(judges_gzip)
{
    static const char a[] = LINE("US:A", BAR("2019-01-02", "2")),
                      b[] = LINE("US:B", BAR("2019-01-02", "2"));
    qlab_buf gz = QLAB_BUF_INIT, bad = QLAB_BUF_INIT;

    vendor_gzip(&gz, a, sizeof a - 1);
    const size_t first = gz.n;
    vendor_gzip(&gz, b, sizeof b - 1);
    check_both(&gz, "p.ndjson.gz", QLAB_REASON_NONE, ""); /* two members */
    vendor_gzip(&gz, "", 0);
    check_both(&gz, "p.ndjson.gz", QLAB_REASON_NONE, ""); /* and an empty one */
    qlab_buf_put(&gz, "\0\0\0\0", 4);
    check_both(&gz, "p.ndjson.gz", QLAB_REASON_NONE, ""); /* zero padding */
    qlab_buf_put(&gz, "x", 1);
    check_both(&gz, "p.ndjson.gz", QLAB_REASON_PACK_BAD_GZIP,
               "bytes followed the last gzip member");

    for (size_t cut = 0; cut < first; cut++) { /* every truncation of one member */
        bad.n = 0;
        qlab_buf_put(&bad, gz.at, cut);
        check_both(&bad, "p.ndjson.gz", QLAB_REASON_PACK_TRUNCATED, "the gzip stream ended early");
    }
    for (size_t cut = first + 2; cut < first + 20; cut++) { /* inside the second member */
        bad.n = 0;
        qlab_buf_put(&bad, gz.at, cut);
        check_both(&bad, "p.ndjson.gz", QLAB_REASON_PACK_TRUNCATED, "the gzip stream ended early");
    }
    bad.n = 0;
    qlab_buf_put(&bad, gz.at, first);
    bad.at[first - 5] ^= 1; /* the check sum */
    check_both(&bad, "p.ndjson.gz", QLAB_REASON_PACK_BAD_GZIP, "incorrect data check");
    bad.at[first - 5] ^= 1;
    bad.at[first - 1] ^= 1; /* the length */
    check_both(&bad, "p.ndjson.gz", QLAB_REASON_PACK_BAD_GZIP, "incorrect length check");
    bad.n = 0;
    qlab_buf_puts(&bad, "{\"this\": \"is no gzip\"}");
    check_both(&bad, "p.ndjson.gz", QLAB_REASON_PACK_BAD_GZIP, "incorrect header check");
    qlab_buf_free(&gz);
    qlab_buf_free(&bad);
}

T_TEST(takes_plain_packs)
{
    qlab_buf text = QLAB_BUF_INIT;
    qlab_buf_puts(&text, LINE("US:A", BAR("2019-01-02", "2")) LINE("US:B", BAR("2019-01-02", "2")));
    check_both(&text, "p.ndjson", QLAB_REASON_NONE, "");
    qlab_buf_free(&text);
}

T_TEST(holds_a_pack_to_its_hash)
{
    static const char a[] = LINE("US:A", BAR("2019-01-02", "2"));
    qlab_buf gz = QLAB_BUF_INIT;
    vendor_read v;
    vendor_gzip(&gz, a, sizeof a - 1);
    qlab_digest sha = qlab_sha256_of(gz.at, gz.n);
    vendor_read_bytes(&v, gz.at, gz.n, (vendor_how){.sha256 = &sha});
    T_CHECK(v.result.refused == QLAB_REASON_NONE);
    assert_int_equal(v.rows.n, 1);
    vendor_read_free(&v);
    sha.at[31] ^= 1;
    vendor_read_bytes(&v, gz.at, gz.n, (vendor_how){.sha256 = &sha});
    T_CHECK(v.result.refused == QLAB_REASON_PACK_HASH_MISMATCH);
    assert_int_equal(v.rows.n, 0);
    T_CONTAINS(v.result.why, "the registry promised ");
    vendor_read_free(&v);
    qlab_buf_free(&gz);
}

/* ---- long lines ------------------------------------------------------------------------------ */

T_TEST(steps_over_lines_that_are_too_long)
{
    enum { LONG = 3 << 20, MAX = 1 << 20 };
    qlab_buf text = QLAB_BUF_INIT;
    vendor_read v;
    qlab_buf_puts(&text, FIRST);
    qlab_buf_puts(&text, "{\"canonical_id\":\"US:B\",\"x\":\"");
    for (size_t i = 0; i < LONG; i++)
        qlab_buf_put(&text, "y", 1);
    qlab_buf_puts(&text, "\",\"bars\":[]}\n");
    qlab_buf_puts(&text, LAST);
    vendor_read_text(&v, text.at, text.n,
                     (vendor_how){.whole_max_bytes = 1, .line_max_bytes = MAX});
    expect_counts(&v, 3, 2, 0, 1, 0);
    char *r = vendor_record(&v, 0);
    T_CONTAINS(r, "{\"pack\":\"p.ndjson.gz\",\"line\":2,\"byte_offset\":102,\"asset_id\":\"US:B\","
                  "\"date\":null,"
                  "\"reason\":\"TOO_LONG\",\"detail\":\"the line was longer than 256 "
                  "MiB\",\"datum\":\"{\\\"canonical_id");
    qlab_free(r);
    vendor_read_free(&v);
    qlab_buf_free(&text);
}

T_MAIN(T_CASE(bad_line_is_alone), T_CASE(takes_every_form_of_text),
       T_CASE(sorts_assets_and_keeps_their_rows), T_CASE(accounts_for_rows_that_are_nobodys),
       T_CASE(keeps_the_last_of_a_date), T_CASE(compares_rows_by_five_fields),
       T_CASE(counts_bytes_from_the_mark), T_CASE(knows_utf8), T_CASE(judges_gzip),
       T_CASE(takes_plain_packs), T_CASE(holds_a_pack_to_its_hash),
       T_CASE(steps_over_lines_that_are_too_long))
