/* Actions in the one loader: order, values, types of factors, what the bars say of them. */
#include "base/alloc.h"
#include "base/cancel.h"
#include "base/date.h"
#include "truth/derive.h"
#include "truth/load.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows against the bars of the lake ------------------------------------------------------- */

static void note(qlab_load *z, const qlab_load_row *row, const char *code, double stated,
                 double have)
{
    const qlab_action *a = row->value;
    qlab_load_note(z, row->at, code, a->asset_ix, a->ex_date, stated, have);
}

static bool split_is_fed(const qlab_load *z, const qlab_action *a)
{
    const qlab_load_table *t = &z->table[QLAB_LOAD_ACTIONS];
    const qlab_action *facts = (const qlab_action *)(const void *)t->facts;
    for (size_t i = 0; i < t->n_facts; i++)
        if (facts[i].asset_ix == a->asset_ix && facts[i].ex_date == a->ex_date &&
            facts[i].source == QLAB_SOURCE_FEED && facts[i].type == QLAB_ACTION_SPLIT)
            return true;
    return false;
}

/* Split factors are products of factors that were rounded one after the other: seen up to 2e-5 off
 * the ratio, far outside what their last decimals allow. */
#define SPLIT_TOLERANCE 1e-4

/* A source that says "split" is believed; only its ratio may be none of the listed ones. */
static void set_split(qlab_load *z, const qlab_load_row *row)
{
    qlab_feed_action *f = row->value;
    qlab_action *a = &f->a;
    a->r = qlab_split_ratio_in(a->c, a->c_low, a->c_high);
    if (a->r != 0.0)
        return;
    a->confidence = QLAB_CONFIDENCE_MEDIUM;
    a->r =
        qlab_split_ratio_in(a->c, a->c * (1.0 - SPLIT_TOLERANCE), a->c * (1.0 + SPLIT_TOLERANCE));
    if (a->r == 0.0) {
        a->r = a->c;
        note(z, row, "SPLIT_RATIO_UNUSUAL", a->c, NAN);
    }
}

static void type_factor(qlab_load *z, const qlab_load_row *row, const double *volume, size_t n,
                        size_t at)
{
    qlab_feed_action *f = row->value;
    qlab_action *a = &f->a;
    if (f->is_split) {
        set_split(z, row);
        return;
    }
    double ratio = f->is_cash ? 0.0 : qlab_split_ratio_in(a->c, a->c_low, a->c_high);
    bool confirmed =
        ratio != 0.0 && (split_is_fed(z, a) || qlab_volume_confirms(volume, n, at, ratio));
    /* In a basis of adjusted prices no factor is a split, and neither is one that says so. */
    qlab_basis basis = f->is_cash ? QLAB_BASIS_SPLIT_ADJUSTED : z->view->price_basis;
    qlab_typed_factor t = qlab_type_factor(a->c, a->c_low, a->c_high, confirmed, basis);
    /* That the source has an event here is evidence; its decimals alone would not show one. */
    bool unclear = a->c_low <= 1.0 && a->c_high >= 1.0;
    a->type = t.type;
    a->confidence = unclear ? QLAB_CONFIDENCE_LOW : t.confidence;
    a->r = t.r;
    if (t.type == QLAB_ACTION_DIVIDEND_CASH)
        a->d = f->prev_close * (1.0 - 1.0 / a->c);
}

/* One row of the feed against the bars [first, last) of its asset. */
static void judge_row(qlab_load *z, const qlab_load_row *row, const qlab_bars *b, size_t first,
                      size_t last)
{
    qlab_feed_action *f = row->value;
    size_t at = first, n_priced = 0, at_priced = 0;
    while (at < last && b->date[at] < f->a.ex_date)
        at++;
    if (at == last || b->date[at] != f->a.ex_date)
        note(z, row, "EX_DATE_WITHOUT_BAR", NAN, NAN);
    double before = at > first ? b->close[at - 1] : NAN;
    if (f->a.source == QLAB_SOURCE_FEED && f->a.type == QLAB_ACTION_DIVIDEND_CASH && before > 0.0 &&
        f->a.d >= before)
        note(z, row, "DIVIDEND_NOT_BELOW_CLOSE", f->a.d, before);
    if (f->a.source != QLAB_SOURCE_FACTOR_FEED)
        return;
    if (at > first && b->date[at - 1] != f->prev_date)
        note(z, row, "PREV_DATE_DIFFERS", (double)f->prev_date, (double)b->date[at - 1]);
    else if (at > first && fabs(before - f->prev_close) > 1e-4 * f->prev_close)
        note(z, row, "PREV_CLOSE_DIFFERS", f->prev_close, before);
    double *volume = qlab_alloc(last - first, sizeof *volume);
    for (size_t i = first; i < last; i++) {
        if (!(b->close[i] > 0.0))
            continue;
        if (i < at)
            at_priced++;
        volume[n_priced++] = b->volume[i];
    }
    type_factor(z, row, volume, n_priced, at_priced);
    qlab_free(volume);
}

qlab_code qlab_load_judge_actions(qlab_load *z, qlab_err *err)
{
    const qlab_load_table *t = &z->table[QLAB_LOAD_ACTIONS];
    qlab_code code = QLAB_OK;
    for (size_t i = 0; i < t->n && code == QLAB_OK;) {
        uint32_t bucket = t->ops->asset_of(t->rows[i].value) / QLAB_LAKE_BUCKET_ASSETS;
        qlab_bars b = {0};
        code = qlab_lake_read_bars(z->view, z->conn, bucket, QLAB_DATE_NONE, INT32_MAX, 0, &b, err);
        if (code != QLAB_OK)
            break;
        for (; i < t->n; i++) {
            uint32_t ix = t->ops->asset_of(t->rows[i].value);
            size_t a = ix % QLAB_LAKE_BUCKET_ASSETS;
            if (ix / QLAB_LAKE_BUCKET_ASSETS != bucket)
                break;
            judge_row(z, &t->rows[i], &b, b.first[a], b.first[a + 1]);
        }
        qlab_bars_free(&b);
        code = code == QLAB_OK ? qlab_cancel_check(err) : code;
    }
    return code;
}

/* ---- the table ------------------------------------------------------------------------------- */

static uint32_t asset_of(const void *fact)
{
    return ((const qlab_action *)fact)->asset_ix;
}

static int32_t date_of(const void *fact)
{
    return ((const qlab_action *)fact)->ex_date;
}

static uint8_t kind_of(const void *fact)
{
    return ((const qlab_action *)fact)->type;
}

static bool same(const void *a, const void *b)
{
    return qlab_action_same_values(a, b);
}

/* Stated by this load too: a split and a dividend of one date stand side by side. */
static bool restated(const qlab_load *z, const qlab_action *fact)
{
    const qlab_load_table *t = &z->table[QLAB_LOAD_ACTIONS];
    for (size_t i = 0; i < t->n; i++)
        if (qlab_action_cmp(t->rows[i].value, fact) == 0)
            return true;
    return false;
}

/* The same factor read as another type before: taken back. */
static bool withdraw_other_types(qlab_load *z, const void *fact)
{
    const qlab_action *a = fact;
    bool any = false;
    if (a->source != QLAB_SOURCE_FACTOR_FEED)
        return false;
    for (uint8_t type = 0; type < QLAB_ACTION_TYPES; type++) {
        qlab_action key = *a;
        key.type = type;
        const qlab_action *was =
            type == a->type ? NULL : qlab_load_find(z, QLAB_LOAD_ACTIONS, &key);
        if (was == NULL || restated(z, was))
            continue;
        qlab_action gone = *was;
        gone.withdrawn = true;
        qlab_load_withdraw(z, QLAB_LOAD_ACTIONS, &gone);
        any = true;
    }
    return any;
}

/* A feed that names its events by an id and moves one's ex-date by less than this means the same
 * one; further off the id may be one that returns, as monthly payers have it. */
enum { MOVED_DAYS = 21 };

static bool withdraw_moved(qlab_load *z, const void *fact)
{
    const qlab_load_table *t = &z->table[QLAB_LOAD_ACTIONS];
    const qlab_action *a = fact, *known = (const qlab_action *)(const void *)t->facts;
    const char *colon = strchr(a->source_id, ':');
    bool any = false;
    if (a->source != QLAB_SOURCE_FEED || colon == NULL || colon[1] == '\0')
        return false;
    for (size_t i = 0; i < t->n_facts; i++) {
        if (known[i].asset_ix != a->asset_ix || known[i].source != a->source ||
            known[i].type != a->type || known[i].ex_date == a->ex_date ||
            abs(known[i].ex_date - a->ex_date) >= MOVED_DAYS ||
            strcmp(known[i].source_id, a->source_id) != 0 || restated(z, &known[i]))
            continue;
        qlab_action gone = known[i];
        gone.withdrawn = true;
        qlab_load_withdraw(z, QLAB_LOAD_ACTIONS, &gone);
        any = true;
    }
    return any;
}

static bool replace(qlab_load *z, const void *fact)
{
    const bool retyped = withdraw_other_types(z, fact), moved = withdraw_moved(z, fact);
    return retyped || moved;
}

static qlab_code read(const qlab_lake_view *v, qlab_conn *conn, qlab_arena *strings, void **rows,
                      size_t *n, qlab_err *err)
{
    qlab_action *facts = NULL;
    qlab_code code = qlab_actions_read(v, conn, strings, &facts, n, err);
    *rows = facts;
    return code;
}

static const char *name_of(const void *ctx, uint32_t ix)
{
    return ((const qlab_lake_view *)ctx)->assets[ix].asset_id;
}

static qlab_code write(const qlab_load *z, void *rows, size_t n, qlab_part *out, qlab_err *err)
{
    return qlab_actions_write(z->env, z->conn, -1, rows, n, name_of, z->view, z->view->commit + 1,
                              out, err);
}

const qlab_load_ops qlab_load_actions = {.name = "actions",
                                         .kinds = "rows_by_type",
                                         .size = sizeof(qlab_action),
                                         .n_kinds = QLAB_ACTION_TYPES,
                                         .kind_name = qlab_action_type_name,
                                         .kind_of = kind_of,
                                         .asset_of = asset_of,
                                         .date_of = date_of,
                                         .compare = qlab_action_cmp,
                                         .same = same,
                                         .replace = replace,
                                         .read = read,
                                         .write = write};
