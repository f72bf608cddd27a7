/* tests/support/vendor.h -- packs in memory and what reading them gave.  Header-only; include once.
 */
#ifndef QLAB_TESTS_SUPPORT_VENDOR_H
#define QLAB_TESTS_SUPPORT_VENDOR_H

#include "base/alloc.h"
#include "base/date.h"
#include "support/t.h"
#include "vendor/pack.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Assets that a test pack may hold: slot i is MINE[i]; US:OUT lies elsewhere, US:BOND is not asked
 * for, US:OTHER is another unit's; all else is unknown. */
static const char *const VENDOR_MINE[] = {"US:A", "US:B", "US:C"};

static inline qlab_who vendor_who(void *ctx, qlab_str id, uint32_t *slot)
{
    (void)ctx;
    for (uint32_t i = 0; i < 3; i++) {
        if (qlab_str_eq(id, qlab_str_of(VENDOR_MINE[i]))) {
            *slot = i;
            return QLAB_WHO_MINE;
        }
    }
    if (qlab_str_eq(id, QLAB_STR("US:OUT")))
        return QLAB_WHO_OUTSIDE;
    if (qlab_str_eq(id, QLAB_STR("US:BOND")))
        return QLAB_WHO_NOT_ASKED;
    return qlab_str_eq(id, QLAB_STR("US:OTHER")) ? QLAB_WHO_OTHER : QLAB_WHO_UNKNOWN;
}

static inline qlab_str vendor_id_of(void *ctx, uint32_t slot)
{
    (void)ctx;
    return qlab_str_of(VENDOR_MINE[slot]);
}

typedef struct vendor_read {
    qlab_rows rows;
    qlab_segments segments;
    uint8_t *duplicate;
    size_t cap_duplicate;
    qlab_quarantine quarantine;
    qlab_pack_result result;
} vendor_read;

static inline void vendor_read_free(vendor_read *v)
{
    qlab_rows_free(&v->rows);
    qlab_free(v->segments.at);
    qlab_free(v->duplicate);
    qlab_quarantine_free(&v->quarantine);
    *v = (vendor_read){0};
}

/* Appends bytes as one gzip member. */
static inline void vendor_gzip(qlab_buf *to, const void *bytes, size_t n)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    qlab_buf_reserve(to, deflateBound(&z, (uLong)n) + 64);
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)to->at + to->n;
    z.avail_out = (uInt)(to->cap - to->n);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    to->n = (size_t)((char *)z.next_out - to->at);
    deflateEnd(&z);
}

typedef struct vendor_how {
    size_t step_bytes;       /* 0: 1 MiB */
    size_t whole_max_bytes;  /* 0: 64 MiB */
    uint64_t line_max_bytes; /* 0: the format's */
    const char *name;        /* NULL: "p.ndjson.gz" */
    bool not_owner;
    const qlab_digest *sha256;
} vendor_how;

static inline void vendor_read_bytes(vendor_read *v, const void *bytes, size_t n, vendor_how how)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_pack_reader *r = qlab_pack_reader_new_stepping(
        how.whole_max_bytes ? how.whole_max_bytes : (size_t)64 << 20,
        how.step_bytes ? how.step_bytes : QLAB_INFLATE_STEP_BYTES,
        how.line_max_bytes ? how.line_max_bytes : QLAB_LINE_MAX_BYTES);
    const qlab_pack_job job = {
        .pack = QLAB_STR("p.ndjson.gz"),
        .path = how.name ? how.name : "p.ndjson.gz",
        .sha256 = how.sha256,
        .owner = !how.not_owner,
        .now = 18262, /* 2020-01-01 */
        .who = vendor_who,
        .asset_id_of = vendor_id_of,
    };
    *v = (vendor_read){0};
    T_OK(qlab_pack_read_bytes(r, &job, bytes, n, &v->rows, &v->segments, &v->duplicate,
                              &v->cap_duplicate, &v->quarantine, &v->result, &err));
    qlab_quarantine_sort(&v->quarantine);
    qlab_pack_reader_free(r);
}

/* Text as a gzip file of one member. */
static inline void vendor_read_text(vendor_read *v, const char *text, size_t n, vendor_how how)
{
    qlab_buf gz = QLAB_BUF_INIT;
    vendor_gzip(&gz, text, n);
    vendor_read_bytes(v, gz.at, gz.n, how);
    qlab_buf_free(&gz);
}

/* Record i, without its line end, as a string that the caller frees. */
static inline char *vendor_record(const vendor_read *v, size_t i)
{
    T_CHECK(i < v->quarantine.n);
    const qlab_quarantine_key *k = &v->quarantine.keys[i];
    return qlab_strndup(v->quarantine.text.at + k->first, k->n - 1);
}

#endif
