/* Whole expressions: a score, and a term that later ones use. */
#include "strategy/expr_graph.h"
#include "strategy/expr_lex.h"

#include "base/alloc.h"

#include <string.h>

qlab_code qlab_expr_parse(qlab_expr_graph *g, qlab_str text, uint32_t space, uint32_t *root,
                          qlab_err *err)
{
    const qlab_lexer whole = {text, 0, err};
    qlab_code rc = qlab_expr_parse_text(g, text, space, g->n_terms, root, err);

    if (rc != QLAB_OK)
        return rc;
    if (qlab_expr_at(g, *root)->is_condition)
        return qlab_lex_fail(&whole, 0, "a score is a number, not a condition (write if(c, 1, 0))");
    if (qlab_expr_at(g, *root)->op == QLAB_EXPR_NUMBER)
        return qlab_lex_fail(&whole, 0, "a score uses at least one column");
    return QLAB_OK;
}

qlab_code qlab_expr_add_term(qlab_expr_graph *g, const char *name, qlab_str text, qlab_err *err)
{
    qlab_lexer lx = {qlab_str_of(name), 0, err};
    qlab_token tok, end;
    uint32_t root;
    qlab_code rc;

    if (qlab_lex_next(&lx, &tok) != QLAB_OK || qlab_lex_next(&lx, &end) != QLAB_OK ||
        tok.kind != QLAB_TOKEN_NAME || tok.first != 0 || end.kind != QLAB_TOKEN_END ||
        tok.end != strlen(name)) {
        qlab_err_reset(err);
        return qlab_fail(err, QLAB_E_CONFIG,
                         "'%s' is no name for a term: letters, digits and _, a letter first", name);
    }
    if (qlab_expr_name_is_taken(g, name))
        return qlab_fail(err, QLAB_E_CONFIG, "the name '%s' is taken", name);
    if ((rc = qlab_expr_parse_text(g, text, 0, g->n_terms, &root, err)) != QLAB_OK)
        return rc;
    qlab_grow((void **)&g->terms, &g->cap_terms, g->n_terms + 1, sizeof *g->terms);
    g->terms[g->n_terms] = (qlab_expr_term){0};
    g->terms[g->n_terms].name = qlab_arena_strndup(&g->strings, name, strlen(name));
    g->terms[g->n_terms].text =
        (qlab_str){qlab_arena_strndup(&g->strings, text.at, text.n), text.n};
    g->n_terms++;
    return QLAB_OK;
}
