/* The scorer against a slow, obvious evaluator that walks the text itself; shared parts, choice of
 * roots and universes change no bit. */
#include "num/math.h"
#include "strategy/score.h"
#include "support/t.h"

#include "base/alloc.h"
#include "base/rng.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 211, N_COLS = 5, N_GROUPS = 4 };
static const char *const COLUMNS[N_COLS] = {"a", "b", "c", "d", "e"};

typedef struct date {
    double col[N_COLS][N];
    uint32_t code[QLAB_GROUP_COUNT][N];
    uint32_t rows[2][N];
    size_t n[2];
} date;

/* Ties, nulls, zeros, a constant group and one outlier. */
static void make_date(uint64_t seed, date *d)
{
    for (size_t c = 0; c < N_COLS; c++)
        for (size_t i = 0; i < N; i++) {
            const double u = qlab_rng_uniform(seed, c, i);
            d->col[c][i] = u < 0.1   ? NAN
                           : c == 4  ? floor(4.0 * u) - 1.0
                           : u < 0.2 ? 0.0
                                     : qlab_num_normal(seed + 1, c, i);
        }
    d->col[0][17] = 1e6;
    for (int g = 0; g < QLAB_GROUP_COUNT; g++)
        for (size_t i = 0; i < N; i++)
            d->code[g][i] = (uint32_t)qlab_rng_below(seed + 2, (uint64_t)g, i, N_GROUPS);
    d->n[0] = d->n[1] = 0;
    for (uint32_t i = 0; i < N; i++) {
        if (i % 7 != 3)
            d->rows[0][d->n[0]++] = i;
        if (i % 2 == 0)
            d->rows[1][d->n[1]++] = i;
    }
}

/* ---- the obvious evaluator: one value a name at a time, whole cross-section where needed
 * ---------- */

typedef struct walker {
    const char *at;
    const date *d;
    size_t space;
} walker;

typedef struct column {
    double v[N];
} column;

static column walk_or(walker *w);

static void skip_spaces(walker *w)
{
    while (isspace((unsigned char)*w->at))
        w->at++;
}

static bool word(walker *w, const char *s)
{
    const size_t n = strlen(s);

    skip_spaces(w);
    if (strncmp(w->at, s, n) != 0 ||
        (isalpha((unsigned char)s[0]) && (isalnum((unsigned char)w->at[n]) || w->at[n] == '_')))
        return false;
    w->at += n;
    return true;
}

static double null_of(double v)
{
    return isfinite(v) ? v : NAN;
}

static int compare(const void *pa, const void *pb)
{
    const double a = *(const double *)pa, b = *(const double *)pb;

    return (a > b) - (a < b);
}

static double middle(const double *v, size_t n)
{
    double s[N];

    memcpy(s, v, n * sizeof *s);
    qsort(s, n, sizeof *s, compare);
    return n % 2 ? s[n / 2] : (s[n / 2 - 1] + s[n / 2]) / 2.0;
}

/* z, rank or demean of the names of one group, in place. */
static void one_group(char what, double *v, size_t n)
{
    double mean = 0.0, ss = 0.0, r[N], dev[N];

    if (what == 'z' && n >= 1) {
        const double m = middle(v, n);
        for (size_t i = 0; i < n; i++)
            dev[i] = fabs(v[i] - m);
        const double limit = 5.0 * 1.4826 * middle(dev, n);
        for (size_t i = 0; i < n && limit > 0.0; i++)
            v[i] = v[i] > m + limit ? m + limit : v[i] < m - limit ? m - limit : v[i];
    }
    for (size_t i = 0; i < n; i++) {
        mean += v[i] / (double)n;
        double below = 0.0, equal = 0.0;
        for (size_t k = 0; k < n; k++) {
            below += v[k] < v[i];
            equal += !(v[k] < v[i]) && !(v[k] > v[i]);
        }
        r[i] = (below + (equal + 1.0) / 2.0 - 0.5) / (double)n;
    }
    for (size_t i = 0; i < n; i++)
        ss += (v[i] - mean) * (v[i] - mean);
    const double sd = sqrt(ss / (double)(n - 1));
    for (size_t i = 0; i < n; i++)
        v[i] = what == 'r'            ? r[i]
               : what == 'd'          ? v[i] - mean
               : n < 2 || !(sd > 0.0) ? NAN
                                      : (v[i] - mean) / sd;
}

static column over_space(walker *w, char what, column x, int by)
{
    column out;

    for (size_t i = 0; i < N; i++)
        out.v[i] = NAN;
    for (uint32_t g = 0; g < (by < 0 ? 1u : (uint32_t)N_GROUPS); g++) {
        double v[N];
        size_t who[N], n = 0;
        for (size_t k = 0; k < w->d->n[w->space]; k++) {
            const size_t i = w->d->rows[w->space][k];
            if (!isnan(x.v[i]) && (by < 0 || w->d->code[by][i] == g)) {
                v[n] = x.v[i];
                who[n++] = i;
            }
        }
        if (n > 0)
            one_group(what, v, n);
        for (size_t k = 0; k < n; k++)
            out.v[who[k]] = v[k];
    }
    return out;
}

static int walk_by(walker *w)
{
    if (!word(w, ",") || !word(w, "by") || !word(w, "="))
        return -1;
    for (int g = 0; g < QLAB_GROUP_COUNT; g++)
        if (word(w, qlab_group_name((qlab_group)g)))
            return g;
    abort();
}

static column walk_call(walker *w, qlab_expr_op op, size_t n)
{
    column arg[3], out;

    T_CHECK(word(w, "("));
    for (size_t k = 0; k < n; k++) {
        T_CHECK(k == 0 || word(w, ","));
        arg[k] = walk_or(w);
    }
    T_CHECK(word(w, ")"));
    for (size_t i = 0; i < N; i++) {
        const double a = arg[0].v[i], b = n > 1 ? arg[1].v[i] : 0, c = n > 2 ? arg[2].v[i] : 0;
        const bool null = isnan(a) || (op != QLAB_EXPR_IF && (isnan(b) || isnan(c)));
        double v = op == QLAB_EXPR_ABS    ? fabs(a)
                   : op == QLAB_EXPR_LOG  ? qlab_num_log(a)
                   : op == QLAB_EXPR_SIGN ? (double)((a > 0.0) - (a < 0.0))
                   : op == QLAB_EXPR_SQRT ? sqrt(a)
                   : op == QLAB_EXPR_MIN  ? (a < b ? a : b)
                   : op == QLAB_EXPR_MAX  ? (a > b ? a : b)
                   : op == QLAB_EXPR_CLIP ? (a < b   ? b
                                             : a > c ? c
                                                     : a)
                   : a > 0.0              ? b
                                          : c;
        out.v[i] = null ? NAN : null_of(v);
    }
    return out;
}

static column walk_primary(walker *w)
{
    static const struct {
        const char *name;
        qlab_expr_op op;
        size_t n;
    } calls[] = {{"abs", QLAB_EXPR_ABS, 1},   {"log", QLAB_EXPR_LOG, 1},
                 {"sign", QLAB_EXPR_SIGN, 1}, {"sqrt", QLAB_EXPR_SQRT, 1},
                 {"min", QLAB_EXPR_MIN, 2},   {"max", QLAB_EXPR_MAX, 2},
                 {"clip", QLAB_EXPR_CLIP, 3}, {"if", QLAB_EXPR_IF, 3}};
    column out;

    for (size_t k = 0; k < sizeof calls / sizeof calls[0]; k++)
        if (word(w, calls[k].name))
            return walk_call(w, calls[k].op, calls[k].n);
    for (size_t k = 0; k < 3; k++)
        if (word(w, ((const char *[]){"z", "rank", "demean"})[k])) {
            T_CHECK(word(w, "("));
            const column x = walk_or(w);
            const int by = walk_by(w);
            T_CHECK(word(w, ")"));
            return over_space(w, "zrd"[k], x, by);
        }
    for (size_t c = 0; c < N_COLS; c++)
        if (word(w, COLUMNS[c])) {
            memcpy(out.v, w->d->col[c], sizeof out.v);
            return out;
        }
    if (word(w, "(")) {
        out = walk_or(w);
        T_CHECK(word(w, ")"));
        return out;
    }
    char *end;
    const double v = strtod(w->at, &end);
    T_CHECK(end != w->at);
    w->at = end;
    for (size_t i = 0; i < N; i++)
        out.v[i] = v;
    return out;
}

static column walk_unary(walker *w);

static column walk_power(walker *w)
{
    column a = walk_primary(w);

    if (word(w, "^")) {
        const column b = walk_unary(w);
        for (size_t i = 0; i < N; i++)
            a.v[i] = isnan(a.v[i]) || isnan(b.v[i]) ? NAN : null_of(qlab_num_pow(a.v[i], b.v[i]));
    }
    return a;
}

static column walk_unary(walker *w)
{
    if (!word(w, "-"))
        return walk_power(w);
    column a = walk_unary(w);
    for (size_t i = 0; i < N; i++)
        a.v[i] = -a.v[i];
    return a;
}

static column walk_product(walker *w)
{
    column a = walk_unary(w);

    for (;;) {
        const bool times = word(w, "*");
        if (!times && !word(w, "/"))
            return a;
        const column b = walk_unary(w);
        for (size_t i = 0; i < N; i++)
            a.v[i] = null_of(times ? a.v[i] * b.v[i] : a.v[i] / b.v[i]);
    }
}

static column walk_sum(walker *w)
{
    column a = walk_product(w);

    for (;;) {
        const bool plus = word(w, "+");
        if (!plus && !word(w, "-"))
            return a;
        const column b = walk_product(w);
        for (size_t i = 0; i < N; i++)
            a.v[i] = null_of(plus ? a.v[i] + b.v[i] : a.v[i] - b.v[i]);
    }
}

static column walk_comparison(walker *w)
{
    static const char *const signs[] = {"<=", ">=", "==", "!=", "<", ">"};
    column a = walk_sum(w);

    for (size_t k = 0; k < 6; k++)
        if (word(w, signs[k])) {
            const column b = walk_sum(w);
            for (size_t i = 0; i < N; i++) {
                const double x = a.v[i], y = b.v[i];
                const bool yes = k == 0   ? x <= y
                                 : k == 1 ? x >= y
                                 : k == 2 ? !(x < y) && !(x > y)
                                 : k == 3 ? x < y || x > y
                                 : k == 4 ? x < y
                                          : x > y;
                a.v[i] = isnan(x) || isnan(y) ? NAN : yes;
            }
            return a;
        }
    return a;
}

static column walk_not(walker *w)
{
    if (!word(w, "not"))
        return walk_comparison(w);
    column a = walk_not(w);
    for (size_t i = 0; i < N; i++)
        a.v[i] = isnan(a.v[i]) ? NAN : a.v[i] > 0.0 ? 0.0 : 1.0;
    return a;
}

static column walk_and(walker *w)
{
    column a = walk_not(w);

    while (word(w, "and")) {
        const column b = walk_not(w);
        for (size_t i = 0; i < N; i++)
            a.v[i] = isnan(a.v[i]) || isnan(b.v[i]) ? NAN : a.v[i] > 0.0 && b.v[i] > 0.0;
    }
    return a;
}

static column walk_or(walker *w)
{
    column a = walk_and(w);

    while (word(w, "or")) {
        const column b = walk_and(w);
        for (size_t i = 0; i < N; i++)
            a.v[i] = isnan(a.v[i]) || isnan(b.v[i]) ? NAN : a.v[i] > 0.0 || b.v[i] > 0.0;
    }
    return a;
}

/* ---- the scorer ------------------------------------------------------------------------------ */

static const char *const TEXTS[] = {
    "a",
    "0.6*z(a) + 0.4*z(b)",
    "0.6*z(a) - 0.4*z(b, by=currency)",
    "-z(a)",
    "rank(a) * rank(e, by=sector) - demean(c, by=class)",
    "if(a > b, 1, -1) + z(log(c), by=exchange)",
    "if(not (a > 0 and b < 0.5) or e == 2, z(c), d)",
    "if(a >= b, c, d) / e",
    "if(e != 1, rank(demean(a)), -rank(b)) ^ 2",
    "-a^2 + 2^-b - (-3)^e",
    "clip(z(a), -1.5, 1.5) + min(a, b) * max(c, 0.25)",
    "abs(a - b) - sqrt(c) + sign(d)",
    "1/(1/(a - a + 2)) - a/0.5",
    "z(z(a) + z(b)) - z(z(a) + z(b)) * 0.1",
    "rank(if(e <= 1, a, b), by=currency)",
    "z(e)",
    "log(a/0.0001) + demean(e, by=exchange)*3",
    "(a - b)*(a - b) + rank(c)*demean(d)", /* an array that is read twice is given on once */
};
enum { N_TEXTS = sizeof TEXTS / sizeof TEXTS[0] };

typedef struct taken {
    double score[2 * N_TEXTS][N];
    size_t n[2 * N_TEXTS], times[2 * N_TEXTS];
} taken;

static void take(void *ctx, size_t root, uint32_t space, const double *score, size_t n)
{
    taken *t = ctx;

    (void)space;
    memcpy(t->score[root], score, n * sizeof *score);
    t->n[root] = n;
    t->times[root]++;
}

static void run_plan(const qlab_expr_graph *g, const uint32_t *roots, size_t n_roots, const date *d,
                     qlab_score_work *work, taken *t)
{
    qlab_score_plan *plan = qlab_score_plan_new(g, roots, n_roots);
    const char *const *names;
    const double *col[N_COLS];
    const qlab_score_rows spaces[2] = {{d->rows[0], d->n[0]}, {d->rows[1], d->n[1]}};
    qlab_score_xsec x = {.n_rows = N, .col = col, .spaces = spaces};

    for (size_t i = 0; i < qlab_score_plan_columns(plan, &names); i++)
        for (size_t c = 0; c < N_COLS; c++)
            if (strcmp(names[i], COLUMNS[c]) == 0)
                col[i] = d->col[c];
    for (int g2 = 0; g2 < QLAB_GROUP_COUNT; g2++) {
        x.group[g2] = d->code[g2];
        x.n_groups[g2] = N_GROUPS;
    }
    memset(t, 0, sizeof *t);
    qlab_score_run(plan, &x, work, take, t);
    for (size_t r = 0; r < n_roots; r++)
        T_CHECK(t->times[r] == 1);
    qlab_score_plan_free(plan);
}

static qlab_expr_graph *parse_all(uint32_t *roots)
{
    qlab_expr_graph *g = qlab_expr_graph_new(NULL);
    qlab_err err = QLAB_ERR_INIT;

    for (uint32_t s = 0; s < 2; s++)
        for (size_t k = 0; k < N_TEXTS; k++)
            T_OK(qlab_expr_parse(g, qlab_str_of(TEXTS[k]), s, &roots[s * N_TEXTS + k], &err));
    return g;
}

T_TEST(equals_the_obvious_evaluator)
{
    uint32_t roots[2 * N_TEXTS];
    qlab_expr_graph *g = parse_all(roots);
    qlab_score_work *work = qlab_score_work_new();
    taken *t = qlab_alloc(1, sizeof *t);
    date *d = qlab_alloc(1, sizeof *d);

    for (uint64_t seed = 1; seed <= 5; seed++) {
        make_date(seed, d);
        run_plan(g, roots, 2 * N_TEXTS, d, work, t);
        for (size_t r = 0; r < 2 * N_TEXTS; r++) {
            walker w = {TEXTS[r % N_TEXTS], d, r / N_TEXTS};
            const column want = walk_or(&w);
            T_CHECK(*w.at == '\0' && t->n[r] == d->n[w.space]);
            for (size_t i = 0; i < t->n[r]; i++) {
                const double v = want.v[d->rows[w.space][i]];
                T_NEAR(t->score[r][i], v, 1e-12 * (1.0 + fabs(v)));
            }
        }
    }
    qlab_free(t);
    qlab_free(d);
    qlab_score_work_free(work);
    qlab_expr_graph_free(g);
}

T_TEST(roots_alone_and_together_have_the_same_bits)
{
    uint32_t roots[2 * N_TEXTS];
    qlab_expr_graph *g = parse_all(roots);
    qlab_score_work *work = qlab_score_work_new();
    taken *all = qlab_alloc(1, sizeof *all), *one = qlab_alloc(1, sizeof *one);
    date *d = qlab_alloc(1, sizeof *d);

    make_date(9, d);
    run_plan(g, roots, 2 * N_TEXTS, d, work, all);
    for (size_t r = 0; r < 2 * N_TEXTS; r++) {
        run_plan(g, &roots[r], 1, d, work, one);
        T_CHECK(one->n[0] == all->n[r]);
        for (size_t i = 0; i < one->n[0]; i++) {
            T_CHECK(isnan(one->score[0][i]) == isnan(all->score[r][i]));
            if (!isnan(one->score[0][i]))
                T_SAME_BITS(&one->score[0][i], &all->score[r][i], 1);
        }
    }
    qlab_free(all);
    qlab_free(one);
    qlab_free(d);
    qlab_score_work_free(work);
    qlab_expr_graph_free(g);
}

/* neutralize: residuals are orthogonal to the regressors and to the constant. */
T_TEST(neutralize_leaves_nothing_of_the_regressors)
{
    qlab_expr_graph *g = qlab_expr_graph_new(NULL);
    qlab_err err = QLAB_ERR_INIT;
    qlab_score_work *work = qlab_score_work_new();
    taken *t = qlab_alloc(1, sizeof *t);
    date *d = qlab_alloc(1, sizeof *d);
    double with_b = 0.0, with_c = 0.0, sum = 0.0, size = 0.0;
    uint32_t root;

    make_date(3, d);
    T_OK(qlab_expr_parse(g, qlab_str_of("neutralize(d, b, c)"), 0, &root, &err));
    run_plan(g, &root, 1, d, work, t);
    for (size_t i = 0; i < t->n[0]; i++) {
        const size_t r = d->rows[0][i];
        const bool null = isnan(d->col[1][r]) || isnan(d->col[2][r]) || isnan(d->col[3][r]);
        T_CHECK(isnan(t->score[0][i]) == null);
        if (null)
            continue;
        sum += t->score[0][i];
        with_b += t->score[0][i] * d->col[1][r];
        with_c += t->score[0][i] * d->col[2][r];
        size += fabs(t->score[0][i]);
    }
    T_CHECK(size > 1.0 && fabs(sum) < 1e-10 && fabs(with_b) < 1e-10 && fabs(with_c) < 1e-10);
    qlab_free(t);
    qlab_free(d);
    qlab_score_work_free(work);
    qlab_expr_graph_free(g);
}

/* Arrays are given on: many candidates need few arrays, and shared parts are worked out once. */
T_TEST(arrays_are_reused)
{
    enum { MANY = 500 };
    qlab_expr_graph *g = qlab_expr_graph_new(NULL);
    qlab_err err = QLAB_ERR_INIT;
    uint32_t roots[MANY];

    for (int i = 0; i < MANY; i++) {
        char *text = qlab_asprintf("0.%d1*z(a) + 0.%d*z(b) - z(c)/%d", i % 9 + 1, i % 7 + 1, i + 2);
        T_OK(qlab_expr_parse(g, qlab_str_of(text), 0, &roots[i], &err));
        qlab_free(text);
    }
    qlab_score_plan *plan = qlab_score_plan_new(g, roots, MANY);
    T_CHECK(qlab_score_plan_steps(plan) <= 6 + 16 + 63 + 2 * MANY);
    T_CHECK(qlab_score_plan_arrays(plan) < 100);
    qlab_score_plan_free(plan);
    qlab_expr_graph_free(g);
}

T_MAIN(T_CASE(equals_the_obvious_evaluator), T_CASE(roots_alone_and_together_have_the_same_bits),
       T_CASE(neutralize_leaves_nothing_of_the_regressors), T_CASE(arrays_are_reused))
