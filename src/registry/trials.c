#include "registry/trials.h"

#include "base/alloc.h"
#include "base/date.h"
#include "registry/trials_int.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading ----------------------------------------------------------------------------------
 */

static int by_trial(const void *a, const void *b)
{
    const qlab_trial_line *const *x = a, *const *y = b;
    const int c = qlab_digest_cmp(&(*x)->trial, &(*y)->trial);

    return c != 0 ? c : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

static int by_file(const void *a, const void *b)
{
    const qlab_trial_line *const *x = a, *const *y = b;
    const int c = strcmp((*x)->file, (*y)->file);

    return c != 0 ? c : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

static int trial_cmp(const void *a, const void *b)
{
    return qlab_digest_cmp(&((const qlab_trial *)a)->id, &((const qlab_trial *)b)->id);
}

/* One line's values, until they are put together. */
typedef struct piece {
    int32_t *dates;
    double *values;
    size_t n;
} piece;

/* Adds the dates that the trial does not have yet. */
static void extend(qlab_trial *t, const piece *p)
{
    int32_t *dates = qlab_alloc(t->n + p->n + 1, sizeof *dates);
    double *values = qlab_alloc(t->n + p->n + 1, sizeof *values);
    size_t i = 0, k = 0, n = 0;

    while (i < t->n || k < p->n) {
        const bool old = k == p->n || (i < t->n && t->dates[i] <= p->dates[k]);
        if (old && k < p->n && t->dates[i] == p->dates[k])
            k++;
        dates[n] = old ? t->dates[i] : p->dates[k];
        values[n++] = old ? t->values[i++] : p->values[k++];
    }
    qlab_free(t->dates);
    qlab_free(t->values);
    t->dates = dates;
    t->values = values;
    t->n = n;
}

/* Lines of one trial, in the order of the ledger. */
static void put_together(qlab_trial *t, qlab_trial_line *const *lines, size_t n,
                         const piece *pieces)
{
    t->id = lines[0]->trial;
    t->definition = lines[0]->definition;
    t->forward_from = lines[0]->forward_from;
    t->first_asof = t->last_asof = lines[0]->asof;
    t->n_looks = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        t->first_asof = lines[i]->asof < t->first_asof ? lines[i]->asof : t->first_asof;
        t->last_asof = lines[i]->asof > t->last_asof ? lines[i]->asof : t->last_asof;
        extend(t, &pieces[lines[i]->line]);
    }
}

/* What the trials' identities say, whatever the kind of the line that says it; and openings. */
static qlab_code describe(qlab_trials *out, const qlab_trial_line *lines, size_t n, qlab_err *err)
{
    char hex[QLAB_HEX_BYTES];

    for (size_t i = 0; i < n; i++) {
        const qlab_trial_line *l = &lines[i];
        if (l->event == QLAB_TRIAL_OPENED) {
            for (size_t k = 0; k < out->n; k++)
                out->at[k].opened |= qlab_digest_cmp(&out->at[k].definition, &l->definition) == 0;
            continue;
        }
        const qlab_trial key = {.id = l->trial};
        qlab_trial *t =
            out->n > 0 ? bsearch(&key, out->at, out->n, sizeof *out->at, trial_cmp) : NULL;
        if (t == NULL || l->candidate == NULL || t->candidate != NULL)
            continue;
        t->candidate = l->candidate;
        t->rule = l->rule;
        t->execution = l->execution;
    }
    for (size_t k = 0; k < out->n; k++)
        if (out->at[k].candidate == NULL)
            return qlab_fail(err, QLAB_E_CORRUPT, "trial ledger: no line said what trial %s is of",
                             qlab_hex(out->at[k].id, hex));
    return QLAB_OK;
}

/* Values of the lines in `by` into pieces[line]; each file is read once. */
static qlab_code load_pieces(const qlab_env *env, qlab_trial_line **by, size_t n, piece *pieces,
                             qlab_err *err)
{
    qlab_series_file f = {.table = QLAB_TABLE_INIT};
    const char *open = "";
    qlab_code rc = QLAB_OK;

    if (n > 0)
        qsort(by, n, sizeof(qlab_trial_line *), by_file);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        const qlab_trial_line *l = by[i];
        size_t from = 0;
        if (l->n == 0)
            continue;
        if (strcmp(open, l->file) != 0) {
            qlab_series_file_free(&f);
            open = l->file;
            rc = qlab_series_file_read(env, l->file, &f, err);
        }
        if (rc == QLAB_OK)
            rc = qlab_series_file_find(&f, l, &from, err);
        if (rc != QLAB_OK)
            break;
        piece *p = &pieces[l->line];
        p->n = l->n;
        p->dates = qlab_alloc(l->n, sizeof *p->dates);
        p->values = qlab_alloc(l->n, sizeof *p->values);
        memcpy(p->dates, qlab_series_dates(&f) + from, l->n * sizeof *p->dates);
        memcpy(p->values, qlab_series_values(&f) + from, l->n * sizeof *p->values);
    }
    qlab_series_file_free(&f);
    return rc;
}

static void gather(qlab_trials *out, qlab_trial_line **by, size_t n, const piece *pieces)
{
    if (n > 0)
        qsort(by, n, sizeof(qlab_trial_line *), by_trial);
    out->at = qlab_alloc_zero(n + 1, sizeof *out->at);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n; to++)
            if (qlab_digest_cmp(&by[to]->trial, &by[from]->trial) != 0)
                break;
        put_together(&out->at[out->n++], by + from, to - from, pieces);
    }
}

qlab_code qlab_trials_read(const qlab_env *env, qlab_trial_kind kind, const qlab_chain_pin *upto,
                           qlab_trials *out, qlab_err *err)
{
    qlab_trial_line *lines = NULL, **by = NULL;
    piece *pieces = NULL;
    size_t n_lines = 0, n = 0;
    qlab_code rc;

    *out = (qlab_trials){0};
    if ((rc = qlab_rchain_open(env->root, QLAB_TRIALS_LEDGER, &out->ledger, err)) != QLAB_OK)
        return rc;
    if (upto != NULL && (rc = qlab_chain_holds(out->ledger, upto, err)) != QLAB_OK)
        goto done;
    n_lines = upto != NULL ? (size_t)upto->n_lines : qlab_rchain_lines(out->ledger);
    out->pin = qlab_chain_pin_at(out->ledger, n_lines);
    if ((rc = qlab_trial_lines_read(out->ledger, n_lines, &lines, err)) != QLAB_OK)
        goto done;
    by = qlab_alloc(n_lines + 1, sizeof(qlab_trial_line *));
    pieces = qlab_alloc_zero(n_lines + 1, sizeof *pieces);
    for (size_t i = 0; i < n_lines; i++)
        if (lines[i].event == QLAB_TRIAL_DEPOSITED && lines[i].kind == kind)
            by[n++] = &lines[i];
    if ((rc = load_pieces(env, by, n, pieces, err)) != QLAB_OK)
        goto done;
    gather(out, by, n, pieces);
    rc = describe(out, lines, n_lines, err);
done:
    for (size_t i = 0; pieces != NULL && i < n_lines; i++) {
        qlab_free(pieces[i].dates);
        qlab_free(pieces[i].values);
    }
    qlab_free(pieces);
    qlab_free(by);
    qlab_free(lines);
    if (rc != QLAB_OK)
        qlab_trials_free(out);
    return rc;
}

void qlab_trials_free(qlab_trials *t)
{
    for (size_t i = 0; i < t->n; i++) {
        qlab_free(t->at[i].dates);
        qlab_free(t->at[i].values);
    }
    qlab_free(t->at);
    qlab_rchain_close(t->ledger);
    *t = (qlab_trials){0};
}

const qlab_trial *qlab_trials_find(const qlab_trials *t, qlab_digest id)
{
    const qlab_trial key = {.id = id};

    return t->n > 0 ? bsearch(&key, t->at, t->n, sizeof *t->at, trial_cmp) : NULL;
}

/* ---- questions that need no series ------------------------------------------------------------
 */

qlab_code qlab_trials_has_plan(const char *root, const char *plan, bool *has, qlab_chain_pin *pin,
                               qlab_err *err)
{
    qlab_trial_line *lines = NULL;
    qlab_rchain *c = NULL;
    qlab_chain_pin at = {0};
    qlab_code rc;

    *has = false;
    if ((rc = qlab_rchain_open(root, QLAB_TRIALS_LEDGER, &c, err)) == QLAB_OK &&
        (rc = qlab_trial_lines_read(c, qlab_rchain_lines(c), &lines, err)) == QLAB_OK)
        *has = qlab_trial_lines_plan(c, lines, qlab_rchain_lines(c), plan, &at);
    if (pin != NULL)
        *pin = at;
    qlab_free(lines);
    qlab_rchain_close(c);
    return rc;
}

qlab_code qlab_trials_forward_from(const char *root, qlab_digest definition,
                                   const qlab_chain_pin *upto, int32_t *out, qlab_err *err)
{
    qlab_trial_line *lines = NULL;
    qlab_rchain *c = NULL;
    size_t n = 0;
    qlab_code rc;

    *out = QLAB_DATE_NONE;
    if ((rc = qlab_rchain_open(root, QLAB_TRIALS_LEDGER, &c, err)) != QLAB_OK ||
        (upto != NULL && (rc = qlab_chain_holds(c, upto, err)) != QLAB_OK))
        goto done;
    n = upto != NULL ? (size_t)upto->n_lines : qlab_rchain_lines(c);
    if ((rc = qlab_trial_lines_read(c, n, &lines, err)) != QLAB_OK)
        goto done;
    for (size_t i = 0; i < n && *out == QLAB_DATE_NONE; i++)
        if (lines[i].event == QLAB_TRIAL_DEPOSITED &&
            qlab_digest_cmp(&lines[i].definition, &definition) == 0)
            *out = lines[i].forward_from;
done:
    qlab_free(lines);
    qlab_rchain_close(c);
    return rc;
}

/* ---- verify -----------------------------------------------------------------------------------
 */

static bool is_damage(qlab_code rc)
{
    return rc == QLAB_E_CORRUPT || rc == QLAB_E_NOT_FOUND;
}

qlab_code qlab_trials_verify(const qlab_env *env, void (*say)(void *ctx, const char *finding),
                             void *ctx, size_t *n_findings, qlab_err *err)
{
    qlab_series_file f = {.table = QLAB_TABLE_INIT};
    qlab_trial_line *lines = NULL;
    qlab_rchain *c = NULL;
    const char *open = "";
    bool readable = true;
    qlab_code rc = qlab_rchain_open(env->root, QLAB_TRIALS_LEDGER, &c, err);

    *n_findings = 0;
    if (rc == QLAB_OK)
        rc = qlab_trial_lines_read(c, qlab_rchain_lines(c), &lines, err);
    for (size_t i = 0; rc == QLAB_OK && i < qlab_rchain_lines(c); i++) {
        const qlab_trial_line *l = &lines[i];
        size_t from;
        if (l->event != QLAB_TRIAL_DEPOSITED || l->n == 0)
            continue;
        if (strcmp(open, l->file) != 0) {
            qlab_series_file_free(&f);
            open = l->file;
            rc = qlab_series_file_read(env, l->file, &f, err);
            readable = rc == QLAB_OK;
        }
        if (rc == QLAB_OK && readable)
            rc = qlab_series_file_find(&f, l, &from, err);
        if (is_damage(rc)) {
            say(ctx, err->text);
            ++*n_findings;
            qlab_err_reset(err);
            rc = QLAB_OK;
        }
    }
    if (is_damage(rc)) {
        say(ctx, err->text);
        ++*n_findings;
        qlab_err_reset(err);
        rc = QLAB_OK;
    }
    qlab_series_file_free(&f);
    qlab_free(lines);
    qlab_rchain_close(c);
    return rc;
}
