/* truth/eligible.h -- who may be in the cross-section of T, and why not.  Pure.
 *
 * Reads bars <= T only.  Each valid bar gets the FIRST failing reason in the order of the enum, so
 * that counts by reason add up to the number of bars.  Source: METHODS 2.
 */
#ifndef QLAB_TRUTH_ELIGIBLE_H
#define QLAB_TRUTH_ELIGIBLE_H

#include "truth/series.h"

typedef enum qlab_eligibility {
    QLAB_ELIGIBLE = 0,
    QLAB_INELIGIBLE_CLASS,     /* class not asked for */
    QLAB_INELIGIBLE_FEW_BARS,  /* < min_bars valid bars in this life */
    QLAB_INELIGIBLE_NO_BAR,    /* no valid bar at T (only for assets counted at a date) */
    QLAB_INELIGIBLE_LOW_PRICE, /* raw close < min_close */
    QLAB_INELIGIBLE_NO_ADV,    /* ADV20 unknown: a missing volume in the window, or a short life */
    QLAB_INELIGIBLE_BAD_OHLC,  /* OHLC_INCONSISTENT within flag_bars */
    QLAB_INELIGIBLE_JUMP,      /* JUMP within flag_bars */
    QLAB_INELIGIBLE_STALE,     /* STALE_RUN within flag_bars */
    QLAB_ELIGIBILITY_COUNT
} qlab_eligibility;
const char *qlab_eligibility_name(uint8_t reason); /* "ELIGIBLE", "FEW_BARS", ... */

typedef struct qlab_eligible_rule {
    uint32_t class_mask; /* bit qlab_asset_class */
    uint32_t min_bars;   /* 200 */
    double min_close;    /* 1.0, listing currency */
    uint32_t adv_bars;   /* 20 */
    uint32_t flag_bars;  /* 20: bars t-19..t */
} qlab_eligible_rule;
qlab_eligible_rule qlab_eligible_rule_default(void);          /* stocks and ETFs */
json_t *qlab_eligible_rule_json(const qlab_eligible_rule *r); /* new reference; what is hashed */
qlab_code qlab_eligible_rule_from_json(const json_t *o, const char *where, qlab_eligible_rule *out,
                                       qlab_err *err) QLAB_MUST_USE;

/* reason[i] for bars of the series.  Discover mode (years NULL): all of them.  Window mode: bars
 * [year_first, year_last), the rest is set to QLAB_ELIGIBILITY_COUNT; `years` as given to
 * qlab_series_window carries the flags before the year. */
void qlab_eligible_mark(const qlab_series *s, uint8_t asset_class, const qlab_eligible_rule *rule,
                        const qlab_asset_year *years, size_t n_years, uint8_t *reason);

/* For a series of qlab_series_resume: reason[i] of its rows 1..n-1 (row 0, the carried one, is set
 * to QLAB_ELIGIBILITY_COUNT). */
void qlab_eligible_resume(const qlab_series *s, uint8_t asset_class, const qlab_eligible_rule *rule,
                          const qlab_series_carry *carry, uint8_t *reason);

#endif
