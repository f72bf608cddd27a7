#include "stage_b/lanes.h"

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/date.h"
#include "stage_b/day.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* What the lanes score in one group: different nodes once each. */
typedef struct group_plan {
    qlab_score_plan *plan;
    uint32_t *roots;   /* n_roots */
    uint32_t *root_of; /* by lane: index into roots */
    size_t n_roots;
    size_t *column; /* of the loaded ones, by column of the plan */
} group_plan;

typedef struct scoring {
    const qlab_lanes_in *in;
    qlab_lane *lanes;
    size_t n_lanes;
    uint8_t *member;
    qlab_lanes_count *count;
    group_plan *groups;
    const char **columns;
    size_t n_columns;
    qlab_score_work *work;
    /* of the session at hand */
    const group_plan *now;
    const qlab_xsec *x;
    size_t session;
    qlab_b_day day;
    double **by_root; /* scores by name */
    double *permuted;
    uint8_t *universe; /* by name */
    uint32_t *name_of_row;
} scoring;

/* ---- plans ----------------------------------------------------------------------------------- */

static size_t add_column(scoring *s, const char *name)
{
    for (size_t i = 0; i < s->n_columns; i++)
        if (strcmp(s->columns[i], name) == 0)
            return i;
    s->columns[s->n_columns] = name;
    return s->n_columns++;
}

static void plan_group(scoring *s, uint32_t g)
{
    group_plan *p = &s->groups[g];
    const char *const *names, *const *known;
    const size_t n_known = qlab_expr_columns(s->in->lib->graph, &known);

    p->roots = qlab_alloc(s->n_lanes, sizeof *p->roots);
    p->root_of = qlab_alloc(s->n_lanes, sizeof *p->root_of);
    for (size_t l = 0; l < s->n_lanes; l++) {
        uint32_t r = 0;
        while (r < p->n_roots && p->roots[r] != s->lanes[l].root[g])
            r++;
        if (r == p->n_roots)
            p->roots[p->n_roots++] = s->lanes[l].root[g];
        p->root_of[l] = r;
    }
    p->plan = qlab_score_plan_new(s->in->lib->graph, p->roots, p->n_roots);
    const size_t n = qlab_score_plan_columns(p->plan, &names);
    p->column = qlab_alloc(n + 1, sizeof *p->column);
    if (s->columns == NULL)
        s->columns = qlab_alloc(n_known + 1, sizeof *s->columns);
    for (size_t i = 0; i < n; i++)
        p->column[i] = add_column(s, names[i]);
}

static void begin(scoring *s)
{
    const qlab_feed *f = s->in->feed;
    size_t most = 1;

    s->groups = qlab_alloc_zero(s->in->plan->n_groups, sizeof *s->groups);
    for (uint32_t g = 0; g < s->in->plan->n_groups; g++) {
        plan_group(s, g);
        most = s->groups[g].n_roots > most ? s->groups[g].n_roots : most;
    }
    s->work = qlab_score_work_new();
    s->name_of_row = qlab_alloc(s->in->assets->n_assets + 1, sizeof *s->name_of_row);
    s->universe = qlab_alloc(f->n_names + 1, 1);
    s->permuted = qlab_alloc(f->n_names + 1, sizeof *s->permuted);
    s->by_root = qlab_alloc(most, sizeof *s->by_root);
    for (size_t r = 0; r < most; r++)
        s->by_root[r] = qlab_alloc(f->n_names + 1, sizeof **s->by_root);
    if (s->columns == NULL)
        s->columns = qlab_alloc(1, sizeof *s->columns);
}

static void end(scoring *s)
{
    size_t most = 1;

    for (uint32_t g = 0; g < s->in->plan->n_groups; g++) {
        group_plan *p = &s->groups[g];
        most = p->n_roots > most ? p->n_roots : most;
        qlab_score_plan_free(p->plan);
        qlab_free(p->roots);
        qlab_free(p->root_of);
        qlab_free(p->column);
    }
    for (size_t r = 0; r < most; r++)
        qlab_free(s->by_root[r]);
    qlab_free(s->by_root);
    qlab_free(s->groups);
    qlab_free(s->columns);
    qlab_score_work_free(s->work);
    qlab_b_day_free(&s->day);
    qlab_free(s->name_of_row);
    qlab_free(s->universe);
    qlab_free(s->permuted);
}

/* ---- one session ----------------------------------------------------------------------------- */

static void take_score(void *ctx, size_t root, uint32_t space, const double *score, size_t n)
{
    scoring *s = ctx;

    assert(space == s->in->candidate->space && n == s->day.spaces[space].n);
    for (size_t i = 0; i < n; i++)
        s->by_root[root][s->name_of_row[i]] = score[i];
}

/* The names of the candidate's universe. */
static void enter_universe(scoring *s)
{
    const qlab_feed *f = s->in->feed;
    const qlab_score_rows *space = &s->day.spaces[s->in->candidate->space];

    memset(s->universe, 0, f->n_names);
    for (size_t i = 0; i < space->n; i++) {
        const uint32_t asset = s->x->asset[s->day.first_row + space->at[i]];
        const uint32_t name = qlab_feed_name(f, asset, f->session[s->session]);
        assert(name != UINT32_MAX); /* it is eligible, so the feed has it */
        s->name_of_row[i] = name;
        s->universe[name] = 1;
    }
    if (s->member != NULL)
        memcpy(s->member + s->session * f->n_names, s->universe, f->n_names);
}

static void add_targets(scoring *s)
{
    const qlab_feed *f = s->in->feed;

    for (size_t l = 0; l < s->n_lanes; l++) {
        const double *score = s->by_root[s->now->root_of[l]];
        const uint32_t *source = s->lanes[l].source;
        if (source != NULL) {
            for (size_t i = 0; i < f->n_names; i++)
                s->permuted[i] = source[i] == UINT32_MAX ? NAN : score[source[i]];
            score = s->permuted;
        }
        qlab_targets_add(&s->lanes[l].targets, score, s->universe, NULL, NULL);
    }
    for (size_t i = 0; i < f->n_names; i++) {
        s->count->n_universe += s->universe[i];
        s->count->n_scored += s->universe[i] && !isnan(s->by_root[s->now->root_of[0]][i]);
    }
}

/* A session without rows: nobody is in the universe. */
static void add_empty(scoring *s)
{
    const qlab_feed *f = s->in->feed;

    memset(s->universe, 0, f->n_names);
    for (size_t i = 0; i < f->n_names; i++)
        s->permuted[i] = NAN;
    for (size_t l = 0; l < s->n_lanes; l++)
        qlab_targets_add(&s->lanes[l].targets, s->permuted, s->universe, NULL, NULL);
}

static void score_session(scoring *s, size_t day, uint32_t g)
{
    const char *const *names;

    s->now = &s->groups[g];
    const size_t n_cols = qlab_score_plan_columns(s->now->plan, &names);
    qlab_b_day_enter(&s->day, s->in->lib, s->in->assets, s->x, day, s->now->column, n_cols,
                     s->in->candidate->space);
    enter_universe(s);
    for (size_t r = 0; r < s->now->n_roots; r++)
        for (size_t i = 0; i < s->in->feed->n_names; i++)
            s->by_root[r][i] = NAN;
    qlab_score_run(s->now->plan, &s->day.x, s->work, take_score, s);
    add_targets(s);
}

/* ---- month by month -------------------------------------------------------------------------- */

static qlab_code score_month(scoring *s, qlab_conn *conn, size_t first, size_t last, uint32_t *g,
                             qlab_err *err)
{
    const qlab_cpcv_axis *axis = s->in->axis;
    const qlab_feed *f = s->in->feed;
    qlab_xsec x;
    qlab_code rc = qlab_cancel_check(err);

    if (rc == QLAB_OK)
        rc = qlab_panel_load_dates(s->in->panel, conn, axis->sessions[first],
                                   axis->sessions[last] + 1, s->columns, s->n_columns, &x, err);
    if (rc != QLAB_OK)
        return rc;
    assert(x.n_dates == last - first + 1);
    s->x = &x;
    for (size_t i = first; i <= last; i++) {
        while (i >= s->in->plan->group_first[*g + 1])
            ++*g;
        for (; f->session[s->session] < axis->sessions[i]; s->session++)
            add_empty(s);
        score_session(s, i - first, *g);
        s->session++;
    }
    qlab_xsec_free(&x);
    return QLAB_OK;
}

qlab_code qlab_lanes_score(const qlab_lanes_in *in, qlab_conn *conn, qlab_lane *lanes,
                           size_t n_lanes, uint8_t *member, qlab_lanes_count *count, qlab_err *err)
{
    scoring s = {.in = in, .lanes = lanes, .n_lanes = n_lanes, .member = member, .count = count};
    const qlab_cpcv_axis *axis = in->axis;
    uint32_t g = 0;
    qlab_code rc = QLAB_OK;

    *count = (qlab_lanes_count){0};
    begin(&s);
    for (size_t i = 0, last; rc == QLAB_OK && i < axis->n; i = last + 1) {
        const int32_t month = qlab_date_month_index(axis->sessions[i]);
        for (last = i;
             last + 1 < axis->n && qlab_date_month_index(axis->sessions[last + 1]) == month;)
            last++;
        rc = score_month(&s, conn, i, last, &g, err);
    }
    for (; rc == QLAB_OK && s.session < in->feed->n_sessions; s.session++)
        add_empty(&s);
    end(&s);
    return rc;
}
