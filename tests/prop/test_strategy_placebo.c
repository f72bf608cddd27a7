/* Placebos: who changes places with whom. */
#include "strategy/placebo.h"
#include "support/t.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "num/math.h"
#include <math.h>
#include <string.h>

enum { N = 503, N_CURRENCIES = 3 };

typedef struct market {
    uint32_t currency[N];
    double liquidity[N];
    uint8_t quintile[N];
} market;

/* The last currency has one name; a tenth have no liquidity. */
static void make_market(market *m)
{
    for (size_t i = 0; i < N; i++) {
        m->currency[i] = i == 7 ? 2 : (uint32_t)qlab_rng_below(1, 0, i, 2);
        m->liquidity[i] =
            qlab_rng_uniform(1, 1, i) < 0.1 ? NAN : floor(50 * qlab_rng_uniform(1, 2, i));
    }
    m->liquidity[7] = 3.0;
    memset(m->quintile, QLAB_PLACEBO_UNRANKED, sizeof m->quintile);
    qlab_placebo_rank(m->currency, m->liquidity, N, m->quintile);
}

T_TEST(quintiles_are_within_a_currency)
{
    market m;
    double other[N];

    make_market(&m);
    for (size_t i = 0; i < N; i++) {
        double below = 0, n = 0;
        for (size_t k = 0; k < N; k++)
            if (m.currency[k] == m.currency[i] && !isnan(m.liquidity[k])) {
                below += m.liquidity[k] < m.liquidity[i] ||
                         (!(m.liquidity[k] > m.liquidity[i]) && k < i);
                n++;
            }
        T_CHECK(m.quintile[i] ==
                (isnan(m.liquidity[i]) ? QLAB_PLACEBO_UNRANKED : (uint8_t)(below * 5 / n)));
    }
    /* a later date ranks only those that no earlier one knew */
    const market before = m;
    for (size_t i = 0; i < N; i++)
        other[i] = -(double)i;
    qlab_placebo_rank(m.currency, other, N, m.quintile);
    for (size_t i = 0; i < N; i++) {
        T_CHECK(m.quintile[i] < QLAB_PLACEBO_QUINTILES);
        T_CHECK(isnan(m.liquidity[i]) || m.quintile[i] == before.quintile[i]);
    }
}

T_TEST(a_permutation_of_strangers_alike)
{
    market m;
    uint32_t source[N], again[N], other[N];
    size_t n_moved = 0;

    make_market(&m);
    for (uint64_t p = 0; p < 20; p++) {
        bool taken[N] = {false};
        qlab_placebo_permute(5, p, m.currency, N_CURRENCIES, m.quintile, N, source);
        for (size_t i = 0; i < N; i++) {
            if (source[i] == QLAB_PLACEBO_NONE) {
                T_CHECK(i == 7); /* alone in its currency */
                continue;
            }
            T_CHECK(source[i] != i && !taken[source[i]]);
            taken[source[i]] = true;
            T_CHECK(m.currency[source[i]] == m.currency[i]);
            T_CHECK(m.quintile[source[i]] == m.quintile[i]);
        }
        qlab_placebo_permute(5, p, m.currency, N_CURRENCIES, m.quintile, N, again);
        T_SAME_BITS(source, again, N);
        qlab_placebo_permute(5, p + 1, m.currency, N_CURRENCIES, m.quintile, N, other);
        for (size_t i = 0; i < N; i++)
            n_moved += source[i] != other[i];
    }
    T_CHECK(n_moved > (size_t)(0.8 * 20 * N)); /* two placebos have little in common */
    qlab_placebo_permute(6, 0, m.currency, N_CURRENCIES, m.quintile, N, source);
    qlab_placebo_permute(5, 0, m.currency, N_CURRENCIES, m.quintile, N, other);
    T_CHECK(memcmp(source, other, sizeof source) != 0);
}

/* Each partner of a stratum is as likely as any other: chi square over a stratum of five. */
T_TEST(every_partner_is_as_likely)
{
    const uint32_t currency[5] = {0};
    const uint8_t quintile[5] = {2, 2, 2, 2, 2};
    size_t count[5][5] = {{0}};
    uint32_t source[5];
    double chi = 0.0;

    for (uint64_t p = 0; p < 4000; p++) {
        qlab_placebo_permute(1, p, currency, 1, quintile, 5, source);
        for (size_t i = 0; i < 5; i++)
            count[i][source[i]]++;
    }
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < 5; k++) {
            const double d = (double)count[i][k] - 1000.0;
            chi += i == k ? 0.0 : d * d / 1000.0;
            T_CHECK(i != k || count[i][k] == 0);
        }
    T_CHECK(chi < 45.0); /* about 15 expected */
}

T_TEST(candidates_in_turn_whatever_the_order)
{
    static const char a[] =
        "version: 1\nname: a\ncandidates:\n  - {id: x, family: F, score: p}\n"
        "  - {id: y, family: F, score: q}\n  - {id: z, family: F, score: p+q}\n";
    static const char b[] = "version: 1\nname: b\ncandidates:\n  - {id: z, family: F, score: p+q}\n"
                            "  - {id: x, family: F, score: p}\n  - {id: y, family: F, score: q}\n";
    qlab_err err = QLAB_ERR_INIT;
    qlab_library *la = NULL, *lb = NULL;
    uint32_t ca[7], cb[7];

    T_OK(qlab_library_parse("a", a, sizeof a - 1, NULL, &la, &err));
    T_OK(qlab_library_parse("b", b, sizeof b - 1, NULL, &lb, &err));
    qlab_placebo_candidates(la, 7, ca);
    qlab_placebo_candidates(lb, 7, cb);
    for (size_t p = 0; p < 7; p++) {
        T_STR(la->candidates[ca[p]].id, lb->candidates[cb[p]].id);
        T_CHECK(p < 3 || ca[p] == ca[p - 3]);
        T_CHECK(p == 0 || ca[p] != ca[p - 1]);
    }
    qlab_library_free(la);
    qlab_library_free(lb);
}

T_MAIN(T_CASE(quintiles_are_within_a_currency), T_CASE(a_permutation_of_strangers_alike),
       T_CASE(every_partner_is_as_likely), T_CASE(candidates_in_turn_whatever_the_order))
