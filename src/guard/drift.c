#include "guard/drift.h"

#include "base/alloc.h"
#include "base/json.h"
#include "ops/ledger.h"
#include "ops/run.h"

#include <stdlib.h>
#include <string.h>

static const char *const STEPS[] = {"ingest", "snapshot", "features"};
enum { N_STEPS = 3 };

qlab_drift_policy qlab_drift_policy_default(void)
{
    return (qlab_drift_policy){.window = 120, .runs_needed = 10, .low = 0.25, .high = 4.0};
}

static bool is_done(const json_t *line)
{
    const char *state = json_string_value(json_object_get(line, "state"));
    return state != NULL && strcmp(state, qlab_ledger_state_name(QLAB_LEDGER_DONE)) == 0;
}

/* ---- the median ------------------------------------------------------------------------------ */

typedef struct sample {
    double *at; /* ascending */
    size_t n;
} sample;

static int cmp_double(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Values of one figure over the last `window` done lines of lines[0, end). */
static sample take(const json_t *lines, size_t end, int64_t window, const char *step,
                   const char *name)
{
    sample s = {qlab_alloc((size_t)window, sizeof(double)), 0};
    int64_t seen = 0;
    for (size_t i = end; i > 0 && seen < window; i--) {
        const json_t *line = json_array_get(lines, i - 1);
        if (!is_done(line))
            continue;
        seen++;
        const json_t *metrics = json_object_get(json_object_get(line, step), "metrics");
        const json_t *v = json_object_get(metrics, name);
        if (json_is_number(v))
            s.at[s.n++] = json_number_value(v);
    }
    qsort(s.at, s.n, sizeof *s.at, cmp_double);
    return s;
}

static double median(const sample *s)
{
    return s->n % 2 ? s->at[s->n / 2] : (s->at[s->n / 2 - 1] + s->at[s->n / 2]) / 2;
}

/* Seconds and memory depend on the machine; counts of rare things (revisions, quarantined rows)
 * have no band. */
static bool is_judged(const char *step, const char *name)
{
    static const char *const NAMES[][2] = {
        {"ingest", "rows_in"},    {"ingest", "rows_inserted"},   {"ingest", "assets_changed"},
        {"ingest", "packs_read"}, {"ingest", "bytes_read"},      {"snapshot", "assets"},
        {"snapshot", "eligible"}, {"snapshot", "axis_sessions"}, {"features", "rows"},
        {"features", "parts"},
    };
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (strcmp(step, NAMES[i][0]) == 0 && strcmp(name, NAMES[i][1]) == 0)
            return true;
    return false;
}

/* ---- what is said ---------------------------------------------------------------------------- */

static json_t *begin(const qlab_env *env, const char *kind, const char *schema,
                     const qlab_chain *ledger, const qlab_drift_policy *p)
{
    json_t *inputs = json_object(), *policy = json_object(), *l = json_object();
    json_object_set_new(l, "lines", json_integer((json_int_t)json_array_size(ledger->lines)));
    json_object_set_new(l, "head", json_string(ledger->head));
    json_object_set_new(inputs, "ledger", l);
    json_object_set_new(policy, "window", json_integer(p->window));
    json_object_set_new(policy, "runs_needed", json_integer(p->runs_needed));
    json_object_set_new(policy, "low", qlab_json_f64(p->low));
    json_object_set_new(policy, "high", qlab_json_f64(p->high));
    const qlab_digest d = qlab_json_digest(policy);
    char *run_id = qlab_run_id(kind, env->now, inputs, &d);
    json_t *r = qlab_artifact_begin(schema, run_id, inputs);
    json_object_set_new(r, "policy", policy);
    qlab_free(run_id);
    json_decref(inputs);
    return r;
}

static json_t *threshold_json(const sample *s, const char *step, const char *name,
                              const qlab_drift_policy *p)
{
    json_t *o = json_object();
    const bool enough = (int64_t)s->n >= p->runs_needed;
    json_object_set_new(o, "runs", json_integer((json_int_t)s->n));
    json_object_set_new(o, "min", qlab_json_f64(s->at[0]));
    json_object_set_new(o, "median", qlab_json_f64(median(s)));
    json_object_set_new(o, "max", qlab_json_f64(s->at[s->n - 1]));
    json_object_set_new(o, "low", enough ? qlab_json_f64(p->low * median(s)) : json_null());
    json_object_set_new(o, "high", enough ? qlab_json_f64(p->high * median(s)) : json_null());
    json_object_set_new(o, "judged", json_boolean(is_judged(step, name)));
    return o;
}

/* Names of the figures of a step in any of the lines, sorted. */
static json_t *names_of(const json_t *lines, const char *step)
{
    json_t *names = json_object(), *line, *v;
    const char *name;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)lines, i, line)
    {
        json_t *metrics = json_object_get(json_object_get(line, step), "metrics");
        json_object_foreach(metrics, name, v)
        {
            if (json_is_number(v))
                json_object_set_new(names, name, json_null());
        }
    }
    return names;
}

static qlab_code read_ledger(const qlab_env *env, qlab_chain *ledger, qlab_err *err)
{
    qlab_code rc = qlab_ledger_read(env, ledger, err);
    if (rc == QLAB_OK && json_array_size(ledger->lines) == 0) {
        qlab_chain_free(ledger);
        rc = qlab_fail(err, QLAB_E_NOT_FOUND,
                       "the ops ledger of %s is empty: `quantlab guard record` writes it",
                       env->root);
    }
    return rc;
}

static uint64_t count_done(const json_t *lines, size_t end, int64_t window)
{
    uint64_t n = 0;
    for (size_t i = end; i > 0 && n < (uint64_t)window; i--)
        n += is_done(json_array_get(lines, i - 1));
    return n;
}

qlab_code qlab_guard_thresholds(const qlab_env *env, const qlab_drift_policy *policy,
                                json_t **report, qlab_err *err)
{
    qlab_chain ledger = {0};
    json_t *steps = json_object();
    qlab_code rc = read_ledger(env, &ledger, err);
    if (rc != QLAB_OK)
        goto done;
    const size_t n_lines = json_array_size(ledger.lines);
    *report = begin(env, "thresholds", "thresholds_recommended/1", &ledger, policy);
    const uint64_t runs = count_done(ledger.lines, n_lines, policy->window);
    json_object_set_new(*report, "runs", json_integer((json_int_t)runs));
    json_object_set_new(
        *report, "verdict",
        json_string((int64_t)runs >= policy->runs_needed ? "LEARNED" : "TOO_FEW_RUNS"));
    for (size_t k = 0; k < N_STEPS; k++) {
        json_t *names = names_of(ledger.lines, STEPS[k]), *o = json_object(), *none;
        const char *name;
        json_object_foreach(names, name, none)
        {
            sample s = take(ledger.lines, n_lines, policy->window, STEPS[k], name);
            if (s.n > 0)
                json_object_set_new(o, name, threshold_json(&s, STEPS[k], name, policy));
            qlab_free(s.at);
        }
        json_object_set_new(steps, STEPS[k], o);
        json_decref(names);
    }
    json_object_set(*report, "steps", steps);
    if (!env->dry_run) {
        char *path = qlab_asprintf("%s/ops/thresholds_recommended.json", env->root);
        rc = qlab_json_write(path, *report, err);
        qlab_free(path);
    }
    if (rc != QLAB_OK) {
        json_decref(*report);
        *report = NULL;
    }
done:
    json_decref(steps);
    qlab_chain_free(&ledger);
    return rc;
}

static json_t *judge(const sample *s, double value, const char *step, const char *name,
                     const qlab_drift_policy *p, bool *out_of_band)
{
    json_t *o = json_object();
    const char *verdict = "IN_BAND";
    const bool judged = is_judged(step, name);
    if ((int64_t)s->n < p->runs_needed)
        verdict = "TOO_FEW_RUNS";
    else if (value < p->low * median(s))
        verdict = "LOW";
    else if (value > p->high * median(s))
        verdict = "HIGH";
    *out_of_band = judged && (*verdict == 'L' || *verdict == 'H');
    json_object_set_new(o, "step", json_string(step));
    json_object_set_new(o, "name", json_string(name));
    json_object_set_new(o, "value", qlab_json_f64(value));
    json_object_set_new(o, "median", s->n > 0 ? qlab_json_f64(median(s)) : json_null());
    json_object_set_new(o, "ratio",
                        s->n > 0 && median(s) > 0 ? qlab_json_f64(value / median(s)) : json_null());
    json_object_set_new(o, "runs", json_integer((json_int_t)s->n));
    json_object_set_new(o, "judged", json_boolean(judged));
    json_object_set_new(o, "verdict", json_string(verdict));
    return o;
}

qlab_code qlab_guard_drift(const qlab_env *env, const qlab_drift_policy *policy, json_t **report,
                           bool *drifted, qlab_err *err)
{
    qlab_chain ledger = {0};
    const qlab_code rc = read_ledger(env, &ledger, err);
    if (rc != QLAB_OK)
        return rc;
    const size_t last = json_array_size(ledger.lines) - 1;
    const json_t *line = json_array_get(ledger.lines, last);
    json_t *figures = json_array();
    *drifted = false;
    for (size_t k = 0; k < N_STEPS && is_done(line); k++) {
        json_t *metrics = json_object_get(json_object_get(line, STEPS[k]), "metrics"), *v;
        const char *name;
        json_object_foreach(metrics, name, v)
        {
            bool out_of_band = false;
            if (!json_is_number(v))
                continue;
            sample s = take(ledger.lines, last, policy->window, STEPS[k], name);
            json_array_append_new(
                figures, judge(&s, json_number_value(v), STEPS[k], name, policy, &out_of_band));
            *drifted = *drifted || out_of_band;
            qlab_free(s.at);
        }
    }
    const uint64_t runs = count_done(ledger.lines, last, policy->window);
    *report = begin(env, "drift", "drift_report/1", &ledger, policy);
    json_object_set(*report, "state", json_object_get(line, "state"));
    json_object_set_new(*report, "runs", json_integer((json_int_t)runs));
    json_object_set_new(*report, "verdict",
                        json_string(!is_done(line)                        ? "NOT_APPLICABLE"
                                    : (int64_t)runs < policy->runs_needed ? "TOO_FEW_RUNS"
                                    : *drifted                            ? "DRIFT"
                                                                          : "IN_BAND"));
    json_object_set_new(*report, "figures", figures);
    qlab_chain_free(&ledger);
    return QLAB_OK;
}
