/* A small commit, with each of its writes, syncs, renames, links and creates failing in turn (those
 * of DuckDB included), and with the process killed at each of them: the lake then reads as before
 * or as after, never between, the message and the exit code say what happened, and the same
 * command again ends where an undisturbed one does. */
#include "support/lake.h"

#include <libgen.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_ASSETS = 3, DAY = 16000 /* 2013-10-22 */ };

static const char *program;

static size_t make_rows(t_bar *rows, uint32_t seq)
{
    size_t n = 0;
    for (uint32_t ix = 0; ix < N_ASSETS; ix++)
        for (int32_t d = 0; d < (seq == 1 ? 100 : 3); d++)
            rows[n++] = t_bar_make(ix, DAY + d + (seq == 1 ? 0 : 98), seq, seq);
    return n;
}

/* ---- the child: commit number 2 ----------------------------------------------------------------
 */

static int child(char *root)
{
    qlab_err err = QLAB_ERR_INIT;
    t_bar rows[N_ASSETS * 100];
    t_lake l;
    qlab_lock *lock = NULL;
    t_lake_open_at(&l, root, N_ASSETS, 1);
    l.rows = qlab_alloc(N_ASSETS * 100, sizeof *l.rows); /* the model of commit 1 */
    l.n_rows = l.cap_rows = make_rows(l.rows, 1);
    l.commit = 1;
    qlab_code rc = qlab_lake_lock(&l.env, "test", &lock, &err);
    if (rc == QLAB_OK)
        rc = t_lake_try_commit(&l, rows, make_rows(rows, 2), true, &err);
    if (rc != QLAB_OK)
        fprintf(stderr, "%s\n", err.text);
    qlab_lock_release(lock);
    t_lake_close(&l, true);
    return qlab_exit_code(rc);
}

/* Runs the child with a fault; its exit code (-1: killed); what it said in *said. */
static int run_child(const char *root, const char *fault, char *said, size_t n_said,
                     const char *count_file)
{
    char *log = qlab_asprintf("%s.log", root);
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        char dir[1024], lib[1100];
        const char *given = getenv("QLAB_FAULT_LIB");
        snprintf(dir, sizeof dir, "%s", program);
        snprintf(lib, sizeof lib, "%s/libqlab_fault.so", dirname(dir));
        if (fault) {
            setenv("LD_PRELOAD", given ? given : lib, 1);
            setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0", 1);
            setenv("QLAB_FAULT", fault, 1);
            setenv("QLAB_FAULT_PATH", "/lake/", 1);
            if (count_file)
                setenv("QLAB_FAULT_COUNT", count_file, 1);
        }
        if (!freopen(log, "w", stderr))
            _exit(98);
        execl(program, program, "child", root, (char *)NULL);
        _exit(97);
    }
    int status = 0;
    T_CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    FILE *f = fopen(log, "r");
    T_CHECK(f != NULL);
    said[fread(said, 1, n_said - 1, f)] = '\0';
    fclose(f);
    qlab_free(log);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- the parent --------------------------------------------------------------------------------
 */

typedef struct setting {
    t_lake l;   /* at commit 1; its DuckDB and pool serve all roots */
    char *work; /* a copy of it, made anew for each fault */
    char before[QLAB_HEX_BYTES], after[QLAB_HEX_BYTES];
} setting;

static void shell(const char *command)
{
    T_CHECK(system(command) == 0);
}

static void copy_base(const setting *s)
{
    char command[1024];
    snprintf(command, sizeof command, "rm -rf '%s' && cp -a '%s' '%s'", s->work, s->l.root,
             s->work);
    shell(command);
}

/* Newest commit of a root and the digest of its bars; nothing may be wrong with it. */
static uint32_t look(const setting *s, const char *root, char hex[QLAB_HEX_BYTES])
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_env env = s->l.env;
    qlab_lake_view *v = NULL;
    qlab_digest d;
    size_t n = 0;
    env.root = root;
    T_OK(qlab_lake_view_open(&env, QLAB_LAKE_LATEST, &v, &err));
    T_OK(qlab_lake_bars_digest(&env, v, qlab_date_make(2099, 1, 1), &d, &err));
    T_OK(qlab_lake_verify(&env, QLAB_LAKE_LATEST, NULL, NULL, &n, &err));
    T_CHECK(n == 0);
    const uint32_t commit = v->commit;
    qlab_hex(d, hex);
    qlab_lake_view_close(v);
    return commit;
}

static void set_up(setting *s)
{
    t_bar rows[N_ASSETS * 100];
    char said[512];
    t_lake_open(&s->l, N_ASSETS, 1);
    t_lake_commit(&s->l, rows, make_rows(rows, 1), true);
    s->work = qlab_asprintf("%s-work", s->l.root);
    T_CHECK(look(s, s->l.root, s->before) == 1);
    copy_base(s);
    T_CHECK(run_child(s->work, NULL, said, sizeof said, NULL) == 0);
    T_CHECK(look(s, s->work, s->after) == 2);
    T_CHECK(strcmp(s->before, s->after) != 0);
}

static void tear_down(setting *s)
{
    char command[1024];
    snprintf(command, sizeof command, "rm -rf '%s' '%s.log' '%s.count'", s->work, s->work, s->work);
    shell(command);
    qlab_free(s->work);
    t_lake_close(&s->l, false);
}

static size_t count_calls(const setting *s, const char *call)
{
    char said[512], fault[64], text[32] = "";
    char *file = qlab_asprintf("%s.count", s->work);
    snprintf(fault, sizeof fault, "%s:0:EIO", call);
    copy_base(s);
    T_CHECK(run_child(s->work, fault, said, sizeof said, file) == 0);
    FILE *f = fopen(file, "r");
    T_CHECK(f != NULL && fgets(text, sizeof text, f) != NULL);
    fclose(f);
    qlab_free(file);
    return (size_t)atol(text);
}

/* Before or after, and then the same command again ends as it should, with nothing left over. */
static void check_lake(const setting *s, bool must_be_after)
{
    char hex[QLAB_HEX_BYTES], said[512], command[1024];
    uint32_t commit = look(s, s->work, hex);
    T_CHECK(commit == 1 || commit == 2);
    T_STR(hex, commit == 1 ? s->before : s->after);
    T_CHECK(!must_be_after || commit == 2);
    if (commit == 1) {
        T_CHECK(run_child(s->work, NULL, said, sizeof said, NULL) == 0);
        T_CHECK(look(s, s->work, hex) == 2);
        T_STR(hex, s->after);
        snprintf(command, sizeof command, "test -z \"$(find '%s' -name '.tmp-*')\"", s->work);
        shell(command);
    }
}

static void fail_each(const char *call, const char *error, int want_exit, const char *want_text)
{
    setting s;
    set_up(&s);
    const size_t n = count_calls(&s, call);
    T_CHECK(n > 0);
    print_message("%zu calls of %s\n", n, call);
    for (size_t k = 1; k <= n; k++) {
        char fault[64], said[512];
        snprintf(fault, sizeof fault, "%s:%zu:%s", call, k, error);
        copy_base(&s);
        const int got = run_child(s.work, fault, said, sizeof said, NULL);
        if (got != want_exit)
            fprintf(stderr, "%s: exit %d, wanted %d: %s\n", fault, got, want_exit, said);
        T_CHECK(got == want_exit);
        if (want_exit > 0) {
            T_CONTAINS(said, want_text);
            T_CHECK(strchr(said, '\n') == said + strlen(said) - 1); /* one line */
        }
        check_lake(&s, want_exit == 0);
    }
    tear_down(&s);
}

T_TEST(a_full_disk_at_any_write)
{
    fail_each("write", "ENOSPC", 5, "No space left on device");
}

T_TEST(a_short_write_is_continued)
{
    fail_each("write", "SHORT", 0, "");
}

T_TEST(a_failed_sync)
{
    fail_each("fsync", "EIO", 3, "Input/output error");
}

T_TEST(a_failed_rename)
{
    fail_each("rename", "EIO", 3, "Input/output error");
}

T_TEST(a_failed_link)
{
    fail_each("link", "EIO", 3, "Input/output error");
}

T_TEST(a_file_that_cannot_be_made)
{
    fail_each("open", "ENOSPC", 5, "No space left on device");
}

T_TEST(a_kill_at_any_call)
{
    fail_each("any", "KILL", -1, "");
}

static int tests(void)
{
    const struct CMUnitTest all[] = {T_CASE(a_full_disk_at_any_write),
                                     T_CASE(a_short_write_is_continued),
                                     T_CASE(a_failed_sync),
                                     T_CASE(a_failed_rename),
                                     T_CASE(a_failed_link),
                                     T_CASE(a_file_that_cannot_be_made),
                                     T_CASE(a_kill_at_any_call)};
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc == 3 && strcmp(argv[1], "child") == 0)
        return child(argv[2]);
    return tests();
}
