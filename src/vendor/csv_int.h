/* vendor/csv_int.h -- what the two CSV files of this module share.  Not for others. */
#ifndef QLAB_VENDOR_CSV_INT_H
#define QLAB_VENDOR_CSV_INT_H

#include "vendor/csv.h"
#include "vendor/csv_table.h"

enum { QLAB_CSV_NO_COLUMN = -1 };

/* Where the fields are in a file with this header. */
typedef struct qlab_csv_header {
    size_t n_cells;
    int date, symbol, field[QLAB_N_FIELDS];
} qlab_csv_header;

/* False, with why: the header lacks a column that rows cannot do without. */
bool qlab_csv_read_header(const qlab_csv_style *style, const qlab_csv_record *r, qlab_csv_header *h,
                          char *why, size_t n_why);
/* The asset_id of a symbol, and that of a file name. */
void qlab_csv_put_id(const qlab_csv_style *style, qlab_str symbol, qlab_buf *out);
void qlab_csv_put_file_id(const qlab_csv_style *style, const char *path, qlab_buf *out);

#endif
