#include "stage_a/screen.h"

#include "base/alloc.h"
#include "base/date.h"
#include "num/rank.h"

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
    uint32_t *rows, *asset; /* of the session: row of the xsec, asset of that row */
    size_t n;
    uint32_t *asset_before;
    size_t n_before;
    uint32_t *place_before; /* of each name among those before; UINT32_MAX = not there */
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
    size_t n_lead, n_max; /* most rows of a session */
    uint8_t *row_class;
    uint32_t *row_group[QLAB_GROUP_COUNT];
    double *label[QLAB_SCREEN_HORIZONS]; /* by row, sealed ones null */
    space *spaces;
    qlab_score_rows *score_rows;
    memory *kept; /* of the group of candidates at hand */
    size_t first_candidate;
    size_t day; /* of the xsec */
    uint32_t *order;
    uint8_t *decile;
    double *before;
    void *scratch;
    qlab_measure *out;
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

static qlab_measure null_measure(void)
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
    for (size_t i = 0; i < u->n; i++)
        m->n_gone += u->gone[own][i] && !isnan(score[i]) && !isnan(u->label[own][i]);
    if (has_book)
        measure_deciles(sp, u->label[own], n_scored, m);
    if (kept->is_set && has_book && kept->has_book)
        m->turnover = turnover(sp, u, kept);
    if (kept->is_set)
        m->autocorrelation = autocorrelation(sp, u, kept, score);
}

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
        *m = null_measure();
        measure(sp, u, &sp->s->lib->candidates[c], score, kept, n_scored, has_book, m);
    }
    memcpy(kept->score, score, n * sizeof *score);
    if (has_book)
        memcpy(kept->decile, sp->decile, n);
    kept->has_book = has_book;
    kept->is_set = true;
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
    const qlab_universe_rows rows = {.n = x->first[day + 1] - first,
                                     .eligibility = x->eligibility + first,
                                     .asset_class = sp->row_class + first,
                                     .liquidity = x->adv_usd_or_ccy + first,
                                     .currency = sp->row_group[QLAB_GROUP_CURRENCY] + first,
                                     .n_currencies = sp->s->n_groups[QLAB_GROUP_CURRENCY],
                                     .liquidity_in_usd = false};

    sp->day = day;
    for (size_t k = 0; k < sp->s->lib->n_universes; k++) {
        space *u = &sp->spaces[k];
        uint32_t *freed = u->asset_before;
        u->asset_before = u->asset;
        u->n_before = u->n;
        u->asset = freed;
        u->n = qlab_universe_select(sp->s->lib->universes[k], &rows, u->rows);
        for (size_t i = 0; i < u->n; i++)
            u->asset[i] = x->asset[first + u->rows[i]];
        match_before(u);
        if (day >= sp->n_lead)
            rank_labels(sp, u, first);
        sp->score_rows[k] = (qlab_score_rows){u->rows, u->n};
    }
}

static size_t find_column(const qlab_screen *s, const char *name)
{
    size_t i = 0;

    while (i < s->n_columns && strcmp(s->columns[i], name) != 0)
        i++;
    assert(i < s->n_columns);
    return i;
}

static void run_group(span *sp, const qlab_score_plan *plan, qlab_score_work *work)
{
    const char *const *names;
    const size_t n_cols = qlab_score_plan_columns(plan, &names);
    const double **col = qlab_alloc(n_cols + 1, sizeof *col);
    size_t *source = qlab_alloc(n_cols + 1, sizeof *source);

    for (size_t i = 0; i < n_cols; i++)
        source[i] = find_column(sp->s, names[i]);
    for (size_t k = 0; k < sp->s->lib->n_universes; k++)
        sp->spaces[k].n = sp->spaces[k].n_before = 0;
    for (size_t day = 0; day < sp->x->n_dates; day++) {
        const size_t first = sp->x->first[day];
        qlab_score_xsec x = {
            .n_rows = sp->x->first[day + 1] - first, .col = col, .spaces = sp->score_rows};
        for (size_t i = 0; i < n_cols; i++)
            col[i] = sp->x->col[source[i]] + first;
        for (int g = 0; g < QLAB_GROUP_COUNT; g++)
            if (sp->row_group[g] != NULL) {
                x.group[g] = sp->row_group[g] + first;
                x.n_groups[g] = sp->s->n_groups[g];
            }
        enter_session(sp, day);
        qlab_score_run(plan, &x, work, take_score, sp);
    }
    qlab_free(col);
    qlab_free(source);
}

/* ---- the span -------------------------------------------------------------------------------- */

static void make_space(space *u, size_t n)
{
    u->rows = qlab_alloc(n, sizeof *u->rows);
    u->asset = qlab_alloc(n, sizeof *u->asset);
    u->asset_before = qlab_alloc(n, sizeof *u->asset_before);
    u->place_before = qlab_alloc(n, sizeof *u->place_before);
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++) {
        u->label[h] = qlab_alloc(n, sizeof *u->label[h]);
        u->gone[h] = qlab_alloc(n, 1);
        u->rank2[h] = qlab_alloc(n, sizeof *u->rank2[h]);
        u->order[h] = qlab_alloc(n, sizeof *u->order[h]);
    }
}

static void free_space(space *u)
{
    qlab_free(u->rows);
    qlab_free(u->asset);
    qlab_free(u->asset_before);
    qlab_free(u->place_before);
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++) {
        qlab_free(u->label[h]);
        qlab_free(u->gone[h]);
        qlab_free(u->rank2[h]);
        qlab_free(u->order[h]);
    }
}

static void spread_assets(span *sp)
{
    const qlab_screen *s = sp->s;
    const size_t n = sp->x->n_rows;

    sp->row_class = qlab_alloc(n + 1, 1);
    for (size_t i = 0; i < n; i++)
        sp->row_class[i] = s->asset_class[sp->x->asset[i]];
    for (int g = 0; g < QLAB_GROUP_COUNT; g++) {
        if (s->group[g] == NULL)
            continue;
        sp->row_group[g] = qlab_alloc(n + 1, sizeof *sp->row_group[g]);
        for (size_t i = 0; i < n; i++)
            sp->row_group[g][i] = s->group[g][sp->x->asset[i]];
    }
    assert(sp->row_group[QLAB_GROUP_CURRENCY] != NULL);
}

static void cut_sealed_labels(span *sp)
{
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++) {
        const double *from = sp->x->col[find_column(sp->s, qlab_screen_label[h])];
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
    const size_t n_universes = sp->s->lib->n_universes;

    for (size_t d = 0; d < sp->x->n_dates; d++) {
        const size_t n = sp->x->first[d + 1] - sp->x->first[d];
        sp->n_max = n > sp->n_max ? n : sp->n_max;
    }
    sp->n_max = sp->n_max > 0 ? sp->n_max : 1;
    spread_assets(sp);
    cut_sealed_labels(sp);
    sp->spaces = qlab_alloc_zero(n_universes, sizeof *sp->spaces);
    sp->score_rows = qlab_alloc_zero(n_universes, sizeof *sp->score_rows);
    for (size_t k = 0; k < n_universes; k++)
        make_space(&sp->spaces[k], sp->n_max);
    sp->order = qlab_alloc(sp->n_max, sizeof *sp->order);
    sp->decile = qlab_alloc(sp->n_max, 1);
    sp->before = qlab_alloc(sp->n_max, sizeof *sp->before);
    sp->scratch = qlab_alloc(qlab_rank_scratch_bytes(sp->n_max), 1);
}

static void end_span(span *sp)
{
    for (size_t k = 0; k < sp->s->lib->n_universes; k++)
        free_space(&sp->spaces[k]);
    for (int g = 0; g < QLAB_GROUP_COUNT; g++)
        qlab_free(sp->row_group[g]);
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++)
        qlab_free(sp->label[h]);
    qlab_free(sp->row_class);
    qlab_free(sp->spaces);
    qlab_free(sp->score_rows);
    qlab_free(sp->order);
    qlab_free(sp->decile);
    qlab_free(sp->before);
    qlab_free(sp->scratch);
}

/* Candidates at once: each keeps a score and a decile of every name until the next session. */
static size_t group_size(const span *sp, size_t memory_bytes)
{
    const size_t fit = memory_bytes / (sp->n_max * (sizeof(double) + 1));
    const size_t n = sp->s->lib->n;
    const size_t least = fit > SMALLEST_GROUP ? fit : SMALLEST_GROUP;

    return least < n ? least : n;
}

void qlab_screen_span(const qlab_screen *s, const qlab_xsec *x, size_t n_lead, size_t memory_bytes,
                      qlab_measure *out)
{
    span sp = {.s = s, .x = x, .n_lead = n_lead, .out = out};
    qlab_score_work *work = qlab_score_work_new();

    begin_span(&sp);
    const size_t n_group = group_size(&sp, memory_bytes);
    uint32_t *roots = qlab_alloc(n_group + 1, sizeof *roots);
    sp.kept = qlab_alloc_zero(n_group + 1, sizeof *sp.kept);
    for (size_t i = 0; i < n_group; i++) {
        sp.kept[i].score = qlab_alloc(sp.n_max, sizeof *sp.kept[i].score);
        sp.kept[i].decile = qlab_alloc(sp.n_max, 1);
    }
    for (size_t c = 0; c < s->lib->n; c += n_group) {
        const size_t n = s->lib->n - c < n_group ? s->lib->n - c : n_group;
        for (size_t i = 0; i < n; i++) {
            roots[i] = s->lib->candidates[c + i].root;
            sp.kept[i].is_set = false;
        }
        qlab_score_plan *plan = qlab_score_plan_new(s->lib->graph, roots, n);
        sp.first_candidate = c;
        run_group(&sp, plan, work);
        qlab_score_plan_free(plan);
    }
    for (size_t i = 0; i < n_group; i++) {
        qlab_free(sp.kept[i].score);
        qlab_free(sp.kept[i].decile);
    }
    qlab_free(sp.kept);
    qlab_free(roots);
    qlab_score_work_free(work);
    end_span(&sp);
}
