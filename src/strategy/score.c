#include "strategy/score.h"

#include "base/alloc.h"
#include "num/math.h"
#include "num/xsec.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define NO_SLOT UINT32_MAX

typedef struct step {
    uint32_t node;
    uint32_t slot;       /* where its values go */
    uint32_t first_arg;  /* into plan->arg_step: the step of each argument; NO_SLOT for a number */
    uint32_t first_root; /* into plan->root_order: roots that this step finishes */
    uint32_t n_roots;
    uint32_t column; /* COLUMN: index into plan->columns */
} step;

struct qlab_score_plan {
    const qlab_expr_graph *graph;
    step *steps;
    uint32_t *arg_step;
    uint32_t *root_order;
    const char **columns;
    size_t n_steps, n_slots, n_columns, n_roots;
    bool uses_group[QLAB_GROUP_COUNT];
    size_t max_regressors;
};

struct qlab_score_work {
    double **slots;
    size_t n_slots, cap_rows;
    uint32_t *codes;
    size_t cap_codes;
    void *scratch;
    size_t scratch_bytes;
};

/* ---- planning -------------------------------------------------------------------------------- */

/* Marks what the roots need.  An argument has a smaller number than its user, so one walk down the
 * numbers reaches everything. */
static void mark_needed(const qlab_expr_graph *g, const uint32_t *roots, size_t n_roots,
                        uint8_t *needed)
{
    for (size_t i = 0; i < n_roots; i++)
        needed[roots[i]] = 1;
    for (size_t i = qlab_expr_n_nodes(g); i-- > 0;) {
        const qlab_expr_node *n = qlab_expr_at(g, (uint32_t)i);
        for (uint32_t k = 0; needed[i] && k < n->n_args; k++)
            needed[qlab_expr_args(g, (uint32_t)i)[k]] = 1;
    }
}

static uint32_t find_column(qlab_score_plan *p, const char *name)
{
    for (size_t i = 0; i < p->n_columns; i++)
        if (strcmp(p->columns[i], name) == 0)
            return (uint32_t)i;
    p->columns[p->n_columns] = name;
    return (uint32_t)p->n_columns++;
}

static void add_steps(qlab_score_plan *p, const uint8_t *needed, uint32_t *step_of)
{
    const qlab_expr_graph *g = p->graph;
    const char *const *names;
    size_t n_args = 0;

    (void)qlab_expr_columns(g, &names);
    for (uint32_t i = 0; i < qlab_expr_n_nodes(g); i++) {
        const qlab_expr_node *n = qlab_expr_at(g, i);
        step_of[i] = NO_SLOT;
        if (!needed[i] || n->op == QLAB_EXPR_NUMBER)
            continue;
        step *s = &p->steps[p->n_steps];
        *s = (step){.node = i, .first_arg = (uint32_t)n_args};
        for (uint32_t k = 0; k < n->n_args; k++)
            p->arg_step[n_args++] = step_of[qlab_expr_args(g, i)[k]];
        if (n->op == QLAB_EXPR_COLUMN)
            s->column = find_column(p, names[n->column]);
        if (n->by != QLAB_GROUP_NONE)
            p->uses_group[n->by] = true;
        if (n->op == QLAB_EXPR_NEUTRALIZE && n->n_args > p->max_regressors)
            p->max_regressors = n->n_args;
        step_of[i] = (uint32_t)p->n_steps++;
    }
}

/* Roots by the step that finishes them; equal roots keep their order. */
static void order_roots(qlab_score_plan *p, const uint32_t *roots, const uint32_t *step_of)
{
    size_t at = 0;

    for (size_t i = 0; i < p->n_roots; i++)
        p->steps[step_of[roots[i]]].n_roots++;
    for (size_t s = 0; s < p->n_steps; s++) {
        p->steps[s].first_root = (uint32_t)at;
        at += p->steps[s].n_roots;
        p->steps[s].n_roots = 0;
    }
    for (size_t i = 0; i < p->n_roots; i++) {
        step *s = &p->steps[step_of[roots[i]]];
        p->root_order[s->first_root + s->n_roots++] = (uint32_t)i;
    }
}

/* Arrays are given on after their last reader.  An array is never given to the step that reads it:
 * kernels may then write while they read. */
static void assign_slots(qlab_score_plan *p)
{
    uint32_t *last = qlab_alloc(p->n_steps + 1, sizeof *last);
    uint32_t *free_slots = qlab_alloc(p->n_steps + 1, sizeof *free_slots);
    size_t n_free = 0;

    for (uint32_t s = 0; s < p->n_steps; s++) {
        const qlab_expr_node *n = qlab_expr_at(p->graph, p->steps[s].node);
        last[s] = s;
        for (uint32_t k = 0; k < n->n_args; k++) {
            const uint32_t a = p->arg_step[p->steps[s].first_arg + k];
            if (a != NO_SLOT)
                last[a] = s;
        }
    }
    for (uint32_t s = 0; s < p->n_steps; s++) {
        const qlab_expr_node *n = qlab_expr_at(p->graph, p->steps[s].node);
        p->steps[s].slot = n_free > 0 ? free_slots[--n_free] : (uint32_t)p->n_slots++;
        for (uint32_t k = 0; k < n->n_args; k++) {
            const uint32_t a = p->arg_step[p->steps[s].first_arg + k];
            if (a != NO_SLOT && last[a] == s) {
                free_slots[n_free++] = p->steps[a].slot;
                last[a] = NO_SLOT; /* once, even where it stands twice: x * x */
            }
        }
        if (last[s] == s)
            free_slots[n_free++] = p->steps[s].slot; /* a root that nobody reads */
    }
    qlab_free(last);
    qlab_free(free_slots);
}

qlab_score_plan *qlab_score_plan_new(const qlab_expr_graph *g, const uint32_t *roots,
                                     size_t n_roots)
{
    const size_t n = qlab_expr_n_nodes(g);
    qlab_score_plan *p = qlab_alloc_zero(1, sizeof *p);
    uint8_t *needed = qlab_alloc_zero(n + 1, 1);
    uint32_t *step_of = qlab_alloc(n + 1, sizeof *step_of);
    const char *const *names;
    size_t n_needed = 0, n_args = 0;

    p->graph = g;
    p->n_roots = n_roots;
    mark_needed(g, roots, n_roots, needed);
    for (uint32_t i = 0; i < n; i++) {
        n_needed += needed[i];
        n_args += needed[i] ? qlab_expr_at(g, i)->n_args : 0;
    }
    p->steps = qlab_alloc(n_needed + 1, sizeof *p->steps);
    p->arg_step = qlab_alloc(n_args + 1, sizeof *p->arg_step);
    p->root_order = qlab_alloc(n_roots + 1, sizeof *p->root_order);
    p->columns = qlab_alloc(qlab_expr_columns(g, &names) + 1, sizeof *p->columns);
    add_steps(p, needed, step_of);
    order_roots(p, roots, step_of);
    assign_slots(p);
    qlab_free(needed);
    qlab_free(step_of);
    return p;
}

void qlab_score_plan_free(qlab_score_plan *p)
{
    if (p == NULL)
        return;
    qlab_free(p->steps);
    qlab_free(p->arg_step);
    qlab_free(p->root_order);
    qlab_free(p->columns);
    qlab_free(p);
}

size_t qlab_score_plan_columns(const qlab_score_plan *p, const char *const **names)
{
    *names = p->columns;
    return p->n_columns;
}

bool qlab_score_plan_uses_group(const qlab_score_plan *p, qlab_group g)
{
    return p->uses_group[g];
}

size_t qlab_score_plan_steps(const qlab_score_plan *p)
{
    return p->n_steps;
}

size_t qlab_score_plan_arrays(const qlab_score_plan *p)
{
    return p->n_slots;
}

/* ---- scratch --------------------------------------------------------------------------------- */

qlab_score_work *qlab_score_work_new(void)
{
    return qlab_alloc_zero(1, sizeof(qlab_score_work));
}

static void free_slots_of(qlab_score_work *w)
{
    for (size_t i = 0; i < w->n_slots; i++)
        qlab_free(w->slots[i]);
    qlab_free(w->slots);
    w->slots = NULL;
    w->n_slots = 0;
}

void qlab_score_work_free(qlab_score_work *w)
{
    if (w == NULL)
        return;
    free_slots_of(w);
    qlab_free(w->codes);
    qlab_free(w->scratch);
    qlab_free(w);
}

static void make_room(qlab_score_work *w, const qlab_score_plan *p, const qlab_score_xsec *x)
{
    size_t n_groups = 1;

    if (w->n_slots < p->n_slots || w->cap_rows < x->n_rows) {
        const size_t n_slots = w->n_slots > p->n_slots ? w->n_slots : p->n_slots;
        const size_t cap = w->cap_rows > x->n_rows ? w->cap_rows : x->n_rows + x->n_rows / 8;
        free_slots_of(w);
        w->slots = qlab_alloc(n_slots, sizeof *w->slots);
        for (size_t i = 0; i < n_slots; i++)
            w->slots[i] = qlab_alloc(cap, sizeof **w->slots);
        w->n_slots = n_slots;
        w->cap_rows = cap;
        qlab_free(w->codes);
        w->codes = qlab_alloc(cap, sizeof *w->codes);
    }
    for (int g = 0; g < QLAB_GROUP_COUNT; g++)
        if (p->uses_group[g] && x->n_groups[g] > n_groups)
            n_groups = x->n_groups[g];
    const size_t need = qlab_xsec_scratch_bytes(x->n_rows, n_groups, p->max_regressors);
    if (need > w->scratch_bytes) {
        qlab_free(w->scratch);
        w->scratch = qlab_alloc(need, 1);
        w->scratch_bytes = need;
    }
}

/* ---- kernels --------------------------------------------------------------------------------- */

/* One argument of an operation: an array, or one number for all rows (step 0). */
typedef struct values {
    const double *at;
    size_t step;
} values;

static double null_unless_finite(double v)
{
    return isfinite(v) ? v : NAN;
}

/* The four that candidates are made of get loops of their own; the bits are those of
 * qlab_expr_scalar. */
static void run_binary(qlab_expr_op op, values a, values b, double *out, size_t n)
{
    switch (op) {
    case QLAB_EXPR_ADD:
        for (size_t i = 0; i < n; i++)
            out[i] = null_unless_finite(a.at[i * a.step] + b.at[i * b.step]);
        return;
    case QLAB_EXPR_SUB:
        for (size_t i = 0; i < n; i++)
            out[i] = null_unless_finite(a.at[i * a.step] - b.at[i * b.step]);
        return;
    case QLAB_EXPR_MUL:
        for (size_t i = 0; i < n; i++)
            out[i] = null_unless_finite(a.at[i * a.step] * b.at[i * b.step]);
        return;
    case QLAB_EXPR_DIV:
        for (size_t i = 0; i < n; i++)
            out[i] = null_unless_finite(a.at[i * a.step] / b.at[i * b.step]);
        return;
    default:
        for (size_t i = 0; i < n; i++) {
            const double v[2] = {a.at[i * a.step], b.at[i * b.step]};
            out[i] = qlab_expr_scalar(op, v, 2);
        }
        return;
    }
}

static void run_any(qlab_expr_op op, const values *a, size_t n_args, double *out, size_t n)
{
    double v[QLAB_EXPR_MAX_ARGS];

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n_args; k++)
            v[k] = a[k].at[i * a[k].step];
        out[i] = qlab_expr_scalar(op, v, n_args);
    }
}

static void run_over_space(const qlab_expr_node *node, const values *a, const uint32_t *codes,
                           size_t n_groups, double *out, size_t n, void *scratch)
{
    const qlab_f64v x = {a[0].at, n};
    const qlab_f64w y = {out, n};
    qlab_f64v regressors[QLAB_EXPR_MAX_ARGS];

    switch (node->op) {
    case QLAB_EXPR_Z:
        qlab_xsec_z(x, codes, n_groups, y, scratch);
        return;
    case QLAB_EXPR_RANK:
        qlab_xsec_rank(x, codes, n_groups, y, scratch);
        return;
    case QLAB_EXPR_DEMEAN:
        qlab_xsec_demean(x, codes, n_groups, y, scratch);
        return;
    default:
        assert(node->op == QLAB_EXPR_NEUTRALIZE);
        for (uint32_t k = 1; k < node->n_args; k++)
            regressors[k - 1] = (qlab_f64v){a[k].at, n};
        qlab_xsec_neutralize(x, regressors, node->n_args - 1, codes, n_groups, y, scratch);
        return;
    }
}

static const uint32_t *gather_codes(const qlab_score_xsec *x, qlab_group by, qlab_score_rows rows,
                                    qlab_score_work *w)
{
    if (by == QLAB_GROUP_NONE)
        return NULL;
    assert(x->group[by] != NULL);
    for (size_t i = 0; i < rows.n; i++)
        w->codes[i] = x->group[by][rows.at[i]];
    return w->codes;
}

static void run_step(const qlab_score_plan *p, const step *s, const qlab_score_xsec *x,
                     qlab_score_work *w)
{
    const qlab_expr_node *node = qlab_expr_at(p->graph, s->node);
    const uint32_t *args = qlab_expr_args(p->graph, s->node);
    const qlab_score_rows rows = x->spaces[node->space];
    double *out = w->slots[s->slot];
    values a[QLAB_EXPR_MAX_ARGS];

    if (node->op == QLAB_EXPR_COLUMN) {
        for (size_t i = 0; i < rows.n; i++)
            out[i] = null_unless_finite(x->col[s->column][rows.at[i]]);
        return;
    }
    for (uint32_t k = 0; k < node->n_args; k++) {
        const uint32_t from = p->arg_step[s->first_arg + k];
        a[k] = from == NO_SLOT ? (values){&qlab_expr_at(p->graph, args[k])->number, 0}
                               : (values){w->slots[p->steps[from].slot], 1};
    }
    if (node->op >= QLAB_EXPR_Z)
        run_over_space(node, a, gather_codes(x, node->by, rows, w),
                       node->by == QLAB_GROUP_NONE ? 1 : x->n_groups[node->by], out, rows.n,
                       w->scratch);
    else if (node->n_args == 2)
        run_binary(node->op, a[0], a[1], out, rows.n);
    else
        run_any(node->op, a, node->n_args, out, rows.n);
}

void qlab_score_run(const qlab_score_plan *p, const qlab_score_xsec *x, qlab_score_work *w,
                    qlab_score_sink sink, void *ctx)
{
    make_room(w, p, x);
    for (size_t i = 0; i < p->n_steps; i++) {
        const step *s = &p->steps[i];
        run_step(p, s, x, w);
        const uint32_t space = qlab_expr_at(p->graph, s->node)->space;
        for (uint32_t k = 0; k < s->n_roots; k++)
            sink(ctx, p->root_order[s->first_root + k], space, w->slots[s->slot],
                 x->spaces[space].n);
    }
}
