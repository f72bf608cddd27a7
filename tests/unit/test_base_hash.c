/* SHA-256 against the vectors of FIPS 180-2, in one piece, in pieces and from a file. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/hash.h"
#include "support/t.h"

#include <string.h>

static void is_hex(qlab_digest d, const char *want)
{
    char hex[QLAB_HEX_BYTES];
    T_STR(qlab_hex(d, hex), want);
}

T_TEST(vectors)
{
    is_hex(qlab_sha256_of(NULL, 0),
           "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    is_hex(qlab_sha256_of("abc", 3),
           "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    is_hex(qlab_sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56),
           "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    qlab_sha256 *h = qlab_sha256_new();
    for (int i = 0; i < 1000000; i++)
        qlab_sha256_put(h, "a", 1);
    is_hex(qlab_sha256_end(h), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    qlab_sha256_put(h, "abc", 3); /* end restarts */
    is_hex(qlab_sha256_end(h), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    qlab_sha256_free(h);
    qlab_sha256_free(NULL);
}

/* Any cut of the same bytes gives the same digest, also across the inner buffer. */
T_TEST(pieces)
{
    enum { N = 20000 };
    uint8_t *bytes = qlab_alloc(N, 1);
    for (size_t i = 0; i < N; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    const qlab_digest whole = qlab_sha256_of(bytes, N);
    static const size_t steps[] = {1, 3, 4095, 4096, 4097, 9000};
    qlab_sha256 *h = qlab_sha256_new();
    for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
        for (size_t at = 0; at < N; at += steps[s])
            qlab_sha256_put(h, bytes + at, steps[s] < N - at ? steps[s] : N - at);
        const qlab_digest d = qlab_sha256_end(h);
        T_CHECK(qlab_digest_cmp(&d, &whole) == 0);
    }
    qlab_sha256_free(h);
    qlab_free(bytes);
}

T_TEST(numbers_are_little_endian)
{
    static const uint8_t want[] = {1, 2, 3, 4, 0xFE, 0xFF, 0xFF, 0xFF, 8,    7, 6, 5, 4, 3,   2,
                                   1, 0, 0, 0, 0,    0,    0,    0xF8, 0x3F, 2, 0, 0, 0, 'h', 'i'};
    qlab_sha256 *h = qlab_sha256_new();
    qlab_sha256_put_u32(h, 0x04030201);
    qlab_sha256_put_i32(h, -2);
    qlab_sha256_put_u64(h, UINT64_C(0x0102030405060708));
    qlab_sha256_put_f64(h, 1.5);
    qlab_sha256_put_str(h, "hi", 2);
    const qlab_digest d = qlab_sha256_end(h), w = qlab_sha256_of(want, sizeof want);
    T_CHECK(qlab_digest_cmp(&d, &w) == 0);
    qlab_sha256_free(h);
}

T_TEST(files_and_hex)
{
    qlab_err err = QLAB_ERR_INIT;
    char *dir = t_tmpdir();
    char *path = qlab_path_join(dir, "x");
    qlab_digest d, back;
    uint64_t n;
    char hex[QLAB_HEX_BYTES];
    T_OK(qlab_file_write(path, "abc", 3, &err));
    T_OK(qlab_sha256_file(path, &d, &n, &err));
    T_CHECK(n == 3);
    is_hex(d, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    T_STR(qlab_hex_short(d, 12, hex), "ba7816bf8f01");
    T_CHECK(qlab_digest_parse("BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                              64, &back) == 0);
    T_CHECK(qlab_digest_cmp(&d, &back) == 0);
    T_CHECK(qlab_digest_parse("ba78", 4, &back) == -1);
    T_CHECK(qlab_digest_parse("ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                              64, &back) == -1);
    qlab_free(path);
    path = qlab_path_join(dir, "missing");
    T_FAILS(QLAB_E_NOT_FOUND, qlab_sha256_file(path, &d, &n, &err));
    qlab_free(path);
    t_rmdir(dir);
    T_CHECK(qlab_xxh3("abc", 3, 0) == UINT64_C(0x78af5f94892f3950));
}

T_MAIN(T_CASE(vectors), T_CASE(pieces), T_CASE(numbers_are_little_endian), T_CASE(files_and_hex))
