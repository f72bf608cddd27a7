/* Writing to the trial ledger: deposits and openings. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "registry/trials_int.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One trial of a batch, its missing values left out. */
typedef struct entry {
    const qlab_trial_deposit *of;
    qlab_digest trial, definition, series;
    int32_t *dates;
    double *values;
    size_t n;
} entry;

static int by_trial(const void *a, const void *b)
{
    return qlab_digest_cmp(&((const entry *)a)->trial, &((const entry *)b)->trial);
}

static void take(entry *e, const qlab_trial_deposit *d)
{
    e->of = d;
    e->trial = qlab_trial_id(d->candidate, d->rule, d->execution);
    e->definition = qlab_trial_definition(d->candidate);
    e->dates = qlab_alloc(d->n + 1, sizeof *e->dates);
    e->values = qlab_alloc(d->n + 1, sizeof *e->values);
    for (size_t i = 0; i < d->n; i++) {
        assert(i == 0 || d->dates[i] > d->dates[i - 1]);
        assert(!isinf(d->values[i]));
        if (isnan(d->values[i]))
            continue;
        e->dates[e->n] = d->dates[i];
        e->values[e->n++] = d->values[i];
    }
    e->series = qlab_series_digest(e->dates, e->values, e->n);
}

static void entries_free(entry *e, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        qlab_free(e[i].dates);
        qlab_free(e[i].values);
    }
    qlab_free(e);
}

/* The order of the candidates changes no byte: entries go by identity. */
static qlab_code make_entries(const qlab_trial_batch *b, entry **out, qlab_err *err)
{
    entry *e = qlab_alloc_zero(b->n + 1, sizeof *e);
    char hex[QLAB_HEX_BYTES];
    qlab_code rc = QLAB_OK;

    for (size_t i = 0; i < b->n; i++)
        take(&e[i], &b->at[i]);
    if (b->n > 0)
        qsort(e, b->n, sizeof *e, by_trial);
    for (size_t i = 1; i < b->n && rc == QLAB_OK; i++)
        if (by_trial(&e[i - 1], &e[i]) == 0)
            rc = qlab_fail(err, QLAB_E_USAGE, "plan %s deposited trial %s twice", b->plan,
                           qlab_hex(e[i].trial, hex));
    if (rc == QLAB_OK)
        *out = e;
    else
        entries_free(e, b->n);
    return rc;
}

/* ---- a plan that deposited before -------------------------------------------------------------
 */

static qlab_code check_repeat(const qlab_trial_batch *b, const entry *e,
                              const qlab_trial_line *lines, size_t n_lines, qlab_err *err)
{
    char hex[QLAB_HEX_BYTES];
    size_t n = 0;

    for (size_t i = 0; i < n_lines; i++) {
        const qlab_trial_line *l = &lines[i];
        if (l->event != QLAB_TRIAL_DEPOSITED || strcmp(l->plan, b->plan) != 0)
            continue;
        if (n == b->n || l->kind != b->kind || qlab_digest_cmp(&l->trial, &e[n].trial) != 0 ||
            qlab_digest_cmp(&l->series, &e[n].series) != 0)
            return qlab_fail(err, QLAB_E_CORRUPT,
                             "plan %s deposited another series for trial %s before (line %zu of "
                             "the trial ledger); the same plan must give the same series",
                             b->plan, qlab_hex(l->trial, hex), i + 1);
        n++;
    }
    if (n != b->n)
        return qlab_fail(err, QLAB_E_CORRUPT, "plan %s deposited %zu trials before, now %zu",
                         b->plan, n, b->n);
    return QLAB_OK;
}

/* ---- a new batch ------------------------------------------------------------------------------
 */

/* *file is relative to the root, "" where no trial has a value; owned by the caller. */
static qlab_code write_series(const qlab_env *env, const entry *e, size_t n, char **file,
                              qlab_err *err)
{
    char(*hex)[QLAB_HEX_BYTES] = qlab_alloc(n + 1, sizeof *hex);
    qlab_written w = {0};
    qlab_conn *conn;
    size_t n_rows = 0, at = 0;
    qlab_code rc = QLAB_OK;

    for (size_t i = 0; i < n; i++)
        n_rows += e[i].n;
    qlab_str *trial = qlab_alloc(n_rows + 1, sizeof *trial);
    int32_t *date = qlab_alloc(n_rows + 1, sizeof *date);
    double *value = qlab_alloc(n_rows + 1, sizeof *value);
    for (size_t i = 0; i < n; i++) {
        qlab_hex(e[i].trial, hex[i]);
        for (size_t k = 0; k < e[i].n; k++, at++) {
            trial[at] = qlab_str_of(hex[i]);
            date[at] = e[i].dates[k];
            value[at] = e[i].values[k];
        }
    }
    const qlab_col cols[] = {{"trial", QLAB_T_STR, trial, NULL, NULL},
                             {"date", QLAB_T_DATE, date, NULL, NULL},
                             {"value", QLAB_T_F64, value, NULL, NULL}};
    char *path = qlab_path_join(env->root, "registry/series/%.parquet");
    if (n_rows > 0 && (rc = qlab_duck_conn(env->duck, 0, &conn, err)) == QLAB_OK)
        rc = qlab_conn_put_parquet(conn, cols, 3, n_rows, QLAB_CODEC_ZSTD, path, &w, err);
    if (rc == QLAB_OK)
        *file = n_rows > 0 ? qlab_asprintf("registry/series/%s", qlab_path_base(w.path))
                           : qlab_strdup("");
    qlab_free(w.path);
    qlab_free(path);
    qlab_free(value);
    qlab_free(date);
    qlab_free(trial);
    qlab_free(hex);
    return rc;
}

static void set_date(json_t *o, const char *key, int32_t date)
{
    char text[QLAB_DATE_BYTES];

    (void)json_object_set_new(o, key, json_string(qlab_date_format(date, text)));
}

static void set_digest(json_t *o, const char *key, qlab_digest d)
{
    char hex[QLAB_HEX_BYTES];

    (void)json_object_set_new(o, key, json_string(qlab_hex(d, hex)));
}

static json_t *begin_line(const char *event, const char *plan, int32_t asof, qlab_digest definition)
{
    json_t *o = json_object();

    (void)json_object_set_new(o, "event", json_string(event));
    (void)json_object_set_new(o, "plan", json_string(plan));
    set_date(o, "asof", asof);
    set_digest(o, "definition", definition);
    return o;
}

static json_t *series_json(const entry *e, const char *file)
{
    json_t *s = json_object();

    set_digest(s, "digest", e->series);
    (void)json_object_set_new(s, "file", json_string(e->n > 0 ? file : ""));
    (void)json_object_set_new(s, "n", json_integer((json_int_t)e->n));
    if (e->n > 0) {
        set_date(s, "first", e->dates[0]);
        set_date(s, "last", e->dates[e->n - 1]);
    }
    return s;
}

/* What the ledger knew of a trial and its definition before. */
static json_t *trial_line(const qlab_trial_batch *b, const entry *e, const char *file,
                          const qlab_trial_line *lines, size_t n_lines)
{
    int32_t newest = b->asof, forward_from = QLAB_DATE_NONE;
    json_int_t look = 1;
    bool is_new = true;

    for (size_t i = 0; i < n_lines; i++) {
        const qlab_trial_line *l = &lines[i];
        newest = l->asof > newest ? l->asof : newest;
        if (l->event != QLAB_TRIAL_DEPOSITED)
            continue;
        if (forward_from == QLAB_DATE_NONE && qlab_digest_cmp(&l->definition, &e->definition) == 0)
            forward_from = l->forward_from;
        if (qlab_digest_cmp(&l->trial, &e->trial) == 0) {
            is_new = false;
            look += l->kind == b->kind;
        }
    }
    json_t *o = begin_line("trial", b->plan, b->asof, e->definition);
    (void)json_object_set_new(o, "kind", json_string(qlab_trial_kind_name(b->kind)));
    set_digest(o, "trial", e->trial);
    (void)json_object_set_new(o, "look", json_integer(look));
    set_date(o, "forward_from", forward_from != QLAB_DATE_NONE ? forward_from : newest);
    (void)json_object_set_new(o, "series", series_json(e, file));
    if (is_new) {
        (void)json_object_set_new(o, "candidate", json_deep_copy(e->of->candidate));
        (void)json_object_set_new(o, "rule", json_deep_copy(e->of->rule));
        (void)json_object_set_new(o, "execution", json_deep_copy(e->of->execution));
    }
    return o;
}

static qlab_code append_batch(const qlab_env *env, qlab_rchain *c, const qlab_trial_batch *b,
                              const entry *e, const qlab_trial_line *lines, qlab_err *err)
{
    const size_t n_lines = qlab_rchain_lines(c);
    char *file = NULL;
    qlab_code rc = write_series(env, e, b->n, &file, err);

    if (rc != QLAB_OK)
        return rc;
    json_t **made = qlab_alloc(b->n + 1, sizeof(json_t *));
    for (size_t i = 0; i < b->n; i++)
        made[i] = trial_line(b, &e[i], file, lines, n_lines);
    rc = qlab_rchain_append(c, made, b->n, err);
    qlab_free(made);
    qlab_free(file);
    return rc;
}

qlab_code qlab_trials_deposit(const qlab_env *env, const qlab_trial_batch *b,
                              qlab_trials_deposited *out, qlab_err *err)
{
    qlab_trial_line *lines = NULL;
    qlab_rchain *c = NULL;
    entry *e = NULL;
    qlab_code rc = make_entries(b, &e, err);

    *out = (qlab_trials_deposited){0};
    if (rc != QLAB_OK)
        return rc;
    if ((rc = qlab_rchain_open_to_write(env, QLAB_TRIALS_LEDGER, &c, err)) != QLAB_OK ||
        (rc = qlab_trial_lines_read(c, qlab_rchain_lines(c), &lines, err)) != QLAB_OK)
        goto done;
    out->existed = qlab_trial_lines_plan(c, lines, qlab_rchain_lines(c), b->plan, &out->pin);
    if (out->existed) {
        rc = check_repeat(b, e, lines, qlab_rchain_lines(c), err);
        goto done;
    }
    rc = append_batch(env, c, b, e, lines, err);
    if (rc == QLAB_OK)
        out->pin = qlab_chain_pin_at(c, qlab_rchain_lines(c));
done:
    qlab_free(lines);
    qlab_rchain_close(c);
    entries_free(e, b->n);
    return rc;
}

/* ---- opening what is sealed -------------------------------------------------------------------
 */

/* True where this plan opened the definition; fails where another one did. */
static qlab_code find_opening(const qlab_trial_line *lines, size_t n_lines, const char *plan,
                              qlab_digest definition, bool *opened, qlab_err *err)
{
    char hex[QLAB_HEX_BYTES], date[QLAB_DATE_BYTES];

    *opened = false;
    for (size_t i = 0; i < n_lines; i++) {
        const qlab_trial_line *l = &lines[i];
        if (l->event != QLAB_TRIAL_OPENED || qlab_digest_cmp(&l->definition, &definition) != 0)
            continue;
        if (strcmp(l->plan, plan) != 0)
            return qlab_fail(err, QLAB_E_USAGE,
                             "the sealed sessions were opened once for definition %.16s, from %s "
                             "on, by plan %s (line %zu of the trial ledger); they are not opened "
                             "again",
                             qlab_hex(definition, hex), qlab_date_format(l->first_sealed, date),
                             l->plan, i + 1);
        *opened = true;
    }
    return QLAB_OK;
}

static int by_digest(const void *a, const void *b)
{
    return qlab_digest_cmp(a, b);
}

qlab_code qlab_trials_open_sealed(const qlab_env *env, const char *plan, int32_t asof,
                                  int32_t first_sealed, const json_t *const *candidates, size_t n,
                                  qlab_chain_pin *out, qlab_err *err)
{
    qlab_digest *id = qlab_alloc(n + 1, sizeof *id);
    json_t **made = qlab_alloc(n + 1, sizeof(json_t *));
    qlab_trial_line *lines = NULL;
    qlab_rchain *c = NULL;
    size_t n_made = 0;
    bool opened;
    qlab_code rc;

    for (size_t i = 0; i < n; i++)
        id[i] = qlab_trial_definition(candidates[i]);
    if (n > 0)
        qsort(id, n, sizeof *id, by_digest);
    if ((rc = qlab_rchain_open_to_write(env, QLAB_TRIALS_LEDGER, &c, err)) != QLAB_OK ||
        (rc = qlab_trial_lines_read(c, qlab_rchain_lines(c), &lines, err)) != QLAB_OK)
        goto done;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && by_digest(&id[i - 1], &id[i]) == 0)
            continue;
        rc = find_opening(lines, qlab_rchain_lines(c), plan, id[i], &opened, err);
        if (rc != QLAB_OK)
            goto done;
        if (opened)
            continue;
        made[n_made] = begin_line("opened", plan, asof, id[i]);
        set_date(made[n_made++], "first_sealed", first_sealed);
    }
    rc = qlab_rchain_append(c, made, n_made, err);
    n_made = 0;
    if (rc == QLAB_OK)
        *out = qlab_chain_pin_at(c, qlab_rchain_lines(c));
done:
    for (size_t i = 0; i < n_made; i++)
        json_decref(made[i]);
    qlab_free(lines);
    qlab_rchain_close(c);
    qlab_free(made);
    qlab_free(id);
    return rc;
}
