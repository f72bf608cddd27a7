/* Random commits (new bars, revisions, tombstones, revivals) against a slow model: every commit
 * stays readable as it was, and the digests do not know how the rows came. */
#include "support/lake.h"

enum { N_ASSETS = 700, FIRST_DAY = 13870 /* 2007-12-23 */, DAYS = 900 };

static size_t add(t_bar *rows, size_t n, t_bar bar)
{
    rows[n] = bar;
    return n + 1;
}

/* A first load: every third asset has bars on most days of its own stretch. */
static size_t first_load(t_bar *rows)
{
    size_t n = 0;
    for (uint32_t ix = 0; ix < N_ASSETS; ix += 3)
        for (int32_t d = (int32_t)(ix % 50); d < DAYS - 100 - (int32_t)(ix % 97);
             d += (int32_t)(1 + ix % 7))
            n = add(rows, n, t_bar_make(ix, FIRST_DAY + d, 1, 1));
    return n;
}

/* A delta: for some (asset, date) a new bar, another value, or a tombstone. */
static size_t delta(t_bar *rows, uint32_t seq)
{
    size_t n = 0;
    for (uint32_t ix = 0; ix < N_ASSETS; ix++) {
        if (qlab_rng_u64(seq, ix, 0) % 5 != 0)
            continue;
        for (int32_t d = 0; d < DAYS; d++) {
            const uint64_t r = qlab_rng_u64(seq, ix, 1 + (uint64_t)d);
            if (r % 40 != 0)
                continue;
            t_bar bar = t_bar_make(ix, FIRST_DAY + d, seq, seq);
            bar.provenance = r % 3 == 0 ? QLAB_PROV_TOMBSTONE : QLAB_PROV_REVISED;
            n = add(rows, n, bar);
        }
    }
    return n;
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

/* The model's visible rows of a commit, loaded at once into a fresh lake. */
static void rebuild(const t_lake *from, uint32_t commit, t_lake *to, size_t n_threads)
{
    size_t n = 0;
    t_lake_open(to, N_ASSETS, n_threads);
    t_bar *rows = t_visible(from, commit, 0, N_ASSETS, INT32_MIN, INT32_MAX, &n);
    for (size_t i = 0; i < n; i++) {
        rows[i].seq = 1;
        rows[i].provenance = 0; /* never hashed */
        rows[i].v[5] = 1.0;     /* the adjusted close neither */
    }
    t_lake_commit(to, rows, n, true);
    qlab_free(rows);
}

T_TEST(every_commit_reads_as_the_model_says)
{
    enum { N_COMMITS = 5 };
    t_lake l;
    t_bar *rows = qlab_alloc((size_t)N_ASSETS * DAYS, sizeof *rows);
    t_lake_open(&l, N_ASSETS, 2);
    t_lake_commit(&l, rows, first_load(rows), true);
    for (uint32_t seq = 2; seq <= N_COMMITS; seq++)
        t_lake_commit(&l, rows, delta(rows, seq), seq % 2 == 0);
    for (uint32_t commit = 1; commit <= N_COMMITS; commit++)
        for (uint32_t bucket = 0; bucket < 2; bucket++) {
            t_lake_check(&l, commit, bucket, INT32_MIN, INT32_MAX);
            t_lake_check(&l, commit, bucket, FIRST_DAY + 30, FIRST_DAY + 400);
            t_lake_check(&l, commit, bucket, FIRST_DAY + DAYS, INT32_MAX);
        }
    qlab_free(rows);
    t_lake_close(&l, false);
}

T_TEST(a_delta_and_a_rebuild_have_one_digest)
{
    t_lake l, fresh;
    t_bar *rows = qlab_alloc((size_t)N_ASSETS * DAYS, sizeof *rows);
    char a[QLAB_HEX_BYTES], b[QLAB_HEX_BYTES], other[QLAB_HEX_BYTES];
    t_lake_open(&l, N_ASSETS, 1);
    t_lake_commit(&l, rows, first_load(rows), true);
    t_lake_commit(&l, rows, delta(rows, 2), false);
    t_lake_commit(&l, rows, delta(rows, 3), true);
    for (uint32_t commit = 1; commit <= 3; commit++) {
        rebuild(&l, commit, &fresh, 2);
        /* all of it, the middle of a year, a year's last day, before the first bar */
        const int32_t asofs[] = {FIRST_DAY + 2000, FIRST_DAY + 500, qlab_date_make(2008, 12, 31),
                                 FIRST_DAY - 1};
        for (size_t k = 0; k < sizeof asofs / sizeof *asofs; k++) {
            digest_at(&l, commit, asofs[k], a);
            digest_at(&fresh, 1, asofs[k], b);
            T_STR(a, b);
        }
        digest_at(&l, commit, FIRST_DAY + 501, other);
        digest_at(&l, commit, FIRST_DAY + 500, a);
        T_CHECK(strcmp(a, other) != 0);
        t_lake_close(&fresh, false);
    }
    qlab_free(rows);
    t_lake_close(&l, false);
}

T_TEST(verify_finds_nothing_wrong_with_what_was_written)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    size_t n = 0;
    t_bar *rows = qlab_alloc((size_t)N_ASSETS * DAYS, sizeof *rows);
    t_lake_open(&l, N_ASSETS, 2);
    t_lake_commit(&l, rows, first_load(rows), true);
    t_lake_commit(&l, rows, delta(rows, 2), false);
    T_OK(qlab_lake_verify(&l.env, QLAB_LAKE_LATEST, NULL, NULL, &n, &err)); /* nothing to say */
    T_CHECK(n == 0);
    qlab_free(rows);
    t_lake_close(&l, false);
}

T_MAIN(T_CASE(every_commit_reads_as_the_model_says), T_CASE(a_delta_and_a_rebuild_have_one_digest),
       T_CASE(verify_finds_nothing_wrong_with_what_was_written))
