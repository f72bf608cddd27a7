#include "calibrate/sim.h"

#include "base/alloc.h"
#include "base/date.h"
#include "num/math.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const qlab_sim_options qlab_sim_options_default = {.n_names = 60,
                                                   .n_sessions = 1300,
                                                   .n_candidates = 33,
                                                   .horizon = 5,
                                                   .persistence = 0.985,
                                                   .chase = 0.3,
                                                   .common = 0.2,
                                                   .edge = 0.0,
                                                   .n_planted = 0,
                                                   .early = false,
                                                   .seed = 1};

enum { FIRST_DAY = 14610 /* 2010-01-01 */ };
static const double SPECIFIC = 0.018; /* of a session, half of its variance overnight */
static const double COMMON_MOVE = 0.008;
static const double MONEY_A_DAY = 1e9; /* liquid: what calibration asks is not a matter of size */
static const double HALF_SPREAD = 0.0002;

/* ---- draws: who draws what ------------------------------------------------------------------- */

enum { DRAW_DAY, DRAW_NIGHT, DRAW_MARKET, DRAW_SHARED, DRAW_SCORE };

static double draw(const qlab_sim_options *o, uint64_t number, uint64_t what, uint64_t name,
                   uint64_t session)
{
    return qlab_num_normal(o->seed, number << 32 | what << 20 | name, session);
}

/* ---- prices and scores, session by session --------------------------------------------------- */

typedef struct state {
    const qlab_sim_options *o;
    uint64_t number;
    qlab_sim *s;
    double *day, *night, *shared; /* by name: standard moves and innovation of this session */
    double *before;               /* by name: last night's */
} state;

/* What the planted candidates' scores of the session before say. */
static double known(const state *k, size_t t, size_t i)
{
    const size_t at = (t - 1) * k->s->n_names + i;
    double sum = 0.0;

    if (t == 0 || k->o->n_planted == 0)
        return 0.0;
    for (size_t c = 0; c < k->o->n_planted; c++)
        sum += k->s->score[c][at];
    return k->o->edge * SPECIFIC * (sum / (double)k->o->n_planted);
}

static void move_prices(state *k, size_t t)
{
    const qlab_sim *s = k->s;
    const double common = COMMON_MOVE * draw(k->o, k->number, DRAW_MARKET, 0, t);
    const double half = SPECIFIC * sqrt(0.5);

    for (size_t i = 0; i < s->n_names; i++) {
        const double open = s->open[t * s->n_names + i];
        k->before[i] = t > 0 ? k->night[i] : 0.0;
        k->day[i] = draw(k->o, k->number, DRAW_DAY, i, t);
        k->night[i] = draw(k->o, k->number, DRAW_NIGHT, i, t);
        if (t + 1 == s->n_sessions)
            continue;
        const double close = open * (1.0 + common + half * k->day[i] + known(k, t, i));
        s->open[(t + 1) * s->n_names + i] = close * (1.0 + half * k->night[i]);
    }
}

static void move_scores(state *k, size_t t)
{
    const qlab_sim_options *o = k->o;
    const qlab_sim *s = k->s;
    const double fresh = sqrt(1.0 - o->persistence * o->persistence);
    const double own = sqrt(1.0 - o->chase * o->chase - o->common * o->common);

    for (size_t i = 0; i < s->n_names; i++)
        k->shared[i] = draw(o, k->number, DRAW_SHARED, i, t);
    for (size_t c = 0; c < s->n_candidates; c++)
        for (size_t i = 0; i < s->n_names; i++) {
            const double moved = (k->before[i] + k->day[i]) * sqrt(0.5);
            const double e = (c % 2 == 0 ? o->chase : -o->chase) * moved +
                             o->common * k->shared[i] +
                             own * draw(o, k->number, DRAW_SCORE + c, i, t);
            double *at = s->score[c] + t * s->n_names + i;
            *at = t == 0 ? e : o->persistence * at[-(ptrdiff_t)s->n_names] + fresh * e;
        }
}

static void simulate(const qlab_sim_options *o, uint64_t number, qlab_sim *s)
{
    state k = {.o = o, .number = number, .s = s};

    k.day = qlab_alloc_zero(4 * s->n_names, sizeof *k.day);
    k.night = k.day + s->n_names;
    k.shared = k.night + s->n_names;
    k.before = k.shared + s->n_names;
    for (size_t i = 0; i < s->n_names; i++)
        s->open[i] = 100.0;
    for (size_t t = 0; t < s->n_sessions; t++) {
        move_prices(&k, t);
        move_scores(&k, t);
    }
    qlab_free(k.day);
}

/* ---- the panel ------------------------------------------------------------------------------- */

static void make_list(const qlab_sim_options *o, qlab_sim *s)
{
    qlab_buf text = QLAB_BUF_INIT;
    qlab_err err = QLAB_ERR_INIT;

    qlab_buf_puts(&text, "version: 1\nname: simulated\ncandidates:\n");
    for (size_t c = 0; c < s->n_candidates; c++)
        qlab_buf_putf(&text, "  - {id: c%03zu, family: SIM, score: score_%03zu, horizon: %u}\n", c,
                      c, (unsigned)o->horizon);
    const qlab_code rc = qlab_library_parse("simulated", text.at, text.n, NULL, &s->lib, &err);
    assert(rc == QLAB_OK);
    (void)rc;
    s->text = text.at;
}

static void make_rows(qlab_sim *s)
{
    qlab_xsec *x = &s->x;
    const size_t n = s->n_sessions * s->n_names;

    x->n_dates = s->n_sessions;
    x->n_rows = n;
    x->dates = qlab_alloc(s->n_sessions, sizeof *x->dates);
    x->first = qlab_alloc(s->n_sessions + 1, sizeof *x->first);
    x->asset = qlab_alloc(n, sizeof *x->asset);
    x->eligibility = qlab_alloc_zero(n, 1);
    x->adv_usd_or_ccy = qlab_alloc(n, sizeof *x->adv_usd_or_ccy);
    for (size_t t = 0; t < s->n_sessions; t++) {
        x->dates[t] = s->dates[t];
        x->first[t] = t * s->n_names;
        for (size_t i = 0; i < s->n_names; i++) {
            x->asset[t * s->n_names + i] = (uint32_t)i;
            x->adv_usd_or_ccy[t * s->n_names + i] = MONEY_A_DAY;
        }
    }
    x->first[s->n_sessions] = n;
}

/* Entry at the next open (early: this one), exit h opens on. */
static void make_label(qlab_sim *s, size_t h, bool early, double *label)
{
    const size_t n = s->n_names, horizon = qlab_screen_horizon[h], delay = early ? 0 : 1;
    int32_t *end = qlab_alloc(s->n_sessions * n, sizeof *end);

    for (size_t t = 0; t < s->n_sessions; t++) {
        const size_t in = t + delay, out = in + horizon;
        for (size_t i = 0; i < n; i++) {
            const bool there = out < s->n_sessions;
            label[t * n + i] = there ? s->open[out * n + i] / s->open[in * n + i] - 1.0 : NAN;
            end[t * n + i] = there ? s->dates[out] : QLAB_DATE_NONE;
        }
    }
    s->x.label_end[h] = end;
    s->x.presumed_gone[h] = qlab_alloc_zero(s->n_sessions * n, 1);
}

/* Columns in the order in which the screen wants them. */
static void make_columns(qlab_sim *s)
{
    uint32_t *roots = qlab_alloc(s->lib->n, sizeof *roots);
    const char *const *names;
    const size_t n_rows = s->n_sessions * s->n_names;

    for (size_t c = 0; c < s->lib->n; c++)
        roots[c] = s->lib->candidates[c].root;
    qlab_score_plan *plan = qlab_score_plan_new(s->lib->graph, roots, s->lib->n);
    const size_t n = qlab_score_plan_columns(plan, &names);
    assert(n == s->n_candidates);
    s->columns = qlab_alloc(n + QLAB_SCREEN_HORIZONS, sizeof *s->columns);
    s->x.n_cols = n + QLAB_SCREEN_HORIZONS;
    s->x.col = qlab_alloc(s->x.n_cols, sizeof *s->x.col);
    for (size_t k = 0; k < s->x.n_cols; k++)
        s->x.col[k] = qlab_alloc(n_rows, sizeof **s->x.col);
    s->score = qlab_alloc(n, sizeof *s->score);
    for (size_t k = 0; k < n; k++) {
        unsigned c = 0;
        s->columns[k] = names[k];
        const int read = sscanf(names[k], "score_%u", &c);
        assert(read == 1 && c < n);
        (void)read;
        s->score[c] = s->x.col[k];
    }
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++)
        s->columns[n + h] = qlab_screen_label[h];
    qlab_score_plan_free(plan);
    qlab_free(roots);
}

static void make_axis(qlab_sim *s)
{
    const size_t longest = qlab_screen_horizon[QLAB_SCREEN_HORIZONS - 1];

    s->label_end = qlab_alloc(s->n_sessions, sizeof *s->label_end);
    for (size_t t = 0; t < s->n_sessions; t++)
        s->label_end[t] =
            t + 1 + longest < s->n_sessions ? s->dates[t + 1 + longest] : QLAB_DATE_NONE;
    s->axis = (qlab_axis){.sessions = s->dates,
                          .label_end = s->label_end,
                          .n = s->n_sessions,
                          .longest_horizon = (uint32_t)longest,
                          .every = 1};
}

static void make_screen(qlab_sim *s)
{
    s->asset_class = qlab_alloc(s->n_names, 1);
    s->zeros = qlab_alloc_zero(s->n_names, sizeof *s->zeros);
    memset(s->asset_class, QLAB_CLASS_STOCK, s->n_names);
    s->screen = (qlab_screen){.lib = s->lib,
                              .columns = s->columns,
                              .n_columns = s->x.n_cols,
                              .n_assets = s->n_names,
                              .asset_class = s->asset_class,
                              .min_names = 30,
                              .first_sealed = QLAB_DATE_NONE};
    for (int g = 0; g < QLAB_GROUP_COUNT; g++) {
        s->screen.group[g] = s->zeros;
        s->screen.n_groups[g] = 1;
    }
    s->screen.group[QLAB_GROUP_SECTOR] = NULL;
    s->screen.n_groups[QLAB_GROUP_SECTOR] = 0;
}

static void make_market(qlab_sim *s)
{
    const size_t n = s->n_sessions * s->n_names;

    s->adv = qlab_alloc(n, sizeof *s->adv);
    s->vol = qlab_alloc(n, sizeof *s->vol);
    s->half_spread = qlab_alloc(n, sizeof *s->half_spread);
    for (size_t i = 0; i < n; i++) {
        s->adv[i] = MONEY_A_DAY;
        s->half_spread[i] = HALF_SPREAD;
        s->vol[i] = sqrt(SPECIFIC * SPECIFIC + COMMON_MOVE * COMMON_MOVE);
    }
    s->market = (qlab_market){.n_sessions = s->n_sessions,
                              .n_names = s->n_names,
                              .price = s->open,
                              .adv = s->adv,
                              .vol = s->vol,
                              .half_spread = s->half_spread};
}

void qlab_sim_make(const qlab_sim_options *o, uint64_t number, qlab_sim *out)
{
    *out = (qlab_sim){
        .n_names = o->n_names, .n_sessions = o->n_sessions, .n_candidates = o->n_candidates};
    assert(o->n_candidates < 1000 && o->n_planted <= o->n_candidates && number < 1u << 31);
    out->dates = qlab_alloc(o->n_sessions, sizeof *out->dates);
    for (size_t t = 0; t < o->n_sessions; t++)
        out->dates[t] = FIRST_DAY + (int32_t)t;
    out->open = qlab_alloc(o->n_sessions * o->n_names, sizeof *out->open);
    make_list(o, out);
    make_rows(out);
    make_columns(out);
    simulate(o, number, out);
    for (size_t h = 0; h < QLAB_SCREEN_HORIZONS; h++)
        make_label(out, h, o->early, out->x.col[o->n_candidates + h]);
    make_axis(out);
    make_screen(out);
    make_market(out);
}

void qlab_sim_free(qlab_sim *s)
{
    qlab_xsec_free(&s->x);
    qlab_library_free(s->lib);
    qlab_free(s->score);
    qlab_free(s->columns);
    qlab_free(s->text);
    qlab_free(s->dates);
    qlab_free(s->open);
    qlab_free(s->label_end);
    qlab_free(s->asset_class);
    qlab_free(s->zeros);
    qlab_free(s->adv);
    qlab_free(s->vol);
    qlab_free(s->half_spread);
    *s = (qlab_sim){0};
}

qlab_targets qlab_sim_targets(const qlab_sim *s, size_t candidate, size_t n_sessions,
                              qlab_arena *arena)
{
    qlab_targets t = qlab_targets_new(&qlab_target_rule_default, s->n_names, n_sessions, arena);
    uint8_t *everybody = qlab_arena_alloc(arena, s->n_names, 1);

    memset(everybody, 1, s->n_names);
    for (size_t i = 0; i < n_sessions; i++)
        qlab_targets_add(&t, s->score[candidate] + i * s->n_names, everybody, s->vol, NULL);
    return t;
}
