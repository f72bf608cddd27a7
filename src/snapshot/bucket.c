/* One bucket of pass 2: from its state and the bars after the border, or from all bars. */
#include "base/alloc.h"
#include "base/date.h"
#include "snapshot/state.h"
#include "truth/settle.h"
#include <math.h>
#include <string.h>

/* Above this share of the bucket's assets, reading it whole costs no more than asset by asset. */
enum { WHOLE_ABOVE_ONE_IN = 4 };

typedef struct bucket {
    const qlab_build *b;
    uint32_t number, first_ix;
    size_t n_assets;
    int32_t asof;
    qlab_conn *conn;
    qlab_state old; /* records by place in the bucket; may be fewer than assets */
    bool found;
    qlab_digest *keys;
    bool *blank;   /* no bar before the border: nothing to record or to read */
    uint8_t *redo; /* from the whole history */
    size_t n_redo;
} bucket;

static void put_text(qlab_sha256 *h, const char *s)
{
    qlab_sha256_put_str(h, s, strlen(s));
}

static void put_facts(qlab_sha256 *h, const qlab_build *b, uint32_t ix)
{
    for (size_t i = b->fact_first[ix]; i < b->fact_first[ix + 1]; i++) {
        const qlab_action *a = &b->facts[i];
        if (a->ex_date >= b->border)
            break;
        qlab_sha256_put_i32(h, a->ex_date);
        qlab_sha256_put_u32(h, a->type);
        qlab_sha256_put_u32(h, a->source);
        qlab_sha256_put_f64(h, a->r);
        qlab_sha256_put_f64(h, a->d);
        qlab_sha256_put_f64(h, a->c);
        qlab_sha256_put_f64(h, a->c_low);
        qlab_sha256_put_f64(h, a->c_high);
        put_text(h, a->source_id);
    }
    qlab_sha256_put_u32(h, 0);
}

/* All that decides what the bars before the border leave of an asset. */
static qlab_digest key_of(const bucket *k, qlab_sha256 *h, uint32_t ix, const qlab_leaf *leaves,
                          size_t n_leaves)
{
    const qlab_build *b = k->b;
    const qlab_asset *a = &b->view->assets[ix];
    const int32_t year = qlab_date_year(b->border);
    put_text(h, a->asset_id);
    qlab_sha256_put_u32(h, a->asset_class);
    qlab_sha256_put(h, b->session_digests[b->exchange_of[ix]].at, QLAB_SHA256_BYTES);
    for (size_t i = 0; i < n_leaves; i++)
        if (leaves[i].period < year) {
            qlab_sha256_put_i32(h, leaves[i].period);
            qlab_sha256_put(h, leaves[i].digest.at, QLAB_SHA256_BYTES);
        }
    put_facts(h, b, ix);
    for (size_t i = b->given_life_first[ix]; i < b->given_life_first[ix + 1]; i++) {
        qlab_sha256_put_u32(h, b->given_lives[i].life_no);
        qlab_sha256_put_i32(h, b->given_lives[i].first_date);
    }
    for (size_t i = b->delisting_first[ix]; i < b->delisting_first[ix + 1]; i++)
        if (b->delistings[i].delist_date < b->border && b->delistings[i].delist_date <= k->asof &&
            qlab_settle_delisting(&b->delistings[i], "").settles)
            qlab_sha256_put_i32(h, b->delistings[i].delist_date);
    qlab_sha256_put_i32(h, QLAB_DATE_NONE);
    return qlab_sha256_end(h);
}

static qlab_code make_keys(bucket *k, qlab_err *err)
{
    qlab_leaf *leaves = NULL;
    size_t n = 0, at = 0;
    qlab_code code =
        qlab_lake_read_leaves(k->b->view, k->conn, k->number, QLAB_LEAVES_YEARS, &leaves, &n, err);
    if (code != QLAB_OK)
        return code;
    qlab_sha256 *h = qlab_sha256_new();
    for (size_t a = 0; a < k->n_assets; a++) {
        const uint32_t ix = k->first_ix + (uint32_t)a;
        const size_t first = at;
        while (at < n && leaves[at].asset_ix == ix)
            at++;
        k->keys[a] = key_of(k, h, ix, leaves + first, at - first);
        k->blank[a] = first == at || leaves[first].period >= qlab_date_year(k->b->border);
    }
    qlab_sha256_free(h);
    qlab_free(leaves);
    return QLAB_OK;
}

static qlab_code read_state(bucket *k, qlab_err *err)
{
    qlab_buf bytes = QLAB_BUF_INIT;
    char *name = qlab_state_name(k->b, k->number);
    qlab_code code = qlab_state_read(k->b, name, &bytes, &k->found, err);
    if (code == QLAB_OK && k->found && !qlab_state_decode(&bytes, &k->old)) {
        k->found = false;
        qlab_log_line(k->b->env->log, QLAB_LOG_WARN, "snapshot",
                      "event=state_damaged name=\"%s\" detail=\"its bucket is read whole\"", name);
    }
    qlab_buf_free(&bytes);
    qlab_free(name);
    return code;
}

static bool stands(const bucket *k, size_t a)
{
    return a < k->old.n_assets && qlab_digest_cmp(&k->old.assets[a].key, &k->keys[a]) == 0;
}

static void choose_redo(bucket *k)
{
    for (size_t a = 0; a < k->n_assets; a++) {
        k->redo[a] = !k->blank[a] && !stands(k, a);
        k->n_redo += k->redo[a];
    }
}

/* Where assets stand in the old state; blank ones at `none`. */
static void place(const bucket *k, size_t a, const qlab_state_asset *none, qlab_state_at *walk,
                  qlab_state_at *out)
{
    *out = (qlab_state_at){.asset = none};
    if (a < k->old.n_assets) {
        qlab_state_next(&k->old, a, walk);
        if (!k->blank[a])
            *out = *walk;
    }
}

static qlab_state_asset blank_record(void)
{
    qlab_state_asset none;
    memset(&none, 0, sizeof none);
    none.last_close = NAN;
    none.sum.first_date = none.sum.entry_date = none.sum.exit_date = QLAB_DATE_NONE;
    return none;
}

/* Facts after the border may change how earlier ones are taken: such an asset is done again. */
static void check_resolved(bucket *k, qlab_walk *w, const qlab_bars *bars)
{
    qlab_state_at walk = {0}, st;
    const qlab_state_asset none = blank_record();
    for (size_t a = 0; a < k->n_assets; a++) {
        const uint32_t ix = k->first_ix + (uint32_t)a;
        place(k, a, &none, &walk, &st);
        if (k->redo[a] || !st.asset->has_valid || k->b->fact_first[ix] == k->b->fact_first[ix + 1])
            continue;
        qlab_digest d = qlab_walk_resolved(w, bars, a, &st);
        k->redo[a] = qlab_digest_cmp(&d, &st.asset->resolved) != 0;
        k->n_redo += k->redo[a];
    }
}

static qlab_code save(const bucket *k, const qlab_state *next, qlab_err *err)
{
    qlab_buf bytes = QLAB_BUF_INIT;
    char *name = qlab_state_name(k->b, k->number);
    qlab_state_encode(next, &bytes);
    qlab_code code = qlab_state_write(k->b, name, &bytes, err);
    qlab_buf_free(&bytes);
    qlab_free(name);
    return code;
}

/* All assets from their whole history. */
static qlab_code walk_whole(bucket *k, qlab_walk *w, qlab_err *err)
{
    qlab_bars bars = {0};
    qlab_state next = {0};
    qlab_code code =
        qlab_lake_read_bars(k->b->view, k->conn, k->number, QLAB_DATE_NONE, k->asof, 0, &bars, err);
    w->out->n_bars_read += bars.n_rows;
    w->next = &next;
    for (size_t a = 0; code == QLAB_OK && a < bars.n_assets; a++)
        qlab_walk_asset(w, &bars, a, NULL, &k->keys[a]);
    qlab_bars_free(&bars);
    if (code == QLAB_OK)
        code = save(k, &next, err);
    qlab_state_free(&next);
    return code;
}

/* From the state and the bars after the border; assets to be done again from all their bars. */
static qlab_code walk_rest(bucket *k, qlab_walk *w, qlab_err *err)
{
    qlab_bars rest = {0}, whole = {0};
    qlab_state next = {0};
    qlab_state_at walk = {0}, st;
    const qlab_state_asset none = blank_record();
    qlab_code code =
        qlab_lake_read_bars(k->b->view, k->conn, k->number, k->b->border, k->asof, 0, &rest, err);
    if (code == QLAB_OK)
        check_resolved(k, w, &rest);
    if (code == QLAB_OK && k->n_redo > 0)
        code = qlab_lake_read_bars_of(k->b->view, k->conn, k->number, k->redo, QLAB_DATE_NONE,
                                      k->asof, 0, &whole, err);
    w->out->n_bars_read += rest.n_rows + whole.n_rows;
    w->next = k->n_redo > 0 ? &next : NULL;
    for (size_t a = 0; code == QLAB_OK && a < k->n_assets; a++) {
        qlab_state_asset fresh = none;
        fresh.key = k->keys[a];
        place(k, a, &fresh, &walk, &st);
        qlab_walk_asset(w, k->redo[a] ? &whole : &rest, a, k->redo[a] ? NULL : &st, &k->keys[a]);
    }
    qlab_bars_free(&rest);
    qlab_bars_free(&whole);
    if (code == QLAB_OK && k->n_redo > 0)
        code = save(k, &next, err);
    qlab_state_free(&next);
    return code;
}

qlab_code qlab_build_bucket(const qlab_build *b, size_t number, int32_t asof, qlab_conn *conn,
                            qlab_found *out, qlab_err *err)
{
    bucket k = {.b = b,
                .number = (uint32_t)number,
                .first_ix = (uint32_t)number * QLAB_LAKE_BUCKET_ASSETS,
                .asof = asof,
                .conn = conn};
    const size_t left = b->view->n_assets - k.first_ix;
    k.n_assets = left < QLAB_LAKE_BUCKET_ASSETS ? left : QLAB_LAKE_BUCKET_ASSETS;
    k.keys = qlab_alloc(k.n_assets, sizeof *k.keys);
    k.blank = qlab_alloc_zero(k.n_assets, sizeof *k.blank);
    k.redo = qlab_alloc_zero(k.n_assets, 1);
    qlab_code code = make_keys(&k, err);
    if (code == QLAB_OK)
        code = read_state(&k, err);
    if (code == QLAB_OK) {
        qlab_walk w;
        qlab_walk_begin(&w, b, asof, out);
        choose_redo(&k);
        if (!k.found || k.n_redo * WHOLE_ABOVE_ONE_IN > k.n_assets)
            code = walk_whole(&k, &w, err);
        else
            code = walk_rest(&k, &w, err);
        qlab_walk_end(&w);
    }
    qlab_state_free(&k.old);
    qlab_free(k.keys);
    qlab_free(k.blank);
    qlab_free(k.redo);
    return code;
}
