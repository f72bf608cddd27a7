/* backtest/book.h -- the book that is evaluated: dated gross and net returns of h tranches.
 *
 * Session s is the moment of execution (open or close) of the s-th master session.  In this order:
 *   1. the book is marked: gross return of s = profit since the moment of s-1 / capital
 *   2. borrow for the time since s-1 is paid on the net short of each name
 *   3. unfilled orders of older tranches trade, oldest first; then tranche s mod h is re-formed to
 *      the targets of session s - delay, each leg leg_gross * capital / h
 * Costs of s are those of its trades and of its borrow.  Capital is constant: profits are paid out
 * and losses made good each session, so a return is a share of the same capital throughout.
 *
 *   price         raw price at the execution kind; NaN, 0 or less = none: nothing trades, and the
 *                 name keeps its last value (halt)
 *   factor        M, cumulative total-return factor of the name's life; NULL = price holds X * M
 *   volume        raw shares; 0 at s = nothing trades at s; NaN = unknown, trades; NULL = all NaN
 *   adv, vol      ADV20 in the money of the capital; ewma_vol_20, per session
 *   half_spread   estimate before the floors (spread.h); NULL or NaN = none
 *   hard          1 = the higher borrow rate; NULL = none
 *   universe      1 = a name that the long-only book is compared with; may be NULL for long-short;
 *                 its tranche is flat where the book's has no target
 *   settle_*      one value a name: its session (QLAB_MARKET_ALIVE = none), last close * M, the
 *                 return u on it, whether it is presumed gone.  The session of a delisting is the
 *                 first after the last bar, that of a presumed one the 20th missed.
 * Arrays are [session * n_names + name].  A name is ONE LIFE of an asset.  Costs at s read adv,
 * vol, half_spread of s-1, or the last known before (hard of s-1 alone); a name with no adv or vol
 * does not trade.
 *
 * Sums over names run in byte order of asset_id (`order`): the order of the arrays changes no bit.
 * Units held are shares / M, so splits and dividends need no transaction.
 *
 * Ownership: a market borrows; work and series lie in the caller's arena.  No allocation in a run.
 * Threads: one work belongs to one worker; market and targets are read only.
 * Nothing fails except qlab_book_check.  Source: METHODS 7 and 1; impact: Almgren, Thum, Hauptmann
 * and Li, "Direct estimation of equity market impact", Risk 18 (2005), with exponent 1/2.
 */
#ifndef QLAB_BACKTEST_BOOK_H
#define QLAB_BACKTEST_BOOK_H

#include "backtest/spread.h"
#include "backtest/targets.h"
#include "base/arena.h"
#include "base/err.h"

#define QLAB_MARKET_ALIVE UINT32_MAX

typedef struct qlab_market {
    size_t n_sessions, n_names;
    const uint32_t *order;
    const double *price, *factor, *volume, *adv, *vol, *half_spread;
    const uint8_t *hard, *universe;
    const uint32_t *settle_session; /* NULL = nobody settles */
    const double *settle_value, *settle_u;
    const uint8_t *settle_gone;
} qlab_market;

typedef struct qlab_book_options {
    uint32_t horizon;           /* h: tranches, and sessions an order lives */
    uint32_t delay;             /* sessions from decision to execution: 1; stress 2 */
    double capital;             /* 1,000,000 */
    double leg_gross;           /* of capital: 1 = 100 % long and 100 % short */
    double participation;       /* of ADV20 a name and session: 0.02 */
    double fee;                 /* 1e-4 */
    double eta;                 /* impact = eta * sigma * sqrt(Q / ADV): 1 */
    double borrow, borrow_hard; /* a year of 252 sessions: 0.005, 0.05 */
    double cost_scale;          /* all costs, borrow too: 1; stress 2 and 3 */
    double adv_scale;           /* 1; stress 0.5 */
    double gone_u;              /* u of a presumed delisting: NaN = as given; stress -0.30 */
    double shock_u; /* every settlement of a long is at most this: NaN = no shock; stress -0.30 */
    qlab_spread_floors floors;
} qlab_book_options;

extern const qlab_book_options qlab_book_options_default; /* h = 5 */

/* One row a session; shares of capital.  Zero before the first execution. */
typedef struct qlab_book_series {
    size_t n, first;  /* sessions; the first with an execution = delay */
    double *gross;    /* less the universe's in a long-only book */
    double *net;      /* gross less all costs */
    double *universe; /* equal-weighted, tranched alike, free of costs; 0 in a long-short book */
    double *spread, *fee, *impact, *borrow; /* costs */
    double *turnover;                       /* half of all that was traded */
    double *dropped;                        /* orders given up after h sessions */
    double *longs, *shorts;                 /* exposure after the trades, netted by name */
    double *gone;     /* profit of positions since they were last flat, when presumed gone */
    double *drawdown; /* of compounded net returns, >= 0 */
    uint32_t *n_long, *n_short;
} qlab_book_series;

qlab_book_series qlab_book_series_new(size_t n_sessions, qlab_arena *arena);

typedef struct qlab_book_work qlab_book_work;
qlab_book_work *qlab_book_work_new(size_t n_names, uint32_t horizon, qlab_book_side side,
                                   qlab_arena *arena);

/* The whole book.  targets: as many sessions as the market (or fewer: no decisions after them). */
void qlab_book_run(const qlab_market *m, const qlab_targets *t, const qlab_book_options *o,
                   qlab_book_work *w, qlab_book_series *out);
/* After a run: net value of each name at the last session / capital, signed. */
void qlab_book_positions(const qlab_book_work *w, const qlab_book_options *o, double *out);

/* QLAB_E_USAGE: an option out of range; FX_REQUIRED where names have several currencies and there
 * is no FX.  currency: one a name, "" = unknown counts as one. */
qlab_code qlab_book_check(const qlab_book_options *o, const char *const *currency, size_t n_names,
                          bool has_fx, qlab_err *err) QLAB_MUST_USE;

/* ---- the whole in a few numbers ---------------------------------------------------------------
 */

typedef struct qlab_book_summary {
    size_t n_sessions;
    double sharpe_gross, sharpe_net; /* per session, ddof 1; NaN where the std is 0 */
    double mean_gross, mean_net, std_net;
    double turnover, longs, shorts; /* means a session */
    double spread, fee, impact, borrow;
    double dropped;      /* of all orders in money: traded + dropped */
    double max_drawdown; /* over these sessions alone */
    double gone_share;   /* |profit on presumed-gone positions| / |gross profit|; NaN = no profit */
} qlab_book_summary;

/* Sessions [from, to). */
qlab_book_summary qlab_book_summary_of(const qlab_book_series *s, size_t from, size_t to);
/* 1 - wealth / highest wealth, wealth compounded from 1; out may be NULL.  Returns the largest. */
double qlab_book_drawdown(const double *net, size_t n, double *out);

typedef struct qlab_capacity {
    double
        capital;   /* at which the net Sharpe ratio is half of that at o->capital; NaN: see below */
    double sharpe; /* net, at o->capital, per session */
    bool unbounded; /* it had not halved at the greatest capital tried, which is `capital` */
    uint32_t n_runs;
} qlab_capacity;

/* Doubles the capital until the ratio is at most half, then bisects to 1 %, sessions
 * [first, n).  NaN where the ratio at o->capital is not positive. */
qlab_capacity qlab_book_capacity(const qlab_market *m, const qlab_targets *t,
                                 const qlab_book_options *o, qlab_book_work *w,
                                 qlab_book_series *scratch);

#endif
