#include "base/log.h"
#include "base/view.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *level_name(qlab_log_level level)
{
    switch (level) {
    case QLAB_LOG_DEBUG:
        return "debug";
    case QLAB_LOG_INFO:
        return "info";
    case QLAB_LOG_WARN:
        return "warn";
    case QLAB_LOG_ERROR:
        break;
    }
    return "error";
}

/* True where `key=` starts: that is where a value without quotes ends. */
static bool starts_key(const char *s)
{
    if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || *s == '_'))
        return false;
    while ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
           *s == '_')
        s++;
    return *s == '=';
}

static void put_value(qlab_buf *line, const char *s, size_t n)
{
    bool plain = n > 0;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] <= ' ' || s[i] == '"' || s[i] == '\\' || s[i] == 0x7f)
            plain = false;
    if (plain || (n >= 2 && s[0] == '"' && s[n - 1] == '"')) {
        qlab_buf_put(line, s, n);
        return;
    }
    qlab_buf_puts(line, "\"");
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"' || s[i] == '\\')
            qlab_buf_putf(line, "\\%c", s[i]);
        else if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
            qlab_buf_putf(line, "\\x%02x", (unsigned)(unsigned char)s[i]);
        else
            qlab_buf_put(line, s + i, 1);
    }
    qlab_buf_puts(line, "\"");
}

static void put_pairs(qlab_buf *line, const char *s)
{
    while (*s) {
        const char *value = strchr(s, '=');
        if (!starts_key(s) || !value) {
            put_value(line, s, strlen(s));
            return;
        }
        qlab_buf_put(line, s, (size_t)(value + 1 - s));
        value++;
        const char *end = value;
        while (*end && !(*end == ' ' && starts_key(end + 1)))
            end++;
        put_value(line, value, (size_t)(end - value));
        s = *end ? end + 1 : end;
        if (*s)
            qlab_buf_puts(line, " ");
    }
}

void qlab_log_line(const qlab_log *log, qlab_log_level level, const char *module, const char *fmt,
                   ...)
{
    if (!log || level < log->min_level)
        return;
    char text[4096];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);

    qlab_buf line = QLAB_BUF_INIT;
    qlab_buf_putf(&line, "%s %s ", level_name(level), module);
    put_pairs(&line, text);
    qlab_buf_puts(&line, "\n");
    size_t done = 0;
    while (done < line.n) {
        const ssize_t n = write(log->fd, line.at + done, line.n - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* nobody reads the log: the work goes on */
        done += (size_t)n;
    }
    qlab_buf_free(&line);
}
