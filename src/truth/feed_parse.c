#include "truth/feed.h"

#include "base/date.h"
#include "base/decimal.h"
#include "truth/derive.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* Texts from the line are outside bytes: shown shortened. */
static int shown(qlab_str s)
{
    return (int)(s.n > 60 ? 60 : s.n);
}

/* A field that says something, or NULL. */
static const qlab_flat_field *given(const qlab_flat_row *row, const char *name)
{
    const qlab_flat_field *f = qlab_flat_find(row, name);
    return f != NULL && f->kind != QLAB_FLAT_NULL ? f : NULL;
}

static qlab_feed_reason reject(qlab_err *detail, qlab_feed_reason reason, const char *name,
                               qlab_str text)
{
    qlab_code ignored = qlab_fail(detail, QLAB_E_CORRUPT, "%s was \"%.*s\"", name, shown(text),
                                  text.n ? text.at : "");
    (void)ignored;
    return reason;
}

static qlab_feed_reason missing(qlab_err *detail, const char *name)
{
    qlab_code ignored = qlab_fail(detail, QLAB_E_CORRUPT, "%s was missing", name);
    (void)ignored;
    return QLAB_FEED_MISSING_FIELD;
}

static qlab_feed_reason take_asset(const qlab_lake_view *view, const qlab_flat_row *row,
                                   uint32_t *ix, qlab_err *detail)
{
    const qlab_flat_field *f = given(row, "asset_id");
    if (f == NULL)
        f = given(row, "canonical_id");
    if (f == NULL)
        return missing(detail, "asset_id");
    int64_t found = f->kind == QLAB_FLAT_TEXT ? qlab_lake_find_asset(view, f->text) : -1;
    if (found < 0)
        return reject(detail, QLAB_FEED_UNKNOWN_ASSET, "asset_id", f->text);
    *ix = (uint32_t)found;
    return QLAB_FEED_OK;
}

static qlab_feed_reason take_date(const qlab_flat_row *row, const char *name, const char *other,
                                  int32_t *date, qlab_err *detail)
{
    const qlab_flat_field *f = given(row, name);
    if (f == NULL && other != NULL)
        f = given(row, other);
    if (f == NULL)
        return missing(detail, name);
    if (f->kind != QLAB_FLAT_TEXT || !qlab_date_parse(f->text.at, f->text.n, date))
        return reject(detail, QLAB_FEED_BAD_DATE, name, f->text);
    return QLAB_FEED_OK;
}

/* A number or a numeric string; NaN when absent.  n_decimals may be NULL. */
static qlab_feed_reason take_number(const qlab_flat_row *row, const char *name, double *v,
                                    int *n_decimals, qlab_err *detail)
{
    const qlab_flat_field *f = given(row, name);
    size_t n_read = 0;
    *v = NAN;
    if (f == NULL)
        return QLAB_FEED_OK;
    if (f->kind == QLAB_FLAT_BOOL ||
        qlab_decimal_parse(f->text.at, f->text.n, v, &n_read, n_decimals) != QLAB_DECIMAL_OK ||
        n_read != f->text.n) {
        *v = NAN;
        return reject(detail, QLAB_FEED_BAD_NUMBER, name, f->text);
    }
    return QLAB_FEED_OK;
}

static const char *take_text(const qlab_flat_row *row, const char *name, qlab_arena *a)
{
    const qlab_flat_field *f = given(row, name);
    return f == NULL ? "" : qlab_arena_strndup(a, f->text.at, f->text.n);
}

/* ---- the three styles ------------------------------------------------------------------------ */

qlab_interval qlab_feed_interval(double v, int n_decimals)
{
    int k = n_decimals <= 12 ? n_decimals : -1;
    /* A binary32 printed to six decimals or more: its own grain is the coarser one. */
    double unit = 0.5001;
    for (int i = 0; i < k; i++)
        unit /= 10.0;
    bool image = k >= 5 && fabs((double)(float)v - v) <= unit;
    return qlab_interval_of(v, k, image);
}

void qlab_feed_set_factor(qlab_feed_action *row, double p, qlab_interval p_in, double q,
                          qlab_interval q_in)
{
    row->a.source = QLAB_SOURCE_FACTOR_FEED;
    row->a.type = QLAB_ACTION_UNTYPED_FACTOR;
    row->a.confidence = QLAB_CONFIDENCE_HIGH;
    row->a.r = row->a.d = NAN;
    row->a.c = p / q;
    row->a.c_low = p_in.low > 0.0 ? p_in.low / q_in.high : 0.0;
    row->a.c_high = q_in.low > 0.0 ? p_in.high / q_in.low : INFINITY;
    row->no_action = row->a.c == 1.0;
}

static qlab_feed_reason parse_factor(const qlab_flat_row *row, qlab_feed_action *out,
                                     qlab_err *detail)
{
    double adjusted = NAN;
    int k_close = 0, k_adjusted = 0;
    qlab_feed_reason r = take_date(row, "prev_date", NULL, &out->prev_date, detail);
    if (r == QLAB_FEED_OK)
        r = take_number(row, "prev_close", &out->prev_close, &k_close, detail);
    if (r == QLAB_FEED_OK)
        r = take_number(row, "prev_adjusted_close", &adjusted, &k_adjusted, detail);
    if (r != QLAB_FEED_OK)
        return r;
    if (isnan(adjusted))
        return missing(detail, "prev_adjusted_close");
    if (!(out->prev_close > 0.0))
        return reject(detail, QLAB_FEED_BAD_VALUE, "prev_close", given(row, "prev_close")->text);
    if (!(adjusted > 0.0))
        return reject(detail, QLAB_FEED_BAD_VALUE, "prev_adjusted_close",
                      given(row, "prev_adjusted_close")->text);
    if (out->prev_date >= out->a.ex_date)
        return reject(detail, QLAB_FEED_BAD_DATE, "prev_date", given(row, "prev_date")->text);
    qlab_feed_set_factor(out, out->prev_close, qlab_feed_interval(out->prev_close, k_close),
                         adjusted, qlab_feed_interval(adjusted, k_adjusted));
    return QLAB_FEED_OK;
}

static qlab_feed_reason set_split(const qlab_flat_row *row, const char *name, double r,
                                  qlab_feed_action *out, qlab_err *detail)
{
    if (isnan(r))
        return missing(detail, name);
    if (!(r > 0.0) || r > 1e6 || r < 1e-6)
        return reject(detail, QLAB_FEED_BAD_VALUE, name, given(row, name)->text);
    out->a.type = QLAB_ACTION_SPLIT;
    out->a.r = r;
    out->no_action = r == 1.0;
    return QLAB_FEED_OK;
}

static qlab_feed_reason set_dividend(const qlab_flat_row *row, const char *name, double d,
                                     qlab_feed_action *out, qlab_err *detail)
{
    if (isnan(d))
        return missing(detail, name);
    if (!(d >= 0.0))
        return reject(detail, QLAB_FEED_BAD_VALUE, name, given(row, name)->text);
    out->a.type = QLAB_ACTION_DIVIDEND_CASH;
    out->a.d = d;
    out->no_action = d == 0.0;
    return QLAB_FEED_OK;
}

/* {canonical_id, date, dividend | split} */
static qlab_feed_reason parse_short(const qlab_flat_row *row, qlab_feed_action *out,
                                    qlab_err *detail)
{
    double r = NAN, d = NAN;
    qlab_feed_reason reason = take_number(row, "split", &r, NULL, detail);
    if (reason == QLAB_FEED_OK)
        reason = take_number(row, "dividend", &d, NULL, detail);
    if (reason != QLAB_FEED_OK)
        return reason;
    if (!isnan(r) && !isnan(d))
        return reject(detail, QLAB_FEED_EXTRA_VALUE, "dividend beside a split",
                      given(row, "dividend")->text);
    return isnan(d) ? set_split(row, "split", r, out, detail)
                    : set_dividend(row, "dividend", d, out, detail);
}

/* {asset_id, ex_date, action_type, split_factor, dividend_cash, ...} */
static qlab_feed_reason parse_long(const qlab_flat_row *row, qlab_feed_action *out,
                                   qlab_err *detail)
{
    const qlab_flat_field *type = given(row, "action_type");
    double r = NAN, d = NAN;
    uint8_t kind = 0;
    if (type == NULL)
        return missing(detail, "action_type");
    if (type->kind != QLAB_FLAT_TEXT || !qlab_action_type_parse(type->text, &kind) ||
        kind == QLAB_ACTION_UNTYPED_FACTOR)
        return reject(detail, QLAB_FEED_BAD_TYPE, "action_type", type->text);
    qlab_feed_reason reason = take_number(row, "split_factor", &r, NULL, detail);
    if (reason == QLAB_FEED_OK)
        reason = take_number(row, "dividend_cash", &d, NULL, detail);
    if (reason != QLAB_FEED_OK)
        return reason;
    /* A neutral value beside the other type is how tables fill their columns. */
    if (kind == QLAB_ACTION_SPLIT && !isnan(d) && d != 0.0)
        return reject(detail, QLAB_FEED_EXTRA_VALUE, "dividend_cash of a split",
                      given(row, "dividend_cash")->text);
    if (kind == QLAB_ACTION_DIVIDEND_CASH && !isnan(r) && r != 1.0)
        return reject(detail, QLAB_FEED_EXTRA_VALUE, "split_factor of a dividend",
                      given(row, "split_factor")->text);
    return kind == QLAB_ACTION_SPLIT ? set_split(row, "split_factor", r, out, detail)
                                     : set_dividend(row, "dividend_cash", d, out, detail);
}

/* "source:id"; what stands before the ':' tells feeds apart when facts are resolved. */
static const char *join_source(const qlab_flat_row *row, qlab_arena *a)
{
    const char *source = take_text(row, "source", a), *id = take_text(row, "source_id", a);
    if (id[0] == '\0')
        return source;
    return qlab_arena_printf(a, "%s:%s", source, id);
}

qlab_feed_reason qlab_feed_parse_action(const qlab_lake_view *view, const qlab_flat_row *row,
                                        qlab_arena *a, qlab_feed_action *out, qlab_err *detail)
{
    *out = (qlab_feed_action){.prev_date = QLAB_DATE_NONE, .prev_close = NAN};
    out->a = (qlab_action){.source = QLAB_SOURCE_FEED,
                           .confidence = QLAB_CONFIDENCE_HIGH,
                           .r = NAN,
                           .d = NAN,
                           .c = NAN,
                           .c_low = NAN,
                           .c_high = NAN};
    qlab_err_reset(detail);
    qlab_feed_reason r = take_asset(view, row, &out->a.asset_ix, detail);
    if (r == QLAB_FEED_OK)
        r = take_date(row, "ex_date", "date", &out->a.ex_date, detail);
    if (r != QLAB_FEED_OK)
        return r;
    if (given(row, "prev_close") != NULL)
        r = parse_factor(row, out, detail);
    else if (given(row, "dividend") != NULL || given(row, "split") != NULL)
        r = parse_short(row, out, detail);
    else
        r = parse_long(row, out, detail);
    if (r != QLAB_FEED_OK)
        return r;
    const char *own = view->assets[out->a.asset_ix].currency;
    out->a.currency = take_text(row, "currency", a);
    if (out->a.currency[0] == '\0')
        out->a.currency = qlab_arena_strndup(a, own, strlen(own));
    else if (own[0] != '\0' && strcmp(own, out->a.currency) != 0)
        return reject(detail, QLAB_FEED_CURRENCY_MISMATCH, "currency",
                      given(row, "currency")->text);
    out->a.source_id = join_source(row, a);
    return QLAB_FEED_OK;
}

qlab_feed_reason qlab_feed_parse_delisting(const qlab_lake_view *view, const qlab_flat_row *row,
                                           qlab_arena *a, qlab_delisting *out, qlab_err *detail)
{
    *out = (qlab_delisting){.delist_return = NAN, .source = "", .source_code = ""};
    qlab_err_reset(detail);
    qlab_feed_reason r = take_asset(view, row, &out->asset_ix, detail);
    if (r == QLAB_FEED_OK)
        r = take_date(row, "delist_date", "date", &out->delist_date, detail);
    if (r == QLAB_FEED_OK)
        r = take_number(row, "delist_return", &out->delist_return, NULL, detail);
    if (r != QLAB_FEED_OK)
        return r;
    const qlab_flat_field *code = given(row, "delist_code");
    if (code == NULL)
        return missing(detail, "delist_code");
    if (code->kind == QLAB_FLAT_BOOL || !qlab_delist_code_parse(code->text, &out->code))
        return reject(detail, QLAB_FEED_BAD_TYPE, "delist_code", code->text);
    if (!isnan(out->delist_return) && out->delist_return < -1.0)
        return reject(detail, QLAB_FEED_BAD_VALUE, "delist_return",
                      given(row, "delist_return")->text);
    out->source = take_text(row, "source", a);
    out->source_code = take_text(row, "delist_code", a);
    return QLAB_FEED_OK;
}
