/* stat/table.h -- the CSV that `quantlab stat` reads: one column a series, one row an observation.
 *
 *   A header line names the columns.  Fields are separated by commas; a field may stand in double
 *   quotes ("" inside is one quote).  Lines end in LF or CRLF; a UTF-8 mark in front is skipped;
 *   empty lines at the end are no rows.  A cell is a JSON number (also .5 and +1) or empty =
 * missing (NaN).  A column named "date" holds YYYY-MM-DD: rows are then put in ascending order of
 * it, so that the order of the file changes no bit, and a date that comes twice is an error.
 *
 * The table owns its arrays; zero-initialise it, qlab_stat_table_free takes any state.
 * Errors are QLAB_E_CORRUPT "name:line: column C: ..." (E_NOT_FOUND, E_IO for the file).
 */
#ifndef QLAB_STAT_TABLE_H
#define QLAB_STAT_TABLE_H

#include "base/err.h"
#include "base/view.h"

typedef struct qlab_stat_table {
    size_t n_rows, n_cols;
    char **names;   /* n_cols, without the date column */
    double **col;   /* n_cols arrays of n_rows; NaN = missing */
    int32_t *dates; /* n_rows, ascending; NULL where there is no date column */
} qlab_stat_table;

qlab_code qlab_stat_table_parse(const char *name, const char *text, size_t n, qlab_stat_table *out,
                                qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_stat_table_read(const char *path, qlab_stat_table *out, qlab_err *err) QLAB_MUST_USE;
/* Place of a column; n_cols where there is none. */
size_t qlab_stat_table_find(const qlab_stat_table *t, const char *column);
qlab_f64v qlab_stat_table_series(const qlab_stat_table *t, size_t column);
/* Leaves only the rows without a missing cell; returns how many went. */
size_t qlab_stat_table_complete(qlab_stat_table *t);
void qlab_stat_table_free(qlab_stat_table *t);

#endif
