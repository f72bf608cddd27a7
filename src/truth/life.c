#include "base/alloc.h"
#include "base/date.h"
#include "truth/feed.h"
#include "truth/series.h"
#include <stdlib.h>
#include <string.h>

static qlab_code bad(const char *path, size_t line, qlab_err *err, const char *what, qlab_str text)
{
    return qlab_fail(err, QLAB_E_CONFIG, "%s:%zu: %s was \"%.*s\"", path, line, what,
                     (int)(text.n > 60 ? 60 : text.n), text.n ? text.at : "");
}

static qlab_code parse_life(const char *path, size_t line, const qlab_lake_view *view,
                            const qlab_flat_row *row, qlab_life *out, qlab_err *err)
{
    static const char *const names[3] = {"asset_id", "life_no", "first_date"};
    const qlab_flat_field *f[3];
    for (size_t i = 0; i < 3; i++) {
        f[i] = qlab_flat_find(row, names[i]);
        if (f[i] == NULL)
            return qlab_fail(err, QLAB_E_CONFIG, "%s:%zu: %s was missing", path, line, names[i]);
    }
    *out = (qlab_life){0};
    int64_t ix = qlab_lake_find_asset(view, f[0]->text);
    if (ix < 0)
        return bad(path, line, err, "asset_id", f[0]->text);
    out->asset_ix = (uint32_t)ix;
    uint32_t no = 0;
    for (size_t i = 0; i < f[1]->text.n && no <= UINT16_MAX; i++) {
        char x = f[1]->text.at[i];
        if (x < '0' || x > '9')
            return bad(path, line, err, "life_no", f[1]->text);
        no = no * 10 + (uint32_t)(x - '0');
    }
    if (no == 0 || no > UINT16_MAX)
        return bad(path, line, err, "life_no", f[1]->text);
    out->life_no = (uint16_t)no;
    if (!qlab_date_parse(f[2]->text.n ? f[2]->text.at : "", f[2]->text.n, &out->first_date))
        return bad(path, line, err, "first_date", f[2]->text);
    return QLAB_OK;
}

static int compare_lives(const void *pa, const void *pb)
{
    const qlab_life *a = pa, *b = pb;
    if (a->asset_ix != b->asset_ix)
        return a->asset_ix < b->asset_ix ? -1 : 1;
    return (a->life_no > b->life_no) - (a->life_no < b->life_no);
}

/* Lives of an asset are 1, 2, ... and begin one after the other. */
static qlab_code check_lives(const char *path, const qlab_lake_view *view, const qlab_life *l,
                             size_t n, qlab_err *err)
{
    for (size_t i = 0; i < n; i++) {
        bool first = i == 0 || l[i].asset_ix != l[i - 1].asset_ix;
        uint16_t want = first ? 1 : (uint16_t)(l[i - 1].life_no + 1);
        if (l[i].life_no != want || (!first && l[i].first_date <= l[i - 1].first_date))
            return qlab_fail(err, QLAB_E_CONFIG,
                             "%s: the lives of %s were not 1, 2, ... with ascending dates", path,
                             view->assets[l[i].asset_ix].asset_id);
    }
    return QLAB_OK;
}

qlab_code qlab_lives_load(const char *path, const qlab_lake_view *view, qlab_life **out, size_t *n,
                          qlab_err *err)
{
    *out = NULL;
    *n = 0;
    qlab_feed_file file;
    qlab_code code = qlab_feed_open(path, &file, err);
    if (code != QLAB_OK)
        return code;
    qlab_arena scratch = QLAB_ARENA_INIT;
    qlab_flat_row row;
    qlab_feed_reason reason = QLAB_FEED_OK;
    qlab_err detail = QLAB_ERR_INIT;
    size_t cap = 0;
    while (code == QLAB_OK && qlab_feed_next(&file, &scratch, &row, &reason, &detail)) {
        qlab_grow((void **)out, &cap, *n + 1, sizeof **out);
        if (reason != QLAB_FEED_OK)
            code = qlab_fail(err, QLAB_E_CONFIG, "%s:%zu: %s", path, file.line, detail.text);
        else
            code = parse_life(path, file.line, view, &row, &(*out)[*n], err);
        *n += code == QLAB_OK;
        qlab_arena_reset(&scratch);
    }
    qlab_arena_free(&scratch);
    qlab_feed_close(&file);
    if (code == QLAB_OK && *n > 0) {
        qsort(*out, *n, sizeof **out, compare_lives);
        code = check_lives(path, view, *out, *n, err);
    }
    if (code != QLAB_OK) {
        qlab_free(*out);
        *out = NULL;
        *n = 0;
    }
    return code;
}
