/* cli/cmd_guard_drift.c -- `quantlab guard drift` and `guard thresholds`, from the ops ledger. */
#include "cli/cmd.h"
#include "guard/drift.h"

#include <string.h>

typedef struct opts {
    char none;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_OPTS_END,
};

static qlab_drift_policy policy_of(const qlab_ctx *cx)
{
    const qlab_config_daily *d = &cx->config->daily;
    return (qlab_drift_policy){.window = d->drift_window,
                               .runs_needed = d->drift_runs,
                               .low = d->drift_low,
                               .high = d->drift_high};
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "-";
}

/* Six digits are enough to read. */
static const char *number(const json_t *o, const char *key, char out[32])
{
    const json_t *v = json_object_get(o, key);
    if (json_is_number(v))
        snprintf(out, 32, "%.6g", json_number_value(v));
    else
        snprintf(out, 32, "-");
    return out;
}

static qlab_code run_drift(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const qlab_drift_policy p = policy_of(cx);
    json_t *r = NULL, *f;
    bool drifted = false;
    char a[32], b[32], c[32];
    size_t i;
    (void)given;
    const qlab_code rc = qlab_guard_drift(&cx->env, &p, &r, &drifted, err);
    if (rc != QLAB_OK)
        return rc;
    if (cx->json) {
        qlab_cmd_print_json(cx, r);
    } else {
        fprintf(cx->out, "%-9s %-20s %12s %12s %9s %s\n", "step", "figure", "value", "median",
                "ratio", "verdict");
        json_array_foreach(json_object_get(r, "figures"), i, f)
        {
            fprintf(cx->out, "%-9s %-20s %12s %12s %9s %s%s\n", text_of(f, "step"),
                    text_of(f, "name"), number(f, "value", a), number(f, "median", b),
                    number(f, "ratio", c), text_of(f, "verdict"),
                    json_is_true(json_object_get(f, "judged")) ? "" : " *");
        }
        fprintf(cx->out, "* told, not judged\n%s over %lld runs\n", text_of(r, "verdict"),
                (long long)json_integer_value(json_object_get(r, "runs")));
    }
    cx->exit_code = drifted ? 1 : 0;
    json_decref(r);
    return QLAB_OK;
}

static qlab_code run_thresholds(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const qlab_drift_policy p = policy_of(cx);
    json_t *r = NULL, *step, *t;
    const char *step_name, *name;
    char a[32], b[32], c[32];
    (void)given;
    const qlab_code rc = qlab_guard_thresholds(&cx->env, &p, &r, err);
    if (rc != QLAB_OK)
        return rc;
    if (cx->json) {
        qlab_cmd_print_json(cx, r);
    } else {
        fprintf(cx->out, "%-9s %-20s %5s %12s %12s %12s\n", "step", "figure", "runs", "low",
                "median", "high");
        json_object_foreach(json_object_get(r, "steps"), step_name, step)
        {
            json_object_foreach(step, name, t)
            {
                fprintf(cx->out, "%-9s %-20s %5lld %12s %12s %12s\n", step_name, name,
                        (long long)json_integer_value(json_object_get(t, "runs")),
                        number(t, "low", a), number(t, "median", b), number(t, "high", c));
            }
        }
        fprintf(cx->out, "%s from %lld runs (%lld needed)\n", text_of(r, "verdict"),
                (long long)json_integer_value(json_object_get(r, "runs")),
                (long long)p.runs_needed);
    }
    json_decref(r);
    return QLAB_OK;
}

const qlab_cmd qlab_cmd_guard_drift = {
    .name = "guard drift",
    .summary = "is the latest run like the runs before it?",
    .help = "Each figure of the ops ledger's last line against the median of the last\n"
            "daily.drift_window runs that changed something: in band from daily.drift_low to\n"
            "daily.drift_high times it. Judges nothing before daily.drift_runs runs. Exit 1: a\n"
            "judged figure lies outside.\n"
            "\n"
            "example:\n"
            "  quantlab guard drift\n",
    .needs = QLAB_NEEDS_ROOT,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run_drift,
};

const qlab_cmd qlab_cmd_guard_thresholds = {
    .name = "guard thresholds",
    .summary = "learn the usual figures of a run from the ops ledger",
    .help = "Writes ops/thresholds_recommended.json: of each figure the median over the last\n"
            "daily.drift_window runs that changed something, and the band around it.\n"
            "\n"
            "example:\n"
            "  quantlab guard thresholds\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run_thresholds,
};
