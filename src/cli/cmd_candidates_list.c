/* cli/cmd_candidates_list.c -- `quantlab candidates list`: ids, families and scores. */
#include "base/alloc.h"
#include "cli/cmd.h"
#include "cli/stage_a_args.h"

#include <string.h>

typedef struct opts {
    const char *candidates;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, candidates, "candidates", "FILE", "a shipped list or a file (core24)"),
    QLAB_OPTS_END,
};

static void print_json(const qlab_ctx *cx, const qlab_library *lib)
{
    json_t *o = json_object(), *list = json_array();
    char hex[QLAB_HEX_BYTES];

    for (size_t i = 0; i < lib->n; i++) {
        json_t *c = qlab_candidate_json(&lib->candidates[i]);
        json_object_set_new(c, "score", json_string(lib->candidates[i].score));
        json_array_append_new(list, c);
    }
    json_object_set_new(o, "name", json_string(lib->name));
    json_object_set_new(o, "source", json_string(lib->source));
    json_object_set_new(o, "digest", json_string(qlab_hex(lib->digest, hex)));
    json_object_set_new(o, "candidates", list);
    qlab_cmd_print_json(cx, o);
    json_decref(o);
}

/* Long scores go on under their own column: 80 columns in all. */
enum { SCORE_COLUMN = 41 };

static void print_text(const qlab_ctx *cx, const qlab_library *lib)
{
    fprintf(cx->out, "%zu candidates of %s\n\n", lib->n, lib->source);
    fprintf(cx->out, "%-26s %-9s %2s  %s\n", "candidate", "family", "h", "score");
    for (size_t i = 0; i < lib->n; i++) {
        const qlab_candidate *c = &lib->candidates[i];
        const int at = fprintf(cx->out, "%-26s %-9s %2u  ", c->id, c->family, c->horizon);
        qlab_cmd_put_wrapped(cx->out, c->score, at > 0 ? (size_t)at : 0, SCORE_COLUMN);
    }
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_library *lib = NULL;
    char *name = qlab_arg_candidates(cx, o->candidates);
    const qlab_code rc = qlab_arg_library(name, &lib, err);

    qlab_free(name);
    if (rc != QLAB_OK)
        return rc;
    if (cx->json)
        print_json(cx, lib);
    else
        print_text(cx, lib);
    qlab_library_free(lib);
    return QLAB_OK;
}

const qlab_cmd qlab_cmd_candidates_list = {
    .name = "candidates list",
    .summary = "print the candidates of a list",
    .help =
        "Shipped lists: core8, core16, core24 (33 candidates; the default), ridge (what learns).\n"
        "A candidate is an expression over the panel's columns: docs/methods/expressions.md;\n"
        "or it learns one on train rows: docs/methods/learned.md.\n"
        "\n"
        "example:\n"
        "  quantlab candidates list --candidates core8\n",
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
