/* feature/panel.h -- reading a feature set: one month of cross-sections at a time.
 *
 * A set (features/sets/<id>/feature_panel_manifest.json) names parts by (month, bucket).  The
 * reader returns rows grouped by as-of date and, within a date, in byte order of asset_id, so that
 * every sum over a cross-section has one order whatever bucket a name lies in.
 *
 * Columns: any number of the catalogue and of the labels: fwd_ret_{1,5,20}d, label_start,
 * label_end_{1,5,20}d (days since 1970-01-01), label_state_{1,5,20}d (qlab_label_state).  All come
 * as doubles, NaN = null.  Group columns (exchange, currency, asset_class, sector) are properties
 * of the asset: take them from qlab_panel_assets and the snapshot.
 * Ownership: a qlab_xsec owns its arrays.  Threads: a qlab_panel is read only and may be shared.
 */
#ifndef QLAB_FEATURE_PANEL_H
#define QLAB_FEATURE_PANEL_H

#include "duck/duck.h"
#include "snapshot/snapshot.h"

typedef struct qlab_panel qlab_panel;

/* id: a unique prefix, or "latest" (resolved by the caller's record). */
qlab_code qlab_panel_open(const qlab_env *env, const char *id, qlab_panel **out,
                          qlab_err *err) QLAB_MUST_USE;
void qlab_panel_close(qlab_panel *p);
const char *qlab_panel_id(const qlab_panel *p); /* whole id */
const char *qlab_panel_snapshot_id(const qlab_panel *p);
const qlab_snapshot *qlab_panel_snapshot(const qlab_panel *p); /* borrowed */
const json_t *qlab_panel_manifest(const qlab_panel *p);
/* Sessions of the set's axis (master sessions with >= 30 eligible names) inside its range. */
size_t qlab_panel_sessions(const qlab_panel *p, const int32_t **dates);
/* Months (qlab_date_month_index) that hold parts, ascending. */
size_t qlab_panel_months(const qlab_panel *p, const int32_t **months);
/* True for what qlab_panel_load_month can load. */
bool qlab_panel_has_column(const qlab_panel *p, const char *name);
/* Assets of the snapshot in byte order of asset_id: row.asset is an index into this. */
size_t qlab_panel_assets(const qlab_panel *p, const qlab_asset *const **assets);

typedef struct qlab_xsec {
    size_t n_dates, n_rows, n_cols;
    int32_t *dates;       /* n_dates, ascending; master sessions of the axis only */
    size_t *first;        /* n_dates + 1 */
    uint32_t *asset;      /* n_rows; rank of the asset_id */
    uint8_t *eligibility; /* n_rows; 0 = eligible, else qlab_eligibility reason */
    uint8_t
        *liquidity_usd; /* n_dates: 1 = adv_usd_or_ccy of the date is in US dollars, all of it */
    double *adv_usd_or_ccy;    /* n_rows: median over 60 sessions of money volume (top-liquid N) */
    double **col;              /* n_cols arrays of n_rows, in the order asked for */
    uint8_t *presumed_gone[3]; /* 1 where label h = 1, 5, 20 rests on presumed-gone settlement; NULL
                                  if labels not asked */
    int32_t *label_end[3];     /* n_rows: last date that label h = 1, 5, 20 rests on, QLAB_DATE_NONE
                                  where the label is null; NULL if labels not asked */
} qlab_xsec;

/* Sessions of the axis with from <= date < to; the span may lie in one month or reach over several
 * (stage A asks for a month together with the last session before it).  Row groups outside the span
 * are not read. */
qlab_code qlab_panel_load_dates(const qlab_panel *p, qlab_conn *conn, int32_t from, int32_t to,
                                const char *const *columns, size_t n_columns, qlab_xsec *out,
                                qlab_err *err) QLAB_MUST_USE;
/* The same for one month.  Both run on any worker's connection.  QLAB_E_USAGE for a column that the
 * set does not have; QLAB_E_CORRUPT where a part is not what the manifest says. */
qlab_code qlab_panel_load_month(const qlab_panel *p, qlab_conn *conn, int32_t month,
                                const char *const *columns, size_t n_columns, qlab_xsec *out,
                                qlab_err *err) QLAB_MUST_USE;
void qlab_xsec_free(qlab_xsec *x);

#endif
