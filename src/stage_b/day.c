#include "stage_b/day.h"

#include "base/alloc.h"

static void reserve(qlab_b_day *d, const qlab_library *lib, size_t n_rows, size_t n_columns)
{
    if (d->spaces == NULL) {
        d->n_spaces = lib->n_universes;
        d->spaces = qlab_alloc_zero(d->n_spaces, sizeof *d->spaces);
        d->rows = qlab_alloc_zero(d->n_spaces, sizeof *d->rows);
    }
    if (n_columns + 1 > d->cap_cols) {
        d->cap_cols = n_columns + 1;
        qlab_free(d->col);
        d->col = qlab_alloc(d->cap_cols, sizeof *d->col);
    }
    if (n_rows + 1 <= d->cap_rows)
        return;
    d->cap_rows = n_rows + n_rows / 4 + 1;
    qlab_free(d->asset_class);
    d->asset_class = qlab_alloc(d->cap_rows, 1);
    for (size_t k = 0; k < d->n_spaces; k++) {
        qlab_free(d->rows[k]);
        d->rows[k] = qlab_alloc(d->cap_rows, sizeof **d->rows);
    }
    for (int g = 0; g < QLAB_GROUP_COUNT; g++) {
        qlab_free(d->group[g]);
        d->group[g] = qlab_alloc(d->cap_rows, sizeof *d->group[g]);
    }
}

void qlab_b_day_enter(qlab_b_day *d, const qlab_library *lib, const qlab_asset_groups *assets,
                      const qlab_xsec *x, size_t day, const size_t *column, size_t n_columns,
                      int64_t space)
{
    const size_t first = x->first[day], n = x->first[day + 1] - first;

    reserve(d, lib, n, n_columns);
    d->first_row = first;
    d->n_rows = n;
    d->x = (qlab_score_xsec){.n_rows = n, .col = d->col, .spaces = d->spaces};
    for (size_t i = 0; i < n_columns; i++)
        d->col[i] = x->col[column[i]] + first;
    for (size_t i = 0; i < n; i++)
        d->asset_class[i] = assets->asset_class[x->asset[first + i]];
    for (int g = 0; g < QLAB_GROUP_COUNT; g++) {
        if (assets->group[g] == NULL)
            continue;
        for (size_t i = 0; i < n; i++)
            d->group[g][i] = assets->group[g][x->asset[first + i]];
        d->x.group[g] = d->group[g];
        d->x.n_groups[g] = assets->n_groups[g];
    }
    const qlab_universe_rows rows = {.n = n,
                                     .eligibility = x->eligibility + first,
                                     .asset_class = d->asset_class,
                                     .liquidity = x->adv_usd_or_ccy + first,
                                     .currency = d->group[QLAB_GROUP_CURRENCY],
                                     .n_currencies = assets->n_groups[QLAB_GROUP_CURRENCY],
                                     .liquidity_in_usd =
                                         x->liquidity_usd != NULL && x->liquidity_usd[day] != 0};
    for (size_t k = 0; k < d->n_spaces; k++) {
        const bool wanted = space == QLAB_B_ALL_SPACES || (size_t)space == k;
        d->spaces[k] = (qlab_score_rows){
            d->rows[k], wanted ? qlab_universe_select(lib->universes[k], &rows, d->rows[k]) : 0};
    }
}

void qlab_b_day_free(qlab_b_day *d)
{
    for (size_t k = 0; k < d->n_spaces; k++)
        qlab_free(d->rows[k]);
    for (int g = 0; g < QLAB_GROUP_COUNT; g++)
        qlab_free(d->group[g]);
    qlab_free(d->rows);
    qlab_free(d->spaces);
    qlab_free(d->col);
    qlab_free(d->asset_class);
    *d = (qlab_b_day){0};
}
