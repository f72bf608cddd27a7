#include "base/alloc.h"
#include "base/arena.h"
#include "base/cancel.h"
#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/cmd_int.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEFAULT_SEED = 1, MAX_THREADS = 1024 };

/* ---- the machine ----------------------------------------------------------------------------- */

static size_t machine_threads(void)
{
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : (size_t)n;
}

/* A container's limit counts where it is below the machine's memory. */
static size_t machine_memory_bytes(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t bytes = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : (size_t)4 << 30;
    qlab_buf text = QLAB_BUF_INIT;
    qlab_err err = QLAB_ERR_INIT;
    if (qlab_file_read("/sys/fs/cgroup/memory.max", &text, &err) == QLAB_OK) {
        const unsigned long long limit = strtoull(text.at, NULL, 10); /* "max" gives 0 */
        if (limit > 0 && limit < bytes)
            bytes = (size_t)limit;
    }
    qlab_buf_free(&text);
    return bytes;
}

/* ---- preparing ------------------------------------------------------------------------------- */

/* Everything that a command is handed; owned here. */
typedef struct session {
    qlab_ctx cx;
    qlab_config config;
    qlab_log log;
    char *threads_origin, *memory_origin;
    bool made_root;
} session;

static qlab_code find_root(session *s, const qlab_cmd *cmd, const qlab_common *common,
                           qlab_err *err)
{
    const char *from_env = getenv("QUANTLAB_ROOT");
    const char *root = common->root ? common->root : from_env && *from_env ? from_env : NULL;
    s->cx.origins.root = common->root ? "flag" : root ? "environment" : "built-in";
    s->cx.env.root = root;
    if (!(cmd->needs & QLAB_NEEDS_ROOT))
        return QLAB_OK;
    if (!root)
        return qlab_fail(err, QLAB_E_USAGE,
                         "no root was given: --root DIR or QUANTLAB_ROOT (`quantlab init DIR` "
                         "makes one)");
    if (qlab_file_exists(root))
        return QLAB_OK;
    if (!(cmd->needs & QLAB_MAKES_ROOT))
        return qlab_fail(err, QLAB_E_USAGE,
                         "the root %s does not exist (`quantlab init %s` makes it)", root, root);
    if (common->dry_run)
        return QLAB_OK;
    s->made_root = true;
    return qlab_dir_make(root, err);
}

static qlab_code load_config(session *s, const qlab_common *common, qlab_err *err)
{
    if (common->config) {
        const qlab_code rc = qlab_config_load(common->config, &s->config, err);
        return rc == QLAB_E_NOT_FOUND ? qlab_fail(err, QLAB_E_CONFIG, "%s", err->text) : rc;
    }
    if (!s->cx.env.root)
        return QLAB_OK;
    qlab_code rc = QLAB_OK;
    char *path = qlab_path_join(s->cx.env.root, "quantlab.yaml");
    if (qlab_file_exists(path))
        rc = qlab_config_load(path, &s->config, err);
    qlab_free(path);
    return rc;
}

static qlab_code parse_seed(const char *text, uint64_t *seed, qlab_err *err)
{
    uint64_t v = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        const uint64_t digit = (uint64_t)(*p - '0');
        if (v > (UINT64_MAX - digit) / 10)
            break;
        v = v * 10 + digit;
    }
    if (p == text || *p)
        return qlab_fail(err, QLAB_E_USAGE, "--seed was \"%s\", not a whole number below 2^64",
                         text);
    *seed = v;
    return QLAB_OK;
}

static char *origin_in_file(const qlab_config *config, const char *key)
{
    qlab_config_value *values;
    size_t n;
    char *origin = NULL;
    qlab_config_list(config, &values, &n);
    for (size_t i = 0; i < n && !origin; i++)
        if (strcmp(values[i].section, "limits") == 0 && strcmp(values[i].key, key) == 0)
            origin = qlab_strdup(values[i].origin.at);
    qlab_config_list_free(values, n);
    return origin;
}

static qlab_code set_limits(session *s, const qlab_common *common, qlab_err *err)
{
    qlab_env *env = &s->cx.env;
    int64_t threads = common->threads;
    if (common->threads < 0 || common->threads > MAX_THREADS)
        return qlab_fail(err, QLAB_E_USAGE, "--threads was %" PRId64 "; it must lie in [1, %d]",
                         common->threads, MAX_THREADS);
    if (threads == 0)
        threads = s->config.limits.threads;
    if (threads == 0)
        threads = (int64_t)machine_threads();
    env->memory_limit_bytes = common->memory                  ? common->memory
                              : s->config.limits.memory_bytes ? s->config.limits.memory_bytes
                                                              : machine_memory_bytes() / 2;
    s->threads_origin =
        common->threads ? qlab_strdup("flag") : origin_in_file(&s->config, "threads");
    s->memory_origin = common->memory ? qlab_strdup("flag") : origin_in_file(&s->config, "memory");
    s->cx.origins.threads = s->threads_origin;
    s->cx.origins.memory_limit = s->memory_origin;
    const qlab_code rc = qlab_env_check(env, err);
    if (rc == QLAB_OK)
        env->pool = qlab_pool_new((size_t)threads);
    return rc;
}

static qlab_code open_duck(session *s, const qlab_cmd *cmd, qlab_err *err)
{
    qlab_env *env = &s->cx.env;
    if (!(cmd->needs & QLAB_NEEDS_DUCK))
        return QLAB_OK;
    /* Made only when a query spills; below jobs/, where all work in progress lies. */
    char *spill = env->root ? qlab_path_join(env->root, "jobs/duckdb-spill") : NULL;
    const qlab_code rc = qlab_duck_open(qlab_env_duck_bytes(env), spill,
                                        qlab_pool_threads(env->pool), &env->duck, err);
    qlab_free(spill);
    return rc;
}

static qlab_code prepare(session *s, const qlab_cmd *cmd, const qlab_common *common, qlab_err *err)
{
    qlab_ctx *cx = &s->cx;
    s->log = (qlab_log){common->quiet ? QLAB_LOG_WARN : QLAB_LOG_INFO, STDERR_FILENO};
    cx->env.log = &s->log;
    cx->env.quiet = common->quiet;
    cx->env.dry_run = common->dry_run;
    cx->env.argc = cx->argc;
    cx->env.argv = cx->argv;
    cx->env.now = common->now != QLAB_DATE_NONE ? common->now : qlab_date_today();
    cx->origins.now = common->now != QLAB_DATE_NONE ? "flag" : "built-in";
    cx->env.seed = DEFAULT_SEED;
    cx->origins.seed = common->seed ? "flag" : "built-in";
    cx->json = common->json;
    cx->config = &s->config;
    if (common->dry_run && !(cmd->needs & QLAB_WRITES))
        return qlab_fail(err, QLAB_E_USAGE, "%s writes nothing: --dry-run means nothing here",
                         cmd->name);
    qlab_code rc = QLAB_OK;
    if (common->seed)
        rc = parse_seed(common->seed, &cx->env.seed, err);
    if (rc == QLAB_OK)
        rc = find_root(s, cmd, common, err);
    if (rc == QLAB_OK)
        rc = load_config(s, common, err);
    if (rc == QLAB_OK)
        rc = set_limits(s, common, err);
    if (rc == QLAB_OK)
        rc = open_duck(s, cmd, err);
    return rc;
}

static void free_session(session *s)
{
    if (s->cx.env.duck)
        qlab_duck_close(s->cx.env.duck);
    qlab_pool_free(s->cx.env.pool);
    qlab_config_free(&s->config);
    qlab_free(s->threads_origin);
    qlab_free(s->memory_origin);
}

/* ---- reporting ------------------------------------------------------------------------------- */

void qlab_cmd_print_json(const qlab_ctx *cx, const json_t *v)
{
    qlab_buf text = QLAB_BUF_INIT;
    qlab_json_pretty(v, &text);
    fwrite(text.at, 1, text.n, cx->out);
    qlab_buf_free(&text);
}

static void report_failure(const qlab_ctx *cx, bool json, const qlab_err *err)
{
    fprintf(stderr, "error: %s\n", err->text);
    if (!json)
        return;
    json_t *text = json_string(err->text);
    json_t *o = json_object(), *e = json_object();
    json_object_set_new(e, "code", json_string(qlab_code_name(err->code)));
    json_object_set_new(e, "text", text ? text : json_string("?")); /* not UTF-8 */
    json_object_set_new(o, "error", e);
    qlab_cmd_print_json(cx, o);
    json_decref(o);
}

/* A result that could not be written is no success: a full disk shows only here. */
static int finish_output(FILE *out, int exit_code)
{
    errno = 0;
    const bool failed = fflush(out) != 0 || ferror(out);
    /* Where an earlier write failed its reason is lost: one more, behind what is cut off already,
     * fails for the same. */
    if (failed && errno == 0 && write(fileno(out), "\n", 1) == 1)
        errno = 0;
    const int errnum = errno;
    if (!failed || errnum == EPIPE) /* a reader that has seen enough (| head) is no failure */
        return exit_code;
    qlab_err err = QLAB_ERR_INIT;
    const qlab_code rc = errnum ? qlab_fail_errno(&err, errnum, "could not write the result")
                                : qlab_fail(&err, QLAB_E_IO, "could not write the result");
    fprintf(stderr, "error: %s\n", err.text);
    return qlab_exit_code(rc);
}

static int run_command(const qlab_cmd_entry *table, size_t n_table, const qlab_cmd *cmd,
                       int n_words, int argc, char **argv)
{
    session s;
    qlab_common common;
    qlab_err err = QLAB_ERR_INIT;
    memset(&s, 0, sizeof s);
    qlab_config_init(&s.config);
    s.cx.out = stdout;
    s.cx.argc = argc;
    s.cx.argv = argv;
    s.cx.table = table;
    s.cx.n_table = n_table;

    int exit_code = 0;
    void *opts = qlab_alloc_zero(cmd->opts_size, 1);
    const char **rest = qlab_alloc_zero((size_t)argc, sizeof *rest);
    qlab_code rc =
        qlab_cmd_parse(cmd, argc - 1 - n_words, argv + 1 + n_words, opts, &common, rest, &err);
    if (rc == QLAB_OK && common.help) {
        qlab_cmd_help_one(cmd, stdout);
        goto done;
    }
    if (rc == QLAB_OK && common.version) {
        printf("quantlab %s\n", QLAB_VERSION);
        goto done;
    }
    if (rc == QLAB_OK)
        rc = prepare(&s, cmd, &common, &err);
    if (rc == QLAB_OK)
        rc = cmd->run(&s.cx, opts, &err);
    if (rc != QLAB_OK) {
        assert(err.code == rc); /* who fails says why */
        report_failure(&s.cx, common.json && !s.cx.told, &err);
        exit_code = qlab_exit_code(rc);
        if (s.made_root && (rc == QLAB_E_USAGE || rc == QLAB_E_CONFIG))
            rmdir(s.cx.env.root); /* nothing was done; one that is not empty stays */
    } else {
        exit_code = s.cx.exit_code;
    }
done:
    free_session(&s);
    qlab_free(rest);
    qlab_free(opts);
    return finish_output(stdout, exit_code);
}

/* ---- finding the command --------------------------------------------------------------------- */

/* The command of the first one or two words; *n_words says how many it took. */
static const qlab_cmd *find_command(const qlab_cmd_entry *table, size_t n, int argc, char **argv,
                                    int *n_words)
{
    for (int words = 2; words >= 1; words--) {
        if (argc < words)
            continue;
        char *name = words == 2 ? qlab_asprintf("%s %s", argv[0], argv[1]) : qlab_strdup(argv[0]);
        const qlab_cmd *found = NULL;
        for (size_t i = 0; i < n && !found; i++)
            if (table[i].cmd && strcmp(table[i].cmd->name, name) == 0)
                found = table[i].cmd;
        qlab_free(name);
        if (found) {
            *n_words = words;
            return found;
        }
    }
    return NULL;
}

static int fail_command(const qlab_cmd_entry *table, size_t n, int argc, char **argv)
{
    const char **names = qlab_alloc_zero(2 * n + 1, sizeof *names);
    qlab_arena groups = QLAB_ARENA_INIT; /* "lake" of "lake verify" */
    qlab_buf word = QLAB_BUF_INIT;
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (!table[i].cmd)
            continue;
        const char *name = table[i].cmd->name;
        names[k++] = name;
        if (strchr(name, ' '))
            names[k++] = qlab_arena_strndup(&groups, name, strcspn(name, " "));
    }
    qlab_buf_puts(&word, argv[0]);
    const char *nearest = NULL;
    if (argc > 1 && argv[1][0] != '-') {
        qlab_buf_putf(&word, " %s", argv[1]);
        nearest = qlab_str_nearest(word.at, names);
    }
    if (!nearest)
        nearest = qlab_str_nearest(argv[0], names);
    fprintf(stderr, "error: unknown command \"%s\"; ", word.at);
    if (nearest)
        fprintf(stderr, "did you mean \"%s\"?\n", nearest);
    else
        fprintf(stderr, "`quantlab --help` lists the commands\n");
    qlab_buf_free(&word);
    qlab_arena_free(&groups);
    qlab_free(names);
    return qlab_exit_code(QLAB_E_USAGE);
}

/* help, help <command>, help --names, completion bash: about the table itself. */
static int run_help(const qlab_cmd_entry *table, size_t n, int argc, char **argv)
{
    int n_words;
    if (argc == 0) {
        qlab_cmd_help_all(table, n, stdout);
        return finish_output(stdout, 0);
    }
    if (strcmp(argv[0], "--names") == 0) {
        qlab_cmd_help_names(table, n, stdout);
        return finish_output(stdout, 0);
    }
    const qlab_cmd *cmd = find_command(table, n, argc, argv, &n_words);
    if (cmd)
        qlab_cmd_help_one(cmd, stdout);
    else if (qlab_cmd_help_group(table, n, argv[0], stdout) == 0)
        return fail_command(table, n, argc, argv);
    return finish_output(stdout, 0);
}

static int run_completion(const qlab_cmd_entry *table, size_t n, int argc, char **argv)
{
    if (argc != 1 || strcmp(argv[0], "bash") != 0) {
        fprintf(stderr, "error: usage: quantlab completion bash\n");
        return qlab_exit_code(QLAB_E_USAGE);
    }
    qlab_cmd_completion_bash(table, n, stdout);
    return finish_output(stdout, 0);
}

int qlab_cmd_main(const qlab_cmd_entry *table, size_t n, int argc, char **argv)
{
    qlab_json_use_checked_alloc();
    qlab_cancel_install();
    const char *first = argc > 1 ? argv[1] : "--help";
    int n_words;
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
        return run_help(table, n, 0, NULL);
    if (strcmp(first, "help") == 0)
        return run_help(table, n, argc - 2, argv + 2);
    if (strcmp(first, "completion") == 0)
        return run_completion(table, n, argc - 2, argv + 2);
    if (strcmp(first, "--version") == 0) {
        printf("quantlab %s\n", QLAB_VERSION);
        return finish_output(stdout, 0);
    }
    const qlab_cmd *cmd = find_command(table, n, argc - 1, argv + 1, &n_words);
    if (cmd)
        return run_command(table, n, cmd, n_words, argc, argv);
    if (first[0] == '-') {
        fprintf(stderr, "error: the command comes first: quantlab <command> [options]\n");
        return qlab_exit_code(QLAB_E_USAGE);
    }
    /* "lake" alone or "lake --help": the commands below it. */
    if (argc == 2 || argv[2][0] == '-') {
        const bool asked = argc > 2 && (strcmp(argv[2], "--help") == 0 || !strcmp(argv[2], "-h"));
        if (qlab_cmd_help_group(table, n, first, asked ? stdout : stderr) > 0)
            return finish_output(stdout, asked ? 0 : qlab_exit_code(QLAB_E_USAGE));
    }
    return fail_command(table, n, argc - 1, argv + 1);
}
