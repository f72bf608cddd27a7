/* What a kill left: a run that was committed but not put in place, and jobs of plans gone by. */
#include "base/alloc.h"
#include "ingest/ingest_int.h"

#include <string.h>

static bool is_run(const char *built, const char *run_id)
{
    char *path = qlab_path_join(built, "ingest_manifest.json");
    qlab_err ignored = QLAB_ERR_INIT;
    json_t *o = NULL;
    bool same = false;

    if (qlab_file_exists(path) && qlab_json_load(path, &o, &ignored) == QLAB_OK) {
        const char *is = json_string_value(json_object_get(o, "run_id"));
        same = is != NULL && strcmp(is, run_id) == 0;
    }
    json_decref(o);
    qlab_free(path);
    return same;
}

/* A kill between commit and publication leaves the built folder below its job: put it in place. */
qlab_code qlab_ingest_heal(qlab_ingest *g, qlab_err *err)
{
    json_t *doc = NULL;
    char **names = NULL;
    size_t n = 0;
    char *jobs = qlab_path_join(g->env->root, "jobs");
    qlab_code rc = QLAB_OK;

    if (g->last_number == 0 || !qlab_file_exists(jobs))
        goto done;
    rc = qlab_lake_read_commit(g->env->root, g->last_number, &doc, NULL, err);
    if (rc != QLAB_OK)
        goto done;
    const char *run_id = json_string_value(json_object_get(doc, "run_id"));
    if (run_id == NULL || qlab_run_exists(g->env, run_id))
        goto done;
    rc = qlab_dir_list(jobs, &names, &n, err);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        char *dir = qlab_path_join(jobs, names[i]);
        char *built = qlab_path_join(dir, "run");
        if (is_run(built, run_id)) {
            rc = qlab_ingest_publish(g->env, built, run_id, err);
            if (rc == QLAB_OK)
                rc = qlab_job_folder_remove(dir, err);
        }
        qlab_free(built);
        qlab_free(dir);
    }
done:
    qlab_dir_list_free(names, n);
    json_decref(doc);
    qlab_free(jobs);
    return rc;
}

/* Job folders of ingests that can never be taken up again: the lake or the vendor has moved on. */
qlab_code qlab_ingest_sweep_jobs(const qlab_ingest *g, bool keep_plan, qlab_err *err)
{
    char **names = NULL, hex[QLAB_HEX_BYTES];
    size_t n = 0;
    char *jobs = qlab_path_join(g->env->root, "jobs");
    qlab_code rc = QLAB_OK;

    if (qlab_file_exists(jobs))
        rc = qlab_dir_list(jobs, &names, &n, err);
    qlab_hex(g->plan, hex);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        qlab_err ignored = QLAB_ERR_INIT;
        json_t *plan = NULL;
        char *dir = qlab_path_join(jobs, names[i]), *path = qlab_path_join(dir, "plan.json");
        if (qlab_file_exists(path) && qlab_json_load(path, &plan, &ignored) == QLAB_OK) {
            const char *name = json_string_value(json_object_get(plan, "name"));
            const char *of = json_string_value(json_object_get(plan, "plan"));
            const bool current = keep_plan && of != NULL && strcmp(of, hex) == 0;
            if (name != NULL && strcmp(name, "ingest") == 0 && !current)
                rc = qlab_job_folder_remove(dir, err);
        }
        json_decref(plan);
        qlab_free(path);
        qlab_free(dir);
    }
    qlab_dir_list_free(names, n);
    qlab_free(jobs);
    return rc;
}
