/* cli/cmd_snapshot_build.c -- `quantlab snapshot build`: freeze a commit with its truth. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "cli/commit_arg.h"
#include "snapshot/snapshot.h"

#include <string.h>

typedef struct opts {
    const char *asof, *commit, *calendar, *overrides, *lives, *sectors, *layers;
    bool full;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, asof, "asof", "DATE",
                 "the as-of, or default: the last master session with enough eligible names"),
    QLAB_STR_OPT(opts, commit, "commit", "N", "a number, or latest (default)"),
    QLAB_STR_OPT(opts, calendar, "calendar", "EXCHANGE",
                 "whose sessions are master (default: universe.calendar, else the exchange with "
                 "most eligible names)"),
    QLAB_STR_OPT(opts, overrides, "overrides", "FILE",
                 "sessions to set by hand (default: universe.overrides_sessions)"),
    QLAB_STR_OPT(opts, lives, "lives", "FILE",
                 "asset_id,life_no,first_date where one name was two companies (default: "
                 "universe.lives)"),
    QLAB_STR_OPT(opts, sectors, "sectors", "FILE",
                 "asset_id (or symbol) and sector, CSV or NDJSON (default: universe.sector_file)"),
    QLAB_STR_OPT(opts, layers, "layers", "LAYER=POLICY,...",
                 "what contract layers must be, as actions=real_required (default: "
                 "universe.layers)"),
    QLAB_FLAG(opts, full, "full",
              "read the whole history, and compare with the snapshot that stands"),
    QLAB_OPTS_END,
};

static qlab_code read_classes(const qlab_yaml_list *list, uint32_t *mask, qlab_err *err)
{
    if (list->n > 0)
        *mask = 0;
    for (size_t i = 0; i < list->n; i++) {
        qlab_asset_class c;
        if (!qlab_asset_class_parse(qlab_str_of(list->at[i]), &c))
            return qlab_fail(err, QLAB_E_CONFIG, "universe.classes: %s was no class of assets",
                             list->at[i]);
        *mask |= 1u << c;
    }
    return QLAB_OK;
}

static qlab_code fill_options(const qlab_ctx *cx, const opts *o, qlab_snapshot_options *out,
                              char **overrides, char **lives, char **sectors, qlab_err *err)
{
    const qlab_config_universe *u = &cx->config->universe;
    *out = qlab_snapshot_options_default();
    out->calendar = o->calendar ? o->calendar : u->calendar;
    *overrides = o->overrides ? qlab_strdup(o->overrides)
                              : qlab_config_path(cx->config, u->overrides_sessions);
    out->overrides = *overrides;
    *lives = o->lives ? qlab_strdup(o->lives) : qlab_config_path(cx->config, u->lives);
    out->lives = *lives;
    *sectors = o->sectors ? qlab_strdup(o->sectors) : qlab_config_path(cx->config, u->sector_file);
    out->sectors = *sectors;
    out->full = o->full;
    out->min_eligible = (uint32_t)u->min_eligible;
    out->rule.min_bars = (uint32_t)u->min_bars;
    out->rule.min_close = u->min_close;
    if (o->asof && strcmp(o->asof, "default") != 0 &&
        !qlab_date_parse(o->asof, strlen(o->asof), &out->asof))
        return qlab_fail(err, QLAB_E_USAGE, "--asof was %s; give YYYY-MM-DD or default", o->asof);
    qlab_code rc = qlab_commit_arg(o->commit, &out->commit, err);
    if (rc == QLAB_OK && u->layers != NULL) {
        rc = qlab_layer_policies_parse(u->layers, &out->layers, err);
        if (rc != QLAB_OK)
            rc = qlab_err_prefix(err, "universe.layers");
    }
    if (rc == QLAB_OK && o->layers != NULL) {
        rc = qlab_layer_policies_parse(o->layers, &out->layers, err);
        if (rc != QLAB_OK)
            rc = qlab_err_prefix(err, "--layers");
    }
    if (rc == QLAB_OK)
        rc = read_classes(&u->classes, &out->rule.class_mask, err);
    return rc;
}

static const char *text_of(const json_t *m, const char *key)
{
    const char *s = json_string_value(json_object_get(m, key));
    return s ? s : "-";
}

static long long whole_of(const json_t *m, const char *key)
{
    return (long long)json_integer_value(json_object_get(m, key));
}

/* Verdicts of the call's policies over what the snapshot's layers are. */
static qlab_code layer_verdicts(const qlab_snapshot_made *made, const qlab_layer_policies *policies,
                                json_t **out, qlab_err *err)
{
    char *path = qlab_path_join(made->dir, "contract_layers_manifest.json");
    json_t *m = NULL;
    qlab_code rc = qlab_json_load(path, &m, err);
    if (rc == QLAB_OK)
        *out = qlab_layer_verdicts_json(json_object_get(m, "layers"), policies);
    json_decref(m);
    qlab_free(path);
    return rc;
}

static void print_layers(FILE *out, const json_t *verdicts)
{
    const char *name, *before = "\n  layers:";
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)verdicts, name, v)
    {
        fprintf(out, "%s %s %s", before, name, text_of(v, "state"));
        before = ",";
    }
}

static void print_text(const qlab_ctx *cx, const qlab_snapshot_made *made, const json_t *layers)
{
    const json_t *m = made->manifest;
    const json_t *universe = json_object_get(m, "universe");
    fprintf(cx->out, "snapshot %s%s\n", made->id, made->existed ? "  (was there)" : "");
    fprintf(cx->out,
            "  as-of %s, commit %lld, calendar %s: %lld master sessions, %lld on the axis\n",
            text_of(m, "asof"), whole_of(m, "commit"), text_of(m, "calendar"),
            whole_of(m, "master_sessions"), whole_of(m, "axis_sessions"));
    fprintf(cx->out, "  %lld assets, %lld eligible", whole_of(m, "assets"),
            whole_of(universe, "ELIGIBLE"));
    const char *reason, *before = "; not:";
    json_t *n;
    json_object_foreach((json_t *)(uintptr_t)universe, reason, n)
    {
        if (strcmp(reason, "ELIGIBLE") == 0 || json_integer_value(n) == 0)
            continue;
        fprintf(cx->out, "%s %lld %s", before, (long long)json_integer_value(n), reason);
        before = "";
    }
    if (json_object_get(m, "sectors") != NULL)
        fprintf(cx->out, "\n  %lld assets with a sector", whole_of(m, "sectors"));
    print_layers(cx->out, layers);
    fprintf(cx->out, "\n  %s\n", made->dir);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_snapshot_options so;
    qlab_snapshot_made made = {0};
    char *overrides = NULL, *lives = NULL, *sectors = NULL;
    json_t *layers = NULL;
    qlab_code rc = fill_options(cx, o, &so, &overrides, &lives, &sectors, err);
    if (rc == QLAB_OK)
        rc = qlab_snapshot_build(&cx->env, &so, &made, err);
    if (rc == QLAB_OK && made.id != NULL)
        rc = layer_verdicts(&made, &so.layers, &layers, err);
    if (rc == QLAB_OK && made.id == NULL) {
        fprintf(cx->out, "would build a snapshot; no plan of this kind was built before\n");
    } else if (rc == QLAB_OK && cx->json) {
        json_t *doc = json_object();
        json_object_set_new(doc, "snapshot_id", json_string(made.id));
        json_object_set_new(doc, "existed", json_boolean(made.existed));
        json_object_set_new(doc, "path", json_string(made.dir));
        json_object_set_new(doc, "bars_read", json_integer((json_int_t)made.n_bars_read));
        json_object_set(doc, "layers", layers);
        json_object_set(doc, "manifest", made.manifest);
        qlab_cmd_print_json(cx, doc);
        json_decref(doc);
    } else if (rc == QLAB_OK) {
        print_text(cx, &made, layers);
    }
    json_decref(layers);
    qlab_snapshot_made_free(&made);
    qlab_free(overrides);
    qlab_free(lives);
    qlab_free(sectors);
    return rc;
}

const qlab_cmd qlab_cmd_snapshot_build = {
    .name = "snapshot build",
    .summary = "freeze a commit and its truth under one id",
    .help = "The id is a hash of content alone: the same bars and facts give the same id on any "
            "machine. Building what is there finds it and does nothing. A contract layer that is "
            "not what its policy demands stops the build with exit 3 before anything is written: "
            "bars, assets, actions, delistings, lives, calendar, fx; real_required, "
            "derived_allowed, placeholder_allowed. Only the bars of the as-of's year are read, "
            "and all bars of assets whose earlier content changed since the last build; --full "
            "reads everything and must find the same bytes (exit 3 names the file that differs).\n"
            "\n"
            "example:\n"
            "  quantlab snapshot build --asof default\n"
            "  quantlab snapshot build --layers actions=real_required\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
