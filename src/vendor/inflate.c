#include "vendor/inflate.h"

#include "base/alloc.h"
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { GZIP_HEADER_BYTES = 10, GZIP_FOOTER_BYTES = 8, GZIP_FLAG_HEADER_CRC = 2 };

struct qlab_inflater {
    size_t whole_max_bytes, step_bytes;
    struct libdeflate_decompressor *whole;
    qlab_buf file; /* a whole file */
    qlab_buf out;  /* its inflated bytes */
    char *step_in, *step_out;
};

qlab_inflater *qlab_inflater_new(size_t whole_max_bytes, size_t step_bytes)
{
    qlab_inflater *z = qlab_alloc_zero(1, sizeof *z);

    z->whole_max_bytes = whole_max_bytes;
    z->step_bytes = step_bytes;
    z->whole = libdeflate_alloc_decompressor();
    return z;
}

void qlab_inflater_free(qlab_inflater *z)
{
    if (z == NULL)
        return;
    if (z->whole != NULL)
        libdeflate_free_decompressor(z->whole);
    qlab_buf_free(&z->file);
    qlab_buf_free(&z->out);
    qlab_free(z->step_in);
    qlab_free(z->step_out);
    qlab_free(z);
}

static bool has_magic(const unsigned char *b, size_t n)
{
    return n >= 2 && b[0] == 0x1f && b[1] == 0x8b;
}

static bool named_gz(const char *name)
{
    const size_t n = strlen(name);
    return n >= 3 && strcmp(name + n - 3, ".gz") == 0;
}

static void verdict_of(qlab_inflated *out, qlab_inflate_verdict v, const char *why)
{
    out->verdict = v;
    snprintf(out->why, sizeof out->why, "%s", why);
}

/* ---- whole, with libdeflate ------------------------------------------------------------------ */

/* One member at in[0..n).  False: give up, zlib shall judge. */
static bool member_whole(qlab_inflater *z, const unsigned char *in, size_t n, size_t *n_read)
{
    /* A header check or a header that is cut is left to zlib, which looks at both. */
    if (n < GZIP_HEADER_BYTES + GZIP_FOOTER_BYTES || (in[3] & GZIP_FLAG_HEADER_CRC))
        return false;
    for (;;) {
        const size_t room = z->out.cap - z->out.n - QLAB_INFLATE_PAD;
        size_t made = 0;
        const enum libdeflate_result rc = libdeflate_gzip_decompress_ex(
            z->whole, in, n, z->out.at + z->out.n, room, n_read, &made);
        if (rc == LIBDEFLATE_SUCCESS) {
            z->out.n += made;
            return true;
        }
        if (rc != LIBDEFLATE_INSUFFICIENT_SPACE || z->out.cap >= z->whole_max_bytes)
            return false;
        qlab_buf_reserve(&z->out, z->out.cap);
    }
}

static size_t size_hint(const unsigned char *in, size_t n)
{
    const unsigned char *f = in + n - 4;
    return (size_t)f[0] | (size_t)f[1] << 8 | (size_t)f[2] << 16 | (size_t)f[3] << 24;
}

/* All members.  False: too large, or not plainly good. */
static bool inflate_whole(qlab_inflater *z, const unsigned char *in, size_t n)
{
    if (z->whole == NULL || n > z->whole_max_bytes || n < GZIP_HEADER_BYTES + GZIP_FOOTER_BYTES)
        return false;
    const size_t hint = size_hint(in, n);
    if (hint > z->whole_max_bytes)
        return false;
    z->out.n = 0;
    qlab_buf_reserve(&z->out, (hint > n ? hint : n) + 2 * QLAB_INFLATE_PAD);
    for (size_t at = 0; at < n;) {
        size_t n_read = 0;
        if (!has_magic(in + at, n - at) || !member_whole(z, in + at, n - at, &n_read))
            return false;
        at += n_read;
    }
    if (z->out.n > z->whole_max_bytes)
        return false;
    memset(z->out.at + z->out.n, 0, QLAB_INFLATE_PAD);
    return true;
}

/* ---- in steps, with zlib --------------------------------------------------------------------- */

/* Where the steps read from: a file or bytes in memory. */
typedef struct qlab_step_in {
    const char *name;
    int fd; /* -1: bytes */
    const unsigned char *bytes;
    size_t n, at;
    qlab_sha256 *hash;
    uint64_t n_read;
} qlab_step_in;

static qlab_code step_read(qlab_step_in *s, size_t max, char *to, size_t *n, qlab_err *err)
{
    if (s->fd >= 0) {
        ssize_t got;
        do
            got = read(s->fd, to, max);
        while (got < 0 && errno == EINTR);
        if (got < 0)
            return qlab_fail_errno(err, errno, "could not read %s", s->name);
        *n = (size_t)got;
    } else {
        *n = s->n - s->at < max ? s->n - s->at : max;
        if (*n > 0)
            memcpy(to, s->bytes + s->at, *n);
        s->at += *n;
    }
    qlab_sha256_put(s->hash, to, *n);
    s->n_read += *n;
    return QLAB_OK;
}

typedef struct qlab_step {
    qlab_inflater *z;
    z_stream zs;
    bool open;    /* inside a member */
    bool any;     /* a member ended well */
    bool padding; /* zeros after a member */
    const qlab_inflate_sink *sink;
    qlab_inflated *out;
} qlab_step;

static qlab_code hand_on(qlab_step *s, size_t n, bool last, qlab_err *err)
{
    memset(s->z->step_out + n, 0, QLAB_INFLATE_PAD);
    s->out->n_bytes += n;
    return s->sink->put(s->sink->ctx, s->z->step_out, n, last, err);
}

/* Takes one input step; verdict != OK when it was wrong. */
static qlab_code step_inflate(qlab_step *s, size_t n, qlab_err *err)
{
    qlab_code rc = QLAB_OK;

    s->zs.next_in = (Bytef *)s->z->step_in;
    s->zs.avail_in = (uInt)n;
    bool full = false; /* the last call filled its output: more may be waiting inside zlib */
    while ((s->zs.avail_in > 0 || full) && rc == QLAB_OK && s->out->verdict == QLAB_INFLATE_OK) {
        if (!s->open) {
            if (s->any && *s->zs.next_in == 0)
                s->padding = true;
            if (s->padding) {
                if (*s->zs.next_in != 0)
                    verdict_of(s->out, QLAB_INFLATE_BAD, "bytes followed the last gzip member");
                s->zs.next_in++;
                s->zs.avail_in--;
                continue;
            }
            inflateReset(&s->zs);
            s->open = true;
        }
        s->zs.next_out = (Bytef *)s->z->step_out;
        s->zs.avail_out = (uInt)s->z->step_bytes;
        const int z_rc = inflate(&s->zs, Z_NO_FLUSH);
        const size_t made = s->z->step_bytes - s->zs.avail_out;
        full = s->zs.avail_out == 0;
        if (made > 0)
            rc = hand_on(s, made, false, err);
        if (z_rc == Z_STREAM_END) {
            s->open = full = false;
            s->any = true;
        } else if (z_rc == Z_BUF_ERROR) {
            break; /* no progress possible: wants more input */
        } else if (z_rc != Z_OK) {
            verdict_of(s->out, QLAB_INFLATE_BAD,
                       s->any && s->zs.total_out == 0 ? "bytes followed the last gzip member"
                       : s->zs.msg != NULL            ? s->zs.msg
                                                      : "not a gzip file");
        }
    }
    return rc;
}

static qlab_code steps_gzip(qlab_step *s, qlab_step_in *in, size_t first, qlab_err *err)
{
    qlab_code rc = QLAB_OK;
    size_t n = first;

    while (n > 0 && rc == QLAB_OK) {
        if (s->out->verdict == QLAB_INFLATE_OK)
            rc = step_inflate(s, n, err);
        if (rc == QLAB_OK) /* after a bad byte the rest is still hashed */
            rc = step_read(in, s->z->step_bytes, s->z->step_in, &n, err);
    }
    if (rc == QLAB_OK && s->out->verdict == QLAB_INFLATE_OK && (s->open || !s->any))
        verdict_of(s->out, QLAB_INFLATE_TRUNCATED, "the gzip stream ended early");
    if (rc == QLAB_OK && s->out->verdict == QLAB_INFLATE_OK)
        rc = hand_on(s, 0, true, err);
    return rc;
}

static qlab_code steps_plain(qlab_step *s, qlab_step_in *in, size_t first, qlab_err *err)
{
    qlab_code rc = QLAB_OK;
    size_t n = first;

    while (n > 0 && rc == QLAB_OK) {
        memcpy(s->z->step_out, s->z->step_in, n);
        rc = hand_on(s, n, false, err);
        if (rc == QLAB_OK)
            rc = step_read(in, s->z->step_bytes, s->z->step_in, &n, err);
    }
    return rc == QLAB_OK ? hand_on(s, 0, true, err) : rc;
}

static qlab_code inflate_steps(qlab_inflater *z, qlab_step_in *in, const qlab_inflate_sink *sink,
                               qlab_inflated *out, qlab_err *err)
{
    qlab_step s = {.z = z, .sink = sink, .out = out};
    size_t n = 0;

    if (z->step_in == NULL) {
        z->step_in = qlab_alloc(z->step_bytes, 1);
        z->step_out = qlab_alloc(z->step_bytes + QLAB_INFLATE_PAD, 1);
    }
    if (inflateInit2(&s.zs, 15 + 16) != Z_OK)
        return qlab_fail(err, QLAB_E_LIMIT, "zlib could not start on %s", in->name);
    in->hash = qlab_sha256_new();
    qlab_code rc = step_read(in, z->step_bytes, z->step_in, &n, err);
    if (rc == QLAB_OK) {
        const bool gz = named_gz(in->name) || has_magic((const unsigned char *)z->step_in, n);
        rc = gz ? steps_gzip(&s, in, n, err) : steps_plain(&s, in, n, err);
    }
    inflateEnd(&s.zs);
    out->sha256 = qlab_sha256_end(in->hash);
    out->n_file_bytes = in->n_read;
    qlab_sha256_free(in->hash);
    return rc;
}

/* ---- the two doors --------------------------------------------------------------------------- */

qlab_code qlab_inflate_bytes(qlab_inflater *z, const char *name, const void *bytes, size_t n,
                             const qlab_inflate_sink *sink, qlab_inflated *out, qlab_err *err)
{
    *out = (qlab_inflated){.verdict = QLAB_INFLATE_OK};
    if (has_magic(bytes, n) && inflate_whole(z, bytes, n)) {
        out->sha256 = qlab_sha256_of(bytes, n);
        out->n_file_bytes = n;
        out->n_bytes = z->out.n;
        return sink->put(sink->ctx, z->out.at, z->out.n, true, err);
    }
    qlab_step_in in = {.name = name, .fd = -1, .bytes = bytes, .n = n};
    sink->restart(sink->ctx);
    return inflate_steps(z, &in, sink, out, err);
}

/* Only what says "this file is not there for us" is a verdict; the rest may pass and is an error.
 */
static bool means_missing(int errnum)
{
    return errnum == ENOENT || errnum == ENOTDIR || errnum == EACCES || errnum == ELOOP ||
           errnum == ENAMETOOLONG;
}

static qlab_code read_all(int fd, const char *path, qlab_buf *to, qlab_err *err)
{
    for (to->n = 0;;) {
        qlab_buf_reserve(to, QLAB_INFLATE_STEP_BYTES);
        const ssize_t got = read(fd, to->at + to->n, to->cap - to->n - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return qlab_fail_errno(err, errno, "could not read %s", path);
        if (got == 0)
            return QLAB_OK;
        to->n += (size_t)got;
    }
}

qlab_code qlab_inflate_file(qlab_inflater *z, const char *path, const qlab_inflate_sink *sink,
                            qlab_inflated *out, qlab_err *err)
{
    struct stat st;
    qlab_code rc;

    *out = (qlab_inflated){.verdict = QLAB_INFLATE_OK};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && !means_missing(errno))
        return qlab_fail_errno(err, errno, "could not open %s", path);
    if (fd < 0) {
        verdict_of(out, QLAB_INFLATE_MISSING, strerror(errno));
        return QLAB_OK;
    }
    if (fstat(fd, &st) != 0) {
        rc = qlab_fail_errno(err, errno, "could not look at %s", path);
    } else if (!S_ISREG(st.st_mode)) {
        verdict_of(out, QLAB_INFLATE_MISSING, "not a regular file");
        rc = QLAB_OK;
    } else if ((uint64_t)st.st_size <= z->whole_max_bytes) {
        rc = read_all(fd, path, &z->file, err);
        if (rc == QLAB_OK)
            rc = qlab_inflate_bytes(z, path, z->file.at, z->file.n, sink, out, err);
    } else {
        qlab_step_in in = {.name = path, .fd = fd};
        rc = inflate_steps(z, &in, sink, out, err);
    }
    close(fd);
    return rc;
}
