#include "stage_a/screen.h"

#include "base/alloc.h"
#include "base/date.h"
#include "num/rank.h"
#include "strategy/placebo.h"

#include <assert.h>
#include <math.h>
#include <string.h>

const uint32_t qlab_screen_horizon[QLAB_SCREEN_HORIZONS] = {1, 5, 20};
const char *const qlab_screen_label[QLAB_SCREEN_HORIZONS] = {"fwd_ret_1d", "fwd_ret_5d",
                                                             "fwd_ret_20d"};
enum { NO_DECILE = 255, LAST_DECILE = QLAB_SCREEN_DECILES - 1, SMALLEST_GROUP = 16 };

size_t qlab_screen_horizon_index(uint32_t horizon)
{
    size_t i = 0;

    while (i < QLAB_SCREEN_HORIZONS && qlab_screen_horizon[i] != horizon)
        i++;
    assert(i < QLAB_SCREEN_HORIZONS);
    return i;
}

/* One universe on the session at hand and on the one before. */
typedef struct space {
    const uint32_t *rows; /* of the session: row of the xsec, borrowed */
    uint32_t *asset;      /* of that row */
    size_t n;
    uint32_t *asset_before;
    size_t n_before;
    uint32_t *place_before; /* of each name among those before; UINT32_MAX = not there */
    uint32_t *place;        /* by asset: of the session at hand; UINT32_MAX = not there */
    double *label[QLAB_SCREEN_HORIZONS];
    uint8_t *gone[QLAB_SCREEN_HORIZONS];
    qlab_ranked ranked[QLAB_SCREEN_HORIZONS];
    uint32_t *rank2[QLAB_SCREEN_HORIZONS], *order[QLAB_SCREEN_HORIZONS];
} space;

/* What is kept of a candidate from one session to the next. */
typedef struct memory {
    double *score;
    uint8_t *decile;
    bool has_book, is_set;
} memory;

/* All that a call works with. */
typedef struct span {
    const qlab_screen *s;
    const qlab_xsec *x;
    size_t n_lead;
    qlab_cross cross;
    double *label[QLAB_SCREEN_HORIZONS]; /* by row, sealed ones null */
    space *spaces;
    memory *kept;         /* of the group of candidates at hand */
    memory *kept_placebo; /* of every placebo; scores are not kept */
    size_t first_candidate;
    size_t day; /* of the xsec */
    uint32_t *order;
    uint8_t *decile;
    double *before;
    void *scratch;
    double *permuted;
    qlab_measure *out;
    qlab_placebo_measure *placebos;
} span;

/* ---- one candidate on one session ------------------------------------------------------------ */

static void form_deciles(const span *sp, size_t n, size_t n_scored)
{
    memset(sp->decile, NO_DECILE, n);
    for (size_t i = 0; i < n_scored; i++)
        sp->decile[sp->order[i]] = (uint8_t)(i * QLAB_SCREEN_DECILES / n_scored);
}

/* Sums run in order of score, which is one order whatever the buckets were. */
static void measure_deciles(const span *sp, const double *label, size_t n_scored, qlab_measure *m)
{
    double sum[QLAB_SCREEN_DECILES] = {0.0};
    size_t count[QLAB_SCREEN_DECILES] = {0};

    for (size_t i = 0; i < n_scored; i++) {
        const double y = label[sp->order[i]];
        if (!isnan(y)) {
            sum[sp->decile[sp->order[i]]] += y;
            count[sp->decile[sp->order[i]]]++;
        }
    }
    for (size_t d = 0; d < QLAB_SCREEN_DECILES; d++)
        m->decile[d] = count[d] > 0 ? sum[d] / (double)count[d] : NAN;
    m->spread = m->decile[LAST_DECILE] - m->decile[0];
}

/* Change of one leg of equal weights, by counts: no sum over names, so no order to keep. */
static double leg_change(size_t n_now, size_t n_before, size_t n_both)
{
    const double now = 1.0 / (double)n_now, then = 1.0 / (double)n_before;

    return (double)n_both * fabs(now - then) + (double)(n_now - n_both) * now +
           (double)(n_before - n_both) * then;
}

/* A name that goes from one leg to the other leaves the first whole and enters the second whole. */
static double turnover(const span *sp, const space *u, const memory *kept)
{
    size_t now[2] = {0}, before[2] = {0}, both[2] = {0};

    for (size_t i = 0; i < u->n_before; i++) {
        before[0] += kept->decile[i] == 0;
        before[1] += kept->decile[i] == LAST_DECILE;
    }
    for (size_t i = 0; i < u->n; i++) {
        const uint32_t p = u->place_before[i];
        const uint8_t d = sp->decile[i];
        const bool stays = p != UINT32_MAX && kept->decile[p] == d;
        now[0] += d == 0;
        now[1] += d == LAST_DECILE;
        both[0] += stays && d == 0;
        both[1] += stays && d == LAST_DECILE;
    }
    return 0.5 * (leg_change(now[0], before[0], both[0]) + leg_change(now[1], before[1], both[1]));
}

static double autocorrelation(const span *sp, const space *u, const memory *kept,
                              const double *score)
{
    for (size_t i = 0; i < u->n; i++)
        sp->before[i] = u->place_before[i] == UINT32_MAX ? NAN : kept->score[u->place_before[i]];
    const qlab_spearman r = qlab_rank_spearman(score, sp->before, u->n, sp->scratch);
    return r.n_common >= sp->s->min_names ? r.rho : NAN;
}

qlab_measure qlab_measure_null(void)
{
    qlab_measure m;

    memset(&m, 0, sizeof m);
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++)
        m.ic[h] = NAN;
    for (size_t d = 0; d < QLAB_SCREEN_DECILES; d++)
        m.decile[d] = NAN;
    m.spread = m.turnover = m.autocorrelation = NAN;
    return m;
}

static uint32_t count_gone(const space *u, size_t own, const double *score)
{
    uint32_t n = 0;

    for (size_t i = 0; i < u->n; i++)
        n += u->gone[own][i] && !isnan(score[i]) && !isnan(u->label[own][i]);
    return n;
}

static void measure(const span *sp, const space *u, const qlab_candidate *c, const double *score,
                    const memory *kept, size_t n_scored, bool has_book, qlab_measure *m)
{
    const size_t own = qlab_screen_horizon_index(c->horizon);

    m->n_universe = (uint32_t)u->n;
    m->n_scored = (uint32_t)n_scored;
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++) {
        const qlab_spearman r = qlab_rank_spearman_cached(score, &u->ranked[h], sp->scratch);
        m->ic[h] = r.n_common >= sp->s->min_names ? r.rho : NAN;
        m->n_pairs[h] = (uint32_t)r.n_common;
    }
    m->n_gone = count_gone(u, own, score);
    if (has_book)
        measure_deciles(sp, u->label[own], n_scored, m);
    if (kept->is_set && has_book && kept->has_book)
        m->turnover = turnover(sp, u, kept);
    if (kept->is_set)
        m->autocorrelation = autocorrelation(sp, u, kept, score);
}

/* ---- placebos -------------------------------------------------------------------------------- */

static void measure_placebo(span *sp, const space *u, size_t own, const double *score, size_t p)
{
    const uint32_t *source = sp->s->placebo_source + p * sp->s->n_assets;
    const size_t n_days = sp->x->n_dates - sp->n_lead;
    memory *kept = &sp->kept_placebo[p];

    for (size_t i = 0; i < u->n; i++) {
        const uint32_t from = source[u->asset[i]];
        const uint32_t place = from == QLAB_PLACEBO_NONE ? UINT32_MAX : u->place[from];
        sp->permuted[i] = place == UINT32_MAX ? NAN : score[place];
    }
    const size_t n_scored = qlab_rank_order(sp->permuted, u->n, sp->order, sp->scratch);
    const bool has_book = n_scored >= sp->s->min_names;
    if (has_book)
        form_deciles(sp, u->n, n_scored);
    if (sp->day >= sp->n_lead) {
        qlab_placebo_measure *m = &sp->placebos[p * n_days + sp->day - sp->n_lead];
        const qlab_spearman r =
            qlab_rank_spearman_cached(sp->permuted, &u->ranked[own], sp->scratch);
        *m = (qlab_placebo_measure){.ic = r.n_common >= sp->s->min_names ? r.rho : NAN,
                                    .turnover = NAN,
                                    .n_universe = (uint32_t)u->n,
                                    .n_pairs = (uint32_t)r.n_common,
                                    .n_gone = count_gone(u, own, sp->permuted)};
        if (has_book && kept->is_set && kept->has_book)
            m->turnover = turnover(sp, u, kept);
    }
    if (has_book)
        memcpy(kept->decile, sp->decile, u->n);
    kept->has_book = has_book;
    kept->is_set = true;
}

static void measure_placebos(span *sp, const space *u, size_t candidate, const double *score)
{
    const size_t own = qlab_screen_horizon_index(sp->s->lib->candidates[candidate].horizon);

    for (size_t p = 0; p < sp->s->n_placebos; p++)
        if (sp->s->placebo_candidate[p] == candidate)
            measure_placebo(sp, u, own, score, p);
}

/* ---- one candidate --------------------------------------------------------------------------- */

static void take_score(void *ctx, size_t root, uint32_t space_ix, const double *score, size_t n)
{
    span *sp = ctx;
    const space *u = &sp->spaces[space_ix];
    const size_t c = sp->first_candidate + root;
    memory *kept = &sp->kept[root];
    const size_t n_scored = qlab_rank_order(score, n, sp->order, sp->scratch);
    const bool has_book = n_scored >= sp->s->min_names;

    if (has_book)
        form_deciles(sp, n, n_scored);
    if (sp->day >= sp->n_lead) {
        qlab_measure *m = &sp->out[c * (sp->x->n_dates - sp->n_lead) + sp->day - sp->n_lead];
        *m = qlab_measure_null();
        measure(sp, u, &sp->s->lib->candidates[c], score, kept, n_scored, has_book, m);
    }
    memcpy(kept->score, score, n * sizeof *score);
    if (has_book)
        memcpy(kept->decile, sp->decile, n);
    kept->has_book = has_book;
    kept->is_set = true;
    measure_placebos(sp, u, c, score); /* last: it takes the arrays of order and deciles over */
}

/* ---- one session ----------------------------------------------------------------------------- */

/* Both lists ascend by asset: one walk matches them. */
static void match_before(space *u)
{
    size_t k = 0;

    for (size_t i = 0; i < u->n; i++) {
        while (k < u->n_before && u->asset_before[k] < u->asset[i])
            k++;
        u->place_before[i] =
            k < u->n_before && u->asset_before[k] == u->asset[i] ? (uint32_t)k : UINT32_MAX;
    }
}

static void rank_labels(span *sp, space *u, size_t first_row)
{
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++) {
        for (size_t i = 0; i < u->n; i++) {
            u->label[h][i] = sp->label[h][first_row + u->rows[i]];
            u->gone[h][i] = sp->x->presumed_gone[h] != NULL
                                ? sp->x->presumed_gone[h][first_row + u->rows[i]]
                                : 0;
        }
        qlab_rank_cache(u->label[h], u->n, u->rank2[h], u->order[h], sp->scratch, &u->ranked[h]);
    }
}

static void enter_session(span *sp, size_t day)
{
    const qlab_xsec *x = sp->x;
    const size_t first = x->first[day];

    sp->day = day;
    qlab_cross_day(&sp->cross, day);
    for (size_t k = 0; k < sp->s->lib->n_universes; k++) {
        space *u = &sp->spaces[k];
        uint32_t *freed = u->asset_before;
        for (size_t i = 0; i < u->n; i++)
            u->place[u->asset[i]] = UINT32_MAX;
        u->asset_before = u->asset;
        u->n_before = u->n;
        u->asset = freed;
        u->rows = sp->cross.spaces[k].at;
        u->n = sp->cross.spaces[k].n;
        for (size_t i = 0; i < u->n; i++) {
            u->asset[i] = x->asset[first + u->rows[i]];
            u->place[u->asset[i]] = (uint32_t)i;
        }
        match_before(u);
        if (day >= sp->n_lead)
            rank_labels(sp, u, first);
    }
}

/* Number of the fold that a date is scored in. */
static size_t fold_of(const qlab_screen *s, int32_t date)
{
    size_t k = 0;

    while (k + 1 < s->n_folds && s->fold_first[k + 1] <= date)
        k++;
    return k;
}

static qlab_score_plan *plan_of(const qlab_screen *s, size_t first, size_t n, size_t fold)
{
    uint32_t *roots = qlab_alloc(n + 1, sizeof *roots);

    for (size_t i = 0; i < n; i++)
        roots[i] = s->root != NULL ? s->root[(first + i) * s->n_folds + fold]
                                   : s->lib->candidates[first + i].root;
    qlab_score_plan *plan = qlab_score_plan_new(s->lib->graph, roots, n);
    qlab_free(roots);
    return plan;
}

/* Candidates [first, first + n) on every session of the span. */
static void run_group(span *sp, size_t first, size_t n, qlab_score_work *work)
{
    qlab_score_plan *plan = NULL;
    size_t planned = SIZE_MAX;

    sp->first_candidate = first;
    for (size_t k = 0; k < sp->s->lib->n_universes; k++) {
        space *u = &sp->spaces[k];
        for (size_t i = 0; i < u->n; i++)
            u->place[u->asset[i]] = UINT32_MAX;
        u->n = u->n_before = 0;
    }
    for (size_t i = 0; i < n; i++)
        sp->kept[i].is_set = false;
    for (size_t day = 0; day < sp->x->n_dates; day++) {
        const size_t fold = fold_of(sp->s, sp->x->dates[day]);
        if (fold != planned) {
            qlab_score_plan_free(plan);
            plan = plan_of(sp->s, first, n, fold);
            planned = fold;
        }
        enter_session(sp, day);
        const qlab_score_xsec x = qlab_cross_for(&sp->cross, plan, day);
        qlab_score_run(plan, &x, work, take_score, sp);
    }
    qlab_score_plan_free(plan);
}

/* ---- the span -------------------------------------------------------------------------------- */

static void make_space(space *u, size_t n, size_t n_assets)
{
    u->asset = qlab_alloc(n, sizeof *u->asset);
    u->asset_before = qlab_alloc(n, sizeof *u->asset_before);
    u->place_before = qlab_alloc(n, sizeof *u->place_before);
    u->place = qlab_alloc(n_assets + 1, sizeof *u->place);
    memset(u->place, 0xff, n_assets * sizeof *u->place);
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++) {
        u->label[h] = qlab_alloc(n, sizeof *u->label[h]);
        u->gone[h] = qlab_alloc(n, 1);
        u->rank2[h] = qlab_alloc(n, sizeof *u->rank2[h]);
        u->order[h] = qlab_alloc(n, sizeof *u->order[h]);
    }
}

static void free_space(space *u)
{
    qlab_free(u->asset);
    qlab_free(u->asset_before);
    qlab_free(u->place_before);
    qlab_free(u->place);
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++) {
        qlab_free(u->label[h]);
        qlab_free(u->gone[h]);
        qlab_free(u->rank2[h]);
        qlab_free(u->order[h]);
    }
}

static void cut_sealed_labels(span *sp)
{
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++) {
        const double *from =
            sp->x->col[qlab_cross_column(sp->s->columns, sp->s->n_columns, qlab_screen_label[h])];
        const int32_t *end = sp->x->label_end[h];
        sp->label[h] = qlab_alloc(sp->x->n_rows + 1, sizeof *sp->label[h]);
        for (size_t i = 0; i < sp->x->n_rows; i++)
            sp->label[h][i] = sp->s->first_sealed != QLAB_DATE_NONE && end != NULL &&
                                      end[i] != QLAB_DATE_NONE && end[i] >= sp->s->first_sealed
                                  ? NAN
                                  : from[i];
    }
}

static void begin_span(span *sp)
{
    const qlab_screen *s = sp->s;
    const size_t n_universes = s->lib->n_universes;
    qlab_cross_groups groups = {.asset_class = s->asset_class};

    memcpy(groups.group, s->group, sizeof groups.group);
    memcpy(groups.n_groups, s->n_groups, sizeof groups.n_groups);
    qlab_cross_init(&sp->cross, s->lib, &groups, sp->x, s->columns, s->n_columns);
    cut_sealed_labels(sp);
    const size_t n_max = sp->cross.n_max;
    sp->spaces = qlab_alloc_zero(n_universes, sizeof *sp->spaces);
    for (size_t k = 0; k < n_universes; k++)
        make_space(&sp->spaces[k], n_max, s->n_assets);
    sp->order = qlab_alloc(n_max, sizeof *sp->order);
    sp->decile = qlab_alloc(n_max, 1);
    sp->before = qlab_alloc(n_max, sizeof *sp->before);
    sp->permuted = qlab_alloc(n_max, sizeof *sp->permuted);
    sp->scratch = qlab_alloc(qlab_rank_scratch_bytes(n_max), 1);
    sp->kept_placebo = qlab_alloc_zero(s->n_placebos + 1, sizeof *sp->kept_placebo);
    for (size_t p = 0; p < s->n_placebos; p++)
        sp->kept_placebo[p].decile = qlab_alloc(n_max, 1);
}

static void end_span(span *sp)
{
    for (size_t p = 0; p < sp->s->n_placebos; p++)
        qlab_free(sp->kept_placebo[p].decile);
    for (size_t k = 0; k < sp->s->lib->n_universes; k++)
        free_space(&sp->spaces[k]);
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++)
        qlab_free(sp->label[h]);
    qlab_cross_free(&sp->cross);
    qlab_free(sp->spaces);
    qlab_free(sp->order);
    qlab_free(sp->decile);
    qlab_free(sp->before);
    qlab_free(sp->permuted);
    qlab_free(sp->scratch);
    qlab_free(sp->kept_placebo);
}

/* Candidates at once: each keeps a score and a decile of every name until the next session. */
static size_t group_size(const span *sp, size_t memory_bytes)
{
    const size_t fit = memory_bytes / (sp->cross.n_max * (sizeof(double) + 1));
    const size_t n = sp->s->lib->n;
    const size_t least = fit > SMALLEST_GROUP ? fit : SMALLEST_GROUP;

    return least < n ? least : n;
}

void qlab_screen_span(const qlab_screen *s, const qlab_xsec *x, size_t n_lead, size_t memory_bytes,
                      qlab_measure *out, qlab_placebo_measure *placebos)
{
    span sp = {.s = s, .x = x, .n_lead = n_lead, .out = out, .placebos = placebos};
    qlab_score_work *work = qlab_score_work_new();

    begin_span(&sp);
    const size_t n_group = group_size(&sp, memory_bytes);
    sp.kept = qlab_alloc_zero(n_group + 1, sizeof *sp.kept);
    for (size_t i = 0; i < n_group; i++) {
        sp.kept[i].score = qlab_alloc(sp.cross.n_max, sizeof *sp.kept[i].score);
        sp.kept[i].decile = qlab_alloc(sp.cross.n_max, 1);
    }
    for (size_t c = 0; c < s->lib->n; c += n_group)
        run_group(&sp, c, s->lib->n - c < n_group ? s->lib->n - c : n_group, work);
    for (size_t i = 0; i < n_group; i++) {
        qlab_free(sp.kept[i].score);
        qlab_free(sp.kept[i].decile);
    }
    qlab_free(sp.kept);
    qlab_score_work_free(work);
    end_span(&sp);
}
