/* Run folders: the id, putting a folder in place once, what is said beside, finding ids. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "ops/run.h"
#include "support/t.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

T_TEST(ids)
{
    json_t *a = json_pack("{s:s,s:s}", "snapshot", "s1", "features", "f1");
    json_t *b = json_pack("{s:s,s:s}", "features", "f1", "snapshot", "s1");
    json_t *c = json_pack("{s:s,s:s}", "features", "f2", "snapshot", "s1");
    const qlab_digest policy = qlab_sha256_of("strict", 6), other = qlab_sha256_of("short", 5);
    const int32_t day = qlab_date_make(2017, 12, 29);
    char *x = qlab_run_id("stage_a", day, a, &policy), *y = qlab_run_id("stage_a", day, b, &policy);
    T_STR(x, y); /* the order of the inputs says nothing */
    T_CHECK(strncmp(x, "stage_a_2017-12-29_", 19) == 0 && strlen(x) == 31);
    qlab_free(y);
    y = qlab_run_id("stage_a", day, c, &policy);
    T_CHECK(strcmp(x, y) != 0);
    qlab_free(y);
    y = qlab_run_id("stage_a", day, a, &other);
    T_CHECK(strcmp(x, y) != 0);
    qlab_free(y);
    y = qlab_run_id("ingest", QLAB_DATE_NONE, a, NULL);
    T_CHECK(strncmp(y, "ingest_none_", 12) == 0);
    qlab_free(x);
    qlab_free(y);
    json_decref(a);
    json_decref(b);
    json_decref(c);
}

static void put(const char *dir, const char *name, const char *text)
{
    qlab_err err = QLAB_ERR_INIT;
    char *path = qlab_path_join(dir, name);
    T_OK(qlab_dir_make(dir, &err));
    T_OK(qlab_file_write(path, text, strlen(text), &err));
    qlab_free(path);
}

T_TEST(publish)
{
    qlab_err err = QLAB_ERR_INIT;
    char *root = t_tmpdir();
    const qlab_env env = {.root = root};
    char *built = qlab_path_join(root, "jobs/x/run"), *sub = qlab_path_join(built, "sub");
    char *final = qlab_run_dir(&env, "ingest_2017-12-29_abc");
    put(built, "a.json", "{}");
    put(sub, "b.json", "{}");
    T_CHECK(!qlab_run_exists(&env, "ingest_2017-12-29_abc"));
    T_OK(qlab_folder_publish(built, final, &err));
    T_CHECK(qlab_run_exists(&env, "ingest_2017-12-29_abc") && !qlab_file_exists(built));
    char *moved = qlab_path_join(final, "sub/b.json");
    T_CHECK(qlab_file_exists(moved));
    put(built, "a.json", "{\"other\":1}");
    T_FAILS(QLAB_E_EXISTS, qlab_folder_publish(built, final, &err)); /* never overwritten */
    T_CHECK(qlab_file_exists(built));
    T_FAILS(QLAB_E_NOT_FOUND, qlab_folder_publish(sub, "/nowhere/x/y", &err));
    qlab_free(moved);
    qlab_free(final);
    qlab_free(sub);
    qlab_free(built);
    t_rmdir(root);
}

T_TEST(beside)
{
    qlab_err err = QLAB_ERR_INIT;
    char *root = t_tmpdir(), *artifact = qlab_path_join(root, "report.json");
    char *words[] = {"quantlab", "ingest", "\xff", NULL};
    const qlab_env env = {.root = root,
                          .pool = qlab_pool_new(2),
                          .memory_limit_bytes = 1000,
                          .now = qlab_date_make(2020, 1, 2),
                          .argc = 3,
                          .argv = words};
    json_t *record = qlab_run_record(&env, 1.5), *back;
    T_OK(qlab_run_record_write(artifact, record, &err));
    char *path = qlab_path_join(root, "report.run.json");
    T_OK(qlab_json_load(path, &back, &err));
    T_CHECK(json_equal(record, back));
    static const char *const keys[] = {
        "schema",          "generated_at",   "command_line",       "host",
        "program_version", "program_commit", "results_version",    "now",
        "seconds",         "threads",        "memory_limit_bytes", "peak_rss_bytes"};
    T_CHECK(json_object_size(back) == sizeof keys / sizeof keys[0]);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        T_CHECK(json_object_get(back, keys[i]) != NULL);
    T_STR(json_string_value(json_object_get(back, "now")), "2020-01-02");
    T_STR(json_string_value(json_array_get(json_object_get(back, "command_line"), 2)), "?");
    json_decref(back);
    json_decref(record);

    json_t *inputs = json_pack("{s:s}", "commit", "7");
    json_t *o = qlab_artifact_begin("lake_commit/1", "r", inputs);
    qlab_buf text = QLAB_BUF_INIT;
    qlab_json_pretty(o, &text);
    T_STR(text.at, "{\n  \"schema\": \"lake_commit/1\",\n  \"results_version\": 1,\n  \"run_id\": "
                   "\"r\",\n  \"inputs\": {\n    \"commit\": \"7\"\n  }\n}\n");
    qlab_buf_free(&text);
    json_decref(o);
    json_decref(inputs);
    qlab_pool_free(env.pool);
    qlab_free(path);
    qlab_free(artifact);
    t_rmdir(root);
}

static void resolves(const char *dir, const char *text, const char *want)
{
    qlab_err err = QLAB_ERR_INIT;
    char *id = NULL;
    T_OK(qlab_id_resolve(dir, "snapshot_id=", "snapshot", text, &id, &err));
    T_STR(id, want);
    qlab_free(id);
}

/* mtime: the folder's own, in seconds; a clock may give two writes in a row the same. */
static void generated(const char *root, const char *name, const char *at, time_t mtime)
{
    const struct timespec times[2] = {{mtime, 0}, {mtime, 0}};
    char *dir = qlab_path_join(root, name);
    char *text = qlab_asprintf("{\"generated_at\": \"%s\"}", at);
    put(dir, "a.run.json", text);
    T_CHECK(utimensat(AT_FDCWD, dir, times, 0) == 0);
    qlab_free(text);
    qlab_free(dir);
}

T_TEST(finding_ids)
{
    qlab_err err = QLAB_ERR_INIT;
    char *root = t_tmpdir(), *id = NULL, *none = qlab_path_join(root, "none");
    assert_int_equal(qlab_id_resolve(none, "snapshot_id=", "snapshot", "latest", &id, &err),
                     QLAB_E_NOT_FOUND);
    T_CONTAINS(err.text, "there is no snapshot yet in ");
    qlab_err_reset(&err);
    static const char *const names[] = {"snapshot_id=2017-12-29_aaa", "snapshot_id=2016-12-30_abb",
                                        "snapshot_id=2017-12-29_aaab", "other"};
    for (size_t i = 0; i < 4; i++) {
        char *dir = qlab_path_join(root, names[i]);
        put(dir, "x", "");
        qlab_free(dir);
    }
    resolves(root, "2016", "2016-12-30_abb");
    resolves(root, "2017-12-29_aaa", "2017-12-29_aaa"); /* exact wins over being a beginning */
    resolves(root, "2017-12-29_aaab", "2017-12-29_aaab");
    assert_int_equal(qlab_id_resolve(root, "snapshot_id=", "snapshot", "2017", &id, &err),
                     QLAB_E_USAGE);
    T_STR(err.text, "snapshot \"2017\" could be 2017-12-29_aaa or 2017-12-29_aaab");
    qlab_err_reset(&err);
    assert_int_equal(qlab_id_resolve(root, "snapshot_id=", "snapshot", "2018", &id, &err),
                     QLAB_E_NOT_FOUND);
    T_CONTAINS(err.text, "no snapshot \"2018\" in ");
    qlab_err_reset(&err);
    T_OK(qlab_id_resolve(root, "snapshot_id=", "snapshot", "latest", &id, &err));
    T_CHECK(id != NULL && strncmp(id, "2017-12-29", 10) == 0); /* the greatest as-of */
    qlab_free(id);
    /* Of those the one generated last; a folder's own time says nothing against that. */
    generated(root, names[0], "2026-01-02T00:00:00Z", 1001);
    generated(root, names[2], "2026-01-01T23:59:59Z", 1002);
    generated(root, names[1], "2026-12-31T00:00:00Z", 1003);
    resolves(root, "latest", "2017-12-29_aaa");
    generated(root, names[2], "2026-01-02T00:00:01Z", 1004);
    resolves(root, "latest", "2017-12-29_aaab");
    generated(root, names[0], "2026-01-02T00:00:01Z", 1005); /* made after it, in the same second */
    resolves(root, "latest", "2017-12-29_aaa");
    qlab_free(none);
    t_rmdir(root);
}

T_MAIN(T_CASE(ids), T_CASE(publish), T_CASE(beside), T_CASE(finding_ids))
