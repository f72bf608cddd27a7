/* truth/fx.h -- US dollars per unit of a currency, by date, from the bars of currency pairs.
 *
 * A pair is an asset of class forex whose symbol names two currencies, one of them USD: EURUSD (or
 * EUR/USD) is US dollars per euro, USDJPY is yen per US dollar and is inverted.  The rate of a date
 * is the close of the last bar at or before it, at most QLAB_FX_MAX_AGE_DAYS calendar days old:
 * nothing after the date counts, and a pair that stopped gives none.  GBX and GBp are hundredths of
 * GBP, ILA of ILS, ZAC of ZAR.
 *
 * Ownership: a qlab_fx_rates owns its arrays.  Threads: pure.  Nothing fails; unknown is NaN.
 */
#ifndef QLAB_TRUTH_FX_H
#define QLAB_TRUTH_FX_H

#include "base/view.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QLAB_FX_MAX_AGE_DAYS = 10 };

typedef struct qlab_fx_series {
    char currency[4];
    uint32_t asset_ix; /* the pair that it was read from */
    size_t n, cap;
    int32_t *date; /* ascending */
    double *usd;   /* US dollars per unit, > 0 */
} qlab_fx_series;
typedef struct qlab_fx_rates {
    qlab_fx_series *of; /* by currency, byte order; never USD */
    size_t n, cap;
} qlab_fx_rates;
void qlab_fx_rates_free(qlab_fx_rates *fx);

/* The currency that a pair's symbol sets against USD; *inverse: units per dollar. */
bool qlab_fx_pair(const char *symbol, char currency[4], bool *inverse);
/* Adds a currency's series (in any order of currencies), empty; returns it. */
qlab_fx_series *qlab_fx_add(qlab_fx_rates *fx, const char *currency);
void qlab_fx_push(qlab_fx_series *s, int32_t date, double usd);

/* How a listing currency is turned into US dollars. */
typedef struct qlab_fx_way {
    bool is_usd;
    const qlab_fx_series *series; /* NULL with is_usd false: no rate at any date */
    double scale;                 /* of the currency in the series' one */
} qlab_fx_way;
qlab_fx_way qlab_fx_way_of(const qlab_fx_rates *fx, const char *currency);
/* Rates of dates in ascending order; NaN = unknown, exactly 1 for USD. */
void qlab_fx_fill(qlab_fx_way way, const int32_t *date, size_t n, double *out);

#endif
