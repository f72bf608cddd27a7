/* The folder of a snapshot, put in place whole, and the memo of the plan that made it. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "ops/run.h"
#include "snapshot/internal.h"
#include <string.h>

/* Writes a JSON file of the folder and names its bytes in `files`; takes the reference of v. */
static qlab_code put_json(const char *dir, const char *name, json_t *v, json_t *files,
                          qlab_err *err)
{
    char *path = qlab_path_join(dir, name), hex[QLAB_HEX_BYTES];
    qlab_digest digest;
    uint64_t n_bytes = 0;
    qlab_code code = qlab_json_write(path, v, err);
    if (code == QLAB_OK)
        code = qlab_sha256_file(path, &digest, &n_bytes, err);
    if (code == QLAB_OK && files != NULL) {
        json_t *f = json_object();
        json_object_set_new(f, "bytes", json_integer((json_int_t)n_bytes));
        json_object_set_new(f, "sha256", json_string(qlab_hex(digest, hex)));
        json_object_set_new(files, name, f);
    }
    json_decref(v);
    qlab_free(path);
    return code;
}

static qlab_code write_folder(const qlab_build *b, const char *id, const qlab_content *content,
                              const char *dir, json_t **manifest, qlab_err *err)
{
    json_t *files = json_object();
    qlab_code code = qlab_dir_remove_tree(dir, err);
    if (code == QLAB_OK)
        code = qlab_dir_make(dir, err);
    if (code == QLAB_OK)
        code = qlab_build_write_tables(b, dir, files, err);
    if (code == QLAB_OK)
        code = put_json(dir, "contract_layers_manifest.json", qlab_build_layers(b, id, content),
                        files, err);
    if (code == QLAB_OK)
        code = put_json(dir, "snapshot_head.json", qlab_build_head(b, id, content), files, err);
    if (code == QLAB_OK) {
        *manifest = qlab_build_manifest(b, id, content, files);
        code = put_json(dir, "snapshot_manifest.json", json_incref(*manifest), NULL, err);
    }
    json_decref(files);
    return code;
}

static char *snapshot_dir(const qlab_env *env, const char *id)
{
    return qlab_asprintf("%s/snapshots/" QLAB_SNAPSHOT_PREFIX "%s", env->root, id);
}

static char *memo_path(const qlab_env *env, qlab_digest plan)
{
    char hex[17];
    return qlab_asprintf("%s/snapshots/plans/%s.json", env->root, qlab_hex_short(plan, 16, hex));
}

/* True when this very plan made a snapshot that still stands: then out names it. */
bool qlab_build_find_memo(const qlab_env *env, qlab_digest plan, qlab_snapshot_made *out)
{
    qlab_err ignored = QLAB_ERR_INIT;
    char *path = memo_path(env, plan), hex[QLAB_HEX_BYTES];
    json_t *memo = NULL;
    bool found = false;
    if (qlab_file_exists(path) && qlab_json_load(path, &memo, &ignored) == QLAB_OK) {
        const char *id = json_string_value(json_object_get(memo, "snapshot_id"));
        const char *whole = json_string_value(json_object_get(memo, "plan"));
        if (id != NULL && whole != NULL && strcmp(whole, qlab_hex(plan, hex)) == 0) {
            char *dir = snapshot_dir(env, id);
            char *manifest = qlab_path_join(dir, "snapshot_manifest.json");
            if (qlab_json_load(manifest, &out->manifest, &ignored) == QLAB_OK) {
                out->id = qlab_strdup(id);
                out->dir = dir;
                out->existed = found = true;
                dir = NULL;
            }
            qlab_free(manifest);
            qlab_free(dir);
        }
    }
    json_decref(memo);
    qlab_free(path);
    return found;
}

qlab_code qlab_build_write_memo(const qlab_env *env, qlab_digest plan, const char *id,
                                qlab_err *err)
{
    char *path = memo_path(env, plan), *folder = qlab_path_join(env->root, "snapshots/plans");
    char hex[QLAB_HEX_BYTES];
    json_t *memo = json_object();
    json_object_set_new(memo, "schema", json_string("snapshot_plan/1"));
    json_object_set_new(memo, "plan", json_string(qlab_hex(plan, hex)));
    json_object_set_new(memo, "snapshot_id", json_string(id));
    qlab_code code = qlab_dir_make(folder, err);
    if (code == QLAB_OK)
        code = qlab_json_write(path, memo, err);
    json_decref(memo);
    qlab_free(folder);
    qlab_free(path);
    return code;
}

/* Holds what a full build made to the snapshot that stands: the same files, byte for byte. */
static qlab_code compare_built(const json_t *built, const json_t *standing, const char *id,
                               qlab_err *err)
{
    const char *name;
    json_t *file;
    const json_t *other = json_object_get(standing, "files");
    json_object_foreach(json_object_get(built, "files"), name, file)
    {
        if (strstr(name, ".parquet") == NULL)
            continue; /* names its commit: another one may have had the same content */
        const char *is = json_string_value(json_object_get(file, "sha256"));
        const char *was =
            json_string_value(json_object_get(json_object_get(other, name), "sha256"));
        if (is == NULL || was == NULL || strcmp(is, was) != 0)
            return qlab_fail(err, QLAB_E_CORRUPT,
                             "%s of snapshot %s had sha256 %s, a build from the whole history gave "
                             "%s: remove snapshots/state and the snapshot, and report this",
                             name, id, was ? was : "nothing", is ? is : "nothing");
    }
    return QLAB_OK;
}

qlab_code qlab_build_publish(const qlab_build *b, const qlab_content *content, const qlab_job *job,
                             qlab_snapshot_made *out, qlab_err *err)
{
    char hex[13], day[QLAB_DATE_BYTES];
    json_t *hashed =
        qlab_content_json(content, b->asof, b->view->price_basis, b->view->volume_basis);
    out->id = qlab_asprintf("%s_%s", qlab_date_format(b->asof, day),
                            qlab_hex_short(qlab_json_digest(hashed), 12, hex));
    json_decref(hashed);
    out->dir = snapshot_dir(b->env, out->id);
    char *built = qlab_path_join(qlab_job_dir(job), "folder");
    char *manifest = qlab_path_join(out->dir, "snapshot_manifest.json");
    qlab_code code = QLAB_OK;
    if (qlab_file_exists(out->dir)) {
        json_t *full = NULL;
        out->existed = true;
        code = qlab_json_load(manifest, &out->manifest, err);
        if (code == QLAB_OK && b->o.full)
            code = write_folder(b, out->id, content, built, &full, err);
        if (code == QLAB_OK && b->o.full)
            code = compare_built(full, out->manifest, out->id, err);
        json_decref(full);
    } else {
        code = write_folder(b, out->id, content, built, &out->manifest, err);
        if (code == QLAB_OK) { /* nothing is written into the folder once it is in place */
            char *built_manifest = qlab_path_join(built, "snapshot_manifest.json");
            json_t *record = qlab_run_record(b->env, qlab_job_seconds(job));
            json_object_set_new(record, "bars_read", json_integer((json_int_t)b->n_bars_read));
            code = qlab_run_record_write(built_manifest, record, err);
            json_decref(record);
            qlab_free(built_manifest);
        }
        if (code == QLAB_OK)
            code = qlab_folder_publish(built, out->dir, err);
    }
    qlab_free(manifest);
    qlab_free(built);
    return code;
}
