/* cli/cmd_ingest.c -- `quantlab ingest`: a vendor folder into the lake, first load and delta. */
#include "base/alloc.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "cli/ingest_scratch.h"
#include "ingest/ingest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct opts {
    const char *vendor, *adapter, *types, *price_basis, *volume_basis, *factor_close, *csv_preset;
    const char *scratch;
    bool rehash, recipes;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, vendor, "vendor", "DIR", "the vendor's folder (default: vendor.path)"),
    QLAB_STR_OPT(opts, adapter, "adapter", "NAME", "v7 or csv (default: vendor.adapter)"),
    QLAB_STR_OPT(opts, types, "types", "LIST", "STOCK,ETF,... or all (default: vendor.types)"),
    QLAB_STR_OPT(opts, price_basis, "price-basis", "BASIS",
                 "what prices are: raw or split_adjusted (default: vendor.price_basis)"),
    QLAB_STR_OPT(opts, volume_basis, "volume-basis", "BASIS",
                 "what volumes are: raw or split_adjusted (default: vendor.volume_basis)"),
    QLAB_STR_OPT(opts, factor_close, "factor-close", "CLOSE",
                 "close that the vendor's factors divide by: previous or ex_date"),
    QLAB_STR_OPT(opts, csv_preset, "csv-preset", "NAME", "yahoo, stooq or kaggle"),
    QLAB_FLAG(opts, recipes, "recipes", "packs that synth left as recipes are made again here"),
    QLAB_STR_OPT(opts, scratch, "scratch", "DIR",
                 "rehearse in a new linked copy of the root; the root stays as it is"),
    QLAB_FLAG(opts, rehash, "rehash", "believe no time stamp: hash every pack"),
    QLAB_OPTS_END,
};

/* ---- options --------------------------------------------------------------------------------- */

/* text: one of two words, or NULL for what the configuration says. */
static qlab_code read_word(const char *flag, const char *text, const char *zero, const char *one,
                           int configured, int *out, qlab_err *err)
{
    *out = configured;
    if (text == NULL)
        return QLAB_OK;
    if (strcmp(text, zero) != 0 && strcmp(text, one) != 0)
        return qlab_fail(err, QLAB_E_USAGE, "--%s was %s; give %s or %s", flag, text, zero, one);
    *out = strcmp(text, one) == 0;
    return QLAB_OK;
}

/* "STOCK,ETF" to words, all of them in one owned block that starts at words[0]. */
static void split_types(const char *text, const char ***words, size_t *n)
{
    char *copy = qlab_strdup(text);
    size_t cap = 0;

    *words = NULL;
    *n = 0;
    for (char *p = copy;;) {
        const size_t k = strcspn(p, ",");
        const bool end = p[k] == '\0';
        p[k] = '\0';
        qlab_grow((void **)words, &cap, *n + 1, sizeof **words);
        (*words)[(*n)++] = p;
        if (end)
            return;
        p += k + 1;
    }
}

typedef struct csv_key {
    const char *field;
    const char **to;
} csv_key;

static qlab_code csv_columns(const qlab_ctx *cx, qlab_csv_style *s, qlab_err *err)
{
    const qlab_yaml_node *map = cx->config->vendor.csv.columns;
    const csv_key keys[] = {{"date", &s->date},
                            {"symbol", &s->symbol},
                            {"open", &s->field[QLAB_FIELD_OPEN]},
                            {"high", &s->field[QLAB_FIELD_HIGH]},
                            {"low", &s->field[QLAB_FIELD_LOW]},
                            {"close", &s->field[QLAB_FIELD_CLOSE]},
                            {"volume", &s->field[QLAB_FIELD_VOLUME]},
                            {"adjusted_close", &s->field[QLAB_FIELD_ADJUSTED]}};

    for (size_t i = 0; map != NULL && i < qlab_yaml_map_len(cx->config->doc, map); i++) {
        const char *field = NULL;
        const qlab_yaml_node *node = qlab_yaml_map_at(cx->config->doc, map, i, &field);
        const char *header = qlab_yaml_scalar(node);
        size_t k = 0;
        while (k < sizeof keys / sizeof *keys && strcmp(keys[k].field, field) != 0)
            k++;
        if (k == sizeof keys / sizeof *keys || header == NULL)
            return qlab_yaml_fail(cx->config->doc, node, err,
                                  "vendor.csv.columns: %s is not one of date open high low close "
                                  "volume adjusted_close symbol with a header's name",
                                  field);
        *keys[k].to = header;
    }
    return QLAB_OK;
}

static qlab_code csv_date(const char *text, qlab_csv_date *out, qlab_err *err)
{
    static const char *const words[] = {"YYYY-MM-DD", "YYYYMMDD", "DD/MM/YYYY", "MM/DD/YYYY"};

    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = (qlab_csv_date)i;
            return QLAB_OK;
        }
    }
    return qlab_fail(err, QLAB_E_CONFIG,
                     "vendor.csv.date_format was %s; give YYYY-MM-DD, YYYYMMDD, DD/MM/YYYY or "
                     "MM/DD/YYYY",
                     text);
}

static qlab_code csv_style(const qlab_ctx *cx, const opts *o, qlab_csv_style *s, qlab_err *err)
{
    const qlab_config_csv *c = &cx->config->vendor.csv;
    static const char *const presets[] = {NULL, "yahoo", "stooq", "kaggle"};
    const char *preset = o->csv_preset != NULL ? o->csv_preset : presets[c->preset];

    *s = (qlab_csv_style){.date = "date",
                          .symbol = "symbol",
                          .field = {"open", "high", "low", "close", "volume", "adjusted_close"},
                          .symbol_is_file_name = c->symbol_from == 1,
                          .exchange = "US",
                          .type_norm = "STOCK",
                          .currency = "",
                          .country = ""};
    if (preset != NULL && strcmp(preset, "none") != 0) {
        if (!qlab_csv_preset(preset, s))
            return qlab_fail(err, QLAB_E_USAGE, "--csv-preset was %s; give yahoo, stooq or kaggle",
                             preset);
    } else if (c->date_format != NULL) {
        const qlab_code rc = csv_date(c->date_format, &s->date_format, err);
        if (rc != QLAB_OK)
            return rc;
    }
    s->exchange = c->exchange != NULL ? c->exchange : s->exchange;
    s->type_norm = c->asset_class != NULL ? c->asset_class : s->type_norm;
    s->currency = c->currency != NULL ? c->currency : s->currency;
    s->country = c->country != NULL ? c->country : s->country;
    return csv_columns(cx, s, err);
}

/* What the flags and the file say; *vendor, *types are owned by the caller. */
static qlab_code fill(const qlab_ctx *cx, const opts *o, qlab_ingest_options *io,
                      qlab_csv_style *style, char **vendor, const char ***types, qlab_err *err)
{
    const qlab_config_vendor *c = &cx->config->vendor;
    int adapter = 0, price = 0, volume = 0, convention = 0;

    *io = (qlab_ingest_options){.rehash = o->rehash, .recipes = o->recipes};
    *vendor = o->vendor != NULL ? qlab_strdup(o->vendor) : qlab_config_path(cx->config, c->path);
    if (*vendor == NULL)
        return qlab_fail(err, QLAB_E_USAGE,
                         "no vendor folder: give --vendor DIR or set "
                         "vendor.path in quantlab.yaml");
    io->vendor_dir = *vendor;
    qlab_code rc = read_word("adapter", o->adapter, "v7", "csv", c->adapter, &adapter, err);
    if (rc == QLAB_OK)
        rc = read_word("price-basis", o->price_basis, "raw", "split_adjusted", c->price_basis,
                       &price, err);
    if (rc == QLAB_OK)
        rc = read_word("volume-basis", o->volume_basis, "raw", "split_adjusted", c->volume_basis,
                       &volume, err);
    if (rc == QLAB_OK)
        rc = read_word("factor-close", o->factor_close, "previous", "ex_date", c->factor_close,
                       &convention, err);
    if (rc == QLAB_OK && adapter == 1 && o->recipes)
        rc = qlab_fail(err, QLAB_E_USAGE, "--recipes belongs to the adapter v7, not to csv");
    if (rc == QLAB_OK && adapter == 1)
        rc = csv_style(cx, o, style, err);
    if (rc != QLAB_OK)
        return rc;
    io->adapter = (qlab_ingest_adapter)adapter;
    io->csv = style;
    io->price_basis = (qlab_basis)price;
    io->volume_basis = (qlab_basis)volume;
    io->convention = (qlab_factor_convention)convention;
    if (o->types != NULL && strcmp(o->types, "all") != 0) {
        split_types(o->types, types, &io->n_types);
        io->types = *types;
    } else if (o->types == NULL) {
        io->types = c->types.at;
        io->n_types = c->types.n;
    }
    return QLAB_OK;
}

/* ---- what is said ---------------------------------------------------------------------------- */

static json_t *result_json(const qlab_ctx *cx, const qlab_ingest_result *r)
{
    json_t *o = json_object();

    json_object_set_new(o, "commit", json_integer(r->commit));
    json_object_set_new(o, "run_id", r->run_id != NULL ? json_string(r->run_id) : json_null());
    json_object_set_new(o, "nothing_to_do", json_boolean(r->nothing_to_do));
    json_object_set_new(o, "dry_run", json_boolean(cx->env.dry_run));
    json_object_set_new(o, "assets", json_integer((json_int_t)r->n_assets));
    json_object_set_new(o, "packs", json_integer((json_int_t)r->n_packs));
    json_object_set_new(o, "packs_read", json_integer((json_int_t)r->n_packs_read));
    json_object_set_new(o, "sidecars_read", json_integer((json_int_t)r->n_sidecars_read));
    json_object_set_new(o, "bytes_read", json_integer((json_int_t)r->bytes_read));
    json_object_set(o, "packs_refused", r->packs_refused);
    json_object_set(o, "counts", r->counts);
    json_object_set(o, "changes", r->changes);
    return o;
}

static uint64_t count_of(const qlab_ingest_result *r, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(r->counts, key));
}

static void print_reasons(const qlab_ctx *cx, const qlab_ingest_result *r)
{
    const char *reason;
    json_t *n;
    bool any = false;

    json_object_foreach(json_object_get(r->counts, "by_reason"), reason, n)
    {
        fprintf(cx->out, "%s%s %" JSON_INTEGER_FORMAT, any ? ", " : "  reasons: ", reason,
                json_integer_value(n));
        any = true;
    }
    if (any)
        fprintf(cx->out, "\n");
}

static void print_refused(const qlab_ctx *cx, const qlab_ingest_result *r)
{
    json_t *p;
    size_t i;

    json_array_foreach(r->packs_refused, i, p)
    {
        fprintf(cx->out, "  refused %s: %s: %s\n", json_string_value(json_object_get(p, "path")),
                json_string_value(json_object_get(p, "reason")),
                json_string_value(json_object_get(p, "detail")));
    }
}

static const json_t *change(const qlab_ingest_result *r, const char *key)
{
    return json_object_get(r->changes, key);
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

static void print_ids(const qlab_ctx *cx, const qlab_ingest_result *r, const char *what,
                      const char *key, const char *examples)
{
    const json_int_t n = json_integer_value(change(r, key));
    const json_t *some = change(r, examples);

    if (n == 0)
        return;
    fprintf(cx->out, "  %s: %" JSON_INTEGER_FORMAT ":", what, n);
    for (size_t i = 0; i < json_array_size(some) && i < 5; i++)
        fprintf(cx->out, " %s", json_string_value(json_array_get(some, i)));
    fprintf(cx->out, "%s\n", n > 5 ? " ..." : "");
}

static void print_revised(const qlab_ctx *cx, const qlab_ingest_result *r)
{
    const json_t *some = change(r, "revised_examples");

    for (size_t i = 0; i < json_array_size(some) && i < 5; i++) {
        json_t *o = json_array_get(some, i), *pair;
        const char *field;
        fprintf(cx->out, "  revised %s %s:", text_of(o, "asset_id"), text_of(o, "date"));
        json_object_foreach(o, field, pair)
        {
            if (json_is_array(pair))
                fprintf(cx->out, " %s %.10g -> %.10g", field,
                        json_number_value(json_array_get(pair, 0)),
                        json_number_value(json_array_get(pair, 1)));
        }
        fprintf(cx->out, "\n");
    }
}

static void print_waiting(const qlab_ctx *cx, const qlab_ingest_result *r)
{
    const json_t *held = change(r, "held"), *basis = change(r, "basis_changes");

    for (size_t i = 0; i < json_array_size(held) && i < 5; i++) {
        const json_t *o = json_array_get(held, i);
        fprintf(cx->out,
                "  held %s: would delete %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
                " bars; to agree: quantlab ack held:%s\n",
                text_of(o, "asset_id"), json_integer_value(json_object_get(o, "rows_deleted")),
                json_integer_value(json_object_get(o, "rows_visible")), text_of(o, "asset_id"));
    }
    if (json_array_size(held) > 5)
        fprintf(cx->out, "  held: %zu assets in all\n", json_array_size(held));
    for (size_t i = 0; i < json_array_size(basis) && i < 5; i++) {
        const json_t *o = json_array_get(basis, i);
        fprintf(cx->out, "  basis changed %s through %s: prices * %.6g, volume * %.6g\n",
                text_of(o, "asset_id"), text_of(o, "through"),
                json_number_value(json_object_get(o, "price_ratio")),
                json_number_value(json_object_get(o, "volume_ratio")));
    }
    if (json_array_size(basis) > 5)
        fprintf(cx->out, "  basis changed: %zu stretches in all\n", json_array_size(basis));
}

static void print_touch(const qlab_ctx *cx, const qlab_ingest_result *r)
{
    static const char *const keys[] = {"touched_but_unchanged", "changed_but_untold",
                                       "hash_differs", "unknown_packs"};
    const json_t *o = change(r, "touch_report");
    json_int_t n = 0;

    for (size_t i = 0; i < 4; i++)
        n += json_integer_value(json_object_get(o, keys[i]));
    if (strcmp(text_of(o, "state"), "not_understood") == 0)
        fprintf(cx->out, "  touch report not understood: %s\n", text_of(o, "detail"));
    if (n == 0)
        return;
    fprintf(cx->out, "  touch report differs:");
    for (size_t i = 0; i < 4; i++)
        fprintf(cx->out, "%s %s %" JSON_INTEGER_FORMAT, i > 0 ? "," : "", keys[i],
                json_integer_value(json_object_get(o, keys[i])));
    fprintf(cx->out, "\n");
}

/* What changed today, beside the counts. */
static void print_changes(const qlab_ctx *cx, const qlab_ingest_result *r)
{
    print_ids(cx, r, "new assets", "assets_new", "assets_new_examples");
    print_ids(cx, r, "left the registry, kept", "assets_removed", "assets_removed_examples");
    print_revised(cx, r);
    print_waiting(cx, r);
    print_touch(cx, r);
}

static void print_text(const qlab_ctx *cx, const qlab_ingest_result *r)
{
    if (cx->env.dry_run) {
        fprintf(cx->out, "would read %zu of %zu packs onto commit %u; nothing was written\n",
                r->n_packs_read, r->n_packs, (unsigned)r->commit);
    } else if (r->nothing_to_do) {
        fprintf(cx->out, "nothing to do: commit %u holds all %zu packs as they are (%.2f s)\n",
                (unsigned)r->commit, r->n_packs, r->seconds);
    } else {
        const double s = r->seconds > 0 ? r->seconds : 1e-9;
        fprintf(cx->out, "commit %u  run %s\n", (unsigned)r->commit, r->run_id);
        fprintf(cx->out,
                "  %" PRIu64 " rows in from %zu of %zu packs, %zu assets: %.2f s, %.0f rows/s, "
                "%.1f MB/s of packs\n",
                count_of(r, "rows_in"), r->n_packs_read, r->n_packs, r->n_assets, r->seconds,
                (double)count_of(r, "rows_in") / s, (double)r->bytes_read / s / 1e6);
        if (r->n_sidecars_read > 0)
            fprintf(cx->out, "  %zu sidecars read\n", r->n_sidecars_read);
        fprintf(cx->out,
                "  inserted %" PRIu64 ", revised %" PRIu64 ", known %" PRIu64 ", duplicate %" PRIu64
                ", quarantined %" PRIu64 ", not asked for %" PRIu64 "; tombstoned %" PRIu64 "\n",
                count_of(r, "rows_inserted"), count_of(r, "rows_revised"),
                count_of(r, "rows_known"), count_of(r, "rows_duplicate"),
                count_of(r, "rows_quarantined"), count_of(r, "rows_not_asked"),
                count_of(r, "rows_tombstoned"));
        print_reasons(cx, r);
        print_changes(cx, r);
    }
    print_refused(cx, r);
}

static void print(const qlab_ctx *cx, const qlab_ingest_result *r, json_t *rehearsal)
{
    if (!cx->json) {
        print_text(cx, r);
        return;
    }
    json_t *o = result_json(cx, r);
    if (rehearsal != NULL)
        json_object_set(o, "rehearsal", rehearsal);
    qlab_cmd_print_json(cx, o);
    json_decref(o);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_ingest_options io;
    qlab_csv_style style;
    qlab_ingest_result r = {0};
    qlab_ingest_scratch scratch = {.folder = o->scratch};
    char *vendor = NULL;
    const char **types = NULL;

    qlab_code rc = fill(cx, given, &io, &style, &vendor, &types, err);
    if (rc == QLAB_OK)
        rc = qlab_ingest_scratch_open(cx, &scratch, err);
    if (rc == QLAB_OK)
        rc = qlab_ingest_run(&scratch.env, &io, &r, err);
    if (rc == QLAB_OK)
        rc = qlab_ingest_scratch_judge(cx, &scratch, &r, err);
    if (rc == QLAB_OK) {
        print(cx, &r, scratch.report);
        if (!cx->json)
            qlab_ingest_scratch_print(cx, &scratch);
        cx->exit_code = r.n_packs_refused + r.n_sidecars_refused > 0 ? 1 : 0;
    }
    json_decref(scratch.report);
    qlab_ingest_result_free(&r);
    if (types != NULL)
        qlab_free((void *)(uintptr_t)types[0]);
    qlab_free(types);
    qlab_free(vendor);
    return rc;
}

const qlab_cmd qlab_cmd_ingest = {
    .name = "ingest",
    .summary = "read a vendor folder into the lake, first load or delta",
    .help =
        "Reads what changed since the last ingest and makes one commit of it, or none where\n"
        "nothing changed. Rows that are not taken are written, with pack, line, byte offset\n"
        "and reason, to runs/run_id=<id>/quarantine.ndjson.gz; the account of all rows is in\n"
        "ingest_manifest.json beside it. Interrupted: the same command takes it up again.\n"
        "\n"
        "--scratch DIR rehearses: a copy of the root is made at DIR (Parquet files linked,\n"
        "the rest copied), the delivery is ingested there, and rehearsal_report.json says what\n"
        "it would change and what rests on that.\n"
        "\n"
        "Exit 0: done (rows may be quarantined). 1: a pack was refused, the rest is\n"
        "committed. 3: nothing could be read.\n"
        "\n"
        "  quantlab ingest --root DIR --vendor DIR --types STOCK,ETF\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK | QLAB_MAKES_ROOT | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
