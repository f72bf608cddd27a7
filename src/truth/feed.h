/* truth/feed.h -- corporate actions, delistings and lives from files into one lake commit.
 *
 * NDJSON or CSV (told by the first byte), plain or gzip.  Actions come in three styles, told per
 * row by its fields:
 *   asset_id, ex_date, action_type, split_factor, dividend_cash, currency, source, source_id
 *   canonical_id, date, prev_date, prev_close, prev_adjusted_close     a factor seen on `date`
 *   canonical_id, date, dividend | split
 * Delistings: asset_id, delist_date, delist_code, delist_return, source.
 * Factor files and map files (truth/lean.h): a file, or a folder with factor_files/ and map_files/.
 *
 * Strict: every row is taken or rejected with its line, a reason and the datum; rows in = inserted
 * + revised + known + duplicate + quarantined + no_action.  Files whose rows are all known leave
 * no commit.  Loading is idempotent.
 *
 * The caller holds the lake's lock and names the commit it saw as `view`.
 */
#ifndef QLAB_TRUTH_FEED_H
#define QLAB_TRUTH_FEED_H

#include "base/json.h"
#include "truth/action.h"
#include "truth/derive.h"
#include "truth/flat.h"

typedef struct qlab_feed_report {
    char sha256[QLAB_HEX_BYTES]; /* of the file as it lies */
    json_t *counts; /* rows_in, rows_inserted, ..., rows_by_reason, rows_by_type, ignored_fields */
    json_t *rejected; /* array of {line, reason, detail} in order of the line */
    json_t *findings; /* array of {line, code, asset_id, ex_date, detail}: taken, but odd */
    uint32_t commit;  /* the commit made, 0 = nothing to do */
} qlab_feed_report;
void qlab_feed_report_free(qlab_feed_report *r);

typedef enum qlab_feed_format {
    QLAB_FEED_AUTO, /* told by the first line */
    QLAB_FEED_ROWS, /* NDJSON or CSV with names */
    QLAB_FEED_FACTOR_FILE,
    QLAB_FEED_MAP_FILE,
    QLAB_FEED_FORMATS
} qlab_feed_format;
extern const char *const qlab_feed_format_names[QLAB_FEED_FORMATS + 1]; /* NULL ends it */
bool qlab_feed_format_parse(qlab_str s, qlab_feed_format *out);

typedef struct qlab_feed_request {
    bool delistings;  /* else actions (and what map files say) */
    const char *path; /* a file, or a folder of factor and map files */
    qlab_feed_format format;
    const char *exchange; /* whose symbols the tickers are; NULL: of any, when unambiguous */
} qlab_feed_request;

/* SHA-256 of the file, or of the names and SHA-256 of a folder's files: for the id of the run. */
qlab_code qlab_feed_digest(const char *path, qlab_digest *out, qlab_err *err) QLAB_MUST_USE;

/* run_id names the run in the commit.  With env->dry_run nothing is written.  before_commit (may be
 * NULL) is called once all is known and nothing is committed, with report->commit as it will be. */
typedef qlab_code (*qlab_feed_before_commit)(void *ctx, const qlab_feed_report *report,
                                             qlab_err *err);
qlab_code qlab_feed_load(const qlab_env *env, const qlab_lake_view *view,
                         const qlab_feed_request *request, const char *run_id,
                         qlab_feed_before_commit before_commit, void *ctx, qlab_feed_report *out,
                         qlab_err *err) QLAB_MUST_USE;

/* ---- shared by the loaders (and tested alone) ---------------------------------------------------
 */

typedef enum qlab_feed_reason {
    QLAB_FEED_OK,
    QLAB_FEED_BAD_LINE, /* no object, no row of the header, not UTF-8 */
    QLAB_FEED_MISSING_FIELD,
    QLAB_FEED_EXTRA_VALUE, /* a value that the row's type cannot have */
    QLAB_FEED_UNKNOWN_ASSET,
    QLAB_FEED_BAD_DATE,
    QLAB_FEED_BAD_NUMBER,
    QLAB_FEED_BAD_TYPE,  /* action_type or delist_code outside the vocabulary */
    QLAB_FEED_BAD_VALUE, /* a number outside its range */
    QLAB_FEED_CURRENCY_MISMATCH,
    QLAB_FEED_DUPLICATE_CONFLICT, /* a later line of the file says otherwise: that one counts */
    QLAB_FEED_NO_BAR,             /* factor file: no bar tells the ex-date */
    QLAB_FEED_FILE_REFUSED,       /* factor or map file: another line of it was bad */
    QLAB_FEED_REASONS
} qlab_feed_reason;
const char *qlab_feed_reason_name(qlab_feed_reason r); /* "BAD_LINE" */

/* One line of a feed to an action (asset_ix by the view).  r, d, c and the interval are set by what
 * is said; the type of a factor is left to the loader (QLAB_ACTION_UNTYPED_FACTOR).  Texts live in
 * the arena.  prev_date and prev_close are NONE and NaN but for a factor row. */
typedef struct qlab_feed_action {
    qlab_action a;
    int32_t prev_date;
    double prev_close;
    bool no_action; /* a factor of exactly 1, or a dividend of 0, or a split of 1 */
    bool is_split;  /* a factor that the source itself calls a split */
    bool is_cash;   /* ... and one that it says is none */
} qlab_feed_action;
/* [low, high] of a number delivered with so many decimals. */
qlab_interval qlab_feed_interval(double v, int n_decimals);
/* Makes row->a a factor feed's fact: c = p/q with their intervals; no_action where c is 1. */
void qlab_feed_set_factor(qlab_feed_action *row, double p, qlab_interval p_in, double q,
                          qlab_interval q_in);
qlab_feed_reason qlab_feed_parse_action(const qlab_lake_view *view, const qlab_flat_row *row,
                                        qlab_arena *a, qlab_feed_action *out, qlab_err *detail);
qlab_feed_reason qlab_feed_parse_delisting(const qlab_lake_view *view, const qlab_flat_row *row,
                                           qlab_arena *a, qlab_delisting *out, qlab_err *detail);

/* A feed file in memory, walked line by line. */
typedef struct qlab_feed_file {
    qlab_buf text;
    bool is_csv;
    qlab_flat_row header;
    size_t at, line; /* next byte; number of the last line given */
    qlab_arena header_arena;
} qlab_feed_file;
qlab_code qlab_feed_open(const char *path, qlab_feed_file *out, qlab_err *err) QLAB_MUST_USE;
/* Its bytes alone, inflated; at most 1 GiB. */
qlab_code qlab_feed_read_text(const char *path, qlab_buf *out, qlab_err *err) QLAB_MUST_USE;
/* The next line that is not empty, without its end; false when there is none. */
bool qlab_feed_next_line(qlab_feed_file *f, qlab_str *line);
/* The same over text that is there already; `text` is taken over, also where this fails. */
qlab_code qlab_feed_open_text(const char *name, qlab_buf text, qlab_feed_file *out,
                              qlab_err *err) QLAB_MUST_USE;
/* False at the end.  *reason is BAD_LINE (with detail) where the line has no fields. Empty lines
 * are stepped over. */
bool qlab_feed_next(qlab_feed_file *f, qlab_arena *a, qlab_flat_row *row, qlab_feed_reason *reason,
                    qlab_err *detail);
void qlab_feed_close(qlab_feed_file *f);

#endif
