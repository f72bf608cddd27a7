/* cli/cmd_registry_trials.c -- `quantlab registry trials`: everything that was ever tried. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "registry/trials.h"
#include "stage_a/stage_a.h"
#include "stat/sharpe.h"
#include "stat/trials.h"

#include <math.h>
#include <string.h>

typedef struct opts {
    const char *trial, *kind, *family;
    bool replay;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_ARG_OPT(opts, trial, "TRIAL", "show one: the beginning of its identity, or a candidate"),
    QLAB_STR_OPT(opts, kind, "kind", "KIND", "stage_a (gross spreads) or stage_b (net books)"),
    QLAB_STR_OPT(opts, family, "family", "F", "only candidates of this family"),
    QLAB_FLAG(opts, replay, "replay", "first deposit stage A runs that are not in the ledger"),
    QLAB_OPTS_END,
};

static const char *text_of(const qlab_trial *t, const char *key)
{
    const char *s = json_string_value(json_object_get(t->candidate, key));

    return s ? s : "";
}

static bool is_wanted(const opts *o, const qlab_trial *t)
{
    char hex[QLAB_HEX_BYTES];

    qlab_hex(t->id, hex);
    if (o->family != NULL && strcmp(text_of(t, "family"), o->family) != 0)
        return false;
    return o->trial == NULL || strncmp(hex, o->trial, strlen(o->trial)) == 0 ||
           strcmp(text_of(t, "id"), o->trial) == 0;
}

static json_t *date_json(int32_t date)
{
    char text[QLAB_DATE_BYTES];

    return date == QLAB_DATE_NONE ? json_null() : json_string(qlab_date_format(date, text));
}

static json_t *trial_json(const qlab_trial *t, double sr, uint32_t cluster, bool with_series)
{
    char hex[QLAB_HEX_BYTES];
    json_t *o = json_object();

    json_object_set_new(o, "trial", json_string(qlab_hex(t->id, hex)));
    json_object_set_new(o, "definition", json_string(qlab_hex(t->definition, hex)));
    json_object_set(o, "candidate", (json_t *)(uintptr_t)t->candidate);
    json_object_set(o, "rule", (json_t *)(uintptr_t)t->rule);
    json_object_set(o, "execution", (json_t *)(uintptr_t)t->execution);
    json_object_set_new(o, "looks", json_integer(t->n_looks));
    json_object_set_new(o, "first_asof", date_json(t->first_asof));
    json_object_set_new(o, "last_asof", date_json(t->last_asof));
    json_object_set_new(o, "forward_from", date_json(t->forward_from));
    json_object_set_new(o, "opened", json_boolean(t->opened));
    json_object_set_new(o, "n", json_integer((json_int_t)t->n));
    json_object_set_new(o, "first", date_json(t->n > 0 ? t->dates[0] : QLAB_DATE_NONE));
    json_object_set_new(o, "last", date_json(t->n > 0 ? t->dates[t->n - 1] : QLAB_DATE_NONE));
    json_object_set_new(o, "sr", qlab_json_f64(sr));
    json_object_set_new(o, "cluster", cluster == UINT32_MAX ? json_null() : json_integer(cluster));
    if (!with_series)
        return o;
    json_t *series = json_array();
    for (size_t i = 0; i < t->n; i++)
        json_array_append_new(series, json_pack("[o, f]", date_json(t->dates[i]), t->values[i]));
    json_object_set_new(o, "series", series);
    return o;
}

static json_t *kind_json(const opts *o, const qlab_trials *t, const qlab_trial_field *f)
{
    json_t *k = json_object(), *list = json_array();

    json_object_set_new(k, "trials_total", json_integer((json_int_t)t->n));
    json_object_set_new(k, "used", json_integer((json_int_t)f->n_used));
    json_object_set_new(k, "clusters", json_integer((json_int_t)f->n_clusters));
    json_object_set_new(k, "trial_variance", qlab_json_f64(f->variance));
    json_object_set_new(k, "benchmark_sr", qlab_json_f64(f->benchmark));
    for (size_t i = 0; i < t->n; i++)
        if (is_wanted(o, &t->at[i]))
            json_array_append_new(list,
                                  trial_json(&t->at[i], f->sr[i], f->cluster[i], o->trial != NULL));
    json_object_set_new(k, "trials", list);
    return k;
}

/* "adv_bars 20, entry next_open": members of an object, wrapped. */
static void put_object(const qlab_ctx *cx, const char *label, const json_t *object)
{
    qlab_buf line = QLAB_BUF_INIT;
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        qlab_buf_putf(&line, "%s%s ", line.n > 0 ? ", " : "", key);
        if (json_is_string(v))
            qlab_buf_puts(&line, json_string_value(v));
        else
            qlab_json_canonical(v, &line);
    }
    fputs(label, cx->out);
    qlab_cmd_put_wrapped(cx->out, line.n > 0 ? line.at : "-", strlen(label), strlen(label));
    qlab_buf_free(&line);
}

static void print_one(const qlab_ctx *cx, const qlab_trial *t)
{
    char hex[QLAB_HEX_BYTES], a[QLAB_DATE_BYTES], b[QLAB_DATE_BYTES];

    fprintf(cx->out, "  trial %s\n", qlab_hex(t->id, hex));
    fputs("  definition  ", cx->out);
    qlab_cmd_put_wrapped(cx->out, text_of(t, "definition"), 14, 14);
    fprintf(cx->out, "  universe    %s, %s\n", text_of(t, "universe"), text_of(t, "side"));
    put_object(cx, "  eligible    ", t->rule);
    put_object(cx, "  executed    ", t->execution);
    fprintf(cx->out, "  looked at   %u times, as-of %s to %s\n", t->n_looks,
            qlab_date_format(t->first_asof, a), qlab_date_format(t->last_asof, b));
    fprintf(cx->out, "  forward     from %s on; sealed sessions %s\n",
            qlab_date_format(t->forward_from, a), t->opened ? "were opened" : "not opened");
}

static void print_kind(const qlab_ctx *cx, const opts *o, qlab_trial_kind kind,
                       const qlab_trials *t, const qlab_trial_field *f)
{
    char hex[QLAB_HEX_BYTES], date[QLAB_DATE_BYTES];
    const double year = sqrt(252.0);

    fprintf(cx->out, "%s: %zu trial%s, %zu with a ratio, %zu cluster%s\n",
            kind == QLAB_TRIAL_STAGE_A ? "stage A, gross decile spreads"
                                       : "stage B, net returns of the book",
            t->n, t->n == 1 ? "" : "s", f->n_used, f->n_clusters, f->n_clusters == 1 ? "" : "s");
    if (t->n == 0)
        return;
    /* Spreads of h sessions overlap from day to day: a year is no number of theirs. */
    if (kind == QLAB_TRIAL_STAGE_B && !isnan(f->benchmark))
        fprintf(cx->out, "the best of them is expected to show an annual Sharpe ratio of %.2f\n",
                f->benchmark * year);
    fprintf(cx->out, "%-12s  %-17s %-10s %2s %5s %6s %8s  %s\n", "trial", "candidate", "family",
            "h", "looks", "values", kind == QLAB_TRIAL_STAGE_B ? "annualSR" : "SR", "forward");
    for (size_t i = 0; i < t->n; i++) {
        const qlab_trial *x = &t->at[i];
        const double sr = kind == QLAB_TRIAL_STAGE_B ? f->sr[i] * year : f->sr[i];
        if (!is_wanted(o, x))
            continue;
        fprintf(cx->out, "%.12s  %-17.17s %-10.10s %2d %5u %6zu ", qlab_hex(x->id, hex),
                text_of(x, "id"), text_of(x, "family"),
                (int)json_integer_value(json_object_get(x->candidate, "horizon")), x->n_looks,
                x->n);
        if (isnan(sr))
            fprintf(cx->out, "%8s", "-");
        else
            fprintf(cx->out, "%8.3f", sr);
        fprintf(cx->out, "  %s%s\n", qlab_date_format(x->forward_from, date), x->opened ? "*" : "");
        if (o->trial != NULL)
            print_one(cx, x);
    }
}

/* stage_a before stage_b in the file as on the screen. */
static qlab_code put_kind(qlab_ctx *cx, const opts *o, qlab_trial_kind kind, json_t *doc,
                          qlab_err *err)
{
    qlab_trial_field f;
    qlab_trials t;
    const qlab_code rc = qlab_trials_read(&cx->env, kind, NULL, &t, err);

    if (rc != QLAB_OK)
        return rc;
    qlab_dated *series = qlab_alloc(t.n + 1, sizeof *series);
    for (size_t i = 0; i < t.n; i++)
        series[i] = (qlab_dated){t.at[i].dates, t.at[i].values, t.at[i].n};
    qlab_trial_field_of(series, t.n, &f);
    qlab_free(series);
    if (cx->json) {
        json_object_set_new(doc, "ledger", qlab_chain_pin_json(&t.pin));
        json_object_set_new(doc, qlab_trial_kind_name(kind), kind_json(o, &t, &f));
    } else
        print_kind(cx, o, kind, &t, &f);
    qlab_trial_field_free(&f);
    qlab_trials_free(&t);
    return QLAB_OK;
}

static qlab_code replay(qlab_ctx *cx, json_t *doc, qlab_err *err)
{
    qlab_stage_a_replayed r;
    const qlab_code rc = qlab_stage_a_replay(&cx->env, &r, err);

    if (rc != QLAB_OK)
        return rc;
    if (cx->json)
        json_object_set_new(doc, "replayed",
                            json_pack("{s:I, s:I, s:I}", "runs", (json_int_t)r.n_runs, "deposited",
                                      (json_int_t)r.n_deposited, "left", (json_int_t)r.n_left));
    else
        fprintf(cx->out, "%zu stage A run%s: %zu deposited now, %zu could not be\n", r.n_runs,
                r.n_runs == 1 ? "" : "s", r.n_deposited, r.n_left);
    return QLAB_OK;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    json_t *doc = json_object();
    qlab_code rc = QLAB_OK;

    if (o->kind != NULL && strcmp(o->kind, "stage_a") != 0 && strcmp(o->kind, "stage_b") != 0)
        rc = qlab_fail(err, QLAB_E_USAGE, "--kind was '%s', not stage_a or stage_b", o->kind);
    if (rc == QLAB_OK && o->replay && !cx->env.dry_run)
        rc = replay(cx, doc, err);
    for (int k = QLAB_TRIAL_STAGE_A; k <= QLAB_TRIAL_STAGE_B && rc == QLAB_OK; k++)
        if (o->kind == NULL || strcmp(o->kind, qlab_trial_kind_name((qlab_trial_kind)k)) == 0)
            rc = put_kind(cx, o, (qlab_trial_kind)k, doc, err);
    if (rc == QLAB_OK && cx->json)
        qlab_cmd_print_json(cx, doc);
    json_decref(doc);
    return rc;
}

const qlab_cmd qlab_cmd_registry_trials = {
    .name = "registry trials",
    .args = "[TRIAL]",
    .summary = "everything that was ever tried, and the bar it sets",
    .help = "The trial ledger of this root: each candidate that stage A or B evaluated, passing or "
            "not, how often it was looked at, and from which date on sessions are truly out of "
            "sample for its definition (* = its sealed sessions were opened). Trials whose series "
            "correlate above 0.9 count once. SR is per session; only stage B's is given a year. "
            "Runs deposit by themselves; --replay takes in stage A runs from before the ledger.\n"
            "\n"
            "example:\n"
            "  quantlab registry trials --kind stage_a --family TSMOM\n"
            "  quantlab registry trials 3f9a2c\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
