/* base/err.h -- one way to fail.
 *
 * A function that can fail returns a qlab_code and takes `qlab_err *err` last.  The code says what
 * the CALLER should do next; the text says which datum was wrong, in the past tense, in one line:
 * "bar 3 of US:ABC in pack X: high 9.1 was below low 9.4".
 *
 * err may not be NULL.  The first failure writes it; nobody overwrites it on the way up (use
 * qlab_err_prefix to say which file or asset).  Owned by the caller; no allocation.
 * Threads: one qlab_err belongs to one thread.
 */
#ifndef QLAB_BASE_ERR_H
#define QLAB_BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

typedef enum qlab_code {
    QLAB_OK = 0,
    QLAB_E_USAGE,     /* the call or an option was wrong: fix the call (exit 2) */
    QLAB_E_CONFIG,    /* a configuration, policy or candidate file was wrong: edit it (exit 2) */
    QLAB_E_NOT_FOUND, /* a named input does not exist (exit 3) */
    QLAB_E_EXISTS,    /* the name is taken: lost a race, or done already (exit 3) */
    QLAB_E_CORRUPT,   /* an input does not say what it promised: distrust the file (exit 3) */
    QLAB_E_IO,        /* the system refused a read or a write (exit 3) */
    QLAB_E_STALE,     /* an input is older than it must be (exit 3) */
    QLAB_E_LOCKED,    /* another process holds the lock (exit 4) */
    QLAB_E_LIMIT,     /* memory, disk or time budget (exit 5) */
    QLAB_E_CANCELLED, /* stopped cleanly; the same command resumes (exit 75) */
    QLAB_E_INTERNAL   /* a bug (exit 70) */
} qlab_code;

enum { QLAB_ERR_TEXT_BYTES = 1024 };

typedef struct qlab_err {
    qlab_code code;
    char text[QLAB_ERR_TEXT_BYTES];
} qlab_err;

#define QLAB_ERR_INIT                                                                              \
    {                                                                                              \
        QLAB_OK, ""                                                                                \
    }
#define QLAB_MUST_USE           __attribute__((warn_unused_result))
#define QLAB_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Sets code and text; returns code, so that `return qlab_fail(...)` reads well. */
qlab_code qlab_fail(qlab_err *err, qlab_code code, const char *fmt, ...) QLAB_PRINTF(3, 4);
/* The same with ": <strerror(errno)>" appended.  ENOSPC, EDQUOT and EFBIG become QLAB_E_LIMIT,
 * ENOENT becomes QLAB_E_NOT_FOUND, EEXIST QLAB_E_EXISTS; all else QLAB_E_IO. */
qlab_code qlab_fail_errno(qlab_err *err, int errnum, const char *fmt, ...) QLAB_PRINTF(3, 4);
/* Puts "<prefix>: " before the text that stands; returns err->code. */
qlab_code qlab_err_prefix(qlab_err *err, const char *fmt, ...) QLAB_PRINTF(2, 3);
void qlab_err_reset(qlab_err *err);

/* Exit code of the program for a code (FORMATS 3), and its name for the log. */
int qlab_exit_code(qlab_code code);
const char *qlab_code_name(qlab_code code);

#endif
