/* feature/row.h -- the panel for people: one row with all its columns.
 *
 * Ownership: a qlab_row owns its texts.  Threads: worker 0's connection; call outside the pool.
 */
#ifndef QLAB_FEATURE_ROW_H
#define QLAB_FEATURE_ROW_H

#include "feature/catalogue.h"
#include "snapshot/snapshot.h"

typedef struct qlab_row_value {
    const char *name, *unit, *doc; /* of the row's strings; the unit is the program's */
    const char *text;              /* dates, names; NULL: a number */
    double number;                 /* NaN = null */
} qlab_row_value;

typedef struct qlab_row {
    char *set_id, *asset_id;
    int32_t date;
    uint8_t reason; /* qlab_eligibility */
    qlab_row_value *values;
    size_t n;
    qlab_arena strings;
} qlab_row;

/* date QLAB_DATE_NONE: the asset's last row.  QLAB_E_NOT_FOUND where there is no such row. */
qlab_code qlab_row_load(const qlab_env *env, const char *set, const char *asset_id, int32_t date,
                        qlab_row *out, qlab_err *err) QLAB_MUST_USE;
void qlab_row_free(qlab_row *r);

#endif
