/* guard/check.h -- one check of a report: a name, findings, a verdict.
 *
 * JSON: {"name", "verdict": PASS | FAIL | NOT_APPLICABLE, "value": number of findings,
 * "threshold": 0, "reason", "measured": {...}, "findings": [the first ones as text]}.
 *
 * Ownership: a check owns its documents until it is closed.  Threads: one thread.
 */
#ifndef QLAB_GUARD_CHECK_H
#define QLAB_GUARD_CHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { QLAB_CHECK_FINDINGS = 20 }; /* told; the others are counted */

typedef struct qlab_check {
    const char *name;    /* literal */
    const char *skipped; /* reason; NULL = it applies */
    json_t *measured, *findings;
    size_t n_findings;
} qlab_check;

qlab_check qlab_check_begin(const char *name);
void qlab_check_find(qlab_check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void qlab_check_measure(qlab_check *c, const char *what, json_int_t value);
/* NOT_APPLICABLE, with a literal reason code. */
void qlab_check_skip(qlab_check *c, const char *reason);
/* Appends it to an array of checks; true where it failed. */
bool qlab_check_end(qlab_check *c, json_t *checks);

#endif
