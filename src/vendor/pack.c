#include "vendor/pack.h"

#include "base/alloc.h"
#include "base/date.h"
#include "vendor/utf8.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Up to QLAB_DATUM_BYTES and a little of what lies behind a place in the line, as it comes by. */
typedef struct qlab_excerpt {
    uint64_t from;
    char at[QLAB_DATUM_BYTES + 4];
    size_t n;
} qlab_excerpt;

struct qlab_pack_reader {
    qlab_inflater *inflater;
    uint64_t line_max_bytes;
    size_t first_try_bytes;
    qlab_pack_line line;
    qlab_pack_target to;
    qlab_buf held;        /* the part of the current line that was not taken yet */
    uint64_t at;          /* byte offset of the first byte not taken */
    uint64_t line_at;     /* of the current line's first byte */
    uint64_t line_number; /* the last line begun */
    bool in_line;
    size_t n_scanned; /* bytes at hand that were looked at: UTF-8, excerpts */
    size_t try_at;    /* bytes at hand before parsing an incomplete line is worth it again */
    qlab_utf8 utf8;
    qlab_reason bad;
    uint64_t bad_at;
    qlab_excerpt head, bad_text;
    uint64_t n_lines;
    size_t first_row, first_segment, first_record;
};

qlab_pack_reader *qlab_pack_reader_new(size_t whole_max_bytes)
{
    return qlab_pack_reader_new_stepping(whole_max_bytes, QLAB_INFLATE_STEP_BYTES,
                                         QLAB_LINE_MAX_BYTES);
}

qlab_pack_reader *qlab_pack_reader_new_stepping(size_t whole_max_bytes, size_t step_bytes,
                                                uint64_t line_max_bytes)
{
    qlab_pack_reader *r = qlab_alloc_zero(1, sizeof *r);

    r->inflater = qlab_inflater_new(whole_max_bytes, step_bytes);
    r->first_try_bytes = step_bytes / 16;
    r->line_max_bytes = line_max_bytes;
    return r;
}

void qlab_pack_reader_free(qlab_pack_reader *r)
{
    if (r == NULL)
        return;
    qlab_inflater_free(r->inflater);
    qlab_pack_line_free(&r->line);
    qlab_buf_free(&r->held);
    qlab_free(r);
}

static void excerpt_feed(qlab_excerpt *e, uint64_t at, const char *bytes, size_t n)
{
    if (e->n == sizeof e->at || at + n <= e->from)
        return;
    const size_t skip = e->from > at ? (size_t)(e->from - at) : 0;
    size_t k = n - skip;
    if (k > sizeof e->at - e->n)
        k = sizeof e->at - e->n;
    memcpy(e->at + e->n, bytes + skip, k);
    e->n += k;
}

static void begin_line(qlab_pack_reader *r)
{
    r->in_line = true;
    r->line_at = r->at;
    r->line_number++;
    r->n_scanned = 0;
    r->try_at = r->first_try_bytes;
    r->utf8 = (qlab_utf8){0};
    r->bad = QLAB_REASON_NONE;
    r->head.from = r->at;
    r->head.n = 0;
    qlab_pack_line_begin(&r->line, r->line_number, r->at);
}

/* Looks at bytes of the line that were not looked at before; at: offset of the first. */
static void scan(qlab_pack_reader *r, uint64_t at, const char *bytes, size_t n)
{
    excerpt_feed(&r->head, at, bytes, n);
    if (r->bad == QLAB_REASON_NONE) {
        const size_t ok = qlab_utf8_feed(&r->utf8, bytes, n);
        if (ok < n) {
            r->bad = QLAB_REASON_NOT_UTF8;
            r->bad_at = at + ok;
            r->bad_text.from = r->bad_at;
            r->bad_text.n = 0;
        }
    }
    if (r->bad == QLAB_REASON_NOT_UTF8)
        excerpt_feed(&r->bad_text, at, bytes, n);
    if (r->bad != QLAB_REASON_TOO_LONG && at + n - r->line_at > r->line_max_bytes) {
        r->bad = QLAB_REASON_TOO_LONG;
        r->bad_at = r->line_at;
        r->bad_text = r->head;
    }
}

static bool rest_is_dropped(const qlab_pack_reader *r)
{
    return r->bad == QLAB_REASON_TOO_LONG || r->line.phase == QLAB_LINE_FAILED ||
           r->line.phase == QLAB_LINE_SKIPPED;
}

/* The line ends at `end`; p is its first byte that was not taken. */
static void end_line(qlab_pack_reader *r, const char *p, const char *end)
{
    scan(r, r->at + r->n_scanned, p + r->n_scanned, (size_t)(end - p) - r->n_scanned);
    if (r->bad == QLAB_REASON_NONE && !qlab_utf8_at_border(&r->utf8)) {
        r->bad = QLAB_REASON_NOT_UTF8;
        r->bad_at = r->at + (uint64_t)(end - p);
        r->bad_text.n = 0;
    }
    if (!rest_is_dropped(r))
        qlab_pack_line_step(&r->line, p, end, r->at, true);
    qlab_pack_line_finish(&r->line, r->bad, r->bad_at, (qlab_str){r->bad_text.at, r->bad_text.n});
    r->n_lines++;
    r->in_line = false;
}

/* No line feed yet in [p, end): takes what can be taken.  Returns the first byte to keep. */
static const char *part_of_line(qlab_pack_reader *r, const char *p, const char *end)
{
    const size_t n = (size_t)(end - p);

    scan(r, r->at + r->n_scanned, p + r->n_scanned, n - r->n_scanned);
    r->n_scanned = n;
    if (!rest_is_dropped(r) && n >= r->try_at) {
        const char *q = qlab_pack_line_step(&r->line, p, end, r->at, false);
        /* A token that did not end in n bytes is tried again when there are twice as many. */
        r->at += (uint64_t)(q - p);
        r->n_scanned = (size_t)(end - q);
        r->try_at = 2 * r->n_scanned > r->first_try_bytes ? 2 * r->n_scanned : r->first_try_bytes;
        p = q;
    }
    if (rest_is_dropped(r)) {
        r->at += (uint64_t)(end - p);
        r->n_scanned = 0;
        p = end;
    }
    return p;
}

/* Takes lines out of [p, end), where r->n_scanned bytes were seen before.  Returns what to keep. */
static const char *take_lines(qlab_pack_reader *r, const char *p, const char *end, bool last)
{
    if (r->at == 0 && !r->in_line) {
        if (end - p < 3 && !last)
            return p; /* may become a byte-order mark */
        if (end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
            p += 3;
            r->at = 3;
        }
    }
    for (;;) {
        if (!r->in_line) {
            if (p == end)
                return p;
            begin_line(r);
        }
        const size_t n = (size_t)(end - p);
        const char *lf = memchr(p + r->n_scanned, '\n', n - r->n_scanned);
        if (lf == NULL && !last)
            return part_of_line(r, p, end);
        const char *stop = lf != NULL ? lf : end;
        end_line(r, p, stop);
        r->at += (uint64_t)(stop - p) + (lf != NULL);
        r->n_scanned = 0;
        p = stop + (lf != NULL);
    }
}

static qlab_code put(void *ctx, char *bytes, size_t n, bool last, qlab_err *err)
{
    qlab_pack_reader *r = ctx;

    (void)err;
    if (r->held.n == 0) {
        const char *keep = take_lines(r, bytes, bytes + n, last);
        const size_t n_keep = (size_t)(bytes + n - keep);
        qlab_buf_put(&r->held, keep, n_keep);
        return QLAB_OK;
    }
    qlab_buf_put(&r->held, bytes, n);
    qlab_buf_reserve(&r->held, QLAB_JSON_SCAN_PAD);
    memset(r->held.at + r->held.n, 0, QLAB_JSON_SCAN_PAD);
    const char *keep = take_lines(r, r->held.at, r->held.at + r->held.n, last);
    const size_t n_keep = (size_t)(r->held.at + r->held.n - keep);
    memmove(r->held.at, keep, n_keep);
    r->held.n = n_keep;
    return QLAB_OK;
}

/* As if nothing of this pack had been read. */
static void restart(void *ctx)
{
    qlab_pack_reader *r = ctx;

    r->to.rows->n = r->first_row;
    r->to.segments->n = r->first_segment;
    qlab_quarantine_truncate(r->to.quarantine, r->first_record);
    r->to.counts = (qlab_counts){0};
    r->to.first_future = QLAB_DATE_NONE;
    r->held.n = 0;
    r->at = r->line_at = r->line_number = r->n_lines = 0;
    r->in_line = false;
    r->n_scanned = 0;
    r->try_at = r->first_try_bytes;
}

static void refuse(const qlab_pack_settle *how, const qlab_pack_job *job, qlab_reason reason,
                   const char *why, qlab_pack_result *out)
{
    how->restart(how->ctx);
    out->refused = reason;
    snprintf(out->why, sizeof out->why, "%s", why);
    if (!job->owner)
        return;
    const qlab_quarantine_record rec = {.pack_no = job->pack_no,
                                        .pack = job->pack,
                                        .date = QLAB_DATE_NONE,
                                        .reason = reason,
                                        .detail = out->why};
    qlab_quarantine_put(how->to->quarantine, &rec);
}

static void judge(const qlab_pack_settle *how, const qlab_pack_job *job, const qlab_inflated *in,
                  qlab_pack_result *out)
{
    char hex[QLAB_HEX_BYTES], want[QLAB_HEX_BYTES], why[256];

    switch (in->verdict) {
    case QLAB_INFLATE_MISSING:
        snprintf(why, sizeof why, "the pack could not be read: %s", in->why);
        refuse(how, job, QLAB_REASON_PACK_MISSING, why, out);
        return;
    case QLAB_INFLATE_TRUNCATED:
        refuse(how, job, QLAB_REASON_PACK_TRUNCATED, in->why, out);
        return;
    case QLAB_INFLATE_BAD:
        refuse(how, job, QLAB_REASON_PACK_BAD_GZIP, in->why, out);
        return;
    case QLAB_INFLATE_OK:
        break;
    }
    if (job->sha256 != NULL && qlab_digest_cmp(job->sha256, &in->sha256) != 0) {
        snprintf(why, sizeof why, "sha256 was %s, the registry promised %s",
                 qlab_hex(in->sha256, hex), qlab_hex(*job->sha256, want));
        refuse(how, job, QLAB_REASON_PACK_HASH_MISMATCH, why, out);
    }
}

static qlab_code settle(const qlab_pack_settle *how, const qlab_pack_job *job, uint8_t **duplicate,
                        size_t *cap_duplicate, qlab_pack_result *out, qlab_err *err)
{
    const qlab_settle rows_how = {
        .pack_no = job->pack_no,
        .pack = job->pack,
        .asset_id_of = job->asset_id_of,
        .ctx = job->ctx,
        .quarantine = how->to->quarantine,
        .counts = &how->to->counts,
    };

    qlab_rows_settle(how->to->rows, how->to->segments, how->first_row, how->first_segment,
                     duplicate, cap_duplicate, &rows_how);
    out->counts = how->to->counts;
    out->first_future = how->to->first_future;
    const qlab_counts *c = &out->counts;
    if (qlab_counts_balance(c))
        return QLAB_OK;
    return qlab_fail(err, QLAB_E_INTERNAL,
                     "pack %.*s: %llu rows in, but %llu good, %llu duplicate, %llu quarantined and "
                     "%llu not asked for",
                     (int)job->pack.n, job->pack.at, (unsigned long long)c->rows_in,
                     (unsigned long long)c->rows_good, (unsigned long long)c->rows_duplicate,
                     (unsigned long long)c->rows_quarantined,
                     (unsigned long long)c->rows_not_asked);
}

qlab_code qlab_pack_settle_read(const qlab_pack_settle *how, const qlab_pack_job *job,
                                const qlab_inflated *in, uint8_t **duplicate, size_t *cap_duplicate,
                                qlab_pack_result *out, qlab_err *err)
{
    out->sha256 = in->sha256;
    out->n_file_bytes = in->n_file_bytes;
    out->n_bytes = in->n_bytes;
    judge(how, job, in, out);
    return settle(how, job, duplicate, cap_duplicate, out, err);
}

static qlab_code read_pack(qlab_pack_reader *r, const qlab_pack_job *job, const void *bytes,
                           size_t n, qlab_rows *rows, qlab_segments *segments, uint8_t **duplicate,
                           size_t *cap_duplicate, qlab_quarantine *quarantine,
                           qlab_pack_result *out, qlab_err *err)
{
    const qlab_inflate_sink sink = {r, put, restart};
    qlab_inflated in;

    *out = (qlab_pack_result){.refused = QLAB_REASON_NONE};
    r->to = (qlab_pack_target){.rows = rows, .segments = segments, .quarantine = quarantine};
    r->first_row = rows->n;
    r->first_segment = segments->n;
    r->first_record = quarantine->n;
    r->line.job = job;
    r->line.to = &r->to;
    restart(r);
    const qlab_code rc = bytes != NULL
                             ? qlab_inflate_bytes(r->inflater, job->path, bytes, n, &sink, &in, err)
                             : qlab_inflate_file(r->inflater, job->path, &sink, &in, err);
    if (rc != QLAB_OK)
        return rc;
    out->n_lines = r->n_lines;
    const qlab_pack_settle how = {restart, r, &r->to, r->first_row, r->first_segment};
    return qlab_pack_settle_read(&how, job, &in, duplicate, cap_duplicate, out, err);
}

qlab_code qlab_pack_read(qlab_pack_reader *r, const qlab_pack_job *job, qlab_rows *rows,
                         qlab_segments *segments, uint8_t **duplicate, size_t *cap_duplicate,
                         qlab_quarantine *quarantine, qlab_pack_result *out, qlab_err *err)
{
    return read_pack(r, job, NULL, 0, rows, segments, duplicate, cap_duplicate, quarantine, out,
                     err);
}

qlab_code qlab_pack_read_bytes(qlab_pack_reader *r, const qlab_pack_job *job, const void *bytes,
                               size_t n, qlab_rows *rows, qlab_segments *segments,
                               uint8_t **duplicate, size_t *cap_duplicate,
                               qlab_quarantine *quarantine, qlab_pack_result *out, qlab_err *err)
{
    assert(bytes != NULL);
    return read_pack(r, job, bytes, n, rows, segments, duplicate, cap_duplicate, quarantine, out,
                     err);
}
