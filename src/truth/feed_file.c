#include "truth/feed.h"

#include "base/alloc.h"
#include "base/file.h"
#include <errno.h>
#include <string.h>
#include <zlib.h>

enum { STEP_BYTES = 1 << 20 };
#define MAX_TEXT_BYTES ((size_t)1 << 30)

const char *qlab_feed_reason_name(qlab_feed_reason r)
{
    static const char *const names[QLAB_FEED_REASONS] = {"OK",
                                                         "BAD_LINE",
                                                         "MISSING_FIELD",
                                                         "EXTRA_VALUE",
                                                         "UNKNOWN_ASSET",
                                                         "BAD_DATE",
                                                         "BAD_NUMBER",
                                                         "BAD_TYPE",
                                                         "BAD_VALUE",
                                                         "CURRENCY_MISMATCH",
                                                         "DUPLICATE_CONFLICT",
                                                         "NO_BAR",
                                                         "FILE_REFUSED"};
    return r < QLAB_FEED_REASONS ? names[r] : "OK";
}

void qlab_feed_report_free(qlab_feed_report *r)
{
    json_decref(r->counts);
    json_decref(r->rejected);
    json_decref(r->findings);
    *r = (qlab_feed_report){0};
}

const char *const qlab_feed_format_names[QLAB_FEED_FORMATS + 1] = {"auto", "rows", "factor_file",
                                                                   "map_file", NULL};

bool qlab_feed_format_parse(qlab_str s, qlab_feed_format *out)
{
    for (int i = 0; i < QLAB_FEED_FORMATS; i++)
        if (qlab_str_eq(s, qlab_str_of(qlab_feed_format_names[i]))) {
            *out = (qlab_feed_format)i;
            return true;
        }
    return false;
}

/* Plain or gzip alike: zlib passes what has no gzip header through. */
qlab_code qlab_feed_read_text(const char *path, qlab_buf *out, qlab_err *err)
{
    errno = 0;
    gzFile f = gzopen(path, "rb");
    if (f == NULL)
        return qlab_fail_errno(err, errno != 0 ? errno : ENOMEM, "%s could not be opened", path);
    qlab_code code = QLAB_OK;
    for (;;) {
        qlab_buf_reserve(out, STEP_BYTES + 1);
        int n = gzread(f, out->at + out->n, STEP_BYTES);
        if (n < 0) {
            int number = 0;
            const char *what = gzerror(f, &number);
            code = qlab_fail(err, QLAB_E_CORRUPT, "%s could not be inflated: %s", path, what);
            break;
        }
        out->n += (size_t)n;
        out->at[out->n] = '\0';
        if (n == 0)
            break;
        if (out->n > MAX_TEXT_BYTES) {
            code = qlab_fail(err, QLAB_E_LIMIT, "%s held more than 1 GiB of text", path);
            break;
        }
    }
    int closed = gzclose(f);
    if (code == QLAB_OK && closed != Z_OK)
        code = qlab_fail(err, QLAB_E_CORRUPT, "%s was cut: its gzip stream did not end", path);
    return code;
}

bool qlab_feed_next_line(qlab_feed_file *f, qlab_str *line)
{
    while (f->at < f->text.n) {
        const char *start = f->text.at + f->at;
        const char *end = memchr(start, '\n', f->text.n - f->at);
        size_t n = end != NULL ? (size_t)(end - start) : f->text.n - f->at;
        f->at += n + (end != NULL);
        f->line++;
        if (n > 0 && start[n - 1] == '\r')
            n--;
        if (n > 0) {
            *line = (qlab_str){start, n};
            return true;
        }
    }
    return false;
}

qlab_code qlab_feed_open_text(const char *name, qlab_buf text, qlab_feed_file *out, qlab_err *err)
{
    *out = (qlab_feed_file){.text = text};
    qlab_code code = QLAB_OK;
    static const char mark[] = "\xEF\xBB\xBF";
    if (out->text.n >= 3 && memcmp(out->text.at, mark, 3) == 0)
        out->at = 3;
    size_t first = out->at;
    while (first < out->text.n && strchr(" \t\r\n", out->text.at[first]) != NULL)
        first++;
    out->is_csv = first < out->text.n && out->text.at[first] != '{';
    qlab_str line;
    if (out->is_csv && qlab_feed_next_line(out, &line)) {
        code = qlab_flat_csv(line, NULL, &out->header_arena, &out->header, err);
        if (code != QLAB_OK)
            code = qlab_err_prefix(err, "%s: line %zu", name, out->line);
    }
    if (code != QLAB_OK)
        qlab_feed_close(out);
    return code;
}

qlab_code qlab_feed_open(const char *path, qlab_feed_file *out, qlab_err *err)
{
    qlab_buf text = QLAB_BUF_INIT;
    *out = (qlab_feed_file){0};
    qlab_code code = qlab_feed_read_text(path, &text, err);
    if (code != QLAB_OK) {
        qlab_buf_free(&text);
        return code;
    }
    return qlab_feed_open_text(path, text, out, err);
}

bool qlab_feed_next(qlab_feed_file *f, qlab_arena *a, qlab_flat_row *row, qlab_feed_reason *reason,
                    qlab_err *detail)
{
    qlab_str line;
    if (!qlab_feed_next_line(f, &line))
        return false;
    qlab_err_reset(detail);
    qlab_code code = f->is_csv ? qlab_flat_csv(line, &f->header, a, row, detail)
                               : qlab_flat_json(line, a, row, detail);
    *reason = code == QLAB_OK ? QLAB_FEED_OK : QLAB_FEED_BAD_LINE;
    return true;
}

void qlab_feed_close(qlab_feed_file *f)
{
    qlab_buf_free(&f->text);
    qlab_arena_free(&f->header_arena);
    *f = (qlab_feed_file){0};
}
