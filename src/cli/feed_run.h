/* cli/feed_run.h -- what `actions load` and `delistings load` share: lock, run id, report, folder.
 */
#ifndef QLAB_CLI_FEED_RUN_H
#define QLAB_CLI_FEED_RUN_H

#include "cli/cmd.h"
#include "truth/feed.h"

typedef qlab_code (*qlab_feed_load_fn)(const qlab_env *env, const qlab_lake_view *view,
                                       const char *path, const char *run_id, qlab_feed_report *out,
                                       qlab_err *err);

/* kind: "actions" or "delistings".  Loads the file in one commit, publishes the run folder
 * (<kind>_load_report.json) and prints the counts. */
qlab_code qlab_feed_run(qlab_ctx *cx, const char *kind, const char *path, qlab_feed_load_fn load,
                        qlab_err *err) QLAB_MUST_USE;

#endif
