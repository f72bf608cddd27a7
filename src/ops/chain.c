#include "ops/chain.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char NOTHING_BEFORE[QLAB_HEX_BYTES] =
    "0000000000000000000000000000000000000000000000000000000000000000";

void qlab_chain_free(qlab_chain *c)
{
    json_decref(c->lines);
    *c = (qlab_chain){0};
}

static qlab_code take_line(const char *name, size_t line, const char *text, size_t n,
                           qlab_chain *out, qlab_err *err)
{
    json_t *o = NULL;
    qlab_code rc = qlab_json_parse(name, text, n, &o, err);
    if (rc != QLAB_OK)
        return qlab_err_prefix(err, "line %zu", line);
    const char *prev = json_string_value(json_object_get(o, "prev"));
    if (prev == NULL)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s:%zu: the line had no \"prev\"", name, line);
    else if (strcmp(prev, out->head) != 0)
        rc = qlab_fail(err, QLAB_E_CORRUPT,
                       "%s:%zu: \"prev\" was %.16s..., the line before hashed to %.16s...: a line "
                       "was changed, taken out or put in",
                       name, line, prev, out->head);
    if (rc == QLAB_OK) {
        json_array_append(out->lines, o);
        qlab_hex(qlab_sha256_of(text, n), out->head);
    }
    json_decref(o);
    return rc;
}

qlab_code qlab_chain_parse(const char *name, const char *text, size_t n, qlab_chain *out,
                           qlab_err *err)
{
    qlab_code rc = QLAB_OK;
    *out = (qlab_chain){.lines = json_array()};
    memcpy(out->head, NOTHING_BEFORE, sizeof NOTHING_BEFORE);
    for (size_t line = 1; rc == QLAB_OK && out->n_bytes < n; line++) {
        const char *start = text + out->n_bytes;
        const char *end = memchr(start, '\n', n - out->n_bytes);
        if (end == NULL)
            break; /* a write that did not end */
        rc = take_line(name, line, start, (size_t)(end - start), out, err);
        out->n_bytes += (size_t)(end - start) + 1;
    }
    if (rc != QLAB_OK)
        qlab_chain_free(out);
    return rc;
}

qlab_code qlab_chain_read(const char *path, qlab_chain *out, qlab_err *err)
{
    qlab_buf text = QLAB_BUF_INIT;
    qlab_code rc = QLAB_OK;
    if (qlab_file_exists(path))
        rc = qlab_file_read(path, &text, err);
    if (rc == QLAB_OK)
        rc = qlab_chain_parse(path, text.at, text.n, out, err);
    qlab_buf_free(&text);
    return rc;
}

/* ---- append ---------------------------------------------------------------------------------- */

static qlab_code open_locked(const char *path, int *fd, qlab_err *err)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*fd < 0)
        return qlab_fail_errno(err, errno, "could not open %s", path);
    while (fcntl(*fd, F_SETLKW, &whole) != 0)
        if (errno != EINTR)
            return qlab_fail_errno(err, errno, "could not lock %s", path);
    return QLAB_OK;
}

/* The bytes at the lock, not at the path: nobody replaces a chain. */
static qlab_code read_all(int fd, const char *path, qlab_buf *out, qlab_err *err)
{
    for (;;) {
        qlab_buf_reserve(out, 1 << 16);
        const ssize_t n = pread(fd, out->at + out->n, 1 << 16, (off_t)out->n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return qlab_fail_errno(err, errno, "could not read %s", path);
        if (n == 0)
            return QLAB_OK;
        out->n += (size_t)n;
    }
}

static void put_lines(json_t *lines, char head[QLAB_HEX_BYTES], qlab_buf *out)
{
    json_t *line;
    size_t i;
    json_array_foreach(lines, i, line)
    {
        const size_t start = out->n;
        json_object_set_new(line, "prev", json_string(head));
        qlab_json_canonical(line, out);
        qlab_hex(qlab_sha256_of(out->at + start, out->n - start), head);
        qlab_buf_puts(out, "\n");
    }
}

static qlab_code write_at(int fd, const char *path, const qlab_buf *text, size_t at, qlab_err *err)
{
    for (size_t done = 0; done < text->n;) {
        const ssize_t n = pwrite(fd, text->at + done, text->n - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return qlab_fail_errno(err, errno, "could not write %s", path);
        done += (size_t)n;
    }
    return fsync(fd) == 0 ? QLAB_OK : qlab_fail_errno(err, errno, "could not sync %s", path);
}

static qlab_code sync_folder(const char *dir, qlab_err *err)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return qlab_fail_errno(err, errno, "could not open %s", dir);
    qlab_code rc = QLAB_OK;
    if (fsync(fd) != 0 && errno != EINVAL)
        rc = qlab_fail_errno(err, errno, "could not sync %s", dir);
    close(fd);
    return rc;
}

static qlab_code append_locked(int fd, const char *path, json_t *lines, const qlab_log *log,
                               char head[QLAB_HEX_BYTES], bool *made, qlab_err *err)
{
    qlab_buf text = QLAB_BUF_INIT, added = QLAB_BUF_INIT;
    qlab_chain chain = {0};
    qlab_code rc = read_all(fd, path, &text, err);
    if (rc == QLAB_OK)
        rc = qlab_chain_parse(path, text.at, text.n, &chain, err);
    if (rc != QLAB_OK)
        goto done;
    *made = text.n == 0;
    if (chain.n_bytes < text.n) {
        if (log != NULL)
            qlab_log_line(log, QLAB_LOG_WARN, "ops", "file=%s cut=%zu reason=unfinished_line", path,
                          text.n - chain.n_bytes);
        if (ftruncate(fd, (off_t)chain.n_bytes) != 0) {
            rc = qlab_fail_errno(err, errno, "could not cut %s", path);
            goto done;
        }
    }
    memcpy(head, chain.head, QLAB_HEX_BYTES);
    put_lines(lines, head, &added);
    rc = write_at(fd, path, &added, chain.n_bytes, err);
    if (rc != QLAB_OK && ftruncate(fd, (off_t)chain.n_bytes) != 0 && log != NULL)
        qlab_log_line(log, QLAB_LOG_WARN, "ops", "file=%s cut=failed", path);
done:
    qlab_chain_free(&chain);
    qlab_buf_free(&added);
    qlab_buf_free(&text);
    return rc;
}

qlab_code qlab_chain_append(const char *path, json_t *lines, const qlab_log *log,
                            char head[QLAB_HEX_BYTES], qlab_err *err)
{
    char *dir = qlab_strndup(path, (size_t)(qlab_path_base(path) - path)), own[QLAB_HEX_BYTES];
    bool made = false;
    int fd = -1;
    qlab_code rc = *dir ? qlab_dir_make(dir, err) : QLAB_OK;
    if (rc == QLAB_OK)
        rc = open_locked(path, &fd, err);
    if (rc == QLAB_OK)
        rc = append_locked(fd, path, lines, log, head != NULL ? head : own, &made, err);
    if (rc == QLAB_OK && made)
        rc = sync_folder(*dir ? dir : ".", err);
    if (fd >= 0)
        close(fd);
    qlab_free(dir);
    return rc;
}
