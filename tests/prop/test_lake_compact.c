/* Random commits with compactions between them against a slow model: every commit, old and new,
 * reads the same rows and has the same digest as before, every version of a bar stays readable, and
 * the bytes do not depend on the number of threads. */
#include "support/lake.h"

enum { N_ASSETS = 600, FIRST_DAY = 14400 /* 2009-06-05 */, DAYS = 330, N_STEPS = 8 };

/* Commits 4, 7 and 8 of the story are compactions. */
static bool folds(uint32_t commit)
{
    return commit == 4 || commit == 7 || commit == 8;
}

static size_t first_load(t_bar *rows)
{
    size_t n = 0;
    for (uint32_t ix = 0; ix < N_ASSETS; ix += 2)
        for (int32_t d = (int32_t)(ix % 20); d < DAYS - 60; d += (int32_t)(1 + ix % 7))
            rows[n++] = t_bar_make(ix, FIRST_DAY + d, 1, 1);
    return n;
}

/* New bars, other values, tombstones and revivals; odd commits touch the second bucket alone. */
static size_t delta(t_bar *rows, uint32_t seq)
{
    size_t n = 0;
    for (uint32_t ix = seq % 2 ? QLAB_LAKE_BUCKET_ASSETS : 0; ix < N_ASSETS; ix++) {
        if (qlab_rng_u64(seq, ix, 0) % 4 != 0)
            continue;
        for (int32_t d = 0; d < DAYS; d++) {
            const uint64_t r =
                qlab_rng_u64(seq / 3, ix, 1 + (uint64_t)d); /* the same days thrice */
            if (r % 30 != 0)
                continue;
            rows[n] = t_bar_make(ix, FIRST_DAY + d, seq, seq);
            rows[n++].provenance =
                (r / 30 + seq) % 3 == 0 ? QLAB_PROV_TOMBSTONE : QLAB_PROV_REVISED;
        }
    }
    return n;
}

static void fold(t_lake *l, uint32_t above, qlab_compacted *out)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_lake_view *v = NULL;
    T_OK(qlab_lake_view_open(&l->env, QLAB_LAKE_LATEST, &v, &err));
    T_CHECK(v->commit == l->commit);
    T_OK(qlab_lake_compact(&l->env, v, above, "test", out, &err));
    qlab_lake_view_close(v);
    if (out->commit)
        l->commit = out->commit;
}

static void step(t_lake *l, t_bar *rows, qlab_compacted *last)
{
    const uint32_t seq = l->commit + 1;
    if (folds(seq)) {
        qlab_compacted_free(last);
        fold(l, 0, last);
        T_CHECK(last->commit == seq);
    } else {
        t_lake_commit(l, rows, seq == 1 ? first_load(rows) : delta(rows, seq), seq % 3 != 0);
    }
}

static void digest_at(t_lake *l, uint32_t commit, int32_t asof, char hex[QLAB_HEX_BYTES])
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_lake_view *v = NULL;
    qlab_digest d;
    T_OK(qlab_lake_view_open(&l->env, commit, &v, &err));
    T_OK(qlab_lake_bars_digest(&l->env, v, asof, &d, &err));
    qlab_hex(d, hex);
    qlab_lake_view_close(v);
}

static void check_all_reads(t_lake *l)
{
    qlab_err err = QLAB_ERR_INIT;
    for (uint32_t commit = 1; commit <= l->commit; commit++) {
        size_t n = 0;
        for (uint32_t bucket = 0; bucket < 2; bucket++) {
            t_lake_check(l, commit, bucket, INT32_MIN, INT32_MAX);
            t_lake_check(l, commit, bucket, FIRST_DAY + 30, FIRST_DAY + 250);
        }
        T_OK(qlab_lake_verify(&l->env, commit, NULL, NULL, &n, &err)); /* nothing to say */
        T_CHECK(n == 0);
    }
}

/* After a fold: one part a kind, class, year and bucket, no tombstone among the bars. */
static void check_layout(const qlab_lake_view *v)
{
    for (size_t i = 0; i < v->n_parts; i++) {
        const qlab_part *p = &v->parts[i], *q = i ? &v->parts[i - 1] : p;
        if (p->kind == QLAB_PART_MASTER)
            continue;
        T_CHECK(p->bucket >= 0);
        T_CHECK(p->kind != QLAB_PART_BARS || p->n_tombstones == 0);
        T_CHECK(p == q || p->kind != q->kind || p->asset_class != q->asset_class ||
                p->year != q->year || p->bucket != q->bucket);
    }
    T_CHECK(qlab_lake_delta_parts(v) == 0);
}

/* Bars and their history together are every row that was ever brought. */
static void check_history(t_lake *l, const qlab_lake_view *v)
{
    static const qlab_type TYPES[] = {QLAB_T_U32, QLAB_T_DATE, QLAB_T_U32, QLAB_T_U8, QLAB_T_F64};
    qlab_err err = QLAB_ERR_INIT;
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_table t;
    size_t n = 0;
    for (size_t i = 0; i < v->n_parts; i++)
        if (v->parts[i].kind == QLAB_PART_BARS || v->parts[i].kind == QLAB_PART_BARS_HISTORY) {
            char *path = qlab_path_join(v->root, v->parts[i].path);
            qlab_buf_puts(&sql, n++ ? ","
                                    : "SELECT asset_ix, date, known_seq, provenance, close "
                                      "FROM read_parquet([");
            qlab_sql_quote(&sql, path);
            qlab_free(path);
        }
    qlab_buf_puts(&sql, "], hive_partitioning=false) ORDER BY asset_ix, date, known_seq");
    T_OK(qlab_conn_query(t_lake_conn(l), sql.at, TYPES, 5, &t, &err));
    qsort(l->rows, l->n_rows, sizeof *l->rows, t_bar_cmp);
    T_CHECK(t.n_rows == l->n_rows);
    for (size_t i = 0; i < t.n_rows; i++) {
        const t_bar *want = &l->rows[i];
        T_CHECK(t.cols[0].u32[i] == want->ix && t.cols[1].i32[i] == want->date);
        T_CHECK(t.cols[2].u32[i] == want->seq && t.cols[3].u8[i] == want->provenance);
        t_same_f64(&t.cols[4].f64[i], &want->v[3], 1);
    }
    qlab_table_free(&t);
    qlab_buf_free(&sql);
}

static void read_commit(const t_lake *l, uint32_t number, qlab_buf *out)
{
    qlab_err err = QLAB_ERR_INIT;
    char *path = qlab_asprintf("%s/lake/commits/%08u.json", l->root, (unsigned)number);
    T_OK(qlab_file_read(path, out, &err));
    qlab_free(path);
}

T_TEST(a_fold_changes_no_read)
{
    const int32_t asofs[2] = {FIRST_DAY + 2000, FIRST_DAY + 250};
    char before[N_STEPS + 1][2][QLAB_HEX_BYTES], now[QLAB_HEX_BYTES];
    qlab_err err = QLAB_ERR_INIT;
    qlab_compacted last = {0};
    qlab_lake_view *v = NULL;
    t_lake l;
    t_bar *rows = qlab_alloc((size_t)N_ASSETS * DAYS, sizeof *rows);
    t_lake_open(&l, N_ASSETS, 2);
    while (l.commit < N_STEPS - 1) {
        step(&l, rows, &last);
        for (int k = 0; k < 2; k++) {
            digest_at(&l, l.commit, asofs[k], before[l.commit][k]);
            if (folds(l.commit))
                T_STR(before[l.commit][k], before[l.commit - 1][k]);
        }
    }
    T_CHECK(folds(l.commit) && last.n_rows_visible > 0 && last.n_rows_history > 0);
    check_all_reads(&l);
    for (uint32_t commit = 1; commit <= l.commit; commit++)
        for (int k = 0; k < 2; k++) {
            digest_at(&l, commit, asofs[k], now);
            T_STR(now, before[commit][k]);
        }
    T_OK(qlab_lake_view_open(&l.env, QLAB_LAKE_LATEST, &v, &err));
    check_layout(v);
    check_history(&l, v);
    qlab_lake_view_close(v);

    qlab_compacted_free(&last); /* a second one finds nothing */
    fold(&l, 0, &last);
    T_CHECK(last.commit == 0 && last.n_groups == 0 && l.commit == N_STEPS - 1);
    qlab_compacted_free(&last);
    qlab_free(rows);
    t_lake_close(&l, false);
}

T_TEST(the_bytes_of_a_fold_know_no_threads)
{
    qlab_buf text[2] = {QLAB_BUF_INIT, QLAB_BUF_INIT};
    t_bar *rows = qlab_alloc((size_t)N_ASSETS * DAYS, sizeof *rows);
    for (size_t k = 0; k < 2; k++) {
        qlab_compacted last = {0};
        t_lake l;
        t_lake_open(&l, N_ASSETS, k + 1);
        while (l.commit < 4)
            step(&l, rows, &last);
        read_commit(&l, l.commit, &text[k]); /* it names every part, its hash and the parent's */
        qlab_compacted_free(&last);
        t_lake_close(&l, false);
    }
    T_CHECK(text[0].n == text[1].n);
    T_SAME_BITS(text[0].at, text[1].at, text[0].n);
    qlab_buf_free(&text[0]);
    qlab_buf_free(&text[1]);
    qlab_free(rows);
}

T_TEST(a_dry_run_counts_and_writes_nothing)
{
    qlab_compacted dry = {0}, real = {0};
    qlab_err err = QLAB_ERR_INIT;
    qlab_strays strays;
    t_lake l;
    t_bar *rows = qlab_alloc((size_t)N_ASSETS * DAYS, sizeof *rows);
    t_lake_open(&l, N_ASSETS, 1);
    while (l.commit < 3)
        step(&l, rows, &real);
    fold(&l, 100, &dry); /* no class and year has more */
    T_CHECK(dry.commit == 0 && dry.n_groups == 0);
    l.env.dry_run = true;
    fold(&l, 0, &dry);
    T_CHECK(dry.commit == 0 && dry.n_groups > 0 && dry.n_parts_written == 0);
    T_OK(qlab_lake_strays(&l.env, NULL, 0, &strays, &err));
    T_CHECK(strays.n == 0);
    l.env.dry_run = false;
    fold(&l, 0, &real);
    T_CHECK(real.commit == 4 && real.n_groups == dry.n_groups);
    T_CHECK(real.n_rows_visible == dry.n_rows_visible);
    T_CHECK(real.n_rows_history == dry.n_rows_history);
    T_CHECK(real.n_parts_folded == dry.n_parts_folded);
    T_CHECK(real.n_bytes_folded == dry.n_bytes_folded);
    T_CHECK(real.n_bytes_written > 0);
    qlab_compacted_free(&real);
    qlab_compacted_free(&dry);
    qlab_free(rows);
    t_lake_close(&l, false);
}

/* A class that is corrected sends an asset's later rows to another folder: its bars and their
 * revisions then lie in two classes, and still meet in a fold. */
T_TEST(an_asset_may_change_its_class)
{
    qlab_compacted done = {0};
    qlab_err err = QLAB_ERR_INIT;
    t_bar rows[80];
    t_lake l;
    size_t n = 0;
    t_lake_open(&l, 2, 1);
    for (uint32_t ix = 0; ix < 2; ix++)
        for (int32_t d = 0; d < 40; d++)
            rows[n++] = t_bar_make(ix, FIRST_DAY + d, 1, 1);
    t_lake_commit(&l, rows, n, true);
    l.assets[0].asset_class = QLAB_CLASS_ETF;
    qlab_part part;
    T_OK(qlab_lake_write_master(&l.env, t_lake_conn(&l), l.assets, 1, 2, &part, &err));
    const qlab_commit_draft draft = {
        .parent = 1, .kind = "test", .added = &part, .n_added = 1, .run_id = "test"};
    T_OK(qlab_lake_commit(&l.env, &draft, &l.commit, &err));
    qlab_free(part.path);
    n = 0;
    for (int32_t d = 30; d < 45; d++) {
        rows[n] = t_bar_make(0, FIRST_DAY + d, 3, 3);
        rows[n++].provenance = d < 33 ? QLAB_PROV_TOMBSTONE : QLAB_PROV_REVISED;
    }
    t_lake_commit(&l, rows, n, false);
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t commit = 1; commit <= l.commit; commit++)
            t_lake_check(&l, commit, 0, INT32_MIN, INT32_MAX);
        if (pass == 0)
            fold(&l, 0, &done);
    }
    T_CHECK(done.commit == 4 && done.n_rows_history == 13); /* 10 superseded, 3 tombstones */
    qlab_compacted_free(&done);
    t_lake_close(&l, false);
}

/* What is damaged must not be written again under a new hash. */
T_TEST(a_damaged_part_is_not_folded)
{
    qlab_compacted done = {0};
    qlab_err err = QLAB_ERR_INIT;
    qlab_lake_view *v = NULL;
    t_bar rows[80];
    t_lake l;
    size_t n = 0;
    t_lake_open(&l, 1, 1);
    for (int32_t d = 0; d < 40; d++)
        rows[n++] = t_bar_make(0, FIRST_DAY + d, 1, 1);
    t_lake_commit(&l, rows, n, true);
    rows[0] = t_bar_make(0, FIRST_DAY + 50, 2, 2);
    t_lake_commit(&l, rows, 1, false);
    T_OK(qlab_lake_view_open(&l.env, QLAB_LAKE_LATEST, &v, &err));
    v->parts[0].sha256[0] = v->parts[0].sha256[0] == '0' ? '1' : '0';
    T_FAILS(QLAB_E_CORRUPT, qlab_lake_compact(&l.env, v, 0, "test", &done, &err));
    T_CHECK(done.groups == NULL);
    qlab_lake_view_close(v);
    t_lake_close(&l, false);
}

/* Nor what the digests do not know: after a fold they must say of the bars what they said before.
 */
T_TEST(bars_that_differ_from_their_leaves_are_not_folded)
{
    const qlab_leaf wrong = {0, 2009, 40, {{1}}};
    qlab_compacted done = {0};
    qlab_err err = QLAB_ERR_INIT;
    qlab_lake_view *v = NULL;
    qlab_part part;
    t_bar rows[40];
    t_lake l;
    t_lake_open(&l, 1, 1);
    for (int32_t d = 0; d < 40; d++)
        rows[d] = t_bar_make(0, FIRST_DAY + d, 1, 1);
    t_lake_commit(&l, rows, 40, false);
    T_OK(qlab_lake_write_leaves(&l.env, t_lake_conn(&l), 0, &wrong, 1, 2, &part, &err));
    const qlab_commit_draft draft = {
        .parent = 1, .kind = "test", .added = &part, .n_added = 1, .run_id = "test"};
    T_OK(qlab_lake_commit(&l.env, &draft, &l.commit, &err));
    qlab_free(part.path);
    T_OK(qlab_lake_view_open(&l.env, QLAB_LAKE_LATEST, &v, &err));
    T_CHECK(qlab_lake_compact(&l.env, v, 0, "test", &done, &err) == QLAB_E_CORRUPT);
    T_STR(err.text, "leaf of US:99999.LONGER, 2009: it differs from the bars; see lake verify");
    qlab_lake_view_close(v);
    t_lake_close(&l, false);
}

T_MAIN(T_CASE(a_fold_changes_no_read), T_CASE(the_bytes_of_a_fold_know_no_threads),
       T_CASE(a_dry_run_counts_and_writes_nothing), T_CASE(an_asset_may_change_its_class),
       T_CASE(a_damaged_part_is_not_folded),
       T_CASE(bars_that_differ_from_their_leaves_are_not_folded))
