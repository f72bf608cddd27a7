/* vendor/pack_line.h -- one line of a pack, `{"canonical_id": "...", "bars": [...]}`, in pieces.
 *
 * The parser takes as many whole tokens (a bar, a top-level member) as the bytes at hand hold and
 * says where it stopped; so a line of any length is read without being held.  Rows of a line count
 * for nothing until the line has ended well: a bad line is one row in and one quarantined.
 *
 * Rules: the line is an object with a string `canonical_id` and an array `bars` of objects, each
 * of the two once; other members are stepped over.  All else is BAD_JSON at its exact place.
 *
 * who() says whose an asset is.  A pack may be read by several units; its owner accounts for
 * everything that belongs to no asset of any unit, and a line is judged by the unit of its asset
 * when the id could be read, else by the owner: so nothing is counted twice or lost.
 *
 * Ownership: borrows the job and its targets, owns its scratch.  Threads: one worker.
 */
#ifndef QLAB_VENDOR_PACK_LINE_H
#define QLAB_VENDOR_PACK_LINE_H

#include "base/hash.h"
#include "vendor/bar_parser.h"
#include "vendor/rows.h"

typedef enum qlab_who {
    QLAB_WHO_MINE,      /* *slot is set: keep its rows */
    QLAB_WHO_OTHER,     /* another unit's: step over it unread */
    QLAB_WHO_UNKNOWN,   /* not in the registry */
    QLAB_WHO_OUTSIDE,   /* the registry points elsewhere for it */
    QLAB_WHO_NOT_ASKED, /* of a type that was not asked for */
    QLAB_WHO_UNREAD     /* its id was not seen yet */
} qlab_who;

typedef struct qlab_pack_job {
    uint32_t pack_no;          /* position of the pack in the plan: sort key of the quarantine */
    qlab_str pack;             /* relative path: what records say */
    const char *path;          /* where it lies */
    const qlab_digest *sha256; /* what the registry says it hashes to; NULL = nothing */
    bool owner;
    uint8_t *present; /* [slot] = 1 where a good line of it was read; NULL = not wanted */
    int32_t now;
    qlab_who (*who)(void *ctx, qlab_str asset_id, uint32_t *slot);
    qlab_str (*asset_id_of)(void *ctx, uint32_t slot);
    void *ctx;
} qlab_pack_job;

/* Where good rows and records go; borrowed. */
typedef struct qlab_pack_target {
    qlab_rows *rows;
    qlab_segments *segments;
    qlab_quarantine *quarantine;
    qlab_counts counts;
    int32_t first_future; /* least date of FUTURE_DATE rows; QLAB_DATE_NONE */
} qlab_pack_target;

typedef enum qlab_line_phase {
    QLAB_LINE_OPEN,   /* before '{' */
    QLAB_LINE_KEY,    /* before a key, or '}' of an empty object */
    QLAB_LINE_BAR,    /* before a bar, or ']' of an empty array */
    QLAB_LINE_END,    /* behind '}' */
    QLAB_LINE_FAILED, /* bad; the rest is not looked at */
    QLAB_LINE_SKIPPED /* another unit's, or blank */
} qlab_line_phase;

/* A bar of the line that a rule rejected, kept until the line has ended. */
typedef struct qlab_pending_bar {
    uint64_t at;
    qlab_reason reason;
    qlab_raw_bar bar;
    size_t datum_first, datum_n;
} qlab_pending_bar;

typedef struct qlab_pack_line {
    const qlab_pack_job *job;
    qlab_pack_target *to;
    qlab_line_phase phase;
    bool first; /* the first member or bar of its bracket is next */
    bool have_id, have_bars;
    qlab_who who;
    uint32_t slot;
    qlab_buf id;
    uint64_t number, at; /* 1-based line; byte offset of its first byte */
    uint64_t n_bars;
    size_t first_row;
    uint64_t bad_at;
    const char *why;
    qlab_buf bad_datum;
    qlab_pending_bar *pending;
    size_t n_pending, cap_pending;
    qlab_buf pending_text;
    qlab_month_memo memo;
} qlab_pack_line;

void qlab_pack_line_begin(qlab_pack_line *l, uint64_t number, uint64_t at);
/* Parses from p (byte offset `at`) up to end; complete: the line ends there.  Returns the first
 * byte that was not taken; the caller brings it again with more behind it (or drops it, once phase
 * is FAILED or SKIPPED).  *end and the padding behind it as vendor/json_scan.h demands. */
const char *qlab_pack_line_step(qlab_pack_line *l, const char *p, const char *end, uint64_t at,
                                bool complete);
/* The line is over: accounts for it.  bad: NONE, or TOO_LONG or NOT_UTF8 at bad_at. */
void qlab_pack_line_finish(qlab_pack_line *l, qlab_reason bad, uint64_t bad_at, qlab_str bad_datum);
void qlab_pack_line_free(qlab_pack_line *l);

#endif
