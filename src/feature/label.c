/* Forward returns; see label.h. */
#include "feature/label.h"

#include "base/date.h"
#include "truth/session.h"
#include "truth/settle.h"
#include <assert.h>
#include <math.h>

const int qlab_label_horizons[QLAB_LABEL_HORIZONS] = {1, 5, 20};

const char *qlab_entry_name(qlab_entry e)
{
    return e == QLAB_LABEL_NEXT_OPEN ? "next_open" : "next_close";
}

const char *qlab_label_state_name(uint8_t state)
{
    static const char *const names[] = {"OK", "NO_ENTRY", "CENSORED", "DELISTED", "PRESUMED_GONE"};
    assert(state < QLAB_LABEL_STATES);
    return names[state];
}

int32_t qlab_label_gone_date(int32_t last_date, int32_t asof, const int32_t *master,
                             size_t n_master, const int32_t *session, size_t n_sessions)
{
    size_t m = qlab_session_lower_bound(master, n_master, last_date + 1);
    size_t s = qlab_session_lower_bound(session, n_sessions, last_date + 1);
    int missed = 0;
    for (; m < n_master && master[m] <= asof; m++) {
        while (s < n_sessions && session[s] < master[m])
            s++;
        if (s < n_sessions && session[s] == master[m] && ++missed == QLAB_PRESUMED_GONE_SESSIONS)
            return master[m];
    }
    return QLAB_DATE_NONE;
}

/* How a life ends, as far as it is known at the as-of. */
typedef struct ending {
    bool known;
    uint8_t state;
    double u;
    int32_t end;
} ending;

typedef struct stretch {
    const qlab_life *life;
    size_t first, end; /* rows of the series that belong to the life */
    ending over;
    bool over_asked;
} stretch;

/* A record tells nobody anything before its own date, however early the last bar was. */
static int32_t delisting_end(const qlab_label_source *src, int32_t last_date, int32_t record)
{
    const qlab_series_truth *t = src->truth;
    size_t s = qlab_session_lower_bound(t->session, t->n_sessions, last_date + 1);
    size_t m = qlab_session_lower_bound(src->master, src->n_master, record);
    if (s == t->n_sessions || t->session[s] > src->asof || m == src->n_master ||
        src->master[m] > src->asof)
        return QLAB_DATE_NONE;
    return t->session[s] > src->master[m] ? t->session[s] : src->master[m];
}

static ending life_ending(const qlab_label_source *src, const qlab_life *life)
{
    ending e = {false, QLAB_LABEL_CENSORED, 0, QLAB_DATE_NONE};
    const qlab_series_truth *t = src->truth;
    const qlab_delisting *d = qlab_settle_find(src->delistings, src->n_delistings, life->last_date);
    const qlab_life *next = life + 1 < t->lives + t->n_lives ? life + 1 : NULL;
    if (d && next && d->delist_date >= next->first_date)
        d = NULL; /* the record is about a later life */
    if (d) {
        qlab_settlement s = qlab_settle_delisting(d, src->mic);
        int32_t end = s.settles ? delisting_end(src, life->last_date, d->delist_date) : 0;
        if (s.settles) {
            if (end != QLAB_DATE_NONE)
                e = (ending){true, QLAB_LABEL_DELISTED, s.u, end};
            return e;
        }
    }
    int32_t gone = qlab_label_gone_date(life->last_date, src->asof, src->master, src->n_master,
                                        t->session, t->n_sessions);
    if (gone != QLAB_DATE_NONE)
        e = (ending){true, QLAB_LABEL_PRESUMED_GONE, 0, gone};
    return e;
}

/* Product of the life's accounting steps with after < ex_date <= through. */
static double steps_between(const qlab_series_truth *t, uint16_t life_no, int32_t after,
                            int32_t through)
{
    size_t lo = 0, hi = t->n_steps; /* first step of (life_no, > after) */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const qlab_step *s = &t->steps[mid];
        if (s->life_no < life_no || (s->life_no == life_no && s->ex_date <= after))
            lo = mid + 1;
        else
            hi = mid;
    }
    double m = 1;
    for (; lo < t->n_steps && t->steps[lo].life_no == life_no && t->steps[lo].ex_date <= through;
         lo++)
        m *= t->steps[lo].accounting_step;
    return m;
}

static bool valid_price(double x)
{
    return x > 0 && isfinite(x);
}

static const double *prices(const qlab_label_source *src)
{
    return src->entry == QLAB_LABEL_NEXT_OPEN ? src->series->open : src->series->close;
}

/* First row of [from, end) at or after `date`; end when there is none. */
static size_t row_at_or_after(const int32_t *dates, size_t from, size_t end, int32_t date)
{
    size_t lo = from, hi = end;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (dates[mid] < date)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void put(const qlab_label_out *out, size_t h, size_t at, double value, uint8_t state,
                int32_t end)
{
    out->value[h][at] = value;
    out->state[h][at] = state;
    out->end[h][at] = end;
}

/* The entry of one row, found. */
typedef struct entered {
    int32_t date;
    size_t master, row; /* index of the entry session, row of the entry bar */
    double price;
} entered;

/* Settles label h of a row whose life offers no exit bar. */
static void settle(const qlab_label_source *src, stretch *life, const entered *in, size_t h,
                   const qlab_label_out *out, size_t at)
{
    const qlab_series *s = src->series;
    if (!life->over_asked) {
        life->over = life_ending(src, life->life);
        life->over_asked = true;
    }
    if (!life->over.known) {
        put(out, h, at, NAN, QLAB_LABEL_CENSORED, QLAB_DATE_NONE);
        return;
    }
    size_t last = life->end - 1;
    assert(s->date[last] == life->life->last_date);
    double m = steps_between(src->truth, life->life->life_no, in->date, s->date[last]);
    double value = s->close[last] * (1 + life->over.u) * m / in->price - 1;
    put(out, h, at, value, life->over.state, life->over.end);
}

/* Label h; false where a bar after loaded_to decides. */
static bool exit_label(const qlab_label_source *src, stretch *life, const entered *in, size_t h,
                       const qlab_label_out *out, size_t at)
{
    const qlab_series *s = src->series;
    const double *price = prices(src);
    size_t target = in->master + (size_t)qlab_label_horizons[h];
    bool in_reach = target < src->n_master;
    if (in_reach) {
        size_t k = row_at_or_after(s->date, in->row + 1, life->end, src->master[target]);
        while (k < life->end && !valid_price(price[k]))
            k++;
        if (k < life->end) {
            double m = steps_between(src->truth, life->life->life_no, in->date, s->date[k]);
            put(out, h, at, price[k] * m / in->price - 1, QLAB_LABEL_OK, s->date[k]);
            return true;
        }
    }
    if (life->life->last_date > src->loaded_to)
        return false;
    settle(src, life, in, h, out, at);
    return true;
}

static bool label_row(const qlab_label_source *src, stretch *life, size_t row, size_t *master,
                      const qlab_label_out *out, size_t at)
{
    const qlab_series *s = src->series;
    while (*master < src->n_master && src->master[*master] <= s->date[row])
        ++*master;
    if (*master == src->n_master) {
        out->start[at] = QLAB_DATE_NONE;
        for (size_t h = 0; h < QLAB_LABEL_HORIZONS; h++)
            put(out, h, at, NAN, QLAB_LABEL_CENSORED, QLAB_DATE_NONE);
        return true;
    }
    entered in = {src->master[*master], *master, 0, NAN};
    if (in.date > src->loaded_to && life->life->last_date >= in.date)
        return false;
    out->start[at] = in.date;
    in.row = row_at_or_after(s->date, row + 1, life->end, in.date);
    if (in.row < life->end && s->date[in.row] == in.date)
        in.price = prices(src)[in.row];
    bool complete = true;
    for (size_t h = 0; h < QLAB_LABEL_HORIZONS; h++) {
        if (!valid_price(in.price))
            put(out, h, at, NAN, QLAB_LABEL_NO_ENTRY, QLAB_DATE_NONE);
        else
            complete &= exit_label(src, life, &in, h, out, at);
    }
    return complete;
}

static stretch stretch_of(const qlab_label_source *src, size_t row)
{
    const qlab_series *s = src->series;
    stretch x = {NULL, row, row, {false, 0, 0, 0}, false};
    for (size_t l = 0; l < src->truth->n_lives; l++)
        if (src->truth->lives[l].life_no == s->life_no[row])
            x.life = &src->truth->lives[l];
    assert(x.life);
    while (x.end < s->n && s->life_no[x.end] == s->life_no[row])
        x.end++;
    return x;
}

bool qlab_label_rows(const qlab_label_source *src, const uint32_t *row, size_t n,
                     const qlab_label_out *out, size_t at)
{
    if (n == 0)
        return true;
    stretch life = stretch_of(src, row[0]);
    size_t master = qlab_session_lower_bound(src->master, src->n_master, src->series->date[row[0]]);
    bool complete = true;
    for (size_t i = 0; i < n; i++) {
        if (row[i] >= life.end)
            life = stretch_of(src, row[i]);
        complete &= label_row(src, &life, row[i], &master, out, at + i);
    }
    return complete;
}
