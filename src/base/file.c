#include "base/file.h"
#include "base/alloc.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TMP_PREFIX ".tmp-"

char *qlab_path_join(const char *a, const char *b)
{
    const size_t n = strlen(a);
    if (n == 0 || b[0] == '/')
        return qlab_strdup(b);
    return qlab_asprintf(a[n - 1] == '/' ? "%s%s" : "%s/%s", a, b);
}

const char *qlab_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The folder that holds path; owned by the caller. */
static char *folder_of(const char *path)
{
    const char *base = qlab_path_base(path);
    if (base == path)
        return qlab_strdup(".");
    const size_t n = (size_t)(base - path);
    return qlab_strndup(path, n > 1 ? n - 1 : 1);
}

bool qlab_file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

qlab_code qlab_file_stat(const char *path, qlab_file_info *out, qlab_err *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return qlab_fail_errno(err, errno, "could not look at %s", path);
    out->n_bytes = st.st_size > 0 ? (uint64_t)st.st_size : 0;
#ifdef __APPLE__
    out->mtime_ns = (int64_t)st.st_mtimespec.tv_sec * 1000000000 + st.st_mtimespec.tv_nsec;
#else
    out->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
#endif
    out->inode = (uint64_t)st.st_ino;
    out->is_dir = S_ISDIR(st.st_mode);
    return QLAB_OK;
}

qlab_code qlab_file_read(const char *path, qlab_buf *out, qlab_err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return qlab_fail_errno(err, errno, "could not open %s", path);

    qlab_code rc = QLAB_OK;
    struct stat st;
    if (fstat(fd, &st) != 0) {
        rc = qlab_fail_errno(err, errno, "could not look at %s", path);
        goto done;
    }
    if (S_ISDIR(st.st_mode)) {
        rc = qlab_fail(err, QLAB_E_IO, "could not read %s: it is a folder", path);
        goto done;
    }
    size_t step = st.st_size > 0 ? (size_t)st.st_size + 1 : 65536;
    for (;;) {
        qlab_buf_reserve(out, step);
        const ssize_t n = read(fd, out->at + out->n, out->cap - out->n - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            rc = qlab_fail_errno(err, errno, "could not read %s", path);
            goto done;
        }
        if (n == 0)
            break;
        out->n += (size_t)n;
        step = 65536;
    }
    out->at[out->n] = '\0';
done:
    close(fd);
    return rc;
}

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static qlab_code sync_folder(const char *folder, qlab_err *err)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return qlab_fail_errno(err, errno, "could not open the folder %s", folder);
    qlab_code rc = QLAB_OK;
    /* Some file systems cannot sync a folder and say EINVAL; there is nothing to do there. */
    if (fsync(fd) != 0 && errno != EINVAL)
        rc = qlab_fail_errno(err, errno, "could not sync the folder %s", folder);
    close(fd);
    return rc;
}

qlab_code qlab_dir_make(const char *path, qlab_err *err)
{
    qlab_code rc = QLAB_OK;
    char *p = qlab_strdup(path);
    const size_t n = strlen(p);
    for (size_t i = 1; i <= n; i++) {
        if (p[i] != '/' && p[i] != '\0')
            continue;
        const char was = p[i];
        p[i] = '\0';
        if (mkdir(p, 0777) == 0) {
            char *parent = folder_of(p);
            rc = sync_folder(parent, err);
            qlab_free(parent);
        } else {
            const int why = errno; /* before is_dir changes it */
            if (why != EEXIST && !is_dir(p))
                rc = qlab_fail_errno(err, why, "could not make the folder %s", p);
            else if (!is_dir(p))
                rc = qlab_fail(err, QLAB_E_IO, "could not make the folder %s: a file has that name",
                               p);
        }
        p[i] = was;
        if (rc != QLAB_OK)
            break;
    }
    qlab_free(p);
    return rc;
}

static int cmp_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static qlab_code list_names(const char *path, bool with_tmp, char ***names, size_t *n,
                            qlab_err *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return qlab_fail_errno(err, errno, "could not open the folder %s", path);
    char **list = NULL;
    size_t count = 0, cap = 0;
    qlab_code rc = QLAB_OK;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            if (errno != 0)
                rc = qlab_fail_errno(err, errno, "could not list the folder %s", path);
            break;
        }
        const bool is_tmp = strncmp(entry->d_name, TMP_PREFIX, sizeof TMP_PREFIX - 1) == 0;
        if (is_dot(entry->d_name) || (is_tmp && !with_tmp))
            continue;
        void *grown = list;
        qlab_grow(&grown, &cap, count + 1, sizeof *list);
        list = grown;
        list[count++] = qlab_strdup(entry->d_name);
    }
    closedir(dir);
    if (rc != QLAB_OK) {
        qlab_dir_list_free(list, count);
        return rc;
    }
    if (count)
        qsort(list, count, sizeof *list, cmp_names);
    *names = list;
    *n = count;
    return QLAB_OK;
}

qlab_code qlab_dir_list(const char *path, char ***names, size_t *n, qlab_err *err)
{
    return list_names(path, false, names, n, err);
}

void qlab_dir_list_free(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        qlab_free(names[i]);
    qlab_free(names);
}

/* A link is never followed: what it points to is not ours. */
static bool is_real_dir(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

qlab_code qlab_file_sweep_tmp(const char *path, size_t *n_removed, qlab_err *err)
{
    size_t removed = 0;
    char **names = NULL;
    size_t n = 0;
    if (n_removed)
        *n_removed = 0;
    qlab_code rc = list_names(path, true, &names, &n, err);
    if (rc != QLAB_OK)
        return rc;
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        char *child = qlab_path_join(path, names[i]);
        const bool is_tmp = strncmp(names[i], TMP_PREFIX, sizeof TMP_PREFIX - 1) == 0;
        if (is_real_dir(child)) {
            if (is_tmp) {
                rc = qlab_dir_remove_tree(child, err);
                removed += rc == QLAB_OK;
            } else {
                size_t below = 0;
                rc = qlab_file_sweep_tmp(child, &below, err);
                removed += below;
            }
        } else if (is_tmp) {
            rc = qlab_file_remove(child, err);
            removed += rc == QLAB_OK;
        }
        qlab_free(child);
    }
    qlab_dir_list_free(names, n);
    if (n_removed)
        *n_removed = removed;
    return rc;
}

qlab_code qlab_file_sweep_tmp_of(const char *path, qlab_err *err)
{
    char **names = NULL;
    size_t n = 0;
    char *folder = folder_of(path);
    char *start = qlab_asprintf(TMP_PREFIX "%s-", qlab_path_base(path));
    qlab_code rc = list_names(folder, true, &names, &n, err);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        if (strncmp(names[i], start, strlen(start)) != 0)
            continue;
        char *child = qlab_path_join(folder, names[i]);
        rc = qlab_file_remove(child, err);
        qlab_free(child);
    }
    qlab_dir_list_free(names, n);
    qlab_free(start);
    qlab_free(folder);
    return rc;
}

qlab_code qlab_file_remove(const char *path, qlab_err *err)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return qlab_fail_errno(err, errno, "could not remove %s", path);
    return QLAB_OK;
}

qlab_code qlab_dir_remove_tree(const char *path, qlab_err *err)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        if (errno == ENOENT)
            return QLAB_OK;
        return qlab_fail_errno(err, errno, "could not look at %s", path);
    }
    if (!S_ISDIR(st.st_mode))
        return qlab_file_remove(path, err);

    char **names = NULL;
    size_t n = 0;
    qlab_code rc = list_names(path, true, &names, &n, err);
    if (rc != QLAB_OK)
        return rc;
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        char *child = qlab_path_join(path, names[i]);
        rc = qlab_dir_remove_tree(child, err);
        qlab_free(child);
    }
    qlab_dir_list_free(names, n);
    if (rc == QLAB_OK && rmdir(path) != 0 && errno != ENOENT)
        rc = qlab_fail_errno(err, errno, "could not remove the folder %s", path);
    return rc;
}

char *qlab_file_tmp_name(const char *final_path)
{
    const char *base = qlab_path_base(final_path);
    const int n_folder = (int)(base - final_path);
    return qlab_asprintf("%.*s" TMP_PREFIX "%s-%ld", n_folder, final_path, base, (long)getpid());
}

static qlab_code write_all(int fd, const char *path, const void *bytes, size_t n, qlab_err *err)
{
    const char *at = bytes;
    while (n > 0) {
        const ssize_t k = write(fd, at, n < (1u << 30) ? n : (1u << 30));
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return qlab_fail_errno(err, errno, "could not write %s", path);
        at += k;
        n -= (size_t)k;
    }
    return QLAB_OK;
}

/* A synced file tmp with these bytes; unlinked again where anything failed. */
static qlab_code make_tmp(const char *tmp, const char *path, const void *bytes, size_t n,
                          qlab_err *err)
{
    const int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return qlab_fail_errno(err, errno, "could not create %s", path);
    qlab_code rc = write_all(fd, path, bytes, n, err);
    if (rc == QLAB_OK && fsync(fd) != 0)
        rc = qlab_fail_errno(err, errno, "could not sync %s", path);
    if (close(fd) != 0 && rc == QLAB_OK)
        rc = qlab_fail_errno(err, errno, "could not close %s", path);
    if (rc != QLAB_OK)
        unlink(tmp);
    return rc;
}

/* Two threads may write the same path at once: the name must be theirs alone. */
static char *own_tmp_name(const char *path, const void *mark)
{
    char *tmp = qlab_file_tmp_name(path);
    char *own = qlab_asprintf("%s-%p", tmp, mark);
    qlab_free(tmp);
    return own;
}

qlab_code qlab_file_write(const char *path, const void *bytes, size_t n, qlab_err *err)
{
    char *tmp = own_tmp_name(path, &n);
    char *folder = folder_of(path);
    qlab_code rc = make_tmp(tmp, path, bytes, n, err);
    if (rc != QLAB_OK)
        goto done;
    if (rename(tmp, path) != 0) {
        rc = qlab_fail_errno(err, errno, "could not put %s in place", path);
        unlink(tmp);
        goto done;
    }
    rc = sync_folder(folder, err);
done:
    qlab_free(folder);
    qlab_free(tmp);
    return rc;
}

static qlab_code cut_to(int fd, const char *path, uint64_t keep_bytes, qlab_err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return qlab_fail_errno(err, errno, "could not look at %s", path);
    if (st.st_size < 0 || (uint64_t)st.st_size < keep_bytes)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: it had %lld bytes, %llu were to be kept", path,
                         (long long)st.st_size, (unsigned long long)keep_bytes);
    if (ftruncate(fd, (off_t)keep_bytes) != 0)
        return qlab_fail_errno(err, errno, "could not cut %s", path);
    if (lseek(fd, (off_t)keep_bytes, SEEK_SET) < 0)
        return qlab_fail_errno(err, errno, "could not find the end of %s", path);
    return QLAB_OK;
}

qlab_code qlab_file_extend(const char *path, uint64_t keep_bytes, const void *bytes, size_t n,
                           qlab_err *err)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC | (keep_bytes == 0 ? O_CREAT : 0), 0666);
    if (fd < 0)
        return qlab_fail_errno(err, errno, "could not open %s", path);
    char *folder = folder_of(path);
    qlab_code rc = cut_to(fd, path, keep_bytes, err);
    if (rc == QLAB_OK)
        rc = write_all(fd, path, bytes, n, err);
    if (rc == QLAB_OK && fsync(fd) != 0)
        rc = qlab_fail_errno(err, errno, "could not sync %s", path);
    if (close(fd) != 0 && rc == QLAB_OK)
        rc = qlab_fail_errno(err, errno, "could not close %s", path);
    if (rc == QLAB_OK)
        rc = sync_folder(folder, err);
    qlab_free(folder);
    return rc;
}

qlab_code qlab_file_write_new(const char *path, const void *bytes, size_t n, qlab_err *err)
{
    char *tmp = own_tmp_name(path, &n);
    char *folder = folder_of(path);
    qlab_code rc = make_tmp(tmp, path, bytes, n, err);
    if (rc != QLAB_OK)
        goto done;
    /* rename would replace the winner's file; link fails with EEXIST, so exactly one wins. */
    if (link(tmp, path) != 0)
        rc = qlab_fail_errno(err, errno, "could not create %s", path);
    unlink(tmp);
    if (rc == QLAB_OK)
        rc = sync_folder(folder, err);
done:
    qlab_free(folder);
    qlab_free(tmp);
    return rc;
}

qlab_code qlab_file_put_in_place(const char *tmp_path, const char *final_path, qlab_err *err)
{
    const int fd = open(tmp_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return qlab_fail_errno(err, errno, "could not open %s", tmp_path);
    qlab_code rc = QLAB_OK;
    if (fsync(fd) != 0)
        rc = qlab_fail_errno(err, errno, "could not sync %s", tmp_path);
    close(fd);
    if (rc != QLAB_OK)
        return rc;
    if (rename(tmp_path, final_path) != 0)
        return qlab_fail_errno(err, errno, "could not put %s in place", final_path);
    char *folder = folder_of(final_path);
    rc = sync_folder(folder, err);
    qlab_free(folder);
    return rc;
}
