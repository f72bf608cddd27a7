/* cli/cmd_lake_gc.c -- `quantlab lake gc`: removes what nothing names. */
#include "base/json.h"
#include "cli/cmd.h"
#include "cli/lake_pins.h"
#include "lake/lake.h"

#include <inttypes.h>

typedef struct opts {
    int64_t keep;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_I64_OPT(opts, keep, "keep", "N", "keep the N newest commits readable (default: all)"),
    QLAB_OPTS_END,
};

static void print_text(const qlab_ctx *cx, const qlab_gc_done *d)
{
    for (size_t i = 0; i < d->files.n; i++) {
        const qlab_stray_file *f = &d->files.at[i];
        const char *what = f->what == QLAB_STRAY_FOREIGN ? "left (not of the lake)"
                           : !f->removed                 ? "left (newer than the lock)"
                           : cx->env.dry_run             ? "would remove"
                                                         : "removed";
        fprintf(cx->out, "%s %s (%" PRIu64 " bytes)\n", what, f->path, f->n_bytes);
    }
    if (d->oldest)
        fprintf(cx->out, "commits from %" PRIu32 " on %s readable\n", d->oldest,
                cx->env.dry_run ? "would stay" : "are");
    fprintf(cx->out, "%zu file%s, %" PRIu64 " bytes %s\n", d->n_removed,
            d->n_removed == 1 ? "" : "s", d->bytes_removed,
            cx->env.dry_run ? "would be removed" : "removed");
}

static void print_json(const qlab_ctx *cx, const qlab_gc_done *d)
{
    static const char *const WHAT[] = {"part", "temporary", "foreign"};
    json_t *o = json_object(), *files = json_array();
    json_object_set_new(o, "dry_run", json_boolean(cx->env.dry_run));
    json_object_set_new(o, "oldest_commit", d->oldest ? json_integer(d->oldest) : json_null());
    json_object_set_new(o, "files_removed", json_integer((json_int_t)d->n_removed));
    json_object_set_new(o, "bytes_removed", json_integer((json_int_t)d->bytes_removed));
    json_object_set_new(o, "files_too_new", json_integer((json_int_t)d->n_too_new));
    for (size_t i = 0; i < d->files.n; i++) {
        const qlab_stray_file *f = &d->files.at[i];
        json_array_append_new(files, json_pack("{s:s,s:s,s:I,s:b}", "path", f->path, "what",
                                               WHAT[f->what], "bytes", (json_int_t)f->n_bytes,
                                               "removed", (int)f->removed));
    }
    json_object_set_new(o, "files", files);
    qlab_cmd_print_json(cx, o);
    json_decref(o);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_lake_pin *pins = NULL;
    size_t n_pins = 0;
    qlab_gc_done done = {0};

    if (o->keep != INT64_MIN && (o->keep < 1 || o->keep > UINT32_MAX))
        return qlab_fail(err, QLAB_E_USAGE, "--keep was %" PRId64 ": at least 1 commit is kept",
                         o->keep);
    qlab_code rc = qlab_lake_pins(&cx->env, &pins, &n_pins, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_gc(&cx->env, o->keep == INT64_MIN ? 0 : (uint32_t)o->keep, pins, n_pins,
                          &done, err);
    if (rc == QLAB_OK && cx->json)
        print_json(cx, &done);
    else if (rc == QLAB_OK)
        print_text(cx, &done);
    qlab_gc_done_free(&done);
    qlab_lake_pins_free(pins, n_pins);
    return rc;
}

static void init(void *given)
{
    ((opts *)given)->keep = INT64_MIN;
}

const qlab_cmd qlab_cmd_lake_gc = {
    .name = "lake gc",
    .summary = "remove files of the lake that nothing names",
    .help = "Removes parts that no commit, snapshot or unfinished job names, and writes that did "
            "not end. With --keep N the parts that only commits older than the N newest name go "
            "too: those commits stay in the log and can no longer be read. Where a snapshot names "
            "one of them nothing is done and the exit code is 2. Files that are not the lake's "
            "own, or not older than this command, are left and named.\n"
            "\n"
            "example:\n"
            "  quantlab lake gc --keep 30 --dry-run\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run,
};
