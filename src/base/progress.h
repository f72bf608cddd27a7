/* base/progress.h -- one line that says how far a step is: done/total, rate, time left.
 *
 * On a terminal the line is rewritten about five times a second; otherwise a line a minute; with
 * --quiet nothing.  Reads the monotonic clock: shown to people, never part of a result.
 * Threads: qlab_progress_add may be called from any worker.
 */
#ifndef QLAB_BASE_PROGRESS_H
#define QLAB_BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct qlab_progress qlab_progress;

/* unit: "bars", "asset-sessions", ...; total 0 = unknown. quiet: show nothing. */
qlab_progress *qlab_progress_begin(const char *step, const char *unit, uint64_t total, bool quiet);
void qlab_progress_add(qlab_progress *p, uint64_t n);
/* Clears the line and frees; returns the seconds the step took. */
double qlab_progress_end(qlab_progress *p);
double qlab_monotonic_seconds(void); /* for *.run.json and screens only */
uint64_t qlab_peak_rss_bytes(void);  /* of this process so far */

#endif
