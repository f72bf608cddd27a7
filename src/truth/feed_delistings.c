/* Delistings in the one loader: order, values, and which record takes the place of which. */
#include "truth/load.h"

#include "base/cancel.h"
#include "base/date.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Two records of one asset that lie nearer are about one event: a name that comes back is a new
 * life only after a gap of 252 sessions. */
enum { SAME_END_DAYS = 366 };

static uint32_t asset_of(const void *fact)
{
    return ((const qlab_delisting *)fact)->asset_ix;
}

static int32_t date_of(const void *fact)
{
    return ((const qlab_delisting *)fact)->delist_date;
}

static uint8_t kind_of(const void *fact)
{
    return ((const qlab_delisting *)fact)->code;
}

static int compare(const void *pa, const void *pb)
{
    const qlab_delisting *a = pa, *b = pb;
    if (a->asset_ix != b->asset_ix)
        return a->asset_ix < b->asset_ix ? -1 : 1;
    return (a->delist_date > b->delist_date) - (a->delist_date < b->delist_date);
}

static bool same(const void *pa, const void *pb)
{
    const qlab_delisting *a = pa, *b = pb;
    bool same_return = a->delist_return == b->delist_return ||
                       (isnan(a->delist_return) && isnan(b->delist_return));
    return a->code == b->code && same_return && strcmp(a->source, b->source) == 0 &&
           strcmp(a->source_code, b->source_code) == 0;
}

static bool of_map_file(const qlab_delisting *d)
{
    return strcmp(d->source, QLAB_SOURCE_MAP_FILE) == 0;
}

static bool ends_a_life(const qlab_delisting *d)
{
    return d->code != QLAB_DELIST_EXCHANGE_MOVE && d->code != QLAB_DELIST_SYMBOL_CHANGE;
}

static bool near(const qlab_delisting *a, const qlab_delisting *b)
{
    return a->asset_ix == b->asset_ix && abs(a->delist_date - b->delist_date) < SAME_END_DAYS &&
           ends_a_life(a) == ends_a_life(b);
}

/* A map file knows when, a feed also why: its record is not taken beside a feed's. */
static bool yields(qlab_load *z, const void *fact)
{
    const qlab_load_table *t = &z->table[QLAB_LOAD_DELISTINGS];
    const qlab_delisting *d = fact, *known = (const qlab_delisting *)(const void *)t->facts;
    for (size_t i = 0; of_map_file(d) && i < t->n_facts; i++)
        if (near(d, &known[i]) && !of_map_file(&known[i]))
            return true;
    return false;
}

/* Stated by this load too: then both dates are meant. */
static bool restated(const qlab_load *z, const qlab_delisting *known)
{
    const qlab_load_table *t = &z->table[QLAB_LOAD_DELISTINGS];
    for (size_t i = 0; i < t->n; i++)
        if (compare(t->rows[i].value, known) == 0)
            return true;
    return false;
}

/* A source that moves the date of an ending means the same one; a feed's takes that of a map file.
 */
static bool replace(qlab_load *z, const void *fact)
{
    const qlab_load_table *t = &z->table[QLAB_LOAD_DELISTINGS];
    const qlab_delisting *d = fact, *known = (const qlab_delisting *)(const void *)t->facts;
    bool any = false;
    for (size_t i = 0; i < t->n_facts; i++) {
        if (!near(d, &known[i]) || compare(d, &known[i]) == 0 || restated(z, &known[i]) ||
            (strcmp(d->source, known[i].source) != 0 && !of_map_file(&known[i])))
            continue;
        qlab_delisting gone = known[i];
        gone.withdrawn = true;
        qlab_load_withdraw(z, QLAB_LOAD_DELISTINGS, &gone);
        any = true;
    }
    return any;
}

/* Bars later than the record, up to the gap that another life needs. */
static void judge_row(qlab_load *z, const qlab_load_row *row, const int32_t *date, size_t n)
{
    const qlab_delisting *d = row->value;
    size_t at = 0, end;
    while (at < n && date[at] <= d->delist_date)
        at++;
    for (end = at; end < n && date[end] - (end > 0 ? date[end - 1] : date[end]) < SAME_END_DAYS;)
        end++;
    if (end > at && ends_a_life(d) && !of_map_file(d)) /* another company may follow at once */
        qlab_load_note(z, row->at, "BARS_AFTER_DELIST", d->asset_ix, d->delist_date, NAN,
                       (double)(end - at));
}

qlab_code qlab_load_judge_delistings(qlab_load *z, qlab_err *err)
{
    const qlab_load_table *t = &z->table[QLAB_LOAD_DELISTINGS];
    qlab_code code = QLAB_OK;
    for (size_t i = 0; i < t->n && code == QLAB_OK;) {
        uint32_t bucket = asset_of(t->rows[i].value) / QLAB_LAKE_BUCKET_ASSETS;
        qlab_bars b = {0};
        code = qlab_lake_read_dates(z->view, z->conn, bucket, QLAB_DATE_NONE, INT32_MAX, &b, err);
        if (code != QLAB_OK)
            break;
        for (; i < t->n && asset_of(t->rows[i].value) / QLAB_LAKE_BUCKET_ASSETS == bucket; i++) {
            size_t a = asset_of(t->rows[i].value) % QLAB_LAKE_BUCKET_ASSETS;
            judge_row(z, &t->rows[i], b.date + b.first[a], b.first[a + 1] - b.first[a]);
        }
        qlab_bars_free(&b);
        code = code == QLAB_OK ? qlab_cancel_check(err) : code;
    }
    return code;
}

static qlab_code read(const qlab_lake_view *v, qlab_conn *conn, qlab_arena *strings, void **rows,
                      size_t *n, qlab_err *err)
{
    qlab_delisting *facts = NULL;
    qlab_code code = qlab_delistings_read(v, conn, strings, &facts, n, err);
    *rows = facts;
    return code;
}

static qlab_code write(const qlab_load *z, void *rows, size_t n, qlab_part *out, qlab_err *err)
{
    return qlab_delistings_write(z->env, z->conn, rows, n, z->view, z->view->commit + 1, out, err);
}

const qlab_load_ops qlab_load_delistings = {.name = "delistings",
                                            .kinds = "rows_by_code",
                                            .size = sizeof(qlab_delisting),
                                            .n_kinds = QLAB_DELIST_CODES,
                                            .kind_name = qlab_delist_code_name,
                                            .kind_of = kind_of,
                                            .asset_of = asset_of,
                                            .date_of = date_of,
                                            .compare = compare,
                                            .same = same,
                                            .replace = replace,
                                            .yields = yields,
                                            .read = read,
                                            .write = write};
