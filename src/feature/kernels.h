/* feature/kernels.h -- order and dependencies of the built-in table; for catalogue.c and kernels.c.
 *
 * COLUMN(enumerator, name, type, kernel, lookback, unit, recursive, inputs, deps, doc): one row of
 * the table.  Lookback counts the valid bars before T that a first value needs.
 */
#ifndef QLAB_FEATURE_KERNELS_H
#define QLAB_FEATURE_KERNELS_H

#include "feature/catalogue.h"

#define QLAB_BIT(e) (UINT64_C(1) << (e))
#define IN_C        QLAB_IN_CLOSE
#define IN_HL       (QLAB_IN_HIGH | QLAB_IN_LOW)
#define IN_CV       (QLAB_IN_CLOSE | QLAB_IN_VOLUME)

/* clang-format off */
#define QLAB_FEATURE_TABLE(COLUMN) \
COLUMN(CLOSE, "close", F64, qlab_kernel_close_, 0, PRICE, false, IN_C, 0, "close, split-adjusted forward from the first bar of the life") \
COLUMN(RET_1D, "ret_1d", F64, qlab_kernel_ret_1d, 1, FRACTION, false, IN_C, 0, "C / C[t-1] - 1") \
COLUMN(RET_5D, "ret_5d", F64, qlab_kernel_ret_5d, 5, FRACTION, false, IN_C, 0, "C / C[t-5] - 1") \
COLUMN(RET_20D, "ret_20d", F64, qlab_kernel_ret_20d, 20, FRACTION, false, IN_C, 0, "C / C[t-20] - 1") \
COLUMN(LOGRET_1D, "logret_1d", F64, qlab_kernel_logret_1d, 1, LOGRET, false, IN_C, 0, "ln C - ln C[t-1]") \
COLUMN(SMA_20, "sma_20", F64, qlab_kernel_sma_20, 19, PRICE, false, IN_C, 0, "mean of C over 20 bars") \
COLUMN(SMA_50, "sma_50", F64, qlab_kernel_sma_50, 49, PRICE, false, IN_C, 0, "mean of C over 50 bars") \
COLUMN(SMA_200, "sma_200", F64, qlab_kernel_sma_200, 199, PRICE, false, IN_C, 0, "mean of C over 200 bars") \
COLUMN(EMA_12, "ema_12", F64, qlab_kernel_ema_12, 11, PRICE, true, IN_C, 0, "exponential mean of C, alpha 2/13, seeded with the mean of the first 12") \
COLUMN(EMA_26, "ema_26", F64, qlab_kernel_ema_26, 25, PRICE, true, IN_C, 0, "exponential mean of C, alpha 2/27, seeded with the mean of the first 26") \
COLUMN(MACD, "macd", F64, qlab_kernel_macd, 25, PRICE, true, IN_C, QLAB_BIT(EMA_12) | QLAB_BIT(EMA_26), "ema_12 - ema_26") \
COLUMN(MACD_SIGNAL, "macd_signal", F64, qlab_kernel_macd_signal, 33, PRICE, true, IN_C, QLAB_BIT(MACD), "exponential mean of macd, alpha 2/10") \
COLUMN(MACD_HIST, "macd_hist", F64, qlab_kernel_macd_hist, 33, PRICE, true, IN_C, QLAB_BIT(MACD) | QLAB_BIT(MACD_SIGNAL), "macd - macd_signal") \
COLUMN(MACD_HIST_PCT, "macd_hist_pct", F64, qlab_kernel_macd_hist_pct, 33, FRACTION, true, IN_C, QLAB_BIT(MACD_HIST), "macd_hist / C") \
COLUMN(RSI_14, "rsi_14", F64, qlab_kernel_rsi_14, 14, PERCENT_0_100, true, IN_C, 0, "relative strength index, Wilder's averages over 14 changes; 100 without losses, 50 without changes") \
COLUMN(BOLL_Z_20, "boll_z_20", F64, qlab_kernel_boll_z_20, 19, SIGMAS, false, IN_C, 0, "(C - sma_20) / standard deviation of C over 20 bars") \
COLUMN(DIST_VWAP_20, "dist_vwap_20", F64, qlab_kernel_dist_vwap_20, 19, FRACTION, false, IN_CV, 0, "C / (sum of C*V / sum of V over 20 bars) - 1") \
COLUMN(ATR_14, "atr_14", F64, qlab_kernel_atr_14, 14, PRICE, true, IN_C | IN_HL, 0, "Wilder's average of the true range over 14 bars") \
COLUMN(ATR_PCT_14, "atr_pct_14", F64, qlab_kernel_atr_pct_14, 14, FRACTION, true, IN_C | IN_HL, QLAB_BIT(ATR_14), "atr_14 / C") \
COLUMN(EWMA_VOL_20, "ewma_vol_20", F64, qlab_kernel_ewma_vol_20, 20, LOGRET, true, IN_C, 0, "root of the exponential mean of squared log returns, alpha 2/21") \
COLUMN(EWMA_VOL_60, "ewma_vol_60", F64, qlab_kernel_ewma_vol_60, 60, LOGRET, true, IN_C, 0, "root of the exponential mean of squared log returns, alpha 2/61") \
COLUMN(VOV_20, "vov_20", F64, qlab_kernel_vov_20, 39, LOGRET, true, IN_C, QLAB_BIT(EWMA_VOL_20), "standard deviation of ewma_vol_20 over 20 bars") \
COLUMN(ADV20_DOLLAR, "adv20_dollar", F64, qlab_kernel_adv20_dollar, 19, MONEY, false, IN_CV, 0, "mean of raw close * raw volume over 20 bars, listing currency") \
COLUMN(ADV20_USD, "adv20_usd", F64, qlab_kernel_adv20_usd, 19, USD, false, IN_CV | QLAB_IN_FX, 0, "mean of raw close * raw volume over 20 bars, each in US dollars of its date; null without an exchange rate") \
COLUMN(TURNOVER_RATIO, "turnover_ratio", F64, qlab_kernel_turnover_ratio, 59, RATIO, false, QLAB_IN_VOLUME, 0, "mean of V over 20 bars / mean of V over 60 bars") \
COLUMN(RANGE_PCT, "range_pct", F64, qlab_kernel_range_pct, 0, FRACTION, false, IN_C | IN_HL, 0, "(H - L) / C") \
COLUMN(GAP_OPEN, "gap_open", F64, qlab_kernel_gap_open, 1, FRACTION, false, IN_C | QLAB_IN_OPEN, 0, "O / C[t-1] - 1") \
COLUMN(MOM_252_21, "mom_252_21", F64, qlab_kernel_mom_252_21, 252, FRACTION, false, IN_C, 0, "C[t-21] / C[t-252] - 1") \
COLUMN(HIGH_252_PROX, "high_252_prox", F64, qlab_kernel_high_252_prox, 251, RATIO, false, IN_C, 0, "C / largest C over 252 bars") \
COLUMN(MAX_RET_20, "max_ret_20", F64, qlab_kernel_max_ret_20, 20, FRACTION, false, IN_C, 0, "largest ret_1d over 20 bars") \
COLUMN(SKEW_60, "skew_60", F64, qlab_kernel_skew_60, 60, RATIO, false, IN_C, 0, "skewness g1 (biased moments) of log returns over 60 bars") \
COLUMN(AMIHUD_20, "amihud_20", F64, qlab_kernel_amihud_20, 20, PER_MILLION, false, IN_CV, 0, "mean over the bars with V > 0 (at least 15 of 20) of |ret_1d| / (raw close * raw volume) * 1e6") \
COLUMN(ZERO_VOL_SHARE_20, "zero_vol_share_20", F64, qlab_kernel_zero_vol_share_20, 19, FRACTION, false, QLAB_IN_VOLUME, 0, "share of 20 bars with V = 0") \
COLUMN(MISSED_SESSIONS_20, "missed_sessions_20", F64, qlab_kernel_missed_sessions_20, 19, COUNT, false, 0, 0, "sessions of the exchange without a bar between the first and the last of 20 bars") \
COLUMN(QUALITY_FLAGS, "quality_flags", U32, qlab_kernel_quality_flags, 0, BITS, false, 0, 0, "quality flags of the bar at T (docs/formats/panel.md)") \
COLUMN(BARS_SEEN, "bars_seen", U32, qlab_kernel_bars_seen, 0, COUNT, false, 0, 0, "valid bars of this life up to T") \
COLUMN(FEATURE_DATE, "feature_date", DATE, qlab_kernel_feature_date, 0, DATE, false, 0, 0, "date of the last bar used") \
COLUMN(EXCHANGE, "exchange", STR, NULL, 0, NAME, false, 0, 0, "listing exchange") \
COLUMN(CURRENCY, "currency", STR, NULL, 0, NAME, false, 0, 0, "listing currency") \
COLUMN(ASSET_CLASS, "asset_class", STR, NULL, 0, NAME, false, 0, 0, "stock, etf, ...") \
COLUMN(SECTOR, "sector", STR, NULL, 0, NAME, false, QLAB_IN_REFERENCE, 0, "sector of the reference file")
/* clang-format on */

enum qlab_feature_column {
#define QLAB_FEATURE_ENUM(e, ...) e,
    QLAB_FEATURE_TABLE(QLAB_FEATURE_ENUM)
#undef QLAB_FEATURE_ENUM
        QLAB_FEATURE_COUNT
};

/* One kernel a computed column; see feature/catalogue.h for the contract. */
#define QLAB_KERNEL(fn)                                                                            \
    void qlab_kernel_##fn(const qlab_frame *f, size_t first, double *const *col, double *out)
QLAB_KERNEL(close_);
QLAB_KERNEL(ret_1d);
QLAB_KERNEL(ret_5d);
QLAB_KERNEL(ret_20d);
QLAB_KERNEL(logret_1d);
QLAB_KERNEL(sma_20);
QLAB_KERNEL(sma_50);
QLAB_KERNEL(sma_200);
QLAB_KERNEL(ema_12);
QLAB_KERNEL(ema_26);
QLAB_KERNEL(macd);
QLAB_KERNEL(macd_signal);
QLAB_KERNEL(macd_hist);
QLAB_KERNEL(macd_hist_pct);
QLAB_KERNEL(rsi_14);
QLAB_KERNEL(boll_z_20);
QLAB_KERNEL(dist_vwap_20);
QLAB_KERNEL(atr_14);
QLAB_KERNEL(atr_pct_14);
QLAB_KERNEL(ewma_vol_20);
QLAB_KERNEL(ewma_vol_60);
QLAB_KERNEL(vov_20);
QLAB_KERNEL(adv20_dollar);
QLAB_KERNEL(adv20_usd);
QLAB_KERNEL(turnover_ratio);
QLAB_KERNEL(range_pct);
QLAB_KERNEL(gap_open);
QLAB_KERNEL(mom_252_21);
QLAB_KERNEL(high_252_prox);
QLAB_KERNEL(max_ret_20);
QLAB_KERNEL(skew_60);
QLAB_KERNEL(amihud_20);
QLAB_KERNEL(zero_vol_share_20);
QLAB_KERNEL(missed_sessions_20);
QLAB_KERNEL(quality_flags);
QLAB_KERNEL(bars_seen);
QLAB_KERNEL(feature_date);

#endif
