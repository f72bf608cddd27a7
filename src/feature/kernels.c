/* The kernels of the built-in columns: compositions of num/roll.h and num/recur.h. */
#include "feature/kernels.h"

#include "num/recur.h"
#include "num/roll.h"
#include <math.h>

/* Part of a column that a local kernel looks at: `lookback` rows before the first wanted one. */
typedef struct span {
    size_t from, n;
} span;

static span span_of(const qlab_frame *f, size_t first, size_t lookback)
{
    size_t from = first > lookback ? first - lookback : 0;
    return (span){from, f->n - from};
}

static qlab_f64v in_span(const double *x, span s)
{
    return (qlab_f64v){x + s.from, s.n};
}

static qlab_f64w out_span(double *x, span s)
{
    return (qlab_f64w){x + s.from, s.n};
}

static qlab_f64v whole(const qlab_frame *f, const double *x)
{
    return (qlab_f64v){x, f->n};
}

static qlab_f64w whole_out(const qlab_frame *f, double *x)
{
    return (qlab_f64w){x, f->n};
}

/* a / b, missing where b is 0 or the quotient is no finite number. */
static double ratio(double a, double b)
{
    double q = a / b;
    return isfinite(q) ? q : NAN;
}

static void copy_from(const double *x, size_t first, size_t n, double *out)
{
    for (size_t i = first; i < n; i++)
        out[i] = x[i];
}

QLAB_KERNEL(close_)
{
    (void)col;
    copy_from(f->close, first, f->n, out);
}

QLAB_KERNEL(ret_1d)
{
    (void)col;
    copy_from(f->ret_1d, first, f->n, out);
}

static void change(const qlab_frame *f, size_t first, size_t k, double *out)
{
    span s = span_of(f, first, k);
    qlab_roll_change(in_span(f->close, s), k, out_span(out, s));
}

QLAB_KERNEL(ret_5d)
{
    (void)col;
    change(f, first, 5, out);
}

QLAB_KERNEL(ret_20d)
{
    (void)col;
    change(f, first, 20, out);
}

QLAB_KERNEL(logret_1d)
{
    (void)col;
    copy_from(f->logret, first, f->n, out);
}

static void mean(const qlab_frame *f, size_t first, const double *x, size_t win, double *out)
{
    span s = span_of(f, first, win - 1);
    qlab_roll_mean(in_span(x, s), win, out_span(out, s));
}

QLAB_KERNEL(sma_20)
{
    (void)col;
    mean(f, first, f->close, 20, out);
}

QLAB_KERNEL(sma_50)
{
    (void)col;
    mean(f, first, f->close, 50, out);
}

QLAB_KERNEL(sma_200)
{
    (void)col;
    mean(f, first, f->close, 200, out);
}

QLAB_KERNEL(ema_12)
{
    (void)col;
    (void)first;
    qlab_recur_ema(whole(f, f->close), 12, whole_out(f, out));
}

QLAB_KERNEL(ema_26)
{
    (void)col;
    (void)first;
    qlab_recur_ema(whole(f, f->close), 26, whole_out(f, out));
}

QLAB_KERNEL(macd)
{
    (void)first; /* macd_signal needs every row */
    for (size_t i = 0; i < f->n; i++)
        out[i] = col[EMA_12][i] - col[EMA_26][i];
}

QLAB_KERNEL(macd_signal)
{
    (void)first;
    qlab_recur_ema(whole(f, col[MACD]), 9, whole_out(f, out));
}

QLAB_KERNEL(macd_hist)
{
    for (size_t i = first; i < f->n; i++)
        out[i] = col[MACD][i] - col[MACD_SIGNAL][i];
}

QLAB_KERNEL(macd_hist_pct)
{
    for (size_t i = first; i < f->n; i++)
        out[i] = ratio(col[MACD_HIST][i], f->close[i]);
}

QLAB_KERNEL(rsi_14)
{
    (void)col;
    (void)first;
    qlab_recur_rsi(whole(f, f->close), 14, whole_out(f, out));
}

QLAB_KERNEL(boll_z_20)
{
    (void)col;
    span s = span_of(f, first, 19);
    qlab_roll_zscore(in_span(f->close, s), 20, out_span(out, s));
}

QLAB_KERNEL(dist_vwap_20)
{
    (void)col;
    span s = span_of(f, first, 19);
    qlab_roll_weighted_mean(in_span(f->close, s), in_span(f->volume, s), 20, out_span(out, s));
    for (size_t i = first; i < f->n; i++)
        out[i] = ratio(f->close[i], out[i]) - 1;
}

QLAB_KERNEL(atr_14)
{
    (void)col;
    (void)first;
    qlab_recur_atr(whole(f, f->high), whole(f, f->low), whole(f, f->close), 14, whole_out(f, out));
}

QLAB_KERNEL(atr_pct_14)
{
    for (size_t i = first; i < f->n; i++)
        out[i] = ratio(col[ATR_14][i], f->close[i]);
}

QLAB_KERNEL(ewma_vol_20)
{
    (void)col;
    (void)first;
    qlab_recur_ewma_vol(whole(f, f->logret), 20, whole_out(f, out));
}

QLAB_KERNEL(ewma_vol_60)
{
    (void)col;
    (void)first;
    qlab_recur_ewma_vol(whole(f, f->logret), 60, whole_out(f, out));
}

QLAB_KERNEL(vov_20)
{
    span s = span_of(f, first, 19);
    qlab_roll_std(in_span(col[EWMA_VOL_20], s), 20, out_span(out, s));
}

QLAB_KERNEL(adv20_dollar)
{
    (void)col;
    mean(f, first, f->money, 20, out);
}

QLAB_KERNEL(adv20_usd)
{
    (void)col;
    const size_t from = first > 19 ? first - 19 : 0;
    for (size_t i = from; i < f->n; i++)
        f->tmp[0][i] = f->money[i] * f->usd[i];
    mean(f, first, f->tmp[0], 20, out);
}

QLAB_KERNEL(turnover_ratio)
{
    (void)col;
    mean(f, first, f->volume, 20, f->tmp[0]);
    mean(f, first, f->volume, 60, f->tmp[1]);
    for (size_t i = first; i < f->n; i++)
        out[i] = ratio(f->tmp[0][i], f->tmp[1][i]);
}

QLAB_KERNEL(range_pct)
{
    (void)col;
    for (size_t i = first; i < f->n; i++)
        out[i] = ratio(f->high[i] - f->low[i], f->close[i]);
}

QLAB_KERNEL(gap_open)
{
    (void)col;
    for (size_t i = first; i < f->n; i++)
        out[i] = i > 0 ? ratio(f->open[i], f->close[i - 1]) - 1 : NAN;
}

QLAB_KERNEL(mom_252_21)
{
    (void)col;
    for (size_t i = first; i < f->n; i++)
        out[i] = i >= 252 ? ratio(f->close[i - 21], f->close[i - 252]) - 1 : NAN;
}

QLAB_KERNEL(high_252_prox)
{
    (void)col;
    span s = span_of(f, first, 251);
    qlab_roll_max(in_span(f->close, s), 252, out_span(out, s));
    for (size_t i = first; i < f->n; i++)
        out[i] = ratio(f->close[i], out[i]);
}

QLAB_KERNEL(max_ret_20)
{
    (void)col;
    span s = span_of(f, first, 19);
    qlab_roll_max(in_span(f->ret_1d, s), 20, out_span(out, s));
}

QLAB_KERNEL(skew_60)
{
    (void)col;
    span s = span_of(f, first, 59);
    qlab_roll_skew(in_span(f->logret, s), 60, out_span(out, s));
}

QLAB_KERNEL(amihud_20)
{
    (void)col;
    span s = span_of(f, first, 19);
    double *price_impact = f->tmp[0], *any_missing = f->tmp[1];
    for (size_t i = s.from; i < f->n; i++)
        price_impact[i] = f->volume[i] > 0 ? ratio(fabs(f->ret_1d[i]), f->money[i]) * 1e6 : NAN;
    qlab_roll_mean_present(in_span(price_impact, s), 20, 15, out_span(out, s));
    /* A day without trading is left out; a day without a volume makes the window unknown. */
    qlab_roll_sum(in_span(f->volume, s), 20, out_span(any_missing, s));
    for (size_t i = first; i < f->n; i++)
        if (isnan(any_missing[i]) || i < 20 || isnan(f->ret_1d[i - 19]))
            out[i] = NAN;
}

QLAB_KERNEL(zero_vol_share_20)
{
    (void)col;
    span s = span_of(f, first, 19);
    for (size_t i = s.from; i < f->n; i++)
        f->tmp[0][i] = isnan(f->volume[i]) ? NAN : (f->volume[i] == 0 ? 1.0 : 0.0);
    qlab_roll_mean(in_span(f->tmp[0], s), 20, out_span(out, s));
}

QLAB_KERNEL(missed_sessions_20)
{
    (void)col;
    for (size_t i = first; i < f->n; i++)
        out[i] = i >= 19 ? (double)(f->session[i] - f->session[i - 19]) - 19 : NAN;
}

QLAB_KERNEL(quality_flags)
{
    (void)col;
    for (size_t i = first; i < f->n; i++)
        out[i] = (double)f->flags[i];
}

QLAB_KERNEL(bars_seen)
{
    (void)col;
    for (size_t i = first; i < f->n; i++)
        out[i] = (double)(f->bars_before + i + 1);
}

QLAB_KERNEL(feature_date)
{
    (void)col;
    for (size_t i = first; i < f->n; i++)
        out[i] = (double)f->date[i];
}
