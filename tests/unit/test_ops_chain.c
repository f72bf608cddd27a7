/* The hash-chained ledger: what is appended is read; what was tampered with is named. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "ops/chain.h"
#include "ops/ledger.h"
#include "support/t.h"

#include <string.h>

static void append(const char *path, int value, char head[QLAB_HEX_BYTES])
{
    qlab_err err = QLAB_ERR_INIT;
    json_t *lines = json_array();
    json_array_append_new(lines, json_pack("{s:i}", "value", value));
    T_OK(qlab_chain_append(path, lines, NULL, head, &err));
    json_decref(lines);
}

T_TEST(grows)
{
    qlab_err err = QLAB_ERR_INIT;
    char *dir = t_tmpdir(), *path = qlab_path_join(dir, "ops/x.ndjson"), head[QLAB_HEX_BYTES];
    qlab_chain c;
    T_OK(qlab_chain_read(path, &c, &err)); /* no file: nothing yet */
    assert_int_equal(json_array_size(c.lines), 0);
    qlab_chain_free(&c);
    for (int i = 0; i < 3; i++)
        append(path, i, head);
    T_OK(qlab_chain_read(path, &c, &err));
    assert_int_equal(json_array_size(c.lines), 3);
    T_STR(c.head, head);
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            json_integer_value(json_object_get(json_array_get(c.lines, (size_t)i), "value")), i);
    qlab_chain_free(&c);
    qlab_free(path);
    t_rmdir(dir);
}

T_TEST(cut_tail)
{
    qlab_err err = QLAB_ERR_INIT;
    char *dir = t_tmpdir(), *path = qlab_path_join(dir, "x.ndjson"), head[QLAB_HEX_BYTES];
    qlab_buf text = QLAB_BUF_INIT;
    qlab_chain c;
    append(path, 1, head);
    T_OK(qlab_file_read(path, &text, &err));
    qlab_buf_puts(&text, "{\"prev\":\"00"); /* a write that did not end */
    T_OK(qlab_file_write(path, text.at, text.n, &err));
    T_OK(qlab_chain_read(path, &c, &err));
    assert_int_equal(json_array_size(c.lines), 1);
    qlab_chain_free(&c);
    append(path, 2, head);
    T_OK(qlab_chain_read(path, &c, &err));
    assert_int_equal(json_array_size(c.lines), 2);
    T_STR(c.head, head);
    qlab_chain_free(&c);
    qlab_buf_free(&text);
    qlab_free(path);
    t_rmdir(dir);
}

static void refused(const char *text, const char *why)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_chain c;
    assert_int_equal(qlab_chain_parse("x.ndjson", text, strlen(text), &c, &err), QLAB_E_CORRUPT);
    T_CONTAINS(err.text, why);
    T_CHECK(c.lines == NULL);
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
T_TEST(bad_lines)
{
    refused("{\"value\":1}\n", "x.ndjson:1: the line had no \"prev\"");
    refused("[]\n", "x.ndjson:1: the line had no \"prev\"");
    refused("\n", "line 1: ");
    refused("{\"prev\":\"" ZEROS "\"\n", "line 1: ");
    refused("{\"prev\":\"" ZEROS "\"}\n{\"prev\":\"" ZEROS "\"}\n",
            "x.ndjson:2: \"prev\" was 0000000000000000..., the line before hashed to ");
    refused("{\"prev\":\"1" ZEROS "\"}\n", "x.ndjson:1: \"prev\" was 1000000000000000...");
    refused("{\"prev\":1}\n", "no \"prev\"");
}

T_TEST(tampered)
{
    qlab_err err = QLAB_ERR_INIT;
    char *dir = t_tmpdir(), *path = qlab_path_join(dir, "x.ndjson"), head[QLAB_HEX_BYTES];
    qlab_buf text = QLAB_BUF_INIT;
    qlab_chain c;
    for (int i = 0; i < 3; i++)
        append(path, i, head);
    T_OK(qlab_file_read(path, &text, &err));
    char *at = strstr(text.at, "\"value\":1");
    T_CHECK(at != NULL);
    at[8] = '7';
    T_FAILS(QLAB_E_CORRUPT, qlab_chain_parse("x", text.at, text.n, &c, &err));
    T_OK(qlab_file_write(path, text.at, text.n, &err));
    json_t *lines = json_array();
    json_array_append_new(lines, json_object());
    T_FAILS(QLAB_E_CORRUPT, qlab_chain_append(path, lines, NULL, NULL, &err));
    json_decref(lines);
    qlab_buf_free(&text);
    qlab_free(path);
    t_rmdir(dir);
}

T_TEST(ledger)
{
    qlab_err err = QLAB_ERR_INIT;
    char *root = t_tmpdir();
    qlab_env env = {.root = root, .now = qlab_date_make(2024, 3, 1)};
    env.pool = qlab_pool_new(1);
    json_t *step = json_pack("{s:{},s:{s:i}}", "refs", "metrics", "rows_in", 7);
    qlab_ledger_run run = {.ingest = step};
    T_OK(qlab_ledger_put(&env, &run, &err));
    run.state = QLAB_LEDGER_FAILED;
    run.reason = "a pack was cut";
    T_OK(qlab_ledger_put(&env, &run, &err));
    env.dry_run = true;
    T_OK(qlab_ledger_put(&env, &run, &err));
    qlab_chain c;
    T_OK(qlab_ledger_read(&env, &c, &err));
    assert_int_equal(json_array_size(c.lines), 2);
    const json_t *first = json_array_get(c.lines, 0), *second = json_array_get(c.lines, 1);
    T_STR(json_string_value(json_object_get(first, "state")), "done");
    T_STR(json_string_value(json_object_get(first, "now")), "2024-03-01");
    T_STR(json_string_value(json_object_get(second, "reason")), "a pack was cut");
    T_CHECK(json_equal(json_object_get(first, "ingest"), step));
    T_CHECK(json_is_null(json_object_get(first, "features")));
    qlab_chain_free(&c);
    json_decref(step);
    qlab_pool_free(env.pool);
    t_rmdir(root);
}

T_MAIN(T_CASE(grows), T_CASE(cut_tail), T_CASE(bad_lines), T_CASE(tampered), T_CASE(ledger))
