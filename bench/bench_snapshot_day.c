/* bench/bench_snapshot_day.c -- a snapshot the day after: from what the last one left, against one
 * from the whole history.  One new bar an asset, five days.
 * usage: bench_snapshot_day FOLDER [ASSETS [SESSIONS [THREADS]]] */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/rng.h"
#include "snapshot/snapshot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAYS = 5 };

static void must(qlab_code rc, const qlab_err *err)
{
    if (rc == QLAB_OK)
        return;
    fprintf(stderr, "bench_snapshot_day: %s\n", err->text);
    exit(qlab_exit_code(rc));
}

/* Weekdays that end in the middle of a year, whatever their number. */
static int32_t day_of(size_t i, size_t n_sessions)
{
    const int32_t monday = qlab_date_make(2017, 7, 3);
    const int64_t back = (int64_t)n_sessions - (int64_t)i;
    const int64_t weeks = (back + 4) / 5;
    return monday - (int32_t)(7 * weeks) + (int32_t)((weeks * 5 - back) % 5);
}

/* Sessions [from, to) of assets [base, base + n): a value of its arguments alone. */
static void make_bars(qlab_bars *b, size_t base, size_t n, size_t from, size_t to,
                      size_t n_sessions)
{
    const size_t each = to - from;
    qlab_bars_make(b, n, n * each, QLAB_BARS_ADJUSTED);
    for (size_t a = 0; a < n; a++) {
        b->asset_ix[a] = (uint32_t)(base + a);
        b->first[a + 1] = (a + 1) * each;
        for (size_t i = 0; i < each; i++) {
            const size_t row = a * each + i;
            const double u = qlab_rng_uniform(1, base + a, 2 * (from + i));
            const double close =
                floor((20.0 + (double)((base + a) % 300)) * (97.0 + 6.0 * u)) / 100.0;
            b->date[row] = day_of(from + i, n_sessions);
            b->open[row] = b->close[row] = b->adjusted_close[row] = close;
            b->high[row] = floor(close * 101.0 + 1.0) / 100.0;
            b->low[row] = floor(close * 99.0) / 100.0;
            b->volume[row] = floor(1e6 * qlab_rng_uniform(1, base + a, 2 * (from + i) + 1));
        }
    }
    b->n_rows = n * each;
}

typedef struct parts {
    qlab_part *at;
    size_t n, cap;
} parts;

typedef struct market {
    qlab_env env;
    qlab_conn *conn;
    qlab_asset *assets;
    size_t n_assets, n_sessions;
    uint32_t commit;
} market;

static void commit(market *m, const parts *p)
{
    qlab_err err = QLAB_ERR_INIT;
    const qlab_commit_draft draft = {
        .parent = m->commit, .kind = "bench", .added = p->at, .n_added = p->n, .run_id = "bench"};
    must(qlab_lake_commit(&m->env, &draft, &m->commit, &err), &err);
    qlab_parts_free(p->at, p->n);
}

static qlab_part *new_part(parts *p)
{
    qlab_grow((void **)&p->at, &p->cap, p->n + 1, sizeof *p->at);
    return &p->at[p->n++];
}

static size_t bucket_assets(const market *m, size_t base)
{
    const size_t left = m->n_assets - base;
    return left < QLAB_LAKE_BUCKET_ASSETS ? left : QLAB_LAKE_BUCKET_ASSETS;
}

static void write_history(market *m)
{
    qlab_err err = QLAB_ERR_INIT;
    parts p = {NULL, 0, 0};
    for (size_t base = 0; base < m->n_assets; base += QLAB_LAKE_BUCKET_ASSETS) {
        const uint32_t bucket = (uint32_t)(base / QLAB_LAKE_BUCKET_ASSETS);
        qlab_bars b;
        qlab_leaf *leaves = NULL;
        size_t n_leaves = 0;
        make_bars(&b, base, bucket_assets(m, base), 0, m->n_sessions, m->n_sessions);
        must(qlab_lake_write_bars(&m->env, m->conn, bucket, &b, m->assets + base, 1, &p.at, &p.n,
                                  &p.cap, &err),
             &err);
        qlab_lake_leaves_of(&b, qlab_lake_months_from(&b), &leaves, &n_leaves);
        must(qlab_lake_write_leaves(&m->env, m->conn, bucket, leaves, n_leaves, 1, new_part(&p),
                                    &err),
             &err);
        qlab_free(leaves);
        qlab_bars_free(&b);
    }
    must(qlab_lake_write_master(&m->env, m->conn, m->assets, m->n_assets, 1, new_part(&p), &err),
         &err);
    commit(m, &p);
}

/* One bar an asset, as one part, with the leaves of the year and the month that it lies in. */
static void write_day(market *m, size_t day)
{
    qlab_err err = QLAB_ERR_INIT;
    parts p = {NULL, 0, 0};
    qlab_leaf *kept = NULL;
    size_t n_kept = 0, cap = 0, year_from = day;
    const int32_t date = day_of(day, m->n_sessions), year = qlab_date_year(date);
    while (year_from > 0 && qlab_date_year(day_of(year_from - 1, m->n_sessions)) == year)
        year_from--;
    int y, month, d;
    qlab_date_split(date, &y, &month, &d);
    for (size_t base = 0; base < m->n_assets; base += QLAB_LAKE_BUCKET_ASSETS) {
        qlab_bars b;
        qlab_leaf *leaves = NULL;
        size_t n = 0;
        make_bars(&b, base, bucket_assets(m, base), year_from, day + 1, m->n_sessions);
        qlab_lake_leaves_of(&b, year, &leaves, &n);
        for (size_t i = 0; i < n; i++)
            if (leaves[i].period == year || leaves[i].period == 100 * year + month) {
                qlab_grow((void **)&kept, &cap, n_kept + 1, sizeof *kept);
                kept[n_kept++] = leaves[i];
            }
        qlab_free(leaves);
        qlab_bars_free(&b);
    }
    qlab_bars b;
    make_bars(&b, 0, m->n_assets, day, day + 1, m->n_sessions);
    must(qlab_lake_write_bars(&m->env, m->conn, QLAB_LAKE_ALL_BUCKETS, &b, m->assets, m->commit + 1,
                              &p.at, &p.n, &p.cap, &err),
         &err);
    must(qlab_lake_write_leaves(&m->env, m->conn, QLAB_LAKE_ALL_BUCKETS, kept, n_kept,
                                m->commit + 1, new_part(&p), &err),
         &err);
    qlab_free(kept);
    qlab_bars_free(&b);
    commit(m, &p);
}

/* Seconds of one build; *read: rows of bars. */
static double build(market *m, bool full, uint64_t *read)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_snapshot_options o = qlab_snapshot_options_default();
    qlab_snapshot_made made;
    o.full = full;
    const double begin = qlab_monotonic_seconds();
    must(qlab_snapshot_build(&m->env, &o, &made, &err), &err);
    const double seconds = qlab_monotonic_seconds() - begin;
    *read = made.n_bars_read;
    qlab_snapshot_made_free(&made);
    return seconds;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_log log = {QLAB_LOG_WARN, 2};
    market m = {.n_assets = argc > 2 ? strtoull(argv[2], NULL, 10) : 5000,
                .n_sessions = argc > 3 ? strtoull(argv[3], NULL, 10) : 1000};
    if (argc < 2 || m.n_assets == 0 || m.n_sessions < 300)
        return fprintf(stderr, "usage: %s FOLDER [ASSETS [SESSIONS >= 300 [THREADS]]]\n", argv[0]),
               2;
    const size_t n_threads = argc > 4 ? strtoull(argv[4], NULL, 10) : 2;
    m.env = (qlab_env){.root = argv[1], .log = &log, .quiet = true};
    m.env.memory_limit_bytes = (size_t)4 << 30;
    m.env.pool = qlab_pool_new(n_threads);
    must(qlab_duck_open(qlab_env_duck_bytes(&m.env), NULL, n_threads, &m.env.duck, &err), &err);
    must(qlab_duck_conn(m.env.duck, 0, &m.conn, &err), &err);
    char(*ids)[32] = qlab_alloc(m.n_assets, sizeof *ids);
    m.assets = qlab_alloc(m.n_assets, sizeof *m.assets);
    for (size_t i = 0; i < m.n_assets; i++) {
        snprintf(ids[i], sizeof *ids, "US:A%05zu", i);
        m.assets[i] = (qlab_asset){.asset_id = ids[i],
                                   .asset_ix = (uint32_t)i,
                                   .symbol = ids[i] + 3,
                                   .exchange = "US",
                                   .currency = "USD",
                                   .extra = "{}"};
    }
    double day[DAYS], full[DAYS];
    uint64_t read_first = 0, read_day = 0, read_full = 0;
    write_history(&m);
    const double first = build(&m, false, &read_first);
    for (size_t i = 0; i < DAYS; i++) {
        write_day(&m, m.n_sessions + i);
        day[i] = build(&m, false, &read_day);
        full[i] = build(&m, true, &read_full);
    }
    qsort(day, DAYS, sizeof *day, compare);
    qsort(full, DAYS, sizeof *full, compare);
    printf("%zu assets x %zu sessions = %.1f million bars, %zu threads\n", m.n_assets, m.n_sessions,
           (double)(m.n_assets * m.n_sessions) * 1e-6, n_threads);
    printf("  first build    %8.3f s  %10llu rows read\n", first, (unsigned long long)read_first);
    printf("  a day later    %8.3f s  %10llu rows read (median of %d)\n", day[DAYS / 2],
           (unsigned long long)read_day, DAYS);
    printf("  from the whole %8.3f s  %10llu rows read (and compared)\n", full[DAYS / 2],
           (unsigned long long)read_full);
    printf("  ratio          %8.1f\n", full[DAYS / 2] / day[DAYS / 2]);
    qlab_duck_close(m.env.duck);
    qlab_pool_free(m.env.pool);
    qlab_free(m.assets);
    qlab_free(ids);
    return 0;
}
