/* The registry, the packs that must be refused, and the feed of delistings. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "synth/vendor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void qlab_synth_put_asset(qlab_buf *out, const qlab_synth_known *k, const char *name,
                          const char *pack, const char *sha256)
{
    const qlab_synth_asset *a = &k->asset;
    const int32_t last = k->lives[1].n_bars ? k->lives[1].last_date : k->lives[0].last_date;
    char date[QLAB_DATE_BYTES] = "";
    if (k->n_bars > 0)
        qlab_date_format(last, date);
    qlab_buf_putf(out,
                  "{\"canonical_id\":\"%s\",\"type_norm\":\"%s\",\"symbol\":\"%s\","
                  "\"exchange\":\"%s\",\"mic\":\"%s\",\"name\":\"%s %s\",\"currency\":\"%s\","
                  "\"country\":\"%s\",\"provider_symbol\":\"%s.%s\",",
                  a->id, a->type_norm, a->symbol, a->exchange, a->mic, name, a->symbol, a->currency,
                  a->country, a->symbol, a->exchange);
    if (date[0])
        qlab_buf_putf(out, "\"last_trade_date\":\"%s\",", date);
    qlab_buf_putf(out,
                  "\"bars_count\":%llu,\"pointers\":{\"history_pack\":\"%s\","
                  "\"pack_sha256\":\"sha256:%s\"},\"meta\":{\"sector\":\"%s\"}}\n",
                  (unsigned long long)k->n_bars, pack, sha256, a->sector_name);
}

static const char NO_SHA[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* An asset that exists only to point at something that must be refused. */
static void put_refused(qlab_buf *out, const char *symbol, const char *pack, const char *sha256,
                        const char *reason, qlab_synth_dirt_log *log)
{
    qlab_synth_known k = {.asset = {.type_norm = "STOCK",
                                    .exchange = "US",
                                    .mic = "XNAS",
                                    .currency = "USD",
                                    .country = "USA",
                                    .sector_name = ""}};
    snprintf(k.asset.symbol, sizeof k.asset.symbol, "%s", symbol);
    snprintf(k.asset.id, sizeof k.asset.id, "US:%s", symbol);
    qlab_synth_put_asset(out, &k, "Refused", pack, sha256);
    qlab_synth_dirt_note(log, pack, 0, k.asset.id, "", reason, 0);
}

static qlab_code put_bytes(const char *out, const char *path, const void *bytes, size_t n,
                           char sha256[QLAB_HEX_BYTES], qlab_err *err)
{
    char *where = qlab_path_join(out, path);
    qlab_hex(qlab_sha256_of(bytes, n), sha256);
    const qlab_code code = qlab_file_write(where, bytes, n, err);
    qlab_free(where);
    return code;
}

/* One pack of each kind that a reader must refuse, with bars that nobody may see. */
static qlab_code put_bad_packs(qlab_synth_vendor_plan *plan, qlab_buf *registry,
                               qlab_synth_dirt_log *log, qlab_err *err)
{
    static const char TRUNCATED[] = "history/US/ZZ/truncated.ndjson.gz";
    static const char GARBAGE[] = "history/US/ZZ/garbage.ndjson.gz";
    static const char CHANGED[] = "history/US/ZZ/changed.ndjson.gz";
    static const char MISSING[] = "history/US/ZZ/missing.ndjson.gz";
    static const char OUTSIDE[] = "../outside/pack.ndjson.gz";
    char sha[QLAB_HEX_BYTES];
    qlab_buf text = QLAB_BUF_INIT, gz = QLAB_BUF_INIT;
    char *folder = qlab_path_join(plan->out, "history/US/ZZ");
    qlab_code code = qlab_dir_make(folder, err);
    qlab_free(folder);
    static const char *const SYMBOLS[] = {"ZZTRUNCATED", "ZZGARBAGE", "ZZCHANGED"};
    for (size_t k = 0; k < 3; k++)
        qlab_buf_putf(&text,
                      "{\"canonical_id\":\"US:%s\",\"bars\":[{\"date\":\"2019-02-08\",\"open\":1,"
                      "\"high\":1,\"low\":1,\"close\":1,\"volume\":1,\"adjusted_close\":1}]}\n",
                      SYMBOLS[k]);
    if (code == QLAB_OK)
        code = qlab_synth_put_gzip(plan->out, CHANGED, &text, NULL, NULL, err);
    char *changed = qlab_path_join(plan->out, CHANGED);
    if (code == QLAB_OK)
        code = qlab_file_read(changed, &gz, err);
    qlab_free(changed);
    if (code != QLAB_OK)
        goto done;
    put_refused(registry, "ZZCHANGED", CHANGED, NO_SHA, "PACK_HASH_MISMATCH", log);
    code = put_bytes(plan->out, TRUNCATED, gz.at, gz.n / 2, sha, err);
    if (code != QLAB_OK)
        goto done;
    put_refused(registry, "ZZTRUNCATED", TRUNCATED, sha, "PACK_TRUNCATED", log);
    gz.at[gz.n - 6] = (char)(gz.at[gz.n - 6] ^ 0x55); /* inside the checksum */
    code = put_bytes(plan->out, GARBAGE, gz.at, gz.n, sha, err);
    if (code != QLAB_OK)
        goto done;
    put_refused(registry, "ZZGARBAGE", GARBAGE, sha, "PACK_BAD_GZIP", log);
    put_refused(registry, "ZZMISSING", MISSING, NO_SHA, "PACK_MISSING", log);
    put_refused(registry, "ZZOUTSIDE", OUTSIDE, NO_SHA, "PATH_ESCAPES_ROOT", log);
done:
    qlab_buf_free(&text);
    qlab_buf_free(&gz);
    return code;
}

void qlab_synth_put_delisting(qlab_buf *out, const qlab_synth_known *k)
{
    char date[QLAB_DATE_BYTES];
    qlab_buf_putf(out, "{\"asset_id\":\"%s\",\"delist_date\":\"%s\",\"delist_code\":\"%s\",",
                  k->asset.id, qlab_date_format(k->lives[0].last_date, date), k->asset.delist_code);
    if (isnan(k->asset.delist_return))
        qlab_buf_puts(out, "\"delist_return\":null,");
    else
        qlab_buf_putf(out, "\"delist_return\":%.3f,", k->asset.delist_return);
    qlab_buf_puts(out, k->asset.is_feed_silent ? "\"source\":\"synth, never reported\"}\n"
                                               : "\"source\":\"synth\"}\n");
}

static qlab_code put_delistings_feed(const qlab_synth_vendor_plan *plan, qlab_err *err)
{
    qlab_buf text = QLAB_BUF_INIT;
    for (uint32_t i = 0; i < plan->n_assets; i++) {
        const qlab_synth_known *k = &plan->assets[plan->by_id[i]];
        if (k->asset.is_delisted && !k->asset.is_feed_silent && k->lives[0].n_bars > 0)
            qlab_synth_put_delisting(&text, k);
    }
    const qlab_code code =
        qlab_synth_put_gzip(plan->out, "delistings.ndjson.gz", &text, NULL, NULL, err);
    qlab_buf_free(&text);
    return code;
}

/* Beside the packs as a reference file: registries say no sectors that `snapshot build` reads. */
qlab_code qlab_synth_put_sectors(const qlab_synth_vendor_plan *plan, qlab_err *err)
{
    qlab_buf text = QLAB_BUF_INIT;
    qlab_buf_puts(&text, "asset_id,sector\n");
    for (uint32_t i = 0; i < plan->n_assets; i++) {
        const qlab_synth_asset *a = &plan->assets[plan->by_id[i]].asset;
        if (a->sector_name[0] != '\0')
            qlab_buf_putf(&text, "%s,%s\n", a->id, a->sector_name);
    }
    char *path = qlab_path_join(plan->out, "sectors.csv");
    const qlab_code code = qlab_file_write(path, text.at, text.n, err);
    qlab_free(path);
    qlab_buf_free(&text);
    return code;
}

/* The first stock by id; the first asset where there is none. */
static const qlab_synth_known *first_stock(const qlab_synth_vendor_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_assets; i++)
        if (strcmp(plan->assets[plan->by_id[i]].asset.type_norm, "STOCK") == 0)
            return &plan->assets[plan->by_id[i]];
    return &plan->assets[plan->by_id[0]];
}

qlab_code qlab_synth_put_registry(qlab_synth_vendor_plan *plan, qlab_synth_dirt_log *log,
                                  qlab_err *err)
{
    static const char REGISTRY[] = "registry/registry.ndjson.gz";
    const qlab_synth_params *params = &plan->market->params;
    qlab_buf text = QLAB_BUF_INIT;
    char *folder = qlab_path_join(plan->out, "registry");
    qlab_code code = qlab_dir_make(folder, err);
    qlab_free(folder);
    if (code == QLAB_OK && params->dirt) {
        const qlab_synth_known *k = first_stock(plan);
        const qlab_synth_pack *p = &plan->packs[k->pack];
        qlab_buf_puts(&text, "{\"canonical_id\":\"US:NOLINE\",\n");
        qlab_synth_dirt_note(log, REGISTRY, 1, "", "", "REGISTRY_BAD_LINE", 0);
        /* Said twice: this one, with an old name, must give way to the later line. */
        qlab_synth_put_asset(&text, k, "Formerly", p->path, p->sha256);
        qlab_synth_dirt_note(log, REGISTRY, 2, k->asset.id, "", "REGISTRY_DUPLICATE", 0);
        code = put_bad_packs(plan, &text, log, err);
    }
    for (uint32_t i = 0; code == QLAB_OK && i < params->n_assets; i++) {
        const qlab_synth_known *k =
            &plan->assets[params->order_seed ? plan->order[i] : plan->by_id[i]];
        const qlab_synth_pack *p = &plan->packs[k->pack];
        qlab_synth_put_asset(&text, k, "Synthetic", p->path, p->sha256);
    }
    if (code == QLAB_OK)
        code = qlab_synth_put_gzip(plan->out, REGISTRY, &text, NULL, NULL, err);
    if (code == QLAB_OK)
        code = put_delistings_feed(plan, err);
    if (code == QLAB_OK)
        code = qlab_synth_put_sectors(plan, err);
    qlab_buf_free(&text);
    return code;
}
