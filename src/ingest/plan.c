/* Which assets, which numbers, which packs, which units. */
#include "base/alloc.h"
#include "base/date.h"
#include "ingest/ingest_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A type that the format does not list is OTHER; its word stays in the registry's extra fields. */
static qlab_asset_class class_of(const qlab_vendor_asset *a)
{
    qlab_asset_class c = QLAB_CLASS_OTHER;

    return qlab_asset_class_parse(qlab_str_of(a->type_norm), &c) ? c : QLAB_CLASS_OTHER;
}

qlab_code qlab_ingest_ask_types(qlab_ingest *g, qlab_err *err)
{
    const qlab_ingest_options *o = g->options;

    for (unsigned c = 0; c < QLAB_CLASS_COUNT; c++)
        g->asked[c] = o->n_types == 0;
    for (size_t i = 0; i < o->n_types; i++) {
        qlab_asset_class c;
        if (!qlab_asset_class_parse(qlab_str_of(o->types[i]), &c))
            return qlab_fail(err, QLAB_E_USAGE,
                             "type %s is not one of STOCK ETF FUND BOND INDEX FOREX CRYPTO OTHER",
                             o->types[i]);
        g->asked[c] = true;
    }
    return QLAB_OK;
}

/* ---- numbers --------------------------------------------------------------------------------- */

typedef struct qlab_newcomer {
    const qlab_vendor_asset *asset;
    const char *pack; /* NULL: none, so behind all that have one */
    uint32_t at;      /* in the registry */
} qlab_newcomer;

static int cmp_newcomer(const void *a, const void *b)
{
    const qlab_newcomer *x = a, *y = b;

    if ((x->pack == NULL) != (y->pack == NULL))
        return x->pack == NULL ? 1 : -1;
    const int c = x->pack == NULL ? 0 : strcmp(x->pack, y->pack);
    return c != 0 ? c : strcmp(x->asset->asset_id, y->asset->asset_id);
}

static qlab_asset master_row(const qlab_ingest *g, const qlab_vendor_asset *a, uint32_t ix)
{
    return (qlab_asset){
        .asset_id = a->asset_id,
        .asset_ix = ix,
        .asset_class = class_of(a),
        .symbol = a->symbol,
        .exchange = a->exchange,
        .mic = a->mic,
        .name = a->name,
        .currency = a->currency,
        .country = a->country,
        .provider_symbol = a->provider_symbol,
        .pack = a->pack_no == QLAB_NO_PACK ? "" : g->registry->packs[a->pack_no].path,
        .extra = a->extra,
    };
}

static bool same_row(const qlab_asset *a, const qlab_asset *b)
{
    const char *const x[] = {a->symbol,  a->exchange,        a->mic,  a->name, a->currency,
                             a->country, a->provider_symbol, a->pack, a->extra};
    const char *const y[] = {b->symbol,  b->exchange,        b->mic,  b->name, b->currency,
                             b->country, b->provider_symbol, b->pack, b->extra};

    for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
        if (strcmp(x[i], y[i]) != 0)
            return false;
    }
    return a->asset_class == b->asset_class;
}

/* Assets of the lake keep their numbers; new ones follow in order of (pack path, asset_id). */
static void number_assets(qlab_ingest *g)
{
    const qlab_registry *r = g->registry;
    const size_t n_old = g->view->n_assets;
    qlab_newcomer *fresh = qlab_alloc(r->n_assets, sizeof *fresh);
    size_t n_fresh = 0;

    g->assets = qlab_alloc(n_old + r->n_assets, sizeof *g->assets);
    g->registry_of = qlab_alloc(n_old + r->n_assets, sizeof *g->registry_of);
    g->ix_of = qlab_alloc(r->n_assets, sizeof *g->ix_of);
    g->master_news = qlab_alloc(r->n_assets, sizeof *g->master_news);
    for (size_t i = 0; i < n_old; i++) {
        g->assets[i] = g->view->assets[i];
        g->registry_of[i] = QLAB_NO_ASSET;
    }
    for (uint32_t i = 0; i < r->n_assets; i++) {
        const qlab_vendor_asset *a = &r->assets[i];
        g->ix_of[i] = QLAB_NO_ASSET;
        if (!g->asked[class_of(a)])
            continue;
        const int64_t old = qlab_lake_find_asset(g->view, qlab_str_of(a->asset_id));
        if (old < 0) {
            const char *pack = a->pack_no == QLAB_NO_PACK ? NULL : r->packs[a->pack_no].path;
            fresh[n_fresh++] = (qlab_newcomer){a, pack, i};
            continue;
        }
        const qlab_asset row = master_row(g, a, (uint32_t)old);
        if (!same_row(&row, &g->assets[old]))
            g->master_news[g->n_master_news++] = row;
        g->assets[old] = row;
        g->ix_of[i] = (uint32_t)old;
        g->registry_of[old] = i;
    }
    if (n_fresh > 1)
        qsort(fresh, n_fresh, sizeof *fresh, cmp_newcomer);
    g->n_assets = n_old;
    for (size_t k = 0; k < n_fresh; k++) {
        const uint32_t ix = (uint32_t)g->n_assets++;
        g->assets[ix] = master_row(g, fresh[k].asset, ix);
        g->master_news[g->n_master_news++] = g->assets[ix];
        g->ix_of[fresh[k].at] = ix;
        g->registry_of[ix] = fresh[k].at;
    }
    qlab_free(fresh);
}

/* ---- packs ----------------------------------------------------------------------------------- */

typedef struct qlab_ordered {
    const char *path;
    uint32_t *order;
} qlab_ordered;

static int cmp_ordered(const void *a, const void *b)
{
    return strcmp(((const qlab_ordered *)a)->path, ((const qlab_ordered *)b)->path);
}

/* Place of every pack, of every sidecar and of the registry, in byte order of paths. */
static void order_files(qlab_ingest *g)
{
    const qlab_registry *r = g->registry;
    const size_t n = r->n_packs + g->sidecars.n + 1;
    qlab_ordered *all = qlab_alloc(n, sizeof *all);
    size_t k = 0;

    all[k++] = (qlab_ordered){r->path, &g->registry_order};
    for (size_t i = 0; i < r->n_packs; i++)
        all[k++] = (qlab_ordered){r->packs[i].path, &g->packs[i].order};
    for (size_t i = 0; i < g->sidecars.n; i++)
        all[k++] = (qlab_ordered){g->sidecars.at[i].path, &g->sides[i].order};
    qsort(all, n, sizeof *all, cmp_ordered);
    for (size_t i = 0; i < n; i++)
        *all[i].order = (uint32_t)i;
    qlab_free(all);
}

static qlab_code look_at_pack(qlab_ingest *g, size_t i, qlab_err *err)
{
    const qlab_vendor_pack *v = &g->registry->packs[i];
    qlab_ingest_pack *p = &g->packs[i];

    p->out.first_future = QLAB_DATE_NONE;
    p->owner = UINT32_MAX;
    p->out.refused = v->refused;
    p->out.why = v->why;
    if (v->refused == QLAB_REASON_PATH_ESCAPES_ROOT || v->refused == QLAB_REASON_PACK_MISSING)
        return QLAB_OK;
    p->file = qlab_path_join(g->registry->vendor_dir, v->path);
    const qlab_code rc = qlab_file_stat(p->file, &p->info, err);
    if (rc == QLAB_E_NOT_FOUND) { /* gone since its pointer was resolved: the reader will say so */
        qlab_err_reset(err);
        return QLAB_OK;
    }
    return rc;
}

/* Owner: the least bucket that points to a pack.  Digest: who points to it, as what. */
static void meet_assets(qlab_ingest *g)
{
    const qlab_registry *r = g->registry;
    qlab_sha256 **h = qlab_alloc_zero(r->n_packs, sizeof *h);

    for (size_t i = 0; i < r->n_packs; i++)
        h[i] = qlab_sha256_new();
    for (size_t i = 0; i < r->n_assets; i++) {
        const qlab_vendor_asset *a = &r->assets[i];
        if (g->ix_of[i] == QLAB_NO_ASSET || a->pack_no == QLAB_NO_PACK)
            continue;
        qlab_ingest_pack *p = &g->packs[a->pack_no];
        const uint32_t bucket = g->ix_of[i] / QLAB_LAKE_BUCKET_ASSETS;
        p->wanted = true;
        p->owner = bucket < p->owner ? bucket : p->owner;
        qlab_sha256_put_str(h[a->pack_no], a->asset_id, strlen(a->asset_id));
        qlab_sha256_put_u32(h[a->pack_no], class_of(a));
    }
    for (size_t i = 0; i < r->n_packs; i++) {
        g->packs[i].assets = qlab_sha256_end(h[i]);
        qlab_sha256_free(h[i]);
    }
    qlab_free(h);
}

/* ---- units ----------------------------------------------------------------------------------- */

static bool bucket_is_fresh(const qlab_ingest *g, uint32_t bucket)
{
    for (size_t i = 0; i < g->view->n_parts; i++) {
        const qlab_part *p = &g->view->parts[i];
        if (p->kind == QLAB_PART_BARS && (p->bucket < 0 || (uint32_t)p->bucket == bucket))
            return false;
    }
    return true;
}

typedef struct qlab_need {
    uint32_t bucket, pack;
} qlab_need;

static int cmp_need(const void *a, const void *b)
{
    const qlab_need *x = a, *y = b;

    if (x->bucket != y->bucket)
        return x->bucket < y->bucket ? -1 : 1;
    return (x->pack > y->pack) - (x->pack < y->pack);
}

static void make_units(qlab_ingest *g)
{
    const qlab_registry *r = g->registry;
    qlab_need *need = qlab_alloc(r->n_assets, sizeof *need);
    size_t n = 0, cap = 0;

    for (size_t i = 0; i < r->n_assets; i++) {
        const uint32_t pack = r->assets[i].pack_no;
        if (g->ix_of[i] != QLAB_NO_ASSET && pack != QLAB_NO_PACK && g->packs[pack].read)
            need[n++] = (qlab_need){g->ix_of[i] / QLAB_LAKE_BUCKET_ASSETS, pack};
    }
    if (n > 1)
        qsort(need, n, sizeof *need, cmp_need);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && cmp_need(&need[i - 1], &need[i]) == 0)
            continue;
        if (g->n_units == 0 || g->units[g->n_units - 1].bucket != need[i].bucket) {
            qlab_grow((void **)&g->units, &cap, g->n_units + 1, sizeof *g->units);
            g->units[g->n_units++] = (qlab_ingest_unit){
                .bucket = need[i].bucket,
                .packs = qlab_alloc(r->n_packs, sizeof(uint32_t)),
                .fresh = bucket_is_fresh(g, need[i].bucket),
            };
        }
        qlab_ingest_unit *u = &g->units[g->n_units - 1];
        u->packs[u->n_packs++] = need[i].pack;
    }
    qlab_free(need);
}

static void put_file(qlab_sha256 *h, const char *path, const qlab_file_info *info)
{
    qlab_sha256_put_str(h, path, strlen(path));
    qlab_sha256_put_u64(h, info->n_bytes);
    qlab_sha256_put_u64(h, (uint64_t)info->mtime_ns);
    qlab_sha256_put_u64(h, info->inode);
}

/* Everything that decides what the units make.  Time stamps stand for the bytes of packs, which are
 * not read yet: a pack that changes on the way belongs to another plan. */
static void digest_plan(qlab_ingest *g)
{
    qlab_sha256 *h = qlab_sha256_new();
    const qlab_ingest_options *o = g->options;

    qlab_sha256_put_str(h, "ingest", 6);
    qlab_sha256_put_u32(h, QLAB_INGEST_VERSION);
    qlab_sha256_put_u32(h, QLAB_VENDOR_V7_VERSION);
    qlab_sha256_put_u32(h, QLAB_RESULTS_VERSION);
    qlab_sha256_put_u32(h, g->parent);
    qlab_sha256_put_str(h, g->parent_sha256, strlen(g->parent_sha256));
    qlab_sha256_put(h, g->registry->sha256.at, QLAB_SHA256_BYTES);
    qlab_sha256_put_u32(h, o->adapter);
    if (o->adapter == QLAB_INGEST_CSV) {
        const qlab_digest style = qlab_csv_style_digest(o->csv);
        qlab_sha256_put(h, style.at, QLAB_SHA256_BYTES);
    }
    qlab_sha256_put_u32(h, o->price_basis);
    qlab_sha256_put_u32(h, o->volume_basis);
    qlab_sha256_put_u32(h, o->convention);
    qlab_sha256_put_i32(h, g->env->now);
    for (unsigned c = 0; c < QLAB_CLASS_COUNT; c++)
        qlab_sha256_put_u32(h, g->asked[c]);
    for (size_t i = 0; i < g->registry->n_packs; i++) {
        const qlab_ingest_pack *p = &g->packs[i];
        if (!p->read)
            continue;
        put_file(h, g->registry->packs[i].path, &p->info);
        qlab_sha256_put_u32(h, p->whole);
        qlab_sha256_put(h, p->assets.at, QLAB_SHA256_BYTES);
    }
    for (size_t i = 0; i < g->sidecars.n; i++) {
        if (g->sides[i].read)
            put_file(h, g->sidecars.at[i].path, &g->sides[i].info);
    }
    const qlab_digest acks = qlab_json_digest(g->acks);
    qlab_sha256_put(h, acks.at, QLAB_SHA256_BYTES);
    g->plan = qlab_sha256_end(h);
    qlab_sha256_free(h);
}

qlab_code qlab_ingest_plan(qlab_ingest *g, qlab_err *err)
{
    qlab_code rc = QLAB_OK;

    number_assets(g);
    if (g->n_assets == 0)
        return qlab_fail(err, QLAB_E_NOT_FOUND, "the registry has no asset of the types asked for");
    g->packs = qlab_alloc_zero(g->registry->n_packs, sizeof *g->packs);
    for (size_t i = 0; i < g->registry->n_packs && rc == QLAB_OK; i++)
        rc = look_at_pack(g, i, err);
    if (rc == QLAB_OK)
        rc = qlab_ingest_find_sidecars(g, err);
    if (rc != QLAB_OK)
        return rc;
    if (g->options->adapter == QLAB_INGEST_V7)
        qlab_touch_load(g->registry->vendor_dir, &g->touch);
    order_files(g);
    meet_assets(g);
    rc = qlab_ingest_choose_packs(g, err);
    if (rc != QLAB_OK)
        return rc;
    make_units(g);
    digest_plan(g);
    return QLAB_OK;
}

bool qlab_ingest_nothing_to_do(const qlab_ingest *g)
{
    return g->parent > 0 && g->last != NULL && g->n_read == 0 && g->n_master_news == 0 &&
           !g->refusals_changed;
}
