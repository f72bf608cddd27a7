/* Files: whole or not at all, one winner, temporaries unseen and swept. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/pool.h"
#include "support/t.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

T_TEST(paths)
{
    char *p = qlab_path_join("a", "b");
    T_STR(p, "a/b");
    qlab_free(p);
    p = qlab_path_join("a/", "b");
    T_STR(p, "a/b");
    qlab_free(p);
    p = qlab_path_join("", "b");
    T_STR(p, "b");
    qlab_free(p);
    p = qlab_path_join("a", "/b");
    T_STR(p, "/b");
    qlab_free(p);
    T_STR(qlab_path_base("a/b/c.x"), "c.x");
    T_STR(qlab_path_base("c.x"), "c.x");
    p = qlab_file_tmp_name("a/b.json");
    T_CHECK(strncmp(p, "a/.tmp-b.json-", 14) == 0);
    qlab_free(p);
}

T_TEST(write_and_read)
{
    qlab_err err = QLAB_ERR_INIT;
    char *dir = t_tmpdir();
    char *path = qlab_path_join(dir, "x");
    qlab_buf b = QLAB_BUF_INIT;
    T_OK(qlab_file_write(path, "one", 3, &err));
    T_OK(qlab_file_write(path, "three", 5, &err));
    T_OK(qlab_file_read(path, &b, &err));
    T_STR(b.at, "three");
    T_OK(qlab_file_read(path, &b, &err)); /* appends */
    T_STR(b.at, "threethree");
    T_FAILS(QLAB_E_EXISTS, qlab_file_write_new(path, "n", 1, &err));
    qlab_file_info info;
    T_OK(qlab_file_stat(path, &info, &err));
    T_CHECK(info.n_bytes == 5 && !info.is_dir && info.mtime_ns > 0 && info.inode != 0);
    T_OK(qlab_file_stat(dir, &info, &err));
    T_CHECK(info.is_dir);
    assert_int_equal(qlab_file_read(dir, &b, &err), QLAB_E_IO);
    qlab_err_reset(&err);
    T_OK(qlab_file_remove(path, &err));
    T_OK(qlab_file_remove(path, &err));
    T_FAILS(QLAB_E_NOT_FOUND, qlab_file_read(path, &b, &err));
    T_FAILS(QLAB_E_NOT_FOUND, qlab_file_stat(path, &info, &err));
    char **names;
    size_t n;
    T_OK(qlab_dir_list(dir, &names, &n, &err));
    T_CHECK(n == 0); /* no temporary stays behind */
    qlab_dir_list_free(names, n);
    T_OK(qlab_file_write(path, NULL, 0, &err));
    T_OK(qlab_file_stat(path, &info, &err));
    T_CHECK(info.n_bytes == 0);
    qlab_buf_free(&b);
    qlab_free(path);
    t_rmdir(dir);
}

T_TEST(folders)
{
    qlab_err err = QLAB_ERR_INIT;
    char *dir = t_tmpdir();
    char *deep = qlab_path_join(dir, "a/b/c"), *file = qlab_path_join(dir, "a/f");
    T_OK(qlab_dir_make(deep, &err));
    T_OK(qlab_dir_make(deep, &err));
    T_CHECK(qlab_file_exists(deep));
    T_OK(qlab_file_write(file, "x", 1, &err));
    char *below = qlab_path_join(file, "x");
    T_FAILS(QLAB_E_IO, qlab_dir_make(below, &err));
    T_FAILS(QLAB_E_IO, qlab_dir_make(file, &err));
    qlab_free(below);

    static const char *const names[] = {"b", "B", "a10", "a9", ".hidden"};
    for (size_t i = 0; i < 5; i++) {
        char *p = qlab_path_join(deep, names[i]);
        T_OK(qlab_file_write(p, "x", 1, &err));
        qlab_free(p);
    }
    char **list;
    size_t n;
    T_OK(qlab_dir_list(deep, &list, &n, &err));
    T_CHECK(n == 5);
    static const char *const sorted[] = {".hidden", "B", "a10", "a9", "b"};
    for (size_t i = 0; i < n; i++)
        T_STR(list[i], sorted[i]);
    qlab_dir_list_free(list, n);

    /* A link out of the tree goes, what it points to stays. */
    char *outside = t_tmpdir(), *kept = qlab_path_join(outside, "kept");
    char *link_path = qlab_path_join(deep, "link");
    T_OK(qlab_file_write(kept, "x", 1, &err));
    T_CHECK(symlink(outside, link_path) == 0);
    char *a = qlab_path_join(dir, "a");
    T_OK(qlab_dir_remove_tree(a, &err));
    T_CHECK(!qlab_file_exists(a) && qlab_file_exists(kept));
    T_OK(qlab_dir_remove_tree(a, &err)); /* missing is fine */
    T_FAILS(QLAB_E_NOT_FOUND, qlab_dir_list(a, &list, &n, &err));
    qlab_free(a);
    qlab_free(link_path);
    qlab_free(kept);
    t_rmdir(outside);
    qlab_free(file);
    qlab_free(deep);
    t_rmdir(dir);
}

T_TEST(temporaries)
{
    qlab_err err = QLAB_ERR_INIT;
    char *dir = t_tmpdir();
    char *sub = qlab_path_join(dir, "sub"), *final = qlab_path_join(sub, "p.parquet");
    char *tmp = qlab_file_tmp_name(final), *other = qlab_path_join(dir, ".tmp-old-1");
    char *tmp_dir = qlab_path_join(sub, ".tmp-folder-2/in");
    T_OK(qlab_dir_make(sub, &err));
    FILE *f = fopen(tmp, "w");
    T_CHECK(f != NULL && fputs("data", f) >= 0 && fclose(f) == 0);
    char **names;
    size_t n, removed;
    T_OK(qlab_dir_list(sub, &names, &n, &err));
    T_CHECK(n == 0); /* a reader does not see it */
    qlab_dir_list_free(names, n);
    T_OK(qlab_file_put_in_place(tmp, final, &err));
    T_CHECK(qlab_file_exists(final) && !qlab_file_exists(tmp));
    T_FAILS(QLAB_E_NOT_FOUND, qlab_file_put_in_place(tmp, final, &err));

    f = fopen(tmp, "w");
    T_CHECK(f != NULL && fclose(f) == 0);
    f = fopen(other, "w");
    T_CHECK(f != NULL && fclose(f) == 0);
    T_OK(qlab_dir_make(tmp_dir, &err));
    T_OK(qlab_file_sweep_tmp(dir, &removed, &err));
    T_CHECK(removed == 3);
    T_CHECK(!qlab_file_exists(tmp) && !qlab_file_exists(other) && !qlab_file_exists(tmp_dir));
    T_CHECK(qlab_file_exists(final));
    qlab_free(tmp_dir);
    qlab_free(other);
    qlab_free(tmp);
    qlab_free(final);
    qlab_free(sub);
    t_rmdir(dir);
}

enum { RACES = 40, RACERS = 8 };

typedef struct race {
    const char *dir;
    atomic_int wins[RACES];
} race;

static qlab_code racer(void *ctx, size_t i, size_t worker, qlab_err *err)
{
    race *r = ctx;
    (void)worker;
    const size_t at = i / RACERS;
    char text[64];
    char *path = qlab_asprintf("%s/%zu", r->dir, at);
    const int n = snprintf(text, sizeof text, "racer %zu of %zu.", i % RACERS, at);
    qlab_code rc = qlab_file_write_new(path, text, (size_t)n, err);
    qlab_free(path);
    if (rc == QLAB_OK)
        atomic_fetch_add(&r->wins[at], 1);
    if (rc == QLAB_E_EXISTS) {
        qlab_err_reset(err);
        rc = QLAB_OK;
    }
    return rc;
}

T_TEST(one_winner)
{
    qlab_err err = QLAB_ERR_INIT;
    static race r;
    char *dir = t_tmpdir();
    r.dir = dir;
    qlab_pool *pool = qlab_pool_new(RACERS);
    T_OK(qlab_pool_run(pool, RACES * RACERS, racer, &r, &err));
    for (size_t i = 0; i < RACES; i++) {
        T_CHECK(atomic_load(&r.wins[i]) == 1);
        char *path = qlab_asprintf("%s/%zu", dir, i);
        qlab_buf b = QLAB_BUF_INIT;
        T_OK(qlab_file_read(path, &b, &err));
        T_CHECK(b.at[b.n - 1] == '.');
        qlab_buf_free(&b);
        qlab_free(path);
    }
    char **names;
    size_t n, removed;
    T_OK(qlab_dir_list(dir, &names, &n, &err));
    T_CHECK(n == RACES);
    qlab_dir_list_free(names, n);
    T_OK(qlab_file_sweep_tmp(dir, &removed, &err));
    T_CHECK(removed == 0); /* losers cleaned up */
    qlab_pool_free(pool);
    t_rmdir(dir);
}

T_TEST(refused_by_the_system)
{
    qlab_err err = QLAB_ERR_INIT;
    T_FAILS(QLAB_E_NOT_FOUND, qlab_file_write("/nowhere/at/all", "x", 1, &err));
    assert_int_equal(qlab_file_write("/nowhere/at/all", "x", 1, &err), QLAB_E_NOT_FOUND);
    T_STR(err.text, "could not create /nowhere/at/all: No such file or directory");
    qlab_fail_errno(&err, ENOSPC, "could not write %s", "x");
    assert_int_equal(err.code, QLAB_E_LIMIT);
    T_STR(err.text, "could not write x: No space left on device");
}

/* A folder that may not be written to is named as such, and not as one that is missing. */
T_TEST(a_folder_in_a_read_only_one)
{
    qlab_err err = QLAB_ERR_INIT;
    const uid_t me = geteuid();
    char *dir = t_tmpdir(), *in = qlab_path_join(dir, "a/b");
    assert_int_equal(chmod(dir, 0555), 0);
    if (me == 0)
        assert_int_equal(seteuid(65534), 0); /* root may write anywhere */
    const qlab_code rc = qlab_dir_make(in, &err);
    if (me == 0)
        assert_int_equal(seteuid(me), 0);
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(rc, QLAB_E_IO);
    char *want = qlab_asprintf("could not make the folder %s/a: Permission denied", dir);
    T_STR(err.text, want);
    qlab_free(want);
    qlab_free(in);
    t_rmdir(dir);
}

T_MAIN(T_CASE(paths), T_CASE(write_and_read), T_CASE(folders), T_CASE(temporaries),
       T_CASE(one_winner), T_CASE(refused_by_the_system), T_CASE(a_folder_in_a_read_only_one))
