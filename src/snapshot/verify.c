#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "snapshot/internal.h"
#include <stdarg.h>
#include <string.h>

typedef struct verifier {
    void (*say)(void *ctx, const char *finding);
    void *ctx;
    size_t n;
} verifier;

static void found(verifier *v, const char *fmt, ...) QLAB_PRINTF(2, 3);
static void found(verifier *v, const char *fmt, ...)
{
    qlab_buf text = QLAB_BUF_INIT;
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    qlab_buf_puts(&text, line);
    v->n++;
    v->say(v->ctx, text.at);
    qlab_buf_free(&text);
}

static void say_lake(void *ctx, const char *finding)
{
    verifier *v = ctx;
    found(v, "lake: %s", finding);
}

/* Bytes of every file against the manifest, and nothing beside them. */
static void check_files(verifier *v, const char *dir, const json_t *manifest)
{
    const char *name;
    json_t *entry;
    json_object_foreach(json_object_get(manifest, "files"), name, entry)
    {
        qlab_err err = QLAB_ERR_INIT;
        char *path = qlab_path_join(dir, name), hex[QLAB_HEX_BYTES];
        qlab_digest digest;
        uint64_t n_bytes = 0;
        const char *want = json_string_value(json_object_get(entry, "sha256"));
        if (qlab_sha256_file(path, &digest, &n_bytes, &err) != QLAB_OK)
            found(v, "%s: %s", name, err.text);
        else if (want == NULL || strcmp(want, qlab_hex(digest, hex)) != 0)
            found(v, "%s: sha256 was %s, the manifest says %s", name, hex, want ? want : "nothing");
        qlab_free(path);
    }
}

static void compare_digest(verifier *v, const json_t *content, const char *key, const json_t *now)
{
    const char *was = json_string_value(json_object_get(content, key));
    const char *is = json_string_value(json_object_get(now, key));
    if (was == NULL || is == NULL || strcmp(was, is) != 0)
        found(v, "content digest of %s is %s, the manifest says %s", key, is ? is : "missing",
              was ? was : "nothing");
}

/* The id is the hash of the content object, and the folder carries the id. */
static void check_id(verifier *v, const char *id, const json_t *manifest)
{
    const json_t *content = json_object_get(json_object_get(manifest, "inputs"), "content");
    const char *asof = json_string_value(json_object_get(content, "asof"));
    const char *digest = json_string_value(json_object_get(manifest, "content_digest"));
    char hex[QLAB_HEX_BYTES];
    if (content == NULL || asof == NULL || digest == NULL) {
        found(v, "the manifest lacks inputs.content, its asof or content_digest");
        return;
    }
    qlab_hex(qlab_json_digest(content), hex);
    if (strcmp(hex, digest) != 0)
        found(v, "content_digest was %s, inputs.content hashes to %s", digest, hex);
    char *want = qlab_asprintf("%s_%.12s", asof, hex);
    const char *named = json_string_value(json_object_get(manifest, "snapshot_id"));
    if (strcmp(want, id) != 0 || named == NULL || strcmp(named, id) != 0)
        found(v, "the id was %s, its content says %s", id, want);
    qlab_free(want);
}

/* Digests that can be taken again without walking the series. */
static qlab_code check_bars(verifier *v, const qlab_env *env, const json_t *manifest,
                            const qlab_lake_view *lake, qlab_err *err)
{
    const json_t *content = json_object_get(json_object_get(manifest, "inputs"), "content");
    const char *asof = json_string_value(json_object_get(content, "asof"));
    int32_t date = 0;
    if (asof == NULL || !qlab_date_parse(asof, strlen(asof), &date)) {
        found(v, "inputs.content.asof was no date");
        return QLAB_OK;
    }
    qlab_digest bars;
    char hex[QLAB_HEX_BYTES];
    qlab_code code = qlab_lake_bars_digest(env, lake, date, &bars, err);
    if (code != QLAB_OK)
        return code;
    json_t *now = json_object();
    json_object_set_new(now, "bars", json_string(qlab_hex(bars, hex)));
    compare_digest(v, content, "bars", now);
    json_decref(now);
    return QLAB_OK;
}

qlab_code qlab_snapshot_verify(const qlab_env *env, const char *id,
                               void (*say)(void *ctx, const char *finding), void *ctx,
                               size_t *n_findings, qlab_err *err)
{
    verifier v = {say, ctx, 0};
    char *whole = NULL, *dir = NULL, *path = NULL;
    json_t *manifest = NULL;
    qlab_lake_view *lake = NULL;
    int64_t commit = 0;
    size_t n_lake = 0;
    qlab_code code = qlab_snapshot_resolve(env, id, &whole, err);
    if (code != QLAB_OK)
        goto done;
    dir = qlab_asprintf("%s/snapshots/" QLAB_SNAPSHOT_PREFIX "%s", env->root, whole);
    path = qlab_path_join(dir, "snapshot_manifest.json");
    code = qlab_json_load(path, &manifest, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(manifest, path, "commit", &commit, err);
    if (code != QLAB_OK)
        goto done;
    check_files(&v, dir, manifest);
    check_id(&v, whole, manifest);
    if (commit < 1 || commit > UINT32_MAX) {
        found(&v, "commit %lld could not be", (long long)commit);
        goto done;
    }
    code = qlab_lake_verify(env, (uint32_t)commit, say_lake, &v, &n_lake, err);
    if (code == QLAB_OK)
        code = qlab_lake_view_open(env, (uint32_t)commit, &lake, err);
    if (code == QLAB_OK)
        code = check_bars(&v, env, manifest, lake, err);
done:
    *n_findings = v.n;
    qlab_lake_view_close(lake);
    json_decref(manifest);
    qlab_free(path);
    qlab_free(dir);
    qlab_free(whole);
    return code;
}
