/* truth/crosscheck.h -- what feeds say of corporate actions against what derivation says.
 *
 * Per asset and ex-date the feed's rows (feed, else factor feed) stand for one factor, by the close
 * before and by that of the ex-date; the derived ones for one with its interval.  They match when
 * either factor lies inside.  A feed wins in a snapshot whatever comes out here.
 *
 * Units: factors c, dimensionless.  Ownership: *out is grown (qlab_grow), owned by the caller.
 * Threads: pure.  Nothing fails.  Source: METHODS 1.
 */
#ifndef QLAB_TRUTH_CROSSCHECK_H
#define QLAB_TRUTH_CROSSCHECK_H

#include "truth/derive.h"

typedef enum qlab_cross {
    QLAB_CROSS_MATCHED,
    QLAB_CROSS_EX_DATE_DIFFERS, /* the same factor within 5 days: one event, counted once */
    QLAB_CROSS_DISAGREES,       /* the same date, a factor outside the interval */
    QLAB_CROSS_ONLY_FEED,
    QLAB_CROSS_ONLY_DERIVED,
    QLAB_CROSS_OUTCOMES
} qlab_cross;
const char *qlab_cross_name(uint8_t outcome); /* "MATCHED" */

/* Why a derivation did not see what a feed has. */
typedef enum qlab_cross_why {
    QLAB_CROSS_WHY_NONE,
    QLAB_CROSS_NO_BAR,            /* no bar on the ex-date, or none before it */
    QLAB_CROSS_NO_ADJUSTED_CLOSE, /* the bars came without */
    QLAB_CROSS_BELOW_ROUNDING,    /* the decimals allow the feed's factor and 1 alike */
    QLAB_CROSS_NOT_IN_ADJUSTED,   /* the vendor did not adjust for it */
    QLAB_CROSS_WHYS
} qlab_cross_why;
const char *qlab_cross_why_name(uint8_t why);

typedef struct qlab_cross_event {
    uint32_t asset_ix;
    int32_t ex_date, derived_date; /* QLAB_DATE_NONE where that side has none */
    uint8_t outcome, why;
    uint8_t type;     /* the feed's, else the derived one: a split before an untyped factor */
    double fed;       /* the feed's factor by the close before; NaN = none, or closes unknown */
    double fed_at_ex; /* by the close of the ex-date */
    double derived, low, high; /* NaN = none */
} qlab_cross_event;

/* rows: facts of ONE asset, visible at one commit, by (ex_date, source); v: its stored bars as a
 * vintage (adjusted closes NULL or missing: then `why` says so). */
void qlab_crosscheck(const qlab_action *rows, size_t n, const qlab_vintage *v,
                     qlab_cross_event **out, size_t *n_out, size_t *cap_out);

#endif
