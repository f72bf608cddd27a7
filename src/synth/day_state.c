/* What truth/ remembers between two days: parameters, odd things a day, hashes of packs. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "synth/day_int.h"

#include <stdlib.h>
#include <string.h>

static const char *const MODES[QLAB_SYNTH_DAY_MODES] = {"mixed", "packs", "sidecar"};

const char *qlab_synth_day_mode_name(qlab_synth_day_mode mode)
{
    return MODES[mode];
}

static qlab_code recall_params(qlab_synth_day_job *j, qlab_err *err)
{
    char *where = qlab_path_join(j->out, "truth/manifest.json");
    json_t *doc = NULL, *params = NULL;
    qlab_code code = QLAB_OK;
    if (!qlab_file_exists(where))
        code = qlab_fail(err, QLAB_E_USAGE,
                         "%s held no whole synthetic market (no truth/manifest.json): make one "
                         "with `quantlab synth`",
                         j->out);
    if (code == QLAB_OK)
        code = qlab_json_load(where, &doc, err);
    if (code == QLAB_OK)
        code = qlab_json_get_object(doc, where, "params", &params, err);
    if (code == QLAB_OK)
        code = qlab_synth_params_read(params, where, &j->params, err);
    if (code == QLAB_OK && j->params.dirt)
        code = qlab_fail(err, QLAB_E_USAGE,
                         "%s was made with --dirt, which days are not laid over: make it without",
                         j->out);
    if (code == QLAB_OK && j->params.recipe_share > 0.0)
        code = qlab_fail(err, QLAB_E_USAGE,
                         "%s holds recipes, which cannot be amended: make it without them", j->out);
    json_decref(doc);
    qlab_free(where);
    return code;
}

/* The lines of truth/days.ndjson up to the last day of the manifest. */
static qlab_code recall_days(qlab_synth_day_job *j, qlab_err *err)
{
    char *where = qlab_path_join(j->out, "truth/days.ndjson");
    qlab_buf text = QLAB_BUF_INIT;
    qlab_code code = j->params.days > 0 ? qlab_file_read(where, &text, err) : QLAB_OK;
    const char *at = text.n > 0 ? text.at : "";
    j->past = qlab_alloc_zero((size_t)j->params.days + 1, sizeof *j->past);
    j->n_odd = qlab_alloc_zero((size_t)j->params.days + 1, sizeof *j->n_odd);
    for (uint32_t d = 0; code == QLAB_OK && d < j->params.days; d++) {
        const size_t n = strcspn(at, "\n");
        json_t *line = NULL;
        int64_t day = 0, n_odd = 0;
        code = qlab_json_parse(where, at, n, &line, err);
        if (code == QLAB_OK)
            code = qlab_json_get_i64(line, where, "day", &day, err);
        if (code == QLAB_OK)
            code = qlab_json_get_i64(line, where, "events_asked", &n_odd, err);
        if (code == QLAB_OK && (day != (int64_t)d + 1 || n_odd < 0 || n_odd > UINT32_MAX))
            code =
                qlab_fail(err, QLAB_E_CORRUPT, "%s:%u: day was %lld", where, d + 1, (long long)day);
        json_decref(line);
        j->n_odd[d] = (uint32_t)n_odd;
        j->past[d] = qlab_strndup(at, n);
        at += n + (at[n] == '\n');
    }
    qlab_buf_free(&text);
    qlab_free(where);
    return code;
}

qlab_code qlab_synth_day_recall(qlab_synth_day_job *j, qlab_err *err)
{
    qlab_code code = recall_params(j, err);
    if (code == QLAB_OK)
        code = recall_days(j, err);
    if (code != QLAB_OK)
        return code;
    const int64_t n_odd = j->options.n_odd >= 0     ? j->options.n_odd
                          : j->params.n_assets < 50 ? 1
                                                    : j->params.n_assets / 50;
    j->n_odd[j->params.days] = (uint32_t)n_odd;
    j->day = ++j->params.days;
    return QLAB_OK;
}

/* ---- packs ----------------------------------------------------------------------------------- */

static qlab_code hash_pack(const qlab_synth_day_job *j, qlab_synth_pack *p, qlab_err *err)
{
    char *where = qlab_path_join(j->out, p->path);
    qlab_buf bytes = QLAB_BUF_INIT;
    const qlab_code code = qlab_file_read(where, &bytes, err);
    if (code == QLAB_OK)
        qlab_hex(qlab_sha256_of(bytes.at, bytes.n), p->sha256);
    qlab_buf_free(&bytes);
    qlab_free(where);
    return code;
}

/* Lines of truth/packs.ndjson, in the plan's order. */
static qlab_code read_hashes(qlab_synth_day_job *j, const char *where, qlab_err *err)
{
    qlab_buf text = QLAB_BUF_INIT;
    qlab_code code = qlab_file_read(where, &text, err);
    const char *at = text.n > 0 ? text.at : "";
    for (size_t i = 0; code == QLAB_OK && i < j->plan->n_packs; i++) {
        const size_t n = strcspn(at, "\n");
        const char *pack = NULL, *sha = NULL;
        json_t *line = NULL;
        code = qlab_json_parse(where, at, n, &line, err);
        if (code == QLAB_OK)
            code = qlab_json_get_str(line, where, "pack", &pack, err);
        if (code == QLAB_OK)
            code = qlab_json_get_str(line, where, "sha256", &sha, err);
        if (code == QLAB_OK &&
            (strcmp(pack, j->plan->packs[i].path) != 0 || strlen(sha) != QLAB_HEX_BYTES - 1))
            code = qlab_fail(err, QLAB_E_CORRUPT, "%s:%zu: pack was %s, not %s", where, i + 1, pack,
                             j->plan->packs[i].path);
        if (code == QLAB_OK && !j->packs[i].is_whole)
            memcpy(j->plan->packs[i].sha256, sha, QLAB_HEX_BYTES);
        json_decref(line);
        at += n + (at[n] == '\n');
    }
    qlab_buf_free(&text);
    return code;
}

qlab_code qlab_synth_day_recall_packs(qlab_synth_day_job *j, qlab_err *err)
{
    char *where = qlab_path_join(j->out, "truth/packs.ndjson");
    qlab_code code = QLAB_OK;
    if (j->day > 1) {
        code = read_hashes(j, where, err);
    } else {
        for (size_t i = 0; code == QLAB_OK && i < j->plan->n_packs; i++)
            if (!j->packs[i].is_whole)
                code = hash_pack(j, &j->plan->packs[i], err);
    }
    qlab_free(where);
    return code;
}

/* ---- after today ----------------------------------------------------------------------------- */

static void put_event(qlab_buf *out, const qlab_synth_day_job *j, const qlab_synth_happening *e)
{
    static const char *const EXCHANGES[] = {"US", "LSE", "XETRA"};
    char date[QLAB_DATE_BYTES];
    qlab_buf_putf(out, "{\"day\":%u,\"date\":\"%s\",\"kind\":\"%s\"", e->day,
                  qlab_date_format(qlab_synth_day_date(j->schedule, e->day), date),
                  qlab_synth_kind_name(e->kind));
    if (e->asset != QLAB_SYNTH_NOBODY)
        qlab_buf_putf(out, ",\"asset_id\":\"%s\"", j->plan->assets[e->asset].asset.id);
    if (e->kind == QLAB_SYNTH_K_PHANTOM)
        qlab_buf_putf(out, ",\"exchange\":\"%s\"", EXCHANGES[e->bits % 3]);
    else
        qlab_buf_putf(out, ",\"pack\":\"%s\"", j->plan->packs[e->pack].path);
    if (e->date != QLAB_DATE_NONE)
        qlab_buf_putf(out, ",\"bar_date\":\"%s\"", qlab_date_format(e->date, date));
    if (e->until > 0)
        qlab_buf_putf(out, ",\"until_day\":%u", e->until);
    if (e->was[0])
        qlab_buf_putf(out, ",\"was\":\"%s\"", e->was);
    qlab_buf_puts(out, "}\n");
}

static qlab_code put_text(const qlab_synth_day_job *j, const char *path, const qlab_buf *text,
                          qlab_err *err)
{
    char *where = qlab_path_join(j->out, path);
    const qlab_code code = qlab_file_write(where, text->n ? text->at : "", text->n, err);
    qlab_free(where);
    return code;
}

qlab_code qlab_synth_day_remember(qlab_synth_day_job *j, qlab_err *err)
{
    qlab_buf events = QLAB_BUF_INIT, packs = QLAB_BUF_INIT, days = QLAB_BUF_INIT;
    qlab_synth_dirt_log no_dirt = {QLAB_BUF_INIT, 0};
    qlab_synth_result sums = {0};
    for (size_t e = 0; e < j->schedule->n_events; e++)
        put_event(&events, j, &j->schedule->events[e]);
    for (size_t i = 0; i < j->plan->n_packs; i++)
        qlab_buf_putf(&packs, "{\"pack\":\"%s\",\"sha256\":\"%s\"}\n", j->plan->packs[i].path,
                      j->plan->packs[i].sha256);
    for (uint32_t d = 0; d + 1 < j->day; d++)
        qlab_buf_putf(&days, "%s\n", j->past[d]);
    qlab_buf_putf(&days,
                  "{\"day\":%u,\"date\":\"%s\",\"mode\":\"%s\",\"events_asked\":%u,\"events\":%llu,"
                  "\"packs\":%llu,\"sidecars\":%llu,\"bars\":%llu,\"touch_report_is_wrong\":%s}\n",
                  j->day, j->result->date, MODES[j->options.mode], j->n_odd[j->day - 1],
                  (unsigned long long)j->result->n_events, (unsigned long long)j->result->n_packs,
                  (unsigned long long)j->result->n_sidecars, (unsigned long long)j->result->n_bars,
                  j->result->is_report_wrong ? "true" : "false");
    qlab_code code = put_text(j, "truth/events.ndjson", &events, err);
    if (code == QLAB_OK)
        code = put_text(j, "truth/packs.ndjson", &packs, err);
    if (code == QLAB_OK)
        code = put_text(j, "truth/days.ndjson", &days, err);
    if (code == QLAB_OK)
        code = qlab_synth_put_truth(j->plan, &no_dirt, &sums, err); /* the manifest comes last */
    qlab_buf_free(&events);
    qlab_buf_free(&packs);
    qlab_buf_free(&days);
    return code;
}
