#include "truth/flat.h"

#include "base/decimal.h"
#include <string.h>

typedef struct cursor {
    qlab_str line;
    size_t at;
    qlab_arena *a;
} cursor;

static qlab_code fail_at(const cursor *c, qlab_err *err, const char *what)
{
    return qlab_fail(err, QLAB_E_CORRUPT, "column %zu: %s", c->at + 1, what);
}

static void skip_space(cursor *c)
{
    while (c->at < c->line.n && (c->line.at[c->at] == ' ' || c->line.at[c->at] == '\t'))
        c->at++;
}

static bool take(cursor *c, char byte)
{
    if (c->at < c->line.n && c->line.at[c->at] == byte) {
        c->at++;
        return true;
    }
    return false;
}

static bool take_word(cursor *c, const char *word)
{
    size_t n = strlen(word);
    if (c->line.n - c->at < n || memcmp(c->line.at + c->at, word, n) != 0)
        return false;
    c->at += n;
    return true;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static bool take_hex4(cursor *c, uint32_t *out)
{
    if (c->line.n - c->at < 4)
        return false;
    *out = 0;
    for (int i = 0; i < 4; i++) {
        char x = c->line.at[c->at++];
        uint32_t digit;
        if (x >= '0' && x <= '9')
            digit = (uint32_t)(x - '0');
        else if (x >= 'a' && x <= 'f')
            digit = (uint32_t)(x - 'a') + 10;
        else if (x >= 'A' && x <= 'F')
            digit = (uint32_t)(x - 'A') + 10;
        else
            return false;
        *out = *out << 4 | digit;
    }
    return true;
}

static size_t put_utf8(char *out, uint32_t p)
{
    if (p < 0x80) {
        out[0] = (char)p;
        return 1;
    }
    if (p < 0x800) {
        out[0] = (char)(0xC0 | p >> 6);
        out[1] = (char)(0x80 | (p & 0x3F));
        return 2;
    }
    if (p < 0x10000) {
        out[0] = (char)(0xE0 | p >> 12);
        out[1] = (char)(0x80 | (p >> 6 & 0x3F));
        out[2] = (char)(0x80 | (p & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | p >> 18);
    out[1] = (char)(0x80 | (p >> 12 & 0x3F));
    out[2] = (char)(0x80 | (p >> 6 & 0x3F));
    out[3] = (char)(0x80 | (p & 0x3F));
    return 4;
}

/* What follows a backslash; *n bytes go to out (at most 4, never more than were read). */
static bool take_escape(cursor *c, char *out, size_t *n)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (c->at >= c->line.n)
        return false;
    char x = c->line.at[c->at++];
    const char *at = memchr(from, x, sizeof from - 1);
    if (at != NULL) {
        *out = to[at - from];
        *n = 1;
        return true;
    }
    uint32_t p = 0, low = 0;
    if (x != 'u' || !take_hex4(c, &p) || p == 0 || (p >= 0xDC00 && p <= 0xDFFF))
        return false;
    if (p >= 0xD800 && p <= 0xDBFF) {
        if (!take_word(c, "\\u") || !take_hex4(c, &low) || low < 0xDC00 || low > 0xDFFF)
            return false;
        p = 0x10000 + ((p - 0xD800) << 10) + (low - 0xDC00);
    }
    *n = put_utf8(out, p);
    return true;
}

/* After the opening quote. */
static qlab_code take_string(cursor *c, qlab_str *out, qlab_err *err)
{
    size_t start = c->at, n = 0;
    char *copy = NULL;
    while (c->at < c->line.n && c->line.at[c->at] != '"') {
        char x = c->line.at[c->at];
        if ((unsigned char)x < 0x20)
            return fail_at(c, err, "a control byte stood in a string");
        if (x != '\\') {
            c->at++;
            if (copy != NULL)
                copy[n++] = x;
            continue;
        }
        if (copy == NULL) {
            copy = qlab_arena_alloc(c->a, c->line.n - start, 1);
            n = c->at - start;
            memcpy(copy, c->line.at + start, n);
        }
        c->at++;
        size_t put = 0;
        if (!take_escape(c, copy + n, &put))
            return fail_at(c, err, "a wrong escape stood in a string");
        n += put;
    }
    *out = copy != NULL ? (qlab_str){copy, n} : (qlab_str){c->line.at + start, c->at - start};
    if (!take(c, '"'))
        return fail_at(c, err, "a string was not closed");
    return QLAB_OK;
}

static qlab_code take_value(cursor *c, qlab_flat_field *f, qlab_err *err)
{
    if (take(c, '"')) {
        f->kind = QLAB_FLAT_TEXT;
        return take_string(c, &f->text, err);
    }
    size_t start = c->at, n_read = 0;
    double ignored = 0.0;
    if (take_word(c, "null")) {
        f->kind = QLAB_FLAT_NULL;
    } else if (take_word(c, "true") || take_word(c, "false")) {
        f->kind = QLAB_FLAT_BOOL;
    } else {
        if (c->at < c->line.n && (c->line.at[c->at] == '{' || c->line.at[c->at] == '['))
            return fail_at(c, err, "a value was not plain");
        if (qlab_decimal_parse(c->line.at + c->at, c->line.n - c->at, &ignored, &n_read, NULL) ==
                QLAB_DECIMAL_BAD ||
            n_read == 0)
            return fail_at(c, err, "a value was expected");
        f->kind = QLAB_FLAT_NUMBER;
        c->at += n_read;
    }
    f->text = (qlab_str){c->line.at + start, c->at - start};
    return QLAB_OK;
}

static qlab_code add_field(cursor *c, qlab_flat_row *row, const qlab_flat_field *f, qlab_err *err)
{
    for (size_t i = 0; i < row->n; i++)
        if (qlab_str_eq(row->field[i].name, f->name))
            return fail_at(c, err, "a name was given twice");
    if (row->n == QLAB_FLAT_FIELDS)
        return fail_at(c, err, "there were more than 32 fields");
    row->field[row->n++] = *f;
    return QLAB_OK;
}

qlab_code qlab_flat_json(qlab_str line, qlab_arena *a, qlab_flat_row *out, qlab_err *err)
{
    cursor c = {line, 0, a};
    out->n = 0;
    if (!qlab_str_is_utf8(line))
        return fail_at(&c, err, "the line was not UTF-8");
    skip_space(&c);
    if (!take(&c, '{'))
        return fail_at(&c, err, "an object was expected");
    skip_space(&c);
    bool more = !take(&c, '}');
    while (more) {
        qlab_flat_field f = {0};
        skip_space(&c);
        if (!take(&c, '"'))
            return fail_at(&c, err, "a name was expected");
        qlab_code code = take_string(&c, &f.name, err);
        if (code != QLAB_OK)
            return code;
        skip_space(&c);
        if (!take(&c, ':'))
            return fail_at(&c, err, "a colon was expected");
        skip_space(&c);
        code = take_value(&c, &f, err);
        if (code == QLAB_OK)
            code = add_field(&c, out, &f, err);
        if (code != QLAB_OK)
            return code;
        skip_space(&c);
        more = take(&c, ',');
        if (!more && !take(&c, '}'))
            return fail_at(&c, err, "a comma or the end of the object was expected");
    }
    skip_space(&c);
    return c.at == line.n ? QLAB_OK : fail_at(&c, err, "something followed the object");
}

/* ---- CSV (RFC 4180, one line a row) ---------------------------------------------------------- */

static qlab_code take_quoted(cursor *c, qlab_str *out, qlab_err *err)
{
    char *copy = qlab_arena_alloc(c->a, c->line.n - c->at + 1, 1);
    size_t n = 0;
    for (;;) {
        if (c->at == c->line.n)
            return fail_at(c, err, "a quote was not closed");
        char x = c->line.at[c->at++];
        if (x == '"' && !take(c, '"'))
            break;
        copy[n++] = x;
    }
    *out = (qlab_str){copy, n};
    return QLAB_OK;
}

static qlab_code take_cell(cursor *c, qlab_str *out, qlab_err *err)
{
    if (take(c, '"'))
        return take_quoted(c, out, err);
    size_t start = c->at;
    while (c->at < c->line.n && c->line.at[c->at] != ',') {
        if (c->line.at[c->at] == '"')
            return fail_at(c, err, "a quote stood inside a cell");
        c->at++;
    }
    *out = (qlab_str){c->line.at + start, c->at - start};
    return QLAB_OK;
}

qlab_code qlab_flat_csv(qlab_str line, const qlab_flat_row *header, qlab_arena *a,
                        qlab_flat_row *out, qlab_err *err)
{
    cursor c = {line, 0, a};
    out->n = 0;
    if (!qlab_str_is_utf8(line))
        return fail_at(&c, err, "the line was not UTF-8");
    for (;;) {
        qlab_flat_field f = {0};
        qlab_code code = take_cell(&c, &f.text, err);
        if (code != QLAB_OK)
            return code;
        f.kind = f.text.n > 0 ? QLAB_FLAT_TEXT : QLAB_FLAT_NULL;
        if (header != NULL && out->n == header->n)
            return fail_at(&c, err, "there were more cells than the header has");
        f.name = header != NULL ? header->field[out->n].name : f.text;
        code = add_field(&c, out, &f, err);
        if (code != QLAB_OK)
            return code;
        if (c.at == line.n)
            break;
        if (!take(&c, ','))
            return fail_at(&c, err, "a comma was expected");
    }
    if (header != NULL && out->n < header->n)
        return fail_at(&c, err, "there were fewer cells than the header has");
    return QLAB_OK;
}

const qlab_flat_field *qlab_flat_find(const qlab_flat_row *row, const char *name)
{
    for (size_t i = 0; i < row->n; i++)
        if (qlab_str_eq(row->field[i].name, qlab_str_of(name)))
            return &row->field[i];
    return NULL;
}
