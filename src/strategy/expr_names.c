#include "strategy/expr_graph.h"

#include <string.h>

static const qlab_expr_function FUNCTIONS[] = {
    {"if", QLAB_EXPR_IF, 3, 3, false, false},
    {"abs", QLAB_EXPR_ABS, 1, 1, false, false},
    {"log", QLAB_EXPR_LOG, 1, 1, false, false},
    {"sign", QLAB_EXPR_SIGN, 1, 1, false, false},
    {"sqrt", QLAB_EXPR_SQRT, 1, 1, false, false},
    {"min", QLAB_EXPR_MIN, 2, QLAB_EXPR_MAX_ARGS, false, false},
    {"max", QLAB_EXPR_MAX, 2, QLAB_EXPR_MAX_ARGS, false, false},
    {"clip", QLAB_EXPR_CLIP, 3, 3, false, false},
    {"z", QLAB_EXPR_Z, 1, 1, true, true},
    {"rank", QLAB_EXPR_RANK, 1, 1, true, true},
    {"demean", QLAB_EXPR_DEMEAN, 1, 1, true, true},
    {"neutralize", QLAB_EXPR_NEUTRALIZE, 2, QLAB_EXPR_MAX_ARGS, true, false},
};
enum { N_FUNCTIONS = sizeof FUNCTIONS / sizeof FUNCTIONS[0] };

const qlab_expr_function *qlab_expr_find_function(qlab_str name)
{
    for (size_t i = 0; i < N_FUNCTIONS; i++)
        if (qlab_str_eq(name, qlab_str_of(FUNCTIONS[i].name)))
            return &FUNCTIONS[i];
    return NULL;
}

bool qlab_expr_is_reserved(qlab_str name)
{
    qlab_past_op ignored;

    return qlab_past_find(name, &ignored);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits between two names (Levenshtein); names longer than the row are far apart. */
static size_t edits(const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t row[64];

    if (n_a >= 64 || n_b >= 64)
        return 64;
    for (size_t j = 0; j <= n_b; j++)
        row[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            const size_t above = row[j];
            row[j] = least(diagonal + (a[i - 1] != b[j - 1]), least(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[n_b];
}

static void consider(const char *name, const char *s, size_t n, const char **best, size_t *distance)
{
    const size_t d = edits(s, n, name, strlen(name));

    if (d < *distance) {
        *distance = d;
        *best = name;
    }
}

const char *qlab_expr_nearest(const qlab_expr_graph *g, size_t n_terms, bool called, qlab_str name)
{
    const char *best = NULL;
    size_t distance = name.n < 4 ? 2 : 4; /* further away is no suggestion */

    if (called) {
        for (size_t i = 0; i < N_FUNCTIONS; i++)
            consider(FUNCTIONS[i].name, name.at, name.n, &best, &distance);
        for (int i = 0; i < QLAB_PAST_OPS; i++)
            consider(qlab_past_op_name((qlab_past_op)i), name.at, name.n, &best, &distance);
        return best;
    }
    for (size_t i = 0; g->known != NULL && i < g->known->n; i++)
        consider(g->known->names[i], name.at, name.n, &best, &distance);
    for (size_t i = 0; i < n_terms; i++)
        consider(g->terms[i].name, name.at, name.n, &best, &distance);
    return best;
}

bool qlab_expr_name_is_taken(const qlab_expr_graph *g, const char *name)
{
    static const char *const words[] = {"and",   "or",       "not",      "by",    "asset_class",
                                        "class", "exchange", "currency", "sector"};

    if (qlab_expr_find_function(qlab_str_of(name)) != NULL ||
        qlab_expr_is_reserved(qlab_str_of(name)))
        return true;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(name, words[i]) == 0)
            return true;
    for (size_t i = 0; g->known != NULL && i < g->known->n; i++)
        if (strcmp(name, g->known->names[i]) == 0)
            return true;
    return qlab_expr_find_term(g, name, strlen(name)) >= 0;
}
