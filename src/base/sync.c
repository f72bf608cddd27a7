#include "base/sync.h"

#include "base/alloc.h"
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_WAITING = 64 };

typedef struct entry {
    char *tmp, *final, *parent; /* parent: folder whose new entry is to be synced; NULL */
} entry;

struct qlab_sync {
    pthread_t thread;
    bool started, stopping;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    entry queue[MOST_WAITING];
    size_t first, n; /* n counts the one in work too */
    qlab_err err;    /* the first failure */
    char *made;      /* folder made by make_folder and not handed to a file yet */
};

static char *folder_of(const char *path)
{
    const char *base = qlab_path_base(path);
    return base == path ? qlab_strdup(".")
                        : qlab_strndup(path, (size_t)(base - path - (base - path > 1)));
}

static void entry_free(entry *e)
{
    qlab_free(e->tmp);
    qlab_free(e->final);
    qlab_free(e->parent);
}

static qlab_code sync_folder(const char *path, qlab_err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return qlab_fail_errno(err, errno, "could not open the folder %s", path);
    qlab_code rc = QLAB_OK;
    if (fsync(fd) != 0 && errno != EINVAL)
        rc = qlab_fail_errno(err, errno, "could not sync the folder %s", path);
    close(fd);
    return rc;
}

/* Does one file, or gives it up after an earlier failure. */
static void do_entry(const entry *e, bool give_up, qlab_err *err)
{
    qlab_code rc = give_up ? QLAB_E_IO : qlab_file_put_in_place(e->tmp, e->final, err);
    if (rc != QLAB_OK)
        unlink(e->tmp);
    else if (e->parent != NULL)
        rc = sync_folder(e->parent, err);
    assert(rc == QLAB_OK || give_up || err->code != QLAB_OK);
}

static void *work(void *ctx)
{
    qlab_sync *s = ctx;

    pthread_mutex_lock(&s->mutex);
    for (;;) {
        while (s->n == 0 && !s->stopping)
            pthread_cond_wait(&s->changed, &s->mutex);
        if (s->n == 0)
            break;
        entry e = s->queue[s->first];
        const bool give_up = s->err.code != QLAB_OK || s->stopping;
        pthread_mutex_unlock(&s->mutex);
        qlab_err err = QLAB_ERR_INIT;
        do_entry(&e, give_up, &err);
        entry_free(&e);
        pthread_mutex_lock(&s->mutex);
        if (err.code != QLAB_OK && s->err.code == QLAB_OK)
            s->err = err;
        s->first = (s->first + 1) % MOST_WAITING;
        s->n--;
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

qlab_sync *qlab_sync_new(void)
{
    qlab_sync *s = qlab_alloc_zero(1, sizeof *s);

    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->changed, NULL);
    return s;
}

qlab_code qlab_sync_make_folder(qlab_sync *s, const char *folder, qlab_err *err)
{
    char *path = qlab_strdup(folder);
    const size_t n = strlen(path);

    if (n > 1 && path[n - 1] == '/')
        path[n - 1] = '\0';
    char *parent = folder_of(path);
    qlab_free(s->made);
    s->made = NULL;
    qlab_code rc = qlab_dir_make(parent, err);
    if (rc == QLAB_OK) {
        if (mkdir(path, 0777) == 0) {
            s->made = parent;
            parent = NULL;
        } else if (errno != EEXIST) {
            rc = qlab_fail_errno(err, errno, "could not make the folder %s", path);
        }
    }
    qlab_free(parent);
    qlab_free(path);
    return rc;
}

void qlab_sync_put(qlab_sync *s, const char *tmp_path, const char *final_path)
{
    entry e = {qlab_strdup(tmp_path), qlab_strdup(final_path), s->made};

    s->made = NULL;
    if (!s->started)
        s->started = pthread_create(&s->thread, NULL, work, s) == 0;
    if (!s->started) { /* no thread to be had: then it is done here */
        qlab_err err = QLAB_ERR_INIT;
        do_entry(&e, s->err.code != QLAB_OK, &err);
        entry_free(&e);
        if (err.code != QLAB_OK && s->err.code == QLAB_OK)
            s->err = err;
        return;
    }
    pthread_mutex_lock(&s->mutex);
    while (s->n == MOST_WAITING)
        pthread_cond_wait(&s->changed, &s->mutex);
    s->queue[(s->first + s->n++) % MOST_WAITING] = e;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

qlab_code qlab_sync_wait(qlab_sync *s, qlab_err *err)
{
    pthread_mutex_lock(&s->mutex);
    while (s->n > 0)
        pthread_cond_wait(&s->changed, &s->mutex);
    const qlab_code rc = s->err.code;
    if (rc != QLAB_OK)
        *err = s->err;
    qlab_err_reset(&s->err);
    pthread_mutex_unlock(&s->mutex);
    return rc;
}

void qlab_sync_free(qlab_sync *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->mutex);
    s->stopping = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
    if (s->started)
        pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->mutex);
    qlab_free(s->made);
    qlab_free(s);
}
