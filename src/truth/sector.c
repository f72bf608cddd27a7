#include "truth/sector.h"

#include "base/alloc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_IN_MESSAGE = 8 };

typedef struct symbol {
    qlab_str name;
    uint32_t asset_ix;
} symbol;

typedef struct reader {
    const qlab_lake_view *view;
    qlab_sectors *out;
    symbol *symbols; /* by name */
    size_t *line;    /* by asset_ix: the line that gave its sector */
    size_t n_symbols, n_bad;
    qlab_buf bad;
} reader;

void qlab_sectors_free(qlab_sectors *s)
{
    qlab_free(s->of);
    qlab_arena_free(&s->strings);
    *s = (qlab_sectors){0};
}

/* ---- assets by symbol ------------------------------------------------------------------------ */

static int compare_symbols(const void *pa, const void *pb)
{
    const symbol *a = pa, *b = pb;
    int c = qlab_str_cmp(a->name, b->name);
    return c != 0 ? c : (a->asset_ix > b->asset_ix) - (a->asset_ix < b->asset_ix);
}

static void index_symbols(reader *z)
{
    z->symbols = qlab_alloc(z->view->n_assets + 1, sizeof *z->symbols);
    for (size_t i = 0; i < z->view->n_assets; i++) {
        const char *name = z->view->assets[i].symbol;
        if (name != NULL && name[0] != '\0')
            z->symbols[z->n_symbols++] = (symbol){qlab_str_of(name), (uint32_t)i};
    }
    if (z->n_symbols > 0)
        qsort(z->symbols, z->n_symbols, sizeof *z->symbols, compare_symbols);
}

/* How many assets have the symbol; *ix is the first of them. */
static size_t count_symbol(const reader *z, qlab_str name, int64_t *ix)
{
    size_t lo = 0, hi = z->n_symbols, n = 0;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (qlab_str_cmp(z->symbols[mid].name, name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    while (lo + n < z->n_symbols && qlab_str_eq(z->symbols[lo + n].name, name))
        n++;
    *ix = n > 0 ? (int64_t)z->symbols[lo].asset_ix : -1;
    return n;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void reject(reader *z, size_t line, const char *reason, const char *what, qlab_str text)
{
    if (z->n_bad++ < ROWS_IN_MESSAGE)
        qlab_buf_putf(&z->bad, "%s line %zu %s: %s was \"%.*s\"", z->bad.n ? ";" : "", line, reason,
                      what, (int)(text.n > 40 ? 40 : text.n), text.n ? text.at : "");
}

static void reject_plainly(reader *z, size_t line, const char *reason, const char *detail)
{
    if (z->n_bad++ < ROWS_IN_MESSAGE)
        qlab_buf_putf(&z->bad, "%s line %zu %s: %.80s", z->bad.n ? ";" : "", line, reason, detail);
}

/* A name as it is printed and grouped by: no blanks around it, no control bytes. */
static bool is_name(qlab_str s)
{
    if (s.n == 0 || s.n > QLAB_SECTOR_BYTES || s.at[0] == ' ' || s.at[s.n - 1] == ' ')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.at[i] < 0x20 || s.at[i] == 0x7f)
            return false;
    return true;
}

static bool find_asset(reader *z, size_t line, const qlab_flat_row *row, int64_t *ix)
{
    const qlab_flat_field *id = qlab_flat_find(row, "asset_id");
    const qlab_flat_field *name = qlab_flat_find(row, "symbol");
    *ix = -1;
    if (id != NULL && id->kind != QLAB_FLAT_NULL) {
        *ix = qlab_lake_find_asset(z->view, id->text);
        return true;
    }
    if (name == NULL || name->kind == QLAB_FLAT_NULL) {
        reject_plainly(z, line, "MISSING_FIELD", "asset_id and symbol were missing");
        return false;
    }
    if (z->symbols == NULL)
        index_symbols(z);
    if (count_symbol(z, name->text, ix) > 1) {
        reject(z, line, "AMBIGUOUS_SYMBOL", "symbol, which several assets have,", name->text);
        return false;
    }
    return true;
}

static void take_row(reader *z, size_t line, const qlab_flat_row *row)
{
    const qlab_flat_field *sector = qlab_flat_find(row, "sector");
    int64_t ix = -1;
    if (sector == NULL) {
        reject_plainly(z, line, "MISSING_FIELD", "sector was missing");
        return;
    }
    if (!find_asset(z, line, row, &ix) || sector->kind == QLAB_FLAT_NULL)
        return;
    if (sector->kind != QLAB_FLAT_TEXT || !is_name(sector->text)) {
        reject(z, line, "BAD_VALUE", "sector", sector->text);
        return;
    }
    if (ix < 0) {
        z->out->n_not_in_lake++;
        return;
    }
    const char **of = &z->out->of[ix];
    if ((*of)[0] == '\0') {
        *of = qlab_arena_strndup(&z->out->strings, sector->text.at, sector->text.n);
        z->line[ix] = line;
        z->out->n_known++;
    } else if (!qlab_str_eq(qlab_str_of(*of), sector->text)) {
        char what[64];
        snprintf(what, sizeof what, "sector, other than on line %zu,", z->line[ix]);
        reject(z, line, "CONFLICT", what, sector->text);
    }
}

static qlab_code verdict(const reader *z, const char *name, qlab_err *err)
{
    if (z->n_bad > ROWS_IN_MESSAGE)
        return qlab_fail(err, QLAB_E_CONFIG, "%s: %zu bad rows:%s; and %zu more", name, z->n_bad,
                         z->bad.at, z->n_bad - ROWS_IN_MESSAGE);
    if (z->n_bad > 0)
        return qlab_fail(err, QLAB_E_CONFIG, "%s: %zu bad row%s:%s", name, z->n_bad,
                         z->n_bad == 1 ? "" : "s", z->bad.at);
    if (z->out->n_known == 0)
        return qlab_fail(err, QLAB_E_CONFIG,
                         "%s: none of its %zu rows gave an asset of the lake a sector", name,
                         z->out->n_rows);
    return QLAB_OK;
}

qlab_code qlab_sectors_read(const char *name, const qlab_lake_view *view, qlab_feed_file *file,
                            qlab_sectors *out, qlab_err *err)
{
    *out = (qlab_sectors){0};
    if (file->is_csv && (qlab_flat_find(&file->header, "sector") == NULL ||
                         (qlab_flat_find(&file->header, "asset_id") == NULL &&
                          qlab_flat_find(&file->header, "symbol") == NULL)))
        return qlab_fail(err, QLAB_E_CONFIG,
                         "%s: line 1: the header lacked sector, or asset_id and symbol", name);
    reader z = {.view = view, .out = out, .bad = QLAB_BUF_INIT};
    qlab_arena scratch = QLAB_ARENA_INIT;
    qlab_flat_row row;
    qlab_feed_reason reason = QLAB_FEED_OK;
    qlab_err detail = QLAB_ERR_INIT;

    out->of = qlab_alloc(view->n_assets + 1, sizeof *out->of);
    for (size_t i = 0; i < view->n_assets; i++)
        out->of[i] = "";
    z.line = qlab_alloc_zero(view->n_assets + 1, sizeof *z.line);
    while (qlab_feed_next(file, &scratch, &row, &reason, &detail)) {
        out->n_rows++;
        if (reason != QLAB_FEED_OK)
            reject_plainly(&z, file->line, "BAD_LINE", detail.text);
        else
            take_row(&z, file->line, &row);
        qlab_arena_reset(&scratch);
    }
    qlab_code code = verdict(&z, name, err);
    qlab_arena_free(&scratch);
    qlab_buf_free(&z.bad);
    qlab_free(z.symbols);
    qlab_free(z.line);
    if (code != QLAB_OK)
        qlab_sectors_free(out);
    return code;
}

qlab_code qlab_sectors_load(const char *path, const qlab_lake_view *view, qlab_sectors *out,
                            qlab_err *err)
{
    qlab_feed_file file;
    *out = (qlab_sectors){0};
    qlab_code code = qlab_feed_open(path, &file, err);
    if (code != QLAB_OK)
        return code;
    code = qlab_sectors_read(path, view, &file, out, err);
    qlab_feed_close(&file);
    return code;
}

qlab_digest qlab_sectors_digest(const qlab_sectors *s, const qlab_lake_view *view)
{
    qlab_sha256 *h = qlab_sha256_new();
    for (size_t k = 0; k < view->n_assets; k++) {
        uint32_t ix = view->by_id[k];
        if (s->of[ix][0] == '\0')
            continue;
        const char *id = view->assets[ix].asset_id;
        qlab_sha256_put_str(h, id, strlen(id));
        qlab_sha256_put_str(h, s->of[ix], strlen(s->of[ix]));
    }
    qlab_digest d = qlab_sha256_end(h);
    qlab_sha256_free(h);
    return d;
}
