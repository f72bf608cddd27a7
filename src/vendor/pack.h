/* vendor/pack.h -- one history pack to rows: inflate, split into lines, parse, check, settle.
 *
 * A pack that is missing, cut, corrupt or not the one that the registry promised is refused: none
 * of its rows count, and one record says why.  Anything else goes line by line (pack_line.h).  What
 * is read does not depend on whether the pack went through memory whole or in steps.
 *
 * Lines end with LF or CR LF; a byte-order mark at the very start is stepped over; blank lines are
 * no lines.  A line above QLAB_LINE_MAX_BYTES is TOO_LONG; it is never held.
 *
 * Ownership: the reader owns its buffers and is reused from pack to pack.  Threads: one a worker.
 */
#ifndef QLAB_VENDOR_PACK_H
#define QLAB_VENDOR_PACK_H

#include "base/err.h"
#include "vendor/inflate.h"
#include "vendor/pack_line.h"

#define QLAB_LINE_MAX_BYTES (256ULL << 20)

/* Version of what this adapter makes of the same bytes: bump it when a rule changes. */
enum { QLAB_VENDOR_V7_VERSION = 1 };

typedef struct qlab_pack_result {
    qlab_reason refused; /* NONE, or a PACK_* code */
    char why[256];       /* one line when refused */
    qlab_digest sha256;  /* of the file; zero when it was missing */
    uint64_t n_file_bytes, n_bytes, n_lines;
    qlab_counts counts;   /* balanced; all zero when refused */
    int32_t first_future; /* least date of FUTURE_DATE rows: worth reading again then */
} qlab_pack_result;

typedef struct qlab_pack_reader qlab_pack_reader;
/* whole_max_bytes: larger packs go in steps. */
qlab_pack_reader *qlab_pack_reader_new(size_t whole_max_bytes);
/* With other steps and a lower limit of a line, for tests: the result must not depend on steps. */
qlab_pack_reader *qlab_pack_reader_new_stepping(size_t whole_max_bytes, size_t step_bytes,
                                                uint64_t line_max_bytes);
void qlab_pack_reader_free(qlab_pack_reader *r);

/* Reads one pack: appends the rows of the job's own assets to rows and one segment an asset to
 * segments (settled: sorted by date, unique), records to quarantine.  duplicate as in rows.h.
 * QLAB_E_INTERNAL, with the numbers, when the account does not balance. */
qlab_code qlab_pack_read(qlab_pack_reader *r, const qlab_pack_job *job, qlab_rows *rows,
                         qlab_segments *segments, uint8_t **duplicate, size_t *cap_duplicate,
                         qlab_quarantine *quarantine, qlab_pack_result *out,
                         qlab_err *err) QLAB_MUST_USE;
/* The same over bytes in memory (tests, fuzzing); job->path only names them. */
qlab_code qlab_pack_read_bytes(qlab_pack_reader *r, const qlab_pack_job *job, const void *bytes,
                               size_t n, qlab_rows *rows, qlab_segments *segments,
                               uint8_t **duplicate, size_t *cap_duplicate,
                               qlab_quarantine *quarantine, qlab_pack_result *out,
                               qlab_err *err) QLAB_MUST_USE;

/* For other adapters: judges what the inflater said, refuses (restart takes back what was read) or
 * settles the rows, balances the account, and fills out.  job, in and how are borrowed. */
typedef struct qlab_pack_settle {
    void (*restart)(void *ctx);
    void *ctx;
    qlab_pack_target *to;
    size_t first_row, first_segment;
} qlab_pack_settle;
qlab_code qlab_pack_settle_read(const qlab_pack_settle *how, const qlab_pack_job *job,
                                const qlab_inflated *in, uint8_t **duplicate, size_t *cap_duplicate,
                                qlab_pack_result *out, qlab_err *err) QLAB_MUST_USE;

#endif
