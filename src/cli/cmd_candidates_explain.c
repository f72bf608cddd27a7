/* cli/cmd_candidates_explain.c -- `quantlab candidates explain`: what one candidate computes. */
#include "base/alloc.h"
#include "cli/cmd.h"
#include "cli/stage_a_args.h"
#include "strategy/score.h"

typedef struct opts {
    const char *id, *candidates;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_ARG(opts, id, "ID", "id of the candidate"),
    QLAB_STR_OPT(opts, candidates, "candidates", "FILE", "a shipped list or a file (core24)"),
    QLAB_OPTS_END,
};

static json_t *columns_of(const qlab_library *lib, const qlab_candidate *c)
{
    size_t n_roots;
    uint32_t *roots = qlab_candidate_nodes(c, 1, &n_roots);
    qlab_score_plan *plan = qlab_score_plan_new(lib->graph, roots, n_roots);
    const char *const *names;
    const size_t n = qlab_score_plan_columns(plan, &names);
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(names[i]));
    qlab_score_plan_free(plan);
    qlab_free(roots);
    return list;
}

/* The expression as a tree, an operation a line, what it takes below it. */
static void print_tree(const qlab_expr_graph *g, uint32_t node, int depth, FILE *out)
{
    const qlab_expr_node *n = qlab_expr_at(g, node);
    const uint32_t *args = qlab_expr_args(g, node);
    qlab_buf leaf = QLAB_BUF_INIT;

    fprintf(out, "  %*s", 2 * depth, "");
    if (n->op == QLAB_EXPR_NUMBER || n->op == QLAB_EXPR_COLUMN) {
        qlab_expr_print(g, node, &leaf);
        fprintf(out, "%s\n", leaf.at);
        qlab_buf_free(&leaf);
        return;
    }
    fprintf(out, "%s%s%s\n", qlab_expr_op_name(n->op), n->by == QLAB_GROUP_NONE ? "" : " by ",
            qlab_group_name(n->by));
    for (uint32_t i = 0; i < n->n_args; i++)
        print_tree(g, args[i], depth + 1, out);
}

static const char *lesson(qlab_kind kind)
{
    static const char *const lessons[] = {
        [QLAB_KIND_FIXED] = "",
        [QLAB_KIND_ORIENTED] = "the sign of the score, from the mean rank IC of the train rows",
        [QLAB_KIND_RIDGE] = "a weight for each term, and the penalty, on the train rows",
        [QLAB_KIND_FAMILY_BEST] = "which of these to take: the steadiest rank IC of the train rows",
    };
    return lessons[kind];
}

static void explain(const qlab_ctx *cx, const qlab_library *lib, const qlab_candidate *c)
{
    json_t *o = qlab_candidate_json(c), *columns = columns_of(lib, c);

    json_object_set_new(o, "score", json_string(c->score));
    json_object_set(o, "columns", columns);
    if (cx->json) {
        qlab_cmd_print_json(cx, o);
    } else {
        fprintf(cx->out, "%s   family %s, kind %s, of %s\n\n", c->id, c->family, c->kind,
                lib->source);
        fprintf(cx->out, "score       %s\n", c->score);
        fprintf(cx->out, "definition  %s\n", c->definition);
        fprintf(cx->out, "horizon     %u sessions\n", c->horizon);
        fprintf(cx->out, "universe    %s\n", json_string_value(json_object_get(o, "universe")));
        fprintf(cx->out, "side        %s\n", qlab_side_name(c->side));
        fprintf(cx->out, "columns    ");
        for (size_t i = 0; i < json_array_size(columns); i++)
            fprintf(cx->out, " %s", json_string_value(json_array_get(columns, i)));
        if (c->kind_id != QLAB_KIND_FIXED)
            fprintf(cx->out, "\nlearned     %s", lesson(c->kind_id));
        fputs("\n\nworked out, a date at a time over the names of the universe:\n", cx->out);
        for (size_t i = 0; i < c->n_parts; i++) {
            if (c->parts[i].id != NULL)
                fprintf(cx->out, "%s\n", c->parts[i].id);
            print_tree(lib->graph, c->parts[i].node, 0, cx->out);
        }
    }
    json_decref(columns);
    json_decref(o);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_library *lib = NULL;
    char *name = qlab_arg_candidates(cx, o->candidates);
    qlab_code rc = qlab_arg_library(name, &lib, err);

    qlab_free(name);
    if (rc != QLAB_OK)
        return rc;
    const qlab_candidate *c = qlab_library_find(lib, o->id);
    if (c == NULL)
        rc = qlab_fail(err, QLAB_E_USAGE, "%s has no candidate '%s'; see quantlab candidates list",
                       lib->source, o->id);
    else
        explain(cx, lib, c);
    qlab_library_free(lib);
    return rc;
}

const qlab_cmd qlab_cmd_candidates_explain = {
    .name = "candidates explain",
    .args = "ID",
    .summary = "print what one candidate computes, term by term",
    .help = "example:\n"
            "  quantlab candidates explain csmom_20_liq\n",
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
