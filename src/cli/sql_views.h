/* cli/sql_views.h -- the views that `quantlab sql` offers over the files of a root.
 *
 * A view is made only when the query names it.  What it reads is named once: the newest snapshot
 * (or --snapshot), the largest feature set of that snapshot (or --features), the newest stage A
 * run (or --run), the newest commit for bars without --snapshot.
 *
 * Threads: none.  Errors: those of opening what a view needs; a view whose inputs do not exist yet
 * is left out, and the reason is kept for the message.
 */
#ifndef QLAB_CLI_SQL_VIEWS_H
#define QLAB_CLI_SQL_VIEWS_H

#include "base/env.h"
#include "duck/duck.h"

typedef struct qlab_sql_choice {
    const char *snapshot, *features, *run; /* NULL: the newest */
} qlab_sql_choice;

/* Makes the views that `sql` names on conn; `missing` gets a line for each that could not be. */
qlab_code qlab_sql_views_make(const qlab_env *env, qlab_conn *conn, const qlab_sql_choice *choice,
                              const char *sql, qlab_buf *missing, qlab_err *err) QLAB_MUST_USE;
/* Name and summary of view i; NULL beyond the last. */
const char *qlab_sql_view_name(size_t i, const char **summary);

/* For sql_views.c: the SELECT of the view `trials`, appended (sql_trials.c). */
qlab_code qlab_sql_trials(const char *root, qlab_buf *sql, qlab_err *err) QLAB_MUST_USE;

#endif
