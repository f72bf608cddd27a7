#include "truth/lives.h"

#include "base/alloc.h"
#include "truth/load.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int qlab_known_life_cmp(const void *pa, const void *pb)
{
    const qlab_known_life *a = pa, *b = pb;
    if (a->asset_ix != b->asset_ix)
        return a->asset_ix < b->asset_ix ? -1 : 1;
    return strcmp(a->company, b->company);
}

/* ---- in the lake ----------------------------------------------------------------------------- */

typedef struct ranked {
    uint32_t rank;
    const qlab_known_life *row;
} ranked;

static int compare_ranked(const void *pa, const void *pb)
{
    const ranked *a = pa, *b = pb;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return strcmp(a->row->company, b->row->company);
}

qlab_code qlab_lives_write(const qlab_env *env, qlab_conn *conn, qlab_known_life *rows, size_t n,
                           const qlab_lake_view *names, uint32_t known_seq, qlab_part *out,
                           qlab_err *err)
{
    enum { N_COLUMNS = 7 };
    qlab_arena a = QLAB_ARENA_INIT;
    assert(n >= 1);
    ranked *order = qlab_arena_alloc(&a, n, sizeof *order);
    qlab_str *asset_id = qlab_arena_alloc(&a, n, sizeof *asset_id);
    qlab_str *company = qlab_arena_alloc(&a, n, sizeof *company);
    uint32_t *asset_ix = qlab_arena_alloc(&a, n, 4), *seq = qlab_arena_alloc(&a, n, 4);
    int32_t *first = qlab_arena_alloc(&a, n, 4), *last = qlab_arena_alloc(&a, n, 4);
    uint8_t *withdrawn = qlab_arena_alloc(&a, n, 1);
    for (size_t i = 0; i < n; i++)
        order[i] = (ranked){names->id_rank[rows[i].asset_ix], &rows[i]};
    qsort(order, n, sizeof *order, compare_ranked);
    for (size_t i = 0; i < n; i++) {
        const qlab_known_life *r = order[i].row;
        asset_id[i] = qlab_str_of(names->assets[r->asset_ix].asset_id);
        company[i] = qlab_str_of(r->company);
        asset_ix[i] = r->asset_ix;
        first[i] = r->first_date;
        last[i] = r->last_date;
        withdrawn[i] = r->withdrawn;
        seq[i] = known_seq;
    }
    const qlab_col cols[N_COLUMNS] = {{"asset_id", QLAB_T_STR, asset_id, NULL, NULL},
                                      {"asset_ix", QLAB_T_U32, asset_ix, NULL, NULL},
                                      {"company", QLAB_T_STR, company, NULL, NULL},
                                      {"first_date", QLAB_T_DATE, first, NULL, NULL},
                                      {"last_date", QLAB_T_DATE, last, NULL, NULL},
                                      {"withdrawn", QLAB_T_BOOL, withdrawn, NULL, NULL},
                                      {"known_seq", QLAB_T_U32, seq, NULL, NULL}};
    qlab_code code =
        qlab_lake_write_table(env, conn, QLAB_PART_LIVES, -1, cols, N_COLUMNS, n, out, err);
    qlab_arena_free(&a);
    return code;
}

qlab_code qlab_lives_read(const qlab_lake_view *v, qlab_conn *conn, qlab_arena *strings,
                          qlab_known_life **rows, size_t *n, qlab_err *err)
{
    static const qlab_type types[] = {QLAB_T_U32,  QLAB_T_STR,  QLAB_T_DATE,
                                      QLAB_T_DATE, QLAB_T_BOOL, QLAB_T_U32};
    static const qlab_lake_query query = {
        .kind = QLAB_PART_LIVES,
        .select = "asset_ix, company, first_date, last_date, withdrawn, known_seq",
        .key = "asset_id, company",
        .where = "NOT withdrawn",
        .order_by = "asset_ix, company"};
    *rows = NULL;
    *n = 0;
    qlab_table t = QLAB_TABLE_INIT;
    qlab_code code =
        qlab_lake_read_table(v, conn, &query, types, sizeof types / sizeof types[0], &t, err);
    if (code != QLAB_OK)
        return code;
    qlab_known_life *all = qlab_alloc(t.n_rows, sizeof *all);
    for (size_t i = 0; i < t.n_rows && code == QLAB_OK; i++) {
        const qlab_column *k = t.cols;
        all[i] = (qlab_known_life){.asset_ix = k[0].u32[i],
                                   .first_date = k[2].i32[i],
                                   .last_date = k[3].i32[i],
                                   .withdrawn = k[4].u8[i] != 0,
                                   .known_seq = k[5].u32[i]};
        if (all[i].asset_ix >= v->n_assets || k[1].str[i].at == NULL)
            code = qlab_fail(err, QLAB_E_CORRUPT,
                             "row %zu of the lives of commit %u had an unknown asset or no company",
                             i, v->commit);
        else
            all[i].company = qlab_arena_strndup(strings, k[1].str[i].at, k[1].str[i].n);
    }
    if (code == QLAB_OK) {
        qsort(all, t.n_rows, sizeof *all, qlab_known_life_cmp);
        *rows = all;
        *n = t.n_rows;
    } else {
        qlab_free(all);
    }
    qlab_table_free(&t);
    return code;
}

static int compare_starts(const void *pa, const void *pb)
{
    const qlab_known_life *a = pa, *b = pb;
    if (a->asset_ix != b->asset_ix)
        return a->asset_ix < b->asset_ix ? -1 : 1;
    if (a->first_date != b->first_date)
        return a->first_date < b->first_date ? -1 : 1;
    return strcmp(a->company, b->company);
}

void qlab_lives_number(const qlab_known_life *rows, size_t n, const qlab_life *more, size_t n_more,
                       qlab_life **out, size_t *n_out)
{
    qlab_known_life *by_start = qlab_alloc(n, sizeof *by_start);
    size_t i = 0, m = 0, kept = 0;
    if (n > 0) {
        memcpy(by_start, rows, n * sizeof *rows);
        qsort(by_start, n, sizeof *by_start, compare_starts);
    }
    *out = qlab_alloc(n + n_more, sizeof **out);
    while (i < n || m < n_more) {
        uint32_t ix = m == n_more || (i < n && by_start[i].asset_ix < more[m].asset_ix)
                          ? by_start[i].asset_ix
                          : more[m].asset_ix;
        bool named = m < n_more && more[m].asset_ix == ix;
        for (; m < n_more && more[m].asset_ix == ix; m++)
            (*out)[kept++] = more[m];
        for (uint16_t life = 2; i < n && by_start[i].asset_ix == ix; i++)
            if (!named && life < UINT16_MAX)
                (*out)[kept++] = (qlab_life){
                    .asset_ix = ix, .life_no = life++, .first_date = by_start[i].first_date};
    }
    *n_out = kept;
    qlab_free(by_start);
}

/* ---- in the one loader ----------------------------------------------------------------------- */

static uint32_t asset_of(const void *fact)
{
    return ((const qlab_known_life *)fact)->asset_ix;
}

static int32_t date_of(const void *fact)
{
    return ((const qlab_known_life *)fact)->first_date;
}

static bool same(const void *pa, const void *pb)
{
    const qlab_known_life *a = pa, *b = pb;
    return a->first_date == b->first_date && a->last_date == b->last_date;
}

static qlab_code read(const qlab_lake_view *v, qlab_conn *conn, qlab_arena *strings, void **rows,
                      size_t *n, qlab_err *err)
{
    qlab_known_life *facts = NULL;
    qlab_code code = qlab_lives_read(v, conn, strings, &facts, n, err);
    *rows = facts;
    return code;
}

static qlab_code write(const qlab_load *z, void *rows, size_t n, qlab_part *out, qlab_err *err)
{
    return qlab_lives_write(z->env, z->conn, rows, n, z->view, z->view->commit + 1, out, err);
}

const qlab_load_ops qlab_load_lives = {.name = "lives",
                                       .size = sizeof(qlab_known_life),
                                       .asset_of = asset_of,
                                       .date_of = date_of,
                                       .compare = qlab_known_life_cmp,
                                       .same = same,
                                       .read = read,
                                       .write = write};
