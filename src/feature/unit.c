/* One bucket of a feature build; see unit.h. */
#include "feature/unit.h"

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/date.h"
#include "feature/window.h"
#include <assert.h>
#include <string.h>

enum {
    /* Bars after the months that labels of h = 20 rest on, short halts included; the next year
     * starts with them, so only the last year pays. */
    LABEL_LEAD_DAYS = 130,
    MONTHS = 12
};

typedef struct unit {
    const qlab_unit_plan *plan;
    uint32_t bucket;
    qlab_conn *conn;
    qlab_unit_result *out;
    qlab_partkeys *keys;
    qlab_window window;
    bool window_live;
    int32_t window_year;
    qlab_scratch *scratch;
    qlab_block block;
    uint32_t *by_id; /* positions in the bucket in byte order of asset_id */
} unit;

/* A month of the year being done: its keys and which parts are missing. */
typedef struct month_state {
    const qlab_month_plan *plan;
    qlab_digest key[QLAB_PANEL_KINDS];
    qlab_part_reach reach[QLAB_PANEL_KINDS];
    bool missing[QLAB_PANEL_KINDS];
    size_t place[QLAB_PANEL_KINDS]; /* in out->parts */
} month_state;

void qlab_unit_result_free(qlab_unit_result *r)
{
    qlab_free(r->parts);
    r->parts = NULL;
    qlab_panel_tally_free(&r->tally);
}

uint64_t qlab_unit_total(const qlab_unit_plan *p)
{
    if (p->range->n_months == 0)
        return 0;
    int32_t first = qlab_date_year(p->range->months[0].first);
    int32_t last = qlab_date_year(p->range->months[p->range->n_months - 1].last);
    const qlab_snapshot *s = p->snap;
    uint64_t n = 0;
    for (size_t i = 0; i < s->year_first[s->lake->n_assets]; i++)
        if (s->years[i].year >= first && s->years[i].year <= last)
            n += s->years[i].n_valid;
    return n;
}

/* Bars of the bucket in one year, an upper bound of its rows. */
static uint64_t rows_of_year(const unit *u, int32_t year)
{
    uint64_t total = 0;
    for (size_t a = 0; a < u->window.n_assets; a++) {
        size_t n;
        const qlab_asset_year *y =
            qlab_snapshot_years(u->plan->snap, u->window.first_ix + (uint32_t)a, &n);
        for (size_t i = 0; i < n; i++)
            total += y[i].year == year ? y[i].n_valid : 0;
    }
    return total;
}

/* Names the parts of one month and takes up those that stand. */
static qlab_code plan_month(unit *u, const qlab_month_plan *month, month_state *m, qlab_err *err)
{
    const qlab_unit_plan *p = u->plan;
    memset(m, 0, sizeof *m);
    m->plan = month;
    for (qlab_panel_kind kind = 0; kind < QLAB_PANEL_KINDS; kind++) {
        size_t n_assets;
        qlab_code code = qlab_partkey(u->keys, u->conn, kind, month, p->features, p->entry,
                                      &m->key[kind], &m->reach[kind], &n_assets, err);
        if (code != QLAB_OK)
            return code;
        if (n_assets == 0)
            continue;
        qlab_unit_result *r = u->out;
        qlab_grow((void **)&r->parts, &r->cap_parts, r->n_parts + 1, sizeof *r->parts);
        m->place[kind] = r->n_parts++;
        bool found;
        code =
            qlab_panel_part_find(p->env->root, p->catalogue, kind, month->month, u->bucket,
                                 m->key[kind], &found, &r->parts[m->place[kind]], &r->tally, err);
        if (code != QLAB_OK)
            return code;
        m->missing[kind] = !found;
    }
    return QLAB_OK;
}

static bool any_missing(const month_state *m)
{
    return m->missing[QLAB_PANEL_FEATURES] || m->missing[QLAB_PANEL_LABELS] ||
           m->missing[QLAB_PANEL_ELIGIBILITY];
}

static qlab_code hold_bars(unit *u, int32_t year, int32_t last, bool labels, qlab_err *err)
{
    if (u->window_live && year > u->window_year + 1) { /* years in between had all their parts */
        u->out->n_rows_read += u->window.n_rows_read;
        qlab_window_free(&u->window);
        qlab_window_init(&u->window, u->plan->snap, u->bucket);
    }
    u->window_live = true;
    u->window_year = year;
    return qlab_window_advance(&u->window, u->conn, year, labels ? last + LABEL_LEAD_DAYS : last,
                               err);
}

/* An asset whose labels wait for bars after the window. */
typedef struct waiting {
    uint32_t asset;
    size_t first; /* row of the block */
} waiting;

/* Fills labels that a later bar decides, reading on year by year. */
static qlab_code fill_waiting(unit *u, const qlab_year_plan *year, waiting *w, size_t n,
                              qlab_err *err)
{
    uint8_t *wanted = qlab_alloc(u->window.n_assets, 1);
    qlab_code code = QLAB_OK;
    for (int32_t to = u->window.loaded_to + 92; n > 0 && code == QLAB_OK; to += 366) {
        memset(wanted, 0, u->window.n_assets);
        for (size_t i = 0; i < n; i++)
            wanted[w[i].asset] = 1;
        qlab_window more;
        code = qlab_window_extend(&u->window, u->conn, wanted, to, &more, err);
        if (code != QLAB_OK)
            break;
        u->out->n_rows_read += more.n_rows_read;
        size_t left = 0;
        for (size_t i = 0; i < n; i++) {
            qlab_asset_input in;
            qlab_asset_input_of(u->plan->snap, &more.bars, w[i].asset, more.loaded_to, &in);
            if (!qlab_compute_labels(u->scratch, &in, year, u->plan->entry, &u->block, w[i].first))
                w[left++] = w[i];
        }
        assert(left == 0 || more.loaded_to < u->plan->snap->asof);
        n = left;
        qlab_window_free(&more);
    }
    qlab_free(wanted);
    return code;
}

/* Whether the asset has a valid bar in the year by the last date wanted (and so one is held). */
static bool has_bars(const qlab_asset_input *in, const qlab_year_plan *year)
{
    for (size_t i = 0; i < in->n_years; i++)
        if (in->years[i].year == year->year)
            return in->years[i].first_date <= year->months[year->n_months - 1].last;
    return false;
}

/* Rows of all assets at the months' dates into the block. */
static qlab_code fill_block(unit *u, const qlab_year_plan *year, uint64_t columns, qlab_err *err)
{
    qlab_block_clear(&u->block);
    waiting *w = qlab_alloc(u->window.n_assets, sizeof *w);
    size_t n_waiting = 0;
    for (size_t i = 0; i < u->window.n_assets; i++) {
        uint32_t a = u->by_id[i];
        qlab_asset_input in;
        qlab_asset_input_of(u->plan->snap, &u->window.bars, a, u->window.loaded_to, &in);
        if (!has_bars(&in, year))
            continue;
        size_t first = u->block.n;
        if (!qlab_compute_asset(u->scratch, u->plan->catalogue, columns, &in, year, u->plan->entry,
                                &u->block))
            w[n_waiting++] = (waiting){a, first};
        if (u->plan->progress)
            qlab_progress_add(u->plan->progress, u->block.n - first);
    }
    qlab_code code = n_waiting > 0 ? fill_waiting(u, year, w, n_waiting, err) : QLAB_OK;
    qlab_free(w);
    return code;
}

static qlab_code write_month(unit *u, const month_state *m, qlab_err *err)
{
    const qlab_unit_plan *p = u->plan;
    qlab_part_writer w = {p->env->root,       p->snap, p->catalogue, p->columns, u->bucket,
                          u->window.first_ix, u->conn};
    for (qlab_panel_kind kind = 0; kind < QLAB_PANEL_KINDS; kind++) {
        if (!m->missing[kind])
            continue;
        qlab_code code =
            qlab_panel_part_write(&w, &u->block, kind, m->plan, m->key[kind], &m->reach[kind],
                                  &u->out->parts[m->place[kind]], &u->out->tally, err);
        if (code != QLAB_OK)
            return code;
    }
    return QLAB_OK;
}

/* Makes the missing parts of months [0, n) of one year, `step` months at a time. */
static qlab_code make_months(unit *u, int32_t year, const month_state *months, size_t n,
                             size_t step, bool features, qlab_err *err)
{
    qlab_month_plan plans[MONTHS];
    for (size_t i = 0; i < n; i += step) {
        size_t n_now = n - i < step ? n - i : step;
        for (size_t j = 0; j < n_now; j++)
            plans[j] = *months[i + j].plan;
        qlab_year_plan now = {year, plans, n_now};
        qlab_code code = fill_block(u, &now, features ? u->plan->columns : 0, err);
        for (size_t j = 0; j < n_now && code == QLAB_OK; j++)
            code = write_month(u, &months[i + j], err);
        if (code != QLAB_OK)
            return code;
    }
    return QLAB_OK;
}

/* Months a block may hold at once inside the unit's share of memory. */
static size_t months_at_once(const unit *u, int32_t year, size_t n_months, bool features)
{
    uint64_t columns = features ? u->plan->columns : 0;
    uint64_t bytes = qlab_block_bytes(u->plan->catalogue, columns, rows_of_year(u, year));
    uint64_t share = qlab_env_unit_bytes(u->plan->env) / 2; /* the other half: bars, one part */
    if (bytes <= share)
        return n_months;
    uint64_t per_month = bytes / MONTHS + 1;
    size_t fit = (size_t)(share / per_month);
    return fit < 1 ? 1 : fit < n_months ? fit : n_months;
}

static qlab_code run_year(unit *u, const qlab_month_plan *plans, size_t n_plans, qlab_err *err)
{
    month_state todo[MONTHS];
    size_t n_todo = 0;
    bool features = false, labels = false;
    int32_t year = qlab_date_year(plans[0].first);
    qlab_code code = qlab_cancel_check(err);
    for (size_t i = 0; i < n_plans && code == QLAB_OK; i++) {
        code = plan_month(u, &plans[i], &todo[n_todo], err);
        if (code != QLAB_OK || !any_missing(&todo[n_todo]))
            continue;
        features |= todo[n_todo].missing[QLAB_PANEL_FEATURES];
        labels |= todo[n_todo].missing[QLAB_PANEL_LABELS];
        n_todo++;
    }
    if (code != QLAB_OK || n_todo == 0)
        return code;
    code = hold_bars(u, year, todo[n_todo - 1].plan->last, labels, err);
    if (code != QLAB_OK)
        return code;
    size_t step = months_at_once(u, year, n_todo, features);
    return make_months(u, year, todo, n_todo, step, features, err);
}

qlab_code qlab_unit_run(const qlab_unit_plan *p, uint32_t bucket, qlab_conn *conn,
                        qlab_unit_result *out, qlab_err *err)
{
    unit u = {.plan = p, .bucket = bucket, .conn = conn, .out = out};
    qlab_code code = qlab_partkeys_open(p->snap, conn, bucket, &u.keys, err);
    if (code != QLAB_OK)
        return code;
    qlab_window_init(&u.window, p->snap, bucket);
    u.scratch = qlab_scratch_new();
    qlab_block_init(&u.block, p->catalogue, p->columns);
    u.by_id = qlab_alloc(u.window.n_assets, sizeof *u.by_id);
    for (size_t i = 0; i < u.window.n_assets; i++)
        u.by_id[i] = qlab_partkeys_by_id(u.keys)[i] - u.window.first_ix;
    const qlab_range_plan *r = p->range;
    for (size_t i = 0, j; i < r->n_months && code == QLAB_OK; i = j) {
        int32_t year = qlab_date_year(r->months[i].first);
        for (j = i + 1; j < r->n_months && qlab_date_year(r->months[j].first) == year;)
            j++;
        code = run_year(&u, r->months + i, j - i, err);
    }
    out->n_rows_read += u.window.n_rows_read + qlab_partkeys_rows_read(u.keys);
    qlab_free(u.by_id);
    qlab_block_free(&u.block);
    qlab_scratch_free(u.scratch);
    qlab_window_free(&u.window);
    qlab_partkeys_close(u.keys);
    return code;
}
