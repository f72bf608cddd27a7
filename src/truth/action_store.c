#include "truth/action.h"

#include "base/alloc.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- write ----------------------------------------------------------------------------------- */

typedef struct named_row {
    const char *asset_id;
    size_t at;
} named_row;

typedef struct action_columns {
    qlab_str *asset_id, *currency, *source_id;
    uint32_t *asset_ix, *type, *source, *confidence, *known_seq;
    int32_t *ex_date;
    double *r, *d, *c, *c_low, *c_high;
    uint8_t *in_basis, *withdrawn;
} action_columns;

static int compare_written(const void *pa, const void *pb)
{
    const qlab_action *a = pa, *b = pb;
    if (a->ex_date != b->ex_date)
        return a->ex_date < b->ex_date ? -1 : 1;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return strcmp(a->source_id, b->source_id);
}

static int compare_named(const void *pa, const void *pb)
{
    const named_row *a = pa, *b = pb;
    int c = strcmp(a->asset_id, b->asset_id);
    return c != 0 ? c : (a->at > b->at) - (a->at < b->at);
}

static qlab_str text_or_null(const char *s)
{
    return s == NULL || s[0] == '\0' ? (qlab_str){NULL, 0} : qlab_str_of(s);
}

static void fill_row(const action_columns *k, size_t i, const qlab_action *a, const char *asset_id,
                     uint32_t known_seq)
{
    k->asset_id[i] = qlab_str_of(asset_id);
    k->asset_ix[i] = a->asset_ix;
    k->ex_date[i] = a->ex_date;
    k->type[i] = a->type;
    k->source[i] = a->source;
    k->confidence[i] = a->confidence;
    k->in_basis[i] = a->in_basis;
    k->withdrawn[i] = a->withdrawn;
    k->r[i] = a->r;
    k->d[i] = a->d;
    k->c[i] = a->c;
    k->c_low[i] = a->c_low;
    k->c_high[i] = isfinite(a->c_high) ? a->c_high : NAN; /* nothing bounds it */
    k->currency[i] = text_or_null(a->currency);
    k->source_id[i] = text_or_null(a->source_id);
    k->known_seq[i] = known_seq;
}

enum { N_ACTION_COLUMNS = 16 };

static qlab_code write_columns(const qlab_env *env, qlab_conn *conn, int32_t bucket,
                               const action_columns *k, size_t n, qlab_part *out, qlab_err *err)
{
    qlab_str types[QLAB_ACTION_TYPES], sources[QLAB_SOURCES], confidences[3];
    for (uint8_t i = 0; i < QLAB_ACTION_TYPES; i++)
        types[i] = qlab_str_of(qlab_action_type_name(i));
    for (uint8_t i = 0; i < QLAB_SOURCES; i++)
        sources[i] = qlab_str_of(qlab_action_source_name(i));
    for (uint8_t i = 0; i < 3; i++)
        confidences[i] = qlab_str_of(qlab_confidence_name(i));
    const qlab_col cols[N_ACTION_COLUMNS] = {
        {"asset_id", QLAB_T_STR, k->asset_id, NULL, NULL},
        {"asset_ix", QLAB_T_U32, k->asset_ix, NULL, NULL},
        {"ex_date", QLAB_T_DATE, k->ex_date, NULL, NULL},
        {"action_type", QLAB_T_DICT, k->type, NULL, types},
        {"split_factor", QLAB_T_F64, k->r, NULL, NULL},
        {"dividend_cash", QLAB_T_F64, k->d, NULL, NULL},
        {"currency", QLAB_T_STR, k->currency, NULL, NULL},
        {"source", QLAB_T_DICT, k->source, NULL, sources},
        {"source_id", QLAB_T_STR, k->source_id, NULL, NULL},
        {"c", QLAB_T_F64, k->c, NULL, NULL},
        {"c_low", QLAB_T_F64, k->c_low, NULL, NULL},
        {"c_high", QLAB_T_F64, k->c_high, NULL, NULL},
        {"confidence", QLAB_T_DICT, k->confidence, NULL, confidences},
        {"in_basis", QLAB_T_BOOL, k->in_basis, NULL, NULL},
        {"withdrawn", QLAB_T_BOOL, k->withdrawn, NULL, NULL},
        {"known_seq", QLAB_T_U32, k->known_seq, NULL, NULL},
    };
    return qlab_lake_write_table(env, conn, QLAB_PART_ACTIONS, bucket, cols, N_ACTION_COLUMNS, n,
                                 out, err);
}

qlab_code qlab_actions_write(const qlab_env *env, qlab_conn *conn, int32_t bucket,
                             qlab_action *rows, size_t n,
                             const char *(*asset_id_of)(const void *ctx, uint32_t asset_ix),
                             const void *ctx, uint32_t known_seq, qlab_part *out, qlab_err *err)
{
    assert(n >= 1);
    qsort(rows, n, sizeof *rows, compare_written);
    named_row *order = qlab_alloc(n, sizeof *order);
    for (size_t i = 0; i < n; i++)
        order[i] = (named_row){asset_id_of(ctx, rows[i].asset_ix), i};
    qsort(order, n, sizeof *order, compare_named);

    qlab_arena a = QLAB_ARENA_INIT;
    action_columns k = {
        .asset_id = qlab_arena_alloc(&a, n, sizeof(qlab_str)),
        .currency = qlab_arena_alloc(&a, n, sizeof(qlab_str)),
        .source_id = qlab_arena_alloc(&a, n, sizeof(qlab_str)),
        .asset_ix = qlab_arena_alloc(&a, n, 4),
        .type = qlab_arena_alloc(&a, n, 4),
        .source = qlab_arena_alloc(&a, n, 4),
        .confidence = qlab_arena_alloc(&a, n, 4),
        .known_seq = qlab_arena_alloc(&a, n, 4),
        .ex_date = qlab_arena_alloc(&a, n, 4),
        .r = qlab_arena_alloc(&a, n, 8),
        .d = qlab_arena_alloc(&a, n, 8),
        .c = qlab_arena_alloc(&a, n, 8),
        .c_low = qlab_arena_alloc(&a, n, 8),
        .c_high = qlab_arena_alloc(&a, n, 8),
        .in_basis = qlab_arena_alloc(&a, n, 1),
        .withdrawn = qlab_arena_alloc(&a, n, 1),
    };
    for (size_t i = 0; i < n; i++)
        fill_row(&k, i, &rows[order[i].at], order[i].asset_id, known_seq);
    qlab_code code = write_columns(env, conn, bucket, &k, n, out, err);
    qlab_arena_free(&a);
    qlab_free(order);
    return code;
}

/* ---- read ------------------------------------------------------------------------------------ */

static const char *keep(qlab_arena *strings, qlab_str s)
{
    return s.at == NULL ? "" : qlab_arena_strndup(strings, s.at, s.n);
}

static bool confidence_parse(qlab_str s, uint8_t *out)
{
    for (uint8_t i = 0; i <= QLAB_CONFIDENCE_LOW; i++)
        if (qlab_str_eq(s, qlab_str_of(qlab_confidence_name(i)))) {
            *out = i;
            return true;
        }
    return false;
}

static qlab_code take_action(const qlab_lake_view *v, const qlab_table *t, size_t i,
                             qlab_arena *strings, qlab_action *a, qlab_err *err)
{
    const qlab_column *k = t->cols;
    *a = (qlab_action){.asset_ix = k[0].u32[i],
                       .ex_date = k[1].i32[i],
                       .r = k[5].f64[i],
                       .d = k[6].f64[i],
                       .c = k[7].f64[i],
                       .c_low = k[8].f64[i],
                       .c_high = k[9].f64[i],
                       .in_basis = k[12].u8[i] != 0,
                       .withdrawn = k[13].u8[i] != 0,
                       .known_seq = k[14].u32[i]};
    if (isnan(a->c_high) && !isnan(a->c))
        a->c_high = INFINITY;
    if (a->asset_ix >= v->n_assets || !qlab_action_type_parse(k[2].str[i], &a->type) ||
        !qlab_action_source_parse(k[3].str[i], &a->source) ||
        !confidence_parse(k[4].str[i], &a->confidence))
        return qlab_fail(
            err, QLAB_E_CORRUPT,
            "row %zu of the actions of commit %u had an unknown asset, type, source or "
            "confidence",
            i, v->commit);
    a->currency = keep(strings, k[10].str[i]);
    a->source_id = keep(strings, k[11].str[i]);
    return QLAB_OK;
}

qlab_code qlab_actions_read(const qlab_lake_view *v, qlab_conn *conn, qlab_arena *strings,
                            qlab_action **rows, size_t *n, qlab_err *err)
{
    static const qlab_type types[] = {QLAB_T_U32,  QLAB_T_DATE, QLAB_T_STR, QLAB_T_STR,
                                      QLAB_T_STR,  QLAB_T_F64,  QLAB_T_F64, QLAB_T_F64,
                                      QLAB_T_F64,  QLAB_T_F64,  QLAB_T_STR, QLAB_T_STR,
                                      QLAB_T_BOOL, QLAB_T_BOOL, QLAB_T_U32};
    static const qlab_lake_query query = {
        .kind = QLAB_PART_ACTIONS,
        .select = "asset_ix, ex_date, action_type, source, confidence, split_factor, "
                  "dividend_cash, c, c_low, c_high, currency, source_id, in_basis, withdrawn, "
                  "known_seq",
        .key = "asset_id, ex_date, action_type, source, source_id",
        .where = "NOT withdrawn",
        .order_by = "asset_ix, ex_date"};
    *rows = NULL;
    *n = 0;
    qlab_table t = QLAB_TABLE_INIT;
    qlab_code code =
        qlab_lake_read_table(v, conn, &query, types, sizeof types / sizeof types[0], &t, err);
    if (code != QLAB_OK)
        return code;
    qlab_action *all = qlab_alloc(t.n_rows, sizeof *all);
    for (size_t i = 0; i < t.n_rows && code == QLAB_OK; i++)
        code = take_action(v, &t, i, strings, &all[i], err);
    if (code == QLAB_OK) {
        qsort(all, t.n_rows, sizeof *all, qlab_action_cmp);
        *rows = all;
        *n = t.n_rows;
    } else {
        qlab_free(all);
    }
    qlab_table_free(&t);
    return code;
}
