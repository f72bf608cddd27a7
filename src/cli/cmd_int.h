/* cli/cmd_int.h -- what cmd.c, cmd_parse.c and cmd_help.c share; nobody else includes it. */
#ifndef QLAB_CLI_CMD_INT_H
#define QLAB_CLI_CMD_INT_H

#include "cli/cmd.h"

/* The options of every command. */
typedef struct qlab_common {
    const char *root, *config;
    bool json, quiet, dry_run, help, version;
    int64_t threads;  /* 0 = not given */
    size_t memory;    /* 0 = not given */
    int32_t now;      /* QLAB_DATE_NONE = not given */
    const char *seed; /* NULL = not given */
} qlab_common;

extern const qlab_opt qlab_common_options[];

/* Parses argv[0..argc) (after the command's words) into the command's struct (zeroed, dates NONE,
 * then its init) and into `common`.  cmd may be NULL: common options only.  `rest` holds at least
 * argc pointers and must outlive opts.  With --help nothing else is demanded. */
qlab_code qlab_cmd_parse(const qlab_cmd *cmd, int argc, char **argv, void *opts,
                         qlab_common *common, const char **rest, qlab_err *err) QLAB_MUST_USE;

void qlab_cmd_help_all(const qlab_cmd_entry *table, size_t n, FILE *out);
void qlab_cmd_help_one(const qlab_cmd *cmd, FILE *out);
/* Commands that start with `word` ("lake"); returns how many. */
size_t qlab_cmd_help_group(const qlab_cmd_entry *table, size_t n, const char *word, FILE *out);
void qlab_cmd_help_names(const qlab_cmd_entry *table, size_t n, FILE *out);
void qlab_cmd_completion_bash(const qlab_cmd_entry *table, size_t n, FILE *out);

#endif
