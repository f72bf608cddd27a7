#include "ingest/ingest.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/progress.h"
#include "ingest/ingest_int.h"
#include "ops/ack.h"

#include <string.h>

static qlab_code load_registry(qlab_ingest *g, qlab_err *err)
{
    const qlab_ingest_options *o = g->options;

    if (o->adapter == QLAB_INGEST_CSV)
        return qlab_csv_registry(o->vendor_dir, o->csv, &g->registry, err);
    if (o->recipes) {
        const qlab_code rc = qlab_synth_book_open(o->vendor_dir, &g->book, err);
        if (rc != QLAB_OK)
            return rc;
    }
    return qlab_registry_load(o->vendor_dir, &g->registry, err);
}

static qlab_code check_basis(const qlab_ingest *g, qlab_err *err)
{
    const qlab_lake_view *v = g->view;
    const qlab_ingest_options *o = g->options;

    if (g->parent == 0)
        return QLAB_OK;
    if (v->price_basis != o->price_basis)
        return qlab_fail(err, QLAB_E_USAGE,
                         "the lake's price basis is %s and cannot become %s: use another root",
                         qlab_ingest_basis_name(v->price_basis),
                         qlab_ingest_basis_name(o->price_basis));
    if (v->volume_basis != o->volume_basis)
        return qlab_fail(err, QLAB_E_USAGE,
                         "the lake's volume basis is %s and cannot become %s: use another root",
                         qlab_ingest_basis_name(v->volume_basis),
                         qlab_ingest_basis_name(o->volume_basis));
    return QLAB_OK;
}

static qlab_code open_parent(qlab_ingest *g, qlab_err *err)
{
    const qlab_code rc = qlab_lake_view_open(g->env, QLAB_LAKE_LATEST, &g->view, err);

    if (rc == QLAB_OK) {
        g->parent = g->view->commit;
        g->seq = g->parent + 1;
    }
    return rc;
}

/* The bars of a unit while they are sorted, hashed and written: about 75 bytes a row, and a packed
 * row takes 20 and more.  A pack that two units read counts whole for both; a recipe as the largest
 * pack. */
static size_t unit_bytes(void *ctx, size_t unit)
{
    enum { BYTES_A_PACKED_BYTE = 4, BYTES_A_ROW = 75 };
    const qlab_ingest *g = ctx;
    const qlab_ingest_unit *u = &g->units[unit];
    size_t n = 0;

    for (size_t i = 0; i < u->n_packs; i++) {
        const uint32_t pack = u->packs[i];
        const qlab_ingest_pack *p = &g->packs[pack];
        if (p->whole)
            n += g->book != NULL && qlab_synth_is_recipe(g->registry->packs[pack].path)
                     ? (size_t)QLAB_SYNTH_PACK_BARS * BYTES_A_ROW
                     : (size_t)p->info.n_bytes * BYTES_A_PACKED_BYTE;
        for (size_t k = p->first_side; k < p->first_side + p->n_sides; k++)
            n += g->sides[k].read ? (size_t)g->sides[k].info.n_bytes * BYTES_A_PACKED_BYTE : 0;
    }
    return n;
}

static qlab_code run_units(qlab_ingest *g, qlab_err *err)
{
    const size_t n_workers = qlab_pool_threads(g->env->pool);
    const qlab_job_units units = {
        .step = "ingest",
        .counted = "bars",
        .n = g->n_units,
        .key = qlab_ingest_unit_key,
        .fn = qlab_ingest_unit_do,
        .bytes = unit_bytes,
        .ctx = g,
    };

    g->readers = qlab_alloc_zero(n_workers, sizeof *g->readers);
    g->csv_readers = qlab_alloc_zero(n_workers, sizeof *g->csv_readers);
    g->recipe_readers = qlab_alloc_zero(n_workers, sizeof(qlab_recipe_reader *));
    g->syncs = qlab_alloc_zero(n_workers, sizeof *g->syncs);
    const qlab_code rc = qlab_job_run(g->job, &units, err);
    for (size_t i = 0; i < n_workers; i++) {
        qlab_pack_reader_free(g->readers[i]);
        qlab_csv_reader_free(g->csv_readers[i]);
        qlab_recipe_reader_free(g->recipe_readers[i]);
        qlab_sync_free(g->syncs[i]);
    }
    qlab_free(g->readers);
    qlab_free(g->csv_readers);
    qlab_free(g->recipe_readers);
    qlab_free(g->syncs);
    g->syncs = NULL;
    g->readers = NULL;
    g->csv_readers = NULL;
    return rc;
}

/* What was derived from earlier vintages, where a later one may say something else. */
static qlab_code load_facts(qlab_ingest *g, qlab_err *err)
{
    qlab_conn *conn = NULL;
    bool wanted = false;
    size_t kept = 0;

    for (size_t u = 0; u < g->n_units && !wanted; u++) {
        for (size_t i = 0; i < g->units[u].n_packs; i++) /* a sidecar is no vintage */
            wanted |= !g->units[u].fresh && g->packs[g->units[u].packs[i]].whole;
    }
    if (!wanted)
        return QLAB_OK;
    qlab_code rc = qlab_duck_conn(g->env->duck, 0, &conn, err);
    if (rc == QLAB_OK)
        rc = qlab_actions_read(g->view, conn, &g->strings, &g->actions, &g->n_actions, err);
    for (size_t i = 0; i < g->n_actions; i++) {
        if (g->actions[i].source == QLAB_SOURCE_DERIVED)
            g->actions[kept++] = g->actions[i];
    }
    g->n_actions = kept;
    return rc;
}

static qlab_code work(qlab_ingest *g, qlab_ingest_result *out, qlab_err *err)
{
    qlab_code rc = qlab_ingest_sweep_jobs(g, true, err);

    if (rc == QLAB_OK)
        rc = qlab_job_open(g->env, "ingest", g->plan, &g->job, err);
    if (rc == QLAB_OK)
        rc = load_facts(g, err);
    if (rc == QLAB_OK)
        rc = run_units(g, err);
    if (rc == QLAB_OK)
        rc = qlab_ingest_finish(g, out, err);
    if (rc == QLAB_OK)
        rc = qlab_job_finish(g->job, err);
    else
        qlab_job_close(g->job);
    g->job = NULL;
    return rc;
}

static qlab_code nothing(qlab_ingest *g, qlab_ingest_result *out, qlab_err *err)
{
    out->nothing_to_do = true;
    out->commit = g->parent;
    qlab_code rc = qlab_ingest_sum_up(g, out, err);
    /* Bytes that were hashed and found the same need not be hashed the next time. */
    json_t *sources = qlab_ingest_sources(g);
    if (rc == QLAB_OK && !g->env->dry_run &&
        (!qlab_ingest_as_seen(g) || !json_equal(sources, g->last)))
        rc = qlab_ingest_remember(g, g->last_number, true, 0, err);
    json_decref(sources);
    if (rc == QLAB_OK && !g->env->dry_run)
        rc = qlab_ingest_sweep_jobs(g, false, err);
    return rc;
}

static void release(qlab_ingest *g)
{
    for (size_t i = 0; g->packs != NULL && i < g->registry->n_packs; i++) {
        qlab_free(g->packs[i].file);
        json_decref(g->packs[i].held);
        json_decref(g->packs[i].basis);
        json_decref(g->packs[i].reasons);
    }
    qlab_ingest_sides_free(g);
    qlab_touch_free(&g->touch);
    for (size_t u = 0; u < g->n_units; u++)
        qlab_free(g->units[u].packs);
    qlab_free(g->packs);
    qlab_free(g->units);
    qlab_free(g->ix_of);
    qlab_free(g->registry_of);
    qlab_free(g->assets);
    qlab_free(g->master_news);
    qlab_parts_free(g->parts, g->n_parts);
    json_decref(g->counts);
    json_decref(g->basis_changes);
    json_decref(g->acked);
    json_decref(g->revised);
    qlab_free(g->actions);
    json_decref(g->last);
    json_decref(g->last_packs);
    json_decref(g->acks);
    json_decref(g->seen);
    qlab_synth_book_free(g->book);
    qlab_registry_free(g->registry);
    qlab_lake_view_close(g->view);
    qlab_arena_free(&g->strings);
}

qlab_code qlab_ingest_run(const qlab_env *env, const qlab_ingest_options *options,
                          qlab_ingest_result *out, qlab_err *err)
{
    qlab_ingest g = {.env = env, .options = options};
    qlab_lock *lock = NULL;
    const double start = qlab_monotonic_seconds();
    qlab_code rc = QLAB_OK;

    *out = (qlab_ingest_result){0};
    rc = qlab_ingest_ask_types(&g, err);
    if (rc == QLAB_OK)
        rc = qlab_acks_load(env->root, QLAB_INGEST_HELD_PREFIX, &g.acks, err);
    if (rc == QLAB_OK && !env->dry_run)
        rc = qlab_lake_lock(env, "ingest", &lock, err);
    if (rc == QLAB_OK)
        rc = open_parent(&g, err);
    if (rc == QLAB_OK)
        rc = check_basis(&g, err);
    if (rc == QLAB_OK)
        rc = qlab_ingest_recall(&g, err);
    if (rc == QLAB_OK)
        rc = qlab_ingest_check_factor_close(&g, err);
    if (rc == QLAB_OK && !env->dry_run)
        rc = qlab_ingest_heal(&g, err);
    if (rc == QLAB_OK)
        rc = load_registry(&g, err);
    if (rc == QLAB_OK)
        rc = qlab_ingest_plan(&g, err);
    if (rc != QLAB_OK)
        goto done;
    if (qlab_ingest_nothing_to_do(&g)) {
        rc = nothing(&g, out, err);
    } else if (env->dry_run) {
        out->commit = g.parent;
        rc = qlab_ingest_sum_up(&g, out, err);
    } else {
        rc = work(&g, out, err);
    }
done:
    out->seconds = qlab_monotonic_seconds() - start;
    release(&g);
    qlab_lock_release(lock);
    if (rc != QLAB_OK)
        qlab_ingest_result_free(out);
    return rc;
}

void qlab_ingest_result_free(qlab_ingest_result *r)
{
    qlab_free(r->run_id);
    json_decref(r->counts);
    json_decref(r->packs_refused);
    json_decref(r->changes);
    *r = (qlab_ingest_result){0};
}
