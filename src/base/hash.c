#include "base/hash.h"
#include "base/alloc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* A leaf is a few kilobytes of small puts: collect them, OpenSSL is called a block at a time. */
enum { PENDING_BYTES = 4096, FILE_STEP_BYTES = 1024 * 1024 };

struct qlab_sha256 {
    EVP_MD_CTX *cx;
    size_t n_pending;
    uint8_t pending[PENDING_BYTES];
};

static const EVP_MD *sha256_method(void)
{
    return EVP_sha256();
}

static void must(int ok)
{
    /* SHA-256 of memory cannot fail but for lack of memory or a library without it. */
    assert(ok == 1);
    (void)ok;
}

qlab_digest qlab_sha256_of(const void *bytes, size_t n)
{
    qlab_digest d;
    must(SHA256(n ? bytes : (const void *)"", n, d.at) != NULL);
    return d;
}

qlab_sha256 *qlab_sha256_new(void)
{
    qlab_sha256 *h = qlab_alloc(1, sizeof *h);
    h->cx = EVP_MD_CTX_new();
    assert(h->cx != NULL);
    h->n_pending = 0;
    must(EVP_DigestInit_ex(h->cx, sha256_method(), NULL));
    return h;
}

static void flush_pending(qlab_sha256 *h)
{
    if (h->n_pending)
        must(EVP_DigestUpdate(h->cx, h->pending, h->n_pending));
    h->n_pending = 0;
}

void qlab_sha256_put(qlab_sha256 *h, const void *bytes, size_t n)
{
    if (n > PENDING_BYTES - h->n_pending) {
        flush_pending(h);
        if (n >= PENDING_BYTES) {
            must(EVP_DigestUpdate(h->cx, bytes, n));
            return;
        }
    }
    if (n)
        memcpy(h->pending + h->n_pending, bytes, n);
    h->n_pending += n;
}

void qlab_sha256_put_u32(qlab_sha256 *h, uint32_t v)
{
    const uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    qlab_sha256_put(h, b, sizeof b);
}

void qlab_sha256_put_i32(qlab_sha256 *h, int32_t v)
{
    qlab_sha256_put_u32(h, (uint32_t)v);
}

void qlab_sha256_put_u64(qlab_sha256 *h, uint64_t v)
{
    qlab_sha256_put_u32(h, (uint32_t)v);
    qlab_sha256_put_u32(h, (uint32_t)(v >> 32));
}

void qlab_sha256_put_f64(qlab_sha256 *h, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    qlab_sha256_put_u64(h, bits);
}

void qlab_sha256_put_str(qlab_sha256 *h, const char *s, size_t n)
{
    assert(n <= UINT32_MAX);
    qlab_sha256_put_u32(h, (uint32_t)n);
    qlab_sha256_put(h, s, n);
}

qlab_digest qlab_sha256_end(qlab_sha256 *h)
{
    qlab_digest d;
    flush_pending(h);
    must(EVP_DigestFinal_ex(h->cx, d.at, NULL));
    must(EVP_DigestInit_ex(h->cx, sha256_method(), NULL));
    return d;
}

void qlab_sha256_free(qlab_sha256 *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->cx);
    qlab_free(h);
}

qlab_code qlab_sha256_file(const char *path, qlab_digest *out, uint64_t *n_bytes, qlab_err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return qlab_fail_errno(err, errno, "could not open %s", path);

    qlab_code rc = QLAB_OK;
    uint64_t total = 0;
    qlab_sha256 *h = qlab_sha256_new();
    uint8_t *step = qlab_alloc(FILE_STEP_BYTES, 1);
    for (;;) {
        const ssize_t n = read(fd, step, FILE_STEP_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            rc = qlab_fail_errno(err, errno, "could not read %s", path);
            goto done;
        }
        if (n == 0)
            break;
        qlab_sha256_put(h, step, (size_t)n);
        total += (uint64_t)n;
    }
    *out = qlab_sha256_end(h);
    if (n_bytes)
        *n_bytes = total;
done:
    qlab_free(step);
    qlab_sha256_free(h);
    close(fd);
    return rc;
}

char *qlab_hex_short(qlab_digest d, size_t n_hex, char *out)
{
    static const char digits[] = "0123456789abcdef";
    assert(n_hex <= 2 * QLAB_SHA256_BYTES);
    for (size_t i = 0; i < n_hex; i++)
        out[i] = digits[(d.at[i / 2] >> (i % 2 ? 0 : 4)) & 15];
    out[n_hex] = '\0';
    return out;
}

char *qlab_hex(qlab_digest d, char out[QLAB_HEX_BYTES])
{
    return qlab_hex_short(d, 2 * QLAB_SHA256_BYTES, out);
}

int qlab_digest_cmp(const qlab_digest *a, const qlab_digest *b)
{
    return memcmp(a->at, b->at, QLAB_SHA256_BYTES);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int qlab_digest_parse(const char *hex, size_t n, qlab_digest *out)
{
    qlab_digest d;
    if (n != 2 * QLAB_SHA256_BYTES)
        return -1;
    for (size_t i = 0; i < QLAB_SHA256_BYTES; i++) {
        const int hi = hex_value(hex[2 * i]), lo = hex_value(hex[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return -1;
        d.at[i] = (uint8_t)(hi * 16 + lo);
    }
    *out = d;
    return 0;
}

uint64_t qlab_xxh3(const void *bytes, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(n ? bytes : "", n, seed);
}
