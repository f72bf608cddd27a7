#include "base/lock.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Two witnesses, because each alone can lie.  The JSON file names the holder and outlives it; the
 * fcntl lock on <path>.held dies with its process and tells live from dead also where process ids
 * mean different things (two containers on one host).  A second lock within one process passes the
 * fcntl lock and is stopped by the JSON file. */
struct qlab_lock {
    char *path;
    int held_fd;
};

typedef struct holder {
    int64_t pid, start_time;
    char host[256], boot_id[64], command[256];
} holder;

static void read_boot_id(char out[64])
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_buf text = QLAB_BUF_INIT;
    out[0] = '\0';
    if (qlab_file_read("/proc/sys/kernel/random/boot_id", &text, &err) == QLAB_OK) {
        size_t n = strcspn(text.at, "\n");
        if (n > 63)
            n = 63;
        memcpy(out, text.at, n);
        out[n] = '\0';
    }
    qlab_buf_free(&text);
}

/* Start of a process in clock ticks after boot; 0 where the system does not tell. */
static int64_t start_time_of(int64_t pid)
{
    char path[64];
    int64_t start = 0;
    qlab_err err = QLAB_ERR_INIT;
    qlab_buf text = QLAB_BUF_INIT;
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    if (qlab_file_read(path, &text, &err) == QLAB_OK) {
        /* Field 2 is "(name)" and may hold anything: count from the last parenthesis. */
        const char *p = strrchr(text.at, ')');
        for (int field = 2; p && field < 22; field++)
            p = strchr(p + 1, ' ');
        if (p)
            start = strtoll(p, NULL, 10);
    }
    qlab_buf_free(&text);
    return start;
}

static void describe_self(const char *command, holder *h)
{
    h->pid = (int64_t)getpid();
    h->start_time = start_time_of(h->pid);
    if (gethostname(h->host, sizeof h->host) != 0)
        snprintf(h->host, sizeof h->host, "unknown");
    h->host[sizeof h->host - 1] = '\0';
    read_boot_id(h->boot_id);
    snprintf(h->command, sizeof h->command, "%s", command);
}

static qlab_code write_holder(const char *path, const holder *h, qlab_err *err)
{
    json_t *o = json_object();
    json_object_set_new(o, "pid", json_integer(h->pid));
    json_object_set_new(o, "host", json_string(h->host));
    json_object_set_new(o, "boot_id", json_string(h->boot_id));
    json_object_set_new(o, "start_time", json_integer(h->start_time));
    json_t *words = json_string(h->command);
    json_object_set_new(o, "command", words ? words : json_string("?")); /* not UTF-8 */
    const qlab_code rc = qlab_json_write_new(path, o, err);
    json_decref(o);
    return rc;
}

static qlab_code read_holder(const char *path, holder *h, qlab_err *err)
{
    const char *host, *boot_id, *command;
    json_t *o = NULL;
    qlab_code rc = qlab_json_load(path, &o, err);
    if (rc != QLAB_OK)
        return rc;
    if ((rc = qlab_json_get_i64(o, path, "pid", &h->pid, err)) != QLAB_OK ||
        (rc = qlab_json_get_i64(o, path, "start_time", &h->start_time, err)) != QLAB_OK ||
        (rc = qlab_json_get_str(o, path, "host", &host, err)) != QLAB_OK ||
        (rc = qlab_json_get_str(o, path, "boot_id", &boot_id, err)) != QLAB_OK ||
        (rc = qlab_json_get_str(o, path, "command", &command, err)) != QLAB_OK)
        goto done;
    snprintf(h->host, sizeof h->host, "%s", host);
    snprintf(h->boot_id, sizeof h->boot_id, "%s", boot_id);
    snprintf(h->command, sizeof h->command, "%s", command);
done:
    json_decref(o);
    return rc;
}

static bool is_dead_here(const holder *h, const holder *self)
{
    if (strcmp(h->host, self->host) != 0)
        return false;
    if (*h->boot_id && *self->boot_id && strcmp(h->boot_id, self->boot_id) != 0)
        return true; /* the machine was started again since */
    if (h->pid <= 0 || (kill((pid_t)h->pid, 0) != 0 && errno == ESRCH))
        return true;
    /* The number lives: is it the same process, or a later one that got the number? */
    const int64_t start = start_time_of(h->pid);
    return h->start_time > 0 && start > 0 && start != h->start_time;
}

static void format_age(const char *path, char out[48])
{
    struct stat st;
    if (stat(path, &st) != 0) {
        snprintf(out, 48, "unknown");
        return;
    }
    const long long s = (long long)time(NULL) - (long long)st.st_mtime;
    if (s < 120)
        snprintf(out, 48, "%lld s", s < 0 ? 0 : s);
    else if (s < 7200)
        snprintf(out, 48, "%lld min", s / 60);
    else
        snprintf(out, 48, "%lld h", s / 3600);
}

static qlab_code fail_locked(const char *path, const holder *h, qlab_err *err)
{
    char age[48];
    format_age(path, age);
    return qlab_fail(err, QLAB_E_LOCKED,
                     "%s is held by process %" PRId64 " on host %s (%s), age %s", path, h->pid,
                     h->host, h->command, age);
}

static qlab_code fail_held(const char *path, qlab_err *err)
{
    holder h;
    qlab_err ignored = QLAB_ERR_INIT;
    if (read_holder(path, &h, &ignored) == QLAB_OK)
        return fail_locked(path, &h, err);
    return qlab_fail(err, QLAB_E_LOCKED, "%s is held by another process that is just starting",
                     path);
}

/* Holding the fcntl lock: makes the JSON file, over that of a dead process of this host. */
static qlab_code make_holder(const char *path, const holder *self, qlab_err *err)
{
    for (int attempt = 0;; attempt++) {
        holder h;
        qlab_code rc = write_holder(path, self, err);
        if (rc != QLAB_E_EXISTS)
            return rc;
        qlab_err_reset(err);
        rc = read_holder(path, &h, err);
        if (rc == QLAB_E_NOT_FOUND && attempt == 0) {
            qlab_err_reset(err); /* released between the two calls */
            continue;
        }
        if (rc != QLAB_OK)
            return qlab_fail(err, QLAB_E_LOCKED,
                             "%s is there but does not say who holds it; remove it if no quantlab "
                             "runs on this root",
                             path);
        if (attempt > 0 || !is_dead_here(&h, self))
            return fail_locked(path, &h, err);
        rc = qlab_file_remove(path, err);
        if (rc != QLAB_OK)
            return rc;
    }
}

qlab_code qlab_lock_take(const char *path, const char *command, qlab_lock **out, qlab_err *err)
{
    holder self;
    qlab_code rc = QLAB_OK;
    char *held = qlab_asprintf("%s.held", path);
    const int fd = open(held, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        rc = qlab_fail_errno(err, errno, "could not open %s", held);
        qlab_free(held);
        return rc;
    }
    qlab_free(held);

    struct flock whole;
    memset(&whole, 0, sizeof whole);
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (fcntl(fd, F_SETLK, &whole) != 0) {
        rc = errno == EACCES || errno == EAGAIN
                 ? fail_held(path, err)
                 : qlab_fail_errno(err, errno, "could not lock %s", path);
        goto done;
    }
    describe_self(command, &self);
    rc = qlab_file_sweep_tmp_of(path, err); /* of one that was killed while it took the lock */
    if (rc == QLAB_OK)
        rc = make_holder(path, &self, err);
    if (rc != QLAB_OK)
        goto done;
    qlab_lock *lock = qlab_alloc(1, sizeof *lock);
    lock->path = qlab_strdup(path);
    lock->held_fd = fd;
    *out = lock;
done:
    if (rc != QLAB_OK)
        close(fd);
    return rc;
}

void qlab_lock_release(qlab_lock *lock)
{
    if (!lock)
        return;
    unlink(lock->path); /* where this fails the next one finds a dead holder */
    close(lock->held_fd);
    qlab_free(lock->path);
    qlab_free(lock);
}
