#include "synth/synth.h"

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "synth/vendor.h"

#include <string.h>

typedef struct making {
    qlab_synth_vendor_plan *plan;
    qlab_synth_worker **workers;
    qlab_progress *progress;
} making;

static qlab_code make_unit(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    making *job = ctx;
    if (!job->workers[worker])
        job->workers[worker] = qlab_synth_worker_new();
    const qlab_code code = qlab_synth_pack_make(job->plan, unit, job->workers[worker], err);
    const qlab_synth_pack *p = &job->plan->packs[unit];
    uint64_t n_bars = 0;
    for (size_t i = 0; code == QLAB_OK && i < p->n; i++)
        n_bars += job->plan->assets[job->plan->order[p->first + i]].n_bars;
    qlab_progress_add(job->progress, n_bars);
    return code;
}

/* What a folder says that it holds, in truth/<name>; NULL when it says nothing. New reference. */
static qlab_code read_params(const char *out, const char *name, const char *key, json_t **params,
                             qlab_err *err)
{
    char *path = qlab_path_join(out, name);
    json_t *doc = NULL;
    qlab_code code = QLAB_OK;
    *params = NULL;
    if (qlab_file_exists(path))
        code = qlab_json_load(path, &doc, err);
    if (doc)
        *params = json_incref(json_object_get(doc, key));
    json_decref(doc);
    qlab_free(path);
    return code;
}

/* Sets *whole when the folder is this market already.  A folder that is neither empty nor this
 * market, whole or half made, is not touched. */
static qlab_code look_at(const char *out, const json_t *wanted, bool *whole, qlab_err *err)
{
    char **names = NULL;
    size_t n = 0;
    json_t *made = NULL, *begun = NULL;
    *whole = false;
    if (!qlab_file_exists(out))
        return QLAB_OK;
    qlab_code code = qlab_dir_list(out, &names, &n, err);
    qlab_dir_list_free(names, n);
    if (code != QLAB_OK || n == 0)
        return code;
    code = read_params(out, "truth/manifest.json", "params", &made, err);
    if (code == QLAB_OK)
        code = read_params(out, "truth/begun.json", "params", &begun, err);
    if (code == QLAB_OK && made && json_equal(made, wanted))
        *whole = true;
    else if (code == QLAB_OK && made)
        code = qlab_fail(err, QLAB_E_USAGE,
                         "%s held a synthetic market with other parameters: name another folder or "
                         "remove it",
                         out);
    else if (code == QLAB_OK && !(begun && json_equal(begun, wanted)))
        code = qlab_fail(err, QLAB_E_USAGE,
                         "%s was not empty and was not made by synth: name another folder", out);
    json_decref(made);
    json_decref(begun);
    return code;
}

static qlab_code begin(const char *out, const json_t *params, qlab_err *err)
{
    char *truth = qlab_path_join(out, "truth"), *path = qlab_path_join(truth, "begun.json");
    json_t *doc = json_pack("{s:s,s:O}", "schema", "synth_begun/1", "params", params);
    qlab_code code = qlab_dir_make(truth, err);
    if (code == QLAB_OK)
        code = qlab_json_write(path, doc, err);
    json_decref(doc);
    qlab_free(path);
    qlab_free(truth);
    return code;
}

static qlab_code end(const char *out, qlab_err *err)
{
    char *path = qlab_path_join(out, "truth/begun.json");
    const qlab_code code = qlab_file_remove(path, err);
    qlab_free(path);
    return code;
}

static qlab_code make_all(const qlab_env *env, qlab_synth_vendor_plan *plan,
                          qlab_synth_result *result, qlab_err *err)
{
    const size_t n_threads = qlab_pool_threads(env->pool);
    making job = {.plan = plan, .workers = qlab_alloc_zero(n_threads, sizeof *job.workers)};
    qlab_synth_dirt_log registry_dirt = {QLAB_BUF_INIT, 0};
    job.progress = qlab_progress_begin("synth", "bars", plan->n_bars_expected, env->quiet);
    qlab_code code = qlab_pool_run(env->pool, plan->n_packs, make_unit, &job, err);
    result->seconds = qlab_progress_end(job.progress);
    if (code == QLAB_OK)
        code = qlab_synth_put_registry(plan, &registry_dirt, err);
    if (code == QLAB_OK)
        code = qlab_synth_put_truth(plan, &registry_dirt, result, err);
    for (size_t i = 0; i < n_threads; i++)
        qlab_synth_worker_free(job.workers[i]);
    qlab_free(job.workers);
    qlab_buf_free(&registry_dirt.text);
    return code;
}

qlab_code qlab_synth_vendor(const qlab_env *env, const qlab_synth_params *params, const char *out,
                            qlab_synth_result *result, qlab_err *err)
{
    qlab_synth_market *market = NULL;
    qlab_synth_vendor_plan *plan = NULL;
    json_t *wanted = NULL;
    *result = (qlab_synth_result){0};
    qlab_code code = qlab_synth_market_make(params, &market, err);
    if (code != QLAB_OK)
        return code;
    wanted = qlab_synth_params_json(params);
    code = look_at(out, wanted, &result->was_there, err);
    if (code != QLAB_OK || result->was_there || env->dry_run)
        goto done;
    plan = qlab_synth_plan_make(market, out);
    result->n_assets = params->n_assets;
    result->n_packs = plan->n_packs;
    code = begin(out, wanted, err);
    if (code == QLAB_OK)
        code = make_all(env, plan, result, err);
    if (code == QLAB_OK)
        code = end(out, err);
done:
    qlab_synth_plan_free(plan);
    json_decref(wanted);
    qlab_synth_market_free(market);
    return code;
}
