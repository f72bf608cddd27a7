/* strategy/shipped.h -- candidate lists and policies that are part of the program.
 *
 * The YAML files of candidates/ and policies/ are embedded at build time, so that a name works
 * wherever the program runs; a path names a file of one's own.
 */
#ifndef QLAB_STRATEGY_SHIPPED_H
#define QLAB_STRATEGY_SHIPPED_H

#include "base/err.h"
#include "base/view.h"
#include "base/yaml.h"

typedef struct qlab_shipped {
    const char *kind; /* "candidates" or "policies" */
    const char *name; /* file name without its ending */
    const char *text;
    size_t n_bytes;
} qlab_shipped;

extern const qlab_shipped QLAB_SHIPPED[];
extern const size_t QLAB_SHIPPED_COUNT;

/* NULL when nothing shipped has that name. */
const qlab_shipped *qlab_shipped_find(const char *kind, const char *name);
/* "core16, core24, core8", appended. */
void qlab_shipped_names(const char *kind, qlab_buf *out);
/* The document of a shipped name, else of a path.  QLAB_E_CONFIG when there is neither. */
qlab_code qlab_shipped_load(const char *kind, const char *name_or_path, qlab_yaml **out,
                            qlab_err *err) QLAB_MUST_USE;

#endif
