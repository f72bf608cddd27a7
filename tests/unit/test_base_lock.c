/* The lock: a live holder is named, a dead one of this host replaced, one of another host never. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "base/lock.h"
#include "support/t.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process that takes the lock, says so, and waits until it is told to end. */
typedef struct child {
    pid_t pid;
    int said, told;
} child;

static child start_child(const char *path, bool releases)
{
    int up[2], down[2];
    T_CHECK(pipe(up) == 0 && pipe(down) == 0);
    child c = {fork(), up[0], down[1]};
    T_CHECK(c.pid >= 0);
    if (c.pid == 0) {
        qlab_err err = QLAB_ERR_INIT;
        qlab_lock *lock = NULL;
        char b = qlab_lock_take(path, "child", &lock, &err) == QLAB_OK ? 'y' : 'n';
        close(down[1]);
        if (write(up[1], &b, 1) != 1 || read(down[0], &b, 1) < 0)
            _exit(1);
        if (releases)
            qlab_lock_release(lock);
        _exit(0);
    }
    close(up[1]);
    close(down[0]);
    char b = 0;
    T_CHECK(read(c.said, &b, 1) == 1 && b == 'y');
    return c;
}

static void end_child(child c)
{
    int status;
    close(c.told);
    T_CHECK(waitpid(c.pid, &status, 0) == c.pid && status == 0);
    close(c.said);
}

T_TEST(live_holder)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_lock *lock = NULL;
    char *dir = t_tmpdir(), *path = qlab_path_join(dir, "lock");
    char host[256], want[512];
    child c = start_child(path, true);
    T_CHECK(gethostname(host, sizeof host) == 0);
    assert_int_equal(qlab_lock_take(path, "me", &lock, &err), QLAB_E_LOCKED);
    snprintf(want, sizeof want, "lock is held by process %ld on host %s (child), age ", (long)c.pid,
             host);
    T_CONTAINS(err.text, want);
    qlab_err_reset(&err);
    end_child(c);
    T_OK(qlab_lock_take(path, "me", &lock, &err)); /* released */
    T_CHECK(qlab_file_exists(path));
    qlab_lock *second = NULL;
    T_FAILS(QLAB_E_LOCKED,
            qlab_lock_take(path, "me too", &second, &err)); /* not twice here either */
    qlab_lock_release(lock);
    T_CHECK(!qlab_file_exists(path));
    T_OK(qlab_lock_take(path, "me", &lock, &err));
    qlab_lock_release(lock);
    qlab_lock_release(NULL);
    qlab_free(path);
    t_rmdir(dir);
}

T_TEST(dead_holder)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_lock *lock = NULL;
    char *dir = t_tmpdir(), *path = qlab_path_join(dir, "lock");
    end_child(start_child(path, false));
    T_CHECK(qlab_file_exists(path));
    T_OK(qlab_lock_take(path, "me", &lock, &err));
    char *stray = qlab_asprintf("%s/.tmp-lock-1-0x1", dir),
         *other = qlab_asprintf("%s/.tmp-x-1", dir);
    qlab_lock_release(lock);
    T_OK(qlab_file_write(stray, "{", 1, &err));
    T_OK(qlab_file_write(other, "{", 1, &err));
    T_OK(qlab_lock_take(path, "me", &lock, &err));
    T_CHECK(!qlab_file_exists(stray) && qlab_file_exists(other)); /* left by a kill; another's */
    qlab_free(stray);
    qlab_free(other);
    json_t *o;
    int64_t pid;
    T_OK(qlab_json_load(path, &o, &err));
    T_OK(qlab_json_get_i64(o, path, "pid", &pid, &err));
    T_CHECK(pid == getpid());
    json_decref(o);
    qlab_lock_release(lock);
    qlab_free(path);
    t_rmdir(dir);
}

/* A lock file as another process would have left it. */
static void leave(const char *path, int64_t pid, int64_t start_time, const char *host,
                  const char *boot_id)
{
    qlab_err err = QLAB_ERR_INIT;
    json_t *o = json_pack("{s:I,s:s,s:s,s:I,s:s}", "pid", (json_int_t)pid, "host", host, "boot_id",
                          boot_id, "start_time", (json_int_t)start_time, "command", "ingest");
    T_OK(qlab_json_write(path, o, &err));
    json_decref(o);
}

T_TEST(who_is_dead)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_lock *lock = NULL;
    char *dir = t_tmpdir(), *path = qlab_path_join(dir, "lock");
    char host[256];
    T_CHECK(gethostname(host, sizeof host) == 0);

    leave(path, 1, 0, "elsewhere", "");
    assert_int_equal(qlab_lock_take(path, "me", &lock, &err), QLAB_E_LOCKED);
    T_CONTAINS(err.text, "lock is held by process 1 on host elsewhere (ingest), age ");
    qlab_err_reset(&err);
    leave(path, 999999999, 0, "elsewhere", "another-boot");
    T_FAILS(QLAB_E_LOCKED, qlab_lock_take(path, "me", &lock, &err));

    leave(path, 1, 0, host, ""); /* lives, and nothing says that it is another */
    T_FAILS(QLAB_E_LOCKED, qlab_lock_take(path, "me", &lock, &err));

    leave(path, 1, 0, host, "another-boot");
    T_OK(qlab_lock_take(path, "me", &lock, &err));
    qlab_lock_release(lock);
#ifdef __linux__
    leave(path, getpid(), 1, host, ""); /* the number lives, but started at another time */
    T_OK(qlab_lock_take(path, "me", &lock, &err));
    qlab_lock_release(lock);
#endif
    T_OK(qlab_file_write(path, "{\"pid\":", 7, &err));
    assert_int_equal(qlab_lock_take(path, "me", &lock, &err), QLAB_E_LOCKED);
    T_CONTAINS(err.text, "lock is there but does not say who holds it; remove it if no quantlab "
                         "runs on this root");
    qlab_free(path);
    t_rmdir(dir);
}

T_TEST(no_folder)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_lock *lock = NULL;
    T_FAILS(QLAB_E_NOT_FOUND, qlab_lock_take("/nowhere/lock", "me", &lock, &err));
}

T_MAIN(T_CASE(live_holder), T_CASE(dead_holder), T_CASE(who_is_dead), T_CASE(no_folder))
