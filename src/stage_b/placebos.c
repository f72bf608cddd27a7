/* Books that know nothing: a candidate's positions given to other names. */
#include "base/alloc.h"
#include "stage_b/figures.h"
#include "strategy/placebo.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static qlab_code seed_of(const qlab_stage_b *b, uint64_t *seed, qlab_err *err)
{
    json_t *policy, *stage;
    int64_t v;
    qlab_code rc;

    if ((rc = qlab_json_get_object(b->screen, "stage_a_report.json", "policy", &policy, err)) !=
            QLAB_OK ||
        (rc = qlab_json_get_object(policy, "policy", "stage_a", &stage, err)) != QLAB_OK ||
        (rc = qlab_json_get_i64(stage, "stage_a", "placebo_seed", &v, err)) != QLAB_OK)
        return qlab_err_prefix(err, "the stage A run drew no placebos: screen again");
    *seed = (uint64_t)v;
    return QLAB_OK;
}

qlab_code qlab_stage_b_draw_placebos(qlab_stage_b *b, const qlab_fold_plan *folds, qlab_err *err)
{
    const size_t n = (size_t)b->policy.design.placebos, n_assets = b->assets.n_assets;
    uint8_t *quintile = qlab_alloc(n_assets + 1, 1);
    uint32_t *source = qlab_alloc(n_assets + 1, sizeof *source);
    uint64_t seed = 0;
    qlab_code rc = QLAB_OK;

    b->placebo_candidate = qlab_alloc(n + 1, sizeof *b->placebo_candidate);
    b->placebo_heir = qlab_alloc(n * n_assets + 1, sizeof *b->placebo_heir);
    if (n > 0 && (rc = seed_of(b, &seed, err)) == QLAB_OK)
        rc = qlab_stage_quintiles(b->env, b->panel, &b->assets, &b->whole, folds, quintile, err);
    if (rc == QLAB_OK) {
        b->n_placebos = n;
        qlab_placebo_candidates(b->lib, n, b->placebo_candidate);
    }
    for (size_t p = 0; p < b->n_placebos; p++) {
        uint32_t *heir = b->placebo_heir + p * n_assets;
        qlab_placebo_permute(seed, p, b->assets.group[QLAB_GROUP_CURRENCY],
                             b->assets.n_groups[QLAB_GROUP_CURRENCY], quintile, n_assets, source);
        for (size_t i = 0; i < n_assets; i++)
            heir[i] = QLAB_PLACEBO_NONE;
        for (size_t i = 0; i < n_assets; i++)
            if (source[i] != QLAB_PLACEBO_NONE)
                heir[source[i]] = (uint32_t)i;
    }
    qlab_free(quintile);
    qlab_free(source);
    return rc;
}

/* Targets of one session given to the heirs that are eligible then; each leg is made whole again.
 */
static void move_session(const qlab_stage_b *b, const uint32_t *heir, const qlab_targets *from,
                         size_t s, qlab_targets *to)
{
    const qlab_feed *f = &b->feed;
    double leg[2] = {0.0, 0.0};
    size_t n = to->first[s];

    for (size_t j = from->first[s]; j < from->first[s + 1]; j++) {
        const uint32_t asset = heir[f->asset[from->name[j]]];
        const uint32_t name =
            asset == QLAB_PLACEBO_NONE ? UINT32_MAX : qlab_feed_name(f, asset, f->session[s]);
        if (name == UINT32_MAX || !f->eligible[s * f->n_names + name])
            continue;
        to->name[n] = name;
        to->weight[n++] = from->weight[j];
        leg[from->weight[j] > 0.0] += fabs(from->weight[j]);
    }
    for (size_t j = to->first[s]; j < n; j++)
        to->weight[j] /= leg[to->weight[j] > 0.0];
    to->first[s + 1] = n;
}

static void keep_figures(const qlab_b_verdict *v, qlab_b_placebo *out)
{
    const double figure[QLAB_B_PLACEBO_FIGURES] = {v->sharpe.sr,
                                                   v->sharpe.n_obs,
                                                   v->sharpe.skew,
                                                   v->sharpe.kurt,
                                                   v->sharpe.rho,
                                                   v->min_trl,
                                                   v->combinations_negative,
                                                   v->worst_combination,
                                                   v->book.max_drawdown,
                                                   v->book.turnover,
                                                   v->stress[QLAB_B_STRESS_COSTS_2],
                                                   v->stress[QLAB_B_STRESS_COSTS_3],
                                                   v->stress[QLAB_B_STRESS_WORST_WINDOWS]};

    memcpy(out->figure, figure, sizeof figure);
}

void qlab_stage_b_placebo(const qlab_stage_b *b, size_t placebo, const qlab_market *market,
                          const qlab_targets *targets, const qlab_book_options *options,
                          qlab_book_work *work, qlab_book_series *series, qlab_b_placebo *out)
{
    const uint32_t *heir = b->placebo_heir + placebo * b->assets.n_assets;
    const size_t n = b->feed.n_sessions, n_rows = targets->first[targets->n_sessions];
    qlab_targets moved = *targets;
    qlab_outcome o = {.n_paths = 1};
    qlab_b_verdict *v = qlab_alloc_zero(1, sizeof *v);

    moved.first = qlab_alloc_zero(targets->n_sessions + 1, sizeof *moved.first);
    moved.name = qlab_alloc(n_rows + 1, sizeof *moved.name);
    moved.weight = qlab_alloc(n_rows + 1, sizeof *moved.weight);
    for (size_t s = 0; s < targets->n_sessions; s++)
        move_session(b, heir, targets, s, &moved);
    qlab_book_run(market, &moved, options, work, series);
    o.path = qlab_alloc((size_t)QLAB_DAILY_COUNT * n, sizeof *o.path);
    qlab_stage_b_keep(series, o.path);
    qlab_b_book_figures(b, &o, v);
    keep_figures(v, out);
    qlab_free(o.path);
    qlab_free(moved.first);
    qlab_free(moved.name);
    qlab_free(moved.weight);
    qlab_free(v);
}
