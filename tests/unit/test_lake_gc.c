/* What gc removes, what it leaves, and what it refuses. */
#include "support/lake.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

enum { DAY = 16000 /* 2013-10-22 */ };
#define NAME "0123456789abcdef.parquet"

static void put_file(const t_lake *l, const char *folder, const char *name, long age_seconds)
{
    qlab_err err = QLAB_ERR_INIT;
    char *dir = qlab_path_join(l->root, folder), *path = qlab_path_join(dir, name);
    const struct timespec at = {time(NULL) - age_seconds, 0};
    T_OK(qlab_dir_make(dir, &err));
    FILE *f = fopen(path, "w");
    T_CHECK(f != NULL && fputs("x", f) >= 0 && fclose(f) == 0);
    T_CHECK(utimensat(AT_FDCWD, path, (const struct timespec[]){at, at}, 0) == 0);
    qlab_free(path);
    qlab_free(dir);
}

static bool has(const t_lake *l, const char *path)
{
    char *whole = qlab_path_join(l->root, path);
    const bool there = qlab_file_exists(whole);
    qlab_free(whole);
    return there;
}

/* Three commits: a load, a revision, a compaction of both. */
static void make_lake(t_lake *l)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_lake_view *v = NULL;
    qlab_compacted done;
    t_bar rows[40];
    t_lake_open(l, 1, 1);
    for (int32_t d = 0; d < 40; d++)
        rows[d] = t_bar_make(0, DAY + d, 1, 1);
    t_lake_commit(l, rows, 40, true);
    rows[0] = t_bar_make(0, DAY + 3, 2, 2);
    t_lake_commit(l, rows, 1, false);
    T_OK(qlab_lake_view_open(&l->env, QLAB_LAKE_LATEST, &v, &err));
    T_OK(qlab_lake_compact(&l->env, v, 0, "test", &done, &err));
    l->commit = done.commit;
    qlab_compacted_free(&done);
    qlab_lake_view_close(v);
}

T_TEST(what_nothing_names_goes)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_gc_done done;
    qlab_strays strays;
    t_lake l;
    make_lake(&l);
    T_OK(qlab_lake_strays(&l.env, NULL, 0, &strays, &err));
    T_CHECK(strays.n == 0); /* old commits still name the folded parts */
    put_file(&l, "lake/bars/asset_class=etf/year=2001/bucket=all", NAME, 60);
    put_file(&l, "lake/master", ".tmp-" NAME "-1", 60);
    put_file(&l, "lake/master", "notes.txt", 60);
    put_file(&l, "lake/actions", NAME, -3600);  /* newer than the lock will be */
    put_file(&l, "lake/lives", NAME, 60);       /* of an unfinished job */
    put_file(&l, "lake/commits", "x.json", 60); /* not a commit */
    char *record = qlab_path_join(l.root, "jobs/0011223344556677/unit.json");
    char *dir = qlab_path_join(l.root, "jobs/0011223344556677");
    static const char RECORD[] = "{\"result\": {\"parts\": [{\"path\": \"lake/lives/" NAME "\"}]}}";
    T_OK(qlab_dir_make(dir, &err));
    T_OK(qlab_file_write(record, RECORD, sizeof RECORD - 1, &err));

    T_OK(qlab_lake_strays(&l.env, NULL, 0, &strays, &err));
    T_CHECK(strays.n == 5);
    T_STR(strays.at[0].path, "lake/actions/" NAME);
    T_CHECK(strays.at[1].what == QLAB_STRAY_PART && strays.at[1].n_bytes == 1);
    T_CHECK(strays.at[2].what == QLAB_STRAY_FOREIGN && strays.at[3].what == QLAB_STRAY_TMP);
    T_STR(strays.at[4].path, "lake/master/notes.txt");
    qlab_strays_free(&strays);

    T_OK(qlab_lake_gc(&l.env, 0, NULL, 0, &done, &err));
    T_CHECK(done.n_removed == 2 && done.bytes_removed == 2 && done.n_too_new == 1);
    T_CHECK(done.oldest == 0 && done.files.n == 5);
    T_CHECK(!has(&l, "lake/bars/asset_class=etf") && has(&l, "lake/bars"));
    T_CHECK(!has(&l, "lake/master/.tmp-" NAME "-1") && has(&l, "lake/master/notes.txt"));
    T_CHECK(has(&l, "lake/actions/" NAME) && has(&l, "lake/lives/" NAME));
    T_CHECK(has(&l, "lake/commits/x.json") && !has(&l, "lake/.lock"));
    qlab_gc_done_free(&done);
    for (uint32_t commit = 1; commit <= 3; commit++)
        t_lake_check(&l, commit, 0, INT32_MIN, INT32_MAX);
    qlab_free(record);
    qlab_free(dir);
    t_lake_close(&l, false);
}

T_TEST(old_commits_go_when_asked)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_gc_done done;
    qlab_lake_view *v = NULL;
    size_t n = 0;
    t_lake l;
    make_lake(&l);
    T_OK(qlab_lake_gc(&l.env, 3, NULL, 0, &done, &err)); /* there are three */
    T_CHECK(done.oldest == 0 && done.n_removed == 0);
    qlab_gc_done_free(&done);

    l.env.dry_run = true;
    T_OK(qlab_lake_gc(&l.env, 1, NULL, 0, &done, &err));
    T_CHECK(done.oldest == 3 && done.n_removed == 4 && done.files.at[0].removed);
    qlab_gc_done_free(&done);
    l.env.dry_run = false;
    T_CHECK(!has(&l, "lake/kept.json"));
    t_lake_check(&l, 1, 0, INT32_MIN, INT32_MAX);

    T_OK(qlab_lake_gc(&l.env, 1, NULL, 0, &done, &err));
    T_CHECK(done.oldest == 3 && done.n_removed == 4); /* bars and digests of two commits */
    qlab_gc_done_free(&done);
    t_lake_check(&l, 3, 0, INT32_MIN, INT32_MAX);
    T_OK(qlab_lake_verify(&l.env, 3, NULL, NULL, &n, &err));
    T_CHECK(n == 0);
    qlab_code rc = qlab_lake_view_open(&l.env, 2, &v, &err);
    T_CHECK(rc == QLAB_E_NOT_FOUND);
    T_STR(err.text, "commit 2 can no longer be read: `lake gc` kept those from 3 on");
    qlab_err_reset(&err);
    t_bar more = t_bar_make(0, DAY + 50, 4, 4); /* and the lake goes on */
    t_lake_commit(&l, &more, 1, false);
    t_lake_check(&l, 4, 0, INT32_MIN, INT32_MAX);
    t_lake_close(&l, false);
}

T_TEST(what_a_snapshot_names_stays)
{
    const qlab_lake_pin pins[] = {{2, "snapshot a"}, {3, "snapshot b"}};
    qlab_err err = QLAB_ERR_INIT;
    qlab_gc_done done;
    t_lake l;
    make_lake(&l);
    const qlab_code rc = qlab_lake_gc(&l.env, 1, pins, 2, &done, &err);
    T_CHECK(rc == QLAB_E_USAGE && !has(&l, "lake/kept.json"));
    T_STR(err.text, "--keep 1 would drop what snapshots name: commit 2 (snapshot a); "
                    "nothing was removed");
    qlab_err_reset(&err);
    T_OK(qlab_lake_gc(&l.env, 2, pins, 2, &done, &err));
    T_CHECK(done.oldest == 2 && done.n_removed == 0); /* commit 2 names all that commit 1 does */
    qlab_gc_done_free(&done);
    t_lake_check(&l, 2, 0, INT32_MIN, INT32_MAX);
    t_lake_check(&l, 1, 0, INT32_MIN, INT32_MAX); /* still whole: a snapshot of it may come */
    const qlab_lake_pin late = {1, "snapshot c"};
    T_OK(qlab_lake_gc(&l.env, 1, &late, 1, &done, &err));
    T_CHECK(done.oldest == 3 && done.n_removed == 2);
    qlab_gc_done_free(&done);
    t_lake_check(&l, 1, 0, INT32_MIN, INT32_MAX);
    t_lake_close(&l, false);
}

T_TEST(a_broken_commit_stops_it)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_gc_done done;
    t_lake l;
    make_lake(&l);
    put_file(&l, "lake/actions", NAME, 60);
    char *path = qlab_path_join(l.root, "lake/commits/00000002.json");
    T_OK(qlab_file_write(path, "{}", 2, &err));
    T_CHECK(qlab_lake_gc(&l.env, 0, NULL, 0, &done, &err) == QLAB_E_CORRUPT);
    T_CHECK(has(&l, "lake/actions/" NAME) && !has(&l, "lake/.lock"));
    qlab_free(path);
    t_lake_close(&l, false);
}

T_MAIN(T_CASE(what_nothing_names_goes), T_CASE(old_commits_go_when_asked),
       T_CASE(what_a_snapshot_names_stays), T_CASE(a_broken_commit_stops_it))
