#include "truth/session.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/view.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

void qlab_exchange_days_free(qlab_exchange_days *d)
{
    qlab_free(d->exchange);
    qlab_free(d->date);
    qlab_free(d->n_bars);
    qlab_free(d->is_session);
    qlab_free(d->session);
    qlab_free(d->n_eligible);
    *d = (qlab_exchange_days){0};
}

/* Twice the median of n <= 20 counts, so that it stays whole. */
static uint64_t twice_median(const uint32_t *n_bars, size_t n)
{
    uint32_t x[QLAB_SESSION_WINDOW];
    for (size_t i = 0; i < n; i++) {
        size_t j = i;
        for (; j > 0 && x[j - 1] > n_bars[i]; j--)
            x[j] = x[j - 1];
        x[j] = n_bars[i];
    }
    return n % 2 ? 2 * (uint64_t)x[n / 2] : (uint64_t)x[n / 2 - 1] + x[n / 2];
}

void qlab_session_mark(const uint32_t *n_bars, size_t n, uint8_t *is_session)
{
    for (size_t i = 0; i < n; i++) {
        size_t from = i < QLAB_SESSION_WINDOW ? 0 : i - QLAB_SESSION_WINDOW;
        size_t rows = n - from < QLAB_SESSION_WINDOW ? n - from : QLAB_SESSION_WINDOW;
        /* n_bars >= median / 2, in whole numbers */
        is_session[i] = 4 * (uint64_t)n_bars[i] >= twice_median(n_bars + from, rows);
    }
}

void qlab_session_index(qlab_exchange_days *d)
{
    qlab_free(d->session);
    d->session = qlab_alloc(d->n, sizeof *d->session);
    d->n_sessions = 0;
    for (size_t i = 0; i < d->n; i++)
        if (d->is_session[i])
            d->session[d->n_sessions++] = d->date[i];
}

size_t qlab_session_lower_bound(const int32_t *session, size_t n, int32_t date)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (session[mid] < date)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

size_t qlab_session_count_between(const int32_t *session, size_t n, int32_t after, int32_t before)
{
    if (before <= after)
        return 0;
    size_t from = qlab_session_lower_bound(session, n, after + 1);
    size_t to = qlab_session_lower_bound(session, n, before);
    return to > from ? to - from : 0;
}

/* ---- overrides ------------------------------------------------------------------------------- */

static int compare_override(const void *a, const void *b)
{
    const qlab_session_override *x = a, *y = b;
    int c = strcmp(x->exchange, y->exchange);
    return c != 0 ? c : (x->date > y->date) - (x->date < y->date);
}

static qlab_code parse_override(const char *path, size_t line, qlab_str text,
                                qlab_session_override *out, qlab_err *err)
{
    const char *first = memchr(text.at, ',', text.n);
    size_t n_exchange = first != NULL ? (size_t)(first - text.at) : 0;
    if (n_exchange == 0 || n_exchange >= sizeof out->exchange)
        return qlab_fail(err, QLAB_E_CONFIG, "%s:%zu: exchange was empty or over 31 bytes", path,
                         line);
    memcpy(out->exchange, text.at, n_exchange);
    out->exchange[n_exchange] = '\0';
    const char *date = first + 1, *end = text.at + text.n;
    if (end - date != 12 || date[10] != ',' || !qlab_date_parse(date, 10, &out->date) ||
        (date[11] != '0' && date[11] != '1'))
        return qlab_fail(err, QLAB_E_CONFIG, "%s:%zu: \"%.*s\" was not exchange,YYYY-MM-DD,0 or 1",
                         path, line, (int)(text.n > 80 ? 80 : text.n), text.at);
    out->is_session = date[11] == '1';
    return QLAB_OK;
}

qlab_code qlab_session_overrides_load(const char *path, qlab_session_override **out, size_t *n,
                                      qlab_err *err)
{
    *out = NULL;
    *n = 0;
    qlab_buf text = QLAB_BUF_INIT;
    size_t cap = 0, line = 0;
    qlab_code code = qlab_file_read(path, &text, err);
    for (size_t at = 0; code == QLAB_OK && at < text.n;) {
        const char *start = text.at + at;
        const char *end = memchr(start, '\n', text.n - at);
        size_t len = end != NULL ? (size_t)(end - start) : text.n - at;
        at += len + (end != NULL);
        line++;
        if (len > 0 && start[len - 1] == '\r')
            len--;
        qlab_str row = {start, len};
        if (line == 1 && !qlab_str_eq(row, QLAB_STR("exchange,date,is_session"))) {
            code = qlab_fail(err, QLAB_E_CONFIG, "%s:1: header was not exchange,date,is_session",
                             path);
        } else if (line > 1 && len > 0) {
            qlab_grow((void **)out, &cap, *n + 1, sizeof **out);
            code = parse_override(path, line, row, &(*out)[*n], err);
            *n += code == QLAB_OK;
        }
    }
    qlab_buf_free(&text);
    if (code == QLAB_OK && *n > 1) {
        qsort(*out, *n, sizeof **out, compare_override);
        for (size_t i = 1; i < *n && code == QLAB_OK; i++)
            if (compare_override(&(*out)[i - 1], &(*out)[i]) == 0) {
                char day[QLAB_DATE_BYTES];
                code = qlab_fail(err, QLAB_E_CONFIG, "%s: %s %s was given twice", path,
                                 (*out)[i].exchange, qlab_date_format((*out)[i].date, day));
            }
    }
    if (code != QLAB_OK) {
        qlab_free(*out);
        *out = NULL;
        *n = 0;
    }
    return code;
}

static void insert_day(qlab_exchange_days *d, size_t at, int32_t date)
{
    d->date = qlab_realloc(d->date, d->n + 1, sizeof *d->date);
    d->n_bars = qlab_realloc(d->n_bars, d->n + 1, sizeof *d->n_bars);
    d->is_session = qlab_realloc(d->is_session, d->n + 1, sizeof *d->is_session);
    memmove(d->date + at + 1, d->date + at, (d->n - at) * sizeof *d->date);
    memmove(d->n_bars + at + 1, d->n_bars + at, (d->n - at) * sizeof *d->n_bars);
    memmove(d->is_session + at + 1, d->is_session + at, d->n - at);
    d->date[at] = date;
    d->n_bars[at] = 0;
    d->is_session[at] = 0;
    d->n++;
}

void qlab_session_override_apply(qlab_exchange_days *d, const qlab_session_override *o, size_t n)
{
    assert(d->n_eligible == NULL);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(o[i].exchange, d->exchange) != 0)
            continue;
        size_t at = qlab_session_lower_bound(d->date, d->n, o[i].date);
        if (at == d->n || d->date[at] != o[i].date)
            insert_day(d, at, o[i].date);
        d->is_session[at] = o[i].is_session;
    }
}
