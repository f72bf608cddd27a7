/* stage_b/artifact.h -- inside stage_b/: what a run leaves behind. */
#ifndef QLAB_STAGE_B_ARTIFACT_H
#define QLAB_STAGE_B_ARTIFACT_H

#include "stage_b/verdict.h"

/* The Parquet files of a run into `dir`. */
qlab_code qlab_stage_b_write_tables(const qlab_stage_b *b, const qlab_b_verdicts *v,
                                    const char *dir, qlab_err *err) QLAB_MUST_USE;
/* The report; new reference. */
json_t *qlab_stage_b_report(const qlab_stage_b *b, const qlab_b_verdicts *v);
const char *qlab_b_result_name(qlab_b_result r); /* "PASS" */

#endif
