/* ops/scratch.h -- a second root that shares the first one's Parquet files.
 *
 * lake/, snapshots/ and features/ are taken over file by file: *.parquet as hard links (no writer
 * ever changes one in place), everything else as a copy, so that nothing done there reaches back.
 * Where links cannot be made (another file system) all are copied.  Acknowledgements come along;
 * runs, jobs and ledgers do not.
 *
 * Ownership: strings are the caller's.  Threads: one thread.
 * Errors: QLAB_E_USAGE where the folder is not new or empty, or lies inside the root;
 * QLAB_E_LOCKED where the root was written meanwhile (run again); those of reading and writing.
 */
#ifndef QLAB_OPS_SCRATCH_H
#define QLAB_OPS_SCRATCH_H

#include "base/env.h"
#include "base/hash.h"
#include <stdint.h>

typedef struct qlab_scratch {
    uint64_t n_linked, n_copied, bytes_copied;
    qlab_digest root_state; /* of names, sizes, times and numbers of the files that were taken */
} qlab_scratch;

qlab_code qlab_scratch_make(const char *root, const char *folder, qlab_scratch *out,
                            qlab_err *err) QLAB_MUST_USE;
/* The same digest of the root as it stands now. */
qlab_code qlab_scratch_root_state(const char *root, qlab_digest *out, qlab_err *err) QLAB_MUST_USE;

#endif
