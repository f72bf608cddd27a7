/* vendor/csv_table.h -- CSV text to records of cells, in pieces (RFC 4180, other separators too).
 *
 * A record ends at a line end outside quotes.  A quote that opens no cell, or text behind a closing
 * quote, makes the record bad; so does one above QLAB_CSV_RECORD_MAX_BYTES (an unclosed quote would
 * swallow the file): then its first line alone is bad and reading goes on behind it.
 *
 * Ownership: cells point into the text or into the splitter, until the callback returns.
 * Threads: one splitter belongs to one worker.
 */
#ifndef QLAB_VENDOR_CSV_TABLE_H
#define QLAB_VENDOR_CSV_TABLE_H

#include "base/err.h"
#include "base/view.h"
#include <stdint.h>

enum { QLAB_CSV_RECORD_MAX_BYTES = 1 << 20, QLAB_CSV_MAX_CELLS = 1024 };

typedef struct qlab_csv_record {
    const qlab_str *cells; /* spaces around unquoted cells taken off */
    size_t n_cells;
    qlab_str text;   /* without its line end */
    uint64_t line;   /* 1-based, of its first byte */
    uint64_t at;     /* byte offset */
    const char *bad; /* why it is no record, or NULL */
} qlab_csv_record;

typedef struct qlab_csv_table {
    void (*record)(void *ctx, const qlab_csv_record *r);
    void *ctx;
    /* private */
    char separator; /* 0 until the first record was seen */
    qlab_buf held, plain;
    uint64_t at, line;
    qlab_str cells[QLAB_CSV_MAX_CELLS];
} qlab_csv_table;

void qlab_csv_table_restart(qlab_csv_table *t);
void qlab_csv_table_put(qlab_csv_table *t, const char *bytes, size_t n, bool last);
void qlab_csv_table_free(qlab_csv_table *t);

#endif
