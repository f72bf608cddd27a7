#include "guard/find.h"

#include "base/alloc.h"
#include "base/file.h"
#include "feature/manifest.h"
#include "snapshot/snapshot.h"

#include <string.h>

qlab_code qlab_guard_find_snapshot(const qlab_env *env, uint32_t from, uint32_t to, char **id,
                                   uint32_t *commit, qlab_err *err)
{
    qlab_snapshot_row *rows = NULL;
    size_t n = 0;
    const qlab_snapshot_row *best = NULL;
    *id = NULL;
    *commit = 0;
    const qlab_code rc = qlab_snapshot_list(env, &rows, &n, err);
    for (size_t i = 0; rc == QLAB_OK && i < n; i++)
        if (rows[i].commit >= from && rows[i].commit <= to &&
            (best == NULL || rows[i].asof > best->asof ||
             (rows[i].asof == best->asof && rows[i].commit > best->commit)))
            best = &rows[i];
    if (best != NULL) {
        *id = qlab_strdup(best->id);
        *commit = best->commit;
    }
    qlab_snapshot_list_free(rows, n);
    return rc;
}

qlab_code qlab_guard_find_set(const qlab_env *env, const char *snapshot_id, char **id,
                              json_t **manifest, qlab_err *err)
{
    char **names = NULL, *top = qlab_path_join(env->root, "features/sets");
    size_t n = 0, most = 0;
    const size_t n_asof = strcspn(snapshot_id, "_") + 1; /* "2024-12-31_": sets carry it too */
    qlab_code rc = QLAB_OK;
    *id = NULL;
    *manifest = NULL;
    if (qlab_file_exists(top))
        rc = qlab_dir_list(top, &names, &n, err);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        if (strncmp(names[i], snapshot_id, n_asof) != 0)
            continue;
        char *path = qlab_set_manifest_path(env->root, names[i]);
        json_t *m = NULL;
        if (qlab_file_exists(path))
            rc = qlab_json_load(path, &m, err);
        const json_t *of = json_object_get(json_object_get(m, "inputs"), "snapshot");
        const char *on = json_string_value(json_object_get(of, "id"));
        const size_t dates = json_array_size(json_object_get(m, "dates"));
        if (on != NULL && strcmp(on, snapshot_id) == 0 && dates > most) {
            most = dates;
            json_decref(*manifest);
            *manifest = json_incref(m);
            qlab_free(*id);
            *id = qlab_strdup(names[i]);
        }
        json_decref(m);
        qlab_free(path);
    }
    qlab_dir_list_free(names, n);
    qlab_free(top);
    return rc;
}
