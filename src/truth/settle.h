/* truth/settle.h -- what a share is worth after its last bar: delistings and presumed gone.  Pure.
 *
 * u is the return over the last close: value = last close * (1 + u), at the first session after
 * the last bar.  Presumed gone is for labels and books only; it never makes a delisting record.
 * Source: METHODS 1; Shumway 1997 (NYSE, AMEX), Shumway and Warther 1999 (Nasdaq).
 */
#ifndef QLAB_TRUTH_SETTLE_H
#define QLAB_TRUTH_SETTLE_H

#include "truth/action.h"

enum { QLAB_PRESUMED_GONE_SESSIONS = 20 };
#define QLAB_PRESUMED_GONE_STRESS (-0.30)

typedef struct qlab_settlement {
    bool settles; /* false: exchange move, symbol change: no delisting */
    bool assumed; /* u was not delivered: a table value where mic or code or value was missing */
    double u;
} qlab_settlement;

/* mic: ISO 10383 ("" = unknown). */
qlab_settlement qlab_settle_delisting(const qlab_delisting *d, const char *mic);

/* How sure a settlement is (qlab_confidence): high where the return was delivered or the code is
 * enough, low where nobody said why, medium where a table value stands in for one. */
uint8_t qlab_settle_confidence(const qlab_delisting *d, const qlab_settlement *s);

/* The settling delisting of an asset whose last valid bar of a life is last_date: the first record
 * that settles with delist_date >= last_date - 10 days; NULL when there is none.  Records ascending
 * by date. */
const qlab_delisting *qlab_settle_find(const qlab_delisting *d, size_t n, int32_t last_date);

/* The record that ends a life that began on first_date: the first that settles on or after it; NULL
 * when there is none.  An earlier record is about an earlier life. */
const qlab_delisting *qlab_settle_end_of_life(const qlab_delisting *d, size_t n,
                                              int32_t first_date);

typedef enum qlab_gone {
    QLAB_GONE_ALIVE,    /* its last bar is the as-of's, or nothing was missed */
    QLAB_GONE_CENSORED, /* fewer than 20 sessions since the last bar: not known yet */
    QLAB_GONE_PRESUMED  /* 20 or more and no record */
} qlab_gone;
/* Sessions counted are master sessions in (last_date, asof] that its exchange had too.  settle_date
 * (may be NULL): the first session of its exchange after last_date, QLAB_DATE_NONE when alive. */
qlab_gone qlab_settle_presumed_gone(int32_t last_date, int32_t asof, const int32_t *master,
                                    size_t n_master, const int32_t *session, size_t n_sessions,
                                    int32_t *settle_date);

#endif
