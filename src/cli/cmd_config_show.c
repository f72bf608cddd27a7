/* cli/cmd_config_show.c -- `quantlab config show`: each value and where it came from. */
#include "base/alloc.h"
#include "base/date.h"
#include "cli/cmd.h"

#include <inttypes.h>
#include <string.h>

typedef struct opts {
    char unused;
} opts;

static const qlab_opt OPTIONS[] = {QLAB_OPTS_END};

static void put_text(const qlab_ctx *cx, const char *name, const char *value, const char *origin)
{
    fprintf(cx->out, "%-30s %-30s %s\n", name, *value ? value : "-", origin);
}

static void put_json(json_t *o, const char *name, const char *value, const char *origin)
{
    json_t *v = json_object();
    json_t *text = *value ? json_string(value) : NULL;
    json_object_set_new(v, "value", text ? text : json_null());
    json_object_set_new(v, "origin", json_string(origin));
    json_object_set_new(o, name, v);
}

static void put(const qlab_ctx *cx, json_t *o, const char *name, const char *value,
                const char *origin)
{
    if (cx->json)
        put_json(o, name, value, origin);
    else
        put_text(cx, name, value, origin);
}

static void put_common(const qlab_ctx *cx, json_t *o)
{
    const qlab_env *env = &cx->env;
    char day[QLAB_DATE_BYTES], text[64];
    put(cx, o, "root", env->root ? env->root : "", cx->origins.root);
    put(cx, o, "config", cx->config->path ? cx->config->path : "",
        cx->config->path ? "file" : "none");
    put(cx, o, "now", qlab_date_format(env->now, day), cx->origins.now);
    snprintf(text, sizeof text, "%" PRIu64, env->seed);
    put(cx, o, "seed", text, cx->origins.seed);
    snprintf(text, sizeof text, "%zu", qlab_pool_threads(env->pool));
    put(cx, o, "threads", text, cx->origins.threads);
    snprintf(text, sizeof text, "%zuMiB", env->memory_limit_bytes >> 20);
    put(cx, o, "memory_limit", text, cx->origins.memory_limit);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    (void)given;
    (void)err;
    qlab_config_value *values;
    size_t n;
    json_t *o = json_object();
    put_common(cx, o);
    qlab_config_list(cx->config, &values, &n);
    for (size_t i = 0; i < n; i++) {
        char *name = qlab_asprintf("%s.%s", values[i].section, values[i].key);
        put(cx, o, name, values[i].value.at, values[i].origin.at);
        qlab_free(name);
    }
    qlab_config_list_free(values, n);
    if (cx->json)
        qlab_cmd_print_json(cx, o);
    json_decref(o);
    return QLAB_OK;
}

const qlab_cmd qlab_cmd_config_show = {
    .name = "config show",
    .summary = "print each value and where it came from",
    .help = "Flags win over the environment, the environment over quantlab.yaml, the file over "
            "built-in values. A value that is not set is shown as \"-\".\n"
            "\n"
            "example:\n"
            "  quantlab config show --root ~/quant\n",
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
