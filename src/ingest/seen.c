/* What the last ingest read, and what has changed since.
 *
 * Content decides: `sources` in the commit says which bytes were read for whom.  Beside the commit,
 * <N>.run.json says which size, mtime and inode those bytes had here; where they still hold, the
 * bytes are believed to be the same. */
#include "base/alloc.h"
#include "base/date.h"
#include "ingest/ingest_int.h"

#include <stdio.h>
#include <string.h>

static char *run_record_path(const char *root, uint32_t commit)
{
    return qlab_asprintf("%s/lake/commits/%08u.run.json", root, (unsigned)commit);
}

/* The newest commit of kind "ingest" from the parent backwards. */
static qlab_code find_last(qlab_ingest *g, uint32_t *number, qlab_err *err)
{
    for (uint32_t n = g->parent; n > 0; n--) {
        json_t *doc = NULL;
        const char *kind = NULL;
        char sha[QLAB_HEX_BYTES];
        qlab_code rc = qlab_lake_read_commit(g->env->root, n, &doc, sha, err);
        if (rc == QLAB_OK && n == g->parent)
            memcpy(g->parent_sha256, sha, sizeof sha);
        if (rc == QLAB_OK)
            rc = qlab_json_get_str(doc, "commit", "kind", &kind, err);
        if (rc == QLAB_OK && strcmp(kind, "ingest") == 0) {
            g->last = json_incref(json_object_get(doc, "sources"));
            *number = n;
        }
        json_decref(doc);
        if (rc != QLAB_OK || g->last != NULL)
            return rc;
    }
    return QLAB_OK;
}

qlab_code qlab_ingest_recall(qlab_ingest *g, qlab_err *err)
{
    qlab_err ignored = QLAB_ERR_INIT;
    json_t *record = NULL;

    g->last_number = 0;
    const qlab_code rc = find_last(g, &g->last_number, err);
    if (rc != QLAB_OK || g->last_number == 0)
        return rc;
    /* A hint alone: without it the packs are hashed. */
    char *path = run_record_path(g->env->root, g->last_number);
    if (qlab_file_exists(path) && qlab_json_load(path, &record, &ignored) == QLAB_OK)
        g->seen = json_incref(json_object_get(record, "seen"));
    json_decref(record);
    qlab_free(path);
    return QLAB_OK;
}

/* ---- unchanged? ------------------------------------------------------------------------------ */

static json_t *stat_json(const qlab_file_info *i)
{
    return json_pack("[I,I,I]", (json_int_t)i->n_bytes, (json_int_t)i->mtime_ns,
                     (json_int_t)i->inode);
}

static bool stat_as_seen(const qlab_ingest *g, size_t i)
{
    const json_t *all = json_object_get(g->seen, "packs");
    const json_t *was = json_object_get(all, g->registry->packs[i].path);
    json_t *is = stat_json(&g->packs[i].info);
    const bool same = was != NULL && json_equal(was, is);

    json_decref(is);
    return same;
}

bool qlab_ingest_as_seen(const qlab_ingest *g)
{
    for (size_t i = 0; i < g->registry->n_packs; i++) {
        if (g->packs[i].wanted && g->packs[i].file != NULL && !stat_as_seen(g, i))
            return false;
    }
    return true;
}

static const json_t *last_of(const json_t *by_path, const char *path)
{
    return json_object_get(by_path, path);
}

/* `sources` is an array: first who was asked for what, then one element a pack. */
static const json_t *last_question(const qlab_ingest *g)
{
    return json_array_get(g->last, 0);
}

static bool text_is(const json_t *o, const char *key, const char *want)
{
    const char *is = json_string_value(json_object_get(o, key));
    return strcmp(is != NULL ? is : "", want) == 0;
}

static json_t *types_json(const qlab_ingest *g)
{
    json_t *a = json_array();

    for (unsigned c = 0; c < QLAB_CLASS_COUNT; c++) {
        if (g->asked[c])
            json_array_append_new(a, json_string(qlab_asset_class_name((qlab_asset_class)c)));
    }
    return a;
}

static const char *adapter_name(const qlab_ingest *g)
{
    return g->options->adapter == QLAB_INGEST_V7 ? "v7" : "csv";
}

static const char *factor_close_name(const qlab_ingest *g)
{
    return g->options->convention == QLAB_FACTOR_ON_PREVIOUS ? "previous" : "ex_date";
}

qlab_code qlab_ingest_check_factor_close(const qlab_ingest *g, qlab_err *err)
{
    const char *was = json_string_value(json_object_get(last_question(g), "factor_close"));

    if (was == NULL || strcmp(was, factor_close_name(g)) == 0)
        return QLAB_OK;
    return qlab_fail(err, QLAB_E_USAGE,
                     "the lake's factor close is %s and cannot become %s: use another root", was,
                     factor_close_name(g));
}

/* Of the adapter's options; "" where it has none. */
static const char *adapter_options(const qlab_ingest *g, char hex[QLAB_HEX_BYTES])
{
    if (g->options->adapter != QLAB_INGEST_CSV)
        return "";
    return qlab_hex(qlab_csv_style_digest(g->options->csv), hex);
}

/* The same reader, asked for the same? */
static bool same_question(const qlab_ingest *g)
{
    char hex[QLAB_HEX_BYTES];
    json_t *types = types_json(g);
    const json_t *was = last_question(g);
    const bool same =
        was != NULL && text_is(was, "adapter", adapter_name(g)) &&
        text_is(was, "adapter_options", adapter_options(g, hex)) &&
        json_integer_value(json_object_get(was, "adapter_version")) == QLAB_VENDOR_V7_VERSION &&
        json_equal(json_object_get(was, "types"), types);

    json_decref(types);
    return same;
}

static bool registry_as_before(const qlab_ingest *g)
{
    char hex[QLAB_HEX_BYTES];
    return text_is(last_question(g), "registry_sha256", qlab_hex(g->registry->sha256, hex));
}

/* What the last ingest found in a pack that is not read now. */
static void carry_over(qlab_ingest *g, size_t i, const json_t *was)
{
    qlab_ingest_pack *p = &g->packs[i];
    const char *hex = json_string_value(json_object_get(was, "sha256"));
    const char *refused = json_string_value(json_object_get(was, "refused"));
    const char *why = json_string_value(json_object_get(was, "detail"));
    const char *future = json_string_value(json_object_get(was, "first_future"));

    p->known_outcome = true;
    if (hex != NULL)
        qlab_digest_parse(hex, strlen(hex), &p->sha256);
    if (refused != NULL && qlab_reason_parse(refused, &p->refused))
        p->why =
            qlab_arena_strndup(&g->strings, why != NULL ? why : "", why != NULL ? strlen(why) : 0);
    if (future != NULL)
        qlab_date_parse(future, strlen(future), &p->first_future);
    p->parked = json_is_true(json_object_get(was, "parked"));
}

typedef enum qlab_pack_news { PACK_SAME, PACK_READ, PACK_HASH } qlab_pack_news;

static qlab_pack_news news_of(const qlab_ingest *g, size_t i, const json_t *was)
{
    const qlab_vendor_pack *v = &g->registry->packs[i];
    const qlab_ingest_pack *p = &g->packs[i];
    char hex[QLAB_HEX_BYTES];
    int32_t future;

    if (was == NULL || !text_is(was, "assets", qlab_hex(p->assets, hex)) ||
        text_is(was, "refused", qlab_reason_name(QLAB_REASON_PACK_MISSING)) ||
        !text_is(was, "promised", v->has_sha256 ? qlab_hex(v->sha256, hex) : ""))
        return PACK_READ;
    const char *f = json_string_value(json_object_get(was, "first_future"));
    if (f != NULL && qlab_date_parse(f, strlen(f), &future) && g->env->now >= future)
        return PACK_READ;
    if (json_is_true(json_object_get(was, "parked")) && !registry_as_before(g))
        return PACK_READ;
    const bool promised = v->has_sha256 && text_is(was, "sha256", qlab_hex(v->sha256, hex));
    if (!g->options->rehash && stat_as_seen(g, i) && (promised || registry_as_before(g)))
        return PACK_SAME;
    return PACK_HASH;
}

typedef struct qlab_hash_ctx {
    qlab_ingest *g;
    const uint32_t *todo;
} qlab_hash_ctx;

static qlab_code hash_one(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    const qlab_hash_ctx *c = ctx;
    qlab_ingest_pack *p = &c->g->packs[c->todo[unit]];

    (void)worker;
    qlab_code rc = qlab_sha256_file(p->file, &p->sha256, NULL, err);
    if (rc == QLAB_E_NOT_FOUND) { /* the reader will refuse it */
        qlab_err_reset(err);
        p->read = true;
        rc = QLAB_OK;
    }
    return rc;
}

static json_t *last_by_path(const qlab_ingest *g)
{
    json_t *by = json_object(), *pack;
    size_t i;

    json_array_foreach(g->last, i, pack)
    {
        const char *path = json_string_value(json_object_get(pack, "path"));
        if (path != NULL)
            json_object_set(by, path, pack);
    }
    return by;
}

qlab_code qlab_ingest_choose_packs(qlab_ingest *g, qlab_err *err)
{
    const bool same = same_question(g);
    json_t *by_path = last_by_path(g);
    uint32_t *todo = qlab_alloc(g->registry->n_packs, sizeof *todo);
    size_t n_todo = 0;
    char hex[QLAB_HEX_BYTES];

    for (size_t i = 0; i < g->registry->n_packs; i++) {
        qlab_ingest_pack *p = &g->packs[i];
        if (!p->wanted)
            continue;
        const json_t *was = same ? last_of(by_path, g->registry->packs[i].path) : NULL;
        if (p->refused != QLAB_REASON_NONE) {
            p->known_outcome = true;
            /* News only when it was not refused so before: then the commit must say it. */
            g->refusals_changed |=
                was == NULL || !text_is(was, "refused", qlab_reason_name(p->refused));
            continue;
        }
        switch (news_of(g, i, was)) {
        case PACK_SAME:
            carry_over(g, i, was);
            break;
        case PACK_READ:
            p->read = true;
            break;
        case PACK_HASH:
            todo[n_todo++] = (uint32_t)i;
            break;
        }
    }
    qlab_hash_ctx ctx = {g, todo};
    const qlab_code rc = qlab_pool_run(g->env->pool, n_todo, hash_one, &ctx, err);
    for (size_t k = 0; k < n_todo && rc == QLAB_OK; k++) {
        qlab_ingest_pack *p = &g->packs[todo[k]];
        const json_t *was = last_of(by_path, g->registry->packs[todo[k]].path);
        if (!p->read && text_is(was, "sha256", qlab_hex(p->sha256, hex)))
            carry_over(g, todo[k], was);
        else
            p->read = true;
    }
    g->n_read = 0;
    for (size_t i = 0; i < g->registry->n_packs; i++)
        g->n_read += g->packs[i].read;
    json_decref(by_path);
    qlab_free(todo);
    return rc;
}

/* ---- kept for the next ingest ---------------------------------------------------------------- */

static json_t *source_of(const qlab_ingest *g, size_t i)
{
    const qlab_vendor_pack *v = &g->registry->packs[i];
    const qlab_ingest_pack *p = &g->packs[i];
    char hex[QLAB_HEX_BYTES], day[QLAB_DATE_BYTES];
    json_t *o = json_object();

    json_object_set_new(o, "path", json_string(v->path));
    const bool hashed =
        p->refused != QLAB_REASON_PACK_MISSING && p->refused != QLAB_REASON_PATH_ESCAPES_ROOT;
    json_object_set_new(o, "sha256", hashed ? json_string(qlab_hex(p->sha256, hex)) : json_null());
    if (v->has_sha256)
        json_object_set_new(o, "promised", json_string(qlab_hex(v->sha256, hex)));
    json_object_set_new(o, "assets", json_string(qlab_hex(p->assets, hex)));
    if (p->refused != QLAB_REASON_NONE) {
        json_object_set_new(o, "refused", json_string(qlab_reason_name(p->refused)));
        json_object_set_new(o, "detail", json_string(p->why != NULL ? p->why : ""));
    }
    if (p->first_future != QLAB_DATE_NONE)
        json_object_set_new(o, "first_future", json_string(qlab_date_format(p->first_future, day)));
    if (p->parked)
        json_object_set_new(o, "parked", json_true());
    return o;
}

json_t *qlab_ingest_sources(const qlab_ingest *g)
{
    char hex[QLAB_HEX_BYTES];
    json_t *all = json_array(), *o = json_object();

    json_object_set_new(o, "adapter", json_string(adapter_name(g)));
    json_object_set_new(o, "adapter_options", json_string(adapter_options(g, hex)));
    json_object_set_new(o, "adapter_version", json_integer(QLAB_VENDOR_V7_VERSION));
    json_object_set_new(o, "factor_close", json_string(factor_close_name(g)));
    json_object_set_new(o, "types", types_json(g));
    json_object_set_new(o, "registry", json_string(g->registry->path));
    json_object_set_new(o, "registry_sha256", json_string(qlab_hex(g->registry->sha256, hex)));
    json_array_append_new(all, o);
    for (size_t i = 0; i < g->registry->n_packs; i++) {
        if (g->packs[i].wanted)
            json_array_append_new(all, source_of(g, i));
    }
    return all;
}

qlab_code qlab_ingest_remember(const qlab_ingest *g, uint32_t commit, double seconds, qlab_err *err)
{
    json_t *record = qlab_run_record(g->env, seconds), *seen = json_object(),
           *packs = json_object();
    char *path = run_record_path(g->env->root, commit);

    for (size_t i = 0; i < g->registry->n_packs; i++) {
        if (g->packs[i].wanted && g->packs[i].file != NULL)
            json_object_set_new(packs, g->registry->packs[i].path, stat_json(&g->packs[i].info));
    }
    json_object_set_new(seen, "packs", packs);
    json_object_set_new(record, "seen", seen);
    const qlab_code rc = qlab_json_write(path, record, err);
    json_decref(record);
    qlab_free(path);
    return rc;
}
