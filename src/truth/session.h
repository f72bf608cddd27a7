/* truth/session.h -- which dates were sessions of an exchange, judged by its own bars.
 *
 * A date is a session when its number of bars is >= half the median over the previous 20 dates
 * with bars, sessions or not (each of the first 20: over those 20).  A bar on another date is a
 * phantom.  An overrides file wins.  Causal beyond the first 20 dates.
 *
 * Ownership: qlab_exchange_days owns its arrays.  Threads: pure.  Source: METHODS 2.
 */
#ifndef QLAB_TRUTH_SESSION_H
#define QLAB_TRUTH_SESSION_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QLAB_SESSION_WINDOW = 20 };

/* All dates of one exchange that carry bars (or that the overrides name), ascending. */
typedef struct qlab_exchange_days {
    char *exchange; /* the registry's exchange, "US" */
    size_t n;
    int32_t *date;
    uint32_t *n_bars;    /* stored bars, void ones included */
    uint8_t *is_session; /* 1 or 0 */
    size_t n_sessions;
    int32_t *session;     /* the dates with is_session, ascending */
    uint32_t *n_eligible; /* per date; NULL until a snapshot counted them */
} qlab_exchange_days;
void qlab_exchange_days_free(qlab_exchange_days *d); /* one, not the array it lies in */

/* The rule alone: fills is_session[n] from n_bars[n] of dates in ascending order. */
void qlab_session_mark(const uint32_t *n_bars, size_t n, uint8_t *is_session);
/* Fills session[] and n_sessions from is_session (frees what was there). */
void qlab_session_index(qlab_exchange_days *d);

/* Position of the first session >= date (n when none); of a date itself: session[pos] == date. */
size_t qlab_session_lower_bound(const int32_t *session, size_t n, int32_t date);
/* Sessions strictly between two dates. */
size_t qlab_session_count_between(const int32_t *session, size_t n, int32_t after, int32_t before);

/* One line of an overrides file (CSV with header exchange,date,is_session). */
typedef struct qlab_session_override {
    char exchange[32];
    int32_t date;
    bool is_session;
} qlab_session_override;
/* Strict: any bad line is QLAB_E_CONFIG with its line.  *out owned by the caller (qlab_free), in
 * order of (exchange, date). */
qlab_code qlab_session_overrides_load(const char *path, qlab_session_override **out, size_t *n,
                                      qlab_err *err) QLAB_MUST_USE;
/* Applies those of d->exchange, adding dates that carry no bars; call before qlab_session_index. */
void qlab_session_override_apply(qlab_exchange_days *d, const qlab_session_override *o, size_t n);

#endif
