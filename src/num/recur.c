#include "num/recur.h"

#include <assert.h>
#include <math.h>

static bool present(double v)
{
    return v - v == 0.0;
}

/* One exponential average with its seed. */
typedef struct average {
    double keep, take; /* 1 - a, a */
    double y;
    size_t n, seen; /* period; present values while below it */
} average;

static average average_of(size_t n, double take)
{
    return (average){1.0 - take, take, 0.0, n, 0};
}

/* True once y is a value. */
static bool feed(average *a, double x)
{
    if (a->seen == a->n) {
        a->y = a->keep * a->y + a->take * x;
        return true;
    }
    a->y += x;
    if (++a->seen < a->n)
        return false;
    a->y /= (double)a->n;
    return true;
}

static double ema_weight(size_t n)
{
    return 2.0 / ((double)n + 1.0);
}

static void smooth(qlab_f64v in, size_t n, double take, qlab_f64w out)
{
    assert(out.n == in.n && n >= 1);
    average a = average_of(n, take);
    for (size_t i = 0; i < in.n; i++)
        out.at[i] = present(in.at[i]) && feed(&a, in.at[i]) ? a.y : NAN;
}

void qlab_recur_ema(qlab_f64v in, size_t n, qlab_f64w out)
{
    smooth(in, n, ema_weight(n), out);
}

void qlab_recur_wilder(qlab_f64v in, size_t n, qlab_f64w out)
{
    smooth(in, n, 1.0 / (double)n, out);
}

void qlab_recur_macd(qlab_f64v close, size_t fast, size_t slow, size_t sig, qlab_f64w macd,
                     qlab_f64w signal)
{
    assert(macd.n == close.n && signal.n == close.n);
    qlab_recur_ema(close, slow, macd);
    qlab_recur_ema(close, fast, signal);
    for (size_t i = 0; i < close.n; i++)
        macd.at[i] = signal.at[i] - macd.at[i];
    qlab_recur_ema((qlab_f64v){macd.at, macd.n}, sig, signal);
}

void qlab_recur_rsi(qlab_f64v close, size_t n, qlab_f64w out)
{
    assert(out.n == close.n && n >= 1);
    average gain = average_of(n, 1.0 / (double)n), loss = gain;
    double before = NAN;

    for (size_t i = 0; i < close.n; i++) {
        out.at[i] = NAN;
        if (!present(close.at[i]))
            continue;
        const double change = close.at[i] - before;
        before = close.at[i];
        if (!present(change))
            continue;
        (void)feed(&gain, change > 0.0 ? change : 0.0);
        if (!feed(&loss, change < 0.0 ? -change : 0.0))
            continue;
        const double both = gain.y + loss.y;
        out.at[i] = loss.y > 0.0 ? 100.0 * (gain.y / both) : gain.y > 0.0 ? 100.0 : 50.0;
    }
}

void qlab_recur_atr(qlab_f64v high, qlab_f64v low, qlab_f64v close, size_t n, qlab_f64w out)
{
    assert(high.n == close.n && low.n == close.n && out.n == close.n && n >= 1);
    average a = average_of(n, 1.0 / (double)n);
    double before = NAN;

    for (size_t i = 0; i < close.n; i++) {
        const double top = high.at[i] > before ? high.at[i] : before;
        const double bottom = low.at[i] < before ? low.at[i] : before;
        /* The sums carry a missing high, low or close before into the range. */
        const double range = (top - bottom) + 0.0 * (high.at[i] + low.at[i]);
        out.at[i] = present(range) && feed(&a, range) ? a.y : NAN;
        if (present(close.at[i]))
            before = close.at[i];
    }
}

void qlab_recur_ewma_vol_on(qlab_recur_state *state, qlab_f64v logret, size_t n, qlab_f64w out)
{
    assert(out.n == logret.n && n >= 1 && state->seen <= n);
    average a = average_of(n, ema_weight(n));
    a.y = state->y;
    a.seen = (size_t)state->seen;
    for (size_t i = 0; i < logret.n; i++) {
        const double square = logret.at[i] * logret.at[i];
        out.at[i] = present(square) && feed(&a, square) ? sqrt(a.y) : NAN;
    }
    *state = (qlab_recur_state){a.y, a.seen};
}

void qlab_recur_ewma_vol(qlab_f64v logret, size_t n, qlab_f64w out)
{
    qlab_recur_state state = {0.0, 0};
    qlab_recur_ewma_vol_on(&state, logret, n, out);
}
