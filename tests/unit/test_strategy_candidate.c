/* Candidate files: what loads, what the shipped lists hold, and the exact message of what is wrong.
 */
#include "strategy/candidate.h"
#include "strategy/shipped.h"
#include "support/t.h"

#include "base/alloc.h"
#include "lake/lake.h"
#include <math.h>
#include <string.h>

static const char *const NAMES[] = {"close", "sma_200", "ret_5d", "ret_20d"};
static const qlab_expr_known KNOWN = {NAMES, 4};

#define HEAD "version: 1\nname: mine\n"

static qlab_code parse(const char *text, qlab_library **lib, qlab_err *err)
{
    return qlab_library_parse("mine.yaml", text, strlen(text), &KNOWN, lib, err);
}

T_TEST(a_whole_file)
{
    const char *text = HEAD "terms:\n  z_mom: z(ret_20d)\ncandidates:\n"
                            "  - id: a\n    family: F\n    score: z_mom - 0.50*ret_5d\n"
                            "  - id: b\n    family: F\n    kind: fixed\n    horizon: 20\n"
                            "    score: >\n      z_mom\n      - 0.5*ret_5d\n    side: long_only\n"
                            "    universe: {classes: [etf, stock], top_liquid: 100}\n"
                            "  - {id: c, family: G, score: close, universe: {classes: [crypto]}}\n";
    qlab_err err = QLAB_ERR_INIT;
    qlab_library *lib = NULL;
    qlab_buf u = QLAB_BUF_INIT;

    T_OK(parse(text, &lib, &err));
    T_CHECK(lib->n == 3 && lib->n_universes == 3);
    T_STR(lib->candidates[0].definition, "(z(ret_20d)-(0.5*ret_5d))");
    T_STR(lib->candidates[1].definition, "(z(ret_20d)-(0.5*ret_5d))");
    T_CHECK(lib->candidates[0].horizon == 5 && lib->candidates[1].horizon == 20);
    T_CHECK(lib->candidates[1].side == QLAB_SIDE_LONG_ONLY);
    T_CHECK(lib->candidates[0].root != lib->candidates[1].root);
    T_CHECK(lib->universes[1].top_liquid == 100);
    T_CHECK(qlab_library_find(lib, "c") == &lib->candidates[2]);
    T_CHECK(qlab_library_find(lib, "d") == NULL);
    qlab_universe_print(lib->universes[lib->candidates[1].space], &u);
    T_STR(u.at, "stock+etf, 100 most liquid");
    qlab_buf_free(&u);
    qlab_library_free(lib);
}

static qlab_library *shipped(const char *name)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_library *lib = NULL;

    T_OK(qlab_library_load(name, NULL, &lib, &err));
    return lib;
}

T_TEST(shipped_lists)
{
    qlab_library *core8 = shipped("core8"), *core16 = shipped("core16"),
                 *core24 = shipped("core24");
    const char *const *columns;

    T_CHECK(core8->n == 8 && core16->n == 16 && core24->n == 33);
    for (size_t i = 0; i < core16->n; i++) {
        const qlab_candidate *c = qlab_library_find(core24, core16->candidates[i].id);
        T_CHECK(c != NULL);
        T_STR(c->definition, core16->candidates[i].definition);
        T_CHECK(i >= 8 || strcmp(core8->candidates[i].id, core16->candidates[i].id) == 0);
    }
    T_STR(qlab_library_find(core24, "csmom_20_liq")->definition,
          "((0.7*z(ret_20d))+(0.3*z(log(adv20_dollar), by=currency)))");
    T_STR(qlab_library_find(core24, "mr_rsi")->definition, "(-z(rsi_14))");
    T_STR(qlab_library_find(core24, "tsmom_trend_macd_lowvol")->definition,
          "((((0.4*if((close > sma_200), 1, (-1)))+(0.3*z(macd_hist_pct)))+(0.2*z(ret_20d)))-"
          "(0.1*z(ewma_vol_20)))");
    T_CHECK(qlab_expr_columns(core24->graph, &columns) == 10);
    for (size_t i = 0; i < core24->n; i++)
        T_CHECK(core24->candidates[i].horizon == 5 &&
                core24->candidates[i].side == QLAB_SIDE_LONG_SHORT);
    T_CHECK(qlab_digest_cmp(&core8->digest, &core16->digest) != 0);
    qlab_library_free(core8);
    qlab_library_free(core16);
    qlab_library_free(core24);
}

static qlab_digest what_is_done(const qlab_candidate *c)
{
    json_t *o = qlab_candidate_json(c);
    (void)json_object_del(o, "id");
    (void)json_object_del(o, "family");
    const qlab_digest d = qlab_json_digest(o);
    json_decref(o);
    return d;
}

/* Spelling is not identity; what is done is. */
T_TEST(identity_of_a_trial)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_library *a = NULL, *b = NULL;

    T_OK(parse(HEAD "candidates:\n  - {id: x, family: F, score: 0.50*z( ret_5d )+close}\n", &a,
               &err));
    T_OK(parse("version: 1\nname: other\nterms: {t: z(ret_5d)}\ncandidates:\n"
               "  - {id: y, family: G, score: 0.5*t + close}\n"
               "  - {id: z, family: G, score: 0.5*t + close, horizon: 20}\n",
               &b, &err));
    const qlab_digest x = what_is_done(&a->candidates[0]), y = what_is_done(&b->candidates[0]);
    const qlab_digest later = what_is_done(&b->candidates[1]);
    T_CHECK(qlab_digest_cmp(&x, &y) == 0);
    T_CHECK(qlab_digest_cmp(&x, &later) != 0);
    qlab_library_free(a);
    qlab_library_free(b);
}

T_TEST(kinds_that_learn)
{
    const char *text =
        HEAD "terms:\n  z_mom: z(ret_20d)\ncandidates:\n"
             "  - {id: best, family: B, kind: 'family_best:F'}\n"
             "  - {id: f2, family: F, score: ret_5d}\n"
             "  - {id: f1, family: F, score: close}\n"
             "  - {id: f20, family: F, score: close, horizon: 20}\n"
             "  - {id: sign, family: F, kind: oriented, score: -z_mom}\n"
             "  - {id: r, family: R, kind: ridge, terms: [z_mom, ret_5d, 'close/sma_200 - 1']}\n";
    qlab_err err = QLAB_ERR_INIT;
    qlab_library *lib = NULL;
    size_t n;

    T_OK(parse(text, &lib, &err));
    const qlab_candidate *best = &lib->candidates[0], *r = qlab_library_find(lib, "r");
    const qlab_candidate *sign = qlab_library_find(lib, "sign");
    T_STR(best->definition, "family_best(close, ret_5d)"); /* byte order, whatever the file's */
    T_CHECK(best->n_parts == 2 && best->kind_id == QLAB_KIND_FAMILY_BEST);
    T_STR(best->parts[0].id, "f1");
    T_STR(best->score, "the best of 2 of family F");
    T_STR(sign->definition, "oriented((-z(ret_20d)))");
    T_STR(r->definition, "ridge(z(((close/sma_200)-1)), z(ret_20d), z(ret_5d))");
    T_STR(r->score, "z_mom, ret_5d, close/sma_200 - 1");
    T_CHECK(best->root == QLAB_NO_ROOT && sign->root == QLAB_NO_ROOT && r->root == QLAB_NO_ROOT);
    qlab_free(qlab_candidate_nodes(lib->candidates, lib->n, &n));
    T_CHECK(n == 2 + 1 + 1 + 1 + 1 + 3);
    qlab_library_free(lib);
}

#define ONE(fields) HEAD "candidates:\n  - {id: a, family: F, " fields "}\n"
static const struct {
    const char *text, *message;
} BAD[] = {
    {"", "mine.yaml:1:1: candidate list.version is missing"},
    {"version: 2\nname: x\n", "mine.yaml:1:10: "},
    {HEAD "colour: red\n", "mine.yaml:3:1: "},
    {HEAD, "mine.yaml:1:1: the list has no candidates"},
    {HEAD "candidates: []\n", "mine.yaml:1:1: the list has no candidates"},
    {HEAD "candidates:\n  - {family: F, score: close}\n", "mine.yaml:4:5: "},
    {ONE("scor: close"),
     "mine.yaml:4:24: unknown key \"scor\" in candidate; did you mean \"score\"?"},
    {ONE("horizon: 5"), "mine.yaml:4:5: candidate 'a' has no score"},
    {ONE("score: close, horizon: 10"),
     "mine.yaml:4:47: there is no label for a horizon of 10 sessions; 1, 5 and 20 have one"},
    {ONE("score: close, horizon: 1.5"),
     "mine.yaml:4:47: candidate.horizon was \"1.5\", not a whole number"},
    {ONE("score: close, kind: ridge"),
     "mine.yaml:4:31: candidate 'a' is of kind 'ridge', which takes no score"},
    {ONE("kind: ridge"), "mine.yaml:4:5: ridge 'a' has 0 terms; 2 to 32 are taken (with one, a "
                         "weight is a sign: kind 'oriented')"},
    {ONE("kind: ridge, terms: [close]"),
     "mine.yaml:4:44: ridge 'a' has 1 terms; 2 to 32 are taken"},
    {ONE("kind: ridge, terms: [close, z(close)]"),
     "mine.yaml:4:52: ridge 'a' has the term z(close) twice"},
    {ONE("kind: ridge, terms: [close, ret_5]"),
     "mine.yaml:4:52: term of ridge 'a', expression 1:1: there is no column 'ret_5'; did you mean "
     "'ret_5d'?"},
    {ONE("kind: ridge, terms: [close, ret_5d > 0]"),
     "mine.yaml:4:52: term of ridge 'a', expression 1:1: a score is a number, not a condition"},
    {ONE("score: close, terms: [close, ret_5d]"),
     "mine.yaml:4:45: candidate 'a' is of kind 'fixed': terms belong to kind 'ridge'"},
    {ONE("kind: oriented"), "mine.yaml:4:5: candidate 'a' has no score"},
    {ONE("kind: ridge, terms: [close, ret_5d]") "  - {id: b, family: F, kind: ridge, terms: "
                                                "[ret_5d, z(close)]}\n",
     "mine.yaml:5:44: candidate 'b' is the same as 'a': ridge(z(close), z(ret_5d))"},
    {ONE("kind: 'family_best:G', score: close"),
     "mine.yaml:4:54: candidate 'a' is of kind 'family_best:G', which takes no score"},
    {ONE("kind: 'family_best:'"), "mine.yaml:4:30: there is no kind 'family_best:'"},
    {ONE("kind: 'family_best:G'") "  - {id: b, family: G, score: close}\n"
                                  "  - {id: c, family: G, score: ret_5d, horizon: 20}\n"
                                  "  - {id: d, family: G, kind: oriented, score: ret_5d}\n",
     "mine.yaml:4:30: 'a' has 1 to choose from: fixed candidates of family G with its horizon, "
     "universe and side; it needs 2"},
    {ONE("score: close, kind: magic"),
     "mine.yaml:4:44: there is no kind 'magic'; the kinds are fixed, oriented, ridge and "
     "family_best:FAMILY"},
    {ONE("score: close, side: short"),
     "mine.yaml:4:44: candidate.side was \"short\", not one of long_short, long_only"},
    {ONE("score: close, universe: {classes: [stocks]}"),
     "mine.yaml:4:59: 'stocks' is no asset class (stock, etf, fund, bond, index, forex, crypto, "
     "other)"},
    {ONE("score: close, universe: {top_liquid: 5}"),
     "mine.yaml:4:61: universe.top_liquid was 5; it must lie in [30, 1000000]"},
    {ONE("score: close") "  - {id: a, family: F, score: ret_5d}\n",
     "mine.yaml:5:10: there were two candidates with the id 'a'"},
    {ONE("score: close") "  - {id: b, family: F, score: ( close )}\n",
     "mine.yaml:5:31: candidate 'b' is the same as 'a': close"},
    {HEAD "candidates:\n  - {id: 'a b', family: F, score: close}\n",
     "mine.yaml:4:10: 'a b' is no id: up to 64 letters, digits, '_', '-', '.'"},
    {HEAD "candidates:\n  - id: a\n    family: F\n    score: z(clos)\n",
     "mine.yaml:6:12: candidate 'a', expression 1:3: there is no column 'clos'; did you mean "
     "'close'?\n  z(clos)\n    ^"},
    {HEAD "terms:\n  t: ts_std(close, 1)\ncandidates:\n  - {id: a, family: F, score: close}\n",
     "mine.yaml:4:6: term 't', expression 1:15: ts_std looks back a whole number of bars, 2 to"},
    {HEAD "terms:\n  close: ret_5d\ncandidates:\n  - {id: a, family: F, score: close}\n",
     "mine.yaml:4:10: term 'close', expression the name 'close' is taken"},
    {HEAD "from: core8\nids: [mr_rsi]\n",
     "candidates/core8.yaml:4:7: a list that others choose from may not choose itself"},
    {HEAD "from: core24\nids: [nobody]\n",
     "mine.yaml:4:7: list 'core24' has no candidate 'nobody'"},
    {HEAD "from: core24\nids: [mr_rsi, mr_rsi]\n",
     "mine.yaml:4:15: the id 'mr_rsi' was named twice"},
    {HEAD "from: core24\n", "mine.yaml:1:1: a list with 'from' names 'ids' of it"},
    {HEAD "ids: [a]\ncandidates:\n  - {id: a, family: F, score: close}\n",
     "mine.yaml:1:1: 'ids' needs 'from'"},
    {HEAD "from: nowhere.yaml\nids: [a]\n", "nowhere.yaml: there is no such file, and none of the "
                                            "shipped candidates (core16, core24, core8, ridge)"
                                            " is called so"},
};

T_TEST(every_error_names_its_place)
{
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        const bool any = strstr(BAD[i].text, "from:") != NULL;
        qlab_err err = QLAB_ERR_INIT;
        qlab_library *lib = NULL;
        const qlab_code rc = qlab_library_parse("mine.yaml", BAD[i].text, strlen(BAD[i].text),
                                                any ? NULL : &KNOWN, &lib, &err);
        if (rc != QLAB_E_CONFIG)
            print_error("case %zu: %s\n", i, BAD[i].text);
        T_CHECK(rc == QLAB_E_CONFIG);
        T_CONTAINS(err.text, BAD[i].message);
    }
}

T_TEST(who_is_in_a_universe)
{
    const uint8_t eligibility[8] = {0, 0, 3, 0, 0, 0, 0, 0};
    const uint8_t class[8] = {QLAB_CLASS_STOCK, QLAB_CLASS_ETF,   QLAB_CLASS_STOCK,
                              QLAB_CLASS_BOND,  QLAB_CLASS_STOCK, QLAB_CLASS_STOCK,
                              QLAB_CLASS_STOCK, QLAB_CLASS_STOCK};
    /* yen and dollars: 4 and 5 are in yen, where 900 is much and 100 little */
    const double liquidity[8] = {50.0, 60.0, 1e9, 1e9, 900.0, 100.0, 50.0, NAN};
    const uint32_t currency[8] = {1, 1, 1, 1, 0, 0, 1, 1};
    qlab_universe_rows x = {8, eligibility, class, liquidity, currency, 2, false};
    uint32_t rows[8];

    T_CHECK(qlab_universe_select(qlab_universe_default(), &x, rows) == 6);
    T_CHECK(rows[0] == 0 && rows[1] == 1 && rows[2] == 4 && rows[5] == 7);
    const qlab_universe stocks = {1u << QLAB_CLASS_STOCK, 0};
    T_CHECK(qlab_universe_select(stocks, &x, rows) == 5 && rows[0] == 0 && rows[1] == 4);
    /* percentiles: 1 is at .83 of three dollar names, 4 at .75 of two yen names; 0 and 6 tie */
    qlab_universe top = qlab_universe_default();
    top.top_liquid = 3;
    T_CHECK(qlab_universe_select(top, &x, rows) == 3);
    T_CHECK(rows[0] == 0 && rows[1] == 1 && rows[2] == 4);
    x.liquidity_in_usd = true;
    T_CHECK(qlab_universe_select(top, &x, rows) == 3);
    T_CHECK(rows[0] == 1 && rows[1] == 4 && rows[2] == 5);
    top.top_liquid = 100; /* a name without known liquidity is never among the most liquid */
    T_CHECK(qlab_universe_select(top, &x, rows) == 5);
}

T_MAIN(T_CASE(a_whole_file), T_CASE(shipped_lists), T_CASE(identity_of_a_trial),
       T_CASE(kinds_that_learn), T_CASE(every_error_names_its_place), T_CASE(who_is_in_a_universe))
