/* Factor and map files: what a line says, every way it can be wrong, how a file is recognised. */
#include "support/t.h"

#include "base/date.h"
#include "truth/lean.h"

#include <math.h>
#include <string.h>

typedef struct bad_line {
    const char *line;
    qlab_feed_reason reason;
    const char *text;
} bad_line;

T_TEST(a_factor_line)
{
    qlab_factor_line f;
    qlab_err e = QLAB_ERR_INIT;
    T_CHECK(qlab_lean_parse_factor(QLAB_STR("20050225,0.8613657,0.01785710,88.97"), &f, &e) ==
            QLAB_FEED_OK);
    T_CHECK(f.date == qlab_date_make(2005, 2, 25) && f.price == 0.8613657 && f.split == 0.0178571);
    T_CHECK(f.close == 88.97 && f.k_price == 7 && f.k_split == 8 && f.k_close == 2);
    T_CHECK(qlab_lean_parse_factor(QLAB_STR("20501231,1,1"), &f, &e) == QLAB_FEED_OK);
    T_CHECK(isnan(f.close) && f.date == qlab_lean_open_date());
}

T_TEST(a_map_line)
{
    qlab_map_line m;
    qlab_err e = QLAB_ERR_INIT;
    T_CHECK(qlab_lean_parse_map(QLAB_STR("20031015,aol,N"), &m, &e) == QLAB_FEED_OK);
    T_CHECK(m.date == qlab_date_make(2003, 10, 15) && qlab_str_eq(m.ticker, QLAB_STR("aol")) &&
            qlab_str_eq(m.exchange, QLAB_STR("N")));
    T_CHECK(qlab_lean_parse_map(QLAB_STR("20031015,brk.b"), &m, &e) == QLAB_FEED_OK &&
            m.exchange.n == 0);
    T_CHECK(qlab_lean_parse_map(QLAB_STR("20031015,a,"), &m, &e) == QLAB_FEED_OK);
}

T_TEST(bad_lines_say_why)
{
    static const bad_line factors[] = {
        {"", QLAB_FEED_BAD_LINE, "1 cells, not date, price factor, split factor, close"},
        {"20050225,1", QLAB_FEED_BAD_LINE, "2 cells, not date"},
        {"20050225,1,1,1,1", QLAB_FEED_BAD_LINE, "5 cells, not date"},
        {"20050225,1,1,1,1,1,1,1", QLAB_FEED_BAD_LINE, "8 cells, not date"},
        {"2005-02-25,1,1,1", QLAB_FEED_BAD_DATE, "date was \"2005-02-25\""},
        {"20050229,1,1,1", QLAB_FEED_BAD_DATE, "date was \"20050229\""},
        {"2005022x,1,1,1", QLAB_FEED_BAD_DATE, "date was \"2005022x\""},
        {"20050225,,1,1", QLAB_FEED_BAD_NUMBER, "price factor was \"\""},
        {"20050225,0.5x,1,1", QLAB_FEED_BAD_NUMBER, "price factor was \"0.5x\""},
        {"20050225,0,1,1", QLAB_FEED_BAD_VALUE, "price factor was \"0\""},
        {"20050225,-1,1,1", QLAB_FEED_BAD_VALUE, "price factor was \"-1\""},
        {"20050225,1e400,1,1", QLAB_FEED_BAD_NUMBER, "price factor was \"1e400\""},
        {"20050225,1,nan,1", QLAB_FEED_BAD_NUMBER, "split factor was \"nan\""},
        {"20050225,1,1e13,1", QLAB_FEED_BAD_VALUE, "split factor was \"1e13\""},
        {"20050225,1,1,", QLAB_FEED_BAD_NUMBER, "close was \"\""},
        {"20050225,1,1,-2", QLAB_FEED_BAD_VALUE, "close was \"-2\""},
    };
    static const bad_line maps[] = {
        {"20050225", QLAB_FEED_BAD_LINE, "1 cells, not date, ticker, exchange"},
        {"20050225,a,N,x", QLAB_FEED_BAD_LINE, "4 cells, not date"},
        {"20051301,a,N", QLAB_FEED_BAD_DATE, "date was \"20051301\""},
        {"20050225,,N", QLAB_FEED_BAD_VALUE, "ticker was \"\""},
        {"20050225,a b,N", QLAB_FEED_BAD_VALUE, "ticker was \"a b\""},
        {"20050225,\"a\",N", QLAB_FEED_BAD_VALUE, "ticker was \"\"a\"\""},
        {"20050225,\xC3\xA9,N", QLAB_FEED_BAD_VALUE, "ticker was"},
        {"20050225,a,N N", QLAB_FEED_BAD_VALUE, "exchange was \"N N\""},
        {"20050225,abcdefghijklmnopqrstuvwxyzabcdefghijk,N", QLAB_FEED_BAD_VALUE, "ticker was"},
    };
    qlab_factor_line f;
    qlab_map_line m;
    qlab_err e = QLAB_ERR_INIT;
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
        T_CHECK(qlab_lean_parse_factor(qlab_str_of(factors[i].line), &f, &e) == factors[i].reason);
        T_CONTAINS(e.text, factors[i].text);
    }
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        T_CHECK(qlab_lean_parse_map(qlab_str_of(maps[i].line), &m, &e) == maps[i].reason);
        T_CONTAINS(e.text, maps[i].text);
    }
}

T_TEST(what_a_first_line_tells)
{
    static const struct {
        const char *line;
        qlab_feed_format format;
    } of[] = {{"19980102,0.8613657,0.00892857,1", QLAB_FEED_FACTOR_FILE},
              {"20501231,1,1", QLAB_FEED_FACTOR_FILE},
              {"19980102,aapl,Q", QLAB_FEED_MAP_FILE},
              {"19980102,7203,T", QLAB_FEED_MAP_FILE},
              {"19980102,aapl", QLAB_FEED_MAP_FILE},
              {"asset_id,ex_date,action_type", QLAB_FEED_ROWS},
              {"{\"asset_id\":\"US:A\"}", QLAB_FEED_ROWS},
              {"1998-01-02,aapl,Q", QLAB_FEED_ROWS},
              {"19980102", QLAB_FEED_ROWS},
              {"", QLAB_FEED_ROWS}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        T_CHECK(qlab_lean_recognise_line(qlab_str_of(of[i].line)) == of[i].format);
}

T_MAIN(T_CASE(a_factor_line), T_CASE(a_map_line), T_CASE(bad_lines_say_why),
       T_CASE(what_a_first_line_tells))
