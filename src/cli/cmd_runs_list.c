/* cli/cmd_runs_list.c -- `quantlab runs list`: what ran, newest first. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/cmd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RUN_PREFIX "run_id="

typedef struct opts {
    const char *kind;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, kind, "kind", "KIND", "only runs of this kind (ingest, stage_a, ...)"),
    QLAB_OPTS_END,
};

/* What the run's *.run.json says; empty texts where there is none. */
typedef struct run_line {
    char *id;
    char *generated_at;
    double seconds; /* NaN where it is not said */
} run_line;

static int newest_first(const void *a, const void *b)
{
    const run_line *x = a, *y = b;
    const int c = strcmp(y->generated_at, x->generated_at);
    return c ? c : strcmp(x->id, y->id);
}

static void read_sidecar(const char *dir, run_line *line)
{
    qlab_err ignored = QLAB_ERR_INIT;
    char **names = NULL;
    size_t n = 0;
    line->seconds = NAN;
    if (qlab_dir_list(dir, &names, &n, &ignored) != QLAB_OK)
        return;
    for (size_t i = 0; i < n && !line->generated_at; i++) {
        const size_t length = strlen(names[i]);
        const char *at;
        json_t *o = NULL;
        if (length < 9 || strcmp(names[i] + length - 9, ".run.json") != 0)
            continue;
        char *path = qlab_path_join(dir, names[i]);
        if (qlab_json_load(path, &o, &ignored) == QLAB_OK &&
            qlab_json_get_str(o, path, "generated_at", &at, &ignored) == QLAB_OK &&
            qlab_json_get_f64(o, path, "seconds", &line->seconds, &ignored) == QLAB_OK)
            line->generated_at = qlab_strdup(at);
        json_decref(o);
        qlab_free(path);
    }
    qlab_dir_list_free(names, n);
}

static bool is_wanted(const char *name, const char *kind)
{
    const size_t n_prefix = sizeof RUN_PREFIX - 1;
    if (strncmp(name, RUN_PREFIX, n_prefix) != 0)
        return false;
    const size_t n = kind ? strlen(kind) : 0;
    return !kind || (strncmp(name + n_prefix, kind, n) == 0 && name[n_prefix + n] == '_');
}

static void print_lines(const qlab_ctx *cx, const run_line *lines, size_t n)
{
    if (n == 0)
        fprintf(cx->out, "no runs yet\n");
    for (size_t i = 0; i < n; i++) {
        fprintf(cx->out, "%-40s %-20s", lines[i].id,
                *lines[i].generated_at ? lines[i].generated_at : "-");
        if (!isnan(lines[i].seconds))
            fprintf(cx->out, " %8.1f s", lines[i].seconds);
        fputc('\n', cx->out);
    }
}

static void print_json(const qlab_ctx *cx, const run_line *lines, size_t n)
{
    json_t *runs = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *o = json_object(), *id = json_string(lines[i].id);
        json_object_set_new(o, "run_id", id ? id : json_string("?"));
        json_object_set_new(o, "generated_at",
                            *lines[i].generated_at ? json_string(lines[i].generated_at)
                                                   : json_null());
        json_object_set_new(o, "seconds", qlab_json_f64(lines[i].seconds));
        json_array_append_new(runs, o);
    }
    json_t *o = json_object();
    json_object_set_new(o, "runs", runs);
    qlab_cmd_print_json(cx, o);
    json_decref(o);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    char **names = NULL;
    size_t n_names = 0, n = 0;
    qlab_code rc = QLAB_OK;
    char *folder = qlab_path_join(cx->env.root, "runs");
    if (qlab_file_exists(folder))
        rc = qlab_dir_list(folder, &names, &n_names, err);
    run_line *lines = qlab_alloc_zero(n_names, sizeof *lines);
    for (size_t i = 0; i < n_names; i++) {
        if (!is_wanted(names[i], o->kind))
            continue;
        char *dir = qlab_path_join(folder, names[i]);
        read_sidecar(dir, &lines[n]);
        qlab_free(dir);
        lines[n].id = qlab_strdup(names[i] + sizeof RUN_PREFIX - 1);
        if (!lines[n].generated_at)
            lines[n].generated_at = qlab_strdup("");
        n++;
    }
    if (n)
        qsort(lines, n, sizeof *lines, newest_first);
    if (rc == QLAB_OK && cx->json)
        print_json(cx, lines, n);
    else if (rc == QLAB_OK)
        print_lines(cx, lines, n);
    for (size_t i = 0; i < n; i++) {
        qlab_free(lines[i].id);
        qlab_free(lines[i].generated_at);
    }
    qlab_free(lines);
    qlab_dir_list_free(names, n_names);
    qlab_free(folder);
    return rc;
}

const qlab_cmd qlab_cmd_runs_list = {
    .name = "runs list",
    .summary = "list the runs under the root, newest first",
    .help = "A run is a folder runs/run_id=<kind>_<asof>_<hash>: it is complete once it is there, "
            "and it never changes. Time and seconds come from its *.run.json.\n"
            "\n"
            "example:\n"
            "  quantlab runs list --kind stage_a\n",
    .needs = QLAB_NEEDS_ROOT,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
