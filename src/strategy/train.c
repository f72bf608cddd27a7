/* A bank and a split to parameters, and parameters to an expression. */
#include "strategy/learn.h"

#include "base/alloc.h"
#include "base/date.h"
#include "strategy/learn_int.h"
#include "strategy/ridge.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const double QLAB_RIDGE_PENALTIES[QLAB_RIDGE_N_PENALTIES] = {0.001, 0.01, 0.1, 1.0, 10.0, 100.0};

/* ---- splits ---------------------------------------------------------------------------------- */

void qlab_learn_next_test(const int32_t *sessions, const bool *is_test, size_t n, int32_t *cut)
{
    int32_t next = INT32_MAX;

    for (size_t i = n; i-- > 0;) {
        cut[i] = next;
        if (is_test[i])
            next = sessions[i];
    }
}

/* A block of sessions and what leaving it out means for the others. */
typedef struct left_out {
    size_t first, end; /* sessions of the block */
    size_t resume;     /* first session after it that may train */
    int32_t begins;    /* date of its first session: earlier labels must have ended before */
    int32_t resumes;   /* date of `resume`: labels inside must have ended before; INT32_MAX: none */
} left_out;

static bool next_block(const qlab_learn_split *s, size_t from, left_out *out)
{
    while (from < s->n && s->block[from] == QLAB_LEARN_NO_BLOCK)
        from++;
    if (from == s->n)
        return false;
    *out = (left_out){.first = from, .end = from};
    while (out->end < s->n && s->block[out->end] == s->block[from])
        out->end++;
    const int32_t last = s->label_end[out->end - 1];
    out->begins = s->sessions[from];
    out->resume = out->end;
    while (out->resume < s->n && (last == QLAB_DATE_NONE || s->sessions[out->resume] <= last))
        out->resume++;
    out->resume = s->n - out->resume > s->embargo ? out->resume + s->embargo : s->n;
    out->resumes = out->resume < s->n ? s->sessions[out->resume] : INT32_MAX;
    return true;
}

static int by_value(const void *pa, const void *pb)
{
    const int32_t a = *(const int32_t *)pa, b = *(const int32_t *)pb;

    return a < b ? -1 : a > b;
}

static size_t distinct(int32_t *v, size_t n)
{
    size_t kept = 0;

    qsort(v, n, sizeof *v, by_value);
    for (size_t i = 0; i < n; i++)
        if (v[i] != INT32_MAX && (kept == 0 || v[i] != v[kept - 1]))
            v[kept++] = v[i];
    return kept;
}

static void put_cut(int32_t **v, size_t *n, size_t *cap, int32_t cut)
{
    if (*n > 0 && (*v)[*n - 1] == cut)
        return; /* a run of sessions has one */
    if (*n > 0 && *n == *cap)
        *n = distinct(*v, *n);
    qlab_grow((void **)v, cap, *n + 1, sizeof **v);
    (*v)[(*n)++] = cut;
}

void qlab_learn_cuts(const qlab_learn_split *splits, size_t n_splits, int32_t **out, size_t *n)
{
    size_t cap = 0;
    left_out b;

    *out = NULL;
    *n = 0;
    for (size_t k = 0; k < n_splits; k++) {
        const qlab_learn_split *s = &splits[k];
        for (size_t i = 0; i < s->n; i++)
            if (s->trains[i])
                put_cut(out, n, &cap, s->cut[i]);
        for (size_t at = 0; next_block(s, at, &b); at = b.end) {
            put_cut(out, n, &cap, b.begins);
            put_cut(out, n, &cap, b.resumes);
        }
    }
    *n = *n > 0 ? distinct(*out, *n) : 0;
}

/* ---- oriented, family_best ------------------------------------------------------------------- */

typedef struct series_sum {
    size_t n;
    double mean, std; /* NaN where they do not exist */
} series_sum;

static double ic_at(const qlab_learn_bank *bank, const qlab_learn_split *s, size_t session,
                    size_t place)
{
    if (!s->trains[session])
        return NAN;
    const double *v = qlab_learn_find(bank, s->sessions[session], s->cut[session]);
    return v == NULL ? NAN : v[place];
}

static series_sum summarise(const qlab_learn_bank *bank, const qlab_learn_split *s, size_t place)
{
    series_sum r = {0, NAN, NAN};
    double sum = 0.0, squares = 0.0;

    for (size_t i = 0; i < s->n; i++) {
        const double ic = ic_at(bank, s, i, place);
        if (!isnan(ic)) {
            sum += ic;
            r.n++;
        }
    }
    if (r.n > 0)
        r.mean = sum / (double)r.n;
    for (size_t i = 0; i < s->n; i++) {
        const double d = ic_at(bank, s, i, place) - r.mean;
        squares += isnan(d) ? 0.0 : d * d;
    }
    if (r.n > 1)
        r.std = sqrt(squares / (double)(r.n - 1));
    return r;
}

static void train_sign(const qlab_learned *l, const qlab_learn_bank *bank,
                       const qlab_learn_split *s, qlab_trained *out)
{
    const series_sum r = summarise(bank, s, l->offset);

    out->n_sessions = r.n;
    out->evidence[0] = r.mean;
    out->is_known = r.n > 0;
    out->sign = r.mean < 0.0 ? -1.0 : 1.0;
}

static void train_choice(const qlab_learned *l, const qlab_learn_bank *bank,
                         const qlab_learn_split *s, qlab_trained *out)
{
    for (size_t k = 0; k < l->candidate->n_parts; k++) {
        const series_sum r = summarise(bank, s, l->offset + k);
        out->evidence[k] = r.std > 0.0 ? r.mean / r.std : NAN;
        if (isnan(out->evidence[k]) ||
            (out->is_known && !(out->evidence[k] > out->evidence[out->chosen])))
            continue;
        out->is_known = true;
        out->chosen = k;
        out->n_sessions = r.n;
    }
}

/* ---- ridge ----------------------------------------------------------------------------------- */

/* Sums of moments over sessions. */
typedef struct moments {
    double *sum;
    size_t n; /* sessions */
} moments;

static void add_session(const qlab_learned *l, const qlab_learn_bank *bank, int32_t date,
                        int32_t cut, moments *m)
{
    const double *v = qlab_learn_find(bank, date, cut);

    if (v == NULL || !(v[l->offset] > 0.0))
        return;
    for (size_t k = 0; k < qlab_ridge_width(l->candidate->n_parts); k++)
        m->sum[k] += v[l->offset + k];
    m->n++;
}

static void clear(const qlab_learned *l, moments *m)
{
    memset(m->sum, 0, qlab_ridge_width(l->candidate->n_parts) * sizeof *m->sum);
    m->n = 0;
}

static int32_t earlier(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Train sessions outside the block to `in`, those inside to `out`: no label of one side reaches
 * into the other. */
static void divide(const qlab_learned *l, const qlab_learn_bank *bank, const qlab_learn_split *s,
                   const left_out *b, moments *in, moments *out)
{
    clear(l, in);
    clear(l, out);
    for (size_t i = 0; i < s->n; i++) {
        if (!s->trains[i])
            continue;
        const int32_t date = s->sessions[i];
        if (i >= b->first && i < b->end)
            add_session(l, bank, date, earlier(s->cut[i], b->resumes), out);
        else if (i < b->first && s->label_end[i] != QLAB_DATE_NONE && s->label_end[i] < b->begins)
            add_session(l, bank, date, earlier(s->cut[i], b->begins), in);
        else if (i >= b->resume)
            add_session(l, bank, date, s->cut[i], in);
    }
}

/* Squared error of each penalty over all sessions that were left out; false: there were none. */
static bool try_penalties(const qlab_learned *l, const qlab_learn_bank *bank,
                          const qlab_learn_split *s, moments *in, moments *out, double *w,
                          double *scratch, double *error)
{
    const size_t n_terms = l->candidate->n_parts;
    size_t n = 0;
    left_out b;

    memset(error, 0, QLAB_RIDGE_N_PENALTIES * sizeof *error);
    for (size_t at = 0; next_block(s, at, &b); at = b.end) {
        divide(l, bank, s, &b, in, out);
        if (in->n == 0 || out->n == 0)
            continue;
        n += out->n;
        for (size_t k = 0; k < QLAB_RIDGE_N_PENALTIES; k++) {
            qlab_ridge_solve(in->sum, n_terms, (double)in->n, QLAB_RIDGE_PENALTIES[k], w, scratch);
            error[k] += qlab_ridge_error(out->sum, n_terms, w);
        }
    }
    for (size_t k = 0; k < QLAB_RIDGE_N_PENALTIES; k++)
        error[k] = n > 0 ? error[k] / (double)n : NAN;
    return n > 0;
}

static void train_ridge(const qlab_learned *l, const qlab_learn_bank *bank,
                        const qlab_learn_split *s, qlab_trained *t)
{
    const size_t n_terms = l->candidate->n_parts, width = qlab_ridge_width(n_terms);
    double *w = qlab_alloc(n_terms, sizeof *w), *scratch = qlab_alloc(width, sizeof *scratch);
    moments in = {qlab_alloc(width, sizeof(double)), 0},
            out = {qlab_alloc(width, sizeof(double)), 0};
    size_t best = 0;

    if (try_penalties(l, bank, s, &in, &out, w, scratch, t->evidence)) {
        for (size_t k = 1; k < QLAB_RIDGE_N_PENALTIES; k++)
            best = t->evidence[k] <= t->evidence[best] ? k : best;
        clear(l, &in);
        for (size_t i = 0; i < s->n; i++)
            if (s->trains[i])
                add_session(l, bank, s->sessions[i], s->cut[i], &in);
        t->is_known = true;
        t->n_sessions = in.n;
        t->penalty = QLAB_RIDGE_PENALTIES[best];
        qlab_ridge_solve(in.sum, n_terms, (double)in.n, t->penalty, t->weight, scratch);
    }
    qlab_free(in.sum);
    qlab_free(out.sum);
    qlab_free(w);
    qlab_free(scratch);
}

/* ---- one candidate --------------------------------------------------------------------------- */

void qlab_learn_train(const qlab_learn_plan *p, size_t learned, const qlab_learn_bank *bank,
                      const qlab_learn_split *split, qlab_trained *out)
{
    const qlab_learned *l = &p->learned[learned];
    const qlab_candidate *c = l->candidate;

    assert(learned < p->n && (bank->n == 0 || bank->width == p->width));
    *out = (qlab_trained){.candidate = c, .sign = 1.0};
    out->n_evidence = c->kind_id == QLAB_KIND_RIDGE ? (size_t)QLAB_RIDGE_N_PENALTIES : c->n_parts;
    out->evidence = qlab_alloc(out->n_evidence, sizeof *out->evidence);
    for (size_t i = 0; i < out->n_evidence; i++)
        out->evidence[i] = NAN;
    if (c->kind_id == QLAB_KIND_RIDGE) {
        out->weight = qlab_alloc_zero(c->n_parts, sizeof *out->weight);
        train_ridge(l, bank, split, out);
    } else if (c->kind_id == QLAB_KIND_ORIENTED) {
        train_sign(l, bank, split, out);
    } else {
        train_choice(l, bank, split, out);
    }
}

void qlab_trained_free(qlab_trained *t)
{
    qlab_free(t->weight);
    qlab_free(t->evidence);
    *t = (qlab_trained){0};
}

/* ---- the score ------------------------------------------------------------------------------- */

static uint32_t weighted_sum(qlab_expr_graph *g, const qlab_trained *t)
{
    const qlab_candidate *c = t->candidate;
    uint32_t sum = QLAB_NO_ROOT;

    for (size_t k = 0; k < c->n_parts; k++) {
        const uint32_t product[2] = {qlab_expr_make_number(g, t->weight[k]), c->parts[k].node};
        const uint32_t term = qlab_expr_make(g, QLAB_EXPR_MUL, c->space, product, 2);
        const uint32_t both[2] = {sum, term};
        sum = k == 0 ? term : qlab_expr_make(g, QLAB_EXPR_ADD, c->space, both, 2);
    }
    return sum;
}

uint32_t qlab_trained_root(qlab_expr_graph *g, const qlab_trained *t)
{
    const qlab_candidate *c = t->candidate;

    if (!t->is_known) {
        const uint32_t zeros[2] = {qlab_expr_make_number(g, 0.0), qlab_expr_make_number(g, 0.0)};
        return qlab_expr_make(g, QLAB_EXPR_DIV, c->space, zeros, 2);
    }
    if (c->kind_id == QLAB_KIND_RIDGE)
        return weighted_sum(g, t);
    if (c->kind_id == QLAB_KIND_FAMILY_BEST)
        return c->parts[t->chosen].node;
    return t->sign > 0.0 ? c->parts[0].node
                         : qlab_expr_make(g, QLAB_EXPR_NEG, c->space, &c->parts[0].node, 1);
}

static json_t *numbers(const double *v, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(list, qlab_json_f64(v[i]));
    return list;
}

static void put_ridge(const qlab_trained *t, json_t *o)
{
    json_t *weights = json_array();

    for (size_t k = 0; k < t->candidate->n_parts; k++)
        (void)json_array_append_new(
            weights, json_pack("{s:s, s:o}", "term", t->candidate->parts[k].definition, "weight",
                               qlab_json_f64(t->is_known ? t->weight[k] : NAN)));
    (void)json_object_set_new(o, "penalty", qlab_json_f64(t->is_known ? t->penalty : NAN));
    (void)json_object_set_new(o, "weights", weights);
    (void)json_object_set_new(o, "penalties",
                              numbers(QLAB_RIDGE_PENALTIES, QLAB_RIDGE_N_PENALTIES));
    (void)json_object_set_new(o, "error_by_penalty", numbers(t->evidence, t->n_evidence));
}

static void put_choice(const qlab_trained *t, json_t *o)
{
    json_t *members = json_array();

    for (size_t k = 0; k < t->candidate->n_parts; k++)
        (void)json_array_append_new(members,
                                    json_pack("{s:s, s:o}", "candidate", t->candidate->parts[k].id,
                                              "icir", qlab_json_f64(t->evidence[k])));
    (void)json_object_set_new(
        o, "chosen", t->is_known ? json_string(t->candidate->parts[t->chosen].id) : json_null());
    (void)json_object_set_new(o, "members", members);
}

json_t *qlab_trained_json(qlab_expr_graph *g, const qlab_trained *t)
{
    const qlab_candidate *c = t->candidate;
    qlab_buf text = QLAB_BUF_INIT;
    json_t *o = json_pack("{s:s, s:s, s:b, s:I}", "candidate", c->id, "kind", c->kind, "trained",
                          t->is_known, "sessions", (json_int_t)t->n_sessions);

    if (t->is_known)
        qlab_expr_print(g, qlab_trained_root(g, t), &text);
    (void)json_object_set_new(o, "definition", t->is_known ? json_string(text.at) : json_null());
    qlab_buf_free(&text);
    if (c->kind_id == QLAB_KIND_RIDGE)
        put_ridge(t, o);
    else if (c->kind_id == QLAB_KIND_FAMILY_BEST)
        put_choice(t, o);
    else {
        (void)json_object_set_new(o, "sign", qlab_json_f64(t->is_known ? t->sign : NAN));
        (void)json_object_set_new(o, "mean_ic", qlab_json_f64(t->evidence[0]));
    }
    return o;
}

qlab_digest qlab_trained_digest(qlab_expr_graph *g, const qlab_trained *t)
{
    json_t *o = qlab_trained_json(g, t);
    const qlab_digest d = qlab_json_digest(o);

    json_decref(o);
    return d;
}
