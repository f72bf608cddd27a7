/* strategy/expr_lex.h -- inside strategy/: the tokens of an expression, and errors that point.
 *
 * Not for other modules.  A lexer borrows its text.  An error is written once, at the first
 * failure.
 */
#ifndef QLAB_STRATEGY_EXPR_LEX_H
#define QLAB_STRATEGY_EXPR_LEX_H

#include "base/err.h"
#include "base/view.h"

typedef enum qlab_token_kind {
    QLAB_TOKEN_END,
    QLAB_TOKEN_NUMBER,
    QLAB_TOKEN_NAME,
    QLAB_TOKEN_LPAREN,
    QLAB_TOKEN_RPAREN,
    QLAB_TOKEN_COMMA,
    QLAB_TOKEN_PLUS,
    QLAB_TOKEN_MINUS,
    QLAB_TOKEN_STAR,
    QLAB_TOKEN_SLASH,
    QLAB_TOKEN_CARET,
    QLAB_TOKEN_LT,
    QLAB_TOKEN_LE,
    QLAB_TOKEN_GT,
    QLAB_TOKEN_GE,
    QLAB_TOKEN_EQ,
    QLAB_TOKEN_NE,
    QLAB_TOKEN_ASSIGN
} qlab_token_kind;

typedef struct qlab_token {
    qlab_token_kind kind;
    size_t first, end; /* bytes of the text */
    double number;
} qlab_token;

typedef struct qlab_lexer {
    qlab_str text;
    size_t at;
    qlab_err *err;
} qlab_lexer;

qlab_code qlab_lex_next(qlab_lexer *lx, qlab_token *out) QLAB_MUST_USE;
/* "LINE:COLUMN: " and the message, then the line of `offset` and a caret below it. */
qlab_code qlab_lex_fail(const qlab_lexer *lx, size_t offset, const char *fmt, ...)
    QLAB_PRINTF(3, 4);

#endif
