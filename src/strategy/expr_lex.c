#include "strategy/expr_lex.h"

#include "base/decimal.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN_BEFORE = 50, SHOWN_IN_ALL = 70, MESSAGE_BYTES = 400 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t characters(const char *s, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += !is_continuation(s[i]);
    return count;
}

/* The part of the line around the place that is shown, and where the place lies in it. */
static size_t put_window(qlab_str text, size_t line, size_t offset, char *out)
{
    size_t first = line, n = 0;

    if (offset - line > SHOWN_BEFORE) {
        first = offset - SHOWN_BEFORE;
        while (first < offset && is_continuation(text.at[first]))
            first++;
    }
    size_t end = first;
    while (end < text.n && text.at[end] != '\n' && end - first < SHOWN_IN_ALL)
        end++;
    while (end > first && end < text.n && is_continuation(text.at[end]))
        end--;
    for (size_t i = first; i < end; i++) {
        const unsigned char c = (unsigned char)text.at[i];
        out[n++] = c < 0x20 || c == 0x7f ? ' ' : text.at[i];
    }
    out[n] = '\0';
    return characters(text.at + first, offset - first);
}

qlab_code qlab_lex_fail(const qlab_lexer *lx, size_t offset, const char *fmt, ...)
{
    char message[MESSAGE_BYTES], window[SHOWN_IN_ALL + 1];
    size_t n_line = 1, line = 0;
    va_list ap;

    for (size_t i = 0; i < offset && i < lx->text.n; i++)
        if (lx->text.at[i] == '\n') {
            n_line++;
            line = i + 1;
        }
    va_start(ap, fmt);
    (void)vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    const size_t column = characters(lx->text.at + line, offset - line) + 1;
    const size_t caret = put_window(lx->text, line, offset, window);
    const qlab_code rc = qlab_fail(lx->err, QLAB_E_CONFIG, "%zu:%zu: %s", n_line, column, message);
    const size_t n =
        strlen(lx->err->text); /* qlab_fail keeps to one line: the picture follows it */
    (void)snprintf(lx->err->text + n, QLAB_ERR_TEXT_BYTES - n, "\n  %s\n  %*s^", window, (int)caret,
                   "");
    return rc;
}

static qlab_code take_number(qlab_lexer *lx, qlab_token *out)
{
    size_t n_read = 0;
    const qlab_decimal_status s =
        qlab_decimal_parse(lx->text.at + lx->at, lx->text.n - lx->at, &out->number, &n_read, NULL);
    size_t end = lx->at + n_read;

    if (s == QLAB_DECIMAL_RANGE)
        return qlab_lex_fail(lx, lx->at, "the number was out of range");
    if (s == QLAB_DECIMAL_OK && end < lx->text.n &&
        (is_letter(lx->text.at[end]) || is_digit(lx->text.at[end]) || lx->text.at[end] == '.'))
        return qlab_lex_fail(lx, end, "a number was followed by '%c'", lx->text.at[end]);
    if (s != QLAB_DECIMAL_OK)
        return qlab_lex_fail(lx, lx->at, "a number was expected (write 0.5, not .5 or 1.)");
    out->kind = QLAB_TOKEN_NUMBER;
    out->end = lx->at = end;
    return QLAB_OK;
}

static qlab_code take_sign(qlab_lexer *lx, qlab_token *out)
{
    static const char one[] = "(),+-*/^<>=";
    static const qlab_token_kind kinds[] = {QLAB_TOKEN_LPAREN, QLAB_TOKEN_RPAREN, QLAB_TOKEN_COMMA,
                                            QLAB_TOKEN_PLUS,   QLAB_TOKEN_MINUS,  QLAB_TOKEN_STAR,
                                            QLAB_TOKEN_SLASH,  QLAB_TOKEN_CARET,  QLAB_TOKEN_LT,
                                            QLAB_TOKEN_GT,     QLAB_TOKEN_ASSIGN};
    const char c = lx->text.at[lx->at];
    const bool equals = lx->at + 1 < lx->text.n && lx->text.at[lx->at + 1] == '=';

    if (equals && (c == '<' || c == '>' || c == '=' || c == '!')) {
        out->kind = c == '<'   ? QLAB_TOKEN_LE
                    : c == '>' ? QLAB_TOKEN_GE
                    : c == '=' ? QLAB_TOKEN_EQ
                               : QLAB_TOKEN_NE;
        out->end = lx->at += 2;
        return QLAB_OK;
    }
    for (size_t i = 0; one[i] != '\0'; i++)
        if (c == one[i]) {
            out->kind = kinds[i];
            out->end = lx->at += 1;
            return QLAB_OK;
        }
    if ((unsigned char)c > 0x20 && (unsigned char)c < 0x7f)
        return qlab_lex_fail(lx, lx->at, "'%c' does not belong to an expression", c);
    return qlab_lex_fail(lx, lx->at, "the byte 0x%02x does not belong to an expression",
                         (unsigned)(unsigned char)c);
}

qlab_code qlab_lex_next(qlab_lexer *lx, qlab_token *out)
{
    while (lx->at < lx->text.n && (lx->text.at[lx->at] == ' ' || lx->text.at[lx->at] == '\t' ||
                                   lx->text.at[lx->at] == '\n' || lx->text.at[lx->at] == '\r'))
        lx->at++;
    *out = (qlab_token){QLAB_TOKEN_END, lx->at, lx->at, 0.0};
    if (lx->at == lx->text.n)
        return QLAB_OK;
    const char c = lx->text.at[lx->at];
    if (is_digit(c) || c == '.')
        return take_number(lx, out);
    if (!is_letter(c))
        return take_sign(lx, out);
    while (lx->at < lx->text.n && (is_letter(lx->text.at[lx->at]) || is_digit(lx->text.at[lx->at])))
        lx->at++;
    out->kind = QLAB_TOKEN_NAME;
    out->end = lx->at;
    return QLAB_OK;
}
