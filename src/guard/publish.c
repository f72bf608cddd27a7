#include "guard/publish.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "ops/run.h"

qlab_code qlab_guard_publish(const qlab_env *env, const char *run_id, const char *file,
                             const json_t *report, double seconds, char **path, qlab_err *err)
{
    char *dir = qlab_run_dir(env, run_id);
    char *built = qlab_asprintf("%s/jobs/%s", env->root, run_id);
    char *made = qlab_path_join(built, file);
    qlab_code rc = QLAB_OK;
    *path = qlab_asprintf("runs/run_id=%s/%s", run_id, file);
    if (qlab_file_exists(dir))
        goto done;
    rc = qlab_dir_remove_tree(built, err); /* of an attempt that was killed */
    if (rc == QLAB_OK)
        rc = qlab_dir_make(built, err);
    if (rc == QLAB_OK)
        rc = qlab_json_write(made, report, err);
    if (rc == QLAB_OK) {
        json_t *record = qlab_run_record(env, seconds);
        rc = qlab_run_record_write(made, record, err);
        json_decref(record);
    }
    if (rc == QLAB_OK)
        rc = qlab_folder_publish(built, dir, err);
    if (rc == QLAB_E_EXISTS) { /* the same question was answered meanwhile */
        qlab_err_reset(err);
        rc = qlab_dir_remove_tree(built, err);
    }
done:
    qlab_free(made);
    qlab_free(built);
    qlab_free(dir);
    return rc;
}
