/* Sidecars of this ingest: which pack each amends, what changed among them since the last one.
 *
 * A pack whose own bytes did not change is read again only where one of its sidecars changed or
 * went away after it was read: then what it said has to be taken back, and only the whole state
 * can.  New sidecars are read alone, from the earliest new one on: what lies before it says nothing
 * more, and what lies behind it wins over it. */
#include "base/alloc.h"
#include "base/date.h"
#include "ingest/ingest_int.h"

#include <string.h>

/* ---- what lies there ------------------------------------------------------------------------- */

static qlab_code look_at(qlab_ingest *g, size_t i, qlab_err *err)
{
    const qlab_sidecar *c = &g->sidecars.at[i];
    qlab_ingest_side *s = &g->sides[i];

    s->out.first_future = QLAB_DATE_NONE;
    s->out.refused = c->refused;
    s->out.why = c->why;
    if (c->pack_no != QLAB_NO_PACK) {
        qlab_ingest_pack *p = &g->packs[c->pack_no];
        if (p->n_sides++ == 0)
            p->first_side = i;
    }
    if (c->refused != QLAB_REASON_NONE)
        return QLAB_OK;
    s->file = qlab_path_join(g->registry->vendor_dir, c->path);
    const qlab_code rc = qlab_file_stat(s->file, &s->info, err);
    if (rc != QLAB_E_NOT_FOUND)
        return rc;
    qlab_err_reset(err); /* gone since it was listed: the reader will say so */
    return QLAB_OK;
}

qlab_code qlab_ingest_find_sidecars(qlab_ingest *g, qlab_err *err)
{
    qlab_code rc = QLAB_OK;

    if (g->options->adapter == QLAB_INGEST_V7)
        rc = qlab_sidecars_find(g->registry, &g->sidecars, err);
    g->sides = qlab_alloc_zero(g->sidecars.n, sizeof *g->sides);
    for (size_t i = 0; i < g->sidecars.n && rc == QLAB_OK; i++)
        rc = look_at(g, i, err);
    return rc;
}

void qlab_ingest_sides_free(qlab_ingest *g)
{
    for (size_t i = 0; g->sides != NULL && i < g->sidecars.n; i++)
        qlab_free(g->sides[i].file);
    qlab_free(g->sides);
    qlab_sidecars_free(&g->sidecars);
}

/* ---- what changed ---------------------------------------------------------------------------- */

static const json_t *last_side(const qlab_ingest *g, const char *pack, const char *path)
{
    json_t *o;
    size_t i;

    json_array_foreach(json_object_get(qlab_ingest_last_of(g, pack), "sidecars"), i, o)
    {
        const char *is = json_string_value(json_object_get(o, "path"));
        if (is != NULL && strcmp(is, path) == 0)
            return o;
    }
    return NULL;
}

static bool stat_as_seen(const qlab_ingest *g, size_t i)
{
    const json_t *was =
        json_object_get(json_object_get(g->seen, "sidecars"), g->sidecars.at[i].path);
    json_t *is = qlab_ingest_stat_json(&g->sides[i].info);
    const bool same = was != NULL && json_equal(was, is);

    json_decref(is);
    return same;
}

static bool is_looked_at(const qlab_ingest *g, size_t i)
{
    const uint32_t pack = g->sidecars.at[i].pack_no;
    return pack != QLAB_NO_PACK && g->packs[pack].wanted && g->sides[i].file != NULL;
}

bool qlab_ingest_sides_as_seen(const qlab_ingest *g)
{
    for (size_t i = 0; i < g->sidecars.n; i++) {
        if (is_looked_at(g, i) && !stat_as_seen(g, i))
            return false;
    }
    return true;
}

typedef struct qlab_side_hashes {
    qlab_ingest *g;
    uint32_t *todo;
    size_t n;
} qlab_side_hashes;

static qlab_code hash_one(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    const qlab_side_hashes *h = ctx;
    qlab_ingest_side *s = &h->g->sides[h->todo[unit]];

    (void)worker;
    const qlab_code rc = qlab_sha256_file(s->file, &s->out.sha256, NULL, err);
    s->out.known = rc == QLAB_OK;
    if (rc != QLAB_E_NOT_FOUND)
        return rc;
    qlab_err_reset(err);
    return QLAB_OK;
}

/* Fills out.sha256 and out.known of all sidecars that the last ingest read, as they are now. */
static qlab_code know_hashes(qlab_ingest *g, qlab_err *err)
{
    const bool believe = !g->options->rehash && qlab_ingest_registry_as_before(g);
    qlab_side_hashes h = {g, qlab_alloc(g->sidecars.n, sizeof *h.todo), 0};

    for (size_t i = 0; i < g->sidecars.n; i++) {
        if (!is_looked_at(g, i) || g->packs[g->sidecars.at[i].pack_no].whole)
            continue;
        const char *pack = g->registry->packs[g->sidecars.at[i].pack_no].path;
        const json_t *was = last_side(g, pack, g->sidecars.at[i].path);
        if (was == NULL)
            continue; /* new: it is read, and hashed there */
        if (believe && stat_as_seen(g, i))
            qlab_outcome_take(g, was, &g->sides[i].out);
        else
            h.todo[h.n++] = (uint32_t)i;
    }
    const qlab_code rc = qlab_pool_run(g->env->pool, h.n, hash_one, &h, err);
    qlab_free(h.todo);
    return rc;
}

typedef enum qlab_side_news { SIDE_SAME, SIDE_READ, SIDE_TAKEN_BACK } qlab_side_news;

static qlab_side_news news_of(qlab_ingest *g, const char *pack, size_t i)
{
    qlab_ingest_side *s = &g->sides[i];
    const json_t *was = last_side(g, pack, g->sidecars.at[i].path);
    qlab_outcome then = {.first_future = QLAB_DATE_NONE};

    if (was == NULL)
        return s->out.refused == QLAB_REASON_NONE ? SIDE_READ : SIDE_SAME;
    qlab_outcome_take(g, was, &then);
    if (s->out.refused != QLAB_REASON_NONE)
        return then.refused == QLAB_REASON_NONE ? SIDE_TAKEN_BACK : SIDE_SAME;
    if (!s->out.known || qlab_digest_cmp(&s->out.sha256, &then.sha256) != 0)
        return then.refused == QLAB_REASON_NONE ? SIDE_TAKEN_BACK : SIDE_READ;
    if (then.first_future != QLAB_DATE_NONE && g->env->now >= then.first_future)
        return SIDE_READ;
    s->out = then;
    return SIDE_SAME;
}

/* Sidecars that were read and are no more. */
static bool any_gone(const qlab_ingest *g, const qlab_ingest_pack *p, const char *pack)
{
    json_t *o;
    size_t k;

    json_array_foreach(json_object_get(qlab_ingest_last_of(g, pack), "sidecars"), k, o)
    {
        const char *path = json_string_value(json_object_get(o, "path"));
        bool there = json_object_get(o, "refused") != NULL; /* it never said anything */
        for (size_t i = p->first_side; i < p->first_side + p->n_sides && !there; i++)
            there = path != NULL && strcmp(g->sidecars.at[i].path, path) == 0;
        if (!there)
            return true;
    }
    return false;
}

/* Assets whose deletions wait or whose basis changed can be judged by their whole state alone. */
static bool needs_whole(const qlab_ingest *g, const char *pack)
{
    const json_t *was = qlab_ingest_last_of(g, pack);
    return json_array_size(json_object_get(was, "held")) > 0 ||
           json_array_size(json_object_get(was, "basis")) > 0;
}

static bool released(const qlab_ingest *g, const char *pack)
{
    json_t *o;
    size_t i;

    json_array_foreach(json_object_get(qlab_ingest_last_of(g, pack), "held"), i, o)
    {
        const char *digest = json_string_value(json_object_get(o, "digest"));
        if (digest != NULL && json_object_get(g->acks, digest) != NULL)
            return true;
    }
    return false;
}

static void choose_of(qlab_ingest *g, size_t pack_no)
{
    qlab_ingest_pack *p = &g->packs[pack_no];
    const char *pack = g->registry->packs[pack_no].path;
    size_t from = p->first_side + p->n_sides;
    const size_t end = from;

    if (!p->whole) {
        p->whole = any_gone(g, p, pack) || released(g, pack);
        for (size_t i = p->first_side; i < end; i++) {
            const qlab_side_news news = news_of(g, pack, i);
            p->whole |= news == SIDE_TAKEN_BACK;
            from = news == SIDE_READ && i < from ? i : from;
        }
        p->whole |= from < end && needs_whole(g, pack);
    }
    if (p->whole) {
        from = p->first_side;
        p->parked = false; /* it will be said anew */
        p->out.first_future = QLAB_DATE_NONE;
        json_decref(p->held);
        json_decref(p->basis);
        p->held = p->basis = NULL;
    }
    for (size_t i = from; i < end; i++) {
        qlab_ingest_side *s = &g->sides[i];
        s->read = s->out.refused == QLAB_REASON_NONE || s->file != NULL;
        if (s->read)
            s->out = (qlab_outcome){.first_future = QLAB_DATE_NONE};
        p->read |= s->read;
    }
    p->read |= p->whole;
}

qlab_code qlab_ingest_choose_sidecars(qlab_ingest *g, qlab_err *err)
{
    const qlab_code rc = know_hashes(g, err);

    for (size_t i = 0; i < g->registry->n_packs && rc == QLAB_OK; i++) {
        const qlab_ingest_pack *p = &g->packs[i];
        /* Sidecars of a pack that was refused wait for it. */
        if (p->wanted && p->out.refused == QLAB_REASON_NONE)
            choose_of(g, i);
    }
    return rc;
}

/* ---- kept for the next ingest ---------------------------------------------------------------- */

json_t *qlab_ingest_side_sources(const qlab_ingest *g, const qlab_ingest_pack *p)
{
    json_t *all = json_array();

    for (size_t i = p->first_side; i < p->first_side + p->n_sides; i++) {
        if (!g->sides[i].out.known)
            continue;
        json_t *o = json_object();
        json_object_set_new(o, "path", json_string(g->sidecars.at[i].path));
        qlab_outcome_put(o, &g->sides[i].out);
        json_array_append_new(all, o);
    }
    if (json_array_size(all) > 0)
        return all;
    json_decref(all);
    return NULL;
}

qlab_digest qlab_ingest_effective(const qlab_ingest *g, const qlab_ingest_pack *p)
{
    qlab_sha256 *h = qlab_sha256_new();

    qlab_sha256_put(h, p->out.sha256.at, QLAB_SHA256_BYTES);
    for (size_t i = p->first_side; i < p->first_side + p->n_sides; i++) {
        const qlab_outcome *o = &g->sides[i].out;
        if (!o->known || o->refused != QLAB_REASON_NONE)
            continue;
        qlab_sha256_put_i32(h, g->sidecars.at[i].date);
        qlab_sha256_put(h, o->sha256.at, QLAB_SHA256_BYTES);
    }
    const qlab_digest d = qlab_sha256_end(h);
    qlab_sha256_free(h);
    return d;
}
