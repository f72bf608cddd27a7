/* cli/feed_run.c -- a feed file into one commit and one run folder. */
#include "cli/feed_run.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/progress.h"
#include "ops/run.h"

#include <string.h>

static json_t *inputs_of(const qlab_lake_view *view, const char *parent_sha256, const char *path,
                         const char *sha256)
{
    json_t *inputs = json_object(), *file = json_object();
    json_object_set_new(inputs, "parent_commit", json_integer(view->commit));
    json_object_set_new(inputs, "parent_sha256", json_string(parent_sha256));
    json_object_set_new(file, "name", json_string(qlab_path_base(path)));
    json_object_set_new(file, "sha256", json_string(sha256));
    json_object_set_new(inputs, "file", file);
    return inputs;
}

static json_t *report_json(const char *kind, const char *run_id, json_t *inputs,
                           const qlab_feed_report *r)
{
    char schema[64];
    snprintf(schema, sizeof schema, "%s_load_report/1", kind);
    json_t *o = qlab_artifact_begin(schema, run_id, inputs);
    json_object_set_new(o, "commit", json_integer(r->commit));
    json_object_set(o, "counts", r->counts);
    json_object_set(o, "rejected", r->rejected);
    json_object_set(o, "findings", r->findings);
    return o;
}

/* What the loader calls once all is known and nothing is committed: the run folder stands ready. */
typedef struct preparation {
    const qlab_ctx *cx;
    const char *kind, *run_id, *built;
    json_t *inputs;
    double start;
} preparation;

static qlab_code prepare(void *ctx, const qlab_feed_report *r, qlab_err *err)
{
    const preparation *p = ctx;
    char *inside = qlab_asprintf("%s/%s_load_report.json", p->built, p->kind);
    json_t *report = report_json(p->kind, p->run_id, p->inputs, r);
    json_t *record = qlab_run_record(&p->cx->env, qlab_monotonic_seconds() - p->start);
    qlab_code rc = qlab_dir_remove_tree(p->built, err);
    if (rc == QLAB_OK)
        rc = qlab_dir_make(p->built, err);
    if (rc == QLAB_OK)
        rc = qlab_json_write(inside, report, err);
    if (rc == QLAB_OK)
        rc = qlab_run_record_write(inside, record, err);
    json_decref(record);
    json_decref(report);
    qlab_free(inside);
    return rc;
}

/* The run folder into place, and time and host beside the commit, which `lake log` shows. */
static qlab_code publish(const preparation *p, uint32_t commit, qlab_err *err)
{
    char *dir = qlab_run_dir(&p->cx->env, p->run_id);
    char *path = qlab_asprintf("%s/lake/commits/%08u.json", p->cx->env.root, (unsigned)commit);
    json_t *record = qlab_run_record(&p->cx->env, qlab_monotonic_seconds() - p->start);
    qlab_code rc = qlab_folder_publish(p->built, dir, err);
    if (rc == QLAB_OK)
        rc = qlab_run_record_write(path, record, err);
    json_decref(record);
    qlab_free(path);
    qlab_free(dir);
    return rc;
}

/* The commit that a prepared folder was for; false where it never came. */
static bool was_committed(const qlab_ctx *cx, const qlab_lake_view *view, const char *built,
                          const char *kind, const char *run_id, uint32_t *commit)
{
    char *path = qlab_asprintf("%s/%s_load_report.json", built, kind);
    qlab_err ignored = QLAB_ERR_INIT;
    json_t *report = NULL, *doc = NULL;
    int64_t number = 0;
    bool is = qlab_file_exists(path) && qlab_json_load(path, &report, &ignored) == QLAB_OK &&
              qlab_json_get_i64(report, path, "commit", &number, &ignored) == QLAB_OK &&
              number > 0 && number <= view->commit;
    if (is &&
        qlab_lake_read_commit(cx->env.root, (uint32_t)number, &doc, NULL, &ignored) == QLAB_OK) {
        const char *of = json_string_value(json_object_get(doc, "run_id"));
        is = of != NULL && strcmp(of, run_id) == 0;
    } else {
        is = false;
    }
    *commit = (uint32_t)number;
    qlab_err_reset(&ignored);
    json_decref(doc);
    json_decref(report);
    qlab_free(path);
    return is;
}

/* A kill between commit and publication left the run folder below jobs/: put it in place.  One
 * before the commit left a folder that nobody will want. */
static qlab_code heal(qlab_ctx *cx, const qlab_lake_view *view, const char *kind, qlab_err *err)
{
    char *jobs = qlab_path_join(cx->env.root, "jobs"), *start = qlab_asprintf("%s-load_", kind);
    char **names = NULL;
    size_t n = 0;
    qlab_code rc = QLAB_OK;
    if (qlab_file_exists(jobs) && !cx->env.dry_run)
        rc = qlab_dir_list(jobs, &names, &n, err);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        if (strncmp(names[i], start, strlen(start)) != 0)
            continue;
        char *built = qlab_path_join(jobs, names[i]);
        const preparation p = {cx, kind, names[i], built, NULL, qlab_monotonic_seconds()};
        uint32_t commit = 0;
        if (was_committed(cx, view, built, kind, names[i], &commit) &&
            !qlab_run_exists(&cx->env, names[i]))
            rc = publish(&p, commit, err);
        else
            rc = qlab_dir_remove_tree(built, err);
        qlab_free(built);
    }
    qlab_dir_list_free(names, n);
    qlab_free(start);
    qlab_free(jobs);
    return rc;
}

static void print_object(FILE *out, const json_t *o, int indent)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        if (json_is_object(v)) {
            fprintf(out, "%*s%s\n", indent, "", key);
            print_object(out, v, indent + 2);
        } else {
            fprintf(out, "%*s%-24s %10lld\n", indent, "", key, (long long)json_integer_value(v));
        }
    }
}

/* How many of each code; which rows they are stands in the report. */
static void print_findings(const qlab_ctx *cx, const qlab_feed_report *r)
{
    json_t *n_of = json_object(), *f;
    size_t i;

    json_array_foreach(r->findings, i, f)
    {
        const char *code = json_string_value(json_object_get(f, "code"));
        json_object_set_new(n_of, code,
                            json_integer(json_integer_value(json_object_get(n_of, code)) + 1));
    }
    if (i > 0) {
        fprintf(cx->out, "  findings\n");
        print_object(cx->out, n_of, 4);
    }
    json_decref(n_of);
}

static void print_text(const qlab_ctx *cx, const char *kind, const char *run_id,
                       const qlab_feed_report *r)
{
    const json_int_t n_new = json_integer_value(json_object_get(r->counts, "rows_inserted")) +
                             json_integer_value(json_object_get(r->counts, "rows_revised"));
    if (r->commit > 0)
        fprintf(cx->out, "%s: commit %u, run %s\n", kind, r->commit, run_id);
    else if (n_new > 0)
        fprintf(cx->out, "%s: would make a commit of %lld rows; nothing was written\n", kind,
                (long long)n_new);
    else
        fprintf(cx->out, "%s: nothing new; no commit was made\n", kind);
    print_object(cx->out, r->counts, 2);
    size_t n = json_array_size(r->rejected);
    for (size_t i = 0; i < n && i < 20; i++) {
        const json_t *x = json_array_get(r->rejected, i);
        const char *file = json_string_value(json_object_get(x, "file"));
        fprintf(cx->out, "  %s%sline %lld %s: %s\n", file ? file : "", file ? " " : "",
                (long long)json_integer_value(json_object_get(x, "line")),
                json_string_value(json_object_get(x, "reason")),
                json_string_value(json_object_get(x, "detail")));
    }
    if (n > 20)
        fprintf(cx->out, "  ... %zu more%s\n", n - 20,
                r->commit > 0 ? " in the report" : "; --json lists all");
    print_findings(cx, r);
}

/* A file none of whose rows could be taken is most likely another file. */
static qlab_code anything_taken(const char *path, const qlab_feed_report *r, qlab_err *err)
{
    const json_int_t n_in = json_integer_value(json_object_get(r->counts, "rows_in"));
    const json_t *first = json_array_get(r->rejected, 0);

    if (n_in == 0 || json_integer_value(json_object_get(r->counts, "rows_quarantined")) < n_in)
        return QLAB_OK;
    return qlab_fail(err, QLAB_E_CORRUPT,
                     "%s: none of its %lld rows could be taken; the first: line %lld %s: %s", path,
                     (long long)n_in, (long long)json_integer_value(json_object_get(first, "line")),
                     json_string_value(json_object_get(first, "reason")),
                     json_string_value(json_object_get(first, "detail")));
}

static qlab_code load_locked(qlab_ctx *cx, const qlab_feed_request *request, qlab_err *err)
{
    char parent[QLAB_HEX_BYTES], hex[QLAB_HEX_BYTES];
    const char *kind = request->delistings ? "delistings" : "actions";
    qlab_lake_view *view = NULL;
    json_t *doc = NULL, *inputs = NULL, *report = NULL;
    char *run_id = NULL, *run_kind = NULL, *built = NULL;
    qlab_feed_report r = {0};
    qlab_digest digest;
    const double start = qlab_monotonic_seconds();
    qlab_code rc = qlab_lake_view_open(&cx->env, QLAB_LAKE_LATEST, &view, err);
    if (rc != QLAB_OK)
        return rc;
    if (view->n_assets == 0) {
        rc = qlab_fail(err, QLAB_E_NOT_FOUND, "the lake under %s had no assets: ingest first",
                       cx->env.root);
        goto done;
    }
    rc = heal(cx, view, kind, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_read_commit(cx->env.root, view->commit, &doc, parent, err);
    if (rc == QLAB_OK)
        rc = qlab_feed_digest(request->path, &digest, err);
    if (rc != QLAB_OK)
        goto done;
    inputs = inputs_of(view, parent, request->path, qlab_hex(digest, hex));
    run_kind = qlab_asprintf("%s-load", kind);
    run_id = qlab_run_id(run_kind, QLAB_DATE_NONE, inputs, NULL);
    built = qlab_asprintf("%s/jobs/%s", cx->env.root, run_id);
    preparation p = {cx, kind, run_id, built, inputs, start};
    rc = qlab_feed_load(&cx->env, view, request, run_id, prepare, &p, &r, err);
    if (rc == QLAB_OK)
        rc = anything_taken(request->path, &r, err);
    if (rc == QLAB_OK && r.commit > 0)
        rc = publish(&p, r.commit, err);
    if (rc != QLAB_OK)
        goto done;
    report = report_json(kind, run_id, inputs, &r);
    if (cx->json)
        qlab_cmd_print_json(cx, report);
    else
        print_text(cx, kind, run_id, &r);
done:
    qlab_feed_report_free(&r);
    json_decref(report);
    json_decref(inputs);
    json_decref(doc);
    qlab_free(built);
    qlab_free(run_id);
    qlab_free(run_kind);
    qlab_lake_view_close(view);
    return rc;
}

qlab_code qlab_feed_run(qlab_ctx *cx, const qlab_feed_request *request, qlab_err *err)
{
    qlab_lock *lock = NULL;
    if (!qlab_file_exists(request->path))
        return qlab_fail(err, QLAB_E_NOT_FOUND, "there was no file %s", request->path);
    qlab_code rc =
        cx->env.dry_run
            ? QLAB_OK
            : qlab_lake_lock(&cx->env, request->delistings ? "delistings" : "actions", &lock, err);
    if (rc != QLAB_OK)
        return rc;
    rc = load_locked(cx, request, err);
    qlab_lock_release(lock);
    return rc;
}
