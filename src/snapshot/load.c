#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "snapshot/internal.h"
#include <math.h>
#include <string.h>

/* Reads one table of the snapshot in the order it was written (by asset_ix). */
static qlab_code read_table(const qlab_snapshot *s, qlab_conn *conn, const char *file,
                            const char *select, const qlab_type *types, size_t n_cols,
                            qlab_table *out, qlab_err *err)
{
    char *path = qlab_path_join(s->dir, file), hex[QLAB_HEX_BYTES];
    const json_t *entry = json_object_get(json_object_get(s->manifest, "files"), file);
    const char *want = NULL;
    qlab_digest digest;
    qlab_buf sql = QLAB_BUF_INIT;
    int64_t n_rows = 0;
    qlab_code code = qlab_json_get_str(entry, file, "sha256", &want, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(entry, file, "rows", &n_rows, err);
    if (code == QLAB_OK)
        code = qlab_sha256_file(path, &digest, NULL, err);
    if (code == QLAB_OK && strcmp(want, qlab_hex(digest, hex)) != 0)
        code = qlab_fail(err, QLAB_E_CORRUPT, "%s had sha256 %s, its manifest says %s", path, hex,
                         want);
    if (code == QLAB_OK) {
        qlab_buf_putf(&sql, "SELECT %s FROM read_parquet(", select);
        qlab_sql_quote(&sql, path);
        qlab_buf_puts(&sql, ")");
        code = qlab_conn_query(conn, sql.at, types, n_cols, out, err);
    }
    if (code == QLAB_OK && out->n_rows != (size_t)n_rows) {
        code = qlab_fail(err, QLAB_E_CORRUPT, "%s had %zu rows, its manifest says %lld", path,
                         out->n_rows, (long long)n_rows);
        qlab_table_free(out);
    }
    qlab_buf_free(&sql);
    qlab_free(path);
    return code;
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static qlab_code out_of_order(const char *file, size_t row, qlab_err *err)
{
    return qlab_fail(err, QLAB_E_CORRUPT, "%s: row %zu was out of order or of no known asset", file,
                     row);
}

static bool in_order(const qlab_column *ix, size_t i, size_t n_assets)
{
    return ix->u32[i] < n_assets && (i == 0 || ix->u32[i - 1] <= ix->u32[i]);
}

static const char *keep(qlab_arena *strings, qlab_str text)
{
    return text.at == NULL ? "" : qlab_arena_strndup(strings, text.at, text.n);
}

qlab_code qlab_snapshot_actions_read(const qlab_env *env, const qlab_snapshot *s,
                                     qlab_snapshot_actions *out, qlab_err *err)
{
    qlab_conn *conn = NULL;
    static const qlab_type types[] = {QLAB_T_U32, QLAB_T_DATE, QLAB_T_STR, QLAB_T_STR, QLAB_T_F64,
                                      QLAB_T_F64, QLAB_T_F64,  QLAB_T_F64, QLAB_T_F64, QLAB_T_BOOL,
                                      QLAB_T_STR, QLAB_T_STR,  QLAB_T_STR};
    static const char file[] = "corp_actions.parquet";
    qlab_table t = QLAB_TABLE_INIT;
    *out = (qlab_snapshot_actions){.strings = QLAB_ARENA_INIT};
    qlab_code code = qlab_duck_conn(env->duck, 0, &conn, err);
    if (code == QLAB_OK)
        code = read_table(
            s, conn, file,
            "asset_ix, ex_date, action_type, source, split_factor, dividend_cash, c, c_low, "
            "c_high, in_basis, currency, source_id, confidence",
            types, COUNT_OF(types), &t, err);
    if (code != QLAB_OK)
        return code;
    out->at = qlab_alloc(t.n_rows, sizeof *out->at);
    for (size_t i = 0; i < t.n_rows && code == QLAB_OK; i++) {
        const qlab_column *k = t.cols;
        qlab_action *a = &out->at[i];
        *a = (qlab_action){.asset_ix = k[0].u32[i],
                           .ex_date = k[1].i32[i],
                           .r = k[4].f64[i],
                           .d = k[5].f64[i],
                           .c = k[6].f64[i],
                           .c_low = k[7].f64[i],
                           .c_high = k[8].f64[i],
                           .in_basis = k[9].u8[i] != 0,
                           .currency = keep(&out->strings, k[10].str[i]),
                           .source_id = keep(&out->strings, k[11].str[i]),
                           .confidence = QLAB_CONFIDENCE_LOW};
        for (uint8_t c = 0; c <= QLAB_CONFIDENCE_LOW; c++)
            if (qlab_str_eq(k[12].str[i], qlab_str_of(qlab_confidence_name(c))))
                a->confidence = c;
        if (isnan(a->c_high) && !isnan(a->c))
            a->c_high = INFINITY;
        if (!in_order(&k[0], i, s->lake->n_assets) ||
            !qlab_action_type_parse(k[2].str[i], &a->type) ||
            !qlab_action_source_parse(k[3].str[i], &a->source))
            code = out_of_order(file, i, err);
    }
    if (code == QLAB_OK)
        QLAB_FIRST_OF(out->at, t.n_rows, s->lake->n_assets, out->first);
    qlab_table_free(&t);
    if (code != QLAB_OK)
        qlab_snapshot_actions_free(out);
    return code;
}

void qlab_snapshot_actions_free(qlab_snapshot_actions *a)
{
    qlab_free(a->at);
    qlab_free(a->first);
    qlab_arena_free(&a->strings);
    *a = (qlab_snapshot_actions){.strings = QLAB_ARENA_INIT};
}

static qlab_code load_delistings(qlab_snapshot *s, qlab_conn *conn, qlab_err *err)
{
    static const qlab_type types[] = {QLAB_T_U32, QLAB_T_DATE, QLAB_T_STR, QLAB_T_F64, QLAB_T_STR};
    static const char file[] = "delistings.parquet";
    qlab_table t = QLAB_TABLE_INIT;
    qlab_code code =
        read_table(s, conn, file, "asset_ix, delist_date, delist_code, delist_return, source",
                   types, COUNT_OF(types), &t, err);
    if (code != QLAB_OK)
        return code;
    s->delistings = qlab_alloc(t.n_rows, sizeof *s->delistings);
    for (size_t i = 0; i < t.n_rows && code == QLAB_OK; i++) {
        const qlab_column *k = t.cols;
        qlab_delisting *d = &s->delistings[i];
        *d = (qlab_delisting){.asset_ix = k[0].u32[i],
                              .delist_date = k[1].i32[i],
                              .delist_return = k[3].f64[i],
                              .source = keep(&s->strings, k[4].str[i]),
                              .source_code = ""};
        if (!in_order(&k[0], i, s->lake->n_assets) ||
            !qlab_delist_code_parse(k[2].str[i], &d->code))
            code = out_of_order(file, i, err);
    }
    if (code == QLAB_OK)
        QLAB_FIRST_OF(s->delistings, t.n_rows, s->lake->n_assets, s->delisting_first);
    qlab_table_free(&t);
    return code;
}

static qlab_code load_steps(qlab_snapshot *s, qlab_conn *conn, qlab_err *err)
{
    static const qlab_type types[] = {QLAB_T_U32, QLAB_T_U16, QLAB_T_DATE, QLAB_T_F64,
                                      QLAB_T_F64, QLAB_T_F64, QLAB_T_BOOL};
    static const char file[] = "tri_steps.parquet";
    qlab_table t = QLAB_TABLE_INIT;
    qlab_code code =
        read_table(s, conn, file,
                   "asset_ix, life_no, ex_date, split_step, signal_step, accounting_step, untyped",
                   types, COUNT_OF(types), &t, err);
    if (code != QLAB_OK)
        return code;
    s->steps = qlab_alloc(t.n_rows, sizeof *s->steps);
    for (size_t i = 0; i < t.n_rows && code == QLAB_OK; i++) {
        const qlab_column *k = t.cols;
        s->steps[i] = (qlab_step){.asset_ix = k[0].u32[i],
                                  .life_no = k[1].u16[i],
                                  .ex_date = k[2].i32[i],
                                  .split_step = k[3].f64[i],
                                  .signal_step = k[4].f64[i],
                                  .accounting_step = k[5].f64[i],
                                  .untyped = k[6].u8[i] != 0};
        if (!in_order(&k[0], i, s->lake->n_assets))
            code = out_of_order(file, i, err);
    }
    if (code == QLAB_OK)
        QLAB_FIRST_OF(s->steps, t.n_rows, s->lake->n_assets, s->step_first);
    qlab_table_free(&t);
    return code;
}

static qlab_code load_lives(qlab_snapshot *s, qlab_conn *conn, qlab_err *err)
{
    static const qlab_type types[] = {QLAB_T_U32, QLAB_T_U16, QLAB_T_DATE, QLAB_T_DATE, QLAB_T_U32};
    static const char file[] = "lives.parquet";
    qlab_table t = QLAB_TABLE_INIT;
    qlab_code code = read_table(s, conn, file, "asset_ix, life_no, first_date, last_date, n_bars",
                                types, COUNT_OF(types), &t, err);
    if (code != QLAB_OK)
        return code;
    s->lives = qlab_alloc(t.n_rows, sizeof *s->lives);
    for (size_t i = 0; i < t.n_rows && code == QLAB_OK; i++) {
        const qlab_column *k = t.cols;
        s->lives[i] = (qlab_life){.asset_ix = k[0].u32[i],
                                  .life_no = k[1].u16[i],
                                  .first_date = k[2].i32[i],
                                  .last_date = k[3].i32[i],
                                  .n_bars = k[4].u32[i]};
        if (!in_order(&k[0], i, s->lake->n_assets))
            code = out_of_order(file, i, err);
    }
    if (code == QLAB_OK)
        QLAB_FIRST_OF(s->lives, t.n_rows, s->lake->n_assets, s->life_first);
    qlab_table_free(&t);
    return code;
}

static qlab_code load_years(qlab_snapshot *s, qlab_conn *conn, qlab_err *err)
{
    static const qlab_type types[] = {QLAB_T_U32,  QLAB_T_U16, QLAB_T_I32, QLAB_T_DATE,
                                      QLAB_T_DATE, QLAB_T_U32, QLAB_T_U32, QLAB_T_U8,
                                      QLAB_T_U8,   QLAB_T_U8,  QLAB_T_U8};
    static const char file[] = "asset_years.parquet";
    qlab_table t = QLAB_TABLE_INIT;
    qlab_code code = read_table(s, conn, file,
                                "asset_ix, life_no, year, first_date, lead_date, n_valid_before, "
                                "n_valid, ago_ohlc, ago_jump, ago_stale, stale_run",
                                types, COUNT_OF(types), &t, err);
    if (code != QLAB_OK)
        return code;
    s->years = qlab_alloc(t.n_rows, sizeof *s->years);
    for (size_t i = 0; i < t.n_rows && code == QLAB_OK; i++) {
        const qlab_column *k = t.cols;
        s->years[i] = (qlab_asset_year){.asset_ix = k[0].u32[i],
                                        .life_no = k[1].u16[i],
                                        .year = k[2].i32[i],
                                        .first_date = k[3].i32[i],
                                        .lead_date = k[4].i32[i],
                                        .n_valid_before = k[5].u32[i],
                                        .n_valid = k[6].u32[i],
                                        .ago_ohlc = k[7].u8[i],
                                        .ago_jump = k[8].u8[i],
                                        .ago_stale = k[9].u8[i],
                                        .stale_run = k[10].u8[i]};
        if (!in_order(&k[0], i, s->lake->n_assets))
            code = out_of_order(file, i, err);
    }
    if (code == QLAB_OK)
        QLAB_FIRST_OF(s->years, t.n_rows, s->lake->n_assets, s->year_first);
    qlab_table_free(&t);
    return code;
}

/* ---- calendar -------------------------------------------------------------------------------- */

static void make_days(qlab_exchange_days *d, const char *name, size_t n)
{
    *d = (qlab_exchange_days){.exchange = qlab_strdup(name),
                              .n = n,
                              .date = qlab_alloc(n, sizeof *d->date),
                              .n_bars = qlab_alloc(n, sizeof *d->n_bars),
                              .is_session = qlab_alloc(n, 1),
                              .n_eligible = qlab_alloc(n, sizeof *d->n_eligible)};
}

static qlab_code load_calendar(qlab_snapshot *s, qlab_conn *conn, qlab_err *err)
{
    static const qlab_type types[] = {QLAB_T_STR,  QLAB_T_DATE, QLAB_T_U32,
                                      QLAB_T_BOOL, QLAB_T_U32,  QLAB_T_BOOL};
    static const char file[] = "calendar.parquet";
    const char *master = NULL;
    char **names = NULL;
    qlab_table t = QLAB_TABLE_INIT;
    qlab_code code = qlab_json_get_str(s->manifest, s->id, "calendar", &master, err);
    if (code == QLAB_OK)
        code = read_table(s, conn, file, "exchange, date, n_bars, is_session, n_eligible, on_axis",
                          types, COUNT_OF(types), &t, err);
    if (code != QLAB_OK)
        return code;
    qlab_index_exchanges(s->lake, &names, &s->n_exchanges, &s->exchange_of);
    s->exchanges = qlab_alloc_zero(s->n_exchanges, sizeof *s->exchanges);
    s->axis = qlab_alloc(t.n_rows, sizeof *s->axis);
    s->master_exchange = SIZE_MAX;
    const qlab_column *k = t.cols;
    size_t i = 0;
    for (size_t e = 0; e < s->n_exchanges; e++) {
        size_t first = i;
        while (i < t.n_rows && qlab_str_eq(k[0].str[i], qlab_str_of(names[e])))
            i++;
        qlab_exchange_days *d = &s->exchanges[e];
        make_days(d, names[e], i - first);
        for (size_t j = 0; j < d->n; j++) {
            d->date[j] = k[1].i32[first + j];
            d->n_bars[j] = k[2].u32[first + j];
            d->is_session[j] = k[3].u8[first + j];
            d->n_eligible[j] = k[4].u32[first + j];
            if (k[5].u8[first + j])
                s->axis[s->n_axis++] = d->date[j];
        }
        qlab_session_index(d);
        if (strcmp(names[e], master) == 0)
            s->master_exchange = e;
        qlab_free(names[e]);
    }
    qlab_free(names);
    if (i != t.n_rows || s->master_exchange == SIZE_MAX)
        code = qlab_fail(err, QLAB_E_CORRUPT, "%s of %s named an exchange that no asset has", file,
                         s->id);
    qlab_table_free(&t);
    if (code == QLAB_OK) {
        s->master = s->exchanges[s->master_exchange].session;
        s->n_master = s->exchanges[s->master_exchange].n_sessions;
    }
    return code;
}

/* A snapshot whose content names no sectors has none to read. */
static qlab_code load_sectors(qlab_snapshot *s, qlab_conn *conn, qlab_err *err)
{
    static const qlab_type types[] = {QLAB_T_U32, QLAB_T_STR};
    static const char file[] = "universe.parquet";
    const json_t *content = json_object_get(json_object_get(s->manifest, "inputs"), "content");
    qlab_table t = QLAB_TABLE_INIT;
    if (json_object_get(content, "sectors") == NULL)
        return QLAB_OK;
    qlab_code code = read_table(s, conn, file, "asset_ix, sector", types, COUNT_OF(types), &t, err);
    if (code != QLAB_OK)
        return code;
    s->sector = qlab_alloc(s->lake->n_assets + 1, sizeof *s->sector);
    for (size_t i = 0; i < s->lake->n_assets; i++)
        s->sector[i] = "";
    for (size_t i = 0; i < t.n_rows && code == QLAB_OK; i++) {
        if (in_order(&t.cols[0], i, s->lake->n_assets))
            s->sector[t.cols[0].u32[i]] = keep(&s->strings, t.cols[1].str[i]);
        else
            code = out_of_order(file, i, err);
    }
    qlab_table_free(&t);
    return code;
}

qlab_code qlab_snapshot_read_reasons(const qlab_snapshot *s, qlab_conn *conn, uint8_t **out,
                                     qlab_err *err)
{
    static const qlab_type types[] = {QLAB_T_U32, QLAB_T_STR};
    static const char file[] = "universe.parquet";
    qlab_table t = QLAB_TABLE_INIT;
    *out = NULL;
    qlab_code code = read_table(s, conn, file, "asset_ix, reason", types, COUNT_OF(types), &t, err);
    if (code != QLAB_OK)
        return code;
    *out = qlab_alloc(s->lake->n_assets + 1, 1);
    memset(*out, UINT8_MAX, s->lake->n_assets + 1);
    for (size_t i = 0; i < t.n_rows && code == QLAB_OK; i++) {
        uint8_t reason = 0;
        while (reason < QLAB_ELIGIBILITY_COUNT &&
               !qlab_str_eq(t.cols[1].str[i], qlab_str_of(qlab_eligibility_name(reason))))
            reason++;
        if (reason == QLAB_ELIGIBILITY_COUNT || !in_order(&t.cols[0], i, s->lake->n_assets))
            code = out_of_order(file, i, err);
        else
            (*out)[t.cols[0].u32[i]] = reason;
    }
    qlab_table_free(&t);
    if (code != QLAB_OK) {
        qlab_free(*out);
        *out = NULL;
    }
    return code;
}

/* A snapshot that wrote no rates has none. */
static qlab_code load_fx(qlab_snapshot *s, qlab_conn *conn, qlab_err *err)
{
    static const qlab_type types[] = {QLAB_T_STR, QLAB_T_DATE, QLAB_T_F64};
    static const char file[] = "fx_rates.parquet";
    qlab_table t = QLAB_TABLE_INIT;
    if (json_object_get(json_object_get(s->manifest, "files"), file) == NULL)
        return QLAB_OK;
    qlab_code code =
        read_table(s, conn, file, "currency, date, usd_per_unit", types, COUNT_OF(types), &t, err);
    if (code == QLAB_OK)
        code = qlab_snapshot_take_fx(s, &t, err);
    qlab_table_free(&t);
    return code;
}

qlab_code qlab_snapshot_load_tables(const qlab_env *env, qlab_snapshot *s, qlab_err *err)
{
    qlab_conn *conn = NULL;
    qlab_code code = qlab_duck_conn(env->duck, 0, &conn, err);
    static qlab_code (*const loaders[])(qlab_snapshot *, qlab_conn *, qlab_err *) = {
        load_calendar, load_delistings, load_steps, load_lives, load_years, load_sectors, load_fx};
    for (size_t i = 0; i < COUNT_OF(loaders) && code == QLAB_OK; i++)
        code = loaders[i](s, conn, err);
    return code;
}
