/* One candidate's books to figures; nothing here depends on the other candidates. */
#include "stage_b/figures.h"
#include "base/alloc.h"
#include "base/date.h"
#include "stat/bootstrap.h"
#include "stat/moments.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS_A_YEAR = 252 };

double qlab_b_annual(double sr)
{
    return sr * sqrt((double)SESSIONS_A_YEAR);
}

double qlab_b_sharpe(const double *x, size_t n)
{
    const qlab_moments m = qlab_moments_of((qlab_f64v){x, n});

    return m.std > 0.0 ? m.mean / m.std : NAN;
}

qlab_sharpe qlab_b_clipped(const qlab_sharpe *s)
{
    qlab_sharpe x = *s;

    x.rho = s->rho > 0.0 ? s->rho : 0.0;
    return x;
}

static uint64_t key_of(qlab_digest trial)
{
    uint64_t k = 0;

    for (size_t i = 0; i < 8; i++)
        k = k << 8 | trial.at[i];
    return k;
}

/* ---- combinations and paths ------------------------------------------------------------------ */

/* Sessions of the feed that belong to a group of the plan, after the first execution. */
static void span_of_group(const qlab_stage_b *b, uint32_t g, size_t *from, size_t *to)
{
    const size_t end = b->plan.group_first[g + 1];

    *from = qlab_feed_session(&b->feed, b->axis.sessions[b->plan.group_first[g]]);
    *to = end < b->axis.n ? qlab_feed_session(&b->feed, b->axis.sessions[end]) : b->feed.n_sessions;
    *from = *from < b->book.delay ? b->book.delay : *from;
}

static size_t path_of(const qlab_outcome *o, const qlab_cpcv_split *split, uint32_t k)
{
    return o->n_paths == 1 ? 0 : split->path[k];
}

static void combinations(const qlab_stage_b *b, const qlab_outcome *o, qlab_b_verdict *v)
{
    double *x = qlab_alloc(b->feed.n_sessions + 1, sizeof *x);
    size_t n_negative = 0;

    v->worst_combination = NAN;
    for (size_t s = 0; s < b->plan.n_splits; s++) {
        const qlab_cpcv_split *split = &b->plan.splits[s];
        size_t n = 0;
        for (uint32_t k = 0; k < b->plan.n_test; k++) {
            const double *net =
                qlab_outcome_path(o, b->feed.n_sessions, path_of(o, split, k), QLAB_DAILY_NET);
            size_t from, to;
            span_of_group(b, split->test[k], &from, &to);
            memcpy(x + n, net + from, (to - from) * sizeof *x);
            n += to - from;
        }
        const double sr = qlab_b_annual(qlab_b_sharpe(x, n));
        n_negative += sr < 0.0;
        if (isnan(v->worst_combination) || sr < v->worst_combination) {
            v->worst_combination = sr;
            v->worst_split = s;
        }
    }
    v->combinations_negative = (double)n_negative / (double)b->plan.n_splits;
    qlab_free(x);
}

static int by_value(const void *pa, const void *pb)
{
    const double a = *(const double *)pa, b = *(const double *)pb;

    return (a > b) - (a < b);
}

static void paths(const qlab_stage_b *b, const qlab_outcome *o, qlab_b_verdict *v)
{
    const size_t n = b->feed.n_sessions, first = b->book.delay;
    double *sr = qlab_alloc(o->n_paths, sizeof *sr);
    size_t n_negative = 0;
    bool whole = true;

    for (size_t p = 0; p < o->n_paths; p++) {
        const double *net = qlab_outcome_path(o, n, p, QLAB_DAILY_NET);
        sr[p] = qlab_b_annual(qlab_b_sharpe(net + first, n - first));
        n_negative += sr[p] < 0.0;
        whole &= !isnan(sr[p]);
    }
    v->paths_negative = v->worst_path = v->median_path = NAN;
    if (whole) {
        qsort(sr, o->n_paths, sizeof *sr, by_value);
        v->paths_negative = (double)n_negative / (double)o->n_paths;
        v->worst_path = sr[0];
        v->median_path = sr[(o->n_paths - 1) / 2];
    }
    qlab_free(sr);
}

/* ---- bootstrap ------------------------------------------------------------------------------- */

static qlab_b_interval interval_of(double *draws, size_t n)
{
    const double low = qlab_quantile(draws, n, 0.05), middle = qlab_quantile(draws, n, 0.5);

    return (qlab_b_interval){low, middle, qlab_quantile(draws, n, 0.95)};
}

static double block_of(qlab_f64v x)
{
    const double block = qlab_block_length_of(x).stationary;

    return block > 1.0 ? block : 1.0;
}

static void draw_drawdowns(qlab_f64v x, double block, uint64_t seed, uint64_t unit, size_t n,
                           double *out)
{
    uint32_t *index = qlab_alloc(x.n + 1, sizeof *index);
    double *drawn = qlab_alloc(x.n + 1, sizeof *drawn);

    for (size_t r = 0; r < n; r++) {
        qlab_bootstrap_indices(x.n, block, seed, unit, r, index, x.n);
        for (size_t i = 0; i < x.n; i++)
            drawn[i] = x.at[index[i]];
        out[r] = qlab_book_drawdown(drawn, x.n, NULL);
    }
    qlab_free(index);
    qlab_free(drawn);
}

static void bootstrap(const qlab_stage_b *b, qlab_f64v net, qlab_f64v ic, qlab_b_verdict *v)
{
    const size_t n = (size_t)b->policy.design.replications;
    const uint64_t unit = key_of(v->trial);
    double *draws = qlab_alloc(n, sizeof *draws);
    size_t n_negative = 0, n_known = 0;

    v->block = block_of(net);
    qlab_bootstrap(net, v->block, QLAB_BOOTSTRAP_SHARPE, b->env->seed, unit, 0, n, draws);
    for (size_t r = 0; r < n; r++) {
        n_known += isnan(draws[r]) ? 0 : 1;
        n_negative += draws[r] < 0.0;
        draws[r] = qlab_b_annual(draws[r]);
    }
    v->draws_negative = n_known > 0 ? (double)n_negative / (double)n_known : NAN;
    v->bootstrap_sharpe = interval_of(draws, n);
    draw_drawdowns(net, v->block, b->env->seed, unit, n, draws);
    v->bootstrap_drawdown = interval_of(draws, n);
    v->bootstrap_ic = (qlab_b_interval){NAN, NAN, NAN};
    v->mean_ic = qlab_moments_of(ic).mean;
    v->n_ic = qlab_moments_of(ic).n;
    if (v->n_ic >= 2) {
        qlab_bootstrap(ic, block_of(ic), QLAB_BOOTSTRAP_MEAN, b->env->seed, unit, 0, n, draws);
        v->bootstrap_ic = interval_of(draws, n);
    }
    qlab_free(draws);
}

/* ---- stresses -------------------------------------------------------------------------------- */

/* Costs do not change what is held: net of scaled costs follows from the base book. */
static double costs_times(qlab_f64v gross, qlab_f64v net, double scale, double *x)
{
    for (size_t i = 0; i < net.n; i++)
        x[i] = gross.at[i] - scale * (gross.at[i] - net.at[i]);
    return qlab_b_sharpe(x, net.n);
}

/* The sample with its five worst windows happening once more. */
static double windows_again(qlab_f64v net, const qlab_b_verdict *v, double *x)
{
    size_t n = net.n;

    memcpy(x, net.at, net.n * sizeof *x);
    for (size_t k = 0; k < v->n_windows; k++)
        for (size_t i = 0; i < QLAB_STRESS_WINDOW_SESSIONS; i++)
            x[n++] = net.at[v->window[k].first + i];
    return qlab_b_sharpe(x, n);
}

/* Those that need no other book than the base one. */
static void stress_returns(const qlab_stage_b *b, const qlab_outcome *o, qlab_f64v net,
                           qlab_b_verdict *v)
{
    const qlab_f64v gross = {
        qlab_outcome_path(o, b->feed.n_sessions, o->representative, QLAB_DAILY_GROSS) +
            b->book.delay,
        net.n};
    double *x = qlab_alloc(net.n + (size_t)QLAB_STRESS_WINDOWS * QLAB_STRESS_WINDOW_SESSIONS + 1,
                           sizeof *x);

    v->n_windows = qlab_stress_worst_windows(net.at, net.n, v->window);
    v->stress[QLAB_B_STRESS_COSTS_2] = qlab_b_annual(costs_times(gross, net, 2.0, x));
    v->stress[QLAB_B_STRESS_COSTS_3] = qlab_b_annual(costs_times(gross, net, 3.0, x));
    v->stress[QLAB_B_STRESS_WORST_WINDOWS] =
        v->n_windows == QLAB_STRESS_WINDOWS ? qlab_b_annual(windows_again(net, v, x)) : NAN;
    qlab_free(x);
}

static void stress_books(const qlab_stage_b *b, const qlab_outcome *o, qlab_b_verdict *v)
{
    static const qlab_b_stress reruns[QLAB_RERUN_COUNT] = {
        [QLAB_RERUN_ADV_HALF] = QLAB_B_STRESS_ADV_HALF,
        [QLAB_RERUN_ONE_LATER] = QLAB_B_STRESS_ONE_LATER,
        [QLAB_RERUN_GONE] = QLAB_B_STRESS_GONE,
        [QLAB_RERUN_DELISTING] = QLAB_B_STRESS_DELISTING};
    const size_t first = b->book.delay, n = b->feed.n_sessions;

    /* More volatility makes a loss no better. */
    v->stress[QLAB_B_STRESS_CORRELATION] =
        qlab_b_annual(isnan(o->correlation.ratio) ? NAN
                      : v->sharpe.sr > 0.0        ? v->sharpe.sr / o->correlation.ratio
                                                  : v->sharpe.sr);
    for (int r = 0; r < QLAB_RERUN_COUNT; r++) {
        const size_t from = r == QLAB_RERUN_ONE_LATER ? first + 1 : first;
        v->stress[reruns[r]] =
            qlab_b_annual(qlab_b_sharpe(o->rerun + (size_t)r * n + from, n - from));
    }
}

/* ---- where it was earned --------------------------------------------------------------------- */

static qlab_b_bucket *bucket_named(qlab_b_verdict *v, const char *name)
{
    for (size_t k = 0; k < v->n_buckets; k++)
        if (strcmp(v->bucket[k].name, name) == 0)
            return &v->bucket[k];
    assert(v->n_buckets < QLAB_B_MOST_BUCKETS);
    qlab_b_bucket *new = &v->bucket[v->n_buckets++];
    (void)snprintf(new->name, sizeof new->name, "%s", name);
    return new;
}

/* The bucket of session s, by what was known at s - 1. */
static void name_bucket(const qlab_stage_b *b, size_t s, bool by_year, char name[24])
{
    if (by_year) {
        (void)snprintf(name, 24, "%d", qlab_date_year(b->feed.session[s]));
        return;
    }
    const double vol = b->market_vol[s - 1];
    (void)snprintf(name, 24, "%s",
                   isnan(vol)                   ? "market_vol_unknown"
                   : vol <= b->market_vol_split ? "market_vol_low"
                                                : "market_vol_high");
}

static void attribute(const qlab_stage_b *b, qlab_f64v net, bool by_year, qlab_b_verdict *v)
{
    const size_t first = b->book.delay, before = v->n_buckets;
    char name[24];
    double *x = qlab_alloc(net.n + 1, sizeof *x);

    for (size_t i = 0; i < net.n; i++) {
        name_bucket(b, first + i, by_year, name);
        bucket_named(v, name)->n++;
    }
    for (size_t k = before; k < v->n_buckets; k++) {
        size_t n = 0;
        for (size_t i = 0; i < net.n; i++) {
            name_bucket(b, first + i, by_year, name);
            if (strcmp(name, v->bucket[k].name) == 0)
                x[n++] = net.at[i];
        }
        v->bucket[k].mean_net_annual = qlab_moments_of((qlab_f64v){x, n}).mean * SESSIONS_A_YEAR;
        v->bucket[k].sharpe_annual = qlab_b_annual(qlab_b_sharpe(x, n));
    }
    qlab_free(x);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static double worse_trl(const qlab_sharpe *s, double confidence)
{
    const qlab_sharpe x = qlab_b_clipped(s);
    const double old = qlab_min_trl(&x, 0.0, confidence, QLAB_PSR_2012);
    const double new = qlab_min_trl(&x, 0.0, confidence, QLAB_PSR_2025);

    return isnan(old) || isnan(new) ? NAN : old > new ? old : new;
}

static qlab_book_series series_of(const qlab_stage_b *b, const qlab_outcome *o)
{
    const size_t n = b->feed.n_sessions;
    double *const at = o->path + o->representative * QLAB_DAILY_COUNT * n;

    return (qlab_book_series){.n = n,
                              .first = b->book.delay,
                              .gross = at + QLAB_DAILY_GROSS * n,
                              .net = at + QLAB_DAILY_NET * n,
                              .universe = at + QLAB_DAILY_UNIVERSE * n,
                              .spread = at + QLAB_DAILY_SPREAD * n,
                              .fee = at + QLAB_DAILY_FEE * n,
                              .impact = at + QLAB_DAILY_IMPACT * n,
                              .borrow = at + QLAB_DAILY_BORROW * n,
                              .turnover = at + QLAB_DAILY_TURNOVER * n,
                              .dropped = at + QLAB_DAILY_DROPPED * n,
                              .longs = at + QLAB_DAILY_LONGS * n,
                              .shorts = at + QLAB_DAILY_SHORTS * n,
                              .gone = at + QLAB_DAILY_GONE * n};
}

void qlab_b_book_figures(const qlab_stage_b *b, const qlab_outcome *o, qlab_b_verdict *v)
{
    const size_t n = b->feed.n_sessions, first = b->book.delay;
    const qlab_f64v net = {qlab_outcome_path(o, n, o->representative, QLAB_DAILY_NET) + first,
                           n - first};
    const qlab_book_series series = series_of(b, o);

    v->n = net.n;
    v->sharpe = qlab_sharpe_of(net);
    v->book = qlab_book_summary_of(&series, series.first, series.n);
    const qlab_sharpe clipped = qlab_b_clipped(&v->sharpe);
    v->psr_2012 = qlab_psr(&clipped, 0.0, QLAB_PSR_2012);
    v->psr_2025 = qlab_psr(&clipped, 0.0, QLAB_PSR_2025);
    v->psr = qlab_psr_gate(&v->sharpe, 0.0);
    v->min_trl = worse_trl(&v->sharpe, b->policy.gates.min_trl_confidence);
    combinations(b, o, v);
    stress_returns(b, o, net, v);
}

void qlab_b_figures(const qlab_stage_b *b, size_t candidate, qlab_f64v ic, qlab_b_verdict *v)
{
    const qlab_outcome *o = &b->outcomes[candidate];
    const qlab_f64v net = qlab_b_net(b, candidate);

    v->first = b->feed.session[b->book.delay];
    v->last = b->feed.session[b->feed.n_sessions - 1];
    qlab_b_book_figures(b, o, v);
    v->coverage = o->n_universe > 0 ? (double)o->n_scored / (double)o->n_universe : NAN;
    paths(b, o, v);
    bootstrap(b, net, ic, v);
    stress_books(b, o, v);
    attribute(b, net, true, v);
    attribute(b, net, false, v);
}
