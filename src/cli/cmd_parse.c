#include "base/alloc.h"
#include "base/date.h"
#include "base/decimal.h"
#include "base/view.h"
#include "cli/cmd_int.h"

#include <assert.h>
#include <string.h>

const qlab_opt qlab_common_options[] = {
    QLAB_STR_OPT(qlab_common, root, "root", "DIR", "the quant root; else $QUANTLAB_ROOT"),
    QLAB_STR_OPT(qlab_common, config, "config", "FILE", "else quantlab.yaml in the root"),
    QLAB_FLAG(qlab_common, json, "json", "print the result as JSON"),
    QLAB_FLAG(qlab_common, quiet, "quiet", "no progress, only warnings in the log"),
    QLAB_I64_OPT(qlab_common, threads, "threads", "N", "workers; else one a processor"),
    QLAB_SIZE_OPT(qlab_common, memory, "memory-limit",
                  "memory of the whole process (512MiB, 4GiB); else half of the machine's"),
    QLAB_DATE_OPT(qlab_common, now, "now", "the day that counts as today; recorded"),
    QLAB_STR_OPT(qlab_common, seed, "seed", "S", "seed of all random numbers; else 1"),
    QLAB_FLAG(qlab_common, dry_run, "dry-run", "say what would be done and do nothing"),
    QLAB_FLAG(qlab_common, help, "help", "this text"),
    QLAB_FLAG(qlab_common, version, "version", "print the version"),
    QLAB_OPTS_END,
};

/* An option of the command or a common one, with the struct it lands in. */
typedef struct target {
    const qlab_opt *opt;
    void *at;
} target;

typedef struct parse {
    const qlab_cmd *cmd;
    void *opts;
    qlab_common *common;
    const char *seen[64]; /* names given so far */
    size_t n_seen;
    qlab_err *err;
} parse;

static bool is_named(const qlab_opt *o)
{
    return o->type != QLAB_OPT_ARG && o->type != QLAB_OPT_REST;
}

static const qlab_opt *find_option(const qlab_opt *options, const char *name, size_t n)
{
    for (const qlab_opt *o = options; o && o->type != QLAB_OPT_END; o++)
        if (is_named(o) && strlen(o->name) == n && memcmp(o->name, name, n) == 0)
            return o;
    return NULL;
}

static target find_target(const parse *p, const char *name, size_t n)
{
    const qlab_opt *o = p->cmd ? find_option(p->cmd->options, name, n) : NULL;
    if (o)
        return (target){o, (char *)p->opts + o->offset};
    o = find_option(qlab_common_options, name, n);
    return (target){o, o ? (char *)p->common + o->offset : NULL};
}

static qlab_code fail_unknown(const parse *p, const char *arg, qlab_err *err)
{
    const char *names[128];
    char word[64];
    size_t n = 0;
    const qlab_opt *tables[] = {p->cmd ? p->cmd->options : NULL, qlab_common_options};
    for (size_t t = 0; t < 2; t++)
        for (const qlab_opt *o = tables[t]; o && o->type != QLAB_OPT_END; o++)
            if (is_named(o) && strlen(o->name) > 1 && n < 127)
                names[n++] = o->name;
    names[n] = NULL;
    const char *bare = arg + strspn(arg, "-");
    const size_t length = strcspn(bare, "=");
    const char *nearest = NULL;
    if (length < sizeof word) {
        memcpy(word, bare, length);
        word[length] = '\0';
        nearest = qlab_str_nearest(word, names);
    }
    if (nearest)
        return qlab_fail(err, QLAB_E_USAGE, "unknown option %.*s; did you mean --%s?",
                         (int)(bare - arg + (ptrdiff_t)length), arg, nearest);
    return qlab_fail(err, QLAB_E_USAGE, "unknown option %.*s; `quantlab %s%s--help` lists them",
                     (int)(bare - arg + (ptrdiff_t)length), arg, p->cmd ? p->cmd->name : "",
                     p->cmd ? " " : "");
}

static bool parse_i64(const char *s, int64_t *out)
{
    const bool negative = *s == '-';
    int64_t v = 0;
    s += negative;
    const size_t n = strlen(s);
    if (n < 1 || n > 18)
        return false;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return false;
        v = v * 10 + (*s - '0');
    }
    *out = negative ? -v : v;
    return true;
}

static qlab_code fail_value(const qlab_opt *o, const char *value, const char *wanted, qlab_err *err)
{
    const bool named = is_named(o);
    return qlab_fail(err, QLAB_E_USAGE, "%s%s was \"%s\", not %s",
                     !named                 ? ""
                     : strlen(o->name) == 1 ? "-"
                                            : "--",
                     o->name, value, wanted);
}

static qlab_code store(const qlab_opt *o, void *at, const char *value, qlab_err *err)
{
    switch (o->type) {
    case QLAB_OPT_STR:
    case QLAB_OPT_ARG:
        *(const char **)at = value;
        return QLAB_OK;
    case QLAB_OPT_FLAG:
        *(bool *)at = true;
        return QLAB_OK;
    case QLAB_OPT_I64:
        return parse_i64(value, at) ? QLAB_OK : fail_value(o, value, "a whole number", err);
    case QLAB_OPT_F64:
        return qlab_decimal_parse_text(value, at) ? QLAB_OK : fail_value(o, value, "a number", err);
    case QLAB_OPT_DATE:
        return qlab_date_parse(value, strlen(value), at)
                   ? QLAB_OK
                   : fail_value(o, value, "a date (YYYY-MM-DD)", err);
    case QLAB_OPT_SIZE:
        return qlab_decimal_parse_size(value, at)
                   ? QLAB_OK
                   : fail_value(o, value, "a size (512MiB, 4GiB)", err);
    case QLAB_OPT_REST:
    case QLAB_OPT_END:
        break;
    }
    assert(false); /* not an option that takes a value */
    return QLAB_E_INTERNAL;
}

static bool was_seen(const parse *p, const char *name)
{
    for (size_t i = 0; i < p->n_seen; i++)
        if (strcmp(p->seen[i], name) == 0)
            return true;
    return false;
}

static qlab_code note_seen(parse *p, const qlab_opt *o)
{
    if (was_seen(p, o->name))
        return qlab_fail(p->err, QLAB_E_USAGE, "--%s was given twice", o->name);
    assert(p->n_seen < sizeof p->seen / sizeof p->seen[0]);
    p->seen[p->n_seen++] = o->name;
    return QLAB_OK;
}

/* argv[*i] starts with a dash; takes its value from the next word where it has no "=". */
static qlab_code take_option(parse *p, int argc, char **argv, int *i)
{
    const char *arg = argv[*i];
    if (strcmp(arg, "-h") == 0)
        arg = "--help";
    const char *name = arg + (arg[1] == '-' ? 2 : 1);
    const size_t n = strcspn(name, "=");
    const bool right_dashes = n == 1 || arg[1] == '-'; /* -n and --n are the same option */
    const target t = right_dashes ? find_target(p, name, n) : (target){NULL, NULL};
    if (!t.opt)
        return fail_unknown(p, arg, p->err);
    const qlab_code rc = note_seen(p, t.opt);
    if (rc != QLAB_OK)
        return rc;
    if (t.opt->type == QLAB_OPT_FLAG) {
        if (name[n] == '=')
            return qlab_fail(p->err, QLAB_E_USAGE, "--%s takes no value", t.opt->name);
        return store(t.opt, t.at, NULL, p->err);
    }
    if (name[n] == '=')
        return store(t.opt, t.at, name + n + 1, p->err);
    if (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0)
        return qlab_fail(p->err, QLAB_E_USAGE, "%s needs a value (%s)", arg, t.opt->value);
    return store(t.opt, t.at, argv[++*i], p->err);
}

/* "-5" is a number, "-" is standard input: both are arguments. */
static bool is_option(const char *arg)
{
    if (arg[0] != '-' || arg[1] == '\0')
        return false;
    return !(arg[1] == '.' || (arg[1] >= '0' && arg[1] <= '9'));
}

static qlab_code place_arguments(const parse *p, const char **rest, size_t n)
{
    size_t used = 0;
    const qlab_opt *o = p->cmd ? p->cmd->options : NULL;
    for (; o && o->type != QLAB_OPT_END; o++) {
        if (o->type == QLAB_OPT_ARG && used < n) {
            const qlab_code rc = store(o, (char *)p->opts + o->offset, rest[used++], p->err);
            if (rc != QLAB_OK)
                return rc;
        } else if (o->type == QLAB_OPT_ARG && o->required) {
            return qlab_fail(p->err, QLAB_E_USAGE, "%s is missing; usage: quantlab %s%s%s", o->name,
                             p->cmd->name, p->cmd->args ? " " : "",
                             p->cmd->args ? p->cmd->args : "");
        } else if (o->type == QLAB_OPT_REST) {
            *(qlab_args *)(void *)((char *)p->opts + o->offset) =
                (qlab_args){rest + used, n - used};
            used = n;
        } else if (is_named(o) && o->required && !was_seen(p, o->name)) {
            return qlab_fail(p->err, QLAB_E_USAGE, "--%s %s is missing", o->name,
                             o->value ? o->value : "");
        }
    }
    if (used < n)
        return qlab_fail(p->err, QLAB_E_USAGE, "unexpected argument \"%s\"", rest[used]);
    return QLAB_OK;
}

static void set_defaults(const qlab_cmd *cmd, void *opts)
{
    memset(opts, 0, cmd->opts_size);
    for (const qlab_opt *o = cmd->options; o && o->type != QLAB_OPT_END; o++)
        if (o->type == QLAB_OPT_DATE)
            *(int32_t *)(void *)((char *)opts + o->offset) = QLAB_DATE_NONE;
    if (cmd->init)
        cmd->init(opts);
}

qlab_code qlab_cmd_parse(const qlab_cmd *cmd, int argc, char **argv, void *opts,
                         qlab_common *common, const char **rest, qlab_err *err)
{
    parse p = {.cmd = cmd, .opts = opts, .common = common, .err = err};
    size_t n = 0;
    memset(common, 0, sizeof *common);
    common->now = QLAB_DATE_NONE;
    if (cmd)
        set_defaults(cmd, opts);
    bool only_arguments = false;
    for (int i = 0; i < argc; i++) {
        if (!only_arguments && strcmp(argv[i], "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && is_option(argv[i])) {
            const qlab_code rc = take_option(&p, argc, argv, &i);
            if (rc != QLAB_OK)
                return rc;
        } else {
            rest[n++] = argv[i];
        }
    }
    if (common->help || common->version)
        return QLAB_OK;
    return place_arguments(&p, rest, n);
}
