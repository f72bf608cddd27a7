/* Scores to weights; see targets.h. */
#include "backtest/targets.h"

#include "num/rank.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const qlab_target_rule qlab_target_rule_default = {
    .side = QLAB_BOOK_LONG_SHORT,
    .weights = QLAB_BOOK_EQUAL,
    .n_quantiles = 10,
    .min_names = 30,
    .cap = 0.05,
};

enum { LEG_NONE, LEG_LONG, LEG_SHORT };

qlab_targets qlab_targets_new(const qlab_target_rule *rule, size_t n_names, size_t n_sessions,
                              qlab_arena *arena)
{
    const size_t legs = rule->side == QLAB_BOOK_LONG_SHORT ? 2 : 1;
    qlab_targets t = {.rule = *rule, .n_names = n_names, .cap_sessions = n_sessions};

    assert(rule->n_quantiles >= 2 && rule->cap > 0.0);
    t.cap_rows = n_sessions * legs * (n_names / rule->n_quantiles);
    t.first = qlab_arena_alloc(arena, n_sessions + 1, sizeof *t.first);
    t.first[0] = 0;
    t.name = qlab_arena_alloc(arena, t.cap_rows, sizeof *t.name);
    t.weight = qlab_arena_alloc(arena, t.cap_rows, sizeof *t.weight);
    t.x = qlab_arena_alloc(arena, n_names, sizeof *t.x);
    t.place = qlab_arena_alloc(arena, n_names, sizeof *t.place);
    t.leg = qlab_arena_alloc(arena, n_names, sizeof *t.leg);
    t.rank_scratch = qlab_arena_alloc(arena, qlab_rank_scratch_bytes(n_names), 1);
    return t;
}

void qlab_targets_cap(double *w, size_t k, double cap)
{
    const double limit = cap > 1.0 / (double)k ? cap : 1.0 / (double)k;
    double share = 1.0; /* of the leg that the uncapped names hold together */

    for (;;) {
        double sum = 0.0;
        size_t n_above = 0;
        for (size_t i = 0; i < k; i++)
            if (w[i] > 0.0) /* a capped weight waits as a negative number */
                sum += w[i];
        if (!(sum > 0.0))
            break;
        const double scale = share / sum;
        for (size_t i = 0; i < k; i++)
            if (w[i] * scale > limit) {
                w[i] = -limit;
                n_above++;
            }
        if (n_above == 0) {
            for (size_t i = 0; i < k; i++)
                if (w[i] > 0.0)
                    w[i] *= scale;
            break;
        }
        share -= (double)n_above * limit;
        if (share < 0.0)
            share = 0.0;
    }
    for (size_t i = 0; i < k; i++)
        w[i] = fabs(w[i]);
}

/* One leg in byte order to the end of the rows; returns how many got a weight. */
static size_t add_leg(qlab_targets *t, uint8_t leg, const double *vol, const uint32_t *order,
                      size_t at)
{
    size_t k = 0;

    for (size_t p = 0; p < t->n_names; p++) {
        const size_t i = order ? order[p] : p;
        if (t->leg[p] != leg)
            continue;
        double w = 1.0;
        if (t->rule.weights == QLAB_BOOK_INVERSE_VOL)
            w = vol[i] > 0.0 && isfinite(vol[i]) ? 1.0 / vol[i] : 0.0;
        if (w > 0.0) {
            assert(at + k < t->cap_rows);
            t->name[at + k] = (uint32_t)i;
            t->weight[at + k++] = w;
        }
    }
    if (k > 0)
        qlab_targets_cap(t->weight + at, k, t->rule.cap);
    if (leg == LEG_SHORT)
        for (size_t i = at; i < at + k; i++)
            t->weight[i] = -t->weight[i];
    return k;
}

void qlab_targets_add(qlab_targets *t, const double *score, const uint8_t *universe,
                      const double *vol, const uint32_t *order)
{
    assert(t->n_sessions < t->cap_sessions);
    size_t at = t->first[t->n_sessions++];
    for (size_t p = 0; p < t->n_names; p++) {
        const size_t i = order ? order[p] : p;
        t->x[p] = universe[i] ? score[i] : NAN;
    }
    const size_t m = qlab_rank_order(t->x, t->n_names, t->place, t->rank_scratch);
    const size_t k = m >= t->rule.min_names ? m / t->rule.n_quantiles : 0;
    memset(t->leg, LEG_NONE, t->n_names);
    for (size_t r = 0; r < k; r++) {
        t->leg[t->place[m - 1 - r]] = LEG_LONG;
        if (t->rule.side == QLAB_BOOK_LONG_SHORT)
            t->leg[t->place[r]] = LEG_SHORT;
    }
    if (k > 0)
        at += add_leg(t, LEG_LONG, vol, order, at);
    if (k > 0 && t->rule.side == QLAB_BOOK_LONG_SHORT)
        at += add_leg(t, LEG_SHORT, vol, order, at);
    t->first[t->n_sessions] = at;
}

typedef struct named {
    const char *id;
    uint32_t at;
} named;

static int by_id(const void *a, const void *b)
{
    const named *x = a, *y = b;
    const int c = strcmp(x->id, y->id); /* compares as unsigned bytes */

    return c != 0 ? c : (x->at > y->at) - (x->at < y->at);
}

void qlab_targets_order(const char *const *ids, size_t n, qlab_arena *arena, uint32_t *order)
{
    named *v = qlab_arena_alloc(arena, n, sizeof *v);

    for (size_t i = 0; i < n; i++)
        v[i] = (named){ids[i], (uint32_t)i};
    qsort(v, n, sizeof *v, by_id);
    for (size_t i = 0; i < n; i++)
        order[i] = v[i].at;
}
