/* The expression language: what parses to what, and the exact message of what does not. */
#include "strategy/expr.h"
#include "support/t.h"

#include "base/alloc.h"
#include <math.h>
#include <string.h>

static const char *const NAMES[] = {"close",   "sma_200",      "ret_5d",
                                    "ret_20d", "adv20_dollar", "macd_hist_pct"};
static const qlab_expr_known KNOWN = {NAMES, sizeof NAMES / sizeof NAMES[0]};

static void prints(const char *text, const char *canonical)
{
    qlab_expr_graph *g = qlab_expr_graph_new(&KNOWN);
    qlab_err err = QLAB_ERR_INIT;
    qlab_buf out = QLAB_BUF_INIT;
    uint32_t root, again;

    T_OK(qlab_expr_parse(g, qlab_str_of(text), 0, &root, &err));
    qlab_expr_print(g, root, &out);
    T_STR(out.at, canonical);
    T_OK(qlab_expr_parse(g, qlab_str_of(out.at), 0, &again, &err)); /* what it prints, it reads */
    T_CHECK(again == root);
    qlab_buf_free(&out);
    qlab_expr_graph_free(g);
}

T_TEST(precedence)
{
    prints("close", "close");
    prints("1 + close*2", "(1+(close*2))");
    prints("-close^2", "(-(close^2))");
    prints("close^-2^2", "(close^(-4))");
    prints("close^ret_5d^2", "(close^(ret_5d^2))");
    prints("close - ret_5d - 1", "((close-ret_5d)-1)");
    prints("close/ret_5d*2", "((close/ret_5d)*2)");
    prints("(close + 1) * 2", "((close+1)*2)");
    prints("-(2)*close", "((-2)*close)");
    prints("0.10*close", "(0.1*close)");
    prints("2*3 + close", "(6+close)");
    prints("close + -0", "(close+0)");
    prints("if(close > sma_200, 1, -1)", "if((close > sma_200), 1, (-1))");
    prints("if(not close > 1 and ret_5d < 0 or ret_20d == 0, 1, 0)",
           "if((((not (close > 1)) and (ret_5d < 0)) or (ret_20d == 0)), 1, 0)");
    prints("z(log(adv20_dollar), by=currency)", "z(log(adv20_dollar), by=currency)");
    prints("rank(close,by = sector)", "rank(close, by=sector)");
    prints("neutralize(close, ret_5d, ret_20d)", "neutralize(close, ret_5d, ret_20d)");
    prints("min(close, 1, ret_5d)", "min(close, 1, ret_5d)");
    prints("clip(\n\tclose, -1, 1)", "clip(close, (-1), 1)");
    prints("z(lag(close,5)) - ts_rank( ret_5d , 20 )", "(z(lag(close, 5))-ts_rank(ret_5d, 20))");
    prints("ts_corr(close, ret_5d, 60)*delta(close, 1)",
           "(ts_corr(close, ret_5d, 60)*delta(close, 1))");
    prints("if(close >= 1 and close != 2, close, 1e-3)",
           "if(((close >= 1) and (close != 2)), close, 0.001)");
}

T_TEST(equal_parts_are_one_node)
{
    qlab_expr_graph *g = qlab_expr_graph_new(&KNOWN);
    qlab_err err = QLAB_ERR_INIT;
    uint32_t a, b, c, d;

    T_OK(qlab_expr_parse(g, qlab_str_of("0.5*z(ret_20d) + z(close)"), 0, &a, &err));
    const size_t n = qlab_expr_n_nodes(g);
    T_OK(qlab_expr_parse(g, qlab_str_of("0.5*z(ret_20d)+z( close )"), 0, &b, &err));
    T_CHECK(a == b && qlab_expr_n_nodes(g) == n);
    T_OK(qlab_expr_parse(g, qlab_str_of("0.5*z(ret_20d) - z(close)"), 0, &c, &err));
    T_CHECK(c != a && qlab_expr_n_nodes(g) == n + 1);
    T_OK(qlab_expr_parse(g, qlab_str_of("0.5*z(ret_20d) + z(close)"), 1, &d, &err));
    T_CHECK(d != a); /* another universe */
    T_OK(qlab_expr_parse(g, qlab_str_of("z(close, by=class)"), 0, &b, &err));
    T_OK(qlab_expr_parse(g, qlab_str_of("z(close, by=exchange)"), 0, &c, &err));
    T_CHECK(b != c);
    for (uint32_t i = 0; i < qlab_expr_n_nodes(g); i++)
        for (uint32_t k = 0; k < qlab_expr_at(g, i)->n_args; k++)
            T_CHECK(qlab_expr_args(g, i)[k] < i);
    qlab_expr_graph_free(g);
}

/* A function over the past is a column of the panel, and names no other. */
T_TEST(the_past_is_a_column)
{
    qlab_expr_graph *g = qlab_expr_graph_new(&KNOWN);
    qlab_err err = QLAB_ERR_INIT;
    const char *const *names;
    uint32_t a, b;

    T_OK(qlab_expr_add_term(g, "m", qlab_str_of("ts_mean(ret_5d, 20)"), &err));
    T_OK(qlab_expr_parse(g, qlab_str_of("z(m) - ts_corr(close, sma_200, 60)"), 0, &a, &err));
    T_OK(qlab_expr_parse(g, qlab_str_of("z(ts_mean(ret_5d, 20)) - ts_corr(close, sma_200, 60)"), 0,
                         &b, &err));
    T_CHECK(a == b);
    T_CHECK(qlab_expr_columns(g, &names) == 2);
    T_STR(names[0], "ts_mean_20__ret_5d");
    T_STR(names[1], "ts_corr_60__close__sma_200");
    T_FAILS(QLAB_E_CONFIG, qlab_expr_parse(g, qlab_str_of("ts_std(m, 5)"), 0, &b, &err));
    qlab_expr_graph_free(g);
}

T_TEST(many_nodes_stay_distinct)
{
    qlab_expr_graph *g = qlab_expr_graph_new(&KNOWN);
    qlab_err err = QLAB_ERR_INIT;
    uint32_t root[2000], again;

    for (int i = 0; i < 2000; i++) {
        char *text = qlab_asprintf("%d*close + z(ret_5d)", i + 2);
        T_OK(qlab_expr_parse(g, qlab_str_of(text), 0, &root[i], &err));
        qlab_free(text);
    }
    const size_t n = qlab_expr_n_nodes(g);
    T_CHECK(n == 3 + 3 * 2000);
    for (int i = 0; i < 2000; i++) {
        char *text = qlab_asprintf("%d*close + z(ret_5d)", i + 2);
        T_OK(qlab_expr_parse(g, qlab_str_of(text), 0, &again, &err));
        T_CHECK(again == root[i]);
        qlab_free(text);
    }
    T_CHECK(qlab_expr_n_nodes(g) == n);
    qlab_expr_graph_free(g);
}

T_TEST(terms)
{
    qlab_expr_graph *g = qlab_expr_graph_new(&KNOWN);
    qlab_err err = QLAB_ERR_INIT;
    qlab_buf out = QLAB_BUF_INIT;
    uint32_t root, other;

    T_OK(qlab_expr_add_term(g, "z_mom", qlab_str_of("z(ret_20d)"), &err));
    T_OK(qlab_expr_add_term(g, "up", qlab_str_of("close > sma_200"), &err));
    T_OK(qlab_expr_add_term(g, "gated", qlab_str_of("if(up, z_mom, 0)"), &err));
    T_OK(qlab_expr_parse(g, qlab_str_of("2*gated - z_mom"), 0, &root, &err));
    qlab_expr_print(g, root, &out);
    T_STR(out.at, "((2*if((close > sma_200), z(ret_20d), 0))-z(ret_20d))");
    T_OK(qlab_expr_parse(g, qlab_str_of("2*gated - z_mom"), 3, &other, &err));
    T_CHECK(other != root);
    T_FAILS(QLAB_E_CONFIG, qlab_expr_add_term(g, "z_mom", qlab_str_of("close"), &err));
    T_FAILS(QLAB_E_CONFIG, qlab_expr_add_term(g, "close", qlab_str_of("ret_5d"), &err));
    T_FAILS(QLAB_E_CONFIG, qlab_expr_add_term(g, "lag", qlab_str_of("ret_5d"), &err));
    T_FAILS(QLAB_E_CONFIG, qlab_expr_add_term(g, "a b", qlab_str_of("ret_5d"), &err));
    T_FAILS(QLAB_E_CONFIG, qlab_expr_add_term(g, "self", qlab_str_of("self + close"), &err));
    qlab_buf_free(&out);
    qlab_expr_graph_free(g);
}

/* Terms that use each other twice: 2^60 parts if they were written out. */
T_TEST(terms_do_not_explode)
{
    qlab_expr_graph *g = qlab_expr_graph_new(&KNOWN);
    qlab_err err = QLAB_ERR_INIT;
    qlab_code rc = qlab_expr_add_term(g, "t0", qlab_str_of("close"), &err);

    for (int i = 1; i < 60 && rc == QLAB_OK; i++) {
        char *name = qlab_asprintf("t%d", i), *text = qlab_asprintf("t%d + t%d", i - 1, i - 1);
        rc = qlab_expr_add_term(g, name, qlab_str_of(text), &err);
        qlab_free(name);
        qlab_free(text);
    }
    T_CHECK(rc == QLAB_E_CONFIG);
    T_CONTAINS(err.text, "more than 4000 parts");
    qlab_expr_graph_free(g);
}

typedef struct bad {
    const char *text, *message;
} bad;

static const bad BAD[] = {
    {"", "1:1: the expression ended where a value was expected\n  \n  ^"},
    {"close +", "1:8: the expression ended where a value was expected\n  close +\n         ^"},
    {"close + * 2", "1:9: a value was expected, not '*'\n  close + * 2\n          ^"},
    {"close close",
     "1:7: an operator or the end was expected, not 'close'\n  close close\n        ^"},
    {"(close", "1:7: the expression ended where ')' was expected\n  (close\n        ^"},
    {"close)", "1:6: an operator or the end was expected, not ')'\n  close)\n       ^"},
    {"ret_20", "1:1: there is no column 'ret_20'; did you mean 'ret_20d'?\n  ret_20\n  ^"},
    {"zz(close)", "1:1: there is no function 'zz'; did you mean 'z'?\n  zz(close)\n  ^"},
    {"qqqqqqq", "1:1: there is no column 'qqqqqqq'\n  qqqqqqq\n  ^"},
    {"close\n + ret_9d",
     "2:4: there is no column 'ret_9d'; did you mean 'ret_5d'?\n   + ret_9d\n     ^"},
    {"ts_mean(close)", "1:14: ts_mean looks at a column of the panel, not at an expression\n  "
                       "ts_mean(close)\n               ^"},
    {"ts_mean(z(close), 5)", "1:9: ts_mean looks at a column of the panel, not at an expression\n  "
                             "ts_mean(z(close), 5)\n          ^"},
    {"ts_mean(close + 1, 5)", "1:15: ts_mean looks at a column of the panel, not at an "
                              "expression\n  ts_mean(close + 1, 5)\n                ^"},
    {"ts_mean(lag(close, 1), 5)", "1:9: ts_mean looks at a column of the panel, not at an "
                                  "expression\n  ts_mean(lag(close, 1), 5)\n          ^"},
    {"ts_std(clos, 5)",
     "1:8: there is no column 'clos'; did you mean 'close'?\n  ts_std(clos, 5)\n         ^"},
    {"ts_std(fwd_ret_5d, 5)", "1:8: 'fwd_ret_5d' is a label: it lies in the future of the score\n  "
                              "ts_std(fwd_ret_5d, 5)\n         ^"},
    {"ts_std(close, 1)", "1:15: ts_std looks back a whole number of bars, 2 to 252\n  "
                         "ts_std(close, 1)\n                ^"},
    {"lag(close, 0)",
     "1:12: lag looks back a whole number of bars, 1 to 252\n  lag(close, 0)\n             ^"},
    {"lag(close, 253)",
     "1:12: lag looks back a whole number of bars, 1 to 252\n  lag(close, 253)\n             ^"},
    {"lag(close, 2.5)",
     "1:12: lag looks back a whole number of bars, 1 to 252\n  lag(close, 2.5)\n             ^"},
    {"lag(close, -1)",
     "1:12: lag looks back a whole number of bars, 1 to 252\n  lag(close, -1)\n             ^"},
    {"lag(close, close)",
     "1:12: lag looks back a whole number of bars, 1 to 252\n  lag(close, close)\n             ^"},
    {"lag(close, 2, 3)", "1:13: ')' was expected, not ','\n  lag(close, 2, 3)\n              ^"},
    {"ts_corr(close, 5)", "1:16: ts_corr looks at a column of the panel, not at an expression\n  "
                          "ts_corr(close, 5)\n                 ^"},
    {"ts_corr(close, ret_5d, 2)", "1:24: ts_corr looks back a whole number of bars, 3 to 252\n  "
                                  "ts_corr(close, ret_5d, 2)\n                         ^"},
    {"lag", "1:4: the expression ended where '(' after the name of a function was expected\n  "
            "lag\n     ^"},
    {"ts_meen(close, 5)",
     "1:1: there is no function 'ts_meen'; did you mean 'ts_mean'?\n  ts_meen(close, 5)\n  ^"},
    {"z(fwd_ret_5d)",
     "1:3: 'fwd_ret_5d' is a label: it lies in the future of the score\n  z(fwd_ret_5d)\n    ^"},
    {"exchange",
     "1:1: 'exchange' holds names, not numbers: use it as by=exchange\n  exchange\n  ^"},
    {"z(close, by=country)",
     "1:13: class, exchange, currency or sector after 'by=' was expected, not "
     "'country'\n  z(close, by=country)\n              ^"},
    {"abs(close, by=class)", "1:12: abs takes no 'by='\n  abs(close, by=class)\n             ^"},
    {"z(close, bye=class)",
     "1:10: there is no option 'bye='; 'by=' is the only one\n  z(close, bye=class)\n           ^"},
    {"z(by=class)", "1:11: z takes 1 argument, not 0\n  z(by=class)\n            ^"},
    {"z(close, 2)", "1:10: z takes 1 argument\n  z(close, 2)\n           ^"},
    {"max(close)", "1:10: max takes at least 2 arguments, not 1\n  max(close)\n           ^"},
    {"z(3)", "1:3: z of a plain number says nothing\n  z(3)\n    ^"},
    {"3", "1:1: a score uses at least one column\n  3\n  ^"},
    {"close > 1",
     "1:1: a score is a number, not a condition (write if(c, 1, 0))\n  close > 1\n  ^"},
    {"close + (close > 1)",
     "1:9: '+' needs a number here, not a condition (write if(c, 1, 0))\n  close + (close > 1)\n"
     "          ^"},
    {"if(close, 1, 2)", "1:4: if needs a condition here, not a number\n  if(close, 1, 2)\n     ^"},
    {"if(close > 1 and ret_5d, 1, 2)",
     "1:18: 'and' needs a condition here, not a number\n  if(close > 1 and ret_5d, 1, 2)\n"
     "                   ^"},
    {"if(1 < close < 2, 1, 0)",
     "1:14: comparisons do not chain: write a < b and b < c\n  if(1 < close < 2, 1, 0)\n"
     "               ^"},
    {"if(1 < 2, close, 0)", "1:6: '<' compared two plain numbers\n  if(1 < 2, close, 0)\n       ^"},
    {"close/(1/0)", "1:9: '/' of plain numbers gave no finite number\n  close/(1/0)\n          ^"},
    {"close*log(-1)",
     "1:7: 'log' of plain numbers gave no finite number\n  close*log(-1)\n        ^"},
    {"close + .5",
     "1:9: a number was expected (write 0.5, not .5 or 1.)\n  close + .5\n          ^"},
    {"close + 1e400", "1:9: the number was out of range\n  close + 1e400\n          ^"},
    {"2x + close", "1:2: a number was followed by 'x'\n  2x + close\n   ^"},
    {"close & 1", "1:7: '&' does not belong to an expression\n  close & 1\n        ^"},
    {"\xc3\xa9 + close",
     "1:1: the byte 0xc3 does not belong to an expression\n  \xc3\xa9 + close\n  ^"},
    {"clip(close, 2, 1)",
     "1:13: the lower bound of clip was above the upper one\n  clip(close, 2, 1)\n              ^"},
    {"and", "1:1: a value was expected, not 'and'\n  and\n  ^"},
    {"abs close", "1:5: '(' after the name of a function was expected, not 'close'\n  abs close\n"
                  "      ^"},
    {"z(close, by=class, by=sector)",
     "1:18: ')' after by= was expected, not ','\n  z(close, by=class, by=sector)\n"
     "                   ^"},
};

T_TEST(every_error_points)
{
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        qlab_expr_graph *g = qlab_expr_graph_new(&KNOWN);
        qlab_err err = QLAB_ERR_INIT;
        uint32_t root;
        T_CHECK(qlab_expr_parse(g, qlab_str_of(BAD[i].text), 0, &root, &err) == QLAB_E_CONFIG);
        T_STR(err.text, BAD[i].message);
        qlab_expr_graph_free(g);
    }
}

T_TEST(limits)
{
    qlab_expr_graph *g = qlab_expr_graph_new(NULL);
    qlab_err err = QLAB_ERR_INIT;
    qlab_buf deep = QLAB_BUF_INIT, powers = QLAB_BUF_INIT, minus = QLAB_BUF_INIT,
             wide = QLAB_BUF_INIT;
    uint32_t root;

    for (int i = 0; i < 6000; i++) {
        qlab_buf_puts(&deep, "(");
        qlab_buf_puts(&powers, "x^");
        qlab_buf_puts(&minus, "-");
        qlab_buf_puts(&wide, "x+");
    }
    T_FAILS(QLAB_E_CONFIG, qlab_expr_parse(g, (qlab_str){deep.at, deep.n}, 0, &root, &err));
    T_FAILS(QLAB_E_CONFIG, qlab_expr_parse(g, (qlab_str){powers.at, powers.n}, 0, &root, &err));
    T_FAILS(QLAB_E_CONFIG, qlab_expr_parse(g, (qlab_str){minus.at, minus.n}, 0, &root, &err));
    qlab_buf_puts(&wide, "x");
    T_FAILS(QLAB_E_CONFIG, qlab_expr_parse(g, (qlab_str){wide.at, wide.n}, 0, &root, &err));
    for (int i = 0; i < 3000; i++)
        qlab_buf_puts(&deep, "((((");
    T_FAILS(QLAB_E_CONFIG, qlab_expr_parse(g, (qlab_str){deep.at, deep.n}, 0, &root, &err));
    qlab_buf_free(&deep);
    qlab_buf_free(&powers);
    qlab_buf_free(&minus);
    qlab_buf_free(&wide);
    qlab_expr_graph_free(g);
}

/* A long line is shown around the place only. */
T_TEST(a_long_line_is_cut)
{
    qlab_expr_graph *g = qlab_expr_graph_new(&KNOWN);
    qlab_err err = QLAB_ERR_INIT;
    qlab_buf text = QLAB_BUF_INIT;
    uint32_t root;

    for (int i = 0; i < 40; i++)
        qlab_buf_puts(&text, "close + ");
    qlab_buf_puts(&text, "nothing + close");
    T_CHECK(qlab_expr_parse(g, (qlab_str){text.at, text.n}, 0, &root, &err) == QLAB_E_CONFIG);
    const char *line = strchr(err.text, '\n') + 1, *caret = strchr(line, '\n') + 1;
    T_CHECK(caret - line <= 2 + 70 + 1);
    T_CHECK(strncmp(line + (strchr(caret, '^') - caret), "nothing", 7) == 0);
    qlab_buf_free(&text);
    qlab_expr_graph_free(g);
}

T_TEST(numbers_of_one_operation)
{
    const double a[3] = {3.0, 2.0, 5.0}, n[3] = {NAN, 1.0, 0.0};

    T_NEAR(qlab_expr_scalar(QLAB_EXPR_POW, a, 2), 9.0, 0.0);
    T_NEAR(qlab_expr_scalar(QLAB_EXPR_CLIP, a, 3), 3.0, 0.0);
    T_NEAR(qlab_expr_scalar(QLAB_EXPR_MIN, a, 3), 2.0, 0.0);
    T_NEAR(qlab_expr_scalar(QLAB_EXPR_MAX, a, 3), 5.0, 0.0);
    T_CHECK(isnan(qlab_expr_scalar(QLAB_EXPR_AND, n, 2)));
    T_CHECK(isnan(qlab_expr_scalar(QLAB_EXPR_MAX, n, 3)));
    T_CHECK(isnan(qlab_expr_scalar(QLAB_EXPR_POW, (const double[]){NAN, 0.0}, 2)));
    T_CHECK(isnan(qlab_expr_scalar(QLAB_EXPR_DIV, (const double[]){1.0, 0.0}, 2)));
    T_CHECK(isnan(qlab_expr_scalar(QLAB_EXPR_LOG, (const double[]){0.0}, 1)));
    T_CHECK(isnan(qlab_expr_scalar(QLAB_EXPR_SQRT, (const double[]){-1.0}, 1)));
    T_CHECK(isnan(qlab_expr_scalar(QLAB_EXPR_IF, n, 3)));
    T_CHECK(isnan(qlab_expr_scalar(QLAB_EXPR_LT, n, 2)));
    T_NEAR(qlab_expr_scalar(QLAB_EXPR_IF, (const double[]){1.0, 7.0, NAN}, 3), 7.0, 0.0);
    T_NEAR(qlab_expr_scalar(QLAB_EXPR_SIGN, (const double[]){-0.0}, 1), 0.0, 0.0);
}

T_MAIN(T_CASE(precedence), T_CASE(equal_parts_are_one_node), T_CASE(the_past_is_a_column),
       T_CASE(many_nodes_stay_distinct), T_CASE(terms), T_CASE(terms_do_not_explode),
       T_CASE(every_error_points), T_CASE(limits), T_CASE(a_long_line_is_cut),
       T_CASE(numbers_of_one_operation))
