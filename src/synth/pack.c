#include "base/alloc.h"
#include "base/file.h"
#include "synth/draw.h"
#include "synth/recipe.h"
#include "synth/vendor.h"

#include <libdeflate.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PACK_ASSETS = 2000,
    GZIP_LEVEL = 5,
    FILLER_MIB = 257 /* a line of this many MiB is longer than the format allows */
};

/* ---- which asset goes where ---------------------------------------------------------------- */

typedef struct sort_key {
    char text[48];
    uint32_t number;
    char bucket;
} sort_key;

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const sort_key *)a)->text, ((const sort_key *)b)->text);
}

static uint64_t order_draw(const qlab_synth_market *m, uint64_t number, uint64_t draw)
{
    return qlab_synth_u64(m->params.order_seed, number, QLAB_SYNTH_S_ORDER, draw);
}

static size_t bars_expected(const qlab_synth_market *m, const qlab_synth_asset *a)
{
    return (a->reuse_day ? m->n_days : a->end_day) - a->list_day;
}

/* The packs that are written are spread over all exchanges and letters. */
static bool is_recipe(const qlab_synth_vendor_plan *plan)
{
    const double share = plan->market->params.recipe_share;
    const double n = (double)plan->n_packs;
    return floor((n + 1.0) * share) > floor(n * share);
}

static void name_pack(qlab_synth_vendor_plan *plan, qlab_synth_pack *p, const char *exchange,
                      char bucket, size_t number)
{
    p->is_recipe = is_recipe(plan);
    const char *const end = p->is_recipe ? QLAB_SYNTH_RECIPE_END : ".ndjson.gz";
    if (plan->market->params.order_seed == 0)
        snprintf(p->path, sizeof p->path, "history/%s/%c/pack_%04zu%s", exchange, bucket, number,
                 end);
    else
        snprintf(p->path, sizeof p->path, "history/%s/%c/pack_%08x%s", exchange, bucket,
                 (unsigned)(order_draw(plan->market, plan->n_packs, 2) >> 32), end);
}

/* Cuts the sorted assets into packs, one folder an exchange and bucket. */
static void cut_packs(qlab_synth_vendor_plan *plan, const sort_key *keys)
{
    const uint32_t n = plan->market->params.n_assets;
    size_t cap = 0, in_bucket = 0, bars = 0;
    for (uint32_t i = 0; i < n; i++) {
        qlab_synth_known *k = &plan->assets[keys[i].number];
        const qlab_synth_known *before = i > 0 ? &plan->assets[keys[i - 1].number] : NULL;
        const bool is_new = !before || keys[i].bucket != keys[i - 1].bucket ||
                            strcmp(before->asset.exchange, k->asset.exchange) != 0;
        const size_t expected = bars_expected(plan->market, &k->asset);
        qlab_synth_pack *last = plan->n_packs > 0 ? &plan->packs[plan->n_packs - 1] : NULL;
        if (is_new || last->n >= PACK_ASSETS || bars + expected > QLAB_SYNTH_PACK_BARS) {
            void *at = plan->packs;
            qlab_grow(&at, &cap, plan->n_packs + 1, sizeof *plan->packs);
            plan->packs = at;
            last = &plan->packs[plan->n_packs];
            *last = (qlab_synth_pack){.first = i};
            in_bucket = is_new ? 1 : in_bucket + 1;
            name_pack(plan, last, k->asset.exchange, keys[i].bucket, in_bucket);
            plan->n_packs++;
            bars = 0;
        }
        k->pack = plan->n_packs - 1;
        plan->order[i] = keys[i].number;
        last->n++;
        bars += expected;
        plan->n_bars_expected += expected;
    }
}

qlab_synth_vendor_plan *qlab_synth_plan_make(const qlab_synth_market *m, const char *out)
{
    const uint32_t n = m->params.n_assets;
    qlab_synth_vendor_plan *plan = qlab_alloc_zero(1, sizeof *plan);
    sort_key *keys = qlab_alloc(n, sizeof *keys);
    plan->market = m;
    plan->n_assets = n;
    plan->out = out;
    plan->assets = qlab_alloc_zero(n, sizeof *plan->assets);
    plan->order = qlab_alloc(n, sizeof *plan->order);
    plan->by_id = qlab_alloc(n, sizeof *plan->by_id);
    for (uint32_t i = 0; i < n; i++) {
        qlab_synth_asset_make(m, i, &plan->assets[i].asset);
        keys[i].number = i;
        snprintf(keys[i].text, sizeof keys[i].text, "%s", plan->assets[i].asset.id);
    }
    qsort(keys, n, sizeof *keys, compare_keys);
    for (uint32_t i = 0; i < n; i++)
        plan->by_id[i] = keys[i].number;
    for (uint32_t i = 0; i < n; i++) {
        const qlab_synth_asset *a = &plan->assets[keys[i].number].asset;
        if (m->params.order_seed == 0) {
            keys[i].bucket = a->symbol[0];
            continue;
        }
        const uint64_t draw = order_draw(m, a->number, 0);
        keys[i].bucket = (char)('A' + draw % 26);
        snprintf(keys[i].text, sizeof keys[i].text, "%s:%c:%016llx", a->exchange, keys[i].bucket,
                 (unsigned long long)order_draw(m, a->number, 1));
    }
    qsort(keys, n, sizeof *keys, compare_keys);
    cut_packs(plan, keys);
    qlab_free(keys);
    return plan;
}

void qlab_synth_plan_free(qlab_synth_vendor_plan *plan)
{
    if (!plan)
        return;
    for (uint32_t i = 0; i < plan->n_assets; i++)
        qlab_free(plan->assets[i].facts);
    for (size_t i = 0; i < plan->n_packs; i++)
        qlab_buf_free(&plan->packs[i].dirt.text);
    qlab_free(plan->assets);
    qlab_free(plan->order);
    qlab_free(plan->by_id);
    qlab_free(plan->packs);
    qlab_free(plan);
}

/* ---- gzip ------------------------------------------------------------------------------------ */

static void put_member(struct libdeflate_compressor *c, const char *bytes, size_t n, qlab_buf *out)
{
    const size_t bound = libdeflate_gzip_compress_bound(c, n);
    qlab_buf_reserve(out, bound);
    out->n += libdeflate_gzip_compress(c, bytes, n, out->at + out->n, bound);
}

static struct libdeflate_compressor *new_compressor(void)
{
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(GZIP_LEVEL);
    return c ? c : (qlab_alloc(SIZE_MAX, 1), NULL); /* out of memory: base's one way to end */
}

qlab_code qlab_synth_put_gzip(const char *out, const char *path, const qlab_buf *text,
                              char sha256[QLAB_HEX_BYTES], uint64_t *n_bytes, qlab_err *err)
{
    struct libdeflate_compressor *c = new_compressor();
    qlab_buf gz = QLAB_BUF_INIT;
    char *where = qlab_path_join(out, path);
    put_member(c, text->n ? text->at : "", text->n, &gz);
    if (sha256)
        qlab_hex(qlab_sha256_of(gz.at, gz.n), sha256);
    if (n_bytes)
        *n_bytes = gz.n;
    const qlab_code code = qlab_file_write(where, gz.at, gz.n, err);
    qlab_free(where);
    qlab_buf_free(&gz);
    libdeflate_free_compressor(c);
    return code;
}

/* ---- one pack -------------------------------------------------------------------------------- */

struct qlab_synth_worker {
    qlab_synth_series series;
    qlab_buf text, gz;
    struct libdeflate_compressor *compressor;
};

qlab_synth_worker *qlab_synth_worker_new(void)
{
    qlab_synth_worker *w = qlab_alloc_zero(1, sizeof *w);
    w->compressor = new_compressor();
    return w;
}

void qlab_synth_worker_free(qlab_synth_worker *w)
{
    if (!w)
        return;
    qlab_synth_series_free(&w->series);
    qlab_buf_free(&w->text);
    qlab_buf_free(&w->gz);
    libdeflate_free_compressor(w->compressor);
    qlab_free(w);
}

void qlab_synth_know_bars(qlab_synth_known *k, const qlab_synth_bar *bars, size_t n)
{
    k->n_bars = n;
    for (size_t i = 0; i < n; i++) {
        const qlab_synth_bar *bar = &bars[i];
        k->n_void += bar->is_void;
        k->n_phantom += bar->is_phantom;
        if (bar->is_void || bar->is_phantom)
            continue;
        qlab_synth_life *life = &k->lives[bar->life - 1];
        if (life->n_bars++ == 0)
            life->first_date = bar->date;
        life->last_date = bar->date;
    }
}

void qlab_synth_know_facts(qlab_synth_known *k, const qlab_synth_series *s)
{
    k->n_facts = s->n_events;
    k->facts = qlab_alloc(s->n_events, sizeof *k->facts);
    for (size_t e = 0; e < s->n_events; e++)
        k->facts[e] = (qlab_synth_fact){.ex_date = s->bars[s->events[e].bar].date,
                                        .split = s->events[e].split,
                                        .dividend = s->events[e].dividend};
}

/* Lines that no market wrote, each at the end of a pack of its own where there are packs enough. */
typedef enum bad_line {
    LINE_BAD_JSON,
    LINE_NOT_UTF8,
    LINE_UNKNOWN_ASSET,
    LINE_OUTSIDE_POINTER,
    LINE_TOO_LONG,
    BAD_LINES
} bad_line;

static const char *const LINE_REASONS[BAD_LINES] = {"BAD_JSON", "NOT_UTF8", "UNKNOWN_ASSET",
                                                    "OUTSIDE_POINTER", "TOO_LONG"};

/* The first pack that a reader of stocks opens and that line `k` falls into. */
static bool pack_has_line(const qlab_synth_vendor_plan *plan, size_t pack, bad_line k)
{
    size_t n_stock = 0, rank = 0;
    for (size_t i = 0; i < plan->n_packs; i++) {
        const bool is_stock = strncmp(plan->packs[i].path, "history/US/", 11) == 0;
        if (i == pack && !is_stock)
            return false;
        if (i < pack)
            rank += is_stock;
        n_stock += is_stock;
    }
    return n_stock > 0 && rank == (size_t)k % n_stock;
}

static void put_bad_line(qlab_synth_vendor_plan *plan, qlab_synth_pack *p, size_t pack, bad_line k,
                         uint64_t line, qlab_buf *text)
{
    static const char BARS[] = "\"bars\":[{\"date\":\"2019-02-08\",\"open\":1,\"high\":1,\"low\":1,"
                               "\"close\":1,\"volume\":1,\"adjusted_close\":1},{\"date\":"
                               "\"2019-02-11\",\"open\":1,\"high\":1,\"low\":1,\"close\":1,"
                               "\"volume\":1,\"adjusted_close\":1}]}\n";
    const char *id = "";
    uint64_t n_rows = 1;
    if (k == LINE_BAD_JSON) {
        qlab_buf_puts(text, "{\"canonical_id\":\"US:BROKEN\",\"bars\":[{\"date\":\"2019-02-0\n");
    } else if (k == LINE_NOT_UTF8) {
        qlab_buf_puts(text, "{\"canonical_id\":\"US:L\xe9ON\",");
        qlab_buf_puts(text, BARS);
    } else if (k == LINE_UNKNOWN_ASSET) {
        id = "US:NOBODY";
        n_rows = 2;
        qlab_buf_putf(text, "{\"canonical_id\":\"%s\",%s", id, BARS);
    } else if (k == LINE_OUTSIDE_POINTER) {
        /* The first stock of some other pack: the registry says that it is not to be read here. */
        for (uint32_t i = 0; i < plan->n_assets && !*id; i++)
            if (plan->assets[i].pack != pack &&
                strcmp(plan->assets[i].asset.type_norm, "STOCK") == 0)
                id = plan->assets[i].asset.id;
        if (!*id)
            return;
        n_rows = 2;
        qlab_buf_putf(text, "{\"canonical_id\":\"%s\",%s", id, BARS);
    }
    qlab_synth_dirt_note(&p->dirt, p->path, line, id, "", LINE_REASONS[k], n_rows);
}

/* A line of spaces, too long for any reader's patience, as cheap gzip members. */
static void put_too_long(struct libdeflate_compressor *c, qlab_buf *gz)
{
    const size_t mib = (size_t)1 << 20;
    char *filler = qlab_alloc(mib, 1);
    qlab_buf member = QLAB_BUF_INIT;
    memset(filler, ' ', mib);
    put_member(c, filler, mib, &member);
    for (int i = 0; i < FILLER_MIB; i++)
        qlab_buf_put(gz, member.at, member.n);
    put_member(c, "{}\n", 3, gz);
    qlab_buf_free(&member);
    qlab_free(filler);
}

/* The text with Windows line ends. */
static void put_crlf(qlab_buf *out, const qlab_buf *text)
{
    for (size_t i = 0, start = 0; i < text->n; i++) {
        if (text->at[i] != '\n')
            continue;
        qlab_buf_put(out, text->at + start, i - start);
        qlab_buf_put(out, "\r\n", 2);
        start = i + 1;
    }
}

/* Every fourth pack is unusual in one harmless way: line ends, byte-order mark, gzip members. */
static void compress_pack(const qlab_synth_vendor_plan *plan, size_t pack, qlab_synth_worker *w)
{
    const unsigned odd = plan->market->params.dirt ? (unsigned)(pack % 12) : 0;
    w->gz.n = 0;
    if (odd == 4) {
        qlab_buf turned = QLAB_BUF_INIT;
        put_crlf(&turned, &w->text);
        put_member(w->compressor, turned.at, turned.n, &w->gz);
        qlab_buf_free(&turned);
    } else if (odd == 7) {
        put_member(w->compressor, "\xef\xbb\xbf", 3, &w->gz);
        put_member(w->compressor, w->text.at, w->text.n, &w->gz);
    } else if (odd == 11) {
        const size_t half = w->text.n / 2; /* in the midst of a line */
        put_member(w->compressor, w->text.at, half, &w->gz);
        put_member(w->compressor, w->text.at + half, w->text.n - half, &w->gz);
    } else {
        put_member(w->compressor, w->text.at, w->text.n, &w->gz);
    }
    if (plan->market->params.dirt && pack_has_line(plan, pack, LINE_TOO_LONG))
        put_too_long(w->compressor, &w->gz);
}

qlab_code qlab_synth_pack_make(qlab_synth_vendor_plan *plan, size_t pack, qlab_synth_worker *w,
                               qlab_err *err)
{
    qlab_synth_pack *p = &plan->packs[pack];
    w->text.n = 0;
    for (size_t i = 0; i < p->n; i++) {
        qlab_synth_known *k = &plan->assets[plan->order[p->first + i]];
        qlab_synth_series_make(plan->market, &k->asset, &w->series);
        qlab_synth_know_bars(k, w->series.bars, w->series.n_bars);
        qlab_synth_know_facts(k, &w->series);
        if (p->is_recipe)
            continue;
        qlab_synth_put_line(&w->text, plan->market, &k->asset, &w->series, p->path, i + 1,
                            &p->dirt);
        qlab_buf_put(&w->text, "\n", 1);
    }
    if (plan->market->params.dirt) {
        uint64_t line = p->n + 1;
        for (unsigned k = 0; k < BAD_LINES; k++)
            if (pack_has_line(plan, pack, (bad_line)k))
                put_bad_line(plan, p, pack, (bad_line)k, line++, &w->text);
    }
    if (p->is_recipe) {
        w->gz.n = 0;
        qlab_synth_put_recipe(plan, pack, &w->gz);
    } else {
        compress_pack(plan, pack, w);
    }
    qlab_hex(qlab_sha256_of(w->gz.at, w->gz.n), p->sha256);
    p->n_bytes = w->gz.n;
    char *where = qlab_path_join(plan->out, p->path);
    char *slash = strrchr(where, '/');
    *slash = '\0';
    qlab_code code = qlab_dir_make(where, err);
    *slash = '/';
    if (code == QLAB_OK)
        code = qlab_file_write(where, w->gz.at, w->gz.n, err);
    qlab_free(where);
    return code;
}
