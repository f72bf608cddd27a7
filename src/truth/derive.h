/* truth/derive.h -- corporate actions out of one asset's vintage.  Pure.
 *
 * f_t = adjusted_t/close_t of one delivery moves only on ex-dates; c_t = f_t/f_{t-1}.  Each price
 * is known to the decimals it was delivered with, so c_t lies in [c_low, c_high]; an interval that
 * contains 1 is no action.  There is no cap on their number.
 *
 * Decimals are found from the doubles: k is the smallest number of decimals such that the value
 * lies within arithmetic noise of a k-decimal number (59.770931000000004 has 6), or such that the
 * k-decimal number has this very binary32 image (13.670000076293945 has 2).  A trailing zero hides
 * a decimal, so closes have the most decimals that the column shows, and an adjusted close the most
 * seen on whichever side of it (earlier, later rows) shows fewer: vendors change their rounding.  A
 * vendor that computes in binary32 is recognised by the column, and its intervals are wider by one
 * rounding for every later action.
 *
 * Units: closes in listing currency; dates days; c dimensionless.
 * Ownership: inputs are borrowed; *out is owned by the caller (qlab_free), its strings are
 * literals. Threads: pure.  Nothing fails.  Source: METHODS 1.
 */
#ifndef QLAB_TRUTH_DERIVE_H
#define QLAB_TRUTH_DERIVE_H

#include "truth/action.h"

/* On which close the vendor computed its factor: f_{t-1}/f_t = 1 - d/C_{t-1}, or C_t/(C_t + d). */
typedef enum qlab_factor_convention {
    QLAB_FACTOR_ON_PREVIOUS, /* "previous" */
    QLAB_FACTOR_ON_EX_DATE   /* "ex_date" */
} qlab_factor_convention;

/* Rows of one asset as delivered, dates ascending and unique.  Rows whose close or adjusted close
 * is missing or <= 0 are stepped over.  volume may be NULL (nothing then confirms a small split).
 */
typedef struct qlab_vintage {
    uint32_t asset_ix;
    size_t n;
    const int32_t *date;
    const double *close, *adjusted_close, *volume;
    qlab_basis price_basis; /* split_adjusted: factors hold no splits, everything is a dividend or
                               untyped */
    qlab_factor_convention convention;
    const char *currency; /* "" = unknown; borrowed by the actions */
} qlab_vintage;

/* One number as an interval. */
typedef struct qlab_interval {
    double low, high;
} qlab_interval;

/* [c_low, c_high] of the step to the row of `date`: false where there is no such row, or none
 * before it.  Where it contains 1 a derivation sees no action. */
bool qlab_derive_interval(const qlab_vintage *v, int32_t date, qlab_interval *out);

/* Appends the actions of a vintage, dates ascending. */
void qlab_derive_actions(const qlab_vintage *v, qlab_action **out, size_t *n, size_t *cap);

/* Decimals of one value, 0..9, or -1 when no such number of decimals explains it.
 * *binary32 (may be NULL): the value is the binary32 image of that decimal. */
int qlab_decimals_of(double v, bool *binary32);
/* The interval of a value delivered with k decimals (k = -1: 4 units in the last place). */
qlab_interval qlab_interval_of(double v, int k, bool binary32);

/* The listed split ratio (n, 1/n for n <= 1000, 3/2 4/3 5/4 5/2 6/5 11/10 21/20 10/7 and inverses)
 * inside [low, high] that is nearest to c, or 0 when there is none. */
double qlab_split_ratio_in(double c, double low, double high);

/* What a factor is, by the rule of METHODS 1.  confirmed: a feed or a step in volume says split. */
typedef struct qlab_typed_factor {
    uint8_t type, confidence;
    double r; /* the ratio when it is a split, else NaN */
} qlab_typed_factor;
qlab_typed_factor qlab_type_factor(double c, double low, double high, bool confirmed,
                                   qlab_basis price_basis);

/* True when volume stepped by about r at row `at`: the median log volume of the 20 rows from `at`
 * less that of the 20 rows before lies within 2 robust standard errors of ln r, and at least 2 of
 * them away from 0.  Missing and zero volumes are left out; fewer than 10 a side: false. */
bool qlab_volume_confirms(const double *volume, size_t n, size_t at, double r);

#endif
