/* cli/cmd_guard_coverage.c -- `quantlab guard coverage`: which types lead to bars? */
#include "base/alloc.h"
#include "cli/cmd.h"
#include "guard/coverage.h"

typedef struct opts {
    const char *vendor;
    int64_t samples;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, vendor, "vendor", "DIR", "the vendor's folder (default: vendor.path)"),
    QLAB_I64_OPT(opts, samples, "samples", "N", "assets named a type and list (default 15)"),
    QLAB_OPTS_END,
};

static void init(void *given)
{
    ((opts *)given)->samples = 15;
}

static long long whole_of(const json_t *o, const char *key)
{
    return (long long)json_integer_value(json_object_get(o, key));
}

static void print_text(FILE *out, const json_t *r, const char *path)
{
    const char *type;
    json_t *t;
    fprintf(out, "%-10s %9s %9s %9s %9s %9s %7s\n", "type", "assets", "pack", "no pack", "bars > 0",
            ">= 200", "pack %");
    json_object_foreach(json_object_get(r, "types"), type, t)
    {
        fprintf(out, "%-10.10s %9lld %9lld %9lld %9lld %9lld %7.2f\n", *type ? type : "-",
                whole_of(t, "total"), whole_of(t, "with_history_pack"),
                whole_of(t, "missing_history_pack"), whole_of(t, "bars_gt_0"),
                whole_of(t, "bars_ge_200"),
                100 * json_number_value(json_object_get(t, "with_history_pack_ratio")));
    }
    if (path != NULL)
        fprintf(out, "%s\n", path);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    json_t *report = NULL;
    char *path = NULL, *vendor = o->vendor != NULL
                                     ? qlab_strdup(o->vendor)
                                     : qlab_config_path(cx->config, cx->config->vendor.path);
    if (vendor == NULL)
        return qlab_fail(err, QLAB_E_USAGE,
                         "no vendor folder: give --vendor DIR or set vendor.path in quantlab.yaml");
    if (o->samples < 0 || o->samples > 100000) {
        qlab_free(vendor);
        return qlab_fail(err, QLAB_E_USAGE, "--samples was %lld: give 0 to 100000",
                         (long long)o->samples);
    }
    const qlab_coverage_options co = {.vendor_dir = vendor, .n_samples = (size_t)o->samples};
    const qlab_code rc = qlab_guard_coverage(&cx->env, &co, &report, &path, err);
    if (rc == QLAB_OK && cx->json)
        qlab_cmd_print_json(cx, report);
    else if (rc == QLAB_OK)
        print_text(cx->out, report, path);
    json_decref(report);
    qlab_free(path);
    qlab_free(vendor);
    return rc;
}

const qlab_cmd qlab_cmd_guard_coverage = {
    .name = "guard coverage",
    .summary = "how far the registry leads to bars, type by type",
    .help = "Of each type of the v7 registry: assets, with a history pack that is there, without,\n"
            "with bars in the lake, with at least 200, and samples of what is missing. The report\n"
            "is alt_assets_pointer_coverage.json under runs/.\n"
            "\n"
            "example:\n"
            "  quantlab guard coverage --vendor DIR\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run,
};
