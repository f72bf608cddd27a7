/* cli/cmd_lake_compact.c -- `quantlab lake compact`: delta parts into bucket parts. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/json.h"
#include "base/progress.h"
#include "cli/cmd.h"
#include "lake/lake.h"
#include "ops/run.h"

#include <inttypes.h>

typedef struct opts {
    int64_t above;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_I64_OPT(opts, above, "above", "N",
                 "only years in which a class has more than N delta parts (default 0)"),
    QLAB_OPTS_END,
};

static const char *class_of(const qlab_compact_group *g)
{
    return g->asset_class < 0 ? "digests" : qlab_asset_class_name((qlab_asset_class)g->asset_class);
}

static void print_text(const qlab_ctx *cx, const qlab_compacted *c)
{
    FILE *out = cx->out;
    if (c->n_groups == 0) {
        fprintf(out, "there is nothing to fold\n");
        return;
    }
    fprintf(out, "%-10s %5s %6s %6s %12s %10s\n", "", "year", "delta", "parts", "rows", "MiB");
    for (size_t i = 0; i < c->n_groups; i++) {
        const qlab_compact_group *g = &c->groups[i];
        char year[16] = "-";
        if (g->year >= 0)
            snprintf(year, sizeof year, "%" PRId32, g->year);
        fprintf(out, "%-10s %5s %6" PRIu64 " %6" PRIu64 " %12" PRIu64 " %10.1f\n", class_of(g),
                year, g->n_delta, g->n_parts, g->n_rows, (double)g->n_bytes / 1048576.0);
    }
    if (cx->env.dry_run)
        fprintf(out, "would fold %" PRIu64 " parts (%" PRIu64 " bytes)", c->n_parts_folded,
                c->n_bytes_folded);
    else
        fprintf(out,
                "commit %" PRIu32 ": %" PRIu64 " parts (%" PRIu64 " bytes) folded into %" PRIu64
                " (%" PRIu64 " bytes)",
                c->commit, c->n_parts_folded, c->n_bytes_folded, c->n_parts_written,
                c->n_bytes_written);
    fprintf(out, ": %" PRIu64 " rows in lake/bars, %" PRIu64 " in lake/bars_history\n",
            c->n_rows_visible, c->n_rows_history);
}

static void set(json_t *o, const char *key, uint64_t n)
{
    json_object_set_new(o, key, json_integer((json_int_t)n));
}

static void print_json(const qlab_ctx *cx, const qlab_compacted *c)
{
    json_t *o = json_object(), *groups = json_array();
    json_object_set_new(o, "commit", c->commit ? json_integer(c->commit) : json_null());
    json_object_set_new(o, "dry_run", json_boolean(cx->env.dry_run));
    set(o, "parts_folded", c->n_parts_folded);
    set(o, "rows_folded", c->n_rows_folded);
    set(o, "bytes_folded", c->n_bytes_folded);
    set(o, "rows_visible", c->n_rows_visible);
    set(o, "rows_history", c->n_rows_history);
    if (!cx->env.dry_run) {
        set(o, "parts_written", c->n_parts_written);
        set(o, "bytes_written", c->n_bytes_written);
    }
    for (size_t i = 0; i < c->n_groups; i++) {
        const qlab_compact_group *g = &c->groups[i];
        json_t *x = json_object();
        json_object_set_new(x, "of", json_string(class_of(g)));
        json_object_set_new(x, "year", g->year < 0 ? json_null() : json_integer(g->year));
        set(x, "delta_parts", g->n_delta);
        set(x, "parts", g->n_parts);
        set(x, "rows", g->n_rows);
        set(x, "bytes", g->n_bytes);
        json_array_append_new(groups, x);
    }
    json_object_set_new(o, "groups", groups);
    qlab_cmd_print_json(cx, o);
    json_decref(o);
}

/* Times and host, beside the commit; no hash covers them. */
static qlab_code write_record(const qlab_ctx *cx, uint32_t commit, double seconds, qlab_err *err)
{
    char *path = qlab_asprintf("%s/lake/commits/%08" PRIu32 ".json", cx->env.root, commit);
    json_t *record = qlab_run_record(&cx->env, seconds);
    const qlab_code rc = qlab_run_record_write(path, record, err);
    json_decref(record);
    qlab_free(path);
    return rc;
}

static qlab_code compact(qlab_ctx *cx, const opts *o, qlab_err *err)
{
    const double start = qlab_monotonic_seconds();
    char sha256[QLAB_HEX_BYTES], *run_id = NULL;
    qlab_lake_view *v = NULL;
    qlab_compacted c = {0};
    json_t *doc = NULL, *inputs = NULL;

    qlab_code rc = qlab_lake_view_open(&cx->env, QLAB_LAKE_LATEST, &v, err);
    if (rc == QLAB_OK && v->commit == 0)
        rc = qlab_fail(err, QLAB_E_NOT_FOUND, "the lake has no commit yet: ingest first");
    if (rc == QLAB_OK)
        rc = qlab_lake_read_commit(cx->env.root, v->commit, &doc, sha256, err);
    if (rc != QLAB_OK)
        goto done;
    inputs = json_pack("{s:I,s:s,s:I}", "parent_commit", (json_int_t)v->commit, "parent_sha256",
                       sha256, "above", (json_int_t)o->above);
    run_id = qlab_run_id("compact", QLAB_DATE_NONE, inputs, NULL);
    rc = qlab_lake_compact(&cx->env, v, (uint32_t)o->above, run_id, &c, err);
    if (rc == QLAB_OK && c.commit)
        rc = write_record(cx, c.commit, qlab_monotonic_seconds() - start, err);
    if (rc == QLAB_OK && cx->json)
        print_json(cx, &c);
    else if (rc == QLAB_OK)
        print_text(cx, &c);
done:
    qlab_compacted_free(&c);
    qlab_free(run_id);
    json_decref(inputs);
    json_decref(doc);
    qlab_lake_view_close(v);
    return rc;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_lock *lock = NULL;
    if (o->above < 0 || o->above > UINT32_MAX)
        return qlab_fail(err, QLAB_E_USAGE, "--above was %" PRId64 ", it must not be negative",
                         o->above);
    if (cx->env.dry_run)
        return compact(cx, o, err);
    qlab_code rc = qlab_lake_lock(&cx->env, "lake compact", &lock, err);
    if (rc != QLAB_OK)
        return rc;
    rc = compact(cx, o, err);
    qlab_lock_release(lock);
    return rc;
}

const qlab_cmd qlab_cmd_lake_compact = {
    .name = "lake compact",
    .summary = "fold delta parts into bucket parts; no read changes",
    .help = "A daily ingest adds small parts; a read then opens many files. This folds them: the "
            "bars that a read sees go to one part a class, year and bucket, superseded versions "
            "and tombstones to lake/bars_history, where `lake export --revisions` finds them. It "
            "is a commit of its own; older commits keep their parts until `lake gc`. Each part is "
            "compared with its hash, and the bars with the stored digests, before the commit. "
            "Offered by `lake show` above 32 delta parts.\n"
            "\n"
            "examples:\n"
            "  quantlab lake compact --dry-run\n"
            "  quantlab lake compact --above 32\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
