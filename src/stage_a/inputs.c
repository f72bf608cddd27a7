#include "stage_a/inputs.h"

#include "base/alloc.h"
#include "base/date.h"
#include "stage_a/screen.h"
#include "strategy/placebo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

qlab_code qlab_stage_parameters(const qlab_panel *panel, uint32_t *every, const char **entry,
                                qlab_err *err)
{
    const char *id = qlab_panel_id(panel);
    json_t *parameters;
    int64_t step = 1;
    qlab_code rc;

    if ((rc = qlab_json_get_object(qlab_panel_manifest(panel), id, "parameters", &parameters,
                                   err)) != QLAB_OK ||
        (rc = qlab_json_get_i64(parameters, id, "every", &step, err)) != QLAB_OK ||
        (rc = qlab_json_get_str(parameters, id, "entry", entry, err)) != QLAB_OK)
        return rc;
    if (step < 1)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: every was %lld", id, (long long)step);
    *every = (uint32_t)step;
    return QLAB_OK;
}

qlab_code qlab_stage_rule(const qlab_panel *panel, const json_t **rule, qlab_err *err)
{
    const qlab_snapshot *snap = qlab_panel_snapshot(panel);
    json_t *o;
    const qlab_code rc = qlab_json_get_object(snap->manifest, snap->id, "universe_rule", &o, err);

    *rule = rc == QLAB_OK ? o : NULL;
    return rc;
}

void qlab_stage_axis(const qlab_panel *panel, uint32_t every, qlab_axis *axis, int32_t **label_end)
{
    const qlab_snapshot *snap = qlab_panel_snapshot(panel);
    const int32_t *master = snap->master;
    const size_t n_master = snap->n_master;
    size_t at = 0;

    axis->every = every;
    axis->longest_horizon = qlab_screen_horizon[QLAB_SCREEN_HORIZONS - 1];
    axis->n = qlab_panel_sessions(panel, &axis->sessions);
    *label_end = qlab_alloc(axis->n + 1, sizeof **label_end);
    axis->label_end = *label_end;
    for (size_t i = 0; i < axis->n; i++) {
        while (at < n_master && master[at] < axis->sessions[i])
            at++;
        const size_t exit = at + 1 + axis->longest_horizon;
        (*label_end)[i] = exit < n_master ? master[exit] : QLAB_DATE_NONE;
    }
}

static qlab_code check_columns(const qlab_panel *panel, const qlab_library *lib, qlab_err *err)
{
    const char *const *names;
    const size_t n = qlab_expr_columns(lib->graph, &names);

    for (size_t i = 0; i < n; i++)
        if (!qlab_panel_has_column(panel, names[i]))
            return qlab_fail(err, QLAB_E_USAGE,
                             "feature set %s was built without the column '%s' that %s uses: "
                             "features build --candidates LIST adds what a list uses",
                             qlab_panel_id(panel), names[i], lib->source);
    return QLAB_OK;
}

static qlab_code check_universes(const qlab_panel *panel, const qlab_library *lib, qlab_err *err)
{
    const qlab_snapshot *snap = qlab_panel_snapshot(panel);

    for (size_t i = 0; i < lib->n; i++) {
        const qlab_candidate *c = &lib->candidates[i];
        if (c->universe.class_mask & snap->rule.class_mask)
            continue;
        qlab_buf asked = QLAB_BUF_INIT, there = QLAB_BUF_INIT;
        qlab_universe_print(c->universe, &asked);
        qlab_universe_print((qlab_universe){snap->rule.class_mask, 0}, &there);
        const qlab_code rc = qlab_fail(
            err, QLAB_E_USAGE, "candidate '%s' of %s ranks %s, but snapshot %s lets in %s only",
            c->id, lib->source, asked.at, snap->id, there.at);
        qlab_buf_free(&asked);
        qlab_buf_free(&there);
        return rc;
    }
    return QLAB_OK;
}

qlab_code qlab_stage_check_list(const qlab_panel *panel, const qlab_library *lib, qlab_err *err)
{
    const qlab_code rc = check_columns(panel, lib, err);

    return rc != QLAB_OK ? rc : check_universes(panel, lib, err);
}

/* ---- what the assets are --------------------------------------------------------------------- */

typedef struct named {
    const char *name;
    uint32_t asset;
} named;

static int by_name(const void *pa, const void *pb)
{
    return strcmp(((const named *)pa)->name, ((const named *)pb)->name);
}

/* Equal names get one code, codes in byte order of names; "" (unknown) is a group of its own. */
static uint32_t *codes_of(named *list, size_t n, size_t *n_codes)
{
    uint32_t *codes = qlab_alloc(n + 1, sizeof *codes);

    qsort(list, n, sizeof *list, by_name);
    *n_codes = 0;
    for (size_t i = 0; i < n; i++) {
        *n_codes += i == 0 || strcmp(list[i].name, list[i - 1].name) != 0;
        codes[list[i].asset] = (uint32_t)(*n_codes - 1);
    }
    *n_codes = *n_codes > 0 ? *n_codes : 1;
    return codes;
}

void qlab_asset_groups_of(const qlab_panel *panel, qlab_asset_groups *out)
{
    const qlab_snapshot *snap = qlab_panel_snapshot(panel);
    const qlab_asset *const *assets;
    const size_t n = qlab_panel_assets(panel, &assets);
    named *list = qlab_alloc(n + 1, sizeof *list);

    *out = (qlab_asset_groups){0};
    out->asset_class = qlab_alloc(n + 1, 1);
    out->group[QLAB_GROUP_CLASS] = qlab_alloc(n + 1, sizeof(uint32_t));
    for (size_t i = 0; i < n; i++) {
        out->asset_class[i] = (uint8_t)assets[i]->asset_class;
        out->group[QLAB_GROUP_CLASS][i] = (uint32_t)assets[i]->asset_class;
    }
    out->n_groups[QLAB_GROUP_CLASS] = QLAB_CLASS_COUNT;
    for (size_t i = 0; i < n; i++)
        list[i] = (named){assets[i]->exchange, (uint32_t)i};
    out->group[QLAB_GROUP_EXCHANGE] = codes_of(list, n, &out->n_groups[QLAB_GROUP_EXCHANGE]);
    for (size_t i = 0; i < n; i++)
        list[i] = (named){assets[i]->currency, (uint32_t)i};
    out->group[QLAB_GROUP_CURRENCY] = codes_of(list, n, &out->n_groups[QLAB_GROUP_CURRENCY]);
    for (size_t i = 0; snap->sector != NULL && i < n; i++)
        list[i] = (named){snap->sector[assets[i]->asset_ix], (uint32_t)i};
    if (snap->sector != NULL)
        out->group[QLAB_GROUP_SECTOR] = codes_of(list, n, &out->n_groups[QLAB_GROUP_SECTOR]);
    qlab_free(list);
    out->n_assets = n;
}

void qlab_asset_groups_free(qlab_asset_groups *g)
{
    for (int i = 0; i < QLAB_GROUP_COUNT; i++)
        qlab_free(g->group[i]);
    qlab_free(g->asset_class);
    *g = (qlab_asset_groups){0};
}

/* Liquidity of the eligible names of one session, by asset; NaN elsewhere. */
static qlab_code read_liquidity(const qlab_env *env, const qlab_panel *panel, int32_t date,
                                size_t n_assets, double *liquidity, qlab_err *err)
{
    qlab_conn *conn;
    qlab_xsec x;
    qlab_code rc = qlab_duck_conn(env->duck, 0, &conn, err);

    if (rc == QLAB_OK)
        rc = qlab_panel_load_dates(panel, conn, date, date + 1, &qlab_screen_label[0], 1, &x, err);
    if (rc != QLAB_OK)
        return rc;
    for (size_t i = 0; i < n_assets; i++)
        liquidity[i] = NAN;
    for (size_t i = 0; i < x.n_rows; i++)
        if (x.eligibility[i] == 0)
            liquidity[x.asset[i]] = x.adv_usd_or_ccy[i];
    qlab_xsec_free(&x);
    return QLAB_OK;
}

qlab_code qlab_stage_quintiles(const qlab_env *env, const qlab_panel *panel,
                               const qlab_asset_groups *assets, const qlab_axis *axis,
                               const qlab_fold_plan *folds, uint8_t *quintile, qlab_err *err)
{
    double *liquidity = qlab_alloc(assets->n_assets + 1, sizeof *liquidity);
    qlab_code rc = QLAB_OK;

    memset(quintile, QLAB_PLACEBO_UNRANKED, assets->n_assets);
    for (size_t k = 0; rc == QLAB_OK && k <= folds->n_folds; k++) {
        const size_t session =
            k < folds->n_folds ? folds->folds[k].test_first : folds->folds[k - 1].test_end - 1;
        rc = read_liquidity(env, panel, axis->sessions[session], assets->n_assets, liquidity, err);
        if (rc == QLAB_OK)
            qlab_placebo_rank(assets->group[QLAB_GROUP_CURRENCY], liquidity, assets->n_assets,
                              quintile);
    }
    qlab_free(liquidity);
    return rc;
}
