/* Reconciliation against a lake in which one row of one part is another, and one in which a part is
 * named twice, both with hashes that say nothing. */
#include "guard/reconcile.h"
#include "support/lake.h"

#include <string.h>

enum { ASSETS = 5, DAYS = 40 };

static void make(t_lake *l)
{
    t_bar rows[ASSETS * DAYS];
    size_t n = 0;
    const int32_t first = qlab_date_make(2024, 1, 10);
    t_lake_open(l, ASSETS, 2);
    l->env.now = qlab_date_make(2025, 1, 1);
    for (uint32_t ix = 0; ix < ASSETS; ix++)
        for (int32_t d = 0; d < DAYS; d++)
            rows[n++] = t_bar_make(ix, first + d, 1, 0);
    t_lake_commit(l, rows, n, true);
    for (uint32_t ix = 0; ix < ASSETS; ix++)
        rows[ix] = t_bar_make(ix, first + DAYS, 2, 0);
    t_lake_commit(l, rows, ASSETS, false);
}

static char *commit_path(const t_lake *l, uint32_t number)
{
    return qlab_asprintf("%s/lake/commits/%08u.json", l->root, (unsigned)number);
}

/* The first part of bars that commit `number` added, borrowed from *doc. */
static json_t *bars_part(const t_lake *l, uint32_t number, json_t **doc)
{
    qlab_err err = QLAB_ERR_INIT;
    char *path = commit_path(l, number);
    json_t *part;
    size_t i;
    T_OK(qlab_json_load(path, doc, &err));
    qlab_free(path);
    json_array_foreach(json_object_get(*doc, "added"), i, part)
    {
        if (strcmp(json_string_value(json_object_get(part, "kind")), "bars") == 0)
            return part;
    }
    fail();
    return NULL;
}

static void put_commit(const t_lake *l, uint32_t number, json_t *doc)
{
    qlab_err err = QLAB_ERR_INIT;
    char *path = commit_path(l, number);
    T_OK(qlab_json_write(path, doc, &err));
    qlab_free(path);
    json_decref(doc);
}

static void sign(const t_lake *l, json_t *part)
{
    qlab_err err = QLAB_ERR_INIT;
    char *path = qlab_path_join(l->root, json_string_value(json_object_get(part, "path")));
    char hex[QLAB_HEX_BYTES];
    qlab_digest d;
    uint64_t n = 0;
    T_OK(qlab_sha256_file(path, &d, &n, &err));
    json_object_set_new(part, "sha256", json_string(qlab_hex(d, hex)));
    json_object_set_new(part, "bytes", json_integer((json_int_t)n));
    qlab_free(path);
}

/* One close of asset 2 in February becomes another. */
static void change_a_row(t_lake *l, uint32_t number)
{
    qlab_err err = QLAB_ERR_INIT;
    json_t *doc = NULL, *part = bars_part(l, number, &doc);
    char *path = qlab_path_join(l->root, json_string_value(json_object_get(part, "path")));
    char *sql = qlab_asprintf("COPY (SELECT * REPLACE (CASE WHEN asset_ix = 2 AND date >= DATE "
                              "'2024-02-18' THEN close + 1 ELSE close END AS close) FROM "
                              "read_parquet('%s') ORDER BY asset_ix, date) TO '%s.new' (FORMAT "
                              "parquet)",
                              path, path);
    char *made = qlab_asprintf("%s.new", path);
    T_OK(qlab_conn_exec(t_lake_conn(l), sql, &err));
    assert_int_equal(rename(made, path), 0);
    qlab_free(made);
    qlab_free(sql);
    qlab_free(path);
    json_decref(doc);
}

static json_t *check_of(const json_t *report, const char *name)
{
    json_t *check;
    size_t i;
    json_array_foreach(json_object_get(report, "checks"), i, check)
    {
        if (strcmp(json_string_value(json_object_get(check, "name")), name) == 0)
            return check;
    }
    fail();
    return NULL;
}

static bool says(const json_t *report, const char *name, const char *what)
{
    json_t *text, *check = check_of(report, name);
    size_t i;
    json_array_foreach(json_object_get(check, "findings"), i, text)
    {
        if (strstr(json_string_value(text), what) != NULL)
            return true;
    }
    print_error("%s said: %s\n", name, json_dumps(check, 0));
    return false;
}

static qlab_reconciled judge(t_lake *l)
{
    qlab_err err = QLAB_ERR_INIT;
    const qlab_reconcile_options o = {.commit = QLAB_LAKE_LATEST};
    qlab_reconciled r;
    T_OK(qlab_guard_reconcile(&l->env, &o, &r, &err));
    return r;
}

T_TEST(whole)
{
    t_lake l;
    make(&l);
    qlab_reconciled r = judge(&l);
    T_CHECK(json_integer_value(json_object_get(check_of(r.report, "lake_hashes"), "value")) == 0);
    T_CHECK(json_integer_value(json_object_get(check_of(r.report, "visible_keys"), "value")) == 0);
    T_CHECK(!r.corrupt);
    qlab_reconciled_free(&r);
    t_lake_close(&l, false);
}

T_TEST(row)
{
    t_lake l;
    make(&l);
    change_a_row(&l, 1);
    qlab_reconciled r = judge(&l); /* the hash does not match, and the leaf names the month */
    T_CHECK(r.corrupt && !r.ok);
    T_CHECK(says(r.report, "lake_hashes", "its bytes hashed to"));
    T_CHECK(says(r.report, "lake_hashes", "leaf of US:99997"));
    T_CHECK(says(r.report, "lake_hashes", "2024-02: its hash differs from that of the bars"));
    qlab_reconciled_free(&r);
    t_lake_close(&l, false);
}

T_TEST(signed_row)
{
    t_lake l;
    json_t *doc = NULL;
    make(&l);
    change_a_row(&l, 1);
    json_t *part = bars_part(&l, 1, &doc);
    sign(&l, part);
    put_commit(&l, 1, doc);
    qlab_reconciled r = judge(&l); /* the chain of commits broke at it */
    T_CHECK(r.corrupt && says(r.report, "lake_hashes", "commit 1 had the hash"));
    qlab_reconciled_free(&r);
    t_lake_close(&l, false);
}

T_TEST(twins)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    json_t *doc = NULL;
    make(&l);
    /* The last commit is nobody's parent: a second name for its part breaks no chain. */
    json_t *twin = json_deep_copy(bars_part(&l, 2, &doc));
    const char *was = json_string_value(json_object_get(twin, "path"));
    char *from = qlab_path_join(l.root, was);
    char *name =
        qlab_asprintf("%.*s0000000000000000.parquet", (int)(qlab_path_base(was) - was), was);
    char *to = qlab_path_join(l.root, name);
    qlab_buf bytes = QLAB_BUF_INIT;
    T_OK(qlab_file_read(from, &bytes, &err));
    T_OK(qlab_file_write(to, bytes.at, bytes.n, &err));
    json_object_set_new(twin, "path", json_string(name));
    json_array_insert_new(json_object_get(doc, "added"), 0, twin);
    put_commit(&l, 2, doc);
    qlab_reconciled r = judge(&l);
    T_CHECK(!r.ok);
    T_CHECK(says(r.report, "visible_keys", "US:99998 on 2024-02-19 has two rows of commit 2"));
    qlab_reconciled_free(&r);
    qlab_buf_free(&bytes);
    qlab_free(from);
    qlab_free(to);
    qlab_free(name);
    t_lake_close(&l, false);
}

T_MAIN(T_CASE(whole), T_CASE(row), T_CASE(signed_row), T_CASE(twins))
