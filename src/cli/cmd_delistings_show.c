/* cli/cmd_delistings_show.c -- `quantlab delistings show`: all delistings, or those of an asset. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "cli/commit_arg.h"
#include "truth/settle.h"

#include <math.h>

typedef struct opts {
    const char *asset, *commit;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, asset, "asset", "ID", "only this asset"),
    QLAB_STR_OPT(opts, commit, "commit", "N", "a number, or latest (default)"),
    QLAB_OPTS_END,
};

static json_t *row_json(const qlab_asset *asset, const qlab_delisting *d)
{
    char day[QLAB_DATE_BYTES];
    const qlab_settlement s = qlab_settle_delisting(d, asset->mic);
    json_t *o = json_object();
    json_object_set_new(o, "asset_id", json_string(asset->asset_id));
    json_object_set_new(o, "delist_date", json_string(qlab_date_format(d->delist_date, day)));
    json_object_set_new(o, "delist_code", json_string(qlab_delist_code_name(d->code)));
    json_object_set_new(o, "delist_return", qlab_json_f64(d->delist_return));
    json_object_set_new(o, "settles", json_boolean(s.settles));
    json_object_set_new(o, "settlement_return", qlab_json_f64(s.settles ? s.u : NAN));
    json_object_set_new(o, "assumed", json_boolean(s.assumed));
    json_object_set_new(o, "source", json_string(d->source));
    json_object_set_new(o, "source_code", json_string(d->source_code));
    return o;
}

static void row_text(FILE *out, const qlab_asset *asset, const qlab_delisting *d)
{
    char day[QLAB_DATE_BYTES], delivered[32] = "-", settled[32] = "-";
    const qlab_settlement s = qlab_settle_delisting(d, asset->mic);
    if (!isnan(d->delist_return))
        snprintf(delivered, sizeof delivered, "%.4f", d->delist_return);
    if (s.settles)
        snprintf(settled, sizeof settled, "%.4f%s", s.u, s.assumed ? " assumed" : "");
    fprintf(out, "%-14s %-10s %-13s %9s  %-15s %.13s\n", asset->asset_id,
            qlab_date_format(d->delist_date, day), qlab_delist_code_name(d->code), delivered,
            settled, d->source[0] ? d->source : "-");
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_lake_view *view = NULL;
    qlab_conn *conn = NULL;
    qlab_arena strings = QLAB_ARENA_INIT;
    qlab_delisting *rows = NULL;
    size_t n = 0;
    int64_t only = -1;
    uint32_t commit = 0;
    qlab_code rc = qlab_commit_arg(o->commit, &commit, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_view_open(&cx->env, commit, &view, err);
    if (rc != QLAB_OK)
        return rc;
    if (o->asset) {
        only = qlab_lake_find_asset(view, qlab_str_of(o->asset));
        if (only < 0)
            rc = qlab_fail(err, QLAB_E_NOT_FOUND, "the lake had no asset %s", o->asset);
    }
    if (rc == QLAB_OK)
        rc = qlab_duck_conn(cx->env.duck, 0, &conn, err);
    if (rc == QLAB_OK)
        rc = qlab_delistings_read(view, conn, &strings, &rows, &n, err);
    json_t *list = json_array();
    if (rc == QLAB_OK && !cx->json)
        fprintf(cx->out, "%-14s %-10s %-13s %9s  %-15s %s\n", "asset", "date", "code", "delivered",
                "settles at", "source");
    for (size_t i = 0; rc == QLAB_OK && i < n; i++) {
        const qlab_asset *asset = &view->assets[rows[i].asset_ix];
        if (only >= 0 && rows[i].asset_ix != only)
            continue;
        if (cx->json)
            json_array_append_new(list, row_json(asset, &rows[i]));
        else
            row_text(cx->out, asset, &rows[i]);
    }
    if (rc == QLAB_OK && cx->json)
        qlab_cmd_print_json(cx, list);
    json_decref(list);
    qlab_free(rows);
    qlab_arena_free(&strings);
    qlab_lake_view_close(view);
    return rc;
}

const qlab_cmd qlab_cmd_delistings_show = {
    .name = "delistings show",
    .summary = "print delistings and what each would settle at",
    .help = "Delivered is the source's own return over the last close; what a record settles at "
            "is that, else what its code and the asset's exchange are known for (assumed where "
            "neither tells). A dash settles nothing: the name moved on.\n"
            "\n"
            "example:\n"
            "  quantlab delistings show --asset US:LEH\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
