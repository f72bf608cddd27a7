#include "cli/lake_pins.h"

#include "base/alloc.h"
#include "snapshot/snapshot.h"

#include <stdint.h>

qlab_code qlab_lake_pins(const qlab_env *env, qlab_lake_pin **pins, size_t *n, qlab_err *err)
{
    qlab_snapshot_row *rows = NULL;
    size_t n_rows = 0;
    *pins = NULL;
    *n = 0;
    const qlab_code rc = qlab_snapshot_list(env, &rows, &n_rows, err);
    if (rc != QLAB_OK)
        return rc;
    *pins = qlab_alloc(n_rows, sizeof **pins);
    for (size_t i = 0; i < n_rows; i++)
        (*pins)[(*n)++] = (qlab_lake_pin){rows[i].commit, qlab_asprintf("snapshot %s", rows[i].id)};
    qlab_snapshot_list_free(rows, n_rows);
    return QLAB_OK;
}

void qlab_lake_pins_free(qlab_lake_pin *pins, size_t n)
{
    for (size_t i = 0; i < n; i++)
        qlab_free((char *)(uintptr_t)pins[i].name);
    qlab_free(pins);
}
