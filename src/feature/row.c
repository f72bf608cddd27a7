/* The panel for people; see row.h. */
#include "feature/row.h"

#include "base/alloc.h"
#include "base/date.h"
#include "feature/manifest.h"
#include "feature/panel.h"
#include <math.h>
#include <string.h>

enum { N_LABELS = 10 };
static const struct {
    const char *name, *doc;
    bool is_date;
} labels[N_LABELS] = {
    {"fwd_ret_1d", "return from the entry over 1 session", false},
    {"fwd_ret_5d", "return from the entry over 5 sessions", false},
    {"fwd_ret_20d", "return from the entry over 20 sessions", false},
    {"label_start", "entry session", true},
    {"label_end_1d", "last date that fwd_ret_1d rests on", true},
    {"label_end_5d", "last date that fwd_ret_5d rests on", true},
    {"label_end_20d", "last date that fwd_ret_20d rests on", true},
    {"label_state_1d", "0 OK, 1 NO_ENTRY, 2 CENSORED, 3 DELISTED, 4 PRESUMED_GONE", false},
    {"label_state_5d", "as above", false},
    {"label_state_20d", "as above", false},
};

/* ---- one row ----------------------------------------------------------------------------------
 */

void qlab_row_free(qlab_row *r)
{
    qlab_free(r->set_id);
    qlab_free(r->asset_id);
    qlab_free(r->values);
    qlab_arena_free(&r->strings);
    memset(r, 0, sizeof *r);
}

static void add_value(qlab_row *r, size_t *cap, const char *name, const char *unit, const char *doc,
                      bool is_date, double number)
{
    qlab_grow((void **)&r->values, cap, r->n + 1, sizeof *r->values);
    qlab_row_value *v = &r->values[r->n++];
    *v = (qlab_row_value){qlab_arena_strndup(&r->strings, name, strlen(name)), unit,
                          qlab_arena_strndup(&r->strings, doc, strlen(doc)), NULL, number};
    if (is_date && !isnan(number)) {
        char text[QLAB_DATE_BYTES];
        v->text = qlab_arena_strndup(&r->strings, qlab_date_format((int32_t)number, text), 10);
    }
}

/* The last date of the set's month at which the asset has a row. */
static size_t find_row(const qlab_xsec *x, uint32_t rank, int32_t date, int32_t *found)
{
    for (size_t d = x->n_dates; d-- > 0;) {
        if (date != QLAB_DATE_NONE && x->dates[d] != date)
            continue;
        for (size_t i = x->first[d]; i < x->first[d + 1]; i++)
            if (x->asset[i] == rank) {
                *found = x->dates[d];
                return i;
            }
    }
    return SIZE_MAX;
}

static void fill_row(const qlab_panel *p, const qlab_catalogue *c, const qlab_xsec *x,
                     const char *const *names, size_t n, size_t at, uint32_t rank, qlab_row *out)
{
    const qlab_asset *const *assets;
    (void)qlab_panel_assets(p, &assets);
    size_t cap = 0;
    for (size_t i = 0; i < n; i++) {
        int k = qlab_catalogue_find(c, names[i]);
        if (k >= 0) {
            add_value(out, &cap, c->at[k].name, qlab_unit_name(c->at[k].unit), c->at[k].doc,
                      c->at[k].type == QLAB_T_DATE, x->col[i][at]);
            continue;
        }
        for (size_t l = 0; l < N_LABELS; l++)
            if (strcmp(labels[l].name, names[i]) == 0)
                add_value(out, &cap, labels[l].name,
                          labels[l].is_date                                 ? "date"
                          : strncmp(labels[l].name, "label_state", 11) == 0 ? "code"
                                                                            : "fraction",
                          labels[l].doc, labels[l].is_date, x->col[i][at]);
    }
    const char *const *sector = qlab_panel_snapshot(p)->sector;
    const char *groups[4][2] = {{"exchange", assets[rank]->exchange},
                                {"currency", assets[rank]->currency},
                                {"asset_class", qlab_asset_class_name(assets[rank]->asset_class)},
                                {"sector", sector ? sector[assets[rank]->asset_ix] : ""}};
    for (size_t g = 0; g < (sector ? 4u : 3u); g++) {
        add_value(out, &cap, groups[g][0], "name", "", false, NAN);
        out->values[out->n - 1].text =
            qlab_arena_strndup(&out->strings, groups[g][1], strlen(groups[g][1]));
    }
    out->reason = x->eligibility[at];
}

static int64_t rank_of(const qlab_panel *p, const char *asset_id)
{
    const qlab_asset *const *assets;
    size_t n = qlab_panel_assets(p, &assets);
    for (size_t i = 0; i < n; i++)
        if (strcmp(assets[i]->asset_id, asset_id) == 0)
            return (int64_t)i;
    return -1;
}

static qlab_code search(const qlab_panel *p, const qlab_catalogue *c, qlab_conn *conn,
                        const char *asset_id, int32_t date, qlab_row *out, qlab_err *err)
{
    const char *names[QLAB_FEATURE_MAX_COLUMNS + N_LABELS];
    size_t n = 0;
    for (size_t k = 0; k < c->n; k++)
        if (qlab_panel_has_column(p, c->at[k].name))
            names[n++] = c->at[k].name;
    for (size_t l = 0; l < N_LABELS; l++)
        names[n++] = labels[l].name;
    int64_t rank = rank_of(p, asset_id);
    if (rank < 0)
        return qlab_fail(err, QLAB_E_NOT_FOUND, "snapshot %s has no asset '%s'",
                         qlab_panel_snapshot_id(p), asset_id);
    const int32_t *months;
    for (size_t m = qlab_panel_months(p, &months); m-- > 0;) {
        if (date != QLAB_DATE_NONE && months[m] != qlab_date_month_index(date))
            continue;
        qlab_xsec x;
        qlab_code code = qlab_panel_load_month(p, conn, months[m], names, n, &x, err);
        if (code != QLAB_OK)
            return code;
        size_t at = find_row(&x, (uint32_t)rank, date, &out->date);
        if (at != SIZE_MAX)
            fill_row(p, c, &x, names, n, at, (uint32_t)rank, out);
        qlab_xsec_free(&x);
        if (at != SIZE_MAX)
            return QLAB_OK;
    }
    char text[QLAB_DATE_BYTES] = "any date";
    if (date != QLAB_DATE_NONE)
        qlab_date_format(date, text);
    return qlab_fail(err, QLAB_E_NOT_FOUND, "feature set %s has no row of %s on %s",
                     qlab_panel_id(p), asset_id, text);
}

qlab_code qlab_row_load(const qlab_env *env, const char *set, const char *asset_id, int32_t date,
                        qlab_row *out, qlab_err *err)
{
    memset(out, 0, sizeof *out);
    qlab_panel *p = NULL;
    qlab_conn *conn;
    qlab_code code = qlab_panel_open(env, set ? set : "latest", &p, err);
    if (code != QLAB_OK)
        return code;
    out->set_id = qlab_strdup(qlab_panel_id(p));
    out->asset_id = qlab_strdup(asset_id);
    char *list = qlab_set_manifest_columns(qlab_panel_manifest(p));
    qlab_catalogue *c = NULL;
    code = qlab_catalogue_extend(qlab_catalogue_builtin(), list, &c, err);
    if (code == QLAB_OK)
        code = qlab_duck_conn(env->duck, 0, &conn, err);
    if (code == QLAB_OK)
        code = search(p, c, conn, asset_id, date, out, err);
    qlab_free(list);
    qlab_catalogue_free(c);
    qlab_panel_close(p);
    if (code != QLAB_OK)
        qlab_row_free(out);
    return code;
}
