/* What lies beside today's packs: registry, feeds of actions and delistings, touch report. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "synth/day_int.h"
#include "synth/draw.h"

#include <string.h>

static qlab_code put_registry(const qlab_synth_day_job *j, qlab_err *err)
{
    const qlab_synth_vendor_plan *plan = j->plan;
    qlab_buf text = QLAB_BUF_INIT;
    for (uint32_t i = 0; i < plan->n_assets; i++) {
        const qlab_synth_known *k = &plan->assets[plan->by_id[i]];
        const qlab_synth_pack *p = &plan->packs[k->pack];
        if (qlab_synth_in_registry(j->schedule, plan->by_id[i], j->day))
            qlab_synth_put_asset(&text, k, "Synthetic", p->path, p->sha256);
    }
    const qlab_code code =
        qlab_synth_put_gzip(j->out, "registry/registry.ndjson.gz", &text, NULL, NULL, err);
    qlab_buf_free(&text);
    return code;
}

/* Some actions are reported a day or two after their ex-date. */
static bool is_reported(const qlab_synth_day_job *j, const qlab_synth_known *k,
                        const qlab_synth_fact *f)
{
    const qlab_synth_schedule *s = j->schedule;
    if (f->ex_date <= qlab_synth_day_date(s, 0))
        return true;
    uint32_t day = 1;
    while (qlab_synth_day_date(s, day) < f->ex_date)
        day++;
    const uint64_t bits = qlab_synth_u64(j->params.seed, k->asset.number, QLAB_SYNTH_S_EVENT,
                                         UINT64_C(0x20000000) + day);
    static const uint32_t AFTER[] = {0, 0, 0, 1, 2};
    return day + AFTER[bits % 5] <= j->day;
}

static qlab_code put_actions(const qlab_synth_day_job *j, qlab_err *err)
{
    const qlab_synth_vendor_plan *plan = j->plan;
    qlab_buf text = QLAB_BUF_INIT;
    for (uint32_t i = 0; i < plan->n_assets; i++) {
        const uint32_t asset = plan->by_id[i];
        const qlab_synth_known *k = &plan->assets[asset];
        for (size_t e = 0; e < k->n_facts && j->schedule->fates[asset].born <= j->day; e++)
            if (is_reported(j, k, &k->facts[e]))
                qlab_synth_put_action(&text, &k->asset, &k->facts[e]);
    }
    const qlab_code code = qlab_synth_put_gzip(j->out, "actions.ndjson.gz", &text, NULL, NULL, err);
    qlab_buf_free(&text);
    return code;
}

static qlab_code put_delistings(const qlab_synth_day_job *j, qlab_err *err)
{
    const qlab_synth_vendor_plan *plan = j->plan;
    qlab_buf text = QLAB_BUF_INIT;
    char date[QLAB_DATE_BYTES];
    for (uint32_t i = 0; i < plan->n_assets; i++) {
        const uint32_t asset = plan->by_id[i];
        const qlab_synth_known *k = &plan->assets[asset];
        if (k->asset.is_delisted && !k->asset.is_feed_silent && k->lives[0].n_bars > 0 &&
            j->schedule->fates[asset].fed <= j->day)
            qlab_synth_put_delisting(&text, k);
    }
    for (size_t e = 0; e < j->schedule->n_events; e++) {
        const qlab_synth_happening *h = &j->schedule->events[e];
        if (h->kind == QLAB_SYNTH_K_RENAME)
            qlab_buf_putf(&text,
                          "{\"asset_id\":\"%s\",\"delist_date\":\"%s\",\"delist_code\":"
                          "\"symbol_change\",\"delist_return\":null,\"source\":\"synth\"}\n",
                          h->was,
                          qlab_date_format(qlab_synth_day_date(j->schedule, h->day - 1), date));
    }
    const qlab_code code =
        qlab_synth_put_gzip(j->out, "delistings.ndjson.gz", &text, NULL, NULL, err);
    qlab_buf_free(&text);
    return code;
}

/* ---- touch report ---------------------------------------------------------------------------- */

static json_t *pack_json(const qlab_synth_pack *p, const qlab_synth_day_pack *d)
{
    json_t *files = json_array();
    if (d->sidecar[0])
        json_array_append_new(files, json_string(d->sidecar));
    return json_pack("{s:s,s:o,s:I,s:o}", "history_pack", p->path, "pack_sha256",
                     json_sprintf("sha256:%s", p->sha256), "touched_assets",
                     (json_int_t)d->n_assets, "delta_files", files);
}

/* One day in five it leaves out the first pack that was touched and names one that was not. */
static qlab_code put_touch_report(const qlab_synth_day_job *j, qlab_err *err)
{
    const qlab_synth_vendor_plan *plan = j->plan;
    json_t *packs = json_array(), *entries = json_array();
    bool leaves_out = qlab_synth_day_draw(j->market, j->day, UINT64_C(0x30000000)) % 5 == 0;
    bool invents = leaves_out;
    size_t left_out = SIZE_MAX;
    for (size_t i = 0; i < plan->n_packs; i++) {
        const qlab_synth_day_pack *d = &j->packs[i];
        const bool skips = leaves_out && d->is_touched, adds = invents && !d->is_touched;
        if (skips) {
            leaves_out = false;
            left_out = i;
        }
        if (adds)
            invents = false;
        if ((d->is_touched && !skips) || adds)
            json_array_append_new(packs, pack_json(&plan->packs[i], d));
        j->result->is_report_wrong = j->result->is_report_wrong || skips || adds;
    }
    for (uint32_t i = 0; i < plan->n_assets; i++) {
        const qlab_synth_known *k = &plan->assets[plan->by_id[i]];
        if (j->is_touched[plan->by_id[i]] && k->pack != left_out)
            json_array_append_new(entries, json_pack("{s:s,s:s}", "canonical_id", k->asset.id,
                                                     "history_pack", plan->packs[k->pack].path));
    }
    json_t *doc = json_pack(
        "{s:s,s:s,s:I,s:I,s:o,s:o}", "schema", "rv_v7_history_touch_report_v1", "day",
        j->result->date, "packs_count", (json_int_t)json_array_size(packs), "entries_count",
        (json_int_t)json_array_size(entries), "packs", packs, "entries", entries);
    char *where = qlab_path_join(j->out, "reports/history_touch_report.json");
    qlab_code code = qlab_synth_make_above(j->out, "reports/history_touch_report.json", err);
    if (code == QLAB_OK)
        code = qlab_json_write(where, doc, err);
    qlab_free(where);
    json_decref(doc);
    return code;
}

qlab_code qlab_synth_day_feeds(qlab_synth_day_job *j, qlab_err *err)
{
    qlab_code code = put_registry(j, err);
    if (code == QLAB_OK)
        code = put_actions(j, err);
    if (code == QLAB_OK)
        code = put_delistings(j, err);
    if (code == QLAB_OK)
        code = qlab_synth_put_sectors(j->plan, err);
    if (code == QLAB_OK)
        code = put_touch_report(j, err);
    return code;
}
