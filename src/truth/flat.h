/* truth/flat.h -- one line of a feed as fields: a flat JSON object, or a CSV row under a header.
 *
 * Strict: a nested value, a doubled name, text that is not UTF-8 or anything after the object is
 * refused with its column.  A field's text is as delivered (of a number every digit), so that the
 * caller can count its decimals; JSON escapes are undone in the arena.
 *
 * Ownership: names and texts are borrowed from the line, the header or the arena.
 * Threads: pure but for the arena.
 */
#ifndef QLAB_TRUTH_FLAT_H
#define QLAB_TRUTH_FLAT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/view.h"

enum { QLAB_FLAT_FIELDS = 32 };

typedef enum qlab_flat_kind {
    QLAB_FLAT_TEXT,   /* a JSON string, or a CSV cell that is not empty */
    QLAB_FLAT_NUMBER, /* a JSON number */
    QLAB_FLAT_NULL,   /* null, or an empty CSV cell */
    QLAB_FLAT_BOOL
} qlab_flat_kind;

typedef struct qlab_flat_field {
    qlab_str name, text;
    qlab_flat_kind kind;
} qlab_flat_field;

typedef struct qlab_flat_row {
    size_t n;
    qlab_flat_field field[QLAB_FLAT_FIELDS];
} qlab_flat_row;

/* Both: QLAB_E_CORRUPT with "column 12: ..." and nothing else in err. */
qlab_code qlab_flat_json(qlab_str line, qlab_arena *a, qlab_flat_row *out,
                         qlab_err *err) QLAB_MUST_USE;
/* header NULL: the line is the header itself (texts are the names). */
qlab_code qlab_flat_csv(qlab_str line, const qlab_flat_row *header, qlab_arena *a,
                        qlab_flat_row *out, qlab_err *err) QLAB_MUST_USE;

/* The field of a name, or NULL. */
const qlab_flat_field *qlab_flat_find(const qlab_flat_row *row, const char *name);

#endif
