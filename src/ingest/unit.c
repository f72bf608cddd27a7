/* One bucket: its packs to rows, rows to parts.  Idempotent: parts are named by their content. */
#include "base/alloc.h"
#include "base/cancel.h"
#include "base/date.h"
#include "ingest/delta.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct qlab_unit_work {
    qlab_ingest *g;
    const qlab_ingest_unit *unit;
    qlab_conn *conn;
    uint32_t pack; /* the one that is being read */
    qlab_rows rows;
    qlab_segments segments;
    uint8_t *duplicate;
    size_t cap_duplicate;
    qlab_quarantine quarantine;
    qlab_delivered now;        /* the delivered state of the bucket's assets */
    qlab_pack_result *results; /* of unit->packs, with their sidecars' counts */
    size_t n_results;
    json_t *sides; /* records of sidecars */
    bool overlaid; /* an asset may have several segments */
    uint64_t superseded[QLAB_LAKE_BUCKET_ASSETS];
    uint8_t present[QLAB_LAKE_BUCKET_ASSETS]; /* its line in a whole pack was read */
    uint8_t partial[QLAB_LAKE_BUCKET_ASSETS], vintage[QLAB_LAKE_BUCKET_ASSETS];
    qlab_action *actions; /* derived from whole packs */
    size_t n_actions, cap_actions;
    qlab_asset_tally tally[QLAB_LAKE_BUCKET_ASSETS];
    qlab_delta_said said;
    qlab_part *parts;
    size_t n_parts, cap_parts;
} qlab_unit_work;

/* ---- whose line ------------------------------------------------------------------------------ */

static qlab_who who(void *ctx, qlab_str asset_id, uint32_t *slot)
{
    const qlab_unit_work *w = ctx;
    const qlab_ingest *g = w->g;
    const int64_t at = qlab_registry_find(g->registry, asset_id);

    if (at < 0)
        return QLAB_WHO_UNKNOWN;
    const uint32_t ix = g->ix_of[at];
    if (ix == QLAB_NO_ASSET)
        return QLAB_WHO_NOT_ASKED;
    if (g->registry->assets[at].pack_no != w->pack)
        return QLAB_WHO_OUTSIDE;
    if (ix / QLAB_LAKE_BUCKET_ASSETS != w->unit->bucket)
        return QLAB_WHO_OTHER;
    *slot = ix % QLAB_LAKE_BUCKET_ASSETS;
    return QLAB_WHO_MINE;
}

static const char *id_of_ix(const void *ctx, uint32_t ix)
{
    const qlab_ingest *g = ctx;
    return g->assets[ix].asset_id;
}

static qlab_str id_of_slot(void *ctx, uint32_t slot)
{
    const qlab_unit_work *w = ctx;
    return qlab_str_of(w->g->assets[w->unit->bucket * QLAB_LAKE_BUCKET_ASSETS + slot].asset_id);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void put_read(json_t *o, const qlab_pack_result *r)
{
    char hex[QLAB_HEX_BYTES];

    json_object_set_new(o, "refused", json_string(qlab_reason_name(r->refused)));
    json_object_set_new(o, "why", json_string(r->why));
    json_object_set_new(o, "sha256", json_string(qlab_hex(r->sha256, hex)));
    json_object_set_new(o, "file_bytes", json_integer((json_int_t)r->n_file_bytes));
    json_object_set_new(o, "bytes", json_integer((json_int_t)r->n_bytes));
    json_object_set_new(o, "lines", json_integer((json_int_t)r->n_lines));
    json_object_set_new(o, "first_future", json_integer(r->first_future));
}

static size_t whole_max_bytes(const qlab_env *env)
{
    const size_t least = 1 << 20, most = 64 << 20;
    /* compressed and inflated bytes of a pack together take at most half of a unit's share */
    const size_t quarter = qlab_env_unit_bytes(env) / 4;
    return quarter < least ? least : quarter > most ? most : quarter;
}

/* One file as a pack. */
typedef struct qlab_one_file {
    uint32_t order;
    const char *path, *file;
    const qlab_digest *sha256;
    uint8_t *present;
} qlab_one_file;

static qlab_code read_one(qlab_unit_work *w, size_t worker, const qlab_one_file *one,
                          qlab_pack_result *out, qlab_err *err)
{
    qlab_ingest *g = w->g;
    const qlab_pack_job job = {
        .pack_no = one->order,
        .pack = qlab_str_of(one->path),
        .path = one->file,
        .sha256 = one->sha256,
        .owner = g->packs[w->pack].owner == w->unit->bucket,
        .present = one->present,
        .now = g->env->now,
        .who = who,
        .asset_id_of = id_of_slot,
        .ctx = w,
    };

    if (g->options->adapter == QLAB_INGEST_CSV) {
        if (g->csv_readers[worker] == NULL)
            g->csv_readers[worker] = qlab_csv_reader_new(g->options->csv);
        return qlab_csv_read(g->csv_readers[worker], &job, &w->rows, &w->segments, &w->duplicate,
                             &w->cap_duplicate, &w->quarantine, out, err);
    }
    if (g->book != NULL && qlab_synth_is_recipe(one->path)) {
        if (g->recipe_readers[worker] == NULL)
            g->recipe_readers[worker] = qlab_recipe_reader_new(g->book);
        return qlab_recipe_read(g->recipe_readers[worker], &job, &w->rows, &w->segments,
                                &w->duplicate, &w->cap_duplicate, &w->quarantine, out, err);
    }
    if (g->readers[worker] == NULL)
        g->readers[worker] = qlab_pack_reader_new(whole_max_bytes(g->env));
    return qlab_pack_read(g->readers[worker], &job, &w->rows, &w->segments, &w->duplicate,
                          &w->cap_duplicate, &w->quarantine, out, err);
}

/* A refused pack's lines were not there after all. */
static void forget_present(qlab_unit_work *w)
{
    const uint32_t first = w->unit->bucket * QLAB_LAKE_BUCKET_ASSETS;

    for (uint32_t slot = 0; slot < QLAB_LAKE_BUCKET_ASSETS && first + slot < w->g->n_assets;
         slot++) {
        const uint32_t at = w->g->registry_of[first + slot];
        if (at != QLAB_NO_ASSET && w->g->registry->assets[at].pack_no == w->pack)
            w->present[slot] = 0;
    }
}

/* Segments from `first` on are of one whole pack: each is a vintage of its asset. */
static void derive_actions(qlab_unit_work *w, size_t first)
{
    const qlab_ingest *g = w->g;

    for (size_t k = first; k < w->segments.n; k++) {
        const qlab_segment *s = &w->segments.at[k];
        const uint32_t ix = w->unit->bucket * QLAB_LAKE_BUCKET_ASSETS + s->slot;
        const double *adjusted = w->rows.v[QLAB_FIELD_ADJUSTED] + s->first;
        const qlab_vintage v = {
            .asset_ix = ix,
            .n = s->n,
            .date = w->rows.date + s->first,
            .close = w->rows.v[QLAB_FIELD_CLOSE] + s->first,
            .adjusted_close = adjusted,
            .volume = w->rows.v[QLAB_FIELD_VOLUME] + s->first,
            .price_basis = g->options->price_basis,
            .convention = g->options->convention,
            .currency = g->assets[ix].currency,
        };
        for (size_t i = 0; i < s->n && !w->vintage[s->slot]; i++) {
            if (!isnan(adjusted[i]))
                w->vintage[s->slot] = 1;
        }
        qlab_derive_actions(&v, &w->actions, &w->n_actions, &w->cap_actions);
    }
}

static qlab_code read_whole(qlab_unit_work *w, size_t worker, qlab_pack_result *out, qlab_err *err)
{
    const qlab_vendor_pack *v = &w->g->registry->packs[w->pack];
    const qlab_ingest_pack *p = &w->g->packs[w->pack];
    const qlab_one_file one = {p->order, v->path, p->file, v->has_sha256 ? &v->sha256 : NULL,
                               w->present};
    const size_t first = w->segments.n;
    const qlab_code rc = read_one(w, worker, &one, out, err);

    if (rc == QLAB_OK && out->refused != QLAB_REASON_NONE)
        forget_present(w);
    else if (rc == QLAB_OK)
        derive_actions(w, first);
    return rc;
}

static qlab_code read_side(qlab_unit_work *w, size_t worker, size_t at, qlab_counts *counts,
                           qlab_err *err)
{
    qlab_ingest_side *s = &w->g->sides[at];
    const qlab_one_file one = {s->order, w->g->sidecars.at[at].path, s->file, NULL, NULL};
    const size_t first = w->segments.n;
    qlab_pack_result r;
    const qlab_code rc = read_one(w, worker, &one, &r, err);

    if (rc != QLAB_OK)
        return rc;
    w->overlaid |= w->segments.n > first;
    for (size_t k = first; k < w->segments.n; k++) {
        const uint32_t slot = w->segments.at[k].slot;
        w->partial[slot] = w->present[slot] ? 0 : 1;
    }
    qlab_counts_add(counts, &r.counts);
    json_t *o = json_object();
    json_object_set_new(o, "sidecar", json_integer((json_int_t)at));
    json_object_set_new(o, "rows_in", json_integer((json_int_t)r.counts.rows_in));
    put_read(o, &r);
    json_array_append_new(w->sides, o);
    return QLAB_OK;
}

/* A pack, where it is read, and what is read of its sidecars behind it. */
static qlab_code read_pack(qlab_unit_work *w, size_t worker, qlab_pack_result *out, qlab_err *err)
{
    const qlab_ingest_pack *p = &w->g->packs[w->pack];
    qlab_code rc = QLAB_OK;

    *out = (qlab_pack_result){.first_future = QLAB_DATE_NONE};
    if (p->whole)
        rc = read_whole(w, worker, out, err);
    for (size_t i = p->first_side; i < p->first_side + p->n_sides; i++) {
        /* Over a pack that was refused sidecars say nothing: they are read with it again. */
        if (rc == QLAB_OK && w->g->sides[i].read && out->refused == QLAB_REASON_NONE)
            rc = read_side(w, worker, i, &out->counts, err);
    }
    return rc;
}

static qlab_code read_packs(qlab_unit_work *w, size_t worker, qlab_err *err)
{
    qlab_code rc = QLAB_OK;

    w->results = qlab_alloc_zero(w->unit->n_packs, sizeof *w->results);
    w->sides = json_array();
    for (size_t i = 0; i < w->unit->n_packs && rc == QLAB_OK; i++) {
        w->pack = w->unit->packs[i];
        rc = read_pack(w, worker, &w->results[i], err);
        w->n_results += rc == QLAB_OK;
        if (rc == QLAB_OK)
            rc = qlab_cancel_check(err);
    }
    return rc;
}

/* ---- rows to bars ---------------------------------------------------------------------------- */

static bool slots_ascend(const qlab_segments *s)
{
    for (size_t i = 1; i < s->n; i++) {
        if (s->at[i - 1].slot >= s->at[i].slot)
            return false;
    }
    return true;
}

static int cmp_segment(const void *a, const void *b)
{
    const qlab_segment *x = a, *y = b;
    return (x->slot > y->slot) - (x->slot < y->slot);
}

static void gather(void **column, size_t size, const qlab_segments *s, size_t n)
{
    char *to = qlab_alloc(n, size);
    size_t k = 0;

    for (size_t i = 0; i < s->n; i++) {
        memcpy(to + k * size, (char *)*column + s->at[i].first * size, s->at[i].n * size);
        k += s->at[i].n;
    }
    qlab_free(*column);
    *column = to;
}

/* The rows become bars, asset after asset; the columns change hands. */
static void make_bars(qlab_unit_work *w)
{
    qlab_rows *r = &w->rows;
    qlab_segments *s = &w->segments;
    qlab_bars *b = &w->now.bars;

    if (w->overlaid) {
        qlab_ingest_overlay(r, s, w->duplicate, w->superseded);
    } else if (!slots_ascend(s)) {
        qsort(s->at, s->n, sizeof *s->at, cmp_segment);
        gather((void **)&r->date, sizeof *r->date, s, r->n);
        for (unsigned f = 0; f < QLAB_N_FIELDS; f++)
            gather((void **)&r->v[f], sizeof *r->v[f], s, r->n);
        if (w->duplicate != NULL)
            gather((void **)&w->duplicate, 1, s, r->n);
    }
    b->n_rows = b->cap_rows = r->n;
    b->asset_ix = qlab_alloc(QLAB_LAKE_BUCKET_ASSETS, sizeof *b->asset_ix);
    b->first = qlab_alloc(QLAB_LAKE_BUCKET_ASSETS + 1, sizeof *b->first);
    b->first[0] = 0;
    size_t next = 0;
    for (uint32_t slot = 0; slot < QLAB_LAKE_BUCKET_ASSETS; slot++) {
        const bool rows = next < s->n && s->at[next].slot == slot;
        /* Without rows an asset counts only where there may be something to delete. */
        if (!rows && (w->unit->fresh || !w->present[slot]))
            continue;
        b->asset_ix[b->n_assets] = w->unit->bucket * QLAB_LAKE_BUCKET_ASSETS + slot;
        b->first[b->n_assets + 1] = b->first[b->n_assets] + (rows ? s->at[next].n : 0);
        b->n_assets++;
        next += rows;
    }
    assert(next == s->n); /* an asset has one pack, so one segment */
    b->date = r->date;
    b->open = r->v[QLAB_FIELD_OPEN];
    b->high = r->v[QLAB_FIELD_HIGH];
    b->low = r->v[QLAB_FIELD_LOW];
    b->close = r->v[QLAB_FIELD_CLOSE];
    b->volume = r->v[QLAB_FIELD_VOLUME];
    b->adjusted_close = r->v[QLAB_FIELD_ADJUSTED];
    b->provenance = w->duplicate; /* 1 is QLAB_PROV_DUPLICATE */
    qlab_free(r->at);
    *r = (qlab_rows){0};
    w->duplicate = NULL;
    w->cap_duplicate = 0;
    w->now.partial = w->partial;
    w->now.vintage = w->vintage;
    w->now.actions = w->actions;
    w->now.n_actions = w->n_actions;
}

/* ---- what goes into the lake ----------------------------------------------------------------- */

static qlab_part *new_part(qlab_unit_work *w)
{
    qlab_grow((void **)&w->parts, &w->cap_parts, w->n_parts + 1, sizeof *w->parts);
    w->parts[w->n_parts] = (qlab_part){0};
    return &w->parts[w->n_parts];
}

static qlab_code write_leaves(qlab_unit_work *w, qlab_err *err)
{
    qlab_leaf *leaves = NULL;
    size_t n = 0;

    qlab_lake_leaves_of(&w->now.bars, qlab_lake_months_from(&w->now.bars), &leaves, &n);
    qlab_part *p = new_part(w);
    const qlab_code rc =
        qlab_lake_write_leaves(w->g->env, w->conn, w->unit->bucket, leaves, n, w->g->seq, p, err);
    w->n_parts += rc == QLAB_OK;
    qlab_free(leaves);
    return rc;
}

qlab_vintage qlab_ingest_vintage(const qlab_ingest *g, const qlab_bars *b, size_t a)
{
    const size_t first = b->first[a];

    return (qlab_vintage){
        .asset_ix = b->asset_ix[a],
        .n = b->first[a + 1] - first,
        .date = b->date + first,
        .close = b->close + first,
        .adjusted_close = b->adjusted_close + first,
        .volume = b->volume + first,
        .price_basis = g->options->price_basis,
        .convention = g->options->convention,
        .currency = g->assets[b->asset_ix[a]].currency,
    };
}

static qlab_code write_actions(qlab_unit_work *w, qlab_err *err)
{
    const qlab_ingest *g = w->g;

    if (w->n_actions == 0)
        return QLAB_OK;
    qlab_part *p = new_part(w);
    const qlab_code rc = qlab_actions_write(g->env, w->conn, (int32_t)w->unit->bucket, w->actions,
                                            w->n_actions, id_of_ix, g, g->seq, p, err);
    w->n_parts += rc == QLAB_OK;
    return rc;
}

static qlab_code write_fresh(qlab_unit_work *w, qlab_err *err)
{
    const qlab_ingest *g = w->g;
    const uint32_t first = w->unit->bucket * QLAB_LAKE_BUCKET_ASSETS;

    if (w->now.bars.n_rows == 0)
        return QLAB_OK;
    qlab_code rc =
        qlab_lake_write_bars(g->env, w->conn, w->unit->bucket, &w->now.bars, g->assets + first,
                             g->seq, &w->parts, &w->n_parts, &w->cap_parts, err);
    if (rc == QLAB_OK)
        rc = write_leaves(w, err);
    if (rc == QLAB_OK)
        rc = write_actions(w, err);
    return rc;
}

/* ---- the unit -------------------------------------------------------------------------------- */

static int32_t newest_date(const qlab_bars *b)
{
    int32_t newest = QLAB_DATE_NONE;

    for (size_t a = 0; a < b->n_assets; a++) {
        if (b->first[a + 1] > b->first[a] && b->date[b->first[a + 1] - 1] > newest)
            newest = b->date[b->first[a + 1] - 1];
    }
    return newest;
}

static qlab_code save_quarantine(qlab_unit_work *w, json_t *result, qlab_err *err)
{
    if (w->quarantine.n == 0)
        return QLAB_OK;
    char name[64];
    snprintf(name, sizeof name, "quarantine-%06u.bin", (unsigned)w->unit->bucket);
    char *path = qlab_path_join(qlab_job_dir(w->g->job), name);
    const qlab_code rc = qlab_quarantine_save(&w->quarantine, path, err);
    json_object_set_new(result, "quarantine", json_string(name));
    qlab_free(path);
    return rc;
}

/* Slots of the unit whose asset lies in pack i of it: the next one from *slot on, or false. */
static bool next_slot_of(const qlab_unit_work *w, size_t i, uint32_t *slot)
{
    const qlab_ingest *g = w->g;
    const uint32_t first = w->unit->bucket * QLAB_LAKE_BUCKET_ASSETS;

    for (; *slot < QLAB_LAKE_BUCKET_ASSETS && first + *slot < g->n_assets; (*slot)++) {
        const uint32_t at = g->registry_of[first + *slot];
        if (at != QLAB_NO_ASSET && g->registry->assets[at].pack_no == w->unit->packs[i])
            return true;
    }
    return false;
}

/* Rows of a bucket that was empty are all new; otherwise the comparison said what they are. */
static qlab_tally tally_of_pack(const qlab_unit_work *w, size_t i)
{
    qlab_tally t = {.in = w->results[i].counts};

    for (uint32_t slot = 0; next_slot_of(w, i, &slot); slot++) {
        const qlab_asset_tally *a = &w->tally[slot];
        const uint64_t gave_way = w->superseded[slot];
        t.in.rows_good -= gave_way;
        t.in.rows_duplicate += gave_way;
        t.in.by_reason[QLAB_REASON_SUPERSEDED] += gave_way;
        t.inserted += a->inserted;
        t.revised += a->revised;
        t.known += a->known;
        t.tombstoned += a->tombstoned;
        t.held += a->held;
        t.adj_restated += a->adj_restated;
        t.basis_restated += a->basis_restated;
    }
    if (w->unit->fresh)
        t.inserted = t.in.rows_good;
    return t;
}

static json_t *pack_json(const qlab_unit_work *w, size_t i)
{
    const qlab_tally t = tally_of_pack(w, i);
    json_t *o = qlab_tally_store(&t), *held = json_array();

    json_object_set_new(o, "pack", json_integer(w->unit->packs[i]));
    put_read(o, &w->results[i]);
    for (uint32_t slot = 0; next_slot_of(w, i, &slot); slot++) {
        if (w->tally[slot].would_tombstone > 0)
            json_array_append_new(
                held, qlab_ingest_held_json(w->g, w->unit->bucket, slot, &w->tally[slot]));
    }
    json_object_set_new(o, "held", held);
    json_object_set_new(o, "basis", qlab_ingest_basis_json(w->g, w->unit->packs[i], &w->said));
    return o;
}

static void put_outcomes(const qlab_unit_work *w, json_t *o)
{
    json_t *parts = json_array(), *packs = json_array();

    for (size_t i = 0; i < w->n_parts; i++)
        json_array_append_new(parts, qlab_part_json(&w->parts[i]));
    for (size_t i = 0; i < w->n_results; i++)
        json_array_append_new(packs, pack_json(w, i));
    json_object_set_new(o, "parts", parts);
    json_object_set_new(o, "packs", packs);
    json_object_set(o, "sidecars", w->sides);
    json_object_set_new(o, "max_date", json_integer(newest_date(&w->now.bars)));
    json_object_set_new(o, "revised", qlab_ingest_revised_json(w->g, &w->said));
    json_object_set_new(o, "acked", qlab_ingest_acked_json(w->g, w->unit->bucket, w->tally));
}

static qlab_code write_delta(qlab_unit_work *w, json_t *result, qlab_err *err)
{
    const qlab_delta_unit u = {
        .g = w->g,
        .conn = w->conn,
        .bucket = w->unit->bucket,
        .now = &w->now,
        .tally = w->tally,
        .said = &w->said,
        .parts = &w->parts,
        .n_parts = &w->n_parts,
        .cap_parts = &w->cap_parts,
        .result = result,
    };
    return qlab_ingest_delta_unit(&u, err);
}

static void release(qlab_unit_work *w)
{
    qlab_parts_free(w->parts, w->n_parts);
    qlab_bars_free(&w->now.bars);
    qlab_delta_said_free(&w->said);
    json_decref(w->sides);
    qlab_free(w->actions);
    qlab_rows_free(&w->rows);
    qlab_free(w->segments.at);
    qlab_free(w->duplicate);
    qlab_free(w->results);
    qlab_quarantine_free(&w->quarantine);
    qlab_free(w);
}

/* Parts come into place while the next ones are made; all are there before the unit's record is. */
static qlab_code write_parts(qlab_unit_work *w, size_t worker, json_t *result, qlab_err *err)
{
    qlab_ingest *g = w->g;
    qlab_err late = QLAB_ERR_INIT;

    if (g->syncs[worker] == NULL)
        g->syncs[worker] = qlab_sync_new();
    qlab_conn_sync_behind(w->conn, g->syncs[worker]);
    qlab_code rc = w->unit->fresh ? write_fresh(w, err) : write_delta(w, result, err);
    qlab_conn_sync_behind(w->conn, NULL);
    if (qlab_sync_wait(g->syncs[worker], &late) != QLAB_OK && rc == QLAB_OK) {
        *err = late;
        rc = late.code;
    }
    return rc;
}

qlab_code qlab_ingest_unit_do(void *ctx, size_t unit, size_t worker, json_t **result,
                              uint64_t *n_counted, qlab_err *err)
{
    qlab_ingest *g = ctx;
    qlab_unit_work *w = qlab_alloc_zero(1, sizeof *w);
    json_t *o = json_object();

    w->g = g;
    w->unit = &g->units[unit];
    qlab_code rc = qlab_duck_conn(g->env->duck, worker, &w->conn, err);
    if (rc == QLAB_OK)
        rc = read_packs(w, worker, err);
    if (rc == QLAB_OK) {
        if (w->n_actions > 1)
            qsort(w->actions, w->n_actions, sizeof *w->actions, qlab_action_cmp);
        make_bars(w);
        *n_counted = w->now.bars.n_rows;
        rc = write_parts(w, worker, o, err);
    }
    if (rc == QLAB_OK) {
        put_outcomes(w, o);
        rc = save_quarantine(w, o, err);
    }
    if (rc == QLAB_OK)
        *result = json_incref(o);
    json_decref(o);
    release(w);
    return rc;
}

qlab_digest qlab_ingest_unit_key(void *ctx, size_t unit)
{
    const qlab_ingest *g = ctx;
    qlab_sha256 *h = qlab_sha256_new();

    qlab_sha256_put(h, g->plan.at, QLAB_SHA256_BYTES);
    qlab_sha256_put_u32(h, g->units[unit].bucket);
    const qlab_digest d = qlab_sha256_end(h);
    qlab_sha256_free(h);
    return d;
}
