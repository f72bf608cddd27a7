/* The view `trials`: the lines of the trial ledger that count, its chain checked. */
#include "cli/sql_views.h"
#include "registry/trials.h"

#include <string.h>

static const struct {
    const char *name, *object, *key, *type;
} TRIAL_COLUMNS[] = {{"trial", NULL, "trial", "VARCHAR"},
                     {"kind", NULL, "kind", "VARCHAR"},
                     {"candidate_id", "candidate", "id", "VARCHAR"},
                     {"family", "candidate", "family", "VARCHAR"},
                     {"plan", NULL, "plan", "VARCHAR"},
                     {"asof", NULL, "asof", "DATE"},
                     {"look", NULL, "look", "BIGINT"},
                     {"forward_from", NULL, "forward_from", "DATE"},
                     {"n", "series", "n", "BIGINT"},
                     {"first", "series", "first", "DATE"},
                     {"last", "series", "last", "DATE"},
                     {"series", "series", "file", "VARCHAR"},
                     {"definition", NULL, "definition", "VARCHAR"},
                     {"line", NULL, "line", "BIGINT"}};
enum { N_TRIAL_COLUMNS = sizeof TRIAL_COLUMNS / sizeof TRIAL_COLUMNS[0] };

static void put_trial_row(qlab_buf *sql, const json_t *line, const json_t *candidate)
{
    for (size_t c = 0; c < N_TRIAL_COLUMNS; c++) {
        const char *object = TRIAL_COLUMNS[c].object;
        const json_t *from = object == NULL                     ? line
                             : strcmp(object, "candidate") == 0 ? candidate
                                                                : json_object_get(line, object);
        const json_t *v = json_object_get(from, TRIAL_COLUMNS[c].key);
        qlab_buf_puts(sql, c == 0 ? "(" : ", ");
        if (json_is_integer(v))
            qlab_buf_putf(sql, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        else if (json_is_string(v))
            qlab_sql_quote(sql, json_string_value(v));
        else
            qlab_buf_puts(sql, "NULL");
    }
    qlab_buf_puts(sql, ")");
}

qlab_code qlab_sql_trials(const char *root, qlab_buf *sql, qlab_err *err)
{
    qlab_rchain *c = NULL;
    json_t *seen = json_object(); /* candidates by trial */
    size_t n = 0;
    const qlab_code rc = qlab_rchain_open(root, QLAB_TRIALS_LEDGER, &c, err);
    qlab_buf_puts(sql, "SELECT ");
    for (size_t k = 0; k < N_TRIAL_COLUMNS; k++)
        qlab_buf_putf(sql, "%s\"%s\"::%s AS \"%s\"", k == 0 ? "" : ", ", TRIAL_COLUMNS[k].name,
                      TRIAL_COLUMNS[k].type, TRIAL_COLUMNS[k].name);
    qlab_buf_puts(sql, " FROM (VALUES ");
    for (size_t i = 0; rc == QLAB_OK && i < qlab_rchain_lines(c); i++) {
        const json_t *line = qlab_rchain_line(c, i);
        const char *trial = json_string_value(json_object_get(line, "trial"));
        if (trial == NULL)
            continue;
        if (json_object_get(line, "candidate") != NULL)
            json_object_set(seen, trial, json_object_get(line, "candidate"));
        qlab_buf_puts(sql, n++ > 0 ? ",\n" : "");
        put_trial_row(sql, line, json_object_get(seen, trial));
    }
    if (n == 0) /* no row, but every column */
        put_trial_row(sql, NULL, NULL);
    qlab_buf_puts(sql, ") AS t(");
    for (size_t k = 0; k < N_TRIAL_COLUMNS; k++)
        qlab_buf_putf(sql, "%s\"%s\"", k == 0 ? "" : ", ", TRIAL_COLUMNS[k].name);
    qlab_buf_puts(sql, n == 0 ? ") WHERE false" : ")");
    json_decref(seen);
    qlab_rchain_close(c);
    return rc;
}
