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

static void index_last(qlab_ingest *g)
{
    json_t *pack;
    size_t i;

    g->last_packs = json_object();
    json_array_foreach(g->last, i, pack)
    {
        const char *path = json_string_value(json_object_get(pack, "path"));
        if (path != NULL)
            json_object_set(g->last_packs, path, pack);
    }
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
    if (qlab_file_exists(path) && qlab_json_load(path, &record, &ignored) == QLAB_OK) {
        json_t *seen = json_object_get(record, "seen");
        json_t *later = json_object_get(seen, "sources");
        g->seen = json_incref(seen);
        /* What a later ingest read without finding anything to commit. */
        if (json_is_array(later) && json_array_size(later) > 0) {
            json_decref(g->last);
            g->last = json_incref(later);
        }
    }
    json_decref(record);
    qlab_free(path);
    index_last(g);
    return QLAB_OK;
}

/* ---- unchanged? ------------------------------------------------------------------------------ */

json_t *qlab_ingest_stat_json(const qlab_file_info *i)
{
    return json_pack("[I,I,I]", (json_int_t)i->n_bytes, (json_int_t)i->mtime_ns,
                     (json_int_t)i->inode);
}

static bool stat_as_seen(const qlab_ingest *g, size_t i)
{
    const json_t *all = json_object_get(g->seen, "packs");
    const json_t *was = json_object_get(all, g->registry->packs[i].path);
    json_t *is = qlab_ingest_stat_json(&g->packs[i].info);
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
    return qlab_ingest_sides_as_seen(g);
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

/* The same reader?  Types asked for are in the digest of the assets that point to a pack. */
static bool same_reader(const qlab_ingest *g)
{
    char hex[QLAB_HEX_BYTES];
    const json_t *was = last_question(g);

    return was != NULL && text_is(was, "adapter", adapter_name(g)) &&
           text_is(was, "adapter_options", adapter_options(g, hex)) &&
           json_integer_value(json_object_get(was, "adapter_version")) == QLAB_VENDOR_V7_VERSION;
}

const json_t *qlab_ingest_last_of(const qlab_ingest *g, const char *path)
{
    return same_reader(g) ? json_object_get(g->last_packs, path) : NULL;
}

bool qlab_ingest_registry_as_before(const qlab_ingest *g)
{
    char hex[QLAB_HEX_BYTES];
    return text_is(last_question(g), "registry_sha256", qlab_hex(g->registry->sha256, hex));
}

void qlab_outcome_put(json_t *o, const qlab_outcome *out)
{
    char hex[QLAB_HEX_BYTES], day[QLAB_DATE_BYTES];
    const bool hashed =
        out->refused != QLAB_REASON_PACK_MISSING && out->refused != QLAB_REASON_PATH_ESCAPES_ROOT;

    json_object_set_new(o, "sha256",
                        hashed ? json_string(qlab_hex(out->sha256, hex)) : json_null());
    if (out->refused != QLAB_REASON_NONE) {
        json_object_set_new(o, "refused", json_string(qlab_reason_name(out->refused)));
        json_object_set_new(o, "detail", json_string(out->why != NULL ? out->why : ""));
    }
    if (out->first_future != QLAB_DATE_NONE)
        json_object_set_new(o, "first_future",
                            json_string(qlab_date_format(out->first_future, day)));
}

void qlab_outcome_take(qlab_ingest *g, const json_t *o, qlab_outcome *out)
{
    const char *hex = json_string_value(json_object_get(o, "sha256"));
    const char *refused = json_string_value(json_object_get(o, "refused"));
    const char *why = json_string_value(json_object_get(o, "detail"));
    const char *future = json_string_value(json_object_get(o, "first_future"));

    *out = (qlab_outcome){.known = true, .first_future = QLAB_DATE_NONE};
    if (hex != NULL)
        qlab_digest_parse(hex, strlen(hex), &out->sha256);
    if (refused != NULL && qlab_reason_parse(refused, &out->refused))
        out->why = why == NULL ? "" : qlab_arena_strndup(&g->strings, why, strlen(why));
    if (future != NULL)
        qlab_date_parse(future, strlen(future), &out->first_future);
}

/* What the last ingest found in a pack that is not read now. */
static void carry_over(qlab_ingest *g, size_t i, const json_t *was)
{
    qlab_ingest_pack *p = &g->packs[i];
    json_t *held = json_object_get(was, "held"), *basis = json_object_get(was, "basis");

    qlab_outcome_take(g, was, &p->out);
    p->parked = json_is_true(json_object_get(was, "parked"));
    p->held = json_is_array(held) ? json_incref(held) : NULL;
    p->basis = json_is_array(basis) ? json_incref(basis) : NULL;
    p->reasons = json_incref(json_object_get(was, "reasons"));
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
    if (json_is_true(json_object_get(was, "parked")) && !qlab_ingest_registry_as_before(g))
        return PACK_READ;
    const bool promised = v->has_sha256 && text_is(was, "sha256", qlab_hex(v->sha256, hex));
    if (!g->options->rehash && stat_as_seen(g, i) &&
        (promised || qlab_ingest_registry_as_before(g)))
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
    qlab_code rc = qlab_sha256_file(p->file, &p->out.sha256, NULL, err);
    if (rc == QLAB_E_NOT_FOUND) { /* the reader will refuse it */
        qlab_err_reset(err);
        p->whole = true;
        rc = QLAB_OK;
    }
    return rc;
}

/* Packs whose bytes have to be hashed: the same as before, or to be read. */
static qlab_code hash_packs(qlab_ingest *g, const uint32_t *todo, size_t n_todo, qlab_err *err)
{
    char hex[QLAB_HEX_BYTES];
    qlab_hash_ctx ctx = {g, todo};
    const qlab_code rc = qlab_pool_run(g->env->pool, n_todo, hash_one, &ctx, err);

    for (size_t k = 0; k < n_todo && rc == QLAB_OK; k++) {
        qlab_ingest_pack *p = &g->packs[todo[k]];
        const json_t *was = qlab_ingest_last_of(g, g->registry->packs[todo[k]].path);
        if (!p->whole && text_is(was, "sha256", qlab_hex(p->out.sha256, hex)))
            carry_over(g, todo[k], was);
        else
            p->whole = true;
    }
    return rc;
}

qlab_code qlab_ingest_choose_packs(qlab_ingest *g, qlab_err *err)
{
    uint32_t *todo = qlab_alloc(g->registry->n_packs, sizeof *todo);
    size_t n_todo = 0;

    for (size_t i = 0; i < g->registry->n_packs; i++) {
        qlab_ingest_pack *p = &g->packs[i];
        if (!p->wanted)
            continue;
        const json_t *was = qlab_ingest_last_of(g, g->registry->packs[i].path);
        if (p->out.refused != QLAB_REASON_NONE) {
            p->out.known = true;
            /* News only when it was not refused so before: then the commit must say it. */
            g->refusals_changed |=
                was == NULL || !text_is(was, "refused", qlab_reason_name(p->out.refused));
            continue;
        }
        switch (news_of(g, i, was)) {
        case PACK_SAME:
            carry_over(g, i, was);
            break;
        case PACK_READ:
            p->whole = true;
            break;
        case PACK_HASH:
            todo[n_todo++] = (uint32_t)i;
            break;
        }
    }
    qlab_code rc = hash_packs(g, todo, n_todo, err);
    if (rc == QLAB_OK)
        rc = qlab_ingest_choose_sidecars(g, err);
    g->n_read = 0;
    for (size_t i = 0; i < g->registry->n_packs; i++)
        g->n_read += g->packs[i].read;
    qlab_free(todo);
    return rc;
}

/* ---- kept for the next ingest ---------------------------------------------------------------- */

static json_t *source_of(const qlab_ingest *g, size_t i)
{
    const qlab_vendor_pack *v = &g->registry->packs[i];
    const qlab_ingest_pack *p = &g->packs[i];
    char hex[QLAB_HEX_BYTES];
    json_t *o = json_object();

    json_object_set_new(o, "path", json_string(v->path));
    qlab_outcome_put(o, &p->out);
    if (v->has_sha256)
        json_object_set_new(o, "promised", json_string(qlab_hex(v->sha256, hex)));
    json_object_set_new(o, "assets", json_string(qlab_hex(p->assets, hex)));
    json_t *sides = p->out.refused == QLAB_REASON_NONE ? qlab_ingest_side_sources(g, p) : NULL;
    if (sides != NULL) {
        json_object_set_new(o, "sidecars", sides);
        json_object_set_new(o, "effective",
                            json_string(qlab_hex(qlab_ingest_effective(g, p), hex)));
    }
    if (json_array_size(p->held) > 0)
        json_object_set(o, "held", p->held);
    if (json_array_size(p->basis) > 0)
        json_object_set(o, "basis", p->basis);
    if (p->parked)
        json_object_set_new(o, "parked", json_true());
    json_t *reasons = p->whole ? qlab_ingest_reasons(p) : json_incref(p->reasons);
    if (json_object_size(reasons) > 0)
        json_object_set(o, "reasons", reasons);
    json_decref(reasons);
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
    json_t *left = qlab_ingest_left(g);
    if (json_array_size(left) > 0)
        json_object_set(o, "left", left);
    json_decref(left);
    json_object_set_new(o, "registry", json_string(g->registry->path));
    json_object_set_new(o, "registry_sha256", json_string(qlab_hex(g->registry->sha256, hex)));
    if (g->touch.there)
        json_object_set_new(o, "touch_report_sha256", json_string(qlab_hex(g->touch.sha256, hex)));
    json_array_append_new(all, o);
    for (size_t i = 0; i < g->registry->n_packs; i++) {
        if (g->packs[i].wanted)
            json_array_append_new(all, source_of(g, i));
    }
    return all;
}

qlab_code qlab_ingest_remember(const qlab_ingest *g, uint32_t commit, bool without_commit,
                               double seconds, qlab_err *err)
{
    json_t *record = qlab_run_record(g->env, seconds), *seen = json_object(),
           *packs = json_object(), *sides = json_object();
    char *path = run_record_path(g->env->root, commit);

    for (size_t i = 0; i < g->registry->n_packs; i++) {
        if (g->packs[i].wanted && g->packs[i].file != NULL)
            json_object_set_new(packs, g->registry->packs[i].path,
                                qlab_ingest_stat_json(&g->packs[i].info));
    }
    for (size_t i = 0; i < g->sidecars.n; i++) {
        if (g->sides[i].out.known && g->sides[i].file != NULL)
            json_object_set_new(sides, g->sidecars.at[i].path,
                                qlab_ingest_stat_json(&g->sides[i].info));
    }
    json_object_set_new(seen, "packs", packs);
    json_object_set_new(seen, "sidecars", sides);
    if (without_commit)
        json_object_set_new(seen, "sources", qlab_ingest_sources(g));
    json_object_set_new(record, "seen", seen);
    const qlab_code rc = qlab_json_write(path, record, err);
    json_decref(record);
    qlab_free(path);
    return rc;
}
