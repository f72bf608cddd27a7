/* strategy/expr_graph.h -- inside strategy/: what the parser shares with a graph.
 *
 * Not for other modules.  Names are interned: equal names have one index.
 */
#ifndef QLAB_STRATEGY_EXPR_GRAPH_H
#define QLAB_STRATEGY_EXPR_GRAPH_H

#include "base/arena.h"
#include "num/past.h"
#include "strategy/expr.h"

typedef struct qlab_expr_term {
    const char *name;
    qlab_str text;
    uint32_t *node; /* what it stands for in each space; UINT32_MAX = not asked yet */
    size_t cap_node;
} qlab_expr_term;

typedef struct qlab_expr_function {
    const char *name;
    qlab_expr_op op;
    uint32_t min_args, max_args;
    bool over_space; /* runs over the date's universe: its arguments may not be plain numbers */
    bool takes_by;
} qlab_expr_function;

struct qlab_expr_graph {
    const qlab_expr_known *known;
    qlab_expr_node *nodes;
    size_t n_nodes, cap_nodes;
    uint32_t *args;
    size_t n_args, cap_args;
    uint32_t *table; /* open addressing over nodes; UINT32_MAX = empty */
    size_t cap_table;
    const char **columns;
    size_t n_columns, cap_columns;
    qlab_expr_term *terms;
    size_t n_terms, cap_terms;
    qlab_arena strings;
};

/* The node equal to `want` (its first_arg is ignored; args has want.n_args entries), made if new.
 */
uint32_t qlab_expr_intern(qlab_expr_graph *g, qlab_expr_node want, const uint32_t *args);
uint32_t qlab_expr_intern_column(qlab_expr_graph *g, const char *name, size_t n);
/* Index of the term called so, or -1. */
ptrdiff_t qlab_expr_find_term(const qlab_expr_graph *g, const char *name, size_t n);

/* A text with the first n_terms terms; *root may be a condition or a plain number. */
qlab_code qlab_expr_parse_text(qlab_expr_graph *g, qlab_str text, uint32_t space, size_t n_terms,
                               uint32_t *root, qlab_err *err) QLAB_MUST_USE;

const qlab_expr_function *qlab_expr_find_function(qlab_str name); /* NULL when there is none */
/* Functions over an asset's own past (num/past.h). */
bool qlab_expr_is_reserved(qlab_str name);
bool qlab_expr_name_is_taken(const qlab_expr_graph *g, const char *name);
/* The known function (called) or column or term (the first n_terms) that `name` may be meant for.
 */
const char *qlab_expr_nearest(const qlab_expr_graph *g, size_t n_terms, bool called, qlab_str name);

#endif
