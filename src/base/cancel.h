/* base/cancel.h -- SIGINT and SIGTERM ask; work stops at the next unit border.
 *
 * The one process-wide flag of the program (a signal handler can reach nothing else).
 */
#ifndef QLAB_BASE_CANCEL_H
#define QLAB_BASE_CANCEL_H

#include "base/err.h"
#include <stdbool.h>

void qlab_cancel_install(void); /* main, once */
bool qlab_cancel_asked(void);
/* QLAB_E_CANCELLED with "interrupted; run the same command again to resume" when asked, else OK. */
qlab_code qlab_cancel_check(qlab_err *err) QLAB_MUST_USE;

#endif
