/* vendor/quarantine.h -- what was not taken, one record each, in a fixed order.
 *
 * A record is one line of JSON (docs/formats/quarantine.md) with its sort key: the position of its
 * pack in the plan, the line and the byte offset inside the inflated pack.  A unit gathers records
 * in a qlab_quarantine, sorts them and keeps them in a file of its own; at the end the files of all
 * units become one runs/<id>/quarantine.ndjson.gz, whose bytes depend on the records alone.
 *
 * pack      path relative to the vendor folder ("history/US/A/pack_0001.ndjson.gz"), or the pointer
 *           as it was given when it led nowhere
 * line      1-based; 0 = the whole pack        byte_offset  0-based, in the inflated pack
 * datum     the raw text from there, at most QLAB_DATUM_BYTES, bytes that are not UTF-8 as U+FFFD
 * detail    what was wrong, in the past tense
 *
 * Ownership: a qlab_quarantine owns its bytes.  Threads: one belongs to one worker.
 */
#ifndef QLAB_VENDOR_QUARANTINE_H
#define QLAB_VENDOR_QUARANTINE_H

#include "base/err.h"
#include "base/view.h"
#include "vendor/reason.h"

enum { QLAB_DATUM_BYTES = 256 };

typedef struct qlab_quarantine_record {
    uint32_t pack_no; /* sort key of `pack`: its position among all packs of the plan */
    qlab_str pack;
    uint64_t line, byte_offset;
    qlab_str asset_id; /* at == NULL: unknown */
    int32_t date;      /* QLAB_DATE_NONE: unknown */
    qlab_reason reason;
    uint64_t n_bars; /* asset-level reasons: bars of the line; otherwise 0 */
    bool kept;       /* the winning row of a DUPLICATE_CONFLICT: recorded, but in the lake */
    const char *detail;
    qlab_str datum;
} qlab_quarantine_record;

typedef struct qlab_quarantine_key {
    uint32_t pack_no;
    uint64_t line, byte_offset;
    size_t seq, first, n; /* order of arrival; bytes in text */
} qlab_quarantine_key;

typedef struct qlab_quarantine {
    qlab_buf text;
    qlab_quarantine_key *keys;
    size_t n, cap;
} qlab_quarantine;

#define QLAB_QUARANTINE_INIT                                                                       \
    {                                                                                              \
        QLAB_BUF_INIT, NULL, 0, 0                                                                  \
    }

void qlab_quarantine_put(qlab_quarantine *q, const qlab_quarantine_record *r);
/* Forgets all records after the first n (a pack was refused after some of its rows were read). */
void qlab_quarantine_truncate(qlab_quarantine *q, size_t n);
void qlab_quarantine_sort(qlab_quarantine *q); /* by (pack_no, line, byte_offset, arrival) */
void qlab_quarantine_free(qlab_quarantine *q);

/* Sorts and writes the records as a file of this program's own (not for people). */
qlab_code qlab_quarantine_save(qlab_quarantine *q, const char *path, qlab_err *err) QLAB_MUST_USE;
/* Merges saved files, each sorted, into one gzip file (mtime 0, no name): the same records give the
 * same bytes.  Memory does not grow with the number of records.  *n_records may be NULL. */
qlab_code qlab_quarantine_merge(char *const *saved, size_t n_saved, const char *path,
                                uint64_t *n_records, qlab_err *err) QLAB_MUST_USE;

/* Appends s as a JSON string with its quotes; what is not UTF-8 becomes U+FFFD. */
void qlab_buf_put_json_str(qlab_buf *b, qlab_str s);

#endif
