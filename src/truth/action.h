/* truth/action.h -- corporate actions and delistings: the facts, and how they are kept in the lake.
 *
 * A fact says what one source says about one ex-date.  Both feeds and derivations are kept, as
 * rows of lake/actions/ with the commit that brought them (known_seq); which of them is applied is
 * decided when a snapshot is built (qlab_actions_resolve): a feed wins over a derivation.
 *
 * Meaning: r new shares per old (2-for-1 is 2); d cash per share held before the ex-date; c the
 * factor f_t/f_{t-1} of the ex-date, f = adjusted/close of ONE vintage (previous close over
 * previous adjusted close for a factor feed); [c_low, c_high] what the delivered decimals allow.
 * A field that a source does not state is NaN (r and c of a delivered dividend, d of a split).
 *
 * Ownership: strings are borrowed from whoever made the struct ("" = unknown).
 * Threads: pure data.  Source: METHODS 1.
 */
#ifndef QLAB_TRUTH_ACTION_H
#define QLAB_TRUTH_ACTION_H

#include "base/arena.h"
#include "lake/lake.h"

typedef enum qlab_action_type {
    QLAB_ACTION_SPLIT,          /* "split" */
    QLAB_ACTION_DIVIDEND_CASH,  /* "dividend_cash" */
    QLAB_ACTION_UNTYPED_FACTOR, /* "untyped_factor": spin-off and the like; both indices use c */
    QLAB_ACTION_TYPES
} qlab_action_type;

typedef enum qlab_action_source {
    QLAB_SOURCE_FEED,        /* "feed": r or d as delivered */
    QLAB_SOURCE_FACTOR_FEED, /* "factor_feed": a delivered factor, typed by rule */
    QLAB_SOURCE_DERIVED,     /* "derived": from the adjusted closes of a vintage */
    QLAB_SOURCES
} qlab_action_source;

typedef enum qlab_confidence {
    QLAB_CONFIDENCE_HIGH,   /* delivered, or a listed ratio far from 1 */
    QLAB_CONFIDENCE_MEDIUM, /* a dividend by its size, or a small split that volume confirms */
    QLAB_CONFIDENCE_LOW     /* untyped, or a "dividend" below zero */
} qlab_confidence;

typedef struct qlab_action {
    uint32_t asset_ix;
    int32_t ex_date;
    uint8_t type, source, confidence; /* the enums above */
    bool in_basis;  /* the prices in the lake contain it already: not applied again */
    bool withdrawn; /* the source took it back (a later vintage without it) */
    double r, d, c, c_low, c_high;
    const char *currency, *source_id;
    uint32_t known_seq; /* 0 until it is committed */
} qlab_action;

const char *qlab_action_type_name(uint8_t type);
const char *qlab_action_source_name(uint8_t source);
const char *qlab_confidence_name(uint8_t confidence);
bool qlab_action_type_parse(qlab_str s, uint8_t *type); /* false: none of the words */
bool qlab_action_source_parse(qlab_str s, uint8_t *source);
/* Same key, and the same r, d, c, interval, currency and withdrawal. */
bool qlab_action_same_key(const qlab_action *a, const qlab_action *b);
bool qlab_action_same_values(const qlab_action *a, const qlab_action *b);
int qlab_action_cmp(const void *a, const void *b); /* the order of qlab_actions_read */

/* ---- in the lake ------------------------------------------------------------------------------
 */

/* Sorts by (byte order of asset_id, ex_date, type, source, source_id) and writes one part of kind
 * ACTIONS; known_seq is the number of the commit being made.  n >= 1.  asset_id_of(ctx, asset_ix)
 * names an asset (a view does not know those of the commit being made). */
qlab_code qlab_actions_write(const qlab_env *env, qlab_conn *conn, int32_t bucket,
                             qlab_action *rows, size_t n,
                             const char *(*asset_id_of)(const void *ctx, uint32_t asset_ix),
                             const void *ctx, uint32_t known_seq, qlab_part *out,
                             qlab_err *err) QLAB_MUST_USE;

/* The facts visible at the view's commit, by (asset_ix, ex_date, source, type, source_id): of rows
 * with the same key the one with the greatest known_seq, withdrawn ones left out.  Strings in
 * `strings`. *rows is owned by the caller (qlab_free). */
qlab_code qlab_actions_read(const qlab_lake_view *v, qlab_conn *conn, qlab_arena *strings,
                            qlab_action **rows, size_t *n, qlab_err *err) QLAB_MUST_USE;

/* Disagreements found by resolve: both values of one (asset, ex_date). */
typedef struct qlab_action_finding {
    uint32_t asset_ix;
    int32_t ex_date;
    const char *code; /* FACTOR_DISAGREES, EX_DATE_DISAGREES, FEEDS_DISAGREE (a literal) */
    uint8_t kept_source, other_source;
    int32_t other_date;
    double kept, other, other_low, other_high; /* factors c; FEEDS_DISAGREE: r, d or c as stated */
} qlab_action_finding;

/* Raw closes around an ex-date: of the last valid bar before it and of the first one on or after
 * it; false = unknown. */
typedef bool (*qlab_closes_fn)(void *ctx, uint32_t asset_ix, int32_t ex_date, double *before,
                               double *at);

/* The factor that n >= 1 rows of one source, asset and ex-date stand for together: c[0] by the
 * previous close, c[1] by that of the ex-date (equal where no cash is paid).  False where the
 * closes that it takes are unknown. */
bool qlab_actions_implied_factor(const qlab_action *rows, size_t n, qlab_closes_fn closes,
                                 void *ctx, double c[2]);

/* Which facts are applied: per (asset, ex_date) the best source (feed, factor feed, derived) and
 * all its types; of several feeds with one type that day, the first by what stands before the ':'
 * of source_id. rows as qlab_actions_read gives them; in place; returns the number kept.
 * Feed splits become in_basis where the prices are split-adjusted, and a fed dividend is then
 * divided by the splits after it.  A lesser source within 5 days of a feed that says the same is
 * the same event.  closes may be NULL (nothing is then compared).  *findings is grown (qlab_free);
 * NULL = not wanted. */
size_t qlab_actions_resolve(qlab_action *rows, size_t n, qlab_basis price_basis,
                            qlab_closes_fn closes, void *ctx, qlab_action_finding **findings,
                            size_t *n_findings);

/* ---- delistings -------------------------------------------------------------------------------
 */

typedef enum qlab_delist_code {
    QLAB_DELIST_MERGER,
    QLAB_DELIST_ACQUIRED_CASH,
    QLAB_DELIST_EXCHANGE_MOVE,
    QLAB_DELIST_SYMBOL_CHANGE,
    QLAB_DELIST_PERFORMANCE,
    QLAB_DELIST_BANKRUPTCY,
    QLAB_DELIST_LIQUIDATION,
    QLAB_DELIST_UNKNOWN,
    QLAB_DELIST_CODES
} qlab_delist_code;

/* `source` of what a map file says. */
#define QLAB_SOURCE_MAP_FILE "map_file"

typedef struct qlab_delisting {
    uint32_t asset_ix;
    int32_t delist_date;
    uint8_t code;                     /* qlab_delist_code */
    double delist_return;             /* NaN = not delivered */
    const char *source, *source_code; /* as delivered */
    bool withdrawn;
    uint32_t known_seq;
} qlab_delisting;

const char *qlab_delist_code_name(uint8_t code);
/* A word of the vocabulary in either case, or a CRSP number (200-299 merger, ..., FORMATS 1).
 * A number outside the map is `unknown`; any other text is false. */
bool qlab_delist_code_parse(qlab_str s, uint8_t *code);

qlab_code qlab_delistings_write(const qlab_env *env, qlab_conn *conn, qlab_delisting *rows,
                                size_t n, const qlab_lake_view *names, uint32_t known_seq,
                                qlab_part *out, qlab_err *err) QLAB_MUST_USE;
/* Visible at the view's commit by (asset_ix, delist_date); of one key the latest. */
qlab_code qlab_delistings_read(const qlab_lake_view *v, qlab_conn *conn, qlab_arena *strings,
                               qlab_delisting **rows, size_t *n, qlab_err *err) QLAB_MUST_USE;

#endif
