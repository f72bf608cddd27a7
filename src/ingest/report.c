/* What an ingest says: counts, refusals, what changed, the manifest. */
#include "base/alloc.h"
#include "base/date.h"
#include "ingest/ingest_int.h"

#include <string.h>

enum { EXAMPLES = QLAB_INGEST_EXAMPLES };

/* ---- said to people and programs ------------------------------------------------------------- */

static json_t *by_reason_json(const qlab_ingest *g)
{
    uint64_t n[QLAB_REASON_COUNT] = {0};
    json_t *o = json_object();

    for (unsigned r = 1; r < QLAB_REASON_COUNT; r++)
        n[r] = g->total.in.by_reason[r];
    for (size_t i = 0; i < g->registry->n_findings; i++)
        n[g->registry->findings[i].reason]++;
    for (size_t i = 0; i < g->registry->n_packs; i++) {
        if (g->packs[i].wanted && g->packs[i].out.refused != QLAB_REASON_NONE)
            n[g->packs[i].out.refused]++;
    }
    for (size_t i = 0; i < g->sidecars.n; i++) {
        if (g->sides[i].out.refused != QLAB_REASON_NONE)
            n[g->sides[i].out.refused]++;
    }
    for (unsigned r = 1; r < QLAB_REASON_COUNT; r++) {
        if (n[r] > 0)
            json_object_set_new(o, qlab_reason_name((qlab_reason)r),
                                json_integer((json_int_t)n[r]));
    }
    return o;
}

static json_t *counts_json(const qlab_ingest *g)
{
    json_t *o = qlab_tally_json(&g->total);

    json_object_set_new(o, "by_reason", by_reason_json(g));
    return o;
}

static void put_refused(const qlab_ingest *g, qlab_ingest_result *out, const char *path,
                        qlab_reason reason, const char *why)
{
    json_t *o = json_object();

    json_object_set_new(o, "path", json_string(path));
    json_object_set_new(o, "reason", json_string(qlab_reason_name(reason)));
    json_object_set_new(o, "detail", json_string(why != NULL ? why : ""));
    json_array_append_new(out->packs_refused, o);
    qlab_log_line(g->env->log, QLAB_LOG_WARN, "ingest", "pack=%s refused=%s detail=\"%s\"", path,
                  qlab_reason_name(reason), why != NULL ? why : "");
}

static void list_refused(qlab_ingest *g, qlab_ingest_result *out)
{
    out->packs_refused = json_array();
    for (size_t i = 0; i < g->registry->n_packs; i++) {
        const qlab_ingest_pack *p = &g->packs[i];
        out->n_packs += p->wanted;
        out->n_packs_read += p->whole;
        out->bytes_read += p->out.n_file_bytes;
        if (!p->wanted || p->out.refused == QLAB_REASON_NONE)
            continue;
        out->n_packs_refused++;
        put_refused(g, out, g->registry->packs[i].path, p->out.refused, p->out.why);
    }
    for (size_t i = 0; i < g->sidecars.n; i++) {
        const qlab_ingest_side *s = &g->sides[i];
        out->n_sidecars_read += s->read;
        out->bytes_read += s->out.n_file_bytes;
        if (s->out.refused == QLAB_REASON_NONE)
            continue;
        /* One that belongs to no pack is said, but nothing was lost that was ever asked for. */
        out->n_sidecars_refused += s->out.refused < QLAB_REASON_SIDECAR_BAD_NAME;
        put_refused(g, out, g->sidecars.at[i].path, s->out.refused, s->out.why);
    }
}

static qlab_code anything_readable(const qlab_ingest *g, const qlab_ingest_result *r, qlab_err *err)
{
    if (r->n_packs == 0)
        return qlab_fail(err, QLAB_E_NOT_FOUND,
                         "no asset of the types asked for has a history pack");
    if (r->n_packs_refused < r->n_packs)
        return QLAB_OK;
    for (size_t i = 0; i < g->registry->n_packs; i++) {
        if (g->packs[i].wanted)
            return qlab_fail(
                err, QLAB_E_CORRUPT, "none of the %zu packs could be read; the first: %s: %s: %s",
                r->n_packs, g->registry->packs[i].path, qlab_reason_name(g->packs[i].out.refused),
                g->packs[i].out.why != NULL ? g->packs[i].out.why : "");
    }
    return QLAB_OK;
}

static json_t *pack_json(const qlab_ingest *g, size_t i)
{
    const qlab_ingest_pack *p = &g->packs[i];
    char hex[QLAB_HEX_BYTES];
    json_t *o = json_object();

    json_object_set_new(o, "path", json_string(g->registry->packs[i].path));
    json_object_set_new(o, "sha256",
                        p->out.n_file_bytes > 0 || p->out.refused == QLAB_REASON_NONE
                            ? json_string(qlab_hex(p->out.sha256, hex))
                            : json_null());
    json_object_set_new(o, "refused",
                        p->out.refused == QLAB_REASON_NONE
                            ? json_null()
                            : json_string(qlab_reason_name(p->out.refused)));
    if (p->out.refused != QLAB_REASON_NONE)
        json_object_set_new(o, "detail", json_string(p->out.why != NULL ? p->out.why : ""));
    json_object_set_new(o, "file_bytes", json_integer((json_int_t)p->out.n_file_bytes));
    json_object_set_new(o, "bytes", json_integer((json_int_t)p->out.n_bytes));
    json_object_set_new(o, "lines", json_integer((json_int_t)p->out.n_lines));
    json_t *t = qlab_tally_json(&p->tally);
    json_object_update(o, t);
    json_decref(t);
    return o;
}

static json_t *flags_json(const qlab_ingest *g)
{
    json_t *a = json_array();

    if (g->options->price_basis != QLAB_BASIS_RAW)
        json_array_append_new(a, json_string("PRICE_BASIS_ADJUSTED"));
    if (g->options->volume_basis != QLAB_BASIS_RAW)
        json_array_append_new(a, json_string("VOLUME_BASIS_UNKNOWN"));
    return a;
}

/* Assets of the lake that the registry no longer has (VENDOR_REMOVED, they stay), by asset_ix. */
json_t *qlab_ingest_left(const qlab_ingest *g)
{
    json_t *all = json_array();

    for (size_t i = 0; i < g->view->n_assets; i++) {
        if (qlab_registry_find(g->registry, qlab_str_of(g->assets[i].asset_id)) < 0)
            json_array_append_new(all, json_string(g->assets[i].asset_id));
    }
    return all;
}

/* Those of `left` that were in the registry the last time. */
static json_t *left_now(const qlab_ingest *g, const json_t *left)
{
    json_t *before = json_object(), *all = json_array(), *id;
    size_t i;

    json_array_foreach(json_object_get(json_array_get(g->last, 0), "left"), i, id)
    {
        if (json_is_string(id))
            json_object_set_new(before, json_string_value(id), json_true());
    }
    json_array_foreach(left, i, id)
    {
        if (json_object_get(before, json_string_value(id)) == NULL)
            json_array_append(all, id);
    }
    json_decref(before);
    return all;
}

static json_t *first_of(const json_t *all, size_t n)
{
    json_t *some = json_array(), *o;
    size_t i;

    json_array_foreach(all, i, o)
    {
        if (i < n)
            json_array_append(some, o);
    }
    return some;
}

static json_t *new_assets(const qlab_ingest *g)
{
    json_t *some = json_array();

    for (size_t i = g->view->n_assets; i < g->n_assets && json_array_size(some) < EXAMPLES; i++)
        json_array_append_new(some, json_string(g->assets[i].asset_id));
    return some;
}

static json_t *side_json(const qlab_ingest *g, size_t i)
{
    const qlab_outcome *out = &g->sides[i].out;
    char day[QLAB_DATE_BYTES], hex[QLAB_HEX_BYTES];
    json_t *o = json_object();

    json_object_set_new(o, "path", json_string(g->sidecars.at[i].path));
    json_object_set_new(o, "date",
                        g->sidecars.at[i].date == QLAB_DATE_NONE
                            ? json_null()
                            : json_string(qlab_date_format(g->sidecars.at[i].date, day)));
    json_object_set_new(o, "sha256",
                        out->known ? json_string(qlab_hex(out->sha256, hex)) : json_null());
    json_object_set_new(o, "refused",
                        out->refused == QLAB_REASON_NONE
                            ? json_null()
                            : json_string(qlab_reason_name(out->refused)));
    if (out->refused != QLAB_REASON_NONE)
        json_object_set_new(o, "detail", json_string(out->why != NULL ? out->why : ""));
    json_object_set_new(o, "file_bytes", json_integer((json_int_t)out->n_file_bytes));
    json_object_set_new(o, "lines", json_integer((json_int_t)out->n_lines));
    json_object_set_new(o, "rows_in", json_integer((json_int_t)out->n_rows_in));
    return o;
}

static json_t *sides_json(const qlab_ingest *g)
{
    json_t *o = json_object(), *files = json_array();
    size_t n_read = 0, n_refused = 0;

    for (size_t i = 0; i < g->sidecars.n; i++) {
        const bool refused = g->sides[i].out.refused != QLAB_REASON_NONE;
        n_read += g->sides[i].read;
        n_refused += refused;
        if (g->sides[i].read || refused)
            json_array_append_new(files, side_json(g, i));
    }
    json_object_set_new(o, "found", json_integer((json_int_t)g->sidecars.n));
    json_object_set_new(o, "read", json_integer((json_int_t)n_read));
    json_object_set_new(o, "refused", json_integer((json_int_t)n_refused));
    json_object_set_new(o, "files", files);
    return o;
}

/* Deletions that wait, of packs read now or before. */
static json_t *held_json(const qlab_ingest *g)
{
    json_t *all = json_array();

    for (size_t i = 0; i < g->registry->n_packs; i++)
        json_array_extend(all, g->packs[i].held);
    return all;
}

/* What changed, beside the counts: the same for the manifest, for people and for programs. */
static json_t *changes_json(const qlab_ingest *g)
{
    json_t *o = json_object(), *left = qlab_ingest_left(g), *now = left_now(g, left);

    json_object_set_new(o, "assets_new",
                        json_integer((json_int_t)(g->n_assets - g->view->n_assets)));
    json_object_set_new(o, "assets_new_examples", new_assets(g));
    json_object_set_new(o, "assets_removed", json_integer((json_int_t)json_array_size(now)));
    json_object_set_new(o, "assets_removed_examples", first_of(now, EXAMPLES));
    json_object_set_new(o, "revised_examples", first_of(g->revised, EXAMPLES));
    json_object_set_new(o, "basis_changes",
                        g->basis_changes != NULL ? json_incref(g->basis_changes) : json_array());
    json_object_set_new(o, "acknowledged", g->acked != NULL ? json_incref(g->acked) : json_array());
    json_object_set_new(o, "sidecars", sides_json(g));
    json_object_set_new(o, "touch_report", qlab_ingest_touch_json(g));
    json_decref(now);
    json_decref(left);
    return o;
}

qlab_code qlab_ingest_sum_up(qlab_ingest *g, qlab_ingest_result *out, qlab_err *err)
{
    list_refused(g, out);
    out->n_assets = g->n_assets;
    out->counts = counts_json(g);
    out->changes = changes_json(g);
    json_object_set_new(out->changes, "held", held_json(g));
    return anything_readable(g, out, err);
}

/* ---- news? ----------------------------------------------------------------------------------- */

json_t *qlab_ingest_reasons(const qlab_ingest_pack *p)
{
    json_t *o = json_object();

    for (unsigned r = 1; r < QLAB_REASON_COUNT; r++) {
        if (p->tally.in.by_reason[r] > 0 && r != QLAB_REASON_SUPERSEDED)
            json_object_set_new(o, qlab_reason_name((qlab_reason)r),
                                json_integer((json_int_t)p->tally.in.by_reason[r]));
    }
    return o;
}

static bool same_list(const json_t *a, const json_t *b)
{
    return (json_array_size(a) == 0 && json_array_size(b) == 0) || (a && b && json_equal(a, b));
}

/* What was said of a pack is what the last ingest said of it. */
static bool says_the_same(const qlab_ingest *g, size_t i)
{
    const qlab_ingest_pack *p = &g->packs[i];
    const json_t *was = json_object_get(g->last_packs, g->registry->packs[i].path);
    const char *refused = json_string_value(json_object_get(was, "refused"));
    json_t *reasons = qlab_ingest_reasons(p), *none = json_object();
    const json_t *before = json_object_get(was, "reasons");

    bool same = json_equal(reasons, p->whole && before != NULL ? before : none) != 0;
    same = same && strcmp(refused != NULL ? refused : "", qlab_reason_name(p->out.refused)) == 0;
    same = same && same_list(p->held, json_object_get(was, "held"));
    for (size_t k = p->first_side; k < p->first_side + p->n_sides && same; k++)
        same = !g->sides[k].read || g->sides[k].out.refused == QLAB_REASON_NONE;
    json_decref(none);
    json_decref(reasons);
    return same;
}

bool qlab_ingest_is_news(const qlab_ingest *g)
{
    if (g->parent == 0 || g->last == NULL || g->n_parts > 0 || g->n_master_news > 0 ||
        g->refusals_changed || json_array_size(g->basis_changes) > 0)
        return true;
    for (size_t i = 0; i < g->registry->n_packs; i++) {
        if (g->packs[i].read && !says_the_same(g, i))
            return true;
    }
    return false;
}

/* ---- the manifest ---------------------------------------------------------------------------- */

json_t *qlab_ingest_manifest(const qlab_ingest *g, const char *run_id, json_t *inputs,
                             json_t *sources, uint64_t n_records)
{
    json_t *o = qlab_artifact_begin("ingest_manifest/1", run_id, inputs), *packs = json_array();
    json_t *registry = json_object(), *asked = json_array_get(sources, 0);

    json_object_set_new(o, "commit", json_integer(g->seq));
    json_object_set(o, "adapter", json_object_get(asked, "adapter"));
    json_object_set(o, "types", json_object_get(asked, "types"));
    json_object_set_new(o, "price_basis",
                        json_string(qlab_ingest_basis_name(g->options->price_basis)));
    json_object_set_new(o, "volume_basis",
                        json_string(qlab_ingest_basis_name(g->options->volume_basis)));
    json_object_set_new(o, "flags", flags_json(g));
    json_object_set(o, "counts", g->counts);
    json_object_set(registry, "path", json_object_get(asked, "registry"));
    json_object_set(registry, "sha256", json_object_get(asked, "registry_sha256"));
    json_object_set_new(registry, "lines", json_integer((json_int_t)g->registry->n_lines));
    json_object_set_new(registry, "assets", json_integer((json_int_t)g->registry->n_assets));
    json_object_set_new(registry, "assets_in_lake", json_integer((json_int_t)g->n_assets));
    json_object_set_new(o, "registry", registry);
    json_t *left = qlab_ingest_left(g), *changes = changes_json(g);
    json_object_set_new(registry, "assets_left", json_integer((json_int_t)json_array_size(left)));
    json_object_update(o, changes);
    json_decref(changes);
    json_decref(left);
    json_object_set_new(o, "held", held_json(g));
    json_object_set_new(o, "quarantine_records", json_integer((json_int_t)n_records));
    for (size_t i = 0; i < g->registry->n_packs; i++) {
        const qlab_ingest_pack *p = &g->packs[i];
        if (p->wanted && (p->read || p->out.refused != QLAB_REASON_NONE))
            json_array_append_new(packs, pack_json(g, i));
    }
    json_object_set_new(o, "packs", packs);
    return o;
}
