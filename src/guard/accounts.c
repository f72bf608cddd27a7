/* Rows of every commit, and who names commits: no bar is read. */
#include "guard/reconcile_int.h"

#include "base/alloc.h"
#include "base/file.h"
#include "ops/ledger.h"
#include "ops/run.h"

#include <inttypes.h>
#include <string.h>

typedef struct account {
    qlab_reconcile *r;
    qlab_check in, parts, after, history;
    json_int_t rows_in, inserted, tombstoned;  /* over all commits */
    json_int_t last_inserted, last_tombstoned; /* of the commit judged */
} account;

static json_int_t count_of(const json_t *counts, const char *key)
{
    return json_integer_value(json_object_get(counts, key));
}

static void check_balance(qlab_check *c, const char *what, const json_t *counts)
{
    static const char *const TO[] = {"rows_inserted",  "rows_revised",     "rows_known",
                                     "rows_duplicate", "rows_quarantined", "rows_not_asked"};
    json_int_t out = 0;
    for (size_t i = 0; i < sizeof TO / sizeof *TO; i++)
        out += count_of(counts, TO[i]);
    /* What waits for an acknowledgement was read and is neither. */
    const json_int_t held = count_of(counts, "rows_held"), in = count_of(counts, "rows_in");
    if (in != out && in != out + held)
        qlab_check_find(c, "%s: %lld rows in, %lld accounted for", what, (long long)in,
                        (long long)out);
}

/* The packs of the run's own manifest against the commit. */
static qlab_code check_run(account *a, uint32_t number, const char *run_id, const json_t *counts,
                           qlab_err *err)
{
    char *dir = qlab_run_dir(a->r->env, run_id);
    char *path = qlab_path_join(dir, "ingest_manifest.json"), what[512];
    json_t *m = NULL, *pack, *sum = json_object(), *n;
    const char *key;
    size_t i;
    qlab_code rc = QLAB_OK;
    if (!qlab_file_exists(path))
        goto done; /* runs may be deleted; the commit was judged already */
    rc = qlab_json_load(path, &m, err);
    if (rc != QLAB_OK) {
        rc = qlab_reconcile_as_finding(&a->in, "", err);
        goto done;
    }
    if (!json_equal(json_object_get(m, "counts"), counts))
        qlab_check_find(&a->in, "run %s: its counts differ from those of commit %" PRIu32, run_id,
                        number);
    json_array_foreach(json_object_get(m, "packs"), i, pack)
    {
        const char *name = json_string_value(json_object_get(pack, "path"));
        snprintf(what, sizeof what, "run %s, pack %s", run_id, name != NULL ? name : "?");
        check_balance(&a->in, what, pack);
        json_object_foreach(pack, key, n)
        {
            if (strncmp(key, "rows_", 5) == 0 && json_is_integer(n))
                json_object_set_new(sum, key,
                                    json_integer(count_of(sum, key) + json_integer_value(n)));
        }
    }
    json_object_foreach(sum, key, n)
    {
        if (json_integer_value(n) != count_of(counts, key))
            qlab_check_find(&a->in,
                            "run %s: %s of its packs add up to %lld, commit %" PRIu32 " says %lld",
                            run_id, key, (long long)json_integer_value(n), number,
                            (long long)count_of(counts, key));
    }
done:
    json_decref(sum);
    json_decref(m);
    qlab_free(path);
    qlab_free(dir);
    return rc;
}

static qlab_code check_commit(account *a, uint32_t number, const json_t *doc, qlab_err *err)
{
    const char *kind = json_string_value(json_object_get(doc, "kind"));
    const char *run_id = json_string_value(json_object_get(doc, "run_id"));
    const json_t *counts = json_object_get(doc, "counts");
    json_t *part;
    json_int_t rows = 0;
    char what[64];
    size_t i;
    if (run_id != NULL)
        a->r->run_of[number] = qlab_strdup(run_id);
    a->r->changes[number] = kind != NULL && strcmp(kind, "compact") != 0;
    if (number > a->r->commit || kind == NULL || strcmp(kind, "compact") == 0)
        return QLAB_OK;
    json_array_foreach(json_object_get(doc, "added"), i, part)
    {
        const char *of = json_string_value(json_object_get(part, "kind"));
        if (of != NULL && strcmp(of, "bars") == 0)
            rows += count_of(part, "rows");
    }
    const bool is_ingest = strcmp(kind, "ingest") == 0;
    const json_int_t inserted = is_ingest ? count_of(counts, "rows_inserted") : 0,
                     revised = is_ingest ? count_of(counts, "rows_revised") : 0,
                     tombstoned = is_ingest ? count_of(counts, "rows_tombstoned") : 0;
    if (rows != inserted + revised + tombstoned)
        qlab_check_find(&a->parts,
                        "commit %" PRIu32 " added parts with %lld bars, its counts say %lld "
                        "inserted, %lld revised and %lld tombstoned",
                        number, (long long)rows, (long long)inserted, (long long)revised,
                        (long long)tombstoned);
    if (!is_ingest)
        return QLAB_OK;
    snprintf(what, sizeof what, "commit %" PRIu32, number);
    check_balance(&a->in, what, counts);
    a->rows_in += count_of(counts, "rows_in");
    a->inserted += inserted;
    a->tombstoned += tombstoned;
    if (number == a->r->commit) {
        a->last_inserted = inserted;
        a->last_tombstoned = tombstoned;
    }
    return run_id != NULL ? check_run(a, number, run_id, counts, err) : QLAB_OK;
}

static qlab_code check_commits(account *a, qlab_err *err)
{
    qlab_code rc = QLAB_OK;
    for (uint32_t k = 1; k <= a->r->newest && rc == QLAB_OK; k++) {
        json_t *doc = NULL;
        rc = qlab_lake_read_commit(a->r->env->root, k, &doc, a->r->sha256[k], err);
        if (rc != QLAB_OK) {
            a->r->sha256[k][0] = '\0';
            rc = qlab_reconcile_as_finding(&a->history, "", err);
        } else {
            rc = check_commit(a, k, doc, err);
        }
        json_decref(doc);
    }
    return rc;
}

/* ---- rows that are there --------------------------------------------------------------------- */

typedef struct leaf_sum {
    const qlab_env *env;
    const qlab_lake_view *v;
    uint64_t *rows; /* a bucket */
} leaf_sum;

static qlab_code sum_bucket(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    leaf_sum *s = ctx;
    qlab_conn *conn = NULL;
    qlab_leaf *leaves = NULL;
    size_t n = 0;
    qlab_code rc = qlab_duck_conn(s->env->duck, worker, &conn, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_read_leaves(s->v, conn, (uint32_t)unit, QLAB_LEAVES_YEARS, &leaves, &n, err);
    for (size_t i = 0; rc == QLAB_OK && i < n; i++)
        s->rows[unit] += leaves[i].n_rows;
    qlab_free(leaves);
    return rc;
}

static qlab_code visible_rows(const qlab_reconcile *r, const qlab_lake_view *v, json_int_t *rows,
                              qlab_err *err)
{
    const size_t n = qlab_lake_n_buckets(v);
    leaf_sum s = {r->env, v, qlab_alloc_zero(n, sizeof(uint64_t))};
    const qlab_code rc = qlab_pool_run(r->env->pool, n, sum_bucket, &s, err);
    *rows = 0;
    for (size_t i = 0; i < n; i++)
        *rows += (json_int_t)s.rows[i];
    qlab_free(s.rows);
    return rc;
}

static qlab_code check_after(account *a, qlab_err *err)
{
    json_int_t after = 0, before = 0;
    qlab_lake_view *parent = NULL;
    if (a->r->v == NULL) {
        qlab_check_skip(&a->after, "LAKE_DOES_NOT_OPEN");
        return QLAB_OK;
    }
    qlab_code rc = visible_rows(a->r, a->r->v, &after, err);
    if (rc != QLAB_OK)
        return qlab_reconcile_as_finding(&a->after, "leaves", err);
    qlab_check_measure(&a->after, "rows_after", after);
    qlab_check_measure(&a->after, "rows_inserted", a->inserted);
    qlab_check_measure(&a->after, "rows_tombstoned", a->tombstoned);
    if (after != a->inserted - a->tombstoned)
        qlab_check_find(&a->after,
                        "%lld rows are visible at commit %" PRIu32 ", but all ingests inserted "
                        "%lld and tombstoned %lld",
                        (long long)after, a->r->commit, (long long)a->inserted,
                        (long long)a->tombstoned);
    if (a->r->commit == 1)
        return QLAB_OK;
    /* The parent's parts may be gone (lake gc): then the sum over all commits has to do. */
    qlab_err gone = QLAB_ERR_INIT;
    if (qlab_lake_view_open(a->r->env, a->r->commit - 1, &parent, &gone) != QLAB_OK)
        return QLAB_OK;
    rc = visible_rows(a->r, parent, &before, err);
    if (rc != QLAB_OK) {
        rc = qlab_reconcile_as_finding(&a->after, "leaves of the parent", err);
    } else {
        qlab_check_measure(&a->after, "rows_before", before);
        if (before + a->last_inserted - a->last_tombstoned != after)
            qlab_check_find(&a->after,
                            "commit %" PRIu32 ": %lld rows before + %lld inserted - %lld "
                            "tombstoned are not the %lld rows after",
                            a->r->commit, (long long)before, (long long)a->last_inserted,
                            (long long)a->last_tombstoned, (long long)after);
    }
    qlab_lake_view_close(parent);
    return rc;
}

/* ---- who names commits ----------------------------------------------------------------------- */

static void check_named(account *a, const char *who, json_int_t number, const char *sha256,
                        const char *run_id)
{
    const qlab_reconcile *r = a->r;
    if (number < 1)
        return;
    if (number > (json_int_t)r->newest) {
        qlab_check_find(&a->history,
                        "%s names commit %lld, the lake's newest is %" PRIu32
                        ": commits were taken away, or an old state was put back",
                        who, (long long)number, r->newest);
        return;
    }
    const char *is = r->sha256[number], *by = r->run_of[number];
    if (sha256 != NULL && *is && strcmp(sha256, is) != 0)
        qlab_check_find(&a->history,
                        "%s was made of commit %lld with hash %.16s..., it hashes to %.16s... now",
                        who, (long long)number, sha256, is);
    if (run_id != NULL && *is && (by == NULL || strcmp(run_id, by) != 0))
        qlab_check_find(&a->history, "%s made commit %lld, which says that %s did", who,
                        (long long)number, by != NULL ? by : "nobody");
}

/* Each JSON document <folder>/<prefix>*<file>, with its folder's name. */
static qlab_code each_document(account *a, const char *folder, const char *prefix, const char *file,
                               void (*look)(account *, const char *, const json_t *), qlab_err *err)
{
    char **names = NULL;
    size_t n = 0;
    char *top = qlab_path_join(a->r->env->root, folder);
    qlab_code rc = QLAB_OK;
    if (qlab_file_exists(top))
        rc = qlab_dir_list(top, &names, &n, err);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        if (strncmp(names[i], prefix, strlen(prefix)) != 0)
            continue;
        char *path = qlab_asprintf("%s/%s/%s", top, names[i], file);
        json_t *doc = NULL;
        if (qlab_file_exists(path)) {
            rc = qlab_json_load(path, &doc, err);
            if (rc == QLAB_OK)
                look(a, names[i], doc);
            else
                rc = qlab_reconcile_as_finding(&a->history, "", err);
        }
        json_decref(doc);
        qlab_free(path);
    }
    qlab_dir_list_free(names, n);
    qlab_free(top);
    return rc;
}

static void look_at_run(account *a, const char *name, const json_t *doc)
{
    const char *run_id = json_string_value(json_object_get(doc, "run_id"));
    check_named(a, name, json_integer_value(json_object_get(doc, "commit")), NULL, run_id);
}

static void look_at_snapshot(account *a, const char *name, const json_t *doc)
{
    const json_t *inputs = json_object_get(doc, "inputs");
    check_named(a, name, json_integer_value(json_object_get(inputs, "commit")),
                json_string_value(json_object_get(inputs, "commit_sha256")), NULL);
}

static qlab_code look_at_ledger(account *a, qlab_err *err)
{
    qlab_chain ledger = {0};
    json_t *line;
    size_t i;
    const qlab_code rc = qlab_ledger_read(a->r->env, &ledger, err);
    if (rc != QLAB_OK)
        return qlab_reconcile_as_finding(&a->history, "", err);
    qlab_check_measure(&a->history, "ledger_lines", (json_int_t)json_array_size(ledger.lines));
    json_array_foreach(ledger.lines, i, line)
    {
        const json_t *refs = json_object_get(json_object_get(line, "ingest"), "refs");
        check_named(a, "the ops ledger", json_integer_value(json_object_get(refs, "commit")),
                    json_string_value(json_object_get(refs, "commit_sha256")), NULL);
    }
    qlab_chain_free(&ledger);
    return QLAB_OK;
}

qlab_code qlab_reconcile_accounts(qlab_reconcile *r, qlab_err *err)
{
    account a = {.r = r,
                 .in = qlab_check_begin("rows_in"),
                 .parts = qlab_check_begin("rows_in_parts"),
                 .after = qlab_check_begin("rows_after"),
                 .history = qlab_check_begin("history")};
    qlab_code rc = check_commits(&a, err);
    qlab_check_measure(&a.in, "rows_in", a.rows_in);
    qlab_check_measure(&a.history, "commits", r->newest);
    if (rc == QLAB_OK)
        rc = check_after(&a, err);
    if (rc == QLAB_OK)
        rc = each_document(&a, "runs", "run_id=ingest_", "ingest_manifest.json", look_at_run, err);
    if (rc == QLAB_OK)
        rc = each_document(&a, "snapshots", "snapshot_id=", "snapshot_head.json", look_at_snapshot,
                           err);
    if (rc == QLAB_OK)
        rc = look_at_ledger(&a, err);
    qlab_check_end(&a.in, r->checks);
    qlab_check_end(&a.parts, r->checks);
    qlab_check_end(&a.after, r->checks);
    r->corrupt = qlab_check_end(&a.history, r->checks) || r->corrupt;
    return rc;
}
