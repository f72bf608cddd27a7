/* base/file.h -- paths, whole-file reads, and the only ways to make a file.
 *
 * Write = temporary file in the same folder (".tmp-<name>-<pid>"), fsync, rename, fsync the
 * folder.  A reader never sees a half-written file; a crash leaves at most a .tmp- file, which
 * every lister here skips and qlab_file_sweep_tmp removes.
 */
#ifndef QLAB_BASE_FILE_H
#define QLAB_BASE_FILE_H

#include "base/err.h"
#include "base/view.h"
#include <stdbool.h>
#include <stdint.h>

char *qlab_path_join(const char *a, const char *b); /* owned by the caller */
const char *qlab_path_base(const char *path);       /* borrowed: after the last slash */

typedef struct qlab_file_info {
    uint64_t n_bytes;
    int64_t mtime_ns;
    uint64_t inode;
    bool is_dir;
} qlab_file_info;

bool qlab_file_exists(const char *path);
qlab_code qlab_file_stat(const char *path, qlab_file_info *out, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_file_read(const char *path, qlab_buf *out,
                         qlab_err *err) QLAB_MUST_USE; /* appends */
/* Creates path and missing parents (mode 0777 & ~umask). */
qlab_code qlab_dir_make(const char *path, qlab_err *err) QLAB_MUST_USE;
/* Names in byte order, without "." and ".." and .tmp- files; each and the array owned by the
 * caller. */
qlab_code qlab_dir_list(const char *path, char ***names, size_t *n, qlab_err *err) QLAB_MUST_USE;
void qlab_dir_list_free(char **names, size_t n);
/* Removes .tmp- files below path, recursively; the caller holds the lock. n_removed may be NULL. */
qlab_code qlab_file_sweep_tmp(const char *path, size_t *n_removed, qlab_err *err) QLAB_MUST_USE;
/* Removes the temporary files of one final path; the caller is the only one who writes it. */
qlab_code qlab_file_sweep_tmp_of(const char *path, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_file_remove(const char *path, qlab_err *err) QLAB_MUST_USE; /* missing is fine */
qlab_code qlab_dir_remove_tree(const char *path, qlab_err *err) QLAB_MUST_USE;

/* Writes bytes as path, replacing what was there, by the rule above. */
qlab_code qlab_file_write(const char *path, const void *bytes, size_t n,
                          qlab_err *err) QLAB_MUST_USE;
/* The same, but fails with QLAB_E_EXISTS where path exists already (link(2), so exactly one wins).
 */
qlab_code qlab_file_write_new(const char *path, const void *bytes, size_t n,
                              qlab_err *err) QLAB_MUST_USE;
/* The one way to add to a file: keeps its first keep_bytes, cuts off what is behind them, writes
 * the bytes there, and syncs the file and its folder.  Makes the file where keep_bytes is 0; one
 * that is shorter is QLAB_E_CORRUPT.  A kill in between leaves the kept bytes as they were, so the
 * caller says elsewhere, afterwards, how many bytes count. */
qlab_code qlab_file_extend(const char *path, uint64_t keep_bytes, const void *bytes, size_t n,
                           qlab_err *err) QLAB_MUST_USE;
/* For writers that need a path of their own (DuckDB): make the temporary name (owned by the
 * caller), let them write it, then put it in place: fsync, rename, fsync folder.  On failure or
 * when giving up, the caller unlinks the temporary file with qlab_file_remove. */
char *qlab_file_tmp_name(const char *final_path);
qlab_code qlab_file_put_in_place(const char *tmp_path, const char *final_path,
                                 qlab_err *err) QLAB_MUST_USE;

#endif
