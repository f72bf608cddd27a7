/* vendor/inflate.h -- the gzip front: a pack's bytes, inflated and hashed, whole or in steps.
 *
 * Small packs are inflated whole with libdeflate; a pack that would pass `whole_max_bytes` (its
 * compressed or its inflated size) goes through zlib in steps of 1 MiB.  Both ways hand the same
 * bytes to the sink and give the same verdict; zlib has the last word, because only it can tell a
 * file that ends early from one that is wrong.
 *
 * Accepted: one or several gzip members, zero padding after the last one; a name that does not end
 * in ".gz" and bytes that do not begin with the gzip magic are taken as they are.  Refused: an
 * empty .gz, a member that ends early (TRUNCATED), anything else that is not gzip (BAD).
 *
 * Ownership: a qlab_inflater owns buffers and is reused from pack to pack.  Threads: one a worker.
 */
#ifndef QLAB_VENDOR_INFLATE_H
#define QLAB_VENDOR_INFLATE_H

#include "base/err.h"
#include "base/hash.h"
#include "base/view.h"

/* Readable bytes behind every piece that a sink is given: the first is a 0. */
enum { QLAB_INFLATE_PAD = 64, QLAB_INFLATE_STEP_BYTES = 1 << 20 };

typedef enum qlab_inflate_verdict {
    QLAB_INFLATE_OK,
    QLAB_INFLATE_MISSING,   /* no such file, or not one that may be read */
    QLAB_INFLATE_TRUNCATED, /* the bytes ended inside a gzip member */
    QLAB_INFLATE_BAD        /* not gzip, or its check did not hold */
} qlab_inflate_verdict;

typedef struct qlab_inflated {
    qlab_inflate_verdict verdict;
    qlab_digest sha256;    /* of the file as it lies; valid unless MISSING */
    uint64_t n_file_bytes; /* as it lies */
    uint64_t n_bytes;      /* inflated and handed to the sink */
    char why[128];         /* one line, unless OK */
} qlab_inflated;

typedef struct qlab_inflater qlab_inflater;
/* step_bytes: QLAB_INFLATE_STEP_BYTES but in tests. */
qlab_inflater *qlab_inflater_new(size_t whole_max_bytes, size_t step_bytes);
void qlab_inflater_free(qlab_inflater *z);

/* Where the bytes go.  put is given consecutive pieces; `last` marks the final one, which may be
 * empty.  restart: forget everything so far, the same bytes come again from the first one.  A
 * verdict other than OK may follow any number of pieces. */
typedef struct qlab_inflate_sink {
    void *ctx;
    qlab_code (*put)(void *ctx, char *bytes, size_t n, bool last, qlab_err *err);
    void (*restart)(void *ctx);
} qlab_inflate_sink;

/* A code other than OK is the sink's, or a read that the system refused.  A bad file is no error:
 * see out->verdict.  The hash covers the whole file also when inflating stopped early. */
qlab_code qlab_inflate_file(qlab_inflater *z, const char *path, const qlab_inflate_sink *sink,
                            qlab_inflated *out, qlab_err *err) QLAB_MUST_USE;
/* The same over bytes in memory (registry files, tests, fuzzing). */
qlab_code qlab_inflate_bytes(qlab_inflater *z, const char *name, const void *bytes, size_t n,
                             const qlab_inflate_sink *sink, qlab_inflated *out,
                             qlab_err *err) QLAB_MUST_USE;

#endif
