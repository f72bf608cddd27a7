#include "truth/series.h"

#include "base/alloc.h"
#include "base/date.h"
#include "num/math.h"
#include "num/recur.h"
#include "truth/session.h"
#include <assert.h>
#include <math.h>
#include <string.h>

enum { LIFE_GAP_SESSIONS = 252 };

void qlab_series_free(qlab_series *s)
{
    void *owned[] = {s->date,  s->open,   s->high,    s->low,       s->close,     s->volume,
                     s->split, s->signal, s->acct,    s->life_no,   s->bars_seen, s->flags,
                     s->row,   s->logret, s->scratch, s->session_ix};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        qlab_free(owned[i]);
    *s = (qlab_series){0};
}

void qlab_series_found_free(qlab_series_found *f)
{
    qlab_free(f->lives);
    qlab_free(f->steps);
    qlab_free(f->years);
    *f = (qlab_series_found){0};
}

static void *regrow(void *p, size_t cap, size_t size)
{
    qlab_free(p); /* the content is never carried over */
    return qlab_alloc(cap, size);
}

static void reserve(qlab_series *s, size_t n)
{
    if (n <= s->cap)
        return;
    size_t cap = s->cap * 2 > n ? s->cap * 2 : n;
    s->date = regrow(s->date, cap, sizeof *s->date);
    s->life_no = regrow(s->life_no, cap, sizeof *s->life_no);
    s->bars_seen = regrow(s->bars_seen, cap, sizeof *s->bars_seen);
    s->flags = regrow(s->flags, cap, sizeof *s->flags);
    s->row = regrow(s->row, cap, sizeof *s->row);
    s->session_ix = regrow(s->session_ix, cap, sizeof *s->session_ix);
    double **columns[] = {&s->open,  &s->high,   &s->low,  &s->close,  &s->volume,
                          &s->split, &s->signal, &s->acct, &s->logret, &s->scratch};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        *columns[i] = regrow(*columns[i], cap, sizeof(double));
    s->cap = cap;
}

/* Copies the bars that are not void, from date `from` on. */
static void take_valid(const qlab_bars *b, size_t asset, const qlab_series_truth *t, int32_t from,
                       qlab_series *s)
{
    assert(asset < b->n_assets);
    size_t first = b->first[asset], last = b->first[asset + 1], at = 0;
    s->asset_ix = b->asset_ix[asset];
    s->n = s->n_void_close = s->n_void_phantom = s->year_first = s->year_last = 0;
    reserve(s, last - first);
    for (size_t i = first; i < last; i++) {
        if (b->date[i] < from)
            continue;
        if (i == first || at == 0)
            at = qlab_session_lower_bound(t->session, t->n_sessions, b->date[i]);
        while (at < t->n_sessions && t->session[at] < b->date[i])
            at++;
        if (at == t->n_sessions || t->session[at] != b->date[i]) {
            s->n_void_phantom++;
            continue;
        }
        if (!(b->close[i] > 0.0)) {
            s->n_void_close++;
            continue;
        }
        size_t j = s->n++;
        s->date[j] = b->date[i];
        s->open[j] = b->open[i];
        s->high[j] = b->high[i];
        s->low[j] = b->low[i];
        s->close[j] = b->close[i];
        s->volume[j] = b->volume[i];
        s->row[j] = (uint32_t)i;
        s->session_ix[j] = (uint32_t)at;
        s->flags[j] = 0;
    }
}

/* ---- lives ----------------------------------------------------------------------------------- */

static void assign_given_lives(const qlab_series_truth *t, qlab_series *s)
{
    size_t life = 0;
    for (size_t i = 0; i < s->n; i++) {
        while (life + 1 < t->n_lives && t->lives[life + 1].first_date <= s->date[i])
            life++;
        s->life_no[i] = t->lives[life].life_no;
    }
}

/* Product of the split ratios with an ex-date in (after, upto]. */
static double splits_between(const qlab_series_truth *t, int32_t after, int32_t upto)
{
    double r = 1.0;
    for (size_t i = 0; i < t->n_actions; i++) {
        const qlab_action *a = &t->actions[i];
        if (a->type == QLAB_ACTION_SPLIT && !a->in_basis && a->ex_date > after &&
            a->ex_date <= upto)
            r *= a->r;
    }
    return r;
}

static void find_lives(const qlab_series_truth *t, qlab_series *s)
{
    uint16_t life = 1;
    for (size_t i = 0; i < s->n; i++) {
        if (i > 0 && s->session_ix[i] - s->session_ix[i - 1] > LIFE_GAP_SESSIONS + 1) {
            /* |log price ratio| > ln 2, asked without a logarithm */
            double now = s->close[i] * splits_between(t, s->date[i - 1], s->date[i]);
            double before = s->close[i - 1];
            if ((now > 2.0 * before || 2.0 * now < before) && life < UINT16_MAX)
                life++;
        }
        s->life_no[i] = life;
    }
}

/* bars_seen from a known count before the first bar of the first life. */
static void count_bars(qlab_series *s, uint32_t n_before)
{
    for (size_t i = 0; i < s->n; i++)
        s->bars_seen[i] = i == 0                               ? n_before + 1
                          : s->life_no[i] != s->life_no[i - 1] ? 1
                                                               : s->bars_seen[i - 1] + 1;
}

/* ---- factors --------------------------------------------------------------------------------- */

/* All actions [from, to) of one ex-date as one step; `close` is that of the bar it acts on. */
static qlab_step make_step(const qlab_action *a, size_t from, size_t to, double close)
{
    qlab_step step = {
        .ex_date = a[from].ex_date, .split_step = 1.0, .signal_step = 1.0, .accounting_step = 1.0};
    double r = 1.0, d = 0.0, c = 1.0;
    for (size_t i = from; i < to; i++) {
        if (a[i].in_basis)
            continue;
        if (a[i].source == QLAB_SOURCE_FEED) {
            if (a[i].type == QLAB_ACTION_SPLIT)
                r *= a[i].r;
            else if (a[i].type == QLAB_ACTION_DIVIDEND_CASH)
                d += a[i].d;
        } else {
            c *= a[i].c;
            if (a[i].type == QLAB_ACTION_SPLIT)
                step.split_step *= a[i].r;
        }
        if (a[i].type == QLAB_ACTION_UNTYPED_FACTOR) {
            step.signal_step *= a[i].c;
            step.untyped = true;
        }
    }
    step.split_step *= r;
    step.signal_step *= step.split_step;
    step.accounting_step = c * (d != 0.0 ? r * (1.0 + d / (r * close)) : r);
    return step;
}

static void found_step(qlab_series_found *f, const qlab_series *s, size_t i, qlab_step step)
{
    step.asset_ix = s->asset_ix;
    step.life_no = s->life_no[i];
    qlab_grow((void **)&f->steps, &f->cap_steps, f->n_steps + 1, sizeof *f->steps);
    f->steps[f->n_steps++] = step;
}

static bool is_no_step(const qlab_step *x)
{
    return x->split_step == 1.0 && x->signal_step == 1.0 && x->accounting_step == 1.0;
}

/* Turns actions into steps; only those that act on a bar after the first of its life. */
static void make_steps(const qlab_series_truth *t, const qlab_series *s, qlab_series_found *f)
{
    size_t a = 0;
    for (size_t i = 0; i < s->n && a < t->n_actions; i++) {
        bool starts = i == 0 || s->life_no[i] != s->life_no[i - 1];
        while (a < t->n_actions && t->actions[a].ex_date <= s->date[i]) {
            size_t end = a + 1;
            while (end < t->n_actions && t->actions[end].ex_date == t->actions[a].ex_date)
                end++;
            if (!starts) {
                qlab_step step = make_step(t->actions, a, end, s->close[i]);
                if (!is_no_step(&step))
                    found_step(f, s, i, step);
            }
            a = end;
        }
    }
}

static void apply_steps(const qlab_step *steps, size_t n_steps, qlab_series *s)
{
    size_t k = 0;
    double split = 1.0, signal = 1.0, acct = 1.0;
    for (size_t i = 0; i < s->n; i++) {
        if (i == 0 || s->life_no[i] != s->life_no[i - 1]) {
            split = signal = acct = 1.0;
            while (k < n_steps && steps[k].life_no < s->life_no[i])
                k++;
        }
        for (; k < n_steps && steps[k].life_no == s->life_no[i] && steps[k].ex_date <= s->date[i];
             k++) {
            split *= steps[k].split_step;
            signal *= steps[k].signal_step;
            acct *= steps[k].accounting_step;
            if (steps[k].untyped)
                s->flags[i] |= QLAB_FLAG_UNTYPED_FACTOR;
        }
        s->split[i] = split;
        s->signal[i] = signal;
        s->acct[i] = acct;
    }
}

/* ---- flags ----------------------------------------------------------------------------------- */

static uint32_t bar_flags(double open, double high, double low, double close, double volume)
{
    uint32_t flags = 0;
    bool range = high > 0.0 && low > 0.0 && high >= low;
    if (!range || !(open > 0.0))
        flags |= QLAB_FLAG_OHLC_INCONSISTENT;
    if (range && ((open > 0.0 && (open < low || open > high)) || close < low || close > high))
        flags |= QLAB_FLAG_OUTSIDE_RANGE;
    if (isnan(volume))
        flags |= QLAB_FLAG_MISSING_VOLUME;
    else if (volume == 0.0)
        flags |= QLAB_FLAG_ZERO_VOLUME;
    return flags;
}

static void mark_content(const qlab_series_truth *t, qlab_series *s)
{
    uint32_t run = 0;
    for (size_t i = 0; i < s->n; i++) {
        bool starts = i == 0 || s->life_no[i] != s->life_no[i - 1];
        uint32_t flags = bar_flags(s->open[i], s->high[i], s->low[i], s->close[i], s->volume[i]);
        bool traded = s->volume[i] > QLAB_QUALITY_STALE_VOLUME;
        if (traded)
            run = 0;
        else
            run = !starts && run > 0 && s->close[i] == s->close[i - 1] ? run + 1 : 1;
        if (run >= QLAB_QUALITY_STALE_BARS)
            flags |= QLAB_FLAG_STALE_RUN;
        if (!starts && s->session_ix[i] - s->session_ix[i - 1] > 1)
            flags |= QLAB_FLAG_GAP_BEFORE;
        if (starts && s->bars_seen[i] == 1 && s->life_no[i] > 1)
            flags |= QLAB_FLAG_TICKER_REUSED;
        if (t->delist_date != QLAB_DATE_NONE && s->date[i] > t->delist_date)
            flags |= QLAB_FLAG_BARS_AFTER_DELIST;
        s->flags[i] |= flags;
        double log_now = qlab_num_log(s->close[i] * s->split[i]);
        s->scratch[i] = log_now;
        s->logret[i] = starts ? NAN : log_now - s->scratch[i - 1];
    }
}

/* JUMP of bars [from, to), one calendar year of one life whose recursion starts at `start`. */
static void mark_jumps(qlab_series *s, size_t start, size_t from, size_t to)
{
    if (to - start <= QLAB_QUALITY_EWMA_SPAN)
        return;
    double kept = s->logret[start];
    s->logret[start] = NAN; /* a window cannot know the bar before it */
    qlab_f64v in = {s->logret + start, to - start};
    qlab_recur_ewma_vol(in, QLAB_QUALITY_EWMA_SPAN, (qlab_f64w){s->scratch + start, to - start});
    s->logret[start] = kept;
    for (size_t i = from > start ? from : start + 1; i < to; i++) {
        double limit = QLAB_QUALITY_JUMP_SIGMAS * s->scratch[i - 1];
        if (!(fabs(s->logret[i]) > limit)) /* also while the volatility is unknown */
            continue;
        double now = s->close[i] * s->acct[i], before = s->close[i - 1] * s->acct[i - 1];
        if (fabs(qlab_num_log(now) - qlab_num_log(before)) > limit)
            s->flags[i] |= QLAB_FLAG_JUMP;
    }
}

/* End of the stretch of bars from i on with the same life and calendar year. */
static size_t year_end(const qlab_series *s, size_t i)
{
    int32_t next = qlab_date_make(qlab_date_year(s->date[i]) + 1, 1, 1);
    size_t j = i;
    while (j < s->n && s->date[j] < next && s->life_no[j] == s->life_no[i])
        j++;
    return j;
}

static uint8_t ago(size_t i, size_t last_plus_one)
{
    if (last_plus_one == 0 || i - (last_plus_one - 1) > UINT8_MAX)
        return UINT8_MAX;
    return (uint8_t)(i - (last_plus_one - 1));
}

static void found_life(qlab_series_found *f, const qlab_series *s, size_t from, size_t to)
{
    qlab_grow((void **)&f->lives, &f->cap_lives, f->n_lives + 1, sizeof *f->lives);
    f->lives[f->n_lives++] = (qlab_life){.asset_ix = s->asset_ix,
                                         .life_no = s->life_no[from],
                                         .first_date = s->date[from],
                                         .last_date = s->date[to - 1],
                                         .n_bars = (uint32_t)(to - from)};
}

/* One life [from, to): flags that look back, and its asset_years. */
static void finish_life(qlab_series *s, size_t from, size_t to, qlab_series_found *f)
{
    size_t last_ohlc = 0, last_jump = 0, last_stale = 0; /* index + 1; 0 = never */
    uint32_t run = 0;
    for (size_t i = from; i < to;) {
        size_t end = year_end(s, i);
        size_t lead = i - from > QLAB_QUALITY_WARMUP_BARS ? i - QLAB_QUALITY_WARMUP_BARS : from;
        mark_jumps(s, lead, i, end);
        qlab_asset_year y = {.asset_ix = s->asset_ix,
                             .life_no = s->life_no[i],
                             .year = qlab_date_year(s->date[i]),
                             .first_date = s->date[i],
                             .lead_date = s->date[lead],
                             .n_valid_before = (uint32_t)(i - from),
                             .n_valid = (uint32_t)(end - i),
                             .ago_ohlc = ago(i, last_ohlc),
                             .ago_jump = ago(i, last_jump),
                             .ago_stale = ago(i, last_stale),
                             .stale_run = (uint8_t)(run > UINT8_MAX ? UINT8_MAX : run)};
        qlab_grow((void **)&f->years, &f->cap_years, f->n_years + 1, sizeof *f->years);
        f->years[f->n_years++] = y;
        for (; i < end; i++) {
            last_ohlc = s->flags[i] & QLAB_FLAG_OHLC_INCONSISTENT ? i + 1 : last_ohlc;
            last_jump = s->flags[i] & QLAB_FLAG_JUMP ? i + 1 : last_jump;
            last_stale = s->flags[i] & QLAB_FLAG_STALE_RUN ? i + 1 : last_stale;
            bool quiet = !(s->volume[i] > QLAB_QUALITY_STALE_VOLUME);
            bool same = i > from && run > 0 && s->close[i] == s->close[i - 1];
            run = !quiet ? 0 : same ? run + 1 : 1;
        }
    }
    found_life(f, s, from, to);
}

/* ---- the two modes --------------------------------------------------------------------------- */

void qlab_series_discover(const qlab_bars *bars, size_t asset, const qlab_series_truth *truth,
                          qlab_series *out, qlab_series_found *found)
{
    qlab_series_found own = {0};
    qlab_series_found *f = found != NULL ? found : &own;
    take_valid(bars, asset, truth, INT32_MIN, out);
    if (truth->n_lives > 0)
        assign_given_lives(truth, out);
    else
        find_lives(truth, out);
    count_bars(out, 0);
    size_t first_step = f->n_steps;
    make_steps(truth, out, f);
    apply_steps(f->steps ? f->steps + first_step : NULL, f->n_steps - first_step, out);
    mark_content(truth, out);
    for (size_t i = 0, end; i < out->n; i = end) {
        for (end = i + 1; end < out->n && out->life_no[end] == out->life_no[i]; end++) {
        }
        finish_life(out, i, end, f);
    }
    out->year_last = out->n;
    if (found == NULL)
        qlab_series_found_free(&own);
}

void qlab_series_window(const qlab_bars *bars, size_t asset, const qlab_series_truth *truth,
                        const qlab_asset_year *years, size_t n_years, int32_t year,
                        qlab_series *out)
{
    size_t y = 0;
    while (y < n_years && years[y].year != year)
        y++;
    if (y == n_years) {
        take_valid(bars, asset, truth, INT32_MAX, out);
        return;
    }
    take_valid(bars, asset, truth, years[y].lead_date, out);
    assert(truth->n_lives > 0 && out->n > 0);
    assign_given_lives(truth, out);
    int32_t begin = qlab_date_make(year, 1, 1), end = qlab_date_make(year + 1, 1, 1);
    size_t first = 0;
    while (first < out->n && out->date[first] < begin)
        first++;
    assert(first < out->n && out->date[first] == years[y].first_date);
    /* Lead-in bars belong to the first life of the year, all of them. */
    count_bars(out, years[y].n_valid_before - (uint32_t)first);
    apply_steps(truth->steps, truth->n_steps, out);
    mark_content(truth, out);
    size_t i = first;
    while (i < out->n && out->date[i] < end) {
        size_t to = year_end(out, i);
        mark_jumps(out, i == first ? 0 : i, i, to);
        i = to;
    }
    out->year_first = first;
    out->year_last = i;
}
