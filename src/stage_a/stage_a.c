#include "stage_a/stage_a.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/progress.h"
#include "feature/catalogue.h"
#include "ops/run.h"
#include "stage_a/run_int.h"
#include "stat/cluster.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char **qlab_stage_a_columns(size_t *n)
{
    const qlab_catalogue *c = qlab_catalogue_builtin();
    const char **names = qlab_alloc(c->n, sizeof *names);

    *n = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->at[i].type == QLAB_T_F64 || c->at[i].type == QLAB_T_U32)
            names[(*n)++] = c->at[i].name;
    return names;
}

/* ---- what is read ---------------------------------------------------------------------------- */

static qlab_code open_inputs(qlab_stage_a *a, const qlab_stage_a_options *o, qlab_err *err)
{
    qlab_code rc;

    a->known_names = qlab_stage_a_columns(&a->known.n);
    a->known.names = a->known_names;
    if ((rc = qlab_stage_a_policy_load(o->policy ? o->policy : "strict", &a->policy, err)) !=
            QLAB_OK ||
        (rc = qlab_library_load(o->candidates ? o->candidates : "core24", &a->known, &a->lib,
                                err)) != QLAB_OK ||
        (rc = qlab_panel_open(a->env, o->features, &a->panel, err)) != QLAB_OK)
        return rc;
    a->snap = qlab_panel_snapshot(a->panel);
    a->by_id = qlab_library_by_id(a->lib);
    qlab_stage_a_plan_lessons(a);
    return QLAB_OK;
}

static qlab_code prepare_screen(qlab_stage_a *a, qlab_err *err)
{
    const char *const *names;
    size_t n_roots;
    uint32_t *roots = qlab_candidate_nodes(a->lib->candidates, a->lib->n, &n_roots);

    qlab_score_plan *plan = qlab_score_plan_new(a->lib->graph, roots, n_roots);
    qlab_free(roots);
    const bool by_sector = qlab_score_plan_uses_group(plan, QLAB_GROUP_SECTOR);
    const size_t n = qlab_score_plan_columns(plan, &names);
    a->columns = qlab_alloc(n + QLAB_SCREEN_HORIZONS, sizeof *a->columns);
    memcpy(a->columns, names, n * sizeof *a->columns);
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++)
        a->columns[n + h] = qlab_screen_label[h];
    qlab_score_plan_free(plan);
    if (by_sector && a->snap->sector == NULL)
        return qlab_fail(err, QLAB_E_USAGE,
                         "%s ranks by=sector, but snapshot %s was built without a sector file",
                         a->lib->source, a->snap->id);
    a->screen.lib = a->lib;
    a->screen.columns = a->columns;
    a->screen.n_columns = n + QLAB_SCREEN_HORIZONS;
    a->screen.min_names = (uint32_t)a->policy.min_names;
    a->screen.first_sealed = a->folds.first_sealed;
    qlab_asset_groups_of(a->panel, &a->assets);
    a->screen.n_assets = a->assets.n_assets;
    a->screen.asset_class = a->assets.asset_class;
    for (int g = 0; g < QLAB_GROUP_COUNT; g++) {
        a->screen.group[g] = a->assets.group[g];
        a->screen.n_groups[g] = a->assets.n_groups[g];
    }
    return QLAB_OK;
}

/* ---- identity -------------------------------------------------------------------------------- */

static void identify(qlab_stage_a *a)
{
    char candidates[QLAB_HEX_BYTES], features[QLAB_HEX_BYTES];

    a->inputs =
        json_pack("{s:{s:s, s:s}, s:{s:s, s:s}, s:{s:s, s:s}}", "snapshot", "id", a->snap->id,
                  "digest", a->snap->digest, "features", "id", qlab_panel_id(a->panel), "digest",
                  qlab_hex(qlab_json_digest(qlab_panel_manifest(a->panel)), features), "candidates",
                  "id", a->lib->name, "digest", qlab_hex(a->lib->digest, candidates));
    a->run_id = qlab_run_id("stage_a", a->snap->asof, a->inputs, &a->policy.digest);
    a->plan = qlab_sha256_of(a->run_id, strlen(a->run_id));
}

static void release(qlab_stage_a *a)
{
    qlab_job_close(a->job);
    qlab_verdicts_free(&a->verdicts);
    qlab_free(a->measures);
    qlab_free(a->cluster);
    qlab_free(a->by_id);
    qlab_stage_a_free_placebos(a);
    qlab_stage_a_forget_lessons(a);
    qlab_free(a->months);
    qlab_asset_groups_free(&a->assets);
    qlab_free(a->columns);
    json_decref(a->inputs);
    json_decref(a->execution);
    qlab_free(a->run_id);
    qlab_fold_plan_free(&a->folds);
    qlab_free(a->label_end);
    qlab_panel_close(a->panel);
    qlab_library_free(a->lib);
    qlab_stage_a_policy_free(&a->policy);
    qlab_free(a->known_names);
}

/* ---- the run --------------------------------------------------------------------------------- */

static json_t *folds_artifact(const qlab_stage_a *a)
{
    json_t *o = qlab_artifact_begin("folds_manifest/1", a->run_id, a->inputs);

    (void)json_object_set_new(
        o, "policy",
        json_pack("{s:s, s:I}", "name", a->policy.name, "version", (json_int_t)a->policy.version));
    qlab_folds_to_json(&a->folds, &a->axis, o);
    return o;
}

/* Written first; what is evaluated is what the file says. */
static qlab_code write_folds(qlab_stage_a *a, const char *path, qlab_err *err)
{
    qlab_stage_a_months(a, 0, a->folds.n_usable);
    qlab_code rc = qlab_stage_a_count_rows(a, err);

    if (rc != QLAB_OK)
        return rc;
    json_t *doc = folds_artifact(a);
    rc = qlab_json_write(path, doc, err);
    json_decref(doc);
    if (rc != QLAB_OK)
        return rc;
    qlab_fold_plan_free(&a->folds);
    if ((rc = qlab_folds_read(path, &a->axis, &a->folds, err)) != QLAB_OK)
        return rc;
    const qlab_fold *last = &a->folds.folds[a->folds.n_folds - 1];
    a->first_test = a->folds.folds[0].test_first;
    a->n_test = last->test_end - a->first_test;
    return QLAB_OK;
}

static qlab_code write_report(const qlab_stage_a *a, const char *dir, double started,
                              json_t **report, qlab_err *err)
{
    char *path = qlab_path_join(dir, "stage_a_report.json");
    json_t *record = NULL;

    *report = qlab_stage_a_report(a);
    qlab_code rc = qlab_json_write(path, *report, err);
    if (rc == QLAB_OK) {
        record = qlab_run_record(a->env, qlab_monotonic_seconds() - started);
        rc = qlab_run_record_write(path, record, err);
    }
    json_decref(record);
    qlab_free(path);
    return rc;
}

/* Series of IC that move together are one trial; candidates by id, so that the list's order does
 * not number them. */
static void count_clusters(qlab_stage_a *a)
{
    double *series = qlab_alloc(a->lib->n * a->n_test + 1, sizeof *series);
    uint32_t *cluster = qlab_alloc(a->lib->n + 1, sizeof *cluster);

    a->cluster = qlab_alloc(a->lib->n + 1, sizeof *a->cluster);
    for (size_t i = 0; i < a->lib->n; i++) {
        const uint32_t c = a->by_id[i];
        const size_t own = qlab_screen_horizon_index(a->lib->candidates[c].horizon);
        for (size_t s = 0; s < a->n_test; s++)
            series[i * a->n_test + s] = a->measures[c * a->n_test + s].ic[own];
    }
    a->n_clusters = qlab_cluster_series(series, a->lib->n, a->n_test, QLAB_CLUSTER_ABOVE,
                                        QLAB_CLUSTER_MIN_COMMON, cluster);
    for (size_t i = 0; i < a->lib->n; i++)
        a->cluster[a->by_id[i]] = cluster[i];
    qlab_free(series);
    qlab_free(cluster);
}

static qlab_code evaluate(qlab_stage_a *a, const char *built, double started, json_t **report,
                          qlab_err *err)
{
    char *folds_path = qlab_path_join(built, "folds_manifest.json");
    qlab_code rc = qlab_dir_make(built, err);

    if (rc == QLAB_OK)
        rc = write_folds(a, folds_path, err);
    qlab_free(folds_path);
    if (rc == QLAB_OK)
        rc = qlab_stage_a_learn(a, err);
    if (rc == QLAB_OK)
        rc = qlab_stage_a_write_lessons(a, built, err);
    if (rc == QLAB_OK)
        rc = qlab_stage_a_draw_placebos(a, err);
    if (rc != QLAB_OK)
        return rc;
    qlab_stage_a_months(a, a->first_test, a->first_test + a->n_test);
    if ((rc = qlab_stage_a_measure(a, err)) != QLAB_OK)
        return rc;
    qlab_verdicts_make(a->lib, &a->policy, &a->folds, a->axis.every, a->measures, a->n_test,
                       &a->verdicts);
    qlab_stage_a_judge_placebos(a);
    count_clusters(a);
    if ((rc = qlab_stage_a_write_tables(a, built, err)) != QLAB_OK)
        return rc;
    return write_report(a, built, started, report, err);
}

static qlab_code make_run(qlab_stage_a *a, const char *dir, json_t **report, qlab_err *err)
{
    const double started = qlab_monotonic_seconds();
    qlab_code rc = qlab_job_open(a->env, "stage-a", a->plan, &a->job, err);

    if (rc != QLAB_OK)
        return rc;
    char *built = qlab_path_join(qlab_job_dir(a->job), "run");
    rc = evaluate(a, built, started, report, err);
    if (rc == QLAB_OK)
        rc = qlab_folder_publish(built, dir, err);
    qlab_free(built);
    if (rc == QLAB_OK) {
        rc = qlab_job_finish(a->job, err);
        a->job = NULL;
    }
    return rc;
}

static size_t count_survivors(const json_t *report)
{
    return json_array_size(json_object_get(report, "survivors"));
}

static qlab_code load_report(const char *dir, json_t **report, qlab_err *err)
{
    char *path = qlab_path_join(dir, "stage_a_report.json");
    const qlab_code rc = qlab_json_load(path, report, err);

    qlab_free(path);
    return rc;
}

qlab_code qlab_stage_a_run(const qlab_env *env, const qlab_stage_a_options *o,
                           qlab_stage_a_made *out, qlab_err *err)
{
    qlab_stage_a a = {.env = env};
    const char *entry = NULL;
    uint32_t every = 1;
    qlab_code rc;

    *out = (qlab_stage_a_made){0};
    if ((rc = open_inputs(&a, o, err)) != QLAB_OK ||
        (rc = qlab_stage_parameters(a.panel, &every, &entry, err)) != QLAB_OK ||
        (rc = qlab_stage_rule(a.panel, &a.rule, err)) != QLAB_OK ||
        (rc = qlab_stage_check_list(a.panel, a.lib, err)) != QLAB_OK)
        goto done;
    a.execution = qlab_stage_a_execution(entry, every);
    qlab_stage_axis(a.panel, every, &a.axis, &a.label_end);
    if ((rc = qlab_folds_plan(&a.policy, &a.axis, &a.folds, err)) != QLAB_OK ||
        (rc = prepare_screen(&a, err)) != QLAB_OK)
        goto done;
    identify(&a);
    out->run_id = qlab_strdup(a.run_id);
    out->dir = qlab_run_dir(env, a.run_id);
    out->existed = qlab_run_exists(env, a.run_id);
    if (out->existed) {
        rc = load_report(out->dir, &out->report, err);
        if (rc == QLAB_OK && !env->dry_run)
            rc = qlab_job_forget(env, a.plan, err);
    } else if (env->dry_run)
        out->report = folds_artifact(&a);
    else
        rc = make_run(&a, out->dir, &out->report, err);
    if (rc == QLAB_OK && !env->dry_run)
        rc = qlab_stage_a_deposit(env, a.run_id, &out->deposited, err);
    if (rc == QLAB_OK)
        out->n_survivors = count_survivors(out->report);
done:
    release(&a);
    if (rc != QLAB_OK)
        qlab_stage_a_made_free(out);
    return rc;
}

void qlab_stage_a_made_free(qlab_stage_a_made *m)
{
    qlab_free(m->run_id);
    qlab_free(m->dir);
    json_decref(m->report);
    *m = (qlab_stage_a_made){0};
}

qlab_code qlab_stage_a_load(const qlab_env *env, const char *run, json_t **report, qlab_err *err)
{
    static const char kind[] = "stage_a_";
    char *folder = qlab_path_join(env->root, "runs"), *id = NULL;
    const size_t n = sizeof kind - 1;

    if (strncmp(run, "run_id=", 7) == 0)
        run += 7;
    if (strncmp(run, kind, n) == 0)
        run += n;
    qlab_code rc = qlab_id_resolve(folder, "run_id=stage_a_", "stage A run", run, &id, err);
    if (rc == QLAB_OK) {
        char *name = qlab_asprintf("%s/run_id=stage_a_%s", folder, id);
        rc = load_report(name, report, err);
        qlab_free(name);
    }
    qlab_free(id);
    qlab_free(folder);
    return rc;
}
