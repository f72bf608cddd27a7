/* vendor/csv.h -- a folder of CSV files as a vendor: one file a symbol, or one long table.
 *
 * A file has a header; which header names mean date, open, ..., symbol is a qlab_csv_style (a
 * preset, or the configuration's columns).  RFC 4180: cells may be quoted, a quote inside is
 * doubled, a quoted cell may hold separators and line ends.  The separator is the one of , ; tab |
 * that the header line holds most of (outside quotes; ',' on a tie).  LF, CR LF, byte-order mark
 * accepted.  An empty cell, and the words null, NaN, NA, N/A and - , is a missing number.
 *
 * Row rules, reasons and accounting are those of packs (vendor/rows.h).  A line that is not what
 * its format says (another number of cells than the header, quotes that do not close) is BAD_JSON,
 * a file that is not (a header without date, close or symbol) PACK_BAD_GZIP: the codes of the
 * format for exactly that, whatever its name says.
 *
 * Ownership: a style borrows its texts.  Threads: one reader a worker.
 */
#ifndef QLAB_VENDOR_CSV_H
#define QLAB_VENDOR_CSV_H

#include "vendor/pack.h"
#include "vendor/registry.h"

typedef enum qlab_csv_date {
    QLAB_CSV_DATE_ISO,     /* YYYY-MM-DD; a time of day behind it is BAD_DATE */
    QLAB_CSV_DATE_COMPACT, /* YYYYMMDD */
    QLAB_CSV_DATE_DMY,     /* DD/MM/YYYY */
    QLAB_CSV_DATE_MDY      /* MM/DD/YYYY */
} qlab_csv_date;

typedef struct qlab_csv_style {
    /* Header names (compared without case); NULL = the file has no such column. */
    const char *date, *symbol, *field[QLAB_N_FIELDS];
    qlab_csv_date date_format;
    bool symbol_is_file_name; /* the file's name without folders and without ".csv[.gz]" */
    const char *strip_suffix; /* taken off a symbol where it ends so (Stooq's ".US"); NULL */
    const char *exchange;     /* asset_id = exchange:SYMBOL */
    const char *type_norm, *currency, *country;
} qlab_csv_style;

/* Of everything in it: two styles that read one file as other rows have other digests. */
qlab_digest qlab_csv_style_digest(const qlab_csv_style *style);
/* "yahoo", "stooq" or "kaggle"; false for another name.  Exchange US, type STOCK. */
bool qlab_csv_preset(const char *name, qlab_csv_style *out);

/* Lists <dir>, recursively, for *.csv, *.csv.gz, *.txt: the files are the packs, their symbols the
 * assets (one long table is read once for its symbols).  Names the files in byte order. */
qlab_code qlab_csv_registry(const char *dir, const qlab_csv_style *style, qlab_registry **out,
                            qlab_err *err) QLAB_MUST_USE;

typedef struct qlab_csv_reader qlab_csv_reader;
qlab_csv_reader *qlab_csv_reader_new(const qlab_csv_style *style);
void qlab_csv_reader_free(qlab_csv_reader *r);
/* As qlab_pack_read. */
qlab_code qlab_csv_read(qlab_csv_reader *r, const qlab_pack_job *job, qlab_rows *rows,
                        qlab_segments *segments, uint8_t **duplicate, size_t *cap_duplicate,
                        qlab_quarantine *quarantine, qlab_pack_result *out,
                        qlab_err *err) QLAB_MUST_USE;

#endif
