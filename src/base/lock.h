/* base/lock.h -- one writer.
 *
 * A lock is a JSON file {pid, host, boot_id, start_time, command} made by exclusive create and
 * held with an fcntl lock beside it.  Taken: QLAB_E_LOCKED names pid, host and age.  A lock whose
 * process is dead on THIS host (and boot) is taken over; one of another host never is.
 */
#ifndef QLAB_BASE_LOCK_H
#define QLAB_BASE_LOCK_H

#include "base/err.h"

typedef struct qlab_lock qlab_lock;

qlab_code qlab_lock_take(const char *path, const char *command, qlab_lock **out,
                         qlab_err *err) QLAB_MUST_USE;
void qlab_lock_release(qlab_lock *lock); /* NULL is fine */

#endif
