/* What learned candidates learn: the train rows of every fold, month by month, to parameters, and
 * these to the nodes that the screen scores. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "ops/run.h"
#include "stage_a/run_int.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { INNER_BLOCKS = 5, N_COLS = 4 };
static const char *const COLUMNS[N_COLS] = {"date", "bound", "place", "value"};
static const qlab_type TYPES[N_COLS] = {QLAB_T_I32, QLAB_T_I32, QLAB_T_U32, QLAB_T_F64};

/* ---- planning -------------------------------------------------------------------------------- */

void qlab_stage_a_plan_lessons(qlab_stage_a *a)
{
    qlab_lessons *l = &a->lessons;
    const char *const *names;

    l->plan = qlab_learn_plan_new(a->lib, (uint32_t)a->policy.min_names);
    const size_t n = qlab_score_plan_columns(qlab_learn_scores(l->plan), &names);
    l->columns = qlab_alloc(n + QLAB_SCREEN_HORIZONS, sizeof *l->columns);
    for (size_t i = 0; i < n; i++)
        l->columns[i] = names[i];
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++)
        l->columns[n + h] = qlab_screen_label[h];
    l->n_columns = n + QLAB_SCREEN_HORIZONS;
}

/* Sessions of a fold: who trains (those of the folds manifest), until when a label must have ended,
 * and five blocks to choose a penalty by. */
static void make_split(qlab_stage_a *a, size_t k, uint8_t *role)
{
    qlab_lessons *l = &a->lessons;
    const qlab_fold *f = &a->folds.folds[k];
    const size_t n = a->folds.n_usable;
    bool *trains = l->trains + k * n;
    int32_t *cut = l->cut + k * n;
    uint16_t *block = l->block + k * n;
    size_t at = 0;

    qlab_fold_roles(&a->axis, n, f->test_first, f->test_end, a->folds.embargo, true, role);
    for (size_t i = 0; i < n; i++) {
        trains[i] = role[i] == QLAB_ROLE_TRAIN;
        cut[i] = a->axis.sessions[f->test_first];
        block[i] = trains[i] ? (uint16_t)(at++ * INNER_BLOCKS / f->n_train) : QLAB_LEARN_NO_BLOCK;
    }
    assert(at == f->n_train);
    l->splits[k] = (qlab_learn_split){.n = n,
                                      .sessions = a->axis.sessions,
                                      .label_end = a->axis.label_end,
                                      .trains = trains,
                                      .cut = cut,
                                      .block = block,
                                      .embargo = a->folds.embargo};
}

static void make_splits(qlab_stage_a *a)
{
    qlab_lessons *l = &a->lessons;
    const size_t n = a->folds.n_usable * a->folds.n_folds;
    uint8_t *role = qlab_alloc(a->folds.n_usable + 1, 1);

    l->n_folds = a->folds.n_folds;
    l->splits = qlab_alloc(l->n_folds, sizeof *l->splits);
    l->trains = qlab_alloc(n, sizeof *l->trains);
    l->cut = qlab_alloc(n, sizeof *l->cut);
    l->block = qlab_alloc(n, sizeof *l->block);
    for (size_t k = 0; k < l->n_folds; k++)
        make_split(a, k, role);
    qlab_free(role);
    qlab_learn_cuts(l->splits, l->n_folds, &l->cuts, &l->n_cuts);
}

/* ---- one month ------------------------------------------------------------------------------- */

/* The last date that a row holds information of: of its own label and of the longest, so that the
 * rows that train are those that the folds manifest counts. */
static int32_t *information_end(const qlab_xsec *x, size_t h)
{
    const int32_t *own = x->label_end[h], *longest = x->label_end[QLAB_SCREEN_HORIZONS - 1];
    int32_t *end = qlab_alloc(x->n_rows + 1, sizeof *end);

    for (size_t i = 0; i < x->n_rows; i++)
        end[i] = own[i] == QLAB_DATE_NONE || longest[i] == QLAB_DATE_NONE ? QLAB_DATE_NONE
                 : own[i] > longest[i]                                    ? own[i]
                                                                          : longest[i];
    return end;
}

static void learn_span(const qlab_stage_a *a, const qlab_xsec *x, qlab_learn_bank *bank)
{
    const qlab_lessons *l = &a->lessons;
    qlab_cross_groups groups = {.asset_class = a->assets.asset_class};
    int32_t *end[QLAB_SCREEN_HORIZONS];
    qlab_learn_work *work = qlab_learn_work_new();
    qlab_cross cross;

    for (int g = 0; g < QLAB_GROUP_COUNT; g++) {
        groups.group[g] = a->assets.group[g];
        groups.n_groups[g] = a->assets.n_groups[g];
    }
    qlab_cross_init(&cross, a->lib, &groups, x, l->columns, l->n_columns);
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++)
        end[h] = information_end(x, h);
    for (size_t d = 0; d < x->n_dates; d++) {
        qlab_cross_day(&cross, d);
        const qlab_score_xsec session = qlab_cross_for(&cross, qlab_learn_scores(l->plan), d);
        qlab_learn_day day = {.date = x->dates[d], .x = &session};
        for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++) {
            const size_t column = l->n_columns - QLAB_SCREEN_HORIZONS + h;
            day.label[h] = x->col[column] + x->first[d];
            day.label_end[h] = end[h] + x->first[d];
        }
        qlab_learn_add(l->plan, &day, l->cuts, l->n_cuts, work, bank);
    }
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++)
        qlab_free(end[h]);
    qlab_cross_free(&cross);
    qlab_learn_work_free(work);
}

static qlab_code write_bank(const qlab_stage_a *a, qlab_conn *conn, const qlab_month_unit *m,
                            const qlab_learn_bank *bank, json_t **record, qlab_err *err)
{
    const size_t n = bank->n * bank->width;
    int32_t *date = qlab_alloc(n + 1, sizeof *date), *bound = qlab_alloc(n + 1, sizeof *bound);
    uint32_t *place = qlab_alloc(n + 1, sizeof *place);
    const qlab_col cols[N_COLS] = {{COLUMNS[0], TYPES[0], date, NULL, NULL},
                                   {COLUMNS[1], TYPES[1], bound, NULL, NULL},
                                   {COLUMNS[2], TYPES[2], place, NULL, NULL},
                                   {COLUMNS[3], TYPES[3], bank->value, NULL, NULL}};

    for (size_t i = 0; i < n; i++) {
        date[i] = bank->date[i / bank->width];
        bound[i] = bank->bound[i / bank->width];
        place[i] = (uint32_t)(i % bank->width);
    }
    const qlab_code rc = qlab_stage_a_put_part(a, conn, "lessons", m, cols, N_COLS, n, record, err);
    qlab_free(date);
    qlab_free(bound);
    qlab_free(place);
    return rc;
}

static qlab_digest lesson_key(void *ctx, size_t unit)
{
    return qlab_stage_a_key(ctx, "lessons", unit);
}

static qlab_code lesson_unit(void *ctx, size_t unit, size_t worker, json_t **result,
                             uint64_t *n_counted, qlab_err *err)
{
    const qlab_stage_a *a = ctx;
    const qlab_month_unit *m = &a->months[unit];
    qlab_learn_bank bank = {0};
    json_t *record = NULL;
    qlab_conn *conn;
    qlab_xsec x;
    qlab_code rc;

    if ((rc = qlab_duck_conn(a->env->duck, worker, &conn, err)) != QLAB_OK ||
        (rc = qlab_panel_load_dates(a->panel, conn, a->axis.sessions[m->first],
                                    a->axis.sessions[m->end - 1] + 1, a->lessons.columns,
                                    a->lessons.n_columns, &x, err)) != QLAB_OK)
        return rc;
    learn_span(a, &x, &bank);
    *n_counted = x.n_rows;
    qlab_xsec_free(&x);
    rc = write_bank(a, conn, m, &bank, &record, err);
    if (rc == QLAB_OK)
        *result = json_pack("{s:o}", "lessons", record);
    qlab_learn_bank_free(&bank);
    return rc;
}

static qlab_code read_bank(qlab_stage_a *a, qlab_conn *conn, size_t unit, qlab_learn_bank *bank,
                           qlab_err *err)
{
    const size_t width = qlab_learn_width(a->lessons.plan);
    qlab_table t = QLAB_TABLE_INIT;
    char *path = NULL;
    qlab_code rc = qlab_stage_a_get_part(a, conn, "lessons", unit, COLUMNS, TYPES, N_COLS, SIZE_MAX,
                                         &t, &path, err);

    for (size_t i = 0; rc == QLAB_OK && i < t.n_rows; i += width) {
        double *v = qlab_learn_bank_put(bank, width, t.cols[0].i32[i], t.cols[1].i32[i]);
        for (size_t k = 0; k < width && rc == QLAB_OK; k++) {
            if (i + k >= t.n_rows || t.cols[2].u32[i + k] != k ||
                t.cols[0].i32[i + k] != t.cols[0].i32[i])
                rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: row %zu was not value %zu of a record",
                               path, i + k, k);
            else
                v[k] = t.cols[3].f64[i + k];
        }
    }
    qlab_table_free(&t);
    qlab_free(path);
    return rc;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Of a learned candidate, by fold; NULL of a fixed one. */
static const qlab_trained *trained_of(const qlab_stage_a *a, size_t candidate)
{
    const qlab_lessons *l = &a->lessons;

    for (size_t i = 0; i < qlab_learn_n(l->plan); i++)
        if (qlab_learn_candidate(l->plan, i) == &a->lib->candidates[candidate])
            return &l->trained[i * l->n_folds];
    return NULL;
}

static void train_all(qlab_stage_a *a, const qlab_learn_bank *bank)
{
    qlab_lessons *l = &a->lessons;
    const size_t n = qlab_learn_n(l->plan);

    l->trained = qlab_alloc_zero(n * l->n_folds + 1, sizeof *l->trained);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < l->n_folds; k++)
            qlab_learn_train(l->plan, i, bank, &l->splits[k], &l->trained[i * l->n_folds + k]);
    for (size_t c = 0; c < a->lib->n; c++) {
        const qlab_trained *t = trained_of(a, c);
        for (size_t k = 0; k < l->n_folds; k++)
            a->root[c * l->n_folds + k] =
                t == NULL ? a->lib->candidates[c].root : qlab_trained_root(a->lib->graph, &t[k]);
    }
}

qlab_code qlab_stage_a_learn(qlab_stage_a *a, qlab_err *err)
{
    const qlab_fold *last = &a->folds.folds[a->folds.n_folds - 1];
    qlab_learn_bank bank = {0};
    qlab_conn *conn;
    qlab_code rc = QLAB_OK;

    make_splits(a);
    a->root = qlab_alloc(a->lib->n * a->folds.n_folds, sizeof *a->root);
    a->fold_first = qlab_alloc(a->folds.n_folds, sizeof *a->fold_first);
    for (size_t k = 0; k < a->folds.n_folds; k++)
        a->fold_first[k] = a->axis.sessions[a->folds.folds[k].test_first];
    if (qlab_learn_n(a->lessons.plan) > 0) {
        qlab_stage_a_months(a, 0, last->n_train); /* the last fold's train span holds the others' */
        const qlab_job_units units = {.step = "lessons",
                                      .counted = "asset-sessions",
                                      .n = a->n_months,
                                      .key = lesson_key,
                                      .fn = lesson_unit,
                                      .ctx = a};
        rc = qlab_job_run(a->job, &units, err);
        if (rc == QLAB_OK)
            rc = qlab_duck_conn(a->env->duck, 0, &conn, err);
        for (size_t i = 0; rc == QLAB_OK && i < a->n_months; i++)
            rc = read_bank(a, conn, i, &bank, err);
        qlab_learn_bank_sort(&bank);
    }
    if (rc == QLAB_OK)
        train_all(a, &bank);
    qlab_learn_bank_free(&bank);
    a->screen.root = a->root;
    a->screen.fold_first = a->fold_first;
    a->screen.n_folds = a->folds.n_folds;
    return rc;
}

/* ---- what is kept ---------------------------------------------------------------------------- */

json_t *qlab_stage_a_lessons_json(const qlab_stage_a *a, size_t candidate)
{
    const qlab_trained *t = trained_of(a, candidate);
    char hex[QLAB_HEX_BYTES];

    if (t == NULL)
        return NULL;
    json_t *folds = json_array();
    for (size_t k = 0; k < a->lessons.n_folds; k++) {
        json_t *o = json_pack("{s:I}", "fold", (json_int_t)k);
        json_t *said = qlab_trained_json(a->lib->graph, &t[k]);
        (void)json_object_del(said, "candidate");
        (void)json_object_del(said, "kind");
        (void)json_object_update(o, said);
        qlab_hex(qlab_trained_digest(a->lib->graph, &t[k]), hex);
        (void)json_object_set_new(o, "digest", json_string(hex));
        (void)json_array_append_new(folds, o);
        json_decref(said);
    }
    return folds;
}

qlab_code qlab_stage_a_write_lessons(const qlab_stage_a *a, const char *dir, qlab_err *err)
{
    json_t *o = qlab_artifact_begin("stage_a_learned/1", a->run_id, a->inputs);
    json_t *list = json_array();
    char *path = qlab_path_join(dir, "learned.json");

    for (size_t i = 0; i < a->lib->n; i++) {
        const uint32_t c = a->by_id[i];
        json_t *folds = qlab_stage_a_lessons_json(a, c);
        if (folds != NULL)
            (void)json_array_append_new(
                list, json_pack("{s:s, s:s, s:s, s:o}", "id", a->lib->candidates[c].id, "kind",
                                a->lib->candidates[c].kind, "definition",
                                a->lib->candidates[c].definition, "folds", folds));
    }
    (void)json_object_set_new(o, "candidates", list);
    const qlab_code rc = qlab_json_write(path, o, err);
    qlab_free(path);
    json_decref(o);
    return rc;
}

void qlab_stage_a_forget_lessons(qlab_stage_a *a)
{
    qlab_lessons *l = &a->lessons;

    for (size_t i = 0; l->trained != NULL && i < qlab_learn_n(l->plan) * l->n_folds; i++)
        qlab_trained_free(&l->trained[i]);
    qlab_learn_plan_free(l->plan);
    qlab_free(l->trained);
    qlab_free(l->columns);
    qlab_free(l->splits);
    qlab_free(l->trains);
    qlab_free(l->cut);
    qlab_free(l->block);
    qlab_free(l->cuts);
    qlab_free(a->root);
    qlab_free(a->fold_first);
    *l = (qlab_lessons){0};
}
