/* Commits, the chain, checkpoints; damaged files and what is said about them; tables by key. */
#include "support/lake.h"

/* ---- commits -----------------------------------------------------------------------------------
 */

static void write_number(t_lake *l, qlab_part_kind kind, uint32_t key, uint32_t value, uint32_t seq,
                         qlab_part *part)
{
    qlab_err err = QLAB_ERR_INIT;
    const qlab_col cols[] = {{"key", QLAB_T_U32, &key, NULL, NULL},
                             {"value", QLAB_T_U32, &value, NULL, NULL},
                             {"known_seq", QLAB_T_U32, &seq, NULL, NULL}};
    T_OK(qlab_lake_write_table(&l->env, t_lake_conn(l), kind, -1, cols, 3, 1, part, &err));
}

/* Commit number parent + 1 with one row in lake/lives/. */
static qlab_code commit_number(t_lake *l, uint32_t parent, uint32_t key, uint32_t value,
                               const char *const *removed, size_t n_removed, qlab_err *err)
{
    qlab_part *part = qlab_alloc_zero(1, sizeof *part);
    uint32_t number = 0;
    write_number(l, QLAB_PART_LIVES, key, value, parent + 1, part);
    const qlab_commit_draft draft = {.parent = parent,
                                     .kind = "test",
                                     .added = part,
                                     .n_added = 1,
                                     .removed = removed,
                                     .n_removed = n_removed,
                                     .run_id = "run \"x\""};
    const qlab_code rc = qlab_lake_commit(&l->env, &draft, &number, err);
    if (rc == QLAB_OK)
        T_CHECK(number == parent + 1);
    qlab_parts_free(part, 1);
    return rc;
}

/* The lake without its asset master: these tests have none. */
static qlab_code open_view(t_lake *l, uint32_t commit, qlab_lake_view **v, qlab_err *err)
{
    qlab_env env = l->env;
    env.duck = NULL;
    return qlab_lake_view_open(&env, commit, v, err);
}

T_TEST(an_empty_lake_is_commit_0)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    qlab_lake_view *v = NULL;
    uint32_t *numbers = NULL;
    size_t n = 7;
    t_lake_open(&l, 4, 1);
    T_OK(qlab_lake_view_open(&l.env, QLAB_LAKE_LATEST, &v, &err));
    T_CHECK(v->commit == 0 && v->n_parts == 0 && v->n_assets == 0);
    T_CHECK(qlab_lake_n_buckets(v) == 0 && qlab_lake_find_asset(v, QLAB_STR("US:A")) == -1);
    T_OK(qlab_lake_commits(l.root, &numbers, &n, &err));
    T_CHECK(n == 0);
    qlab_lake_view *none = NULL;
    T_FAILS(QLAB_E_NOT_FOUND, qlab_lake_view_open(&l.env, 3, &none, &err));
    qlab_free(numbers);
    qlab_lake_view_close(v);
    t_lake_close(&l, false);
}

T_TEST(every_commit_shows_its_own_parts_across_checkpoints)
{
    enum { N = 130 };
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    t_lake_open(&l, 4, 1);
    for (uint32_t i = 0; i < N; i++)
        T_OK(commit_number(&l, i, i, 0, NULL, 0, &err));
    for (uint32_t commit = 1; commit <= N; commit++) {
        qlab_lake_view *v = NULL;
        T_OK(open_view(&l, commit, &v, &err));
        T_CHECK(v->commit == commit && v->n_parts == commit);
        for (uint32_t i = 0; i < commit; i++)
            T_CHECK(v->parts[i].seq == i + 1 && v->parts[i].n_rows == 1);
        T_CHECK((json_object_get(v->doc, "parts") != NULL) == (commit % 64 == 0));
        qlab_lake_view_close(v);
    }
    t_lake_close(&l, false);
}

T_TEST(only_one_writer_gets_a_number)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    t_lake_open(&l, 4, 1);
    T_OK(commit_number(&l, 0, 1, 1, NULL, 0, &err));
    T_OK(commit_number(&l, 1, 2, 1, NULL, 0, &err));
    T_FAILS(QLAB_E_EXISTS, commit_number(&l, 1, 3, 1, NULL, 0, &err));
    t_lake_close(&l, false);
}

T_TEST(removed_parts_are_gone_from_later_commits_only)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    qlab_lake_view *v = NULL;
    t_lake_open(&l, 4, 1);
    T_OK(commit_number(&l, 0, 1, 1, NULL, 0, &err));
    T_OK(commit_number(&l, 1, 2, 1, NULL, 0, &err));
    T_OK(open_view(&l, 2, &v, &err));
    const char *gone[] = {v->parts[0].path};
    T_OK(commit_number(&l, 2, 3, 1, gone, 1, &err));
    T_FAILS(QLAB_E_INTERNAL, commit_number(&l, 3, 4, 1, gone, 1, &err));
    for (uint32_t commit = 1; commit <= 3; commit++) {
        qlab_lake_view *at = NULL;
        T_OK(open_view(&l, commit, &at, &err));
        T_CHECK(at->n_parts == (commit == 1 ? 1u : 2u));
        T_CHECK((strcmp(at->parts[0].path, gone[0]) == 0) == (commit < 3));
        qlab_lake_view_close(at);
    }
    qlab_lake_view_close(v);
    t_lake_close(&l, false);
}

T_TEST(a_commit_has_the_same_bytes_in_any_order_of_its_parts)
{
    qlab_err err = QLAB_ERR_INIT;
    char hex[2][QLAB_HEX_BYTES];
    for (int order = 0; order < 2; order++) {
        t_lake l;
        qlab_part parts[3];
        uint32_t number = 0;
        json_t *doc = NULL;
        t_lake_open(&l, 4, 1);
        for (uint32_t i = 0; i < 3; i++)
            write_number(&l, QLAB_PART_LIVES, i, i, 1, &parts[order ? 2 - i : i]);
        const qlab_commit_draft draft = {.kind = "test", .added = parts, .n_added = 3};
        T_OK(qlab_lake_commit(&l.env, &draft, &number, &err));
        T_OK(qlab_lake_read_commit(l.root, 1, &doc, hex[order], &err));
        json_decref(doc);
        for (int i = 0; i < 3; i++)
            qlab_free(parts[i].path);
        t_lake_close(&l, false);
    }
    T_STR(hex[0], hex[1]);
}

/* ---- tables ------------------------------------------------------------------------------------
 */

T_TEST(of_one_key_the_latest_row_known_is_seen)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    static const qlab_type types[] = {QLAB_T_U32, QLAB_T_U32, QLAB_T_U32};
    t_lake_open(&l, 4, 1);
    T_OK(commit_number(&l, 0, 7, 100, NULL, 0, &err));
    T_OK(commit_number(&l, 1, 8, 200, NULL, 0, &err));
    T_OK(commit_number(&l, 2, 7, 300, NULL, 0, &err));
    const uint32_t seen_7[] = {0, 100, 100, 300};
    for (uint32_t commit = 1; commit <= 3; commit++) {
        qlab_lake_view *v = NULL;
        qlab_table t;
        qlab_lake_query q = {QLAB_PART_LIVES, "key, value, known_seq", "key", NULL, "key"};
        T_OK(open_view(&l, commit, &v, &err));
        T_OK(qlab_lake_read_table(v, t_lake_conn(&l), &q, types, 3, &t, &err));
        T_CHECK(t.n_rows == (commit == 1 ? 1u : 2u));
        T_CHECK(t.cols[0].u32[0] == 7 && t.cols[1].u32[0] == seen_7[commit]);
        qlab_table_free(&t);
        q.key = NULL; /* all of them */
        q.where = "value <> 200";
        T_OK(qlab_lake_read_table(v, t_lake_conn(&l), &q, types, 3, &t, &err));
        T_CHECK(t.n_rows == (commit == 3 ? 2u : 1u));
        qlab_table_free(&t);
        q.kind = QLAB_PART_DELISTINGS; /* none yet */
        T_OK(qlab_lake_read_table(v, t_lake_conn(&l), &q, types, 3, &t, &err));
        T_CHECK(t.n_rows == 0 && t.n_cols == 3);
        qlab_table_free(&t);
        qlab_lake_view_close(v);
    }
    t_lake_close(&l, false);
}

/* ---- damage ------------------------------------------------------------------------------------
 */

static void edit_commit(const t_lake *l, uint32_t number, const char *from, const char *to)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_buf text = QLAB_BUF_INIT, out = QLAB_BUF_INIT;
    char *path = qlab_asprintf("%s/lake/commits/%08u.json", l->root, number);
    T_OK(qlab_file_read(path, &text, &err));
    char *at = strstr(text.at, from);
    T_CHECK(at != NULL);
    qlab_buf_put(&out, text.at, (size_t)(at - text.at));
    qlab_buf_puts(&out, to);
    qlab_buf_puts(&out, at + strlen(from));
    T_OK(qlab_file_write(path, out.at, out.n, &err));
    qlab_buf_free(&out);
    qlab_buf_free(&text);
    qlab_free(path);
}

/* A lake of three commits, one edit in one of them, and what opening commit 3 then says. */
static void damaged(uint32_t number, const char *from, const char *to, const char *says)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    qlab_lake_view *v = NULL;
    t_lake_open(&l, 4, 1);
    for (uint32_t i = 0; i < 3; i++)
        T_OK(commit_number(&l, i, i, 0, NULL, 0, &err));
    edit_commit(&l, number, from, to);
    const qlab_code rc = open_view(&l, 3, &v, &err);
    if (rc != QLAB_E_CORRUPT)
        fprintf(stderr, "%s -> %s: %s %s\n", from, to, qlab_code_name(rc), err.text);
    T_CHECK(rc == QLAB_E_CORRUPT && !v);
    T_CONTAINS(err.text, says);
    t_lake_close(&l, false);
}

T_TEST(a_damaged_commit_is_named)
{
    damaged(2, "\"kind\": \"test\"", "\"kind\": \"text\"", "commit 2 had the hash ");
    damaged(3, "lake_commit/1", "lake_commit/9",
            "lake/commits/00000003.json: schema was \"lake_commit/9\", not \"lake_commit/1\"");
    damaged(3, "\"commit\": 3", "\"commit\": 4", "it said that it was commit 4");
    damaged(3, "\"commit\":2", "\"commit\":1", "commit 3: its parent was 1, not 2");
    damaged(3, "\"path\":\"lake/", "\"path\":\"/etc/", "does not lie in the lake");
    damaged(3, "\"path\":\"lake/", "\"path\":\"lake/../../", "does not lie in the lake");
    damaged(3, "\"kind\":\"lives\"", "\"kind\":\"wives\"", "there is no kind of part \"wives\"");
    damaged(3, ".parquet\",\"sha256\":\"", ".parquet\",\"sha256\":\"x",
            "commit 3: sha256 of lake/");
    damaged(3, "\"rows\":1", "\"rows\":-1", "commit 3: rows was -1");
    damaged(3, "\"rows\":1", "\"rows\":\"1\"", "rows");
    damaged(3, "\"removed\": []", "\"removed\": [\"lake/x\"]",
            "commit 3: removed part lake/x was not there");
    damaged(1, "\"removed\": []", "\"removed\": [\"lake/x\"]", /* from an empty list */
            "commit 1 had the hash ");
    damaged(3, "\"removed\"", "\"renamed\"", "removed");
    damaged(3, "{", "{,", "00000003.json");
    damaged(1, "\"parent\":null", "\"parent\":{}", "commit 1");
}

T_TEST(a_missing_or_cut_part_is_named)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    qlab_lake_view *v = NULL, *none = NULL;
    t_lake_open(&l, 4, 1);
    T_OK(commit_number(&l, 0, 1, 1, NULL, 0, &err));
    T_OK(open_view(&l, 1, &v, &err));
    char *path = qlab_path_join(l.root, v->parts[0].path);
    T_OK(qlab_file_write(path, "cut", 3, &err));
    T_CHECK(open_view(&l, 1, &none, &err) == QLAB_E_CORRUPT);
    T_CONTAINS(err.text, v->parts[0].path);
    T_CONTAINS(err.text, "had 3 bytes, not ");
    qlab_err_reset(&err);
    T_OK(qlab_file_remove(path, &err));
    T_CHECK(open_view(&l, 1, &none, &err) == QLAB_E_CORRUPT);
    T_CONTAINS(err.text, "was missing");
    qlab_free(path);
    qlab_lake_view_close(v);
    t_lake_close(&l, false);
}

/* ---- verify ------------------------------------------------------------------------------------
 */

static void keep(void *ctx, const char *finding)
{
    qlab_buf_puts(ctx, finding);
    qlab_buf_puts(ctx, "\n");
}

static size_t verify(t_lake *l, qlab_buf *said)
{
    qlab_err err = QLAB_ERR_INIT;
    size_t n = 0;
    said->n = 0;
    T_OK(qlab_lake_verify(&l->env, QLAB_LAKE_LATEST, keep, said, &n, &err));
    return n;
}

static void small_lake(t_lake *l)
{
    t_bar rows[4 * 30];
    size_t n = 0;
    t_lake_open(l, 4, 1);
    for (uint32_t ix = 0; ix < 4; ix++)
        for (int32_t d = 0; d < 30; d++)
            rows[n++] = t_bar_make(ix, 16060 + d, 1, 9); /* 2013-12-21 on: two years */
    t_lake_commit(l, rows, n, true);
}

static char *first_part(t_lake *l, qlab_part_kind kind)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_lake_view *v = NULL;
    char *path = NULL;
    T_OK(open_view(l, QLAB_LAKE_LATEST, &v, &err));
    for (size_t i = 0; i < v->n_parts && !path; i++)
        if (v->parts[i].kind == kind)
            path = qlab_path_join(l->root, v->parts[i].path);
    qlab_lake_view_close(v);
    return path;
}

T_TEST(verify_names_a_flipped_bit)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    qlab_buf said = QLAB_BUF_INIT, bytes = QLAB_BUF_INIT;
    small_lake(&l);
    T_CHECK(verify(&l, &said) == 0);
    char *path = first_part(&l, QLAB_PART_BARS);
    T_OK(qlab_file_read(path, &bytes, &err));
    bytes.at[bytes.n / 2] ^= 1;
    T_OK(qlab_file_write(path, bytes.at, bytes.n, &err));
    T_CHECK(verify(&l, &said) == 1);
    T_CONTAINS(said.at, qlab_path_base(path));
    T_CONTAINS(said.at, "its bytes hashed to ");
    T_OK(qlab_file_remove(path, &err));
    T_CHECK(verify(&l, &said) >= 1);
    T_CONTAINS(said.at, qlab_path_base(path));
    qlab_buf_free(&said);
    qlab_buf_free(&bytes);
    qlab_free(path);
    t_lake_close(&l, false);
}

/* A second commit whose leaves say something else than its bars. */
T_TEST(verify_names_a_wrong_leaf)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    qlab_buf said = QLAB_BUF_INIT;
    qlab_part part;
    uint32_t number = 0;
    small_lake(&l);
    qlab_leaf leaves[3] = {{1, 2013, 11, {{1}}}, {2, 2013, 10, {{1}}}, {3, 1999, 5, {{1}}}};
    T_OK(qlab_lake_write_leaves(&l.env, t_lake_conn(&l), 0, leaves, 3, 2, &part, &err));
    const qlab_commit_draft draft = {.parent = 1, .kind = "test", .added = &part, .n_added = 1};
    T_OK(qlab_lake_commit(&l.env, &draft, &number, &err));
    T_CHECK(verify(&l, &said) == 3);
    T_CONTAINS(said.at, "leaf of US:99998, 2013: its hash differs from that of the bars");
    T_CONTAINS(said.at, "leaf of US:99997, 2013: its number of rows differs from the bars");
    T_CONTAINS(said.at, "leaf of US:99996.LONGER, 1999: it is stored, but there are no such bars");
    qlab_free(part.path);
    qlab_buf_free(&said);
    t_lake_close(&l, false);
}

/* Rows that no writer of ours makes: out of order, doubled, in the wrong partition, unknown. */
T_TEST(verify_names_rows_in_the_wrong_place)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    qlab_buf said = QLAB_BUF_INIT;
    qlab_written w;
    uint32_t number = 0;
    small_lake(&l);
    const qlab_str ids[] = {QLAB_STR("US:99998"), QLAB_STR("US:WRONG")};
    const uint32_t code[6] = {0, 0, 0, 0, 0, 1};
    const uint32_t ix[6] = {1, 1, 1, 1, 600, 2}, seq[6] = {2, 2, 2, 9, 2, 2};
    const int32_t date[6] = {16200, 16201, 16201, 16900, 16202, 16190};
    const double v[6] = {1, 2, 3, 4, 5, 6};
    const uint8_t provenance[6] = {0, 0, 0, 0, 0, QLAB_PROV_TOMBSTONE};
    const qlab_col cols[] = {{"asset_id", QLAB_T_DICT, code, NULL, ids},
                             {"asset_ix", QLAB_T_U32, ix, NULL, NULL},
                             {"date", QLAB_T_DATE, date, NULL, NULL},
                             {"open", QLAB_T_F64, v, NULL, NULL},
                             {"high", QLAB_T_F64, v, NULL, NULL},
                             {"low", QLAB_T_F64, v, NULL, NULL},
                             {"close", QLAB_T_F64, v, NULL, NULL},
                             {"volume", QLAB_T_F64, v, NULL, NULL},
                             {"adjusted_close", QLAB_T_F64, v, NULL, NULL},
                             {"known_seq", QLAB_T_U32, seq, NULL, NULL},
                             {"provenance", QLAB_T_U8, provenance, NULL, NULL}};
    char *path = qlab_path_join(l.root, "lake/bars/%.parquet");
    T_OK(qlab_conn_put_parquet(t_lake_conn(&l), cols, 11, 6, QLAB_CODEC_ZSTD, path, &w, &err));
    qlab_part part = {.kind = QLAB_PART_BARS,
                      .path = w.path + strlen(l.root) + 1,
                      .n_bytes = w.n_bytes,
                      .n_rows = 7,
                      .asset_class = 0,
                      .year = 2014,
                      .bucket = 0,
                      .min_date = 16200,
                      .max_date = 16300};
    memcpy(part.sha256, w.sha256, sizeof part.sha256);
    const qlab_commit_draft draft = {.parent = 1, .kind = "test", .added = &part, .n_added = 1};
    T_OK(qlab_lake_commit(&l.env, &draft, &number, &err));
    T_CHECK(verify(&l, &said) > 0);
    T_CONTAINS(said.at, "it had 6 rows, the commit says 7");
    T_CONTAINS(said.at, "row 2 (US:99998 on 2014-05-11): its key occurs twice");
    T_CONTAINS(said.at, "row 3 (US:99998 on 2016-04-09): its date belongs to another year");
    T_CONTAINS(said.at, "row 4 (an unknown asset on 2014-05-12): its asset number is not");
    T_CONTAINS(said.at, "row 5 (US:99997 on 2014-04-30): its date is outside the range");
    T_CONTAINS(said.at, "it had 1 tombstones, the commit says 0");
    T_CONTAINS(said.at, "asset number 2 is called \"US:WRONG\", the master says US:99997");
    qlab_free(w.path);
    qlab_free(path);
    qlab_buf_free(&said);
    t_lake_close(&l, false);
}

T_TEST(rows_to_write_must_be_sorted)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    t_lake_open(&l, 4, 1);
    t_bar rows[2] = {t_bar_make(1, 16001, 1, 1), t_bar_make(1, 16001, 1, 1)};
    T_CHECK(t_lake_try_commit(&l, rows, 2, true, &err) == QLAB_E_INTERNAL);
    T_STR(err.text, "bars to write: US:99998 had dates out of order at 2013-10-23");
    t_lake_close(&l, false);
}

T_TEST(a_root_that_duckdb_would_take_for_a_pattern_is_refused)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    qlab_lake_view *v = NULL;
    t_lake_open(&l, 4, 1);
    qlab_env env = l.env;
    env.root = "/tmp/a[b]";
    T_FAILS(QLAB_E_USAGE, qlab_lake_view_open(&env, QLAB_LAKE_LATEST, &v, &err));
    t_lake_close(&l, false);
}

T_TEST(classes_have_names_in_either_case)
{
    qlab_asset_class c = QLAB_CLASS_OTHER;
    T_CHECK(qlab_asset_class_parse(QLAB_STR("STOCK"), &c) && c == QLAB_CLASS_STOCK);
    T_CHECK(qlab_asset_class_parse(QLAB_STR("etf"), &c) && c == QLAB_CLASS_ETF);
    T_CHECK(!qlab_asset_class_parse(QLAB_STR("stoc"), &c));
    T_CHECK(!qlab_asset_class_parse(QLAB_STR("stocks"), &c));
    T_STR(qlab_asset_class_name(QLAB_CLASS_CRYPTO), "crypto");
}

T_MAIN(T_CASE(an_empty_lake_is_commit_0),
       T_CASE(every_commit_shows_its_own_parts_across_checkpoints),
       T_CASE(only_one_writer_gets_a_number),
       T_CASE(removed_parts_are_gone_from_later_commits_only),
       T_CASE(a_commit_has_the_same_bytes_in_any_order_of_its_parts),
       T_CASE(of_one_key_the_latest_row_known_is_seen), T_CASE(a_damaged_commit_is_named),
       T_CASE(a_missing_or_cut_part_is_named), T_CASE(verify_names_a_flipped_bit),
       T_CASE(verify_names_a_wrong_leaf), T_CASE(verify_names_rows_in_the_wrong_place),
       T_CASE(rows_to_write_must_be_sorted),
       T_CASE(a_root_that_duckdb_would_take_for_a_pattern_is_refused),
       T_CASE(classes_have_names_in_either_case))
