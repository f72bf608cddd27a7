#include "vendor/quarantine.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Length of the UTF-8 character at s (n bytes left), or 0 when there is none. */
static size_t utf8_at(const char *s, size_t n)
{
    for (size_t k = 1; k <= 4 && k <= n; k++) {
        if (qlab_str_is_utf8((qlab_str){s, k}))
            return k;
    }
    return 0;
}

static void put_escaped(qlab_buf *b, unsigned char c)
{
    if (c == '"' || c == '\\')
        qlab_buf_putf(b, "\\%c", c);
    else if (c == '\n')
        qlab_buf_puts(b, "\\n");
    else if (c == '\t')
        qlab_buf_puts(b, "\\t");
    else if (c == '\r')
        qlab_buf_puts(b, "\\r");
    else
        qlab_buf_putf(b, "\\u%04x", c);
}

void qlab_buf_put_json_str(qlab_buf *b, qlab_str s)
{
    qlab_buf_put(b, "\"", 1);
    for (size_t i = 0; i < s.n;) {
        size_t plain = i;
        while (plain < s.n && (unsigned char)s.at[plain] >= 0x20 &&
               (unsigned char)s.at[plain] < 0x7f && s.at[plain] != '"' && s.at[plain] != '\\')
            plain++;
        if (plain > i) {
            qlab_buf_put(b, s.at + i, plain - i);
            i = plain;
            continue;
        }
        const unsigned char c = (unsigned char)s.at[i];
        if (c < 0x80) {
            put_escaped(b, c);
            i++;
            continue;
        }
        const size_t k = utf8_at(s.at + i, s.n - i);
        if (k > 0)
            qlab_buf_put(b, s.at + i, k);
        else
            qlab_buf_puts(b, "\xef\xbf\xbd");
        i += k > 0 ? k : 1;
    }
    qlab_buf_put(b, "\"", 1);
}

/* At most QLAB_DATUM_BYTES, never cut inside a character. */
static qlab_str bounded(qlab_str s)
{
    if (s.n <= QLAB_DATUM_BYTES)
        return s;
    s.n = QLAB_DATUM_BYTES;
    for (size_t back = 1; back <= 3; back++) {
        const unsigned char c = (unsigned char)s.at[s.n - back];
        if (c < 0x80)
            break;
        if (c >= 0xc0) {
            if (utf8_at(s.at + s.n - back, back) == 0)
                s.n -= back;
            break;
        }
    }
    return s;
}

void qlab_quarantine_put(qlab_quarantine *q, const qlab_quarantine_record *r)
{
    char day[QLAB_DATE_BYTES];
    qlab_buf *b = &q->text;
    const size_t first = b->n;

    qlab_buf_puts(b, "{\"pack\":");
    qlab_buf_put_json_str(b, r->pack);
    qlab_buf_putf(b,
                  ",\"line\":%llu,\"byte_offset\":%llu,\"asset_id\":", (unsigned long long)r->line,
                  (unsigned long long)r->byte_offset);
    if (r->asset_id.at == NULL)
        qlab_buf_puts(b, "null");
    else
        qlab_buf_put_json_str(b, r->asset_id);
    if (r->date == QLAB_DATE_NONE)
        qlab_buf_puts(b, ",\"date\":null");
    else
        qlab_buf_putf(b, ",\"date\":\"%s\"", qlab_date_format(r->date, day));
    qlab_buf_putf(b, ",\"reason\":\"%s\"", qlab_reason_name(r->reason));
    if (r->reason == QLAB_REASON_UNKNOWN_ASSET || r->reason == QLAB_REASON_OUTSIDE_POINTER)
        qlab_buf_putf(b, ",\"bars\":%llu", (unsigned long long)r->n_bars);
    if (r->kept)
        qlab_buf_puts(b, ",\"kept\":true");
    qlab_buf_puts(b, ",\"detail\":");
    qlab_buf_put_json_str(b, qlab_str_of(r->detail));
    qlab_buf_puts(b, ",\"datum\":");
    qlab_buf_put_json_str(b, bounded(r->datum));
    qlab_buf_puts(b, "}\n");

    qlab_grow((void **)&q->keys, &q->cap, q->n + 1, sizeof *q->keys);
    q->keys[q->n] =
        (qlab_quarantine_key){r->pack_no, r->line, r->byte_offset, q->n, first, b->n - first};
    q->n++;
}

void qlab_quarantine_truncate(qlab_quarantine *q, size_t n)
{
    if (n >= q->n)
        return;
    q->text.n = q->keys[n].first;
    q->n = n;
}

static int cmp_key(const void *a, const void *b)
{
    const qlab_quarantine_key *x = a, *y = b;

    if (x->pack_no != y->pack_no)
        return x->pack_no < y->pack_no ? -1 : 1;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->byte_offset != y->byte_offset)
        return x->byte_offset < y->byte_offset ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

void qlab_quarantine_sort(qlab_quarantine *q)
{
    if (q->n > 1)
        qsort(q->keys, q->n, sizeof *q->keys, cmp_key);
}

void qlab_quarantine_free(qlab_quarantine *q)
{
    qlab_buf_free(&q->text);
    qlab_free(q->keys);
    *q = (qlab_quarantine)QLAB_QUARANTINE_INIT;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Before each record of a saved file: its key and its length (host byte order: the file never
 * leaves the machine that resumes from it). */
typedef struct qlab_saved_head {
    uint64_t pack_no, line, byte_offset, n;
} qlab_saved_head;

qlab_code qlab_quarantine_save(qlab_quarantine *q, const char *path, qlab_err *err)
{
    qlab_buf out = QLAB_BUF_INIT;

    qlab_quarantine_sort(q);
    qlab_buf_reserve(&out, q->text.n + q->n * sizeof(qlab_saved_head));
    for (size_t i = 0; i < q->n; i++) {
        const qlab_quarantine_key *k = &q->keys[i];
        const qlab_saved_head head = {k->pack_no, k->line, k->byte_offset, k->n};
        qlab_buf_put(&out, &head, sizeof head);
        qlab_buf_put(&out, q->text.at + k->first, k->n);
    }
    const qlab_code rc = qlab_file_write(path, out.at != NULL ? out.at : "", out.n, err);
    qlab_buf_free(&out);
    return rc;
}

typedef struct qlab_saved {
    FILE *file;
    const char *path;
    qlab_saved_head head;
    bool done;
} qlab_saved;

static qlab_code next_head(qlab_saved *s, qlab_err *err)
{
    const size_t got = fread(&s->head, 1, sizeof s->head, s->file);

    s->done = got == 0 && feof(s->file);
    if (s->done || got == sizeof s->head)
        return QLAB_OK;
    return qlab_fail(err, QLAB_E_CORRUPT, "%s ended inside a record", s->path);
}

static bool saved_before(const qlab_saved *a, const qlab_saved *b)
{
    if (b->done || a->done)
        return b->done && !a->done;
    if (a->head.pack_no != b->head.pack_no)
        return a->head.pack_no < b->head.pack_no;
    if (a->head.line != b->head.line)
        return a->head.line < b->head.line;
    return a->head.byte_offset < b->head.byte_offset;
}

typedef struct qlab_gz_out {
    z_stream z;
    FILE *file;
    const char *path;
    Bytef out[1 << 16];
} qlab_gz_out;

static qlab_code gz_put(qlab_gz_out *g, char *bytes, size_t n, int flush, qlab_err *err)
{
    g->z.next_in = (Bytef *)bytes;
    g->z.avail_in = (uInt)n;
    do {
        g->z.next_out = g->out;
        g->z.avail_out = sizeof g->out;
        deflate(&g->z, flush);
        const size_t made = sizeof g->out - g->z.avail_out;
        if (fwrite(g->out, 1, made, g->file) != made)
            return qlab_fail_errno(err, errno, "could not write %s", g->path);
    } while (g->z.avail_out == 0);
    return QLAB_OK;
}

static qlab_code merge_into(qlab_saved *s, size_t n, qlab_gz_out *g, uint64_t *n_records,
                            qlab_err *err)
{
    qlab_buf rec = QLAB_BUF_INIT;
    qlab_code rc = QLAB_OK;

    for (*n_records = 0; rc == QLAB_OK; ++*n_records) {
        qlab_saved *first = n > 0 ? &s[0] : NULL;
        for (size_t i = 1; i < n; i++) {
            if (saved_before(&s[i], first))
                first = &s[i];
        }
        if (first == NULL || first->done)
            break;
        rec.n = 0;
        qlab_buf_reserve(&rec, first->head.n);
        if (fread(rec.at, 1, first->head.n, first->file) != first->head.n) {
            rc = qlab_fail(err, QLAB_E_CORRUPT, "%s ended inside a record", first->path);
            break;
        }
        rc = gz_put(g, rec.at, first->head.n, Z_NO_FLUSH, err);
        if (rc == QLAB_OK)
            rc = next_head(first, err);
    }
    qlab_buf_free(&rec);
    return rc;
}

qlab_code qlab_quarantine_merge(char *const *saved, size_t n_saved, const char *path,
                                uint64_t *n_records, qlab_err *err)
{
    char *tmp = qlab_file_tmp_name(path);
    qlab_saved *s = qlab_alloc_zero(n_saved, sizeof *s);
    qlab_gz_out *g = qlab_alloc_zero(1, sizeof *g);
    uint64_t count = 0;
    qlab_code rc = QLAB_OK;
    /* 15 + 16: a gzip wrapper, whose header zlib fills with mtime 0 and no name. */
    const int z_rc = deflateInit2(&g->z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);

    if (z_rc != Z_OK) {
        rc = qlab_fail(err, QLAB_E_LIMIT, "zlib could not start: %d", z_rc);
        goto done;
    }
    for (size_t i = 0; i < n_saved && rc == QLAB_OK; i++) {
        s[i].path = saved[i];
        s[i].file = fopen(saved[i], "rb");
        rc = s[i].file == NULL ? qlab_fail_errno(err, errno, "could not open %s", saved[i])
                               : next_head(&s[i], err);
    }
    if (rc != QLAB_OK)
        goto done;
    g->path = path;
    g->file = fopen(tmp, "wb");
    if (g->file == NULL) {
        rc = qlab_fail_errno(err, errno, "could not make %s", tmp);
        goto done;
    }
    rc = merge_into(s, n_saved, g, &count, err);
    if (rc == QLAB_OK)
        rc = gz_put(g, NULL, 0, Z_FINISH, err);
    if (fclose(g->file) != 0 && rc == QLAB_OK)
        rc = qlab_fail_errno(err, errno, "could not write %s", path);
    if (rc == QLAB_OK)
        rc = qlab_file_put_in_place(tmp, path, err);
    if (rc != QLAB_OK)
        remove(tmp);
done:
    for (size_t i = 0; i < n_saved; i++) {
        if (s[i].file != NULL)
            fclose(s[i].file);
    }
    if (z_rc == Z_OK)
        deflateEnd(&g->z);
    if (n_records != NULL)
        *n_records = count;
    qlab_free(g);
    qlab_free(s);
    qlab_free(tmp);
    return rc;
}
