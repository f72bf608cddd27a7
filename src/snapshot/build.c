#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "ops/run.h"
#include "snapshot/state.h"
#include "truth/lives.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { STALE_AFTER_DAYS = 7 }; /* an as-of may be a weekend or a holiday, not more */

qlab_snapshot_options qlab_snapshot_options_default(void)
{
    return (qlab_snapshot_options){.asof = QLAB_DATE_NONE,
                                   .commit = QLAB_LAKE_LATEST,
                                   .min_eligible = 30,
                                   .rule = qlab_eligible_rule_default(),
                                   .layers = qlab_layer_policies_default()};
}

static void build_free(qlab_build *b)
{
    qlab_lake_view_close(b->view);
    qlab_free(b->overrides);
    qlab_free(b->given_lives);
    qlab_free(b->given_life_first);
    qlab_sectors_free(&b->sectors);
    qlab_free(b->facts);
    qlab_free(b->fact_first);
    qlab_free(b->delistings);
    qlab_free(b->delisting_first);
    qlab_arena_free(&b->strings);
    for (size_t e = 0; e < b->n_exchanges; e++) {
        qlab_free(b->exchange_names[e]);
        if (b->days != NULL)
            qlab_exchange_days_free(&b->days[e]);
    }
    qlab_free(b->exchange_names);
    qlab_free(b->exchange_of);
    qlab_free(b->days);
    qlab_free(b->axis);
    qlab_free(b->state_dir);
    qlab_fx_rates_free(&b->fx);
    qlab_free(b->session_digests);
    qlab_found_free(&b->found);
}

/* ---- what the build starts from -------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void qlab_index_exchanges(const qlab_lake_view *v, char ***names, size_t *n, uint32_t **of)
{
    char **all = qlab_alloc(v->n_assets, sizeof *all);
    for (size_t i = 0; i < v->n_assets; i++)
        all[i] = (char *)v->assets[i].exchange;
    qsort(all, v->n_assets, sizeof *all, compare_names);
    size_t kept = 0;
    for (size_t i = 0; i < v->n_assets; i++)
        if (kept == 0 || strcmp(all[kept - 1], all[i]) != 0)
            all[kept++] = all[i];
    *of = qlab_alloc(v->n_assets, sizeof **of);
    for (size_t i = 0; i < v->n_assets; i++) {
        char *key = (char *)v->assets[i].exchange;
        char **at = bsearch(&key, all, kept, sizeof *all, compare_names);
        assert(at != NULL);
        (*of)[i] = (uint32_t)(at - all);
    }
    for (size_t i = 0; i < kept; i++)
        all[i] = qlab_strdup(all[i]);
    *names = all;
    *n = kept;
}

static qlab_code read_facts(qlab_build *b, qlab_err *err)
{
    qlab_conn *conn = NULL;
    qlab_code code = qlab_duck_conn(b->env->duck, 0, &conn, err);
    if (code == QLAB_OK)
        code = qlab_actions_read(b->view, conn, &b->strings, &b->facts, &b->n_facts, err);
    if (code == QLAB_OK)
        code =
            qlab_delistings_read(b->view, conn, &b->strings, &b->delistings, &b->n_delistings, err);
    if (code != QLAB_OK)
        return code;
    QLAB_FIRST_OF(b->facts, b->n_facts, b->view->n_assets, b->fact_first);
    QLAB_FIRST_OF(b->delistings, b->n_delistings, b->view->n_assets, b->delisting_first);
    return QLAB_OK;
}

static qlab_code read_overrides(qlab_build *b, qlab_err *err)
{
    qlab_buf canonical = QLAB_BUF_INIT;
    qlab_code code = QLAB_OK;
    if (b->o.overrides != NULL && b->o.overrides[0] != '\0')
        code = qlab_session_overrides_load(b->o.overrides, &b->overrides, &b->n_overrides, err);
    for (size_t i = 0; code == QLAB_OK && i < b->n_overrides; i++)
        qlab_buf_putf(&canonical, "%s,%ld,%d\n", b->overrides[i].exchange,
                      (long)b->overrides[i].date, b->overrides[i].is_session);
    b->overrides_digest = qlab_sha256_of(canonical.n ? canonical.at : "", canonical.n);
    qlab_buf_free(&canonical);
    return code;
}

/* Lives of map files in the lake; the file of the call wins for the assets that it names. */
static qlab_code read_lives(qlab_build *b, qlab_err *err)
{
    qlab_code code = QLAB_OK;
    qlab_conn *conn = NULL;
    qlab_known_life *known = NULL;
    qlab_life *named = NULL;
    size_t n_known = 0, n_named = 0;
    b->lives_digest = qlab_sha256_of("", 0);
    if (b->o.lives != NULL && b->o.lives[0] != '\0') {
        code = qlab_sha256_file(b->o.lives, &b->lives_digest, NULL, err);
        if (code == QLAB_OK)
            code = qlab_lives_load(b->o.lives, b->view, &named, &n_named, err);
    }
    if (code == QLAB_OK)
        code = qlab_duck_conn(b->env->duck, 0, &conn, err);
    if (code == QLAB_OK)
        code = qlab_lives_read(b->view, conn, &b->strings, &known, &n_known, err);
    if (code == QLAB_OK)
        qlab_lives_number(known, n_known, named, n_named, &b->given_lives, &b->n_given_lives);
    qlab_free(known);
    qlab_free(named);
    if (code == QLAB_OK)
        QLAB_FIRST_OF(b->given_lives, b->n_given_lives, b->view->n_assets, b->given_life_first);
    return code;
}

static qlab_code read_sectors(qlab_build *b, qlab_err *err)
{
    if (b->o.sectors == NULL || b->o.sectors[0] == '\0')
        return QLAB_OK;
    qlab_code code = qlab_sha256_file(b->o.sectors, &b->sectors_digest, NULL, err);
    if (code == QLAB_OK)
        code = qlab_sectors_load(b->o.sectors, b->view, &b->sectors, err);
    if (code == QLAB_OK)
        qlab_log_line(b->env->log, QLAB_LOG_INFO, "snapshot",
                      "event=sectors assets=%zu of=%zu rows=%zu not_in_lake=%zu",
                      b->sectors.n_known, b->view->n_assets, b->sectors.n_rows,
                      b->sectors.n_not_in_lake);
    return code;
}

static qlab_code open_build(qlab_build *b, qlab_err *err)
{
    json_t *doc = NULL;
    qlab_code code = qlab_lake_view_open(b->env, b->o.commit, &b->view, err);
    if (code != QLAB_OK)
        return code;
    if (b->view->commit == 0 || b->view->n_assets == 0)
        return qlab_fail(err, QLAB_E_NOT_FOUND, "the lake under %s had no assets: ingest first",
                         b->env->root);
    code = qlab_lake_read_commit(b->env->root, b->view->commit, &doc, b->commit_sha256, err);
    if (code != QLAB_OK)
        return code;
    json_decref(doc);
    code = read_overrides(b, err);
    if (code == QLAB_OK)
        code = read_lives(b, err);
    if (code == QLAB_OK)
        code = read_sectors(b, err);
    if (code == QLAB_OK)
        code = read_facts(b, err);
    if (code == QLAB_OK)
        qlab_index_exchanges(b->view, &b->exchange_names, &b->n_exchanges, &b->exchange_of);
    if (code == QLAB_OK)
        b->state_dir = qlab_state_dir(b);
    return code;
}

/* Everything that decides the result, before any work: names the job and the memo. */
static qlab_digest plan_digest(const qlab_build *b)
{
    char hex[QLAB_HEX_BYTES];
    json_t *o = json_object();
    json_object_set_new(o, "kind", json_string("snapshot/1"));
    json_object_set_new(o, "results_version", json_integer(QLAB_RESULTS_VERSION));
    json_object_set_new(o, "program", json_string(QLAB_VERSION));
    json_object_set_new(o, "commit", json_string(b->commit_sha256));
    json_object_set_new(o, "asof",
                        b->o.asof == QLAB_DATE_NONE ? json_null() : json_integer(b->o.asof));
    json_object_set_new(o, "calendar", json_string(b->o.calendar ? b->o.calendar : ""));
    json_object_set_new(o, "overrides", json_string(qlab_hex(b->overrides_digest, hex)));
    json_object_set_new(o, "lives", json_string(qlab_hex(b->lives_digest, hex)));
    if (b->sectors.of != NULL)
        json_object_set_new(o, "sectors", json_string(qlab_hex(b->sectors_digest, hex)));
    json_object_set_new(o, "min_eligible", json_integer(b->o.min_eligible));
    json_object_set_new(o, "rule", qlab_eligible_rule_json(&b->o.rule));
    json_t *layers = json_object(); /* a stricter call may not find what a laxer one left */
    for (int i = 0; i < QLAB_LAYERS; i++)
        json_object_set_new(layers, qlab_layer_name((qlab_layer)i),
                            json_integer(b->o.layers.of[i]));
    json_object_set_new(o, "layers", layers);
    if (b->o.full)
        json_object_set_new(o, "full", json_true());
    qlab_digest d = qlab_json_digest(o);
    json_decref(o);
    return d;
}

/* ---- calendar and as-of ---------------------------------------------------------------------- */

/* Forgets dates after asof, and those without bars that an override had added. */
static void keep_bar_dates(qlab_exchange_days *d, int32_t asof)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->n && d->date[i] <= asof; i++)
        if (d->n_bars[i] > 0) {
            d->date[kept] = d->date[i];
            d->n_bars[kept++] = d->n_bars[i];
        }
    d->n = kept;
}

/* The border of the states, and what the sessions before it are. */
static void set_border(qlab_build *b, int32_t asof)
{
    qlab_sha256 *h = qlab_sha256_new();
    b->border = qlab_date_make(qlab_date_year(asof), 1, 1);
    qlab_free(b->session_digests);
    b->session_digests = qlab_alloc(b->n_exchanges, sizeof *b->session_digests);
    for (size_t e = 0; e < b->n_exchanges; e++) {
        const qlab_exchange_days *d = &b->days[e];
        for (size_t i = 0; i < d->n_sessions && d->session[i] < b->border; i++)
            qlab_sha256_put_i32(h, d->session[i]);
        b->session_digests[e] = qlab_sha256_end(h);
    }
    qlab_sha256_free(h);
}

/* Sessions of every exchange among the dates up to asof. */
static void mark_sessions(qlab_build *b, int32_t asof)
{
    for (size_t e = 0; e < b->n_exchanges; e++) {
        qlab_exchange_days *d = &b->days[e];
        qlab_free(d->n_eligible);
        d->n_eligible = NULL;
        keep_bar_dates(d, asof);
        qlab_session_mark(d->n_bars, d->n, d->is_session);
        for (size_t i = 0; i < b->n_overrides; i++)
            if (b->overrides[i].date <= asof)
                qlab_session_override_apply(d, &b->overrides[i], 1);
        qlab_session_index(d);
    }
    set_border(b, asof);
}

static void give_eligible(qlab_build *b)
{
    for (size_t e = 0; e < b->n_exchanges; e++) {
        qlab_free(b->days[e].n_eligible);
        b->days[e].n_eligible = qlab_alloc_zero(b->days[e].n, sizeof(uint32_t));
    }
    for (size_t i = 0; i < b->found.n_counts; i++) {
        const qlab_eligible_count *c = &b->found.counts[i];
        qlab_exchange_days *d = &b->days[c->exchange];
        size_t at = qlab_session_lower_bound(d->date, d->n, d->session[c->session]);
        d->n_eligible[at] += c->n_eligible;
    }
}

static qlab_code choose_master(qlab_build *b, qlab_err *err)
{
    uint64_t best = 0;
    b->master_exchange = 0;
    if (b->o.calendar != NULL && b->o.calendar[0] != '\0') {
        for (size_t e = 0; e < b->n_exchanges; e++)
            if (strcmp(b->exchange_names[e], b->o.calendar) == 0) {
                b->master_exchange = e;
                return QLAB_OK;
            }
        return qlab_fail(err, QLAB_E_CONFIG, "universe.calendar %s was no exchange of the lake",
                         b->o.calendar);
    }
    for (size_t e = 0; e < b->n_exchanges; e++) {
        /* Names of this exchange that were eligible, summed over its dates; bars break a tie of
         * none, then the name. */
        uint64_t sum = 0;
        for (size_t i = 0; i < b->days[e].n; i++)
            sum += ((uint64_t)b->days[e].n_eligible[i] << 24) + b->days[e].n_bars[i];
        if (sum > best) {
            best = sum;
            b->master_exchange = e;
        }
    }
    return QLAB_OK;
}

static uint32_t eligible_on(const qlab_build *b, int32_t date)
{
    uint32_t n = 0;
    for (size_t e = 0; e < b->n_exchanges; e++) {
        const qlab_exchange_days *d = &b->days[e];
        size_t at = qlab_session_lower_bound(d->date, d->n, date);
        if (at < d->n && d->date[at] == date)
            n += d->n_eligible[at];
    }
    return n;
}

/* Fills axis; *most and *most_date say what the best session had. */
static void make_axis(qlab_build *b, uint32_t *most, int32_t *most_date)
{
    const qlab_exchange_days *m = &b->days[b->master_exchange];
    qlab_free(b->axis);
    b->axis = qlab_alloc(m->n_sessions, sizeof *b->axis);
    b->n_axis = 0;
    *most = 0;
    *most_date = QLAB_DATE_NONE;
    for (size_t i = 0; i < m->n_sessions; i++) {
        uint32_t n = eligible_on(b, m->session[i]);
        if (n >= b->o.min_eligible)
            b->axis[b->n_axis++] = m->session[i];
        if (n > *most) {
            *most = n;
            *most_date = m->session[i];
        }
    }
}

static qlab_code walk(qlab_build *b, qlab_job *job, int32_t asof, uint32_t *most,
                      int32_t *most_date, qlab_err *err)
{
    mark_sessions(b, asof);
    qlab_code code = qlab_build_pass_series(b, job, asof, err);
    if (code != QLAB_OK)
        return code;
    give_eligible(b);
    code = choose_master(b, err);
    if (code == QLAB_OK)
        make_axis(b, most, most_date);
    return code;
}

static qlab_code check_asof(const qlab_build *b, qlab_err *err)
{
    char asked[QLAB_DATE_BYTES], have[QLAB_DATE_BYTES];
    if (b->o.asof == QLAB_DATE_NONE)
        return QLAB_OK;
    int32_t first = INT32_MAX;
    for (size_t e = 0; e < b->n_exchanges; e++)
        if (b->days[e].n > 0 && b->days[e].date[0] < first)
            first = b->days[e].date[0];
    if (b->o.asof < first)
        return qlab_fail(err, QLAB_E_USAGE, "as-of %s was before the first bar of commit %u, %s",
                         qlab_date_format(b->o.asof, asked), b->view->commit,
                         qlab_date_format(first, have));
    if (b->o.asof > b->last_date + STALE_AFTER_DAYS)
        return qlab_fail(err, QLAB_E_STALE,
                         "as-of %s was %ld days after the last bar of commit %u, %s",
                         qlab_date_format(b->o.asof, asked), (long)(b->o.asof - b->last_date),
                         b->view->commit, qlab_date_format(b->last_date, have));
    return QLAB_OK;
}

/* An exchange that stopped long before the as-of has no eligible names at it. */
static void retire_stale_exchanges(qlab_build *b)
{
    for (size_t i = 0; i < b->found.n_universe; i++) {
        qlab_universe_row *u = &b->found.universe[i];
        const qlab_exchange_days *d = &b->days[b->exchange_of[u->asset_ix]];
        bool stale = d->n_sessions == 0 ||
                     d->session[d->n_sessions - 1] + STALE_AFTER_DAYS < b->universe_date;
        if (stale && u->reason != QLAB_INELIGIBLE_CLASS && u->reason != QLAB_INELIGIBLE_FEW_BARS)
            u->reason = QLAB_INELIGIBLE_NO_BAR;
    }
}

static qlab_code find_all(qlab_build *b, qlab_job *job, qlab_err *err)
{
    uint32_t most = 0;
    int32_t most_date = QLAB_DATE_NONE;
    qlab_code code = qlab_build_pass_days(b, job, err);
    if (code == QLAB_OK)
        code = check_asof(b, err);
    if (code != QLAB_OK)
        return code;
    if (b->last_date == INT32_MIN)
        return qlab_fail(err, QLAB_E_NOT_FOUND, "commit %u had no bars", b->view->commit);
    b->asof = b->o.asof == QLAB_DATE_NONE ? b->last_date : b->o.asof;
    code = walk(b, job, b->asof, &most, &most_date, err);
    if (code == QLAB_OK && b->o.asof == QLAB_DATE_NONE) {
        char day[QLAB_DATE_BYTES];
        const char *name = b->exchange_names[b->master_exchange];
        name = name[0] != '\0' ? name : "(no exchange)";
        if (b->n_axis == 0 && most == 0)
            return qlab_fail(err, QLAB_E_NOT_FOUND,
                             "no name was eligible on any session of %s, so there is no default "
                             "as-of: give --asof DATE",
                             name);
        if (b->n_axis == 0)
            return qlab_fail(err, QLAB_E_NOT_FOUND,
                             "no session of %s had %u eligible names (the most was %u on %s), so "
                             "there is no default as-of: give --asof DATE",
                             name, b->o.min_eligible, most, qlab_date_format(most_date, day));
        b->asof = b->axis[b->n_axis - 1];
        if (b->asof < b->last_date)
            code = walk(b, job, b->asof, &most, &most_date, err);
    }
    if (code != QLAB_OK)
        return code;
    const qlab_exchange_days *m = &b->days[b->master_exchange];
    b->universe_date = m->n_sessions > 0 ? m->session[m->n_sessions - 1] : b->asof;
    retire_stale_exchanges(b);
    return QLAB_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

qlab_code qlab_snapshot_build(const qlab_env *env, const qlab_snapshot_options *o,
                              qlab_snapshot_made *out, qlab_err *err)
{
    qlab_build b = {.env = env, .o = *o};
    qlab_job *job = NULL;
    qlab_content content;
    *out = (qlab_snapshot_made){0};
    qlab_code code = open_build(&b, err);
    if (code != QLAB_OK)
        goto done;
    qlab_digest plan = plan_digest(&b);
    if (!o->full && qlab_build_find_memo(env, plan, out)) {
        code = env->dry_run ? QLAB_OK : qlab_job_forget(env, plan, err);
        goto done;
    }
    if (env->dry_run)
        goto done;
    code = qlab_job_open(env, "snapshot build", plan, &job, err);
    if (code == QLAB_OK)
        code = find_all(&b, job, err);
    if (code == QLAB_OK)
        code = qlab_build_read_fx(&b, err);
    if (code == QLAB_OK)
        code = qlab_build_check_layers(&b, err);
    if (code == QLAB_OK)
        code = qlab_build_content(&b, &content, err);
    out->n_bars_read = b.n_bars_read;
    if (code == QLAB_OK)
        code = qlab_build_publish(&b, &content, job, out, err);
    if (code == QLAB_OK && !o->full)
        code = qlab_build_write_memo(env, plan, out->id, err);
    if (code == QLAB_OK) {
        qlab_job *finished = job;
        job = NULL;
        code = qlab_job_finish(finished, err);
    }
done:
    if (job != NULL && (code == QLAB_E_USAGE || code == QLAB_E_CONFIG || code == QLAB_E_NOT_FOUND ||
                        code == QLAB_E_STALE)) {
        qlab_err ignored = QLAB_ERR_INIT; /* nothing to resume: the call itself was wrong */
        if (qlab_job_finish(job, &ignored) != QLAB_OK)
            qlab_log_line(env->log, QLAB_LOG_WARN, "snapshot", "detail=\"%s\"", ignored.text);
        job = NULL;
    }
    qlab_job_close(job);
    build_free(&b);
    if (code != QLAB_OK)
        qlab_snapshot_made_free(out);
    return code;
}

void qlab_snapshot_made_free(qlab_snapshot_made *m)
{
    qlab_free(m->id);
    qlab_free(m->dir);
    json_decref(m->manifest);
    *m = (qlab_snapshot_made){0};
}
