/* snapshot/state.h -- what the bars before a calendar year left of each asset: a cache.
 *
 * A build writes, for each bucket, what it found up to 1 January of the as-of's year (the border);
 * the next one reads that and the bars after the border instead of the whole history.  A record
 * stands while its key does: the digest of all that decided it (year leaves before the border,
 * facts, given lives, delisting, class, sessions of its exchange).  An asset whose key changed is
 * taken from its whole history again, alone.
 *
 * Nothing in here is an artifact: without it, or with a damaged file, a build reads everything and
 * gives the same bytes.  Files: <root>/snapshots/state/<16 hex>/<year>-<bucket>.state and
 * days-<bucket>.state, named by program and rule; numbers as the machine has them.
 *
 * Ownership: each type owns its arrays.  Threads: one bucket is one worker's.
 */
#ifndef QLAB_SNAPSHOT_STATE_H
#define QLAB_SNAPSHOT_STATE_H

#include "snapshot/internal.h"

/* Consecutive sessions of its exchange on which an asset was eligible. */
typedef struct qlab_state_run {
    uint32_t first_session, n;
} qlab_state_run;

/* Closes around the ex-date of a fact, from bars before the border; NaN = none there. */
typedef struct qlab_state_close {
    int32_t ex_date, zero;
    double before, at;
} qlab_state_close;

/* Counts of one asset over a stretch of its bars. */
typedef struct qlab_state_sum {
    qlab_bar_totals totals;
    int32_t first_date, entry_date, exit_date; /* QLAB_DATE_NONE */
    uint32_t n_eligible_days;
} qlab_state_sum;

typedef struct qlab_state_asset {
    qlab_digest key;
    qlab_digest resolved; /* of the applied actions up to the carried bar */
    qlab_series_carry carry;
    qlab_state_sum sum;
    double last_close;    /* of the last bar with a positive one, phantoms too; NaN */
    uint32_t has_valid;   /* 0: no valid bar before the border, carry is nothing */
    uint32_t last_reason; /* of the carried bar */
    uint32_t n_lives, n_steps, n_years, n_runs, n_closes, n_money; /* rows of the lists below */
} qlab_state_asset;

/* One bucket; the lists hold the assets' rows one after another. */
typedef struct qlab_state {
    qlab_state_asset *assets;
    qlab_life *lives;       /* ended before the carried one */
    qlab_step *steps;       /* that acted on bars before the border */
    qlab_asset_year *years; /* before it */
    qlab_state_run *runs;
    qlab_state_close *closes; /* of facts with an ex-date before it, by date */
    double *money; /* close*volume of the last bars of the carried life, at most rule.adv_bars */
    size_t n_assets, n_lives, n_steps, n_years, n_runs, n_closes, n_money;
    size_t cap_assets, cap_lives, cap_steps, cap_years, cap_runs, cap_closes, cap_money;
} qlab_state;
void qlab_state_free(qlab_state *s);

/* Where the rows of one asset begin in the lists. */
typedef struct qlab_state_at {
    const qlab_state_asset *asset;
    const qlab_life *lives;
    const qlab_step *steps;
    const qlab_asset_year *years;
    const qlab_state_run *runs;
    const qlab_state_close *closes;
    const double *money;
} qlab_state_at;
/* The next asset's place; *at zeroed: the first one. */
void qlab_state_next(const qlab_state *s, size_t asset, qlab_state_at *at);
/* Appends a record of another state. */
void qlab_state_copy(qlab_state *to, const qlab_state_at *from);

/* Bytes of a state, and back.  False: not a state, or one that contradicts itself. */
void qlab_state_encode(const qlab_state *s, qlab_buf *out);
bool qlab_state_decode(const qlab_buf *in, qlab_state *out);

/* Bars per (exchange, date) of the years of a bucket, each under the digest of its leaves. */
typedef struct qlab_state_year_days {
    int32_t year;
    uint32_t n; /* rows in days */
    qlab_digest key;
} qlab_state_year_days;
typedef struct qlab_state_days {
    qlab_state_year_days *years; /* ascending */
    qlab_day_count *days;        /* exchange: index into the names of the lake that wrote it */
    size_t n_years, n_days, cap_years, cap_days;
} qlab_state_days;
void qlab_state_days_free(qlab_state_days *d);
void qlab_state_days_encode(const qlab_state_days *d, qlab_buf *out);
bool qlab_state_days_decode(const qlab_buf *in, qlab_state_days *out);

/* The folder of a build's states; owned by the caller. */
char *qlab_state_dir(const qlab_build *b);
/* Reads <dir>/<name>; *found false where it is not there; a damaged one is a warning and not
 * found. */
qlab_code qlab_state_read(const qlab_build *b, const char *name, qlab_buf *out, bool *found,
                          qlab_err *err) QLAB_MUST_USE;
/* Whether pass 2 of a bucket will find a state. */
bool qlab_state_stands(const qlab_build *b, size_t bucket);
char *qlab_state_name(const qlab_build *b, size_t bucket); /* owned by the caller */
/* Puts it in place with its hash before it. */
qlab_code qlab_state_write(const qlab_build *b, const char *name, const qlab_buf *bytes,
                           qlab_err *err) QLAB_MUST_USE;

/* days.c: bars per (exchange, date) of one bucket, all years; only years whose leaves changed are
 * read (*n_read bars), and the newest one. */
qlab_code qlab_build_days(const qlab_build *b, size_t bucket, qlab_conn *conn, qlab_state_days *out,
                          uint64_t *n_read, qlab_err *err) QLAB_MUST_USE;

/* ---- universe.c: one asset --------------------------------------------------------------------
 */

typedef struct qlab_walk {
    const qlab_build *b;
    int32_t asof;
    qlab_found *out;
    qlab_state *next; /* gets a record an asset; NULL: not wanted */
    qlab_series series;
    qlab_series_found found;
    uint8_t *reason;
    size_t cap_reason;
    uint32_t **n_eligible; /* [exchange][session]; NULL until an asset needs it */
} qlab_walk;
void qlab_walk_begin(qlab_walk *w, const qlab_build *b, int32_t asof, qlab_found *out);
/* Counts and found rows to `out`; frees. */
void qlab_walk_end(qlab_walk *w);
/* Bars from the border on, and what stood before it (st); or all of them (st NULL). key: for the
 * record. */
void qlab_walk_asset(qlab_walk *w, const qlab_bars *bars, size_t a, const qlab_state_at *st,
                     const qlab_digest *key);
/* Digest of the actions applied up to the carried bar, resolved with all facts and bars known now:
 * another one than the record's means that later facts changed how earlier ones are taken. */
qlab_digest qlab_walk_resolved(const qlab_walk *w, const qlab_bars *bars, size_t a,
                               const qlab_state_at *st);

#endif
