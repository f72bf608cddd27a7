#include "truth/action.h"

#include "base/alloc.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SAME_EVENT_DAYS = 5 };

static const char *const type_names[QLAB_ACTION_TYPES] = {"split", "dividend_cash",
                                                          "untyped_factor"};
static const char *const source_names[QLAB_SOURCES] = {"feed", "factor_feed", "derived"};

const char *qlab_action_type_name(uint8_t type)
{
    assert(type < QLAB_ACTION_TYPES);
    return type_names[type];
}

const char *qlab_action_source_name(uint8_t source)
{
    assert(source < QLAB_SOURCES);
    return source_names[source];
}

const char *qlab_confidence_name(uint8_t confidence)
{
    static const char *const names[] = {"high", "medium", "low"};
    assert(confidence <= QLAB_CONFIDENCE_LOW);
    return names[confidence];
}

static bool find_name(const char *const *names, size_t n, qlab_str s, uint8_t *out)
{
    for (size_t i = 0; i < n; i++)
        if (qlab_str_eq(s, qlab_str_of(names[i]))) {
            *out = (uint8_t)i;
            return true;
        }
    return false;
}

bool qlab_action_type_parse(qlab_str s, uint8_t *type)
{
    return find_name(type_names, QLAB_ACTION_TYPES, s, type);
}

bool qlab_action_source_parse(qlab_str s, uint8_t *source)
{
    return find_name(source_names, QLAB_SOURCES, s, source);
}

int qlab_action_cmp(const void *pa, const void *pb)
{
    const qlab_action *a = pa, *b = pb;
    if (a->asset_ix != b->asset_ix)
        return a->asset_ix < b->asset_ix ? -1 : 1;
    if (a->ex_date != b->ex_date)
        return a->ex_date < b->ex_date ? -1 : 1;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    return strcmp(a->source_id, b->source_id);
}

bool qlab_action_same_key(const qlab_action *a, const qlab_action *b)
{
    return qlab_action_cmp(a, b) == 0;
}

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

bool qlab_action_same_values(const qlab_action *a, const qlab_action *b)
{
    return same_number(a->r, b->r) && same_number(a->d, b->d) && same_number(a->c, b->c) &&
           same_number(a->c_low, b->c_low) && same_number(a->c_high, b->c_high) &&
           strcmp(a->currency, b->currency) == 0 && a->withdrawn == b->withdrawn;
}

/* ---- which facts are applied ------------------------------------------------------------------
 */

typedef struct resolver {
    qlab_action *rows;
    size_t n;
    uint8_t *drop;
    qlab_closes_fn closes;
    void *ctx;
    qlab_action_finding **findings;
    size_t *n_findings, cap_findings;
} resolver;

static void note(resolver *z, qlab_action_finding f)
{
    if (z->findings == NULL)
        return;
    qlab_grow((void **)z->findings, &z->cap_findings, *z->n_findings + 1, sizeof f);
    (*z->findings)[(*z->n_findings)++] = f;
}

bool qlab_actions_implied_factor(const qlab_action *rows, size_t n, qlab_closes_fn closes,
                                 void *ctx, double c[2])
{
    double r = 1.0, d = 0.0, product = 1.0, before = NAN, at = NAN;
    for (size_t i = 0; i < n; i++) {
        const qlab_action *a = &rows[i];
        if (a->source != QLAB_SOURCE_FEED)
            product *= a->in_basis ? 1.0 : a->c;
        else if (a->type == QLAB_ACTION_SPLIT)
            r *= a->in_basis ? 1.0 : a->r;
        else
            d += a->d;
    }
    c[0] = c[1] = product * r;
    if (d == 0.0)
        return true;
    if (closes == NULL || !closes(ctx, rows[0].asset_ix, rows[0].ex_date, &before, &at))
        return false;
    c[0] = d < before ? r / (1.0 - d / before) : INFINITY;
    c[1] = r + d / at;
    return true;
}

/* Product of the factors and of their intervals. */
static void stated_factor(const resolver *z, size_t from, size_t to, qlab_action_finding *f)
{
    f->other = f->other_low = f->other_high = 1.0;
    for (size_t i = from; i < to; i++) {
        f->other *= z->rows[i].c;
        f->other_low *= z->rows[i].c_low;
        f->other_high *= z->rows[i].c_high;
    }
}

/* Compares the kept rows with one lesser source; true when they say the same. */
static bool compare(resolver *z, size_t kept, size_t kept_end, size_t other, size_t other_end,
                    const char *code_when_same)
{
    double c[2];
    if (!qlab_actions_implied_factor(z->rows + kept, kept_end - kept, z->closes, z->ctx, c))
        return false;
    qlab_action_finding f = {.asset_ix = z->rows[kept].asset_ix,
                             .ex_date = z->rows[kept].ex_date,
                             .code = "FACTOR_DISAGREES",
                             .kept_source = z->rows[kept].source,
                             .other_source = z->rows[other].source,
                             .other_date = z->rows[other].ex_date,
                             .kept = c[0]};
    stated_factor(z, other, other_end, &f);
    bool same = (c[0] >= f.other_low && c[0] <= f.other_high) ||
                (c[1] >= f.other_low && c[1] <= f.other_high);
    if (same == (code_when_same != NULL)) {
        if (code_when_same != NULL)
            f.code = code_when_same;
        note(z, f);
    }
    return same;
}

static size_t source_end(const resolver *z, size_t i, size_t end)
{
    size_t j = i;
    while (j < end && z->rows[j].source == z->rows[i].source)
        j++;
    return j;
}

static size_t date_end(const resolver *z, size_t i)
{
    size_t j = i;
    while (j < z->n && z->rows[j].asset_ix == z->rows[i].asset_ix &&
           z->rows[j].ex_date == z->rows[i].ex_date)
        j++;
    return j;
}

static void resolve_date(resolver *z, size_t from, size_t to)
{
    size_t kept_end = source_end(z, from, to);
    for (size_t i = kept_end, end; i < to; i = end) {
        end = source_end(z, i, to);
        compare(z, from, kept_end, i, end, NULL);
        memset(z->drop + i, 1, end - i);
    }
}

/* A date that only a lesser source has, next to a feed's that only the feed has. */
static void resolve_neighbour(resolver *z, size_t feed, size_t other)
{
    size_t feed_end = date_end(z, feed), other_end = date_end(z, other);
    if (z->rows[feed].source != QLAB_SOURCE_FEED || z->rows[other].source == QLAB_SOURCE_FEED ||
        z->drop[other] || source_end(z, feed, feed_end) != feed_end)
        return;
    if (compare(z, feed, feed_end, other, other_end, "EX_DATE_DISAGREES"))
        memset(z->drop + other, 1, other_end - other);
}

/* Splits that the prices already hold, and dividends per share of those prices. */
static void put_in_basis(resolver *z, size_t from, size_t to)
{
    double later = 1.0;
    for (size_t i = to; i-- > from;) {
        qlab_action *a = &z->rows[i];
        if (a->source == QLAB_SOURCE_DERIVED)
            continue;
        if (a->type == QLAB_ACTION_SPLIT) {
            a->in_basis = true;
            later *= a->r;
        } else if (a->source == QLAB_SOURCE_FEED) {
            a->d /= later;
        }
    }
}

/* ---- several feeds ----------------------------------------------------------------------------
 */

/* Who says it: what stands before the first ':' of source_id. */
static qlab_str origin_of(const qlab_action *a)
{
    return (qlab_str){a->source_id, strcspn(a->source_id, ":")};
}

/* Rows that would be applied together: of a feed one type of a date, of factors all of it. */
static bool together(const qlab_action *a, const qlab_action *b)
{
    return a->asset_ix == b->asset_ix && a->ex_date == b->ex_date && a->source == b->source &&
           (a->source != QLAB_SOURCE_FEED || a->type == b->type);
}

static double stated_value(const qlab_action *a)
{
    if (a->source != QLAB_SOURCE_FEED)
        return a->c;
    return a->type == QLAB_ACTION_SPLIT ? a->r : a->d;
}

/* Two feeds that tell of one event must not apply it twice: of rows [from, to) those of the first
 * origin in byte order stay, so that the order of loading does not matter.  Returns how many. */
static size_t keep_one_origin(resolver *z, size_t from, size_t to, qlab_action *out)
{
    qlab_str best = origin_of(&z->rows[from]);
    size_t kept = 0, first = from;

    for (size_t i = from + 1; i < to; i++) {
        const qlab_str o = origin_of(&z->rows[i]);
        if (qlab_str_cmp(o, best) < 0) {
            best = o;
            first = i;
        }
    }
    const qlab_action head = z->rows[first];
    for (size_t i = from; i < to; i++) {
        const qlab_action a = z->rows[i];
        if (qlab_str_eq(origin_of(&a), best)) {
            out[kept++] = a;
            continue;
        }
        bool said = false;
        for (size_t k = from; k < to && !said; k++)
            said = qlab_str_eq(origin_of(&z->rows[k]), best) &&
                   same_number(stated_value(&z->rows[k]), stated_value(&a));
        if (!said)
            note(z, (qlab_action_finding){.asset_ix = a.asset_ix,
                                          .ex_date = a.ex_date,
                                          .code = "FEEDS_DISAGREE",
                                          .kept_source = head.source,
                                          .other_source = a.source,
                                          .other_date = a.ex_date,
                                          .kept = stated_value(&head),
                                          .other = stated_value(&a),
                                          .other_low = NAN,
                                          .other_high = NAN});
    }
    return kept;
}

static size_t merge_feeds(resolver *z)
{
    qlab_action *kept = qlab_alloc(z->n, sizeof *kept);
    size_t n = 0;

    for (size_t i = 0, end; i < z->n; i = end) {
        for (end = i + 1; end < z->n && together(&z->rows[i], &z->rows[end]);)
            end++;
        n += keep_one_origin(z, i, end, kept + n);
    }
    if (n > 0)
        memcpy(z->rows, kept, n * sizeof *kept);
    qlab_free(kept);
    return n;
}

size_t qlab_actions_resolve(qlab_action *rows, size_t n, qlab_basis price_basis,
                            qlab_closes_fn closes, void *ctx, qlab_action_finding **findings,
                            size_t *n_findings)
{
    resolver z = {.rows = rows,
                  .n = n,
                  .drop = qlab_alloc_zero(n, 1),
                  .closes = closes,
                  .ctx = ctx,
                  .findings = findings,
                  .n_findings = n_findings};
    if (findings != NULL) {
        *findings = NULL;
        *n_findings = 0;
    }
    z.n = n = merge_feeds(&z);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && rows[end].asset_ix == rows[i].asset_ix;)
            end++;
        if (price_basis == QLAB_BASIS_SPLIT_ADJUSTED)
            put_in_basis(&z, i, end);
        for (size_t a = i; a < end; a = date_end(&z, a))
            resolve_date(&z, a, date_end(&z, a));
        for (size_t a = i, b; a < end; a = b) {
            b = date_end(&z, a);
            if (b < end && rows[b].ex_date - rows[a].ex_date <= SAME_EVENT_DAYS) {
                resolve_neighbour(&z, a, b);
                resolve_neighbour(&z, b, a);
            }
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!z.drop[i])
            rows[kept++] = rows[i];
    qlab_free(z.drop);
    return kept;
}

/* ---- delisting codes ------------------------------------------------------------------------- */

static const char *const delist_names[QLAB_DELIST_CODES] = {
    "merger",      "acquired_cash", "exchange_move", "symbol_change",
    "performance", "bankruptcy",    "liquidation",   "unknown"};

const char *qlab_delist_code_name(uint8_t code)
{
    assert(code < QLAB_DELIST_CODES);
    return delist_names[code];
}

static uint8_t of_crsp(int code)
{
    if (code >= 200 && code <= 299)
        return QLAB_DELIST_MERGER;
    if (code >= 300 && code <= 399)
        return QLAB_DELIST_EXCHANGE_MOVE;
    if (code >= 400 && code <= 499)
        return QLAB_DELIST_LIQUIDATION;
    if (code == 574)
        return QLAB_DELIST_BANKRUPTCY;
    if (code == 500 || (code >= 520 && code <= 584))
        return QLAB_DELIST_PERFORMANCE;
    return QLAB_DELIST_UNKNOWN;
}

bool qlab_delist_code_parse(qlab_str s, uint8_t *code)
{
    for (size_t i = 0; i < QLAB_DELIST_CODES; i++)
        if (s.n == strlen(delist_names[i]) && strncasecmp(s.at, delist_names[i], s.n) == 0) {
            *code = (uint8_t)i;
            return true;
        }
    if (s.n != 3)
        return false;
    int number = 0;
    for (size_t i = 0; i < 3; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        number = number * 10 + (s.at[i] - '0');
    }
    *code = of_crsp(number);
    return true;
}
