/* A snapshot built on what an earlier one left has the bytes of one built from the whole history,
 * whatever changed between them, and reads what changed. */
#include "base/file.h"
#include "support/market.h"
#include "truth/action.h"

enum { N_ASSETS = 45, N_DAYS = 900, N_BEFORE = 740 };

typedef struct world {
    t_lake lake;
    qlab_snapshot_options o;
    uint64_t n_read; /* of the last build */
    size_t day;      /* bars are there up to this one */
    char *file;      /* overrides or lives */
} world;

static void make(world *w, bool full, char **id)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_snapshot_made made;
    w->o.full = full;
    T_OK(qlab_snapshot_build(&w->lake.env, &w->o, &made, &err));
    if (!full)
        w->n_read = made.n_bars_read;
    T_CHECK(made.existed || !full); /* the full one finds it */
    *id = qlab_strdup(made.id);
    qlab_snapshot_made_free(&made);
}

/* Builds on what stands, then from everything: the second must name the same and find its bytes. */
static void build(world *w)
{
    char *some = NULL, *all = NULL;
    make(w, false, &some);
    make(w, true, &all);
    T_STR(some, all);
    qlab_free(some);
    qlab_free(all);
}

static void open_world(world *w, size_t n_threads)
{
    *w = (world){.o = qlab_snapshot_options_default(), .day = N_BEFORE};
    w->o.min_eligible = 5;
    t_market_open(&w->lake, t_tmpdir(), N_ASSETS, N_DAYS, N_BEFORE, n_threads);
    build(w);
    T_CHECK(w->n_read > N_ASSETS * 900);
}

static void close_world(world *w)
{
    qlab_free(w->file);
    t_lake_close(&w->lake, false);
}

static void add_days(world *w, size_t n)
{
    size_t n_rows;
    t_bar *rows = t_market_bars(N_ASSETS, N_DAYS, w->day, w->day + n, w->lake.commit + 1, &n_rows);
    t_lake_commit(&w->lake, rows, n_rows, false);
    w->day += n;
    qlab_free(rows);
}

static void change(world *w, uint32_t ix, size_t day, double close, uint8_t provenance)
{
    t_bar b = t_market_bar(ix, day, close, w->lake.commit + 1);
    b.provenance = provenance;
    if (!(provenance & QLAB_PROV_TOMBSTONE))
        b.v[3] = close;
    t_lake_commit(&w->lake, &b, 1, false);
}

static void act(world *w, uint32_t ix, size_t day, uint8_t type, uint8_t source, double value)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake *l = &w->lake;
    qlab_action a = {.asset_ix = ix,
                     .ex_date = t_market_day(day),
                     .type = type,
                     .source = source,
                     .r = type == QLAB_ACTION_SPLIT ? value : (double)NAN,
                     .d = type == QLAB_ACTION_DIVIDEND_CASH ? value : (double)NAN,
                     .c = source == QLAB_SOURCE_DERIVED ? value : (double)NAN,
                     .c_low = source == QLAB_SOURCE_DERIVED ? value - 0.05 : (double)NAN,
                     .c_high = source == QLAB_SOURCE_DERIVED ? value + 0.05 : (double)NAN,
                     .currency = "USD",
                     .source_id = "u:1"};
    qlab_part part;
    T_OK(qlab_actions_write(&l->env, t_lake_conn(l), -1, &a, 1, t_market_id, l, l->commit + 1,
                            &part, &err));
    const qlab_commit_draft draft = {
        .parent = l->commit, .kind = "actions", .added = &part, .n_added = 1, .run_id = "test"};
    T_OK(qlab_lake_commit(&l->env, &draft, &l->commit, &err));
    qlab_free(part.path);
}

static void delist(world *w, uint32_t ix, size_t day)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake *l = &w->lake;
    qlab_delisting d = {.asset_ix = ix,
                        .delist_date = t_market_day(day),
                        .code = QLAB_DELIST_BANKRUPTCY,
                        .delist_return = -0.5,
                        .source = "t",
                        .source_code = "574"};
    qlab_part part;
    qlab_lake_view *v = NULL;
    T_OK(qlab_lake_view_open(&l->env, QLAB_LAKE_LATEST, &v, &err));
    T_OK(qlab_delistings_write(&l->env, t_lake_conn(l), &d, 1, v, l->commit + 1, &part, &err));
    qlab_lake_view_close(v);
    const qlab_commit_draft draft = {
        .parent = l->commit, .kind = "delistings", .added = &part, .n_added = 1, .run_id = "test"};
    T_OK(qlab_lake_commit(&l->env, &draft, &l->commit, &err));
    qlab_free(part.path);
}

static void write_file(world *w, const char *text)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_free(w->file);
    w->file = qlab_path_join(w->lake.root, "given.csv");
    T_OK(qlab_file_write(w->file, text, strlen(text), &err));
}

T_TEST(new_days_read_the_year_of_the_as_of)
{
    world w;
    open_world(&w, 2);
    const uint64_t all = w.n_read;
    for (int i = 0; i < 3; i++) {
        add_days(&w, 1);
        build(&w);
        T_CHECK(w.n_read < all / 2); /* no bar of the three years before is read */
    }
    add_days(&w, 30);
    build(&w);
    T_CHECK(w.n_read < all / 2);
    close_world(&w);
}

T_TEST(a_new_year_and_an_old_as_of)
{
    world w;
    open_world(&w, 1);
    add_days(&w, 60); /* 2015: another border */
    build(&w);
    T_CHECK(w.n_read > N_ASSETS * 500);
    add_days(&w, 1);
    build(&w);
    T_CHECK(w.n_read < N_ASSETS * 150);
    const size_t days[] = {600, 640, 520, 500};
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        w.o.asof = t_market_day(days[i]);
        build(&w);
    }
    close_world(&w);
}

T_TEST(changes_of_the_past_redo_their_assets_alone)
{
    world w;
    open_world(&w, 2);
    add_days(&w, 1);
    build(&w);
    const uint64_t a_day = w.n_read;
    change(&w, 0, 700, 31.25, QLAB_PROV_REVISED);
    build(&w);
    T_CHECK(w.n_read <= a_day + 20); /* in the as-of's year: nothing more */
    change(&w, 5, 100, 99.0, QLAB_PROV_REVISED);
    build(&w);
    /* the bars of one asset, and the dates of its bucket's year */
    T_CHECK(w.n_read > a_day + 500 && w.n_read < a_day + 900 + 262 * N_ASSETS);
    change(&w, 6, 300, 0, QLAB_PROV_TOMBSTONE);
    build(&w);
    change(&w, 8, 737, 0, QLAB_PROV_TOMBSTONE);
    build(&w);
    change(&w, 2, 399, 1000.0, QLAB_PROV_REVISED); /* a jump, next to a split */
    build(&w);
    change(&w, 12, 350, 44.0, QLAB_PROV_LATE); /* inside its pause of a year and more: lives */
    build(&w);
    change(&w, 12, 350, 0, QLAB_PROV_TOMBSTONE);
    build(&w);
    close_world(&w);
}

T_TEST(actions_and_delistings_reach_back)
{
    world w;
    open_world(&w, 2);
    act(&w, 3, 400, QLAB_ACTION_SPLIT, QLAB_SOURCE_FEED, 3.0);
    build(&w);
    act(&w, 4, 739, QLAB_ACTION_DIVIDEND_CASH, QLAB_SOURCE_FEED, 0.3);
    build(&w);
    /* 2014-12-31 and 2015-01-01 are days 782 and 783: a derived action before the border, and a
     * feed's of the same event after it that takes its place */
    add_days(&w, 50);
    build(&w);
    act(&w, 9, 782, QLAB_ACTION_DIVIDEND_CASH, QLAB_SOURCE_DERIVED, 0.99);
    build(&w);
    act(&w, 9, 784, QLAB_ACTION_DIVIDEND_CASH, QLAB_SOURCE_FEED, 0.25);
    build(&w);
    act(&w, 1, 795, QLAB_ACTION_SPLIT, QLAB_SOURCE_FEED, 2.0); /* ahead of the bars */
    build(&w);
    add_days(&w, 10);
    build(&w);
    delist(&w, 7, 500);
    build(&w);
    delist(&w, 11, 795);
    build(&w);
    delist(&w, 20, 400); /* ended before */
    build(&w);
    close_world(&w);
}

T_TEST(calendars_lives_and_rules)
{
    world w;
    open_world(&w, 2);
    write_file(&w, "exchange,date,is_session\nUS,2013-03-05,0\n");
    w.o.overrides = w.file;
    build(&w); /* every asset of the exchange again */
    add_days(&w, 1);
    build(&w);
    T_CHECK(w.n_read < N_ASSETS * 540);
    write_file(&w, "exchange,date,is_session\nUS,2013-03-05,0\nUS,2014-10-24,0\n");
    w.o.overrides = w.file;
    build(&w); /* after the border: no asset is done again */
    T_CHECK(w.n_read < N_ASSETS * 540);
    w.o.overrides = NULL;
    build(&w);
    qlab_buf lives = QLAB_BUF_INIT;
    qlab_buf_putf(&lives, "asset_id,life_no,first_date\n%s,1,2012-01-02\n%s,2,2013-06-03\n",
                  w.lake.ids[1], w.lake.ids[1]);
    write_file(&w, lives.at);
    qlab_buf_free(&lives);
    w.o.lives = w.file;
    build(&w);
    add_days(&w, 1);
    build(&w);
    w.o.rule.min_close = 25.0;
    build(&w);
    w.o.rule.adv_bars = 3;
    build(&w);
    add_days(&w, 1);
    build(&w);
    close_world(&w);
}

/* Cut, grown and filled with another byte: a build reads everything and says nothing else. */
T_TEST(a_damaged_state_is_built_again)
{
    world w;
    open_world(&w, 1);
    qlab_err err = QLAB_ERR_INIT;
    char *folder = qlab_path_join(w.lake.root, "snapshots/state"), **dirs, **names;
    size_t n_dirs, n;
    T_OK(qlab_dir_list(folder, &dirs, &n_dirs, &err));
    T_CHECK(n_dirs == 1);
    char *dir = qlab_path_join(folder, dirs[0]);
    T_OK(qlab_dir_list(dir, &names, &n, &err));
    T_CHECK(n == 2); /* 2014-00000.state, days-00000.state */
    for (int how = 0; how < 3; how++) {
        for (size_t i = 0; i < n; i++) {
            char *path = qlab_path_join(dir, names[i]);
            qlab_buf b = QLAB_BUF_INIT;
            T_OK(qlab_file_read(path, &b, &err));
            if (how == 2)
                b.at[b.n / 2] ^= 1;
            T_OK(qlab_file_write(path, b.at, how == 0 ? b.n / 2 : b.n, &err));
            if (how == 1)
                T_OK(qlab_file_write(path, "", 0, &err));
            qlab_buf_free(&b);
            qlab_free(path);
        }
        add_days(&w, 1);
        build(&w);
        T_CHECK(w.n_read > N_ASSETS * 900);
    }
    add_days(&w, 1);
    build(&w);
    T_CHECK(w.n_read < N_ASSETS * 540);
    qlab_dir_list_free(names, n);
    qlab_dir_list_free(dirs, n_dirs);
    qlab_free(dir);
    qlab_free(folder);
    close_world(&w);
}

T_MAIN(T_CASE(new_days_read_the_year_of_the_as_of), T_CASE(a_new_year_and_an_old_as_of),
       T_CASE(changes_of_the_past_redo_their_assets_alone),
       T_CASE(actions_and_delistings_reach_back), T_CASE(calendars_lives_and_rules),
       T_CASE(a_damaged_state_is_built_again))
