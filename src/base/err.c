#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One line: a text that came from outside (a file name, a token) must not break the log. */
static void make_one_line(char *text)
{
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
}

static void write_text(qlab_err *err, const char *fmt, va_list args)
{
    char text[QLAB_ERR_TEXT_BYTES]; /* the arguments may point into err->text */
    vsnprintf(text, sizeof text, fmt, args);
    make_one_line(text);
    memcpy(err->text, text, strlen(text) + 1);
}

qlab_code qlab_fail(qlab_err *err, qlab_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    write_text(err, fmt, args);
    va_end(args);
    err->code = code;
    return code;
}

static qlab_code code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return QLAB_E_LIMIT;
    case ENOENT:
        return QLAB_E_NOT_FOUND;
    case EEXIST:
        return QLAB_E_EXISTS;
    default:
        return QLAB_E_IO;
    }
}

qlab_code qlab_fail_errno(qlab_err *err, int errnum, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    write_text(err, fmt, args);
    va_end(args);

    char reason[128];
    if (strerror_r(errnum, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", errnum);
    /* A long path must not push the reason out. */
    const size_t room = sizeof err->text - strlen(reason) - 3;
    size_t n = strlen(err->text);
    if (n > room)
        n = room;
    snprintf(err->text + n, sizeof err->text - n, ": %s", reason);
    err->code = code_of_errno(errnum);
    return err->code;
}

qlab_code qlab_err_prefix(qlab_err *err, const char *fmt, ...)
{
    char prefix[QLAB_ERR_TEXT_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(prefix, sizeof prefix, fmt, args);
    va_end(args);
    make_one_line(prefix);

    size_t n_prefix = strlen(prefix);
    if (n_prefix > QLAB_ERR_TEXT_BYTES / 2)
        n_prefix = QLAB_ERR_TEXT_BYTES / 2; /* the end of the text is the datum: keep it */
    size_t n_text = strlen(err->text);
    if (n_prefix + 2 + n_text > QLAB_ERR_TEXT_BYTES - 1)
        n_text = QLAB_ERR_TEXT_BYTES - 1 - n_prefix - 2;
    memmove(err->text + n_prefix + 2, err->text, n_text);
    memcpy(err->text, prefix, n_prefix);
    memcpy(err->text + n_prefix, ": ", 2);
    err->text[n_prefix + 2 + n_text] = '\0';
    return err->code;
}

void qlab_err_reset(qlab_err *err)
{
    err->code = QLAB_OK;
    err->text[0] = '\0';
}

int qlab_exit_code(qlab_code code)
{
    switch (code) {
    case QLAB_OK:
        return 0;
    case QLAB_E_USAGE:
    case QLAB_E_CONFIG:
        return 2;
    case QLAB_E_NOT_FOUND:
    case QLAB_E_EXISTS:
    case QLAB_E_CORRUPT:
    case QLAB_E_IO:
    case QLAB_E_STALE:
        return 3;
    case QLAB_E_LOCKED:
        return 4;
    case QLAB_E_LIMIT:
        return 5;
    case QLAB_E_CANCELLED:
        return 75;
    case QLAB_E_INTERNAL:
        break;
    }
    return 70;
}

const char *qlab_code_name(qlab_code code)
{
    switch (code) {
    case QLAB_OK:
        return "ok";
    case QLAB_E_USAGE:
        return "usage";
    case QLAB_E_CONFIG:
        return "config";
    case QLAB_E_NOT_FOUND:
        return "not_found";
    case QLAB_E_EXISTS:
        return "exists";
    case QLAB_E_CORRUPT:
        return "corrupt";
    case QLAB_E_IO:
        return "io";
    case QLAB_E_STALE:
        return "stale";
    case QLAB_E_LOCKED:
        return "locked";
    case QLAB_E_LIMIT:
        return "limit";
    case QLAB_E_CANCELLED:
        return "cancelled";
    case QLAB_E_INTERNAL:
        break;
    }
    return "internal";
}
