/* truth/series.h -- one asset's valid bars with lives, steps and flags: what features read.
 *
 * Void bars (close <= 0 or missing; a date that is no session of the exchange) are left out; every
 * "x[t-k]" of METHODS 3 is an index into these arrays.  Prices and volume stay raw, as stored:
 *   split-adjusted price  close[i] * split[i]        split-adjusted volume  volume[i] / split[i]
 *   tri_signal(i..j)      close[j]*signal[j] / (close[i]*signal[i])
 *   tri_accounting        close[j]*acct[j] / (close[i]*acct[i])
 * split, signal, acct are products of the steps of the SAME life with ex_date <= date, 1.0 at its
 * first bar.  `split` holds splits alone (METHODS 3: C, O, H, L, V); `signal` also untyped factors.
 *
 * Three modes give the same bits for the same bar:
 *   discover  all bars of the asset up to the as-of; finds lives, makes steps and asset_years.
 *   window    bars of one calendar year with their lead-in (from qlab_asset_year.lead_date) and
 *             whatever follows; lives, steps, and counts are told by the snapshot.
 *   resume    bars after the border of a calendar year, going on from what the bars before it left
 *             (qlab_series_carry): ROW 0 IS THE LAST BAR BEFORE THE BORDER, its flags not told.
 *
 * Ownership: a qlab_series owns its arrays and may be reused (arrays grow); borrow the rest.
 * Threads: one series belongs to one worker.  Nothing fails.  Source: METHODS 1, 2, 3.
 */
#ifndef QLAB_TRUTH_SERIES_H
#define QLAB_TRUTH_SERIES_H

#include "lake/lake.h"
#include "num/recur.h"
#include "truth/action.h"
#include "truth/quality.h"
#include "truth/steps.h"

/* A life: bars of one company under one asset_id; dates inclusive. */
typedef struct qlab_life {
    uint32_t asset_ix;
    uint16_t life_no;              /* from 1 */
    int32_t first_date, last_date; /* first and last valid bar up to the as-of */
    uint32_t n_bars;               /* valid bars up to the as-of */
} qlab_life;

/* A map file of lives, CSV with header asset_id,life_no,first_date: the lives of an asset that it
 * names are those, whatever its gaps say (last_date and n_bars are left 0).  Strict: an unknown
 * asset, or lives that are not 1, 2, ... with ascending dates, is QLAB_E_CONFIG with its line.
 * *out by (asset_ix, life_no), owned by the caller (qlab_free). */
qlab_code qlab_lives_load(const char *path, const qlab_lake_view *view, qlab_life **out, size_t *n,
                          qlab_err *err) QLAB_MUST_USE;

/* Where a calendar year of a life begins, so that a window needs no history. */
typedef struct qlab_asset_year {
    uint32_t asset_ix;
    uint16_t life_no;
    int32_t year;
    int32_t first_date;      /* first valid bar of (life, year) */
    int32_t lead_date;       /* the valid bar 560 before it, or the life's first bar */
    uint32_t n_valid_before; /* valid bars of the life before first_date */
    uint32_t n_valid;        /* valid bars of (life, year) */
    /* State at first_date, from the bar before it in this life: bars since the last flag (1 = the
     * bar just before; 255 = 255 or more, or never) and the length of the stale run. */
    uint8_t ago_ohlc, ago_jump, ago_stale;
    uint8_t stale_run; /* 255 = 255 or more */
} qlab_asset_year;

/* What the snapshot knows of one asset (borrowed). */
typedef struct qlab_series_truth {
    const int32_t *session; /* of its exchange, ascending */
    size_t n_sessions;
    const qlab_action *actions; /* discover: resolved, by ex_date; in_basis ones are skipped */
    size_t n_actions;
    const qlab_step *steps; /* window: by (life_no, ex_date) */
    size_t n_steps;
    const qlab_life *lives; /* window: ascending; discover: given ones, or none; numbered
                               from 2 they leave the bars before the first to the gap rule */
    size_t n_lives;
    const qlab_delisting *delistings; /* records up to the as-of, ascending by date */
    size_t n_delistings;
} qlab_series_truth;

typedef struct qlab_series {
    uint32_t asset_ix;
    size_t n, cap;
    size_t n_void_close, n_void_phantom; /* left out */
    int32_t *date;
    double *open, *high, *low, *close, *volume; /* raw, NaN = missing */
    double *split, *signal, *acct;
    uint16_t *life_no;
    uint32_t *bars_seen;  /* valid bars of the life up to and with this one, from 1 */
    uint32_t *flags;      /* QLAB_FLAG_*; window mode: complete for bars of its year only */
    uint32_t *row;        /* row in the bars it was made from (qlab_bars index) */
    uint32_t *session_ix; /* position of its date in truth->session */
    double *logret; /* ln of the split-adjusted close less that of the bar before; NaN at the first
                       bar of a life (and of a window) */
    double *scratch;
    /* window mode: bars [year_first, year_last) are those of the year */
    size_t year_first, year_last;
} qlab_series;

void qlab_series_free(qlab_series *s);

/* Results of discover besides the series; appended (qlab_grow), owned by the caller. */
typedef struct qlab_series_found {
    qlab_life *lives;
    qlab_step *steps;
    qlab_asset_year *years;
    size_t n_lives, cap_lives, n_steps, cap_steps, n_years, cap_years;
} qlab_series_found;
void qlab_series_found_free(qlab_series_found *f);

/* asset: position in bars (rows first[asset] .. first[asset+1]-1).  found may be NULL. */
void qlab_series_discover(const qlab_bars *bars, size_t asset, const qlab_series_truth *truth,
                          qlab_series *out, qlab_series_found *found);
/* years: all asset_years rows of this asset (any number of lives), ascending by (year, life_no).
 * Bars may begin before the lead_date (those are dropped) and go on after the year (they carry
 * factors, lives and bars_seen, but no JUMP flag). */
void qlab_series_window(const qlab_bars *bars, size_t asset, const qlab_series_truth *truth,
                        const qlab_asset_year *years, size_t n_years, int32_t year,
                        qlab_series *out);

/* Where the last life before a border stands after its last valid bar there: all that resume needs
 * of the bars before.  since_*: bars since the last one with the flag (1 = the carried bar itself,
 * 0 = none in this life). */
typedef struct qlab_series_carry {
    int32_t date, life_first_date, lead_date;
    uint32_t session_ix, bars_seen;
    uint32_t stale_run, since_ohlc, since_jump, since_stale, since_no_volume;
    uint16_t life_no;
    double open, high, low, close, volume; /* raw, of the carried bar */
    double split, signal, acct;
    qlab_recur_state vol; /* ewma_vol_60 from lead_date on, after the carried bar */
} qlab_series_carry;
/* The state after rows [0, cut) of a discovered series; cut >= 1, and row cut, where there is one,
 * is the first of a calendar year. */
void qlab_series_carry_at(const qlab_series *s, size_t cut, qlab_series_carry *out);
/* Bars of the asset after the border; truth as for discover, its actions those of the whole
 * history.  found gets the steps and asset_years after the border, and the lives from the carried
 * one on, whole. */
void qlab_series_resume(const qlab_bars *bars, size_t asset, const qlab_series_truth *truth,
                        const qlab_series_carry *carry, qlab_series *out, qlab_series_found *found);

#endif
