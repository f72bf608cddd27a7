#include "cli/sql_views.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "feature/set.h"
#include "lake/lake.h"
#include "snapshot/snapshot.h"
#include "stage_a/stage_a.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* What the views read, found on first use.  Owns everything. */
typedef struct scope {
    const qlab_env *env;
    const qlab_sql_choice *choice;
    char *snapshot_id, *set_id, *run_dir;
    json_t *snapshot, *set; /* manifests */
    qlab_lake_view *lake;   /* the snapshot's commit where one was named, else the newest */
    qlab_lake_view *frozen; /* the snapshot's commit */
} scope;

static void scope_free(scope *s)
{
    qlab_free(s->snapshot_id);
    qlab_free(s->set_id);
    qlab_free(s->run_dir);
    json_decref(s->snapshot);
    json_decref(s->set);
    qlab_lake_view_close(s->lake);
    qlab_lake_view_close(s->frozen);
}

/* ---- finding what a view reads ----------------------------------------------------------------
 */

static qlab_code need_snapshot(scope *s, qlab_err *err)
{
    if (s->snapshot)
        return QLAB_OK;
    const char *asked = s->choice->snapshot ? s->choice->snapshot : "latest";
    if (!s->snapshot_id && qlab_snapshot_resolve(s->env, asked, &s->snapshot_id, err) != QLAB_OK)
        return err->code;
    char *path = qlab_asprintf("%s/snapshots/snapshot_id=%s/snapshot_manifest.json", s->env->root,
                               s->snapshot_id);
    const qlab_code rc = qlab_json_load(path, &s->snapshot, err);
    qlab_free(path);
    return rc;
}

static qlab_code need_frozen_lake(scope *s, qlab_err *err)
{
    int64_t commit = 0;
    if (s->frozen)
        return QLAB_OK;
    if (need_snapshot(s, err) != QLAB_OK ||
        qlab_json_get_i64(s->snapshot, "snapshot_manifest.json", "commit", &commit, err) != QLAB_OK)
        return err->code;
    return qlab_lake_view_open(s->env, (uint32_t)commit, &s->frozen, err);
}

static qlab_code need_lake(scope *s, qlab_err *err)
{
    if (s->lake)
        return QLAB_OK;
    const qlab_code rc = qlab_lake_view_open(s->env, QLAB_LAKE_LATEST, &s->lake, err);
    if (rc == QLAB_OK && s->lake->commit == 0)
        return qlab_fail(err, QLAB_E_NOT_FOUND,
                         "the lake has no commit yet; see `quantlab ingest`");
    return rc;
}

/* Of the sets of the snapshot the one with most rows, then the greatest id. */
static qlab_code choose_set(scope *s, qlab_err *err)
{
    char *dir = qlab_path_join(s->env->root, "features/sets");
    char **names = NULL;
    size_t n = 0;
    json_int_t most = -1;
    qlab_code rc = qlab_file_exists(dir) ? qlab_dir_list(dir, &names, &n, err) : QLAB_OK;
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        json_t *m = NULL;
        qlab_err ignored = QLAB_ERR_INIT; /* a folder without a manifest is a build under way */
        if (qlab_features_manifest(s->env, names[i], &m, &ignored) != QLAB_OK)
            continue;
        const json_t *snapshot = json_object_get(json_object_get(m, "inputs"), "snapshot");
        const char *id = json_string_value(json_object_get(snapshot, "id"));
        const json_int_t rows =
            json_integer_value(json_object_get(json_object_get(m, "counts"), "rows"));
        if (id && strcmp(id, s->snapshot_id) == 0 && rows >= most) {
            most = rows;
            json_decref(s->set);
            s->set = json_incref(m);
        }
        json_decref(m);
    }
    qlab_dir_list_free(names, n);
    qlab_free(dir);
    if (rc == QLAB_OK && !s->set)
        rc = qlab_fail(err, QLAB_E_NOT_FOUND,
                       "snapshot %s has no feature set yet; see `quantlab features build`",
                       s->snapshot_id);
    return rc;
}

static qlab_code need_set(scope *s, qlab_err *err)
{
    if (s->set)
        return QLAB_OK;
    if (!s->choice->features)
        return need_snapshot(s, err) == QLAB_OK ? choose_set(s, err) : err->code;
    if (qlab_features_resolve(s->env, s->choice->features, &s->set_id, err) != QLAB_OK)
        return err->code;
    return qlab_features_manifest(s->env, s->set_id, &s->set, err);
}

static qlab_code need_run(scope *s, qlab_err *err)
{
    json_t *report = NULL;
    const char *id = NULL;
    if (s->run_dir)
        return QLAB_OK;
    qlab_code rc =
        qlab_stage_a_load(s->env, s->choice->run ? s->choice->run : "latest", &report, err);
    if (rc == QLAB_OK)
        rc = qlab_json_get_str(report, "stage_a_report.json", "run_id", &id, err);
    if (rc == QLAB_OK)
        s->run_dir = qlab_asprintf("%s/runs/run_id=%s", s->env->root, id);
    json_decref(report);
    return rc;
}

/* ---- the lake's tables ------------------------------------------------------------------------
 */

static void put_path(qlab_buf *sql, const char *root, const char *path, size_t *n)
{
    char *whole = qlab_path_join(root, path);
    qlab_buf_puts(sql, (*n)++ ? "," : "read_parquet([");
    qlab_sql_quote(sql, whole);
    qlab_free(whole);
}

/* Whether rows of another part can have the same key as one of parts[i], or it hides rows. */
static bool must_merge(const qlab_lake_view *v, size_t i)
{
    const qlab_part *p = &v->parts[i];
    if (p->n_tombstones)
        return true;
    for (size_t k = 0; k < v->n_parts; k++) {
        const qlab_part *q = &v->parts[k];
        if (q->kind == QLAB_PART_BARS && q->year == p->year && q->seq != p->seq &&
            (q->bucket == p->bucket || q->bucket < 0 || p->bucket < 0))
            return true;
    }
    return false;
}

#define BAR_COLUMNS                                                                                \
    "asset_id, date, open, high, low, close, volume, adjusted_close, known_seq, asset_ix, "        \
    "asset_class, provenance"
#define HIVE                                                                                       \
    "], hive_partitioning=true, hive_types={'asset_class': VARCHAR, 'year': INTEGER, 'bucket': "   \
    "VARCHAR})"

/* SELECT of all visible bars with date <= asof (QLAB_DATE_NONE: all). */
static void put_bars(qlab_buf *sql, const qlab_lake_view *v, int32_t asof)
{
    qlab_buf alone = QLAB_BUF_INIT, merged = QLAB_BUF_INIT;
    size_t n_alone = 0, n_merged = 0;
    char cut[64] = "", day[QLAB_DATE_BYTES];

    for (size_t i = 0; i < v->n_parts; i++) {
        if (v->parts[i].kind != QLAB_PART_BARS)
            continue;
        if (must_merge(v, i))
            put_path(&merged, v->root, v->parts[i].path, &n_merged);
        else
            put_path(&alone, v->root, v->parts[i].path, &n_alone);
    }
    if (asof != QLAB_DATE_NONE)
        snprintf(cut, sizeof cut, " AND date <= DATE '%s'", qlab_date_format(asof, day));
    if (n_alone)
        qlab_buf_putf(sql, "SELECT " BAR_COLUMNS " FROM %s" HIVE " WHERE true%s", alone.at, cut);
    if (n_alone && n_merged)
        qlab_buf_puts(sql, " UNION ALL ");
    if (n_merged)
        qlab_buf_putf(sql,
                      "SELECT * FROM (SELECT " BAR_COLUMNS " FROM %s" HIVE
                      " WHERE true%s QUALIFY row_number() OVER (PARTITION BY asset_ix, date ORDER "
                      "BY known_seq DESC) = 1) WHERE provenance & 8 = 0",
                      merged.at, cut);
    if (!n_alone && !n_merged)
        qlab_buf_puts(sql,
                      "SELECT NULL::VARCHAR AS asset_id, NULL::DATE AS date, NULL::DOUBLE AS "
                      "open, NULL::DOUBLE AS high, NULL::DOUBLE AS low, NULL::DOUBLE AS close, "
                      "NULL::DOUBLE AS volume, NULL::DOUBLE AS adjusted_close, NULL::UINTEGER "
                      "AS known_seq, NULL::UINTEGER AS asset_ix, NULL::VARCHAR AS asset_class, "
                      "NULL::UTINYINT AS provenance WHERE false");
    qlab_buf_free(&merged);
    qlab_buf_free(&alone);
}

static qlab_code asof_of(const scope *s, int32_t *asof, qlab_err *err)
{
    const char *text = NULL;
    if (qlab_json_get_str(s->snapshot, "snapshot_manifest.json", "asof", &text, err) != QLAB_OK)
        return err->code;
    if (!qlab_date_parse(text, strlen(text), asof))
        return qlab_fail(err, QLAB_E_CORRUPT, "snapshot_manifest.json: asof was \"%s\"", text);
    return QLAB_OK;
}

static qlab_code view_bars(scope *s, const char *name, qlab_buf *sql, qlab_err *err)
{
    int32_t asof = QLAB_DATE_NONE;
    (void)name;
    if (s->choice->snapshot) {
        if (need_frozen_lake(s, err) != QLAB_OK || asof_of(s, &asof, err) != QLAB_OK)
            return err->code;
        put_bars(sql, s->frozen, asof);
        return QLAB_OK;
    }
    if (need_lake(s, err) != QLAB_OK)
        return err->code;
    put_bars(sql, s->lake, asof);
    return QLAB_OK;
}

static qlab_code view_assets(scope *s, const char *name, qlab_buf *sql, qlab_err *err)
{
    size_t n = 0;
    (void)name;
    if (need_lake(s, err) != QLAB_OK)
        return err->code;
    qlab_buf_puts(sql, "SELECT * FROM ");
    for (size_t i = 0; i < s->lake->n_parts; i++)
        if (s->lake->parts[i].kind == QLAB_PART_MASTER)
            put_path(sql, s->lake->root, s->lake->parts[i].path, &n);
    if (!n)
        return qlab_fail(err, QLAB_E_NOT_FOUND, "the lake has no asset master yet");
    qlab_buf_puts(sql, "], hive_partitioning=false) QUALIFY row_number() OVER (PARTITION BY "
                       "asset_ix ORDER BY known_seq DESC) = 1");
    return QLAB_OK;
}

/* Stored leaves, latest of each (asset, period); digests as hex. */
static qlab_code view_leaves(scope *s, const char *name, qlab_buf *sql, qlab_err *err)
{
    size_t n = 0;
    (void)name;
    if (need_lake(s, err) != QLAB_OK)
        return err->code;
    qlab_buf_puts(sql, "SELECT a.asset_id, l.period, l.n_rows, lower(hex(l.digest)) AS digest, "
                       "l.known_seq FROM (SELECT * FROM ");
    for (size_t i = 0; i < s->lake->n_parts; i++)
        if (s->lake->parts[i].kind == QLAB_PART_DIGESTS)
            put_path(sql, s->lake->root, s->lake->parts[i].path, &n);
    if (!n)
        return qlab_fail(err, QLAB_E_NOT_FOUND, "the lake has no leaves yet");
    qlab_buf_puts(sql, "], hive_partitioning=false) QUALIFY row_number() OVER (PARTITION BY "
                       "asset_ix, period ORDER BY known_seq DESC) = 1) l JOIN (");
    if (view_assets(s, name, sql, err) != QLAB_OK)
        return err->code;
    qlab_buf_puts(sql, ") a USING (asset_ix) WHERE l.n_rows > 0");
    return QLAB_OK;
}

/* ---- the snapshot's tables --------------------------------------------------------------------
 */

static void put_snapshot_file(qlab_buf *sql, const scope *s, const char *file)
{
    char *path =
        qlab_asprintf("%s/snapshots/snapshot_id=%s/%s", s->env->root, s->snapshot_id, file);
    qlab_buf_puts(sql, "read_parquet(");
    qlab_sql_quote(sql, path);
    qlab_buf_puts(sql, ", hive_partitioning=false)");
    qlab_free(path);
}

static qlab_code view_universe(scope *s, const char *name, qlab_buf *sql, qlab_err *err)
{
    const char *day = NULL;
    (void)name;
    if (need_snapshot(s, err) != QLAB_OK ||
        qlab_json_get_str(s->snapshot, "snapshot_manifest.json", "universe_date", &day, err) !=
            QLAB_OK)
        return err->code;
    qlab_buf_puts(sql, "SELECT asset_id, DATE ");
    qlab_sql_quote(sql, day);
    qlab_buf_puts(sql, " AS asof_date, eligible, reason, * EXCLUDE (asset_id, eligible, reason) "
                       "FROM ");
    put_snapshot_file(sql, s, "universe.parquet");
    return QLAB_OK;
}

static qlab_code view_actions(scope *s, const char *name, qlab_buf *sql, qlab_err *err)
{
    (void)name;
    if (need_snapshot(s, err) != QLAB_OK)
        return err->code;
    qlab_buf_puts(sql,
                  "SELECT asset_id, ex_date, action_type, split_factor, dividend_cash, source, "
                  "* EXCLUDE (asset_id, ex_date, action_type, split_factor, dividend_cash, "
                  "source) FROM ");
    put_snapshot_file(sql, s, "corp_actions.parquet");
    return QLAB_OK;
}

/* delistings, calendar, lives, tri_steps, asset_years: a file of that name as it lies. */
static qlab_code view_snapshot_file(scope *s, const char *name, qlab_buf *sql, qlab_err *err)
{
    char file[64];
    if (need_snapshot(s, err) != QLAB_OK)
        return err->code;
    snprintf(file, sizeof file, "%s.parquet", name);
    qlab_buf_puts(sql, "SELECT * FROM ");
    put_snapshot_file(sql, s, file);
    return QLAB_OK;
}

/* Steps to index, bar by bar (METHODS 1): the product of a life's steps up to the bar, times the
 * close, over the close of the life's first bar.  Void bars have no index.  The product is taken
 * from left to right: that of a window has other last digits in a lake of another layout. */
static qlab_code view_tri(scope *s, const char *name, qlab_buf *sql, qlab_err *err)
{
    int32_t asof = QLAB_DATE_NONE;
    (void)name;
    if (need_frozen_lake(s, err) != QLAB_OK || asof_of(s, &asof, err) != QLAB_OK)
        return err->code;
    qlab_buf_puts(sql, "WITH visible AS (");
    put_bars(sql, s->frozen, asof);
    qlab_buf_puts(sql, "), valid AS (SELECT b.asset_id, b.asset_ix, b.date, b.close, l.life_no, "
                       "first_value(b.close) OVER (PARTITION BY b.asset_ix, l.life_no ORDER BY "
                       "b.date) AS close_0 FROM visible b JOIN ");
    put_snapshot_file(sql, s, "lives.parquet");
    qlab_buf_puts(sql, " l ON l.asset_ix = b.asset_ix AND b.date BETWEEN l.first_date AND "
                       "l.last_date JOIN ");
    put_snapshot_file(sql, s, "universe.parquet");
    qlab_buf_puts(sql, " u ON u.asset_ix = b.asset_ix JOIN ");
    put_snapshot_file(sql, s, "calendar.parquet");
    qlab_buf_puts(sql, " c ON c.exchange = u.exchange AND c.date = b.date AND c.is_session WHERE "
                       "b.close > 0), step AS (SELECT asset_ix, life_no, list(ex_date ORDER BY "
                       "ex_date) AS d, list(signal_step ORDER BY ex_date) AS s, "
                       "list(accounting_step ORDER BY ex_date) AS a FROM ");
    put_snapshot_file(sql, s, "tri_steps.parquet");
    qlab_buf_puts(
        sql, " GROUP BY ALL), factor AS (SELECT asset_ix, life_no, unnest(d) AS ex_date, "
             "unnest(list_transform(range(1, len(s) + 1), lambda i: list_reduce(s[:i], "
             "lambda x, y: x * y))) AS signal, "
             "unnest(list_transform(range(1, len(a) + 1), lambda i: list_reduce(a[:i], "
             "lambda x, y: x * y))) AS accounting FROM step) SELECT v.asset_id, v.date, v.close * "
             "coalesce(f.signal, 1) / v.close_0 AS tri_signal, v.close * "
             "coalesce(f.accounting, 1) / v.close_0 AS tri_accounting, v.life_no FROM "
             "valid v ASOF LEFT JOIN factor f ON f.asset_ix = v.asset_ix AND f.life_no = "
             "v.life_no AND f.ex_date <= v.date");
    return QLAB_OK;
}

/* ---- the feature set's tables -----------------------------------------------------------------
 */

/* read_parquet of the set's parts of a kind; false when no part has rows. */
static bool put_panel_parts(qlab_buf *sql, const scope *s, const char *kind)
{
    json_t *part;
    size_t i, n = 0;
    json_array_foreach(json_object_get(s->set, "parts"), i, part)
    {
        const char *of = json_string_value(json_object_get(part, "kind"));
        const char *file = json_string_value(json_object_get(part, "name"));
        if (!of || !file || strcmp(of, kind) != 0 ||
            json_integer_value(json_object_get(part, "rows")) == 0)
            continue;
        char path[128];
        snprintf(path, sizeof path, "features/parts/%.64s.parquet", file);
        put_path(sql, s->env->root, path, &n);
    }
    if (n)
        qlab_buf_puts(sql, "], hive_partitioning=false)");
    return n > 0;
}

static bool set_has_column(const scope *s, const char *name)
{
    json_t *column;
    size_t i;
    json_array_foreach(json_object_get(s->set, "columns"), i, column)
    {
        const char *have = json_string_value(json_object_get(column, "name"));
        if (have && strcmp(have, name) == 0)
            return true;
    }
    return false;
}

static qlab_code no_rows(const scope *s, const char *what, qlab_err *err)
{
    const char *id = json_string_value(json_object_get(s->set, "feature_set_id"));
    return qlab_fail(err, QLAB_E_NOT_FOUND, "feature set %s has no %s", id ? id : "?", what);
}

static qlab_code view_panel(scope *s, const char *name, qlab_buf *sql, qlab_err *err)
{
    (void)name;
    if (need_set(s, err) != QLAB_OK)
        return err->code;
    const bool has_class = set_has_column(s, "asset_class");
    if (!has_class && need_snapshot(s, err) != QLAB_OK)
        return err->code;
    qlab_buf_putf(sql,
                  "SELECT f.asset_id, f.asof_date, %s.asset_class, f.* EXCLUDE (asset_id, "
                  "asof_date, asset_ix%s), l.* EXCLUDE (asset_id, asof_date, asset_ix), "
                  "e.eligible, e.reason, f.asset_ix FROM ",
                  has_class ? "f" : "u", has_class ? ", asset_class" : "");
    if (!put_panel_parts(sql, s, "features"))
        return no_rows(s, "rows", err);
    qlab_buf_puts(sql, " f LEFT JOIN ");
    if (!put_panel_parts(sql, s, "labels"))
        return no_rows(s, "labels", err);
    qlab_buf_puts(sql, " l ON l.asset_ix = f.asset_ix AND l.asof_date = f.asof_date LEFT JOIN ");
    if (!put_panel_parts(sql, s, "eligibility"))
        return no_rows(s, "eligibility", err);
    qlab_buf_puts(sql, " e ON e.asset_ix = f.asset_ix AND e.asof_date = f.asof_date");
    if (!has_class) {
        qlab_buf_puts(sql, " LEFT JOIN ");
        put_snapshot_file(sql, s, "universe.parquet");
        qlab_buf_puts(sql, " u ON u.asset_ix = f.asset_ix");
    }
    return QLAB_OK;
}

static qlab_code view_eligibility(scope *s, const char *name, qlab_buf *sql, qlab_err *err)
{
    (void)name;
    if (need_set(s, err) != QLAB_OK)
        return err->code;
    qlab_buf_puts(sql, "SELECT asset_id, asof_date, eligible, reason, * EXCLUDE (asset_id, "
                       "asof_date, eligible, reason) FROM ");
    return put_panel_parts(sql, s, "eligibility") ? QLAB_OK : no_rows(s, "eligibility", err);
}

/* ---- the stage A run's tables -----------------------------------------------------------------
 */

static qlab_code view_run_file(scope *s, const char *name, qlab_buf *sql, qlab_err *err)
{
    if (need_run(s, err) != QLAB_OK)
        return err->code;
    char *path = qlab_asprintf("%s/%s.parquet", s->run_dir, name);
    qlab_buf_puts(sql, "SELECT * FROM read_parquet(");
    qlab_sql_quote(sql, path);
    qlab_buf_puts(sql, ", hive_partitioning=false)");
    qlab_free(path);
    return QLAB_OK;
}

/* ---- the trial ledger -------------------------------------------------------------------------
 */

static qlab_code view_trials(scope *s, const char *name, qlab_buf *sql, qlab_err *err)
{
    (void)name;
    return qlab_sql_trials(s->env->root, sql, err);
}

/* ---- the table of views -----------------------------------------------------------------------
 */

typedef struct view {
    const char *name;
    qlab_code (*make)(scope *s, const char *name, qlab_buf *sql, qlab_err *err);
    const char *summary;
} view;

static const view VIEWS[] = {
    {"bars", view_bars, "visible bars of the newest commit (of --snapshot: up to its as-of)"},
    {"assets", view_assets, "the asset master of the newest commit"},
    {"leaves", view_leaves, "content digests of bars by asset and year or month"},
    {"universe", view_universe, "the snapshot's assets on its last master session"},
    {"actions", view_actions, "corporate actions that the snapshot applies"},
    {"delistings", view_snapshot_file, "delistings that the snapshot knows"},
    {"calendar", view_snapshot_file, "dates and sessions of each exchange"},
    {"lives", view_snapshot_file, "lives: one company under one asset_id"},
    {"tri_steps", view_snapshot_file, "what happens to the indices on each ex-date"},
    {"tri", view_tri, "both total-return indices, 1 on the first bar of a life"},
    {"panel", view_panel, "features, labels and eligibility, a row a valid bar"},
    {"eligibility", view_eligibility, "every valid bar: eligible, or the first reason why not"},
    {"ic_series", view_run_file, "stage A: rank IC by candidate and session"},
    {"candidates", view_run_file, "stage A: verdict and metrics of each candidate"},
    {"fold_metrics", view_run_file, "stage A: metrics by candidate and fold"},
    {"placebos", view_run_file, "stage A: permuted candidates through the same gates"},
    {"survivors_A", view_run_file, "stage A: candidates that passed every gate"},
    {"trials", view_trials, "the trial ledger: a row a deposit"},
};
enum { N_VIEWS = sizeof VIEWS / sizeof *VIEWS };

const char *qlab_sql_view_name(size_t i, const char **summary)
{
    if (i >= N_VIEWS)
        return NULL;
    *summary = VIEWS[i].summary;
    return VIEWS[i].name;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Whether the query has the name as a word of its own, in any case. */
static bool mentions(const char *sql, const char *name)
{
    const size_t n = strlen(name);
    for (const char *at = sql; *at; at++) {
        size_t i = 0;
        while (i < n && at[i] && tolower((unsigned char)at[i]) == tolower((unsigned char)name[i]))
            i++;
        if (i == n && !is_word(at[n]) && (at == sql || !is_word(at[-1])))
            return true;
    }
    return false;
}

static qlab_code make_view(scope *s, qlab_conn *conn, const view *v, qlab_buf *missing,
                           qlab_err *err)
{
    qlab_buf sql = QLAB_BUF_INIT;
    qlab_buf_putf(&sql, "CREATE TEMP VIEW %s AS ", v->name);
    qlab_code rc = v->make(s, v->name, &sql, err);
    if (rc == QLAB_OK)
        rc = qlab_conn_exec(conn, sql.at, err);
    qlab_buf_free(&sql);
    if (rc == QLAB_E_NOT_FOUND) {
        qlab_buf_putf(missing, "%s: %s\n", v->name, err->text);
        qlab_err_reset(err);
        return QLAB_OK;
    }
    return rc == QLAB_OK ? rc : qlab_err_prefix(err, "view %s", v->name);
}

/* `latest` was resolved: to what. */
static void say_choice(const scope *s)
{
    const char *set = json_string_value(json_object_get(s->set, "feature_set_id"));
    if (s->snapshot_id)
        qlab_log_line(s->env->log, QLAB_LOG_INFO, "sql", "snapshot=%s", s->snapshot_id);
    if (s->lake)
        qlab_log_line(s->env->log, QLAB_LOG_INFO, "sql", "commit=%" PRIu32, s->lake->commit);
    if (set)
        qlab_log_line(s->env->log, QLAB_LOG_INFO, "sql", "features=%s", set);
    if (s->run_dir)
        qlab_log_line(s->env->log, QLAB_LOG_INFO, "sql", "run=%s", qlab_path_base(s->run_dir));
}

qlab_code qlab_sql_views_make(const qlab_env *env, qlab_conn *conn, const qlab_sql_choice *choice,
                              const char *sql, qlab_buf *missing, qlab_err *err)
{
    scope s = {.env = env, .choice = choice};
    qlab_code rc = QLAB_OK;
    for (size_t i = 0; i < N_VIEWS && rc == QLAB_OK; i++)
        if (mentions(sql, VIEWS[i].name))
            rc = make_view(&s, conn, &VIEWS[i], missing, err);
    if (rc == QLAB_OK)
        say_choice(&s);
    scope_free(&s);
    return rc;
}
