#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "num/xsec.h"
#include "snapshot/internal.h"
#include "truth/settle.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The Parquet files of a snapshot, each made of columns in one arena. */

typedef struct writer {
    const qlab_build *b;
    qlab_conn *conn;
    const char *dir;
    json_t *files;
    qlab_arena a;
} writer;

static qlab_str text_or_null(const char *s)
{
    return s == NULL || s[0] == '\0' ? (qlab_str){NULL, 0} : qlab_str_of(s);
}

static qlab_code put_table(writer *w, const char *name, const qlab_col *cols, size_t n_cols,
                           size_t n_rows, qlab_err *err)
{
    char *path = qlab_path_join(w->dir, name);
    qlab_written written = {0};
    qlab_code code =
        qlab_conn_put_parquet(w->conn, cols, n_cols, n_rows, QLAB_CODEC_ZSTD, path, &written, err);
    if (code == QLAB_OK) {
        json_t *f = json_object();
        json_object_set_new(f, "rows", json_integer((json_int_t)n_rows));
        json_object_set_new(f, "bytes", json_integer((json_int_t)written.n_bytes));
        json_object_set_new(f, "sha256", json_string(written.sha256));
        json_object_set_new(w->files, name, f);
    }
    qlab_free(written.path);
    qlab_free(path);
    qlab_arena_reset(&w->a);
    return code;
}

#define COLUMN(type, n) ((type *)qlab_arena_alloc(&w->a, (n), sizeof(type)))
#define ID_OF(ix)       qlab_str_of(w->b->view->assets[ix].asset_id)
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static qlab_code write_actions(writer *w, qlab_err *err)
{
    const qlab_found *f = &w->b->found;
    size_t n = f->n_applied;
    qlab_str *id = COLUMN(qlab_str, n), *currency = COLUMN(qlab_str, n),
             *source_id = COLUMN(qlab_str, n);
    uint32_t *ix = COLUMN(uint32_t, n), *type = COLUMN(uint32_t, n), *source = COLUMN(uint32_t, n),
             *confidence = COLUMN(uint32_t, n);
    int32_t *ex_date = COLUMN(int32_t, n);
    double *r = COLUMN(double, n), *d = COLUMN(double, n), *c = COLUMN(double, n),
           *low = COLUMN(double, n), *high = COLUMN(double, n);
    uint8_t *in_basis = COLUMN(uint8_t, n);
    for (size_t i = 0; i < n; i++) {
        const qlab_action *a = &w->b->facts[f->applied[i].fact];
        id[i] = ID_OF(a->asset_ix);
        currency[i] = text_or_null(a->currency);
        source_id[i] = text_or_null(a->source_id);
        ix[i] = a->asset_ix;
        type[i] = a->type;
        source[i] = a->source;
        confidence[i] = a->confidence;
        ex_date[i] = a->ex_date;
        r[i] = a->r;
        d[i] = f->applied[i].d;
        c[i] = a->c;
        low[i] = a->c_low;
        high[i] = isinf(a->c_high) ? NAN : a->c_high;
        in_basis[i] = f->applied[i].in_basis;
    }
    qlab_str types[QLAB_ACTION_TYPES], sources[QLAB_SOURCES], confidences[3];
    for (uint8_t i = 0; i < 3; i++) {
        types[i] = qlab_str_of(qlab_action_type_name(i));
        sources[i] = qlab_str_of(qlab_action_source_name(i));
        confidences[i] = qlab_str_of(qlab_confidence_name(i));
    }
    const qlab_col cols[] = {{"asset_id", QLAB_T_STR, id, NULL, NULL},
                             {"asset_ix", QLAB_T_U32, ix, NULL, NULL},
                             {"ex_date", QLAB_T_DATE, ex_date, NULL, NULL},
                             {"action_type", QLAB_T_DICT, type, NULL, types},
                             {"split_factor", QLAB_T_F64, r, NULL, NULL},
                             {"dividend_cash", QLAB_T_F64, d, NULL, NULL},
                             {"currency", QLAB_T_STR, currency, NULL, NULL},
                             {"source", QLAB_T_DICT, source, NULL, sources},
                             {"source_id", QLAB_T_STR, source_id, NULL, NULL},
                             {"c", QLAB_T_F64, c, NULL, NULL},
                             {"c_low", QLAB_T_F64, low, NULL, NULL},
                             {"c_high", QLAB_T_F64, high, NULL, NULL},
                             {"confidence", QLAB_T_DICT, confidence, NULL, confidences},
                             {"in_basis", QLAB_T_BOOL, in_basis, NULL, NULL}};
    return put_table(w, "corp_actions.parquet", cols, COUNT_OF(cols), n, err);
}

static qlab_code write_delistings(writer *w, qlab_err *err)
{
    const qlab_build *b = w->b;
    qlab_str *id = COLUMN(qlab_str, b->n_delistings), *source = COLUMN(qlab_str, b->n_delistings);
    uint32_t *ix = COLUMN(uint32_t, b->n_delistings), *code_ix = COLUMN(uint32_t, b->n_delistings);
    int32_t *date = COLUMN(int32_t, b->n_delistings);
    double *ret = COLUMN(double, b->n_delistings), *used = COLUMN(double, b->n_delistings);
    uint32_t *mode = COLUMN(uint32_t, b->n_delistings), *sure = COLUMN(uint32_t, b->n_delistings);
    size_t n = 0;
    for (size_t i = 0; i < b->n_delistings; i++) {
        const qlab_delisting *d = &b->delistings[i];
        if (d->delist_date > b->asof)
            continue;
        const qlab_settlement u = qlab_settle_delisting(d, b->view->assets[d->asset_ix].mic);
        used[n] = u.settles ? u.u : (double)NAN;
        mode[n] = strcmp(d->source, QLAB_SOURCE_MAP_FILE) == 0;
        sure[n] = qlab_settle_confidence(d, &u);
        id[n] = ID_OF(d->asset_ix);
        source[n] = text_or_null(d->source);
        ix[n] = d->asset_ix;
        code_ix[n] = d->code;
        date[n] = d->delist_date;
        ret[n++] = d->delist_return;
    }
    const qlab_str modes[] = {QLAB_STR("feed"), QLAB_STR("map_file")};
    qlab_str codes[QLAB_DELIST_CODES], confidences[QLAB_CONFIDENCE_LOW + 1];
    for (uint8_t i = 0; i < QLAB_DELIST_CODES; i++)
        codes[i] = qlab_str_of(qlab_delist_code_name(i));
    for (uint8_t i = 0; i <= QLAB_CONFIDENCE_LOW; i++)
        confidences[i] = qlab_str_of(qlab_confidence_name(i));
    const qlab_col cols[] = {{"asset_id", QLAB_T_STR, id, NULL, NULL},
                             {"asset_ix", QLAB_T_U32, ix, NULL, NULL},
                             {"delist_date", QLAB_T_DATE, date, NULL, NULL},
                             {"delist_code", QLAB_T_DICT, code_ix, NULL, codes},
                             {"delist_return", QLAB_T_F64, ret, NULL, NULL},
                             {"source", QLAB_T_STR, source, NULL, NULL},
                             {"source_mode", QLAB_T_DICT, mode, NULL, modes},
                             {"delist_return_used", QLAB_T_F64, used, NULL, NULL},
                             {"confidence", QLAB_T_DICT, sure, NULL, confidences}};
    return put_table(w, "delistings.parquet", cols, COUNT_OF(cols), n, err);
}

static qlab_code write_steps(writer *w, qlab_err *err)
{
    const qlab_step *s = w->b->found.steps;
    size_t n = w->b->found.n_steps;
    qlab_str *id = COLUMN(qlab_str, n);
    uint32_t *ix = COLUMN(uint32_t, n);
    uint16_t *life = COLUMN(uint16_t, n);
    int32_t *ex_date = COLUMN(int32_t, n);
    double *split = COLUMN(double, n), *signal = COLUMN(double, n), *acct = COLUMN(double, n);
    uint8_t *untyped = COLUMN(uint8_t, n);
    for (size_t i = 0; i < n; i++) {
        id[i] = ID_OF(s[i].asset_ix);
        ix[i] = s[i].asset_ix;
        life[i] = s[i].life_no;
        ex_date[i] = s[i].ex_date;
        split[i] = s[i].split_step;
        signal[i] = s[i].signal_step;
        acct[i] = s[i].accounting_step;
        untyped[i] = s[i].untyped;
    }
    const qlab_col cols[] = {{"asset_id", QLAB_T_STR, id, NULL, NULL},
                             {"asset_ix", QLAB_T_U32, ix, NULL, NULL},
                             {"life_no", QLAB_T_U16, life, NULL, NULL},
                             {"ex_date", QLAB_T_DATE, ex_date, NULL, NULL},
                             {"split_step", QLAB_T_F64, split, NULL, NULL},
                             {"signal_step", QLAB_T_F64, signal, NULL, NULL},
                             {"accounting_step", QLAB_T_F64, acct, NULL, NULL},
                             {"untyped", QLAB_T_BOOL, untyped, NULL, NULL}};
    return put_table(w, "tri_steps.parquet", cols, COUNT_OF(cols), n, err);
}

static qlab_code write_lives(writer *w, qlab_err *err)
{
    const qlab_life *l = w->b->found.lives;
    size_t n = w->b->found.n_lives;
    qlab_str *id = COLUMN(qlab_str, n);
    uint32_t *ix = COLUMN(uint32_t, n), *bars = COLUMN(uint32_t, n);
    uint16_t *life = COLUMN(uint16_t, n);
    int32_t *first = COLUMN(int32_t, n), *last = COLUMN(int32_t, n);
    for (size_t i = 0; i < n; i++) {
        id[i] = ID_OF(l[i].asset_ix);
        ix[i] = l[i].asset_ix;
        life[i] = l[i].life_no;
        first[i] = l[i].first_date;
        last[i] = l[i].last_date;
        bars[i] = l[i].n_bars;
    }
    const qlab_col cols[] = {{"asset_id", QLAB_T_STR, id, NULL, NULL},
                             {"asset_ix", QLAB_T_U32, ix, NULL, NULL},
                             {"life_no", QLAB_T_U16, life, NULL, NULL},
                             {"first_date", QLAB_T_DATE, first, NULL, NULL},
                             {"last_date", QLAB_T_DATE, last, NULL, NULL},
                             {"n_bars", QLAB_T_U32, bars, NULL, NULL}};
    return put_table(w, "lives.parquet", cols, COUNT_OF(cols), n, err);
}

static qlab_code write_years(writer *w, qlab_err *err)
{
    const qlab_asset_year *y = w->b->found.years;
    size_t n = w->b->found.n_years;
    uint32_t *ix = COLUMN(uint32_t, n), *before = COLUMN(uint32_t, n), *valid = COLUMN(uint32_t, n);
    uint16_t *life = COLUMN(uint16_t, n);
    int32_t *year = COLUMN(int32_t, n), *first = COLUMN(int32_t, n), *lead = COLUMN(int32_t, n);
    uint8_t *ohlc = COLUMN(uint8_t, n), *jump = COLUMN(uint8_t, n), *stale = COLUMN(uint8_t, n),
            *run = COLUMN(uint8_t, n);
    for (size_t i = 0; i < n; i++) {
        ix[i] = y[i].asset_ix;
        life[i] = y[i].life_no;
        year[i] = y[i].year;
        first[i] = y[i].first_date;
        lead[i] = y[i].lead_date;
        before[i] = y[i].n_valid_before;
        valid[i] = y[i].n_valid;
        ohlc[i] = y[i].ago_ohlc;
        jump[i] = y[i].ago_jump;
        stale[i] = y[i].ago_stale;
        run[i] = y[i].stale_run;
    }
    const qlab_col cols[] = {{"asset_ix", QLAB_T_U32, ix, NULL, NULL},
                             {"life_no", QLAB_T_U16, life, NULL, NULL},
                             {"year", QLAB_T_I32, year, NULL, NULL},
                             {"first_date", QLAB_T_DATE, first, NULL, NULL},
                             {"lead_date", QLAB_T_DATE, lead, NULL, NULL},
                             {"n_valid_before", QLAB_T_U32, before, NULL, NULL},
                             {"n_valid", QLAB_T_U32, valid, NULL, NULL},
                             {"ago_ohlc", QLAB_T_U8, ohlc, NULL, NULL},
                             {"ago_jump", QLAB_T_U8, jump, NULL, NULL},
                             {"ago_stale", QLAB_T_U8, stale, NULL, NULL},
                             {"stale_run", QLAB_T_U8, run, NULL, NULL}};
    return put_table(w, "asset_years.parquet", cols, COUNT_OF(cols), n, err);
}

static qlab_code write_calendar(writer *w, qlab_err *err)
{
    const qlab_build *b = w->b;
    size_t n = 0;
    for (size_t e = 0; e < b->n_exchanges; e++)
        n += b->days[e].n;
    uint32_t *exchange = COLUMN(uint32_t, n), *bars = COLUMN(uint32_t, n),
             *eligible = COLUMN(uint32_t, n);
    int32_t *date = COLUMN(int32_t, n);
    uint8_t *session = COLUMN(uint8_t, n), *master = COLUMN(uint8_t, n), *axis = COLUMN(uint8_t, n);
    qlab_str *names = COLUMN(qlab_str, b->n_exchanges);
    for (size_t e = 0, i = 0; e < b->n_exchanges; e++) {
        names[e] = qlab_str_of(b->exchange_names[e]);
        for (size_t k = 0; k < b->days[e].n; k++, i++) {
            exchange[i] = (uint32_t)e;
            date[i] = b->days[e].date[k];
            bars[i] = b->days[e].n_bars[k];
            session[i] = b->days[e].is_session[k];
            eligible[i] = b->days[e].n_eligible[k];
            master[i] = e == b->master_exchange && session[i];
            size_t at = qlab_session_lower_bound(b->axis, b->n_axis, date[i]);
            axis[i] = master[i] && at < b->n_axis && b->axis[at] == date[i];
        }
    }
    const qlab_col cols[] = {{"exchange", QLAB_T_DICT, exchange, NULL, names},
                             {"date", QLAB_T_DATE, date, NULL, NULL},
                             {"n_bars", QLAB_T_U32, bars, NULL, NULL},
                             {"is_session", QLAB_T_BOOL, session, NULL, NULL},
                             {"n_eligible", QLAB_T_U32, eligible, NULL, NULL},
                             {"is_master", QLAB_T_BOOL, master, NULL, NULL},
                             {"on_axis", QLAB_T_BOOL, axis, NULL, NULL}};
    return put_table(w, "calendar.parquet", cols, COUNT_OF(cols), n, err);
}

/* Rates by (currency, date); no file without one. */
static qlab_code write_fx(writer *w, qlab_err *err)
{
    const qlab_fx_rates *fx = &w->b->fx;
    const size_t n = (size_t)qlab_fx_n_rates(fx);
    if (n == 0)
        return QLAB_OK;
    qlab_str *currency = COLUMN(qlab_str, n), *id = COLUMN(qlab_str, n);
    int32_t *date = COLUMN(int32_t, n);
    double *usd = COLUMN(double, n);
    for (size_t c = 0, i = 0; c < fx->n; c++)
        for (size_t k = 0; k < fx->of[c].n; k++, i++) {
            currency[i] = qlab_str_of(fx->of[c].currency);
            id[i] = ID_OF(fx->of[c].asset_ix);
            date[i] = fx->of[c].date[k];
            usd[i] = fx->of[c].usd[k];
        }
    const qlab_col cols[] = {{"currency", QLAB_T_STR, currency, NULL, NULL},
                             {"date", QLAB_T_DATE, date, NULL, NULL},
                             {"usd_per_unit", QLAB_T_F64, usd, NULL, NULL},
                             {"asset_id", QLAB_T_STR, id, NULL, NULL}};
    return put_table(w, "fx_rates.parquet", cols, COUNT_OF(cols), n, err);
}

/* ---- universe -------------------------------------------------------------------------------- */

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Percentile of adv20 within its currency, (r - 0.5)/n over eligible names with a known one. */
static void rank_liquidity(const writer *w, const qlab_universe_row *u, size_t n,
                           double *percentile)
{
    const qlab_build *b = w->b;
    const char **currency = qlab_alloc(n, sizeof *currency);
    uint32_t *group = qlab_alloc(n, sizeof *group);
    double *adv = qlab_alloc(n, sizeof *adv);
    for (size_t i = 0; i < n; i++)
        currency[i] = b->view->assets[u[i].asset_ix].currency;
    qsort(currency, n, sizeof *currency, compare_text);
    size_t n_groups = 0;
    for (size_t i = 0; i < n; i++)
        if (n_groups == 0 || strcmp(currency[n_groups - 1], currency[i]) != 0)
            currency[n_groups++] = currency[i];
    for (size_t i = 0; i < n; i++) {
        const char *key = b->view->assets[u[i].asset_ix].currency;
        const char **at = bsearch(&key, currency, n_groups, sizeof *currency, compare_text);
        group[i] = (uint32_t)(at - currency);
        adv[i] = u[i].reason == QLAB_ELIGIBLE ? u[i].adv20 : NAN;
    }
    void *scratch = qlab_alloc(qlab_xsec_scratch_bytes(n, n_groups, 0), 1);
    if (n > 0)
        qlab_xsec_rank((qlab_f64v){adv, n}, group, n_groups, (qlab_f64w){percentile, n}, scratch);
    qlab_free(scratch);
    qlab_free(adv);
    qlab_free(group);
    qlab_free(currency);
}

typedef struct universe_columns {
    qlab_str *id, *symbol, *exchange, *mic, *currency, *country, *sector;
    uint32_t *ix, *asset_class, *bars, *days, *reason, *void_close, *phantom;
    uint16_t *lives;
    int32_t *first, *last, *entry, *exit_date;
    double *adv, *percentile;
    uint8_t *eligible, *decile, *no_decile;
} universe_columns;

static void fill_universe(const writer *w, const qlab_universe_row *u, size_t i,
                          const universe_columns *k)
{
    const qlab_asset *a = &w->b->view->assets[u->asset_ix];
    k->id[i] = qlab_str_of(a->asset_id);
    k->symbol[i] = text_or_null(a->symbol);
    k->exchange[i] = qlab_str_of(a->exchange);
    k->mic[i] = text_or_null(a->mic);
    k->currency[i] = text_or_null(a->currency);
    k->country[i] = text_or_null(a->country);
    k->sector[i] = text_or_null(w->b->sectors.of ? w->b->sectors.of[u->asset_ix] : NULL);
    k->ix[i] = u->asset_ix;
    k->asset_class[i] = (uint32_t)a->asset_class;
    k->bars[i] = u->n_bars;
    k->days[i] = u->n_eligible_days;
    k->reason[i] = u->reason;
    k->void_close[i] = u->n_void_close;
    k->phantom[i] = u->n_void_phantom;
    k->lives[i] = u->n_lives;
    k->first[i] = u->first_date;
    k->last[i] = u->last_date;
    k->entry[i] = u->entry_date;
    k->exit_date[i] = u->exit_date;
    k->adv[i] = u->adv20;
    k->eligible[i] = u->reason == QLAB_ELIGIBLE;
    double p = k->percentile[i];
    k->no_decile[i] = (uint8_t)(p != p);
    k->decile[i] = isnan(p) ? 0 : (uint8_t)(1.0 + floor(p * 10.0));
}

static qlab_code write_universe(writer *w, qlab_err *err)
{
    const qlab_universe_row *u = w->b->found.universe;
    size_t n = w->b->found.n_universe;
    universe_columns k = {
        .id = COLUMN(qlab_str, n),
        .symbol = COLUMN(qlab_str, n),
        .exchange = COLUMN(qlab_str, n),
        .mic = COLUMN(qlab_str, n),
        .currency = COLUMN(qlab_str, n),
        .country = COLUMN(qlab_str, n),
        .sector = COLUMN(qlab_str, n),
        .ix = COLUMN(uint32_t, n),
        .asset_class = COLUMN(uint32_t, n),
        .bars = COLUMN(uint32_t, n),
        .days = COLUMN(uint32_t, n),
        .reason = COLUMN(uint32_t, n),
        .void_close = COLUMN(uint32_t, n),
        .phantom = COLUMN(uint32_t, n),
        .lives = COLUMN(uint16_t, n),
        .first = COLUMN(int32_t, n),
        .last = COLUMN(int32_t, n),
        .entry = COLUMN(int32_t, n),
        .exit_date = COLUMN(int32_t, n),
        .adv = COLUMN(double, n),
        .percentile = COLUMN(double, n),
        .eligible = COLUMN(uint8_t, n),
        .decile = COLUMN(uint8_t, n),
        .no_decile = COLUMN(uint8_t, n),
    };
    rank_liquidity(w, u, n, k.percentile);
    for (size_t i = 0; i < n; i++)
        fill_universe(w, &u[i], i, &k);
    qlab_str classes[QLAB_CLASS_COUNT], reasons[QLAB_ELIGIBILITY_COUNT];
    for (size_t i = 0; i < QLAB_CLASS_COUNT; i++)
        classes[i] = qlab_str_of(qlab_asset_class_name((qlab_asset_class)i));
    for (uint8_t i = 0; i < QLAB_ELIGIBILITY_COUNT; i++)
        reasons[i] = qlab_str_of(qlab_eligibility_name(i));
    const qlab_col cols[] = {{"asset_id", QLAB_T_STR, k.id, NULL, NULL},
                             {"asset_ix", QLAB_T_U32, k.ix, NULL, NULL},
                             {"asset_class", QLAB_T_DICT, k.asset_class, NULL, classes},
                             {"symbol", QLAB_T_STR, k.symbol, NULL, NULL},
                             {"exchange", QLAB_T_STR, k.exchange, NULL, NULL},
                             {"mic", QLAB_T_STR, k.mic, NULL, NULL},
                             {"currency", QLAB_T_STR, k.currency, NULL, NULL},
                             {"country", QLAB_T_STR, k.country, NULL, NULL},
                             {"first_bar", QLAB_T_DATE, k.first, NULL, NULL},
                             {"last_bar", QLAB_T_DATE, k.last, NULL, NULL},
                             {"bars_count", QLAB_T_U32, k.bars, NULL, NULL},
                             {"n_lives", QLAB_T_U16, k.lives, NULL, NULL},
                             {"n_void_close", QLAB_T_U32, k.void_close, NULL, NULL},
                             {"n_void_phantom", QLAB_T_U32, k.phantom, NULL, NULL},
                             {"adv20_dollar", QLAB_T_F64, k.adv, NULL, NULL},
                             {"percentile", QLAB_T_F64, k.percentile, NULL, NULL},
                             {"liquidity_bucket", QLAB_T_U8, k.decile, k.no_decile, NULL},
                             {"eligible", QLAB_T_BOOL, k.eligible, NULL, NULL},
                             {"reason", QLAB_T_DICT, k.reason, NULL, reasons},
                             {"eligible_entry", QLAB_T_DATE, k.entry, NULL, NULL},
                             {"eligible_exit", QLAB_T_DATE, k.exit_date, NULL, NULL},
                             {"eligible_days", QLAB_T_U32, k.days, NULL, NULL},
                             {"sector", QLAB_T_STR, k.sector, NULL, NULL}};
    return put_table(w, "universe.parquet", cols, COUNT_OF(cols), n, err);
}

qlab_code qlab_build_write_tables(const qlab_build *b, const char *dir, json_t *files,
                                  qlab_err *err)
{
    writer w = {.b = b, .dir = dir, .files = files};
    qlab_code code = qlab_duck_conn(b->env->duck, 0, &w.conn, err);
    static qlab_code (*const tables[])(writer *, qlab_err *) = {
        write_universe, write_calendar, write_actions, write_delistings,
        write_steps,    write_lives,    write_years,   write_fx};
    for (size_t i = 0; i < COUNT_OF(tables) && code == QLAB_OK; i++)
        code = tables[i](&w, err);
    qlab_arena_free(&w.a);
    return code;
}
