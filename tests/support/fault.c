/* tests/support/fault.c -- makes the k-th write, sync, rename, link or create fail.
 *
 * A shared object for LD_PRELOAD, so that it sees DuckDB's calls as well as ours.  Environment:
 *
 *   QLAB_FAULT       <call>:<k>:<error>[:on]   the k-th (from 1) of these calls fails; with "on"
 *                    every later one too.  call: write fsync rename link open, any of
 *                    those, or unlink.
 *                    error: ENOSPC EIO EDQUOT EACCES EROFS EMFILE, SHORT (half of a write is done)
 *                    or KILL (SIGKILL instead of the call)
 *   QLAB_FAULT_PATH  only files whose path holds this text count
 *   QLAB_FAULT_COUNT a file that gets the number of calls counted, at exit
 *
 * write: write, pwrite, writev, pwritev; fsync: fsync, fdatasync; open: open, openat and creat with
 * O_CREAT.  Everything else passes through untouched.
 */
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS /* or `open` would be compiled as open64 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

typedef enum call { WRITE, FSYNC, RENAME, LINK, OPEN, ANY, UNLINK, N_CALLS } call;
static const char *const CALL_NAMES[] = {"write", "fsync", "rename", "link",
                                         "open",  "any",   "unlink"};

static const struct {
    const char *name;
    int number;
} ERRORS[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EDQUOT", EDQUOT}, {"EACCES", EACCES},
              {"EROFS", EROFS},   {"EMFILE", EMFILE}, {"SHORT", -1},      {"KILL", -2}};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static call wanted = N_CALLS;
static long at_call = -1, counted = 0;
static int error_number = 0;
static bool stays = false;
static char only_path[512], count_file[512];

static void put_count(void)
{
    if (!count_file[0])
        return;
    only_path[0] = '\1'; /* nothing below is counted */
    FILE *f = fopen(count_file, "w");
    if (f) {
        fprintf(f, "%ld\n", counted);
        fclose(f);
    }
}

static void set_up(void)
{
    char text[256] = "", *save = NULL;
    const char *fault = getenv("QLAB_FAULT"), *path = getenv("QLAB_FAULT_PATH"),
               *count = getenv("QLAB_FAULT_COUNT");
    snprintf(only_path, sizeof only_path, "%s", path ? path : "");
    snprintf(count_file, sizeof count_file, "%s", count ? count : "");
    if (count)
        atexit(put_count);
    if (!fault)
        return;
    snprintf(text, sizeof text, "%s", fault);
    const char *name = strtok_r(text, ":", &save), *k = strtok_r(NULL, ":", &save),
               *error = strtok_r(NULL, ":", &save), *on = strtok_r(NULL, ":", &save);
    for (int c = 0; name && c < N_CALLS; c++)
        if (strcmp(name, CALL_NAMES[c]) == 0)
            wanted = (call)c;
    for (size_t i = 0; error && i < sizeof ERRORS / sizeof *ERRORS; i++)
        if (strcmp(error, ERRORS[i].name) == 0)
            error_number = ERRORS[i].number;
    stays = on && strcmp(on, "on") == 0;
    at_call = k ? atol(k) : -1;
    if (!k || !error_number) {
        fprintf(stderr, "QLAB_FAULT=%s was not understood\n", fault);
        _exit(99);
    }
}

/* 0: go on.  Otherwise the error of this call (-1: a short write). */
static int verdict(call c, const char *path)
{
    pthread_once(&once, set_up);
    if (only_path[0] && !strstr(path, only_path))
        return 0;
    pthread_mutex_lock(&mutex);
    int error = 0;
    if (wanted == c || (wanted == ANY && c != UNLINK)) {
        counted++;
        if (counted == at_call || (stays && at_call > 0 && counted > at_call))
            error = error_number;
    }
    pthread_mutex_unlock(&mutex);
    if (error == -2)
        raise(SIGKILL);
    return error;
}

static int verdict_fd(call c, int fd)
{
    char link_name[64], path[1024];
    snprintf(link_name, sizeof link_name, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link_name, path, sizeof path - 1);
    if (n < 0)
        return 0;
    path[n] = '\0';
    return verdict(c, path);
}

/* `next`: the function of that name behind this one, with its type. */
#define NEXT(name)                                                                                 \
    __typeof__(name) *next = NULL;                                                                 \
    {                                                                                              \
        void *symbol = dlsym(RTLD_NEXT, #name);                                                    \
        memcpy(&next, &symbol, sizeof next);                                                       \
    }

#define FAIL_WITH(error)                                                                           \
    do {                                                                                           \
        errno = (error);                                                                           \
        return -1;                                                                                 \
    } while (0)

ssize_t write(int fd, const void *bytes, size_t n)
{
    NEXT(write)
    const int error = verdict_fd(WRITE, fd);
    if (error > 0)
        FAIL_WITH(error);
    return next(fd, bytes, error == -1 && n > 1 ? n / 2 : n);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    NEXT(pwrite)
    const int error = verdict_fd(WRITE, fd);
    if (error > 0)
        FAIL_WITH(error);
    return next(fd, bytes, error == -1 && n > 1 ? n / 2 : n, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    NEXT(pwrite64)
    const int error = verdict_fd(WRITE, fd);
    if (error > 0)
        FAIL_WITH(error);
    return next(fd, bytes, error == -1 && n > 1 ? n / 2 : n, at);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    NEXT(writev)
    const int error = verdict_fd(WRITE, fd);
    if (error > 0)
        FAIL_WITH(error);
    return next(fd, v, n);
}

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at)
{
    NEXT(pwritev)
    const int error = verdict_fd(WRITE, fd);
    if (error > 0)
        FAIL_WITH(error);
    return next(fd, v, n, at);
}

int fsync(int fd)
{
    NEXT(fsync)
    const int error = verdict_fd(FSYNC, fd);
    if (error > 0)
        FAIL_WITH(error);
    return next(fd);
}

int fdatasync(int fd)
{
    NEXT(fdatasync)
    const int error = verdict_fd(FSYNC, fd);
    if (error > 0)
        FAIL_WITH(error);
    return next(fd);
}

int rename(const char *from, const char *to)
{
    NEXT(rename)
    const int error = verdict(RENAME, to);
    if (error > 0)
        FAIL_WITH(error);
    return next(from, to);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    NEXT(renameat)
    const int error = verdict(RENAME, to);
    if (error > 0)
        FAIL_WITH(error);
    return next(from_dir, from, to_dir, to);
}

int link(const char *from, const char *to)
{
    NEXT(link)
    const int error = verdict(LINK, to);
    if (error > 0)
        FAIL_WITH(error);
    return next(from, to);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    NEXT(linkat)
    const int error = verdict(LINK, to);
    if (error > 0)
        FAIL_WITH(error);
    return next(from_dir, from, to_dir, to, flags);
}

int unlink(const char *path)
{
    NEXT(unlink)
    const int error = verdict(UNLINK, path);
    if (error > 0)
        FAIL_WITH(error);
    return next(path);
}

#define OPEN_BODY                                                                                  \
    mode_t mode = 0;                                                                               \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                           \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode = va_arg(args, mode_t);                                                               \
        va_end(args);                                                                              \
    }                                                                                              \
    const int error = flags & O_CREAT ? verdict(OPEN, path) : 0;                                   \
    if (error > 0)                                                                                 \
    FAIL_WITH(error)

int open(const char *path, int flags, ...)
{
    NEXT(open)
    OPEN_BODY;
    return next(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    NEXT(open64)
    OPEN_BODY;
    return next(path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    NEXT(openat)
    OPEN_BODY;
    return next(dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
    NEXT(openat64)
    OPEN_BODY;
    return next(dir, path, flags, mode);
}

int creat(const char *path, mode_t mode)
{
    NEXT(creat)
    const int error = verdict(OPEN, path);
    if (error > 0)
        FAIL_WITH(error);
    return next(path, mode);
}
