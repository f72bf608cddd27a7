/* stat/series.h -- private to stat/: the present values of a series. */
#ifndef QLAB_STAT_SERIES_H
#define QLAB_STAT_SERIES_H

#include "base/view.h"

#include <math.h>

static inline bool qlab_series_has(double v)
{
    return v - v == 0.0;
}

static inline size_t qlab_series_count(qlab_f64v x)
{
    size_t n = 0;
    for (size_t i = 0; i < x.n; i++)
        n += qlab_series_has(x.at[i]);
    return n;
}

/* Mean of the present values.  The first of them is taken off before summing, so that a constant
 * series has exactly its constant as mean and no digits are lost to the level. */
static inline double qlab_series_mean(qlab_f64v x, size_t *n_present)
{
    double first = NAN, sum = 0.0;
    size_t n = 0;
    for (size_t i = 0; i < x.n; i++) {
        if (!qlab_series_has(x.at[i]))
            continue;
        if (n++ == 0)
            first = x.at[i];
        sum += x.at[i] - first;
    }
    *n_present = n;
    return n > 0 ? first + sum / (double)n : NAN;
}

#endif
