/* base/hash.h -- SHA-256 (identity and integrity) and XXH3 (tables in memory only). */
#ifndef QLAB_BASE_HASH_H
#define QLAB_BASE_HASH_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { QLAB_SHA256_BYTES = 32, QLAB_HEX_BYTES = 65 }; /* 64 hex digits and the NUL */

typedef struct qlab_digest {
    uint8_t at[QLAB_SHA256_BYTES];
} qlab_digest;

typedef struct qlab_sha256 qlab_sha256; /* a running hash; owned by its maker */

qlab_digest qlab_sha256_of(const void *bytes, size_t n);
qlab_sha256 *qlab_sha256_new(void);
void qlab_sha256_put(qlab_sha256 *h, const void *bytes, size_t n);
void qlab_sha256_put_u32(qlab_sha256 *h, uint32_t v); /* little-endian, as all numbers below */
void qlab_sha256_put_i32(qlab_sha256 *h, int32_t v);
void qlab_sha256_put_u64(qlab_sha256 *h, uint64_t v);
void qlab_sha256_put_f64(qlab_sha256 *h, double v);
void qlab_sha256_put_str(qlab_sha256 *h, const char *s, size_t n); /* u32 length, then the bytes */
qlab_digest qlab_sha256_end(qlab_sha256 *h);                       /* and restarts it */
void qlab_sha256_free(qlab_sha256 *h);
/* Streams a file in 1 MiB steps. n_bytes may be NULL. */
qlab_code qlab_sha256_file(const char *path, qlab_digest *out, uint64_t *n_bytes,
                           qlab_err *err) QLAB_MUST_USE;

char *qlab_hex(qlab_digest d, char out[QLAB_HEX_BYTES]); /* returns out */
/* First n_hex digits, NUL-terminated; out holds n_hex + 1 bytes. */
char *qlab_hex_short(qlab_digest d, size_t n_hex, char *out);
int qlab_digest_cmp(const qlab_digest *a, const qlab_digest *b);
/* 64 hex digits in either case to a digest; 0 on success, -1 otherwise. */
int qlab_digest_parse(const char *hex, size_t n, qlab_digest *out);

uint64_t qlab_xxh3(const void *bytes, size_t n, uint64_t seed);

#endif
