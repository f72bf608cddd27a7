/* synth/market.h -- the synthetic market: factors by day, assets by number, bars by asset.
 *
 * Time is the weekdays from the first date on; day is an index into them.  The daily gross return
 * of an asset is
 *     1 + drift + beta*market + load*sector + vol*shock + planted
 * with Student t shocks (4 degrees of freedom) and volatilities that wander around a level of
 * their own.  What happens on days without a bar (holidays of its exchange, halts, days on which
 * a thin name does not trade) is in the next bar.  A raw close is (C*g - d)/r after a split r or a
 * dividend d; the adjusted close is the vendor's: previous-close factors 1 - d/C and 1/r,
 * multiplied backwards through the whole series and rounded to 6 or 4 decimals.
 *
 * Prices are whole numbers of 1e-4 (two decimals from 1.00 up, four below), so that text and truth
 * agree exactly.  No transcendental function is called.
 *
 * Ownership: a market owns its arrays and is read only once made; a qlab_synth_series is scratch of
 * its caller.  Threads: pure over a market.
 * Sources: t deviates, Bailey (Math. Comp. 62, 1994): u*sqrt(nu*(w^(-2/nu) - 1)/w), w = u^2 + v^2.
 */
#ifndef QLAB_SYNTH_MARKET_H
#define QLAB_SYNTH_MARKET_H

#include "base/date.h"
#include "synth/synth.h"

enum { QLAB_SYNTH_SECTORS = 11 };

/* The synthetic exchanges keep the holidays that return each year of base/holiday.h. */
typedef enum qlab_synth_exchange {
    QLAB_SYNTH_US,
    QLAB_SYNTH_LSE,
    QLAB_SYNTH_XETRA,
    QLAB_SYNTH_OTC_WORLD, /* everything else: trades on each weekday */
    QLAB_SYNTH_EXCHANGES
} qlab_synth_exchange;

typedef struct qlab_synth_market {
    qlab_synth_params params;
    size_t n_days;
    size_t base_days; /* of those before the first one that `synth day` added */
    int32_t *date;
    uint8_t *session; /* bit e: exchange e has a session on the day */
    uint8_t *phantom; /* bit e: a holiday on which some names of e print a bar all the same */
    double *market;   /* n_days: factor return */
    double *sector;   /* n_days * QLAB_SYNTH_SECTORS */
} qlab_synth_market;

/* QLAB_E_USAGE where a parameter is out of its range (synth.h). */
qlab_code qlab_synth_market_make(const qlab_synth_params *params, qlab_synth_market **out,
                                 qlab_err *err) QLAB_MUST_USE;
void qlab_synth_market_free(qlab_synth_market *m);

enum { QLAB_SYNTH_SYMBOL_BYTES = 16, QLAB_SYNTH_ID_BYTES = 24 };

/* A split that happens at the first trade from `day` on; the ratio follows from price and bits. */
typedef struct qlab_synth_forced {
    size_t day;
    uint64_t bits;
} qlab_synth_forced;

typedef struct qlab_synth_asset {
    uint32_t number; /* 0 .. n_assets-1; those that are listed by `synth day` above */
    qlab_synth_exchange calendar;
    char symbol[QLAB_SYNTH_SYMBOL_BYTES], id[QLAB_SYNTH_ID_BYTES];
    const char *type_norm, *exchange, *mic, *currency, *country, *sector_name; /* literals */
    uint32_t sector;
    /* Days: listed on, last day of the first life (half-open), and, for a reused ticker, first day
     * of the second life (0: none).  n_days where it lives to the end. */
    size_t list_day, end_day, reuse_day;
    size_t fall_day;         /* from here to end_day it is seen to fail; SIZE_MAX: never */
    bool is_delisted;        /* end_day lies inside the market and no second life follows */
    const char *delist_code; /* FORMATS vocabulary */
    double delist_return;    /* NaN: not delivered */
    bool is_thin, has_dividends,
        is_feed_silent;                       /* silent: the vendor never reports its delisting */
    uint32_t adjusted_decimals, min_decimals; /* 6 or 4; 2, or 4 for exchange rates */
    const qlab_synth_forced *forced;          /* borrowed, by day */
    size_t n_forced;
} qlab_synth_asset;

/* Four letters, others for each number below 26^4. */
void qlab_synth_symbol(uint32_t number, char out[QLAB_SYNTH_SYMBOL_BYTES]);
/* Ends the first life with end_day, with a code and a return by draw. */
void qlab_synth_asset_end(const qlab_synth_market *m, qlab_synth_asset *a, size_t end_day);

void qlab_synth_asset_make(const qlab_synth_market *m, uint32_t number, qlab_synth_asset *out);

/* Which numbers of a bar are null in the pack. */
enum {
    QLAB_SYNTH_NULL_OPEN = 1,
    QLAB_SYNTH_NULL_HIGH = 2,
    QLAB_SYNTH_NULL_LOW = 4,
    QLAB_SYNTH_NULL_VOLUME = 8
};

typedef struct qlab_synth_bar {
    int32_t date;
    uint8_t nulls;
    uint8_t life;                   /* 1 or 2 */
    bool is_phantom, is_void;       /* void: a zero price */
    int64_t open, high, low, close; /* 1e-4 */
    int64_t volume;                 /* shares */
    int64_t adjusted;               /* 10^-adjusted_decimals */
} qlab_synth_bar;

typedef struct qlab_synth_event {
    size_t bar;           /* index of the ex-date's bar */
    double split;         /* new shares per old; 0: a dividend */
    int64_t dividend;     /* 1e-4 a share held before the ex-date; 0: a split */
    int64_t close_before; /* 1e-4, of the last bar before the ex-date that is not void */
} qlab_synth_event;

/* One asset's bars and events, dates ascending. */
typedef struct qlab_synth_series {
    qlab_synth_bar *bars;
    qlab_synth_event *events;
    size_t n_bars, n_events, cap_bars, cap_events;
} qlab_synth_series;

#define QLAB_SYNTH_SERIES_INIT                                                                     \
    {                                                                                              \
        NULL, NULL, 0, 0, 0, 0                                                                     \
    }

/* Replaces what the series held. */
void qlab_synth_series_make(const qlab_synth_market *m, const qlab_synth_asset *a,
                            qlab_synth_series *s);
/* Sets the adjusted closes of the bars that there are. */
void qlab_synth_series_adjust(const qlab_synth_asset *a, qlab_synth_series *s);
/* A whole number of 1e-4 with the decimals that a vendor shows. */
int64_t qlab_synth_tick(const qlab_synth_asset *a, double price);
void qlab_synth_series_free(qlab_synth_series *s);

#endif
