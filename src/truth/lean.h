/* truth/lean.h -- factor files and map files, as the LEAN engine keeps them: CSV without a header.
 *
 * Factor file <company>.csv: date, price factor, split factor, close.  Ascending dates YYYYMMDD;
 * the factors of a line hold for prices up to its date and later than the line before.  Between two
 * lines lies an event, whose previous close is that of the first; its ex-date is the next session:
 *   split     r = split factor of the second / of the first
 *   dividend  c = price factor of the second / of the first, d = close * (1 - 1/c)
 * Factors are rounded to 7 (price) and 8 (split) decimals, trailing zeros cut; the last line of a
 * company that lives on is dated 2050-12-31 with factors of 1.  The first line states nothing.
 *
 * Map file <company>.csv: date, ticker, exchange (may be absent).  The first line is the company's
 * first day; each later one ends the stretch in which it held that ticker.  The last date is its
 * last trading day, 2050-12-31 where it lives on.  A company whose ticker another took over has a
 * number in its name: fb.1.
 *
 * Ownership: texts are borrowed from the line.  Threads: pure.
 */
#ifndef QLAB_TRUTH_LEAN_H
#define QLAB_TRUTH_LEAN_H

#include "truth/feed.h"

typedef struct qlab_factor_line {
    int32_t date;
    double price, split, close;
    int k_price, k_split, k_close; /* decimals as delivered */
} qlab_factor_line;
qlab_feed_reason qlab_lean_parse_factor(qlab_str line, qlab_factor_line *out, qlab_err *detail);

typedef struct qlab_map_line {
    int32_t date;
    qlab_str ticker, exchange;
} qlab_map_line;
qlab_feed_reason qlab_lean_parse_map(qlab_str line, qlab_map_line *out, qlab_err *detail);

/* The sentinel of a company that lives on. */
int32_t qlab_lean_open_date(void);

/* What a file holds by its first line: 8 digits and a comma first is LEAN's, 2 or 3 cells a map
 * file, 4 a factor file (3 where the second and third are numbers); all else rows with names. */
qlab_feed_format qlab_lean_recognise_line(qlab_str line);
qlab_code qlab_lean_recognise(const char *path, qlab_feed_format *out, qlab_err *err) QLAB_MUST_USE;

#endif
