/* lake/head.json: which commit is the newest, and the hash of its file.
 *
 * Every commit holds its parent's hash, so an edited old commit is seen at the next one; the newest
 * has none behind it.  The head says what it was, and that it was the newest: so an edit of it, its
 * removal and an older lake put in its place are seen.  It is written before the commit, naming
 * that as `next`, and after it; a kill in between leaves both possible, and the next writer settles
 * it. */
#include "lake/lake_int.h"

#include "base/alloc.h"
#include "base/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEAD_PATH "lake/head.json"

static qlab_code read_one(const json_t *o, uint32_t *commit, char sha256[QLAB_HEX_BYTES],
                          qlab_err *err)
{
    const char *hex = NULL;
    int64_t v = 0;

    if (qlab_json_get_i64(o, HEAD_PATH, "commit", &v, err) != QLAB_OK ||
        qlab_json_get_str(o, HEAD_PATH, "sha256", &hex, err) != QLAB_OK)
        return err->code;
    if (v < 0 || v > UINT32_MAX || strlen(hex) >= QLAB_HEX_BYTES)
        return qlab_fail(err, QLAB_E_CORRUPT, HEAD_PATH ": commit %" PRId64 " was not understood",
                         v);
    *commit = (uint32_t)v;
    memcpy(sha256, hex, strlen(hex) + 1);
    return QLAB_OK;
}

static qlab_code read_head(const char *root, qlab_lake_head *out, qlab_err *err)
{
    char *path = qlab_path_join(root, HEAD_PATH);
    const char *schema = NULL;
    json_t *doc = NULL;
    qlab_code rc = QLAB_OK;

    *out = (qlab_lake_head){.there = false};
    if (!qlab_file_exists(path))
        goto done;
    out->there = true;
    rc = qlab_json_load(path, &doc, err);
    if (rc == QLAB_OK)
        rc = qlab_json_get_str(doc, HEAD_PATH, "schema", &schema, err);
    if (rc == QLAB_OK && strcmp(schema, "lake_head/1") != 0)
        rc = qlab_fail(err, QLAB_E_CORRUPT, HEAD_PATH ": schema was \"%s\", not \"lake_head/1\"",
                       schema);
    if (rc == QLAB_OK)
        rc = read_one(doc, &out->commit, out->sha256, err);
    if (rc == QLAB_OK && json_object_get(doc, "next") != NULL)
        rc = read_one(json_object_get(doc, "next"), &out->next, out->next_sha256, err);
done:
    json_decref(doc);
    qlab_free(path);
    return rc;
}

qlab_code qlab_lake_head_write(const char *root, const qlab_lake_head *h, qlab_err *err)
{
    char *path = qlab_path_join(root, HEAD_PATH);
    json_t *doc = json_object();

    json_object_set_new(doc, "schema", json_string("lake_head/1"));
    json_object_set_new(doc, "results_version", json_integer(QLAB_RESULTS_VERSION));
    json_object_set_new(doc, "commit", json_integer(h->commit));
    json_object_set_new(doc, "sha256", json_string(h->sha256));
    if (h->next > 0) {
        json_t *next = json_object();
        json_object_set_new(next, "commit", json_integer(h->next));
        json_object_set_new(next, "sha256", json_string(h->next_sha256));
        json_object_set_new(doc, "next", next);
    }
    const qlab_code rc = qlab_json_write(path, doc, err);
    json_decref(doc);
    qlab_free(path);
    return rc;
}

/* The newest commit that lies there, and its hash; 0 and "". */
static qlab_code newest(const char *root, uint32_t *commit, char sha256[QLAB_HEX_BYTES],
                        qlab_err *err)
{
    uint32_t *numbers = NULL;
    size_t n = 0;

    *commit = 0;
    sha256[0] = '\0';
    qlab_code rc = qlab_lake_commits(root, &numbers, &n, err);
    if (rc == QLAB_OK && n > 0) {
        char *path = qlab_lake_commit_path(root, numbers[n - 1]);
        qlab_digest digest;
        rc = qlab_sha256_file(path, &digest, NULL, err);
        if (rc == QLAB_OK) {
            *commit = numbers[n - 1];
            qlab_hex(digest, sha256);
        }
        qlab_free(path);
    }
    qlab_free(numbers);
    return rc;
}

static qlab_code judge(const qlab_lake_head *h, uint32_t commit, const char *sha256, qlab_err *err)
{
    const bool is_next = h->next > 0 && commit == h->next;
    const char *want = is_next ? h->next_sha256 : h->sha256;

    if (!h->there)
        return commit == 0 ? QLAB_OK
                           : qlab_fail(err, QLAB_E_CORRUPT,
                                       HEAD_PATH " was missing: nothing says that commit %" PRIu32
                                                 " is the newest, nor what it was",
                                       commit);
    if (commit != h->commit && !is_next)
        return qlab_fail(err, QLAB_E_CORRUPT,
                         "the newest commit was %" PRIu32 ", " HEAD_PATH " says %" PRIu32
                         ": commits were taken away or put in",
                         commit, h->commit);
    if (strcmp(sha256, want) != 0)
        return qlab_fail(err, QLAB_E_CORRUPT,
                         "commit %" PRIu32 " had the hash %.16s..., " HEAD_PATH " says %.16s...",
                         commit, sha256, want);
    return QLAB_OK;
}

qlab_code qlab_lake_head_check(const char *root, qlab_err *err)
{
    char sha256[QLAB_HEX_BYTES];
    qlab_lake_head h;
    uint32_t commit = 0;

    qlab_code rc = read_head(root, &h, err);
    if (rc == QLAB_OK)
        rc = newest(root, &commit, sha256, err);
    return rc == QLAB_OK ? judge(&h, commit, sha256, err) : rc;
}

qlab_code qlab_lake_head_settle(const char *root, qlab_err *err)
{
    char sha256[QLAB_HEX_BYTES];
    qlab_lake_head h;
    uint32_t commit = 0;

    qlab_code rc = read_head(root, &h, err);
    if (rc == QLAB_OK)
        rc = newest(root, &commit, sha256, err);
    /* A missing head is a finding of verify; the next commit makes one. */
    if (rc == QLAB_OK && h.there)
        rc = judge(&h, commit, sha256, err);
    if (rc != QLAB_OK || !h.there || h.next == 0)
        return rc;
    h = (qlab_lake_head){.there = true, .commit = commit};
    memcpy(h.sha256, sha256, sizeof h.sha256);
    return qlab_lake_head_write(root, &h, err);
}
