/* cli/cmd_candidates_check.c -- `quantlab candidates check`: is a file of candidates sound? */
#include "cli/cmd.h"
#include "cli/stage_a_args.h"
#include "strategy/score.h"

#include "base/alloc.h"

typedef struct opts {
    const char *file;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_ARG(opts, file, "FILE", "a file of candidates, or the name of a shipped list"),
    QLAB_OPTS_END,
};

static void report(const qlab_ctx *cx, const qlab_library *lib)
{
    const char *const *columns;
    char hex[QLAB_HEX_BYTES];
    size_t n_roots;
    uint32_t *roots = qlab_candidate_nodes(lib->candidates, lib->n, &n_roots);

    qlab_score_plan *plan = qlab_score_plan_new(lib->graph, roots, n_roots);
    const size_t n_columns = qlab_score_plan_columns(plan, &columns);
    json_t *o = json_object(), *list = json_array();
    for (size_t i = 0; i < n_columns; i++)
        json_array_append_new(list, json_string(columns[i]));
    json_object_set_new(o, "name", json_string(lib->name));
    json_object_set_new(o, "source", json_string(lib->source));
    json_object_set_new(o, "digest", json_string(qlab_hex(lib->digest, hex)));
    json_object_set_new(o, "candidates_total", json_integer((json_int_t)lib->n));
    json_object_set_new(o, "parts_shared", json_integer((json_int_t)qlab_score_plan_steps(plan)));
    json_object_set_new(o, "columns", list);
    if (cx->json) {
        qlab_cmd_print_json(cx, o);
    } else {
        fprintf(cx->out, "%s: %zu candidates are sound\n", lib->source, lib->n);
        fprintf(cx->out, "%zu parts are worked out a date, from %zu columns:\n  ",
                qlab_score_plan_steps(plan), n_columns);
        qlab_buf names = QLAB_BUF_INIT;
        for (size_t i = 0; i < n_columns; i++)
            qlab_buf_putf(&names, "%s%s", i > 0 ? " " : "", columns[i]);
        qlab_cmd_put_wrapped(cx->out, names.at, 2, 2);
        qlab_buf_free(&names);
    }
    json_decref(o);
    qlab_score_plan_free(plan);
    qlab_free(roots);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_library *lib = NULL;
    const qlab_code rc = qlab_arg_library(o->file, &lib, err);

    if (rc != QLAB_OK)
        return rc;
    report(cx, lib);
    qlab_library_free(lib);
    return QLAB_OK;
}

const qlab_cmd qlab_cmd_candidates_check = {
    .name = "candidates check",
    .args = "FILE",
    .summary = "check a file of candidates, every expression",
    .help = "An error names file:line:column, and inside an expression its own line:column with a\n"
            "caret below the place. Ends with 2 when something is wrong.\n"
            "\n"
            "example:\n"
            "  quantlab candidates check mine.yaml\n",
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
