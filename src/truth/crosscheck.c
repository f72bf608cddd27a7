#include "truth/crosscheck.h"

#include "base/alloc.h"
#include "base/date.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { SAME_EVENT_DAYS = 5 };

const char *qlab_cross_name(uint8_t outcome)
{
    static const char *const names[QLAB_CROSS_OUTCOMES] = {
        "MATCHED", "EX_DATE_DIFFERS", "DISAGREES", "ONLY_FEED", "ONLY_DERIVED"};
    assert(outcome < QLAB_CROSS_OUTCOMES);
    return names[outcome];
}

const char *qlab_cross_why_name(uint8_t why)
{
    static const char *const names[QLAB_CROSS_WHYS] = {"", "NO_BAR", "NO_ADJUSTED_CLOSE",
                                                       "BELOW_ROUNDING", "NOT_IN_ADJUSTED_CLOSE"};
    assert(why < QLAB_CROSS_WHYS);
    return names[why];
}

/* One ex-date: the feed's rows [feed, feed_end), the derived ones [derived, derived_end). */
typedef struct day {
    int32_t date;
    size_t feed, feed_end, derived, derived_end;
    bool done;
} day;

static bool closes_around(void *ctx, uint32_t asset_ix, int32_t ex_date, double *before, double *at)
{
    const qlab_vintage *v = ctx;
    (void)asset_ix;
    *before = *at = NAN;
    size_t i = 0;
    for (; i < v->n && v->date[i] < ex_date; i++)
        if (v->close[i] > 0.0)
            *before = v->close[i];
    for (; i < v->n && isnan(*at); i++)
        if (v->close[i] > 0.0)
            *at = v->close[i];
    return !isnan(*before) && !isnan(*at);
}

static bool has_feed(const day *d)
{
    return d->feed_end > d->feed;
}

static bool has_derived(const day *d)
{
    return d->derived_end > d->derived;
}

/* Days of the rows; of a day with a feed and a factor feed only the feed counts. */
static size_t split_days(const qlab_action *rows, size_t n, day *days)
{
    size_t n_days = 0;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && rows[end].ex_date == rows[i].ex_date;)
            end++;
        size_t first_derived = i, feed_end = i;
        while (first_derived < end && rows[first_derived].source != QLAB_SOURCE_DERIVED)
            first_derived++;
        while (feed_end < first_derived && rows[feed_end].source == rows[i].source)
            feed_end++;
        days[n_days++] = (day){rows[i].ex_date, i, feed_end, first_derived, end, false};
    }
    return n_days;
}

static uint8_t type_of(const qlab_action *rows, size_t from, size_t to)
{
    uint8_t type = QLAB_ACTION_DIVIDEND_CASH;
    for (size_t i = from; i < to; i++) {
        if (rows[i].type == QLAB_ACTION_SPLIT)
            return QLAB_ACTION_SPLIT;
        if (rows[i].type == QLAB_ACTION_UNTYPED_FACTOR)
            type = QLAB_ACTION_UNTYPED_FACTOR;
    }
    return type;
}

/* Both sides of one event, from the days that have them (either may be NULL). */
static qlab_cross_event sides(const qlab_action *rows, const qlab_vintage *v, const day *feed,
                              const day *derived)
{
    qlab_cross_event e = {.asset_ix = rows[0].asset_ix,
                          .ex_date = feed ? feed->date : QLAB_DATE_NONE,
                          .derived_date = derived ? derived->date : QLAB_DATE_NONE,
                          .fed = NAN,
                          .fed_at_ex = NAN,
                          .derived = NAN,
                          .low = NAN,
                          .high = NAN};
    double c[2];
    if (derived != NULL) {
        e.derived = e.low = e.high = 1.0;
        for (size_t i = derived->derived; i < derived->derived_end; i++) {
            e.derived *= rows[i].c;
            e.low *= rows[i].c_low;
            e.high *= rows[i].c_high;
        }
        e.type = type_of(rows, derived->derived, derived->derived_end);
    }
    if (feed != NULL) {
        e.type = type_of(rows, feed->feed, feed->feed_end);
        if (qlab_actions_implied_factor(rows + feed->feed, feed->feed_end - feed->feed,
                                        closes_around, (void *)(uintptr_t)v, c)) {
            e.fed = c[0];
            e.fed_at_ex = c[1];
        }
    }
    return e;
}

static bool agrees(const qlab_cross_event *e)
{
    return (e->fed >= e->low && e->fed <= e->high) ||
           (e->fed_at_ex >= e->low && e->fed_at_ex <= e->high);
}

static uint8_t why_not_derived(const qlab_cross_event *e, const qlab_vintage *v)
{
    size_t i = 0;
    while (i < v->n && v->date[i] < e->ex_date)
        i++;
    if (i == 0 || i == v->n || v->date[i] != e->ex_date)
        return QLAB_CROSS_NO_BAR;
    qlab_interval in;
    if (v->adjusted_close == NULL || !(v->adjusted_close[i] > 0.0) ||
        !qlab_derive_interval(v, e->ex_date, &in))
        return QLAB_CROSS_NO_ADJUSTED_CLOSE;
    if ((e->fed >= in.low && e->fed <= in.high) ||
        (e->fed_at_ex >= in.low && e->fed_at_ex <= in.high))
        return QLAB_CROSS_BELOW_ROUNDING;
    return QLAB_CROSS_NOT_IN_ADJUSTED;
}

static void put(qlab_cross_event e, uint8_t outcome, qlab_cross_event **out, size_t *n, size_t *cap)
{
    e.outcome = outcome;
    qlab_grow((void **)out, cap, *n + 1, sizeof **out);
    (*out)[(*n)++] = e;
}

/* A day that only a feed has, next to one that only a derivation has. */
static bool pair_up(const qlab_action *rows, const qlab_vintage *v, day *a, day *b,
                    qlab_cross_event *e)
{
    if (a->done || b->done || abs(b->date - a->date) > SAME_EVENT_DAYS ||
        has_feed(a) == has_feed(b) || has_derived(a) == has_derived(b))
        return false;
    *e = has_feed(a) ? sides(rows, v, a, b) : sides(rows, v, b, a);
    return agrees(e);
}

void qlab_crosscheck(const qlab_action *rows, size_t n, const qlab_vintage *v,
                     qlab_cross_event **out, size_t *n_out, size_t *cap_out)
{
    day *days = qlab_alloc(n, sizeof *days);
    size_t n_days = split_days(rows, n, days);
    for (size_t i = 0; i < n_days; i++) {
        day *d = &days[i];
        qlab_cross_event e;
        if (d->done)
            continue;
        if (has_feed(d) && has_derived(d)) {
            e = sides(rows, v, d, d);
            put(e, agrees(&e) ? QLAB_CROSS_MATCHED : QLAB_CROSS_DISAGREES, out, n_out, cap_out);
        } else if (i + 1 < n_days && pair_up(rows, v, d, d + 1, &e)) {
            d[1].done = true;
            put(e, QLAB_CROSS_EX_DATE_DIFFERS, out, n_out, cap_out);
        } else if (has_feed(d)) {
            e = sides(rows, v, d, NULL);
            e.why = why_not_derived(&e, v);
            put(e, QLAB_CROSS_ONLY_FEED, out, n_out, cap_out);
        } else {
            put(sides(rows, v, NULL, d), QLAB_CROSS_ONLY_DERIVED, out, n_out, cap_out);
        }
    }
    qlab_free(days);
}
