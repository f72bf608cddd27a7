#define _XOPEN_SOURCE 700 /* realpath */

#include "ops/scratch.h"

#include "base/alloc.h"
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const FOLDERS[] = {"lake", "snapshots", "features"};

typedef struct taker {
    const char *root, *folder; /* folder NULL: only look */
    bool copy_all;
    qlab_scratch *out;
    qlab_sha256 *state;
} taker;

static bool is_parquet(const char *name)
{
    const size_t n = strlen(name);
    return n > 8 && strcmp(name + n - 8, ".parquet") == 0;
}

static qlab_code copy_file(taker *t, const char *from, const char *to, qlab_err *err)
{
    qlab_buf bytes = QLAB_BUF_INIT;
    qlab_code rc = qlab_file_read(from, &bytes, err);
    if (rc == QLAB_OK)
        rc = qlab_file_write(to, bytes.n > 0 ? bytes.at : "", bytes.n, err);
    t->out->n_copied++;
    t->out->bytes_copied += bytes.n;
    qlab_buf_free(&bytes);
    return rc;
}

static qlab_code take_file(taker *t, const char *path, const char *name, qlab_err *err)
{
    char *from = qlab_path_join(t->root, path), *to = NULL;
    qlab_file_info info;
    qlab_code rc = qlab_file_stat(from, &info, err);
    if (rc == QLAB_OK) {
        qlab_sha256_put_str(t->state, path, strlen(path));
        qlab_sha256_put_u64(t->state, info.n_bytes);
        qlab_sha256_put_u64(t->state, (uint64_t)info.mtime_ns);
        qlab_sha256_put_u64(t->state, info.inode);
    }
    if (rc == QLAB_OK && t->folder != NULL) {
        to = qlab_path_join(t->folder, path);
        if (is_parquet(name) && !t->copy_all) {
            if (link(from, to) == 0)
                t->out->n_linked++;
            else if (errno == EXDEV || errno == EPERM || errno == EMLINK || errno == ENOTSUP) {
                t->copy_all = errno != EMLINK; /* a file may have too many names, others not */
                rc = copy_file(t, from, to, err);
            } else
                rc = qlab_fail_errno(err, errno, "could not link %s", to);
        } else {
            rc = copy_file(t, from, to, err);
        }
    }
    qlab_free(to);
    qlab_free(from);
    return rc;
}

/* Locks (".lock", ".lock.held") belong to the processes at the root. */
static qlab_code take_folder(taker *t, const char *path, qlab_err *err)
{
    char **names = NULL, *from = qlab_path_join(t->root, path);
    size_t n = 0;
    qlab_code rc = qlab_dir_list(from, &names, &n, err);
    if (rc == QLAB_OK && t->folder != NULL) {
        char *to = qlab_path_join(t->folder, path);
        rc = qlab_dir_make(to, err);
        qlab_free(to);
    }
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        if (names[i][0] == '.')
            continue;
        char *sub = qlab_path_join(path, names[i]), *whole = qlab_path_join(t->root, sub);
        qlab_file_info info;
        rc = qlab_file_stat(whole, &info, err);
        if (rc == QLAB_OK)
            rc = info.is_dir ? take_folder(t, sub, err) : take_file(t, sub, names[i], err);
        qlab_free(whole);
        qlab_free(sub);
    }
    qlab_dir_list_free(names, n);
    qlab_free(from);
    return rc;
}

static qlab_code take_all(taker *t, qlab_digest *state, qlab_err *err)
{
    qlab_code rc = QLAB_OK;
    t->state = qlab_sha256_new();
    for (size_t i = 0; i < sizeof FOLDERS / sizeof *FOLDERS && rc == QLAB_OK; i++) {
        char *top = qlab_path_join(t->root, FOLDERS[i]);
        if (qlab_file_exists(top))
            rc = take_folder(t, FOLDERS[i], err);
        qlab_free(top);
    }
    *state = qlab_sha256_end(t->state);
    qlab_sha256_free(t->state);
    return rc;
}

qlab_code qlab_scratch_root_state(const char *root, qlab_digest *out, qlab_err *err)
{
    taker t = {.root = root};
    return take_all(&t, out, err);
}

/* A folder below the root would be part of it. */
static qlab_code check_folder(const char *root, const char *folder, qlab_err *err)
{
    char **names = NULL;
    size_t n = 0;
    qlab_code rc = qlab_dir_make(folder, err);
    if (rc == QLAB_OK)
        rc = qlab_dir_list(folder, &names, &n, err);
    qlab_dir_list_free(names, n);
    if (rc != QLAB_OK)
        return rc;
    if (n > 0)
        return qlab_fail(err, QLAB_E_USAGE, "%s was not empty: give a new folder", folder);
    char *a = realpath(root, NULL), *b = realpath(folder, NULL);
    if (a == NULL || b == NULL)
        rc = qlab_fail_errno(err, errno, "could not find %s", a == NULL ? root : folder);
    else if (strncmp(a, b, strlen(a)) == 0 && (b[strlen(a)] == '/' || b[strlen(a)] == '\0'))
        rc = qlab_fail(err, QLAB_E_USAGE, "%s lies inside the root %s: give another folder", folder,
                       root);
    free(a); /* of realpath */
    free(b);
    return rc;
}

qlab_code qlab_scratch_make(const char *root, const char *folder, qlab_scratch *out, qlab_err *err)
{
    taker t = {.root = root, .folder = folder, .out = out};
    qlab_digest after;
    *out = (qlab_scratch){0};
    qlab_code rc = check_folder(root, folder, err);
    if (rc == QLAB_OK)
        rc = take_all(&t, &out->root_state, err);
    if (rc == QLAB_E_NOT_FOUND) { /* a file went away between its listing and its turn */
        qlab_err_reset(err);
        return qlab_fail(err, QLAB_E_LOCKED, "%s was written meanwhile: run it again", root);
    }
    if (rc != QLAB_OK)
        return rc;
    char *acks = qlab_path_join(root, "ops/acks.ndjson");
    if (qlab_file_exists(acks)) {
        char *ops = qlab_path_join(folder, "ops"), *to = qlab_path_join(ops, "acks.ndjson");
        rc = qlab_dir_make(ops, err);
        if (rc == QLAB_OK)
            rc = copy_file(&t, acks, to, err);
        qlab_free(to);
        qlab_free(ops);
    }
    qlab_free(acks);
    if (rc == QLAB_OK)
        rc = qlab_scratch_root_state(root, &after, err);
    if (rc == QLAB_OK && qlab_digest_cmp(&after, &out->root_state) != 0)
        rc = qlab_fail(err, QLAB_E_LOCKED, "%s was written meanwhile: run it again", root);
    return rc;
}
