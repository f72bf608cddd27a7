/* Plan and bank: what learned candidates keep of a session. */
#include "strategy/learn.h"

#include "base/alloc.h"
#include "base/date.h"
#include "num/math.h"
#include "num/rank.h"
#include "strategy/learn_int.h"
#include "strategy/ridge.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- plan ------------------------------------------------------------------------------------ */

static size_t horizon_index(uint32_t horizon)
{
    return horizon == 1 ? 0 : horizon == 5 ? 1 : 2;
}

static size_t values_of(const qlab_candidate *c)
{
    return c->kind_id == QLAB_KIND_RIDGE ? qlab_ridge_width(c->n_parts) : c->n_parts;
}

qlab_learn_plan *qlab_learn_plan_new(const qlab_library *lib, uint32_t min_names)
{
    qlab_learn_plan *p = qlab_alloc_zero(1, sizeof *p);
    uint32_t *order = qlab_library_by_id(lib);
    size_t n_roots = 0;

    p->lib = lib;
    p->min_names = min_names;
    p->learned = qlab_alloc_zero(lib->n + 1, sizeof *p->learned);
    for (size_t i = 0; i < lib->n; i++)
        n_roots += lib->candidates[i].kind_id == QLAB_KIND_FIXED ? 0 : lib->candidates[i].n_parts;
    p->roots = qlab_alloc(n_roots + 1, sizeof *p->roots);
    for (size_t i = 0; i < lib->n; i++) {
        const qlab_candidate *c = &lib->candidates[order[i]];
        if (c->kind_id == QLAB_KIND_FIXED)
            continue;
        p->learned[p->n++] = (qlab_learned){c, horizon_index(c->horizon), p->n_roots, p->width};
        for (size_t k = 0; k < c->n_parts; k++)
            p->roots[p->n_roots++] = c->parts[k].node;
        p->width += values_of(c);
        p->uses_horizon[horizon_index(c->horizon)] = true;
    }
    p->scores = qlab_score_plan_new(lib->graph, p->roots, p->n_roots);
    qlab_free(order);
    return p;
}

void qlab_learn_plan_free(qlab_learn_plan *p)
{
    if (p == NULL)
        return;
    qlab_score_plan_free(p->scores);
    qlab_free(p->learned);
    qlab_free(p->roots);
    qlab_free(p);
}

size_t qlab_learn_n(const qlab_learn_plan *p)
{
    return p->n;
}

size_t qlab_learn_width(const qlab_learn_plan *p)
{
    return p->width;
}

const qlab_score_plan *qlab_learn_scores(const qlab_learn_plan *p)
{
    return p->scores;
}

bool qlab_learn_uses_horizon(const qlab_learn_plan *p, size_t horizon)
{
    assert(horizon < QLAB_LEARN_HORIZONS);
    return p->uses_horizon[horizon];
}

const qlab_candidate *qlab_learn_candidate(const qlab_learn_plan *p, size_t learned)
{
    assert(learned < p->n);
    return p->learned[learned].candidate;
}

/* ---- bank ------------------------------------------------------------------------------------ */

void qlab_learn_bank_free(qlab_learn_bank *b)
{
    qlab_free(b->date);
    qlab_free(b->bound);
    qlab_free(b->value);
    *b = (qlab_learn_bank){0};
}

double *qlab_learn_bank_put(qlab_learn_bank *b, size_t width, int32_t date, int32_t bound)
{
    assert(b->n == 0 || b->width == width);
    b->width = width;
    qlab_grow((void **)&b->date, &b->cap, b->n + 1, sizeof *b->date);
    qlab_grow((void **)&b->bound, &b->cap_bound, b->n + 1, sizeof *b->bound);
    qlab_grow((void **)&b->value, &b->cap_values, (b->n + 1) * width + 1, sizeof *b->value);
    b->date[b->n] = date;
    b->bound[b->n] = bound;
    return b->value + b->n++ * width;
}

typedef struct placed {
    int32_t date, bound;
    size_t at;
} placed;

static int by_date(const void *pa, const void *pb)
{
    const placed *a = pa, *b = pb;

    if (a->date != b->date)
        return a->date < b->date ? -1 : 1;
    return a->bound < b->bound ? -1 : a->bound > b->bound;
}

void qlab_learn_bank_sort(qlab_learn_bank *b)
{
    placed *p = qlab_alloc(b->n + 1, sizeof *p);
    double *value = qlab_alloc(b->n * b->width + 1, sizeof *value);

    for (size_t i = 0; i < b->n; i++)
        p[i] = (placed){b->date[i], b->bound[i], i};
    qsort(p, b->n, sizeof *p, by_date);
    for (size_t i = 0; i < b->n; i++) {
        assert(i == 0 || by_date(&p[i - 1], &p[i]) < 0);
        b->date[i] = p[i].date;
        b->bound[i] = p[i].bound;
        memcpy(value + i * b->width, b->value + p[i].at * b->width, b->width * sizeof *value);
    }
    qlab_free(b->value);
    b->value = value;
    b->cap_values = b->n * b->width + 1;
    qlab_free(p);
}

const double *qlab_learn_find(const qlab_learn_bank *b, int32_t date, int32_t cut)
{
    size_t lo = 0, hi = b->n; /* the first record after (date, cut) */

    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if (b->date[mid] < date || (b->date[mid] == date && b->bound[mid] <= cut))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo > 0 && b->date[lo - 1] == date ? b->value + (lo - 1) * b->width : NULL;
}

/* ---- one session ----------------------------------------------------------------------------- */

/* The label of one horizon over one space, ranked once for all candidates of both. */
typedef struct target {
    double *label; /* NaN for rows that do not train */
    uint32_t *rank2, *order;
    qlab_ranked ranked;
    bool is_ready;
} target;

struct qlab_learn_work {
    qlab_score_work *score;
    const qlab_learn_plan *plan;
    const qlab_learn_day *day;
    size_t cap_rows, n_roots, n_targets;
    double **part;   /* [root]: its score by row of its space */
    target *targets; /* [space * horizons + horizon] */
    double *y, *gathered, **x;
    uint32_t *rank2;
    void *scratch;
};

qlab_learn_work *qlab_learn_work_new(void)
{
    qlab_learn_work *w = qlab_alloc_zero(1, sizeof *w);

    w->score = qlab_score_work_new();
    return w;
}

static void free_arrays(qlab_learn_work *w)
{
    for (size_t i = 0; i < w->n_roots; i++)
        qlab_free(w->part[i]);
    for (size_t i = 0; i < w->n_targets; i++) {
        qlab_free(w->targets[i].label);
        qlab_free(w->targets[i].rank2);
        qlab_free(w->targets[i].order);
    }
    qlab_free(w->part);
    qlab_free(w->targets);
    qlab_free(w->y);
    qlab_free(w->gathered);
    qlab_free(w->x);
    qlab_free(w->rank2);
    qlab_free(w->scratch);
}

void qlab_learn_work_free(qlab_learn_work *w)
{
    if (w == NULL)
        return;
    free_arrays(w);
    qlab_score_work_free(w->score);
    qlab_free(w);
}

static void make_room(qlab_learn_work *w, const qlab_learn_plan *p, size_t n_rows)
{
    const size_t n_targets = p->lib->n_universes * QLAB_LEARN_HORIZONS;

    if (w->cap_rows >= n_rows && w->n_roots == p->n_roots && w->n_targets == n_targets)
        return;
    free_arrays(w);
    const size_t cap = n_rows + n_rows / 8 + 1;
    w->cap_rows = cap;
    w->n_roots = p->n_roots;
    w->n_targets = n_targets;
    w->part = qlab_alloc(p->n_roots + 1, sizeof *w->part);
    for (size_t i = 0; i < p->n_roots; i++)
        w->part[i] = qlab_alloc(cap, sizeof **w->part);
    w->targets = qlab_alloc_zero(n_targets + 1, sizeof *w->targets);
    for (size_t i = 0; i < n_targets; i++) {
        w->targets[i].label = qlab_alloc(cap, sizeof(double));
        w->targets[i].rank2 = qlab_alloc(cap, sizeof(uint32_t));
        w->targets[i].order = qlab_alloc(cap, sizeof(uint32_t));
    }
    w->y = qlab_alloc(cap, sizeof *w->y);
    w->gathered = qlab_alloc(cap * QLAB_RIDGE_MAX_TERMS, sizeof *w->gathered);
    w->x = qlab_alloc(QLAB_RIDGE_MAX_TERMS, sizeof *w->x);
    for (size_t k = 0; k < QLAB_RIDGE_MAX_TERMS; k++)
        w->x[k] = w->gathered + k * cap;
    w->rank2 = qlab_alloc(cap, sizeof *w->rank2);
    w->scratch = qlab_alloc(qlab_rank_scratch_bytes(cap), 1);
}

static void keep_part(void *ctx, size_t root, uint32_t space, const double *score, size_t n)
{
    qlab_learn_work *w = ctx;

    (void)space;
    memcpy(w->part[root], score, n * sizeof *score);
}

static target *target_of(qlab_learn_work *w, const qlab_learned *l, int32_t bound)
{
    const size_t space = l->candidate->space;
    const qlab_score_rows rows = w->day->x->spaces[space];
    target *t = &w->targets[space * QLAB_LEARN_HORIZONS + l->horizon];

    if (t->is_ready)
        return t;
    for (size_t i = 0; i < rows.n; i++) {
        const int32_t end = w->day->label_end[l->horizon][rows.at[i]];
        t->label[i] =
            end != QLAB_DATE_NONE && end < bound ? w->day->label[l->horizon][rows.at[i]] : NAN;
    }
    qlab_rank_cache(t->label, rows.n, t->rank2, t->order, w->scratch, &t->ranked);
    t->is_ready = true;
    return t;
}

/* Normal scores of the average ranks, in place. */
static void normal_scores(double *y, size_t n, uint32_t *rank2, void *scratch)
{
    (void)qlab_rank_average2(y, n, rank2, scratch);
    for (size_t i = 0; i < n; i++)
        y[i] = qlab_num_norm_ppf((0.5 * (double)rank2[i] - 0.5) / (double)n);
}

static void add_ridge(qlab_learn_work *w, const qlab_learned *l, const target *t, double *out)
{
    const size_t n_terms = l->candidate->n_parts;
    double *const *part = w->part + l->first_root;
    size_t n = 0;

    memset(out, 0, qlab_ridge_width(n_terms) * sizeof *out);
    for (size_t i = 0; i < w->day->x->spaces[l->candidate->space].n; i++) {
        bool whole = !isnan(t->label[i]);
        for (size_t k = 0; k < n_terms && whole; k++) {
            w->x[k][n] = part[k][i];
            whole = !isnan(part[k][i]);
        }
        w->y[n] = t->label[i];
        n += whole;
    }
    if (n < w->plan->min_names)
        return;
    normal_scores(w->y, n, w->rank2, w->scratch);
    qlab_ridge_moments(w->y, w->x, n_terms, n, out);
}

static void add_record(qlab_learn_work *w, int32_t bound, qlab_learn_bank *bank)
{
    const qlab_learn_plan *p = w->plan;
    double *value = qlab_learn_bank_put(bank, p->width, w->day->date, bound);

    for (size_t i = 0; i < w->n_targets; i++)
        w->targets[i].is_ready = false;
    for (size_t i = 0; i < p->n; i++) {
        const qlab_learned *l = &p->learned[i];
        const target *t = target_of(w, l, bound);
        if (l->candidate->kind_id == QLAB_KIND_RIDGE) {
            add_ridge(w, l, t, value + l->offset);
            continue;
        }
        for (size_t k = 0; k < l->candidate->n_parts; k++) {
            const qlab_spearman r =
                qlab_rank_spearman_cached(w->part[l->first_root + k], &t->ranked, w->scratch);
            value[l->offset + k] = r.n_common >= p->min_names ? r.rho : NAN;
        }
    }
}

/* Rows that train where labels must end before `bound`. */
static size_t n_ended(const qlab_learn_plan *p, const qlab_learn_day *day, int32_t bound)
{
    size_t n = 0;

    for (size_t h = 0; h < QLAB_LEARN_HORIZONS; h++)
        for (size_t i = 0; p->uses_horizon[h] && i < day->x->n_rows; i++) {
            const int32_t end = day->label_end[h][i];
            n += !isnan(day->label[h][i]) && end != QLAB_DATE_NONE && end < bound;
        }
    return n;
}

void qlab_learn_add(const qlab_learn_plan *p, const qlab_learn_day *day, const int32_t *cuts,
                    size_t n_cuts, qlab_learn_work *w, qlab_learn_bank *bank)
{
    size_t before = SIZE_MAX;

    w->plan = p;
    w->day = day;
    make_room(w, p, day->x->n_rows);
    qlab_score_run(p->scores, day->x, w->score, keep_part, w);
    /* More rows have ended by a later date, so as many rows are the same rows. */
    for (size_t i = 0; i <= n_cuts; i++) {
        const int32_t bound = i < n_cuts ? cuts[i] : INT32_MAX;
        assert(i == 0 || i == n_cuts || cuts[i] > cuts[i - 1]);
        if (bound <= day->date)
            continue; /* a block that begins here or before purges no row of this session */
        const size_t n = n_ended(p, day, bound);
        if (n != before)
            add_record(w, bound, bank);
        before = n;
    }
}
