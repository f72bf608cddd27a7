/* Factor and map files in the one loader: companies to assets, lines to statements. */
#include "truth/lean.h"

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/date.h"
#include "truth/lives.h"
#include "truth/load.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PRICE_DECIMALS = 7, SPLIT_DECIMALS = 8, NEXT_SESSION_DAYS = 10 };

typedef struct symbol {
    const char *text;
    uint32_t ix;
} symbol;

/* A stretch in which a company held a ticker. */
typedef struct span {
    const char *company;
    int64_t asset; /* -1: the lake has none of that name */
    int32_t first, last;
} span;

/* Something between two lines of a factor file; its ex-date is still to be found. */
typedef struct event {
    uint32_t asset;
    qlab_load_at at;
    qlab_feed_action action;
} event;

typedef struct lean {
    qlab_load *z;
    symbol *symbols;
    size_t n_symbols;
    span *spans; /* by company in order of the files */
    size_t n_spans, cap_spans;
    event *events;
    size_t n_events, cap_events;
} lean;

/* ---- tickers to assets ----------------------------------------------------------------------- */

static int compare_symbols(const void *pa, const void *pb)
{
    const symbol *a = pa, *b = pb;
    int c = strcasecmp(a->text, b->text);
    return c != 0 ? c : (a->ix > b->ix) - (a->ix < b->ix);
}

static void index_symbols(lean *l)
{
    const qlab_lake_view *v = l->z->view;
    const char *only = l->z->request->exchange;
    l->symbols = qlab_alloc(v->n_assets, sizeof *l->symbols);
    for (size_t i = 0; i < v->n_assets; i++)
        if (v->assets[i].symbol[0] != '\0' &&
            (only == NULL || strcmp(only, v->assets[i].exchange) == 0))
            l->symbols[l->n_symbols++] = (symbol){v->assets[i].symbol, (uint32_t)i};
    if (l->n_symbols > 1)
        qsort(l->symbols, l->n_symbols, sizeof *l->symbols, compare_symbols);
}

/* The asset of a ticker, or -1 with what was wrong. */
static int64_t find_asset(const lean *l, qlab_str ticker, qlab_err *detail)
{
    size_t low = 0, high = l->n_symbols;
    char text[64];
    qlab_code ignored;
    snprintf(text, sizeof text, "%.*s", (int)(ticker.n > 60 ? 60 : ticker.n), ticker.at);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcasecmp(l->symbols[mid].text, text) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    size_t n = 0;
    while (low + n < l->n_symbols && strcasecmp(l->symbols[low + n].text, text) == 0)
        n++;
    if (n == 1)
        return l->symbols[low].ix;
    if (n == 0)
        ignored = qlab_fail(detail, QLAB_E_NOT_FOUND, "no asset had the symbol \"%s\"", text);
    else
        ignored = qlab_fail(detail, QLAB_E_NOT_FOUND,
                            "%zu assets had the symbol \"%s\": give --exchange", n, text);
    (void)ignored;
    return -1;
}

/* "factor_files/fb.1.csv.gz" to "fb.1". */
static const char *company_of(lean *l, const char *name)
{
    const char *base = strrchr(name, '/');
    base = base != NULL ? base + 1 : name;
    const char *end = strstr(base, ".csv");
    return qlab_arena_strndup(&l->z->strings, base, end ? (size_t)(end - base) : strlen(base));
}

/* ---- a file's lines -------------------------------------------------------------------------- */

typedef union line_value {
    qlab_factor_line factor;
    qlab_map_line map;
} line_value;

typedef struct lines {
    qlab_feed_file file;
    line_value *at;
    size_t *no; /* numbers of the lines */
    size_t n, cap, cap_no;
} lines;

static void lines_free(lines *x)
{
    qlab_feed_close(&x->file);
    qlab_free(x->at);
    qlab_free(x->no);
}

/* What lies between two lines cannot be told when one of them is bad: then none is taken. */
static void refuse_file(lean *l, size_t file_no, const lines *x, size_t bad_line)
{
    for (size_t i = 0; i < x->n; i++) {
        qlab_err detail = QLAB_ERR_INIT;
        qlab_code ignored =
            qlab_fail(&detail, QLAB_E_CORRUPT, "line %zu of this file was bad", bad_line);
        (void)ignored;
        if (x->no[i] != bad_line)
            qlab_load_quarantine(l->z, (qlab_load_at){file_no, x->no[i]}, QLAB_FEED_FILE_REFUSED,
                                 &detail);
    }
}

/* Reads and checks all lines; *good false: every line is quarantined. */
static qlab_code read_lines(lean *l, size_t file_no, lines *x, bool *good, qlab_err *err)
{
    const qlab_load_file *f = &l->z->files[file_no];
    const bool factor = f->format == QLAB_FEED_FACTOR_FILE;
    qlab_str line;
    size_t bad_line = 0;
    int32_t last = QLAB_DATE_NONE;
    qlab_code code = qlab_feed_read_text(f->path, &x->file.text, err);
    if (code != QLAB_OK)
        return code;
    while (qlab_feed_next_line(&x->file, &line)) {
        qlab_err detail = QLAB_ERR_INIT;
        line_value v;
        qlab_feed_reason r = factor ? qlab_lean_parse_factor(line, &v.factor, &detail)
                                    : qlab_lean_parse_map(line, &v.map, &detail);
        int32_t date = r != QLAB_FEED_OK ? last : factor ? v.factor.date : v.map.date;
        if (r == QLAB_FEED_OK && x->n > 0 && date <= last) {
            qlab_code ignored = qlab_fail(&detail, QLAB_E_CORRUPT,
                                          "date was \"%.8s\", not after the line before", line.at);
            (void)ignored;
            r = QLAB_FEED_BAD_DATE;
        }
        qlab_grow((void **)&x->at, &x->cap, x->n + 1, sizeof *x->at);
        qlab_grow((void **)&x->no, &x->cap_no, x->n + 1, sizeof *x->no);
        x->at[x->n] = v;
        x->no[x->n++] = x->file.line;
        last = date;
        if (r == QLAB_FEED_OK || bad_line != 0)
            continue;
        bad_line = x->file.line;
        qlab_load_quarantine(l->z, (qlab_load_at){file_no, bad_line}, r, &detail);
    }
    *good = bad_line == 0;
    if (!*good)
        refuse_file(l, file_no, x, bad_line);
    return QLAB_OK;
}

/* ---- map files ------------------------------------------------------------------------------- */

static bool same_ticker(qlab_str a, qlab_str b)
{
    return a.n == b.n && strncasecmp(a.at, b.at, a.n) == 0;
}

/* Line i ends a stretch: how, or false where it ends nothing. */
static bool ending_of(const lines *x, size_t i, uint8_t *code)
{
    const qlab_map_line *now = &x->at[i].map, *next = &x->at[i + 1 < x->n ? i + 1 : i].map;
    if (now->date >= qlab_lean_open_date())
        return false;
    if (i + 1 == x->n) {
        *code = QLAB_DELIST_UNKNOWN;
        return true;
    }
    if (!same_ticker(now->ticker, next->ticker)) {
        *code = QLAB_DELIST_SYMBOL_CHANGE;
        return true;
    }
    *code = QLAB_DELIST_EXCHANGE_MOVE;
    return now->exchange.n > 0 && next->exchange.n > 0 &&
           !same_ticker(now->exchange, next->exchange);
}

/* What line i says: the life of its ticker's asset, and what ended it. */
static void state_line(lean *l, size_t file_no, const lines *x, size_t i, size_t first_span)
{
    const qlab_load_at at = {file_no, x->no[i]};
    const span *s = &l->spans[first_span + i - 1];
    qlab_err detail = QLAB_ERR_INIT;
    if (s->asset < 0) {
        (void)find_asset(l, x->at[i].map.ticker, &detail);
        qlab_load_quarantine(l->z, at, QLAB_FEED_UNKNOWN_ASSET, &detail);
        return;
    }
    qlab_known_life life = {.asset_ix = (uint32_t)s->asset,
                            .first_date = s->first,
                            .last_date = s->last,
                            .company = s->company};
    /* One company under one ticker is one life, also where it held another in between. */
    for (size_t k = first_span; k < l->n_spans; k++)
        if (l->spans[k].asset == s->asset) {
            life.first_date =
                l->spans[k].first < life.first_date ? l->spans[k].first : life.first_date;
            life.last_date = l->spans[k].last > life.last_date ? l->spans[k].last : life.last_date;
        }
    if (life.last_date >= qlab_lean_open_date())
        life.last_date = QLAB_DATE_NONE;
    qlab_load_put(l->z, QLAB_LOAD_LIVES, at, &life, sizeof life, false);
    qlab_delisting d = {.asset_ix = life.asset_ix,
                        .delist_date = x->at[i].map.date,
                        .delist_return = NAN,
                        .source = QLAB_SOURCE_MAP_FILE,
                        .source_code = ""};
    if (ending_of(x, i, &d.code))
        qlab_load_put(l->z, QLAB_LOAD_DELISTINGS, at, &d, sizeof d, false);
}

static qlab_code read_map_file(lean *l, size_t file_no, qlab_err *err)
{
    lines x = {0};
    bool good = false;
    const char *company = company_of(l, l->z->files[file_no].name);
    size_t first_span = l->n_spans;
    qlab_code code = read_lines(l, file_no, &x, &good, err);
    if (code == QLAB_OK && good) {
        for (size_t i = 1; i < x.n; i++) {
            qlab_err ignored = QLAB_ERR_INIT;
            qlab_grow((void **)&l->spans, &l->cap_spans, l->n_spans + 1, sizeof *l->spans);
            l->spans[l->n_spans++] = (span){company, find_asset(l, x.at[i].map.ticker, &ignored),
                                            x.at[i - 1].map.date + (i > 1), x.at[i].map.date};
        }
        for (size_t i = 0; i < x.n; i++) {
            if (i == 0)
                qlab_load_nothing(l->z);
            else
                state_line(l, file_no, &x, i, first_span);
        }
    }
    lines_free(&x);
    return code;
}

static int compare_lives(const void *pa, const void *pb)
{
    const qlab_load_row *a = pa, *b = pb;
    const qlab_known_life *x = a->value, *y = b->value;
    if (x->asset_ix != y->asset_ix)
        return x->asset_ix < y->asset_ix ? -1 : 1;
    if (x->first_date != y->first_date)
        return x->first_date < y->first_date ? -1 : 1;
    return strcmp(x->company, y->company);
}

/* Two companies cannot hold one ticker on one day. */
static void note_overlaps(lean *l)
{
    const qlab_load_table *t = &l->z->table[QLAB_LOAD_LIVES];
    qlab_load_row *rows = qlab_alloc(t->n, sizeof *rows);
    if (t->n > 0) {
        memcpy(rows, t->rows, t->n * sizeof *rows);
        qsort(rows, t->n, sizeof *rows, compare_lives);
    }
    for (size_t i = 1; i < t->n; i++) {
        const qlab_known_life *a = rows[i - 1].value, *b = rows[i].value;
        if (a->asset_ix == b->asset_ix && strcmp(a->company, b->company) != 0 &&
            (a->last_date == QLAB_DATE_NONE || a->last_date >= b->first_date))
            qlab_load_note(l->z, rows[i].at, "LIVES_OVERLAP", b->asset_ix, b->first_date, NAN, NAN);
    }
    qlab_free(rows);
}

/* ---- factor files ---------------------------------------------------------------------------- */

/* The asset that held the company's shares on the day after `date`. */
static int64_t asset_after(lean *l, const char *company, int32_t date, qlab_err *detail)
{
    const qlab_load_table *t = &l->z->table[QLAB_LOAD_LIVES];
    const qlab_known_life *known = (const qlab_known_life *)(const void *)t->facts;
    bool any = false;
    for (size_t i = 0; i < l->n_spans; i++) {
        if (strcmp(l->spans[i].company, company) != 0)
            continue;
        any = true;
        if (l->spans[i].last > date && l->spans[i].asset >= 0)
            return l->spans[i].asset;
        if (l->spans[i].last > date)
            break;
    }
    for (size_t i = 0; !any && i < t->n_facts; i++)
        if (strcmp(known[i].company, company) == 0 &&
            (known[i].last_date == QLAB_DATE_NONE || known[i].last_date > date))
            return known[i].asset_ix;
    const char *dot = strrchr(company, '.');
    bool numbered =
        dot != NULL && dot[1] != '\0' && strspn(dot + 1, "0123456789") == strlen(dot + 1);
    if (!any && !numbered)
        return find_asset(l, qlab_str_of(company), detail);
    qlab_code ignored =
        qlab_fail(detail, QLAB_E_NOT_FOUND,
                  any ? "the lake had no asset of the ticker that company %.60s held then"
                      : "company %.60s held a ticker that another has now: load its map file too",
                  company);
    (void)ignored;
    return -1;
}

static void add_event(lean *l, qlab_load_at at, const char *company, const qlab_factor_line *from,
                      const qlab_feed_action *action)
{
    qlab_err detail = QLAB_ERR_INIT;
    int64_t asset = asset_after(l, company, from->date, &detail);
    if (asset < 0) {
        qlab_load_quarantine(l->z, at, QLAB_FEED_UNKNOWN_ASSET, &detail);
        return;
    }
    qlab_grow((void **)&l->events, &l->cap_events, l->n_events + 1, sizeof *l->events);
    l->events[l->n_events++] = (event){(uint32_t)asset, at, *action};
}

static qlab_interval factor_interval(double v, int k, int least, bool exact)
{
    return exact ? (qlab_interval){v, v} : qlab_feed_interval(v, k > least ? k : least);
}

static void state_step(lean *l, qlab_load_at at, const char *company, const qlab_factor_line *from,
                       const qlab_factor_line *to)
{
    const bool open = to->date >= qlab_lean_open_date(); /* its factors are 1 by definition */
    qlab_feed_action row = {.prev_date = from->date,
                            .prev_close = from->close > 0.0 ? from->close : NAN};
    row.a.currency = "";
    row.a.source_id = qlab_arena_printf(&l->z->strings, "factor_file:%s", company);
    size_t n = 0;
    if (to->split != from->split) {
        qlab_feed_set_factor(
            &row, to->split, factor_interval(to->split, to->k_split, SPLIT_DECIMALS, open),
            from->split, factor_interval(from->split, from->k_split, SPLIT_DECIMALS, false));
        row.a.type = QLAB_ACTION_SPLIT;
        row.is_split = true;
        add_event(l, at, company, from, &row);
        n++;
    }
    if (to->price != from->price) {
        qlab_feed_set_factor(
            &row, to->price, factor_interval(to->price, to->k_price, PRICE_DECIMALS, open),
            from->price, factor_interval(from->price, from->k_price, PRICE_DECIMALS, false));
        row.is_split = false;
        row.is_cash = true;
        add_event(l, at, company, from, &row);
        n++;
    }
    if (n == 0)
        qlab_load_nothing(l->z);
}

static qlab_code read_factor_file(lean *l, size_t file_no, qlab_err *err)
{
    lines x = {0};
    bool good = false;
    const char *company = company_of(l, l->z->files[file_no].name);
    qlab_code code = read_lines(l, file_no, &x, &good, err);
    for (size_t i = 0; code == QLAB_OK && good && i < x.n; i++) {
        const qlab_load_at at = {file_no, x.no[i]};
        if (i + 1 == x.n) /* the last line ends the stretch of the one before */
            qlab_load_nothing(l->z);
        else
            state_step(l, at, company, &x.at[i].factor, &x.at[i + 1].factor);
    }
    lines_free(&x);
    return code;
}

/* ---- ex-dates -------------------------------------------------------------------------------- */

static int compare_events(const void *pa, const void *pb)
{
    const event *a = pa, *b = pb;
    if (a->asset != b->asset)
        return a->asset < b->asset ? -1 : 1;
    if (a->action.prev_date != b->action.prev_date)
        return a->action.prev_date < b->action.prev_date ? -1 : 1;
    if (a->at.file != b->at.file)
        return a->at.file < b->at.file ? -1 : 1;
    return (a->at.line > b->at.line) - (a->at.line < b->at.line);
}

/* The first bar after the day whose close the file names, among rows [first, last). */
static void place_event(lean *l, event *e, const qlab_bars *b, size_t first, size_t last)
{
    size_t at = first;
    while (at < last && b->date[at] <= e->action.prev_date)
        at++;
    e->action.a.asset_ix = e->asset;
    if (at < last && b->date[at] <= e->action.prev_date + NEXT_SESSION_DAYS) {
        const char *own = l->z->view->assets[e->asset].currency;
        e->action.a.ex_date = b->date[at];
        e->action.a.currency = qlab_arena_strndup(&l->z->strings, own, strlen(own));
        qlab_load_put(l->z, QLAB_LOAD_ACTIONS, e->at, &e->action, sizeof e->action,
                      e->action.no_action);
        return;
    }
    char day[QLAB_DATE_BYTES];
    qlab_err detail = QLAB_ERR_INIT;
    qlab_code ignored =
        qlab_fail(&detail, QLAB_E_NOT_FOUND,
                  "the lake had no bar of %s in the %d days after %s; load again when it has",
                  l->z->view->assets[e->asset].asset_id, NEXT_SESSION_DAYS,
                  qlab_date_format(e->action.prev_date, day));
    (void)ignored;
    qlab_load_quarantine(l->z, e->at, QLAB_FEED_NO_BAR, &detail);
}

static qlab_code place_events(lean *l, qlab_err *err)
{
    qlab_code code = QLAB_OK;
    if (l->n_events > 1)
        qsort(l->events, l->n_events, sizeof *l->events, compare_events);
    for (size_t i = 0; i < l->n_events && code == QLAB_OK;) {
        uint32_t bucket = l->events[i].asset / QLAB_LAKE_BUCKET_ASSETS;
        qlab_bars b = {0};
        code = qlab_lake_read_dates(l->z->view, l->z->conn, bucket, QLAB_DATE_NONE, INT32_MAX, &b,
                                    err);
        if (code != QLAB_OK)
            break;
        for (; i < l->n_events && l->events[i].asset / QLAB_LAKE_BUCKET_ASSETS == bucket; i++) {
            size_t a = l->events[i].asset % QLAB_LAKE_BUCKET_ASSETS;
            place_event(l, &l->events[i], &b, b.first[a], b.first[a + 1]);
        }
        qlab_bars_free(&b);
        code = code == QLAB_OK ? qlab_cancel_check(err) : code;
    }
    return code;
}

qlab_code qlab_load_lean(qlab_load *z, qlab_err *err)
{
    lean l = {.z = z};
    qlab_code code = QLAB_OK;
    index_symbols(&l);
    for (size_t i = 0; i < z->n_files && code == QLAB_OK; i++)
        if (z->files[i].format == QLAB_FEED_MAP_FILE)
            code = read_map_file(&l, i, err);
    note_overlaps(&l);
    for (size_t i = 0; i < z->n_files && code == QLAB_OK; i++)
        if (z->files[i].format == QLAB_FEED_FACTOR_FILE)
            code = read_factor_file(&l, i, err);
    if (code == QLAB_OK)
        code = place_events(&l, err);
    qlab_free(l.symbols);
    qlab_free(l.spans);
    qlab_free(l.events);
    return code;
}
