/* base/log.h -- the log: lines `level module key=value ...` on stderr.
 *
 * stdout is the result and is never written here.  A value with spaces or quotes is quoted.
 * Threads: safe (one write(2) a line).
 */
#ifndef QLAB_BASE_LOG_H
#define QLAB_BASE_LOG_H

typedef enum qlab_log_level {
    QLAB_LOG_DEBUG,
    QLAB_LOG_INFO,
    QLAB_LOG_WARN,
    QLAB_LOG_ERROR
} qlab_log_level;

typedef struct qlab_log {
    qlab_log_level min_level;
    int fd; /* 2; tests use another */
} qlab_log;

/* fmt makes the key=value text: qlab_log_line(log, QLAB_LOG_WARN, "vendor", "pack=%s reason=%s",
 * ...) */
void qlab_log_line(const qlab_log *log, qlab_log_level level, const char *module, const char *fmt,
                   ...) __attribute__((format(printf, 4, 5)));

#endif
