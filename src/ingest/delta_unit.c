/* Deltas of units: small ones are kept aside and become one part over all buckets (a class and a
 * year each), large ones become parts of their bucket at once, so that memory stays bounded. */
#include "base/alloc.h"
#include "base/date.h"
#include "ingest/delta_int.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LARGE_ACTIONS = 20000 };

static qlab_part *new_part(qlab_part **parts, const size_t *n, size_t *cap)
{
    qlab_grow((void **)parts, cap, *n + 1, sizeof **parts);
    (*parts)[*n] = (qlab_part){0};
    return &(*parts)[*n];
}

/* Where a delta's parts go: into one bucket, or over all. */
typedef struct qlab_delta_to {
    const qlab_ingest *g;
    qlab_conn *conn;
    uint32_t bucket;          /* QLAB_LAKE_ALL_BUCKETS */
    const qlab_asset *assets; /* of the bucket */
    qlab_part **parts;
    size_t *n_parts, *cap_parts;
} qlab_delta_to;

static qlab_code write_rows(const qlab_delta_to *to, qlab_delta *d, qlab_err *err)
{
    qlab_code rc = QLAB_OK;
    qlab_bars rows = {0};

    if (d->n > 0) {
        qlab_delta_to_bars(d, &rows);
        rc = qlab_lake_write_bars(to->g->env, to->conn, to->bucket, &rows, to->assets, to->g->seq,
                                  to->parts, to->n_parts, to->cap_parts, err);
    }
    if (rc == QLAB_OK && d->n_leaves > 0) {
        qlab_part *p = new_part(to->parts, to->n_parts, to->cap_parts);
        rc = qlab_lake_write_leaves(to->g->env, to->conn, to->bucket, d->leaves, d->n_leaves,
                                    to->g->seq, p, err);
        *to->n_parts += rc == QLAB_OK;
    }
    qlab_bars_free(&rows);
    return rc;
}

static const char *id_of_ix(const void *ctx, uint32_t ix)
{
    return ((const qlab_ingest *)ctx)->assets[ix].asset_id;
}

static qlab_code write_actions(const qlab_delta_to *to, qlab_delta *d, qlab_err *err)
{
    if (d->n_actions == 0)
        return QLAB_OK;
    const int32_t bucket = to->bucket == QLAB_LAKE_ALL_BUCKETS ? -1 : (int32_t)to->bucket;
    qlab_part *p = new_part(to->parts, to->n_parts, to->cap_parts);
    const qlab_code rc = qlab_actions_write(to->g->env, to->conn, bucket, d->actions, d->n_actions,
                                            id_of_ix, to->g, to->g->seq, p, err);
    *to->n_parts += rc == QLAB_OK;
    return rc;
}

/* ---- actions in a unit's record -------------------------------------------------------------- */

static json_t *action_json(const qlab_action *a)
{
    json_t *o = json_array();
    const double v[] = {a->r, a->d, a->c, a->c_low, a->c_high};

    json_array_append_new(o, json_integer(a->asset_ix));
    json_array_append_new(o, json_integer(a->ex_date));
    json_array_append_new(o, json_integer(a->type));
    json_array_append_new(o, json_integer(a->confidence));
    json_array_append_new(o, json_boolean(a->in_basis));
    json_array_append_new(o, json_boolean(a->withdrawn));
    for (size_t i = 0; i < 5; i++)
        json_array_append_new(o, qlab_json_f64(v[i]));
    json_array_append_new(o, json_string(a->currency));
    json_array_append_new(o, json_string(a->source_id));
    return o;
}

static double real_at(const json_t *o, size_t i)
{
    const json_t *v = json_array_get(o, i);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

static qlab_code action_of_json(const qlab_ingest *g, const json_t *o, qlab_action *a,
                                qlab_err *err)
{
    if (json_array_size(o) != 13 || json_string_value(json_array_get(o, 11)) == NULL ||
        json_string_value(json_array_get(o, 12)) == NULL ||
        json_integer_value(json_array_get(o, 0)) >= (json_int_t)g->n_assets)
        return qlab_fail(err, QLAB_E_CORRUPT, "ingest unit record: an action was not understood");
    *a = (qlab_action){
        .asset_ix = (uint32_t)json_integer_value(json_array_get(o, 0)),
        .ex_date = (int32_t)json_integer_value(json_array_get(o, 1)),
        .type = (uint8_t)json_integer_value(json_array_get(o, 2)),
        .source = QLAB_SOURCE_DERIVED,
        .confidence = (uint8_t)json_integer_value(json_array_get(o, 3)),
        .in_basis = json_is_true(json_array_get(o, 4)),
        .withdrawn = json_is_true(json_array_get(o, 5)),
        .r = real_at(o, 6),
        .d = real_at(o, 7),
        .c = real_at(o, 8),
        .c_low = real_at(o, 9),
        .c_high = real_at(o, 10),
        .currency = json_string_value(json_array_get(o, 11)), /* the record outlives the use */
        .source_id = json_string_value(json_array_get(o, 12)),
    };
    return QLAB_OK;
}

/* ---- a unit ---------------------------------------------------------------------------------- */

json_t *qlab_ingest_held_json(const qlab_ingest *g, uint32_t bucket, uint32_t slot,
                              const qlab_asset_tally *t)
{
    const char *id = g->assets[bucket * QLAB_LAKE_BUCKET_ASSETS + slot].asset_id;
    char hex[QLAB_HEX_BYTES];
    json_t *o = json_object();

    json_object_set_new(o, "asset_id", json_string(id));
    json_object_set_new(o, "reason", json_string("MASS_DELETION_HELD"));
    json_object_set_new(o, "rows_deleted", json_integer((json_int_t)t->would_tombstone));
    json_object_set_new(o, "rows_visible", json_integer((json_int_t)t->visible));
    json_object_set_new(o, "digest", json_string(qlab_hex(t->vanished, hex)));
    return o;
}

json_t *qlab_ingest_acked_json(const qlab_ingest *g, uint32_t bucket, const qlab_asset_tally *tally)
{
    char hex[QLAB_HEX_BYTES];
    json_t *all = json_array();

    for (uint32_t slot = 0; slot < QLAB_LAKE_BUCKET_ASSETS; slot++) {
        if (!tally[slot].acked)
            continue;
        json_t *o = json_object();
        const uint32_t ix = bucket * QLAB_LAKE_BUCKET_ASSETS + slot;
        json_object_set_new(o, "asset_id", json_string(g->assets[ix].asset_id));
        json_object_set_new(o, "rows_deleted", json_integer((json_int_t)tally[slot].tombstoned));
        json_object_set_new(o, "digest", json_string(qlab_hex(tally[slot].vanished, hex)));
        json_array_append_new(all, o);
    }
    return all;
}

static json_t *date_json(int32_t date)
{
    char day[QLAB_DATE_BYTES];
    return json_string(qlab_date_format(date, day));
}

/* One change of basis; what names it comes first, so that a later delivery finds it again. */
static json_t *change_json(const qlab_ingest *g, const qlab_basis_change *c)
{
    const bool raw = g->options->price_basis == QLAB_BASIS_RAW;
    json_t *o = json_object();

    json_object_set_new(o, "asset_id", json_string(g->assets[c->asset_ix].asset_id));
    json_object_set_new(o, "from", date_json(c->from));
    json_object_set_new(o, "through", date_json(c->through));
    json_object_set_new(o, "price_ratio", qlab_json_f64(c->price_ratio));
    json_object_set_new(o, "volume_ratio", qlab_json_f64(c->volume_ratio));
    json_object_set_new(o, "rows", json_integer((json_int_t)c->n_rows));
    json_object_set_new(o, "odd_rows", json_integer((json_int_t)c->n_odd));
    json_object_set_new(o, "kept", json_string(raw ? "as_it_was" : "as_delivered"));
    return o;
}

static bool was_said(const json_t *before, const json_t *change)
{
    static const char *const keys[] = {"asset_id", "through", "price_ratio", "volume_ratio"};
    json_t *o;
    size_t i;

    json_array_foreach(before, i, o)
    {
        size_t k = 0;
        while (k < 4 && json_equal(json_object_get(o, keys[k]), json_object_get(change, keys[k])))
            k++;
        if (k == 4)
            return true;
    }
    return false;
}

json_t *qlab_ingest_basis_json(const qlab_ingest *g, uint32_t pack, const qlab_delta_said *said)
{
    const json_t *last = qlab_ingest_last_of(g, g->registry->packs[pack].path);
    const json_t *before = json_object_get(last, "basis");
    json_t *all = json_array();

    for (size_t i = 0; i < said->n_basis; i++) {
        const uint32_t at = g->registry_of[said->basis[i].asset_ix];
        if (at == QLAB_NO_ASSET || g->registry->assets[at].pack_no != pack)
            continue;
        json_t *o = change_json(g, &said->basis[i]);
        json_object_set_new(o, "known", json_boolean(was_said(before, o)));
        json_array_append_new(all, o);
    }
    return all;
}

json_t *qlab_ingest_revised_json(const qlab_ingest *g, const qlab_delta_said *said)
{
    static const char *const names[] = {"open", "high", "low", "close", "volume"};
    json_t *all = json_array();

    for (size_t i = 0; i < said->n_revisions && i < QLAB_INGEST_EXAMPLES; i++) {
        const qlab_revision *r = &said->revisions[i];
        json_t *o = json_object();
        json_object_set_new(o, "asset_id", json_string(g->assets[r->asset_ix].asset_id));
        json_object_set_new(o, "date", date_json(r->date));
        for (size_t k = 0; k < 5; k++) {
            if (qlab_same_value(r->was[k], r->is[k]))
                continue;
            json_t *pair = json_array();
            json_array_append_new(pair, qlab_json_f64(r->was[k]));
            json_array_append_new(pair, qlab_json_f64(r->is[k]));
            json_object_set_new(o, names[k], pair);
        }
        json_array_append_new(all, o);
    }
    return all;
}

static qlab_code keep_rows(const qlab_delta_unit *u, qlab_delta *d, qlab_err *err)
{
    char name[64];

    if (d->n == 0 && d->n_leaves == 0)
        return QLAB_OK;
    snprintf(name, sizeof name, "delta-%06u.bin", (unsigned)u->bucket);
    char *path = qlab_path_join(qlab_job_dir(u->g->job), name);
    const qlab_code rc = qlab_delta_save(d, path, err);
    json_object_set_new(u->result, "delta", json_string(name));
    qlab_free(path);
    return rc;
}

/* Rows and leaves to parts of the bucket, now. */
static qlab_code take_large(void *ctx, qlab_delta *d, qlab_err *err)
{
    const qlab_code rc = write_rows(ctx, d, err);

    d->n_leaves = 0;
    return rc;
}

qlab_code qlab_ingest_delta_unit(const qlab_delta_unit *u, qlab_err *err)
{
    qlab_delta_to here = {
        u->g,     u->conn,    u->bucket,   u->g->assets + u->bucket * QLAB_LAKE_BUCKET_ASSETS,
        u->parts, u->n_parts, u->cap_parts};
    const qlab_delta_sink sink = {&here, take_large};
    qlab_delta d = {0};

    qlab_code rc =
        qlab_delta_find(u->g, u->conn, u->bucket, u->now, u->tally, &sink, &d, u->said, err);
    if (rc == QLAB_OK)
        rc = keep_rows(u, &d, err);
    if (rc == QLAB_OK && d.n_actions > LARGE_ACTIONS) {
        rc = write_actions(&here, &d, err);
    } else if (rc == QLAB_OK) {
        json_t *actions = json_array();
        for (size_t i = 0; i < d.n_actions; i++)
            json_array_append_new(actions, action_json(&d.actions[i]));
        json_object_set_new(u->result, "actions", actions);
    }
    qlab_delta_free(&d);
    return rc;
}

/* ---- all units ------------------------------------------------------------------------------- */

static qlab_code gather_unit(qlab_ingest *g, const json_t *unit, qlab_delta *d, qlab_err *err)
{
    const char *name = json_string_value(json_object_get(unit, "delta"));
    json_t *o;
    size_t i;
    qlab_code rc = QLAB_OK;

    if (name != NULL) {
        char *path = qlab_path_join(qlab_job_dir(g->job), name);
        rc = qlab_delta_load(path, d, err);
        qlab_free(path);
    }
    json_array_foreach(json_object_get(unit, "actions"), i, o)
    {
        qlab_grow((void **)&d->actions, &d->cap_actions, d->n_actions + 1, sizeof *d->actions);
        if (rc == QLAB_OK)
            rc = action_of_json(g, o, &d->actions[d->n_actions], err);
        d->n_actions += rc == QLAB_OK;
    }
    return rc;
}

qlab_code qlab_ingest_write_deltas(qlab_ingest *g, qlab_err *err)
{
    qlab_delta d = {0};
    qlab_conn *conn = NULL;
    const qlab_delta_to all = {g,         NULL,        QLAB_LAKE_ALL_BUCKETS, g->assets,
                               &g->parts, &g->n_parts, &g->cap_parts};
    qlab_delta_to to = all;

    qlab_code rc = qlab_duck_conn(g->env->duck, 0, &conn, err);
    to.conn = conn;
    for (size_t u = 0; u < g->n_units && rc == QLAB_OK; u++)
        rc = gather_unit(g, qlab_job_result(g->job, u), &d, err);
    if (rc == QLAB_OK)
        rc = write_rows(&to, &d, err);
    if (rc == QLAB_OK)
        rc = write_actions(&to, &d, err);
    qlab_delta_free(&d);
    return rc;
}
