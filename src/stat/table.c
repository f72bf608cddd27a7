#include "stat/table.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/decimal.h"
#include "base/file.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 100000, SHOWN = 40 };

typedef struct reader {
    const char *name;
    const char *at, *end;
    size_t line;
    size_t date_column; /* SIZE_MAX = none */
    size_t cap_rows;
    qlab_buf field;
    qlab_stat_table *t;
    qlab_err *err;
} reader;

static qlab_code bad(const reader *r, size_t column, const char *what)
{
    const int shown = r->field.n < SHOWN ? (int)r->field.n : SHOWN;
    return qlab_fail(r->err, QLAB_E_CORRUPT, "%s:%zu: column %zu: \"%.*s\" %s", r->name, r->line,
                     column + 1, shown, r->field.n ? r->field.at : "", what);
}

/* Reads one field into r->field; *last when it ends its line (or the text). */
static qlab_code next_field(reader *r, size_t column, bool *last)
{
    r->field.n = 0;
    if (r->at < r->end && *r->at == '"') {
        for (r->at++;; r->at++) {
            if (r->at == r->end || *r->at == '\n')
                return bad(r, column, "had no closing quote");
            if (*r->at == '"' && (r->at + 1 == r->end || r->at[1] != '"'))
                break;
            r->at += *r->at == '"';
            qlab_buf_put(&r->field, r->at, 1);
        }
        r->at++;
    } else {
        const char *from = r->at;
        while (r->at < r->end && *r->at != ',' && *r->at != '\n' && *r->at != '"')
            r->at++;
        size_t n = (size_t)(r->at - from);
        if (n > 0 && from[n - 1] == '\r' && (r->at == r->end || *r->at == '\n'))
            n--;
        qlab_buf_put(&r->field, from, n);
    }
    if (r->at < r->end && *r->at == '\r')
        r->at++;
    *last = r->at == r->end || *r->at == '\n';
    if (!*last && *r->at != ',')
        return bad(r, column, "was followed by neither a comma nor the end of the line");
    r->at += r->at < r->end;
    return QLAB_OK;
}

static qlab_code read_header(reader *r)
{
    size_t cap = 0, n_fields = 0;
    bool last = false;

    if (r->at == r->end)
        return qlab_fail(r->err, QLAB_E_CORRUPT, "%s was empty; a header line was wanted", r->name);
    while (!last) {
        const qlab_code rc = next_field(r, n_fields, &last);
        if (rc != QLAB_OK)
            return rc;
        qlab_buf_put(&r->field, "", 1); /* a NUL of its own */
        if (strlen(r->field.at) + 1 != r->field.n)
            return bad(r, n_fields, "held a NUL byte");
        if (r->field.at[0] == '\0')
            return qlab_fail(r->err, QLAB_E_CORRUPT, "%s:1: column %zu had no name", r->name,
                             n_fields + 1);
        if (strcmp(r->field.at, "date") == 0 && r->date_column == SIZE_MAX) {
            r->date_column = n_fields++;
            continue;
        }
        if (qlab_stat_table_find(r->t, r->field.at) < r->t->n_cols ||
            strcmp(r->field.at, "date") == 0)
            return bad(r, n_fields, "was named twice");
        if (n_fields++ >= MAX_COLUMNS)
            return qlab_fail(r->err, QLAB_E_CORRUPT, "%s had more than %d columns", r->name,
                             MAX_COLUMNS);
        qlab_grow((void **)&r->t->names, &cap, r->t->n_cols + 1, sizeof *r->t->names);
        r->t->names[r->t->n_cols++] = qlab_strdup(r->field.at);
    }
    r->t->col = qlab_alloc_zero(r->t->n_cols, sizeof *r->t->col);
    return QLAB_OK;
}

static void grow_rows(reader *r)
{
    qlab_stat_table *t = r->t;
    if (t->n_rows < r->cap_rows)
        return;
    r->cap_rows = r->cap_rows ? 2 * r->cap_rows : 64;
    for (size_t c = 0; c < t->n_cols; c++)
        t->col[c] = qlab_realloc(t->col[c], r->cap_rows, sizeof **t->col);
    if (r->date_column != SIZE_MAX)
        t->dates = qlab_realloc(t->dates, r->cap_rows, sizeof *t->dates);
}

static qlab_code read_cell(reader *r, size_t column)
{
    qlab_stat_table *t = r->t;
    if (column == r->date_column) {
        if (!qlab_date_parse(r->field.n ? r->field.at : "", r->field.n, &t->dates[t->n_rows]))
            return bad(r, column, "was not a date (YYYY-MM-DD)");
        return QLAB_OK;
    }
    double v = NAN;
    if (r->field.n > 0 && memchr(r->field.at, '\0', r->field.n))
        return bad(r, column, "held a NUL byte");
    if (r->field.n > 0 && !qlab_decimal_parse_text(r->field.at, &v))
        return bad(r, column, "was not a number");
    t->col[column - (r->date_column < column)][t->n_rows] = v;
    return QLAB_OK;
}

static qlab_code read_row(reader *r)
{
    const size_t n_fields = r->t->n_cols + (r->date_column != SIZE_MAX);
    bool last = false;

    grow_rows(r);
    for (size_t c = 0; c < n_fields; c++) {
        if (last)
            return qlab_fail(r->err, QLAB_E_CORRUPT, "%s:%zu: %zu fields where the header has %zu",
                             r->name, r->line, c, n_fields);
        qlab_code rc = next_field(r, c, &last);
        if (rc == QLAB_OK)
            rc = read_cell(r, c);
        if (rc != QLAB_OK)
            return rc;
    }
    if (!last)
        return qlab_fail(r->err, QLAB_E_CORRUPT, "%s:%zu: more fields than the header's %zu",
                         r->name, r->line, n_fields);
    r->t->n_rows++;
    return QLAB_OK;
}

typedef struct dated {
    int32_t date;
    size_t row;
} dated;

static int by_date(const void *a, const void *b)
{
    const dated *x = a, *y = b;
    return (x->date > y->date) - (x->date < y->date);
}

static qlab_code sort_by_date(reader *r)
{
    qlab_stat_table *t = r->t;
    const size_t n = t->n_rows;
    dated *order = qlab_alloc(n, sizeof *order);
    double *sorted = qlab_alloc(n, sizeof *sorted);
    qlab_code rc = QLAB_OK;

    for (size_t i = 0; i < n; i++)
        order[i] = (dated){t->dates[i], i};
    if (n > 1)
        qsort(order, n, sizeof *order, by_date);
    for (size_t i = 1; i < n && rc == QLAB_OK; i++) {
        if (order[i].date != order[i - 1].date)
            continue;
        char day[QLAB_DATE_BYTES];
        rc = qlab_fail(r->err, QLAB_E_CORRUPT, "%s: date %s came twice", r->name,
                       qlab_date_format(order[i].date, day));
    }
    for (size_t c = 0; c < t->n_cols; c++) {
        for (size_t i = 0; i < n; i++)
            sorted[i] = t->col[c][order[i].row];
        if (n > 0)
            memcpy(t->col[c], sorted, n * sizeof *sorted);
    }
    for (size_t i = 0; i < n; i++)
        t->dates[i] = order[i].date;
    qlab_free(order);
    qlab_free(sorted);
    return rc;
}

static bool only_line_ends(const char *at, const char *end)
{
    while (at < end && (*at == '\n' || *at == '\r'))
        at++;
    return at == end;
}

qlab_code qlab_stat_table_parse(const char *name, const char *text, size_t n, qlab_stat_table *out,
                                qlab_err *err)
{
    reader r = {.name = name, .at = text, .end = text + n, .line = 1, .t = out, .err = err};
    qlab_code rc;

    *out = (qlab_stat_table){0};
    r.date_column = SIZE_MAX;
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        r.at += 3;
    rc = read_header(&r);
    while (rc == QLAB_OK && !only_line_ends(r.at, r.end)) {
        r.line++;
        rc = read_row(&r);
    }
    if (rc == QLAB_OK && out->dates)
        rc = sort_by_date(&r);
    qlab_buf_free(&r.field);
    if (rc != QLAB_OK)
        qlab_stat_table_free(out);
    return rc;
}

qlab_code qlab_stat_table_read(const char *path, qlab_stat_table *out, qlab_err *err)
{
    qlab_buf text = QLAB_BUF_INIT;
    *out = (qlab_stat_table){0};
    qlab_code rc = qlab_file_read(path, &text, err);
    if (rc == QLAB_OK)
        rc = qlab_stat_table_parse(path, text.n ? text.at : "", text.n, out, err);
    qlab_buf_free(&text);
    return rc;
}

size_t qlab_stat_table_find(const qlab_stat_table *t, const char *column)
{
    size_t c = 0;
    while (c < t->n_cols && strcmp(t->names[c], column) != 0)
        c++;
    return c;
}

qlab_f64v qlab_stat_table_series(const qlab_stat_table *t, size_t column)
{
    assert(column < t->n_cols);
    return (qlab_f64v){t->col[column], t->n_rows};
}

size_t qlab_stat_table_complete(qlab_stat_table *t)
{
    size_t kept = 0;
    for (size_t row = 0; row < t->n_rows; row++) {
        bool whole = true;
        for (size_t c = 0; c < t->n_cols; c++) {
            whole = whole && !isnan(t->col[c][row]);
            t->col[c][kept] = t->col[c][row];
        }
        if (t->dates)
            t->dates[kept] = t->dates[row];
        kept += whole;
    }
    const size_t dropped = t->n_rows - kept;
    t->n_rows = kept;
    return dropped;
}

void qlab_stat_table_free(qlab_stat_table *t)
{
    for (size_t c = 0; c < t->n_cols; c++) {
        qlab_free(t->names[c]);
        if (t->col)
            qlab_free(t->col[c]);
    }
    qlab_free(t->names);
    qlab_free(t->col);
    qlab_free(t->dates);
    *t = (qlab_stat_table){0};
}
