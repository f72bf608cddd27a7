#include "vendor/csv_table.h"

#include <string.h>

void qlab_csv_table_restart(qlab_csv_table *t)
{
    t->separator = 0;
    t->held.n = 0;
    t->at = 0;
    t->line = 1;
}

void qlab_csv_table_free(qlab_csv_table *t)
{
    qlab_buf_free(&t->held);
    qlab_buf_free(&t->plain);
}

/* Length of the record at p, without its line end; *n_end bytes of line end follow it.  SIZE_MAX:
 * it does not end in n bytes.  *n_lines: line feeds up to and with its end. */
static size_t record_length(const char *p, size_t n, bool last, size_t *n_end, size_t *n_lines)
{
    bool quoted = false;

    *n_lines = 1;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '"') {
            quoted = !quoted; /* a doubled quote closes and opens: the state comes back */
        } else if (p[i] == '\n') {
            if (!quoted) {
                const bool cr = i > 0 && p[i - 1] == '\r';
                *n_end = cr ? 2 : 1;
                return i - cr;
            }
            ++*n_lines;
        }
    }
    *n_end = 0;
    return last && !quoted ? n : SIZE_MAX;
}

static char guess_separator(qlab_str header)
{
    static const char candidates[] = ",;\t|";
    size_t best_n = 0;
    char best = ',';

    for (const char *c = candidates; *c != '\0'; c++) {
        size_t n = 0;
        bool quoted = false;
        for (size_t i = 0; i < header.n; i++) {
            quoted ^= header.at[i] == '"';
            n += !quoted && header.at[i] == *c;
        }
        if (n > best_n) {
            best_n = n;
            best = *c;
        }
    }
    return best;
}

static qlab_str trimmed(const char *from, const char *to)
{
    while (from < to && *from == ' ')
        from++;
    while (to > from && to[-1] == ' ')
        to--;
    return (qlab_str){from, (size_t)(to - from)};
}

/* p at a quote; the cell's characters go to t->plain, which has room for them all. */
static const char *quoted_cell(qlab_csv_table *t, const char *p, const char *end, qlab_str *cell)
{
    char *first = t->plain.at + t->plain.n;

    for (p++;; p++) {
        if (p == end)
            return NULL;
        if (*p == '"' && !(p + 1 < end && p[1] == '"'))
            break;
        p += *p == '"';
        t->plain.at[t->plain.n++] = *p;
    }
    *cell = (qlab_str){first, (size_t)(t->plain.at + t->plain.n - first)};
    return p + 1;
}

static const char *split(qlab_csv_table *t, qlab_str text, size_t *n_cells)
{
    const char *p = text.at, *end = text.at + text.n;

    *n_cells = 0;
    t->plain.n = 0;
    qlab_buf_reserve(&t->plain, text.n);
    for (;;) {
        if (*n_cells == QLAB_CSV_MAX_CELLS)
            return "more than 1024 cells";
        qlab_str *cell = &t->cells[(*n_cells)++];
        while (p < end && *p == ' ' && t->separator != ' ')
            p++;
        if (p < end && *p == '"') {
            p = quoted_cell(t, p, end, cell);
            if (p == NULL)
                return "a quote was not closed";
            while (p < end && *p == ' ')
                p++;
            if (p < end && *p != t->separator)
                return "text followed a closing quote";
        } else {
            const char *stop = memchr(p, t->separator, (size_t)(end - p));
            stop = stop != NULL ? stop : end;
            if (memchr(p, '"', (size_t)(stop - p)) != NULL)
                return "a quote stood inside a cell";
            *cell = trimmed(p, stop);
            p = stop;
        }
        if (p == end)
            return NULL;
        p++;
    }
}

static void hand_on(qlab_csv_table *t, qlab_str text, const char *bad)
{
    qlab_csv_record r = {.text = text, .line = t->line, .at = t->at, .bad = bad};

    if (t->separator == 0)
        t->separator = guess_separator(text);
    if (bad == NULL)
        r.bad = split(t, text, &r.n_cells);
    if (r.bad != NULL)
        r.n_cells = 0;
    r.cells = t->cells;
    t->record(t->ctx, &r);
}

static bool blank(qlab_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.at[i] != ' ' && s.at[i] != '\t' && s.at[i] != '\r')
            return false;
    }
    return true;
}

/* Takes records out of [p, p + n); returns how many bytes were taken. */
static size_t take(qlab_csv_table *t, const char *p, size_t n, bool last)
{
    size_t taken = 0;

    if (t->at == 0) {
        if (n < 3 && !last)
            return 0; /* may become a byte-order mark */
        if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
            t->at = taken = 3;
    }
    while (taken < n) {
        const char *from = p + taken;
        size_t n_end = 0, n_lines = 0;
        size_t length = record_length(from, n - taken, last, &n_end, &n_lines);
        const char *bad = NULL;
        if (length == SIZE_MAX || length > QLAB_CSV_RECORD_MAX_BYTES) {
            if (length == SIZE_MAX && !last && n - taken <= QLAB_CSV_RECORD_MAX_BYTES)
                return taken;
            const char *lf = memchr(from, '\n', n - taken);
            if (lf == NULL && !last)
                return taken;
            length = lf != NULL ? (size_t)(lf - from) : n - taken;
            n_end = lf != NULL;
            n_lines = 1;
            bad = "a quote was not closed";
        }
        const qlab_str text = {from, length};
        if (!blank(text))
            hand_on(t, text, bad);
        t->line += n_lines;
        t->at += length + n_end;
        taken += length + n_end;
    }
    return taken;
}

void qlab_csv_table_put(qlab_csv_table *t, const char *bytes, size_t n, bool last)
{
    if (t->held.n == 0) {
        const size_t taken = take(t, bytes, n, last);
        qlab_buf_put(&t->held, bytes + taken, n - taken);
        return;
    }
    qlab_buf_put(&t->held, bytes, n);
    const size_t taken = take(t, t->held.at, t->held.n, last);
    memmove(t->held.at, t->held.at + taken, t->held.n - taken);
    t->held.n -= taken;
}
