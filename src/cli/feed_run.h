/* cli/feed_run.h -- what `actions load` and `delistings load` share: lock, run id, report, folder.
 */
#ifndef QLAB_CLI_FEED_RUN_H
#define QLAB_CLI_FEED_RUN_H

#include "cli/cmd.h"
#include "truth/feed.h"

/* Loads the file or folder in one commit, publishes the run folder (<kind>_load_report.json) and
 * prints the counts. */
qlab_code qlab_feed_run(qlab_ctx *cx, const qlab_feed_request *request,
                        qlab_err *err) QLAB_MUST_USE;

#endif
