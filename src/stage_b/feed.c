/* Snapshot and panel to the inputs of a book; see feed.h. */
#include "stage_b/feed.h"

#include "base/alloc.h"
#include "base/date.h"
#include "feature/compute.h"
#include "feature/window.h"
#include "num/rank.h"
#include "truth/session.h"
#include "truth/settle.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum { SPREAD_LEAD = QLAB_SPREAD_BARS - 1, BYTES_A_CELL = 5 * sizeof(double) + 2 };

static const char *const PANEL_COLUMNS[] = {"adv20_dollar", "ewma_vol_20"};
enum { COL_ADV, COL_VOL, N_PANEL_COLUMNS };

/* A feed while it is made. */
typedef struct build {
    const qlab_env *env;
    const qlab_panel *panel;
    const qlab_snapshot *snap;
    int32_t from, to;
    const int32_t *months; /* those that touch [from, to] */
    size_t n_months;
    _Atomic(uint8_t) *wanted; /* by row of snap->lives: eligible on a session */
    qlab_feed *f;
} build;

uint32_t qlab_feed_name(const qlab_feed *f, uint32_t asset, int32_t date)
{
    for (size_t i = f->name_first[asset]; i < f->name_first[asset + 1]; i++)
        if (f->life_first[i] <= date && date <= f->life_last[i])
            return (uint32_t)i;
    return UINT32_MAX;
}

size_t qlab_feed_session(const qlab_feed *f, int32_t date)
{
    const size_t i = qlab_session_lower_bound(f->session, f->n_sessions, date);

    return i < f->n_sessions && f->session[i] == date ? i : f->n_sessions;
}

size_t qlab_feed_bytes(const qlab_feed *f)
{
    return f->n_sessions * f->n_names * BYTES_A_CELL;
}

/* ---- who is in it ---------------------------------------------------------------------------- */

static size_t life_on(const qlab_snapshot *s, uint32_t asset_ix, int32_t date)
{
    size_t i = s->life_first[asset_ix];

    while (i + 1 < s->life_first[asset_ix + 1] && s->lives[i].last_date < date)
        i++;
    assert(s->lives[i].first_date <= date && date <= s->lives[i].last_date);
    return i;
}

static void span_of_month(const build *b, size_t unit, int32_t *from, int32_t *to)
{
    const int32_t month = b->months[unit];
    const int32_t first = qlab_date_of_month_index(month);
    const int32_t next = qlab_date_of_month_index(month + 1);

    *from = first > b->from ? first : b->from;
    *to = next <= b->to ? next : b->to + 1;
}

static qlab_code load_month(const build *b, size_t unit, size_t worker, size_t n_columns,
                            qlab_xsec *x, qlab_err *err)
{
    int32_t from, to;
    qlab_conn *conn;
    const qlab_code rc = qlab_duck_conn(b->env->duck, worker, &conn, err);

    span_of_month(b, unit, &from, &to);
    return rc != QLAB_OK
               ? rc
               : qlab_panel_load_dates(b->panel, conn, from, to, PANEL_COLUMNS, n_columns, x, err);
}

/* Several workers may mark one life; all of them write 1. */
static qlab_code mark_month(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    const build *b = ctx;
    const qlab_asset *const *assets;
    qlab_xsec x;
    const qlab_code rc = load_month(b, unit, worker, 0, &x, err);

    if (rc != QLAB_OK)
        return rc;
    (void)qlab_panel_assets(b->panel, &assets);
    for (size_t d = 0; d < x.n_dates; d++)
        for (size_t i = x.first[d]; i < x.first[d + 1]; i++)
            if (x.eligibility[i] == 0)
                atomic_store_explicit(
                    &b->wanted[life_on(b->snap, assets[x.asset[i]]->asset_ix, x.dates[d])], 1,
                    memory_order_relaxed);
    qlab_xsec_free(&x);
    return QLAB_OK;
}

static qlab_code take_money(build *b, qlab_err *err)
{
    const qlab_asset *const *assets;
    const char **currency = qlab_alloc(b->f->n_names + 1, sizeof *currency);

    (void)qlab_panel_assets(b->panel, &assets);
    for (size_t i = 0; i < b->f->n_names; i++)
        currency[i] = assets[b->f->asset[i]]->currency;
    const qlab_code rc = qlab_fx_load(b->env, b->snap, currency, b->f->n_names, b->f->session,
                                      b->f->n_sessions, &b->f->fx, err);
    qlab_free(currency);
    return rc;
}

static void take_names(build *b)
{
    const qlab_asset *const *assets;
    const qlab_snapshot *s = b->snap;
    const size_t n_lives = s->life_first[s->lake->n_assets];
    qlab_feed *f = b->f;
    size_t n = 0;

    f->n_assets = qlab_panel_assets(b->panel, &assets);
    for (size_t i = 0; i < n_lives; i++)
        n += atomic_load_explicit(&b->wanted[i], memory_order_relaxed);
    f->asset = qlab_alloc(n + 1, sizeof *f->asset);
    f->life_no = qlab_alloc(n + 1, sizeof *f->life_no);
    f->life_first = qlab_alloc(n + 1, sizeof *f->life_first);
    f->life_last = qlab_alloc(n + 1, sizeof *f->life_last);
    f->name_first = qlab_alloc(f->n_assets + 1, sizeof *f->name_first);
    b->f->name_of_life = qlab_alloc(n_lives + 1, sizeof *b->f->name_of_life);
    n = 0;
    for (size_t r = 0; r < f->n_assets; r++) {
        const uint32_t ix = assets[r]->asset_ix;
        f->name_first[r] = n;
        for (size_t i = s->life_first[ix]; i < s->life_first[ix + 1]; i++) {
            b->f->name_of_life[i] = UINT32_MAX;
            if (!atomic_load_explicit(&b->wanted[i], memory_order_relaxed))
                continue;
            b->f->name_of_life[i] = (uint32_t)n;
            f->asset[n] = (uint32_t)r;
            f->life_no[n] = s->lives[i].life_no;
            f->life_first[n] = s->lives[i].first_date;
            f->life_last[n++] = s->lives[i].last_date;
        }
    }
    f->name_first[f->n_assets] = n;
    f->n_names = n;
}

/* ---- room ------------------------------------------------------------------------------------ */

static double *unknown(size_t n)
{
    double *x = qlab_alloc(n + 1, sizeof *x);

    for (size_t i = 0; i < n; i++)
        x[i] = NAN;
    return x;
}

static qlab_code make_room(build *b, qlab_err *err)
{
    qlab_feed *f = b->f;
    const size_t n = f->n_sessions * f->n_names;
    const double bytes = (double)n * BYTES_A_CELL, limit = (double)b->env->memory_limit_bytes;

    if (bytes + (double)qlab_env_duck_bytes(b->env) > limit)
        return qlab_fail(err, QLAB_E_LIMIT,
                         "the book of %zu names on %zu sessions takes %.0f MiB beside DuckDB's "
                         "%zu, and the memory limit is %.0f MiB: raise --memory-limit",
                         f->n_names, f->n_sessions, bytes / 1048576.0,
                         qlab_env_duck_bytes(b->env) >> 20, limit / 1048576.0);
    f->price = unknown(n);
    f->volume = unknown(n);
    f->adv = unknown(n);
    f->vol = unknown(n);
    f->half_spread = unknown(n);
    f->hard = qlab_alloc_zero(n + 1, 1);
    f->eligible = qlab_alloc_zero(n + 1, 1);
    f->settle_session = qlab_alloc(f->n_names + 1, sizeof *f->settle_session);
    f->settle_value = unknown(f->n_names);
    f->settle_u = qlab_alloc_zero(f->n_names + 1, sizeof *f->settle_u);
    f->settle_gone = qlab_alloc_zero(f->n_names + 1, 1);
    for (size_t i = 0; i < f->n_names; i++)
        f->settle_session[i] = QLAB_MARKET_ALIVE;
    return QLAB_OK;
}

/* ---- from the panel -------------------------------------------------------------------------- */

typedef struct hard_work {
    double *x;
    uint32_t *place;
    void *rank;
} hard_work;

static hard_work hard_work_new(size_t n)
{
    return (hard_work){qlab_alloc(n + 1, sizeof(double)), qlab_alloc(n + 1, sizeof(uint32_t)),
                       qlab_alloc(qlab_rank_scratch_bytes(n) + 1, 1)};
}

static void hard_work_free(hard_work *w)
{
    qlab_free(w->x);
    qlab_free(w->place);
    qlab_free(w->rank);
}

/* Rows of one session to its stretch of the arrays. */
static void take_session(const build *b, const qlab_xsec *x, size_t d, size_t s)
{
    qlab_feed *f = b->f;
    const size_t at = s * f->n_names;

    for (size_t i = x->first[d]; i < x->first[d + 1]; i++) {
        const uint32_t name = qlab_feed_name(f, x->asset[i], x->dates[d]);
        if (name == UINT32_MAX)
            continue;
        f->adv[at + name] = x->col[COL_ADV][i] * qlab_fx_rate(&f->fx, name, s);
        f->vol[at + name] = x->col[COL_VOL][i];
        f->eligible[at + name] = x->eligibility[i] == 0;
    }
}

/* A session that is not of the panel's axis has no rows: nothing there is easy to borrow. */
static qlab_code fill_month(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    const build *b = ctx;
    qlab_feed *f = b->f;
    int32_t from, to;
    qlab_xsec x;
    const qlab_code rc = load_month(b, unit, worker, N_PANEL_COLUMNS, &x, err);

    if (rc != QLAB_OK)
        return rc;
    for (size_t d = 0; d < x.n_dates; d++) {
        const size_t s = qlab_feed_session(f, x.dates[d]);
        if (s < f->n_sessions)
            take_session(b, &x, d, s);
    }
    qlab_xsec_free(&x);
    span_of_month(b, unit, &from, &to);
    hard_work w = hard_work_new(f->n_names);
    for (size_t s = qlab_session_lower_bound(f->session, f->n_sessions, from);
         s < f->n_sessions && f->session[s] < to; s++)
        qlab_spread_hard_to_borrow(f->adv + s * f->n_names, f->eligible + s * f->n_names, NULL,
                                   f->n_names, w.x, w.place, w.rank, f->hard + s * f->n_names);
    hard_work_free(&w);
    return QLAB_OK;
}

/* ---- from the bars --------------------------------------------------------------------------- */

typedef struct bar_work {
    qlab_series series;
    double *high, *low, *close, *scratch, *spread;
    size_t cap;
} bar_work;

static void bar_work_reserve(bar_work *w, size_t n)
{
    double **const columns[] = {&w->high, &w->low, &w->close, &w->scratch, &w->spread};

    if (n <= w->cap)
        return;
    w->cap = 2 * n;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        qlab_free(*columns[i]);
        *columns[i] = qlab_alloc(w->cap, sizeof(double));
    }
}

static void bar_work_free(bar_work *w)
{
    qlab_series_free(&w->series);
    qlab_free(w->high);
    qlab_free(w->low);
    qlab_free(w->close);
    qlab_free(w->scratch);
    qlab_free(w->spread);
}

/* The rate of the last session up to a date; s is the first session not before it. */
static double rate_by(const qlab_feed *f, size_t name, size_t s, int32_t date)
{
    const bool on_it = s < f->n_sessions && f->session[s] == date;

    return qlab_fx_rate(&f->fx, name, on_it || s == 0 ? s : s - 1);
}

/* Rows [from, to) of the series, all of one life and year, to the columns of its name. */
static void take_bars(const build *b, bar_work *w, uint32_t name, size_t from, size_t to)
{
    const qlab_series *x = &w->series;
    const double *execution = b->f->by_open ? x->open : x->close;
    qlab_feed *f = b->f;
    size_t lead = from, n;

    while (lead > 0 && from - lead < SPREAD_LEAD && x->life_no[lead - 1] == x->life_no[from])
        lead--;
    n = to - lead;
    bar_work_reserve(w, n);
    for (size_t i = 0; i < n; i++) {
        w->high[i] = x->high[lead + i] * x->acct[lead + i];
        w->low[i] = x->low[lead + i] * x->acct[lead + i];
        w->close[i] = x->close[lead + i] * x->acct[lead + i];
    }
    qlab_spread_abdi_ranaldo((qlab_f64v){w->high, n}, (qlab_f64v){w->low, n},
                             (qlab_f64v){w->close, n}, (qlab_f64w){w->scratch, n},
                             (qlab_f64w){w->spread, n});
    size_t s = qlab_session_lower_bound(f->session, f->n_sessions, x->date[from]);
    for (size_t i = from; i < to && s < f->n_sessions; i++) {
        while (s < f->n_sessions && f->session[s] < x->date[i])
            s++;
        if (x->date[i] == f->life_last[name])
            f->settle_value[name] = x->close[i] * x->acct[i] * rate_by(f, name, s, x->date[i]);
        if (s == f->n_sessions || f->session[s] != x->date[i])
            continue;
        const size_t at = s * f->n_names + name;
        if (execution[i] > 0.0 && isfinite(execution[i]))
            f->price[at] = execution[i] * x->acct[i] * qlab_fx_rate(&f->fx, name, s);
        f->volume[at] = x->volume[i];
        f->half_spread[at] = w->spread[i - lead];
    }
}

/* Stretches of one life in the year's rows. */
static void take_year(const build *b, bar_work *w, uint32_t asset_ix)
{
    const qlab_series *x = &w->series;

    for (size_t i = x->year_first, end; i < x->year_last; i = end) {
        for (end = i + 1; end < x->year_last && x->life_no[end] == x->life_no[i]; end++) {
        }
        const uint32_t name = b->f->name_of_life[life_on(b->snap, asset_ix, x->date[i])];
        if (name != UINT32_MAX)
            take_bars(b, w, name, i, end);
    }
}

static bool has_name(const build *b, uint32_t asset_ix)
{
    for (size_t i = b->snap->life_first[asset_ix]; i < b->snap->life_first[asset_ix + 1]; i++)
        if (b->f->name_of_life[i] != UINT32_MAX)
            return true;
    return false;
}

/* The year has a bar by the last date that is loaded. */
static bool has_bars(const qlab_asset_input *in, int32_t year, int32_t to)
{
    for (size_t i = 0; i < in->n_years; i++)
        if (in->years[i].year == year)
            return in->years[i].first_date <= to;
    return false;
}

static qlab_code fill_bucket(void *ctx, size_t unit, size_t worker, qlab_err *err)
{
    const build *b = ctx;
    const int32_t last_year = qlab_date_year(b->to);
    qlab_window window;
    bar_work w = {0};
    qlab_conn *conn;
    qlab_code rc = qlab_duck_conn(b->env->duck, worker, &conn, err);

    if (rc != QLAB_OK)
        return rc;
    qlab_window_init(&window, b->snap, (uint32_t)unit);
    for (int32_t year = qlab_date_year(b->from); rc == QLAB_OK && year <= last_year; year++) {
        const int32_t end = year == last_year ? b->to : qlab_date_make(year, 12, 31);
        rc = qlab_window_advance(&window, conn, year, end, err);
        for (size_t a = 0; rc == QLAB_OK && a < window.n_assets; a++) {
            qlab_asset_input in;
            qlab_asset_input_of(b->snap, &window.bars, a, window.loaded_to, &in);
            if (!has_name(b, in.asset_ix) || !has_bars(&in, year, end))
                continue;
            qlab_series_window(&window.bars, a, &in.truth, in.years, in.n_years, year, &w.series);
            take_year(b, &w, in.asset_ix);
        }
    }
    bar_work_free(&w);
    qlab_window_free(&window);
    return rc;
}

/* ---- how lives end --------------------------------------------------------------------------- */

/* The delisting of a life that is known at `to`; NULL = none. */
static const qlab_delisting *delisting_of(const build *b, uint32_t asset_ix, size_t life)
{
    const qlab_snapshot *s = b->snap;
    const size_t first = s->delisting_first[asset_ix], end = s->delisting_first[asset_ix + 1];
    const qlab_delisting *d =
        qlab_settle_find(s->delistings + first, end - first, s->lives[life].last_date);

    if (d != NULL && d->delist_date > b->to)
        return NULL;
    if (d != NULL && life + 1 < s->life_first[asset_ix + 1] &&
        d->delist_date >= s->lives[life + 1].first_date)
        return NULL; /* the record is about a later life */
    return d;
}

static void settle_name(const build *b, const qlab_asset *asset, size_t life, size_t name)
{
    const qlab_snapshot *s = b->snap;
    qlab_feed *f = b->f;
    const int32_t last = f->life_last[name];

    if (last >= b->to)
        return;
    const qlab_delisting *d = delisting_of(b, asset->asset_ix, life);
    if (d != NULL) {
        f->settle_session[name] =
            (uint32_t)qlab_session_lower_bound(f->session, f->n_sessions, last + 1);
        f->settle_u[name] = qlab_settle_delisting(d, asset->mic).u;
        f->n_delisted++;
        return;
    }
    const qlab_exchange_days *days = &s->exchanges[s->exchange_of[asset->asset_ix]];
    const int32_t gone =
        qlab_label_gone_date(last, b->to, s->master, s->n_master, days->session, days->n_sessions);
    if (gone == QLAB_DATE_NONE)
        return;
    f->settle_session[name] = (uint32_t)qlab_feed_session(f, gone);
    f->settle_gone[name] = 1;
    f->n_presumed_gone++;
}

static void settle(const build *b)
{
    const qlab_asset *const *assets;

    (void)qlab_panel_assets(b->panel, &assets);
    for (size_t r = 0; r < b->f->n_assets; r++) {
        const uint32_t ix = assets[r]->asset_ix;
        for (size_t i = b->snap->life_first[ix]; i < b->snap->life_first[ix + 1]; i++)
            if (b->f->name_of_life[i] != UINT32_MAX)
                settle_name(b, assets[r], i, b->f->name_of_life[i]);
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void find_months(build *b)
{
    const int32_t *months;
    const size_t n_months = qlab_panel_months(b->panel, &months);
    size_t m = 0;

    while (m < n_months && months[m] < qlab_date_month_index(b->from))
        m++;
    b->months = months + m;
    while (m + b->n_months < n_months && months[m + b->n_months] <= qlab_date_month_index(b->to))
        b->n_months++;
}

static void take_sessions(build *b)
{
    const qlab_snapshot *s = b->snap;
    const size_t first = qlab_session_lower_bound(s->master, s->n_master, b->from);
    const size_t end = qlab_session_lower_bound(s->master, s->n_master, b->to + 1);

    b->f->n_sessions = end - first;
    b->f->session = qlab_alloc(end - first + 1, sizeof *b->f->session);
    memcpy(b->f->session, s->master + first, (end - first) * sizeof *b->f->session);
    find_months(b);
}

static void offer_market(qlab_feed *f)
{
    f->market = (qlab_market){.n_sessions = f->n_sessions,
                              .n_names = f->n_names,
                              .price = f->price,
                              .volume = f->volume,
                              .adv = f->adv,
                              .vol = f->vol,
                              .half_spread = f->half_spread,
                              .hard = f->hard,
                              .settle_session = f->settle_session,
                              .settle_value = f->settle_value,
                              .settle_u = f->settle_u,
                              .settle_gone = f->settle_gone};
}

qlab_code qlab_feed_plan(const qlab_env *env, const qlab_panel *panel, bool by_open, int32_t from,
                         int32_t to, qlab_feed *out, qlab_err *err)
{
    const qlab_snapshot *snap = qlab_panel_snapshot(panel);
    build b = {.env = env, .panel = panel, .snap = snap, .from = from, .to = to, .f = out};
    qlab_code rc;

    *out = (qlab_feed){.by_open = by_open};
    take_sessions(&b);
    b.wanted = qlab_alloc_zero(snap->life_first[snap->lake->n_assets] + 1, sizeof *b.wanted);
    rc = qlab_pool_run(env->pool, b.n_months, mark_month, &b, err);
    if (rc == QLAB_OK) {
        take_names(&b);
        rc = take_money(&b, err);
    }
    qlab_free(b.wanted);
    if (rc != QLAB_OK)
        qlab_feed_free(out);
    return rc;
}

qlab_code qlab_feed_fill(const qlab_env *env, const qlab_panel *panel, qlab_feed *f, qlab_err *err)
{
    const qlab_snapshot *snap = qlab_panel_snapshot(panel);
    build b = {.env = env,
               .panel = panel,
               .snap = snap,
               .from = f->session[0],
               .to = f->session[f->n_sessions - 1],
               .f = f};
    qlab_code rc;

    find_months(&b);
    if ((rc = make_room(&b, err)) != QLAB_OK ||
        (rc = qlab_pool_run(env->pool, b.n_months, fill_month, &b, err)) != QLAB_OK ||
        (rc = qlab_pool_run(env->pool, qlab_lake_n_buckets(snap->lake), fill_bucket, &b, err)) !=
            QLAB_OK)
        return rc;
    settle(&b);
    offer_market(f);
    return QLAB_OK;
}

void qlab_feed_free(qlab_feed *f)
{
    qlab_free(f->session);
    qlab_free(f->asset);
    qlab_free(f->life_no);
    qlab_free(f->life_first);
    qlab_free(f->life_last);
    qlab_free(f->name_first);
    qlab_free(f->price);
    qlab_free(f->volume);
    qlab_free(f->adv);
    qlab_free(f->vol);
    qlab_free(f->half_spread);
    qlab_free(f->hard);
    qlab_free(f->eligible);
    qlab_free(f->settle_session);
    qlab_free(f->settle_value);
    qlab_free(f->settle_u);
    qlab_free(f->settle_gone);
    qlab_free(f->name_of_life);
    qlab_fx_free(&f->fx);
    *f = (qlab_feed){0};
}
