/* Every way a feed row can be wrong, with the reason and the words it gives. */
#include "support/t.h"

#include "base/alloc.h"
#include "base/date.h"
#include "truth/feed.h"

#include <math.h>
#include <string.h>

/* Two assets without a lake: what the parser needs of a view. */
typedef struct names {
    qlab_lake_view view;
    qlab_asset assets[2];
    uint32_t by_id[2], rank[2];
} names;

static void make_names(names *x)
{
    *x = (names){.by_id = {0, 1}, .rank = {0, 1}};
    x->assets[0] = (qlab_asset){.asset_id = "US:AAA", .currency = "USD", .mic = "XNYS"};
    x->assets[1] = (qlab_asset){.asset_id = "US:BBB", .asset_ix = 1, .currency = ""};
    x->view.assets = x->assets;
    x->view.n_assets = 2;
    x->view.by_id = x->by_id;
    x->view.id_rank = x->rank;
}

static qlab_feed_reason parse(const char *line, qlab_feed_action *out, qlab_err *detail)
{
    names x;
    make_names(&x);
    static qlab_arena a;
    qlab_arena_reset(&a);
    qlab_flat_row row;
    if (qlab_flat_json(qlab_str_of(line), &a, &row, detail) != QLAB_OK)
        return QLAB_FEED_BAD_LINE;
    return qlab_feed_parse_action(&x.view, &row, &a, out, detail);
}

#define LONG(rest)   "{\"asset_id\":\"US:AAA\",\"ex_date\":\"2016-02-03\"," rest "}"
#define FACTOR(rest) "{\"canonical_id\":\"US:AAA\",\"date\":\"2016-02-03\"," rest "}"

T_TEST(the_three_styles)
{
    qlab_feed_action f;
    qlab_err e = QLAB_ERR_INIT;
    T_CHECK(parse(LONG("\"action_type\":\"split\",\"split_factor\":2,\"dividend_cash\":0,"
                       "\"source\":\"x\",\"source_id\":\"7\""),
                  &f, &e) == QLAB_FEED_OK);
    T_CHECK(f.a.type == QLAB_ACTION_SPLIT && f.a.r == 2.0 && isnan(f.a.d) && !f.no_action);
    T_CHECK(f.a.source == QLAB_SOURCE_FEED && f.a.ex_date == qlab_date_make(2016, 2, 3));
    T_STR(f.a.source_id, "x:7");
    T_CHECK(parse(LONG("\"action_type\":\"split\",\"split_factor\":2,\"source_id\":\"7\""), &f,
                  &e) == QLAB_FEED_OK);
    T_STR(f.a.source_id, ":7"); /* an id alone names no feed */
    T_STR(f.a.currency, "USD");
    T_CHECK(parse(LONG("\"action_type\":\"dividend_cash\",\"split_factor\":1.0,"
                       "\"dividend_cash\":\"0.25\",\"currency\":\"USD\",\"more\":null"),
                  &f, &e) == QLAB_FEED_OK);
    T_CHECK(f.a.type == QLAB_ACTION_DIVIDEND_CASH && f.a.d == 0.25 && isnan(f.a.r));
    T_CHECK(parse(FACTOR("\"dividend\":3.05"), &f, &e) == QLAB_FEED_OK && f.a.d == 3.05);
    T_CHECK(parse(FACTOR("\"split\":7.0"), &f, &e) == QLAB_FEED_OK && f.a.r == 7.0);
    T_CHECK(parse(FACTOR("\"prev_date\":\"2016-02-02\",\"prev_close\":13.70,"
                         "\"prev_adjusted_close\":13.67"),
                  &f, &e) == QLAB_FEED_OK);
    T_CHECK(f.a.source == QLAB_SOURCE_FACTOR_FEED && !f.no_action);
    T_NEAR(f.a.c, 13.70 / 13.67, 1e-15);
    T_NEAR(f.a.c_low, 13.695 / 13.675, 1e-12);
    T_NEAR(f.a.c_high, 13.705 / 13.665, 1e-12);
}

T_TEST(what_is_no_action)
{
    qlab_feed_action f;
    qlab_err e = QLAB_ERR_INIT;
    T_CHECK(parse(FACTOR("\"prev_date\":\"2016-02-02\",\"prev_close\":1.00,"
                         "\"prev_adjusted_close\":1.00"),
                  &f, &e) == QLAB_FEED_OK &&
            f.no_action);
    T_CHECK(parse(FACTOR("\"split\":1"), &f, &e) == QLAB_FEED_OK && f.no_action);
    T_CHECK(parse(FACTOR("\"dividend\":0.0"), &f, &e) == QLAB_FEED_OK && f.no_action);
    /* 13.70 says two decimals although its double does not show the second. */
    T_CHECK(parse(FACTOR("\"prev_date\":\"2016-02-02\",\"prev_close\":13.70,"
                         "\"prev_adjusted_close\":13.60"),
                  &f, &e) == QLAB_FEED_OK &&
            !f.no_action);
}

T_TEST(bad_rows_say_why)
{
    static const struct {
        const char *line;
        qlab_feed_reason reason;
        const char *text;
    } bad[] = {
        {"", QLAB_FEED_BAD_LINE, "column 1: an object was expected"},
        {"[1]", QLAB_FEED_BAD_LINE, "column 1: an object was expected"},
        {"{\"a\":1,\"a\":2}", QLAB_FEED_BAD_LINE, "column 13: a name was given twice"},
        {"{\"a\":{}}", QLAB_FEED_BAD_LINE, "column 6: a value was not plain"},
        {"{\"a\":[1]}", QLAB_FEED_BAD_LINE, "column 6: a value was not plain"},
        {"{\"a\":nan}", QLAB_FEED_BAD_LINE, "column 6: a value was expected"},
        {"{\"a\":01}", QLAB_FEED_BAD_LINE, "column "},
        {"{\"a\":1} x", QLAB_FEED_BAD_LINE, "column 9: something followed the object"},
        {"{\"a\":1", QLAB_FEED_BAD_LINE, "column 7: a comma or the end of the object was expected"},
        {"{\"a\" 1}", QLAB_FEED_BAD_LINE, "column 6: a colon was expected"},
        {"{a:1}", QLAB_FEED_BAD_LINE, "column 2: a name was expected"},
        {"{\"a\":\"x}", QLAB_FEED_BAD_LINE, "a string was not closed"},
        {"{\"a\":\"\\q\"}", QLAB_FEED_BAD_LINE, "a wrong escape stood in a string"},
        {"{\"a\":\"\\ud800\"}", QLAB_FEED_BAD_LINE, "a wrong escape stood in a string"},
        {"{\"a\":\"\xff\"}", QLAB_FEED_BAD_LINE, "column 1: the line was not UTF-8"},
        {"{\"ex_date\":\"2016-02-03\"}", QLAB_FEED_MISSING_FIELD, "asset_id was missing"},
        {"{\"asset_id\":\"US:ZZZ\",\"ex_date\":\"2016-02-03\"}", QLAB_FEED_UNKNOWN_ASSET,
         "asset_id was \"US:ZZZ\""},
        {"{\"asset_id\":7,\"ex_date\":\"2016-02-03\"}", QLAB_FEED_UNKNOWN_ASSET,
         "asset_id was \"7\""},
        {"{\"asset_id\":\"US:AAA\"}", QLAB_FEED_MISSING_FIELD, "ex_date was missing"},
        {"{\"asset_id\":\"US:AAA\",\"ex_date\":\"2016-02-30\"}", QLAB_FEED_BAD_DATE,
         "ex_date was \"2016-02-30\""},
        {"{\"asset_id\":\"US:AAA\",\"ex_date\":20160203}", QLAB_FEED_BAD_DATE,
         "ex_date was \"20160203\""},
        {LONG("\"split_factor\":2"), QLAB_FEED_MISSING_FIELD, "action_type was missing"},
        {LONG("\"action_type\":\"spinoff\""), QLAB_FEED_BAD_TYPE, "action_type was \"spinoff\""},
        {LONG("\"action_type\":\"untyped_factor\""), QLAB_FEED_BAD_TYPE,
         "action_type was \"untyped_factor\""},
        {LONG("\"action_type\":\"split\""), QLAB_FEED_MISSING_FIELD, "split_factor was missing"},
        {LONG("\"action_type\":\"split\",\"split_factor\":\"2:1\""), QLAB_FEED_BAD_NUMBER,
         "split_factor was \"2:1\""},
        {LONG("\"action_type\":\"split\",\"split_factor\":1e400"), QLAB_FEED_BAD_NUMBER,
         "split_factor was \"1e400\""},
        {LONG("\"action_type\":\"split\",\"split_factor\":true"), QLAB_FEED_BAD_NUMBER,
         "split_factor was \"true\""},
        {LONG("\"action_type\":\"split\",\"split_factor\":0"), QLAB_FEED_BAD_VALUE,
         "split_factor was \"0\""},
        {LONG("\"action_type\":\"split\",\"split_factor\":-2"), QLAB_FEED_BAD_VALUE,
         "split_factor was \"-2\""},
        {LONG("\"action_type\":\"split\",\"split_factor\":1e9"), QLAB_FEED_BAD_VALUE,
         "split_factor was \"1e9\""},
        {LONG("\"action_type\":\"split\",\"split_factor\":2,\"dividend_cash\":1"),
         QLAB_FEED_EXTRA_VALUE, "dividend_cash of a split was \"1\""},
        {LONG("\"action_type\":\"dividend_cash\",\"dividend_cash\":-1"), QLAB_FEED_BAD_VALUE,
         "dividend_cash was \"-1\""},
        {LONG("\"action_type\":\"dividend_cash\",\"dividend_cash\":1,\"split_factor\":2"),
         QLAB_FEED_EXTRA_VALUE, "split_factor of a dividend was \"2\""},
        {LONG("\"action_type\":\"dividend_cash\",\"dividend_cash\":1,\"currency\":\"EUR\""),
         QLAB_FEED_CURRENCY_MISMATCH, "currency was \"EUR\""},
        {FACTOR("\"split\":2,\"dividend\":1"), QLAB_FEED_EXTRA_VALUE,
         "dividend beside a split was \"1\""},
        {FACTOR("\"prev_close\":2,\"prev_adjusted_close\":1"), QLAB_FEED_MISSING_FIELD,
         "prev_date was missing"},
        {FACTOR("\"prev_date\":\"2016-02-02\",\"prev_close\":2"), QLAB_FEED_MISSING_FIELD,
         "prev_adjusted_close was missing"},
        {FACTOR("\"prev_date\":\"2016-02-03\",\"prev_close\":2,\"prev_adjusted_close\":1"),
         QLAB_FEED_BAD_DATE, "prev_date was \"2016-02-03\""},
        {FACTOR("\"prev_date\":\"2016-02-02\",\"prev_close\":0,\"prev_adjusted_close\":1"),
         QLAB_FEED_BAD_VALUE, "prev_close was \"0\""},
        {FACTOR("\"prev_date\":\"2016-02-02\",\"prev_close\":1,\"prev_adjusted_close\":-1"),
         QLAB_FEED_BAD_VALUE, "prev_adjusted_close was \"-1\""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        qlab_feed_action f;
        qlab_err e = QLAB_ERR_INIT;
        qlab_feed_reason reason = parse(bad[i].line, &f, &e);
        if (reason != bad[i].reason || strstr(e.text, bad[i].text) == NULL)
            print_error("%s gave %s: %s\n", bad[i].line, qlab_feed_reason_name(reason), e.text);
        T_CHECK(reason == bad[i].reason);
        T_CONTAINS(e.text, bad[i].text);
    }
}

T_TEST(delistings)
{
    static const struct {
        const char *line;
        qlab_feed_reason reason;
        const char *text;
    } rows[] = {
        {"{\"asset_id\":\"US:AAA\",\"delist_date\":\"2016-02-03\",\"delist_code\":574}",
         QLAB_FEED_OK, ""},
        {"{\"asset_id\":\"US:AAA\",\"delist_date\":\"2016-02-03\",\"delist_code\":\"merger\","
         "\"delist_return\":0.5,\"source\":\"f\"}",
         QLAB_FEED_OK, ""},
        {"{\"asset_id\":\"US:AAA\",\"delist_date\":\"2016-02-03\"}", QLAB_FEED_MISSING_FIELD,
         "delist_code was missing"},
        {"{\"asset_id\":\"US:AAA\",\"delist_date\":\"2016-02-03\",\"delist_code\":\"gone\"}",
         QLAB_FEED_BAD_TYPE, "delist_code was \"gone\""},
        {"{\"asset_id\":\"US:AAA\",\"delist_date\":\"\",\"delist_code\":\"merger\"}",
         QLAB_FEED_BAD_DATE, "delist_date was \"\""},
        {"{\"asset_id\":\"US:AAA\",\"delist_date\":\"2016-02-03\",\"delist_code\":\"merger\","
         "\"delist_return\":-1.5}",
         QLAB_FEED_BAD_VALUE, "delist_return was \"-1.5\""},
    };
    names x;
    make_names(&x);
    qlab_arena a = QLAB_ARENA_INIT;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        qlab_flat_row row;
        qlab_err err = QLAB_ERR_INIT;
        qlab_delisting d;
        T_OK(qlab_flat_json(qlab_str_of(rows[i].line), &a, &row, &err));
        T_CHECK(qlab_feed_parse_delisting(&x.view, &row, &a, &d, &err) == rows[i].reason);
        T_CONTAINS(err.text, rows[i].text);
    }
    qlab_arena_free(&a);
}

T_TEST(csv_rows)
{
    qlab_arena a = QLAB_ARENA_INIT;
    qlab_flat_row header, row;
    qlab_err err = QLAB_ERR_INIT;
    T_OK(qlab_flat_csv(QLAB_STR("asset_id,ex_date,\"odd,name\""), NULL, &a, &header, &err));
    T_CHECK(header.n == 3);
    T_OK(qlab_flat_csv(QLAB_STR("US:AAA,,\"say \"\"hi\"\"\""), &header, &a, &row, &err));
    T_CHECK(row.n == 3 && row.field[1].kind == QLAB_FLAT_NULL);
    T_CHECK(qlab_str_eq(qlab_flat_find(&row, "odd,name")->text, QLAB_STR("say \"hi\"")));
    T_FAILS(QLAB_E_CORRUPT, qlab_flat_csv(QLAB_STR("a,b"), &header, &a, &row, &err));
    T_FAILS(QLAB_E_CORRUPT, qlab_flat_csv(QLAB_STR("a,b,c,d"), &header, &a, &row, &err));
    T_FAILS(QLAB_E_CORRUPT, qlab_flat_csv(QLAB_STR("a,\"b,c"), &header, &a, &row, &err));
    T_FAILS(QLAB_E_CORRUPT, qlab_flat_csv(QLAB_STR("a,\"b\"x,c"), &header, &a, &row, &err));
    T_FAILS(QLAB_E_CORRUPT, qlab_flat_csv(QLAB_STR("a,b\"x,c"), &header, &a, &row, &err));
    T_FAILS(QLAB_E_CORRUPT, qlab_flat_csv(QLAB_STR("a,a"), NULL, &a, &row, &err));
    qlab_arena_free(&a);
}

T_TEST(escapes_are_undone)
{
    qlab_arena a = QLAB_ARENA_INIT;
    qlab_flat_row row;
    qlab_err err = QLAB_ERR_INIT;
    T_OK(qlab_flat_json(QLAB_STR(" { \"k\\u0065y\" : \"a\\\"\\\\\\/\\n\\u00e9\\ud83d\\ude00\" } "),
                        &a, &row, &err));
    T_CHECK(qlab_str_eq(row.field[0].name, QLAB_STR("key")));
    T_CHECK(qlab_str_eq(row.field[0].text, QLAB_STR("a\"\\/\n\xC3\xA9\xF0\x9F\x98\x80")));
    T_OK(qlab_flat_json(QLAB_STR("{}"), &a, &row, &err));
    T_CHECK(row.n == 0);
    qlab_arena_free(&a);
}

T_MAIN(T_CASE(the_three_styles), T_CASE(what_is_no_action), T_CASE(bad_rows_say_why),
       T_CASE(delistings), T_CASE(csv_rows), T_CASE(escapes_are_undone))
