/* vendor/bar_parser.h -- one bar object, from bytes to numbers: the hot path of ingest.
 *
 * `{"date": "2013-02-08", "open": 67.7, "high": ..., "low": ..., "close": ..., "volume": ...,
 *   "adjusted_close": ...}` with its keys in any order.  Numbers, numeric strings and null; a
 * number becomes the correctly rounded double, -0 becomes +0.  Unknown keys are stepped over.
 *
 * What is wrong with one value is left to the row rules (vendor/rows.h): a value of another type,
 * a string that is no number, NaN and Infinity as Python writes them, 1e400 mark the field bad.
 * What is wrong with the text is the line's end: broken grammar, and a known key that comes twice.
 *
 * The usual form (keys in the order above, no or one space after ':' and ',') takes a fast path;
 * any other form, and any doubt, goes through the general one.  Both give the same result.
 * Text conditions as in vendor/json_scan.h.  Threads: pure; the memo belongs to one worker.
 */
#ifndef QLAB_VENDOR_BAR_PARSER_H
#define QLAB_VENDOR_BAR_PARSER_H

#include "vendor/json_scan.h"
#include "vendor/rows.h"

/* The month that was seen last: neighbours share it. Zero-initialise. */
typedef struct qlab_month_memo {
    char text[8]; /* "2013-02" */
    int32_t first;
    int32_t n_days;
} qlab_month_memo;

/* p at '{'. */
const char *qlab_bar_parse(qlab_json_scan *s, const char *p, qlab_month_memo *memo,
                           qlab_raw_bar *out);
/* The general path alone, for tests. */
const char *qlab_bar_parse_general(qlab_json_scan *s, const char *p, qlab_raw_bar *out);

/* A whole cell as a number: the JSON number grammar and nothing else.  False: bad. */
bool qlab_cell_number(qlab_str cell, double *out);

#endif
