/* A set for the newest snapshot, as an earlier one was built; see set.h. */
#include "feature/set.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "feature/manifest.h"
#include <string.h>

/* Options that made a set; strings borrowed from the manifest, columns from *list (owned). */
static qlab_code options_of(const json_t *manifest, const char *id, qlab_features_options *o,
                            char **list, qlab_err *err)
{
    json_t *p, *columns;
    const char *from, *to, *entry, *asof;
    int64_t every;
    qlab_code code = qlab_json_get_object(manifest, id, "parameters", &p, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(manifest, id, "asof_date", &asof, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(p, id, "from", &from, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(p, id, "to", &to, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(p, id, "entry", &entry, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(p, id, "every", &every, err);
    if (code == QLAB_OK)
        code = qlab_json_get_array(p, id, "columns", &columns, err);
    if (code != QLAB_OK)
        return code;
    if (!qlab_date_parse(from, strlen(from), &o->from) ||
        !qlab_date_parse(to, strlen(to), &o->to) || every < 1 || every > UINT32_MAX)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: its parameters could not be read", id);
    if (strcmp(to, asof) == 0)
        o->to = QLAB_DATE_NONE;
    o->every = (uint32_t)every;
    o->entry = strcmp(entry, qlab_entry_name(QLAB_LABEL_NEXT_CLOSE)) == 0 ? QLAB_LABEL_NEXT_CLOSE
                                                                          : QLAB_LABEL_NEXT_OPEN;
    qlab_buf b = QLAB_BUF_INIT;
    size_t i;
    const json_t *name;
    json_array_foreach(columns, i, name)
    {
        if (i > 0)
            qlab_buf_puts(&b, ",");
        qlab_buf_puts(&b, json_string_value(name));
    }
    *list = b.at;
    o->columns = b.at;
    return QLAB_OK;
}

/* ---- nothing to do ----------------------------------------------------------------------------
 */

/* The digest of a snapshot's content, from its head alone. */
static qlab_code content_of(const qlab_env *env, const char *id, char hex[QLAB_HEX_BYTES],
                            qlab_err *err)
{
    json_t *head = NULL, *inputs = NULL, *content = NULL;
    char *path = qlab_asprintf("%s/snapshots/snapshot_id=%s/snapshot_head.json", env->root, id);
    qlab_code code = qlab_json_load(path, &head, err);
    if (code == QLAB_OK)
        code = qlab_json_get_object(head, path, "inputs", &inputs, err);
    if (code == QLAB_OK)
        code = qlab_json_get_object(inputs, path, "content", &content, err);
    if (code == QLAB_OK)
        qlab_hex(qlab_json_digest(content), hex);
    json_decref(head);
    qlab_free(path);
    return code;
}

static bool says(const json_t *o, const char *key, const char *text)
{
    const char *has = json_string_value(json_object_get(o, key));
    return has != NULL && strcmp(has, text) == 0;
}

/* True where the set was built on this snapshot's content by this version of everything: an update
 * would name it again. */
static qlab_code stands_already(const qlab_env *env, const char *set, const char *snapshot,
                                bool *stands, qlab_features_made *out, qlab_err *err)
{
    char hex[QLAB_HEX_BYTES];
    char *path = qlab_asprintf("%s/features/sets/%s/feature_set_head.json", env->root, set);
    json_t *head = NULL;
    *stands = false;
    qlab_code code = QLAB_OK;
    if (!qlab_file_exists(path)) /* made before heads were written: built, and compared, in full */
        goto done;
    code = qlab_json_load(path, &head, err);
    if (code == QLAB_OK)
        code = content_of(env, snapshot, hex, err);
    if (code != QLAB_OK)
        goto done;
    const json_t *of = json_object_get(json_object_get(head, "inputs"), "snapshot");
    const json_t *counts = json_object_get(head, "counts");
    *stands = says(of, "digest", hex) &&
              says(head, "catalogue_version", qlab_catalogue_builtin()->version) &&
              says(head, "label_version", QLAB_LABEL_VERSION) &&
              says(head, "eligibility_version", QLAB_ELIGIBILITY_VERSION) &&
              json_integer_value(json_object_get(head, "results_version")) == QLAB_RESULTS_VERSION;
    if (*stands) {
        out->id = qlab_strdup(set);
        out->path = qlab_set_manifest_path("", set);
        out->existed = true;
        out->n_parts = (uint64_t)json_integer_value(json_object_get(counts, "parts"));
        out->n_rows = (uint64_t)json_integer_value(json_object_get(counts, "rows"));
        out->manifest = json_incref(head);
    }
done:
    json_decref(head);
    qlab_free(path);
    return code;
}

qlab_code qlab_features_update(const qlab_env *env, const char *id, const char *snapshot,
                               qlab_features_made *out, qlab_err *err)
{
    memset(out, 0, sizeof *out);
    char *whole = NULL, *list = NULL, *snap = NULL;
    json_t *manifest = NULL;
    bool stands = false;
    qlab_features_options o = qlab_features_options_default();
    qlab_code code = qlab_features_resolve(env, id ? id : "latest", &whole, err);
    if (code == QLAB_OK)
        code = qlab_snapshot_resolve(env, snapshot ? snapshot : "latest", &snap, err);
    if (code == QLAB_OK)
        code = stands_already(env, whole, snap, &stands, out, err);
    if (code != QLAB_OK || stands)
        goto done;
    o.snapshot = snap;
    code = qlab_features_manifest(env, whole, &manifest, err);
    if (code == QLAB_OK)
        code = options_of(manifest, whole, &o, &list, err);
    if (code == QLAB_OK)
        code = qlab_features_build_from(env, &o, whole, out, err);
done:
    qlab_free(list);
    json_decref(manifest);
    qlab_free(snap);
    qlab_free(whole);
    return code;
}
