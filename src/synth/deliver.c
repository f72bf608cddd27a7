/* One asset as the vendor shows it on a day: its path, changed by its events. */
#include "base/alloc.h"
#include "synth/days.h"
#include "synth/draw.h"

#include <string.h>

typedef struct showing {
    const qlab_synth_schedule *s;
    const qlab_synth_asset *a;
    const qlab_synth_series *path;
    qlab_synth_series *out;
    size_t n_base; /* bars of the path before the event's day: what is chosen, is chosen of these */
} showing;

static size_t below(uint64_t bits, size_t n)
{
    return (size_t)(qlab_synth_u32(bits, 0) * (double)n);
}

/* Index of the first bar of `date` or later. */
static size_t lower_bound(const qlab_synth_series *s, int32_t date)
{
    size_t low = 0, high = s->n_bars;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (s->bars[mid].date < date)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool has_date(const qlab_synth_series *s, int32_t date)
{
    const size_t at = lower_bound(s, date);
    return at < s->n_bars && s->bars[at].date == date;
}

static void remove_bars(qlab_synth_series *s, size_t at, size_t n)
{
    if (at >= s->n_bars)
        return;
    n = n < s->n_bars - at ? n : s->n_bars - at;
    memmove(s->bars + at, s->bars + at + n, (s->n_bars - at - n) * sizeof *s->bars);
    s->n_bars -= n;
}

static void insert_bar(qlab_synth_series *s, qlab_synth_bar bar)
{
    const size_t at = lower_bound(s, bar.date);
    void *bars = s->bars;
    qlab_grow(&bars, &s->cap_bars, s->n_bars + 1, sizeof *s->bars);
    s->bars = bars;
    memmove(s->bars + at + 1, s->bars + at, (s->n_bars - at) * sizeof *s->bars);
    s->bars[at] = bar;
    s->n_bars++;
}

/* A bar that repeats the close of the one before; nothing where there is none or it is void. */
static bool insert_flat(qlab_synth_series *s, int32_t date, bool is_phantom)
{
    const size_t at = lower_bound(s, date);
    if (at == 0 || has_date(s, date) || s->bars[at - 1].is_void)
        return false;
    qlab_synth_bar bar = s->bars[at - 1]; /* and its adjusted close: no ex-date lies between */
    bar.date = date;
    bar.nulls = 0;
    bar.open = bar.high = bar.low = bar.close;
    bar.volume = 100;
    bar.is_phantom = is_phantom;
    insert_bar(s, bar);
    return true;
}

/* A bar with another close; its adjusted close goes with it. */
static void set_close(const qlab_synth_asset *a, qlab_synth_bar *bar, double ratio)
{
    if (bar->is_void)
        return;
    const int64_t was = bar->close;
    bar->close = qlab_synth_tick(a, (double)was * 1e-4 * ratio);
    if (bar->close == was)
        bar->close += 100;
    bar->high = bar->high < bar->close ? bar->close : bar->high;
    bar->low = bar->low > bar->close ? bar->close : bar->low;
    bar->adjusted = (int64_t)((double)bar->adjusted * ((double)bar->close / (double)was) + 0.5);
}

/* The bar of the event's day, if the asset has one: the last of its market days. */
static qlab_synth_bar *bar_of_day(const showing *w, const qlab_synth_happening *e)
{
    const size_t first = w->s->day_end[e->day - 1];
    const int32_t from = w->s->market->date[first], to = qlab_synth_day_date(w->s, e->day);
    size_t at = lower_bound(w->out, to + 1);
    while (at > 0 && w->out->bars[at - 1].date >= from) {
        qlab_synth_bar *bar = &w->out->bars[--at];
        if (!bar->is_void && !bar->is_phantom)
            return bar;
    }
    return NULL;
}

/* One of the first n bars of the path; its index among those that are shown, or their number where
 * something else has taken it away. */
static size_t choose_bar(const showing *w, qlab_synth_happening *e, size_t n)
{
    if (n == 0)
        return w->out->n_bars;
    e->date = w->path->bars[below(e->bits, n)].date;
    return has_date(w->out, e->date) ? lower_bound(w->out, e->date) : w->out->n_bars;
}

static void correct_old(const showing *w, qlab_synth_happening *e)
{
    const size_t at = choose_bar(w, e, w->n_base);
    if (at == w->out->n_bars)
        return;
    qlab_synth_bar *bar = &w->out->bars[at];
    const unsigned how = (unsigned)(e->bits & 3);
    if (how == 0)
        bar->volume += 100;
    else if (how == 1 && bar->nulls == 0)
        bar->nulls = QLAB_SYNTH_NULL_OPEN;
    else
        set_close(w->a, bar, (e->bits & 4) != 0 ? 1.031 : 0.969);
}

/* The k-th session of the asset's exchange within a life and before the day, on which the path has
 * no bar; counts them where k is SIZE_MAX. */
static size_t find_gap(const showing *w, const qlab_synth_happening *e, size_t k, int32_t *date)
{
    const qlab_synth_market *m = w->s->market;
    const qlab_synth_bar *bars = w->path->bars;
    size_t n = 0, i = 0;
    for (size_t day = w->a->list_day; day < w->s->day_end[e->day - 1]; day++) {
        while (i < w->n_base && bars[i].date < m->date[day])
            i++;
        if (i == 0 || i >= w->n_base || bars[i].date == m->date[day] ||
            bars[i].life != bars[i - 1].life || !(m->session[day] & 1u << w->a->calendar))
            continue;
        if (n++ == k) {
            *date = m->date[day];
            return n;
        }
    }
    return n;
}

static void gap_fill(const showing *w, qlab_synth_happening *e, uint32_t day)
{
    const size_t n = find_gap(w, e, SIZE_MAX, &e->date);
    if (n > 0) {
        (void)find_gap(w, e, below(e->bits, n), &e->date);
        e->until = 0; /* for good */
        (void)insert_flat(w->out, e->date, false);
    } else if (w->n_base > 10) {
        const size_t at = choose_bar(w, e, w->n_base - 3);
        if (day < e->until)
            remove_bars(w->out, at, 3);
    }
}

/* All bars before the n-th of the path. */
static void remove_part(const showing *w, qlab_synth_happening *e, size_t n)
{
    if (w->n_base < 50)
        return;
    e->date = w->path->bars[0].date;
    remove_bars(w->out, 0, lower_bound(w->out, w->path->bars[n].date));
}

static void change_basis(const showing *w, qlab_synth_happening *e)
{
    const int32_t today = w->s->market->date[w->s->day_end[e->day - 1]];
    for (size_t i = 0; i < w->out->n_bars && w->out->bars[i].date < today; i++) {
        qlab_synth_bar *bar = &w->out->bars[i];
        bar->open *= 2;
        bar->high *= 2;
        bar->low *= 2;
        bar->close *= 2;
        bar->adjusted *= 2;
        e->date = w->out->bars[0].date;
    }
}

static void future(const showing *w, qlab_synth_happening *e)
{
    const int32_t date =
        qlab_synth_day_date(w->s, e->day) + 1 + (int32_t)(e->bits >> 12 & 0xff) % 5;
    e->date = date;
    (void)insert_flat(w->out, date, true); /* a true bar of that day, once there, takes its place */
}

static void phantom(const showing *w, const qlab_synth_happening *e, uint32_t asset)
{
    const uint64_t seed = w->s->market->params.seed;
    if (w->a->calendar == (qlab_synth_exchange)(e->bits % 3) &&
        qlab_synth_is_alive(w->s, asset, e->day) &&
        qlab_synth_u64(seed, w->a->number, QLAB_SYNTH_S_EVENT, e->bits) % 4 == 0)
        (void)insert_flat(w->out, e->date, true);
}

static void show(showing *w, qlab_synth_happening *e, uint32_t day)
{
    const bool is_over = e->until > 0 && day >= e->until;
    qlab_synth_bar *bar = NULL;
    w->n_base = lower_bound(w->path, w->s->market->date[w->s->day_end[e->day - 1]]);
    switch (e->kind) {
    case QLAB_SYNTH_K_CORRECT_NEW:
        bar = bar_of_day(w, e);
        if (bar)
            e->date = bar->date;
        if (bar && !is_over)
            set_close(w->a, bar, 1.07);
        break;
    case QLAB_SYNTH_K_LATE:
        bar = bar_of_day(w, e);
        if (bar)
            e->date = bar->date;
        if (bar && !is_over)
            remove_bars(w->out, (size_t)(bar - w->out->bars), 1);
        break;
    case QLAB_SYNTH_K_CORRECT_OLD:
        correct_old(w, e);
        break;
    case QLAB_SYNTH_K_GAP_FILL:
        gap_fill(w, e, day);
        break;
    case QLAB_SYNTH_K_DROP:
        remove_bars(w->out, choose_bar(w, e, w->n_base), 1);
        break;
    case QLAB_SYNTH_K_MASS:
        if (!is_over)
            remove_part(w, e, w->n_base * 6 / 10);
        break;
    case QLAB_SYNTH_K_PURGE:
        remove_part(w, e, w->n_base / 3);
        break;
    case QLAB_SYNTH_K_BASIS:
        if (!is_over)
            change_basis(w, e);
        break;
    case QLAB_SYNTH_K_FUTURE:
        future(w, e);
        break;
    case QLAB_SYNTH_K_DUPLICATE:
    case QLAB_SYNTH_K_BAD_ROW:
        bar = bar_of_day(w, e);
        if (bar)
            e->date = bar->date;
        break;
    case QLAB_SYNTH_K_SPLIT:
        e->date = w->s->market->date[w->s->day_end[e->day - 1]];
        break;
    case QLAB_SYNTH_K_DELIST:
        e->date = w->out->n_bars > 0 ? w->out->bars[w->out->n_bars - 1].date : QLAB_DATE_NONE;
        break;
    default:
        break;
    }
}

/* The path up to a day; events and adjusted closes as they were then. */
static void cut_path(const qlab_synth_asset *a, const qlab_synth_series *path, int32_t last,
                     qlab_synth_series *out)
{
    const size_t n = lower_bound(path, last + 1);
    void *bars = out->bars, *events = out->events;
    size_t n_events = 0;
    while (n_events < path->n_events && path->events[n_events].bar < n)
        n_events++;
    qlab_grow(&bars, &out->cap_bars, n, sizeof *out->bars);
    qlab_grow(&events, &out->cap_events, n_events, sizeof *out->events);
    out->bars = bars;
    out->events = events;
    if (n > 0)
        memcpy(out->bars, path->bars, n * sizeof *out->bars);
    if (n_events > 0)
        memcpy(out->events, path->events, n_events * sizeof *out->events);
    out->n_bars = n;
    out->n_events = n_events;
    if (n_events < path->n_events)
        qlab_synth_series_adjust(a, out);
}

void qlab_synth_deliver(const qlab_synth_schedule *s, uint32_t asset, uint32_t day,
                        const qlab_synth_series *path, qlab_synth_series *out)
{
    showing w = {.s = s, .a = &s->plan->assets[asset].asset, .path = path, .out = out};
    cut_path(w.a, path, qlab_synth_day_date(s, day), out);
    for (size_t k = 0; k < s->n_events && s->events[k].day <= day; k++) {
        qlab_synth_happening *e = &s->events[k];
        if (e->kind == QLAB_SYNTH_K_PHANTOM)
            phantom(&w, e, asset);
        else if (e->asset == asset)
            show(&w, e, day);
    }
}
