#include "strategy/expr_graph.h"
#include "strategy/expr_lex.h"

#include "base/alloc.h"

#include <assert.h>
#include <math.h>
#include <string.h>

typedef struct parser {
    qlab_expr_graph *g;
    qlab_lexer lx;
    qlab_token tok;
    uint32_t space;
    size_t n_terms; /* terms that may be used here: those before it */
    unsigned depth;
} parser;

/* A part that was read: its node and where it began, for messages about it. */
typedef struct operand {
    uint32_t node;
    size_t at;
} operand;

static qlab_code parse_or(parser *p, operand *out) QLAB_MUST_USE;
static qlab_code parse_unary(parser *p, operand *out) QLAB_MUST_USE;

static qlab_code advance(parser *p) QLAB_MUST_USE;
static qlab_code advance(parser *p)
{
    return qlab_lex_next(&p->lx, &p->tok);
}

static const char *token_at(const parser *p)
{
    return p->lx.text.at + p->tok.first;
}

static qlab_str token(const parser *p)
{
    return (qlab_str){token_at(p), p->tok.end - p->tok.first};
}

static bool token_is(const parser *p, const char *word)
{
    const size_t n = strlen(word);

    return p->tok.kind == QLAB_TOKEN_NAME && p->tok.end - p->tok.first == n &&
           memcmp(token_at(p), word, n) == 0;
}

static int shown(const parser *p)
{
    const size_t n = p->tok.end - p->tok.first;

    return (int)(n < 60 ? n : 60);
}

static qlab_code fail_unexpected(const parser *p, const char *wanted)
{
    if (p->tok.kind == QLAB_TOKEN_END)
        return qlab_lex_fail(&p->lx, p->tok.first, "the expression ended where %s was expected",
                             wanted);
    return qlab_lex_fail(&p->lx, p->tok.first, "%s was expected, not '%.*s'", wanted, shown(p),
                         token_at(p));
}

/* Keeps the recursion below within the stack; the caller takes it back. */
static qlab_code deeper(parser *p)
{
    if (++p->depth > QLAB_EXPR_MAX_DEPTH)
        return qlab_lex_fail(&p->lx, p->tok.first, "the expression was nested more than %d deep",
                             QLAB_EXPR_MAX_DEPTH);
    return QLAB_OK;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static bool is_number(const parser *p, operand x)
{
    return qlab_expr_at(p->g, x.node)->op == QLAB_EXPR_NUMBER;
}

static bool is_condition(const parser *p, operand x)
{
    return qlab_expr_at(p->g, x.node)->is_condition;
}

/* An operation on values of one name; numbers alone are worked out here. */
static qlab_code make_op(parser *p, qlab_expr_op op, const operand *x, uint32_t n, bool condition,
                         size_t at, operand *out)
{
    uint32_t args[QLAB_EXPR_MAX_ARGS];
    double v[QLAB_EXPR_MAX_ARGS];
    bool all_numbers = true;

    for (uint32_t i = 0; i < n; i++) {
        args[i] = x[i].node;
        v[i] = qlab_expr_at(p->g, args[i])->number;
        all_numbers = all_numbers && is_number(p, x[i]);
    }
    out->at = x[0].at < at ? x[0].at : at;
    if (all_numbers && condition)
        return qlab_lex_fail(&p->lx, at, "'%s' compared two plain numbers", qlab_expr_op_name(op));
    if (all_numbers) {
        const double r = qlab_expr_scalar(op, v, n);
        if (!isfinite(r))
            return qlab_lex_fail(&p->lx, at, "'%s' of plain numbers gave no finite number",
                                 qlab_expr_op_name(op));
        out->node = qlab_expr_make_number(p->g, r);
        return QLAB_OK;
    }
    if (op == QLAB_EXPR_CLIP && is_number(p, x[1]) && is_number(p, x[2]) && v[1] > v[2])
        return qlab_lex_fail(&p->lx, x[1].at, "the lower bound of clip was above the upper one");
    const qlab_expr_node want = {
        .op = op, .by = QLAB_GROUP_NONE, .space = p->space, .n_args = n, .is_condition = condition};
    out->node = qlab_expr_intern(p->g, want, args);
    return QLAB_OK;
}

static qlab_code need(const parser *p, operand x, bool condition, const char *who)
{
    if (is_condition(p, x) == condition)
        return QLAB_OK;
    if (condition)
        return qlab_lex_fail(&p->lx, x.at, "%s needs a condition here, not a number", who);
    return qlab_lex_fail(&p->lx, x.at,
                         "%s needs a number here, not a condition (write if(c, 1, 0))", who);
}

static qlab_code make_binary(parser *p, qlab_expr_op op, operand a, operand b, size_t at,
                             operand *out)
{
    const bool logic = op == QLAB_EXPR_AND || op == QLAB_EXPR_OR;
    const bool condition = logic || (op >= QLAB_EXPR_LT && op <= QLAB_EXPR_NE);
    char who[16];
    operand x[2] = {a, b};
    qlab_code rc;

    who[0] = '\'';
    const size_t n = strlen(qlab_expr_op_name(op));
    memcpy(who + 1, qlab_expr_op_name(op), n);
    memcpy(who + 1 + n, "'", 2);
    if ((rc = need(p, a, logic, who)) != QLAB_OK || (rc = need(p, b, logic, who)) != QLAB_OK)
        return rc;
    return make_op(p, op, x, 2, condition, at, out);
}

/* ---- names ----------------------------------------------------------------------------------- */

static qlab_code fail_unknown_name(const parser *p, bool called)
{
    const char *best = qlab_expr_nearest(p->g, p->n_terms, called, token(p));

    return qlab_lex_fail(&p->lx, p->tok.first, "there is no %s '%.*s'%s%s%s",
                         called ? "function" : "column", shown(p), token_at(p),
                         best ? "; did you mean '" : "", best ? best : "", best ? "'?" : "");
}

static bool is_known_column(const parser *p)
{
    if (p->g->known == NULL)
        return true;
    for (size_t i = 0; i < p->g->known->n; i++)
        if (token_is(p, p->g->known->names[i]))
            return true;
    return false;
}

/* The token names a column of the panel that holds numbers. */
static qlab_code check_column(const parser *p)
{
    static const char *const groups[] = {"asset_class", "class", "exchange", "currency", "sector"};
    const char *s = token_at(p);
    const size_t n = p->tok.end - p->tok.first;

    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (token_is(p, groups[i]))
            return qlab_lex_fail(&p->lx, p->tok.first,
                                 "'%s' holds names, not numbers: use it as by=%s", groups[i],
                                 i == 0 ? "class" : groups[i]);
    if (n >= 8 && memcmp(s, "fwd_ret_", 8) == 0)
        return qlab_lex_fail(&p->lx, p->tok.first,
                             "'%.*s' is a label: it lies in the future of the score", shown(p), s);
    return is_known_column(p) ? QLAB_OK : fail_unknown_name(p, false);
}

static qlab_code parse_column(parser *p, operand *out)
{
    const qlab_code rc = check_column(p);

    if (rc != QLAB_OK)
        return rc;
    const qlab_expr_node want = {
        .op = QLAB_EXPR_COLUMN,
        .by = QLAB_GROUP_NONE,
        .space = p->space,
        .column = qlab_expr_intern_column(p->g, token_at(p), p->tok.end - p->tok.first)};
    out->node = qlab_expr_intern(p->g, want, NULL);
    return advance(p);
}

static qlab_code parse_by(parser *p, const qlab_expr_function *f, qlab_group *by)
{
    qlab_code rc;

    if (!token_is(p, "by"))
        return qlab_lex_fail(&p->lx, p->tok.first,
                             "there is no option '%.*s='; 'by=' is the only one", shown(p),
                             token_at(p));
    if (!f->takes_by)
        return qlab_lex_fail(&p->lx, p->tok.first, "%s takes no 'by='", f->name);
    if ((rc = advance(p)) != QLAB_OK || (rc = advance(p)) != QLAB_OK) /* by, = */
        return rc;
    for (int i = 0; i < QLAB_GROUP_COUNT; i++)
        if (token_is(p, qlab_group_name((qlab_group)i))) {
            *by = (qlab_group)i;
            return advance(p);
        }
    return fail_unexpected(p, "class, exchange, currency or sector after 'by='");
}

/* The name of a function stands before '(': tok is the first token inside. */
static qlab_code parse_args(parser *p, const qlab_expr_function *f, operand *args, uint32_t *n,
                            qlab_group *by)
{
    qlab_code rc;

    for (*n = 0;;) {
        qlab_lexer ahead = p->lx;
        qlab_token next = {0};
        if (p->tok.kind == QLAB_TOKEN_NAME && (rc = qlab_lex_next(&ahead, &next)) != QLAB_OK)
            return rc;
        if (next.kind == QLAB_TOKEN_ASSIGN) {
            if ((rc = parse_by(p, f, by)) != QLAB_OK)
                return rc;
            return p->tok.kind == QLAB_TOKEN_RPAREN ? QLAB_OK : fail_unexpected(p, "')' after by=");
        }
        if (*n == f->max_args)
            return qlab_lex_fail(&p->lx, p->tok.first, "%s takes %s%u argument%s", f->name,
                                 f->min_args < f->max_args ? "at most " : "", f->max_args,
                                 f->max_args == 1 ? "" : "s");
        if ((rc = parse_or(p, &args[*n])) != QLAB_OK)
            return rc;
        if ((rc = need(p, args[*n], f->op == QLAB_EXPR_IF && *n == 0, f->name)) != QLAB_OK)
            return rc;
        ++*n;
        if (p->tok.kind != QLAB_TOKEN_COMMA)
            return p->tok.kind == QLAB_TOKEN_RPAREN ? QLAB_OK : fail_unexpected(p, "',' or ')'");
        if ((rc = advance(p)) != QLAB_OK)
            return rc;
    }
}

static qlab_code parse_call(parser *p, const qlab_expr_function *f, operand *out)
{
    const size_t at = p->tok.first;
    operand args[QLAB_EXPR_MAX_ARGS];
    uint32_t nodes[QLAB_EXPR_MAX_ARGS], n = 0;
    qlab_group by = QLAB_GROUP_NONE;
    qlab_code rc;

    if ((rc = advance(p)) != QLAB_OK)
        return rc;
    if (p->tok.kind != QLAB_TOKEN_LPAREN)
        return fail_unexpected(p, "'(' after the name of a function");
    if ((rc = advance(p)) != QLAB_OK || (rc = parse_args(p, f, args, &n, &by)) != QLAB_OK)
        return rc;
    if (n < f->min_args)
        return qlab_lex_fail(&p->lx, p->tok.first, "%s takes %s%u argument%s, not %u", f->name,
                             f->min_args < f->max_args ? "at least " : "", f->min_args,
                             f->min_args == 1 ? "" : "s", n);
    if ((rc = advance(p)) != QLAB_OK)
        return rc;
    if (!f->over_space)
        rc = make_op(p, f->op, args, n, false, at, out);
    for (uint32_t i = 0; f->over_space && i < n; i++) {
        if (is_number(p, args[i]))
            return qlab_lex_fail(&p->lx, args[i].at, "%s of a plain number says nothing", f->name);
        nodes[i] = args[i].node;
    }
    if (f->over_space)
        out->node = qlab_expr_intern(
            p->g, (qlab_expr_node){.op = f->op, .by = by, .space = p->space, .n_args = n}, nodes);
    out->at = at;
    return rc;
}

/* Inside a function over the past: a column's name as it stands in the panel. */
static qlab_code parse_past_column(parser *p, qlab_past_op op, qlab_str *column)
{
    const size_t at = p->tok.first;
    const size_t n = p->tok.end - p->tok.first;
    qlab_code rc;

    if (p->tok.kind == QLAB_TOKEN_NAME && qlab_expr_find_term(p->g, token_at(p), n) >= 0)
        return qlab_lex_fail(&p->lx, at, "%s looks at a column of the panel, and '%.*s' is a term",
                             qlab_past_op_name(op), shown(p), token_at(p));
    if (p->tok.kind != QLAB_TOKEN_NAME || qlab_expr_find_function(token(p)) != NULL ||
        qlab_expr_is_reserved(token(p)))
        return qlab_lex_fail(&p->lx, at, "%s looks at a column of the panel, not at an expression",
                             qlab_past_op_name(op));
    *column = token(p);
    if ((rc = check_column(p)) != QLAB_OK || (rc = advance(p)) != QLAB_OK)
        return rc;
    if (p->tok.kind != QLAB_TOKEN_COMMA)
        return qlab_lex_fail(&p->lx, p->tok.first,
                             "%s looks at a column of the panel, not at an expression",
                             qlab_past_op_name(op));
    return QLAB_OK;
}

/* ts_mean(ret_1d, 20) is the panel's column "ts_mean_20__ret_1d": the panel's build looks back over
 * valid bars, so that the dates that a panel holds change nothing. */
static qlab_code parse_past(parser *p, operand *out)
{
    char name[QLAB_PAST_NAME_BYTES];
    qlab_past past = {.bars = 0};
    const size_t at = p->tok.first;
    qlab_code rc;

    (void)qlab_past_find(token(p), &past.op);
    if ((rc = advance(p)) != QLAB_OK)
        return rc;
    if (p->tok.kind != QLAB_TOKEN_LPAREN)
        return fail_unexpected(p, "'(' after the name of a function");
    if ((rc = advance(p)) != QLAB_OK)
        return rc;
    for (size_t i = 0; i < qlab_past_n_columns(past.op); i++)
        if ((rc = parse_past_column(p, past.op, &past.column[i])) != QLAB_OK ||
            (rc = advance(p)) != QLAB_OK)
            return rc;
    const uint32_t least = qlab_past_min_bars(past.op);
    const double bars = p->tok.kind == QLAB_TOKEN_NUMBER ? p->tok.number : 0.0;
    if (!(bars >= (double)least && bars <= QLAB_PAST_MAX_BARS && floor(bars) >= bars))
        return qlab_lex_fail(&p->lx, p->tok.first, "%s looks back a whole number of bars, %u to %d",
                             qlab_past_op_name(past.op), least, QLAB_PAST_MAX_BARS);
    past.bars = (uint32_t)bars;
    if ((rc = advance(p)) != QLAB_OK)
        return rc;
    if (p->tok.kind != QLAB_TOKEN_RPAREN)
        return fail_unexpected(p, "')'");
    if (!qlab_past_name(&past, name))
        return qlab_lex_fail(&p->lx, at, "the columns of %s have names too long to keep",
                             qlab_past_op_name(past.op));
    const qlab_expr_node want = {.op = QLAB_EXPR_COLUMN,
                                 .by = QLAB_GROUP_NONE,
                                 .space = p->space,
                                 .column = qlab_expr_intern_column(p->g, name, strlen(name))};
    out->node = qlab_expr_intern(p->g, want, NULL);
    out->at = at;
    return advance(p);
}

/* A term is parsed once a space: chains of terms that use each other twice stay cheap. */
static qlab_code expand_term(parser *p, size_t term, uint32_t *node)
{
    qlab_expr_graph *g = p->g;
    const size_t had = g->terms[term].cap_node;
    qlab_code rc = QLAB_OK;

    qlab_grow((void **)&g->terms[term].node, &g->terms[term].cap_node, p->space + 1,
              sizeof *g->terms[term].node);
    for (size_t i = had; i < g->terms[term].cap_node; i++)
        g->terms[term].node[i] = UINT32_MAX;
    if (g->terms[term].node[p->space] == UINT32_MAX) {
        rc = qlab_expr_parse_text(g, g->terms[term].text, p->space, term, node, p->lx.err);
        assert(rc == QLAB_OK); /* it was parsed when it was added */
        g->terms[term].node[p->space] = *node;
    }
    *node = g->terms[term].node[p->space];
    return rc;
}

static qlab_code parse_name(parser *p, operand *out)
{
    const size_t n = p->tok.end - p->tok.first;
    const ptrdiff_t term = qlab_expr_find_term(p->g, token_at(p), n);
    const qlab_expr_function *f = qlab_expr_find_function(token(p));
    qlab_lexer ahead = p->lx;
    qlab_token next;
    qlab_code rc;

    if (qlab_expr_is_reserved(token(p)))
        return parse_past(p, out);
    if (f != NULL)
        return parse_call(p, f, out);
    if (token_is(p, "and") || token_is(p, "or") || token_is(p, "not"))
        return fail_unexpected(p, "a value");
    if ((rc = qlab_lex_next(&ahead, &next)) != QLAB_OK)
        return rc;
    if (next.kind == QLAB_TOKEN_LPAREN)
        return fail_unknown_name(p, true);
    if (term < 0 || (size_t)term >= p->n_terms)
        return parse_column(p, out);
    rc = expand_term(p, (size_t)term, &out->node);
    return rc == QLAB_OK ? advance(p) : rc;
}

/* ---- grammar --------------------------------------------------------------------------------- */

static qlab_code parse_primary(parser *p, operand *out)
{
    const size_t at = p->tok.first;
    qlab_code rc;

    out->at = at;
    if (p->tok.kind == QLAB_TOKEN_NUMBER) {
        out->node = qlab_expr_make_number(p->g, p->tok.number);
        return advance(p);
    }
    if (p->tok.kind == QLAB_TOKEN_NAME)
        return parse_name(p, out);
    if (p->tok.kind != QLAB_TOKEN_LPAREN)
        return fail_unexpected(p, "a value");
    if ((rc = advance(p)) != QLAB_OK || (rc = parse_or(p, out)) != QLAB_OK)
        return rc;
    if (p->tok.kind != QLAB_TOKEN_RPAREN)
        return fail_unexpected(p, "')'");
    out->at = at;
    return advance(p);
}

static qlab_code parse_power(parser *p, operand *out)
{
    qlab_code rc = parse_primary(p, out);

    if (rc != QLAB_OK || p->tok.kind != QLAB_TOKEN_CARET)
        return rc;
    const size_t at = p->tok.first;
    const operand base = *out;
    operand exponent;
    if ((rc = deeper(p)) != QLAB_OK || (rc = advance(p)) != QLAB_OK ||
        (rc = parse_unary(p, &exponent)) != QLAB_OK)
        return rc;
    p->depth--;
    return make_binary(p, QLAB_EXPR_POW, base, exponent, at, out);
}

static qlab_code parse_unary(parser *p, operand *out)
{
    const size_t at = p->tok.first;
    qlab_code rc;

    if (p->tok.kind != QLAB_TOKEN_MINUS)
        return parse_power(p, out);
    operand x;
    if ((rc = deeper(p)) != QLAB_OK || (rc = advance(p)) != QLAB_OK ||
        (rc = parse_unary(p, &x)) != QLAB_OK || (rc = need(p, x, false, "'-'")) != QLAB_OK)
        return rc;
    p->depth--;
    return make_op(p, QLAB_EXPR_NEG, &x, 1, false, at, out);
}

static qlab_code parse_product(parser *p, operand *out)
{
    qlab_code rc = parse_unary(p, out);

    while (rc == QLAB_OK && (p->tok.kind == QLAB_TOKEN_STAR || p->tok.kind == QLAB_TOKEN_SLASH)) {
        const qlab_expr_op op = p->tok.kind == QLAB_TOKEN_STAR ? QLAB_EXPR_MUL : QLAB_EXPR_DIV;
        const size_t at = p->tok.first;
        const operand left = *out;
        operand right;
        if ((rc = advance(p)) == QLAB_OK && (rc = parse_unary(p, &right)) == QLAB_OK)
            rc = make_binary(p, op, left, right, at, out);
    }
    return rc;
}

static qlab_code parse_sum(parser *p, operand *out)
{
    qlab_code rc = parse_product(p, out);

    while (rc == QLAB_OK && (p->tok.kind == QLAB_TOKEN_PLUS || p->tok.kind == QLAB_TOKEN_MINUS)) {
        const qlab_expr_op op = p->tok.kind == QLAB_TOKEN_PLUS ? QLAB_EXPR_ADD : QLAB_EXPR_SUB;
        const size_t at = p->tok.first;
        const operand left = *out;
        operand right;
        if ((rc = advance(p)) == QLAB_OK && (rc = parse_product(p, &right)) == QLAB_OK)
            rc = make_binary(p, op, left, right, at, out);
    }
    return rc;
}

static bool is_comparison(qlab_token_kind k)
{
    return k >= QLAB_TOKEN_LT && k <= QLAB_TOKEN_NE;
}

static qlab_code parse_comparison(parser *p, operand *out)
{
    qlab_code rc = parse_sum(p, out);

    if (rc != QLAB_OK || !is_comparison(p->tok.kind))
        return rc;
    const qlab_expr_op op =
        (qlab_expr_op)((int)QLAB_EXPR_LT + (int)p->tok.kind - (int)QLAB_TOKEN_LT);
    const size_t at = p->tok.first;
    const operand left = *out;
    operand right;
    if ((rc = advance(p)) != QLAB_OK || (rc = parse_sum(p, &right)) != QLAB_OK)
        return rc;
    if (is_comparison(p->tok.kind))
        return qlab_lex_fail(&p->lx, p->tok.first,
                             "comparisons do not chain: write a < b and b < c");
    return make_binary(p, op, left, right, at, out);
}

static qlab_code parse_not(parser *p, operand *out)
{
    const size_t at = p->tok.first;
    qlab_code rc;

    if (!token_is(p, "not"))
        return parse_comparison(p, out);
    operand x;
    if ((rc = deeper(p)) != QLAB_OK || (rc = advance(p)) != QLAB_OK ||
        (rc = parse_not(p, &x)) != QLAB_OK || (rc = need(p, x, true, "'not'")) != QLAB_OK)
        return rc;
    p->depth--;
    return make_op(p, QLAB_EXPR_NOT, &x, 1, true, at, out);
}

static qlab_code parse_and(parser *p, operand *out)
{
    qlab_code rc = parse_not(p, out);

    while (rc == QLAB_OK && token_is(p, "and")) {
        const size_t at = p->tok.first;
        const operand left = *out;
        operand right;
        if ((rc = advance(p)) == QLAB_OK && (rc = parse_not(p, &right)) == QLAB_OK)
            rc = make_binary(p, QLAB_EXPR_AND, left, right, at, out);
    }
    return rc;
}

static qlab_code parse_or(parser *p, operand *out)
{
    qlab_code rc = deeper(p);
    if (rc == QLAB_OK)
        rc = parse_and(p, out);
    while (rc == QLAB_OK && token_is(p, "or")) {
        const size_t at = p->tok.first;
        const operand left = *out;
        operand right;
        if ((rc = advance(p)) == QLAB_OK && (rc = parse_and(p, &right)) == QLAB_OK)
            rc = make_binary(p, QLAB_EXPR_OR, left, right, at, out);
    }
    p->depth--;
    return rc;
}

qlab_code qlab_expr_parse_text(qlab_expr_graph *g, qlab_str text, uint32_t space, size_t n_terms,
                               uint32_t *root, qlab_err *err)
{
    parser p = {.g = g, .lx = {text, 0, err}, .space = space, .n_terms = n_terms};
    operand whole;
    qlab_code rc;

    if (text.n > QLAB_EXPR_MAX_BYTES)
        return qlab_fail(err, QLAB_E_CONFIG, "the expression was %zu bytes long; %d are allowed",
                         text.n, QLAB_EXPR_MAX_BYTES);
    if ((rc = advance(&p)) != QLAB_OK || (rc = parse_or(&p, &whole)) != QLAB_OK)
        return rc;
    if (p.tok.kind != QLAB_TOKEN_END)
        return fail_unexpected(&p, "an operator or the end");
    if (qlab_expr_at(g, whole.node)->n_parts > QLAB_EXPR_MAX_PARTS)
        return qlab_lex_fail(&p.lx, 0, "the expression had more than %d parts with its terms",
                             QLAB_EXPR_MAX_PARTS);
    *root = whole.node;
    return QLAB_OK;
}
