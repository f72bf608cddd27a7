#include "guard/coverage.h"

#include "base/alloc.h"
#include "base/json.h"
#include "base/progress.h"
#include "guard/publish.h"
#include "lake/lake.h"
#include "ops/run.h"
#include "vendor/registry.h"

#include <stdlib.h>
#include <string.h>

typedef struct type_row {
    const char *type; /* as the registry writes it; "" = none */
    uint64_t n, with_pack, missing, with_bars, enough;
    json_t *without_pack, *without_bars; /* samples */
} type_row;

typedef struct coverage {
    const qlab_env *env;
    const qlab_coverage_options *o;
    qlab_registry *registry;
    qlab_lake_view *v;
    uint64_t *bars; /* asset_ix */
    type_row *types;
    size_t n_types, cap_types;
} coverage;

static qlab_code count_bucket(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    coverage *c = ctx;
    qlab_conn *conn = NULL;
    qlab_leaf *leaves = NULL;
    size_t n = 0;
    qlab_code rc = qlab_duck_conn(c->env->duck, worker, &conn, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_read_leaves(c->v, conn, (uint32_t)unit, QLAB_LEAVES_YEARS, &leaves, &n, err);
    for (size_t i = 0; rc == QLAB_OK && i < n; i++)
        c->bars[leaves[i].asset_ix] += leaves[i].n_rows;
    qlab_free(leaves);
    return rc;
}

static type_row *row_of(coverage *c, const char *type)
{
    for (size_t i = 0; i < c->n_types; i++)
        if (strcmp(c->types[i].type, type) == 0)
            return &c->types[i];
    qlab_grow((void **)&c->types, &c->cap_types, c->n_types + 1, sizeof *c->types);
    c->types[c->n_types] =
        (type_row){.type = type, .without_pack = json_array(), .without_bars = json_array()};
    return &c->types[c->n_types++];
}

static int cmp_type(const void *a, const void *b)
{
    return strcmp(((const type_row *)a)->type, ((const type_row *)b)->type);
}

static void sample(const coverage *c, json_t *list, const char *asset_id)
{
    if (json_array_size(list) < c->o->n_samples)
        json_array_append_new(list, json_string(asset_id));
}

static void count_assets(coverage *c)
{
    for (size_t i = 0; i < c->registry->n_assets; i++) {
        const qlab_vendor_asset *a = &c->registry->assets[i];
        type_row *t = row_of(c, a->type_norm);
        const bool has_pack = a->pack_no != QLAB_NO_PACK &&
                              c->registry->packs[a->pack_no].refused == QLAB_REASON_NONE;
        const int64_t ix = qlab_lake_find_asset(c->v, qlab_str_of(a->asset_id));
        const uint64_t bars = ix >= 0 ? c->bars[ix] : 0;
        t->n++;
        t->with_pack += has_pack;
        t->missing += !has_pack;
        t->with_bars += bars > 0;
        t->enough += bars >= QLAB_COVERAGE_BARS;
        if (!has_pack)
            sample(c, t->without_pack, a->asset_id);
        else if (bars == 0)
            sample(c, t->without_bars, a->asset_id);
    }
    if (c->n_types > 0)
        qsort(c->types, c->n_types, sizeof *c->types, cmp_type);
}

static json_t *ratio(uint64_t part, uint64_t all)
{
    return all > 0 ? qlab_json_f64((double)part / (double)all) : json_null();
}

static json_t *report_json(const coverage *c, char **run_id, json_t *inputs)
{
    *run_id = qlab_run_id("coverage", c->env->now, inputs, NULL);
    json_t *r = qlab_artifact_begin("alt_assets_pointer_coverage/1", *run_id, inputs);
    json_t *types = json_object();
    for (size_t i = 0; i < c->n_types; i++) {
        const type_row *t = &c->types[i];
        json_t *o = json_object();
        json_object_set_new(o, "total", json_integer((json_int_t)t->n));
        json_object_set_new(o, "with_history_pack", json_integer((json_int_t)t->with_pack));
        json_object_set_new(o, "missing_history_pack", json_integer((json_int_t)t->missing));
        json_object_set_new(o, "bars_gt_0", json_integer((json_int_t)t->with_bars));
        json_object_set_new(o, "bars_ge_200", json_integer((json_int_t)t->enough));
        json_object_set_new(o, "with_history_pack_ratio", ratio(t->with_pack, t->n));
        json_object_set_new(o, "bars_ge_200_ratio", ratio(t->enough, t->n));
        json_object_set(o, "samples_missing_history_pack", t->without_pack);
        json_object_set(o, "samples_without_bars", t->without_bars);
        json_object_set_new(types, t->type, o);
    }
    json_object_set_new(r, "types", types);
    return r;
}

static qlab_code inputs_json(const coverage *c, json_t **out, qlab_err *err)
{
    char hex[QLAB_HEX_BYTES], sha256[QLAB_HEX_BYTES] = "";
    json_t *o = json_object(), *registry = json_object(), *doc = NULL;
    qlab_code rc = QLAB_OK;
    if (c->v->commit > 0)
        rc = qlab_lake_read_commit(c->env->root, c->v->commit, &doc, sha256, err);
    json_object_set_new(registry, "path", json_string(c->registry->path));
    json_object_set_new(registry, "sha256", json_string(qlab_hex(c->registry->sha256, hex)));
    json_object_set_new(o, "registry", registry);
    json_object_set_new(o, "commit", json_integer(c->v->commit));
    json_object_set_new(o, "commit_sha256", *sha256 ? json_string(sha256) : json_null());
    json_object_set_new(o, "samples", json_integer((json_int_t)c->o->n_samples));
    json_decref(doc);
    *out = o;
    return rc;
}

qlab_code qlab_guard_coverage(const qlab_env *env, const qlab_coverage_options *o, json_t **report,
                              char **path, qlab_err *err)
{
    const double begun = qlab_monotonic_seconds();
    coverage c = {.env = env, .o = o};
    json_t *inputs = NULL;
    char *run_id = NULL;
    *path = NULL;
    *report = NULL;
    qlab_code rc = qlab_registry_load(o->vendor_dir, &c.registry, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_view_open(env, QLAB_LAKE_LATEST, &c.v, err);
    if (rc == QLAB_OK) {
        c.bars = qlab_alloc_zero(c.v->n_assets + 1, sizeof *c.bars);
        rc = qlab_pool_run(env->pool, qlab_lake_n_buckets(c.v), count_bucket, &c, err);
    }
    if (rc == QLAB_OK)
        rc = inputs_json(&c, &inputs, err);
    if (rc == QLAB_OK) {
        count_assets(&c);
        *report = report_json(&c, &run_id, inputs);
        if (!env->dry_run)
            rc = qlab_guard_publish(env, run_id, "alt_assets_pointer_coverage.json", *report,
                                    qlab_monotonic_seconds() - begun, path, err);
    }
    for (size_t i = 0; i < c.n_types; i++) {
        json_decref(c.types[i].without_pack);
        json_decref(c.types[i].without_bars);
    }
    json_decref(inputs);
    qlab_free(run_id);
    qlab_free(c.types);
    qlab_free(c.bars);
    qlab_lake_view_close(c.v);
    qlab_registry_free(c.registry);
    return rc;
}
