/* From unit records to one commit and its run folder. */
#include "base/alloc.h"
#include "base/date.h"
#include "ingest/ingest_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANIFEST "ingest_manifest.json"

/* ---- gathering ------------------------------------------------------------------------------- */

static const char WHERE[] = "ingest unit record";

/* What reading a file gave, by one unit; several may have read it. */
static qlab_code take_read(qlab_ingest *g, const json_t *o, const char *path, qlab_outcome *out,
                           qlab_err *err)
{
    int64_t file_bytes = 0, bytes = 0, lines = 0, future = 0;
    const char *hex = NULL, *refused = NULL, *why = NULL;
    qlab_digest sha;

    qlab_code rc = qlab_json_get_str(o, WHERE, "sha256", &hex, err);
    if (rc == QLAB_OK)
        rc = qlab_json_get_str(o, WHERE, "refused", &refused, err);
    if (rc == QLAB_OK)
        rc = qlab_json_get_str(o, WHERE, "why", &why, err);
    if (rc == QLAB_OK)
        rc = qlab_json_get_i64(o, WHERE, "file_bytes", &file_bytes, err);
    if (rc == QLAB_OK)
        rc = qlab_json_get_i64(o, WHERE, "bytes", &bytes, err);
    if (rc == QLAB_OK)
        rc = qlab_json_get_i64(o, WHERE, "lines", &lines, err);
    if (rc == QLAB_OK)
        rc = qlab_json_get_i64(o, WHERE, "first_future", &future, err);
    if (rc != QLAB_OK)
        return rc;
    if (qlab_digest_parse(hex, strlen(hex), &sha) != 0)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: sha256 of %s was \"%s\"", WHERE, path, hex);
    if (out->known && qlab_digest_cmp(&sha, &out->sha256) != 0)
        return qlab_fail(err, QLAB_E_CORRUPT,
                         "%s changed while it was read; run the same command again", path);
    out->known = true;
    out->sha256 = sha;
    out->n_file_bytes = (uint64_t)file_bytes;
    out->n_bytes = (uint64_t)bytes;
    out->n_lines = (uint64_t)lines;
    out->n_rows_in += (uint64_t)json_integer_value(json_object_get(o, "rows_in"));
    if (future != QLAB_DATE_NONE &&
        (out->first_future == QLAB_DATE_NONE || future < out->first_future))
        out->first_future = (int32_t)future;
    if (refused[0] != '\0' && qlab_reason_parse(refused, &out->refused))
        out->why = qlab_arena_strndup(&g->strings, why, strlen(why));
    return QLAB_OK;
}

static void take_list(json_t **to, const json_t *from)
{
    json_t *o;
    size_t i;

    if (*to == NULL && json_array_size(from) > 0)
        *to = json_array();
    json_array_foreach(from, i, o) json_array_append(*to, o);
}

static qlab_code take_pack(qlab_ingest *g, const json_t *o, qlab_err *err)
{
    int64_t no = 0;
    qlab_tally t;
    json_t *change;
    size_t i;

    qlab_code rc = qlab_json_get_i64(o, WHERE, "pack", &no, err);
    if (rc == QLAB_OK)
        rc = qlab_tally_load(o, WHERE, &t, err);
    if (rc != QLAB_OK)
        return rc;
    if (no < 0 || (size_t)no >= g->registry->n_packs)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: pack %lld is not in the plan", WHERE,
                         (long long)no);
    qlab_ingest_pack *p = &g->packs[no];
    if (p->whole)
        rc = take_read(g, o, g->registry->packs[no].path, &p->out, err);
    qlab_tally_add(&p->tally, &t);
    p->parked |= t.in.by_reason[QLAB_REASON_UNKNOWN_ASSET] > 0 ||
                 t.in.by_reason[QLAB_REASON_OUTSIDE_POINTER] > 0;
    take_list(&p->held, json_object_get(o, "held"));
    json_array_foreach(json_object_get(o, "basis"), i, change)
    {
        if (p->basis == NULL)
            p->basis = json_array();
        if (!json_is_true(json_object_get(change, "known")))
            json_array_append(g->basis_changes, change);
        json_array_append(p->basis, change);
    }
    return rc;
}

static qlab_code take_side(qlab_ingest *g, const json_t *o, qlab_err *err)
{
    int64_t no = 0;
    const qlab_code rc = qlab_json_get_i64(o, WHERE, "sidecar", &no, err);

    if (rc != QLAB_OK)
        return rc;
    if (no < 0 || (size_t)no >= g->sidecars.n)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: sidecar %lld is not in the plan", WHERE,
                         (long long)no);
    return take_read(g, o, g->sidecars.at[no].path, &g->sides[no].out, err);
}

static qlab_code take_parts(qlab_ingest *g, const json_t *unit, qlab_err *err)
{
    json_t *parts = NULL, *part;
    size_t i;
    qlab_code rc = qlab_json_get_array(unit, WHERE, "parts", &parts, err);

    json_array_foreach(parts, i, part)
    {
        if (rc != QLAB_OK)
            break;
        qlab_grow((void **)&g->parts, &g->cap_parts, g->n_parts + 1, sizeof *g->parts);
        rc = qlab_part_of_json(part, WHERE, &g->parts[g->n_parts], err);
        g->n_parts += rc == QLAB_OK;
    }
    return rc;
}

typedef qlab_code (*take_fn)(qlab_ingest *g, const json_t *o, qlab_err *err);

static qlab_code take_each(qlab_ingest *g, const json_t *unit, const char *key, take_fn take,
                           qlab_err *err)
{
    json_t *all = NULL, *o;
    size_t i;
    qlab_code rc = qlab_json_get_array(unit, WHERE, key, &all, err);

    json_array_foreach(all, i, o)
    {
        if (rc == QLAB_OK)
            rc = take(g, o, err);
    }
    return rc;
}

static qlab_code take_units(qlab_ingest *g, qlab_err *err)
{
    qlab_code rc = QLAB_OK;

    for (size_t u = 0; u < g->n_units && rc == QLAB_OK; u++) {
        const json_t *unit = qlab_job_result(g->job, u);
        int64_t newest = QLAB_DATE_NONE;
        rc = take_parts(g, unit, err);
        if (rc == QLAB_OK)
            rc = take_each(g, unit, "packs", take_pack, err);
        if (rc == QLAB_OK)
            rc = take_each(g, unit, "sidecars", take_side, err);
        if (rc == QLAB_OK)
            rc = qlab_json_get_i64(unit, WHERE, "max_date", &newest, err);
        if (newest > g->max_date)
            g->max_date = (int32_t)newest;
        take_list(&g->acked, json_object_get(unit, "acked"));
        take_list(&g->revised, json_object_get(unit, "revised"));
    }
    return rc;
}

static qlab_code unbalanced(const char *what, const qlab_tally *t, qlab_err *err)
{
    return qlab_fail(err, QLAB_E_INTERNAL,
                     "%s: %llu rows in, but %llu inserted, %llu revised, %llu known, %llu held, "
                     "%llu duplicate, %llu quarantined and %llu not asked for",
                     what, (unsigned long long)t->in.rows_in, (unsigned long long)t->inserted,
                     (unsigned long long)t->revised, (unsigned long long)t->known,
                     (unsigned long long)t->held, (unsigned long long)t->in.rows_duplicate,
                     (unsigned long long)t->in.rows_quarantined,
                     (unsigned long long)t->in.rows_not_asked);
}

static qlab_code balance(qlab_ingest *g, qlab_err *err)
{
    for (size_t i = 0; i < g->registry->n_packs; i++) {
        if (!qlab_tally_balances(&g->packs[i].tally))
            return unbalanced(g->registry->packs[i].path, &g->packs[i].tally, err);
        qlab_tally_add(&g->total, &g->packs[i].tally);
    }
    return qlab_tally_balances(&g->total) ? QLAB_OK : unbalanced("all packs", &g->total, err);
}

/* The parts must hold what the account says was put in. */
static qlab_code check_parts(const qlab_ingest *g, qlab_err *err)
{
    uint64_t rows = 0;

    for (size_t i = 0; i < g->n_parts; i++)
        rows += g->parts[i].kind == QLAB_PART_BARS ? g->parts[i].n_rows : 0;
    const uint64_t want = g->total.inserted + g->total.revised + g->total.tombstoned;
    if (rows == want)
        return QLAB_OK;
    return qlab_fail(err, QLAB_E_INTERNAL, "parts hold %llu rows, the account says %llu",
                     (unsigned long long)rows, (unsigned long long)want);
}

/* ---- the run folder -------------------------------------------------------------------------- */

/* Records that belong to no unit: registry lines, and packs that no unit reads. */
static qlab_code save_plan_records(const qlab_ingest *g, const char *path, qlab_err *err)
{
    qlab_quarantine q = QLAB_QUARANTINE_INIT;
    const qlab_registry *r = g->registry;

    for (size_t i = 0; i < r->n_findings; i++) {
        const qlab_registry_finding *f = &r->findings[i];
        const qlab_quarantine_record rec = {
            .pack_no = g->registry_order,
            .pack = qlab_str_of(r->path),
            .line = f->line,
            .byte_offset = f->byte_offset,
            .asset_id = {f->asset_id, f->asset_id != NULL ? strlen(f->asset_id) : 0},
            .date = QLAB_DATE_NONE,
            .reason = f->reason,
            .detail = f->detail,
            .datum = f->datum,
        };
        qlab_quarantine_put(&q, &rec);
    }
    for (size_t i = 0; i < r->n_packs; i++) {
        const qlab_ingest_pack *p = &g->packs[i];
        if (!p->wanted || p->read || p->out.refused == QLAB_REASON_NONE)
            continue;
        const qlab_quarantine_record rec = {.pack_no = p->order,
                                            .pack = qlab_str_of(r->packs[i].path),
                                            .date = QLAB_DATE_NONE,
                                            .reason = p->out.refused,
                                            .detail = p->out.why != NULL ? p->out.why : ""};
        qlab_quarantine_put(&q, &rec);
    }
    for (size_t i = 0; i < g->sidecars.n; i++) {
        const qlab_sidecar *c = &g->sidecars.at[i];
        if (c->refused == QLAB_REASON_NONE)
            continue;
        const qlab_quarantine_record rec = {.pack_no = g->sides[i].order,
                                            .pack = qlab_str_of(c->path),
                                            .date = QLAB_DATE_NONE,
                                            .reason = c->refused,
                                            .detail = c->why};
        qlab_quarantine_put(&q, &rec);
    }
    const qlab_code rc = qlab_quarantine_save(&q, path, err);
    qlab_quarantine_free(&q);
    return rc;
}

static qlab_code write_quarantine(const qlab_ingest *g, const char *dir, uint64_t *n_records,
                                  qlab_err *err)
{
    char **saved = qlab_alloc_zero(g->n_units + 1, sizeof *saved);
    size_t n = 0;
    char *path = qlab_path_join(dir, "quarantine.ndjson.gz");

    saved[n] = qlab_path_join(qlab_job_dir(g->job), "quarantine-plan.bin");
    qlab_code rc = save_plan_records(g, saved[n++], err);
    for (size_t u = 0; u < g->n_units; u++) {
        const char *name =
            json_string_value(json_object_get(qlab_job_result(g->job, u), "quarantine"));
        if (name != NULL)
            saved[n++] = qlab_path_join(qlab_job_dir(g->job), name);
    }
    if (rc == QLAB_OK)
        rc = qlab_quarantine_merge(saved, n, path, n_records, err);
    for (size_t i = 0; i < n; i++)
        qlab_free(saved[i]);
    qlab_free(saved);
    qlab_free(path);
    return rc;
}

static json_t *inputs_json(const qlab_ingest *g, const json_t *sources)
{
    char hex[QLAB_HEX_BYTES];
    json_t *o = json_object();

    json_object_set_new(o, "parent_commit", json_integer(g->parent));
    json_object_set_new(o, "parent_sha256",
                        g->parent > 0 ? json_string(g->parent_sha256) : json_null());
    json_object_set_new(o, "sources_sha256", json_string(qlab_hex(qlab_json_digest(sources), hex)));
    json_object_set_new(o, "price_basis",
                        json_string(qlab_ingest_basis_name(g->options->price_basis)));
    json_object_set_new(o, "volume_basis",
                        json_string(qlab_ingest_basis_name(g->options->volume_basis)));
    json_object_set_new(o, "ingest_version", json_integer(QLAB_INGEST_VERSION));
    if (json_array_size(g->acked) > 0)
        json_object_set(o, "acknowledged", g->acked);
    return o;
}

static qlab_code build_run_folder(const qlab_ingest *g, const char *dir, const char *run_id,
                                  json_t *inputs, json_t *sources, qlab_err *err)
{
    char *path = qlab_path_join(dir, MANIFEST);
    uint64_t n_records = 0;
    json_t *manifest = NULL;

    qlab_code rc = qlab_dir_remove_tree(dir, err); /* of an attempt that was killed */
    if (rc == QLAB_OK)
        rc = qlab_dir_make(dir, err);
    if (rc == QLAB_OK)
        rc = write_quarantine(g, dir, &n_records, err);
    if (rc == QLAB_OK) {
        manifest = qlab_ingest_manifest(g, run_id, inputs, sources, n_records);
        rc = qlab_json_write(path, manifest, err);
    }
    json_decref(manifest);
    qlab_free(path);
    return rc;
}

qlab_code qlab_ingest_publish(const qlab_env *env, const char *built, const char *run_id,
                              qlab_err *err)
{
    char *final_dir = qlab_run_dir(env, run_id);
    qlab_code rc = qlab_folder_publish(built, final_dir, err);

    if (rc == QLAB_E_EXISTS) { /* the same inputs made it already */
        qlab_err_reset(err);
        rc = QLAB_OK;
    }
    qlab_free(final_dir);
    return rc;
}

/* ---- the commit ------------------------------------------------------------------------------ */

static qlab_code write_master(qlab_ingest *g, qlab_err *err)
{
    qlab_conn *conn = NULL;

    if (g->n_master_news == 0)
        return QLAB_OK;
    qlab_code rc = qlab_duck_conn(g->env->duck, 0, &conn, err);
    if (rc != QLAB_OK)
        return rc;
    qlab_grow((void **)&g->parts, &g->cap_parts, g->n_parts + 1, sizeof *g->parts);
    g->parts[g->n_parts] = (qlab_part){0};
    rc = qlab_lake_write_master(g->env, conn, g->master_news, g->n_master_news, g->seq,
                                &g->parts[g->n_parts], err);
    g->n_parts += rc == QLAB_OK;
    return rc;
}

static qlab_code commit(qlab_ingest *g, json_t *sources, const char *built, const char *run_id,
                        uint32_t *number, qlab_err *err)
{
    char *file = qlab_path_join(built, MANIFEST);
    char *manifest = qlab_asprintf("runs/run_id=%s/%s", run_id, MANIFEST);
    qlab_digest sha256;
    const qlab_commit_draft draft = {
        .parent = g->parent,
        .kind = "ingest",
        .price_basis = g->options->price_basis,
        .volume_basis = g->options->volume_basis,
        .added = g->parts,
        .n_added = g->n_parts,
        .counts = g->counts,
        .sources = sources,
        .run_id = run_id,
        .manifest = manifest,
        .manifest_sha256 = &sha256,
    };
    qlab_code rc = qlab_sha256_file(file, &sha256, NULL, err);

    if (rc == QLAB_OK)
        rc = qlab_lake_commit(g->env, &draft, number, err);
    qlab_free(manifest);
    qlab_free(file);
    assert(rc != QLAB_OK || *number == g->seq);
    return rc;
}

/* Time, host and command line of the run, beside its manifest; no hash covers them. */
static qlab_code write_run_record(const qlab_ingest *g, const char *built, qlab_err *err)
{
    char *manifest = qlab_path_join(built, MANIFEST);
    json_t *record = qlab_run_record(g->env, qlab_job_seconds(g->job));
    const qlab_code rc = qlab_run_record_write(manifest, record, err);

    json_decref(record);
    qlab_free(manifest);
    return rc;
}

qlab_code qlab_ingest_finish(qlab_ingest *g, qlab_ingest_result *out, qlab_err *err)
{
    json_t *sources = NULL, *inputs = NULL;
    char *built = qlab_path_join(qlab_job_dir(g->job), "run");

    g->max_date = QLAB_DATE_NONE;
    g->basis_changes = json_array();
    g->acked = json_array();
    g->revised = json_array();
    qlab_code rc = take_units(g, err);
    if (rc == QLAB_OK)
        rc = qlab_ingest_write_deltas(g, err);
    if (rc == QLAB_OK)
        rc = balance(g, err);
    if (rc == QLAB_OK)
        rc = check_parts(g, err);
    if (rc == QLAB_OK)
        rc = qlab_ingest_sum_up(g, out, err);
    if (rc != QLAB_OK)
        goto done;
    if (!qlab_ingest_is_news(g)) { /* read again for nothing: that alone is remembered */
        out->nothing_to_do = true;
        out->commit = g->parent;
        rc = qlab_ingest_remember(g, g->last_number, true, qlab_job_seconds(g->job), err);
        goto done;
    }
    rc = write_master(g, err);
    if (rc != QLAB_OK)
        goto done;
    g->counts = json_incref(out->counts);
    sources = qlab_ingest_sources(g);
    inputs = inputs_json(g, sources);
    out->run_id = qlab_run_id("ingest", g->max_date, inputs, NULL);
    rc = build_run_folder(g, built, out->run_id, inputs, sources, err);
    if (rc == QLAB_OK)
        rc = write_run_record(g, built, err);
    if (rc == QLAB_OK)
        rc = commit(g, sources, built, out->run_id, &out->commit, err);
    if (rc == QLAB_OK)
        rc = qlab_ingest_publish(g->env, built, out->run_id, err);
    if (rc == QLAB_OK)
        rc = qlab_ingest_remember(g, out->commit, false, qlab_job_seconds(g->job), err);
done:
    json_decref(sources);
    json_decref(inputs);
    qlab_free(built);
    return rc;
}
