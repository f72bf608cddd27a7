/* Spreads and the cost of borrowing; see spread.h. */
#include "backtest/spread.h"

#include "num/math.h"
#include "num/rank.h"
#include "num/roll.h"

#include <assert.h>
#include <math.h>
#include <string.h>

const qlab_spread_floors qlab_spread_floors_default = {
    .from = {100e6, 10e6, 1e6, 0.0},
    .at = {2e-4, 5e-4, 15e-4, 50e-4},
};

static bool is_price(double x)
{
    return x > 0.0 && isfinite(x);
}

void qlab_spread_abdi_ranaldo(qlab_f64v high, qlab_f64v low, qlab_f64v close, qlab_f64w scratch,
                              qlab_f64w out)
{
    const size_t n = out.n;
    double close_before = NAN, middle_before = NAN;

    assert(high.n == n && low.n == n && close.n == n && scratch.n == n);
    for (size_t i = 0; i < n; i++) {
        double c = NAN, e = NAN;
        if (is_price(high.at[i]) && is_price(low.at[i]) && is_price(close.at[i]) &&
            high.at[i] >= low.at[i]) {
            c = qlab_num_log(close.at[i]);
            e = 0.5 * (qlab_num_log(high.at[i]) + qlab_num_log(low.at[i]));
        }
        scratch.at[i] = (close_before - middle_before) * (close_before - e);
        close_before = c;
        middle_before = e;
    }
    qlab_roll_mean_present((qlab_f64v){scratch.at, n}, QLAB_SPREAD_BARS - 1, QLAB_SPREAD_MIN_PAIRS,
                           out);
    for (size_t i = 0; i < n; i++) {
        if (i < QLAB_SPREAD_BARS - 1 || isnan(out.at[i]))
            out.at[i] = NAN;
        else /* half of 2 sqrt(mean) */
            out.at[i] = out.at[i] > 0.0 ? sqrt(out.at[i]) : 0.0;
    }
}

double qlab_spread_floor(const qlab_spread_floors *f, double adv)
{
    size_t b = 0;

    while (b < QLAB_SPREAD_FLOORS - 1 && !(adv >= f->from[b]))
        b++;
    return f->at[b];
}

double qlab_spread_half(const qlab_spread_floors *f, double estimate, double adv)
{
    const double least = qlab_spread_floor(f, adv);

    if (isnan(estimate))
        return f->at[QLAB_SPREAD_FLOORS - 1];
    return estimate > least ? estimate : least;
}

void qlab_spread_hard_to_borrow(const double *adv, const uint8_t *eligible, const uint32_t *order,
                                size_t n, double *x, uint32_t *place, void *rank_scratch,
                                uint8_t *hard)
{
    memset(hard, 1, n);
    for (size_t p = 0; p < n; p++) {
        const size_t i = order ? order[p] : p;
        x[p] = eligible[i] ? adv[i] : NAN;
    }
    const size_t m = qlab_rank_order(x, n, place, rank_scratch);
    for (size_t r = m / 10; r < m; r++)
        hard[order ? order[place[r]] : place[r]] = 0;
}
