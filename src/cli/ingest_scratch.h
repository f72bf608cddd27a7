/* cli/ingest_scratch.h -- `ingest --scratch DIR`: a rehearsal in a copy of the root. */
#ifndef QLAB_CLI_INGEST_SCRATCH_H
#define QLAB_CLI_INGEST_SCRATCH_H

#include "cli/cmd.h"
#include "ingest/ingest.h"
#include "ops/scratch.h"

typedef struct qlab_ingest_scratch {
    const char *folder; /* NULL: no rehearsal, everything below works on the root itself */
    qlab_env env;       /* what the ingest is handed */
    qlab_scratch made;
    json_t *report; /* NULL until judged */
} qlab_ingest_scratch;

/* Sets env; with a folder makes the copy. QLAB_E_USAGE together with --dry-run. */
qlab_code qlab_ingest_scratch_open(const qlab_ctx *cx, qlab_ingest_scratch *s,
                                   qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_ingest_scratch_judge(const qlab_ctx *cx, qlab_ingest_scratch *s,
                                    const qlab_ingest_result *r, qlab_err *err) QLAB_MUST_USE;
void qlab_ingest_scratch_print(const qlab_ctx *cx, const qlab_ingest_scratch *s);

#endif
