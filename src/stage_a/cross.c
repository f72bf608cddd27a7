#include "stage_a/cross.h"

#include "base/alloc.h"

#include <assert.h>
#include <string.h>

size_t qlab_cross_column(const char *const *columns, size_t n_columns, const char *name)
{
    size_t i = 0;

    while (i < n_columns && strcmp(columns[i], name) != 0)
        i++;
    assert(i < n_columns);
    return i;
}

static void spread_assets(qlab_cross *c, const qlab_cross_groups *groups)
{
    const size_t n = c->x->n_rows;

    c->row_class = qlab_alloc(n + 1, 1);
    for (size_t i = 0; i < n; i++)
        c->row_class[i] = groups->asset_class[c->x->asset[i]];
    for (int g = 0; g < QLAB_GROUP_COUNT; g++) {
        c->n_groups[g] = groups->n_groups[g];
        if (groups->group[g] == NULL)
            continue;
        c->row_group[g] = qlab_alloc(n + 1, sizeof *c->row_group[g]);
        for (size_t i = 0; i < n; i++)
            c->row_group[g][i] = groups->group[g][c->x->asset[i]];
    }
    assert(c->row_group[QLAB_GROUP_CURRENCY] != NULL);
}

void qlab_cross_init(qlab_cross *c, const qlab_library *lib, const qlab_cross_groups *groups,
                     const qlab_xsec *x, const char *const *columns, size_t n_columns)
{
    *c = (qlab_cross){.lib = lib, .x = x, .columns = columns, .n_columns = n_columns, .n_max = 1};
    for (size_t d = 0; d < x->n_dates; d++) {
        const size_t n = x->first[d + 1] - x->first[d];
        c->n_max = n > c->n_max ? n : c->n_max;
    }
    spread_assets(c, groups);
    c->rows = qlab_alloc(lib->n_universes, sizeof *c->rows);
    for (size_t k = 0; k < lib->n_universes; k++)
        c->rows[k] = qlab_alloc(c->n_max, sizeof **c->rows);
    c->spaces = qlab_alloc_zero(lib->n_universes, sizeof *c->spaces);
}

void qlab_cross_free(qlab_cross *c)
{
    for (size_t k = 0; c->rows != NULL && k < c->lib->n_universes; k++)
        qlab_free(c->rows[k]);
    for (int g = 0; g < QLAB_GROUP_COUNT; g++)
        qlab_free(c->row_group[g]);
    qlab_free(c->row_class);
    qlab_free(c->rows);
    qlab_free(c->spaces);
    qlab_free(c->col);
    *c = (qlab_cross){0};
}

void qlab_cross_day(qlab_cross *c, size_t day)
{
    const size_t first = c->x->first[day];
    const qlab_universe_rows rows = {.n = c->x->first[day + 1] - first,
                                     .eligibility = c->x->eligibility + first,
                                     .asset_class = c->row_class + first,
                                     .liquidity = c->x->adv_usd_or_ccy + first,
                                     .currency = c->row_group[QLAB_GROUP_CURRENCY] + first,
                                     .n_currencies = c->n_groups[QLAB_GROUP_CURRENCY],
                                     .liquidity_in_usd = c->x->liquidity_usd != NULL &&
                                                         c->x->liquidity_usd[day] != 0};

    for (size_t k = 0; k < c->lib->n_universes; k++)
        c->spaces[k] = (qlab_score_rows){
            c->rows[k], qlab_universe_select(c->lib->universes[k], &rows, c->rows[k])};
}

qlab_score_xsec qlab_cross_for(qlab_cross *c, const qlab_score_plan *plan, size_t day)
{
    const char *const *names;
    const size_t n = qlab_score_plan_columns(plan, &names), first = c->x->first[day];
    qlab_score_xsec x = {.n_rows = c->x->first[day + 1] - first, .spaces = c->spaces};

    qlab_grow((void **)&c->col, &c->cap_col, n + 1, sizeof *c->col);
    for (size_t i = 0; i < n; i++)
        c->col[i] = c->x->col[qlab_cross_column(c->columns, c->n_columns, names[i])] + first;
    x.col = c->col;
    for (int g = 0; g < QLAB_GROUP_COUNT; g++)
        if (c->row_group[g] != NULL) {
            x.group[g] = c->row_group[g] + first;
            x.n_groups[g] = c->n_groups[g];
        }
    return x;
}
