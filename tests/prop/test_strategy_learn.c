/* What is learned against a slow version over stacked rows; nothing outside the train rows changes
 * a bit of it, and without purging it does; the order in which sessions are banked does not matter;
 * a trained candidate is an expression that scores as its parameters say. */
#include "strategy/learn.h"
#include "support/t.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/rng.h"
#include "num/math.h"
#include "num/rank.h"
#include <math.h>
#include <string.h>

enum {
    N_DAYS = 90,
    N_NAMES = 47,
    N_COLS = 4,
    MIN_NAMES = 20,
    HORIZON = 1,
    EMBARGO = 2,
    N_BLOCKS = 5
};
static const char *const COLUMNS[N_COLS] = {"a", "b", "c", "d"};
static const qlab_expr_known KNOWN = {COLUMNS, N_COLS};

static const char TEXT[] = "version: 1\nname: t\ncandidates:\n"
                           "  - {id: up, family: F, score: a}\n"
                           "  - {id: down, family: F, score: '-b'}\n"
                           "  - {id: noise, family: F, score: d}\n"
                           "  - {id: best, family: B, kind: 'family_best:F'}\n"
                           "  - {id: plus, family: O, kind: oriented, score: a}\n"
                           "  - {id: minus, family: O, kind: oriented, score: z(b) + 0.1*d}\n"
                           "  - {id: mix, family: R, kind: ridge, terms: [a, b, rank(c), z(d)]}\n"
                           "  - {id: pair, family: R, kind: ridge, terms: [c, a*d]}\n";

typedef struct market {
    int32_t session[N_DAYS], nominal_end[N_DAYS];
    double col[N_DAYS][N_COLS][N_NAMES], label[N_DAYS][N_NAMES];
    int32_t end[N_DAYS][N_NAMES];
} market;

/* Labels end 6 days on; one name in twelve is halted and its label ends up to 30 days later. */
static market *make_market(uint64_t seed)
{
    market *m = qlab_alloc(1, sizeof *m);

    for (size_t d = 0; d < N_DAYS; d++) {
        m->session[d] = 10000 + (int32_t)(d + d / 5 * 2); /* weekends */
        m->nominal_end[d] = m->session[d] + 8;
        for (size_t i = 0; i < N_NAMES; i++) {
            for (size_t c = 0; c < N_COLS; c++) {
                const double u = qlab_rng_uniform(seed, d * N_COLS + c, i);
                m->col[d][c][i] = u < 0.04 ? NAN : qlab_num_normal(seed + 1, d * N_COLS + c, i);
            }
            m->label[d][i] = 0.02 * (0.5 * m->col[d][0][i] - 0.2 * m->col[d][1][i] +
                                     qlab_num_normal(seed + 2, d, i));
            const bool halted = qlab_rng_below(seed + 3, d, i, 12) == 0;
            m->end[d][i] =
                m->nominal_end[d] + (halted ? (int32_t)qlab_rng_below(seed + 4, d, i, 30) : 0);
            if (isnan(m->label[d][i]))
                m->end[d][i] = QLAB_DATE_NONE;
        }
    }
    return m;
}

/* Two runs of test sessions; what trains is purged by session and embargoed. */
typedef struct design {
    bool is_test[N_DAYS], trains[N_DAYS];
    int32_t cut[N_DAYS];
    uint16_t block[N_DAYS];
    qlab_learn_split split;
} design;

static void make_design(const market *m, bool purged, design *d)
{
    for (size_t i = 0; i < N_DAYS; i++) {
        d->is_test[i] = (i >= 30 && i < 42) || i >= 75;
        d->block[i] = (uint16_t)(i * N_BLOCKS / N_DAYS);
    }
    qlab_learn_next_test(m->session, d->is_test, N_DAYS, d->cut);
    for (size_t i = 0; i < N_DAYS; i++) {
        d->trains[i] = !d->is_test[i];
        if (purged)
            d->trains[i] = d->trains[i] && m->nominal_end[i] < d->cut[i] &&
                           !(i >= 42 && (m->session[i] <= m->nominal_end[41] || i < 48 + EMBARGO));
        else
            d->cut[i] = INT32_MAX;
    }
    d->split = (qlab_learn_split){.n = N_DAYS,
                                  .sessions = m->session,
                                  .label_end = m->nominal_end,
                                  .trains = d->trains,
                                  .cut = d->cut,
                                  .block = d->block,
                                  .embargo = EMBARGO};
}

typedef struct fixture {
    qlab_library *lib;
    qlab_learn_plan *plan;
    uint32_t all[N_NAMES];
    qlab_score_rows rows;
} fixture;

static fixture make_fixture(void)
{
    fixture f;
    qlab_err err = QLAB_ERR_INIT;

    T_OK(qlab_library_parse("t.yaml", TEXT, sizeof TEXT - 1, &KNOWN, &f.lib, &err));
    f.plan = qlab_learn_plan_new(f.lib, MIN_NAMES);
    T_CHECK(qlab_learn_n(f.plan) == 5 && qlab_learn_uses_horizon(f.plan, HORIZON));
    for (uint32_t i = 0; i < N_NAMES; i++)
        f.all[i] = i;
    return f;
}

static void free_fixture(fixture *f)
{
    qlab_learn_plan_free(f->plan);
    qlab_library_free(f->lib);
}

static void fill_columns(const qlab_score_plan *plan, const market *m, size_t day,
                         const double **col)
{
    const char *const *names;

    for (size_t i = 0; i < qlab_score_plan_columns(plan, &names); i++)
        for (size_t c = 0; c < N_COLS; c++)
            if (strcmp(names[i], COLUMNS[c]) == 0)
                col[i] = m->col[day][c];
}

/* Banks sessions first, first + step, ... */
static void bank_days(fixture *f, const market *m, const design *d, size_t first, size_t step,
                      qlab_learn_work *w, qlab_learn_bank *bank)
{
    int32_t *cuts;
    size_t n_cuts;

    f->rows = (qlab_score_rows){f->all, N_NAMES};
    qlab_learn_cuts(&d->split, 1, &cuts, &n_cuts);
    for (size_t i = first; i < N_DAYS; i += step) {
        const double *col[N_COLS];
        const qlab_score_xsec x = {.n_rows = N_NAMES, .col = col, .spaces = &f->rows};
        qlab_learn_day day = {.date = m->session[i], .x = &x};
        fill_columns(qlab_learn_scores(f->plan), m, i, col);
        day.label[HORIZON] = m->label[i];
        day.label_end[HORIZON] = m->end[i];
        qlab_learn_add(f->plan, &day, cuts, n_cuts, w, bank);
    }
    qlab_free(cuts);
}

static void train_all(fixture *f, const market *m, const design *d, size_t step,
                      qlab_trained trained[5])
{
    qlab_learn_work *w = qlab_learn_work_new();
    qlab_learn_bank bank = {0};

    for (size_t k = step; k-- > 0;)
        bank_days(f, m, d, k, step, w, &bank);
    qlab_learn_bank_sort(&bank);
    for (size_t k = 0; k < 5; k++)
        qlab_learn_train(f->plan, k, &bank, &d->split, &trained[k]);
    qlab_learn_bank_free(&bank);
    qlab_learn_work_free(w);
}

/* ---- the slow version ------------------------------------------------------------------------ */

/* Scores of a candidate's parts on a day, by the scorer that every stage uses. */
typedef struct parts {
    double v[8][N_NAMES];
} parts;

static void take_part(void *ctx, size_t root, uint32_t space, const double *score, size_t n)
{
    (void)space;
    memcpy(((parts *)ctx)->v[root], score, n * sizeof *score);
}

static void score_nodes(const fixture *f, const uint32_t *nodes, size_t n, const market *m,
                        size_t day, parts *out)
{
    const qlab_score_rows rows = {f->all, N_NAMES};
    const double *col[N_COLS];
    qlab_score_plan *plan = qlab_score_plan_new(f->lib->graph, nodes, n);
    qlab_score_work *work = qlab_score_work_new();
    const qlab_score_xsec x = {.n_rows = N_NAMES, .col = col, .spaces = &rows};

    fill_columns(plan, m, day, col);
    qlab_score_run(plan, &x, work, take_part, out);
    qlab_score_work_free(work);
    qlab_score_plan_free(plan);
}

static void score_parts(const fixture *f, const qlab_candidate *c, const market *m, size_t day,
                        parts *out)
{
    size_t n;
    uint32_t *nodes = qlab_candidate_nodes(c, 1, &n);

    score_nodes(f, nodes, n, m, day, out);
    qlab_free(nodes);
}

static bool row_trains(const market *m, size_t day, size_t i, int32_t cut)
{
    return !isnan(m->label[day][i]) && m->end[day][i] < cut;
}

static double slow_ic(const fixture *f, const qlab_candidate *c, size_t part, const market *m,
                      size_t day, int32_t cut)
{
    static _Alignas(16) char scratch[1 << 16];
    parts p;
    double y[N_NAMES];

    T_CHECK(qlab_rank_scratch_bytes(N_NAMES) <= sizeof scratch);
    score_parts(f, c, m, day, &p);
    for (size_t i = 0; i < N_NAMES; i++)
        y[i] = row_trains(m, day, i, cut) ? m->label[day][i] : NAN;
    const qlab_spearman r = qlab_rank_spearman(p.v[part], y, N_NAMES, scratch);
    return r.n_common >= MIN_NAMES ? r.rho : NAN;
}

/* Adds the day's normal equations, each row weighing 1 / rows; returns whether it counts. */
static bool slow_moments(const fixture *f, const qlab_candidate *c, const market *m, size_t day,
                         int32_t cut, double xx[4][4], double xy[4], double *yy)
{
    size_t who[N_NAMES], n = 0;
    double y[N_NAMES], mean[4] = {0};
    parts p;

    score_parts(f, c, m, day, &p);
    for (size_t i = 0; i < N_NAMES; i++) {
        bool whole = row_trains(m, day, i, cut);
        for (size_t k = 0; k < c->n_parts; k++)
            whole = whole && !isnan(p.v[k][i]);
        if (whole)
            who[n++] = i;
    }
    if (n < MIN_NAMES)
        return false;
    for (size_t r = 0; r < n; r++) {
        double below = 0, equal = 0;
        for (size_t s = 0; s < n; s++) {
            below += m->label[day][who[s]] < m->label[day][who[r]];
            equal += m->label[day][who[s]] == m->label[day][who[r]];
        }
        y[r] = qlab_num_norm_ppf((below + (equal + 1) / 2 - 0.5) / (double)n);
        for (size_t k = 0; k < c->n_parts; k++)
            mean[k] += p.v[k][who[r]] / (double)n;
    }
    for (size_t r = 0; r < n; r++) {
        *yy += y[r] * y[r] / (double)n;
        for (size_t a = 0; a < c->n_parts; a++) {
            const double xa = p.v[a][who[r]] - mean[a];
            xy[a] += xa * y[r] / (double)n;
            for (size_t b = 0; b < c->n_parts; b++)
                xx[a][b] += xa * (p.v[b][who[r]] - mean[b]) / (double)n;
        }
    }
    return true;
}

/* Gauss-Jordan with pivots. */
static void slow_solve(double a[4][5], size_t n)
{
    for (size_t k = 0; k < n; k++) {
        size_t best = k;
        for (size_t r = k; r < n; r++)
            best = fabs(a[r][k]) > fabs(a[best][k]) ? r : best;
        for (size_t c = 0; c < 5; c++) {
            const double t = a[k][c];
            a[k][c] = a[best][c];
            a[best][c] = t;
        }
        for (size_t r = 0; r < n; r++) {
            const double q = a[r][k] / a[k][k];
            for (size_t c = 0; c < 5 && r != k; c++)
                a[r][c] -= q * a[k][c];
        }
    }
    for (size_t k = 0; k < n; k++)
        a[k][4] /= a[k][k];
}

typedef struct slow_fit {
    double xx[4][4], xy[4], yy, w[4];
    size_t n;
} slow_fit;

static void slow_weights(slow_fit *s, size_t p, double penalty)
{
    double a[4][5] = {{0}};

    for (size_t r = 0; r < p; r++) {
        for (size_t c = 0; c < p; c++)
            a[r][c] = s->xx[r][c] / (double)s->n + (r == c ? penalty : 0);
        a[r][4] = s->xy[r] / (double)s->n;
    }
    slow_solve(a, p);
    for (size_t r = 0; r < p; r++)
        s->w[r] = a[r][4];
}

static size_t slow_penalty(const fixture *f, const qlab_candidate *c, const market *m,
                           const design *d, double *error)
{
    size_t n_out = 0, best = 0;

    for (size_t k = 0; k < QLAB_RIDGE_N_PENALTIES; k++)
        error[k] = 0;
    for (size_t b = 0; b < N_BLOCKS; b++) {
        slow_fit in = {.n = 0}, out = {.n = 0};
        const size_t first = b * N_DAYS / N_BLOCKS, end = (b + 1) * N_DAYS / N_BLOCKS;
        size_t resume = end;
        while (resume < N_DAYS && m->session[resume] <= m->nominal_end[end - 1])
            resume++;
        resume = resume + EMBARGO < N_DAYS ? resume + EMBARGO : N_DAYS;
        for (size_t i = 0; i < N_DAYS; i++) {
            int32_t cut = d->cut[i];
            const int32_t reach = resume < N_DAYS ? m->session[resume] : INT32_MAX;
            if (!d->trains[i])
                continue;
            if (i >= first && i < end)
                out.n +=
                    slow_moments(f, c, m, i, cut < reach ? cut : reach, out.xx, out.xy, &out.yy);
            else if (i < first && m->nominal_end[i] < m->session[first])
                in.n += (size_t)slow_moments(f, c, m, i,
                                             cut < m->session[first] ? cut : m->session[first],
                                             in.xx, in.xy, &in.yy);
            else if (i >= resume)
                in.n += (size_t)slow_moments(f, c, m, i, cut, in.xx, in.xy, &in.yy);
        }
        if (in.n == 0 || out.n == 0)
            continue;
        n_out += out.n;
        for (size_t k = 0; k < QLAB_RIDGE_N_PENALTIES; k++) {
            slow_weights(&in, c->n_parts, QLAB_RIDGE_PENALTIES[k]);
            error[k] += out.yy;
            for (size_t x = 0; x < c->n_parts; x++) {
                error[k] -= 2 * in.w[x] * out.xy[x];
                for (size_t y = 0; y < c->n_parts; y++)
                    error[k] += in.w[x] * in.w[y] * out.xx[x][y];
            }
        }
    }
    for (size_t k = 0; k < QLAB_RIDGE_N_PENALTIES; k++) {
        error[k] /= (double)n_out;
        best = error[k] <= error[best] ? k : best;
    }
    return best;
}

T_TEST(equals_the_slow_version)
{
    fixture f = make_fixture();
    size_t n_distinct = 0;

    for (uint64_t seed = 1; seed <= 3; seed++) {
        market *m = make_market(100 * seed);
        qlab_trained t[5];
        design d;
        make_design(m, true, &d);
        train_all(&f, m, &d, 1, t);
        for (size_t k = 0; k < 5; k++) {
            const qlab_candidate *c = t[k].candidate;
            T_CHECK(t[k].is_known);
            for (size_t part = 0; c->kind_id != QLAB_KIND_RIDGE && part < c->n_parts; part++) {
                double ic[N_DAYS], sum = 0, squares = 0;
                size_t n = 0;
                for (size_t i = 0; i < N_DAYS; i++) {
                    ic[i] = d.trains[i] ? slow_ic(&f, c, part, m, i, d.cut[i]) : NAN;
                    sum += isnan(ic[i]) ? 0 : ic[i];
                    n += isnan(ic[i]) ? 0 : 1;
                }
                for (size_t i = 0; i < N_DAYS; i++)
                    squares +=
                        isnan(ic[i]) ? 0 : (ic[i] - sum / (double)n) * (ic[i] - sum / (double)n);
                const double mean = sum / (double)n, std = sqrt(squares / (double)(n - 1));
                T_NEAR(t[k].evidence[part], c->kind_id == QLAB_KIND_ORIENTED ? mean : mean / std,
                       1e-12);
                T_CHECK(t[k].n_sessions == n);
            }
            if (c->kind_id != QLAB_KIND_RIDGE)
                continue;
            slow_fit whole = {.n = 0};
            double error[QLAB_RIDGE_N_PENALTIES];
            const size_t best = slow_penalty(&f, c, m, &d, error);
            for (size_t i = 0; i < N_DAYS; i++)
                if (d.trains[i])
                    whole.n +=
                        (size_t)slow_moments(&f, c, m, i, d.cut[i], whole.xx, whole.xy, &whole.yy);
            slow_weights(&whole, c->n_parts, QLAB_RIDGE_PENALTIES[best]);
            T_CHECK(t[k].penalty == QLAB_RIDGE_PENALTIES[best] && t[k].n_sessions == whole.n);
            for (size_t e = 0; e < QLAB_RIDGE_N_PENALTIES; e++)
                T_NEAR(t[k].evidence[e], error[e], 1e-12);
            for (size_t w = 0; w < c->n_parts; w++)
                T_NEAR(t[k].weight[w], whole.w[w], 1e-12);
            n_distinct += best > 0 ? 1 : 0;
        }
        T_CHECK(t[4].sign == 1.0 && t[1].sign == -1.0); /* as planted; by id, minus is the second */
        T_STR(t[0].candidate->parts[t[0].chosen].id, "up");
        for (size_t k = 0; k < 5; k++)
            qlab_trained_free(&t[k]);
        qlab_free(m);
    }
    T_CHECK(n_distinct > 0); /* the penalty is a choice, not a constant */
    free_fixture(&f);
}

/* ---- leaks ----------------------------------------------------------------------------------- */

/* Garbage in the label of every row that does not train: test rows, rows whose label reaches a test
 * block, embargoed sessions. */
static void spoil(market *m, const design *d)
{
    for (size_t i = 0; i < N_DAYS; i++)
        for (size_t k = 0; k < N_NAMES; k++)
            if (!isnan(m->label[i][k]) && !(d->trains[i] && row_trains(m, i, k, d->cut[i])))
                m->label[i][k] = 5.0 * m->col[i][3][k] - 3.0 * (double)(k % 3);
}

static bool same_parameters(fixture *f, const qlab_trained *a, const qlab_trained *b)
{
    bool same = true;

    for (size_t k = 0; k < 5; k++) {
        const qlab_digest da = qlab_trained_digest(f->lib->graph, &a[k]);
        const qlab_digest db = qlab_trained_digest(f->lib->graph, &b[k]);
        same = same && qlab_digest_cmp(&da, &db) == 0;
    }
    return same;
}

static void free_all(qlab_trained *t)
{
    for (size_t k = 0; k < 5; k++)
        qlab_trained_free(&t[k]);
}

T_TEST(labels_outside_the_train_rows_change_nothing)
{
    fixture f = make_fixture();
    market *m = make_market(7), *spoiled = make_market(7);
    qlab_trained clean[5], other[5], naive[5], naive_other[5];
    design d, open;

    make_design(m, true, &d);
    make_design(m, false, &open);
    spoil(spoiled, &d);
    train_all(&f, m, &d, 1, clean);
    train_all(&f, spoiled, &d, 1, other);
    T_CHECK(same_parameters(&f, clean, other));
    /* Without purging the same garbage is seen: the test can fail. */
    train_all(&f, m, &open, 1, naive);
    train_all(&f, spoiled, &open, 1, naive_other);
    T_CHECK(!same_parameters(&f, naive, naive_other));
    for (size_t k = 0; k < 5; k++) /* each kind shows it */
        T_CHECK(memcmp(naive[k].evidence, naive_other[k].evidence,
                       naive[k].n_evidence * sizeof(double)) != 0);
    free_all(clean);
    free_all(other);
    free_all(naive);
    free_all(naive_other);
    qlab_free(m);
    qlab_free(spoiled);
    free_fixture(&f);
}

/* Purging by session alone is not enough: a halted name's label ends in the test block. */
T_TEST(rows_are_purged_one_by_one)
{
    fixture f = make_fixture();
    market *m = make_market(8), *spoiled = make_market(8);
    qlab_trained clean[5], other[5];
    design d;

    make_design(m, true, &d);
    spoil(spoiled, &d);
    for (size_t i = 0; i < N_DAYS; i++)
        d.cut[i] = INT32_MAX; /* sessions as before, every row of them */
    train_all(&f, m, &d, 1, clean);
    train_all(&f, spoiled, &d, 1, other);
    T_CHECK(!same_parameters(&f, clean, other));
    free_all(clean);
    free_all(other);
    qlab_free(m);
    qlab_free(spoiled);
    free_fixture(&f);
}

T_TEST(order_of_sessions_changes_no_bit)
{
    fixture f = make_fixture();
    market *m = make_market(9);
    qlab_trained one[5], seven[5];
    design d;

    make_design(m, true, &d);
    train_all(&f, m, &d, 1, one);
    train_all(&f, m, &d, 7, seven);
    T_CHECK(same_parameters(&f, one, seven));
    for (size_t k = 0; k < 5; k++)
        T_SAME_BITS(one[k].evidence, seven[k].evidence, one[k].n_evidence);
    free_all(one);
    free_all(seven);
    qlab_free(m);
    free_fixture(&f);
}

/* ---- the score ------------------------------------------------------------------------------- */

T_TEST(a_trained_candidate_is_an_expression)
{
    fixture f = make_fixture();
    market *m = make_market(10);
    qlab_trained t[5];
    design d;

    make_design(m, true, &d);
    train_all(&f, m, &d, 1, t);
    for (size_t k = 0; k < 5; k++) {
        const qlab_candidate *c = t[k].candidate;
        const uint32_t root = qlab_trained_root(f.lib->graph, &t[k]);
        json_t *o = qlab_trained_json(f.lib->graph, &t[k]);
        qlab_err err = QLAB_ERR_INIT;
        uint32_t again;
        parts got, of;
        T_OK(qlab_expr_parse(f.lib->graph,
                             qlab_str_of(json_string_value(json_object_get(o, "definition"))),
                             c->space, &again, &err));
        T_CHECK(again == root); /* the text is all that another program needs */
        score_nodes(&f, &root, 1, m, 50, &got);
        score_parts(&f, c, m, 50, &of);
        for (size_t i = 0; i < N_NAMES; i++) {
            double want = c->kind_id == QLAB_KIND_ORIENTED ? t[k].sign * of.v[0][i]
                          : c->kind_id == QLAB_KIND_RIDGE  ? t[k].weight[0] * of.v[0][i]
                                                           : of.v[t[k].chosen][i];
            for (size_t w = 1; c->kind_id == QLAB_KIND_RIDGE && w < c->n_parts; w++)
                want += t[k].weight[w] * of.v[w][i];
            T_NEAR(got.v[0][i], want, 0.0);
        }
        json_decref(o);
    }
    free_all(t);
    qlab_free(m);
    free_fixture(&f);
}

/* No train session with enough names: nothing is learned and the score is null. */
T_TEST(nothing_to_learn_from)
{
    fixture f = make_fixture();
    market *m = make_market(11);
    qlab_trained t[5];
    design d;
    parts got;

    make_design(m, true, &d);
    for (size_t i = 0; i < N_DAYS; i++)
        d.trains[i] = false;
    train_all(&f, m, &d, 1, t);
    for (size_t k = 0; k < 5; k++) {
        const uint32_t root = qlab_trained_root(f.lib->graph, &t[k]);
        json_t *o = qlab_trained_json(f.lib->graph, &t[k]);
        T_CHECK(!t[k].is_known && t[k].n_sessions == 0);
        T_CHECK(json_is_null(json_object_get(o, "definition")));
        score_nodes(&f, &root, 1, m, 50, &got);
        for (size_t i = 0; i < N_NAMES; i++)
            T_CHECK(isnan(got.v[0][i]));
        json_decref(o);
    }
    free_all(t);
    qlab_free(m);
    free_fixture(&f);
}

T_MAIN(T_CASE(equals_the_slow_version), T_CASE(labels_outside_the_train_rows_change_nothing),
       T_CASE(rows_are_purged_one_by_one), T_CASE(order_of_sessions_changes_no_bit),
       T_CASE(a_trained_candidate_is_an_expression), T_CASE(nothing_to_learn_from))
