#include "base/progress.h"
#include "base/alloc.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const double TERMINAL_SECONDS = 0.2, LOG_SECONDS = 60.0;

struct qlab_progress {
    pthread_mutex_t lock; /* guards what follows */
    char *step, *unit;
    uint64_t total, done;
    double began, shown;
    bool quiet, terminal, drawn;
};

double qlab_monotonic_seconds(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
        return 0.0;
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

uint64_t qlab_peak_rss_bytes(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0 || usage.ru_maxrss < 0)
        return 0;
#ifdef __APPLE__
    return (uint64_t)usage.ru_maxrss;
#else
    return (uint64_t)usage.ru_maxrss * 1024;
#endif
}

qlab_progress *qlab_progress_begin(const char *step, const char *unit, uint64_t total, bool quiet)
{
    qlab_progress *p = qlab_alloc_zero(1, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    p->step = qlab_strdup(step);
    p->unit = qlab_strdup(unit);
    p->total = total;
    p->quiet = quiet;
    p->terminal = isatty(STDERR_FILENO) == 1;
    p->began = p->shown = qlab_monotonic_seconds();
    return p;
}

/* 1234567 as "1.23M": a progress line is read at a glance. */
static void put_count(char *out, size_t n, double v)
{
    if (v >= 1e9)
        snprintf(out, n, "%.2fG", v / 1e9);
    else if (v >= 1e6)
        snprintf(out, n, "%.2fM", v / 1e6);
    else if (v >= 1e4)
        snprintf(out, n, "%.1fk", v / 1e3);
    else
        snprintf(out, n, "%.0f", v);
}

static void put_left(char *out, size_t n, double seconds)
{
    if (seconds < 90.0)
        snprintf(out, n, "%.0fs left", seconds);
    else if (seconds < 5400.0)
        snprintf(out, n, "%.0fmin left", seconds / 60.0);
    else
        snprintf(out, n, "%.1fh left", seconds / 3600.0);
}

static void show(qlab_progress *p, double now)
{
    const double seconds = now - p->began;
    const double rate = seconds > 0.0 ? (double)p->done / seconds : 0.0;
    char done[32], total[32], per_second[32], left[48] = "", line[256];
    put_count(done, sizeof done, (double)p->done);
    put_count(total, sizeof total, (double)p->total);
    put_count(per_second, sizeof per_second, rate);
    if (p->total > 0 && rate > 0.0 && p->done <= p->total)
        put_left(left, sizeof left, (double)(p->total - p->done) / rate);
    if (p->total > 0)
        snprintf(line, sizeof line, "%s: %s/%s %s (%.0f%%), %s/s%s%s", p->step, done, total,
                 p->unit, 100.0 * (double)p->done / (double)p->total, per_second, *left ? ", " : "",
                 left);
    else
        snprintf(line, sizeof line, "%s: %s %s, %s/s", p->step, done, p->unit, per_second);

    char out[288];
    const int n = p->terminal ? snprintf(out, sizeof out, "\r%s\033[K", line)
                              : snprintf(out, sizeof out, "info progress %s\n", line);
    if (n > 0 && write(STDERR_FILENO, out, (size_t)n) < 0)
        p->quiet = true; /* nobody is there to read it */
    p->drawn = true;
    p->shown = now;
}

void qlab_progress_add(qlab_progress *p, uint64_t n)
{
    pthread_mutex_lock(&p->lock);
    p->done += n;
    if (!p->quiet) {
        const double now = qlab_monotonic_seconds();
        if (now - p->shown >= (p->terminal ? TERMINAL_SECONDS : LOG_SECONDS))
            show(p, now);
    }
    pthread_mutex_unlock(&p->lock);
}

double qlab_progress_end(qlab_progress *p)
{
    const double seconds = qlab_monotonic_seconds() - p->began;
    if (p->terminal && p->drawn && !p->quiet && write(STDERR_FILENO, "\r\033[K", 4) < 0)
        p->quiet = true;
    pthread_mutex_destroy(&p->lock);
    qlab_free(p->step);
    qlab_free(p->unit);
    qlab_free(p);
    return seconds;
}
