/* Pairs by their symbol, rates by hand. */
#include "support/t.h"

#include "truth/fx.h"

#include <math.h>

T_TEST(pairs)
{
    static const struct {
        const char *symbol, *currency; /* NULL: no pair against USD */
        bool inverse;
    } cases[] = {{"EURUSD", "EUR", false}, {"EUR/USD", "EUR", false}, {"USDJPY", "JPY", true},
                 {"USD/JPY", "JPY", true}, {"USDUSD", NULL, false},   {"EURGBP", NULL, false},
                 {"EURUS", NULL, false},   {"EURUSDX", NULL, false},  {"eurUSD", NULL, false},
                 {"EURU/SD", NULL, false}, {"EUR//USD", NULL, false}, {"", NULL, false},
                 {"E/URUSD", NULL, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char currency[4] = "";
        bool inverse = false;
        const bool is = qlab_fx_pair(cases[i].symbol, currency, &inverse);
        T_CHECK(is == (cases[i].currency != NULL));
        if (is) {
            T_STR(currency, cases[i].currency);
            T_CHECK(inverse == cases[i].inverse);
        }
    }
}

T_TEST(the_last_rate_known_and_not_too_old)
{
    qlab_fx_rates fx = {0};
    qlab_fx_push(qlab_fx_add(&fx, "JPY"), 100, 0.01);
    qlab_fx_series *gbp = qlab_fx_add(&fx, "GBP"); /* before JPY */
    qlab_fx_push(gbp, 100, 1.25);
    qlab_fx_push(gbp, 103, 1.5);
    qlab_fx_push(gbp, 130, 2.0);
    T_STR(fx.of[0].currency, "GBP");
    const int32_t date[] = {99, 100, 102, 103, 113, 114, 129, 130, 140, 141};
    double out[10];
    qlab_fx_fill(qlab_fx_way_of(&fx, "GBP"), date, 10, out);
    /* nothing before the first; 103 + 10 days is the last that 1.5 speaks for */
    const double want[] = {NAN, 1.25, 1.25, 1.5, 1.5, NAN, NAN, 2.0, 2.0, NAN};
    for (size_t i = 0; i < 10; i++)
        T_CHECK(out[i] == want[i] || (isnan(out[i]) && isnan(want[i])));
    qlab_fx_fill(qlab_fx_way_of(&fx, "GBX"), date + 1, 1, out); /* pence */
    T_CHECK(out[0] == 1.25 * 0.01);
    qlab_fx_fill(qlab_fx_way_of(&fx, "USD"), date, 10, out);
    T_CHECK(out[0] == 1.0 && out[9] == 1.0);
    qlab_fx_fill(qlab_fx_way_of(&fx, "EUR"), date, 10, out);
    T_CHECK(isnan(out[3]));
    qlab_fx_fill(qlab_fx_way_of(&fx, ""), date, 10, out);
    T_CHECK(isnan(out[3]));
    qlab_fx_rates_free(&fx);
}

T_MAIN(T_CASE(pairs), T_CASE(the_last_rate_known_and_not_too_old))
