#include "vendor/pack_line.h"

#include "base/alloc.h"
#include "base/date.h"

#include <assert.h>
#include <string.h>

void qlab_pack_line_begin(qlab_pack_line *l, uint64_t number, uint64_t at)
{
    l->phase = QLAB_LINE_OPEN;
    l->first = l->have_id = l->have_bars = false;
    l->who = QLAB_WHO_UNREAD;
    l->slot = 0;
    l->id.n = 0;
    l->number = number;
    l->at = at;
    l->n_bars = 0;
    l->first_row = l->to->rows->n;
    l->n_pending = 0;
    l->pending_text.n = 0;
    l->bad_datum.n = 0;
}

void qlab_pack_line_free(qlab_pack_line *l)
{
    qlab_buf_free(&l->id);
    qlab_buf_free(&l->bad_datum);
    qlab_buf_free(&l->pending_text);
    qlab_free(l->pending);
    *l = (qlab_pack_line){0};
}

/* ---- bars ------------------------------------------------------------------------------------ */

static bool rows_wanted(const qlab_pack_line *l)
{
    return l->who == QLAB_WHO_MINE || l->who == QLAB_WHO_UNREAD;
}

static void reject_bar(qlab_pack_line *l, const qlab_raw_bar *bar, qlab_reason reason, uint64_t at,
                       const char *text, size_t n)
{
    const size_t keep = n < QLAB_DATUM_BYTES + 4 ? n : QLAB_DATUM_BYTES + 4;

    qlab_grow((void **)&l->pending, &l->cap_pending, l->n_pending + 1, sizeof *l->pending);
    l->pending[l->n_pending++] = (qlab_pending_bar){at, reason, *bar, l->pending_text.n, keep};
    qlab_buf_put(&l->pending_text, text, keep);
}

static inline void take_bar(qlab_pack_line *l, const qlab_raw_bar *bar, uint64_t at,
                            const char *text, size_t n)
{
    l->n_bars++;
    if (!rows_wanted(l))
        return;
    const qlab_reason reason = qlab_raw_bar_check(bar, l->job->now);
    if (reason != QLAB_REASON_NONE) {
        reject_bar(l, bar, reason, at, text, n);
        return;
    }
    qlab_rows *r = l->to->rows;
    if (r->n == r->cap)
        qlab_rows_reserve(r, r->n + 1);
    r->date[r->n] = bar->date;
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++)
        r->v[f][r->n] = bar->v[f];
    r->at[r->n++] = at;
}

/* ---- members --------------------------------------------------------------------------------- */

static const char *id_value(qlab_pack_line *l, qlab_json_scan *s, const char *p)
{
    qlab_str body;
    bool escaped;

    if (*p != '"')
        return qlab_json_scan_fail(s, p, "canonical_id was not a string");
    const char *q = qlab_json_scan_string(s, p, &body, &escaped);
    if (q == NULL)
        return NULL;
    if (body.n == 0)
        return qlab_json_scan_fail(s, p, "canonical_id was empty");
    l->id.n = 0;
    qlab_buf_reserve(&l->id, body.n);
    if (escaped) {
        l->id.n = qlab_json_scan_unescape(body, l->id.at);
        l->id.at[l->id.n] = '\0';
    } else {
        qlab_buf_put(&l->id, body.at, body.n);
    }
    return q;
}

static void know_id(qlab_pack_line *l)
{
    l->have_id = true;
    l->who = l->job->who(l->job->ctx, (qlab_str){l->id.at, l->id.n}, &l->slot);
    assert(l->who != QLAB_WHO_UNREAD);
    if (l->who != QLAB_WHO_MINE && !l->job->owner)
        l->who = QLAB_WHO_OTHER;
    if (l->who == QLAB_WHO_OTHER)
        l->phase = QLAB_LINE_SKIPPED;
    if (l->who != QLAB_WHO_MINE) {
        l->to->rows->n = l->first_row;
        l->n_pending = 0;
        l->pending_text.n = 0;
    }
}

static bool body_is(qlab_str body, bool escaped, const char *word)
{
    char plain[6 * 16];
    const size_t n = strlen(word);

    if (escaped) {
        if (body.n > sizeof plain)
            return false;
        body = (qlab_str){plain, qlab_json_scan_unescape(body, plain)};
    }
    return body.n == n && memcmp(body.at, word, n) == 0;
}

/* Behind a member's value: ',' or '}'.  Nothing is believed before that byte was seen, because a
 * number at the end of the bytes at hand may go on. */
static const char *member_end(qlab_pack_line *l, qlab_json_scan *s, const char *p)
{
    p = qlab_json_scan_space(p);
    if (*p == '}') {
        l->phase = QLAB_LINE_END;
        return p + 1;
    }
    if (*p != ',')
        return qlab_json_scan_fail(s, p, "expected ',' or '}'");
    l->phase = QLAB_LINE_KEY;
    return p + 1;
}

static const char *member(qlab_pack_line *l, qlab_json_scan *s, const char *p)
{
    qlab_str key;
    bool escaped;
    const char *key_at = p = qlab_json_scan_space(p);

    if (l->first && *p == '}') {
        l->phase = QLAB_LINE_END;
        return p + 1;
    }
    if (*p != '"')
        return qlab_json_scan_fail(s, p, "expected a key");
    p = qlab_json_scan_string(s, p, &key, &escaped);
    if (p == NULL)
        return NULL;
    p = qlab_json_scan_space(p);
    if (*p != ':')
        return qlab_json_scan_fail(s, p, "expected ':'");
    p = qlab_json_scan_space(p + 1);
    if (body_is(key, escaped, "canonical_id")) {
        if (l->have_id)
            return qlab_json_scan_fail(s, key_at, "canonical_id came twice");
        if ((p = id_value(l, s, p)) == NULL || (p = member_end(l, s, p)) == NULL)
            return NULL;
        l->first = false;
        know_id(l);
        return p;
    }
    if (body_is(key, escaped, "bars")) {
        if (l->have_bars)
            return qlab_json_scan_fail(s, key_at, "bars came twice");
        if (*p != '[')
            return qlab_json_scan_fail(s, p, "bars was not an array");
        l->have_bars = true;
        l->phase = QLAB_LINE_BAR;
        l->first = true;
        return p + 1;
    }
    p = qlab_json_scan_value(s, p);
    p = p == NULL ? NULL : member_end(l, s, p);
    l->first = l->first && p == NULL;
    return p;
}

/* One bar and what is behind it: ',', or ']' and the end of the member. */
static const char *bar(qlab_pack_line *l, qlab_json_scan *s, const char *p, uint64_t at,
                       const char *base)
{
    qlab_raw_bar b;
    const char *text = p = qlab_json_scan_space(p), *text_end = NULL;

    if (!l->first || *p != ']') {
        text_end = p = qlab_bar_parse(s, p, &l->memo, &b);
        if (p == NULL)
            return NULL;
        p = qlab_json_scan_space(p);
        if (*p != ',' && *p != ']')
            return qlab_json_scan_fail(s, p, "expected ',' or ']'");
    }
    p = *p == ']' ? member_end(l, s, p + 1) : p + 1;
    if (p == NULL)
        return NULL;
    if (text_end != NULL)
        take_bar(l, &b, at + (uint64_t)(text - base), text, (size_t)(text_end - text));
    l->first = false;
    return p;
}

static const char *token(qlab_pack_line *l, qlab_json_scan *s, const char *p, uint64_t at,
                         const char *base)
{
    switch (l->phase) {
    case QLAB_LINE_OPEN:
        p = qlab_json_scan_space(p);
        if (*p != '{')
            return qlab_json_scan_fail(s, p, "expected '{'");
        l->phase = QLAB_LINE_KEY;
        l->first = true;
        return p + 1;
    case QLAB_LINE_KEY:
        return member(l, s, p);
    case QLAB_LINE_BAR:
        return bar(l, s, p, at, base);
    default:
        p = qlab_json_scan_space(p);
        if (p != s->end)
            return qlab_json_scan_fail(s, p, "bytes followed the object");
        return p;
    }
}

static void fail_line(qlab_pack_line *l, uint64_t bad_at, const char *why, const char *text,
                      size_t n)
{
    l->phase = QLAB_LINE_FAILED;
    l->bad_at = bad_at;
    l->why = why;
    l->bad_datum.n = 0;
    qlab_buf_put(&l->bad_datum, text, n < QLAB_DATUM_BYTES + 4 ? n : QLAB_DATUM_BYTES + 4);
}

const char *qlab_pack_line_step(qlab_pack_line *l, const char *p, const char *end, uint64_t at,
                                bool complete)
{
    qlab_json_scan s = {end, NULL, NULL};
    const char *base = p;

    if (complete && l->phase == QLAB_LINE_OPEN && qlab_json_scan_space(p) == end) {
        l->phase = QLAB_LINE_SKIPPED; /* a blank line is no line */
        return end;
    }
    while (l->phase < QLAB_LINE_FAILED) {
        if (l->phase == QLAB_LINE_END && p == end)
            break;
        const char *q = token(l, &s, p, at, base);
        if (q != NULL) {
            p = q;
            continue;
        }
        const size_t left = (size_t)(end - s.bad_at);
        /* It may be the end of the bytes at hand that is wrong; and the datum wants its bytes. */
        if (!complete && (s.bad_at >= end || left < QLAB_DATUM_BYTES + 4))
            return p;
        fail_line(l, at + (uint64_t)(s.bad_at - base), s.why, s.bad_at, left);
    }
    if (complete && l->phase == QLAB_LINE_END && (!l->have_id || !l->have_bars))
        fail_line(l, l->at, !l->have_id ? "canonical_id was missing" : "bars was missing", "", 0);
    return p;
}

/* ---- the account ----------------------------------------------------------------------------- */

static qlab_quarantine_record record_of(const qlab_pack_line *l, qlab_reason reason)
{
    return (qlab_quarantine_record){
        .pack_no = l->job->pack_no,
        .pack = l->job->pack,
        .line = l->number,
        .byte_offset = l->at,
        .asset_id = {l->have_id ? l->id.at : NULL, l->id.n},
        .date = QLAB_DATE_NONE,
        .reason = reason,
    };
}

static void finish_bad(qlab_pack_line *l, qlab_reason reason, uint64_t at, const char *detail,
                       qlab_str datum)
{
    qlab_counts *c = &l->to->counts;

    l->to->rows->n = l->first_row;
    c->rows_in++;
    c->rows_quarantined++;
    c->by_reason[reason]++;
    qlab_quarantine_record rec = record_of(l, reason);
    rec.byte_offset = at;
    rec.detail = detail;
    rec.datum = datum;
    qlab_quarantine_put(l->to->quarantine, &rec);
}

static void finish_mine(qlab_pack_line *l)
{
    qlab_counts *c = &l->to->counts;
    const size_t n_rows = l->to->rows->n - l->first_row;
    char detail[QLAB_DETAIL_BYTES];

    c->rows_in += l->n_bars;
    if (l->job->present != NULL)
        l->job->present[l->slot] = 1;
    for (size_t i = 0; i < l->n_pending; i++) {
        const qlab_pending_bar *b = &l->pending[i];
        qlab_quarantine_record rec = record_of(l, b->reason);
        qlab_raw_bar_explain(&b->bar, b->reason, l->job->now, detail);
        rec.byte_offset = b->at;
        rec.date = b->bar.date_state == QLAB_DATE_GOOD ? b->bar.date : QLAB_DATE_NONE;
        rec.detail = detail;
        rec.datum = (qlab_str){l->pending_text.at + b->datum_first, b->datum_n};
        qlab_quarantine_put(l->to->quarantine, &rec);
        c->rows_quarantined++;
        c->by_reason[b->reason]++;
        if (b->reason == QLAB_REASON_FUTURE_DATE &&
            (l->to->first_future == QLAB_DATE_NONE || b->bar.date < l->to->first_future))
            l->to->first_future = b->bar.date;
    }
    if (n_rows > 0)
        qlab_segments_put(l->to->segments, l->slot, l->number, l->first_row, n_rows);
}

static void finish_foreign(qlab_pack_line *l)
{
    qlab_counts *c = &l->to->counts;

    l->to->rows->n = l->first_row;
    c->rows_in += l->n_bars;
    if (l->who == QLAB_WHO_NOT_ASKED) {
        c->rows_not_asked += l->n_bars;
        return;
    }
    const bool unknown = l->who == QLAB_WHO_UNKNOWN;
    const qlab_reason reason = unknown ? QLAB_REASON_UNKNOWN_ASSET : QLAB_REASON_OUTSIDE_POINTER;
    c->rows_quarantined += l->n_bars;
    c->by_reason[reason] += l->n_bars;
    qlab_quarantine_record rec = record_of(l, reason);
    rec.n_bars = l->n_bars;
    rec.detail = unknown ? "the registry has no such asset"
                         : "the registry points to another pack for this asset";
    qlab_quarantine_put(l->to->quarantine, &rec);
}

void qlab_pack_line_finish(qlab_pack_line *l, qlab_reason bad, uint64_t bad_at, qlab_str bad_datum)
{
    if (l->phase == QLAB_LINE_SKIPPED || (l->who == QLAB_WHO_UNREAD && !l->job->owner)) {
        l->to->rows->n = l->first_row;
        return;
    }
    if (bad == QLAB_REASON_TOO_LONG)
        finish_bad(l, bad, bad_at, "the line was longer than 256 MiB", bad_datum);
    else if (bad == QLAB_REASON_NOT_UTF8)
        finish_bad(l, bad, bad_at, "a byte was not UTF-8", bad_datum);
    else if (l->phase == QLAB_LINE_FAILED)
        finish_bad(l, QLAB_REASON_BAD_JSON, l->bad_at, l->why,
                   (qlab_str){l->bad_datum.at, l->bad_datum.n});
    else if (l->who == QLAB_WHO_MINE)
        finish_mine(l);
    else
        finish_foreign(l);
}
