/* A compaction and a gc with each of their calls failing in turn, and with the process killed at
 * each of them: every commit reads as before, the lake is as before or as after, and the same
 * command again ends where an undisturbed one does, with the same bytes. */
#include "support/lake.h"

#include <libgen.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_ASSETS = 3, DAY = 16000 /* 2013-10-22 */, BASE_COMMITS = 2 };

static const char *program;

static size_t make_rows(t_bar *rows, uint32_t seq)
{
    size_t n = 0;
    for (uint32_t ix = 0; ix < N_ASSETS; ix++)
        for (int32_t d = 0; d < (seq == 1 ? 90 : 4); d++) {
            rows[n] = t_bar_make(ix, DAY + d + (seq == 1 ? 0 : 88), seq, seq);
            rows[n++].provenance = seq > 1 && d == 0 ? QLAB_PROV_TOMBSTONE : 0;
        }
    return n;
}

static qlab_code do_compact(const qlab_env *env, qlab_err *err)
{
    qlab_lake_view *v = NULL;
    qlab_lock *lock = NULL;
    qlab_compacted done = {0};
    qlab_code rc = qlab_lake_lock(env, "test", &lock, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_view_open(env, QLAB_LAKE_LATEST, &v, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_compact(env, v, 0, "test", &done, err);
    qlab_compacted_free(&done);
    qlab_lake_view_close(v);
    qlab_lock_release(lock);
    return rc;
}

static qlab_code do_gc(const qlab_env *env, qlab_err *err)
{
    qlab_gc_done done;
    const qlab_code rc = qlab_lake_gc(env, 1, NULL, 0, &done, err);
    qlab_gc_done_free(&done);
    return rc;
}

static int child(const char *what, char *root)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    t_lake_open_at(&l, root, N_ASSETS, 1);
    const qlab_code rc = strcmp(what, "gc") == 0 ? do_gc(&l.env, &err) : do_compact(&l.env, &err);
    if (rc != QLAB_OK)
        fprintf(stderr, "%s\n", err.text);
    t_lake_close(&l, true);
    return qlab_exit_code(rc);
}

/* Runs the child with a fault; its exit code, -1 where it was killed. */
static int run_child(const char *what, const char *root, const char *fault, const char *count_file)
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
        execl(program, program, what, root, (char *)NULL);
        _exit(97);
    }
    int status = 0;
    T_CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    qlab_free(log);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

typedef struct setting {
    t_lake l; /* the base; its DuckDB and pool serve all roots */
    const char *what;
    char *work; /* a copy of the base, made anew for each fault */
    char digest[BASE_COMMITS + 1][QLAB_HEX_BYTES]; /* of each commit of the base */
    uint32_t oldest;                               /* that must be readable when it is done */
    char after[2 * QLAB_HEX_BYTES];                /* names and bytes of an undisturbed one */
} setting;

static void copy_base(const setting *s)
{
    char *command = qlab_asprintf("rm -rf '%s' && cp -a '%s' '%s'", s->work, s->l.root, s->work);
    T_CHECK(system(command) == 0);
    qlab_free(command);
}

/* One hash over names and bytes of all files of a root's lake. */
static void hash_tree(const char *root, char out[2 * QLAB_HEX_BYTES])
{
    char *command = qlab_asprintf("cd '%s' && find lake -type f ! -name '.lock*' | LC_ALL=C sort | "
                                  "xargs sha256sum | sha256sum",
                                  root);
    FILE *f = popen(command, "r");
    T_CHECK(f && fgets(out, 2 * QLAB_HEX_BYTES, f) && pclose(f) == 0);
    qlab_free(command);
}

static void digest_of(const setting *s, const char *root, uint32_t commit, char hex[QLAB_HEX_BYTES])
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_env env = s->l.env;
    qlab_lake_view *v = NULL;
    qlab_digest d;
    env.root = root;
    T_OK(qlab_lake_view_open(&env, commit, &v, &err));
    T_OK(qlab_lake_bars_digest(&env, v, qlab_date_make(2099, 1, 1), &d, &err));
    qlab_hex(d, hex);
    qlab_lake_view_close(v);
}

/* Commits from..newest read as they should, and nothing is wrong with the newest. */
static void check_reads(const setting *s, uint32_t from)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_env env = s->l.env;
    uint32_t *numbers = NULL;
    size_t n = 0, findings = 0;
    env.root = s->work;
    T_OK(qlab_lake_commits(s->work, &numbers, &n, &err));
    T_CHECK(n >= BASE_COMMITS && n <= BASE_COMMITS + 1);
    for (uint32_t c = from; c <= n; c++) {
        char hex[QLAB_HEX_BYTES];
        digest_of(s, s->work, c, hex);
        T_STR(hex, s->digest[c < BASE_COMMITS ? c : BASE_COMMITS]);
    }
    T_OK(qlab_lake_verify(&env, QLAB_LAKE_LATEST, NULL, NULL, &findings, &err));
    T_CHECK(findings == 0);
    qlab_free(numbers);
}

static void set_up(setting *s, const char *what)
{
    t_bar rows[N_ASSETS * 90];
    qlab_err err = QLAB_ERR_INIT;
    memset(s, 0, sizeof *s);
    s->what = what;
    s->oldest = strcmp(what, "gc") == 0 ? BASE_COMMITS + 1 : 1;
    t_lake_open(&s->l, N_ASSETS, 1);
    for (uint32_t c = 1; c <= BASE_COMMITS; c++) {
        t_lake_commit(&s->l, rows, make_rows(rows, c), c == 1);
        digest_of(s, s->l.root, c, s->digest[c]);
    }
    if (s->oldest > 1)
        T_OK(do_compact(&s->l.env, &err));
    s->work = qlab_asprintf("%s-work", s->l.root);
    copy_base(s);
    T_CHECK(run_child(what, s->work, NULL, NULL) == 0);
    check_reads(s, s->oldest);
    hash_tree(s->work, s->after);
}

static void tear_down(setting *s)
{
    char *command = qlab_asprintf("rm -rf '%s' '%s.log' '%s.count'", s->work, s->work, s->work);
    T_CHECK(system(command) == 0);
    qlab_free(command);
    qlab_free(s->work);
    t_lake_close(&s->l, false);
}

static size_t count_calls(const setting *s, const char *call)
{
    char fault[64], text[32] = "";
    char *file = qlab_asprintf("%s.count", s->work);
    snprintf(fault, sizeof fault, "%s:0:EIO", call);
    copy_base(s);
    T_CHECK(run_child(s->what, s->work, fault, file) == 0);
    FILE *f = fopen(file, "r");
    T_CHECK(f != NULL && fgets(text, sizeof text, f) != NULL);
    fclose(f);
    qlab_free(file);
    return (size_t)atol(text);
}

/* Every `step`-th call fails, from the first on. */
static void fail_each(const char *what, const char *call, const char *error, int want_exit,
                      size_t step)
{
    setting s;
    char after[2 * QLAB_HEX_BYTES];
    set_up(&s, what);
    const size_t n = count_calls(&s, call);
    T_CHECK(n > 0);
    print_message("%zu calls of %s\n", n, call);
    for (size_t k = 1; k <= n; k += step) {
        char fault[64];
        snprintf(fault, sizeof fault, "%s:%zu:%s", call, k, error);
        copy_base(&s);
        T_CHECK(run_child(what, s.work, fault, NULL) == want_exit);
        check_reads(&s, s.oldest);
        T_CHECK(run_child(what, s.work, NULL, NULL) == 0);
        check_reads(&s, s.oldest);
        hash_tree(s.work, after);
        T_STR(after, s.after);
    }
    tear_down(&s);
}

T_TEST(a_kill_in_a_compaction)
{
    fail_each("compact", "any", "KILL", -1, 1);
}

T_TEST(a_full_disk_in_a_compaction)
{
    fail_each("compact", "write", "ENOSPC", 5, 3);
}

T_TEST(a_failed_sync_in_a_compaction)
{
    fail_each("compact", "fsync", "EIO", 3, 5);
}

T_TEST(a_kill_in_a_gc)
{
    fail_each("gc", "any", "KILL", -1, 2);
}

T_TEST(a_kill_while_a_gc_removes)
{
    fail_each("gc", "unlink", "KILL", -1, 2);
}

static int tests(void)
{
    const struct CMUnitTest all[] = {T_CASE(a_kill_in_a_compaction),
                                     T_CASE(a_full_disk_in_a_compaction),
                                     T_CASE(a_failed_sync_in_a_compaction), T_CASE(a_kill_in_a_gc),
                                     T_CASE(a_kill_while_a_gc_removes)};
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc == 3)
        return child(argv[1], argv[2]);
    return tests();
}
