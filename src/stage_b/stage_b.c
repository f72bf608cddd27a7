#include "stage_b/stage_b.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/progress.h"
#include "ops/run.h"
#include "stage_a/stage_a.h"
#include "stage_b/artifact.h"
#include "stat/bootstrap.h"
#include "strategy/shipped.h"

#include <math.h>
#include <string.h>

#define KIND "stage_b"

/* ---- what is read ---------------------------------------------------------------------------- */

static qlab_code input_of(const qlab_stage_b *b, const char *what, const char **id,
                          const char **digest, qlab_err *err)
{
    json_t *inputs, *one;
    qlab_code rc;

    if ((rc = qlab_json_get_object(b->screen, "stage_a_report.json", "inputs", &inputs, err)) !=
            QLAB_OK ||
        (rc = qlab_json_get_object(inputs, "stage_a_report.json", what, &one, err)) != QLAB_OK ||
        (rc = qlab_json_get_str(one, what, "id", id, err)) != QLAB_OK)
        return rc;
    return qlab_json_get_str(one, what, "digest", digest, err);
}

static qlab_code open_screen(qlab_stage_b *b, const char *run, qlab_err *err)
{
    const char *id;
    qlab_code rc = qlab_stage_a_load(b->env, run, &b->screen, err);

    if (rc == QLAB_OK)
        rc = qlab_json_get_str(b->screen, "stage_a_report.json", "run_id", &id, err);
    if (rc == QLAB_OK)
        b->screen_dir = qlab_run_dir(b->env, id);
    return rc;
}

static qlab_code open_panel(qlab_stage_b *b, qlab_err *err)
{
    char hex[QLAB_HEX_BYTES];
    const char *id, *digest;
    qlab_code rc = input_of(b, "features", &id, &digest, err);

    if (rc == QLAB_OK)
        rc = qlab_panel_open(b->env, id, &b->panel, err);
    if (rc != QLAB_OK)
        return rc;
    b->snap = qlab_panel_snapshot(b->panel);
    if (strcmp(qlab_hex(qlab_json_digest(qlab_panel_manifest(b->panel)), hex), digest) != 0)
        return qlab_fail(err, QLAB_E_CORRUPT,
                         "feature set %s is not the one that the stage A run saw", id);
    return QLAB_OK;
}

/* The list that was screened, and no other. */
static qlab_code open_candidates(qlab_stage_b *b, const char *asked, qlab_err *err)
{
    char hex[QLAB_HEX_BYTES];
    const char *id, *digest;
    qlab_code rc = input_of(b, "candidates", &id, &digest, err);

    if (rc != QLAB_OK)
        return rc;
    if (asked == NULL && qlab_shipped_find("candidates", id) == NULL)
        return qlab_fail(err, QLAB_E_USAGE,
                         "the stage A run screened the list '%s', which is not shipped: name its "
                         "file with --candidates FILE",
                         id);
    b->known_names = qlab_stage_a_columns(&b->known.n);
    b->known.names = b->known_names;
    rc = qlab_library_load(asked != NULL ? asked : id, &b->known, &b->lib, err);
    if (rc == QLAB_OK && strcmp(qlab_hex(b->lib->digest, hex), digest) != 0)
        return qlab_fail(err, QLAB_E_USAGE,
                         "%s is not the list '%s' that the stage A run screened: screen it first, "
                         "or name the file with --candidates FILE",
                         b->lib->source, id);
    return rc;
}

static qlab_code read_parameters(qlab_stage_b *b, qlab_err *err)
{
    uint32_t every = 1;
    qlab_code rc = qlab_stage_parameters(b->panel, &every, &b->entry, err);

    if (rc != QLAB_OK)
        return rc;
    if (every != 1)
        return qlab_fail(err, QLAB_E_USAGE,
                         "feature set %s holds every %u. session, and a book needs all of them: "
                         "build one without --every",
                         qlab_panel_id(b->panel), every);
    if ((rc = qlab_stage_rule(b->panel, &b->rule_json, err)) != QLAB_OK)
        return rc;
    qlab_stage_axis(b->panel, every, &b->whole, &b->label_end);
    return qlab_stage_check_list(b->panel, b->lib, err);
}

/* All that have a known label, sealed for others. */
static qlab_code unseal(qlab_stage_b *b, qlab_err *err)
{
    if (b->first_sealed == QLAB_DATE_NONE)
        return qlab_fail(err, QLAB_E_USAGE,
                         "--open-sealed was given, but the stage A run sealed nothing");
    while (b->axis.n < b->whole.n && b->label_end[b->axis.n] != QLAB_DATE_NONE)
        b->axis.n++;
    b->opened_from = b->first_sealed;
    b->first_sealed = QLAB_DATE_NONE;
    b->n_sealed = 0;
    return QLAB_OK;
}

/* The sessions that stage A left open, which nothing sealed is among; or is, once. */
static qlab_code open_sessions(qlab_stage_b *b, bool open_sealed, qlab_err *err)
{
    char *path = qlab_path_join(b->screen_dir, "folds_manifest.json");
    qlab_fold_plan folds = {0};
    qlab_code rc = qlab_folds_read(path, &b->whole, &folds, err);

    b->opened_from = QLAB_DATE_NONE;
    if (rc == QLAB_OK) {
        b->axis = (qlab_cpcv_axis){b->whole.sessions, b->label_end, folds.n_usable,
                                   b->whole.longest_horizon};
        b->n_sealed = folds.n_sealed;
        b->first_sealed = folds.first_sealed;
        if (open_sealed)
            rc = unseal(b, err);
    }
    if (rc == QLAB_OK)
        b->folds = folds;
    qlab_free(path);
    return rc;
}

/* ---- identity -------------------------------------------------------------------------------- */

/* Everything about the execution that decides a series. */
static json_t *execution_json(const qlab_stage_b *b)
{
    const qlab_book_options *o = &b->book;
    json_t *from = json_array(), *at = json_array();

    for (size_t i = 0; i < QLAB_SPREAD_FLOORS; i++) {
        (void)json_array_append_new(from, json_real(o->floors.from[i]));
        (void)json_array_append_new(at, json_real(o->floors.at[i]));
    }
    return json_pack(
        "{s:s, s:i, s:{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:i, s:o, s:o, s:i, s:i, s:s, s:f}}",
        "entry", b->entry, "every", 1, "book", "capital", o->capital, "leg_gross", o->leg_gross,
        "participation", o->participation, "fee", o->fee, "eta", o->eta, "borrow", o->borrow,
        "borrow_hard", o->borrow_hard, "delay", (int)o->delay, "spread_floor_adv", from,
        "spread_floor", at, "quantiles", (int)b->rule.n_quantiles, "min_names",
        (int)b->rule.min_names, "weights", "equal", "cap", b->rule.cap);
}

static void identify(qlab_stage_b *b)
{
    char execution[QLAB_HEX_BYTES], screen[QLAB_HEX_BYTES], seed[32];

    b->execution = execution_json(b);
    b->trial = qlab_alloc(b->lib->n + 1, sizeof *b->trial);
    for (size_t i = 0; i < b->lib->n; i++) {
        json_t *c = qlab_candidate_json(&b->lib->candidates[i]);
        b->trial[i] = qlab_trial_id(c, b->rule_json, b->execution);
        json_decref(c);
    }
    (void)snprintf(seed, sizeof seed, "seed-%llu", (unsigned long long)b->env->seed);
    b->inputs = json_pack(
        "{s:o, s:o, s:o, s:{s:o, s:s}, s:{s:s, s:s}}", "snapshot",
        json_deep_copy(json_object_get(json_object_get(b->screen, "inputs"), "snapshot")),
        "features",
        json_deep_copy(json_object_get(json_object_get(b->screen, "inputs"), "features")),
        "candidates",
        json_deep_copy(json_object_get(json_object_get(b->screen, "inputs"), "candidates")),
        "stage_a", "id", json_incref(json_object_get(b->screen, "run_id")), "digest",
        qlab_hex(qlab_json_digest(b->screen), screen), "execution", "id", seed, "digest",
        qlab_hex(qlab_json_digest(b->execution), execution));
    if (b->opened_from != QLAB_DATE_NONE) {
        char from[QLAB_DATE_BYTES], opened[QLAB_HEX_BYTES];
        qlab_date_format(b->opened_from, from);
        (void)json_object_set_new(b->inputs, "opened",
                                  json_pack("{s:s, s:s}", "id", from, "digest",
                                            qlab_hex(qlab_sha256_of(from, strlen(from)), opened)));
    }
    b->plan_id = qlab_run_id(KIND "_plan", b->snap->asof, b->inputs, &b->policy.digest);
    b->job_plan = qlab_sha256_of(b->plan_id, strlen(b->plan_id));
}

/* The run's id: the plan and the ledger's state right after its first deposit. */
static void take_pin(qlab_stage_b *b, const qlab_chain_pin *pin)
{
    char head[QLAB_HEX_BYTES], lines[32];

    (void)snprintf(lines, sizeof lines, "%llu-lines", (unsigned long long)pin->n_lines);
    (void)json_object_set_new(
        b->inputs, "trials",
        json_pack("{s:s, s:s}", "id", lines, "digest", qlab_hex(pin->head, head)));
    qlab_free(b->run_id);
    b->run_id = qlab_run_id(KIND, b->snap->asof, b->inputs, &b->policy.digest);
}

/* ---- the splits ------------------------------------------------------------------------------ */

static json_t *splits_artifact(const qlab_stage_b *b)
{
    /* The ledger's state is not an input of the plan: before it, there is no run. */
    json_t *inputs = json_copy(b->inputs);
    (void)json_object_del(inputs, "trials");
    json_t *o = qlab_artifact_begin("cpcv_manifest/1", b->plan_id, inputs);

    json_decref(inputs);
    (void)json_object_set_new(
        o, "policy",
        json_pack("{s:s, s:I}", "name", b->policy.name, "version", (json_int_t)b->policy.version));
    qlab_cpcv_plan_json(&b->plan, &b->axis, o);
    return o;
}

/* Written first; what is evaluated is what the file says. */
static qlab_code write_splits(qlab_stage_b *b, const char *built, qlab_err *err)
{
    char *path = qlab_path_join(built, "folds_manifest.json");
    json_t *doc = splits_artifact(b);
    qlab_code rc = qlab_json_write(path, doc, err);

    json_decref(doc);
    if (rc == QLAB_OK) {
        qlab_cpcv_plan_free(&b->plan);
        rc = qlab_cpcv_plan_read(path, &b->axis, &b->plan, err);
    }
    qlab_free(path);
    return rc;
}

/* ---- the market ------------------------------------------------------------------------------ */

/* Median ewma_vol_20 of the eligible names of each session, and the median of those. */
static void measure_market(qlab_stage_b *b)
{
    const qlab_feed *f = &b->feed;
    double *x = qlab_alloc(f->n_names + f->n_sessions + 1, sizeof *x);

    b->market_vol = qlab_alloc(f->n_sessions + 1, sizeof *b->market_vol);
    for (size_t s = 0; s < f->n_sessions; s++) {
        size_t n = 0;
        for (size_t i = 0; i < f->n_names; i++)
            if (f->eligible[s * f->n_names + i] && !isnan(f->vol[s * f->n_names + i]))
                x[n++] = f->vol[s * f->n_names + i];
        b->market_vol[s] = n > 0 ? qlab_quantile(x, n, 0.5) : NAN;
    }
    memcpy(x, b->market_vol, f->n_sessions * sizeof *x);
    b->market_vol_split = qlab_quantile(x, f->n_sessions, 0.5);
    qlab_free(x);
}

static qlab_code plan_feed(qlab_stage_b *b, qlab_err *err)
{
    return qlab_feed_plan(b->env, b->panel, strcmp(b->entry, "next_open") == 0, b->axis.sessions[0],
                          b->axis.sessions[b->axis.n - 1], &b->feed, err);
}

static qlab_code feed_books(qlab_stage_b *b, qlab_err *err)
{
    qlab_code rc = qlab_feed_fill(b->env, b->panel, &b->feed, err);

    if (rc != QLAB_OK || (rc = qlab_stage_b_draw_placebos(b, &b->folds, err)) != QLAB_OK)
        return rc;
    const size_t bytes = qlab_feed_bytes(&b->feed);
    b->inner.memory_limit_bytes -= bytes < b->inner.memory_limit_bytes ? bytes : 0;
    measure_market(b);
    return QLAB_OK;
}

/* ---- the ledger ------------------------------------------------------------------------------ */

static qlab_code deposit(qlab_stage_b *b, qlab_chain_pin *pin, qlab_err *err)
{
    qlab_trial_deposit *at = qlab_alloc_zero(b->lib->n + 1, sizeof *at);
    json_t **candidates = qlab_alloc_zero(b->lib->n + 1, sizeof(json_t *));
    const qlab_trial_batch batch = {QLAB_TRIAL_STAGE_B, b->plan_id, b->snap->asof, at, b->lib->n};
    qlab_trials_deposited done;

    for (size_t i = 0; i < b->lib->n; i++) {
        const qlab_f64v net = qlab_b_net(b, i);
        candidates[i] = qlab_candidate_json(&b->lib->candidates[i]);
        at[i] = (qlab_trial_deposit){.candidate = candidates[i],
                                     .rule = b->rule_json,
                                     .execution = b->execution,
                                     .dates = b->feed.session + b->book.delay,
                                     .values = net.at,
                                     .n = net.n};
    }
    const qlab_code rc = qlab_trials_deposit(b->env, &batch, &done, err);
    *pin = done.pin;
    for (size_t i = 0; i < b->lib->n; i++)
        json_decref(candidates[i]);
    qlab_free(candidates);
    qlab_free(at);
    return rc;
}

/* In the ledger before anything sealed is read. */
static qlab_code record_opening(const qlab_stage_b *b, qlab_err *err)
{
    json_t **candidates = qlab_alloc_zero(b->lib->n + 1, sizeof(json_t *));
    qlab_chain_pin ignored;

    for (size_t i = 0; i < b->lib->n; i++)
        candidates[i] = qlab_candidate_json(&b->lib->candidates[i]);
    const qlab_code rc =
        qlab_trials_open_sealed(b->env, b->plan_id, b->snap->asof, b->opened_from,
                                (const json_t *const *)candidates, b->lib->n, &ignored, err);
    for (size_t i = 0; i < b->lib->n; i++)
        json_decref(candidates[i]);
    qlab_free(candidates);
    return rc;
}

/* ---- the run --------------------------------------------------------------------------------- */

static qlab_code write_report(const qlab_stage_b *b, const qlab_b_verdicts *v, const char *dir,
                              double started, json_t **report, qlab_err *err)
{
    char *path = qlab_path_join(dir, "stage_b_report.json");
    json_t *record = NULL;

    *report = qlab_stage_b_report(b, v);
    qlab_code rc = qlab_json_write(path, *report, err);
    if (rc == QLAB_OK) {
        record = qlab_run_record(b->env, qlab_monotonic_seconds() - started);
        rc = qlab_run_record_write(path, record, err);
    }
    json_decref(record);
    qlab_free(path);
    return rc;
}

static qlab_code write_trained(const qlab_stage_b *b, const char *dir, qlab_err *err)
{
    if (b->trained == NULL)
        return QLAB_OK;
    char *path = qlab_path_join(dir, "trained_models.json");
    json_t *o = qlab_artifact_begin("trained_models/1", b->run_id, b->inputs);

    (void)json_object_set(o, "candidates", b->trained);
    const qlab_code rc = qlab_json_write(path, o, err);
    json_decref(o);
    qlab_free(path);
    return rc;
}

static qlab_code evaluate(qlab_stage_b *b, const char *built, double started, json_t **report,
                          qlab_err *err)
{
    qlab_b_verdicts v = {0};
    qlab_chain_pin pin;
    qlab_code rc;

    if ((rc = qlab_dir_make(built, err)) != QLAB_OK ||
        (rc = write_splits(b, built, err)) != QLAB_OK || (rc = feed_books(b, err)) != QLAB_OK ||
        (rc = qlab_stage_b_train(b, err)) != QLAB_OK ||
        (rc = qlab_stage_b_books(b, err)) != QLAB_OK || (rc = deposit(b, &pin, err)) != QLAB_OK)
        return rc;
    take_pin(b, &pin);
    if ((rc = qlab_b_verdicts_make(b, &pin, &v, err)) == QLAB_OK &&
        (rc = qlab_stage_b_write_tables(b, &v, built, err)) == QLAB_OK &&
        (rc = write_trained(b, built, err)) == QLAB_OK)
        rc = write_report(b, &v, built, started, report, err);
    qlab_b_verdicts_free(&v);
    return rc;
}

static qlab_code make_run(qlab_stage_b *b, json_t **report, qlab_err *err)
{
    const double started = qlab_monotonic_seconds();
    char *built, *dir = NULL;
    qlab_code rc;

    b->inner = *b->env;
    if (b->opened_from != QLAB_DATE_NONE && (rc = record_opening(b, err)) != QLAB_OK)
        return rc;
    if ((rc = qlab_job_open(&b->inner, "stage-b", b->job_plan, &b->job, err)) != QLAB_OK)
        return rc;
    built = qlab_path_join(qlab_job_dir(b->job), "run");
    rc = evaluate(b, built, started, report, err);
    if (rc == QLAB_OK) {
        dir = qlab_run_dir(b->env, b->run_id);
        rc = qlab_folder_publish(built, dir, err);
    }
    qlab_free(dir);
    qlab_free(built);
    if (rc == QLAB_OK) {
        rc = qlab_job_finish(b->job, err);
        b->job = NULL;
    }
    return rc;
}

static qlab_code load_report(const char *dir, json_t **report, qlab_err *err)
{
    char *path = qlab_path_join(dir, "stage_b_report.json");
    const qlab_code rc = qlab_json_load(path, report, err);

    qlab_free(path);
    return rc;
}

static qlab_code plan_run(qlab_stage_b *b, const qlab_stage_b_options *o, qlab_err *err)
{
    qlab_code rc;

    b->book = qlab_book_options_default;
    b->rule = qlab_target_rule_default;
    if ((rc = qlab_stage_b_policy_load(o->policy ? o->policy : "strict", &b->policy, err)) !=
            QLAB_OK ||
        (rc = open_screen(b, o->stage_a, err)) != QLAB_OK || (rc = open_panel(b, err)) != QLAB_OK ||
        (rc = open_candidates(b, o->candidates, err)) != QLAB_OK ||
        (rc = read_parameters(b, err)) != QLAB_OK ||
        (rc = open_sessions(b, o->open_sealed, err)) != QLAB_OK ||
        (rc = qlab_cpcv_plan_make(&b->policy, &b->axis, &b->plan, err)) != QLAB_OK)
        return rc;
    qlab_asset_groups_of(b->panel, &b->assets);
    identify(b);
    return QLAB_OK;
}

static void release(qlab_stage_b *b)
{
    qlab_job_close(b->job);
    qlab_stage_b_outcomes_free(b);
    for (size_t i = 0; b->root != NULL && i < b->lib->n; i++)
        qlab_free(b->root[i]);
    qlab_free(b->root);
    json_decref(b->trained);
    qlab_free(b->placebo_candidate);
    qlab_free(b->placebo_heir);
    qlab_fold_plan_free(&b->folds);
    qlab_free(b->market_vol);
    qlab_feed_free(&b->feed);
    qlab_asset_groups_free(&b->assets);
    qlab_free(b->trial);
    json_decref(b->inputs);
    json_decref(b->execution);
    qlab_free(b->plan_id);
    qlab_free(b->run_id);
    qlab_cpcv_plan_free(&b->plan);
    qlab_free(b->label_end);
    qlab_panel_close(b->panel);
    qlab_library_free(b->lib);
    qlab_free(b->known_names);
    qlab_stage_b_policy_free(&b->policy);
    json_decref(b->screen);
    qlab_free(b->screen_dir);
}

qlab_code qlab_stage_b_run(const qlab_env *env, const qlab_stage_b_options *o,
                           qlab_stage_b_made *out, qlab_err *err)
{
    qlab_stage_b b = {.env = env};
    qlab_chain_pin pin;
    bool deposited = false;
    qlab_code rc;

    *out = (qlab_stage_b_made){0};
    if ((rc = plan_run(&b, o, err)) != QLAB_OK ||
        (rc = qlab_trials_has_plan(env->root, b.plan_id, &deposited, &pin, err)) != QLAB_OK)
        goto done;
    if (deposited)
        take_pin(&b, &pin);
    out->existed = deposited && qlab_run_exists(env, b.run_id);
    if (out->existed) {
        char *dir = qlab_run_dir(env, b.run_id);
        rc = load_report(dir, &out->report, err);
        qlab_free(dir);
        if (rc == QLAB_OK && !env->dry_run)
            rc = qlab_job_forget(env, b.job_plan, err);
    } else if ((rc = plan_feed(&b, err)) == QLAB_OK) {
        if (env->dry_run)
            out->report = splits_artifact(&b);
        else
            rc = make_run(&b, &out->report, err);
    }
    if (rc == QLAB_OK && b.run_id != NULL) {
        out->run_id = qlab_strdup(b.run_id);
        out->dir = qlab_run_dir(env, b.run_id);
        out->n_survivors = json_array_size(json_object_get(out->report, "survivors"));
    }
done:
    release(&b);
    if (rc != QLAB_OK)
        qlab_stage_b_made_free(out);
    return rc;
}

void qlab_stage_b_made_free(qlab_stage_b_made *m)
{
    qlab_free(m->run_id);
    qlab_free(m->dir);
    json_decref(m->report);
    *m = (qlab_stage_b_made){0};
}

qlab_code qlab_stage_b_load(const qlab_env *env, const char *run, json_t **report, qlab_err *err)
{
    char *folder = qlab_path_join(env->root, "runs"), *id = NULL;

    if (strncmp(run, "run_id=", 7) == 0)
        run += 7;
    if (strncmp(run, KIND "_", sizeof KIND) == 0)
        run += sizeof KIND;
    qlab_code rc = qlab_id_resolve(folder, "run_id=" KIND "_", "stage B run", run, &id, err);
    if (rc == QLAB_OK) {
        char *dir = qlab_asprintf("%s/run_id=" KIND "_%s", folder, id);
        rc = load_report(dir, report, err);
        qlab_free(dir);
    }
    qlab_free(id);
    qlab_free(folder);
    return rc;
}

/* ---- over as-ofs ----------------------------------------------------------------------------- */

/* The as-of in a run's id, as text: dates of one form compare as they stand. */
static const char *asof_of(const json_t *report)
{
    const char *id = json_string_value(json_object_get(report, "run_id"));

    return id != NULL && strlen(id) > sizeof KIND + QLAB_DATE_BYTES ? id + sizeof KIND : "";
}

static bool is_earlier(const json_t *a, const json_t *b)
{
    return strncmp(asof_of(a), asof_of(b), QLAB_DATE_BYTES - 1) < 0;
}

static void count_run(const json_t *report, const json_t *earlier, size_t *runs, size_t *passed)
{
    const json_t *mine = json_object_get(report, "candidates");
    const json_t *theirs = json_object_get(earlier, "candidates");

    for (size_t i = 0; i < json_array_size(mine); i++)
        for (size_t k = 0; k < json_array_size(theirs); k++) {
            const json_t *c = json_array_get(theirs, k);
            if (!json_equal(json_object_get(json_array_get(mine, i), "trial_id"),
                            json_object_get(c, "trial_id")))
                continue;
            runs[i]++;
            passed[i] += json_is_true(json_object_get(c, "gates_passed"));
        }
}

qlab_code qlab_stage_b_stability(const qlab_env *env, const json_t *report, json_t **out,
                                 qlab_err *err)
{
    const json_t *candidates = json_object_get(report, "candidates");
    const size_t n = json_array_size(candidates);
    size_t *runs = qlab_alloc_zero(2 * n + 1, sizeof *runs), n_names = 0;
    char *folder = qlab_path_join(env->root, "runs"), **names = NULL;
    qlab_code rc = qlab_dir_list(folder, &names, &n_names, err);

    *out = json_array();
    for (size_t i = 0; rc == QLAB_OK && i < n_names; i++) {
        json_t *other = NULL;
        if (strncmp(names[i], "run_id=" KIND "_", sizeof "run_id=" KIND) != 0)
            continue;
        char *dir = qlab_path_join(folder, names[i]);
        rc = load_report(dir, &other, err);
        if (rc == QLAB_OK && is_earlier(other, report))
            count_run(report, other, runs, runs + n);
        json_decref(other);
        qlab_free(dir);
    }
    for (size_t i = 0; rc == QLAB_OK && i < n; i++)
        if (runs[i] > 0)
            (void)json_array_append_new(
                *out, json_pack("{s:O, s:I, s:I}", "id",
                                json_object_get(json_array_get(candidates, i), "id"), "runs",
                                (json_int_t)runs[i], "passed", (json_int_t)runs[n + i]));
    qlab_dir_list_free(names, n_names);
    qlab_free(folder);
    qlab_free(runs);
    if (rc != QLAB_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return rc;
}
