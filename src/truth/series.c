#include "truth/series.h"

#include "base/alloc.h"
#include "base/date.h"
#include "num/math.h"
#include "num/recur.h"
#include "truth/session.h"
#include "truth/settle.h"
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

/* The gap rule over the first n rows. */
static void find_lives(const qlab_series_truth *t, uint16_t life, size_t n, qlab_series *s)
{
    for (size_t i = 0; i < n; i++) {
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

/* Given lives numbered from 1 are all there is.  Numbered from 2 (map files) they say nothing of
 * bars before the first: those follow the gap rule, and the given ones are numbered after them. */
static void assign_lives(const qlab_series_truth *t, const qlab_series_carry *carry, qlab_series *s)
{
    if (t->n_lives > 0 && t->lives[0].life_no == 1) {
        assign_given_lives(t, s);
        return;
    }
    size_t n_before = 0, k = 0;
    while (n_before < s->n && (t->n_lives == 0 || s->date[n_before] < t->lives[0].first_date))
        n_before++;
    find_lives(t, carry != NULL ? carry->life_no : 1, n_before, s);
    uint16_t shift = n_before > 0 ? s->life_no[n_before - 1] : 0;
    for (size_t i = n_before; i < s->n; i++) {
        while (k + 1 < t->n_lives && t->lives[k + 1].first_date <= s->date[i])
            k++;
        if (i == 0 && carry != NULL) /* the carried bar is in a given life already */
            shift = (uint16_t)(carry->life_no - k - 1);
        s->life_no[i] = (uint16_t)(shift + k + 1);
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

/* ---- factors -------------------------------------------------------------------------------- */

static void apply_steps(const qlab_step *steps, size_t n_steps, const qlab_series_carry *carry,
                        qlab_series *s)
{
    size_t k = 0;
    double split = 1.0, signal = 1.0, acct = 1.0;
    for (size_t i = 0; i < s->n; i++) {
        if (i == 0 || s->life_no[i] != s->life_no[i - 1]) {
            split = signal = acct = 1.0;
            while (k < n_steps && steps[k].life_no < s->life_no[i])
                k++;
        }
        if (i == 0 && carry != NULL) {
            split = carry->split;
            signal = carry->signal;
            acct = carry->acct;
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

/* Stale run after row i, given the one before it. */
static uint32_t run_after(const qlab_series *s, size_t i, bool starts, uint32_t run)
{
    if (s->volume[i] > QLAB_QUALITY_STALE_VOLUME)
        return 0;
    return !starts && run > 0 && s->close[i] == s->close[i - 1] ? run + 1 : 1;
}

/* The date after which bars of the life that began on `first` are later than its delisting. */
static int32_t delisted_on(const qlab_series_truth *t, int32_t first)
{
    const qlab_delisting *d = qlab_settle_end_of_life(t->delistings, t->n_delistings, first);
    return d != NULL ? d->delist_date : INT32_MAX;
}

/* First bar of the life of bar i, the first that is here: a window begins inside a life. */
static int32_t life_begin(const qlab_series_truth *t, const qlab_series *s, size_t i)
{
    int32_t first = s->date[i];
    for (size_t k = 0; s->bars_seen[i] > 1 && k < t->n_lives; k++)
        if (t->lives[k].life_no == s->life_no[i] && t->lives[k].first_date < first)
            first = t->lives[k].first_date;
    return first;
}

static void mark_content(const qlab_series_truth *t, const qlab_series_carry *carry, qlab_series *s)
{
    uint32_t run = 0;
    int32_t delisted = INT32_MAX;
    size_t i = 0;
    if (carry != NULL) {
        run = carry->stale_run;
        delisted = delisted_on(t, carry->life_first_date);
        s->scratch[0] = qlab_num_log(s->close[0] * s->split[0]);
        s->logret[0] = NAN;
        i = 1;
    }
    for (; i < s->n; i++) {
        bool starts = i == 0 || s->life_no[i] != s->life_no[i - 1];
        uint32_t flags = bar_flags(s->open[i], s->high[i], s->low[i], s->close[i], s->volume[i]);
        run = run_after(s, i, starts, run);
        if (run >= QLAB_QUALITY_STALE_BARS)
            flags |= QLAB_FLAG_STALE_RUN;
        if (!starts && s->session_ix[i] - s->session_ix[i - 1] > 1)
            flags |= QLAB_FLAG_GAP_BEFORE;
        if (starts && s->bars_seen[i] == 1 && s->life_no[i] > 1)
            flags |= QLAB_FLAG_TICKER_REUSED;
        if (starts)
            delisted = delisted_on(t, life_begin(t, s, i));
        if (s->date[i] > delisted)
            flags |= QLAB_FLAG_BARS_AFTER_DELIST;
        s->flags[i] |= flags;
        double log_now = qlab_num_log(s->close[i] * s->split[i]);
        s->scratch[i] = log_now;
        s->logret[i] = starts ? NAN : log_now - s->scratch[i - 1];
    }
}

/* JUMP of bars [from, to), the volatility of the bar before each in scratch. */
static void judge_jumps(qlab_series *s, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        double limit = QLAB_QUALITY_JUMP_SIGMAS * s->scratch[i - 1];
        if (!(fabs(s->logret[i]) > limit)) /* also while the volatility is unknown */
            continue;
        double now = s->close[i] * s->acct[i], before = s->close[i - 1] * s->acct[i - 1];
        if (fabs(qlab_num_log(now) - qlab_num_log(before)) > limit)
            s->flags[i] |= QLAB_FLAG_JUMP;
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
    judge_jumps(s, from > start ? from : start + 1, to);
}

/* JUMP of bars [1, to), the recursion going on after the carried bar 0. */
static void mark_jumps_on(qlab_series *s, const qlab_series_carry *carry, size_t to)
{
    qlab_recur_state vol = carry->vol;
    s->scratch[0] = vol.seen == QLAB_QUALITY_EWMA_SPAN ? sqrt(vol.y) : (double)NAN;
    qlab_recur_ewma_vol_on(&vol, (qlab_f64v){s->logret + 1, to - 1}, QLAB_QUALITY_EWMA_SPAN,
                           (qlab_f64w){s->scratch + 1, to - 1});
    judge_jumps(s, 1, to);
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

/* Rows of the last bar with a flag; a carried one may lie before row 0. */
#define NEVER INT64_MIN

static uint8_t ago(size_t i, int64_t last)
{
    return last == NEVER || (int64_t)i - last > UINT8_MAX ? UINT8_MAX
                                                          : (uint8_t)((int64_t)i - last);
}

static int64_t row_since(uint32_t since)
{
    return since == 0 ? NEVER : 1 - (int64_t)since;
}

static void found_life(qlab_series_found *f, const qlab_series *s, int32_t first_date, size_t last)
{
    qlab_grow((void **)&f->lives, &f->cap_lives, f->n_lives + 1, sizeof *f->lives);
    f->lives[f->n_lives++] = (qlab_life){.asset_ix = s->asset_ix,
                                         .life_no = s->life_no[last],
                                         .first_date = first_date,
                                         .last_date = s->date[last],
                                         .n_bars = s->bars_seen[last]};
}

/* One life [from, to): flags that look back, and its asset_years.  carry: row `from` is carried. */
static void finish_life(qlab_series *s, size_t from, size_t to, const qlab_series_carry *carry,
                        qlab_series_found *f)
{
    int64_t last_ohlc = NEVER, last_jump = NEVER, last_stale = NEVER;
    uint32_t run = 0;
    size_t i = from;
    if (carry != NULL) {
        last_ohlc = row_since(carry->since_ohlc);
        last_jump = row_since(carry->since_jump);
        last_stale = row_since(carry->since_stale);
        run = carry->stale_run;
        i++;
    }
    while (i < to) {
        size_t end = year_end(s, i);
        size_t lead = i - from > QLAB_QUALITY_WARMUP_BARS ? i - QLAB_QUALITY_WARMUP_BARS : from;
        bool goes_on = carry != NULL && i == from + 1;
        assert(carry == NULL || goes_on);
        if (goes_on)
            mark_jumps_on(s, carry, end);
        else
            mark_jumps(s, lead, i, end);
        qlab_asset_year y = {.asset_ix = s->asset_ix,
                             .life_no = s->life_no[i],
                             .year = qlab_date_year(s->date[i]),
                             .first_date = s->date[i],
                             .lead_date = goes_on ? carry->lead_date : s->date[lead],
                             .n_valid_before = s->bars_seen[i] - 1,
                             .n_valid = (uint32_t)(end - i),
                             .ago_ohlc = ago(i, last_ohlc),
                             .ago_jump = ago(i, last_jump),
                             .ago_stale = ago(i, last_stale),
                             .stale_run = (uint8_t)(run > UINT8_MAX ? UINT8_MAX : run)};
        qlab_grow((void **)&f->years, &f->cap_years, f->n_years + 1, sizeof *f->years);
        f->years[f->n_years++] = y;
        for (; i < end; i++) {
            last_ohlc = s->flags[i] & QLAB_FLAG_OHLC_INCONSISTENT ? (int64_t)i : last_ohlc;
            last_jump = s->flags[i] & QLAB_FLAG_JUMP ? (int64_t)i : last_jump;
            last_stale = s->flags[i] & QLAB_FLAG_STALE_RUN ? (int64_t)i : last_stale;
            run = run_after(s, i, i == from, run);
        }
    }
    found_life(f, s, carry != NULL ? carry->life_first_date : s->date[from], to - 1);
}

/* ---- discover and window --------------------------------------------------------------------- */

void qlab_series_discover(const qlab_bars *bars, size_t asset, const qlab_series_truth *truth,
                          qlab_series *out, qlab_series_found *found)
{
    qlab_series_found own = {0};
    qlab_series_found *f = found != NULL ? found : &own;
    take_valid(bars, asset, truth, INT32_MIN, out);
    assign_lives(truth, NULL, out);
    count_bars(out, 0);
    size_t first_step = f->n_steps;
    qlab_steps_make(truth->actions, truth->n_actions, out->asset_ix, out->date, out->close,
                    out->life_no, out->n, &f->steps, &f->n_steps, &f->cap_steps);
    apply_steps(f->steps ? f->steps + first_step : NULL, f->n_steps - first_step, NULL, out);
    mark_content(truth, NULL, out);
    for (size_t i = 0, end; i < out->n; i = end) {
        for (end = i + 1; end < out->n && out->life_no[end] == out->life_no[i]; end++) {
        }
        finish_life(out, i, end, NULL, f);
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
    apply_steps(truth->steps, truth->n_steps, NULL, out);
    mark_content(truth, NULL, out);
    size_t i = first;
    while (i < out->n && out->date[i] < end) {
        size_t to = year_end(out, i);
        mark_jumps(out, i == first ? 0 : i, i, to);
        i = to;
    }
    out->year_first = first;
    out->year_last = i;
}

/* ---- going on from a border -------------------------------------------------------------------
 */

static uint32_t rows_since(const uint32_t *flags, uint32_t bit, size_t from, size_t cut)
{
    for (size_t i = cut; i > from; i--)
        if (flags[i - 1] & bit)
            return (uint32_t)(cut - i + 1);
    return 0;
}

void qlab_series_carry_at(const qlab_series *s, size_t cut, qlab_series_carry *out)
{
    assert(cut >= 1 && cut <= s->n);
    const size_t last = cut - 1;
    size_t from = last;
    while (from > 0 && s->life_no[from - 1] == s->life_no[last])
        from--;
    const size_t lead =
        cut - from > QLAB_QUALITY_WARMUP_BARS ? cut - QLAB_QUALITY_WARMUP_BARS : from;
    memset(out, 0, sizeof *out); /* padding too: it is stored as it lies */
    out->date = s->date[last];
    out->life_first_date = s->date[from];
    out->lead_date = s->date[lead];
    out->session_ix = s->session_ix[last];
    out->bars_seen = s->bars_seen[last];
    out->life_no = s->life_no[last];
    out->open = s->open[last];
    out->high = s->high[last];
    out->low = s->low[last];
    out->close = s->close[last];
    out->volume = s->volume[last];
    out->split = s->split[last];
    out->signal = s->signal[last];
    out->acct = s->acct[last];
    out->since_ohlc = rows_since(s->flags, QLAB_FLAG_OHLC_INCONSISTENT, from, cut);
    out->since_jump = rows_since(s->flags, QLAB_FLAG_JUMP, from, cut);
    out->since_stale = rows_since(s->flags, QLAB_FLAG_STALE_RUN, from, cut);
    for (size_t i = cut; i > from && out->since_no_volume == 0; i--)
        if (isnan(s->volume[i - 1]))
            out->since_no_volume = (uint32_t)(cut - i + 1);
    for (size_t i = from; i < cut; i++)
        out->stale_run = run_after(s, i, i == from, out->stale_run);
    /* The recursion starts at the lead, whose own return a window cannot know. */
    for (size_t i = lead + 1; i < cut; i++) {
        double sink;
        qlab_recur_ewma_vol_on(&out->vol, (qlab_f64v){s->logret + i, 1}, QLAB_QUALITY_EWMA_SPAN,
                               (qlab_f64w){&sink, 1});
    }
}

/* Puts the carried bar before the others. */
static void put_carried(const qlab_series_carry *c, qlab_series *s)
{
    double *columns[] = {s->open, s->high, s->low, s->close, s->volume};
    const double values[] = {c->open, c->high, c->low, c->close, c->volume};
    for (size_t k = 0; k < sizeof columns / sizeof columns[0]; k++) {
        memmove(columns[k] + 1, columns[k], s->n * sizeof(double));
        columns[k][0] = values[k];
    }
    memmove(s->date + 1, s->date, s->n * sizeof *s->date);
    memmove(s->row + 1, s->row, s->n * sizeof *s->row);
    memmove(s->session_ix + 1, s->session_ix, s->n * sizeof *s->session_ix);
    memmove(s->flags + 1, s->flags, s->n * sizeof *s->flags);
    s->date[0] = c->date;
    s->row[0] = UINT32_MAX;
    s->session_ix[0] = c->session_ix;
    s->flags[0] = 0;
    s->n++;
}

void qlab_series_resume(const qlab_bars *bars, size_t asset, const qlab_series_truth *truth,
                        const qlab_series_carry *carry, qlab_series *out, qlab_series_found *f)
{
    reserve(out, bars->first[asset + 1] - bars->first[asset] + 1);
    take_valid(bars, asset, truth, INT32_MIN, out);
    put_carried(carry, out);
    assign_lives(truth, carry, out);
    count_bars(out, carry->bars_seen - 1);
    size_t first_step = f->n_steps;
    qlab_steps_make(truth->actions, truth->n_actions, out->asset_ix, out->date, out->close,
                    out->life_no, out->n, &f->steps, &f->n_steps, &f->cap_steps);
    apply_steps(f->steps ? f->steps + first_step : NULL, f->n_steps - first_step, carry, out);
    mark_content(truth, carry, out);
    for (size_t i = 0, end; i < out->n; i = end) {
        for (end = i + 1; end < out->n && out->life_no[end] == out->life_no[i]; end++) {
        }
        finish_life(out, i, end, i == 0 ? carry : NULL, f);
    }
    out->year_last = out->n;
}
