/* strategy/expr.h -- the expression language of candidates: text to one graph of shared parts.
 *
 * A graph holds the expressions of all candidates.  Equal parts are one node (hash-consing), so
 * what a thousand candidates share is computed once.  Nodes are numbered in the order they were
 * first needed: an argument always has a smaller number than the node that uses it.
 *
 *   space    the universe over which z, rank, demean and neutralize run; nodes of two spaces are
 *            never shared (a caller numbers its universes from 0)
 *   number   every value is a double, NaN = null; a condition is 1, 0 or null
 *   null     one null argument makes the result null (if: the condition and the branch taken);
 *            a result that is not finite is null; `null and false` is null
 *
 * past     ts_mean(ret_1d, 20) and its like are columns of the panel, "ts_mean_20__ret_1d"
 *          (num/past.h): the panel's build looks back, nothing here does
 *
 * Grammar (docs/methods/expressions.md), weakest first: or, and, not, one comparison, + -, * /,
 * unary -, ^ (to the right).  Conditions and numbers are two types and never mix.
 *
 * Ownership: a graph owns its nodes and the names in it.  Threads: a finished graph is read only.
 * Fails: QLAB_E_CONFIG for a text that is not an expression; the text of the error holds
 * "LINE:COLUMN: what was wrong", the line of the expression and a caret below the place.
 */
#ifndef QLAB_STRATEGY_EXPR_H
#define QLAB_STRATEGY_EXPR_H

#include "base/err.h"
#include "base/view.h"

typedef enum qlab_expr_op {
    QLAB_EXPR_NUMBER,
    QLAB_EXPR_COLUMN,
    QLAB_EXPR_NEG,
    QLAB_EXPR_ADD,
    QLAB_EXPR_SUB,
    QLAB_EXPR_MUL,
    QLAB_EXPR_DIV,
    QLAB_EXPR_POW,
    QLAB_EXPR_LT,
    QLAB_EXPR_LE,
    QLAB_EXPR_GT,
    QLAB_EXPR_GE,
    QLAB_EXPR_EQ,
    QLAB_EXPR_NE,
    QLAB_EXPR_AND,
    QLAB_EXPR_OR,
    QLAB_EXPR_NOT,
    QLAB_EXPR_IF,
    QLAB_EXPR_ABS,
    QLAB_EXPR_LOG,
    QLAB_EXPR_SIGN,
    QLAB_EXPR_SQRT,
    QLAB_EXPR_MIN,
    QLAB_EXPR_MAX,
    QLAB_EXPR_CLIP,
    QLAB_EXPR_Z,
    QLAB_EXPR_RANK,
    QLAB_EXPR_DEMEAN,
    QLAB_EXPR_NEUTRALIZE
} qlab_expr_op;

/* What `by=` may name.  NONE is the whole space as one group. */
typedef enum qlab_group {
    QLAB_GROUP_CLASS,
    QLAB_GROUP_EXCHANGE,
    QLAB_GROUP_CURRENCY,
    QLAB_GROUP_SECTOR,
    QLAB_GROUP_COUNT,
    QLAB_GROUP_NONE = QLAB_GROUP_COUNT
} qlab_group;
const char *qlab_group_name(qlab_group g); /* "class"; "" for NONE */

typedef struct qlab_expr_node {
    qlab_expr_op op;
    qlab_group by;
    uint32_t space;     /* 0 for numbers */
    uint32_t first_arg; /* into qlab_expr_args */
    uint32_t n_args;
    uint32_t column;  /* COLUMN: index into qlab_expr_columns */
    uint32_t n_parts; /* operations and values it is made of, repeated ones counted again */
    bool is_condition;
    double number; /* NUMBER */
} qlab_expr_node;

typedef struct qlab_expr_graph qlab_expr_graph;

enum {
    QLAB_EXPR_MAX_BYTES = 16384, /* of one expression's text */
    QLAB_EXPR_MAX_DEPTH = 200,   /* of nesting */
    QLAB_EXPR_MAX_PARTS = 4000,  /* of one expression with its terms written out */
    QLAB_EXPR_MAX_ARGS = 32      /* of one function */
};

/* known: the columns that exist (borrowed while parsing); NULL takes any name for a column. */
typedef struct qlab_expr_known {
    const char *const *names;
    size_t n;
} qlab_expr_known;

qlab_expr_graph *qlab_expr_graph_new(const qlab_expr_known *known);
void qlab_expr_graph_free(qlab_expr_graph *g);

/* Gives `text` a name that later expressions (and terms) may use.  It is checked here. */
qlab_code qlab_expr_add_term(qlab_expr_graph *g, const char *name, qlab_str text,
                             qlab_err *err) QLAB_MUST_USE;
/* *root is the node of the whole expression, a number that uses at least one column. */
qlab_code qlab_expr_parse(qlab_expr_graph *g, qlab_str text, uint32_t space, uint32_t *root,
                          qlab_err *err) QLAB_MUST_USE;

/* Nodes made by hand: a number (finite), and an operation on nodes of `space`. */
uint32_t qlab_expr_make_number(qlab_expr_graph *g, double v);
uint32_t qlab_expr_make(qlab_expr_graph *g, qlab_expr_op op, uint32_t space, const uint32_t *args,
                        uint32_t n_args);

size_t qlab_expr_n_nodes(const qlab_expr_graph *g);
const qlab_expr_node *qlab_expr_at(const qlab_expr_graph *g, uint32_t node);
const uint32_t *qlab_expr_args(const qlab_expr_graph *g, uint32_t node);
size_t qlab_expr_columns(const qlab_expr_graph *g, const char *const **names); /* in order of use */

/* The canonical text, appended: every operation in parentheses, terms replaced by what they stand
 * for, numbers as their shortest decimal.  It parses back to the same node. */
void qlab_expr_print(const qlab_expr_graph *g, uint32_t node, qlab_buf *out);
const char *qlab_expr_op_name(qlab_expr_op op); /* "z", "+" */

/* One operation on numbers already in hand (all but COLUMN and the four over a space). */
double qlab_expr_scalar(qlab_expr_op op, const double *args, size_t n_args);

#endif
