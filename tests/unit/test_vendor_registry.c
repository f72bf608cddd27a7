/* The registry: fields, findings, pointers. */
#include "base/alloc.h"
#include "base/file.h"
#include "support/t.h"
#include "vendor/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static qlab_registry *parse(const char *text)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_registry *r = NULL;
    T_OK(qlab_registry_parse("registry.ndjson", text, strlen(text), &r, &err));
    return r;
}

T_TEST(keeps_known_and_unknown_fields)
{
    qlab_registry *r = parse("\xef\xbb\xbf{\"canonical_id\":\"US:B\",\"type_norm\":\"ETF\","
                             "\"symbol\":\"B\",\"exchange\":\"US\","
                             "\"mic\":\"XNAS\",\"name\":\"B "
                             "\\u00e9\",\"currency\":\"USD\",\"country\":null,\"provider_symbol\":"
                             "\"B.US\",\"z\":[1,{\"b\":2,\"a\":1.50}],\"pointers\":{\"history_"
                             "pack\":\"p\",\"pack_sha256\":"
                             "\"sha256:00\",\"more\":1},\"bars_count\":7}\r\n"
                             "\n{\"canonical_id\":\"US:A\"}");
    assert_int_equal(r->n_assets, 2);
    assert_int_equal(r->n_lines, 2);
    assert_int_equal(r->n_findings, 0);
    T_STR(r->assets[0].asset_id, "US:A"); /* byte order */
    T_STR(r->assets[0].extra, "{}");
    T_STR(r->assets[0].pointer, "");
    T_STR(r->assets[0].exchange, "US"); /* from the id */
    T_STR(r->assets[0].symbol, "A");
    const qlab_vendor_asset *b = &r->assets[1];
    T_STR(b->type_norm, "ETF");
    T_STR(b->mic, "XNAS");
    T_STR(b->name, "B \xc3\xa9");
    T_STR(b->country, "");
    T_STR(b->pointer, "p");
    T_STR(b->pack_sha256, "sha256:00");
    T_STR(b->extra, "{\"bars_count\":7,\"pointers\":{\"more\":1},\"z\":[1,{\"a\":1.5,\"b\":2}]}");
    assert_int_equal(qlab_registry_find(r, QLAB_STR("US:B")), 1);
    assert_int_equal(qlab_registry_find(r, QLAB_STR("US:")), -1);
    assert_int_equal(qlab_registry_find(r, QLAB_STR("US:BB")), -1);
    qlab_registry_free(r);
}

typedef struct bad_case {
    const char *line, *detail;
} bad_case;

static const bad_case BAD[] = {
    {"{\"canonical_id\":\"US:X\"", "registry line:1:22: '}' expected near end of file"},
    {"[]", "the line was not an object"},
    {"{\"symbol\":\"X\"}", "canonical_id was missing"},
    {"{\"canonical_id\":null}", "canonical_id was missing"},
    {"{\"canonical_id\":\"\"}", "canonical_id was missing"},
    {"{\"canonical_id\":5}", "canonical_id was not a string"},
    {"{\"canonical_id\":\"US:X\",\"currency\":[]}", "currency was not a string"},
    {"{\"canonical_id\":\"US:X\",\"pointers\":\"p\"}", "pointers was not an object"},
    {"{\"canonical_id\":\"US:X\",\"pointers\":{\"history_pack\":1}}",
     "pointers.history_pack was not a string"},
    {"{\"canonical_id\":\"US:X\",\"pointers\":{\"pack_sha256\":1}}",
     "pointers.pack_sha256 was not a string"},
    {"{\"canonical_id\":\"US:X\",\"a\":1,\"a\":2}",
     "registry line:1:32: duplicate object key near '\"a\"'"},
    {"{\"canonical_id\":\"US:\xff\"}",
     "registry line:1:20: unable to decode byte 0xff near '\"US:'"},
};

T_TEST(names_bad_lines)
{
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        qlab_buf text = QLAB_BUF_INIT;
        qlab_buf_putf(&text, "{\"canonical_id\":\"US:A\"}\n%s\n{\"canonical_id\":\"US:B\"}\n",
                      BAD[i].line);
        qlab_registry *r = parse(text.at);
        assert_int_equal(r->n_assets, 2);
        assert_int_equal(r->n_findings, 1);
        T_CHECK(r->findings[0].reason == QLAB_REASON_REGISTRY_BAD_LINE);
        assert_int_equal(r->findings[0].line, 2);
        assert_int_equal(r->findings[0].byte_offset, 24);
        T_STR(r->findings[0].detail, BAD[i].detail);
        assert_int_equal(r->findings[0].datum.n, strlen(BAD[i].line));
        qlab_registry_free(r);
        qlab_buf_free(&text);
    }
}

T_TEST(keeps_the_last_of_an_id)
{
    qlab_registry *r = parse("{\"canonical_id\":\"US:A\",\"symbol\":\"1\"}\n"
                             "{\"canonical_id\":\"US:B\"}\n"
                             "{\"canonical_id\":\"US:A\",\"symbol\":\"2\"}\n"
                             "{\"canonical_id\":\"US:A\",\"symbol\":\"3\"}\n");
    assert_int_equal(r->n_assets, 2);
    T_STR(r->assets[0].symbol, "3");
    assert_int_equal(r->n_findings, 2);
    for (size_t i = 0; i < 2; i++) {
        T_CHECK(r->findings[i].reason == QLAB_REASON_REGISTRY_DUPLICATE);
        T_STR(r->findings[i].asset_id, "US:A");
        T_STR(r->findings[i].detail, "line 4 came later and was kept");
    }
    assert_int_equal(r->findings[0].line, 1);
    assert_int_equal(r->findings[1].line, 3);
    assert_int_equal(r->findings[1].byte_offset, 37 + 24);
    T_CHECK(strncmp(r->findings[1].datum.at, "{\"canonical_id\":\"US:A\",\"symbol\":\"2\"}",
                    r->findings[1].datum.n) == 0);
    qlab_registry_free(r);
}

T_TEST(refuses_a_registry_without_assets)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_registry *r = NULL;
    T_FAILS(QLAB_E_CORRUPT, qlab_registry_parse("registry.ndjson", "\n", 1, &r, &err));
    const qlab_code rc = qlab_registry_parse("registry.ndjson", "nonsense\n", 9, &r, &err);
    assert_int_equal(rc, QLAB_E_CORRUPT);
    T_STR(err.text, "registry registry.ndjson held no asset in 1 lines");
    qlab_err_reset(&err);
    T_CHECK(qlab_registry_parse("r.ndjson.gz", "\x1f\x8b", 2, &r, &err) == QLAB_E_CORRUPT);
    T_STR(err.text, "registry r.ndjson.gz was not readable: the gzip stream ended early");
}

/* ---- pointers -------------------------------------------------------------------------------- */

static void put(const char *dir, const char *path, const char *text)
{
    qlab_err err = QLAB_ERR_INIT;
    char *file = qlab_path_join(dir, path), *parent = qlab_strdup(file);
    *strrchr(parent, '/') = '\0';
    T_OK(qlab_dir_make(parent, &err));
    T_OK(qlab_file_write(file, text, strlen(text), &err));
    qlab_free(parent);
    qlab_free(file);
}

typedef struct pointer_case {
    const char *pointer, *path;
    qlab_reason refused;
    const char *why;
} pointer_case;

static const pointer_case POINTERS[] = {
    {"history/US/p.gz", "history/US/p.gz", QLAB_REASON_NONE, NULL},
    {"US/p.gz", "history/US/p.gz", QLAB_REASON_NONE, NULL}, /* the same file, so one pack */
    {"./history//US/p.gz", "history/US/p.gz", QLAB_REASON_NONE, NULL},
    {"inside.gz", "history/US/p.gz", QLAB_REASON_NONE, NULL}, /* a symlink that stays */
    {"outside.gz", "outside.gz", QLAB_REASON_PATH_ESCAPES_ROOT,
     "the pointer led out of the vendor folder"},
    {"../secret.gz", "../secret.gz", QLAB_REASON_PATH_ESCAPES_ROOT, "the pointer had a '..' part"},
    {"history/../history/US/p.gz", "history/../history/US/p.gz", QLAB_REASON_PATH_ESCAPES_ROOT,
     "the pointer had a '..' part"},
    {"/etc/passwd", "/etc/passwd", QLAB_REASON_PATH_ESCAPES_ROOT,
     "the pointer was an absolute path"},
    {"history/US/none.gz", "history/US/none.gz", QLAB_REASON_PACK_MISSING,
     "no such file in the vendor folder"},
    {"history/US/..p", "history/US/..p", QLAB_REASON_PACK_MISSING,
     "no such file in the vendor folder"},
};
enum { N_POINTERS = sizeof POINTERS / sizeof *POINTERS };

T_TEST(resolves_pointers_inside_the_vendor_folder)
{
    qlab_err err = QLAB_ERR_INIT;
    char *top = t_tmpdir(), *dir = qlab_path_join(top, "vendor");
    qlab_buf text = QLAB_BUF_INIT;
    qlab_registry *r = NULL;

    put(top, "secret.gz", "s");
    put(dir, "history/US/p.gz", "p");
    char *in = qlab_path_join(dir, "inside.gz"), *out = qlab_path_join(dir, "outside.gz");
    assert_int_equal(symlink("history/US/p.gz", in), 0);
    assert_int_equal(symlink("../secret.gz", out), 0);
    for (size_t i = 0; i < N_POINTERS; i++)
        qlab_buf_putf(&text,
                      "{\"canonical_id\":\"US:%02zu\",\"pointers\":{\"history_pack\":\"%s\"}}\n", i,
                      POINTERS[i].pointer);
    put(dir, "registry/registry.ndjson", text.at);
    T_OK(qlab_registry_load(dir, &r, &err));
    assert_int_equal(r->n_assets, N_POINTERS);
    assert_int_equal(r->n_packs, N_POINTERS - 3);
    for (size_t i = 0; i < N_POINTERS; i++) {
        const qlab_vendor_pack *p = &r->packs[r->assets[i].pack_no];
        T_STR(p->path, POINTERS[i].path);
        T_STR(qlab_reason_name(p->refused), qlab_reason_name(POINTERS[i].refused));
        if (POINTERS[i].why != NULL)
            T_STR(p->why, POINTERS[i].why);
    }
    qlab_registry_free(r);
    qlab_buf_free(&text);
    qlab_free(in);
    qlab_free(out);
    qlab_free(dir);
    t_rmdir(top);
}

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

T_TEST(holds_promises_together)
{
    qlab_err err = QLAB_ERR_INIT;
    char *dir = t_tmpdir();
    qlab_registry *r = NULL;
    put(dir, "history/a", "");
    put(dir, "history/b", "");
    put(dir, "history/c", "");
    put(dir, "registry/registry.ndjson",
        "{\"canonical_id\":\"1\",\"pointers\":{\"history_pack\":\"a\",\"pack_sha256\":\"sha256:" SHA
        "\"}}\n"
        "{\"canonical_id\":\"2\",\"pointers\":{\"history_pack\":\"a\"}}\n"
        "{\"canonical_id\":\"3\",\"pointers\":{\"history_pack\":\"b\",\"pack_sha256\":\"md5:1\"}}\n"
        "{\"canonical_id\":\"4\",\"pointers\":{\"history_pack\":\"c\",\"pack_sha256\":\"sha256:" SHA
        "\"}}\n"
        "{\"canonical_id\":\"5\",\"pointers\":{\"history_pack\":\"c\",\"pack_sha256\":\"sha256:1"
        "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}}\n");
    T_OK(qlab_registry_load(dir, &r, &err));
    assert_int_equal(r->n_packs, 3);
    T_CHECK(r->packs[0].refused == QLAB_REASON_NONE && r->packs[0].has_sha256);
    T_CHECK(r->packs[1].refused == QLAB_REASON_PACK_HASH_MISMATCH);
    T_STR(r->packs[1].why, "3 promised \"md5:1\", which is no sha256");
    T_CHECK(r->packs[2].refused == QLAB_REASON_PACK_HASH_MISMATCH);
    T_STR(r->packs[2].why, "5 promised another sha256 than an asset before it");
    qlab_registry_free(r);
    t_rmdir(dir);
}

T_TEST(says_what_is_missing)
{
    qlab_err err = QLAB_ERR_INIT;
    char *dir = t_tmpdir();
    qlab_registry *r = NULL;
    T_FAILS(QLAB_E_NOT_FOUND, qlab_registry_load("/no/such/folder", &r, &err));
    T_CHECK(qlab_registry_load(dir, &r, &err) == QLAB_E_NOT_FOUND);
    T_CONTAINS(err.text, "has no registry/registry.ndjson.gz and no registry/registry.ndjson");
    t_rmdir(dir);
}

T_MAIN(T_CASE(keeps_known_and_unknown_fields), T_CASE(names_bad_lines),
       T_CASE(keeps_the_last_of_an_id), T_CASE(refuses_a_registry_without_assets),
       T_CASE(resolves_pointers_inside_the_vendor_folder), T_CASE(holds_promises_together),
       T_CASE(says_what_is_missing))
