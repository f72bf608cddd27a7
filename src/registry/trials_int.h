/* registry/trials_int.h -- inside registry/: lines of the trial ledger, and the files of series.
 *
 * Not for other modules.
 */
#ifndef QLAB_REGISTRY_TRIALS_INT_H
#define QLAB_REGISTRY_TRIALS_INT_H

#include "duck/duck.h"
#include "registry/trials.h"

typedef enum qlab_trial_event { QLAB_TRIAL_DEPOSITED, QLAB_TRIAL_OPENED } qlab_trial_event;

/* One line of the ledger; texts are borrowed from it. */
typedef struct qlab_trial_line {
    size_t line; /* from 0 */
    qlab_trial_event event;
    const char *plan;
    int32_t asof;
    qlab_digest definition;
    int32_t first_sealed; /* opened only; the rest: deposited only */
    qlab_trial_kind kind;
    qlab_digest trial;
    uint32_t look;
    int32_t forward_from;
    qlab_digest series;
    const char *file;                           /* relative to the root; "" where n is 0 */
    size_t n;                                   /* values */
    const json_t *candidate, *rule, *execution; /* NULL but on the trial's first line */
} qlab_trial_line;

/* All lines of a ledger, in order; array owned by the caller. */
qlab_code qlab_trial_lines_read(const qlab_rchain *c, size_t n_lines, qlab_trial_line **out,
                                qlab_err *err) QLAB_MUST_USE;
/* The state after the last line of a plan's deposit; false where it made none. */
bool qlab_trial_lines_plan(const qlab_rchain *c, const qlab_trial_line *lines, size_t n,
                           const char *plan, qlab_chain_pin *pin);

/* One trial's dated values in a file. */
typedef struct qlab_trial_span {
    qlab_digest trial;
    size_t from, to; /* rows */
} qlab_trial_span;

typedef struct qlab_series_file {
    qlab_table table; /* trial, date, value */
    qlab_trial_span *spans;
    size_t n_spans;
} qlab_series_file;

qlab_digest qlab_series_digest(const int32_t *dates, const double *values, size_t n);
/* dates and values of one span. */
const int32_t *qlab_series_dates(const qlab_series_file *f);
const double *qlab_series_values(const qlab_series_file *f);
qlab_code qlab_series_file_read(const qlab_env *env, const char *file, qlab_series_file *out,
                                qlab_err *err) QLAB_MUST_USE;
void qlab_series_file_free(qlab_series_file *f);
/* The rows that a line promised: QLAB_E_CORRUPT where they are not there or are others. */
qlab_code qlab_series_file_find(const qlab_series_file *f, const qlab_trial_line *l, size_t *from,
                                qlab_err *err) QLAB_MUST_USE;

#endif
