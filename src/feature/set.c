/* Building and finding feature sets; see set.h. */
#include "feature/set.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "base/lock.h"
#include "feature/manifest.h"
#include "feature/reasons.h"
#include "feature/unit.h"
#include "ops/run.h"
#include "truth/session.h"
#include <stdlib.h>
#include <string.h>

qlab_features_options qlab_features_options_default(void)
{
    return (qlab_features_options){.snapshot = "latest",
                                   .from = QLAB_DATE_NONE,
                                   .to = QLAB_DATE_NONE,
                                   .every = 1,
                                   .entry = QLAB_LABEL_NEXT_OPEN};
}

void qlab_features_made_free(qlab_features_made *m)
{
    qlab_free(m->id);
    qlab_free(m->path);
    json_decref(m->manifest);
    json_decref(m->recomputed);
    memset(m, 0, sizeof *m);
}

/* ---- which dates ------------------------------------------------------------------------------
 */

void qlab_range_plan_make(const qlab_snapshot *snap, int32_t from, int32_t to, uint32_t every,
                          qlab_range_plan *out)
{
    memset(out, 0, sizeof *out);
    size_t lo = qlab_session_lower_bound(snap->axis, snap->n_axis, from);
    size_t hi = qlab_session_lower_bound(snap->axis, snap->n_axis, to + 1);
    out->dates = qlab_alloc(hi - lo, sizeof *out->dates);
    for (size_t i = lo; i < hi; i += every)
        out->dates[out->n_dates++] = snap->axis[i];
    int32_t first = qlab_date_month_index(from), last = qlab_date_month_index(to);
    out->months = qlab_alloc((size_t)(last - first + 1), sizeof *out->months);
    size_t at = 0;
    for (int32_t month = first; month <= last; month++) {
        qlab_month_plan m = {month, qlab_date_of_month_index(month),
                             qlab_date_of_month_index(month + 1) - 1, NULL, 0};
        m.first = m.first < from ? from : m.first;
        m.last = m.last > to ? to : m.last;
        if (every > 1) {
            size_t end = at;
            while (end < out->n_dates && out->dates[end] <= m.last)
                end++;
            m.only = out->dates + at;
            m.n_only = end - at;
            at = end;
            if (m.n_only == 0)
                continue;
        }
        out->months[out->n_months++] = m;
    }
}

void qlab_range_plan_free(qlab_range_plan *p)
{
    qlab_free(p->months);
    qlab_free(p->dates);
    memset(p, 0, sizeof *p);
}

static qlab_code settle_range(const qlab_snapshot *snap, const qlab_features_options *o,
                              int32_t *from, int32_t *to, qlab_err *err)
{
    char a[QLAB_DATE_BYTES], b[QLAB_DATE_BYTES];
    if (snap->n_axis == 0)
        return qlab_fail(err, QLAB_E_USAGE,
                         "snapshot %s has no master session with 30 eligible names: there is no "
                         "date to build a panel for",
                         snap->id);
    *from = o->from == QLAB_DATE_NONE ? snap->axis[0] : o->from;
    *to = o->to == QLAB_DATE_NONE ? snap->asof : o->to;
    if (*to > snap->asof)
        return qlab_fail(err, QLAB_E_USAGE, "--to %s was after the snapshot's as-of %s",
                         qlab_date_format(*to, a), qlab_date_format(snap->asof, b));
    if (*from > *to)
        return qlab_fail(err, QLAB_E_USAGE, "--from %s was after --to %s",
                         qlab_date_format(*from, a), qlab_date_format(*to, b));
    if (o->every < 1)
        return qlab_fail(err, QLAB_E_USAGE, "--every was %u: give 1 or more", o->every);
    return QLAB_OK;
}

/* ---- identity ---------------------------------------------------------------------------------
 */

static json_t *column_names(const qlab_catalogue *c, uint64_t columns)
{
    json_t *out = json_array();
    for (size_t k = 0; k < c->n; k++)
        if (columns >> k & 1)
            json_array_append_new(out, json_string(c->at[k].name));
    return out;
}

/* What the id hashes, and what update reads back. */
static json_t *parameters_of(const qlab_features_options *o, const qlab_catalogue *c,
                             uint64_t columns, int32_t from, int32_t to)
{
    char text[QLAB_DATE_BYTES];
    json_t *p = json_object();
    json_object_set_new(p, "from", json_string(qlab_date_format(from, text)));
    json_object_set_new(p, "to", json_string(qlab_date_format(to, text)));
    json_object_set_new(p, "every", json_integer(o->every));
    json_object_set_new(p, "entry", json_string(qlab_entry_name(o->entry)));
    json_object_set_new(p, "min_bars", json_integer(QLAB_FEATURE_MIN_BARS));
    json_object_set_new(p, "columns", column_names(c, columns));
    return p;
}

static char *set_id(const qlab_snapshot *snap, const qlab_catalogue *c, const json_t *parameters)
{
    json_t *o = json_object();
    json_object_set_new(o, "snapshot", json_string(snap->digest));
    json_object_set_new(o, "catalogue", json_string(c->version));
    json_object_set_new(o, "labels", json_string(QLAB_LABEL_VERSION));
    json_object_set_new(o, "eligibility", json_string(QLAB_ELIGIBILITY_VERSION));
    json_object_set_new(o, "results_version", json_integer(QLAB_RESULTS_VERSION));
    json_object_set_new(o, "universe_rule", qlab_eligible_rule_json(&snap->rule));
    json_object_set(o, "parameters", (json_t *)parameters);
    char hex[13], asof[QLAB_DATE_BYTES];
    qlab_hex_short(qlab_json_digest(o), 12, hex);
    json_decref(o);
    return qlab_asprintf("%s_%s", qlab_date_format(snap->asof, asof), hex);
}

/* ---- running the units ------------------------------------------------------------------------
 */

typedef struct build {
    qlab_unit_plan plan;
    qlab_unit_result *results; /* one a bucket */
} build;

static qlab_code build_unit(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    build *b = ctx;
    qlab_conn *conn;
    qlab_code code = qlab_duck_conn(b->plan.env->duck, worker, &conn, err);
    if (code != QLAB_OK)
        return code;
    return qlab_unit_run(&b->plan, (uint32_t)unit, conn, &b->results[unit], err);
}

static int cmp_part(const void *a, const void *b)
{
    const qlab_panel_part *x = a, *y = b;
    if (x->month != y->month)
        return x->month < y->month ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

/* All buckets' results as one, parts by (month, kind, bucket). */
static void join_results(const build *b, size_t n, qlab_unit_result *out)
{
    for (size_t i = 0; i < n; i++)
        out->n_parts += b->results[i].n_parts;
    out->parts = qlab_alloc(out->n_parts, sizeof *out->parts);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(out->parts + at, b->results[i].parts, b->results[i].n_parts * sizeof *out->parts);
        at += b->results[i].n_parts;
        qlab_panel_tally_merge(&out->tally, &b->results[i].tally);
        out->n_rows_read += b->results[i].n_rows_read;
    }
    qsort(out->parts, out->n_parts, sizeof *out->parts, cmp_part);
}

static qlab_code run_units(build *b, qlab_unit_result *out, double *seconds, qlab_err *err)
{
    const qlab_env *env = b->plan.env;
    size_t n = qlab_lake_n_buckets(b->plan.snap->lake);
    b->results = qlab_alloc_zero(n, sizeof *b->results);
    b->plan.progress =
        qlab_progress_begin("features", "asset-sessions", qlab_unit_total(&b->plan), env->quiet);
    qlab_code code = qlab_pool_run(env->pool, n, build_unit, b, err);
    *seconds = qlab_progress_end(b->plan.progress);
    if (code == QLAB_OK)
        join_results(b, n, out);
    for (size_t i = 0; i < n; i++)
        qlab_unit_result_free(&b->results[i]);
    qlab_free(b->results);
    return code;
}

/* ---- one build --------------------------------------------------------------------------------
 */

static void count_made(const qlab_unit_result *r, qlab_features_made *out)
{
    out->n_parts = r->n_parts;
    out->n_rows = out->n_parts_made = 0;
    out->n_rows_read = r->n_rows_read;
    for (size_t i = 0; i < r->n_parts; i++) {
        out->n_parts_made += r->parts[i].made;
        out->n_rows += r->parts[i].kind == QLAB_PANEL_FEATURES ? r->parts[i].n_rows : 0;
    }
}

static json_t *run_record(const qlab_env *env, const qlab_features_made *out)
{
    json_t *record = qlab_run_record(env, out->seconds);
    json_object_set_new(record, "parts_made", json_integer((json_int_t)out->n_parts_made));
    json_object_set_new(record, "parts_reused",
                        json_integer((json_int_t)(out->n_parts - out->n_parts_made)));
    json_object_set_new(record, "bars_read", json_integer((json_int_t)out->n_rows_read));
    if (out->recomputed != NULL)
        json_object_set(record, "recomputed", out->recomputed);
    return record;
}

/* What an update asks, and a list shows: a manifest names every part and may be large. */
static qlab_code write_head(const qlab_set_facts *facts, const json_t *manifest, const char *built,
                            qlab_err *err)
{
    char *path = qlab_path_join(built, "feature_set_head.json");
    json_t *head = qlab_set_head_make(facts, manifest);
    qlab_code code = qlab_json_write(path, head, err);
    json_decref(head);
    qlab_free(path);
    return code;
}

/* The set's folder comes into being whole; where it stood (and had lost parts) its manifest says
 * the same bytes again. */
static qlab_code write_set(const qlab_env *env, const qlab_set_facts *facts,
                           qlab_features_made *out, qlab_err *err)
{
    char *built = qlab_asprintf("%s/features/.tmp-set-%s", env->root, out->id);
    char *final = qlab_asprintf("%s/features/sets/%s", env->root, out->id);
    char *path = qlab_path_join(built, "feature_panel_manifest.json");
    out->manifest = qlab_set_manifest_make(facts);
    qlab_code code = qlab_dir_remove_tree(built, err);
    if (code == QLAB_OK && !qlab_file_exists(final)) {
        code = qlab_dir_make(built, err);
        if (code == QLAB_OK)
            code = qlab_json_write(path, out->manifest, err);
        if (code == QLAB_OK)
            code = write_head(facts, out->manifest, built, err);
        if (code == QLAB_OK) {
            json_t *record = run_record(env, out);
            code = qlab_run_record_write(path, record, err);
            json_decref(record);
        }
        if (code == QLAB_OK)
            code = qlab_folder_publish(built, final, err);
    }
    qlab_free(path);
    qlab_free(final);
    qlab_free(built);
    return code;
}

/* True where the manifest and every file it names stand. */
static qlab_code set_stands(const qlab_env *env, qlab_features_made *out, bool *stands,
                            qlab_err *err)
{
    char *path = qlab_set_manifest_path(env->root, out->id);
    qlab_code code = QLAB_OK;
    *stands = false;
    if (qlab_file_exists(path)) {
        code = qlab_json_load(path, &out->manifest, err);
        if (code == QLAB_OK)
            code = qlab_set_manifest_check(env->root, out->id, out->manifest, stands, out, err);
        if (code != QLAB_OK || !*stands) {
            json_decref(out->manifest);
            out->manifest = NULL;
        }
    }
    qlab_free(path);
    return code;
}

static qlab_code make_set(const qlab_env *env, build *b, qlab_set_facts *facts,
                          const char *from_set, qlab_features_made *out, qlab_err *err)
{
    qlab_unit_result all;
    memset(&all, 0, sizeof all);
    qlab_lock *lock = NULL;
    char *lock_path = qlab_path_join(env->root, "features/.lock");
    char *dir = qlab_panel_parts_dir(env->root);
    qlab_code code = qlab_dir_make(dir, err);
    if (code == QLAB_OK)
        code = qlab_lock_take(lock_path, "features build", &lock, err);
    if (code == QLAB_OK)
        code = qlab_file_sweep_tmp(dir, NULL, err);
    if (code == QLAB_OK)
        code = run_units(b, &all, &out->seconds, err);
    if (code == QLAB_OK) {
        facts->parts = all.parts;
        facts->n_parts = all.n_parts;
        facts->tally = &all.tally;
        count_made(&all, out);
        if (from_set != NULL && out->n_parts_made > 0)
            code = qlab_reasons_make(env, facts->snap, from_set, facts->range, all.parts,
                                     all.n_parts, &out->recomputed, err);
    }
    if (code == QLAB_OK) {
        code = write_set(env, facts, out, err);
    }
    qlab_unit_result_free(&all);
    qlab_lock_release(lock);
    qlab_free(dir);
    qlab_free(lock_path);
    return code;
}

static qlab_code build_with(const qlab_env *env, const qlab_snapshot *snap, const qlab_catalogue *c,
                            const qlab_features_options *o, const char *from_set,
                            qlab_features_made *out, qlab_err *err)
{
    int32_t from = 0, to = 0;
    uint64_t columns = 0;
    qlab_code code = settle_range(snap, o, &from, &to, err);
    if (code == QLAB_OK)
        code = qlab_catalogue_select(c, o->columns, &columns, err);
    if (code != QLAB_OK)
        return code;
    qlab_range_plan range;
    qlab_range_plan_make(snap, from, to, o->every, &range);
    json_t *parameters = parameters_of(o, c, columns, from, to);
    out->id = set_id(snap, c, parameters);
    out->path = qlab_set_manifest_path("", out->id);
    code = set_stands(env, out, &out->existed, err);
    if (code == QLAB_OK && !out->existed && !env->dry_run) {
        build b = {.plan = {.env = env,
                            .snap = snap,
                            .catalogue = c,
                            .columns = columns,
                            .features = qlab_catalogue_digest(c, columns),
                            .entry = o->entry,
                            .range = &range}};
        qlab_set_facts facts = {.id = out->id,
                                .snap = snap,
                                .catalogue = c,
                                .columns = columns,
                                .parameters = parameters,
                                .range = &range};
        code = make_set(env, &b, &facts, from_set, out, err);
    }
    json_decref(parameters);
    qlab_range_plan_free(&range);
    return code;
}

static qlab_code build_on(const qlab_env *env, const qlab_snapshot *snap,
                          const qlab_features_options *o, const char *from_set,
                          qlab_features_made *out, qlab_err *err)
{
    qlab_catalogue *c = NULL;
    qlab_code code = qlab_catalogue_extend(o->catalogue ? o->catalogue : qlab_catalogue_builtin(),
                                           o->columns, &c, err);
    if (code == QLAB_OK)
        code = build_with(env, snap, c, o, from_set, out, err);
    qlab_catalogue_free(c);
    return code;
}

qlab_code qlab_features_build_from(const qlab_env *env, const qlab_features_options *o,
                                   const char *from_set, qlab_features_made *out, qlab_err *err)
{
    memset(out, 0, sizeof *out);
    qlab_snapshot *snap;
    qlab_code code = qlab_snapshot_open(env, o->snapshot ? o->snapshot : "latest", &snap, err);
    if (code != QLAB_OK)
        return code;
    code = build_on(env, snap, o, from_set, out, err);
    qlab_snapshot_close(snap);
    if (code != QLAB_OK)
        qlab_features_made_free(out);
    return code;
}

qlab_code qlab_features_build(const qlab_env *env, const qlab_features_options *o,
                              qlab_features_made *out, qlab_err *err)
{
    return qlab_features_build_from(env, o, NULL, out, err);
}

/* ---- finding -------------------------------------------------------------------
 */

qlab_code qlab_features_resolve(const qlab_env *env, const char *id, char **out, qlab_err *err)
{
    char *folder = qlab_path_join(env->root, "features/sets");
    qlab_code code = qlab_id_resolve(folder, "", "feature set", id, out, err);
    qlab_free(folder);
    return code;
}

qlab_code qlab_features_manifest(const qlab_env *env, const char *id, json_t **out, qlab_err *err)
{
    char *path = qlab_set_manifest_path(env->root, id);
    qlab_code code = qlab_json_load(path, out, err);
    qlab_free(path);
    return code;
}
