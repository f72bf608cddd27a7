#include "truth/action.h"

#include "base/alloc.h"
#include <string.h>

static int compare_ids(const void *pa, const void *pb, const qlab_lake_view *names)
{
    const qlab_delisting *a = pa, *b = pb;
    uint32_t x = names->id_rank[a->asset_ix], y = names->id_rank[b->asset_ix];
    if (x != y)
        return x < y ? -1 : 1;
    return (a->delist_date > b->delist_date) - (a->delist_date < b->delist_date);
}

/* Insertion by binary search would do for a feed of thousands; merge keeps it plain and stable. */
static void sort_by_id(qlab_delisting *rows, size_t n, const qlab_lake_view *names)
{
    if (n < 2)
        return;
    size_t half = n / 2;
    sort_by_id(rows, half, names);
    sort_by_id(rows + half, n - half, names);
    qlab_delisting *left = qlab_alloc(half, sizeof *left);
    memcpy(left, rows, half * sizeof *left);
    for (size_t i = 0, j = half, k = 0; i < half; k++)
        rows[k] = j < n && compare_ids(&rows[j], &left[i], names) < 0 ? rows[j++] : left[i++];
    qlab_free(left);
}

qlab_code qlab_delistings_write(const qlab_env *env, qlab_conn *conn, qlab_delisting *rows,
                                size_t n, const qlab_lake_view *names, uint32_t known_seq,
                                qlab_part *out, qlab_err *err)
{
    enum { N_COLUMNS = 9 };
    sort_by_id(rows, n, names);
    qlab_arena a = QLAB_ARENA_INIT;
    qlab_str *asset_id = qlab_arena_alloc(&a, n, sizeof *asset_id);
    qlab_str *source = qlab_arena_alloc(&a, n, sizeof *source);
    qlab_str *source_code = qlab_arena_alloc(&a, n, sizeof *source_code);
    uint32_t *asset_ix = qlab_arena_alloc(&a, n, 4), *code_ix = qlab_arena_alloc(&a, n, 4);
    uint32_t *seq = qlab_arena_alloc(&a, n, 4);
    int32_t *date = qlab_arena_alloc(&a, n, 4);
    double *ret = qlab_arena_alloc(&a, n, 8);
    uint8_t *withdrawn = qlab_arena_alloc(&a, n, 1);
    for (size_t i = 0; i < n; i++) {
        asset_id[i] = qlab_str_of(names->assets[rows[i].asset_ix].asset_id);
        source[i] = rows[i].source[0] ? qlab_str_of(rows[i].source) : (qlab_str){NULL, 0};
        source_code[i] =
            rows[i].source_code[0] ? qlab_str_of(rows[i].source_code) : (qlab_str){NULL, 0};
        asset_ix[i] = rows[i].asset_ix;
        code_ix[i] = rows[i].code;
        seq[i] = known_seq;
        date[i] = rows[i].delist_date;
        ret[i] = rows[i].delist_return;
        withdrawn[i] = rows[i].withdrawn;
    }
    qlab_str codes[QLAB_DELIST_CODES];
    for (uint8_t i = 0; i < QLAB_DELIST_CODES; i++)
        codes[i] = qlab_str_of(qlab_delist_code_name(i));
    const qlab_col cols[N_COLUMNS] = {
        {"asset_id", QLAB_T_STR, asset_id, NULL, NULL},
        {"asset_ix", QLAB_T_U32, asset_ix, NULL, NULL},
        {"delist_date", QLAB_T_DATE, date, NULL, NULL},
        {"delist_code", QLAB_T_DICT, code_ix, NULL, codes},
        {"delist_return", QLAB_T_F64, ret, NULL, NULL},
        {"source", QLAB_T_STR, source, NULL, NULL},
        {"source_code", QLAB_T_STR, source_code, NULL, NULL},
        {"withdrawn", QLAB_T_BOOL, withdrawn, NULL, NULL},
        {"known_seq", QLAB_T_U32, seq, NULL, NULL},
    };
    qlab_code code =
        qlab_lake_write_table(env, conn, QLAB_PART_DELISTINGS, -1, cols, N_COLUMNS, n, out, err);
    qlab_arena_free(&a);
    return code;
}

static qlab_code take(const qlab_lake_view *v, const qlab_table *t, size_t i, qlab_arena *strings,
                      qlab_delisting *d, qlab_err *err)
{
    const qlab_column *k = t->cols;
    *d = (qlab_delisting){.asset_ix = k[0].u32[i],
                          .delist_date = k[1].i32[i],
                          .delist_return = k[3].f64[i],
                          .withdrawn = k[6].u8[i] != 0,
                          .known_seq = k[7].u32[i]};
    if (d->asset_ix >= v->n_assets || !qlab_delist_code_parse(k[2].str[i], &d->code))
        return qlab_fail(err, QLAB_E_CORRUPT,
                         "row %zu of the delistings of commit %u had an unknown asset or code", i,
                         v->commit);
    qlab_str source = k[4].str[i], source_code = k[5].str[i];
    d->source = source.at ? qlab_arena_strndup(strings, source.at, source.n) : "";
    d->source_code =
        source_code.at ? qlab_arena_strndup(strings, source_code.at, source_code.n) : "";
    return QLAB_OK;
}

qlab_code qlab_delistings_read(const qlab_lake_view *v, qlab_conn *conn, qlab_arena *strings,
                               qlab_delisting **rows, size_t *n, qlab_err *err)
{
    static const qlab_type types[] = {QLAB_T_U32, QLAB_T_DATE, QLAB_T_STR,  QLAB_T_F64,
                                      QLAB_T_STR, QLAB_T_STR,  QLAB_T_BOOL, QLAB_T_U32};
    static const qlab_lake_query query = {
        .kind = QLAB_PART_DELISTINGS,
        .select = "asset_ix, delist_date, delist_code, delist_return, source, source_code, "
                  "withdrawn, known_seq",
        .key = "asset_id, delist_date",
        .where = "NOT withdrawn",
        .order_by = "asset_ix, delist_date"};
    *rows = NULL;
    *n = 0;
    qlab_table t = QLAB_TABLE_INIT;
    qlab_code code =
        qlab_lake_read_table(v, conn, &query, types, sizeof types / sizeof types[0], &t, err);
    if (code != QLAB_OK)
        return code;
    qlab_delisting *all = qlab_alloc(t.n_rows, sizeof *all);
    for (size_t i = 0; i < t.n_rows && code == QLAB_OK; i++)
        code = take(v, &t, i, strings, &all[i], err);
    if (code == QLAB_OK) {
        *rows = all;
        *n = t.n_rows;
    } else {
        qlab_free(all);
    }
    qlab_table_free(&t);
    return code;
}
