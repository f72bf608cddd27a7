#include "guard/graph.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "feature/manifest.h"
#include "ops/run.h"
#include "snapshot/snapshot.h"

#include <stdlib.h>
#include <string.h>

void qlab_graph_free(qlab_graph *g)
{
    for (size_t i = 0; i < g->n; i++) {
        qlab_free(g->at[i].id);
        qlab_free(g->at[i].kind);
        qlab_free(g->at[i].parents);
    }
    qlab_free(g->at);
    *g = (qlab_graph){0};
}

int64_t qlab_graph_find(const qlab_graph *g, const char *id)
{
    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->at[i].id, id) == 0)
            return (int64_t)i;
    return -1;
}

static qlab_artifact *add(qlab_graph *g, const char *id, const char *kind)
{
    qlab_grow((void **)&g->at, &g->cap, g->n + 1, sizeof *g->at);
    qlab_artifact *x = &g->at[g->n++];
    *x = (qlab_artifact){.id = qlab_strdup(id), .kind = qlab_strdup(kind)};
    return x;
}

static int32_t date_at(const char *text)
{
    int32_t date = QLAB_DATE_NONE;
    return strlen(text) >= 10 && qlab_date_parse(text, 10, &date) ? date : QLAB_DATE_NONE;
}

/* ---- snapshots ------------------------------------------------------------------------------- */

static int cmp_row(const void *a, const void *b)
{
    const qlab_snapshot_row *x = a, *y = b;
    if (x->commit != y->commit)
        return x->commit < y->commit ? -1 : 1;
    if (x->asof != y->asof)
        return x->asof < y->asof ? -1 : 1;
    return strcmp(x->id, y->id);
}

/* The question of a snapshot: its rule, overrides and given files, not its bars and facts. */
static qlab_digest snapshot_line(const json_t *head)
{
    static const char *const KEYS[] = {"universe_rule", "overrides", "price_basis", "volume_basis"};
    const json_t *content = json_object_get(json_object_get(head, "inputs"), "content");
    json_t *o = json_object();
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        json_t *v = json_object_get(content, KEYS[i]);
        if (v != NULL)
            json_object_set(o, KEYS[i], v);
    }
    json_object_set_new(o, "kind", json_string("snapshot"));
    const qlab_digest d = qlab_json_digest(o);
    json_decref(o);
    return d;
}

static qlab_code load_snapshots(const qlab_env *env, qlab_graph *g, qlab_err *err)
{
    qlab_snapshot_row *rows = NULL;
    size_t n = 0;
    qlab_code rc = qlab_snapshot_list(env, &rows, &n, err);
    if (rc == QLAB_OK && n > 0)
        qsort(rows, n, sizeof *rows, cmp_row);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        char *path =
            qlab_asprintf("%s/snapshots/snapshot_id=%s/snapshot_head.json", env->root, rows[i].id);
        json_t *head = NULL;
        rc = qlab_json_load(path, &head, err);
        if (rc == QLAB_OK) {
            qlab_artifact *x = add(g, rows[i].id, "snapshot");
            x->asof = rows[i].asof;
            x->commit = rows[i].commit;
            x->depth = 1;
            x->line = snapshot_line(head);
        }
        json_decref(head);
        qlab_free(path);
    }
    g->n_snapshots = g->n;
    qlab_snapshot_list_free(rows, n);
    return rc;
}

/* ---- parents --------------------------------------------------------------------------------- */

static void put_parent(qlab_artifact *x, size_t parent)
{
    for (size_t i = 0; i < x->n_parents; i++)
        if (x->parents[i] == parent)
            return;
    qlab_grow((void **)&x->parents, &x->cap_parents, x->n_parents + 1, sizeof *x->parents);
    x->parents[x->n_parents++] = parent;
}

/* Every artifact whose id stands in v, x itself aside; true where there was one. */
static bool find_parents(const qlab_graph *g, qlab_artifact *x, const json_t *v)
{
    const char *key;
    json_t *one;
    size_t i;
    bool any = false;
    if (json_is_string(v)) {
        const int64_t at = qlab_graph_find(g, json_string_value(v));
        if (at < 0 || &g->at[at] == x)
            return false;
        put_parent(x, (size_t)at);
        return true;
    }
    json_object_foreach((json_t *)(uintptr_t)v, key, one) any = find_parents(g, x, one) || any;
    json_array_foreach((json_t *)(uintptr_t)v, i, one) any = find_parents(g, x, one) || any;
    return any;
}

/* False where nothing changed. */
static bool rest_on_parents(const qlab_graph *g, qlab_artifact *x)
{
    uint32_t commit = UINT32_MAX, depth = 0;
    for (size_t i = 0; i < x->n_parents; i++) {
        const qlab_artifact *p = &g->at[x->parents[i]];
        commit = p->commit < commit ? p->commit : commit;
        depth = p->depth > depth ? p->depth : depth;
    }
    const bool same = x->commit == commit && x->depth == depth + 1;
    x->commit = commit;
    x->depth = depth + 1;
    return !same;
}

/* ---- feature sets ---------------------------------------------------------------------------- */

static qlab_code load_set(const qlab_env *env, qlab_graph *g, const char *name, qlab_err *err)
{
    char *path = qlab_set_manifest_path(env->root, name);
    json_t *m = NULL;
    qlab_code rc = QLAB_OK;
    if (qlab_file_exists(path))
        rc = qlab_json_load(path, &m, err);
    if (rc == QLAB_OK && m != NULL) {
        qlab_artifact *x = add(g, name, "features");
        json_t *o = json_object();
        json_t *parameters = json_copy(json_object_get(m, "parameters"));
        if (parameters != NULL)
            json_object_del(parameters, "to"); /* a set that goes on is the same question */
        json_object_set_new(o, "parameters", parameters != NULL ? parameters : json_null());
        json_object_set_new(o, "kind", json_string("features"));
        x->line = qlab_json_digest(o);
        json_decref(o);
        x->asof = date_at(name);
        (void)find_parents(g, x, json_object_get(m, "inputs"));
    }
    json_decref(m);
    qlab_free(path);
    return rc;
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* "stage_a_2024-12-31_0123456789ab": where the date begins; NULL where there is none. */
static const char *date_in_run(const char *run_id)
{
    const size_t n = strlen(run_id);
    if (n < 25 || run_id[n - 13] != '_' || run_id[n - 24] != '_' ||
        date_at(run_id + n - 23) == QLAB_DATE_NONE)
        return NULL;
    return run_id + n - 23;
}

static bool ends_with(const char *s, const char *end)
{
    const size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

/* Parents and question out of one document of a run; all artifacts are known by now. */
static void take_document(const qlab_graph *g, qlab_artifact *x, const json_t *doc, json_t *line)
{
    const json_t *inputs = json_object_get(doc, "inputs");
    json_t *policy = json_object_get(doc, "policy"), *v;
    const char *key;
    json_object_foreach((json_t *)(uintptr_t)inputs, key, v)
    {
        /* The trial ledger grows with every run: it is no part of the question. */
        if (!find_parents(g, x, v) && strcmp(key, "trials") != 0)
            json_object_set(line, key, v);
    }
    if (json_is_object(policy))
        json_object_set(line, "policy", policy);
}

static qlab_code load_run(const qlab_env *env, qlab_graph *g, const char *name, qlab_err *err)
{
    const char *run_id = name + strlen("run_id="), *date = date_in_run(run_id);
    (void)env;
    (void)err;
    /* Ingests rest on the lake alone; a reconciliation is about artifacts, not made of them. */
    if (date == NULL || strncmp(run_id, "reconcile_", 10) == 0 ||
        strncmp(run_id, "ingest_", 7) == 0)
        return QLAB_OK;
    char *kind = qlab_strndup(run_id, (size_t)(date - run_id) - 1);
    add(g, run_id, kind)->asof = date_at(date);
    qlab_free(kind);
    return QLAB_OK;
}

static qlab_code read_run(const qlab_env *env, const qlab_graph *g, qlab_artifact *x, qlab_err *err)
{
    char **files = NULL, *dir = qlab_run_dir(env, x->id);
    size_t n = 0;
    json_t *line = json_object();
    qlab_code rc = qlab_dir_list(dir, &files, &n, err);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        if (!ends_with(files[i], ".json") || ends_with(files[i], ".run.json"))
            continue;
        char *path = qlab_path_join(dir, files[i]);
        json_t *doc = NULL;
        rc = qlab_json_load(path, &doc, err);
        if (rc == QLAB_OK)
            take_document(g, x, doc, line);
        json_decref(doc);
        qlab_free(path);
    }
    json_object_set_new(line, "kind", json_string(x->kind));
    x->line = qlab_json_digest(line);
    json_decref(line);
    qlab_dir_list_free(files, n);
    qlab_free(dir);
    return rc;
}

static qlab_code each_folder(const qlab_env *env, qlab_graph *g, const char *folder,
                             qlab_code (*load)(const qlab_env *, qlab_graph *, const char *,
                                               qlab_err *),
                             const char *prefix, qlab_err *err)
{
    char **names = NULL, *top = qlab_path_join(env->root, folder);
    size_t n = 0;
    qlab_code rc = QLAB_OK;
    if (qlab_file_exists(top))
        rc = qlab_dir_list(top, &names, &n, err);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++)
        if (strncmp(names[i], prefix, strlen(prefix)) == 0)
            rc = load(env, g, names[i], err);
    qlab_dir_list_free(names, n);
    qlab_free(top);
    return rc;
}

/* ---- lines ----------------------------------------------------------------------------------- */

const qlab_artifact *qlab_graph_heir(const qlab_graph *g, const qlab_artifact *x, uint32_t commit)
{
    for (size_t i = 0; i < g->n; i++) {
        const qlab_artifact *y = &g->at[i];
        if (y != x && y->commit >= commit && y->asof >= x->asof &&
            qlab_digest_cmp(&x->line, &y->line) == 0)
            return y;
    }
    return NULL;
}

/* Ids name each other in no order: until nothing moves.  Hashes admit no circle; a forged one ends
 * all the same. */
static void settle(qlab_graph *g)
{
    bool moved = true;
    for (size_t pass = 0; moved && pass <= g->n; pass++) {
        moved = false;
        for (size_t i = g->n_snapshots; i < g->n; i++)
            if (g->at[i].n_parents > 0)
                moved = rest_on_parents(g, &g->at[i]) || moved;
    }
}

qlab_code qlab_graph_load(const qlab_env *env, qlab_graph *out, qlab_err *err)
{
    *out = (qlab_graph){0};
    qlab_code rc = load_snapshots(env, out, err);
    if (rc == QLAB_OK)
        rc = each_folder(env, out, "features/sets", load_set, "", err);
    const size_t n_made = out->n;
    if (rc == QLAB_OK)
        rc = each_folder(env, out, "runs", load_run, "run_id=", err);
    for (size_t i = n_made; rc == QLAB_OK && i < out->n; i++)
        rc = read_run(env, out, &out->at[i], err);
    settle(out);
    for (size_t i = 0; rc == QLAB_OK && i < out->n; i++)
        out->at[i].head = qlab_graph_heir(out, &out->at[i], out->at[i].commit + 1) == NULL;
    if (rc != QLAB_OK)
        qlab_graph_free(out);
    return rc;
}
