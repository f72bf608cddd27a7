/* base/sync.h -- files put in place behind the writer's back, but before it says that they are.
 *
 * Putting a file in place waits for the disk two or three times.  A worker that makes many files
 * hands them to a qlab_sync and goes on; its thread does for each what qlab_file_put_in_place does
 * (fsync, rename, fsync folder).  Nothing may be named by a record or a commit before
 * qlab_sync_wait has returned QLAB_OK.
 *
 * Ownership: names are copied.  Threads: one owner puts and waits; the thread is the sync's own.
 * Fails: at wait, with the first failure; the temporary files behind it are removed.
 */
#ifndef QLAB_BASE_SYNC_H
#define QLAB_BASE_SYNC_H

#include "base/err.h"

typedef struct qlab_sync qlab_sync;

qlab_sync *qlab_sync_new(void); /* its thread starts with the first file */
/* tmp_path and final_path in one folder.  Makes the folder where it is missing (its own entry is
 * synced with the file); waits while 64 files are ahead. */
qlab_code qlab_sync_make_folder(qlab_sync *sync, const char *folder, qlab_err *err) QLAB_MUST_USE;
void qlab_sync_put(qlab_sync *sync, const char *tmp_path, const char *final_path);
/* All files that were put are in place, or the first failure; then it may be used again. */
qlab_code qlab_sync_wait(qlab_sync *sync, qlab_err *err) QLAB_MUST_USE;
/* Removes what is not in place yet; NULL is fine. */
void qlab_sync_free(qlab_sync *sync);

#endif
