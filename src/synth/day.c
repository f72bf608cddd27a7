#include "synth/day.h"

#include "base/alloc.h"
#include "base/file.h"
#include "synth/day_int.h"

#include <stdlib.h>
#include <string.h>

typedef struct writing {
    qlab_synth_day_job *job;
    qlab_synth_day_worker **workers;
} writing;

static qlab_code write_unit(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    writing *w = ctx;
    if (!w->workers[worker])
        w->workers[worker] = qlab_synth_day_worker_new();
    return qlab_synth_day_pack_do(w->job, unit, w->workers[worker], err);
}

static qlab_code write_packs(qlab_synth_day_job *j, qlab_err *err)
{
    const size_t n_threads = qlab_pool_threads(j->env->pool);
    writing w = {j, qlab_alloc_zero(n_threads, sizeof *w.workers)};
    const qlab_code code = qlab_pool_run(j->env->pool, j->plan->n_packs, write_unit, &w, err);
    for (size_t i = 0; i < n_threads; i++)
        qlab_synth_day_worker_free(w.workers[i]);
    qlab_free(w.workers);
    return code;
}

/* The packs and assets of the folder as first made, then all that the days did to them. */
static qlab_code plan_day(qlab_synth_day_job *j, qlab_err *err)
{
    qlab_synth_params base = j->params;
    qlab_synth_market *first = NULL;
    base.days = 0;
    qlab_code code = qlab_synth_market_make(&base, &first, err);
    if (code != QLAB_OK)
        return code;
    j->plan = qlab_synth_plan_make(first, j->out);
    code = qlab_synth_market_make(&j->params, &j->market, err);
    if (code == QLAB_OK)
        j->schedule = qlab_synth_schedule_make(j->market, j->plan, j->n_odd, j->day);
    qlab_synth_market_free(first);
    return code;
}

typedef struct named {
    const char *id;
    uint32_t asset;
} named;

static int compare_named(const void *a, const void *b)
{
    const named *x = a, *y = b;
    const int c = strcmp(x->id, y->id);
    return c != 0 ? c : (x->asset > y->asset) - (x->asset < y->asset);
}

static void sort_by_id(qlab_synth_vendor_plan *plan)
{
    named *names = qlab_alloc(plan->n_assets, sizeof *names);
    for (uint32_t i = 0; i < plan->n_assets; i++)
        names[i] = (named){plan->assets[i].asset.id, i};
    qsort(names, plan->n_assets, sizeof *names, compare_named);
    plan->by_id = qlab_realloc(plan->by_id, plan->n_assets, sizeof *plan->by_id);
    for (uint32_t i = 0; i < plan->n_assets; i++)
        plan->by_id[i] = names[i].asset;
    qlab_free(names);
}

/* Assets pack after pack: those of the first folder in its order, then those that came. */
static void deal(qlab_synth_day_job *j)
{
    const qlab_synth_vendor_plan *plan = j->plan;
    uint32_t n = 0;
    j->packs = qlab_alloc_zero(plan->n_packs, sizeof *j->packs);
    j->is_touched = qlab_alloc_zero(plan->n_assets, sizeof *j->is_touched);
    j->members = qlab_alloc(plan->n_assets, sizeof *j->members);
    j->first_member = qlab_alloc_zero(plan->n_packs + 1, sizeof *j->first_member);
    uint32_t *next = qlab_alloc_zero(plan->n_packs, sizeof *next);
    for (uint32_t i = 0; i < plan->n_assets; i++)
        next[plan->assets[i].pack]++;
    for (size_t p = 0; p < plan->n_packs; p++) {
        j->first_member[p] = n;
        n += next[p];
        next[p] = j->first_member[p];
    }
    j->first_member[plan->n_packs] = n;
    for (uint32_t i = 0; i < plan->n_assets; i++) {
        const uint32_t asset = i < j->params.n_assets ? plan->order[i] : i;
        j->members[next[plan->assets[asset].pack]++] = asset;
    }
    qlab_free(next);
}

static void sum_up(qlab_synth_day_job *j)
{
    for (size_t p = 0; p < j->plan->n_packs; p++) {
        j->result->n_packs += j->packs[p].is_whole;
        j->result->n_sidecars += j->packs[p].sidecar[0] != '\0';
        j->result->n_bars += j->packs[p].n_bars;
    }
    for (size_t e = 0; e < j->schedule->n_events; e++)
        j->result->n_events += j->schedule->events[e].day == j->day;
}

static void release(qlab_synth_day_job *j)
{
    for (uint32_t d = 0; j->past && d < j->params.days; d++)
        qlab_free(j->past[d]);
    qlab_free(j->past);
    qlab_free(j->n_odd);
    qlab_free(j->packs);
    qlab_free(j->is_touched);
    qlab_free(j->members);
    qlab_free(j->first_member);
    qlab_synth_schedule_free(j->schedule);
    qlab_synth_plan_free(j->plan);
    qlab_synth_market_free(j->market);
}

qlab_code qlab_synth_day(const qlab_env *env, const qlab_synth_day_options *options,
                         const char *vendor_dir, qlab_synth_day_result *result, qlab_err *err)
{
    qlab_synth_day_job j = {.env = env, .out = vendor_dir, .options = *options, .result = result};
    *result = (qlab_synth_day_result){0};
    qlab_code code = qlab_synth_day_recall(&j, err);
    if (code == QLAB_OK)
        code = plan_day(&j, err);
    if (code != QLAB_OK)
        goto done;
    result->day = j.day;
    qlab_date_format(qlab_synth_day_date(j.schedule, j.day), result->date);
    if (env->dry_run)
        goto done;
    sort_by_id(j.plan);
    deal(&j);
    code = qlab_file_sweep_tmp(j.out, NULL, err); /* what a killed day left */
    if (code == QLAB_OK)
        code = write_packs(&j, err);
    if (code == QLAB_OK)
        code = qlab_synth_day_recall_packs(&j, err);
    if (code != QLAB_OK)
        goto done;
    sum_up(&j);
    code = qlab_synth_day_feeds(&j, err);
    if (code == QLAB_OK)
        code = qlab_synth_day_remember(&j, err);
done:
    release(&j);
    return code;
}
