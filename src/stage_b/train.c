/* What each candidate scores with in each split: a fixed one its score everywhere, a learned one
 * what it learned on the split's train rows. */
#include "base/alloc.h"
#include "base/date.h"
#include "stage_b/day.h"
#include "stage_b/run_int.h"
#include "strategy/learn.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const char *const LABELS[QLAB_LEARN_HORIZONS] = {"fwd_ret_1d", "fwd_ret_5d", "fwd_ret_20d"};

typedef struct month {
    size_t first, end; /* sessions of the axis */
    qlab_learn_bank bank;
} month;

typedef struct training {
    qlab_stage_b *b;
    qlab_learn_plan *plan;
    const char **columns; /* of the scores, then the labels in use */
    size_t n_scores, n_columns;
    size_t label[QLAB_LEARN_HORIZONS]; /* place in columns; SIZE_MAX: not read */
    qlab_learn_split *splits;
    bool *trains; /* [split * n + session] */
    int32_t *cut;
    uint16_t *block; /* by session: its group */
    int32_t *cuts;
    size_t n_cuts;
    month *months;
    size_t n_months;
    qlab_learn_bank bank;
    qlab_trained *trained; /* [learned * n_splits + split] */
} training;

/* ---- splits ---------------------------------------------------------------------------------- */

static void make_splits(training *t)
{
    const qlab_stage_b *b = t->b;
    const size_t n = b->axis.n;
    uint8_t *use = qlab_alloc(n + 1, 1);
    bool *is_test = qlab_alloc(n + 1, sizeof *is_test);

    t->splits = qlab_alloc_zero(b->plan.n_splits, sizeof *t->splits);
    t->trains = qlab_alloc(b->plan.n_splits * n + 1, sizeof *t->trains);
    t->cut = qlab_alloc(b->plan.n_splits * n + 1, sizeof *t->cut);
    t->block = qlab_alloc(n + 1, sizeof *t->block);
    for (uint32_t g = 0; g < b->plan.n_groups; g++)
        for (size_t i = b->plan.group_first[g]; i < b->plan.group_first[g + 1]; i++)
            t->block[i] = (uint16_t)g;
    for (size_t s = 0; s < b->plan.n_splits; s++) {
        qlab_cpcv_plan_use(&b->plan, &b->axis, s, use);
        for (size_t i = 0; i < n; i++) {
            is_test[i] = use[i] == QLAB_ROW_TEST;
            t->trains[s * n + i] = use[i] == QLAB_ROW_TRAIN;
        }
        qlab_learn_next_test(b->axis.sessions, is_test, n, t->cut + s * n);
        t->splits[s] = (qlab_learn_split){.n = n,
                                          .sessions = b->axis.sessions,
                                          .label_end = b->axis.label_end,
                                          .trains = t->trains + s * n,
                                          .cut = t->cut + s * n,
                                          .block = t->block,
                                          .embargo = b->plan.embargo};
    }
    qlab_learn_cuts(t->splits, b->plan.n_splits, &t->cuts, &t->n_cuts);
    qlab_free(use);
    qlab_free(is_test);
}

static void choose_columns(training *t)
{
    const char *const *names;

    t->n_scores = qlab_score_plan_columns(qlab_learn_scores(t->plan), &names);
    t->columns = qlab_alloc(t->n_scores + QLAB_LEARN_HORIZONS, sizeof *t->columns);
    memcpy(t->columns, names, t->n_scores * sizeof *t->columns);
    t->n_columns = t->n_scores;
    for (size_t h = 0; h < QLAB_LEARN_HORIZONS; h++) {
        t->label[h] = SIZE_MAX;
        if (!qlab_learn_uses_horizon(t->plan, h))
            continue;
        t->label[h] = t->n_columns;
        t->columns[t->n_columns++] = LABELS[h];
    }
}

static void make_months(training *t)
{
    const qlab_cpcv_axis *axis = &t->b->axis;

    t->months = qlab_alloc_zero(axis->n + 1, sizeof *t->months);
    for (size_t i = 0; i < axis->n; i++) {
        if (i == 0 || qlab_date_month_index(axis->sessions[i]) !=
                          qlab_date_month_index(axis->sessions[i - 1]))
            t->months[t->n_months++].first = i;
        t->months[t->n_months - 1].end = i + 1;
    }
}

/* ---- the bank -------------------------------------------------------------------------------- */

/* A halted name's label may reach into the sealed sessions: it is not known. */
static void cut_sealed(const training *t, qlab_xsec *x)
{
    const int32_t sealed = t->b->first_sealed;

    for (size_t h = 0; sealed != QLAB_DATE_NONE && h < QLAB_LEARN_HORIZONS; h++)
        for (size_t i = 0; t->label[h] != SIZE_MAX && i < x->n_rows; i++)
            if (x->label_end[h][i] != QLAB_DATE_NONE && x->label_end[h][i] >= sealed)
                x->col[t->label[h]][i] = NAN;
}

static void add_days(const training *t, const qlab_xsec *x, qlab_learn_bank *bank)
{
    size_t *column = qlab_alloc(t->n_scores + 1, sizeof *column);
    qlab_learn_work *work = qlab_learn_work_new();
    qlab_b_day day = {0};

    for (size_t i = 0; i < t->n_scores; i++)
        column[i] = i;
    for (size_t d = 0; d < x->n_dates; d++) {
        qlab_learn_day in = {.date = x->dates[d], .x = &day.x};
        qlab_b_day_enter(&day, t->b->lib, &t->b->assets, x, d, column, t->n_scores,
                         QLAB_B_ALL_SPACES);
        for (size_t h = 0; h < QLAB_LEARN_HORIZONS; h++) {
            if (t->label[h] == SIZE_MAX)
                continue;
            in.label[h] = x->col[t->label[h]] + day.first_row;
            in.label_end[h] = x->label_end[h] + day.first_row;
        }
        qlab_learn_add(t->plan, &in, t->cuts, t->n_cuts, work, bank);
    }
    qlab_b_day_free(&day);
    qlab_learn_work_free(work);
    qlab_free(column);
}

static qlab_code bank_month(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    const training *t = ctx;
    month *m = &t->months[unit];
    const int32_t *sessions = t->b->axis.sessions;
    qlab_conn *conn;
    qlab_xsec x;
    qlab_code rc;

    if ((rc = qlab_duck_conn(t->b->env->duck, worker, &conn, err)) != QLAB_OK ||
        (rc = qlab_panel_load_dates(t->b->panel, conn, sessions[m->first], sessions[m->end - 1] + 1,
                                    t->columns, t->n_columns, &x, err)) != QLAB_OK)
        return rc;
    cut_sealed(t, &x);
    add_days(t, &x, &m->bank);
    qlab_xsec_free(&x);
    return QLAB_OK;
}

static void merge_banks(training *t)
{
    const size_t width = qlab_learn_width(t->plan);

    for (size_t k = 0; k < t->n_months; k++) {
        qlab_learn_bank *m = &t->months[k].bank;
        for (size_t i = 0; i < m->n; i++)
            memcpy(qlab_learn_bank_put(&t->bank, width, m->date[i], m->bound[i]),
                   m->value + i * width, width * sizeof *m->value);
        qlab_learn_bank_free(m);
    }
    qlab_learn_bank_sort(&t->bank);
}

/* ---- training -------------------------------------------------------------------------------- */

static qlab_code train_unit(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    const training *t = ctx;
    const size_t n_splits = t->b->plan.n_splits;

    (void)worker;
    (void)err;
    qlab_learn_train(t->plan, unit / n_splits, &t->bank, &t->splits[unit % n_splits],
                     &t->trained[unit]);
    return QLAB_OK;
}

/* Nodes are made one after another, in one order: the graph is shared afterwards. */
static void take_roots(training *t)
{
    qlab_stage_b *b = t->b;
    const qlab_cpcv_plan *p = &b->plan;
    json_t **of = qlab_alloc_zero(b->lib->n + 1, sizeof(json_t *)); /* by candidate */
    uint32_t *by_id = qlab_library_by_id(b->lib);

    for (size_t l = 0; l < qlab_learn_n(t->plan); l++) {
        const size_t c = (size_t)(qlab_learn_candidate(t->plan, l) - b->lib->candidates);
        uint32_t *root = qlab_alloc(p->n_splits, sizeof *root);
        json_t *splits = json_array();
        for (size_t s = 0; s < p->n_splits; s++) {
            const qlab_trained *x = &t->trained[l * p->n_splits + s];
            root[s] = qlab_trained_root(b->lib->graph, x);
            (void)json_array_append_new(splits, qlab_trained_json(b->lib->graph, x));
        }
        b->root[c] = qlab_alloc(p->n_paths * p->n_groups, sizeof **b->root);
        for (size_t i = 0; i < p->n_paths * p->n_groups; i++)
            b->root[c][i] = root[p->split_of[i]];
        of[c] = json_pack("{s:s, s:o}", "candidate", b->lib->candidates[c].id, "splits", splits);
        qlab_free(root);
    }
    b->trained = json_array();
    for (size_t i = 0; i < b->lib->n; i++)
        if (of[by_id[i]] != NULL)
            (void)json_array_append_new(b->trained, of[by_id[i]]);
    qlab_free(by_id);
    qlab_free(of);
}

static void fixed_roots(qlab_stage_b *b)
{
    b->root = qlab_alloc_zero(b->lib->n + 1, sizeof *b->root);
    for (size_t c = 0; c < b->lib->n; c++) {
        if (b->lib->candidates[c].kind_id != QLAB_KIND_FIXED)
            continue;
        b->root[c] = qlab_alloc(b->plan.n_groups, sizeof **b->root);
        for (uint32_t g = 0; g < b->plan.n_groups; g++)
            b->root[c][g] = b->lib->candidates[c].root;
    }
}

static void release(training *t)
{
    for (size_t i = 0; t->trained != NULL && i < qlab_learn_n(t->plan) * t->b->plan.n_splits; i++)
        qlab_trained_free(&t->trained[i]);
    for (size_t k = 0; k < t->n_months; k++)
        qlab_learn_bank_free(&t->months[k].bank);
    qlab_learn_bank_free(&t->bank);
    qlab_free(t->trained);
    qlab_free(t->months);
    qlab_free(t->cuts);
    qlab_free(t->block);
    qlab_free(t->cut);
    qlab_free(t->trains);
    qlab_free(t->splits);
    qlab_free(t->columns);
    qlab_learn_plan_free(t->plan);
}

qlab_code qlab_stage_b_train(qlab_stage_b *b, qlab_err *err)
{
    training t = {.b = b, .plan = qlab_learn_plan_new(b->lib, b->rule.min_names)};
    const size_t n = qlab_learn_n(t.plan);
    qlab_code rc = QLAB_OK;

    fixed_roots(b);
    if (n == 0)
        goto done;
    make_splits(&t);
    choose_columns(&t);
    make_months(&t);
    if ((rc = qlab_pool_run(b->env->pool, t.n_months, bank_month, &t, err)) != QLAB_OK)
        goto done;
    merge_banks(&t);
    t.trained = qlab_alloc_zero(n * b->plan.n_splits, sizeof *t.trained);
    if ((rc = qlab_pool_run(b->env->pool, n * b->plan.n_splits, train_unit, &t, err)) == QLAB_OK)
        take_roots(&t);
done:
    release(&t);
    return rc;
}
