/* Trials of a complete run into the trial ledger: always from the run's own files, so that a run
 * that was just made and one from before the ledger take the same way. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "duck/duck.h"
#include "ops/run.h"
#include "stage_a/stage_a.h"

#include <string.h>

#define KIND "stage_a_"

enum {
    ID,
    FAMILY,
    KIND_COL,
    DEFINITION,
    UNIVERSE,
    SIDE,
    EXECUTION,
    RULE,
    FEATURES,
    TRIAL,
    HORIZON
};
enum { N_TEXT = HORIZON, N_COLS = HORIZON + 1 };

typedef struct deposit {
    const qlab_env *env;
    const char *dir;
    qlab_conn *conn;
    qlab_table trials, series; /* series: candidate_id, date, value, by candidate and date */
    json_t *rule, *execution;  /* of the run */
} deposit;

static qlab_code query_file(deposit *d, const char *select, const char *file, const char *order,
                            const qlab_type *types, size_t n, qlab_table *out, qlab_err *err)
{
    char *path = qlab_path_join(d->dir, file);
    qlab_buf sql = QLAB_BUF_INIT;

    qlab_buf_putf(&sql, "SELECT %s FROM read_parquet(", select);
    qlab_sql_quote(&sql, path);
    qlab_buf_putf(&sql, ")%s", order);
    const qlab_code rc = qlab_conn_query(d->conn, sql.at, types, n, out, err);
    qlab_buf_free(&sql);
    qlab_free(path);
    return rc;
}

static bool has_column(deposit *d, const char *file, const char *column)
{
    static const qlab_type TYPE = QLAB_T_STR;
    qlab_err ignored = QLAB_ERR_INIT;
    qlab_table t = QLAB_TABLE_INIT;
    char *path = qlab_path_join(d->dir, file);
    qlab_buf sql = QLAB_BUF_INIT;

    qlab_buf_puts(&sql, "SELECT name FROM parquet_schema(");
    qlab_sql_quote(&sql, path);
    qlab_buf_putf(&sql, ") WHERE name = '%s'", column);
    const bool has =
        qlab_conn_query(d->conn, sql.at, &TYPE, 1, &t, &ignored) == QLAB_OK && t.n_rows > 0;
    qlab_table_free(&t);
    qlab_buf_free(&sql);
    qlab_free(path);
    return has;
}

static qlab_code read_tables(deposit *d, bool *says_rule, qlab_err *err)
{
    static const qlab_type SERIES[] = {QLAB_T_STR, QLAB_T_DATE, QLAB_T_F64};
    qlab_type types[N_COLS];
    qlab_buf select = QLAB_BUF_INIT;

    *says_rule = has_column(d, "trials.parquet", "rule");
    for (size_t c = 0; c < N_TEXT; c++)
        types[c] = QLAB_T_STR;
    types[HORIZON] = QLAB_T_U32;
    qlab_buf_putf(&select,
                  "candidate_id, family, kind, definition, universe, side, execution, %s, "
                  "features_id, trial_id, horizon",
                  *says_rule ? "rule" : "''");
    qlab_code rc = query_file(d, select.at, "trials.parquet", "", types, N_COLS, &d->trials, err);
    qlab_buf_free(&select);
    if (rc == QLAB_OK)
        rc = query_file(d, "candidate_id, date, top_minus_bottom", "ic_series.parquet",
                        " ORDER BY candidate_id, date", SERIES, 3, &d->series, err);
    return rc;
}

/* ---- who was eligible, and how it was executed ------------------------------------------------
 */

static const char *text_at(const deposit *d, int column, size_t row)
{
    const qlab_str s = d->trials.cols[column].str[row];

    return s.at ? s.at : "";
}

static qlab_code parse_object(const char *where, const char *text, json_t **out, qlab_err *err)
{
    const qlab_code rc = qlab_json_parse(where, text, strlen(text), out, err);

    if (rc == QLAB_OK && !json_is_object(*out))
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: it was no JSON object", where);
    return rc;
}

/* A run that wrote neither: both are in the manifests that it was made from. */
static qlab_code look_them_up(deposit *d, const char *features, qlab_err *err)
{
    char *set =
        qlab_asprintf("%s/features/sets/%s/feature_panel_manifest.json", d->env->root, features);
    json_t *m = NULL, *parameters, *inputs, *snapshot, *s = NULL, *rule;
    const char *entry, *id;
    char *path = NULL;
    int64_t every;
    qlab_code rc;

    if ((rc = qlab_json_load(set, &m, err)) != QLAB_OK ||
        (rc = qlab_json_get_object(m, set, "parameters", &parameters, err)) != QLAB_OK ||
        (rc = qlab_json_get_i64(parameters, set, "every", &every, err)) != QLAB_OK ||
        (rc = qlab_json_get_str(parameters, set, "entry", &entry, err)) != QLAB_OK ||
        (rc = qlab_json_get_object(m, set, "inputs", &inputs, err)) != QLAB_OK ||
        (rc = qlab_json_get_object(inputs, set, "snapshot", &snapshot, err)) != QLAB_OK ||
        (rc = qlab_json_get_str(snapshot, set, "id", &id, err)) != QLAB_OK)
        goto done;
    path = qlab_asprintf("%s/snapshots/snapshot_id=%s/snapshot_manifest.json", d->env->root, id);
    if ((rc = qlab_json_load(path, &s, err)) != QLAB_OK ||
        (rc = qlab_json_get_object(s, path, "universe_rule", &rule, err)) != QLAB_OK)
        goto done;
    d->rule = json_deep_copy(rule);
    d->execution = qlab_stage_a_execution(entry, (uint32_t)every);
done:
    if (rc != QLAB_OK)
        (void)qlab_err_prefix(err,
                              "%s was made before the trial ledger, and what it was made "
                              "from is needed to deposit it",
                              d->dir);
    json_decref(s);
    json_decref(m);
    qlab_free(path);
    qlab_free(set);
    return rc;
}

static qlab_code read_conditions(deposit *d, bool says_rule, qlab_err *err)
{
    qlab_code rc;

    if (d->trials.n_rows == 0)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s/trials.parquet: it had no row", d->dir);
    if (!says_rule)
        return look_them_up(d, text_at(d, FEATURES, 0), err);
    rc = parse_object("trials.parquet: rule", text_at(d, RULE, 0), &d->rule, err);
    if (rc == QLAB_OK)
        rc =
            parse_object("trials.parquet: execution", text_at(d, EXECUTION, 0), &d->execution, err);
    return rc;
}

/* ---- the batch --------------------------------------------------------------------------------
 */

static json_t *candidate_at(const deposit *d, size_t row)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:s}", "id", text_at(d, ID, row), "family",
                     text_at(d, FAMILY, row), "kind", text_at(d, KIND_COL, row), "definition",
                     text_at(d, DEFINITION, row), "horizon",
                     (json_int_t)d->trials.cols[HORIZON].u32[row], "universe",
                     text_at(d, UNIVERSE, row), "side", text_at(d, SIDE, row));
}

/* Rows [*from, *to) of the series are the candidate's. */
static void find_series(const deposit *d, qlab_str id, size_t *from, size_t *to)
{
    const qlab_str *ids = d->series.cols[0].str;

    for (*from = 0; *from < d->series.n_rows && !qlab_str_eq(ids[*from], id);)
        ++*from;
    for (*to = *from; *to < d->series.n_rows && qlab_str_eq(ids[*to], id);)
        ++*to;
}

static qlab_code check_id(const deposit *d, size_t row, const qlab_trial_deposit *t, qlab_err *err)
{
    const qlab_digest id = qlab_trial_id(t->candidate, t->rule, t->execution);
    char hex[QLAB_HEX_BYTES];

    if (strcmp(qlab_hex(id, hex), text_at(d, TRIAL, row)) != 0)
        return qlab_fail(err, QLAB_E_CORRUPT,
                         "%s/trials.parquet: candidate %s is trial %s, the file said %.64s", d->dir,
                         text_at(d, ID, row), hex, text_at(d, TRIAL, row));
    return QLAB_OK;
}

static qlab_code put_batch(deposit *d, const char *run_id, bool says_rule,
                           qlab_trials_deposited *out, qlab_err *err)
{
    const size_t n = d->trials.n_rows;
    qlab_trial_deposit *at = qlab_alloc_zero(n + 1, sizeof *at);
    json_t **candidates = qlab_alloc_zero(n + 1, sizeof(json_t *));
    qlab_trial_batch batch = {.kind = QLAB_TRIAL_STAGE_A, .plan = run_id, .at = at, .n = n};
    qlab_code rc = QLAB_OK;

    if (!qlab_date_parse(run_id + sizeof KIND - 1, QLAB_DATE_BYTES - 1, &batch.asof))
        rc = qlab_fail(err, QLAB_E_CORRUPT, "run %s has no as-of in its name", run_id);
    for (size_t i = 0; rc == QLAB_OK && i < n; i++) {
        size_t from, to;
        find_series(d, d->trials.cols[ID].str[i], &from, &to);
        candidates[i] = candidate_at(d, i);
        at[i] = (qlab_trial_deposit){candidates[i],
                                     d->rule,
                                     d->execution,
                                     d->series.cols[1].i32 + from,
                                     d->series.cols[2].f64 + from,
                                     to - from};
        if (says_rule)
            rc = check_id(d, i, &at[i], err);
    }
    if (rc == QLAB_OK)
        rc = qlab_trials_deposit(d->env, &batch, out, err);
    for (size_t i = 0; i < n; i++)
        json_decref(candidates[i]);
    qlab_free(candidates);
    qlab_free(at);
    return rc;
}

json_t *qlab_stage_a_execution(const char *entry, uint32_t every)
{
    return json_pack("{s:s, s:I}", "entry", entry, "every", (json_int_t)every);
}

qlab_code qlab_stage_a_deposit(const qlab_env *env, const char *run_id, qlab_trials_deposited *out,
                               qlab_err *err)
{
    char *dir = qlab_run_dir(env, run_id);
    deposit d = {.env = env, .dir = dir, .trials = QLAB_TABLE_INIT, .series = QLAB_TABLE_INIT};
    bool says_rule = false;
    qlab_code rc;

    *out = (qlab_trials_deposited){0};
    /* What stands in the ledger was checked against the run when it was put there. */
    if ((rc = qlab_trials_has_plan(env->root, run_id, &out->existed, &out->pin, err)) != QLAB_OK ||
        out->existed)
        goto done;
    if ((rc = qlab_duck_conn(env->duck, 0, &d.conn, err)) != QLAB_OK ||
        (rc = read_tables(&d, &says_rule, err)) != QLAB_OK ||
        (rc = read_conditions(&d, says_rule, err)) != QLAB_OK)
        goto done;
    rc = put_batch(&d, run_id, says_rule, out, err);
done:
    json_decref(d.rule);
    json_decref(d.execution);
    qlab_table_free(&d.trials);
    qlab_table_free(&d.series);
    qlab_free(dir);
    return rc;
}

qlab_code qlab_stage_a_replay(const qlab_env *env, qlab_stage_a_replayed *out, qlab_err *err)
{
    char *folder = qlab_path_join(env->root, "runs"), **names = NULL;
    size_t n = 0;
    qlab_code rc = QLAB_OK;

    *out = (qlab_stage_a_replayed){0};
    if (qlab_file_exists(folder))
        rc = qlab_dir_list(folder, &names, &n, err);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        qlab_trials_deposited made;
        if (strncmp(names[i], "run_id=" KIND, sizeof "run_id=" KIND - 1) != 0)
            continue;
        out->n_runs++;
        rc = qlab_stage_a_deposit(env, names[i] + sizeof "run_id=" - 1, &made, err);
        out->n_deposited += rc == QLAB_OK && !made.existed;
        if (rc != QLAB_E_NOT_FOUND)
            continue;
        qlab_log_line(env->log, QLAB_LOG_WARN, "registry", "not_deposited=%s why=\"%s\"", names[i],
                      err->text);
        out->n_left++;
        qlab_err_reset(err);
        rc = QLAB_OK;
    }
    qlab_dir_list_free(names, n);
    qlab_free(folder);
    return rc;
}
