/* cli/lake_pins.h -- the commits that snapshots name: the lake does not know of snapshots. */
#ifndef QLAB_CLI_LAKE_PINS_H
#define QLAB_CLI_LAKE_PINS_H

#include "lake/lake.h"

/* One pin a snapshot, "snapshot <id>"; owned by the caller.  A snapshot that cannot be read is an
 * error: what it names is not known then. */
qlab_code qlab_lake_pins(const qlab_env *env, qlab_lake_pin **pins, size_t *n,
                         qlab_err *err) QLAB_MUST_USE;
void qlab_lake_pins_free(qlab_lake_pin *pins, size_t n);

#endif
