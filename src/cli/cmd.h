/* cli/cmd.h -- a command is data: name, help, options, function.
 *
 * cli/main.c holds the one table in data-flow order.  Parsing, help, completion and the tests that
 * demand help text come from it.  Options land in the command's own struct; no globals.
 * A run function prints its result to cx->out (JSON with --json, else text for people) and returns
 * a code; a negative verdict is not an error: it sets cx->exit_code = 1 and returns QLAB_OK.
 */
#ifndef QLAB_CLI_CMD_H
#define QLAB_CLI_CMD_H

#include "base/env.h"
#include "base/err.h"
#include "cli/config.h"
#include "duck/duck.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Where an option of type REST lands. */
typedef struct qlab_args {
    const char *const *at;
    size_t n;
} qlab_args;

typedef enum qlab_opt_type {
    QLAB_OPT_END,
    QLAB_OPT_STR,
    QLAB_OPT_FLAG,
    QLAB_OPT_I64,
    QLAB_OPT_F64,
    QLAB_OPT_DATE,
    QLAB_OPT_SIZE,
    QLAB_OPT_ARG, /* a positional, in order */
    QLAB_OPT_REST /* all further positionals: qlab_args */
} qlab_opt_type;

typedef struct qlab_opt {
    qlab_opt_type type;
    const char *name; /* without dashes; one letter: both -o and --o; for ARG the placeholder */
    size_t
        offset; /* STR const char*, FLAG bool, I64 int64_t, F64 double, DATE int32_t, SIZE size_t */
    bool required;
    const char *value; /* placeholder in help: "DIR" */
    const char *help;
} qlab_opt;

#define QLAB_STR_OPT(S, f, name, value, help)                                                      \
    {                                                                                              \
        QLAB_OPT_STR, name, offsetof(S, f), false, value, help                                     \
    }
#define QLAB_STR_REQ(S, f, name, value, help)                                                      \
    {                                                                                              \
        QLAB_OPT_STR, name, offsetof(S, f), true, value, help                                      \
    }
#define QLAB_FLAG(S, f, name, help)                                                                \
    {                                                                                              \
        QLAB_OPT_FLAG, name, offsetof(S, f), false, NULL, help                                     \
    }
#define QLAB_I64_OPT(S, f, name, value, help)                                                      \
    {                                                                                              \
        QLAB_OPT_I64, name, offsetof(S, f), false, value, help                                     \
    }
#define QLAB_F64_OPT(S, f, name, value, help)                                                      \
    {                                                                                              \
        QLAB_OPT_F64, name, offsetof(S, f), false, value, help                                     \
    }
#define QLAB_DATE_OPT(S, f, name, help)                                                            \
    {                                                                                              \
        QLAB_OPT_DATE, name, offsetof(S, f), false, "DATE", help                                   \
    }
#define QLAB_SIZE_OPT(S, f, name, help)                                                            \
    {                                                                                              \
        QLAB_OPT_SIZE, name, offsetof(S, f), false, "SIZE", help                                   \
    }
#define QLAB_ARG(S, f, name, help)                                                                 \
    {                                                                                              \
        QLAB_OPT_ARG, name, offsetof(S, f), true, NULL, help                                       \
    }
#define QLAB_ARG_OPT(S, f, name, help)                                                             \
    {                                                                                              \
        QLAB_OPT_ARG, name, offsetof(S, f), false, NULL, help                                      \
    }
#define QLAB_REST(S, f, name, help)                                                                \
    {                                                                                              \
        QLAB_OPT_REST, name, offsetof(S, f), false, NULL, help                                     \
    }
#define QLAB_OPTS_END                                                                              \
    {                                                                                              \
        QLAB_OPT_END, NULL, 0, false, NULL, NULL                                                   \
    }

/* What main prepares before a command runs. */
enum {
    QLAB_NEEDS_ROOT = 1, /* --root or QUANTLAB_ROOT; made when missing if QLAB_MAKES_ROOT */
    QLAB_NEEDS_DUCK = 2, /* env.duck is open, one connection a worker */
    QLAB_MAKES_ROOT = 4,
    QLAB_WRITES = 8 /* makes something: --dry-run is offered */
};

/* Where the common values came from: "flag", "environment", "quantlab.yaml:3", "built-in". */
typedef struct qlab_origins {
    const char *root, *threads, *memory_limit, *now, *seed;
} qlab_origins;

typedef struct qlab_ctx {
    qlab_env env;
    const qlab_config *config; /* file over built-in values; flags win in the command */
    bool json;
    FILE *out;
    int exit_code; /* 0, or 1 for a negative verdict */
    bool told;     /* the JSON result is out: a failure behind it goes to stderr alone */
    int argc;      /* the whole command line, for *.run.json; also in env */
    char **argv;
    qlab_origins origins;
    const struct qlab_cmd_entry *table; /* all commands, for help */
    size_t n_table;
} qlab_ctx;

typedef struct qlab_cmd {
    const char *name;    /* "lake verify" */
    const char *args;    /* "[COMMIT]" for usage; NULL */
    const char *summary; /* one line */
    const char *help;    /* paragraphs and an example; NULL */
    unsigned needs;
    const qlab_opt *options;
    size_t opts_size;
    void (*init)(void *opts); /* defaults other than zero; NULL (DATE defaults to QLAB_DATE_NONE) */
    qlab_code (*run)(qlab_ctx *cx, const void *opts, qlab_err *err);
} qlab_cmd;

/* A line of the table: a group's heading (cmd NULL) or a command. */
typedef struct qlab_cmd_entry {
    const char *group;
    const qlab_cmd *cmd;
} qlab_cmd_entry;

/* The program: finds the command, parses, prepares, runs, reports; returns the exit code. */
int qlab_cmd_main(const qlab_cmd_entry *table, size_t n, int argc, char **argv);
/* Prints a document in pretty form to cx->out. */
void qlab_cmd_print_json(const qlab_ctx *cx, const json_t *v);
/* Writes text from column `at` on, words wrapped at 80, further lines indented to `indent`, and
 * ends the line. */
void qlab_cmd_put_wrapped(FILE *out, const char *text, size_t at, size_t indent);

/* One line a file: extern const qlab_cmd qlab_cmd_<name>; listed in cli/main.c. */

#endif
